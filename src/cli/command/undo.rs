//! `git cairn undo`.

use crate::cli::arguments::Undo;
use crate::cli::consent::{agree, saved};
use crate::cli::journaled::{end_of_plan, finish_interrupted};
use crate::cli::style::{Line, Style};
use crate::cli::ui::Ui;
use crate::cli::{done, table};
use crate::clock;
use crate::deployment::{PlanCommit, Planned};
use crate::error::{Error, Result};
use crate::git::{Place, Repository};
use crate::text::{count, without_secrets};
use crate::undo::{Entry, Journal, Plan, State, Verb, apply_undo, find_done, plan_undo};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// How many commits are shown of those that come or go.
const COMMITS_SHOWN: usize = 10;
/// How long an undo waits for another operation of this clone.
const LOCK_WAIT: Duration = Duration::from_secs(600);

/// Takes back the last operation of this clone, or lists them.
pub fn run(place: &Place, what: Undo, ui: &mut Ui) -> Result<ExitCode> {
    let repository = Repository::discover(place)?;
    let journal = Journal::of(&repository);
    if what.list {
        return list(&journal, ui);
    }
    let (start, remote) = (what.operation.as_deref(), what.remote.as_deref());
    if what.consent.plan {
        let entry = find_done(&journal, start, remote)?;
        let taking = plan_undo(&repository, &journal, &entry)?;
        print(&taking.plan, &entry, ui);
        return end_of_plan(taking.objection());
    }
    let _lock = journal.lock(LOCK_WAIT)?;
    finish_interrupted(&repository, &journal, ui)?;
    if let Some(made) = saved::<Plan>(&what.consent)? {
        if made.operation != Verb::Undo {
            return Err(Error::usage(format!("the plan is to {}", made.deed()))
                .hint("carry it out by the command that made it"));
        }
        return carry_out(&repository, &journal, &made, ui);
    }
    let entry = find_done(&journal, start, remote)?;
    let taking = plan_undo(&repository, &journal, &entry)?;
    if let Some(error) = taking.objection() {
        show(&taking.plan, &entry, ui);
        return Err(error);
    }
    agree(&taking.plan, &what.consent, ui, |made, ui| show(made, &entry, ui))?;
    carry_out(&repository, &journal, &taking.plan, ui)
}

fn print(made: &Plan, entry: &Entry, ui: &mut Ui) {
    if ui.wants_json() {
        return ui.document(made);
    }
    for line in described(made, entry) {
        ui.result_line(&line);
    }
    ui.result(&format!("plan {}", made.plan_id));
}

fn show(made: &Plan, entry: &Entry, ui: &Ui) {
    for line in described(made, entry) {
        ui.say_line(&line);
    }
}

fn carry_out(repository: &Repository, journal: &Journal, made: &Plan, ui: &mut Ui) -> Result<ExitCode> {
    let undone = apply_undo(repository, journal, made)?;
    if ui.wants_json() {
        ui.document(&undone);
        return done();
    }
    let branch = short(&made.reference);
    match &undone.result {
        Some(id) => ui.result(&format!("{branch} is at {} again", &id[..10])),
        None => ui.result(&format!("{branch} does not exist again")),
    }
    done()
}

/// The plan as lines; the first says what will change and where.
fn described(made: &Plan, entry: &Entry) -> Vec<Line> {
    let id = |text: &String| if text.bytes().all(|b| b == b'0') { "nothing".to_owned() } else { text[..10].to_owned() };
    let from = made.expect_remote.as_ref().or(made.local_head.as_ref()).map_or("nothing".into(), id);
    let here = if made.local_ref.is_some() { " and here" } else { "" };
    let place = made.push_url.as_deref().map(without_secrets);
    let place = place.map_or("in this clone".to_owned(), |url| format!("on {url}{here}"));
    let (verb, branch) = (entry.operation.word(), short(&made.reference));
    let first = format!("undo {verb} of {branch}: {from} -> {} {place}", id(&made.target));
    let mut lines = vec![Line::of(Style::Strong, first)];
    lines.push(Line::of(Style::Plain, format!("{} began {}", entry.id, clock::local(entry.at))));
    let mut section =
        |what: &str, style: Style, commits: &[PlanCommit]| {
            if commits.is_empty() {
                return;
            }
            lines.push(Line::of(Style::Plain, format!("{what}, {}:", count(commits.len(), "commit"))));
            lines.extend(commits.iter().take(COMMITS_SHOWN).map(|commit| {
                Line::of(style, format!("  {} {}, {}", &commit.id[..10], commit.subject, commit.author))
            }));
            if commits.len() > COMMITS_SHOWN {
                lines.push(Line::of(Style::Plain, format!("  and {} more", commits.len() - COMMITS_SHOWN)));
            }
        };
    section("coming back", Style::Added, &made.unpublished);
    section("leaving", Style::Removed, &made.commits);
    let changes = &made.changes;
    if changes.files > 0 {
        let files = count(changes.files, "file");
        let text = format!("{files} changed, +{} -{} lines", changes.insertions, changes.deletions);
        lines.push(Line::of(Style::Plain, text));
    }
    let warnings = made.warnings.iter();
    lines.extend(warnings.map(|warning| Line::of(Style::Caution, format!("warning: {}", warning.text))));
    lines
}

fn short(reference: &str) -> &str {
    reference.strip_prefix("refs/heads/").unwrap_or(reference)
}

fn list(journal: &Journal, ui: &mut Ui) -> Result<ExitCode> {
    let entries = journal.entries()?;
    if ui.wants_json() {
        let list: Vec<_> = entries.iter().map(document).collect();
        ui.document(&json!({"schema": 1, "operations": list}));
        return done();
    }
    if entries.is_empty() {
        ui.say("nothing was done here that could be taken back");
    }
    let row = |entry: &Entry| {
        let moved = moved(entry);
        let arrow =
            format!("{} -> {}", moved.1.map_or("nothing", |id| &id[..10]), moved.2.map_or("nothing", |id| &id[..10]));
        let branch = short(moved.0).to_owned();
        vec![
            entry.id.clone(),
            clock::local(entry.at),
            entry.operation.word().into(),
            branch,
            arrow,
            state(entry).into(),
        ]
    };
    for line in table::lines(&entries.iter().map(row).collect::<Vec<_>>()) {
        ui.result(&line);
    }
    done()
}

/// The reference that an operation moved, on the host where it moved there, from what to what.
fn moved(entry: &Entry) -> (&str, Option<&str>, Option<&str>) {
    let remote =
        entry.remote.as_ref().map(|moved| (moved.reference.text(), moved.old.as_deref(), moved.new.as_deref()));
    let local = entry.local.as_ref().map(|moved| (moved.reference.text(), moved.old.as_deref(), moved.new.as_deref()));
    remote.or(local).unwrap_or(("", None, None))
}

fn document(entry: &Entry) -> serde_json::Value {
    let (reference, old, new) = moved(entry);
    json!({
        "id": entry.id,
        "operation": entry.operation,
        "at": entry.at,
        "state": entry.state,
        "ref": reference,
        "push_url": entry.remote.as_ref().map(|moved| without_secrets(&moved.push_url)),
        "old": old,
        "new": new,
        "undoes": entry.undoes,
        "plan_id": entry.plan_id,
    })
}

fn state(entry: &Entry) -> &'static str {
    match entry.state {
        State::Planned | State::Accepted => "not finished",
        State::Done => "done",
        State::Abandoned => "not done",
        State::Undone => "taken back",
    }
}
