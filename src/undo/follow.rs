//! This clone follows what the host accepted: the branch, then the files. Each step can be done twice, so that an operation
//! that was killed is finished by doing it again.

use super::apply::give_up;
use super::before::{Before, id_at, place};
use super::files::{self, Kind as FileKind};
use super::halfway::Halfway;
use super::journal::{CapturedFile, Entry, Journal, LocalMove, State};
use super::{Verb, id_of};
use crate::error::{AtPath, Error, Kind, Result};
use crate::git::{Checkout, ObjectId, Repository, Scratch, TreeChange};

/// How the files did not follow.
enum Stop {
    /// They are what they were.
    Unmoved(Error),
    /// Some have moved; the next command goes on.
    Halfway(Error),
}

/// What an undo brings back beside what the commits have.
pub(super) struct Former {
    /// What stood where files moved.
    pub before: Before,
    /// Folders that were not there when the undo began.
    made: Before,
    /// Files that were kept aside.
    pub aside: Vec<CapturedFile>,
}

/// Moves the branch and the files of this clone, and marks the operation as done; `again` where it may have been begun.
pub(super) fn follow(repository: &Repository, journal: &Journal, entry: &mut Entry, again: bool) -> Result<()> {
    if let Some(local) = entry.local.clone()
        && let [Some(old), Some(new)] = local.ids()?
    {
        move_branch(repository, journal, entry, &local, old, new)?;
        if let Some(checkout) = checkout_of(repository, &local) {
            match move_files(repository, journal, entry, &checkout, old, new, again) {
                Ok(()) => {}
                Err(Stop::Unmoved(error)) => {
                    return Err(back(repository, journal, entry, &local, [old, new], again, &error));
                }
                Err(Stop::Halfway(error)) => return Err(halfway(entry, &error)),
            }
        }
    }
    done(journal, entry)
}

/// Marks an operation as done, and the one that it takes back as taken back.
fn done(journal: &Journal, entry: &mut Entry) -> Result<()> {
    if let Some(id) = &entry.undoes {
        let mut undone = journal.entry(id)?;
        undone.state = State::Undone;
        journal.write(&undone)?;
    }
    entry.state = State::Done;
    journal.write(entry)
}

fn halfway(entry: &Entry, error: &Error) -> Error {
    let message = format!("the {} is done but for some files: {error}", entry.operation.word());
    Error::new(Kind::Partial, "halfway", message)
        .hint("mend what it names, then run the same command again: it goes on")
}

/// The work tree the branch is checked out in, if it is the one we are in.
fn checkout_of(repository: &Repository, local: &LocalMove) -> Option<Checkout> {
    let checkout = Checkout::of(repository)?;
    (local.checkout.as_deref() == Some(files::text_of(&checkout.git_dir).as_str())).then_some(checkout)
}

fn move_branch(
    repository: &Repository,
    journal: &Journal,
    entry: &mut Entry,
    local: &LocalMove,
    old: ObjectId,
    new: ObjectId,
) -> Result<()> {
    let branch = local.reference.name()?;
    if local.checkout.is_some() && checkout_of(repository, local).is_none() {
        let message = format!("{} of {} was killed in another work tree", entry.operation.word(), branch.short());
        return Err(Error::refused("unfinished", message).hint("run git cairn there to finish it"));
    }
    if repository.ref_id(&branch)? == Some(new) {
        return Ok(());
    }
    let line = [b"update ", branch.as_bytes(), format!(" {new} {old}\n").as_bytes()].concat();
    let Err(error) = repository.update_refs(&format!("cairn {}", entry.operation.word()), &line) else { return Ok(()) };
    // Somebody moved it meanwhile, and what they have there is theirs.
    ended_there(journal, entry)?;
    Err(partly(entry, &format!("{} moved here meanwhile ({error})", branch.short())))
}

/// Ends an operation whose branch here stays as it is.
fn ended_there(journal: &Journal, entry: &mut Entry) -> Result<()> {
    if entry.remote.is_none() {
        return give_up(journal, entry);
    }
    entry.local = None;
    done(journal, entry)
}

fn partly(entry: &Entry, why: &str) -> Error {
    let Some(moved) = &entry.remote else {
        return Error::refused("own-changes", format!("{why}; nothing was changed"))
            .hint("see to it, then run it again");
    };
    let bring = match (entry.operation, &moved.new) {
        // What goes is on top of what comes back: there is nothing to catch up with.
        (Verb::Undo, Some(new)) => format!("git cairn reset {new} --overwrite-history --no-push"),
        _ => "git cairn catch-up".into(),
    };
    Error::new(Kind::Partial, "partly", format!("the host has it, but this clone could not follow: {why}"))
        .hint(format!("bring it here when you are ready: {bring}"))
}

/// Takes the branch back where the files cannot follow, so that the two still fit; what was begun before stays to be finished.
fn back(
    repository: &Repository,
    journal: &Journal,
    entry: &mut Entry,
    local: &LocalMove,
    [old, new]: [ObjectId; 2],
    again: bool,
    error: &Error,
) -> Error {
    if again {
        let message = format!("a {} that was killed cannot be finished: {error}", entry.operation.word());
        return Error::refused("unfinished", message)
            .hint("commit or move away what it names, then run the same command again");
    }
    let returned = local.reference.name().and_then(|branch| {
        let line = [b"update ", branch.as_bytes(), format!(" {old} {new}\n").as_bytes()].concat();
        repository.update_refs("cairn: the files could not follow", &line)
    });
    if returned.is_ok() {
        let _ = ended_there(journal, entry);
    }
    partly(entry, &error.to_string())
}

/// Moves index and files, under git's own lock of the index, which names the operation so that the next command knows whose
/// it is.
fn move_files(
    repository: &Repository,
    journal: &Journal,
    entry: &Entry,
    checkout: &Checkout,
    old: ObjectId,
    new: ObjectId,
    again: bool,
) -> std::result::Result<(), Stop> {
    let lock = checkout.git_dir.join("index.lock");
    let own = journal.path(entry, "lock");
    let locked = std::fs::write(&own, format!("{}\n", entry.id)).at("write", &own);
    locked.map_err(Stop::Unmoved)?;
    if std::fs::hard_link(&own, &lock).is_err() && std::fs::read(&lock).ok() != std::fs::read(&own).ok() {
        let _ = std::fs::remove_file(&own);
        let hint = format!("run this again when it has ended; where none runs: rm {}", lock.display());
        let error = Error::refused("index-locked", "another git command works here (index.lock)").hint(hint);
        return Err(Stop::Unmoved(error));
    }
    for stale in ["index", "index.lock", "file"] {
        let _ = std::fs::remove_file(journal.path(entry, stale));
    }
    let moved = move_locked(repository, journal, entry, checkout, [old, new], again);
    for left in [lock, own, journal.path(entry, "index")] {
        let _ = std::fs::remove_file(left);
    }
    moved
}

fn move_locked(
    repository: &Repository,
    journal: &Journal,
    entry: &Entry,
    checkout: &Checkout,
    [old, new]: [ObjectId; 2],
    again: bool,
) -> std::result::Result<(), Stop> {
    let (copy, index) = (journal.path(entry, "index"), checkout.git_dir.join("index"));
    let scratch = Scratch::new(repository).map_err(Stop::Unmoved)?;
    let former = former(&scratch, journal, entry).map_err(Stop::Unmoved)?;
    let mut changes = vec![];
    let moved = (|| {
        changes = scratch.changed(&scratch.tree_of(&old)?, &scratch.tree_of(&new)?)?;
        if index.exists() {
            std::fs::copy(&index, &copy).at("copy", &index)?;
        }
        set_aside(checkout, entry, &changes, again)?;
        let halfway = |changes| Halfway::of(journal, entry, checkout, changes, former.as_ref());
        let moved = if again { halfway(&changes)?.moved()? } else { vec![] };
        checkout.move_files(&scratch, |git| journal.held_by(git), &copy, [&old, &new], &changes, &moved)
    })();
    if let Err(error) = moved {
        let halfway = Halfway::of(journal, entry, checkout, &changes, former.as_ref());
        let is_untouched = again || halfway.and_then(|halfway| halfway.is_untouched()).unwrap_or(false);
        put_back(&scratch, journal, checkout, entry);
        return Err(if is_untouched { Stop::Unmoved(error) } else { Stop::Halfway(error) });
    }
    let rest = (|| {
        if let Some(Former { before, made, aside }) = &former {
            let passing = journal.path(entry, "file");
            let replaced = before.bring_back(&scratch, checkout, &passing, aside, made)?;
            checkout.adopt(&copy, changes.iter().filter(|change| replaced.contains(&change.path)))?;
            checkout.refresh(&copy)?;
            checkout.set_flags(&copy, &before.flags(checkout))?;
        }
        // Windows syncs only what is open to be written.
        let synced = std::fs::OpenOptions::new().write(true).open(&copy).and_then(|file| file.sync_all());
        synced.and_then(|()| std::fs::rename(&copy, &index)).at("replace", &index)
    })();
    rest.map_err(Stop::Halfway)
}

/// Returns what an undo brings back beside what the commits have.
fn former(scratch: &Scratch, journal: &Journal, entry: &Entry) -> Result<Option<Former>> {
    let Some(undone) = entry.undoes.as_ref().map(|id| journal.entry(id)).transpose()? else { return Ok(None) };
    if undone.local.as_ref().is_none_or(|local| local.checkout.is_none()) {
        return Ok(None);
    }
    if undone.captured.is_some() {
        scratch.take_in(&journal.path(&undone, "pack"))?;
    }
    let (before, made) = (Before::read(journal, &undone)?, Before::read(journal, entry)?);
    Ok(Some(Former { before, made, aside: undone.captured.map_or(vec![], |captured| captured.files) }))
}

/// Removes the files that were kept aside, each only while it is what was kept.
fn set_aside(checkout: &Checkout, entry: &Entry, changes: &[TreeChange], again: bool) -> Result<()> {
    let Some(captured) = &entry.captured else { return Ok(()) };
    for file in &captured.files {
        let bytes = file.path.bytes();
        let path = checkout.path(&bytes);
        let comes = changes.iter().find(|change| change.path == bytes).and_then(|change| change.new);
        let stands = checkout.is_below_folders(&bytes) && files::kind(&path) == FileKind::File;
        if !stands || comes.is_some() && checkout.holds(&bytes, comes)? {
            continue;
        }
        let kept = id_of(&file.id)?;
        if id_at(&path, kept.kind())? != kept {
            if let Some((_, id)) = comes.filter(|_| again)
                && checkout.is_begun(&bytes, &id)?
            {
                continue;
            }
            let message = format!("{} is in the way and has changed since it was kept aside", file.path.path);
            return Err(Error::refused("in-the-way", message).hint("move it away, and run this again"));
        }
        std::fs::remove_file(&path).at("remove", &path)?;
        // Folders that only held it would be in the way of a file.
        for above in path.ancestors().skip(1).take_while(|above| *above != checkout.work_tree) {
            if std::fs::remove_dir(above).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Puts the files that were kept aside back where nothing came in their place.
fn put_back(scratch: &Scratch, journal: &Journal, checkout: &Checkout, entry: &Entry) {
    let Some(captured) = &entry.captured else { return };
    let passing = journal.path(entry, "file");
    if scratch.take_in(&journal.path(entry, "pack")).is_err() {
        return;
    }
    for file in &captured.files {
        let path = checkout.path(&file.path.bytes());
        if files::kind(&path) == FileKind::Nothing {
            let _ = place(scratch, &path, &passing, &file.id, file.permissions, file.link);
        }
    }
}
