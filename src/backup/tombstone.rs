//! What stays of a backup that was removed on purpose, so that it is not taken for a lost one.

use super::manifest::FORMAT;
use super::{BackupId, Manifest, Previous, keys};
use crate::error::{Error, Kind, Result};
use crate::store::{NO_DIGEST, Store, create_whole, is_sealed, read_whole, seal};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Why a backup is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Its retention had ended.
    Expired,
    /// A person removed it, for this reason.
    Deleted(String),
}

/// The content of `<site>/tombstones/<id>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The store's format.
    pub format: u32,
    /// SHA-256 of the file's bytes with 64 zeros in this place.
    pub digest: String,
    /// The backup's id.
    pub id: BackupId,
    /// The digest its manifest had.
    pub manifest: String,
    /// The backup before it, as its manifest said.
    pub previous: Option<Previous>,
    /// Its environment.
    pub environment: String,
    /// The deployment's tag it stood on.
    pub tag: Option<String>,
    /// When it was removed.
    pub removed_at: Timestamp,
    /// Why.
    pub reason: Reason,
}

impl Tombstone {
    /// Describes a backup that is about to be removed.
    pub fn of(manifest: &Manifest, reason: Reason, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            digest: NO_DIGEST.into(),
            id: manifest.id.clone(),
            manifest: manifest.digest.clone(),
            previous: manifest.previous.clone(),
            environment: manifest.environment.clone(),
            tag: manifest.tag.clone(),
            removed_at: now,
            reason,
        }
    }

    /// Writes it; from then on the backup is no more.
    pub fn write(&self, store: &dyn Store, site: &str) -> Result<()> {
        create_whole(store, &keys::tombstone(site, &self.id)?, &seal(self).0)
    }

    /// Reads that of a backup; `None` where it was not removed.
    ///
    /// Returns [`Kind::Damaged`] where it is not what was written.
    pub fn read(store: &dyn Store, site: &str, id: &BackupId) -> Result<Option<Self>> {
        let key = keys::tombstone(site, id)?;
        let bytes = match read_whole(store, &key) {
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let tombstone: Option<Self> = serde_json::from_slice(&bytes).ok();
        let tombstone = tombstone.filter(|tombstone| tombstone.id == *id && is_sealed(&bytes, &tombstone.digest));
        tombstone.map(Some).ok_or_else(|| Error::damaged("tombstone", format!("{key} is damaged")))
    }

    /// Says when and why, for a person.
    pub fn told(&self) -> String {
        let when = crate::clock::local(self.removed_at);
        match &self.reason {
            Reason::Expired => format!("its retention had ended; it was removed {when}"),
            Reason::Deleted(why) => format!("it was deleted {when}: {}", crate::text::shown(why.as_bytes())),
        }
    }
}

/// Lists the ids of the backups that were removed on purpose.
pub fn removed(store: &dyn Store, site: &str) -> Result<BTreeSet<BackupId>> {
    let listed = store.names(&keys::tombstones(site))?;
    Ok(listed.iter().filter_map(|name| BackupId::parse(name.strip_suffix(".json")?).ok()).collect())
}
