//! What every plan is: a document with an id that is its content, made, confirmed and read back in one way.

use crate::error::{Error, Kind, Result};
use crate::store::sha256;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The shortest start of a plan's id that confirms it, in characters.
const PLAN_START_MIN: usize = 8;
/// How much of a plan's id a person is shown to confirm it with, in characters.
const PLAN_START_SHOWN: usize = 16;

/// A plan: what would be done, and everything it was judged by.
pub trait Planned: Serialize + DeserializeOwned + Clone {
    /// Returns the id it bears.
    fn plan_id(&self) -> &str;

    /// Returns the same plan with another id.
    #[must_use]
    fn with_id(self, id: String) -> Self;

    /// Says what it is to do, as a person would: `deploy live`.
    fn deed(&self) -> String;
}

/// A commit of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCommit {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// Its first line.
    pub subject: String,
    /// Whether it is a merge.
    pub merge: bool,
    /// Whether the person who plans wrote it.
    pub mine: bool,
}

/// A warning of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A stable word.
    pub code: String,
    /// The sentence.
    pub text: String,
}

/// Gives a plan its id: SHA-256 of its JSON with no id, whoever prints it.
pub fn sealed<P: Planned>(plan: P) -> P {
    let id = id_of(&plan);
    plan.with_id(id)
}

fn id_of<P: Planned>(plan: &P) -> String {
    let unnamed = plan.clone().with_id(String::new());
    sha256(&serde_json::to_vec(&unnamed).expect("text serializes"))
}

/// Reads a plan that `--plan --json` printed.
///
/// Returns a usage error for what is no such plan, or was changed since.
pub fn read_plan<P: Planned>(text: &[u8]) -> Result<P> {
    let made: P = serde_json::from_slice(text).map_err(|error| {
        Error::usage(format!("that is no plan: {error}")).hint("make one with --plan --json, by the same command")
    })?;
    if id_of(&made) == made.plan_id() {
        return Ok(made);
    }
    Err(Error::usage("the plan was changed after it was made").hint("make it again with --plan --json"))
}

/// Holds the id a person confirms against the plan as it is now.
///
/// Returns [`Kind::Moved`] where it is another one.
pub fn confirmed<P: Planned>(plan: &P, id: &str) -> Result<()> {
    if id.len() >= PLAN_START_MIN && plan.plan_id().starts_with(id) {
        return Ok(());
    }
    Err(Error::new(Kind::Moved, "plan-differs", "the plan is another one by now; nothing was changed")
        .hint("look at it again: run the same command with --plan"))
}

/// Returns the part of a plan's id that a person types.
pub fn shown_id<P: Planned>(plan: &P) -> &str {
    &plan.plan_id()[..PLAN_START_SHOWN]
}
