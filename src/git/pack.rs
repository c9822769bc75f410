//! Packs: git makes them, but for small ones, and gix reads every object of them back.

mod small;

pub use small::make_small_pack;

use super::{HashKind, Membership, ObjectId, PackIndex, Repository};
use crate::error::{AtPath, Error, Result, from_io};
use bstr::ByteSlice;
use std::collections::{BTreeSet, HashSet};
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A pack and its index, as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFiles {
    /// The pack.
    pub pack: PathBuf,
    /// Its index.
    pub index: PathBuf,
}

impl PackFiles {
    /// Names them `<name>.pack` and `<name>.idx` in a folder.
    pub fn named(folder: &Path, name: &str) -> Self {
        Self { pack: folder.join(format!("{name}.pack")), index: folder.join(format!("{name}.idx")) }
    }
}

/// What reading a whole pack found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackStatistics {
    /// How many objects it holds.
    pub objects: u32,
    /// The first reference from an object in the pack to one that is nowhere, if any.
    pub broken: Option<Reference>,
    /// The objects to which no other one in the pack refers, but for those that were expected.
    pub stray: Option<ObjectId>,
}

/// A reference from one object to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The object that refers.
    pub from: ObjectId,
    /// The object it refers to.
    pub to: ObjectId,
}

/// Returns the commits at which the history of `tips` meets what is `held`: the prerequisites of a pack that leaves out
/// what these reach, and no more.
///
/// Whatever a held object refers to must be held. Only commits that are not held are read, and those where history meets.
pub fn boundary(repository: &Repository, tips: &[ObjectId], held: impl Fn(&ObjectId) -> bool) -> Result<Vec<ObjectId>> {
    let mut waiting: Vec<ObjectId> = tips.iter().filter_map(|tip| repository.peel_to_commit(tip)).collect();
    let (mut seen, mut met) = (HashSet::new(), BTreeSet::new());
    while let Some(commit) = waiting.pop() {
        if held(&commit) {
            met.insert(commit);
        } else if seen.insert(commit) {
            waiting.extend(repository.parents(&commit)?);
        }
    }
    Ok(met.into_iter().collect())
}

/// Lets git pack everything `tips` reach and `prerequisites` do not into a file in `folder`, with its index.
///
/// Every delta's base is in the pack itself, so that the pack can be used as it lies. Nothing is synced to the disk.
pub fn make_pack(
    repository: &Repository,
    tips: &[ObjectId],
    prerequisites: &[ObjectId],
    folder: &Path,
) -> Result<PackFiles> {
    // One pack, whatever the operator set for the repository's own; and it lives for a moment only.
    let git = repository.git().args(["-c", "pack.packSizeLimit=0", "-c", "core.fsync=none"]);
    let git = git
        .args(["-c", "pack.writeReverseIndex=false"])
        .args(["pack-objects", "--revs", "--delta-base-offset", "--quiet"])
        .arg(folder.join("new"));
    let name = git.read_with(&revisions(tips, prerequisites))?;
    Ok(PackFiles::named(folder, &format!("new-{}", name.trim().to_str_lossy())))
}

/// Lets git pack everything `tips` reach, and hands the pack to `consume` as it is made.
pub fn stream_pack<T>(
    repository: &Repository,
    tips: &[ObjectId],
    consume: impl FnOnce(&mut dyn Read) -> Result<T>,
) -> Result<T> {
    let arguments = ["pack-objects", "--revs", "--stdout", "--delta-base-offset", "--quiet"];
    repository.git().args(arguments).stream_with(&revisions(tips, &[]), |stdout| consume(stdout))
}

fn revisions(tips: &[ObjectId], not: &[ObjectId]) -> Vec<u8> {
    let mut input = String::new();
    input.extend(tips.iter().map(|id| format!("{id}\n")));
    input.extend(not.iter().map(|id| format!("^{id}\n")));
    input.into_bytes()
}

/// Returns the repository's only pack, if it has just one.
pub fn sole_pack(repository: &Repository) -> Option<(PackFiles, PackIndex)> {
    let folder = repository.objects_dir().join("pack");
    let names = std::fs::read_dir(&folder).ok()?.flatten().map(|entry| entry.path());
    let mut packs = names.filter(|path| path.extension().is_some_and(|extension| extension == "pack"));
    let pack = packs.next().filter(|_| packs.next().is_none())?;
    let files = PackFiles { index: pack.with_extension("idx"), pack };
    let index = PackIndex::open(&files.index, repository.hash_kind(), None).ok()?;
    Some((files, index))
}

/// Tells from its bitmap whether a pack that holds all of `tips` holds nothing that these do not reach; `None` where it has
/// no bitmap.
///
/// git writes a bitmap only for a pack that holds whatever its objects refer to (gitformat-bitmap(5)), so it is
/// enough to count what the tips reach.
pub fn bitmap_says_exact(
    repository: &Repository,
    files: &PackFiles,
    index: &PackIndex,
    tips: &[ObjectId],
) -> Result<Option<bool>> {
    if !files.pack.with_extension("bitmap").is_file() {
        return Ok(None);
    }
    let git = repository.git().args(["rev-list", "--count", "--objects", "--use-bitmap-index", "--stdin"]);
    let count = git.read_with(&revisions(tips, &[]))?;
    Ok(Some(count.trim() == index.objects().to_string().as_bytes()))
}

/// Indexes the pack that `pack` holds, hashing every object, and returns the path of the index beside it.
///
/// Returns [`crate::error::Kind::Damaged`] for a pack that is cut, flipped, or followed by anything.
pub fn index_pack(pack: &Path, kind: HashKind) -> Result<PathBuf> {
    let folder = pack.parent().unwrap_or(Path::new(".")).join("indexed");
    std::fs::create_dir_all(&folder).at("create the folder", &folder)?;
    let file = std::fs::File::open(pack).at("read", pack)?;
    let input: &mut dyn BufRead = &mut io::BufReader::with_capacity(1 << 18, file);
    let never = AtomicBool::new(false);
    let options = gix_pack::bundle::write::Options::default();
    let no_bases = None::<gix::objs::find::Never>;
    let mut progress = gix::progress::Discard;
    let outcome =
        gix_pack::Bundle::write_to_directory(input, Some(&folder), &mut progress, &never, no_bases, kind, options)
            .map_err(|error| unless_system(error, "index", pack, pack_damaged))?;
    let mut rest = Vec::new();
    input.take(1).read_to_end(&mut rest).at("read the end of", pack)?;
    if !rest.is_empty() {
        return Err(Error::damaged("pack", "something follows the end of the pack"));
    }
    let made = outcome.index_path.ok_or_else(|| Error::damaged("pack", "the pack holds no object"))?;
    let index = pack.with_extension("idx");
    std::fs::rename(&made, &index).at("rename to", &index)?;
    std::fs::remove_dir_all(&folder).at("remove", &folder)?;
    Ok(index)
}

/// Decodes every object of a pack, checks its hash, and looks for each object it refers to, in the pack and in `known`.
/// Where `roots` are given, it also looks for an object that is none of them and to which no other one refers: such a
/// pack holds something that the roots do not reach.
pub fn verify_pack(
    files: &PackFiles,
    index: &PackIndex,
    known: &[PackIndex],
    roots: Option<&[ObjectId]>,
    kind: HashKind,
) -> Result<PackStatistics> {
    let data = gix_pack::data::File::at(&files.pack, kind)
        .map_err(|error| unless_system(error, "open", &files.pack, pack_damaged))?;
    let never = AtomicBool::new(false);
    let broken = Mutex::new(None);
    let referred = Marks::new(index.objects());
    let there = |to: &ObjectId| match index.position(to) {
        Some(position) => {
            referred.set(position);
            true
        }
        None => known.holds(to),
    };
    let processor = |object: gix::objs::Kind, bytes: &[u8], entry: &gix_pack::index::Entry, _: &dyn gix::Progress| {
        if let Some(to) = missing_link(object, bytes, kind, there) {
            let found = Reference { from: entry.oid, to };
            broken.lock().expect("no holder panics").get_or_insert(found);
        }
        Ok(())
    };
    let options = gix_pack::index::traverse::Options::default();
    let outcome = index
        .file()
        .traverse(&data, &mut gix::progress::Discard, &never, processor, options)
        .map_err(|error| unless_system(error, "read", &files.pack, pack_damaged))?;
    let statistics = outcome.statistics;
    let objects = statistics.num_commits + statistics.num_trees + statistics.num_tags + statistics.num_blobs;
    if objects != index.objects() || objects != data.num_objects() {
        return Err(Error::damaged("pack", "the index names other objects than the pack holds"));
    }
    let stray = roots.and_then(|roots| {
        roots.iter().filter_map(|root| index.position(root)).for_each(|position| referred.set(position));
        (0..objects).find(|position| !referred.get(*position)).map(|position| index.id_at(position))
    });
    Ok(PackStatistics { objects, broken: broken.into_inner().expect("no holder panics"), stray })
}

fn pack_damaged(error: &gix::Error) -> Error {
    Error::damaged("pack", format!("the pack is damaged: {error:#}"))
}

/// Tells a system that fails, a full disk or too many open files, from a file that is not what it was or not there at all.
pub(super) fn unless_system(
    error: impl Into<gix::Error>,
    doing: &str,
    path: &Path,
    damaged: impl Fn(&gix::Error) -> Error,
) -> Error {
    let error = error.into();
    let of_system = |io: &&io::Error| io.raw_os_error().is_some() && io.kind() != io::ErrorKind::NotFound;
    match error.downcast_any_ref::<io::Error>().filter(of_system) {
        Some(io) => from_io(doing, path, io),
        None => damaged(&error),
    }
}

/// One bit for each object of a pack, set by several threads.
struct Marks(Vec<AtomicU64>);

impl Marks {
    fn new(count: u32) -> Self {
        Self((0..=count / 64).map(|_| AtomicU64::new(0)).collect())
    }

    fn set(&self, position: u32) {
        self.0[(position / 64) as usize].fetch_or(1 << (position % 64), Ordering::Relaxed);
    }

    fn get(&self, position: u32) -> bool {
        self.0[(position / 64) as usize].load(Ordering::Relaxed) & (1 << (position % 64)) != 0
    }
}

/// Asks for every object that `bytes` refers to and returns the first that is not `there`; an unreadable object refers to
/// nothing we could check, so it names the null id.
fn missing_link(
    object: gix::objs::Kind,
    bytes: &[u8],
    kind: HashKind,
    there: impl Fn(&ObjectId) -> bool,
) -> Option<ObjectId> {
    let mut missing = None;
    let readable = each_link(object, bytes, kind, |id| {
        if !there(&id) {
            missing.get_or_insert(id);
        }
    });
    if readable { missing } else { Some(ObjectId::null(kind)) }
}

/// Hands on every object that `bytes` refers to; a submodule's commit is none of this repository. Returns `false` where the
/// object is unreadable.
fn each_link(object: gix::objs::Kind, bytes: &[u8], kind: HashKind, mut found: impl FnMut(ObjectId)) -> bool {
    use gix::objs::{CommitRefIter, Kind, TagRefIter, TreeRefIter};
    match object {
        Kind::Blob => {}
        Kind::Tag => match TagRefIter::from_bytes(bytes, kind).target_id() {
            Ok(target) => found(target),
            Err(_) => return false,
        },
        Kind::Commit => {
            let Ok(tree) = CommitRefIter::from_bytes(bytes, kind).tree_id() else { return false };
            found(tree);
            CommitRefIter::from_bytes(bytes, kind).parent_ids().for_each(found);
        }
        Kind::Tree => {
            for entry in TreeRefIter::from_bytes(bytes, kind) {
                match entry {
                    Err(_) => return false,
                    Ok(entry) if entry.mode.is_commit() => {}
                    Ok(entry) => found(entry.oid.to_owned()),
                }
            }
        }
    }
    true
}
