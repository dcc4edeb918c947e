//! An open database.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::command::Command;
use super::erasure::{self, Unerased};
use super::error::Error;
use super::pulse::Pulse;
use super::reader::Readers;
use super::sqlite;
use super::writer::{Poster, Writer};
use super::{audit_head, object, root_key, sql};
use crate::audit::{Audit, Record};
use crate::metrics::Metrics;

/// An open database. Dropping it stops the writer after the queued commands.
pub struct Store {
    readers: Readers,
    /// Closed after the readers: the WAL is moved into the database only if the last connection may write.
    writer: Writer,
    log: sqlite::Log,
    unerased: Arc<Unerased>,
    /// Held as long as the store is open: the caches rely on this process being the only writer.
    _lock: File,
}

/// All functions that read accept a store.
impl Deref for Store {
    type Target = Readers;

    fn deref(&self) -> &Readers {
        &self.readers
    }
}

impl Store {
    /// Opens or makes the database, upgrades its schema and starts the writer.
    ///
    /// # Errors
    /// Another server has it open, its schema is newer, another program made it, or the file cannot be used.
    pub fn open(path: &Path, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        let lock = sqlite::lock(path)?;
        let session = sqlite::open(path)?;
        let unerased = Arc::new(Unerased::new(erasure::count(&session)?));
        let writer = Writer::start(Box::new(session), metrics, &unerased)?;
        let readers = Readers::new(Box::new(sqlite::Pool::new(path)), metrics);
        Ok(Self { writer, readers, log: sqlite::Log::of(path), unerased, _lock: lock })
    }

    /// Reads the root keys of an existing database without changing it; `None` if there is no database yet.
    ///
    /// # Errors
    /// Its schema is newer, another program made it, or it cannot be read.
    pub fn inspect(path: &Path) -> Result<Option<Vec<root_key::RootKey>>, Error> {
        sqlite::read_only(path, root_key::recorded)
    }

    /// The lifecycle of an object of an existing database. The database is not changed and may have an older schema.
    /// The row's binding is not checked.
    ///
    /// # Errors
    /// As for [`Self::inspect`].
    pub fn inspect_object(path: &Path, id: &str) -> Result<Option<object::Lifecycle>, Error> {
        Ok(sqlite::read_only(path, |connection| object::Lifecycle::find(connection, id))?.flatten())
    }

    /// Whether a server has the database open now. During the call no server can open it.
    ///
    /// # Errors
    /// The lock cannot be tested.
    pub fn is_open_elsewhere(path: &Path) -> Result<bool, Error> {
        sqlite::is_open(path)
    }

    /// Runs a command in the next group commit, and returns its answer when the commit is on disk. Without an audit log
    /// ([`Self::record_in`]), its records are dropped.
    ///
    /// # Errors
    /// The command failed and nothing is changed; or its records could not be written, or the commit failed.
    pub fn write<T: Send + 'static>(&self, command: Command<T>) -> Result<T, Error> {
        self.writer.run(command)
    }

    /// Runs commands in order and in one commit, and returns the outcome of each when they are on disk. A failed
    /// command does not affect the others; with `stops`, those after it are not begun ([`Error::NotBegun`]). If the
    /// commit fails, all of them fail.
    #[must_use]
    pub fn write_all(&self, commands: Vec<Command>, stops: bool) -> Vec<Result<(), Error>> {
        self.writer.run_all(commands, stops)
    }

    /// Removes rows of [`erasure`], with their records in the audit log.
    ///
    /// # Errors
    /// The records could not be written, or the commit failed: the rows stay.
    pub fn erased(&self, numbers: Vec<i64>, records: Vec<Record>) -> Result<(), Error> {
        let count = numbers.len();
        self.write(erasure::remove(numbers).recorded(records))?;
        self.unerased.remove(count);
        Ok(())
    }

    /// The pending erasures, and the signal for the thread that erases.
    #[must_use]
    pub fn unerased(&self) -> &Arc<Unerased> {
        &self.unerased
    }

    /// Moves everything that was committed before this call into the database, and truncates the WAL to zero. Returns
    /// false if a reader still uses the WAL. Writers continue, except for a moment at the end.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn empty_wal(&self) -> Result<bool, Error> {
        if !self.log.copy()? || !self.writer.empty_log()? {
            return Ok(false);
        }
        self.log.sync()?;
        Ok(true)
    }

    /// Sets the audit log for the records of writes. Only the first call has an effect.
    pub fn record_in(&self, audit: Arc<Audit>, bind: audit_head::Binder) {
        self.writer.record_in(audit, bind);
    }

    /// Returns the pulse of the writer's thread.
    #[must_use]
    pub fn pulse(&self) -> Arc<Pulse> {
        self.writer.pulse()
    }

    /// Returns a handle that gives commands to the writer without waiting: for threads that the writer itself may wait
    /// for.
    #[must_use]
    pub fn poster(&self) -> Poster {
        self.writer.poster()
    }

    /// The name of a table that has rows; `None` in a new database.
    ///
    /// # Errors
    /// Those of the database.
    pub fn first_used_table(&self) -> Result<Option<&'static str>, Error> {
        self.readers.run(|connection| {
            let tables = [
                "object",
                "policy_entry",
                "access_token",
                "client_secret",
                "api_key",
                "secret_version",
                "audit_head",
                "gcm_use",
            ];
            for table in tables {
                if sql::any(connection, &format!("SELECT 1 FROM {table}"), &[])? {
                    return Ok(Some(table));
                }
            }
            Ok(None)
        })
    }

    /// Whether the database can be read and its last commit was written.
    ///
    /// # Errors
    /// The reason.
    pub fn check(&self) -> Result<(), Error> {
        self.writer.check()?;
        root_key::all(self).map(drop)
    }

    /// The version of the schema.
    ///
    /// # Errors
    /// Those of the database.
    pub fn schema_version(&self) -> Result<i64, Error> {
        self.readers.run(|connection| connection.schema_version())
    }
}
