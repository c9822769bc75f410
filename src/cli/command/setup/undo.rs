//! `git cairn setup --undo`.

use super::mark;
use crate::cli::arguments::Setup;
use crate::cli::command::hooks::step_told;
use crate::cli::ui::Ui;
use crate::cli::{declined, done, unconfirmed};
use crate::clock;
use crate::error::Result;
use crate::git::Repository;
use crate::queue::State;
use crate::setup::{UndoPlan, look_back, undo};
use crate::site::Site;
use crate::text::{count, shell_word};
use crate::worker::snapshot_lock;
use serde_json::json;
use std::process::ExitCode;

/// Takes a setup back, after a question.
pub(super) fn take_back(repository: &Repository, what: &Setup, ui: &mut Ui) -> Result<ExitCode> {
    let site = Site::from_config(&repository.config())?;
    let state = State::of(repository, site.modes);
    if !what.dry_run && !what.yes {
        let plan = look_back(repository)?;
        for line in told_back(&plan) {
            ui.say(&line);
        }
        warn_of_kept(&plan, ui);
        if !ui.can_ask() {
            return Err(unconfirmed("taking the setup back", "say it with --yes"));
        }
        if !ui.ask("Take the setup back?") {
            return Err(declined("taking the setup back"));
        }
    }
    let lock = if what.dry_run { None } else { Some(snapshot_lock(&state, clock::parse_span(&what.wait)?)?) };
    let plan = look_back(repository)?;
    if !what.dry_run {
        undo(repository, &plan, site.modes)?;
    }
    drop(lock);
    let told = told_back(&plan);
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "dry_run": what.dry_run, "changes": told, "kept_refs": plan.kept_refs}));
        return done();
    }
    for line in &told {
        ui.result(&format!("{}{line}", mark(what.dry_run)));
    }
    warn_of_kept(&plan, ui);
    for note in &plan.hooks.notes {
        ui.hint(note);
    }
    ui.hint(&format!("the archives stay in {}, and deployment tags where they are", shell_word(&plan.store)));
    done()
}

fn warn_of_kept(plan: &UndoPlan, ui: &Ui) {
    if plan.kept_refs > 0 {
        let kept = count(plan.kept_refs, "reference");
        ui.warn(&format!(
            "{kept} below refs/cairn stay, rescued commits among them, and transfer.hideRefs goes on hiding them"
        ));
    }
}

fn told_back(plan: &UndoPlan) -> Vec<String> {
    let mut told: Vec<_> = plan.hooks.steps.iter().filter_map(step_told).collect();
    told.push("config as it was found".into());
    told.push(format!("reference {}, removed", crate::site::META_REF));
    told.push(format!("{}, removed, with its jobs and its audit", shell_word(&plan.state)));
    if plan.waiting > 0 {
        told.push(format!(
            "{} not made yet, given up",
            count(usize::try_from(plan.waiting).unwrap_or(usize::MAX), "backup")
        ));
    }
    told
}
