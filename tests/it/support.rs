//! A throw-away world for a test: a host, its store, a developer's clone, and programs run in a known environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The `git-cairn` that was built for these tests.
pub const GIT_CAIRN: &str = env!("CARGO_BIN_EXE_git-cairn");

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; 128 and more for a signal.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    /// Fails the test unless the program ended with `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless the program succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Fails the test unless `text` stands in the standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not said in:\n{}", self.stderr);
        self
    }

    /// Returns the standard output without white space at its ends.
    pub fn out(&self) -> &str {
        self.stdout.trim()
    }

    /// Reads the standard output as the one JSON document it must be.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in:\n{}\n{}", self.stdout, self.stderr))
    }
}

/// Makes a command in the environment that every test has: no configuration, no identity, no home but the given one.
pub fn command(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = Path::new(GIT_CAIRN).parent().unwrap();
    let path = std::env::join_paths([own.to_owned()].into_iter().chain(std::env::split_paths(&path))).unwrap();
    command.env_clear().env("PATH", path).env("HOME", home).env("TZ", "UTC");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    use std::os::unix::process::ExitStatusExt;
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Ran {
        code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Puts a copy of a program in another place. Another process writes it: one of ours that is started meanwhile would hold it
/// open for writing, and nothing that is so can be run.
pub fn copy_program(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let copied = Command::new("cp").arg(from.as_ref()).arg(to.as_ref()).status().expect("cp");
    assert!(copied.success(), "cp {}", from.as_ref().display());
}

/// A folder of a test's own, gone when it ends.
pub struct World {
    dir: TempDir,
}

impl World {
    /// Makes an empty one, with a home in it in which only a name for commits is configured.
    pub fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.path("home")).unwrap();
        let config = "[user]\n\tname = Dev\n\temail = dev@example.org\n[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n";
        std::fs::write(world.path("home/.gitconfig"), config).unwrap();
        world
    }

    /// Returns a path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs git in one of its folders.
    #[track_caller]
    pub fn git(&self, folder: &str, words: &[&str]) -> Ran {
        run(command("git", &self.path("home")).arg("-C").arg(self.path(folder)).args(words))
    }

    /// Runs `git cairn` in one of its folders, as a person would: through git.
    #[track_caller]
    pub fn cairn(&self, folder: &str, words: &[&str]) -> Ran {
        run(command("git", &self.path("home")).arg("-C").arg(self.path(folder)).arg("cairn").args(words))
    }

    /// Makes a bare repository `name`, with these words for `git init`.
    pub fn bare(&self, name: &str, words: &[&str]) {
        self.git(".", &[&["init", "--quiet", "--bare"], words, &[name]].concat()).ok();
    }

    /// Commits a file with this content in a clone, and returns the commit's id.
    #[track_caller]
    pub fn commit(&self, clone: &str, file: &str, content: &str) -> String {
        let path = self.path(clone).join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self.git(clone, &["add", "--all"]).ok();
        self.git(clone, &["commit", "--quiet", "-m", &format!("{file}: {content}")]).ok();
        self.tip(clone, "HEAD")
    }

    /// Makes a commit that nothing refers to, of so much that git is asked to pack it, and returns its id.
    #[track_caller]
    pub fn large_commit(&self, repository: &str) -> String {
        let feed = |words: &[&str], input: &[u8]| {
            String::from_utf8(self.feed(repository, words, input)).unwrap().trim().to_owned()
        };
        let blob = feed(&["hash-object", "-w", "--stdin"], &vec![b'x'; (1 << 20) + 1]);
        let tree = feed(&["mktree"], format!("100644 blob {blob}\tlarge\n").as_bytes());
        self.git(repository, &["commit-tree", "-m", "large", &tree]).ok().out().to_owned()
    }

    /// Commits to a branch `topic` and to main in a clone that stands on main, and merges the one into the other.
    #[track_caller]
    pub fn merged_topic(&self, clone: &str) {
        self.git(clone, &["checkout", "--quiet", "-b", "topic"]).ok();
        self.commit(clone, "topic", "t");
        self.git(clone, &["checkout", "--quiet", "main"]).ok();
        self.commit(clone, "page", "2");
        self.git(clone, &["merge", "--quiet", "--no-ff", "--no-edit", "topic"]).ok();
    }

    /// Returns the id a name stands for.
    #[track_caller]
    pub fn tip(&self, folder: &str, name: &str) -> String {
        self.git(folder, &["rev-parse", "--verify", name]).ok().out().to_owned()
    }

    /// Builds a repository with one of the scripts in `fixtures/`.
    pub fn fixture(&self, script: &str, target: &str, words: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(script);
        run(command("sh", &self.path("home")).arg(script).arg(self.path(target)).args(words)).ok();
    }

    /// Returns every reference with its value, but for the pins: the worker lets go of those when it comes to it, which may
    /// be after the push has returned.
    #[track_caller]
    pub fn refs(&self, repository: &str) -> String {
        let refs = self.git(repository, &["for-each-ref", "--format=%(refname) %(objectname) %(symref)"]).ok().stdout;
        refs.lines().filter(|line| !line.starts_with("refs/cairn/pin/")).map(|line| format!("{line}\n")).collect()
    }

    /// Everything by which two repositories are compared: references with their values, HEAD, every reachable object, and
    /// what git says of its health.
    #[track_caller]
    pub fn identity(&self, repository: &str) -> String {
        let git = |words: &[&str]| self.git(repository, words).ok().stdout;
        let refs = self.refs(repository);
        let head = self.git(repository, &["symbolic-ref", "-q", "HEAD"]).stdout
            + &self.git(repository, &["rev-parse", "-q", "--verify", "HEAD"]).stdout;
        let mut objects: Vec<String> = git(&["rev-list", "--objects", "--all"]).lines().map(str::to_owned).collect();
        objects.sort();
        format!("{refs}\nHEAD {head}\n{}\n{}", objects.join("\n"), self.health(repository))
    }
}

impl World {
    /// Feeds a git command in one of its folders and returns the bytes it prints, for names that are no text.
    #[track_caller]
    pub fn feed(&self, folder: &str, words: &[&str], input: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut command = command("git", &self.path("home"));
        command.arg("-C").arg(self.path(folder)).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// What git says of a repository's health, which must be good.
    #[track_caller]
    pub fn health(&self, repository: &str) -> String {
        let fsck = self.git(repository, &["fsck", "--full", "--no-dangling", "--no-reflogs"]);
        // To fsck a symbolic reference that dangles is an error, though git makes and keeps it.
        let dangles = |line: &str| line.contains(": invalid sha1 pointer 000000");
        let errors = fsck.stderr.lines().filter(|line| line.starts_with("error") && !dangles(line)).count();
        let expected = if fsck.stderr.lines().any(dangles) { 2 } else { 0 };
        assert_eq!((errors, fsck.code), (0, expected), "{}{}", fsck.stdout, fsck.stderr);
        fsck.stdout + &fsck.stderr
    }

    /// As [`World::identity`], to the byte: HEAD as it is written, symbolic references as they are written, dangling ones
    /// too, and names that are no UTF-8. For repositories that keep their references in files.
    #[track_caller]
    pub fn exact(&self, repository: &str) -> String {
        self.content(repository) + "\n" + &self.health(repository)
    }

    /// The same without what git says of its health.
    #[track_caller]
    pub fn content(&self, repository: &str) -> String {
        let refs = self.feed(repository, &["for-each-ref", "--format=%(refname) %(objectname)"], b"");
        let objects = self.feed(
            repository,
            &["--no-replace-objects", "rev-list", "--objects", "--single-worktree", "--all"],
            b"",
        );
        let mut lines = vec![format!("HEAD {}", read(&self.path(repository).join("HEAD")).escape_ascii())];
        // What a waiting snapshot holds on to is no part of a backup.
        let counted = |line: &&[u8]| !line.is_empty() && !line.starts_with(b"refs/cairn/pin/");
        lines.extend(refs.split(|b| *b == b'\n').filter(counted).map(|line| line.escape_ascii().to_string()));
        lines.extend(objects.split(|b| *b == b'\n').map(|line| line.escape_ascii().to_string()));
        symbolic(&self.path(repository).join("refs"), "refs", &mut lines);
        lines.sort();
        lines.join("\n")
    }
}

/// Reads a file that must be there.
#[track_caller]
pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn symbolic(folder: &Path, prefix: &str, lines: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}/{}", path.file_name().unwrap().as_encoded_bytes().escape_ascii());
        if path.is_dir() {
            symbolic(&path, &name, lines);
        } else if read(&path).starts_with(b"ref: ") {
            lines.push(format!("{name} {}", read(&path).escape_ascii()));
        }
    }
}

/// Numbers that are the same in every run with the same seed; the seed is told when the test fails.
pub struct Random {
    state: u64,
    seed: u64,
}

impl Random {
    /// Begins with the seed in the variable `CAIRN_SEED`, else with this one.
    pub fn new(seed: u64) -> Self {
        let given = std::env::var("CAIRN_SEED").ok().map(|text| text.parse().expect("CAIRN_SEED is a number"));
        let seed = given.unwrap_or(seed);
        Self { state: seed, seed }
    }

    /// Begins the `n`th of many, each with a seed of its own that makes it the first of another run.
    pub fn one_of(seed: u64, n: usize) -> Self {
        let first = Self::new(seed);
        let seed = first.seed.wrapping_add(n as u64);
        Self { state: seed, seed }
    }

    /// Returns the seed it began with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns a number below `bound` (SplitMix64).
    pub fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    /// Returns bytes that cannot be compressed.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }

    /// Returns one of them.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again with CAIRN_SEED={}", self.seed);
        }
    }
}

/// Returns the number in an environment variable, for runs that are longer than the everyday one.
pub fn amount(variable: &str, everyday: usize) -> usize {
    std::env::var(variable).map_or(everyday, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Counts as far as [`amount`] says; of a longer run it says how far it is.
pub fn counted(variable: &'static str, everyday: usize) -> impl Iterator<Item = usize> {
    let (all, begun) = (amount(variable, everyday), std::time::Instant::now());
    (0..=all).map_while(move |n| {
        if all > everyday && n > 0 && (n % 500 == 0 || n == all) {
            println!("{variable}: {n} of {all} in {:.0?}", begun.elapsed());
        }
        (n < all).then_some(n)
    })
}

/// A world with a bare repository `site.git` that is not set up, and a clone `dev` on `main` with one commit pushed.
pub fn bare_host(init: &[&str]) -> World {
    let world = World::new();
    world.bare("site.git", init);
    if init.contains(&"--object-format=sha256") {
        // What git before 2.41 clones of an empty repository is of SHA-1, whatever that one is.
        let site = world.path("site.git").display().to_string();
        world.git(".", &["init", "--quiet", "--object-format=sha256", "dev"]).ok();
        world.git("dev", &["remote", "add", "origin", &site]).ok();
        world.git("dev", &["config", "branch.main.remote", "origin"]).ok();
        world.git("dev", &["config", "branch.main.merge", "refs/heads/main"]).ok();
    } else {
        world.git(".", &["clone", "--quiet", "site.git", "dev"]).ok();
    }
    world.git("dev", &["checkout", "--quiet", "-B", "main"]).ok();
    world.commit("dev", "page", "1");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    // What a small test machine has free says nothing about the product.
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    // Nor does how slow it is.
    world.git("site.git", &["config", "cairn.hookBudget", "60s"]).ok();
    crate::sshd::serve(&world);
    world
}

/// A world with a set-up host `site.git`, its store `site.cairn`, and a clone `dev` on `main` with one commit pushed.
pub fn host() -> World {
    host_with(&[], &[])
}

/// The same, with more words for `git init` and for `git cairn setup`.
pub fn host_with(init: &[&str], setup: &[&str]) -> World {
    let world = bare_host(init);
    world.cairn("site.git", &[&["setup"], setup].concat()).ok();
    world
}

/// Says that a peer is missing, where anybody sees it; where CI demands all peers, fails.
pub fn missing_peer(test: &str, peer: &str) {
    use std::io::Write;
    assert!(std::env::var_os("CAIRN_REQUIRE_PEERS").is_none(), "{test} needs {peer}");
    // Not eprintln: the test runner would swallow it.
    let _ = writeln!(std::io::stderr(), "NOT RUN: {test} needs {peer}");
}

/// Waits until `condition` holds, and fails the test if it never does.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

impl World {
    /// Makes a command in one of its folders, for a test that adds to its environment.
    pub fn in_folder(&self, folder: &str, program: impl AsRef<OsStr>) -> Command {
        let mut command = command(program, &self.path("home"));
        command.current_dir(self.path(folder));
        command
    }

    /// Removes a folder, though the worker that a push started may write into it for a moment yet.
    pub fn remove(&self, name: &str) {
        let path = self.path(name);
        until("the folder is gone", || !path.exists() || std::fs::remove_dir_all(&path).is_ok());
    }

    /// Writes an executable script; a shebang is put before it.
    pub fn script(&self, name: &str, body: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let (text, path) = (self.path(&format!("{name}.text")), self.path(name));
        std::fs::write(&text, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&text, std::fs::Permissions::from_mode(0o755)).unwrap();
        copy_program(&text, &path);
        std::fs::remove_file(text).unwrap();
        path
    }

    /// Puts a script in the place of a hook, which stays beside it as `real-<event>` and can be run from there.
    pub fn wrap_hook(&self, host: &str, event: &str, body: &str) {
        let hooks = self.path(host).join("hooks");
        std::fs::rename(hooks.join(event), hooks.join(format!("real-{event}"))).unwrap();
        self.script(&format!("{host}/hooks/{event}"), body);
    }

    /// Waits until the worker that a push started, and that goes on when the push has returned, has ended.
    #[track_caller]
    pub fn comes_to_rest(&self, host: &str) {
        self.cairn(host, &["worker", "--once"]).ok();
    }

    /// Everything below a folder: path, permission bits, and content or where a link leads.
    pub fn listing(&self, folder: &str) -> Vec<(PathBuf, u32, Vec<u8>)> {
        use std::os::unix::fs::PermissionsExt;
        let mut found = Vec::new();
        let mut folders = vec![self.path(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                let (path, metadata) = (entry.path(), entry.path().symlink_metadata().unwrap());
                let content = if metadata.is_file() { std::fs::read(&path).unwrap() } else { vec![] };
                if metadata.is_dir() {
                    folders.push(path.clone());
                }
                found.push((path, metadata.permissions().mode() & 0o7777, content));
            }
        }
        found.sort();
        found
    }

    /// Returns what the host lists as `backups`, newest first.
    #[track_caller]
    pub fn backups(&self, host: &str) -> Vec<serde_json::Value> {
        self.cairn(host, &["backup", "list", "--json"]).ok().json()["backups"].as_array().unwrap().clone()
    }

    /// Returns what is listed as `deployments`, newest first.
    #[track_caller]
    pub fn deployments(&self, folder: &str, words: &[&str]) -> Vec<serde_json::Value> {
        let list = self.cairn(folder, &[&["deployments", "--json"], words].concat()).ok().json();
        list["deployments"].as_array().unwrap().clone()
    }

    /// Returns the deployment tags of an environment in a repository, in the order of their numbers, each as
    /// `<tag> <commit>`.
    #[track_caller]
    pub fn tagged(&self, repository: &str, pattern: &str) -> Vec<String> {
        let format = "--format=%(refname:short) %(*objectname)";
        let words = ["for-each-ref", "--sort=version:refname", format, pattern];
        self.git(repository, &words).ok().stdout.lines().map(str::to_owned).collect()
    }
}

impl World {
    /// Commits on the clone's main, pushes it to the branch of `environment`, and returns the commit.
    #[track_caller]
    pub fn deployed(&self, environment: &str, content: &str) -> String {
        let commit = self.commit("dev", "page", content);
        self.git("dev", &["push", "--quiet", "origin", &format!("main:{environment}")]).ok();
        commit
    }

    /// Moves a branch of the host to a commit of the clone, or without one deletes it, whatever that drops, and says so as
    /// the guard demands.
    #[track_caller]
    pub fn announced(&self, branch: &str, commit: Option<&str>) -> Ran {
        let name = format!("refs/heads/{branch}");
        let old = self.tip("site.git", &name);
        let zero = "0".repeat(old.len());
        let option = format!("cairn.rewind={name}:{old}:{}", commit.unwrap_or(&zero));
        let refspec = format!("{}:{name}", commit.unwrap_or_default());
        self.git("dev", &["push", "--force", "-o", &option, "origin", &refspec])
    }
}
