//! `git cairn uncommitted`: every kind of change by example, what cannot be read, and that looking runs and follows nothing.

use crate::support::{GIT_CAIRN, Ran, World, command, copy_program, host, missing_peer, run};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A host whose dev is served from the plain folder `served`, with these files of 20 lines each, and `page`.
fn served(files: &[&str]) -> World {
    let world = host();
    for file in files {
        fill(&world, &format!("dev/{file}"), &text(file));
    }
    world.git("dev", &["add", "--all"]).ok();
    world.git("dev", &["commit", "--quiet", "--allow-empty", "-m", "files"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    deliver(&world, "main");
    world.git("site.git", &["config", "cairn.dev.worktree", world.path("served").to_str().unwrap()]).ok();
    world
}

/// Fills the folder as a deployment does.
fn deliver(world: &World, branch: &str) {
    fs::create_dir_all(world.path("served")).unwrap();
    let tree = format!("--work-tree={}", world.path("served").display());
    world.git("site.git", &[&tree, "checkout", "--quiet", "--force", branch, "--", "."]).ok();
}

/// The same as a clone.
fn cloned(files: &[&str]) -> World {
    let world = served(files);
    fs::remove_dir_all(world.path("served")).unwrap();
    world.git(".", &["clone", "--quiet", "site.git", "served"]).ok();
    world
}

fn text(seed: &str) -> String {
    (0..20).map(|n| format!("line {n} of {seed}\n")).collect()
}

fn fill(world: &World, path: &str, content: &str) {
    let path = world.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn look(world: &World) -> Value {
    world.cairn("site.git", &["uncommitted", "--json"]).ok().json()
}

/// Each change as `<kind> <path>`, with what else is to be known of it.
fn told(document: &Value) -> Vec<String> {
    let one = |change: &Value| {
        let mut line = format!("{} {}", change["kind"].as_str().unwrap(), change["path"].as_str().unwrap());
        if let Some(from) = change["from"].as_str() {
            line += &format!(" from {from}");
        }
        for flag in ["binary", "staged", "ignored", "hidden"] {
            line += if change[flag] == true { [" ", flag].concat() } else { String::new() }.as_str();
        }
        line
    };
    document["changes"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn each_kind_of_change_is_told() {
    let world = served(&["a", "b", "c", "d", "e", "f", "g", "h", "sub/i", "k.bin"]);
    assert_eq!(look(&world)["clean"], true);
    fill(&world, "served/a", "another\n");
    fs::remove_file(world.path("served/b")).unwrap();
    fs::rename(world.path("served/c"), world.path("served/sub/moved")).unwrap();
    fill(&world, "served/sub/moved", &(text("c") + "one more\n"));
    fs::set_permissions(world.path("served/d"), Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(world.path("served/e")).unwrap();
    symlink("d", world.path("served/e")).unwrap();
    fs::write(world.path("served/k.bin"), b"\0\xff").unwrap();
    fill(&world, "served/new", "new\n");
    symlink("/nowhere", world.path("served/link")).unwrap();
    fs::remove_file(world.path("served/f")).unwrap();
    fill(&world, "served/f/inside", "now a folder\n");
    fs::create_dir(world.path("served/empty")).unwrap();
    fill(&world, "served/.gitignore", "*.log\n/cache/\n");
    fill(&world, "served/x.log", "noise");
    fill(&world, "served/cache/deep/file", "noise");
    let document = look(&world);
    let expected = [
        "added .gitignore",
        "modified a",
        "deleted b",
        "mode d",
        "type e",
        "deleted f",
        "added f/inside",
        "modified k.bin binary",
        "added link",
        "added new",
        "renamed sub/moved from c",
        "added cache/ ignored",
        "added x.log ignored",
    ];
    assert_eq!(told(&document), expected);
    assert_eq!((&document["clean"], &document["ignored"]), (&false.into(), &2.into()));
    assert_eq!(document["base"], world.tip("site.git", "main"));
    let shown = world.cairn("site.git", &["uncommitted"]).ok().says("2 files and folders are hidden by ignore rules");
    let head = "2 modified, 4 added, 2 deleted, 1 renamed, 1 with another mode, 1 of another type";
    assert!(shown.stdout.contains(head), "{}", shown.stdout);
    assert!(shown.stdout.contains("c -> sub/moved"), "{}", shown.stdout);
    world.cairn("site.git", &["uncommitted", "--exit-code"]).exits(1);
    deliver(&world, "main");
}

#[test]
fn a_clone_says_what_is_staged_and_what_git_was_told_not_to_see() {
    let world = cloned(&["a", "b", "c", "d", "e", "gone"]);
    assert_eq!(look(&world)["clean"], true);
    fill(&world, "served/a", "staged\n");
    fill(&world, "served/new", "staged\n");
    world.git("served", &["add", "a", "new"]).ok();
    world.git("served", &["rm", "--quiet", "--cached", "b"]).ok();
    world.git("served", &["update-index", "--assume-unchanged", "c"]).ok();
    world.git("served", &["update-index", "--skip-worktree", "d", "gone"]).ok();
    fill(&world, "served/c", "hidden\n");
    fill(&world, "served/d", "hidden\n");
    fs::remove_file(world.path("served/gone")).unwrap();
    fill(&world, "served/e", "seen\n");
    assert!(!world.git("served", &["status", "--short"]).ok().stdout.contains(" c"));
    let document = look(&world);
    let expected = [
        "modified a staged",
        "deleted b staged",
        "modified c hidden",
        "modified d hidden",
        "modified e",
        "added new staged",
    ];
    assert_eq!(told(&document), expected);
}

#[test]
fn commits_and_stashes_that_the_host_lacks_are_a_change() {
    let world = cloned(&["a"]);
    fill(&world, "served/a", "stashed\n");
    world.git("served", &["stash", "--quiet"]).ok();
    assert_eq!(told(&look(&world)), ["repository "]);
    let shown = world.cairn("site.git", &["uncommitted", "--exit-code"]).exits(1);
    assert!(shown.stdout.contains("only there: refs/stash"), "{}", shown.stdout);
    let own = world.commit("served", "b", "of the server's own");
    let document = look(&world);
    assert_eq!((document["base"].as_str().unwrap(), told(&document)), (own.as_str(), vec!["repository ".to_owned()]));
    world.git("served", &["push", "--quiet", "origin", "main"]).ok();
    world.git("served", &["stash", "drop", "--quiet"]).ok();
    assert_eq!(look(&world)["clean"], true);
}

#[test]
fn repositories_inside_are_told_and_not_entered() {
    let world = cloned(&["a"]);
    world.bare("part.git", &[]);
    world.git(".", &["clone", "--quiet", "part.git", "part"]).ok();
    world.commit("part", "file", "1");
    world.git("part", &["push", "--quiet", "origin", "HEAD:main"]).ok();
    let part = world.path("part.git");
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", part.to_str().unwrap(), "lib/part"];
    world.git("served", &add).ok();
    world.git("served", &["commit", "--quiet", "-m", "a submodule"]).ok();
    world.git("served", &["push", "--quiet", "origin", "HEAD:main"]).ok();
    assert_eq!(look(&world)["clean"], true);
    fill(&world, "served/lib/part/file", "2");
    assert_eq!(told(&look(&world)), ["repository lib/part"]);
    world.git("served/lib/part", &["commit", "--quiet", "-am", "ours"]).ok();
    assert_eq!(told(&look(&world)), ["repository lib/part"]);
    world.git("served", &["submodule", "--quiet", "update"]).ok();
    assert_eq!(look(&world)["clean"], true);
    world.git(".", &["init", "--quiet", "served/stray"]).ok();
    world.commit("served/stray", "file", "of nobody");
    assert_eq!(told(&look(&world)), ["repository stray"]);
}

#[test]
fn a_tree_a_deployment_has_not_reached_is_compared_with_the_one_it_stands_on() {
    let world = served(&["a", "b"]);
    for n in 1..=3 {
        for file in ["a", "b", "c"] {
            fill(&world, &format!("dev/{file}"), &format!("{file} {n}\n"));
        }
        world.deployed("live", &format!("{n}"));
        if n == 2 {
            deliver(&world, "live");
        }
    }
    world.git("site.git", &["config", "cairn.live.worktree", world.path("served").to_str().unwrap()]).ok();
    fill(&world, "served/a", "edited there\n");
    let note = "the served tree still stands on live_2; live_3 has not reached it";
    let ran = world.cairn("site.git", &["uncommitted", "live", "--json"]).ok().says(note);
    let document = ran.json();
    assert_eq!((&document["deployment"], &document["note"]), (&"live_2".into(), &note.into()));
    assert_eq!(document["base"], world.tip("site.git", "live_2^{commit}"));
    assert_eq!(told(&document), ["modified a"]);
    deliver(&world, "live");
    let document = world.cairn("site.git", &["uncommitted", "live", "--json"]).ok().json();
    assert_eq!(
        (&document["deployment"], &document["note"], &document["clean"]),
        (&"live_3".into(), &Value::Null, &true.into())
    );
}

#[test]
fn a_linked_work_tree_of_the_host_is_compared_with_its_head() {
    let world = served(&["a"]);
    let path = world.path("linked");
    world.git("site.git", &["worktree", "add", "--quiet", "--detach", path.to_str().unwrap(), "main"]).ok();
    let words = ["uncommitted", "dev", "--json", "--worktree", path.to_str().unwrap()];
    assert_eq!(world.cairn("site.git", &words).ok().json()["clean"], true);
    fill(&world, "linked/a", "edited\n");
    world.git("linked", &["add", "a"]).ok();
    assert_eq!(told(&world.cairn("site.git", &words).ok().json()), ["modified a staged"]);
}

#[test]
fn what_cannot_be_read_is_named_and_never_clean() {
    let world = served(&["lib/a", "other/b"]);
    let tree = world.tip("site.git", "main:lib");
    fs::remove_file(world.path(&format!("site.git/objects/{}/{}", &tree[..2], &tree[2..]))).unwrap();
    let ran =
        world.cairn("site.git", &["uncommitted", "--json"]).exits(9).says("cannot be read, and so may be changed: lib");
    let document = ran.json();
    assert_eq!((&document["clean"], &document["unreadable"][0]["path"]), (&false.into(), &"lib".into()));
    assert_eq!(told(&document), Vec::<String>::new());
    world.cairn("site.git", &["uncommitted", "--exit-code"]).exits(9);
    world.cairn("site.git", &["uncommitted", "--worktree", "nowhere"]).exits(10);
    world.cairn("site.git", &["uncommitted", "live"]).exits(10).says("live has no work tree");
    world.cairn("site.git", &["uncommitted", "qa"]).exits(10);
    // A folder that is closed to us is; the one who runs this may be root, to whom none is.
    if !rustix::process::geteuid().is_root() {
        fs::set_permissions(world.path("served/other"), Permissions::from_mode(0o000)).unwrap();
        world.cairn("site.git", &["uncommitted"]).exits(9).says("may be changed: other");
        fs::set_permissions(world.path("served/other"), Permissions::from_mode(0o755)).unwrap();
    }
}

/// What a checkout writes is clean, whatever it made of what is stored; and an edit of it is one.
#[test]
fn what_git_converts_is_compared_as_git_stores_it() {
    let world = served(&["a"]);
    let attributes = "*.crlf text eol=crlf\n*.wide text working-tree-encoding=UTF-16\n*.latin working-tree-encoding=ISO-8859-1\n*.id ident\n";
    fill(&world, "dev/.gitattributes", attributes);
    world.git("dev", &["add", "--all"]).ok();
    // A carriage return stands at the end of what is read at a time, and its line feed after it.
    fill(&world, "dev/long.crlf", &("x".repeat(16 * 1024 - 1) + "\r\n" + &text("long").replace('\n', "\r\n")));
    fill(&world, "dev/b.id", "$Id$\nwords\n");
    let wide: Vec<u8> = [0xfeff].into_iter().chain("gr\u{fc}n\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    fs::write(world.path("dev/c.wide"), &wide).unwrap();
    fs::write(world.path("dev/d.latin"), b"gr\xfcn\n").unwrap();
    world.git("dev", &["add", "--all"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "converted"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    fs::remove_dir_all(world.path("served")).unwrap();
    world.git(".", &["clone", "--quiet", "site.git", "served"]).ok();
    assert!(fs::read_to_string(world.path("served/b.id")).unwrap().starts_with("$Id: "));
    fs::remove_dir_all(world.path("served/.git")).unwrap();
    assert_eq!(told(&look(&world)), Vec::<String>::new());
    // Without the file of attributes, those that git has of it hold.
    fs::remove_file(world.path("served/.gitattributes")).unwrap();
    for name in ["long.crlf", "b.id", "c.wide", "d.latin"] {
        let path = world.path("served").join(name);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 4;
        bytes[last] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let expected =
        ["deleted .gitattributes", "modified b.id", "modified c.wide", "modified d.latin", "modified long.crlf"];
    assert_eq!(told(&look(&world)), expected);
    // Where a folder has that name, git takes none.
    world.git("site.git", &["--work-tree=../served", "checkout", "--quiet", "--force", "main", "--", "."]).ok();
    fs::remove_file(world.path("served/.gitattributes")).unwrap();
    fill(&world, "served/.gitattributes/inner", "x");
    let expected = [
        "deleted .gitattributes",
        "added .gitattributes/inner",
        "modified b.id",
        "modified c.wide binary",
        "modified d.latin",
        "modified long.crlf",
    ];
    assert_eq!(told(&look(&world)), expected);
}

/// How line ends are guessed depends on what the index has at that very path, and of a plain folder the commit.
#[test]
fn what_attributes_call_binary_is_not_like_a_text_with_other_line_ends() {
    let world = served(&[]);
    fill(&world, "dev/.gitattributes", "*.bin binary\n");
    let content = text("a").replace('\n', "\r\n");
    fill(&world, "dev/a.bin", &content);
    world.git("dev", &["add", "--all"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "called binary"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    deliver(&world, "main");
    let moved = |to: &str| {
        let path = world.path("served").join(to);
        fs::rename(world.path("served/a.bin"), &path).unwrap();
        fs::write(&path, format!("{content}one more line\n")).unwrap();
        let told = told(&look(&world));
        fs::rename(&path, world.path("served/a.bin")).unwrap();
        told
    };
    assert_eq!(moved("b"), ["deleted a.bin binary", "added b"]);
    assert_eq!(moved("b.bin"), ["renamed b.bin from a.bin binary"]);
}

#[test]
fn carriage_returns_that_are_stored_stay_only_where_git_would_keep_them() {
    let world = cloned(&["a"]);
    let returns = text("x").replace('\n', "\r\n");
    fill(&world, "served/.gitattributes", "* text=auto\n");
    for name in ["gone", "kept", "moved"] {
        fill(&world, &format!("served/{name}"), &returns);
    }
    fs::rename(world.path("served/.gitattributes"), world.path("attributes")).unwrap();
    world.git("served", &["add", "--all"]).ok();
    fs::rename(world.path("attributes"), world.path("served/.gitattributes")).unwrap();
    world.git("served", &["add", ".gitattributes"]).ok();
    world.git("served", &["commit", "--quiet", "-m", "as they lie"]).ok();
    world.git("served", &["push", "--quiet", "origin", "HEAD:main"]).ok();
    assert_eq!(look(&world)["clean"], true);
    world.git("served", &["rm", "--quiet", "--cached", "gone"]).ok();
    fs::rename(world.path("served/moved"), world.path("served/there")).unwrap();
    assert_eq!(told(&look(&world)), ["modified gone staged", "renamed there from moved"]);
    let patch = world.cairn("site.git", &["uncommitted", "--patch"]).ok().stdout;
    fs::write(world.path("tree.patch"), patch).unwrap();
    world.git(".", &["clone", "--quiet", "site.git", "twin"]).ok();
    world.git("twin", &["apply", "--cached", "--binary", "../tree.patch"]).ok();
    world.git("served", &["add", "--all"]).ok();
    let trees = ["twin", "served"].map(|folder| world.git(folder, &["write-tree"]).ok().out().to_owned());
    assert_eq!(trees[0], trees[1]);
}

#[test]
fn ignore_rules_come_from_everywhere_git_takes_them() {
    let world = served(&["a", "lib/b", "lib/kept/c"]);
    fill(&world, "excludes", "*.one\n");
    world.git("site.git", &["config", "core.excludesFile", world.path("excludes").to_str().unwrap()]).ok();
    fill(&world, "site.git/info/exclude", "*.two\n");
    fill(&world, "served/.gitignore", "*.three\n!x.one\nlib/kept\n");
    fill(&world, "served/lib/.gitignore", "*.four\n!x.three\n");
    for n in ["one", "two", "three", "four"] {
        fill(&world, &format!("served/x.{n}"), "");
        fill(&world, &format!("served/lib/x.{n}"), "");
        fill(&world, &format!("served/lib/kept/x.{n}"), "");
    }
    // In an ignored folder what git watches is watched.
    fill(&world, "served/lib/kept/c", "edited\n");
    let expected = [
        "added .gitignore",
        "added lib/.gitignore",
        "modified lib/kept/c",
        "added lib/x.one",
        "added lib/x.three",
        "added x.four",
        "added x.one",
        "added lib/kept/x.four ignored",
        "added lib/kept/x.one ignored",
        "added lib/kept/x.three ignored",
        "added lib/kept/x.two ignored",
        "added lib/x.four ignored",
        "added lib/x.two ignored",
        "added x.three ignored",
        "added x.two ignored",
    ];
    assert_eq!(told(&look(&world)), expected);
}

#[test]
fn a_sparse_checkout_is_not_missing_what_it_leaves_out() {
    let world = cloned(&["a", "lib/b", "other/c", "other/deep/d"]);
    world.git("served", &["sparse-checkout", "set", "--sparse-index", "lib"]).ok();
    assert!(!world.path("served/other").exists());
    assert_eq!(look(&world)["clean"], true);
    fill(&world, "served/other/c", "written all the same\n");
    fill(&world, "served/lib/b", "edited\n");
    assert_eq!(told(&look(&world)), ["modified lib/b", "modified other/c hidden"]);
}

/// A script that leaves a mark, under every name and key by which git could be made to run it.
fn hostile(world: &World) -> PathBuf {
    let mark = world.path("mark");
    let script = world.script("bad", &format!("echo \"$0 $*\" >> {}\ncat", mark.display()));
    let bad = script.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.gitProxy",
        "core.askPass",
        "core.alternateRefsCommand",
        "diff.external",
        "diff.bad.command",
        "diff.bad.textconv",
        "filter.bad.clean",
        "filter.bad.smudge",
        "filter.bad.process",
        "merge.bad.driver",
        "credential.helper",
        "gpg.program",
        "gpg.ssh.program",
        "sequence.editor",
        "uploadpack.packObjectsHook",
        "alias.status",
        "pager.status",
        "interactive.diffFilter",
        "remote.origin.uploadpack",
        "submodule.part.update",
        "trailer.bad.command",
        "browser.bad.cmd",
        "man.bad.cmd",
        "sendemail.sendmailCmd",
    ] {
        let value = if key == "submodule.part.update" { format!("!{bad}") } else { bad.to_owned() };
        world.git("served", &["config", key, &value]).ok();
    }
    world.git("served", &["config", "core.hooksPath", world.path("hooks").to_str().unwrap()]).ok();
    world.git("served", &["config", "include.path", world.path("included").to_str().unwrap()]).ok();
    fill(world, "included", &format!("[core]\n\tfsmonitor = {bad}\n"));
    for hook in ["post-index-change", "fsmonitor-watchman", "pre-commit", "reference-transaction", "post-checkout"] {
        for folder in ["hooks", "served/.git/hooks"] {
            fs::create_dir_all(world.path(folder)).unwrap();
            copy_program(&script, world.path(folder).join(hook));
        }
    }
    fill(world, "served/.gitattributes", "* filter=bad diff=bad merge=bad\n");
    fill(
        world,
        "served/.gitmodules",
        &format!("[submodule \"part\"]\n\tpath = part\n\turl = ext::{bad}\n\tupdate = !{bad}\n"),
    );
    mark
}

#[test]
fn nothing_that_a_tree_names_is_run() {
    let world = cloned(&["a", "b"]);
    let mark = hostile(&world);
    fill(&world, "served/a", "edited\n");
    world.git("served", &["status"]);
    assert!(mark.exists(), "the trap is none: git itself runs nothing of it");
    fs::remove_file(&mark).unwrap();
    let expected = ["added .gitattributes", "added .gitmodules", "modified a"];
    for _ in 0..2 {
        let ran = world.cairn("site.git", &["uncommitted", "--json"]).ok().says("the filter bad is not run");
        assert_eq!(told(&ran.json()), expected);
        fill(&world, "served/b", &text("b"));
    }
    // The same as a repository inside a plain folder, and as that folder's own `.git`.
    fs::rename(world.path("served"), world.path("hidden")).unwrap();
    deliver(&world, "main");
    fs::rename(world.path("hidden"), world.path("served/inner")).unwrap();
    assert_eq!(told(&look(&world)), ["repository inner"]);
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap());
}

#[test]
fn no_link_leads_out_and_no_pipe_holds_up() {
    let world = served(&["lib/a", "lib/b", "page2"]);
    fill(&world, "outside/a", &text("lib/a"));
    fill(&world, "outside/b", "a secret\n");
    fs::remove_dir_all(world.path("served/lib")).unwrap();
    symlink(world.path("outside"), world.path("served/lib")).unwrap();
    assert_eq!(told(&look(&world)), ["added lib", "deleted lib/a", "deleted lib/b"]);
    for name in [".gitignore", ".gitattributes", "page2", "pipe"] {
        let path = world.path("served").join(name);
        let _ = fs::remove_file(&path);
        run(command("mkfifo", &world.path("home")).arg(&path)).ok();
    }
    assert_eq!(told(&look(&world)), ["added lib", "deleted lib/a", "deleted lib/b", "deleted page2"]);
    // A `.git` that leads to somebody else's repository is not read.
    world.git(".", &["init", "--quiet", "elsewhere"]).ok();
    fill(&world, "served/.git", &format!("gitdir: {}\n", world.path("elsewhere/.git").display()));
    world.cairn("site.git", &["uncommitted"]).exits(5).says("leads to");
    fs::remove_file(world.path("served/.git")).unwrap();
    symlink(world.path("elsewhere/.git"), world.path("served/.git")).unwrap();
    world.cairn("site.git", &["uncommitted"]).exits(5).says("leads to");
}

#[test]
fn nothing_is_written_into_the_tree() {
    let world = cloned(&["a", "b"]);
    fill(&world, "served/a", "edited\n");
    let before = world.listing("served");
    look(&world);
    look(&world);
    assert_eq!(world.listing("served"), before);
    assert_eq!(fs::read_dir(world.path("site.git/cairn/looks")).unwrap().count(), 1);
}

/// Waits until what was written is older than the grain that a look takes for now.
fn settle(world: &World) {
    let from = std::time::SystemTime::now();
    crate::support::until("files are old enough", || {
        fill(world, "clock", "tick");
        let now = world.path("clock").metadata().unwrap().modified().unwrap();
        now.duration_since(from).is_ok_and(|age| age.as_millis() > 150)
    });
}

#[test]
fn what_is_remembered_never_hides_an_edit() {
    let world = served(&["a", "b"]);
    settle(&world);
    assert_eq!(look(&world)["clean"], true);
    let looks: Vec<_> =
        fs::read_dir(world.path("site.git/cairn/looks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let remembered = fs::read(&looks[0]).unwrap();
    // The same size and the old time: only the inode's own time tells.
    let path = world.path("served/a");
    let time = path.metadata().unwrap().modified().unwrap();
    fill(&world, "served/a", &text("A"));
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_eq!(told(&look(&world)), ["modified a"]);
    // Edited right after a look that read it.
    for n in 0..20 {
        fill(&world, "served/b", &text(&format!("{}", n % 10)));
        assert_eq!(told(&look(&world)), ["modified a", "modified b"]);
        fill(&world, "served/b", &text("b"));
        assert_eq!(told(&look(&world)), ["modified a"]);
    }
    settle(&world);
    assert_eq!(told(&look(&world)), ["modified a"]);
    assert_ne!(fs::read(&looks[0]).unwrap(), remembered, "the edited file is remembered");
    // Another commit makes another answer of the same files.
    world.git("dev", &["commit", "--quiet", "--allow-empty", "-m", "the same"]).ok();
    fill(&world, "dev/a", &text("A"));
    world.git("dev", &["commit", "--quiet", "-am", "what was edited"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    assert_eq!(look(&world)["clean"], true);
    // And damaged or lost it is only slower.
    fs::write(&looks[0], &remembered[..remembered.len() / 2]).unwrap();
    assert_eq!(look(&world)["clean"], true);
    fs::remove_dir_all(world.path("site.git/cairn/looks")).unwrap();
    assert_eq!(look(&world)["clean"], true);
}

#[test]
fn names_that_are_remembered_hide_no_other() {
    for world in [served(&["a", "lib/b"]), cloned(&["a", "lib/b"])] {
        let exclude = ["served/.git/info/exclude", "site.git/info/exclude"];
        let exclude = exclude.into_iter().find(|path| world.path(path).exists()).unwrap();
        let remembered = |told_now: &[&str]| {
            settle(&world);
            assert_eq!(told(&look(&world)), told_now);
            assert_eq!(told(&look(&world)), told_now);
        };
        fill(&world, "served/lib/other", "left alone\n");
        remembered(&["added lib/other"]);
        fill(&world, "served/lib/new", "new\n");
        assert_eq!(told(&look(&world)), ["added lib/new", "added lib/other"]);
        fs::rename(world.path("served/lib/new"), world.path("served/new")).unwrap();
        assert_eq!(told(&look(&world)), ["added lib/other", "added new"]);
        fs::remove_file(world.path("served/new")).unwrap();
        remembered(&["added lib/other"]);
        // Rules from elsewhere make another answer of the same names.
        fill(&world, exclude, "other\n");
        assert_eq!(told(&look(&world)), ["added lib/other ignored"]);
        fill(&world, exclude, "");
        // The same names, and one of them is something else.
        fs::remove_file(world.path("served/lib/other")).unwrap();
        fs::create_dir(world.path("served/lib/other")).unwrap();
        fill(&world, "served/lib/other/inner", "in a folder\n");
        assert_eq!(told(&look(&world)), ["added lib/other/inner"]);
        remembered(&["added lib/other/inner"]);
        // A repository that comes to stand in a folder.
        world.git("served/lib/other", &["init", "--quiet"]).ok();
        assert_eq!(told(&look(&world)), ["repository lib/other"]);
        remembered(&["repository lib/other"]);
        fs::remove_dir_all(world.path("served/lib")).unwrap();
        remembered(&["deleted lib/b"]);
        fill(&world, "served/lib/b", &text("lib/b"));
        remembered(&[]);
    }
}

#[test]
fn an_index_that_is_remembered_hides_nothing_staged() {
    let world = cloned(&["a", "b", "lib/c"]);
    let git = |words: &[&str]| drop(world.git("served", words).ok());
    let remembered = |told_now: &[&str]| {
        settle(&world);
        assert_eq!(told(&look(&world)), told_now);
        assert_eq!(told(&look(&world)), told_now);
    };
    remembered(&[]);
    git(&["rm", "--quiet", "--cached", "lib/c"]);
    assert_eq!(told(&look(&world)), ["deleted lib/c staged"]);
    git(&["reset", "--quiet"]);
    remembered(&[]);
    git(&["update-index", "--assume-unchanged", "b"]);
    fill(&world, "served/b", "hidden\n");
    assert_eq!(told(&look(&world)), ["modified b hidden"]);
    git(&["update-index", "--no-assume-unchanged", "b"]);
    remembered(&["modified b"]);
    git(&["add", "b"]);
    remembered(&["modified b staged"]);
    // Another commit, with the index of the one before.
    git(&["reset", "--quiet", "--hard"]);
    remembered(&[]);
    git(&["update-ref", "HEAD", "HEAD~1"]);
    assert_eq!(told(&look(&world)), ["added a staged", "added b staged", "added lib/c staged"]);
    // One that cannot be read is told, whatever was remembered.
    git(&["update-ref", "HEAD", "ORIG_HEAD"]);
    remembered(&[]);
    fill(&world, "served/.git/index", "no index");
    world.cairn("site.git", &["uncommitted"]).exits(12).says("the index");
}

#[test]
fn what_stands_as_it_stood_is_neither_listed_nor_read_again() {
    if command("strace", Path::new("/")).arg("-V").output().is_err() {
        return missing_peer("looks that are remembered", "strace");
    }
    let names: Vec<String> = (0..60).map(|n| format!("folder{n}/file")).collect();
    let world = cloned(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let calls = || {
        let mut strace = command("strace", &world.path("home"));
        strace.args(["-f", "-qq", "-e", "trace=getdents64,openat", "-o"]).arg(world.path("calls"));
        run(strace.args([GIT_CAIRN, "uncommitted", "--json"]).current_dir(world.path("site.git"))).ok();
        let calls = fs::read_to_string(world.path("calls")).unwrap();
        // The index is read by its descriptor.
        let count = |part: &str| calls.lines().filter(|line| line.contains(part)).count();
        [count("getdents64("), count("/dev/fd/")]
    };
    settle(&world);
    let [listed, read] = calls();
    assert!(listed > 120 && read == 1, "{listed} {read}");
    let [again, read] = calls();
    assert!(again + 120 <= listed && read == 0, "{listed}, then {again}, and {read}");
    // For a new file its folder alone is listed, and that of what is remembered, should that be written.
    fill(&world, "served/folder7/new", "new\n");
    let [more, read] = calls();
    assert!((again + 2..=again + 4).contains(&more) && read == 0, "{again}, then {more}, and {read}");
}

#[test]
fn attributes_make_another_file_of_one_that_is_remembered() {
    let world = served(&["a"]);
    fill(&world, "dev/b.txt", &text("b").replace('\n', "\r\n"));
    world.git("dev", &["add", "--all"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "as it lies"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    deliver(&world, "main");
    settle(&world);
    assert_eq!(look(&world)["clean"], true);
    fill(&world, "served/.gitattributes", "*.txt text\n");
    assert_eq!(told(&look(&world)), ["added .gitattributes", "modified b.txt"]);
    fs::remove_file(world.path("served/.gitattributes")).unwrap();
    assert_eq!(look(&world)["clean"], true);
}

#[test]
fn looks_side_by_side_all_see_the_same() {
    let world = served(&["a", "b", "lib/c"]);
    fill(&world, "served/a", "edited\n");
    settle(&world);
    std::thread::scope(|scope| {
        let lookers: Vec<_> =
            (0..6).map(|_| scope.spawn(|| (0..5).map(|_| told(&look(&world))).collect::<Vec<_>>())).collect();
        for looker in lookers {
            assert!(looker.join().unwrap().iter().all(|told| *told == ["modified a"]));
        }
    });
}

/// Runs it with so little memory that a file read whole would not fit.
fn in_little_memory(world: &World, words: &str) -> Ran {
    let script = format!("ulimit -v 100000; exec {GIT_CAIRN} {words}");
    let mut sh = command("sh", &world.path("home"));
    // A heap for each thread takes room that nothing is in.
    run(sh.env("MALLOC_ARENA_MAX", "1").args(["-c", &script]).current_dir(world.path("site.git")))
}

#[test]
fn a_large_file_and_many_changes_fill_neither_memory_nor_screen() {
    let world = served(&["a"]);
    let large = fs::File::create(world.path("served/large")).unwrap();
    large.set_len(500 << 20).unwrap();
    in_little_memory(&world, "uncommitted").ok();
    fs::remove_file(world.path("served/a")).unwrap();
    for n in 0..2000 {
        fill(&world, &format!("served/many/{n}"), "x");
    }
    let ran = in_little_memory(&world, "uncommitted").ok();
    assert!(ran.stdout.lines().count() < 50, "{}", ran.stdout);
    assert!(ran.stdout.contains("and 1962 more; --json lists all"), "{}", ran.stdout);
}

#[test]
fn a_patch_of_large_files_passes_through_little_memory() {
    let world = served(&[]);
    let holes = |path: &str, size: u64, last: &[u8]| {
        let mut file = fs::File::create(world.path(path)).unwrap();
        file.set_len(size).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(last).unwrap();
    };
    // Each is more than all the memory there is.
    holes("dev/both", 110 << 20, b"before");
    world.git("dev", &["add", "--all"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "large"]).ok();
    world.git("site.git", &["fetch", "--quiet", "../dev", "main:main"]).ok();
    holes("served/both", 112 << 20, b"after");
    holes("served/new", 120 << 20, b"new");
    in_little_memory(&world, "uncommitted --patch >../patch").ok();
    let patch = fs::read(world.path("patch")).unwrap();
    assert!(patch.len() < 2 << 20, "{} bytes of holes", patch.len());
    world.git("dev", &["apply", "--cached", "--binary", "../patch"]).ok();
    let staged = world.git("dev", &["ls-files", "--stage"]).ok().stdout;
    let lies = |name: &str| world.git("dev", &["hash-object", &format!("../served/{name}")]).ok().out().to_owned();
    let expected = format!("100644 {} 0\tboth\n100644 {} 0\tnew\n", lies("both"), lies("new"));
    assert!(staged.starts_with(&expected), "{staged}");
}

/// Dev is served from `served`, Live from `live`, and neither has edits.
fn two_served() -> World {
    let world = served(&[]);
    world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    fs::create_dir(world.path("live")).unwrap();
    fs::copy(world.path("served/page"), world.path("live/page")).unwrap();
    world.git("site.git", &["config", "cairn.live.worktree", world.path("live").to_str().unwrap()]).ok();
    world
}

#[test]
fn every_served_tree_is_looked_at_where_none_is_named() {
    let world = two_served();
    let clean = world.cairn("site.git", &["uncommitted", "--exit-code"]).ok();
    let clean = clean.says("served is as ").says("live is as live_1 ");
    assert_eq!(clean.stdout, "");
    fill(&world, "live/page", "edited\n");
    let said = world.cairn("site.git", &["uncommitted", "--exit-code"]).exits(1).says("served is as ");
    assert!(said.stdout.starts_with("live: ") && said.stdout.contains("modified  page"), "{}", said.stdout);
    let document = look(&world);
    assert_eq!((&document["environment"], &document["clean"]), (&"dev".into(), &true.into()));
    assert_eq!(
        (&document["others"][0]["environment"], &document["others"][0]["clean"]),
        (&"live".into(), &false.into())
    );
    assert!(world.cairn("site.git", &["uncommitted", "--stat"]).ok().says("live: ").stdout.contains("page"));
    // Of several a patch is that of the one that has changes.
    let patch = world.cairn("site.git", &["uncommitted", "--patch"]).ok().says("live: ").stdout;
    assert!(patch.contains("+edited"), "{patch}");
    fill(&world, "served/page", "edited too\n");
    let said = world.cairn("site.git", &["uncommitted", "--patch"]).exits(2).says("dev and live have uncommitted");
    said.says("hint: git cairn uncommitted dev --patch; git cairn uncommitted live --patch");
}

#[test]
fn a_tree_that_cannot_be_looked_at_hides_none_of_the_others() {
    let world = two_served();
    fs::remove_dir_all(world.path("served")).unwrap();
    fill(&world, "live/page", "edited\n");
    let said = world.cairn("site.git", &["uncommitted"]).exits(9).says("warning: dev was not looked at: ");
    assert!(said.stdout.starts_with("live: "), "{}", said.stdout);
    let document = world.cairn("site.git", &["uncommitted", "--json"]).exits(9).json();
    assert_eq!((&document["environment"], &document["others"]), (&"live".into(), &serde_json::json!([])));
    fs::remove_dir_all(world.path("live")).unwrap();
    assert_eq!(world.cairn("site.git", &["uncommitted", "--json"]).exits(10).json()["error"]["exit"], 10);
}
