//! One command over every set-up repository below a folder.

use crate::support::{World, host};

/// Three hosts below `srv`, one of them two folders down, beside a repository that is not set up.
fn hosts() -> World {
    let world = host();
    std::fs::create_dir_all(world.path("srv/deep/er")).unwrap();
    for name in ["srv/a.git", "srv/deep/er/b.git", "srv/c.git", "srv/plain.git"] {
        world.git(".", &["clone", "--quiet", "--bare", "dev", name]).ok();
        world.git(name, &["config", "cairn.reserve", "1MiB"]).ok();
        if !name.contains("plain") {
            world.cairn(name, &["setup"]).ok();
        }
    }
    world
}

#[test]
fn what_did_not_change_is_only_counted() {
    let world = hosts();
    let said =
        world.cairn(".", &["backup", "create", "--sites", "srv"]).ok().says("3 repositories: 0 done, 3 unchanged");
    assert_eq!(said.stdout, "");
    world.git("srv/deep/er/b.git", &["update-ref", "refs/heads/topic", "main"]).ok();
    world.git("srv/c.git", &["symbolic-ref", "HEAD", "refs/heads/elsewhere"]).ok();
    let said = world.cairn(".", &["backup", "create", "--sites", "srv"]).ok().says("2 done, 1 unchanged, 0 failed");
    let lines: Vec<_> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("/srv/c.git: ") && lines[1].contains("/srv/deep/er/b.git: "), "{lines:?}");
    assert_eq!(world.backups("srv/a.git").len(), 1);
    assert_eq!(world.backups("srv/deep/er/b.git").len(), 2);
    world.cairn(".", &["backup", "create", "--sites", "srv"]).ok().says("0 done, 3 unchanged");
}

#[test]
fn edits_that_the_newest_backup_holds_are_no_change() {
    let world = hosts();
    let folder = world.path("www");
    world.git("srv/c.git", &["worktree", "add", "--quiet", "--detach", folder.to_str().unwrap(), "main"]).ok();
    world.git("srv/c.git", &["config", "cairn.dev.worktree", folder.to_str().unwrap()]).ok();
    let sites = |says: &str| drop(world.cairn(".", &["backup", "create", "--sites", "srv"]).ok().says(says));
    sites("1 done, 2 unchanged");
    let held = |count: usize| {
        let backups = world.backups("srv/c.git");
        assert_eq!((backups.len(), &backups[0]["uncommitted"]["captured"]), (count, &true.into()));
    };
    std::fs::remove_file(folder.join("page")).unwrap();
    sites("1 done, 2 unchanged");
    held(3);
    sites("0 done, 3 unchanged");
    // Another deletion leaves no trace but in the tree; the same content written again leaves none there.
    std::fs::write(folder.join("other"), "edited").unwrap();
    sites("1 done, 2 unchanged");
    std::fs::write(folder.join("other"), "edited").unwrap();
    sites("0 done, 3 unchanged");
    held(4);
    std::fs::write(folder.join("other"), "Edited").unwrap();
    sites("1 done, 2 unchanged");
    held(5);
    assert_eq!(std::fs::read_dir(world.path("srv/c.git/cairn/scratch")).map_or(0, Iterator::count), 0);
    // One that is damaged holds nothing.
    let id = world.backups("srv/c.git")[0]["id"].as_str().unwrap().to_owned();
    let bundle = world.path("srv/c.cairn/c/uncommitted").join(format!("{id}.bundle"));
    let mut bytes = std::fs::read(&bundle).unwrap();
    let middle = bytes.len() - 30;
    bytes[middle] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    world.cairn("srv/c.git", &["backup", "verify", &id]).exits(12);
    sites("1 done, 2 unchanged");
}

#[test]
fn one_that_fails_stops_no_other() {
    let world = hosts();
    for name in ["srv/a.git", "srv/c.git"] {
        world.git(name, &["update-ref", "refs/heads/topic", "main"]).ok();
    }
    std::fs::remove_dir_all(world.path("srv/a.cairn")).unwrap();
    let said = world.cairn(".", &["backup", "create", "--sites", "srv", "--json"]).exits(9).says("is it mounted?");
    let sites = said.json()["sites"].as_array().unwrap().clone();
    let ok: Vec<_> = sites.iter().map(|one| one["ok"].as_bool().unwrap()).collect();
    assert_eq!(ok, [false, true, true]);
    assert!(sites[1]["did"].is_string() && sites[2]["did"].is_null());
    world.cairn(".", &["backup", "create", "--sites", "dev"]).exits(10).says("is set up");
    world.cairn(".", &["backup", "create", "--sites", "nowhere"]).exits(10);
}

#[test]
fn worker_setup_and_verify_go_over_all_as_well() {
    let world = hosts();
    world.git("srv/a.git", &["update-ref", "refs/heads/topic", "main"]).ok();
    world.cairn(".", &["worker", "--once", "--sites", "srv"]).ok().says("1 done, 2 unchanged");
    assert_eq!(world.backups("srv/a.git").len(), 2);
    world.git("srv/c.git", &["config", "--unset", "receive.advertisePushOptions"]).ok();
    let said = world.cairn(".", &["setup", "--sites", "srv"]).ok().says("2 done, 2 unchanged");
    assert!(said.stdout.contains("receive.advertisePushOptions"), "{}", said.stdout);
    world.cairn(".", &["backup", "verify", "--sites", "srv"]).ok().says("4 done, 0 unchanged");
    let mut kept = std::fs::read_dir(world.path("srv/a.cairn/a/code")).unwrap().map(|entry| entry.unwrap().path());
    let bundle = kept.find(|path| path.extension().is_some_and(|ending| ending == "bundle")).unwrap();
    let bytes = std::fs::read(&bundle).unwrap();
    std::fs::write(&bundle, &bytes[..bytes.len() - 1]).unwrap();
    world.cairn(".", &["backup", "verify", "--sites", "srv", "--all"]).exits(9).says(".bundle");
}
