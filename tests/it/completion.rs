//! What TAB brings in the shells people use, and that asking for it changes nothing.

use crate::support::{GIT_CAIRN, Ran, World, host_with, missing_peer, run};
use crate::terminal::Terminal;

/// A host with an environment that has another name than the usual ones, deployments, and what each shell completes.
fn world() -> World {
    let world = host_with(&[], &["--env", "staging=stage"]);
    world.deployed("test", "2");
    world.deployed("stage", "3");
    world.deployed("live", "4");
    world.git("dev", &["fetch", "--quiet", "--tags"]).ok();
    let written = world.cairn("dev", &["setup", "--completions"]).ok();
    assert_eq!(written.stdout.lines().count(), 3, "{}", written.stdout);
    world
}

fn ask(world: &World, folder: &str, words: &[&str]) -> Ran {
    run(world.in_folder(folder, "git").args(["cairn", "complete", "--", "git-cairn"]).args(words))
}

/// The words that are offered, and that nothing is said beside them.
#[track_caller]
fn offered(world: &World, folder: &str, words: &[&str]) -> Vec<String> {
    let ran = ask(world, folder, words).ok();
    assert_eq!(ran.stderr, "");
    ran.stdout.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn names_are_those_of_the_repository_and_its_store() {
    let world = world();
    assert_eq!(offered(&world, "site.git", &["deploy", ""]), ["dev", "test", "live", "staging"]);
    // A clone is told of staging by no config, only by what was deployed there.
    assert_eq!(offered(&world, "dev", &["deploy", ""]), ["dev", "test", "live", "staging"]);
    assert_eq!(offered(&world, "dev", &["-C", "../site.git", "hold", "s"]), ["staging"]);

    let deployed = world.deployments("site.git", &[]);
    let tags: Vec<_> = deployed.iter().map(|one| one["tag"].as_str().unwrap()).collect();
    assert_eq!(offered(&world, "dev", &["deploy", "live", ""]).len(), tags.len());
    assert_eq!(offered(&world, "dev", &["rollback", "test", ""]), ["test_1"]);
    assert_eq!(offered(&world, "dev", &["reset", "stag"]), ["staging_1"]);

    let listed = world.backups("site.git");
    let ids: Vec<_> = listed.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(offered(&world, "site.git", &["backup", "show", "2"]), ids);
    let store = world.path("site.cairn");
    let away = ["restore", "--store", store.to_str().unwrap(), ""];
    let all = offered(&world, ".", &away);
    assert!(ids.iter().chain(&tags).chain(&["dev", "staging"]).all(|id| all.iter().any(|one| one == id)), "{all:?}");

    world.git("dev", &["branch", "side"]).ok();
    assert_eq!(offered(&world, "dev", &["reset", "--branch", "s"]), ["side"]);
    assert_eq!(offered(&world, "dev", &["deploy", "--remote", ""]), ["origin"]);
    world.git("dev", &["push", "--quiet", "origin", "side"]).ok();
    world.announced("side", None).ok();
    let rescued = world.cairn("site.git", &["rescue", "list", "--json"]).ok().json();
    assert_eq!(offered(&world, "site.git", &["rescue", "show", ""]), [rescued["rescues"][0]["id"].as_str().unwrap()]);
    world.cairn("dev", &["rollback", "live", "test_1", "--yes"]).ok();
    let done = world.cairn("dev", &["undo", "--list", "--json"]).ok().json();
    assert_eq!(offered(&world, "dev", &["undo", ""]), [done["operations"][0]["id"].as_str().unwrap()]);
}

#[test]
fn asking_says_nothing_of_what_is_wrong_and_writes_nothing() {
    let world = world();
    // Of what the pushes left nothing goes on meanwhile.
    world.cairn("site.git", &["worker", "--once"]).ok();
    let before = ["site.git", "site.cairn", "dev"].map(|folder| world.listing(folder));
    for folder in ["site.git", "dev", ".", "site.cairn"] {
        for words in [&["deploy", ""][..], &["backup", "show", ""], &["rollback", "live", ""], &["undo", ""], &["-"]] {
            offered(&world, folder, words);
        }
    }
    assert_eq!(["site.git", "site.cairn", "dev"].map(|folder| world.listing(folder)), before);
    assert_eq!(offered(&world, ".", &["deploy", ""]), [""; 0]);
    assert_eq!(offered(&world, "site.git", &["-C", "/nowhere", "deploy", ""]), [""; 0]);
    world.git("site.git", &["config", "cairn.store", "/nowhere"]).ok();
    assert_eq!(offered(&world, "site.git", &["backup", "show", ""]), [""; 0]);
    world.git("site.git", &["config", "cairn.dev.branch", "live"]).ok();
    assert_eq!(offered(&world, "site.git", &["deploy", ""]), [""; 0]);
    // Of a broken config git itself complains before it starts us; the scripts have it say so to nobody.
    std::fs::write(world.path("site.git/config"), "[broken").unwrap();
    let words = ["complete", "--", "git-cairn", "deploy", ""];
    let broken = run(world.in_folder("site.git", GIT_CAIRN).args(words)).ok();
    assert_eq!((broken.stdout.as_str(), broken.stderr.as_str()), ("", ""));
    // Where a path belongs the shell is told so.
    let path = ask(&world, ".", &["restore", "--to", ""]).exits(1);
    assert_eq!((path.stdout.as_str(), path.stderr.as_str()), ("", ""));
}

/// A shell on a terminal, in which lines are begun and completed.
struct Shell<'a>(Terminal<'a>);

impl<'a> Shell<'a> {
    /// Starts it with these settings in its file; `None` where it is not installed, which is told.
    fn start(world: &'a World, test: &str, file: &str, settings: &str, line: &str) -> Option<Self> {
        let program = line.split(' ').next().unwrap();
        if run(world.in_folder(".", "sh").args(["-c", &format!("command -v {program}")])).code != 0 {
            missing_peer(test, program);
            return None;
        }
        std::fs::create_dir_all(world.path(file).parent().unwrap()).unwrap();
        std::fs::write(world.path(file), settings).unwrap();
        let terminal = Terminal::start(world, "dev", 160, line)?;
        terminal.shows("ready>");
        Some(Self(terminal))
    }

    /// Types a line and TAB: it becomes this one.
    #[track_caller]
    fn completes(&self, typed: &str, line: &str) -> &Self {
        self.0.press(&["C-u", "C-l"]).shows("ready>").types(typed).shows(typed).press(&["Tab"]).shows(line);
        self
    }

    /// The same for `git cairn` and for `git-cairn`, and for a backup, which only the host's store knows.
    #[track_caller]
    fn completes_all(&self, world: &World) {
        let id = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
        for git_cairn in ["git cairn", "git-cairn"] {
            for (typed, becomes) in [
                ("roll", "rollback"),
                ("backup ver", "backup verify"),
                ("deploy stag", "deploy staging"),
                ("deploy --note x liv", "deploy --note x live"),
                ("rollback test test", "rollback test test_1"),
                ("deploy test --no", "deploy test --note"),
                ("restore --element un", "restore --element uncommitted"),
                ("restore --element=un", "restore --element=uncommitted"),
                ("restore --to ../site.g", "restore --to ../site.git/"),
            ] {
                self.completes(&format!("{git_cairn} {typed}"), &format!("{git_cairn} {becomes}"));
            }
        }
        let start = &id[..17];
        self.completes(&format!("git-cairn -C ../site.git backup show {start}"), &format!("backup show {id}"));
        self.completes(&format!("git-cairn restore --store ../site.cairn {start}"), &format!("../site.cairn {id}"));
        // Nothing fits: the line stays, and nothing is said.
        self.completes("git cairn deploy nothing", "git cairn deploy nothing");
        let seen = self.0.seen();
        assert!(!seen.contains("rror"), "{seen}");
    }
}

#[test]
fn bash_completes() {
    let world = world();
    let settings = "PS1='ready>'; bind 'set show-all-if-ambiguous on'; . /usr/share/bash-completion/bash_completion\n";
    let line = "bash --noprofile --rcfile ../home/bashrc -i";
    let Some(shell) = Shell::start(&world, "bash_completes", "home/bashrc", settings, line) else { return };
    if !std::path::Path::new("/usr/share/bash-completion/bash_completion").is_file() {
        return missing_peer("bash_completes", "bash-completion");
    }
    shell.completes_all(&world);
    let id = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    let typed = format!("git -C ../site.git cairn backup show {}", &id[..17]);
    shell.completes(&typed, &format!("backup show {id}"));
    // The name of a branch is a word of the line, and never runs.
    world.git("dev", &["branch", "odd;touch${IFS}ran"]).ok();
    shell.completes("git cairn reset --branch od", "--branch odd\\;touch\\$\\{IFS\\}ran");
}

#[test]
fn bash_completes_without_its_package() {
    let world = world();
    let settings = "PS1='ready>'; . ../home/.local/share/bash-completion/completions/git-cairn\n";
    let line = "bash --noprofile --rcfile ../home/bashrc -i";
    let test = "bash_completes_without_its_package";
    let Some(shell) = Shell::start(&world, test, "home/bashrc", settings, line) else { return };
    shell.completes("git-cairn deploy stag", "git-cairn deploy staging");
    shell.completes("git-cairn restore --element=un", "git-cairn restore --element=uncommitted");
}

#[test]
fn zsh_completes() {
    let world = world();
    let settings =
        "PS1='ready>'; fpath=(~/.local/share/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D\n";
    let Some(shell) = Shell::start(&world, "zsh_completes", "home/.zshrc", settings, "zsh -d -i") else { return };
    shell.completes_all(&world);
    let id = world.backups("site.git")[0]["id"].as_str().unwrap().to_owned();
    let typed = format!("git -C ../site.git cairn backup show {}", &id[..17]);
    shell.completes(&typed, &format!("backup show {id}"));
    shell.completes("git cair", "git cairn");
}

#[test]
fn fish_completes() {
    let world = world();
    let settings = "function fish_prompt; echo -n 'ready>'; end; set -g fish_autosuggestion_enabled 0\n";
    let file = "home/.config/fish/config.fish";
    let Some(shell) = Shell::start(&world, "fish_completes", file, settings, "fish -i") else { return };
    shell.completes_all(&world);
}

#[test]
fn the_scripts_lie_where_shells_look() {
    let world = World::new();
    let told = run(world.in_folder(".", GIT_CAIRN).args(["setup", "--completions", "share", "--json"])).ok().json();
    assert_eq!(told["files"].as_array().unwrap().len(), 3);
    for name in
        ["bash-completion/completions/git-cairn", "zsh/site-functions/_git-cairn", "fish/vendor_conf.d/git-cairn.fish"]
    {
        assert!(world.path("share").join(name).is_file(), "{name}");
    }
    run(world.in_folder(".", GIT_CAIRN).args(["setup", "--completions", "share", "--undo"])).exits(2);
    run(world.in_folder(".", GIT_CAIRN).args(["setup", "--completions"]).env("XDG_DATA_HOME", world.path("data"))).ok();
    assert!(world.path("data/zsh/site-functions/_git-cairn").is_file());
    run(world.in_folder(".", GIT_CAIRN).args(["setup", "--completions"]).env_remove("HOME"))
        .exits(2)
        .says("--completions <dir>");
}
