//! Uncommitted edits in served work trees: captured with a backup, found again, and nothing else touched.

use crate::support::{Ran, Random, World, counted, host, run};
use crate::terminal::Terminal;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A set-up host whose live stands on `live_1`, served from the plain folder `www`.
pub fn served() -> World {
    let world = host();
    let files =
        [("page", "1\n"), ("dir/deep", "deep\n"), ("run.sh", "#!/bin/sh\n"), ("gone", "gone\n"), ("old", "a\nb\nc\n")];
    for (file, content) in files {
        let path = world.path("dev").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    world.git("dev", &["add", "--all"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "site"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main", "main:live"]).ok();
    serve(&world, "live", "www");
    world.git("site.git", &["config", "cairn.live.worktree", &world.path("www").display().to_string()]).ok();
    world
}

/// Fills a folder with a commit's files, as a deployment does.
pub fn serve(world: &World, commit: &str, folder: &str) {
    std::fs::create_dir_all(world.path(folder)).unwrap();
    let tar = world.path("site.tar");
    world.git("site.git", &["archive", "-o", &tar.display().to_string(), commit]).ok();
    run(world.in_folder(folder, "tar").arg("-xf").arg(&tar)).ok();
}

pub fn write(path: PathBuf, content: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Edits of every kind.
fn edit(world: &World) {
    let www = world.path("www");
    write(www.join("page"), "1\nedited over SFTP");
    write(www.join("new dir/n\u{fc}w"), "new\r\n");
    write(www.join("binary"), [0, 1, 2, 255]);
    std::fs::remove_file(www.join("gone")).unwrap();
    std::fs::rename(www.join("old"), www.join("renamed")).unwrap();
    std::fs::set_permissions(www.join("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::remove_file(www.join("dir/deep")).unwrap();
    symlink("../page", www.join("dir/deep")).unwrap();
}

/// The tree that git itself makes of a folder upon a commit.
#[track_caller]
pub fn by_git(world: &World, base: &str, folder: &str) -> String {
    let twin = world.path("twin");
    let _ = std::fs::remove_dir_all(&twin);
    world.git(".", &["clone", "--quiet", "--no-checkout", "site.git", "twin"]).ok();
    world.git("twin", &["reset", "--quiet", base]).ok();
    run(world.in_folder(".", "cp").arg("-a").arg(world.path(folder).join(".")).arg(&twin)).ok();
    world.git("twin", &["add", "--all"]).ok();
    world.git("twin", &["write-tree"]).ok().out().to_owned()
}

#[track_caller]
pub fn create(world: &World, words: &[&str]) -> Ran {
    world.cairn("site.git", &[&["backup", "create", "live", "--json"], words].concat())
}

/// Clones the capture of a backup and returns its tree and its parent.
#[track_caller]
pub fn captured(world: &World, backup: &str) -> (String, String) {
    let bundle = world.path("edits.bundle");
    let _ = std::fs::remove_file(&bundle);
    let _ = std::fs::remove_dir_all(world.path("edits"));
    let to = bundle.display().to_string();
    world.cairn("site.git", &["backup", "get", backup, "--element", "uncommitted", "--to", &to]).ok();
    world.git(".", &["clone", "--quiet", &to, "edits"]).ok();
    (world.tip("edits", "HEAD^{tree}"), world.tip("edits", "HEAD~"))
}

#[test]
fn what_was_captured_is_told_and_what_is_served_elsewhere_too() {
    let world = served();
    world.git("dev", &["push", "--quiet", "origin", "main:test"]).ok();
    serve(&world, "test", "stage");
    world.git("site.git", &["config", "cairn.test.worktree", &world.path("stage").display().to_string()]).ok();
    let create = |words: &[&str]| world.cairn("site.git", &[&["backup", "create"], words].concat()).ok();
    assert!(!create(&[]).stderr.contains("uncommitted"));
    edit(&world);
    write(world.path("stage/page"), "edited there");
    let made = create(&["live"]).says("live: 7 uncommitted changes captured, ");
    // What it names is typed to the letter.
    let see = made.stderr.lines().find_map(|line| line.strip_prefix("hint: to see them: ")).unwrap();
    let patch = run(world.in_folder("site.git", "sh").args(["-c", see])).ok().stdout;
    assert!(patch.contains("\n+edited over SFTP"), "{patch}");
    create(&["live", "--without-uncommitted"]).says("live: 7 uncommitted changes not in this backup");
    // Without a name it is dev, and what is served as others is left out.
    let made = create(&[]).says("uncommitted edits are served as test (1), live (7), and not in this backup");
    let all = made.stderr.lines().find_map(|line| line.strip_prefix("hint: to have them in backups: ")).unwrap();
    let all = run(world.in_folder("site.git", "sh").args(["-c", all])).ok();
    let all = all.says("test: 1 uncommitted change captured").says("live: 7 uncommitted changes captured");
    assert!(!all.stderr.contains("not in this backup"), "{}", all.stderr);
    assert!(!create(&["dev"]).stderr.contains("uncommitted"), "who names one means that one");
}

#[test]
fn a_backup_holds_the_work_tree_to_the_last_byte_and_touches_nothing() {
    let world = served();
    edit(&world);
    let before = world.listing("www");
    let made = create(&world, &[]).ok().says("holds 7 uncommitted changes").says("git cairn uncommitted live");
    let document = made.json();
    assert_eq!(document["backup"]["uncommitted"], serde_json::json!({"changes": 7, "captured": true}));
    assert_eq!(document["backup"]["elements"][1]["element"], "uncommitted");
    assert!(document["backup"]["elements"][1]["verified_at"].is_string());
    let base = world.tip("site.git", "live");
    assert_eq!(captured(&world, "live"), (by_git(&world, &base, "www"), base.clone()));
    let heads = world.git(".", &["bundle", "list-heads", "edits.bundle"]).ok().stdout;
    assert!(heads.contains(" HEAD\n") && heads.contains(" refs/cairn/uncommitted/live\n"), "{heads}");

    world.cairn("site.git", &["restore", "live", "--element", "uncommitted", "--to", "../back"]).ok();
    assert_eq!(by_git(&world, &base, "back"), world.tip("edits", "HEAD^{tree}"));
    assert_eq!(world.path("back/dir/deep").read_link().unwrap(), Path::new("../page"));
    assert_eq!(world.listing("www"), before);

    let patch = world.cairn("site.git", &["backup", "get", "live", "--element", "uncommitted", "--patch", "--to", "-"]);
    world.git("twin", &["reset", "--quiet", "--hard", &base]).ok();
    world.git("twin", &["clean", "-qfdx"]).ok();
    std::fs::write(world.path("edits.patch"), patch.ok().stdout).unwrap();
    world.git("twin", &["apply", "--index", "--binary", "../edits.patch"]).ok();
    assert_eq!(world.git("twin", &["write-tree"]).ok().out(), world.tip("edits", "HEAD^{tree}"));

    world
        .cairn("site.git", &["backup", "get", "live", "--element", "uncommitted", "--thin", "--to", "../thin.bundle"])
        .ok();
    assert!(std::fs::read_to_string(world.path("thin.bundle")).is_err(), "a bundle is no text");
    world.git("dev", &["fetch", "--quiet", "../thin.bundle", "HEAD"]).ok();
    assert_eq!(world.tip("dev", "FETCH_HEAD"), world.tip("edits", "HEAD"));
    assert!(!world.git("edits", &["bundle", "verify", "../edits.bundle"]).ok().stdout.contains("requires"));
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();

    // By git alone, as RESTORE.md has it.
    let guide = std::fs::read_to_string(world.path("site.cairn/RESTORE.md")).unwrap();
    let scripts: Vec<&str> = guide.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let id = document["backup"]["id"].as_str().unwrap();
    let second = scripts[1].replace("<backup>", id).replace("<environment>", "live").replace("<dir>", "\"$2\"");
    let folder = format!("site.cairn/site/backups/{id}");
    let script = format!("{}\n{second}", scripts[0]);
    let restore = ["-c", &script, "sh"].map(String::from);
    let targets = ["by-hand.git", "by-hand"].map(|name| world.path(name).display().to_string());
    run(world.in_folder(&folder, "sh").args(restore).args(targets)).ok();
    assert_eq!(world.tip("by-hand", "HEAD^{tree}"), world.tip("edits", "HEAD^{tree}"));
    assert!(world.git("by-hand", &["status", "--porcelain"]).ok().stdout.is_empty());
}

#[test]
fn what_is_hidden_by_ignore_rules_is_taken_only_when_asked_for() {
    let world = served();
    write(world.path("www/.gitignore"), "*.cache\nvar/\n");
    write(world.path("www/a.cache"), "cached");
    write(world.path("www/var/deep/log"), "logged");
    create(&world, &[]).ok();
    captured(&world, "live");
    assert!(!world.path("edits/a.cache").exists() && world.path("edits/.gitignore").exists());
    create(&world, &["--include-ignored"]).ok();
    captured(&world, "live");
    assert_eq!(std::fs::read(world.path("edits/a.cache")).unwrap(), b"cached");
    assert_eq!(std::fs::read(world.path("edits/var/deep/log")).unwrap(), b"logged");
}

#[test]
fn uploads_and_large_files_are_left_out_and_named_with_their_size() {
    let world = served();
    write(world.path("www/sites/default/files/a.jpg"), [1; 2048]);
    write(world.path("www/sites/default/files/deep/b.jpg"), [1; 1024]);
    write(world.path("www/large"), vec![7; (20 << 20) + 1]);
    write(world.path("www/kept"), "kept");
    std::fs::create_dir(world.path("www/empty")).unwrap();
    run(world.in_folder("www", "mkfifo").arg("pipe")).ok();
    let said = create(&world, &[]).ok().says("sites/default/files (3.0 KiB)").says("large (20.0 MiB)");
    let said = said.says("an empty folder: empty").says("a socket, pipe or device: pipe");
    assert_eq!(said.json()["backup"]["uncommitted"]["captured"], true);
    captured(&world, "live");
    let there = |name: &str| world.path("edits").join(name).exists();
    assert!(there("kept") && !there("large") && !there("sites"));
    let shown = world.cairn("site.git", &["backup", "show", "live", "--json"]).ok().json();
    let left = shown["backup"]["uncommitted"]["left_out"].as_array().unwrap().clone();
    let of =
        |why: &str| left.iter().find(|one| one["why"] == why).unwrap_or_else(|| panic!("{why} in {left:?}")).clone();
    assert_eq!((&of("excluded")["path"], &of("excluded")["bytes"]), (&"sites/default/files".into(), &3072.into()));
    assert_eq!(of("too-large")["bytes"], (20 << 20) + 1);

    world.git("site.git", &["config", "cairn.live.captureLimit", "3"]).ok();
    world.git("site.git", &["config", "cairn.live.captureExclude", "large"]).ok();
    create(&world, &[]).ok().says("more than captureLimit allows: kept (4 B)");
    world.git("site.git", &["config", "cairn.live.captureLimit", "much"]).ok();
    create(&world, &[]).exits(2).says("cairn.live.captureLimit");
}

#[test]
fn a_clean_tree_can_be_demanded_and_edits_left_out() {
    let world = served();
    let clean = create(&world, &["--require-clean"]).ok().json();
    assert_eq!(clean["backup"]["uncommitted"], serde_json::json!({"changes": 0, "captured": false}));
    write(world.path("www/page"), "edited");
    let backups = world.backups("site.git").len();
    create(&world, &["--require-clean"]).exits(5).says("git cairn uncommitted live");
    assert_eq!(world.backups("site.git").len(), backups);
    let without = create(&world, &["--without-uncommitted"]).ok().json();
    assert_eq!(without["backup"]["uncommitted"], serde_json::json!({"changes": 1, "captured": false}));
    let id = without["backup"]["id"].as_str().unwrap().to_owned();
    for form in [&["--patch"][..], &["--thin"], &[]] {
        let words = ["backup", "get", &id, "--element", "uncommitted", "--to", "../none"];
        world.cairn("site.git", &[&words[..], form].concat()).exits(10);
    }
    world.cairn("site.git", &["restore", &id, "--element", "uncommitted", "--to", "../none"]).exits(10);
    assert!(!world.path("none").exists());
    world.cairn("site.git", &["backup", "get", &id, "--element", "code", "--patch"]).exits(2);
}

#[test]
fn a_person_is_asked_what_becomes_of_the_edits() {
    let world = served();
    write(world.path("www/page"), "edited");
    for (key, code, captured) in [("Enter", 0, Some(true)), ("l", 0, Some(false)), ("s", 7, None)] {
        let before = world.backups("site.git").len();
        let Some(terminal) = Terminal::start(&world, "site.git", 120, "git cairn backup create live") else { return };
        terminal.shows("capture them with the backup, leave them out, or stop?").press(&[key]);
        if key != "Enter" {
            terminal.press(&["Enter"]);
        }
        assert_eq!(terminal.exit(), code);
        let backups = world.backups("site.git");
        assert_eq!(backups.len(), before + usize::from(captured.is_some()));
        if let Some(captured) = captured {
            assert_eq!(backups[0]["uncommitted"], serde_json::json!({"changes": 1, "captured": captured}));
        }
    }
}

#[test]
fn a_push_over_edits_keeps_them_before_a_hook_checks_out_over_them() {
    let world = host();
    let check_out = format!(
        "git --work-tree='{}' checkout --force live -- . && git --work-tree='{}' clean -qfd",
        world.path("www").display(),
        world.path("www").display()
    );
    world.git("site.git", &["config", "--unset-all", "cairn.id"]).ok();
    world.bare("host.git", &[]);
    world.git("dev", &["remote", "add", "host", "../host.git"]).ok();
    world.script("host.git/hooks/post-receive", &check_out);
    world.git("dev", &["push", "--quiet", "host", "main"]).ok();
    world.git("host.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.git("host.git", &["config", "cairn.hookBudget", "60s"]).ok();
    std::fs::create_dir(world.path("www")).unwrap();
    world.cairn("host.git", &["setup", "--env", &format!("live=live:{}", world.path("www").display())]).ok();
    world.git("dev", &["push", "--quiet", "host", "main:live"]).ok();
    assert_eq!(std::fs::read(world.path("www/page")).unwrap(), b"1");
    write(world.path("www/page"), "edited over SFTP");
    write(world.path("www/upload"), "uploaded");
    let edited = by_folder(&world, "www");

    world.commit("dev", "page", "2");
    let pushed = world.git("dev", &["push", "host", "main:live"]).ok();
    let pushed = pushed.says("the work tree of live held 2 uncommitted changes").says("backup get live_2");
    assert_eq!(std::fs::read(world.path("www/page")).unwrap(), b"2");
    assert!(!world.path("www/upload").exists(), "{}", pushed.stderr);
    world.cairn("host.git", &["restore", "live_2", "--element", "uncommitted", "--to", "../back"]).ok();
    assert_eq!(by_folder(&world, "back"), edited);
    let shown = world.cairn("host.git", &["backup", "show", "live_2", "--json"]).ok().json();
    assert_eq!(shown["backup"]["uncommitted"]["base"], world.tip("host.git", "live_1^{commit}"));
    assert_eq!(std::fs::read_dir(world.path("host.git/cairn/captures")).unwrap().count(), 0);
    world.cairn("host.git", &["backup", "verify", "--all"]).ok();

    world.commit("dev", "page", "3");
    let pushed = world.git("dev", &["push", "host", "main:live"]).ok();
    assert!(!pushed.stderr.contains("uncommitted"), "{}", pushed.stderr);
}

/// Names and contents below a folder.
fn by_folder(world: &World, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = world.path(folder);
    world
        .listing(folder)
        .into_iter()
        .map(|(path, _, bytes)| (path.strip_prefix(&root).unwrap().into(), bytes))
        .collect()
}

#[test]
fn a_tree_that_is_not_there_fails_no_push() {
    let world = served();
    std::fs::remove_dir_all(world.path("www")).unwrap();
    world.commit("dev", "page", "3");
    world.git("dev", &["push", "origin", "main:live"]).ok().says("there is no work tree");
}

#[test]
fn damage_to_a_capture_is_found_and_what_goes_takes_it_along() {
    let world = served();
    write(world.path("www/page"), "edited");
    let id = create(&world, &[]).ok().json()["backup"]["id"].as_str().unwrap().to_owned();
    let file = world.path("site.cairn/site/uncommitted").join(format!("{id}.bundle"));
    let whole = std::fs::read(&file).unwrap();
    for place in [whole.len() / 2, whole.len() - 30, 5] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let found = world.cairn("site.git", &["backup", "verify", &id, "--json"]).exits(12).json();
        let bad = found["checked"].as_array().unwrap().iter().find(|one| one["ok"] == false).unwrap().clone();
        assert_eq!(
            (&bad["element"], bad["file"].as_str().unwrap()),
            (&"uncommitted".into(), &*format!("uncommitted/{id}.bundle"))
        );
        world.cairn("site.git", &["restore", &id, "--element", "uncommitted", "--to", "../none"]).exits(12);
        assert!(!world.path("none").exists());
    }
    std::fs::remove_file(&file).unwrap();
    world.cairn("site.git", &["backup", "verify", &id]).exits(12);
    std::fs::write(&file, &whole).unwrap();
    std::fs::remove_file(file.with_extension("idx")).unwrap();
    world.cairn("site.git", &["backup", "verify", &id]).exits(12);
    world.cairn("site.git", &["backup", "verify", &id, "--repair"]).ok();
    world.cairn("site.git", &["backup", "verify", &id]).ok();

    create(&world, &["--without-uncommitted"]).ok();
    world.cairn("site.git", &["backup", "delete", &id, "--reason", "test"]).ok();
    assert_eq!(std::fs::read_dir(world.path("site.cairn/site/uncommitted")).unwrap().count(), 0);
}

#[test]
fn repositories_inside_the_tree_and_what_a_served_clone_has_alone_come_along() {
    let world = served();
    std::fs::remove_dir_all(world.path("www")).unwrap();
    world.git(".", &["clone", "--quiet", "--branch", "live", "site.git", "www"]).ok();
    let own = world.commit("www", "page", "committed on the host alone");
    write(world.path("www/page"), "and edited");
    write(world.path("www/stashed"), "s");
    world.git("www", &["stash", "--quiet", "--include-untracked"]).ok();
    let stash = world.tip("www", "stash");
    write(world.path("www/page"), "and edited again");
    world.git(".", &["init", "--quiet", "www/module"]).ok();
    let inner = world.commit("www/module", "inner", "committed");
    write(world.path("www/module/inner"), "edited inside");
    let before = world.listing("www");
    create(&world, &[]).ok();
    assert_eq!(world.listing("www"), before);
    captured(&world, "live");
    assert_eq!(world.tip("edits", "HEAD~"), own);
    let heads = world.git(".", &["bundle", "list-heads", "edits.bundle"]).ok().stdout;
    assert!(heads.contains(&stash) && heads.contains(&inner), "{heads}");
    world.cairn("site.git", &["restore", "live", "--element", "uncommitted", "--to", "../back"]).ok();
    assert_eq!(std::fs::read(world.path("back/page")).unwrap(), b"and edited again");
    assert_eq!(std::fs::read(world.path("back/module/inner")).unwrap(), b"edited inside");
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn repositories_in_repositories_come_along_with_their_edits_and_commits() {
    let world = served();
    std::fs::remove_dir_all(world.path("www")).unwrap();
    world.git(".", &["clone", "--quiet", "--branch", "live", "site.git", "www"]).ok();
    // Clones in clones, and a submodule of a submodule, whose git directory lies with the outermost one's.
    let deep = ["www/one", "www/one/two", "www/one/two/three"];
    let tips = deep.map(|folder| {
        world.git(".", &["init", "--quiet", folder]).ok();
        world.commit(folder, "inner", folder)
    });
    for name in ["lower", "upper"] {
        world.git(".", &["init", "--quiet", name]).ok();
        world.commit(name, "file", name);
    }
    let allow = ["-c", "protocol.file.allow=always"];
    let add = |folder: &str, from: &str, to: &str| {
        let from = world.path(from).display().to_string();
        world.git(folder, &[&allow[..], &["submodule", "--quiet", "add", &from, to]].concat()).ok();
    };
    add("upper", "lower", "lower");
    world.git("upper", &["commit", "--quiet", "-m", "lower"]).ok();
    add("www", "upper", "lib/upper");
    world.git("www", &[&allow[..], &["submodule", "--quiet", "update", "--init", "--recursive"]].concat()).ok();
    world.git("www", &["commit", "--quiet", "-m", "submodules"]).ok();
    write(world.path("www/one/two/inner"), "edited two deep");
    write(world.path("www/one/two/three/new"), "new three deep");
    write(world.path("www/one/two/three/\u{fc}"), "name");
    write(world.path("www/lib/upper/lower/file"), "edited in a submodule of a submodule");
    world.git("www/one/two", &["stash", "--quiet"]).ok();
    let stash = world.tip("www/one/two", "stash");
    write(world.path("www/one/two/inner"), "edited again");
    let before = world.listing("www");
    let made = create(&world, &[]).ok();
    assert!(!made.stderr.contains("not captured"), "{}", made.stderr);
    assert_eq!(world.listing("www"), before);
    captured(&world, "live");
    let heads = world.git(".", &["bundle", "list-heads", "edits.bundle"]).ok().stdout;
    for id in tips.iter().chain([&stash]) {
        assert!(heads.contains(id.as_str()), "{id} in {heads}");
    }
    world.cairn("site.git", &["restore", "live", "--element", "uncommitted", "--to", "../back"]).ok();
    for file in ["one/inner", "one/two/inner", "one/two/three/new", "one/two/three/inner", "lib/upper/lower/file"] {
        let [there, back] = ["www", "back"].map(|folder| std::fs::read(world.path(folder).join(file)));
        assert_eq!(there.unwrap(), back.unwrap_or_else(|error| panic!("{file}: {error}")), "{file}");
    }
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

/// One random edit of a tree.
fn edit_at_random(world: &World, random: &mut Random) {
    let names =
        ["page", "dir/deep", "run.sh", "gone", "old", "new", "dir/new", "x y", "q\"uote", "n\nl", "d/e/f", "\u{fc}"];
    let path = world.path("www").join(random.pick(&names));
    let clear = |path: &Path| match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path).unwrap(),
        Ok(_) => std::fs::remove_file(path).unwrap(),
        Err(_) => {}
    };
    // A file where a folder was, or the other way round.
    for above in path.ancestors().skip(1).take_while(|above| *above != world.path("www")) {
        if above.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            clear(above);
        }
    }
    match random.below(7) {
        0 => clear(&path),
        1 if path.is_file() && !path.is_symlink() => {
            let mode = if random.below(2) == 0 { 0o755 } else { 0o644 };
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        2 => {
            clear(&path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(random.pick(&["page", "../nowhere", "/etc/hostname"]), &path).unwrap();
        }
        3 => {
            let to = world.path("www").join(random.pick(&["moved", "dir/moved", "page"]));
            if path.is_file() && !path.is_symlink() && path != to && to.parent().unwrap().is_dir() {
                clear(&to);
                std::fs::rename(&path, to).unwrap();
            }
        }
        _ => {
            clear(&path);
            let size = random.below(300);
            let content = match random.below(3) {
                0 => random.bytes(size),
                1 => b"a\r\nb\r\n".repeat(size / 50),
                _ => b"line\n".repeat(size / 10),
            };
            write(path, content);
        }
    }
}

/// The tree that git makes of a copy of a served clone.
#[track_caller]
fn by_git_in_clone(world: &World) -> String {
    let _ = std::fs::remove_dir_all(world.path("twin"));
    run(world.in_folder(".", "cp").args(["-a", "www", "twin"])).ok();
    world.git("twin", &["add", "--all"]).ok();
    world.git("twin", &["write-tree"]).ok().out().to_owned()
}

#[test]
fn a_captured_tree_is_the_one_that_git_would_make() {
    let mut world = served();
    for n in counted("CAIRN_CAPTURES", 16) {
        // Every command reads the manifests of all backups there are.
        if n % 100 == 99 {
            world = served();
        }
        captures_as_git_would(&world, n);
    }
}

#[track_caller]
fn captures_as_git_would(world: &World, n: usize) {
    let base = world.tip("site.git", "live");
    let mut random = Random::one_of(20_261_125, n);
    let is_clone = n % 2 == 1;
    std::fs::remove_dir_all(world.path("www")).unwrap();
    if is_clone {
        world.git(".", &["clone", "--quiet", "--branch", "live", "site.git", "www"]).ok();
    } else {
        serve(world, "live", "www");
    }
    for _ in 0..=random.below(10) {
        edit_at_random(world, &mut random);
        if is_clone && random.below(4) == 0 {
            world.git("www", &["add", "--all"]).ok();
        }
    }
    let wanted = if is_clone { by_git_in_clone(world) } else { by_git(world, &base, "www") };
    let before = world.listing("www");
    let made = create(world, &[]).ok().json();
    assert_eq!(world.listing("www"), before, "case {n}");
    if made["backup"]["uncommitted"]["captured"] != true {
        assert_eq!(world.tip("site.git", "live^{tree}"), wanted, "case {n}: {}", made["backup"]["uncommitted"]);
        return;
    }
    assert_eq!(captured(world, "live"), (wanted.clone(), base.clone()), "case {n}");
    let patch = world.path("case.patch");
    let _ = std::fs::remove_file(&patch);
    let to = patch.display().to_string();
    world.cairn("site.git", &["backup", "get", "live", "--element", "uncommitted", "--patch", "--to", &to]).ok();
    world.git("edits", &["read-tree", "HEAD~"]).ok();
    if patch.metadata().unwrap().len() > 0 {
        world.git("edits", &["apply", "--cached", "--binary", &to]).ok();
    }
    assert_eq!(world.git("edits", &["write-tree"]).ok().out(), wanted, "case {n}");
    // The patch of the tree as it lies says the same.
    let words = ["cairn", "uncommitted", "live", "--patch"];
    let lying = world.in_folder("site.git", "git").args(words).output().unwrap();
    assert!(lying.status.success());
    std::fs::write(&patch, &lying.stdout).unwrap();
    world.git("edits", &["read-tree", "HEAD~"]).ok();
    if !lying.stdout.is_empty() {
        world.git("edits", &["apply", "--cached", "--binary", &to]).ok();
    }
    assert_eq!(world.git("edits", &["write-tree"]).ok().out(), wanted, "case {n}");
}

#[test]
fn a_patch_of_the_tree_is_printed_and_applies() {
    let world = served();
    edit(&world);
    let base = world.tip("site.git", "live");
    let wanted = by_git(&world, &base, "www");
    let patch = run(world.in_folder("site.git", "git").args(["cairn", "uncommitted", "live", "--patch"])).ok();
    assert!(patch.stdout.contains("GIT binary patch") && patch.stdout.contains("rename from old"), "{}", patch.stdout);
    std::fs::write(world.path("tree.patch"), &patch.stdout).unwrap();
    world.git("twin", &["read-tree", &base]).ok();
    world.git("twin", &["apply", "--cached", "--binary", "../tree.patch"]).ok();
    assert_eq!(world.git("twin", &["write-tree"]).ok().out(), wanted);
    let stat = world.cairn("site.git", &["uncommitted", "live", "--stat"]).ok().stdout;
    assert!(stat.contains("old => renamed") && stat.contains("7 files changed"), "{stat}");
    world.cairn("site.git", &["uncommitted", "live", "--patch", "--exit-code"]).exits(1);
}

#[test]
fn a_patch_on_a_terminal_is_coloured_escaped_and_bounded() {
    let world = served();
    write(world.path("www/page"), "\u{1b}[2Jcleared\n");
    write(world.path("www/many"), "line\n".repeat(5000));
    let Some(terminal) = Terminal::start(&world, "site.git", 120, "git cairn uncommitted live --patch") else { return };
    terminal.shows("there is more: git cairn uncommitted live --patch > <file>");
    assert_eq!(terminal.exit(), 0);
    std::fs::remove_file(world.path("www/many")).unwrap();
    let Some(terminal) = Terminal::start(&world, "site.git", 120, "git cairn uncommitted live --patch") else { return };
    terminal.shows("+\\u{1b}[2Jcleared");
    assert_eq!(terminal.exit(), 0);
}

/// Makes a backup while somebody writes into the tree each time, or only once, just before it is read.
fn create_under_edits(world: &World, edits: usize) -> Ran {
    let path = std::env::var_os("PATH").unwrap();
    let git = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.is_file()).unwrap();
    std::fs::create_dir_all(world.path("bin")).unwrap();
    let (page, count) = (world.path("www/page"), world.path("count"));
    std::fs::write(&count, "").unwrap();
    // A capture begins with a repository of its own.
    let body = format!(
        "case \"$*\" in *init*taken.git*) [ $(wc -c <'{count}') -ge {edits} ] || {{ printf x >>'{count}'; echo more >>'{page}'; }};; esac\nexec '{git}' \"$@\"",
        count = count.display(),
        page = page.display(),
        git = git.display()
    );
    world.script("bin/git", &body);
    let path = std::env::join_paths([world.path("bin")].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut create = world.in_folder("site.git", crate::support::GIT_CAIRN);
    run(create.env("PATH", path).args(["backup", "create", "live", "--json"]))
}

#[test]
fn a_tree_that_changes_while_it_is_read_is_read_again() {
    let world = served();
    write(world.path("www/page"), "edited\n");
    let made = create_under_edits(&world, 1).ok();
    assert!(!made.stderr.contains("kept changing"), "{}", made.stderr);
    captured(&world, "live");
    assert_eq!(std::fs::read(world.path("edits/page")).unwrap(), b"edited\nmore\n");

    let made = create_under_edits(&world, 99).ok().says("kept changing while it was read");
    assert_eq!(made.json()["backup"]["uncommitted"]["captured"], true);
    let shown = world.cairn("site.git", &["backup", "show", "live", "--json"]).ok().json();
    assert_eq!(shown["backup"]["uncommitted"]["settled"], false);
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn a_linked_work_tree_is_captured_as_it_was_before_the_push_moved_its_branch() {
    let world = served();
    world.git("site.git", &["config", "receive.denyCurrentBranch", "ignore"]).ok();
    std::fs::remove_dir_all(world.path("www")).unwrap();
    world.git("site.git", &["worktree", "add", "--quiet", "../www", "live"]).ok();
    let old = world.tip("site.git", "live");
    write(world.path("www/page"), "edited");
    for file in ["a", "b", "c"] {
        world.commit("dev", file, "new");
    }
    let before = world.listing("www");
    world.git("dev", &["push", "origin", "main:live"]).ok().says("the work tree of live held 1 uncommitted change;");
    assert_eq!(world.listing("www"), before);
    assert_eq!(captured(&world, "live_2").1, old);
}

#[test]
fn edits_whose_hook_died_before_it_queued_a_backup_get_one() {
    let world = served();
    write(world.path("www/page"), "edited");
    world.commit("dev", "page", "2");
    // Nobody can make a backup: what the push captured stays where it waits.
    world.git("site.git", &["config", "cairn.reserve", "100TiB"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    let captures = world.path("site.git/cairn/captures");
    let kept: Vec<_> = std::fs::read_dir(&captures).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    // As if its hook had died before it queued the job: no job has this token.
    std::fs::rename(&kept[0], captures.join("0123456789abcdef")).unwrap();
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert!(world.backups("site.git").iter().all(|backup| backup["uncommitted"].is_null()));
    let record = std::fs::File::options().append(true).open(captures.join("0123456789abcdef/record.json")).unwrap();
    record.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(world.backups("site.git")[0]["uncommitted"], serde_json::json!({"changes": 1, "captured": true}));
    assert_eq!(std::fs::read_dir(&captures).unwrap().count(), 0);
    captured(&world, "live");
    assert_eq!(std::fs::read(world.path("edits/page")).unwrap(), b"edited");
}
