//! Snapshots taken while branches are pushed, rewound and deleted and git collects what is left: no reference is lost, and
//! whatever is listed restores.
//!
//! Prune is kept off pushes, for git would break the host itself, and off nothing else.
//!
//! The whole sweep: `CAIRN_SNAPSHOTS=10000 cargo test --test it -- snapshots_beside_pushes --nocapture`.

use crate::support::{GIT_CAIRN, Ran, Random, World, amount, bare_host, host, run, until};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

/// How many snapshots are made by hand before a round ends; pushes make others.
const BY_HAND: usize = 25;
/// How many people push.
const WRITERS: usize = 3;
/// The branch that is moved all the time and never deleted.
const BUSY: &str = "refs/heads/busy";

/// What all rounds came to.
#[derive(Debug, Default)]
struct Count {
    rounds: usize,
    /// Snapshots that are listed, each of them verified and searched for what it must have.
    snapshots: usize,
    pushes: usize,
    /// Snapshots by hand that ended in an error.
    refused: usize,
    /// Rounds in which git itself lost objects that a reference of the host names.
    broken_by_git: usize,
    /// What `git bundle create --all` came to, as often as a snapshot was made by hand.
    control_failed: usize,
    control_without_busy: usize,
}

/// A host on which everybody does something at once.
struct Round {
    world: World,
    stop: AtomicBool,
    pushes: AtomicUsize,
    /// What the busy branch may have held.
    busy: Mutex<BTreeSet<String>>,
    unqueued: Mutex<Vec<String>>,
    /// Held by whoever pushes, and alone by who prunes: beside a push `git gc --prune=now` deletes what the push has just
    /// brought (git-gc(1), NOTES), and then the host itself is broken. Nothing holds it off a snapshot.
    no_prune: RwLock<()>,
}

impl Round {
    fn new() -> Self {
        let world = bare_host(&[]);
        for n in 0..20 {
            world.commit("dev", "page", &format!("kept {n}"));
            world.git("dev", &["branch", &format!("kept/{n}")]).ok();
            world.git("dev", &["tag", "-a", "-m", "kept", &format!("kept-{n}")]).ok();
        }
        world.git("dev", &["push", "--quiet", "--tags", "origin", "main", "refs/heads/kept/*", "main:busy"]).ok();
        let busy = Mutex::new(BTreeSet::from([world.tip("dev", "main")]));
        world.git("site.git", &["config", "cairn.hookBudget", "0s"]).ok();
        world.cairn("site.git", &["setup"]).ok();
        for n in 0..WRITERS {
            world.git(".", &["clone", "--quiet", "site.git", &format!("w{n}")]).ok();
        }
        Self {
            world,
            stop: AtomicBool::new(false),
            pushes: AtomicUsize::new(0),
            busy,
            unqueued: Mutex::default(),
            no_prune: RwLock::default(),
        }
    }

    fn writes(&self, n: usize, mut random: Random) {
        let clone = format!("w{n}");
        let own = format!("refs/heads/own/{n}");
        for count in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            if random.below(4) == 0 {
                self.world.git(&clone, &["reset", "--quiet", "--hard", "origin/main"]).ok();
            }
            let tip = self.world.commit(&clone, "page", &format!("{n} {count}"));
            match random.below(6) {
                0 | 1 if n == 0 => {
                    self.busy.lock().unwrap().insert(tip.clone());
                    self.push(&clone, &[&format!("{tip}:{BUSY}")]);
                }
                0 => self.push(&clone, &[&format!(":{own}"), &format!(":{own}/below")]),
                // It becomes a folder of branches, or a branch again.
                1 => self.push(&clone, &[&format!(":{own}"), &format!("{tip}:{own}/below")]),
                2 => self.push(&clone, &[&format!(":{own}/below"), &format!("{tip}:{own}")]),
                _ => self.push(&clone, &[&format!("{tip}:{own}")]),
            }
        }
    }

    /// git may refuse it, where a reference is locked or in the way.
    fn push(&self, clone: &str, what: &[&str]) {
        let _no_prune = self.no_prune.read().unwrap();
        let pushed = self.world.git(clone, &[&["push", "--quiet", "--force", "origin"], what].concat());
        self.pushes.fetch_add(1, Ordering::Relaxed);
        if pushed.stderr.contains("no backup is queued") {
            self.unqueued.lock().unwrap().push(pushed.stderr);
        }
    }

    fn collects(&self, mut random: Random) {
        while !self.stop.load(Ordering::Relaxed) {
            let words: &[&str] = match random.below(4) {
                0 | 1 => &["gc", "--quiet", "--prune=now"],
                2 => &["repack", "-adkq"],
                _ => &["pack-refs", "--all"],
            };
            let pruning = words[0] == "gc";
            let alone = pruning.then(|| self.no_prune.write().unwrap());
            self.world.git("site.git", words);
            drop(alone);
            std::thread::sleep(Duration::from_millis(random.below(100) as u64));
        }
    }

    /// Makes snapshots by hand, and what people do beside each.
    fn is_backed_up(&self, count: &mut Count) {
        for _ in 0..BY_HAND {
            let made = self.world.cairn("site.git", &["backup", "create"]);
            if made.code != 0 {
                println!("refused: {}", made.stderr.trim());
                count.refused += 1;
            }
            let bundled = self.world.git("site.git", &["bundle", "create", "--quiet", "../control.bundle", "--all"]);
            let heads = self.world.git("site.git", &["bundle", "list-heads", "../control.bundle"]).stdout;
            count.control_failed += usize::from(bundled.code != 0);
            let busy = heads.lines().any(|line| line.ends_with(&format!(" {BUSY}")));
            count.control_without_busy += usize::from(bundled.code == 0 && !busy);
        }
    }

    /// Tells whether a reference of the host names what git has deleted.
    fn is_broken_by_git(&self) -> bool {
        let words = ["rev-list", "--objects", "--quiet", "--exclude=refs/cairn/pin/*", "--all"];
        self.world.git("site.git", &words).code != 0
    }

    /// Looks at every snapshot that is listed.
    fn all_are_whole(&self) -> usize {
        let world = &self.world;
        world.cairn("site.git", &["backup", "verify", "--all"]).ok();
        let kept = world
            .git("dev", &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"])
            .ok()
            .stdout;
        let kept: Vec<_> =
            kept.lines().filter(|line| line.contains("/kept")).filter_map(|line| line.split_once(' ')).collect();
        assert_eq!(kept.len(), 40);
        let busy = self.busy.lock().unwrap();
        let backups =
            std::fs::read_dir(world.path("site.cairn/site/backups")).unwrap().map(|entry| entry.unwrap().path());
        let mut snapshots = 0;
        for backup in backups.filter(|folder| folder.join("manifest.json").exists()) {
            let list = std::fs::read_to_string(backup.join("refs")).unwrap();
            let list = list.lines().filter_map(|line| line.strip_prefix("create ")?.split_once(' '));
            let list: BTreeMap<_, _> = list.collect();
            for (name, id) in &kept {
                assert_eq!(list.get(name), Some(id), "{name} in {}", backup.display());
            }
            assert!(list.get(BUSY).is_some_and(|id| busy.contains(*id)), "{BUSY} in {}", backup.display());
            snapshots += 1;
        }
        snapshots
    }

    /// Restores some snapshots from the store alone.
    fn some_come_back(&self, random: &mut Random) {
        let world = &self.world;
        let backups = world.backups("site.git");
        for backup in [&backups[0], random.pick(&backups), random.pick(&backups)] {
            let id = backup["id"].as_str().unwrap();
            world.cairn(".", &["restore", id, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
            world.health("back.git");
            std::fs::remove_dir_all(world.path("back.git")).unwrap();
        }
    }
}

fn one_round(n: usize, count: &mut Count) {
    let round = Round::new();
    let random = |which: usize| Random::one_of(1, n * 10 + which);
    std::thread::scope(|scope| {
        let round = &round;
        for writer in 0..WRITERS {
            let random = random(writer);
            scope.spawn(move || round.writes(writer, random));
        }
        let random = random(WRITERS);
        scope.spawn(move || round.collects(random));
        round.is_backed_up(count);
        round.stop.store(true, Ordering::Relaxed);
    });
    let worker = round.world.cairn("site.git", &["worker", "--once"]);
    let broken = round.is_broken_by_git();
    count.rounds += 1;
    count.pushes += round.pushes.load(Ordering::Relaxed);
    count.broken_by_git += usize::from(broken);
    assert!(broken || worker.code == 0, "a job stays: {}", worker.stderr);
    let unqueued = round.unqueued.lock().unwrap();
    assert!(broken || unqueued.is_empty(), "{}", unqueued.join("\n"));
    if !broken {
        round.world.cairn("site.git", &["backup", "create"]).ok();
        let newest = round.world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
        round.world.cairn(".", &["restore", &newest, "--store", "site.cairn", "--to", "last.git", "--bare"]).ok();
        assert_eq!(round.world.content("last.git"), round.world.content("site.git"));
    }
    count.snapshots += round.all_are_whole();
    round.some_come_back(&mut random(WRITERS + 1));
}

#[test]
fn snapshots_beside_pushes_and_collections_lose_nothing() {
    let wanted = amount("CAIRN_SNAPSHOTS", 60);
    let (mut count, begun) = (Count::default(), Instant::now());
    while count.snapshots < wanted {
        one_round(count.rounds, &mut count);
        println!("{count:?} in {:.0?}", begun.elapsed());
    }
}

#[test]
fn a_person_need_not_wait_until_no_job_is_left() {
    let world = host();
    world.git("site.git", &["config", "cairn.hookBudget", "0s"]).ok();
    let lock = |name: &str| std::fs::File::open(world.path(&format!("site.git/cairn/{name}.lock")));
    let held = lock("snapshot").unwrap();
    held.lock().unwrap();
    for n in 0..8 {
        world.commit("dev", "page", &n.to_string());
        world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    }
    let by_hand = std::thread::scope(|scope| {
        let made = scope.spawn(|| world.cairn("site.git", &["backup", "create", "--wait", "30s"]).ok());
        until("a person waits in front", || lock("front").is_ok_and(|file| file.try_lock_shared().is_err()));
        held.unlock().unwrap();
        made.join().unwrap().out().to_owned()
    });
    world.cairn("site.git", &["worker", "--once"]).ok();
    let last = world.backups("site.git").iter().map(|one| one["id"].as_str().unwrap().to_owned()).max().unwrap();
    assert!(by_hand < last, "{by_hand} came after every job: {last}");
    assert_eq!(world.backups("site.git").len(), 10);
}

/// Runs `git cairn` with a git that does something else, once, right before it does what is `asked`.
fn with_a_git_that(world: &World, asked: &str, before: &str, arguments: &[&str]) -> Ran {
    std::fs::create_dir(world.path("bin")).unwrap();
    let once = world.path("once").display().to_string();
    let body = format!(
        "PATH=${{PATH#*:}}\ncase \" $* \" in *\" {asked} \"*) [ -e {once} ] || {{ >{once}; {before}; }} >&2 ;; esac\nexec git \"$@\""
    );
    world.script("bin/git", &body);
    let mut cairn = world.in_folder("site.git", GIT_CAIRN);
    let path = std::env::join_paths(
        [world.path("bin")].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let ran = run(cairn.env("PATH", path.unwrap()).args(arguments));
    assert!(world.path("once").exists(), "git {asked} was never asked for: {}", ran.stderr);
    ran
}

#[test]
fn a_worker_at_work_has_left_its_place_in_line() {
    let world = host();
    world.git("site.git", &["config", "cairn.hookBudget", "0s"]).ok();
    let file = |name: &str| world.path(&format!("site.git/cairn/{name}.lock"));
    // The worker of this push finds the place taken and leaves the job.
    let taken = std::fs::File::create(file("next")).unwrap();
    taken.lock().unwrap();
    world.git("site.git", &["update-ref", "refs/heads/large", &world.large_commit("site.git")]).ok();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    taken.unlock().unwrap();
    let free = |name: &str| world.path(&format!("{name}-is-free"));
    let try_it = |name: &str| format!("flock -n {} touch {}", file(name).display(), free(name).display());
    let before = format!("{}; {}", try_it("next"), try_it("snapshot"));
    with_a_git_that(&world, "pack-objects", &before, &["worker", "--once", "--detached"]).ok();
    assert_eq!([free("next").exists(), free("snapshot").exists()], [true, false]);
    assert_eq!(world.backups("site.git").len(), 2);
}

#[test]
fn a_branch_that_goes_while_it_is_packed_makes_the_list_be_taken_again() {
    let world = host();
    let alone = world.large_commit("site.git");
    world.git("site.git", &["update-ref", "refs/heads/soon-gone", &alone]).ok();
    let before = "git update-ref -d refs/heads/soon-gone; git gc --quiet --prune=now";
    let made = with_a_git_that(&world, "pack-objects", before, &["backup", "create"]).ok();
    let shown = world.cairn("site.git", &["backup", "show", made.out(), "--json"]).ok().json();
    let list = shown["backup"]["ref_list"].as_array().unwrap();
    assert!(list.iter().all(|one| one["name"] != "refs/heads/soon-gone"));
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn an_object_that_is_lost_while_its_branch_stays_is_an_error_and_no_backup() {
    let world = host();
    let alone = world.large_commit("site.git");
    world.git("site.git", &["update-ref", "refs/heads/broken", &alone]).ok();
    let before = format!("rm -f objects/{}/{}", &alone[..2], &alone[2..]);
    with_a_git_that(&world, "pack-objects", &before, &["backup", "create"]).exits(13).says("git");
    assert_eq!(world.backups("site.git").len(), 1);
}

#[test]
fn a_pack_that_is_replaced_while_it_is_to_be_copied_stops_no_backup() {
    let world = bare_host(&[]);
    world.git("site.git", &["repack", "-adq", "--write-bitmap-index"]).ok();
    let before = "git update-ref refs/heads/new $(git commit-tree -m new main^{tree}); git repack -adq";
    with_a_git_that(&world, "rev-list", before, &["setup"]).ok();
    world.cairn("site.git", &["restore", "dev", "--to", "../back.git", "--bare"]).ok();
    world.git("back.git", &["cat-file", "-e", "main"]).ok();
}

#[test]
fn references_are_read_while_they_come_and_go() {
    let world = host();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // A branch, and then a folder of branches of the same name: neither file nor folder can be read when it is the
            // other by then.
            let of_all = |verb: &str, below: &str, value: &str| {
                let lines = (0..50).map(|n| format!("{verb} refs/heads/gone/{n}{below}{value}\n")).collect::<String>();
                world.feed("site.git", &["update-ref", "--stdin"], lines.as_bytes());
            };
            while !stop.load(Ordering::Relaxed) {
                for below in ["", "/below"] {
                    of_all("update", below, " refs/heads/main");
                    of_all("delete", below, "");
                }
            }
        });
        for _ in 0..12 {
            let made = world.cairn("site.git", &["backup", "create"]);
            stop.store(made.code != 0, Ordering::Relaxed);
            made.ok();
        }
        stop.store(true, Ordering::Relaxed);
    });
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}
