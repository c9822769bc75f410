//! Files that are there whole or not at all, and still there after a power cut.
//!
//! The order is the one that survived an image of the disk copied at any moment: a temporary file in the same
//! folder, its mode, its content, `fsync`, a rename that replaces nothing, `fsync` of the folder and of every
//! folder just made.

mod unsynced;

pub use unsynced::Unsynced;

use crate::error::{AtPath, Error, Result};
use crate::os;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Who may read and write what we make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Permission bits of folders.
    pub folder: u32,
    /// Permission bits of files.
    pub file: u32,
}

impl Modes {
    /// The owner alone: 0700 and 0600.
    pub const OWNER: Self = Self { folder: 0o700, file: 0o600 };

    /// Returns the modes that git's `core.sharedRepository` asks for (git-config(1)).
    ///
    /// Returns an error for a value git would not accept either.
    pub fn from_shared_repository(value: &str) -> Result<Self> {
        match value {
            "umask" | "false" | "no" | "off" | "0" | "" => Ok(Self::OWNER),
            "group" | "true" | "yes" | "on" | "1" => Ok(Self { folder: 0o2770, file: 0o660 }),
            "all" | "world" | "everybody" | "2" | "3" => Ok(Self { folder: 0o2775, file: 0o664 }),
            octal => {
                let bits = u32::from_str_radix(octal, 8).ok().filter(|bits| bits & 0o600 == 0o600 && *bits <= 0o777);
                let file = bits.ok_or_else(|| {
                    Error::usage(format!("core.sharedRepository = {octal} is nothing that git knows"))
                        .hint("set it to group, all, umask or an octal number such as 0660")
                })? & 0o666;
                // Whoever may read a folder's files must be able to enter it.
                let folder = file | ((file & 0o444) >> 2);
                let setgid = if file & 0o060 == 0 { 0 } else { 0o2000 };
                Ok(Self { folder: folder | setgid, file })
            }
        }
    }

    /// Tells whether anyone but the owner may read or write.
    pub fn is_shared(self) -> bool {
        self.file & 0o066 != 0
    }
}

/// A file being written, invisible under its name until it is published; dropped, it is gone.
#[derive(Debug)]
pub struct Staged {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    published: bool,
}

/// The prefix of every temporary file, by which the next run knows what to sweep.
pub const TEMPORARY_PREFIX: &str = ".cairn-tmp-";

impl Staged {
    /// Starts a file that will be `target`; its folder is made where it is missing.
    pub fn new(target: &Path, modes: Modes) -> Result<Self> {
        make_folders(target.parent().unwrap_or(Path::new(".")), modes)?;
        Self::in_made_folder(target, modes)
    }

    /// As [`Staged::new`], in a folder that is there.
    pub fn in_made_folder(target: &Path, modes: Modes) -> Result<Self> {
        let folder = target.parent().unwrap_or(Path::new("."));
        let temporary = folder.join(format!("{TEMPORARY_PREFIX}{}", random_name()));
        let file = os::making(OpenOptions::new().read(true).write(true).create_new(true), 0o600).open(&temporary);
        let file = file.at("create", &temporary)?;
        let staged = Self { file, temporary, target: target.to_owned(), published: false };
        os::set_file_permissions(&staged.file, modes.file).at("set the mode of", &staged.temporary)?;
        Ok(staged)
    }

    /// Gives the file its name; fails, and leaves what is there, if the name is taken.
    pub fn publish(mut self) -> Result<()> {
        self.file.flush().at("write", &self.temporary)?;
        self.file.sync_all().at("fsync", &self.temporary)?;
        rename_new(&self.temporary, &self.target)?;
        self.published = true;
        sync_folder(self.target.parent().unwrap_or(Path::new(".")))
    }

    /// As [`Staged::publish`], but nothing lasts until `unsynced` is synced.
    pub fn publish_unsynced(self, unsynced: &mut Unsynced) -> Result<()> {
        rename_new(&self.temporary, &self.target)?;
        self.named(unsynced)
    }

    /// As [`Staged::replace`], but nothing lasts until `unsynced` is synced.
    pub fn replace_unsynced(self, unsynced: &mut Unsynced) -> Result<()> {
        std::fs::rename(&self.temporary, &self.target).at("rename to", &self.target)?;
        self.named(unsynced)
    }

    fn named(mut self, unsynced: &mut Unsynced) -> Result<()> {
        self.published = true;
        unsynced.note_name(&self.target);
        unsynced.note_file(&self.target, self.file.try_clone().at("keep open", &self.target)?);
        Ok(())
    }

    /// As [`Staged::publish`], once its content and whatever `unsynced` notes are durable.
    pub fn publish_after(mut self, mut unsynced: Unsynced) -> Result<()> {
        unsynced.note_file(&self.temporary, self.file.try_clone().at("keep open", &self.temporary)?);
        unsynced.sync()?;
        rename_new(&self.temporary, &self.target)?;
        self.published = true;
        sync_folder(self.target.parent().unwrap_or(Path::new(".")))
    }

    /// As [`Staged::publish`], but takes the place of a file of that name.
    pub fn replace(mut self) -> Result<()> {
        self.file.sync_all().at("fsync", &self.temporary)?;
        std::fs::rename(&self.temporary, &self.target).at("rename to", &self.target)?;
        self.published = true;
        sync_folder(self.target.parent().unwrap_or(Path::new(".")))
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Writes `bytes` as a new file, whole and durable.
pub fn write_new(target: &Path, bytes: &[u8], modes: Modes) -> Result<()> {
    let mut staged = Staged::new(target, modes)?;
    staged.write_all(bytes).at("write", target)?;
    staged.publish()
}

/// Writes `bytes` in place of whatever file is there, whole and durable.
pub fn write_over(target: &Path, bytes: &[u8], modes: Modes) -> Result<()> {
    let mut staged = Staged::new(target, modes)?;
    staged.write_all(bytes).at("write", target)?;
    staged.replace()
}

/// Renames where nothing of the new name exists; an empty folder counts as nothing when a folder moves.
pub fn rename_new(from: &Path, to: &Path) -> Result<()> {
    os::rename_new(from, to).at("rename to", to)
}

/// Makes a folder and those above it, with our modes, durably.
pub fn make_folders(folder: &Path, modes: Modes) -> Result<()> {
    new_folders(folder, modes)?.iter().try_for_each(|above| sync_folder(above))
}

/// Makes them, and returns the folders whose names are to be synced, the uppermost first.
fn new_folders(folder: &Path, modes: Modes) -> Result<Vec<PathBuf>> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(vec![]);
    }
    let above = folder.parent().unwrap_or(Path::new("/"));
    let mut unsynced = new_folders(above, modes)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => return Ok(unsynced),
        made => made.at("create the folder", folder)?,
    }
    os::set_permissions(folder, modes.folder).at("set the mode of", folder)?;
    unsynced.push(if above.as_os_str().is_empty() { ".".into() } else { above.to_owned() });
    Ok(unsynced)
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> Result<()> {
    os::sync_folder(folder).at("fsync the folder", folder)
}

/// Makes everything durable that was written so far to the file system `path` lies on.
///
/// A deployment stands on objects that earlier pushes brought and that git may not have synced; nothing
/// narrower covers those.
pub fn sync_file_system(path: &Path) -> Result<()> {
    os::sync_file_system(path).at("sync the file system of", path)
}

/// Does so for every file system that one of these paths lies on, once for each.
pub fn sync_file_systems(paths: &[&Path]) -> Result<()> {
    let mut synced = Vec::new();
    for path in paths {
        let device = os::device(&std::fs::metadata(path).at("read", path)?);
        if !synced.contains(&device) {
            sync_file_system(path)?;
            synced.push(device);
        }
    }
    Ok(())
}

/// Returns how many bytes an ordinary user may still write to the file system of `path`.
///
/// Of a path that does not exist yet, the folder above it is asked.
pub fn free_bytes(path: &Path) -> Result<u64> {
    let path = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    Ok(os::room(path).at("ask for the room on", path)?.free)
}

/// Returns how many bytes the file system of `path` holds in all.
pub fn total_bytes(path: &Path) -> Result<u64> {
    Ok(os::room(path).at("ask for the room on", path)?.total)
}

/// Removes temporary files that a killed process left in `folder`; our own lock must be held.
pub fn sweep(folder: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.at("read the folder", folder)?,
    };
    for entry in entries {
        let entry = entry.at("read the folder", folder)?;
        if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes whatever is in a folder.
pub fn empty(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).at("read the folder", folder)? {
        remove(&entry.at("read the folder", folder)?.path())?;
    }
    Ok(())
}

/// Removes what nobody has touched in `folder` for `age`.
pub fn sweep_older(folder: &Path, age: Duration) -> Result<()> {
    for entry in std::fs::read_dir(folder).at("read the folder", folder)?.flatten() {
        let touched = entry.metadata().and_then(|metadata| metadata.modified());
        if touched.is_ok_and(|at| at.elapsed().is_ok_and(|elapsed| elapsed > age)) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    removed.at("remove", path)
}

/// Returns 16 random hexadecimal digits.
pub fn random_name() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_file_has_its_mode_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a/b/file");
        write_new(&target, b"one", Modes::OWNER).unwrap();
        assert!(write_new(&target, b"two", Modes::OWNER).is_err());
        assert_eq!(std::fs::read(&target).unwrap(), b"one");
        let mode = |path: &Path| os::permissions(&std::fs::metadata(path).unwrap());
        assert_eq!(mode(&target), 0o600);
        assert_eq!(mode(target.parent().unwrap()), 0o700);
        assert_eq!(std::fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_published_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let staged = Staged::new(&dir.path().join("file"), Modes::OWNER).unwrap();
        drop(staged);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn nothing_is_published_after_what_could_not_be_synced() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("last");
        for begun in [false, true] {
            let mut unsynced = Unsynced::default();
            unsynced.note_name(&dir.path().join("no folder/file"));
            if begun {
                unsynced.begin();
            }
            let mut staged = Staged::new(&target, Modes::OWNER).unwrap();
            staged.write_all(b"last").unwrap();
            assert!(staged.publish_after(unsynced).is_err());
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn shared_repository_is_read_as_git_reads_it() {
        let modes = |text| Modes::from_shared_repository(text).unwrap();
        assert_eq!(modes("umask"), Modes::OWNER);
        assert_eq!(modes("group"), Modes { folder: 0o2770, file: 0o660 });
        assert_eq!(modes("0640"), Modes { folder: 0o2750, file: 0o640 });
        assert_eq!(modes("0660"), modes("true"));
        assert!(Modes::from_shared_repository("0770x").is_err());
        assert!(Modes::from_shared_repository("0400").is_err());
    }
}
