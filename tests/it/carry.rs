//! Carrying a person's own commits onto another tip, beside git-rebase(1), over random histories.

use crate::support::{Random, World, amount};
use cairn::git::{ObjectId, Repository, Scratch};
use cairn::undo::{carry, commit, own};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// A clone in which random commits are made.
struct Bench<'a> {
    world: &'a World,
    random: Random,
    count: usize,
}

impl Bench<'_> {
    fn git(&self, words: &[&str]) -> String {
        self.world.git("work", words).ok().out().to_owned()
    }

    fn id(&self, name: &str) -> ObjectId {
        ObjectId::from_hex(self.git(&["rev-parse", "--verify", name]).as_bytes()).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.path("work").join(name)
    }

    /// Does one thing to one file, of which there may be none.
    fn change(&mut self) {
        self.count += 1;
        let files: Vec<_> = self.git(&["ls-files"]).lines().map(str::to_owned).collect();
        let file = if files.is_empty() { "a/1".into() } else { self.random.pick(&files).clone() };
        let path = self.path(&file);
        let new = format!("{}/{}", self.random.pick(&["a", "b", "a/c"]), self.random.below(8));
        let new = self.path(&new);
        let is_text = path.symlink_metadata().is_ok_and(|found| found.is_file());
        let free = new.symlink_metadata().is_err() && new.parent().unwrap().is_dir();
        match self.random.below(12) {
            0..6 if is_text => {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
                let place = self.random.below(lines.len() + 1);
                if place < lines.len() && self.random.below(3) > 0 {
                    lines[place] = format!("changed {}", self.count);
                } else {
                    lines.insert(place, format!("added {}", self.count));
                }
                std::fs::write(&path, lines.join("\n") + "\n").unwrap();
            }
            6 if is_text && free => std::fs::rename(&path, &new).unwrap(),
            7 if is_text => self.git(&["rm", "--quiet", "--force", "--", &file]).clear(),
            8 if is_text => self.git(&["update-index", "--chmod=+x", "--", &file]).clear(),
            9 if free => symlink(format!("../target-{}", self.random.below(3)), &new).unwrap(),
            10 if free => std::fs::write(&new, self.random.bytes(200)).unwrap(),
            _ => {
                std::fs::create_dir_all(self.path("a/c")).unwrap();
                std::fs::create_dir_all(self.path("b")).unwrap();
                let lines: String = (0..20).map(|n| format!("line {n} of {}\n", self.count)).collect();
                let name = format!("a/{}.txt", self.random.below(8));
                std::fs::write(self.path(&name), lines).unwrap();
            }
        }
    }

    fn commit(&mut self) {
        for _ in 0..=self.random.below(2) {
            self.change();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", &format!("step {}\n\nwith a body", self.count)]);
    }

    fn commits(&mut self, most: usize) {
        for _ in 0..self.random.below(most + 1) {
            self.commit();
        }
    }

    fn start(&self, branch: &str, at: &str) {
        self.git(&["checkout", "--quiet", "--force", "-B", branch, at]);
        self.git(&["clean", "--quiet", "--force", "-d", "-x"]);
    }

    fn merge(&self, what: &str) {
        let _ = self.world.git("work", &["merge", "--quiet", "--no-edit", "-X", "ours", what]);
        self.git(&["add", "--all"]);
        let _ = self.world.git("work", &["commit", "--quiet", "--no-edit"]);
    }

    /// The remote branch as it was is `old`, as it is `new`, and the person's is `mine`.
    fn history(&mut self) {
        self.git(&["checkout", "--quiet", "--force", "--orphan", "old"]);
        self.git(&["rm", "--quiet", "-r", "--force", "--ignore-unmatch", "."]);
        self.git(&["clean", "--quiet", "--force", "-d", "-x"]);
        let attributes = ["", "*.txt merge=union\n", "*.txt -merge\n"];
        std::fs::write(self.path(".gitattributes"), self.random.pick(&attributes)).unwrap();
        std::fs::create_dir_all(self.path("a/c")).unwrap();
        for n in 0..3 {
            let lines: String = (0..30).map(|line| format!("line {line} of {n}\n")).collect();
            std::fs::write(self.path(&format!("a/{n}.txt")), lines).unwrap();
        }
        for _ in 0..4 {
            self.commit();
        }
        let back = self.random.below(4);
        self.start("new", &format!("old~{back}"));
        self.commits(2);
        let from = self.random.below(3);
        self.start("mine", &format!("old~{from}"));
        self.commits(2);
        match self.random.below(4) {
            0 => self.merge("old"),
            1 => {
                self.start("topic", "mine");
                self.commits(2);
                self.start("mine", "mine");
                self.commits(1);
                self.merge("topic");
            }
            _ => {}
        }
        self.commits(2);
    }
}

/// A path without the side that git names after `~` where two kinds of file want one name.
fn without_side(path: &str) -> String {
    path.split_once('~').map_or(path, |(path, _)| path).to_owned()
}

/// What git makes of it: the tree, or the commit it stops at with the paths that collide.
fn rebased(bench: &Bench) -> (Option<String>, Vec<String>) {
    let words = ["rebase", "--quiet", "--reapply-cherry-picks", "--onto", "new", "old", "mine"];
    if bench.world.git("work", &words).code == 0 {
        return (Some(bench.git(&["rev-parse", "HEAD^{tree}"])), vec![]);
    }
    let mut paths = vec![bench.git(&["rev-parse", "REBASE_HEAD"])];
    let unmerged = bench.git(&["-c", "core.quotePath=false", "ls-files", "--unmerged"]);
    paths.extend(unmerged.lines().map(|line| without_side(line.split_once('\t').unwrap().1)));
    paths.dedup();
    bench.git(&["rebase", "--abort"]);
    (None, paths)
}

#[test]
fn what_is_carried_is_what_a_rebase_makes() {
    let mut ends = [0, 0];
    for n in 0..amount("CAIRN_CARRIES", 15) {
        let world = World::new();
        world.git(".", &["init", "--quiet", "work"]).ok();
        // The library is asked in this process, whose home is another.
        world.git("work", &["config", "user.name", "Dev"]).ok();
        world.git("work", &["config", "user.email", "dev@example.org"]).ok();
        let mut bench = Bench { world: &world, random: Random::one_of(41, n), count: 0 };
        bench.history();
        let repository = Repository::open(&world.path("work/.git")).unwrap();
        let (old, new, mine) = (bench.id("old"), bench.id("new"), bench.id("mine"));
        let before = world.refs("work") + &bench.git(&["count-objects", "-v"]);
        let scratch = Scratch::new(&repository).unwrap();
        let carried = carry(&scratch, &own(&scratch, &mine, &[old, new]).unwrap().commits, &new, &[]).unwrap();
        assert_eq!(world.refs("work") + &bench.git(&["count-objects", "-v"]), before, "looking ahead writes nothing");
        let ours = match &carried.stopped {
            None => (Some(carried.tree.to_string()), vec![]),
            Some((commit, collisions)) => {
                let paths = collisions.iter().map(|collision| without_side(&collision.path.to_string()));
                let mut paths: Vec<_> = std::iter::once(commit.to_string()).chain(paths).collect();
                paths.dedup();
                (None, paths)
            }
        };
        assert_eq!(ours, rebased(&bench), "CAIRN_SEED={}", bench.random.seed());
        ends[usize::from(carried.stopped.is_some())] += 1;
        if carried.stopped.is_none() {
            let tip = commit(&scratch, &carried, &new, false).unwrap();
            scratch.keep(&repository, &[tip], &[new, mine]).unwrap();
            let log = |tip: &str| bench.git(&["log", "--format=%an %ae %ad %T%n%B", &format!("new..{tip}")]);
            assert_eq!(log(&tip.to_string()), log("mine"), "CAIRN_SEED={}", bench.random.seed());
            world.health("work");
        }
    }
    println!("{} carried whole and {} stopped, each where a rebase does", ends[0], ends[1]);
}
