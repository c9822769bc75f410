//! Catching up after somebody reset the branch.

use crate::support::{World, host};

/// A host whose `main` somebody has put back by one commit, and a clone `dev` with a commit of its own on the old one.
/// Returns what the host has now, what it had, and the commit of one's own.
fn after_a_reset() -> (World, [String; 3]) {
    let world = host();
    let kept = world.tip("dev", "main");
    let dropped = world.commit("dev", "other", "dropped by somebody");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let mine = world.commit("dev", "mine", "1");
    world.git("site.git", &["update-ref", "refs/heads/main", &kept]).ok();
    (world, [kept, dropped, mine])
}

#[test]
fn only_my_own_commits_are_carried_and_published() {
    let (world, [kept, dropped, mine]) = after_a_reset();
    let plan = world.cairn("dev", &["catch-up", "--plan", "--json"]).ok().json();
    assert_eq!((&plan["operation"], &plan["target"]), (&"catch-up".into(), &kept.clone().into()));
    assert_eq!((plan["commits"].as_array().unwrap().len(), &plan["commits"][0]["id"]), (1, &mine.clone().into()));
    world.git("dev", &["branch", "by-git", "main"]).ok();
    world.cairn("dev", &["catch-up", "--push"]).exits(7).says("--yes");
    assert_eq!(world.tip("dev", "main"), mine);
    world.cairn("dev", &["catch-up", "--push", "--yes"]).ok().says("1 commit of yours on top of");
    let now = world.tip("dev", "main");
    assert_eq!((world.tip("site.git", "main"), world.tip("dev", "main~1")), (now.clone(), kept.clone()));
    assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().out(), "");
    world.git("dev", &["rebase", "--quiet", "--onto", &kept, &dropped, "by-git"]).ok();
    assert_eq!(world.tip("dev", "by-git^{tree}"), plan["result_tree"]);
    assert_eq!(world.tip("dev", "main^{tree}"), plan["result_tree"]);
    world.git("dev", &["checkout", "--quiet", "main"]).ok();
    world.cairn("dev", &["catch-up", "--push", "--yes"]).exits(8);
}

#[test]
fn whoever_has_nothing_of_their_own_stands_where_the_host_stands() {
    let (world, [kept, dropped, _]) = after_a_reset();
    world.git("dev", &["reset", "--quiet", "--hard", &dropped]).ok();
    std::fs::write(world.path("dev/page"), "unsaved").unwrap();
    world.cairn("dev", &["catch-up", "--yes"]).ok();
    assert_eq!(world.tip("dev", "main"), kept);
    assert_eq!(std::fs::read_to_string(world.path("dev/page")).unwrap(), "unsaved");
    assert!(!world.path("dev/other").exists());
}

#[test]
fn work_in_the_way_and_conflicts_change_nothing() {
    let (world, [.., mine]) = after_a_reset();
    std::fs::write(world.path("dev/other"), "unsaved").unwrap();
    world.cairn("dev", &["catch-up", "--yes"]).exits(5).says("other");
    world.git("dev", &["checkout", "--quiet", "other"]).ok();
    let on_dropped = world.commit("dev", "other", "built upon what was dropped");
    let before = world.refs("dev");
    world.cairn("dev", &["catch-up", "--yes"]).exits(3).says("other").says("git rebase --onto");
    let plan = world.cairn("dev", &["catch-up", "--plan", "--json"]).exits(3).json();
    assert_eq!((&plan["conflicts"][0]["path"], &plan["conflicts"][0]["commit"]), (&"other".into(), &on_dropped.into()));
    assert_eq!(world.refs("dev"), before);
    assert_ne!(world.tip("dev", "main"), mine);
}

#[test]
fn a_plan_that_something_overtook_is_not_carried_out() {
    let (world, [kept, _, mine]) = after_a_reset();
    let plan = world.cairn("dev", &["catch-up", "--plan", "--json"]).ok().json();
    let tree = world.tip("site.git", "main^{tree}");
    let theirs = world.git("site.git", &["commit-tree", "-p", &kept, "-m", "theirs", &tree]).ok().out().to_owned();
    world.git("site.git", &["update-ref", "refs/heads/main", &theirs, &kept]).ok();
    world.cairn("dev", &["catch-up", "--confirm", &plan["plan_id"].as_str().unwrap()[..16]]).exits(4);
    assert_eq!(world.tip("dev", "main"), mine);
}

#[test]
fn a_host_that_declines_leaves_everything_as_it_was() {
    let (world, [kept, _, mine]) = after_a_reset();
    world.script("site.git/hooks/update", "exit 1");
    world.cairn("dev", &["catch-up", "--push", "--yes"]).exits(6);
    assert_eq!((world.tip("dev", "main"), world.tip("site.git", "main")), (mine, kept));
}

/// The connection ends when the host has it, or before; nobody says so.
#[test]
fn a_push_whose_end_nobody_tells_is_asked_after() {
    let (world, [kept, _, mine]) = after_a_reset();
    world.script("site.git/hooks/pre-receive", "kill -9 $PPID");
    world.cairn("dev", &["catch-up", "--push", "--yes"]).exits(13).says("did not arrive");
    assert_eq!((world.tip("dev", "main"), world.tip("site.git", "main")), (mine, kept));
    std::fs::remove_file(world.path("site.git/hooks/pre-receive")).unwrap();
    world.script("site.git/hooks/post-receive", "kill -9 $PPID");
    world.cairn("dev", &["catch-up", "--push", "--yes"]).ok();
    assert_eq!(world.tip("dev", "main"), world.tip("site.git", "main"));
    assert_eq!(world.operations("dev")[0]["state"], "done");
}
