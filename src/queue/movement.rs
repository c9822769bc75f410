//! Movements of an environment's branch, noted before they happen and settled after.

use super::Database;
use super::database::{id_of, text_of};
use crate::error::Result;
use crate::git::ObjectId;
use jiff::Timestamp;
use rusqlite::{Row, params};
use std::collections::HashMap;

/// How far a movement has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovementState {
    /// Noted; whether it happened is not known.
    Pending,
    /// It happened, and is tagged where it was a deployment.
    Settled,
    /// It never happened.
    Void,
}

/// A movement of an environment's branch by a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// Its row; it grows with time.
    pub id: i64,
    /// A random word that stands in the tag's message.
    pub token: String,
    /// The environment's name.
    pub environment: String,
    /// What the branch held before; `None`: it did not exist.
    pub old: Option<ObjectId>,
    /// What it is to hold; `None`: it is deleted.
    pub new: Option<ObjectId>,
    /// What it really held when the push was judged.
    pub seen: Option<ObjectId>,
    /// Who pushed, and how that is known.
    pub pusher: String,
    /// The note of the push.
    pub note: Option<String>,
    /// When the push was judged.
    pub at: Timestamp,
    /// How far it has come.
    pub state: MovementState,
    /// Whether its own hook said that it happened.
    pub confirmed: bool,
    /// The tag it got.
    pub tag: Option<String>,
}

const COLUMNS: &str = "id, token, environment, old, new, seen, pusher, note, at, state, confirmed, tag";

impl Database {
    /// Notes a movement that is about to happen, and returns it with its row.
    pub fn note_movement(&self, movement: &Movement) -> Result<Movement> {
        let insert = "INSERT INTO movement (token, environment, old, new, seen, pusher, note, at, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'pending')";
        let m = movement;
        let values = params![
            m.token,
            m.environment,
            text_of(m.old),
            text_of(m.new),
            text_of(m.seen),
            m.pusher,
            m.note,
            m.at.as_second()
        ];
        self.connection.execute(insert, values)?;
        Ok(Movement { id: self.connection.last_insert_rowid(), ..movement.clone() })
    }

    /// Lists an environment's pending movements, oldest first.
    pub fn pending_movements(&self, environment: &str) -> Result<Vec<Movement>> {
        let query = format!("SELECT {COLUMNS} FROM movement WHERE environment = ?1 AND state = 'pending' ORDER BY id");
        let mut statement = self.connection.prepare(&query)?;
        let rows = statement.query_map([environment], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns the youngest row of an environment that is settled; 0 where none is.
    pub fn youngest_settled(&self, environment: &str) -> Result<i64> {
        let query = "SELECT coalesce(max(id), 0) FROM movement WHERE environment = ?1 AND state = 'settled'";
        Ok(self.connection.query_row(query, [environment], |row| row.get(0))?)
    }

    /// Returns the tags that movements of an environment got, each with the commit it was made of.
    pub fn tagged_movements(&self, environment: &str) -> Result<HashMap<String, Option<ObjectId>>> {
        let query = "SELECT tag, new FROM movement WHERE environment = ?1 AND state = 'settled' AND tag IS NOT NULL";
        let mut statement = self.connection.prepare(query)?;
        let rows = statement.query_map([environment], |row| Ok((row.get(0)?, id_of(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Lists the movements of exactly this edge that are not void, newest first, twenty at most.
    pub fn movements_like(&self, wanted: &Movement) -> Result<Vec<Movement>> {
        let query = format!(
            "SELECT {COLUMNS} FROM movement WHERE environment = ?1 AND old IS ?2 AND new IS ?3 AND state <> 'void'
             ORDER BY id DESC LIMIT 20"
        );
        let mut statement = self.connection.prepare(&query)?;
        let rows = statement.query_map(params![wanted.environment, text_of(wanted.old), text_of(wanted.new)], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Settles a movement with the tag it got, if it was a deployment.
    pub fn settle_movement(&self, id: i64, tag: Option<&str>) -> Result<()> {
        self.connection.execute("UPDATE movement SET state = 'settled', tag = ?2 WHERE id = ?1", params![id, tag])?;
        Ok(())
    }

    /// Notes that a movement's own hook said that it happened.
    pub fn confirm_movement(&self, id: i64) -> Result<()> {
        self.connection.execute("UPDATE movement SET confirmed = 1 WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Gives up a movement that never happened.
    pub fn void_movement(&self, id: i64) -> Result<()> {
        self.connection.execute("UPDATE movement SET state = 'void' WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Gives up what was noted of an environment before `before` and never happened.
    pub fn void_movements_before(&self, environment: &str, before: Timestamp) -> Result<()> {
        let update = "UPDATE movement SET state = 'void' WHERE state = 'pending' AND environment = ?1 AND at < ?2";
        self.connection.execute(update, params![environment, before.as_second()])?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Movement> {
    let state: String = row.get(9)?;
    Ok(Movement {
        id: row.get(0)?,
        token: row.get(1)?,
        environment: row.get(2)?,
        old: id_of(row.get(3)?),
        new: id_of(row.get(4)?),
        seen: id_of(row.get(5)?),
        pusher: row.get(6)?,
        note: row.get(7)?,
        at: Timestamp::from_second(row.get(8)?).unwrap_or(Timestamp::UNIX_EPOCH),
        state: match state.as_str() {
            "pending" => MovementState::Pending,
            "settled" => MovementState::Settled,
            _ => MovementState::Void,
        },
        confirmed: row.get(10)?,
        tag: row.get(11)?,
    })
}
