//! Reading the files of a work tree into a scratch repository, as far as the rules allow.

use super::take::Take;
use super::{LeftOut, Why};
use crate::error::{AtPath, Error, Result};
use crate::git::{FileSide, ObjectId, Overlay};
use crate::os;
use crate::site::CAPTURE_FILE_MAX;
use crate::uncommitted::{
    Change, Contents, EXECUTABLE, GITLINK, Ignored, Kind, LINK, NotContent, REGULAR, Seen, Stamp, WorkTree,
};
use bstr::{BStr, BString, ByteSlice};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Seek};

/// Up to which size a file is read into memory, in bytes; larger ones pass through a file in the scratch folder.
const IN_MEMORY_MAX: u64 = 4 << 20;
/// Within what time two writes may leave a file with the same stamp, in nanoseconds: the grain of a file system's clock.
const GRAIN: i64 = 10_000_000;
/// How often a file is read that changes under the reading, before it is left out.
const TRIES: usize = 3;

/// What was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// The paths that the commit has and the tree does not.
    pub gone: Vec<BString>,
    /// What the tree has instead, or besides.
    pub come: Vec<FileSide>,
    /// What was not read, or not all of it.
    pub left_out: Vec<LeftOut>,
    /// Whether something changed under the reading.
    pub moved: bool,
    /// The newest edit: seconds since 1970, and the file's owner.
    pub newest: Option<(i64, u32)>,
    /// The filters that made something of a file.
    pub filters: BTreeSet<BString>,
}

/// Reads every change. With `last`, what changes again and again under the reading is left out.
pub fn read(what: &Take<'_>, tree: &WorkTree, seen: &Seen, scratch: &Overlay, last: bool) -> Result<Reading> {
    let owner = os::owner(&std::fs::metadata(tree.path()).at("read", tree.path())?);
    let mut reader = Reader {
        what,
        scratch,
        contents: tree.contents(seen.base, what.deadline),
        reading: Reading::default(),
        excluded: BTreeMap::new(),
        bytes: 0,
        owner,
        last,
        begun: i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX),
    };
    for change in seen.changes.iter().filter(|change| !change.path.is_empty()) {
        reader.change(change)?;
    }
    if what.ignored {
        for ignored in &seen.ignored {
            reader.ignored(tree, ignored)?;
        }
    }
    let mut reading = reader.finish();
    reading.left_out.extend(unheld(seen));
    Ok(reading)
}

/// Names what was seen and no tree holds, and what was not seen.
pub(super) fn unheld(seen: &Seen) -> impl Iterator<Item = LeftOut> {
    let nothing = |path: &BString, why| LeftOut::new(path, None, why);
    let special = seen.special.iter().map(move |path| nothing(path, Why::Special));
    let empty = seen.empty_folders.iter().map(move |path| nothing(path, Why::EmptyFolder));
    let unreadable = seen.unreadable.iter();
    let unreadable = unreadable.map(move |one| nothing(&one.path, Why::Unreadable).detail(one.why.clone()));
    let late = seen.late.iter().map(move |path| nothing(path, Why::Time));
    special.chain(empty).chain(unreadable).chain(late)
}

/// Names what a tree does not hold of a file that it holds; `owner` is the user whose files need no word.
pub(super) fn lacking(path: &[u8], stamp: &Stamp, owner: u32, user: &dyn Fn(u32) -> String) -> Vec<LeftOut> {
    let bits = stamp.mode & 0o7777;
    let mode = (stamp.is_file() && ![0o644, 0o755].contains(&bits)).then(|| (Why::Mode, format!("{bits:04o}")));
    let other = (stamp.owner != owner).then(|| (Why::Owner, user(stamp.owner)));
    let lacks = mode.into_iter().chain(other);
    lacks.map(|(why, detail)| LeftOut::new(path, Some(stamp.size), why).detail(detail)).collect()
}

struct Reader<'a, 'b> {
    what: &'a Take<'b>,
    scratch: &'a Overlay,
    contents: Contents<'a>,
    reading: Reading,
    /// The folders and files that the rules exclude, with the bytes of what changed in them.
    excluded: BTreeMap<BString, u64>,
    bytes: u64,
    owner: u32,
    last: bool,
    /// When the reading began, in nanoseconds since 1970.
    begun: i64,
}

impl Reader<'_, '_> {
    fn change(&mut self, change: &Change) -> Result<()> {
        let Some(new) = change.new else {
            if change.old.is_some() {
                self.reading.gone.push(change.path.clone());
            }
            return Ok(());
        };
        let taken = if new.mode == GITLINK {
            self.repository(change, new.id)
        } else {
            self.note(&new.stamp);
            self.file(change.path.as_bstr(), Some(change), &new.stamp)?
        };
        // Where the new content is left out, the old one stays where it was.
        if let (Some(from), true, Kind::Renamed) = (&change.from, taken, change.kind) {
            self.reading.gone.push(from.clone());
        }
        Ok(())
    }

    /// What ignore rules hide has no old side; of a folder it is every file in it.
    fn ignored(&mut self, tree: &WorkTree, ignored: &Ignored) -> Result<()> {
        if !ignored.folder {
            return self.file(ignored.path.as_bstr(), None, &ignored.stamp).map(drop);
        }
        let (files, failed) = tree.files_below(ignored.path.as_bstr());
        for (path, stamp) in files {
            self.file(path.as_bstr(), None, &stamp)?;
        }
        let failed = failed.into_iter().map(|one| LeftOut::new(&one.path, None, Why::Unreadable).detail(one.why));
        self.reading.left_out.extend(failed);
        Ok(())
    }

    fn note(&mut self, stamp: &Stamp) {
        let at = (stamp.modified.div_euclid(1_000_000_000), stamp.owner);
        self.reading.newest = self.reading.newest.max(Some(at));
    }

    /// A repository of its own stands in a tree as its HEAD.
    fn repository(&mut self, change: &Change, head: Option<ObjectId>) -> bool {
        match head {
            Some(id) => self.reading.come.push(FileSide { path: change.path.clone(), mode: GITLINK, id }),
            None => {
                self.reading.left_out.push(LeftOut::new(&change.path, None, Why::Repository).detail("no commit yet"));
            }
        }
        head.is_some()
    }

    /// Reads one file, and tells whether it is taken.
    fn file(&mut self, path: &BStr, change: Option<&Change>, stamp: &Stamp) -> Result<bool> {
        if let Some(why) = self.forbids(path, stamp) {
            if why != Why::Excluded {
                self.leave(path, stamp, why, None);
            }
            return Ok(false);
        }
        for _ in 0..TRIES {
            match self.blob(path, change)? {
                Ok((id, stamp)) => {
                    self.take(path, change, id, &stamp);
                    return Ok(true);
                }
                Err(NotContent::Moving) => self.reading.moved = true,
                Err(NotContent::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                    self.reading.moved = true;
                    break;
                }
                Err(NotContent::Late) => {
                    self.leave(path, stamp, Why::Time, None);
                    return Ok(false);
                }
                Err(error) => {
                    self.leave(path, stamp, Why::Unreadable, Some(error.to_string()));
                    return Ok(false);
                }
            }
        }
        if self.last {
            self.leave(path, stamp, Why::Unreadable, Some("it changed while it was read".into()));
        }
        Ok(false)
    }

    fn take(&mut self, path: &BStr, change: Option<&Change>, id: ObjectId, stamp: &Stamp) {
        self.bytes += stamp.size;
        // Written a moment ago it may be written again without a trace.
        let ago = self.begun.saturating_sub(stamp.changed);
        self.reading.moved |= (-100 * GRAIN..GRAIN).contains(&ago);
        let mode = match change.and_then(|change| change.new) {
            Some(new) => new.mode,
            None if stamp.is_link() => LINK,
            None if stamp.mode & 0o100 != 0 => EXECUTABLE,
            None => REGULAR,
        };
        self.reading.left_out.extend(lacking(path, stamp, self.owner, self.what.user));
        if stamp.is_file()
            && let Some(filter) = self.contents.filter(path)
        {
            self.leave(path, stamp, Why::Filtered, Some(crate::text::shown(&filter)));
        }
        self.reading.come.push(FileSide { path: path.to_owned(), mode, id });
    }

    fn leave(&mut self, path: &BStr, stamp: &Stamp, why: Why, detail: Option<String>) {
        let left = LeftOut { detail, ..LeftOut::new(path, Some(stamp.size), why) };
        self.reading.left_out.push(left);
    }

    /// Returns the rule that keeps a file out.
    fn forbids(&mut self, path: &BStr, stamp: &Stamp) -> Option<Why> {
        if self.what.is_late() {
            return Some(Why::Time);
        }
        let rules = self.what.rules?;
        if let Some(excluded) = rules.excluded(path) {
            *self.excluded.entry(excluded.to_owned()).or_default() += stamp.size;
            return Some(Why::Excluded);
        }
        if stamp.size > CAPTURE_FILE_MAX {
            return Some(Why::TooLarge);
        }
        (self.bytes.saturating_add(stamp.size) > rules.limit_bytes).then_some(Why::Limit)
    }

    /// Keeps a file's content, as git would store it.
    fn blob(
        &mut self,
        path: &BStr,
        change: Option<&Change>,
    ) -> Result<std::result::Result<(ObjectId, Stamp), NotContent>> {
        let expected = change.and_then(|change| change.new).map_or(u64::MAX, |new| new.stamp.size);
        if expected <= IN_MEMORY_MAX {
            let mut bytes = Vec::new();
            return Ok(match self.tell(path, change, &mut bytes) {
                Ok(content) => Ok((self.must_be(self.scratch.write_blob(&bytes)?, content.id)?, content.stamp)),
                Err(error) => Err(error),
            });
        }
        let mut spool = tempfile::tempfile_in(self.what.scratch).at("make a file in", self.what.scratch)?;
        let content = match self.tell(path, change, &mut spool) {
            Ok(content) => content,
            Err(error) => return Ok(Err(error)),
        };
        spool.rewind().at("read", self.what.scratch)?;
        let written = self.scratch.write_blob_from(content.size, &mut BufReader::with_capacity(1 << 18, spool))?;
        let Some(id) = written else { return Ok(Err(NotContent::Moving)) };
        Ok(Ok((self.must_be(id, content.id)?, content.stamp)))
    }

    fn tell(
        &mut self,
        path: &BStr,
        change: Option<&Change>,
        out: &mut dyn std::io::Write,
    ) -> std::result::Result<crate::uncommitted::Content, NotContent> {
        match change {
            Some(change) => self.contents.tell(change, Some(out)),
            None => self.contents.tell_path(path, None, false, Some(out)),
        }
    }

    fn must_be(&self, written: ObjectId, read: ObjectId) -> Result<ObjectId> {
        if written == read {
            return Ok(written);
        }
        Err(Error::failed("capture", format!("what was kept as {written} was read as {read}")))
    }

    fn finish(mut self) -> Reading {
        let excluded = std::mem::take(&mut self.excluded);
        let left = excluded.iter().map(|(path, bytes)| LeftOut::new(path, Some(*bytes), Why::Excluded));
        self.reading.left_out.extend(left);
        self.reading.filters.clone_from(self.contents.filters());
        self.reading
    }
}

/// Tells whether a name may be one that git keeps for its own folder (`verify_path` of git's read-cache.c), under which no tree
/// holds anything: what it is, git is to say.
pub(super) fn is_named_repository(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let is_common = [&b".gitignore"[..], b".gitattributes", b".gitkeep", b".github"].contains(&name.as_slice());
    !is_common && (name.starts_with(b".git") || (name.starts_with(b"gi") && name.contains(&b'~')))
}
