//! The first line of the audit.

use crate::audit::{Entry, Log, Sync, What};
use crate::clock;
use crate::deployment::anchors;
use crate::error::Result;
use crate::git::Repository;
use crate::hook::who_types;
use crate::queue::State;
use crate::site::Site;

/// Begins the log of a repository that has none. What was restored knows of an earlier one, which stayed behind.
pub fn begin(repository: &Repository, site: &Site) -> Result<()> {
    let log = Log::of(&State::of(repository, site.modes));
    if log.path().exists() {
        return Ok(());
    }
    let mut earlier: Vec<String> = anchors(repository, site)?.0.into_iter().map(|anchor| anchor.head.log).collect();
    earlier.sort();
    earlier.dedup();
    log.append(&Entry::new(clock::now(), What::Begin, who_types()).about(&earlier.join(" ")), Sync::Now)
}
