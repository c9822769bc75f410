//! `git cairn guard`.

use super::audit::host;
use crate::audit::{Entry, Log, Sync, What};
use crate::cli::arguments::{Guard, GuardVerb, Pause as PauseArguments};
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::git::Place;
use crate::hook::who_types;
use crate::ruling::{PAUSE_MAX, Pause};
use jiff::Timestamp;
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// Rules over the guard.
pub fn run(place: &Place, what: &Guard, ui: &mut Ui) -> Result<ExitCode> {
    match &what.verb {
        GuardVerb::Pause(what) => pause(place, what, ui),
    }
}

/// The pause comes first and the audit second: that it cannot be written may be why.
fn pause(place: &Place, what: &PauseArguments, ui: &mut Ui) -> Result<ExitCode> {
    let (_, state) = host(place)?;
    let reason = reason(&what.reason)?;
    let span = clock::parse_span(&what.span)?;
    let now = clock::now();
    if span.is_zero() && Pause::in_force(&state, now).is_ok_and(|pause| pause.is_none()) {
        return Err(Error::new(Kind::Nothing, "not-paused", "the guard is not paused"));
    }
    let pause = Pause { until: after(now, span, PAUSE_MAX)?, at: now, by: who_types().name, reason: reason.to_owned() };
    if span.is_zero() {
        Pause::end(&state)?;
    } else {
        pause.begin(&state)?;
    }
    let entry = Entry::new(now, What::Pause, who_types()).because(reason).until(Some(pause.until));
    let audited = Log::of(&state).append(&entry, Sync::Now);
    if let Err(error) = &audited {
        ui.warn(&error.to_string());
    }
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "pause": pause, "audited": audited.is_ok()}));
    } else if span.is_zero() {
        ui.result("the guard is in force again");
    } else {
        ui.result(&format!("the guard is paused until {}", clock::local(pause.until)));
        ui.hint("what it would refuse it now lets through with a warning; to end it: git cairn guard pause --for 0s --reason <text>");
    }
    done()
}

/// Returns a reason that says something.
pub(super) fn reason(text: &str) -> Result<&str> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::usage("--reason is empty").hint("say why, for whoever reads the audit one day"));
    }
    Ok(text)
}

/// Returns the instant a span after `now`; a span is `max` at most.
pub(super) fn after(now: Timestamp, span: Duration, max: Duration) -> Result<Timestamp> {
    if span > max {
        let days = max.as_secs() / 86_400;
        return Err(Error::usage(format!("that is longer than {days} days"))
            .hint("what is to last is a setting: git config cairn.guard warn"));
    }
    let span = jiff::SignedDuration::try_from(span).map_err(|_| Error::usage("that is too long"))?;
    now.checked_add(span).map_err(|_| Error::usage("that is too long"))
}
