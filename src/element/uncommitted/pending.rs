//! A capture that no backup holds yet: a folder with a bundle and its record, the record written last.

use super::Uncommitted;
use crate::bundle::{Header, write_header};
use crate::durable::{self, Modes, Staged};
use crate::error::{AtPath, Error, Result};
use crate::store::{NO_DIGEST, is_sealed, seal};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the record's format.
const FORMAT: u32 = 1;
/// What the name of a folder begins with that no backup takes along.
const ASIDE: &str = "aside-";

/// Returns the folder in which captures wait, in a host's own state.
pub fn captures_folder(state: &Path) -> PathBuf {
    state.join("captures")
}

/// A capture that waits for its backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    folder: PathBuf,
    /// The environment it is of.
    pub environment: String,
    /// What it holds.
    pub record: Uncommitted,
}

#[derive(Serialize, Deserialize)]
struct Note {
    format: u32,
    digest: String,
    environment: String,
    record: Uncommitted,
}

impl Pending {
    /// Keeps a pack and its record under `token` in the folder `captures`, durably.
    pub fn write(
        captures: &Path,
        token: &str,
        modes: Modes,
        environment: &str,
        record: Uncommitted,
        bundle: (&Header, &Path),
    ) -> Result<Self> {
        let folder = captures.join(token);
        let (header, pack) = bundle;
        let target = folder.join("capture.bundle");
        let mut staged = Staged::new(&target, modes)?;
        let mut input = BufReader::with_capacity(1 << 18, File::open(pack).at("read", pack)?);
        write_header(header, &mut staged).at("write", &target)?;
        io::copy(&mut input, &mut staged).at("write", &target)?;
        staged.flush().at("write", &target)?;
        staged.publish()?;
        let environment = environment.to_owned();
        let note = Note { format: FORMAT, digest: NO_DIGEST.into(), environment, record };
        durable::write_new(&folder.join("record.json"), &seal(&note).0, modes)?;
        Ok(Self { folder, environment: note.environment, record: note.record })
    }

    /// Opens the one of `token`; `None` where there is none, or one that was never finished.
    ///
    /// Returns [`crate::error::Kind::Damaged`] where it is not the one that was written.
    pub fn open(captures: &Path, token: &str) -> Result<Option<Self>> {
        let folder = captures.join(token);
        let path = folder.join("record.json");
        let bytes = match std::fs::read(&path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            bytes => bytes.at("read", &path)?,
        };
        let note: Option<Note> = serde_json::from_slice(&bytes).ok();
        let note = note.filter(|note: &Note| note.format == FORMAT && is_sealed(&bytes, &note.digest));
        let damaged = || {
            Error::damaged("capture", format!("{} is damaged: the edits beside it cannot be told", path.display()))
                .hint("move that folder away; what still stands in the tree: git cairn backup create <env>")
        };
        note.map(|note| Some(Self { folder, environment: note.environment, record: note.record })).ok_or_else(damaged)
    }

    /// Lists the tokens of what waits, in order.
    pub fn tokens(captures: &Path) -> Result<Vec<String>> {
        let entries = match std::fs::read_dir(captures) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.at("read the folder", captures)?,
        };
        let names = entries.flatten().filter(|entry| entry.path().join("record.json").is_file());
        let mut tokens: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        tokens.retain(|token| !token.starts_with(ASIDE));
        tokens.sort();
        Ok(tokens)
    }

    /// Returns how long ago it was taken; `None` where that cannot be told.
    pub fn age(&self) -> Option<Duration> {
        std::fs::metadata(self.folder.join("record.json")).ok()?.modified().ok()?.elapsed().ok()
    }

    /// Returns the path of its bundle.
    pub fn bundle(&self) -> PathBuf {
        self.folder.join("capture.bundle")
    }

    /// Keeps it for a person to look at: no backup is to try it again.
    pub fn set_aside(self) -> Result<Self> {
        let name = self.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.rename(&format!("{ASIDE}{name}"))
    }

    /// Gives it another token.
    pub fn rename(self, token: &str) -> Result<Self> {
        let folder = self.folder.with_file_name(token);
        durable::rename_new(&self.folder, &folder)?;
        Ok(Self { folder, ..self })
    }

    /// Lets go of it: a backup holds it now.
    pub fn remove(&self) -> Result<()> {
        // The record first: without it there is no capture.
        for file in ["record.json", "capture.bundle"] {
            match std::fs::remove_file(self.folder.join(file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", &self.folder)?,
                _ => {}
            }
        }
        std::fs::remove_dir(&self.folder).at("remove", &self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;

    #[test]
    fn a_capture_waits_until_it_is_let_go_and_damage_to_it_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let captures = captures_folder(dir.path());
        assert!(Pending::tokens(&captures).unwrap().is_empty());
        assert!(Pending::open(&captures, "one").unwrap().is_none());
        let pack = dir.path().join("pack");
        std::fs::write(&pack, b"PACK").unwrap();
        let header = Header::new(HashKind::Sha1, vec![], vec![]);
        let record = Uncommitted { changes: 3, ..Uncommitted::default() };
        let written = Pending::write(&captures, "one", Modes::OWNER, "live", record, (&header, &pack)).unwrap();
        assert_eq!(Pending::open(&captures, "one").unwrap(), Some(written.clone()));
        assert_eq!(Pending::tokens(&captures).unwrap(), ["one"]);
        let aside = written.set_aside().unwrap();
        assert!(aside.bundle().is_file() && Pending::tokens(&captures).unwrap().is_empty());
        aside.remove().unwrap();
        assert!(Pending::tokens(&captures).unwrap().is_empty());
        std::fs::create_dir_all(captures.join("two")).unwrap();
        std::fs::write(captures.join("two/record.json"), b"{}").unwrap();
        assert_eq!(Pending::open(&captures, "two").unwrap_err().kind(), crate::error::Kind::Damaged);
    }
}
