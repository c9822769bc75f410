//! What a person on the host ruled for a time. Rulings are files in `$GIT_DIR/cairn`; each ends by itself or is taken back,
//! and each is a line of the audit.

mod grant;
mod hold;
mod pause;

pub use grant::{GRANT_MAX, Given, Grant, Useless};
pub use hold::Hold;
pub use pause::{PAUSE_MAX, Pause};
