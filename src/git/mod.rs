//! The only door to git: gix reads, and the git program writes what git owns.
//!
//! gix sees no quarantine, writes no file durably and checks no conflict between the ref `a` and the ref `a/b`,
//! so nothing here lets it write into a repository. Every git process names the repository it works on.

mod around;
mod aside;
mod attribute_files;
mod checkout;
mod commit;
mod config;
mod content_merge;
mod count;
mod differences;
mod filter_process;
mod filters;
mod graph;
mod history;
mod index_file;
mod index_lines;
mod names;
mod objects;
mod overlay;
mod pack;
mod pack_index;
mod past;
mod plain;
mod refs;
mod remote;
mod repository;
mod rules;
mod scratch;
mod settings;
mod shell_there;
mod tag;
mod trivial_merge;
mod version;
mod worktrees;

pub use around::{git_dir_around, is_git_dir};
pub use aside::{Aside, Course};
pub use checkout::{Checkout, Flags, OwnWork};
pub use commit::RawCommit;
pub use config::{Config, Key};
pub use differences::{FileChange, FileSide};
pub use filters::{Cleaner, Driver, Drivers, NotCleaned};
pub use gix::ObjectId;
pub use gix::hash::Kind as HashKind;
pub use graph::Graph;
pub use history::Lineage;
pub use index_file::{IndexFile, Staged};
pub use names::{RefName, commit_spec, wildmatch};
pub use objects::{BlobHasher, ObjectReader, Objects, TreeEntry, blob_id};
pub use overlay::{Overlay, Signature};
pub use pack::{
    PackFiles, PackStatistics, Reference, bitmap_says_exact, boundary, index_pack, make_pack, make_small_pack,
    sole_pack, stream_pack, verify_pack,
};
pub use pack_index::{Membership, PackIndex};
pub use refs::{Head, PINS, RefList, RefValue, Refs};
pub use remote::{Advertised, Advertising, Lease, Remote, remote_names};
pub use repository::{CommitLine, NOT_A_REPOSITORY, Place, Repository, TagObject, is_null, null_id};
pub use rules::{Conversion, Filter, LineEnds, RULES_BYTES_MAX, RuleFiles, Rules, to_utf8, undo_ident};
pub use scratch::{Attributes, Collision, CommitText, Counting, Merge, Merging, Scratch, TreeChange};
pub use settings::{Spelling, settings, settings_of_file};
pub use tag::NewTag;
pub use version::{AskedVersion, GitVersion, git_version};
