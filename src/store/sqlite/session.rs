//! The connection of the writer.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection as Sqlite;

use super::connection::{BUSY, named};
use super::{opening, wal};
use crate::store::engine;
use crate::store::error::Error;
use crate::store::row::Value;
use crate::store::sql::{Connection, Each};

/// How long a transaction waits for another program that locks the database, after one has waited for [`BUSY`] without
/// success.
const BUSY_AGAIN: Duration = Duration::from_millis(200);

/// The connection of the writer.
pub(in crate::store) struct Session(Sqlite);

/// Opens or makes the file and upgrades its schema.
pub(in crate::store) fn open(path: &Path) -> Result<Session, Error> {
    let connection = opening::prepare(path).map_err(|error| named(error, path))?;
    Ok(Session(connection))
}

impl Connection for Session {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        Connection::execute(&self.0, sql, values)
    }

    fn query(&self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), Error> {
        self.0.query(sql, values, each)
    }

    fn schema_version(&self) -> Result<i64, Error> {
        self.0.schema_version()
    }

    fn touch(&self) -> Result<(), Error> {
        self.0.touch()
    }
}

impl engine::Session for Session {
    fn begin(&mut self, is_held: bool) -> Result<(), Error> {
        self.0.busy_timeout(if is_held { BUSY_AGAIN } else { BUSY })?;
        Ok(self.0.execute_batch("BEGIN IMMEDIATE")?)
    }

    fn commit(&mut self) -> Result<(), Error> {
        Ok(self.0.execute_batch("COMMIT")?)
    }

    fn roll_back(&mut self) {
        // SQLite undoes it by itself after some errors.
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be undone");
        }
    }

    fn begin_part(&self) -> Result<(), Error> {
        Ok(self.0.execute_batch("SAVEPOINT job")?)
    }

    fn undo_part(&self) -> Result<(), Error> {
        Ok(self.0.execute_batch("ROLLBACK TO job")?)
    }

    fn end_part(&self) -> Result<(), Error> {
        Ok(self.0.execute_batch("RELEASE job")?)
    }

    fn empty_log(&mut self) -> Result<bool, Error> {
        wal::truncate(&self.0)
    }
}
