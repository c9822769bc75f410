//! What `git cairn undo` brings back of a revert, a reset and a catch-up: the host's branch, the branch here, the index and
//! every file, to the byte.

use crate::support::{World, host};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// Everything of a clone that a person could miss: branches, what the index says with its flags, and every file with its bits.
pub fn state(world: &World, clone: &str) -> String {
    let git = |words: &[&str]| world.git(clone, words).ok().stdout;
    let mut files = vec![];
    for (path, mode, content) in world.listing(clone) {
        let name = path.strip_prefix(world.path(clone)).unwrap().to_path_buf();
        if name.starts_with(".git") && name.as_os_str() != ".gitattributes" && name.as_os_str() != ".gitignore" {
            continue;
        }
        let leads = fs::read_link(&path).map_or(String::new(), |to| format!(" -> {}", to.display()));
        files.push(format!("{mode:o} {}{leads} {}", name.display(), content.escape_ascii()));
    }
    format!(
        "{}{}\n{}{}{}",
        git(&["for-each-ref", "--format=%(refname) %(objectname)"]),
        git(&["symbolic-ref", "HEAD"]),
        git(&["ls-files", "--stage"]),
        git(&["ls-files", "-v"]) + &git(&["status", "--porcelain=v2"]),
        files.join("\n"),
    )
}

fn mode(world: &World, name: &str, mode: u32) {
    fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

fn push(world: &World) {
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
}

/// A clone whose `main` has two commits that are published, and all kinds of work beside them. Returns the first.
pub fn busy_clone() -> (World, String) {
    let world = host();
    let write = |name: &str, content: &str| {
        let path = world.path("dev").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write(".gitignore", "local\n*.log\n");
    write(".gitattributes", "dos text\n");
    for name in ["dos", "tool", "assumed", "skipped", "gone/away", "staged", "edited", "turns"] {
        write(name, &format!("{name} one\n"));
    }
    symlink("tool", world.path("dev/link")).unwrap();
    let first = world.commit("dev", "page", "first");
    for name in ["dos", "tool", "assumed", "skipped"] {
        write(name, &format!("{name} two\n"));
    }
    mode(&world, "dev/tool", 0o755);
    fs::remove_file(world.path("dev/link")).unwrap();
    symlink("page", world.path("dev/link")).unwrap();
    fs::remove_dir_all(world.path("dev/gone")).unwrap();
    fs::remove_file(world.path("dev/turns")).unwrap();
    write("turns/folder", "x\n");
    write("new/deep/file", "new\n");
    world.commit("dev", "page", "second");
    push(&world);
    // What git's filters make equal, bits that git does not keep, and flags.
    write("dos", "dos two\r\n");
    world.git("dev", &["add", "dos"]).ok();
    mode(&world, "dev/tool", 0o700);
    mode(&world, "dev/page", 0o600);
    mode(&world, "dev/new/deep", 0o750);
    world.git("dev", &["update-index", "--refresh"]).ok();
    world.git("dev", &["update-index", "--assume-unchanged", "assumed"]).ok();
    world.git("dev", &["update-index", "--skip-worktree", "skipped"]).ok();
    // One's own work elsewhere, of every kind.
    write("staged", "staged by me\n");
    world.git("dev", &["add", "staged"]).ok();
    write("edited", "edited by me\n");
    write("intended", "i\n");
    world.git("dev", &["add", "--intent-to-add", "intended"]).ok();
    write("untracked", "u\n");
    write("debug.log", "ignored\n");
    // As after a copy of the folder: nothing is what git remembers of it, and all is what git has.
    for flagged in ["assumed", "skipped"] {
        write(flagged, &format!("{flagged} two\n"));
    }
    (world, first)
}

#[track_caller]
fn there_and_back(world: &World, words: &[&str]) {
    let (here, there) = (state(world, "dev"), world.tip("site.git", "main"));
    let applied = world.cairn("dev", &[words, &["--yes", "--json"]].concat());
    let applied = if applied.code == 7 {
        let plan = world.cairn("dev", &[words, &["--plan", "--json"]].concat()).ok().json();
        world.cairn("dev", &[words, &["--confirm", plan["plan_id"].as_str().unwrap(), "--json"]].concat())
    } else {
        applied
    };
    let applied = applied.ok().json();
    assert_ne!(state(world, "dev"), here);
    let undo = applied["undo"].as_str().unwrap().to_owned();
    let typed = undo.strip_prefix("git cairn ").unwrap().split(' ').chain(["--yes"]).collect::<Vec<_>>();
    let plan = world.cairn("dev", &["undo", "--plan", "--json"]).ok().json();
    assert_eq!(plan["wanted"][0], applied["id"]);
    world.cairn("dev", &typed).ok();
    assert_eq!(state(world, "dev"), here, "{words:?}");
    assert_eq!(world.tip("site.git", "main"), there, "{words:?}");
    assert_eq!(world.git("dev", &["for-each-ref", "refs/cairn"]).ok().out(), "");
    world.cairn("dev", &typed).exits(8).says("taken back already");
}

#[test]
fn a_revert_and_both_resets_are_taken_back_to_the_byte_and_done_again() {
    let (world, first) = busy_clone();
    for _ in 0..2 {
        there_and_back(&world, &["revert", "HEAD"]);
        there_and_back(&world, &["reset", &first, "--as-commit"]);
        there_and_back(&world, &["reset", &first, "--overwrite-history"]);
    }
    there_and_back(&world, &["revert", "HEAD", "--no-push"]);
    there_and_back(&world, &["reset", &first, "--overwrite-history", "--no-push"]);
}

/// The index is not touched while files are captured, and all of them are back afterwards.
#[test]
pub fn case_33_what_was_captured_comes_back_to_the_byte() {
    let (world, first) = busy_clone();
    fs::create_dir_all(world.path("dev/gone")).unwrap();
    symlink("../page", world.path("dev/gone/away")).unwrap();
    let before = (state(&world, "dev"), fs::read(world.path("dev/.git/index")).unwrap());
    let words = ["reset", &first, "--as-commit"];
    let now = || (state(&world, "dev"), fs::read(world.path("dev/.git/index")).unwrap());
    let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    assert_eq!(plan["worktree"]["untracked_in_way"][0]["path"], "gone/away");
    assert!(now() == before, "the plan changed something");
    world.script("dev/.git/hooks/pre-push", "exit 1");
    let refused = world.cairn("dev", &[&words[..], &["--yes"]].concat());
    assert!(refused.code != 0 && now() == before, "{}", refused.stderr);
    fs::remove_file(world.path("dev/.git/hooks/pre-push")).unwrap();
    there_and_back(&world, &words);
}

/// Files that git does not track stand where the revert brings some: one ignored, one not, a link, and a whole folder.
#[test]
fn what_was_kept_aside_comes_back() {
    let world = host();
    fs::write(world.path("dev/.gitignore"), "local\n").unwrap();
    for name in ["local", "note", "link", "place"] {
        fs::write(world.path("dev").join(name), "from git\n").unwrap();
    }
    world.git("dev", &["add", "--force", "--all"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "files come"]).ok();
    world.git("dev", &["rm", "--quiet", "local", "note", "link", "place"]).ok();
    let gone = world.commit("dev", "page", "files go");
    push(&world);
    fs::write(world.path("dev/local"), b"secret\x00\xff").unwrap();
    mode(&world, "dev/local", 0o640);
    fs::write(world.path("dev/note"), "mine").unwrap();
    mode(&world, "dev/note", 0o755);
    symlink("page", world.path("dev/link")).unwrap();
    fs::create_dir_all(world.path("dev/place/deep")).unwrap();
    fs::write(world.path("dev/place/deep/file"), "below").unwrap();
    there_and_back(&world, &["revert", &gone]);
    // Also where git has thrown away what no reference needs.
    let before = state(&world, "dev");
    world.cairn("dev", &["revert", &gone, "--yes"]).ok();
    world.git("dev", &["reflog", "expire", "--expire=now", "--all"]).ok();
    world.git("dev", &["gc", "--quiet", "--prune=now"]).ok();
    world.cairn("dev", &["undo", "--yes"]).ok().says("4 files kept aside will come back");
    assert_eq!(state(&world, "dev"), before);
}

#[test]
fn a_rewind_is_taken_back_after_git_forgot_what_it_dropped_and_lifts_the_ban() {
    let world = host();
    let good = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "2");
    push(&world);
    let words = ["reset", &good, "--overwrite-history"];
    for _ in 0..2 {
        let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
        world.cairn("dev", &[&words[..], &["--confirm", plan["plan_id"].as_str().unwrap()]].concat()).ok();
        world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
        // The host bans what was dropped.
        world.git("bob", &["fetch", "--quiet", "../dev", &bad]);
        world.git("dev", &["push", "origin", &format!("{bad}:refs/heads/topic")]).exits(1);
        world.git("dev", &["reflog", "expire", "--expire=now", "--all"]).ok();
        world.git("dev", &["gc", "--quiet", "--prune=now"]).ok();
        world.git("dev", &["cat-file", "-e", &bad]).exits(1);
        world.cairn("dev", &["undo", "--yes"]).ok();
        assert_eq!((world.tip("site.git", "main"), world.tip("dev", "main")), (bad.clone(), bad.clone()));
        world.git("dev", &["push", "--quiet", "origin", &format!("{bad}:refs/heads/topic")]).ok();
        world.git("dev", &["push", "--quiet", "origin", ":refs/heads/topic"]).ok();
        world.remove("bob");
    }
}

#[test]
fn a_catch_up_is_taken_back_and_done_again() {
    let world = host();
    let kept = world.tip("dev", "main");
    world.commit("dev", "other", "dropped by somebody");
    push(&world);
    world.commit("dev", "mine", "1");
    world.git("site.git", &["update-ref", "refs/heads/main", &kept]).ok();
    world.git("dev", &["fetch", "--quiet"]).ok();
    there_and_back(&world, &["catch-up"]);
    there_and_back(&world, &["catch-up", "--push"]);
    there_and_back(&world, &["catch-up", "--push"]);
    world.cairn("dev", &["catch-up", "--push", "--yes"]).ok();
    assert_eq!(world.tip("dev", "main~1"), kept);
    // What only comes on top of the host's branch is one's own again, too, once it is taken back.
    let mine = world.commit("dev", "mine", "2");
    there_and_back(&world, &["catch-up", "--push"]);
    world.cairn("dev", &["catch-up", "--push", "--yes"]).ok();
    assert_eq!((world.tip("dev", "main"), world.tip("site.git", "main")), (mine.clone(), mine));
}

#[test]
fn a_catch_up_keeps_aside_what_is_in_the_way() {
    let world = host();
    let kept = world.tip("dev", "main");
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    let theirs = world.commit("bob", "new", "theirs");
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    fs::write(world.path("dev/new"), "mine").unwrap();
    let plan = world.cairn("dev", &["catch-up", "--plan", "--json"]).ok().json();
    assert_eq!(plan["warnings"][0]["code"], "kept-aside");
    world.cairn("dev", &["catch-up", "--yes"]).ok().says("kept aside: new");
    assert_eq!(
        (world.tip("dev", "main"), fs::read_to_string(world.path("dev/new")).unwrap()),
        (theirs, "theirs".into())
    );
    world.cairn("dev", &["undo", "--yes"]).ok();
    assert_eq!((world.tip("dev", "main"), fs::read_to_string(world.path("dev/new")).unwrap()), (kept, "mine".into()));
}

/// Whatever a person did since in the files that would move stops the undo before anything has changed.
#[test]
fn work_done_since_in_the_same_files_stops_it() {
    let world = host();
    fs::write(world.path("dev/.gitignore"), "local\n").unwrap();
    world.commit("dev", "removed", "r");
    let bad = world.commit("dev", "page", "2");
    world.git("dev", &["rm", "--quiet", "removed"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "removed goes"]).ok();
    push(&world);
    world.cairn("dev", &["revert", &bad, "HEAD", "--yes"]).ok();
    world.git("dev", &["checkout", "--quiet", "-b", "other"]).ok();
    world.cairn("dev", &["undo", "--yes"]).exits(5).says("not checked out").says("git switch main");
    world.git("dev", &["switch", "--quiet", "main"]).ok();
    let edited = |file: &str, content: &str| {
        fs::write(world.path("dev").join(file), content).unwrap();
        let (here, there) = (state(&world, "dev"), world.tip("site.git", "main"));
        world.cairn("dev", &["undo", "--yes"]).exits(5).says(file).says("git stash");
        world.cairn("dev", &["undo", "--plan"]).exits(5);
        assert_eq!((state(&world, "dev"), world.tip("site.git", "main")), (here, there));
    };
    edited("page", "an edit");
    world.git("dev", &["add", "page"]).ok();
    edited("page", "another");
    world.git("dev", &["reset", "--quiet", "--hard"]).ok();
    world.git("dev", &["update-index", "--assume-unchanged", "page"]).ok();
    edited("page", "hidden");
    world.git("dev", &["update-index", "--no-assume-unchanged", "page"]).ok();
    world.git("dev", &["reset", "--quiet", "--hard"]).ok();
    // Work elsewhere stays.
    fs::write(world.path("dev/elsewhere"), "new work").unwrap();
    world.cairn("dev", &["undo", "--yes"]).ok();
    assert_eq!(fs::read_to_string(world.path("dev/elsewhere")).unwrap(), "new work");
    world.cairn("dev", &["revert", &bad, "--yes"]).ok();
    let mine = world.commit("dev", "mine", "on top");
    let revert = world.tip("dev", "main~1");
    let hint = format!("git cairn revert {revert} --branch main");
    world.cairn("dev", &["undo", "--yes"]).exits(5).says("has 1 commit more here").says(&hint);
    assert_eq!(world.tip("dev", "main"), mine);
}

/// Within a second, too: then the same commit would be made again, which the host was told to keep from coming back.
#[test]
fn what_was_taken_back_is_done_again_at_once() {
    let world = host();
    let bad = world.commit("dev", "page", "2");
    let next = world.commit("dev", "other", "2");
    push(&world);
    for _ in 0..3 {
        world.cairn("dev", &["revert", &bad, &next, "--yes"]).ok();
        world.cairn("dev", &["undo", "--yes"]).ok();
        // The first of the two that were taken back, and now alone.
        world.cairn("dev", &["revert", &bad, "--yes"]).ok();
        assert_eq!(world.tip("site.git", "main~"), next);
        world.cairn("dev", &["undo", "--yes"]).ok();
    }
}

/// An untracked file where one comes back, and one in a folder that is to be a file again.
#[test]
fn new_files_where_old_ones_come_back_stop_it() {
    let world = host();
    fs::write(world.path("dev/place"), "mine").unwrap();
    let empty = world.tip("dev", "main");
    world.git("dev", &["switch", "--quiet", "-c", "side"]).ok();
    fs::remove_file(world.path("dev/place")).unwrap();
    world.git("dev", &["rm", "--quiet", "page"]).ok();
    let both = world.commit("dev", "place/file", "p");
    world.git("dev", &["push", "--quiet", "origin", "side:main"]).ok();
    world.git("dev", &["switch", "--quiet", "main"]).ok();
    fs::write(world.path("dev/place"), "mine").unwrap();
    world.cairn("dev", &["catch-up", "--yes"]).ok().says("kept aside: place");
    assert_eq!(world.tip("dev", "main"), both);
    fs::write(world.path("dev/page"), "in the way").unwrap();
    fs::write(world.path("dev/place/mine"), "in the way").unwrap();
    world.cairn("dev", &["undo", "--yes"]).exits(5).says("page, place/mine").says("move them away");
    assert_eq!(world.tip("dev", "main"), both);
    fs::remove_file(world.path("dev/page")).unwrap();
    fs::remove_file(world.path("dev/place/mine")).unwrap();
    world.cairn("dev", &["undo", "--yes"]).ok();
    assert_eq!(
        (world.tip("dev", "main"), fs::read_to_string(world.path("dev/place")).unwrap()),
        (empty, "mine".into())
    );
}

/// Somebody built on it: 4, and the command that is printed does what it says.
#[test]
fn whoever_built_on_it_keeps_their_work() {
    let world = host();
    let good = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "2");
    push(&world);
    let theirs = |world: &World| {
        world.remove("bob");
        world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
        let theirs = world.commit("bob", "bob", "b");
        world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
        theirs
    };
    let typed = |said: &str| {
        let start = said.find("git cairn revert").unwrap();
        said[start..].lines().next().unwrap().split(' ').skip(2).map(str::to_owned).collect::<Vec<_>>()
    };
    world.cairn("dev", &["revert", &bad, "--yes"]).ok();
    let bobs = theirs(&world);
    let said = world.cairn("dev", &["undo", "--yes"]).exits(4).says("somebody has built on it").stderr;
    assert_eq!(world.tip("site.git", "main"), bobs);
    let words = typed(&said);
    world.cairn("dev", &words.iter().map(String::as_str).chain(["--yes"]).collect::<Vec<_>>()).ok();
    assert_eq!(world.git("site.git", &["show", "main:page"]).ok().out(), "2");
    assert_eq!(world.git("site.git", &["show", "main:bob"]).ok().out(), "b");
    // A branch that was overwritten: what was dropped is merged, and the host is told that it is meant.
    let old = world.tip("dev", "main");
    let words = ["reset", &good, "--overwrite-history"];
    let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    world.cairn("dev", &[&words[..], &["--confirm", plan["plan_id"].as_str().unwrap()]].concat()).ok();
    let bobs = theirs(&world);
    let said = world.cairn("dev", &["undo", "--yes"]).exits(4).stderr;
    let way = format!("git pull, git merge {old}, then git push -o cairn.reintroduce=");
    assert!(said.contains(&way), "{said}");
    world.git("dev", &["pull", "--quiet"]).ok();
    world.git("dev", &["merge", "--quiet", "--no-edit", &old]).exits(0);
    let push = said[said.find("git push").unwrap()..].lines().next().unwrap();
    world.git("dev", &push.split(' ').skip(1).collect::<Vec<_>>()).ok();
    for kept in [&old, &bobs] {
        world.git("site.git", &["merge-base", "--is-ancestor", kept, "main"]).ok();
    }
}

/// What a reset dropped is there again, by somebody's push: that is said, and what brings it here.
#[test]
fn what_somebody_brought_back_is_not_to_be_taken_back() {
    let world = host();
    let good = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "2");
    push(&world);
    // Another branch still has it, and so the host lets it in again; the plan says so.
    world.git("dev", &["push", "--quiet", "origin", "main:test", "main:live"]).ok();
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    let words = ["reset", &good, "--overwrite-history"];
    let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    let held = plan["warnings"].as_array().unwrap().iter().find(|one| one["code"] == "still-held").unwrap();
    let text = "live and test still have what goes, so the host will not keep it from coming back to this branch";
    assert_eq!(held["text"], text);
    let confirm = ["--confirm", plan["plan_id"].as_str().unwrap(), "--json"];
    let id = world.cairn("dev", &[&words[..], &confirm].concat()).ok().json()["id"].as_str().unwrap().to_owned();
    for commit in [bad.clone(), world.commit("bob", "bob", "b")] {
        world.git("bob", &["push", "--quiet", "origin", &format!("{commit}:main")]).ok();
        let said = world.cairn("dev", &["undo", &id, "--yes"]).exits(8);
        let said = said.says("error: main has again what the reset took from it: somebody brought it back");
        assert!(!said.stderr.contains("built on it"), "{}", said.stderr);
        said.says("hint: to have it here as well: git cairn catch-up --branch main");
        assert_eq!(world.tip("site.git", "main"), commit);
        world.cairn("dev", &["catch-up", "--branch", "main", "--yes"]).ok();
        assert_eq!(world.tip("dev", "main"), commit);
    }
    // A rollback that somebody deployed over.
    world.cairn("dev", &["rollback", "live", &good, "--yes"]).ok();
    world.git("bob", &["push", "--quiet", "origin", &format!("{bad}:live")]).ok();
    world.cairn("dev", &["undo", "--yes"]).exits(8).says("live has again what the rollback took from it");
    // Of a reset that drops what nobody else has, nothing of the kind is said.
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let last = world.commit("dev", "page", "3");
    push(&world);
    let plan =
        world.cairn("dev", &["reset", &format!("{last}~1"), "--overwrite-history", "--plan", "--json"]).ok().json();
    assert!(!plan["warnings"].as_array().unwrap().iter().any(|one| one["code"] == "still-held"), "{plan}");
}

#[test]
fn the_last_one_on_a_remote_is_taken_back_by_its_name() {
    let world = host();
    world.git(".", &["clone", "--quiet", "--bare", "site.git", "second.git"]).ok();
    world.git("dev", &["remote", "add", "second", "../second.git"]).ok();
    world.cairn("dev", &["deploy", "test", "--yes", "--remote", "origin"]).ok();
    let bad = world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "second", "main"]).ok();
    world.cairn("dev", &["revert", &bad, "--remote", "second", "--yes"]).ok();
    world.cairn("dev", &["undo", "--remote", "third", "--yes"]).exits(8);
    world.cairn("dev", &["undo", "--remote", "origin", "--yes"]).ok().says("undo deploy of test");
    world.cairn("dev", &["undo", "--remote", "second", "--yes"]).ok().says("undo revert of main");
    assert_eq!((world.tip("second.git", "main"), world.tip("dev", "main")), (bad.clone(), bad));
}

/// The journal is as private as the repository.
#[test]
fn a_shared_clone_shares_its_journal() {
    let world = host();
    let bits = |name: &str| fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o7777;
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    assert_eq!((bits("dev/.git/cairn/ops"), bits("dev/.git/cairn/ops/lock")), (0o700, 0o600));
    fs::remove_dir_all(world.path("dev/.git/cairn")).unwrap();
    world.git("dev", &["config", "core.sharedRepository", "group"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok();
    for (path, mode, _) in world.listing("dev/.git/cairn") {
        let expected = if path.is_dir() { 0o2770 } else { 0o660 };
        assert_eq!(mode, expected, "{}", path.display());
    }
    assert_eq!(bits("dev/.git/cairn"), 0o2770);
}
