//! Looking at a host. Nothing is decided here, and nothing stays changed.

use super::missing_store::missing_store;
use super::reader::may_look;
use super::restored::{Restored, restored};
use super::trial::{Tried, try_pushes};
use crate::audit::{Log, verify};
use crate::backup::{Catalog, expired, has_problem, host_store, is_proven, refs_of};
use crate::clock;
use crate::durable;
use crate::error::Result;
use crate::git::{Config, GitVersion, Head, RefList, RefName, RefValue, Repository, git_version};
use crate::guard::{Mode, Policy};
use crate::hook::{self, Configured, Inspected, Layout, configured, inspect, try_out};
use crate::os;
use crate::queue::State;
use crate::ruling::Pause;
use crate::setup::lost_hooks;
use crate::site::Site;
use crate::worker::{Frozen, is_stored};
use bstr::ByteSlice;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How many files and folders of another owner, or of wider modes, are named.
const STRANGE_MAX: usize = 3;
/// File systems that lie on another machine, by their `f_type` (statfs(2), linux/magic.h): NFS, SMB, CIFS, AFS, Ceph, 9p, and
/// those of FUSE, which may be one.
const REMOTE: [(u32, &str); 7] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x0102_1997, "9p"),
];

/// One hook, and whether it ran when it was tried out.
#[derive(Debug, Clone)]
pub struct Hook {
    /// What stands there.
    pub inspected: Inspected,
    /// Why it does not run; `None` where it does, or where it could not be tried.
    pub fails: Option<String>,
}

/// The newest backup of an environment.
#[derive(Debug, Clone)]
pub struct Newest {
    /// Its id.
    pub id: String,
    /// What it is of, as of when.
    pub at: Timestamp,
    /// Whether every object of it was read back.
    pub proven: bool,
    /// Whether reading it back found something wrong.
    pub damaged: bool,
}

/// An environment, whether its branch is there, and its newest backup.
#[derive(Debug, Clone)]
pub struct Backed {
    /// Its name.
    pub environment: String,
    /// Whether it has a commit.
    pub exists: bool,
    /// Its newest backup.
    pub newest: Option<Newest>,
}

/// A served folder that config names.
#[derive(Debug, Clone)]
pub struct ServedFolder {
    /// The environment's name.
    pub environment: String,
    /// The folder.
    pub folder: PathBuf,
    /// Whether it is there.
    pub is_there: bool,
    /// Another environment for which the same folder is named.
    pub also: Option<String>,
}

/// The room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// How many bytes are free.
    pub free_bytes: u64,
    /// How many it holds in all.
    pub total_bytes: u64,
}

impl Room {
    fn at(path: &Path) -> Self {
        Self {
            free_bytes: durable::free_bytes(path).unwrap_or(0),
            total_bytes: durable::total_bytes(path).unwrap_or(0),
        }
    }
}

/// What was seen of the store.
#[derive(Debug, Clone)]
pub struct StoreFacts {
    /// Where it is.
    pub place: PathBuf,
    /// Why a file could not be written there, durably, and removed again; `None`: it could.
    pub unwritable: Option<String>,
    /// What room there is.
    pub room: Room,
    /// How many backups are past their retention, and not removed yet.
    pub expired: usize,
    /// Whether it lies on the file system of the repository.
    pub same_disk: bool,
    /// How far the clock of its file system is ahead of ours, in seconds.
    pub clock_ahead: i64,
}

/// What was seen of the jobs.
#[derive(Debug, Clone, Default)]
pub struct JobFacts {
    /// How many wait.
    pub waiting: u64,
    /// How many run.
    pub running: u64,
    /// How many failed.
    pub failed: u64,
    /// When the oldest that is not done was queued, and why it failed, if it did.
    pub oldest: Option<(Timestamp, Option<String>)>,
}

/// Everything that was seen of a host.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The site.
    pub site: Site,
    /// When this was seen.
    pub now: Timestamp,
    /// The config.
    pub config: Config,
    /// The git that serves it, as far as can be seen from here.
    pub git: Option<GitVersion>,
    /// Where the hooks stand.
    pub layout: Layout,
    /// The folder ours stand in.
    pub hooks_folder: PathBuf,
    /// The folder that git looks in.
    pub looks_in: PathBuf,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// What is known of it where a restore brought it back and no setup has made it a host again.
    pub restored: Option<Restored>,
    /// The hooks of a push that config names beside them.
    pub configured: Vec<Configured>,
    /// Whether the repository's own config names the folder, which counts before what whoever pushes has configured.
    pub names_hooks_path: bool,
    /// Who, other than the owner, pushed by a path of this machine, as git of their own.
    pub by_path: Vec<String>,
    /// Programs of ours that others may change.
    pub open_programs: Vec<PathBuf>,
    /// Files and folders that belong to somebody else than the repository; the owner's id.
    pub strange_owner: (u32, Vec<PathBuf>),
    /// Files and folders that more people may write or read than `core.sharedRepository` says, with the modes they should have.
    pub wide: Vec<(PathBuf, u32)>,
    /// How many objects the repository holds.
    pub objects: u64,
    /// Whether it has a commit-graph.
    pub commit_graph: bool,
    /// Whether a pack has a bitmap.
    pub bitmap: bool,
    /// The store, or what of it is missing.
    pub store: Result<StoreFacts, String>,
    /// Where the repository lies, and what room there is.
    pub own_room: (PathBuf, Room),
    /// The kind of network file system that the jobs lie on, if it is one.
    pub jobs_on: Option<&'static str>,
    /// The jobs, or why they cannot be read: the error's code, and what it says.
    pub jobs: Result<JobFacts, (&'static str, String)>,
    /// Where the files of the jobs lie.
    pub state: PathBuf,
    /// The backups of each environment, or why they cannot be read.
    pub backups: Result<Vec<Backed>, String>,
    /// The ids of backups that are newer than each of those, and whose manifests are damaged.
    pub unreadable: Vec<String>,
    /// Where references or HEAD are others than those of the newest backup, with no job waiting: the references that changed,
    /// were made or are gone, as far as they hold objects themselves, and what else names another reference than it did.
    pub unstored: Option<Vec<String>>,
    /// The branch that HEAD is on; none where it is on none.
    pub head: Option<RefName>,
    /// Where hooks stood before a restore and none stands now.
    pub lost_hooks: Vec<PathBuf>,
    /// The served folders.
    pub served: Vec<ServedFolder>,
    /// What the guard does, or why its policy cannot be understood.
    pub guard: Result<Mode, String>,
    /// The pause of the guard that is in force, or why that cannot be known.
    pub paused: Result<Option<Pause>, String>,
    /// The pushes that were tried, or why they could not be; `None`: that was not asked for.
    pub tried: Option<Result<Vec<Tried>, String>>,
    /// The file of the audit.
    pub audit_file: PathBuf,
    /// How many lines the audit has, and what is wrong with them; or why it cannot be read or written.
    pub audit: Result<(u64, Option<String>), String>,
}

/// Looks at a host. A file is written to the store and removed again; the hooks run as a trial, and with `push` real pushes
/// into a copy are tried as well.
///
/// Returns [`crate::error::Kind::Outside`] where it is closed to this user.
pub fn gather(repository: &Repository, push: bool) -> Result<Facts> {
    let config = repository.config();
    let site = Site::from_config(&config)?;
    let state = State::of(repository, site.modes);
    let hooks = hook::facts(repository)?;
    may_look(repository, &site, &state, &hooks)?;
    let layout = hooks.layout();
    let owner = strange_owner(repository, &site)?;
    let seen = inspect(&hooks);
    let restored = restored(repository, &site, &state, &seen);
    let seen = seen.into_iter().map(|inspected| tried(repository, inspected)).collect::<Vec<_>>();
    let jobs = jobs(&state).map_err(|error| (error.code(), error.to_string()));
    let objects = repository.objects_dir();
    let idle = jobs.as_ref().is_ok_and(|jobs| jobs.waiting + jobs.running + jobs.failed == 0);
    Ok(Facts {
        tried: push.then(|| tried_pushes(repository, &seen)),
        now: clock::now(),
        git: git_version().ok(),
        hooks_folder: hooks.own_folder(&layout),
        looks_in: hooks.folder.clone(),
        open_programs: open_programs(&seen),
        names_hooks_path: hooks.hooks_path.is_some(),
        by_path: by_path(&state, &hook::user_name(owner.0)),
        strange_owner: owner,
        wide: wide(&state, &site),
        objects: object_count(repository),
        commit_graph: ["info/commit-graph", "info/commit-graphs/commit-graph-chain"]
            .iter()
            .any(|name| objects.join(name).is_file()),
        bitmap: has_bitmap(&objects),
        store: missing_store(&site, &state).map_or_else(|| Ok(look_at_store(repository, &site)), Err),
        own_room: (repository.common_dir(), Room::at(&repository.common_dir())),
        jobs_on: remote_kind(state.folder()),
        state: state.folder().to_owned(),
        unstored: if idle { unstored(repository, &site, &state, restored.as_ref()).unwrap_or(None) } else { None },
        head: repository.all_refs()?.head.on().cloned(),
        restored,
        served: served(&site),
        lost_hooks: lost(&site, &state, &hooks).unwrap_or_default(),
        guard: Policy::from_config(&config, &site).map(|policy| policy.mode).map_err(|error| error.to_string()),
        paused: Pause::in_force(&state, clock::now()).map_err(|error| error.to_string()),
        audit_file: Log::of(&state).path(),
        audit: audit(&state),
        backups: backups(repository, &site).map_err(|error| error.to_string()),
        unreadable: unreadable(&site).unwrap_or_default(),
        jobs,
        hooks: seen,
        configured: configured(&config),
        layout,
        config,
        site,
    })
}

fn tried_pushes(repository: &Repository, hooks: &[Hook]) -> Result<Vec<Tried>, String> {
    if hooks.iter().any(|hook| hook.inspected.problem.is_some() || hook.fails.is_some()) {
        return Err("the hooks do not run".into());
    }
    let hooks: Vec<_> = hooks.iter().map(|hook| hook.inspected.clone()).collect();
    try_pushes(repository, &hooks).map_err(|error| error.to_string())
}

fn tried(repository: &Repository, inspected: Inspected) -> Hook {
    let fails = match inspected.problem {
        Some(_) => None,
        None => try_out(repository, &inspected).err().map(|error| error.to_string()),
    };
    Hook { inspected, fails }
}

/// The bit of a folder in which only the owner of a file takes it away.
const STICKY: u32 = 0o1000;

/// The programs that hooks run, and their folders, where others than the owner may put something else in their place.
fn open_programs(hooks: &[Hook]) -> Vec<PathBuf> {
    let programs = hooks.iter().filter_map(|hook| hook.inspected.program.clone());
    let paths = programs.flat_map(|program| [program.parent().map(Path::to_owned), Some(program)]).flatten();
    let is_open = |mode: u32| mode & 0o002 != 0 && mode & STICKY == 0;
    let open = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|is| is_open(os::permissions(&is)));
    let mut open: Vec<_> = paths.filter(open).collect();
    open.sort();
    open.dedup();
    open
}

/// What git or we wrote as somebody else, root most often, and what the owner then cannot change.
fn strange_owner(repository: &Repository, site: &Site) -> Result<(u32, Vec<PathBuf>)> {
    let root = repository.common_dir();
    let owner = os::owner(&crate::error::AtPath::at(std::fs::metadata(&root), "read", &root)?);
    if site.modes.is_shared() {
        return Ok((owner, vec![]));
    }
    let mut looked = vec![root.clone()];
    for name in ["objects", "objects/pack", "refs", "refs/heads", "refs/tags", "cairn"] {
        looked.extend(entries(&root.join(name)));
        looked.push(root.join(name));
    }
    looked.extend(entries(&root));
    looked.extend(entries(&site.store));
    looked.extend(entries(&site.store.join(&site.name)));
    looked.push(site.store.clone());
    looked.sort();
    looked.dedup();
    let strange = |path: &PathBuf| path.symlink_metadata().is_ok_and(|is| os::owner(&is) != owner);
    Ok((owner, looked.into_iter().filter(strange).take(STRANGE_MAX).collect()))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// What is ours and open to more people than it should be.
fn wide(state: &State, site: &Site) -> Vec<(PathBuf, u32)> {
    let mut looked = vec![state.folder().to_owned(), site.store.clone(), site.store.join(&site.name)];
    looked.extend(entries(state.folder()));
    let too_wide = |path: PathBuf| {
        let metadata = path.symlink_metadata().ok().filter(|metadata| !metadata.is_symlink())?;
        let meant = if metadata.is_dir() { site.modes.folder } else { site.modes.file };
        (os::permissions(&metadata) & 0o777 & !meant != 0).then_some((path, meant))
    };
    looked.into_iter().filter_map(too_wide).take(STRANGE_MAX).collect()
}

fn object_count(repository: &Repository) -> u64 {
    let out = repository.git().args(["count-objects", "-v"]).read().unwrap_or_default();
    let number = |name: &str| {
        let line = out.lines().find_map(|line| line.strip_prefix(name.as_bytes()))?;
        line.trim().to_str().ok()?.parse::<u64>().ok()
    };
    number("count:").unwrap_or(0) + number("in-pack:").unwrap_or(0)
}

fn has_bitmap(objects: &Path) -> bool {
    entries(&objects.join("pack")).iter().any(|path| path.extension().is_some_and(|ending| ending == "bitmap"))
}

fn look_at_store(repository: &Repository, site: &Site) -> StoreFacts {
    let (unwritable, clock_ahead) = match write_and_remove(site) {
        Ok(ahead) => (None, ahead),
        Err(error) => (Some(error.to_string()), 0),
    };
    let device = |path: &Path| std::fs::metadata(path).map(|metadata| os::device(&metadata)).ok();
    StoreFacts {
        place: site.store.clone(),
        unwritable,
        room: Room::at(&site.store),
        expired: count_expired(site).unwrap_or(0),
        same_disk: device(&site.store) == device(&repository.common_dir()),
        clock_ahead,
    }
}

fn count_expired(site: &Site) -> Result<usize> {
    let store = host_store(site);
    Ok(expired(&Catalog::read(&store, &site.name)?, clock::now())?.len())
}

/// Writes a file as a backup would, durably, and returns how far its time is ahead of ours, in seconds.
fn write_and_remove(site: &Site) -> Result<i64> {
    use crate::error::AtPath;
    let name = format!("{}{}", durable::TEMPORARY_PREFIX, durable::random_name());
    let path = site.store.join(name);
    let written = durable::write_new(&path, b"a trial of git cairn doctor\n", site.modes);
    let time = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
    let _ = std::fs::remove_file(&path);
    written?;
    let now = clock::now();
    Ok(Timestamp::try_from(time.at("read", &path)?).unwrap_or(now).as_second() - now.as_second())
}

/// Returns the kind of network file system a path lies on.
fn remote_kind(path: &Path) -> Option<&'static str> {
    let path = path.ancestors().find(|path| path.exists())?;
    let kind = os::file_system_kind(path)?;
    REMOTE.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name)
}

fn jobs(state: &State) -> Result<JobFacts> {
    if !state.folder().is_dir() {
        return Ok(JobFacts::default());
    }
    let database = state.database()?;
    let (waiting, running, failed) = database.job_counts()?;
    let oldest = database.next_job(0)?.map(|job| (job.what.at, job.error));
    Ok(JobFacts { waiting, running, failed, oldest })
}

/// Reads the audit, and opens it as a push that is to be written down would.
fn audit(state: &State) -> Result<(u64, Option<String>), String> {
    let log = Log::of(state);
    let bytes = log.read().map_err(|error| error.to_string())?;
    if log.path().exists() {
        let opened = std::fs::OpenOptions::new().append(true).open(log.path());
        opened.map_err(|error| format!("cannot append to {}: {error}", log.path().display()))?;
    }
    let report = verify(&bytes, &[]);
    let lines = bytes.lines().count() as u64;
    Ok((lines, report.problems.first().map(ToString::to_string)))
}

/// Whose pushes came neither over ssh nor over http, but for the owner's. What cannot be read names nobody.
fn by_path(state: &State, owner: &str) -> Vec<String> {
    let who = Log::of(state).lines().unwrap_or_default().into_iter().map(|line| line.entry.who);
    let mut names: Vec<_> = who
        .filter(|who| who.transport == "file" && matches!(who.known_by.as_str(), "unix" | "ssh") && who.name != owner)
        .map(|who| who.name)
        .collect();
    names.sort();
    names.dedup();
    names
}

fn unstored(
    repository: &Repository,
    site: &Site,
    state: &State,
    restored: Option<&Restored>,
) -> Result<Option<Vec<String>>> {
    let (database, list) = (state.database()?, Frozen::now(repository)?.list);
    if restored.is_some_and(|restored| restored.held_by.is_some()) || is_stored(&database, &list)? {
        return Ok(None);
    }
    let newest = database.last_snapshot()?.or_else(|| restored?.from.clone());
    let stored = newest.and_then(|id| refs_of(&host_store(site), &site.name, &id).ok());
    let head = stored.as_ref().and_then(|stored| turned("HEAD", head_of(stored), head_of(&list)));
    let stored = stored.map(|list| list.refs).unwrap_or_default();
    let all: BTreeSet<&RefName> = list.refs.keys().chain(stored.keys()).collect();
    let changed = all.into_iter().filter_map(|name| match (stored.get(name), list.refs.get(name)) {
        (Some(RefValue::Symbolic(old, _)), Some(RefValue::Symbolic(new, _))) => {
            turned(&name.to_string(), old.to_string(), new.to_string())
        }
        (old, new) => (old != new).then(|| name.to_string()),
    });
    Ok(Some(head.into_iter().chain(changed).collect()))
}

/// What HEAD is on, in words.
fn head_of(list: &RefList) -> String {
    match &list.head {
        Head::On(name, _) | Head::Unborn(name) => name.to_string(),
        Head::Detached(id) => id.to_string(),
    }
}

/// Says of a reference that names another than it did which; `None`: it does not.
fn turned(name: &str, old: String, new: String) -> Option<String> {
    (old != new).then(|| format!("{name}, which was on {old} and is on {new}"))
}

/// What the last backup that was made before this repository was set up knows of its hooks: no backup holds them.
fn lost(site: &Site, state: &State, hooks: &hook::Facts) -> Result<Vec<PathBuf>> {
    let Some(begun) = Log::of(state).lines()?.first().map(|line| line.entry.at) else { return Ok(vec![]) };
    let store = host_store(site);
    let catalog = Catalog::read(&store, &site.name)?;
    let before = catalog.good().find(|manifest| manifest.refs_at < begun);
    let lost = before.into_iter().flat_map(|from| lost_hooks(from, &hooks.resolved));
    Ok(lost.map(|hook| hooks.resolved.join(&hook.name)).collect())
}

fn served(site: &Site) -> Vec<ServedFolder> {
    let folders = site.environments.iter().filter_map(|one| Some((one.name.to_string(), one.worktree.clone()?)));
    let folders: Vec<_> = folders.collect();
    let real = |folder: &Path| os::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let one = |(environment, folder): &(String, PathBuf)| {
        let same = |(other, its): &&(String, PathBuf)| other != environment && real(its) == real(folder);
        ServedFolder {
            environment: environment.clone(),
            folder: folder.clone(),
            is_there: folder.is_dir(),
            also: folders.iter().find(same).map(|(other, _)| other.clone()),
        }
    };
    folders.iter().map(one).collect()
}

fn unreadable(site: &Site) -> Result<Vec<String>> {
    let store = host_store(site);
    Ok(Catalog::read(&store, &site.name)?.newest_damaged().map(ToString::to_string).collect())
}

fn backups(repository: &Repository, site: &Site) -> Result<Vec<Backed>> {
    let store = host_store(site);
    let catalog = Catalog::read(&store, &site.name)?;
    let mut all = Vec::new();
    for environment in &site.environments {
        let newest = match catalog.of(environment.name.as_str()).first() {
            Some(manifest) => Some(Newest {
                id: manifest.id.to_string(),
                at: manifest.refs_at,
                proven: is_proven(&store, &site.name, manifest)?,
                damaged: has_problem(&store, &site.name, manifest)?,
            }),
            None => None,
        };
        let exists = repository.ref_id(&environment.branch)?.is_some();
        all.push(Backed { environment: environment.name.to_string(), exists, newest });
    }
    Ok(all)
}
