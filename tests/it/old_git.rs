//! A plan made with a git that merges commits alone (before 2.45) and takes attributes from no tree (before 2.41).

use crate::revert::{by_git, published};
use crate::support::{Ran, World, host, run};
use std::fs;

/// Runs `git cairn` where git knows neither `--merge-base` nor `--attr-source`, and says that it is of 2.39.
fn with_old_git(world: &World, folder: &str, words: &[&str]) -> Ran {
    let found = run(world.in_folder(".", "sh").args(["-c", "command -v git"])).ok();
    let bin = world.path("old");
    fs::create_dir_all(&bin).unwrap();
    let refuse = "for word do case $word in --merge-base=*|--attr-source=*) echo \"error: unknown option $word\" >&2; exit 129;; esac; done";
    let version = "[ \"$1\" = version ] && echo 'git version 2.39.5' && exit 0";
    world.script("old/git", &format!("{refuse}\n{version}\nexec '{}' \"$@\"", found.out()));
    let path = std::env::join_paths(
        [bin].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    run(world.in_folder(folder, crate::support::GIT_CAIRN).args(words).env("PATH", path.unwrap()))
}

#[test]
fn what_is_predicted_is_the_same() {
    let world = host();
    let lines = |changed: usize, word: &str| {
        (0..12).map(|n| if n == changed { format!("{word}\n") } else { format!("line {n}\n") }).collect::<String>()
    };
    world.commit("dev", "a", &lines(99, ""));
    world.commit("dev", "united", &lines(99, ""));
    let [bad, united] = ["a", "united"].map(|file| world.commit("dev", file, &lines(3, "bad")));
    world.commit("dev", "a", &lines(3, "bad").replace("line 9", "later"));
    fs::write(world.path("dev/.gitattributes"), "united merge=union\n").unwrap();
    world.commit("dev", "united", &lines(3, "worse"));
    published(&world);
    world.git("dev", &["checkout", "--quiet", "-b", "elsewhere", "main~4"]).ok();
    for commit in [&bad, &united] {
        world.git("dev", &["checkout", "--quiet", "main"]).ok();
        let (tree, _) = by_git(&world, &[commit]);
        let words = ["revert", commit, "--branch", "main", "--no-push", "--plan", "--json"];
        assert_eq!(with_old_git(&world, "dev", &words).ok().json()["result_tree"], tree);
        // From another branch the files say nothing: attributes come from the commit.
        world.git("dev", &["checkout", "--quiet", "elsewhere"]).ok();
        assert_eq!(with_old_git(&world, "dev", &words).ok().json()["result_tree"], tree);
        assert_eq!(world.cairn("dev", &words).ok().json()["result_tree"], tree);
    }
    let collides = ["revert", "main~3", "main~1", "--branch", "main", "--no-push", "--plan", "--json"];
    let [old, new] = [with_old_git(&world, "dev", &collides), world.cairn("dev", &collides)];
    assert_eq!((old.code, &old.json()["conflicts"]), (new.code, &new.json()["conflicts"]));
}

#[test]
fn attributes_that_a_commit_takes_away_do_not_count_for_the_next() {
    let world = host();
    fs::write(world.path("dev/.gitattributes"), "page merge=union\n").unwrap();
    world.commit("dev", "page", "1\n");
    published(&world);
    fs::remove_file(world.path("dev/.gitattributes")).unwrap();
    world.commit("dev", "other", "and no attributes");
    world.commit("dev", "page", "mine\n");
    world.git(".", &["clone", "--quiet", "site.git", "bob"]).ok();
    world.commit("bob", "page", "theirs\n");
    world.git("bob", &["push", "--quiet", "origin", "main"]).ok();
    let words = ["catch-up", "--plan", "--json"];
    let conflicts = world.cairn("dev", &words).exits(3).json()["conflicts"].clone();
    assert_eq!(conflicts[0]["path"], "page");
    assert_eq!(with_old_git(&world, "dev", &words).exits(3).json()["conflicts"], conflicts);
}
