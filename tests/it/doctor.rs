//! `git cairn doctor`: each line is seen both well and not, and the command it names mends it.

use crate::support::{World, bare_host, host, run};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn check(world: &World, name: &str) -> Value {
    let found = world.cairn("site.git", &["doctor", "--json"]).json();
    assert_eq!(found["schema"], 1);
    let found = found["checks"].as_array().unwrap();
    // Of several of a name, the worst.
    let rank = |check: &&Value| ["ok", "warning", "error"].iter().position(|level| check["level"] == *level).unwrap();
    found.iter().filter(|check| check["name"] == name).max_by_key(rank).unwrap_or_else(|| panic!("no {name}")).clone()
}

/// Breaks something, sees the line that says so, types what it names, and sees it well again.
#[track_caller]
fn mended(world: &World, name: &str, level: &str, damage: impl FnOnce(&World)) {
    assert_eq!(check(world, name)["level"], "ok", "{name} before");
    damage(world);
    let broken = check(world, name);
    assert_eq!(broken["level"], level, "{broken}");
    let code = world.cairn("site.git", &["doctor"]).code;
    assert_eq!(code, i32::from(level == "error"), "{broken}");
    let fix = broken["fix"].as_str().unwrap();
    run(world.in_folder("site.git", "sh").args(["-c", fix])).ok();
    assert_eq!(check(world, name)["level"], "ok", "{name} after {fix}");
}

fn set(key: &'static str, value: &'static str) -> impl FnOnce(&World) {
    move |world| drop(world.git("site.git", &["config", key, value]).ok())
}

#[test]
fn what_its_config_says() {
    let world = host();
    mended(&world, "push-options", "error", set("receive.advertisePushOptions", "false"));
    mended(&world, "hide-refs", "error", |world| {
        world.git("site.git", &["config", "--unset-all", "transfer.hideRefs"]).ok();
    });
    mended(&world, "deny-non-fast-forwards", "warning", set("receive.denyNonFastForwards", "true"));
    mended(&world, "deny-deletes", "warning", set("receive.denyDeletes", "true"));
    mended(&world, "gc", "warning", set("gc.pruneExpire", "now"));
    mended(&world, "guard", "warning", set("cairn.guard", "warn"));
    mended(&world, "guard", "warning", set("cairn.guard", "off"));
    mended(&world, "guard-pause", "warning", |world| {
        world.cairn("site.git", &["guard", "pause", "--for", "1h", "--reason", "a trial"]).ok();
    });
}

#[test]
fn what_its_hooks_do() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/pre-receive", "touch ran");
    world.cairn("site.git", &["setup"]).ok();
    mended(&world, "pre-receive", "error", |world| {
        std::fs::set_permissions(world.path("site.git/hooks/pre-receive"), PermissionsExt::from_mode(0o644)).unwrap();
    });
    mended(&world, "post-receive", "error", |world| {
        std::fs::remove_file(world.path("site.git/hooks/post-receive")).unwrap();
    });
    mended(&world, "pre-receive", "error", |world| {
        let hook = world.path("site.git/hooks/pre-receive");
        let text = std::fs::read_to_string(&hook).unwrap();
        std::fs::write(&hook, text.replace("program=", "program=/gone")).unwrap();
    });
    assert_eq!(check(&world, "hooks-path")["level"], "ok");
    assert!(!world.path("site.git/ran").exists(), "a trial reaches no found hook");
}

#[test]
fn what_lies_on_its_disk() {
    let world = host();
    let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    mended(&world, "modes", "warning", |world| mode(&world.path("site.cairn"), 0o755));
    mended(&world, "modes", "warning", |world| mode(&world.path("site.git/cairn/jobs.db"), 0o666));
    // Everything of a test lies on one disk.
    assert_eq!(check(&world, "disk")["level"], "warning");
    for name in ["store", "room", "jobs-disk", "clock", "programs", "audit", "ownership"] {
        assert_eq!(check(&world, name)["level"], "ok", "{name}");
    }
    world.git("site.git", &["config", "cairn.reserve", "900TiB"]).ok();
    assert_eq!(check(&world, "room")["level"], "error");
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    std::fs::rename(world.path("site.cairn"), world.path("away")).unwrap();
    let gone = check(&world, "store");
    assert!(gone["level"] == "error" && gone["text"].as_str().unwrap().contains("is it mounted?"), "{gone}");
    assert!(!world.path("site.cairn").exists(), "a look makes no store");
    std::fs::rename(world.path("away"), world.path("site.cairn")).unwrap();
    if rustix::process::geteuid().is_root() {
        mended(&world, "ownership", "warning", |world| {
            std::os::unix::fs::chown(world.path("site.git/refs/heads/main"), Some(12_345), None).unwrap();
        });
    }
}

#[test]
fn what_a_large_repository_lacks() {
    let world = host();
    let mut stream = String::from("reset refs/heads/many\n");
    for n in 0..5_100 {
        let text = format!("{n}");
        stream += &format!(
            "commit refs/heads/many\ncommitter A <a@b> {} +0000\ndata 1\nx\nM 100644 inline f\ndata {}\n{text}\n\n",
            1_600_000_000 + n,
            text.len()
        );
    }
    world.feed("site.git", &["fast-import", "--quiet"], stream.as_bytes());
    let missing = |world: &World| drop(world.git("site.git", &["config", "gc.auto", "0"]).ok());
    missing(&world);
    let fix = |name: &str| {
        let found = check(&world, name);
        assert_eq!(found["level"], "warning", "{found}");
        run(world.in_folder("site.git", "sh").args(["-c", found["fix"].as_str().unwrap()])).ok();
        assert_eq!(check(&world, name)["level"], "ok", "{name}");
    };
    fix("changed");
    fix("commit-graph");
    fix("bitmap");
}

#[test]
fn what_became_of_jobs_and_backups() {
    let world = host();
    mended(&world, "changed", "warning", |world| {
        world.git("site.git", &["update-ref", "refs/heads/topic", "main"]).ok();
    });
    mended(&world, "backup", "warning", |world| {
        world.git("site.git", &["update-ref", "refs/heads/live", "main"]).ok();
        world.cairn("site.git", &["worker", "--once"]).ok();
    });
    mended(&world, "jobs", "error", |world| {
        world.git("site.git", &["config", "cairn.reserve", "900TiB"]).ok();
        world.commit("dev", "page", "2");
        world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
        world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    });
}

#[test]
fn an_audit_that_was_altered_is_an_error() {
    let world = host();
    world.deployed("live", "2");
    let audit = world.path("site.git/cairn/audit.jsonl");
    let text = std::fs::read_to_string(&audit).unwrap();
    std::fs::write(&audit, text.replacen("live", "test", 1)).unwrap();
    let found = check(&world, "audit");
    assert_eq!(found["level"], "error", "{found}");
    run(world.in_folder("site.git", "sh").args(["-c", found["fix"].as_str().unwrap()])).exits(12);
}

#[test]
fn many_repositories_are_looked_at_at_once() {
    let world = host();
    let said = world.cairn(".", &["doctor", "--sites", "."]).ok();
    assert!(said.stdout.contains("site.git: 1 warning; disk: "), "{}", said.stdout);
    world.git("site.git", &["config", "receive.advertisePushOptions", "false"]).ok();
    world.cairn(".", &["doctor", "--sites", "."]).exits(1).says("push-options").says("hint: git config receive.adv");
    world.cairn("dev", &["doctor"]).exits(10).says("git cairn setup");
}
