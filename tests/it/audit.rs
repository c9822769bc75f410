//! The audit: every push is a line before it is accepted, and whatever is done to the lines afterwards is found.

use crate::support::{GIT_CAIRN, Ran, Random, World, amount, bare_host, command, host, missing_peer, run};
use serde_json::Value;
use std::fs;

fn log(world: &World) -> std::path::PathBuf {
    world.path("site.git/cairn/audit.jsonl")
}

/// The lines, oldest first.
pub fn lines(world: &World) -> Vec<Value> {
    let document = world.cairn("site.git", &["audit", "--json"]).ok().json();
    document["lines"].as_array().unwrap().iter().rev().cloned().collect()
}

pub fn verify(world: &World) -> Ran {
    world.cairn("site.git", &["audit", "verify", "--json"])
}

fn problems(world: &World) -> Vec<(String, u64)> {
    let document = verify(world).exits(12).json();
    let problem = |one: &Value| (one["code"].as_str().unwrap().to_owned(), one["line"].as_u64().unwrap());
    document["problems"].as_array().unwrap().iter().map(problem).collect()
}

/// What the newest lines are, with their verdicts.
fn newest(world: &World, count: usize) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let lines = lines(world);
    lines[lines.len() - count..].iter().map(|line| (text(&line["what"]).unwrap(), text(&line["verdict"]))).collect()
}

fn line(what: &str, verdict: Option<&str>) -> (String, Option<String>) {
    (what.to_owned(), verdict.map(str::to_owned))
}

#[test]
fn every_push_is_a_line_with_who_what_and_the_verdict() {
    let world = host();
    let old = world.tip("dev", "main");
    let new = world.commit("dev", "page", "2");
    let mut push = world.in_folder("dev", "git");
    run(push
        .env("GL_USER", "anna")
        .args(["push", "--quiet", "-o", "cairn.note=\x1b[2Jhi", "-o", "cairn.grant=ab-cd"])
        .args(["origin", "main"]))
    .ok();
    assert_eq!(newest(&world, 2), [line("push", Some("accepted")), line("moved", None)]);
    let judged = lines(&world).into_iter().rev().nth(1).unwrap();
    assert_eq!(
        judged["who"],
        serde_json::json!({"name": "anna", "known_by": "gitolite", "transport": "file", "address": null})
    );
    assert_eq!(judged["refs"], serde_json::json!([{"name": "refs/heads/main", "old": old, "new": new}]));
    assert_eq!(judged["options"], serde_json::json!(["cairn.note=\\u{1b}[2Jhi", "cairn.grant=ab"]));
    let told = world.path("told");
    fs::write(&told, format!("{old} {new} refs/heads/main\n")).unwrap();
    let digest = run(command("sha256sum", &world.path("home")).arg(&told)).ok().stdout;
    assert_eq!((&judged["refs_count"], &judged["refs_sha256"]), (&1.into(), &digest[..64].into()));
    world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    assert_eq!(newest(&world, 3), [line("push", Some("accepted")), line("moved", None), line("deployment", None)]);
    assert_eq!(lines(&world).last().unwrap()["subject"], "live_1");
    world.git("dev", &["push", "origin", ":refs/tags/live_1"]).exits(1);
    assert_eq!(newest(&world, 1), [line("refusal", Some("refused"))]);
    let shown = world.cairn("site.git", &["audit"]).ok().stdout;
    assert!(shown.lines().next().unwrap().contains("refs/tags/live_1"), "{shown}");
    let report = verify(&world).ok().json();
    assert_eq!((&report["problems"], &report["torn"]), (&serde_json::json!([]), &0.into()));
    assert!(report["asked"].as_u64().unwrap() >= 2, "the tag and its backup: {report}");
}

#[test]
fn a_digest_is_checked_with_sed_and_sha256sum() {
    let world = host();
    let script = r#"line=$(sed -n 1p audit.jsonl) digest=$(printf %s "$line" | cut -c12-75)
        sum=$(printf %s "$line" | sed "s/$digest/$(printf %064d 0)/" | sha256sum)
        test "$sum" = "$digest  -""#;
    let mut sh = world.in_folder("site.git/cairn", "sh");
    run(sh.args(["-c", script])).ok();
    assert_eq!(lines(&world)[0]["digest"].as_str().unwrap().len(), 64);
}

#[test]
fn a_push_that_cannot_be_audited_is_refused_and_says_how_it_could_pass() {
    let world = host();
    let before = world.refs("site.git");
    fs::rename(log(&world), world.path("away")).unwrap();
    fs::create_dir(log(&world)).unwrap();
    world.commit("dev", "page", "2");
    let refused = world.git("dev", &["push", "origin", "main"]).exits(1);
    refused.says("error: the audit cannot be written").says("audit.jsonl").says("git cairn guard pause");
    assert_eq!(world.refs("site.git"), before);
    fs::remove_dir(log(&world)).unwrap();
    fs::rename(world.path("away"), log(&world)).unwrap();
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    verify(&world).ok();
}

/// `CAIRN_REFS` sets another number of them.
#[test]
fn a_push_of_thousands_of_references_is_a_line_of_bounded_length() {
    let world = host();
    world.git("site.git", &["config", "cairn.snapshot", "deployments"]).ok();
    let tip = world.tip("dev", "main");
    let count = amount("CAIRN_REFS", 1_000);
    let many: String = (0..count).map(|n| format!("create refs/heads/many/{n:05} {tip}\n")).collect();
    world.feed("dev", &["update-ref", "--stdin"], many.as_bytes());
    let option = format!("cairn.note={}", "x".repeat(60_000));
    world.git("dev", &["push", "--quiet", "-o", &option, "origin", "refs/heads/many/*"]).ok();
    let lines = lines(&world);
    let judged = &lines[lines.len() - 2];
    assert_eq!((&judged["refs_count"], &judged["options_count"]), (&count.into(), &1.into()));
    assert!(judged["refs"].as_array().unwrap().len() >= 30);
    let longest = fs::read_to_string(log(&world)).unwrap().lines().map(str::len).max().unwrap();
    assert!(longest < 65_536, "{longest}");
    verify(&world).ok();
}

#[test]
fn pushes_at_once_are_all_there() {
    let world = host();
    let clones: Vec<String> = (0..6).map(|n| format!("c{n}")).collect();
    for clone in &clones {
        world.git(".", &["clone", "--quiet", "site.git", clone]).ok();
    }
    std::thread::scope(|scope| {
        for clone in &clones {
            let world = &world;
            scope.spawn(move || {
                for n in 0..4 {
                    world.commit(clone, clone, &n.to_string());
                    world.git(clone, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{clone}")]).ok();
                }
            });
        }
    });
    let pushes = lines(&world).into_iter().filter(|line| line["what"] == "push" && line["verdict"] == "accepted");
    assert_eq!(pushes.count(), 24);
    verify(&world).ok();
}

/// Case 72.
#[test]
pub fn case_72_what_is_altered_removed_or_cut_off_is_named() {
    let world = host();
    for n in 0..3 {
        world.deployed("live", &n.to_string());
    }
    verify(&world).ok();
    let whole = fs::read_to_string(log(&world)).unwrap();
    let all: Vec<&str> = whole.split_inclusive('\n').collect();
    let with = |lines: &[&str]| fs::write(log(&world), lines.concat()).unwrap();

    let altered = all[3].replace("refs/heads/", "refs/hexds/");
    assert_ne!(altered, all[3]);
    with(&[&all[..3], &[altered.as_str()], &all[4..]].concat());
    assert_eq!(problems(&world), [("altered".to_owned(), 4)]);
    world.cairn("site.git", &["audit", "verify"]).exits(12).says("error: the audit is not as it was written");
    assert_eq!(world.cairn("site.git", &["audit", "verify"]).out(), "line 4 was altered");

    with(&[&all[..2], &all[4..]].concat());
    assert_eq!(problems(&world), [("missing".to_owned(), 3)]);
    assert_eq!(world.cairn("site.git", &["audit", "verify"]).out(), "lines 3 to 4 are missing");

    with(&all[..all.len() - 4]);
    assert_eq!(problems(&world), [("missing".to_owned(), all.len() as u64 - 3)]);
    let said = world.cairn("site.git", &["audit", "verify"]).stdout;
    assert!(said.contains("everything from line"), "{said}");

    fs::remove_file(log(&world)).unwrap();
    assert_eq!(problems(&world), [("missing".to_owned(), 1)]);

    with(&all);
    verify(&world).ok();
}

/// Whatever is done to a log on whose end a backup stands is found, and pushes go on all the same.
#[test]
fn random_tampering_is_found_and_stops_no_push() {
    let mut random = Random::new(0x5eed);
    let world = host();
    world.deployed("live", "2");
    let whole = fs::read(log(&world)).unwrap();
    // Of the last lines only those count that the tag and the backup stand on.
    let known = whole.split_inclusive(|byte| *byte == b'\n').take(3).map(<[u8]>::len).sum::<usize>();
    for round in 0..6 {
        let mut bytes = whole.clone();
        let at = random.below(known - 1);
        match round % 3 {
            0 => bytes[at] ^= 1 << random.below(7),
            1 => drop(bytes.drain(at..at + 1 + random.below(known - 1 - at))),
            _ => drop(bytes.splice(at..at, random.bytes(40)).count()),
        }
        fs::write(log(&world), &bytes).unwrap();
        world.commit("dev", "page", &format!("round {round}"));
        world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
        assert!(!problems(&world).is_empty(), "seed {}, round {round}", random.seed());
    }
}

#[test]
fn what_a_hook_after_ours_refuses_is_a_line_too() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/pre-receive", "cat >/dev/null; exit 3");
    world.cairn("site.git", &["setup"]).ok();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main"]).exits(1);
    assert_eq!(newest(&world, 2), [line("push", Some("accepted")), line("refusal", Some("refused"))]);
    assert_eq!(lines(&world).last().unwrap()["rule"], "found-hook");
    verify(&world).ok();
}

/// The hook is killed, or the disk fails under it, at any system call: what it said it accepted is a line, and the lines are
/// whole. `CAIRN_FAULTS` sets how often.
#[test]
fn a_hook_that_dies_at_any_moment_leaves_a_log_that_is_whole() {
    if run(command("sh", std::path::Path::new("/")).args(["-c", "strace -V"])).code != 0 {
        return missing_peer("a_hook_that_dies_at_any_moment_leaves_a_log_that_is_whole", "strace");
    }
    let world = host();
    let tip = world.tip("dev", "main");
    let hook = std::path::Path::new(GIT_CAIRN).with_file_name("cairn-pre-receive");
    let mut random = Random::new(71);
    for round in 0..amount("CAIRN_FAULTS", 24) {
        let call = *random.pick(&["write", "openat", "fdatasync", "fsync", "ftruncate", "fallocate", "lseek", "flock"]);
        let fault = *random.pick(&["signal=KILL", "error=ENOSPC", "error=EIO"]);
        let when = 1 + random.below(if call == "openat" { 60 } else { 6 });
        if random.below(4) == 0 {
            let _ = fs::remove_file(world.path("site.git/cairn/audit.reserve"));
        }
        let inject = format!("inject={call}:{fault}:when={when}");
        let mut strace = world.in_folder("site.git", "strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &inject]).arg(&hook).env("GIT_DIR", ".");
        let told = format!("{} {tip} refs/heads/r{round}\n", "0".repeat(40));
        fs::write(world.path("told"), told).unwrap();
        let ran = run(strace.stdin(fs::File::open(world.path("told")).unwrap()));
        let report = verify(&world);
        let what = format!("{inject}, seed {}, round {round}: {ran:?}\n{}", random.seed(), report.stdout);
        assert_eq!(report.code, 0, "{what}");
        if ran.code == 0 {
            let named = |line: &Value| {
                line["refs"][0]["name"] == format!("refs/heads/r{round}") && line["verdict"] == "accepted"
            };
            assert!(lines(&world).iter().any(named), "{what}");
        }
    }
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    verify(&world).ok();
}

#[test]
fn a_restored_host_begins_a_log_of_its_own() {
    let world = host();
    world.deployed("live", "2");
    let words = ["restore", "live", "--store", "site.cairn", "--to", "back.git", "--bare"];
    world.cairn(".", &words).ok();
    world.git("back.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("back.git", &["setup", "--store", world.path("new.cairn").to_str().unwrap()]).ok();
    let report = world.cairn("back.git", &["audit", "verify", "--json"]).ok().json();
    assert_eq!((report["lines"].as_u64(), report["earlier"].as_u64()), (Some(1), Some(1)), "{report}");
    // A log that vanished is no restored host.
    fs::remove_file(world.path("back.git/cairn/audit.jsonl")).unwrap();
    world.git("dev", &["push", "--quiet", world.path("back.git").to_str().unwrap(), "main:topic"]).ok();
    let report = world.cairn("back.git", &["audit", "verify", "--json"]).exits(12).json();
    assert!(report["problems"].as_array().unwrap().iter().all(|one| one["code"] == "other-log"), "{report}");
}

/// A disk of its own for `site.git`, so small that it can be filled; `None` where none can be mounted.
struct SmallDisk<'a>(&'a World);

impl<'a> SmallDisk<'a> {
    fn mount(world: &'a World) -> Option<Self> {
        fs::create_dir(world.path("disk")).unwrap();
        let mut mount = command("mount", &world.path("home"));
        mount.args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(world.path("disk"));
        (run(&mut mount).code == 0).then_some(Self(world))
    }

    fn fill(&self) {
        let full = fs::write(self.0.path("disk/filler"), vec![1; 64 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = run(command("umount", &self.0.path("home")).arg("--lazy").arg(self.0.path("disk")));
    }
}

#[test]
fn a_full_disk_has_room_for_the_audit_and_then_for_a_pause() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(&world) else {
        return missing_peer("a_full_disk_has_room_for_the_audit_and_then_for_a_pause", "root and tmpfs");
    };
    world.bare("disk/site.git", &[]);
    std::os::unix::fs::symlink("disk/site.git", world.path("site.git")).unwrap();
    world.git(".", &["clone", "--quiet", "site.git", "dev"]).ok();
    world.git("dev", &["checkout", "--quiet", "-B", "main"]).ok();
    world.commit("dev", "page", "1");
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.git("site.git", &["config", "cairn.hookBudget", "60s"]).ok();
    world.cairn("site.git", &["setup", "--store", world.path("store").to_str().unwrap()]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main", "main:one", "main:two"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    let reserve = world.path("site.git/cairn/audit.reserve");
    let left = || fs::metadata(&reserve).unwrap().len();
    // It needs no objects, and so no room of git's.
    let refused = || world.git("dev", &["push", "origin", "main:refs/tags/live_9"]).exits(1);
    disk.fill();
    let before = (lines(&world).len(), left());
    let pushes = (1..20).find(|_| refused().says("is the mark of a deployment").stderr.is_empty() || left() == 0);
    assert_eq!(lines(&world).len(), before.0 + pushes.unwrap(), "the reserve of {} bytes was used", before.1);
    disk.fill();
    let cannot = "warning: the audit cannot be written";
    assert!((1..20).any(|_| refused().stderr.contains(cannot)), "the last page has room for some lines only");
    let refused = world.git("dev", &["push", "origin", ":two"]).exits(1);
    refused.says("error: what this push drops cannot be kept").says("No space left").says("git cairn guard pause");
    let refused = world.git("dev", &["push", "origin", "main:four"]).exits(1);
    refused.says("error: the audit cannot be written").says("No space left").says("git cairn guard pause");
    world.cairn("site.git", &["guard", "pause", "--for", "10m", "--reason", "the disk is full"]).ok();
    world.git("dev", &["push", "origin", ":two"]).ok().says("the guard is paused until").says("the disk is full");
    fs::remove_file(world.path("disk/filler")).unwrap();
    world.git("dev", &["push", "--quiet", "origin", "main:three"]).ok();
    assert!(left() > 0, "the reserve is there again");
    verify(&world).ok();
    world.cairn("site.git", &["worker", "--once"]);
}
