//! `git cairn doctor --trial-push`: real pushes through the hooks as they stand, of which nothing stays.

use crate::support::{GIT_CAIRN, World, bare_host, host, host_with, run};
use serde_json::Value;
use std::path::Path;

/// Runs it, and returns its rows about pushes, by name.
fn rows(world: &World) -> Vec<(String, String, String)> {
    let mut doctor = world.in_folder("site.git", "git");
    std::fs::create_dir_all(world.path("aside")).unwrap();
    let found =
        run(doctor.args(["cairn", "doctor", "--trial-push", "--json"]).env("TMPDIR", world.path("aside"))).json();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let rows = found["checks"].as_array().unwrap().iter().filter(|row| text(row, "name").starts_with("trial"));
    let rows = rows.map(|row| (text(row, "name"), text(row, "level"), text(row, "text") + &text(row, "fix"))).collect();
    assert_eq!(std::fs::read_dir(world.path("aside")).unwrap().count(), 0, "nothing stays aside");
    rows
}

#[track_caller]
fn row<'a>(rows: &'a [(String, String, String)], name: &str, level: &str) -> &'a str {
    let row = rows.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("no {name} in {rows:?}"));
    assert_eq!(row.1, level, "{row:?}");
    &row.2
}

/// Everything that a push could change.
fn state(world: &World) -> impl PartialEq + std::fmt::Debug {
    let objects = world.listing("site.git/objects");
    let audit = world.git("site.git", &["cairn", "audit", "--json"]).stdout;
    (world.exact("site.git"), world.backups("site.git"), objects, audit, world.listing("site.cairn"))
}

#[test]
fn pushes_are_tried_and_nothing_stays_of_them() {
    let world = bare_host(&[]);
    for hook in ["pre-receive", "post-receive"] {
        let ran = world.path(&format!("{hook}-ran"));
        world.script(&format!("site.git/hooks/{hook}"), &format!("cat >/dev/null; touch '{}'", ran.display()));
    }
    world.git(".", &["clone", "--quiet", "site.git", "www"]).ok();
    let live = format!("live=live:{}", world.path("www").display());
    world.cairn("site.git", &["setup", "--env", &live]).ok();
    world.git("site.git", &["config", "cairn.onFailure", &format!("touch '{}'", world.path("failed").display())]).ok();
    world.deployed("live", "2");
    for hook in ["pre-receive-ran", "post-receive-ran"] {
        std::fs::remove_file(world.path(hook)).unwrap();
    }
    world.cairn("site.git", &["worker", "--once"]).ok();
    let before = state(&world);
    let served = world.listing("www");
    let rows = rows(&world);
    assert_eq!(rows.len(), 3, "{rows:?}");
    let said = row(&rows, "trial-push", "ok");
    assert!(said.starts_with("a push to main is accepted: "), "{said}");
    let said = row(&rows, "trial-deployment", "ok");
    assert!(said.contains("success: test deployed for the first time: test_1"), "{said}");
    let said = row(&rows, "trial-rewind", "ok");
    assert!(said.starts_with("a push that drops commits to main is refused: error: "), "{said}");
    assert!(!world.path("pre-receive-ran").exists() && !world.path("post-receive-ran").exists(), "found hooks rest");
    assert_eq!(state(&world), before);
    assert_eq!(world.listing("www"), served);
    assert!(!world.path("failed").exists());
    // Without the flag no push is tried.
    let plain = world.cairn("site.git", &["doctor"]).ok();
    assert!(!plain.stdout.contains("trial-"), "{}", plain.stdout);
}

#[test]
fn what_the_hooks_say_no_to_is_told() {
    let world = host();
    world.git("site.git", &["config", "cairnProtect.refs/heads/main.rewind", "sometimes"]).ok();
    let tried = rows(&world);
    let said = row(&tried, "trial-push", "error");
    assert!(said.contains("is refused: error: ") && said.contains("sometimes"), "{said}");
    world.cairn("site.git", &["doctor", "--trial-push"]).exits(1);
    world.git("site.git", &["config", "--unset", "cairnProtect.refs/heads/main.rewind"]).ok();

    // What the policy allows is kept all the same.
    for guard in ["warn", "off"] {
        world.git("site.git", &["config", "cairn.guard", guard]).ok();
        let tried = rows(&world);
        assert!(row(&tried, "trial-rewind", "ok").contains("is accepted"), "{tried:?}");
    }
    world.git("site.git", &["config", "receive.advertisePushOptions", "false"]).ok();
    let tried = rows(&world);
    assert!(row(&tried, "trial-deployment", "error").contains("push options"), "{tried:?}");
    // What mends it is a row of its own.
    let doctor = world.cairn("site.git", &["doctor", "--json"]).exits(1).json();
    let found = doctor["checks"].as_array().unwrap().iter().find(|row| row["name"] == "push-options").unwrap().clone();
    run(world.in_folder("site.git", "sh").args(["-c", found["fix"].as_str().unwrap()])).ok();
    row(&rows(&world), "trial-deployment", "ok");
}

#[test]
fn hooks_that_do_not_run_are_not_pushed_through() {
    let world = host();
    std::fs::remove_file(world.path("site.git/hooks/post-receive")).unwrap();
    let tried = rows(&world);
    let said = row(&tried, "trial-push", "error");
    assert!(said.contains("no push could be tried: the hooks do not run"), "{said}");
    let doctor = world.cairn("site.git", &["doctor", "--trial-push", "--json"]).json();
    let found = doctor["checks"].as_array().unwrap().iter().find(|row| row["name"] == "trial-push").unwrap().clone();
    run(world.in_folder("site.git", "sh").args(["-c", found["fix"].as_str().unwrap()])).ok();
    row(&rows(&world), "trial-push", "ok");
}

/// Only a push tells it from ours: it looks well where it is tried out, and lets everything pass.
#[test]
fn a_program_that_only_says_that_it_runs_is_found_out_and_replaced() {
    let world = host();
    let body = "cat >/dev/null; [ -z \"$CAIRN_TRIAL\" ] || echo 'success: it runs' >&2";
    for program in ["cairn-pre-receive", "cairn-post-receive"] {
        let idle = world.script(program, body).display().to_string();
        let hook = world.path("site.git/hooks").join(program.trim_start_matches("cairn-"));
        let text = std::fs::read_to_string(&hook).unwrap();
        let ours = Path::new(GIT_CAIRN).with_file_name(program).display().to_string();
        assert!(text.contains(&ours), "{text}");
        std::fs::write(&hook, text.replace(&ours, &idle)).unwrap();
    }
    let doctor = world.cairn("site.git", &["doctor", "--trial-push", "--json"]).exits(1).json();
    let all = doctor["checks"].as_array().unwrap();
    let level = |name: &str| all.iter().find(|row| row["name"] == name).unwrap()["level"].as_str().unwrap().to_owned();
    assert_eq!(["pre-receive", "post-receive"].map(level), ["ok", "ok"]);
    let tried: Vec<_> = all.iter().filter(|row| row["name"].as_str().unwrap().starts_with("trial-")).collect();
    assert_eq!(tried.iter().filter(|row| row["level"] == "error").count(), 3, "{tried:?}");
    let fix = tried[2]["fix"].as_str().unwrap();
    assert!(tried.iter().all(|row| row["fix"] == fix));
    run(world.in_folder("site.git", "sh").args(["-c", fix])).ok();
    assert!(rows(&world).iter().all(|row| row.1 == "ok"));
}

#[test]
fn a_hook_of_a_shared_folder_rests_too() {
    let world = bare_host(&[]);
    std::fs::create_dir(world.path("shared")).unwrap();
    let ran = world.path("ran");
    world.script("shared/pre-receive", &format!("cat >/dev/null; touch '{}'", ran.display()));
    world.git("site.git", &["config", "core.hooksPath", world.path("shared").to_str().unwrap()]).ok();
    world.cairn("site.git", &["setup"]).ok();
    row(&rows(&world), "trial-push", "ok");
    assert!(!ran.exists());
    world.deployed("live", "2");
    assert!(ran.exists());
}

#[test]
fn an_empty_repository_and_one_of_sha256_take_a_trial() {
    let world = World::new();
    world.bare("site.git", &["--object-format=sha256"]);
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("site.git", &["setup"]).ok();
    let tried = rows(&world);
    for name in ["trial-push", "trial-deployment", "trial-rewind"] {
        row(&tried, name, "ok");
    }
    let world = host_with(&[], &["--env", "dev=main"]);
    row(&rows(&world), "trial-rewind", "ok");
}
