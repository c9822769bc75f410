//! Taking back what an operation did: what it moved goes back, on the host first, if it still stands where the operation
//! left it; then the branch and the files here, to the byte.

use super::apply::conclude;
use super::before::Before;
use super::files::text_of;
use super::finish::remote_of;
use super::in_way::in_way;
use super::local::Local;
use super::plan::moved;
use super::prepare::plan_commit;
use super::warn::CLONES_UNSEEN;
use super::{Changes, Entry, Journal, LocalMove, Plan, RemoteMove, State, Verb, Worktree, id_of};
use crate::deployment::{PlanCommit, Warning, sealed, tells};
use crate::error::{Error, Kind, Result};
use crate::git::{Checkout, Lease, ObjectId, RefName, Remote, Repository, Scratch, TreeChange, null_id};
use crate::guard::Announcement;
use crate::text::{count, shown, without_secrets};
use bstr::BString;

/// How many commits a plan names; it counts them all.
const COMMITS_NAMED: usize = 50;

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

/// Finds the operation that is to be taken back: the one whose id begins so, else the newest that was done; with `remote`
/// the newest that moved something there.
///
/// Returns [`Kind::Nothing`] where none was done or this one was taken back, [`Kind::NotFound`] where there is no such, and a
/// refusal where it is not finished.
pub fn find(journal: &Journal, start: Option<&str>, remote: Option<&str>) -> Result<Entry> {
    let there = |entry: &Entry| {
        remote.is_none_or(|name| entry.remote.as_ref().is_some_and(|moved| moved.remote.as_deref() == Some(name)))
    };
    let list = "see which there are: git cairn undo --list";
    let Some(start) = start else {
        let may =
            |entry: &Entry| entry.operation != Verb::Undo && (entry.state == State::Done || entry.is_unfinished());
        let newest = journal.entries()?.into_iter().find(|entry| may(entry) && there(entry));
        let newest = newest.ok_or_else(|| {
            Error::new(Kind::Nothing, "nothing-to-undo", "nothing was done here that could be taken back")
                .hint("see what was: git cairn undo --list")
        })?;
        return finished(newest);
    };
    let named = shown(start.as_bytes());
    let begins = |entry: &Entry| !start.is_empty() && entry.id.starts_with(start) && there(entry);
    let mut matching = journal.entries()?.into_iter().filter(begins);
    let entry = matching
        .next()
        .ok_or_else(|| Error::not_found("no-operation", format!("there is no operation {named}")).hint(list))?;
    if matching.next().is_some() {
        return Err(Error::usage(format!("more than one operation begins with {named}")).hint(list));
    }
    let nothing = |code, why: &str| Err(Error::new(Kind::Nothing, code, format!("{named} {why}")).hint(list));
    match (entry.operation, entry.state) {
        (Verb::Undo, _) => Err(Error::usage("an undo is not taken back").hint("do again what it took back")),
        (_, State::Undone) => nothing("undone", "was taken back already"),
        (_, State::Abandoned) => nothing("not-done", "was never done"),
        _ => finished(entry),
    }
}

fn finished(entry: Entry) -> Result<Entry> {
    if !entry.is_unfinished() {
        return Ok(entry);
    }
    let message =
        format!("the {} {} was interrupted, and what became of it is not known yet", entry.operation.word(), entry.id);
    Err(Error::refused("unfinished", message)
        .hint("the next command that is no --plan brings it to an end, if its host can be reached: git cairn undo"))
}

/// A plan to take an operation back, with everything that carrying it out needs.
pub struct Taking {
    /// The plan.
    pub plan: Plan,
    undone: Entry,
    scratch: Scratch,
    host: Option<(Remote, Lease, Vec<BString>)>,
    local: Option<LocalMove>,
    checkout: Option<Checkout>,
}

impl Taking {
    /// Returns why it cannot be carried out, if so: the person's own work is where it would write.
    pub fn objection(&self) -> Option<Error> {
        let own = &self.plan.worktree;
        let tracked = own.staged.iter().chain(&own.unstaged).chain(&own.hidden);
        let mut paths: Vec<_> = tracked.chain(own.kept_aside()).map(|path| path.path.clone()).collect();
        paths.sort();
        paths.dedup();
        if paths.is_empty() {
            return None;
        }
        let more = paths.len().saturating_sub(10);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        paths.truncate(10);
        let message = format!("your files have changed since where undo would write: {}{more}", paths.join(", "));
        let hint = if own.is_blocked() { "commit or stash them first: git stash" } else { "move them away first" };
        Some(Error::refused("own-changes", format!("{message}; nothing was changed")).hint(hint))
    }
}

/// Plans to take an operation back, from what its host has now and what stands here; nothing is touched.
///
/// Returns [`Kind::Moved`] where the host's branch stands elsewhere than the operation left it, [`Kind::Nothing`] where it has
/// again what the operation took away, and a refusal where the one here was moved, each with the way that keeps what came.
pub fn plan(repository: &Repository, journal: &Journal, entry: &Entry) -> Result<Taking> {
    let scratch = Scratch::new(repository)?;
    recall(repository, journal, &scratch, entry)?;
    let host = entry.remote.as_ref().map(|moved| on_host(repository, &scratch, entry, moved)).transpose()?;
    let found = entry.local.as_ref().map(|moved| here(repository, &scratch, entry, moved)).transpose()?.flatten();
    let (local, checkout) = found.unzip();
    let checkout = checkout.flatten();
    let (name, [old, new]) = match (&entry.remote, &local) {
        (Some(moved), _) => (moved.reference.name()?, moved.ids()?),
        (None, Some(moved)) => {
            let [new, old] = moved.ids()?;
            (moved.reference.name()?, [old, new])
        }
        (None, None) => {
            return Err(Error::new(Kind::Nothing, "nothing-to-undo", "everything is as it was before it already"));
        }
    };
    let (changes, worktree) = own_work(journal, &scratch, entry, local.as_ref(), checkout.as_ref())?;
    let changes = match (&local, old.zip(new)) {
        (None, Some((old, new))) => changed(&scratch, &new, &old)?.1,
        _ => changes,
    };
    let [going, coming] = [(old, new), (new, old)].map(|(not, from)| commits(repository, &scratch, not, from));
    let (going, coming) = (going?, coming?);
    let mut warnings = warnings(entry, local.as_ref());
    warnings.extend(clones_unseen(&scratch, entry, &name, [old, new]).filter(|_| going.1 > 0));
    let plan = sealed(Plan {
        schema: 1,
        plan_id: String::new(),
        operation: Verb::Undo,
        reference: crate::text::json_text(name.as_bytes()),
        ref_bytes: crate::text::extra_bytes(name.as_bytes()),
        remote: entry.remote.as_ref().and_then(|moved| moved.remote.clone()),
        push_url: entry.remote.as_ref().map(|moved| without_secrets(&moved.push_url)),
        expect_remote: entry.remote.as_ref().and_then(|moved| moved.new.clone()),
        local_ref: local.as_ref().map(|moved| moved.reference.text().to_owned()),
        local_ref_bytes: local.as_ref().and_then(|moved| moved.reference.extra_bytes()),
        local_head: local.as_ref().and_then(|moved| moved.old.clone()),
        target: old.unwrap_or_else(|| null_id(repository.hash_kind())).to_string(),
        wanted: vec![entry.id.clone()],
        mode: None,
        mainline: None,
        include_mine: false,
        resolved: None,
        result_tree: old.map(|old| scratch.tree_of(&old)).transpose()?.map(|tree| tree.to_string()),
        backup: None,
        commits_count: going.1,
        commits: going.0,
        skipped: vec![],
        unpublished: coming.0,
        conflicts: vec![],
        changes,
        contained_in: vec![],
        worktree,
        host: None,
        warnings,
    });
    Ok(Taking { plan, undone: entry.clone(), scratch, host, local, checkout })
}

/// Makes what the operation dropped seen again, where the clone has lost it since.
fn recall(repository: &Repository, journal: &Journal, scratch: &Scratch, entry: &Entry) -> Result<()> {
    let olds = [
        entry.remote.as_ref().and_then(|moved| moved.old.as_ref()),
        entry.local.as_ref().and_then(|moved| moved.old.as_ref()),
    ];
    for old in olds.into_iter().flatten() {
        let id = id_of(old)?;
        let pack = journal.path(entry, "pack");
        if !repository.contains(&id) && pack.exists() {
            scratch.take_in(&pack)?;
        }
        if scratch.tree_of(&id).is_err() {
            let message =
                format!("what the {} went away from, {id}, is no longer in this clone", entry.operation.word());
            return Err(Error::not_found("gone", message).hint("bring it back from the host's rescue or a backup"));
        }
    }
    Ok(())
}

/// Returns what is to be pushed, if the host's branch stands where the operation left it.
fn on_host(
    repository: &Repository,
    scratch: &Scratch,
    entry: &Entry,
    moved: &RemoteMove,
) -> Result<(Remote, Lease, Vec<BString>)> {
    let (name, remote) = (moved.reference.name()?, remote_of(repository, moved));
    let advertised = remote.advertised(repository)?;
    let tip = advertised.refs.get(&name).copied();
    let [old, new] = moved.ids()?;
    if tip != new {
        scratch.fetch(repository, &remote, &advertised, std::slice::from_ref(&name))?;
        return Err(built_upon(scratch, entry, &name, [old, new, tip]));
    }
    let target = old.unwrap_or_else(|| null_id(repository.hash_kind()));
    // It tells the host that what goes is meant to go, and that what comes back is meant to come.
    let lease = Lease { name, expect: new, target, is_there: true };
    let announced = Announcement::of(&lease).filter(|one| tells(&advertised) && one.old != target);
    Ok((remote, lease, announced.iter().map(Announcement::option).collect()))
}

/// Returns how the branch here is to move, and in which work tree; `None` where it stands where it stood before.
fn here(
    repository: &Repository,
    scratch: &Scratch,
    entry: &Entry,
    moved: &LocalMove,
) -> Result<Option<(LocalMove, Option<Checkout>)>> {
    let local = Local::of(repository, moved.reference.name()?)?;
    let [old, new] = moved.ids()?;
    if local.head == old {
        return Ok(None);
    }
    let branch = local.branch.short();
    if local.head != new {
        let follows = new.zip(local.head).filter(|(new, head)| scratch.is_ancestor(new, head).unwrap_or(false));
        let Some((new, head)) = follows else {
            return Err(Error::refused(
                "moved-here",
                format!("{branch} was moved elsewhere here since; nothing was changed"),
            )
            .hint(format!("see where it went: git reflog {branch}")));
        };
        let since = count(scratch.between(&[new], &[head])?.len(), "commit");
        return Err(Error::refused(
            "built-upon-here",
            format!("{branch} has {since} more here since; nothing was changed"),
        )
        .hint(keeps(scratch, entry, &local.branch, [old, Some(new)])));
    }
    let git_dir = local.checkout.as_ref().map(|checkout| text_of(&checkout.git_dir));
    if let Some(was) = moved.checkout.as_ref().filter(|was| git_dir.as_ref() != Some(was)) {
        let message =
            format!("the files of {branch} moved in the work tree of {was}, and it is not checked out there now");
        return Err(Error::refused("not-checked-out", format!("{message}; nothing was changed"))
            .hint(format!("there: git switch {}", crate::text::shell_quoted(branch))));
    }
    let back = LocalMove {
        reference: moved.reference.clone(),
        old: moved.new.clone(),
        new: moved.old.clone(),
        checkout: git_dir,
    };
    Ok(Some((back, local.checkout)))
}

/// Returns what changes in the files here, and what of the person's own work is in the way of it.
fn own_work(
    journal: &Journal,
    scratch: &Scratch,
    entry: &Entry,
    local: Option<&LocalMove>,
    checkout: Option<&Checkout>,
) -> Result<(Changes, Worktree)> {
    let ids = local.map(LocalMove::ids).transpose()?;
    let Some([Some(from), Some(to)]) = ids else { return Ok((Changes::default(), Worktree::default())) };
    let (mut changes, told) = changed(scratch, &from, &to)?;
    let Some(checkout) = checkout else { return Ok((told, Worktree::default())) };
    if let Some(captured) = &entry.captured {
        // What was kept aside comes back, where nothing else stands.
        let id = id_of(&captured.commit)?;
        let paths: Vec<_> = captured.files.iter().map(|file| BString::from(file.path.bytes())).collect();
        let free =
            paths.into_iter().filter(|path| !changes.iter().any(|change| change.path == *path && change.old.is_some()));
        let comes: Vec<_> = free.map(|path| TreeChange { path, old: None, new: Some((0o100_644, id)) }).collect();
        changes.extend(comes);
    }
    let mut worktree = in_way(scratch, checkout, &changes)?;
    let before = Before::read(journal, entry)?;
    worktree.hidden.retain(|path| !before.left_alone(checkout, path));
    Ok((told, worktree))
}

fn changed(scratch: &Scratch, from: &ObjectId, to: &ObjectId) -> Result<(Vec<TreeChange>, Changes)> {
    let (changes, [insertions, deletions]) = scratch.changes(&scratch.tree_of(from)?, &scratch.tree_of(to)?)?;
    let told = Changes { files: changes.len(), insertions, deletions };
    Ok((changes, told))
}

fn warnings(entry: &Entry, local: Option<&LocalMove>) -> Vec<Warning> {
    let mut warnings = vec![];
    let mut warn = |code: &str, text: String| warnings.push(Warning { code: code.into(), text });
    let aside = entry.captured.as_ref().map_or(0, |captured| captured.files.len());
    match local {
        Some(_) if aside > 0 => warn("brought-back", format!("{} kept aside will come back", count(aside, "file"))),
        None if entry.local.is_some() => {
            warn("back-here", "the branch here stands where it stood before already".into());
        }
        _ => {}
    }
    warnings
}

/// Warns where commits that others may have go from a branch people develop on, and names the way that takes none away.
fn clones_unseen(
    scratch: &Scratch,
    entry: &Entry,
    name: &RefName,
    [old, new]: [Option<ObjectId>; 2],
) -> Option<Warning> {
    if entry.remote.is_none() || matches!(entry.operation, Verb::Deploy | Verb::Rollback) {
        return None;
    }
    let (code, text) = CLONES_UNSEEN;
    let added = old.zip(new).is_some_and(|(old, new)| scratch.is_ancestor(&old, &new).unwrap_or(false));
    let instead = if added { format!("; {}", keeps(scratch, entry, name, [old, new])) } else { String::new() };
    Some(Warning { code: code.into(), text: format!("{text}{instead}") })
}

/// Carries out such a plan, if everything still stands where it saw it. The journal's lock must be held.
///
/// Returns [`Kind::Moved`] where it does not, [`Kind::Declined`] where the host refuses; in each case nothing was changed.
pub fn apply(repository: &Repository, journal: &Journal, made: &Plan) -> Result<Undone> {
    let undone = find(journal, made.wanted.first().map(String::as_str), None)?;
    let taking = plan(repository, journal, &undone)?;
    if taking.plan.plan_id != made.plan_id {
        return Err(moved("make a new plan: git cairn undo --plan"));
    }
    if let Some(objection) = taking.objection() {
        return Err(objection);
    }
    let Taking { scratch, host, local, checkout, undone, .. } = taking;
    let mut entry = Entry::new(Verb::Undo, &made.plan_id);
    let back = |moved: &RemoteMove| RemoteMove { old: moved.new.clone(), new: moved.old.clone(), ..moved.clone() };
    (entry.remote, entry.local) = (undone.remote.as_ref().map(back), local);
    entry.undoes = Some(undone.id.clone());
    let result = entry
        .remote
        .as_ref()
        .map_or(entry.local.as_ref().and_then(|moved| moved.new.clone()), |moved| moved.new.clone());
    let comes = entry.remote.iter().filter_map(|moved| moved.new.as_ref());
    let comes = comes.chain(entry.local.iter().filter_map(|moved| moved.new.as_ref()));
    let lost: Vec<ObjectId> = comes.filter_map(|id| id_of(id).ok()).filter(|id| !repository.contains(id)).collect();
    if !lost.is_empty() {
        scratch.keep(repository, &lost, &[])?;
    }
    if let Some(checkout) = &checkout {
        Before::read(journal, &undone)?.folders_missing(checkout).write(journal, &entry)?;
    }
    journal.write(&entry)?;
    let git = || journal.held_by(checkout.as_ref().map_or_else(|| repository.git(), Checkout::git));
    let pushed = host.map_or(Ok(()), |(remote, lease, options)| remote.deliver(repository, git, &lease, &options));
    conclude(repository, journal, &mut entry, pushed)?;
    Ok(Undone { schema: 1, operation: Verb::Undo, id: entry.id, plan_id: made.plan_id.clone(), result, undo: None })
}

/// What to say where the host's branch is not what the operation left: who built on it keeps their work.
fn built_upon(scratch: &Scratch, entry: &Entry, name: &RefName, [old, left, tip]: [Option<ObjectId>; 3]) -> Error {
    let branch = name.short();
    let leads = |from: Option<ObjectId>, to: Option<ObjectId>| {
        from.zip(to).is_some_and(|(from, to)| scratch.is_ancestor(&to, &from).unwrap_or(false))
    };
    if old.is_some() && leads(tip, old) && !leads(left, old) {
        return came_back(entry, name);
    }
    if !leads(tip, left) {
        let message = format!("{branch} was moved elsewhere on the host since; nothing was changed");
        return Error::new(Kind::Moved, "moved", message)
            .hint("see who moved it, and where to, before it is moved again");
    }
    let message = format!("somebody has built on it: {branch} has moved on; nothing was changed");
    Error::new(Kind::Moved, "built-upon", message).hint(keeps(scratch, entry, name, [old, left]))
}

/// What to say where everything that the operation took away is there again: somebody brought it, and may have gone on.
fn came_back(entry: &Entry, name: &RefName) -> Error {
    let (branch, verb) = (crate::text::shell_quoted(name.short()), entry.operation.word());
    let message = format!(
        "{branch} has again what the {verb} took from it: somebody brought it back, so there is nothing to take back"
    );
    let hint = match entry.operation {
        Verb::Deploy | Verb::Rollback => "see what it stands on: git cairn deployments".to_owned(),
        _ => format!("to have it here as well: git cairn catch-up --branch {branch}"),
    };
    Error::new(Kind::Nothing, "came-back", message).hint(hint)
}

/// The way that takes an operation back and keeps what was built on it.
fn keeps(scratch: &Scratch, entry: &Entry, branch: &RefName, [old, left]: [Option<ObjectId>; 2]) -> String {
    if matches!(entry.operation, Verb::Deploy | Verb::Rollback) {
        return "deploy what it is to have: git cairn deploy <environment> <commit>".into();
    }
    let Some((old, left)) = old.zip(left) else { return "delete it by hand".into() };
    let no_push = if entry.remote.is_some() { "" } else { " --no-push" };
    let on = format!(" --branch {}{no_push}", crate::text::shell_quoted(branch.short()));
    match scratch.between(&[old], &[left]).as_deref() {
        Ok([only]) if scratch.is_ancestor(&old, &left).unwrap_or(false) => {
            format!("a new commit keeps that work: git cairn revert {only}{on}")
        }
        Ok([_, ..]) if scratch.is_ancestor(&old, &left).unwrap_or(false) => {
            format!("new commits keep that work: git cairn revert {old}..{left}{on}")
        }
        _ => {
            let roots = scratch.bottoms(&left, &old).unwrap_or_default();
            let roots = roots.iter().map(|root| format!(" -o cairn.reintroduce={root}")).collect::<String>();
            let push = if entry.remote.is_some() { format!(", then git push{roots}") } else { String::new() };
            format!("bring back what was dropped and keep that work: git pull, git merge {old}{push}")
        }
    }
}

/// Returns the commits reachable from one and not from the other, the first of them with their lines, and how many there are.
fn commits(
    repository: &Repository,
    scratch: &Scratch,
    not: Option<ObjectId>,
    from: Option<ObjectId>,
) -> Result<(Vec<PlanCommit>, usize)> {
    let Some((not, from)) = not.zip(from) else { return Ok((vec![], 0)) };
    let mine = repository.config().get("user", "email");
    let ids = scratch.between(&[not], &[from])?;
    let texts = scratch.commit_texts(&ids[..ids.len().min(COMMITS_NAMED)], "UTF-8")?;
    Ok((texts.iter().map(|one| plan_commit(one, mine.as_deref())).collect(), ids.len()))
}
