//! Snapshots to be made, each with the list of references it is of.

use super::Database;
use super::database::{id_of, text_of};
use crate::error::Result;
use crate::git::ObjectId;
use crate::store::sha256;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

/// How many finished jobs are remembered.
const FINISHED_KEPT: u32 = 200;

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Nobody has begun.
    Waiting,
    /// A worker has begun; if none lives, it died and the job is begun again.
    Running,
    /// The backup is there.
    Done,
    /// The last attempt failed; the next worker tries again.
    Failed,
}

/// A snapshot to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// A random word that names the job's pins.
    pub token: String,
    /// The environment the backup is of.
    pub environment: String,
    /// What started it: `deployment` or `automatic`.
    pub initiator: String,
    /// When the list was read.
    pub at: Timestamp,
    /// The direct references, as instructions for `git update-ref --stdin`.
    pub refs: Vec<u8>,
    /// Symbolic references and HEAD, as JSON.
    pub others: String,
    /// The deployment's tag.
    pub tag: Option<String>,
    /// The environment's commit.
    pub commit: Option<ObjectId>,
    /// The note.
    pub note: Option<String>,
    /// For how many days the backup is kept.
    pub keep_days: u32,
}

/// A job with its row and how it went so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its row; it grows with time.
    pub id: i64,
    /// What is to be done.
    pub what: NewJob,
    /// How often it was begun.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The state.
    pub state: JobState,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// The backup it made.
    pub backup: Option<String>,
}

const COLUMNS: &str = "id, token, environment, initiator, at, refs, others, tag, commit_id, note, keep_days,
    attempts, error";

impl Database {
    /// Adds a job, durably, and returns its row.
    pub fn add_job(&self, job: &NewJob) -> Result<i64> {
        let insert =
            "INSERT INTO job (token, environment, initiator, at, refs, others, tag, commit_id, note, keep_days, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'waiting')";
        let values = params![
            job.token,
            job.environment,
            job.initiator,
            job.at.as_second(),
            job.refs,
            job.others,
            job.tag,
            text_of(job.commit),
            job.note,
            job.keep_days
        ];
        self.connection.execute(insert, values)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Returns the oldest job after row `after` that is not done.
    pub fn next_job(&self, after: i64) -> Result<Option<Job>> {
        let query = format!("SELECT {COLUMNS} FROM job WHERE state <> 'done' AND id > ?1 ORDER BY id LIMIT 1");
        let mut statement = self.connection.prepare(&query)?;
        let mut rows = statement.query_map([after], read)?;
        Ok(rows.next().transpose()?)
    }

    /// Returns how far a job has come, without its list: whoever waits asks often.
    pub fn progress(&self, id: i64) -> Result<Option<Progress>> {
        let query = "SELECT state, error, backup FROM job WHERE id = ?1";
        let read = |row: &Row<'_>| {
            Ok(Progress { state: state_of(&row.get::<_, String>(0)?), error: row.get(1)?, backup: row.get(2)? })
        };
        Ok(self.connection.query_row(query, [id], read).optional()?)
    }

    /// Returns the row of the job that a deployment made, by its tag.
    pub fn job_of_tag(&self, tag: &str) -> Result<Option<i64>> {
        let query = "SELECT id FROM job WHERE tag = ?1 AND initiator = 'deployment' ORDER BY id LIMIT 1";
        Ok(self.connection.query_row(query, [tag], |row| row.get(0)).optional()?)
    }

    /// Returns the row of the job with this token.
    pub fn job_of_token(&self, token: &str) -> Result<Option<i64>> {
        let query = "SELECT id FROM job WHERE token = ?1";
        Ok(self.connection.query_row(query, [token], |row| row.get(0)).optional()?)
    }

    /// Returns the tokens of the jobs that are not done.
    pub fn open_tokens(&self) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare("SELECT token FROM job WHERE state <> 'done'")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Counts the jobs that wait, run and failed.
    pub fn job_counts(&self) -> Result<(u64, u64, u64)> {
        let query = "SELECT coalesce(sum(state = 'waiting'), 0), coalesce(sum(state = 'running'), 0),
             coalesce(sum(state = 'failed'), 0) FROM job";
        Ok(self.connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
    }

    /// Notes that a worker begins a job. A power cut may take the note, which the job's backup, if it was made, makes up for.
    pub fn begin_job(&self, id: i64) -> Result<()> {
        let update = "UPDATE job SET state = 'running', attempts = attempts + 1 WHERE id = ?1";
        self.in_no_hurry_to_last(|| Ok(self.connection.execute(update, [id]).map(drop)?))
    }

    /// Notes the backup a job made, whose list is that of the newest finished snapshot now, and forgets the oldest finished
    /// jobs. A power cut may take the note like that of [`Database::begin_job`].
    pub fn finish_job(&self, job: &Job, backup: &str) -> Result<()> {
        self.in_no_hurry_to_last(|| {
            let all_or_nothing = self.connection.unchecked_transaction()?;
            self.insert_last_snapshot(&sha256(&job.what.refs), &job.what.others, backup)?;
            let update =
                "UPDATE job SET state = 'done', backup = ?2, error = NULL, refs = x'', others = '' WHERE id = ?1";
            self.connection.execute(update, params![job.id, backup])?;
            let old = "DELETE FROM job WHERE state = 'done' AND id <= ?1 - ?2";
            self.connection.execute(old, params![job.id, FINISHED_KEPT])?;
            Ok(all_or_nothing.commit()?)
        })
    }

    /// Notes why a job failed; the next worker tries it again.
    pub fn fail_job(&self, id: i64, error: &str) -> Result<()> {
        self.connection.execute("UPDATE job SET state = 'failed', error = ?2 WHERE id = ?1", params![id, error])?;
        Ok(())
    }
}

fn state_of(word: &str) -> JobState {
    match word {
        "waiting" => JobState::Waiting,
        "running" => JobState::Running,
        "done" => JobState::Done,
        _ => JobState::Failed,
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: row.get(0)?,
        what: NewJob {
            token: row.get(1)?,
            environment: row.get(2)?,
            initiator: row.get(3)?,
            at: Timestamp::from_second(row.get(4)?).unwrap_or(Timestamp::UNIX_EPOCH),
            refs: row.get(5)?,
            others: row.get(6)?,
            tag: row.get(7)?,
            commit: id_of(row.get(8)?),
            note: row.get(9)?,
            keep_days: row.get(10)?,
        },
        attempts: row.get(11)?,
        error: row.get(12)?,
    })
}
