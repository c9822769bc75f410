//! What a refusal prints is typed where it is printed: each command does what it says it does.

use crate::support::{Ran, World, command, host, run};

/// What a test may change, and what it gets back for the next command.
const FOLDERS: [&str; 3] = ["site.git", "site.cairn", "bob"];

/// A way on that a refusal names: what it is for, and the command.
#[derive(Debug, Clone)]
struct Way {
    purpose: String,
    command: String,
}

/// Reads the ways on from what a push heard; several for one purpose are several.
fn ways(said: &Ran) -> Vec<Way> {
    let mut ways = vec![];
    for line in said.stderr.lines().filter_map(|line| line.strip_prefix("remote: hint: ")) {
        let Some((purpose, commands)) = line.trim_end().split_once(": git ") else { continue };
        for one in commands.split(", or: ").flat_map(|one| one.split("; with plain git: ")) {
            let command = format!("git {}", one.trim_start_matches("git "));
            ways.push(Way { purpose: purpose.into(), command });
        }
    }
    assert!(!ways.is_empty(), "no way on in:\n{}", said.stderr);
    ways
}

/// The purposes, each once, in their order.
fn purposes(ways: &[Way]) -> Vec<&str> {
    let mut purposes: Vec<_> = ways.iter().map(|way| way.purpose.as_str()).collect();
    purposes.dedup();
    purposes
}

/// Types a command as it stands, and answers what it asks: without a terminal by flags.
fn types(world: &World, folder: &str, text: &str) -> Ran {
    let sh = |text: &str| run(command("sh", &world.path("home")).current_dir(world.path(folder)).args(["-c", text]));
    let mut last = None;
    for one in text.split("; ") {
        let asks = ["catch-up", "deploy", "rollback", "revert", "reset"];
        let asks = asks.iter().any(|verb| one.starts_with(&format!("git cairn {verb} ")));
        last = Some(if one.contains("--overwrite-history") {
            let plan = sh(&format!("{one} --plan --json"));
            if plan.code != 0 {
                return plan;
            }
            sh(&format!("{one} --confirm {}", plan.json()["plan_id"].as_str().unwrap()))
        } else if asks {
            sh(&format!("{one} --yes"))
        } else {
            sh(one)
        });
        if last.as_ref().is_some_and(|ran| ran.code != 0) {
            break;
        }
    }
    last.unwrap()
}

/// Types every way on that begins so, each where everything is as it was when the push was refused.
fn each(world: &World, ways: &[Way], purpose: &str, folder: &str, mut then: impl FnMut(&Ran)) {
    let chosen: Vec<_> = ways.iter().filter(|way| way.purpose.starts_with(purpose)).collect();
    assert!(!chosen.is_empty(), "nothing {purpose} in {ways:?}");
    for way in chosen {
        afresh(world, || {
            let ran = types(world, folder, &way.command);
            println!("{way:?}: {}", ran.code);
            then(&ran);
        });
    }
}

/// Does something and gives everything back as it was.
fn afresh(world: &World, what: impl FnOnce()) {
    let copy = |from: &str, to: &str| {
        let (from, to) = (world.path(from), world.path(to));
        assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    world.cairn("site.git", &["worker", "--once"]).ok();
    for folder in FOLDERS {
        copy(folder, &format!("{folder}.kept"));
    }
    what();
    world.cairn("site.git", &["worker", "--once"]).ok();
    for folder in FOLDERS {
        world.remove(folder);
        std::fs::rename(world.path(&format!("{folder}.kept")), world.path(folder)).unwrap();
    }
}

fn succeeded(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
}

/// A host with three commits on main, the last by a colleague of bob, who has a clone. Returns them, oldest first.
fn three() -> (World, [String; 3]) {
    let world = host();
    let commits = [world.tip("dev", "main"), world.commit("dev", "page", "2"), world.commit("dev", "page", "3")];
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    (world, commits)
}

/// Pushes from bob's clone, which must be refused, and reads what to do instead.
#[track_caller]
fn refused(world: &World, words: &[&str]) -> Vec<Way> {
    ways(&world.git("bob", &[&["push"], words].concat()).exits(1))
}

fn file(world: &World, name: &str) -> String {
    world.git("site.git", &["show", &format!("main:{name}")]).stdout
}

/// Whoever forces has, nearly always, commits that the host lacks.
#[test]
fn who_forces_with_commits_of_their_own_is_told_what_works_in_their_clone() {
    let (world, [_, second, third]) = three();
    world.git("bob", &["reset", "--quiet", "--hard", &second]).ok();
    let mine = world.commit("bob", "mine", "bob's");
    let ways = refused(&world, &["--force", "origin", "main"]);
    let told = [
        "to bring your work in",
        "then, to undo what you meant to drop",
        "to have just what you have, by a new commit",
    ];
    assert_eq!(purposes(&ways), [&told[..], &["to really put it back", "with plain git"]].concat());
    let then = ways.iter().find(|way| way.purpose.starts_with("then")).unwrap();
    each(&world, &ways, "to bring your work in", "bob", |ran| {
        succeeded(ran);
        assert_eq!((file(&world, "page"), file(&world, "mine")), ("3".into(), "bob's".into()));
        succeeded(&types(&world, "bob", &then.command));
        assert_eq!((file(&world, "page"), file(&world, "mine")), ("2".into(), "bob's".into()));
    });
    each(&world, &ways, "to have just", "bob", |ran| {
        succeeded(ran);
        assert_eq!(world.tip("site.git", "main^{tree}"), world.tip("bob", &format!("{mine}^{{tree}}")));
        assert_eq!(
            (world.tip("site.git", "main~1"), world.tip("bob", "main")),
            (third.clone(), world.tip("site.git", "main"))
        );
        assert!(ran.stderr.contains("stands for 1 commit of yours that the host lacks"), "{}", ran.stderr);
        world.cairn("bob", &["undo", "--yes"]).ok();
        assert_eq!((world.tip("site.git", "main"), world.tip("bob", "main")), (third.clone(), mine.clone()));
    });
    for purpose in ["to really", "with plain git"] {
        each(&world, &ways, purpose, "bob", |ran| {
            succeeded(ran);
            assert_eq!((world.tip("site.git", "main"), world.tip("bob", "main")), (mine.clone(), mine.clone()));
        });
    }
    // Amended: the same lines differ, so that only what never collides goes through; the rest stops and changes nothing.
    world.git("bob", &["reset", "--quiet", "--hard", &second]).ok();
    let amended = world.commit("bob", "page", "3, but better");
    let ways = refused(&world, &["--force", "origin", "main"]);
    each(&world, &ways, "to bring your work in", "bob", |ran| {
        assert!([1, 3].contains(&ran.code), "{ran:?}");
        assert_eq!(world.tip("site.git", "main"), third);
    });
    for (purpose, page) in [("to have just", "3, but better"), ("to really", "3, but better")] {
        each(&world, &ways, purpose, "bob", |ran| {
            succeeded(ran);
            assert_eq!(file(&world, "page"), page);
        });
    }
    each(&world, &ways, "with plain git", "bob", |ran| {
        succeeded(ran);
        assert_eq!(world.tip("site.git", "main"), amended);
    });
}

/// The commits of a colleague that were never fetched.
#[test]
fn who_forces_over_what_they_never_saw_and_who_only_goes_back() {
    let (world, [first, ..]) = three();
    let unseen = world.commit("dev", "other", "a colleague's");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.commit("bob", "mine", "bob's");
    let ways = refused(&world, &["--force", "origin", "main"]);
    for purpose in ["to bring", "to have just", "to really", "with plain git"] {
        each(&world, &ways, purpose, "bob", |ran| {
            succeeded(ran);
            let kept = world.git("site.git", &["merge-base", "--is-ancestor", &unseen, "main"]).code == 0;
            let loses_nothing = ["to bring", "to have just"].contains(&purpose);
            assert_eq!((file(&world, "mine"), kept), ("bob's".into(), loses_nothing), "{purpose}");
        });
    }
    // Going back only: two commits of a straight line are named as git cairn revert takes them.
    world.git("bob", &["reset", "--quiet", "--hard", &first]).ok();
    let ways = refused(&world, &["--force", "origin", "main"]);
    let range = ways.iter().find(|way| way.command.contains("revert")).unwrap();
    assert!(range.command.contains(&format!("{}..{}", &first[..10], &unseen[..10])), "{range:?}");
    each(&world, &ways, "to undo by a new commit", "bob", |ran| {
        succeeded(ran);
        assert_eq!(world.tip("site.git", "main^{tree}"), world.tip("site.git", &format!("{first}^{{tree}}")));
    });
    each(&world, &ways, "to bring your work in", "bob", |ran| {
        succeeded(ran);
        assert_eq!((world.tip("site.git", "main"), world.tip("bob", "main")), (unseen.clone(), unseen.clone()));
    });
    for purpose in ["to really", "with plain git"] {
        each(&world, &ways, purpose, "bob", |ran| {
            succeeded(ran);
            assert_eq!(world.tip("site.git", "main"), first);
        });
    }
}

#[test]
fn who_deletes_the_branch_of_an_environment() {
    let (world, [first, ..]) = three();
    world.cairn("dev", &["deploy", "live", &first, "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    let ways = refused(&world, &["origin", ":main"]);
    let lead = ["to put it back to a commit instead", "where people develop on another branch, on the host"];
    let git = "git's own receive.denyDeleteCurrent would refuse it then; on the host";
    assert_eq!(purposes(&ways), [&lead[..], &[git, "to really delete it, with plain git"]].concat());
    let typed = |way: &Way, word: &str, value: &str| way.command.replace(word, value);
    afresh(&world, || {
        succeeded(&types(&world, "bob", &typed(&ways[0], "<commit>", &first)));
        assert_eq!(file(&world, "page"), "1");
    });
    afresh(&world, || {
        succeeded(&types(&world, "site.git", &typed(&ways[1], "<branch>", "next")));
        succeeded(&types(&world, "site.git", &ways[2].command));
        world.git("bob", &["push", "--quiet", "origin", "main:next", ":main"]).ok();
    });
    afresh(&world, || {
        types(&world, "bob", &ways[3].command).exits(1).says("receive.denyDeleteCurrent");
        succeeded(&types(&world, "site.git", &ways[2].command));
        succeeded(&types(&world, "bob", &ways[3].command));
        world.git("site.git", &["rev-parse", "--verify", "--quiet", "refs/heads/main"]).exits(1);
    });
    let ways = refused(&world, &["origin", ":live"]);
    each(&world, &ways, "to go back", "bob", |ran| {
        succeeded(ran);
        assert_eq!(world.tip("site.git", "live"), first);
    });
    afresh(&world, || {
        let hold = ways.iter().find(|way| way.purpose.ends_with("on the host")).unwrap();
        succeeded(&types(&world, "site.git", &typed(hold, "<text>", "fair")));
        world.cairn("bob", &["rollback", "live", "--yes"]).exits(6);
    });
    each(&world, &ways, "to really", "bob", succeeded);
}

#[test]
fn who_moves_makes_or_deletes_the_mark_of_a_deployment() {
    let (world, [first, second, third]) = three();
    world.cairn("dev", &["deploy", "live", &first, "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", &second, "--yes"]).ok();
    world.git("bob", &["fetch", "--quiet", "--tags"]).ok();
    world.git("bob", &["tag", "--force", "live_1", "main"]).ok();
    let ways = refused(&world, &["--force", "origin", "live_1"]);
    each(&world, &ways, "to have it", "bob", |ran| {
        succeeded(ran);
        assert_eq!(world.tip("bob", "live_1^{commit}"), first);
    });
    each(&world, &ways, "to deploy that", "bob", |ran| {
        succeeded(ran);
        assert_eq!(world.tip("site.git", "live_3^{commit}"), third);
    });
    let ways = refused(&world, &["origin", ":live_2"]);
    each(&world, &ways, "to go back", "bob", |ran| {
        succeeded(ran);
        assert_eq!(world.tip("site.git", "live_3^{commit}"), first);
    });
    world.git("bob", &["tag", "-a", "-m", "by hand", "live_7"]).ok();
    let ways = refused(&world, &["origin", "live_7"]);
    each(&world, &ways, "to deploy that", "bob", |ran| {
        succeeded(ran);
        assert_eq!(world.tip("site.git", "live_3^{commit}"), third);
    });
    each(&world, &ways, "to keep it out", "bob", |ran| {
        succeeded(ran);
        world.git("bob", &["tag", "--force", "live_1", &first]).ok();
        world.git("bob", &["push", "--quiet", "origin", "main", "refs/tags/live_*:refs/tags/live_*"]);
        world.git("bob", &["rev-parse", "--verify", "--quiet", "live_7"]).exits(1);
    });
    // A tag of people's own that the host protects.
    world.git("dev", &["push", "--quiet", "origin", &format!("{first}:refs/tags/v1")]).ok();
    world.git("site.git", &["config", "cairnProtect.refs/tags/v*.rewind", "announce"]).ok();
    world.git("bob", &["tag", "v1", &second]).ok();
    let ways = refused(&world, &["--force", "origin", "v1"]);
    each(&world, &ways, "with plain git", "bob", |ran| {
        succeeded(ran);
        assert_eq!(world.tip("site.git", "v1"), second);
    });
}

#[test]
fn who_moves_an_environment_by_hand() {
    let (world, [first, second, third]) = three();
    world.cairn("dev", &["deploy", "test", &second, "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", &second, "--yes"]).ok();
    let ways = refused(&world, &["--force", "origin", &format!("{first}:live")]);
    for purpose in ["to deploy or to go back", "with plain git"] {
        each(&world, &ways, purpose, "bob", |ran| {
            succeeded(ran);
            assert_eq!(world.tip("site.git", "live_2^{commit}"), first);
        });
    }
    world.git("site.git", &["config", "cairn.live.deploy", "announced"]).ok();
    for (refspec, commit) in [(format!("{third}:live"), &third), (format!("+{first}:live"), &first)] {
        let ways = refused(&world, &["origin", &refspec]);
        each(&world, &ways, "to deploy it", "bob", |ran| {
            succeeded(ran);
            assert_eq!(world.tip("site.git", "live_2^{commit}"), *commit);
        });
    }
    world.git("site.git", &["config", "--unset", "cairn.live.deploy"]).ok();
    world.git("site.git", &["config", "cairn.promote", "in-order"]).ok();
    let new = world.commit("bob", "page", "4");
    for (environment, commit) in [("live", &third), ("test", &new)] {
        let ways = refused(&world, &["origin", &format!("{commit}:{environment}")]);
        each(&world, &ways, "let ", "bob", |ran| {
            succeeded(ran);
            assert_eq!(world.tip("site.git", environment), *commit);
        });
    }
}

#[test]
fn who_brings_back_what_was_dropped() {
    let (world, [_, second, third]) = three();
    world.announced("main", Some(&second)).ok();
    world.commit("bob", "mine", "bob's");
    world.git("bob", &["branch", "topic"]).ok();
    let has = |name: &str| world.git("site.git", &["merge-base", "--is-ancestor", &third, name]).code == 0;
    for (branch, refspec) in [("main", "main"), ("topic", "topic")] {
        world.git("bob", &["checkout", "--quiet", branch]).ok();
        let ways = refused(&world, &["origin", refspec]);
        each(&world, &ways, "to bring only your own", "bob", |ran| {
            succeeded(ran);
            let mine = world.git("site.git", &["show", &format!("{branch}:mine")]).ok().stdout;
            assert_eq!((mine.as_str(), has(branch)), ("bob's", false));
        });
        each(&world, &ways, "to really bring it back", "bob", |ran| {
            succeeded(ran);
            assert!(has(branch));
        });
    }
}

/// A reason, or a permission, is no part of what git cairn reset sends.
#[test]
fn who_needs_more_than_an_announcement_is_not_told_that_reset_will_do() {
    let (world, [_, second, third]) = three();
    let forced = ["--force", "origin", &format!("{second}:main")];
    let rewinds = |demand: &str| world.git("site.git", &["config", "cairnProtect.refs/heads/main.rewind", demand]).ok();
    for demand in ["reason", "grant", "refuse"] {
        rewinds(demand);
        let ways = refused(&world, &forced);
        assert!(!ways.iter().any(|way| way.command.contains("--overwrite-history")), "{ways:?}");
        each(&world, &ways, "to undo by a new commit", "bob", succeeded);
    }
    rewinds("reason");
    let ways = refused(&world, &forced);
    let plain = ways.iter().find(|way| way.purpose == "with plain git").unwrap();
    afresh(&world, || {
        succeeded(&types(&world, "bob", &plain.command.replace("<why>", "secret")));
        assert_eq!(world.tip("site.git", "main"), second);
    });
    rewinds("grant");
    let ways = refused(&world, &forced);
    let grant = ways.iter().find(|way| way.command.contains("guard grant")).unwrap();
    let grant = types(&world, "site.git", &grant.command.replace("<who>", "anybody").replace("<text>", "secret")).ok();
    assert!(grant.stdout.contains("cairn.grant") || grant.stderr.contains("cairn.grant"), "{grant:?}");
    // What git's own settings would refuse after that is said with it.
    rewinds("announce");
    world.git("site.git", &["config", "receive.denyNonFastForwards", "true"]).ok();
    let ways = refused(&world, &forced);
    let git = ways.iter().find(|way| way.purpose.starts_with("git's own receive.denyNonFastForwards")).unwrap();
    afresh(&world, || {
        succeeded(&types(&world, "site.git", &git.command));
        let really = ways.iter().find(|way| way.purpose == "to really put it back").unwrap();
        succeeded(&types(&world, "bob", &really.command));
        assert_eq!(world.tip("site.git", "main"), second);
    });
    assert_eq!(world.tip("site.git", "main"), third);
}
