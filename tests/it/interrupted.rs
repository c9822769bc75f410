//! Operations that do not come to their end: a connection that breaks before the answer, a command that is killed, files that
//! change while the push is under way.

use crate::support::{World, host, until};
use std::fs;

/// Kills the command that started the git which runs this hook.
const KILL: &str = "read -r _ _ _ parent _ <\"/proc/$PPID/stat\"; kill -9 $parent";

/// Waits until the git that a killed command left has ended: until then the next command stops with 11.
fn is_over(world: &World) {
    until("what was left running ends", || world.cairn("dev", &["undo", "--plan"]).code != 11);
}

fn states(world: &World) -> Vec<String> {
    world.operations("dev").iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again() {
    let world = host();
    let first = world.deployed("live", "2");
    let second = world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    // The references have moved when the host's end dies.
    world.script("site.git/hooks/post-receive", "kill -9 $PPID");
    assert_ne!(world.git("dev", &["push", "--quiet", "origin", "main:refs/heads/shown"]).code, 0);
    world.git("site.git", &["rev-parse", "--verify", "shown"]).ok();
    let tip = |name: &str| world.tip("site.git", name);
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    assert_eq!(tip("live"), second);
    world.cairn("dev", &["undo", "--yes"]).ok();
    assert_eq!(tip("live"), first);
    world.cairn("dev", &["rollback", "live", &world.tip("dev", "main~2"), "--yes"]).ok();
    assert_eq!(tip("live"), world.tip("dev", "main~2"));
    world.cairn("dev", &["revert", "HEAD", "--yes"]).ok();
    assert_eq!(tip("main"), world.tip("dev", "main"));
    world.cairn("dev", &["undo", "--yes"]).ok();
    assert_eq!([tip("main"), world.tip("dev", "main")], [second.clone(), second]);
    assert_eq!(states(&world), ["done", "undone", "done", "done", "undone"]);
}

#[test]
fn a_deployment_that_was_killed_is_brought_to_an_end() {
    let world = host();
    let hook = |rest: &str| drop(world.script("dev/.git/hooks/pre-push", &format!("{KILL}; {rest}")));
    let unhook = || fs::remove_file(world.path("dev/.git/hooks/pre-push")).unwrap();
    hook("exit 1");
    assert_ne!(world.cairn("dev", &["deploy", "live", "main", "--yes"]).code, 0);
    unhook();
    is_over(&world);
    assert_eq!(states(&world), ["planned"]);
    world.cairn("dev", &["undo", "--plan"]).exits(5).says("was interrupted");
    world.cairn("dev", &["undo", "--yes"]).exits(8).says("given up: nothing had been done");
    assert_eq!(states(&world), ["abandoned"]);
    hook("exit 0");
    assert_ne!(world.cairn("dev", &["deploy", "live", "main", "--yes"]).code, 0);
    unhook();
    until("git alone has pushed", || world.git("site.git", &["rev-parse", "--verify", "--quiet", "live"]).code == 0);
    is_over(&world);
    // A git of the host's worker would leave its lock in a folder that is moved away.
    world.cairn("site.git", &["worker", "--once"]).ok();
    // What needs no host does not wait for it.
    fs::rename(world.path("site.git"), world.path("away")).unwrap();
    let bad = world.commit("dev", "page", "2");
    world.cairn("dev", &["revert", &bad, "--no-push", "--yes"]).ok();
    assert_eq!(states(&world), ["done", "planned", "abandoned"]);
    fs::rename(world.path("away"), world.path("site.git")).unwrap();
    world.cairn("dev", &["deploy", "test", "main~2", "--yes"]).ok().says("that was interrupted").says("is finished");
    assert_eq!(states(&world), ["done", "done", "done", "abandoned"]);
    let killed = world.operations("dev")[2]["id"].as_str().unwrap().to_owned();
    world.cairn("dev", &["undo", &killed, "--yes"]).ok().says("undo deploy of live");
    world.git("site.git", &["rev-parse", "--verify", "--quiet", "live"]).exits(1);
}

#[test]
fn an_undo_that_was_killed_is_brought_to_an_end() {
    let world = host();
    let good = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("dev", &["reset", &good, "--as-commit", "--yes"]).ok();
    let reset = world.tip("dev", "main");
    for (rest, tip) in [("exit 1", &reset), ("exit 0", &bad)] {
        world.script("dev/.git/hooks/pre-push", &format!("{KILL}; {rest}"));
        assert_ne!(world.cairn("dev", &["undo", "--yes"]).code, 0);
        fs::remove_file(world.path("dev/.git/hooks/pre-push")).unwrap();
        until("git alone has pushed", || world.tip("site.git", "main") == **tip);
        is_over(&world);
        world.cairn("dev", &["revert", "main", "--no-push"]).exits(7).says("the undo that was interrupted");
        assert_eq!(world.tip("dev", "main"), **tip);
    }
    assert_eq!(states(&world), ["done", "abandoned", "undone"]);
    assert_eq!(fs::read_to_string(world.path("dev/page")).unwrap(), "2");
}

/// A file that was kept aside, and one that git tracks, change while the push is under way.
#[test]
fn what_changes_during_the_push_is_not_lost() {
    let world = host();
    fs::write(world.path("dev/.gitignore"), "local\n").unwrap();
    fs::write(world.path("dev/local"), "from git").unwrap();
    world.git("dev", &["add", "--force", "--all"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "local comes"]).ok();
    world.git("dev", &["rm", "--quiet", "local"]).ok();
    let bad = world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    fs::write(world.path("dev/local"), "mine").unwrap();
    world.script("dev/.git/hooks/pre-push", "echo changed >local");
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(9).says("local").says("git cairn catch-up");
    assert_eq!(fs::read_to_string(world.path("dev/local")).unwrap(), "changed\n");
    assert_eq!(world.tip("dev", "main"), bad);
    assert_ne!(world.tip("site.git", "main"), bad);
    world.script("dev/.git/hooks/pre-push", "echo edited >page");
    fs::remove_file(world.path("dev/local")).unwrap();
    // The branch here never followed, and so only the host's goes back.
    world.cairn("dev", &["undo", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "main"), bad);
    fs::remove_file(world.path("dev/.git/hooks/pre-push")).unwrap();
    world.git("dev", &["checkout", "--quiet", "page"]).ok();
    world.cairn("dev", &["revert", &bad, "--yes"]).ok();
    let revert = world.tip("dev", "main");
    world.script("dev/.git/hooks/pre-push", "echo edited >page");
    world.cairn("dev", &["undo", "--yes"]).exits(9).says("page").says("--overwrite-history --no-push");
    assert_eq!(fs::read_to_string(world.path("dev/page")).unwrap(), "edited\n");
    assert_eq!((world.tip("site.git", "main"), world.tip("dev", "main")), (bad, revert));
}
