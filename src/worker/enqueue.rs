//! Freezing what a backup is of, at the instant of the push.

use super::pins;
use crate::backup::Others;
use crate::clock;
use crate::deployment::Settled;
use crate::durable::random_name;
use crate::error::Result;
use crate::git::{RefList, Repository};
use crate::queue::{NewJob, State};
use crate::site::{Environment, Site};
use jiff::Timestamp;
use std::sync::Arc;

/// How often a new list is taken because what the last one led to is gone.
const LISTS_MAX: usize = 5;

/// All references, and when they were read.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// The references.
    pub list: Arc<RefList>,
    /// When they were read.
    pub at: Timestamp,
}

impl Frozen {
    /// Reads them now.
    pub fn now(repository: &Repository) -> Result<Self> {
        Ok(Self { list: Arc::new(repository.all_refs()?), at: clock::now() })
    }

    /// Does `work` with these references; where it fails and they have moved meanwhile, so that git may have collected what
    /// they led to, does it again with those of then.
    pub fn used_for<T>(mut self, repository: &Repository, mut work: impl FnMut(&Self) -> Result<T>) -> Result<T> {
        for _ in 1..LISTS_MAX {
            let error = match work(&self) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let now = Self::now(repository)?;
            if now.list == self.list {
                return Err(error);
            }
            self = now;
        }
        work(&self)
    }
}

/// Symbolic references and HEAD of a list as the queue keeps them beside the direct references.
pub(super) fn others_of(list: &RefList) -> String {
    serde_json::to_string(&Others::of(list)).expect("text serializes")
}

/// Why there is to be a backup.
#[derive(Debug, Clone, Copy)]
pub enum Cause<'a> {
    /// A push that deployed.
    Deployment {
        /// The environment it deployed.
        environment: &'a Environment,
        /// The deployment.
        settled: &'a Settled,
    },
    /// Any other push, or a change that fired no hook.
    Automatic,
    /// Edits in a served work tree that were captured, and no deployment that a backup is of.
    Edits {
        /// The environment whose tree it is.
        environment: &'a Environment,
    },
}

/// Adds a job whose backup will be of exactly the frozen references, however late it is made, and returns its row.
///
/// A deployment has one job: where a hook that overtook its own, or a worker, has added it already, that one is returned. With
/// `capture` the backup takes the edits along that wait under this token.
pub fn enqueue(
    repository: &Repository,
    site: &Site,
    state: &State,
    frozen: &Frozen,
    cause: Cause<'_>,
    capture: Option<&str>,
) -> Result<i64> {
    let database = state.database()?;
    let refs = frozen.list.to_instructions();
    let (environment, initiator, tag, commit, note, keep_days) = match cause {
        Cause::Deployment { environment, settled } => (
            environment,
            "deployment",
            settled.tag.as_ref().map(|tag| tag.short().to_string()),
            settled.commit,
            settled.movement.note.clone(),
            site.keep_days,
        ),
        Cause::Automatic => {
            let first = site.first();
            (first, "automatic", None, frozen.list.id_of(&first.branch), None, site.keep_automatic_days)
        }
        // What nobody has elsewhere is kept as long as a deployment.
        Cause::Edits { environment } => {
            (environment, "automatic", None, frozen.list.id_of(&environment.branch), None, site.keep_days)
        }
    };
    let job = NewJob {
        token: capture.map_or_else(random_name, str::to_owned),
        environment: environment.name.to_string(),
        initiator: initiator.into(),
        at: frozen.at,
        refs,
        others: others_of(&frozen.list),
        tag,
        commit,
        note,
        keep_days,
    };
    let _lock = pins::lock(state)?;
    if let Some(tag) = &job.tag
        && let Some(known) = database.job_of_tag(tag)?
    {
        return Ok(known);
    }
    if let Some(known) = database.job_of_token(&job.token)? {
        return Ok(known);
    }
    pins::set(repository, site, &database, &job.token, &frozen.list)?;
    database.add_job(&job)
}
