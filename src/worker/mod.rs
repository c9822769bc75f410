//! The work a push leaves behind: jobs are frozen, pinned, run one after the other, and taken up again after a crash.

mod capture;
mod enqueue;
mod expiry;
mod notify;
mod pack;
mod pins;
mod prove;
mod reconcile;
mod rescues;
mod run;
mod wait;

pub use capture::{Against, How, keep_capture, look_at, noted, take_capture};
pub use enqueue::{Cause, Frozen, enqueue};
pub use prove::{Which, prove_pending};
pub use reconcile::{is_stored, remember};
pub use run::{Called, Outcome, place_in_line, run_once, snapshot_lock};
pub use wait::{Waited, back_up, git_cairn, start, start_early, tell, wait_for};
