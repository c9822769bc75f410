//! What `git cairn backup create` does about the edits in a served work tree, before it makes a backup.

use crate::backup::{Edits, Manifest};
use crate::cli::arguments::Create;
use crate::cli::ui::Ui;
use crate::deployment::{Served, look_at_served};
use crate::durable::random_name;
use crate::element::uncommitted::warnings;
use crate::error::{Error, Kind, Result};
use crate::git::Repository;
use crate::queue::State;
use crate::site::{CaptureRules, Environment, Site};
use crate::text::{count, shown, size};
use crate::uncommitted::{Change, Options, Seen};
use crate::worker::{Against, How, keep_capture, look_at, noted};

/// How many changes a warning lists: a screenful, with what is said around them.
const LISTED_MAX: usize = 15;

/// What is to be held of one environment's tree.
pub struct Looked {
    /// It, for the backup.
    pub edits: Edits,
    /// Whether all of the tree could be read.
    pub readable: bool,
}

/// Looks at an environment's work tree, tells what is found, asks what to do with it where there is somebody to ask, and
/// captures it.
///
/// Returns [`Kind::Unsafe`] where the tree must be clean and is not, and [`Kind::Unconfirmed`] where the person stops.
pub fn look(
    repository: &Repository,
    site: &Site,
    state: &State,
    environment: &Environment,
    what: &Create,
    ui: &Ui,
) -> Result<Looked> {
    let Some(folder) = environment.worktree.as_deref() else {
        return Ok(Looked { edits: Edits::NotSought, readable: true });
    };
    let served = match look_at(repository, site, state, environment, folder, (Against::Now, None)) {
        Ok(served) => served,
        Err(error) if what.require_clean => return Err(error),
        Err(error) => {
            ui.warn(&format!("uncommitted edits of {}, if any, are not in the backup: {error}", environment.name));
            return Ok(Looked { edits: Edits::NotSought, readable: false });
        }
    };
    let Served { seen, note, .. } = &served;
    if let Some(note) = note {
        ui.say(note);
    }
    for warning in &seen.warnings {
        ui.warn(warning);
    }
    let readable = seen.unreadable.is_empty();
    for one in &seen.unreadable {
        ui.warn(&format!("cannot be read, and so may be changed: {}: {}", shown(&one.path), one.why));
    }
    if !seen.changes.is_empty() {
        tell(environment, &served, ui);
    }
    if what.require_clean && !seen.is_clean() {
        return Err(Error::refused("not-clean", format!("the work tree of {} is not clean", environment.name))
            .hint(format!("see what is in it: git cairn uncommitted {}", environment.name)));
    }
    let wanted = !what.without_uncommitted && (!seen.changes.is_empty() || wants_ignored(what, seen));
    if !wanted || !is_wanted(seen, ui)? {
        return Ok(Looked { edits: Edits::Noted(noted(seen).into()), readable });
    }
    let (rules, unclear) = CaptureRules::of(&repository.config(), &environment.name);
    if let Some(error) = unclear.into_iter().next() {
        return Err(error);
    }
    let how = How { rules: Some(&rules), deadline: None, ignored: what.include_ignored };
    // It waits only until this command has made the backup.
    let place = state.scratch()?;
    let pending = keep_capture(repository, state, environment, &served, how, (&place, &random_name()))?;
    let edits = match pending {
        None => Edits::Noted(noted(seen).into()),
        Some(pending) => {
            for line in warnings(&pending.record) {
                ui.warn(&line);
            }
            Edits::Captured(pending.into())
        }
    };
    Ok(Looked { edits, readable })
}

fn wants_ignored(what: &Create, seen: &Seen) -> bool {
    what.include_ignored && !seen.ignored.is_empty()
}

/// Asks what is to become of changes; without a terminal they are captured.
fn is_wanted(seen: &Seen, ui: &Ui) -> Result<bool> {
    if seen.changes.is_empty() || !ui.can_ask() {
        return Ok(true);
    }
    loop {
        let answer = ui.ask_for("capture them with the backup, leave them out, or stop? [C/l/s]");
        let answer = answer.map(|answer| answer.to_lowercase());
        match answer.as_deref() {
            Some("" | "c" | "capture") => return Ok(true),
            Some("l" | "leave") => return Ok(false),
            None | Some("s" | "stop") => {
                return Err(Error::new(Kind::Unconfirmed, "stopped", "stopped; no backup was made"));
            }
            Some(_) => {}
        }
    }
}

fn tell(environment: &Environment, served: &Served, ui: &Ui) {
    let Served { tree, seen, .. } = served;
    let name = &environment.name;
    let changes = count(seen.changes.len(), "uncommitted change");
    ui.warn(&format!("the work tree of {name}, {}, holds {changes}", tree.path().display()));
    for change in seen.changes.iter().take(LISTED_MAX) {
        ui.say(&row(change));
    }
    if let Some(more) = seen.changes.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
        ui.say(&format!("  and {more} more"));
    }
    ui.hint(&format!("to see all of it: git cairn uncommitted {name} --patch"));
}

/// Says what a backup has of the edits that were found, and how one sees it.
pub fn tell_kept(manifest: &Manifest, ui: &Ui) {
    let (Some(found), name) = (&manifest.uncommitted, &manifest.environment) else { return };
    let changes = count(found.changes, "uncommitted change");
    match manifest.capture() {
        Some(capture) => {
            let what = if found.changes == 0 { "ignored files".into() } else { changes };
            ui.say(&format!("{name}: {what} captured, {}", size(capture.bytes)));
            ui.hint(&see_edits(manifest.id.as_str()));
        }
        None if found.changes > 0 => ui.say(&format!("{name}: {changes} not in this backup")),
        None => {}
    }
}

/// Says by which command one sees the edits in a backup.
pub fn see_edits(backup: &str) -> String {
    format!("to see them: git cairn backup get {backup} --element uncommitted --patch --to -")
}

/// Names the other environments in whose served trees there are edits, which a backup of this one leaves out.
pub fn tell_elsewhere(repository: &Repository, site: &Site, backed_up: &Environment, ui: &Ui) {
    let edited = |one: &Environment| {
        let folder = one.worktree.as_ref().filter(|_| one.name != backed_up.name)?;
        let served = look_at_served(repository, site, one, folder, &Options::default()).ok()?;
        let changes = served.seen.changes.len();
        (changes > 0).then(|| format!("{} ({changes})", one.name))
    };
    let edited: Vec<_> = site.environments.iter().filter_map(edited).collect();
    if !edited.is_empty() {
        ui.warn(&format!("uncommitted edits are served as {}, and not in this backup", edited.join(", ")));
        ui.hint("to have them in backups: git cairn backup create --all");
    }
}

fn row(change: &Change) -> String {
    let path = if change.path.is_empty() { "the tree's own repository".into() } else { shown(&change.path) };
    match &change.from {
        Some(from) => format!("  {:<10}  {} -> {path}", change.kind.word(), shown(from)),
        None => format!("  {:<10}  {path}", change.kind.word()),
    }
}
