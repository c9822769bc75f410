//! Bringing the objects of a chain into a repository.

use super::{Proof, Segment};
use crate::bundle;
use crate::error::{AtPath, Error, Kind, Result};
use crate::git::{self, HashKind, PackIndex};
use crate::store::{Store, Tally};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
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

fn load_segment(
    store: &dyn Store,
    site: &str,
    segment: &Segment,
    kind: HashKind,
    pack_folder: &Path,
    before: &[PackIndex],
) -> Result<PackIndex> {
    let staged = pack_folder.join(format!("cairn-{}.pack", segment.name()));
    let trailer = extract_pack(store, site, segment, kind, &staged)?;
    let name = format!("pack-{trailer}");
    let (pack_path, index_path) = (pack_folder.join(format!("{name}.pack")), pack_folder.join(format!("{name}.idx")));
    let proven = Proof::of(store, site, segment)?.and_then(|proof| proof.index_bytes(store, site).ok());
    let index_bytes = match proven {
        Some(bytes) => bytes,
        None => index_afresh(&staged, before, kind, pack_folder)?,
    };
    std::fs::rename(&staged, &pack_path).at("rename to", &pack_path)?;
    write_read_only(&index_path, &index_bytes)?;
    PackIndex::read(index_bytes, &index_path, kind)
}

/// Writes the pack of a segment to `path` and returns the checksum it ends in.
fn extract_pack(store: &dyn Store, site: &str, segment: &Segment, kind: HashKind, path: &Path) -> Result<String> {
    let key = segment.key(site)?;
    // A manifest names it, so its absence is damage and no slip of the person who asked.
    let opened = store.open(&key).map_err(|error| match error.kind() {
        Kind::NotFound => Error::damaged("segment", format!("{key} is missing"))
            .hint("see what else is: git cairn backup verify --all"),
        _ => error,
    })?;
    let mut input = BufReader::with_capacity(1 << 18, Tally::new(opened));
    bundle::read_header(&mut input)?;
    let mut file = File::options().read(true).write(true).create_new(true).mode(0o444).open(path).at("create", path)?;
    io::copy(&mut input, &mut file).at("write", path)?;
    let (_, bytes, digest) = input.into_inner().finish();
    if bytes != segment.bytes || digest != segment.sha256 {
        return Err(Error::damaged("digest", format!("{key} is damaged: its bytes are not the ones that were stored"))
            .hint("see what else is: git cairn backup verify --all"));
    }
    let length = kind.len_in_bytes();
    let mut trailer = vec![0; length];
    file.seek(SeekFrom::End(-(i64::try_from(length).unwrap_or(0)))).at("read", path)?;
    file.read_exact(&mut trailer).at("read", path)?;
    file.sync_all().at("fsync", path)?;
    Ok(git::ObjectId::from_bytes_or_panic(&trailer).to_string())
}

/// Reads a pack object by object and returns its index.
fn index_afresh(staged: &Path, before: &[PackIndex], kind: HashKind, folder: &Path) -> Result<Vec<u8>> {
    let inside = tempfile::tempdir_in(folder).at("make a folder in", folder)?;
    let mut input = BufReader::with_capacity(1 << 18, File::open(staged).at("read", staged)?);
    let (pack, index) = git::index_pack(&mut input, inside.path(), kind)?;
    let bytes = std::fs::read(&index).at("read", &index)?;
    let index = PackIndex::read(bytes.clone(), &index, kind)?;
    match git::verify_pack(&pack, &index, before, kind)?.broken {
        None => Ok(bytes),
        Some(broken) => {
            let message = format!("{} refers to {}, which no segment holds", broken.from, broken.to);
            Err(Error::damaged("connectivity", message))
        }
    }
}

/// Packs and indexes are 0444, as git leaves them.
fn write_read_only(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o444).open(path).at("create", path)?;
    file.write_all(bytes).at("write", path)?;
    file.sync_all().at("fsync", path)
}
