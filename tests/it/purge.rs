//! Destroying what was dropped: everything that reaches it is named, no push relies on it, and what stays says that it was.

use crate::audit::{lines, verify};
use crate::support::{Ran, World, host, run, until};
use serde_json::Value;
use std::process::Stdio;

/// A host on which a commit with a secret was rewound away; the world, the secret's blob, and the rescue.
fn leaked() -> (World, String, String) {
    let world = host();
    world.git("site.git", &["config", "cairn.snapshot", "deployments"]).ok();
    let good = world.tip("dev", "main");
    let bad = world.commit("dev", "secret", "hunter2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let blob = world.tip("dev", &format!("{bad}:secret"));
    world.git("dev", &["reset", "--quiet", "--hard", &good]).ok();
    let option = format!("cairn.rewind=refs/heads/main:{bad}:{good}");
    world.git("dev", &["push", "--quiet", "--force", "-o", &option, "origin", "main"]).ok();
    let id = rescues(&world)[0]["id"].as_str().unwrap().to_owned();
    (world, blob, id)
}

fn rescues(world: &World) -> Vec<Value> {
    world.cairn("site.git", &["rescue", "list", "--json"]).ok().json()["rescues"].as_array().unwrap().clone()
}

fn purge(world: &World, id: &str, words: &[&str]) -> Ran {
    world.cairn("site.git", &[&["rescue", "purge", id, "--reason", "a password"], words].concat())
}

fn is_there(world: &World, id: &str) -> bool {
    world.git("site.git", &["cat-file", "-e", id]).code == 0
}

/// Case 66, its second half.
#[test]
pub fn case_66_what_is_purged_is_gone_and_that_it_was_is_not() {
    let (world, blob, id) = leaked();
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    assert!(is_there(&world, &blob), "a rescue survives git gc --prune=now");
    let before = world.tip("site.git", "main");
    let purged = purge(&world, &id[..18], &["--json"]).ok().json();
    assert!(purged["objects"].as_u64().unwrap() >= 3, "{purged}");
    assert_eq!((&purged["left"], &purged["backups"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert!(!is_there(&world, &blob));
    assert_eq!(world.tip("site.git", "main"), before);
    let told = &rescues(&world)[0];
    assert_eq!(
        (&told["id"], &told["purged"], &told["reason"]),
        (&id.clone().into(), &true.into(), &"a password".into())
    );
    assert!(world.cairn("site.git", &["rescue", "list"]).ok().stdout.contains("purged by"));
    assert!(lines(&world).iter().any(|line| line["what"] == "purge" && line["subject"] == id.as_str()));
    verify(&world).ok();
    purge(&world, &id, &[]).exits(10);
    world.cairn("site.git", &["rescue", "recover", &id]).exits(10);
    world.health("site.git");
    // The colleague who has it still is kept from bringing it back.
    world.git("dev", &["reset", "--quiet", "--hard", "ORIG_HEAD"]).ok();
    world.git("dev", &["push", "origin", "HEAD:again"]).exits(1).says("dropped on purpose");
    world.git("dev", &["reset", "--quiet", "--hard", "origin/main"]).ok();
    world.commit("dev", "page", "on we go");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("site.git", &["backup", "create"]).ok();
    world.health("site.git");
}

#[test]
fn what_else_reaches_it_and_what_backups_hold_it_is_named_and_nothing_is_done() {
    let (world, blob, id) = leaked();
    let commit = rescues(&world)[0]["old"].as_str().unwrap().to_owned();
    world.git("site.git", &["update-ref", "refs/heads/again", &commit]).ok();
    let before = (world.refs("site.git"), lines(&world).len());
    purge(&world, &id, &[]).exits(5).says("reached by refs/heads/again").says("nothing was purged");
    purge(&world, &id, &["--leave-backups"]).exits(5);
    assert_eq!((world.refs("site.git"), lines(&world).len()), before);
    world.git("site.git", &["update-ref", "-d", "refs/heads/again"]).ok();
    let backup = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
    let refs = world.refs("site.git");
    purge(&world, &id, &[]).exits(5).says(&backup).says("--leave-backups");
    assert_eq!(world.refs("site.git"), refs);
    assert!(is_there(&world, &blob));
    purge(&world, &id, &["--leave-backups"]).ok().says("warning: ").says(&backup);
    assert!(!is_there(&world, &blob));
    world.cairn("site.git", &["backup", "verify", &backup]).ok();
}

/// A branch that is deleted takes only what no other reference reaches, then and now.
#[test]
fn a_deleted_branch_is_purged_unless_another_has_some_of_it() {
    let world = host();
    world.git("site.git", &["config", "cairn.snapshot", "deployments"]).ok();
    world.git("dev", &["checkout", "--quiet", "-b", "topic"]).ok();
    let first = world.commit("dev", "secret", "1");
    let second = world.commit("dev", "secret", "2");
    world.git("dev", &["push", "--quiet", "origin", "topic"]).ok();
    world.git("dev", &["push", "--quiet", "origin", ":topic"]).ok();
    let id = rescues(&world)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(rescues(&world)[0]["dropped"], 2);
    world.git("site.git", &["tag", "-a", "-m", "half of it", "half", &first]).ok();
    purge(&world, &id, &[]).exits(5).says("reached by refs/tags/half").says("1 of the 2 commits");
    assert!(is_there(&world, &second));
    world.git("site.git", &["tag", "-d", "half"]).ok();
    purge(&world, &id, &[]).ok();
    assert!(!is_there(&world, &first) && !is_there(&world, &second));
    world.health("site.git");
}

/// A purge that something stops after it has named what it is about to destroy.
#[test]
fn what_a_purge_did_not_get_to_is_listed_once_and_as_not_purged() {
    let (world, blob, id) = leaked();
    world.script("site.git/hooks/reference-transaction", "exit 1");
    assert_ne!(purge(&world, &id, &[]).code, 0);
    std::fs::remove_file(world.path("site.git/hooks/reference-transaction")).unwrap();
    assert!(world.path("site.git/cairn/purged").read_dir().unwrap().next().is_some() && is_there(&world, &blob));
    let listed = rescues(&world);
    assert_eq!((listed.len(), &listed[0]["purged"]), (1, &false.into()));
    purge(&world, &id, &[]).ok();
    let listed = rescues(&world);
    assert_eq!((listed.len(), &listed[0]["purged"]), (1, &true.into()));
}

#[test]
fn what_makes_no_sense_purges_nothing() {
    let (world, blob, id) = leaked();
    world.cairn("site.git", &["rescue", "purge", &id]).exits(2);
    world.cairn("site.git", &["rescue", "purge", &id, "--reason", " "]).exits(2);
    purge(&world, "20200101", &[]).exits(10);
    assert!(is_there(&world, &blob));
}

#[test]
fn objects_that_are_kept_elsewhere_are_named() {
    let (world, blob, id) = leaked();
    world.git("site.git", &["repack", "--quiet", "-a", "-d", "--keep-unreachable"]).ok();
    let packs = std::fs::read_dir(world.path("site.git/objects/pack")).unwrap().flatten().map(|entry| entry.path());
    for pack in packs.filter(|path| path.extension().is_some_and(|ending| ending == "pack")) {
        std::fs::write(pack.with_extension("keep"), "").unwrap();
    }
    purge(&world, &id, &[]).exits(9).says(".keep");
    assert!(is_there(&world, &blob));
    assert_eq!(rescues(&world)[0]["purged"], true);
}

/// A push that is half in when the purge begins is waited for; one that comes meanwhile is refused.
#[test]
fn a_purge_waits_for_pushes_and_pushes_for_a_purge() {
    let (world, blob, id) = leaked();
    world.wrap_hook(
        "site.git",
        "post-receive",
        "cat >/dev/null\ntouch ../inside\nwhile [ -e ../hold ]; do sleep 0.02; done",
    );
    std::fs::write(world.path("hold"), "").unwrap();
    world.commit("dev", "page", "slow");
    let mut slow = world.in_folder("dev", "git");
    let mut slow = slow.args(["push", "--quiet", "origin", "main"]).stderr(Stdio::null()).spawn().unwrap();
    until("the push is inside", || world.path("inside").exists());
    purge(&world, &id, &["--wait", "0s"]).exits(11).says("still under way");
    assert!(is_there(&world, &blob));
    std::thread::scope(|scope| {
        let purging = scope.spawn(|| purge(&world, &id, &[]));
        let lock = world.path("site.git/cairn/purge.lock");
        let held = || std::fs::File::open(&lock).is_ok_and(|file| file.try_lock_shared().is_err());
        until("the purge waits", held);
        let mut push = world.in_folder("dev", "git");
        run(push.args(["push", "origin", "main:meanwhile"])).exits(1).says("objects are being purged");
        std::fs::remove_file(world.path("hold")).unwrap();
        assert!(slow.wait().unwrap().success());
        purging.join().unwrap().ok();
    });
    assert!(!is_there(&world, &blob));
    world.git("dev", &["push", "--quiet", "origin", "main:meanwhile"]).ok();
    world.health("site.git");
}
