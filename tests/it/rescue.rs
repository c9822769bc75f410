//! What pushes drop is kept, comes back when it is wanted, and stays away when that was meant.

use crate::guard::document;
use crate::support::{World, host, host_with, run};
use serde_json::Value;

fn rescues(world: &World) -> Vec<Value> {
    world.cairn("site.git", &["rescue", "list", "--json"]).ok().json()["rescues"].as_array().unwrap().clone()
}

fn below(world: &World, folder: &str) -> usize {
    world.git("site.git", &["for-each-ref", &format!("refs/cairn/{folder}")]).ok().stdout.lines().count()
}

/// Two commits on main, the second of which was dropped by an announced rewind; returns both.
fn dropped(world: &World) -> [String; 2] {
    let base = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "bad");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    world.announced("main", Some(&base)).ok().says("git cairn rescue recover");
    world.git("dev", &["reset", "--quiet", "--hard", &base]).ok();
    [base, bad]
}

/// Cases 55 and 66.
#[test]
pub fn case_55_what_is_dropped_is_kept_through_a_collection_and_recovered() {
    let world = host();
    let [base, bad] = dropped(&world);
    let list = rescues(&world);
    assert_eq!(list.len(), 1);
    let one = &list[0];
    assert_eq!((&one["ref"], &one["dropped"]), (&"refs/heads/main".into(), &1.into()));
    assert_eq!((&one["old"], &one["new"]), (&bad.clone().into(), &base.clone().into()));
    assert_eq!((below(&world, "rescue"), below(&world, "pending"), below(&world, "ban")), (1, 0, 1));
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    world.git("site.git", &["pack-refs", "--all"]).ok();
    let id = one["id"].as_str().unwrap();
    let show = world.cairn("site.git", &["rescue", "show", &id[..17], "--json"]).ok().json();
    assert_eq!(show["rescue"]["commits"][0]["subject"], "page: bad");
    world.cairn("site.git", &["rescue", "recover", id, "--branch", "back"]).ok();
    assert_eq!(world.tip("site.git", "back"), bad);
    world.cairn("site.git", &["rescue", "recover", id, "--branch", "back"]).exits(8).says("is back already");
    world.git("site.git", &["update-ref", "refs/heads/back", &base]).ok();
    world.cairn("site.git", &["rescue", "recover", id, "--branch", "back"]).exits(5).says("holds something else");
    world.cairn("site.git", &["rescue", "recover", id, "--in-place"]).ok();
    assert_eq!((world.tip("site.git", "main"), below(&world, "ban")), (bad.clone(), 0));
    world
        .cairn("site.git", &["rescue", "recover", id, "--in-place"])
        .exits(8)
        .says("it is back already: refs/heads/main is");
    let other = world.commit("dev", "page", "other");
    world.git("dev", &["push", "--quiet", "origin", &format!("{other}:refs/heads/other")]).ok();
    world.git("site.git", &["update-ref", "refs/heads/main", &other]).ok();
    world.cairn("site.git", &["rescue", "recover", id, "--in-place"]).exits(4).says("moved since");
    world.cairn("site.git", &["rescue", "show", "nothing"]).exits(10);
}

#[test]
fn the_newest_rescue_comes_first_within_a_second_too() {
    let world = host();
    let base = world.tip("dev", "main");
    let dropped: Vec<String> = (0..4)
        .map(|n| {
            let bad = world.commit("dev", "page", &format!("bad {n}"));
            world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
            world.announced("main", Some(&base)).ok();
            world.git("dev", &["reset", "--quiet", "--hard", &base]).ok();
            bad
        })
        .collect();
    let listed: Vec<Value> = rescues(&world).iter().map(|one| one["old"].clone()).collect();
    assert!(listed.iter().eq(dropped.iter().rev()), "{listed:?} of {dropped:?}");
}

/// As after a push, nobody has to think of the backup.
#[test]
fn what_was_recovered_is_in_a_backup() {
    let world = host();
    let [_, bad] = dropped(&world);
    let id = rescues(&world)[0]["id"].as_str().unwrap().to_owned();
    let recovered = world.cairn("site.git", &["rescue", "recover", &id, "--in-place", "--json"]).ok().json();
    let show = |backup: &str| world.cairn("site.git", &["backup", "show", backup, "--json"]).ok().json();
    assert_eq!(show(recovered["backup"].as_str().unwrap())["backup"]["commit"], *bad);
    world.cairn("site.git", &["rescue", "recover", &id]).ok().says("holds it");
    assert_eq!(world.cairn("site.git", &["worker", "--once"]).ok().stdout, "", "nothing is left to it");
    // One that cannot be made is no reason to bring nothing back.
    world.git("site.git", &["config", "cairn.reserve", "900TiB"]).ok();
    let told = world.cairn("site.git", &["rescue", "recover", &id, "--branch", "third"]).ok();
    told.says("the backup of it could not be made").says("git cairn worker --once");
    assert_eq!(world.tip("site.git", "third"), bad);
}

#[test]
fn in_a_clone_it_is_said_where_rescues_are() {
    let world = host();
    dropped(&world);
    let id = rescues(&world)[0]["id"].as_str().unwrap().to_owned();
    let hint = |words: &[&str]| {
        let told = world.cairn("dev", words).exits(10).says("kept on the host");
        let hint = told.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap().to_owned();
        hint.split_once(": ").unwrap().1.to_owned()
    };
    // What it names is typed to the letter.
    let shown = hint(&["rescue", "show", &id]);
    assert!(run(world.in_folder(".", "sh").args(["-c", &shown])).ok().stdout.contains("refs/heads/main"), "{shown}");
    world.git("dev", &["remote", "set-url", "origin", "ssh://git@host:2200/srv/site.git"]).ok();
    let recover = hint(&["rescue", "recover", &id, "--branch", "it's"]);
    let there = r"'git -C /srv/site.git cairn rescue recover ID --branch '\''it'\''\'\'''\''s'\'''";
    assert_eq!(recover, format!("ssh -p 2200 git@host {}", there.replace("ID", &id)));
    world.git("dev", &["remote", "set-url", "origin", "https://anna:secret@host/site.git"]).ok();
    let told = world.cairn("dev", &["rescue", "list"]).exits(10);
    assert!(!told.stderr.contains("secret"), "{}", told.stderr);
    told.says("git cairn rescue list");
    world.git("dev", &["remote", "remove", "origin"]).ok();
    world.cairn("dev", &["rescue", "list"]).exits(10).says("git cairn setup");
}

/// Case 56.
#[test]
pub fn case_56_a_push_that_something_stops_later_leaves_no_rescue_and_bans_nobody() {
    let world = host();
    let base = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "bad");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.script("site.git/hooks/update", "exit 1");
    world.announced("main", Some(&base)).exits(1);
    std::fs::remove_file(world.path("site.git/hooks/update")).unwrap();
    assert_eq!((world.tip("site.git", "main"), below(&world, "pending")), (bad, 1));
    assert!(rescues(&world).is_empty());
    world.git("dev", &["push", "origin", "main:topic"]).ok();
    assert_eq!((below(&world, "rescue"), below(&world, "pending"), below(&world, "ban")), (0, 0, 0));
}

/// A host's side that dies before it can note that a reference moved.
#[test]
fn a_rescue_whose_hook_died_is_settled_by_the_next() {
    let world = host();
    let base = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "bad");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.wrap_hook("site.git", "post-receive", "cat >/dev/null");
    world.announced("main", Some(&base)).ok();
    assert_eq!((rescues(&world).len(), below(&world, "pending")), (1, 1));
    world.git("dev", &["push", "origin", &format!("{base}:refs/heads/topic")]).ok();
    assert_eq!((below(&world, "rescue"), below(&world, "pending"), below(&world, "ban")), (1, 0, 1));
    world.git("dev", &["push", "origin", &format!("{bad}:refs/heads/again")]).exits(1);
}

/// Case 61.
#[test]
pub fn case_61_what_was_dropped_on_purpose_does_not_come_back_by_accident() {
    let world = host();
    let [_, bad] = dropped(&world);
    world.commit("dev", "other", "good");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let before = world.refs("site.git");
    // Bob never saw the rewind: he merges, and pushes to main, to a new branch and as a tag.
    world.commit("bob", "mine", "bob");
    world.git("bob", &["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]).ok();
    world.git("bob", &["tag", "-a", "-m", "x", "v1"]).ok();
    for words in [["origin", "HEAD:main"], ["origin", "HEAD:refs/heads/new"], ["origin", "v1"]] {
        let said = world.git("bob", &[&["push"], &words[..]].concat()).exits(1);
        let said = said.says(&format!("git rebase --onto origin/main {}", &bad[..10]));
        // With main alone, which the host has, one can catch up.
        assert_eq!(said.stderr.contains("git cairn catch-up --branch main --push"), words[1] == "HEAD:main");
        let dropped = &document(&said)["refs"][0]["dropped"];
        assert_eq!((&dropped[0]["root"], &dropped[0]["tips"]), (&bad.clone().into(), &serde_json::json!([bad])));
    }
    world.git("bob", &["push", "--mirror", "origin"]).exits(1).says("this is git push --mirror");
    assert_eq!(world.refs("site.git"), before);
    world.git("bob", &["rebase", "--quiet", "--onto", "origin/main", &bad, "HEAD"]).ok();
    world.git("bob", &["push", "origin", "HEAD:main"]).ok();
}

/// Case 63: the same change as a commit of its own is another one.
#[test]
pub fn case_63_a_cherry_pick_of_what_was_dropped_is_accepted() {
    let world = host();
    let [base, bad] = dropped(&world);
    world.git("bob", &["reset", "--quiet", "--hard", &base]).ok();
    world.commit("bob", "other", "bob's");
    world.git("bob", &["cherry-pick", &bad]).ok();
    world.git("bob", &["push", "origin", "main"]).ok();
    assert_eq!(world.tip("site.git", "main^{tree}"), world.tip("bob", "main^{tree}"));
    assert_eq!((below(&world, "rescue"), below(&world, "ban")), (1, 1));
}

/// Case 57: a rewind brings no object, and what it drops is kept all the same.
#[test]
pub fn case_57_a_rewind_that_brings_nothing_is_kept_before_anything_moves() {
    let world = host();
    let base = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "bad");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let seen = r#"hooks/real-pre-receive "$@" && test -n "$GIT_QUARANTINE_PATH" || exit 1
git for-each-ref --format='%(*objectname)' refs/cairn/rescue >../seen"#;
    world.wrap_hook("site.git", "pre-receive", seen);
    world.announced("main", Some(&base)).ok();
    assert_eq!(std::fs::read_to_string(world.path("seen")).unwrap().trim(), bad);
    // It lies in the repository itself: the quarantine is gone.
    assert_eq!(world.tip("site.git", &format!("{bad}^{{commit}}")), bad);
    world.health("site.git");
}

/// Case 64: the way back is announced, or what comes back is named.
#[test]
pub fn case_64_a_rewind_that_is_undone_bans_nothing_and_is_made_again() {
    let world = host();
    let [base, bad] = dropped(&world);
    world.git("dev", &["push", "origin", &format!("{bad}:main")]).exits(1);
    for _ in 0..2 {
        world.announced("main", Some(&bad)).ok();
        assert_eq!(below(&world, "ban"), 0);
        world.git("bob", &["push", "origin", "main:topic"]).ok();
        world.git("bob", &["push", "origin", ":topic"]).ok();
        world.announced("main", Some(&base)).ok();
        assert_eq!(below(&world, "ban"), 1);
    }
    world.git("dev", &["push", "-o", &format!("cairn.reintroduce={bad}"), "origin", &format!("{bad}:main")]).ok();
    assert_eq!(below(&world, "ban"), 0);
}

/// Case 58, and what never bans: topic branches, floating tags, deployments and their rollbacks.
#[test]
pub fn case_58_deletions_and_tags_are_kept_and_ordinary_work_is_never_in_the_way() {
    let world = host();
    let one = world.deployed("live", "first");
    let two = world.deployed("live", "second");
    world.git("dev", &["push", "--quiet", "origin", "main", "main:topic", "main:refs/tags/nightly"]).ok();
    world
        .git(
            "dev",
            &["push", "--quiet", "--force", "origin", &format!("{one}:topic"), &format!("{one}:refs/tags/nightly")],
        )
        .ok();
    world.git("dev", &["push", "--quiet", "--force", "origin", ":topic", ":refs/tags/nightly"]).ok();
    assert_eq!((rescues(&world).len(), below(&world, "ban")), (4, 0));
    world.git("dev", &["push", "--quiet", "origin", "main:topic", "main:refs/tags/nightly"]).ok();
    for _ in 0..2 {
        world.cairn("dev", &["rollback", "live", "live_1", "--yes"]).ok();
        world.cairn("dev", &["deploy", "live", &two, "--yes"]).ok();
    }
    assert_eq!(below(&world, "ban"), 0);
    world.announced("live", None).ok();
    world.git("dev", &["push", "--quiet", "origin", &format!("{two}:refs/heads/live")]).ok();
}

/// Case 67.
#[test]
pub fn case_67_clients_neither_see_nor_write_rescues() {
    let world = host();
    dropped(&world);
    assert!(!world.git("dev", &["ls-remote", "origin"]).ok().stdout.contains("refs/cairn/"));
    let id = rescues(&world)[0]["id"].as_str().unwrap().to_owned();
    world.git("dev", &["push", "origin", &format!(":refs/cairn/rescue/{id}")]).exits(1);
    world.git("dev", &["push", "origin", "main:refs/cairn/rescue/x"]).exits(1);
    assert_eq!(rescues(&world).len(), 1);
}

#[test]
fn a_rescue_ends_when_its_time_has_come_and_a_backup_holds_it() {
    let world = host();
    dropped(&world);
    world.git("site.git", &["config", "cairn.keepRescues", "0d"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!((rescues(&world).len(), below(&world, "ban")), (0, 0));
    let held = world.backups("site.git").iter().any(|backup| {
        let id = backup["id"].as_str().unwrap();
        let show = world.cairn("site.git", &["backup", "show", id, "--json"]).ok().json();
        show["backup"]["ref_list"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["name"].as_str().unwrap().starts_with("refs/cairn/rescue/"))
    });
    assert!(held);
}

#[test]
fn rescues_in_every_format() {
    for format in [&["--object-format=sha256"][..], &["--ref-format=reftable"]] {
        if World::new().git(".", &[&["init", "--quiet"], format, &["probe"]].concat()).code != 0 {
            crate::support::missing_peer("rescues in every format", "a git that knows this format");
            continue;
        }
        let world = host_with(format, &[]);
        let [_, bad] = dropped(&world);
        let id = rescues(&world)[0]["id"].as_str().unwrap().to_owned();
        world.git("bob", &["push", "origin", "main:refs/heads/new"]).exits(1);
        world.cairn("site.git", &["rescue", "recover", &id]).ok();
        assert!(world.git("site.git", &["for-each-ref", "refs/heads/rescued"]).ok().stdout.contains(&bad));
    }
}

/// In a reftable one lock is for all references, and git by itself waits a tenth of a second for it.
#[test]
fn whoever_changes_other_references_at_the_same_time_is_waited_for() {
    let words = ["--ref-format=reftable"];
    if World::new().git(".", &[&["init", "--quiet"], &words[..], &["probe"]].concat()).code != 0 {
        return crate::support::missing_peer("a locked reftable", "a git that knows this format");
    }
    let world = host_with(&words, &[]);
    let base = world.tip("dev", "main");
    world.commit("dev", "page", "bad");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git("site.git", &["config", "cairn.snapshot", "deployments"]).ok();
    world.cairn("site.git", &["worker", "--once"]).ok();
    let held = "touch reftable/tables.list.lock; (sleep 2; rm reftable/tables.list.lock) >/dev/null 2>&1 &";
    for hook in ["pre-receive", "post-receive"] {
        world.wrap_hook("site.git", hook, &format!("{held}\nexec hooks/real-{hook} \"$@\""));
    }
    let said = world.announced("main", Some(&base)).ok();
    assert!(!said.stderr.contains("warning:"), "{}", said.stderr);
    assert_eq!((rescues(&world).len(), below(&world, "pending"), below(&world, "ban")), (1, 0, 1));
}

/// Bad input: a push that deletes very many references is answered, and keeps them all.
#[test]
fn a_push_of_very_many_references_is_bounded() {
    let world = host();
    let tip = world.tip("dev", "main");
    let all: String = (0..500).map(|n| format!("create refs/heads/many/{n} {tip}\n")).collect();
    world.feed("site.git", &["update-ref", "--stdin"], all.as_bytes());
    world.git("dev", &["fetch", "--quiet", "origin"]).ok();
    let words: Vec<String> = (0..500).map(|n| format!(":refs/heads/many/{n}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    world.git("dev", &[&["push", "--quiet", "origin"], &words[..]].concat()).ok();
    assert_eq!((rescues(&world).len(), below(&world, "pending")), (500, 0));
}
