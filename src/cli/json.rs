//! The documents that `--json` prints.

use crate::backup::{Catalog, Manifest};
use crate::deployment::{Deployment, Served};
use crate::element::code::Proof;
use crate::error::Result;
use crate::git::{RefList, RefValue};
use crate::site::Environment;
use crate::text;
use crate::uncommitted::{Change, Ignored};
use bstr::BString;
use jiff::Timestamp;
use serde_json::{Value, json};

/// When the oldest of a backup's segments was last read back whole; `None` where one never was.
pub fn verified_at(catalog: &Catalog<'_>, manifest: &Manifest) -> Result<Option<Timestamp>> {
    let mut times = Vec::new();
    for segment in &manifest.segments {
        match Proof::of(catalog.store, &catalog.site, segment)? {
            Some(proof) if proof.is_whole() => times.extend(proof.verified_at),
            Some(_) | None => return Ok(None),
        }
    }
    Ok(times.into_iter().min().or(Some(manifest.finished_at)))
}

/// A backup, without its references.
pub fn backup(catalog: &Catalog<'_>, manifest: &Manifest) -> Result<Value> {
    let written: Vec<_> = manifest.written_segments().collect();
    let mut elements = vec![json!({
        "element": "code",
        "bytes": written.iter().map(|segment| segment.bytes).sum::<u64>(),
        "chain_bytes": manifest.chain_bytes(),
        "sha256": if let [one] = written.as_slice() { Some(one.sha256.clone()) } else { None },
        "verified_at": verified_at(catalog, manifest)?,
    })];
    if let Some(capture) = manifest.capture() {
        let proof = Proof::of(catalog.store, &catalog.site, capture)?.filter(Proof::is_whole);
        elements.push(json!({
            "element": "uncommitted",
            "bytes": capture.bytes,
            "chain_bytes": capture.bytes + manifest.chain_bytes(),
            "sha256": capture.sha256,
            "verified_at": proof.and_then(|proof| proof.verified_at),
        }));
    }
    Ok(json!({
        "id": manifest.id,
        "site": manifest.site.name,
        "environment": manifest.environment,
        "created_at": manifest.created_at,
        "finished_at": manifest.finished_at,
        "refs_at": manifest.refs_at,
        "initiator": manifest.initiator,
        "tag": manifest.tag,
        "commit": manifest.commit,
        "note": manifest.note,
        "keep_until": manifest.keep_until,
        "refs": manifest.refs.count,
        "elements": elements,
        "uncommitted": manifest.uncommitted.as_ref().map(|found| json!({"changes": found.changes, "captured": found.captured})),
        "warnings": manifest.warnings,
    }))
}

/// A backup with everything `show` adds.
pub fn whole_backup(catalog: &Catalog<'_>, manifest: &Manifest) -> Result<Value> {
    let list = catalog.refs(manifest)?;
    let mut document = backup(catalog, manifest)?;
    let mut segments = Vec::new();
    for segment in &manifest.segments {
        let verified_at =
            Proof::of(catalog.store, &catalog.site, segment)?.filter(Proof::is_whole).map(|proof| proof.verified_at);
        segments.push(
            json!({"file": segment.file, "bytes": segment.bytes, "sha256": segment.sha256, "verified_at": verified_at}),
        );
    }
    let head = list.head.on().map(|on| text::json_text(on.as_bytes()));
    document["audit"] = json!(manifest.audit);
    document["ref_list"] = ref_list(&list);
    document["head"] = json!({"symref": head, "id": list.head.id().map(|id| id.to_string())});
    if let Some(extra) = list.head.on().and_then(|on| text::extra_bytes(on.as_bytes())) {
        document["head"]["symref_bytes"] = extra.into();
    }
    document["segments"] = segments.into();
    if let Some(found) = &manifest.uncommitted {
        // With all that was kept of it, and what was not.
        document["uncommitted"] = json!(found);
    }
    document["object_format"] = manifest.object_format.clone().into();
    document["versions"] = json!(manifest.versions);
    document["repository"] = json!(manifest.repository);
    Ok(document)
}

fn ref_list(list: &RefList) -> Value {
    let one = |(name, value): (&crate::git::RefName, &RefValue)| {
        let symref = match value {
            RefValue::Symbolic(target, _) => Some(target),
            RefValue::Direct(_) => None,
        };
        let mut entry = json!({
            "name": text::json_text(name.as_bytes()),
            "id": value.id().map(|id| id.to_string()),
            "symref": symref.map(|target| text::json_text(target.as_bytes())),
        });
        if let Some(extra) = text::extra_bytes(name.as_bytes()) {
            entry["name_bytes"] = extra.into();
        }
        if let Some(extra) = symref.and_then(|target| text::extra_bytes(target.as_bytes())) {
            entry["symref_bytes"] = extra.into();
        }
        entry
    };
    list.refs.iter().map(one).collect()
}

/// A deployment; `backup` is the one it made, where the store is at hand.
pub fn deployment(deployment: &Deployment, subject: &str, backup: Option<&str>) -> Value {
    let message = deployment.message.as_ref();
    json!({
        "environment": deployment.environment,
        "number": deployment.number,
        "tag": deployment.tag,
        "commit": deployment.commit.to_string(),
        "subject": subject,
        "created_at": deployment.created_at,
        "pusher": message.map(|message| message.pusher.clone()),
        "note": message.and_then(|message| message.note.clone()),
        "previous": message.and_then(|message| message.previous).map(|id| id.to_string()),
        "rollback": message.is_some_and(|message| message.rollback),
        "backup": backup,
    })
}

/// What stands in a served work tree and in no commit.
pub fn uncommitted(environment: &Environment, served: &Served) -> Value {
    let Served { tree, seen, tag, note } = served;
    let mut changes: Vec<Value> = seen.changes.iter().map(change).collect();
    changes.extend(seen.ignored.iter().map(ignored));
    let unreadable = seen.unreadable.iter().map(|one| with_path(json!({"why": one.why}), "path", &one.path));
    with_path(
        json!({
            "schema": 1,
            "environment": environment.name.as_str(),
            "base": seen.base.map(|id| id.to_string()),
            "deployment": tag,
            "note": note,
            "clean": seen.is_clean(),
            "ignored": seen.ignored.len(),
            "changes": changes,
            "unreadable": unreadable.collect::<Vec<_>>(),
            "warnings": seen.warnings,
        }),
        "worktree",
        &tree.path().as_os_str().as_encoded_bytes().into(),
    )
}

fn change(change: &Change) -> Value {
    let value = json!({
        "from": null,
        "kind": change.kind.word(),
        "binary": change.binary,
        "staged": change.staged,
        "ignored": false,
        "hidden": change.hidden,
        "modified_at": change.new.and_then(|new| new.stamp.modified_at()),
    });
    let value = with_path(value, "path", &change.path);
    match &change.from {
        Some(from) => with_path(value, "from", from),
        None => value,
    }
}

fn ignored(one: &Ignored) -> Value {
    let path = BString::from([one.path.as_slice(), if one.folder { b"/" } else { b"" }].concat());
    let value = json!({
        "from": null,
        "kind": "added",
        "binary": false,
        "staged": false,
        "ignored": true,
        "hidden": false,
        "modified_at": one.stamp.modified_at(),
    });
    with_path(value, "path", &path)
}

/// Adds a path, and its bytes where it is no text.
fn with_path(mut value: Value, field: &str, path: &BString) -> Value {
    value[field] = text::json_text(path).into();
    if let Some(extra) = text::extra_bytes(path) {
        value[format!("{field}_bytes")] = extra.into();
    }
    value
}
