//! The manual and the help: a page a verb, every flag in it, and nothing that man complains of.

use crate::support::{GIT_CAIRN, World, copy_program, missing_peer, run};
use std::collections::BTreeSet;

/// Every verb there is, as the words to type; the help of each names those below it.
fn verbs(world: &World) -> Vec<Vec<String>> {
    let mut found = vec![vec![]];
    let mut next = 0;
    while next < found.len() {
        let verb: Vec<String> = found[next].clone();
        next += 1;
        let help = run(world.in_folder(".", GIT_CAIRN).args(&verb).arg("-h")).ok().stdout;
        let below: Vec<String> = match help.split_once("\nCommands:\n") {
            Some((_, listed)) => {
                let lines = listed.lines().take_while(|line| line.starts_with("  "));
                lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
            }
            None if verb.is_empty() => {
                let (_, listed) = help.split_once("the manual):\n").unwrap();
                let lines = listed.lines().take_while(|line| line.starts_with("  "));
                lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
            }
            None => vec![],
        };
        for word in below {
            found.push(verb.iter().cloned().chain([word]).collect());
        }
    }
    found
}

/// The flags that a help lists.
fn flags(help: &str) -> BTreeSet<String> {
    let words = help.lines().filter(|line| line.starts_with("  ")).flat_map(|line| line.split([' ', ',', '=']));
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

fn has_man(world: &World, test: &str) -> bool {
    let there = run(world.in_folder(".", "sh").args(["-c", "command -v man"])).code == 0;
    if !there {
        missing_peer(test, "man");
    }
    there
}

#[test]
fn every_verb_has_a_page_with_every_flag() {
    let world = World::new();
    run(world.in_folder(".", "git").args(["cairn", "setup", "--man", "share/man"])).ok();
    let verbs = verbs(&world);
    assert!(verbs.len() > 10, "{verbs:?}");
    let with_man = has_man(&world, "every_verb_has_a_page_with_every_flag");
    for verb in &verbs {
        let name = [&["git-cairn".to_owned()], verb.as_slice()].concat().join("-");
        let file = world.path(&format!("share/man/man1/{name}.1"));
        let source = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let help = run(world.in_folder(".", GIT_CAIRN).args(verb).arg("-h")).ok().stdout;
        for flag in flags(&help) {
            assert!(source.contains(&flag.replace('-', "\\-")), "{flag} is not in {name}.1:\n{source}");
        }
        if with_man {
            let shown =
                run(world.in_folder(".", "man").args(["-l", "--warnings"]).arg(&file).env("MANWIDTH", "80")).ok();
            assert_eq!(shown.stderr, "", "{name}");
            assert!(shown.stdout.contains("EXIT STATUS"), "{}", shown.stdout);
            let words = shown.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            let typed = ["git cairn", &verb.join(" ")].join(" ");
            assert!(words.contains(&format!("SYNOPSIS {}", typed.trim_end())), "{words}");
        }
    }
    let pages = std::fs::read_dir(world.path("share/man/man1")).unwrap().count();
    assert_eq!(pages, verbs.len(), "no page is left of a verb that is gone");
}

#[test]
fn git_opens_the_manual() {
    let world = World::new();
    if !has_man(&world, "git_opens_the_manual") {
        return;
    }
    // Where a program lies in a folder bin, its manual is found with no further setting.
    std::fs::create_dir(world.path("bin")).unwrap();
    copy_program(GIT_CAIRN, world.path("bin/git-cairn"));
    let path = format!("{}:{}", world.path("bin").display(), std::env::var("PATH").unwrap());
    let git = |words: &[&str]| {
        run(world.in_folder(".", "git").args(words).env("PATH", &path).env("MANWIDTH", "80").env("MANPAGER", "cat"))
    };
    git(&["cairn", "--help"]).exits(16);
    git(&["cairn", "setup", "--man"]).ok().says("git cairn --help");
    assert!(world.path("share/man/man1/git-cairn.1").is_file());
    for words in [&["cairn", "--help"][..], &["help", "cairn"]] {
        let page = git(words).ok().stdout;
        assert!(page.contains("SITUATIONS") && page.contains("git cairn rollback live"), "{words:?}: {page}");
    }
    assert!(git(&["help", "git-cairn-backup-list"]).ok().stdout.contains("--expired"));
}

#[test]
fn the_manual_needs_a_place() {
    let world = World::new();
    std::fs::create_dir(world.path("programs")).unwrap();
    copy_program(GIT_CAIRN, world.path("programs/git-cairn"));
    run(world.in_folder(".", world.path("programs/git-cairn")).args(["setup", "--man"])).exits(2).says("--man <dir>");
    let told = run(world.in_folder(".", GIT_CAIRN).args(["setup", "--man", "here", "--json"])).ok().json();
    assert!(told["pages"].as_array().unwrap().iter().any(|page| page == "git-cairn-deploy.1"));
    run(world.in_folder(".", GIT_CAIRN).args(["setup", "--man", "here", "--dry-run"])).exits(2);
}

#[test]
fn the_help_opens_with_what_happened_and_fits_a_screen() {
    let world = World::new();
    let help = run(world.in_folder(".", "git").args(["cairn", "-h"])).ok().stdout;
    assert!(help.starts_with("Live is broken "), "{help}");
    assert!(help.lines().count() <= 30 && help.lines().all(|line| line.chars().count() <= 80), "{help}");
    let bare = run(world.in_folder(".", "git").arg("cairn")).exits(2);
    assert_eq!((bare.stdout.as_str(), bare.stderr), ("", help));
}

#[test]
fn help_is_a_verb_too() {
    let world = World::new();
    let cairn = |words: &[&str]| run(world.in_folder(".", "git").arg("cairn").args(words));
    for verb in [&[][..], &["rollback"], &["backup", "list"], &["help"]] {
        let (asked, flag) = (cairn(&[&["help"], verb].concat()).ok(), cairn(&[verb, &["-h"]].concat()).ok());
        assert_eq!((asked.stdout, asked.stderr), (flag.stdout, flag.stderr), "{verb:?}");
    }
    cairn(&["help", "rolback"]).exits(2).says("'rollback'");
    let told = cairn(&["help", "burn", "--json"]).exits(2).json();
    assert_eq!(told["error"]["code"], "usage");
}
