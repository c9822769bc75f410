//! Restoring: into what, from what, and with which git on its own.

use crate::support::{World, bare_host, command, host, host_with, read, run};
use std::path::Path;

fn deployed() -> World {
    let world = host();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok();
    world.commit("dev", "page", "newer");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world
}

/// Restores from the store alone.
fn restore(world: &World, words: &[&str]) -> crate::support::Ran {
    world.cairn(".", &[&["restore", "--store", "site.cairn"], words].concat())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect()
}

fn refs(world: &World, repository: &str) -> String {
    world.git(repository, &["for-each-ref"]).ok().stdout
}

#[test]
fn live_is_checked_out_at_its_tag_with_every_reference() {
    let world = deployed();
    restore(&world, &["live", "--to", "tree"]).ok();
    assert_eq!(read(&world.path("tree/page")), b"1");
    assert_eq!(world.git("tree", &["symbolic-ref", "-q", "HEAD"]).code, 1, "HEAD is detached");
    assert_eq!(world.tip("tree", "HEAD"), world.tip("site.git", "live_1^{commit}"));
    assert_eq!(world.git("tree", &["describe", "--exact-match"]).ok().out(), "live_1");
    assert_eq!(world.git("tree", &["status", "--porcelain"]).ok().out(), "");
    // The push to main came after the backup of live.
    world.git("site.git", &["update-ref", "refs/heads/main", "live"]).ok();
    assert_eq!(refs(&world, "tree"), refs(&world, "site.git"));
    world.health("tree");
}

#[test]
fn dev_is_checked_out_on_its_branch_with_every_reference() {
    let world = deployed();
    restore(&world, &["dev", "--to", "tree"]).ok();
    assert_eq!(read(&world.path("tree/page")), b"newer");
    assert_eq!(world.git("tree", &["symbolic-ref", "HEAD"]).ok().out(), "refs/heads/main");
    assert_eq!(world.git("tree", &["status", "--porcelain"]).ok().out(), "");
    assert_eq!(refs(&world, "tree"), refs(&world, "site.git"));
    world.commit("tree", "page", "work goes on");
}

#[test]
fn an_empty_folder_is_used() {
    let world = deployed();
    for words in [&["--bare"][..], &[]] {
        std::fs::create_dir(world.path("to")).unwrap();
        restore(&world, &[&["dev", "--to", "to"], words].concat()).ok();
        world.health("to");
        std::fs::remove_dir_all(world.path("to")).unwrap();
    }
}

#[test]
fn what_is_not_empty_is_refused_and_left_as_it_is() {
    let world = deployed();
    std::fs::create_dir(world.path("full")).unwrap();
    std::fs::write(world.path("full/mine"), "mine").unwrap();
    std::fs::write(world.path("file"), "mine").unwrap();
    std::os::unix::fs::symlink("full/mine", world.path("link")).unwrap();
    let before = names(&world.path("."));
    for target in ["full", "file", "link", "site.git"] {
        for words in [&["--bare"][..], &[]] {
            restore(&world, &[&["dev", "--to", target], words].concat()).exits(5).says("nothing was changed");
        }
    }
    assert_eq!(names(&world.path(".")), before);
    assert_eq!(names(&world.path("full")), ["mine"]);
    assert_eq!((read(&world.path("full/mine")), read(&world.path("file"))), (b"mine".to_vec(), b"mine".to_vec()));
}

#[test]
fn nothing_is_put_into_a_repository() {
    let world = crate::capture::served();
    std::fs::write(world.path("www/page"), "by hand").unwrap();
    world.cairn("site.git", &["backup", "create", "live"]).ok();
    let before = [names(&world.path("site.git")), names(&world.path("dev/.git"))];
    for to in ["back", "new/folders/back", "../dev/.git/back", "../site.git/hooks/back"] {
        for words in [&[][..], &["--bare"], &["--element", "uncommitted"]] {
            let told = world.cairn("site.git", &[&["restore", "live", "--to", to], words].concat()).exits(5);
            told.says("lies inside the repository").says(&format!("--to {}", world.path("back").display()));
        }
    }
    assert_eq!([names(&world.path("site.git")), names(&world.path("dev/.git"))], before);
    world.cairn("site.git", &["restore", "live", "--to", "../back", "--element", "uncommitted"]).ok();
    assert_eq!(read(&world.path("back/page")), b"by hand");
}

#[test]
fn nothing_is_put_into_the_store() {
    let world = deployed();
    let before = names(&world.path("site.cairn"));
    let beside = format!("--to {}", world.path("back").display());
    for to in ["site.cairn/back", "site.cairn/site/new/back"] {
        for words in [&["restore", "dev", "--bare"][..], &["backup", "get", "dev", "--element", "code"]] {
            let told = world.cairn(".", &[words, &["--store", "site.cairn", "--to", to]].concat()).exits(5);
            told.says("lies inside the store").says(&beside);
        }
    }
    assert_eq!(names(&world.path("site.cairn")), before);
}

#[test]
fn a_copy_of_the_store_elsewhere_is_as_good() {
    let world = deployed();
    let before = world.exact("site.git");
    let elsewhere = world.path("far/away store");
    std::fs::create_dir(world.path("far")).unwrap();
    run(command("cp", &world.path("home")).arg("-r").arg(world.path("site.cairn")).arg(&elsewhere)).ok();
    world.remove("site.cairn");
    world.remove("site.git");
    let store = elsewhere.to_str().unwrap();
    let restored = world.cairn(".", &["restore", "dev", "--store", store, "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), before);
    // The store it will write to is the one that is there.
    assert_eq!(world.git("back.git", &["config", "cairn.store"]).ok().out(), store);
    assert!(restored.stdout.contains(&format!("--store '{store}'")), "{}", restored.stdout);
}

#[test]
fn the_printed_line_makes_it_the_host_it_was() {
    let world = deployed();
    let description = "the shop of an example\n";
    std::fs::write(world.path("site.git/description"), description).unwrap();
    world.git("site.git", &["config", "receive.denyDeletes", "true"]).ok();
    world.git("site.git", &["config", "--add", "shop.color", "red"]).ok();
    world.git("site.git", &["config", "--add", "shop.color", "green"]).ok();
    world.git("site.git", &["config", "cairn.hookBudget", "7s"]).ok();
    let id = world.cairn("site.git", &["backup", "create", "live"]).ok().out().to_owned();
    let before = world.exact("site.git");
    let config = |of: &str| {
        let list = world.git(of, &["config", "--local", "--list"]).ok().stdout;
        let mut lines: Vec<_> = list.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let config_before = config("site.git");
    world.remove("site.git");

    let restored = restore(&world, &["live", "--to", "site.git", "--bare"]).ok();
    let (to, store) = (world.path("site.git"), world.path("site.cairn"));
    let line = format!("git -C {} cairn setup --store {} --from {id}", to.display(), store.display());
    assert_eq!(restored.stdout.lines().last(), Some(line.as_str()));
    let restored = restored.says("until then pushes to it are not judged").says("its audit begins anew");
    assert!(restored.stderr.contains("git cairn backup show"));
    let known = world.cairn("site.git", &["backup", "show", "live", "--json"]).ok().json()["backup"]["audit"].clone();
    assert_eq!((known["digest"].as_str().unwrap().len(), known["line"].is_u64()), (64, true));
    world.cairn("site.git", &["audit", "verify"]).exits(12).says("the log stayed behind");
    // Even before it is a host again, clients do not see what is ours.
    assert_eq!(world.git("site.git", &["config", "transfer.hideRefs"]).ok().out(), "refs/cairn");

    let said = run(command("sh", &world.path("home")).arg("-c").arg(&line)).ok();
    for told in [
        "config receive.denyDeletes = true",
        "config receive.advertisePushOptions = true",
        "config shop.color = red",
        "config shop.color = green (added to what is there)",
    ] {
        assert!(said.stdout.lines().any(|line| line == format!("done: {told}")), "{told} is not in:\n{}", said.stdout);
    }
    assert_eq!(world.exact("site.git"), before);
    assert_eq!(config("site.git"), config_before);
    assert_eq!(read(&world.path("site.git/description")), description.as_bytes());
    for hook in ["pre-receive", "post-receive"] {
        assert!(world.path("site.git/hooks").join(hook).is_file(), "{hook}");
    }
    world.cairn("dev", &["deploy", "test", "--yes"]).ok().says("test_2");
    world.cairn("dev", &["deploy", "live", "--yes"]).ok().says("live_2");
    let announced = format!("cairn.rewind=refs/heads/live:{}:{}", world.tip("site.git", "live"), "0".repeat(40));
    let words = ["push", "--quiet", "-o", &announced, "origin", ":refs/heads/live"];
    world.git("dev", &words).exits(1).says("receive.denyDeletes");
}

#[test]
fn a_repository_of_ambiguous_names_is_checked_out_on_its_branch() {
    let world = World::new();
    world.fixture("odd-refs.sh", "site.git", &[]);
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("site.git", &["setup"]).ok();
    restore(&world, &["dev", "--to", "tree"]).ok();
    assert_eq!(read(&world.path("tree/file")), b"content\n");
    assert_eq!(read(&world.path("tree/.git/HEAD")), b"ref: refs/heads/main\n");
    assert_eq!(world.git("tree", &["status", "--porcelain"]).ok().out(), "");
    assert_eq!(refs(&world, "tree"), refs(&world, "site.git"));
}

#[test]
fn an_earlier_deployment_is_checked_out_at_its_own_tag() {
    let world = deployed();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok();
    for (backup, tag, content) in
        [("live@{1}", "live_1", "1"), ("live_1", "live_1", "1"), ("live_2", "live_2", "newer")]
    {
        restore(&world, &[backup, "--to", "tree"]).ok();
        assert_eq!(world.git("tree", &["describe", "--exact-match"]).ok().out(), tag);
        assert_eq!(read(&world.path("tree/page")), content.as_bytes());
        std::fs::remove_dir_all(world.path("tree")).unwrap();
    }
}

#[test]
fn a_failed_restore_leaves_nothing_behind() {
    let world = deployed();
    let show = world.cairn("site.git", &["backup", "show", "dev", "--json"]).ok().json();
    let file = show["backup"]["segments"][0]["file"].as_str().unwrap().to_owned();
    let path = world.path("site.cairn/site").join(file);
    let mut bytes = read(&path);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let before = names(&world.path("."));
    std::fs::create_dir(world.path("empty")).unwrap();
    for words in [&["--bare", "--to", "new"][..], &["--to", "new"], &["--bare", "--to", "empty"]] {
        // Every backup needs that file, so there is none to try instead.
        let hint = format!("git cairn backup verify --all --store {}\n", world.path("site.cairn").display());
        let told = restore(&world, &[&["dev"], words].concat()).exits(12);
        told.says("nothing was written; which backups are whole: ").says(&hint);
    }
    std::fs::remove_dir(world.path("empty")).unwrap();
    assert_eq!(names(&world.path(".")), before);
}

#[test]
fn a_repository_that_is_brought_back_as_an_environment_was_is_told_of_what_is_newer() {
    let world = deployed();
    let newest = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    let told = restore(&world, &["live", "--bare", "--to", "live.git"]).ok();
    told.says(&format!("warning: backup {newest}, of dev, is newer and holds other references"));
    let document = restore(&world, &["live", "--bare", "--to", "again.git", "--json"]).ok().json();
    assert_eq!(document["newer"], *newest);
    for words in [
        &["dev", "--bare", "--to", "dev.git"][..],
        &["live@{0}", "--bare", "--to", "at.git"],
        &["live", "--to", "copy"],
    ] {
        let told = restore(&world, words).ok();
        assert!(!told.stderr.contains("newer"), "{}", told.stderr);
    }
}

/// The shell script in the guide that lies in the store.
fn guide(world: &World) -> String {
    let guide = String::from_utf8(read(&world.path("site.cairn/RESTORE.md"))).unwrap();
    guide.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0.to_owned()
}

fn run_guide(world: &World, id: &str, target: &str) {
    std::fs::write(world.path("guide.sh"), guide(world)).unwrap();
    let mut sh = command("sh", &world.path("home"));
    // Only what every machine with git has: the harness puts our own programs first.
    let path = std::env::var("PATH").unwrap();
    assert!(std::env::split_paths(&path).all(|folder| !folder.join("git-cairn").exists()), "{path}");
    sh.env("PATH", path).current_dir(world.path(&format!("site.cairn/site/backups/{id}")));
    run(sh.arg(world.path("guide.sh")).arg(world.path(target))).ok();
}

fn the_guide_restores_the_same(format: &str) {
    let world = host_with(&[&format!("--object-format={format}")], &[]);
    let git = |words: &[&str]| world.git("site.git", words).ok().out().to_owned();
    let mut points = Vec::new();
    let mut point = |world: &World| {
        let id = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
        points.push((id, world.exact("site.git")));
    };
    point(&world);
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    git(&["tag", "-a", "-m", "of a blob", "of-a-blob", "main:page"]);
    git(&["update-ref", "refs/heads/folder", "main~1"]);
    point(&world);
    // Every later segment builds upon commits that no branch of its own backup has.
    git(&["update-ref", "refs/heads/main", "main~1"]);
    git(&["update-ref", "-d", "refs/heads/folder"]);
    git(&["update-ref", "refs/heads/folder/branch", "main"]);
    git(&["update-ref", "refs/heads/it's\"odd\"", "main"]);
    let alone = git(&["commit-tree", "-m", "alone", "-p", "refs/heads/main", "main^{tree}"]);
    git(&["update-ref", "--no-deref", "HEAD", &alone]);
    point(&world);
    git(&["symbolic-ref", "HEAD", "refs/heads/not/yet"]);
    point(&world);
    for (n, (id, before)) in points.iter().enumerate() {
        let target = format!("by-hand-{n}.git");
        run_guide(&world, id, &target);
        assert_eq!(world.exact(&target), *before, "point {n}");
    }
}

#[test]
fn the_guide_in_the_store_restores_with_git_and_sh_alone() {
    the_guide_restores_the_same("sha1");
}

#[test]
fn the_guide_in_the_store_restores_sha256_with_git_and_sh_alone() {
    the_guide_restores_the_same("sha256");
}

/// A chain that begins with a copy of the repository's pack, of which no reference names what the loose commits stand upon.
#[test]
fn the_guide_restores_what_begins_with_a_copied_pack() {
    let world = bare_host(&[]);
    world.git("site.git", &["repack", "-a", "-d", "-b", "-q"]).ok();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("site.git", &["setup"]).ok();
    let id = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    let base = read(&world.path(&format!("site.cairn/site/code/{id}-base.bundle")));
    assert!(bstr::ByteSlice::find(base.as_slice(), b" refs/cairn/base/0\n").is_some());
    run_guide(&world, &id, "by-hand.git");
    assert_eq!(world.exact("by-hand.git"), world.exact("site.git"));
}

#[test]
fn the_guide_brings_odd_references_back() {
    let world = World::new();
    world.fixture("odd-refs.sh", "site.git", &[]);
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("site.git", &["setup"]).ok();
    let show = world.cairn("site.git", &["backup", "show", "dev", "--json"]).ok().json();
    let id = show["backup"]["id"].as_str().unwrap();
    run_guide(&world, id, "by-hand.git");
    // The guide leaves these to the reader.
    let manifest = read(&world.path(&format!("site.cairn/site/backups/{id}/manifest.json")));
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    for symref in manifest["others"]["symrefs"].as_array().unwrap() {
        let words = ["symbolic-ref", symref["name"].as_str().unwrap(), symref["target"].as_str().unwrap()];
        world.git("by-hand.git", &words).ok();
    }
    assert_eq!(world.exact("by-hand.git"), world.exact("site.git"));
}

#[test]
fn the_guide_puts_head_on_a_branch_of_any_name() {
    let world = host();
    for (n, name) in
        [&b"refs/heads/it's\"quoted\""[..], b"refs/heads/caf\xe9", "refs/heads/naïve".as_bytes()].iter().enumerate()
    {
        std::fs::write(world.path("site.git/HEAD"), [b"ref: ", *name, b"\n"].concat()).unwrap();
        let id = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
        let target = format!("by-hand-{n}.git");
        run_guide(&world, &id, &target);
        assert_eq!(world.exact(&target), world.exact("site.git"));
        restore(&world, &[&id, "--to", "back.git", "--bare"]).ok();
        assert_eq!(world.exact("back.git"), world.exact("site.git"));
        std::fs::remove_dir_all(world.path("back.git")).unwrap();
    }
}

#[test]
fn the_guide_stops_at_a_damaged_file() {
    let world = deployed();
    let show = world.cairn("site.git", &["backup", "show", "dev", "--json"]).ok().json();
    let id = show["backup"]["id"].as_str().unwrap();
    let folder = world.path(&format!("site.cairn/site/backups/{id}"));
    let mut bytes = read(&folder.join("refs"));
    bytes.push(b'\n');
    std::fs::write(folder.join("refs"), bytes).unwrap();
    std::fs::write(world.path("guide.sh"), guide(&world)).unwrap();
    let mut sh = command("sh", &world.path("home"));
    let ran = run(sh.current_dir(folder).arg(world.path("guide.sh")).arg(world.path("new.git")));
    assert_ne!(ran.code, 0);
    assert!(!world.path("new.git").exists());
}
