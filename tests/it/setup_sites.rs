//! `git cairn setup --sites` and `--template`: many repositories at once, and those that are yet to be made.

use crate::support::{World, host, run};
use crate::terminal::Terminal;
use std::path::Path;

/// A world with a host `site.git`, a clone `dev`, and settings for every repository that fit a small machine.
fn world() -> World {
    let world = host();
    for (key, value) in [("cairn.reserve", "1MiB"), ("cairn.hookBudget", "60s")] {
        world.git(".", &["config", "--global", key, value]).ok();
    }
    world
}

/// The same with repositories below `srv`: two that can be set up, one of them with a hook of its own, one that is set up, one
/// that is broken, and a clone with a work tree.
fn tree() -> World {
    let world = world();
    for name in ["srv/a.git", "srv/team/b.git", "srv/broken.git", "srv/old.git"] {
        world.git(".", &["clone", "--quiet", "--bare", "dev", name]).ok();
    }
    world.git(".", &["clone", "--quiet", "dev", "srv/clone"]).ok();
    world.script("srv/team/b.git/hooks/post-receive", "cat >/dev/null\ntouch own-hook-ran");
    std::fs::write(world.path("srv/broken.git/HEAD"), "nonsense\n").unwrap();
    world.cairn("srv/old.git", &["setup"]).ok();
    world
}

fn config(world: &World, repository: &str, key: &str) -> String {
    world.git(repository, &["config", "--get", key]).out().to_owned()
}

fn push(world: &World, repository: &str, refspec: &str) -> crate::support::Ran {
    world.git("dev", &["push", "--force", world.path(repository).to_str().unwrap(), refspec])
}

#[test]
fn a_tree_of_repositories_is_set_up_and_only_warns() {
    let world = tree();
    let before = world.listing("srv/clone");
    let said = world.cairn(".", &["setup", "--sites", "srv"]).exits(9).says("broken.git: ");
    let said = said.says("4 repositories: 2 done, 1 unchanged, 1 failed").says("git cairn setup --template");
    let lines: Vec<_> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].contains("srv/a.git: set up as a, the guard only warns, first backup "), "{lines:?}");
    assert!(lines[1].ends_with("srv/old.git: set up already"), "{lines:?}");
    assert!(lines[2].contains("srv/team/b.git: set up as b, "), "{lines:?}");
    assert_eq!(config(&world, "srv/old.git", "cairn.guard"), "");
    assert_eq!(world.listing("srv/clone"), before);

    let old = world.tip("dev", "main");
    world.commit("dev", "page", "another");
    for name in ["srv/a.git", "srv/team/b.git"] {
        push(&world, name, "main:live").ok().says("live_1").says("success: backup ");
        // Warned, let through, and kept all the same.
        push(&world, name, "main").ok();
        push(&world, name, &format!("{old}:main")).ok().says("warning: ").says("is kept until");
        let kept = world.cairn(name, &["rescue", "list", "--json"]).ok().json();
        assert_eq!(kept["rescues"].as_array().unwrap().len(), 1);
    }
    assert!(world.path("srv/team/b.git/own-hook-ran").exists());
    push(&world, "srv/old.git", "main").ok();
    push(&world, "srv/old.git", &format!("{old}:main")).exits(1).says("error: ");

    let said = world.cairn(".", &["setup", "--sites", "srv"]).exits(9).says("0 done, 3 unchanged, 1 failed");
    assert_eq!(said.stdout.matches(": set up already\n").count(), 3, "{}", said.stdout);
    std::fs::remove_file(world.path("srv/a.git/hooks/pre-receive")).unwrap();
    let said = world.cairn(".", &["setup", "--sites", "srv", "--json"]).exits(9).json();
    let did = said["sites"][0]["did"].as_str().unwrap();
    assert!(did.starts_with("done: hook ") && did.ends_with("pre-receive"), "only what is missing: {did}");
}

#[test]
fn a_dry_run_over_a_tree_changes_nothing() {
    let world = tree();
    let before = world.listing("srv");
    let said = world.cairn(".", &["setup", "--sites", "srv", "--dry-run"]).exits(9);
    assert!(said.stdout.contains("a.git: would be set up as a, the guard only warns\n"), "{}", said.stdout);
    assert_eq!(world.listing("srv"), before);
    world.cairn(".", &["setup", "--sites", "home"]).exits(10).says("no bare repository");
}

#[test]
fn one_store_for_a_tree_holds_each_under_a_name_of_its_own() {
    let world = world();
    for name in ["srv/one/site.git", "srv/two/site.git"] {
        world.git(".", &["clone", "--quiet", "--bare", "dev", name]).ok();
    }
    let kept = world.path("kept");
    world.cairn(".", &["setup", "--sites", "srv", "--store", kept.to_str().unwrap()]).ok();
    assert!(kept.join("one-site").is_dir() && kept.join("two-site").is_dir());
    // Where each is already it stays.
    world.cairn(".", &["setup", "--sites", "srv", "--store", "elsewhere"]).ok().says("0 done, 2 unchanged");
    assert_eq!(Path::new(&config(&world, "srv/one/site.git", "cairn.store")), kept);
}

#[test]
fn a_repository_of_somebody_else_is_left_alone() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::missing_peer("a repository of another owner", "root");
    }
    let world = tree();
    for name in ["srv/a.git", "srv/old.git"] {
        std::os::unix::fs::chown(world.path(name), Some(12_345), None).unwrap();
    }
    let before = world.listing("srv/a.git");
    let said = world.cairn(".", &["setup", "--sites", "srv"]).exits(9);
    let said = said.says("a.git: it belongs to the user 12345").says("sudo -u '#12345' git cairn setup --sites");
    // Nothing is to be done there, so it is nobody's concern.
    assert!(said.stdout.contains("old.git: set up already"), "{}", said.stdout);
    assert_eq!(world.listing("srv/a.git"), before);
    assert!(!world.path("srv/a.cairn").exists());
}

#[test]
fn on_a_terminal_it_says_all_of_it_and_asks_once() {
    let world = tree();
    let before = world.listing("srv");
    let Some(terminal) = Terminal::start(&world, ".", 80, "git cairn setup --sites srv") else { return };
    terminal.shows("a.git: would be set up as a").shows("broken.git: ").shows("Do it? [y/N]").press(&["Enter"]);
    assert_eq!(terminal.exit(), 7);
    assert_eq!(world.listing("srv"), before);
    let terminal = Terminal::start(&world, ".", 40, "git cairn setup --sites srv").unwrap();
    terminal.shows("Do it? [y/N]").types("y").press(&["Enter"]);
    assert_eq!(terminal.exit(), 9);
    assert!(!config(&world, "srv/team/b.git", "cairn.id").is_empty());
}

/// A template with a hook of its own, from which git makes every repository here.
fn templated() -> World {
    let world = world();
    std::fs::create_dir_all(world.path("template/hooks")).unwrap();
    world.script("template/hooks/post-receive", "cat >/dev/null\ntouch own-hook-ran");
    let said = world.cairn(".", &["setup", "--template", "template"]).ok();
    let template = world.path("template").display().to_string();
    said.says(&format!("git config --global init.templateDir {template}"));
    world.git(".", &["config", "--global", "init.templateDir", &template]).ok();
    world
}

#[test]
fn what_is_made_from_the_template_is_set_up_by_its_first_push() {
    let world = templated();
    world.bare("new.git", &[]);
    assert_eq!(config(&world, "new.git", "cairn.id"), "");
    push(&world, "new.git", "main").ok().says("this push set the repository up").says("success: backup ");
    let id = config(&world, "new.git", "cairn.id");
    assert!(id.len() >= 32 && world.path("new.cairn/new").is_dir());
    assert!(world.path("new.git/own-hook-ran").exists(), "what the template had runs as well");
    world.cairn("new.git", &["hooks", "status"]).ok();
    world.cairn("new.git", &["audit", "verify"]).ok();
    let old = world.tip("dev", "main");
    world.commit("dev", "page", "another");
    let told = push(&world, "new.git", "main:live").ok().says("live_1");
    assert!(!told.stderr.contains("set the repository up"), "{}", told.stderr);
    push(&world, "new.git", "main").ok();
    push(&world, "new.git", &format!("{old}:main")).ok().says("warning: ").says("is kept until");
    assert_eq!(config(&world, "new.git", "cairn.id"), id);
    let seen = world.git("dev", &["ls-remote", world.path("new.git").to_str().unwrap()]).ok().stdout;
    assert!(seen.contains("refs/meta/cairn") && !seen.contains("refs/cairn/"), "{seen}");

    // Run again, the template is as it is to be.
    let again = world.cairn(".", &["setup", "--template", "template"]).ok();
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("nothing to change\n", ""));
    world.cairn(".", &["setup", "--template", "other", "--dry-run"]).ok().says("template");
    assert!(!world.path("other").exists());
}

#[test]
fn of_two_first_pushes_one_sets_it_up() {
    let world = templated();
    world.bare("new.git", &[]);
    let push = |branch: &str| {
        let mut git = world.in_folder("dev", "git");
        git.arg("push").arg(world.path("new.git")).arg(format!("main:{branch}"));
        run(&mut git)
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| push("topic"));
        push("main").ok();
        other.join().unwrap().ok();
    });
    world.cairn("new.git", &["worker", "--once"]).ok();
    world.cairn("new.git", &["audit", "verify"]).ok();
    let begun = world.cairn("new.git", &["audit", "--json"]).ok().json();
    let begun = begun["lines"].as_array().unwrap().iter().filter(|line| line["what"] == "begin").count();
    assert_eq!(begun, 1);
}

#[test]
fn a_first_push_to_what_cannot_be_set_up_is_refused() {
    let world = templated();
    world.bare("new.git", &[]);
    std::fs::write(world.path("new.cairn"), "in the way").unwrap();
    push(&world, "new.git", "main").exits(1).says("this repository cannot be set up").says("hint: ");
    assert_eq!(world.git("new.git", &["for-each-ref", "refs/heads"]).ok().stdout, "");
    std::fs::remove_file(world.path("new.cairn")).unwrap();
    push(&world, "new.git", "main").ok().says("success: backup ");
    world.git("new.git", &["config", "--unset", "cairn.id"]).ok();
    // Whoever wants that of no new one says so.
    world.git("new.git", &["config", "cairn.setupOnPush", "false"]).ok();
    world.commit("dev", "page", "2");
    push(&world, "new.git", "main").ok();
    assert_eq!(config(&world, "new.git", "cairn.id"), "");
}
