//! A permission that a person on the host gives: for one movement, one person, once.

use crate::audit::{lines, verify};
use crate::support::{Ran, World, host, run};

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
fn case_54_a_permission_is_for_one_movement_one_person_and_once() {
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
        lines(&world).iter().filter(|line| line["subject"].as_str().unwrap_or_default().ends_with(" used")).count();
    assert_eq!(used, 1);
}

/// Case 71.
#[test]
fn case_71_of_two_rewinds_one_wins_and_the_audit_has_both() {
    let (world, c) = granting();
    world.git("site.git", &["config", "cairnProtect.refs/heads/main.rewind", "announce"]).ok();
    for clone in ["a", "b"] {
        world.git(".", &["clone", "--quiet", "site.git", clone]).ok();
    }
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
    let judged =
        lines(&world).into_iter().filter(|line| line["refs"][0]["old"] == c[2].as_str() && line["what"] != "moved");
    // The one that lost may have been told by git itself that it came too late, before any hook ran.
    assert!(judged.count() >= 1);
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
