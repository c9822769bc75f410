//! Cases of what pushes drop that need both sides: the host's guard, and the commands of a clone.

use crate::support::{Ran, World, host, host_with, missing_peer, run};
use serde_json::Value;

fn rescues(world: &World) -> Vec<Value> {
    world.cairn("site.git", &["rescue", "list", "--json"]).ok().json()["rescues"].as_array().unwrap().clone()
}

fn below(world: &World, folder: &str) -> usize {
    world.git("site.git", &["for-each-ref", &format!("refs/cairn/{folder}")]).ok().stdout.lines().count()
}

/// Puts main back as a developer does: plan, then exactly that plan.
#[track_caller]
fn reset(world: &World, to: &str) -> Ran {
    let words = ["reset", to, "--overwrite-history"];
    let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    world.cairn("dev", &[&words[..], &["--confirm", plan["plan_id"].as_str().unwrap()]].concat())
}

/// A second commit on main, which is pushed; returns the first and it.
fn two(world: &World) -> [String; 2] {
    let base = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "bad");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    [base, bad]
}

/// Case 51: a host that takes no push options cannot be told what is meant.
#[test]
pub fn case_51_a_host_without_push_options_is_named_as_such_and_nothing_is_changed() {
    let world = host();
    let [base, bad] = two(&world);
    world.git("site.git", &["config", "receive.advertisePushOptions", "false"]).ok();
    let said = reset(&world, &base).exits(6);
    let there = format!("git -C {} cairn setup", std::fs::canonicalize(world.path("site.git")).unwrap().display());
    said.says("the host takes no push options").says("where you may log in: ").says(&format!("{there}\n"));
    assert_eq!((world.tip("site.git", "main"), world.tip("dev", "main")), (bad.clone(), bad));
    let fix = world.cairn("site.git", &["doctor"]).exits(1);
    assert!(fix.stdout.contains("receive.advertisePushOptions true"), "{}", fix.stdout);
    run(world.in_folder(".", "sh").args(["-c", &there])).ok();
    reset(&world, &base).ok();
    assert_eq!(world.tip("site.git", "main"), base);
}

/// Case 62: nothing in the clone remembers that the host had what it dropped, so only the host can say it.
#[test]
pub fn case_62_who_catches_up_brings_only_their_own_though_only_the_host_knows_what_was_dropped() {
    let world = host();
    let [base, bad] = two(&world);
    let last = world.commit("dev", "page", "worse");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    // Bob has the first of what is dropped, the second never came here, and his merge.
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    world.git("bob", &["reset", "--quiet", "--hard", &bad]).ok();
    world.commit("bob", "mine", "bob's");
    world.announced("main", Some(&base)).ok();
    world.git("dev", &["reset", "--quiet", "--hard", &base]).ok();
    world.commit("dev", "other", "good");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git("bob", &["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]).ok();
    std::fs::remove_dir_all(world.path("bob/.git/logs")).unwrap();
    world.git("bob", &["push", "origin", "main"]).exits(1).says("dropped on purpose");
    let before = world.refs("site.git");
    let plan = world.cairn("bob", &["catch-up", "--push", "--plan", "--json"]).ok().json();
    let subjects: Vec<_> = plan["commits"].as_array().unwrap().iter().map(|one| one["subject"].clone()).collect();
    assert_eq!(subjects, ["mine: bob's"]);
    assert_eq!(world.refs("site.git"), before, "a question changes nothing");
    world.git("bob", &["branch", "by-git", "main^1"]).ok();
    world.cairn("bob", &["catch-up", "--push", "--yes"]).ok();
    world.git("bob", &["rebase", "--quiet", "--onto", "origin/main~1", &bad, "by-git"]).ok();
    assert_eq!(world.tip("site.git", "main^{tree}"), world.tip("bob", "by-git^{tree}"));
    for dropped in [&bad, &last] {
        world.git("site.git", &["merge-base", "--is-ancestor", dropped, "main"]).exits(1);
    }
    assert_eq!(below(&world, "ban"), 1);
}

/// Case 65.
#[test]
pub fn case_65_a_reverted_merge_brings_nothing_again_until_its_revert_is_reverted() {
    let world = host();
    world.merged_topic("dev");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let merged = world.tip("dev", "main^{tree}");
    let merge = world.tip("dev", "main");
    let plan = world.cairn("dev", &["revert", &merge, "-m", "1", "--plan", "--json"]).ok().json();
    let warned = plan["warnings"].as_array().unwrap().iter().find(|one| one["code"] == "merge-reverted");
    assert!(warned.unwrap()["text"].as_str().unwrap().contains("revert this revert first"), "{plan}");
    world.cairn("dev", &["revert", &merge, "-m", "1", "--yes"]).ok();
    assert!(!world.path("dev/topic").exists());
    let again = world.git("dev", &["merge", "topic"]).ok();
    assert_eq!(again.out(), "Already up to date.");
    world.cairn("dev", &["revert", "HEAD", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "main^{tree}"), merged);
}

/// Case 68, but for the time it takes, which `benches/against_git` measures: what was dropped before costs no process more.
#[test]
pub fn case_68_however_much_was_dropped_before_a_push_starts_no_process_more() {
    let world = host();
    let [base, bad] = two(&world);
    world.announced("main", Some(&base)).ok();
    world.git("dev", &["reset", "--quiet", "--hard", &base]).ok();
    let trace = world.path("trace");
    let body = format!("export GIT_TRACE={}; exec hooks/real-pre-receive \"$@\"", trace.display());
    world.wrap_hook("site.git", "pre-receive", &body);
    let mut pushed = 0;
    let mut started = |refspec: &str| {
        pushed += 1;
        world.commit("dev", "page", &format!("pushed {pushed}"));
        world.git("dev", &["push", "--quiet", "origin", refspec]).ok();
        // Where no process was started nothing was traced.
        let text = std::fs::read_to_string(&trace).unwrap_or_default();
        let _ = std::fs::remove_file(&trace);
        text.lines().filter(|line| line.contains("process.rs")).count()
    };
    let few = [started("main"), started("main:refs/heads/one")];
    let tag = world.git("site.git", &["for-each-ref", "--format=%(objectname)", "refs/cairn/rescue"]).ok();
    let tag = tag.out().to_owned();
    let many: String = (0..1000)
        .map(|n| {
            let ban =
                if n < 500 { format!("create refs/cairn/ban/20200101-{n}/{n:040x} {tag}\n") } else { String::new() };
            format!("create refs/cairn/rescue/20200101-{n} {tag}\n{ban}")
        })
        .collect();
    world.feed("site.git", &["update-ref", "--stdin"], many.as_bytes());
    assert_eq!([started("main"), started("main:refs/heads/two")], few);
    std::fs::remove_file(world.path("site.git/hooks/pre-receive")).unwrap();
    std::fs::rename(world.path("site.git/hooks/real-pre-receive"), world.path("site.git/hooks/pre-receive")).unwrap();
    world.git("dev", &["push", "origin", &format!("{bad}:refs/heads/again")]).exits(1).says("dropped on purpose");
}

/// Case 69: also while it is not known yet what became of a push.
#[test]
pub fn case_69_collections_and_packed_references_disturb_nothing() {
    for format in ["files", "reftable"] {
        let with = format!("--ref-format={format}");
        // A git that knows no other format makes files without being told.
        let words: &[&str] = if format == "reftable" { &[&with] } else { &[] };
        if World::new().git(".", &[&["init", "--quiet"], words, &["probe"]].concat()).code != 0 {
            missing_peer("case 69 with a reftable", "a git that knows it");
            continue;
        }
        let world = host_with(words, &[]);
        let [base, bad] = two(&world);
        world.wrap_hook("site.git", "post-receive", "cat >/dev/null");
        world.announced("main", Some(&base)).ok();
        assert_eq!(below(&world, "pending"), 1);
        for words in [&["pack-refs", "--all"][..], &["gc", "--quiet", "--prune=now"], &["repack", "-a", "-d", "-q"]] {
            world.git("site.git", words).ok();
        }
        world.git("dev", &["push", "--quiet", "origin", &format!("{base}:refs/heads/next")]).ok();
        assert_eq!((below(&world, "rescue"), below(&world, "pending"), below(&world, "ban")), (1, 0, 1));
        world.git("site.git", &["pack-refs", "--all"]).ok();
        world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
        world.git("dev", &["push", "origin", &format!("{bad}:refs/heads/again")]).exits(1).says("dropped on purpose");
        world.cairn("site.git", &["rescue", "recover", rescues(&world)[0]["id"].as_str().unwrap()]).ok();
        world.health("site.git");
    }
}

/// Case 70.
#[test]
pub fn case_70_what_an_operator_changes_without_a_push_is_named_and_backed_up() {
    let world = host();
    let [base, _] = two(&world);
    world.git("dev", &["push", "--quiet", "origin", "main:gone", "main:refs/tags/v1"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    let changed = || {
        let document = world.cairn("site.git", &["doctor", "--json"]).json();
        let found = document["checks"].as_array().unwrap().iter().find(|check| check["name"] == "changed").cloned();
        found.unwrap()
    };
    assert_eq!(changed()["level"], "ok");
    world.git("site.git", &["update-ref", "refs/heads/main", &base]).ok();
    world.git("site.git", &["branch", "-D", "gone"]).ok();
    world.git("site.git", &["tag", "-d", "v1"]).ok();
    let said = changed();
    assert_eq!(said["level"], "warning");
    for name in ["refs/heads/main", "refs/heads/gone", "refs/tags/v1"] {
        assert!(said["text"].as_str().unwrap().contains(name), "{said}");
    }
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(changed()["level"], "ok");
    // Whoever pushes next meets what stands there now, not what stood there.
    world.git("dev", &["push", "origin", "main"]).ok();
}

/// Case 73.
#[test]
pub fn case_73_what_live_stands_on_is_named_and_stays_and_going_back_is_a_rollback() {
    let world = host();
    let base = world.tip("dev", "main");
    let bad = world.deployed("live", "bad");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let words = ["reset", &base, "--overwrite-history", "--plan", "--json"];
    let plan = world.cairn("dev", &words).ok().json();
    let live = plan["contained_in"].as_array().unwrap().iter().find(|one| one["environment"] == "live").cloned();
    assert_eq!(live.unwrap()["id"], bad);
    reset(&world, &base).ok();
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    assert_eq!((world.tip("site.git", "live"), world.tip("site.git", "live_1^{commit}")), (bad.clone(), bad.clone()));
    world.cairn("dev", &["deploy", "live", &base, "--yes"]).ok();
    let newest = world.deployments("site.git", &["live"])[0].clone();
    assert_eq!((&newest["commit"], &newest["rollback"]), (&base.into(), &true.into()));
    world.cairn("dev", &["rollback", "live", "live_1", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "live"), bad);
}

/// A reset that `git cairn undo` takes back is made again, and again: each time what it drops is banned, and free when it is back.
#[test]
pub fn a_reset_that_is_undone_is_made_again() {
    let world = host();
    let [base, bad] = two(&world);
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    for round in 0..2 {
        reset(&world, &base).ok();
        assert_eq!((world.tip("site.git", "main"), below(&world, "ban")), (base.clone(), 1), "round {round}");
        assert_eq!(world.tip("dev", "main"), base);
        world.git("bob", &["push", "origin", &format!("{bad}:refs/heads/bob")]).exits(1);
        world.cairn("dev", &["undo", "--yes"]).ok();
        assert_eq!((world.tip("site.git", "main"), below(&world, "ban")), (bad.clone(), 0), "round {round}");
        assert_eq!(world.tip("dev", "main"), bad);
        world.git("bob", &["push", "--quiet", "origin", &format!("{bad}:refs/heads/bob")]).ok();
        world.git("bob", &["push", "--quiet", "origin", ":bob"]).ok();
    }
    assert_eq!(below(&world, "pending"), 0);
}

/// Environments go back and forth as they must, whatever the branch people develop on drops.
#[test]
pub fn a_rollback_and_forward_again_are_never_in_the_way() {
    let world = host();
    let one = world.deployed("live", "first");
    let two = world.deployed("live", "second");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    // Main drops what live stands on, and live goes there all the same.
    reset(&world, &one).ok();
    for _ in 0..2 {
        world.cairn("dev", &["rollback", "live", "live_1", "--yes"]).ok();
        assert_eq!(world.tip("site.git", "live"), one);
        world.cairn("dev", &["rollback", "live", "live_2", "--yes"]).ok();
        assert_eq!(world.tip("site.git", "live"), two);
    }
    assert_eq!(below(&world, "ban"), 0, "what a visible branch reaches is never banned");
}
