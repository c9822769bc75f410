//! Every point in time comes back with exactly the references, HEAD and objects of that instant.

use crate::support::{Random, World, amount, host_with};

/// A host on which things happen that no push would do, but that administrators, front ends and years do.
struct Host {
    world: World,
    random: Random,
    count: usize,
}

impl Host {
    fn git(&self, words: &[&str]) -> String {
        self.world.git("site.git", words).ok().out().to_owned()
    }

    fn set(&self, name: &[u8], id: &str) {
        let instruction = [b"update ", name, b" ", id.as_bytes(), b"\n"].concat();
        self.world.feed("site.git", &["update-ref", "--no-deref", "--stdin"], &instruction);
    }

    fn new_name(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}{}", self.count)
    }

    fn set_new(&mut self, prefix: &str, id: &str) {
        let name = self.new_name(prefix);
        self.set(name.as_bytes(), id);
    }

    fn new_blob(&mut self) -> String {
        let prefix = format!("content {} ", self.random.below(1 << 30));
        let content = self.new_name(&prefix);
        let id = self.world.feed("site.git", &["hash-object", "-w", "--stdin"], content.as_bytes());
        String::from_utf8(id).unwrap().trim().to_owned()
    }

    fn new_tree(&mut self) -> String {
        let blob = self.new_blob();
        let entry = format!("100644 blob {blob}\tfile\n");
        String::from_utf8(self.world.feed("site.git", &["mktree"], entry.as_bytes())).unwrap().trim().to_owned()
    }

    fn new_commit(&mut self, parents: &[String]) -> String {
        let tree = self.new_tree();
        let mut words = vec!["commit-tree", "-m", "step", tree.as_str()];
        for parent in parents {
            words.extend(["-p", parent]);
        }
        self.git(&words)
    }

    fn any_commit(&mut self) -> String {
        let all = self.git(&["rev-list", "--all"]);
        let all: Vec<_> = all.lines().map(str::to_owned).collect();
        if all.is_empty() { self.new_commit(&[]) } else { self.random.pick(&all).clone() }
    }

    fn names(&self, pattern: &str) -> Vec<String> {
        self.git(&["for-each-ref", "--format=%(refname)", pattern]).lines().map(str::to_owned).collect()
    }

    fn any_branch(&mut self) -> Option<String> {
        let branches = self.names("refs/heads/b[0-9]*");
        (!branches.is_empty()).then(|| self.random.pick(&branches).clone())
    }

    fn delete(&self, name: &str) {
        self.git(&["update-ref", "--no-deref", "-d", name]);
    }

    fn step(&mut self) {
        let commit = self.any_commit();
        match self.random.below(20) {
            0..=2 => {
                let new = self.new_commit(&[commit]);
                let branch = self.any_branch().unwrap_or_else(|| "refs/heads/b0".into());
                self.set(branch.as_bytes(), &new);
            }
            3 => {
                let other = self.any_commit();
                let merge = self.new_commit(&[commit, other]);
                self.set(b"refs/heads/main", &merge);
            }
            4 => {
                let root = self.new_commit(&[]);
                self.set_new("refs/heads/b", &root);
            }
            // At a commit that is stored already: the new branch brings no object.
            5 => self.set_new("refs/heads/b", &commit),
            6 | 7 => {
                let gone = self.any_branch().unwrap_or_else(|| "refs/heads/main".into());
                self.delete(&gone);
            }
            8 => {
                if let Some(branch) = self.any_branch() {
                    self.set(branch.as_bytes(), &commit);
                }
            }
            9 | 10 => self.folder_of_branches_and_back(&commit),
            11 => self.set(b"refs/tags/moving", &commit),
            12 => self.annotated_tag(&commit),
            13 => self.symbolic_reference(),
            14 | 15 => self.head(&commit),
            16 => drop(self.git(&["notes", "add", "-f", "-m", &self.count.to_string(), &commit])),
            17 => self.set_new("refs/cairn/x/", &commit),
            18 => {
                let names = [
                    &b"refs/heads/refs/heads/main"[..],
                    b"refs/heads/HEAD",
                    b"refs/tags/main",
                    b"refs/heads/-x",
                    b"refs/heads/caf\xe9",
                    b"refs/odd/\"quoted'",
                ];
                let new = self.new_commit(&[commit]);
                let name = *self.random.pick(&names);
                self.set(name, &new);
            }
            // What no reference reaches any more is gone here, though the chain of segments builds upon it.
            _ => drop(self.git(&["gc", "--quiet", "--prune=now"])),
        }
    }

    fn folder_of_branches_and_back(&mut self, commit: &str) {
        let below = self.names("refs/heads/f/");
        if below.is_empty() {
            self.delete("refs/heads/f");
            self.set(b"refs/heads/f/x", commit);
            self.set(b"refs/heads/f/y/z", commit);
        } else {
            for name in &below {
                self.delete(name);
            }
            self.set(b"refs/heads/f", commit);
        }
    }

    fn annotated_tag(&mut self, commit: &str) {
        let target = match self.random.below(4) {
            0 => self.new_blob(),
            1 => self.new_tree(),
            2 => commit.to_owned(),
            _ => self.names("refs/tags/t").first().cloned().unwrap_or_else(|| commit.to_owned()),
        };
        let name = ["t/one", "t/two", "t/three"][self.random.below(3)];
        self.git(&["tag", "-f", "-a", "-m", &self.count.to_string(), name, &target]);
        self.count += 1;
    }

    fn symbolic_reference(&mut self) {
        let level = self.random.below(3);
        let name = format!("refs/heads/s{level}");
        let below = format!("refs/heads/s{}", level.saturating_sub(1));
        let branch = self.any_branch().unwrap_or_else(|| "refs/heads/main".into());
        match self.random.below(4) {
            0 => self.git(&["symbolic-ref", &name, "refs/heads/gone"]),
            1 if level > 0 => self.git(&["symbolic-ref", &name, &below]),
            2 => self.world.git("site.git", &["symbolic-ref", "--delete", &name]).stdout,
            _ => self.git(&["symbolic-ref", &name, &branch]),
        };
    }

    fn head(&mut self, commit: &str) {
        let branch = self.any_branch().unwrap_or_else(|| "refs/heads/main".into());
        match self.random.below(4) {
            0 => self.git(&["symbolic-ref", "HEAD", &branch]),
            1 => self.git(&["symbolic-ref", "HEAD", "refs/heads/not/yet"]),
            2 => self.git(&["update-ref", "--no-deref", "HEAD", commit]),
            // On a commit that nothing else names.
            _ => {
                let alone = self.new_commit(&[commit.to_owned()]);
                self.git(&["update-ref", "--no-deref", "HEAD", &alone])
            }
        };
    }
}

fn every_point_comes_back(format: &str, seed: u64) {
    let world = host_with(&[&format!("--object-format={format}")], &[]);
    let mut host = Host { world, random: Random::new(seed), count: 0 };
    let mut points = Vec::new();
    for _ in 0..amount("CAIRN_STEPS", 40) {
        host.step();
        let id = host.world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
        points.push((id, host.world.exact("site.git")));
    }
    let world = &host.world;
    std::fs::remove_dir_all(world.path("site.git")).unwrap();
    for (step, (id, before)) in points.iter().enumerate() {
        world.cairn(".", &["restore", id, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
        assert_eq!(world.exact("back.git"), *before, "after step {step}, backup {id}");
        std::fs::remove_dir_all(world.path("back.git")).unwrap();
    }
}

#[test]
fn every_point_of_a_random_history_comes_back() {
    every_point_comes_back("sha1", 1);
}

#[test]
fn every_point_of_a_random_sha256_history_comes_back() {
    every_point_comes_back("sha256", 2);
}

fn odd_references_come_back(format: &str, detached: bool) {
    let world = World::new();
    world.fixture("odd-refs.sh", "odd.git", &[format]);
    if detached {
        let tip = world.tip("odd.git", "refs/heads/main");
        world.git("odd.git", &["update-ref", "--no-deref", "HEAD", &tip]).ok();
    }
    world.git("odd.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("odd.git", &["setup", "--env", "dev=main"]).ok();
    let before = (world.exact("odd.git"), world.identity("odd.git"));
    std::fs::remove_dir_all(world.path("odd.git")).unwrap();
    world.cairn(".", &["restore", "dev", "--store", "odd.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!((world.exact("back.git"), world.identity("back.git")), before);
}

#[test]
fn odd_references_come_back_from_the_store_alone() {
    odd_references_come_back("sha1", false);
}

#[test]
fn odd_references_of_sha256_come_back_from_the_store_alone() {
    odd_references_come_back("sha256", false);
}

#[test]
fn odd_references_come_back_with_a_detached_head() {
    odd_references_come_back("sha1", true);
    odd_references_come_back("sha256", true);
}

#[test]
fn what_a_replacement_hides_comes_back_and_the_replacement_too() {
    let world = host_with(&[], &[]);
    let old = world.tip("site.git", "main");
    let new = world.git("site.git", &["commit-tree", "-m", "another root", "main^{tree}"]).ok().out().to_owned();
    world.commit("dev", "page", "2");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.git("site.git", &["replace", &old, &new]).ok();
    world.cairn("site.git", &["backup", "create"]).ok();
    let before = world.exact("site.git");
    std::fs::remove_dir_all(world.path("site.git")).unwrap();
    world.cairn(".", &["restore", "dev", "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), before);
    world.git("back.git", &["--no-replace-objects", "cat-file", "-e", &old]).ok();
    world.git("back.git", &["replace", "-d", &old]).ok();
    world.health("back.git");
}

#[test]
fn references_in_a_reftable_come_back() {
    let world = host_with(&["--ref-format=reftable"], &[]);
    world.git("site.git", &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]).ok();
    world.git("site.git", &["update-ref", "refs/heads/refs/heads/main", "main"]).ok();
    let id = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
    let before = world.identity("site.git");
    world.cairn(".", &["restore", &id, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.identity("back.git"), before);
}
