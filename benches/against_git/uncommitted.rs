//! What a look at a served tree costs beside `git status` in a clone, and its patch beside `git diff`.

use crate::figures::{Turn, head, line};
use crate::world::{GIT_CAIRN, World};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// How many files the tree has, in how many folders.
const FILES: usize = 100_000;
const FOLDERS: usize = 1_000;
/// How many of them are edited, one after the other.
const EDITS: [usize; 4] = [0, 1, 100, 10_000];

/// Prints looks at a tree that git has a clone of: the clone itself, and a plain folder of the same files.
pub fn tables(turns: usize) {
    let world = World::new();
    world.git(".", &["init", "--quiet", "--bare", "--initial-branch=main", "ours.git"]);
    import(&world);
    world.git("ours.git", &["config", "cairn.reserve", "1MiB"]);
    world.cairn("ours.git", &["setup", "--no-backup"]);
    world.git(".", &["clone", "--quiet", "ours.git", "clone"]);
    std::fs::create_dir(world.path("plain")).expect("a folder");
    let tree = format!("--work-tree={}", world.path("plain").display());
    world.git("ours.git", &[&tree, "checkout", "--quiet", "--force", "main", "--", "."]);
    println!(
        "\nLooks at a tree of {FILES} files, warm, beside `git status -uall` in the clone, and patches beside `git diff`:\n"
    );
    head();
    let mut edited = 0;
    for edits in EDITS {
        for n in edited..edits {
            for tree in ["clone", "plain"] {
                let file = world.path(tree).join(name(n * (FILES / EDITS[3])));
                std::fs::File::options().append(true).open(file).expect("a file").write_all(b"edited\n").expect("room");
            }
        }
        edited = edits;
        rows(&world, edits, turns);
    }
}

fn rows(world: &World, edits: usize, turns: usize) {
    let status: &[&str] = &["status", "--porcelain=v2", "--untracked-files=all"];
    let diff: &[&str] = &["diff"];
    // Both remember only what was left alone for a moment.
    std::thread::sleep(Duration::from_secs(3));
    for tree in ["clone", "plain"] {
        let path = world.path(tree);
        let look = ["uncommitted", "dev", "--worktree", path.to_str().expect("a path in UTF-8")];
        let differences = [&look[..], &["--patch"]].concat();
        for (git, ours, work) in [(status, &look[..], "uncommitted"), (diff, &differences, "uncommitted --patch")] {
            for _ in 0..2 {
                world.git("clone", git);
                world.cairn("ours.git", ours);
            }
            let measured: Vec<_> = (0..turns)
                .map(|_| Turn { git: world.git("clone", git), ours: world.cairn("ours.git", ours) })
                .collect();
            let peaks = [world.peak("clone", "git", git), world.peak("ours.git", GIT_CAIRN, ours)];
            let form = if tree == "clone" { "the clone" } else { "a plain folder" };
            line(&format!("{work}, {form}"), &format!("{edits} edits"), &measured, "1", peaks);
        }
    }
}

fn name(n: usize) -> PathBuf {
    format!("area{}/part{}/file{n}.php", n % FOLDERS % 20, n % FOLDERS / 20).into()
}

/// Commits all files at once, and packs them.
fn import(world: &World) {
    let mut stream =
        String::from("commit refs/heads/main\ncommitter Dev <dev@example.org> 1700000000 +0000\ndata 5\nfiles");
    for n in 0..FILES {
        let content = format!("content {n}\n").repeat(20);
        let _ = write!(stream, "\nM 100644 inline {}\ndata {}\n{content}", name(n).display(), content.len());
    }
    world.feed("ours.git", &["fast-import", "--quiet"], stream.as_bytes());
    world.git("ours.git", &["repack", "-a", "-d", "-q"]);
}
