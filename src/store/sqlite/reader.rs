//! Read-only connections, one for each reader at one time.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::connection::configure;
use crate::store::engine::{self, Query};
use crate::store::error::Error;

/// Maximum number of idle connections that are kept open.
const MAX_IDLE: usize = 8;

/// Time limit of a query. While a query runs, nothing that it could see is erased, and the WAL grows.
const LONGEST: Duration = Duration::from_secs(30);

/// The time is checked after this number of instructions of SQLite's virtual machine.
const STEPS: i32 = 10_000;

/// Size of each connection's page cache, in KiB: enough for the upper levels of an index. The operating system caches
/// the file's pages for all connections.
const PAGES_KIB: i64 = 512;

/// A stack of idle connections. The one that was used last has the warmest cache.
pub(in crate::store) struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl engine::Pool for Pool {
    fn run(&self, query: &mut Query<'_>) -> Result<(), Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let began = Instant::now();
        connection.progress_handler(STEPS, Some(move || began.elapsed() > LONGEST))?;
        query(&connection).map_err(too_long)?;
        // A connection that failed is not kept, because it may have a broken file handle; a new one costs little.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        Ok(())
    }
}

impl Pool {
    pub(in crate::store) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()) }
    }

    fn open(&self) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        configure(&connection)?;
        // The page cache of SQLite; a negative number is in KiB (PRAGMA cache_size).
        connection.pragma_update(None, "cache_size", -PAGES_KIB)?;
        Ok(connection)
    }
}

/// Converts SQLite's error for a query that its progress handler interrupted.
fn too_long(error: Error) -> Error {
    match error {
        Error::Sqlite(failure) if failure.is_interruption() => Error::TooLong(LONGEST.as_secs()),
        error => error,
    }
}
