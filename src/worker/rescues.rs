//! Ending rescues whose time has come.

use crate::backup::{Catalog, host_store, is_proven_id};
use crate::clock;
use crate::error::Result;
use crate::git::{RefName, Repository};
use crate::rescue::{Kept, RESCUES, all, forget, reconcile};
use crate::site::Site;
use jiff::Timestamp;

/// Settles what pushes left open, and lets go of what was dropped `cairn.keepRescues` ago, but never before a verified
/// backup holds it, nor while an environment stands on it. Returns the ids of what went.
pub fn end_rescues(repository: &Repository, site: &Site, now: Timestamp) -> Result<Vec<String>> {
    reconcile(repository)?;
    let due = |kept: &Kept| !kept.pending && clock::plus_days(kept.record.at, site.keep_rescues_days) <= now;
    let due: Vec<_> = all(repository)?.into_iter().filter(due).collect();
    if due.is_empty() {
        return Ok(vec![]);
    }
    let store = host_store(site);
    let catalog = Catalog::read(&store, &site.name)?;
    let mut ended = Vec::new();
    for kept in due {
        if !serves(repository, site, &kept)? && is_backed_up(&catalog, site, &kept)? {
            forget(repository, &kept.record)?;
            ended.push(kept.record.id);
        }
    }
    Ok(ended)
}

/// Tells whether an environment stands on something that was dropped.
fn serves(repository: &Repository, site: &Site, kept: &Kept) -> Result<bool> {
    let new = kept.record.new.filter(|new| repository.contains(new));
    let dropped = repository.graph(&[kept.record.old], &new.into_iter().collect::<Vec<_>>())?;
    for environment in &site.environments {
        if repository.ref_id(&environment.branch)?.is_some_and(|tip| dropped.contains(&tip)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_backed_up(catalog: &Catalog<'_>, site: &Site, kept: &Kept) -> Result<bool> {
    let Some(name) = RefName::new(format!("{RESCUES}{}", kept.record.id)) else { return Ok(false) };
    for manifest in catalog.good().filter(|manifest| manifest.refs_at >= kept.record.at) {
        if catalog.refs(manifest)?.id_of(&name) == Some(kept.tag)
            && is_proven_id(catalog.store, &site.name, manifest.id.as_str())?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
