//! `git cairn backup verify`.

use crate::backup::{Catalog, Checked, Entry, Manifest, Record, Tenant, Verification, may_be_repaired, repair, verify};
use crate::cli::arguments::Verify;
use crate::cli::done;
use crate::cli::sites::{Did, over};
use crate::cli::source::Source;
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::text::count;
use crate::worker::snapshot_lock;
use serde_json::json;
use std::collections::HashSet;
use std::process::ExitCode;

/// How many damaged backups are named to be removed.
const REMOVALS_NAMED: usize = 5;

/// Reads backups back and says what is damaged.
pub fn run(place: &Place, what: Verify, ui: &mut Ui) -> Result<ExitCode> {
    if let Some(root) = &what.sites {
        return over(root, ui, |repository| in_one_of_many(repository, &what));
    }
    let source = Source::open(place, &what.store)?;
    let catalog = source.catalog()?;
    let now = clock::now();
    let entries = chosen(&source, &catalog, &what)?;
    if entries.is_empty() {
        return Err(Error::not_found("no-backup", format!("there is no backup in {}", source.root().display()))
            .hint("make one: git cairn backup create"));
    }
    let record = source.own_state().map_or(Record::Forgotten, Record::Kept);
    let mut found = verify(&catalog, &entries, record, &source.scratch()?, now)?;
    let mut mended = vec![];
    if what.repair {
        mended = mend(&source, &catalog, &found, &what)?;
        if !mended.is_empty() {
            found = verify(&catalog, &entries, record, &source.scratch()?, now)?;
        }
    }
    let Verification { checked, not_looked_at } = found;
    let damaged: Vec<_> = checked.iter().filter(|one| one.problem.is_some()).collect();
    if ui.wants_json() {
        let one = |one: &Checked| json!({"backup": one.backup, "element": element(&one.file), "file": one.file, "ok": one.problem.is_none(), "problem": one.problem});
        let list: Vec<_> = checked.iter().map(one).collect();
        ui.document(&json!({"schema": 1, "checked": list, "repaired": mended}));
    } else {
        for file in &mended {
            ui.result(&format!("mended: {file}"));
        }
        for one in &damaged {
            let problem = one.problem.as_deref().unwrap_or_default();
            ui.result(&format!("damaged: {} of backup {}: {problem}", one.file, one.backup));
        }
        let files = checked.iter().map(|one| &one.file).collect::<HashSet<_>>().len();
        ui.say(&format!("read {} of {}", count(files, "file"), count(entries.len(), "backup")));
        if damaged.is_empty() && not_looked_at.is_empty() {
            ui.result(&format!("{} whole", if entries.len() == 1 { "the backup is" } else { "the backups are" }));
        }
    }
    if !damaged.is_empty() && !what.repair && may_be_repaired(&checked) {
        ui.hint(&format!("what can be made again is by: {} backup verify --all --repair", source.owner_runs()));
    } else if !damaged.is_empty() {
        tell_way_out(&source, &catalog, &damaged, ui);
    }
    for one in &not_looked_at {
        ui.warn(&format!("not looked at: {one}"));
    }
    match (damaged.is_empty(), not_looked_at.is_empty()) {
        (true, true) => done(),
        (true, false) => Ok(ExitCode::from(Kind::Partial.exit_code())),
        (false, _) => Ok(ExitCode::from(Kind::Damaged.exit_code())),
    }
}

/// Says how a store is whole again in which something is damaged that cannot be made again.
fn tell_way_out(source: &Source, catalog: &Catalog<'_>, damaged: &[&Checked], ui: &Ui) {
    let cairn = source.owner_runs();
    ui.hint(&format!("this cannot be made again, and no later backup builds upon it: {cairn} backup create --all"));
    let is_hit = |manifest: &&Manifest| damaged.iter().any(|one| one.backup == manifest.id.as_str());
    let mut removed: Vec<_> = catalog
        .good()
        .filter(is_hit)
        .map(|manifest| format!("{cairn} backup delete {} --reason damaged", manifest.id))
        .collect();
    if removed.len() > REMOVALS_NAMED {
        let more = removed.split_off(REMOVALS_NAMED).len();
        removed.push(format!("and so {more} more"));
    }
    if !removed.is_empty() {
        ui.hint(&format!("where no copy of the store has it whole, let go of it then: {}", removed.join("; ")));
    }
}

/// Mends what can be, where the repository is at hand whose store this is.
fn mend(source: &Source, catalog: &Catalog<'_>, found: &Verification, what: &Verify) -> Result<Vec<String>> {
    let (Some(site), Some(state)) = (&source.site, source.own_state()) else {
        return Err(Error::refused(
            "repair-elsewhere",
            "only the owner of the repository whose store this is mends it",
        )
        .hint(format!("run it in the repository: {} backup verify --all --repair", source.owner_runs())));
    };
    let _lock = snapshot_lock(state, clock::parse_span(&what.wait)?)?;
    let repository = state.folder().parent().unwrap_or(state.folder());
    let tenant = Tenant::new(&site.id, &site.name, repository);
    repair(catalog, &found.checked, &tenant, &source.scratch()?, clock::now())
}

/// With `--sites` the first damage found in a repository's store stands for all of it: `--all` there tells the rest.
fn in_one_of_many(repository: &Repository, what: &Verify) -> Result<Did> {
    let place = Place { git_dir: Some(repository.git_dir().to_owned()), folder: None };
    let source = Source::open(&place, &what.store)?;
    let catalog = source.catalog()?;
    let entries = chosen(&source, &catalog, what)?;
    let record = source.own_state().map_or(Record::Forgotten, Record::Kept);
    let found = verify(&catalog, &entries, record, &source.scratch()?, clock::now())?;
    if let Some(Checked { backup, file, problem: Some(problem) }) =
        found.checked.iter().find(|one| one.problem.is_some())
    {
        return Err(Error::damaged("damaged", format!("{file} of backup {backup}: {problem}"))
            .hint("see all of it there: git cairn backup verify --all"));
    }
    match found.not_looked_at.first() {
        Some(why) => Err(Error::failed("not-looked-at", format!("not looked at: {why}"))),
        None => Ok(Did::Something(format!("{} whole", count(entries.len(), "backup")))),
    }
}

fn element(file: &str) -> Option<&'static str> {
    ["code", "uncommitted"].into_iter().find(|element| file.split('/').next() == Some(*element))
}

fn chosen<'a>(source: &Source, catalog: &'a Catalog<'_>, what: &Verify) -> Result<Vec<&'a Entry>> {
    if what.all {
        return Ok(catalog.entries.iter().collect());
    }
    if !what.backups.is_empty() {
        let mut found = Vec::new();
        for words in &what.backups {
            found.push(named(source, catalog, words)?);
        }
        return Ok(found);
    }
    let mut seen = HashSet::new();
    let newest = |entry: &&Entry| match &entry.manifest {
        Ok(manifest) => seen.insert(manifest.environment.clone()),
        // Which environment it was of cannot be told, so it is looked at.
        Err(_) => true,
    };
    Ok(catalog.entries.iter().filter(newest).collect())
}

/// A backup whose manifest is damaged can be named too: saying so is what `verify` is for.
fn named<'a>(source: &Source, catalog: &'a Catalog<'_>, words: &str) -> Result<&'a Entry> {
    let by_id = catalog.entries.iter().find(|entry| entry.id.as_str() == words);
    if let Some(entry) = by_id {
        return Ok(entry);
    }
    let id = &source.select(catalog, words)?.id;
    Ok(catalog.entries.iter().find(|entry| entry.id == *id).expect("it was selected from these"))
}
