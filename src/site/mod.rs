//! What a site is: its names, its environments and the rules its git config sets. Values only; nothing here reads a file.

mod capture;
mod environment;
mod meta;
mod template;

pub use capture::{CAPTURE_FILE_MAX, CaptureRules};
pub use environment::{Environment, EnvironmentName};
pub use meta::{META_BYTES_MAX, META_REF, Meta, MetaEnvironment, PROTOCOL};
pub use template::TagTemplate;

use crate::clock;
use crate::durable::Modes;
use crate::error::{Error, Result};
use crate::git::{Config, RefName};
use std::path::PathBuf;
use std::time::Duration;

/// Everything below this belongs to us; clients neither see nor write it.
pub const HIDDEN_REFS: &str = "refs/cairn/";
/// The environments that exist unless the config says otherwise, the first of them where people develop.
pub const DEFAULT_ENVIRONMENTS: [&str; 3] = ["dev", "test", "live"];
/// The template of deployment tags unless the config says otherwise.
pub const DEFAULT_TEMPLATE: &str = "{env}_{n}";
/// How long a hook waits for a snapshot before it goes on without the pusher.
const DEFAULT_HOOK_BUDGET: Duration = Duration::from_secs(2);
/// What must stay free on a file system that a snapshot writes to, in bytes.
const DEFAULT_RESERVE: u64 = 2 << 30;
/// How many days a backup is kept that a push to the first environment made.
const DEFAULT_KEEP_AUTOMATIC: u32 = 8;
/// How many days what pushes dropped is kept.
const DEFAULT_KEEP_RESCUES: u32 = 90;
/// How many days deployments and backups made by hand are kept.
const DEFAULT_KEEP: u32 = 365;

/// The code of the error that a repository is not set up.
pub const NOT_SET_UP: &str = "not-set-up";

/// When a push makes a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotOn {
    /// Every push.
    EveryPush,
    /// A push that deploys.
    Deployments,
}

/// A site as its repository's config describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// `cairn.id`: random, made by `setup`, the same for as long as the site lives.
    pub id: String,
    /// `cairn.site`: what people call it, and its folder in a store.
    pub name: String,
    /// `cairn.store`: where archives lie.
    pub store: PathBuf,
    /// The environments, the first being where people develop.
    pub environments: Vec<Environment>,
    /// `cairn.tagTemplate`.
    pub template: TagTemplate,
    /// `cairn.snapshot`.
    pub snapshot: SnapshotOn,
    /// `cairn.keepAutomatic`, in days.
    pub keep_automatic_days: u32,
    /// `cairn.keepFor`, in days.
    pub keep_days: u32,
    /// `cairn.keepRescues`, in days.
    pub keep_rescues_days: u32,
    /// `cairn.hookBudget`.
    pub hook_budget: Duration,
    /// `cairn.reserve`, in bytes.
    pub reserve_bytes: u64,
    /// `core.sharedRepository`, as the modes of what we make.
    pub modes: Modes,
}

impl Site {
    /// Reads the site from a repository's config.
    ///
    /// Returns [`crate::error::Kind::NotFound`] where `setup` has not been run, and a usage error that names the key
    /// for a value that makes no sense.
    pub fn from_config(config: &Config) -> Result<Self> {
        let (site, mut unclear) = Self::for_hook(config)?;
        if unclear.is_empty() { Ok(site) } else { Err(unclear.swap_remove(0)) }
    }

    /// Reads the site for a hook, which no typo in a key that concerns backups alone must stop: such a key has its default,
    /// and its error is returned beside the site.
    ///
    /// Returns an error, as [`Site::from_config`] does, for what the guard and the deployments need.
    pub fn for_hook(config: &Config) -> Result<(Self, Vec<Error>)> {
        let need = |key: &str| {
            config.get("cairn", key).ok_or_else(|| {
                Error::not_found(NOT_SET_UP, format!("this repository is not set up: it has no cairn.{key}"))
                    .hint("set it up on the host: git cairn setup; in a clone there is: git cairn deployments")
            })
        };
        let (id, name, store) = (need("id")?, need("site")?, need("store")?);
        check_site_name(&name)?;
        let (environments, template) = Self::environments_of(config)?;
        let mut settings = Settings { config, unclear: vec![] };
        let site = Self {
            id,
            name,
            store: parse_store(&store)?,
            environments,
            template,
            snapshot: settings.read("snapshot", SnapshotOn::EveryPush, parse_snapshot),
            keep_automatic_days: settings.read("keepAutomatic", DEFAULT_KEEP_AUTOMATIC, clock::parse_days),
            keep_days: settings.read("keepFor", DEFAULT_KEEP, clock::parse_days),
            keep_rescues_days: settings.read("keepRescues", DEFAULT_KEEP_RESCUES, clock::parse_days),
            hook_budget: settings.read("hookBudget", DEFAULT_HOOK_BUDGET, clock::parse_span),
            reserve_bytes: settings.read("reserve", DEFAULT_RESERVE, parse_size),
            modes: Modes::from_shared_repository(&config.get("core", "sharedRepository").unwrap_or_default())?,
        };
        Ok((site, settings.unclear))
    }

    /// Reads only the environments and the template, for a clone whose host does not tell them.
    pub fn environments_of(config: &Config) -> Result<(Vec<Environment>, TagTemplate)> {
        let template = config.get("cairn", "tagTemplate");
        Ok((environments(config)?, TagTemplate::new(template.as_deref().unwrap_or(DEFAULT_TEMPLATE))?))
    }

    /// Returns the environment of that name.
    ///
    /// Returns [`crate::error::Kind::NotFound`], naming those there are.
    pub fn environment(&self, name: &str) -> Result<&Environment> {
        self.environments.iter().find(|environment| environment.name.as_str() == name).ok_or_else(|| {
            let names: Vec<_> = self.environments.iter().map(|environment| environment.name.as_str()).collect();
            let name = crate::text::shown(name.as_bytes());
            Error::not_found("no-environment", format!("there is no environment {name}")).hint(format!(
                "this site has {}; another is added with git cairn setup --env <name>=<branch>",
                names.join(", ")
            ))
        })
    }

    /// Returns the environment where people develop.
    pub fn first(&self) -> &Environment {
        &self.environments[0]
    }

    /// Tells whether a push to this environment is a deployment: every one but the first.
    pub fn deploys(&self, environment: &Environment) -> bool {
        environment.name != self.first().name
    }

    /// Returns the environment whose branch this is.
    pub fn of_branch(&self, branch: &RefName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.branch == *branch)
    }

    /// Returns the environment and number that a tag's short name stands for, if the template makes such names.
    pub fn parse_tag(&self, short: &str) -> Option<(&Environment, u64)> {
        self.environments
            .iter()
            .filter(|environment| self.deploys(environment))
            .find_map(|environment| Some((environment, self.template.number(&environment.name, short)?)))
    }

    /// Returns what clients are told of the site.
    pub fn meta(&self) -> Meta {
        let environments = self.environments.iter().map(|environment| MetaEnvironment {
            name: environment.name.to_string(),
            branch: crate::text::json_text(environment.branch.short()),
            from: environment.from.as_ref().map(ToString::to_string),
        });
        Meta {
            protocol: PROTOCOL,
            site: self.name.clone(),
            environments: environments.collect(),
            tag_template: self.template.to_string(),
        }
    }
}

/// Checks a site's name: it is a folder of the store and a word of the command line.
pub fn check_site_name(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !name.is_empty()
        && name.len() <= 100
        && name.chars().all(good)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return Ok(());
    }
    Err(Error::usage(format!("not a name for a site: {:?}", crate::text::shown(name.as_bytes())))
        .hint("use letters, digits, '.', '_' and '-', beginning with a letter or a digit: --site <name>"))
}

fn parse_store(text: &str) -> Result<PathBuf> {
    if text.contains("://") {
        return Err(Error::usage(format!("cairn.store = {text}: a store is a directory"))
            .hint("name an absolute path: git cairn setup --store <dir>"));
    }
    let path = PathBuf::from(text);
    if !path.is_absolute() {
        return Err(Error::usage(format!("cairn.store = {text} is not an absolute path"))
            .hint("name an absolute one: git cairn setup --store <dir>"));
    }
    Ok(path)
}

/// Keys of `[cairn]` that have defaults.
struct Settings<'a> {
    config: &'a Config,
    unclear: Vec<Error>,
}

impl Settings<'_> {
    /// Reads one, and where it makes no sense takes the default and notes why.
    fn read<T>(&mut self, key: &str, default: T, parse: impl Fn(&str) -> Result<T>) -> T {
        let Some(text) = self.config.get("cairn", key) else { return default };
        parse(&text).unwrap_or_else(|error| {
            self.unclear.push(error.while_doing(format!("cairn.{key}")));
            default
        })
    }
}

fn parse_snapshot(text: &str) -> Result<SnapshotOn> {
    match text {
        "every-push" => Ok(SnapshotOn::EveryPush),
        "deployments" => Ok(SnapshotOn::Deployments),
        other => Err(Error::usage(format!("{other:?} is neither every-push nor deployments"))
            .hint("say which: git config cairn.snapshot every-push")),
    }
}

fn parse_size(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => Some(0),
        "k" | "kib" => Some(10),
        "m" | "mib" => Some(20),
        "g" | "gib" => Some(30),
        "t" | "tib" => Some(40),
        _ => None,
    };
    let amount: Option<u64> = digits.trim().parse().ok();
    let bytes = amount.zip(shift).and_then(|(amount, shift)| amount.checked_mul(1 << shift));
    bytes.ok_or_else(|| Error::usage(format!("{text:?} is no size")).hint("write it as 500MiB or 2GiB"))
}

/// Reads the environments: the three default ones and every `[cairn "<name>"]` section, in that order.
fn environments(config: &Config) -> Result<Vec<Environment>> {
    let mut names: Vec<String> = DEFAULT_ENVIRONMENTS.iter().map(|name| (*name).to_owned()).collect();
    for name in config.subsections("cairn") {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut environments: Vec<Environment> = Vec::new();
    for name in names {
        let name = EnvironmentName::new(&name)?;
        let branch = config.get_in("cairn", name.as_str(), "branch");
        let branch = branch.unwrap_or_else(|| Environment::default_branch(&name));
        let from = config.get_in("cairn", name.as_str(), "from").map(|from| EnvironmentName::new(&from)).transpose()?;
        // test takes what dev is, live what test is: each the one before it.
        let from = from.or_else(|| environments.last().map(|before| before.name.clone()));
        let worktree = config.get_in("cairn", name.as_str(), "worktree").map(PathBuf::from);
        environments.push(Environment::new(name, &branch, from, worktree)?);
    }
    for (position, one) in environments.iter().enumerate() {
        if let Some(other) = environments[..position].iter().find(|other| other.branch == one.branch) {
            let message =
                format!("environments {} and {} share the branch {}", other.name, one.name, one.branch.short());
            return Err(Error::usage(message).hint(format!("give {} another: --env {}=<branch>", one.name, one.name)));
        }
        if let Some(from) = one.from.as_ref().filter(|from| !environments.iter().any(|e| e.name == **from)) {
            return Err(Error::usage(format!("cairn.{}.from = {from} is no environment", one.name))
                .hint(format!("name one there is: git config cairn.{}.from <environment>", one.name)));
        }
    }
    Ok(environments)
}

#[cfg(test)]
mod tests;
