//! Taking a setup back: the hooks, the config, what clients are told, and our own state. The store and the tags stay.

use super::config_file::replace;
use crate::durable::{self, Modes};
use crate::error::{AtPath, Result};
use crate::git::{PINS, Repository};
use crate::hook::{InstallPlan, facts, plan_uninstall};
use crate::os::OsStrExt;
use crate::queue::State;
use crate::site::{HIDDEN_REFS, META_REF, Site};
use bstr::{BString, ByteSlice};
use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

/// The repository's config as the first setup found it.
const FOUND_CONFIG: &str = "found.config";

/// What taking a setup back does.
#[derive(Debug)]
pub struct UndoPlan {
    /// What becomes of the hooks.
    pub hooks: InstallPlan,
    /// How many references of ours stay, and with them the setting that hides them: rescues, most of all.
    pub kept_refs: usize,
    /// How many backups wait and will not be made.
    pub waiting: u64,
    /// Where the archives stay.
    pub store: PathBuf,
    /// Our own folder.
    pub state: PathBuf,
}

/// Keeps the config as it is before the first setup changes it.
pub fn keep_found_config(repository: &Repository, state: &State) -> Result<()> {
    let kept = state.folder().join(FOUND_CONFIG);
    if repository.config().get("cairn", "id").is_some() || kept.exists() {
        return Ok(());
    }
    let path = repository.common_dir().join("config");
    durable::write_new(&kept, &std::fs::read(&path).at("read", &path)?, state.modes())
}

/// Looks what there is to take back.
///
/// Returns [`crate::error::Kind::NotFound`] where nothing was set up.
pub fn look_back(repository: &Repository) -> Result<UndoPlan> {
    let site = Site::from_config(&repository.config())?;
    let state = State::of(repository, site.modes);
    let ours = repository.refs_below(HIDDEN_REFS)?;
    let (waiting, running, failed) = state.database()?.job_counts()?;
    Ok(UndoPlan {
        hooks: plan_uninstall(&facts(repository)?),
        kept_refs: ours.iter().filter(|(name, _)| !name.is_below(PINS)).count(),
        waiting: waiting + running + failed,
        store: site.store,
        state: state.folder().to_owned(),
    })
}

/// Takes it back. The snapshot lock must be held since before the look; it is gone with our folder.
pub fn undo(repository: &Repository, plan: &UndoPlan, modes: Modes) -> Result<()> {
    // From here on no push is judged, so nothing new comes to what is taken away.
    plan.hooks.apply(repository, modes)?;
    let found =
        config_of(repository, &["--file".as_ref(), plan.state.join(FOUND_CONFIG).as_os_str()]).unwrap_or_default();
    config_back(repository, plan, &found)?;
    let mut gone: Vec<_> = repository.refs_below(PINS)?.into_iter().map(|(name, _)| name).collect();
    gone.extend(crate::git::RefName::new(META_REF).filter(|name| repository.ref_id(name).is_ok_and(|id| id.is_some())));
    let mut instructions = Vec::new();
    for name in gone {
        instructions.extend([b"delete ", name.as_bytes(), b"\n"].concat());
    }
    repository.update_refs("cairn: setup --undo", &instructions)?;
    match std::fs::remove_dir_all(&plan.state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.at("remove", &plan.state),
    }
}

type Entry = (BString, BString);

/// Reads a config file's entries, in order; a key without a value has none here either.
fn config_of(repository: &Repository, which: &[&OsStr]) -> Result<Vec<Entry>> {
    let out = repository.git().arg("config").args(which).args(["--list", "-z"]).read()?;
    let entries = out.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    Ok(entries
        .map(|entry| entry.split_once_str("\n").unwrap_or((entry, b"true")))
        .map(|(key, value)| (key.into(), value.into()))
        .collect())
}

/// Tells whether a key is one that setup sets, or that only we read.
fn is_ours(key: &BString) -> bool {
    key.starts_with(b"cairn.")
        || key.starts_with(b"cairnprotect.")
        || *key == "receive.advertisepushoptions"
        || *key == "transfer.hiderefs"
}

/// Where nobody changed anything else since, the file is what it was, to the byte; else every key of ours is.
fn config_back(repository: &Repository, plan: &UndoPlan, found: &[Entry]) -> Result<()> {
    let present = config_of(repository, &["--local".as_ref()])?;
    let others = |entries: &[Entry]| entries.iter().filter(|(key, _)| !is_ours(key)).cloned().collect::<Vec<_>>();
    if plan.kept_refs == 0 && !found.is_empty() && others(&present) == others(found) {
        let kept = plan.state.join(FOUND_CONFIG);
        return replace(&repository.common_dir().join("config"), None, &std::fs::read(&kept).at("read", &kept)?);
    }
    let mut keys: Vec<_> = present.iter().chain(found).map(|(key, _)| key).filter(|key| is_ours(key)).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let values = |entries: &[Entry]| {
            entries.iter().filter(|(of, _)| of == key).map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let mut wanted = values(found);
        let hidden = BString::from(HIDDEN_REFS.trim_end_matches('/'));
        if *key == "transfer.hiderefs" && plan.kept_refs > 0 && !wanted.contains(&hidden) {
            wanted.push(hidden);
        }
        let now = values(&present);
        if now == wanted {
            continue;
        }
        let config =
            |words: &[&str]| repository.git().args(["config", "--local"]).args(words).arg(OsStr::from_bytes(key));
        if !now.is_empty() {
            config(&["--unset-all"]).read()?;
        }
        for value in wanted {
            config(&["--add"]).arg(OsStr::from_bytes(&value)).read()?;
        }
    }
    Ok(())
}
