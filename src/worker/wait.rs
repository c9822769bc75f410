//! A worker of its own for what a push queued: quick work is waited for, slow work goes on without the pusher.

use super::{Cause, Frozen, enqueue};
use crate::error::{Error, Kind, Result};
use crate::git::Repository;
use crate::process::Command;
use crate::queue::{Database, JobState, Progress, State};
use crate::site::Site;
use std::io::Read;
use std::path::PathBuf;
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often a waiting hook looks how far its jobs are while it hears of its own worker, which says so when it has done one:
/// another worker may do them.
const LOOK: Duration = Duration::from_millis(10);

/// The same once nothing is heard any more.
const LOOK_WITHOUT: Duration = Duration::from_millis(1);

/// What became of the work while the hook waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// The backups are there.
    Done(Vec<String>),
    /// The worker goes on.
    GoesOn,
    /// Only the owner of the repository writes its store.
    ForOwner,
    /// A backup could not be made.
    Failed(String),
}

/// Starts a worker for what a hook is about to queue; `None` where only the owner of the repository may.
///
/// It looks for jobs once it is told that they are there, or when the hook ends; until then it gets ready.
pub fn start_early(repository: &Repository, state: &State) -> Result<Option<Child>> {
    if !state.is_ours()? {
        return Ok(None);
    }
    command(repository)?.detach_until_told().map(Some)
}

/// Waits for these jobs, within the hook's budget from now on, of which the worker was told.
///
/// Where another worker waits for its turn already, ours ends at once and that one does our jobs too.
pub fn wait_for(worker: Option<Child>, site: &Site, state: &State, jobs: &[i64]) -> Result<Waited> {
    let Some(mut child) = worker else { return Ok(Waited::ForOwner) };
    let deadline = Instant::now() + site.hook_budget;
    let database = state.database()?;
    let heard = listen(&mut child);
    loop {
        let ended = child.try_wait().ok().flatten();
        match progress(&database, jobs)? {
            Some(waited) => return Ok(waited),
            None if Instant::now() >= deadline => return Ok(Waited::GoesOn),
            None => {}
        }
        if let Some(status) = ended.filter(|status| status.code() != Some(i32::from(Kind::Busy.exit_code()))) {
            // It may have finished between our two looks.
            let last_look = progress(&database, jobs)?;
            return Ok(last_look.unwrap_or_else(|| Waited::Failed(format!("the worker ended with {status}"))));
        }
        if heard.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
            std::thread::sleep(LOOK_WITHOUT);
        }
    }
}

/// Hears, on a thread that ends with the process, each time the worker says something; nothing any more once it has ended.
fn listen(worker: &mut Child) -> Receiver<()> {
    let (tell, heard) = channel();
    if let Some(mut said) = worker.stdout.take() {
        std::thread::spawn(move || {
            let mut words = [0; 64];
            while said.read(&mut words).is_ok_and(|count| count > 0) && tell.send(()).is_ok() {}
        });
    }
    heard
}

/// Tells a worker that was started early that all is queued.
pub fn tell(worker: &mut Child) {
    drop(worker.stdin.take());
}

/// Has the references as they are now in a backup, as the hooks of a push do, and waits as long as they for it.
pub fn back_up(repository: &Repository, site: &Site, state: &State) -> Result<Waited> {
    let mut worker = start_early(repository, state)?;
    let queued = Frozen::now(repository)?
        .used_for(repository, |frozen| enqueue(repository, site, state, frozen, Cause::Automatic, None));
    let job = queued?;
    if let Some(worker) = &mut worker {
        tell(worker);
    }
    wait_for(worker, site, state, &[job])
}

/// Starts a worker that goes on without us.
pub fn start(repository: &Repository) -> Result<Child> {
    command(repository)?.detach()
}

fn command(repository: &Repository) -> Result<Command> {
    let worker = Command::new(git_cairn()?).arg("--git-dir").arg(repository.git_dir());
    Ok(worker.args(["worker", "--once", "--detached"]))
}

/// Returns what became of the jobs, once all of them are done or one has failed.
fn progress(database: &Database, jobs: &[i64]) -> Result<Option<Waited>> {
    let mut backups = Vec::new();
    for id in jobs {
        match database.progress(*id)? {
            Some(Progress { state: JobState::Done, backup, .. }) => backups.extend(backup),
            Some(Progress { state: JobState::Failed, error, .. }) => {
                return Ok(Some(Waited::Failed(error.unwrap_or_else(|| "for an unknown reason".into()))));
            }
            Some(_) | None => return Ok(None),
        }
    }
    Ok(Some(Waited::Done(backups)))
}

/// Returns the command `git-cairn` that belongs to this program: itself, or the one beside it.
pub fn git_cairn() -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(|error| {
        Error::failed("own-path", format!("cannot tell where this program is: {error}")).hint("is /proc mounted?")
    })?;
    if own.file_stem().is_some_and(|name| name == "git-cairn") {
        return Ok(own);
    }
    let beside = own.with_file_name("git-cairn");
    if beside.is_file() {
        return Ok(beside);
    }
    Err(Error::not_found("no-git-cairn", format!("there is no {}", beside.display()))
        .hint("install git-cairn and its hooks in one folder"))
}
