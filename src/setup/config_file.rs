//! The repository's own config file: what it would be, and putting that in its place in one step.

use crate::backup::names_secret;
use crate::durable::{self, Modes};
use crate::error::{AtPath, Error, Kind, Result};
use crate::os;
use crate::process::Command;
use crate::text::without_secrets;
use crate::uncommitted::patch::{Paint, write_texts};
use bstr::ByteSlice;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A value that a config file is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key, as git config takes it.
    pub key: String,
    /// Its value.
    pub value: OsString,
    /// Whether other values of the key stay.
    pub add: bool,
}

/// A config file as it is, and as it would be.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    /// `None`: there is no such file.
    before: Option<Vec<u8>>,
    after: Vec<u8>,
}

impl ConfigFile {
    /// Lets git set all of this in a copy; the file itself stays as it is, and may be missing.
    pub fn planned(path: &Path, settings: &[Setting]) -> Result<Self> {
        let path = os::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let before = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(read.at("read", &path)?),
        };
        let aside = std::env::temp_dir();
        let copy = tempfile::NamedTempFile::with_prefix("cairn-").at("make a file in", &aside)?;
        std::fs::write(copy.path(), before.as_deref().unwrap_or_default()).at("write", copy.path())?;
        for Setting { key, value, add } in settings {
            let how = if *add { "--add" } else { "--replace-all" };
            let git = Command::git().args(["config", "--file"]).arg(copy.path()).args([how, key]).arg(value);
            git.read().map_err(|error| error.while_doing(format!("setting {key}")))?;
        }
        let after = std::fs::read(copy.path()).at("read", copy.path())?;
        Ok(Self { path, before, after })
    }

    /// Writes what differs, as a unified diff and without secrets.
    pub fn diff(&self, paint: Paint, out: &mut dyn Write) -> Result<()> {
        write_texts("config", &shown(self.before.as_deref().unwrap_or_default()), &shown(&self.after), paint, out)
    }

    /// Puts the file as it would be in place, whole or not at all.
    ///
    /// Returns [`Kind::Moved`] where the file is no longer what it was.
    pub fn put(&self) -> Result<()> {
        match &self.before {
            Some(before) if *before == self.after => Ok(()),
            Some(before) => replace(&self.path, Some(before), &self.after),
            None => durable::write_new(&self.path, &self.after, Modes { folder: 0o755, file: 0o644 }),
        }
    }
}

/// A config without the values that are secrets.
fn shown(config: &[u8]) -> Vec<u8> {
    let text = config.to_str_lossy();
    let line = |line: &str| match line.split_once('=') {
        Some((name, _)) if names_secret(name.trim()) => format!("{name}= <redacted>\n"),
        _ => without_secrets(line),
    };
    text.split_inclusive('\n').map(line).collect::<String>().into_bytes()
}

/// Puts a config file in place as git does: by `config.lock`, which keeps others from writing it meanwhile.
pub(super) fn replace(path: &Path, expected: Option<&[u8]>, bytes: &[u8]) -> Result<()> {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    let lock = PathBuf::from(lock);
    let mode = os::permissions(&std::fs::metadata(path).at("read", path)?);
    let opened = os::making(OpenOptions::new().write(true).create_new(true), mode).open(&lock);
    let mut file = opened.map_err(|error| {
        Error::failed("config-locked", format!("cannot lock {}: {error}", path.display()))
            .hint("wait for the git that is writing it, then run this again")
    })?;
    let mut put = || -> Result<()> {
        if expected.is_some_and(|expected| std::fs::read(path).is_ok_and(|now| now != expected)) {
            let message = format!("somebody changed {} meanwhile", path.display());
            return Err(Error::new(Kind::Moved, "config-changed", message).hint("run the same command again"));
        }
        os::set_file_permissions(&file, mode).at("write", path)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&lock, path))
            .at("write", path)
    };
    let done = put();
    if done.is_err() {
        let _ = std::fs::remove_file(&lock);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let config = b"[http \"https://me:pw@example.org\"]\n\textraHeader = Authorization: x\n[core]\n\tbare = true\n";
        let text = String::from_utf8(shown(config)).unwrap();
        assert_eq!(
            text,
            "[http \"https://<redacted>@example.org\"]\n\textraHeader = <redacted>\n[core]\n\tbare = true\n"
        );
    }
}
