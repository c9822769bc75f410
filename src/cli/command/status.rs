//! `git cairn status`.

use crate::cli::arguments::Status;
use crate::cli::done;
use crate::cli::sites::{Did, over};
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::health::{EnvironmentStanding, SiteStanding, standing};
use crate::site::Site;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// Says where each environment stands. With `--max-age` it ends with 1 where what is there is in no backup of that age, the
/// newest backup of an environment is damaged, a job failed, or pushes do not pass through our hooks, so that a monitor needs
/// nothing else.
pub fn run(place: &Place, what: &Status, ui: &mut Ui) -> Result<ExitCode> {
    let age_max = what.max_age.as_deref().map(clock::parse_span).transpose()?;
    if let Some(root) = &what.sites {
        return over(root, ui, |repository| in_one_of_many(repository, age_max));
    }
    // With that flag 1 means that something is too old, and nothing else.
    let looked = look(&Repository::discover(place)?);
    let seen = match looked {
        Err(error) if age_max.is_some() && error.kind() == Kind::Failed => return Err(error.of_kind(Kind::Outside)),
        looked => looked?,
    };
    let alarm = age_max.and_then(|age_max| alarm(&seen, age_max));
    if ui.wants_json() {
        ui.document(&document(&seen));
    } else {
        show(&seen, ui);
    }
    if let Some(text) = alarm {
        ui.warn(&text);
        ui.hint("look into it: git cairn doctor");
        return Ok(ExitCode::from(Kind::Failed.exit_code()));
    }
    done()
}

fn look(repository: &Repository) -> Result<SiteStanding> {
    standing(repository, &Site::from_config(&repository.config())?)
}

/// What a monitor should wake somebody for.
fn alarm(seen: &SiteStanding, age_max: Duration) -> Option<String> {
    if let Some(text) = damaged(seen) {
        return Some(text);
    }
    if seen.is_older_than(age_max, clock::now()) {
        let newest = seen.newest.map_or(seen.missing_store.clone().unwrap_or_else(|| "there is none".into()), |at| {
            format!("the newest is of {}", clock::age(at, clock::now()))
        });
        return Some(format!("what is there now is in no backup of that age: {newest}"));
    }
    if seen.jobs.2 > 0 {
        return Some(format!("{} failed", crate::text::count(usize::try_from(seen.jobs.2).unwrap_or(0), "job")));
    }
    unhooked(seen).or_else(|| missing_tree(seen))
}

/// Names a served work tree that is not there, in which edits would be in no backup.
fn missing_tree(seen: &SiteStanding) -> Option<String> {
    let (one, folder) = seen.environments.iter().find_map(|one| Some((one, one.missing_tree.as_ref()?)))?;
    Some(format!(
        "{}, from where {} is served, is not there: edits are not captured",
        folder.display(),
        one.environment
    ))
}

/// What it means that newest backups are damaged; `None` where none is known to be.
fn damaged(seen: &SiteStanding) -> Option<String> {
    let ids = seen.damaged.join(", ");
    match seen.damaged.len() {
        0 => None,
        1 => Some(format!("the newest backup {ids} is damaged")),
        _ => Some(format!("the newest backups {ids} are damaged")),
    }
}

/// What it means that hooks of ours are missing; `None` where none is.
fn unhooked(seen: &SiteStanding) -> Option<String> {
    let missing = !seen.unhooked.is_empty();
    missing.then(|| format!("pushes are not judged, marked or backed up: {}", seen.unhooked.join("; ")))
}

fn in_one_of_many(repository: &Repository, age_max: Option<Duration>) -> Result<Did> {
    let seen = look(repository)?;
    if let Some(text) = age_max.and_then(|age_max| alarm(&seen, age_max)) {
        return Err(
            Error::failed("too-old", text).hint(format!("git -C {} cairn doctor", repository.git_dir().display()))
        );
    }
    let stands = seen.environments.iter().filter_map(|one| one.deployment.clone());
    let none = seen.missing_store.clone().unwrap_or_else(|| "no backup".into());
    let newest = seen.newest.map_or(none, |at| format!("newest backup {}", clock::age(at, clock::now())));
    let unhooked = unhooked(&seen);
    Ok(Did::Something(stands.chain([newest]).chain(damaged(&seen)).chain(unhooked).collect::<Vec<_>>().join(", ")))
}

fn show(seen: &SiteStanding, ui: &mut Ui) {
    let rows: Vec<_> = seen.environments.iter().map(|one| row(one, seen.missing_store.is_none())).collect();
    ui.result_table(&rows, false);
    let (waiting, running, failed) = seen.jobs;
    ui.result(&format!("jobs: {waiting} waiting, {running} running, {failed} failed"));
    if let Some(text) = &seen.missing_store {
        ui.result(&format!("store: {text}"));
        ui.hint("what mends it: git cairn doctor");
    }
    if let Some(text) = unhooked(seen) {
        ui.result(&format!("hooks: {text}"));
        ui.hint(&format!("to put them in place: {}", seen.hook_fix));
    }
    if let Some(text) = damaged(seen) {
        ui.result(&format!("backups: {text}"));
        ui.hint("what mends it: git cairn doctor");
    }
    if !seen.stored && waiting + running == 0 {
        ui.hint("references changed since the newest backup; to have them in one: git cairn worker --once");
    }
}

fn row(one: &EnvironmentStanding, stored: bool) -> Vec<String> {
    let now = clock::now();
    let commit = one.commit.map_or("no commit yet".into(), |commit| commit.to_hex_with_len(10).to_string());
    let since = one.since.map(|since| format!("since {}", clock::age(since, now))).unwrap_or_default();
    let backup = match (&one.backup, one.verified) {
        (Some((_, at)), _) if one.damaged => format!("backup {}, damaged", clock::age(*at, now)),
        (Some((_, at)), Some(true)) => format!("backup {}, verified", clock::age(*at, now)),
        (Some((_, at)), _) => format!("backup {}, not verified yet", clock::age(*at, now)),
        (None, _) if stored => "no backup of its own".into(),
        (None, _) => "backup not known".into(),
    };
    let edits = match (one.uncommitted, &one.missing_tree) {
        (_, Some(_)) => "its work tree is not there".into(),
        (None, None) => String::new(),
        (Some(0), None) => "clean".into(),
        (Some(count), None) => crate::text::count(count, "uncommitted edit"),
    };
    let held = one.held.as_ref().map(|hold| format!("held {hold}")).unwrap_or_default();
    vec![one.environment.clone(), one.deployment.clone().unwrap_or_default(), commit, since, backup, edits, held]
}

fn document(seen: &SiteStanding) -> Value {
    let one = |one: &EnvironmentStanding| {
        json!({
            "environment": one.environment,
            "deployment": one.deployment,
            "commit": one.commit.map(|commit| commit.to_string()),
            "since": one.since,
            "backup": one.backup.as_ref().map(|(id, _)| id),
            "verified": one.verified,
            "damaged": one.damaged,
            "uncommitted": one.uncommitted,
            "held": one.held.as_ref().map(|hold| json!({"by": hold.by, "at": hold.at, "until": hold.until, "reason": hold.reason})),
        })
    };
    let (waiting, running, failed) = seen.jobs;
    json!({
        "schema": 1,
        "environments": seen.environments.iter().map(one).collect::<Vec<_>>(),
        "jobs": {"waiting": waiting, "running": running, "failed": failed},
        "store": {"there": seen.missing_store.is_none(), "problem": seen.missing_store},
        "hooks": {"installed": seen.unhooked.is_empty(), "problems": seen.unhooked},
    })
}
