//! What changed without a hook: `git update-ref`, `git symbolic-ref`, a fetch on the host, a hand in the files.

use super::enqueue::others_of;
use super::{Cause, Frozen, enqueue};
use crate::backup::Manifest;
use crate::error::Result;
use crate::git::{RefList, Repository};
use crate::queue::{Database, State};
use crate::site::Site;
use crate::store::Tally;
use std::io::{self, BufWriter};

/// Keeps of what a snapshot is that was just made by hand, for [`reconcile`] and for what later jobs pin.
pub fn remember(database: &Database, manifest: &Manifest, list: &RefList) -> Result<()> {
    database.set_last_snapshot(&manifest.refs.sha256, &others_of(list), manifest.id.as_str())
}

/// Tells whether the newest finished snapshot is of exactly this list.
pub fn is_stored(database: &Database, list: &RefList) -> Result<bool> {
    let mut out = BufWriter::new(Tally::new(io::sink()));
    let written = list.write_instructions(&mut out).and_then(|()| out.into_inner().map_err(io::Error::from));
    let (_, _, sha256) = written.expect("nothing is written").finish();
    database.is_last_snapshot(&sha256, &others_of(list))
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
