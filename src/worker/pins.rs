//! Keeping what a waiting snapshot needs reachable, though every branch may move on and git collect what is left.

use crate::backup::{host_store, refs_of};
use crate::error::Result;
use crate::git::{PINS, RefList, Repository};
use crate::lock::{self, Lock};
use crate::queue::{Database, State};
use crate::site::Site;
use std::time::Duration;

/// How long a push waits for another one that queues a job, and for a worker that sweeps.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// Pins every tip of the list that the newest finished snapshot does not already have in the store.
pub fn set(repository: &Repository, site: &Site, database: &Database, token: &str, list: &RefList) -> Result<()> {
    // Where that cannot be told, all are pinned.
    let newest = database.last_snapshot()?.and_then(|id| refs_of(&host_store(site), &site.name, &id).ok());
    let stored = newest.map(|list| list.tips()).unwrap_or_default();
    let new = list.tips().into_iter().filter(|id| stored.binary_search(id).is_err());
    let instructions: String = new.enumerate().map(|(n, id)| format!("create {PINS}{token}/{n} {id}\n")).collect();
    if instructions.is_empty() {
        return Ok(());
    }
    repository.update_refs_quickly(instructions.as_bytes())
}

/// Lets go of what a job pinned.
pub fn release(repository: &Repository, token: &str) -> Result<()> {
    remove(repository, &format!("{PINS}{token}/"), |_| true)
}

/// Lets go of the pins of jobs that there are no more.
pub fn sweep(repository: &Repository, state: &State, database: &Database) -> Result<()> {
    let _lock = lock(state)?;
    let open = database.open_tokens()?;
    remove(repository, PINS, |token| !open.iter().any(|one| one == token))
}

/// Takes the lock under which pins and their job appear together: pins without a job are swept.
pub fn lock(state: &State) -> Result<Lock> {
    lock::take(&state.lock_path("pins"), state.modes().file, LOCK_WAIT)
}

fn remove(repository: &Repository, folder: &str, of: impl Fn(&str) -> bool) -> Result<()> {
    let mut instructions = String::new();
    for (name, _) in repository.refs_below(folder)? {
        let token = String::from_utf8_lossy(name.as_bytes())
            .strip_prefix(PINS)
            .and_then(|rest| Some(rest.split_once('/')?.0.to_owned()));
        if token.is_some_and(|token| of(&token)) {
            instructions.push_str(&format!("delete {name}\n"));
        }
    }
    if instructions.is_empty() { Ok(()) } else { repository.update_refs_quickly(instructions.as_bytes()) }
}
