//! Bringing operations that were killed to an end: what the host has is done here too, what it has not is given up.

use super::apply::give_up;
use super::follow::follow;
use super::journal::{Entry, Journal, RemoteMove, State};
use crate::error::{Error, Kind, Result};
use crate::git::{ObjectId, Remote, Repository, Scratch};

/// Finishes, or gives up, what was killed, the oldest first; returns what became of each. The journal's lock must be held.
///
/// Returns an error where the host cannot be asked whether it has it, or where the person's own work is in the way. What moves
/// nothing in this clone waits for its host instead.
pub fn finish(repository: &Repository, journal: &Journal) -> Result<Vec<Entry>> {
    let mut finished = vec![];
    for mut entry in journal.entries()?.into_iter().rev().filter(Entry::is_unfinished) {
        if entry.state == State::Planned {
            let landed = match is_landed(repository, &entry) {
                Err(error) if error.kind() == Kind::Outside && entry.local.is_none() => continue,
                landed => landed?,
            };
            if !landed {
                give_up(journal, &mut entry)?;
                finished.push(entry);
                continue;
            }
            entry.state = State::Accepted;
            journal.write(&entry)?;
        }
        follow(repository, journal, &mut entry, true)?;
        finished.push(entry);
    }
    Ok(finished)
}

/// Returns the host of a movement: by its name while that still stands for the place that was pushed to.
pub(super) fn remote_of(repository: &Repository, moved: &RemoteMove) -> Remote {
    let still = |name: &String| Remote::named(repository, name).is_ok_and(|now| now.push_url == moved.push_url);
    Remote { name: moved.remote.clone().filter(still), push_url: moved.push_url.clone() }
}

/// Tells whether the host has what an operation pushed; where nothing was pushed, nothing was done.
fn is_landed(repository: &Repository, entry: &Entry) -> Result<bool> {
    let Some(moved) = &entry.remote else { return Ok(false) };
    let remote = remote_of(repository, moved);
    let name = moved.reference.name()?;
    let advertised = remote.advertised(repository)?;
    let now = advertised.refs.get(&name).copied();
    let [old, new] = moved.ids()?;
    if now == new || now == old {
        return Ok(now == new);
    }
    let (Some(now), Some(new)) = (now, new.filter(|new| repository.contains(new))) else { return Ok(false) };
    // Somebody may have built on it since. A branch overwritten with an older commit is older than everything.
    let scratch = Scratch::new(repository)?;
    scratch.fetch(repository, &remote, &advertised, std::slice::from_ref(&name))?;
    let goes_on = |from: &ObjectId, to: &ObjectId| Ok::<_, Error>(scratch.between(&[*to], &[*from])?.is_empty());
    Ok(goes_on(&new, &now)?
        && !old.is_some_and(|old| goes_on(&old, &now).unwrap_or(true) && goes_on(&new, &old).unwrap_or(true)))
}
