//! `git cairn help`: what `-h` says, for those who ask in git's own way.

use crate::cli::arguments::{Help, program};
use crate::cli::explain;
use crate::cli::ui::Ui;
use std::process::ExitCode;

/// Prints the help of a verb, or of the program where none is named.
pub fn run(what: &Help, ui: &Ui) -> ExitCode {
    let asked = std::iter::once("git-cairn").chain(what.verbs.iter().map(String::as_str)).chain(["-h"]);
    match program().try_get_matches_from(asked) {
        Err(mut error) => explain(&mut error, ui.wants_json()),
        Ok(_) => unreachable!("-h is always answered"),
    }
}
