//! Running the hook that stood there before us, with everything git gave us.

use super::Event;
use crate::process::Command;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitCode;

/// Runs it where there is one that git would run, and returns its exit code.
pub fn run(found: Option<&Path>, event: Event, input: &[u8]) -> ExitCode {
    let Some(found) = found.filter(|path| is_executable(path)) else { return ExitCode::SUCCESS };
    match Command::inheriting(found).run_as_ours(input) {
        Ok(status) => {
            let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
            ExitCode::from(u8::try_from(code).unwrap_or(1))
        }
        Err(error) => {
            super::Voice::new().refusal(&format!("the {} hook that was here before git-cairn: {error}", event.name()));
            ExitCode::FAILURE
        }
    }
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
