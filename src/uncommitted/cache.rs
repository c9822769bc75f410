//! What was read before: of every folder the entries of its tree, by which stamp which content was seen, and by which stamp
//! of its own which names stood in it.
//!
//! It lies in the host's own git directory, never in the tree, one file for each tree. It is safe to lose: it is written whole,
//! under a name of its own first, and read only where its checksum holds. A file that was written within the grain of the
//! clock before the look began is not remembered (git's "racy" entries), so that equal stamps are equal content.

use super::Stamp;
use crate::durable::Modes;
use crate::git::{HashKind, ObjectId};
use crate::os::OsStrExt;
use crate::os::{self, Entry};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first bytes of the file; the last one is the version of what follows.
const MAGIC: &[u8; 8] = b"cairnlk2";
/// How long before a look a file must have been left alone to be remembered: the grain of the kernel's clock, and more.
const GRAIN: Duration = Duration::from_millis(100);
/// The same where a file system keeps whole seconds only, or two.
const COARSE_GRAIN: Duration = Duration::from_secs(3);

/// How old a file must be that is still being written to be one that a killed look left.
const LEFT_AFTER: Duration = Duration::from_secs(3600);

/// How many sums a checksum is made of.
const LANES: usize = 4;

const IN_TREE: u8 = 1;
const SEEN: u8 = 2;
const OTHER: u8 = 4;
/// By how many bits the code of what stands on the disk is shifted.
const DISK: u8 = 3;

/// One name of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// The name.
    pub name: &'a [u8],
    /// Its mode in git's tree.
    pub mode: u32,
    /// The object.
    pub id: ObjectId,
    /// Whether the folder's tree has it; else it is one that only an index has.
    pub in_tree: bool,
    /// By which stamp which content was seen.
    pub content: Option<(Stamp, ObjectId)>,
    /// What stood there when the folder was listed.
    pub disk: Option<Entry>,
}

/// A name that stands in a folder.
pub type Name<'a> = (&'a [u8], Entry);

/// What is known of a folder.
#[derive(Debug)]
pub struct Folder<'a> {
    /// Its tree, if the commit has one there.
    pub tree: Option<ObjectId>,
    /// [`crate::git::Rules::key`] of what was seen.
    pub rules: u64,
    /// Its names, sorted.
    pub names: Vec<Known<'a>>,
    /// The folder's own stamp when it was listed: while that stays, so do its names. `None` where they are not known.
    pub listing: Option<Stamp>,
    /// What stood there then beside these names, sorted.
    pub others: Vec<Name<'a>>,
    /// Where it lies in the file.
    pub bytes: Range<usize>,
}

/// What one look leaves for the next.
#[derive(Debug, Default)]
pub struct Cache {
    file: Vec<u8>,
    folders: HashMap<Vec<u8>, Range<usize>>,
    kind: Option<HashKind>,
    index: Option<IndexHeld>,
}

/// An index that held what a tree has, and nothing else: no other entry, no conflict and no flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexHeld {
    /// The stamp of its file.
    pub stamp: Stamp,
    /// The tree.
    pub tree: ObjectId,
}

impl Cache {
    /// Names the file for a tree, in the folder that holds them all.
    pub fn path(folder: &Path, tree: &Path) -> PathBuf {
        let digest = Sha256::digest(tree.as_os_str().as_bytes());
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        folder.join(format!("{name}.look"))
    }

    /// Reads what there is; nothing where it is missing, damaged, or of another tree.
    pub fn read(path: &Path, tree: &Path, kind: HashKind) -> Self {
        std::fs::read(path).ok().and_then(|file| Self::parse(file, tree, kind)).unwrap_or_default()
    }

    fn parse(file: Vec<u8>, tree: &Path, kind: HashKind) -> Option<Self> {
        let body = file.len().checked_sub(8)?;
        if file[body..] != checksum(&file[..body]).to_le_bytes() {
            return None;
        }
        let mut reader = Reader { bytes: &file[..body], at: 0 };
        if reader.take(8)? != MAGIC || usize::from(reader.byte()?) != kind.len_in_bytes() {
            return None;
        }
        let length = reader.long()?;
        if reader.take(usize::try_from(length).ok()?)? != tree.as_os_str().as_bytes() {
            return None;
        }
        let width = kind.len_in_bytes();
        let index = match reader.byte()? {
            0 => None,
            _ => Some(IndexHeld { stamp: reader.stamp()?, tree: reader.id(width)? }),
        };
        let mut folders = HashMap::new();
        while reader.at < body {
            let start = reader.at;
            let length = reader.int()? as usize;
            let end = reader.at.checked_add(length).filter(|end| *end <= body)?;
            let name = reader.short()?;
            folders.insert(reader.take(name.into())?.to_vec(), start..end);
            reader.at = end;
        }
        Some(Self { file, folders, kind: Some(kind), index })
    }

    /// Returns by which stamp which tree was known to be what the index holds.
    pub fn index(&self) -> Option<IndexHeld> {
        self.index
    }

    /// Returns what is known of a folder; its path ends in a slash, the root's is empty.
    pub fn folder(&self, path: &[u8]) -> Option<Folder<'_>> {
        let bytes = self.folders.get(path)?.clone();
        let width = self.kind?.len_in_bytes();
        let mut reader = Reader { bytes: &self.file[..bytes.end], at: bytes.start + 4 };
        let name = reader.short()?;
        reader.take(name.into())?;
        let tree = if reader.byte()? == 1 { Some(reader.id(width)?) } else { None };
        let rules = reader.long()?;
        let listing = if reader.byte()? == 1 { Some(reader.stamp()?) } else { None };
        let count = reader.int()?;
        let mut names = Vec::with_capacity(count.min(1 << 20) as usize);
        for _ in 0..count {
            names.push(reader.known(width)?);
        }
        let mut others = Vec::new();
        for _ in 0..reader.int()? {
            let entry = entry(reader.byte()?)?;
            let length = reader.short()?;
            others.push((reader.take(length.into())?, entry));
        }
        Some(Folder { tree, rules, names, listing, others, bytes })
    }

    /// Returns the parts of the folders that are not among these.
    pub fn others(&self, parts: &[Part]) -> Vec<Part> {
        let known: HashSet<&[u8]> = parts.iter().filter_map(|part| self.path_of(part)).collect();
        let others = self.folders.iter().filter(|(path, _)| !known.contains(path.as_slice()));
        others.map(|(_, range)| Part::Same(range.clone())).collect()
    }

    fn path_of<'a>(&'a self, part: &'a Part) -> Option<&'a [u8]> {
        let bytes = match part {
            Part::Same(range) => &self.file[range.clone()],
            Part::New(bytes) => bytes,
        };
        let mut reader = Reader { bytes, at: 4 };
        let length = reader.short()?;
        reader.take(length.into())
    }

    /// Returns how many folders it knows.
    pub fn len(&self) -> usize {
        self.folders.len()
    }

    /// Writes a new one of these parts, and of what is known of the index.
    ///
    /// Returns an error where it cannot; the next look then takes longer, and nothing else.
    pub fn write(
        &self,
        path: &Path,
        tree: &Path,
        kind: HashKind,
        (parts, index): (&[Part], Option<IndexHeld>),
        modes: Modes,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut out = Vec::with_capacity(self.file.len() + (1 << 16));
        out.extend_from_slice(MAGIC);
        out.push(u8::try_from(kind.len_in_bytes())?);
        let name = tree.as_os_str().as_bytes();
        out.extend_from_slice(&(name.len() as u64).to_le_bytes());
        out.extend_from_slice(name);
        out.push(u8::from(index.is_some()));
        if let Some(index) = index {
            put_stamp(&mut out, &index.stamp);
            out.extend_from_slice(index.tree.as_slice());
        }
        for part in parts {
            match part {
                Part::Same(range) => out.extend_from_slice(&self.file[range.clone()]),
                Part::New(bytes) => out.extend_from_slice(bytes),
            }
        }
        out.extend_from_slice(&checksum(&out).to_le_bytes());
        let folder = path.parent().ok_or("no folder")?;
        crate::durable::make_folders(folder, modes)?;
        sweep(folder)?;
        let mut builder = tempfile::Builder::new();
        let mut temporary = builder.prefix(crate::durable::TEMPORARY_PREFIX).tempfile_in(folder)?;
        os::set_file_permissions(temporary.as_file(), modes.file)?;
        temporary.write_all(&out)?;
        temporary.persist(path)?;
        Ok(())
    }
}

/// Removes what killed looks left; one that runs writes for a moment only.
fn sweep(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        let is_ours = entry.file_name().as_bytes().starts_with(crate::durable::TEMPORARY_PREFIX.as_bytes());
        let touched = entry.metadata().and_then(|metadata| metadata.modified());
        if is_ours && touched.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT_AFTER)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A folder's part of a new cache.
#[derive(Debug)]
pub enum Part {
    /// As it was.
    Same(Range<usize>),
    /// Another one.
    New(Vec<u8>),
}

impl Part {
    /// Makes the part of a folder from its names and, where it may be used again, its listing: the folder's stamp, and what
    /// stands there beside the names. `None` where a name is too long to be kept.
    pub fn of(
        path: &[u8],
        tree: Option<ObjectId>,
        rules: u64,
        names: &[Known<'_>],
        listing: Option<(Stamp, &[Name<'_>])>,
    ) -> Option<Self> {
        let mut out = vec![0; 4];
        out.extend_from_slice(&u16::try_from(path.len()).ok()?.to_le_bytes());
        out.extend_from_slice(path);
        out.push(u8::from(tree.is_some()));
        out.extend_from_slice(tree.as_ref().map_or(b"", |id| id.as_slice()));
        out.extend_from_slice(&rules.to_le_bytes());
        out.push(u8::from(listing.is_some()));
        let others = listing.map_or(&[][..], |(stamp, others)| {
            put_stamp(&mut out, &stamp);
            others
        });
        out.extend_from_slice(&u32::try_from(names.len()).ok()?.to_le_bytes());
        for known in names {
            let other = known.content.filter(|(_, id)| *id != known.id);
            let flags = (if known.in_tree { IN_TREE } else { 0 })
                | (if known.content.is_some() { SEEN } else { 0 })
                | (if other.is_some() { OTHER } else { 0 })
                | (known.disk.map_or(0, code) << DISK);
            out.push(flags);
            out.extend_from_slice(&known.mode.to_le_bytes());
            out.extend_from_slice(&u16::try_from(known.name.len()).ok()?.to_le_bytes());
            out.extend_from_slice(known.name);
            out.extend_from_slice(known.id.as_slice());
            if let Some((stamp, _)) = known.content {
                put_stamp(&mut out, &stamp);
            }
            if let Some((_, id)) = other {
                out.extend_from_slice(id.as_slice());
            }
        }
        out.extend_from_slice(&u32::try_from(others.len()).ok()?.to_le_bytes());
        for (name, entry) in others {
            out.push(code(*entry));
            out.extend_from_slice(&u16::try_from(name.len()).ok()?.to_le_bytes());
            out.extend_from_slice(name);
        }
        let length = u32::try_from(out.len() - 4).ok()?;
        out[..4].copy_from_slice(&length.to_le_bytes());
        Some(Self::New(out))
    }
}

fn put_stamp(out: &mut Vec<u8>, stamp: &Stamp) {
    out.extend_from_slice(&stamp.modified.to_le_bytes());
    out.extend_from_slice(&stamp.changed.to_le_bytes());
    for number in [stamp.size, stamp.inode, stamp.device] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&stamp.mode.to_le_bytes());
    out.extend_from_slice(&stamp.owner.to_le_bytes());
}

/// The code of what stands on the disk; 0 is nothing.
fn code(entry: Entry) -> u8 {
    match entry {
        Entry::File => 1,
        Entry::Folder => 2,
        Entry::Special => 3,
    }
}

fn entry(code: u8) -> Option<Entry> {
    [Entry::File, Entry::Folder, Entry::Special].into_iter().find(|entry| self::code(*entry) == code)
}

/// Tells which files are old enough to be remembered by their stamps.
#[derive(Debug, Clone, Copy)]
pub struct Horizon {
    fine: i64,
    coarse: i64,
}

impl Horizon {
    /// The one of a look that begins now.
    pub fn now() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let before = |grain| i64::try_from(now.saturating_sub(grain).as_nanos()).unwrap_or(0);
        Self { fine: before(GRAIN), coarse: before(COARSE_GRAIN) }
    }

    /// Tells whether a file of this stamp, should it be written again, would have another one.
    pub fn is_past(self, stamp: &Stamp) -> bool {
        let last = stamp.modified.max(stamp.changed);
        let whole = stamp.modified % 1_000_000_000 == 0 && stamp.changed % 1_000_000_000 == 0;
        last < if whole { self.coarse } else { self.fine }
    }
}

/// Tells a torn file from a whole one; it is no defence against an attack.
fn checksum(bytes: &[u8]) -> u64 {
    // In lanes, none of which waits for another.
    let mut lanes = [0xcbf2_9ce4_8422_2325_u64 ^ bytes.len() as u64; LANES];
    let add = |sum: u64, word: u64| (sum.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = bytes.as_chunks::<8>();
    let (rows, last) = words.as_chunks::<LANES>();
    for row in rows {
        for (lane, word) in lanes.iter_mut().zip(row) {
            *lane = add(*lane, u64::from_le_bytes(*word));
        }
    }
    let rest = last.iter().map(|word| u64::from_le_bytes(*word)).chain(rest.iter().copied().map(u64::from));
    lanes.into_iter().skip(1).chain(rest).fold(lanes[0], add)
}

/// Reads numbers and names, and never past the end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn int(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn long(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn id(&mut self, width: usize) -> Option<ObjectId> {
        self.take(width).and_then(|bytes| ObjectId::try_from(bytes).ok())
    }

    fn known(&mut self, width: usize) -> Option<Known<'a>> {
        let flags = self.byte()?;
        let mode = self.int()?;
        let length = self.short()?;
        let name = self.take(length.into())?;
        let id = self.id(width)?;
        let stamp = if flags & SEEN == 0 { None } else { Some(self.stamp()?) };
        let seen = if flags & OTHER == 0 { id } else { self.id(width)? };
        let content = stamp.map(|stamp| (stamp, seen));
        Some(Known { name, mode, id, in_tree: flags & IN_TREE != 0, content, disk: entry(flags >> DISK) })
    }

    fn stamp(&mut self) -> Option<Stamp> {
        Some(Stamp {
            modified: self.long()?.cast_signed(),
            changed: self.long()?.cast_signed(),
            size: self.long()?,
            inode: self.long()?,
            device: self.long()?,
            mode: self.int()?,
            owner: self.int()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_torn_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (path, tree) = (Cache::path(dir.path(), Path::new("/srv/x")), Path::new("/srv/x"));
        let ids = [b"one", b"two"].map(|text| crate::git::blob_id(HashKind::Sha1, text).unwrap());
        let stamp = Stamp { modified: -1, changed: 2, size: 3, inode: 4, device: 5, mode: 6, owner: 7 };
        let disk = Some(Entry::File);
        let known = |name, content| Known { name, mode: 0o100_644, id: ids[0], in_tree: true, content, disk };
        let names = [known(b"a", None), known(b"b", Some((stamp, ids[0]))), known(b"c", Some((stamp, ids[1])))];
        let others = [(&b"d"[..], Entry::Special), (b"e", Entry::Folder)];
        let part = Part::of(b"folder/", Some(ids[1]), 42, &names, Some((stamp, &others))).unwrap();
        let index = Some(IndexHeld { stamp, tree: ids[0] });
        Cache::default().write(&path, tree, HashKind::Sha1, (&[part], index), Modes::OWNER).unwrap();
        let cache = Cache::read(&path, tree, HashKind::Sha1);
        let folder = cache.folder(b"folder/").unwrap();
        assert_eq!((folder.tree, folder.rules, folder.names.as_slice()), (Some(ids[1]), 42, names.as_slice()));
        assert_eq!((folder.listing, folder.others.as_slice(), cache.index()), (Some(stamp), &others[..], index));
        assert!(Cache::read(&path, Path::new("/srv/y"), HashKind::Sha1).folder(b"folder/").is_none());
        let whole = std::fs::read(&path).unwrap();
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(Cache::read(&path, tree, HashKind::Sha1).len(), 0);
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            assert_eq!(Cache::read(&path, tree, HashKind::Sha1).len(), 0, "byte {at}");
        }
    }

    #[test]
    fn what_a_look_did_not_reach_stays_known() {
        let dir = tempfile::tempdir().unwrap();
        let (path, tree) = (Cache::path(dir.path(), Path::new("/srv/x")), Path::new("/srv/x"));
        let part = |name: &[u8], rules| Part::of(name, None, rules, &[], None).unwrap();
        let both = [part(b"a/", 1), part(b"b/", 1)];
        Cache::default().write(&path, tree, HashKind::Sha1, (&both, None), Modes::OWNER).unwrap();
        let before = Cache::read(&path, tree, HashKind::Sha1);
        let mut parts = vec![part(b"a/", 2), part(b"c/", 2)];
        parts.extend(before.others(&parts));
        before.write(&path, tree, HashKind::Sha1, (&parts, None), Modes::OWNER).unwrap();
        let after = Cache::read(&path, tree, HashKind::Sha1);
        let rules = |name: &[u8]| after.folder(name).map(|folder| folder.rules);
        assert_eq!((after.len(), rules(b"a/"), rules(b"b/"), rules(b"c/")), (3, Some(2), Some(1), Some(2)));
        assert!(after.others(&[Part::Same(0..0)]).len() == 3);
    }

    #[test]
    fn what_was_written_just_now_is_not_remembered() {
        let horizon = Horizon::now();
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap() | 1;
        let at = |modified, changed| horizon.is_past(&Stamp { modified, changed, ..Stamp::default() });
        assert!(!at(now, now) && !at(1, now) && !at(now, 1));
        assert!(at(1, 1) && at(now - 1_000_000_001, 1));
        let second = now / 1_000_000_000 * 1_000_000_000;
        assert!(!at(second - 1_000_000_000, 0) && at(second - 4_000_000_000, 0));
    }
}
