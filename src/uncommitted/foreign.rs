//! A git directory that a stranger may write, read as data: its HEAD, references, stash, index and where its objects lie.

use super::inside;
use crate::error::{AtPath, Error, Result};
use crate::git::{HashKind, ObjectId};
use crate::os::{self, Entry, Folder};
use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The most that is read of a file of references, in bytes.
const REFS_BYTES_MAX: u64 = 256 << 20;
/// The most that is read of HEAD, a loose reference or a config, in bytes.
const SMALL_BYTES_MAX: u64 = 1 << 20;
/// How many symbolic references are followed, as git has it.
const DEPTH_MAX: usize = 5;
/// How deep folders of references are entered.
const FOLDERS_MAX: usize = 64;

/// A git directory.
pub struct Foreign {
    folder: Folder,
    path: PathBuf,
    kind: HashKind,
}

impl Foreign {
    /// Opens one.
    pub fn open(path: &Path, kind: HashKind) -> Result<Self> {
        let folder = Folder::open(path).at("open", path)?;
        Ok(Self { folder, path: path.to_owned(), kind })
    }

    /// Tells whether this is a git directory (gitrepository-layout(5)), as git looks for one.
    pub fn is_one(&self) -> bool {
        let is_folder = |name: &[u8]| self.folder.folder(name).is_ok();
        (is_folder(b"objects") && is_folder(b"refs") || self.read(b"commondir").is_some())
            && self.read(b"HEAD").is_some()
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a small file in it; `None` where there is none.
    pub fn read(&self, path: &[u8]) -> Option<Vec<u8>> {
        inside::read(&self.folder, path, SMALL_BYTES_MAX).ok().flatten()
    }

    /// Opens its index; `None` where there is none.
    pub fn index(&self) -> Option<File> {
        self.folder.file(b"index").ok()
    }

    /// Returns what HEAD leads to; `None` where it has no commit yet.
    ///
    /// Returns an error where HEAD is nothing git would read.
    pub fn head(&self) -> Result<Option<ObjectId>> {
        let unclear = || {
            Error::damaged("head", format!("the HEAD of {} cannot be read", self.path.display()))
                .hint("see what is wrong there: git fsck")
        };
        let packed = self.packed();
        let mut name = BString::from("HEAD");
        for _ in 0..=DEPTH_MAX {
            let Some(text) = self.read(&name) else {
                return if name == "HEAD" { Err(unclear()) } else { Ok(packed.get(&name).copied()) };
            };
            match text.trim().strip_prefix(b"ref:") {
                Some(target) if is_safe(target.trim().as_bstr()) => name = target.trim().into(),
                Some(_) => return Err(unclear()),
                None => return ObjectId::from_hex(text.trim()).map(Some).map_err(|_| unclear()),
            }
        }
        Err(unclear())
    }

    /// Returns its branches, tags and other references with what they hold, but for those that only say where remotes are,
    /// and every entry of the stash as `refs/stash@{<n>}`.
    pub fn refs(&self) -> BTreeMap<BString, ObjectId> {
        let mut found = self.packed();
        self.loose(b"refs".as_bstr(), 0, &mut found);
        found.retain(|name, _| !name.starts_with(b"refs/remotes/"));
        if found.contains_key(b"refs/stash".as_bstr()) {
            let log = inside::read(&self.folder, b"logs/refs/stash", REFS_BYTES_MAX).ok().flatten();
            let lines: Vec<_> = log.as_deref().unwrap_or_default().lines().map(ToOwned::to_owned).collect();
            for (age, line) in lines.iter().rev().enumerate().skip(1) {
                let id = line.split(|byte| *byte == b' ').nth(1).and_then(|id| ObjectId::from_hex(id).ok());
                found.extend(id.map(|id| (BString::from(format!("refs/stash@{{{age}}}")), id)));
            }
        }
        found
    }

    fn loose(&self, folder: &BStr, depth: usize, found: &mut BTreeMap<BString, ObjectId>) {
        let Ok(opened) = inside::walk_to(&self.folder, folder) else { return };
        for (name, entry) in opened.list().unwrap_or_default() {
            let path = BString::from([folder.as_bytes(), b"/", name.as_bytes()].concat());
            match entry {
                Entry::Folder if depth < FOLDERS_MAX => self.loose(path.as_bstr(), depth + 1, found),
                Entry::File => {
                    let id = self.read(&path).and_then(|text| ObjectId::from_hex(text.trim()).ok());
                    found.extend(id.map(|id| (path, id)));
                }
                Entry::Folder | Entry::Special => {}
            }
        }
    }

    fn packed(&self) -> BTreeMap<BString, ObjectId> {
        let text = inside::read(&self.folder, b"packed-refs", REFS_BYTES_MAX).ok().flatten();
        let text = text.unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with(b"#") && !line.starts_with(b"^"));
        let one = |line: &[u8]| {
            let (id, name) = line.split_once_str(" ")?;
            Some((name.into(), ObjectId::from_hex(id).ok().filter(|id| id.kind() == self.kind)?))
        };
        lines.filter_map(one).collect()
    }

    /// Returns the folder of its objects, if all it has lies there or in one of `known`.
    ///
    /// Returns an error where they are borrowed from elsewhere: what a stranger names is not read.
    pub fn objects(&self, known: &[PathBuf]) -> Result<PathBuf> {
        let folder = self.path.join("objects");
        let refused = |from: &BStr| {
            let from = crate::text::shown(from);
            let message =
                format!("the objects of {} are partly in {from}, which is outside of it", self.path.display());
            Error::refused("objects-elsewhere", message).hint("make it stand on its own there: git repack -a -d")
        };
        if self.read(b"commondir").is_some() {
            return Err(refused(b"the repository it is a work tree of".as_bstr()));
        }
        self.folder.folder(b"objects").at("open", &folder)?;
        let alternates = self.read(b"objects/info/alternates").unwrap_or_default();
        for line in alternates.lines().filter(|line| !line.is_empty() && !line.starts_with(b"#")) {
            let target = folder.join(line.to_path_lossy());
            let target = os::canonicalize(&target).unwrap_or(target);
            if !known.contains(&target) {
                return Err(refused(line.as_bstr()));
            }
        }
        // Neither a pipe that would hold us up, nor a link, nor what was too long to be looked through.
        let place = inside::walk_to(&self.folder, b"objects/info");
        let stamp = place.and_then(|at| at.look(b"alternates"));
        if stamp.is_ok_and(|stamp| !stamp.is_file() || stamp.size > SMALL_BYTES_MAX) {
            return Err(refused(b"what objects/info/alternates is".as_bstr()));
        }
        Ok(folder)
    }
}

/// Tells whether a name stays below the git directory.
fn is_safe(name: &BStr) -> bool {
    name.starts_with(b"refs/") && !name.split_str("/").any(|part| part == b".." || part == b"." || part.is_empty())
}
