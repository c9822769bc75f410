//! Random pushes by several people, honest and careless, with rewinds, deletions and collections in between.

use crate::support::{Random, World, amount, host};
use std::collections::{BTreeMap, BTreeSet};

/// A host, the clones of three people, and every commit that the host ever accepted.
struct Site {
    world: World,
    random: Random,
    accepted: BTreeSet<String>,
    tags: BTreeMap<String, String>,
    count: usize,
}

impl Site {
    fn new(seed: u64) -> Self {
        let world = host();
        // What is asked here is what the guard does, not the snapshots.
        world.git("site.git", &["config", "cairn.snapshot", "deployments"]).ok();
        for person in 0..3 {
            world.git(".", &["clone", "--quiet", "site.git", &format!("p{person}")]).ok();
        }
        let accepted = BTreeSet::from([world.tip("site.git", "main")]);
        Self { world, random: Random::new(seed), accepted, tags: BTreeMap::new(), count: 0 }
    }

    /// Returns what the host has of a branch.
    fn tip(&self, name: &str) -> Option<String> {
        let found = self.world.git("site.git", &["rev-parse", "--quiet", "--verify", name]);
        (found.code == 0).then(|| found.out().to_owned())
    }

    /// A commit of a person, on what the host's main is now or on whatever they last had.
    fn commit(&mut self, clone: &str, honest: bool) -> String {
        self.count += 1;
        if honest {
            self.world.git(clone, &["fetch", "--quiet", "--no-tags", "origin"]).ok();
            self.world.git(clone, &["reset", "--quiet", "--hard", "origin/main"]).ok();
        }
        let (file, content) = (format!("file{}", self.count % 7), format!("{}", self.count));
        self.world.commit(clone, &file, &content)
    }

    /// Pushes, and notes all that was accepted.
    fn push(&mut self, clone: &str, words: &[&str]) -> bool {
        let pushed = self.world.git(clone, &[&["push", "--quiet"], words].concat());
        let all = self.world.git("site.git", &["rev-list", "--branches", "--tags"]).ok();
        self.accepted.extend(all.stdout.lines().map(str::to_owned));
        pushed.code == 0
    }

    fn step(&mut self) {
        let clone = format!("p{}", self.random.below(3));
        match self.random.below(10) {
            // Honest work on main drops nothing: it is never refused.
            0..=2 => {
                let commit = self.commit(&clone, true);
                assert!(self.push(&clone, &["origin", &format!("{commit}:refs/heads/main")]), "honest work is refused");
            }
            // Careless: whatever they have, over whatever is there.
            3 => {
                let (before, commit) = (self.tip("main"), self.commit(&clone, false));
                let landed = self.push(&clone, &["--force", "origin", &format!("{commit}:refs/heads/main")]);
                let after = self.tip("main").unwrap();
                let kept = before.is_none_or(|before| {
                    self.world.git("site.git", &["merge-base", "--is-ancestor", &before, &after]).code == 0
                });
                assert!(kept && (landed == (after == commit)), "main lost something without a word");
            }
            // A topic branch does as it likes, if it brings back nothing that was dropped on purpose.
            4 | 5 => {
                let commit = self.commit(&clone, true);
                let to = format!("{commit}:refs/heads/topic/{}", self.random.below(3));
                assert!(self.push(&clone, &["--force", "origin", &to]), "a topic branch is refused");
            }
            6 => {
                let name = format!("refs/heads/topic/{}", self.random.below(3));
                if self.tip(&name).is_some() {
                    assert!(self.push(&clone, &["origin", &format!(":{name}")]), "a deletion is refused");
                }
            }
            7 => {
                let (old, back) = (self.tip("main").unwrap(), format!("main~{}", 1 + self.random.below(3)));
                if let Some(new) = self.tip(&back) {
                    let option = format!("cairn.rewind=refs/heads/main:{old}:{new}");
                    self.world.git(&clone, &["fetch", "--quiet", "--no-tags", "origin"]).ok();
                    let refspec = format!("{new}:refs/heads/main");
                    assert!(self.push(&clone, &["--force", "-o", &option, "origin", &refspec]), "what is announced");
                }
            }
            8 => {
                let commit = self.commit(&clone, true);
                self.tags.insert("nightly".into(), commit.clone());
                assert!(self.push(&clone, &["--force", "origin", &format!("{commit}:refs/tags/nightly")]), "a tag");
            }
            _ => {
                let words: &[&str] = match self.random.below(3) {
                    0 => &["gc", "--quiet", "--prune=now"],
                    1 => &["pack-refs", "--all"],
                    _ => &["reflog", "expire", "--expire=now", "--all"],
                };
                self.world.git("site.git", words).ok();
            }
        }
    }

    fn check(&self) {
        let all = self.world.git("site.git", &["rev-list", "--all"]).ok();
        let reached: BTreeSet<&str> = all.stdout.lines().collect();
        let lost: Vec<_> = self.accepted.iter().filter(|id| !reached.contains(id.as_str())).collect();
        assert!(lost.is_empty(), "accepted once, and reached by nothing: {lost:?}");
    }
}

#[test]
fn random_pushes_lose_nothing_and_refuse_nobody_who_drops_nothing() {
    let mut site = Site::new(20_261_125);
    for _ in 0..amount("CAIRN_GUARD_STEPS", 40) {
        site.step();
        site.check();
    }
    site.world.health("site.git");
}
