//! What a person reads on the host, on terminals of many widths and on none.

use crate::support::{Ran, World, host};
use crate::terminal::{Terminal, written};
use unicode_width::UnicodeWidthStr;

const COMMANDS: [&str; 7] = ["status", "doctor", "hooks status", "deployments", "backup list", "rescue list", "audit"];

/// A host of which there is much to say: long notes in more than ASCII, a hold, a rescue, references that changed.
fn much() -> World {
    let world = host();
    for n in 0..3 {
        let content = format!("a change that is told at very great length, the {n}th of many");
        world.commit("dev", "page", &content);
        let note = format!("cairn.note=Änderung über die ganze Seite {n}");
        world.git("dev", &["push", "--quiet", "-o", &note, "origin", "main", "main:live", "main:test"]).ok();
    }
    world.git("dev", &["push", "--quiet", "origin", "main:topic"]).ok();
    world.git("dev", &["push", "--quiet", "origin", ":topic"]).ok();
    world.cairn("site.git", &["hold", "live", "--reason", "until the fair is over and everybody is back"]).ok();
    world.git("site.git", &["config", "receive.denyDeletes", "true"]).ok();
    world.git("site.git", &["config", "hook.lint.event", "post-receive"]).ok();
    world.git("site.git", &["config", "hook.lint.command", "true"]).ok();
    world
}

/// The lines of everything that these commands write on a terminal, without its colors, and whether there were any.
fn lines(ran: Ran) -> (Vec<String>, bool) {
    let colored = ran.stdout.contains('\x1b');
    let mut plain = String::new();
    let mut chars = ran.stdout.chars();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => drop(chars.by_ref().skip(1).find(char::is_ascii_alphabetic)),
            c => plain.push(c),
        }
    }
    (plain.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect(), colored)
}

#[test]
fn nothing_is_wider_than_the_screen_but_what_is_to_be_typed() {
    let world = much();
    // What is to be copied is whole.
    let doctor = world.cairn("site.git", &["doctor", "--json"]).ok().json();
    let fixes: Vec<_> = doctor["checks"].as_array().unwrap().iter().filter_map(|row| row["fix"].as_str()).collect();
    assert!(fixes.len() > 1, "{doctor}");
    let all: Vec<_> = COMMANDS.iter().map(|words| format!("git cairn {words}")).collect();
    for columns in [80, 40] {
        for (around, color, ascii) in
            [(("LANG", "C.UTF-8"), true, false), (("LANG", "C"), true, true), (("NO_COLOR", "1"), false, true)]
        {
            let line = format!("stty cols {columns}; {}", all.join(" && "));
            let Some(ran) = written(&world, "site.git", &line, &[around]) else { return };
            let (lines, colored) = lines(ran.ok());
            assert_eq!(colored, color, "{around:?}: {lines:?}");
            assert_eq!(lines.iter().all(|line| line.is_ascii()), ascii, "{around:?}: {lines:?}");
            for line in &lines {
                let typed = fixes.contains(&line.trim()) || line.trim().starts_with("git cairn ");
                assert!(typed || line.width() <= columns, "{} columns of {columns}: {line:?}", line.width());
            }
            let text = lines.concat();
            for word in ["live_3", "denyDeletes", "hook", "refs/heads/topic", "VERIFIED"] {
                assert!(text.contains(word), "{word} is not in {text}");
            }
        }
    }
}

#[test]
fn status_is_one_screen() {
    let world = much();
    for size in [[80, 24], [40, 24]] {
        let Some(terminal) = Terminal::sized(&world, "site.git", size, "LANG=C git cairn status") else { return };
        assert_eq!(terminal.exit(), 0);
        let seen = terminal.seen();
        assert!(seen.starts_with("dev"), "its beginning is still to be seen:\n{seen}");
        assert!(seen.contains("jobs: 0 waiting") && seen.contains("fair"), "{seen}");
    }
}

#[test]
fn where_nobody_looks_a_row_is_a_line_without_color() {
    let world = much();
    let said = |words: &[&str]| {
        let ran = world.cairn("site.git", words).ok();
        assert!(!ran.stdout.contains(['\x1b', '\r']), "{:?}", ran.stdout);
        ran.stdout
    };
    assert_eq!(said(&["status"]).lines().count(), 4);
    assert_eq!(said(&["deployments"]).lines().count(), 6);
    assert_eq!(said(&["backup", "list"]).lines().count(), 1 + world.backups("site.git").len());
    let rows = world.cairn("site.git", &["doctor", "--json"]).ok().json()["checks"].as_array().unwrap().clone();
    let lines = rows.iter().map(|row| 1 + usize::from(row["fix"].is_string())).sum::<usize>();
    assert_eq!(said(&["doctor"]).lines().count(), lines);
    assert!(said(&["deployments"]).contains("Änderung über die ganze Seite 2 · "));
}
