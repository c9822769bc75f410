//! What stays of what was purged: that it was, and why.

use crate::durable;
use crate::error::{AtPath, Result};
use crate::queue::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;

/// What was purged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The rescue's id.
    pub id: String,
    /// The reference it was dropped from, escaped where it is not UTF-8.
    #[serde(rename = "ref")]
    pub name: String,
    /// That in base64, where the text is not its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ref_bytes: Option<String>,
    /// What the reference held.
    pub old: String,
    /// What it was moved to.
    pub new: Option<String>,
    /// How many commits left it.
    pub dropped: usize,
    /// Who dropped it, and when.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it was purged.
    pub purged: Timestamp,
    /// Who purged it.
    pub purged_by: String,
    /// Why.
    pub reason: String,
}

impl Tombstone {
    /// Writes it down.
    pub(super) fn write(&self, state: &State) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(self).expect("text serializes");
        durable::write_over(&state.folder().join("purged").join(format!("{}.json", self.id)), &bytes, state.modes())
    }
}

/// Lists what was purged, newest first. What cannot be read is passed over.
pub fn tombstones(state: &State) -> Result<Vec<Tombstone>> {
    let folder = state.folder().join("purged");
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.at("read the folder", &folder)?,
    };
    let read = |entry: std::fs::DirEntry| serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok();
    let mut found: Vec<Tombstone> = entries.flatten().filter_map(read).collect();
    found.sort_by(|a, b| b.id.cmp(&a.id));
    Ok(found)
}
