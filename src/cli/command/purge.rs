//! `git cairn rescue purge`.

use super::audit::host;
use super::guard::reason;
use crate::audit::{Entry, What};
use crate::backup::BackupId;
use crate::cli::arguments::Purge;
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, RefName};
use crate::hook::who_types;
use crate::purge::{Doomed, Look, Quiet, Tombstone, apply, look};
use crate::rescue::{BANS, Kept, PENDING, RESCUES, find};
use crate::site::Site;
use crate::text::{count, extra_bytes, json_text};
use crate::worker::snapshot_lock;
use serde_json::json;
use std::process::ExitCode;

/// How many references and backups are named.
const NAMED: usize = 20;

/// Destroys what was dropped, if nothing else reaches it.
pub fn run(place: &Place, what: &Purge, ui: &mut Ui) -> Result<ExitCode> {
    let (repository, state) = host(place)?;
    let site = Site::from_config(&repository.config())?;
    let (reason, wait) = (reason(&what.reason)?, clock::parse_span(&what.wait)?);
    let _lock = snapshot_lock(&state, wait)?;
    let kept = find(&repository, &what.id)?;
    let doomed = doomed(&kept)?;
    let seen = look(&repository, &site, &state, &doomed)?;
    if seen.is_reached() || !(seen.backups.is_empty() || what.leave_backups) {
        return Err(refused(&kept.record.id, &seen, ui));
    }
    let (who, now) = (who_types(), clock::now());
    let record = &kept.record;
    let tombstone = Tombstone {
        id: record.id.clone(),
        name: json_text(record.name.as_bytes()),
        ref_bytes: extra_bytes(record.name.as_bytes()),
        old: record.old.to_string(),
        new: record.new.map(|id| id.to_string()),
        dropped: record.dropped,
        by: record.by.clone(),
        at: record.at,
        purged: now,
        purged_by: format!("{} ({})", who.name, who.known_by),
        reason: reason.to_owned(),
    };
    let entry = Entry::new(now, What::Purge, who).about(&record.id).because(reason);
    let quiet = Quiet::wait(&repository, &state, wait)?;
    let purged = apply(&repository, &site, &state, (&doomed, &seen), &quiet, (&tombstone, &entry))?;
    drop(quiet);
    let left: Vec<String> = purged.left.iter().map(ToString::to_string).collect();
    let backups: Vec<&str> = seen.backups.iter().map(BackupId::as_str).collect();
    if ui.wants_json() {
        ui.document(&json!({
            "schema": 1, "operation": "purge", "id": record.id, "objects": purged.objects, "left": left, "backups": backups,
        }));
    } else {
        ui.result(&format!("{} purged; {} of it stays banned", count(purged.objects, "object"), record.id));
    }
    if !backups.is_empty() {
        ui.warn(&format!("{} hold it still, until they are deleted or expire", listed(&backups, "backup")));
    }
    if left.is_empty() {
        return done();
    }
    let message = format!("{} could not be pruned: {}", count(left.len(), "object"), left[0]);
    Err(Error::new(Kind::Partial, "left", message).hint(
        "look for packs that are kept (objects/pack/*.keep) and for objects/info/alternates, then: git gc --prune=now",
    ))
}

fn doomed(kept: &Kept) -> Result<Doomed> {
    let record = &kept.record;
    if kept.pending {
        let message = format!("whether the push that dropped {} has happened is not known yet", record.id);
        return Err(Error::refused("pending", message).hint("push anything, or wait for the worker, and look again"));
    }
    let id = &record.id;
    let own = vec![format!("{RESCUES}{id}"), format!("{PENDING}{id}"), format!("{BANS}{id}/*")];
    Ok(Doomed { old: record.old, new: record.new, dropped: record.dropped, own })
}

/// Names everything that is in the way.
fn refused(id: &str, seen: &Look, ui: &Ui) -> Error {
    for name in seen.reached_by.iter().take(NAMED) {
        ui.say(&format!("reached by {name}"));
    }
    if seen.reached_by.len() > NAMED {
        ui.say(&format!("and by {} more", count(seen.reached_by.len() - NAMED, "reference")));
    }
    let backups: Vec<&str> = seen.backups.iter().map(BackupId::as_str).collect();
    if !backups.is_empty() {
        ui.say(&format!("held by {}", listed(&backups, "backup")));
    }
    if seen.is_reached() {
        let (own, all) = seen.commits;
        let names: Vec<String> = seen.reached_by.iter().take(NAMED).map(RefName::to_string).collect();
        let message = format!(
            "{} of the {} that were dropped are reached by something else ({}); nothing was purged",
            all - own.min(all),
            count(all, "commit"),
            if names.is_empty() { "a work tree, or several references".into() } else { names.join(", ") }
        );
        return Error::refused("reached", message)
            .hint("move or delete these first, or purge them too if they are rescues");
    }
    let message = format!("{} hold it; nothing was purged", listed(&backups, "backup"));
    Error::refused("in-backups", message).hint(format!(
        "delete them first (git cairn backup delete <backup> --reason <text>), or leave it in them: \
         git cairn rescue purge {id} --leave-backups --reason <text>"
    ))
}

fn listed(ids: &[&str], word: &str) -> String {
    let named = ids.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = if ids.len() > NAMED { format!(" and {} more", ids.len() - NAMED) } else { String::new() };
    format!("{} ({named}{more})", count(ids.len(), word))
}
