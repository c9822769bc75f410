//! A linked work tree for a time (git-worktree(1)), on no branch, in which git reverts or carries over and a person resolves
//! what collides, with whatever git they like.

use super::repository::DURABLE;
use super::{Checkout, ObjectId, Repository};
use crate::error::{AtPath, Error, Result};
use crate::os::{self, OsStrExt};
use crate::process::Command;
use bstr::{BString, ByteSlice};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How git's series of commits ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// All commits are made.
    Done,
    /// It waits for a person to resolve what collides.
    Stopped,
}

/// Such a work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    checkout: Checkout,
}

impl Aside {
    /// Makes one at `folder`, which does not exist yet, with the files of a commit; no hook runs and no reference is made.
    pub fn add(repository: &Repository, folder: &Path, commit: &ObjectId) -> Result<Self> {
        // The person's hooks are for a work tree they mean to stay in.
        let words = ["-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--no-checkout", "--"];
        repository.git().args(words).arg(folder).arg(commit.to_string()).read()?;
        let aside = Self::at(repository, folder)?;
        aside.git().args(["-c", "submodule.recurse=false", "reset", "--quiet", "--hard"]).read()?;
        Ok(aside)
    }

    /// Finds the one that stands at `folder`.
    ///
    /// Returns an error where there is none of this repository.
    pub fn at(repository: &Repository, folder: &Path) -> Result<Self> {
        let gone = || {
            let message = format!("there is no work tree of this repository in {}", folder.display());
            Error::not_found("no-work-tree", message).hint("see those there are: git worktree list")
        };
        if !folder.join(".git").is_file() {
            return Err(gone());
        }
        let output = Command::git().in_folder(folder).args(["rev-parse", "--absolute-git-dir"]).output()?;
        let git_dir = PathBuf::from(OsStr::from_bytes(output.stdout.trim_end_with(|c| c == '\n')));
        let git_dir = os::canonicalize(git_dir).map_err(|_| gone())?;
        if !git_dir.starts_with(repository.common_dir().join("worktrees")) {
            return Err(gone());
        }
        Ok(Self { checkout: Checkout { git_dir, work_tree: folder.to_owned() } })
    }

    /// Makes a git command as a person would run it there, but that no editor opens.
    fn git(&self) -> Command {
        Command::git().env("GIT_EDITOR", ":").in_folder(&self.checkout.work_tree).args(DURABLE)
    }

    /// Returns the commit that is checked out.
    pub fn head(&self) -> Result<ObjectId> {
        let out = self.git().args(["rev-parse", "--verify", "HEAD^{commit}"]).read()?;
        ObjectId::from_hex(out.trim()).map_err(|_| Error::strange_git("git rev-parse answers with no id"))
    }

    /// Tells whether a reference leads to the commit that is checked out.
    pub fn is_in_a_reference(&self) -> Result<bool> {
        Ok(!self.git().args(["for-each-ref", "--count=1", "--contains", "HEAD"]).read()?.is_empty())
    }

    /// Returns git's verb for the series of commits that is under way.
    pub fn under_way(&self) -> Option<&'static str> {
        let todo = std::fs::read(self.checkout.git_dir.join("sequencer/todo")).unwrap_or_default();
        if self.checkout.has("REVERT_HEAD") || todo.starts_with(b"revert ") {
            return Some("revert");
        }
        (self.checkout.has("CHERRY_PICK_HEAD") || todo.starts_with(b"pick ")).then_some("cherry-pick")
    }

    /// Returns what else git is in the middle of, in a person's words.
    pub fn busy_with(&self) -> Option<&'static str> {
        self.checkout.in_progress()
    }

    /// Reverts commits in their order, as git does it; of merges this parent stays.
    pub fn revert(&self, commits: &[String], mainline: Option<u32>) -> Result<Course> {
        let mainline = mainline.map(|parent| format!("-m{parent}"));
        // Our plans know no other message than this one.
        let command = self.git().args(["-c", "revert.reference=false", "revert", "--no-edit"]);
        self.drive(command.args(mainline).args(commits), commits.len())
    }

    /// Goes to `onto` and carries over the commits from `from` to `to`.
    pub fn carry(&self, onto: &ObjectId, from: &ObjectId, to: &ObjectId) -> Result<Course> {
        let words = ["-c", "core.hooksPath=/dev/null", "checkout", "--quiet", "--detach"];
        self.git().args(words).arg(onto.to_string()).read()?;
        let range = format!("{from}..{to}");
        let count = self.git().args(["rev-list", "--count", &range]).read()?;
        let count = count.trim().to_str().ok().and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
        self.drive(self.git().args(["cherry-pick", "--allow-empty", &range]), count)
    }

    /// Goes on with the series of commits that is under way, once nothing collides any more.
    pub fn go_on(&self, verb: &str) -> Result<Course> {
        let todo = std::fs::read(self.checkout.git_dir.join("sequencer/todo")).unwrap_or_default();
        self.drive(self.git().args([verb, "--continue"]), 1 + todo.lines().count())
    }

    /// Runs it, and passes by commits that change nothing, at most this many.
    fn drive(&self, command: Command, commits: usize) -> Result<Course> {
        let mut output = command.output()?;
        for _ in 0..=commits {
            let Some(verb) = self.under_way() else {
                return if output.status.success() { Ok(Course::Done) } else { Err(refused(&output)) };
            };
            if !self.unmerged()?.is_empty() {
                return Ok(Course::Stopped);
            }
            if self.is_staged()? {
                // What collided may have been resolved by what git remembers (rerere); the person still is to see it.
                return if output.status.code() == Some(1) { Ok(Course::Stopped) } else { Err(refused(&output)) };
            }
            output = self.git().args([verb, "--skip"]).output()?;
        }
        Err(refused(&output))
    }

    /// Returns the files in which changes collide yet.
    pub fn unmerged(&self) -> Result<Vec<BString>> {
        self.names(&["diff", "--name-only", "--diff-filter=U", "-z"])
    }

    /// Returns the files that git tracks and whose content is not in the index.
    pub fn unstaged(&self) -> Result<Vec<BString>> {
        self.names(&["diff", "--name-only", "-z"])
    }

    /// Tells whether the index holds what is in no commit.
    pub fn is_staged(&self) -> Result<bool> {
        Ok(self.git().args(["diff", "--cached", "--quiet", "HEAD"]).output()?.status.code() == Some(1))
    }

    /// Returns where in the index conflict markers stand that HEAD does not have, each as `<file>:<line>`.
    pub fn markers(&self) -> Result<Vec<BString>> {
        let out = self.git().args(["diff", "--cached", "--check", "HEAD"]).output()?.stdout;
        Ok(out.lines().filter_map(|line| line.strip_suffix(b": leftover conflict marker").map(Into::into)).collect())
    }

    fn names(&self, words: &[&str]) -> Result<Vec<BString>> {
        let out = self.git().args(words).read()?;
        let mut names: Vec<BString> =
            out.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(Into::into).collect();
        names.dedup();
        Ok(names)
    }

    /// Removes it, unless files are in it that no commit has.
    ///
    /// Returns git's error where it refuses.
    pub fn remove(self, repository: &Repository) -> Result<()> {
        repository.git().args(["worktree", "remove", "--"]).arg(&self.checkout.work_tree).read().map(drop)
    }

    /// Removes whatever is at `folder` of such a work tree, with everything in it, as far as it came into being.
    ///
    /// Returns an error where something else stands there.
    pub fn discard(repository: &Repository, folder: &Path) -> Result<()> {
        if let Ok(aside) = Self::at(repository, folder) {
            if let Some(verb) = aside.under_way() {
                // It also forgets what git began to remember of the conflict.
                aside.git().args([verb, "--abort"]).output()?;
            }
            let words = ["worktree", "remove", "--force", "--force", "--"];
            return repository.git().args(words).arg(folder).read().map(drop);
        }
        // A git that was killed leaves an entry without files, or files without an entry.
        let link = folder.join(".git");
        let entries = std::fs::read_dir(repository.common_dir().join("worktrees")).into_iter().flatten().flatten();
        for entry in entries.map(|entry| entry.path()) {
            let leads = std::fs::read(entry.join("gitdir")).unwrap_or_default();
            if Path::new(OsStr::from_bytes(leads.trim_end_with(|c| c == '\n'))) == link {
                std::fs::remove_dir_all(&entry).at("remove", &entry)?;
            }
        }
        let _ = std::fs::remove_dir(repository.common_dir().join("worktrees"));
        if link.is_file() {
            std::fs::remove_file(&link).at("remove", &link)?;
        }
        if folder.exists() {
            std::fs::remove_dir(folder).at("remove", folder)?;
        }
        Ok(())
    }
}

fn refused(output: &crate::process::Output) -> Error {
    Error::refused("cannot-commit", format!("{}; nothing was changed", output.complaint()))
        .hint("git needs your name and, where commit.gpgSign is on, your key")
}
