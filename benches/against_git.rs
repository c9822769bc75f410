//! Whole commands side by side with git's own, in one run: what our hooks cost a push.
//!
//! Three copies of one repository take the same push in turn: one with our hooks, one with hooks that do nothing, one
//! without hooks. Each turn is one ratio to git alone, and the median of the ratios is what counts; what hooks that do
//! nothing cost is git's own price for having any. Nothing is asserted: the table is for a person to read.
//!
//! `CAIRN_BENCH_PAIRS` sets the number of turns, 21 by default; `CAIRN_BENCH_DIR` the folder it all happens in.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const GIT_CAIRN: &str = env!("CARGO_BIN_EXE_git-cairn");
/// Objects in the repository that is pushed to.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// What a commit brings: itself, a file, its two folders and the root.
const OBJECTS_PER_COMMIT: usize = 5;
/// Pushes before the first one that is measured.
const WARM_UP: usize = 3;
/// The hosts, in the order of a turn's times.
const HOSTS: [&str; 3] = ["ours.git", "empty.git", "plain.git"];

/// How long one push took to each of the hosts.
type Turn = [Duration; 3];

fn main() {
    // Cargo may ask what there is to run; it is one thing.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let turns = std::env::var("CAIRN_BENCH_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(21);
    println!(
        "{turns} turns each; medians of the times in ms, medians and quartiles of the ratios to git without hooks"
    );
    let worlds: Vec<World> = SIZES.iter().map(|objects| World::new(*objects)).collect();
    // What was just built is written to the disk now, not while the pushes are measured.
    rustix::fs::sync();
    println!("\nA push that moves no environment, cairn.snapshot = deployments; the aim is 1.15 at 100,000 objects:");
    table(&worlds, "topic", turns);
    println!("\nA push that deploys: marked, synced, backed up, read back and verified before it returns:");
    table(&worlds, "live", turns);
}

/// Measures pushes to a branch in every world and prints a line of each.
fn table(worlds: &[World], branch: &str, turns: usize) {
    println!("| objects | git | empty hooks | git-cairn | empty ratio | git-cairn ratio | quartiles |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for world in worlds {
        for n in 0..WARM_UP {
            world.turn(branch, n);
        }
        let measured: Vec<Turn> = (0..turns).map(|n| world.turn(branch, WARM_UP + n)).collect();
        let time = |host: usize| quartile(measured.iter().map(|turn| turn[host].as_secs_f64() * 1000.0), 2);
        let ratios = |host: usize| measured.iter().map(move |turn| turn[host].as_secs_f64() / turn[2].as_secs_f64());
        println!(
            "| {} | {:.1} | {:.1} | {:.1} | {:.3} | {:.3} | {:.3} to {:.3} |",
            world.objects,
            time(2),
            time(1),
            time(0),
            quartile(ratios(1), 2),
            quartile(ratios(0), 2),
            quartile(ratios(0), 1),
            quartile(ratios(0), 3),
        );
    }
}

/// The value below which so many quarters of all lie; two quarters make the median.
fn quartile(values: impl Iterator<Item = f64>, quarters: usize) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * quarters / 4]
}

/// Three identical hosts and a clone that pushes to all.
struct World {
    dir: TempDir,
    objects: usize,
}

impl World {
    fn new(objects: usize) -> Self {
        let dir = match std::env::var_os("CAIRN_BENCH_DIR") {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        };
        let world = Self { dir: dir.expect("a temporary folder"), objects };
        std::fs::create_dir(world.path("home")).expect("a home");
        world.git(".", &["init", "--quiet", "--bare", "--initial-branch=main", "plain.git"]);
        world.import("plain.git", "main", None, 0..objects / OBJECTS_PER_COMMIT);
        world.git("plain.git", &["repack", "-a", "-d", "-q"]);
        for copy in ["ours.git", "empty.git"] {
            world.run(world.command("cp").arg("-a").args([world.path("plain.git"), world.path(copy)]));
        }
        world.git(".", &["clone", "--quiet", "--bare", "plain.git", "dev.git"]);
        for hook in ["pre-receive", "post-receive"] {
            let path = world.path("empty.git/hooks").join(hook);
            std::fs::write(&path, "#!/bin/sh\nexit 0\n").expect("a hook");
            std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("a hook");
        }
        world.git("ours.git", &["config", "cairn.snapshot", "deployments"]);
        world.git("ours.git", &["config", "cairn.reserve", "1MiB"]);
        world.run(world.command(GIT_CAIRN).arg("-C").arg(world.path("ours.git")).arg("setup"));
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn run(&self, command: &mut Command) {
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    }

    fn git(&self, folder: &str, words: &[&str]) {
        self.run(self.command("git").arg("-C").arg(self.path(folder)).args(words));
    }

    /// Adds commits to a branch, each with one changed file in a tree of 400 folders.
    fn import(&self, repository: &str, branch: &str, from: Option<&str>, commits: Range<usize>) {
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
        let mut import = self.command("git");
        import.arg("-C").arg(self.path(repository)).args(["fast-import", "--quiet"]).stdin(Stdio::piped());
        let mut child = import.spawn().expect("git starts");
        child.stdin.take().expect("a pipe").write_all(stream.as_bytes()).expect("git reads");
        assert!(child.wait().expect("git ends").success());
    }

    /// Pushes one new commit on a branch to every host; another one is the first each time.
    fn turn(&self, branch: &str, n: usize) -> Turn {
        let from = if n == 0 { "refs/heads/main^0".into() } else { format!("refs/heads/{branch}^0") };
        self.import("dev.git", branch, Some(&from), n..n + 1);
        let refspec = format!("refs/heads/{branch}:refs/heads/{branch}");
        let mut turn = Turn::default();
        for host in (0..HOSTS.len()).map(|k| (k + n) % HOSTS.len()) {
            let mut push = self.command("git");
            push.arg("-C")
                .arg(self.path("dev.git"))
                .args(["push", "--quiet"])
                .arg(self.path(HOSTS[host]))
                .arg(&refspec);
            let start = Instant::now();
            self.run(&mut push);
            turn[host] = start.elapsed();
        }
        turn
    }
}
