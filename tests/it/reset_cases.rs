//! Cases by number of what is done in clones while a guard stands on the host: resets, those whom they surprise, kills.

use crate::support::{World, bare_host, host};

fn published(world: &World) {
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
}

/// Resets a branch of a clone with the consent that overwriting history takes.
#[track_caller]
fn overwritten(world: &World, clone: &str, commit: &str) -> serde_json::Value {
    let words = ["reset", commit, "--overwrite-history", "--branch", "main"];
    let plan = world.cairn(clone, &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    assert_eq!(plan["host"]["verdict"], "accepted", "{plan}");
    let id = plan["plan_id"].as_str().unwrap();
    world.cairn(clone, &[&words[..], &["--confirm", id, "--json"]].concat()).ok().json()
}

/// Anna and Bob clone a host from `url`; Bob has a commit of his own upon one that Anna then drops. Returns what the host has
/// now, what was dropped, and Bob's.
#[track_caller]
fn rewound(world: &World, url: &str) -> [String; 3] {
    let kept = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "bad");
    published(world);
    for name in ["anna", "bob"] {
        world.git(".", &["clone", "--quiet", url, name]).ok();
        world.git(name, &["config", "user.email", &format!("{name}@example.org")]).ok();
    }
    let mine = world.commit("bob", "mine", "bob");
    overwritten(world, "anna", &kept);
    assert_eq!((world.tip("site.git", "main"), world.tip("anna", "main")), (kept.clone(), kept.clone()));
    [kept, bad, mine]
}

/// Cases 61 to 63, from wherever the host is reached.
#[track_caller]
pub fn bob_is_stopped_and_catches_up(world: &World, url: &str) {
    let [kept, bad, mine] = rewound(world, url);
    let before = world.refs("site.git");
    // 61: whatever he pushes brings back what was dropped.
    world.git("bob", &["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]).ok();
    for name in ["main", "main:refs/heads/new", "main:refs/tags/v1"] {
        world.git("bob", &["push", "origin", name]).exits(1).says(&bad[..10]).says("rebase --onto");
    }
    world.git("bob", &["push", "--mirror", "origin"]).exits(1).says(&bad[..10]);
    let words = ["revert", &mine, "--include-mine"];
    let plan = world.cairn("bob", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    assert_eq!(plan["host"]["verdict"], "refused", "{plan}");
    world.cairn("bob", &[&words[..], &["--yes"]].concat()).exits(6);
    assert_eq!((world.refs("site.git"), world.tip("bob", "main")), (before, mine.clone()));
    // 62: his own commit alone.
    world.git("bob", &["branch", "by-git", "main"]).ok();
    let plan = world.cairn("bob", &["catch-up", "--push", "--plan", "--json"]).ok().json();
    assert_eq!((plan["commits"].as_array().unwrap().len(), &plan["commits"][0]["id"]), (1, &mine.into()));
    world.cairn("bob", &["catch-up", "--push", "--yes"]).ok();
    let now = world.tip("site.git", "main");
    assert_eq!((world.tip("bob", "main"), world.tip("site.git", "main^")), (now, kept.clone()));
    world.git("bob", &["rebase", "--quiet", "--onto", &kept, &bad, "by-git"]).ok();
    assert_eq!(world.tip("bob", "by-git^{tree}"), world.tip("site.git", "main^{tree}"));
    world.git("bob", &["checkout", "--quiet", "main"]).ok();
    // 63: the same change as a commit of its own is another one.
    world.git("bob", &["cherry-pick", &bad]).ok();
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    assert_eq!(world.tip("site.git", "main^{tree}"), world.tip("bob", "main^{tree}"));
}

#[test]
fn cases_61_to_63_who_has_what_was_dropped_catches_up() {
    let world = host();
    let url = world.path("site.git").display().to_string();
    bob_is_stopped_and_catches_up(&world, &url);
}

#[test]
pub fn case_64_a_rewind_that_is_taken_back_stops_nobody() {
    let world = host();
    let url = world.path("site.git").display().to_string();
    let [_, bad, mine] = rewound(&world, &url);
    world.git("bob", &["push", "origin", "main"]).exits(1);
    overwritten(&world, "anna", &bad);
    assert_eq!((world.tip("site.git", "main"), world.tip("anna", "main")), (bad.clone(), bad));
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    assert_eq!(world.tip("site.git", "main"), mine);
}

#[test]
pub fn case_65_a_merge_that_was_reverted_does_not_merge_again() {
    let world = host();
    world.merged_topic("dev");
    published(&world);
    let merge = world.tip("dev", "main");
    let told = world.cairn("dev", &["revert", &merge, "-m", "1", "--yes"]).ok().says("revert this revert");
    assert!(told.stderr.contains("will bring nothing back"), "{}", told.stderr);
    assert!(!world.path("dev/topic").exists());
    assert!(world.git("dev", &["merge", "topic"]).ok().stdout.contains("Already up to date"));
    world.cairn("dev", &["revert", "main", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "main^{tree}"), world.tip("dev", &format!("{merge}^{{tree}}")));
}

#[test]
fn case_66_what_was_dropped_outlives_a_collection_and_comes_back() {
    let world = host();
    let url = world.path("site.git").display().to_string();
    let [_, bad, _] = rewound(&world, &url);
    world.git("site.git", &["reflog", "expire", "--expire=now", "--all"]).ok();
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    world.git(".", &["clone", "--quiet", &format!("file://{url}"), "eve"]).ok();
    world.git("eve", &["cat-file", "-e", &bad]).exits(1);
    let rescues = world.cairn("site.git", &["rescue", "list", "--json"]).ok().json();
    let id = rescues["rescues"][0]["id"].as_str().unwrap().to_owned();
    world.cairn("site.git", &["rescue", "recover", &id, "--branch", "back"]).ok();
    world.git("eve", &["fetch", "--quiet"]).ok();
    world.cairn("eve", &["reset", "origin/back", "--as-commit", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "main^{tree}"), world.tip("eve", &format!("{bad}^{{tree}}")));
}

/// Kills the git-cairn that a hook of the host was reached from.
const KILLS_CLIENT: &str = "pid=$$; while [ \"$pid\" -gt 1 ]; do read -r name </proc/$pid/comm; \
    [ \"$name\" = git-cairn ] && kill -9 \"$pid\" && break; read -r _ _ _ pid _ </proc/$pid/stat; done";

#[test]
fn case_50_a_kill_between_the_push_and_what_follows_here() {
    for (hook, landed) in [("post-receive", true), ("pre-receive", false)] {
        let world = bare_host(&[]);
        let bad = world.commit("dev", "page", "bad");
        published(&world);
        let end = if landed { "" } else { "; exit 1" };
        world.script(&format!("site.git/hooks/{hook}"), &format!("{KILLS_CLIENT}{end}"));
        assert_ne!(world.cairn("dev", &["revert", &bad, "--yes"]).code, 0);
        crate::support::until("the push has ended", || (world.tip("site.git", "main") != bad) == landed);
        assert_eq!(world.tip("dev", "main"), bad, "it was killed too late");
        std::fs::remove_file(world.path("site.git/hooks").join(hook)).unwrap();
        let became = if landed { "is finished" } else { "nothing had been done" };
        world.cairn("dev", &["revert", "main", "--no-push", "--branch", "main"]).exits(7).says(became);
        assert_eq!(world.tip("dev", "main"), world.tip("site.git", "main"));
        assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), if landed { &b"1"[..] } else { b"bad" });
        assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().stdout, "");
        assert_eq!(world.operations("dev")[0]["state"], if landed { "done" } else { "abandoned" });
    }
}
