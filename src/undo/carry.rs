//! Carrying a person's own commits onto another tip, as git-rebase(1) would.

use crate::error::Result;
use crate::git::{Attributes, Collision, Merge, ObjectId, Scratch};

/// What is a person's own on a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// Their commits, parents first.
    pub commits: Vec<ObjectId>,
    /// Their merges, which are not carried: the remote branch is what is merged with, and what was merged comes singly.
    pub merges: Vec<ObjectId>,
}

/// What becomes of the commits that are carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Each commit that changes something there, and the tree it leaves.
    pub steps: Vec<(ObjectId, ObjectId)>,
    /// The tree in the end.
    pub tree: ObjectId,
    /// The commit at which changes collide, and where; what comes after it was not tried.
    pub stopped: Option<(ObjectId, Vec<Collision>)>,
}

/// Tells what of `head` is a person's own: what is reachable from none of `others`. Who wrote it plays no part.
pub fn own(scratch: &Scratch, head: &ObjectId, others: &[ObjectId]) -> Result<Own> {
    let mut own = Own::default();
    for (commit, parents) in scratch.commits_apart(head, others)? {
        if parents.len() > 1 { own.merges.push(commit) } else { own.commits.push(commit) }
    }
    Ok(own)
}

/// Carries commits over in memory, one on top of the other; nothing is written to the repository.
///
/// One that changes nothing there is left out, unless it changed nothing to begin with.
pub fn carry(scratch: &Scratch, commits: &[ObjectId], onto: &ObjectId, words: &[String]) -> Result<Carried> {
    let mut carried = Carried { steps: vec![], tree: scratch.tree_of(onto)?, stopped: None };
    for commit in commits {
        let made = scratch.raw_commit(commit)?;
        let base = match made.parents.first() {
            Some(parent) => scratch.tree_of(parent)?,
            None => ObjectId::empty_tree(commit.kind()),
        };
        match scratch.merge(&base, &carried.tree, commit, &Attributes::Commit(carried.tree), words)? {
            Merge::Clean(tree) if tree != carried.tree || base == made.tree => {
                carried.steps.push((*commit, tree));
                carried.tree = tree;
            }
            Merge::Clean(_) => {}
            Merge::Conflicts(collisions) => {
                carried.stopped = Some((*commit, collisions));
                break;
            }
        }
    }
    Ok(carried)
}

/// Makes the commits of what was carried and returns the last; one that stands there already is taken as it is.
pub fn commit(scratch: &Scratch, carried: &Carried, onto: &ObjectId, sign: bool) -> Result<ObjectId> {
    let mut tip = *onto;
    for (commit, tree) in &carried.steps {
        let like = scratch.raw_commit(commit)?;
        tip = if like.parents == [tip] { *commit } else { scratch.commit_like(&like, tree, &tip, sign)? };
    }
    Ok(tip)
}
