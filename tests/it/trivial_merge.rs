//! Merges that are made without git, beside git's own of the same three trees, over random trees and edits, and over random
//! texts.
//!
//! `CAIRN_MERGES` sets their number; `CAIRN_MERGES_IN` names a repository in which commits are reverted instead, upon one of
//! the next that came after them.

use crate::support::{Random, World, amount, counted, missing_peer, run};
use cairn::git::{Attributes, ObjectId, Repository, Scratch};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How many merges share a repository.
const MERGES_EACH: usize = 50;
/// How many texts one git merges at once.
const TEXTS_EACH: usize = 500;
/// How many commits come between one and what it is reverted upon, at most.
const LATER_MAX: usize = 40;
/// What names are made of; git sorts a folder `a` behind a file `a.b`.
const NAMES: [&str; 5] = ["a", "b", "a.b", "a-b", "c"];

/// What may be said of files; the first two change no merge.
const ATTRIBUTES: [&str; 6] = [
    "* text=auto\n",
    "a -diff eol=crlf\n",
    "a merge=union\n",
    "* -merge\n",
    "[attr]odd merge=union\n* odd\n",
    "b binary\n",
];

/// The files of a tree, each with its mode and content.
type Files = BTreeMap<String, (u32, String)>;

fn path(random: &mut Random) -> String {
    (0..=random.below(3)).map(|_| *random.pick(&NAMES)).collect::<Vec<_>>().join("/")
}

fn text(random: &mut Random) -> String {
    let n = random.below(4);
    (0..12).map(|line| format!("line {line} of {n}\n")).collect()
}

/// Puts a file somewhere; what stands in its way goes.
fn put(files: &mut Files, path: String, file: (u32, String)) {
    files.retain(|other, _| !path.starts_with(&format!("{other}/")) && !other.starts_with(&format!("{path}/")));
    files.insert(path, file);
}

/// Takes away a file, or a folder with all it has, and returns what stood there by the rest of its path.
fn take(files: &mut Files, path: &str) -> Files {
    let below = format!("{path}/");
    let (taken, left) = std::mem::take(files)
        .into_iter()
        .partition::<Files, _>(|(other, _)| other == path || other.starts_with(&below));
    *files = left;
    taken.into_iter().map(|(other, file)| (other[path.len()..].to_owned(), file)).collect()
}

fn edit(files: &mut Files, random: &mut Random) {
    let paths: Vec<String> = files.keys().cloned().collect();
    if paths.is_empty() {
        return put(files, path(random), (0o100_644, text(random)));
    }
    let file = random.pick(&paths).clone();
    let folder = file.rsplit_once('/').map_or(file.clone(), |(folder, _)| folder.to_owned());
    match random.below(20) {
        14 => {
            let place = if random.below(3) == 0 { String::new() } else { folder + "/" };
            put(files, place + ".gitattributes", (0o100_644, random.pick(&ATTRIBUTES).to_string()));
        }
        0..=3 | 15.. => {
            let (mode, text) = files[&file].clone();
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            let line = random.below(lines.len());
            lines[line] = format!("edit {}", random.below(4));
            if mode & 0o170_000 == 0o100_000 {
                files.insert(file, (mode, lines.join("\n") + "\n"));
            }
        }
        4 => drop(take(files, &file)),
        5 => drop(take(files, &folder)),
        6 | 7 => put(files, path(random), (0o100_644, text(random))),
        8 | 9 => {
            let (from, to) = (if random.below(2) == 0 { file } else { folder }, path(random));
            for (rest, file) in take(files, &from) {
                put(files, to.clone() + &rest, file);
            }
        }
        10 => files.get_mut(&file).unwrap().0 ^= if files[&file].0 & 0o170_000 == 0o100_000 { 0o111 } else { 0 },
        11 => put(files, file, (0o120_000, "target".into())),
        12 => put(files, file, (0o160_000, format!("{:040x}", 1 + random.below(3)))),
        _ if random.below(2) == 0 => put(files, file.clone() + "/inside", (0o100_644, text(random))),
        _ => put(files, folder, (0o100_644, text(random))),
    }
}

/// Adds a commit with these files and nothing else.
fn commit(stream: &mut String, branch: &str, from: Option<&str>, files: &Files) {
    let from = from.map_or_else(String::new, |from| format!("from refs/heads/{from}\n"));
    let head = "committer D <d@e> 1700000000 +0000\ndata 0";
    let _ = write!(stream, "commit refs/heads/{branch}\n{head}\n{from}deleteall\n");
    for (path, (mode, content)) in files {
        let _ = match mode {
            0o160_000 => writeln!(stream, "M 160000 {content} {path}"),
            mode => write!(stream, "M {mode:o} inline {path}\ndata {}\n{content}\n", content.len()),
        };
    }
}

/// A repository of random merges: branch `<n>-<side>` for the base and either side of each.
fn merges(world: &World, random: &mut Random) {
    let mut stream = String::new();
    for n in 0..MERGES_EACH {
        let mut base = Files::new();
        for _ in 0..4 + random.below(8) {
            put(&mut base, path(random), (0o100_644, text(random)));
        }
        if random.below(3) == 0 {
            base.insert(".gitattributes".into(), (0o100_644, random.pick(&ATTRIBUTES).to_string()));
        }
        let mut sides = [base.clone(), base.clone()];
        for _ in 0..=random.below(4) {
            // Now and then both do the same.
            let seed = random.below(1 << 20) as u64;
            let edited = if random.below(6) == 0 { 0..2 } else { Some(random.below(2)).map(|n| n..n + 1).unwrap() };
            for side in &mut sides[edited] {
                edit(side, &mut Random::one_of(seed, 0));
            }
        }
        for (side, files) in ["base", "ours", "theirs"].iter().zip([&base, &sides[0], &sides[1]]) {
            commit(&mut stream, &format!("{n}-{side}"), None, files);
        }
    }
    world.git(".", &["init", "--quiet", "dev"]).ok();
    world.feed("dev", &["fast-import", "--quiet", "--force"], stream.as_bytes());
}

/// Makes a clone of a repository, with a branch for each side as [`merges`] does it.
fn reverts(world: &World, given: &str, random: &mut Random) {
    run(world.in_folder(".", "git").args(["clone", "--quiet", "--bare", "--shared", given, "dev/.git"])).ok();
    let history = world.git("dev", &["rev-list", "--first-parent", "--min-parents=1", "HEAD"]).ok().stdout;
    let commits: Vec<&str> = history.lines().collect();
    let mut refs = String::new();
    for n in 0..MERGES_EACH {
        let reverted = random.below(commits.len());
        let upon = reverted.saturating_sub(random.below(LATER_MAX));
        let parent = world.tip("dev", &format!("{}^", commits[reverted]));
        for (side, commit) in [("base", commits[reverted]), ("ours", commits[upon]), ("theirs", &parent)] {
            let _ = writeln!(refs, "create refs/heads/{n}-{side} {commit}");
        }
    }
    world.feed("dev", &["update-ref", "--stdin"], refs.as_bytes());
}

fn id(tree: &str) -> ObjectId {
    ObjectId::from_hex(tree.as_bytes()).unwrap()
}

#[test]
fn a_merge_without_git_is_the_one_that_git_makes() {
    let place = World::new();
    place.git(".", &["init", "--quiet", "dev"]).ok();
    let help = place.git("dev", &["merge-tree", "-h"]);
    if ![help.stdout, help.stderr].concat().contains("merge-base") {
        return missing_peer("merges without git", "a git whose merge-tree takes a base");
    }
    let settings = ["merge.directoryRenames=conflict", "merge.directoryRenames=true", "merge.renames=false"];
    let given = std::env::var("CAIRN_MERGES_IN").ok();
    let (mut made, mut within, mut asked, mut colliding) = (0, 0, 0, 0);
    let mut now: Option<(Random, World, Scratch)> = None;
    for n in counted("CAIRN_MERGES", 150) {
        if n % MERGES_EACH == 0 {
            let (mut random, world) = (Random::one_of(7000, n / MERGES_EACH), World::new());
            match &given {
                Some(given) => reverts(&world, given, &mut random),
                None => merges(&world, &mut random),
            }
            let scratch = Scratch::new(&Repository::open(&world.path("dev/.git")).unwrap()).unwrap();
            now = Some((random, world, scratch));
        }
        let (random, world, scratch) = now.as_mut().unwrap();
        let sides = ["base", "ours", "theirs"].map(|side| format!("{}-{side}^{{tree}}", n % MERGES_EACH));
        let trees = world.git("dev", &[&["rev-parse"], &sides.each_ref().map(String::as_str)[..]].concat()).ok().stdout;
        let [base, ours, theirs] = trees.lines().collect::<Vec<_>>().try_into().unwrap();
        let (setting, base_word) = (*random.pick(&settings), format!("--merge-base={base}"));
        let words = ["-c", setting, "--attr-source", ours, "merge-tree", "--write-tree", &base_word, ours, theirs];
        let git = world.git("dev", &words);
        let merge = |attributes| scratch.merge_without_git(&id(base), &id(ours), &id(theirs), attributes);
        let of_ours = Attributes::Commit(id(ours));
        match merge(Some(&of_ours)) {
            Some(tree) => {
                assert_eq!((git.code, git.out()), (0, tree.to_string().as_str()), "{setting} {base} {ours} {theirs}");
                made += 1;
                within += usize::from(merge(None).is_none());
            }
            None if git.code == 0 => asked += 1,
            None => colliding += 1,
        }
    }
    println!(
        "{made} merges made without git, {within} of them within a file, {asked} left to it, {colliding} that collide"
    );
    assert!(made > 0 && (given.is_some() || within > 0 && asked > 0 && colliding > 0), "one kind only");
}

/// A line of its own, or one of those that files have many of.
fn a_line(random: &mut Random, own: usize) -> String {
    let line = match random.below(10) {
        n if n < own => format!("{}statement {};", " ".repeat(random.below(3) * 4), random.below(10_000)),
        n if n % 2 == 0 => String::new(),
        n => ["}", "{", "    }", "    return;", "    else {"][(n + random.below(5)) % 5].into(),
    };
    line + "\n"
}

/// Changes a text as people do, and as they do rarely: moved and copied blocks, other ends of lines, no newline at the end.
fn retouch(lines: &mut Vec<String>, random: &mut Random, own: usize) {
    let from = random.below(lines.len() + 1);
    let to = lines.len().min(from + random.below(4));
    let other = random.below(lines.len() + 1 - (to - from));
    match random.below(16) {
        0..=3 => drop(lines.splice(from..to, (0..random.below(4)).map(|_| a_line(random, own)).collect::<Vec<_>>())),
        4..=6 => drop(lines.splice(from..from, (0..=random.below(3)).map(|_| a_line(random, own)).collect::<Vec<_>>())),
        7 | 8 => drop(lines.drain(from..to)),
        9 | 10 => {
            let moved: Vec<_> = lines.drain(from..to).collect();
            lines.splice(other..other, moved);
        }
        11 | 12 => {
            let copied = lines[from..to].to_vec();
            lines.splice(other..other, copied);
        }
        13 => lines[from..to].iter_mut().for_each(|line| *line = line.replace('\n', "\r\n")),
        14 => {
            if let Some(last) = lines.last_mut() {
                *last = last.trim_end().to_owned();
                if last.is_empty() {
                    lines.pop();
                }
            }
        }
        _ => lines.extend((0..=random.below(2)).map(|_| a_line(random, own))),
    }
}

/// A text, and what two people made of it.
fn retouched(random: &mut Random) -> [String; 3] {
    let own = 1 + random.below(9);
    let base: Vec<_> = (0..random.below(60)).map(|_| a_line(random, own)).collect();
    let mut sides = [base.clone(), base.clone()];
    for side in &mut sides {
        for _ in 0..=random.below(3) {
            retouch(side, random, own);
        }
    }
    if random.below(6) == 0 {
        let seed = random.below(1 << 20) as u64;
        for side in &mut sides {
            retouch(side, &mut Random::one_of(seed, 0), own);
        }
    }
    let [ours, theirs] = sides;
    [base, ours, theirs].map(|lines| lines.concat())
}

/// Returns the trees of a tree by their names.
fn folders(world: &World, tree: &str) -> BTreeMap<String, String> {
    let listed = world.git("dev", &["ls-tree", tree]).ok().stdout;
    let one = |line: &str| {
        line.split(['\t', ' ']).nth(2).zip(line.split('\t').nth(1)).map(|(id, name)| (name.to_owned(), id.to_owned()))
    };
    listed.lines().filter_map(one).collect()
}

/// Each text stands in a folder of its own, so that one process of git merges many.
#[test]
fn what_files_hold_is_merged_as_git_does() {
    let (mut made, mut asked, mut colliding) = (0, 0, 0);
    let rounds = amount("CAIRN_MERGES", 1000).div_ceil(TEXTS_EACH);
    for round in 0..rounds {
        if round > 0 && round % 20 == 0 {
            println!("{} of {} texts", round * TEXTS_EACH, rounds * TEXTS_EACH);
        }
        let (mut random, world) = (Random::one_of(7100, round), World::new());
        world.git(".", &["init", "--quiet", "dev"]).ok();
        let mut sides = [Files::new(), Files::new(), Files::new()];
        for n in 0..TEXTS_EACH {
            for (side, text) in sides.iter_mut().zip(retouched(&mut random)) {
                side.insert(format!("{n}/text"), (0o100_644, text));
            }
            if let Some(said) =
                ["text merge=union\n", "* -merge\n", "text binary\n", "merge -diff\n"].get(random.below(24))
            {
                let folder = world.path("dev").join(n.to_string());
                std::fs::create_dir(&folder).unwrap();
                std::fs::write(folder.join(".gitattributes"), said).unwrap();
            }
        }
        let mut stream = String::new();
        for (side, files) in ["base", "ours", "theirs"].iter().zip(&sides) {
            commit(&mut stream, side, Some("base").filter(|base| base != side), files);
        }
        world.feed("dev", &["fast-import", "--quiet", "--force"], stream.as_bytes());
        let scratch = Scratch::new(&Repository::open(&world.path("dev/.git")).unwrap()).unwrap();
        let words = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "ours", "theirs"];
        let git = world.git("dev", &words);
        let (tree, collisions) = git.stdout.split_once('\n').unwrap();
        let by_git = folders(&world, tree);
        let [base, ours, theirs] = ["base", "ours", "theirs"].map(|side| folders(&world, side));
        for (name, base) in &base {
            let attributes = Attributes::WorkTree(world.path("dev").join(name));
            let merged = scratch.merge_without_git(&id(base), &id(&ours[name]), &id(&theirs[name]), Some(&attributes));
            let collides = collisions.lines().any(|path| path == format!("{name}/text"));
            let context = || {
                let texts = sides.each_ref().map(|files| files[&format!("{name}/text")].1.as_str());
                format!("seed {}, {name}: base, ours, theirs:\n{}", random.seed(), texts.join("\n----\n"))
            };
            match merged {
                Some(merged) => {
                    assert!(!collides && merged == id(&by_git[name]), "{}", context());
                    made += usize::from(ours[name] != *base && theirs[name] != *base && ours[name] != theirs[name]);
                }
                None if collides => colliding += 1,
                None => asked += 1,
            }
        }
    }
    println!("{made} texts merged without git, {asked} left to it, {colliding} that collide");
    assert!(made * 10 > rounds * TEXTS_EACH && asked > 0 && colliding > 0, "one kind only: {made}");
}
