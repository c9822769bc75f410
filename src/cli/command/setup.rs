//! `git cairn setup`.

use super::audit::begin;
use crate::backup::{host_store, how_proven, is_proven};
use crate::cli::arguments::Setup;
use crate::cli::command::hooks::step_told;
use crate::cli::progress::Bar;
use crate::cli::sites::{Did, over};
use crate::cli::ui::Ui;
use crate::cli::{done, unconfirmed};
use crate::clock;
use crate::error::Result;
use crate::git::{Place, Repository};
use crate::queue::State;
use crate::setup::{Change, Options, SetupPlan, Standing, UndoPlan, WantedEnvironment, apply, look, look_back, undo};
use crate::site::Site;
use crate::text::{count, shell_quoted};
use crate::worker::{git_cairn, snapshot_lock, start};
use bstr::ByteSlice;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// Makes the repository a host, or says what that would do.
pub fn run(place: &Place, what: Setup, ui: &mut Ui) -> Result<ExitCode> {
    if what.undo {
        return take_back(&Repository::discover(place)?, &what, ui);
    }
    if let Some(root) = &what.sites {
        return over(root, ui, |repository| {
            let changes =
                set_up(repository, &what)?.plan.changes.iter().flat_map(described).collect::<Vec<_>>().join("; ");
            Ok(if changes.is_empty() { Did::Nothing } else { Did::Something(format!("{}{changes}", mark(&what))) })
        });
    }
    let SetUp { plan, backup, proven } = set_up(&Repository::discover(place)?, &what)?;
    let changes: Vec<_> = plan.changes.iter().flat_map(described).collect();
    if ui.wants_json() {
        ui.document(&document(&plan, &changes, what.dry_run, backup.as_deref()));
        return done();
    }
    for change in &changes {
        ui.result(&format!("{}{change}", mark(&what)));
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
    if let Some(id) = &backup {
        ui.say(&format!("first backup {id}, {}", how_proven(proven)));
        ui.hint(&format!("to restore it: git cairn restore {id} --store {} --to <dir> --bare", path(&plan.site.store)));
    }
    done()
}

fn mark(what: &Setup) -> &'static str {
    if what.dry_run { "would: " } else { "done: " }
}

/// A repository that was set up, or would be.
struct SetUp {
    plan: SetupPlan,
    /// The first backup.
    backup: Option<String>,
    /// Whether every object of that was read.
    proven: bool,
}

fn set_up(repository: &Repository, what: &Setup) -> Result<SetUp> {
    let wait = clock::parse_span(&what.wait)?;
    let environments = what.environments.iter().map(|text| WantedEnvironment::parse(text)).collect::<Result<_>>()?;
    let options = Options {
        store: what.store.clone(),
        site: what.site.clone(),
        environments,
        from: what.from.clone(),
        no_backup: what.no_backup,
        git_cairn: git_cairn()?,
    };
    let mut plan = look(repository, &options)?;
    let (mut backup, mut proven) = (None, true);
    if !what.dry_run {
        // What cannot be set up is refused before anything is written; what can is looked at again under the lock, for two
        // setups at once must not each invent a site.
        let state = State::of(repository, plan.site.modes);
        let _lock = snapshot_lock(&state, wait)?;
        let repository = Repository::open(repository.git_dir())?;
        plan = look(&repository, &options)?;
        begin(&repository, &plan.site)?;
        let bar = Bar::stages(4);
        let made = apply(&repository, &plan, &mut |stage| bar.stage(stage))?;
        if let Some(manifest) = made {
            proven = is_proven(&host_store(&plan.site), &plan.site.name, &manifest)?;
            backup = Some(manifest.id.to_string());
        }
    }
    if !proven {
        start(repository)?;
    }
    Ok(SetUp { plan, backup, proven })
}

fn path(path: &Path) -> String {
    shell_quoted(path.as_os_str().as_encoded_bytes().as_bstr())
}

fn described(change: &Change) -> Vec<String> {
    let one = match change {
        Change::Set { key, value, add: false } => format!("config {key} = {value}"),
        Change::Set { key, value, add: true } => format!("config {key} = {value} (added to what is there)"),
        Change::Hooks(hooks) => return hooks.steps.iter().filter_map(step_told).collect(),
        Change::Meta(_) => format!("reference {}, by which clones know the site", crate::site::META_REF),
        Change::Description(_) => "description, as it was".into(),
        Change::Store(folder) => format!("store {}", path(folder)),
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

fn take_back(repository: &Repository, what: &Setup, ui: &mut Ui) -> Result<ExitCode> {
    let site = Site::from_config(&repository.config())?;
    let state = State::of(repository, site.modes);
    if !what.dry_run && !what.yes {
        for line in told_back(&look_back(repository)?) {
            ui.say(&line);
        }
        if !ui.can_ask() {
            return Err(unconfirmed("taking the setup back", "say it with --yes"));
        }
        if !ui.ask("Take the setup back?") {
            return Err(unconfirmed("taking the setup back", "nothing was done"));
        }
    }
    let lock = if what.dry_run { None } else { Some(snapshot_lock(&state, clock::parse_span(&what.wait)?)?) };
    let plan = look_back(repository)?;
    if !what.dry_run {
        undo(repository, &plan, site.modes)?;
    }
    drop(lock);
    let told = told_back(&plan);
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "dry_run": what.dry_run, "changes": told, "kept_refs": plan.kept_refs}));
        return done();
    }
    for line in &told {
        ui.result(&format!("{}{line}", mark(what)));
    }
    if plan.kept_refs > 0 {
        let kept = count(plan.kept_refs, "reference");
        ui.warn(&format!(
            "{kept} below refs/cairn stay, rescued commits among them, and transfer.hideRefs goes on hiding them"
        ));
    }
    for note in &plan.hooks.notes {
        ui.hint(note);
    }
    ui.hint(&format!("the archives stay in {}, and deployment tags where they are", path(&plan.store)));
    done()
}

fn told_back(plan: &UndoPlan) -> Vec<String> {
    let mut told: Vec<_> = plan.hooks.steps.iter().filter_map(step_told).collect();
    told.push("config as it was found".into());
    told.push(format!("reference {}, removed", crate::site::META_REF));
    told.push(format!("{}, removed, with its jobs and its audit", path(&plan.state)));
    if plan.waiting > 0 {
        told.push(format!(
            "{} not made yet, given up",
            count(usize::try_from(plan.waiting).unwrap_or(usize::MAX), "backup")
        ));
    }
    told
}
