//! Where things lie in a store, and whose they are. `docs/format.md` draws the tree.

use super::BackupId;
use super::manifest::FORMAT;
use crate::error::{Error, Kind, Result};
use crate::os;
use crate::store::{Key, NO_DIGEST, Store, create_whole, is_sealed, read_whole, seal};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How to restore with stock tools, word for word.
const GUIDE: &str = include_str!("RESTORE.md");

/// The keys of a site's files.
pub mod keys {
    use super::{BackupId, Key, Result};

    /// What the site is and which repository feeds it.
    pub fn tenant(site: &str) -> Result<Key> {
        Key::new(format!("{site}/site.json"))
    }

    /// The folder of the backups.
    pub fn backups(site: &str) -> String {
        format!("{site}/backups")
    }

    /// A file of a backup.
    pub fn of_backup(site: &str, id: &BackupId, file: &str) -> Result<Key> {
        Key::new(format!("{site}/backups/{id}/{file}"))
    }

    /// The folder of what stays of backups that were removed on purpose.
    pub fn tombstones(site: &str) -> String {
        format!("{site}/tombstones")
    }

    /// What stays of a backup that was removed on purpose.
    pub fn tombstone(site: &str, id: &BackupId) -> Result<Key> {
        Key::new(format!("{site}/tombstones/{id}.json"))
    }

    /// The note that a backup was begun.
    pub fn intent(site: &str, id: &BackupId) -> Result<Key> {
        Key::new(format!("{site}/intents/{id}.json"))
    }
}

/// The content of `<site>/site.json`: which repository writes here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The store's format.
    pub format: u32,
    /// SHA-256 of the file's bytes with 64 zeros in this place.
    pub digest: String,
    /// `cairn.id`.
    pub id: String,
    /// The site's name.
    pub name: String,
    /// The git directory of the repository that writes here.
    pub repository: PathBuf,
}

impl Tenant {
    /// Describes a repository that is to write to a store.
    pub fn new(id: &str, name: &str, repository: &Path) -> Self {
        Self {
            format: FORMAT,
            digest: NO_DIGEST.into(),
            id: id.into(),
            name: name.into(),
            repository: repository.into(),
        }
    }

    /// Tells whether both are the same repository of the same site.
    pub fn is(&self, other: &Self) -> bool {
        (&self.id, &self.name, &self.repository) == (&other.id, &other.name, &other.repository)
    }

    /// Reads it; `None` where the site has nothing here yet.
    pub fn read(store: &dyn Store, site: &str) -> Result<Option<Self>> {
        match read_whole(store, &keys::tenant(site)?) {
            Ok(bytes) => {
                let tenant: Option<Self> = serde_json::from_slice(&bytes).ok();
                let tenant = tenant.filter(|tenant| is_sealed(&bytes, &tenant.digest));
                let damaged = || {
                    Error::damaged("site", format!("{site}/site.json in {} is damaged", store.place()))
                        .hint("it only says whose store this is: remove it, and the next backup writes it anew")
                };
                tenant.map(Some).ok_or_else(damaged)
            }
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it.
    pub fn write(&self, store: &dyn Store) -> Result<()> {
        let unsealed = Self { digest: NO_DIGEST.into(), ..self.clone() };
        store.replace(&keys::tenant(&self.name)?, &seal(&unsealed).0)
    }

    /// Checks that the repository at `git_dir` may write where this tenant is.
    ///
    /// Returns [`Kind::Unsafe`] where the place belongs to another site, or to another living copy of this one.
    pub fn admits(&self, id: &str, git_dir: &Path, lives: impl Fn(&Path) -> Option<String>, place: &str) -> Result<()> {
        if self.id != id {
            return Err(Error::refused(
                "store-taken",
                format!("{place} already holds another site named {}", self.name),
            )
            .hint("give this one its own: git cairn setup --site <name>, or --store <dir>"));
        }
        // A link may lead from where it was to where it was moved.
        let known = os::canonicalize(&self.repository).unwrap_or_else(|_| self.repository.clone());
        let other = known != git_dir && lives(&known).as_deref() == Some(id);
        if other {
            // A copy of a store says so too, which that repository never wrote to.
            let message = format!(
                "{place} says that {} writes to it, which is still there and has the same cairn.id",
                self.repository.display()
            );
            return Err(Error::refused("store-shared", message).hint(
                "if this is a copy of that repository, or a trial of its restore, give it a life of its own: git config --unset cairn.id; git cairn setup --site <name>",
            ));
        }
        Ok(())
    }
}

/// A site of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSite {
    /// Its folder.
    pub name: String,
}

impl StoreSite {
    /// Finds the site a person means in a store: the named one, or the only one there is.
    ///
    /// Returns [`Kind::NotFound`] where there is none, and a usage error naming them where there are several.
    pub fn find(store: &dyn Store, named: Option<&str>) -> Result<Self> {
        let keys = store.list("")?;
        let mut sites: Vec<_> = keys.iter().filter_map(|key| key.as_str().split_once("/backups/")).collect();
        sites.dedup_by_key(|(site, _)| *site);
        let sites: Vec<_> = sites.into_iter().map(|(site, _)| site.to_owned()).collect();
        let place = store.place();
        match (named, sites.as_slice()) {
            (Some(name), _) if sites.iter().any(|site| site == name) => Ok(Self { name: name.into() }),
            (Some(name), _) => {
                let shown = crate::text::shown(name.as_bytes());
                Err(Error::not_found("no-site", format!("{place} holds no backup of a site {shown}"))
                    .hint(format!("it holds {}", if sites.is_empty() { "none".into() } else { sites.join(", ") })))
            }
            (None, [one]) => Ok(Self { name: one.clone() }),
            (None, []) => {
                Err(Error::not_found("no-backup", format!("{place} holds no backup"))
                    .hint("is it the right directory?"))
            }
            (None, _) => Err(Error::usage(format!("{place} holds more than one site"))
                .hint(format!("name one with --site: {}", sites.join(", ")))),
        }
    }
}

/// Writes RESTORE.md where it is missing: how to restore with git, sha256sum and sh alone.
pub fn restore_guide(store: &dyn Store) -> Result<()> {
    let key = Key::new("RESTORE.md")?;
    if store.size(&key)?.is_some() {
        return Ok(());
    }
    match create_whole(store, &key, GUIDE.as_bytes()) {
        Err(_) if store.size(&key)?.is_some() => Ok(()),
        written => written,
    }
}
