//! Choosing from a list, on a real terminal.

use crate::support::{GIT_CAIRN, World, host};
use crate::terminal::Terminal;

/// A host to whose `main` some commits came, one of which went to `live`; its id.
fn with_a_log() -> (World, String) {
    let world = host();
    let live = world.deployed("live", "2");
    world.git("dev", &["commit", "--quiet", "--allow-empty", "-m", "gr\u{f6}\u{df}er"]).ok();
    for n in 0..20 {
        world.commit(
            "dev",
            &format!("file-{n}"),
            "a subject that does not end before the eightieth column of a terminal",
        );
    }
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    // Nothing of the host is fetched any more while somebody looks.
    world.cairn("dev", &["deployments"]).ok();
    (world, live)
}

/// The lines of the list on a terminal; each must be whole, so none may be what another one went on with.
#[track_caller]
fn listed(seen: &str, width: usize) -> Vec<String> {
    let lines =
        seen.lines().skip_while(|line| !line.starts_with('?')).skip(1).take_while(|line| !line.starts_with('['));
    let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
    for line in &lines {
        let begins = line.get(2..9).is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(begins && line.chars().count() <= width, "{line:?} in\n{seen}");
    }
    lines
}

#[test]
fn a_commit_is_chosen_from_the_log_with_its_deployments() {
    let (world, live) = with_a_log();
    for width in [80, 40] {
        let Some(terminal) = Terminal::start(&world, "dev", width, "NO_COLOR=1 git cairn revert") else {
            return;
        };
        let seen = terminal.shows("esc: leave").seen();
        let lines = listed(&seen, width as usize);
        assert!(lines.len() >= 10 && lines[0].starts_with("> ") && lines[0].ends_with(".."), "{seen}");
        terminal.types("LIVE_1").shows(&format!("> {}", &live[..7])).shows("live_1  page: 2");
        terminal.press(&["Enter"]).shows("Revert main? [y/N]").shows("taken back, 1 commit:").types("n");
        assert_eq!(terminal.press(&["Enter"]).exit(), 7);
        terminal.is_sane();
    }
    let Some(terminal) = Terminal::start(&world, "dev", 80, "git cairn reset --as-commit") else { return };
    terminal.shows("Which commit to go back to?").types("page: 2").shows("> ").shows("live_1").press(&["Enter"]);
    terminal.shows("Reset main? [y/N]").types("y").press(&["Enter"]);
    assert_eq!(terminal.exit(), 0);
    assert_eq!(world.tip("site.git", "main^{tree}"), world.tip("dev", &format!("{live}^{{tree}}")));
}

/// Whatever the size becomes, also with keys on their way: the list stands there once, whole, and no key is lost.
#[test]
fn a_terminal_that_changes_its_size_shows_the_list_once() {
    let (world, live) = with_a_log();
    let commits = world.git("dev", &["rev-list", "main"]).ok().stdout;
    let commits: Vec<&str> = commits.lines().collect();
    let Some(terminal) = Terminal::start(&world, "dev", 100, "NO_COLOR=1 git cairn revert") else { return };
    terminal.shows("esc: leave");
    let mut at = 0;
    for (width, height, keys) in [
        (50, 30, &["Down", "Down", "Up"][..]),
        (100, 15, &[]),
        (100, 15, &["Down"]),
        (100, 15, &["Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down"]),
        (120, 40, &["Down", "Up"]),
        (60, 10, &["Up"]),
        (60, 10, &["Up", "Up", "Down"]),
        (40, 30, &["Up"]),
        (100, 20, &["Up", "Down", "Up"]),
    ] {
        terminal.resize(width, height).press(keys);
        for key in keys {
            at = if *key == "Down" { at + 1 } else { at - 1 };
        }
        let marked = format!("> {}", &commits[at][..7]);
        crate::support::until("the list is drawn for this size", || {
            let seen = terminal.seen();
            let lines: Vec<_> = seen.lines().skip(1).take_while(|line| !line.starts_with('[')).collect();
            lines.len() == 12.min(height as usize - 2)
                && lines.iter().all(|line| line.chars().count() <= width as usize)
                && lines.iter().filter(|line| line.starts_with(&marked)).count() == 1
                && seen.matches("Which commit").count() == 1
                && seen.matches("esc: leave").count() == 1
        });
        listed(&terminal.seen(), width as usize);
    }
    terminal.types("live_2").press(&["BSpace"]).types("1").shows(&format!("> {}", &live[..7])).press(&["Enter"]);
    terminal.shows("Revert main? [y/N]").types("n");
    assert_eq!(terminal.press(&["Enter"]).exit(), 7);
    terminal.is_sane();
}

/// A key that comes while a change of size is told is heard at once, not with the next.
#[test]
fn no_key_is_lost_to_a_change_of_size() {
    let (world, _) = with_a_log();
    let commits = world.git("dev", &["rev-list", "main"]).ok().stdout;
    let pid = world.path("pid");
    let line = format!("NO_COLOR=1 sh -c 'echo $$ >\"$1\"; exec \"$0\" revert' '{GIT_CAIRN}' '{}'", pid.display());
    let Some(terminal) = Terminal::start(&world, "dev", 80, &line) else { return };
    terminal.shows("esc: leave");
    let pid = std::fs::read_to_string(pid).unwrap();
    for commit in commits.lines().skip(1).take(8) {
        let many = format!("while kill -WINCH {}; do :; done", pid.trim());
        let mut telling = world.in_folder(".", "sh").args(["-c", &many]).spawn().unwrap();
        terminal.press(&["Down"]).seen();
        telling.kill().unwrap();
        telling.wait().unwrap();
        terminal.shows(&format!("> {}", &commit[..7]));
    }
    terminal.press(&["Escape"]);
    assert_eq!(terminal.exit(), 130);
}

#[test]
fn the_list_is_ascii_where_the_locale_has_no_more() {
    let (world, _) = with_a_log();
    for (locale, shown) in [("C", "gr??er"), ("C.UTF-8", "gr\u{f6}\u{df}er")] {
        let line = format!("LANG={locale} git cairn revert");
        let Some(terminal) = Terminal::start(&world, "dev", 80, &line) else { return };
        terminal.shows("esc").types("er, Dev").shows(shown);
        assert!(locale != "C" || terminal.seen().is_ascii(), "{}", terminal.seen());
        // What is found is what was written, not what is shown.
        terminal.press(&["Enter"]).shows(&format!("{shown}, Dev"));
    }
}

#[test]
fn an_environment_is_chosen_from_a_list() {
    let world = host();
    world.deployed("test", "2");
    let Some(terminal) = Terminal::start(&world, "dev", 80, "git cairn deploy") else { return };
    terminal.shows("Which environment to deploy?").shows("> test").shows("live  nothing yet").shows("page: 2");
    terminal.types("liv").shows("> live").press(&["Enter"]).shows("Deploy live? [y/N]").types("y").press(&["Enter"]);
    assert_eq!(terminal.exit(), 0);
    assert_eq!(world.tip("site.git", "live"), world.tip("site.git", "test"));
}

#[test]
fn whoever_leaves_the_list_hears_nothing_and_changes_nothing() {
    let world = host();
    let before = (world.refs("site.git"), world.refs("dev"));
    for keys in ["C-c", "Escape"] {
        for line in ["git cairn deploy", "git cairn revert", "git cairn reset --overwrite-history"] {
            let Some(terminal) = Terminal::start(&world, "dev", 80, line) else { return };
            terminal.shows("> ").press(&[keys]);
            assert_eq!(terminal.exit(), 130);
            assert!(!terminal.seen().contains("error"), "{}", terminal.seen());
            terminal.is_sane();
        }
    }
    assert_eq!((world.refs("site.git"), world.refs("dev")), before);
}

/// What the terminal must be after the list: the screen that was there before, with its cursor.
#[track_caller]
fn is_as_it_was_found(terminal: &Terminal<'_>) {
    let seen = terminal.seen();
    assert!(seen.starts_with("before\n") && !seen.contains("esc: leave"), "{seen}");
    assert_eq!(terminal.modes(), "0 1");
}

/// From another terminal, by a service that ends, because the connection breaks.
#[test]
fn whatever_ends_it_from_outside_the_terminal_is_left_as_it_was_found() {
    let (world, _) = with_a_log();
    let pid = world.path("pid");
    let before = (world.refs("site.git"), world.refs("dev"));
    for (signal, exit) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        for (words, shown) in [
            ("revert", "esc: leave"),
            ("deploy", "esc: leave"),
            ("revert HEAD", "Revert main? [y/N]"),
            ("reset HEAD~1 --overwrite-history", "Type main to do it:"),
        ] {
            let _ = std::fs::remove_file(&pid);
            let line =
                format!("echo before; sh -c 'echo $$ >\"$1\"; exec \"$0\" {words}' '{GIT_CAIRN}' '{}'", pid.display());
            let Some(terminal) = Terminal::start(&world, "dev", 80, &line) else { return };
            terminal.shows(shown);
            let pid = std::fs::read_to_string(&pid).unwrap();
            crate::support::run(world.in_folder(".", "kill").args([&format!("-{signal}"), pid.trim()])).ok();
            assert_eq!(terminal.exit(), exit, "{signal} {words}");
            terminal.is_sane();
            is_as_it_was_found(&terminal);
        }
    }
    assert_eq!((world.refs("site.git"), world.refs("dev")), before);
}

/// A shell that stops it can be used meanwhile, and what stood there stands there again afterwards.
#[test]
fn a_list_that_is_stopped_gives_the_terminal_back_and_comes_again() {
    let (world, _) = with_a_log();
    let (pid, state) = (world.path("pid"), world.path("tty-stopped"));
    let line = format!(
        "set -m; echo before; sh -c 'echo $$ >\"$1\"; exec \"$0\" revert' '{GIT_CAIRN}' '{}'; stty -a >'{}'; echo stopped; read go; fg",
        pid.display(),
        state.display()
    );
    let Some(terminal) = Terminal::start(&world, "dev", 80, &line) else { return };
    terminal.shows("esc: leave").types("file-7");
    let chosen = world.git("dev", &["log", "--format=%h", "--abbrev=7", "--grep=file-7:"]).ok();
    let marked = format!("> {}", chosen.out());
    terminal.shows(&marked);
    let pid = std::fs::read_to_string(&pid).unwrap();
    crate::support::run(world.in_folder(".", "kill").args(["-TSTP", pid.trim()])).ok();
    terminal.shows("stopped");
    is_as_it_was_found(&terminal);
    let state = std::fs::read_to_string(&state).unwrap();
    assert!(state.contains(" icanon") && state.contains(" echo "), "{state}");
    terminal.press(&["Enter"]).shows("esc: leave").shows(&marked);
    assert_eq!(terminal.modes(), "1 1");
    terminal.press(&["Enter"]).shows("Revert main? [y/N]").types("n").press(&["Enter"]);
    assert_eq!(terminal.exit(), 7);
    terminal.is_sane();
}

#[test]
fn without_a_terminal_the_argument_is_named() {
    let world = host();
    world.cairn("dev", &["deploy"]).exits(2).says("<ENV>");
    world.cairn("dev", &["rollback", "--yes"]).exits(2).says("<ENV>");
    for verb in ["revert", "reset"] {
        world.cairn("dev", &[verb]).exits(2).says("name it on the command line: <COMMIT>");
        world.cairn("dev", &[verb, "--yes", "--json"]).exits(2);
    }
    let said = world.cairn("dev", &["deploy", "--json"]).exits(2).json();
    assert_eq!(said["error"]["code"], "usage");
}
