//! Going there and back from a clone: plans, leases, and what a host may answer.

use crate::support::{World, host};
use crate::terminal::{Terminal, written};

#[test]
fn deploy_takes_what_the_environment_before_has_on_the_host() {
    let world = host();
    let pushed = world.tip("dev", "main");
    world.commit("dev", "page", "not pushed");
    let said = world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    assert!(said.stdout.contains("test stands on test_1"), "{}", said.stdout);
    // There is nothing earlier to roll back to: taking a first deployment back is deleting the branch.
    said.says("the served tree is updated by the host's own means").says("git cairn undo ");
    world.cairn("dev", &["deploy", "live", "--yes", "--note", "go"]).ok();
    assert_eq!(world.tip("site.git", "live"), pushed);
    assert_eq!(world.deployments("dev", &["live"])[0]["note"], "go");
}

#[test]
fn deploy_takes_a_commit_or_a_deployment_by_name() {
    let world = host();
    let commit = world.commit("dev", "page", "2");
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "live"), commit);
    world.cairn("dev", &["deploy", "test", "live_1", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "test"), commit);
}

#[test]
fn a_plan_says_what_comes_and_goes_and_changes_nothing() {
    let world = host();
    world.deployed("live", "2");
    world.git("dev", &["checkout", "--quiet", "-B", "main", "main~1"]).ok();
    let other = world.commit("dev", "page", "other");
    world.comes_to_rest("site.git");
    let before = world.listing("site.git");
    let plan = world.cairn("dev", &["deploy", "live", "main", "--plan", "--json"]).ok().json();
    assert_eq!((&plan["schema"], &plan["operation"]), (&1.into(), &"deploy".into()));
    assert_eq!((&plan["ref"], &plan["target"]), (&"refs/heads/live".into(), &other.into()));
    assert_eq!(plan["expect_remote"], world.tip("site.git", "live"));
    assert_eq!(plan["commits"][0]["subject"], "page: other");
    assert_eq!(plan["commits_dropped"][0]["subject"], "page: 2");
    assert_eq!(plan["warnings"][0]["code"], "drops-commits");
    assert_eq!(world.listing("site.git"), before);
}

#[test]
fn a_plan_of_what_stands_there_exits_8_and_so_does_the_deed() {
    let world = host();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    let plan = world.cairn("dev", &["deploy", "test", "--plan", "--json"]).exits(8).json();
    assert_eq!(plan["expect_remote"], plan["target"]);
    let plan = world.cairn("dev", &["deploy", "test", "--plan"]).exits(8).stdout;
    assert!(plan.contains("nothing to do: test already stands on "), "{plan}");
    let said = world.cairn("dev", &["deploy", "test", "--yes", "--json"]).exits(8).json();
    assert_eq!(said["error"]["exit"], 8);
    assert_eq!(world.deployments("dev", &[]).len(), 1);
}

#[test]
fn a_confirmed_plan_is_carried_out_and_a_wrong_one_is_not() {
    let world = host();
    let id =
        world.cairn("dev", &["deploy", "test", "--plan", "--json"]).ok().json()["plan_id"].as_str().unwrap().to_owned();
    for wrong in ["0123456789abcdef", &id[..7], ""] {
        world.cairn("dev", &["deploy", "test", "--confirm", wrong]).exits(4).says("--plan");
    }
    assert!(world.deployments("dev", &[]).is_empty());
    world.cairn("dev", &["deploy", "test", "--confirm", &id[..16]]).ok().says("test_1");
}

#[test]
fn a_confirmed_plan_is_void_when_something_moved() {
    let world = host();
    let id =
        world.cairn("dev", &["deploy", "test", "--plan", "--json"]).ok().json()["plan_id"].as_str().unwrap().to_owned();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("dev", &["deploy", "test", "--confirm", &id]).exits(4);
    assert!(world.deployments("dev", &[]).is_empty());
}

#[test]
fn a_saved_plan_is_carried_out_exactly_or_not_at_all() {
    let world = host();
    let wanted = world.tip("dev", "main");
    let save = |name: &str| {
        let plan = world.cairn("dev", &["deploy", "test", "--plan", "--json"]).ok().stdout;
        std::fs::write(world.path(name), plan).unwrap();
        world.path(name).display().to_string()
    };
    let plan = save("plan.json");
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let applied = world.cairn("dev", &["deploy", "test", "--apply", &plan, "--json"]).ok().json();
    assert_eq!((&applied["id"], &applied["result"]), (&"test_1".into(), &wanted.clone().into()));
    assert_eq!(world.tip("site.git", "test"), wanted);

    let plan = save("plan.json");
    world.deployed("test", "somebody was quicker");
    let before = world.tip("site.git", "test");
    world.cairn("dev", &["deploy", "test", "--apply", &plan]).exits(4).says("moved");
    assert_eq!(world.tip("site.git", "test"), before);
}

#[test]
fn a_plan_that_was_edited_or_is_of_another_kind_is_refused() {
    let world = host();
    let other = world.commit("dev", "page", "2");
    let plan = world.cairn("dev", &["deploy", "test", "--plan", "--json"]).ok();
    let target = plan.json()["target"].as_str().unwrap().to_owned();
    let path = world.path("plan.json").display().to_string();
    std::fs::write(&path, &plan.stdout).unwrap();
    world.cairn("dev", &["rollback", "test", "--apply", &path]).exits(2);
    world.cairn("dev", &["deploy", "live", "--apply", &path]).exits(2);
    std::fs::write(&path, plan.stdout.replace(&target, &other)).unwrap();
    world.cairn("dev", &["deploy", "test", "--apply", &path]).exits(2).says("changed after it was made");
    assert!(world.deployments("dev", &[]).is_empty());
}

#[test]
fn a_deployment_of_which_the_host_makes_no_tag_is_told() {
    let world = host();
    let told = world.cairn("dev", &["deploy", "test", "--yes"]).ok().says("test_1");
    assert!(!told.stderr.contains("warning"), "{}", told.stderr);
    std::fs::remove_file(world.path("site.git/hooks/post-receive")).unwrap();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let site = std::fs::canonicalize(world.path("site.git")).unwrap().display().to_string();
    let told = world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    told.says("gave this deployment of test no tag").says(&format!("git -C {site} cairn doctor"));
}

#[test]
fn without_a_terminal_a_yes_is_needed() {
    let world = host();
    world.cairn("dev", &["deploy", "test"]).exits(7).says("--yes").says("--confirm ");
    let said = world.cairn("dev", &["deploy", "test", "--json"]).exits(7).json();
    assert_eq!(said["error"]["exit"], 7);
    assert!(world.deployments("dev", &[]).is_empty());
}

#[test]
fn on_a_terminal_it_shows_the_plan_and_asks_once() {
    let world = host();
    for (answer, code) in [("n", 7), ("y", 0)] {
        let Some(terminal) = Terminal::start(&world, "dev", 80, "git cairn deploy test") else { return };
        terminal.shows("Deploy test? [y/N]").types(answer).press(&["Enter"]);
        assert_eq!(terminal.exit(), code, "{}", terminal.seen());
        let seen = terminal.seen();
        assert!(seen.contains("deploy test: nothing -> "), "{seen}");
        assert_eq!(seen.matches("[y/N]").count(), 1, "{seen}");
        assert_eq!(world.deployments("dev", &[]).is_empty(), code != 0);
    }
    assert_eq!(world.deployments("dev", &[])[0]["tag"], "test_1");
}

#[test]
fn what_is_not_there_is_named() {
    let world = host();
    world.cairn("dev", &["deploy", "prod", "--yes"]).exits(10).says("dev, test, live");
    world.cairn("dev", &["deploy", "live", "no-such-commit", "--yes"]).exits(10);
    world.cairn("dev", &["deploy", "live", "--yes"]).exits(10).says("deploy that first: git cairn deploy test");
    world.cairn("dev", &["rollback", "live", "--yes"]).exits(10).says("live has no commit yet");
    world.cairn("dev", &["rollback", "live", "live_9", "--yes"]).exits(10);
    world.cairn("dev", &["deploy", "test", "--remote", "nowhere", "--yes"]).exits(10).says("git remote -v");
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    world.cairn("dev", &["rollback", "test", "--yes"]).exits(10).says("no earlier deployment of another commit");
}

#[test]
fn where_people_develop_nothing_is_deployed() {
    let world = host();
    world.cairn("dev", &["deploy", "dev", "--yes"]).exits(5).says("git push");
}

#[test]
fn a_host_that_cannot_be_reached_is_an_outside_failure() {
    let world = host();
    std::fs::rename(world.path("site.git"), world.path("gone.git")).unwrap();
    world.cairn("dev", &["deploy", "test", "--yes"]).exits(13).says("hint: ");
}

#[test]
fn rollback_goes_to_the_newest_earlier_deployment_of_another_commit() {
    let world = host();
    let one = world.deployed("live", "2");
    let two = world.deployed("live", "3");
    let said = world.cairn("dev", &["rollback", "live", "--yes", "--note", "broken"]).ok();
    said.says("(live_1) on ").says("leaving, 1 commit:").says("live rolled back: live_3");
    assert_eq!(world.tip("site.git", "live"), one);
    let newest = &world.deployments("dev", &[])[0];
    assert_eq!((&newest["rollback"], &newest["note"]), (&true.into(), &"broken".into()));
    assert_eq!((&newest["previous"], &newest["commit"]), (&two.into(), &one.into()));
}

#[test]
fn the_command_that_takes_a_rollback_back_does_so() {
    let world = host();
    world.deployed("live", "2");
    let two = world.deployed("live", "3");
    let applied = world.cairn("dev", &["rollback", "live", "--yes", "--json"]).ok().json();
    let undo: Vec<_> = applied["undo"].as_str().unwrap().split(' ').skip(2).chain(["--yes"]).collect();
    world.cairn("dev", &undo).ok();
    assert_eq!(world.tip("site.git", "live"), two);
}

#[test]
fn rollback_goes_to_a_deployment_that_is_named() {
    let world = host();
    let one = world.deployed("live", "2");
    world.deployed("live", "3");
    world.deployed("live", "4");
    world.cairn("dev", &["rollback", "live", "live_1", "--yes"]).ok().says("live_4");
    assert_eq!(world.tip("site.git", "live"), one);
}

#[test]
fn a_second_rollback_does_not_bring_back_what_the_first_took_away() {
    let world = host();
    let one = world.deployed("live", "2");
    let two = world.deployed("live", "3");
    let first = world.cairn("dev", &["rollback", "live", "--yes"]).ok();
    let first = first.says("what was rolled back is live_2; to deploy it again: git cairn deploy live live_2");
    assert!(!first.stderr.contains("to go back") && !first.stderr.contains("warning"), "{}", first.stderr);
    for words in [&["--yes"][..], &["--plan"], &["--hold", "--yes"]] {
        let said = world.cairn("dev", &[&["rollback", "live"], words].concat()).exits(5);
        let said = said.says("live was rolled back from live_2 already, and stands on ");
        assert!(
            said.stderr.contains("hint: to deploy live_2 again: git cairn deploy live live_2\n"),
            "{}",
            said.stderr
        );
        assert_eq!(world.tip("site.git", "live"), one);
    }
    // Named, it is done.
    world.cairn("dev", &["rollback", "live", "live_2", "--yes"]).ok().says("live_4");
    assert_eq!(world.tip("site.git", "live"), two);
}

#[test]
fn a_second_rollback_names_what_stood_further_back() {
    let world = host();
    let base = world.tip("dev", "main");
    // A branch that was there before the first deployment stood on something too.
    world.git("site.git", &["branch", "test", &base]).ok();
    let one = world.deployed("live", "2");
    for (environment, content) in [("live", "3"), ("live", "4"), ("test", "5"), ("test", "6")] {
        world.deployed(environment, content);
    }
    for (environment, left, further) in [("live", "live_3", "live_1"), ("test", "test_2", &base[..10])] {
        world.cairn("dev", &["rollback", environment, "--yes"]).ok();
        let hint = format!(
            "hint: to go further back: git cairn rollback {environment} {further}; to deploy {left} again: git cairn deploy {environment} {left}\n"
        );
        world.cairn("dev", &["rollback", environment, "--yes"]).exits(5).says(&hint);
        world.cairn("dev", &["rollback", environment, further, "--yes"]).ok();
    }
    assert_eq!((world.tip("site.git", "live"), world.tip("site.git", "test")), (one, base));
}

#[test]
fn a_rollback_on_a_terminal_tells_no_progress_of_nothing() {
    let world = host();
    world.deployed("live", "2");
    world.deployed("live", "3");
    // What was deployed before is rolled back to, says the host; and from there the way back is back.
    for (typed, done) in [("rollback live", "what was rolled back is live_2"), ("deploy live main", "to go back: git")]
    {
        let Some(told) = written(&world, "dev", &format!("git cairn {typed} --yes"), &[]) else { return };
        let told = told.ok().stdout;
        assert!(told.contains(done) && !told.contains("Total"), "{told}");
    }
    let plan = world.cairn("dev", &["rollback", "live", "--plan"]).ok().stdout;
    assert!(plan.contains("(live_3)") && !plan.contains("warning"), "{plan}");
}

#[test]
fn a_rollback_announces_to_the_host_what_it_drops() {
    let world = host();
    let one = world.deployed("live", "2");
    let two = world.deployed("live", "3");
    world.wrap_hook(
        "site.git",
        "pre-receive",
        "env | grep ^GIT_PUSH_OPTION_ | sort >seen\nexec hooks/real-pre-receive \"$@\"",
    );
    world.cairn("dev", &["rollback", "live", "--yes"]).ok();
    let seen = std::fs::read_to_string(world.path("site.git/seen")).unwrap();
    let expected = format!(
        "GIT_PUSH_OPTION_0=cairn.deploy=live\nGIT_PUSH_OPTION_1=cairn.rewind=refs/heads/live:{two}:{one}\nGIT_PUSH_OPTION_COUNT=2\n"
    );
    assert_eq!(seen, expected);
}

#[test]
fn a_host_that_refuses_is_heard_and_nothing_changes() {
    let world = host();
    world.deployed("live", "2");
    let two = world.deployed("live", "3");
    world.git("site.git", &["config", "receive.denyNonFastForwards", "true"]).ok();
    world.cairn("dev", &["rollback", "live", "--yes"]).exits(6).says("the host refused");
    assert_eq!(world.tip("site.git", "live"), two);
    world.script("site.git/hooks/update", "echo 'closed for today' >&2; exit 1");
    world.commit("dev", "page", "4");
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).exits(6).says("closed for today");
    assert_eq!(world.deployments("dev", &[]).len(), 2);
}

/// The clone's own pre-push hook stands for somebody who pushes between our look and our push.
#[test]
fn a_race_that_is_lost_overwrites_nothing() {
    let world = host();
    world.deployed("live", "2");
    let before = world.tip("site.git", "main");
    let host = world.path("site.git");
    world.script(
        "dev/.git/hooks/pre-push",
        &format!("git --git-dir='{}' update-ref refs/heads/live {before}", host.display()),
    );
    world.commit("dev", "page", "3");
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).exits(4).says("moved on the host since you saw it");
    assert_eq!(world.tip("site.git", "live"), before);
    assert_eq!(world.deployments("dev", &[]).len(), 1);
}

#[test]
fn nothing_stays_behind_in_the_clone() {
    let world = host();
    world.deployed("test", "2");
    world.deployed("test", "3");
    // A clone that has none of the objects that the commands need; one from a path would be given them all.
    let url = format!("file://{}", world.path("site.git").display());
    world.git(".", &["clone", "--quiet", "--single-branch", "--no-tags", &url, "other"]).ok();
    let state = || {
        let mut files = world.listing("other");
        // Objects, and what was done there, so that it can be taken back.
        let kept = ["other/.git/objects", "other/.git/cairn"].map(|path| world.path(path));
        files.retain(|(path, ..)| !kept.iter().any(|kept| path.starts_with(kept)));
        files
    };
    let before = state();
    world.cairn("other", &["deployments"]).ok();
    world.cairn("other", &["deploy", "live", "--yes"]).ok();
    world.cairn("other", &["rollback", "test", "--yes"]).ok();
    world.cairn("other", &["deploy", "live", "--plan"]).ok();
    world.cairn("other", &["deploy", "live", "--yes"]).ok();
    assert_eq!(state(), before);
    assert_eq!(world.tip("site.git", "live"), world.tip("site.git", "test"));
}

#[test]
fn the_host_itself_can_deploy() {
    let world = host();
    world.cairn("site.git", &["deploy", "test", "--yes"]).ok().says("test_1");
    let second = world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("site.git", &["deploy", "test", "--yes"]).ok().says("test_2");
    assert_eq!(world.tip("site.git", "test"), second);
    world.cairn("site.git", &["rollback", "test", "--yes"]).ok().says("test_3");
    assert_eq!(world.deployments("site.git", &["test"]).len(), 3);
    assert_eq!(world.backups("site.git").iter().filter(|one| one["initiator"] == "deployment").count(), 3);
}

#[test]
fn of_several_remotes_the_one_that_tells_of_a_site_is_the_host() {
    let world = host();
    world.bare("mirror.git", &[]);
    world.git("dev", &["remote", "rename", "origin", "production"]).ok();
    world.git("dev", &["remote", "add", "origin", &world.path("mirror.git").display().to_string()]).ok();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok().says("test_1");
    world.git("dev", &["remote", "add", "second", &world.path("site.git").display().to_string()]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).exits(2).says("cairn.remote");
    world.git("dev", &["config", "cairn.remote", "second"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok().says("live_1");
}

#[test]
fn a_host_that_tells_nothing_is_never_guessed_about() {
    let world = World::new();
    world.bare("plain.git", &[]);
    world.git(".", &["clone", "--quiet", "plain.git", "dev"]).ok();
    let commit = world.commit("dev", "page", "1");
    world.git("dev", &["push", "--quiet", "origin", "HEAD:main"]).ok();
    world.cairn("dev", &["deploy", "test", "--yes"]).exits(10).says("cairn.dev.branch");
    world.git("dev", &["config", "cairn.dev.branch", "main"]).ok();
    world
        .cairn("dev", &["deploy", "test", "--yes", "--note", "x"])
        .ok()
        .says("whether it marks deployments is unknown");
    assert_eq!(world.tip("plain.git", "test"), commit);
}

#[test]
fn a_lock_on_the_host_is_waited_for_and_then_named() {
    let world = host();
    let lock = world.path("site.git/refs/heads/live.lock");
    std::fs::write(&lock, "").unwrap();
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).exits(11).says("could not lock live").says("live.lock");
    assert!(world.deployments("dev", &[]).is_empty());
    // It goes away between one push and the next.
    world
        .script("dev/.git/hooks/pre-push", "test -e ../pushed && rm ../site.git/refs/heads/live.lock; touch ../pushed");
    world.cairn("dev", &["deploy", "live", "main", "--yes"]).ok().says("live_1 is ");
}

#[test]
fn an_environment_whose_branch_nobody_pushed_names_the_branch_that_somebody_did() {
    let world = host();
    world.git("dev", &["push", "--quiet", "origin", "main:trunk"]).ok();
    world.git("site.git", &["symbolic-ref", "HEAD", "refs/heads/trunk"]).ok();
    world
        .git(
            "dev",
            &[
                "push",
                "--quiet",
                "-o",
                &format!("cairn.rewind=refs/heads/main:{}:{}", world.tip("dev", "main"), "0".repeat(40)),
                "origin",
                ":main",
            ],
        )
        .ok();
    let told = world.cairn("dev", &["deploy", "test", "--yes"]).exits(10).says("dev, the branch main, has no commit");
    told.says("git push <remote> HEAD:main").says("on the host: git cairn setup --env dev=trunk");
    world.cairn("site.git", &["setup", "--env", "dev=trunk"]).ok();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok().says("test_1");
}
