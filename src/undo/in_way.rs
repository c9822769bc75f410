//! What of a person's own work stands where files are about to change.

use super::files::{self, Kind};
use super::plan::{WorkPath, Worktree};
use crate::error::{Error, Result};
use crate::git::{Checkout, Scratch, TreeChange};
use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeSet;

/// Returns a person's own work in the way of these changes to the files of a work tree.
///
/// Returns an error for what can neither be left nor kept aside: a repository, a pipe, a device.
pub(super) fn in_way(scratch: &Scratch, checkout: &Checkout, changes: &[TreeChange]) -> Result<Worktree> {
    let own = checkout.own_work(scratch, changes)?;
    let mut hidden = vec![];
    for change in changes.iter().filter(|change| own.flagged.contains(&change.path)) {
        // A file that a sparse checkout leaves out is missing on purpose.
        let missing = files::kind(&checkout.path(&change.path)) == Kind::Nothing;
        if !missing && !checkout.holds(&change.path, change.old)? {
            hidden.push(WorkPath::new(&change.path));
        }
    }
    let untracked = untracked(checkout, changes, &own.staged)?;
    let ignored = if untracked.is_empty() { BTreeSet::new() } else { checkout.ignored(&untracked)? };
    let (ignored_in_way, untracked_in_way): (Vec<_>, Vec<_>) =
        untracked.iter().partition(|path| ignored.contains(*path));
    let paths = |paths: &mut dyn Iterator<Item = &BString>| paths.map(|path| WorkPath::new(path)).collect::<Vec<_>>();
    Ok(Worktree {
        staged: paths(&mut own.staged.iter()),
        unstaged: paths(&mut own.unstaged.iter()),
        untracked_in_way: paths(&mut untracked_in_way.into_iter()),
        ignored_in_way: paths(&mut ignored_in_way.into_iter()),
        hidden,
    })
}

/// Returns files that git does not track and that stand where one comes, or above it, or below it.
fn untracked(checkout: &Checkout, changes: &[TreeChange], staged: &BTreeSet<BString>) -> Result<Vec<BString>> {
    let tracked: BTreeSet<&BStr> =
        changes.iter().filter(|change| change.old.is_some()).map(|change| change.path.as_bstr()).collect();
    let mut found = BTreeSet::new();
    // A path that changes is tracked, and its state is git's to tell.
    let comes = |change: &&TreeChange| change.new.is_some() && change.old.is_none() && !staged.contains(&change.path);
    let mut open: Option<Vec<u8>> = None;
    for change in changes.iter().filter(comes) {
        let path = change.path.as_slice();
        let above = path.rfind_byte(b'/').map_or(&b""[..], |end| &path[..end]);
        if open.as_deref() != Some(above) {
            if let Some(blocking) = file_above(checkout, path) {
                if !tracked.contains(blocking.as_bstr()) {
                    found.insert(BString::from(blocking));
                }
                continue;
            }
            open = Some(above.to_vec());
        }
        let is_repository = change.new.is_some_and(|(mode, _)| mode == 0o160_000);
        match files::kind(&checkout.path(path)) {
            Kind::Nothing => {}
            Kind::File => drop(found.insert(path.into())),
            Kind::Folder if is_repository => {}
            Kind::Folder => below(checkout, path, &tracked, &mut found)?,
            Kind::Other => return Err(cannot_keep(path)),
        }
    }
    Ok(found.into_iter().collect())
}

/// Returns the folder of a path that is no folder but a file.
fn file_above<'a>(checkout: &Checkout, path: &'a [u8]) -> Option<&'a [u8]> {
    let ends = path.find_iter("/");
    ends.map(|end| &path[..end]).find(|above| matches!(files::kind(&checkout.path(above)), Kind::File | Kind::Other))
}

fn below(checkout: &Checkout, folder: &[u8], tracked: &BTreeSet<&BStr>, found: &mut BTreeSet<BString>) -> Result<()> {
    for name in files::names_in(&checkout.path(folder))? {
        let path = [folder, b"/", name.as_slice()].concat();
        if name == ".git" {
            return Err(cannot_keep(folder));
        }
        match files::kind(&checkout.path(&path)) {
            Kind::Folder => below(checkout, &path, tracked, found)?,
            Kind::Other => return Err(cannot_keep(&path)),
            Kind::File if !tracked.contains(path.as_bstr()) => drop(found.insert(path.into())),
            Kind::File | Kind::Nothing => {}
        }
    }
    Ok(())
}

fn cannot_keep(path: &[u8]) -> Error {
    let path = crate::text::shown(path);
    Error::refused("in-the-way", format!("{path} stands where a file is to come, and it cannot be kept aside"))
        .hint(format!("move {path} away, then run the same command again"))
}
