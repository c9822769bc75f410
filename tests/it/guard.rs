//! What a push may do, through the real hook: the verdict, what a refusal says, what an announcement permits.

use crate::support::{Ran, World, host, host_with};
use serde_json::Value;

/// Reads the one line for programs.
#[track_caller]
pub fn document(said: &Ran) -> Value {
    let mut lines =
        said.stderr.lines().filter_map(|line| line.trim_start_matches("remote: ").strip_prefix("hint: cairn "));
    let line = lines.next().unwrap_or_else(|| panic!("no document in:\n{}", said.stderr));
    assert!(line.trim_end().len() < 4096 && lines.next().is_none());
    serde_json::from_str(line.trim_end()).unwrap()
}

/// The host with three commits on main, each with a subject of its own; returns them, oldest first.
fn three() -> (World, Vec<String>) {
    three_of(host())
}

fn three_of(world: World) -> (World, Vec<String>) {
    let mut commits = vec![world.tip("dev", "main")];
    commits.extend(["2", "3"].map(|content| world.commit("dev", "page", content)));
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    (world, commits)
}

/// Case 53.
#[test]
pub fn case_53_a_forced_push_of_a_protected_branch_is_refused_and_says_what_it_would_cost() {
    let (world, commits) = three();
    let before = world.refs("site.git");
    world.deployed("live", "4");
    let live = world.tip("site.git", "live");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let refs = world.refs("site.git");
    let said = world.git("dev", &["push", "--force", "origin", &format!("{}:main", commits[0])]).exits(1);
    assert_eq!(world.refs("site.git"), refs);
    assert_ne!(refs, before);
    let lines: Vec<_> = said.stderr.lines().filter(|line| line.starts_with("remote: ")).collect();
    assert!(lines.iter().all(|line| line.starts_with("remote: error: ") || line.starts_with("remote: hint: ")));
    for text in ["3 commits would be lost from main", "Dev: page: 4", "Dev: page: 2", "on them stands dev, live"] {
        assert!(said.stderr.contains(text), "{text} is not said in:\n{}", said.stderr);
    }
    let at = |text: &str| said.stderr.find(text).unwrap_or_else(|| panic!("{text} is not said in:\n{}", said.stderr));
    let steps = ["git pull --rebase origin main", "git cairn revert", "--as-commit", "--overwrite-history"];
    assert!(steps.windows(2).all(|two| at(two[0]) < at(two[1])), "{}", said.stderr);
    let document = document(&said);
    let one = &document["refs"][0];
    assert_eq!((&document["verdict"], &document["rule"]), (&"refused".into(), &"protected".into()));
    assert_eq!((&one["ref"], &one["lost"]), (&"refs/heads/main".into(), &3.into()));
    assert_eq!(one["commits"][0]["subject"], "page: 4");
    assert_eq!(one["environments"], serde_json::json!(["dev", "live"]));
    assert_eq!(one["option"], format!("cairn.rewind=refs/heads/main:{live}:{}", commits[0]));
}

/// Case 54: another old value, another new one, another reference, and the same again.
#[test]
pub fn case_54_an_announcement_permits_exactly_one_movement() {
    let (world, commits) = three();
    let zero = "0".repeat(40);
    let push =
        |option: &str, to: &str| world.git("dev", &["push", "--force", "-o", option, "origin", &format!("{to}:main")]);
    for option in [
        format!("cairn.rewind=refs/heads/main:{}:{}", commits[1], commits[0]),
        format!("cairn.rewind=refs/heads/main:{}:{}", commits[2], commits[1]),
        format!("cairn.rewind=refs/heads/main:{}:{zero}", commits[2]),
        format!("cairn.rewind=refs/heads/live:{}:{}", commits[2], commits[0]),
        format!("cairn.rewind=main:{}:{}", commits[2], commits[0]),
        "cairn.rewind=".into(),
    ] {
        push(&option, &commits[0]).exits(1).says("would go from");
    }
    assert_eq!(world.tip("site.git", "main"), commits[2]);
    let right = format!("cairn.rewind=refs/heads/main:{}:{}", commits[2], commits[0]);
    push(&right, &commits[0]).ok();
    assert_eq!(world.tip("site.git", "main"), commits[0]);
    // What stands there has changed: the same announcement is of no use any more.
    let named = format!("cairn.reintroduce={}", commits[1]);
    world.git("dev", &["push", "--quiet", "-o", &named, "origin", &format!("{}:main", commits[1])]).ok();
    push(&right, &commits[0]).exits(1);
}

/// Case 60.
#[test]
pub fn case_60_one_refused_reference_refuses_the_others_with_it() {
    let (world, commits) = three();
    world.git("dev", &["tag", "live_7"]).ok();
    let refs = world.refs("site.git");
    world.commit("dev", "page", "4");
    let said = world.git("dev", &["push", "origin", "main", "live_7"]).exits(1);
    said.says("refused only with it");
    world.git("dev", &["push", "origin", "+main~2:main", "main:topic"]).exits(1);
    assert_eq!(world.refs("site.git"), refs);
    assert_eq!(world.tip("site.git", "main"), commits[2]);
}

/// Case 52: a check says what the push would hear, and leaves nothing.
#[test]
pub fn case_52_a_check_answers_as_the_push_would_and_changes_nothing() {
    let (world, commits) = three();
    let new = world.commit("dev", "page", "4");
    let before = world.listing("site.git/objects");
    let refs = world.refs("site.git");
    let check =
        |words: &[&str]| world.git("dev", &[&["push", "-o", "cairn.check", "--force"], words].concat()).exits(1);
    let answer = document(&check(&["origin", "main"]));
    assert_eq!(
        (&answer["verdict"], &answer["rule"], &answer["check"]),
        (&"accepted".into(), &Value::Null, &true.into())
    );
    let rewind = format!("{}:main", commits[0]);
    let answer = document(&check(&["origin", &rewind]));
    assert_eq!((&answer["verdict"], &answer["rule"]), (&"refused".into(), &"protected".into()));
    let option = answer["refs"][0]["option"].as_str().unwrap().to_owned();
    let answer = document(&check(&["-o", &option, "origin", &rewind]));
    assert_eq!((&answer["verdict"], &answer["rescue"]), (&"accepted".into(), &true.into()));
    assert_eq!(world.refs("site.git"), refs);
    assert_eq!(world.listing("site.git/objects"), before);
    world.git("site.git", &["cat-file", "-e", &new]).exits(1);
}

#[test]
fn a_topic_branch_may_do_as_it_likes() {
    let (world, commits) = three();
    world.git("dev", &["push", "--quiet", "origin", "main:topic"]).ok();
    let said = world.git("dev", &["push", "--force", "origin", &format!("{}:topic", commits[0])]).ok();
    assert!(!said.stderr.contains("error:"), "{}", said.stderr);
    world.git("dev", &["push", "origin", ":topic"]).ok();
}

#[test]
fn a_guard_that_warns_lets_through_and_says_what_it_would_have_refused() {
    let (world, commits) = three();
    world.git("site.git", &["config", "cairn.guard", "warn"]).ok();
    let said = world.git("dev", &["push", "--force", "origin", &format!("{}:main", commits[0])]).ok();
    said.says("warning: the guard only warns");
    assert_eq!(world.tip("site.git", "main"), commits[0]);
}

#[test]
fn a_policy_that_cannot_be_understood_refuses_every_push() {
    let (world, _) = three();
    for (key, value) in [
        ("cairn.guard", "enfroce"),
        ("cairnProtect.refs/heads/main.rewind", "deny"),
        ("cairnProtect.refs/heads/main.rewnd", "refuse"),
        ("cairn.promote", "yes"),
        ("cairn.live.deploy", "never"),
    ] {
        world.git("site.git", &["config", key, value]).ok();
        world.commit("dev", "page", key);
        world.git("dev", &["push", "origin", "main"]).exits(1).says("error: cairn").says("hint: ");
        world.git("site.git", &["config", "--unset", key]).ok();
    }
    world.git("dev", &["push", "origin", "main"]).ok();
}

#[test]
fn a_policy_demands_more_or_less() {
    let (world, commits) = three();
    let set = |key: &str, value: &str| world.git("site.git", &["config", key, value]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main:release/1"]).ok();
    set("cairnProtect.refs/heads/release/*.rewind", "reason");
    let rewind = format!("cairn.rewind=refs/heads/release/1:{}:{}", commits[2], commits[1]);
    let refspec = format!("{}:release/1", commits[1]);
    world.git("dev", &["push", "-f", "-o", &rewind, "origin", &refspec]).exits(1).says("cairn.reason=<why>");
    world.git("dev", &["push", "-f", "-o", &rewind, "-o", "cairn.reason=a secret", "origin", &refspec]).ok();
    set("cairnProtect.refs/heads/release/*.delete", "refuse");
    world.git("dev", &["push", "origin", ":release/1"]).exits(1).says("no push may do that");
    set("cairnProtect.refs/heads/main.rewind", "allow");
    set("cairnProtect.refs/heads/main.by", "anna");
    let forced = ["push", "--force", "origin", &format!("{}:main", commits[1])];
    world.git("dev", &forced).exits(1).says("which only anna may");
    set("cairnProtect.refs/heads/main.by", "anna2");
    world.git("site.git", &["config", "--unset-all", "cairnProtect.refs/heads/main.by"]).ok();
    world.git("dev", &forced).ok();
}

#[test]
fn live_takes_in_order_only_what_test_has_had() {
    let (world, commits) = three();
    world.git("site.git", &["config", "cairn.promote", "in-order"]).ok();
    let side = world.commit("dev", "side", "x");
    let push = |commit: &str, to: &str| world.git("dev", &["push", "origin", &format!("{commit}:refs/heads/{to}")]);
    push(&side, "test").exits(1).says("test takes only what dev has had");
    push(&commits[1], "live").exits(1).says("live takes only what test has had");
    push(&commits[1], "test").ok();
    push(&commits[2], "test").ok();
    push(&commits[1], "live").ok();
    push(&commits[2], "live").ok();
    // Both at once, and back to what it had itself.
    world.git("dev", &["push", "origin", &format!("{side}:refs/heads/main"), &format!("{side}:refs/heads/test")]).ok();
    push(&side, "live").ok();
    world.cairn("dev", &["rollback", "live", "live_1", "--yes"]).ok();
}

#[test]
fn an_environment_that_takes_announced_deployments_alone_says_how() {
    let (world, _) = three();
    world.git("site.git", &["config", "cairn.test.deploy", "announced"]).ok();
    world.git("dev", &["push", "origin", "main:test"]).exits(1).says("git cairn deploy test");
    world.git("dev", &["push", "-o", "cairn.deploy=live", "origin", "main:test"]).exits(1);
    world.git("dev", &["push", "-o", "cairn.deploy=test", "origin", "main:test"]).ok();
    world.commit("dev", "page", "4");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    world.cairn("dev", &["rollback", "test", "--yes"]).ok();
}

#[test]
fn settings_of_git_that_would_refuse_later_are_named_first() {
    let (world, commits) = three();
    world.git("dev", &["push", "--quiet", "origin", "main:topic"]).ok();
    let set = |key: &str, value: &str| world.git("site.git", &["config", key, value]).ok();
    set("receive.denyNonFastForwards", "true");
    let forced = ["push", "--force", "origin", &format!("{}:topic", commits[0])];
    world.git("dev", &forced).exits(1).says("receive.denyNonFastForwards");
    set("receive.denyDeletes", "true");
    world.git("dev", &["push", "origin", ":topic"]).exits(1).says("receive.denyDeletes");
    set("receive.denyDeletes", "false");
    world.announced("main", None).exits(1).says("receive.denyDeleteCurrent");
    set("receive.denyDeleteCurrent", "ignore");
    world.announced("main", None).ok();
}

#[test]
fn a_mirror_push_is_recognized_and_gets_its_refspecs() {
    let (world, _) = three();
    world.commit("dev", "page", "4");
    world.git("dev", &["branch", "fresh"]).ok();
    let refs = world.refs("site.git");
    let said = world.git("dev", &["push", "--mirror", "origin"]).exits(1);
    assert_eq!(world.refs("site.git"), refs);
    said.says("this is git push --mirror").says("refs/heads/main:refs/heads/main").says("refs/heads/fresh:");
}

#[test]
fn the_guard_reads_a_reftable_and_follows_symbolic_references() {
    let formats: &[&[&str]] = &[&[], &["--object-format=sha256"], &["--ref-format=reftable"]];
    for format in formats {
        let probe = World::new();
        if probe.git(".", &[&["init", "--quiet"], *format, &["probe"]].concat()).code != 0 {
            crate::support::missing_peer("the guard with every format", "a git that knows this format");
            continue;
        }
        let (world, commits) = three_of(host_with(format, &[]));
        world.git("site.git", &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]).ok();
        // No worker of ours writes references beside what is asked here.
        world.git("site.git", &["config", "cairn.snapshot", "deployments"]).ok();
        world.cairn("site.git", &["worker", "--once"]).ok();
        let forced = |to: &str| world.git("dev", &["push", "--force", "origin", &format!("{}:{to}", commits[0])]);
        forced("main").exits(1).says("2 commits would be lost from main");
        forced("alias").exits(1).says("2 commits would be lost from main");
        world.git("dev", &["push", "origin", ":alias"]).exits(1);
        let named = format!("cairn.reintroduce={}", commits[1]);
        for through in ["alias", "main"] {
            let option = format!("cairn.rewind=refs/heads/{through}:{}:{}", commits[2], commits[0]);
            world.git("dev", &["push", "--force", "-o", &option, "origin", &format!("{}:alias", commits[0])]).ok();
            assert_eq!(world.tip("site.git", "main"), commits[0]);
            world.git("dev", &["push", "--quiet", "-o", &named, "origin", "main"]).ok();
        }
    }
}
