//! `git cairn uncommitted`.

use super::patch;
use crate::cli::arguments::Uncommitted;
use crate::cli::ui::Ui;
use crate::cli::{json as documents, table};
use crate::clock;
use crate::deployment::{Served, look_at_served, served_environments, served_from};
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::queue::State;
use crate::site::{Environment, Site};
use crate::text::{and_list, count, shown};
use crate::uncommitted::{self, Change, Ignored, Options, Owners, Seen};
use std::path::Path;
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
    let environments = match (&what.environment, &what.worktree) {
        (Some(name), _) => vec![site.environment(name)?],
        (None, Some(folder)) => vec![served_from(&site, folder)],
        (None, None) => served_environments(&site)?,
    };
    let state = State::of(&repository, site.modes);
    let cache = state.is_ours()?.then(|| (state.folder().join("looks"), state.modes()));
    let options = Options { cache, tells_binary: ui.wants_json(), deadline: None };
    let (mut all, mut every_one) = (vec![], true);
    for (n, environment) in environments.iter().enumerate() {
        let served = folder_of(environment, what)
            .and_then(|folder| look_at_served(&repository, &site, environment, folder, &options));
        match served {
            Ok(served) => all.push((*environment, served)),
            Err(error) if all.is_empty() && n + 1 == environments.len() => return Err(error),
            // One that cannot be looked at hides none of the others.
            Err(error) => {
                every_one = false;
                ui.warn(&format!("{} was not looked at: {error}", environment.name));
                if let Some(hint) = error.next_step() {
                    ui.hint(hint);
                }
            }
        }
    }
    if ui.wants_json() {
        for (_, served) in &all {
            say_beside(served, ui);
        }
        let mut documents = all.iter().map(|(environment, served)| documents::uncommitted(environment, served));
        if let Some(mut document) = documents.next() {
            document["others"] = documents.collect();
            ui.document(&document);
        }
    } else if what.patch || what.stat {
        for (environment, served) in to_print(&all, what)? {
            if environments.len() > 1 {
                ui.say(&format!("{}: {}", environment.name, served.tree.path().display()));
            }
            say_beside(served, ui);
            let form = if what.patch { patch::Form::Patch } else { patch::Form::Stat };
            let scratch = if state.is_ours()? { state.scratch()? } else { std::env::temp_dir() };
            patch::show(&repository, environment, served, form, &scratch, ui)?;
        }
    } else {
        for (environment, served) in &all {
            say_beside(served, ui);
            summary(environment, served, ui);
        }
    }
    let clean = all.iter().all(|(_, served)| served.seen.changes.is_empty());
    Ok((clean, every_one && all.iter().all(|(_, served)| served.seen.unreadable.is_empty())))
}

fn folder_of<'a>(environment: &'a Environment, what: &'a Uncommitted) -> Result<&'a Path> {
    what.worktree.as_deref().or(environment.worktree.as_deref()).ok_or_else(|| {
        let name = &environment.name;
        Error::not_found("no-worktree", format!("{name} has no work tree"))
            .hint(format!("name it: git config cairn.{name}.worktree <dir>, or --worktree <dir>"))
    })
}

/// Says what is to be known of a tree beside its changes.
fn say_beside(served: &Served, ui: &Ui) {
    let Served { seen, note, .. } = served;
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
}

/// Returns the trees whose changes are printed: of several, those that have some. A patch is of one tree, for what is
/// applied to another is wrong there.
fn to_print<'a>(
    all: &'a [(&'a Environment, Served)],
    what: &Uncommitted,
) -> Result<Vec<&'a (&'a Environment, Served)>> {
    if all.len() < 2 {
        return Ok(all.iter().collect());
    }
    let changed: Vec<_> = all.iter().filter(|(_, served)| !served.seen.changes.is_empty()).collect();
    if what.patch && changed.len() > 1 {
        let names: Vec<_> = changed.iter().map(|(environment, _)| &environment.name).collect();
        let each = names.iter().map(|name| format!("git cairn uncommitted {name} --patch")).collect::<Vec<_>>();
        let message = format!("{} have uncommitted changes, and a patch is of one tree", and_list(&names));
        return Err(Error::usage(message).hint(each.join("; ")));
    }
    Ok(changed)
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
