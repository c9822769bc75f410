//! `verify` tells what is damaged; `--repair` makes again what can be made again, and nothing else.

use crate::support::{World, host, read};
use std::path::{Path, PathBuf};

/// A host with a chain of three segments.
fn backed_up() -> World {
    let world = host();
    for n in 0..2 {
        world.commit("dev", &format!("file{n}"), &format!("content {n}\n").repeat(40));
        world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    }
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    world
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry, ending));
        } else if entry.to_str().unwrap().ends_with(ending) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

fn flip(path: &Path) {
    let mut bytes = read(path);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_can_be_made_again_is_and_is_the_same() {
    let world = backed_up();
    let site = world.path("site.cairn/site");
    for ending in [".idx", "SHA256SUMS", ".proof.json", "site.json"] {
        for hurt in [flip as fn(&Path), |path| std::fs::remove_file(path).unwrap()] {
            let all = files(&site, ending);
            let before: Vec<_> = all.iter().map(|path| read(path)).collect();
            for path in &all {
                hurt(path);
            }
            if ending != "site.json" || all[0].exists() {
                let told = world.cairn("site.git", &["backup", "verify", "--all"]).exits(12).says("--repair");
                let name = all[0].strip_prefix(&site).unwrap().to_str().unwrap();
                assert!(told.stdout.contains(name), "{}", told.stdout);
                let mended = world.cairn("site.git", &["backup", "verify", "--all", "--repair"]).ok();
                assert!(mended.stdout.contains(&format!("mended: {name}")), "{}", mended.stdout);
            }
            world.cairn("site.git", &["backup", "create"]).ok();
            world.cairn("site.git", &["backup", "verify", "--all"]).ok();
            if ending != ".proof.json" {
                let after: Vec<_> = all.iter().map(|path| read(path)).collect();
                assert!(after == before, "{ending} is made as it was");
            }
        }
    }
}

#[test]
fn what_cannot_be_made_again_stays_damage_and_the_next_backup_does_not_build_upon_it() {
    let world = backed_up();
    let site = world.path("site.cairn/site");
    let bundle = files(&site, ".bundle").pop().unwrap();
    let whole = read(&bundle);
    flip(&bundle);
    let damaged = bundle.file_name().unwrap().to_str().unwrap().to_owned();
    let told = world.cairn("site.git", &["backup", "verify", "--all", "--repair", "--json"]).exits(12);
    assert_eq!(told.json()["repaired"], serde_json::json!([]));
    assert!(told.stdout.contains(&damaged));
    let id = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
    world.cairn("site.git", &["backup", "verify", &id]).ok();
    let shown = world.cairn("site.git", &["backup", "show", &id]).ok().stdout;
    assert!(!shown.contains(&damaged), "a new chain is begun: {shown}");
    // The file came back, from a copy of the store, say.
    std::fs::write(&bundle, whole).unwrap();
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn a_copy_of_the_store_is_read_and_never_mended() {
    let world = backed_up();
    let index = files(&world.path("site.cairn/site"), ".idx").pop().unwrap();
    flip(&index);
    let before = read(&index);
    let words = ["backup", "verify", "--all", "--repair", "--store", "site.cairn"];
    world.cairn(".", &words).exits(5).says(&format!("git -C {} cairn ", world.path("site.git").display()));
    assert_eq!(read(&index), before);
}

/// Types every command of a hint, in a shell, as it stands.
fn types(world: &World, hint: &str) {
    for command in hint.rsplit_once("then: ").map_or(hint, |(_, commands)| commands).split("; ") {
        let command = command.rsplit_once(": ").map_or(command, |(_, command)| command);
        let mut shell = crate::support::command("sh", &world.path("home"));
        crate::support::run(shell.current_dir(world.path(".")).args(["-c", command])).ok();
    }
}

#[test]
fn what_cannot_be_made_again_is_let_go_of_by_what_is_hinted() {
    let world = backed_up();
    flip(&files(&world.path("site.cairn/site"), ".bundle")[0]);
    for words in [&["--all"][..], &["--all", "--repair"]] {
        let told = world.cairn("site.git", &[&["backup", "verify"], words].concat()).exits(12);
        assert!(!told.stderr.contains("--repair"), "{}", told.stderr);
        told.says("hint: this cannot be made again").says("git cairn backup delete ");
    }
    // From elsewhere the repository is named too.
    let told = world.cairn(".", &["backup", "verify", "--all", "--store", "site.cairn"]).exits(12);
    for hint in told.stderr.lines().filter(|line| line.starts_with("hint: ")) {
        types(&world, hint);
    }
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    assert_eq!(world.backups("site.git").len(), 1);
}
