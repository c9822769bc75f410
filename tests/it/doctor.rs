//! `git cairn doctor`: each line is seen both well and not, and the command it names mends it.

use crate::power::Disk;
use crate::support::{World, bare_host, copy_program, host, missing_peer, run};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn check(world: &World, name: &str) -> Value {
    let found = world.cairn("site.git", &["doctor", "--json"]).json();
    assert_eq!(found["schema"], 1);
    let found = found["checks"].as_array().unwrap();
    // Of several of a name, the worst.
    let rank = |check: &&Value| ["ok", "warning", "error"].iter().position(|level| check["level"] == *level).unwrap();
    found.iter().filter(|check| check["name"] == name).max_by_key(rank).unwrap_or_else(|| panic!("no {name}")).clone()
}

/// Breaks something, sees the line that says so, types what it names, and sees it well again.
#[track_caller]
fn mended(world: &World, name: &str, level: &str, damage: impl FnOnce(&World)) {
    assert_eq!(check(world, name)["level"], "ok", "{name} before");
    damage(world);
    let broken = check(world, name);
    assert_eq!(broken["level"], level, "{broken}");
    let code = world.cairn("site.git", &["doctor"]).code;
    assert_eq!(code, i32::from(level == "error"), "{broken}");
    mend(world, &broken, "");
    assert_eq!(check(world, name)["level"], "ok", "{name} after {broken}");
}

/// Types what a line names; what it leaves open (`<a directory ...>`) is `named`.
#[track_caller]
fn mend(world: &World, line: &Value, named: &str) {
    let fix = line["fix"].as_str().unwrap();
    let fix = match (fix.find('<'), fix.rfind('>')) {
        (Some(from), Some(to)) => fix[..from].to_owned() + named + &fix[to + 1..],
        _ => fix.to_owned(),
    };
    run(world.in_folder("site.git", "sh").args(["-c", &fix]).env("GIT_EDITOR", "sed -i s/nonsense/enforce/")).ok();
}

/// Every line there is; each is seen not well somewhere below, in `doctor_trial`, `config_hooks` or, where it takes several
/// users, `ssh`, and mended by what it names. Of three not all can be: no test moves the clock of its machine or has a disk of
/// another one (`clock`, `jobs-disk`), and that `room` is made by what has expired takes a disk that is just so full; the tests
/// beside the code have these.
#[test]
fn no_line_is_without_a_test() {
    let world = host();
    let found = world.cairn("site.git", &["doctor", "--json"]).ok().json();
    let mut names: Vec<&str> =
        found["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    let known = "audit backup bitmap by-path changed clock commit-graph config-hooks deny-deletes deny-non-fast-forwards disk gc guard guard-pause \
        head hide-refs hooks-path jobs jobs-disk modes ownership post-receive pre-receive programs push-options room setup store";
    assert_eq!(names.join(" "), known);
}

/// The lines of doctor that are not ok, but for the one that every test has: its store lies on the disk of its repository.
fn unwell(world: &World) -> Vec<Value> {
    let found = world.cairn("site.git", &["doctor", "--json"]).json()["checks"].as_array().unwrap().clone();
    found.into_iter().filter(|line| line["level"] != "ok" && line["name"] != "disk").collect()
}

/// Every command that is named for it does the same, so each is typed on a repository of its own.
#[test]
fn what_a_restore_leaves_is_told_and_made_a_host_again() {
    let world = host();
    world.deployed("live", "2");
    let restore = |backup: &str| {
        world.remove("site.git");
        world.cairn(".", &["restore", backup, "--store", "site.cairn", "--to", "site.git", "--bare"]).ok();
        world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    };
    restore("live");
    let lines = unwell(&world);
    let names: Vec<_> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["setup", "pre-receive", "post-receive", "push-options"]);
    assert!(lines.iter().all(|line| line["level"] == "error"), "{lines:?}");
    let newest = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    assert!(lines[0]["text"].as_str().unwrap().contains(&format!("what backup {newest} holds")), "{lines:?}");
    world.cairn("site.git", &["status"]).ok().says(&format!("--from {newest}"));
    for line in lines {
        restore("live");
        mend(&world, &line, "");
        assert!(unwell(&world).is_empty(), "{:?} after {line}", unwell(&world));
    }
    world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok().says("success: backup ");
    // One that changed before it was set up is in no backup until its line says how it comes into one.
    restore("live");
    world.git("site.git", &["update-ref", "refs/heads/topic", "main"]).ok();
    let lines = unwell(&world);
    let changed = lines.iter().find(|line| line["name"] == "changed").unwrap();
    assert!(changed["text"].as_str().unwrap().ends_with(": refs/heads/main, refs/heads/topic"), "{changed}");
    mend(&world, changed, "");
    assert!(unwell(&world).is_empty(), "{:?}", unwell(&world));
}

/// Types what each line that is not ok names, once, from the first on, and sees that no line is left.
#[track_caller]
fn mend_all(world: &World, named: &str) {
    let lines = unwell(world);
    assert!(!lines.is_empty());
    for line in &lines {
        mend(world, line, named);
    }
    assert!(unwell(world).is_empty(), "{:?} after {lines:?}", unwell(world));
}

fn push(world: &World, content: &str) -> crate::support::Ran {
    world.commit("dev", "page", content);
    world.git("dev", &["push", "--quiet", "origin", "main"])
}

fn names(world: &World) -> String {
    let words: Vec<_> = unwell(world).iter().map(|line| line["name"].as_str().unwrap().to_owned()).collect();
    words.join(" ")
}

#[test]
fn a_store_that_went_away() {
    let (world, another) = (host(), |n: u8| format!("../another-{n}"));
    world.deployed("live", "2");
    std::fs::rename(world.path("site.cairn"), world.path("away")).unwrap();
    assert_eq!(names(&world), "store backup");
    let status = world.cairn("site.git", &["status"]).ok();
    assert!(
        status.stdout.contains("is it mounted?") && status.stdout.contains("backup not known"),
        "{}",
        status.stdout
    );
    assert_eq!(world.cairn("site.git", &["status", "--json"]).ok().json()["store"]["there"], false);
    mend_all(&world, &another(1));
    // The folder is there, and what was mounted on it is not.
    std::fs::remove_dir_all(world.path("another-1")).unwrap();
    std::fs::create_dir(world.path("another-1")).unwrap();
    std::fs::set_permissions(world.path("another-1"), PermissionsExt::from_mode(0o700)).unwrap();
    push(&world, "3").ok().says("holds nothing of it now");
    assert_eq!(names(&world), "store jobs backup");
    mend_all(&world, &another(2));
    push(&world, "4").ok().says("success: backup ");
    // The same again, and what was away is back.
    std::fs::rename(world.path("another-2"), world.path("away-2")).unwrap();
    push(&world, "5").ok().says("the backup could not be made");
    assert_eq!(names(&world), "store jobs backup");
    std::fs::rename(world.path("away-2"), world.path("another-2")).unwrap();
    assert_eq!(names(&world), "jobs");
    mend_all(&world, "");
}

#[test]
fn a_disk_of_the_store_that_is_full() {
    let world = host();
    let Some(disk) = Disk::in_memory(&world, 8, "disk") else {
        return missing_peer("a full disk", "root, to mount one");
    };
    world.cairn("site.git", &["setup", "--store", "../disk/store"]).ok();
    push(&world, "2").ok().says("success: backup ");
    assert_eq!(names(&world), "");
    disk.fill(512);
    push(&world, "3").ok().says("cairn.reserve keeps 1.0 MiB");
    assert_eq!(names(&world), "room jobs");
    disk.fill(0);
    assert_eq!(names(&world), "store room jobs");
    mend_all(&world, "../site.cairn");
    disk.make_room();
}

#[test]
fn a_disk_of_the_repository_that_is_full() {
    let world = host();
    let Some(disk) = Disk::in_memory(&world, 16, "disk") else {
        return missing_peer("a full disk", "root, to mount one");
    };
    run(world.in_folder(".", "mv").args(["site.git", "disk/site.git"])).ok();
    std::os::unix::fs::symlink("disk/site.git", world.path("site.git")).unwrap();
    world.cairn("site.git", &["setup", "--store", "../../site.cairn"]).ok();
    push(&world, "2").ok().says("success: backup ");
    set("cairn.reserve", "8MiB")(&world);
    assert_eq!(names(&world), "");
    disk.fill(6 << 10);
    push(&world, "3").ok().says("cairn.reserve keeps 8.0 MiB");
    assert_eq!(names(&world), "room jobs");
    // It names a reserve for which there is room.
    mend_all(&world, "");
    disk.fill(512);
    push(&world, "4").ok().says("cairn.reserve keeps");
    let room = check(&world, "room");
    assert!(room["fix"].as_str().unwrap().starts_with("df -h "), "{room}");
    mend(&world, &room, "");
    disk.make_room();
    assert_eq!(names(&world), "jobs");
    mend_all(&world, "");
}

#[test]
fn a_store_without_a_backup_is_told_from_a_change() {
    let world = bare_host(&[]);
    world.cairn("site.git", &["setup", "--no-backup"]).ok();
    let changed = check(&world, "changed");
    assert_eq!((&changed["level"], &changed["text"]), (&"warning".into(), &"there is no backup yet".into()));
    mend(&world, &changed, "");
    assert!(unwell(&world).is_empty(), "{:?}", unwell(&world));
}

fn set(key: &'static str, value: &'static str) -> impl FnOnce(&World) {
    move |world| drop(world.git("site.git", &["config", key, value]).ok())
}

#[test]
fn what_its_config_says() {
    let world = host();
    mended(&world, "push-options", "error", set("receive.advertisePushOptions", "false"));
    mended(&world, "hide-refs", "error", |world| {
        world.git("site.git", &["config", "--unset-all", "transfer.hideRefs"]).ok();
    });
    mended(&world, "deny-non-fast-forwards", "warning", set("receive.denyNonFastForwards", "true"));
    mended(&world, "deny-deletes", "warning", set("receive.denyDeletes", "true"));
    mended(&world, "gc", "warning", set("gc.pruneExpire", "now"));
    mended(&world, "guard", "warning", set("cairn.guard", "warn"));
    mended(&world, "guard", "warning", set("cairn.guard", "off"));
    mended(&world, "guard", "error", set("cairn.guard", "nonsense"));
    mended(&world, "guard-pause", "warning", |world| {
        world.cairn("site.git", &["guard", "pause", "--for", "1h", "--reason", "a trial"]).ok();
    });
}

#[test]
fn what_its_hooks_do() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/pre-receive", "touch ran");
    world.cairn("site.git", &["setup"]).ok();
    mended(&world, "pre-receive", "error", |world| {
        std::fs::set_permissions(world.path("site.git/hooks/pre-receive"), PermissionsExt::from_mode(0o644)).unwrap();
    });
    mended(&world, "post-receive", "error", |world| {
        std::fs::remove_file(world.path("site.git/hooks/post-receive")).unwrap();
    });
    mended(&world, "pre-receive", "error", |world| {
        let hook = world.path("site.git/hooks/pre-receive");
        let text = std::fs::read_to_string(&hook).unwrap();
        std::fs::write(&hook, text.replace("program=", "program=/gone")).unwrap();
    });
    mended(&world, "hooks-path", "error", |world| {
        std::fs::create_dir(world.path("elsewhere")).unwrap();
        let elsewhere = world.path("elsewhere").display().to_string();
        world.git("site.git", &["config", "core.hooksPath", &elsewhere]).ok();
    });
    assert!(!world.path("site.git/ran").exists(), "a trial reaches no found hook");
}

#[test]
fn what_lies_on_its_disk() {
    let world = host();
    let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    mended(&world, "modes", "warning", |world| mode(&world.path("site.cairn"), 0o755));
    mended(&world, "modes", "warning", |world| mode(&world.path("site.git/cairn/jobs.db"), 0o666));
    for name in ["store", "room", "jobs-disk", "clock", "programs", "audit", "ownership"] {
        assert_eq!(check(&world, name)["level"], "ok", "{name}");
    }
    mended(&world, "room", "error", set("cairn.reserve", "900TiB"));
    set("cairn.reserve", "1MiB")(&world);
    std::fs::rename(world.path("site.cairn"), world.path("away")).unwrap();
    let gone = check(&world, "store");
    assert!(gone["level"] == "error" && gone["text"].as_str().unwrap().contains("is it mounted?"), "{gone}");
    assert!(!world.path("site.cairn").exists(), "a look makes no store");
    mend(&world, &gone, world.path("another").to_str().unwrap());
    assert_eq!(check(&world, "store")["level"], "ok");
    // Everything of a test lies on one disk; what /dev/shm is in memory is another.
    let near = check(&world, "disk");
    assert_eq!(near["level"], "warning");
    let far = tempfile::tempdir_in("/dev/shm").unwrap();
    mend(&world, &near, far.path().join("store").to_str().unwrap());
    assert_eq!(check(&world, "disk")["level"], "ok");
    if rustix::process::geteuid().is_root() {
        mended(&world, "ownership", "warning", |world| {
            std::os::unix::fs::chown(world.path("site.git/refs/heads/main"), Some(12_345), None).unwrap();
        });
    }
}

#[test]
fn a_store_that_its_owner_may_not_write() {
    let test = "a store that its owner may not write";
    let world = host();
    let (own, is_root) = (world.path("site.cairn"), rustix::process::geteuid().is_root());
    let as_owner = |program: &str, words: &[&str]| {
        let mut command =
            if is_root { world.in_folder("site.git", "setpriv") } else { world.in_folder("site.git", program) };
        if is_root {
            command.args(["--reuid=12345", "--regid=12345", "--clear-groups", program]);
        }
        run(command.args(words))
    };
    if is_root {
        run(world.in_folder(".", "chown").args(["-R", "12345:12345"]).arg(world.path("."))).ok();
    }
    let row = || {
        let doctor = as_owner(crate::support::GIT_CAIRN, &["doctor", "--json"]).json();
        doctor["checks"].as_array().unwrap().iter().find(|row| row["name"] == "store").unwrap().clone()
    };
    if as_owner(crate::support::GIT_CAIRN, &["--version"]).code != 0 {
        return missing_peer(test, "setpriv, and programs that others may run");
    }
    assert_eq!(row()["level"], "ok");
    std::fs::set_permissions(&own, PermissionsExt::from_mode(0o500)).unwrap();
    let broken = row();
    assert_eq!(broken["level"], "error", "{broken}");
    as_owner("sh", &["-c", broken["fix"].as_str().unwrap()]).ok();
    assert_eq!(row()["level"], "ok", "mended by {broken}");
}

#[test]
fn what_a_large_repository_lacks() {
    let world = host();
    let mut stream = String::from("reset refs/heads/many\n");
    for n in 0..5_100 {
        let text = format!("{n}");
        stream += &format!(
            "commit refs/heads/many\ncommitter A <a@b> {} +0000\ndata 1\nx\nM 100644 inline f\ndata {}\n{text}\n\n",
            1_600_000_000 + n,
            text.len()
        );
    }
    world.feed("site.git", &["fast-import", "--quiet"], stream.as_bytes());
    let missing = |world: &World| drop(world.git("site.git", &["config", "gc.auto", "0"]).ok());
    missing(&world);
    let fix = |name: &str| {
        let found = check(&world, name);
        assert_eq!(found["level"], "warning", "{found}");
        run(world.in_folder("site.git", "sh").args(["-c", found["fix"].as_str().unwrap()])).ok();
        assert_eq!(check(&world, name)["level"], "ok", "{name}");
    };
    fix("changed");
    fix("commit-graph");
    fix("bitmap");
}

#[test]
fn a_head_that_a_hook_turned_is_named() {
    let world = host();
    world.deployed("live", "2");
    mended(&world, "head", "warning", |world| {
        world.git("site.git", &["symbolic-ref", "HEAD", "refs/heads/live"]).ok();
        let changed = check(world, "changed");
        let turned = ": HEAD, which was on refs/heads/main and is on refs/heads/live";
        assert!(changed["text"].as_str().unwrap().ends_with(turned), "{changed}");
    });
    assert_eq!(check(&world, "changed")["level"], "ok");
}

#[test]
fn served_folders_that_are_missing_or_shared_are_told() {
    let world = host();
    let [live, test] = ["www-live", "www-test"].map(|name| world.path(name).display().to_string());
    std::fs::create_dir(&live).unwrap();
    std::fs::create_dir(&test).unwrap();
    world.deployed("test", "2");
    world.deployed("live", "3");
    let key = |folder: &str| drop(world.git("site.git", &["config", "cairn.test.worktree", folder]).ok());
    world.git("site.git", &["config", "cairn.live.worktree", &live]).ok();
    key(&test);
    assert_eq!(check(&world, "worktree")["level"], "ok");
    world.cairn("site.git", &["status", "--max-age", "26h"]).ok();
    for (wrong, why) in [("/nowhere", "is not there"), (live.as_str(), "for test and for live")] {
        key(wrong);
        let found = check(&world, "worktree");
        assert_eq!(found["level"], "error");
        mend(&world, &found, &test);
        assert_eq!(check(&world, "worktree")["level"], "ok", "{why}");
    }
    key("/nowhere");
    let told = world.cairn("site.git", &["status", "--max-age", "26h"]).exits(1).says("/nowhere");
    assert!(told.stdout.contains("its work tree is not there"), "{}", told.stdout);
    // Setup says the one, and refuses the other.
    world.cairn("site.git", &["setup"]).ok().says("/nowhere, from where test is served, is not there");
    world.git("site.git", &["config", "cairn.live.worktree", &live]).ok();
    let both = format!("test=test:{live}");
    world.cairn("site.git", &["setup", "--env", &both]).exits(2).says("are served from one folder");
}

#[test]
fn a_hook_that_stood_there_before_a_restore_is_missed_until_it_stands_there_again() {
    let world = host();
    std::fs::create_dir(world.path("site.git/hooks/found-by-cairn")).unwrap();
    world.script("site.git/hooks/found-by-cairn/post-receive", "exit 0");
    world.deployed("live", "2");
    let copy = world.script("copy", "exit 0").display().to_string();
    crate::support::until("the second of the backup is over", || {
        let then: Value = world.backups("site.git")[0]["created_at"].clone();
        then.as_str().unwrap() < cairn::clock::now().to_string().as_str()
    });
    world.remove("site.git");
    world.cairn(".", &["restore", "live", "--store", "site.cairn", "--to", "site.git", "--bare"]).ok();
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("site.git", &["setup"]).ok().says("which hooks it had: git cairn setup --from ");
    let told = check(&world, "restored-hooks");
    assert_eq!(told["level"], "warning");
    mend(&world, &told, &copy);
    assert!(unwell(&world).is_empty(), "{:?}", unwell(&world));
}

#[test]
fn setup_makes_no_store_in_the_place_of_one_that_is_not_mounted() {
    let world = host();
    std::fs::rename(world.path("site.cairn"), world.path("away")).unwrap();
    let told = world.cairn("site.git", &["setup", "--yes"]).exits(10).says("is it mounted?");
    assert!(!world.path("site.cairn").exists());
    let anew = told.stderr.split_once("begin a new one there: ").unwrap().1.trim().to_owned();
    run(world.in_folder("site.git", "sh").args(["-c", &anew])).ok().says("a new store begins there");
    world.deployed("live", "2");
    assert!(!world.backups("site.git").is_empty());
}

#[test]
fn what_became_of_jobs_and_backups() {
    let world = host();
    mended(&world, "changed", "warning", |world| {
        world.git("site.git", &["update-ref", "refs/heads/topic", "main"]).ok();
    });
    mended(&world, "backup", "warning", |world| {
        world.git("site.git", &["update-ref", "refs/heads/live", "main"]).ok();
        world.cairn("site.git", &["worker", "--once"]).ok();
    });
    if rustix::process::geteuid().is_root() {
        mended(&world, "jobs", "warning", |world| {
            // Only the owner of the state writes the store, so what another one pushes waits.
            let give = |owner| std::os::unix::fs::chown(world.path("site.git/cairn"), Some(owner), None).unwrap();
            give(12_345);
            world.commit("dev", "page", "3");
            world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
            give(0);
        });
    }
    mended(&world, "jobs", "error", |world| {
        world.git("site.git", &["config", "cairn.reserve", "900TiB"]).ok();
        world.commit("dev", "page", "2");
        world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
        world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    });
}

/// Numbers of deployments go on from what the tags and the store know.
#[test]
fn a_damaged_file_of_jobs_is_set_aside() {
    let world = host();
    world.deployed("live", "2");
    world.cairn("site.git", &["worker", "--once"]).ok();
    mended(&world, "jobs", "error", |world| {
        for name in ["jobs.db-wal", "jobs.db-shm"] {
            let _ = std::fs::remove_file(world.path("site.git/cairn").join(name));
        }
        std::fs::write(world.path("site.git/cairn/jobs.db"), "no database").unwrap();
    });
    assert_eq!(std::fs::read(world.path("site.git/cairn/damaged-jobs.db")).unwrap(), b"no database");
    assert!(unwell(&world).is_empty(), "{:?}", unwell(&world));
    world.deployed("live", "3");
    world.tip("site.git", "live_2");
}

#[test]
fn a_damaged_backup_is_followed_by_a_whole_one() {
    let world = host();
    mended(&world, "backup", "error", |world| {
        let segments = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "bundle");
        for (path, ..) in world.listing("site.cairn").into_iter().filter(|(path, ..)| segments(path)) {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        }
        world.cairn("site.git", &["backup", "verify", "--all"]).exits(12);
    });
}

#[test]
fn an_audit_that_was_altered_is_set_aside_and_begun_again() {
    let world = host();
    world.deployed("live", "2");
    let audit = world.path("site.git/cairn/audit.jsonl");
    let altered = std::fs::read_to_string(&audit).unwrap().replacen("live", "test", 1);
    mended(&world, "audit", "error", |_| std::fs::write(&audit, &altered).unwrap());
    assert_eq!(std::fs::read_to_string(world.path("site.git/cairn/audit.jsonl.altered")).unwrap(), altered);
    world.cairn("site.git", &["audit", "verify"]).ok();
    world.deployed("live", "3");
    mended(&world, "audit", "error", |_| {
        std::fs::remove_file(&audit).unwrap();
        std::fs::create_dir(&audit).unwrap();
    });
}

#[test]
fn what_is_closed_to_whoever_looks_is_not_told_as_missing() {
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        return missing_peer("a user to whom the host is closed", "root");
    }
    let world = host();
    std::fs::set_permissions(world.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::create_dir(world.path("bin")).unwrap();
    copy_program(crate::support::GIT_CAIRN, world.path("bin/git-cairn"));
    world.git(".", &["config", "--global", "safe.directory", "*"]).ok();
    let told = run(world.in_folder("site.git", world.path("bin/git-cairn")).arg("doctor").uid(65_534)).exits(13);
    let site = std::fs::canonicalize(world.path("site.git")).unwrap().display().to_string();
    let told = told.says("is closed to nobody, so how this host is cannot be told");
    let told = told.says(&format!("hint: its owner sees it: sudo -u root git -C {site} cairn doctor"));
    assert_eq!(told.stdout, "");
    world.cairn("site.git", &["doctor"]).ok();
}

#[test]
fn programs_that_everybody_can_change() {
    let world = bare_host(&[]);
    std::fs::create_dir(world.path("bin")).unwrap();
    let own = world.path("bin/git-cairn");
    copy_program(crate::support::GIT_CAIRN, &own);
    run(world.in_folder("site.git", &own).arg("setup")).ok();
    for name in ["bin", "bin/git-cairn"] {
        mended(&world, "programs", "error", |world| {
            std::fs::set_permissions(world.path(name), PermissionsExt::from_mode(0o777)).unwrap();
        });
    }
}

#[test]
fn many_repositories_are_looked_at_at_once() {
    let world = host();
    let said = world.cairn(".", &["doctor", "--sites", "."]).ok();
    assert!(said.stdout.contains("site.git: 1 warning; disk: "), "{}", said.stdout);
    world.git("site.git", &["config", "receive.advertisePushOptions", "false"]).ok();
    world.cairn(".", &["doctor", "--sites", "."]).exits(1).says("push-options").says("hint: git config receive.adv");
    world.cairn("dev", &["doctor"]).exits(10).says("this is a clone").says("site.git cairn doctor");
}
