//! Destroying it.

use super::look::farewell;
use super::{Doomed, Look, Quiet, Tombstone, look};
use crate::audit::{Entry, Log, Sync};
use crate::error::{Error, Kind, Result};
use crate::git::{ObjectId, Repository};
use crate::queue::State;
use crate::site::Site;

/// What was destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// How many objects went.
    pub objects: usize,
    /// Those that are there still: in a pack that is kept, or in a repository whose objects this one borrows.
    pub left: Vec<ObjectId>,
}

/// Destroys what was looked at, if everything is as it was seen. The snapshot lock must be held.
///
/// The tombstone and the audit come first: what is destroyed is named before it is gone.
///
/// Returns [`Kind::Moved`] where something else reaches it by now, or another backup holds it.
pub fn apply(
    repository: &Repository,
    site: &Site,
    state: &State,
    (doomed, seen): (&Doomed, &Look),
    quiet: &Quiet,
    (tombstone, entry): (&Tombstone, &Entry),
) -> Result<Purged> {
    if look(repository, site, state, doomed)? != *seen {
        return Err(Error::new(Kind::Moved, "moved", "what reaches it has changed since; nothing was purged")
            .hint("run the same command again"));
    }
    tombstone.write(state)?;
    Log::of(state).append(entry, Sync::Now)?;
    repository.update_refs("cairn: purge", &farewell(repository, doomed)?)?;
    // A reflog reaches what a reference held before.
    repository.git().args(["reflog", "expire", "--expire-unreachable=now", "--all"]).read()?;
    repository.git().args(["gc", "--quiet", "--prune=now"]).read()?;
    let fresh = Repository::open(repository.git_dir())?;
    let left: Vec<ObjectId> = seen.objects.iter().copied().filter(|id| fresh.contains(id)).collect();
    quiet.until_received()?;
    Ok(Purged { objects: seen.objects.len() - left.len(), left })
}
