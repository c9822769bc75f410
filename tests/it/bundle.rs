//! The bundle format against git: what git writes is read as git reads it, and what is written git reads.

use crate::support::World;
use cairn::bundle::{Header, read_header, write_header};
use std::collections::BTreeSet;

/// What is asked of `git bundle create`, as people and scripts do.
const SELECTIONS: [&[&str]; 24] = [
    &["--all"],
    &["main"],
    &["HEAD"],
    &["HEAD", "main"],
    &["main^!"],
    &["main", "--max-count=1"],
    &["main", "--since=2000-01-01"],
    &["--ignore-missing", "main", "^deleted"],
    &["main", "same"],
    &["main", "refs/heads/main"],
    &["--all", "main", "main"],
    &["main", "main^!"],
    &["v1..v2"],
    &["v2", "^main"],
    &["of-blob"],
    &["of-tree"],
    &["of-tag"],
    &["refs/objects/blob"],
    &["refs/pull/1/head"],
    &["--branches", "--not", "main~1"],
    &["--objects", "main"],
    &["refs/heads/refs/heads/main"],
    &["--version=3", "--all"],
    &["--filter=blob:none", "--all"],
];

fn repository(format: &str) -> World {
    let world = World::new();
    world.git(".", &["init", "--quiet", &format!("--object-format={format}"), "site"]).ok();
    let long = "subject ".repeat(150);
    for (n, subject) in ["one", "", &long, "na\u{ef}ve"].iter().enumerate() {
        std::fs::write(world.path("site/page"), n.to_string()).unwrap();
        world.git("site", &["add", "--all"]).ok();
        world.git("site", &["commit", "--quiet", "--allow-empty-message", "-m", subject]).ok();
    }
    let git = |words: &[&str]| world.git("site", words).ok();
    git(&["tag", "-a", "-m", "1", "v1", "main~1"]);
    git(&["tag", "-a", "-m", "2", "v2", "main"]);
    git(&["tag", "-a", "-m", "of a tag", "of-tag", "v2"]);
    git(&["tag", "-a", "-m", "of a blob", "of-blob", "main:page"]);
    git(&["tag", "-a", "-m", "of a tree", "of-tree", "main^{tree}"]);
    git(&["branch", "same", "main"]);
    git(&["branch", "older", "main~1"]);
    for name in ["refs/objects/blob main:page", "refs/pull/1/head main", "refs/heads/refs/heads/main main~1"] {
        let (name, target) = name.split_once(' ').unwrap();
        git(&["update-ref", name, target]);
    }
    git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    git(&["worktree", "add", "--quiet", "--detach", "../wt2", "main~1"]);
    world
}

/// The references and prerequisites of a bundle as git lists them.
fn as_git_reads(world: &World, bundle: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let heads = world.git("site", &["bundle", "list-heads", bundle]).ok().stdout;
    let verified = world.git("site", &["bundle", "verify", bundle]).ok().stdout;
    let needed = verified.lines().skip_while(|line| !line.starts_with("The bundle requires"));
    let is_id = |word: &str| word.len() >= 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let needed = needed.filter_map(|line| line.split(' ').next()).filter(|word| is_id(word));
    (heads.lines().map(str::to_owned).collect(), needed.map(str::to_owned).collect())
}

fn as_we_read(header: &Header) -> (BTreeSet<String>, BTreeSet<String>) {
    let refs = header.refs.iter().map(|(name, id)| format!("{id} {name}"));
    (refs.collect(), header.prerequisites.iter().map(ToString::to_string).collect())
}

#[test]
fn what_git_writes_is_read_as_git_reads_it_and_git_reads_it_written_again() {
    for format in ["sha1", "sha256"] {
        let world = repository(format);
        for words in SELECTIONS {
            let (options, revisions) = words.split_at(usize::from(words[0].starts_with("--version")));
            let create = [&["bundle", "create", "--quiet"], options, &["../made.bundle"], revisions].concat();
            world.git("site", &create).ok();
            let bytes = std::fs::read(world.path("made.bundle")).unwrap();
            let mut pack = bytes.as_slice();
            let header = read_header(&mut pack).unwrap_or_else(|error| panic!("{format} {words:?}: {error}"));
            assert_eq!(as_we_read(&header), as_git_reads(&world, "../made.bundle"), "{format} {words:?}");
            assert!(pack.starts_with(b"PACK"), "{format} {words:?}");
            assert_eq!(header.filter.is_some(), words[0].starts_with("--filter"), "{format} {words:?}");
            let mut again = Vec::new();
            write_header(&header, &mut again).unwrap();
            again.extend_from_slice(pack);
            std::fs::write(world.path("again.bundle"), again).unwrap();
            let both = ["../made.bundle", "../again.bundle"].map(|bundle| as_git_reads(&world, bundle));
            assert_eq!(both[0], both[1], "{format} {words:?}");
        }
    }
}
