//! `git cairn revert` beside `git revert`: the same tree, message and conflicts; the host first; nobody's work lost.
//!
//! Numbers are those of the list of cases that every way back must survive.

use crate::support::{World, bare_host, host, run};

/// Reverts with git in a fresh clone, and returns tree and message.
pub fn by_git(world: &World, words: &[&str]) -> (String, String) {
    let _ = std::fs::remove_dir_all(world.path("oracle"));
    run(world.in_folder(".", "cp").args(["-a", "dev", "oracle"])).ok();
    world.git("oracle", &["reset", "--quiet", "--hard"]).ok();
    world.git("oracle", &[&["revert", "--no-edit"], words].concat()).ok();
    (world.tip("oracle", "HEAD^{tree}"), world.git("oracle", &["cat-file", "-p", "HEAD"]).ok().stdout)
}

fn body(commit: &str) -> &str {
    commit.split_once("\n\n").unwrap().1
}

/// Reverts with us, and holds tree and message of what the host then has against git's.
#[track_caller]
pub fn as_git_does(world: &World, words: &[&str]) {
    let (tree, commit) = by_git(world, words);
    world.cairn("dev", &[&["revert", "--yes"], words].concat()).ok();
    assert_eq!(world.tip("site.git", "main^{tree}"), tree);
    assert_eq!(body(&world.git("site.git", &["cat-file", "-p", "main"]).ok().stdout), body(&commit));
    assert_eq!(world.tip("dev", "main"), world.tip("site.git", "main"));
    assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().stdout, "");
}

#[track_caller]
pub fn published(world: &World) {
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
}

#[test]
pub fn cases_1_and_2_a_commit_its_revert_and_the_revert_of_that() {
    let world = host();
    let bad = world.commit("dev", "page", "bad");
    world.commit("dev", "other", "x");
    published(&world);
    as_git_does(&world, &[&bad]);
    as_git_does(&world, &["HEAD"]);
    as_git_does(&world, &["HEAD"]);
    // By its words, of which git takes the youngest.
    as_git_does(&world, &[":/^Revert .Reapply"]);
    world.cairn("dev", &["reset", ":/^Revert .page", "--as-commit", "--yes"]).ok();
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"1");
    world.cairn("dev", &["revert", ":/no such words", "--yes"]).exits(10);
}

#[test]
pub fn case_9_what_a_branch_itself_went_through_with_its_merges() {
    let world = host();
    let start = world.tip("dev", "main^{tree}");
    for topic in ["one", "two"] {
        world.git("dev", &["checkout", "--quiet", "-b", topic]).ok();
        world.commit("dev", &format!("{topic}-file"), topic);
        world.git("dev", &["checkout", "--quiet", "main"]).ok();
        world.git("dev", &["merge", "--quiet", "--no-ff", "--no-edit", topic]).ok();
        world.commit("dev", "page", topic);
    }
    published(&world);
    let list = world.git("dev", &["rev-list", "--first-parent", "--max-count=4", "main"]).ok().stdout;
    let words = [&["-m", "1"], &list.lines().collect::<Vec<_>>()[..]].concat();
    as_git_does(&world, &words);
    assert_eq!(world.tip("site.git", "main^{tree}"), start);
}

#[test]
pub fn case_25_whatever_the_subject_is() {
    let world = host();
    let subjects: [(&str, &[u8]); 6] = [
        ("UTF-8", b"#42 a number\n"),
        ("UTF-8", "gr\u{f6}\u{df}er \u{1f600}\n\nand a text\n".as_bytes()),
        ("ISO-8859-1", b"gr\xf6\xdfer\n"),
        ("UTF-8", b"of two\nlines\n\nand a text\n"),
        ("UTF-8", b"\n\n  late, and with \"marks\" and spaces  \n"),
        ("UTF-8", b"Revert \"Revert \"x\"\"\n"),
    ];
    for (n, (encoding, message)) in subjects.into_iter().enumerate() {
        std::fs::write(world.path("dev/page"), format!("change {n}")).unwrap();
        std::fs::write(world.path("message"), message).unwrap();
        let encoding = format!("i18n.commitEncoding={encoding}");
        world.git("dev", &["-c", &encoding, "commit", "--quiet", "--cleanup=verbatim", "-a", "-F", "../message"]).ok();
        published(&world);
        as_git_does(&world, &["HEAD"]);
    }
}

#[test]
pub fn case_6_a_root_commit() {
    let world = host();
    world.commit("dev", "other", "stays");
    published(&world);
    let root = world.git("dev", &["rev-list", "--max-parents=0", "HEAD"]).ok().out().to_owned();
    as_git_does(&world, &[&root]);
}

#[test]
pub fn case_7_a_range_newest_first() {
    let world = host();
    for n in 2..5 {
        world.commit("dev", "page", &n.to_string());
    }
    published(&world);
    let old = world.tip("dev", "HEAD~3^{tree}");
    world.cairn("dev", &["revert", "HEAD~3..HEAD", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "main^{tree}"), old);
    assert_eq!(world.git("dev", &["rev-list", "--count", "HEAD"]).ok().out(), "7");
}

#[test]
pub fn case_15_what_was_taken_back_already_is_passed_by() {
    let world = host();
    let start = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "one line, and another one than of any other file");
    world.commit("dev", "other", "x");
    published(&world);
    let both = world.tip("dev", "main");
    as_git_does(&world, &[&bad]);
    // With its revert, each of the three has something to take back.
    let range = format!("{start}..HEAD");
    let plan = world.cairn("dev", &["revert", &range, "--plan", "--json"]).ok().json();
    assert_eq!((plan["commits"].as_array().unwrap().len(), &plan["skipped"]), (3, &serde_json::json!([])));
    assert_eq!(plan["result_tree"], by_git(&world, &[&range]).0);
    // Without it one has not, and git would stop there.
    let range = format!("{start}..{both}");
    let plan = world.cairn("dev", &["revert", &range, "--plan", "--json"]).ok().json();
    assert_eq!((&plan["skipped"][0], plan["skipped"].as_array().unwrap().len()), (&bad.clone().into(), 1), "{plan}");
    world.git("oracle", &["reset", "--quiet", "--hard", &world.tip("dev", "main")]).ok();
    world.git("oracle", &["revert", "--no-edit", &range]).exits(1);
    world.git("oracle", &["revert", "--skip"]).ok();
    world.cairn("dev", &["revert", &range, "--yes"]).ok().says("page: one line");
    assert_eq!(world.tip("site.git", "main^{tree}"), world.tip("oracle", "HEAD^{tree}"));
    assert_eq!(
        world.git("dev", &["rev-list", "--count", "HEAD"]).ok().out(),
        world.git("oracle", &["rev-list", "--count", "HEAD"]).ok().out()
    );
}

#[test]
pub fn cases_3_to_5_and_8_a_merge_needs_to_know_its_parent() {
    let world = host();
    world.merged_topic("dev");
    world.commit("dev", "other", "x");
    published(&world);
    let before = world.refs("dev");
    let parents = [1, 2].map(|n| format!("{n} = {}", &world.tip("dev", &format!("HEAD~1^{n}"))[..10]));
    for last in ["--yes", "--plan"] {
        let said = world.cairn("dev", &["revert", "HEAD~1", last]).exits(7);
        said.says(&format!("{} page: 2", parents[0])).says(&format!("{} topic: t", parents[1])).says("-m 1");
    }
    // None of the range, though its newest could be.
    world.cairn("dev", &["revert", "HEAD~3..HEAD", "--yes"]).exits(7).says("1 = ");
    for (wrong, of, why) in [
        ("0", "HEAD~1", "counted from 1"),
        ("3", "HEAD~1", "does not have parent 3"),
        ("2", "HEAD", "mainline was specified but commit"),
    ] {
        world.cairn("dev", &["revert", of, "-m", wrong, "--yes"]).exits(2).says(why);
    }
    assert_eq!(world.refs("dev"), before);
    let plan = world.cairn("dev", &["revert", "HEAD~1", "-m", "1", "--plan", "--json"]).ok().json();
    assert!(plan["warnings"].as_array().unwrap().iter().any(|one| one["code"] == "merge-reverted"), "{plan}");
    let merge = world.tip("dev", "HEAD~1");
    as_git_does(&world, &["-m", "1", &merge]);
    assert!(!world.path("dev/topic").exists());
    // Of what is no merge its only parent is the first.
    as_git_does(&world, &["-m", "1", "HEAD"]);
    as_git_does(&world, &["-m", "2", &merge]);
    let message = world.git("site.git", &["log", "-1", "--format=%B", "main"]).ok().stdout;
    assert!(
        message.contains(&format!("reversing\nchanges made to {}", world.tip("dev", &format!("{merge}^2")))),
        "{message}"
    );
    assert!(world.path("dev/topic").exists());
}

#[test]
pub fn case_10_conflicts_are_told_and_nothing_is_touched() {
    let world = host();
    let lines = |changed: usize, word: &str| {
        (0..9).map(|n| if n == changed { format!("{word}\n") } else { format!("line {n}\n") }).collect::<String>()
    };
    for (page, far, near) in [("1", lines(9, ""), lines(9, "")), ("2", lines(1, "bad"), lines(4, "bad"))] {
        for (name, text) in [("far", far), ("near", near)] {
            std::fs::write(world.path("dev").join(name), text).unwrap();
        }
        world.commit("dev", "page", page);
    }
    let bad = world.tip("dev", "main");
    // A line next to one that it changed, one far from any, and the same one.
    std::fs::write(world.path("dev/near"), lines(4, "bad").replace("line 5", "later")).unwrap();
    std::fs::write(world.path("dev/far"), lines(1, "bad").replace("line 7", "later")).unwrap();
    world.commit("dev", "page", "3");
    published(&world);
    run(world.in_folder(".", "cp").args(["-a", "dev", "oracle"])).ok();
    world.git("oracle", &["revert", "--no-edit", &bad]).exits(1);
    let by_git = world.git("oracle", &["diff", "--name-only", "--diff-filter=U"]).ok().stdout;
    // What the host tells of its site is fetched once.
    world.cairn("dev", &["revert", &bad, "--plan"]).exits(3);
    world.comes_to_rest("site.git");
    let before = (world.listing("dev"), world.listing("site.git"));
    let plan = world.cairn("dev", &["revert", &bad, "--plan", "--json"]).exits(3).json();
    let paths = plan["conflicts"].as_array().unwrap().iter().map(|one| format!("{}\n", one["path"].as_str().unwrap()));
    assert_eq!((paths.collect::<String>().as_str(), &*by_git), ("near\npage\n", "near\npage\n"));
    assert!(plan["conflicts"].as_array().unwrap().iter().all(|one| one["kind"] == "contents"), "{plan}");
    assert!(plan["result_tree"].is_null());
    assert!((world.listing("dev"), world.listing("site.git")) == before, "a plan wrote something");
    let tip = world.tip("site.git", "main");
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(3).says("page (contents)").says("--as-commit");
    assert_eq!(world.tip("site.git", "main"), tip);
}

#[test]
pub fn cases_12_to_14_nothing_to_do_and_strangers() {
    let world = host();
    let bad = world.commit("dev", "page", "2");
    published(&world);
    world.cairn("dev", &["revert", &bad, "--yes"]).ok();
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(8);
    world.cairn("dev", &["revert", &bad, "--plan", "--json"]).exits(8);
    for left in ["MERGE_MSG", "REVERT_HEAD", "sequencer"] {
        assert!(!world.path("dev/.git").join(left).exists(), "{left}");
    }
    world.git("dev", &["commit", "--quiet", "--allow-empty", "-m", "empty"]).ok();
    published(&world);
    world.cairn("dev", &["revert", "HEAD", "--yes"]).exits(8);
    // One that another branch has, and that has something to take from this one all the same.
    world.git("dev", &["checkout", "--quiet", "-b", "side"]).ok();
    std::fs::remove_file(world.path("dev/page")).unwrap();
    world.git("dev", &["commit", "--quiet", "-a", "-m", "no page"]).ok();
    let strange = world.commit("dev", "page", "1");
    world.git("dev", &["checkout", "--quiet", "main"]).ok();
    let plan = world.cairn("dev", &["revert", &strange, "--plan", "--json"]).ok().json();
    assert_eq!(plan["warnings"][0]["code"], "not-an-ancestor", "{plan}");
    world.cairn("dev", &["revert", &strange]).exits(7);
    as_git_does(&world, &[&strange]);
    assert!(!world.path("dev/page").exists());
}

#[test]
pub fn cases_28_and_29_work_in_the_way_stops_it_and_other_work_stays() {
    let world = host();
    world.commit("dev", "other", "x");
    let bad = world.commit("dev", "page", "2");
    published(&world);
    std::fs::write(world.path("dev/page"), "mine").unwrap();
    let tip = world.tip("site.git", "main");
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(5).says("page");
    world.git("dev", &["add", "page"]).ok();
    let plan = world.cairn("dev", &["revert", &bad, "--plan", "--json"]).exits(5);
    assert_eq!(plan.json()["worktree"]["staged"][0]["path"], "page");
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"mine");
    assert_eq!(world.tip("site.git", "main"), tip);
    world.git("dev", &["checkout", "--quiet", "HEAD", "page"]).ok();
    std::fs::write(world.path("dev/other"), "mine").unwrap();
    world.cairn("dev", &["revert", &bad, "--yes"]).ok();
    assert_eq!(std::fs::read(world.path("dev/other")).unwrap(), b"mine");
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"1");
}

#[test]
pub fn cases_30_and_31_files_in_the_way_are_kept_aside() {
    let world = host();
    world.commit("dev", "settings.local", "from git");
    std::fs::write(world.path("dev/.gitignore"), "settings.local\n").unwrap();
    std::fs::remove_file(world.path("dev/settings.local")).unwrap();
    let gone = world.commit("dev", "readme", "x");
    published(&world);
    std::fs::write(world.path("dev/settings.local"), "secret").unwrap();
    let plan = world.cairn("dev", &["revert", &gone, "--plan", "--json"]).ok().json();
    assert_eq!(plan["worktree"]["ignored_in_way"][0]["path"], "settings.local");
    let applied = world.cairn("dev", &["revert", &gone, "--yes", "--json"]).ok().json();
    assert_eq!(std::fs::read(world.path("dev/settings.local")).unwrap(), b"from git");
    let folder = world.path("dev/.git/cairn/ops");
    let id = applied["id"].as_str().unwrap();
    let entry: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join(format!("{id}.json"))).unwrap()).unwrap();
    assert_eq!((&entry["state"], &entry["captured"]["files"][0]["path"]), (&"done".into(), &"settings.local".into()));
    let pack = std::fs::read(folder.join(format!("{id}.pack"))).unwrap();
    world.feed("dev", &["unpack-objects", "-q"], &pack);
    let spec = format!("{}:settings.local", entry["captured"]["commit"].as_str().unwrap());
    assert_eq!(world.git("dev", &["cat-file", "blob", &spec]).ok().stdout, "secret");
}

#[test]
pub fn case_30_what_is_not_tracked_is_kept_aside_by_every_verb() {
    let world = host();
    let empty = world.tip("dev", "main");
    let had = world.commit("dev", "note", "from git");
    std::fs::remove_file(world.path("dev/note")).unwrap();
    let gone = world.commit("dev", "page", "2");
    published(&world);
    for words in [&["revert", &gone][..], &["reset", &had, "--as-commit"], &["reset", &had, "--overwrite-history"]] {
        std::fs::write(world.path("dev/note"), "mine").unwrap();
        let plan = world.cairn("dev", &[words, &["--plan", "--json"]].concat()).ok().json();
        assert_eq!(plan["worktree"]["untracked_in_way"][0]["path"], "note", "{words:?}");
        world
            .cairn("dev", &[words, &["--confirm", plan["plan_id"].as_str().unwrap()]].concat())
            .ok()
            .says("kept aside: note");
        assert_eq!(std::fs::read(world.path("dev/note")).unwrap(), b"from git", "{words:?}");
        world.cairn("dev", &["undo", "--yes"]).ok();
        assert_eq!(std::fs::read(world.path("dev/note")).unwrap(), b"mine", "{words:?}");
        assert_eq!(
            (world.tip("dev", "main"), world.tip("site.git", "main")),
            (gone.clone(), gone.clone()),
            "{words:?}"
        );
    }
    // Where nothing of it is in the way it stays where it is.
    world.cairn("dev", &["reset", &empty, "--as-commit", "--yes"]).ok();
    assert_eq!(std::fs::read(world.path("dev/note")).unwrap(), b"mine");
}

#[test]
pub fn case_32_what_a_flag_hides_stops_it() {
    let world = host();
    let bad = world.commit("dev", "page", "2");
    published(&world);
    for flag in ["assume-unchanged", "skip-worktree"] {
        world.git("dev", &["update-index", &format!("--{flag}"), "page"]).ok();
        std::fs::write(world.path("dev/page"), "hidden").unwrap();
        assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().stdout, "");
        for words in [&["revert", &bad][..], &["reset", "HEAD~1", "--as-commit"]] {
            let plan = world.cairn("dev", &[words, &["--plan", "--json"]].concat()).exits(5);
            assert_eq!(plan.json()["worktree"]["hidden"][0]["path"], "page");
            world.cairn("dev", &[words, &["--yes"]].concat()).exits(5).says("page");
        }
        assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"hidden");
        assert_eq!((world.tip("dev", "main"), world.tip("site.git", "main")), (bad.clone(), bad.clone()));
        world.git("dev", &["update-index", &format!("--no-{flag}"), "page"]).ok();
        world.git("dev", &["checkout", "--quiet", "page"]).ok();
    }
}

#[test]
fn case_21_a_cut_history_is_refused() {
    let world = host();
    world.commit("dev", "page", "2");
    published(&world);
    let url = format!("file://{}", world.path("site.git").display());
    world.git(".", &["clone", "--quiet", "--depth=1", &url, "cut"]).ok();
    let before = (world.refs("cut"), world.refs("site.git"));
    world.cairn("cut", &["revert", "HEAD", "--yes"]).exits(5).says("--unshallow");
    assert_eq!((world.refs("cut"), world.refs("site.git")), before);
    assert_eq!(std::fs::read(world.path("cut/page")).unwrap(), b"2");
    world.git("cut", &["fetch", "--quiet", "--unshallow"]).ok();
    world.cairn("cut", &["revert", "HEAD", "--yes"]).ok();
    assert_eq!(std::fs::read(world.path("cut/page")).unwrap(), b"1");
}

#[test]
pub fn cases_38_and_47_another_branch_and_no_branch() {
    let world = host();
    let bad = world.commit("dev", "page", "2");
    published(&world);
    world.git("dev", &["checkout", "--quiet", "--detach"]).ok();
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(5).says("--branch");
    world.git("dev", &["branch", "--quiet", "-f", "main", "HEAD~1"]).ok();
    world.cairn("dev", &["revert", &bad, "--branch", "main", "--yes"]).ok();
    assert_eq!(world.git("site.git", &["log", "-1", "--format=%s", "main"]).ok().out(), "Revert \"page: 2\"");
    assert_eq!(world.tip("dev", "main"), world.tip("site.git", "main"));
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"2", "the files of another branch stay");
}

#[test]
pub fn cases_26_49_what_fails_or_is_declined_leaves_everything() {
    let world = bare_host(&[]);
    let bad = world.commit("dev", "page", "2");
    published(&world);
    let before = (world.tip("dev", "main"), world.tip("site.git", "main"));
    let same = |what: &str| {
        assert_eq!((world.tip("dev", "main"), world.tip("site.git", "main")), before, "{what}");
        assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().stdout, "", "{what}");
        assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"2", "{what}");
    };
    world.script("site.git/hooks/pre-receive", "exit 1");
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(6);
    same("declined");
    std::fs::remove_file(world.path("site.git/hooks/pre-receive")).unwrap();
    world.script("dev/.git/hooks/pre-push", "echo not on a Friday; exit 1");
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(13).says("not on a Friday");
    same("the person's own pre-push");
    std::fs::remove_file(world.path("dev/.git/hooks/pre-push")).unwrap();
    world.script("dev/.git/hooks/prepare-commit-msg", "exit 1");
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(5).says("prepare-commit-msg");
    same("prepare-commit-msg");
    std::fs::remove_file(world.path("dev/.git/hooks/prepare-commit-msg")).unwrap();
    world.git("dev", &["config", "commit.gpgSign", "true"]).ok();
    world.git("dev", &["config", "gpg.program", "false"]).ok();
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(5);
    same("signing");
    world.git("dev", &["config", "--unset", "commit.gpgSign"]).ok();
    world.git(".", &["config", "--global", "--rename-section", "user", "nobody"]).ok();
    world.git("dev", &["config", "user.useConfigOnly", "true"]).ok();
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(5).says("user.name");
    same("without a name");
    world.git(".", &["config", "--global", "--rename-section", "nobody", "user"]).ok();
    world.cairn("dev", &["revert", &bad, "--yes"]).ok();
    assert_eq!(std::fs::read(world.path("dev/page")).unwrap(), b"1");
}

#[test]
fn what_the_host_lacks_is_published_only_on_purpose() {
    let world = host();
    let bad = world.commit("dev", "page", "2");
    world.cairn("dev", &["revert", &bad, "--yes"]).exits(5).says("--include-mine").says("page: 2");
    world.cairn("dev", &["revert", &bad, "--include-mine", "--yes"]).ok();
    assert_eq!(world.tip("dev", "main"), world.tip("site.git", "main"));
    let bad = world.commit("dev", "page", "3");
    let tip = world.tip("site.git", "main");
    world.cairn("dev", &["revert", &bad, "--no-push", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "main"), tip);
    assert_eq!(world.git("dev", &["log", "-1", "--format=%s"]).ok().out(), "Revert \"page: 3\"");
}

#[test]
fn on_a_branch_that_takes_deployments_it_names_rollback() {
    let world = host();
    world.deployed("live", "2");
    world.cairn("dev", &["revert", "HEAD", "--branch", "live", "--yes"]).exits(5).says("git cairn rollback live");
}

#[test]
fn a_host_that_is_none_of_ours_is_not_asked() {
    let world = bare_host(&[]);
    let bad = world.commit("dev", "page", "2");
    published(&world);
    let plan = world.cairn("dev", &["revert", &bad, "--plan", "--json"]).ok().json();
    assert!(plan["host"].is_null());
    assert!(plan["warnings"].as_array().unwrap().iter().any(|one| one["code"] == "silent-host"), "{plan}");
    as_git_does(&world, &[&bad]);
}

#[test]
fn a_host_is_asked_and_cannot_carry_the_question_out() {
    let world = host();
    let bad = world.commit("dev", "page", "2");
    published(&world);
    let before = world.refs("site.git");
    let plan = world.cairn("dev", &["revert", &bad, "--plan", "--json"]).ok().json();
    assert_eq!(plan["host"]["verdict"], "accepted", "{plan}");
    assert_eq!(world.refs("site.git"), before);
    // Its hooks are off: nobody answers, and nothing moves.
    world.git("site.git", &["config", "core.hooksPath", "/dev/null"]).ok();
    let plan = world.cairn("dev", &["revert", &bad, "--plan", "--json"]).ok().json();
    assert_eq!(plan["host"]["verdict"], "unknown", "{plan}");
    assert_eq!(world.refs("site.git"), before);
}
