//! The plan of a revert beside `git revert` itself: over random histories the same tree, or the same files that collide.
//!
//! `CAIRN_REVERTS` sets the number of reverts; `CAIRN_REVERTS_IN` names a repository whose own history is taken instead, each
//! commit upon one of those that came soon after it: upon the last one, most of an old history collides.

use crate::support::{Ran, Random, World, amount, run};
use std::fs;

/// How many commits of a history are reverted.
const REVERTS_EACH: usize = 4;
/// How many commits come between one and what it is reverted upon, at most, in a repository that is given.
const LATER_MAX: usize = 40;

/// How it went.
#[derive(Debug, Default)]
struct Tally {
    clean: usize,
    colliding: usize,
    empty: usize,
    /// Plans for which no git merged.
    without_git: usize,
}

fn lines(world: &World, words: &[&str]) -> Vec<String> {
    let out = world.git("dev", words).stdout;
    out.split(['\0', '\n']).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn write(world: &World, file: &str, content: &str) {
    let path = world.path("dev").join(file);
    // A file in the way of a folder is one of the stories.
    let made = fs::create_dir_all(path.parent().unwrap());
    let _ = made.and_then(|()| fs::write(path, content));
}

fn commit(world: &World, message: &str) {
    world.git("dev", &["add", "--all", "--", ":!sub"]);
    world.git("dev", &["commit", "--quiet", "-m", message]);
}

/// Changes something, in one of the ways in which files change.
fn step(world: &World, random: &mut Random, n: usize) {
    let files = lines(world, &["ls-files", "-z"]);
    let file = random.pick(&files).clone();
    let path = world.path("dev").join(&file);
    match random.below(11) {
        0..=3 => {
            if let Ok(text) = fs::read_to_string(&path) {
                let mut text: Vec<String> = text.split('\n').map(str::to_owned).collect();
                let place = random.below(text.len());
                text[place] = format!("edit {n} {}", random.below(1000));
                let _ = fs::write(&path, text.join("\n"));
            }
        }
        4 => {
            let to = world.path("dev").join(["moved", "d/moved", "far/moved"][random.below(3)]);
            let made = fs::create_dir_all(to.parent().unwrap());
            let _ = made.and_then(|()| fs::rename(&path, to));
        }
        5 => drop(fs::rename(world.path("dev/d"), world.path(&format!("dev/d{n}")))),
        6 => drop(fs::remove_file(&path)),
        7 => write(world, &["new", "d/new", "x/y/new"][random.below(3)].replace("new", &format!("new{n}")), "new\n"),
        8 => {
            let made = fs::remove_file(&path);
            let _ = made.and_then(|()| std::os::unix::fs::symlink(format!("target{n}"), &path));
        }
        9 => {
            use std::os::unix::fs::PermissionsExt;
            let _ = fs::set_permissions(&path, fs::Permissions::from_mode(0o755));
        }
        _ if random.below(2) == 0 => {
            let head = world.tip("dev", "HEAD");
            world.git("dev", &["update-index", "--add", "--cacheinfo", &format!("160000,{head},sub")]).ok();
            let _ = fs::create_dir_all(world.path("dev/sub"));
        }
        _ => return merge(world, random, n),
    }
    commit(world, &format!("step {n}/{file}"));
}

fn merge(world: &World, random: &mut Random, n: usize) {
    let from = lines(world, &["rev-list", "--max-count=3", "HEAD"]).pop().unwrap();
    let topic = format!("topic{n}");
    world.git("dev", &["checkout", "--quiet", "--force", "-b", &topic, &from]).ok();
    let files = lines(world, &["ls-files", "-z"]);
    let file = random.pick(&files).clone();
    if let Ok(text) = fs::read_to_string(world.path("dev").join(&file)) {
        write(world, &file, &(text + "topic\n"));
    }
    write(world, &topic, "topic\n");
    commit(world, &topic);
    world.git("dev", &["checkout", "--quiet", "--force", "main"]).ok();
    if world.git("dev", &["merge", "--quiet", "--no-ff", "--no-edit", &topic]).code != 0 {
        world.git("dev", &["merge", "--abort"]);
    }
}

fn clear(world: &World, to: &str) {
    world.git("dev", &["revert", "--abort"]);
    world.git("dev", &["reset", "--quiet", "--hard", to]).ok();
    world.git("dev", &["clean", "-qffdx"]).ok();
}

/// One revert, predicted and done; what `git revert` did is taken away again.
fn beside_git(world: &World, random: &mut Random, target: &str, tally: &mut Tally) {
    let head = world.tip("dev", "HEAD");
    let parents = lines(world, &["rev-list", "--no-walk", "--parents", target])[0].split(' ').count() - 1;
    let mainline = (1 + random.below(parents.max(1))).to_string();
    let mut words = vec!["revert", target];
    if parents > 1 {
        words.extend(["-m", &mainline]);
    }
    let context = format!("{words:?} of seed {}", random.seed());
    let (plan, started) = started_by(world, &[&words[..], &["--no-push", "--plan", "--json"]].concat());
    let json = plan.json();
    tally.without_git += usize::from(!started.iter().any(|verb| verb == "merge-tree"));
    let done = world.git("dev", &[&words[..], &["--no-edit"]].concat());
    let mut unmerged: Vec<_> = lines(world, &["ls-files", "-u", "-z"])
        .iter()
        .map(|line| line.split_once('\t').unwrap().1.to_owned())
        .collect();
    unmerged.dedup();
    if !unmerged.is_empty() {
        let mut told: Vec<_> =
            json["conflicts"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect();
        told.sort();
        unmerged.sort();
        assert_eq!((told, plan.code), (unmerged, 3), "{context}");
        tally.colliding += 1;
    } else if done.code == 0 {
        assert_eq!(json["result_tree"], world.tip("dev", "HEAD^{tree}"), "{context}\n{plan:?}");
        tally.clean += 1;
    } else {
        assert_eq!(plan.code, 8, "{context}\n{plan:?}\n{done:?}");
        tally.empty += 1;
    }
    clear(world, &head);
}

#[test]
fn a_plan_of_a_revert_is_what_git_does() {
    let (wanted, given) = (amount("CAIRN_REVERTS", 40), std::env::var("CAIRN_REVERTS_IN").ok());
    let (mut tally, mut count, mut n) = (Tally::default(), 0, 0);
    while count < wanted {
        let mut random = Random::one_of(2026, n);
        let world = World::new();
        n += 1;
        if let Some(given) = &given {
            run(world.in_folder(".", "git").args(["clone", "--quiet", given, "dev"])).ok();
        } else {
            world.git(".", &["init", "--quiet", "dev"]).ok();
            for file in ["a", "b", "d/c", "d/e", "x/y/z"] {
                write(&world, file, &(0..12).map(|k| format!("{file} line {k}\n")).collect::<String>());
            }
            commit(&world, "first");
            for n in 0..4 + random.below(6) {
                step(&world, &mut random, n);
            }
        }
        let head = world.tip("dev", "HEAD");
        clear(&world, &head);
        let tips = lines(&world, &["rev-list", "--first-parent", &head]);
        let each = if given.is_some() { wanted } else { REVERTS_EACH };
        let mut commits = lines(&world, &["rev-list", &head]);
        for done in 0..each {
            if given.is_some() && done % REVERTS_EACH == 0 {
                let tip = random.pick(&tips).clone();
                clear(&world, &tip);
                commits = lines(&world, &["rev-list", &format!("--max-count={LATER_MAX}"), &tip]);
            }
            let target = random.pick(&commits).clone();
            beside_git(&world, &mut random, &target, &mut tally);
            count += 1;
            if given.is_some() && done % 100 == 99 {
                println!("{count} of {wanted}: {tally:?}");
            }
        }
    }
    let Tally { clean, colliding, empty, without_git } = tally;
    println!(
        "{count} reverts: {clean} clean, {colliding} with conflicts, {empty} of nothing, each as git does it; \
         {without_git} merged without git"
    );
    assert!(clean > 0 && (given.is_some() || colliding > 0), "one side only");
    // A good share of either way to merge, and not only of those that collide.
    let by_git = clean.saturating_sub(without_git);
    assert!(
        without_git * 5 > count && (given.is_some() || by_git * 20 > count),
        "one way only: {without_git} of {clean}"
    );
}

/// The git processes that a command starts, by their verbs.
#[track_caller]
fn started(world: &World, words: &[&str]) -> Vec<String> {
    let (ran, started) = started_by(world, words);
    ran.ok();
    started
}

/// What became of a command, and the git processes that it started.
fn started_by(world: &World, words: &[&str]) -> (Ran, Vec<String>) {
    let trace = world.path("trace");
    let _ = fs::remove_file(&trace);
    let ran = run(world.in_folder("dev", crate::support::GIT_CAIRN).args(words).env("GIT_TRACE", &trace));
    let text = fs::read_to_string(&trace).unwrap_or_default();
    // What git starts in turn is its own business.
    let ours = text.lines().filter(|line| line.contains("process.rs"));
    let verbs = ["merge-tree", "diff-tree", "ls-remote", "status", "ls-files", "rev-parse", "config"];
    let verb = |line: &str| line.split(' ').find(|word| verbs.contains(word)).unwrap_or(line).to_owned();
    let mut started: Vec<_> = ours.map(verb).collect();
    started.sort();
    (ran, started)
}

/// Lets every file of the clone look as if it was left alone since yesterday.
fn left_alone(world: &World) {
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(86_400);
    for file in lines(world, &["ls-files", "-z"]) {
        fs::File::open(world.path("dev").join(file)).unwrap().set_modified(yesterday).unwrap();
    }
    world.git("dev", &["update-index", "--refresh"]).ok();
}

#[test]
fn a_plan_starts_no_more_of_git_than_it_needs() {
    let world = crate::support::bare_host(&[]);
    let tree = world.tip("dev", "main^{tree}");
    let base = format!("--merge-base={tree}");
    if world.git("dev", &["merge-tree", "--write-tree", &base, &tree, &tree]).code != 0 {
        return crate::support::missing_peer("the processes of a plan", "a git that merges trees");
    }
    let bad = world.commit("dev", "page", "2");
    world.commit("dev", "other", "x");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    left_alone(&world);
    for word in [&bad[..], &bad[..10], "HEAD~1", "main~1", "refs/heads/main^"] {
        let local = ["revert", word, "--no-push", "--plan", "--json"];
        assert_eq!(started(&world, &local), [""; 0], "{word}");
    }
    let remote = ["revert", &bad, "--plan", "--json"];
    assert_eq!(started(&world, &remote), ["ls-remote"]);
    // A file that changed elsewhere since.
    let long = |changed: &[usize]| -> String {
        (0..20).map(|n| format!("{}{n}\n", if changed.contains(&n) { "new" } else { "old" })).collect()
    };
    let edits = [&[][..], &[3], &[3, 15]].map(|changed| world.commit("dev", "long", &long(changed)));
    left_alone(&world);
    let since = ["revert", &edits[1], "--no-push", "--plan", "--json"];
    assert_eq!(started(&world, &since), [""; 0]);
    // Where something may be said of how it is merged, git merges.
    fs::write(world.path("dev/.git/info/attributes"), "other -merge\n").unwrap();
    assert_eq!(started(&world, &since), ["merge-tree"]);
    fs::write(world.path("dev/.git/info/attributes"), "merge text=auto\n").unwrap();
    assert_eq!(started(&world, &since), [""; 0]);
    fs::remove_file(world.path("dev/.git/info/attributes")).unwrap();
    for [name, value] in [["merge.default", "union"], ["merge.renormalize", "true"], ["diff.algorithm", "myers"]] {
        world.git("dev", &["config", name, value]).ok();
        assert!(started(&world, &since).contains(&"merge-tree".into()), "{name}");
        world.git("dev", &["config", "--unset", name]).ok();
    }
    // So it does where a line of its own is lacking between the changes.
    let near = [&[3, 9, 15][..], &[3, 9, 10, 15]].map(|changed| world.commit("dev", "long", &long(changed)));
    left_alone(&world);
    let near = ["revert", &near[0], "--no-push", "--plan", "--json"];
    assert_eq!(started_by(&world, &near).1, ["merge-tree", "rev-parse"]);
    fs::write(world.path("dev/long"), "mine\n").unwrap();
    let plan = world.cairn("dev", &since).exits(5).json();
    assert_eq!(plan["worktree"]["unstaged"][0]["path"], "long");
    world.git("dev", &["checkout", "--quiet", "long"]).ok();
    // What was touched is read where nothing changes it on the way, and else is git's to judge.
    let page = world.path("dev/page");
    fs::File::open(&page).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    let touched = ["revert", &bad, "--no-push", "--plan", "--json"];
    assert_eq!(started(&world, &touched), [""; 0]);
    fs::write(world.path("dev/.gitattributes"), "other filter=none\n").unwrap();
    assert_eq!(started(&world, &touched), ["ls-files", "status"]);
    world.git("dev", &["add", ".gitattributes"]).ok();
    fs::remove_file(world.path("dev/.gitattributes")).unwrap();
    assert_eq!(started(&world, &touched), ["ls-files", "status"]);
    world.git("dev", &["reset", "--quiet", "--hard"]).ok();
    for content in ["$Id$", "\r\n"] {
        let bad = world.commit("dev", "odd", content);
        fs::File::open(world.path("dev/odd")).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
        let odd = ["revert", &bad, "--no-push", "--plan", "--json"];
        assert_eq!(started(&world, &odd), ["ls-files", "status"], "{content}");
    }
    // Lines that an attribute may make bytes are git's to count.
    fs::write(world.path("dev/.gitattributes"), "page -diff\n").unwrap();
    assert_eq!(started(&world, &touched), ["diff-tree"]);
    fs::write(&page, "1").unwrap();
    assert_eq!(started_by(&world, &touched).1, ["diff-tree", "ls-files", "status"]);
}

/// While the host is asked, the plan is begun upon what the clone has of it.
#[test]
fn a_plan_is_of_what_the_host_has_now() {
    let world = crate::support::bare_host(&[]);
    let bad = world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    let words = ["revert", &bad, "--plan", "--json"];
    let before = world.cairn("dev", &words).ok().json();
    world.commit("bob", "other", "x");
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    let plan = world.cairn("dev", &words).ok().json();
    assert_eq!(plan["expect_remote"], world.tip("site.git", "main"));
    assert_ne!(plan["result_tree"], before["result_tree"]);
    assert_eq!(plan["changes"], before["changes"]);
    world.git("bob", &["revert", "--no-edit", &bad]).ok();
    assert_eq!(plan["result_tree"], world.tip("bob", "HEAD^{tree}"));
    world.git("bob", &["reset", "--quiet", "--hard", "HEAD~1"]).ok();
    // What would be reverted here without ado collides there.
    world.commit("bob", "page", "3");
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    let plan = world.cairn("dev", &words).exits(3).json();
    assert_eq!(plan["conflicts"][0]["path"], "page");
    // Own work in the way counts for what the files here become.
    fs::write(world.path("dev/other"), "mine").unwrap();
    world.git("bob", &["revert", "--no-edit", "HEAD"]).ok();
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    let plan = world.cairn("dev", &words).ok().json();
    assert_eq!(plan["worktree"]["untracked_in_way"][0]["path"], "other");
}

#[test]
fn work_in_a_file_that_was_left_alone_long_is_seen() {
    let world = crate::support::bare_host(&[]);
    let bad = world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    left_alone(&world);
    let words = ["revert", &bad, "--no-push", "--plan", "--json"];
    let own = |kind: &str| world.cairn("dev", &words).exits(5).json()["worktree"][kind][0]["path"].clone();
    // Of the same size, and dated back; git tells changes apart by the second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let then = fs::metadata(world.path("dev/page")).unwrap().modified().unwrap();
    fs::write(world.path("dev/page"), "3").unwrap();
    fs::File::open(world.path("dev/page")).unwrap().set_modified(then).unwrap();
    assert_eq!(own("unstaged"), "page");
    world.git("dev", &["add", "page"]).ok();
    left_alone(&world);
    assert_eq!(own("staged"), "page");
    world.git("dev", &["reset", "--quiet", "--hard"]).ok();
    left_alone(&world);
    world.cairn("dev", &words).ok();
    world.git("dev", &["update-index", "--skip-worktree", "page"]).ok();
    fs::write(world.path("dev/page"), "4").unwrap();
    assert_eq!(own("hidden"), "page");
    world.git("dev", &["update-index", "--no-skip-worktree", "page"]).ok();
    world.git("dev", &["rm", "--quiet", "--cached", "page"]).ok();
    assert_eq!(own("staged"), "page");
}

/// Files that were touched in many ways, under many settings: what counts as changed is what git holds for changed.
#[test]
fn what_was_touched_is_own_work_where_git_says_so() {
    let world = crate::support::bare_host(&[]);
    let attributes = ["", "page text\n", "page eol=crlf\n", "page ident\n", "page filter=up\n", "page -diff -merge\n"];
    world.git("dev", &["config", "filter.up.clean", "tr a-z A-Z"]).ok();
    let (mut told, mut without_git) = (0, 0);
    for (n, (said, crlf)) in attributes.iter().map(|said| (said, "false")).chain([(&"", "true")]).enumerate() {
        for content in ["a b\nc\n", "a b\r\nc\r\n", "$Id$\n", "A B\n"] {
            fs::write(world.path("dev/.gitattributes"), "").unwrap();
            world.git("dev", &["config", "core.autocrlf", "false"]).ok();
            let bad = world.commit("dev", "page", &format!("{content}{n}\n"));
            world.git("dev", &["config", "core.autocrlf", crlf]).ok();
            fs::write(world.path("dev/.gitattributes"), said).unwrap();
            let (page, content) = (world.path("dev/page"), format!("{content}{n}\n"));
            let ways =
                [content.clone(), content.replace('a', "x"), content.replace('\r', ""), content.replace('\n', "\r\n")];
            let marked = [content.replace("$Id$", "$Id: 1 $"), content.to_lowercase()];
            for way in ways.into_iter().chain(marked) {
                fs::write(&page, way.replace("\r\r", "\r")).unwrap();
                let (plan, started) = started_by(&world, &["revert", &bad, "--no-push", "--plan", "--json"]);
                let ours = plan.json()["worktree"]["unstaged"].as_array().unwrap().len();
                let words = ["--no-optional-locks", "status", "--porcelain", "--untracked-files=no", "page"];
                let changed = !world.git("dev", &words).ok().stdout.is_empty();
                assert_eq!(ours == 1, changed, "{said:?} autocrlf={crlf} {content:?} {way:?}");
                told += usize::from(changed);
                without_git += usize::from(!started.contains(&"status".into()));
            }
            world.git("dev", &["checkout", "--quiet", "--force", "page"]).ok();
        }
    }
    assert!(told > 50 && without_git > 20, "one kind only: {told} changed, {without_git} told without git");
}
