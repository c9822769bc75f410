//! Deployments and rollbacks, noted so that they can be taken back.

use super::apply::way_back;
use super::{Entry, Journal, RemoteMove, State, Verb, finish};
use crate::deployment::{self, Applied, Host, Operation};
use crate::error::{Error, Kind, Result};
use crate::git::Repository;
use std::time::Duration;

/// How long a deployment waits for another operation of this clone.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// A deployment that was carried out.
pub struct Deployed {
    /// What became of it.
    pub applied: Applied,
    /// What kept it from being noted, so that undo will not know of it.
    pub unnoted: Option<Error>,
    /// Operations that were interrupted before, and what became of each.
    pub finished: Vec<Entry>,
}

/// Carries out a deployment's plan, and notes before and after what becomes of it. What keeps it from being noted, or an
/// operation that was interrupted from being finished, does not stop it: whoever puts Live back must not wait for a journal.
pub fn deploy(repository: &Repository, host: &Host, plan: &deployment::Plan) -> Result<Deployed> {
    let journal = Journal::of(repository);
    let lock = journal.lock(LOCK_WAIT);
    let finished = lock.as_ref().ok().and_then(|_| finish(repository, &journal).ok()).unwrap_or_default();
    let mut entry = entry_of(host, plan)?;
    let noted = lock.as_ref().map_err(|error| Error::new(error.kind(), error.code(), error.to_string()));
    let noted = noted.and_then(|_| journal.write(&entry));
    let mut applied = deployment::apply(repository, || journal.held_by(repository.git()), host, plan);
    entry.state = match &applied {
        Ok(_) => State::Done,
        // Whether it arrived is not known: the next command asks the host.
        Err(error) if error.kind() == Kind::Outside => State::Planned,
        Err(_) => State::Abandoned,
    };
    let noted = noted.and_then(|()| journal.write(&entry));
    if let (Ok(applied), Ok(())) = (&mut applied, &noted) {
        applied.undo = way_back(&entry);
    }
    applied.map(|applied| Deployed { applied, unnoted: noted.err(), finished })
}

fn entry_of(host: &Host, plan: &deployment::Plan) -> Result<Entry> {
    let verb = match plan.operation {
        Operation::Deploy => Verb::Deploy,
        Operation::Rollback => Verb::Rollback,
    };
    let mut entry = Entry::new(verb, &plan.plan_id);
    entry.remote = Some(RemoteMove {
        remote: host.remote.name.clone(),
        push_url: host.remote.push_url.clone(),
        reference: (&host.environment(&plan.environment)?.branch).into(),
        old: plan.expect_remote.clone(),
        new: Some(plan.target.clone()),
    });
    Ok(entry)
}
