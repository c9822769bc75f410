//! `git cairn setup`: what it writes, what it leaves alone, and what it refuses.

use crate::support::{GIT_CAIRN, World, bare_host, copy_program, host, host_with, run};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn config(world: &World, key: &str) -> String {
    world.git("site.git", &["config", "--get-all", key]).out().to_owned()
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_default_store_lies_beside_the_repository() {
    let world = bare_host(&[]);
    world.cairn("site.git", &["setup"]).ok();
    assert_eq!(Path::new(&config(&world, "cairn.store")), world.path("site.cairn"));
    assert!(world.path("site.cairn/RESTORE.md").is_file());
    assert_eq!(world.backups("site.git").len(), 1);
}

#[test]
fn the_config_says_what_the_site_is_and_what_clients_may_do() {
    let world = host();
    assert_eq!(config(&world, "cairn.site"), "site");
    assert_eq!(config(&world, "cairn.dev.branch"), "main");
    assert!(config(&world, "cairn.id").len() >= 32);
    assert_eq!(config(&world, "transfer.hideRefs"), "refs/cairn");
    assert_eq!(config(&world, "receive.advertisePushOptions"), "true");
}

#[test]
fn hidden_references_that_were_configured_stay_hidden() {
    let world = bare_host(&[]);
    world.git("site.git", &["config", "transfer.hideRefs", "refs/private"]).ok();
    world.cairn("site.git", &["setup"]).ok();
    assert_eq!(config(&world, "transfer.hideRefs"), "refs/private\nrefs/cairn");
}

#[test]
fn two_sites_get_different_ids() {
    let (one, other) = (host(), host());
    assert_ne!(config(&one, "cairn.id"), config(&other, "cairn.id"));
}

#[test]
fn it_says_where_each_environment_stands_or_how_it_comes_to_be() {
    let world = bare_host(&[]);
    let said = world.cairn("site.git", &["setup"]).ok();
    let tip = &world.tip("dev", "main")[..10];
    assert!(said.stdout.contains(&format!("dev: branch main, stands on {tip}")), "{}", said.stdout);
    assert!(said.stdout.contains("git cairn deploy live will create it"), "{}", said.stdout);
}

#[test]
fn clients_see_what_the_site_is_and_cannot_write_it() {
    let world = host();
    let seen = world.git("dev", &["ls-remote", "origin", "refs/meta/cairn"]).ok();
    assert_eq!(seen.stdout.lines().count(), 1);
    world.git("dev", &["push", "--force", "origin", "main:refs/meta/cairn"]).exits(1).says("error: ");
    world.git("dev", &["push", "origin", ":refs/meta/cairn"]).exits(1).says("on this host alone");
    world.git("dev", &["push", "origin", "main:refs/cairn/pin/x/0"]).exits(1);
    assert_eq!(world.git("dev", &["ls-remote", "origin", "refs/meta/cairn"]).ok().stdout, seen.stdout);
    assert!(world.git("site.git", &["for-each-ref", "refs/cairn/"]).ok().out().is_empty());
}

#[test]
fn our_own_references_are_not_advertised() {
    let world = host();
    let tip = world.tip("site.git", "main");
    world.git("site.git", &["update-ref", "refs/cairn/pin/x/0", &tip]).ok();
    assert!(!world.git("dev", &["ls-remote", "origin"]).ok().stdout.contains("refs/cairn"));
}

#[test]
fn a_dry_run_says_everything_and_changes_nothing() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/post-receive", "exit 0");
    let before = world.listing(".");
    let said = world.cairn("site.git", &["setup", "--dry-run"]).ok();
    for change in ["--- a/config\n+++ b/config\n", "\n+\tid = ", "would: hook ", "would: store ", "would: first backup"]
    {
        assert!(said.stdout.contains(change), "{change:?} is not said in:\n{}", said.stdout);
    }
    assert!(!said.stdout.contains("done: "));
    assert_eq!(world.listing("."), before);
}

#[test]
fn a_dry_run_on_a_host_changes_nothing_either() {
    let world = host();
    let before = world.listing(".");
    let said = world.cairn("site.git", &["setup", "--dry-run", "--env", "live=production"]).ok();
    assert!(said.stdout.contains("+[cairn \"live\"]\n+\tbranch = production\n"), "{}", said.stdout);
    assert_eq!(world.listing("."), before);
}

#[test]
fn run_again_there_is_nothing_to_change_and_nothing_is_written() {
    let world = host();
    let before = world.listing(".");
    let said = world.cairn("site.git", &["setup"]).ok();
    assert!(said.stdout.starts_with("nothing to change\n"), "{}", said.stdout);
    assert_eq!(world.listing("."), before);
}

#[test]
fn run_again_it_adds_only_what_is_missing() {
    let world = host();
    let id = config(&world, "cairn.id");
    std::fs::remove_file(world.path("site.git/hooks/post-receive")).unwrap();
    world.git("site.git", &["config", "--unset", "receive.advertisePushOptions"]).ok();
    let said = world.cairn("site.git", &["setup"]).ok();
    assert_eq!(said.stdout.matches("done: ").count(), 2, "{}", said.stdout);
    assert!(world.path("site.git/hooks/post-receive").is_file());
    assert_eq!(config(&world, "receive.advertisePushOptions"), "true");
    assert_eq!(config(&world, "cairn.id"), id);
    assert_eq!(world.backups("site.git").len(), 1);
}

#[test]
fn an_environment_is_named_with_its_branch_and_its_served_folder() {
    let world = bare_host(&[]);
    let served = world.path("www");
    world.cairn("site.git", &["setup", "--env", &format!("live=production:{}", served.display())]).ok();
    assert_eq!(config(&world, "cairn.live.branch"), "production");
    assert_eq!(Path::new(&config(&world, "cairn.live.worktree")), served);
    world.git("dev", &["push", "origin", "main:production"]).ok().says("live_1");
}

#[test]
fn a_flag_changes_what_it_names_and_nothing_else() {
    let world = host();
    let keys = |world: &World| world.git("site.git", &["config", "--list", "--local"]).ok().stdout;
    let before = keys(&world);
    world.cairn("site.git", &["setup", "--env", "live=production"]).ok();
    assert_eq!(keys(&world).replace("cairn.live.branch=production\n", ""), before);
    let meta = world.git("site.git", &["cat-file", "blob", "refs/meta/cairn"]).ok().stdout;
    assert!(meta.contains("\"production\""), "{meta}");

    world.cairn("site.git", &["setup", "--env", "live=release/live"]).ok();
    assert_eq!(config(&world, "cairn.live.branch"), "release/live");
}

#[test]
fn an_environment_may_be_added_to_the_three() {
    let world = host_with(&[], &["--env", "qa=qa"]);
    world.git("dev", &["push", "origin", "main:qa"]).ok().says("qa deployed for the first time: qa_1");
}

#[test]
fn two_environments_on_one_branch_are_refused() {
    let world = bare_host(&[]);
    let before = world.listing(".");
    world.cairn("site.git", &["setup", "--env", "live=test"]).exits(2).says("share the branch test");
    world.cairn("site.git", &["setup", "--env", "live=main"]).exits(2).says("share the branch main");
    assert_eq!(world.listing("."), before);
}

#[test]
fn names_that_git_would_misread_are_refused() {
    let world = bare_host(&[]);
    let before = world.listing(".");
    for flag in ["live=--force", "live=-x", "live=a..b", "live=", "Live=x", "-x=y", "live", "live=x:relative/path"] {
        world.cairn("site.git", &["setup", &format!("--env={flag}")]).exits(2).says("error: ");
    }
    world.cairn("site.git", &["setup", "--site", "../up"]).exits(2).says("not a name for a site");
    assert_eq!(world.listing("."), before);
}

#[test]
fn a_repository_that_is_not_bare_is_refused_with_the_cure() {
    let world = bare_host(&[]);
    world.cairn("dev", &["setup"]).exits(5).says("make one: git clone --bare");
    assert!(world.git("dev", &["config", "cairn.id"]).out().is_empty());
}

#[test]
fn a_shallow_repository_is_refused_with_the_cure() {
    let world = bare_host(&[]);
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let url = format!("file://{}", world.path("site.git").display());
    world.git(".", &["clone", "--quiet", "--bare", "--depth=1", &url, "shallow.git"]).ok();
    world.cairn("shallow.git", &["setup"]).exits(5).says("--unshallow");
    assert!(!world.path("shallow.cairn").exists());
}

#[test]
fn a_partial_clone_is_refused_with_the_cure() {
    let world = bare_host(&[]);
    world.git("site.git", &["config", "uploadpack.allowFilter", "true"]).ok();
    let url = format!("file://{}", world.path("site.git").display());
    world.git(".", &["clone", "--quiet", "--bare", "--filter=blob:none", &url, "partial.git"]).ok();
    world.cairn("partial.git", &["setup"]).exits(5).says("partial clone");
    assert!(!world.path("partial.cairn").exists());
}

#[test]
fn a_folder_that_is_no_repository_is_not_found() {
    let world = World::new();
    std::fs::create_dir(world.path("plain")).unwrap();
    world.cairn("plain", &["setup"]).exits(10).says("error: ");
    assert!(world.listing("plain").is_empty());
}

#[test]
fn an_empty_repository_can_be_set_up_and_takes_its_first_push() {
    let world = World::new();
    world.bare("site.git", &[]);
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.git("site.git", &["config", "cairn.hookBudget", "60s"]).ok();
    let said = world.cairn("site.git", &["setup"]).ok();
    assert!(said.stdout.contains("the first push creates it"), "{}", said.stdout);
    assert!(world.backups("site.git")[0]["commit"].is_null());
    world.git(".", &["clone", "--quiet", "site.git", "dev"]).ok();
    world.commit("dev", "page", "1");
    world.git("dev", &["push", "origin", "HEAD:main"]).ok().says("success: backup ");
    assert_eq!(world.backups("site.git").len(), 2);
}

#[test]
fn a_detached_head_asks_which_branch_is_developed_on() {
    let world = bare_host(&[]);
    let tip = world.tip("site.git", "main");
    world.git("site.git", &["update-ref", "--no-deref", "HEAD", &tip]).ok();
    world.cairn("site.git", &["setup"]).exits(2).says("--env dev=<branch>");
    world.cairn("site.git", &["setup", "--env", "dev=main"]).ok();
}

#[test]
fn a_relative_store_is_found_from_the_folder_we_act_in() {
    let world = bare_host(&[]);
    run(world.in_folder(".", GIT_CAIRN).args(["-C", "site.git", "setup", "--store", "../kept/here"])).ok();
    assert_eq!(Path::new(&config(&world, "cairn.store")), world.path("kept/here"));
    assert_eq!(world.backups("site.git").len(), 1);
}

#[test]
fn a_store_that_would_be_served_is_refused() {
    let world = bare_host(&[]);
    let before = world.listing("site.git");
    let live = format!("live=live:{}", world.path("www").display());
    let store = world.path("www/backups");
    world.cairn("site.git", &["setup", "--env", &live, "--store", store.to_str().unwrap()]).exits(5).says("served");
    assert!(!store.exists());
    assert_eq!(world.listing("site.git"), before);
}

#[test]
fn a_link_does_not_let_a_store_slip_into_a_served_folder() {
    let world = bare_host(&[]);
    std::fs::create_dir(world.path("www")).unwrap();
    std::os::unix::fs::symlink(world.path("www"), world.path("elsewhere")).unwrap();
    let live = format!("live=live:{}", world.path("www").display());
    let store = world.path("elsewhere/backups");
    world.cairn("site.git", &["setup", "--env", &live, "--store", store.to_str().unwrap()]).exits(5).says("served");
    let live = format!("live=live:{}", world.path("elsewhere").display());
    let store = world.path("www/backups");
    world.cairn("site.git", &["setup", "--env", &live, "--store", store.to_str().unwrap()]).exits(5).says("served");
}

#[test]
fn a_store_in_a_work_tree_is_refused() {
    let world = bare_host(&[]);
    let store = world.path("dev/backups");
    world.cairn("site.git", &["setup", "--store", store.to_str().unwrap()]).exits(5).says("hint: name another place");
    assert!(!store.exists());
}

#[test]
fn a_store_in_the_repository_it_is_to_replace_is_refused() {
    let world = bare_host(&[]);
    world.cairn("site.git", &["setup", "--store", "backups"]).exits(5).says("hint: name another place");
    world.cairn("site.git", &["setup", "--store", "."]).exits(5);
    world.cairn("site.git", &["setup", "--store", "../none/../site.git/backups"]).exits(5);
    assert!(!world.path("site.git/backups").exists());
}

#[test]
fn a_copy_of_a_living_repository_may_not_write_the_same_store() {
    let world = host();
    run(world.in_folder(".", "cp").args(["-r", "site.git", "copy.git"])).ok();
    let before = world.listing("site.cairn");
    world.cairn("copy.git", &["setup"]).exits(5).says("has the same cairn.id");
    // A push to the copy is made, but what it would write to the store is not.
    world.git("dev", &["push", &world.path("copy.git").display().to_string(), "main:live"]).ok().says("warning: ");
    assert_eq!(world.listing("site.cairn"), before);
}

#[test]
fn a_copy_lives_on_with_an_id_and_a_name_of_its_own() {
    let world = host();
    run(world.in_folder(".", "cp").args(["-r", "site.git", "copy.git"])).ok();
    world.git("copy.git", &["config", "--unset", "cairn.id"]).ok();
    world.cairn("copy.git", &["setup", "--site", "copy"]).ok();
    assert_eq!(world.backups("copy.git").len(), 1);
    assert_eq!(world.backups("site.git").len(), 1);
}

#[test]
fn a_repository_that_was_moved_keeps_its_store() {
    let world = host();
    std::fs::rename(world.path("site.git"), world.path("moved.git")).unwrap();
    world.cairn("moved.git", &["setup"]).ok();
    assert_eq!(world.backups("moved.git").len(), 1);
    // A link that leads there from where it was makes it no copy of itself.
    std::fs::rename(world.path("moved.git"), world.path("again.git")).unwrap();
    std::os::unix::fs::symlink("again.git", world.path("moved.git")).unwrap();
    world.cairn("again.git", &["backup", "create"]).ok();
    assert_eq!(world.backups("again.git").len(), 2);
}

#[test]
fn another_site_of_the_same_name_may_not_write_the_same_store() {
    let world = host();
    world.bare("other.git", &[]);
    world.git("other.git", &["config", "cairn.reserve", "1MiB"]).ok();
    let store = world.path("site.cairn");
    let store = store.to_str().unwrap();
    world.cairn("other.git", &["setup", "--store", store, "--site", "site"]).exits(5).says("--site <name>");
    world.cairn("other.git", &["setup", "--store", store]).ok();
    assert_eq!(world.backups("site.git").len(), 1);
}

#[test]
fn everything_is_for_the_owner_alone() {
    let world = host();
    assert_eq!(mode(&world.path("site.cairn")), 0o700);
    assert_eq!(mode(&world.path("site.git/cairn")), 0o700);
    for (path, mode, _) in [world.listing("site.cairn"), world.listing("site.git/cairn")].concat() {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[test]
fn everything_is_as_wide_as_the_shared_repository() {
    let world = host_with(&["--shared=group"], &[]);
    world.git("dev", &["push", "origin", "main:live"]).ok().says("success: backup ");
    world.comes_to_rest("site.git");
    assert_eq!(mode(&world.path("site.cairn")), 0o2770);
    assert_eq!(mode(&world.path("site.git/cairn")), 0o2770);
    for (path, mode, _) in [world.listing("site.cairn"), world.listing("site.git/cairn")].concat() {
        assert_eq!(mode, if path.is_dir() { 0o2770 } else { 0o660 }, "{}", path.display());
    }
    assert_eq!(mode(&world.path("site.git/hooks/pre-receive")) & 0o070, 0o070, "others of the group run the hooks");
}

#[test]
fn git_s_own_settings_that_matter_are_named_with_what_they_do() {
    let world = bare_host(&[]);
    for key in ["receive.denyNonFastForwards", "receive.denyDeletes"] {
        world.git("site.git", &["config", key, "true"]).ok();
    }
    world
        .cairn("site.git", &["setup"])
        .ok()
        .says("receive.denyNonFastForwards is on: git refuses every rollback")
        .says("receive.denyDeletes is on")
        .says("core.fsync is not set");
    world.git("site.git", &["config", "core.fsync", "all"]).ok();
    world.git("site.git", &["config", "receive.denyDeletes", "false"]).ok();
    let said = world.cairn("site.git", &["setup"]).ok().says("core.fsync is all");
    assert!(!said.stderr.contains("denyDeletes"), "{}", said.stderr);
}

#[test]
fn json_is_one_document_whatever_happens() {
    let world = bare_host(&[]);
    let planned = world.cairn("site.git", &["setup", "--dry-run", "--json"]).ok().json();
    assert_eq!(planned["dry_run"], true);
    assert!(planned["backup"].is_null());
    let done = world.cairn("site.git", &["setup", "--json"]).ok().json();
    assert_eq!((&done["schema"], &done["site"]), (&1.into(), &"site".into()));
    assert_eq!(done["environments"][0]["commit"], world.tip("dev", "main"));
    assert_eq!(done["backup"], world.backups("site.git")[0]["id"]);
    assert_eq!(world.cairn("site.git", &["setup", "--json"]).ok().json()["changes"], serde_json::json!([]));
    let refused = world.cairn("dev", &["setup", "--json"]).exits(5).json();
    assert_eq!((&refused["schema"], &refused["error"]["exit"]), (&1.into(), &5.into()));
}

#[test]
fn another_store_leaves_the_backups_where_they_were_and_says_so() {
    let world = host();
    let old = world.path("site.cairn").display().to_string();
    world.cairn("site.git", &["backup", "create"]).ok();
    let before = world.cairn(".", &["backup", "list", "--store", &old]).ok().stdout.lines().count() - 1;
    let hint = |words: &[&str]| {
        let said = world.cairn("site.git", &[&["setup"], words].concat()).ok();
        said.stderr.lines().find(|line| line.contains("made so far")).map(str::to_owned)
    };
    let dry = hint(&["--store", "../new", "--dry-run"]);
    let moved = hint(&["--store", "../new"]).unwrap();
    assert_eq!(dry.as_ref(), Some(&moved));
    assert!(moved.starts_with(&format!("hint: {before} backups made so far stay in {old}, ")), "{moved}");
    assert!(moved.ends_with("; the first backup in the new place, made now, is a full one"), "{moved}");
    // What it names is typed to the letter, anywhere.
    let list = moved.split_once("any more: ").unwrap().1.split_once(';').unwrap().0;
    let listed = run(world.in_folder(".", "sh").args(["-c", list])).ok().stdout;
    assert_eq!(listed.lines().count() - 1, before, "{listed}");
    let first = &world.backups("site.git")[0];
    assert_eq!(first["elements"][0]["bytes"], first["elements"][0]["chain_bytes"], "it is full");
    assert_eq!(hint(&[]), None);
    let back = hint(&["--store", &old]).unwrap();
    assert!(
        back.contains("1 backup made so far stays in ") && back.ends_with("those that are in the new place"),
        "{back}"
    );
    let later = hint(&["--store", "../third", "--no-backup"]).unwrap();
    assert!(later.ends_with("the next backup, the first in the new place, is a full one"), "{later}");
}

#[test]
fn no_backup_is_made_when_none_is_wanted() {
    let world = host_with(&[], &["--no-backup"]);
    assert_eq!(world.cairn("site.git", &["backup", "list", "--json"]).ok().json()["backups"], serde_json::json!([]));
}

/// A found pre-receive that refuses refuses still; ours has judged first.
#[test]
fn a_found_hook_that_refuses_goes_on_refusing() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/pre-receive", "cat >/dev/null\necho 'not on a friday' >&2\nexit 3");
    world.cairn("site.git", &["setup"]).ok();
    world.git("dev", &["push", "origin", "main:live"]).exits(1).says("not on a friday");
    assert!(world.git("site.git", &["rev-parse", "--verify", "-q", "live"]).out().is_empty());
    assert!(world.deployments("site.git", &[]).is_empty());
    let said = world.git("dev", &["push", "origin", "main:refs/tags/live_1"]).exits(1);
    assert!(!said.stderr.contains("friday"), "ours comes first:\n{}", said.stderr);
}

#[test]
fn a_found_hook_gets_the_input_the_arguments_and_the_environment_git_gave() {
    let world = bare_host(&[]);
    let seen = world.path("seen");
    let body = format!(
        "{{ cat; echo \"$#|$GIT_DIR|$GIT_PUSH_OPTION_COUNT|$GIT_PUSH_OPTION_0|$GL_USER\"; git for-each-ref --format='%(refname)' refs/tags; }} >'{}'",
        seen.display()
    );
    world.script("site.git/hooks/post-receive", &body);
    world.cairn("site.git", &["setup"]).ok();
    let tip = world.tip("dev", "main");
    let push = ["push", "--quiet", "-o", "cairn.note=hi", "origin", "main:live", "main:refs/tags/v1"];
    run(world.in_folder("dev", "git").env("GL_USER", "anna").args(push)).ok();
    let zero = "0".repeat(40);
    let expected = format!(
        "{zero} {tip} refs/heads/live\n{zero} {tip} refs/tags/v1\n0|.|1|cairn.note=hi|anna\nrefs/tags/live_1\nrefs/tags/v1\n"
    );
    assert_eq!(std::fs::read_to_string(seen).unwrap(), expected);
}

#[test]
fn a_found_hook_that_is_a_relative_link_still_leads_where_it_led() {
    let world = bare_host(&[]);
    std::fs::create_dir(world.path("site.git/shared")).unwrap();
    world.script("site.git/shared/hook", "touch ran");
    std::os::unix::fs::symlink("../shared/hook", world.path("site.git/hooks/post-receive")).unwrap();
    world.cairn("site.git", &["setup"]).ok();
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1");
    assert!(world.path("site.git/ran").is_file());
    assert!(!world.path("site.git/shared/hook").is_symlink());
}

#[test]
fn a_found_hook_that_git_would_not_run_does_not_run() {
    let world = bare_host(&[]);
    let hook = world.script("site.git/hooks/pre-receive", "exit 1");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o644)).unwrap();
    world.cairn("site.git", &["setup"]).ok();
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1");
}

#[test]
fn hooks_of_other_events_are_left_alone() {
    let world = bare_host(&[]);
    let hook = world.script("site.git/hooks/update", "touch updated");
    let before = std::fs::read(&hook).unwrap();
    world.cairn("site.git", &["setup"]).ok();
    assert_eq!(std::fs::read(&hook).unwrap(), before);
    world.git("dev", &["push", "origin", "main:live"]).ok();
    assert!(world.path("site.git/updated").is_file());
}

#[test]
fn a_hook_that_somebody_put_over_ours_is_not_lost() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/post-receive", "echo first >>ran");
    world.cairn("site.git", &["setup"]).ok();
    let newer = world.script("site.git/hooks/post-receive", "echo second >>ran");
    let content = std::fs::read(&newer).unwrap();
    world.cairn("site.git", &["setup"]).exits(5).says("found-by-cairn");
    assert_eq!(std::fs::read(&newer).unwrap(), content);
}

#[test]
fn hooks_that_other_repositories_share_are_stood_beside() {
    let world = bare_host(&[]);
    std::fs::create_dir(world.path("hooks")).unwrap();
    let shared = world.path("hooks").display().to_string();
    world.git("site.git", &["config", "core.hooksPath", &shared]).ok();
    let said = world.cairn("site.git", &["setup"]).ok();
    assert!(said.stdout.contains("config core.hooksPath = "), "{}", said.stdout);
    assert!(world.listing("hooks").is_empty());
    let again = world.cairn("site.git", &["setup"]).ok();
    assert!(again.stdout.starts_with("nothing to change\n"), "{}", again.stdout);
}

#[test]
fn hooks_go_where_git_looks_for_them() {
    let world = bare_host(&[]);
    world.git("site.git", &["config", "core.hooksPath", "own-hooks"]).ok();
    world.cairn("site.git", &["setup"]).ok();
    assert!(!world.path("site.git/hooks/pre-receive").exists());
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1");
}

/// The host loses git-cairn: an update of the system, a disk that is not mounted.
#[test]
fn without_our_programs_the_push_passes_and_the_found_hook_runs() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/post-receive", "cat >seen");
    let built = Path::new(GIT_CAIRN).parent().unwrap();
    let install = || {
        std::fs::create_dir(world.path("bin")).unwrap();
        for name in ["git-cairn", "cairn-pre-receive", "cairn-post-receive"] {
            copy_program(built.join(name), world.path("bin").join(name));
        }
        run(world.in_folder("site.git", world.path("bin/git-cairn")).arg("setup")).ok();
    };
    install();
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1");

    std::fs::remove_dir_all(world.path("bin")).unwrap();
    let tip = world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main:live"]).ok().says("warning: ").says("neither marked nor backed up");
    assert!(std::fs::read_to_string(world.path("site.git/seen")).unwrap().contains(&tip));

    // Where nothing was found git itself finds no program for post-receive, and lets the push pass too.
    std::fs::remove_file(world.path("site.git/hooks/found-by-cairn/post-receive")).unwrap();
    install();
    std::fs::remove_dir_all(world.path("bin")).unwrap();
    world.commit("dev", "page", "2b");
    let pushed = world.git("dev", &["push", "origin", "main:live"]).ok();
    pushed.says("warning: ").says("neither marked nor backed up").says("git cairn setup");

    // With the programs back, what went unmarked is named by the movement after it.
    world.cairn("site.git", &["setup"]).ok();
    world.commit("dev", "page", "3");
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_2");
}

#[test]
fn one_program_alone_is_hook_enough() {
    let world = bare_host(&[]);
    std::fs::create_dir(world.path("bin")).unwrap();
    let own = world.path("bin/git-cairn");
    copy_program(GIT_CAIRN, &own);
    run(world.in_folder("site.git", &own).arg("setup")).ok();
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1").says("success: backup ");
}
