//! Finding out whether what a push announced to us really happened.

use super::list::{all, ids_below};
use super::{BANS, Kept, PENDING, RESCUES, Record, push};
use crate::error::Result;
use crate::git::{ObjectId, RefName, Repository};

/// How many seconds before a push another one may have been judged that won the race against it.
const RACE_SECONDS: i64 = 3600;

/// What becomes of a rescue whose push is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its reference moved as it said.
    Holds,
    /// Its reference left what it held, though not as it said: it is kept, and bans nothing.
    Kept,
    /// Its reference never moved.
    Void,
}

/// Notes that these movements happened: their rescues hold from now on. Returns those.
pub fn confirm(
    repository: &Repository,
    moved: &[(RefName, Option<ObjectId>, Option<ObjectId>)],
) -> Result<Vec<Record>> {
    let mut pending = pending(repository)?;
    if pending.is_empty() {
        return Ok(vec![]);
    }
    let own = push::own_push();
    let mut confirmed = Vec::new();
    for (name, old, new) in moved {
        let like = |kept: &Kept| kept.record.name == *name && Some(kept.record.old) == *old && kept.record.new == *new;
        let mine = pending.iter().position(|kept| like(kept) && kept.record.push == own);
        if let Some(place) = mine.or_else(|| pending.iter().position(like)) {
            confirmed.push(pending.remove(place).record);
        }
    }
    let instructions: String = confirmed.iter().map(|record| format!("delete {PENDING}{}\n", record.id)).collect();
    if !instructions.is_empty() {
        repository.update_refs("cairn: rescue", instructions.as_bytes())?;
    }
    Ok(confirmed)
}

/// Settles what pushes left open whose hooks died, or that something stopped after the guard had let them go on.
pub fn reconcile(repository: &Repository) -> Result<()> {
    for kept in pending(repository)? {
        let record = &kept.record;
        if !push::is_over(record.push.as_deref(), record.at) {
            continue;
        }
        match fate(record, repository.ref_id(&record.name)?) {
            Fate::Holds => remove(repository, &[format!("delete {PENDING}{}\n", record.id)], &[])?,
            Fate::Kept if is_kept_twice(repository, record)? => forget(repository, record)?,
            Fate::Kept => remove(repository, &[format!("delete {PENDING}{}\n", record.id)], &[record])?,
            Fate::Void => forget(repository, record)?,
        }
    }
    Ok(())
}

fn fate(record: &Record, now: Option<ObjectId>) -> Fate {
    match now {
        // What a reference still holds needs no rescue.
        now if now == Some(record.old) => Fate::Void,
        now if now == record.new => Fate::Holds,
        _ => Fate::Kept,
    }
}

/// Tells whether the movement that did take the reference from what it held, made by another push, has a rescue of its own.
fn is_kept_twice(repository: &Repository, record: &Record) -> Result<bool> {
    let since = record.at.as_second() - RACE_SECONDS;
    let like = |Kept { record: other, pending, .. }: &Kept| {
        !pending && other.name == record.name && other.old == record.old && other.at.as_second() >= since
    };
    Ok(all(repository)?.iter().any(like))
}

/// Lets go of a rescue, with what it bans.
pub fn forget(repository: &Repository, record: &Record) -> Result<()> {
    let mut instructions = vec![format!("delete {RESCUES}{}\n", record.id)];
    let marker = RefName::new(format!("{PENDING}{}", record.id));
    if marker.is_some_and(|marker| repository.ref_id(&marker).ok().flatten().is_some()) {
        instructions.push(format!("delete {PENDING}{}\n", record.id));
    }
    remove(repository, &instructions, &[record])
}

fn remove(repository: &Repository, instructions: &[String], bans_of: &[&Record]) -> Result<()> {
    let mut instructions = instructions.concat();
    for record in bans_of {
        let bans = ids_below(repository, &format!("{BANS}{}/", record.id))?;
        instructions.extend(bans.iter().map(|(root, _)| format!("delete {BANS}{}/{root}\n", record.id)));
    }
    repository.update_refs("cairn: rescue", instructions.as_bytes())
}

fn pending(repository: &Repository) -> Result<Vec<Kept>> {
    let found = ids_below(repository, PENDING)?.into_iter().filter_map(|(id, tag)| {
        Some(Kept { record: Record::parse(&id, &repository.tag_object(&tag)?)?, tag, pending: true })
    });
    Ok(found.collect())
}
