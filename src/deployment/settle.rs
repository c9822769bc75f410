//! Settling movements: each that happened gets the next number and a tag that a power cut does not take away.

use super::list::numbers_of;
use super::order::{Goal, happened, leads_to};
use super::tag::TagMessage;
use crate::audit::{Head, Log};
use crate::backup::{Catalog, Tombstone, host_store, removed};
use crate::error::{Error, Result};
use crate::git::{NewTag, ObjectId, RefName, Repository};
use crate::lock;
use crate::queue::{Database, Movement, MovementState, State};
use crate::site::{Environment, Site};
use jiff::Timestamp;
use std::cell::LazyCell;
use std::time::Duration;

/// How long a hook waits for another one that settles movements.
const LOCK_WAIT: Duration = Duration::from_secs(30);
/// How many numbers that are taken are passed over before something is wrong.
const TAKEN_MAX: u64 = 1000;
/// After how many days a movement that was noted and never seen to happen is given up.
const PENDING_DAYS: i64 = 2;

/// A deployment that was marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The movement.
    pub movement: Movement,
    /// The commit, `None` where the branch was deleted.
    pub commit: Option<ObjectId>,
    /// The tag, `None` where the branch was deleted.
    pub tag: Option<RefName>,
    /// Whether it went back.
    pub rollback: bool,
}

/// Notes a movement that a push is about to make.
pub fn note(state: &State, movement: &Movement) -> Result<()> {
    state.database()?.note_movement(movement).map(drop)
}

/// Settles a movement that its own hook says has happened, and before it every earlier one that nobody settled.
///
/// Returns them in order; the last one is the movement itself, even if another hook had settled it.
pub fn settle_landed(repository: &Repository, site: &Site, state: &State, landed: &Movement) -> Result<Vec<Settled>> {
    std::thread::scope(|scope| {
        // The tag names where the audit ends, and that is on the disk before the tag is; meanwhile it is found what happened,
        // and whether it went back.
        let audit = scope.spawn(|| audit_head(state));
        let audit = || audit.join().ok().flatten();
        settle_landed_with(repository, site, state, landed, audit)
    })
}

fn settle_landed_with(
    repository: &Repository,
    site: &Site,
    state: &State,
    landed: &Movement,
    audit: impl FnOnce() -> Option<Head>,
) -> Result<Vec<Settled>> {
    let _lock = take_lock(state)?;
    let database = state.database()?;
    let environment = site.environment(&landed.environment)?;
    let known = known(repository, site, environment, &database)?;
    let own = own_row(&database, landed, known.last)?;
    database.confirm_movement(own.id)?;
    if own.state == MovementState::Settled {
        let tag = own.tag.as_deref().and_then(RefName::tag);
        let rollback = tag.as_ref().is_some_and(|tag| says_rollback(repository, tag));
        return Ok(vec![Settled { commit: own.new, tag, rollback, movement: own }]);
    }
    let head = LazyCell::new(audit);
    let settled = settle(repository, site, environment, &database, known, &|| head.clone(), Goal::Landed(own.id))?;
    database.void_movements_before(&landed.environment, days_ago(PENDING_DAYS))?;
    Ok(settled)
}

/// Settles what pushes did to an environment's branch whose hooks died, up to what it holds now.
pub fn settle_to_tip(
    repository: &Repository,
    site: &Site,
    state: &State,
    environment: &Environment,
) -> Result<Vec<Settled>> {
    let database = state.database()?;
    if database.pending_movements(environment.name.as_str())?.is_empty() {
        return Ok(vec![]);
    }
    let _lock = take_lock(state)?;
    let known = known(repository, site, environment, &database)?;
    let tip = repository.ref_id(&environment.branch)?;
    settle(repository, site, environment, &database, known, &|| audit_head(state), Goal::Tip(tip))
}

/// An audit that cannot be read keeps no deployment from its tag.
fn audit_head(state: &State) -> Option<Head> {
    Log::of(state).head().ok().flatten()
}

fn take_lock(state: &State) -> Result<lock::Lock> {
    lock::take(&state.lock_path("deployments"), state.modes().file, LOCK_WAIT)
}

fn days_ago(days: i64) -> Timestamp {
    let seconds = crate::clock::now().as_second() - days * 86_400;
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What is known of an environment before anything is settled.
struct Known {
    /// What the branch held when last settled.
    last: Option<ObjectId>,
    /// The highest number ever used, from tags, manifests and our own count.
    number: u64,
    /// Its deployment tags, lowest number first; once there are more, they are to be listed again.
    tags: Option<Vec<(u64, ObjectId)>>,
}

fn known(repository: &Repository, site: &Site, environment: &Environment, database: &Database) -> Result<Known> {
    let name = environment.name.as_str();
    let tags = numbers_of(repository, site, environment)?;
    let highest_tag = tags.last().map_or(0, |(number, _)| *number);
    if let Some((last, number)) = database.environment(name)? {
        return Ok(Known { last, number: number.max(highest_tag), tags: Some(tags) });
    }
    let last = tags.last().and_then(|(_, id)| repository.peel_to_commit(id));
    let number = highest_tag.max(highest_in_store(site, environment)?);
    database.set_environment(name, last, number)?;
    Ok(Known { last, number, tags: Some(tags) })
}

/// Returns the highest number that the store names for an environment, in a manifest or in what stayed of a removed one; a
/// store that cannot be read has none.
pub fn highest_in_store(site: &Site, environment: &Environment) -> Result<u64> {
    let store = host_store(site);
    let Ok(catalog) = Catalog::read(&store, &site.name) else { return Ok(0) };
    let removed = removed(&store, &site.name)?;
    let tombstones = removed.iter().filter_map(|id| Tombstone::read(&store, &site.name, id).ok().flatten());
    let tags = catalog.good().filter_map(|manifest| manifest.tag.clone());
    let tags = tags.chain(tombstones.filter_map(|tombstone| tombstone.tag));
    Ok(tags.filter_map(|tag| site.template.number(&environment.name, &tag)).max().unwrap_or(0))
}

/// Finds the row that the movement's push noted, or makes one.
fn own_row(database: &Database, landed: &Movement, last: Option<ObjectId>) -> Result<Movement> {
    let like = database.movements_like(landed)?;
    let open: Vec<_> = like.iter().filter(|row| !row.confirmed).rev().collect();
    let mine = |row: &&&Movement| row.pusher == landed.pusher && row.note == landed.note;
    let noted = open.iter().filter(|row| row.state == MovementState::Pending).find(mine);
    let pending = database.pending_movements(&landed.environment)?;
    if let Some(row) = noted.filter(|row| leads_to(last, &pending, row.old)) {
        return Ok((*row).clone());
    }
    let settled = || open.iter().rev().filter(|row| row.state == MovementState::Settled);
    // Nothing of ours is pending: a quicker hook has settled it already, however far the branch has gone since.
    let overtaken = settled().find(mine).filter(|_| noted.is_none());
    // Another push of the same edge, which failed, may have been taken for ours by a hook that could not know better.
    let mistaken = || settled().find(|row| last == landed.new || noted.is_some_and(|noted| row.id > noted.id));
    match overtaken.or_else(mistaken).or(noted) {
        Some(row) => Ok((*row).clone()),
        None => database.note_movement(landed),
    }
}

fn settle(
    repository: &Repository,
    site: &Site,
    environment: &Environment,
    database: &Database,
    mut known: Known,
    audit: &dyn Fn() -> Option<Head>,
    goal: Goal,
) -> Result<Vec<Settled>> {
    let name = environment.name.as_str();
    let pending = database.pending_movements(name)?;
    let mut settled = Vec::new();
    for id in happened(known.last, database.youngest_settled(name)?, &pending, goal) {
        let Some(movement) = pending.iter().find(|movement| movement.id == id) else { continue };
        let one = mark(repository, site, environment, database, movement, audit, &mut known)?;
        database.settle_movement(id, one.tag.as_ref().map(|tag| tag.short().to_string()).as_deref())?;
        database.set_environment(name, movement.new, known.number)?;
        settled.push(one);
    }
    Ok(settled)
}

/// Tags one movement with the next free number.
fn mark(
    repository: &Repository,
    site: &Site,
    environment: &Environment,
    database: &Database,
    movement: &Movement,
    audit: &dyn Fn() -> Option<Head>,
    known: &mut Known,
) -> Result<Settled> {
    let Some(commit) = movement.new else {
        return Ok(Settled { movement: movement.clone(), commit: None, tag: None, rollback: false });
    };
    if let Some(tag) = already_marked(repository, site, environment, movement, known.number)? {
        let rollback = says_rollback(repository, &tag);
        return Ok(Settled { movement: movement.clone(), commit: Some(commit), tag: Some(tag), rollback });
    }
    let rollback = is_rollback(repository, site, environment, database, movement, &commit, known.tags.take())?;
    let message = TagMessage {
        environment: environment.name.to_string(),
        pusher: movement.pusher.clone(),
        note: movement.note.clone(),
        previous: movement.old,
        rollback,
        movement: movement.token.clone(),
        audit: audit(),
    };
    for _ in 0..TAKEN_MAX {
        known.number += 1;
        let tag = site.template.tag(&environment.name, known.number);
        if create_tag(repository, site, movement, &commit, &message, &tag)? {
            return Ok(Settled { movement: movement.clone(), commit: Some(commit), tag: Some(tag), rollback });
        }
    }
    Err(Error::failed(
        "tags-taken",
        format!("the next {TAKEN_MAX} deployment tags of {} exist already", environment.name),
    )
    .hint("look whose they are, git tag --list, and delete on the host those that no deployment made"))
}

/// A hook that died between the tag and its row left a tag that names this movement.
fn already_marked(
    repository: &Repository,
    site: &Site,
    environment: &Environment,
    movement: &Movement,
    number: u64,
) -> Result<Option<RefName>> {
    let tag = site.template.tag(&environment.name, number);
    let Some(id) = repository.ref_id(&tag)? else { return Ok(None) };
    let message = repository.tag_object(&id).and_then(|object| TagMessage::parse(&object.message));
    Ok(message.filter(|message| message.movement == movement.token).map(|_| tag))
}

fn says_rollback(repository: &Repository, tag: &RefName) -> bool {
    let object = repository.ref_id(tag).ok().flatten().and_then(|id| repository.tag_object(&id));
    object.and_then(|object| TagMessage::parse(&object.message)).is_some_and(|message| message.rollback)
}

/// A deployment goes back when it is of a commit that the branch already had: an ancestor, or an earlier deployment's.
fn is_rollback(
    repository: &Repository,
    site: &Site,
    environment: &Environment,
    database: &Database,
    movement: &Movement,
    commit: &ObjectId,
    tags: Option<Vec<(u64, ObjectId)>>,
) -> Result<bool> {
    let Some(old) = movement.old.filter(|old| repository.contains(old)) else { return Ok(false) };
    if repository.is_ancestor(commit, &old)? {
        return Ok(true);
    }
    // What we marked ourselves is known without its tag, of which there is one more with every deployment.
    let ours = database.tagged_movements(environment.name.as_str())?;
    let tags = tags.map_or_else(|| numbers_of(repository, site, environment), Ok)?;
    Ok(tags.iter().rev().any(|(number, id)| match ours.get(&site.template.short(&environment.name, *number)) {
        Some(marked) => marked.as_ref() == Some(commit),
        None => repository.leads_to(id, commit),
    }))
}

/// Creates the tag; `false` where one of that name exists.
fn create_tag(
    repository: &Repository,
    site: &Site,
    movement: &Movement,
    commit: &ObjectId,
    message: &TagMessage,
    tag: &RefName,
) -> Result<bool> {
    let short = tag.short().to_string();
    // The time is that of the push, so that tags sort as the branch moved.
    let seconds = movement.at.as_second();
    let tagger = tagger_name(&movement.pusher);
    let address = format!("{}@{}", tagger.replace(' ', "."), site.name);
    let message = message.to_text(&short);
    let new = NewTag { name: tag, commit, tagger: (&tagger, &address), seconds, message: &message };
    match repository.create_tag(&new) {
        Ok(()) => Ok(true),
        Err(_) if is_taken(repository, tag)? => Ok(false),
        Err(error) => Err(error.while_doing(format!("creating the tag {short}"))),
    }
}

/// A tag of that name exists, or tags below it, beside which git can create none.
fn is_taken(repository: &Repository, tag: &RefName) -> Result<bool> {
    Ok(repository.ref_id(tag)?.is_some() || !repository.refs_below(&format!("{tag}/"))?.is_empty())
}

/// `anna (ssh)` is `anna`; what git's format of a name does not allow is left out.
fn tagger_name(pusher: &str) -> String {
    let name = pusher.rsplit_once(" (").map_or(pusher, |(name, _)| name);
    let name: String = name.chars().filter(|c| !"<>\\\n\0".contains(*c) && !c.is_control()).collect();
    let name = name.trim_matches(|c: char| c.is_whitespace() || ".,:;\"'".contains(c)).to_owned();
    if name.is_empty() { "unknown".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tagger_is_what_git_accepts() {
        assert_eq!(tagger_name("anna (ssh)"), "anna");
        assert_eq!(tagger_name("A <b>\nc (unix)"), "A bc");
        assert_eq!(tagger_name("<> (http)"), "unknown");
        assert_eq!(tagger_name(" . , (http)"), "unknown");
    }
}
