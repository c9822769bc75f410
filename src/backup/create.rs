//! Making a backup: the references frozen, the objects appended to the chain, the manifest last.

use super::catalog::{Catalog, Names};
use super::manifest::{FORMAT, FORMAT_WITH_CAPTURE, Manifest, Previous, RefsFile, Reliance, Versions, format_word};
use super::record::record;
use super::room;
use super::{BackupId, Initiator, Others, SiteRecord, Tenant, keys, restore_guide};
use crate::audit::Log;
use crate::clock;
use crate::durable;
use crate::element::code::{Append, Appended, Chain, Examiner, append};
use crate::element::uncommitted::{self, Pending, Uncommitted};
use crate::error::{AtPath, Error, Result};
use crate::git::{AskedVersion, ObjectId, RefList, Repository};
use crate::queue::State;
use crate::site::Site;
use crate::store::{Key, LocalStore, Store, Tally, create_whole};
use crate::text::shell_word;
use crate::turn;
use jiff::Timestamp;
use serde::Serialize;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a backup for which no person waits lets others on the host go first: a large one takes minutes.
pub const PATIENCE: Duration = Duration::from_secs(3600);

/// Told what a backup is doing, for a person who waits.
pub type Progress<'a> = &'a mut dyn FnMut(&str);

/// A backup to be made.
#[derive(Debug, Clone)]
pub struct Request {
    /// The environment it is of.
    pub environment: String,
    /// What started it.
    pub initiator: Initiator,
    /// The word of the job, if one makes it.
    pub job: Option<String>,
    /// The references it is of, and when they were read.
    pub list: Arc<RefList>,
    /// When they were read.
    pub refs_at: Timestamp,
    /// The deployment's tag.
    pub tag: Option<String>,
    /// The environment's commit.
    pub commit: Option<ObjectId>,
    /// What was said of it.
    pub note: Option<String>,
    /// For how many days it is kept.
    pub keep_days: u32,
    /// What was found in the environment's served work tree.
    pub edits: Edits,
    /// How long it lets others on the host go first.
    pub wait: Duration,
    /// The version of git, where it was asked for it already.
    pub git: Option<String>,
}

/// What a backup is to hold of a served work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edits {
    /// Nobody looked.
    NotSought,
    /// That there are as many, or none; they are not kept.
    Noted(Box<Uncommitted>),
    /// All that was captured; it waits until the backup has it.
    Captured(Box<Pending>),
    /// They were captured, and what was kept is damaged: why.
    Lost(String),
}

/// Opens the store of a set-up repository.
pub fn host_store(site: &Site) -> LocalStore {
    LocalStore::new(&site.store, site.modes)
}

/// Checks that the store is this repository's, and writes what every store begins with.
///
/// Returns [`crate::error::Kind::Unsafe`] where another living repository writes there.
pub fn ensure_store(repository: &Repository, site: &Site, store: &dyn Store) -> Result<()> {
    let git_dir = repository.common_dir();
    let tenant = Tenant::new(&site.id, &site.name, &git_dir);
    match Tenant::read(store, &site.name)? {
        Some(known) if known.is(&tenant) => {}
        Some(known) => {
            known.admits(&site.id, &git_dir, id_of_living, &store.place())?;
            tenant.write(store)?;
        }
        None => tenant.write(store)?,
    }
    restore_guide(store)
}

/// Returns the `cairn.id` of a repository that still stands at `git_dir`.
pub fn id_of_living(git_dir: &Path) -> Option<String> {
    Repository::open(git_dir).ok()?.config().get("cairn", "id")
}

/// Makes a backup. The repository's snapshot lock must be held.
///
/// Returns an error that says what is in the way; whatever was written by then is swept by the next run, and no backup is
/// there until its manifest is.
pub fn create(repository: &Repository, site: &Site, request: &Request, say: Progress<'_>) -> Result<Manifest> {
    if let Some(error) = repository.incompleteness() {
        return Err(error);
    }
    say("waiting for a turn");
    let _turn = turn::take(request.wait)?;
    let state = State::of(repository, site.modes);
    // Nothing of it is a backup before the manifest is there, so all of it is made durable together, right before that.
    let store = host_store(site).gathering();
    say("reading what is stored");
    store_is_there(site, &store, &state, request.initiator)?;
    ensure_store(repository, site, &store)?;
    sweep_half_written(site)?;
    let started = clock::now();
    let asked = if request.git.is_none() { Some(AskedVersion::start()?) } else { None };
    let names = Names::read(&store, &site.name)?;
    let id = BackupId::new(Timestamp::now(), names.last_id());
    let previous = names.newest(&store, &site.name);
    sweep_unfinished(&host_store(site), &site.name, &names, previous.as_ref())?;
    let scratch = state.empty_scratch()?;
    let kind = repository.hash_kind();
    let examiner = Examiner { store: &store, site: &site.name, kind, scratch: &scratch, now: started };
    let chain = base(&examiner, previous.as_ref(), repository, &request.list)?;
    let all = if chain.segments.is_empty() { room::pack_bytes(&repository.objects_dir()) } else { 0 };
    room::check(site, &store, &scratch, all)?;
    begin(&store, site, &id, request, started)?;
    // While git packs: the note must last before anything of the backup appears.
    store.sync_first();
    let work = Append { repository, examiner: &examiner, name: id.as_str() };
    let (appended, audit) = std::thread::scope(|scope| {
        // The manifest names where the audit ends, and that is on the disk before the manifest is.
        let audit = scope.spawn(|| Log::of(&state).head().ok().flatten());
        (append(&work, &request.list, chain, say), audit.join().ok().flatten())
    });
    let Appended { chain, written } = appended?;
    let built_upon = chain.segments.len() - written;
    let mut warnings = Vec::new();
    let edits = edits(&work, &chain, &request.edits, &mut warnings, say);
    say("writing the manifest");
    let refs = write_refs(&store, site, &id, &request.list)?;
    if repository.uses_reftable() {
        // git lists none, and no library here reads the table.
        warnings.push(
            "symbolic references that dangle cannot be told in a reftable; if there are any, they are in no backup"
                .into(),
        );
    }
    warnings.extend(request.list.worktrees.iter().map(|(name, id)| {
        let name = crate::text::shown(name);
        format!("the linked work tree {name} stands on {id} and no branch: the commit is kept, the work tree is not")
    }));
    let record = record(repository, &mut warnings);
    let git = request.git.clone().or_else(|| asked.map(AskedVersion::text)).unwrap_or_default();
    let mut manifest = Manifest {
        format: if edits.as_ref().is_some_and(|edits| edits.captured) { FORMAT_WITH_CAPTURE } else { FORMAT },
        digest: String::new(),
        id,
        previous: previous.map(|previous| Previous { id: previous.id, digest: previous.digest }),
        site: SiteRecord { id: site.id.clone(), name: site.name.clone() },
        environment: request.environment.clone(),
        created_at: started,
        finished_at: clock::now(),
        refs_at: request.refs_at,
        initiator: request.initiator,
        job: request.job.clone(),
        tag: request.tag.clone(),
        commit: request.commit.map(|commit| commit.to_string()),
        note: request.note.clone(),
        keep_until: clock::plus_days(request.refs_at, request.keep_days),
        object_format: format_word(repository.hash_kind()),
        refs,
        others: Others::of(&request.list),
        relied_on: chain.proofs[..built_upon].iter().map(Reliance::of).collect(),
        written: chain.segments[built_upon..].iter().map(|segment| segment.file.clone()).collect(),
        segments: chain.segments,
        uncommitted: edits,
        repository: record,
        versions: Versions { git_cairn: env!("CARGO_PKG_VERSION").into(), git },
        audit,
        warnings,
    };
    publish(&store, site, &mut manifest)?;
    if let (Edits::Captured(pending), Some(_)) = (&request.edits, manifest.capture()) {
        // The backup holds it; one that stays all the same goes into the next backup as well.
        let _ = pending.remove();
    }
    Ok(manifest)
}

/// Moves a capture into the store. One that cannot be stored stays where it waits, and costs no backup of the code.
fn edits(
    work: &Append<'_>,
    chain: &Chain,
    edits: &Edits,
    warnings: &mut Vec<String>,
    say: Progress<'_>,
) -> Option<Uncommitted> {
    let pending = match edits {
        Edits::NotSought => return None,
        Edits::Lost(why) => {
            warnings.push(format!("the uncommitted edits that were captured for this backup are lost: {why}"));
            return None;
        }
        Edits::Noted(record) => return Some((**record).clone()),
        Edits::Captured(pending) => &**pending,
    };
    say("storing the uncommitted edits");
    warnings.extend(uncommitted::warnings(&pending.record));
    match uncommitted::append(work, chain, pending) {
        Ok(record) => Some(record),
        Err(error) => {
            let aside = pending.clone().set_aside();
            let bundle = aside.as_ref().map_or_else(|_| pending.bundle(), Pending::bundle);
            warnings.push(format!("the uncommitted edits are not in this backup but in {}: {error}", bundle.display()));
            Some(Uncommitted { captured: false, ..pending.record.clone() })
        }
    }
}

/// Leaves the note by which a backup that was never finished is told from one whose manifest was lost.
fn begin(store: &dyn Store, site: &Site, id: &BackupId, request: &Request, at: Timestamp) -> Result<()> {
    #[derive(Serialize)]
    struct Intent<'a> {
        format: u32,
        id: &'a BackupId,
        environment: &'a str,
        created_at: Timestamp,
    }
    let intent = Intent { format: FORMAT, id, environment: &request.environment, created_at: at };
    let bytes = serde_json::to_vec_pretty(&intent).expect("text serializes");
    create_whole(store, &keys::intent(&site.name, id)?, &bytes)
}

/// A store that held backups and is empty now is not mounted, or lost; making another in its place would only hide that.
fn store_is_there(site: &Site, store: &dyn Store, state: &State, initiator: Initiator) -> Result<()> {
    if initiator == Initiator::Setup || !is_gone(site, store, state)? {
        return Ok(());
    }
    let message = format!("the store {} held backups of {} and holds nothing of it now", store.place(), site.name);
    let anew = format!("git cairn setup --store {}", shell_word(&site.store));
    Err(Error::not_found("store-gone", message).hint(format!("is it mounted? If it is lost, begin a new one: {anew}")))
}

/// Tells whether a store holds nothing of a site of which this repository has made a backup.
pub fn is_gone(site: &Site, store: &dyn Store, state: &State) -> Result<bool> {
    let there = Tenant::read(store, &site.name)?.is_some() || Names::read(store, &site.name)?.last_id().is_some();
    Ok(!there && state.database()?.last_snapshot()?.is_some())
}

/// Removes what backups that were begun after the newest one and never finished left behind: no manifest names it.
fn sweep_unfinished(store: &dyn Store, site: &str, names: &Names, newest: Option<&Manifest>) -> Result<()> {
    for id in &names.begun {
        if newest.is_none_or(|newest| newest.id < *id) {
            for ending in ["proof.json", "idx", "bundle"] {
                for name in [format!("code/{id}"), format!("code/{id}-base"), format!("uncommitted/{id}")] {
                    store.remove(&Key::new(format!("{site}/{name}.{ending}"))?)?;
                }
            }
            for file in ["SHA256SUMS", "refs"] {
                store.remove(&keys::of_backup(site, id, file)?)?;
            }
            store.remove_folder(&format!("{}/{id}", keys::backups(site)))?;
        }
        store.remove(&keys::intent(site, id)?)?;
    }
    Ok(())
}

/// Removes what backups left that were killed, or could not finish. The snapshot lock must be held.
pub fn sweep_leftovers(site: &Site) -> Result<()> {
    let store = host_store(site);
    sweep_half_written(site)?;
    let names = Names::read(&store, &site.name)?;
    if names.begun.is_empty() {
        return Ok(());
    }
    sweep_unfinished(&store, &site.name, &names, names.newest(&store, &site.name).as_ref())
}

/// Removes the temporary files of processes that were killed.
fn sweep_half_written(site: &Site) -> Result<()> {
    let folder = site.store.join(&site.name);
    let intents = folder.join("intents");
    // Of the backups only those can hold something half-written that were begun and never finished.
    let begun = std::fs::read_dir(&intents).into_iter().flatten().flatten();
    let begun = begun.filter_map(|intent| Some(folder.join("backups").join(intent.path().file_stem()?)));
    let others = ["code", "uncommitted", "intents", "tombstones"].map(|name| folder.join(name));
    for place in begun.chain(others).chain([folder.clone(), site.store.clone()]) {
        durable::sweep(&place)?;
    }
    Ok(())
}

fn write_refs(store: &dyn Store, site: &Site, id: &BackupId, list: &RefList) -> Result<RefsFile> {
    let key = keys::of_backup(&site.name, id, "refs")?;
    let mut out = BufWriter::new(Tally::new(store.create(&key)?));
    let written = list.write_instructions(&mut out).and_then(|()| out.into_inner().map_err(io::Error::from));
    let (publication, bytes, sha256) = written.at("write", Path::new(key.as_str()))?.finish();
    publication.publish()?;
    Ok(RefsFile { count: list.refs.len(), bytes, sha256 })
}

fn publish(store: &dyn Store, site: &Site, manifest: &mut Manifest) -> Result<()> {
    let bytes = manifest.seal();
    let key = |file| keys::of_backup(&site.name, &manifest.id, file);
    create_whole(store, &key("SHA256SUMS")?, manifest.sums(&bytes).as_bytes())?;
    store.create_last(&key("manifest.json")?, &bytes)?;
    // The backup is there; a note that stays is removed by the next run.
    let _ = store.remove(&keys::intent(&site.name, &manifest.id)?);
    Ok(())
}

/// The chain the next segment builds upon: the newest backup's, if every segment of it is there with its proof.
///
/// A list that waited may name what the repository and the newest chain no longer hold: a branch was deleted and collected,
/// and the chain begun anew. Then it is the newest one that holds what is missing.
fn base(
    examiner: &Examiner<'_>,
    previous: Option<&Manifest>,
    repository: &Repository,
    list: &RefList,
) -> Result<Chain> {
    let open = |manifest: &Manifest| -> Result<Option<Chain>> {
        if manifest.hash_kind()? == examiner.kind { Chain::open(examiner, &manifest.segments) } else { Ok(None) }
    };
    let newest = previous.map(open).transpose()?.flatten().unwrap_or_else(Chain::empty);
    let missing: Vec<_> = list.tips().into_iter().filter(|tip| !repository.contains(tip)).collect();
    if missing.iter().all(|tip| newest.holds(tip)) {
        return Ok(newest);
    }
    for manifest in Catalog::read(examiner.store, examiner.site)?.good() {
        if let Some(chain) = open(manifest)?.filter(|chain| missing.iter().all(|tip| chain.holds(tip))) {
            return Ok(chain);
        }
    }
    Ok(newest)
}
