//! Packs: git makes them, gix reads every object of them back.

use super::{HashKind, ObjectId, Repository};
use crate::error::{AtPath, Error, Result};
use bstr::ByteSlice;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// The objects a pack holds, by id; a copy shares the memory.
#[derive(Clone)]
pub struct PackIndex {
    file: Arc<gix_pack::index::File<Vec<u8>>>,
}

/// Anything that can say whether it holds an object.
pub trait Membership: Sync {
    /// Tells whether the object is in it.
    fn holds(&self, id: &ObjectId) -> bool;
}

impl Membership for PackIndex {
    fn holds(&self, id: &ObjectId) -> bool {
        self.file.lookup(id).is_some()
    }
}

impl Membership for [PackIndex] {
    fn holds(&self, id: &ObjectId) -> bool {
        self.iter().any(|index| index.holds(id))
    }
}

impl PackIndex {
    /// Reads a pack index (gitformat-pack(5)); its own checksum must be right.
    pub fn read(bytes: Vec<u8>, name: &Path, kind: HashKind) -> Result<Self> {
        let invalid = |error: &dyn std::fmt::Display| {
            Error::damaged("index", format!("{} is no pack index: {error}", name.display()))
        };
        let file = gix_pack::index::File::from_data(bytes, name.to_owned(), kind).map_err(|error| invalid(&error))?;
        let never = AtomicBool::new(false);
        file.verify_checksum(&mut gix::progress::Discard, &never).map_err(|error| invalid(&error))?;
        Ok(Self { file: Arc::new(file) })
    }

    /// Returns how many objects the pack holds.
    pub fn objects(&self) -> u32 {
        self.file.num_objects()
    }
}

/// What reading a whole pack found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackStatistics {
    /// How many objects it holds.
    pub objects: u32,
    /// The first reference from an object in the pack to one that is nowhere, if any.
    pub broken: Option<Reference>,
}

/// A reference from one object to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The object that refers.
    pub from: ObjectId,
    /// The object it refers to.
    pub to: ObjectId,
}

/// Returns the commits at which the history of `tips` meets that of `held`: the prerequisites of a pack that leaves
/// out what these reach, and no more.
pub fn boundary(repository: &Repository, tips: &[ObjectId], held: &[ObjectId]) -> Result<Vec<ObjectId>> {
    if held.is_empty() {
        return Ok(vec![]);
    }
    let input = revisions(tips, held);
    let out = repository.git().args(["rev-list", "--boundary", "--stdin"]).read_with(&input)?;
    let boundary = ByteSlice::lines(out.as_slice()).filter_map(|line| line.strip_prefix(b"-"));
    Ok(boundary.filter_map(|id| ObjectId::from_hex(id).ok()).collect())
}

/// Lets git pack everything `tips` reach and `prerequisites` do not, and hands the pack to `consume` as it is made.
///
/// Every delta's base is in the pack itself, so that the pack can be used as it lies.
pub fn write_pack<T>(
    repository: &Repository,
    tips: &[ObjectId],
    prerequisites: &[ObjectId],
    consume: impl FnOnce(&mut dyn Read) -> Result<T>,
) -> Result<T> {
    let arguments = ["pack-objects", "--revs", "--stdout", "--delta-base-offset", "--quiet"];
    let input = revisions(tips, prerequisites);
    repository.git().args(arguments).stream_with(&input, |stdout| consume(stdout))
}

fn revisions(tips: &[ObjectId], not: &[ObjectId]) -> Vec<u8> {
    let mut input = String::new();
    input.extend(tips.iter().map(|id| format!("{id}\n")));
    input.extend(not.iter().map(|id| format!("^{id}\n")));
    input.into_bytes()
}

/// Reads a pack from `input` into `folder`, hashing every object, and returns the paths of pack and index.
///
/// Returns [`crate::error::Kind::Damaged`] for a pack that is cut, flipped, or followed by anything.
pub fn index_pack(input: &mut dyn BufRead, folder: &Path, kind: HashKind) -> Result<(PathBuf, PathBuf)> {
    let never = AtomicBool::new(false);
    let options = gix_pack::bundle::write::Options::default();
    let no_bases = None::<gix::objs::find::Never>;
    let mut progress = gix::progress::Discard;
    let outcome =
        gix_pack::Bundle::write_to_directory(input, Some(folder), &mut progress, &never, no_bases, kind, options)
            .map_err(|error| Error::damaged("pack", format!("the pack is damaged: {error:#}")))?;
    let mut rest = Vec::new();
    input.take(1).read_to_end(&mut rest).at("read the end of the pack in", folder)?;
    if !rest.is_empty() {
        return Err(Error::damaged("pack", "something follows the end of the pack"));
    }
    if let Some(keep) = &outcome.keep_path {
        std::fs::remove_file(keep).at("remove", keep)?;
    }
    match (outcome.data_path, outcome.index_path) {
        (Some(pack), Some(index)) => Ok((pack, index)),
        _ => Err(Error::damaged("pack", "the pack holds no object")),
    }
}

/// Decodes every object of a pack, checks its hash, and looks for each object it refers to, in the pack and in `known`.
pub fn verify_pack(pack: &Path, index: &PackIndex, known: &[PackIndex], kind: HashKind) -> Result<PackStatistics> {
    let damaged = |error: &dyn std::fmt::Display| Error::damaged("pack", format!("the pack is damaged: {error}"));
    let data = gix_pack::data::File::at(pack, kind).map_err(|error| damaged(&error))?;
    let never = AtomicBool::new(false);
    let broken = Mutex::new(None);
    let processor = |object: gix::objs::Kind, bytes: &[u8], entry: &gix_pack::index::Entry, _: &dyn gix::Progress| {
        let missing = links(object, bytes, kind, |to| index.holds(to) || known.holds(to));
        if let Some(to) = missing {
            let found = Reference { from: entry.oid, to };
            broken.lock().expect("no holder panics").get_or_insert(found);
        }
        Ok(())
    };
    let options = gix_pack::index::traverse::Options::default();
    let outcome = index
        .file
        .traverse(&data, &mut gix::progress::Discard, &never, processor, options)
        .map_err(|error| damaged(&error))?;
    let statistics = outcome.statistics;
    let objects = statistics.num_commits + statistics.num_trees + statistics.num_tags + statistics.num_blobs;
    if objects != index.objects() {
        return Err(Error::damaged("pack", "the index names more objects than the pack holds"));
    }
    Ok(PackStatistics { objects, broken: broken.into_inner().expect("no holder panics") })
}

/// Returns the first object that `bytes` refers to and `there` does not have; an unreadable object refers to nothing
/// we could check, so it names the null id.
fn links(object: gix::objs::Kind, bytes: &[u8], kind: HashKind, there: impl Fn(&ObjectId) -> bool) -> Option<ObjectId> {
    use gix::objs::{CommitRefIter, Kind, TagRefIter, TreeRefIter};
    let unreadable = Some(ObjectId::null(kind));
    match object {
        Kind::Blob => None,
        Kind::Tag => match TagRefIter::from_bytes(bytes, kind).target_id() {
            Ok(target) => (!there(&target)).then_some(target),
            Err(_) => unreadable,
        },
        Kind::Commit => {
            let Ok(tree) = CommitRefIter::from_bytes(bytes, kind).tree_id() else { return unreadable };
            let parents = CommitRefIter::from_bytes(bytes, kind).parent_ids();
            std::iter::once(tree).chain(parents).find(|id| !there(id))
        }
        Kind::Tree => {
            for entry in TreeRefIter::from_bytes(bytes, kind) {
                match entry {
                    Err(_) => return unreadable,
                    Ok(entry) if entry.mode.is_commit() => {}
                    Ok(entry) if there(&entry.oid.to_owned()) => {}
                    Ok(entry) => return Some(entry.oid.to_owned()),
                }
            }
            None
        }
    }
}
