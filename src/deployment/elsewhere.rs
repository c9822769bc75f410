//! What the other environments have of what moves: where it is to be seen to next.

use super::{Host, Operation, Plan, Warning};
use crate::error::Result;
use crate::git::{ObjectId, Repository};
use crate::guard::to_revert;
use crate::site::Environment;
use crate::text::{and_list, count, shell_quoted};
use bstr::ByteSlice;

/// The code of the warning that a rolled back environment is alone in having gone back.
const STILL_HELD: &str = "still-held";
/// The code of the warning that the environment before lacks what the one before that has.
pub(super) const BEHIND: &str = "behind";

/// Returns what to say of the environments that still have what leaves this one by a rollback, and what takes it out of them.
pub(super) fn still_held(
    repository: &Repository,
    host: &Host,
    environment: &Environment,
    plan: &Plan,
    [old, target]: [ObjectId; 2],
) -> Result<Option<Warning>> {
    let mut holders = vec![];
    for other in host.environments.iter().filter(|other| other.name != environment.name) {
        let Some(tip) = tip_here(repository, host, other)? else { continue };
        if repository.is_ancestor(&old, &tip)? && !is_taken_out(repository, plan, &[old, target], &tip)? {
            holders.push(other);
        }
    }
    if holders.is_empty() {
        return Ok(None);
    }
    let names: Vec<_> = holders.iter().map(|one| &one.name).collect();
    let (names, have) = (and_list(&names), if holders.len() == 1 { "has" } else { "have" });
    let mut steps = vec![];
    if let Some(developed) = holders.first().filter(|first| !host.deploying().contains(first)) {
        let branch = shell_quoted(developed.branch.short());
        let merges = plan.commits_dropped.iter().map(|one| one.merge);
        let dropped = to_revert(merges, plan.commits_dropped_count, [&target, &old]);
        steps.push(format!("git cairn revert {dropped} --branch {branch}"));
    }
    steps.extend(
        holders.iter().filter(|one| host.deploying().contains(one)).map(|one| format!("git cairn deploy {}", one.name)),
    );
    let text = format!(
        "{names} still {have} what leaves {}, and the next deployment brings it again; to take it out there: {}",
        environment.name,
        steps.join("; ")
    );
    Ok(Some(Warning { code: STILL_HELD.into(), text }))
}

/// Tells whether what leaves was taken out since: each commit by a revert, or all of it by going back to the same files.
fn is_taken_out(repository: &Repository, plan: &Plan, [old, target]: &[ObjectId; 2], tip: &ObjectId) -> Result<bool> {
    if tip == old {
        return Ok(false);
    }
    let mut objects = repository.objects()?.reader();
    if objects.tree_of(tip)? == objects.tree_of(target)? {
        return Ok(true);
    }
    let messages = repository.messages_between(old, tip)?;
    let reverted = |id: &str| messages.contains_str(format!("This reverts commit {id}"));
    Ok(plan.commits_dropped.len() == plan.commits_dropped_count
        && plan.commits_dropped.iter().all(|one| reverted(&one.id)))
}

/// Returns what to say before a deployment of what the environment before has, or has never had.
pub(super) fn before_that(
    repository: &Repository,
    host: &Host,
    environment: &Environment,
    target: &ObjectId,
    named: bool,
) -> Result<Option<Warning>> {
    let Some(from) = environment.from.as_ref() else { return Ok(None) };
    let Some(from) = host.deploying().iter().find(|one| one.name == *from) else { return Ok(None) };
    let tip = tip_here(repository, host, from)?;
    if named {
        let had =
            [from, environment].iter().flat_map(|one| host.deployments(one)).any(|(.., commit)| commit == *target);
        if had || tip.is_some_and(|tip| repository.is_ancestor(target, &tip).unwrap_or(true)) {
            return Ok(None);
        }
        let short = target.to_hex_with_len(10);
        let text = format!("{0} never had this; to see it there first: git cairn deploy {0} {short}", from.name);
        return Ok(Some(Warning { code: "untried".into(), text }));
    }
    let before = from.from.as_ref().and_then(|before| host.environment(before.as_str()).ok());
    let Some((before, tip)) = before.zip(tip) else { return Ok(None) };
    let Some(newer) = tip_here(repository, host, before)? else { return Ok(None) };
    let ahead = repository.count_between(Some(&tip), &newer)?;
    let text = format!(
        "{0} lacks {1} that {2} has; to deploy those too, first: git cairn deploy {0}",
        from.name,
        count(ahead, "commit"),
        before.name
    );
    Ok((ahead > 0).then(|| Warning { code: BEHIND.into(), text }))
}

/// Returns an environment's commit on the host, once it is in this clone.
fn tip_here(repository: &Repository, host: &Host, environment: &Environment) -> Result<Option<ObjectId>> {
    host.remote.fetch(repository, &host.advertised, std::slice::from_ref(&environment.branch))?;
    Ok(host.tip(environment).filter(|tip| repository.contains(tip)))
}

impl Plan {
    /// Returns what is to be seen to after a rollback: the environments that still have what left, and the commands for them.
    pub fn to_do_next(&self) -> Option<&str> {
        let of_rollback = self.operation == Operation::Rollback;
        self.warnings.iter().find(|one| of_rollback && one.code == STILL_HELD).map(|one| one.text.as_str())
    }
}
