//! A folder of repositories, and programs run in a known environment.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The command that is measured.
pub const GIT_CAIRN: &str = env!("CARGO_BIN_EXE_git-cairn");
/// What a commit brings: itself, a file, its two folders and the root.
const OBJECTS_PER_COMMIT: usize = 5;

/// A folder that is gone when it ends.
pub struct World {
    dir: TempDir,
}

impl World {
    /// Makes an empty one.
    pub fn new() -> Self {
        let dir = match std::env::var_os("CAIRN_BENCH_DIR") {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        };
        let world = Self { dir: dir.expect("a temporary folder") };
        std::fs::create_dir(world.path("home")).expect("a home");
        world
    }

    /// Makes one with a bare repository `plain.git` of so many objects on `main`, packed, with a bitmap.
    pub fn of_objects(objects: usize) -> Self {
        let world = Self::new();
        world.git(".", &["init", "--quiet", "--bare", "--initial-branch=main", "plain.git"]);
        world.import("plain.git", "main", None, 0..objects / OBJECTS_PER_COMMIT);
        world.git("plain.git", &["repack", "-a", "-d", "-b", "-q"]);
        world
    }

    /// Makes one with a copy of a real repository's branches and tags as `plain.git`, packed, with a bitmap.
    pub fn of_repository(path: &Path) -> Self {
        let world = Self::new();
        let path = std::fs::canonicalize(path).expect("the repository is there");
        world.git(".", &["init", "--quiet", "--bare", "plain.git"]);
        let from = path.to_str().expect("a path in UTF-8");
        world.git("plain.git", &["fetch", "--quiet", from, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]);
        let branch = world.read("plain.git", &["for-each-ref", "--count=1", "--format=%(refname)", "refs/heads/"]);
        world.git("plain.git", &["symbolic-ref", "HEAD", &branch]);
        world.git("plain.git", &["repack", "-a", "-d", "-b", "-q"]);
        world
    }

    /// Returns a path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a command in the environment that all have.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Dev").env(format!("GIT_{role}_EMAIL"), "dev@example.org");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Runs a command that must succeed, and says how long it took.
    pub fn run(&self, command: &mut Command) -> Duration {
        let start = Instant::now();
        let output = command.output().expect("the program starts");
        let took = start.elapsed();
        assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
        took
    }

    /// Writes to the disk what others left in memory: whoever syncs next must not pay for it.
    pub fn settle(&self) {
        rustix::fs::sync();
    }

    /// Runs git in one of its folders.
    pub fn git(&self, folder: &str, words: &[&str]) -> Duration {
        self.run(self.command("git").arg("-C").arg(self.path(folder)).args(words))
    }

    /// Runs git cairn in one of its folders.
    pub fn cairn(&self, folder: &str, words: &[&str]) -> Duration {
        self.run(self.command(GIT_CAIRN).arg("-C").arg(self.path(folder)).args(words))
    }

    /// Returns what git prints, without white space at its ends.
    pub fn read(&self, folder: &str, words: &[&str]) -> String {
        let mut command = self.command("git");
        let output = command.arg("-C").arg(self.path(folder)).args(words).stdout(Stdio::piped()).output();
        String::from_utf8(output.expect("git starts").stdout).expect("text").trim().to_owned()
    }

    /// Returns the peak memory, in KiB, of a program and all it starts; `None` without GNU time.
    pub fn peak(&self, folder: &str, program: &str, words: &[&str]) -> Option<u64> {
        let mut time = self.command("time");
        time.args(["-q", "-f", "%M", "-o"]).arg(self.path("peak")).args([program, "-C"]).arg(self.path(folder));
        time.args(words).output().ok()?;
        std::fs::read_to_string(self.path("peak")).ok()?.trim().parse().ok()
    }

    /// Copies a repository with all it has.
    pub fn copy(&self, from: &str, to: &str) {
        self.run(self.command("cp").arg("-a").args([self.path(from), self.path(to)]));
    }

    /// Removes what there may be of this name.
    pub fn remove(&self, name: &str) {
        let path = self.path(name);
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }

    /// Adds commits to a branch, each with one changed file in a tree of 400 folders.
    pub fn import(&self, repository: &str, branch: &str, from: Option<&str>, commits: Range<usize>) {
        let mut stream = String::new();
        // What is pushed is younger than what is there, as it is with people.
        let first = if from.is_some() { 1_800_000_000 } else { 1_700_000_000 };
        let mut from = from.map(|from| format!("from {from}\n")).unwrap_or_default();
        for n in commits {
            let (message, content) = (format!("{branch} {n}\n"), format!("content {n} of {branch}\n").repeat(20));
            let _ = write!(
                stream,
                "commit refs/heads/{branch}\ncommitter Dev <dev@example.org> {} +0000\ndata {}\n{message}{from}\
                 M 100644 inline area{}/part{}/file{}\ndata {}\n{content}\n",
                first + n,
                message.len(),
                n % 20,
                n / 20 % 20,
                n / 400 % 20,
                content.len(),
            );
            from.clear();
        }
        self.feed(repository, &["fast-import", "--quiet"], stream.as_bytes());
    }

    /// Runs git in one of its folders and gives it something to read.
    pub fn feed(&self, folder: &str, words: &[&str], input: &[u8]) {
        let mut git = self.command("git");
        git.arg("-C").arg(self.path(folder)).args(words).stdin(Stdio::piped());
        let mut child = git.spawn().expect("git starts");
        child.stdin.take().expect("a pipe").write_all(input).expect("git reads");
        assert!(child.wait().expect("git ends").success());
    }
}
