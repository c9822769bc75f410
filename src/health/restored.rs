//! A repository that a restore brought back and that no setup has made a host again.

use crate::audit::Log;
use crate::backup::{Catalog, host_store};
use crate::git::Repository;
use crate::hook::Inspected;
use crate::queue::State;
use crate::site::Site;
use crate::text::shell_word;
use crate::worker::Frozen;

/// What is known of such a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The id of the newest backup of exactly what is there now; `None`: it changed since, or the store cannot be read.
    pub held_by: Option<String>,
    /// The id of the backup that setup takes the rest of the config from: that one, else the newest.
    pub from: Option<String>,
    /// The command that makes it a host again, typed in it.
    pub fix: String,
}

/// Recognizes one: its config is that of a host, which a restore writes, and of what setup leaves there is nothing, neither a
/// hook nor an audit.
pub(super) fn restored(repository: &Repository, site: &Site, state: &State, hooks: &[Inspected]) -> Option<Restored> {
    // What this user may not see is not missing.
    let audited = Log::of(state).path().try_exists().unwrap_or(true);
    if audited || hooks.iter().any(|hook| hook.program.is_some()) {
        return None;
    }
    let store = host_store(site);
    let catalog = Catalog::read(&store, &site.name).ok();
    let id = |manifest: &crate::backup::Manifest| manifest.id.to_string();
    let held_by = catalog.as_ref().and_then(|catalog| {
        let now = Frozen::now(repository).ok()?;
        catalog.holding(&now.list).map(id)
    });
    let from = held_by.clone().or_else(|| catalog.as_ref()?.good().next().map(id));
    let named = from.as_ref().map(|id| format!(" --from {id}")).unwrap_or_default();
    Some(Restored { fix: format!("git cairn setup --store {}{named}", shell_word(&site.store)), held_by, from })
}
