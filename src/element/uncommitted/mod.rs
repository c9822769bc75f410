//! The element `uncommitted`: a served work tree as one commit on top of the one it stands on.
//!
//! A capture is taken into `$GIT_DIR/cairn/captures` first, so that it outlives the hook or the command that took it; the next
//! backup of its environment moves it into the store, as a bundle that stands upon the chain of that backup's code.

mod append;
mod inside;
mod load;
mod patch;
mod pending;
mod read;
mod record;
mod take;

pub use append::append;
pub use load::{Loaded, load_capture};
pub use patch::write_patch;
pub use pending::{Pending, captures_folder};
pub use record::{CapturedRef, LeftOut, Uncommitted, Why, warnings};
pub use take::{Take, Taken, take};

use crate::git::RefName;
use crate::site::HIDDEN_REFS;

/// Returns the reference that an environment's capture has in its bundle.
pub fn capture_ref(environment: &str) -> Option<RefName> {
    RefName::new(format!("{HIDDEN_REFS}uncommitted/{environment}"))
}
