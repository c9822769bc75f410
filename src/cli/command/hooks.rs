//! `git cairn hooks`.

use crate::cli::arguments::{Hooks, HooksVerb};
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::error::{Kind, Result};
use crate::git::{GitVersion, Place, Repository, git_version};
use crate::hook::{
    Configured, Inspected, Layout, Step, configured, facts, inspect, known, plan_install, plan_uninstall,
};
use crate::queue::State;
use crate::site::Site;
use crate::text::shell_word;
use crate::worker::{git_cairn, snapshot_lock};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Puts our hooks in place, takes them away, or says what is there.
pub fn run(place: &Place, what: &Hooks, ui: &mut Ui) -> Result<ExitCode> {
    let here = || Repository::discover(place);
    match &what.verb {
        HooksVerb::Status => status(&here()?, ui),
        HooksVerb::List => list(ui),
        HooksVerb::Install(how) => change(&here()?, how.dry_run, true, ui),
        HooksVerb::Uninstall(how) => change(&here()?, how.dry_run, false, ui),
    }
}

fn list(ui: &mut Ui) -> Result<ExitCode> {
    let repositories = known()?;
    if ui.wants_json() {
        let text = |path: &PathBuf| crate::text::json_text(path.as_os_str().as_encoded_bytes());
        ui.document(&json!({"schema": 1, "repositories": repositories.iter().map(text).collect::<Vec<_>>()}));
        return done();
    }
    for repository in &repositories {
        ui.result(&shell_word(repository));
    }
    done()
}

fn change(repository: &Repository, dry_run: bool, install: bool, ui: &mut Ui) -> Result<ExitCode> {
    let site = Site::from_config(&repository.config())?;
    let state = State::of(repository, site.modes);
    let _lock = if dry_run { None } else { Some(snapshot_lock(&state, std::time::Duration::from_secs(600))?) };
    let seen = facts(repository)?;
    let plan = if install { plan_install(&seen, &git_cairn()?)? } else { plan_uninstall(&seen) };
    if !dry_run {
        plan.apply(repository, site.modes)?;
    }
    let told: Vec<_> = plan.steps.iter().filter_map(step_told).collect();
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "dry_run": dry_run, "changes": told, "notes": plan.notes}));
        return done();
    }
    for line in &told {
        ui.result(&format!("{}{line}", if dry_run { "would: " } else { "done: " }));
    }
    if told.is_empty() {
        ui.result("nothing to change");
    }
    for note in &plan.notes {
        ui.hint(note);
    }
    if !install && !dry_run {
        ui.warn("pushes are no longer judged, marked or backed up; to have that again: git cairn hooks install");
    }
    done()
}

/// Says what a step does; `None` where that is of no interest to a person.
pub fn step_told(step: &Step) -> Option<String> {
    Some(match step {
        Step::Keep { path, found } => {
            format!("hook {}; what stands there moves to {} and runs after ours", shell_word(path), shell_word(found))
        }
        Step::Write { path, .. } => format!("hook {}", shell_word(path)),
        // One for every hook that the found folder may ever hold is of no interest.
        Step::Link { to, .. } if to.is_absolute() => return None,
        Step::Link { path, to } => format!("link {} to {}", shell_word(path), shell_word(to)),
        Step::HooksPath(folder) => {
            format!("config core.hooksPath = {}, from where what git ran so far runs as well", shell_word(folder))
        }
        Step::HooksPathBack(Some(value)) => format!("config core.hooksPath = {}", shell_word(value)),
        Step::HooksPathBack(None) => "config core.hooksPath, unset".into(),
        Step::PutBack { found, path } => format!("{} goes back to {}", shell_word(found), shell_word(path)),
        Step::Remove(path) => format!("{}, removed", shell_word(path)),
        Step::RemoveFolder(_) => return None,
    })
}

fn status(repository: &Repository, ui: &mut Ui) -> Result<ExitCode> {
    // In a clone no push meets them.
    if !repository.is_bare() {
        Site::from_config(&repository.config())?;
    }
    let seen = facts(repository)?;
    let layout = seen.layout();
    let hooks = inspect(&seen);
    let whole = hooks.iter().all(|hook| hook.problem.is_none());
    let git = git_version()?;
    let named = configured(&repository.config());
    if ui.wants_json() {
        let word = match &layout {
            Layout::Own => "own",
            Layout::Beside { .. } => "beside",
            Layout::Forge(_) => "forge",
        };
        ui.document(&json!({
            "schema": 1, "layout": word, "folder": seen.own_folder(&layout), "git": git.to_string(), "installed": whole,
            "hooks": hooks.iter().map(document).collect::<Vec<_>>(),
            "configured": named.iter().map(|one| named_document(one, &git)).collect::<Vec<_>>(),
        }));
    } else {
        ui.result_text("", &format!("hooks stand in {}", seen.told(&layout)));
        for hook in &hooks {
            ui.result_text("", &line(hook));
        }
        for one in &named {
            ui.result_text("", &named_line(one, &git));
        }
        let told = if git.has_config_hooks() {
            format!("git {git} here also runs hooks that its config names; files are used, for every git runs those")
        } else {
            format!("git {git} runs hooks from files alone (from its config it does since 2.54)")
        };
        ui.result_text("", &told);
        if !whole {
            ui.hint("to put them in place: git cairn hooks install");
        }
    }
    if whole { done() } else { Ok(ExitCode::from(Kind::Failed.exit_code())) }
}

fn line(hook: &Inspected) -> String {
    let name = hook.event.name();
    match (&hook.problem, &hook.found) {
        (Some(problem), _) => format!("{name}: {}: {problem}", shell_word(&hook.path)),
        (None, Some(found)) => format!("{name}: {} runs, then {}", shell_word(&hook.path), shell_word(found)),
        (None, None) => format!("{name}: {} runs", shell_word(&hook.path)),
    }
}

/// A hook that config names, and whether this git runs it.
fn named_line(one: &Configured, git: &GitVersion) -> String {
    let events = one.events.join(", ");
    let what = one.command.as_deref().unwrap_or("without a command");
    let runs = if git.has_config_hooks() { "runs before" } else { "does not run" };
    format!("{events}: {} of config {runs}: {what}", one.name)
}

fn named_document(one: &Configured, git: &GitVersion) -> serde_json::Value {
    let runs = git.has_config_hooks() && one.command.is_some();
    json!({"name": one.name, "events": one.events, "command": one.command, "runs": runs})
}

fn document(hook: &Inspected) -> serde_json::Value {
    let text = |path: &Path| crate::text::json_text(path.as_os_str().as_encoded_bytes());
    json!({
        "hook": hook.event.name(),
        "path": text(&hook.path),
        "program": hook.program.as_deref().map(text),
        "found": hook.found.as_deref().map(text),
        "problem": hook.problem,
    })
}
