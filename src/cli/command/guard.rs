//! `git cairn guard`.

use super::audit::host;
use crate::audit::{Entry, Log, Ref, Sync, What};
use crate::cli::arguments::{Explain, Grant as GrantArguments, Guard, GuardVerb, Pause as PauseArguments};
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::git::{ObjectId, Place, RefName, is_null};
use crate::guard::{Mode, Policy, Rule, host_owns};
use crate::hook::who_types;
use crate::ruling::{GRANT_MAX, Given, Grant, PAUSE_MAX, Pause};
use crate::site::Site;
use jiff::Timestamp;
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// Rules over the guard.
pub fn run(place: &Place, what: &Guard, ui: &mut Ui) -> Result<ExitCode> {
    match &what.verb {
        GuardVerb::Pause(what) => pause(place, what, ui),
        GuardVerb::Grant(what) => grant(place, what, ui),
        GuardVerb::Explain(what) => explain(place, what, ui),
    }
}

/// The pause comes first and the audit second: that it cannot be written may be why.
fn pause(place: &Place, what: &PauseArguments, ui: &mut Ui) -> Result<ExitCode> {
    let (_, state) = host(place)?;
    let reason = reason(&what.reason)?;
    let span = clock::parse_span(&what.span)?;
    let now = clock::now();
    if span.is_zero() && Pause::in_force(&state, now).is_ok_and(|pause| pause.is_none()) {
        return Err(Error::new(Kind::Nothing, "not-paused", "the guard is not paused")
            .hint("to pause it: git cairn guard pause --for 1h --reason <text>"));
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

/// Says which rules apply to a reference, and where they stand.
fn explain(place: &Place, what: &Explain, ui: &mut Ui) -> Result<ExitCode> {
    let (repository, _) = host(place)?;
    let config = repository.config();
    let site = Site::from_config(&config)?;
    let policy = Policy::from_config(&config, &site)?;
    let words = what.name.as_encoded_bytes();
    let name = RefName::new(words).or_else(|| RefName::branch(words)).ok_or_else(|| {
        Error::usage(format!("{} is no name of a reference", crate::text::shown(words)))
            .hint("write it as refs/heads/main, or main")
    })?;
    let name = repository.follow(&name);
    let (protected, own) = (policy.of(&site, &name), host_owns(&site, &name));
    let may =
        what.person.as_ref().map(|person| own.is_none() && (protected.by.is_empty() || protected.by.contains(person)));
    if ui.wants_json() {
        ui.document(&json!({
            "schema": 1,
            "ref": crate::text::json_text(name.as_bytes()),
            "mode": policy.mode.word(),
            "host": own.as_ref().map(Rule::word),
            "rewind": protected.rewind.word(),
            "delete": protected.delete.word(),
            "by": protected.by,
            "rule": protected.source,
            "as": what.person,
            "may": may,
        }));
        return done();
    }
    if own.is_some() {
        ui.result(&format!("{name} is the host's own: no push makes, moves or deletes it"));
        return done();
    }
    let (rewind, delete) = (protected.rewind.word(), protected.delete.word());
    ui.result(&format!("{name}: rewind = {rewind}, delete = {delete}: {}", protected.source));
    if !protected.by.is_empty() {
        ui.result(&format!("only by {}", protected.by.join(", ")));
    }
    if let (Some(person), Some(may)) = (&what.person, may) {
        ui.result(&format!("{person} {}", if may { "is one who may" } else { "may neither rewind nor delete it" }));
    }
    if policy.mode != Mode::Enforce {
        ui.result(&format!("cairn.guard = {}: no push is refused for that", policy.mode.word()));
    }
    done()
}

/// Gives a permission that is used once. The audit comes first: nobody is let do unseen what is not written down.
fn grant(place: &Place, what: &GrantArguments, ui: &mut Ui) -> Result<ExitCode> {
    let (repository, state) = host(place)?;
    let (reason, now) = (reason(&what.reason)?, clock::now());
    let name = RefName::new(what.name.as_encoded_bytes()).filter(|name| name.is_below("refs/")).ok_or_else(|| {
        let shown = crate::text::shown(what.name.as_encoded_bytes());
        Error::usage(format!("{shown} is no full name of a reference")).hint("write it as refs/heads/main")
    })?;
    let (old, new) = (id(&what.old)?, id(&what.new)?);
    let held = repository.ref_id(&name)?;
    if held != Some(old) {
        let holds = held.map_or("nothing".into(), |id| id.to_string());
        return Err(Error::new(
            Kind::Moved,
            "moved",
            format!("{name} holds {holds}, not {old}; nothing was permitted"),
        )
        .hint("look at what would be dropped now, then give the permission for that"));
    }
    let until = after(now, clock::parse_span(&what.ttl)?, GRANT_MAX)?;
    let by = who_types();
    let new = (!is_null(&new)).then_some(new);
    let given = Given { name: &name, old, new, person: what.person.trim(), until, by: &by.name, at: now, reason };
    let (grant, token) = Grant::give(&state, &given)?;
    let line = Entry::new(now, What::Grant, by.clone()).with_refs([Ref::new(&name, Some(old), new)].into_iter());
    let line = line.about(&format!("{} for {}", grant.id, grant.person)).because(reason).until(Some(until));
    Log::of(&state).append(&line, Sync::Now)?;
    if ui.wants_json() {
        let mut document = json!({"schema": 1, "grant": grant, "token": token});
        document["grant"].as_object_mut().map(|grant| grant.remove("digest"));
        ui.document(&document);
        return done();
    }
    ui.result(&token);
    let refspec = new.map(|id| id.to_string()).unwrap_or_default();
    ui.hint(&format!(
        "{} pushes once, until {}: git push -o cairn.grant={token} --force-with-lease={name}:{old} origin {refspec}:{name}",
        grant.person,
        clock::local(until)
    ));
    done()
}

fn id(text: &str) -> Result<ObjectId> {
    ObjectId::from_hex(text.as_bytes()).map_err(|_| {
        let shown = crate::text::shown(text.as_bytes());
        Error::usage(format!("{shown} is no full object id")).hint("take it from the refusal, or from git rev-parse")
    })
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
        return Err(too_long(max));
    }
    let span = jiff::SignedDuration::try_from(span).map_err(|_| too_long(max))?;
    now.checked_add(span).map_err(|_| too_long(max))
}

fn too_long(max: Duration) -> Error {
    Error::usage(format!("that is longer than {} days", max.as_secs() / 86_400))
        .hint("what is to last is a setting: cairn.guard, or cairnProtect.<pattern>.rewind")
}
