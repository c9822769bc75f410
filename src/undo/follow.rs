//! This clone follows what the host accepted: the branch, then the files. Each step can be done twice, so that an operation
//! that was killed is finished by doing it again.

use super::apply::{branch_of, give_up};
use super::files::{self, Kind as FileKind};
use super::id_of;
use super::journal::{Entry, Journal, LocalMove, State};
use crate::error::{AtPath, Error, Kind, Result};
use crate::git::{Checkout, ObjectId, Remote, Repository, Scratch, TreeChange};
use std::path::Path;

/// Finishes, or gives up, what was killed; returns what became of each. The journal's lock must be held.
///
/// Returns an error where the host cannot be asked whether it has it, or where the person's own work is in the way.
pub fn finish(repository: &Repository, journal: &Journal) -> Result<Vec<Entry>> {
    let mut finished = vec![];
    let ours =
        |entry: &Entry| matches!(entry.operation, super::Verb::Revert | super::Verb::Reset | super::Verb::CatchUp);
    for mut entry in journal.entries()?.into_iter().filter(|entry| entry.is_unfinished() && ours(entry)) {
        if entry.state == State::Planned {
            if !is_landed(repository, &entry)? {
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

/// Tells whether the host has what an operation pushed; where nothing was pushed, nothing was done.
fn is_landed(repository: &Repository, entry: &Entry) -> Result<bool> {
    let Some(moved) = &entry.remote else { return Ok(false) };
    let remote = Remote { name: moved.remote.clone(), push_url: moved.push_url.clone() };
    let name = moved.reference.name()?;
    let advertised = remote.advertised(repository)?;
    let Some(now) = advertised.refs.get(&name) else { return Ok(false) };
    let new = moved.new.as_deref().map(id_of).transpose()?;
    let old = moved.old.as_deref().map(id_of).transpose()?;
    if Some(*now) == old {
        return Ok(false);
    }
    let Some(new) = new.filter(|new| repository.contains(new)) else { return Ok(false) };
    if *now == new {
        return Ok(true);
    }
    // Somebody may have built on it since. A branch overwritten with an older commit is older than everything.
    let scratch = Scratch::new(repository)?;
    scratch.fetch(repository, &remote, &advertised, std::slice::from_ref(&name))?;
    let goes_on = |from: &ObjectId, to: &ObjectId| Ok::<_, Error>(scratch.between(&[*to], &[*from])?.is_empty());
    Ok(goes_on(&new, now)?
        && !old.is_some_and(|old| goes_on(&old, now).unwrap_or(true) && goes_on(&new, &old).unwrap_or(true)))
}

/// Moves the branch and the files of this clone, and marks the operation as done; `again` where it may have been begun.
pub(super) fn follow(repository: &Repository, journal: &Journal, entry: &mut Entry, again: bool) -> Result<()> {
    if let Some(local) = entry.local.clone() {
        let ids = [&local.old, &local.new].map(|id| id.as_deref().map(id_of).transpose());
        let [old, new] = ids;
        if let (Some(old), Some(new)) = (old?, new?) {
            move_branch(repository, journal, entry, &local, old, new)?;
            if let Some(checkout) = checkout_of(repository, &local) {
                let moved = move_files(repository, journal, entry, &checkout, old, new, again);
                moved.map_err(|error| back(repository, journal, entry, &local, [old, new], again, &error))?;
            }
        }
    }
    entry.state = State::Done;
    journal.write(entry)
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
    let branch = branch_of(local)?;
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
    entry.state = State::Done;
    entry.local = None;
    journal.write(entry)?;
    Err(partly(entry, &format!("{} moved here meanwhile ({error})", branch.short())))
}

fn partly(entry: &Entry, why: &str) -> Error {
    let done =
        if entry.remote.is_some() { "the host has it, but this clone could not follow" } else { "it was not done" };
    Error::new(Kind::Partial, "partly", format!("{done}: {why}")).hint("bring it here when you are ready: git pull")
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
    let returned = branch_of(local).and_then(|branch| {
        let line = [b"update ", branch.as_bytes(), format!(" {old} {new}\n").as_bytes()].concat();
        repository.update_refs("cairn: the files could not follow", &line)
    });
    if returned.is_ok() {
        entry.state = State::Done;
        entry.local = None;
        let _ = journal.write(entry);
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
) -> Result<()> {
    let scratch = Scratch::new(repository)?;
    let (changes, _) = scratch.changes(&scratch.tree_of(&old)?, &scratch.tree_of(&new)?)?;
    let (copy, own, lock) =
        (journal.path(entry, "index"), journal.path(entry, "lock"), checkout.git_dir.join("index.lock"));
    let index = checkout.git_dir.join("index");
    std::fs::write(&own, format!("{}\n", entry.id)).at("write", &own)?;
    if std::fs::hard_link(&own, &lock).is_err() && std::fs::read(&lock).ok() != std::fs::read(&own).ok() {
        let _ = std::fs::remove_file(&own);
        return Err(Error::refused("index-locked", "another git command works here (index.lock)"));
    }
    for stale in [copy.clone(), journal.path(entry, "index.lock")] {
        let _ = std::fs::remove_file(stale);
    }
    let moved = (|| {
        if index.exists() {
            std::fs::copy(&index, &copy).at("copy", &index)?;
        }
        set_aside(checkout, entry, &changes)?;
        let adopt = if again { half_done(checkout, &changes)? } else { vec![] };
        checkout.move_files(&copy, &old, &new, &adopt)?;
        let synced = std::fs::File::open(&copy).and_then(|file| file.sync_all());
        synced.and_then(|()| std::fs::rename(&copy, &index)).at("replace", &index)
    })();
    if moved.is_err() {
        put_back(&scratch, journal, checkout, entry);
    }
    for left in [&lock, &own, &copy] {
        let _ = std::fs::remove_file(left);
    }
    moved
}

/// Removes the files that were kept aside, each only while it is what was kept.
fn set_aside(checkout: &Checkout, entry: &Entry, changes: &[TreeChange]) -> Result<()> {
    let Some(captured) = &entry.captured else { return Ok(()) };
    for file in &captured.files {
        let bytes = file.path.bytes();
        let path = checkout.path(&bytes);
        let comes = changes.iter().find(|change| change.path == bytes).and_then(|change| change.new);
        if files::kind(&path) != FileKind::File || comes.is_some() && checkout.holds(&bytes, comes)? {
            continue;
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
    for file in &captured.files {
        let bytes = file.path.bytes();
        let path = checkout.path(&bytes);
        if files::kind(&path) == FileKind::Nothing {
            let _ = restore(scratch, &journal.path(entry, "pack"), &captured.commit, &bytes, file.permissions, &path);
        }
    }
}

fn restore(scratch: &Scratch, pack: &Path, commit: &str, name: &[u8], permissions: u32, path: &Path) -> Result<()> {
    let bytes = std::fs::read(pack).at("read", pack)?;
    scratch.git().args(["unpack-objects", "-q"]).read_with(&bytes)?;
    let spec = [commit.as_bytes(), b":", name].concat();
    let content = scratch.git().args(["cat-file", "blob"]).arg(files::argument(&spec)).read()?;
    let mode = scratch.git().args(["ls-tree", commit, "--"]).arg(files::argument(name)).read()?;
    files::write(path, &content, permissions, mode.starts_with(b"120000"))
}

/// Returns the paths that already have what they are to have, and removes files that a killed git has only begun.
fn half_done(checkout: &Checkout, changes: &[TreeChange]) -> Result<Vec<TreeChange>> {
    let mut done = vec![];
    for change in changes {
        if checkout.holds(&change.path, change.new)? {
            done.push(change.clone());
        } else if !checkout.holds(&change.path, change.old)?
            && let Some((_, id)) = change.new.filter(|(mode, _)| *mode != 0o160_000)
            && checkout.is_begun(&change.path, &id)?
        {
            let path = checkout.path(&change.path);
            std::fs::remove_file(&path).at("remove", &path)?;
        }
    }
    Ok(done)
}
