//! What changes without a hook is found by the next worker that looks, and by the next push.

use crate::support::{World, host, until};
use std::process::Stdio;

/// Lets a worker look once, and returns the backups it made.
fn look(world: &World) -> Vec<String> {
    world.cairn("site.git", &["worker", "--once"]).ok().stdout.lines().map(str::to_owned).collect()
}

/// A host with more branches, all of it backed up.
fn quiet_host() -> World {
    let world = host();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main", "main:gone", "main~1:refs/heads/old"]).ok();
    assert_eq!(look(&world), Vec::<String>::new(), "a push leaves nothing to find");
    world
}

#[test]
fn every_kind_of_change_without_a_hook_is_found_once_and_comes_back() {
    let world = quiet_host();
    world.git(".", &["clone", "--quiet", "--bare", "site.git", "elsewhere.git"]).ok();
    world.git("elsewhere.git", &["update-ref", "refs/heads/fetched", "main"]).ok();
    let changes: [&[&str]; 12] = [
        &["update-ref", "refs/heads/new", "main"],
        &["update-ref", "refs/heads/main", "main~1"],
        &["update-ref", "-d", "refs/heads/gone"],
        &["tag", "-f", "light", "main"],
        &["tag", "-f", "-a", "-m", "words", "light", "main"],
        &["symbolic-ref", "refs/heads/alias", "refs/heads/main"],
        &["symbolic-ref", "refs/heads/alias", "refs/heads/nowhere"],
        &["symbolic-ref", "HEAD", "refs/heads/old"],
        &["symbolic-ref", "HEAD", "refs/heads/unborn"],
        &["update-ref", "--no-deref", "HEAD", "refs/heads/old"],
        &["fetch", "--quiet", "../elsewhere.git", "refs/heads/*:refs/heads/*"],
        &["notes", "add", "-m", "words", "main"],
    ];
    for change in changes {
        world.git("site.git", change).ok();
        let before = world.exact("site.git");
        let made = look(&world);
        assert_eq!(made.len(), 1, "{change:?}");
        assert_eq!(look(&world), Vec::<String>::new(), "{change:?} is found again");
        let newest = &world.backups("site.git")[0];
        assert_eq!((&newest["id"], &newest["initiator"]), (&made[0].as_str().into(), &"automatic".into()));
        assert_eq!(newest["environment"], "dev");
        world.cairn("site.git", &["restore", &made[0], "--to", "../back.git", "--bare"]).ok();
        assert_eq!(world.exact("back.git"), before, "{change:?}");
        std::fs::remove_dir_all(world.path("back.git")).unwrap();
    }
}

#[test]
fn a_repack_is_no_change() {
    let world = quiet_host();
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    world.git("site.git", &["pack-refs", "--all"]).ok();
    assert_eq!(look(&world), Vec::<String>::new());
}

#[test]
fn the_next_push_brings_along_what_changed_without_a_hook() {
    let world = quiet_host();
    world.git("site.git", &["update-ref", "refs/heads/new", "main"]).ok();
    world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    let shown = world.cairn("site.git", &["backup", "show", "live_1", "--json"]).ok().json();
    let list = shown["backup"]["ref_list"].as_array().unwrap();
    assert!(list.iter().any(|one| one["name"] == "refs/heads/new"));
    assert_eq!(look(&world), Vec::<String>::new());
}

#[test]
fn a_worker_that_a_push_started_looks_for_nothing_else() {
    let world = quiet_host();
    world.git("site.git", &["update-ref", "refs/heads/new", "main"]).ok();
    let made = world.cairn("site.git", &["worker", "--once", "--detached"]).ok();
    assert_eq!(made.stdout, "");
    assert_eq!(look(&world).len(), 1);
}

#[test]
fn a_backup_made_by_hand_leaves_nothing_to_find() {
    let world = quiet_host();
    world.git("site.git", &["symbolic-ref", "HEAD", "refs/heads/unborn"]).ok();
    world.cairn("site.git", &["backup", "create"]).ok();
    assert_eq!(look(&world), Vec::<String>::new());
}

#[test]
fn a_change_is_queued_once_however_often_it_is_found() {
    let world = quiet_host();
    world.git("site.git", &["update-ref", "refs/heads/new", "main"]).ok();
    std::fs::rename(world.path("site.cairn"), world.path("away")).unwrap();
    std::fs::write(world.path("site.cairn"), "").unwrap();
    for _ in 0..3 {
        world.cairn("site.git", &["worker", "--once"]).exits(13);
    }
    std::fs::remove_file(world.path("site.cairn")).unwrap();
    std::fs::rename(world.path("away"), world.path("site.cairn")).unwrap();
    assert_eq!(look(&world).len(), 1);
}

#[test]
fn with_deployments_only_a_worker_that_looks_backs_up_the_rest() {
    let world = quiet_host();
    world.git("site.git", &["config", "cairn.snapshot", "deployments"]).ok();
    let tip = world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let made = look(&world);
    assert_eq!(made.len(), 1);
    let shown = world.cairn("site.git", &["backup", "show", &made[0], "--json"]).ok().json();
    assert_eq!(shown["backup"]["commit"], tip.as_str());
}

#[test]
fn a_worker_that_stays_looks_too() {
    let world = quiet_host();
    let before = world.backups("site.git").len();
    world.git("site.git", &["update-ref", "refs/heads/new", "main"]).ok();
    let mut worker = world.in_folder("site.git", crate::support::GIT_CAIRN);
    let mut worker = worker.arg("worker").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the worker finds the branch", || world.backups("site.git").len() == before + 1);
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[test]
fn clones_are_told_of_a_config_that_changed() {
    let world = host();
    world.git("site.git", &["config", "cairn.tagTemplate", "deploy/{env}-{n}"]).ok();
    world.git("site.git", &["config", "cairn.live.from", "dev"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok().says("deploy/live-1 is");
    assert_eq!(world.deployments("dev", &[])[0]["tag"], "deploy/live-1");
    // What it changed itself it has backed up as well.
    let told = world.tip("site.git", "refs/meta/cairn");
    let backups = world.backups("site.git").len();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!((world.tip("site.git", "refs/meta/cairn"), world.backups("site.git").len()), (told, backups));
}
