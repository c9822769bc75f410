//! A pause of the guard: for an emergency in which it is in the way, or cannot write what it must.

use crate::audit::with_room;
use crate::durable;
use crate::error::{AtPath, Error, Result};
use crate::os;
use crate::queue::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

/// The longest pause: what has to last is a setting, `cairn.guard = warn`.
pub const PAUSE_MAX: Duration = Duration::from_secs(7 * 86_400);
/// The size of the file, in bytes. It always has it, so that a pause needs no room of a full disk.
const BYTES: usize = 4096;
/// The longest reason and name, in characters; as JSON they fit the file.
const TEXT_MAX: usize = 200;

/// A pause of the guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it ends.
    pub until: Timestamp,
    /// When it was begun.
    pub at: Timestamp,
    /// Who began it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Pause {
    /// Returns the pause that is in force.
    ///
    /// Returns an error where the file cannot be read: then nobody can know, and no pause is in force.
    pub fn in_force(state: &State, now: Timestamp) -> Result<Option<Self>> {
        let path = path(state);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(BYTES as u64).read_to_end(&mut bytes)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.at("read", &path)?,
        };
        let text = bytes.trim_ascii_end();
        // Room that is kept for a pause, and was never written to, reads as zeros.
        if text.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let pause: Self = serde_json::from_slice(text).map_err(|error| {
            Error::failed("pause", format!("{} says nothing that can be understood: {error}", path.display()))
                .hint("pause the guard anew on the host: git cairn guard pause --for <time> --reason <text>")
        })?;
        Ok(Some(pause).filter(|pause| pause.until > now))
    }

    /// Puts it in force, in place of one that is.
    pub fn begin(&self, state: &State) -> Result<()> {
        let short = |text: &str| crate::text::shown(text.as_bytes()).chars().take(TEXT_MAX).collect();
        let pause = Self { by: short(&self.by), reason: short(&self.reason), ..self.clone() };
        let mut bytes = serde_json::to_vec(&pause).expect("text serializes");
        bytes.resize(BYTES.max(bytes.len()), b' ');
        write(state, &bytes)
    }

    /// Ends whatever pause is in force.
    pub fn end(state: &State) -> Result<()> {
        if path(state).exists() { write(state, &[b' '; BYTES]) } else { Ok(()) }
    }

    /// Keeps room for a pause. That it cannot be had stops nothing.
    pub fn keep_room(state: &State) {
        if !path(state).exists() {
            let _ = open(state);
        }
    }
}

fn path(state: &State) -> PathBuf {
    state.folder().join("pause.json")
}

/// Opens the file, making it with its whole size where it is missing.
fn open(state: &State) -> Result<File> {
    let path = path(state);
    if let Ok(file) = OpenOptions::new().write(true).open(&path) {
        return Ok(file);
    }
    let modes = state.modes();
    durable::make_folders(state.folder(), modes)?;
    let file = os::making(OpenOptions::new().write(true).create(true).truncate(false), modes.file).open(&path);
    let file = file.at("create", &path)?;
    os::set_file_permissions(&file, modes.file).at("set the mode of", &path)?;
    let _ = os::reserve(&file, BYTES as u64);
    durable::sync_folder(state.folder())?;
    Ok(file)
}

/// Writes in place: a full disk has no room for another file. Half of it would be no pause.
fn write(state: &State, bytes: &[u8]) -> Result<()> {
    with_room(state.folder(), || {
        let mut file = open(state)?;
        let path = path(state);
        file.write_all(bytes).at("write", &path)?;
        file.sync_all().at("fsync", &path)
    })
}
