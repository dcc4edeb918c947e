//! The write-ahead log: moving its content into the database, and truncating it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{BUSY, configure, with_suffix};
use crate::store::error::Error;

/// Number of pages in the WAL at which a commit copies them into the database.
pub(super) const PAGES: i64 = 16_000;

/// Length to which SQLite truncates the WAL when it restarts, in bytes: that of [`PAGES`] pages.
pub(super) const LONGEST: i64 = PAGES * (4096 + 24);

/// How long a commit waits at most for readers of the WAL while it is truncated.
const PATIENCE: Duration = Duration::from_millis(20);

/// The result of a checkpoint (SQLite, "PRAGMA wal_checkpoint").
struct Checkpoint {
    busy: bool,
    /// Number of pages in the WAL; `copied`: those of them that are in the database.
    pages: i64,
    copied: i64,
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<Checkpoint, Error> {
    let found = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(Checkpoint { busy: row.get::<_, i64>(0)? != 0, pages: row.get(1)?, copied: row.get(2)? })
    });
    Ok(found?)
}

/// Copies the remaining pages and truncates the WAL to zero. Returns false if a reader or another writer uses it for
/// longer than [`PATIENCE`]. Only what was committed since [`Log::copy`] takes time.
pub(super) fn truncate(connection: &Connection) -> Result<bool, Error> {
    connection.busy_timeout(PATIENCE)?;
    let done = checkpoint(connection, "TRUNCATE");
    connection.busy_timeout(BUSY)?;
    Ok(!done?.busy)
}

/// The write-ahead log of a file.
pub(in crate::store) struct Log(PathBuf);

impl Log {
    pub(in crate::store) fn of(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Copies the pages of the WAL into the database on a connection of its own, while others read and write. Returns
    /// false if a reader still needs the former pages.
    pub(in crate::store) fn copy(&self) -> Result<bool, Error> {
        let connection = Connection::open(&self.0)?;
        configure(&connection)?;
        let Checkpoint { busy, pages, copied } = checkpoint(&connection, "PASSIVE")?;
        Ok(!busy && copied >= pages)
    }

    /// Waits until the length of the WAL is on disk.
    pub(in crate::store) fn sync(&self) -> Result<(), Error> {
        let synced = File::open(with_suffix(&self.0, "-wal")).and_then(|file| file.sync_all());
        synced.map_err(|source| Error::File { path: self.0.clone(), source })
    }
}
