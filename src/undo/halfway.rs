//! What stands where an operation moved files and was killed, or failed, in the middle of it: of each path what it was, what it
//! is to be, or, of an undo, what it was before all.

use super::before::{Before, id_at};
use super::files::{self, Kind};
use super::follow::Former;
use super::journal::{Entry, Journal};
use crate::error::{AtPath, Result};
use crate::git::{Checkout, ObjectId, Staged, TreeChange};
use std::collections::HashMap;

/// A file's mode and content in a tree; `None` where it is not.
type InTree = Option<(u32, ObjectId)>;

/// The files that an operation moves.
pub(super) struct Halfway<'a> {
    checkout: &'a Checkout,
    changes: &'a [TreeChange],
    /// The bytes that the files had, where the operation noted them: ids of blobs.
    old: HashMap<Vec<u8>, Option<String>>,
    /// The bytes that the files are to have in the end, where they are not those of the commit.
    own: HashMap<Vec<u8>, Option<String>>,
}

impl<'a> Halfway<'a> {
    /// Returns what an operation changes in these files; `former` is what an undo brings back.
    pub fn of(
        journal: &Journal,
        entry: &Entry,
        checkout: &'a Checkout,
        changes: &'a [TreeChange],
        former: Option<&Former>,
    ) -> Result<Self> {
        let old = Before::read(journal, entry)?.ids();
        let mut own = former.map_or_else(HashMap::new, |former| former.before.ids());
        let aside = former.iter().flat_map(|former| &former.aside);
        own.extend(aside.map(|file| (file.path.bytes(), Some(file.id.clone()))));
        Ok(Self { checkout, changes, old, own })
    }

    /// Returns the changes whose files stand as they are to be, and removes files that a killed git has only begun.
    pub fn moved(&self) -> Result<Vec<TreeChange>> {
        let staged = self.checkout.staged(self.changes);
        let mut moved = vec![];
        for (position, change) in self.changes.iter().enumerate() {
            let bytes = self.bytes(change)?;
            let is_own = || bytes.is_some() && self.own.get(change.path.as_slice()) == Some(&bytes);
            // The index is written last.
            let is_staged = staged.as_ref().is_some_and(|staged| says(staged[position].as_ref(), change.new));
            if is_staged || is_own() || self.is(change, change.new, bytes.as_deref())? {
                moved.push(change.clone());
            } else if !self.is_old(change, bytes.as_deref())? && self.is_begun(change)? {
                let path = self.checkout.path(&change.path);
                std::fs::remove_file(&path).at("remove", &path)?;
            }
        }
        Ok(moved)
    }

    /// Tells whether no file has moved yet.
    pub fn is_untouched(&self) -> Result<bool> {
        let staged = self.checkout.staged(self.changes);
        for (position, change) in self.changes.iter().enumerate() {
            let bytes = self.bytes(change)?;
            if self.is_old(change, bytes.as_deref())? {
                continue;
            }
            // What git was told not to look at need not be there.
            let is_left_out = staged.as_ref().is_some_and(|staged| {
                staged[position].is_some_and(|staged| staged.skipped || staged.assumed) && bytes.is_none()
            });
            let is_gone = change.old.is_some() && bytes.is_none() && !is_left_out;
            if is_gone || self.is(change, change.new, bytes.as_deref())? || self.is_begun(change)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The id of a file's own bytes; `None` where there is no file.
    fn bytes(&self, change: &TreeChange) -> Result<Option<String>> {
        let path = self.checkout.path(&change.path);
        let Some((_, id)) = change.old.or(change.new) else { return Ok(None) };
        if self.checkout.is_below_folders(&change.path) && files::kind(&path) == Kind::File {
            return Ok(Some(id_at(&path, id.kind())?.to_string()));
        }
        Ok(None)
    }

    fn is_old(&self, change: &TreeChange, bytes: Option<&str>) -> Result<bool> {
        let noted = self.old.get(change.path.as_slice()).is_some_and(|noted| noted.as_deref() == bytes);
        if noted && is_same_kind(change) {
            return Ok(self.has_mode(change, change.old));
        }
        Ok(noted || self.is(change, change.old, bytes)?)
    }

    /// Tells whether what stands there is this, by git's own filters.
    fn is(&self, change: &TreeChange, entry: InTree, bytes: Option<&str>) -> Result<bool> {
        if !self.checkout.is_below_folders(&change.path) {
            return Ok(entry.is_none());
        }
        Ok(self.has_mode(change, entry)
            && (is_plainly(entry, bytes, files::is_link(&self.checkout.path(&change.path)))
                || self.checkout.holds(&change.path, entry)?))
    }

    /// Tells whether a file has the one bit that changes, where it changes.
    fn has_mode(&self, change: &TreeChange, entry: InTree) -> bool {
        let wanted = entry.filter(|_| is_same_kind(change));
        wanted.is_none_or(|(mode, _)| {
            let bits = files::permissions(&self.checkout.path(&change.path));
            bits.is_ok_and(|bits| (bits & 0o100 != 0) == (mode & 0o100 != 0))
        })
    }

    fn is_begun(&self, change: &TreeChange) -> Result<bool> {
        match change.new {
            Some((mode, id)) if mode != 0o160_000 && self.checkout.is_below_folders(&change.path) => {
                self.checkout.is_begun(&change.path, &id)
            }
            _ => Ok(false),
        }
    }
}

/// Tells whether a file stays a file, and only a bit of its mode may change, as well as its bytes.
fn is_same_kind(change: &TreeChange) -> bool {
    let modes = change.old.zip(change.new).map(|((old, _), (new, _))| [old, new]);
    modes.is_some_and(|modes| modes[0] != modes[1] && modes.iter().all(|mode| mode & 0o170_000 == 0o100_000))
}

/// Tells whether these bytes are those of the tree, without any filter.
fn is_plainly(entry: InTree, bytes: Option<&str>, link: bool) -> bool {
    entry.zip(bytes).is_some_and(|((mode, id), bytes)| (mode == 0o120_000) == link && id.to_string().as_str() == bytes)
}

fn says(staged: Option<&Staged>, entry: InTree) -> bool {
    match (staged, entry) {
        (None, None) => true,
        (Some(staged), Some(entry)) => (staged.mode, staged.id) == entry && !(staged.conflicted || staged.intended),
        _ => false,
    }
}
