//! Contents from a repository.

use super::Contents;
use crate::error::{AtPath, Error, Result};
use crate::git::{ObjectId, Repository};
use std::io::Write;
use std::path::Path;

/// The blobs of a repository.
pub struct Blobs<'a> {
    repository: &'a Repository,
}

impl<'a> Blobs<'a> {
    /// Takes them from `repository`.
    pub fn of(repository: &'a Repository) -> Self {
        Self { repository }
    }
}

impl Contents for Blobs<'_> {
    fn size(&mut self, id: &ObjectId) -> Result<u64> {
        self.repository.blob_size(id)
    }

    fn read(&mut self, id: &ObjectId) -> Result<Vec<u8>> {
        let missing = || Error::missing_object(id);
        self.repository.blob(id, super::TEXT_MAX).ok_or_else(missing)
    }

    fn stream(&mut self, id: &ObjectId, out: &mut dyn Write) -> Result<()> {
        match self.repository.blob(id, super::TEXT_MAX) {
            Some(bytes) => out.write_all(&bytes).at("write", Path::new("the patch")),
            None => self.repository.stream_blob(id, out),
        }
    }
}
