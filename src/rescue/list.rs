//! Finding rescues.

use super::{PENDING, RESCUES, Record};
use crate::error::{Error, Result};
use crate::git::{ObjectId, RefName, Repository};
use std::collections::HashSet;

/// The shortest start of an id by which a rescue is found, in characters.
const START_MIN: usize = 4;

/// A rescue, and the tag that keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it says.
    pub record: Record,
    /// The tag object.
    pub tag: ObjectId,
    /// Whether it is not known yet that the reference moved.
    pub pending: bool,
}

/// Lists all rescues, newest first.
pub fn all(repository: &Repository) -> Result<Vec<Kept>> {
    let pending: HashSet<String> = ids_below(repository, PENDING)?.into_iter().map(|(id, _)| id).collect();
    let kept = ids_below(repository, RESCUES)?.into_iter().filter_map(|(id, tag)| {
        let record = Record::parse(&id, &repository.tag_object(&tag)?)?;
        Some(Kept { pending: pending.contains(&id), record, tag })
    });
    let mut kept: Vec<_> = kept.collect();
    kept.sort_by(|a, b| (b.record.at, &b.record.id).cmp(&(a.record.at, &a.record.id)));
    Ok(kept)
}

/// Finds a rescue by its id, or a unique start of it.
///
/// Returns [`crate::error::Kind::NotFound`] where there is none, and a usage error where there are more.
pub fn find(repository: &Repository, words: &str) -> Result<Kept> {
    let mut found: Vec<_> = all(repository)?.into_iter().filter(|kept| kept.record.id.starts_with(words)).collect();
    let shown = crate::text::shown(words.as_bytes());
    match found.len() {
        1 if words.len() >= START_MIN => Ok(found.remove(0)),
        0 | 1 => Err(Error::not_found("no-such-rescue", format!("there is no rescue {shown}"))
            .hint("see which there are: git cairn rescue list")),
        n => Err(Error::usage(format!("{n} rescues begin with {shown}")).hint("write more of the id")),
    }
}

/// Returns the ids below one of our folders with the tags they hold.
pub(super) fn ids_below(repository: &Repository, folder: &str) -> Result<Vec<(String, ObjectId)>> {
    let id = |name: &RefName| Some(std::str::from_utf8(name.as_bytes()).ok()?.strip_prefix(folder)?.to_owned());
    Ok(repository.refs_below(folder)?.into_iter().filter_map(|(name, tag)| Some((id(&name)?, tag))).collect())
}
