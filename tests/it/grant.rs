//! A permission that a person on the host gives: for one movement, one person, once.

use crate::audit::{lines, verify};
use crate::support::{Ran, World, host, run, until};

/// A host whose main is rewound by permission only, and its commits, oldest first.
fn granting() -> (World, Vec<String>) {
    let world = host();
    let mut commits = vec![world.tip("dev", "main")];
    commits.extend(["2", "3"].map(|content| world.commit("dev", "page", content)));
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git("site.git", &["config", "cairnProtect.refs/heads/main.rewind", "grant"]).ok();
    (world, commits)
}

fn give(world: &World, name: &str, old: &str, new: &str, person: &str, ttl: &str) -> Ran {
    let words = ["--old", old, "--new", new, "--for", person, "--ttl", ttl, "--reason", "it was wrong"];
    world.cairn("site.git", &[&["guard", "grant", "--ref", name], &words[..]].concat())
}

fn token(world: &World, old: &str, new: &str) -> String {
    give(world, "refs/heads/main", old, new, "anna", "15m").ok().out().to_owned()
}

fn push(world: &World, person: &str, token: &str, refspec: &str) -> Ran {
    let mut git = world.in_folder("dev", "git");
    git.env("GL_USER", person).args(["push", "--force", "-o", &format!("cairn.grant={token}"), "origin", refspec]);
    run(&mut git)
}

/// Case 54: what is used up, over, for another movement, another reference, another person, or for nobody.
#[test]
pub fn case_54_a_permission_is_for_one_movement_one_person_and_once() {
    let (world, c) = granting();
    let back = format!("{}:main", c[0]);
    let refused = |person: &str, token: &str, refspec: &str, said: &str| {
        let before = world.refs("site.git");
        push(&world, person, token, refspec).exits(1).says("error: ").says(said);
        assert_eq!(world.refs("site.git"), before);
    };
    world
        .git("dev", &["push", "--force", "origin", &back])
        .exits(1)
        .says("git cairn guard grant --ref refs/heads/main");
    for unknown in ["", "x", "../../../x", "00000000-00", "0123456g-0"] {
        refused("anna", unknown, &back, "this host gave no such permission");
    }
    let right = token(&world, &c[2], &c[0]);
    refused("bob", &right, &back, "is for anna, not for you");
    refused("anna", &right, &format!("{}:main", c[1]), "nothing else");
    refused("anna", &format!("{right}0"), &back, "no such permission");
    let topic = world.tip("dev", "main");
    world.git("dev", &["push", "--quiet", "origin", "main:topic"]).ok();
    let other = give(&world, "refs/heads/topic", &topic, &c[0], "anna", "15m").ok().out().to_owned();
    refused("anna", &other, &back, "is for refs/heads/topic");
    let over = give(&world, "refs/heads/main", &c[2], &c[0], "anna", "0s").ok().out().to_owned();
    refused("anna", &over, &back, "ended at");

    push(&world, "anna", &right, &back).ok();
    assert_eq!(world.tip("site.git", "main"), c[0]);
    world.git("dev", &["push", "--quiet", "origin", &format!("{}:main", c[2])]).ok();
    refused("anna", &right, &back, "was used up by anna");

    let text = std::fs::read_to_string(world.path("site.git/cairn/audit.jsonl")).unwrap();
    assert!(!text.contains(&right), "the token is kept out");
    let what: Vec<_> = lines(&world).iter().map(|line| line["what"].as_str().unwrap().to_owned()).collect();
    assert_eq!(what.iter().filter(|word| *word == "grant").count(), 4, "three were given and one was used: {what:?}");
    verify(&world).ok();
}

#[test]
fn two_pushes_at_once_use_a_permission_once() {
    let (world, c) = granting();
    for clone in ["a", "b"] {
        world.git(".", &["clone", "--quiet", "site.git", clone]).ok();
    }
    let token = token(&world, &c[2], &c[0]);
    let option = format!("cairn.grant={token}");
    let ran: Vec<i32> = std::thread::scope(|scope| {
        let push = |clone| {
            let mut git = world.in_folder(clone, "git");
            git.env("GL_USER", "anna").args(["push", "--force", "-o", &option, "origin", &format!("{}:main", c[0])]);
            run(&mut git).code
        };
        let threads = ["a", "b"].map(|clone| scope.spawn(move || push(clone)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ran.contains(&0), "{ran:?}");
    let used =
        lines(&world).iter().filter(|line| line["subject"].as_str().unwrap_or_default().contains(" used by ")).count();
    assert_eq!(used, 1);
}

/// Case 71: both are let go on by the guard before either moves the branch.
#[test]
pub fn case_71_of_two_rewinds_one_wins_and_everything_stays_reachable() {
    let (world, c) = granting();
    world.git("site.git", &["config", "cairnProtect.refs/heads/main.rewind", "announce"]).ok();
    for clone in ["a", "b"] {
        world.git(".", &["clone", "--quiet", "site.git", clone]).ok();
    }
    let wait = "hooks/real-pre-receive \"$@\" || exit 1\ntouch ../inside-$$\n\
                while [ $(ls .. | grep -c inside-) -lt 2 ]; do sleep 0.02; done";
    world.wrap_hook("site.git", "pre-receive", wait);
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let push = |clone, to: &str| {
            let option = format!("cairn.rewind=refs/heads/main:{}:{to}", c[2]);
            let lease = format!("--force-with-lease=refs/heads/main:{}", c[2]);
            world.git(clone, &["push", &lease, "-o", &option, "origin", &format!("{to}:refs/heads/main")]).code
        };
        let threads = [("a", &c[0]), ("b", &c[1])].map(|(clone, to)| scope.spawn(move || push(clone, to)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    let winner = if codes[0] == 0 { &c[0] } else { &c[1] };
    assert_eq!(world.tip("site.git", "main"), *winner);
    let moved: Vec<_> = lines(&world).into_iter().filter(|line| line["what"] == "moved").collect();
    assert_eq!(moved.last().unwrap()["refs"][0]["new"], winner.as_str());
    let judged = lines(&world).into_iter().filter(|line| line["what"] == "rewind").count();
    assert_eq!(judged, 2);
    // The next push of anybody finds out what became of the other one: it dropped nothing that is not kept.
    world.git("dev", &["push", "--quiet", "origin", &format!("{}:refs/heads/next", c[0])]).ok();
    let list = world.cairn("site.git", &["rescue", "list", "--json"]).ok().json();
    let kept: Vec<_> = list["rescues"].as_array().unwrap().iter().map(|one| (&one["old"], &one["new"])).collect();
    assert_eq!(kept, [(&c[2].clone().into(), &winner.clone().into())]);
    assert_eq!(world.git("site.git", &["for-each-ref", "refs/cairn/pending"]).ok().stdout, "");
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    for commit in &c {
        world.git("site.git", &["cat-file", "-e", commit]).ok();
    }
    verify(&world).ok();
}

#[test]
fn what_makes_no_sense_is_not_permitted() {
    let (world, c) = granting();
    give(&world, "main", &c[2], &c[0], "anna", "15m").exits(2).says("refs/heads/main");
    give(&world, "refs/heads/main", "HEAD", &c[0], "anna", "15m").exits(2).says("full object id");
    give(&world, "refs/heads/main", &c[1], &c[0], "anna", "15m").exits(4).says(&c[2]);
    give(&world, "refs/heads/none", &c[1], &c[0], "anna", "15m").exits(4).says("holds nothing");
    give(&world, "refs/heads/main", &c[2], &c[0], "anna", "30d").exits(2);
    give(&world, "refs/heads/main", &c[2], &c[0], "anna", "soon").exits(2);
    let document = world
        .cairn(
            "site.git",
            &[
                &["guard", "grant", "--ref", "refs/heads/main", "--old", &c[2], "--new", &"0".repeat(40)][..],
                &["--for", "anna", "--ttl", "1h", "--reason", "x", "--json"],
            ]
            .concat(),
        )
        .ok()
        .json();
    assert_eq!(
        (&document["grant"]["ref"], &document["grant"]["new"]),
        (&"refs/heads/main".into(), &serde_json::Value::Null)
    );
    assert!(document["token"].as_str().unwrap().starts_with(document["grant"]["id"].as_str().unwrap()));
    assert!(document["grant"].get("digest").is_none());
}

/// What is permitted once is used when it happened, not when it was tried.
#[test]
fn a_permission_is_used_up_only_when_its_reference_has_moved() {
    let (world, c) = granting();
    let (token, back) = (token(&world, &c[2], &c[0]), format!("{}:main", c[0]));
    let used = || {
        let used = |line: &serde_json::Value| line["subject"].as_str().unwrap_or_default().contains(" used by anna");
        lines(&world).iter().filter(|line| used(line)).count()
    };
    // Stopped by an update hook, after ours has let it go on; and again.
    world.script("site.git/hooks/update", "exit 1");
    for _ in 0..2 {
        push(&world, "anna", &token, &back).exits(1);
        assert_eq!((world.tip("site.git", "main"), used()), (c[2].clone(), 0));
    }
    std::fs::remove_file(world.path("site.git/hooks/update")).unwrap();
    // It lands, though the hook that would note it dies: the next one does.
    world.wrap_hook("site.git", "post-receive", "cat >/dev/null");
    push(&world, "anna", &token, &back).ok();
    assert_eq!((world.tip("site.git", "main"), used()), (c[0].clone(), 0));
    let named = format!("cairn.reintroduce={}", c[1]);
    world.git("dev", &["push", "--quiet", "-o", &named, "origin", &format!("{}:main", c[2])]).ok();
    assert_eq!(used(), 1);
    push(&world, "anna", &token, &back).exits(1).says("was used up by anna");
    assert_eq!(world.tip("site.git", "main"), c[2]);
}

/// While one push has taken it no other can, and when that one is stopped another can.
#[test]
fn a_permission_that_a_push_has_taken_is_nobody_elses_until_that_push_is_over() {
    let (world, c) = granting();
    world.git(".", &["clone", "--quiet", "site.git", "b"]).ok();
    let (token, back) = (token(&world, &c[2], &c[0]), format!("{}:main", c[0]));
    world.script("site.git/hooks/update", "touch ../inside\nwhile [ -e ../hold ]; do sleep 0.02; done\nexit 1");
    std::fs::write(world.path("hold"), "").unwrap();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| push(&world, "anna", &token, &back));
        until("the first push is inside", || world.path("inside").exists());
        let mut second = world.in_folder("b", "git");
        second.env("GL_USER", "anna").args(["push", "-f", "-o", &format!("cairn.grant={token}"), "origin", &back]);
        run(&mut second).exits(1).says("is being used by a push of anna");
        std::fs::remove_file(world.path("hold")).unwrap();
        first.join().unwrap().exits(1);
    });
    std::fs::remove_file(world.path("site.git/hooks/update")).unwrap();
    push(&world, "anna", &token, &back).ok();
    assert_eq!(world.tip("site.git", "main"), c[0]);
}
