//! How a store grows.

use crate::support::{World, host};

/// The sizes of the segments of the newest backup, in bytes, oldest first.
fn chain(world: &World) -> Vec<u64> {
    let shown = world.cairn("site.git", &["backup", "show", "--json", &newest(world)]).ok().json();
    shown["backup"]["segments"].as_array().unwrap().iter().map(|segment| segment["bytes"].as_u64().unwrap()).collect()
}

fn newest(world: &World) -> String {
    let listed = world.cairn("site.git", &["backup", "list", "--json"]).ok().json();
    listed["backups"][0]["id"].as_str().unwrap().to_owned()
}

/// Text that no compression makes small.
fn noise(seed: u64) -> String {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ (state >> 31))
    };
    (0..4_000).map(|_| next()).collect()
}

#[test]
fn a_deployment_of_what_is_stored_costs_the_tag_alone() {
    let world = host();
    world.commit("dev", "large", &noise(1));
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok();
    let sizes = chain(&world);
    assert!(sizes.iter().any(|size| *size > 30_000), "{sizes:?}");
    assert!(sizes.last().unwrap() < &1_000, "{sizes:?}");
}

#[test]
fn a_merge_of_what_is_stored_costs_little() {
    let world = host();
    world.git("dev", &["checkout", "--quiet", "-b", "side"]).ok();
    world.commit("dev", "side", &noise(2));
    world.git("dev", &["push", "--quiet", "origin", "side"]).ok();
    world.git("dev", &["checkout", "--quiet", "main"]).ok();
    world.commit("dev", "large", &noise(3));
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git("dev", &["merge", "--quiet", "--no-ff", "-m", "merge", "side"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let sizes = chain(&world);
    assert!(sizes.last().unwrap() < &1_500, "{sizes:?}");
}
