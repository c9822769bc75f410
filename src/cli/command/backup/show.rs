//! `git cairn backup show`.

use crate::backup::{Catalog, Manifest};
use crate::cli::arguments::Show;
use crate::cli::source::Source;
use crate::cli::ui::Ui;
use crate::cli::{done, json as documents, table};
use crate::clock;
use crate::element::uncommitted::warnings;
use crate::error::Result;
use crate::git::{Head, Place};
use crate::text::{count, size};
use serde_json::json;
use std::process::ExitCode;

/// Shows everything a backup says.
pub fn run(place: &Place, what: Show, ui: &mut Ui) -> Result<ExitCode> {
    let source = Source::open(place, &what.store)?;
    let catalog = source.catalog()?;
    let manifest = source.select(&catalog, &what.backup)?;
    if ui.wants_json() {
        let whole = documents::whole_backup(&catalog, manifest)?;
        ui.document(&json!({"schema": 1, "backup": whole}));
        return done();
    }
    for line in table::lines(&rows(&catalog, manifest)?) {
        ui.result(&line);
    }
    for segment in manifest.bundles() {
        ui.result(&format!("segment      {} {} sha256 {}", segment.file, size(segment.bytes), segment.sha256));
    }
    for line in manifest.uncommitted.as_ref().map(warnings).unwrap_or_default() {
        ui.result(&format!("edits        {line}"));
    }
    for (name, value) in catalog.refs(manifest)?.refs.iter() {
        ui.result(&format!("reference    {name} {}", value.id().map_or("dangles".into(), |id| id.to_string())));
    }
    done()
}

fn rows(catalog: &Catalog<'_>, manifest: &Manifest) -> Result<Vec<Vec<String>>> {
    let head = match catalog.refs(manifest)?.head {
        Head::On(name, id) => format!("{name} ({id})"),
        Head::Unborn(name) => format!("{name} (does not exist yet)"),
        Head::Detached(id) => id.to_string(),
    };
    let verified = documents::verified_at(catalog, manifest)?.map_or("not yet".into(), clock::local);
    let segments = count(manifest.segments.len(), "segment");
    let rows = [
        ("backup", manifest.id.to_string()),
        ("site", manifest.site.name.clone()),
        ("environment", manifest.environment.clone()),
        ("made", clock::local(manifest.refs_at)),
        ("by", manifest.initiator.as_str().into()),
        ("tag", manifest.tag.clone().unwrap_or_else(|| "-".into())),
        ("commit", manifest.commit.clone().unwrap_or_else(|| "-".into())),
        ("note", manifest.note.clone().unwrap_or_else(|| "-".into())),
        ("kept until", clock::local(manifest.keep_until)),
        ("code", format!("{} in {segments}", size(manifest.chain_bytes()))),
        ("edits", edits(manifest)),
        ("verified", verified),
        ("references", manifest.refs.count.to_string()),
        ("HEAD", head),
        ("audit", manifest.audit.as_ref().map_or_else(|| "-".into(), ToString::to_string)),
    ];
    Ok(rows.into_iter().map(|(name, value)| vec![format!("{name:<11}"), value]).collect())
}

/// What the backup says of the environment's work tree.
fn edits(manifest: &Manifest) -> String {
    let Some(found) = &manifest.uncommitted else { return "nobody looked at a work tree".into() };
    match (found.changes, manifest.capture()) {
        (0, None) => "none".into(),
        (changes, None) => format!("{changes} uncommitted, not in this backup"),
        (changes, Some(capture)) => format!("{changes} uncommitted, captured in {}", size(capture.bytes)),
    }
}
