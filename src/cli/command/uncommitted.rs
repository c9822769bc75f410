//! `git cairn uncommitted`.

use super::patch;
use crate::cli::arguments::Uncommitted;
use crate::cli::ui::Ui;
use crate::cli::{json as documents, table};
use crate::clock;
use crate::deployment::{Served, look_at_served, served_environment};
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::queue::State;
use crate::site::{Environment, Site};
use crate::text::{count, shown};
use crate::uncommitted::{self, Change, Ignored, Options, Owners, Seen};
use std::process::ExitCode;

/// How many changes a summary lists.
const LISTED_MAX: usize = 40;
/// How many ignored files and folders it lists, and how many of what could not be read.
const ASIDE_MAX: usize = 10;

/// Shows what stands in a served work tree and in no commit.
pub fn run(place: &Place, what: Uncommitted, ui: &mut Ui) -> Result<ExitCode> {
    let looked = look(place, &what, ui);
    // With this flag 1 means that there are changes.
    let (clean, readable) = if what.exit_code { looked.map_err(never_one)? } else { looked? };
    Ok(match (readable, clean) {
        (false, _) => ExitCode::from(Kind::Partial.exit_code()),
        (true, false) if what.exit_code => ExitCode::from(Kind::Failed.exit_code()),
        (true, _) => ExitCode::SUCCESS,
    })
}

fn never_one(error: Error) -> Error {
    if error.kind() == Kind::Failed { error.of_kind(Kind::Outside) } else { error }
}

fn look(place: &Place, what: &Uncommitted, ui: &mut Ui) -> Result<(bool, bool)> {
    let repository = Repository::discover(place)?;
    let config = repository.config();
    ui.go_by(&config);
    let site = Site::from_config(&config)?;
    let environment = match &what.environment {
        Some(name) => site.environment(name)?,
        None => served_environment(&site, what.worktree.as_deref())?,
    };
    let folder = what.worktree.as_ref().or(environment.worktree.as_ref()).ok_or_else(|| {
        let name = &environment.name;
        Error::not_found("no-worktree", format!("{name} has no work tree"))
            .hint(format!("name it: git config cairn.{name}.worktree <dir>, or --worktree <dir>"))
    })?;
    let state = State::of(&repository, site.modes);
    let cache = state.is_ours()?.then(|| (state.folder().join("looks"), state.modes()));
    let options = Options { cache, tells_binary: ui.wants_json(), deadline: None };
    let served = look_at_served(&repository, &site, environment, folder, &options)?;
    let Served { seen, note, .. } = &served;
    if let Some(note) = note {
        ui.say(note);
    }
    for warning in &seen.warnings {
        ui.warn(warning);
    }
    for one in seen.unreadable.iter().take(ASIDE_MAX) {
        ui.warn(&format!("cannot be read, and so may be changed: {}: {}", named(&one.path), one.why));
    }
    if let Some(more) = seen.unreadable.len().checked_sub(ASIDE_MAX).filter(|more| *more > 0) {
        ui.warn(&format!("{more} more cannot be read"));
    }
    if ui.wants_json() {
        ui.document(&documents::uncommitted(environment, &served));
    } else if what.patch || what.stat {
        let form = if what.patch { patch::Form::Patch } else { patch::Form::Stat };
        let scratch = if state.is_ours()? { state.scratch()? } else { std::env::temp_dir() };
        patch::show(&repository, environment, &served, form, &scratch, ui)?;
    } else {
        summary(environment, &served, ui);
    }
    Ok((seen.changes.is_empty(), seen.unreadable.is_empty()))
}

fn summary(environment: &Environment, served: &Served, ui: &mut Ui) {
    let Served { tree, seen, tag, .. } = served;
    let base = seen.base.map_or("no commit yet".into(), |id| id.to_hex_with_len(10).to_string());
    let base = tag.as_ref().map_or(base.clone(), |tag| format!("{tag} ({base})"));
    let owners = Owners::read();
    if !seen.changes.is_empty() {
        let place = tree.path().display();
        ui.result(&format!("{}: {}, compared with {base}: {}", environment.name, place, by_kind(&seen.changes)));
        let listed: Vec<_> = seen.changes.iter().take(LISTED_MAX).map(|change| row(change, &owners)).collect();
        for line in table::lines(&listed) {
            ui.result(&line);
        }
        if let Some(more) = seen.changes.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
            ui.result(&format!("and {more} more; --json lists all"));
        }
    } else if seen.unreadable.is_empty() {
        ui.say(&format!("{}: {} is as {base} has it", environment.name, tree.path().display()));
    }
    ignored(seen, &owners, ui);
}

fn ignored(seen: &Seen, owners: &Owners, ui: &Ui) {
    if seen.ignored.is_empty() {
        return;
    }
    let number = seen.ignored.len();
    let (files, are) = if number == 1 { ("file or folder", "is") } else { ("files and folders", "are") };
    ui.say(&format!("{number} {files} {are} hidden by ignore rules: neither committed nor backed up with the code"));
    let row = |one: &Ignored| vec![format!("  {}", slashed(one)), touched(&one.stamp, owners)];
    let rows: Vec<_> = seen.ignored.iter().take(ASIDE_MAX).map(row).collect();
    for line in table::lines(&rows) {
        ui.say(&line);
    }
    if number > ASIDE_MAX {
        ui.say(&format!("  and {} more", number - ASIDE_MAX));
    }
}

/// How many there are of each kind, in a few words.
fn by_kind(changes: &[Change]) -> String {
    let words = uncommitted::Kind::ALL.iter().filter_map(|kind| {
        let number = changes.iter().filter(|change| change.kind == *kind).count();
        let word = match kind {
            uncommitted::Kind::Mode => "with another mode",
            uncommitted::Kind::Type => "of another type",
            uncommitted::Kind::Repository => return (number > 0).then(|| repositories(number)),
            other => other.word(),
        };
        (number > 0).then(|| format!("{number} {word}"))
    });
    words.collect::<Vec<_>>().join(", ")
}

fn repositories(number: usize) -> String {
    if number == 1 { "1 repository".into() } else { format!("{number} repositories") }
}

fn row(change: &Change, owners: &Owners) -> Vec<String> {
    let path = match &change.from {
        Some(from) => format!("{} -> {}", shown(from), shown(&change.path)),
        None => named(&change.path),
    };
    let mut marks = Vec::new();
    marks.extend(change.staged.then(|| "staged".to_owned()));
    marks.extend(change.hidden.then(|| "hidden from git status".to_owned()));
    if let Some(nested) = &change.repository {
        marks.extend((nested.edits > 0).then(|| count(nested.edits, "edit")));
        let unknown = nested.unknown.iter().map(|(name, _)| shown(name)).collect::<Vec<_>>().join(", ");
        marks.extend((!unknown.is_empty()).then(|| format!("only there: {unknown}")));
    }
    let touched = change.new.map(|new| touched(&new.stamp, owners)).unwrap_or_default();
    vec![format!("  {}", change.kind.word()), path, touched, marks.join(", ")]
}

/// Whose it is, and when it was written.
fn touched(stamp: &uncommitted::Stamp, owners: &Owners) -> String {
    let when = stamp.modified_at().map(clock::local).unwrap_or_default();
    format!("{}, {when}", owners.name(stamp.owner))
}

fn named(path: &[u8]) -> String {
    if path.is_empty() { "the tree itself".into() } else { shown(path) }
}

fn slashed(one: &Ignored) -> String {
    format!("{}{}", shown(&one.path), if one.folder { "/" } else { "" })
}
