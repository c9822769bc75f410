//! What our hooks cost a push.
//!
//! Three copies of one repository take the same push in turn: one with our hooks, one with hooks that do nothing, one
//! without hooks. What hooks that do nothing cost is git's own price for having any.

use crate::figures::quartile;
use crate::world::World;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// Pushes before the first one that is measured.
const WARM_UP: usize = 3;
/// How often was deployed before, where it was often.
const DEPLOYMENTS: usize = 1_000;
/// The hosts, in the order of a turn's times.
const HOSTS: [&str; 3] = ["ours.git", "empty.git", "plain.git"];

/// How long one push took to each of the hosts.
type Turn = [Duration; 3];

/// Prints what a push costs that moves no environment, and one that deploys.
pub fn tables(sizes: &[usize], turns: usize) {
    let worlds: Vec<(usize, World)> = sizes.iter().map(|objects| (*objects, hosts(*objects))).collect();
    // What was just built is written to the disk now, not while the pushes are measured.
    rustix::fs::sync();
    println!(
        "\nA push that moves no environment, cairn.snapshot = deployments; the reach is 1.15 at 100,000 objects:\n"
    );
    table(&worlds, "topic", 0, turns);
    println!(
        "\nA push that deploys: marked, synced and backed up before it returns; the reach is 1.6 at 400,000 objects:\n"
    );
    table(&worlds, "live", 0, turns);
}

/// Prints what a push costs that deploys where very often was deployed before: there are as many tags, which all three hosts
/// have with the objects as they lie, and backups. The packs that our worker made of what the tags name are ours alone.
pub fn deployed(objects: usize, turns: usize) {
    println!(
        "\nA push that deploys after {DEPLOYMENTS} deployments, beside pushes into repositories with the same tags:\n"
    );
    let world = hosts(objects);
    for n in 0..DEPLOYMENTS {
        commit(&world, "live", n);
        push(&world, HOSTS[0], "live");
    }
    world.cairn(HOSTS[0], &["worker", "--once"]);
    // As they lie: git reads loose objects at every push, and of these each tag is one.
    for host in &HOSTS[1..] {
        for part in ["objects", "refs", "packed-refs"] {
            world.remove(&format!("{host}/{part}"));
            world.copy(&format!("{}/{part}", HOSTS[0]), &format!("{host}/{part}"));
        }
        // What is in them lies loose as well.
        let packs = std::fs::read_dir(world.path(&format!("{host}/objects/pack"))).expect("packs");
        for pack in packs.map(|pack| pack.expect("a pack").path()) {
            if pack.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"loose-")) {
                std::fs::remove_file(pack).expect("a pack that nothing needs");
            }
        }
    }
    table(&[(objects, world)], "live", DEPLOYMENTS, turns);
}

/// Prints what the guard costs a push to main where very much was dropped before.
pub fn guarded(objects: usize, turns: usize) {
    println!(
        "\nA push to main into 1,000 branches, 20,000 rescues and 500 banned commits; the reach is 1.25 with a commit-graph:\n"
    );
    let world = hosts(objects);
    let commits = world.read("plain.git", &["rev-list", "--max-count=20000", "main"]);
    let commits: Vec<&str> = commits.lines().collect();
    let at = |n: usize| commits[n % commits.len()];
    let mut refs: String = (0..1_000).map(|n| format!("create refs/heads/b/{n} {}\n", at(n * 7))).collect();
    refs.extend((0..20_000).map(|n| format!("create refs/cairn/rescue/20260101-000000-{n:08x} {}\n", at(n))));
    // Bans of what no push brings: their names alone are read.
    refs.extend((0..500).map(|n| format!("create refs/cairn/ban/20260101-000000-{n:08x}/{n:040x} {}\n", at(n))));
    for host in HOSTS {
        world.feed(host, &["update-ref", "--stdin"], refs.as_bytes());
        world.git(host, &["pack-refs", "--all"]);
        world.git(host, &["config", "transfer.hideRefs", "refs/cairn"]);
    }
    let worlds = [(objects, world)];
    println!("without a commit-graph:\n");
    table(&worlds, "main", 0, turns);
    for host in HOSTS {
        worlds[0].1.git(host, &["commit-graph", "write", "--reachable"]);
    }
    println!("\nwith one:\n");
    table(&worlds, "main", 0, turns);
}

/// Measures pushes to a branch, to which so many were made before, in every world and prints a line of each.
fn table(worlds: &[(usize, World)], branch: &str, before: usize, turns: usize) {
    println!("| objects | git | empty hooks | git-cairn | empty ratio | git-cairn ratio | quartiles |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (objects, world) in worlds {
        for n in 0..WARM_UP {
            turn(world, branch, before + n);
        }
        let measured: Vec<Turn> = (0..turns).map(|n| turn(world, branch, before + WARM_UP + n)).collect();
        let time = |host: usize| quartile(measured.iter().map(|turn| turn[host].as_secs_f64() * 1000.0), 2);
        let ratios = |host: usize| measured.iter().map(move |turn| turn[host].as_secs_f64() / turn[2].as_secs_f64());
        println!(
            "| {objects} | {:.1} | {:.1} | {:.1} | {:.3} | **{:.3}** | {:.3} to {:.3} |",
            time(2),
            time(1),
            time(0),
            quartile(ratios(1), 2),
            quartile(ratios(0), 2),
            quartile(ratios(0), 1),
            quartile(ratios(0), 3),
        );
    }
}

/// Three identical hosts and a clone that pushes to all.
fn hosts(objects: usize) -> World {
    let world = World::of_objects(objects);
    for copy in ["ours.git", "empty.git"] {
        world.copy("plain.git", copy);
    }
    world.git(".", &["clone", "--quiet", "--bare", "plain.git", "dev.git"]);
    for hook in ["pre-receive", "post-receive"] {
        let path = world.path("empty.git/hooks").join(hook);
        std::fs::write(&path, "#!/bin/sh\nexit 0\n").expect("a hook");
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("a hook");
    }
    world.git("ours.git", &["config", "cairn.snapshot", "deployments"]);
    world.git("ours.git", &["config", "cairn.reserve", "1MiB"]);
    world.cairn("ours.git", &["setup"]);
    world.cairn("ours.git", &["worker", "--once"]);
    world
}

/// Pushes one new commit on a branch to every host; another one is the first each time.
fn turn(world: &World, branch: &str, n: usize) -> Turn {
    commit(world, branch, n);
    let mut turn = Turn::default();
    for host in (0..HOSTS.len()).map(|k| (k + n) % HOSTS.len()) {
        world.settle();
        turn[host] = push(world, HOSTS[host], branch);
    }
    turn
}

/// Adds the commit of this number to a branch, which begins on main.
fn commit(world: &World, branch: &str, n: usize) {
    let from = if n == 0 { "refs/heads/main^0".into() } else { format!("refs/heads/{branch}^0") };
    world.import("dev.git", branch, Some(&from), n..n + 1);
}

/// Pushes a branch to a host.
fn push(world: &World, host: &str, branch: &str) -> Duration {
    let mut push = world.command("git");
    push.arg("-C").arg(world.path("dev.git")).args(["push", "--quiet"]).arg(world.path(host));
    world.run(push.arg(format!("refs/heads/{branch}:refs/heads/{branch}")))
}
