//! `git cairn status`: where each environment stands, and what a monitor needs.

use crate::support::{bare_host, host, run};
use serde_json::Value;

fn environment<'a>(status: &'a Value, name: &str) -> &'a Value {
    status["environments"].as_array().unwrap().iter().find(|one| one["environment"] == name).unwrap()
}

#[test]
fn one_screen_says_where_everything_stands() {
    let world = host();
    let tip = world.deployed("live", "2");
    let said = world.cairn("site.git", &["status"]).ok();
    assert_eq!(said.stdout.lines().count(), 4, "{}", said.stdout);
    let live = said.stdout.lines().find(|line| line.starts_with("live")).unwrap();
    for word in ["live_1", &tip[..10], "since just now", "backup just now, verified"] {
        assert!(live.contains(word), "{word} is not in {live}");
    }
    assert!(said.stdout.contains("no commit yet") && said.stdout.contains("jobs: 0 waiting, 0 running, 0 failed"));
    let status = world.cairn("site.git", &["status", "--json"]).ok().json();
    let live = environment(&status, "live");
    assert_eq!((&live["deployment"], &live["commit"]), (&"live_1".into(), &tip.as_str().into()));
    assert_eq!(live["backup"], world.backups("site.git")[0]["id"]);
    assert_eq!((&live["verified"], &live["uncommitted"], &live["held"]), (&true.into(), &Value::Null, &Value::Null));
    let test = environment(&status, "test");
    assert!(test["commit"].is_null() && test["deployment"].is_null() && test["backup"].is_null());
    assert_eq!(status["jobs"], serde_json::json!({"waiting": 0, "running": 0, "failed": 0}));
}

#[test]
fn a_rolled_back_environment_stands_on_the_newest_deployment_of_its_commit() {
    let world = host();
    let first = world.deployed("live", "2");
    world.deployed("live", "3");
    world.cairn("dev", &["rollback", "live", "--yes"]).ok();
    let status = world.cairn("site.git", &["status", "--json"]).ok().json();
    let live = environment(&status, "live");
    assert_eq!((&live["deployment"], &live["commit"]), (&"live_3".into(), &first.as_str().into()));
    world.git("site.git", &["update-ref", "refs/heads/live", "live_2^{commit}~2"]).ok();
    let status = world.cairn("site.git", &["status", "--json"]).ok().says("").json();
    assert!(environment(&status, "live")["deployment"].is_null());
    world.cairn("site.git", &["status"]).ok().says("git cairn worker --once");
}

#[test]
fn holds_and_edits_are_told() {
    let world = bare_host(&[]);
    let served = world.path("www").display().to_string();
    world.cairn("site.git", &["setup", "--env", &format!("live=live:{served}")]).ok();
    let tip = world.deployed("live", "2");
    run(world.in_folder(".", "git").args(["clone", "--quiet", "--branch=live", "site.git", "www"])).ok();
    let edits = |count: u64| {
        let status = world.cairn("site.git", &["status", "--json"]).ok().json();
        assert_eq!(environment(&status, "live")["uncommitted"], count, "{tip}");
        status
    };
    edits(0);
    std::fs::write(world.path("www/page"), "by hand").unwrap();
    edits(1);
    world.cairn("site.git", &["hold", "live", "--reason", "freeze"]).ok();
    assert_eq!(environment(&edits(1), "live")["held"]["reason"], "freeze");
    let said = world.cairn("site.git", &["status"]).ok();
    assert!(said.stdout.contains("1 uncommitted edit") && said.stdout.contains("freeze"), "{}", said.stdout);
}

#[test]
fn a_monitor_hears_of_what_is_too_old_and_of_what_failed() {
    let world = host();
    world.cairn("site.git", &["status", "--max-age", "26h"]).ok();
    // It did not change, so its backup is as good as new.
    world.cairn("site.git", &["status", "--max-age", "0s"]).ok();
    world.git("site.git", &["update-ref", "refs/heads/topic", "main"]).ok();
    world.cairn("site.git", &["status", "--max-age", "26h"]).ok();
    crate::support::until("the backup is a second old", || {
        world.cairn("site.git", &["status", "--max-age", "0s"]).code == 1
    });
    world.cairn("site.git", &["status", "--max-age", "0s"]).exits(1).says("in no backup of that age").says("doctor");
    world.cairn(".", &["status", "--sites", ".", "--max-age", "0s"]).exits(1).says("in no backup of that age");
    world.cairn("site.git", &["worker", "--once"]).ok();
    world.git("site.git", &["config", "cairn.reserve", "900TiB"]).ok();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("site.git", &["status", "--max-age", "26h"]).exits(1).says("1 job failed");
    world.cairn("site.git", &["status"]).ok();
    std::fs::rename(world.path("site.cairn"), world.path("away")).unwrap();
    world.cairn("site.git", &["status", "--max-age", "26h"]).exits(1).says("is it mounted?");
    world.cairn("site.git", &["status", "--max-age", "soon"]).exits(2);
    assert!(!world.path("site.cairn").exists());
}

#[test]
fn a_monitor_hears_of_a_newest_backup_that_is_damaged() {
    let world = host();
    world.deployed("live", "2");
    let monitor = || world.cairn("site.git", &["status", "--max-age", "26h"]);
    monitor().ok();
    let show = world.cairn("site.git", &["backup", "show", "live", "--json"]).ok().json();
    let (id, segment) =
        (show["backup"]["id"].as_str().unwrap(), show["backup"]["segments"][0]["file"].as_str().unwrap());
    let file = world.path("site.cairn/site").join(segment);
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    world.cairn("site.git", &["backup", "verify", "--all"]).exits(12);
    let told = monitor().exits(1).says(id).says("damaged").says("hint: look into it: git cairn doctor");
    assert!(!told.stdout.contains("not verified yet"), "{}", told.stdout);
    assert!(told.stdout.lines().find(|line| line.starts_with("live")).unwrap().contains("backup just now, damaged"));
    world.cairn(".", &["status", "--sites", ".", "--max-age", "26h"]).exits(1).says("damaged");
    let status = world.cairn("site.git", &["status", "--json"]).ok().json();
    assert_eq!(environment(&status, "live")["damaged"], true);
    world.cairn("site.git", &["status"]).ok().says("hint: what mends it: git cairn doctor");
    // What doctor names mends it.
    world.cairn("site.git", &["backup", "create", "--all"]).ok();
    monitor().ok();
    // Of a newer one whose manifest is damaged nobody can tell what it is of.
    let newest = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    let manifest = world.path(&format!("site.cairn/site/backups/{newest}/manifest.json"));
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("live", "life", 1)).unwrap();
    monitor().exits(1).says(&newest);
    let doctor = world.cairn("site.git", &["doctor"]).exits(1);
    assert!(doctor.stdout.contains(&format!("{newest}, newer than each that can be read")), "{}", doctor.stdout);
    world.cairn("site.git", &["backup", "create", "--all"]).ok();
    monitor().ok();
}

#[test]
fn hooks_that_are_missing_are_told() {
    let world = host();
    let status = || world.cairn("site.git", &["status"]).ok();
    assert!(!status().stdout.contains("hooks"));
    let hooks =
        |world: &crate::support::World| world.cairn("site.git", &["status", "--json"]).ok().json()["hooks"].clone();
    assert_eq!(hooks(&world), serde_json::json!({"installed": true, "problems": []}));
    std::fs::remove_file(world.path("site.git/hooks/post-receive")).unwrap();
    let problem = "post-receive: it is not installed";
    assert_eq!(hooks(&world), serde_json::json!({"installed": false, "problems": [problem]}));
    let told = status();
    let line = told.stdout.lines().last().unwrap();
    assert_eq!(line, format!("hooks: pushes are not judged, marked or backed up: {problem}"));
    told.says("hint: to put them in place: git cairn hooks install");
    world.cairn("site.git", &["status", "--max-age", "26h"]).exits(1).says(problem).says("doctor");
    let many = world.cairn(".", &["status", "--sites", "."]).ok();
    assert!(many.stdout.contains(problem), "{}", many.stdout);
    world.cairn("site.git", &["hooks", "install"]).ok();
    world.cairn("site.git", &["status", "--max-age", "26h"]).ok();
}

#[test]
fn many_sites_are_a_line_each() {
    let world = host();
    world.deployed("live", "2");
    let said = world.cairn(".", &["status", "--sites", "."]).ok();
    assert!(said.stdout.contains("site.git: live_1, newest backup just now"), "{}", said.stdout);
}

#[test]
fn a_failed_job_runs_the_operators_command_with_one_line() {
    let world = host();
    world.git("site.git", &["config", "cairn.onFailure", "cat >>told; echo \"$0 $#\" >>told"]).ok();
    world.deployed("live", "2");
    assert!(!world.path("site.git/told").exists());
    world.git("site.git", &["config", "cairn.reserve", "900TiB"]).ok();
    let tip = world.deployed("live", "3; touch pwned");
    // The push does not wait for it.
    let read = || std::fs::read_to_string(world.path("site.git/told")).unwrap_or_default();
    crate::support::until("the command ran", || read().lines().count() == 2);
    let told = read();
    let lines: Vec<_> = told.lines().collect();
    assert_eq!((lines.len(), lines[1]), (2, "cairn.onFailure 0"), "{told}");
    let line: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!((&line["event"], &line["site"], &line["tag"]), (&"job-failed".into(), &"site".into(), &"live_2".into()));
    assert_eq!((&line["commit"], &line["attempts"]), (&tip.as_str().into(), &1.into()));
    assert!(line["error"].as_str().unwrap().contains("free"), "{line}");
    world.git("site.git", &["config", "cairn.onFailure", "exit 3"]).ok();
    world.cairn("site.git", &["worker", "--once"]).exits(13).says("cairn.onFailure ended with exit status: 3");
}
