//! What a backup and a restore cost beside `git bundle create` and `git clone`.

use crate::figures::{Turn, head, line};
use crate::world::{GIT_CAIRN, World};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// How many references the repository of many has.
const MANY_REFS: usize = 50_000;
/// How many repositories stand below one folder.
const MANY_SITES: usize = 1_000;

/// Prints snapshots and restores of repositories of these sizes, and of a real one.
pub fn tables(sizes: &[usize], real: Option<PathBuf>, turns: usize) {
    println!("Snapshots and restores:\n");
    head();
    for objects in sizes {
        rows(&World::of_objects(*objects), &objects.to_string(), turns);
    }
    if let Some(path) = real {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        rows(&World::of_repository(&path), &name, turns);
    }
}

fn rows(world: &World, size: &str, turns: usize) {
    host(world);
    full(world, size, "full snapshot, packed with bitmap", "0.6", turns);
    one_commit(world, size, turns);
    restore(world, size, turns);
    let packs = std::fs::read_dir(world.path("ours.git/objects/pack")).expect("packs").flatten();
    for bitmap in packs.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "bitmap")) {
        std::fs::remove_file(bitmap.path()).expect("a bitmap");
    }
    world.git("ours.git", &["repack", "-a", "-d", "-q", "--no-write-bitmap-index"]);
    full(world, size, "the same without bitmap", "0.9", turns);
}

/// Prints a full snapshot and a restore of a repository with many references.
pub fn many_refs(turns: usize) {
    let world = World::of_objects(5_000);
    let ids = world.read("plain.git", &["rev-list", "main"]);
    let ids: Vec<&str> = ids.lines().collect();
    let mut refs = String::from("# pack-refs with: sorted \n");
    for n in 0..MANY_REFS {
        let _ = writeln!(refs, "{} refs/heads/topic/{n:05}", ids[n % ids.len()]);
    }
    std::fs::write(world.path("plain.git/packed-refs"), refs).expect("packed-refs");
    println!("\n{MANY_REFS} references:\n");
    head();
    host(&world);
    full(&world, "5000", "full snapshot, 50,000 references", "0.2", turns);
    complete(&world);
    let bundle = bundle(&world);
    let fetch = ["fetch", "--quiet", &bundle, "+refs/*:refs/*"];
    let restore = ["restore", "dev", "--store", "ours.cairn", "--to", "restored.git", "--bare"];
    let prepare = || {
        world.remove("fetched.git");
        world.remove("restored.git");
        world.git(".", &["init", "--quiet", "--bare", "fetched.git"]);
    };
    let measured = (0..turns).map(|_| {
        prepare();
        let git = world.git("fetched.git", &fetch);
        world.settle();
        Turn { git, ours: world.cairn(".", &restore) }
    });
    let measured: Vec<_> = measured.collect();
    prepare();
    let peaks = [world.peak("fetched.git", "git", &fetch), world.peak(".", GIT_CAIRN, &restore)];
    line("restore --bare, beside git fetch of the bundle", "5000", &measured, "0.05", peaks);
}

/// Prints what it takes to see that none of many repositories changed.
pub fn many_sites(turns: usize) {
    let world = World::of_objects(50);
    std::fs::create_dir(world.path("srv")).expect("a folder");
    for n in 0..MANY_SITES {
        let name = format!("srv/site{n:04}.git");
        world.copy("plain.git", &name);
        world.git(&name, &["config", "cairn.reserve", "1MiB"]);
        world.cairn(&name, &["setup"]);
    }
    println!("\n{MANY_SITES} repositories of which none changed:\n");
    head();
    let measured = (0..turns).map(|_| {
        let listed = (0..MANY_SITES).map(|n| world.git(&format!("srv/site{n:04}.git"), &["for-each-ref"]));
        Turn { git: listed.sum(), ours: world.cairn(".", &["backup", "create", "--sites", "srv"]) }
    });
    line("backup create --sites, beside for-each-ref in each", "50", &measured.collect::<Vec<_>>(), "1", [None, None]);
}

/// Makes `ours.git`, set up and without a backup.
fn host(world: &World) {
    world.copy("plain.git", "ours.git");
    world.git("ours.git", &["config", "cairn.reserve", "1MiB"]);
    world.cairn("ours.git", &["setup", "--no-backup"]);
    world.settle();
}

/// Waits until what is verified in the background is.
fn complete(world: &World) {
    world.cairn("ours.git", &["worker", "--once"]);
}

/// Takes away every backup, and that there was one.
fn forget(world: &World) {
    for name in ["ours.cairn", "ours.git/cairn"] {
        world.remove(name);
    }
}

fn full(world: &World, size: &str, work: &str, reach: &str, turns: usize) {
    let bundle = world.path("git.bundle");
    let git = ["bundle", "create", "--quiet", bundle.to_str().expect("a path in UTF-8"), "--all"];
    let ours = ["backup", "create"];
    let mut measured = Vec::new();
    for _ in 0..turns {
        forget(world);
        world.remove("git.bundle");
        let turn = Turn { git: world.git("ours.git", &git), ours: world.cairn("ours.git", &ours) };
        complete(world);
        measured.push(turn);
    }
    let git_peak = world.peak("ours.git", "git", &git);
    forget(world);
    let peak = world.peak("ours.git", GIT_CAIRN, &ours);
    complete(world);
    line(work, size, &measured, reach, [git_peak, peak]);
}

/// A commit comes, and a snapshot is made.
fn one_commit(world: &World, size: &str, turns: usize) {
    let bundle = world.path("git.bundle");
    let branch = world.read("ours.git", &["symbolic-ref", "HEAD"]);
    let commit = |n: usize| -> [Duration; 2] {
        let old = world.read("ours.git", &["rev-parse", "HEAD"]);
        let tree = world.read("ours.git", &["rev-parse", "HEAD^{tree}"]);
        let new = world.read("ours.git", &["commit-tree", "-p", &old, "-m", &n.to_string(), &tree]);
        world.git("ours.git", &["update-ref", &branch, &new]);
        let not = format!("^{old}");
        world.remove("git.bundle");
        let words = ["bundle", "create", "--quiet", bundle.to_str().expect("a path in UTF-8"), &branch, &not];
        [world.git("ours.git", &words), world.cairn("ours.git", &["backup", "create"])]
    };
    commit(0);
    let measured = (1..=turns).map(|n| {
        let [git, ours] = commit(n);
        Turn { git, ours }
    });
    line("snapshot after one commit", size, &measured.collect::<Vec<_>>(), "4", [None, None]);
}

/// The newest backup as one bundle.
fn bundle(world: &World) -> String {
    world.remove("all.bundle");
    let path = world.path("all.bundle").to_str().expect("a path in UTF-8").to_owned();
    world.cairn("ours.git", &["backup", "get", "dev", "--element", "code", "--to", &path]);
    path
}

fn restore(world: &World, size: &str, turns: usize) {
    complete(world);
    let bundle = bundle(world);
    let git = ["clone", "--quiet", "--mirror", &bundle, "cloned.git"];
    let ours = ["restore", "dev", "--store", "ours.cairn", "--to", "restored.git", "--bare"];
    let clean = || ["cloned.git", "restored.git"].iter().for_each(|name| world.remove(name));
    let mut measured = Vec::new();
    for _ in 0..turns {
        clean();
        let git = world.git(".", &git);
        world.settle();
        measured.push(Turn { git, ours: world.cairn(".", &ours) });
    }
    clean();
    let peaks = [world.peak(".", "git", &git), world.peak(".", GIT_CAIRN, &ours)];
    line("restore --bare, beside git clone --mirror", size, &measured, "0.10", peaks);
}
