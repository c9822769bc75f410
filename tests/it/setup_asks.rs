//! `git cairn setup` on a real terminal: what it asks, what it shows, and that no answer but yes changes anything.

use crate::support::{GIT_CAIRN, World, bare_host, run, until};
use crate::terminal::Terminal;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

/// A bare repository with a branch more than can be guessed from, and a folder that is served.
fn unclear() -> World {
    let world = bare_host(&[]);
    world.git("dev", &["push", "--quiet", "origin", "main:production"]).ok();
    std::fs::create_dir(world.path("www")).unwrap();
    world
}

fn config(world: &World, key: &str) -> String {
    world.git("site.git", &["config", "--get-all", key]).out().to_owned()
}

#[test]
fn it_asks_for_what_it_cannot_see_and_does_what_it_showed() {
    let world = unclear();
    let Some(terminal) = Terminal::start(&world, "site.git", 80, "git cairn setup") else { return };
    terminal.shows("Branches: production").shows("Which branch is test? [test]").types("a..b").press(&["Enter"]);
    terminal.shows("can be no branch").press(&["Enter"]);
    terminal.shows("Which branch is live? [production]").press(&["Enter"]);
    terminal.shows("Which folder is served as dev, if one is? [none]").press(&["Enter"]);
    terminal.shows("served as test, if one is? [none]").press(&["Enter"]);
    terminal.shows("served as live, if one is? [none]").types("www").press(&["Enter"]);
    terminal.shows("name it by its absolute path").types("/no/such/folder").press(&["Enter"]);
    terminal.shows("there is no folder").types(world.path("www").to_str().unwrap()).press(&["Enter"]);
    terminal.shows("Where do archives go? Another disk is best.").shows("site.cairn]");
    terminal.types(world.path("kept").to_str().unwrap()).press(&["Enter"]);
    terminal.shows("+[cairn \"live\"]").shows("branch = production").shows("hooks/pre-receive").shows("Do it? [y/N]");
    let shown = terminal.seen();
    assert!(!world.path("kept").exists() && config(&world, "cairn.id").is_empty(), "not before a yes");
    terminal.types("y").press(&["Enter"]);
    assert_eq!(terminal.exit(), 0, "{}", terminal.seen());
    assert!(shown.contains(&format!("id = {}", config(&world, "cairn.id"))), "the id that was shown:\n{shown}");
    assert_eq!(config(&world, "cairn.live.branch"), "production");
    assert_eq!(config(&world, "cairn.live.worktree"), world.path("www").to_str().unwrap());
    assert_eq!(config(&world, "cairn.store"), world.path("kept").to_str().unwrap());
    assert_eq!(config(&world, "cairn.dev.worktree") + &config(&world, "cairn.test.branch"), "");
    assert_eq!(world.backups("site.git").len(), 1);

    // Of what is set up nothing is asked.
    let terminal = Terminal::start(&world, "site.git", 80, "git cairn setup").unwrap();
    assert_eq!(terminal.exit(), 0);
    terminal.shows("nothing to change");
}

#[test]
fn where_the_branches_say_it_only_folders_and_the_store_are_asked() {
    let world = bare_host(&[]);
    let Some(terminal) = Terminal::start(&world, "site.git", 80, "git cairn setup --env dev=main --env test=test")
    else {
        return;
    };
    terminal.shows("served as live, if one is? [none]").press(&["Enter"]);
    terminal.shows("Where do archives go?").press(&["Enter"]);
    terminal.shows("Do it? [y/N]").types("yes").press(&["Enter"]);
    assert_eq!(terminal.exit(), 0);
    for question in ["Which branch", "served as dev", "served as test"] {
        assert!(!terminal.seen().contains(question), "{}", terminal.seen());
    }
}

#[test]
fn a_head_that_leads_nowhere_is_asked_about() {
    let world = unclear();
    world.git("site.git", &["symbolic-ref", "HEAD", "refs/heads/master"]).ok();
    let Some(terminal) = Terminal::start(&world, "site.git", 80, "git cairn setup --env test=t --env live=l") else {
        return;
    };
    terminal.shows("Branches: main, production").shows("Which branch is dev? [master]").types("main").press(&["Enter"]);
    terminal.shows("served as dev").press(&["Enter"]).shows("archives go?").press(&["Enter"]);
    terminal.shows("Do it?").types("y").press(&["Enter"]);
    assert_eq!(terminal.exit(), 0);
    assert_eq!(config(&world, "cairn.dev.branch"), "main");
}

#[test]
fn no_answer_but_yes_changes_anything() {
    let world = bare_host(&[]);
    let before = world.listing("site.git");
    let flags = "git cairn setup --env dev=main --env test=test --env live=live";
    for (last, code) in [("Enter", 7), ("n", 7), ("C-c", 130), ("C-d", 7)] {
        let Some(terminal) = Terminal::start(&world, "site.git", 80, flags) else { return };
        terminal.shows("archives go?").press(&["Enter"]).shows("Do it? [y/N]").press(&[last]);
        if last == "n" {
            terminal.press(&["Enter"]);
        }
        assert_eq!(terminal.exit(), code, "{last}: {}", terminal.seen());
    }
    for (key, code) in [("C-c", 130), ("C-d", 7)] {
        let terminal = Terminal::start(&world, "site.git", 80, flags).unwrap();
        terminal.shows("archives go?").press(&[key]);
        assert_eq!(terminal.exit(), code, "{key}: {}", terminal.seen());
    }
    assert_eq!(world.listing("site.git"), before);
    assert!(!world.path("site.cairn").exists());
}

#[test]
fn it_reads_well_on_any_terminal() {
    let world = unclear();
    for (width, around, colored) in
        [(80, "", true), (40, "", true), (40, "NO_COLOR=1", false), (80, "TERM=dumb", false)]
    {
        let line = format!("{around} git cairn setup --env test=test");
        let Some(terminal) = Terminal::start(&world, "site.git", width, &line) else { return };
        terminal.shows("Which branch is live? [production]").press(&["Enter"]);
        terminal.shows("served as dev, if one is? [none]").press(&["Enter"]);
        terminal.shows("served as live, if one is? [none]").press(&["Enter"]);
        terminal.shows("Where do archives go?").press(&["Enter"]).shows("Do it? [y/N]");
        let (seen, in_color) = (terminal.seen(), terminal.seen_in_color());
        assert!(seen.is_ascii(), "{seen}");
        assert_eq!(in_color.contains("\x1b[32m+"), colored, "{width} {around}: {in_color:?}");
        terminal.press(&["Enter"]);
        assert_eq!(terminal.exit(), 7);
    }
}

#[test]
fn whoever_says_yes_beforehand_is_not_asked() {
    let world = unclear();
    let Some(terminal) = Terminal::start(&world, "site.git", 80, "git cairn setup --yes") else { return };
    assert_eq!(terminal.exit(), 0);
    assert!(!terminal.seen().contains('?'), "{}", terminal.seen());
    // And what can be no host is told so before any question.
    let terminal = Terminal::start(&world, "dev", 80, "git cairn setup").unwrap();
    assert_eq!(terminal.exit(), 5);
}

#[test]
fn what_was_shown_and_is_no_longer_so_is_not_done() {
    let world = bare_host(&[]);
    let flags = "git cairn setup --env dev=main --env test=test --env live=live";
    let Some(terminal) = Terminal::start(&world, "site.git", 80, flags) else { return };
    terminal.shows("archives go?").press(&["Enter"]).shows("Do it? [y/N]");
    world.script("site.git/hooks/post-receive", "exit 0");
    terminal.types("y").press(&["Enter"]);
    assert_eq!(terminal.exit(), 4, "{}", terminal.seen());
    assert!(config(&world, "cairn.id").is_empty());
}

/// git is stopped in the middle of what setup does, and the signal of Ctrl-C sent to all that the terminal would reach.
#[test]
fn ctrl_c_leaves_no_half_of_a_setup() {
    let world = bare_host(&[]);
    let git = run(world.in_folder(".", "sh").args(["-c", "command -v git"])).out().to_owned();
    std::fs::create_dir(world.path("bin")).unwrap();
    let body = format!(
        "case \" $* \" in *' hash-object '*) touch '{0}/reached'; until [ -e '{0}/go' ]; do sleep 0.01; done;; esac\nexec '{git}' \"$@\"",
        world.path(".").display()
    );
    world.script("bin/git", &body);
    let mut setup = world.in_folder("site.git", GIT_CAIRN);
    let path = format!("{}:{}", world.path("bin").display(), std::env::var("PATH").unwrap());
    setup.arg("setup").env("PATH", path).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = setup.spawn().unwrap();
    until("setup has begun", || world.path("reached").exists());
    let group = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    std::fs::write(world.path("go"), "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // All of it is there but the first backup, which can wait.
    let again = world.cairn("site.git", &["setup"]).ok();
    let done: Vec<_> = again.stdout.lines().filter(|line| line.starts_with("done: ")).collect();
    assert_eq!(done, ["done: first backup"], "{}", again.stdout);
    world.git("dev", &["push", "--quiet", "origin", "main:refs/tags/live_7"]).exits(1);
}
