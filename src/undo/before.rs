//! What a work tree held where an operation moves its files, noted so exactly that undo brings it back to the byte: bytes that
//! git's filters make equal, permission bits of which git keeps one, folders, of which it keeps none, and flags of the index.

use super::files::{self, Kind};
use super::journal::{Captured, CapturedFile, Entry, Journal};
use super::plan::{WorkPath, Worktree};
use crate::durable;
use crate::error::{AtPath, Error, Result};
use crate::git::{Checkout, Flags, HashKind, ObjectId, Scratch, TreeChange, blob_id};
use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// What stood where files moved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    /// Files that git tracked and that changed.
    files: Vec<FileBefore>,
    /// Folders above files that changed, the outer ones first.
    folders: Vec<FolderBefore>,
}

/// A file that git tracked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FileBefore {
    #[serde(flatten)]
    path: WorkPath,
    /// The id of its bytes as a blob; null where it was not there.
    id: Option<String>,
    /// Its permission bits.
    permissions: u32,
    /// Whether it was a symbolic link.
    link: bool,
    /// Whether it bore `assume-unchanged`.
    assumed: bool,
    /// Whether it bore `skip-worktree`.
    skipped: bool,
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FolderBefore {
    #[serde(flatten)]
    path: WorkPath,
    permissions: u32,
}

/// What is noted of a work tree before its files move.
pub(super) struct Noted {
    /// What stood there.
    pub before: Before,
    /// Files whose bytes no commit has: those set aside, and those that a filter makes equal to what a commit has.
    pub captured: Option<Captured>,
}

/// Notes what stands where these changes will be, and captures into the scratch folder what no commit has of it.
pub(super) fn note(
    scratch: &Scratch,
    checkout: &Checkout,
    changes: &[TreeChange],
    aside: &Worktree,
    kind: HashKind,
) -> Result<Noted> {
    let flags = checkout.flags(changes)?;
    let mut before = Before { files: vec![], folders: folders(checkout, changes)? };
    let mut only_here: Vec<BString> = vec![];
    for change in changes {
        let Some((mode, id)) = change.old.filter(|(mode, _)| *mode != 0o160_000) else { continue };
        let Flags { assumed, skipped } = flags.get(&change.path).copied().unwrap_or_default();
        let path = checkout.path(&change.path);
        let held = if files::kind(&path) == Kind::File { Some(id_at(&path, kind)?) } else { None };
        if held.is_some_and(|held| held != id) {
            only_here.push(change.path.clone());
        }
        before.files.push(FileBefore {
            path: WorkPath::new(&change.path),
            id: held.map(|held| held.to_string()),
            permissions: if held.is_some() { files::permissions(&path)? } else { mode & 0o777 },
            link: files::is_link(&path),
            assumed,
            skipped,
        });
    }
    let mut set_aside = vec![];
    for path in aside.kept_aside() {
        let (bytes, at) = (path.bytes(), checkout.path(&path.bytes()));
        let (id, link) = (id_at(&at, kind)?.to_string(), files::is_link(&at));
        set_aside.push(CapturedFile { path: path.clone(), permissions: files::permissions(&at)?, id, link });
        only_here.push(bytes.into());
    }
    let captured = if only_here.is_empty() {
        None
    } else {
        let commit = checkout.capture(scratch, &only_here)?.to_string();
        Some(Captured { commit, files: set_aside })
    };
    Ok(Noted { before, captured })
}

/// Makes a file, or a link, what it was; returns whether it was something else.
pub(super) fn place(
    scratch: &Scratch,
    at: &Path,
    passing: &Path,
    id: &str,
    permissions: u32,
    link: bool,
) -> Result<bool> {
    let id = super::id_of(id)?;
    let stands = files::kind(at) == Kind::File && files::is_link(at) == link;
    if !stands || id_at(at, id.kind())? != id {
        files::replace(at, passing, &scratch.blob(&id)?, permissions, link)?;
        return Ok(true);
    }
    if !link {
        files::set_permissions(at, permissions)?;
    }
    Ok(false)
}

/// Returns the id of a file's own bytes as a blob, or of where a link leads.
pub(super) fn id_at(path: &Path, kind: HashKind) -> Result<ObjectId> {
    let id = blob_id(kind, &files::content(path)?);
    id.ok_or_else(|| {
        Error::refused("sha1-attack", format!("{} is an attack upon SHA-1", path.display()))
            .hint("move it away, and run this again")
    })
}

fn folders(checkout: &Checkout, changes: &[TreeChange]) -> Result<Vec<FolderBefore>> {
    let mut names = BTreeSet::new();
    for change in changes {
        let path = change.path.as_slice();
        names.extend(path.find_iter("/").map(|end| &path[..end]));
        // A folder that is empty may stand where a file comes.
        names.insert(path);
    }
    let is_folder = |name: &&[u8]| files::kind(&checkout.path(name)) == Kind::Folder;
    let folder = |name: &[u8]| {
        Ok(FolderBefore { path: WorkPath::new(name), permissions: files::permissions(&checkout.path(name))? })
    };
    names.into_iter().filter(is_folder).map(folder).collect()
}

impl Before {
    /// Writes it down beside an operation, durably.
    pub fn write(&self, journal: &Journal, entry: &Entry) -> Result<()> {
        let bytes = serde_json::to_vec(self).expect("text serializes");
        durable::write_over(&journal.path(entry, "before"), &bytes, journal.modes())
    }

    /// Reads what was noted of an operation; nothing, where it moved no files.
    pub fn read(journal: &Journal, entry: &Entry) -> Result<Self> {
        let path = journal.path(entry, "before");
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            bytes => bytes.at("read", &path)?,
        };
        serde_json::from_slice(&bytes).map_err(|error| {
            Error::damaged("journal", format!("{} cannot be read: {error}", path.display()))
                .hint("put the branch back with git cairn reset <commit> --as-commit")
        })
    }

    /// Returns the ids of the bytes its files had, by path; null for a file that was not there.
    pub fn ids(&self) -> HashMap<Vec<u8>, Option<String>> {
        self.files.iter().map(|file| (file.path.bytes(), file.id.clone())).collect()
    }

    /// Tells whether a file that git was told not to look at is still what it was before: the operation left it alone.
    pub fn left_alone(&self, checkout: &Checkout, path: &WorkPath) -> bool {
        let file = self.files.iter().find(|file| file.path == *path);
        let id = file.filter(|file| file.assumed || file.skipped).and_then(|file| file.id.as_deref());
        let Some(id) = id.and_then(|id| super::id_of(id).ok()) else { return false };
        id_at(&checkout.path(&path.bytes()), id.kind()).is_ok_and(|held| held == id)
    }

    /// Returns those of its folders that are not there, which an undo notes before it makes them.
    pub fn folders_missing(&self, checkout: &Checkout) -> Self {
        let missing = |folder: &&FolderBefore| files::kind(&checkout.path(&folder.path.bytes())) == Kind::Nothing;
        Self { files: vec![], folders: self.folders.iter().filter(missing).cloned().collect() }
    }

    /// Makes files and folders what they were, after git has brought back what the commit has; `aside` is what was kept
    /// aside, `made` what [`Before::folders_missing`] noted. What it writes passes through `passing`, a path beside the journal.
    /// Returns the files of which the index must not think that it knows them.
    pub fn bring_back(
        &self,
        scratch: &Scratch,
        checkout: &Checkout,
        passing: &Path,
        aside: &[CapturedFile],
        made: &Self,
    ) -> Result<BTreeSet<BString>> {
        let mut replaced = BTreeSet::new();
        for file in &self.files {
            let at = checkout.path(&file.path.bytes());
            match &file.id {
                Some(id) if place(scratch, &at, passing, id, file.permissions, file.link)? => {
                    replaced.insert(file.path.bytes().into());
                }
                // Missing, though git was told that it is there.
                None if file.assumed && files::kind(&at) == Kind::File => {
                    std::fs::remove_file(&at).at("remove", &at)?;
                }
                _ => {}
            }
        }
        for file in aside {
            let at = checkout.path(&file.path.bytes());
            let id = super::id_of(&file.id)?;
            if files::kind(&at) != Kind::Nothing && id_at(&at, id.kind())? != id {
                return Err(Error::refused("in-the-way", format!("{} has come back by other hands", file.path.path))
                    .hint("move it away, and run this again"));
            }
            place(scratch, &at, passing, &file.id, file.permissions, file.link)?;
        }
        for folder in &self.folders {
            let at = checkout.path(&folder.path.bytes());
            if files::kind(&at) == Kind::Nothing {
                std::fs::create_dir_all(&at).at("create the folder", &at)?;
            }
            if made.folders.contains(folder) {
                files::set_permissions(&at, folder.permissions)?;
            }
        }
        Ok(replaced)
    }

    /// Returns the flags of its files, but for those whose file has come into a sparse work tree since.
    pub fn flags(&self, checkout: &Checkout) -> BTreeMap<BString, Flags> {
        let flagged = self.files.iter().filter(|file| file.assumed || file.skipped);
        let still =
            |file: &&FileBefore| file.id.is_some() || files::kind(&checkout.path(&file.path.bytes())) == Kind::Nothing;
        let flag =
            |file: &FileBefore| (file.path.bytes().into(), Flags { assumed: file.assumed, skipped: file.skipped });
        flagged.filter(still).map(flag).collect()
    }
}
