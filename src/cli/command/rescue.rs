//! `git cairn rescue`: what pushes dropped, and how to get it back.

use super::audit::host;
use crate::audit::{Entry, Log, Sync, What};
use crate::cli::arguments::{Recover, Rescue, RescueVerb};
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::Result;
use crate::git::{CommitLine, Place, Repository};
use crate::hook::who_types;
use crate::purge::{Tombstone, tombstones};
use crate::queue::State;
use crate::rescue::{Kept, all, find, recover_as_branch, recover_in_place};
use crate::site::Site;
use crate::text::{count, extra_bytes, json_text};
use crate::worker::{Waited, back_up};
use serde_json::{Value, json};
use std::process::ExitCode;

/// How many commits `show` names.
const COMMITS_SHOWN: usize = 100;

/// Runs one of the verbs.
pub fn run(place: &Place, what: &Rescue, ui: &mut Ui) -> Result<ExitCode> {
    match &what.verb {
        RescueVerb::List => list(place, ui),
        RescueVerb::Show(what) => show(place, &what.id, ui),
        RescueVerb::Recover(what) => recover(place, what, ui),
        RescueVerb::Purge(what) => super::purge::run(place, what, ui),
    }
}

fn document(kept: &Kept) -> Value {
    let record = &kept.record;
    let mut document = json!({
        "id": record.id,
        "ref": json_text(record.name.as_bytes()),
        "old": record.old.to_string(),
        "new": record.new.map(|new| new.to_string()),
        "dropped": record.dropped,
        "by": record.by,
        "at": record.at,
        "reason": record.reason,
        "purged": false,
    });
    if let Some(extra) = extra_bytes(record.name.as_bytes()) {
        document["ref_bytes"] = extra.into();
    }
    document
}

fn list(place: &Place, ui: &mut Ui) -> Result<ExitCode> {
    let (repository, state) = host(place)?;
    let all = all(&repository)?;
    // A purge that was cut short has named what is there still.
    let there = |tombstone: &Tombstone| all.iter().any(|kept| kept.record.id == tombstone.id);
    let purged: Vec<_> = tombstones(&state)?.into_iter().filter(|tombstone| !there(tombstone)).collect();
    // What a push is about to do, or was kept from, is none yet.
    let kept: Vec<_> = all.into_iter().filter(|kept| happened(&repository, kept)).collect();
    if ui.wants_json() {
        let mut rescues: Vec<Value> = kept.iter().map(document).chain(purged.iter().map(gone)).collect();
        rescues.sort_by(|a, b| b["id"].as_str().cmp(&a["id"].as_str()));
        ui.document(&json!({"schema": 1, "rescues": rescues}));
        return done();
    }
    if kept.is_empty() && purged.is_empty() {
        ui.say("nothing was dropped");
        return done();
    }
    let mut rows: Vec<_> = kept.iter().map(|kept| row(&repository, kept)).chain(purged.iter().map(gone_row)).collect();
    rows.sort_by(|a, b| b[0].cmp(&a[0]));
    ui.result_table(&rows, false);
    ui.hint("to get one back as a branch: git cairn rescue recover <id>");
    done()
}

/// What was purged, as its tombstone has it.
fn gone(tombstone: &Tombstone) -> Value {
    let mut document = json!({
        "id": tombstone.id,
        "ref": tombstone.name,
        "old": tombstone.old,
        "new": tombstone.new,
        "dropped": tombstone.dropped,
        "by": tombstone.by,
        "at": tombstone.at,
        "reason": tombstone.reason,
        "purged": true,
        "purged_at": tombstone.purged,
        "purged_by": tombstone.purged_by,
    });
    if let Some(extra) = &tombstone.ref_bytes {
        document["ref_bytes"] = extra.clone().into();
    }
    document
}

fn gone_row(tombstone: &Tombstone) -> Vec<String> {
    vec![
        tombstone.id.clone(),
        tombstone.name.clone(),
        count(tombstone.dropped, "commit"),
        tombstone.by.clone(),
        clock::local(tombstone.at),
        format!("purged by {}: {}", tombstone.purged_by, tombstone.reason),
    ]
}

fn happened(repository: &Repository, kept: &Kept) -> bool {
    !kept.pending || repository.ref_id(&kept.record.name).is_ok_and(|now| now != Some(kept.record.old))
}

fn row(repository: &Repository, kept: &Kept) -> Vec<String> {
    let record = &kept.record;
    let newest = repository.peel_to_commit(&record.old).and_then(|commit| repository.commit_line(&commit));
    let newest = newest.map(|line| format!("{}: {}", line.author, line.subject)).unwrap_or_default();
    vec![
        record.id.clone(),
        record.name.to_string(),
        count(record.dropped, "commit"),
        record.by.clone(),
        clock::local(record.at),
        newest,
    ]
}

fn show(place: &Place, id: &str, ui: &mut Ui) -> Result<ExitCode> {
    let (repository, _) = host(place)?;
    let site = Site::from_config(&repository.config())?;
    let kept = find(&repository, id)?;
    let record = &kept.record;
    let commits: Vec<CommitLine> = match repository.peel_to_commit(&record.old) {
        Some(tip) => {
            let new = record.new.filter(|new| repository.peel_to_commit(new).is_some());
            repository.commits_between(new.as_ref(), &tip, COMMITS_SHOWN)?.into_iter().map(|(line, _)| line).collect()
        }
        None => vec![],
    };
    let until = clock::plus_days(record.at, site.keep_rescues_days);
    if ui.wants_json() {
        let mut rescue = document(&kept);
        let line = |commit: &CommitLine| json!({"id": commit.id.to_string(), "author": commit.author, "subject": commit.subject, "merge": commit.merge});
        rescue["keep_until"] = json!(until);
        rescue["commits"] = commits.iter().map(line).collect();
        rescue["banned"] = record.roots.iter().map(ToString::to_string).collect();
        ui.document(&json!({"schema": 1, "rescue": rescue}));
        return done();
    }
    let moved = record.new.map_or("deleted".into(), |new| format!("moved to {new}"));
    ui.result(&format!("{} was {moved} by {} at {}", record.name, record.by, clock::local(record.at)));
    ui.result(&format!("it held {}, kept at least until {}", record.old, clock::local(until)));
    if let Some(reason) = &record.reason {
        ui.result(&format!("because: {reason}"));
    }
    for commit in &commits {
        ui.result(&format!("  {} {}: {}", commit.id.to_hex_with_len(10), commit.author, commit.subject));
    }
    ui.hint(&format!("to get it back as a branch: git cairn rescue recover {}", record.id));
    done()
}

fn recover(place: &Place, what: &Recover, ui: &mut Ui) -> Result<ExitCode> {
    let (repository, state) = host(place)?;
    let site = Site::from_config(&repository.config())?;
    let kept = find(&repository, &what.id)?;
    let who = who_types();
    let recovered = if what.in_place {
        recover_in_place(&repository, &site, &kept, format!("{} ({})", who.name, who.known_by))?
    } else {
        recover_as_branch(&repository, &kept, what.branch.as_deref())?
    };
    let line = Entry::new(clock::now(), What::Rescue, who).about(&kept.record.id);
    if let Err(error) = Log::of(&state).append(&line, Sync::Now) {
        ui.warn(&error.to_string());
    }
    let backup = backed_up(&repository, &site, &state, ui);
    let name = json_text(recovered.name.as_bytes());
    if ui.wants_json() {
        let (id, result) = (&kept.record.id, recovered.id.to_string());
        ui.document(
            &json!({"schema": 1, "operation": "recover", "id": id, "ref": name, "result": result, "backup": backup}),
        );
        return done();
    }
    ui.result(&format!("{} is {}", recovered.name, recovered.id));
    if let Some(backup) = backup {
        ui.say(&format!("backup {backup} holds it"));
    }
    ui.hint(&format!("in a clone: git fetch origin {}", recovered.name));
    done()
}

/// Has what came back in a backup, as after a push, and returns its id; what is not there yet is told.
fn backed_up(repository: &Repository, site: &Site, state: &State, ui: &Ui) -> Option<String> {
    let later = "git cairn worker --once";
    match back_up(repository, site, state) {
        Ok(Waited::Done(mut backups)) => return backups.pop(),
        Ok(Waited::GoesOn) => ui.hint("a backup of it goes on in the background: git cairn backup list"),
        Ok(Waited::ForOwner) => ui.hint(&format!("a backup of it is queued for the owner of the repository: {later}")),
        Ok(Waited::Failed(reason)) => {
            ui.warn(&format!("the backup of it could not be made: {reason}"));
            ui.hint(&format!("it stays queued; when that is mended: {later}"));
        }
        Err(error) => {
            ui.warn(&format!("the backup of it waits: {error}"));
            ui.hint(&format!("when that is mended: {later}"));
        }
    }
    None
}
