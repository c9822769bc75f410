//! Removing backups on purpose: the tombstone first, then the manifest, then the rest, then the segments that no other
//! backup names. Whatever a killed run left half-done, the next one ends.

use super::catalog::{Catalog, Entry};
use super::prove::has_problem;
use super::retention::{Candidate, due, kept_always};
use super::tombstone::{Reason, Tombstone, removed};
use super::{BackupId, Manifest, keys};
use crate::error::{Error, Result};
use crate::store::{Key, Store};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// For how many days it is told that a backup expired, once no other names it as the one before it.
const TOMBSTONE_DAYS: i64 = 90;

/// Whether things are removed or only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// They are removed; the snapshot lock must be held.
    ForGood,
    /// They are only told.
    DryRun,
}

/// What was removed, or would be.
#[derive(Debug, Default)]
pub struct Removal {
    /// The backups, oldest first.
    pub backups: Vec<Manifest>,
    /// The files of segments that no backup names any more.
    pub files: Vec<String>,
    /// What was left for a reason that a person should know.
    pub notes: Vec<String>,
    /// What an expiry left, in no order.
    pub left: Vec<Entry>,
}

/// Removes every backup whose retention has ended, but for the newest good one of each environment.
pub fn expire(store: &dyn Store, site: &str, now: Timestamp, how: How) -> Result<Removal> {
    if how == How::ForGood {
        finish_removals(store, site)?;
    }
    let mut catalog = Catalog::read(store, site)?;
    let mut removal = Removal::default();
    let due = expired(&catalog, now)?;
    let known: BTreeSet<BackupId> =
        catalog.entries.iter().map(|entry| entry.id.clone()).chain(removed(store, site)?).collect();
    let (gone, kept): (Vec<_>, Vec<_>) = catalog.entries.into_iter().partition(|entry| due.contains(&entry.id));
    catalog.entries = kept;
    for manifest in gone.into_iter().rev().filter_map(|entry| entry.manifest.ok()) {
        // What names a manifest that was lost is the only thing that tells of it.
        if let Some(lost) = manifest.previous.as_ref().filter(|previous| !known.contains(&previous.id)) {
            removal.notes.push(format!("backup {} stays: it alone tells that {} is lost", manifest.id, lost.id));
            catalog.entries.push(Entry { id: manifest.id.clone(), manifest: Ok(manifest) });
            continue;
        }
        if how == How::ForGood {
            Tombstone::of(&manifest, Reason::Expired, now).write(store, site)?;
            remove_files(store, site, &manifest.id)?;
        }
        removal.backups.push(manifest);
    }
    sweep(&catalog, &mut removal, how)?;
    if how == How::ForGood {
        forget_old(&catalog, now)?;
    }
    removal.left = catalog.entries;
    Ok(removal)
}

/// Returns the backups whose retention has ended and that the next run of the worker removes.
pub fn expired(catalog: &Catalog<'_>, now: Timestamp) -> Result<BTreeSet<BackupId>> {
    // What is wrong with a backup is looked up only where one is past its time.
    if catalog.good().all(|manifest| manifest.keep_until > now) {
        return Ok(BTreeSet::new());
    }
    Ok(due(&candidates(catalog)?, now).into_iter().map(|one| one.id.clone()).collect())
}

/// Removes one backup before its time.
///
/// Returns [`crate::error::Kind::Unsafe`] for the newest good one of its environment.
pub fn delete(catalog: Catalog<'_>, id: &BackupId, reason: &str, now: Timestamp) -> Result<Removal> {
    let (store, site) = (catalog.store, catalog.site.clone());
    finish_removals(store, &site)?;
    if kept_always(&candidates(&catalog)?).contains(id) {
        return Err(Error::refused("newest", format!("{id} is the newest good backup of its environment"))
            .hint("make another first: git cairn backup create <env>"));
    }
    let mut catalog = catalog;
    let place = catalog.entries.iter().position(|entry| entry.id == *id);
    let entry = place.map(|place| catalog.entries.remove(place));
    let missing = || {
        Error::not_found("no-backup", format!("there is no backup {id}")).hint("what there is: git cairn backup list")
    };
    let manifest = entry.ok_or_else(missing)?.manifest?;
    Tombstone::of(&manifest, Reason::Deleted(reason.into()), now).write(store, &site)?;
    remove_files(store, &site, id)?;
    let mut removal = Removal { backups: vec![manifest], ..Removal::default() };
    sweep(&catalog, &mut removal, How::ForGood)?;
    Ok(removal)
}

fn candidates(catalog: &Catalog<'_>) -> Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for manifest in catalog.good() {
        candidates.push(Candidate {
            id: manifest.id.clone(),
            environment: manifest.environment.clone(),
            refs_at: manifest.refs_at,
            keep_until: manifest.keep_until,
            good: !has_problem(catalog.store, &catalog.site, manifest)?,
        });
    }
    Ok(candidates)
}

/// Removes what is left of backups that have a tombstone.
fn finish_removals(store: &dyn Store, site: &str) -> Result<()> {
    let removed = removed(store, site)?;
    if removed.is_empty() {
        return Ok(());
    }
    let folder = keys::backups(site);
    for key in store.list(&folder)? {
        let word = key.as_str().strip_prefix(&folder).and_then(|rest| rest.strip_prefix('/')?.split('/').next());
        let id = word.and_then(|word| BackupId::parse(word).ok());
        if let Some(id) = id.filter(|id| removed.contains(id)) {
            remove_files(store, site, &id)?;
        }
    }
    Ok(())
}

fn remove_files(store: &dyn Store, site: &str, id: &BackupId) -> Result<()> {
    for file in ["manifest.json", "SHA256SUMS", "refs"] {
        store.remove(&keys::of_backup(site, id, file)?)?;
    }
    store.remove_folder(&format!("{}/{id}", keys::backups(site)))
}

/// Removes the segments that no backup of the catalog names. Where a manifest cannot be read, it may name any of them.
fn sweep(catalog: &Catalog<'_>, removal: &mut Removal, how: How) -> Result<()> {
    if let Some(entry) = catalog.entries.iter().find(|entry| entry.manifest.is_err()) {
        let unread = format!("no segment is removed: the manifest of {} cannot be read, and it may name any", entry.id);
        removal.notes.push(unread);
        return Ok(());
    }
    let known: BTreeSet<BackupId> =
        catalog.good().map(|manifest| manifest.id.clone()).chain(removed(catalog.store, &catalog.site)?).collect();
    let lost = |manifest: &&Manifest| manifest.previous.as_ref().is_some_and(|previous| !known.contains(&previous.id));
    if let Some(manifest) = catalog.good().find(lost) {
        let told =
            format!("no segment is removed: the backup before {} is lost, and it may have named any", manifest.id);
        removal.notes.push(told);
        return Ok(());
    }
    let mut named: BTreeSet<String> = BTreeSet::new();
    for segment in catalog.good().flat_map(Manifest::bundles) {
        named.extend([segment.file.clone(), segment.index_file(), segment.proof_file()]);
    }
    let prefix = format!("{}/", catalog.site);
    let mut keys = catalog.store.list(&format!("{prefix}code"))?;
    keys.extend(catalog.store.list(&format!("{prefix}uncommitted"))?);
    for key in keys {
        let file = key.as_str().strip_prefix(&prefix).unwrap_or_default();
        if !named.contains(file) {
            removal.files.push(file.to_owned());
            if how == How::ForGood {
                catalog.store.remove(&key)?;
            }
        }
    }
    Ok(())
}

/// Removes the tombstones of backups that expired long ago and that no other names as the one before it.
fn forget_old(catalog: &Catalog<'_>, now: Timestamp) -> Result<()> {
    let (store, site) = (catalog.store, catalog.site.as_str());
    let named: BTreeSet<&BackupId> =
        catalog.good().filter_map(|manifest| manifest.previous.as_ref()).map(|previous| &previous.id).collect();
    let newest = catalog.good().map(|manifest| &manifest.id).max();
    for id in removed(store, site)? {
        // The newest of all ids must stay known: the next one is greater.
        if named.contains(&id) || newest.is_none_or(|newest| *newest < id) {
            continue;
        }
        let Ok(Some(tombstone)) = Tombstone::read(store, site, &id) else { continue };
        let old = now.duration_since(tombstone.removed_at) > SignedDuration::from_hours(24 * TOMBSTONE_DAYS);
        if old && tombstone.reason == Reason::Expired {
            let key: Key = keys::tombstone(site, &id)?;
            store.remove(&key)?;
        }
    }
    Ok(())
}
