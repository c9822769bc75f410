//! What stands in a served work tree that no commit holds: found by looking at the real files, and told in values.
//!
//! The rules are git's (what is ignored, how lines end, what a rename is), but nothing of the tree is acted upon: no hook,
//! monitor or driver that it or its config names is run, no filter but one that the host's own config defines, no link is
//! followed out of it, nothing in it is written.

mod cache;
mod compare;
mod content;
mod contents;
mod folder;
mod foreign;
mod hidden;
mod inside;
mod look;
mod owners;
mod place;
mod renames;
mod repositories;
mod similarity;
mod standing;
mod walk;

pub mod patch;

pub use crate::os::Stamp;
pub use content::{Content, NotContent};
pub use contents::Contents;
pub use look::{Options, look};
pub use owners::Owners;
pub use place::{Kept, WorkTree};
pub use repositories::look_inside;
pub use standing::{Candidate, Standing, look_at_deployed};

use crate::git::ObjectId;
use bstr::BString;
use std::path::PathBuf;

/// The mode of a file that may be run, in git's tree.
pub const EXECUTABLE: u32 = 0o100_755;
/// The mode of a file that may not.
pub const REGULAR: u32 = 0o100_644;
/// The mode of a symbolic link.
pub const LINK: u32 = 0o120_000;
/// The mode of another repository's commit.
pub const GITLINK: u32 = 0o160_000;

/// What happened to a path, seen from the commit the tree stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Its content is another; its permission to be run may be too.
    Modified,
    /// The commit does not have it.
    Added,
    /// The tree does not have it.
    Deleted,
    /// It stood at [`Change::from`] before, with this or similar content.
    Renamed,
    /// Only its permission to be run is another.
    Mode,
    /// It is a file where there was a link, or the other way round, or a repository.
    Type,
    /// A repository of its own: a submodule at another commit or with edits, one that stands here untracked, or the served
    /// clone itself where it holds commits or stashes that the host lacks (then the path is empty).
    Repository,
}

impl Kind {
    /// Every kind, in the order in which a summary has them.
    pub const ALL: [Self; 7] =
        [Self::Modified, Self::Added, Self::Deleted, Self::Renamed, Self::Mode, Self::Type, Self::Repository];

    /// Returns the word that documents have for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::Added => "added",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
            Self::Mode => "mode",
            Self::Type => "type",
            Self::Repository => "repository",
        }
    }
}

/// A file, link or repository as a commit holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Old {
    /// Its mode in git's tree.
    pub mode: u32,
    /// The id of its content, or of the commit.
    pub id: ObjectId,
}

/// A file, link or repository as it lies in the work tree; its content is read with [`Contents::tell`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct New {
    /// The mode it would have in git's tree.
    pub mode: u32,
    /// How it looked when it was compared; a file of another [`Stamp`] has been written since.
    pub stamp: Stamp,
    /// The id of its content as git would store it, where comparing told it; a nested repository's HEAD.
    pub id: Option<ObjectId>,
}

/// One path that is not as the commit has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it stands, or stood, below the root of the tree; of an ignored folder or a nested repository without a slash at
    /// its end.
    pub path: BString,
    /// Where it was before, of a rename.
    pub from: Option<BString>,
    /// How much of its content stayed, in per cent, of a rename.
    pub similarity: Option<u8>,
    /// What happened.
    pub kind: Kind,
    /// Whether its content, or what was there before, has a NUL in its first 8000 bytes or attributes that say so: git shows
    /// no text of it.
    pub binary: bool,
    /// Whether a clone's index holds the change already, or another one of the path.
    pub staged: bool,
    /// Whether assume-unchanged or skip-worktree hide it from git.
    pub hidden: bool,
    /// As the commit has it; `None` of what is added.
    pub old: Option<Old>,
    /// As it lies there; `None` of what is deleted.
    pub new: Option<New>,
    /// What is to be known of it, of kind [`Kind::Repository`].
    pub repository: Option<Nested>,
}

/// What a repository inside the tree, or the served clone itself, has that the host does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nested {
    /// Its git directory.
    pub git_dir: PathBuf,
    /// The commit its HEAD leads to.
    pub head: Option<ObjectId>,
    /// How many paths in its work tree are not as its HEAD has them; those of the served clone itself are changes of their own.
    pub edits: usize,
    /// Its references, and entries of its stash as `refs/stash@{<n>}`, whose commits the host lacks.
    pub unknown: Vec<(BString, ObjectId)>,
    /// The repositories in it of which the same is to be said, their paths from its own root.
    pub inside: Vec<Change>,
}

/// A file or folder that ignore rules hide, and that no commit can hold while they do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Where it stands.
    pub path: BString,
    /// Whether it is a folder; those are not entered.
    pub folder: bool,
    /// How it looked.
    pub stamp: Stamp,
}

/// What could not be read, and so may be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where it stands; empty for the tree itself.
    pub path: BString,
    /// Why not.
    pub why: String,
}

/// What a look at a work tree found.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The commit the tree was compared with; `None` where a clone has none yet.
    pub base: Option<ObjectId>,
    /// Every change, sorted by the bytes of its path.
    pub changes: Vec<Change>,
    /// What ignore rules hide, sorted.
    pub ignored: Vec<Ignored>,
    /// Sockets, pipes and devices, which git cannot hold.
    pub special: Vec<BString>,
    /// Folders without anything in them, which git cannot hold.
    pub empty_folders: Vec<BString>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Files and folders at which nobody looked, because the time was over; empty for the tree itself.
    pub late: Vec<BString>,
    /// What else a person should know, each a sentence.
    pub warnings: Vec<String>,
}

impl Seen {
    /// Tells whether the tree is what the commit holds; never so where something could not be read, or was not looked at.
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty() && self.unreadable.is_empty() && self.late.is_empty()
    }
}
