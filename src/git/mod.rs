//! The only door to git: gix reads, and the git program writes what git owns.
//!
//! gix sees no quarantine, writes no file durably and checks no conflict between the ref `a` and the ref `a/b`,
//! so nothing here lets it write into a repository. Every git process names the repository it works on.

mod config;
mod names;
mod pack;
mod refs;
mod remote;
mod repository;

pub use config::{Config, Key};
pub use gix::ObjectId;
pub use gix::hash::Kind as HashKind;
pub use names::RefName;
pub use pack::{Membership, PackIndex, PackStatistics, Reference, boundary, index_pack, verify_pack, write_pack};
pub use refs::{Head, PINS, RefList, RefValue};
pub use remote::{Advertised, Lease, PushReport, Remote, accepted};
pub use repository::{CommitLine, Place, Repository, TagObject, is_null, null_id};
