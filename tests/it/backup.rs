//! Backups: made, listed, named, shown and handed out.

use crate::support::{GIT_CAIRN, Random, World, bare_host, command, host, host_with, read, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

fn create(world: &World, words: &[&str]) -> String {
    world.cairn("site.git", &[&["backup", "create"], words].concat()).ok().out().to_owned()
}

fn show(world: &World, backup: &str) -> Value {
    world.cairn("site.git", &["backup", "show", backup, "--json"]).ok().json()["backup"].take()
}

fn listed(world: &World, words: &[&str]) -> Vec<Value> {
    let list = world.cairn("site.git", &[&["backup", "list", "--json"], words].concat()).ok().json();
    assert_eq!(list["schema"], 1);
    list["backups"].as_array().unwrap().clone()
}

fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn push(world: &World, file: &str, content: &str) -> String {
    let commit = world.commit("dev", file, content);
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    commit
}

fn deploy(world: &World, environment: &str) {
    world.cairn("dev", &["deploy", environment, "--yes"]).ok();
}

const FIELDS: [&str; 15] = [
    "id",
    "site",
    "environment",
    "created_at",
    "finished_at",
    "refs_at",
    "initiator",
    "tag",
    "commit",
    "note",
    "keep_until",
    "refs",
    "elements",
    "uncommitted",
    "warnings",
];

#[test]
fn create_prints_the_id_alone_and_says_how_to_restore() {
    let world = host();
    let made = world.cairn("site.git", &["backup", "create"]).ok();
    let id = made.out();
    assert_eq!(made.stdout, format!("{id}\n"));
    assert!(id.len() == 20 && id.starts_with(|c: char| c.is_ascii_digit()), "{id}");
    let next = format!("git cairn restore {id} --store ");
    made.says("code").says(&next);
}

#[test]
fn create_answers_in_json_with_one_document() {
    let world = host();
    let tip = world.tip("dev", "main");
    let document = world.cairn("site.git", &["backup", "create", "--note", "why not", "--json"]).ok().json();
    assert_eq!(document["schema"], 1);
    let backup = &document["backup"];
    assert_eq!(fields(backup), FIELDS.into());
    assert_eq!((&backup["environment"], &backup["initiator"]), (&"dev".into(), &"manual".into()));
    assert_eq!((&backup["commit"], &backup["note"]), (&tip.into(), &"why not".into()));
    assert_eq!((&backup["tag"], &backup["uncommitted"]), (&Value::Null, &Value::Null));
}

#[test]
fn all_makes_one_of_every_environment_whose_branch_exists() {
    let world = host();
    deploy(&world, "test");
    let ids = create(&world, &["--all"]);
    let of = |id: &str| show(&world, id)["environment"].as_str().unwrap().to_owned();
    assert_eq!(ids.lines().map(of).collect::<Vec<_>>(), ["dev", "test"]);
    let document = world.cairn("site.git", &["backup", "create", "--all", "--json"]).ok().json();
    assert_eq!(document["backups"].as_array().unwrap().len(), 2);
}

#[test]
fn an_environment_without_a_commit_can_be_backed_up() {
    let world = host();
    let backup = show(&world, &create(&world, &["live"]));
    assert_eq!((&backup["environment"], &backup["commit"]), (&"live".into(), &Value::Null));
}

#[test]
fn a_backup_is_kept_for_as_many_days_as_was_said() {
    let world = host();
    let seconds = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    for (words, days) in [(&["--keep-for", "3"][..], 3), (&[], 365)] {
        let backup = show(&world, &create(&world, words));
        assert_eq!(seconds(&backup["keep_until"]) - seconds(&backup["refs_at"]), days * 86_400);
    }
    world.cairn("site.git", &["backup", "create", "--keep-for", "0"]).exits(2);
    world.cairn("site.git", &["backup", "create", "--keep-for", "soon"]).exits(2);
}

#[test]
fn list_is_newest_first_with_the_documented_fields() {
    let world = host();
    let (first, second) = (create(&world, &[]), create(&world, &["live", "--note", "n"]));
    let backups = listed(&world, &[]);
    assert_eq!((&backups[0]["id"], &backups[1]["id"]), (&second.as_str().into(), &first.into()));
    for backup in &backups {
        assert_eq!(fields(backup), FIELDS.into());
        let element = &backup["elements"][0];
        assert_eq!(fields(element), ["element", "bytes", "chain_bytes", "sha256", "verified_at"].into());
        assert!(element["verified_at"].is_string(), "{element}");
    }
    assert_eq!(listed(&world, &["live"]).len(), 1);
    assert_eq!(listed(&world, &["--expired"]).len(), 0);
    let table = world.cairn("site.git", &["backup", "list"]).ok().stdout;
    assert!(table.lines().nth(1).unwrap().contains(&second), "{table}");
}

#[test]
fn show_names_every_reference_as_git_has_it() {
    let world = World::new();
    world.fixture("odd-refs.sh", "site.git", &[]);
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("site.git", &["setup"]).ok();
    let backup = show(&world, "dev");
    assert_eq!(fields(&backup).intersection(&FIELDS.into()).count(), FIELDS.len());
    let shown = backup["ref_list"].as_array().unwrap();
    let name = |one: &Value| match one["name_bytes"].as_str() {
        Some(bytes) => base64::Engine::decode(&base64::engine::general_purpose::STANDARD, bytes).unwrap(),
        None => one["name"].as_str().unwrap().as_bytes().to_vec(),
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().as_bytes().to_vec();
    let line = |one: &Value| [name(one), text(&one["id"]), text(&one["symref"])].join(&b' ');
    let shown: BTreeSet<_> = shown.iter().map(line).collect();
    let git = world.feed("site.git", &["for-each-ref", "--format=%(refname) %(objectname) %(symref)"], b"");
    let mut expected: BTreeSet<_> = git.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect();
    // git does not list what dangles.
    expected.insert(b"refs/heads/dangling  refs/heads/gone".to_vec());
    assert_eq!(shown, expected);
    assert_eq!(backup["refs"], shown.len());
    let main = world.tip("site.git", "refs/heads/main");
    assert_eq!(backup["head"], serde_json::json!({"symref": "refs/heads/main", "id": main}));
}

#[test]
fn show_tells_the_segments_as_they_lie_in_the_store() {
    let world = host();
    push(&world, "page", "2");
    let backup = show(&world, &create(&world, &[]));
    let segments = backup["segments"].as_array().unwrap();
    assert_eq!(segments.len(), 2);
    for segment in segments {
        let file = world.path("site.cairn/site").join(segment["file"].as_str().unwrap());
        let sum = run(command("sha256sum", &world.path("home")).arg(&file)).ok().stdout;
        assert_eq!(segment["sha256"], sum.split(' ').next().unwrap());
        assert_eq!(segment["bytes"], read(&file).len());
        assert!(segment["verified_at"].is_string());
    }
}

#[test]
fn a_detached_head_is_shown_as_an_id_alone() {
    let world = host();
    let tip = world.tip("site.git", "main");
    world.git("site.git", &["update-ref", "--no-deref", "HEAD", &tip]).ok();
    assert_eq!(show(&world, &create(&world, &[]))["head"], serde_json::json!({"symref": null, "id": tip}));
}

#[test]
fn a_backup_is_named_by_its_start_or_its_place() {
    let world = host();
    push(&world, "page", "2");
    deploy(&world, "test");
    deploy(&world, "live");
    let (first, second) = (create(&world, &["live"]), create(&world, &["live"]));
    let named = |words: &str| show(&world, words)["id"].as_str().unwrap().to_owned();
    let common = first.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
    assert_eq!(named(&second), second);
    assert_eq!(named(&first[..19]), first);
    assert_eq!((named("live"), named("live@{0}"), named("live@{1}")), (second.clone(), second.clone(), first.clone()));
    assert_eq!((named("live@{now}"), named("live@{2090-12-31 10:00}")), (second.clone(), second.clone()));
    let deployment = named("live_1");
    assert!(deployment < first, "the backup that the deployment made, not a later one of the same tag");
    assert_eq!(show(&world, "live_1")["initiator"], "deployment");
    assert_eq!(show(&world, &second)["tag"], "live_1");
    let fails = |words: &str, code| world.cairn("site.git", &["backup", "show", words]).exits(code);
    fails(&first[..common], 2).says(&second);
    fails(&first[..3], 2).says("4 characters");
    fails("live@{yesterday}", 10);
    fails("live@{7}", 10);
    fails("live@{some time}", 2);
    fails("live_7", 10);
    fails("nowhere", 10);
    fails("19990101-000000-0000", 10);
}

#[test]
fn a_backup_that_brings_no_object_is_recorded_and_writes_no_segment() {
    let world = host();
    let bundles = || std::fs::read_dir(world.path("site.cairn/site/code")).unwrap().count();
    let before = bundles();
    world.git("site.git", &["branch", "second", "main"]).ok();
    let backup = show(&world, &create(&world, &[]));
    assert_eq!(bundles(), before);
    assert_eq!((&backup["elements"][0]["bytes"], &backup["elements"][0]["sha256"]), (&0.into(), &Value::Null));
    let has = |name: &str| backup["ref_list"].as_array().unwrap().iter().any(|one| one["name"] == name);
    assert!(has("refs/heads/second"));
    // A deletion alone is a change too.
    world.git("site.git", &["branch", "-D", "second"]).ok();
    let refs = show(&world, &create(&world, &[]))["refs"].as_u64().unwrap();
    assert_eq!(refs + 1, backup["refs"].as_u64().unwrap());
}

#[test]
fn an_incremental_segment_holds_only_what_is_new() {
    let world = host();
    // What cannot be compressed.
    std::fs::write(world.path("dev/large"), Random::new(3).bytes(100_000)).unwrap();
    push(&world, "page", "with something large");
    push(&world, "page", "2");
    let segments = show(&world, "dev")["segments"].take();
    let bytes: Vec<_> = segments.as_array().unwrap().iter().map(|one| one["bytes"].as_u64().unwrap()).collect();
    assert!(bytes[2] * 50 < bytes[1], "{bytes:?}");
}

#[test]
fn a_chain_stays_short_and_every_segment_is_a_bundle_to_git() {
    let world = host();
    for n in 0..30 {
        push(&world, "page", &format!("push {n}"));
        let chain = show(&world, "dev")["segments"].as_array().unwrap().len();
        assert!(chain <= 8, "{chain} segments after {n} pushes");
    }
    assert_eq!(listed(&world, &[]).len(), 31);
    let mut seen = 0;
    for entry in std::fs::read_dir(world.path("site.cairn/site/code")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "bundle") {
            let path = path.to_str().unwrap();
            world.git("site.git", &["bundle", "verify", "--quiet", path]).ok();
            assert!(!world.git("site.git", &["bundle", "list-heads", path]).ok().out().is_empty());
            seen += 1;
        }
    }
    assert_eq!(seen, 31);
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn get_hands_out_the_code_of_the_deployment() {
    let world = host();
    deploy(&world, "test");
    deploy(&world, "live");
    push(&world, "page", "newer");
    for (environment, content) in [("live", "1"), ("dev", "newer")] {
        let id = create(&world, &[environment]);
        let file = world.path(&format!("{environment}.bundle")).to_str().unwrap().to_owned();
        let words = ["backup", "get", &id, "--element", "code", "--to", &file];
        assert_eq!(world.cairn("site.git", &words).ok().out(), file);
        world.git(".", &["clone", "--quiet", &file, &id]).ok();
        assert_eq!(read(&world.path(&id).join("page")), content.as_bytes());
        assert_eq!(world.tip(&id, "HEAD"), show(&world, &id)["commit"]);
    }
}

#[test]
fn a_bundle_that_is_handed_out_needs_nothing_and_has_every_reference() {
    for format in ["sha1", "sha256"] {
        let world = World::new();
        world.fixture("odd-refs.sh", "site.git", &[format]);
        world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
        world.cairn("site.git", &["setup"]).ok();
        world.git("site.git", &["update-ref", "refs/cairn/x", "refs/heads/main"]).ok();
        let commit = world.git("site.git", &["commit-tree", "-m", "more", "refs/heads/main^{tree}"]).ok();
        world.git("site.git", &["update-ref", "refs/heads/more", commit.out()]).ok();
        create(&world, &[]);
        let file = world.path("all.bundle").to_str().unwrap().to_owned();
        world.cairn("site.git", &["backup", "get", "dev", "--element", "code", "--to", &file]).ok();
        world.bare("empty.git", &[&format!("--object-format={format}")]);
        let verified = world.git("empty.git", &["bundle", "verify", &file]).ok().stdout;
        assert!(verified.contains("records a complete history"), "{verified}");
        world.git(".", &["clone", "--quiet", "--mirror", &file, "mirror.git"]).ok();
        let refs = |repository| world.feed(repository, &["for-each-ref", "--format=%(refname) %(objectname)"], b"");
        assert_eq!(refs("mirror.git").escape_ascii().to_string(), refs("site.git").escape_ascii().to_string());
        world.health("mirror.git");
    }
}

#[test]
fn get_writes_to_standard_output_and_leaves_out_what_is_hidden() {
    let world = host();
    world.git("site.git", &["update-ref", "refs/cairn/x", "main"]).ok();
    create(&world, &[]);
    let heads = |words: &[&str]| {
        let mut get = command(GIT_CAIRN, &world.path("home"));
        get.current_dir(world.path("site.git")).args(["backup", "get", "dev", "--element", "code", "--to", "-"]);
        let output = get.args(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(world.path("piped.bundle"), output.stdout).unwrap();
        world.git(".", &["clone", "--quiet", "piped.bundle", "piped"]).ok();
        std::fs::remove_dir_all(world.path("piped")).unwrap();
        world.git(".", &["bundle", "list-heads", "piped.bundle"]).ok().stdout
    };
    assert!(heads(&[]).contains(" refs/cairn/x\n"));
    let visible = heads(&["--visible"]);
    assert!(visible.contains(" refs/heads/main\n") && !visible.contains("refs/cairn"), "{visible}");
}

#[test]
fn a_bundle_without_a_name_is_named_after_its_backup() {
    let world = host();
    let id = create(&world, &[]);
    let name = format!("site_dev_{id}_code.bundle");
    let get = ["backup", "get", "dev", "--element", "code"];
    let beside = |words: &[&str]| world.cairn(".", &[&["--git-dir", "site.git"], &get[..], words].concat());
    assert_eq!(beside(&[]).ok().out(), name);
    world.git(".", &["bundle", "list-heads", &name]).ok();
    beside(&[]).exits(5);
    // In the repository itself nobody looks for it, and git may take it for its own.
    for words in [&[][..], &["--to", "objects/code"], &["--to", "../dev/.git/code"]] {
        let told = world.cairn("site.git", &[&get[..], words].concat()).exits(5).says("lies inside the repository");
        let outside = told.stderr.split_once("hint: name a place outside of it: ").unwrap().1.trim().to_owned();
        let _ = std::fs::remove_file(world.path(&name));
        world.cairn("site.git", &[&get[..], &outside.split(' ').collect::<Vec<_>>()].concat()).ok();
        world.git(".", &["bundle", "list-heads", outside.split_once(' ').unwrap().1]).ok();
        let _ = std::fs::remove_file(world.path("code"));
    }
    assert!(!world.path("site.git").join(&name).exists() && !world.path("site.git/objects/code").exists());
}

#[test]
fn get_writes_over_nothing() {
    let world = host();
    std::fs::write(world.path("mine"), "mine").unwrap();
    let file = world.path("mine").to_str().unwrap().to_owned();
    world.cairn("site.git", &["backup", "get", "dev", "--element", "code", "--to", &file]).exits(5).says("exists");
    assert_eq!(read(&world.path("mine")), b"mine");
    world.cairn("site.git", &["backup", "get", "dev", "--element", "database"]).exits(2);
    world.cairn("site.git", &["backup", "get", "dev"]).exits(2);
}

#[test]
fn two_sites_share_a_store_and_must_be_named_there() {
    let world = host();
    world.git(".", &["clone", "--quiet", "--bare", "dev", "other.git"]).ok();
    world.git("other.git", &["config", "cairn.reserve", "1MiB"]).ok();
    let store = world.path("site.cairn").to_str().unwrap().to_owned();
    world.cairn(".", &["backup", "list", "--store", &store]).ok();
    world.cairn("other.git", &["setup", "--store", &store]).ok();
    world.cairn(".", &["backup", "list", "--store", &store]).exits(2).says("--site");
    world.cairn(".", &["backup", "list", "--store", &store, "--site", "nowhere"]).exits(10);
    for (site, repository) in [("other", "other.git"), ("site", "site.git")] {
        let at = ["--store", &store, "--site", site];
        let list = world.cairn(".", &[&["backup", "list", "--json"], &at[..]].concat()).ok().json();
        assert_eq!(list["backups"][0]["site"], site);
        let to = format!("back-{site}.git");
        world.cairn(".", &[&["restore", "dev", "--bare", "--to", &to], &at[..]].concat()).ok();
        assert_eq!(world.identity(&to), world.identity(repository));
    }
}

#[test]
fn an_empty_repository_is_backed_up_and_comes_back() {
    for format in ["sha1", "sha256"] {
        let world = World::new();
        world.bare("site.git", &[&format!("--object-format={format}"), "--initial-branch=trunk"]);
        world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
        world.cairn("site.git", &["setup"]).ok();
        // What setup itself publishes is taken away too: not one object is left to be stored.
        world.git("site.git", &["update-ref", "-d", "refs/meta/cairn"]).ok();
        let backup = show(&world, &create(&world, &[]));
        assert_eq!((&backup["refs"], &backup["commit"]), (&0.into(), &Value::Null));
        world.cairn("site.git", &["backup", "verify", "--all"]).ok();
        world.cairn(".", &["restore", "dev", "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
        assert_eq!(world.exact("back.git"), world.exact("site.git"));
        assert_eq!(world.git("back.git", &["rev-parse", "--show-object-format"]).ok().out(), format);
        world.cairn(".", &["restore", "dev", "--store", "site.cairn", "--to", "tree"]).ok();
        world.cairn(".", &["--git-dir", "site.git", "backup", "get", "dev", "--element", "code"]).exits(8);
    }
}

#[test]
fn objects_that_are_borrowed_from_another_repository_are_in_the_backup() {
    let world = host();
    world.git(".", &["clone", "--quiet", "--bare", "--shared", "site.git", "borrower.git"]).ok();
    world.git("borrower.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("borrower.git", &["setup"]).ok();
    let before = world.identity("borrower.git");
    world.remove("site.git");
    world.cairn(".", &["restore", "dev", "--store", "borrower.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.identity("back.git"), before);
    assert!(!world.path("back.git/objects/info/alternates").exists());
}

#[test]
fn a_packed_repository_that_borrows_is_backed_up_with_what_it_borrows() {
    let world = host();
    for n in 0..20 {
        world.commit("dev", "page", &format!("lent {n}"));
    }
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git("site.git", &["gc", "--quiet"]).ok();
    world.git(".", &["clone", "--quiet", "--bare", "--shared", "site.git", "borrower.git"]).ok();
    let own =
        world.git("borrower.git", &["commit-tree", "-m", "own", "-p", "main", "main^{tree}"]).ok().out().to_owned();
    world.git("borrower.git", &["update-ref", "refs/heads/main", &own]).ok();
    // What it has itself, and nothing of what it borrows, is one pack.
    world.git("borrower.git", &["repack", "--quiet", "-adl"]).ok();
    world.git("borrower.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("borrower.git", &["setup"]).ok();
    let before = world.exact("borrower.git");
    for gone in ["borrower.git", "site.git", "dev"] {
        std::fs::remove_dir_all(world.path(gone)).unwrap();
    }
    world.cairn(".", &["restore", "dev", "--store", "borrower.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), before);
}

#[test]
fn a_sole_pack_that_stands_upon_loose_objects_is_no_base() {
    let world = bare_host(&[]);
    world.commit("dev", "page", "2");
    // Kept as the pack it came in, while the first push was unpacked.
    world.git("site.git", &["config", "receive.unpackLimit", "1"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let packs = world.git("site.git", &["count-objects", "-v"]).ok().stdout;
    assert!(packs.contains("packs: 1\n") && !packs.contains("count: 0\n"), "{packs}");
    world.cairn("site.git", &["setup"]).ok();
    world.cairn("site.git", &["restore", "dev", "--to", "../back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), world.exact("site.git"));
}

#[test]
fn secrets_in_the_config_are_left_out_and_named() {
    let world = host();
    let secrets = [
        ("http.extraHeader", "Authorization: hunter1"),
        ("remote.mirror.url", "https://me:hunter2@example.org/x"),
        ("remote.token.url", "https://hunter5@example.org/x"),
        ("sendemail.smtpPass", "hunter3"),
        ("ci.apiToken", "hunter4"),
    ];
    for (key, value) in secrets {
        world.git("site.git", &["config", key, value]).ok();
    }
    world.git("site.git", &["config", "receive.denyDeletes", "true"]).ok();
    world.git("site.git", &["config", "remote.ssh.url", "ssh://git@example.org/x"]).ok();
    let id = create(&world, &[]);
    let repository = show(&world, &id)["repository"].take();
    let left_out: Vec<_> = repository["config_left_out"].as_array().unwrap().iter().map(Value::to_string).collect();
    for (key, _) in secrets {
        let named = left_out.iter().any(|one| one.trim_matches('"').eq_ignore_ascii_case(key));
        assert!(named, "{key} is not named in {left_out:?}");
    }
    for kept in [["receive.denydeletes", "true"], ["remote.ssh.url", "ssh://git@example.org/x"]] {
        assert!(repository["config"].as_array().unwrap().contains(&serde_json::json!(kept)), "{kept:?}");
    }
    let manifest = read(&world.path(&format!("site.cairn/site/backups/{id}/manifest.json")));
    assert!(!String::from_utf8(manifest).unwrap().contains("hunter"));
}

#[test]
fn everything_in_the_store_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = host();
    create(&world, &[]);
    let mut open = vec![world.path("site.cairn")];
    while let Some(path) = open.pop() {
        let metadata = std::fs::metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        assert_eq!(mode, if metadata.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        if metadata.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

#[test]
fn a_backup_that_was_never_finished_is_none_and_is_swept_by_the_next() {
    let world = host();
    push(&world, "page", "2");
    let id = listed(&world, &[])[0]["id"].as_str().unwrap().to_owned();
    // As a killed process leaves it: everything but the manifest, and the note that it was begun.
    let site = world.path("site.cairn/site");
    let (manifest, intents) = (site.join(format!("backups/{id}/manifest.json")), site.join("intents"));
    std::fs::remove_file(manifest).unwrap();
    std::fs::write(intents.join(format!("{id}.json")), "{}").unwrap();
    let list = world.cairn("site.git", &["backup", "list"]).ok();
    assert!(!list.stdout.contains(&id) && !list.stderr.contains("warning"), "{list:?}");
    world.cairn("site.git", &["backup", "show", &id]).exits(10);
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();

    let next = create(&world, &[]);
    let left = run(command("find", &world.path("home")).arg(&site).args(["-type", "f", "-name", "*"])).ok().stdout;
    let left: Vec<_> = left.lines().filter(|file| file.contains(&id) || file.contains("/intents/")).collect();
    assert!(left.is_empty(), "{left:?}");
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    world.cairn(".", &["restore", &next, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), world.exact("site.git"));
}

fn spawned(world: &World, words: &[&str]) -> Child {
    let mut command: Command = command(GIT_CAIRN, &world.path("home"));
    command.current_dir(world.path("site.git")).args(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn several_at_once_all_succeed_and_get_ids_of_their_own() {
    let world = host();
    let children: Vec<_> = (0..4).map(|_| spawned(&world, &["backup", "create"])).collect();
    let mut ids = BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        ids.insert(output.stdout);
    }
    assert_eq!(ids.len(), 4);
    assert_eq!(listed(&world, &[]).len(), 5);
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

#[test]
fn looking_takes_no_lock_and_making_waits_for_it() {
    let world = host();
    // flock(1) holds the lock while the words after it run.
    let held = |words: &[&str]| {
        let mut flock = command("flock", &world.path("home"));
        flock.current_dir(world.path("site.git")).args(["cairn/snapshot.lock", GIT_CAIRN]).args(words);
        run(&mut flock)
    };
    held(&["backup", "list"]).ok();
    held(&["backup", "show", "dev"]).ok();
    held(&["deployments"]).ok();
    let busy = held(&["backup", "create", "--wait", "1s", "--json"]).exits(11);
    assert_eq!(busy.json()["error"]["exit"], 11);
    assert_eq!(listed(&world, &[]).len(), 1);
    create(&world, &["--wait", "1s"]);
}

#[test]
fn a_new_clone_as_store_of_the_same_id_is_refused() {
    let world = host_with(&[], &["--site", "shop"]);
    run(command("cp", &world.path("home")).arg("-a").arg(world.path("site.git")).arg(world.path("copy.git"))).ok();
    world.cairn("copy.git", &["backup", "create"]).exits(5).says("same cairn.id");
    world.cairn("site.git", &["backup", "create"]).ok();
}
