//! A one-time permission for exactly one movement of one reference by one person.
//!
//! The token is `<id>-<secret>`. The host keeps the digest of it, in a file named by the id. A push that is let go on takes the
//! permission, which only one of two can; it is used up when the reference has moved, and given back when something stopped
//! the push after all.

use crate::audit::with_room;
use crate::durable::{self, random_name};
use crate::error::{AtPath, Result};
use crate::git::{ObjectId, RefName};
use crate::lock::{self, Lock};
use crate::queue::State;
use crate::store::sha256;
use crate::text;
use bstr::ByteSlice;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest time a permission is good for.
pub const GRANT_MAX: Duration = Duration::from_secs(7 * 86_400);
/// How many digits name a grant.
const ID_DIGITS: usize = 8;
/// For how long it is remembered that one was used, or had expired.
const REMEMBERED: Duration = Duration::from_secs(90 * 86_400);

/// How the name of a file ends whose permission a push has taken.
const TAKEN: &str = "taken";
/// For how long a push waits for another one that takes a permission at this moment.
const WAIT: Duration = Duration::from_secs(30);

/// A permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its name: the first part of the token.
    pub id: String,
    /// SHA-256 of the token.
    pub digest: String,
    /// The reference, escaped where it is not UTF-8.
    #[serde(rename = "ref")]
    pub name: String,
    /// The reference in base64, where the text is not its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ref_bytes: Option<String>,
    /// What it must hold.
    pub old: String,
    /// What it is to hold; null: it is to be deleted.
    pub new: Option<String>,
    /// Who may use it, by the name the audit knows.
    #[serde(rename = "for")]
    pub person: String,
    /// Until when.
    pub until: Timestamp,
    /// Who gave it, and when.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// Who used it, and when.
    #[serde(default)]
    pub used: Option<(String, Timestamp)>,
    /// The process of git that serves the push which took it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<String>,
}

/// What a person gives.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// The movement.
    pub name: &'a RefName,
    /// What the reference must hold.
    pub old: ObjectId,
    /// What it is to hold; `None`: it is to be deleted.
    pub new: Option<ObjectId>,
    /// Who may use it.
    pub person: &'a str,
    /// Until when.
    pub until: Timestamp,
    /// Who gives it, and when.
    pub by: &'a str,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: &'a str,
}

/// Why a token permits nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Useless {
    /// No such token was given here.
    Unknown,
    /// It was good until then.
    Expired(String, Timestamp),
    /// It was used, by this person, at this time.
    Used(String, String, Timestamp),
    /// Another push has taken it, of which it is not known yet whether it moves the reference.
    Taken(String, String),
    /// It is for this person.
    OtherPerson(String, String),
    /// It is for this reference.
    OtherRef(String, String),
    /// It is for another movement of this reference.
    OtherMovement(String, String, Option<String>),
}

impl fmt::Display for Useless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = |id: &str| id.chars().take(10).collect::<String>();
        match self {
            Self::Unknown => write!(f, "this host gave no such permission"),
            Self::Expired(id, at) => write!(f, "the permission {id} ended at {at}"),
            Self::Used(id, by, at) => write!(f, "the permission {id} was used up by {by} at {at}"),
            Self::Taken(id, by) => write!(f, "the permission {id} is being used by a push of {by} at this moment"),
            Self::OtherPerson(id, person) => write!(f, "the permission {id} is for {person}, not for you"),
            Self::OtherRef(id, name) => write!(f, "the permission {id} is for {name}, not for what is pushed"),
            Self::OtherMovement(id, old, Some(new)) => {
                write!(f, "the permission {id} is to go from {} to {}, nothing else", start(old), start(new))
            }
            Self::OtherMovement(id, old, None) => {
                write!(f, "the permission {id} is to delete it at {}, nothing else", start(old))
            }
        }
    }
}

impl Grant {
    /// Gives a permission, and returns it with its token, which is kept nowhere.
    pub fn give(state: &State, given: &Given<'_>) -> Result<(Self, String)> {
        let id = random_name()[..ID_DIGITS].to_owned();
        let token = format!("{id}-{}{}", random_name(), random_name());
        let grant = Self {
            id,
            digest: sha256(token.as_bytes()),
            name: text::json_text(given.name.as_bytes()),
            ref_bytes: text::extra_bytes(given.name.as_bytes()),
            old: given.old.to_string(),
            new: given.new.map(|id| id.to_string()),
            person: text::shown(given.person.as_bytes()),
            until: given.until,
            by: given.by.into(),
            at: given.at,
            reason: text::shown(given.reason.as_bytes()),
            used: None,
            push: None,
        };
        let folder = folder(state);
        durable::make_folders(&folder, state.modes())?;
        durable::sweep_older(&folder, REMEMBERED)?;
        let bytes = serde_json::to_vec(&grant).expect("text serializes");
        with_room(state.folder(), || durable::write_new(&open_path(&folder, &grant.id), &bytes, state.modes()))?;
        Ok((grant, token))
    }

    /// Finds the permission of a token, if it is good for this person now.
    pub fn find(state: &State, token: &[u8], person: &str, now: Timestamp) -> Result<Result<Self, Useless>> {
        let Some(id) = token.get(..ID_DIGITS).filter(|id| id.iter().all(u8::is_ascii_hexdigit)) else {
            return Ok(Err(Useless::Unknown));
        };
        let (id, folder) = (id.to_str_lossy(), folder(state));
        // What it has become stands before what was given.
        let [used, in_use, open] = [used_path(&folder, &id), taken_path(&folder, &id), open_path(&folder, &id)];
        let found = [&used, &in_use, &open].into_iter().find(|path| path.exists());
        let Some(grant) = found.map(|path| read(path)).transpose()?.flatten() else { return Ok(Err(Useless::Unknown)) };
        if grant.digest != sha256(token) {
            return Ok(Err(Useless::Unknown));
        }
        let id = grant.id.clone();
        let (by, at) = grant.used.clone().unwrap_or_else(|| ("another push".into(), grant.at));
        if found == Some(&used) {
            return Ok(Err(Useless::Used(id, by, at)));
        }
        if found == Some(&in_use) {
            return Ok(Err(Useless::Taken(id, by)));
        }
        if grant.until <= now {
            return Ok(Err(Useless::Expired(id, grant.until)));
        }
        if grant.person != person {
            return Ok(Err(Useless::OtherPerson(id, grant.person)));
        }
        Ok(Ok(grant))
    }

    /// Returns the reference it is for.
    pub fn ref_name(&self) -> Option<RefName> {
        text::from_json(&self.name, self.ref_bytes.as_deref()).and_then(RefName::new)
    }

    /// Returns what the reference must hold and what it is to hold.
    pub fn ids(&self) -> Option<(ObjectId, Option<ObjectId>)> {
        let id = |text: &String| ObjectId::from_hex(text.as_bytes()).ok();
        let new = match &self.new {
            Some(new) => Some(id(new)?),
            None => None,
        };
        Some((id(&self.old)?, new))
    }

    /// Takes it for a push that is let go on: `push` is the process of git that serves it. `false` where another one was quicker.
    pub fn take(&self, state: &State, by: &str, push: Option<String>, now: Timestamp) -> Result<bool> {
        let folder = folder(state);
        let taken = taken_path(&folder, &self.id);
        let _lock = alone(state)?;
        if taken.exists() || used_path(&folder, &self.id).exists() {
            return Ok(false);
        }
        let told = Self { used: Some((by.into(), now)), push, ..self.clone() };
        let bytes = serde_json::to_vec(&told).expect("text serializes");
        with_room(state.folder(), || durable::write_over(&taken, &bytes, state.modes()))?;
        Ok(true)
    }

    /// Lists those that pushes have taken of which it is not known yet whether they moved the reference.
    pub fn taken(state: &State) -> Result<Vec<Self>> {
        let folder = folder(state);
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.at("read the folder", &folder)?,
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let taken = paths.filter(|path| path.extension().is_some_and(|ending| ending == TAKEN));
        taken.filter_map(|path| read(&path).transpose()).collect()
    }

    /// Ends what [`Grant::take`] began: it is used up, or another push may take it. `false` where somebody else has done so.
    pub fn settle(&self, state: &State, moved: bool) -> Result<bool> {
        let folder = folder(state);
        let (open, taken, used) =
            (open_path(&folder, &self.id), taken_path(&folder, &self.id), used_path(&folder, &self.id));
        let _lock = alone(state)?;
        if read(&taken)?.as_ref() != Some(self) {
            return Ok(false);
        }
        if moved {
            std::fs::rename(&taken, &used).at("rename to", &used)?;
            // What says that it is used up comes before what says that it was given.
            let _ = std::fs::remove_file(&open);
        } else {
            std::fs::remove_file(&taken).at("remove", &taken)?;
        }
        durable::sync_folder(&folder)?;
        Ok(true)
    }
}

/// Lets one process at a time take permissions and settle what became of them.
fn alone(state: &State) -> Result<Lock> {
    lock::take(&state.lock_path("grants"), state.modes().file, WAIT)
}

fn folder(state: &State) -> PathBuf {
    state.folder().join("grants")
}

fn open_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.json"))
}

fn taken_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.{TAKEN}"))
}

fn used_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.used"))
}

/// What cannot be understood was given by nobody.
fn read(path: &Path) -> Result<Option<Grant>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => Ok(serde_json::from_slice(&bytes.at("read", path)?).ok()),
    }
}
