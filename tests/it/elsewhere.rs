//! What the other environments have of what moves: what is still to be done after a rollback, and before a deployment.

use crate::support::{Ran, World, command, host, run};

/// The text of a plan's warning.
fn warning(world: &World, words: &[&str], code: &str) -> Option<String> {
    let plan = world.cairn("dev", &[words, &["--plan", "--json"]].concat()).json();
    let found = plan["warnings"].as_array().unwrap().iter().find(|one| one["code"] == code);
    found.map(|one| one["text"].as_str().unwrap().to_owned())
}

/// Types what follows the last colon of a hint, and says yes to it.
fn types(world: &World, hint: &str) -> Ran {
    let (_, commands) = hint.rsplit_once(": ").unwrap();
    let text = commands.split("; ").map(|one| format!("{one} --yes")).collect::<Vec<_>>().join(" && ");
    run(command("sh", &world.path("home")).current_dir(world.path("dev")).args(["-c", &text]))
}

/// Dev, test and live on the second commit; returns both.
fn all_on_the_second() -> (World, [String; 2]) {
    let world = host();
    let first = world.tip("dev", "main");
    let push = |world: &World| {
        world.git("dev", &["push", "--quiet", "origin", "main", "main:test", "main:live"]).ok();
    };
    push(&world);
    let second = world.commit("dev", "page", "2");
    push(&world);
    (world, [first, second])
}

#[test]
fn after_a_rollback_it_is_said_where_the_bad_commit_still_is_and_what_takes_it_out() {
    let (world, [first, second]) = all_on_the_second();
    let way = format!("git cairn revert {} --branch main; git cairn deploy test", &second[..10]);
    let text = format!(
        "dev and test still have what leaves live, and the next deployment brings it again; to take it out there: {way}"
    );
    assert_eq!(warning(&world, &["rollback", "live"], "still-held"), Some(text.clone()));
    let said = world.cairn("dev", &["rollback", "live", "--yes"]).ok();
    assert!(said.stderr.trim_end().ends_with(&format!("hint: {text}")), "{}", said.stderr);
    types(&world, &text).ok();
    for branch in ["main", "test"] {
        assert_eq!(
            world.tip("site.git", &format!("{branch}^{{tree}}")),
            world.tip("dev", &format!("{first}^{{tree}}"))
        );
    }
    world.cairn("dev", &["undo", "--list"]).ok();
    // Where it is taken out already nothing is said: by a revert, by a reset, or for good.
    world.git("dev", &["push", "--quiet", "origin", &format!("{second}:live")]).ok();
    assert_eq!(warning(&world, &["rollback", "live", "live_1"], "still-held"), None);
    world.commit("dev", "other", "more");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    assert_eq!(warning(&world, &["rollback", "live", "live_1"], "still-held"), None, "reverted, and gone on");
}

#[test]
fn after_a_rollback_test_alone_takes_what_dev_has() {
    let (world, [first, second]) = all_on_the_second();
    world.announced("main", Some(&first)).ok();
    let text = warning(&world, &["rollback", "live"], "still-held").unwrap();
    assert!(text.starts_with("test still has what leaves live") && text.ends_with(": git cairn deploy test"), "{text}");
    types(&world, &text).ok();
    assert_eq!(world.tip("site.git", "test"), first);
    assert_eq!(warning(&world, &["rollback", "live"], "still-held"), None);
    // Several are a range.
    world.git("dev", &["push", "--quiet", "origin", &format!("{second}:test")]).ok();
    let third = world.commit("dev", "page", "3");
    world
        .git("dev", &["push", "--quiet", "-o", &format!("cairn.reintroduce={second}"), "origin", "main", "main:live"])
        .ok();
    let text = warning(&world, &["rollback", "live", "live_1"], "still-held").unwrap();
    assert!(text.contains(&format!("git cairn revert {}..{}", &first[..10], &third[..10])), "{text}");
}

#[test]
fn before_a_deployment_it_is_said_what_test_has_not_had() {
    let (world, [_, second]) = all_on_the_second();
    let third = world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    // Live stands on what test has, and dev has more: the way there goes by test.
    let text = "test lacks 1 commit that dev has; to deploy those too, first: git cairn deploy test";
    world.cairn("dev", &["deploy", "live", "--yes"]).exits(8).says("already stands on").says(text);
    let untried = format!("test never had this; to see it there first: git cairn deploy test {}", &third[..10]);
    let deploy = ["deploy", "live", &third];
    assert_eq!(warning(&world, &deploy, "untried"), Some(untried.clone()));
    types(&world, &untried).ok();
    assert_eq!(world.tip("site.git", "test"), third);
    assert_eq!(warning(&world, &deploy, "untried"), None);
    assert_eq!(warning(&world, &["deploy", "live"], "behind"), None);
    world.commit("dev", "page", "4");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    assert_eq!(warning(&world, &["deploy", "live"], "behind").as_deref(), Some(text));
    // It is said and no more: what test has is deployed.
    world.cairn("dev", &["deploy", "live", "--yes"]).ok().says(text);
    assert_eq!(world.tip("site.git", "live"), third);
    assert_eq!(warning(&world, &["deploy", "live", &second], "untried"), None, "live had it");
}
