//! What an installation notes of how it found things, so that taking it away leaves them so: `$GIT_DIR/cairn/hooks.json`.

use crate::durable::{self, Modes};
use crate::error::{AtPath, Error, Result};
use crate::os::OsStrExt;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bstr::ByteSlice;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// Its file in the repository.
const FILE: &str = "cairn/hooks.json";
/// What stands before a path that is not UTF-8.
const ENCODED: &str = "base64:";

/// How the repository was found. Paths inside it are named from it, so that they hold where it moves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Folders that were not there.
    #[serde(default)]
    pub made: Vec<String>,
    /// The folder that git looked in before `core.hooksPath` named ours.
    #[serde(default)]
    pub found: Option<String>,
    /// What the repository's own `core.hooksPath` was before.
    #[serde(default)]
    pub hooks_path: Option<String>,
}

impl Record {
    /// Reads it, where there is one.
    pub fn read(common_dir: &Path) -> Result<Option<Self>> {
        let path = common_dir.join(FILE);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Who may not read the state of this repository can still look at its hooks.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
            read => read.at("read", &path)?,
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            Error::failed("hooks-record", format!("{} cannot be read: {error}", path.display()))
                .hint("move it away; then uninstalling leaves folders and core.hooksPath that were not there before")
        })
    }

    /// Keeps it.
    pub fn keep(&self, common_dir: &Path, modes: Modes) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).expect("text serializes");
        durable::write_over(&common_dir.join(FILE), &text, modes)
    }

    /// Tells whether one is kept, and so whether our hooks stand there.
    pub fn is_kept(common_dir: &Path) -> bool {
        common_dir.join(FILE).symlink_metadata().is_ok()
    }

    /// Forgets it.
    pub fn forget(common_dir: &Path) -> Result<()> {
        let path = common_dir.join(FILE);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.at("remove", &path),
        }
    }

    /// Returns the found folder.
    pub fn found_folder(&self) -> Option<PathBuf> {
        self.found.as_deref().map(to_path)
    }
}

/// Writes a path as text; one inside the repository from there.
pub fn to_text(path: &Path, common_dir: &Path) -> String {
    let path = path.strip_prefix(common_dir).unwrap_or(path);
    let bytes = path.as_os_str().as_bytes();
    bytes.to_str().map_or_else(|_| format!("{ENCODED}{}", STANDARD.encode(bytes)), str::to_owned)
}

/// Reads what [`to_text`] wrote.
pub fn to_path(text: &str) -> PathBuf {
    let encoded = text.strip_prefix(ENCODED).and_then(|encoded| STANDARD.decode(encoded).ok());
    encoded.map_or_else(|| PathBuf::from(text), |bytes| PathBuf::from(OsStr::from_bytes(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_text_comes_back() {
        for bytes in [&b"/srv/\xff\xfe"[..], b"/srv/a.git/hooks", b"/etc/hooks"] {
            let path = Path::new(OsStr::from_bytes(bytes));
            assert_eq!(Path::new("/srv/a.git").join(to_path(&to_text(path, Path::new("/srv/a.git")))), path);
        }
    }
}
