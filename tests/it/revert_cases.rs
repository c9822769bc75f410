//! Cases of a revert by number, whose subject is what git does with files: names, kinds, attributes, settings, hooks.
//!
//! Numbers are those of the list of cases that every way back must survive.

use crate::revert::{as_git_does, by_git, published};
use crate::support::{World, bare_host, host, host_with};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// Twelve lines, of which one says something else.
fn text(changed: usize, word: &str) -> String {
    (0..12).map(|n| if n == changed { format!("{word}\n") } else { format!("line {n}\n") }).collect()
}

fn set(world: &World, folder: &str, key: &str, value: &str) {
    world.git(folder, &["config", key, value]).ok();
}

#[track_caller]
fn plan(world: &World, words: &[&str]) -> Value {
    world.cairn("dev", &[&["revert"], words, &["--plan", "--json"]].concat()).ok().json()
}

#[track_caller]
fn codes(plan: &Value) -> Vec<&str> {
    plan["warnings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

/// Commits all that was changed in the clone.
fn commit_all(world: &World, message: &str) -> String {
    world.git("dev", &["add", "--all", "--", ":!sub"]).ok();
    world.git("dev", &["commit", "--quiet", "-m", message]).ok();
    world.tip("dev", "HEAD")
}

#[test]
fn case_16_what_was_renamed_since() {
    let world = host();
    world.commit("dev", "lib/one", &text(99, ""));
    world.commit("dev", "lib/two", &text(99, ""));
    let edit = world.commit("dev", "lib/one", &text(3, "bad"));
    fs::remove_file(world.path("dev/lib/two")).unwrap();
    let gone = commit_all(&world, "two goes");
    world.git("dev", &["mv", "lib", "src"]).ok();
    commit_all(&world, "another folder");
    published(&world);
    as_git_does(&world, &[&edit]);
    assert_eq!(fs::read_to_string(world.path("dev/src/one")).unwrap(), text(99, ""));
    // What comes back in a folder that is called otherwise now collides, unless git is told to let it follow.
    world.cairn("dev", &["revert", &gone, "--yes"]).exits(3).says("src/two");
    set(&world, "dev", "merge.directoryRenames", "true");
    as_git_does(&world, &[&gone]);
    assert!(world.path("dev/src/two").exists());
}

#[test]
fn case_17_modes_links_bytes_submodules_and_folders_in_the_place_of_files() {
    let world = host();
    let base = world.commit("dev", "run", &text(99, ""));
    fs::write(world.path("dev/data"), [0, 1, 2]).unwrap();
    world.commit("dev", "thing", "a file");
    symlink("run", world.path("dev/link")).unwrap();
    let pointer = |id: &str| world.git("dev", &["update-index", "--add", "--cacheinfo", &format!("160000,{id},sub")]);
    fs::create_dir(world.path("dev/sub")).unwrap();
    pointer(&base).ok();
    let before = commit_all(&world, "a link and a submodule");
    fs::set_permissions(world.path("dev/run"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(world.path("dev/data"), [0, 9, 0]).unwrap();
    fs::remove_file(world.path("dev/thing")).unwrap();
    fs::create_dir(world.path("dev/thing")).unwrap();
    fs::write(world.path("dev/thing/in"), "a folder").unwrap();
    fs::remove_file(world.path("dev/link")).unwrap();
    symlink("data", world.path("dev/link")).unwrap();
    pointer(&before).ok();
    let bad = commit_all(&world, "all kinds");
    fs::write(world.path("dev/page"), "later").unwrap();
    commit_all(&world, "later");
    published(&world);
    let told = plan(&world, &[&bad]);
    assert!(codes(&told).contains(&"submodule"), "{told}");
    as_git_does(&world, &[&bad]);
    assert_eq!(fs::read_to_string(world.path("dev/thing")).unwrap(), "a file");
}

#[test]
fn case_18_attributes_and_settings_of_merges() {
    for (attributes, settings) in [
        ("* merge=union\n", &[][..]),
        ("* merge=mine\n", &[("merge.mine.driver", "cat %B >%A")][..]),
        ("* text=auto\n", &[("merge.renormalize", "true")][..]),
        ("", &[("merge.renames", "false")][..]),
    ] {
        let world = host();
        world.commit("dev", "a", &text(99, "").replace('\n', "\r\n"));
        let bad = world.commit("dev", "a", &text(4, "bad").replace('\n', "\r\n"));
        fs::write(world.path("dev/.gitattributes"), attributes).unwrap();
        world.git("dev", &["add", "--renormalize", "."]).ok();
        let later = text(4, "bad").replace("line 5", "near");
        fs::write(world.path("dev/a"), if attributes.contains("text") { later } else { later.replace('\n', "\r\n") })
            .unwrap();
        commit_all(&world, "later");
        published(&world);
        for (key, value) in settings {
            set(&world, "dev", key, value);
        }
        let git = world.git("dev", &["revert", "--no-commit", &bad]);
        world.git("dev", &["revert", "--abort"]);
        world.git("dev", &["reset", "--quiet", "--hard"]).ok();
        if git.code == 0 {
            as_git_does(&world, &[&bad]);
        } else {
            world.cairn("dev", &["revert", &bad, "--yes"]).exits(3).says("a (contents)");
        }
        // Only without a driver do the two lines collide.
        assert_eq!(git.code == 0, attributes.contains("merge="), "{attributes}{settings:?} {git:?}");
    }
}

#[test]
fn case_19_the_algorithm_that_git_is_set_to() {
    let world = host();
    let block = |name: &str| format!("{name} {{\n\n}}\n\n");
    let all = |names: &[&str]| names.iter().map(|name| block(name)).collect::<String>();
    world.commit("dev", "code", &all(&["a", "b", "c", "d"]));
    let bad = world.commit("dev", "code", &all(&["a", "c", "b", "x", "d"]));
    world.commit("dev", "code", &all(&["a", "c", "b", "x", "d", "e", "f"]));
    published(&world);
    for algorithm in ["myers", "patience", "histogram", "minimal"] {
        set(&world, "dev", "diff.algorithm", algorithm);
        let (tree, _) = by_git(&world, &[&bad]);
        assert_eq!(plan(&world, &[&bad])["result_tree"], tree, "{algorithm}");
    }
}

#[test]
fn case_20_in_a_repository_without_files() {
    let world = host();
    fs::write(world.path("dev/.gitattributes"), "a merge=union\n").unwrap();
    world.commit("dev", "a", &text(99, ""));
    let bad = world.commit("dev", "a", &text(4, "bad"));
    world.commit("dev", "a", &text(4, "bad").replace("line 5", "near"));
    published(&world);
    let (tree, _) = by_git(&world, &[&bad]);
    world.comes_to_rest("site.git");
    let before = world.listing("site.git");
    let words = ["revert", &bad, "--branch", "main", "--no-push", "--plan", "--json"];
    assert_eq!(world.cairn("site.git", &words).ok().json()["result_tree"], tree);
    assert!(world.listing("site.git") == before, "a plan wrote something");
}

#[test]
fn case_22_replacements_and_grafts_do_not_count() {
    let world = host();
    world.commit("dev", "other", "stays");
    let bad = world.commit("dev", "page", "bad");
    published(&world);
    let (tree, _) = by_git(&world, &[&bad]);
    let none = plan(&world, &[&bad]);
    assert_eq!(none["result_tree"], tree);
    // As if it had no parent: git itself would take back every file.
    world.git("dev", &["replace", "--graft", &bad]).ok();
    assert_eq!(plan(&world, &[&bad])["result_tree"], tree);
    world.git("dev", &["replace", "--delete", &bad]).ok();
    fs::write(world.path("dev/.git/info/grafts"), format!("{bad}\n")).unwrap();
    assert_eq!(plan(&world, &[&bad])["result_tree"], tree);
}

#[test]
fn case_23_what_is_not_here_and_cannot_be_had() {
    let world = host();
    world.commit("dev", "a", &text(99, ""));
    let bad = world.commit("dev", "a", &text(4, "bad"));
    world.commit("dev", "a", &text(4, "bad").replace("line 8", "later"));
    published(&world);
    set(&world, "site.git", "uploadpack.allowFilter", "true");
    let url = format!("file://{}", world.path("site.git").display());
    world.git(".", &["clone", "--quiet", "--filter=blob:none", "--no-checkout", &url, "few"]).ok();
    fs::rename(world.path("site.git"), world.path("away.git")).unwrap();
    let before = world.refs("few") + &world.git("few", &["count-objects", "-v"]).ok().stdout;
    world.cairn("few", &["revert", &bad, "--no-push", "--yes"]).exits(13);
    assert_eq!(world.refs("few") + &world.git("few", &["count-objects", "-v"]).ok().stdout, before);
    fs::rename(world.path("away.git"), world.path("site.git")).unwrap();
    let (tree, _) = by_git(&world, &[&bad]);
    let words = ["revert", &bad, "--no-push", "--plan", "--json"];
    assert_eq!(world.cairn("few", &words).json()["result_tree"], tree);
}

#[test]
pub fn case_24_in_a_repository_of_sha_256() {
    let world = host_with(&["--object-format=sha256"], &[]);
    let good = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "bad");
    world.commit("dev", "other", "x");
    published(&world);
    as_git_does(&world, &[&bad]);
    let words = ["reset", &good, "--overwrite-history"];
    let plan = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    assert_eq!(plan["host"]["verdict"], "accepted", "{plan}");
    world.cairn("dev", &[&words[..], &["--confirm", plan["plan_id"].as_str().unwrap()]].concat()).ok();
    assert_eq!((world.tip("site.git", "main"), world.tip("dev", "main")), (good.clone(), good));
}

#[test]
pub fn case_27_the_hooks_that_git_runs() {
    let world = bare_host(&[]);
    let bad = world.commit("dev", "page", "bad");
    published(&world);
    let log = world.path("ran");
    for hook in ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-rewrite", "post-checkout"] {
        world.script(&format!("dev/.git/hooks/{hook}"), &format!("echo {hook} $2 >>'{}'", log.display()));
    }
    by_git(&world, &[&bad]);
    let by_git = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    world.cairn("dev", &["revert", &bad, "--yes"]).ok();
    assert_eq!(fs::read_to_string(&log).unwrap(), by_git);
    assert!(by_git.contains("prepare-commit-msg") && by_git.contains("post-commit"), "{by_git}");
}

#[test]
fn case_36_a_path_that_is_left_out_stays_out() {
    let world = host();
    world.commit("dev", "here/file", "1");
    world.commit("dev", "there/file", "1");
    let bad = world.commit("dev", "there/file", "bad");
    published(&world);
    for more in [&[][..], &["--sparse-index"]] {
        world.git("dev", &[&["sparse-checkout", "set", "--cone"], more, &["here"]].concat()).ok();
        assert!(!world.path("dev/there").exists());
        let bad = if more.is_empty() { bad.clone() } else { world.tip("dev", "HEAD") };
        let (tree, _) = by_git(&world, &[&bad]);
        world.cairn("dev", &["revert", &bad, "--yes"]).ok();
        assert_eq!(world.tip("site.git", "main^{tree}"), tree);
        assert!(!world.path("dev/there").exists(), "it was laid out");
        assert_eq!(world.git("dev", &["status", "--porcelain"]).ok().stdout, "");
    }
}

#[test]
pub fn case_39_names_that_mean_two_things() {
    let world = host();
    let good = world.tip("dev", "main");
    let bad = world.commit("dev", "page", "bad");
    published(&world);
    world.git("dev", &["tag", "main", &good]).ok();
    // git takes the tag; what that made collides with what came later.
    let told = world.cairn("dev", &["revert", "main", "--plan", "--json"]).exits(3).json();
    assert_eq!((codes(&told)[0], &told["wanted"][0]), ("ambiguous", &good.clone().into()));
    assert_eq!(told["ref"], "refs/heads/main");
    let short = &bad[..7];
    world.git("dev", &["branch", short, &good]).ok();
    let told = world.cairn("dev", &["revert", short, "--plan", "--json"]).exits(3).json();
    assert_eq!((codes(&told)[0], &told["wanted"][0]), ("ambiguous", &good.into()));
    world.git("dev", &["branch", "--quiet", "-D", short]).ok();
    let told = plan(&world, &[short]);
    assert_eq!((codes(&told).contains(&"ambiguous"), &told["wanted"][0]), (false, &bad.clone().into()));
    // A push by names would be one of a tag.
    world.cairn("dev", &["revert", &bad, "--yes"]).ok();
    assert_eq!(world.git("site.git", &["for-each-ref", "--format=%(refname)", "refs/tags"]).ok().out(), "");
    assert_eq!(
        world.git("site.git", &["log", "-1", "--format=%s", "refs/heads/main"]).ok().out(),
        "Revert \"page: bad\""
    );
}

#[test]
pub fn case_41_a_submodule_that_goes_back_is_told() {
    let world = host();
    let base = world.tip("dev", "main");
    fs::create_dir(world.path("dev/sub")).unwrap();
    for id in [base.clone(), world.commit("dev", "page", "2")] {
        world.git("dev", &["update-index", "--add", "--cacheinfo", &format!("160000,{id},sub")]).ok();
        world.git("dev", &["commit", "--quiet", "-m", "sub"]).ok();
    }
    published(&world);
    let words = ["reset", "HEAD~1", "--as-commit"];
    let told = world.cairn("dev", &[&words[..], &["--plan", "--json"]].concat()).ok().json();
    assert!(codes(&told).contains(&"submodule"), "{told}");
    let tree = world.tip("dev", "HEAD~1^{tree}");
    world.cairn("dev", &[&words[..], &["--yes"]].concat()).ok().says("git submodule update");
    assert_eq!(world.tip("site.git", "main^{tree}"), tree);
    assert!(world.path("dev/sub").is_dir());
}

#[test]
fn case_48_where_a_push_goes_is_what_is_looked_at() {
    let world = host();
    let bad = world.commit("dev", "page", "bad");
    world.git(".", &["clone", "--quiet", "--bare", "site.git", "mirror.git"]).ok();
    published(&world);
    let [host, mirror] = ["site.git", "mirror.git"].map(|name| world.path(name).display().to_string());
    // It is fetched from a mirror that lags behind.
    set(&world, "dev", "remote.origin.url", &mirror);
    set(&world, "dev", "remote.origin.pushurl", &host);
    let told = plan(&world, &[&bad]);
    assert_eq!((&told["push_url"], &told["expect_remote"]), (&host.clone().into(), &bad.clone().into()));
    let stale = world.tip("mirror.git", "main");
    world.cairn("dev", &["revert", &bad, "--yes"]).ok();
    assert_eq!(world.git("site.git", &["log", "-1", "--format=%s", "main"]).ok().out(), "Revert \"page: bad\"");
    assert_eq!(world.tip("mirror.git", "main"), stale);
    // To two at once there is no push that moves both or neither: it is refused, with the way to do one after the other.
    world.git("dev", &["config", "--add", "remote.origin.pushurl", &mirror]).ok();
    let tip = world.tip("site.git", "main");
    let refused = world.cairn("dev", &["revert", "HEAD", "--yes"]).exits(5).says(&host).says("--remote origin-2");
    let command = refused.stderr.split("such as git ").nth(1).unwrap().split(',').next().unwrap();
    world.git("dev", &command.split(' ').map(|word| word.trim_matches('\'')).collect::<Vec<_>>()).ok();
    assert_eq!((world.tip("site.git", "main"), world.tip("mirror.git", "main")), (tip, stale));
    let words = ["revert", "HEAD", "--remote", "origin-2", "--include-mine", "--plan", "--json"];
    let there = world.cairn("dev", &words).ok().json();
    assert_eq!(there["push_url"], mirror);
}
