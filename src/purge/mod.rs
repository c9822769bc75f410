//! Destroying what was dropped, on purpose: a secret that got in. What else reaches it is named, and then nothing is done.
//!
//! While objects are pruned no push may rely on any of them, not even one that is half in: see `quiet`.

mod apply;
mod look;
mod quiet;
mod tombstone;

pub use apply::{Purged, apply};
pub use look::{Doomed, Look, look};
pub use quiet::{Quiet, is_going_on};
pub use tombstone::{Tombstone, tombstones};
