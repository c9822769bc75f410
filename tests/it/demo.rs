//! The demo is the first thing a stranger runs.

use crate::support::{GIT_CAIRN, World, copy_program, run};
use std::process::Command;

/// Runs the demo as on a machine where nobody is known and nothing is configured.
fn demo(program: &std::path::Path, words: &[&str]) -> crate::support::Ran {
    let path = std::env::var_os("PATH").unwrap();
    run(Command::new(program).env_clear().env("PATH", path).arg("demo").args(words))
}

#[test]
fn it_needs_no_identity_no_home_and_no_other_binary() {
    let alone = tempfile::tempdir().unwrap();
    let program = alone.path().join("git-cairn");
    copy_program(GIT_CAIRN, &program);
    let ran = demo(&program, &[]).ok();
    assert!(ran.stdout.contains("$ git -C clone cairn rollback live --yes"), "{}", ran.stdout);
    assert!(ran.stdout.trim_end().lines().last().unwrap().starts_with("7  "), "{}", ran.stdout);
}

#[test]
fn it_ends_in_one_document_where_json_is_asked_for() {
    let ran = demo(GIT_CAIRN.as_ref(), &["--json"]).ok();
    let acts = ran.json()["acts"].as_array().unwrap().clone();
    assert_eq!(acts.len(), 7);
    assert!(acts.iter().all(|act| act["ok"] == true));
}

#[test]
fn it_keeps_what_it_made_where_that_is_wanted_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    demo(GIT_CAIRN.as_ref(), &["--keep", folder.to_str().unwrap()]).ok();
    assert!(folder.join("site.git/HEAD").exists() && folder.join("site.cairn/RESTORE.md").exists());
    demo(GIT_CAIRN.as_ref(), &["--keep", folder.to_str().unwrap()]).exits(13);
}

#[test]
fn it_fails_when_an_act_does_not_do_what_it_says() {
    let world = World::new();
    // A git that says it rolled back and did nothing: the act must look for itself.
    let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join("git"))
        .find(|git| git.exists())
        .unwrap();
    let git = format!("for word; do [ \"$word\" = rollback ] && exit 0; done\nexec {} \"$@\"", real.display());
    world.script("git", &git);
    let path = std::env::join_paths(
        [world.path("")].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let ran = run(Command::new(GIT_CAIRN).env_clear().env("PATH", path).arg("demo")).exits(1);
    assert!(ran.stdout.contains("FAILED"), "{}", ran.stdout);
}
