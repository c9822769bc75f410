//! After everything moved: mark deployments, make sure they last, freeze what is to be backed up, and tell the pusher.

use super::edits::{self, Kept};
use super::input::Push;
use super::pre_receive::{moved_environments, movement};
use super::say::Voice;
use super::{Verdict, audited, ruled};
use crate::audit::Ref;
use crate::backup::{host_store, how_proven, is_proven_id};
use crate::clock;
use crate::deployment::{Settled, newest_of, settle_landed};
use crate::durable;
use crate::error::Result;
use crate::git::{ObjectId, Repository};
use crate::guard::Words;
use crate::queue::{Movement, State};
use crate::rescue;
use crate::site::{Environment, Site, SnapshotOn};
use crate::text::count;
use crate::worker::{self, Frozen, Waited};

/// How many rescues the pusher is told of.
const RESCUES_TOLD: usize = 5;

pub(super) fn run(repository: &Repository, push: &Push, voice: &mut Voice) -> Result<Verdict> {
    let (site, unclear) = Site::for_hook(&repository.config())?;
    for error in &unclear {
        voice.warning(&format!("{error}; the default is taken"));
    }
    let state = State::of(repository, site.modes).hurried();
    rescued(repository, &site, &state, push, voice);
    if !push.updates.is_empty() {
        audited::moved(&state, push, voice);
    }
    let moved = moved_environments(repository, &site, push);
    let served = edits::served(repository, &site, push);
    let only_deployments = moved.is_empty() && site.snapshot == SnapshotOn::Deployments;
    if push.updates.is_empty() || (only_deployments && served.is_empty()) {
        return Ok(Verdict::Accepted);
    }
    if !moved.is_empty() {
        audited::sync_ahead(&state);
    }
    // A deployment ends in a sync of everything.
    let state = if moved.is_empty() { state } else { state.synced_later() };
    let mut worker = if state.is_trial() { Ok(None) } else { worker::start_early(repository, &state) };
    // SQLite makes its shared memory anew for the first who opens a database, so one of us keeps it open for those who follow.
    let _open = state.database();
    let mut deployed: Vec<(&Environment, Settled)> = Vec::new();
    // Marked by us because their own hooks are slow or dead: they get their backups by us as well.
    let mut earlier: Vec<(&Environment, Settled)> = Vec::new();
    for (environment, update) in &moved {
        match settle_landed(repository, &site, &state, &movement(environment, update, push)) {
            Ok(mut settled) => {
                deployed.extend(settled.pop().map(|own| (*environment, own)));
                earlier.extend(settled.into_iter().map(|one| (*environment, one)));
            }
            Err(error) => {
                voice.error(&error.while_doing(format!("{} moved but is not marked yet", environment.name)));
                voice.hint("the next push marks it, or on the host: git cairn worker --once");
            }
        }
    }
    // Before a hook that was here before us checks out over them.
    let kept = edits::capture(repository, &site, &state, &served, voice);
    for (environment, settled) in earlier.iter().chain(&deployed) {
        audit(&state, environment, settled, voice);
    }
    let jobs = enqueue(repository, &site, &state, &earlier, &deployed, &kept, only_deployments);
    if jobs.is_ok()
        && let Ok(Some(worker)) = &mut worker
    {
        worker::tell(worker);
    }
    if !moved.is_empty() {
        // From here on a power cut takes nothing away: neither what this push brought, nor what it stands on.
        durable::sync_file_systems(&[repository.git_dir(), &repository.objects_dir(), state.folder()])?;
    }
    for (environment, settled) in &deployed {
        tell_deployment(environment, settled, voice);
        if let Some(reason) = push.option("hold").filter(|_| settled.commit.is_some()) {
            ruled::hold(&state, &environment.name, reason, voice);
        }
    }
    for one in &kept {
        let settled = deployed.iter().find(|(environment, _)| environment.name == one.environment.name);
        let tag = settled.and_then(|(_, settled)| settled.tag.as_ref()).map(|tag| tag.short().to_string());
        edits::tell(one, tag.as_deref(), voice);
    }
    match jobs {
        Ok(_) if state.is_trial() => voice.hint("this is a trial: no backup is made"),
        Ok(jobs) => {
            let waited = worker.and_then(|worker| worker::wait_for(worker, &site, &state, &jobs));
            tell_snapshot(&site, waited, voice);
        }
        Err(error) => {
            voice.warning(&format!("no backup is queued: {error}"));
            voice.hint("make one on the host when that is mended: git cairn backup create --all");
        }
    }
    for (environment, settled) in &deployed {
        if let (Some(commit), Some(old)) = (settled.commit, settled.movement.old) {
            let went_back = settled.rollback && repository.is_ancestor(&commit, &old).unwrap_or(false);
            voice.hint(&way_back(repository, &site, environment, &old, went_back));
        }
    }
    Ok(Verdict::Accepted)
}

fn audit(state: &State, environment: &Environment, settled: &Settled, voice: &mut Voice) {
    let Movement { old, new, note, .. } = &settled.movement;
    let tag = settled.tag.as_ref().map(|tag| tag.short().to_string()).unwrap_or_default();
    audited::deployed(state, Ref::new(&environment.branch, *old, *new), &tag, note.as_deref(), voice);
}

/// Freezes all references into a job for each environment that was deployed, or one of the first environment, and takes along
/// what was captured; returns those of this push.
fn enqueue(
    repository: &Repository,
    site: &Site,
    state: &State,
    earlier: &[(&Environment, Settled)],
    deployed: &[(&Environment, Settled)],
    kept: &[Kept<'_>],
    only_deployments: bool,
) -> Result<Vec<i64>> {
    let token_of = |environment: &Environment| {
        kept.iter().find(|one| one.environment.name == environment.name).map(|one| one.token.as_str())
    };
    Frozen::now(repository)?.used_for(repository, |frozen| {
        let add = |cause: worker::Cause<'_>, capture: Option<&str>| {
            worker::enqueue(repository, site, state, frozen, cause, capture)
        };
        let enqueue_all = |marked: &[(&Environment, Settled)], own: bool| -> Result<Vec<i64>> {
            let marked = marked.iter().filter(|(_, settled)| settled.commit.is_some());
            let jobs = marked.map(|(environment, settled)| {
                let capture = if own { token_of(environment) } else { None };
                add(worker::Cause::Deployment { environment, settled }, capture)
            });
            jobs.collect()
        };
        enqueue_all(earlier, false)?;
        let mut jobs = enqueue_all(deployed, true)?;
        let mut without: Vec<&Environment> = kept.iter().map(|one| one.environment).collect();
        without
            .retain(|one| !deployed.iter().any(|(other, settled)| other.name == one.name && settled.commit.is_some()));
        for environment in &without {
            jobs.push(add(worker::Cause::Edits { environment }, token_of(environment))?);
        }
        if jobs.is_empty() && !only_deployments {
            jobs.push(add(worker::Cause::Automatic, None)?);
        }
        Ok(jobs)
    })
}

/// Tells what was kept of what the push dropped. What cannot be noted now the next hook notes.
fn rescued(repository: &Repository, site: &Site, state: &State, push: &Push, voice: &mut Voice) {
    let moved: Vec<_> =
        push.updates.iter().map(|update| (repository.follow(&update.name), update.old, update.new)).collect();
    let confirmed = rescue::confirm(repository, &moved);
    if let Err(error) = ruled::used_up(state, &moved) {
        voice.warning(&format!("that a permission was used is not noted yet: {error}"));
    }
    let lifted = rescue::lift(repository, &Words::of(&push.options));
    match confirmed {
        Ok(records) => {
            for record in records.iter().take(RESCUES_TOLD) {
                let until = clock::local(clock::plus_days(record.at, site.keep_rescues_days));
                // A branch whose commits others have too.
                let what =
                    if record.dropped == 0 { String::new() } else { format!(" ({})", count(record.dropped, "commit")) };
                voice.hint(&format!(
                    "what {} held before{what} is kept until {until}; on the host: git cairn rescue recover {}",
                    record.name.short(),
                    record.id
                ));
            }
        }
        Err(error) => voice.warning(&format!("what was kept is not noted yet: {error}")),
    }
    if let Err(error) = lifted {
        voice.warning(&format!("what was brought back is not noted yet: {error}"));
    }
}

fn tell_deployment(environment: &Environment, settled: &Settled, voice: &mut Voice) {
    let short = |id: &ObjectId| id.to_hex_with_len(10).to_string();
    match (&settled.commit, &settled.tag, &settled.movement.old) {
        (Some(commit), Some(tag), Some(old)) => {
            let verb = if settled.rollback { "rolled back" } else { "deployed" };
            voice.success(&format!(
                "{} {verb}: {} is {}, before it was {}",
                environment.name,
                tag.short(),
                short(commit),
                short(old)
            ));
        }
        (Some(commit), Some(tag), None) => {
            voice.success(&format!(
                "{} deployed for the first time: {} is {}",
                environment.name,
                tag.short(),
                short(commit)
            ));
        }
        _ => voice.warning(&format!("{} has no branch any more; nothing was deployed", environment.name)),
    }
}

/// What takes a deployment back. After a rollback that is what was broken, so it is not called the way back.
fn way_back(
    repository: &Repository,
    site: &Site,
    environment: &Environment,
    old: &ObjectId,
    went_back: bool,
) -> String {
    let name = &environment.name;
    // One that deploys again what was deployed before is called a rollback too.
    if !went_back {
        return format!("to go back: git cairn rollback {name}");
    }
    let tag = newest_of(repository, site, environment, old);
    let was = tag.unwrap_or_else(|| old.to_hex_with_len(10).to_string());
    format!("what was rolled back is {was}; to deploy it again: git cairn deploy {name} {was}")
}

fn tell_snapshot(site: &Site, waited: Result<Waited>, voice: &mut Voice) {
    match waited {
        Ok(Waited::Done(backups)) => {
            for backup in backups {
                let proven = is_proven_id(&host_store(site), &site.name, &backup).unwrap_or(false);
                voice.success(&format!("backup {backup} holds it, {}", how_proven(proven)));
            }
        }
        Ok(Waited::GoesOn) => voice.hint("the backup goes on without you; on the host: git cairn backup list"),
        Ok(Waited::ForOwner) => {
            voice.hint("the backup is queued for the owner of the repository: git cairn worker --once");
        }
        Ok(Waited::Failed(reason)) => {
            voice.warning(&format!("the backup could not be made: {reason}"));
            voice.hint("it stays queued; the next push tries again, or on the host: git cairn worker --once");
        }
        Err(error) => {
            voice.warning(&format!("the backup waits: {error}"));
            voice.hint("on the host: git cairn worker --once");
        }
    }
}
