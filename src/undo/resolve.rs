//! Resolving what collides: in a work tree of its own, which git lays out and a person puts right with whatever git they
//! like, and of whose commits a plan is made like any other.
//!
//! A file below `cairn/resolve` of the git directory is written before anything else exists, so that after a kill the next
//! command knows what there may be. It goes last, when all of that has gone.

use super::files::path_of;
use super::plan::WorkPath;
use super::{Prepared, Seen, Wish, id_of};
use crate::clock;
use crate::durable::{self, Modes, random_name};
use crate::error::{AtPath, Error, Kind, Result};
use crate::git::{Aside, Course, ObjectId, Place, Repository};
use crate::os;
use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The version of the files.
const SCHEMA: u32 = 1;
/// How many files are named in an error.
const PATHS_NAMED: usize = 10;

/// A revert whose conflicts are being resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    schema: u32,
    /// Its name: the time and some random digits.
    id: String,
    /// Where it is resolved.
    folder: WorkPath,
    /// The work tree it was begun in; of a bare repository the git directory.
    home: WorkPath,
    /// What was typed.
    wish: Wish,
    /// The commit it is built upon.
    base: String,
    /// Whether a person was told that it is theirs.
    is_laid_out: bool,
    /// The last commit there that git made for us; another one is by the person's own hand.
    #[serde(default)]
    driven: Option<String>,
    /// What is being carried onto `base`, because the branch moved: all that is after `from` up to `to`.
    carried: Option<Carried>,
}

/// Commits that are carried from where they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Carried {
    from: String,
    to: String,
}

impl Resolution {
    /// Lets git revert, in a new work tree at `folder`, what a plan with conflicts says. The journal's lock must be held.
    ///
    /// Returns an error where the folder cannot be that; nothing is left of it then.
    pub fn begin(repository: &Repository, prepared: &Prepared, folder: &Path) -> Result<Self> {
        let folder = located(folder)?;
        check_place(repository, &folder)?;
        for stale in all(repository)?.into_iter().filter(|known| known.folder() == folder) {
            stale.abandon(repository)?;
        }
        let base = prepared.base;
        if !repository.contains(&base) {
            let known: Vec<_> = prepared.local.iter().filter_map(|local| local.head).collect();
            prepared.scratch.keep(repository, &[base], &known)?;
        }
        let home = repository.work_tree().unwrap_or_else(|| repository.git_dir());
        let mut resolution = Self {
            schema: SCHEMA,
            id: format!("{}-{}", clock::name_of_now(), &random_name()[..8]),
            folder: WorkPath::new(folder.as_os_str().as_encoded_bytes()),
            home: WorkPath::new(home.as_os_str().as_encoded_bytes()),
            wish: Wish::of(&prepared.plan),
            base: base.to_string(),
            is_laid_out: false,
            driven: None,
            carried: None,
        };
        resolution.write(repository)?;
        let laid_out = Aside::add(repository, &folder, &base)
            .and_then(|aside| aside.revert(&resolution.wish.words, resolution.wish.mainline).map(|_| aside))
            .and_then(|aside| aside.head());
        match laid_out {
            Ok(head) => resolution.driven = Some(head.to_string()),
            Err(error) => {
                let _ = resolution.abandon(repository);
                return Err(error);
            }
        }
        resolution.is_laid_out = true;
        resolution.write(repository)?;
        Ok(resolution)
    }

    /// Finds the one at `folder`, else the one whose work tree we are in, else the only one. The journal's lock must be held.
    ///
    /// Returns [`Kind::NotFound`] where there is none, and a usage error where there are several.
    pub fn find(repository: &Repository, folder: Option<&Path>) -> Result<Self> {
        let mut known = all(repository)?;
        if known.is_empty() && store(repository).is_dir() {
            // One that was killed before it had written anything.
            durable::sweep(&store(repository))?;
            let _ = std::fs::remove_dir(store(repository));
        }
        let here = repository.work_tree().and_then(|path| os::canonicalize(path).ok());
        let meant = match folder {
            Some(folder) => Some(located(folder)?),
            None => here.filter(|here| known.iter().any(|one| one.folder() == *here)),
        };
        if let Some(meant) = &meant {
            known.retain(|one| one.folder() == *meant);
        }
        let mut known = known.into_iter();
        match (known.next(), known.next()) {
            (Some(only), None) => Ok(only),
            (Some(one), Some(other)) => {
                let folders = [one, other].map(|one| one.folder().display().to_string()).join(", ");
                Err(Error::usage(format!("conflicts are being resolved in more than one folder: {folders}"))
                    .hint("name the one that is meant"))
            }
            (None, _) => {
                let place = meant.map_or("here".into(), |folder| format!("in {}", folder.display()));
                Err(Error::not_found("no-resolution", format!("no conflict is being resolved {place}"))
                    .hint("begin: git cairn revert <commit> --resolve <dir>"))
            }
        }
    }

    /// Returns the folder in which it is resolved.
    pub fn folder(&self) -> PathBuf {
        path_of(self.folder.bytes())
    }

    /// Opens the repository as it was when this was begun, from wherever we are now.
    pub fn home(&self) -> Result<Repository> {
        let home = path_of(self.home.bytes());
        Repository::discover(&Place { folder: Some(home), git_dir: None })
    }

    /// Returns what is wished for, with the commit that came of resolving.
    pub fn wish(&self, made: &ObjectId) -> Wish {
        Wish { resolved: Some(made.to_string()), ..self.wish.clone() }
    }

    /// Commits what was resolved, as git would, and returns the last commit.
    ///
    /// Returns [`Kind::Conflict`] where something collides yet, or the next of several commits does, and
    /// [`Kind::Unsafe`] where the work tree holds what would be in no commit.
    pub fn gather(&mut self, repository: &Repository) -> Result<ObjectId> {
        let aside = self.aside(repository)?;
        let base = id_of(&self.base)?;
        self.resume(repository, &aside)?;
        if !self.is_laid_out && aside.under_way().is_none() && aside.head()? == base {
            let message = format!("git was interrupted before it laid the conflict out in {}", self.shown());
            return Err(Error::refused("interrupted", message)
                .hint(format!("begin again, after: git cairn revert --abandon {}", self.quoted())));
        }
        while let Some(verb) = aside.under_way() {
            self.check_resolved(&aside)?;
            let course = aside.go_on(verb)?;
            self.driven = Some(aside.head()?.to_string());
            self.write(repository)?;
            if course == Course::Stopped {
                return Err(self.collides(&aside.unmerged()?, "the next commit collides too"));
            }
        }
        if let Some(state) = aside.busy_with() {
            return Err(Error::refused("in-progress", format!("{state} is not finished in {}", self.shown()))
                .hint("finish it or give it up first: git status says how"));
        }
        if aside.is_staged()? || !aside.unstaged()?.is_empty() {
            let message = format!("{} has changes that are in no commit", self.shown());
            return Err(Error::refused("uncommitted", message)
                .hint(format!("commit them there: git -C {} commit --all", self.quoted())));
        }
        let head = aside.head()?;
        if head == base {
            let message = "what was resolved comes to nothing: the branch would stay as it is";
            return Err(Error::new(Kind::Nothing, "nothing-to-do", message)
                .hint(format!("to give it up: git cairn revert --abandon {}", self.quoted())));
        }
        if !repository.is_ancestor(&base, &head)? {
            let message = format!("{} has a commit checked out that is not on top of {}", self.shown(), self.base);
            return Err(Error::refused("elsewhere", message).hint("go back there: git reflog says what it was"));
        }
        Ok(head)
    }

    /// Tells whether the branch is still what the conflict was laid out on.
    pub fn stands_on(&self, seen: &Seen) -> bool {
        id_of(&self.base).is_ok_and(|base| base == seen.base())
    }

    /// Tells whether the branch has it already: a command that was killed came as far.
    pub fn is_published(&self, repository: &Repository, made: &ObjectId, seen: &Seen) -> Result<bool> {
        Ok(repository.contains(&seen.base()) && repository.is_ancestor(made, &seen.base())?)
    }

    /// Carries what was resolved onto what the branch is now, and returns the error that says so: a person is to look at it
    /// before it is published.
    pub fn carry(&mut self, repository: &Repository, made: &ObjectId, seen: &Seen) -> Error {
        let moved = (|| {
            let onto = seen.base();
            if !repository.contains(&onto) {
                seen.scratch.keep(repository, &[onto], &[id_of(&self.base)?])?;
            }
            let from = std::mem::replace(&mut self.base, onto.to_string());
            self.carried = Some(Carried { from, to: made.to_string() });
            self.write(repository)?;
            let aside = self.aside(repository)?;
            let collides = self.resume(repository, &aside)? == Course::Stopped;
            Ok(if collides { aside.unmerged()? } else { vec![] })
        })();
        let collisions: Vec<BString> = match moved {
            Ok(collisions) => collisions,
            Err(error) => return error,
        };
        let goes_on = format!("then go on: git cairn revert --continue {}", self.quoted());
        let message = "the branch moved since the conflict was laid out; nothing was published";
        if collisions.is_empty() {
            return Error::new(
                Kind::Moved,
                "moved",
                format!("{message}, and what you resolved stands on top of it now"),
            )
            .hint(format!("look at it in {}, {goes_on}", self.shown()));
        }
        let message = format!("{message}, and what you resolved collides with it in {}", named(&collisions));
        Error::new(Kind::Moved, "moved", message).hint(format!("resolve that in {}, {goes_on}", self.shown()))
    }

    /// Carries what is noted to be carried, unless that was done already.
    fn resume(&mut self, repository: &Repository, aside: &Aside) -> Result<Course> {
        let Some(carried) = &self.carried else { return Ok(Course::Done) };
        let [base, from, to] = [id_of(&self.base)?, id_of(&carried.from)?, id_of(&carried.to)?];
        let head = aside.head()?;
        let untouched = head == to || head == base;
        let course =
            if aside.under_way().is_none() && untouched { aside.carry(&base, &from, &to)? } else { Course::Done };
        self.carried = None;
        self.driven = Some(aside.head()?.to_string());
        self.write(repository)?;
        Ok(course)
    }

    /// Removes the work tree and what we know of it, once its commits are where they were to be. Returns false where it stays
    /// because files are in it that no commit has.
    pub fn close(self, repository: &Repository) -> Result<bool> {
        let removed = self.aside(repository).and_then(|aside| aside.remove(repository)).is_ok();
        self.forget(repository)?;
        Ok(removed || !self.folder().exists())
    }

    /// Fails where a commit that the person made there by hand would go, for nothing refers to it: as `git revert --abort` leaves
    /// alone a HEAD that somebody else has moved.
    pub fn check_given_up(&self, repository: &Repository) -> Result<()> {
        let Ok(aside) = self.aside(repository) else { return Ok(()) };
        let Ok(head) = aside.head().map(|head| head.to_string()) else { return Ok(()) };
        if head == self.base || self.driven.as_ref() == Some(&head) || aside.is_in_a_reference()? {
            return Ok(());
        }
        let message = format!("{} has a commit made by hand that nothing else has, {}", self.shown(), &head[..10]);
        let give_up = format!("git -C {} reset --hard {}", self.quoted(), self.base);
        Err(Error::refused("by-hand", format!("{message}; nothing was removed"))
            .hint(format!("to keep it: git branch <name> {head}; to give it up too, first: {give_up}")))
    }

    /// Removes the work tree with everything in it, and what we know of it.
    pub fn abandon(&self, repository: &Repository) -> Result<()> {
        Aside::discard(repository, &self.folder())?;
        self.forget(repository)
    }

    fn aside(&self, repository: &Repository) -> Result<Aside> {
        Aside::at(repository, &self.folder()).map_err(|error| {
            let hint = format!("begin again, after: git cairn revert --abandon {}", self.quoted());
            Error::not_found("no-work-tree", error.to_string()).hint(hint)
        })
    }

    fn check_resolved(&self, aside: &Aside) -> Result<()> {
        let unmerged = aside.unmerged()?;
        if !unmerged.is_empty() {
            return Err(self.collides(&unmerged, "not resolved yet"));
        }
        let unstaged = aside.unstaged()?;
        if !unstaged.is_empty() {
            let message = format!("changed in {}, but not added: {}", self.shown(), named(&unstaged));
            return Err(
                Error::refused("not-added", message).hint(format!("add them: git -C {} add --update", self.quoted()))
            );
        }
        let markers = aside.markers()?;
        if !markers.is_empty() {
            let message = format!("added with the marks of a conflict in {}: {}", self.shown(), named(&markers));
            return Err(Error::new(Kind::Conflict, "markers", message)
                .hint(format!("edit and add them; if they are meant: git -C {} commit", self.quoted())));
        }
        Ok(())
    }

    fn collides(&self, paths: &[BString], what: &str) -> Error {
        let message = format!("{what}, in {}: {}; nothing was published", self.shown(), named(paths));
        let hint = format!("edit them there, git add them, then: git cairn revert --continue {}", self.quoted());
        Error::new(Kind::Conflict, "conflicts", message).hint(hint)
    }

    fn shown(&self) -> String {
        crate::text::shown(&self.folder.bytes())
    }

    /// Returns the folder as it is typed.
    pub fn quoted(&self) -> String {
        crate::text::shell_quoted(self.folder.bytes().as_bstr())
    }

    fn file(&self, repository: &Repository) -> PathBuf {
        store(repository).join(format!("{}.json", self.id))
    }

    fn write(&self, repository: &Repository) -> Result<()> {
        durable::make_folders(&store(repository), Modes::OWNER)?;
        let mut bytes = serde_json::to_vec_pretty(self).expect("text serializes");
        bytes.push(b'\n');
        durable::write_over(&self.file(repository), &bytes, Modes::OWNER)
    }

    fn forget(&self, repository: &Repository) -> Result<()> {
        let file = self.file(repository);
        if file.exists() {
            std::fs::remove_file(&file).at("remove", &file)?;
        }
        // What a killed command was writing, and the folder where it held no other.
        durable::sweep(&store(repository))?;
        let _ = std::fs::remove_dir(store(repository));
        Ok(())
    }
}

fn store(repository: &Repository) -> PathBuf {
    repository.common_dir().join("cairn").join("resolve")
}

fn all(repository: &Repository) -> Result<Vec<Resolution>> {
    let folder = store(repository);
    let listed = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        listed => listed.at("read the folder", &folder)?,
    };
    let mut known: Vec<Resolution> = vec![];
    for file in listed {
        let path = file.at("read the folder", &folder)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let bytes = std::fs::read(&path).at("read", &path)?;
            let one: Option<Resolution> = serde_json::from_slice(&bytes).ok();
            known.push(one.filter(|one| one.schema == SCHEMA).ok_or_else(|| {
                Error::damaged("resolution", format!("{} is nothing that this git-cairn knows", path.display()))
                    .hint("move it away to go on without it")
            })?);
        }
    }
    known.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(known)
}

/// Returns a path without links, whether something is there or not.
fn located(folder: &Path) -> Result<PathBuf> {
    let folder = std::path::absolute(folder).at("find", folder)?;
    let (Some(above), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Err(Error::usage(format!("{} is no folder to be made", folder.display())));
    };
    let above = os::canonicalize(above).map_err(|_| {
        Error::not_found("no-folder", format!("there is no folder {}", above.display())).hint("make it first")
    })?;
    Ok(above.join(name))
}

/// The work tree must be new, and apart from what the person has.
fn check_place(repository: &Repository, folder: &Path) -> Result<()> {
    if folder.symlink_metadata().is_ok() {
        return Err(Error::refused("exists", format!("{} exists already", folder.display()))
            .hint("name a folder that does not exist yet: --resolve <dir>"));
    }
    let own = repository.work_tree().and_then(|path| os::canonicalize(path).ok());
    let inside = |path: &Path| folder.starts_with(path);
    if own.as_deref().is_some_and(inside) || inside(&repository.common_dir()) {
        return Err(Error::refused("inside", format!("{} is inside this repository", folder.display()))
            .hint("name a folder outside of it, such as --resolve ../resolve"));
    }
    Ok(())
}

/// Some paths as a person reads them.
fn named(paths: &[BString]) -> String {
    let shown: Vec<_> = paths.iter().take(PATHS_NAMED).map(|path| crate::text::shown(path)).collect();
    let more =
        if paths.len() > PATHS_NAMED { format!(" and {} more", paths.len() - PATHS_NAMED) } else { String::new() };
    shown.join(", ") + &more
}
