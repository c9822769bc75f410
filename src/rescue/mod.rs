//! What pushes dropped, kept: a reference that clients neither see nor write, to an annotated tag that says what it was.
//!
//! `refs/cairn/rescue/<id>` keeps the objects. Until the push is known to have moved its reference, `refs/cairn/pending/<id>`
//! stands beside it. `refs/cairn/ban/<id>/<commit>` names where begins what was dropped on purpose and is not to come back.

mod ban;
mod keep;
mod list;
mod push;
mod record;
mod recover;
mod settle;

pub use ban::{bans, lift, name_tips, undone};
pub use keep::{Why, keep};
pub use list::{Kept, all, find};
pub use push::{is_by_path, is_over, own_push};
pub use record::Record;
pub use recover::{Recovered, recover_as_branch, recover_in_place};
pub use settle::{confirm, forget, reconcile};

/// What was dropped.
pub const RESCUES: &str = "refs/cairn/rescue/";
/// Rescues of which it is not known whether their references moved.
pub const PENDING: &str = "refs/cairn/pending/";
/// Where what was dropped on purpose begins.
pub const BANS: &str = "refs/cairn/ban/";
