//! What the guard does day by day: who is never in its way, what it keeps and how long, what of a push that went half through
//! counts, and what it says of itself.

use crate::guard::document;
use crate::support::{World, host, until};
use serde_json::Value;

fn rescued(world: &World) -> Vec<String> {
    let list = world.cairn("site.git", &["rescue", "list", "--json"]).ok().json();
    list["rescues"].as_array().unwrap().iter().map(|one| one["ref"].as_str().unwrap().to_owned()).collect()
}

fn below(world: &World, folder: &str) -> usize {
    world.git("site.git", &["for-each-ref", &format!("refs/cairn/{folder}")]).ok().stdout.lines().count()
}

fn set(world: &World, key: &str, value: &str) {
    world.git("site.git", &["config", key, value]).ok();
}

#[test]
fn a_rescue_stays_while_an_environment_stands_on_it_and_until_a_backup_holds_it() {
    let world = host();
    let base = world.tip("dev", "main");
    world.deployed("live", "bad");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.announced("main", Some(&base)).ok();
    set(&world, "cairn.keepRescues", "0d");
    let work = || (0..2).for_each(|_| drop(world.cairn("site.git", &["worker", "--once"])));
    work();
    assert_eq!(rescued(&world), ["refs/heads/main"], "live stands on it");
    // Nothing stands on it any more, and no backup can be made of what was dropped last.
    std::fs::rename(world.path("site.cairn"), world.path("away")).unwrap();
    world.announced("live", Some(&base)).ok();
    work();
    assert_eq!(rescued(&world), ["refs/heads/live", "refs/heads/main"], "no store can be read");
    std::fs::rename(world.path("away"), world.path("site.cairn")).unwrap();
    until("the rescues end", || {
        work();
        rescued(&world).is_empty()
    });
    assert_eq!((below(&world, "rescue"), below(&world, "ban")), (0, 0));
}

#[test]
fn bots_that_force_thirty_branches_and_stacked_branches_are_never_in_the_way() {
    let world = host();
    set(&world, "cairn.snapshot", "deployments");
    let push = |words: &[&str]| world.git("dev", &[&["push", "--quiet"], words].concat()).ok();
    let amend = |text: &str| {
        std::fs::write(world.path("dev/page"), text).unwrap();
        world.git("dev", &["commit", "--quiet", "--all", "--amend", "-m", text]).ok();
    };
    world.commit("dev", "page", "by a bot");
    let all: Vec<String> = (0..30).map(|n| format!("+HEAD:refs/heads/bot/{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for round in 0..3 {
        amend(&format!("round {round}"));
        push(&[&["origin"], &all[..]].concat());
    }
    // One branch upon another; the lower one is rebased, while the upper one still has what it was.
    world.git("dev", &["checkout", "--quiet", "-b", "lower", "main~1"]).ok();
    world.commit("dev", "lower", "1");
    world.git("dev", &["checkout", "--quiet", "-b", "upper"]).ok();
    world.commit("dev", "upper", "1");
    push(&["origin", "lower", "upper"]);
    world.git("dev", &["checkout", "--quiet", "lower"]).ok();
    amend("rebased");
    push(&["--force", "origin", "lower"]);
    world.git("dev", &["checkout", "--quiet", "upper"]).ok();
    world.commit("dev", "upper", "2");
    push(&["origin", "upper"]);
    // Made again under its name, from what it was before.
    push(&["origin", ":upper", ":lower"]);
    push(&["origin", "upper", "upper~2:refs/heads/lower"]);
    push(&["origin", "upper:main"]);
    assert_eq!((below(&world, "ban"), below(&world, "pending")), (0, 0));
}

#[test]
fn of_a_push_that_is_stopped_in_part_what_moved_counts_and_nothing_else() {
    for atomic in [false, true] {
        let world = host();
        let base = world.tip("dev", "main");
        set(&world, "cairnProtect.refs/heads/release.rewind", "announce");
        let bad = world.commit("dev", "page", "bad");
        world.git("dev", &["checkout", "--quiet", "-b", "release", &base]).ok();
        let other = world.commit("dev", "page", "other");
        world.git("dev", &["push", "--quiet", "origin", "main", "release"]).ok();
        world.script("site.git/hooks/update", "test \"$1\" != refs/heads/release");
        let options = [("main", &bad), ("release", &other)]
            .map(|(name, old)| format!("cairn.rewind=refs/heads/{name}:{old}:{base}"));
        let refspecs = ["main", "release"].map(|name| format!("+{base}:refs/heads/{name}"));
        let mut words = vec!["push", "-o", &options[0], "-o", &options[1], "origin", &refspecs[0], &refspecs[1]];
        if atomic {
            words.insert(1, "--atomic");
        }
        world.git("dev", &words).exits(1);
        std::fs::remove_file(world.path("site.git/hooks/update")).unwrap();
        world.git("dev", &["push", "--quiet", "origin", &format!("{base}:refs/heads/next")]).ok();
        let main = if atomic { &bad } else { &base };
        assert_eq!((&world.tip("site.git", "main"), &world.tip("site.git", "release")), (main, &other));
        let moved: &[&str] = if atomic { &[] } else { &["refs/heads/main"] };
        assert_eq!(rescued(&world), moved, "atomic: {atomic}");
        assert_eq!((below(&world, "ban"), below(&world, "pending")), (moved.len(), 0), "atomic: {atomic}");
    }
}

#[test]
fn the_newest_five_of_many_lost_commits_are_named_and_the_line_for_programs_is_bounded() {
    let world = host();
    let base = world.tip("dev", "main");
    world.git("dev", &["config", "user.name", &"Somebody ".repeat(40)]).ok();
    let branch = "n".repeat(200);
    for n in 0..7 {
        world.commit("dev", "page", &format!("{n} {}", "and so on ".repeat(80)));
    }
    world.git("dev", &["push", "--quiet", "origin", "main", &format!("main:{branch}")]).ok();
    set(&world, &format!("cairnProtect.refs/heads/{branch}.rewind"), "refuse");
    let refspecs = [format!("{base}:main"), format!("{base}:{branch}")];
    let said = world.git("dev", &["push", "--force", "origin", &refspecs[0], &refspecs[1]]).exits(1);
    let said = said.says("7 commits would be lost from main, the newest of them:");
    let named = |n: usize| said.stderr.contains(&format!("page: {n} and so on"));
    assert_eq!([0, 1, 2, 3, 4, 5, 6].map(named), [false, false, true, true, true, true, true], "{}", said.stderr);
    let document = document(&said);
    assert_eq!((&document["refs"][0]["lost"], &document["refs"][1]["lost"]), (&7.into(), &7.into()));
    let option = document["refs"][0]["option"].as_str().unwrap();
    assert!(option.starts_with("cairn.rewind=refs/heads/main:"), "{document}");
}

#[test]
fn the_rule_that_applies_is_explained() {
    let world = host();
    let explain = |words: &[&str]| world.cairn("site.git", &[&["guard", "explain"], words].concat()).ok().stdout;
    let json = |words: &[&str]| -> Value { serde_json::from_str(&explain(&[words, &["--json"]].concat())).unwrap() };
    assert!(explain(&["main"]).starts_with("refs/heads/main: rewind = announce, delete = announce: "));
    assert!(explain(&["topic"]).starts_with("refs/heads/topic: rewind = allow, delete = allow: "));
    assert!(explain(&["refs/tags/live_1"]).contains("the host's own"));
    assert_eq!(json(&["refs/meta/cairn"])["host"], "meta");
    set(&world, "cairnProtect.refs/heads/release/*.rewind", "grant");
    set(&world, "cairnProtect.refs/heads/release/*.by", "anna");
    let told = explain(&["release/1", "--as", "boris"]);
    for text in ["rewind = grant, delete = allow", "refs/heads/release/*", "only by anna", "boris may neither"] {
        assert!(told.contains(text), "{text} is not in {told}");
    }
    assert_eq!(json(&["release/1", "--as", "anna"])["may"], true);
    set(&world, "cairn.guard", "warn");
    assert!(explain(&["main"]).contains("cairn.guard = warn: no push is refused for that"));
    world.cairn("site.git", &["guard", "explain", "a..b"]).exits(2).says("refs/heads/main");
}

#[test]
fn a_pause_needs_no_store() {
    let world = host();
    let base = world.tip("dev", "main");
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    std::fs::rename(world.path("site.cairn"), world.path("away")).unwrap();
    let forced = || world.git("dev", &["push", "--force", "origin", &format!("{base}:main")]);
    forced().exits(1);
    world.cairn("site.git", &["guard", "pause", "--for", "10m", "--reason", "the disk of the store died"]).ok();
    forced().ok().says("the guard is paused until");
    assert_eq!((world.tip("site.git", "main"), rescued(&world).len()), (base, 1), "rescue works all the same");
}
