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
