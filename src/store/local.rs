//! A store in a directory of this host.

use super::{Key, Publication, Store};
use crate::durable::{self, Modes, Staged};
use crate::error::{AtPath, Error, Result};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// A store whose keys are paths below a directory.
#[derive(Debug, Clone)]
pub struct LocalStore {
    root: PathBuf,
    modes: Modes,
}

impl LocalStore {
    /// Names a store; the directory is made when something is first written to it.
    pub fn new(root: impl Into<PathBuf>, modes: Modes) -> Self {
        Self { root: root.into(), modes }
    }

    /// Opens a store that is there, to read it.
    ///
    /// Returns [`crate::error::Kind::NotFound`] where there is no such directory.
    pub fn existing(root: &Path) -> Result<Self> {
        if root.is_dir() {
            return Ok(Self::new(root, Modes::OWNER));
        }
        Err(Error::not_found("no-store", format!("there is no store at {}", root.display()))
            .hint("name the directory with --store <dir>"))
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn list_into(folder: &Path, prefix: &str, keys: &mut Vec<Key>) -> Result<()> {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.at("read the folder", folder)?,
        };
        for entry in entries {
            let entry = entry.at("read the folder", folder)?;
            // What others put here and our own temporary files are no stored files.
            let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else { continue };
            let Ok(key) = Key::new(name.clone()) else { continue };
            let kind = entry.file_type().at("read", &entry.path())?;
            if kind.is_dir() {
                Self::list_into(&entry.path(), &format!("{name}/"), keys)?;
            } else if kind.is_file() {
                keys.push(key);
            }
        }
        Ok(())
    }
}

struct LocalPublication {
    staged: BufWriter<Staged>,
}

impl Write for LocalPublication {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.staged.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.staged.flush()
    }
}

impl Publication for LocalPublication {
    fn publish(self: Box<Self>) -> Result<()> {
        let staged = self.staged.into_inner().map_err(io::IntoInnerError::into_error);
        staged.at("write to", Path::new("the store"))?.publish()
    }
}

impl Store for LocalStore {
    fn create(&self, key: &Key) -> Result<Box<dyn Publication>> {
        let staged = Staged::new(&self.path(key), self.modes)?;
        Ok(Box::new(LocalPublication { staged: BufWriter::with_capacity(1 << 18, staged) }))
    }

    fn open(&self, key: &Key) -> Result<Box<dyn Read + Send>> {
        let path = self.path(key);
        Ok(Box::new(File::open(&path).at("read", &path)?))
    }

    fn size(&self, key: &Key) -> Result<Option<u64>> {
        let path = self.path(key);
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at("read", &path),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        Self::list_into(&self.root.join(folder), &prefix, &mut keys)?;
        keys.sort();
        Ok(keys)
    }

    fn remove(&self, key: &Key) -> Result<()> {
        let path = self.path(key);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => {
                removed.at("remove", &path)?;
                durable::sync_folder(path.parent().unwrap_or(&self.root))
            }
        }
    }

    fn remove_folder(&self, folder: &str) -> Result<()> {
        let path = self.root.join(folder);
        match std::fs::remove_dir(&path) {
            Ok(()) => durable::sync_folder(path.parent().unwrap_or(&self.root)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => Ok(()),
            Err(error) => Err(error).at("remove", &path),
        }
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<()> {
        durable::write_over(&self.path(key), bytes, self.modes)
    }

    fn at_hand(&self, key: &Key, _scratch: &Path) -> Result<PathBuf> {
        let path = self.path(key);
        std::fs::metadata(&path).at("read", &path)?;
        Ok(path)
    }

    fn free_bytes(&self) -> Result<Option<u64>> {
        durable::free_bytes(&self.root).map(Some)
    }

    fn place(&self) -> String {
        self.root.display().to_string()
    }
}
