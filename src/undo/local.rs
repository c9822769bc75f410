//! A clone's own side: which branch is meant, what it holds, where it is checked out, and whether git is busy there.

use super::files;
use crate::error::{Error, Result};
use crate::git::{Checkout, ObjectId, RefName, Repository};
use crate::os;
use bstr::ByteSlice;
use std::path::PathBuf;

/// A branch of a clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Its full name.
    pub branch: RefName,
    /// What it holds; `None` where it does not exist.
    pub head: Option<ObjectId>,
    /// The work tree it is checked out in.
    pub checkout: Option<Checkout>,
}

impl Local {
    /// Looks at the branch of this name, or at the one that is checked out.
    ///
    /// Returns an error where HEAD is on no branch and none is named, where git is in the middle of something, and where
    /// the branch is checked out in another work tree, whose files would be left behind.
    pub fn see(repository: &Repository, named: Option<&str>) -> Result<Self> {
        let head = repository.follow(&RefName::head());
        let on = (head != RefName::head()).then_some(head);
        let branch = match named {
            Some(name) => {
                RefName::new(name).filter(|name| name.is_below("refs/heads/")).or_else(|| RefName::branch(name))
            }
            None => on,
        };
        let branch = branch.ok_or_else(|| match named {
            Some(name) => Error::usage(format!("{} is no name of a branch", crate::text::shown(name.as_bytes()))),
            None => in_progress(checkout_here(repository).as_ref()).unwrap_or_else(|| {
                Error::refused("detached", "HEAD is on no branch here, so what is done here reaches nobody")
                    .hint("name the branch that is meant: --branch <name>")
            }),
        })?;
        Self::of(repository, branch)
    }

    /// Looks at this branch, with the same errors.
    pub fn of(repository: &Repository, branch: RefName) -> Result<Self> {
        let head = repository.follow(&RefName::head());
        let checkout = checkout_here(repository);
        if let Some(unfinished) = in_progress(checkout.as_ref()) {
            return Err(unfinished);
        }
        if let Some(elsewhere) = elsewhere(repository, &branch)? {
            return Err(Error::refused(
                "checked-out-elsewhere",
                format!("{} is checked out in {elsewhere}, whose files would be left behind", branch.short()),
            )
            .hint(format!("run it there: git -C {elsewhere} cairn ...")));
        }
        let here = head == branch && !repository.is_bare();
        if here && checkout.is_none() {
            return Err(Error::refused("no-work-tree", "the work tree of this repository is not found from here")
                .hint("run it in the work tree"));
        }
        let head = repository.ref_id(&branch)?;
        Ok(Self { branch, head, checkout: checkout.filter(|_| here) })
    }
}

fn checkout_here(repository: &Repository) -> Option<Checkout> {
    if repository.is_bare() { None } else { Checkout::of(repository) }
}

/// Returns what to say where git is in the middle of something in a work tree.
fn in_progress(checkout: Option<&Checkout>) -> Option<Error> {
    let state = checkout.and_then(Checkout::in_progress)?;
    let message = format!("{state} is not finished here");
    Some(Error::refused("in-progress", message).hint("finish it or give it up first: git status says how"))
}

/// Returns the other work tree in which a branch is checked out.
fn elsewhere(repository: &Repository, branch: &RefName) -> Result<Option<String>> {
    if !repository.common_dir().join("worktrees").is_dir() {
        return Ok(None);
    }
    let out = repository.git().args(["worktree", "list", "--porcelain", "-z"]).read()?;
    let own = repository.work_tree().and_then(|path| os::canonicalize(path).ok());
    let mut at: Option<PathBuf> = None;
    for line in out.split(|byte| *byte == 0) {
        if let Some(path) = line.strip_prefix(b"worktree ") {
            let path = files::path_of(path.to_vec());
            at = Some(os::canonicalize(&path).unwrap_or(path));
        }
        if line.strip_prefix(b"branch ").is_some_and(|on| on == branch.as_bytes()) && at.is_some() && at != own {
            let shown = at.as_ref().map(|path| crate::text::shell_quoted(files::text_of(path).as_bytes().as_bstr()));
            return Ok(shown);
        }
    }
    Ok(None)
}
