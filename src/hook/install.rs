//! Putting our hooks where git looks for them, and keeping what was there.

use super::Event;
use crate::durable::{self, Modes};
use crate::error::{AtPath, Error, Result};
use crate::git::Repository;
use crate::text::shell_quoted;
use bstr::ByteSlice;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The line by which one of our hook files is known.
const MARK: &str = "# Installed by git cairn setup.";
/// The folder, beside the hooks, in which what stood there before keeps its own name.
const FOUND: &str = "found-by-cairn";

/// What has to be done for one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookPlan {
    /// The hook.
    pub event: Event,
    /// Its file.
    pub path: PathBuf,
    /// Where what stands there now has to go first.
    pub move_to: Option<PathBuf>,
    /// What is written there; `None`: it is right already.
    pub content: Option<String>,
}

/// Returns the folder in which git looks for this repository's hooks.
///
/// Returns [`crate::error::Kind::Unsafe`] where that folder serves other repositories too.
pub fn hooks_folder(repository: &Repository) -> Result<PathBuf> {
    let out = repository.git().args(["rev-parse", "--git-path", "hooks"]).in_folder(repository.git_dir()).read()?;
    let folder = repository.git_dir().join(OsStr::from_bytes(out.trim_end_with(|c| c == '\n')));
    // A link may lead to a folder that other repositories share.
    let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
    if folder.starts_with(repository.git_dir()) || folder.starts_with(repository.common_dir()) {
        return Ok(folder);
    }
    let message = format!("core.hooksPath is {}: a folder that serves other repositories too", folder.display());
    let own = repository.common_dir().join("hooks");
    Err(Error::refused("shared-hooks", message).hint(format!(
        "give this repository its own: git config core.hooksPath {}",
        shell_quoted(own.as_os_str().as_bytes().as_bstr())
    )))
}

/// Plans one hook; `program` is the folder our programs are in.
pub fn plan_hook(folder: &Path, event: Event, git_cairn: &Path) -> Result<HookPlan> {
    let path = folder.join(event.name());
    let content = shim(event, git_cairn);
    let metadata = std::fs::symlink_metadata(&path);
    let current = metadata.is_ok().then(|| std::fs::read(&path).unwrap_or_default());
    let ours = current.as_ref().is_some_and(|bytes| bytes.contains_str(MARK));
    let plan = |move_to, content| HookPlan { event, path: path.clone(), move_to, content };
    match current {
        Some(bytes) if ours && bytes == content.as_bytes() => Ok(plan(None, None)),
        None => Ok(plan(None, Some(content))),
        Some(_) if ours => Ok(plan(None, Some(content))),
        Some(_) => {
            let found = folder.join(FOUND).join(event.name());
            if is_kept(&path, &found) {
                // A setup that was killed in the middle had kept it already.
                return Ok(plan(None, Some(content)));
            }
            if found.symlink_metadata().is_ok() {
                return Err(Error::refused(
                    "two-found-hooks",
                    format!(
                        "{} was changed after git-cairn had moved an earlier one to {}",
                        path.display(),
                        found.display()
                    ),
                )
                .hint("put what you want to run into the second file, and remove the first"));
            }
            Ok(plan(Some(found), Some(content)))
        }
    }
}

impl HookPlan {
    /// Does it; the hook that was there is never missing in between.
    pub fn apply(&self, modes: Modes) -> Result<()> {
        let Some(content) = &self.content else { return Ok(()) };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        durable::make_folders(folder, modes)?;
        if let Some(found) = &self.move_to {
            let kept = found.parent().unwrap_or(folder);
            durable::make_folders(kept, modes)?;
            keep(&self.path, found)?;
            durable::sync_folder(kept)?;
        }
        // Whoever may push must be able to run it.
        let executable = Modes { file: modes.file | 0o100 | ((modes.file & 0o044) >> 2), ..modes };
        durable::write_over(&self.path, content.as_bytes(), executable)
    }
}

/// Gives what stands at `path` a second name, under which a relative link leads to the same place.
fn keep(path: &Path, found: &Path) -> Result<()> {
    let metadata = std::fs::symlink_metadata(path).at("read", path)?;
    if metadata.is_symlink() {
        let target = std::fs::read_link(path).at("read the link", path)?;
        let target = if target.is_absolute() { target } else { Path::new("..").join(target) };
        return std::os::unix::fs::symlink(target, found).at("link", found);
    }
    std::fs::hard_link(path, found).at("keep the hook as", found)
}

/// Tells whether what stands at `path` has its second name already.
fn is_kept(path: &Path, found: &Path) -> bool {
    let same_file = || {
        let (a, b) = (std::fs::symlink_metadata(path).ok()?, std::fs::symlink_metadata(found).ok()?);
        Some(!a.is_symlink() && (a.dev(), a.ino()) == (b.dev(), b.ino()))
    };
    let same_link =
        || Some(std::fs::canonicalize(path).ok()? == std::fs::canonicalize(found).ok()? && found.is_symlink());
    same_file() == Some(true) || same_link() == Some(true)
}

/// A hook file that runs our program, and without it what was there before.
fn shim(event: Event, git_cairn: &Path) -> String {
    let name = event.name();
    let binary = git_cairn.with_file_name(format!("cairn-{name}"));
    let quoted = |path: &Path| shell_quoted(path.as_os_str().as_bytes().as_bstr());
    let (program, words) =
        if binary.is_file() { (quoted(&binary), String::new()) } else { (quoted(git_cairn), format!("hook {name} ")) };
    format!(
        r#"#!/bin/sh
{MARK} A hook that stood here before is in {FOUND}/ and runs after it.
found=${{0%/*}}/{FOUND}/{name}
program={program}
if [ -x "$program" ]; then
	exec "$program" {words}--then "$found" "$@"
fi
echo "warning: $program is missing: this push is neither marked nor backed up" >&2
echo "hint: install git-cairn again on the host, then run: git cairn setup" >&2
if [ -x "$found" ]; then
	exec "$found" "$@"
fi
cat >/dev/null
"#
    )
}
