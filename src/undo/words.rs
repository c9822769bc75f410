//! The commits that a person's words mean.

use crate::error::{Error, Result};
use crate::git::{ObjectId, Repository, Scratch, commit_spec};
use bstr::ByteSlice;

/// Commits, and what git says of the words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Meant {
    /// The commits, in the order they are reverted.
    pub commits: Vec<ObjectId>,
    /// Words that mean more than one thing, each with what it was taken for.
    pub ambiguous: Vec<String>,
}

/// Finds the commits of words, each a commit or a range, whose commits come newest first, as `git revert` takes them.
pub(super) fn meant(repository: &Repository, scratch: &Scratch, words: &[String]) -> Result<Meant> {
    let mut meant = Meant::default();
    for word in words {
        let found = if word.contains("...") {
            let word = crate::text::shown(word.as_bytes());
            return Err(Error::usage(format!("{word} means commits of two branches")).hint("write a range as <a>..<b>"));
        } else if word.contains("..") {
            range(scratch, word)?
        } else if let Some(commit) = scratch.plain_commit(repository, word) {
            vec![commit]
        } else {
            vec![one(scratch, word, &mut meant.ambiguous)?]
        };
        for commit in found {
            if !meant.commits.contains(&commit) {
                meant.commits.push(commit);
            }
        }
    }
    Ok(meant)
}

fn one(scratch: &Scratch, word: &str, ambiguous: &mut Vec<String>) -> Result<ObjectId> {
    let words = ["-c", "core.warnAmbiguousRefs=true", "rev-parse", "--verify", "--end-of-options"];
    let output = scratch.git()?.args(words).arg(commit_spec(word)).output()?;
    let id = ObjectId::from_hex(output.stdout.trim()).ok().filter(|_| output.status.success());
    let shown = crate::text::shown(word.as_bytes());
    let id = id.ok_or_else(|| {
        Error::not_found("no-such-commit", format!("there is no commit {shown}"))
            .hint("name a commit, a branch or a tag that this repository has")
    })?;
    if output.stderr.contains_str("is ambiguous") {
        ambiguous.push(format!("{shown} is the name of more than one thing; taken for {id}"));
    }
    Ok(id)
}

fn range(scratch: &Scratch, word: &str) -> Result<Vec<ObjectId>> {
    let output = scratch.git()?.args(["rev-list", "--end-of-options"]).args([word, "--"]).output()?;
    let shown = crate::text::shown(word.as_bytes());
    if !output.status.success() {
        return Err(Error::not_found("no-such-commit", format!("there is no range {shown}"))
            .hint("write it as <a>..<b>, which means what b has and a has not"));
    }
    let commits: Vec<_> = output.stdout.lines().filter_map(|line| ObjectId::from_hex(line).ok()).collect();
    if commits.is_empty() {
        return Err(Error::not_found("no-such-commit", format!("the range {shown} is empty"))
            .hint("write it as <older>..<newer>"));
    }
    Ok(commits)
}
