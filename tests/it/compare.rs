//! What the README says of the ways people use today, each said only because it is so.

use crate::support::{World, host};

/// The references of a repository.
fn refs(world: &World, repository: &str) -> String {
    world.git(repository, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"]).ok().stdout
}

/// What our backup of the host has of them.
fn restored(world: &World) -> String {
    world.cairn("site.git", &["backup", "create", "dev"]).ok();
    world.cairn(".", &["restore", "dev", "--store", "site.cairn", "--to", "restored.git", "--bare"]).ok();
    refs(world, "restored.git")
}

/// Somebody typed `git push origin main:refs/heads/refs/heads/main`.
#[test]
fn a_bundle_of_everything_lacks_a_branch_whose_full_name_is_another_ones_name_and_says_nothing() {
    let world = host();
    world.git("dev", &["push", "--quiet", "origin", "main:refs/heads/refs/heads/main"]).ok();
    let made = world.git("site.git", &["bundle", "create", "--quiet", "../all.bundle", "--all"]).ok();
    assert_eq!(made.stderr, "");
    let heads = world.git(".", &["bundle", "list-heads", "all.bundle"]).ok().stdout;
    let has = |name: &str| heads.lines().any(|line| line.ends_with(&format!(" {name}")));
    assert!(has("refs/heads/refs/heads/main") && !has("refs/heads/main"), "{heads}");
    assert_eq!(restored(&world), refs(&world, "site.git"));
}

#[test]
fn a_chain_of_bundles_brings_back_what_was_deleted_and_not_what_was_rewound() {
    let world = host();
    let first = world.tip("dev", "main");
    let second = world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main", "main:feature"]).ok();
    world.git("site.git", &["bundle", "create", "--quiet", "../0.bundle", "--all"]).ok();
    world.announced("main", Some(&first)).ok();
    world.git("dev", &["push", "--quiet", "origin", ":feature", "main:other"]).ok();
    world.git("dev", &["checkout", "--quiet", "-B", "side", &first]).ok();
    world.commit("dev", "side", "3");
    world.git("dev", &["push", "--quiet", "origin", "side"]).ok();
    world.git("site.git", &["bundle", "create", "--quiet", "../1.bundle", "--all", "--not", &second, &first]).ok();
    world.bare("chained.git", &[]);
    for bundle in ["../0.bundle", "../1.bundle"] {
        world.git("chained.git", &["fetch", "--quiet", "--force", bundle, "+refs/*:refs/*"]).ok();
    }
    let chained = refs(&world, "chained.git");
    assert!(chained.contains(&format!("refs/heads/main {second}")), "it stayed where it was: {chained}");
    assert!(chained.contains("refs/heads/feature") && !chained.contains("refs/heads/other"), "{chained}");
    assert_eq!(restored(&world), refs(&world, "site.git"));
}

#[test]
fn a_mirror_follows_a_force_push_and_a_deletion() {
    let world = World::new();
    world.bare("site.git", &[]);
    world.git(".", &["clone", "--quiet", "site.git", "dev"]).ok();
    let first = world.commit("dev", "page", "1");
    let second = world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main", "main:feature"]).ok();
    world.git(".", &["clone", "--quiet", "--mirror", "site.git", "mirror.git"]).ok();
    world.git("dev", &["push", "--quiet", "--force", "origin", &format!("{first}:main"), ":feature"]).ok();
    world.git("mirror.git", &["remote", "update", "--prune"]).ok();
    assert!(!world.git("mirror.git", &["for-each-ref"]).ok().stdout.contains(&second));
}
