//! Which hook git would run, and whether it is ours and runs.

use super::layout::{Facts, Layout};
use super::shim::{FOUND, is_ours, program_of};
use crate::error::{Error, Result};
use crate::git::Repository;
use crate::hook::{Event, TRIAL};
use crate::os::is_executable;
use crate::process::Command;
use std::path::{Path, PathBuf};

/// What stands in the place of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The hook.
    pub event: Event,
    /// Where our file stands, or would.
    pub path: PathBuf,
    /// The program that it runs, where it is ours.
    pub program: Option<PathBuf>,
    /// The hook that runs after it.
    pub found: Option<PathBuf>,
    /// Why a push does not pass through it, if so.
    pub problem: Option<String>,
}

/// Looks at both hooks.
pub fn inspect(facts: &Facts) -> Vec<Inspected> {
    let layout = facts.layout();
    Event::ALL.into_iter().map(|event| inspect_one(facts, &layout, event)).collect()
}

fn inspect_one(facts: &Facts, layout: &Layout, event: Event) -> Inspected {
    let path = facts.file(layout, event.name());
    let found = match layout {
        Layout::Own => Some(path.with_file_name(FOUND).join(event.name())),
        Layout::Beside { found } => Some(found.join(event.name())),
        Layout::Forge(_) => None,
    };
    let content = std::fs::read(&path).unwrap_or_default();
    let program = is_ours(&content).then(|| program_of(&content)).flatten();
    Inspected {
        event,
        problem: problem(facts, layout, &path, program.as_deref()),
        found: found.filter(|found| is_executable(found)),
        program,
        path,
    }
}

fn problem(facts: &Facts, layout: &Layout, path: &Path, program: Option<&Path>) -> Option<String> {
    let own = facts.own_folder(layout);
    if matches!(layout, Layout::Beside { .. }) && facts.folder != own {
        return Some(format!("git looks for hooks in {}, not in {}", facts.folder.display(), own.display()));
    }
    let Some(program) = program else {
        let there = path.symlink_metadata().is_ok();
        let what = if there { "another hook stands there" } else { "it is not installed" };
        return Some(what.into());
    };
    if !is_executable(path) {
        return Some("it is not executable, so git does not run it".into());
    }
    (!is_executable(program)).then(|| format!("its program {} is missing: pushes pass unjudged", program.display()))
}

/// Runs a hook of ours as git would, without a push: it says whether it would find everything, and what stood there before
/// is left alone.
pub fn try_out(repository: &Repository, hook: &Inspected) -> Result<()> {
    let run = Command::new(&hook.path).in_folder(repository.git_dir()).env("GIT_DIR", ".").env(TRIAL, "1");
    let output = run.output_with(b"")?;
    if output.status.success() && output.complaint().starts_with("success: ") {
        return Ok(());
    }
    let said = output.complaint();
    let said = if said.is_empty() { output.status.to_string() } else { said };
    Err(Error::outside("hook", format!("{} does not run: {said}", hook.path.display())).hint("git cairn hooks install"))
}
