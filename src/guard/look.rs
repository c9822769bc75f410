//! Finding out what is to be judged: what the references really hold, and what the push does to them.

use super::judge::{Banned, Change, GitSettings, Wanted};
use super::policy::Policy;
use crate::error::Result;
use crate::git::{Config, Graph, ObjectId, RefName, Repository};
use crate::site::{Environment, Site};
use std::collections::BTreeMap;

/// One line of git's for the hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The reference.
    pub name: RefName,
    /// What the client says it holds.
    pub old: Option<ObjectId>,
    /// What it is to hold.
    pub new: Option<ObjectId>,
}

/// Reads what every reference of a push really holds, and finds what the push does to it and brings back of what was banned.
///
/// However many references there are, a few processes of git do.
pub fn look(
    repository: &Repository,
    site: &Site,
    policy: &Policy,
    banned: &[Banned],
    commands: &[Command],
) -> Result<Vec<Wanted>> {
    let standing = repository.standing(commands.iter().map(|command| &command.name))?;
    let mut wanted: Vec<Wanted> = commands
        .iter()
        .zip(standing)
        .map(|(command, (name, old))| Wanted {
            asked: command.name.clone(),
            change: roughly(&name, old, command.new),
            name,
            claimed: command.old,
            old,
            new: command.new,
            brings_back: vec![],
            in_order: false,
        })
        .collect();
    let news = classify(repository, &mut wanted)?;
    if !banned.is_empty() {
        bring_back(repository, banned, &news, &mut wanted)?;
    }
    if policy.in_order {
        order(repository, site, &mut wanted)?;
    }
    Ok(wanted)
}

/// What can be told without the history: a movement counts as a rewind until it is known to lose nothing.
fn roughly(name: &RefName, old: Option<ObjectId>, new: Option<ObjectId>) -> Change {
    match (old, new) {
        (old, new) if old == new => Change::Nothing,
        (None, _) => Change::Create,
        (_, None) => Change::Delete,
        _ if name.is_below("refs/tags/") => Change::TagMove,
        _ => Change::Rewind,
    }
}

/// Finds the movements that lose nothing, and returns the commits that are new to the references that move.
fn classify(repository: &Repository, wanted: &mut [Wanted]) -> Result<Graph> {
    let moved: Vec<usize> = (0..wanted.len()).filter(|n| wanted[*n].change == Change::Rewind).collect();
    let pairs: Vec<_> = moved.iter().filter_map(|n| Some((wanted[*n].old?, wanted[*n].new?))).collect();
    if pairs.is_empty() {
        return Ok(Graph::default());
    }
    let (forward, graph) = repository.are_ancestors(&pairs)?;
    for (n, _) in moved.into_iter().zip(forward).filter(|(_, forward)| *forward) {
        wanted[n].change = Change::Forward;
    }
    Ok(graph)
}

/// Finds what the push brings back to a visible branch or tag though it was dropped on purpose: what no visible branch
/// reaches now. Most pushes bring nothing of the kind, and for those that move branches that costs nothing.
fn bring_back(repository: &Repository, banned: &[Banned], news: &Graph, wanted: &mut [Wanted]) -> Result<()> {
    let suspected: Vec<&Banned> = banned.iter().filter(|one| news.contains(&one.root)).collect();
    // A tag that moves is no way to bring anything to where it was: what it held it may go on holding.
    let made = |one: &&Wanted| matches!(one.change, Change::Create | Change::TagMove);
    let mut from: Vec<ObjectId> = wanted.iter().filter(made).filter_map(|one| one.new).collect();
    from.extend(suspected.iter().map(|one| one.root));
    if from.is_empty() {
        return Ok(());
    }
    let mut kept: Vec<ObjectId> = repository.refs_below("refs/heads/")?.into_iter().map(|(_, id)| id).collect();
    kept.extend(wanted.iter().filter(made).filter_map(|one| one.old));
    let fresh = repository.graph(&from, &kept)?;
    let hit: Vec<&Banned> = banned.iter().filter(|one| fresh.contains(&one.root)).collect();
    if hit.is_empty() {
        return Ok(());
    }
    // Now it may cost something: by which of the references each of them comes.
    let places: Vec<usize> = (0..wanted.len()).filter(|n| wanted[*n].new.is_some()).collect();
    let new: Vec<ObjectId> = places.iter().filter_map(|n| wanted[*n].new).collect();
    let (tips, whole) = (repository.peel_in_quarantine(&new)?, repository.graph(&new, &kept)?);
    for (n, tip) in places.into_iter().zip(tips) {
        let Some(tip) = tip.filter(|_| wanted[n].change != Change::Nothing) else { continue };
        let pairs: Vec<_> = hit.iter().map(|one| (tip, one.root)).collect();
        let leads = whole.leads(&pairs).into_iter().zip(&hit);
        wanted[n].brings_back = leads.filter(|(leads, _)| *leads).map(|(_, one)| (*one).clone()).collect();
    }
    Ok(())
}

/// Finds for each deployment whether the environment before has had its commit, or this one itself.
fn order(repository: &Repository, site: &Site, wanted: &mut [Wanted]) -> Result<()> {
    let after: BTreeMap<RefName, Option<ObjectId>> = wanted.iter().map(|one| (one.name.clone(), one.new)).collect();
    for one in wanted.iter_mut() {
        let environment = site.of_branch(&one.name).filter(|environment| site.deploys(environment));
        let (Some(environment), Some(new)) = (environment, one.new) else { continue };
        one.in_order = is_in_order(repository, site, environment, &new, &after)?;
    }
    Ok(())
}

fn is_in_order(
    repository: &Repository,
    site: &Site,
    environment: &Environment,
    new: &ObjectId,
    after: &BTreeMap<RefName, Option<ObjectId>>,
) -> Result<bool> {
    let Some(from) = environment.from.as_ref().and_then(|from| site.environment(from.as_str()).ok()) else {
        return Ok(true);
    };
    let tip = match after.get(&from.branch) {
        Some(after) => *after,
        None => repository.ref_id(&from.branch)?,
    };
    if tip == Some(*new) {
        return Ok(true);
    }
    if !site.deploys(from)
        && let Some(tip) = tip
    {
        // What people develop on has had all that it holds.
        return Ok(repository.graph(&[*new], &[tip])?.is_empty() || has_had(repository, site, &[environment], new)?);
    }
    has_had(repository, site, &[environment, from], new)
}

/// Tells whether one of these environments has a deployment of the commit.
fn has_had(repository: &Repository, site: &Site, environments: &[&Environment], commit: &ObjectId) -> Result<bool> {
    let of_one = |name: &RefName| {
        let (environment, _) = site.parse_tag(std::str::from_utf8(name.short()).ok()?)?;
        environments.iter().find(|one| one.name == environment.name)
    };
    let tags = repository.refs_below("refs/tags/")?;
    let mut theirs = tags.iter().filter(|(name, _)| of_one(name).is_some());
    Ok(theirs.any(|(_, id)| repository.leads_to(id, commit)))
}

impl GitSettings {
    /// Reads them.
    pub fn of(repository: &Repository, config: &Config) -> Self {
        let denies = |name: &str| {
            let value = config.get("receive", name).map(|value| value.to_lowercase());
            !matches!(value.as_deref(), Some("ignore" | "warn" | "updateinstead" | "false" | "no" | "off" | "0"))
        };
        let is_set = |name: &str| config.is_true("receive", name) == Some(true);
        let current = || Some(repository.follow(&RefName::head())).filter(|name| *name != RefName::head());
        Self {
            deny_rewinds: is_set("denyNonFastForwards"),
            deny_deletes: is_set("denyDeletes"),
            undeletable: denies("denyDeleteCurrent").then(current).flatten(),
            immovable: (!repository.is_bare() && denies("denyCurrentBranch")).then(current).flatten(),
        }
    }
}
