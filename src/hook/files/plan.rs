//! What has to be done so that git runs us, and what so that it is as it was.

use super::known;
use super::layout::{Facts, Forge, Layout};
use super::record::{Record, to_path, to_text};
use super::shim::{Before, FOUND, forwarder, is_ours, shim};
use super::step::{Step, is_kept};
use crate::durable::Modes;
use crate::error::{AtPath, Error, Result};
use crate::git::Repository;
use crate::hook::Event;
use crate::os::is_executable;
use std::path::{Path, PathBuf};

/// The hooks of githooks(5) that we are not.
const OTHERS: [&str; 26] = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "p4-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
    "p4-prepare-changelist",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "prepare-commit-msg",
    "proc-receive",
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
    "update",
];
/// Hooks that mean something by being there at all.
const MEANT_BY_PRESENCE: [&str; 2] = ["push-to-checkout", "proc-receive"];

/// What is to be done about the hooks of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallPlan {
    /// The steps, in this order.
    pub steps: Vec<Step>,
    /// What is kept of how things were found, before the first step; `None`: it is forgotten after the last.
    record: Option<Record>,
    common_dir: PathBuf,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl InstallPlan {
    /// Carries it out.
    pub fn apply(&self, repository: &Repository, modes: Modes) -> Result<()> {
        if let Some(record) = self.record.as_ref().filter(|_| !self.steps.is_empty()) {
            record.keep(&self.common_dir, modes)?;
        }
        self.steps.iter().try_for_each(|step| step.apply(repository, modes))?;
        if self.record.is_none() {
            known::forget(&self.common_dir);
            return Record::forget(&self.common_dir);
        }
        known::note(&self.common_dir);
        Ok(())
    }

    /// Carries it out in a template of repositories, in which nothing is noted.
    pub fn apply_to_template(&self, modes: Modes) -> Result<()> {
        self.steps.iter().try_for_each(|step| step.apply_to_files(modes))
    }
}

/// Plans our hooks in the folder `hooks` of a template (git-init(1)), from where git copies them into each new repository.
///
/// Returns what [`plan_install`] does.
pub fn plan_template(template: &Path, git_cairn: &Path) -> Result<InstallPlan> {
    let folder = template.join("hooks");
    let facts = Facts { common_dir: template.into(), resolved: folder.clone(), folder, ..Facts::default() };
    plan_install(&facts, git_cairn)
}

/// Plans our hooks; `git_cairn` is our own program.
///
/// Returns [`crate::error::Kind::Unsafe`] where a hook stands that would be lost.
pub fn plan_install(facts: &Facts, git_cairn: &Path) -> Result<InstallPlan> {
    let layout = facts.layout();
    let mut steps = Vec::new();
    for event in Event::ALL {
        let path = facts.file(&layout, event.name());
        let found;
        let before = match &layout {
            Layout::Own if stands(&path) => Before::Beside,
            Layout::Own => Before::Nothing,
            Layout::Beside { found: folder } => {
                found = facts.called(folder, event.name());
                Before::At(&found)
            }
            Layout::Forge(_) => Before::Nowhere,
        };
        steps.extend(plan_file(path, shim(event, git_cairn, before), before)?);
    }
    match &layout {
        Layout::Own => steps.extend(siblings(&facts.own_folder(&layout), &steps)?),
        Layout::Beside { found } => {
            let own = facts.own_folder(&layout);
            steps.extend(OTHERS.iter().filter_map(|name| forward(facts, found, &own.join(name), name)));
            if facts.hooks_path.as_ref() != Some(&own) {
                steps.push(Step::HooksPath(own));
            }
        }
        Layout::Forge(_) => {}
    }
    Ok(InstallPlan {
        record: Some(record(facts, &layout, &steps)),
        common_dir: facts.common_dir.clone(),
        notes: notes(facts, &layout),
        steps,
    })
}

/// Tells whether a hook of others stands there, or is kept from when it did.
fn stands(path: &Path) -> bool {
    let theirs = path.symlink_metadata().is_ok() && !std::fs::read(path).is_ok_and(|bytes| is_ours(&bytes));
    theirs || kept_as(path).symlink_metadata().is_ok()
}

/// Where what stood at `path` is kept.
fn kept_as(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new(".")).join(FOUND).join(path.file_name().unwrap_or_default())
}

/// Plans one file of ours.
fn plan_file(path: PathBuf, content: Vec<u8>, before: Before<'_>) -> Result<Vec<Step>> {
    let standing = std::fs::symlink_metadata(&path).is_ok();
    if path.is_dir() {
        let message = format!("{} is a folder, where git looks for a hook", path.display());
        return Err(Error::refused("strange-hook", message).hint("move it away, and run this again"));
    }
    let current = if standing { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
    if current == content && is_executable(&path) {
        return Ok(vec![]);
    }
    let write = Step::Write { path: path.clone(), content };
    if !standing || is_ours(&current) {
        return Ok(vec![write]);
    }
    let found = kept_as(&path);
    if matches!(before, Before::At(_) | Before::Nowhere) {
        let message = format!("{} is no hook of git-cairn's", path.display());
        return Err(Error::refused("strange-hook", message).hint("move it to where it belongs, and run this again"));
    }
    if is_kept(&path, &found) {
        // A setup that was killed in the middle had kept it already.
        return Ok(vec![write]);
    }
    if found.symlink_metadata().is_ok() {
        let message =
            format!("{} was changed after git-cairn had moved an earlier one to {}", path.display(), found.display());
        return Err(Error::refused("two-found-hooks", message)
            .hint("put what you want to run into the second file, and remove the first"));
    }
    Ok(vec![Step::Keep { path, found }, write])
}

/// A hook that was moved finds what stood beside it under the same names: `$0.d`, `$(dirname "$0")/lib.sh`.
fn siblings(folder: &Path, steps: &[Step]) -> Result<Vec<Step>> {
    let kept = folder.join(FOUND);
    let moves = steps.iter().any(|step| matches!(step, Step::Keep { .. }));
    let holds_hook = Event::ALL.iter().any(|event| kept.join(event.name()).symlink_metadata().is_ok());
    if !moves && !holds_hook {
        return Ok(vec![]);
    }
    let mut names: Vec<_> =
        std::fs::read_dir(folder).at("read the folder", folder)?.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    let stands_beside = |name: &std::ffi::OsString| {
        let text = name.to_string_lossy();
        let hook = OTHERS.contains(&&*text) || Event::from_name(&text).is_some();
        !hook && !text.ends_with(".sample") && !text.starts_with('.') && text != FOUND
    };
    let names = names.into_iter().filter(stands_beside);
    let missing = names.filter(|name| kept.join(name).symlink_metadata().is_err());
    Ok(missing.map(|name| Step::Link { path: kept.join(&name), to: Path::new("..").join(&name) }).collect())
}

/// Runs a hook of the found folder as if git had: by a file where one is there, so that its `$0` stays, else by a link that
/// leads nowhere for now, and so costs git nothing.
fn forward(facts: &Facts, folder: &Path, path: &Path, name: &str) -> Option<Step> {
    let standing = std::fs::symlink_metadata(path).is_ok();
    let found = folder.join(name);
    if !is_executable(&found) || MEANT_BY_PRESENCE.contains(&name) {
        return (!standing).then(|| Step::Link { path: path.into(), to: found });
    }
    let content = forwarder(&facts.called(folder, name));
    let current = std::fs::read(path).unwrap_or_default();
    let theirs = standing && !path.is_symlink() && !is_ours(&current);
    (!theirs && (current != content || path.is_symlink())).then(|| Step::Write { path: path.into(), content })
}

/// What is noted: what an earlier installation noted stays, and the folders that this one makes come to it.
fn record(facts: &Facts, layout: &Layout, steps: &[Step]) -> Record {
    let mut record = facts.record.clone().unwrap_or_default();
    let paths = steps.iter().filter_map(|step| match step {
        Step::Write { path, .. } | Step::Link { path, .. } | Step::Keep { found: path, .. } => path.parent(),
        _ => None,
    });
    for folder in paths.flat_map(Path::ancestors).filter(|folder| folder.starts_with(&facts.common_dir)) {
        let text = to_text(folder, &facts.common_dir);
        if !folder.exists() && !record.made.contains(&text) {
            record.made.push(text);
        }
    }
    if let Layout::Beside { found } = layout
        && record.found.is_none()
    {
        record.found = Some(to_text(found, &facts.common_dir));
        record.hooks_path = facts.hooks_path.as_ref().map(|path| to_text(path, Path::new("//none")));
    }
    record
}

fn notes(facts: &Facts, layout: &Layout) -> Vec<String> {
    let mut notes = Vec::new();
    let linked = |event: Event| facts.folder.join(event.name()).is_symlink();
    if facts.gitolite && *layout == Layout::Own && Event::ALL.into_iter().any(linked) {
        notes.push("gitolite setup puts its own links back in the place of hooks it has in common; run git cairn hooks install after it".into());
    }
    if let Layout::Beside { .. } = layout {
        notes.push(
            "core.hooksPath names this repository by its path: after moving it, run git cairn hooks install there"
                .into(),
        );
    }
    notes
}

/// Plans what takes our hooks away and leaves every byte, mode and link as found.
pub fn plan_uninstall(facts: &Facts) -> InstallPlan {
    let layout = facts.layout();
    let own = facts.own_folder(&layout);
    let (mut steps, mut notes) = (Vec::new(), Vec::new());
    match &layout {
        Layout::Own => own_hooks_away(&own, &mut steps, &mut notes),
        Layout::Forge(forge) => {
            for event in Event::ALL {
                take(facts.file(&layout, event.name()), &mut steps, &mut notes);
            }
            if *forge == Forge::Gitea {
                // From before Gitea was recognized, or from before it was here.
                own_hooks_away(&own, &mut steps, &mut notes);
            }
        }
        Layout::Beside { .. } => {
            let before = facts.record.as_ref().and_then(|record| record.hooks_path.as_deref().map(to_path));
            if facts.hooks_path.as_ref().is_some_and(|path| path.file_name() == own.file_name()) {
                steps.push(Step::HooksPathBack(before));
            }
            let names = Event::ALL.map(Event::name).into_iter().chain(OTHERS);
            names.for_each(|name| take(own.join(name), &mut steps, &mut notes));
            steps.push(Step::RemoveFolder(own));
        }
    }
    let mut made: Vec<PathBuf> =
        facts.record.iter().flat_map(|record| &record.made).map(|text| facts.common_dir.join(to_path(text))).collect();
    // The deepest first.
    made.sort_by_key(|folder| std::cmp::Reverse(folder.components().count()));
    let fresh: Vec<_> = made.into_iter().map(Step::RemoveFolder).filter(|step| !steps.contains(step)).collect();
    steps.extend(fresh);
    InstallPlan { steps, record: None, common_dir: facts.common_dir.clone(), notes }
}

fn own_hooks_away(folder: &Path, steps: &mut Vec<Step>, notes: &mut Vec<String>) {
    let kept = folder.join(FOUND);
    for event in Event::ALL {
        let (path, found) = (folder.join(event.name()), kept.join(event.name()));
        let ours = std::fs::read(&path).is_ok_and(|bytes| is_ours(&bytes));
        match (ours, found.symlink_metadata().is_ok()) {
            (true, true) => steps.push(Step::PutBack { found, path }),
            (true, false) => steps.push(Step::Remove(path)),
            (false, true) => notes.push(format!(
                "{} was put over the hook of git-cairn; what stood there before stays at {}",
                path.display(),
                found.display()
            )),
            (false, false) => {}
        }
    }
    let entries = std::fs::read_dir(&kept).into_iter().flatten().flatten();
    let mut links: Vec<_> = entries.map(|entry| entry.path()).filter(|path| is_sibling(path)).collect();
    links.sort();
    steps.extend(links.into_iter().map(Step::Remove));
    if kept.exists() {
        steps.push(Step::RemoveFolder(kept));
    }
}

/// Tells whether this is a link of ours to what stands under the same name one folder up.
fn is_sibling(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let hook = Event::from_name(&name.to_string_lossy()).is_some();
    !hook && std::fs::read_link(path).is_ok_and(|target| target == Path::new("..").join(name))
}

fn take(path: PathBuf, steps: &mut Vec<Step>, notes: &mut Vec<String>) {
    if path.is_symlink() || std::fs::read(&path).is_ok_and(|bytes| is_ours(&bytes)) {
        steps.push(Step::Remove(path));
    } else if path.exists() {
        notes.push(format!("{} is none of ours and stays", path.display()));
    }
}
