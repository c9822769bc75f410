//! Backups go when their time has come, never the newest good one, and what goes on purpose is never taken for lost.

use crate::support::{World, host, read};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A host with `count` backups of dev, each with a commit of its own, and their ids, oldest first.
fn with_backups(count: usize) -> (World, Vec<String>) {
    let world = host();
    let first = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    let mut ids = vec![first];
    for n in 1..count {
        world.commit("dev", &format!("file{n}"), &format!("content {n}\n").repeat(50));
        world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
        ids.push(world.backups("site.git")[0]["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(world.backups("site.git").len(), count);
    (world, ids)
}

fn folder(world: &World, id: &str) -> PathBuf {
    world.path(&format!("site.cairn/site/backups/{id}"))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes backups look as if their retention had ended long ago, as docs/format.md defines them: every later manifest names
/// the digest of the one before it, so all are sealed anew.
fn grow_old(world: &World, ids: &[String], old: &[&String]) {
    let mut digests: Vec<(String, String)> = vec![];
    for id in ids {
        let path = folder(world, id).join("manifest.json");
        if !path.exists() {
            continue;
        }
        let before = read(&path);
        let mut text = String::from_utf8(before.clone()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let digest = json["digest"].as_str().unwrap().to_owned();
        text = text.replacen(&digest, NO_DIGEST, 1);
        if old.contains(&id) {
            text = text.replacen(json["keep_until"].as_str().unwrap(), "2020-01-01T00:00:00Z", 1);
        }
        for (from, to) in &digests {
            text = text.replace(from, to);
        }
        let fresh = sha256(text.as_bytes());
        text = text.replacen(NO_DIGEST, &fresh, 1);
        std::fs::write(&path, &text).unwrap();
        let sums = folder(world, id).join("SHA256SUMS");
        let listed = String::from_utf8(read(&sums)).unwrap();
        std::fs::write(&sums, listed.replace(&sha256(&before), &sha256(text.as_bytes()))).unwrap();
        digests.push((digest, fresh));
    }
}

fn ids(world: &World) -> Vec<String> {
    let mut ids: Vec<_> = world.backups("site.git").iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    ids.reverse();
    ids
}

#[test]
fn what_has_expired_goes_with_the_segments_that_it_alone_named() {
    let (world, all) = with_backups(4);
    grow_old(&world, &all, &[&all[1], &all[2], &all[3]]);
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    assert_eq!(ids(&world), [all[0].clone(), all[3].clone()], "what has expired is not listed, but for the newest");
    let hidden = world.cairn("site.git", &["backup", "list", "--expired", "--json"]).ok().json();
    assert_eq!(hidden["backups"].as_array().unwrap().len(), 2);
    let planned = world.cairn("site.git", &["backup", "expire", "--dry-run"]).ok();
    assert!(folder(&world, &all[1]).exists());
    let did = world.cairn("site.git", &["backup", "expire"]).ok();
    assert_eq!(planned.stdout.replace("would remove", "removed"), did.stdout);
    assert_eq!(did.stdout.lines().count(), 2, "their segments are named by the newest: {}", did.stdout);
    assert!(!folder(&world, &all[1]).exists() && !folder(&world, &all[2]).exists());
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    world.cairn(".", &["restore", &all[3], "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.identity("back.git"), world.identity("site.git"));
    world.cairn("site.git", &["backup", "show", &all[1]]).exits(10).says("its retention had ended");
    assert_eq!(world.cairn("site.git", &["backup", "expire"]).ok().out(), "nothing to remove");
}

#[test]
fn every_run_of_the_worker_removes_what_has_expired() {
    let (world, all) = with_backups(3);
    grow_old(&world, &all, &[&all[0], &all[1], &all[2]]);
    world.cairn("site.git", &["worker", "--once"]).ok().says(&format!("removed {}", all[0]));
    assert_eq!(ids(&world), [all[2].clone()]);
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    // The next backup is later than all there ever were, and the one before it is named.
    world.commit("dev", "page", "next");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(ids(&world).len(), 1, "now the older one goes as well");
    assert!(ids(&world)[0] > all[2]);
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn a_push_looks_for_what_has_expired_when_its_time_may_have_come() {
    let (world, all) = with_backups(3);
    let push = |text: &str| {
        world.at_rest();
        world.commit("dev", "page", text);
        world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
        world.at_rest();
    };
    push("the next");
    grow_old(&world, &ids(&world), &[&all[0]]);
    push("nothing was due for days, said the last look");
    assert!(folder(&world, &all[0]).exists());
    world.git("site.git", &["config", "cairn.keepAutomatic", "0d"]).ok();
    push("what is due at once has all looked at");
    assert!(!folder(&world, &all[0]).exists() && folder(&world, &all[1]).exists());
    let before = ids(&world);
    push("and the one of before goes");
    assert_eq!(ids(&world).len(), before.len(), "{before:?}");
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn pushes_do_not_read_ever_more_manifests_until_the_next_look() {
    let (world, _) = with_backups(1);
    world.cairn("site.git", &["worker", "--once"]).ok();
    let noted = || std::fs::read_to_string(world.path("site.git/cairn/expiry.json")).unwrap();
    let before = noted();
    for n in 0..20 {
        world.commit("dev", "page", &format!("push {n}"));
        world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
        world.at_rest();
    }
    let (all, after) = (ids(&world), noted());
    let position = |noted: &str| all.iter().position(|id| noted.contains(id.as_str())).unwrap();
    assert!(position(&before) + 10 < position(&after), "{before} {after} {all:?}");
}

#[test]
fn a_deleted_backup_takes_nothing_from_the_others_and_is_remembered() {
    let (world, all) = with_backups(4);
    world.cairn("site.git", &["backup", "delete", &all[1], "--reason", " "]).exits(2).says("say why");
    world.cairn("site.git", &["backup", "delete", &all[1]]).exits(2);
    world.cairn("site.git", &["backup", "delete", &all[3], "--reason", "no"]).exits(5).says("backup create");
    world.cairn("site.git", &["backup", "delete", &all[1], "--reason", "it holds a password"]).ok();
    assert_eq!(ids(&world), [all[0].clone(), all[2].clone(), all[3].clone()]);
    world.cairn("site.git", &["backup", "show", &all[1]]).exits(10).says("it holds a password");
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    for id in [&all[0], &all[2], &all[3]] {
        world.cairn(".", &["restore", id, "--store", "site.cairn", "--to", &format!("{id}.git"), "--bare"]).ok();
        world.health(&format!("{id}.git"));
    }
}

#[test]
fn a_lost_manifest_is_told_apart_from_one_that_expired() {
    let (world, all) = with_backups(4);
    grow_old(&world, &all, &[&all[0], &all[2]]);
    std::fs::remove_dir_all(folder(&world, &all[1])).unwrap();
    let of_the_lost = world.path(&format!("site.cairn/site/code/{}.bundle", all[1]));
    assert!(of_the_lost.exists());
    // Only the third names the second, which is lost: it must not go, or nothing would tell.
    let said = world.cairn("site.git", &["backup", "expire"]).ok().says("alone tells");
    assert!(said.stderr.contains("no segment is removed") && of_the_lost.exists(), "{}", said.stderr);
    assert!(said.stdout.contains(&all[0]) && !said.stdout.contains(&format!("removed {}", all[2])));
    let verified = world.cairn("site.git", &["backup", "verify", "--all"]).exits(12);
    assert!(verified.stdout.contains(&all[1]) && !verified.stdout.contains(&all[0]), "{}", verified.stdout);
}

#[test]
fn no_segment_goes_while_a_manifest_cannot_be_read() {
    let (world, all) = with_backups(3);
    grow_old(&world, &all, &[&all[0]]);
    let path = folder(&world, &all[1]).join("manifest.json");
    let whole = read(&path);
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let stray = world.path("site.cairn/site/code/20200101-000000-0000.bundle");
    std::fs::write(&stray, "of nobody").unwrap();
    world.cairn("site.git", &["backup", "expire"]).ok().says("no segment is removed");
    assert!(stray.exists());
    std::fs::write(&path, whole).unwrap();
    world.cairn("site.git", &["backup", "expire"]).ok();
    assert!(!stray.exists());
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn a_removal_that_was_cut_short_is_ended_by_the_next_run() {
    let (world, all) = with_backups(3);
    grow_old(&world, &all, &[&all[0]]);
    let kept = world.listing("site.cairn/site/backups");
    world.cairn("site.git", &["backup", "expire"]).ok();
    // As if the run had died right after the tombstone.
    for (path, mode, content) in kept.iter().filter(|(path, ..)| path.starts_with(folder(&world, &all[0]))) {
        std::fs::create_dir_all(folder(&world, &all[0])).unwrap();
        if mode & 0o100 == 0 {
            std::fs::write(path, content).unwrap();
        }
    }
    assert!(!ids(&world).contains(&all[0]), "what has a tombstone is no more");
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    world.cairn("site.git", &["backup", "expire"]).ok();
    assert!(!folder(&world, &all[0]).exists());
}

#[test]
fn a_damaged_tombstone_is_damage() {
    let world = host();
    world.deployed("live", "2");
    world.deployed("live", "3");
    let all = ids(&world);
    let live =
        world.backups("site.git").iter().filter(|one| one["tag"] == "live_1").map(|one| one["id"].clone()).next();
    let id = live.unwrap().as_str().unwrap().to_owned();
    assert!(all.contains(&id));
    world.cairn("site.git", &["backup", "delete", &id, "--reason", "a trial"]).ok();
    let path = world.path(&format!("site.cairn/site/tombstones/{id}.json"));
    let mut bytes = read(&path);
    bytes[40] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let found = world.cairn("site.git", &["backup", "verify", "--all"]).exits(12);
    assert!(found.stdout.contains(&format!("tombstones/{id}.json")), "{}", found.stdout);
}
