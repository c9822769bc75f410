//! Where each environment stands, on one screen.

use super::missing_store::missing_store;
use super::restored::restored;
use crate::backup::{Catalog, Manifest, has_problem, host_store, is_proven};
use crate::clock;
use crate::deployment::{Deployment, look_at_served, of_repository};
use crate::error::Result;
use crate::git::{ObjectId, Repository};
use crate::hook;
use crate::queue::State;
use crate::ruling::Hold;
use crate::site::{Environment, Site};
use crate::uncommitted::Options;
use crate::worker::{Frozen, is_stored};
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Duration;

/// Where an environment stands.
#[derive(Debug, Clone)]
pub struct EnvironmentStanding {
    /// Its name.
    pub environment: String,
    /// The tag of the deployment it stands on; none where it takes none, or where the branch was moved without one.
    pub deployment: Option<String>,
    /// What its branch holds.
    pub commit: Option<ObjectId>,
    /// When that deployment was made.
    pub since: Option<Timestamp>,
    /// The id of its newest backup, and what that is of, as of when.
    pub backup: Option<(String, Timestamp)>,
    /// Whether every object of that was read back.
    pub verified: Option<bool>,
    /// Whether reading that back found it damaged.
    pub damaged: bool,
    /// How many edits its served work tree has that no commit holds; `None`: it has no tree, or that cannot be read.
    pub uncommitted: Option<usize>,
    /// Its served work tree, where config names one that is not there.
    pub missing_tree: Option<PathBuf>,
    /// The hold on it.
    pub held: Option<Hold>,
}

/// Where a site stands.
#[derive(Debug, Clone)]
pub struct SiteStanding {
    /// Its environments.
    pub environments: Vec<EnvironmentStanding>,
    /// How many jobs wait, run and failed.
    pub jobs: (u64, u64, u64),
    /// Whether the newest finished backup is of exactly what is there now.
    pub stored: bool,
    /// What the newest backup that nothing is known to be wrong with is of, as of when.
    pub newest: Option<Timestamp>,
    /// The ids of newest backups that are known to be damaged: each environment's, and those of all whose manifest cannot be read.
    pub damaged: Vec<String>,
    /// What of the store is missing, so that its backups cannot be told.
    pub missing_store: Option<String>,
    /// Why pushes do not pass through our hooks, a hook each; empty where they do, as far as can be seen without a trial.
    pub unhooked: Vec<String>,
    /// The command that puts the hooks in place.
    pub hook_fix: String,
}

impl SiteStanding {
    /// Tells whether what is there now is in no backup that is younger than `age_max`. A site that did not change since its
    /// newest backup is as safe as on that day.
    pub fn is_older_than(&self, age_max: Duration, now: Timestamp) -> bool {
        let young = |at: Timestamp| u64::try_from(now.as_second() - at.as_second()).unwrap_or(0) <= age_max.as_secs();
        self.newest.is_none_or(|at| !self.stored && !young(at))
    }
}

/// Looks where a site stands. No lock is taken and no job started.
pub fn standing(repository: &Repository, site: &Site) -> Result<SiteStanding> {
    let state = State::of(repository, site.modes);
    let store = host_store(site);
    let catalog = Catalog::read(&store, &site.name)?;
    let deployments = of_repository(repository, site)?;
    let one = |environment: &Environment| {
        let mut standing = stands(repository, site, &state, environment, &deployments)?;
        if let Some(manifest) = catalog.of(environment.name.as_str()).first() {
            standing.backup = Some((manifest.id.to_string(), manifest.refs_at));
            standing.verified = Some(is_proven(&store, &site.name, manifest)?);
            standing.damaged = has_problem(&store, &site.name, manifest)?;
        }
        Ok(standing)
    };
    let database = state.database()?;
    let hooks = hook::inspect(&hook::facts(repository)?);
    let problem = |hook: &hook::Inspected| Some(format!("{}: {}", hook.event.name(), hook.problem.as_ref()?));
    let restored = restored(repository, site, &state, &hooks);
    let held = restored.as_ref().is_some_and(|restored| restored.held_by.is_some());
    let environments: Vec<_> = site.environments.iter().map(one).collect::<Result<_>>()?;
    Ok(SiteStanding {
        damaged: damaged(&environments, &catalog),
        environments,
        jobs: database.job_counts()?,
        stored: held || is_stored(&database, &Frozen::now(repository)?.list)?,
        newest: newest_sound(&catalog)?.map(|manifest| manifest.refs_at),
        missing_store: missing_store(site, &state),
        unhooked: hooks.iter().filter_map(problem).collect(),
        hook_fix: restored.map_or_else(|| "git cairn hooks install".into(), |restored| restored.fix),
    })
}

/// The newest backup with which nothing is known to be wrong.
fn newest_sound<'c>(catalog: &'c Catalog<'_>) -> Result<Option<&'c Manifest>> {
    for manifest in catalog.good() {
        if !has_problem(catalog.store, &catalog.site, manifest)? {
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}

/// The backups that a restore would take first and that are damaged.
fn damaged(environments: &[EnvironmentStanding], catalog: &Catalog<'_>) -> Vec<String> {
    let of_environments =
        environments.iter().filter(|one| one.damaged).filter_map(|one| Some(one.backup.as_ref()?.0.clone()));
    of_environments.chain(catalog.newest_damaged().map(ToString::to_string)).collect()
}

fn stands(
    repository: &Repository,
    site: &Site,
    state: &State,
    environment: &Environment,
    deployments: &[Deployment],
) -> Result<EnvironmentStanding> {
    let commit = repository.ref_id(&environment.branch)?;
    let name = environment.name.as_str();
    // The newest of that commit: one may be deployed, rolled back and deployed again.
    let on = deployments.iter().find(|one| one.environment == name && Some(one.commit) == commit);
    let edits = environment.worktree.as_ref().and_then(|folder| {
        let options = Options::default();
        let served = look_at_served(repository, site, environment, folder, &options).ok()?;
        served.seen.unreadable.is_empty().then_some(served.seen.changes.len())
    });
    Ok(EnvironmentStanding {
        environment: name.into(),
        deployment: on.map(|deployment| deployment.tag.clone()),
        since: on.map(|deployment| deployment.created_at),
        commit,
        backup: None,
        verified: None,
        damaged: false,
        uncommitted: edits,
        missing_tree: environment.worktree.clone().filter(|folder| !folder.is_dir()),
        held: Hold::on(state, name, clock::now())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_change_does_not_age() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let at = |ago: i64| Timestamp::from_second(1_000_000 - ago).unwrap();
        let site = |stored, newest| SiteStanding {
            environments: vec![],
            jobs: (0, 0, 0),
            stored,
            newest,
            damaged: vec![],
            missing_store: None,
            unhooked: vec![],
            hook_fix: String::new(),
        };
        let day = Duration::from_secs(86_400);
        assert!(!site(true, Some(at(900_000))).is_older_than(day, now));
        assert!(!site(false, Some(at(86_400))).is_older_than(day, now));
        assert!(site(false, Some(at(86_401))).is_older_than(day, now));
        assert!(site(true, None).is_older_than(day, now));
    }
}
