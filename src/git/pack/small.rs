//! Packs of a few new objects, written without git: to start one that reads its way into a large repository takes longer than
//! most pushes' objects.
//!
//! The form is gitformat-pack(5)'s: packs of version 2, indexes of version 2. Whatever is not as expected is left to git, which
//! also says what is wrong with an object.

use super::{PackFiles, each_link};
use crate::error::{AtPath, Result};
use crate::git::{HashKind, ObjectId, Repository};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix::objs::Kind;
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

/// The most objects: of more, git finds deltas that are worth its time.
const OBJECTS_MAX: usize = 200;
/// How large they may be in all, in bytes, before they are deflated.
const BYTES_MAX: u64 = 1 << 20;

/// Writes what `tips` reach and what is not `held` into a pack in `folder`, with its index, where that is not much; `None`
/// where git is to do it.
///
/// Whatever a held object refers to must be held. No object is a delta. Nothing is synced to the disk.
pub fn make_small_pack(
    repository: &Repository,
    tips: &[ObjectId],
    held: impl Fn(&ObjectId) -> bool,
    folder: &Path,
) -> Result<Option<PackFiles>> {
    let kind = repository.hash_kind();
    let Some(packed) = Packed::of(repository, tips, held).filter(|packed| !packed.entries.is_empty()) else {
        return Ok(None);
    };
    let Some((pack, checksum)) = sealed(packed.bytes, kind) else { return Ok(None) };
    let Some(index) = index(packed.entries, &checksum, kind) else { return Ok(None) };
    let files = PackFiles::named(folder, "small");
    std::fs::write(&files.pack, pack).at("write", &files.pack)?;
    std::fs::write(&files.index, index).at("write", &files.index)?;
    Ok(Some(files))
}

/// An object of a pack, as its index has it.
struct Entry {
    id: ObjectId,
    offset: u32,
    crc32: u32,
}

/// A pack without its checksum.
struct Packed {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Packed {
    /// Packs what is wanted; `None` where it is too much, or something cannot be read.
    fn of(repository: &Repository, tips: &[ObjectId], held: impl Fn(&ObjectId) -> bool) -> Option<Self> {
        let kind = repository.hash_kind();
        let mut packed = Self { bytes: [&b"PACK"[..], &2_u32.to_be_bytes(), &[0; 4]].concat(), entries: Vec::new() };
        let (mut seen, mut waiting, mut room) = (HashSet::new(), tips.to_vec(), BYTES_MAX);
        while let Some(id) = waiting.pop() {
            if held(&id) || !seen.insert(id) {
                continue;
            }
            room = room.checked_sub(repository.gix().find_header(id).ok()?.size())?;
            let object = repository.gix().find_object(id).ok()?;
            // What was read is what is asked for: a file of git's may be damaged.
            let whole = gix::objs::compute_hash(kind, object.kind, &object.data).ok()? == id;
            let readable = whole && each_link(object.kind, &object.data, kind, |id| waiting.push(id));
            if !readable || seen.len() > OBJECTS_MAX {
                return None;
            }
            packed.push(id, object.kind, &object.data)?;
        }
        let count = u32::try_from(packed.entries.len()).ok()?;
        packed.bytes[8..12].copy_from_slice(&count.to_be_bytes());
        Some(packed)
    }

    fn push(&mut self, id: ObjectId, object: Kind, data: &[u8]) -> Option<()> {
        let start = self.bytes.len();
        self.bytes.extend(entry_header(object, data.len()));
        let mut deflate = ZlibEncoder::new(&mut self.bytes, Compression::default());
        deflate.write_all(data).ok()?;
        deflate.finish().ok()?;
        let mut crc = flate2::Crc::new();
        crc.update(&self.bytes[start..]);
        self.entries.push(Entry { id, offset: u32::try_from(start).ok()?, crc32: crc.sum() });
        Some(())
    }
}

/// Type and size of an object: three bits of the type and four of the size, then seven of the size a byte, the lowest first.
fn entry_header(object: Kind, mut size: usize) -> Vec<u8> {
    let word = match object {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let lowest = |size: usize| size.to_le_bytes()[0];
    let mut byte = word << 4 | (lowest(size) & 0x0f);
    let mut header = Vec::new();
    size >>= 4;
    while size > 0 {
        header.push(byte | 0x80);
        byte = lowest(size) & 0x7f;
        size >>= 7;
    }
    header.push(byte);
    header
}

/// Adds the checksum in which packs and indexes end, and returns it too.
fn sealed(mut bytes: Vec<u8>, kind: HashKind) -> Option<(Vec<u8>, ObjectId)> {
    let mut hasher = gix::hash::hasher(kind);
    hasher.update(&bytes);
    let checksum = hasher.try_finalize().ok()?;
    bytes.extend(checksum.as_slice());
    Some((bytes, checksum))
}

fn index(mut entries: Vec<Entry>, pack: &ObjectId, kind: HashKind) -> Option<Vec<u8>> {
    entries.sort_unstable_by_key(|entry| entry.id);
    let mut bytes = [&b"\xfftOc"[..], &2_u32.to_be_bytes()].concat();
    for first in 0..=u8::MAX {
        let up_to = entries.partition_point(|entry| entry.id.as_slice()[0] <= first);
        bytes.extend(u32::try_from(up_to).ok()?.to_be_bytes());
    }
    bytes.extend(entries.iter().flat_map(|entry| entry.id.as_slice()));
    bytes.extend(entries.iter().flat_map(|entry| entry.crc32.to_be_bytes()));
    // A small pack has no offset of more than 31 bits.
    bytes.extend(entries.iter().flat_map(|entry| entry.offset.to_be_bytes()));
    bytes.extend(pack.as_slice());
    sealed(bytes, kind).map(|(index, _)| index)
}
