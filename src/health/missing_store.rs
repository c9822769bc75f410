//! A store that is not there, or that holds nothing any more: its backups cannot be told, and nothing else of it is worth a line.

use crate::backup::{host_store, is_gone};
use crate::queue::State;
use crate::site::Site;
use crate::text::shell_word;

/// Says what is missing; `None` where the store is there, and where it never held anything.
pub(super) fn missing_store(site: &Site, state: &State) -> Option<String> {
    let place = shell_word(&site.store);
    if !site.store.is_dir() {
        return Some(format!("the store {place} is not there: is it mounted?"));
    }
    let emptied = is_gone(site, &host_store(site), state).unwrap_or(false);
    emptied
        .then(|| format!("the store {place} held backups of {} and holds nothing of it now: is it mounted?", site.name))
}
