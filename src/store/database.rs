//! An open database.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::change::Follower;
use super::claim::claim;
use super::command::Command;
use super::engine::{Pool, Session};
use super::erasure::{self, Unerased};
use super::error::Error;
use super::pulse::Pulse;
use super::reader::Readers;
use super::sql::{self, Connection};
use super::writer::{Poster, Writer};
use super::{audit_head, object, root_key};
use super::{postgres, sqlite};
use crate::audit::{Audit, Record};
use crate::config::{Database as Location, Postgres};
use crate::hexadecimal;
use crate::metrics::Metrics;

/// An open database. Dropping it stops the writer after the queued commands.
pub struct Store {
    readers: Readers,
    /// Closed after the readers: the WAL is moved into the database only if the last connection may write.
    writer: Writer,
    unerased: Arc<Unerased>,
    /// Dropped last.
    held: Held,
}

/// What the caches rely on: an SQLite database has no other writer, and a PostgreSQL database tells what others wrote.
enum Held {
    Sqlite { log: sqlite::Log, _lock: File },
    Postgres(Box<postgres::Watch>),
}

/// All functions that read accept a store.
impl Deref for Store {
    type Target = Readers;

    fn deref(&self) -> &Readers {
        &self.readers
    }
}

impl Store {
    /// Opens the database, or makes it if it is a file, upgrades its schema and starts the writer.
    ///
    /// # Errors
    /// Another server has it open, its schema is newer, another program made it, or it cannot be used.
    pub fn open(location: &Location, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        match location {
            Location::Sqlite(path) => Self::open_file(path, metrics),
            Location::Postgres(settings) => Self::open_server(settings, metrics),
        }
    }

    fn open_file(path: &Path, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        let lock = sqlite::lock(path)?;
        let session = sqlite::open(path)?;
        let held = Held::Sqlite { log: sqlite::Log::of(path), _lock: lock };
        Self::start(Box::new(session), Box::new(sqlite::Pool::new(path)), held, metrics)
    }

    fn open_server(settings: &Arc<Postgres>, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        let mut holder = [0; 16];
        openssl::rand::rand_bytes(&mut holder).map_err(|error| Error::Driver(error.into()))?;
        let postgres::Opened { session, pool, watch } = postgres::open(settings, hexadecimal::lower(&holder))?;
        Self::start(Box::new(session), Box::new(pool), Held::Postgres(Box::new(watch)), metrics)
    }

    fn start(
        session: Box<dyn Session>,
        pool: Box<dyn Pool>,
        held: Held,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, Error> {
        let unerased = Arc::new(Unerased::new(erasure::count(&*session)?));
        let writer = Writer::start(session, metrics, &unerased)?;
        Ok(Self { writer, readers: Readers::new(pool, metrics), unerased, held })
    }

    /// Whether there is a database now. A PostgreSQL database exists always.
    #[must_use]
    pub fn exists(location: &Location) -> bool {
        location.file().is_none_or(Path::exists)
    }

    /// Reads the root keys of an existing database without changing it; `None` if there is no database yet.
    ///
    /// # Errors
    /// Its schema is newer, another program made it, or it cannot be read.
    pub fn inspect(location: &Location) -> Result<Option<Vec<root_key::RootKey>>, Error> {
        read_only(location, root_key::recorded)
    }

    /// The lifecycle of an object of an existing database. The database is not changed and may have an older schema.
    /// The row's binding is not checked.
    ///
    /// # Errors
    /// As for [`Self::inspect`].
    pub fn inspect_object(location: &Location, id: &str) -> Result<Option<object::Lifecycle>, Error> {
        Ok(read_only(location, |connection| object::Lifecycle::find(connection, id))?.flatten())
    }

    /// Whether a server has the database open now. During the call no server can open it.
    ///
    /// # Errors
    /// The lock cannot be tested.
    pub fn is_open_elsewhere(location: &Location) -> Result<bool, Error> {
        match location {
            Location::Sqlite(path) => sqlite::is_open(path),
            Location::Postgres(settings) => postgres::is_open(settings),
        }
    }

    /// What watches a PostgreSQL database.
    fn watch(&self) -> Option<&postgres::Watch> {
        match &self.held {
            Held::Sqlite { .. } => None,
            Held::Postgres(watch) => Some(watch),
        }
    }

    /// Whether what was read from the database before may be used.
    ///
    /// # Errors
    /// PostgreSQL has not answered for a second, or the database is not this server's any more.
    pub fn check_contact(&self) -> Result<(), Error> {
        self.watch().map_or(Ok(()), postgres::Watch::check)
    }

    /// What is known of a PostgreSQL database, without asking it; `None` for SQLite.
    #[must_use]
    pub fn database_state(&self) -> Option<postgres::DatabaseState> {
        self.watch().map(postgres::Watch::state)
    }

    /// Does with the changes of other servers over the same database what `follower` does, from now on. Returns when those
    /// up to now were followed. An SQLite database has one server.
    ///
    /// # Errors
    /// The database does not answer, or the changes cannot be followed.
    pub fn follow(&self, follower: Follower) -> Result<(), Error> {
        self.watch().map_or(Ok(()), |watch| watch.follow(follower))
    }

    /// The last commit of other servers that this one has followed; 0 if there are no others.
    #[must_use]
    pub fn followed(&self) -> i64 {
        self.watch().map_or(0, postgres::Watch::followed)
    }

    /// Lets other servers over the same database start.
    pub fn has_started(&self) {
        if let Some(watch) = self.watch() {
            watch.has_started();
        }
    }

    /// The name of this server among those over the same database; empty if there is only one.
    #[must_use]
    pub fn server(&self) -> &str {
        self.watch().map_or("", postgres::Watch::server)
    }

    /// Whether the bytes of a row that was changed can be erased from the files of the database.
    #[must_use]
    pub fn erases(&self) -> bool {
        self.watch().is_none()
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

    /// Removes rows of [`erasure`], with their records in the audit log. `since`: the last commit that was followed before
    /// they were read.
    ///
    /// # Errors
    /// The records could not be written, the commit failed, or another server has removed rows since: these rows stay.
    pub fn erased(&self, numbers: Vec<i64>, since: i64, records: Vec<Record>) -> Result<(), Error> {
        let count = numbers.len();
        // The number of a row that was removed may be given again.
        let claim = claim(vec![("erasure".to_owned(), since)]);
        self.write(claim.then(erasure::remove(numbers)).recorded(records))?;
        self.unerased.remove(count);
        Ok(())
    }

    /// The pending erasures, and the signal for the thread that erases.
    #[must_use]
    pub fn unerased(&self) -> &Arc<Unerased> {
        &self.unerased
    }

    /// Moves everything that was committed before this call into the database file, and truncates the WAL to zero.
    /// Returns false if a reader still uses the WAL. Writers continue, except for a moment at the end. PostgreSQL takes
    /// care of its own WAL.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn empty_wal(&self) -> Result<bool, Error> {
        let Held::Sqlite { log, .. } = &self.held else { return Ok(true) };
        if !log.copy()? || !self.writer.empty_log()? {
            return Ok(false);
        }
        log.sync()?;
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

    /// Whether the database can be read and its last commit was written. PostgreSQL is not asked whether it can be read,
    /// because its answer may be long in coming: the heartbeat asks it all the time, and the readers note whether they have
    /// a connection.
    ///
    /// # Errors
    /// The reason.
    pub fn check(&self) -> Result<(), Error> {
        self.check_contact()?;
        self.writer.check(|| self.check_contact())?;
        match &self.held {
            Held::Sqlite { .. } => root_key::all(self).map(drop),
            Held::Postgres(watch) => watch.check_readable(),
        }
    }

    /// The version of the schema.
    ///
    /// # Errors
    /// Those of the database.
    pub fn schema_version(&self) -> Result<i64, Error> {
        self.readers.run(|connection| connection.schema_version())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Held::Postgres(watch) = &self.held {
            watch.close();
        }
    }
}

/// Reads an existing database as it is; `None` if it has no schema yet.
fn read_only<T>(
    location: &Location,
    read: impl FnOnce(&dyn Connection) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    match location {
        Location::Sqlite(path) => sqlite::read_only(path, read),
        Location::Postgres(settings) => postgres::read_only(settings, read),
    }
}
