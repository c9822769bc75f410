//! Taking back what was done, from the clone it was done in.

use crate::support::{World, host};
use serde_json::Value;

impl World {
    /// Returns what the clone lists as done, newest first.
    #[track_caller]
    pub fn operations(&self, clone: &str) -> Vec<Value> {
        self.cairn(clone, &["undo", "--list", "--json"]).ok().json()["operations"].as_array().unwrap().clone()
    }
}

#[test]
fn a_deployment_is_taken_back() {
    let world = host();
    let one = world.deployed("live", "2");
    let two = world.commit("dev", "page", "3");
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    let plan = world.cairn("dev", &["undo", "--plan", "--json"]).ok().json();
    assert_eq!((&plan["operation"], &plan["ref"]), (&"undo".into(), &"refs/heads/live".into()));
    assert_eq!((&plan["expect_remote"], &plan["target"]), (&two.clone().into(), &one.clone().into()));
    assert_eq!(plan["commits"][0]["id"], two);
    world.cairn("dev", &["undo"]).exits(7).says("undo deploy of live").says("--yes");
    let undone = world.cairn("dev", &["undo", "--yes", "--json"]).ok().json();
    assert_eq!((&undone["operation"], &undone["result"]), (&"undo".into(), &one.clone().into()));
    assert_eq!(world.tip("site.git", "live"), one);
    // The host marks it as what it is: a rollback.
    assert_eq!(world.deployments("dev", &["live"])[0]["rollback"], true);
    world.cairn("dev", &["undo", "--yes"]).exits(8);
}

#[test]
fn a_rollback_and_a_first_deployment_are_taken_back() {
    let world = host();
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    let two = world.commit("dev", "page", "3");
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    world.cairn("dev", &["rollback", "live", "--yes"]).ok();
    world.cairn("dev", &["undo", "--yes"]).ok().says("undo rollback of live");
    assert_eq!(world.tip("site.git", "live"), two);
    world.cairn("dev", &["undo", "--yes"]).ok();
    world.cairn("dev", &["undo", "--yes"]).ok().says("-> nothing on ");
    world.git("site.git", &["rev-parse", "--verify", "--quiet", "refs/heads/live"]).exits(1);
    let states: Vec<_> = world.operations("dev").iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["done", "done", "done", "undone", "undone", "undone"]);
}

#[test]
fn whoever_built_on_a_deployment_keeps_it() {
    let world = host();
    world.deployed("live", "2");
    world.commit("dev", "page", "3");
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    let theirs = world.deployed("live", "4");
    world.cairn("dev", &["undo", "--yes"]).exits(4).says("somebody has built on it").says("git cairn deploy");
    assert_eq!(world.tip("site.git", "live"), theirs);
    world
        .git(
            "dev",
            &[
                "push",
                "--quiet",
                "--force",
                "-o",
                &format!("cairn.rewind=refs/heads/live:{theirs}:{}", world.tip("dev", "main~2")),
                "origin",
                "main~2:live",
            ],
        )
        .ok();
    world.cairn("dev", &["undo", "--yes"]).exits(4).says("moved elsewhere");
}

/// Somebody who deploys between our look and our push stands in the clone's own pre-push hook.
#[test]
fn a_race_against_an_undo_is_lost_without_loss() {
    let world = host();
    world.deployed("live", "2");
    world.commit("dev", "page", "3");
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    let theirs = world.tip("site.git", "main");
    let host = world.path("site.git");
    world.script(
        "dev/.git/hooks/pre-push",
        &format!("git --git-dir='{}' update-ref refs/heads/live {theirs}", host.display()),
    );
    world.cairn("dev", &["undo", "--yes"]).exits(4);
    assert_eq!(world.tip("site.git", "live"), theirs);
    assert_eq!(world.operations("dev")[0]["state"], "abandoned");
}

#[test]
fn an_operation_is_named_by_the_start_of_its_id() {
    let world = host();
    world.cairn("dev", &["undo", "--list"]).ok().says("nothing was done here");
    world.cairn("dev", &["undo"]).exits(8);
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok();
    let operations = world.operations("dev");
    assert_eq!((&operations[0]["ref"], &operations[1]["ref"]), (&"refs/heads/live".into(), &"refs/heads/test".into()));
    world.cairn("dev", &["undo", "2"]).exits(2).says("more than one");
    world.cairn("dev", &["undo", "nothing"]).exits(10);
    let test = operations[1]["id"].as_str().unwrap();
    world.cairn("dev", &["undo", test, "--yes"]).ok().says("undo deploy of test");
    world.cairn("dev", &["undo", test, "--yes"]).exits(8).says("taken back already");
    let list = world.cairn("dev", &["undo", "--list"]).ok();
    assert!(list.stdout.contains("taken back") && list.stdout.contains("test  nothing -> "), "{}", list.stdout);
}

#[test]
fn a_plan_to_undo_is_confirmed_by_its_id_or_its_file() {
    let world = host();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok();
    let plan = world.cairn("dev", &["undo", "--plan", "--json"]).ok();
    std::fs::write(world.path("plan.json"), &plan.stdout).unwrap();
    world.cairn("dev", &["undo", "--confirm", "0123456789"]).exits(4);
    world.cairn("dev", &["undo", "--confirm", &plan.json()["plan_id"].as_str().unwrap()[..16]]).ok();
    let path = world.path("plan.json").display().to_string();
    world.cairn("dev", &["undo", "--apply", &path]).exits(8);
    world.cairn("dev", &["deploy", "test", "--apply", &path, "--json"]).exits(2);
}

#[test]
fn what_takes_a_shared_commit_from_a_branch_warns_of_other_clones_and_names_a_way_that_does_not() {
    let world = host();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("dev", &["revert", "HEAD", "--yes"]).ok();
    let plan = world.cairn("dev", &["undo", "--plan", "--json"]).ok().json();
    let warning = &plan["warnings"][0];
    assert_eq!(warning["code"], "clones-unseen");
    let (_, typed) = warning["text"].as_str().unwrap().rsplit_once(": git cairn ").unwrap();
    let words: Vec<_> = typed.split(' ').chain(["--yes"]).collect();
    world.cairn("dev", &words).ok();
    assert_eq!(world.git("dev", &["show", "origin/main:page"]).ok().out(), "2");
    // Nobody builds on what is served.
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    world.commit("dev", "page", "3");
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    assert_eq!(world.cairn("dev", &["undo", "--plan", "--json"]).ok().json()["warnings"], serde_json::json!([]));
}
