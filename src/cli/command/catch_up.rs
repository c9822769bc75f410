//! `git cairn catch-up`.

use crate::cli::arguments::CatchUp;
use crate::cli::consent::{agree, saved};
use crate::cli::done;
use crate::cli::journaled::{end_of_plan, finish_interrupted};
use crate::cli::screen::Sheet;
use crate::cli::style::Style;
use crate::cli::ui::Ui;
use crate::deployment::Planned;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::text::{count, without_secrets};
use crate::undo::{Catching, Journal, Plan, Verb, apply_catch_up, plan_catch_up};
use std::process::ExitCode;
use std::time::Duration;

/// Brings a person's own commits onto what the branch is now.
pub fn run(place: &Place, what: CatchUp, ui: &mut Ui) -> Result<ExitCode> {
    let repository = Repository::discover(place)?;
    let journal = Journal::of(&repository);
    let wish = Catching { branch: what.branch, remote: what.remote, push: what.push };
    if what.consent.plan {
        let caught = plan_catch_up(&repository, &wish)?;
        print(&caught.plan, ui);
        return end_of_plan(caught.objection());
    }
    let _lock = journal.lock(Duration::ZERO)?;
    finish_interrupted(&repository, &journal, ui)?;
    if let Some(plan) = saved::<Plan>(&what.consent)? {
        if plan.operation != Verb::CatchUp {
            return Err(Error::usage(format!("the plan is to {}", plan.deed()))
                .hint("carry it out by the command that made it"));
        }
        return carry_out(&repository, &journal, &plan, ui);
    }
    let caught = plan_catch_up(&repository, &wish)?;
    if let Some(error) = caught.objection() {
        if error.kind() != Kind::Nothing {
            show(&caught.plan, ui);
        }
        return Err(error);
    }
    agree(&caught.plan, &what.consent, ui, show)?;
    carry_out(&repository, &journal, &caught.plan, ui)
}

fn carry_out(repository: &Repository, journal: &Journal, plan: &Plan, ui: &mut Ui) -> Result<ExitCode> {
    let applied = apply_catch_up(repository, journal, plan)?;
    if ui.wants_json() {
        ui.document(&applied);
        return done();
    }
    let place = plan.push_url.as_deref().map_or("here".into(), |url| format!("here and on {}", without_secrets(url)));
    ui.result(&format!("{} stands on {} {place}", plan.reference, &applied.result[..10]));
    for path in plan.worktree.kept_aside() {
        ui.say(&format!("kept aside: {}", path.path));
    }
    ui.hint(&format!("to take it back: {}", applied.undo));
    done()
}

fn print(plan: &Plan, ui: &mut Ui) {
    if ui.wants_json() {
        return ui.document(plan);
    }
    let mut sheet = sheet(plan);
    sheet.say(Style::Plain, format!("plan {}", plan.plan_id));
    ui.result_sheet(&sheet);
}

fn show(plan: &Plan, ui: &Ui) {
    ui.say_sheet(&sheet(plan));
}

/// The plan as lines; the first says what will change and where.
fn sheet(plan: &Plan) -> Sheet {
    let place =
        plan.push_url.as_deref().map_or("here alone".into(), |url| format!("here and on {}", without_secrets(url)));
    let from = plan.local_head.as_ref().map_or("nothing", |id| &id[..10]);
    let yours = count(plan.commits_count, "commit");
    let first = format!("{}: {from} -> {yours} of yours on top of {} {place}", plan.deed(), &plan.target[..10]);
    let mut sheet = Sheet::new(first);
    sheet.commits("yours", Style::Added, &plan.commits, plan.commits_count);
    if !plan.skipped.is_empty() {
        sheet.say(Style::Plain, format!("{} of them change nothing there", plan.skipped.len()));
    }
    let conflicts = plan.conflicts.iter().map(|conflict| format!("{} ({})", conflict.path, conflict.kind));
    sheet.list(&count(plan.conflicts.len(), "conflict"), Style::Bad, conflicts, plan.conflicts.len());
    sheet.warn(plan.warnings.iter().map(|warning| &warning.text));
    sheet
}
