//! What happened on this host and who did it: one line after the other, each sealed and bound to the one before.
//!
//! `$GIT_DIR/cairn/audit.jsonl` is only ever appended to. Deployment tags and manifests carry its [`Head`], so that lines
//! which vanish from its end are missed as well. `docs/format.md` is its definition.

mod entry;
mod line;
mod log;
mod reserve;
mod verify;

pub use entry::{Entry, Ref, Verdict, What, Who};
pub use line::{Head, Line};
pub use log::{Log, Sync};
pub use reserve::with_room;
pub use verify::{Anchor, Problem, Report, verify};

#[cfg(test)]
mod tests;
