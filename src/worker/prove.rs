//! Reading, in peace, what was too large to be read while somebody waited.

use super::snapshot_lock;
use crate::backup::{Catalog, Manifest, host_store, newest, prove};
use crate::clock;
use crate::error::Result;
use crate::git::Repository;
use crate::lock;
use crate::queue::State;
use crate::site::Site;
use std::time::Duration;

/// Of which backups the segments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The newest: what the next one builds upon.
    Newest,
    /// All.
    All,
}

/// Reads every object of the segments of which only the digest was read so far, keeps what was found beside them, and
/// returns what is wrong. Backups can be made meanwhile: the snapshot lock is held only to keep what was found.
///
/// Returns [`crate::error::Kind::Busy`] where another process was at it for longer than `wait`.
pub fn prove_pending(repository: &Repository, site: &Site, which: Which, wait: Duration) -> Result<Vec<String>> {
    let state = State::of(repository, site.modes);
    let _one_at_a_time = lock::take(&state.lock_path("prove"), state.modes().file, wait)?;
    let store = host_store(site);
    let mut catalog = Catalog { store: &store, site: site.name.clone(), entries: vec![] };
    let newest = newest(&store, &site.name)?;
    if which == Which::All {
        catalog = Catalog::read(&store, &site.name)?;
    }
    let backups: Vec<&Manifest> = match which {
        Which::Newest => newest.iter().collect(),
        Which::All => catalog.good().collect(),
    };
    let mut problems = Vec::new();
    for manifest in backups {
        for finding in prove(&catalog, manifest, &state.scratch()?, clock::now())? {
            let _lock = snapshot_lock(&state, wait)?;
            finding.proof.keep(&store, &site.name, &finding.segment)?;
            problems.extend(finding.proof.problem.map(|problem| format!("{}: {problem}", finding.segment.file)));
        }
    }
    Ok(problems)
}
