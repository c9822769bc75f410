//! Doing what was planned.

use super::config_file::ConfigFile;
use super::undo::keep_found_config;
use super::{Change, SetupPlan};
use crate::backup::{
    Catalog, Edits, Initiator, Manifest, Progress, Request, create, ensure_store, has_problem, host_store,
};
use crate::clock;
use crate::deployment::highest_in_store;
use crate::durable;
use crate::error::{AtPath, Error, Result};
use crate::git::Repository;
use crate::process::undisturbed;
use crate::queue::State;
use crate::site::{META_REF, Site};
use crate::worker::{Frozen, remember};
use std::time::Duration;

/// Carries out a plan, but for the first backup. The snapshot lock must be held since before the look.
///
/// Ctrl-C waits until it is done: a moment later the repository is a host, or as it was. The config is read again
/// afterwards: what was planned and what git now says must agree.
pub fn apply(repository: &Repository, plan: &SetupPlan) -> Result<()> {
    undisturbed(|| carry_out(repository, plan))
}

fn carry_out(repository: &Repository, plan: &SetupPlan) -> Result<()> {
    let state = State::of(repository, plan.site.modes);
    keep_found_config(repository, &state)?;
    // What can fail for a reason outside the repository comes first.
    if plan.changes.iter().any(|change| matches!(change, Change::Store(_))) {
        durable::make_folders(&plan.site.store, plan.site.modes)?;
    }
    ConfigFile::planned(&repository.common_dir().join("config"), &plan.settings())?.put()?;
    for change in &plan.changes {
        apply_one(repository, &plan.site, change)?;
    }
    let repository = &Repository::open(repository.git_dir())?;
    let site = Site::from_config(&repository.config())?;
    if site != plan.site {
        return Err(Error::failed("config", "the config does not say what was written to it")
            .hint("look for a key that is set twice: git config --show-origin --get-regexp '^cairn\\.'"));
    }
    let moved =
        |change: &Change| matches!(change, Change::Set { key, .. } if key == "cairn.store" || key == "cairn.site");
    if plan.changes.iter().any(moved) {
        state.database()?.forget_last_snapshot()?;
    }
    make_ready(repository, &site)?;
    remember_held(repository, &site, &state)
}

/// What a restore brought back is in the backup that it came from, and so did not change without a push.
fn remember_held(repository: &Repository, site: &Site, state: &State) -> Result<()> {
    let database = state.database()?;
    if database.last_snapshot()?.is_some() {
        return Ok(());
    }
    let store = host_store(site);
    let list = Frozen::now(repository)?.list;
    match Catalog::read(&store, &site.name)?.holding(&list) {
        Some(manifest) if !has_problem(&store, &site.name, manifest)? => remember(&database, manifest, &list),
        _ => Ok(()),
    }
}

/// Begins to count what moves, and to write the store, which must be there.
pub fn make_ready(repository: &Repository, site: &Site) -> Result<()> {
    remember_tips(repository, site, &State::of(repository, site.modes))?;
    ensure_store(repository, site, &host_store(site))
}

fn apply_one(repository: &Repository, site: &Site, change: &Change) -> Result<()> {
    match change {
        Change::Hooks(hooks) => hooks.apply(repository, site.modes),
        Change::Meta(bytes) => {
            let id = repository.write_object("blob", bytes)?;
            repository.update_refs("cairn: setup", format!("update {META_REF} {id}\n").as_bytes())
        }
        Change::Description(text) => {
            let path = repository.common_dir().join("description");
            std::fs::write(&path, text).at("write", &path)
        }
        // The store was made before, and the config written as one.
        Change::Store(_) | Change::Set { .. } | Change::Backup => Ok(()),
    }
}

/// Where the branches stand now is where counting their movements begins.
fn remember_tips(repository: &Repository, site: &Site, state: &State) -> Result<()> {
    let database = state.database()?;
    for environment in site.environments.iter().filter(|environment| site.deploys(environment)) {
        let name = environment.name.as_str();
        let stored = highest_in_store(site, environment)?;
        match database.environment(name)? {
            Some((tip, number)) if number < stored => database.set_environment(name, tip, stored)?,
            Some(_) => {}
            None => database.set_environment(name, repository.ref_id(&environment.branch)?, stored)?,
        }
    }
    Ok(())
}

/// Makes the first backup, and lets others on the host go first for so long. The snapshot lock must be held.
pub fn first_backup(repository: &Repository, wait: Duration, say: Progress<'_>) -> Result<Manifest> {
    let site = &Site::from_config(&repository.config())?;
    let state = &State::of(repository, site.modes);
    let frozen = Frozen::now(repository)?;
    let first = site.first();
    let request = Request {
        environment: first.name.to_string(),
        initiator: Initiator::Setup,
        job: None,
        commit: frozen.list.id_of(&first.branch),
        tag: None,
        note: None,
        keep_days: site.keep_days,
        edits: Edits::NotSought,
        wait,
        git: None,
        refs_at: clock::now(),
        list: frozen.list,
    };
    let manifest = create(repository, site, &request, say)?;
    remember(&state.database()?, &manifest, &request.list)?;
    Ok(manifest)
}
