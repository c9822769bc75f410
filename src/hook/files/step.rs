//! One step of putting our hooks in place, or of taking them away. Each looks again before it changes anything.

use super::shim;
use crate::durable::{self, Modes};
use crate::error::{AtPath, Error, Result};
use crate::git::Repository;
use crate::os;
use std::io;
use std::path::{Path, PathBuf};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Give what stands at `path` a second name, before ours takes its place.
    Keep {
        /// Where git looks.
        path: PathBuf,
        /// Its name from now on.
        found: PathBuf,
    },
    /// Write a hook of ours.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        content: Vec<u8>,
    },
    /// Make a link.
    Link {
        /// Where.
        path: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// Let git look in this folder for hooks.
    HooksPath(PathBuf),
    /// Let git look for hooks where it did; `None`: where the rest of the config says.
    HooksPathBack(Option<PathBuf>),
    /// Put a found hook back in its place.
    PutBack {
        /// Where it is kept.
        found: PathBuf,
        /// Where it stood.
        path: PathBuf,
    },
    /// Remove a file or link of ours.
    Remove(PathBuf),
    /// Remove a folder of ours, if nothing is left in it.
    RemoveFolder(PathBuf),
}

impl Step {
    /// Does it; a hook that was there is never missing in between.
    pub fn apply(&self, repository: &Repository, modes: Modes) -> Result<()> {
        match self {
            Self::HooksPath(folder) => {
                let git = repository.git().args(["config", "--local", "core.hooksPath"]).arg(folder);
                git.read().map(drop)
            }
            Self::HooksPathBack(Some(value)) => {
                repository.git().args(["config", "--local", "core.hooksPath"]).arg(value).read().map(drop)
            }
            Self::HooksPathBack(None) => {
                let output = repository.git().args(["config", "--local", "--unset-all", "core.hooksPath"]).output()?;
                match output.status.code() {
                    // 5: it is not there (git-config(1)).
                    Some(0 | 5) => Ok(()),
                    _ => Err(Error::outside("git", format!("git config: {}", output.complaint()))
                        .hint("may you write the config, and is there no config.lock that a git left that died?")),
                }
            }
            file => file.apply_to_files(modes),
        }
    }

    /// Does what it asks of files, and nothing where it is about a config.
    pub(super) fn apply_to_files(&self, modes: Modes) -> Result<()> {
        match self {
            Self::Keep { path, found } => {
                let folder = found.parent().unwrap_or(Path::new("."));
                durable::make_folders(folder, modes)?;
                keep(path, found)?;
                durable::sync_folder(folder)
            }
            Self::Write { path, content } => write(path, content, modes),
            Self::Link { path, to } => {
                durable::make_folders(path.parent().unwrap_or(Path::new(".")), open_folders(modes))?;
                os::symlink(to, path).at("link", path)
            }
            Self::PutBack { found, path } => put_back(found, path),
            Self::Remove(path) => remove(path),
            Self::RemoveFolder(folder) => match std::fs::remove_dir(folder) {
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {
                    Ok(())
                }
                removed => removed.at("remove the folder", folder),
            },
            Self::HooksPath(_) | Self::HooksPathBack(_) => Ok(()),
        }
    }
}

fn write(path: &Path, content: &[u8], modes: Modes) -> Result<()> {
    durable::make_folders(path.parent().unwrap_or(Path::new(".")), open_folders(modes))?;
    // Whoever may push must be able to run it.
    let executable = Modes { file: modes.file | 0o100 | ((modes.file & 0o044) >> 2), ..modes };
    durable::write_over(path, content, executable)
}

/// Modes in which whoever reaches the repository can enter the folder: a hook that cannot be found is one that does not run.
fn open_folders(modes: Modes) -> Modes {
    Modes { folder: modes.folder | 0o055, ..modes }
}

/// Gives what stands at `path` a second name, under which a relative link leads to the same place.
fn keep(path: &Path, found: &Path) -> Result<()> {
    let metadata = std::fs::symlink_metadata(path).at("read", path)?;
    if metadata.is_symlink() {
        let target = std::fs::read_link(path).at("read the link", path)?;
        let target = if target.is_absolute() { target } else { Path::new("..").join(target) };
        return os::symlink(&target, found).at("link", found);
    }
    std::fs::hard_link(path, found).at("keep the hook as", found)
}

/// Tells whether what stands at `path` has its second name already.
pub(super) fn is_kept(path: &Path, found: &Path) -> bool {
    let same_file = || {
        let (a, b) = (std::fs::symlink_metadata(path).ok()?, std::fs::symlink_metadata(found).ok()?);
        Some(!a.is_symlink() && os::is_same_file(&a, &b))
    };
    let same_link = || Some(os::canonicalize(path).ok()? == os::canonicalize(found).ok()? && found.is_symlink());
    same_file() == Some(true) || same_link() == Some(true)
}

/// The found hook takes the place of ours in one rename; of a relative link, one that leads where it led.
fn put_back(found: &Path, path: &Path) -> Result<()> {
    still_ours(path)?;
    match std::fs::read_link(found) {
        Ok(target) => {
            let target = target.strip_prefix("..").map_or(target.clone(), Path::to_owned);
            let aside = path.with_file_name(format!("{}{}", durable::TEMPORARY_PREFIX, durable::random_name()));
            os::symlink(&target, &aside).at("link", &aside)?;
            std::fs::rename(&aside, path).at("rename to", path)?;
            std::fs::remove_file(found).at("remove", found)?;
        }
        Err(_) => std::fs::rename(found, path).at("rename to", path)?,
    }
    durable::sync_folder(path.parent().unwrap_or(Path::new(".")))
}

fn remove(path: &Path) -> Result<()> {
    if !path.is_symlink() {
        still_ours(path)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => {
            removed.at("remove", path)?;
            durable::sync_folder(path.parent().unwrap_or(Path::new(".")))
        }
    }
}

/// What somebody put there after it was seen is not ours to remove.
fn still_ours(path: &Path) -> Result<()> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(bytes) if shim::is_ours(&bytes) => Ok(()),
        Ok(_) => Err(Error::new(
            crate::error::Kind::Moved,
            "hook-changed",
            format!("{} is no longer the hook of git-cairn", path.display()),
        )
        .hint("look at it, then: git cairn hooks status")),
        Err(error) => Err(error).at("read", path),
    }
}
