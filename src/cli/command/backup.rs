//! `git cairn backup ...`.

mod create;
mod delete;
mod edits;
mod expire;
mod get;
mod list;
mod show;
mod verify;

pub use edits::see_edits;

use crate::cli::arguments::{Backup, BackupVerb};
use crate::cli::ui::Ui;
use crate::error::Result;
use crate::git::Place;
use std::process::ExitCode;

/// Runs one of the verbs.
pub fn run(place: &Place, what: Backup, ui: &mut Ui) -> Result<ExitCode> {
    match what.verb {
        BackupVerb::Create(what) => create::run(place, what, ui),
        BackupVerb::List(what) => list::run(place, what, ui),
        BackupVerb::Show(what) => show::run(place, what, ui),
        BackupVerb::Get(what) => get::run(place, what, ui),
        BackupVerb::Expire(what) => expire::run(place, &what, ui),
        BackupVerb::Delete(what) => delete::run(place, &what, ui),
        BackupVerb::Verify(what) => verify::run(place, what, ui),
    }
}
