//! A store in a directory of this host.

use super::{Key, Publication, Store};
use crate::durable::{self, Modes, Staged, Unsynced};
use crate::error::{AtPath, Error, Result};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// From which size on, in bytes, a file is synced while the next is made, instead of together with it.
const LARGE: u64 = 1 << 20;

/// A store whose keys are paths below a directory.
#[derive(Debug, Clone)]
pub struct LocalStore {
    root: PathBuf,
    modes: Modes,
    gathered: Option<Gathered>,
}

/// What is to be synced together.
#[derive(Debug, Clone, Default)]
struct Gathered(Arc<Mutex<Unsynced>>);

impl Gathered {
    fn unsynced(&self) -> MutexGuard<'_, Unsynced> {
        self.0.lock().expect("no holder panics")
    }

    /// Waits for what must be durable before anything else appears.
    fn in_order(&self) -> Result<MutexGuard<'_, Unsynced>> {
        let mut unsynced = self.unsynced();
        unsynced.caught_up()?;
        Ok(unsynced)
    }
}

impl LocalStore {
    /// Names a store; the directory is made when something is first written to it.
    pub fn new(root: impl Into<PathBuf>, modes: Modes) -> Self {
        Self { root: root.into(), modes, gathered: None }
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

    /// Returns the store as one writes a whole backup to it: what is created, replaced and removed is there at once, and lasts
    /// with the next [`Store::create_last`]. Many files are then synced together.
    #[must_use]
    pub fn gathering(self) -> Self {
        Self { gathered: Some(Gathered::default()), ..self }
    }

    /// Begins to sync what was gathered by now; nothing is created before that is done.
    pub fn sync_first(&self) {
        if let Some(gathered) = &self.gathered {
            gathered.unsynced().begin();
        }
    }

    fn stage(&self, key: &Key) -> Result<Staged> {
        let path = self.path(key);
        let Some(gathered) = &self.gathered else { return Staged::new(&path, self.modes) };
        gathered.in_order()?.make_folders(path.parent().unwrap_or(&self.root), self.modes)?;
        Staged::in_made_folder(&path, self.modes)
    }

    /// Makes it last that a name is gone.
    fn removed(&self, path: &Path) -> Result<()> {
        match &self.gathered {
            Some(gathered) => {
                gathered.unsynced().note_name(path);
                Ok(())
            }
            None => durable::sync_folder(path.parent().unwrap_or(&self.root)),
        }
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
    gathered: Option<Gathered>,
    bytes: u64,
}

impl Write for LocalPublication {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.staged.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.staged.flush()
    }
}

impl Publication for LocalPublication {
    fn publish(self: Box<Self>) -> Result<()> {
        let staged = self.staged.into_inner().map_err(io::IntoInnerError::into_error);
        let staged = staged.at("write to", Path::new("the store"))?;
        let Some(gathered) = &self.gathered else { return staged.publish() };
        let unsynced = &mut gathered.unsynced();
        staged.publish_unsynced(unsynced)?;
        if self.bytes >= LARGE {
            unsynced.begin();
        }
        Ok(())
    }
}

impl Store for LocalStore {
    fn create(&self, key: &Key) -> Result<Box<dyn Publication>> {
        let staged = BufWriter::with_capacity(1 << 18, self.stage(key)?);
        Ok(Box::new(LocalPublication { staged, gathered: self.gathered.clone(), bytes: 0 }))
    }

    fn create_last(&self, key: &Key, bytes: &[u8]) -> Result<()> {
        let mut staged = self.stage(key)?;
        staged.write_all(bytes).at("write", Path::new(key.as_str()))?;
        staged.publish_after(self.gathered.as_ref().map(|it| std::mem::take(&mut *it.unsynced())).unwrap_or_default())
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

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.root.join(folder);
        let entries = match std::fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.at("read the folder", &path)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.at("read the folder", &path)?.file_name();
            names.extend(name.into_string().ok().filter(|name| Key::new(name.as_str()).is_ok()));
        }
        names.sort();
        Ok(names)
    }

    fn remove(&self, key: &Key) -> Result<()> {
        let path = self.path(key);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => {
                removed.at("remove", &path)?;
                self.removed(&path)
            }
        }
    }

    fn remove_folder(&self, folder: &str) -> Result<()> {
        let path = self.root.join(folder);
        match std::fs::remove_dir(&path) {
            Ok(()) => self.removed(&path),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => Ok(()),
            Err(error) => Err(error).at("remove", &path),
        }
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<()> {
        let mut staged = self.stage(key)?;
        staged.write_all(bytes).at("write", Path::new(key.as_str()))?;
        match &self.gathered {
            Some(gathered) => staged.replace_unsynced(&mut gathered.unsynced()),
            None => staged.replace(),
        }
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
