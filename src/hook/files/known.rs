//! Which repositories of this machine run us: noted where the Debian package made a folder for that, so that its removal can
//! say where hooks would call a program that is gone.
//!
//! Everybody may add to the folder and nobody but root may list it, as with a spool. A note is the path of a repository, in a
//! file named by that path's SHA-256: what says anything else is not ours, and a repository that is gone says nothing.

use super::record::Record;
use crate::error::{AtPath, Error, Result};
use crate::os::{self, OsStrExt};
use crate::store::sha256;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Where the package has its notes.
const NOTES: &str = "/var/lib/git-cairn/repositories";
/// Where the package has its programs; hooks that call others are no business of its.
const PROGRAMS: &str = "/usr/bin";
/// The longest path that a note may hold, in bytes (`PATH_MAX` of Linux).
const PATH_BYTES_MAX: u64 = 4096;

/// Notes that our hooks stand in this repository, where this program is the package's.
///
/// A note that cannot be made stops nobody: what it is for is a hint.
pub fn note(common_dir: &Path) {
    if is_packaged() {
        let _ = note_in(Path::new(NOTES), common_dir);
    }
}

/// Takes the note away.
pub fn forget(common_dir: &Path) {
    let _ = std::fs::remove_file(file_in(Path::new(NOTES), common_dir));
}

/// Lists the repositories of this machine in which our hooks stand, by the notes, in the order of their paths.
///
/// Returns [`crate::error::Kind::NotFound`] where no notes are kept, and an error where this user may not list them.
pub fn known() -> Result<Vec<PathBuf>> {
    known_in(Path::new(NOTES))
}

fn is_packaged() -> bool {
    std::env::current_exe().is_ok_and(|program| program.parent() == Some(Path::new(PROGRAMS)))
}

fn file_in(notes: &Path, common_dir: &Path) -> PathBuf {
    notes.join(sha256(common_dir.as_os_str().as_bytes()))
}

fn note_in(notes: &Path, common_dir: &Path) -> std::io::Result<()> {
    // Never through a link that somebody else put there, nor over a file.
    let mut file =
        os::making(OpenOptions::new().write(true).create_new(true), 0o644).open(file_in(notes, common_dir))?;
    file.write_all(common_dir.as_os_str().as_bytes())
}

fn known_in(notes: &Path) -> Result<Vec<PathBuf>> {
    if !notes.is_dir() {
        return Err(Error::not_found("no-notes", format!("no list is kept here: there is no {}", notes.display()))
            .hint("that of the Debian package has one; below a folder: git cairn doctor --sites <dir>"));
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(notes).at("list", notes)? {
        let file = entry.at("list", notes)?.path();
        found.extend(read(&file).filter(|path| file_in(notes, path) == file && Record::is_kept(path)));
    }
    found.sort();
    Ok(found)
}

/// Reads a note that anybody may have put there: no link is followed, and no pipe is waited for.
fn read(file: &Path) -> Option<PathBuf> {
    let opened = os::open_plain(file).ok()?;
    if !opened.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    opened.take(PATH_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_known_as_long_as_hooks_stand_there() {
        let folder = tempfile::tempdir().unwrap();
        let (notes, [one, other]) =
            (folder.path().join("notes"), ["b.git", "a.git"].map(|name| folder.path().join(name)));
        assert_eq!(known_in(&notes).unwrap_err().code(), "no-notes");
        std::fs::create_dir(&notes).unwrap();
        for repository in [&one, &other] {
            std::fs::create_dir(repository).unwrap();
            note_in(&notes, repository).unwrap();
            assert!(note_in(&notes, repository).is_err(), "a note is never written over");
        }
        assert!(known_in(&notes).unwrap().is_empty(), "no hook stands in either");
        for repository in [&one, &other] {
            Record::default().keep(repository, crate::durable::Modes::OWNER).unwrap();
        }
        assert_eq!(known_in(&notes).unwrap(), [other.clone(), one.clone()]);
        Record::forget(&other).unwrap();
        assert_eq!(known_in(&notes).unwrap(), [one]);
    }

    #[test]
    fn what_strangers_put_there_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (notes, site) = (folder.path().join("notes"), folder.path().join("site.git"));
        std::fs::create_dir_all(&notes).unwrap();
        std::fs::create_dir(&site).unwrap();
        Record::default().keep(&site, crate::durable::Modes::OWNER).unwrap();
        std::fs::write(folder.path().join("away"), site.as_os_str().as_bytes()).unwrap();
        os::symlink(&folder.path().join("away"), &file_in(&notes, &site)).unwrap();
        std::fs::write(notes.join("other"), site.as_os_str().as_bytes()).unwrap();
        std::fs::create_dir(notes.join("folder")).unwrap();
        let pipe = file_in(&notes, Path::new("/pipe"));
        crate::process::Command::new("mkfifo").arg(&pipe).read().unwrap();
        assert!(known_in(&notes).unwrap().is_empty());
    }
}
