//! Read-only connections, as many as there are readers at one time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::connection::configure;
use super::error::Error;
use crate::metrics::Metrics;

/// Connections kept open while nobody reads.
const MAX_IDLE: usize = 8;

/// The longest that a query takes: for as long nothing that it could see is erased, and the WAL grows.
const LONGEST: Duration = Duration::from_secs(30);

/// The clock is looked at after so many instructions of SQLite's machine.
const STEPS: i32 = 10_000;

/// Pages that each connection keeps, in KiB: a few of an index's upper levels. The system keeps those of the file once for all.
const PAGES_KIB: i64 = 512;

/// What reads the database: a stack of idle connections, of which the one used last has the warmest cache.
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    metrics: Arc<Metrics>,
}

impl Readers {
    pub(super) fn new(path: &Path, metrics: &Arc<Metrics>) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()), metrics: Arc::clone(metrics) }
    }

    /// Runs `query` on an idle or a new connection. The number under way is bounded by the requests that
    /// the server admits.
    pub(super) fn run<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let _timer = self.metrics.store_read();
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let began = Instant::now();
        connection.progress_handler(STEPS, Some(move || began.elapsed() > LONGEST))?;
        let answer = query(&connection).map_err(too_long);
        // A connection that failed may hold a broken file handle; a new one costs little.
        if answer.is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MAX_IDLE {
                idle.push(connection);
            }
        }
        answer
    }

    fn open(&self) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        configure(&connection)?;
        // Of SQLite's own; negative numbers are KiB (PRAGMA cache_size).
        connection.pragma_update(None, "cache_size", -PAGES_KIB)?;
        Ok(connection)
    }
}

/// SQLite's word for a query that was ended by its progress handler.
fn too_long(error: Error) -> Error {
    match error {
        Error::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Error::TooLong(LONGEST.as_secs())
        }
        error => error,
    }
}
