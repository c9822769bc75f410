//! The place a restore goes to, and the place beside it where it is built.

use crate::durable::{self, TEMPORARY_PREFIX};
use crate::error::{AtPath, Error, Result};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A target that was free when it was looked at.
pub struct Target {
    path: PathBuf,
    beside: TempDir,
}

impl Target {
    /// Looks at the place and makes room beside it.
    ///
    /// Returns [`crate::error::Kind::Unsafe`] where something is there: a restore never writes over anything.
    pub fn new(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).at("find", path)?;
        let occupied = || {
            Error::refused("target-not-empty", format!("{} is not empty; nothing was changed", path.display()))
                .hint("name a directory that does not exist yet, or an empty one")
        };
        match std::fs::read_dir(&path).map(|mut entries| entries.next().is_some()) {
            Ok(false) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(true) | Err(_) => return Err(occupied()),
        }
        let parent = path.parent().ok_or_else(occupied)?.to_owned();
        std::fs::create_dir_all(&parent).at("create the folder", &parent)?;
        let beside =
            tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempdir_in(&parent).at("make a folder in", &parent)?;
        Ok(Self { path, beside })
    }

    /// Returns where it is built.
    pub fn staging(&self) -> PathBuf {
        self.beside.path().join("restored")
    }

    /// Moves what was built into place, durably.
    pub fn commit(self) -> Result<PathBuf> {
        durable::sync_file_system(self.beside.path())?;
        // Over an empty folder rename(2) moves another one; over anything else it fails.
        std::fs::rename(self.staging(), &self.path).at("move what was restored to", &self.path)?;
        durable::sync_folder(self.path.parent().unwrap_or(Path::new("/")))?;
        Ok(self.path)
    }
}
