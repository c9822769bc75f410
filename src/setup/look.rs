//! What a repository lacks to be a host. Nothing is written here.

use super::config_file::{ConfigFile, Setting};
use crate::audit::Log;
use crate::backup::{Catalog, HookFile, Manifest, StoreSite, Tenant, host_store, id_of_living, is_gone, select};
use crate::durable::random_name;
use crate::error::{AtPath, Error, Result};
use crate::git::{Config, ObjectId, RefName, Repository, Spelling};
use crate::hook::{Event, InstallPlan, Step, facts, plan_install};
use crate::os;
use crate::queue::State;
use crate::site::{Environment, HIDDEN_REFS, META_BYTES_MAX, META_REF, Site, check_site_name};
use crate::store::{LocalStore, Store};
use crate::text::{count, shell_word};
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

/// The code of the error that a repository has a work tree.
pub const NOT_BARE: &str = "not-bare";

/// An environment that a flag names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedEnvironment {
    /// Its name.
    pub name: String,
    /// The short name of its branch.
    pub branch: String,
    /// The folder that is served, if one was named.
    pub worktree: Option<PathBuf>,
}

impl WantedEnvironment {
    /// Reads `<name>=<branch>[:<work tree>]`.
    ///
    /// Returns a usage error for anything of another form.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!(
                "--env {}: not of the form <name>=<branch>[:<work tree>]",
                crate::text::shown(text.as_bytes())
            ))
            .hint("for instance: --env live=live:/srv/www/live")
        };
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        // A branch's name holds no colon, so the first one ends it.
        let (branch, worktree) =
            rest.split_once(':').map_or((rest, None), |(branch, path)| (branch, Some(PathBuf::from(path))));
        if worktree.as_ref().is_some_and(|path| !path.is_absolute()) {
            return Err(wrong().hint("name the work tree by its absolute path"));
        }
        Ok(Self { name: name.into(), branch: branch.into(), worktree })
    }
}

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--store <dir>`.
    pub store: Option<PathBuf>,
    /// `--site <name>`.
    pub site: Option<String>,
    /// `--env`, repeated.
    pub environments: Vec<WantedEnvironment>,
    /// `--from <backup>`.
    pub from: Option<String>,
    /// `--no-backup`.
    pub no_backup: bool,
    /// Our own command, for the hooks.
    pub git_cairn: PathBuf,
    /// The id that a new site gets; `None`: a random one.
    pub id: Option<String>,
    /// Whether the guard of a new site only warns, where nothing says what it does.
    pub warn: bool,
}

/// One thing to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Set a key of the repository's config.
    Set {
        /// The key, as git config takes it.
        key: String,
        /// The value.
        value: String,
        /// Whether other values of the key stay.
        add: bool,
    },
    /// Put our hooks in place.
    Hooks(InstallPlan),
    /// Tell clients of the site.
    Meta(Vec<u8>),
    /// Write the file `description`.
    Description(String),
    /// Make the store's folder.
    Store(PathBuf),
    /// Make the first backup.
    Backup,
}

/// Where an environment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// The short name of its branch.
    pub branch: String,
    /// What the branch holds.
    pub tip: Option<ObjectId>,
    /// Whether it takes deployments.
    pub deploys: bool,
}

/// Everything `setup` would do, and what the person should know.
#[derive(Debug)]
pub struct SetupPlan {
    /// The site as it will be.
    pub site: Site,
    /// What is to be done, in this order.
    pub changes: Vec<Change>,
    /// Where the environments stand.
    pub standing: Vec<Standing>,
    /// What of git's own settings matters.
    pub notes: Vec<String>,
}

impl SetupPlan {
    /// Returns what is to be set in the config, but for where git looks for hooks: that comes after the hooks.
    pub fn settings(&self) -> Vec<Setting> {
        let setting = |change: &Change| match change {
            Change::Set { key, value, add } => Some(Setting { key: key.clone(), value: value.into(), add: *add }),
            _ => None,
        };
        self.changes.iter().filter_map(setting).collect()
    }

    /// Returns the config as it will be when all is done. Nothing is written to the repository.
    pub fn config(&self, repository: &Repository) -> Result<ConfigFile> {
        let mut settings = self.settings();
        for change in &self.changes {
            let Change::Hooks(hooks) = change else { continue };
            settings.extend(hooks.steps.iter().filter_map(|step| match step {
                Step::HooksPath(folder) => {
                    Some(Setting { key: "core.hooksPath".into(), value: folder.into(), add: false })
                }
                _ => None,
            }));
        }
        ConfigFile::planned(&repository.common_dir().join("config"), &settings)
    }
}

/// Tells whether a repository can be a host at all.
///
/// Returns [`crate::error::Kind::Unsafe`] where it has a work tree, or lacks a part of its history.
pub fn check_host(repository: &Repository) -> Result<()> {
    if !repository.is_bare() {
        return Err(Error::refused(
            NOT_BARE,
            format!("{} has a work tree; a host's repository is bare", repository.git_dir().display()),
        )
        .hint("make one: git clone --bare <this> <dir>.git, and run git cairn setup in it"));
    }
    repository.incompleteness().map_or(Ok(()), Err)
}

/// Looks at a repository and plans its setup.
///
/// Returns [`crate::error::Kind::Unsafe`] where it cannot be a host or where the store would not be safe, and usage
/// errors for names that make no sense.
pub fn look(repository: &Repository, options: &Options) -> Result<SetupPlan> {
    check_host(repository)?;
    let mut config = repository.config();
    let mut changes = Vec::new();
    let from = options.from.as_deref().map(|words| origin(options, &config, words)).transpose()?;
    if let Some(from) = &from {
        take_over(from, &mut config, &mut changes);
    }
    settings(repository, options, &mut config, &mut changes)?;
    let site = Site::from_config(&config)?;
    check_store(repository, &site)?;
    check_worktrees(&site)?;
    let emptied = emptied(repository, options, &site)?;
    if !site.store.is_dir() {
        changes.push(Change::Store(site.store.clone()));
    }
    let seen = facts(repository)?;
    let hooks = plan_install(&seen, &options.git_cairn)?;
    let hook_notes = hooks.notes.clone();
    if !hooks.steps.is_empty() {
        changes.push(Change::Hooks(hooks));
    }
    let meta = site.meta().to_bytes();
    let meta_name = RefName::new(META_REF).expect("a valid name");
    let told = repository.ref_id(&meta_name)?.and_then(|id| repository.blob(&id, META_BYTES_MAX));
    if told.as_ref() != Some(&meta) {
        changes.push(Change::Meta(meta));
    }
    let described = from.as_ref().and_then(|from| from.repository.description.clone());
    if let Some(description) = described
        .filter(|text| std::fs::read_to_string(repository.common_dir().join("description")).ok().as_ref() != Some(text))
    {
        changes.push(Change::Description(description));
    }
    if !options.no_backup && !has_backup(&site) {
        changes.push(Change::Backup);
    }
    let standing = standing(repository, &site)?;
    let mut notes = left_behind(repository, &site, options.no_backup);
    notes.extend(emptied);
    notes.extend(not_there(&site));
    notes.extend(git_settings(&config));
    notes.extend(hook_notes);
    match &from {
        Some(from) => notes.extend(missing_hooks(from, &seen.resolved)),
        None => notes.extend(came_from(repository, &site)),
    }
    Ok(SetupPlan { site, changes, standing, notes })
}

/// The keys that every host needs, where they are missing or a flag names them.
fn settings(repository: &Repository, options: &Options, config: &mut Config, changes: &mut Vec<Change>) -> Result<()> {
    let mut set = |config: &mut Config, key: &str, value: String| {
        if config.get_key(key).as_ref() != Some(&value) {
            config.set(key, &value);
            changes.retain(|change| !matches!(change, Change::Set { key: other, .. } if other == key));
            changes.push(Change::Set { key: key.into(), value, add: false });
        }
    };
    let name = folder_name(repository.git_dir());
    if config.get_key("cairn.id").is_none() {
        set(config, "cairn.id", options.id.clone().unwrap_or_else(new_id));
        if options.warn && config.get_key("cairn.guard").is_none() {
            set(config, "cairn.guard", "warn".into());
        }
    }
    let site = options.site.clone().or_else(|| config.get_key("cairn.site")).unwrap_or_else(|| clean_site_name(&name));
    check_site_name(&site)?;
    set(config, "cairn.site", site);
    let store = match &options.store {
        Some(store) => Some(absolute(store)?),
        None if config.get_key("cairn.store").is_some() => None,
        None => Some(default_store(repository)),
    };
    if let Some(store) = store {
        let text = store.to_str().ok_or_else(|| Error::usage("the path of the store is not UTF-8"))?;
        set(config, "cairn.store", text.to_owned());
    }
    for wanted in &options.environments {
        set(config, &format!("cairn.{}.branch", wanted.name), wanted.branch.clone());
        if let Some(worktree) = wanted.worktree.as_ref().and_then(|path| path.to_str()) {
            set(config, &format!("cairn.{}.worktree", wanted.name), worktree.to_owned());
        }
    }
    if config.get_key("cairn.dev.branch").is_none() {
        let head = repository.all_refs()?.head;
        let branch = head.on().filter(|on| on.is_below("refs/heads/")).map(|on| crate::text::json_text(on.short()));
        let branch = branch.ok_or_else(|| {
            Error::usage("HEAD is on no branch, so it is not clear which one people develop on")
                .hint("name it: git cairn setup --env dev=<branch>")
        })?;
        set(config, "cairn.dev.branch", branch);
    }
    if config.is_true("receive", "advertisePushOptions") != Some(true) {
        set(config, "receive.advertisePushOptions", "true".into());
    }
    let hidden = HIDDEN_REFS.trim_end_matches('/');
    let hides = config.all("transfer", "hideRefs");
    if !hides.iter().any(|value| value == hidden) {
        changes.push(Change::Set { key: "transfer.hideRefs".into(), value: hidden.into(), add: !hides.is_empty() });
    }
    Ok(())
}

/// Returns where archives go unless somebody says otherwise: beside the repository.
pub fn default_store(repository: &Repository) -> PathBuf {
    repository.git_dir().with_file_name(format!("{}.cairn", folder_name(repository.git_dir())))
}

/// Makes the id of a site.
pub fn new_id() -> String {
    random_name() + &random_name()
}

/// The last word of the repository's path, without `.git`.
fn folder_name(git_dir: &Path) -> String {
    let name = git_dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match name.strip_suffix(".git") {
        Some("") | None if name == ".git" => "repository".into(),
        Some(short) => short.into(),
        None => name,
    }
}

fn clean_site_name(name: &str) -> String {
    let cleaned: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).take(100).collect();
    let cleaned = cleaned.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if cleaned.is_empty() { "site".into() } else { cleaned.into() }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path).at("find", path)?;
    // A link in the path would let the store slip into a work tree unseen.
    Ok(resolved(&path))
}

/// Refuses a store that a deployment would serve, that would die with the repository, or that another repository writes.
fn check_store(repository: &Repository, site: &Site) -> Result<()> {
    let store = resolved(&site.store);
    let elsewhere = "name another place: git cairn setup --store <dir>";
    let refuse = |what: String| {
        Err(Error::refused("store-place", format!("the store {} lies inside {what}", site.store.display()))
            .hint(elsewhere))
    };
    if store.starts_with(repository.git_dir()) || store.starts_with(repository.common_dir()) {
        return refuse("the repository it is to replace when that is lost".into());
    }
    for environment in &site.environments {
        if let Some(worktree) = environment.worktree.as_ref().filter(|worktree| store.starts_with(resolved(worktree))) {
            return refuse(format!("{}, which is served as {}", worktree.display(), environment.name));
        }
    }
    if let Some(root) = store.ancestors().find(|folder| folder.join(".git").exists()) {
        return refuse(format!("the work tree {}", root.display()));
    }
    let local = LocalStore::new(&site.store, site.modes);
    match Tenant::read(&local, &site.name)? {
        Some(tenant) => tenant.admits(&site.id, &repository.common_dir(), id_of_living, &local.place()),
        None => Ok(()),
    }
}

/// The path with every link in the part that exists followed, and without `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut real = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(real.pop()),
            component => real.push(component),
        }
        real = os::canonicalize(&real).unwrap_or(real);
    }
    real
}

/// Says of a store that was named though it lost its backups that a new one begins there.
///
/// Returns [`crate::error::Kind::NotFound`] where it was not named: what is not mounted is not to be made anew below the mount.
fn emptied(repository: &Repository, options: &Options, site: &Site) -> Result<Option<String>> {
    let (state, config) = (State::of(repository, site.modes), repository.config());
    // A copy without an id, and a site of another name, begin anew there as they should.
    if config.get("cairn", "id").is_none() || options.site.is_some() {
        return Ok(None);
    }
    let known = config.get("cairn", "store").map(PathBuf::from);
    let stays = known.is_some_and(|known| resolved(&known) == resolved(&site.store));
    if !stays || !state.folder().join("jobs.db").is_file() || !is_gone(site, &host_store(site), &state)? {
        return Ok(None);
    }
    let place = shell_word(&site.store);
    if options.store.is_some() {
        return Ok(Some(format!("{place} held backups of {} and holds none now: a new store begins there", site.name)));
    }
    let is = if site.store.is_dir() { "holds nothing of it now" } else { "is not there" };
    Err(Error::not_found(
        "store-gone",
        format!("the store {place} held backups of {} and {is}: is it mounted?", site.name),
    )
    .hint(format!(
        "mount it and type this again; where it is lost, begin a new one there: git cairn setup --store {place}"
    )))
}

/// Refuses one folder for two environments: each would be compared with what the other serves.
fn check_worktrees(site: &Site) -> Result<()> {
    for (position, one) in site.environments.iter().enumerate() {
        let Some(own) = &one.worktree else { continue };
        let same = |other: &&Environment| other.worktree.as_ref().is_some_and(|other| resolved(other) == resolved(own));
        if let Some(other) = site.environments[..position].iter().find(same) {
            let message =
                format!("environments {} and {} are served from one folder, {}", other.name, one.name, own.display());
            return Err(Error::usage(message).hint(format!(
                "name each its own: --env {0}={1}:<folder>; or say that {0} has none: git config --unset cairn.{0}.worktree",
                one.name,
                one.branch.short()
            )));
        }
    }
    Ok(())
}

/// Names the served folders that are not there.
fn not_there(site: &Site) -> Vec<String> {
    let missing = site
        .environments
        .iter()
        .filter_map(|one| Some((one, one.worktree.as_ref().filter(|folder| !folder.is_dir())?)));
    let note = |(one, folder): (&Environment, &PathBuf)| {
        format!(
            "{}, from where {} is served, is not there: edits in it are seen once it is",
            shell_word(folder),
            one.name
        )
    };
    missing.map(note).collect()
}

fn has_backup(site: &Site) -> bool {
    let store = LocalStore::new(&site.store, site.modes);
    Catalog::read(&store, &site.name).is_ok_and(|catalog| catalog.good().next().is_some())
}

/// Says where the backups made so far stay, where others are to go to another store, or under another name.
fn left_behind(repository: &Repository, site: &Site, no_backup: bool) -> Vec<String> {
    let config = repository.config();
    let (Some(store), Some(name)) = (config.get("cairn", "store"), config.get("cairn", "site")) else { return vec![] };
    let old = LocalStore::new(&store, site.modes);
    let stays = resolved(old.root()) == resolved(&site.store) && name == site.name;
    let Some(made) = Catalog::read(&old, &name).ok().map(|catalog| catalog.good().count()).filter(|made| *made > 0)
    else {
        return vec![];
    };
    if stays {
        return vec![];
    }
    let place = format!("--store {} --site {name}", shell_word(&store));
    let next = match (has_backup(site), no_backup) {
        (true, _) => "the next backup goes on from those that are in the new place",
        (false, false) => "the first backup in the new place, made now, is a full one",
        (false, true) => "the next backup, the first in the new place, is a full one",
    };
    vec![format!(
        "{} made so far {} in {}, where none is added, read back or removed any more: git cairn backup list {place}; {next}",
        count(made, "backup"),
        if made == 1 { "stays" } else { "stay" },
        shell_word(&store),
    )]
}

fn standing(repository: &Repository, site: &Site) -> Result<Vec<Standing>> {
    let one = |environment: &Environment| {
        Ok(Standing {
            name: environment.name.to_string(),
            branch: crate::text::shown(environment.branch.short()),
            tip: repository.ref_id(&environment.branch)?,
            deploys: site.deploys(environment),
        })
    };
    site.environments.iter().map(one).collect()
}

/// Says which of git's own settings matter here, and what they will do.
fn git_settings(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    if config.is_true("receive", "denyNonFastForwards") == Some(true) {
        notes.push("receive.denyNonFastForwards is on: git refuses every rollback to an older commit; to allow them: git config receive.denyNonFastForwards false".into());
    }
    if config.is_true("receive", "denyDeletes") == Some(true) {
        notes.push("receive.denyDeletes is on: git refuses to delete branches, those of environments too".into());
    }
    match config.get("core", "fsync") {
        None => notes.push("core.fsync is not set: git itself may lose a push that deploys nothing if the power fails within seconds; deployments are synced by the hook. To sync all: git config core.fsync all".into()),
        Some(value) => notes.push(format!("core.fsync is {value}: it holds for git's own writes; deployments are synced by the hook as well")),
    }
    notes
}

/// The backup that a restored repository came from.
fn origin(options: &Options, config: &Config, words: &str) -> Result<Manifest> {
    let root = options.store.clone().or_else(|| config.get("cairn", "store").map(PathBuf::from));
    let root = root.ok_or_else(|| Error::usage("--from needs the store the backup is in").hint("add --store <dir>"))?;
    let store = LocalStore::existing(&root)?;
    let named = options.site.clone().or_else(|| config.get("cairn", "site"));
    let site = StoreSite::find(&store, named.as_deref())?;
    let catalog = Catalog::read(&store, &site.name)?;
    select(&catalog, words).cloned()
}

/// Keys that say what a repository is on its disk; those of the new one hold.
fn belongs_to_the_disk(key: &str) -> bool {
    let core = [
        "repositoryformatversion",
        "filemode",
        "bare",
        "ignorecase",
        "precomposeunicode",
        "symlinks",
        "worktree",
        "hookspath",
        "logallrefupdates",
    ];
    key.starts_with("extensions.") || core.iter().any(|name| key == format!("core.{name}"))
}

/// Keys whose value git, or a hook, may run as a program or read more config from: a store is no place to trust with that.
fn may_run_something(key: &str) -> bool {
    let sections = [
        "alias.",
        "filter.",
        "hook.",
        "include.",
        "includeif.",
        "credential.",
        "diff.",
        "merge.",
        "gpg.",
        "uploadpack.",
    ];
    let names = [
        "command",
        "sshcommand",
        "fsmonitor",
        "gitproxy",
        "editor",
        "pager",
        "askpass",
        "program",
        "helper",
        "receivepack",
        "uploadpack",
        "onfailure",
    ];
    let name = key.rsplit('.').next().unwrap_or(key);
    sections.iter().any(|section| key.starts_with(section)) || names.contains(&name)
}

/// Takes over what the lost repository's own config said and this one's own does not.
fn take_over(from: &Manifest, config: &mut Config, changes: &mut Vec<Change>) {
    let known: HashSet<String> = config.local().map(|(key, _)| key.to_string()).collect();
    let spelling = Spelling::of_git();
    let mut taken = HashSet::new();
    for (key, value) in &from.repository.config {
        let stays =
            known.contains(key) || belongs_to_the_disk(key) || key == "cairn.store" || key == "transfer.hiderefs";
        if !stays && !may_run_something(key) {
            config.set(key, value);
            // Nothing is there yet; of a key with several values the next ones come to the first.
            let add = !taken.insert(key);
            changes.push(Change::Set { key: spelling.of(key), value: value.clone(), add });
        }
    }
}

/// Names the backup that holds more of a repository which has backups and was not set up here before: a restore made it.
fn came_from(repository: &Repository, site: &Site) -> Option<String> {
    if Log::of(&State::of(repository, site.modes)).path().try_exists().unwrap_or(true) {
        return None;
    }
    let store = LocalStore::new(&site.store, site.modes);
    let catalog = Catalog::read(&store, &site.name).ok()?;
    let id = &catalog.good().next()?.id;
    Some(format!(
        "there are backups of {}; to take over the config that a restored repository lost, and to see which hooks it had: git cairn setup --from {id}",
        site.name
    ))
}

/// The hooks of a backup's repository, but for our own, that are not in this folder.
pub fn lost_hooks<'m>(from: &'m Manifest, folder: &'m Path) -> impl Iterator<Item = &'m HookFile> {
    let ours = Event::ALL.map(Event::name);
    let is_lost = move |hook: &&HookFile| !ours.contains(&hook.name.as_str()) && !folder.join(&hook.name).exists();
    from.repository.hooks.iter().filter(is_lost)
}

fn missing_hooks(from: &Manifest, folder: &Path) -> Vec<String> {
    let spelling = Spelling::of_git();
    let note = |hook: &HookFile| {
        let path = folder.join(&hook.name);
        format!(
            "the hook {} was there before and is in no backup (its SHA-256 was {}); put it back",
            path.display(),
            hook.sha256.as_deref().unwrap_or("not known")
        )
    };
    let left_out = from
        .repository
        .config_left_out
        .iter()
        .map(|key| format!("{} holds a secret and is in no backup; set it again", spelling.of(key)));
    let known = from.repository.config.iter().filter(|(key, _)| may_run_something(key));
    let not_taken = known.map(|(key, value)| {
        let key = spelling.of(key);
        format!("{key} = {value} was set before; it may run a program, so it is not taken from a store: set it again if you meant it")
    });
    lost_hooks(from, folder).map(note).chain(left_out).chain(not_taken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_read_from_its_flag() {
        let wanted = WantedEnvironment::parse("live=release/live:/srv/www/live").unwrap();
        assert_eq!((wanted.name.as_str(), wanted.branch.as_str()), ("live", "release/live"));
        assert_eq!(wanted.worktree.as_deref(), Some(Path::new("/srv/www/live")));
        assert!(WantedEnvironment::parse("live").is_err());
        assert!(WantedEnvironment::parse("live=x:relative").is_err());
    }

    #[test]
    fn a_site_is_named_after_its_folder() {
        assert_eq!(folder_name(Path::new("/srv/my.site.git")), "my.site");
        assert_eq!(folder_name(Path::new("/srv/plain")), "plain");
        assert_eq!(folder_name(Path::new("/srv/.git")), "repository");
        assert_eq!(clean_site_name("ü site"), "site");
        assert_eq!(clean_site_name("--"), "site");
    }
}
