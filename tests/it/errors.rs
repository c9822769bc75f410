//! What cannot be done is told as one document: the exit code of the contract, a stable code, what and why, and the next step.

use crate::support::{World, host, run};

/// Where it is typed, what, and what is answered: exit code, code, a part of the message and of the next step.
type Case<'a> = (&'a str, &'a str, i32, &'a str, &'a str, &'a str);

/// Holds every case to what is answered, and names all that do not hold.
#[track_caller]
fn hold_true(world: &World, cases: &[Case]) {
    let wrong: Vec<_> = cases.iter().filter_map(|case| wrong(world, case)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Says what is answered to a case, where it is not as it should be. Without a next step only "nothing to do" may end.
fn wrong(world: &World, (folder, words, exit, code, message, hint): &Case) -> Option<String> {
    let words: Vec<&str> = words.split(' ').chain(["--json"]).collect();
    let ran = world.cairn(folder, &words);
    let document = serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap_or_default();
    let error = &document["error"];
    let (said, next) = (error["message"].as_str().unwrap_or_default(), error["hint"].as_str());
    let fits = (ran.code, &error["exit"], &error["code"]) == (*exit, &(*exit).into(), &(*code).into())
        && said.contains(message)
        && next.map_or(*exit == 8 && hint.is_empty(), |next| !hint.is_empty() && next.contains(hint));
    (!fits).then(|| format!("{words:?} in {folder}: {} {error}", ran.code))
}

#[test]
fn what_cannot_be_done_with_backups() {
    let world = host();
    let first = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    let second = world.cairn("site.git", &["backup", "create", "dev"]).ok().out().to_owned();
    std::fs::write(world.path("site.git/there"), "").unwrap();
    std::fs::create_dir(world.path("empty")).unwrap();
    let list = "git cairn backup list";
    let with = |text: &str| text.replace("SECOND", &second).replace("FIRST", &first);
    let (newest, gone) = (with("backup delete SECOND --reason why"), with("backup show FIRST"));
    let both = format!("backup show {}", &first[..4]);
    hold_true(
        &world,
        &[
            ("site.git", "backup show 20", 2, "usage", "20 is too short to name a backup", "at least 4 characters"),
            ("site.git", &both, 2, "usage", " could be ", "more characters"),
            ("site.git", "backup show 20200101-000000-0000", 10, "no-backup", "there is no backup 20200101", list),
            ("site.git", "backup show dev@{99}", 10, "no-backup", "there is no backup dev@{99}", list),
            (
                "site.git",
                "backup show dev@{when-it-was-fine}",
                2,
                "usage",
                "is no time that git knows",
                "live@{yesterday}",
            ),
            (
                "site.git",
                "backup get dev --element code --to there",
                5,
                "file-exists",
                "there exists; nothing was changed",
                "--to <file>",
            ),
            (
                "site.git",
                "backup get dev --element code --to -",
                2,
                "usage",
                "both want standard output",
                "--to <file>",
            ),
            (
                "site.git",
                "backup get dev --element code --thin",
                2,
                "usage",
                "are for uncommitted edits",
                "--element uncommitted",
            ),
            (
                "site.git",
                "backup get dev --element uncommitted --visible",
                2,
                "usage",
                "--visible is for code",
                "leave it out",
            ),
            (
                "site.git",
                "backup get dev --element uncommitted --to ../x",
                10,
                "no-capture",
                "holds no uncommitted edits",
                "git cairn backup list",
            ),
            (
                "site.git",
                "restore dev --to x --bare --element uncommitted",
                2,
                "usage",
                "--bare is for code",
                "leave out --bare",
            ),
            (
                "site.git",
                "restore dev --to ../dev",
                5,
                "target-not-empty",
                "is not empty; nothing was changed",
                "that does not exist yet",
            ),
            (
                "site.git",
                &newest,
                5,
                "newest",
                "is the newest good backup of its environment",
                "git cairn backup create <env>",
            ),
            ("site.git", "backup delete dev@{1} --reason=", 2, "usage", "--reason is empty", "say why"),
            ("site.git", "status --max-age soon", 2, "usage", "not a span of time", "8d"),
            (
                "empty",
                "backup list --store ../site.cairn --site other",
                10,
                "no-site",
                "holds no backup of a site other",
                "site",
            ),
            ("empty", "backup list --store .", 10, "no-backup", "holds no backup", "the right directory"),
            (
                "empty",
                "status --sites .",
                10,
                "no-sites",
                "no repository below . is set up",
                "git cairn setup --sites .",
            ),
            ("empty", "setup --sites .", 10, "no-sites", "there is no bare repository below .", "git init --bare"),
        ],
    );
    world.cairn("site.git", &["backup", "delete", &first, "--reason", "a secret"]).ok();
    hold_true(&world, &[("site.git", &gone, 10, "removed", "any more: ", list)]);
}

#[test]
fn what_cannot_be_ruled_on_the_host() {
    let world = host();
    let tip = world.tip("site.git", "main");
    let zero = "0".repeat(40);
    let grant = |name: &str, old: &str, ttl: &str| {
        format!("guard grant --ref {name} --old {old} --new {zero} --for anna --ttl {ttl} --reason why")
    };
    hold_true(
        &world,
        &[
            (
                "site.git",
                "guard pause --for 0s --reason why",
                8,
                "not-paused",
                "the guard is not paused",
                "git cairn guard pause --for 1h",
            ),
            ("site.git", "guard pause --for 1h --reason=", 2, "usage", "--reason is empty", "say why"),
            ("site.git", "guard pause --for 99w --reason why", 2, "usage", "that is longer than", "cairn.guard"),
            (
                "site.git",
                &grant("main", &tip, "1h"),
                2,
                "usage",
                "main is no full name of a reference",
                "refs/heads/main",
            ),
            (
                "site.git",
                &grant("refs/heads/main", &tip[..10], "1h"),
                2,
                "usage",
                "is no full object id",
                "git rev-parse",
            ),
            (
                "site.git",
                &grant("refs/heads/main", &zero, "1h"),
                4,
                "moved",
                "nothing was permitted",
                "look at what would be dropped now",
            ),
            ("site.git", &grant("refs/heads/main", &tip, "999w"), 2, "usage", "that is longer than", "cairn.guard"),
            ("site.git", "release live", 8, "not-held", "live is not held", "git cairn status"),
            ("site.git", "hold live --for 0s --reason why", 2, "usage", "a hold of no time", "git cairn release live"),
            (
                "site.git",
                "hold dev --reason why",
                5,
                "not-deployed",
                "dev takes pushes, not deployments",
                "cairnProtect",
            ),
            ("site.git", "hold prod --reason why", 10, "no-environment", "prod", "dev, test, live"),
            (
                "site.git",
                "rescue show 20200101",
                10,
                "no-such-rescue",
                "there is no rescue 20200101",
                "git cairn rescue list",
            ),
            (
                "site.git",
                "rescue recover nothing",
                10,
                "no-such-rescue",
                "there is no rescue nothing",
                "git cairn rescue list",
            ),
            (
                "site.git",
                "uncommitted",
                10,
                "no-worktree",
                "no environment of this site has a work tree",
                "git config cairn.dev.worktree <dir>",
            ),
            ("site.git", "setup --env dev", 2, "usage", "not of the form <name>=<branch>[:<work tree>]", "--env live="),
            ("site.git", "setup --env dev=main:www", 2, "usage", "not of the form", "absolute path"),
            ("site.git", "setup --env Dev=main", 2, "usage", "not a name for an environment", "lower-case letters"),
            ("site.git", "setup --env dev=a..b", 2, "usage", "cannot be the branch of dev", "git check-ref-format"),
            (
                "site.git",
                "setup --store inside",
                5,
                "store-place",
                "lies inside the repository it is to replace",
                "git cairn setup --store <dir>",
            ),
            ("dev", "setup", 5, "not-bare", "has a work tree; a host's repository is bare", "git clone --bare"),
            ("dev", "doctor", 10, "not-the-host", "this is a clone", "site.git cairn doctor"),
        ],
    );
}

#[test]
fn what_is_for_the_host_names_it_in_a_clone() {
    let world = host();
    let site = std::fs::canonicalize(world.path("site.git")).unwrap().display().to_string();
    for words in [
        "status --max-age 26h",
        "doctor",
        "audit",
        "guard explain refs/heads/main",
        "hold live --reason 'a freeze'",
        "release live",
        "worker --once",
        "uncommitted --stat",
        "hooks status",
        "hooks install",
        "setup --undo --yes",
        "backup create",
        "backup list",
        "backup show dev",
        "--json status",
        "-C . status",
    ] {
        let told = run(world.in_folder("dev", "sh").args(["-c", &format!("git-cairn {words}")])).exits(10);
        let typed = words.strip_prefix("-C . ").unwrap_or(words);
        let there = format!("hint: type it there, where you may log in: git -C {site} cairn {typed}");
        let hint = told.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap();
        let store = if words.contains("backup list") || words.contains("show") {
            "; or name the store: --store <dir>"
        } else {
            ""
        };
        assert_eq!(hint, there + store, "{words}");
    }
    world
        .cairn("dev", &["setup", "--yes"])
        .exits(5)
        .says(&format!("git -C {site} cairn setup --yes; or make one: git clone"));
    // A clone that has no host, and a repository that may become one.
    world.git("dev", &["remote", "remove", "origin"]).ok();
    world.cairn("dev", &["status"]).exits(10).says("not set up").says("git cairn setup");
    world.bare("other.git", &[]);
    world.cairn("other.git", &["status"]).exits(10).says("not set up").says("git cairn setup");
}

#[test]
fn what_cannot_be_brought_back_from_a_rescue() {
    let world = host();
    let base = world.tip("dev", "main");
    world.deployed("live", "2");
    world.git("dev", &["push", "--quiet", "origin", "main", "main:topic"]).ok();
    world.git("dev", &["push", "--quiet", "origin", &format!("{base}:refs/heads/other")]).ok();
    world.announced("live", Some(&base)).ok();
    world.announced("main", Some(&base)).ok();
    let list = world.cairn("site.git", &["rescue", "list", "--json"]).ok().json();
    let of = |name: &str| {
        let mut all = list["rescues"].as_array().unwrap().iter();
        all.find(|one| one["ref"] == name).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (main, live) = (of("refs/heads/main"), of("refs/heads/live"));
    let recover = |id: &str, rest: &str| format!("rescue recover {id} {rest}");
    let both = format!("rescue show {}", &main[..4]);
    hold_true(
        &world,
        &[
            ("site.git", &both, 2, "usage", "rescues begin with", "write more of the id"),
            (
                "site.git",
                &recover(&main, "--branch other"),
                5,
                "branch-exists",
                "refs/heads/other exists",
                "name another with --branch",
            ),
            (
                "site.git",
                &recover(&main, "--branch a..b"),
                2,
                "usage",
                "cannot be the name of a branch",
                "name another with --branch",
            ),
            (
                "site.git",
                &recover(&live, "--in-place"),
                5,
                "deploys",
                "live takes deployments, and this would be none",
                "git cairn rollback live ",
            ),
        ],
    );
    world.git("dev", &["reset", "--quiet", "--hard", &base]).ok();
    world.commit("dev", "page", "3");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let again = format!("git cairn rescue recover {main}");
    hold_true(
        &world,
        &[("site.git", &recover(&main, "--in-place"), 4, "moved", "moved since it was dropped there", &again)],
    );
}

#[test]
fn what_cannot_be_done_in_a_clone() {
    let world = host();
    let first = world.tip("dev", "main");
    world.merged_topic("dev");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    std::fs::write(world.path("dev/no-plan.json"), "{}").unwrap();
    let plan = world.cairn("dev", &["deploy", "test", "--plan", "--json"]).ok().stdout;
    std::fs::write(world.path("plan.json"), &plan).unwrap();
    std::fs::write(world.path("edited.json"), plan.replace("\"test\"", "\"live\"")).unwrap();
    world.git("dev", &["worktree", "add", "--quiet", "-b", "side", "../side"]).ok();
    world.git(".", &["init", "--quiet", "alone"]).ok();
    let range = format!("revert {first}..{first} --plan");
    hold_true(
        &world,
        &[
            ("dev", "deploy prod", 10, "no-environment", "the host has no environment prod", "it has dev, test, live"),
            (
                "dev",
                "deploy live",
                10,
                "no-commit",
                "test, the branch test, has no commit on the host yet",
                "git cairn deploy test",
            ),
            (
                "dev",
                "deploy live nowhere",
                10,
                "no-such-commit",
                "there is no commit nowhere",
                "git cairn deployments live",
            ),
            ("dev", "rollback live", 10, "no-deployment", "live has no commit yet", "git cairn deploy live"),
            ("dev", "deploy dev", 5, "not-deployed", "it takes pushes, not deployments", "git push <remote> HEAD:main"),
            ("dev", "deploy test --remote nowhere", 10, "no-remote", "there is no remote nowhere", "git remote -v"),
            ("dev", "deploy test --apply no-plan.json", 2, "usage", "that is no plan", "--plan --json"),
            (
                "dev",
                "deploy live --apply ../edited.json",
                2,
                "usage",
                "the plan was changed after it was made",
                "--plan --json",
            ),
            (
                "dev",
                "rollback test --apply ../plan.json",
                2,
                "usage",
                "the plan is to deploy test",
                "by the command that made it",
            ),
            (
                "dev",
                "deploy test --confirm 0123456789abcdef",
                4,
                "plan-differs",
                "the plan is another one by now",
                "--plan",
            ),
            ("dev", "deploy test", 7, "confirmation-needed", "needs a yes; nothing was changed", "--yes"),
            ("alone", "deploy test", 10, "no-remote", "this repository has no remote", "git remote add origin <url>"),
            (
                "dev",
                "revert nowhere",
                10,
                "no-such-commit",
                "there is no commit nowhere",
                "name a commit, a branch or a tag",
            ),
            ("dev", "revert a...b", 2, "usage", "means commits of two branches", "<a>..<b>"),
            ("dev", "revert nowhere..main", 10, "no-such-commit", "there is no range nowhere..main", "<a>..<b>"),
            ("dev", &range, 10, "no-such-commit", "is empty", "<older>..<newer>"),
            ("dev", "revert main", 7, "mainline-needed", "is a merge; say which of its parents stays", "-m 1"),
            ("dev", "revert main -m 3", 2, "usage", "does not have parent 3", "it has 2 parents"),
            ("dev", "revert main -m 0", 2, "usage", "counted from 1", "-m 1"),
            ("dev", "revert main^2 -m 2", 2, "usage", "is not a merge", "leave out -m"),
            ("dev", "reset main~1 --branch side", 5, "checked-out-elsewhere", "side is checked out in", "git -C "),
            (
                "dev",
                "reset main~1 --branch nowhere",
                10,
                "no-branch",
                "there is no branch nowhere on the host",
                "--branch",
            ),
            ("dev", "catch-up --branch nowhere", 10, "no-branch", "there is no branch nowhere here", "--branch"),
            ("dev", "catch-up", 8, "nothing-to-do", "has everything of yours already", ""),
            (
                "dev",
                "undo",
                8,
                "nothing-to-undo",
                "nothing was done here that could be taken back",
                "git cairn undo --list",
            ),
            ("dev", "undo 2020", 10, "no-operation", "there is no operation 2020", "git cairn undo --list"),
            ("dev", "revert --continue", 10, "no-resolution", "no conflict is being resolved here", "--resolve <dir>"),
        ],
    );
    world.git("dev", &["merge", "--no-commit", "--no-ff", "-s", "ours", &first]);
    std::fs::write(world.path("dev/.git/MERGE_HEAD"), format!("{first}\n")).unwrap();
    hold_true(&world, &[("dev", "revert main -m 1", 5, "in-progress", "is not finished here", "git status")]);
    std::fs::remove_file(world.path("dev/.git/MERGE_HEAD")).unwrap();
    // What was done and then built upon, or moved, here alone.
    world.cairn("dev", &["revert", "main~1", "--no-push", "--yes"]).ok();
    world.commit("dev", "other", "more");
    hold_true(
        &world,
        &[("dev", "undo", 5, "built-upon-here", "main has 1 commit more here since", "git cairn revert ")],
    );
    world.git("dev", &["reset", "--quiet", "--hard", &first]).ok();
    hold_true(&world, &[("dev", "undo", 5, "moved-here", "main was moved elsewhere here since", "git reflog main")]);
}

#[test]
fn an_unknown_flag_is_not_proposed_as_a_value() {
    let world = host();
    for flag in ["--yse", "--to", "--limit"] {
        let said =
            world.cairn("dev", &["deploy", "live", flag]).exits(2).says(&format!("unexpected argument '{flag}'"));
        assert!(!said.stderr.contains("as a value"), "{}", said.stderr);
    }
    world.cairn("dev", &["deploy", "live", "--confrim", "1"]).exits(2).says("'--confirm'");
}
