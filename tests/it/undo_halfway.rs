//! Files that have moved only in part, because git could not go on: the next command goes on, once it can.

use crate::support::{GIT_CAIRN, World, host, run, until};
use crate::undo_exact::state;
use std::fs;

fn write(world: &World, name: &str, content: &str) {
    let path = world.path("dev").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A clone in whose last commit a file became a folder and a folder a file, a file changed its mode alone, another went, and
/// `z`, which git moves last, went through a filter. A file that git ignores stands where one went.
fn changing() -> World {
    let world = host();
    filter(&world, "cat");
    world.git("dev", &["config", "filter.last.clean", "cat"]).ok();
    world.git("dev", &["config", "filter.last.required", "true"]).ok();
    write(&world, ".gitignore", "local\n");
    write(&world, ".gitattributes", "z filter=last\ndos text eol=crlf\n");
    for name in ["file", "folder/one", "folder/two", "goes/away", "tool", "dos", "local", "z"] {
        write(&world, name, &format!("{name} one\n"));
    }
    world.git("dev", &["add", "--force", "local"]).ok();
    world.commit("dev", "page", "first");
    for name in ["file", "folder/one", "folder/two", "goes/away", "local"] {
        fs::remove_file(world.path("dev").join(name)).unwrap();
    }
    fs::remove_dir(world.path("dev/folder")).unwrap();
    for name in ["file/one", "file/two", "folder", "comes/here", "dos", "z"] {
        write(&world, name, &format!("{name} two\n"));
    }
    world.git("dev", &["update-index", "--chmod=+x", "tool"]).ok();
    world.git("dev", &["checkout-index", "--force", "tool"]).ok();
    world.commit("dev", "page", "second");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    write(&world, "local", "mine\n");
    write(&world, "page", "second");
    world
}

/// Sets what writes `z`.
fn filter(world: &World, command: &str) {
    world.git("dev", &["config", "filter.last.smudge", command]).ok();
}

#[test]
fn what_git_gave_up_in_the_middle_is_finished_by_the_next_command() {
    let world = changing();
    run_twin(&world);
    let before = state(&world, "dev");
    let next = ["revert", "main", "--no-push", "--branch", "main"];
    for (words, there) in [(&["revert", "HEAD", "--yes"][..], "twin"), (&["undo", "--yes"], "before")] {
        filter(&world, "false");
        world.cairn("dev", words).exits(9).says("but for some files").says("filter");
        assert!(world.path("dev/file").is_file() == (there == "twin"), "nothing has moved");
        world.cairn("dev", &next).exits(5).says("cannot be finished").says("filter");
        filter(&world, "cat");
        world.cairn("dev", &next).exits(7).says("is finished");
        if there == "twin" {
            let wanted = state(&world, "twin");
            let files = |state: &str| {
                state.lines().skip_while(|line| !line.starts_with("100")).map(String::from).collect::<Vec<_>>()
            };
            assert_eq!(files(&state(&world, "dev")), files(&wanted));
            assert_eq!(world.tip("dev", "main"), world.tip("site.git", "main"));
        } else {
            assert_eq!(state(&world, "dev"), before);
        }
    }
}

/// A clone in which nothing fails.
fn run_twin(world: &World) {
    run(world.in_folder(".", "cp").args(["-a", "dev", "twin"])).ok();
    world.cairn("twin", &["revert", "HEAD", "--no-push", "--yes"]).ok();
}

/// What a person writes meanwhile where a file still is to move is theirs.
#[test]
fn work_done_meanwhile_is_kept() {
    let world = changing();
    filter(&world, "false");
    world.cairn("dev", &["revert", "HEAD", "--yes"]).exits(9);
    filter(&world, "cat");
    write(&world, "z", "mine\n");
    let next = ["revert", "main", "--no-push", "--branch", "main"];
    world.cairn("dev", &next).exits(5).says("cannot be finished").says("'z'");
    assert_eq!(fs::read(world.path("dev/z")).unwrap(), b"mine\n");
    fs::remove_file(world.path("dev/z")).unwrap();
    world.cairn("dev", &next).exits(7).says("is finished");
    assert_eq!(fs::read(world.path("dev/z")).unwrap(), b"z one\n");
    assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().stdout, "");
}

/// Begins a command, and kills it when the git that it started waits.
fn killed(world: &World, words: &[&str]) {
    let mut begun = world.in_folder("dev", GIT_CAIRN).args(words).spawn().unwrap();
    until("git waits", || world.path("waiting").exists());
    begun.kill().unwrap();
    begun.wait().unwrap();
}

/// A line of sh that says that it waits, and goes on when it is told to.
fn waits(world: &World) -> String {
    let [waiting, go] = ["waiting", "go"].map(|name| world.path(name).display().to_string());
    format!("touch '{waiting}'; while ! test -e '{go}'; do sleep 0.01; done")
}

/// git-cairn was killed and its git goes on: the next command waits for that one's end, so that it sees what became of it.
#[test]
fn what_a_git_still_does_is_waited_for() {
    let next = ["revert", "main", "--no-push", "--branch", "main"];
    let world = changing();
    world.script("dev/.git/hooks/pre-push", &waits(&world));
    killed(&world, &["revert", "HEAD", "--yes"]);
    let tips = || [world.tip("dev", "main"), world.tip("site.git", "main")];
    let before = tips();
    world.cairn("dev", &next).exits(11);
    assert_eq!(tips(), before);
    fs::write(world.path("go"), "").unwrap();
    until("the push is over", || world.cairn("dev", &next).code != 11);
    let after = tips();
    assert!(after[0] == after[1] && after != before, "{after:?}");
    for name in ["go", "waiting", "dev/.git/hooks/pre-push"] {
        fs::remove_file(world.path(name)).unwrap();
    }
    // And while files move.
    filter(&world, &format!("{}; cat", waits(&world)));
    killed(&world, &["undo", "--yes"]);
    world.cairn("dev", &next).exits(11);
    fs::write(world.path("go"), "").unwrap();
    until("the files have moved", || world.cairn("dev", &next).code != 11);
    assert_eq!(tips(), before);
    assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().stdout, "");
    assert_eq!(fs::read(world.path("dev/z")).unwrap(), b"z two\n");
}
