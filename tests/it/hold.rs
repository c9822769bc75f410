//! A hold on an environment: nothing is deployed there until it ends.

use crate::audit::lines;
use crate::support::{World, host};

fn hold(world: &World, words: &[&str]) -> crate::support::Ran {
    world.cairn("site.git", &[&["hold", "live", "--reason", "the press is here"], words].concat())
}

fn deploy(world: &World, content: &str) -> crate::support::Ran {
    world.commit("dev", "page", content);
    world.git("dev", &["push", "origin", "main:live"])
}

#[test]
fn nothing_is_deployed_to_an_environment_that_is_held() {
    let world = host();
    deploy(&world, "2").ok();
    hold(&world, &["--for", "2h"]).ok();
    let said = deploy(&world, "3").exits(1);
    said.says("live is held: by ").says(" until ").says("the press is here").says("git cairn release live");
    world.git("dev", &["push", "origin", ":live"]).exits(1).says("live is held");
    world.git("dev", &["push", "--quiet", "origin", "main", "main:test"]).ok();
    world.cairn("dev", &["rollback", "live", "--yes"]).exits(10);
    assert_eq!(
        world.cairn("site.git", &["release", "live"]).ok().out().split(';').next(),
        Some("live takes deployments again")
    );
    world.cairn("site.git", &["release", "live"]).exits(8).says("live is not held");
    world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    let what: Vec<_> =
        lines(&world).into_iter().filter(|line| line["subject"] == "live").map(|line| line["what"].clone()).collect();
    assert_eq!(what, ["hold", "release"]);
    let refused = lines(&world).into_iter().filter(|line| line["rule"] == "hold").count();
    assert_eq!(refused, 2);
}

#[test]
fn a_hold_ends_by_itself_and_one_that_nobody_understands_does_not() {
    let world = host();
    hold(&world, &["--for", "1h"]).ok();
    let file = world.path("site.git/cairn/holds/live.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let until = text.split("\"until\":\"").nth(1).unwrap().split('"').next().unwrap();
    std::fs::write(&file, text.replace(until, "2020-01-01T00:00:00Z")).unwrap();
    deploy(&world, "2").ok();
    world.cairn("site.git", &["release", "live"]).exits(8);
    std::fs::write(&file, "{").unwrap();
    deploy(&world, "3").exits(1).says("says nothing that can be understood");
    world.cairn("site.git", &["release", "live"]).ok();
    deploy(&world, "4").ok();
}

#[test]
fn a_rollback_holds_what_it_went_back_to() {
    let world = host();
    let first = world.deployed("live", "2");
    world.deployed("live", "3");
    let plan = world.cairn("dev", &["rollback", "live", "--hold", "--plan", "--json"]).ok().json();
    assert_eq!((&plan["hold"], &plan["target"]), (&true.into(), &first.clone().into()));
    let id = plan["plan_id"].as_str().unwrap();
    world.cairn("dev", &["rollback", "live", "--confirm", id]).exits(4);
    world.cairn("dev", &["rollback", "live", "--hold", "--note", "it was broken", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "live"), first);
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).exits(6).says("it was broken");
    world.cairn("site.git", &["release", "live"]).ok();
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    world.git("dev", &["push", "--quiet", "origin", ":refs/heads/none"]);
    world.cairn("dev", &["deploy", "live", "--hold"]).exits(2);
}

#[test]
fn what_cannot_be_held_is_refused() {
    let world = host();
    let hold = |words: &[&str]| world.cairn("site.git", &[&["hold"], words].concat());
    hold(&["dev", "--reason", "x"]).exits(5).says("cairnProtect");
    hold(&["nowhere", "--reason", "x"]).exits(10);
    hold(&["live"]).exits(2);
    hold(&["live", "--reason", " "]).exits(2);
    hold(&["live", "--reason", "x", "--for", "0s"]).exits(2).says("git cairn release live");
    world.cairn("site.git", &["release", "nowhere"]).exits(10);
    let document = hold(&["live", "--reason", "x\u{1b}[2J", "--json"]).ok().json();
    assert_eq!(
        (&document["hold"]["environment"], &document["hold"]["until"]),
        (&"live".into(), &serde_json::Value::Null)
    );
    hold(&["live", "--reason", "y"]).ok().says("this takes the place of the hold by");
}
