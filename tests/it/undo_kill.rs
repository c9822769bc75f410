//! A kill at any system call of an operation or of its undo: afterwards it is done or not done, here and on the host, to the
//! byte, and no work is lost.
//!
//! strace kills git-cairn itself; the git it started goes on, as it would. `CAIRN_UNDO_KILLS` sets the number of points.

use crate::support::{GIT_CAIRN, Random, World, amount, command, missing_peer, run, until};
use crate::undo_exact::{busy_clone, state};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// The system calls by which something on a disk changes, or a program is started or waited for.
const CALLS: [&str; 14] = [
    "openat",
    "write",
    "fsync",
    "rename",
    "renameat2",
    "unlink",
    "linkat",
    "mkdir",
    "wait4",
    "chmod",
    "fchmod",
    "symlink",
    "rmdir",
    "copy_file_range",
];
/// The moment at which everything is done, so that the same command makes the same commit.
const MOMENT: &str = "2030-01-01T12:00:00+0000";

/// A command, the world it is typed in, and what that is before and after it.
struct Story {
    name: &'static str,
    world: World,
    words: Vec<String>,
    before: [String; 2],
    after: [String; 2],
    /// How often it makes a system call, as far as they were counted.
    counts: HashMap<&'static str, usize>,
}

/// Branches, index and files here, and the branches there; where the remote-tracking references stand is git's own affair.
fn both(world: &World) -> [String; 2] {
    let here: Vec<_> =
        state(world, "dev").lines().filter(|line| !line.starts_with("refs/remotes/")).map(String::from).collect();
    let there = world.git("site.git", &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]).ok().stdout;
    [here.join("\n"), there]
}

/// Does something first, then tells what to type.
type Telling = fn(&World, &str) -> Vec<String>;

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Carries out what takes a plan's id, or returns how to.
fn confirmed(world: &World, typed: &[&str]) -> Vec<String> {
    let plan = world.cairn("dev", &[typed, &["--plan", "--json"]].concat()).ok().json();
    words(&[typed, &["--confirm", plan["plan_id"].as_str().unwrap()]].concat())
}

fn done(world: &World, typed: Vec<String>) -> Vec<String> {
    world.cairn("dev", &typed.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    words(&["undo", "--yes"])
}

/// A revert that brings a file where an ignored one stands.
fn reverting(world: &World, _: &str) -> Vec<String> {
    fs::write(world.path("dev/local"), "from git").unwrap();
    world.git("dev", &["add", "--force", "local"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "local comes", "--", "local"]).ok();
    world.git("dev", &["rm", "--quiet", "local"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "local goes", "--", "local"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    fs::write(world.path("dev/local"), "mine").unwrap();
    words(&["revert", "HEAD", "HEAD~2", "--yes"])
}

fn rewinding(world: &World, first: &str) -> Vec<String> {
    confirmed(world, &["reset", first, "--overwrite-history"])
}

/// Somebody has put the branch back, and there is a commit of one's own.
fn catching_up(world: &World, first: &str) -> Vec<String> {
    fs::write(world.path("dev/mine"), "mine").unwrap();
    world.git("dev", &["add", "mine"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "mine", "--", "mine"]).ok();
    world.git("site.git", &["update-ref", "refs/heads/main", first]).ok();
    words(&["catch-up", "--push", "--yes"])
}

fn deploying(world: &World, first: &str) -> Vec<String> {
    world.cairn("dev", &["deploy", "live", first, "--yes"]).ok();
    words(&["deploy", "live", "main", "--yes"])
}

fn rolling_back(world: &World, first: &str) -> Vec<String> {
    done(world, deploying(world, first));
    words(&["rollback", "live", "--yes"])
}

const TELLINGS: [(&str, Telling); 13] = [
    ("revert", reverting),
    ("reset by a commit", |_, first| words(&["reset", first, "--as-commit", "--yes"])),
    ("reset that overwrites", rewinding),
    ("catch-up", catching_up),
    ("undo of a revert", |world, first| done(world, reverting(world, first))),
    ("undo of a reset by a commit", |world, first| done(world, words(&["reset", first, "--as-commit", "--yes"]))),
    ("undo of a reset that overwrites", |world, first| done(world, rewinding(world, first))),
    ("undo of a catch-up", |world, first| done(world, catching_up(world, first))),
    ("deploy", deploying),
    ("rollback", rolling_back),
    ("undo of a deploy", |world, first| done(world, deploying(world, first))),
    ("revert here alone", |_, _| words(&["revert", "HEAD", "--no-push", "--yes"])),
    ("undo of a revert here alone", |world, _| done(world, words(&["revert", "HEAD", "--no-push", "--yes"]))),
];

impl Story {
    fn tell((name, telling): (&'static str, Telling)) -> Self {
        let (world, first) = busy_clone();
        let words = telling(&world, &first);
        world.at_rest();
        for folder in ["dev", "site.git"] {
            run(world.in_folder(".", "cp").args(["-a", folder, &format!("{folder}.before")])).ok();
        }
        let mut story =
            Self { name, world, words, before: Default::default(), after: Default::default(), counts: HashMap::new() };
        story.before = both(&story.world);
        assert_eq!(story.traced(&["-e", "trace=none"]), 0, "{name}");
        story.world.at_rest();
        story.after = both(&story.world);
        assert_ne!(story.before, story.after, "{name}");
        story
    }

    fn reset(&self) {
        self.world.at_rest();
        for folder in ["dev", "site.git"] {
            self.world.remove(folder);
            run(self.world.in_folder(".", "cp").args(["-a", &format!("{folder}.before"), folder])).ok();
        }
    }

    fn traced(&self, options: &[&str]) -> i32 {
        let mut strace = command("strace", &self.world.path("home"));
        strace.env("GIT_AUTHOR_DATE", MOMENT).env("GIT_COMMITTER_DATE", MOMENT);
        strace.args(["-qq", "-o"]).arg(self.world.path("calls")).args(options).arg(GIT_CAIRN).args(&self.words);
        run(strace.current_dir(self.world.path("dev"))).code
    }

    fn count(&mut self, call: &'static str) -> usize {
        if !self.counts.contains_key(call) {
            self.reset();
            assert_eq!(self.traced(&["-e", &format!("trace={call}")]), 0);
            let log = fs::read_to_string(self.world.path("calls")).unwrap();
            let count = log.lines().filter(|line| line.contains(&format!("{call}("))).count();
            self.counts.insert(call, count);
        }
        self.counts[call]
    }

    /// Kills it there, lets the next command end it, and returns whether it is done; `None` where it was not killed.
    fn killed(&self, call: &str, when: usize) -> Option<bool> {
        self.reset();
        let inject = format!("inject={call}:signal=KILL:when={when}");
        let context = format!("{}: {inject}", self.name);
        if self.traced(&["-e", &format!("trace={call}"), "-e", &inject]) == 0 {
            return None;
        }
        let world = &self.world;
        world.at_rest();
        // What comes next: a plan that nobody says yes to, or that is in the way of one's own work.
        let next = world.cairn("dev", &["revert", "main", "--no-push", "--branch", "main"]);
        assert!([5, 7].contains(&next.code), "{context}: {}", next.stderr);
        let found = both(world);
        let done = found == self.after;
        if !done {
            assert_eq!(found, self.before, "{context}: between, and the next command said {}", next.stderr);
        }
        assert!(!world.path("dev/.git/index.lock").exists(), "{context}: a lock was left");
        assert_eq!(world.git("dev", &["for-each-ref", "refs/cairn"]).ok().out(), "", "{context}: a reference was left");
        for (path, ..) in world.listing("dev/.git/cairn/ops") {
            let kind = path.extension().unwrap_or_default();
            assert!(
                ["json", "pack", "before"].iter().any(|known| kind == *known) || path.ends_with("lock"),
                "{context}: {}",
                path.display()
            );
            assert!(path.ends_with("lock") || path.with_extension("json").exists(), "{context}: {}", path.display());
        }
        Some(done)
    }
}

impl World {
    /// Waits until no program works in this world any more: neither a git that was left alone nor a worker.
    pub fn at_rest(&self) {
        let own = fs::canonicalize(self.path(".")).unwrap();
        let works_here = |process: &Path| {
            let cwd = fs::read_link(process.join("cwd")).is_ok_and(|at| at.starts_with(&own));
            let words = fs::read(process.join("cmdline")).unwrap_or_default();
            cwd || String::from_utf8_lossy(&words).contains(&*own.to_string_lossy())
        };
        until("everything is at rest", || {
            let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
            !processes.into_iter().any(|process| works_here(&process))
        });
    }
}

/// Between the files and the index, and between the index and the journal.
#[test]
fn a_kill_after_files_have_moved_is_finished() {
    if command("strace", Path::new("/")).arg("-V").output().is_err() {
        return missing_peer("kills of operations and their undo", "strace");
    }
    for name in ["reset that overwrites", "undo of a revert"] {
        let telling = TELLINGS.into_iter().find(|(told, _)| *told == name).unwrap();
        let mut story = Story::tell(telling);
        let renames = story.count("rename");
        for when in renames - 2..=renames {
            assert_eq!(story.killed("rename", when), Some(true), "{name}, rename {when}");
        }
    }
}

#[test]
fn a_kill_at_any_call_leaves_it_done_or_not_done() {
    if command("strace", Path::new("/")).arg("-V").output().is_err() {
        return missing_peer("kills of operations and their undo", "strace");
    }
    let (kills, mut random) = (amount("CAIRN_UNDO_KILLS", 6), Random::new(11));
    let mut stories: Vec<Option<Story>> = TELLINGS.iter().map(|_| None).collect();
    let mut killed = [0, 0];
    for n in 0..kills {
        // Those that come next to each other are far from each other, so that a few tell of all kinds.
        let which = n * 5 % TELLINGS.len();
        let story = stories[which].get_or_insert_with(|| Story::tell(TELLINGS[which]));
        let call = *random.pick(&CALLS);
        let count = story.count(call);
        if count == 0 {
            continue;
        }
        if let Some(done) = story.killed(call, 1 + random.below(count)) {
            killed[usize::from(done)] += 1;
        }
    }
    println!("{} kills: {} times not done, {} times done", killed[0] + killed[1], killed[0], killed[1]);
    assert!(killed[0] + killed[1] > 0, "nothing was killed");
}
