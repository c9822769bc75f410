//! What a setup would do, for a person: the config as a diff, and a line for everything else.

use super::{described, mark};
use crate::cli::ui::Ui;
use crate::error::Result;
use crate::git::Repository;
use crate::hook::Step;
use crate::setup::{Change, SetupPlan};

/// Prints it as the result of `--dry-run`.
pub(super) fn plan(repository: &Repository, plan: &SetupPlan, ui: &mut Ui) -> Result<()> {
    let config = plan.config(repository)?;
    ui.result_patch(|paint, out| config.diff(paint, out))?;
    for line in others(plan) {
        ui.result(&format!("{}{line}", mark(true)));
    }
    Ok(())
}

/// Says it before a question.
pub(super) fn before_asking(repository: &Repository, plan: &SetupPlan, ui: &Ui) -> Result<()> {
    let config = plan.config(repository)?;
    ui.say_patch(|paint, out| config.diff(paint, out))?;
    for line in others(plan) {
        ui.say(&line);
    }
    Ok(())
}

/// What the diff of the config does not show.
fn others(plan: &SetupPlan) -> Vec<String> {
    let beside = |change: &Change| match change {
        Change::Set { .. } => vec![],
        Change::Hooks(hooks) => {
            let files = hooks.steps.iter().filter(|step| !matches!(step, Step::HooksPath(_)));
            files.filter_map(crate::cli::command::hooks::step_told).collect()
        }
        other => described(other),
    };
    plan.changes.iter().flat_map(beside).collect()
}
