//! What changed without a hook: `git update-ref`, `git symbolic-ref`, a fetch on the host, a hand in the files.

use super::enqueue::others_of;
use super::{Cause, Frozen, enqueue};
use crate::error::Result;
use crate::git::{RefList, Repository};
use crate::queue::{Database, State};
use crate::site::Site;

/// Keeps what the newest finished snapshot is of, for [`reconcile`] and for what later jobs pin.
pub fn remember(database: &Database, list: &RefList) -> Result<()> {
    database.set_last_snapshot(&list.to_instructions(), &others_of(list))
}

/// Tells whether the newest finished snapshot is of exactly this list.
pub fn is_stored(database: &Database, list: &RefList) -> Result<bool> {
    database.is_last_snapshot(&list.to_instructions(), &others_of(list))
}

/// Queues an automatic backup where the references or HEAD are neither those of the newest finished snapshot nor those of
/// one that waits.
///
/// A push that is about to queue its own job is taken for such a change too; then there are two backups of one instant.
pub fn reconcile(repository: &Repository, site: &Site, state: &State, database: &Database) -> Result<()> {
    let frozen = Frozen::now(repository)?;
    if !database.is_covered(&frozen.list.to_instructions(), &others_of(&frozen.list))? {
        enqueue(repository, site, state, &frozen, Cause::Automatic, None)?;
    }
    Ok(())
}
