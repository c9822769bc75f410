//! `git cairn hold` and `git cairn release`.

use super::audit::host;
use super::guard::{after, reason};
use crate::audit::{Entry, Log, Sync, What};
use crate::cli::arguments::{Hold as HoldArguments, Release};
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::hook::who_types;
use crate::ruling::Hold;
use crate::site::{EnvironmentName, Site};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// The longest hold that ends by itself.
const FOR_MAX: Duration = Duration::from_secs(3660 * 86_400);

/// Lets nothing be deployed to an environment.
pub fn hold(place: &Place, what: &HoldArguments, ui: &mut Ui) -> Result<ExitCode> {
    let (repository, state) = host(place)?;
    let name = deploying(&repository, &what.environment)?;
    let (reason, now) = (reason(&what.reason)?, clock::now());
    let span = what.span.as_deref().map(clock::parse_span).transpose()?;
    if span.is_some_and(|span| span.is_zero()) {
        return Err(Error::usage("a hold of no time").hint(format!("to end one: git cairn release {name}")));
    }
    let until = span.map(|span| after(now, span, FOR_MAX)).transpose()?;
    let by = who_types();
    let hold = Hold { environment: name.to_string(), at: now, until, by: by.name.clone(), reason: reason.to_owned() };
    let before = Hold::on(&state, name.as_str(), now)?;
    hold.place(&state)?;
    let line = Entry::new(now, What::Hold, by).about(name.as_str()).because(reason).until(until);
    Log::of(&state).append(&line, Sync::Now)?;
    if let Some(before) = &before {
        ui.say(&format!("this takes the place of the hold {before}"));
    }
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "hold": hold}));
        return done();
    }
    let until = until.map_or("it is released".into(), clock::local);
    ui.result(&format!("{name} is held until {until}"));
    ui.hint(&format!("to let deployments in again: git cairn release {name}"));
    done()
}

/// Lets an environment be deployed to again.
pub fn release(place: &Place, what: &Release, ui: &mut Ui) -> Result<ExitCode> {
    let (repository, state) = host(place)?;
    let name = deploying(&repository, &what.environment)?;
    let now = clock::now();
    let Some(hold) = Hold::on(&state, name.as_str(), now)? else {
        return Err(Error::new(Kind::Nothing, "not-held", format!("{name} is not held"))
            .hint("see which environments are: git cairn status"));
    };
    Hold::release(&state, name.as_str())?;
    let line = Entry::new(now, What::Release, who_types()).about(name.as_str()).because(&hold.to_string());
    Log::of(&state).append(&line, Sync::Now)?;
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "released": hold}));
    } else {
        ui.result(&format!("{name} takes deployments again; it was held {hold}"));
    }
    done()
}

fn deploying(repository: &Repository, environment: &str) -> Result<EnvironmentName> {
    let site = Site::from_config(&repository.config())?;
    let environment = site.environment(environment)?;
    if site.deploys(environment) {
        return Ok(environment.name.clone());
    }
    let (name, branch) = (&environment.name, &environment.branch);
    Err(Error::refused("not-deployed", format!("{name} takes pushes, not deployments: there is nothing to hold"))
        .hint(format!("to protect its branch, write a section [cairnProtect \"{branch}\"]")))
}
