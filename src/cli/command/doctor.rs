//! `git cairn doctor`.

use crate::cli::arguments::Doctor;
use crate::cli::done;
use crate::cli::sites::{Did, over};
use crate::cli::ui::Ui;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::health::{Check, Level, checks, gather};
use crate::text::count;
use serde_json::json;
use std::process::ExitCode;

/// Says how the host is, a line each, with the command that mends what is wrong. Ends with 1 where a line is an error.
pub fn run(place: &Place, what: &Doctor, ui: &mut Ui) -> Result<ExitCode> {
    if let Some(root) = &what.sites {
        return over(root, ui, |repository| in_one_of_many(repository, what.trial_push));
    }
    let found = checks(&gather(&Repository::discover(place)?, what.trial_push)?);
    if ui.wants_json() {
        let one = |check: &Check| json!({"name": check.name, "level": check.level.word(), "text": check.text, "fix": check.fix});
        ui.document(&json!({"schema": 1, "checks": found.iter().map(one).collect::<Vec<_>>()}));
    } else {
        for check in &found {
            ui.result_text(&format!("{:<7}  ", check.level.word()), &format!("{}: {}", check.name, check.text));
            if let Some(fix) = &check.fix {
                ui.result(&format!("         {fix}"));
            }
        }
    }
    if of(&found, Level::Error) == 0 { done() } else { Ok(ExitCode::from(Kind::Failed.exit_code())) }
}

fn of(found: &[Check], level: Level) -> usize {
    found.iter().filter(|check| check.level == level).count()
}

fn in_one_of_many(repository: &Repository, push: bool) -> Result<Did> {
    let found = checks(&gather(repository, push)?);
    let worst = found.iter().max_by_key(|check| check.level);
    let (errors, warnings) = (of(&found, Level::Error), of(&found, Level::Warning));
    match worst {
        Some(check) if check.level == Level::Error => {
            let text =
                format!("{}, {}; {}: {}", count(errors, "error"), count(warnings, "warning"), check.name, check.text);
            let error = Error::failed("unhealthy", text);
            Err(check.fix.iter().fold(error, Error::hint))
        }
        Some(check) if check.level == Level::Warning => {
            Ok(Did::Something(format!("{}; {}: {}", count(warnings, "warning"), check.name, check.text)))
        }
        _ => Ok(Did::Nothing),
    }
}
