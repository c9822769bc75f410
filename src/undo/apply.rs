//! Carrying a plan out: the host first, and only then this clone.

use super::build;
use super::files;
use super::follow::follow;
use super::journal::{Captured, CapturedFile, Entry, Journal, LocalMove, Name, RemoteMove, State};
use super::plan::Plan;
use super::prepare::{Prepared, Wish, objection, prepare};
use super::verdict::announcement;
use super::{Verb, plan::Mode};
use crate::error::{Error, Kind, Result};
use crate::git::{Checkout, Lease, ObjectId, PushReport, RefName, Repository, accepted};
use bstr::BString;
use serde::Serialize;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Always 1.
    pub schema: u32,
    /// Revert or reset.
    pub operation: Verb,
    /// Its name in the journal.
    pub id: String,
    /// The plan.
    pub plan_id: String,
    /// The commit the branch stands on.
    pub result: String,
    /// The command that takes it back.
    pub undo: String,
}

/// Carries out a plan, if everything is still as the plan saw it; the journal's lock must be held.
///
/// Returns [`Kind::Moved`] where it is not, [`Kind::Declined`] where the host refuses: nothing has changed then, here or
/// there. Returns [`Kind::Partial`] where the host has it and this clone could not follow.
pub fn apply(repository: &Repository, journal: &Journal, plan: &Plan) -> Result<Applied> {
    let prepared = prepare(repository, &Wish::of(plan), Some(plan))?;
    if prepared.plan.plan_id != plan.plan_id {
        return Err(Error::new(Kind::Moved, "moved", "something moved since the plan was made; nothing was changed")
            .hint("make a new plan: run the same command with --plan"));
    }
    if let Some(objection) = objection(&prepared) {
        return Err(objection);
    }
    let checkout = prepared.local.as_ref().and_then(|local| local.checkout.as_ref());
    let target = if let Some(target) = prepared.overwrite {
        target
    } else {
        build::commits(&prepared.scratch, &repository.config(), prepared.base, &prepared.steps, true, checkout)?
    };
    let mut entry = noted(&prepared, target)?;
    keep(repository, journal, &prepared, &mut entry, target)?;
    journal.write(&entry)?;
    let pushed = push(repository, &prepared, target);
    conclude(repository, journal, &mut entry, pushed)?;
    if let Some(checkout) = checkout.filter(|_| plan.operation == Verb::Revert) {
        // As git runs it: whatever it says.
        let _ = checkout.git().args(["hook", "run", "--ignore-missing", "post-commit"]).output();
    }
    let undo = way_back(plan, &prepared, &target);
    Ok(Applied {
        schema: 1,
        operation: plan.operation,
        id: entry.id,
        plan_id: plan.plan_id.clone(),
        result: target.to_string(),
        undo,
    })
}

/// Notes how the push ended, and lets the branch and the files here follow where the host accepted it.
pub(super) fn conclude(
    repository: &Repository,
    journal: &Journal,
    entry: &mut Entry,
    pushed: Result<()>,
) -> Result<()> {
    if let Err(error) = pushed {
        // Where nobody can tell whether the host has it, the next command asks again.
        if error.code() != "no-answer" {
            give_up(journal, entry)?;
        }
        return Err(error);
    }
    entry.state = State::Accepted;
    journal.write(entry)?;
    follow(repository, journal, entry, false)?;
    Ok(())
}

/// Marks an operation as one by which nothing was done.
pub(super) fn give_up(journal: &Journal, entry: &mut Entry) -> Result<()> {
    entry.state = State::Abandoned;
    journal.write(entry)?;
    let _ = std::fs::remove_file(journal.path(entry, "pack"));
    Ok(())
}

fn noted(prepared: &Prepared, target: ObjectId) -> Result<Entry> {
    let plan = &prepared.plan;
    let mut entry = Entry::new(plan.operation, &plan.plan_id);
    let host = prepared.host.as_ref();
    entry.remote = host.map(|host| RemoteMove {
        remote: host.remote.name.clone(),
        push_url: host.remote.push_url.clone(),
        reference: Name::from(&prepared.reference),
        old: prepared.expect.map(|id| id.to_string()),
        new: Some(target.to_string()),
    });
    entry.local = prepared.local.as_ref().map(|local| LocalMove {
        reference: Name::from(&local.branch),
        old: local.head.map(|id| id.to_string()),
        new: Some(target.to_string()),
        checkout: local.checkout.as_ref().map(|checkout| files::text_of(&checkout.git_dir)),
    });
    let checkout = prepared.local.as_ref().and_then(|local| local.checkout.as_ref());
    let aside: Vec<_> = plan.worktree.kept_aside().cloned().collect();
    if let Some(checkout) = checkout.filter(|_| !aside.is_empty()) {
        let paths: Vec<BString> = aside.iter().map(|path| path.bytes().into()).collect();
        let commit = checkout.capture(&prepared.scratch, &paths)?;
        let file = |(path, bytes): (super::WorkPath, &BString)| {
            let permissions = files::permissions(&checkout.path(bytes))?;
            Ok(CapturedFile { path, permissions })
        };
        let files = aside.into_iter().zip(&paths).map(file).collect::<Result<_>>()?;
        entry.captured = Some(Captured { commit: commit.to_string(), files });
    }
    Ok(entry)
}

/// Gives the repository the objects that are pushed, and the journal those that the clone would lose.
fn keep(
    repository: &Repository,
    journal: &Journal,
    prepared: &Prepared,
    entry: &mut Entry,
    target: ObjectId,
) -> Result<()> {
    let known: Vec<ObjectId> = prepared.local.iter().filter_map(|local| local.head).collect();
    prepared.scratch.keep(repository, &[target], &known)?;
    let mut lost: Vec<ObjectId> = known.into_iter().chain(prepared.expect).collect();
    if let Some(captured) = &entry.captured {
        lost.push(super::id_of(&captured.commit)?);
    }
    if prepared.overwrite.is_some() || entry.captured.is_some() {
        prepared.scratch.pack_to(&journal.path(entry, "pack"), &lost, &[target])?;
    }
    Ok(())
}

fn push(repository: &Repository, prepared: &Prepared, target: ObjectId) -> Result<()> {
    let Some(host) = &prepared.host else { return Ok(()) };
    let lease = Lease { name: prepared.reference.clone(), expect: prepared.expect, target };
    let options = announcement(prepared, &lease);
    let checkout = prepared.local.as_ref().and_then(|local| local.checkout.as_ref());
    let git = || checkout.map_or_else(|| repository.git(), Checkout::git);
    match host.remote.push_by(repository, git(), &lease, &options)? {
        PushReport::Unknown => {}
        report => return accepted(report, &lease.name),
    }
    // Nobody said how it ended: where the branch stands now does.
    match host.remote.advertised(repository).map(|now| now.refs.get(&lease.name).copied()) {
        Ok(Some(now)) if now == target => Ok(()),
        Ok(now) if now == lease.expect && !options.is_empty() && !host.remote.takes_options(git(), &lease)? => {
            Err(Error::new(Kind::Declined, "no-push-options", "the host takes no push options, and so no announcement")
                .hint("on the host: git config receive.advertisePushOptions true"))
        }
        Ok(now) if now == lease.expect => Err(Error::outside(
            "push",
            format!("the push of {} did not arrive; nothing was changed", lease.name.short()),
        )
        .hint("what stopped it stands above")),
        _ => accepted(PushReport::Unknown, &lease.name),
    }
}

/// The command that takes it back.
fn way_back(plan: &Plan, prepared: &Prepared, target: &ObjectId) -> String {
    let branch = prepared.local.as_ref().map_or(&prepared.reference, |local| &local.branch);
    let no_push = if prepared.host.is_some() { "" } else { " --no-push" };
    let on = format!(" --branch {}{no_push}", crate::text::shell_quoted(branch.short()));
    match (plan.mode, prepared.steps.len()) {
        (Some(Mode::OverwriteHistory), _) => {
            let old = prepared.expect.or(prepared.local.as_ref().and_then(|local| local.head));
            format!("git cairn reset {} --overwrite-history{on}", old.map(|id| id.to_string()).unwrap_or_default())
        }
        (_, 0 | 1) => format!("git cairn revert {target}{on}"),
        (_, _) => format!("git cairn revert {}..{target}{on}", prepared.base),
    }
}

/// Returns the branch an entry of the journal moved here.
pub(super) fn branch_of(local: &LocalMove) -> Result<RefName> {
    local.reference.name()
}
