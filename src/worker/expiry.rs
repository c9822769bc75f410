//! Removing what has expired. To look at every manifest takes longer with every backup there is, so a push does it only when
//! something may have come to its time.

use crate::backup::{BackupId, Entry, How, Names, Removal, expire, host_store, read_manifest};
use crate::error::{AtPath, Result};
use crate::os;
use crate::queue::State;
use crate::site::Site;
use crate::store::Store;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// For so many backups a push may leave what has expired a second longer. Nobody is shown it any more.
const BACKUPS_PER_SECOND: i64 = 10;

/// So many backups that were made since the last look a push reads at most twice.
const READ_AGAIN_MAX: usize = 16;

/// What the last look found, in `$GIT_DIR/cairn/expiry.json`: it says nothing that another look would not.
#[derive(Serialize, Deserialize)]
struct Looked {
    /// In which store.
    store: PathBuf,
    /// The newest backup there was.
    newest: BackupId,
    /// Until when no push needs to look for what is due of these.
    until: Timestamp,
}

/// Removes every backup whose retention has ended, and what a removal that was killed left. Whoever is called to look does it
/// always; after a push it is done as soon as one may be due.
pub fn end_backups(site: &Site, state: &State, now: Timestamp, to_look: bool) -> Result<Removal> {
    let store = host_store(site);
    let path = state.folder().join("expiry.json");
    let looked = || serde_json::from_slice(&std::fs::read(&path).ok()?).ok();
    if !to_look
        && let Some(looked) = looked()
        && let Some((looked, read)) = nothing_is_due(&store, site, now, looked)
    {
        if read > READ_AGAIN_MAX {
            looked.note(&path, state)?;
        }
        return Ok(Removal::default());
    }
    // A run that is killed leaves no note, so the next one looks again.
    let _ = std::fs::remove_file(&path);
    let removal = expire(&store, &site.name, now, How::ForGood)?;
    if let Some(looked) = note_of(&removal.left, site, now) {
        looked.note(&path, state)?;
    }
    Ok(removal)
}

impl Looked {
    fn note(&self, path: &Path, state: &State) -> Result<()> {
        // One that a kill or a power cut tears says nothing, so the next run looks again.
        let text = serde_json::to_vec(self).expect("text serializes");
        std::fs::write(path, text).and_then(|()| os::set_permissions(path, state.modes().file)).at("write", path)
    }
}

/// Reads only what was made since the last look; returns what that and the look say together, and how many it read. `None`
/// where something may be due.
fn nothing_is_due(store: &dyn Store, site: &Site, now: Timestamp, looked: Looked) -> Option<(Looked, usize)> {
    if looked.store != site.store || now >= looked.until {
        return None;
    }
    let names = Names::read(store, &site.name).ok()?;
    let (mut until, mut newest, mut read) = (looked.until, looked.newest.clone(), 0);
    for id in names.after(&looked.newest) {
        let manifest = read_manifest(store, &site.name, id).ok()?;
        if now >= manifest.keep_until {
            return None;
        }
        (until, newest, read) = (until.min(manifest.keep_until), id.clone(), read + 1);
    }
    Some((Looked { newest, until, ..looked }, read))
}

fn note_of(left: &[Entry], site: &Site, now: Timestamp) -> Option<Looked> {
    let newest = left.iter().map(|entry| &entry.id).max()?.clone();
    let backups = i64::try_from(left.len()).unwrap_or(i64::MAX);
    let pause = SignedDuration::from_secs(backups / BACKUPS_PER_SECOND);
    let manifests = left.iter().filter_map(|entry| entry.manifest.as_ref().ok());
    let first_due = manifests.map(|manifest| manifest.keep_until).min();
    let until = now.checked_add(pause).unwrap_or(now).max(first_due.unwrap_or(now));
    Some(Looked { store: site.store.clone(), newest, until })
}
