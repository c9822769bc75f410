//! `git cairn worker`.

use crate::cli::arguments::Worker;
use crate::cli::sites::{Did, over};
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::git::{AskedVersion, Place, Repository};
use crate::os;
use crate::queue::State;
use crate::site::Site;
use crate::worker::{Called, Outcome, Which, place_in_line, prove_pending, run_once};
use serde_json::json;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// How long a worker that stays rests between two looks.
const REST: Duration = Duration::from_secs(30);

/// Runs the worker, once or until it is stopped.
pub fn run(place: &Place, what: Worker, ui: &mut Ui) -> Result<ExitCode> {
    if what.detached {
        // The session of the push that started us may end before we do.
        os::leave_session();
        // The hook that started us found the repository, and names it.
        let repository = match &place.git_dir {
            Some(git_dir) => Repository::open(git_dir)?,
            None => Repository::discover(place)?,
        };
        let site = Site::from_config(&repository.config())?;
        let asked = AskedVersion::start()?;
        let database = State::of(&repository, site.modes).hurried().database().ok();
        // A hook starts us early; its jobs are queued when our input ends.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let place = place_in_line(&State::of(&repository, site.modes))?;
        let called = Called::ByPush { place, database, git: asked.text(), tell: say_so };
        let outcome = run_once(&repository, &site, clock::parse_span(&what.wait)?, called)?;
        // Nobody waits for this, and nobody hears of it: what is wrong is kept beside the segment.
        let _ = prove_pending(&repository, &site, Which::Newest, Duration::ZERO);
        return report(&outcome, ui);
    }
    let wait = clock::parse_span(&what.wait)?;
    loop {
        let looked = match &what.sites {
            Some(root) => over(root, ui, |repository| in_one_of_many(repository, wait)),
            None => host(place).and_then(|(repository, site)| report(&look(&repository, &site, wait)?, ui)),
        };
        if what.once {
            return looked;
        }
        match looked {
            Ok(_) => {}
            Err(error) if error.kind() == Kind::Busy => {}
            // What is in the way now may not be in half a minute.
            Err(error) => ui.fail(&error),
        }
        crate::process::idle(|| std::thread::sleep(REST));
    }
}

/// Lets the hook that waits look how far its jobs are; it may have gone.
fn say_so() {
    let _ = std::io::stdout().write_all(b"\n");
}

fn look(repository: &Repository, site: &Site, wait: Duration) -> Result<Outcome> {
    let mut outcome = run_once(repository, site, wait, Called::ToLook)?;
    let damaged = prove_pending(repository, site, Which::All, wait)?;
    outcome.failed.extend(damaged.into_iter().map(|what| format!("verified in the background: {what}")));
    Ok(outcome)
}

fn in_one_of_many(repository: &Repository, wait: Duration) -> Result<Did> {
    let Outcome { marked, made, failed, expired, .. } =
        look(repository, &Site::from_config(&repository.config())?, wait)?;
    if let Some(failed) = failed.first() {
        return Err(job_failed(failed));
    }
    let did: Vec<String> = marked.iter().map(|tag| format!("marked {tag}")).chain(made).collect();
    let did: Vec<String> = did.into_iter().chain(expired.iter().map(|id| format!("removed {id}"))).collect();
    Ok(if did.is_empty() { Did::Nothing } else { Did::Something(did.join(" ")) })
}

fn job_failed(why: &str) -> Error {
    Error::outside("job-failed", format!("a backup could not be made: {why}"))
        .hint("it stays queued; when that is mended: git cairn worker --once")
}

/// The repository and its site, read anew for every look: both may change while a worker stays.
fn host(place: &Place) -> Result<(Repository, Site)> {
    let repository = Repository::discover(place)?;
    let site = Site::from_config(&repository.config())?;
    Ok((repository, site))
}

fn report(outcome: &Outcome, ui: &mut Ui) -> Result<ExitCode> {
    for tag in &outcome.marked {
        ui.say(&format!("marked {tag}, whose hook had died"));
    }
    for id in &outcome.expired {
        ui.say(&format!("removed {id}, whose retention had ended"));
    }
    for note in &outcome.notes {
        ui.warn(note);
    }
    if ui.wants_json() {
        let Outcome { marked, made, failed, expired, .. } = outcome;
        ui.document(&json!({"schema": 1, "marked": marked, "made": made, "failed": failed, "expired": expired}));
    } else {
        for id in &outcome.made {
            ui.result(id);
        }
    }
    match outcome.failed.as_slice() {
        [] => super::super::done(),
        [one] if outcome.made.is_empty() => Err(job_failed(one)),
        failed => {
            for one in failed {
                ui.warn(&format!("a backup could not be made: {one}"));
            }
            ui.hint("they stay queued; when that is mended: git cairn worker --once");
            Ok(ExitCode::from(if outcome.made.is_empty() { Kind::Outside } else { Kind::Partial }.exit_code()))
        }
    }
}
