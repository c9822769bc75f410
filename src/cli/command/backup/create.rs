//! `git cairn backup create`.

use super::edits::{self, Looked};
use crate::backup::{
    Catalog, Edits, Initiator, Manifest, Request, create, has_problem, host_store, how_proven, is_proven,
};
use crate::cli::arguments::Create;
use crate::cli::progress::Bar;
use crate::cli::sites::{Did, over};
use crate::cli::ui::Ui;
use crate::cli::{done, json as documents};
use crate::clock;
use crate::deployment::of_repository;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, RefName, Repository};
use crate::queue::State;
use crate::site::{Environment, Site};
use crate::text::{shell_word, size};
use crate::worker::{Frozen, is_stored, remember, snapshot_lock, start};
use serde_json::json;
use std::process::ExitCode;

/// Makes a backup of an environment, or of each.
pub fn run(place: &Place, what: Create, ui: &mut Ui) -> Result<ExitCode> {
    if let Some(root) = &what.sites {
        return over(root, ui, |repository| in_one_of_many(repository, &what));
    }
    let repository = Repository::discover(place)?;
    let site = Site::from_config(&repository.config())?;
    let looks = look_at_all(&repository, &site, &what, ui)?;
    let whole = looks.iter().all(|(_, looked)| looked.readable);
    let Made { manifests, proven, failed } = make_all(&repository, &site, &what, looks, None)?;
    report(&site, &manifests, &proven, what.all, ui)?;
    if what.environment.is_none() && !what.all {
        edits::tell_elsewhere(&repository, &site, site.first(), ui);
    }
    for error in &failed {
        ui.warn(&error.to_string());
    }
    for manifest in manifests.iter().filter(|manifest| is_not_kept(manifest, &what)) {
        ui.warn(&format!(
            "{}: the uncommitted edits are not in the backup; what it says: {}",
            manifest.environment,
            manifest.warnings.join("; ")
        ));
    }
    let kept = !manifests.iter().any(|manifest| is_not_kept(manifest, &what));
    if failed.is_empty() && whole && kept { done() } else { Ok(ExitCode::from(Kind::Partial.exit_code())) }
}

/// Tells whether edits were to be kept, and could not be stored.
fn is_not_kept(manifest: &Manifest, what: &Create) -> bool {
    let found = manifest.uncommitted.as_ref();
    !what.without_uncommitted && found.is_some_and(|found| found.commit.is_some() && !found.captured)
}

/// Looks at the work trees of all that is to be backed up, before anything is written.
fn look_at_all<'a>(
    repository: &Repository,
    site: &'a Site,
    what: &Create,
    ui: &Ui,
) -> Result<Vec<(&'a Environment, Looked)>> {
    let state = State::of(repository, site.modes);
    must_be_ours(&state)?;
    let environments = chosen(repository, site, what)?.into_iter();
    environments.map(|one| Ok((one, edits::look(repository, site, &state, one, what, ui)?))).collect()
}

fn must_be_ours(state: &State) -> Result<()> {
    if state.is_ours()? {
        return Ok(());
    }
    Err(Error::refused("not-owner", "the store is written by the owner of the repository alone")
        .hint("run this as its owner"))
}

/// With `--sites` a repository that did not change is only counted; where its served trees are clean, its store is not even
/// looked at.
fn in_one_of_many(repository: &Repository, what: &Create) -> Result<Did> {
    let site = Site::from_config(&repository.config())?;
    let frozen = Frozen::now(repository)?;
    // Nobody is asked for each of many.
    let looks = look_at_all(repository, &site, what, &Ui::new(true))?;
    if is_stored(&State::of(repository, site.modes).database()?, &frozen.list)? && are_held(&site, &looks)? {
        for (_, looked) in &looks {
            if let Edits::Captured(pending) = &looked.edits {
                pending.remove()?;
            }
        }
        return Ok(Did::Nothing);
    }
    let Made { manifests, failed, .. } = make_all(repository, &site, what, looks, Some(frozen))?;
    match failed.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(Did::Something(manifests.iter().map(|manifest| manifest.id.as_str()).collect::<Vec<_>>().join(" "))),
    }
}

/// Tells whether the newest good backup of each environment holds what was captured of its tree now.
fn are_held(site: &Site, looks: &[(&Environment, Looked)]) -> Result<bool> {
    let captured = |looked: &Looked| match &looked.edits {
        Edits::Captured(pending) => Some(pending.record.clone()),
        _ => None,
    };
    let captured: Vec<_> = looks.iter().filter_map(|(one, looked)| Some((one, captured(looked)?))).collect();
    if captured.is_empty() {
        return Ok(true);
    }
    let store = host_store(site);
    let catalog = Catalog::read(&store, &site.name)?;
    for (environment, found) in captured {
        let newest = catalog.of(environment.name.as_str()).into_iter().next();
        let same = newest.filter(|newest| {
            newest.capture().is_some() && newest.uncommitted.as_ref().is_some_and(|held| held.holds_the_same(&found))
        });
        match same {
            Some(newest) if !has_problem(&store, &site.name, newest)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// The backups of one repository.
struct Made {
    manifests: Vec<Manifest>,
    /// Whether every object of each was read.
    proven: Vec<bool>,
    failed: Vec<Error>,
}

/// Makes what was asked for, of the references as they are or as they were seen already.
fn make_all(
    repository: &Repository,
    site: &Site,
    what: &Create,
    looks: Vec<(&Environment, Looked)>,
    seen: Option<Frozen>,
) -> Result<Made> {
    let wait = clock::parse_span(&what.wait)?;
    let state = State::of(repository, site.modes);
    let lock = snapshot_lock(&state, wait)?;
    let frozen = seen.map_or_else(|| Frozen::now(repository), Ok)?;
    let (mut manifests, mut proven, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (environment, looked) in looks {
        let made_of = |frozen: &Frozen| make(repository, site, environment, &looked.edits, frozen, what);
        match frozen.clone().used_for(repository, made_of) {
            Ok(manifest) => {
                proven.push(is_proven(&host_store(site), &site.name, &manifest)?);
                manifests.push(manifest);
            }
            Err(error) => failed.push(error.while_doing(&environment.name)),
        }
    }
    if manifests.is_empty()
        && let Some(error) = failed.pop()
    {
        return Err(error);
    }
    if proven.contains(&false) {
        drop(lock);
        // It ends when it has read what was too large for us to wait for.
        start(repository)?;
    }
    Ok(Made { manifests, proven, failed })
}

fn make(
    repository: &Repository,
    site: &Site,
    environment: &Environment,
    edits: &Edits,
    frozen: &Frozen,
    what: &Create,
) -> Result<Manifest> {
    let request = Request { edits: edits.clone(), ..request(repository, site, environment, frozen, what)? };
    let bar = Bar::stages(4);
    let manifest = create(repository, site, &request, &mut |stage| bar.stage(stage))?;
    remember(&State::of(repository, site.modes).hurried().database()?, &manifest, &request.list)?;
    Ok(manifest)
}

fn chosen<'a>(repository: &Repository, site: &'a Site, what: &Create) -> Result<Vec<&'a Environment>> {
    if !what.all {
        let one = what.environment.as_deref().map_or(Ok(site.first()), |name| site.environment(name))?;
        return Ok(vec![one]);
    }
    let mut there = Vec::new();
    for environment in &site.environments {
        if repository.ref_id(&environment.branch)?.is_some() {
            there.push(environment);
        }
    }
    // An empty repository is backed up too.
    Ok(if there.is_empty() { vec![site.first()] } else { there })
}

fn request(
    repository: &Repository,
    site: &Site,
    environment: &Environment,
    frozen: &Frozen,
    what: &Create,
) -> Result<Request> {
    let commit = frozen.list.id_of(&environment.branch);
    let deployments = of_repository(repository, site)?;
    let stands_on = |tag: &str| RefName::tag(tag).is_some_and(|tag| frozen.list.refs.contains_key(&tag));
    let newest = deployments
        .iter()
        .find(|one| one.environment == environment.name.as_str() && Some(one.commit) == commit && stands_on(&one.tag));
    Ok(Request {
        environment: environment.name.to_string(),
        initiator: Initiator::Manual,
        job: None,
        list: frozen.list.clone(),
        refs_at: frozen.at,
        tag: newest.map(|deployment| deployment.tag.clone()),
        commit,
        note: what.note.clone(),
        keep_days: what.keep_for.unwrap_or(site.keep_days),
        edits: Edits::NotSought,
        wait: clock::parse_span(&what.wait)?,
        git: None,
    })
}

fn report(site: &Site, made: &[Manifest], proven: &[bool], all: bool, ui: &mut Ui) -> Result<()> {
    let store = host_store(site);
    let catalog = Catalog { store: &store, site: site.name.clone(), entries: vec![] };
    if ui.wants_json() {
        let backups = made.iter().map(|manifest| documents::backup(&catalog, manifest)).collect::<Result<Vec<_>>>()?;
        match backups.as_slice() {
            [one] if !all => ui.document(&json!({"schema": 1, "backup": one})),
            many => ui.document(&json!({"schema": 1, "backups": many})),
        }
        return Ok(());
    }
    let root = shell_word(&site.store);
    for (manifest, proven) in made.iter().zip(proven) {
        let files = manifest.written_segments();
        let files: Vec<_> =
            files.map(|segment| format!("{}/{}, {}", site.name, segment.file, size(segment.bytes))).collect();
        let archive = if files.is_empty() { "nothing new to store".into() } else { files.join("; ") };
        ui.say(&format!(
            "{}: code, {} in all ({archive}), {}",
            manifest.environment,
            size(manifest.chain_bytes()),
            how_proven(*proven)
        ));
        edits::tell_kept(manifest, ui);
        ui.hint(&format!("to restore it: git cairn restore {} --store {root} --to <dir>", manifest.id));
        ui.result(manifest.id.as_str());
    }
    Ok(())
}
