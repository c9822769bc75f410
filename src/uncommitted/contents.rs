//! The contents of changed paths, one after the other.

use super::content::{self, Content, Means, NotContent};
use super::inside;
use super::place::{self, WorkTree};
use super::{Change, LINK};
use crate::git::{Cleaner, Conversion, Filter, ObjectId, ObjectReader, Rules, blob_id};
use crate::os::Folder;
use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Instant;

/// Reads contents of a work tree as git would store them. Paths are best asked for in their order: the folder of the one
/// before is kept open.
pub struct Contents<'a> {
    tree: &'a WorkTree,
    reader: ObjectReader,
    base: Option<ObjectId>,
    cleaner: Cleaner,
    last: Option<(BString, Rules, Folder)>,
}

impl WorkTree {
    /// Returns a reader of its contents, for this thread; `base` is the commit the tree stands on. After the deadline nothing is
    /// read any more.
    pub fn contents(&self, base: Option<ObjectId>, deadline: Option<Instant>) -> Contents<'_> {
        let mut reader = self.objects().reader();
        let base = base.and_then(|commit| reader.tree_of(&commit).ok());
        Contents { tree: self, reader, base, cleaner: Cleaner::until(deadline), last: None }
    }
}

impl Contents<'_> {
    /// Tells id, size and stamp of what lies at a change's path, and writes its content to `out`: of a link, where it leads.
    ///
    /// Returns an error where nothing can be read there, or where it was written meanwhile; then what went to `out` is void.
    pub fn tell(&mut self, change: &Change, out: Option<&mut dyn Write>) -> Result<Content, NotContent> {
        let is_link = change.new.is_some_and(|new| new.mode == LINK);
        // As `git add` would ask: what the index has at this very path, or would have.
        let asks_index = self.tree.has_index() && !self.tree.index_holds(self.base);
        let stored = if asks_index {
            self.tree.index().and_then(|index| index.find(change.path.as_bstr())).map(|staged| staged.id)
        } else {
            change.old.filter(|_| change.from.is_none()).map(|old| old.id)
        };
        self.tell_path(change.path.as_bstr(), stored, is_link, out)
    }

    /// The same of any path; `stored` is the blob that git has of it, `is_link` whether it is one in git's eyes.
    pub fn tell_path(
        &mut self,
        path: &BStr,
        stored: Option<ObjectId>,
        is_link: bool,
        out: Option<&mut dyn Write>,
    ) -> Result<Content, NotContent> {
        let kind = self.tree.objects().kind();
        let conversion = self.conversion(path)?;
        let (at, name) = self.stands(path)?;
        let stamp = at.look(name)?;
        if stamp.is_link() {
            let target = at.link(name)?;
            if at.look(name)? != stamp {
                return Err(NotContent::Moving);
            }
            out.map_or(Ok(()), |out| out.write_all(&target))?;
            let id = blob_id(kind, &target).ok_or(NotContent::Attack)?;
            return Ok(Content { id, size: target.len() as u64, stamp });
        }
        let mut file = at.file(name)?;
        let conversion = if is_link { Conversion::default() } else { conversion };
        let reader = &mut self.reader;
        let means = Means { path, conversion: &conversion, cleaner: &mut self.cleaner, kind };
        content::tell(&mut file, means, || reader.blob(&stored?).ok(), out)
    }

    /// Returns the filter that makes of what lies at a path what git stores, if one does.
    pub fn filter(&mut self, path: &BStr) -> Option<BString> {
        if self.filters().is_empty() {
            return None;
        }
        let Some(Filter::Known(driver)) = self.conversion(path).ok()?.filter else { return None };
        self.filters().contains(&driver.name).then(|| driver.name.clone())
    }

    /// Returns the names of the filters that made something of what was read so far.
    pub fn filters(&self) -> &BTreeSet<BString> {
        self.cleaner.told().0
    }

    /// Tells what becomes of a path's content on its way into git.
    pub fn conversion(&mut self, path: &BStr) -> io::Result<Conversion> {
        self.enter(path)?;
        Ok(self.last.as_ref().map(|(_, rules, _)| rules.conversion(path)).unwrap_or_default())
    }

    /// Tells whether git would show no text of what lies at a change's path, or was there before.
    pub fn is_binary(&mut self, change: &Change) -> io::Result<bool> {
        let old = change.old.filter(|old| old.mode & 0o170_000 == 0o100_000).map(|old| old.id);
        let file = change.new.filter(|new| new.mode & 0o170_000 == 0o100_000);
        if file.is_some() || old.is_some() {
            // Where the folder is gone too, its attributes are those of the folders that are left.
            let conversion = self.conversion(change.path.as_bstr()).unwrap_or_default();
            if let Some(text) = conversion.shown_as_text {
                return Ok(!text);
            }
            if file.is_some() && self.looks_binary(change.path.as_bstr(), &conversion)? {
                return Ok(true);
            }
        }
        Ok(old.is_some_and(|id| self.reader.blob(&id).is_ok_and(|bytes| content::looks_binary(&bytes))))
    }

    fn looks_binary(&mut self, path: &BStr, conversion: &Conversion) -> io::Result<bool> {
        use std::io::Read;
        if matches!(conversion.filter, Some(Filter::Known(_))) {
            let mut first = First(Vec::new());
            self.tell_path(path, None, false, Some(&mut first)).map_err(io::Error::other)?;
            return Ok(content::looks_binary(&first.0));
        }
        let (at, name) = self.stands(path)?;
        let file = at.file(name)?;
        let mut bytes = Vec::new();
        let wanted = if conversion.encoding.is_some() { u64::MAX } else { content::BINARY_LOOK as u64 };
        file.take(wanted).read_to_end(&mut bytes)?;
        let utf8 = conversion.encoding.as_ref().and_then(|name| crate::git::to_utf8(&bytes, name.as_bstr()));
        Ok(content::looks_binary(utf8.as_deref().unwrap_or(&bytes)))
    }

    /// Returns the open folder of a path and its last name.
    fn stands<'p>(&mut self, path: &'p BStr) -> io::Result<(&Folder, &'p [u8])> {
        self.enter(path)?;
        let start = path.rfind_byte(b'/').map_or(0, |slash| slash + 1);
        let at = self.last.as_ref().map(|(_, _, at)| at);
        at.map(|at| (at, &path.as_bytes()[start..])).ok_or_else(|| io::Error::other("no folder is open"))
    }

    fn enter(&mut self, path: &BStr) -> io::Result<()> {
        let folder = path.rfind_byte(b'/').map_or(&b""[..], |slash| &path[..slash]);
        if self.last.as_ref().is_some_and(|(last, _, _)| last == folder) {
            return Ok(());
        }
        self.last = None;
        let at = inside::walk_to(self.tree.root(), folder)?;
        let (tree, base, reader) = (self.tree, self.base, &mut self.reader);
        let mut stored = |file: &BStr| {
            let asks_index = tree.has_index() && !tree.index_holds(base);
            let staged = || tree.index().and_then(|index| index.find(file)).map(|staged| staged.id);
            let of_base = |reader: &mut ObjectReader| reader.entry_at(&base?, file).ok().flatten();
            let id = if asks_index { staged() } else { of_base(reader).map(|entry| entry.id) };
            reader.blob(&id?).ok()
        };
        let rules = place::rules_for(tree, path, &mut stored)?;
        self.last = Some((folder.into(), rules, at));
        Ok(())
    }
}

/// Keeps the first bytes of what is written, and passes over the rest.
struct First(Vec<u8>);

impl Write for First {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = content::BINARY_LOOK.saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
