//! What the host still has to do, kept where a power cut leaves it: movements of branches that are not tagged yet, and
//! snapshots that are not made yet.
//!
//! `$GIT_DIR/cairn/jobs.db` is an SQLite database with a write-ahead log and `synchronous = FULL`; of its settings
//! this one and no weaker one kept every commit in a disk image copied right after it. Only a hook that syncs the whole file
//! system before it says anything does without (`State::synced_later`), and notes whose loss costs nothing.

mod database;
mod job;
mod movement;

pub use database::{Database, State, TRIAL_MARK};
pub use job::{Job, JobState, NewJob, Progress};
pub use movement::{Movement, MovementState};
