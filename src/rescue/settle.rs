//! Finding out whether what a push announced to us really happened.

use super::list::ids_below;
use super::{BANS, Kept, PENDING, RESCUES, Record, push};
use crate::clock;
use crate::error::Result;
use crate::git::{ObjectId, RefName, Repository};

/// After how many seconds a push is over whose process cannot be told.
const OVER_SECONDS: i64 = 86_400;

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
    let own = push::own();
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
    let now = clock::now().as_second();
    for kept in pending(repository)? {
        let record = &kept.record;
        let over = match &record.push {
            Some(push) => !push::lives(push),
            None => now - record.at.as_second() > OVER_SECONDS,
        };
        if !over {
            continue;
        }
        match fate(record, repository.ref_id(&record.name)?) {
            Fate::Holds => remove(repository, &[format!("delete {PENDING}{}\n", record.id)], &[])?,
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
