//! The database, and the folder it lies in.

use crate::durable::{self, Modes, Unsynced};
use crate::error::{AtPath, Error, Result};
use crate::git::{ObjectId, Repository};
use crate::os;
use crate::store::sha256;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file by which the state of a copy that `doctor` pushes into is known.
pub const TRIAL_MARK: &str = "trial";

/// How long a write waits for another one.
const BUSY: Duration = Duration::from_secs(10);

/// From how many pages of its log on, of 4 KiB, a commit folds them back into the database: whoever opens it reads the log.
const LOG_PAGES_MAX: u32 = 64;

/// The same where somebody waits, and [`Database::fold_log`] is to come.
const LOG_PAGES_MAX_HURRIED: u32 = 1000;

/// How old a reader's temporary folder may be before it is taken for one that a killed process left.
const SCRATCH_AGE_MAX: Duration = Duration::from_secs(86_400);

/// The version of the tables, in SQLite's `user_version`.
const VERSION: u32 = 3;

const TABLES: &str = "
CREATE TABLE environment (
    name TEXT PRIMARY KEY,
    tip TEXT,                       -- what the branch held after the last movement that was settled
    number INTEGER NOT NULL         -- the highest deployment number ever used
);
CREATE TABLE movement (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,     -- stands in the tag's message, so that no movement is tagged twice
    environment TEXT NOT NULL,
    old TEXT, new TEXT,             -- NULL: the branch does not exist
    seen TEXT,                      -- what it held when the push was judged
    pusher TEXT NOT NULL, note TEXT,
    at INTEGER NOT NULL,            -- seconds since 1970
    state TEXT NOT NULL,            -- pending, settled, void
    confirmed INTEGER NOT NULL DEFAULT 0,
    tag TEXT
);
CREATE INDEX movement_pending ON movement (environment) WHERE state = 'pending';
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,     -- names its pins
    environment TEXT NOT NULL, initiator TEXT NOT NULL,
    at INTEGER NOT NULL,
    refs BLOB NOT NULL,             -- as the file `refs` of a backup
    others TEXT NOT NULL,           -- symbolic references and HEAD, as in a manifest
    tag TEXT, commit_id TEXT, note TEXT,
    keep_days INTEGER NOT NULL,
    state TEXT NOT NULL,            -- waiting, running, done, failed
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT, backup TEXT
);
";

const LAST_SNAPSHOT: &str = "
CREATE TABLE last_snapshot (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    refs_sha256 TEXT NOT NULL,      -- of the file `refs` of the backup
    others TEXT,                    -- as in job; NULL: made by a git-cairn that did not keep them
    backup TEXT NOT NULL            -- its id; empty: made by a git-cairn that did not keep it
);
";

/// What version 2 brought.
const SINCE_1: &str = "ALTER TABLE last_snapshot ADD COLUMN others TEXT";

/// The host's own state of a repository: `$GIT_DIR/cairn`.
#[derive(Debug, Clone)]
pub struct State {
    folder: PathBuf,
    modes: Modes,
    hurried: bool,
    synced_later: bool,
}

impl State {
    /// Names the state of a repository; nothing is made yet.
    pub fn of(repository: &Repository, modes: Modes) -> Self {
        Self { folder: repository.common_dir().join("cairn"), modes, hurried: false, synced_later: false }
    }

    /// Returns the state as a hook wants it, and the worker it starts: they open the database a few times a push and write a
    /// few rows. To fold its log back into it each time it is closed takes five syncs; left there it is as durable. The worker
    /// does it when nobody waits any more.
    #[must_use]
    pub fn hurried(self) -> Self {
        Self { hurried: true, ..self }
    }

    /// Returns the state as a hook wants it that syncs what it wrote all at once before it says that anything was done, by
    /// [`State::sync`] or its whole file system: what it commits lasts from then on, in the order in which it was committed,
    /// and needs no syncs of its own.
    #[must_use]
    pub fn synced_later(self) -> Self {
        Self { synced_later: true, ..self }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells whether this is a copy that is gone in a moment: nothing outside it is to be done for a push into it.
    pub fn is_trial(&self) -> bool {
        self.folder.join(TRIAL_MARK).exists()
    }

    /// Returns the modes of what is made in it.
    pub fn modes(&self) -> Modes {
        self.modes
    }

    /// Returns the path of a lock, by its word.
    pub fn lock_path(&self, word: &str) -> PathBuf {
        self.folder.join(format!("{word}.lock"))
    }

    /// Returns a folder in which readers make folders of their own, swept when those are a day old.
    pub fn scratch(&self) -> Result<PathBuf> {
        let folder = self.folder.join("tmp");
        durable::make_folders(&folder, self.modes)?;
        durable::sweep_older(&folder, SCRATCH_AGE_MAX)?;
        Ok(folder)
    }

    /// Returns the folder of the one who holds the snapshot lock, with nothing in it.
    pub fn empty_scratch(&self) -> Result<PathBuf> {
        let folder = self.folder.join("tmp-snapshot");
        durable::make_folders(&folder, self.modes)?;
        durable::empty(&folder)?;
        Ok(folder)
    }

    /// Opens the database, making it where it is missing.
    pub fn database(&self) -> Result<Database> {
        durable::make_folders(&self.folder, self.modes)?;
        let path = self.folder.join("jobs.db");
        if !path.exists() {
            // SQLite gives the log files the mode of the database; make that one ours before it is opened.
            let created = durable::write_new(&path, b"", self.modes);
            if let Err(error) = created
                && !path.exists()
            {
                return Err(error);
            }
        }
        let database = Database::open(&path, if self.synced_later { "normal" } else { "full" })?;
        if self.hurried {
            database.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            database.connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX_HURRIED)?;
        }
        Ok(database)
    }

    /// Makes what was committed to the database last: what [`State::synced_later`] left to whoever says that something was done.
    pub fn sync(&self) -> Result<()> {
        let log = self.folder.join("jobs.db-wal");
        let mut unsynced = Unsynced::default();
        match File::open(&log) {
            Ok(file) => unsynced.note_file(&log, file),
            // Whoever removed it had folded it into the database, and synced that.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).at("open", &log),
        }
        // SQLite makes the log anew where there is none.
        unsynced.note_name(&log);
        unsynced.sync()
    }

    /// Tells whether this process's user owns the state, and so may write the store.
    pub fn is_ours(&self) -> Result<bool> {
        let folder = if self.folder.exists() { &self.folder } else { self.folder.parent().unwrap_or(&self.folder) };
        Ok(os::is_ours(&std::fs::metadata(folder).at("read", folder)?))
    }
}

/// An open database.
#[derive(Debug)]
pub struct Database {
    pub(super) connection: Connection,
}

impl Database {
    fn open(path: &Path, synchronous: &str) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX)?;
        let mut database = Self { connection };
        database.make_tables()?;
        Ok(database)
    }

    fn make_tables(&mut self) -> Result<()> {
        if self.version()? == VERSION {
            return Ok(());
        }
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            0 => transaction.execute_batch(&[TABLES, LAST_SNAPSHOT].concat())?,
            1 => {
                transaction.execute_batch(SINCE_1)?;
                since_2(&transaction)?;
            }
            2 => since_2(&transaction)?,
            VERSION => return Ok(()),
            later => {
                let message = format!("the jobs are of version {later}, made by a later git-cairn");
                return Err(Error::failed("jobs-version", message).hint("install that one on this host"));
            }
        }
        transaction.pragma_update(None, "user_version", VERSION)?;
        Ok(transaction.commit()?)
    }

    fn version(&self) -> Result<u32> {
        Ok(self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
    }

    /// Folds the log back into the database and empties it. Where somebody is at it, it stays for the next.
    pub fn fold_log(&self) -> Result<()> {
        self.connection.busy_timeout(Duration::ZERO)?;
        // A row that says whether somebody was, and how much there was; neither matters.
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.connection.busy_timeout(BUSY)?;
        Ok(())
    }

    /// Returns what the branch of an environment held after the last settled movement, and the highest number used;
    /// `None` for an environment that is new here.
    pub fn environment(&self, name: &str) -> Result<Option<(Option<ObjectId>, u64)>> {
        let query = "SELECT tip, number FROM environment WHERE name = ?1";
        let row = self.connection.query_row(query, [name], |row| Ok((id_of(row.get(0)?), row.get(1)?))).optional()?;
        Ok(row)
    }

    /// Sets them; the number only ever grows.
    pub fn set_environment(&self, name: &str, tip: Option<ObjectId>, number: u64) -> Result<()> {
        let upsert = "INSERT INTO environment (name, tip, number) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET tip = ?2, number = max(number, ?3)";
        self.connection.execute(upsert, params![name, text_of(tip), number])?;
        Ok(())
    }

    /// Does writes that wait for no disk. After a power cut the database may be as it was before them, never between; what is
    /// written later lasts only together with them.
    pub(super) fn in_no_hurry_to_last<T>(&self, write: impl FnOnce() -> Result<T>) -> Result<T> {
        self.connection.pragma_update(None, "synchronous", "normal")?;
        let written = write();
        self.connection.pragma_update(None, "synchronous", "full")?;
        written
    }

    /// Keeps of what the newest finished snapshot is: it tells what a new job must pin, and what has changed since without a
    /// hook. `refs_sha256` is that of the file `refs` of the backup with this id. An older one, which a power cut may bring
    /// back, makes a backup too many and loses none.
    pub fn set_last_snapshot(&self, refs_sha256: &str, others: &str, backup: &str) -> Result<()> {
        self.in_no_hurry_to_last(|| self.insert_last_snapshot(refs_sha256, others, backup))
    }

    pub(super) fn insert_last_snapshot(&self, refs_sha256: &str, others: &str, backup: &str) -> Result<()> {
        let insert = "INSERT OR REPLACE INTO last_snapshot (one, refs_sha256, others, backup) VALUES (1, ?1, ?2, ?3)";
        self.connection.execute(insert, params![refs_sha256, others, backup])?;
        Ok(())
    }

    /// Forgets it: the store is another one now.
    pub fn forget_last_snapshot(&self) -> Result<()> {
        self.connection.execute("DELETE FROM last_snapshot", [])?;
        Ok(())
    }

    /// Tells whether the newest finished snapshot is of this list.
    pub fn is_last_snapshot(&self, refs_sha256: &str, others: &str) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM last_snapshot WHERE refs_sha256 = ?1 AND others = ?2)";
        Ok(self.connection.query_row(query, params![refs_sha256, others], |row| row.get(0))?)
    }

    /// Tells whether the newest finished snapshot is of this list, or a job that is not done.
    pub fn is_covered(&self, refs: &[u8], others: &str) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM job WHERE state <> 'done' AND refs = ?1 AND others = ?2)";
        Ok(self.is_last_snapshot(&sha256(refs), others)?
            || self.connection.query_row(query, params![refs, others], |row| row.get(0))?)
    }

    /// Returns the id of the newest finished snapshot, if there is one; of a database of an earlier git-cairn it is empty.
    pub fn last_snapshot(&self) -> Result<Option<String>> {
        Ok(self.connection.query_row("SELECT backup FROM last_snapshot", [], |row| row.get(0)).optional()?)
    }
}

/// What version 3 brought: of the newest finished snapshot the digest of its list instead of the list.
fn since_2(transaction: &Transaction<'_>) -> Result<()> {
    let query = "SELECT refs, others FROM last_snapshot";
    let row = |row: &Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Option<String>>(1)?));
    let last = transaction.query_row(query, [], row).optional()?;
    transaction.execute_batch("DROP TABLE last_snapshot")?;
    transaction.execute_batch(LAST_SNAPSHOT)?;
    if let Some((refs, others)) = last {
        let insert = "INSERT INTO last_snapshot (one, refs_sha256, others, backup) VALUES (1, ?1, ?2, '')";
        transaction.execute(insert, params![sha256(&refs), others])?;
    }
    Ok(())
}

pub(super) fn id_of(text: Option<String>) -> Option<ObjectId> {
    text.and_then(|text| ObjectId::from_hex(text.as_bytes()).ok())
}

pub(super) fn text_of(id: Option<ObjectId>) -> Option<String> {
    id.map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_of_earlier_versions_are_brought_up_to_date() {
        for (version, others) in [(1, None), (2, Some("others"))] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("jobs.db");
            let database = Database::open(&path, "full").unwrap();
            let column = others.map_or("", |_| ", others TEXT");
            let value = others.map_or("", |_| ", 'others'");
            let back = format!(
                "DROP TABLE last_snapshot; CREATE TABLE last_snapshot (one INTEGER PRIMARY KEY, refs BLOB NOT NULL{column});
                 INSERT INTO last_snapshot VALUES (1, CAST('refs' AS BLOB){value}); PRAGMA user_version = {version}"
            );
            database.connection.execute_batch(&back).unwrap();
            drop(database);
            let database = Database::open(&path, "full").unwrap();
            assert_eq!(database.last_snapshot().unwrap().unwrap(), "");
            // Version 1 knew no HEAD.
            assert_eq!(database.is_covered(b"refs", "others").unwrap(), others.is_some());
            database.set_last_snapshot(&sha256(b"refs"), "others", "id").unwrap();
            let covers = |refs: &[u8], others| Database::open(&path, "full").unwrap().is_covered(refs, others).unwrap();
            assert_eq!((covers(b"refs", "others"), covers(b"refs", ""), covers(b"", "others")), (true, false, false));
            assert_eq!(database.last_snapshot().unwrap().unwrap(), "id");
        }
    }

    #[test]
    fn the_log_is_emptied_unless_somebody_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.db");
        let database = Database::open(&path, "full").unwrap();
        let other = Database::open(&path, "full").unwrap();
        let log = || std::fs::metadata(folder.path().join("jobs.db-wal")).unwrap().len();
        let reading = other.connection.unchecked_transaction().unwrap();
        assert!(other.last_snapshot().unwrap().is_none());
        database.set_last_snapshot("a", "", "1").unwrap();
        database.fold_log().unwrap();
        assert_ne!(log(), 0);
        drop(reading);
        database.fold_log().unwrap();
        assert_eq!((log(), other.last_snapshot().unwrap().as_deref()), (0, Some("1")));
    }

    #[test]
    fn a_database_of_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.db");
        Database::open(&path, "full").unwrap().connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        let error = Database::open(&path, "full").map(drop).unwrap_err();
        assert_eq!(error.code(), "jobs-version");
    }
}
