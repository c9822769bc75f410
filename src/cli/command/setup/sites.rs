//! `git cairn setup --sites`: every bare repository below a folder.

use super::{How, SetUp, described, mark, set_up};
use crate::cli::arguments::Setup;
use crate::cli::sites::{Did, over_all};
use crate::cli::ui::Ui;
use crate::cli::{declined, done};
use crate::clock;
use crate::error::{AtPath, Error, Result};
use crate::git::Repository;
use crate::os;
use crate::setup::{Options, look};
use std::path::Path;
use std::process::ExitCode;

/// Sets up what is not, and puts in place what others lack. On a terminal it says so first, and asks once.
pub(super) fn run(root: &Path, what: &Setup, options: &Options, ui: &mut Ui) -> Result<ExitCode> {
    let how = How { dry_run: what.dry_run, wait: clock::parse_span(&what.wait)? };
    if !what.dry_run && !what.yes && ui.can_ask() {
        let mut changes = false;
        over_all(root, ui, |repository| {
            let did = one(repository, root, How { dry_run: true, ..how }, options)?;
            changes |= matches!(did, Did::Something(_));
            Ok(did)
        })?;
        if !changes {
            return done();
        }
        if !ui.ask("Do it?") {
            return Err(declined("setting these up"));
        }
    }
    let code = over_all(root, ui, |repository| one(repository, root, how, options))?;
    ui.hint("what is made from a template is set up by its first push: git cairn setup --template <dir>");
    Ok(code)
}

fn one(repository: &Repository, root: &Path, how: How, options: &Options) -> Result<Did> {
    let fresh = repository.config().get("cairn", "id").is_none();
    let options = if fresh {
        // One store for all needs a name for each.
        let site = options.store.as_ref().and_then(|_| name_below(root, repository));
        Options { warn: true, site, ..options.clone() }
    } else {
        Options { store: None, no_backup: true, ..options.clone() }
    };
    if let Some(owner) = strange_owner(repository)?
        && (fresh || !look(repository, &options)?.changes.is_empty())
    {
        let message = format!("it belongs to the user {owner}, who could not write what we would make there");
        return Err(Error::refused("another-owner", message)
            .hint(format!("as that user: sudo -u '#{owner}' git cairn setup --sites {}", root.display())));
    }
    let SetUp { plan, backup, .. } = set_up(repository, how, &options, None)?;
    if plan.changes.is_empty() {
        return Ok(Did::Already("set up already"));
    }
    if fresh {
        let would = if how.dry_run { "would be " } else { "" };
        let backup = backup.map(|id| format!(", first backup {id}")).unwrap_or_default();
        return Ok(Did::Something(format!("{would}set up as {}, the guard only warns{backup}", plan.site.name)));
    }
    let changes = plan.changes.iter().flat_map(described).collect::<Vec<_>>().join("; ");
    Ok(Did::Something(mark(how.dry_run).to_owned() + &changes))
}

/// The owner of a repository, if that is not who we are.
fn strange_owner(repository: &Repository) -> Result<Option<u32>> {
    let folder = repository.git_dir();
    let owner = os::owner(&std::fs::metadata(folder).at("read", folder)?);
    Ok((owner != os::user()).then_some(owner))
}

/// A name for a site by where it lies: `team/site.git` is `team-site`.
fn name_below(root: &Path, repository: &Repository) -> Option<String> {
    let root = os::canonicalize(root).ok()?;
    let below = repository.git_dir().strip_prefix(root).ok()?.to_str()?;
    let name = below.trim_end_matches(".git").trim_end_matches('/').replace('/', "-");
    (!name.is_empty()).then_some(name)
}
