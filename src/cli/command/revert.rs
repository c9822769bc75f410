//! `git cairn revert` and `git cairn reset`.

use crate::cli::arguments::{Consent, Reset, Revert, Whereabouts};
use crate::cli::consent::{agree, agree_by_word, saved};
use crate::cli::done;
use crate::cli::journaled::{end_of_plan, finish_interrupted};
use crate::cli::style::{Line, Style};
use crate::cli::ui::Ui;
use crate::deployment::{PlanCommit, Planned};
use crate::error::{Error, Kind, Result};
use crate::git::{Place, RefName, Repository};
use crate::text::{count, without_secrets};
use crate::undo::{Journal, Mode, Plan, Prepared, Verb, Wish, apply, objection, prepare};
use std::process::ExitCode;
use std::time::Duration;

/// How many lines of a list are shown.
const SHOWN: usize = 10;

/// Takes back commits by new ones.
pub fn revert(place: &Place, what: Revert, ui: &mut Ui) -> Result<ExitCode> {
    let wish = wish(Verb::Revert, what.commits, None, what.mainline, what.at);
    run(place, &wish, false, &what.consent, ui)
}

/// Puts a branch back to what it was at a commit.
pub fn reset(place: &Place, what: Reset, ui: &mut Ui) -> Result<ExitCode> {
    // Where nothing is said it is the way that costs nothing.
    let mode = if what.overwrite_history { Mode::OverwriteHistory } else { Mode::AsCommit };
    let open = !what.overwrite_history && !what.as_commit;
    let wish = wish(Verb::Reset, what.commit.into_iter().collect(), Some(mode), None, what.at);
    run(place, &wish, open, &what.consent, ui)
}

fn wish(verb: Verb, words: Vec<String>, mode: Option<Mode>, mainline: Option<u32>, at: Whereabouts) -> Wish {
    let Whereabouts { branch, remote, no_push, include_mine } = at;
    Wish { verb, words, mode, mainline, branch, remote, no_push, include_mine }
}

/// `open`: which way to reset was not said.
fn run(place: &Place, wish: &Wish, open: bool, consent: &Consent, ui: &mut Ui) -> Result<ExitCode> {
    let repository = Repository::discover(place)?;
    let journal = Journal::of(&repository);
    if consent.plan {
        let prepared = prepare(&repository, wish, None)?;
        print(&prepared.plan, open, ui);
        return end_of_plan(objection(&prepared));
    }
    let _lock = journal.lock(Duration::ZERO)?;
    finish_interrupted(&repository, &journal, ui)?;
    if let Some(plan) = saved::<Plan>(consent)? {
        if plan.operation != wish.verb {
            return Err(Error::usage(format!("the plan is to {}", plan.deed())));
        }
        return carry_out(&repository, &journal, &plan, ui);
    }
    let prepared = prepare(&repository, wish, None)?;
    if let Some(error) = objection(&prepared) {
        if error.kind() != Kind::Nothing {
            show(&prepared.plan, open, ui);
        }
        return Err(error);
    }
    consented(&prepared, open, consent, ui)?;
    carry_out(&repository, &journal, &prepared.plan, ui)
}

fn consented(prepared: &Prepared, open: bool, consent: &Consent, ui: &Ui) -> Result<()> {
    let plan = &prepared.plan;
    let shown = |plan: &Plan, ui: &Ui| show(plan, open, ui);
    if plan.mode != Some(Mode::OverwriteHistory) {
        return agree(plan, consent, ui, shown);
    }
    let name = RefName::new(plan.reference_bytes()).map_or_else(String::new, |name| name.short().to_string());
    agree_by_word(plan, consent, &name, ui, shown)
}

fn carry_out(repository: &Repository, journal: &Journal, plan: &Plan, ui: &mut Ui) -> Result<ExitCode> {
    let applied = apply(repository, journal, plan)?;
    if ui.wants_json() {
        ui.document(&applied);
        return done();
    }
    let place = plan.push_url.as_deref().map_or("here".into(), |url| format!("on {}", without_secrets(url)));
    ui.result(&format!("{} stands on {} {place}", plan.reference, &applied.result[..10]));
    for path in plan.worktree.kept_aside() {
        ui.say(&format!("kept aside: {}", path.path));
    }
    ui.hint(&format!("to take it back: {}", applied.undo));
    done()
}

fn print(plan: &Plan, open: bool, ui: &mut Ui) {
    if ui.wants_json() {
        return ui.document(plan);
    }
    for line in described(plan, open) {
        ui.result_line(&line);
    }
    for warning in &plan.warnings {
        ui.result(&format!("warning: {}", warning.text));
    }
    ui.result(&format!("plan {}", plan.plan_id));
}

fn show(plan: &Plan, open: bool, ui: &Ui) {
    for line in described(plan, open) {
        ui.say_line(&line);
    }
    for warning in &plan.warnings {
        ui.warn(&warning.text);
    }
}

/// The plan as lines; the first says what will change and where.
fn described(plan: &Plan, open: bool) -> Vec<Line> {
    let place = plan.push_url.as_deref().map_or("here alone".into(), |url| format!("on {}", without_secrets(url)));
    let from = plan.expect_remote.as_ref().or(plan.local_head.as_ref()).map_or("nothing", |id| &id[..10]);
    let to = if plan.mode == Some(Mode::OverwriteHistory) { &plan.target[..10] } else { "a new commit" };
    let mut lines = vec![Line::of(Style::Strong, format!("{}: {from} -> {to} {place}", plan.deed()))];
    let line = |text: String| Line::of(Style::Plain, text);
    if open {
        lines.push(line("  --as-commit, as here: one new commit; history stays, nobody's clone is disturbed".into()));
        lines.push(line("  --overwrite-history: the commits below leave the branch; others must catch up".into()));
    }
    let what = match (plan.operation, plan.mode) {
        (Verb::Revert, _) => "taken back",
        (_, Some(Mode::OverwriteHistory)) => "leaving the branch",
        _ => "undone, but kept in the history",
    };
    list(&mut lines, what, &plan.commits, plan.commits_count, Style::Removed);
    list(&mut lines, "published as well", &plan.unpublished, plan.unpublished.len(), Style::Added);
    for conflict in plan.conflicts.iter().take(SHOWN) {
        lines.push(Line::of(Style::Bad, format!("conflict ({}): {}", conflict.kind, conflict.path)));
    }
    let changes = &plan.changes;
    if changes.files > 0 {
        let files = count(changes.files, "file");
        lines.push(line(format!("{files} changed, {} lines come, {} go", changes.insertions, changes.deletions)));
    }
    for (what, paths) in [
        ("staged", &plan.worktree.staged),
        ("not staged", &plan.worktree.unstaged),
        ("hidden by a flag", &plan.worktree.hidden),
        ("not tracked", &plan.worktree.untracked_in_way),
        ("ignored", &plan.worktree.ignored_in_way),
    ] {
        let shown = paths.iter().take(SHOWN);
        lines.extend(shown.map(|path| Line::of(Style::Caution, format!("in the way, {what}: {}", path.path))));
    }
    for container in plan.contained_in.iter().take(SHOWN) {
        let environment = container.environment.as_ref().map_or(String::new(), |name| format!(" (environment {name})"));
        lines.push(line(format!("also in {}{environment}", container.reference)));
    }
    if plan.contained_in.len() > SHOWN {
        lines.push(line(format!("and in {} more", plan.contained_in.len() - SHOWN)));
    }
    if let Some(host) = &plan.host {
        let rule = host.rule.as_ref().map_or(String::new(), |rule| format!(" by its rule {rule}"));
        let text = match host.verdict.as_str() {
            "accepted" => "the host would accept it".into(),
            "refused" => format!("the host would refuse it{rule}"),
            _ => "what the host would say is unknown".into(),
        };
        lines.push(line(text));
    }
    lines
}

fn list(lines: &mut Vec<Line>, what: &str, commits: &[PlanCommit], number: usize, style: Style) {
    if number == 0 {
        return;
    }
    lines.push(Line::of(Style::Plain, format!("{what}, {}:", count(number, "commit"))));
    let one = |commit: &PlanCommit| format!("  {} {}, {}", &commit.id[..10], commit.subject, commit.author);
    lines.extend(commits.iter().take(SHOWN).map(|commit| Line::of(style, one(commit))));
    if number > SHOWN {
        lines.push(Line::of(Style::Plain, format!("  and {} more", number - SHOWN)));
    }
}
