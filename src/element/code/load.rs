//! Bringing the objects of a chain into a repository.

use super::proof::extract_pack;
use super::{Proof, Segment};
use crate::error::{AtPath, Error, Result};
use crate::git::{self, HashKind, PackFiles, PackIndex};
use crate::os;
use crate::store::Store;
use std::path::Path;

/// Writes the packs of `segments` and their indexes into `objects/pack` of a new repository, checking every digest on
/// the way, and returns the indexes.
///
/// A segment whose proof holds brings its index along; another one is read object by object first.
pub fn load_objects(
    store: &dyn Store,
    site: &str,
    segments: &[Segment],
    kind: HashKind,
    pack_folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<PackIndex>> {
    let mut indexes = Vec::with_capacity(segments.len());
    for segment in segments {
        let index = load_segment(store, site, segment, kind, pack_folder, &indexes)
            .map_err(|error| error.while_doing(format!("segment {}", segment.file)))?;
        indexes.push(index);
        progress(segment.bytes);
    }
    Ok(indexes)
}

/// Writes the pack of one segment and its index as [`load_objects`] does; `before` are the indexes it stands upon.
pub fn load_segment(
    store: &dyn Store,
    site: &str,
    segment: &Segment,
    kind: HashKind,
    pack_folder: &Path,
    before: &[PackIndex],
) -> Result<PackIndex> {
    let staged = pack_folder.join(format!("cairn-{}.pack", segment.name()));
    extract_pack(store, &segment.key(site)?, segment, kind, &staged)?;
    let proven = Proof::of(store, site, segment)?.filter(Proof::is_whole);
    let index = staged.with_extension("idx");
    if proven.and_then(|proof| proof.copy_index(store, site, &index).ok()).is_none() {
        read_afresh(&staged, before, kind)?;
    }
    let name = PackIndex::open(&index, kind, None)?.pack_checksum();
    let files = PackFiles::named(pack_folder, &format!("pack-{name}"));
    for (from, to) in [(&staged, &files.pack), (&index, &files.index)] {
        // Packs and indexes are 0444, as git leaves them.
        os::set_permissions(from, 0o444).at("set the mode of", from)?;
        std::fs::rename(from, to).at("rename to", to)?;
    }
    PackIndex::open(&files.index, kind, None)
}

/// Reads a pack object by object and leaves its index beside it.
fn read_afresh(pack: &Path, before: &[PackIndex], kind: HashKind) -> Result<()> {
    let files = PackFiles { index: git::index_pack(pack, kind)?, pack: pack.to_owned() };
    let index = PackIndex::open(&files.index, kind, None)?;
    match git::verify_pack(&files, &index, before, None, kind)?.broken {
        None => Ok(()),
        Some(broken) => {
            let message = format!("{} refers to {}, which no segment holds", broken.from, broken.to);
            Err(Error::damaged("connectivity", message))
        }
    }
}
