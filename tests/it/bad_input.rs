//! What cannot be done is refused with the documented exit code, a reason and a next step, and leaves nothing half done.

use crate::support::{GIT_CAIRN, Random, World, command, host, missing_peer, run};
use std::path::Path;

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        found.push(path.to_str().unwrap().to_owned());
        if path.is_dir() {
            found.extend(files(&path));
        }
    }
    found.sort();
    found
}

/// What a failed backup may leave is the note that it was begun.
fn stored(world: &World) -> Vec<String> {
    files(&world.path("site.cairn")).into_iter().filter(|file| !file.contains("/intents")).collect()
}

fn is_root() -> bool {
    run(command("id", Path::new("/")).arg("-u")).out() == "0"
}

#[test]
fn what_does_not_exist_is_not_found() {
    let world = host();
    let cases = [
        (&["backup", "create", "nowhere"][..], "this site has dev, test, live"),
        (&["backup", "list", "nowhere"], "this site has dev, test, live"),
        (&["backup", "show", "20200101"], "git cairn backup list"),
        (&["backup", "get", "20200101", "--element", "code"], "git cairn backup list"),
        (&["backup", "verify", "20200101"], "git cairn backup list"),
        (&["restore", "20200101", "--to", "x"], "git cairn backup list"),
        (&["restore", "dev", "--to", "x", "--store", "/nowhere/at/all"], "no store at /nowhere/at/all"),
        (&["backup", "list", "--store", "/nowhere/at/all"], "no store at /nowhere/at/all"),
        (&["deployments", "nowhere"], "nowhere"),
    ];
    for (words, said) in cases {
        world.cairn("site.git", words).exits(10).says("error: ").says(said);
    }
    assert!(!world.path("site.git/x").exists());
}

#[test]
fn a_folder_that_is_no_repository_is_named() {
    let world = World::new();
    let cairn = |words: &[&str]| run(command(GIT_CAIRN, &world.path("home")).current_dir(world.path(".")).args(words));
    cairn(&["-C", "/nowhere/at/all", "backup", "create"]).exits(10).says("/nowhere/at/all");
    cairn(&["--git-dir", "/nowhere/at/all", "backup", "create"]).exits(10).says("/nowhere/at/all");
    cairn(&["backup", "create"]).exits(10).says("-C <dir>");
    world.bare("plain.git", &[]);
    cairn(&["-C", "plain.git", "backup", "create"]).exits(10).says("git cairn setup");
    cairn(&["-C", "plain.git", "backup", "list"]).exits(10).says("git cairn setup").says("--store <dir>");
    for words in [
        &["backup", "list"][..],
        &["backup", "show", "dev"],
        &["backup", "get", "dev", "--element", "code"],
        &["backup", "verify"],
        &["restore", "dev", "--to", "x"],
    ] {
        cairn(words).exits(10).says("hint: name the store: --store <dir>");
    }
}

#[test]
fn an_error_in_json_is_one_document_with_all_that_was_said() {
    let world = host();
    let ran = world.cairn("site.git", &["backup", "show", "nowhere", "--json"]).exits(10);
    let document = ran.json();
    assert_eq!(document["schema"], 1);
    let error = document["error"].as_object().unwrap();
    assert_eq!(error.keys().map(String::as_str).collect::<Vec<_>>(), ["code", "exit", "hint", "message"]);
    assert_eq!((&error["code"], &error["exit"]), (&"no-backup".into(), &10.into()));
    assert!(ran.stderr.contains(error["message"].as_str().unwrap()));
    assert!(ran.stderr.contains(error["hint"].as_str().unwrap()));
}

#[test]
fn a_command_line_that_makes_no_sense_is_told_apart_from_failure() {
    let world = host();
    let cases = [
        &["backup"][..],
        &["backup", "show"],
        &["backup", "create", "dev", "--all"],
        &["backup", "create", "--wait", "soon"],
        &["backup", "verify", "dev", "--all"],
        &["backup", "frobnicate"],
        &["restore", "dev"],
        &["restore", "dev", "--to", "x", "--element", "database"],
        &["frobnicate"],
    ];
    for words in cases {
        world.cairn("site.git", words).exits(2);
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_answered_in_json_too() {
    let world = host();
    let document = world.cairn("site.git", &["backup", "show", "--json"]).exits(2).json();
    assert_eq!((&document["error"]["exit"], &document["error"]["code"]), (&2.into(), &"usage".into()));
    assert!(document["error"]["message"].as_str().unwrap().contains("BACKUP"), "{document}");
}

#[test]
fn a_store_that_cannot_be_written_stops_a_backup_and_no_push() {
    let world = host();
    std::fs::write(world.path("in-the-way"), "a file").unwrap();
    let store = world.path("in-the-way/store").to_str().unwrap().to_owned();
    world.git("site.git", &["config", "cairn.store", &store]).ok();
    world.cairn("site.git", &["backup", "create"]).exits(13).says("in-the-way");
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok().says("warning: ");
    assert_eq!(world.tip("site.git", "main"), world.tip("dev", "main"));
    // The snapshot of that push waits until the store is well again.
    world.git("site.git", &["config", "cairn.store", world.path("site.cairn").to_str().unwrap()]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    let show = world.cairn("site.git", &["backup", "show", "dev", "--json"]).ok().json();
    assert_eq!(show["backup"]["commit"], world.tip("dev", "main"));
}

#[test]
fn a_store_of_another_user_stops_a_backup() {
    let world = host();
    let id = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
    let own = |owner: &str, path: &Path| drop(run(command("chown", path).args(["-R", owner]).arg(path)).ok());
    let as_other = |words: &[&str]| {
        let mut setpriv = command("setpriv", &world.path("home"));
        setpriv.current_dir(world.path("site.git")).args(["--reuid=12345", "--regid=12345", "--clear-groups"]);
        run(setpriv.arg(GIT_CAIRN).args(words))
    };
    if is_root() {
        own("12345:12345", &world.path("."));
        own("0:0", &world.path("site.cairn"));
    }
    if !is_root() || as_other(&["--version"]).code != 0 {
        missing_peer("a_store_of_another_user_stops_a_backup", "root, setpriv, and programs that others may run");
        return;
    }
    as_other(&["backup", "create"]).exits(13).says("site.cairn").says("hint: ");
    own("12345:12345", &world.path("site.cairn"));
    as_other(&["backup", "create"]).ok();
    as_other(&["backup", "verify", &id]).ok();
}

#[test]
fn what_cairn_reserve_keeps_free_stops_a_backup_and_no_push() {
    let world = host();
    world.git("site.git", &["config", "cairn.reserve", "1000TiB"]).ok();
    let before = stored(&world);
    world.cairn("site.git", &["backup", "create"]).exits(13).says("cairn.reserve").says("hint: ");
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok().says("warning: ");
    assert_eq!(world.tip("site.git", "main"), world.tip("dev", "main"));
    assert_eq!(stored(&world), before);
}

/// A small file system of its own; unmounted when the test ends, however it ends.
struct Mounted<'a>(&'a World);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        run(command("umount", &self.0.path("home")).arg(self.0.path("small")));
    }
}

#[test]
fn a_full_store_stops_a_backup_that_leaves_nothing_half_written() {
    let world = host();
    std::fs::create_dir(world.path("small")).unwrap();
    let mut mount = command("mount", &world.path("home"));
    mount.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(world.path("small"));
    if !is_root() || run(&mut mount).code != 0 {
        missing_peer("a_full_store_stops_a_backup_that_leaves_nothing_half_written", "root and a tmpfs");
        return;
    }
    let _mounted = Mounted(&world);
    world.git("site.git", &["config", "cairn.reserve", "0"]).ok();
    let store = world.path("small/store").to_str().unwrap().to_owned();
    world.cairn("site.git", &["setup", "--store", &store]).ok();
    let good = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
    std::fs::write(world.path("dev/noise"), Random::new(6).bytes(400_000)).unwrap();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok().says("warning: ");
    let bundles = || files(&world.path("small/store/site/code"));
    let before = bundles();
    world.cairn("site.git", &["backup", "create"]).exits(13).says("hint: free some room");
    assert_eq!(bundles(), before);
    // What was there is as good as it was.
    let list = world.cairn("site.git", &["backup", "list", "--json"]).ok().json();
    assert_eq!(list["backups"][0]["id"], good.as_str());
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    world.cairn(".", &["restore", &good, "--store", &store, "--to", "back.git", "--bare"]).ok();
    // Once there is room, the push that waited is backed up.
    run(command("mount", &world.path("home")).args(["-o", "remount,size=8m"]).arg(world.path("small"))).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    let show = world.cairn("site.git", &["backup", "show", "dev", "--json"]).ok().json();
    assert_eq!(show["backup"]["commit"], world.tip("dev", "main"));
}

#[test]
fn a_repository_of_somebody_else_is_not_trusted() {
    let world = host();
    if !is_root() {
        missing_peer("a_repository_of_somebody_else_is_not_trusted", "root");
        return;
    }
    run(command("chown", &world.path("home")).args(["-R", "12345"]).arg(world.path("site.git"))).ok();
    for words in [&["backup", "create"][..], &["backup", "list"], &["setup"]] {
        let mut cairn = command(GIT_CAIRN, &world.path("home"));
        run(cairn.current_dir(world.path("site.git")).args(words)).exits(5).says("safe.directory");
    }
}

#[test]
fn a_setting_that_makes_no_sense_is_named() {
    let world = host();
    let cases = [
        ("cairn.reserve", "lots"),
        ("cairn.hookBudget", "soon"),
        ("cairn.keepFor", "ever"),
        ("cairn.keepAutomatic", "-1d"),
        ("cairn.snapshot", "sometimes"),
        ("cairn.store", "s3://bucket"),
        ("cairn.store", "relative/path"),
        ("cairn.tagTemplate", "{env}{n}"),
        ("cairn.live.branch", "-x"),
    ];
    for (key, value) in cases {
        let before = world.git("site.git", &["config", key]).stdout;
        world.git("site.git", &["config", key, value]).ok();
        let ran = world.cairn("site.git", &["backup", "create"]);
        let at = if ran.code == 2 { key.split('.').next_back().unwrap() } else { "an exit code of 2" };
        assert!(ran.stderr.contains(at), "{key} = {value}: {ran:?}");
        match before.trim() {
            "" => world.git("site.git", &["config", "--unset", key]).ok(),
            before => world.git("site.git", &["config", key, before]).ok(),
        };
    }
    world.cairn("site.git", &["backup", "create"]).ok();
}

#[test]
fn a_reference_to_a_missing_object_is_told_and_leaves_no_half_backup() {
    let world = host();
    let missing = "1234567890123456789012345678901234567890";
    std::fs::write(world.path("site.git/refs/heads/broken"), format!("{missing}\n")).unwrap();
    let before = stored(&world);
    world.cairn("site.git", &["backup", "create"]).exits(1).says(missing).says("git fsck");
    assert_eq!(stored(&world), before);
    std::fs::remove_file(world.path("site.git/refs/heads/broken")).unwrap();
    // An object deep inside is as needed as a tip.
    let commit = world.commit("dev", "page", "2");
    world.git("site.git", &["config", "cairn.snapshot", "deployments"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let blob = world.tip("dev", "main:page");
    let object = world.path("site.git/objects").join(&blob[..2]).join(&blob[2..]);
    std::fs::remove_file(&object).unwrap_or_else(|error| panic!("the object of {commit} is loose: {error}"));
    let ran = world.cairn("site.git", &["backup", "create"]);
    assert!([1, 13].contains(&ran.code) && ran.stderr.contains(&blob), "{ran:?}");
    assert_eq!(stored(&world), before);
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn a_shallow_or_partial_repository_is_refused_with_the_cure() {
    let world = host();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let url = format!("file://{}", world.path("site.git").display());
    world.git("site.git", &["config", "uploadpack.allowFilter", "true"]).ok();
    for (how, cure) in [("--depth=1", "git fetch --unshallow"), ("--filter=blob:none", "git clone --mirror")] {
        world.git(".", &["clone", "--quiet", "--bare", how, &url, "lacking.git"]).ok();
        world.cairn("lacking.git", &["setup"]).exits(5).says(cure);
        assert!(!world.path("lacking.cairn").exists());
        std::fs::remove_dir_all(world.path("lacking.git")).unwrap();
    }
    // A host that became shallow after it was set up.
    let tip = world.tip("site.git", "main");
    std::fs::write(world.path("site.git/shallow"), format!("{tip}\n")).unwrap();
    let before = stored(&world);
    world.cairn("site.git", &["backup", "create"]).exits(5).says("shallow");
    assert_eq!(stored(&world), before);
}

#[test]
fn what_is_broken_names_what_mends_it() {
    let world = host();
    // A meta reference that is no blob of ours.
    let meta = world.tip("site.git", "refs/meta/cairn");
    world.git("site.git", &["update-ref", "refs/meta/cairn", "main"]).ok();
    world
        .cairn("dev", &["deploy", "test", "--yes"])
        .exits(1)
        .says("hint: on the host, to write it anew: git cairn setup");
    world.cairn("site.git", &["setup", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "refs/meta/cairn"), meta);

    // A git that answers as none does.
    let found = run(world.in_folder(".", "sh").args(["-c", "command -v git"])).ok();
    std::fs::create_dir(world.path("strange")).unwrap();
    world.script("strange/git", &format!("[ \"$1\" = version ] && echo hello && exit\nexec {} \"$@\"", found.out()));
    let path = format!("{}:{}", world.path("strange").display(), std::env::var("PATH").unwrap());
    let strange = run(world.in_folder("site.git", GIT_CAIRN).args(["hooks", "status"]).env("PATH", path));
    strange.exits(13).says("git version says: hello").says("is it git itself that PATH finds?");

    // A file where a folder is to be.
    std::fs::write(world.path("file"), "").unwrap();
    let below = world.path("file/store").display().to_string();
    world.cairn("site.git", &["setup", "--yes", "--store", &below]).exits(13).says("see what stands there: ls -ld");

    // Jobs that are none.
    let jobs = world.path("site.git/cairn/jobs.db");
    for name in ["jobs.db-wal", "jobs.db-shm"] {
        let _ = std::fs::remove_file(world.path("site.git/cairn").join(name));
    }
    std::fs::write(&jobs, "no database".repeat(100)).unwrap();
    world
        .cairn("site.git", &["worker", "--once"])
        .exits(13)
        .says("hint: move jobs.db and what begins with that name aside");
    std::fs::rename(&jobs, world.path("aside")).unwrap();
    world.cairn("site.git", &["backup", "create", "--all"]).ok();
}
