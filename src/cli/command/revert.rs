//! `git cairn revert` and `git cairn reset`.

use super::resolve;
use crate::cli::arguments::{Consent, Reset, Revert, Whereabouts};
use crate::cli::consent::{agree, agree_by_word, saved};
use crate::cli::journaled::{end_of_plan, finish_interrupted};
use crate::cli::screen::Sheet;
use crate::cli::style::Style;
use crate::cli::ui::Ui;
use crate::cli::{done, picker};
use crate::deployment::Planned;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, RefName, Repository};
use crate::text::{count, without_secrets};
use crate::undo::{Journal, LogLine, Mode, Plan, Prepared, Seen, Verb, WorkPath};
use crate::undo::{Wish, apply, log, objection, prepare_seen, see};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How many commits one is chosen from.
const COMMITS_LISTED: usize = 5000;

/// Takes back commits by new ones.
pub fn revert(place: &Place, what: Revert, ui: &mut Ui) -> Result<ExitCode> {
    if let Some(folder) = &what.abandon {
        return resolve::abandon(place, folder.as_deref(), ui);
    }
    if let Some(folder) = &what.go_on {
        return resolve::go_on(place, folder.as_deref(), &what.consent, ui);
    }
    let wish = wish(Verb::Revert, what.commits, None, what.mainline, what.at);
    run(place, wish, How { open: false, resolve: what.resolve }, &what.consent, ui)
}

/// Puts a branch back to what it was at a commit.
pub fn reset(place: &Place, what: Reset, ui: &mut Ui) -> Result<ExitCode> {
    // Where nothing is said it is the way that costs nothing.
    let mode = if what.overwrite_history { Mode::OverwriteHistory } else { Mode::AsCommit };
    let open = !what.overwrite_history && !what.as_commit;
    let wish = wish(Verb::Reset, what.commit.into_iter().collect(), Some(mode), None, what.at);
    run(place, wish, How { open, resolve: None }, &what.consent, ui)
}

fn wish(verb: Verb, words: Vec<String>, mode: Option<Mode>, mainline: Option<u32>, at: Whereabouts) -> Wish {
    let Whereabouts { branch, remote, no_push, include_mine } = at;
    Wish { verb, words, mode, mainline, branch, remote, no_push, include_mine, resolved: None }
}

/// What of the command line is no wish.
struct How {
    /// Which way to reset was not said.
    open: bool,
    /// Where conflicts are laid out.
    resolve: Option<PathBuf>,
}

fn run(place: &Place, wish: Wish, how: How, consent: &Consent, ui: &mut Ui) -> Result<ExitCode> {
    // What is mapped of it goes with the process; to let go of it piece by piece before only takes time.
    let repository = ManuallyDrop::new(Repository::discover(place)?);
    let journal = Journal::of(&repository);
    if consent.plan {
        let (wish, seen) = completed(&repository, wish, ui)?;
        let prepared = prepare_seen(&repository, &wish, seen, None)?;
        print(&prepared.plan, how.open, ui);
        return end_of_plan(objection(&prepared));
    }
    let lock = journal.lock(Duration::ZERO)?;
    finish_interrupted(&repository, &journal, ui)?;
    if let Some(plan) = saved::<Plan>(consent)? {
        if plan.operation != wish.verb {
            return Err(Error::usage(format!("the plan is to {}", plan.deed()))
                .hint("carry it out by the command that made it"));
        }
        return carry_out(&repository, &journal, &plan, ui);
    }
    let (wish, seen) = completed(&repository, wish, ui)?;
    let prepared = prepare_seen(&repository, &wish, seen, None)?;
    if let Some(error) = objection(&prepared) {
        if let (Kind::Conflict, Some(folder)) = (error.kind(), &how.resolve) {
            return resolve::lay_out(&repository, &prepared, folder, ui);
        }
        if error.kind() != Kind::Nothing {
            ui.say_sheet(&sheet(&prepared.plan, how.open));
        }
        return Err(error);
    }
    consented(&prepared, how.open, consent, ui)?;
    let done = carry_out(&repository, &journal, &prepared.plan, ui);
    drop(lock);
    done
}

/// Looks at the branch, and where no commit was named lets the person choose one of it.
fn completed(repository: &Repository, mut wish: Wish, ui: &Ui) -> Result<(Wish, Seen)> {
    if wish.words.is_empty() {
        picker::can_pick(ui, "<COMMIT>")?;
    }
    let seen = see(repository, &wish)?;
    if wish.words.is_empty() {
        let commits = log(&seen, COMMITS_LISTED)?;
        let question = match wish.verb {
            Verb::Revert => "Which commit to revert?",
            _ => "Which commit to go back to?",
        };
        let chosen = picker::pick(ui, question, "<COMMIT>", choices(&commits))?;
        wish.words = vec![commits[chosen].id.to_string()];
    }
    Ok((wish, seen))
}

/// The branch's log as a list to choose from, with the deployments in a column of their own.
fn choices(commits: &[LogLine]) -> Vec<picker::Choice> {
    let mark = |commit: &LogLine| match commit.deployments.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, more @ ..] => format!("{one} +{}", more.len()),
    };
    let width = commits.iter().map(|commit| mark(commit).chars().count()).max().unwrap_or(0);
    let choice = |commit: &LogLine| {
        let gap = if width > 0 { "  " } else { "" };
        let id = commit.id.to_string();
        let rest = format!("{gap}{:<width$}  {}, {}, {}", mark(commit), commit.subject, commit.author, commit.date);
        let more = format!("{id} {}", commit.deployments.join(" "));
        picker::Choice::new(&format!("{}{rest}", &id[..10]), &more).or_narrow(&format!("{}{rest}", &id[..7]))
    };
    commits.iter().map(choice).collect()
}

/// Gets the person's yes to a plan.
pub fn consented(prepared: &Prepared, open: bool, consent: &Consent, ui: &Ui) -> Result<()> {
    let plan = &prepared.plan;
    let shown = |plan: &Plan, ui: &Ui| ui.say_sheet(&sheet(plan, open));
    if plan.mode != Some(Mode::OverwriteHistory) {
        return agree(plan, consent, ui, shown);
    }
    let name = RefName::new(plan.reference_bytes()).map_or_else(String::new, |name| name.short().to_string());
    agree_by_word(plan, consent, &name, ui, shown)
}

/// Carries a plan out, and says what became of it.
pub fn carry_out(repository: &Repository, journal: &Journal, plan: &Plan, ui: &mut Ui) -> Result<ExitCode> {
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

/// Prints a plan as the result.
pub fn print(plan: &Plan, open: bool, ui: &mut Ui) {
    if ui.wants_json() {
        return ui.document(plan);
    }
    let mut sheet = sheet(plan, open);
    if !plan.conflicts.is_empty() {
        sheet.say(Style::Plain, "to get by the conflicts, either of:");
        sheet.say(Style::Plain, "  --resolve <dir>: resolve them in a work tree of its own");
        sheet.say(Style::Plain, "  git cairn reset <commit> --as-commit: put everything back, which never collides");
    }
    sheet.say(Style::Plain, format!("plan {}", plan.plan_id));
    ui.result_sheet(&sheet);
}

/// The plan as lines; the first says what will change and where.
pub fn sheet(plan: &Plan, open: bool) -> Sheet {
    let place = plan.push_url.as_deref().map_or("here alone".into(), |url| format!("on {}", without_secrets(url)));
    let from = plan.expect_remote.as_ref().or(plan.local_head.as_ref()).map_or("nothing", |id| &id[..10]);
    let to = match (plan.mode, &plan.resolved) {
        (Some(Mode::OverwriteHistory), _) => &plan.target[..10],
        (_, Some(made)) => &made[..10],
        _ => "a new commit",
    };
    let mut sheet = Sheet::new(format!("{}: {from} -> {to} {place}", plan.deed()));
    if open {
        sheet.say(Style::Plain, "  --as-commit, as here: one new commit; history stays, no clone is disturbed");
        sheet.say(Style::Plain, "  --overwrite-history: the commits below leave the branch; others must catch up");
    }
    let what = match (plan.operation, plan.mode) {
        (Verb::Revert, _) => "taken back",
        (_, Some(Mode::OverwriteHistory)) => "leaving the branch",
        _ => "undone, but kept in the history",
    };
    sheet.commits(what, Style::Removed, &plan.commits, plan.commits_count);
    sheet.commits("published as well", Style::Added, &plan.unpublished, plan.unpublished.len());
    let conflicts = plan.conflicts.iter().map(|conflict| format!("{} ({})", conflict.path, conflict.kind));
    let many = count(plan.conflicts.len(), "conflict");
    sheet.list(&many, Style::Bad, conflicts, plan.conflicts.len());
    let changes = &plan.changes;
    if changes.files > 0 {
        let files = count(changes.files, "file");
        sheet.say(Style::Plain, format!("{files} changed, +{} -{} lines", changes.insertions, changes.deletions));
    }
    in_way(plan, &mut sheet);
    let containers = plan.contained_in.iter().map(|container| {
        let environment = container.environment.as_ref().map_or(String::new(), |name| format!(" (environment {name})"));
        format!("{}{environment}", container.reference)
    });
    sheet.list("also in", Style::Plain, containers, plan.contained_in.len());
    if let Some(host) = &plan.host {
        let rule = host.rule.as_ref().map_or(String::new(), |rule| format!(" by its rule {rule}"));
        let text = match host.verdict.as_str() {
            "accepted" => "the host would accept it".into(),
            "refused" => format!("the host would refuse it{rule}"),
            _ => "what the host would say is unknown".into(),
        };
        sheet.say(Style::Plain, text);
    }
    sheet.warn(plan.warnings.iter().map(|warning| &warning.text));
    sheet
}

/// The person's own work in the way.
fn in_way(plan: &Plan, sheet: &mut Sheet) {
    let own = &plan.worktree;
    let kinds = [
        ("staged", &own.staged),
        ("not staged", &own.unstaged),
        ("hidden by a flag", &own.hidden),
        ("not tracked", &own.untracked_in_way),
        ("ignored", &own.ignored_in_way),
    ];
    let total: usize = kinds.iter().map(|(_, paths)| paths.len()).sum();
    let one = |what: &str, path: &WorkPath| format!("{}, {what}", path.path);
    let paths = kinds.iter().flat_map(|(what, paths)| paths.iter().map(move |path| one(what, path)));
    sheet.list(&format!("in the way, {}", count(total, "file")), Style::Caution, paths, total);
}
