//! Pushes that ask too much, lie, or carry what steers a terminal: each is answered, in few words, and nothing is lost by it.

use crate::guard::document;
use crate::support::{Ran, World, command, host, run};
use std::io::{Read, Write};
use std::process::Stdio;

/// What the host said, which must be short and must not steer a terminal.
#[track_caller]
fn heard(said: &Ran) -> String {
    let lines: Vec<_> = said.stderr.lines().filter(|line| line.starts_with("remote: ")).collect();
    let text = lines.join("\n");
    assert!(text.len() < 9 * 1024 && lines.len() < 40, "{} bytes in {} lines", text.len(), lines.len());
    let steers = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    // git itself erases the rest of a line on a terminal, and only there.
    assert!(!text.contains(steers), "{text:?}");
    text
}

#[test]
fn ten_thousand_references_in_a_push_are_refused_in_a_few_lines() {
    let world = host();
    let before = world.refs("site.git");
    let tip = world.tip("dev", "main");
    let many: String = (0..10_000).map(|n| format!("create refs/many/{n:05} {tip}\n")).collect();
    world.feed("dev", &["update-ref", "--stdin"], format!("{many}create refs/many/x {tip}\n").as_bytes());
    let pushed =
        world.git("dev", &["push", "origin", "refs/many/*:refs/heads/many/*", "main:refs/tags/live_7"]).exits(1);
    let text = heard(&pushed);
    assert!(text.contains("live_7") && text.contains("refused only with it"), "{text}");
    assert_eq!(document(&pushed)["more"], 0);
    // Each for a reason of its own.
    let pushed = world.git("dev", &["push", "origin", "refs/many/*:refs/cairn/many/*"]).exits(1);
    assert!(heard(&pushed).contains("9996 references more are refused"), "{}", pushed.stderr);
    assert_eq!(document(&pushed)["more"], 9996);
    assert_eq!(world.refs("site.git"), before);
    let lines = crate::audit::lines(&world);
    assert_eq!(lines.last().unwrap()["refs_count"], 10_001);
}

#[test]
fn a_megabyte_of_push_options_is_read_and_written_down_in_part() {
    let world = host();
    let options: Vec<String> = (0..20).map(|n| format!("cairn.reason={n}{}", "x".repeat(50_000))).collect();
    let words: Vec<&str> = options.iter().flat_map(|option| ["-o", option.as_str()]).collect();
    world.commit("dev", "page", "2");
    heard(&world.git("dev", &[&["push"], &words[..], &["origin", "main"]].concat()).ok());
    assert_eq!(world.tip("site.git", "main"), world.tip("dev", "main"));
    let refused = world.git("dev", &[&["push"], &words[..], &["origin", "main:refs/tags/live_7"]].concat()).exits(1);
    assert!(heard(&refused).contains("live_7"));
    let log = std::fs::read_to_string(world.path("site.git/cairn/audit.jsonl")).unwrap();
    assert!(log.lines().all(|line| line.len() < 64 * 1024));
    assert_eq!(crate::audit::lines(&world).last().unwrap()["options_count"], 20);
    crate::audit::verify(&world).ok();
}

/// More than the system lets any program be given: git cannot run a hook, and so accepts nothing.
#[test]
fn what_no_hook_could_be_given_is_not_accepted() {
    let world = host();
    let before = world.refs("site.git");
    let option = format!("cairn.note={}", "x".repeat(60_000));
    world.commit("dev", "page", "2");
    let url = world.path("site.git").display().to_string();
    let main = world.tip("dev", "main");
    let options: Vec<&str> = vec![option.as_str(); 200];
    let said = raw_push(&world, &url, &[("0".repeat(40), main, "refs/heads/huge".into())], &options);
    assert!(!said.contains("ok refs/heads/huge"), "{said}");
    assert_eq!(world.refs("site.git"), before);
}

#[test]
fn names_and_subjects_that_steer_a_terminal_are_escaped() {
    let world = host();
    world.git("site.git", &["config", "cairnProtect.refs/heads/**.rewind", "announce"]).ok();
    world.git("site.git", &["config", "cairnProtect.refs/heads/**.delete", "refuse"]).ok();
    // A mark that turns the direction of text, and a control of one character that terminals know as escape and bracket.
    let branch = "refs/heads/\u{202e}evil\u{9b}31m\u{feff}";
    world.git("dev", &["config", "user.name", "D\u{9b}2Jev\u{202e}"]).ok();
    let base = world.tip("dev", "main");
    world.git("dev", &["commit", "--quiet", "--allow-empty", "-m", "\u{1b}[2Jsubject\u{9b}2J\u{202e}"]).ok();
    let tip = world.tip("dev", "HEAD");
    world.git("dev", &["push", "--quiet", "origin", &format!("{tip}:{branch}")]).ok();
    let refused = world.git("dev", &["push", "--force", "origin", &format!("{base}:{branch}")]).exits(1);
    let text = heard(&refused);
    assert!(text.contains("\\u{202e}evil\\u{9b}31m") && text.contains("1 commit would be lost"), "{text}");
    // The document says the same to a program as it is.
    assert_eq!(document(&refused)["refs"][0]["ref"], branch);
    heard(&world.git("dev", &["push", "origin", &format!(":{branch}")]).exits(1));
    let option = format!("cairn.rewind={branch}:{tip}:{base}");
    let kept = world.git("dev", &["push", "--force", "-o", &option, "origin", &format!("{base}:{branch}")]).ok();
    assert!(heard(&kept).contains("git cairn rescue recover"));
    for words in [&["rescue", "list"][..], &["audit"], &["guard", "explain", branch]] {
        let out = world.cairn("site.git", words).ok().stdout;
        assert!(!out.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{words:?}: {out:?}");
    }
}

/// Sends a push as a client of one's own making, and returns all that git says to it.
fn raw_push(world: &World, url: &str, commands: &[(String, String, String)], options: &[&str]) -> String {
    let mut git = command("git", &world.path("home"));
    let mut host = git.args(["receive-pack", url]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (host.stdin.take().unwrap(), host.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        output.read_to_end(&mut said).unwrap();
        String::from_utf8_lossy(&said).into_owned()
    });
    let mut sent = Vec::new();
    let mut line = |text: &str| sent.extend_from_slice(format!("{:04x}{text}", text.len() + 4).as_bytes());
    for (n, (old, new, name)) in commands.iter().enumerate() {
        let words = "report-status side-band-64k push-options agent=a-test";
        line(&format!("{old} {new} {name}{}", if n == 0 { format!("\0{words}") } else { String::new() }));
    }
    sent.extend_from_slice(b"0000");
    let mut line = |text: &str| sent.extend_from_slice(format!("{:04x}{text}", text.len() + 4).as_bytes());
    for option in options {
        line(option);
    }
    sent.extend_from_slice(b"0000");
    if commands.iter().any(|(_, new, _)| !new.bytes().all(|byte| byte == b'0')) {
        // All that is named is there already.
        sent.extend(world.feed("dev", &["pack-objects", "--stdout", "--quiet"], b""));
    }
    // A host that has heard enough closes its end.
    let _ = input.write_all(&sent);
    drop(input);
    host.wait().unwrap();
    reader.join().unwrap()
}

/// What the client says a reference holds is its claim and nothing more.
#[test]
fn a_false_old_id_is_refused_for_an_update_and_for_a_deletion() {
    let world = host();
    let base = world.tip("dev", "main");
    let next = world.commit("dev", "page", "2");
    let last = world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main", "main:topic"]).ok();
    let (before, zero) = (world.refs("site.git"), "0".repeat(40));
    let url = world.path("site.git").display().to_string();
    for name in ["refs/heads/main", "refs/heads/topic"] {
        // A rewind that looks like going on, a deletion of what it does not hold, and making what is there.
        for (old, new) in [(&base, &next), (&base, &zero), (&zero, &base), (&next, &zero)] {
            let said = raw_push(&world, &url, &[(old.clone(), new.clone(), name.into())], &[]);
            let holds = format!("{name} holds {}, not", &last[..10]);
            assert!(said.contains(&holds), "{old} {new} {name}: {said}");
            assert!(said.contains(&format!("ng {name} pre-receive hook declined")), "{said}");
            assert_eq!(world.refs("site.git"), before);
        }
    }
    // The same client with the truth is heard.
    let said = raw_push(&world, &url, &[(last.clone(), zero, "refs/heads/topic".into())], &[]);
    assert!(said.contains("ok refs/heads/topic"), "{said}");
    world.health("site.git");
}

/// A repository whose objects lie elsewhere, as a front end's forks have it: what is dropped may be borrowed, and so may be
/// what is pushed.
#[test]
fn what_lies_in_a_repository_that_this_one_borrows_from_is_guarded_as_well() {
    let world = host();
    let base = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "bad");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git(".", &["clone", "--quiet", "--bare", "site.git", "lender.git"]).ok();
    let objects = world.path("lender.git/objects").display().to_string();
    std::fs::write(world.path("site.git/objects/info/alternates"), objects + "\n").unwrap();
    world.git("site.git", &["repack", "-a", "-d", "-l", "-q"]).ok();
    let own = || world.git("site.git", &["count-objects", "-v"]).ok().stdout;
    assert!(own().contains("in-pack: 0") && own().contains("alternate:"), "{}", own());
    let said = world.git("dev", &["push", "--force", "origin", &format!("{base}:main")]).exits(1);
    assert!(heard(&said).contains("1 commit would be lost from main"));
    world.announced("main", Some(&base)).ok().says("git cairn rescue recover");
    let refused = world.git("dev", &["push", "origin", &format!("{bad}:refs/heads/again")]).exits(1);
    assert!(heard(&refused).contains(&bad[..10]));
    // A commit that the lender alone has is not sent by a client that is told so, and is in no quarantine.
    world.git("dev", &["reset", "--quiet", "--hard", &bad]).ok();
    let upon = world.commit("dev", "other", "upon what was dropped");
    world.git("dev", &["push", "--quiet", world.path("lender.git").to_str().unwrap(), "main:lent"]).ok();
    let refused = world.git("dev", &["push", "origin", &format!("{upon}:refs/heads/again")]).exits(1);
    assert!(heard(&refused).contains("dropped on purpose"));
    // A clone that borrows itself pushes like any other.
    world.git(".", &["clone", "--quiet", "--reference", "lender.git", "site.git", "borrower"]).ok();
    let good = world.commit("borrower", "page", "good");
    world.git("borrower", &["push", "--quiet", "origin", "main"]).ok();
    assert_eq!(world.tip("site.git", "main"), good);
    let id = world.cairn("site.git", &["rescue", "list", "--json"]).ok().json()["rescues"][0]["id"].clone();
    world.cairn("site.git", &["rescue", "recover", id.as_str().unwrap(), "--branch", "back"]).ok();
    assert_eq!(world.tip("site.git", "back"), bad);
    run(world.in_folder("site.git", "git").args(["fsck", "--full", "--strict"])).ok();
}
