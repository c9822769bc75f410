//! Cases by number of what one meets in one's own clone: what is not finished there, and what was committed by hand meanwhile.

use crate::support::{World, host, missing_peer, run};
use std::fs;

fn published(world: &World) {
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
}

#[test]
fn case_34_whatever_is_not_finished_here_is_named_and_stops_every_verb() {
    let world = host();
    let good = world.tip("dev", "main");
    world.commit("dev", "page", "2");
    world.commit("dev", "page", "3");
    published(&world);
    world.cairn("dev", &["revert", "main", "--yes"]).ok();
    world.git("dev", &["switch", "--quiet", "-c", "topic", &good]).ok();
    world.commit("dev", "page", "topic");
    fs::write(world.path("patch"), world.git("dev", &["format-patch", "-1", "--stdout"]).ok().stdout).unwrap();
    world.git("dev", &["switch", "--quiet", "main"]).ok();
    for (begin, name, end) in [
        (&["merge", "topic"][..], "a merge", &["merge", "--abort"][..]),
        (&["cherry-pick", "topic"], "a cherry-pick", &["cherry-pick", "--abort"]),
        (&["revert", "--no-commit", "HEAD"], "a revert", &["revert", "--abort"]),
        (&["rebase", "topic"], "a rebase", &["rebase", "--abort"]),
        (&["rebase", "--apply", "topic"], "a rebase or git am", &["rebase", "--abort"]),
        (&["am", "--3way", "../patch"], "a rebase or git am", &["am", "--abort"]),
    ] {
        world.git("dev", begin);
        stops_every_verb(&world, name, &good);
        world.git("dev", end).ok();
    }
    fs::write(world.path("dev/.git/index.lock"), "").unwrap();
    stops_every_verb(&world, "index.lock", &good);
    fs::remove_file(world.path("dev/.git/index.lock")).unwrap();
    world.cairn("dev", &["revert", "main", "--yes"]).ok();
}

/// git notes a revert and a cherry-pick among the references, which need not be files.
#[test]
fn cases_11_and_34_where_references_are_kept_in_a_table() {
    if World::new().git(".", &["init", "--quiet", "--ref-format=reftable", "probe"]).code != 0 {
        return missing_peer("cases 11 and 34 with a reftable", "a git that knows it");
    }
    let world = host();
    let good = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "2");
    world.commit("dev", "page", "3");
    published(&world);
    world.cairn("dev", &["revert", "main", "--yes"]).ok();
    world.git(".", &["clone", "--quiet", "--ref-format=reftable", "site.git", "table"]).ok();
    fs::rename(world.path("dev"), world.path("first")).unwrap();
    fs::rename(world.path("table"), world.path("dev")).unwrap();
    world.cairn("dev", &["revert", "main", "--yes"]).ok();
    for verb in ["cherry-pick", "revert"] {
        world.git("dev", &[verb, &bad]).exits(1);
        stops_every_verb(&world, &format!("a {verb}"), &good);
        world.git("dev", &[verb, "--abort"]).ok();
    }
    let before = world.refs("dev");
    for resolve in [false, true] {
        world.cairn("dev", &["revert", &bad, "--resolve", "../aside"]).exits(3).says("--continue");
        assert_eq!(world.tip("aside", "REVERT_HEAD"), bad);
        if resolve {
            fs::write(world.path("aside/page"), "resolved").unwrap();
            world.git("aside", &["add", "page"]).ok();
            world.cairn("dev", &["revert", "--continue", "--yes"]).ok();
            assert_eq!(world.git("site.git", &["show", "main:page"]).ok().stdout, "resolved");
        } else {
            world.cairn("dev", &["revert", "--abandon"]).ok();
            assert_eq!(world.refs("dev"), before);
        }
        assert!(!world.path("aside").exists());
    }
    world.cairn("dev", &["undo", "--yes"]).ok();
    assert_eq!(world.refs("dev"), before);
}

#[track_caller]
fn stops_every_verb(world: &World, name: &str, good: &str) {
    let now = || {
        let status = world.git("dev", &["--no-optional-locks", "status", "--porcelain"]).ok().stdout;
        (world.refs("dev"), world.refs("site.git"), status, fs::read(world.path("dev/page")).unwrap())
    };
    let before = now();
    for words in [&["revert", "main"][..], &["reset", good, "--as-commit"], &["catch-up"], &["undo"]] {
        let said = world.cairn("dev", &[words, &["--yes"]].concat()).exits(5);
        said.says(name).says("is not finished here");
        assert!(now() == before, "{name} {words:?}");
    }
}

/// What git refuses to take away, because somebody else moved HEAD.
#[test]
pub fn case_35_what_was_committed_by_hand_meanwhile_is_not_taken_away() {
    let world = host();
    let two = world.commit("dev", "page", "2");
    world.commit("dev", "page", "3");
    world.commit("dev", "page", "4");
    published(&world);
    // git: two are reverted in turn, the first is resolved and committed by hand, and then it is given up.
    let both = ["HEAD~1", two.as_str()];
    run(world.in_folder(".", "cp").args(["-a", "dev", "oracle"])).ok();
    world.git("oracle", &[&["revert"], &both[..]].concat()).exits(1);
    fs::write(world.path("oracle/page"), "by hand").unwrap();
    world.git("oracle", &["commit", "--quiet", "--all", "-m", "by hand"]).ok();
    let by_hand = world.tip("oracle", "HEAD");
    world.git("oracle", &["revert", "--abort"]).says("moved HEAD");
    assert_eq!(world.tip("oracle", "HEAD"), by_hand);
    // Ours, beside the person's files.
    let begin = [&["revert"], &both[..], &["--resolve", "../aside"]].concat();
    world.cairn("dev", &begin).exits(3);
    fs::write(world.path("aside/page"), "by hand").unwrap();
    world.git("aside", &["commit", "--quiet", "--all", "-m", "by hand"]).ok();
    let by_hand = world.tip("aside", "HEAD");
    let said = world.cairn("dev", &["revert", "--abandon"]).exits(5).says("nothing was removed");
    said.says(&format!("git branch <name> {by_hand}"));
    assert_eq!(world.tip("aside", "HEAD"), by_hand);
    world.git("dev", &["branch", "kept", &by_hand]).ok();
    world.cairn("dev", &["revert", "--abandon"]).ok();
    assert!(!world.path("aside").exists());
    // The other way out that is named.
    world.git("dev", &["branch", "--quiet", "-D", "kept"]).ok();
    world.cairn("dev", &begin).exits(3);
    fs::write(world.path("aside/page"), "again").unwrap();
    world.git("aside", &["commit", "--quiet", "--all", "-m", "again"]).ok();
    let said = world.cairn("dev", &["revert", "--abandon"]).exits(5);
    let typed = said.stderr[said.stderr.find("git -C ").unwrap()..].lines().next().unwrap();
    world.git(".", &typed.split(' ').skip(1).collect::<Vec<_>>()).ok();
    world.cairn("dev", &["revert", "--abandon"]).ok();
    assert!(!world.path("aside").exists());
    // What git made there goes, as with git.
    world.cairn("dev", &begin).exits(3);
    fs::write(world.path("aside/page"), "resolved").unwrap();
    world.git("aside", &["add", "page"]).ok();
    world.cairn("dev", &["revert", "--continue", "--yes"]).exits(3);
    world.cairn("dev", &["revert", "--abandon"]).ok();
    assert!(!world.path("aside").exists());
}

/// The same of several reverts that were published: here by hand, and then on the host.
#[test]
pub fn case_35_several_reverts_with_a_commit_on_top_are_not_undone() {
    let world = host();
    let start = world.tip("dev", "main");
    world.commit("dev", "page", "2");
    world.commit("dev", "other", "2");
    published(&world);
    let top = world.tip("dev", "main");
    world.cairn("dev", &["revert", &format!("{start}..{top}"), "--yes"]).ok();
    let reverts = format!("{top}..{}", world.tip("dev", "main"));
    let mine = world.commit("dev", "mine", "by hand");
    let there = world.tip("site.git", "main");
    world.cairn("dev", &["undo", "--yes"]).exits(5).says("has 1 commit more here").says(&reverts);
    assert_eq!((world.tip("dev", "main"), world.tip("site.git", "main")), (mine.clone(), there));
    published(&world);
    let said = world.cairn("dev", &["undo", "--yes"]).exits(4).says("somebody has built on it").says(&reverts);
    assert_eq!((world.tip("dev", "main"), world.tip("site.git", "main")), (mine.clone(), mine));
    // The way that is named keeps what was committed by hand.
    let typed = said.stderr[said.stderr.find("git cairn revert").unwrap()..].lines().next().unwrap().to_owned();
    world.cairn("dev", &typed.split(' ').skip(2).chain(["--yes"]).collect::<Vec<_>>()).ok();
    let content = |name: &str| world.git("site.git", &["show", &format!("main:{name}")]).ok().stdout;
    assert_eq!([content("page"), content("other"), content("mine")], ["2", "2", "by hand"]);
}
