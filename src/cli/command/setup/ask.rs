//! What setup asks on a terminal: first for what it cannot see, then whether to do what that makes of it.

use super::show;
use crate::cli::declined;
use crate::cli::ui::Ui;
use crate::error::{Error, Result};
use crate::git::{Config, RefName, Repository};
use crate::setup::{Options, SetupPlan, WantedEnvironment, check_host, default_store, look};
use crate::site::DEFAULT_ENVIRONMENTS;
use crate::text::{json_text, shown};
use std::path::{Path, PathBuf};

/// The answer that there is none.
const NONE: &str = "none";
/// How many branches are named before a question.
const BRANCHES_TOLD: usize = 12;
/// Branches that people call so where we say `test` and `live`.
const CUSTOM: [(&str, [&str; 3]); 2] =
    [("test", ["staging", "stage", "testing"]), ("live", ["production", "prod", "release"])];

/// Asks for what is missing, shows the plan, and asks for a yes to it; where nothing is to be changed nothing is asked.
///
/// Returns [`crate::error::Kind::Unconfirmed`] where the answer is no. Nothing is written.
pub(super) fn agree(repository: &Repository, options: &mut Options, ui: &Ui) -> Result<SetupPlan> {
    check_host(repository)?;
    let config = repository.config();
    // What is set up already, or was before, says everything itself.
    if config.get("cairn", "id").is_none() && options.from.is_none() {
        environments(repository, &config, options, ui)?;
        store(repository, &config, options, ui)?;
    }
    let plan = look(repository, options)?;
    options.id = Some(plan.site.id.clone());
    if plan.changes.is_empty() {
        return Ok(plan);
    }
    ui.say(&format!("This is what setup will do in {}:", repository.git_dir().display()));
    show::before_asking(repository, &plan, ui)?;
    if ui.ask("Do it?") { Ok(plan) } else { Err(stopped()) }
}

fn stopped() -> Error {
    declined("setting this up")
}

/// Asks until the answer makes sense; an empty one is the default.
fn ask<T>(ui: &Ui, question: &str, default: &str, mut read: impl FnMut(&str) -> Result<T, String>) -> Result<T> {
    loop {
        let answer = ui.ask_for(&format!("{question} [{}]", shown(default.as_bytes()))).ok_or_else(stopped)?;
        match read(if answer.is_empty() { default } else { &answer }) {
            Ok(read) => return Ok(read),
            Err(why) => ui.warn(&why),
        }
    }
}

/// An environment, and what of it is known.
struct Known {
    name: String,
    /// Its branch, where a flag, the config or the repository says it.
    branch: Option<String>,
    /// Whether a flag or the config says all there is to say.
    whole: bool,
}

/// What flags and config say of the environments that will be.
fn known(config: &Config, options: &Options) -> Vec<Known> {
    let mut names: Vec<String> = DEFAULT_ENVIRONMENTS.map(str::to_owned).into();
    names.extend(config.subsections("cairn"));
    names.extend(options.environments.iter().map(|wanted| wanted.name.clone()));
    let mut all: Vec<Known> = Vec::new();
    for name in names {
        if all.iter().any(|other| other.name == name) {
            continue;
        }
        let flag = options.environments.iter().rev().find(|wanted| wanted.name == name);
        let worktree = config.get_in("cairn", &name, "worktree");
        let branch = flag.map(|wanted| wanted.branch.clone()).or_else(|| config.get_in("cairn", &name, "branch"));
        all.push(Known { name, branch, whole: flag.is_some() || worktree.is_some() });
    }
    all
}

/// Asks which branch an environment is, where neither a flag, the config nor a branch of its own name says it, and then which
/// folder is served as it.
fn environments(repository: &Repository, config: &Config, options: &mut Options, ui: &Ui) -> Result<()> {
    let branches: Vec<String> =
        repository.refs_below("refs/heads/")?.iter().map(|(name, _)| json_text(name.short())).collect();
    let head = repository.all_refs()?.head.on().filter(|on| on.is_below("refs/heads/")).map(|on| json_text(on.short()));
    let mut all = known(config, options);
    for position in 0..all.len() {
        if all[position].branch.is_some() {
            continue;
        }
        let taken: Vec<&String> = all.iter().filter_map(|one| one.branch.as_ref()).collect();
        let free: Vec<&String> = branches.iter().filter(|branch| !taken.contains(branch)).collect();
        let own = if position == 0 { head.clone() } else { Some(all[position].name.clone()) };
        let seen = own.as_ref().is_some_and(|own| branches.contains(own));
        all[position].branch = match own {
            Some(own) if seen || free.is_empty() => Some(own),
            own => Some(branch(&all[position].name, own, &free, ui)?),
        };
    }
    for one in all.iter().filter(|one| !one.whole) {
        let question = format!("Which folder is served as {}, if one is?", one.name);
        let worktree = ask(ui, &question, NONE, folder)?;
        let branch = one.branch.clone().unwrap_or_else(|| one.name.clone());
        let said = config.get_in("cairn", &one.name, "branch").is_some();
        if worktree.is_some() || !said && branch != one.name {
            options.environments.push(WantedEnvironment { name: one.name.clone(), branch, worktree });
        }
    }
    Ok(())
}

/// Asks which branch an environment is.
fn branch(name: &str, own: Option<String>, free: &[&String], ui: &Ui) -> Result<String> {
    let told: Vec<_> = free.iter().take(BRANCHES_TOLD).map(|branch| shown(branch.as_bytes())).collect();
    let more = if free.len() > told.len() { ", ..." } else { "" };
    ui.say(&format!("Branches: {}{more}", told.join(", ")));
    let custom = CUSTOM.iter().find(|(of, _)| *of == name).map(|(_, words)| words);
    let guess = custom.and_then(|words| free.iter().find(|branch| words.contains(&branch.as_str())));
    let default = guess.or(free.first().filter(|_| own.is_none())).map(|branch| (*branch).clone()).or(own);
    ask(ui, &format!("Which branch is {name}?"), &default.unwrap_or_default(), |answer| {
        RefName::branch(answer).map(|_| answer.to_owned()).ok_or_else(|| format!("{answer:?} can be no branch"))
    })
}

/// Reads the answer to the question for a folder.
fn folder(answer: &str) -> Result<Option<PathBuf>, String> {
    if answer == NONE {
        return Ok(None);
    }
    let path = Path::new(answer);
    match (path.is_absolute(), path.is_dir()) {
        (true, true) => Ok(Some(path.to_owned())),
        (true, false) => Err(format!("there is no folder {}", path.display())),
        (false, _) => Err("name it by its absolute path".into()),
    }
}

/// Asks where the archives go.
fn store(repository: &Repository, config: &Config, options: &mut Options, ui: &Ui) -> Result<()> {
    if options.store.is_some() || config.get("cairn", "store").is_some() {
        return Ok(());
    }
    let beside = default_store(repository);
    let Some(default) = beside.to_str() else { return Ok(()) };
    let question = "Where do archives go? Another disk is best.";
    options.store = Some(ask(ui, question, default, |answer| {
        let path = PathBuf::from(answer);
        if path.is_absolute() { Ok(path) } else { Err("name it by its absolute path".to_owned()) }
    })?);
    Ok(())
}
