//! Segments that are too large to be read object by object while somebody waits.

use crate::support::{Random, World, bare_host, read, until};
use std::path::PathBuf;

/// More than is read at once.
const LARGE: usize = 17 << 20;

/// A host that is not set up, whose one pack is large and has a bitmap.
fn large_host() -> World {
    let world = bare_host(&[]);
    std::fs::write(world.path("dev/large"), Random::new(8).bytes(LARGE)).unwrap();
    world.commit("dev", "page", "with something large");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git("site.git", &["repack", "-a", "-d", "-b", "-q"]).ok();
    world
}

fn verified(world: &World) -> bool {
    world.backups("site.git").iter().all(|one| one["elements"][0]["verified_at"].is_string())
}

fn base(world: &World) -> PathBuf {
    let mut files = std::fs::read_dir(world.path("site.cairn/site/code")).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.to_str().unwrap().ends_with("-base.bundle")).expect("a chain that begins with a copied pack")
}

/// Holds the lock of whoever reads in the background.
fn kept_from_reading(world: &World) -> std::fs::File {
    std::fs::create_dir_all(world.path("site.git/cairn")).unwrap();
    let lock = std::fs::File::create(world.path("site.git/cairn/prove.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

#[test]
fn a_large_pack_is_copied_and_read_in_the_background() {
    let world = large_host();
    let kept = kept_from_reading(&world);
    world.cairn("site.git", &["setup"]).ok().says("verified in the background");
    assert!(!verified(&world));
    assert!(world.cairn("site.git", &["backup", "list"]).ok().stdout.contains("not yet"));
    // What is built upon it meanwhile says what it relied on, and restores: then all of it is read first.
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok().says("verified in the background");
    let id = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    let manifest = read(&world.path(&format!("site.cairn/site/backups/{id}/manifest.json")));
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["relied_on"][0]["checked"], serde_json::json!(["digest"]));
    assert!(manifest["relied_on"][0]["verified_at"].is_null());
    world.cairn(".", &["restore", &id, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.refs("back.git"), world.refs("site.git"));
    world.health("back.git");
    drop(kept);
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert!(verified(&world), "a worker that is called to look reads what was not");
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn it_is_read_without_anybody_asking() {
    let world = large_host();
    world.cairn("site.git", &["setup"]).ok();
    until("the large segment is verified", || verified(&world));
}

#[test]
fn what_turns_out_to_be_damaged_is_not_built_upon() {
    let world = large_host();
    let kept = kept_from_reading(&world);
    world.cairn("site.git", &["setup"]).ok();
    let damaged = base(&world);
    let mut bytes = read(&damaged);
    bytes[LARGE / 2] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    // Whoever was sent to read it gives up; one that came to it later would find the damage before us.
    world.at_rest();
    drop(kept);
    world.cairn("site.git", &["worker", "--once"]).exits(13).says("-base.bundle");
    assert!(world.cairn("site.git", &["backup", "list"]).ok().stdout.contains("damaged"));
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok().says("holds it");
    world.cairn("site.git", &["worker", "--once"]).ok();
    let newest = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    world.cairn("site.git", &["backup", "verify", &newest]).ok();
    world.cairn(".", &["restore", &newest, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.refs("back.git"), world.refs("site.git"));
}
