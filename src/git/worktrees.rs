//! Linked work trees (git-worktree(1)), as far as they keep something alive that no reference does.

use super::{ObjectId, Repository};
use crate::error::{AtPath, Result};
use crate::os::{OsStrExt, OsStringExt};
use bstr::{BString, ByteSlice};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;

impl Repository {
    /// Returns the HEAD of every linked work tree where it is on no branch, by the name of the work tree.
    ///
    /// One whose commit is not here is left out: that work tree is broken, and `git fsck` says so.
    pub(super) fn detached_worktrees(&self) -> Result<BTreeMap<BString, ObjectId>> {
        let folder = self.common_dir().join("worktrees");
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error).at("read", &folder),
        };
        let mut heads = BTreeMap::new();
        for entry in entries {
            let name = BString::from(entry.at("read", &folder)?.file_name().into_vec());
            let head = self.detached_head(&name)?.filter(|id| self.contains(id));
            heads.extend(head.map(|id| (name, id)));
        }
        Ok(heads)
    }

    fn detached_head(&self, worktree: &BString) -> Result<Option<ObjectId>> {
        if self.uses_reftable() {
            return self.detached_head_by_git(worktree);
        }
        let path = self.common_dir().join("worktrees").join(OsStr::from_bytes(worktree)).join("HEAD");
        match std::fs::read(&path) {
            Ok(text) => Ok(ObjectId::from_hex(text.trim()).ok()),
            // Removed since it was listed.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error).at("read", &path),
        }
    }

    fn detached_head_by_git(&self, worktree: &BString) -> Result<Option<ObjectId>> {
        // As git names it (git-worktree(1)).
        let head = [b"worktrees/", worktree.as_slice(), b"/HEAD"].concat();
        let head = OsStr::from_bytes(&head);
        let on = self.git().args(["symbolic-ref", "--quiet"]).arg(head).output()?;
        let id = self.git().args(["rev-parse", "--verify", "--quiet"]).arg(head).output()?;
        Ok(ObjectId::from_hex(id.stdout.trim()).ok().filter(|_| id.status.success() && !on.status.success()))
    }
}
