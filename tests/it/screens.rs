//! What a person sees of a plan, a question and a progress, on real terminals of many sizes.

use crate::support::{Ran, World, host};
use crate::terminal::{Terminal, written};

/// A host whose `main` has very many commits and files after the commit that is returned, some of them by others.
fn much() -> (World, String) {
    let world = host();
    let good = world.tip("dev", "main");
    world.git("dev", &["config", "user.email", "anna@example.org"]).ok();
    for n in 0..30 {
        world.commit(
            "dev",
            &format!("a-folder/with-a-long-name/file-{n}"),
            "a subject that goes on and on and on and on and on",
        );
    }
    for n in 0..30 {
        world.git("dev", &["branch", &format!("topic-{n}")]).ok();
    }
    world.git("dev", &["push", "--quiet", "origin", "main", "refs/heads/topic-*"]).ok();
    world.git("dev", &["config", "--unset", "user.email"]).ok();
    world.cairn("dev", &["deployments"]).ok();
    (world, good)
}

#[test]
fn a_plan_of_very_much_fits_on_one_screen_with_its_question() {
    let (world, good) = much();
    let before = (world.refs("site.git"), world.refs("dev"));
    for size in [[80, 24], [40, 24]] {
        for (words, first, question) in [
            ("reset", "reset main:", "Reset main? [y/N]"),
            ("reset --overwrite-history", "overwrite the history of main:", "main to do it:"),
        ] {
            let line = format!("NO_COLOR=1 git cairn {words} {good}");
            let Some(terminal) = Terminal::sized(&world, "dev", size, &line) else { return };
            let seen = terminal.shows(question).seen();
            let shown = ["more", "30 files changed", "the host would accept it", "30 commits of them by others"];
            assert!(seen.starts_with(first) && shown.iter().all(|text| seen.contains(text)), "{seen}");
            assert_eq!(terminal.types("no").press(&["Enter"]).exit(), 7);
            terminal.is_sane();
        }
    }
    assert_eq!((world.refs("site.git"), world.refs("dev")), before);
    // And where nobody looks every line is whole.
    let plan = world.cairn("dev", &["reset", &good, "--plan"]).ok().stdout;
    assert!(plan.contains("a subject that goes on and on and on and on and on, Dev"), "{plan}");
}

#[test]
fn the_name_of_a_branch_is_typed_as_it_is_written() {
    let world = host();
    let good = world.tip("dev", "main");
    world.git("dev", &["checkout", "--quiet", "-b", "Release"]).ok();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "Release"]).ok();
    for (typed, code) in [("y", 7), ("release", 7), ("Release", 0)] {
        let line = format!("git cairn reset --overwrite-history {good}");
        let Some(terminal) = Terminal::start(&world, "dev", 80, &line) else { return };
        terminal.shows("Type Release to do it:").types(typed).press(&["Enter"]);
        assert_eq!(terminal.exit(), code, "{}", terminal.seen());
    }
    assert_eq!((world.tip("site.git", "Release"), world.tip("dev", "HEAD")), (good.clone(), good));
}

#[test]
fn a_name_that_the_terminal_cannot_draw_is_typed_as_it_shows_it() {
    let world = host();
    let good = world.tip("dev", "main");
    world.git("dev", &["checkout", "--quiet", "-b", "gr\u{fc}n"]).ok();
    for (typed, code) in [("gr??n", 7), ("gr?n", 0), ("gr\u{fc}n", 0)] {
        world.commit("dev", "page", typed);
        world.git("dev", &["push", "--quiet", "origin", "HEAD"]).ok();
        let line = format!("LANG=C git cairn reset --overwrite-history {good}");
        let Some(terminal) = Terminal::start(&world, "dev", 80, &line) else { return };
        terminal.shows("Type gr?n to do it:").types(typed).press(&["Enter"]);
        assert_eq!(terminal.exit(), code, "{}", terminal.seen());
    }
}

#[test]
fn ctrl_c_at_a_question_changes_nothing() {
    let world = host();
    let good = world.tip("dev", "main");
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let before = (world.refs("site.git"), world.refs("dev"));
    for (line, question) in [
        ("git cairn revert HEAD".to_owned(), "Revert main? [y/N]"),
        (format!("git cairn reset --overwrite-history {good}"), "Type main to do it:"),
        ("git cairn deploy test".to_owned(), "Deploy test? [y/N]"),
    ] {
        let Some(terminal) = Terminal::start(&world, "dev", 80, &line) else { return };
        terminal.shows(question).press(&["C-c"]);
        assert_eq!(terminal.exit(), 130);
        terminal.is_sane();
        assert!(!terminal.seen().contains("error"), "{}", terminal.seen());
    }
    assert_eq!((world.refs("site.git"), world.refs("dev")), before);
    world.cairn("dev", &["undo", "--list"]).ok().says("nothing was done here");
}

#[test]
fn who_reads_in_a_pager_is_told_how_to_be_asked() {
    let world = host();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    for words in ["revert HEAD", "revert"] {
        let line = format!("git -c core.pager='sed s/^//' -c pager.cairn=true cairn {words}");
        let Some(terminal) = Terminal::start(&world, "dev", 80, &line) else { return };
        terminal.shows("git --no-pager cairn");
        assert_eq!(terminal.exit(), if words == "revert" { 2 } else { 7 });
    }
}

/// Makes a backup on a terminal so many columns wide, and returns everything that was written to it.
fn progress(world: &World, columns: usize) -> Option<Ran> {
    let line = format!("stty cols {columns}; git cairn backup create");
    Some(written(world, "site.git", &line, &[("LANG", "C")])?.ok())
}

/// The text of each state of each line, without what moves the cursor and colors.
fn frames(written: &str) -> Vec<String> {
    let mut frames = vec![String::new()];
    let mut chars = written.chars();
    while let Some(c) = chars.next() {
        match c {
            '\r' | '\n' => frames.push(String::new()),
            '\x1b' => drop(chars.by_ref().skip(1).find(char::is_ascii_alphabetic)),
            c => frames.last_mut().unwrap().push(c),
        }
    }
    frames
}

#[test]
fn progress_fits_the_terminal_and_is_whole_lines_elsewhere() {
    let world = host();
    for columns in [80, 40] {
        let Some(ran) = progress(&world, columns) else { return };
        let frames = frames(&ran.stdout);
        let bars: Vec<_> = frames.iter().filter(|frame| frame.contains("/4")).collect();
        assert!(!bars.is_empty(), "{:?}", ran.stdout);
        for bar in bars {
            assert!(bar.is_ascii() && bar.len() <= columns, "{bar:?} in {columns} columns");
        }
    }
    let quiet = world.cairn("site.git", &["backup", "create"]).ok();
    let said = quiet.stdout + &quiet.stderr;
    assert!(!said.contains(['\r', '\x1b']) && said.ends_with('\n'), "{said:?}");
}
