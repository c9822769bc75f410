//! `git cairn catch-up`.

use crate::cli::arguments::CatchUp;
use crate::cli::consent::{agree, saved};
use crate::cli::done;
use crate::cli::journaled::{end_of_plan, finish_interrupted};
use crate::cli::style::{Line, Style};
use crate::cli::ui::Ui;
use crate::deployment::Planned;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::text::{count, without_secrets};
use crate::undo::{Catching, Journal, Plan, Verb, apply_catch_up, plan_catch_up};
use std::process::ExitCode;
use std::time::Duration;

/// How many commits are shown.
const COMMITS_SHOWN: usize = 10;

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
            return Err(Error::usage(format!("the plan is to {}", plan.deed())));
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
    for line in described(plan) {
        ui.result_line(&line);
    }
    ui.result(&format!("plan {}", plan.plan_id));
}

fn show(plan: &Plan, ui: &Ui) {
    for line in described(plan) {
        ui.say_line(&line);
    }
}

/// The plan as lines; the first says what will change and where.
fn described(plan: &Plan) -> Vec<Line> {
    let place =
        plan.push_url.as_deref().map_or("here alone".into(), |url| format!("here and on {}", without_secrets(url)));
    let from = plan.local_head.as_ref().map_or("nothing", |id| &id[..10]);
    let yours = count(plan.commits_count, "commit");
    let first = format!("{}: {from} -> {yours} of yours on top of {} {place}", plan.deed(), &plan.target[..10]);
    let mut lines = vec![Line::of(Style::Strong, first)];
    lines.extend(
        plan.commits.iter().take(COMMITS_SHOWN).map(|commit| {
            Line::of(Style::Added, format!("  {} {}, {}", &commit.id[..10], commit.subject, commit.author))
        }),
    );
    if plan.commits.len() > COMMITS_SHOWN {
        lines.push(Line::of(Style::Plain, format!("  and {} more", plan.commits.len() - COMMITS_SHOWN)));
    }
    if !plan.skipped.is_empty() {
        lines.push(Line::of(Style::Plain, format!("{} of them change nothing there", plan.skipped.len())));
    }
    for conflict in plan.conflicts.iter().take(COMMITS_SHOWN) {
        lines.push(Line::of(Style::Bad, format!("conflict ({}): {}", conflict.kind, conflict.path)));
    }
    for warning in &plan.warnings {
        lines.push(Line::of(Style::Caution, format!("warning: {}", warning.text)));
    }
    lines
}
