//! What is read of history in our own process, beside git's own answers, over random histories whose clocks went wrong too.

use crate::support::{Random, World, amount};
use cairn::git::{ObjectId, Repository, Scratch};
use std::fmt::Write as _;

/// How many commits a history has.
const COMMITS: usize = 40;
/// How many questions each history is asked.
const QUESTIONS: usize = 12;

/// Makes a repository whose branch `b<n>` is the commit `n`: each on one or two of those before it, or on none.
fn history(world: &World, random: &mut Random) {
    let skew = *random.pick(&[1, 1, 30, 3000]);
    let mut stream = String::new();
    for n in 0..COMMITS {
        let time = 1_700_000_000 + n * 10 + random.below(skew) * 10;
        let _ = write!(stream, "commit refs/heads/b{n}\nmark :{}\ncommitter D <d@e> {time} +0000\ndata 2\nx\n", n + 1);
        // Mostly on one of the last few, as people work.
        let parent = |random: &mut Random| n - random.below(n.min(6));
        if n > 0 && random.below(12) > 0 {
            let first = parent(random);
            let _ = writeln!(stream, "from :{first}");
            let second = parent(random);
            if random.below(4) == 0 && second != first {
                let _ = writeln!(stream, "merge :{second}");
            }
        }
        let names = ["a", "a.b", "a/b", "a/c/d", "a-b/e", "f", "g/h"];
        match (*random.pick(&names), random.below(8)) {
            (name, 0) => drop(writeln!(stream, "D {name}")),
            (name, 1) => drop(writeln!(stream, "M 120000 inline {name}\ndata 1\nt")),
            (name, 2) => drop(writeln!(stream, "M 160000 {} {name}", "1".repeat(40))),
            (name, 3) => drop(writeln!(stream, "M 100755 inline {name}\ndata 4\n{n:04}")),
            (name, _) => drop(writeln!(stream, "M 100644 inline {name}\ndata 4\n{n:04}")),
        }
    }
    world.git(".", &["init", "--quiet", "dev"]).ok();
    world.feed("dev", &["fast-import", "--quiet", "--force"], stream.as_bytes());
    if random.below(2) == 0 {
        world.git("dev", &["commit-graph", "write", "--reachable"]).ok();
    }
}

fn ids(text: &str) -> Vec<ObjectId> {
    text.split_whitespace().map(|id| ObjectId::from_hex(id.as_bytes()).unwrap()).collect()
}

fn some(random: &mut Random, commits: &[ObjectId], most: usize) -> Vec<ObjectId> {
    (0..=random.below(most)).map(|_| *random.pick(commits)).collect()
}

fn words(not: &[ObjectId], from: &[ObjectId]) -> Vec<String> {
    from.iter().map(ToString::to_string).chain(not.iter().map(|id| format!("^{id}"))).collect()
}

fn git(world: &World, words: &[&str], more: &[String]) -> String {
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    world.git("dev", &[words, &more].concat()).ok().stdout
}

/// What becomes of each path, as git's raw format tells it.
fn changed(world: &World, scratch: &Scratch, old: &ObjectId, new: &ObjectId) {
    let [old, new] = [old, new].map(|commit| scratch.tree_of(commit).unwrap());
    let zero = "0".repeat(40);
    let side = |side: Option<(u32, ObjectId)>| side.map_or((0, zero.clone()), |(mode, id)| (mode, id.to_string()));
    let one = |change: &cairn::git::TreeChange| {
        let ((old_mode, old), (new_mode, new)) = (side(change.old), side(change.new));
        format!("{old_mode:06o} {new_mode:06o} {old} {new} {}\n", change.path)
    };
    let ours: String = scratch.changed(&old, &new).unwrap().iter().map(one).collect();
    let theirs = git(world, &["diff-tree", "-r", "--no-abbrev", "--no-renames"], &[old.to_string(), new.to_string()]);
    let theirs: String = theirs.lines().map(|line| format!("{} {}\n", &line[1..96], &line[99..])).collect();
    assert_eq!(ours, theirs);
}

/// A word that a person may type.
fn word(random: &mut Random, commits: &[ObjectId]) -> String {
    let n = random.below(COMMITS);
    let steps = ["", "~", "^", "~2", "^2", "^0", "~1^2~1", "^^", "^@", "^{tree}", "~x", "@{0}"];
    let name = match random.below(5) {
        0 => commits[n].to_string(),
        1 => commits[n].to_string()[..4 + random.below(8)].to_owned(),
        2 => format!("refs/heads/b{n}"),
        3 => ["HEAD", "@", "nothing", "tag", "both", "config", "remote/x"][random.below(7)].to_owned(),
        _ => format!("b{n}"),
    };
    name + *random.pick(&steps)
}

#[test]
fn history_is_what_git_says_of_it() {
    let mut named = 0;
    for n in 0..amount("CAIRN_PASTS", 12) {
        let world = World::new();
        let mut random = Random::one_of(3000, n);
        history(&world, &mut random);
        world.git("dev", &["symbolic-ref", "HEAD", "refs/heads/b7"]).ok();
        world.git("dev", &["tag", "-a", "-m", "tag", "tag", "b9"]).ok();
        for name in ["refs/tags/both", "refs/heads/both", "refs/remotes/remote/x", "refs/heads/config"] {
            world.git("dev", &["update-ref", name, "b11"]).ok();
        }
        let repository = Repository::open(&world.path("dev/.git")).unwrap();
        let scratch = Scratch::new(&repository).unwrap();
        let all: Vec<String> = (0..COMMITS).map(|n| format!("b{n}")).collect();
        let commits = ids(&git(&world, &["rev-parse"], &all));
        for _ in 0..QUESTIONS {
            let (not, from) = (some(&mut random, &commits, 3), some(&mut random, &commits, 3));
            let told = ids(&git(&world, &["rev-list"], &words(&not, &from)));
            assert_eq!(scratch.between(&not, &from).unwrap(), told, "^{not:?} {from:?}");
            let (commit, tips) = (random.pick(&commits), some(&mut random, &commits, 8));
            let mut having = scratch.having(&[*commit], &tips).unwrap();
            let path = git(&world, &["rev-list", "--ancestry-path"], &words(&[*commit], &tips));
            let mut told: Vec<_> = ids(&path).into_iter().chain([*commit]).filter(|id| tips.contains(id)).collect();
            having.sort_unstable();
            having.dedup();
            told.sort_unstable();
            assert_eq!(having, told, "{commit} in {tips:?}");
            changed(&world, &scratch, random.pick(&commits), random.pick(&commits));
            let typed = word(&mut random, &commits);
            let told = world.git("dev", &["rev-parse", "--verify", &format!("{typed}^{{commit}}")]);
            if let Some(commit) = scratch.plain_commit(&repository, &typed) {
                assert_eq!((told.out(), told.stderr.as_str()), (commit.to_string().as_str(), ""), "{typed}");
                named += 1;
            }
        }
    }
    assert!(named > 20, "{named} words only were plain");
}

#[test]
fn a_cut_history_ends_where_it_was_cut() {
    let world = World::new();
    history(&world, &mut Random::new(1));
    world.git("dev", &["commit-graph", "write", "--reachable"]).ok();
    let url = format!("file://{}", world.path("dev").display());
    let branch = format!("b{}", COMMITS - 1);
    world.git(".", &["clone", "--quiet", "--bare", "--depth=3", "--branch", &branch, &url, "cut"]).ok();
    assert!(world.path("cut/shallow").is_file(), "nothing was cut");
    let scratch = Scratch::new(&Repository::open(&world.path("cut")).unwrap()).unwrap();
    let told = ids(&world.git("cut", &["rev-list", &branch]).ok().stdout);
    assert_eq!(scratch.between(&[], &told[..1]).unwrap(), told);
}
