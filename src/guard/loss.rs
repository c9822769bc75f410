//! What a reference would lose.

use super::judge::{Change, Wanted};
use crate::error::Result;
use crate::git::{CommitLine, ObjectId, RefName, Repository};
use crate::site::{EnvironmentName, Site};
use std::collections::BTreeSet;

/// How many commits are named.
pub const NAMED_MAX: usize = 5;

/// The commits that leave a reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loss {
    /// How many they are.
    pub count: usize,
    /// The newest, [`NAMED_MAX`] at most.
    pub commits: Vec<CommitLine>,
    /// The environments that stand on one of them.
    pub environments: Vec<EnvironmentName>,
    /// Whether what the reference would hold has commits that it lacks now: it would not only go back.
    pub diverges: bool,
}

/// Finds what one movement takes from its reference: of a deletion, what no other visible branch has.
pub fn loss(repository: &Repository, site: &Site, wanted: &[Wanted], place: usize) -> Result<Loss> {
    let one = &wanted[place];
    let Some(old) = one.old else { return Ok(Loss::default()) };
    let kept = match one.change {
        Change::Delete => staying(repository, wanted)?,
        _ => one.new.into_iter().collect(),
    };
    let graph = repository.graph(&[old], &kept)?;
    let diverges = match (one.change, one.new) {
        (Change::Rewind, Some(new)) => !repository.graph(&[new], &[old])?.is_empty(),
        _ => false,
    };
    let mut environments = Vec::new();
    for environment in &site.environments {
        let tip = repository.ref_id(&environment.branch)?;
        if tip.is_some_and(|tip| graph.contains(&tip)) {
            environments.push(environment.name.clone());
        }
    }
    let commits = graph.commits().take(NAMED_MAX).filter_map(|id| repository.commit_line(id)).collect();
    Ok(Loss { count: graph.len(), commits, environments, diverges })
}

/// Returns what visible branches hold when the push has moved all it wants to move.
pub fn staying(repository: &Repository, wanted: &[Wanted]) -> Result<Vec<ObjectId>> {
    let moved: BTreeSet<&RefName> = wanted.iter().map(|one| &one.name).collect();
    let names: Vec<RefName> = repository.refs_below("refs/heads/")?.into_iter().map(|(name, _)| name).collect();
    // One that only leads to a branch that moves goes with it.
    let standing = repository.standing(names.iter())?.into_iter();
    let mut kept: Vec<ObjectId> = standing.filter(|(name, _)| !moved.contains(name)).filter_map(|(_, id)| id).collect();
    kept.extend(wanted.iter().filter(|one| one.name.is_below("refs/heads/")).filter_map(|one| one.new));
    Ok(kept)
}
