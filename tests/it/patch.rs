//! Patches against git: whatever the trees are, `git apply --binary` makes the one of the other, and back.

use crate::support::{Random, World, counted};
use bstr::BString;
use cairn::git::{FileSide, HashKind, ObjectId, Overlay};
use cairn::uncommitted::patch::{Blobs, Paint, write};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A tree: mode and content at each path.
type Tree = BTreeMap<BString, (u32, Vec<u8>)>;

const NAMES: &[&[u8]] =
    &[b"a", b"b c", b"d\"q", b"e\\s", b"f\tt", b"g\nl", b"\xff\xfe", "ü".as_bytes(), b"-x", b"b", b"trailing ", b"#h"];

const LINES: &[&[u8]] =
    &[b"one", b"two", b"", b"\xe9t\xe9", b"function x() {", b"\\ No newline at end of file", b"-- a", b"+b", b" "];

fn path(random: &mut Random) -> BString {
    let depth = 1 + random.below(3);
    let words: Vec<&[u8]> = (0..depth).map(|_| *random.pick(NAMES)).collect();
    words.join(&b'/').into()
}

fn content(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    match random.below(8) {
        0 => {}
        1 => {
            let length = random.below(3000);
            bytes = random.bytes(length);
        }
        2 => bytes = vec![0; random.below(200)],
        _ => {
            let endings: [&[u8]; 6] = [b"\n", b"\n", b"\n", b"\r\n", b"\r", b""];
            for _ in 0..random.below(40) {
                bytes.extend_from_slice(random.pick::<&[u8]>(LINES));
                bytes.extend_from_slice(random.pick::<&[u8]>(&endings));
            }
        }
    }
    bytes
}

fn put(tree: &mut Tree, path: BString, mode: u32, content: Vec<u8>) {
    // A folder and a file of one name are not in one tree.
    let below = |one: &BString, other: &BString| {
        other.strip_prefix(one.as_slice()).is_some_and(|rest| rest.first() == Some(&b'/'))
    };
    tree.retain(|known, _| !below(known, &path) && !below(&path, known));
    tree.insert(path, (mode, content));
}

fn random_tree(random: &mut Random) -> Tree {
    let mut tree = Tree::new();
    for _ in 0..random.below(12) {
        let (path, content) = (path(random), content(random));
        put(&mut tree, path, 0o100_644, content);
    }
    tree
}

fn edited(tree: &Tree, random: &mut Random) -> Tree {
    let mut tree = tree.clone();
    for _ in 0..=random.below(6) {
        let paths: Vec<BString> = tree.keys().cloned().collect();
        if paths.is_empty() || random.below(4) == 0 {
            let (path, content) = (path(random), content(random));
            let link = random.below(4) == 0 && !content.is_empty() && !content.contains(&0);
            put(&mut tree, path, if link { 0o120_000 } else { 0o100_644 }, content);
            continue;
        }
        let chosen = random.pick(&paths).clone();
        let (mode, bytes) = tree[&chosen].clone();
        match random.below(7) {
            0 => drop(tree.remove(&chosen)),
            1 if mode != 0o120_000 => drop(tree.insert(chosen, (mode ^ 0o111, bytes))),
            2 => {
                tree.remove(&chosen);
                let to = path(random);
                put(&mut tree, to, mode, bytes);
            }
            3 => drop(tree.insert(chosen, (0o120_000, b"some/target".to_vec()))),
            4 => drop(tree.insert(chosen, (0o160_000, vec![]))),
            5 => {
                let mut bytes = bytes;
                let place = random.below(bytes.len() + 1);
                bytes.splice(place..place, b"new\nlines".iter().copied());
                tree.insert(chosen, (if mode == 0o160_000 { 0o100_644 } else { mode }, bytes));
            }
            _ => {
                let content = content(random);
                tree.insert(chosen, (0o100_755, content));
            }
        }
    }
    tree
}

fn written(scratch: &Overlay, tree: &Tree) -> ObjectId {
    let sides: Vec<FileSide> = tree
        .iter()
        .map(|(path, (mode, bytes))| {
            let commit = ObjectId::from_hex(b"1111111111111111111111111111111111111111").unwrap();
            let id = if *mode == 0o160_000 { commit } else { scratch.write_blob(bytes).unwrap() };
            FileSide { path: path.clone(), mode: *mode, id }
        })
        .collect();
    let (id, refused) = scratch.write_tree(None, &[], &sides).unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    id
}

fn scratch(world: &World) -> (Overlay, PathBuf) {
    let folder = world.path("scratch.git");
    (Overlay::new(&folder, HashKind::Sha1, &[]).unwrap(), folder)
}

fn patch(scratch: &Overlay, old: &ObjectId, new: &ObjectId) -> Vec<u8> {
    let mut out = Vec::new();
    let mut blobs = Blobs::of(scratch.repository());
    for change in scratch.repository().tree_changes(Some(old), new).unwrap() {
        write(&change, &mut blobs, Paint::Exact, &mut out).unwrap();
    }
    out
}

/// Applies a patch to a tree by git alone, and returns the tree it makes.
fn applied(world: &World, to: &ObjectId, patch: &[u8], words: &[&str]) -> String {
    world.git("scratch.git", &["read-tree", &to.to_string()]).ok();
    if !patch.is_empty() {
        world.feed(
            "scratch.git",
            &[&["apply", "--cached", "--binary", "--whitespace=nowarn"], words, &["-"]].concat(),
            patch,
        );
    }
    world.git("scratch.git", &["write-tree"]).ok().out().to_owned()
}

#[test]
fn git_makes_of_any_tree_the_other_with_the_patch_and_back() {
    for n in counted("CAIRN_PATCHES", 150) {
        let mut random = Random::one_of(20_261_124, n);
        let world = World::new();
        let (scratch, _) = scratch(&world);
        let before = random_tree(&mut random);
        let after = edited(&before, &mut random);
        let (old, new) = (written(&scratch, &before), written(&scratch, &after));
        let patch = patch(&scratch, &old, &new);
        assert_eq!(applied(&world, &old, &patch, &[]), new.to_string(), "{}", patch.escape_ascii());
        assert_eq!(applied(&world, &new, &patch, &["-R"]), old.to_string(), "{}", patch.escape_ascii());
    }
}
