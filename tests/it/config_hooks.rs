//! Hooks that git's config names, `hook.<name>.command`: what the git of these tests does with them, and what we say of it.

use crate::support::{World, host, run};
use serde_json::Value;

/// Answers as a git of this version would; in all else it is the git that is there.
fn pretend(world: &World, version: &str) -> String {
    let real = run(world.in_folder(".", "sh").args(["-c", "command -v git"])).ok();
    let body = format!("[ \"$1\" = version ] && echo git version {version} && exit\nexec '{}' \"$@\"", real.out());
    std::fs::create_dir_all(world.path("pretended")).unwrap();
    world.script("pretended/git", &body);
    let path = std::env::var("PATH").unwrap();
    let own = std::path::Path::new(crate::support::GIT_CAIRN).parent().unwrap().display();
    format!("{}:{own}:{path}", world.path("pretended").display())
}

/// The row of `doctor`, with `path` as where programs are looked for.
fn row(world: &World, path: Option<&str>) -> Value {
    let mut doctor = world.in_folder("site.git", crate::support::GIT_CAIRN);
    let found = run(doctor.args(["doctor", "--json"]).envs(path.map(|path| ("PATH", path)))).json();
    found["checks"].as_array().unwrap().iter().find(|row| row["name"] == "config-hooks").unwrap().clone()
}

fn named(world: &World) -> Value {
    world.cairn("site.git", &["hooks", "status", "--json"]).ok().json()["configured"].clone()
}

fn config(world: &World, key: &str, value: &str) {
    world.git("site.git", &["config", "--add", key, value]).ok();
}

#[test]
fn what_is_said_to_run_runs() {
    let world = host();
    assert_eq!((row(&world, None)["level"].clone(), named(&world)), ("ok".into(), serde_json::json!([])));
    config(&world, "hook.lint.command", &format!("cat >>'{}'", world.path("ran").display()));
    config(&world, "hook.lint.event", "pre-receive");
    let tip = world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main"]).ok().says("success: backup ");
    let runs = world.path("ran").exists();
    assert_eq!(row(&world, None)["level"] == "ok", runs, "{}", row(&world, None));
    let listed = named(&world);
    assert_eq!((&listed[0]["name"], &listed[0]["runs"]), (&"lint".into(), &runs.into()), "{listed}");
    let said = world.cairn("site.git", &["hooks", "status"]).ok();
    let told = if runs { "lint of config runs before: cat" } else { "lint of config does not run: cat" };
    assert!(said.stdout.contains(&format!("pre-receive: {told}")), "{}", said.stdout);
    assert_eq!(world.tip("site.git", "main"), tip);

    // What refuses there refuses: nothing is kept of what did not leave, and nobody is banned.
    config(&world, "hook.lint.command", "cat >/dev/null; exit 1");
    let pushed = world.announced("main", Some(&world.tip("dev", "main~1")));
    assert_eq!(pushed.code == 1, runs, "{}", pushed.stderr);
    world.git("site.git", &["config", "hook.lint.enabled", "false"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main:topic"]).exits(i32::from(!runs));
    let kept = world.git("site.git", &["for-each-ref", "refs/cairn/rescue", "refs/cairn/ban"]).ok();
    assert_eq!(kept.out().is_empty(), runs, "{}", kept.stdout);
}

#[test]
fn what_config_switches_off_does_not_switch_off_ours() {
    let world = host();
    for event in ["pre-receive", "post-receive"] {
        // Where it counts for whoever pushes by a path of this machine.
        world.git(".", &["config", "--global", &format!("hook.{event}.enabled"), "false"]).ok();
    }
    let tip = world.tip("dev", "main");
    world.deployed("live", "2");
    assert_eq!(world.tagged("site.git", "refs/tags/live_*").len(), 1);
    world.git("dev", &["push", "--force", "origin", &format!("{tip}:live")]).exits(1).says("would go from");
}

#[test]
fn doctor_tells_the_git_that_runs_them_from_the_one_that_does_not() {
    let world = host();
    config(&world, "hook.lint.command", "true");
    config(&world, "hook.lint.event", "pre-receive");
    config(&world, "hook.lint.event", "pre-commit");
    for (version, level, text) in [
        (
            "2.53.1",
            "warning",
            "config names hooks that git 2.53.1 does not run, and git 2.54 or later does: lint (pre-receive)",
        ),
        ("2.54.0", "ok", "git 2.54.0 runs what config names as well, before our files: lint (pre-receive)"),
    ] {
        let row = row(&world, Some(&pretend(&world, version)));
        assert_eq!(row["level"], level, "{row}");
        assert!(row["text"].as_str().unwrap().starts_with(text), "{row}");
    }
    // One without a command stops every push of the git that knows it.
    config(&world, "hook.empty one.event", "post-receive");
    for (version, level) in [("2.53.1", "warning"), ("2.54.0", "error")] {
        let path = pretend(&world, version);
        let broken = row(&world, Some(&path));
        assert_eq!(broken["level"], level, "{broken}");
        run(world.in_folder("site.git", "sh").args(["-c", broken["fix"].as_str().unwrap()])).ok();
        assert_eq!(row(&world, Some(&path))["level"], "ok", "mended by {broken}");
        for name in ["lint", "empty one"] {
            world.git("site.git", &["config", "--unset-all", &format!("hook.{name}.enabled")]);
        }
    }
    let pushed = world.git("dev", &["push", "origin", "main:topic"]);
    let knows =
        run(world.in_folder("site.git", "git").args(["hook", "list", "post-receive"])).stderr.contains("empty one");
    assert_eq!(pushed.code != 0, knows, "{}", pushed.stderr);
}
