//! What the commands share that change a branch and keep a journal of it.

use super::done;
use super::ui::Ui;
use crate::error::{Error, Kind, Result};
use crate::git::Repository;
use crate::undo::{Entry, Journal, State, finish};
use std::process::ExitCode;

/// Brings operations that were interrupted to an end, and says what became of each.
pub fn finish_interrupted(repository: &Repository, journal: &Journal, ui: &Ui) -> Result<()> {
    say_finished(&finish(repository, journal)?, ui);
    Ok(())
}

/// Says what became of operations that were interrupted.
pub fn say_finished(finished: &[Entry], ui: &Ui) {
    for entry in finished {
        let became = if entry.state == State::Done { "finished" } else { "given up: nothing had been done" };
        ui.say(&format!("the {} that was interrupted ({}) is {became}", entry.operation.word(), entry.id));
    }
}

/// How `--plan` ends where this speaks against the plan: conflicts and nothing to do are told by the exit code alone.
pub fn end_of_plan(objection: Option<Error>) -> Result<ExitCode> {
    match objection {
        Some(error) if [Kind::Conflict, Kind::Nothing].contains(&error.kind()) => {
            Ok(ExitCode::from(error.kind().exit_code()))
        }
        Some(error) => Err(error),
        None => done(),
    }
}
