//! Doing what waits.

use super::capture::orphans;
use super::expiry::end_backups;
use super::notify;
use super::pack::{pack_named, pack_refs};
use super::pins;
use super::reconcile::reconcile;
use super::rescues::end_rescues;
use super::{Cause, Frozen, enqueue};
use crate::backup::{
    Catalog, Edits, Initiator, Manifest, Others, PATIENCE, Request, create, host_store, newest, sweep_leftovers,
};
use crate::clock;
use crate::deployment::settle_to_tip;
use crate::durable::{self, random_name};
use crate::element::uncommitted::{Pending, captures_folder};
use crate::error::{Error, Kind, Result};
use crate::git::{RefName, Repository};
use crate::lock::{self, Lock};
use crate::queue::{Database, Job, State};
use crate::site::{Environment, META_BYTES_MAX, META_REF, Site};
use std::time::{Duration, Instant};

/// The lock of whoever waits in front of the workers.
const FRONT: &str = "front";

/// What a run of the worker did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The tags of deployments that it marked because their hooks had died.
    pub marked: Vec<String>,
    /// The backups it made.
    pub made: Vec<String>,
    /// The jobs that failed, and why.
    pub failed: Vec<String>,
    /// The backups it removed because their retention had ended.
    pub expired: Vec<String>,
    /// What else a person should know.
    pub notes: Vec<String>,
}

/// Why a worker runs.
#[derive(Debug)]
pub enum Called {
    /// A push queued a job a moment ago.
    ByPush {
        /// Its place in line.
        place: Lock,
        /// The queue, where it could be opened while the push went on.
        database: Option<Database>,
        /// The version of git, for which it was asked while the push went on.
        git: String,
        /// Tells the push that a job has ended.
        tell: fn(),
    },
    /// Somebody wants to know that nothing is left out, changes that fired no hook included.
    ToLook,
}

/// Takes the lock that every writer of the store holds, before any worker goes on with its next job.
///
/// Returns [`Kind::Busy`] when it was not free within `wait`.
pub fn snapshot_lock(state: &State, wait: Duration) -> Result<Lock> {
    durable::make_folders(state.folder(), state.modes())?;
    let deadline = Instant::now() + wait;
    // Held only while we wait: a worker that finds it held between two jobs gives way.
    let _front = lock::take(&state.lock_path(FRONT), state.modes().file, wait).ok();
    take_snapshot_lock(state, deadline.saturating_duration_since(Instant::now()))
}

fn take_snapshot_lock(state: &State, wait: Duration) -> Result<Lock> {
    lock::take(&state.lock_path("snapshot"), state.modes().file, wait)
}

/// Lets whoever waits in front of the workers go first. Returns `None` where another worker waits already, which then does
/// the rest: pushes that never pause must not heap up workers.
fn give_way(state: &State, held: Lock, wait: Duration, to_look: bool) -> Result<Option<Lock>> {
    if !lock::is_held(&state.lock_path(FRONT)) {
        return Ok(Some(held));
    }
    drop(held);
    if to_look {
        // Somebody waits for this very worker, so it goes on itself.
        return snapshot_lock(state, wait).map(Some);
    }
    match place_in_line(state) {
        Ok(_place) => snapshot_lock(state, wait).map(Some),
        Err(error) if error.kind() == Kind::Busy => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes the one place in line behind the snapshot lock, for a worker that a push started: whoever has it does, when its
/// turn comes, all that was queued by then, so no second one needs to wait.
///
/// Returns [`Kind::Busy`] where somebody has it.
pub fn place_in_line(state: &State) -> Result<Lock> {
    lock::take(&state.lock_path("next"), state.modes().file, Duration::ZERO)
}

/// Marks what died hooks left unmarked, then makes every backup that waits, oldest first, until none is left. One that was
/// called to look first queues a backup of what changed without a hook.
///
/// Returns [`Kind::Unsafe`] where this user is not the owner of the repository, and [`Kind::Busy`] where another worker
/// was at it all that time. A job that fails stays, and the others are done. A place in line is given up as soon as it is our turn.
pub fn run_once(repository: &Repository, site: &Site, wait: Duration, called: Called) -> Result<Outcome> {
    let to_look = matches!(called, Called::ToLook);
    let state = State::of(repository, site.modes);
    let state = if to_look { state } else { state.hurried() };
    if !state.is_ours()? {
        return Err(Error::refused("not-owner", "the store is written by the owner of the repository alone")
            .hint("run this as its owner"));
    }
    durable::make_folders(state.folder(), state.modes())?;
    let mut held = if to_look { snapshot_lock(&state, wait)? } else { take_snapshot_lock(&state, wait)? };
    let (database, git, tell): (_, _, fn()) = match called {
        Called::ByPush { place, database, git, tell } => {
            drop(place);
            (database, Some(git), tell)
        }
        Called::ToLook => (None, None, || ()),
    };
    let database = database.map_or_else(|| state.database(), Ok)?;
    let mut outcome = Outcome::default();
    for environment in site.environments.iter().filter(|environment| site.deploys(environment)) {
        // What keeps one environment from being marked keeps nothing from being backed up.
        if let Err(error) = mark(repository, site, &state, environment, &mut outcome) {
            outcome.failed.push(format!("{}: {error}", environment.name));
        }
    }
    // Before references are compared: this one may move.
    if to_look && let Err(error) = tell_clones(repository, site) {
        outcome.notes.push(format!("clones are told of what the config said before: {error}"));
    }
    if to_look && let Err(error) = reconcile(repository, site, &state, &database) {
        outcome.failed.push(format!("{}: {error}", site.first().name));
    }
    if let Err(error) = adopt(repository, site, &state, &database) {
        outcome.notes.push(format!("edits that a push captured and no backup holds wait: {error}"));
    }
    sweep_leftovers(site)?;
    pins::sweep(repository, &state, &database)?;
    let mut last = 0;
    while let Some(job) = database.next_job(last)? {
        last = job.id;
        match run_job(repository, site, &state, &database, &job, git.as_deref()) {
            Ok(manifest) => {
                tell();
                outcome.made.push(manifest);
                // Pins that stay for once are swept by the next run; the backup is there.
                let _ = pins::release(repository, &job.what.token);
            }
            Err(error) => {
                database.fail_job(job.id, &error.to_string())?;
                tell();
                outcome.notes.extend(notify::tell(repository, site, &job, &error.to_string()));
                outcome.failed.push(format!("{}: {error}", job.what.environment));
            }
        }
        match give_way(&state, held, wait, to_look)? {
            Some(lock) => held = lock,
            None => return Ok(outcome),
        }
    }
    match end_rescues(repository, site, clock::now()) {
        Ok(ended) => outcome.notes.extend(ended.iter().map(|id| format!("the rescue {id} has ended"))),
        Err(error) => outcome.notes.push(format!("rescues whose time has come stay: {error}")),
    }
    // What was just made is there by now, so that the newest is never the one that goes.
    match end_backups(site, &state, clock::now(), to_look) {
        Ok(removal) => {
            outcome.expired.extend(removal.backups.iter().map(|manifest| manifest.id.to_string()));
            outcome.notes.extend(removal.notes);
        }
        Err(error) => outcome.notes.push(format!("what has expired could not be removed: {error}")),
    }
    // A log that stays is as durable, and the next run's to fold.
    let _ = database.fold_log();
    match pack_refs(repository) {
        Ok(true) => {
            let named = pack_named(repository);
            outcome.notes.extend(named.err().map(|error| format!("what references name stays loose: {error}")));
        }
        Ok(false) => {}
        Err(error) => outcome.notes.push(format!("the references stay as they lie: {error}")),
    }
    Ok(outcome)
}

/// Marks the deployments of an environment whose hooks died, and queues a backup of each.
fn mark(
    repository: &Repository,
    site: &Site,
    state: &State,
    environment: &Environment,
    outcome: &mut Outcome,
) -> Result<()> {
    for settled in settle_to_tip(repository, site, state, environment)? {
        let Some(tag) = &settled.tag else { continue };
        outcome.marked.push(tag.short().to_string());
        let cause = Cause::Deployment { environment, settled: &settled };
        Frozen::now(repository)?
            .used_for(repository, |frozen| enqueue(repository, site, state, frozen, cause, None))?;
    }
    Ok(())
}

/// Queues a backup of each capture whose hook died before it could.
fn adopt(repository: &Repository, site: &Site, state: &State, database: &Database) -> Result<()> {
    for pending in orphans(state, &database.open_tokens()?)? {
        let token = random_name();
        let environment = site.environment(&pending.environment).unwrap_or(site.first());
        // Under a token that no job ever had.
        pending.rename(&token)?;
        let cause = Cause::Edits { environment };
        let queue = |frozen: &Frozen| enqueue(repository, site, state, frozen, cause, Some(&token));
        Frozen::now(repository)?.used_for(repository, queue)?;
    }
    Ok(())
}

/// The edits that a push captured for this job.
fn edits(state: &State, token: &str) -> Edits {
    match Pending::open(&captures_folder(state.folder()), token) {
        Ok(None) => Edits::NotSought,
        Ok(Some(pending)) => Edits::Captured(pending.into()),
        Err(error) => Edits::Lost(error.to_string()),
    }
}

fn run_job(
    repository: &Repository,
    site: &Site,
    state: &State,
    database: &Database,
    job: &Job,
    git: Option<&str>,
) -> Result<String> {
    database.begin_job(job.id)?;
    let id = match made_before(site, job)? {
        Some(id) => id,
        None => create(repository, site, &request(job, state, git)?, &mut |_| ())?.id.to_string(),
    };
    database.finish_job(job, &id)?;
    Ok(id)
}

/// A worker that died between the manifest and its own note of it has made the backup all the same. A power cut may have
/// taken the note that it began, too; then its backup is the newest.
fn made_before(site: &Site, job: &Job) -> Result<Option<String>> {
    let store = host_store(site);
    let made = |manifest: &&Manifest| manifest.job.as_deref() == Some(job.what.token.as_str());
    let found = |manifest: &Manifest| manifest.id.to_string();
    if job.attempts == 0 {
        return Ok(newest(&store, &site.name)?.as_ref().filter(made).map(found));
    }
    Ok(Catalog::read(&store, &site.name)?.good().find(made).map(found))
}

/// Writes anew what clones are told of the site, where somebody changed the config after setup wrote it.
fn tell_clones(repository: &Repository, site: &Site) -> Result<()> {
    let name = RefName::new(META_REF).expect("a valid name");
    let Some(told) = repository.ref_id(&name)? else { return Ok(()) };
    let meta = site.meta().to_bytes();
    if repository.blob(&told, META_BYTES_MAX).as_ref() == Some(&meta) {
        return Ok(());
    }
    let id = repository.write_object("blob", &meta)?;
    repository.update_refs("cairn: the config changed", format!("update {META_REF} {id} {told}\n").as_bytes())
}

fn request(job: &Job, state: &State, git: Option<&str>) -> Result<Request> {
    let unreadable = || {
        Error::failed("job", "the job cannot be read")
            .hint("was it queued by a newer git-cairn? install that here; or: git cairn backup create --all")
    };
    let others: Others = serde_json::from_str(&job.what.others).map_err(|_| unreadable())?;
    Ok(Request {
        environment: job.what.environment.clone(),
        initiator: Initiator::from_word(&job.what.initiator).ok_or_else(unreadable)?,
        job: Some(job.what.token.clone()),
        list: others.join(&job.what.refs)?.into(),
        refs_at: job.what.at,
        tag: job.what.tag.clone(),
        commit: job.what.commit,
        note: job.what.note.clone(),
        keep_days: job.what.keep_days,
        edits: edits(state, &job.what.token),
        wait: PATIENCE,
        git: git.map(str::to_owned),
    })
}
