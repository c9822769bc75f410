//! A hold on an environment: while it lasts nothing is deployed there.

use crate::audit::with_room;
use crate::durable;
use crate::error::{AtPath, Result};
use crate::queue::State;
use crate::text;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A hold on an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The environment's name.
    pub environment: String,
    /// Since when.
    pub at: Timestamp,
    /// Until when; `None`: until it is released.
    pub until: Option<Timestamp>,
    /// Who placed it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by {} since {}", self.by, self.at)?;
        match self.until {
            Some(until) => write!(f, " until {until}: {}", self.reason),
            None => write!(f, ": {}", self.reason),
        }
    }
}

impl Hold {
    /// Returns the hold on an environment that is in force. A file that cannot be understood holds: somebody meant it to.
    pub fn on(state: &State, environment: &str, now: Timestamp) -> Result<Option<Self>> {
        let path = path(state, environment);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.at("read", &path)?,
        };
        let hold = serde_json::from_slice(&bytes).unwrap_or_else(|_| Self {
            environment: environment.into(),
            at: now,
            until: None,
            by: "somebody".into(),
            reason: format!("{} says nothing that can be understood", path.display()),
        });
        Ok(Some(hold).filter(|hold| hold.until.is_none_or(|until| until > now)))
    }

    /// Places it, in place of one that is there.
    pub fn place(&self, state: &State) -> Result<()> {
        let hold =
            Self { by: text::shown(self.by.as_bytes()), reason: text::shown(self.reason.as_bytes()), ..self.clone() };
        let bytes = serde_json::to_vec(&hold).expect("text serializes");
        let path = path(state, &self.environment);
        with_room(state.folder(), || durable::write_over(&path, &bytes, state.modes()))
    }

    /// Takes the hold on an environment away, in force or not.
    pub fn release(state: &State, environment: &str) -> Result<()> {
        let path = path(state, environment);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => {
                removed.at("remove", &path)?;
                durable::sync_folder(&state.folder().join("holds"))
            }
        }
    }
}

/// The name of an environment is fit for a file's: letters, digits and `-`.
fn path(state: &State, environment: &str) -> PathBuf {
    state.folder().join("holds").join(format!("{environment}.json"))
}
