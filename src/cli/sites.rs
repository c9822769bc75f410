//! One command over every set-up repository below a folder: a line each, and one that fails stops no other.

use super::ui::Ui;
use crate::error::{AtPath, Error, Kind, Result};
use crate::git::{Repository, is_git_dir};
use crate::os;
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a command did in one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// Something, in a few words.
    Something(String),
    /// Nothing was to be done; such repositories are only counted.
    Nothing,
    /// The same, and why is told.
    Already(&'static str),
}

/// Runs `act` in every set-up repository below `root`, in the order of their paths, and sums up.
///
/// Returns exit code 0 where all went well, 9 where some failed, the first one's error where all did, and
/// [`Kind::NotFound`] where there is no set-up repository.
pub fn over(root: &Path, ui: &mut Ui, mut act: impl FnMut(&Repository) -> Result<Did>) -> Result<ExitCode> {
    let found = each(root, ui, |repository| is_set_up(repository).then(|| act(repository)))?;
    found.ok_or_else(|| {
        Error::not_found("no-sites", format!("no repository below {} is set up", root.display()))
            .hint(format!("set them up: git cairn setup --sites {}", root.display()))
    })
}

/// As [`over`], in those that are not set up as well; but for the repositories of work trees, which are no hosts.
pub fn over_all(root: &Path, ui: &mut Ui, mut act: impl FnMut(&Repository) -> Result<Did>) -> Result<ExitCode> {
    let is_meant = |repository: &Repository| {
        is_set_up(repository) || repository.git_dir().file_name().is_none_or(|name| name != ".git")
    };
    let found = each(root, ui, |repository| is_meant(repository).then(|| act(repository)))?;
    found.ok_or_else(|| {
        Error::not_found("no-sites", format!("there is no bare repository below {}", root.display()))
            .hint(format!("make one: git init --bare {}/<name>.git", root.display()))
    })
}

fn is_set_up(repository: &Repository) -> bool {
    repository.config().get("cairn", "id").is_some()
}

/// Runs `act` in every repository below `root`; of one for which it returns `None` nothing is said. `None`: of all.
fn each(root: &Path, ui: &mut Ui, mut act: impl FnMut(&Repository) -> Option<Result<Did>>) -> Result<Option<ExitCode>> {
    let (mut told, mut counts, mut first) = (Vec::new(), [0_usize; 3], None);
    for git_dir in repositories(root)? {
        let did = match Repository::open(&git_dir) {
            Ok(repository) => act(&repository),
            Err(error) => Some(Err(error)),
        };
        let Some(did) = did else { continue };
        told.push(tell(&git_dir, &did, ui));
        match did {
            Ok(Did::Something(_)) => counts[0] += 1,
            Ok(Did::Nothing | Did::Already(_)) => counts[1] += 1,
            Err(error) => {
                counts[2] += 1;
                first.get_or_insert(error);
            }
        }
    }
    let [done, unchanged, failed] = counts;
    if told.is_empty() {
        return Ok(None);
    }
    if let (Some(error), 0) = (first, done + unchanged) {
        return Err(error);
    }
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "sites": told}));
    }
    let word = if done + unchanged + failed == 1 { "repository" } else { "repositories" };
    ui.say(&format!("{} {word}: {done} done, {unchanged} unchanged, {failed} failed", done + unchanged + failed));
    Ok(Some(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(Kind::Partial.exit_code()) }))
}

/// Prints the line of one repository and returns its part of the document.
fn tell(git_dir: &Path, did: &Result<Did>, ui: &mut Ui) -> Value {
    let shown = git_dir.display().to_string();
    match did {
        Ok(Did::Something(text)) if !ui.wants_json() => ui.result(&format!("{shown}: {text}")),
        Ok(Did::Already(text)) if !ui.wants_json() => ui.result(&format!("{shown}: {text}")),
        Ok(_) => {}
        Err(error) => {
            ui.warn(&format!("{shown}: {error}"));
            error.next_step().into_iter().for_each(|hint| ui.hint(hint));
        }
    }
    match did {
        Ok(Did::Something(text)) => json!({"repository": shown, "ok": true, "did": text, "problem": null}),
        Ok(Did::Nothing | Did::Already(_)) => json!({"repository": shown, "ok": true, "did": null, "problem": null}),
        Err(error) => json!({"repository": shown, "ok": false, "did": null, "problem": error.to_string()}),
    }
}

/// Finds what looks like a git directory below a folder, and in none of those. Links are not followed.
fn repositories(root: &Path) -> Result<Vec<PathBuf>> {
    let root = os::canonicalize(root).at("find the folder", root)?;
    let (mut found, mut folders) = (Vec::new(), vec![root]);
    while let Some(folder) = folders.pop() {
        if is_git_dir(&folder) {
            found.push(folder);
            continue;
        }
        let entries = match std::fs::read_dir(&folder) {
            // What is not ours to read holds no repository of ours.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => continue,
            entries => entries.at("read the folder", &folder)?,
        };
        // A store holds archives, and many folders.
        if !folder.join("RESTORE.md").is_file() {
            let below = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            folders.extend(below.map(|entry| entry.path()));
        }
    }
    found.sort();
    Ok(found)
}
