//! Which objects a pack holds: its index, mapped into memory and asked by id.

use super::pack::unless_system;
use super::{HashKind, ObjectId};
use crate::error::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// The index of a pack (gitformat-pack(5)); a copy shares the memory.
#[derive(Clone)]
pub struct PackIndex {
    file: Arc<gix_pack::index::File>,
}

/// Anything that can say whether it holds an object.
pub trait Membership: Sync {
    /// Tells whether the object is in it.
    fn holds(&self, id: &ObjectId) -> bool;
}

impl Membership for PackIndex {
    fn holds(&self, id: &ObjectId) -> bool {
        self.position(id).is_some()
    }
}

impl Membership for [PackIndex] {
    fn holds(&self, id: &ObjectId) -> bool {
        self.iter().any(|index| index.holds(id))
    }
}

impl PackIndex {
    /// Maps the index of a pack that ends in `pack_checksum`, or of any pack.
    ///
    /// Its form is checked and not every byte of it: an id that a flipped bit made is none that anybody asks for, and one
    /// that it hides is only stored once more. Returns [`crate::error::Kind::Damaged`] where it is cut or another pack's.
    pub fn open(path: &Path, kind: HashKind, pack_checksum: Option<&ObjectId>) -> Result<Self> {
        let damaged = |why: &dyn std::fmt::Display| {
            Error::damaged("index", format!("{} is no index of the pack: {why}", path.display()))
        };
        let file = gix_pack::index::File::at(path, kind)
            .map_err(|error| unless_system(error, "open", path, |error| damaged(error)))?;
        if pack_checksum.is_some_and(|checksum| *checksum != file.pack_checksum()) {
            return Err(damaged(&"it belongs to another pack"));
        }
        Ok(Self { file: Arc::new(file) })
    }

    /// Returns how many objects the pack holds.
    pub fn objects(&self) -> u32 {
        self.file.num_objects()
    }

    /// Returns the checksum in which the pack ends, and by which git names it.
    pub fn pack_checksum(&self) -> ObjectId {
        self.file.pack_checksum()
    }

    /// Returns the place of an object in the index, from 0 to one less than [`PackIndex::objects`].
    pub fn position(&self, id: &ObjectId) -> Option<u32> {
        self.file.lookup(id)
    }

    /// Returns the id at a place.
    pub fn id_at(&self, position: u32) -> ObjectId {
        self.file.oid_at_index(position).to_owned()
    }

    pub(super) fn file(&self) -> &gix_pack::index::File {
        &self.file
    }
}
