//! The patch of a work tree as it lies: each file is read once more and written at once, so that no repository has to hold
//! what was changed, and a file of any size passes through a window.

use super::read::{is_named_repository, lacking};
use super::take::{Take, object_folders};
use super::{LeftOut, Uncommitted, Why};
use crate::error::{AtPath, Error, Result};
use crate::git::{FileChange, FileSide, ObjectId, ObjectReader, Overlay};
use crate::os;
use crate::uncommitted::patch::{self, Paint, TEXT_MAX};
use crate::uncommitted::{Change, Contents, GITLINK, New, NotContent, Seen, WorkTree};
use bstr::{BString, ByteSlice};
use std::io::{self, Write};
use std::path::Path;

/// How often a file is read that changes under the reading, before it is left out.
const TRIES: usize = 3;

/// Writes the patch that makes of the commit the tree stands on the work tree as it lies, until `is_enough` says so, and
/// returns a record of what that does not hold.
///
/// Returns an error where a large file changes while it is written: the patch is void then.
pub fn write_patch(
    what: &Take<'_>,
    tree: &WorkTree,
    seen: &Seen,
    paint: Paint,
    out: &mut dyn Write,
    is_enough: &dyn Fn() -> bool,
) -> Result<Uncommitted> {
    let owner = os::owner(&std::fs::metadata(tree.path()).at("read", tree.path())?);
    let mut sides = Sides {
        what,
        tree,
        seen,
        contents: tree.contents(seen.base, what.deadline),
        reader: tree.objects().reader(),
        old: None,
        new: None,
    };
    let mut left_out: Vec<LeftOut> = Vec::new();
    for change in seen.changes.iter().filter(|change| !change.path.is_empty()) {
        if is_enough() {
            break;
        }
        match sides.side(change)? {
            Ok(new) => {
                let lacks = change.new.filter(|_| new.is_some()).into_iter();
                left_out.extend(lacks.flat_map(|new| lacking(&change.path, &new.stamp, owner, what.user)));
                if let Some(change) = file_change(change, new) {
                    patch::write(&change, &mut sides, paint, out)?;
                }
            }
            Err(left) => left_out.push(left),
        }
    }
    left_out.extend(super::read::unheld(seen));
    Ok(Uncommitted { changes: seen.changes.len(), ..Uncommitted::default() }.leaving_out(left_out))
}

/// What becomes of a file in the patch; `None` where nothing does.
fn file_change(change: &Change, new: Option<FileSide>) -> Option<FileChange> {
    let path = change.from.as_ref().unwrap_or(&change.path);
    let old = change.old.map(|old| FileSide { path: path.clone(), mode: old.mode, id: old.id });
    let similarity = change.similarity.filter(|_| old.is_some() && new.is_some());
    // What is only staged, and lies there as the commit has it, is no difference.
    (old != new).then_some(FileChange { old, new, similarity })
}

/// The contents of both sides.
struct Sides<'a, 'b> {
    what: &'a Take<'b>,
    tree: &'a WorkTree,
    seen: &'a Seen,
    contents: Contents<'a>,
    reader: ObjectReader,
    /// By which git hands out what is too large to be read at once.
    old: Option<Overlay>,
    new: Option<Lies<'a>>,
}

/// What lies there.
struct Lies<'a> {
    change: &'a Change,
    id: ObjectId,
    size: u64,
    /// Its content, unless it is too large for that.
    bytes: Option<Vec<u8>>,
}

impl<'a> Sides<'a, '_> {
    /// Reads the new side of a change; the inner error names what cannot be in the patch.
    fn side(&mut self, change: &'a Change) -> Result<std::result::Result<Option<FileSide>, LeftOut>> {
        let Some(new) = change.new else { return Ok(Ok(None)) };
        let path = &change.path;
        if self.is_refused(path, new.mode)? {
            return Ok(Err(LeftOut::new(path, None, Why::Name)));
        }
        let side = |id| Ok(Some(FileSide { path: path.clone(), mode: new.mode, id }));
        if new.mode == GITLINK {
            let none = || LeftOut::new(path, None, Why::Repository).detail("no commit yet");
            return Ok(new.id.map_or_else(|| Err(none()), side));
        }
        let left = |why, detail: Option<String>| LeftOut { detail, ..LeftOut::new(path, Some(new.stamp.size), why) };
        for _ in 0..TRIES {
            match self.read(change, new) {
                Ok(id) => return Ok(side(id)),
                Err(NotContent::Moving) => {}
                Err(NotContent::Late) => return Ok(Err(left(Why::Time, None))),
                Err(error) => return Ok(Err(left(Why::Unreadable, Some(error.to_string())))),
            }
        }
        Ok(Err(left(Why::Unreadable, Some("it changed while it was read".into()))))
    }

    fn read(&mut self, change: &'a Change, new: New) -> std::result::Result<ObjectId, NotContent> {
        let mut bytes = Vec::new();
        let is_small = new.stamp.size <= TEXT_MAX;
        let mut nowhere = io::sink();
        let out: &mut dyn Write = if is_small { &mut bytes } else { &mut nowhere };
        let told = self.contents.tell(change, Some(out))?;
        let bytes = (is_small && told.size <= TEXT_MAX).then_some(bytes);
        self.new = Some(Lies { change, id: told.id, size: told.size, bytes });
        Ok(told.id)
    }

    /// Tells whether git takes no such name into a tree.
    fn is_refused(&mut self, path: &BString, mode: u32) -> Result<bool> {
        if !path.split_str("/").any(is_named_repository) {
            return Ok(false);
        }
        let side = FileSide { path: path.clone(), mode, id: ObjectId::empty_blob(self.tree.objects().kind()) };
        Ok(!self.overlay()?.write_tree(None, &[], &[side])?.1.is_empty())
    }

    fn overlay(&mut self) -> Result<&Overlay> {
        if self.old.is_none() {
            let others = object_folders(self.what.host, self.tree, self.seen);
            let folder = self.what.scratch.join("patch.git");
            self.old = Some(Overlay::new(&folder, self.tree.objects().kind(), &others)?);
        }
        self.old.as_ref().ok_or_else(|| Error::failed("patch", "there is no repository"))
    }

    fn lies(&self, id: &ObjectId) -> Option<&Lies<'a>> {
        self.new.as_ref().filter(|new| new.id == *id)
    }
}

impl patch::Contents for Sides<'_, '_> {
    fn size(&mut self, id: &ObjectId) -> Result<u64> {
        self.lies(id).map_or_else(|| self.reader.size(id), |new| Ok(new.size))
    }

    fn read(&mut self, id: &ObjectId) -> Result<Vec<u8>> {
        match self.new.as_mut().filter(|new| new.id == *id).and_then(|new| new.bytes.clone()) {
            Some(bytes) => Ok(bytes),
            None => self.reader.blob(id),
        }
    }

    fn stream(&mut self, id: &ObjectId, out: &mut dyn Write) -> Result<()> {
        let written = |result: io::Result<()>| result.at("write", Path::new("the patch"));
        if let Some(new) = self.new.as_ref().filter(|new| new.id == *id) {
            if let Some(bytes) = &new.bytes {
                return written(out.write_all(bytes));
            }
            let path = crate::text::shown(&new.change.path);
            return match self.contents.tell(new.change, Some(out)) {
                Ok(told) if told.id == *id => Ok(()),
                Err(NotContent::Io(error)) => written(Err(error)),
                Ok(_) | Err(_) => Err(Error::failed("moving", format!("{path} changed while it was written"))
                    .hint("what was written is no patch; make it again")),
            };
        }
        if self.reader.size(id)? <= TEXT_MAX {
            let bytes = self.reader.blob(id)?;
            return written(out.write_all(&bytes));
        }
        let id = *id;
        self.overlay()?.repository().stream_blob(&id, out)
    }
}
