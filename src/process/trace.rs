//! `GIT_TRACE`: each process that is started is told as git tells its own, and secrets are not.
//!
//! `1`, `2` and `true` mean standard error, a digit from 3 to 9 that file descriptor, an absolute path a file that is appended to
//! (git(1), "GIT_TRACE").

use crate::text::{shell_word, shown, without_secrets};
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells of a process that is about to be started, and decides what it may tell itself.
///
/// A child whose error output we read must not trace into it: it is given the file that is ours. One that is handed a
/// secret tells nothing.
pub(super) fn starting(command: &mut Command, reads_stderr: bool) {
    let line = described(command);
    if let Some(to) = std::env::var_os("GIT_TRACE").as_deref().and_then(target) {
        tell(&to, &without_secrets(&line));
    }
    let traced = std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GIT_TRACE"));
    for (name, value) in traced {
        if without_secrets(&line) != line {
            command.env_remove(&name);
        } else if reads_stderr && target(&value).is_some_and(|to| to == Path::new(STDERR)) {
            let ours = PathBuf::from(format!("/proc/{}/fd/2", std::process::id()));
            match std::fs::OpenOptions::new().append(true).open(&ours) {
                Ok(_) => command.env(&name, &ours),
                Err(_) => command.env_remove(&name),
            };
        }
    }
}

const STDERR: &str = "/dev/stderr";

/// Where a value of `GIT_TRACE` leads; `None` where nothing is traced.
fn target(value: &OsStr) -> Option<PathBuf> {
    match value.to_str() {
        Some("1" | "2" | "true" | "TRUE" | "True") => Some(STDERR.into()),
        Some(text) if text.len() == 1 && ("3"..="9").contains(&text) => Some(format!("/dev/fd/{text}").into()),
        _ => Some(PathBuf::from(value)).filter(|path| path.is_absolute()),
    }
}

fn tell(to: &Path, line: &str) {
    let now = jiff::Zoned::now().strftime("%H:%M:%S%.6f").to_string();
    let text = format!("{now} {:<24}trace: run_command: {line}\n", "process.rs");
    // In one write, so that lines of many processes stay whole; one that cannot be written is no error.
    if to == Path::new(STDERR) {
        let _ = std::io::stderr().write_all(text.as_bytes());
    } else if let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(to) {
        let _ = file.write_all(text.as_bytes());
    }
}

/// The folder, what we add to the environment, and the words, as a shell would take them.
fn described(command: &Command) -> String {
    let mut words = Vec::new();
    if let Some(folder) = command.get_current_dir() {
        words.push(format!("cd {};", shell_word(folder)));
    }
    for (name, value) in command.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        let name = shown(name.as_encoded_bytes());
        words.push(format!("{name}={}", shell_word(value)));
    }
    let all = std::iter::once(command.get_program()).chain(command.get_args());
    words.extend(all.map(shell_word));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_trace_goes() {
        let to = |value: &str| target(OsStr::new(value)).map(|path| path.display().to_string());
        for off in ["", "0", "false", "relative/path"] {
            assert_eq!(to(off), None, "{off}");
        }
        assert_eq!(to("1").as_deref(), Some(STDERR));
        assert_eq!(to("7").as_deref(), Some("/dev/fd/7"));
        assert_eq!(to("/tmp/trace").as_deref(), Some("/tmp/trace"));
    }
}
