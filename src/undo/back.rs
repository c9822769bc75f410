//! Taking back what an operation did: what it moved goes back, on the host first, if it still stands where the operation
//! left it.

use super::{Changes, Entry, Journal, Plan, RemoteMove, State, Verb, Worktree, id_of};
use crate::deployment::{PlanCommit, sealed};
use crate::error::{Error, Kind, Result};
use crate::git::{Advertised, Lease, ObjectId, RefName, Remote, Repository, Scratch, accepted, null_id};
use crate::site::META_REF;
use bstr::BString;
use std::time::Duration;

/// How many commits a plan names; it counts them all.
const COMMITS_NAMED: usize = 50;
/// How long an undo waits for another operation of this clone.
const LOCK_WAIT: Duration = Duration::from_secs(600);

/// What was undone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    /// Always 1.
    pub schema: u32,
    /// Always undo.
    pub operation: Verb,
    /// The operation's name in the journal.
    pub id: String,
    /// The plan.
    pub plan_id: String,
    /// What the branch holds again; null: it does not exist again.
    pub result: Option<String>,
    /// What takes this back: nothing but doing it again.
    pub undo: Option<String>,
}

/// Finds the operation that is to be taken back: the one whose id begins so, else the newest that was done.
///
/// Returns [`Kind::Nothing`] where none was done or this one was taken back, [`Kind::NotFound`] where there is no such.
pub fn find(journal: &Journal, start: Option<&str>) -> Result<Entry> {
    let entries = journal.entries()?;
    let Some(start) = start else {
        let newest = entries.into_iter().find(|entry| entry.state == State::Done && entry.operation != Verb::Undo);
        let newest = newest.ok_or_else(|| {
            Error::new(Kind::Nothing, "nothing-to-undo", "nothing was done here that could be taken back")
                .hint("see what was: git cairn undo --list")
        })?;
        return only_deployed(newest);
    };
    let list = "see which there are: git cairn undo --list";
    let mut matching = entries.into_iter().filter(|entry| !start.is_empty() && entry.id.starts_with(start));
    let named = crate::text::shown(start.as_bytes());
    let entry = matching
        .next()
        .ok_or_else(|| Error::not_found("no-operation", format!("there is no operation {named}")).hint(list))?;
    if matching.next().is_some() {
        return Err(Error::usage(format!("more than one operation begins with {named}")).hint(list));
    }
    match (entry.operation, entry.state) {
        (Verb::Undo, _) => Err(Error::usage("an undo is not taken back").hint("do again what it took back")),
        (_, State::Done) => only_deployed(entry),
        (_, State::Undone) => {
            Err(Error::new(Kind::Nothing, "undone", format!("{named} was taken back already")).hint(list))
        }
        _ => Err(Error::new(Kind::Nothing, "not-done", format!("{named} was never done")).hint(list)),
    }
}

/// What moved this clone as well is taken back by a command that sees to both.
fn only_deployed(entry: Entry) -> Result<Entry> {
    if matches!(entry.operation, Verb::Deploy | Verb::Rollback) {
        return Ok(entry);
    }
    let moved = entry.remote.as_ref().map(|moved| (&moved.reference, &moved.old));
    let moved = moved.or(entry.local.as_ref().map(|local| (&local.reference, &local.old)));
    let back = match moved {
        Some((name, Some(old))) => {
            let name = name.name()?;
            format!("git cairn reset {old} --as-commit --branch {}", crate::text::shell_quoted(name.short()))
        }
        _ => "git cairn reset <commit> --as-commit".into(),
    };
    let message =
        format!("the last operation, {}, was a {}; undo takes back deployments only", entry.id, entry.operation.word());
    Err(Error::refused("not-deployed", message).hint(format!("put the branch back to what it was: {back}")))
}

/// Plans to take an operation back, from what its host has now.
///
/// Returns [`Kind::Moved`] where a branch stands elsewhere than the operation left it, with the way that keeps what came.
pub fn plan(repository: &Repository, entry: &Entry) -> Result<Plan> {
    let moved = entry.remote.as_ref().ok_or_else(|| Error::failed("journal", "the operation moved nothing"))?;
    let name = moved.reference.name()?;
    let remote = remote_of(moved);
    let advertised = remote.advertised(repository)?;
    let tip = advertised.refs.get(&name).copied();
    let scratch = Scratch::new(repository)?;
    let (old, new) = (optional(moved.old.as_deref())?, optional(moved.new.as_deref())?);
    if tip != new {
        scratch.fetch(repository, &remote, &advertised, std::slice::from_ref(&name))?;
        return Err(built_upon(&scratch, entry, &name, new, tip));
    }
    if let Some(old) = old.filter(|old| !repository.contains(old)) {
        let message = format!("what {} held before, {old}, is no longer in this clone", name.short());
        return Err(Error::not_found("gone", message).hint("bring it back from the host's rescue or a backup"));
    }
    let going = new.zip(old).map(|(new, old)| commits(repository, &old, &new)).transpose()?.unwrap_or_default();
    let coming = new.zip(old).map(|(new, old)| commits(repository, &new, &old)).transpose()?.unwrap_or_default();
    Ok(sealed(Plan {
        schema: 1,
        plan_id: String::new(),
        operation: Verb::Undo,
        reference: crate::text::json_text(name.as_bytes()),
        ref_bytes: crate::text::extra_bytes(name.as_bytes()),
        remote: moved.remote.clone(),
        push_url: Some(moved.push_url.clone()),
        expect_remote: moved.new.clone(),
        local_ref: None,
        local_ref_bytes: None,
        local_head: None,
        target: old.unwrap_or_else(|| null_id(repository.hash_kind())).to_string(),
        wanted: vec![entry.id.clone()],
        mode: None,
        mainline: None,
        include_mine: false,
        result_tree: old.map(|old| scratch.tree_of(&old)).transpose()?.map(|tree| tree.to_string()),
        backup: None,
        commits_count: going.1,
        commits: going.0,
        skipped: vec![],
        unpublished: coming.0,
        conflicts: vec![],
        changes: changes(&scratch, new, old)?,
        contained_in: vec![],
        worktree: Worktree::default(),
        host: None,
        warnings: vec![],
    }))
}

/// Carries out such a plan, if everything still stands where it saw it.
///
/// Returns [`Kind::Moved`] where it does not, [`Kind::Declined`] where the host refuses; in each case nothing was changed.
pub fn apply(repository: &Repository, plan: &Plan) -> Result<Undone> {
    let journal = Journal::of(repository);
    let _lock = journal.lock(LOCK_WAIT)?;
    let mut undone = find(&journal, plan.wanted.first().map(String::as_str))?;
    if super::back::plan(repository, &undone)?.plan_id != plan.plan_id {
        return Err(Error::new(Kind::Moved, "moved", "something moved since the plan was made; nothing was changed")
            .hint("make a new plan: git cairn undo --plan"));
    }
    let moved = undone.remote.clone().ok_or_else(|| Error::failed("journal", "the operation moved nothing"))?;
    let mut entry = Entry::new(Verb::Undo, &plan.plan_id);
    entry.undoes = Some(undone.id.clone());
    entry.remote = Some(RemoteMove { old: moved.new.clone(), new: moved.old.clone(), ..moved.clone() });
    journal.write(&entry)?;
    let pushed = push_back(repository, &moved);
    if pushed.as_ref().is_err_and(|error| error.kind() != Kind::Outside) {
        entry.state = State::Abandoned;
        journal.write(&entry)?;
    }
    pushed?;
    undone.state = State::Undone;
    journal.write(&undone)?;
    entry.state = State::Done;
    journal.write(&entry)?;
    Ok(Undone {
        schema: 1,
        operation: Verb::Undo,
        id: entry.id,
        plan_id: plan.plan_id.clone(),
        result: moved.old,
        undo: None,
    })
}

/// Moves the host's reference back from where the operation left it, and says so to a host that knows the word.
fn push_back(repository: &Repository, moved: &RemoteMove) -> Result<()> {
    let (remote, name) = (remote_of(moved), moved.reference.name()?);
    let none = null_id(repository.hash_kind());
    let (old, new) = (optional(moved.old.as_deref())?, optional(moved.new.as_deref())?);
    let advertised = remote.advertised(repository)?;
    let target = old.unwrap_or(none);
    let mut options: Vec<BString> = vec![];
    if let Some(new) = new.filter(|_| speaks(&advertised)) {
        let drops = match &old {
            Some(old) => !repository.is_ancestor(&new, old)?,
            None => true,
        };
        if drops {
            options.push([b"cairn.rewind=", name.as_bytes(), format!(":{new}:{target}").as_bytes()].concat().into());
        }
    }
    accepted(remote.push(repository, &Lease { name: name.clone(), expect: new, target }, &options)?, &name)
}

fn speaks(advertised: &Advertised) -> bool {
    RefName::new(META_REF).is_some_and(|name| advertised.refs.contains_key(&name))
}

fn remote_of(moved: &RemoteMove) -> Remote {
    Remote { name: moved.remote.clone(), push_url: moved.push_url.clone() }
}

fn optional(text: Option<&str>) -> Result<Option<ObjectId>> {
    text.map(id_of).transpose()
}

/// What to say where the host's branch is not what the operation left: who built on it keeps their work.
fn built_upon(
    scratch: &Scratch,
    entry: &Entry,
    name: &RefName,
    left: Option<ObjectId>,
    tip: Option<ObjectId>,
) -> Error {
    let branch = name.short();
    let follows = left.zip(tip).filter(|(left, tip)| scratch.is_ancestor(left, tip).unwrap_or(false));
    let Some((left, _)) = follows else {
        let message = format!("{branch} was moved elsewhere on the host since; nothing was changed");
        return Error::new(Kind::Moved, "moved", message)
            .hint("see who moved it, and where to, before it is moved again");
    };
    let keeps = match entry.operation {
        Verb::Deploy | Verb::Rollback => {
            "deploy what it is to have: git cairn deploy <environment> <commit>".to_owned()
        }
        Verb::Revert | Verb::CatchUp | Verb::Undo => format!("a new commit keeps their work: git cairn revert {left}"),
        Verb::Reset => match entry.remote.as_ref().and_then(|moved| moved.old.as_deref()) {
            Some(old) => format!("bring back what was dropped and keep their work: git merge {old}, then push"),
            None => "delete it by hand".to_owned(),
        },
    };
    Error::new(
        Kind::Moved,
        "built-upon",
        format!("somebody has built on it: {branch} has moved on; nothing was changed"),
    )
    .hint(keeps)
}

fn commits(repository: &Repository, not: &ObjectId, from: &ObjectId) -> Result<(Vec<PlanCommit>, usize)> {
    let mine = repository.config().get("user", "email");
    let lines = repository.commits_between(Some(not), from, COMMITS_NAMED)?;
    let one = |(line, email): (crate::git::CommitLine, String)| PlanCommit {
        id: line.id.to_string(),
        author: line.author,
        subject: line.subject,
        merge: line.merge,
        mine: mine.as_deref() == Some(email.as_str()),
    };
    Ok((lines.into_iter().map(one).collect(), repository.count_between(Some(not), from)?))
}

fn changes(scratch: &Scratch, from: Option<ObjectId>, to: Option<ObjectId>) -> Result<Changes> {
    let Some((from, to)) = from.zip(to) else { return Ok(Changes::default()) };
    let (paths, [insertions, deletions]) = scratch.changes(&scratch.tree_of(&from)?, &scratch.tree_of(&to)?)?;
    Ok(Changes { files: paths.len(), insertions, deletions })
}
