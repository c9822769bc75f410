//! Color and pager: what a person sees at a terminal, and what a program sees that is none.

use crate::support::{host, run};
use crate::terminal::written;

const TITLES: &str = "\x1b[1mID";

#[test]
fn color_follows_the_settings_of_git() {
    let world = host();
    let list = "git cairn backup list";
    let colored = |line: &str, around: &[(&str, &str)]| {
        written(&world, "site.git", line, around).map(|ran| ran.ok().stdout.contains('\x1b'))
    };
    let Some(plain) = colored(list, &[]) else { return };
    assert!(plain, "a terminal shows colors");
    for (line, around, expected) in [
        (list, ("NO_COLOR", "1"), false),
        (list, ("NO_COLOR", ""), true),
        (list, ("TERM", "dumb"), false),
        ("git -c color.ui=never cairn backup list", ("LANG", "C"), false),
        ("git -c color.ui=never -c color.cairn=auto cairn backup list", ("LANG", "C"), true),
        ("git -c color.cairn=false cairn backup list", ("LANG", "C"), false),
        ("git -c color.cairn=always cairn backup list | cat", ("NO_COLOR", "1"), true),
        ("git cairn backup list | cat", ("LANG", "C"), false),
        ("git-cairn backup list", ("LANG", "C"), true),
        ("git -c color.cairn=always cairn backup list --json", ("LANG", "C"), false),
        ("cd /; git -C $OLDPWD -c color.cairn=never cairn backup list", ("LANG", "C"), false),
        // Elsewhere there is no repository whose settings could hold.
        ("cd /; git cairn backup list --store $OLDPWD/../site.cairn", ("LANG", "C"), true),
    ] {
        assert_eq!(colored(line, &[around]), Some(expected), "{line} {around:?}");
    }
    world.git("site.git", &["config", "color.cairn", "never"]).ok();
    assert_eq!(colored(list, &[]), Some(false), "the repository's own setting");
    let elsewhere = "cd /; git-cairn --git-dir $OLDPWD backup list";
    assert_eq!(colored(elsewhere, &[]), Some(false), "of the repository that was named");
}

#[test]
fn what_failed_is_seen_at_once() {
    let world = host();
    let Some(ran) = written(&world, "site.git", "git cairn backup show nothing", &[]) else { return };
    let ran = ran.exits(10);
    assert!(ran.stdout.contains("\x1b[1;31merror:\x1b[m ") && ran.stdout.contains("\x1b[33mhint:\x1b[m "), "{ran:?}");
    // And in a file are words alone.
    let quiet = world.cairn("site.git", &["backup", "show", "nothing"]).exits(10);
    assert!(quiet.stderr.starts_with("error: ") && !quiet.stderr.contains('\x1b'), "{quiet:?}");
}

#[test]
fn the_pager_is_the_one_of_git() {
    let world = host();
    let paged = |words: &str| {
        let line = format!("git -c core.pager='sed s/^/PAGED/' {words}");
        written(&world, "site.git", &line, &[]).map(|ran| ran.ok().stdout)
    };
    let Some(asked) = paged("-p cairn backup list") else { return };
    assert!(asked.contains(&format!("PAGED{TITLES}")), "in color, as git log is: {asked:?}");
    assert!(paged("-c pager.cairn=true cairn backup list").unwrap().contains(&format!("PAGED{TITLES}")));
    assert!(!paged("cairn backup list").unwrap().contains("PAGED"));
    assert!(paged("-c color.pager=false -p cairn backup list").unwrap().contains("PAGEDID"));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let world = host();
    for words in ["backup list", "backup show dev --json", "-h", "deployments"] {
        let line = format!("set -o pipefail; git cairn {words} 2>said | :; echo $? $(wc -c <said)");
        let ran = run(world.in_folder("site.git", "bash").args(["-c", &line])).ok();
        let (code, said) = ran.out().split_once(' ').unwrap();
        let said =
            if said == "0" { String::new() } else { std::fs::read_to_string(world.path("site.git/said")).unwrap() };
        assert_eq!(code, "0", "{words}: {said}");
        assert!(said.lines().all(|line| line.starts_with("hint: ") || line == "no deployment yet"), "{words}: {said}");
    }
    // Whoever has half a bundle must not take it for one; that is known by the exit code.
    let line = "set -o pipefail; git cairn backup get dev --element code --to - | :";
    let ran = run(world.in_folder("site.git", "bash").args(["-c", line])).exits(13);
    assert_eq!(ran.stderr, "");
}
