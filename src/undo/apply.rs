//! Carrying a plan out: the host first, and only then this clone.

use super::build;
use super::files;
use super::follow::follow;
use super::journal::{Entry, Journal, LocalMove, Name, RemoteMove, State, id_of};
use super::plan::{Plan, Worktree, moved};
use super::prepare::{Prepared, Wish, objection, prepare};
use super::verdict::{announcement, reintroduced};
use super::{Verb, before};
use crate::error::{Kind, Result};
use crate::git::{Checkout, Lease, ObjectId, Repository, Scratch};
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
        return Err(moved("make a new plan: run the same command with --plan"));
    }
    if let Some(objection) = objection(&prepared) {
        return Err(objection);
    }
    let checkout = prepared.local.as_ref().and_then(|local| local.checkout.as_ref());
    let target = if let Some(target) = prepared.overwrite.or(prepared.resolved) {
        target
    } else {
        journal.outlast_undo();
        build::commits(&prepared.scratch, &repository.config(), prepared.base, &prepared.steps, true, checkout)?
    };
    let mut entry = noted(&prepared, target);
    keep(repository, journal, &prepared.scratch, &mut entry, target, (checkout, &plan.worktree))?;
    journal.write(&entry)?;
    let pushed = push(repository, journal, &prepared, target);
    conclude(repository, journal, &mut entry, pushed)?;
    if let Some(checkout) = checkout.filter(|_| plan.operation == Verb::Revert && plan.resolved.is_none()) {
        // As git runs it: whatever it says.
        let _ = checkout.git().args(["hook", "run", "--ignore-missing", "post-commit"]).output();
    }
    Ok(Applied {
        schema: 1,
        operation: plan.operation,
        undo: way_back(&entry),
        id: entry.id,
        plan_id: plan.plan_id.clone(),
        result: target.to_string(),
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
        // Where nobody can tell whether the host has it, or will have it yet, the next command asks again.
        if error.kind() != Kind::Outside {
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
    for kind in ["pack", "before"] {
        let _ = std::fs::remove_file(journal.path(entry, kind));
    }
    Ok(())
}

/// The command that takes an operation back.
pub(super) fn way_back(entry: &Entry) -> String {
    format!("git cairn undo {}", entry.id)
}

fn noted(prepared: &Prepared, target: ObjectId) -> Entry {
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
    entry
}

/// Gives the repository the objects that are pushed, and the journal what the clone would lose: commits, files that are kept
/// aside, and what else stands where files move.
pub(super) fn keep(
    repository: &Repository,
    journal: &Journal,
    scratch: &Scratch,
    entry: &mut Entry,
    target: ObjectId,
    (checkout, aside): (Option<&Checkout>, &Worktree),
) -> Result<()> {
    let id = |text: Option<&String>| text.map(|text| id_of(text)).transpose();
    let head = id(entry.local.as_ref().and_then(|local| local.old.as_ref()))?;
    let expect = id(entry.remote.as_ref().and_then(|moved| moved.old.as_ref()))?;
    let known: Vec<ObjectId> = head.into_iter().collect();
    scratch.keep(repository, &[target], &known)?;
    if let Some((checkout, head)) = checkout.zip(head) {
        let changes = scratch.changed(&scratch.tree_of(&head)?, &scratch.tree_of(&target)?)?;
        let noted = before::note(scratch, checkout, &changes, aside, repository.hash_kind())?;
        noted.before.write(journal, entry)?;
        entry.captured = noted.captured;
    }
    let captured = id(entry.captured.as_ref().map(|captured| &captured.commit))?;
    let lost: Vec<ObjectId> = known.into_iter().chain(expect).chain(captured).collect();
    if !scratch.between(&[target], &lost)?.is_empty() {
        scratch.pack_to(&journal.path(entry, "pack"), journal.modes(), &lost, &[target])?;
    }
    Ok(())
}

fn push(repository: &Repository, journal: &Journal, prepared: &Prepared, target: ObjectId) -> Result<()> {
    let Some(host) = &prepared.host else { return Ok(()) };
    let lease = Lease { name: prepared.reference.clone(), expect: prepared.expect, target, is_there: false };
    let mut options = announcement(prepared, &lease);
    options.extend(reintroduced(journal, &prepared.scratch, &lease, host.speaks)?);
    let checkout = prepared.local.as_ref().and_then(|local| local.checkout.as_ref());
    let git = || journal.held_by(checkout.map_or_else(|| repository.git(), Checkout::git));
    host.remote.deliver(repository, git, &lease, &options)
}
