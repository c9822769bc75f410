//! What adds up over the years, deployments and backups by the hundred, slows no push down.

use crate::support::{World, host, until};
use std::fmt::Write;

/// Makes references as a host has them that was deployed to a hundred times.
fn loose(world: &World, count: usize) {
    let tip = world.tip("site.git", "main");
    let mut create = String::new();
    (0..count).for_each(|n| writeln!(create, "create refs/tags/release/{n} {tip}").unwrap());
    world.feed("site.git", &["update-ref", "--stdin"], create.as_bytes());
}

fn loose_tags(world: &World) -> usize {
    std::fs::read_dir(world.path("site.git/refs/tags/release")).map_or(0, Iterator::count)
}

#[test]
fn a_push_has_many_loose_references_packed_and_nothing_of_them_changes() {
    let world = host();
    loose(&world, 120);
    world.deployed("live", "2");
    until("the references are packed", || loose_tags(&world) == 0);
    world.at_rest();
    let before = world.exact("site.git");
    assert_eq!(before.lines().filter(|line| line.contains("refs/tags/release/")).count(), 120);
    assert_eq!(world.cairn("site.git", &["worker", "--once"]).ok().stdout, "", "packing is no change");
    world.cairn("site.git", &["restore", "live", "--to", "../back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), before);
}

#[test]
fn few_loose_references_stay_and_so_do_those_of_an_operator_who_packs_them() {
    let world = host();
    loose(&world, 60);
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(loose_tags(&world), 60);
    world.git("site.git", &["config", "gc.packRefs", "false"]).ok();
    let tip = world.tip("site.git", "main");
    (60..120).for_each(|n| drop(world.git("site.git", &["update-ref", &format!("refs/tags/release/{n}"), &tip]).ok()));
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(loose_tags(&world), 120);
}

/// The loose objects that are in no pack, and the packs.
fn lying(world: &World) -> [usize; 2] {
    let said = world.git("site.git", &["count-objects", "-v"]).ok().stdout;
    let number = |name: &str| -> usize {
        said.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap().parse().unwrap()
    };
    [number("count") - number("prune-packable"), number("packs")]
}

/// Annotated tags, each of a commit of its own, as deployments leave them.
fn deployed_often(world: &World, count: usize) {
    let (mut commit, tree) = (world.tip("site.git", "main"), world.tip("site.git", "main^{tree}"));
    let mut create = String::new();
    for n in 0..count {
        let words = ["commit-tree", "-m", &n.to_string(), "-p", &commit, &tree].map(str::to_owned);
        let who = ["-c", "user.name=Dev", "-c", "user.email=dev@example.org"].map(str::to_owned);
        let words: Vec<&str> = who.iter().chain(&words).map(String::as_str).collect();
        world.git("site.git", &words).ok().out().clone_into(&mut commit);
        let tag =
            format!("object {commit}\ntype commit\ntag release/{n}\ntagger Dev <dev@example.org> {n} +0000\n\n{n}\n");
        let tag = String::from_utf8(world.feed("site.git", &["mktag"], tag.as_bytes())).unwrap();
        writeln!(create, "create refs/tags/release/{n} {}", tag.trim()).unwrap();
    }
    world.feed("site.git", &["update-ref", "--stdin"], create.as_bytes());
}

/// git opens what each reference names with every push; nothing that is there is removed for it, so nothing can be lost.
#[test]
fn what_many_references_name_is_packed_beside_what_lies_there() {
    let world = host();
    deployed_often(&world, 120);
    let [lay, packs] = lying(&world);
    assert!(lay >= 240, "{lay}");
    let before = world.listing("site.git/objects");
    world.deployed("live", "2");
    until("the references are packed", || loose_tags(&world) == 0);
    world.at_rest();
    let kept = world.listing("site.git/objects");
    assert!(before.iter().all(|file| kept.binary_search(file).is_ok()), "something was removed or written over");
    let [left, more] = lying(&world);
    assert!(left <= lay - 240 + 20 && more == packs + 1, "{left} of {lay} are in no pack, {more} packs");
    let exact = world.exact("site.git");
    // What is packed is not packed again.
    let tip = world.tip("site.git", "main");
    let again: String = (0..120).map(|n| format!("create refs/heads/again/{n} {tip}\n")).collect();
    world.feed("site.git", &["update-ref", "--stdin"], again.as_bytes());
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert!(!world.path("site.git/refs/heads/again").exists());
    assert_eq!(lying(&world)[1], more);
    world.cairn("site.git", &["restore", "live", "--to", "../back.git", "--bare"]).ok();
    assert!(world.exact("back.git") == exact, "another repository came back");
    // A collection takes both away.
    let exact = world.exact("site.git");
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    assert_eq!(lying(&world), [0, 1]);
    assert!(world.exact("site.git") == exact, "something is gone");
    world.deployed("live", "3");
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn what_references_name_stays_as_it_lies_where_the_operator_packs() {
    for setting in ["gc.packRefs", "maintenance.auto", "receive.autogc"] {
        let world = host();
        world.git("site.git", &["config", setting, "false"]).ok();
        deployed_often(&world, 101);
        let before = lying(&world);
        world.cairn("site.git", &["worker", "--once"]).ok();
        assert_eq!((lying(&world)[1], loose_tags(&world)), (before[1], 101), "{setting}");
    }
}
