//! `git cairn backup list`.

use crate::backup::{Catalog, Entry, Manifest, expired, has_problem};
use crate::cli::arguments::List;
use crate::cli::source::Source;
use crate::cli::ui::Ui;
use crate::cli::{done, json as documents};
use crate::clock;
use crate::error::Result;
use crate::git::Place;
use crate::text::{count, size};
use jiff::Timestamp;
use serde_json::json;
use std::process::ExitCode;

/// Lists backups, newest first. One whose manifest cannot be read is a warning and stops no other.
pub fn run(place: &Place, what: List, ui: &mut Ui) -> Result<ExitCode> {
    let source = Source::open(place, &what.store)?;
    if let (Some(name), Some(site)) = (&what.environment, &source.site) {
        site.environment(name)?;
    }
    let catalog = source.catalog()?;
    let now = clock::now();
    for entry in &catalog.entries {
        if let Entry { id, manifest: Err(error) } = entry {
            ui.warn(&format!("backup {id}: {error}"));
        }
    }
    let expired = expired(&catalog, now)?;
    let wanted = |manifest: &&Manifest| {
        let environment = what.environment.as_ref().is_none_or(|name| *name == manifest.environment);
        environment && expired.contains(&manifest.id) == what.expired
    };
    let backups: Vec<_> = catalog.good().filter(wanted).collect();
    if ui.wants_json() {
        let backups =
            backups.iter().map(|manifest| documents::backup(&catalog, manifest)).collect::<Result<Vec<_>>>()?;
        ui.document(&json!({"schema": 1, "backups": backups}));
        return done();
    }
    if !expired.is_empty() && !what.expired {
        let count = count(expired.len(), "backup");
        ui.hint(&source.in_full(&format!("{count} whose retention has ended: git cairn backup list --expired")));
    }
    if backups.is_empty() {
        ui.say("no backup");
        return done();
    }
    let titles = ["ID", "ENV", "AGE", "TIME", "TAG", "CODE", "VERIFIED", "KEPT UNTIL"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for manifest in backups {
        rows.push(row(&catalog, manifest, now)?);
    }
    ui.result_table(&rows, true);
    done()
}

fn row(catalog: &Catalog<'_>, manifest: &Manifest, now: Timestamp) -> Result<Vec<String>> {
    let verified = match documents::verified_at(catalog, manifest)? {
        Some(_) if manifest.capture().is_some() && has_problem(catalog.store, &catalog.site, manifest)? => {
            "damaged".into()
        }
        Some(at) => clock::age(at, now),
        None if has_problem(catalog.store, &catalog.site, manifest)? => "damaged".into(),
        None => "not yet".into(),
    };
    let until = clock::local(manifest.keep_until);
    Ok(vec![
        manifest.id.to_string(),
        manifest.environment.clone(),
        clock::age(manifest.refs_at, now),
        clock::local(manifest.refs_at),
        manifest.tag.clone().unwrap_or_else(|| "-".into()),
        elements(manifest),
        verified,
        until.split(' ').next().unwrap_or_default().to_owned(),
    ])
}

/// The size of the code, and what there is of the work tree beside it.
fn elements(manifest: &Manifest) -> String {
    let code = size(manifest.chain_bytes());
    match (&manifest.uncommitted, manifest.capture()) {
        (_, Some(capture)) => format!("{code} + edits {}", size(capture.bytes)),
        (Some(found), None) if found.changes > 0 => format!("{code}, edits left out"),
        _ => code,
    }
}
