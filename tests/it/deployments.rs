//! Deployments: how they are numbered and marked, and who may touch the marks.

use crate::support::{Ran, World, host, run, until};
use std::collections::BTreeMap;
use std::process::{Child, Stdio};

/// Starts a push from the clone with this push option, and returns while it runs.
fn start_push(world: &World, option: &str, refspec: &str) -> Child {
    let mut push = world.in_folder("dev", "git");
    push.args(["push", "-o", option, "origin", refspec]).stdout(Stdio::piped()).stderr(Stdio::piped());
    push.spawn().unwrap()
}

#[track_caller]
fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The post-receive of a push with the option `die` does nothing, as if it had been killed.
fn hooks_that_die(world: &World) {
    world.wrap_hook(
        "site.git",
        "post-receive",
        "[ \"$GIT_PUSH_OPTION_0\" = die ] && exit 1\nexec hooks/real-post-receive \"$@\"",
    );
}

#[test]
fn the_push_that_creates_the_branch_is_the_first_deployment() {
    let world = host();
    let tip = world.tip("dev", "main");
    world
        .git("dev", &["push", "origin", "main:live"])
        .ok()
        .says(&format!("success: live deployed for the first time: live_1 is {}", &tip[..10]));
    assert_eq!(world.tagged("site.git", "refs/tags"), [format!("live_1 {tip}")]);
    assert!(world.deployments("site.git", &[])[0]["previous"].is_null());
}

#[test]
fn a_push_to_where_people_develop_is_none() {
    let world = host();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main", "main:topic"]).ok();
    assert!(world.deployments("site.git", &[]).is_empty());
}

#[test]
fn each_deployment_tells_the_pusher_the_way_back() {
    let world = host();
    world.deployed("live", "2");
    world.commit("dev", "page", "3");
    let pushed = world.git("dev", &["push", "origin", "main:live"]).ok();
    assert!(pushed.says("live_2").stderr.contains("hint: to go back: git cairn rollback live"));
}

#[test]
fn environments_are_numbered_each_for_itself() {
    let world = host();
    let one = world.deployed("live", "2");
    let two = world.deployed("live", "3");
    let three = world.deployed("test", "4");
    let expected = [format!("live_1 {one}"), format!("live_2 {two}"), format!("test_1 {three}")];
    assert_eq!(world.tagged("site.git", "refs/tags"), expected);
}

#[test]
fn a_push_of_two_environments_deploys_each() {
    let world = host();
    world.git("dev", &["push", "origin", "main:test", "main:live", "main:topic"]).ok().says("test_1").says("live_1");
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--atomic", "origin", "main:test", "main:live"]).ok().says("test_2").says("live_2");
    assert_eq!(world.backups("site.git").iter().filter(|one| one["initiator"] == "deployment").count(), 4);
}

#[test]
fn the_tag_is_one_that_git_itself_accepts() {
    let world = host();
    let old = world.deployed("live", "2");
    let new = world.commit("dev", "page", "3");
    let push = ["push", "--quiet", "-o", "cairn.note=new start page", "origin", "main:live"];
    run(world.in_folder("dev", "git").env("GL_USER", "anna").args(push)).ok();
    let tag = world.git("site.git", &["cat-file", "tag", "live_2"]).ok().stdout;
    assert!(tag.starts_with(&format!("object {new}\ntype commit\ntag live_2\ntagger anna <")), "{tag}");
    for line in ["\nnew start page\n", "\nCairn-Pusher: anna (gitolite)\n", &format!("\nCairn-Previous: {old}\n")] {
        assert!(tag.contains(line), "{line:?} is not in:\n{tag}");
    }
    let health = world.git("site.git", &["fsck", "--strict", "--full", "--no-dangling"]).ok();
    assert_eq!((health.stdout.as_str(), health.stderr.as_str()), ("", ""));
}

#[test]
fn no_identity_and_no_home_are_needed() {
    let world = host();
    run(world.in_folder("dev", "git").env_remove("HOME").args(["push", "origin", "main:live"])).ok().says("live_1");
    world.git("site.git", &["fsck", "--strict"]).ok();
}

#[test]
fn whoever_a_front_end_names_is_the_pusher() {
    let world = host();
    let fronts =
        [("GL_USERNAME", "gitlab"), ("GL_USER", "gitolite"), ("GITEA_PUSHER_NAME", "gitea"), ("REMOTE_USER", "http")];
    for (variable, source) in fronts {
        world.commit("dev", "page", source);
        let push = ["push", "--quiet", "origin", "main:live"];
        run(world.in_folder("dev", "git").env(variable, "Anna Müller").args(push)).ok();
        assert_eq!(world.deployments("site.git", &[])[0]["pusher"], format!("Anna Müller ({source})"));
    }
    world.deployed("live", "by nobody");
    let user = run(&mut world.in_folder(".", "whoami")).ok();
    assert_eq!(world.deployments("site.git", &[])[0]["pusher"], format!("{} (unix)", user.out()));
    world.git("site.git", &["fsck", "--strict"]).ok();
}

#[test]
fn a_note_cannot_steer_a_terminal() {
    let world = host();
    world.git("dev", &["push", "--quiet", "-o", "cairn.note=\u{1b}[2Jgone", "origin", "main:live"]).ok();
    let listed = world.cairn("site.git", &["deployments"]).ok();
    assert!(listed.stdout.contains("gone") && !listed.stdout.contains('\u{1b}'), "{}", listed.stdout);
}

#[test]
fn every_field_is_told_on_the_host_and_in_a_clone() {
    let world = host();
    let old = world.deployed("live", "2");
    let new = world.commit("dev", "page", "3");
    let push = ["push", "--quiet", "-o", "cairn.note=hello", "origin", "main:live"];
    run(world.in_folder("dev", "git").env("GL_USER", "anna").args(push)).ok();

    let on_host = world.deployments("site.git", &["live"]);
    let newest = &on_host[0];
    let created_at = newest["created_at"].as_str().unwrap().to_owned();
    assert!(created_at.ends_with('Z') && created_at.len() == 20, "{created_at}");
    let backup = world.cairn("site.git", &["backup", "show", "live_2", "--json"]).ok().json()["backup"].clone();
    assert_eq!((&backup["commit"], &backup["note"]), (&new.clone().into(), &"hello".into()));
    let expected = serde_json::json!({
        "environment": "live", "number": 2, "tag": "live_2", "commit": new, "subject": "page: 3",
        "created_at": created_at, "pusher": "anna (gitolite)", "note": "hello", "previous": old, "rollback": false,
        "backup": backup["id"],
    });
    assert_eq!(*newest, expected);
    assert_eq!(on_host.len(), 2);
    assert_eq!((&on_host[1]["tag"], &on_host[1]["note"]), (&"live_1".into(), &serde_json::Value::Null));

    // A clone sees the same, but has no store at hand.
    let mut in_clone = world.deployments("dev", &["live"]);
    assert!(in_clone.iter().all(|one| one["backup"].is_null()));
    in_clone[0]["backup"] = expected["backup"].clone();
    in_clone[1]["backup"] = on_host[1]["backup"].clone();
    assert_eq!(in_clone, on_host);
}

#[test]
fn a_list_is_of_one_environment_where_one_is_named() {
    let world = host();
    world.git("dev", &["push", "--quiet", "origin", "main:test", "main:live"]).ok();
    let tags = |words: &[&str]| {
        let list = world.deployments("dev", words);
        list.iter().map(|one| one["tag"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(tags(&["test"]), ["test_1"]);
    assert_eq!(tags(&[]).len(), 2);
    world.cairn("dev", &["deployments", "prod"]).exits(10).says("dev, test, live");
    world.cairn("site.git", &["deployments", "prod"]).exits(10).says("dev, test, live");
}

#[test]
fn times_are_shown_in_the_reader_s_time_zone() {
    let world = host();
    world.deployed("live", "2");
    let list = run(world.in_folder("site.git", "git").env("TZ", "JST-9").args(["cairn", "deployments"])).ok();
    assert!(list.stdout.contains("+09:00"), "{}", list.stdout);
}

#[test]
fn a_deployment_of_what_the_branch_had_is_a_rollback() {
    let world = host();
    let old = world.deployed("live", "2");
    world.deployed("live", "3");
    world.announced("live", Some(&old)).ok().says("live rolled back: live_3");
    let list = world.deployments("site.git", &[]);
    let flags: Vec<_> = list.iter().map(|one| one["rollback"].as_bool().unwrap()).collect();
    assert_eq!(flags, [true, false, false]);
}

/// Two lines of history: what is deployed again is no ancestor of what it replaces. Where our own notes are lost the tags tell.
#[test]
fn so_is_one_of_an_earlier_deployment_on_another_line() {
    for notes_are_lost in [false, true] {
        let world = host();
        let one = world.deployed("live", "2");
        world.git("dev", &["checkout", "--quiet", "-B", "main", "main~1"]).ok();
        let other = world.commit("dev", "page", "other");
        world.announced("live", Some(&other)).ok();
        if notes_are_lost {
            world.cairn("site.git", &["worker", "--once"]).ok();
            std::fs::remove_file(world.path("site.git/cairn/jobs.db")).unwrap();
        }
        world.announced("live", Some(&one)).ok();
        let list = world.deployments("site.git", &[]);
        let flags: Vec<_> = list.iter().map(|one| one["rollback"].as_bool().unwrap()).collect();
        assert_eq!(flags, [true, false, false], "{notes_are_lost}");
    }
}

/// Case 59.
#[test]
pub fn case_59_clients_neither_make_nor_move_nor_delete_deployment_tags() {
    let world = host();
    world.deployed("live", "2");
    let before = world.refs("site.git");
    world.git("dev", &["tag", "live_1"]).ok();
    world.git("dev", &["tag", "-a", "-m", "mine", "test_7"]).ok();
    world.git("dev", &["tag", "live_3"]).ok();
    let refused: [&[&str]; 7] = [
        &["origin", "test_7"],
        // Light, and out of order.
        &["origin", "live_3"],
        &["origin", "--force", "main:refs/tags/live_2"],
        &["origin", "--force", "live_1"],
        &["origin", ":live_1"],
        &["origin", "--force", ":live_1", "main:topic"],
        &["--mirror", "origin"],
    ];
    for words in refused {
        let said = world.git("dev", &[&["push"], words].concat()).exits(1);
        assert!(said.stderr.contains("remote: error: ") && said.stderr.contains("remote: hint: "), "{}", said.stderr);
        assert_eq!(world.refs("site.git"), before, "{words:?}");
    }
}

#[test]
fn tags_that_only_look_like_deployments_are_anybody_s() {
    let world = host();
    for tag in ["live_x", "live_01", "live_0", "dev_1", "prod_1", "v1", "live_1a"] {
        world.git("dev", &["tag", tag]).ok();
    }
    world.git("dev", &["push", "origin", "--tags"]).ok();
    world.git("dev", &["push", "origin", ":live_x", ":v1"]).ok();
}

#[test]
fn an_alias_of_a_deployment_tag_is_no_way_around() {
    let world = host();
    world.deployed("live", "2");
    world.git("site.git", &["symbolic-ref", "refs/heads/alias", "refs/tags/live_1"]).ok();
    let tag = world.tip("site.git", "live_1");
    world.git("dev", &["push", "--force", "origin", "main:alias"]).exits(1).says("error: ");
    world.git("dev", &["push", "origin", ":alias"]).exits(1).says("error: ");
    assert_eq!(world.tip("site.git", "refs/tags/live_1"), tag);
}

#[test]
fn a_push_through_a_symbolic_reference_deploys_what_it_leads_to() {
    let world = host();
    world.deployed("live", "2");
    world.git("site.git", &["symbolic-ref", "refs/heads/prod", "refs/heads/live"]).ok();
    world.commit("dev", "page", "3");
    world.git("dev", &["push", "origin", "main:prod"]).ok().says("live_2");
    assert_eq!(world.tip("site.git", "live_2^{commit}"), world.tip("dev", "main"));
}

#[test]
fn deleting_the_branch_is_no_deployment_and_the_count_goes_on() {
    let world = host();
    world.deployed("live", "2");
    world.announced("live", None).ok().says("warning: live has no branch any more");
    assert_eq!(world.deployments("site.git", &[]).len(), 1);
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_2");
}

#[test]
fn the_number_of_a_deleted_tag_is_not_used_again() {
    let world = host();
    world.deployed("live", "2");
    world.deployed("live", "3");
    world.git("site.git", &["tag", "-d", "live_2"]).ok();
    world.deployed("live", "4");
    assert_eq!(world.deployments("site.git", &[])[0]["tag"], "live_3");
}

#[test]
fn nor_when_the_host_s_own_count_is_lost_as_well() {
    let world = host();
    world.deployed("live", "2");
    world.deployed("live", "3");
    world.git("site.git", &["tag", "-d", "live_1", "live_2"]).ok();
    world.remove("site.git/cairn");
    world.deployed("live", "4");
    assert_eq!(world.deployments("site.git", &[])[0]["tag"], "live_3");
}

#[test]
fn a_number_that_somebody_took_on_the_host_is_passed_over() {
    let world = host();
    world.deployed("live", "2");
    world.git("site.git", &["tag", "live_5", "main"]).ok();
    world.deployed("live", "3");
    assert_eq!(world.tip("site.git", "live_6^{commit}"), world.tip("dev", "main"));
}

#[test]
fn the_template_names_the_tags_and_is_what_is_protected() {
    let world = host();
    world.git("site.git", &["config", "cairn.tagTemplate", "deploy/{env}-{n}"]).ok();
    world.cairn("site.git", &["setup"]).ok();
    world.git("dev", &["push", "origin", "main:live"]).ok().says("deploy/live-1");
    world.git("dev", &["push", "origin", "main:refs/tags/deploy/live-2"]).exits(1).says("error: ");
    world.git("dev", &["push", "origin", ":refs/tags/deploy/live-1"]).exits(1).says("error: ");
    world.git("dev", &["push", "origin", "main:refs/tags/live_1"]).ok();
    world.deployed("live", "2");
    assert_eq!(world.deployments("dev", &[])[0]["tag"], "deploy/live-2");
    world.cairn("dev", &["rollback", "live", "--yes"]).ok().says("deploy/live-3");
}

#[test]
fn what_git_refuses_after_it_was_noted_gets_no_number() {
    let world = host();
    world.script("site.git/hooks/update", "test \"$1\" != refs/heads/live || test -e open");
    world.git("dev", &["push", "origin", "main:live"]).exits(1);
    let refused = world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main:live"]).exits(1);
    std::fs::write(world.path("site.git/open"), "").unwrap();
    let landed = world.deployed("live", "3");
    assert_ne!(refused, landed);
    assert_eq!(world.tagged("site.git", "refs/tags"), [format!("live_1 {landed}")]);
    world.cairn("site.git", &["worker", "--once"]).ok();
    assert_eq!(world.deployments("site.git", &[]).len(), 1);
}

/// The numbers tell in which order the branch moved, whatever the order of the hooks.
#[test]
fn twenty_four_deployments_by_eight_people_at_once_are_numbered_as_the_branch_moved() {
    const PEOPLE: usize = 8;
    const EACH: usize = 3;
    let world = host();
    world.git("site.git", &["config", "core.logAllRefUpdates", "always"]).ok();
    // Those who overwrite do so without a word.
    world.git("site.git", &["config", "cairn.guard", "off"]).ok();
    // Nobody waits for a backup, so that pushes come as close together as they can.
    world.git("site.git", &["config", "cairn.hookBudget", "0s"]).ok();
    for person in 0..PEOPLE {
        world.git(".", &["clone", "--quiet", "site.git", &format!("p{person}")]).ok();
    }
    let deploy = |person: usize, round: usize| {
        let clone = format!("p{person}");
        let force = (person + round).is_multiple_of(3);
        world.git(&clone, &["checkout", "--quiet", "-B", "work", "origin/main"]).ok();
        world.commit(&clone, &format!("{person}/{round}"), "x");
        until("the push of one of eight lands", || {
            if force {
                return world.git(&clone, &["push", "--quiet", "--force", "origin", "work:live"]).code == 0;
            }
            if world.git(&clone, &["fetch", "--quiet", "--no-tags", "origin", "+live:base"]).code == 0 {
                world.git(&clone, &["rebase", "--quiet", "base", "work"]).ok();
            }
            world.git(&clone, &["push", "--quiet", "origin", "work:live"]).code == 0
        });
    };
    std::thread::scope(|scope| {
        for person in 0..PEOPLE {
            let deploy = &deploy;
            scope.spawn(move || (0..EACH).for_each(|round| deploy(person, round)));
        }
    });

    let log = std::fs::read_to_string(world.path("site.git/logs/refs/heads/live")).unwrap();
    let moved = log.lines().map(|line| line.split(' ').nth(1).unwrap());
    let truth: Vec<_> = moved.enumerate().map(|(n, commit)| format!("live_{} {commit}", n + 1)).collect();
    assert_eq!(truth.len(), PEOPLE * EACH);
    assert_eq!(world.tagged("site.git", "refs/tags"), truth);

    // And each of them has its own backup once nothing waits any more.
    world.cairn("site.git", &["worker", "--once"]).ok();
    let mut backed_up = BTreeMap::new();
    for backup in world.backups("site.git").iter().filter(|one| one["initiator"] == "deployment") {
        *backed_up.entry(backup["tag"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(backed_up.len(), PEOPLE * EACH);
    assert!(backed_up.values().all(|count| *count == 1), "{backed_up:?}");
}

#[test]
fn a_slow_hook_is_overtaken_and_its_movement_is_numbered_first() {
    let world = host();
    let go = world.path("go");
    let wait = format!(
        "if [ \"$GIT_PUSH_OPTION_0\" = slow ]; then while [ ! -e '{}' ]; do sleep 0.02; done; fi\nexec hooks/real-post-receive \"$@\"",
        go.display()
    );
    world.wrap_hook("site.git", "post-receive", &wait);
    let slow = world.commit("dev", "page", "slow");
    let running = start_push(&world, "slow", "main:live");
    until("the slow push moves the branch", || {
        world.git("site.git", &["rev-parse", "-q", "--verify", "live"]).out() == slow
    });
    let quick = world.commit("dev", "page", "quick");
    world.git("dev", &["push", "origin", "main:live"]).ok().says(&format!("live_2 is {}", &quick[..10]));
    let expected = [format!("live_1 {slow}"), format!("live_2 {quick}")];
    assert_eq!(world.tagged("site.git", "refs/tags"), expected);

    std::fs::write(go, "").unwrap();
    ended(running).ok().says(&format!("live_1 is {}", &slow[..10]));
    assert_eq!(world.tagged("site.git", "refs/tags"), expected, "nothing is numbered twice");
    let list = world.backups("site.git");
    let tags: Vec<_> = list.iter().filter_map(|one| one["tag"].as_str()).collect();
    assert_eq!(tags, ["live_2", "live_1"], "nor backed up twice");
}

/// Two pushes of one commit at once: the one that lands has a slow hook, and its movement is taken for the other's.
#[test]
fn a_push_that_lost_the_race_is_not_counted_beside_the_one_that_won() {
    let world = host();
    let here = world.path("").display().to_string();
    let wait = |file: &str| format!("while [ ! -e '{here}{file}'\"$GIT_PUSH_OPTION_0\" ]; do sleep 0.02; done");
    let before =
        format!("hooks/real-pre-receive \"$@\" || exit 1\n>'{here}noted'\"$GIT_PUSH_OPTION_0\"\n{}", wait("land"));
    let after = format!("{}\nexec hooks/real-post-receive \"$@\"", wait("hook"));
    world.wrap_hook("site.git", "pre-receive", &before);
    world.wrap_hook("site.git", "post-receive", &after);
    let touch = |names: &[&str]| names.iter().for_each(|name| std::fs::write(world.path(name), "").unwrap());

    let common = world.commit("dev", "page", "2");
    let winner = start_push(&world, "winner", "main:live");
    until("the winner is noted", || world.path("notedwinner").exists());
    let loser = start_push(&world, "loser", "main:live");
    until("the loser is noted", || world.path("notedloser").exists());
    touch(&["landwinner"]);
    until("the winner lands", || world.git("site.git", &["rev-parse", "-q", "--verify", "live"]).out() == common);
    touch(&["landloser", "hookloser", "landnext", "hooknext"]);
    ended(loser).exits(1);
    let next = world.commit("dev", "page", "3");
    world.git("dev", &["push", "-o", "next", "origin", "main:live"]).ok().says("live_2");
    touch(&["hookwinner"]);
    ended(winner).ok().says("live_1");
    assert_eq!(world.tagged("site.git", "refs/tags"), [format!("live_1 {common}"), format!("live_2 {next}")]);
}

#[test]
fn what_a_dead_hook_left_unmarked_is_marked_by_the_next_deployment() {
    let world = host();
    hooks_that_die(&world);
    let first = world.commit("dev", "page", "2");
    world.git("dev", &["push", "-o", "die", "-o", "cairn.note=lost", "origin", "main:live"]).ok();
    let second = world.commit("dev", "page", "3");
    world.git("dev", &["push", "-o", "die", "origin", "main:live"]).ok();
    assert!(world.deployments("site.git", &[]).is_empty());
    let third = world.deployed("live", "4");
    let expected = [format!("live_1 {first}"), format!("live_2 {second}"), format!("live_3 {third}")];
    assert_eq!(world.tagged("site.git", "refs/tags"), expected);
    let list = world.deployments("site.git", &[]);
    assert_eq!(list[2]["note"], "lost");
    // And each is backed up, though two never had the chance to ask for it.
    assert!(list.iter().all(|one| one["backup"].is_string()), "{list:?}");
}

#[test]
fn what_a_dead_hook_left_unmarked_is_marked_by_the_worker() {
    let world = host();
    hooks_that_die(&world);
    let commit = world.commit("dev", "page", "2");
    run(world.in_folder("dev", "git").env("GL_USER", "anna").args(["push", "-o", "die", "origin", "main:live"])).ok();
    world.cairn("site.git", &["worker", "--once"]).ok().says("marked live_1");
    assert_eq!(world.tagged("site.git", "refs/tags"), [format!("live_1 {commit}")]);
    let marked = &world.deployments("site.git", &[])[0];
    assert_eq!(marked["pusher"], "anna (gitolite)");
    assert!(marked["backup"].is_string(), "{marked}");
    let again = world.cairn("site.git", &["worker", "--once"]).ok();
    assert!(!again.stderr.contains("marked"), "{}", again.stderr);
}

#[test]
fn a_branch_that_the_host_moved_itself_does_not_stop_the_count() {
    let world = host();
    world.deployed("live", "2");
    world.git("site.git", &["update-ref", "refs/heads/live", "main"]).ok();
    let second = world.deployed("live", "3");
    assert_eq!(world.tip("site.git", "live_2^{commit}"), second);
}

#[test]
fn what_a_tag_says_is_not_changed_by_what_git_is_told_of_tags() {
    let world = host();
    for (key, value) in [
        ("tag.gpgSign", "true"),
        ("tag.forceSignAnnotated", "true"),
        ("gpg.program", "false"),
        ("core.commentChar", "#"),
        ("core.logAllRefUpdates", "always"),
    ] {
        world.git("site.git", &["config", key, value]).ok();
    }
    let commit = world.tip("dev", "main");
    let note = "# no comment   this";
    world.cairn("dev", &["deploy", "live", "main", "--yes", "--note", note]).ok();
    let tag = world.git("site.git", &["cat-file", "tag", "live_1"]).ok().stdout;
    assert!(tag.starts_with(&format!("object {commit}\ntype commit\ntag live_1\ntagger ")), "{tag}");
    assert!(tag.contains("\n\nDeploy live_1\n\n# no comment   this\n\nCairn-Environment: live\n"), "{tag}");
}
