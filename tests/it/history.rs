//! A repository to which random things happen, one at a time.

use crate::support::{Random, World};

/// A host on which things happen that no push would do, but that administrators, front ends and years do.
pub struct Host {
    /// Where it is, as `site.git`.
    pub world: World,
    /// What each step did.
    pub done: Vec<String>,
    random: Random,
    count: usize,
}

impl Host {
    /// Makes one of a set-up host with a clone `dev`, and lets it borrow from a repository `lender.git`.
    pub fn new(world: World, random: Random) -> Self {
        let format = world.git("site.git", &["rev-parse", "--show-object-format"]).ok().out().to_owned();
        world.bare("lender.git", &[&format!("--object-format={format}")]);
        let lender = world.path("lender.git/objects").display().to_string();
        std::fs::write(world.path("site.git/objects/info/alternates"), lender + "\n").unwrap();
        world.git("site.git", &["config", "--add", "transfer.hideRefs", "refs/hidden"]).ok();
        Self { world, done: vec![], random, count: 0 }
    }

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

    /// Lets one thing happen.
    pub fn step(&mut self) {
        let commit = self.any_commit();
        let what = self.random.below(30);
        self.done.push(format!("operation {what}"));
        match what {
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
            17 => {
                let folder = ["refs/cairn/x/", "refs/hidden/", "refs/pull/"][self.random.below(3)];
                self.set_new(folder, &commit);
            }
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
            19 => self.push(),
            20 | 21 => self.replacement(&commit),
            22 | 23 => self.work_tree(&commit),
            24 => self.borrowed_commit(),
            25 => self.any_object_named(),
            _ => self.repacked(),
        }
    }

    /// Through our hooks, which make a backup of their own.
    fn push(&mut self) {
        self.count += 1;
        self.world.commit("dev", "page", &format!("pushed {}", self.count));
        let to = ["refs/heads/pushed", "refs/heads/p/q", "refs/tags/pushed"][self.random.below(3)];
        self.world.git("dev", &["push", "--quiet", "--force", "origin", &format!("HEAD:{to}")]).ok();
    }

    /// Chains of replacements are short: git follows five.
    fn replacement(&mut self, commit: &str) {
        let names = self.names("refs/replace/");
        if names.len() < 3 {
            let new = self.new_commit(&[]);
            self.git(&["replace", "-f", commit, &new]);
        } else {
            for name in &names {
                self.delete(name);
            }
        }
    }

    /// A work tree that is on no branch comes, moves or goes.
    fn work_tree(&mut self, commit: &str) {
        let path = self.world.path("wt").display().to_string();
        let there = self.world.path("wt").exists();
        match self.random.below(3) {
            0 if there => self.git(&["worktree", "remove", "--force", &path]),
            _ if there => {
                let new = self.new_commit(&[commit.to_owned()]);
                self.world.git("wt", &["update-ref", "--no-deref", "HEAD", &new]).ok().stdout
            }
            _ => self.git(&["worktree", "add", "--quiet", "--detach", &path, commit]),
        };
    }

    /// Returns where work trees stand that are on no branch.
    pub fn detached_work_trees(&self) -> Vec<String> {
        if self.world.path("wt").exists() { vec![self.world.tip("wt", "HEAD")] } else { vec![] }
    }

    /// A commit of which nothing lies in the host itself.
    fn borrowed_commit(&mut self) {
        let content = self.new_name("borrowed ");
        let lent = |words: &[&str], input: &str| {
            let id = self.world.feed("lender.git", words, input.as_bytes());
            String::from_utf8(id).unwrap().trim().to_owned()
        };
        let blob = lent(&["hash-object", "-w", "--stdin"], &content);
        let tree = lent(&["mktree"], &format!("100644 blob {blob}\tfile\n"));
        let commit = lent(&["commit-tree", "-m", "lent", &tree], "");
        self.set_new("refs/heads/b", &commit);
    }

    /// A reference that names no commit.
    fn any_object_named(&mut self) {
        let id = if self.random.below(2) == 0 { self.new_blob() } else { self.new_tree() };
        self.set_new("refs/objects/", &id);
    }

    /// What no reference reaches any more is gone here, though the chain of segments builds upon it; and one pack that
    /// holds all, or not quite, is what a new chain may begin with.
    fn repacked(&mut self) {
        let words: &[&str] = match self.random.below(6) {
            0 | 1 => &["gc", "--quiet", "--prune=now"],
            2 => &["repack", "-adkq"],
            3 => &["repack", "-adlq", "--write-bitmap-index"],
            4 => &["repack", "-dq"],
            _ => &["pack-refs", "--all", "--prune"],
        };
        self.git(words);
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
