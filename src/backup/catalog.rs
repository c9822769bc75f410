//! The backups of a store's site, read from their manifests: there is no other catalogue to lose.

use super::tombstone::removed;
use super::{BackupId, Manifest, Others, keys};
use crate::error::{Error, Kind, Result};
use crate::git::RefList;
use crate::store::{Store, read_whole, sha256};
use std::collections::BTreeSet;
use std::ops::Bound;

/// A backup that a store says it holds.
#[derive(Debug)]
pub struct Entry {
    /// Its id.
    pub id: BackupId,
    /// What its manifest says, or why that cannot be read.
    pub manifest: Result<Manifest>,
}

/// A site's backups, newest first.
pub struct Catalog<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The site's folder in it.
    pub site: String,
    /// The backups.
    pub entries: Vec<Entry>,
}

impl<'a> Catalog<'a> {
    /// Reads every manifest of a site.
    pub fn read(store: &'a dyn Store, site: &str) -> Result<Self> {
        let ids = ids(store, site)?;
        let entries = ids.into_iter().map(|id| Entry { manifest: read_manifest(store, site, &id), id });
        let mut entries: Vec<_> = entries.collect();
        // A backup that waited in the queue is as old as the references it is of.
        let age = |entry: &Entry| (entry.manifest.as_ref().ok().map(|manifest| manifest.refs_at), entry.id.clone());
        entries.sort_by_cached_key(|entry| std::cmp::Reverse(age(entry)));
        Ok(Self { store, site: site.into(), entries })
    }

    /// Returns the backups whose manifests can be read, newest first.
    pub fn good(&self) -> impl Iterator<Item = &Manifest> {
        self.entries.iter().filter_map(|entry| entry.manifest.as_ref().ok())
    }

    /// Returns those of an environment, newest first, whether their retention has ended or not: a name must never stand
    /// for an older backup because a newer one may be removed soon.
    pub fn of(&self, environment: &str) -> Vec<&Manifest> {
        self.good().filter(|manifest| manifest.environment == environment).collect()
    }

    /// Returns the backups whose manifests are damaged, as far as they were made after each whose manifest can be read: of what
    /// environment one is, only its manifest says.
    pub fn newest_damaged(&self) -> impl Iterator<Item = &BackupId> {
        let newest = self.good().map(|manifest| &manifest.id).max();
        let is_damaged = |entry: &&Entry| entry.manifest.as_ref().is_err_and(|error| error.kind() == Kind::Damaged);
        self.entries.iter().filter(is_damaged).map(|entry| &entry.id).filter(move |id| Some(*id) > newest)
    }

    /// Returns the newest backup of exactly these references and this HEAD.
    pub fn holding(&self, list: &RefList) -> Option<&Manifest> {
        let (sha256, others) = (sha256(&list.to_instructions()), Others::of(list));
        self.good().find(|manifest| manifest.refs.sha256 == sha256 && manifest.others == others)
    }

    /// Returns the references of a backup, from the file beside its manifest.
    ///
    /// Returns [`Kind::Damaged`] where that file is not the one that was stored.
    pub fn refs(&self, manifest: &Manifest) -> Result<RefList> {
        read_refs(self.store, &self.site, manifest)
    }
}

/// What a site's store holds of its backups, by their names alone.
pub struct Names {
    /// Those that were begun and never finished, or whose notes of that stayed.
    pub begun: BTreeSet<BackupId>,
    made: BTreeSet<BackupId>,
    removed: BTreeSet<BackupId>,
}

impl Names {
    /// Reads them.
    pub fn read(store: &dyn Store, site: &str) -> Result<Self> {
        let begun = store.names(&format!("{site}/intents"))?;
        let begun = begun.iter().filter_map(|name| BackupId::parse(name.strip_suffix(".json")?).ok());
        let made = store.names(&keys::backups(site))?;
        let made = made.iter().filter_map(|name| BackupId::parse(name).ok());
        Ok(Self { begun: begun.collect(), made: made.collect(), removed: removed(store, site)? })
    }

    /// Returns the id that was given last, whatever became of its backup.
    pub fn last_id(&self) -> Option<&BackupId> {
        self.begun.iter().chain(&self.made).chain(&self.removed).max()
    }

    /// Returns the backups that were begun after another, oldest first.
    pub fn after<'a>(&'a self, id: &BackupId) -> impl Iterator<Item = &'a BackupId> {
        self.made.range((Bound::Excluded(id.clone()), Bound::Unbounded)).filter(|id| !self.removed.contains(id))
    }

    /// Returns the newest backup whose manifest can be read.
    pub fn newest(&self, store: &dyn Store, site: &str) -> Option<Manifest> {
        let mut there = self.made.iter().rev().filter(|id| !self.removed.contains(id));
        there.find_map(|id| read_manifest(store, site, id).ok())
    }
}

/// Returns the newest backup whose manifest can be read.
pub fn newest(store: &dyn Store, site: &str) -> Result<Option<Manifest>> {
    Ok(Names::read(store, site)?.newest(store, site))
}

/// Lists the ids of a site's backups, oldest first: every folder in which a file of a backup lies.
fn ids(store: &dyn Store, site: &str) -> Result<BTreeSet<BackupId>> {
    let folder = keys::backups(site);
    let listed = store.list(&folder)?;
    let words =
        listed.iter().filter_map(|key| key.as_str().strip_prefix(&folder)?.strip_prefix('/')?.split('/').next());
    let mut found: BTreeSet<_> = words.filter_map(|word| BackupId::parse(word).ok()).collect();
    // One that was removed on purpose is none, whatever of it is still there, and so is one that was never finished.
    for id in removed(store, site)? {
        found.remove(&id);
    }
    let intents = store.list(&format!("{site}/intents"))?;
    for intent in intents {
        let begun = intent.file_name().strip_suffix(".json").and_then(|word| BackupId::parse(word).ok());
        if let Some(id) = begun {
            let manifest = keys::of_backup(site, &id, "manifest.json")?;
            if store.size(&manifest)?.is_none() {
                found.remove(&id);
            }
        }
    }
    Ok(found)
}

/// Reads and checks a manifest.
pub fn read_manifest(store: &dyn Store, site: &str, id: &BackupId) -> Result<Manifest> {
    let key = keys::of_backup(site, id, "manifest.json")?;
    let bytes = read_whole(store, &key).map_err(|error| match error.kind() {
        Kind::NotFound => Error::damaged("manifest", format!("{key} is missing")),
        _ => error,
    })?;
    let manifest = Manifest::open(&bytes).map_err(|error| error.while_doing(&key))?;
    if manifest.id == *id {
        return Ok(manifest);
    }
    Err(Error::damaged("manifest", format!("{key} is the manifest of {}", manifest.id)))
}

/// Reads the references of the backup with this id.
///
/// Returns an error where there is none, or what is there is not what was stored.
pub fn refs_of(store: &dyn Store, site: &str, id: &str) -> Result<RefList> {
    read_refs(store, site, &read_manifest(store, site, &BackupId::parse(id)?)?)
}

/// Reads and checks the references of a backup.
pub fn read_refs(store: &dyn Store, site: &str, manifest: &Manifest) -> Result<RefList> {
    let key = keys::of_backup(site, &manifest.id, "refs")?;
    let bytes = read_whole(store, &key).map_err(|error| match error.kind() {
        Kind::NotFound => Error::damaged("refs", format!("{key} is missing")),
        _ => error,
    })?;
    if sha256(&bytes) != manifest.refs.sha256 {
        return Err(Error::damaged("refs", format!("{key} is damaged: its digest is another")));
    }
    let others: &Others = &manifest.others;
    others.join(&bytes).map_err(|error| error.while_doing(&key))
}
