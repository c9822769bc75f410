//! What works with every command of git works with ours: `git -c`, `GIT_TRACE`, Ctrl-C.

use crate::support::{GIT_CAIRN, World, host, run, until};
use crate::terminal::Terminal;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

#[test]
fn a_setting_for_one_command_holds_wherever_it_is_read() {
    let world = host();
    let cairn = |settings: &[&str], words: &[&str]| {
        let settings = settings.iter().flat_map(|setting| ["-c", setting]);
        run(world.in_folder("site.git", "git").args(settings).arg("cairn").args(words))
    };
    cairn(&["cairn.store=/nowhere at all"], &["backup", "list"]).exits(10).says("/nowhere at all");
    cairn(&["cairn.keepFor=it's\nno time"], &["backup", "create"]).exits(2).says("it's");
    cairn(&["cairn.qa.branch=a=b", "CAIRN.qa.From=dev"], &["backup", "create", "qa"]).ok();
    cairn(&["cairn.dev.branch=live"], &["backup", "create"]).exits(2).says("live");
    run(world.in_folder("dev", "git").args(["-c", "cairn.remote=elsewhere", "cairn", "deployments"]))
        .exits(10)
        .says("elsewhere");
    let by_environment =
        [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "cairn.store"), ("GIT_CONFIG_VALUE_0", "/x y")];
    run(world.in_folder("site.git", GIT_CAIRN).args(["backup", "list"]).envs(by_environment)).exits(10).says("/x y");
    let hidden = ["--config-env=cairn.store=WHERE", "cairn", "backup", "list"];
    run(world.in_folder("site.git", "git").args(hidden).env("WHERE", "/y z")).exits(10).says("/y z");
}

#[test]
fn a_trace_shows_each_process_and_changes_nothing_else() {
    let world = host();
    let plain = world.cairn("dev", &["deployments"]).ok();
    let create =
        |to: &str| run(world.in_folder("dev", "git").args(["cairn", "deploy", "test", "--plan"]).env("GIT_TRACE", to));
    let traced = create("1").ok();
    let ours: Vec<&str> = traced.stderr.lines().filter(|line| line.contains("process.rs  ")).collect();
    assert!(
        ours.iter().any(|line| line.contains("trace: run_command: ") && line.contains("git ls-remote")),
        "{ours:?}"
    );
    assert!(ours.iter().all(|line| line.as_bytes()[2] == b':' && line.find("trace: ") == Some(40)), "{ours:?}");
    assert!(traced.stderr.contains("trace: built-in: git ls-remote"), "what git tells itself:\n{}", traced.stderr);
    assert!(traced.stdout.lines().next().unwrap().starts_with("deploy test: nothing -> "), "{}", traced.stdout);

    let file = world.path("trace");
    let quiet = create(file.to_str().unwrap()).ok();
    assert!(!quiet.stderr.contains("trace:"), "{}", quiet.stderr);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("trace: run_command: ") && text.contains("trace: built-in: git ls-remote"), "{text}");
    let line = "exec 7>>../seven; GIT_TRACE=7 git cairn deployments";
    let seven = run(world.in_folder("dev", "sh").args(["-c", line])).ok();
    assert_eq!(seven.stdout, plain.stdout);
    assert!(std::fs::read_to_string(world.path("seven")).unwrap().contains("process.rs"));
    // What a child complains of is no mixture of its words and its trace.
    let failed = run(world.in_folder("dev", "git").args(["cairn", "backup", "list"]).env("GIT_TRACE", "1")).exits(10);
    let error = failed.stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(!error.contains("trace"), "{error}");
}

#[test]
fn a_trace_tells_no_secret() {
    let world = host();
    world.git("dev", &["remote", "set-url", "origin", "http://anna:pass-w0rd@127.0.0.1:1/x"]).ok();
    world.git("dev", &["remote", "add", "token", "https://tok3n@127.0.0.1:1/x"]).ok();
    for (remote, secret) in [("origin", "pass-w0rd"), ("token", "tok3n")] {
        for variable in ["GIT_TRACE", "GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE_PACKET", "GIT_TRACE_CURL"] {
            let words = ["cairn", "deploy", "test", "--yes", "--remote", remote];
            let ran = run(world.in_folder("dev", "git").args(words).env(variable, "1").env("GIT_TRACE", "1")).exits(13);
            assert!(ran.stderr.contains("//<redacted>@127.0.0.1"), "{}", ran.stderr);
            // What git told of itself before it started us is git's.
            let told = ran.stderr.lines().filter(|line| line.contains(secret)).collect::<Vec<_>>();
            assert!(told.is_empty() && !ran.stdout.contains(secret), "{variable}: {told:?}");
        }
    }
}

/// A git that stops where a pack is made, and says so by a file.
fn slow_git(world: &World) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.exists()).unwrap();
    std::fs::create_dir(world.path("bin")).unwrap();
    let started = world.path("started");
    let body = format!(
        "case \" $* \" in *' pack-objects '*) touch '{}'; exec sleep 600;; esac\nexec {} \"$@\"",
        started.display(),
        real.display()
    );
    world.script("bin/git", &body);
    std::env::join_paths([world.path("bin")].into_iter().chain(std::env::split_paths(&path))).unwrap()
}

#[test]
fn ctrl_c_is_quiet_and_leaves_nothing_half_done() {
    let world = host();
    world.git("site.git", &["update-ref", "refs/heads/more", "main"]).ok();
    world.git("site.git", &["update-ref", "refs/heads/large", &world.large_commit("site.git")]).ok();
    let names = |folder: &str| world.listing(folder).into_iter().map(|(path, ..)| path).collect::<Vec<_>>();
    let before = [names("site.cairn"), names("site.git")];
    let mut child = world
        .in_folder("site.git", GIT_CAIRN)
        .args(["backup", "create", "--json"])
        .env("PATH", slow_git(&world))
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("a pack is made", || world.path("started").exists());
    kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let (mut out, mut said) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document["error"]["exit"], &document["error"]["code"]), (&130.into(), &"interrupted".into()));
    let new = |folder: &str, before: &[std::path::PathBuf]| {
        names(folder).into_iter().filter(|path| !before.contains(path)).collect::<Vec<_>>()
    };
    let (store, host) = (new("site.cairn", &before[0]), new("site.git", &before[1]));
    // What stays is the note by which the next run would know what a kill had left.
    let noted = |path: &std::path::PathBuf| path.parent().is_some_and(|folder| folder.ends_with("intents"));
    assert!(store.iter().all(noted) && host.is_empty(), "{store:?} {host:?}");
    assert_eq!(world.backups("site.git").len(), 1);
    world.cairn("site.git", &["backup", "create"]).ok();
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    assert!(!names("site.cairn").iter().any(noted));
}

#[test]
fn ctrl_c_at_a_question_is_no() {
    let world = host();
    let Some(terminal) = Terminal::start(&world, "dev", 80, "git cairn deploy test") else { return };
    terminal.shows("[y/N]").press(&["C-c"]);
    assert_eq!(terminal.exit(), 130, "{}", terminal.seen());
    assert!(!terminal.seen().contains("error"), "{}", terminal.seen());
    terminal.is_sane();
    assert!(world.deployments("dev", &[]).is_empty());
}
