//! What a person on the host ruled for a time. Rulings are files in `$GIT_DIR/cairn`; each ends by itself or is taken back,
//! and each is a line of the audit.

mod pause;

pub use pause::{PAUSE_MAX, Pause};
