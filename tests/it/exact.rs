//! Every point in time comes back with exactly the references, HEAD and objects of that instant.
//!
//! The whole sweep: `CAIRN_STEPS=10000 cargo test --test it -- every_point_of_random_histories --nocapture`. A history that
//! fails names its seed; with `CAIRN_SEED` set to it and `CAIRN_STEPS=100` it is the only one.

use crate::history::Host;
use crate::support::{Random, World, amount, host_with, missing_peer};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many steps a history has at most; then another one begins with a new repository.
const STEPS_MAX: usize = 100;
/// How many histories run at once.
const THREADS: usize = 2;
/// Every how many histories the usual recipe runs beside ours.
const CONTROL_EVERY: usize = 10;

/// What a history came to.
#[derive(Default)]
struct Count {
    points: AtomicUsize,
    control: AtomicUsize,
    control_wrong: AtomicUsize,
}

/// A point in time: its backup, and what it must come back as.
struct Point {
    backup: String,
    content: String,
    work_trees: Vec<String>,
}

/// Makes a backup after each of these steps, and restores every one of them from the store alone.
fn every_point_comes_back(seed: u64, history: usize, steps: usize, count: &Count) {
    let random = Random::one_of(seed, history);
    let format = if random.seed().is_multiple_of(2) { "sha256" } else { "sha1" };
    let mut host = Host::new(host_with(&[&format!("--object-format={format}")], &[]), random);
    let mut control = history.is_multiple_of(CONTROL_EVERY).then(|| UsualRecipe::new(&host.world, format));
    let mut points = Vec::new();
    for _ in 0..steps {
        host.step();
        let backup = host.world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
        if let Some(control) = &mut control {
            control.step(&host.world);
            count.control.fetch_add(1, Ordering::Relaxed);
            let wrong = control.refs(&host.world, "control.git") != control.refs(&host.world, "site.git");
            count.control_wrong.fetch_add(usize::from(wrong), Ordering::Relaxed);
        }
        points.push(Point { backup, content: host.world.content("site.git"), work_trees: host.detached_work_trees() });
    }
    let world = &host.world;
    world.remove("site.git");
    for (step, Point { backup, content, work_trees }) in points.iter().enumerate() {
        world.cairn(".", &["restore", backup, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
        world.health("back.git");
        assert!(world.content("back.git") == *content, "{} after step {step}, backup {backup}", host.done[step]);
        for commit in work_trees {
            world.git("back.git", &["rev-list", "--objects", commit]).ok();
        }
        std::fs::remove_dir_all(world.path("back.git")).unwrap();
        count.points.fetch_add(1, Ordering::Relaxed);
    }
}

/// What people do: a bundle of all that the last one did not have, fetched step by step.
struct UsualRecipe {
    have: Vec<String>,
}

impl UsualRecipe {
    fn new(world: &World, format: &str) -> Self {
        world.bare("control.git", &[&format!("--object-format={format}")]);
        Self { have: vec![] }
    }

    fn step(&mut self, world: &World) {
        let not = self.have.iter().map(|id| format!("^{id}\n")).collect::<String>();
        let mut bundle = world.in_folder("site.git", "git");
        std::fs::write(world.path("not"), not).unwrap();
        bundle.args(["bundle", "create", "--quiet", "../step.bundle", "--all", "--ignore-missing", "--stdin"]);
        let made = crate::support::run(bundle.stdin(std::fs::File::open(world.path("not")).unwrap()));
        if made.code == 0 {
            // Some of its references are ones no fetch can set; the others it sets.
            world.git("control.git", &["fetch", "--quiet", "../step.bundle", "+refs/*:refs/*"]);
        }
        let tips = world.git("site.git", &["for-each-ref", "--format=%(objectname)"]).ok().stdout;
        self.have = tips.lines().map(str::to_owned).collect();
    }

    fn refs(&self, world: &World, repository: &str) -> Vec<u8> {
        let all = world.feed(repository, &["for-each-ref", "--format=%(refname) %(objectname)"], b"");
        // git leaves some out itself (--exclude) since 2.42 only.
        let counts = |line: &&[u8]| !line.starts_with(b"refs/cairn/pin/");
        all.split_inclusive(|byte| *byte == b'\n').filter(counts).flatten().copied().collect()
    }
}

#[test]
fn every_point_of_random_histories_comes_back() {
    let steps = amount("CAIRN_STEPS", 80);
    let histories = steps.div_ceil(STEPS_MAX).max(THREADS.min(steps));
    let (next, count, begun) = (AtomicUsize::new(0), Count::default(), std::time::Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let history = next.fetch_add(1, Ordering::Relaxed);
                    if history >= histories {
                        break;
                    }
                    let share = steps / histories + usize::from(history < steps % histories);
                    every_point_comes_back(1, history, share, &count);
                }
            });
        }
    });
    let [points, control, wrong] =
        [&count.points, &count.control, &count.control_wrong].map(|count| count.load(Ordering::Relaxed));
    println!(
        "{points} points of {histories} histories came back exactly, in {:.0?}; of {control} points the usual recipe had {wrong} wrong",
        begun.elapsed()
    );
    assert_eq!(points, steps);
    assert!(wrong > 0, "the control that must fail does not: {control} points");
}

fn odd_references_come_back(format: &str, detached: bool) {
    let world = World::new();
    world.fixture("odd-refs.sh", "odd.git", &[format]);
    if detached {
        let tip = world.tip("odd.git", "refs/heads/main");
        world.git("odd.git", &["update-ref", "--no-deref", "HEAD", &tip]).ok();
    }
    world.git("odd.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("odd.git", &["setup", "--env", "dev=main"]).ok();
    let before = (world.exact("odd.git"), world.identity("odd.git"));
    std::fs::remove_dir_all(world.path("odd.git")).unwrap();
    world.cairn(".", &["restore", "dev", "--store", "odd.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!((world.exact("back.git"), world.identity("back.git")), before);
}

#[test]
fn odd_references_come_back_from_the_store_alone() {
    odd_references_come_back("sha1", false);
}

#[test]
fn odd_references_of_sha256_come_back_from_the_store_alone() {
    odd_references_come_back("sha256", false);
}

#[test]
fn odd_references_come_back_with_a_detached_head() {
    odd_references_come_back("sha1", true);
    odd_references_come_back("sha256", true);
}

#[test]
fn what_a_replacement_hides_comes_back_and_the_replacement_too() {
    let world = host_with(&[], &[]);
    let old = world.tip("site.git", "main");
    let new = world.git("site.git", &["commit-tree", "-m", "another root", "main^{tree}"]).ok().out().to_owned();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git("site.git", &["replace", &old, &new]).ok();
    world.cairn("site.git", &["backup", "create"]).ok();
    let before = world.exact("site.git");
    world.remove("site.git");
    world.cairn(".", &["restore", "dev", "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), before);
    world.git("back.git", &["--no-replace-objects", "cat-file", "-e", &old]).ok();
    world.git("back.git", &["replace", "-d", &old]).ok();
    world.health("back.git");
}

#[test]
fn references_in_a_reftable_come_back() {
    if World::new().git(".", &["init", "--quiet", "--ref-format=reftable", "probe"]).code != 0 {
        return missing_peer("a reftable that comes back", "a git that knows reftables");
    }
    let world = host_with(&["--ref-format=reftable"], &[]);
    world.git("site.git", &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]).ok();
    world.git("site.git", &["update-ref", "refs/heads/refs/heads/main", "main"]).ok();
    let id = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
    let before = world.identity("site.git");
    world.cairn(".", &["restore", &id, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.identity("back.git"), before);
}
