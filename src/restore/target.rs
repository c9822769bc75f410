//! The place a restore goes to, and the place beside it where it is built.

use crate::durable::{self, TEMPORARY_PREFIX};
use crate::error::{AtPath, Error, Result};
use crate::git::git_dir_around;
use crate::os;
use crate::text::shell_word;
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the folders begin with in which restores are built.
const PREFIX: &str = "restore-";

/// A target that was free when it was looked at.
pub struct Target {
    path: PathBuf,
    beside: TempDir,
    /// By its lock a folder is known from one whose process died.
    _locked: File,
}

impl Target {
    /// Looks at the place and makes room beside it.
    ///
    /// Returns [`crate::error::Kind::Unsafe`] where something is there, for a restore never writes over anything, and where it
    /// lies inside a git directory.
    pub fn new(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).at("find", path)?;
        let occupied = || {
            Error::refused("target-not-empty", format!("{} is not empty; nothing was changed", path.display()))
                .hint("name a directory that does not exist yet, or an empty one")
        };
        check_outside(&path)?;
        match std::fs::read_dir(&path).map(|mut entries| entries.next().is_some()) {
            Ok(false) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(true) | Err(_) => return Err(occupied()),
        }
        let parent = path.parent().ok_or_else(occupied)?.to_owned();
        std::fs::create_dir_all(&parent).at("create the folder", &parent)?;
        sweep_dead(&parent)?;
        let (beside, locked) = make_room(&parent)?;
        Ok(Self { path, beside, _locked: locked })
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

/// Lets nothing be put into a git directory, where a person looks for it last and git may take it for its own.
///
/// Returns [`crate::error::Kind::Unsafe`], naming the same place beside the repository, where `path` lies in one.
pub fn check_outside(path: &Path) -> Result<()> {
    let Some(git_dir) = git_dir_around(path).filter(|git_dir| os::canonicalize(path).ok().as_ref() != Some(git_dir))
    else {
        return Ok(());
    };
    // What lies in the `.git` of a work tree goes beside that.
    let whole = git_dir.parent().filter(|_| git_dir.ends_with(".git")).unwrap_or(&git_dir);
    let beside = whole.with_file_name(path.file_name().unwrap_or_default());
    let message = format!("{} lies inside the repository {}; nothing was changed", path.display(), git_dir.display());
    Err(Error::refused("inside-repository", message)
        .hint(format!("name a place outside of it: --to {}", shell_word(beside))))
}

/// Lets nothing be put into a store, which holds backups alone.
///
/// Returns [`crate::error::Kind::Unsafe`], naming the same place beside the store, where `path` lies in it.
pub fn check_outside_store(path: &Path, store: &Path) -> Result<()> {
    let path = std::path::absolute(path).at("find", path)?;
    let known = path.ancestors().find_map(|folder| os::canonicalize(folder).ok());
    let root = os::canonicalize(store).unwrap_or_else(|_| store.to_owned());
    if known.is_none_or(|known| !known.starts_with(&root)) {
        return Ok(());
    }
    let beside = root.with_file_name(path.file_name().unwrap_or_default());
    let message = format!("{} lies inside the store {}; nothing was changed", path.display(), root.display());
    Err(Error::refused("inside-store", message)
        .hint(format!("name a place outside of it: --to {}", shell_word(beside))))
}

/// Makes a folder and locks it; one that a sweep took for a dead one's before it was locked is made again.
fn make_room(parent: &Path) -> Result<(TempDir, File)> {
    let prefix = format!("{TEMPORARY_PREFIX}{PREFIX}");
    loop {
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).at("make a folder in", parent)?;
        let Ok(locked) = File::open(folder.path()) else { continue };
        locked.lock().at("lock", folder.path())?;
        if folder.path().exists() {
            return Ok((folder, locked));
        }
    }
}

/// Removes what restores to the same folder left that were killed.
fn sweep_dead(parent: &Path) -> Result<()> {
    let prefix = format!("{TEMPORARY_PREFIX}{PREFIX}");
    for entry in std::fs::read_dir(parent).at("read the folder", parent)?.flatten() {
        if !entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
            continue;
        }
        let Ok(folder) = File::open(entry.path()) else { continue };
        if folder.try_lock().is_ok() {
            // Somebody else's is somebody else's to remove.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}
