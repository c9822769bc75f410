//! `git cairn setup`.

mod ask;
mod show;
mod sites;
mod template;
mod undo;

use crate::backup::{Manifest, host_store, how_proven, is_proven};
use crate::cli::arguments::Setup;
use crate::cli::command::hooks::step_told;
use crate::cli::done;
use crate::cli::progress::Bar;
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::queue::State;
use crate::setup::{Change, Options, SetupPlan, Standing, WantedEnvironment, apply, begin, first_backup, look};
use crate::text::shell_word;
use crate::worker::{git_cairn, snapshot_lock, start};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// Makes the repository a host, or says what that would do. On a terminal it asks for what it cannot see, shows what it would
/// do, and asks once.
pub fn run(place: &Place, what: Setup, ui: &mut Ui) -> Result<ExitCode> {
    if what.undo {
        return undo::take_back(&Repository::discover(place)?, &what, ui);
    }
    let mut options = options(&what)?;
    if let Some(root) = &what.sites {
        return sites::run(root, &what, &options, ui);
    }
    if let Some(folder) = &what.template {
        return template::run(folder, &what, &options, ui);
    }
    let repository = Repository::discover(place)?;
    let agreed =
        if what.dry_run || what.yes || !ui.can_ask() { None } else { Some(ask::agree(&repository, &mut options, ui)?) };
    let how = How { dry_run: what.dry_run, wait: clock::parse_span(&what.wait)? };
    let made = set_up(&repository, how, &options, agreed.as_ref())?;
    report(&repository, &made, &what, ui)
}

fn options(what: &Setup) -> Result<Options> {
    Ok(Options {
        store: what.store.clone(),
        site: what.site.clone(),
        environments: what.environments.iter().map(|text| WantedEnvironment::parse(text)).collect::<Result<_>>()?,
        from: what.from.clone(),
        no_backup: what.no_backup,
        git_cairn: git_cairn()?,
        ..Options::default()
    })
}

fn mark(dry_run: bool) -> &'static str {
    if dry_run { "would: " } else { "done: " }
}

/// A repository that was set up, or would be.
struct SetUp {
    plan: SetupPlan,
    /// The first backup.
    backup: Option<String>,
    /// Whether every object of that was read.
    proven: bool,
}

/// How it is set up.
#[derive(Debug, Clone, Copy)]
struct How {
    dry_run: bool,
    /// How long to wait for another git-cairn.
    wait: Duration,
}

/// Sets up, or in a dry run only looks. Of a plan that was agreed to exactly that is done.
///
/// Returns [`Kind::Moved`] where the repository is no longer what it was then.
fn set_up(repository: &Repository, how: How, options: &Options, agreed: Option<&SetupPlan>) -> Result<SetUp> {
    let mut plan = look(repository, options)?;
    let (mut backup, mut proven) = (None, true);
    if !how.dry_run {
        // What cannot be set up is refused before anything is written; what can is looked at again under the lock, for two
        // setups at once must not each invent a site.
        let state = State::of(repository, plan.site.modes);
        let _lock = snapshot_lock(&state, how.wait)?;
        let repository = Repository::open(repository.git_dir())?;
        plan = look(&repository, options)?;
        if agreed.is_some_and(|agreed| agreed.changes != plan.changes) {
            let message = "the repository changed since you were asked; nothing was done";
            return Err(Error::new(Kind::Moved, "moved", message).hint("run git cairn setup again"));
        }
        // A push is judged as soon as the repository is set up, and is not to be the first line of the audit.
        begin(&repository, &plan.site)?;
        apply(&repository, &plan)?;
        if plan.changes.contains(&Change::Backup) {
            let made = first(&Repository::open(repository.git_dir())?, how.wait)?;
            proven = is_proven(&host_store(&plan.site), &plan.site.name, &made)?;
            backup = Some(made.id.to_string());
        }
    }
    if !proven {
        start(repository)?;
    }
    Ok(SetUp { plan, backup, proven })
}

/// Makes the first backup, which may take long.
fn first(repository: &Repository, wait: Duration) -> Result<Manifest> {
    let bar = Bar::stages(4);
    let made = first_backup(repository, wait, &mut |stage| bar.stage(stage));
    made.map_err(|error| error.while_doing("the repository is set up, and its first backup is not made"))
}

fn report(repository: &Repository, made: &SetUp, what: &Setup, ui: &mut Ui) -> Result<ExitCode> {
    let SetUp { plan, backup, proven } = made;
    let changes: Vec<_> = plan.changes.iter().flat_map(described).collect();
    if ui.wants_json() {
        ui.document(&document(plan, &changes, what.dry_run, backup.as_deref()));
        return done();
    }
    if what.dry_run {
        show::plan(repository, plan, ui)?;
    } else {
        for change in &changes {
            ui.result(&format!("{}{change}", mark(false)));
        }
    }
    if changes.is_empty() {
        ui.result("nothing to change");
    }
    for standing in &plan.standing {
        ui.result(&stands(standing));
    }
    for note in &plan.notes {
        ui.hint(note);
    }
    if let Some(id) = backup {
        ui.say(&format!("first backup {id}, {}", how_proven(*proven)));
        ui.hint(&format!(
            "to restore it: git cairn restore {id} --store {} --to <dir> --bare",
            shell_word(&plan.site.store)
        ));
    }
    done()
}

fn described(change: &Change) -> Vec<String> {
    let one = match change {
        Change::Set { key, value, add: false } => format!("config {key} = {value}"),
        Change::Set { key, value, add: true } => format!("config {key} = {value} (added to what is there)"),
        Change::Hooks(hooks) => return hooks.steps.iter().filter_map(step_told).collect(),
        Change::Meta(_) => format!("reference {}, by which clones know the site", crate::site::META_REF),
        Change::Description(_) => "description, as it was".into(),
        Change::Store(folder) => format!("store {}", shell_word(folder)),
        Change::Backup => "first backup".into(),
    };
    vec![one]
}

fn stands(standing: &Standing) -> String {
    let Standing { name, branch, tip, deploys } = standing;
    match tip {
        Some(tip) => format!("{name}: branch {branch}, stands on {}", tip.to_hex_with_len(10)),
        None if *deploys => {
            format!("{name}: branch {branch} does not exist yet; git cairn deploy {name} will create it")
        }
        None => format!("{name}: branch {branch} does not exist yet; the first push creates it"),
    }
}

fn document(plan: &SetupPlan, changes: &[String], dry_run: bool, backup: Option<&str>) -> serde_json::Value {
    let environments: Vec<_> = plan
        .standing
        .iter()
        .map(|one| json!({"name": one.name, "branch": one.branch, "commit": one.tip.map(|tip| tip.to_string())}))
        .collect();
    json!({
        "schema": 1,
        "site": plan.site.name,
        "store": plan.site.store,
        "dry_run": dry_run,
        "changes": changes,
        "environments": environments,
        "notes": plan.notes,
        "backup": backup,
    })
}
