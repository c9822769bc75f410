//! Reading objects on many threads, from the host and from repositories that borrow from it.

use super::{HashKind, ObjectId, Repository};
use crate::error::{AtPath, Error, Result};
use bstr::{BStr, BString, ByteSlice};
use gix::objs::FindExt as _;
use gix::prelude::HeaderExt as _;
use std::path::Path;
use std::sync::Arc;

/// Where objects are looked up, one store after the other. It is shared; every thread takes a reader of its own.
#[derive(Clone)]
pub struct Objects {
    stores: Vec<Arc<gix::odb::Store>>,
    kind: HashKind,
}

/// One thread's view of [`Objects`].
pub struct ObjectReader {
    handles: Vec<gix::odb::HandleArc>,
    kind: HashKind,
    buffer: Vec<u8>,
}

/// An entry of a tree object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its name, without a slash.
    pub name: BString,
    /// Its mode as git writes it today: 100644, 100755, 120000, 160000 or 40000.
    pub mode: u32,
    /// The object.
    pub id: ObjectId,
}

impl TreeEntry {
    /// The mode of a folder.
    pub const FOLDER: u32 = 0o40_000;

    /// Tells whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.mode == Self::FOLDER
    }

    /// Tells whether it is a file, be it one that can be run; links and repositories are none.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }
}

impl Repository {
    /// Returns its objects for reading on many threads.
    pub fn objects(&self) -> Result<Objects> {
        Objects::none(self.hash_kind()).and(&self.objects_dir())
    }

    /// Returns a reader of its objects, as many as there are now; it shares what was opened to read others of them.
    pub(super) fn object_reader(&self) -> ObjectReader {
        let objects = Objects { stores: vec![self.gix().objects.store()], kind: self.hash_kind() };
        let mut reader = objects.reader();
        reader.handles.iter_mut().for_each(|handle| handle.refresh_never());
        reader
    }
}

impl Objects {
    /// Returns no place at all, to which some are added.
    pub(super) fn none(kind: HashKind) -> Self {
        Self { stores: vec![], kind }
    }

    /// Adds a folder of objects to look in after the others.
    pub fn and(mut self, folder: &Path) -> Result<Self> {
        let options = gix::odb::store::init::Options::default();
        let store = gix::odb::Store::at_opts(folder.to_owned(), self.kind, &mut std::iter::empty(), options);
        self.stores.push(Arc::new(store.at("read the objects in", folder)?));
        Ok(self)
    }

    /// Returns the hash ids are made with.
    pub fn kind(&self) -> HashKind {
        self.kind
    }

    /// Returns a reader for this thread.
    pub fn reader(&self) -> ObjectReader {
        let handle = |store: &Arc<gix::odb::Store>| {
            let mut handle = store.to_cache_arc();
            handle.ignore_replacements = true;
            handle
        };
        ObjectReader { handles: self.stores.iter().map(handle).collect(), kind: self.kind, buffer: Vec::new() }
    }
}

impl ObjectReader {
    /// Returns the entries of a tree, in git's order.
    ///
    /// Returns an error where it is missing or no tree.
    pub fn tree(&mut self, id: &ObjectId) -> Result<Vec<TreeEntry>> {
        if *id == ObjectId::empty_tree(self.kind) {
            return Ok(vec![]);
        }
        for handle in &self.handles {
            let Ok(tree) = handle.find_tree_iter(id, &mut self.buffer) else { continue };
            let mut entries = Vec::new();
            for entry in tree {
                let entry = entry.map_err(|_| missing(id))?;
                let mode = canonical(u32::from(entry.mode.value()));
                entries.push(TreeEntry { name: entry.filename.to_owned(), mode, id: entry.oid.to_owned() });
            }
            return Ok(entries);
        }
        Err(missing(id))
    }

    /// Returns a commit as it is written; `None` where it is not here, or is none.
    pub(super) fn commit(&mut self, id: &ObjectId) -> Option<&[u8]> {
        let found = self.handles.iter().find(|handle| handle.find_commit_iter(id, &mut self.buffer).is_ok());
        found.map(|_| self.buffer.as_slice())
    }

    /// Returns the tree of a commit.
    pub fn tree_of(&mut self, commit: &ObjectId) -> Result<ObjectId> {
        let found = self.handles.iter().find_map(|handle| {
            let mut commit = handle.find_commit_iter(commit, &mut self.buffer).ok()?;
            commit.tree_id().ok()
        });
        found.ok_or_else(|| missing(commit))
    }

    /// Returns what stands at a path below a tree; `None` where nothing does.
    pub fn entry_at(&mut self, tree: &ObjectId, path: &BStr) -> Result<Option<TreeEntry>> {
        let mut at = *tree;
        let mut names = path.split_str("/").peekable();
        while let Some(name) = names.next() {
            let found = self.tree(&at)?.into_iter().find(|entry| entry.name == name);
            match found {
                Some(entry) if names.peek().is_none() => return Ok(Some(entry)),
                Some(entry) if entry.is_folder() => at = entry.id,
                Some(_) | None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Returns the content of a blob, whole.
    pub fn blob(&mut self, id: &ObjectId) -> Result<Vec<u8>> {
        if *id == ObjectId::empty_blob(self.kind) {
            return Ok(vec![]);
        }
        for handle in &self.handles {
            if handle.find_blob(id, &mut self.buffer).is_ok() {
                return Ok(std::mem::take(&mut self.buffer));
            }
        }
        Err(missing(id))
    }

    /// Returns the size of an object in bytes, without reading it whole.
    pub fn size(&self, id: &ObjectId) -> Result<u64> {
        let found = self.handles.iter().find_map(|handle| handle.header(id).ok());
        found.map(|header| header.size()).ok_or_else(|| missing(id))
    }

    /// Tells whether the object is here.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.size(id).is_ok()
    }
}

/// The modes that trees of old have are read as git reads them (`canon_mode`, object.h).
fn canonical(mode: u32) -> u32 {
    match mode & 0o170_000 {
        0o100_000 if mode & 0o100 != 0 => 0o100_755,
        0o100_000 => 0o100_644,
        0o120_000 => 0o120_000,
        0o040_000 => TreeEntry::FOLDER,
        _ => 0o160_000,
    }
}

pub(super) fn missing(id: &ObjectId) -> Error {
    Error::failed("object-missing", format!("the repository does not have {id}, which it needs"))
        .hint("see what it lacks: git fsck --full")
}

/// Computes the id of a blob whose size is known before its content.
pub struct BlobHasher(gix::hash::Hasher);

impl BlobHasher {
    /// Begins one of a blob of so many bytes.
    pub fn new(kind: HashKind, size: u64) -> Self {
        let mut hasher = gix::hash::hasher(kind);
        hasher.update(format!("blob {size}\0").as_bytes());
        Self(hasher)
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the id; `None` where the content is an attack upon SHA-1 (git refuses that too).
    pub fn finish(self) -> Option<ObjectId> {
        self.0.try_finalize().ok()
    }
}

/// Returns the id of a blob with this content.
pub fn blob_id(kind: HashKind, bytes: &[u8]) -> Option<ObjectId> {
    let mut hasher = BlobHasher::new(kind, bytes.len() as u64);
    hasher.update(bytes);
    hasher.finish()
}
