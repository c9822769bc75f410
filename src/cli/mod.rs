//! What a person types and sees: arguments, prompts, tables, JSON, progress. One file a command below `command`.

mod arguments;
mod command;
mod completion;
mod consent;
mod journaled;
mod json;
mod manual;
mod on_host;
mod picker;
mod progress;
mod screen;
mod sites;
mod situations;
mod source;
mod style;
mod table;
mod ui;

use crate::error::{Error, Kind, READER_LEFT, Result};
use crate::git::Place;
use crate::process::{interrupted, listen_for_interrupts};
use arguments::{Arguments, Verb, program};
use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory, FromArgMatches};
use on_host::{can_be_done_here, or_on_host};
use std::ffi::OsString;
use std::process::ExitCode;
use ui::Ui;

/// Runs the command line and returns the exit code that scripts rely on.
pub fn main(words: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.collect();
    let read = |program: Command| {
        program.try_get_matches_from(&words).and_then(|matches| Arguments::from_arg_matches(&matches))
    };
    // What help says is put together only where it is to be said.
    let arguments = match read(Arguments::command()).or_else(|_| read(program())) {
        Ok(arguments) => arguments,
        Err(mut error) => {
            // The line could not be read, so whether JSON was asked for can only be seen in its words.
            return explain(&mut error, words.iter().take_while(|word| *word != "--").any(|word| word == "--json"));
        }
    };
    let mut ui = Ui::new(arguments.json);
    // A hook, and the worker it started, answer to git and to nobody at a keyboard.
    let by_git = matches!(&arguments.verb, Verb::Hook(_) | Verb::Worker(arguments::Worker { detached: true, .. }));
    if !by_git {
        listen_for_interrupts();
    }
    match run(arguments, &words, &mut ui) {
        Ok(code) => code,
        // Whoever interrupted knows it, and what came of it is its echo.
        Err(error) if interrupted() => {
            ui.fail_quietly(&error);
            ExitCode::from(Kind::Interrupted.exit_code())
        }
        Err(error) => {
            if error.code() != READER_LEFT {
                ui.fail(&error);
            }
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Prints what a command line that was not carried out asked for, help say, or why it makes no sense.
fn explain(error: &mut clap::Error, wants_json: bool) -> ExitCode {
    // To type it as a value, as clap would have it, leads nowhere: no value of ours begins with a dash.
    if let Some(ContextValue::StyledStrs(mut tips)) = error.remove(ContextKind::Suggested) {
        tips.retain(|tip| !tip.to_string().contains(" as a value, "));
        if !tips.is_empty() {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
    }
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    Ui::new(wants_json).misused(&error.to_string());
    ExitCode::from(Kind::Usage.exit_code())
}

fn run(arguments: Arguments, words: &[OsString], ui: &mut Ui) -> Result<ExitCode> {
    let place = arguments.place().enter()?;
    ui.stand_at(&place);
    can_be_done_here(&arguments.verb, &place, words)?;
    act(arguments.verb, &place, ui).map_err(|error| or_on_host(error, &place, words))
}

fn act(verb: Verb, place: &Place, ui: &mut Ui) -> Result<ExitCode> {
    match verb {
        Verb::Setup(what) if what.man.is_some() => command::man::run(what.man.flatten(), ui),
        Verb::Setup(what) if what.completions.is_some() => command::completions::run(what.completions.flatten(), ui),
        Verb::Setup(what) => command::setup::run(place, what, ui),
        Verb::Doctor(what) => command::doctor::run(place, &what, ui),
        Verb::Status(what) => command::status::run(place, &what, ui),
        Verb::Hooks(what) => command::hooks::run(place, &what, ui),
        Verb::Deployments(what) => command::deployments::run(place, what, ui),
        Verb::Deploy(what) => command::deploy::deploy(place, what, ui),
        Verb::Rollback(what) => command::deploy::rollback(place, what, ui),
        Verb::CatchUp(what) => command::catch_up::run(place, what, ui),
        Verb::Undo(what) => command::undo::run(place, what, ui),
        Verb::Revert(what) => command::revert::revert(place, what, ui),
        Verb::Reset(what) => command::revert::reset(place, what, ui),
        Verb::Backup(what) => command::backup::run(place, what, ui),
        Verb::Restore(what) => command::restore::run(place, what, ui),
        Verb::Rescue(what) => command::rescue::run(place, &what, ui),
        Verb::Guard(what) => command::guard::run(place, &what, ui),
        Verb::Hold(what) => command::hold::hold(place, &what, ui),
        Verb::Release(what) => command::hold::release(place, &what, ui),
        Verb::Audit(what) => command::audit::run(place, &what, ui),
        Verb::Uncommitted(what) => command::uncommitted::run(place, what, ui),
        Verb::Worker(what) => command::worker::run(place, what, ui),
        Verb::Help(what) => Ok(command::help::run(&what, ui)),
        Verb::Demo(what) => command::demo::run(what, ui),
        Verb::Hook(what) => command::hook::run(&what),
        Verb::Complete(what) => Ok(command::complete::run(place, what, ui)),
    }
}

/// Exit code 0.
#[expect(clippy::unnecessary_wraps, reason = "it ends functions that can fail")]
fn done() -> Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}

/// The error of a person who was asked and did not say yes.
fn declined(what: &str) -> Error {
    let message = format!("{what} was not answered with yes; nothing was changed");
    Error::new(Kind::Unconfirmed, "confirmation-needed", message).hint("to do it after all, run the same command again")
}

/// Answers a question with the error that names the flag.
fn unconfirmed(what: &str, flag: &str) -> Error {
    Error::new(Kind::Unconfirmed, "confirmation-needed", format!("{what} needs a yes; nothing was changed")).hint(flag)
}
