//! A pause of the guard: for an emergency, told to every push, and over by itself.

use crate::audit::lines;
use crate::support::{World, host};

fn pause(world: &World, span: &str) -> crate::support::Ran {
    world.cairn("site.git", &["guard", "pause", "--for", span, "--reason", "an emergency"])
}

#[test]
fn every_push_is_told_of_a_pause_and_it_ends_by_itself() {
    let world = host();
    pause(&world, "1h").ok();
    let begun = lines(&world).pop().unwrap();
    assert_eq!((&begun["what"], &begun["reason"]), (&"pause".into(), &"an emergency".into()));
    assert_eq!(begun["who"]["transport"], "host");
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main"]).ok().says("warning: the guard is paused until").says("an emergency");
    // An hour later.
    let file = world.path("site.git/cairn/pause.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let until = text.split("\"until\":\"").nth(1).unwrap().split('"').next().unwrap();
    std::fs::write(&file, text.replace(until, "2020-01-01T00:00:00Z")).unwrap();
    world.commit("dev", "page", "3");
    let push = world.git("dev", &["push", "origin", "main"]).ok();
    assert!(!push.stderr.contains("paused"), "{}", push.stderr);
    pause(&world, "0s").exits(8);
}

#[test]
fn a_pause_is_ended_before_its_time() {
    let world = host();
    pause(&world, "0s").exits(8).says("not paused");
    pause(&world, "2h").ok();
    assert_eq!(pause(&world, "0s").ok().out(), "the guard is in force again");
    world.commit("dev", "page", "2");
    assert!(!world.git("dev", &["push", "origin", "main"]).ok().stderr.contains("paused"));
}

#[test]
fn what_the_guard_would_refuse_is_told_and_written_down() {
    let world = host();
    let old = world.tip("dev", "main");
    let tip = world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let rewind = || world.git("dev", &["push", "--force", "origin", &format!("{old}:main")]);
    rewind().exits(1).says("error: ");
    pause(&world, "1h").ok();
    world.git("dev", &["push", "origin", "main:refs/tags/live_9"]).exits(1).says("the mark of a deployment");
    rewind().ok().says("warning: ").says("would go from");
    assert_eq!(world.tip("site.git", "main"), old);
    pause(&world, "0s").ok();
    world.git("site.git", &["config", "cairn.guard", "warn"]).ok();
    world.git("dev", &["push", "--quiet", "origin", &format!("{tip}:main")]).ok();
    rewind().ok().says("warning: ").says("would go from");
    let report = world.cairn("site.git", &["audit", "--would-refuse", "--json"]).ok().json();
    let verdicts: Vec<_> = report["lines"].as_array().unwrap().iter().map(|line| line["verdict"].clone()).collect();
    assert_eq!(verdicts, ["would-refuse", "paused"]);
    assert_eq!(report["rules"], serde_json::json!({"protected": 2}));
    world.cairn("site.git", &["audit", "--would-refuse"]).ok().says("protected would have refused 2 pushes");
}

#[test]
fn a_pause_lets_pushes_by_an_audit_and_a_config_that_are_broken() {
    let world = host();
    std::fs::rename(world.path("site.git/cairn/audit.jsonl"), world.path("away")).unwrap();
    std::fs::create_dir(world.path("site.git/cairn/audit.jsonl")).unwrap();
    world.git("site.git", &["config", "cairn.live.branch", "main"]).ok();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main"]).exits(1).says("share the branch main");
    assert_eq!(pause(&world, "1h").exits(2).stdout, "", "what is not understood has to be mended by hand");
    world.git("site.git", &["config", "--unset", "cairn.live.branch"]).ok();
    pause(&world, "1h").ok().says("warning: the audit cannot be written");
    world.git("site.git", &["config", "cairn.live.branch", "main"]).ok();
    world.git("dev", &["push", "origin", "main"]).ok().says("warning: environments").says("warning: the audit");
    assert_eq!(world.tip("site.git", "main"), world.tip("dev", "main"));
}

#[test]
fn what_makes_no_sense_is_no_pause() {
    let world = host();
    pause(&world, "8d").exits(2).says("cairn.guard");
    pause(&world, "soon").exits(2);
    world.cairn("site.git", &["guard", "pause", "--for", "1h", "--reason", " "]).exits(2).says("say why");
    world.cairn("site.git", &["guard", "pause", "--for", "1h"]).exits(2);
    world
        .cairn("dev", &["guard", "pause", "--for", "1h", "--reason", "x"])
        .exits(10)
        .says("site.git cairn guard pause");
    // A file that nobody understands pauses nothing.
    std::fs::write(world.path("site.git/cairn/pause.json"), "{\"until\":").unwrap();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main"]).ok().says("warning: ").says("the guard is in force");
    pause(&world, "1h").ok();
}
