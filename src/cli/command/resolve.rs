//! `git cairn revert --resolve`, `--continue` and `--abandon`: conflicts, resolved beside the person's own files.

use super::revert::{carry_out, consented, print, sheet};
use crate::cli::arguments::Consent;
use crate::cli::consent::saved;
use crate::cli::done;
use crate::cli::journaled::{end_of_plan, finish_interrupted};
use crate::cli::ui::Ui;
use crate::error::{Kind, Result};
use crate::git::{Place, Repository};
use crate::undo::{Journal, Plan, Prepared, Resolution, moved, objection, prepare_seen, see};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Lays the conflict of a plan out in a new work tree; the journal's lock must be held.
pub fn lay_out(repository: &Repository, prepared: &Prepared, folder: &Path, ui: &mut Ui) -> Result<ExitCode> {
    if ui.wants_json() {
        ui.document(&prepared.plan);
    } else {
        ui.say_sheet(&sheet(&prepared.plan, false));
    }
    let resolution = Resolution::begin(repository, prepared, folder)?;
    let quoted = resolution.quoted();
    ui.say(&format!("the conflict lies in {quoted}, as git revert leaves it"));
    ui.hint("edit the files there and git add them, then go on, or give it up:");
    ui.hint(&format!("git cairn revert --continue {quoted}"));
    ui.hint(&format!("git cairn revert --abandon {quoted}"));
    Ok(ExitCode::from(Kind::Conflict.exit_code()))
}

/// Makes a plan of what was resolved, and carries it out.
pub fn go_on(place: &Place, folder: Option<&Path>, consent: &Consent, ui: &mut Ui) -> Result<ExitCode> {
    let here = Repository::discover(place)?;
    // All work trees share it.
    let journal = Journal::of(&here);
    let _lock = journal.lock(Duration::ZERO)?;
    let mut resolution = Resolution::find(&here, folder)?;
    let repository = resolution.home()?;
    finish_interrupted(&repository, &journal, ui)?;
    let made = resolution.gather(&repository)?;
    let wish = resolution.wish(&made);
    let seen = see(&repository, &wish)?;
    if resolution.is_published(&repository, &made, &seen)? {
        ui.say("the branch has it already");
        return closed(resolution, &repository, ui);
    }
    if !resolution.stands_on(&seen) {
        return Err(resolution.carry(&repository, &made, &seen));
    }
    let prepared = prepare_seen(&repository, &wish, seen, None)?;
    if consent.plan {
        print(&prepared.plan, false, ui);
        return end_of_plan(objection(&prepared));
    }
    if let Some(error) = objection(&prepared) {
        ui.say_sheet(&sheet(&prepared.plan, false));
        return Err(error);
    }
    match saved::<Plan>(consent)? {
        Some(plan) if plan.plan_id != prepared.plan.plan_id => {
            return Err(moved(format!("make a new plan: git cairn revert --continue {} --plan", resolution.quoted())));
        }
        Some(_) => {}
        None => consented(&prepared, false, consent, ui)?,
    }
    carry_out(&repository, &journal, &prepared.plan, ui)?;
    closed(resolution, &repository, ui)
}

/// Gives up what is being resolved.
pub fn abandon(place: &Place, folder: Option<&Path>, ui: &mut Ui) -> Result<ExitCode> {
    let here = Repository::discover(place)?;
    let _lock = Journal::of(&here).lock(Duration::ZERO)?;
    let resolution = Resolution::find(&here, folder)?;
    // From within the work tree that goes, git would not find its way.
    let repository = resolution.home().unwrap_or(here);
    resolution.check_given_up(&repository)?;
    resolution.abandon(&repository)?;
    let folder = resolution.quoted();
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "operation": "revert", "abandoned": folder}));
    } else {
        ui.result(&format!("given up: {folder} is gone, and nothing was changed"));
    }
    done()
}

fn closed(resolution: Resolution, repository: &Repository, ui: &Ui) -> Result<ExitCode> {
    let quoted = resolution.quoted();
    if !resolution.close(repository)? {
        ui.warn(&format!("{quoted} stays, for it holds files that no commit has"));
        ui.hint(&format!("to remove it with them: git worktree remove --force {quoted}"));
    }
    done()
}
