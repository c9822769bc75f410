//! Filters in served work trees: those that the host's own config defines are run as git runs them, and no other.

use crate::capture::{by_git, captured, create, served, write};
use crate::support::{World, run};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// A filter that is spoken with (gitattributes(5)), in nothing but Perl, which git brings: it turns letters over, and refuses
/// what is named `refused`.
const ROT13: &str = r#"
use strict; $| = 1; binmode STDIN; binmode STDOUT;
sub packet { read(STDIN, my $n, 4) == 4 or exit 0; $n = hex $n; return undef if !$n; read(STDIN, my $b, $n - 4); return $b }
sub line { my $b = packet(); if (defined $b) { $b =~ s/\n$// or die "no line feed" } return $b }
sub say { printf '%04x%s', 4 + length $_[0], $_[0] }
sub flush { print '0000' }
line() eq 'git-filter-client' or die; while (defined line()) {}
say("git-filter-server\n"); say("version=2\n"); flush();
while (defined line()) {}
say("capability=clean\n"); say("capability=smudge\n"); flush();
open my $log, '>>', $ARGV[0]; print $log "started\n"; close $log;
while (1) {
  my %k; while (defined(my $l = line())) { my ($n, $v) = split /=/, $l, 2; $k{$n} = $v }
  my $c = ''; while (defined(my $b = packet())) { $c .= $b }
  if ($k{pathname} =~ /refused/) { say("status=error\n"); flush(); next }
  $c =~ tr/a-zA-Z/n-za-mN-ZA-M/;
  say("status=success\n"); flush();
  while (length $c) { say(substr($c, 0, 65516, '')) } flush(); flush();
}
"#;

/// A host whose user defines two filters, `up` and `rot`, and whose live, served from `www`, has files of both.
fn filtered() -> World {
    let world = served();
    define(&world);
    for (file, content) in [
        (".gitattributes", "*.up filter=up\n*.rot filter=rot text\n*.slow filter=slow\n"),
        ("a.up", "words\n"),
        ("b.rot", "uryyb\n"),
        ("c.up", "more\n"),
        ("z.slow", "slow\n"),
    ] {
        write(world.path("dev").join(file), content);
    }
    world.git("dev", &["add", "--all"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", "filtered"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main", "main:live"]).ok();
    assert_eq!(world.git("site.git", &["show", "live:a.up"]).ok().stdout, "WORDS\n");
    assert_eq!(world.git("site.git", &["show", "live:b.rot"]).ok().stdout, "hello\n");
    let tree = format!("--work-tree={}", world.path("www").display());
    world.git("site.git", &[&tree, "checkout", "--quiet", "--force", "live", "--", "."]).ok();
    assert_eq!(fs::read(world.path("www/b.rot")).unwrap(), b"uryyb\n");
    world
}

fn define(world: &World) {
    fs::write(world.path("rot13.pl"), ROT13).unwrap();
    let process = format!("perl '{}' '{}'", world.path("rot13.pl").display(), world.path("started").display());
    let set = |key: &str, value: &str| world.git(".", &["config", "--global", key, value]).ok();
    set("filter.up.clean", "tr a-z A-Z");
    set("filter.up.smudge", "tr A-Z a-z");
    set("filter.rot.process", &process);
    set("filter.rot.required", "true");
}

fn look(world: &World) -> Value {
    world.cairn("site.git", &["uncommitted", "live", "--json"]).ok().json()
}

fn told(document: &Value) -> Vec<String> {
    let word = |change: &Value, name: &str| change[name].as_str().unwrap_or_default().to_owned();
    let changes = document["changes"].as_array().unwrap();
    changes.iter().map(|change| format!("{} {}", word(change, "kind"), word(change, "path"))).collect()
}

#[test]
fn a_filter_of_the_hosts_own_config_makes_of_a_file_what_git_makes_of_it() {
    let world = filtered();
    let _ = fs::remove_file(world.path("started"));
    let document = look(&world);
    let slow =
        "the filter slow is not run, for the host's own config does not define it: its files are compared as they lie";
    assert_eq!((&document["clean"], &document["warnings"]), (&true.into(), &serde_json::json!([slow])));
    write(world.path("www/a.up"), "WORDS\n");
    write(world.path("www/b.rot"), "Uryyb\r\nagain\r\n");
    write(world.path("www/d.rot"), "x".repeat(200_000));
    write(world.path("www/c.up"), "edited\n");
    fs::rename(world.path("www/page"), world.path("www/page.rot")).unwrap();
    assert_eq!(told(&look(&world)), ["modified b.rot", "modified c.up", "added d.rot", "renamed page.rot"]);
    let base = world.tip("site.git", "live");
    let wanted = by_git(&world, &base, "www");
    let before = world.listing("www");
    create(&world, &[]).ok().says("captured as its filter makes it, without what that keeps elsewhere: b.rot (");
    assert_eq!(captured(&world, "live"), (wanted.clone(), base.clone()));
    assert_eq!(fs::read_to_string(world.path("edits/c.up")).unwrap(), "edited\n");
    // Back through the same filters, and only through those that ran.
    world.git(".", &["config", "--global", "filter.other.smudge", "false"]).ok();
    world.cairn("site.git", &["restore", "live", "--element", "uncommitted", "--to", "../back"]).ok();
    for file in ["c.up", "d.rot", "page.rot"] {
        assert_eq!(fs::read(world.path("back").join(file)).unwrap(), fs::read(world.path("www").join(file)).unwrap());
    }
    assert_eq!(world.listing("www"), before);
    let patch = run(world.in_folder("site.git", "git").args(["cairn", "uncommitted", "live", "--patch"])).ok().stdout;
    fs::write(world.path("tree.patch"), patch).unwrap();
    world.git("twin", &["read-tree", &base]).ok();
    world.git("twin", &["apply", "--cached", "--binary", "../tree.patch"]).ok();
    assert_eq!(world.git("twin", &["write-tree"]).ok().out(), wanted);
}

#[test]
fn the_hosts_filter_is_run_where_a_served_clone_names_another_of_the_same_name() {
    let world = filtered();
    fs::remove_dir_all(world.path("www")).unwrap();
    world.git(".", &["clone", "--quiet", "--branch", "live", "site.git", "www"]).ok();
    let mark = world.path("mark");
    let evil = format!("echo $0 >> '{}'; cat", mark.display());
    for key in ["filter.up.clean", "filter.rot.process", "filter.rot.clean", "filter.own.clean"] {
        world.git("www", &["config", key, &evil]).ok();
    }
    write(world.path("www/c.up"), "edited\n");
    write(world.path("www/.gitattributes"), "*.up filter=up\n*.rot filter=rot text\n*.own filter=own\n");
    write(world.path("www/e.own"), "own\n");
    let ran = world.cairn("site.git", &["uncommitted", "live", "--json"]).ok();
    assert_eq!(told(&ran.json()), ["modified .gitattributes", "modified c.up", "added e.own"]);
    create(&world, &[]).ok();
    captured(&world, "live");
    assert_eq!(world.git("edits", &["show", "HEAD:c.up"]).ok().stdout, "EDITED\n");
    assert_eq!(world.git("edits", &["show", "HEAD:e.own"]).ok().stdout, "own\n");
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap());
}

#[test]
fn the_config_of_a_host_that_lies_in_the_served_tree_defines_no_filter() {
    let world = served();
    world.git(".", &["clone", "--quiet", "--bare", "dev", "itself/site.git"]).ok();
    world.git("itself/site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    let store = world.path("aside").display().to_string();
    let tree = format!("dev=main:{}", world.path("itself").display());
    world.cairn("itself/site.git", &["setup", "--no-backup", "--store", &store, "--env", &tree]).ok();
    let mark = world.path("mark");
    let evil = format!("touch '{}'; cat", mark.display());
    world.git("itself/site.git", &["config", "filter.evil.clean", &evil]).ok();
    write(world.path("itself/.gitattributes"), "* filter=evil\n");
    write(world.path("itself/page"), "edited\n");
    world.cairn("itself/site.git", &["uncommitted", "dev"]).ok().says("the filter evil is not run");
    world.cairn("itself/site.git", &["uncommitted", "dev", "--patch"]).ok();
    assert!(!mark.exists());
    // The trap is one: the same config elsewhere is the host's.
    world.git("site.git", &["config", "filter.evil.clean", &evil]).ok();
    world.cairn("site.git", &["uncommitted", "dev", "--worktree", "../itself"]).ok();
    assert!(mark.exists());
}

#[test]
fn a_filter_that_fails_is_told_and_hides_nothing() {
    let world = filtered();
    world.git(".", &["config", "--global", "filter.up.clean", "cat; false"]).ok();
    let document = world.cairn("site.git", &["uncommitted", "live", "--json"]).ok().says("the filter up failed").json();
    // As they lie, which is not as they are stored; git does the same.
    assert_eq!(told(&document), ["modified a.up", "modified c.up"]);
    write(world.path("www/refused.rot"), "x\n");
    write(world.path("www/page"), "edited\n");
    fs::rename(world.path("www/b.rot"), world.path("www/refused2.rot")).unwrap();
    create(&world, &[]).ok().says("not captured, it cannot be read: refused.rot (2 B, the filter rot failed");
    world.git(".", &["config", "--global", "filter.rot.process", "exit 1"]).ok();
    world.git(".", &["config", "--global", "filter.rot.clean", "cat"]).ok();
    fs::rename(world.path("www/refused2.rot"), world.path("www/b.rot")).unwrap();
    let ran = world.cairn("site.git", &["uncommitted", "live", "--json"]).exits(9).says("the filter rot failed");
    assert_eq!((&ran.json()["clean"], &ran.json()["unreadable"][0]["path"]), (&false.into(), &"b.rot".into()));
}

/// What no filter made when it was captured none makes anything of when it comes back.
#[test]
fn no_filter_runs_over_edits_that_none_made() {
    let world = served();
    write(world.path("www/.gitattributes"), "page filter=evil\n");
    write(world.path("www/page"), "edited");
    create(&world, &[]).ok().says("the filter evil is not run");
    let canary = world.path("canary");
    for key in ["smudge", "clean", "process"] {
        world
            .git(
                ".",
                &["config", "--global", &format!("filter.evil.{key}"), &format!("touch {}; cat", canary.display())],
            )
            .ok();
    }
    world.git(".", &["config", "--global", "filter.evil.required", "true"]).ok();
    world.cairn("site.git", &["restore", "live", "--element", "uncommitted", "--to", "../back"]).ok();
    assert_eq!(fs::read(world.path("back/page")).unwrap(), b"edited");
    world.cairn("site.git", &["backup", "get", "live", "--element", "uncommitted", "--patch", "--to", "-"]).ok();
    assert!(!canary.exists());
}

/// Of a host whose filter never answers, the look is cut short, and the push goes on.
#[test]
fn a_look_that_takes_too_long_is_cut_short_and_what_it_saw_is_kept() {
    let world = filtered();
    world.git("site.git", &["config", "filter.slow.clean", "sleep 1000 | cat"]).ok();
    world.git("site.git", &["config", "cairn.live.captureBudget", "8s"]).ok();
    write(world.path("www/page"), "edited");
    write(world.path("www/z.slow"), "edited too\n");
    world.commit("dev", "page", "2");
    let begun = std::time::Instant::now();
    let pushed = world.git("dev", &["push", "origin", "main:live"]).ok();
    assert!(begun.elapsed().as_secs() < 500);
    let late: Vec<&str> = pushed.stderr.lines().filter(|line| line.contains("captureBudget had passed")).collect();
    assert_eq!(late.len(), 1, "{}", pushed.stderr);
    assert!(late[0].contains("warning:") && late[0].contains("z.slow"), "{}", late[0]);
    let pushed = pushed.says("the work tree of live held 1 uncommitted change; what was read in time is captured");
    assert!(!pushed.stderr.contains("kept changing"), "{}", pushed.stderr);
    captured(&world, "live_3");
    assert_eq!(fs::read(world.path("edits/page")).unwrap(), b"edited");
    assert_eq!(world.git("edits", &["show", "HEAD:z.slow"]).ok().stdout, "slow\n");
}

/// Where nothing at all was seen in time that is said too.
#[test]
fn a_look_that_has_no_time_says_so() {
    let world = served();
    world.git("site.git", &["config", "cairn.live.captureBudget", "0s"]).ok();
    write(world.path("www/page"), "edited");
    world.commit("dev", "page", "2");
    let pushed = world.git("dev", &["push", "origin", "main:live"]).ok();
    pushed.says("uncommitted edits of live, if any: not captured, captureBudget had passed: .");
    let path: PathBuf = world.path("www/page");
    assert_eq!(fs::read(path).unwrap(), b"edited");
}
