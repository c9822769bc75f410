//! Running the hook that stood there before us, with everything git gave us.

use super::Event;
use crate::os::{self, is_executable};
use crate::process::Command;
use crate::worker::git_cairn;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};

/// Runs it where there is one that git would run, and returns its exit code.
pub fn run(found: Option<&Path>, event: Event, input: &[u8]) -> ExitCode {
    let Some(found) = found.filter(|path| is_executable(path)) else { return ExitCode::SUCCESS };
    Command::inheriting(found).run_as_ours(input).map_or_else(
        |error| {
            super::Voice::new().refusal(&format!("the {} hook that was here before git-cairn: {error}", event.name()));
            ExitCode::FAILURE
        },
        code,
    )
}

/// Leaves a push to `git-cairn`, which does all that a hook of ours does, and returns its exit code.
pub fn hand_over(event: Event, found: Option<&Path>, input: &[u8]) -> ExitCode {
    let then = found.iter().flat_map(|found| [OsStr::new("--then"), found.as_os_str()]);
    let hook = git_cairn().map(|git_cairn| Command::inheriting(git_cairn).args(["hook", event.name()]).args(then));
    hook.and_then(|hook| hook.run_as_ours(input)).map_or_else(
        |error| {
            super::Voice::new().error(&error.while_doing("this repository cannot be set up"));
            ExitCode::FAILURE
        },
        code,
    )
}

fn code(status: ExitStatus) -> ExitCode {
    let code = os::exit_code(status);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
