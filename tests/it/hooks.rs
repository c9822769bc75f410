//! What pushes leave behind: jobs that outlive any failure, workers that hold nobody, and what the pusher reads.

use crate::support::{GIT_CAIRN, Ran, World, host, host_with, missing_peer, run, until};
use std::collections::BTreeSet;
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Puts a file where the store is, so that no backup can be made; the store itself waits beside it.
fn break_store(world: &World) {
    std::fs::rename(world.path("site.cairn"), world.path("away")).unwrap();
    std::fs::write(world.path("site.cairn"), "").unwrap();
}

fn mend_store(world: &World) {
    std::fs::remove_file(world.path("site.cairn")).unwrap();
    std::fs::rename(world.path("away"), world.path("site.cairn")).unwrap();
}

/// A push leaves a tip unpinned that the store already holds. Though the branch goes, git collects it, and a new chain is begun
/// without it, the job that waits finds it in the older chain.
#[test]
fn what_only_an_older_chain_holds_is_there_for_a_job_that_waited() {
    let world = host();
    world.commit("dev", "topic", "of a branch that goes");
    world.git("dev", &["push", "--quiet", "origin", "HEAD:topic"]).ok();
    world.git("dev", &["reset", "--quiet", "--hard", "HEAD~1"]).ok();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    break_store(&world);
    world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok().says("warning: ");
    let then = world.refs("site.git");
    mend_store(&world);
    let topic = world.tip("site.git", "topic");
    // A push that cannot see what is stored pins all it names; let go, as if it had seen that this one is.
    for pin in pins(&world).lines().filter_map(|line| line.split('\t').nth(1)) {
        world.git("site.git", &["update-ref", "-d", pin]).ok();
    }
    world.git("site.git", &["update-ref", "-d", "refs/heads/topic"]).ok();
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    assert_ne!(world.git("site.git", &["cat-file", "-e", &topic]).code, 0, "git collected it");
    // Without its proof the newest segment is nothing to build upon.
    let newest = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    std::fs::remove_file(world.path(&format!("site.cairn/site/code/{newest}.proof.json"))).unwrap();
    world.cairn("site.git", &["backup", "create"]).ok();
    let made = world.cairn("site.git", &["worker", "--once"]).ok().stdout;
    let waited = made.lines().next().unwrap();
    world.cairn(".", &["restore", waited, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.refs("back.git"), then);
    world.health("back.git");
}

/// Holds the lock of whoever writes the store, as a long backup does.
fn long_backup(world: &World) -> File {
    let lock = File::options().write(true).open(world.path("site.git/cairn/snapshot.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

fn pins(world: &World) -> String {
    world.git("site.git", &["for-each-ref", "refs/cairn/pin/"]).ok().stdout
}

/// What the host said to the pusher, without what git puts around it.
fn heard(pushed: &Ran) -> Vec<String> {
    let lines = pushed.stderr.lines().filter_map(|line| line.strip_prefix("remote: "));
    lines.map(|line| line.trim_end().to_owned()).collect()
}

#[track_caller]
fn is_short_and_colored(pushed: &Ran) {
    let lines = heard(pushed);
    assert!(!lines.is_empty(), "{}", pushed.stderr);
    for line in &lines {
        let words = ["success: ", "hint: ", "warning: ", "error: "];
        assert!(words.iter().any(|word| line.starts_with(word)), "{line:?}");
    }
    assert!(lines.iter().map(|line| line.len() + 1).sum::<usize>() < 8 * 1024);
}

/// Returns the id that a backup has of a reference.
fn ref_in(world: &World, backup: &str, name: &str) -> Option<String> {
    let shown = world.cairn("site.git", &["backup", "show", backup, "--json"]).ok().json();
    let list = shown["backup"]["ref_list"].as_array().unwrap();
    list.iter().find(|one| one["name"] == name).map(|one| one["id"].as_str().unwrap().to_owned())
}

#[track_caller]
fn backups_are_whole(world: &World) {
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
}

/// As git runs them behind sshd or a daemon.
#[test]
fn hooks_need_nothing_of_the_environment_but_a_short_path() {
    let world = host();
    world.commit("dev", "page", "2");
    let mut push = Command::new("git");
    push.env_clear().env("PATH", "/usr/bin:/bin").current_dir(world.path("dev"));
    let pushed = run(push.args(["push", "origin", "main", "main:live"])).ok().says("live_1").says("success: backup ");
    is_short_and_colored(&pushed);
    assert_eq!(ref_in(&world, "live_1", "refs/heads/main"), Some(world.tip("dev", "main")));
}

#[test]
fn variables_that_bind_git_to_the_pushed_repository_do_not_mislead_us() {
    let world = host();
    world.bare("other.git", &[]);
    world.commit("dev", "page", "2");
    let odd = world.path("other.git/config").display().to_string();
    let mut push = world.in_folder("dev", "git");
    push.env("GIT_CONFIG_GLOBAL", odd).env("GIT_TRACE", "0").env("LANG", "de_DE.UTF-8").env("LC_ALL", "C.UTF-8");
    run(push.args(["push", "origin", "main:live"])).ok().says("live_1").says("success: backup ");
    assert!(world.git("other.git", &["for-each-ref"]).ok().out().is_empty());
}

#[test]
fn every_push_is_backed_up_by_default() {
    let world = host();
    let tip = world.commit("dev", "page", "2");
    is_short_and_colored(&world.git("dev", &["push", "origin", "main:topic"]).ok().says("read back and verified"));
    let list = world.backups("site.git");
    assert_eq!((&list[0]["initiator"], &list[0]["environment"]), (&"automatic".into(), &"dev".into()));
    assert_eq!(ref_in(&world, list[0]["id"].as_str().unwrap(), "refs/heads/topic"), Some(tip));
}

#[test]
fn with_deployments_only_an_ordinary_push_leaves_nothing_behind() {
    let world = host();
    world.git("site.git", &["config", "cairn.snapshot", "deployments"]).ok();
    world.commit("dev", "page", "2");
    let pushed = world.git("dev", &["push", "origin", "main"]).ok();
    assert!(heard(&pushed).is_empty(), "{}", pushed.stderr);
    world.cairn("site.git", &["worker", "--once", "--detached"]).ok();
    assert_eq!(world.backups("site.git").len(), 1);
    world.git("dev", &["push", "origin", "main:live"]).ok().says("success: backup ");
    assert_eq!(world.backups("site.git")[0]["tag"], "live_1");
}

#[test]
fn a_backup_longer_than_the_budget_goes_on_without_the_pusher() {
    let world = host();
    world.git("site.git", &["config", "cairn.hookBudget", "0s"]).ok();
    let tip = world.commit("dev", "page", "2");
    // As long as this is held, a push that waited for the worker would never end.
    let held = long_backup(&world);
    let pushed = world.git("dev", &["push", "origin", "main:live"]).ok();
    is_short_and_colored(&pushed);
    pushed.says("live_1").says("hint: the backup goes on without you");
    assert_eq!(world.backups("site.git").len(), 1);
    drop(held);
    until("the worker that the push left makes the backup", || world.backups("site.git").len() == 2);
    assert_eq!(ref_in(&world, "live_1", "refs/heads/live"), Some(tip));
}

#[test]
fn a_backup_is_of_the_instant_of_its_push_however_late_it_is_made() {
    let world = host();
    world.git("site.git", &["config", "cairn.hookBudget", "0s"]).ok();
    let held = long_backup(&world);
    let mut pushed = vec![];
    for n in ["2", "3", "4"] {
        pushed.push(world.commit("dev", "page", n));
        world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    }
    drop(held);
    world.cairn("site.git", &["worker", "--once"]).ok();
    for (n, commit) in pushed.into_iter().enumerate() {
        let tag = format!("live_{}", n + 1);
        assert_eq!(ref_in(&world, &tag, "refs/heads/live"), Some(commit));
        assert_eq!(ref_in(&world, &tag, &format!("refs/tags/live_{}", n + 2)), None);
    }
}

/// git 2.55 hands its own standard error down to its hooks as a fifth descriptor. Whoever pushes waits for its end.
#[test]
fn a_worker_that_goes_on_keeps_nothing_that_git_handed_down() {
    let world = host();
    world.git("site.git", &["config", "cairn.hookBudget", "0s"]).ok();
    world.wrap_hook("site.git", "post-receive", "exec 5>&2 \"${0%/*}/real-post-receive\" \"$@\"");
    let held = long_backup(&world);
    world.commit("dev", "page", "2");
    let push = ["120", "git", "push", "--quiet", "origin", "main:live"];
    run(world.in_folder("dev", "timeout").args(push)).ok().says("live_1");
    drop(held);
}

#[test]
fn a_worker_that_finds_another_at_work_waits_as_long_as_it_is_told() {
    let world = host();
    let held = long_backup(&world);
    world.cairn("site.git", &["worker", "--once", "--wait", "0s"]).exits(11).says("another git-cairn holds");
    drop(held);
    world.cairn("site.git", &["worker", "--once", "--wait", "0s"]).ok();
}

#[test]
fn where_no_backup_can_be_made_the_push_passes_and_the_job_stays() {
    let world = host();
    break_store(&world);
    let tip = world.commit("dev", "page", "2");
    let pushed = world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1");
    is_short_and_colored(&pushed);
    pushed.says("warning: the backup could not be made: ").says("hint: it stays queued");
    let stuck = world.cairn("site.git", &["worker", "--once", "--json"]).exits(13);
    assert_eq!(stuck.json()["schema"], 1);

    mend_store(&world);
    let made = world.cairn("site.git", &["worker", "--once"]).ok();
    let newest = &world.backups("site.git")[0];
    assert_eq!((made.out(), &newest["tag"]), (newest["id"].as_str().unwrap(), &"live_1".into()));
    assert_eq!(ref_in(&world, "live_1", "refs/heads/live"), Some(tip));
    assert!(world.cairn("site.git", &["worker", "--once"]).ok().out().is_empty(), "nothing waits any more");
}

#[test]
fn the_next_push_takes_up_what_waits() {
    let world = host();
    break_store(&world);
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    mend_store(&world);
    world.commit("dev", "page", "3");
    world.git("dev", &["push", "origin", "main:live"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    let list = world.backups("site.git");
    let tags: Vec<_> = list.iter().map(|one| one["tag"].as_str().unwrap_or("-")).collect();
    assert_eq!(tags, ["live_2", "live_1", "-"]);
}

/// A disk of its own for backups that is not mounted: its folder must not be made on the disk below.
#[test]
fn a_store_whose_folder_is_gone_stops_no_push() {
    let world = World::new();
    world.bare("site.git", &[]);
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.git("site.git", &["config", "cairn.hookBudget", "60s"]).ok();
    std::fs::create_dir(world.path("disk")).unwrap();
    let store = world.path("disk/backups/cairn").display().to_string();
    world.cairn("site.git", &["setup", "--store", &store]).ok();
    std::fs::rename(world.path("disk"), world.path("unplugged")).unwrap();
    std::fs::write(world.path("disk"), "").unwrap();
    world.git(".", &["clone", "--quiet", "site.git", "dev"]).ok();
    world.commit("dev", "page", "1");
    is_short_and_colored(&world.git("dev", &["push", "origin", "HEAD:main"]).ok().says("warning: "));

    std::fs::remove_file(world.path("disk")).unwrap();
    std::fs::rename(world.path("unplugged"), world.path("disk")).unwrap();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(world.backups("site.git").len(), 2);
}

#[test]
fn too_little_room_is_said_and_the_job_stays() {
    let world = host();
    world.git("site.git", &["config", "cairn.reserve", "1000TiB"]).ok();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1").says("cairn.reserve keeps");
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(world.backups("site.git")[0]["tag"], "live_1");
}

#[test]
fn a_setting_of_backups_that_makes_no_sense_stops_neither_push_nor_tag() {
    let world = host();
    world.git("site.git", &["config", "cairn.hookBudget", "soon"]).ok();
    world.git("dev", &["push", "origin", "main:live"]).ok().says("warning: cairn.hookBudget").says("live_1");
    world.git("site.git", &["config", "cairn.hookBudget", "60s"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(world.backups("site.git")[0]["tag"], "live_1");
}

#[test]
fn a_setting_the_guard_needs_and_cannot_read_refuses_the_push() {
    let world = host();
    world.git("site.git", &["config", "cairn.tagTemplate", "{env}{n}"]).ok();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main"]).exits(1).says("error: cairn.tagTemplate");
}

/// The job pins what it is of: neither a forced push nor git's own collection takes it away.
#[test]
fn what_a_waiting_backup_needs_outlives_a_forced_push_and_a_collection() {
    let world = host();
    let base = world.tip("dev", "main");
    break_store(&world);
    let lost = world.commit("dev", "page", "overwritten soon");
    world.git("dev", &["push", "--quiet", "origin", "main:topic", "main:live"]).ok();
    world.git("dev", &["push", "--quiet", "--force", "origin", &format!("{base}:topic")]).ok();
    world.announced("live", None).ok();
    world.git("site.git", &["tag", "-d", "live_1"]).ok();
    // Nor is it the rescue of what was dropped that keeps it.
    for name in world.git("site.git", &["for-each-ref", "--format=%(refname)", "refs/cairn/rescue"]).ok().stdout.lines()
    {
        world.git("site.git", &["update-ref", "-d", name]).ok();
    }
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    assert!(!world.git("site.git", &["for-each-ref"]).ok().stdout.contains("refs/tags"));

    mend_store(&world);
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(ref_in(&world, "live_1", "refs/heads/topic"), Some(lost.clone()));
    assert_eq!(pins(&world), "");
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    world.git("site.git", &["cat-file", "-e", &lost]).exits(1);
    backups_are_whole(&world);
    world.cairn("site.git", &["restore", "live_1", "--to", "../back.git", "--bare"]).ok();
    assert_eq!(world.tip("back.git", "topic"), lost);
    assert_eq!(world.tip("back.git", "live_1^{commit}"), lost);
}

#[test]
fn pins_are_in_no_backup_and_go_when_their_job_is_done() {
    let world = host();
    break_store(&world);
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    assert!(pins(&world).contains("refs/cairn/pin/"));
    mend_store(&world);
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(pins(&world), "");
    for backup in world.backups("site.git") {
        let shown = world.cairn("site.git", &["backup", "show", backup["id"].as_str().unwrap()]).ok();
        assert!(!shown.stdout.contains("refs/cairn"), "{}", shown.stdout);
    }
}

#[test]
fn a_pin_whose_job_never_came_to_be_is_swept() {
    let world = host();
    let tip = world.tip("site.git", "main");
    world.git("site.git", &["update-ref", "refs/cairn/pin/0123456789abcdef/0", &tip]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(pins(&world), "");
}

#[test]
fn what_a_killed_worker_left_half_written_is_swept() {
    let world = host();
    let site = world.path("site.cairn/site");
    let id = "20200101-000000-0000";
    std::fs::write(site.join(format!("intents/{id}.json")), "{}").unwrap();
    std::fs::create_dir(site.join("backups").join(id)).unwrap();
    let left = [format!("backups/{id}"), "code".into(), "intents".into(), ".".into(), "..".into()];
    let left = left.map(|folder| site.join(folder).join(".cairn-tmp-0123456789abcdef"));
    for path in &left {
        std::fs::write(path, "half").unwrap();
    }
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
    assert_eq!(world.backups("site.git").len(), 1);
}

/// Killed at any moment, the worker leaves no damage, and the next one finishes: one backup for each job.
#[test]
fn a_worker_killed_at_any_moment_leaves_no_damage_and_no_job_behind() {
    const JOBS: usize = 6;
    let world = host();
    break_store(&world);
    let mut pushed = BTreeSet::new();
    for n in 0..JOBS {
        pushed.insert(world.commit("dev", "page", &format!("{n}")));
        world.git("dev", &["push", "--quiet", "origin", "main:live"]).ok();
    }
    mend_store(&world);
    let git_dir = world.path("site.git");
    // From before it has opened the database to somewhere in the middle of its work.
    for delay in (0..12).map(|n| Duration::from_millis(4 + n * 23)) {
        let mut worker = world.in_folder(".", GIT_CAIRN);
        worker.arg("--git-dir").arg(&git_dir).args(["worker", "--once"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut worker = worker.spawn().unwrap();
        std::thread::sleep(delay);
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    world.cairn("site.git", &["worker", "--once"]).ok();

    let list = world.backups("site.git");
    let made: Vec<_> = list.iter().filter(|one| one["initiator"] == "deployment").collect();
    assert_eq!(made.len(), JOBS);
    let commits: BTreeSet<_> = made.iter().map(|one| one["commit"].as_str().unwrap().to_owned()).collect();
    assert_eq!(commits, pushed);
    assert_eq!(pins(&world), "");
    backups_are_whole(&world);
    world.git("site.git", &["fsck", "--full", "--strict"]).ok();
    let left: Vec<_> = [world.listing("site.cairn"), world.listing("site.git/cairn")].concat();
    let left: Vec<_> = left.iter().map(|(path, ..)| path.display().to_string()).collect();
    let left: Vec<_> = left.iter().filter(|path| path.contains("cairn-tmp-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn however_many_references_are_refused_the_pusher_reads_a_few_lines() {
    let world = host();
    let tip = world.tip("dev", "main");
    let long = "x".repeat(180);
    let many: String =
        (1..400).map(|n| format!("create refs/tags/live_{n} {tip}\ncreate refs/tags/{long}{n} {tip}\n")).collect();
    std::fs::write(world.path("many"), many).unwrap();
    let input = File::open(world.path("many")).unwrap();
    run(world.in_folder("dev", "git").args(["update-ref", "--stdin"]).stdin(input)).ok();
    let pushed = world.git("dev", &["push", "origin", "--tags"]).exits(1);
    is_short_and_colored(&pushed);
    assert!(heard(&pushed).len() <= 12, "{:?}", heard(&pushed));
    assert!(world.git("site.git", &["tag"]).ok().out().is_empty());
}

#[test]
fn a_long_note_and_a_failing_store_do_not_make_the_hook_long_winded() {
    let world = host();
    break_store(&world);
    let note = format!("cairn.note={}", "long ".repeat(10_000));
    let pushed = world.git("dev", &["push", "-o", &note, "origin", "main:live", "main:test"]).ok();
    is_short_and_colored(&pushed);
    mend_store(&world);
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert!(world.backups("site.git")[0]["note"].as_str().unwrap().len() < 5000);
}

/// A client that went away reads nothing: the hook must neither hang nor fail over it.
#[test]
fn a_hook_whose_listener_has_gone_does_its_work() {
    let world = host();
    world.wrap_hook("site.git", "post-receive", "exec hooks/real-post-receive \"$@\" 2>&-");
    world.git("dev", &["push", "origin", "main:live"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(world.backups("site.git")[0]["tag"], "live_1");
}

/// References that a front end would never make, and a backup holds all the same.
fn odd_references(world: &World) {
    let tip = world.tip("site.git", "main");
    world.git("site.git", &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]).ok();
    world.git("site.git", &["update-ref", "refs/notes/x", &tip]).ok();
    world.git("site.git", &["update-ref", "refs/odd/\"quoted\"", &tip]).ok();
}

/// The whole round in a repository of this kind: push, deploy, roll back, and everything back from the store.
fn whole_round(world: &World) {
    odd_references(world);
    let one = world.tip("dev", "main");
    world.cairn("dev", &["deploy", "test", "--yes"]).ok().says("test_1");
    world.cairn("dev", &["deploy", "live", "--yes"]).ok().says("live_1");
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main", "main:live"]).ok().says("live_2").says("success: backup ");
    world.cairn("dev", &["rollback", "live", "--yes"]).ok().says("live_3");
    world.git("site.git", &["symbolic-ref", "refs/heads/prod", "refs/heads/live"]).ok();
    world.git("dev", &["push", "origin", "main:prod"]).ok().says("live_4");
    world.git("dev", &["push", "origin", ":refs/tags/live_1"]).exits(1).says("error: ");
    assert_eq!(world.tip("site.git", "live_3^{commit}"), one);
    backups_are_whole(world);
    assert_eq!(pins(world), "");

    let before = world.identity("site.git");
    std::fs::rename(world.path("site.git"), world.path("lost.git")).unwrap();
    world.cairn(".", &["restore", "live_4", "--store", "site.cairn", "--to", "site.git", "--bare"]).ok();
    assert_eq!(world.identity("site.git"), before);
}

#[test]
fn references_in_files_make_the_whole_round() {
    whole_round(&host());
}

#[test]
fn references_in_a_reftable_make_the_whole_round() {
    if World::new().git(".", &["init", "--quiet", "--ref-format=reftable", "probe"]).code != 0 {
        return missing_peer("the whole round with a reftable", "a git that knows reftables");
    }
    whole_round(&host_with(&["--ref-format=reftable"], &[]));
}

#[test]
fn ids_of_sha_256_make_the_whole_round() {
    whole_round(&host_with(&["--object-format=sha256"], &[]));
}
