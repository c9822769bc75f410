//! A kill, a full disk or a failing disk at any system call: afterwards the store holds what it held or what it was to hold,
//! never something between, and the next run clears up without a hand.
//!
//! strace injects the faults, into git too. `CAIRN_FAULTS` sets the number of points of each kind.

use crate::support::{GIT_CAIRN, Ran, Random, World, amount, bare_host, command, missing_peer, read, run, until};
use std::collections::HashMap;
use std::path::Path;

/// The system calls by which something on a disk changes.
const CALLS: [&str; 11] = [
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "syncfs",
    "rename",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
];

/// A command, and what it is run on.
struct Scenario {
    name: &'static str,
    /// The words of the command.
    words: Vec<String>,
    world: World,
    /// The backups that must still be there afterwards.
    kept: Vec<String>,
    /// How often the busiest process makes each call.
    counts: HashMap<&'static str, usize>,
}

fn scenarios() -> Vec<Scenario> {
    let plain = || {
        let world = bare_host(&[]);
        world.cairn("site.git", &["setup", "--no-backup"]).ok();
        world
    };
    let with = |count: usize| {
        let world = plain();
        for n in 0..count {
            world.commit("dev", "page", &n.to_string());
            world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
        }
        world
    };
    let changed = |world: World| {
        world.commit("dev", "page", "changed");
        world
            .git(
                "dev",
                &["push", "--quiet", "--receive-pack=git -c core.hooksPath=/dev/null receive-pack", "origin", "main"],
            )
            .ok();
        world
    };
    let old = |world: World| {
        let id = ids(&world).remove(0);
        world.cairn("site.git", &["backup", "create"]).ok();
        (world, id)
    };
    let (expiring, delete) = old(with(2));
    let restoring = with(2);
    let restored = ids(&restoring).remove(0);
    vec![
        Scenario::new("first", plain(), &["backup", "create"]),
        Scenario::new("incremental", changed(with(1)), &["backup", "create"]),
        Scenario::new("folding", changed(with(8)), &["backup", "create"]),
        Scenario::new("delete", expiring, &["backup", "delete", &delete, "--reason", "a trial"]),
        Scenario::new("worker", changed(with(1)), &["worker", "--once"]),
        Scenario::new("verify", with(2), &["backup", "verify", "--all"]),
        Scenario::new("restore", restoring, &["restore", &restored, "--bare", "--to", "../back.git"]),
    ]
}

fn ids(world: &World) -> Vec<String> {
    let mut ids: Vec<_> = world.backups("site.git").iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

impl Scenario {
    fn new(name: &'static str, world: World, words: &[&str]) -> Self {
        settle(&world);
        for folder in ["site.git", "site.cairn"] {
            copy(&world, folder, &format!("{folder}.before"));
        }
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let listed = if world.path("site.cairn/site").exists() { ids(&world) } else { vec![] };
        let kept = listed.into_iter().filter(|id| name != "delete" || !words.contains(id)).collect();
        let mut scenario = Self { name, words, world, kept, counts: HashMap::new() };
        scenario.count();
        scenario
    }

    /// Puts everything back as it was before the command.
    fn reset(&self) {
        let _ = std::fs::remove_dir_all(self.world.path("back.git"));
        for folder in ["site.git", "site.cairn"] {
            // A child of what was killed may still write for a moment.
            until("the folder is gone", || {
                let path = self.world.path(folder);
                !path.exists() || std::fs::remove_dir_all(path).is_ok()
            });
            copy(&self.world, &format!("{folder}.before"), folder);
        }
    }

    fn count(&mut self) {
        self.reset();
        self.traced(&["-e", &format!("trace={}", CALLS.join(",")), "-o", self.world.path("calls").to_str().unwrap()])
            .ok();
        let log = String::from_utf8_lossy(&read(&self.world.path("calls"))).into_owned();
        let mut counts: HashMap<(&str, &'static str), usize> = HashMap::new();
        for line in log.lines() {
            let Some((process, call)) = line.split_once(' ') else { continue };
            if let Some(name) = CALLS.iter().find(|name| call.trim_start().starts_with(&format!("{name}("))) {
                *counts.entry((process, name)).or_default() += 1;
            }
        }
        for ((_, name), count) in counts {
            let most = self.counts.entry(name).or_default();
            *most = count.max(*most);
        }
    }

    /// Runs the command under strace.
    fn traced(&self, options: &[&str]) -> Ran {
        let mut strace = command("strace", &self.world.path("home"));
        strace.args(["-f", "-qq"]).args(options).arg(GIT_CAIRN).args(&self.words);
        run(strace.current_dir(self.world.path("site.git")))
    }

    /// One fault, and everything that must hold after it. Returns whether the command failed.
    fn fails_well(&self, call: &str, fault: &str, when: usize) -> bool {
        settle(&self.world);
        self.reset();
        let inject = format!("inject={call}:{fault}:when={when}");
        let context = format!("{}: {inject}", self.name);
        let ran = self.traced(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
        if !fault.starts_with("signal") {
            // The message itself may be the write that fails.
            let told = ran.code == 0 || call == "write";
            assert!([0, 1, 5, 9, 10, 11, 12, 13].contains(&ran.code), "{context}\n{ran:?}");
            assert!(told || ran.stderr.contains("error: ") || ran.stderr.contains("warning: "), "{context}\n{ran:?}");
            assert!(!ran.stderr.contains("panicked"), "{context}\n{ran:?}");
        }
        self.is_whole(&context);
        if ran.code == 0 {
            return false;
        }
        // What the person does next: the same again, unless it was done already.
        let again = run(command(GIT_CAIRN, &self.world.path("home"))
            .current_dir(self.world.path("site.git"))
            .args(&self.words));
        let done_before = match self.name {
            "delete" => again.code == 10,
            "restore" => again.code == 5,
            _ => false,
        };
        assert!(again.code == 0 || done_before, "{context}, and again\n{again:?}");
        self.world.cairn("site.git", &["worker", "--once"]).ok();
        self.is_whole(&format!("{context}, and again"));
        self.is_tidy(&context);
        true
    }

    /// Every backup that there was is there, and every one that is there is whole.
    #[track_caller]
    fn is_whole(&self, context: &str) {
        if !self.world.path("site.cairn/site").exists() {
            return;
        }
        let there = ids(&self.world);
        assert!(
            self.kept.iter().all(|id| there.contains(id)),
            "{context}: {:?} are no longer all in {there:?}",
            self.kept
        );
        if let Some(newest) = there.last() {
            let verified = self.world.cairn("site.git", &["backup", "verify", "--all"]);
            assert_eq!(verified.code, 0, "{context}\n{verified:?}");
            let _ = std::fs::remove_dir_all(self.world.path("trial.git"));
            self.world.cairn("site.git", &["restore", newest, "--bare", "--to", "../trial.git"]).ok();
        }
        if self.world.path("back.git").exists() {
            self.world.health("back.git");
            let heads =
                |repository| self.world.git(repository, &["for-each-ref", "refs/heads/", "refs/tags/"]).ok().stdout;
            assert_eq!(heads("back.git").is_empty(), heads("site.git").is_empty(), "{context}");
        }
    }

    /// Nothing is left of the run that failed.
    #[track_caller]
    fn is_tidy(&self, context: &str) {
        let mut left: Vec<_> = temporary(&self.world.path("site.cairn"));
        left.extend(temporary(&self.world.path("site.git")));
        left.extend(
            std::fs::read_dir(self.world.path("."))
                .unwrap()
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| is_temporary(path)),
        );
        let folders = [self.world.path("site.cairn/site/intents"), self.world.path("site.git/cairn/tmp-snapshot")];
        left.extend(
            folders
                .iter()
                .filter_map(|folder| std::fs::read_dir(folder).ok())
                .flatten()
                .flatten()
                .map(|entry| entry.path()),
        );
        assert!(left.is_empty(), "{context} leaves {left:?}");
        let pins = self.world.git("site.git", &["for-each-ref", "refs/cairn/pin/"]).ok().stdout;
        assert_eq!(pins, "", "{context}");
    }
}

/// Waits for the worker that the last push started: it takes these locks one after the other.
fn settle(world: &World) {
    for lock in ["next", "snapshot", "prove"] {
        if let Ok(file) = std::fs::File::open(world.path(&format!("site.git/cairn/{lock}.lock"))) {
            file.lock().unwrap();
        }
    }
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().unwrap().to_str().is_some_and(|name| name.starts_with(".cairn-tmp-"))
}

fn temporary(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if is_temporary(&path) {
            found.push(path);
        } else if path.is_dir() {
            found.extend(temporary(&path));
        }
    }
    found
}

fn copy(world: &World, from: &str, to: &str) {
    if world.path(from).exists() {
        run(command("cp", &world.path("home")).arg("-a").arg(world.path(from)).arg(world.path(to))).ok();
    }
}

fn every_fault_leaves_the_old_state_or_the_new(seed: u64, faults: &[&str]) {
    if command("strace", Path::new("/")).arg("-V").output().is_err() {
        return missing_peer("faults at system calls", "strace");
    }
    let (scenarios, mut random) = (scenarios(), Random::new(seed));
    let (points, mut failed) = (amount("CAIRN_FAULTS", 14), 0);
    for n in 0..points {
        let scenario = &scenarios[n % scenarios.len()];
        let mut calls: Vec<_> = scenario.counts.iter().collect();
        calls.sort();
        let (call, count) = **random.pick(&calls.iter().collect::<Vec<_>>());
        let when = 1 + random.below(*count);
        failed += usize::from(scenario.fails_well(call, random.pick::<&str>(faults), when));
    }
    println!("{points} points of {faults:?}, {failed} of which stopped the command");
    assert!(failed > 0, "no fault was injected");
}

#[test]
fn a_kill_at_any_call_leaves_the_old_state_or_the_new() {
    every_fault_leaves_the_old_state_or_the_new(6, &["signal=KILL"]);
}

#[test]
fn a_failing_disk_leaves_the_old_state_or_the_new() {
    every_fault_leaves_the_old_state_or_the_new(7, &["error=ENOSPC", "error=EIO"]);
}
