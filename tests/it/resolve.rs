//! `git cairn revert --resolve`: conflicts laid out as git does it, resolved with git, published or given up.

use crate::support::{GIT_CAIRN, Ran, Random, World, amount, command, host, missing_peer, run, until};
use std::path::Path;

/// A host whose `main` has three commits on the same line of `page`; the second cannot be reverted without a conflict.
/// Returns the second and the third.
fn collision() -> (World, [String; 2]) {
    let world = host();
    let bad = world.commit("dev", "page", "2");
    let after = world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    // What the host tells of its site is fetched once.
    world.cairn("dev", &["revert", &bad, "--plan"]).exits(3);
    (world, [bad, after])
}

/// Everything of the clone but objects that nothing refers to, which git itself sweeps, and the lock of our journal.
fn clone_of(world: &World) -> Vec<(std::path::PathBuf, u32, Vec<u8>)> {
    let left_out = ["dev/.git/objects", "dev/.git/cairn"].map(|name| world.path(name));
    let all = world.listing("dev").into_iter();
    all.filter(|(path, ..)| !left_out.iter().any(|out| path.starts_with(out))).collect()
}

/// What a conflict looks like in a work tree: files, index with its stages, the message that waits.
fn laid_out(world: &World, folder: &str) -> String {
    let git = |words: &[&str]| world.git(folder, words).ok().stdout;
    let message = git(&["rev-parse", "--git-path", "MERGE_MSG"]);
    let message = std::fs::read_to_string(world.path(folder).join(message.trim())).unwrap();
    let page = std::fs::read_to_string(world.path(folder).join("page")).unwrap();
    let status = git(&["status"]);
    let (_head, status) = status.split_once('\n').unwrap();
    let (stages, reverting) = (git(&["ls-files", "--stage"]), git(&["rev-parse", "REVERT_HEAD"]));
    format!("{stages}{status}{reverting}\n{page}\n{message}")
}

fn resolved(world: &World, folder: &str, content: &str) {
    std::fs::write(world.path(folder).join("page"), content).unwrap();
    world.git(folder, &["add", "page"]).ok();
}

#[track_caller]
fn nothing_is_left(world: &World) {
    assert!(!world.path("aside").exists() && !world.path("dev/.git/cairn/resolve").exists());
    assert_eq!(world.git("dev", &["worktree", "list"]).ok().stdout.lines().count(), 1);
    assert!(!world.path("dev/.git/worktrees").exists());
    assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().stdout, "");
}

#[test]
pub fn case_11_a_conflict_is_gits_own_and_is_resolved_beside_the_persons_files() {
    let (world, [bad, after]) = collision();
    run(world.in_folder(".", "cp").args(["-a", "dev", "oracle"])).ok();
    world.git("oracle", &["checkout", "--quiet", "--detach"]).ok();
    world.git("oracle", &["revert", "--no-edit", &bad]).exits(1);
    std::fs::write(world.path("dev/notes"), "mine").unwrap();
    world.cairn("dev", &["revert", &bad, "--plan"]).exits(3);
    let before = (clone_of(&world), world.refs("site.git"));
    world.cairn("dev", &["revert", &bad, "--resolve", "../aside"]).exits(3).says("--continue").says("--abandon");
    assert_eq!(laid_out(&world, "aside"), laid_out(&world, "oracle"));
    world.cairn("dev", &["revert", "--continue", "../aside", "--yes"]).exits(3).says("not resolved yet").says("page");
    let added = world.path("dev/.git/worktrees");
    let now = clone_of(&world).into_iter().filter(|(path, ..)| !path.starts_with(&added)).collect::<Vec<_>>();
    assert!((now, world.refs("site.git")) == before, "something else changed");
    resolved(&world, "aside", "1 and 3");
    resolved(&world, "oracle", "1 and 3");
    world.cairn("dev", &["revert", "--continue"]).exits(7).says("--yes");
    let plan = world.cairn("dev", &["revert", "--continue", "../aside", "--plan", "--json"]).ok().json();
    assert_eq!((&plan["commits"][0]["id"], &plan["conflicts"]), (&bad.clone().into(), &serde_json::json!([])));
    assert_eq!((&plan["host"]["verdict"], &plan["target"]), (&"accepted".into(), &after.clone().into()));
    let id = plan["plan_id"].as_str().unwrap();
    world.cairn("dev", &["revert", "--continue", "--confirm", id]).ok().says("to take it back");
    world.git("oracle", &["-c", "core.editor=:", "revert", "--continue"]).ok();
    let body = |folder: &str, name: &str| world.git(folder, &["log", "-1", "--format=%T %P%n%B", name]).ok().stdout;
    assert_eq!(body("site.git", "main"), body("oracle", "HEAD"));
    assert_eq!(
        (world.tip("site.git", "main"), plan["resolved"].as_str()),
        (world.tip("dev", "main"), Some(&*world.tip("dev", "main")))
    );
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"1 and 3");
    std::fs::remove_file(world.path("dev/notes")).unwrap();
    nothing_is_left(&world);
    world.cairn("dev", &["revert", "--continue"]).exits(10).says("--resolve <dir>");
}

#[test]
pub fn case_11_what_is_given_up_leaves_no_trace() {
    let (world, [bad, _]) = collision();
    let before = clone_of(&world);
    for (at, words) in [("dev", &["revert", "--abandon", "../aside"][..]), ("aside", &["revert", "--abandon"])] {
        world.cairn("dev", &["revert", &bad, "--resolve", "../aside"]).exits(3);
        std::fs::write(world.path("aside/page"), "half resolved").unwrap();
        world.cairn(at, words).ok();
        nothing_is_left(&world);
        assert!(clone_of(&world) == before, "something is left");
    }
    world.cairn("dev", &["revert", "--abandon"]).exits(10);
}

/// The plan of what was resolved, kept in a file and carried out by it, or not where something has moved since.
#[test]
fn what_is_resolved_is_published_by_the_plan_in_a_file() {
    let (world, [bad, after]) = collision();
    world.cairn("dev", &["revert", &bad, "--resolve", "../aside"]).exits(3);
    resolved(&world, "aside", "1 and 3");
    let planned = |name: &str| {
        let plan = world.cairn("dev", &["revert", "--continue", "--plan", "--json"]).ok().stdout;
        std::fs::write(world.path(name), plan).unwrap();
    };
    planned("old.json");
    resolved(&world, "aside", "1 or 3");
    world.git("aside", &["commit", "--quiet", "--amend", "--no-edit"]).ok();
    let before = (world.tip("dev", "main"), world.refs("site.git"));
    world.cairn("dev", &["revert", "--continue", "--apply", "../old.json"]).exits(4).says("--plan");
    assert_eq!((world.tip("dev", "main"), world.refs("site.git")), before);
    planned("plan.json");
    world.cairn("dev", &["revert", "--continue", "--apply", "../plan.json"]).ok().says("to take it back");
    assert_eq!(world.git("site.git", &["show", "main:page"]).ok().stdout, "1 or 3");
    assert_eq!((world.tip("dev", "main"), world.tip("dev", "main~1")), (world.tip("site.git", "main"), after));
    nothing_is_left(&world);
    world.cairn("dev", &["revert", "--continue", "--apply", "../plan.json"]).exits(10);
}

#[test]
fn a_plan_with_conflicts_names_both_ways() {
    let (world, [bad, _]) = collision();
    for ran in [world.cairn("dev", &["revert", &bad, "--yes"]), world.cairn("dev", &["revert", &bad, "--plan"])] {
        let said = ran.exits(3);
        let said = said.stdout + &said.stderr;
        assert!(said.contains("--resolve <dir>") && said.contains("git cairn reset <commit> --as-commit"), "{said}");
    }
}

#[test]
fn of_several_commits_each_is_resolved_in_turn() {
    let (world, _) = collision();
    world.commit("dev", "page", "4");
    let top = world.commit("dev", "other", "kept");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let words = ["revert", "HEAD~3", "HEAD~2", "--resolve", "../aside"];
    world.cairn("dev", &words).exits(3);
    resolved(&world, "aside", "without the first");
    world.cairn("dev", &["revert", "--continue", "--yes"]).exits(3).says("the next commit collides too");
    resolved(&world, "aside", "without both");
    // Or with git alone.
    world.git("aside", &["-c", "core.editor=:", "revert", "--continue"]).ok();
    world.cairn("aside", &["revert", "--continue", "--yes"]).ok();
    assert_eq!((world.tip("dev", "main~2"), world.tip("site.git", "main")), (top, world.tip("dev", "main")));
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"without both");
    nothing_is_left(&world);
}

#[test]
fn what_is_not_whole_is_not_published() {
    let (world, [bad, after]) = collision();
    world.cairn("dev", &["revert", &bad, "--resolve", "../aside"]).exits(3);
    let go_on = |code: i32, text: &str| world.cairn("dev", &["revert", "--continue", "--yes"]).exits(code).says(text);
    // As it was laid out, marks and all.
    world.git("aside", &["add", "page"]).ok();
    go_on(3, "page:1");
    resolved(&world, "aside", "1 and 3");
    std::fs::write(world.path("aside/page"), "1 and 3, later").unwrap();
    go_on(5, "add --update");
    world.git("aside", &["checkout", "--quiet", &after, "--", "page"]).ok();
    go_on(8, "--abandon");
    std::fs::write(world.path("aside/page"), "1 and 3").unwrap();
    go_on(5, "commit --all");
    world.git("aside", &["commit", "--quiet", "--all", "-m", "by hand"]).ok();
    std::fs::write(world.path("aside/notes"), "in no commit").unwrap();
    go_on(0, "git worktree remove --force");
    assert_eq!(std::fs::read(world.path("aside/notes")).unwrap(), b"in no commit");
    assert_eq!(world.git("site.git", &["log", "-1", "--format=%s", "main"]).ok().out(), "by hand");
    assert!(!world.path("dev/.git/cairn/resolve").exists());
}

#[test]
fn a_host_that_moved_on_gets_it_on_top_after_another_look() {
    let (world, [bad, _]) = collision();
    world.cairn("dev", &["revert", &bad, "--resolve", "../aside"]).exits(3);
    resolved(&world, "aside", "1 and 3");
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    let theirs = world.commit("bob", "bob", "b");
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    let before = world.tip("dev", "main");
    world.cairn("dev", &["revert", "--continue", "--yes"]).exits(4).says("stands on top of it now");
    assert_eq!((world.tip("site.git", "main"), world.tip("dev", "main")), (theirs.clone(), before));
    // And once more, where it collides.
    let on_page = world.commit("bob", "page", "4");
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("dev", &["revert", "--continue", "--yes"]).exits(4).says("collides with it in page");
    world.cairn("dev", &["revert", "--continue", "--yes"]).exits(3).says("not resolved yet");
    resolved(&world, "aside", "1 and 4");
    world.cairn("dev", &["revert", "--continue", "--yes"]).ok();
    assert_eq!((world.tip("site.git", "main~1"), world.tip("dev", "main~2")), (on_page, theirs));
    let message = world.git("dev", &["log", "-1", "--format=%B"]).ok().stdout;
    assert!(message.contains(&format!("This reverts commit {bad}")), "{message}");
    nothing_is_left(&world);
}

#[test]
fn a_host_that_declines_leaves_what_was_resolved() {
    let (world, [bad, after]) = collision();
    world.cairn("dev", &["revert", &bad, "--resolve", "../aside"]).exits(3);
    resolved(&world, "aside", "1 and 3");
    world.script("site.git/hooks/update", "exit 1");
    world.cairn("dev", &["revert", "--continue", "--yes"]).exits(6);
    assert_eq!((world.tip("dev", "main"), world.tip("site.git", "main")), (after.clone(), after));
    std::fs::remove_file(world.path("site.git/hooks/update")).unwrap();
    world.cairn("dev", &["revert", "--continue", "--yes"]).ok();
    nothing_is_left(&world);
}

#[test]
fn only_a_new_folder_outside_is_taken_and_only_where_something_collides() {
    let (world, [bad, after]) = collision();
    for (folder, text) in [("inside", "is inside"), ("../site.git", "exists"), ("../no/such", "make it first")] {
        let code = if text == "make it first" { 10 } else { 5 };
        world.cairn("dev", &["revert", &bad, "--resolve", folder]).exits(code).says(text);
    }
    world.cairn("dev", &["revert", &after, "--resolve", "../aside", "--yes"]).ok();
    nothing_is_left(&world);
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"2");
}

#[test]
fn without_a_push_and_on_the_host_itself() {
    let (world, [bad, after]) = collision();
    world.cairn("dev", &["revert", &bad, "--no-push", "--resolve", "../aside"]).exits(3);
    resolved(&world, "aside", "1 and 3");
    world.cairn("dev", &["revert", "--continue", "--yes"]).ok();
    assert_eq!((world.tip("dev", "main~1"), world.tip("site.git", "main")), (after.clone(), after));
    nothing_is_left(&world);
    world.cairn("site.git", &["revert", &bad, "--branch", "main", "--resolve", "../aside"]).exits(3);
    std::fs::write(world.path("aside/page"), "3 and 1").unwrap();
    world.git("aside", &["add", "page"]).ok();
    world.cairn("site.git", &["revert", "--continue", "--yes"]).ok();
    assert_eq!(world.git("site.git", &["show", "main:page"]).ok().out(), "3 and 1");
    assert!(!world.path("aside").exists());
}

/// The system calls by which something on a disk changes, or a program is started.
const CALLS: [&str; 8] = ["openat", "write", "fsync", "rename", "unlink", "linkat", "mkdir", "wait4"];

fn traced(world: &World, options: &[&str], words: &[&str]) -> Ran {
    let mut strace = command("strace", &world.path("home"));
    strace.args(["-qq", "-o"]).arg(world.path("calls")).args(options).arg(GIT_CAIRN).args(words);
    run(strace.current_dir(world.path("dev")))
}

/// Kills git-cairn at one call of this kind, chosen at random, and waits until the git it left alone has ended.
fn killed(world: &World, random: &mut Random, words: &[&str], again: impl Fn()) -> bool {
    let call = *random.pick(&CALLS);
    traced(world, &["-e", &format!("trace={call}")], words);
    let log = std::fs::read_to_string(world.path("calls")).unwrap();
    let count = log.lines().filter(|line| line.contains(&format!("{call}("))).count();
    again();
    if count == 0 {
        return false;
    }
    let inject = format!("inject={call}:signal=KILL:when={}", 1 + random.below(count));
    println!("{words:?}: {inject}");
    let code = traced(world, &["-e", &format!("trace={call}"), "-e", &inject], words).code;
    let own = world.path(".").canonicalize().unwrap();
    until("git has ended", || {
        !std::fs::read_dir("/proc").unwrap().flatten().any(|process| is_git_in(&process.path(), &own))
    });
    code != 3 && code != 0
}

fn is_git_in(process: &Path, folder: &Path) -> bool {
    let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
    line.starts_with(b"git\0") && std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
}

#[test]
fn a_kill_leaves_what_the_next_command_ends() {
    if command("strace", Path::new("/")).arg("-V").output().is_err() {
        return missing_peer("kills of a resolution", "strace");
    }
    let mut random = Random::new(31);
    let (world, [bad, after]) = collision();
    let begin = ["revert", &bad, "--resolve", "../aside"];
    let before = clone_of(&world);
    let abandon = || {
        if world.path("dev/.git/cairn/resolve").exists() {
            let ended = world.cairn("dev", &["revert", "--abandon"]);
            assert!([0, 10].contains(&ended.code), "{ended:?}");
        }
        nothing_is_left(&world);
        assert!(clone_of(&world) == before, "something is left");
    };
    let mut kills = 0;
    for _ in 0..amount("CAIRN_UNDO_KILLS", 12).div_ceil(2) {
        kills += usize::from(killed(&world, &mut random, &begin, abandon));
        // Laid out or not, it can be given up, or begun again in its place.
        if random.below(2) == 0 {
            world.cairn("dev", &begin).exits(if world.path("aside").exists() { 5 } else { 3 });
        }
        abandon();
    }
    for folder in ["dev", "site.git"] {
        run(world.in_folder(".", "cp").args(["-a", folder, &format!("{folder}.before")])).ok();
    }
    let go_on = ["revert", "--continue", "--yes"];
    let again = || {
        for folder in ["dev", "site.git"] {
            world.remove(folder);
            run(world.in_folder(".", "cp").args(["-a", &format!("{folder}.before"), folder])).ok();
        }
        let _ = std::fs::remove_dir_all(world.path("aside"));
        world.cairn("dev", &begin).exits(3);
        resolved(&world, "aside", "1 and 3");
    };
    for _ in 0..amount("CAIRN_UNDO_KILLS", 12).div_ceil(3) {
        again();
        kills += usize::from(killed(&world, &mut random, &go_on, again));
        let ended = world.cairn("dev", &go_on);
        assert!([0, 10].contains(&ended.code), "{ended:?}");
        assert_eq!(
            (world.tip("dev", "main"), world.tip("dev", "main~1")),
            (world.tip("site.git", "main"), after.clone())
        );
        assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"1 and 3");
        nothing_is_left(&world);
    }
    println!("{kills} kills");
    assert!(kills > 0, "nothing was killed");
}
