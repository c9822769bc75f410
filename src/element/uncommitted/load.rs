//! Bringing a capture into a repository.

use super::Uncommitted;
use crate::element::code::load_segment;
use crate::error::{Error, Result};
use crate::git::{HashKind, Membership, ObjectId, PackIndex, RefName};
use crate::store::Store;
use std::path::Path;

/// A reference of a capture as it was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its name.
    pub name: RefName,
    /// What it names.
    pub id: ObjectId,
    /// Where in the tree its repository stands; empty for the tree itself.
    pub path: Vec<u8>,
    /// Whether it names the files as they lay there.
    pub tree: bool,
}

/// Writes the pack of a capture into `objects/pack` of a repository that has the objects of its backup's chain, whose indexes
/// are `before`, and returns its references, the tree's own first.
///
/// Returns [`crate::error::Kind::NotFound`] where nothing was captured.
pub fn load_capture(
    store: &dyn Store,
    site: &str,
    record: Option<&Uncommitted>,
    kind: HashKind,
    pack_folder: &Path,
    before: &[PackIndex],
) -> Result<Vec<Loaded>> {
    let none = || {
        Error::not_found("no-capture", "this backup holds no uncommitted edits")
            .hint("which of them do: git cairn backup list; its code alone: --element code")
    };
    let record = record.ok_or_else(none)?;
    let bundle = record.bundle.as_ref().ok_or_else(none)?;
    let index = load_segment(store, site, bundle, kind, pack_folder, before)
        .map_err(|error| error.while_doing(&bundle.file))?;
    let unfit = || Error::damaged("manifest", "the references of the captured edits make no sense");
    let mut loaded = Vec::new();
    for noted in &record.refs {
        let (name, id, path) = noted.read().ok_or_else(unfit)?;
        if index.position(&id).is_none() && !before.holds(&id) {
            return Err(Error::damaged("refs", format!("no file holds {id}, which {name} names")));
        }
        loaded.push(Loaded { name, id, path, tree: noted.tree });
    }
    if loaded.is_empty() { Err(unfit()) } else { Ok(loaded) }
}
