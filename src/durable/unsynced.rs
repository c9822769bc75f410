//! What is there under its name and not on the disk yet, so that many files are synced at once instead of one after another.

use super::{new_folders, sync_folder};
use crate::error::{AtPath, Result};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// Files whose content, and folders whose names, a power cut would still take.
#[derive(Debug, Default)]
pub struct Unsynced {
    files: Vec<(PathBuf, File)>,
    folders: BTreeSet<PathBuf>,
    ahead: Vec<JoinHandle<Result<()>>>,
}

impl Unsynced {
    /// Makes a folder and those above it, with our modes.
    pub fn make_folders(&mut self, folder: &Path, modes: super::Modes) -> Result<()> {
        self.folders.extend(new_folders(folder, modes)?);
        Ok(())
    }

    /// Notes a file, open under any name it has or had.
    pub fn note_file(&mut self, path: &Path, file: File) {
        self.files.push((path.to_owned(), file));
    }

    /// Notes the folder of a path that was made, renamed or removed.
    pub fn note_name(&mut self, path: &Path) {
        self.folders.insert(path.parent().unwrap_or(Path::new(".")).to_owned());
    }

    /// Begins to sync what is noted while the caller goes on; [`Unsynced::caught_up`] and [`Unsynced::sync`] wait for it.
    pub fn begin(&mut self) {
        let now =
            Self { files: std::mem::take(&mut self.files), folders: std::mem::take(&mut self.folders), ahead: vec![] };
        self.ahead.push(std::thread::spawn(move || now.sync()));
    }

    /// Waits for what was begun.
    ///
    /// Returns the first error of it.
    pub fn caught_up(&mut self) -> Result<()> {
        let ended: Vec<_> = self.ahead.drain(..).map(|one| one.join().expect("syncing does not panic")).collect();
        ended.into_iter().collect()
    }

    /// Makes all of it durable. A journal writes once for all that come at the same time.
    pub fn sync(mut self) -> Result<()> {
        let (files, folders) = (&self.files, &self.folders);
        std::thread::scope(|scope| {
            let files = files.iter().map(|(path, file)| scope.spawn(move || file.sync_all().at("fsync", path)));
            let files: Vec<_> = files.collect();
            let folders: Vec<_> = folders.iter().map(|folder| scope.spawn(move || sync_folder(folder))).collect();
            files.into_iter().chain(folders).try_for_each(|one| one.join().expect("syncing does not panic"))
        })?;
        self.caught_up()
    }
}
