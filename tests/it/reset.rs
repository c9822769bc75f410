//! `git cairn reset`: a branch back to what it was at a commit, by a commit or by overwriting history.

use crate::support::{World, bare_host, host};

fn published(world: &World) {
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
}

#[test]
pub fn cases_40_and_42_as_a_commit_it_is_the_tree_and_a_fast_forward() {
    let world = host();
    let good = world.commit("dev", "page", "2");
    world.git("dev", &["tag", "-a", "-m", "good", "good"]).ok();
    world.git("dev", &["checkout", "--quiet", "-b", "topic"]).ok();
    world.commit("dev", "topic", "t");
    world.git("dev", &["checkout", "--quiet", "main"]).ok();
    world.commit("dev", "page", "3");
    world.git("dev", &["merge", "--quiet", "--no-ff", "--no-edit", "topic"]).ok();
    published(&world);
    let old = world.tip("site.git", "main");
    let tree = world.tip("dev", "good^{tree}");
    let plan = world.cairn("dev", &["reset", "good", "--plan", "--json"]).ok().json();
    assert_eq!((&plan["mode"], &plan["result_tree"]), (&"as-commit".into(), &tree.clone().into()));
    world.cairn("dev", &["reset", "good", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "main^{tree}"), tree);
    assert_eq!(world.tip("site.git", "main^"), old);
    let message = world.git("site.git", &["log", "-1", "--format=%B", "main"]).ok().stdout;
    assert!(message.contains(&good), "{message}");
    assert!(!world.path("dev/topic").exists());
    assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().stdout, "");
    world.cairn("dev", &["reset", "good", "--yes"]).exits(8);
}

#[test]
fn overwriting_history_takes_more_than_a_yes() {
    let world = host();
    let good = world.tip("dev", "main");
    world.commit("dev", "page", "2");
    published(&world);
    let tip = world.tip("site.git", "main");
    let words = ["reset", &good, "--overwrite-history"];
    world
        .cairn("dev", &[&words[..], &["--yes"]].concat())
        .exits(7)
        .says("--yes does not answer this; say it with --confirm ");
    world.cairn("dev", &["reset", &good]).exits(7);
    assert_eq!(world.tip("site.git", "main"), tip);
    let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    assert_eq!(plan["commits"][0]["id"], tip);
    let id = plan["plan_id"].as_str().unwrap();
    world.cairn("dev", &[&words[..], &["--confirm", id]].concat()).ok();
    assert_eq!((world.tip("site.git", "main"), world.tip("dev", "main")), (good.clone(), good));
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"1");
}

#[test]
pub fn cases_43_and_44_somebody_else_was_quicker() {
    let world = host();
    let good = world.tip("dev", "main");
    world.commit("dev", "page", "2");
    published(&world);
    let words = ["reset", &good, "--overwrite-history"];
    let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok();
    std::fs::write(world.path("plan.json"), &plan.stdout).unwrap();
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    let theirs = world.commit("bob", "bob", "b");
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    world.git("dev", &["fetch", "--quiet"]).ok();
    let file = world.path("plan.json").display().to_string();
    let before = world.refs("dev");
    world.cairn("dev", &["reset", "--apply", &file]).exits(4);
    world.cairn("dev", &[&words[..], &["--confirm", plan.json()["plan_id"].as_str().unwrap()]].concat()).exits(4);
    assert_eq!((world.tip("site.git", "main"), world.refs("dev")), (theirs, before));
}

#[test]
pub fn cases_45_and_46_settings_of_push_and_commits_of_others() {
    let world = bare_host(&[]);
    let good = world.tip("dev", "main");
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    world.git("bob", &["config", "user.email", "bob@example.org"]).ok();
    world.commit("bob", "bob", "b");
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    world.git("dev", &["pull", "--quiet", "--ff-only", "origin", "main"]).ok();
    world.git("dev", &["branch", "private"]).ok();
    for (key, value) in [("remote.origin.push", "+refs/heads/*:refs/heads/*"), ("remote.origin.mirror", "true")] {
        world.git("dev", &["config", key, value]).ok();
    }
    world.git("dev", &["config", "push.default", "matching"]).ok();
    let words = ["reset", &good, "--overwrite-history"];
    let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    assert_eq!(plan["commits"][0]["mine"], false);
    // Bob is quicker, when all is looked at and the push begins: the `+` of the config does not void the lease.
    let [site, theirs] = [world.path("site.git").display().to_string(), world.commit("bob", "bob", "quicker")];
    world.script(
        "dev/.git/hooks/pre-push",
        &format!("unset $(git rev-parse --local-env-vars); git -C ../bob push --quiet '{site}' {theirs}:main"),
    );
    let confirm = ["--confirm", plan["plan_id"].as_str().unwrap()];
    world.cairn("dev", &[&words[..], &confirm].concat()).exits(4);
    assert_eq!(world.tip("site.git", "main"), theirs);
    std::fs::remove_file(world.path("dev/.git/hooks/pre-push")).unwrap();
    world.git("dev", &["pull", "--quiet", "--ff-only", "origin", "main"]).ok();
    let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    world.cairn("dev", &words).exits(7).says("2 commits of them by others");
    world.cairn("dev", &[&words[..], &["--confirm", plan["plan_id"].as_str().unwrap()]].concat()).ok();
    assert_eq!(world.tip("site.git", "main"), good);
    assert_eq!(world.git("site.git", &["for-each-ref", "--format=%(refname)"]).ok().out(), "refs/heads/main");
}

#[test]
pub fn case_37_a_branch_that_another_work_tree_has() {
    let world = host();
    let good = world.tip("dev", "main");
    world.commit("dev", "page", "2");
    published(&world);
    world.git("dev", &["worktree", "add", "--quiet", "-b", "side", "../side"]).ok();
    world.cairn("side", &["reset", &good, "--branch", "main", "--yes"]).exits(5).says("checked out in");
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"2");
}

#[test]
fn who_diverged_catches_up_first() {
    let world = host();
    let good = world.tip("dev", "main");
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    world.commit("bob", "bob", "b");
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    world.commit("dev", "page", "2");
    world.cairn("dev", &["reset", &good, "--yes"]).exits(5).says("catch-up");
}

/// What leaves the branch here is not published on the way.
#[test]
fn overwriting_history_publishes_what_its_commit_has_and_no_more() {
    let world = host();
    let good = world.tip("dev", "main");
    world.commit("dev", "page", "2");
    published(&world);
    let kept = world.commit("dev", "page", "3, of mine");
    world.commit("dev", "page", "4, of mine");
    for (to, comes) in [(&good, vec![]), (&kept, vec![kept.clone()])] {
        let plan = world.cairn("dev", &["reset", to, "--overwrite-history", "--plan", "--json"]).ok().json();
        let told: Vec<_> = plan["unpublished"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        assert_eq!(told, comes, "{plan}");
    }
}
