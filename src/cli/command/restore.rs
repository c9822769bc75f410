//! `git cairn restore`.

use crate::backup::{Catalog, Manifest, has_problem};
use crate::cli::arguments::Restore;
use crate::cli::command::backup::see_edits;
use crate::cli::done;
use crate::cli::progress::Bar;
use crate::cli::source::Source;
use crate::cli::ui::Ui;
use crate::element::uncommitted::warnings;
use crate::error::{Error, Result};
use crate::git::Place;

use crate::restore::{Kind, check_outside_store, restore, restore_edits};
use crate::text::shell_word;
use serde_json::json;
use std::process::ExitCode;

/// Restores a backup into a directory.
pub fn run(place: &Place, what: Restore, ui: &mut Ui) -> Result<ExitCode> {
    let source = Source::open(place, &what.store)?;
    let catalog = source.catalog()?;
    let manifest = source.select(&catalog, &what.backup)?;
    check_outside_store(&what.to, source.root())?;
    if what.element == "uncommitted" {
        return edits(&source, &catalog, manifest, &what, ui);
    }
    let kind = if what.bare { Kind::Bare } else { Kind::WorkTree };
    let restored = {
        let bar = Bar::bytes(manifest.chain_bytes(), "restoring");
        restore(&catalog, manifest, kind, &what.to, source.root(), &mut |bytes| bar.advance(bytes))
    };
    let restored = restored.map_err(|error| or_one_before(error, &source, &catalog, manifest, &what))?;
    let next = what.bare.then(|| {
        let site = if manifest.site.name == source.site_name() {
            String::new()
        } else {
            format!(" --site {}", source.site_name())
        };
        format!(
            "git -C {} cairn setup --store {}{site} --from {}",
            shell_word(&restored.path),
            shell_word(source.root()),
            manifest.id
        )
    });
    let newer = newer(&catalog, manifest, &what);
    if ui.wants_json() {
        ui.document(&json!({
            "schema": 1,
            "backup": manifest.id,
            "newer": newer.map(|newer| &newer.id),
            "to": restored.path,
            "bare": what.bare,
            "refs": restored.refs,
            "objects": restored.objects,
            "checked_out": restored.checked_out,
            "next": next,
        }));
        return done();
    }
    let refs = crate::text::count(restored.refs, "reference");
    ui.result(&format!(
        "restored backup {} to {}: {refs}, {} objects, as the manifest says",
        manifest.id,
        shell_word(&restored.path),
        restored.objects
    ));
    if let Some(name) = &restored.checked_out {
        ui.result(&format!("checked out: {name}"));
    }
    if let Some(newer) = newer {
        ui.warn(&format!("backup {}, of {}, is newer and holds other references", newer.id, newer.environment));
        ui.hint(&format!(
            "every backup holds all branches; to have that one, into another folder: git cairn restore {} --store {} --to <dir> --bare",
            newer.id,
            shell_word(source.root())
        ));
    }
    if let Some(next) = next {
        ui.result("to make it a host again, with hooks and the rest of its config:");
        ui.result(&next);
        ui.hint(
            "until then pushes to it are not judged, marked or backed up; its audit begins anew, and where the old one ended stands in deployment tags and in every backup: git cairn backup show",
        );
    }
    done()
}

/// Who brings a repository back by the name of an environment wants what was there last, and a backup of another environment
/// may hold pushes that came later.
fn newer<'a>(catalog: &'a Catalog<'_>, manifest: &Manifest, what: &Restore) -> Option<&'a Manifest> {
    let newest = catalog.good().next().filter(|_| what.bare && what.backup == manifest.environment)?;
    (newest.id != manifest.id && newest.refs.sha256 != manifest.refs.sha256).then_some(newest)
}

/// Whoever restores needs a backup now: where one is damaged, names the newest before it of which that is not known. Every
/// backup holds all branches, so for a bare repository it may be of any environment.
fn or_one_before(error: Error, source: &Source, catalog: &Catalog<'_>, manifest: &Manifest, what: &Restore) -> Error {
    if error.kind() != crate::error::Kind::Damaged {
        return source.advise(error);
    }
    let site = what.store.site.as_ref().map(|site| format!(" --site {site}")).unwrap_or_default();
    let from = format!("--store {}{site}", shell_word(source.root()));
    let told = error.to_string();
    let is_damaged = |other: &Manifest| {
        // What was found just now hits every backup that needs the same file.
        other.bundles().any(|segment| told.contains(&segment.file))
            || has_problem(catalog.store, &catalog.site, other).unwrap_or(true)
    };
    let mut older = catalog.good().skip_while(|other| other.id != manifest.id).skip(1);
    let may_stand_for = |other: &&Manifest| {
        let same = other.environment == manifest.environment || (what.bare && what.element == "code");
        let has_it = what.element == "code" || other.capture().is_some();
        same && has_it && !is_damaged(other)
    };
    error.hint(match older.find(may_stand_for) {
        Some(older) => {
            let bare = if what.bare { " --bare" } else { "" };
            let element = if what.element == "code" { "" } else { " --element uncommitted" };
            let to = shell_word(&what.to);
            format!(
                "nothing was written; to try the one of {} before it: git cairn restore {} {from} --to {to}{bare}{element}",
                older.environment, older.id
            )
        }
        None => format!("nothing was written; which backups are whole: git cairn backup verify --all {from}"),
    })
}

/// Writes the served work tree that the backup captured.
fn edits(source: &Source, catalog: &Catalog<'_>, manifest: &Manifest, what: &Restore, ui: &mut Ui) -> Result<ExitCode> {
    if what.bare {
        return Err(Error::usage("--bare is for code: of a work tree there are only files").hint("leave out --bare"));
    }
    let restored = restore_edits(catalog, manifest, &what.to, source.repository.as_ref(), &source.scratch()?)
        .map_err(|error| or_one_before(error, source, catalog, manifest, what))?;
    let record = manifest.uncommitted.as_ref();
    for line in record.map(warnings).unwrap_or_default() {
        ui.warn(&line);
    }
    if ui.wants_json() {
        ui.document(&json!({
            "schema": 1,
            "backup": manifest.id,
            "element": "uncommitted",
            "to": restored.path,
            "commit": restored.commit,
            "base": record.and_then(|record| record.base.clone()),
            "inside": restored.inside,
        }));
        return done();
    }
    let to = shell_word(&restored.path);
    let changes = record.map_or(0, |record| record.changes);
    let with = crate::text::count(changes, "uncommitted change");
    ui.result(&format!("restored the work tree that backup {} captured to {to}, with {with}", manifest.id));
    ui.hint(&source.in_full(&see_edits(manifest.id.as_str())));
    done()
}
