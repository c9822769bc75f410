//! `git cairn deploy` and `git cairn rollback`.

use crate::cli::arguments::{Move, Rollback};
use crate::cli::consent::{agree, saved};
use crate::cli::journaled::say_finished;
use crate::cli::screen::Sheet;
use crate::cli::style::Style;
use crate::cli::ui::Ui;
use crate::cli::{done, picker};
use crate::deployment::{Host, Operation, Plan, Planned, Wish, find_host, nothing, plan};
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::site::Environment;
use crate::text::without_secrets;
use crate::undo;
use std::process::ExitCode;

/// Moves an environment on.
pub fn deploy(place: &Place, what: Move, ui: &mut Ui) -> Result<ExitCode> {
    run(place, Operation::Deploy, what, false, ui)
}

/// Moves an environment back.
pub fn rollback(place: &Place, what: Rollback, ui: &mut Ui) -> Result<ExitCode> {
    run(place, Operation::Rollback, what.what, what.hold, ui)
}

fn run(place: &Place, operation: Operation, what: Move, hold: bool, ui: &mut Ui) -> Result<ExitCode> {
    let repository = Repository::discover(place)?;
    let host = find_host(&repository, what.remote.as_deref())?;
    for note in &host.notes {
        ui.hint(note);
    }
    if let Some(made) = saved::<Plan>(&what.consent)? {
        let same = what.environment.as_ref().is_none_or(|environment| *environment == made.environment);
        if made.operation != operation || !same {
            return Err(Error::usage(format!("the plan is to {}", made.deed()))
                .hint("carry it out by the command that made it"));
        }
        return carry_out(&repository, &host, &made, ui);
    }
    let environment = match &what.environment {
        Some(name) => name.clone(),
        None => pick_environment(&repository, &host, operation, ui)?,
    };
    let (target, note) = (what.target.as_deref(), what.note.as_deref());
    let wish = Wish { operation, environment: &environment, target, note, hold };
    let made = plan(&repository, &host, &wish)?;
    let idle = made.expect_remote.as_ref() == Some(&made.target);
    if what.consent.plan {
        print_plan(&made, ui);
        return if idle { Ok(ExitCode::from(Kind::Nothing.exit_code())) } else { done() };
    }
    if idle {
        return Err(nothing(&made));
    }
    agree(&made, &what.consent, ui, show)?;
    carry_out(&repository, &host, &made, ui)
}

/// Lets the person choose among the environments that take deployments, each with what it has now.
fn pick_environment(repository: &Repository, host: &Host, operation: Operation, ui: &Ui) -> Result<String> {
    let line = |environment: &Environment| match host.tip(environment) {
        Some(tip) => format!("{}  {}  {}", environment.name, &tip.to_string()[..10], repository.subject(&tip)),
        None => format!("{}  nothing yet", environment.name),
    };
    let lines = host.deploying().iter().map(|environment| picker::Choice::new(&line(environment), "")).collect();
    let chosen = picker::pick(ui, &format!("Which environment to {}?", verb(operation)), "<ENV>", lines)?;
    Ok(host.deploying()[chosen].name.to_string())
}

fn carry_out(repository: &Repository, host: &Host, made: &Plan, ui: &mut Ui) -> Result<ExitCode> {
    let undo::Deployed { applied, unnoted, finished } = undo::deploy(repository, host, made)?;
    say_finished(&finished, ui);
    if let Some(error) = unnoted {
        ui.warn(&format!("git cairn undo will not know of this: {error}"));
    }
    if applied.unmarked {
        let folder = repository.work_tree().unwrap_or(repository.git_dir());
        ui.warn(&format!(
            "the host gave this deployment of {} no tag: no hook there marked it or had it backed up",
            made.environment
        ));
        ui.hint(&format!("what is wrong there, doctor says; {}", host.remote.told_there(folder, "cairn doctor")));
    }
    if ui.wants_json() {
        ui.document(&applied);
        return done();
    }
    match &applied.id {
        Some(tag) => ui.result(&format!("{} stands on {tag} ({})", made.environment, &made.target[..10])),
        None => ui.result(&format!("{} stands on {}", made.environment, &made.target[..10])),
    }
    ui.say("the branch and its tag moved; the served tree is updated by the host's own means");
    let back = match made.operation {
        Operation::Deploy => "to take it back",
        Operation::Rollback => "if the rollback was a mistake",
    };
    ui.hint(&format!("{back}: {}", without_secrets(&applied.undo)));
    if let Some(next) = made.to_do_next() {
        ui.hint(next);
    }
    done()
}

fn print_plan(made: &Plan, ui: &mut Ui) {
    if ui.wants_json() {
        ui.document(made);
        return;
    }
    let mut sheet = sheet(made);
    if made.expect_remote.as_ref() == Some(&made.target) {
        sheet.say(Style::Plain, format!("nothing to do: {}", nothing(made)));
    }
    sheet.say(Style::Plain, format!("plan {}", made.plan_id));
    ui.result_sheet(&sheet);
}

fn show(made: &Plan, ui: &Ui) {
    ui.say_sheet(&sheet(made));
}

/// The plan as lines; the first says what will change and where.
fn sheet(made: &Plan) -> Sheet {
    let short = |id: &String| id[..10].to_owned();
    let from = made.expect_remote.as_ref().map_or("nothing".into(), short);
    let to = made.target_name.as_ref().map_or(short(&made.target), |name| format!("{} ({name})", short(&made.target)));
    let mut sheet = Sheet::new(format!("{}: {from} -> {to} on {}", made.deed(), without_secrets(&made.push_url)));
    sheet.commits("arriving", Style::Added, &made.commits, made.commits_count);
    sheet.commits("leaving", Style::Removed, &made.commits_dropped, made.commits_dropped_count);
    sheet.warn(made.warnings.iter().map(|warning| &warning.text));
    sheet
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Deploy => "deploy",
        Operation::Rollback => "roll back",
    }
}
