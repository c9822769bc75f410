//! Packs that are written without git, held against what git makes of them.

use crate::support::World;
use cairn::git::{ObjectId, PackFiles, Repository, make_small_pack};
use std::collections::BTreeSet;
use std::path::Path;

/// A repository `site` whose objects are named by this hash.
fn site(hash: &str) -> World {
    let world = World::new();
    world.git(".", &["init", "--quiet", &format!("--object-format={hash}"), "site"]).ok();
    world
}

/// Commits a file.
fn commit(world: &World, file: &str, content: &str) -> String {
    let path = world.path("site").join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    world.git("site", &["add", "--all"]).ok();
    world.git("site", &["commit", "--quiet", "-m", file]).ok();
    world.tip("site", "HEAD")
}

/// What `git rev-list --objects` lists.
fn reached(world: &World, words: &[&str]) -> BTreeSet<String> {
    let listed = world.git("site", &[&["rev-list", "--objects", "--no-object-names"], words].concat()).ok();
    listed.out().lines().map(str::to_owned).collect()
}

/// Packs what these names reach and `held` has not, into a folder of the test's own.
fn pack(world: &World, names: &[&str], held: &BTreeSet<String>) -> Option<PackFiles> {
    let repository = Repository::open(&world.path("site/.git")).unwrap();
    let tips: Vec<_> = names.iter().map(|name| world.tip("site", name)).collect();
    let tips: Vec<_> = tips.iter().map(|id| ObjectId::from_hex(id.as_bytes()).unwrap()).collect();
    make_small_pack(&repository, &tips, |id| held.contains(&id.to_string()), &world.path(".")).unwrap()
}

/// The objects that the index names, as git reads it.
fn indexed(world: &World, index: &Path) -> BTreeSet<String> {
    let listed = world.feed("site", &["show-index"], &std::fs::read(index).unwrap());
    String::from_utf8(listed).unwrap().lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

#[test]
fn it_holds_what_git_would_pack_and_its_index_is_the_one_that_git_makes() {
    for hash in ["sha1", "sha256"] {
        let world = site(hash);
        let old = commit(&world, "folder/old", "old");
        commit(&world, "folder/deep/er", "x");
        // Where a size takes one byte more.
        for size in [0, 1, 15, 16, 2_047, 2_048, 262_143, 262_144] {
            commit(&world, &format!("size/{size}"), &"x".repeat(size));
        }
        let module = format!("160000,{old},module");
        world.git("site", &["update-index", "--add", "--cacheinfo", &module]).ok();
        world.git("site", &["commit", "--quiet", "-m", "module"]).ok();
        world.git("site", &["tag", "-a", "-m", "one", "one"]).ok();
        world.git("site", &["tag", "-a", "-m", "two", "two", "one"]).ok();
        world.git("site", &["tag", "-a", "-m", "blob", "blob", "HEAD:size/16"]).ok();
        world.git("site", &["tag", "-a", "-m", "tree", "tree", "HEAD:size"]).ok();
        for packed in [false, true] {
            if packed {
                // Most objects are deltas now.
                world.git("site", &["repack", "-a", "-d", "-q"]).ok();
            }
            let names = ["two", "blob", "tree"];
            for (held, not) in [(BTreeSet::new(), vec![]), (reached(&world, &[&old]), vec!["--not", &old])] {
                let files = pack(&world, &names, &held).unwrap();
                assert_eq!(indexed(&world, &files.index), reached(&world, &[&names[..], &not].concat()), "{hash}");
                let by_git = world.path("git.idx");
                let (index, path) = (by_git.to_str().unwrap(), files.pack.to_str().unwrap());
                world.git("site", &["index-pack", "--strict", "-o", index, path]).ok();
                assert_eq!(std::fs::read(&files.index).unwrap(), std::fs::read(&by_git).unwrap(), "{hash}");
                std::fs::remove_file(by_git).unwrap();
            }
        }
        assert_eq!(pack(&world, &["two"], &reached(&world, &["two"])), None, "there is nothing to pack");
    }
}

#[test]
fn what_is_much_or_damaged_is_left_to_git() {
    let world = site("sha1");
    // git 2.55 packs many loose objects of itself.
    world.git("site", &["config", "maintenance.auto", "false"]).ok();
    let none = BTreeSet::new();
    commit(&world, "page", "1");
    assert!(pack(&world, &["HEAD"], &none).is_some());
    commit(&world, "large", &"x".repeat((1 << 20) + 1));
    assert_eq!(pack(&world, &["HEAD"], &none), None);
    assert!(pack(&world, &["HEAD~1"], &none).is_some());
    world.git("site", &["checkout", "--quiet", "HEAD~1"]).ok();
    (0..200).for_each(|n| std::fs::write(world.path(&format!("site/{n}")), n.to_string()).unwrap());
    commit(&world, "many", "x");
    assert_eq!(pack(&world, &["HEAD"], &none), None);
    world.git("site", &["checkout", "--quiet", "HEAD~1"]).ok();
    // The content of another object, whole in itself.
    let file = |id: &str| world.path(&format!("site/.git/objects/{}/{}", &id[..2], &id[2..]));
    let (page, tree) = (file(&world.tip("site", "HEAD:page")), file(&world.tip("site", "HEAD^{tree}")));
    std::fs::remove_file(&page).unwrap();
    assert_eq!(pack(&world, &["HEAD"], &none), None, "one is missing");
    std::fs::copy(tree, page).unwrap();
    assert_eq!(pack(&world, &["HEAD"], &none), None, "one is another");
}
