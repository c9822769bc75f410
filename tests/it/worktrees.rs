//! Linked work trees: what only the HEAD of one keeps alive is in the backup too.

use crate::support::{World, host, host_with, missing_peer};
use std::fs::File;

/// Adds a linked work tree whose HEAD is on no branch, with a commit that nothing else names, and returns that.
fn detached_work_tree(world: &World, name: &str) -> String {
    world.git("site.git", &["worktree", "add", "--quiet", "--detach", &format!("../{name}"), "main"]).ok();
    world.commit(name, "page", name)
}

/// Makes a backup and returns its id and its warnings.
fn backed_up(world: &World, folder: &str) -> (String, String) {
    let made = world.cairn(folder, &["backup", "create"]).ok().out().to_owned();
    let manifest = std::fs::read(world.path("site.cairn/site/backups").join(&made).join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    (made, manifest["warnings"].to_string())
}

/// Restores a backup when its repository is gone, and checks that it has the commit and nothing that leads there.
#[track_caller]
fn comes_back_without_its_work_tree(world: &World, backup: &str, commit: &str) {
    world.cairn(".", &["restore", backup, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    world.git("back.git", &["rev-list", "--objects", commit]).ok();
    world.git("back.git", &["worktree", "add", "--quiet", "--detach", "../again", commit]).ok();
    assert_eq!(world.tip("again", "HEAD"), commit);
    assert!(!world.refs("back.git").contains(commit), "{}", world.refs("back.git"));
    world.cairn(".", &["backup", "verify", backup, "--store", "site.cairn"]).ok();
    std::fs::remove_dir_all(world.path("back.git")).unwrap();
    std::fs::remove_dir_all(world.path("again")).unwrap();
}

#[test]
fn the_commit_of_a_linked_work_tree_is_kept_and_named_and_becomes_no_reference() {
    let world = host();
    let commit = detached_work_tree(&world, "wt");
    world.git("site.git", &["worktree", "add", "--quiet", "-b", "topic", "../on-a-branch", "main"]).ok();
    let (backup, warnings) = backed_up(&world, "site.git");
    assert!(warnings.contains(&format!("work tree wt stands on {commit}")), "{warnings}");
    assert!(!warnings.contains("on-a-branch"), "{warnings}");
    let before = world.exact("site.git");
    world.remove("site.git");
    world.cairn(".", &["restore", &backup, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), before);
    std::fs::remove_dir_all(world.path("back.git")).unwrap();
    comes_back_without_its_work_tree(&world, &backup, &commit);
}

#[test]
fn a_backup_may_build_upon_the_commit_of_a_work_tree() {
    let world = host();
    let first = detached_work_tree(&world, "wt");
    backed_up(&world, "site.git");
    let second = world.commit("wt", "page", "more");
    world.git("site.git", &["update-ref", "refs/heads/saved", &second]).ok();
    let (backup, _) = backed_up(&world, "site.git");
    assert_eq!(world.tip("wt", "HEAD~1"), first);
    world.cairn(".", &["restore", &backup, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), world.exact("site.git"));
    // By hand as well, bundle after bundle, as RESTORE.md has it.
    world.bare("hand.git", &[]);
    let sums = std::fs::read_to_string(world.path("site.cairn/site/backups").join(&backup).join("SHA256SUMS")).unwrap();
    for (n, segment) in sums.lines().filter_map(|line| line.split_once("../../")).enumerate() {
        let segment = world.path("site.cairn/site").join(segment.1);
        let into = format!("+refs/*:refs/hand/{n}/*");
        world.git("hand.git", &["fetch", "--quiet", segment.to_str().unwrap(), &into]).ok();
    }
    world.git("hand.git", &["rev-list", "--objects", &second]).ok();
}

#[test]
fn the_first_backup_of_a_packed_repository_has_it() {
    let world = crate::support::bare_host(&[]);
    let commit = detached_work_tree(&world, "wt");
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    world.cairn("site.git", &["setup"]).ok();
    comes_back_without_its_work_tree(&world, "dev", &commit);
}

#[test]
fn the_work_tree_may_be_gone_before_its_backup_is_made() {
    let world = host();
    world.git("site.git", &["config", "cairn.hookBudget", "0s"]).ok();
    let commit = detached_work_tree(&world, "wt");
    let held = File::options().write(true).open(world.path("site.git/cairn/snapshot.lock")).unwrap();
    held.lock().unwrap();
    world.deployed("live", "2");
    world.git("site.git", &["worktree", "remove", "--force", "../wt"]).ok();
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    drop(held);
    world.cairn("site.git", &["worker", "--once"]).ok();
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    world.git("site.git", &["cat-file", "-e", &commit]).exits(1);
    comes_back_without_its_work_tree(&world, "live_1", &commit);
}

#[test]
fn started_in_a_linked_work_tree_it_is_the_repository_that_is_backed_up() {
    let world = host();
    let commit = detached_work_tree(&world, "wt");
    let (backup, warnings) = backed_up(&world, "wt");
    assert!(warnings.contains(&commit));
    world.cairn(".", &["restore", &backup, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), world.exact("site.git"));
}

#[test]
fn a_commit_in_a_linked_work_tree_is_found_by_the_worker() {
    let world = host();
    let commit = detached_work_tree(&world, "wt");
    let made = world.cairn("site.git", &["worker", "--once"]).ok().out().to_owned();
    assert_eq!(made.lines().count(), 1, "{made}");
    assert_eq!(world.cairn("site.git", &["worker", "--once"]).ok().out(), "");
    comes_back_without_its_work_tree(&world, &made, &commit);
}

#[test]
fn a_work_tree_whose_commit_is_lost_stops_no_backup() {
    let world = host();
    detached_work_tree(&world, "wt");
    std::fs::write(world.path("site.git/worktrees/wt/HEAD"), format!("{}\n", "1".repeat(40))).unwrap();
    std::fs::write(world.path("site.git/worktrees/stray"), "").unwrap();
    let (_, warnings) = backed_up(&world, "site.git");
    assert!(!warnings.contains("work tree"), "{warnings}");
}

#[test]
fn the_work_trees_of_a_reftable_are_kept_too() {
    let world = World::new();
    if world.git(".", &["init", "--quiet", "--bare", "--ref-format=reftable", "probe.git"]).code != 0 {
        return missing_peer("the_work_trees_of_a_reftable_are_kept_too", "a git that knows reftables");
    }
    let world = host_with(&["--ref-format=reftable"], &[]);
    let commit = detached_work_tree(&world, "wt");
    world.git("site.git", &["worktree", "add", "--quiet", "-b", "topic", "../on-a-branch", "main"]).ok();
    let (backup, warnings) = backed_up(&world, "site.git");
    assert!(warnings.contains(&commit) && !warnings.contains("on-a-branch"), "{warnings}");
    comes_back_without_its_work_tree(&world, &backup, &commit);
}
