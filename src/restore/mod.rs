//! Bringing a backup back into a directory: built beside it, compared with the manifest, and only then moved there.

mod build;
mod edits;
mod target;

pub use build::{Kind, Restored, restore};
pub use edits::{RestoredEdits, restore_edits};
pub use target::{check_outside, check_outside_store};
