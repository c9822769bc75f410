//! `git cairn complete`: what may stand at the cursor, for the scripts of the shells.

use crate::cli::arguments::Complete;
use crate::cli::completion::{Offer, offer};
use crate::cli::ui::Ui;
use crate::git::Place;
use std::process::ExitCode;

/// Prints what fits, a line each: the word, a space and what it means. Where a path belongs it prints nothing and ends with 1.
pub fn run(place: &Place, what: Complete, ui: &mut Ui) -> ExitCode {
    match offer(place, what.words) {
        Offer::Words(words) => {
            for (word, help) in words {
                ui.result(&format!("{word} {help}"));
            }
            ExitCode::SUCCESS
        }
        Offer::Path => ExitCode::FAILURE,
    }
}
