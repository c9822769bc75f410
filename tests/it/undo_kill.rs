//! A kill at any system call of a revert or a reset: afterwards it is done or not done, here and on the host, and no work is
//! lost.
//!
//! strace kills git-cairn itself; the git it started goes on, as it would. `CAIRN_UNDO_KILLS` sets the number of points.

use crate::support::{GIT_CAIRN, Random, World, amount, command, host, missing_peer, run};
use std::path::Path;

/// The system calls by which something on a disk changes, or a program is started.
const CALLS: [&str; 9] = ["openat", "write", "fsync", "rename", "renameat2", "unlink", "linkat", "mkdir", "wait4"];

struct Story {
    world: World,
    words: Vec<String>,
    old: String,
}

fn stories() -> Vec<Story> {
    let reverting = host();
    std::fs::write(reverting.path("dev/.gitignore"), "local\n").unwrap();
    reverting.git("dev", &["add", "--force", "--all"]).ok();
    reverting.commit("dev", "other", "x");
    std::fs::write(reverting.path("dev/local"), "from git").unwrap();
    reverting.git("dev", &["add", "--force", "local"]).ok();
    reverting.git("dev", &["commit", "--quiet", "-m", "local comes"]).ok();
    reverting.git("dev", &["rm", "--quiet", "local"]).ok();
    let gone = reverting.commit("dev", "page", "2");
    reverting.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    std::fs::write(reverting.path("dev/local"), "mine").unwrap();
    let resetting = host();
    let good = resetting.tip("dev", "main");
    resetting.commit("dev", "page", "2");
    resetting.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let plan = resetting.cairn("dev", &["reset", &good, "--overwrite-history", "--plan", "--json"]).ok().json();
    let id = plan["plan_id"].as_str().unwrap().to_owned();
    let stories = [
        (reverting, words(&["revert", &gone, "--yes"])),
        (resetting, words(&["reset", &good, "--overwrite-history", "--confirm", &id])),
    ];
    let story = |(world, words): (World, Vec<String>)| {
        for folder in ["dev", "site.git"] {
            run(world.in_folder(".", "cp").args(["-a", folder, &format!("{folder}.before")])).ok();
        }
        let old = world.tip("site.git", "main");
        Story { world, words, old }
    };
    stories.into_iter().map(story).collect()
}

impl Story {
    fn reset(&self) {
        for folder in ["dev", "site.git"] {
            crate::support::until("the folder is gone", || {
                let path = self.world.path(folder);
                !path.exists() || std::fs::remove_dir_all(path).is_ok()
            });
            run(self.world.in_folder(".", "cp").args(["-a", &format!("{folder}.before"), folder])).ok();
        }
    }

    fn traced(&self, options: &[&str]) -> i32 {
        let mut strace = command("strace", &self.world.path("home"));
        strace.args(["-qq", "-o"]).arg(self.world.path("calls")).args(options).arg(GIT_CAIRN).args(&self.words);
        run(strace.current_dir(self.world.path("dev"))).code
    }

    /// Returns whether it was killed.
    fn survives(&self, call: &str, when: usize) -> bool {
        self.reset();
        let inject = format!("inject={call}:signal=KILL:when={when}");
        let context = format!("{:?}: {inject}", self.words);
        let code = self.traced(&["-e", &format!("trace={call}"), "-e", &inject]);
        if code == 0 {
            return false;
        }
        let world = &self.world;
        // What the next command finds, once the git that was left alone has ended: a plan of nothing.
        let ended = || world.git("dev", &["update-index", "-q", "--refresh"]).code != 128;
        let own_lock = || world.path("dev/.git/index.lock").exists();
        crate::support::until("git has ended", || own_lock() || ended());
        world.cairn("dev", &["revert", "main", "--no-push", "--branch", "main"]).exits(7);
        let (here, there) = (world.tip("dev", "main"), world.tip("site.git", "main"));
        // A push that was still under way when the next command asked may land after it.
        assert!(here == there || here == self.old, "{context}: {here} here, {there} there");
        let status = world.git("dev", &["status", "--porcelain"]).ok().stdout;
        assert_eq!(status, "", "{context}: between");
        let local = std::fs::read(world.path("dev/local")).ok();
        if self.words[0] == "revert" && here == self.old {
            assert_eq!(local.as_deref(), Some(&b"mine"[..]), "{context}: work was lost");
        }
        assert!(!own_lock(), "{context}: a lock was left");
        true
    }
}

#[test]
fn a_kill_at_any_call_leaves_it_done_or_not_done() {
    if command("strace", Path::new("/")).arg("-V").output().is_err() {
        return missing_peer("kills of a revert", "strace");
    }
    let (stories, mut random) = (stories(), Random::new(11));
    let mut killed = 0;
    for n in 0..amount("CAIRN_UNDO_KILLS", 12) {
        let story = &stories[n % stories.len()];
        story.reset();
        let call = *random.pick(&CALLS);
        assert_eq!(story.traced(&["-e", &format!("trace={call}")]), 0);
        let log = std::fs::read_to_string(story.world.path("calls")).unwrap();
        let count = log.lines().filter(|line| line.contains(&format!("{call}("))).count();
        if count > 0 {
            killed += usize::from(story.survives(call, 1 + random.below(count)));
        }
    }
    println!("{killed} kills");
    assert!(killed > 0, "nothing was killed");
}
