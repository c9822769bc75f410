//! Catching up with a branch that somebody reset: a person's own commits, and nothing else, go on top of what it is now.

use super::apply::{conclude, keep, way_back};
use super::carry::{Carried, carry, commit, own};
use super::dropped::dropped;
use super::files::text_of;
use super::in_way::in_way;
use super::local::Local;
use super::plan::{Changes, Conflict, Plan, Worktree, moved};
use super::prepare::upstream;
use super::verdict::reintroduced;
use super::warn::kept_aside;
use super::{Applied, Entry, Journal, LocalMove, Name, RemoteMove, State, Verb, id_of};
use crate::deployment::{PlanCommit, Warning, find_any_host, sealed};
use crate::error::{Error, Kind, Result};
use crate::git::{Lease, ObjectId, RefName, Remote, Repository, Scratch};
use crate::text;

/// What was typed.
#[derive(Debug, Clone)]
pub struct Catching {
    /// The branch; by default the one that is checked out.
    pub branch: Option<String>,
    /// The remote's name.
    pub remote: Option<String>,
    /// Whether the commits are published.
    pub push: bool,
}

impl Catching {
    /// Returns the wish that a saved plan came of.
    pub fn of(plan: &Plan) -> Self {
        Self { branch: plan.local_ref.clone(), remote: plan.remote.clone(), push: plan.push_url.is_some() }
    }
}

/// A plan with everything that carrying it out needs.
pub struct Caught {
    /// The plan.
    pub plan: Plan,
    scratch: Scratch,
    remote: Remote,
    /// Whether the host knows the push options.
    speaks: bool,
    reference: RefName,
    local: Local,
    head: ObjectId,
    onto: ObjectId,
    carried: Carried,
    /// Whether the branch stands on top of the host's already.
    stays: bool,
}

impl Caught {
    /// Returns why the plan cannot be carried out, if so: conflicts, nothing to do, the person's own work in the way.
    pub fn objection(&self) -> Option<Error> {
        let plan = &self.plan;
        if !plan.conflicts.is_empty() {
            let paths: Vec<_> = plan.conflicts.iter().take(10).map(|one| one.path.clone()).collect();
            let message = format!("your commits collide with what the branch is now, in {}", paths.join(", "));
            let first = plan.wanted.first().map_or("", String::as_str);
            let by_hand =
                format!("git fetch, then git rebase --onto {} {first}^ {}", self.onto, self.local.branch.short());
            return Some(
                Error::new(Kind::Conflict, "conflicts", format!("{message}; nothing was changed"))
                    .hint(format!("to resolve them by hand: {by_hand}")),
            );
        }
        if self.is_idle() {
            let message = format!("{} has everything of yours already", self.reference.short());
            return Some(Error::new(Kind::Nothing, "nothing-to-do", message));
        }
        if plan.worktree.is_blocked() {
            let own = &plan.worktree;
            let paths = own.staged.iter().chain(&own.unstaged).chain(&own.hidden);
            let mut paths: Vec<_> = paths.map(|path| path.path.clone()).collect();
            paths.sort();
            paths.dedup();
            let message = format!("your own changes are in the way: {}", paths.join(", "));
            return Some(Error::refused("own-changes", message).hint("commit or stash them first: git stash"));
        }
        None
    }

    fn is_idle(&self) -> bool {
        let published = self.plan.push_url.is_none() || self.carried.steps.is_empty();
        let moves = if self.stays { false } else { !self.carried.steps.is_empty() || self.head != self.onto };
        !moves && published
    }
}

/// Plans to carry a person's own commits onto what the host's branch is now; nothing is touched.
///
/// Their own are those reachable from their branch and from no value that the host's ever had here: not in the reflog of
/// the remote-tracking branch, not in what was pushed or seen by an operation of this clone, not on the host now; nor from
/// what the host says that it dropped on purpose.
pub fn plan_catch_up(repository: &Repository, wish: &Catching) -> Result<Caught> {
    let local = Local::see(repository, wish.branch.as_deref())?;
    let none = |place: &str| {
        Error::not_found("no-branch", format!("there is no branch {} {place}", local.branch.short()))
            .hint("name one with --branch")
    };
    let head = local.head.ok_or_else(|| none("here"))?;
    let host = find_any_host(repository, wish.remote.as_deref())?;
    let reference = upstream(repository, &host, &local.branch);
    let onto = host.advertised.refs.get(&reference).copied().ok_or_else(|| none("on the host"))?;
    let scratch = Scratch::new(repository)?;
    scratch.fetch(repository, &host.remote, &host.advertised, std::slice::from_ref(&reference))?;
    // What this clone itself published and took back is its own again.
    let moves = moves(repository, &host.remote, &reference)?;
    let taken_back = taken_back(&moves);
    let mut others = seen_here(repository, &host.remote, &reference, &moves)?;
    others.retain(|id| !taken_back.contains(id));
    others.push(onto);
    let mut mine = own(&scratch, &head, &others)?;
    if !mine.commits.is_empty() {
        let mut dropped = dropped(repository, &scratch, &host, &reference, &head)?;
        dropped.retain(|id| !taken_back.contains(id));
        if !dropped.is_empty() {
            others.extend(dropped);
            mine = own(&scratch, &head, &others)?;
        }
    }
    let own = mine;
    let ahead = scratch.between(&[onto], &[head])?;
    let stays = scratch.between(&[head], &[onto])?.is_empty() && ahead.len() == own.commits.len() + own.merges.len();
    let carried = carry(&scratch, &own.commits, &onto, &[])?;
    let tree = if stays { scratch.tree_of(&head)? } else { carried.tree };
    let leaving = ahead.iter().filter(|id| !own.commits.contains(id) && !own.merges.contains(id)).count();
    let whole = carried.stopped.is_none();
    let head_tree = scratch.tree_of(&head)?;
    let (changes, lines) = if whole { scratch.changes(&head_tree, &tree)? } else { (vec![], [0, 0]) };
    let worktree = match &local.checkout {
        Some(checkout) if whole => in_way(&scratch, checkout, &changes)?,
        _ => Worktree::default(),
    };
    let mut warnings = vec![];
    let mut warn = |code: &str, text: String| warnings.push(Warning { code: code.into(), text });
    if leaving > 0 {
        let leave = if leaving == 1 { "leaves" } else { "leave" };
        warn("leaving", format!("{} of the host's former branch {leave} yours", text::count(leaving, "commit")));
    }
    if !own.merges.is_empty() && !stays {
        let merges = text::count(own.merges.len(), "merge");
        let [are, they] = if own.merges.len() == 1 { ["is", "it"] } else { ["are", "they"] };
        warn("merges", format!("{merges} of yours {are} left out; what {they} merged of yours comes singly"));
    }
    warnings.extend(kept_aside(&worktree));
    let mut named: Vec<ObjectId> = own.commits.clone();
    named.reverse();
    let texts = scratch.commit_texts(&named, "UTF-8")?;
    let commits = texts.iter().map(|one| PlanCommit {
        id: one.id.to_string(),
        author: one.author.clone(),
        subject: text::json_text(super::message::title(one.message.as_ref())),
        merge: false,
        mine: true,
    });
    let skipped = own.commits.iter().filter(|id| whole && !carried.steps.iter().any(|(step, _)| step == *id));
    let plan = sealed(Plan {
        schema: 1,
        plan_id: String::new(),
        operation: Verb::CatchUp,
        reference: text::json_text(reference.as_bytes()),
        ref_bytes: text::extra_bytes(reference.as_bytes()),
        remote: host.remote.name.clone(),
        push_url: wish.push.then(|| host.remote.shown_url()),
        expect_remote: Some(onto.to_string()),
        local_ref: Some(text::json_text(local.branch.as_bytes())),
        local_ref_bytes: text::extra_bytes(local.branch.as_bytes()),
        local_head: Some(head.to_string()),
        target: onto.to_string(),
        wanted: own.commits.iter().map(ToString::to_string).collect(),
        mode: None,
        mainline: None,
        include_mine: wish.push,
        resolved: None,
        result_tree: whole.then(|| tree.to_string()),
        backup: None,
        commits_count: texts.len(),
        commits: commits.collect(),
        skipped: skipped.map(ToString::to_string).collect(),
        unpublished: vec![],
        conflicts: conflicts(&carried),
        changes: Changes { files: changes.len(), insertions: lines[0], deletions: lines[1] },
        contained_in: vec![],
        worktree,
        host: None,
        warnings,
    });
    Ok(Caught { plan, scratch, remote: host.remote, speaks: host.speaks, reference, local, head, onto, carried, stays })
}

fn conflicts(carried: &Carried) -> Vec<Conflict> {
    let stopped = carried.stopped.iter();
    let one = |(commit, collisions): &(ObjectId, Vec<crate::git::Collision>)| {
        let conflict = |one: &crate::git::Collision| Conflict {
            path: text::json_text(&one.path),
            path_bytes: text::extra_bytes(&one.path),
            kind: one.kind.clone(),
            commit: Some(commit.to_string()),
        };
        collisions.iter().map(conflict).collect::<Vec<_>>()
    };
    stopped.flat_map(one).collect()
}

/// Returns every value that a branch of the host is known to have had.
fn seen_here(
    repository: &Repository,
    remote: &Remote,
    reference: &RefName,
    moves: &[(State, RemoteMove)],
) -> Result<Vec<ObjectId>> {
    let mut seen = vec![];
    if let Some(tracking) = tracking(repository, remote, reference) {
        seen.extend(repository.held_before(&tracking)?);
        seen.extend(repository.ref_id(&tracking)?);
    }
    for (_, moved) in moves {
        seen.extend(moved.old.iter().chain(&moved.new).filter_map(|id| id_of(id).ok()));
    }
    seen.retain(|id| repository.contains(id));
    seen.sort_unstable();
    seen.dedup();
    Ok(seen)
}

/// Returns what operations of this clone put on a branch of the host and undo took from it again.
fn taken_back(moves: &[(State, RemoteMove)]) -> Vec<ObjectId> {
    let undone = moves.iter().filter(|(state, _)| *state == State::Undone);
    undone.filter_map(|(_, moved)| id_of(moved.new.as_deref()?).ok()).collect()
}

/// Returns how operations of this clone moved a branch of the host.
fn moves(repository: &Repository, remote: &Remote, reference: &RefName) -> Result<Vec<(State, RemoteMove)>> {
    let mut found = vec![];
    for entry in Journal::of(repository).entries()? {
        let landed = matches!(entry.state, State::Done | State::Undone | State::Accepted);
        let Some(moved) = entry.remote.filter(|moved| landed && moved.push_url == remote.push_url) else { continue };
        if moved.reference.name()? == *reference {
            found.push((entry.state, moved));
        }
    }
    Ok(found)
}

/// Returns where a fetch puts a branch of a remote, by the remote's first refspec that covers it (git-fetch(1)).
fn tracking(repository: &Repository, remote: &Remote, reference: &RefName) -> Option<RefName> {
    let key = format!("remote.{}.fetch", remote.name.as_deref()?);
    let out = repository.git().args(["config", "--get-all", &key]).output().ok()?;
    let refspecs = String::from_utf8_lossy(&out.stdout).into_owned();
    refspecs.lines().find_map(|refspec| {
        let (from, to) = refspec.trim_start_matches('+').split_once(':')?;
        match (from.strip_suffix('*'), to.strip_suffix('*')) {
            (Some(from), Some(to)) => {
                let rest = reference.as_bytes().strip_prefix(from.as_bytes())?;
                RefName::new([to.as_bytes(), rest].concat())
            }
            _ => (from.as_bytes() == reference.as_bytes()).then(|| RefName::new(to))?,
        }
    })
}

/// Carries such a plan out, if everything is still as it saw it: the host first where it publishes, then the branch, then
/// the files. The journal's lock must be held.
pub fn apply_catch_up(repository: &Repository, journal: &Journal, plan: &Plan) -> Result<Applied> {
    let caught = plan_catch_up(repository, &Catching::of(plan))?;
    if caught.plan.plan_id != plan.plan_id {
        return Err(moved("make a new plan: run the same command with --plan"));
    }
    if let Some(objection) = caught.objection() {
        return Err(objection);
    }
    let sign = repository.config().is_true("commit", "gpgSign") == Some(true);
    let Caught { scratch, remote, speaks, reference, local, head, onto, carried, stays, .. } = caught;
    let target = if stays { head } else { commit(&scratch, &carried, &onto, sign)? };
    let mut entry = Entry::new(Verb::CatchUp, &plan.plan_id);
    let push = plan.push_url.is_some() && target != onto;
    entry.remote = push.then(|| RemoteMove {
        remote: remote.name.clone(),
        push_url: remote.push_url.clone(),
        reference: Name::from(&reference),
        old: Some(onto.to_string()),
        new: Some(target.to_string()),
    });
    entry.local = Some(LocalMove {
        reference: Name::from(&local.branch),
        old: Some(head.to_string()),
        new: Some(target.to_string()),
        checkout: local.checkout.as_ref().map(|checkout| text_of(&checkout.git_dir)),
    });
    keep(repository, journal, &scratch, &mut entry, target, (local.checkout.as_ref(), &plan.worktree))?;
    journal.write(&entry)?;
    let pushed = if push {
        let lease = Lease { name: reference.clone(), expect: Some(onto), target, is_there: false };
        let checkout = local.checkout.as_ref();
        let git = || journal.held_by(checkout.map_or_else(|| repository.git(), crate::git::Checkout::git));
        remote.deliver(repository, git, &lease, &reintroduced(journal, &scratch, &lease, speaks)?)
    } else {
        Ok(())
    };
    conclude(repository, journal, &mut entry, pushed)?;
    Ok(Applied {
        schema: 1,
        operation: Verb::CatchUp,
        undo: way_back(&entry),
        id: entry.id,
        plan_id: plan.plan_id.clone(),
        result: target.to_string(),
    })
}
