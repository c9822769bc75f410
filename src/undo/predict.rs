//! What reverts come to, in memory: git's own merges, one upon the other.

use super::message;
use super::plan::Conflict;
use crate::error::{Error, Kind, Result};
use crate::git::{Attributes, CommitText, Config, Merge, Merging, ObjectId, Scratch};
use crate::text;
use bstr::{BString, ByteSlice};

/// The oldest git that calls the revert of a revert `Reapply`.
const REAPPLIES_SINCE: (u32, u32) = (2, 43);
/// The oldest git whose revert heeds `diff.algorithm`.
const ALGORITHM_SINCE: (u32, u32) = (2, 46);

/// A commit to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its tree.
    pub tree: ObjectId,
    /// Its message.
    pub message: BString,
}

/// What the reverts come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prediction {
    /// The commits to be made, in their order.
    pub steps: Vec<Step>,
    /// The commits whose revert changes nothing.
    pub skipped: Vec<ObjectId>,
    /// The tree in the end; `None` where changes collide.
    pub tree: Option<ObjectId>,
    /// Where they collide; what comes after was not tried.
    pub conflicts: Vec<Conflict>,
}

/// Returns which parent each commit goes back to; `None` for one without parents.
///
/// Returns [`Kind::Unconfirmed`] where a merge needs to be told, and a usage error, with git's reason, where it is told wrong.
pub fn parents_kept(
    commits: &[CommitText],
    mainline: Option<u32>,
    name: impl Fn(&ObjectId) -> String,
) -> Result<Vec<Option<ObjectId>>> {
    let one = |commit: &CommitText| {
        let parents = &commit.parents;
        match mainline {
            Some(0) => Err(Error::usage("a merge's parents are counted from 1").hint("say it with -m 1")),
            None if parents.len() > 1 => Err(undecided(commit, &name)),
            None | Some(1) if parents.len() < 2 => Ok(parents.first().copied()),
            Some(_) if parents.len() < 2 => {
                Err(Error::usage(format!("mainline was specified but commit {} is not a merge", commit.id))
                    .hint("leave out -m, or revert what is no merge by itself"))
            }
            Some(n) => parents.get(n as usize - 1).copied().map(Some).ok_or_else(|| {
                Error::usage(format!("commit {} does not have parent {n}", commit.id))
                    .hint(format!("it has {}", text::count(parents.len(), "parent")))
            }),
            None => Ok(parents.first().copied()),
        }
    };
    commits.iter().map(one).collect()
}

fn undecided(commit: &CommitText, name: impl Fn(&ObjectId) -> String) -> Error {
    let parents = commit.parents.iter().zip(1..).map(|(parent, n)| format!("{n} = {}", name(parent)));
    let parents: Vec<_> = parents.collect();
    let message = format!(
        "{} is a merge; say which of its parents stays, the branch as it was being nearly always 1: {}",
        name(&commit.id),
        parents.join(", ")
    );
    Error::new(Kind::Unconfirmed, "mainline-needed", message).hint("say it with -m 1, or another of them")
}

/// Commits to be reverted, each with the parent it goes back to, upon a tree; git is at the first.
pub struct Reverts {
    commits: Vec<(CommitText, Option<ObjectId>)>,
    onto: ObjectId,
    attributes: Attributes,
    words: Vec<String>,
    first: Merging,
}

/// Begins to revert commits in memory, so that git merges while we look at something else; `None` where there are none.
pub fn begin(
    scratch: &Scratch,
    config: &Config,
    commits: Vec<(CommitText, Option<ObjectId>)>,
    onto: ObjectId,
    attributes: Attributes,
) -> Result<Option<Reverts>> {
    let Some((commit, parent)) = commits.first() else { return Ok(None) };
    let mut words = vec![];
    if let Some(name) = config.get("diff", "algorithm")
        && scratch.git_version()? >= ALGORITHM_SINCE
    {
        words.extend(["-X".into(), format!("diff-algorithm={name}")]);
    }
    let first = scratch.begin_merge(&commit.id, &onto, &kept(parent.as_ref(), &onto), &attributes, &words)?;
    Ok(Some(Reverts { commits, onto, attributes, words, first }))
}

/// The other side of a revert: the parent it goes back to, or nothing.
fn kept(parent: Option<&ObjectId>, onto: &ObjectId) -> ObjectId {
    parent.copied().unwrap_or_else(|| ObjectId::empty_tree(onto.kind()))
}

/// Returns what reverts that were begun come to.
pub fn end(scratch: &Scratch, begun: Reverts) -> Result<Prediction> {
    let Reverts { commits, onto, attributes, words, first } = begun;
    let mut done = Prediction { steps: vec![], skipped: vec![], tree: Some(onto), conflicts: vec![] };
    let (mut ours, mut first) = (onto, Some(first));
    for (commit, parent) in &commits {
        let theirs = kept(parent.as_ref(), &onto);
        let merge = match first.take() {
            Some(first) => scratch.end_merge(first)?,
            None => scratch.merge(&commit.id, &ours, &theirs, &attributes, &words)?,
        };
        match merge {
            Merge::Clean(tree) if tree == ours => done.skipped.push(commit.id),
            Merge::Clean(tree) => {
                let kept = parent.as_ref().filter(|_| commit.parents.len() > 1);
                let reapplies = message::is_of_revert(commit) && scratch.git_version()? >= REAPPLIES_SINCE;
                let message = message::of_revert(commit, kept, reapplies);
                done.steps.push(Step { tree, message });
                (ours, done.tree) = (tree, Some(tree));
            }
            Merge::Conflicts(collisions) => {
                let sides = [(ours, "HEAD".into()), (theirs, label(scratch, commit, parent.as_ref())?)];
                done.conflicts = collisions
                    .into_iter()
                    .map(|collision| {
                        let path = sides.iter().fold(collision.path, |path, (id, label)| {
                            path.replace(format!("~{id}"), format!("~{label}")).into()
                        });
                        Conflict {
                            path: text::json_text(&path),
                            path_bytes: text::extra_bytes(&path),
                            kind: collision.kind,
                            commit: Some(commit.id.to_string()),
                        }
                    })
                    .collect();
                done.tree = None;
                break;
            }
        }
    }
    Ok(done)
}

/// What git calls the other side of a revert; a file that collides with a folder bears it.
fn label(scratch: &Scratch, commit: &CommitText, parent: Option<&ObjectId>) -> Result<String> {
    if parent.is_none() {
        return Ok("(empty tree)".into());
    }
    let short = scratch.git()?.args(["rev-parse", "--short", &commit.id.to_string()]).read()?;
    let title = message::title(commit.message.as_bstr()).to_str_lossy();
    Ok(format!("parent of {} ({title})", short.trim().to_str_lossy()).replace('/', "_"))
}
