//! What was done in this clone and can be taken back, one file an operation below `cairn/ops` of the git directory.
//!
//! The file is written, durably, before each step. An operation that is not finished was killed, and its file says how far
//! it may have come; the next command finishes it or finds that nothing had happened. What the clone would lose by the
//! operation lies as a pack beside the file, so that no reference is needed to keep it, and with it what the files were that
//! it moves.

use super::Verb;
use crate::clock;
use crate::durable::{self, Modes, random_name};
use crate::error::{AtPath, Error, Result};
use crate::git::{ObjectId, RefName, Repository};
use crate::lock::{self, Lock};
use crate::process::Command;
use crate::text;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// The version of the files.
const SCHEMA: u32 = 1;
/// How many operations are kept however old they are.
const KEPT: usize = 100;
/// How many days an operation is kept at least, as git keeps a reflog (`gc.reflogExpire`).
const KEPT_DAYS: i64 = 90;
/// What is written before the operation's own file, and is nothing without it.
const BESIDE: [&str; 2] = ["pack", "before"];

/// How many characters of an id say the second.
const TO_THE_SECOND: usize = 15;
/// How long is waited before it is seen again whether the second is over.
const PAUSE: Duration = Duration::from_millis(20);

/// How far an operation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing has moved yet, or the push was sent and its answer not yet noted.
    Planned,
    /// The host has it, or nothing is pushed: the clone follows.
    Accepted,
    /// It is done.
    Done,
    /// Nothing was done: the host refused, or it was killed before the host had it.
    Abandoned,
    /// It was done and taken back.
    Undone,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Always 1.
    pub schema: u32,
    /// Its name: the time and some random digits, so that names sort by age.
    pub id: String,
    /// What was done.
    pub operation: Verb,
    /// The plan it carried out.
    pub plan_id: String,
    /// When it began.
    pub at: Timestamp,
    /// How far it came.
    pub state: State,
    /// What moved on the host.
    pub remote: Option<RemoteMove>,
    /// What moved in this clone.
    pub local: Option<LocalMove>,
    /// Files that only this work tree had.
    pub captured: Option<Captured>,
    /// The operation that this one takes back.
    pub undoes: Option<String>,
}

/// The movement of one reference of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteMove {
    /// The remote's name in this clone.
    pub remote: Option<String>,
    /// Where the push went.
    pub push_url: String,
    /// The reference.
    #[serde(flatten)]
    pub reference: Name,
    /// What it held; null: it did not exist.
    pub old: Option<String>,
    /// What it holds since; null: it was deleted.
    pub new: Option<String>,
}

impl RemoteMove {
    /// Returns what it held and what it holds since.
    ///
    /// Returns [`crate::error::Kind::Damaged`] where one is no id.
    pub fn ids(&self) -> Result<[Option<ObjectId>; 2]> {
        ids([&self.old, &self.new])
    }
}

/// The movement of one branch of this clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalMove {
    /// The branch.
    #[serde(flatten)]
    pub reference: Name,
    /// What it held; null: it did not exist.
    pub old: Option<String>,
    /// What it holds since.
    pub new: Option<String>,
    /// The git directory of the work tree it is checked out in, whose files follow; null: in none.
    pub checkout: Option<String>,
}

impl LocalMove {
    /// As [`RemoteMove::ids`].
    pub fn ids(&self) -> Result<[Option<ObjectId>; 2]> {
        ids([&self.old, &self.new])
    }
}

fn ids([old, new]: [&Option<String>; 2]) -> Result<[Option<ObjectId>; 2]> {
    let id = |text: &Option<String>| text.as_deref().map(id_of).transpose();
    Ok([id(old)?, id(new)?])
}

/// The full name of a reference, whatever its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The name.
    #[serde(rename = "ref")]
    text: String,
    /// Its bytes in base64, where they are not UTF-8.
    #[serde(rename = "ref_bytes", skip_serializing_if = "Option::is_none", default)]
    bytes: Option<String>,
}

impl From<&RefName> for Name {
    fn from(name: &RefName) -> Self {
        Self { text: text::json_text(name.as_bytes()), bytes: text::extra_bytes(name.as_bytes()) }
    }
}

impl Name {
    /// Returns the name as a person reads it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns its bytes in base64, where they are not UTF-8.
    pub fn extra_bytes(&self) -> Option<String> {
        self.bytes.clone()
    }

    /// Returns the name as git takes it.
    pub fn name(&self) -> Result<RefName> {
        let bytes = text::from_json(&self.text, self.bytes.as_deref());
        bytes.and_then(RefName::new).ok_or_else(|| unreadable(&self.text))
    }
}

/// What no other commit has of the files that moved: a commit whose tree holds them at their paths, in the operation's pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The commit.
    pub commit: String,
    /// The files that stood in the way, and were kept aside.
    pub files: Vec<CapturedFile>,
}

/// A file that was kept aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedFile {
    /// Its path, and whatever its bytes are.
    #[serde(flatten)]
    pub path: super::plan::WorkPath,
    /// Its permission bits, of which a tree keeps only one.
    pub permissions: u32,
    /// The id of its bytes as a blob.
    pub id: String,
    /// Whether it is a symbolic link, whose bytes are where it leads.
    pub link: bool,
}

impl Entry {
    /// Begins an operation.
    pub fn new(operation: Verb, plan_id: &str) -> Self {
        let at = clock::now();
        let id = format!("{}-{}", clock::name_of_now(), &random_name()[..8]);
        let state = State::Planned;
        let plan_id = plan_id.to_owned();
        Self {
            schema: SCHEMA,
            id,
            operation,
            plan_id,
            at,
            state,
            remote: None,
            local: None,
            captured: None,
            undoes: None,
        }
    }

    /// Tells whether it was begun and neither finished nor given up.
    pub fn is_unfinished(&self) -> bool {
        matches!(self.state, State::Planned | State::Accepted)
    }
}

/// Reads an id that an entry or a plan holds.
pub fn id_of(text: &str) -> Result<ObjectId> {
    ObjectId::from_hex(text.as_bytes()).map_err(|_| unreadable(text))
}

fn unreadable(what: &str) -> Error {
    Error::damaged("journal", format!("the journal holds what it cannot: {}", text::shown(what.as_bytes())))
        .hint("it lies in .git/cairn/ops: move the newest file away to go on without what it can take back")
}

/// The operations of a clone; all its work trees share them.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    modes: Modes,
    held: RefCell<Weak<Lock>>,
}

impl Journal {
    /// Returns the journal of a repository, which need not exist yet.
    ///
    /// It is as private as the repository (`core.sharedRepository`), and for its owner alone where that says nothing git knows.
    pub fn of(repository: &Repository) -> Self {
        let shared = repository.config().get("core", "sharedRepository").unwrap_or_default();
        let modes = Modes::from_shared_repository(&shared).unwrap_or(Modes::OWNER);
        Self { folder: repository.common_dir().join("cairn").join("ops"), modes, held: RefCell::default() }
    }

    /// Returns the modes of its files.
    pub fn modes(&self) -> Modes {
        self.modes
    }

    /// Takes the lock under which operations are carried out, one at a time.
    pub fn lock(&self, wait: Duration) -> Result<Rc<Lock>> {
        durable::make_folders(&self.folder, self.modes)?;
        let lock = Rc::new(lock::take(&self.folder.join("lock"), self.modes.file, wait)?);
        *self.held.borrow_mut() = Rc::downgrade(&lock);
        durable::sweep(&self.folder)?;
        self.expire(clock::now())?;
        self.sweep_orphans()?;
        Ok(lock)
    }

    /// Lets a process hold the lock with us: what it moves is not looked at while it lives, though we were killed.
    pub fn held_by(&self, command: Command) -> Command {
        match self.held.borrow().upgrade() {
            Some(lock) => lock.held_by(command),
            None => command,
        }
    }

    /// Forgets operations that are over and older than [`KEPT_DAYS`], but for the newest [`KEPT`] of all, and with each what was
    /// captured for it. What one that is not finished takes back stays.
    fn expire(&self, now: Timestamp) -> Result<()> {
        let files = self.files()?;
        let Some(old) = files.get(KEPT..).filter(|old| !old.is_empty()) else { return Ok(()) };
        let mut needed = vec![];
        for path in &files {
            let entry = read(path)?;
            if entry.is_unfinished() {
                needed.extend(entry.undoes);
            }
        }
        let since = now - SignedDuration::from_hours(24 * KEPT_DAYS);
        for path in old {
            let entry = read(path)?;
            if !entry.is_unfinished() && entry.at < since && !needed.contains(&entry.id) {
                // What lies beside it goes next: it belongs to nothing then.
                std::fs::remove_file(path).at("remove", path)?;
            }
        }
        Ok(())
    }

    /// Removes what belongs to no operation: one that was killed before it was noted has done nothing.
    fn sweep_orphans(&self) -> Result<()> {
        for file in std::fs::read_dir(&self.folder).at("read the folder", &self.folder)? {
            let path = file.at("read the folder", &self.folder)?.path();
            if BESIDE.iter().any(|kind| path.extension().is_some_and(|extension| extension == *kind))
                && !path.with_extension("json").exists()
            {
                std::fs::remove_file(&path).at("remove", &path)?;
            }
        }
        Ok(())
    }

    /// Writes an entry, durably, in place of what it said before.
    pub fn write(&self, entry: &Entry) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(entry).expect("text serializes");
        bytes.push(b'\n');
        durable::write_over(&self.path(entry, "json"), &bytes, self.modes)
    }

    /// Returns the entry of this name.
    ///
    /// Returns an error where there is none.
    pub fn entry(&self, id: &str) -> Result<Entry> {
        read(&self.folder.join(format!("{id}.json")))
    }

    /// Returns where a file of an entry lies: its `json`, what its files were `before`, its `pack`, or what it needs while it
    /// moves files.
    pub fn path(&self, entry: &Entry, kind: &str) -> PathBuf {
        self.folder.join(format!("{}.{kind}", entry.id))
    }

    /// Returns all entries, newest first.
    ///
    /// Returns an error for a file that is no entry, naming it.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        self.files()?.iter().map(|path| read(path)).collect()
    }

    /// Waits until the second is over in which something was last taken back, if it is this one: the same commit made again
    /// within it would be the very one that the host was told to keep from coming back.
    pub fn outlast_undo(&self) {
        while self.has_undone_this_second() {
            std::thread::sleep(PAUSE);
        }
    }

    fn has_undone_this_second(&self) -> bool {
        let newest = self.files().ok().and_then(|files| files.into_iter().next());
        newest.is_some_and(|path| {
            let name = path.file_stem().and_then(OsStr::to_str);
            let is_fresh = name.and_then(|name| name.get(..TO_THE_SECOND)) == clock::name_of_now().get(..TO_THE_SECOND);
            is_fresh && read(&path).is_ok_and(|entry| entry.undoes.is_some())
        })
    }

    /// The files of all entries, the newest first: their names sort by age.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let listed = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
            listed => listed.at("read the folder", &self.folder)?,
        };
        let mut files = vec![];
        for file in listed {
            let path = file.at("read the folder", &self.folder)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
        files.sort_by(|a, b| b.cmp(a));
        Ok(files)
    }
}

fn read(path: &Path) -> Result<Entry> {
    let bytes = std::fs::read(path).at("read", path)?;
    let entry: Option<Entry> = serde_json::from_slice(&bytes).ok();
    entry.filter(|entry| entry.schema == SCHEMA).ok_or_else(|| {
        Error::damaged("journal", format!("{} is no operation that this git-cairn knows", path.display()))
            .hint("move it away to go on without what it can take back")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_goes_with_what_it_captured_but_for_the_newest_and_what_is_not_over() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal { folder: folder.path().join("ops"), modes: Modes::OWNER, held: RefCell::default() };
        drop(journal.lock(Duration::ZERO).unwrap());
        let now = clock::now();
        let write = |n: usize, days: i64, state: State| {
            let mut entry = Entry::new(Verb::Revert, "plan");
            entry.id = format!("{n:04}");
            (entry.at, entry.state) = (now - SignedDuration::from_hours(24 * days), state);
            journal.write(&entry).unwrap();
            std::fs::write(journal.path(&entry, "pack"), "captured").unwrap();
            entry
        };
        write(0, 300, State::Done);
        let needed = write(1, 300, State::Done);
        write(2, 200, State::Accepted);
        write(3, KEPT_DAYS + 1, State::Undone);
        write(4, KEPT_DAYS - 1, State::Done);
        let mut undo = write(5, 200, State::Planned);
        undo.undoes = Some(needed.id);
        journal.write(&undo).unwrap();
        for n in 0..KEPT {
            write(100 + n, 200, State::Done);
        }
        drop(journal.lock(Duration::ZERO).unwrap());
        let ids: Vec<String> = journal.entries().unwrap().into_iter().map(|entry| entry.id).collect();
        assert_eq!(ids[KEPT..], ["0005", "0004", "0002", "0001"]);
        let packs = std::fs::read_dir(&journal.folder).unwrap().flatten();
        let packs = packs.filter(|file| file.path().extension().is_some_and(|kind| kind == "pack")).count();
        assert_eq!(packs, ids.len());
    }
}
