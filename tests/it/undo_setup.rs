//! `git cairn setup --undo`: the repository is as it was found.

use crate::support::{World, bare_host, host};

/// Everything of the repository but its objects and the tags of deployments, which stay.
fn found(world: &World) -> Vec<(std::path::PathBuf, u32, String)> {
    let inside = |name: &str| world.path("site.git").join(name);
    let left_out = [inside("objects"), inside("refs/tags"), inside("refs/heads"), inside("refs/cairn")];
    let all = world.listing("site.git").into_iter();
    let kept = all.filter(|(path, ..)| !left_out.iter().any(|out| path.starts_with(out)));
    kept.map(|(path, mode, content)| (path, mode, content.escape_ascii().to_string())).collect()
}

#[test]
fn everything_is_as_it_was_found() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/post-receive", "cat >/dev/null");
    let config = world.path("site.git/config");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "# a word of the operator\n[transfer]\n  hideRefs =  refs/private ; mine\n[cairn \"live\"]\n\tbranch = production\n").unwrap();
    let before = found(&world);
    world.cairn("site.git", &["setup"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main:production"]).ok();
    world.cairn("site.git", &["setup", "--undo", "--dry-run"]).ok();
    world.cairn("site.git", &["setup", "--undo"]).exits(7).says("--yes");
    world.cairn("site.git", &["status"]).ok();
    world.cairn("site.git", &["setup", "--undo", "--yes"]).ok().says("the archives stay in");
    // git keeps the folder of a reference that it deleted.
    let mut after = found(&world);
    after.retain(|(path, ..)| *path != world.path("site.git/refs/meta"));
    assert_eq!(after, before);
    assert!(world.path("site.cairn/site").is_dir());
    assert_eq!(world.tagged("site.git", "refs/tags/live_*").len(), 1);
    world.git("dev", &["push", "--quiet", "origin", "main:refs/tags/live_9"]).ok();
    world.cairn("site.git", &["setup", "--undo", "--yes"]).exits(10);
    // The same store takes it back.
    world.cairn("site.git", &["setup", "--site", "again"]).ok();
}

#[test]
fn what_was_set_since_stays() {
    let world = host();
    world.git("site.git", &["config", "gc.auto", "0"]).ok();
    world.cairn("site.git", &["setup", "--undo", "--yes"]).ok();
    let left = world.git("site.git", &["config", "--local", "--list"]).ok().stdout;
    assert!(left.contains("gc.auto=0") && left.contains("cairn.reserve=1MiB"), "{left}");
    for gone in ["cairn.id", "cairn.store", "hiderefs", "advertisepushoptions"] {
        assert!(!left.contains(gone), "{left}");
    }
}

#[test]
fn rescued_commits_stay_and_stay_hidden() {
    let world = host();
    let tip = world.tip("site.git", "main");
    world.git("site.git", &["update-ref", "refs/cairn/rescue/x", &tip]).ok();
    world.git("site.git", &["update-ref", "refs/cairn/pin/x/0", &tip]).ok();
    world.cairn("site.git", &["setup", "--undo", "--yes"]).ok().says("1 reference below refs/cairn stay");
    assert_eq!(
        world.git("site.git", &["for-each-ref", "--format=%(refname)", "refs/cairn"]).ok().out(),
        "refs/cairn/rescue/x"
    );
    assert!(!world.git("dev", &["ls-remote", "origin"]).ok().stdout.contains("refs/cairn"));
}
