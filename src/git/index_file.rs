//! The index of a clone, read as data (gitformat-index(5)).

use super::index_lines::IndexLine;
use super::{HashKind, ObjectId};
use crate::error::{Error, Result};
use bstr::{BStr, ByteSlice};
use gix::index::entry::{Flags, Mode};
use std::fs::File;
use std::ops::Range;
use std::path::Path;

/// What an index says of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the flags of an index")]
pub struct Staged {
    /// Its mode in git's tree; that of a folder where the index is sparse.
    pub mode: u32,
    /// The id of its content.
    pub id: ObjectId,
    /// Whether a merge has left it undecided.
    pub conflicted: bool,
    /// Whether it is only announced (`git add -N`).
    pub intended: bool,
    /// Whether git was told not to look at it (`git update-index --assume-unchanged`).
    pub assumed: bool,
    /// Whether git was told that it need not be there (`git update-index --skip-worktree`, git-sparse-checkout(1)).
    pub skipped: bool,
}

/// The mode that git's tree has for one of an index; that of a folder where the index is sparse.
pub(super) fn mode_in_tree(mode: Mode) -> u32 {
    match mode {
        mode if mode == Mode::DIR => 0o40_000,
        mode if mode.contains(Mode::COMMIT) => 0o160_000,
        mode if mode.contains(Mode::SYMLINK) => 0o120_000,
        mode if mode.contains(Mode::FILE_EXECUTABLE) => 0o100_755,
        _ => 0o100_644,
    }
}

/// An index.
pub struct IndexFile(gix::index::File);

impl IndexFile {
    /// Reads one that was opened from `path`, where its shared part may lie beside it (git-update-index(1), split index).
    ///
    /// Returns an error for one that is damaged or newer than we are.
    pub fn read(file: &File, path: &Path, kind: HashKind) -> Result<Self> {
        let options = || gix::index::decode::Options { thread_limit: Some(2), ..Default::default() };
        // By its descriptor, so that it is the file that was looked at.
        let opened = crate::os::path_of(file);
        let whole = opened.and_then(|opened| gix::index::File::at(opened, kind, true, options()).ok());
        let whole = whole.map_or_else(|| gix::index::File::at(path, kind, true, options()), Ok);
        let whole = whole.map_err(|error| {
            let message = format!("the index {} cannot be read: {error}", path.display());
            Error::damaged("index", message).hint("make it again there: git read-tree HEAD")
        })?;
        Ok(Self(whole))
    }

    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        self.0.entries().len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the path of an entry; entries are sorted by it. One path has several where it is conflicted.
    pub fn path(&self, position: usize) -> &BStr {
        self.0.entries()[position].path(&self.0)
    }

    /// Returns what it says of a path, by the range of entries that have it.
    pub fn staged(&self, entries: Range<usize>) -> Staged {
        let first = &self.0.entries()[entries.start];
        let conflicted = entries.len() > 1 || first.stage_raw() != 0;
        Staged {
            mode: mode_in_tree(first.mode),
            id: first.id,
            conflicted,
            intended: first.flags.contains(Flags::INTENT_TO_ADD),
            assumed: first.flags.contains(Flags::ASSUME_VALID),
            skipped: first.flags.contains(Flags::SKIP_WORKTREE),
        }
    }

    /// Returns what it says of the path.
    pub fn find(&self, path: &BStr) -> Option<Staged> {
        self.0.entry_range(path).filter(|range| !range.is_empty()).map(|range| self.staged(range))
    }

    /// Returns what it says of these paths, in their order; `None` where it names folders in the place of what is in them
    /// (git-sparse-checkout(1), sparse index).
    pub(super) fn lines(&self, paths: &[&BStr]) -> Option<Vec<Option<IndexLine>>> {
        let line = |range: Range<usize>| {
            let first = &self.0.entries()[range.start];
            IndexLine { mode: first.mode, stat: first.stat, staged: self.staged(range) }
        };
        let line = |path: &&BStr| self.0.entry_range(path).filter(|range| !range.is_empty()).map(line);
        (!self.0.is_sparse()).then(|| paths.iter().map(line).collect())
    }

    /// Splits entries that all begin with `folder` (empty, or ending in a slash) by their next name: each name, whether it is
    /// a folder, and its entries.
    pub fn children(&self, entries: Range<usize>, folder: &BStr) -> Vec<(&BStr, bool, Range<usize>)> {
        let mut found = Vec::new();
        let mut position = entries.start;
        while position < entries.end {
            let rest = &self.path(position)[folder.len()..];
            let (name, is_folder) = match rest.find_byte(b'/') {
                // A sparse index names a folder with a slash at its end.
                Some(slash) if slash + 1 < rest.len() => (&rest[..slash], true),
                Some(slash) => (&rest[..slash], false),
                None => (rest, false),
            };
            let whole = folder.len() + name.len();
            let same = |at: usize| {
                let path = self.path(at);
                path[folder.len()..].starts_with(name)
                    && if is_folder { path.get(whole) == Some(&b'/') } else { path.len() <= whole + 1 }
            };
            let end = position + first_false(entries.end - position, |offset| same(position + offset));
            found.push((name.as_bstr(), is_folder, position..end));
            position = end;
        }
        found
    }
}

/// The first offset below `count` for which `holds` does not hold, given that it holds for all before.
fn first_false(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    // Most runs are short: look near before far.
    let mut step = 1;
    while step < count && holds(step) {
        step *= 2;
    }
    let (mut low, mut high) = (step / 2, step.min(count));
    while low < high {
        let middle = usize::midpoint(low, high);
        if holds(middle) { low = middle + 1 } else { high = middle }
    }
    low
}
