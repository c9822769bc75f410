//! `git cairn hook <event>`: the hooks, where only this command was built.

use crate::cli::arguments::Hook;
use crate::error::{Error, Result};
use crate::hook::{Event, run as run_hook};
use crate::setup::at_first_push;
use std::process::ExitCode;

/// Runs a hook as git would.
pub fn run(what: &Hook) -> Result<ExitCode> {
    let event =
        Event::from_name(&what.event).ok_or_else(|| Error::usage(format!("{} is no hook of ours", what.event)))?;
    let then = what.then.iter().flat_map(|path| ["--then".into(), path.clone().into_os_string()]);
    Ok(run_hook(event, then, Some(at_first_push)))
}
