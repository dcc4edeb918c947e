//! A file as the source or the target of a move.

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection as Sqlite;

use super::connection::{configure, named, with_suffix};
use super::opening::{lock, open_read_only};
use super::schema;
use crate::store::error::Error;
use crate::store::moving::ends::{Destination, Origin, Rows};
use crate::store::moving::table::{Column, Kind, Table};
use crate::store::row::Value;
use crate::store::sql::{self, Connection, Each};

/// What follows the name of the file while it is incomplete.
const PARTIAL: &str = ".partial";

/// The files of a database.
const FILES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// A column that no version writes any more, and that no other database has.
const UNUSED: (&str, &str) = ("audit_head", "signed_seq");

/// Size of the page cache of a new file, in KiB.
const PAGES_KIB: i64 = 65_536;

/// The name of a file that is not complete. It is removed if this is dropped.
struct Partial {
    path: PathBuf,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "the name of the incomplete database could not be removed: delete it");
        }
    }
}

pub(in crate::store) struct Moving {
    connection: Sqlite,
    path: PathBuf,
    /// The file under its present name, if it is the target.
    partial: Option<Partial>,
    /// No server has the file open.
    _lock: File,
}

impl Moving {
    /// Opens an existing file for reading.
    ///
    /// # Errors
    /// A server has it open, its schema is not the newest one, or it cannot be read.
    pub(in crate::store) fn source(path: &Path) -> Result<Self, Error> {
        let lock = lock(path)?;
        let open = || {
            let connection = open_read_only(path)?;
            let found = connection.as_ref().map_or(Ok(0), schema::version)?;
            let older = || Error::OlderSchema { name: path.display().to_string(), found, known: schema::known() };
            let connection = connection.filter(|_| found == schema::known()).ok_or_else(older)?;
            connection.execute_batch("BEGIN")?;
            Ok(connection)
        };
        let connection = open().map_err(|error| named(error, path))?;
        Ok(Self { connection, path: path.to_owned(), partial: None, _lock: lock })
    }

    /// Makes a new file, under another name until it is complete.
    ///
    /// # Errors
    /// It exists, or cannot be made.
    pub(in crate::store) fn target(path: &Path) -> Result<Self, Error> {
        refuse_present(path)?;
        let lock = lock(path)?;
        let partial = with_suffix(path, PARTIAL);
        let failed = |source| Error::File { path: partial.clone(), source };
        refuse_foreign(&partial)?;
        // Nobody else is writing it: that needs the lock.
        match fs::remove_file(&partial) {
            Ok(()) => tracing::info!(file = %partial.display(), "removed the incomplete database of a killed process"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(failed)?;
        let guard = Partial { path: partial.clone() };
        let connection = make(&partial).map_err(|error| named(error, &partial))?;
        Ok(Self { connection, path: path.to_owned(), partial: Some(guard), _lock: lock })
    }
}

/// Refuses a path where a database is, or a log that would be taken for that of the new one.
fn refuse_present(path: &Path) -> Result<(), Error> {
    match FILES.map(|suffix| with_suffix(path, suffix)).into_iter().find(|file| file.symlink_metadata().is_ok()) {
        Some(file) => Err(Error::Occupied { name: file.display().to_string(), why: "it exists".to_owned() }),
        None => Ok(()),
    }
}

/// Refuses a file that is not the incomplete database of a killed move.
fn refuse_foreign(partial: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { path: partial.to_owned(), source };
    let found = match partial.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed)?,
    };
    let mut begin = Vec::new();
    if found.is_file() {
        File::open(partial).and_then(|file| file.take(schema::HEADER).read_to_end(&mut begin)).map_err(failed)?;
    }
    if found.is_file() && (begin.is_empty() || schema::is_own(&begin)) {
        return Ok(());
    }
    let why = "it exists, and is not the incomplete database of a killed move".to_owned();
    Err(Error::Occupied { name: partial.display().to_string(), why })
}

/// Opens an empty file, makes the tables, and begins the transaction of the copy.
fn make(path: &Path) -> Result<Sqlite, Error> {
    let mut connection = Sqlite::open(path)?;
    configure(&connection)?;
    // What is not complete is removed, so that nothing of it must be undone or on disk before its end.
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -PAGES_KIB)?;
    schema::migrate(&mut connection, path)?;
    connection.execute_batch("BEGIN")?;
    Ok(connection)
}

impl Connection for Moving {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        Connection::execute(&self.connection, sql, values)
    }

    fn query(&self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), Error> {
        self.connection.query(sql, values, each)
    }

    fn schema_version(&self) -> Result<i64, Error> {
        self.connection.schema_version()
    }

    fn touch(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Origin for Moving {
    fn tables(&self) -> Result<Vec<Table>, Error> {
        let sql = "SELECT m.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_schema m, pragma_table_info(m.name) c \
                   WHERE m.type = 'table' AND substr(m.name, 1, 7) <> 'sqlite_'";
        let columns = sql::all(self, sql, &[], |row| {
            Ok((
                (row.get::<String>(0)?, row.get::<String>(1)?),
                row.get::<String>(2)?,
                row.get::<bool>(3)?,
                row.get(4)?,
            ))
        })?;
        let known = columns.into_iter().filter(|((table, column), ..)| (table.as_str(), column.as_str()) != UNUSED);
        let known = known.map(|((table, name), kind, is_required, place)| {
            let kind = Kind::named(["INTEGER", "TEXT", "BLOB"], &kind, (&table, &name))?;
            // In a STRICT table, the columns of the primary key are never NULL.
            Ok((table, Column { name, kind, is_required: is_required || place > 0, place }))
        });
        Ok(Table::collect(known.collect::<Result<_, Error>>()?))
    }

    fn references(&self) -> Result<Vec<(String, String)>, Error> {
        let sql =
            "SELECT m.name, f.\"table\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";
        sql::all(self, sql, &[], sql::pair)
    }

    fn check_locked(&self) -> Result<(), Error> {
        // The lock is that of an open file.
        Ok(())
    }
}

impl Destination for Moving {
    fn fill(&self, table: &Table, rows: &mut Rows<'_>) -> Result<(), Error> {
        let places: Vec<String> = (1..=table.columns.len()).map(|place| format!("?{place}")).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.quoted(), table.list(), places.join(", "));
        rows(&mut |values| sql::execute(self, &sql, values).map(drop))
    }

    fn complete(self: Box<Self>) -> Result<(), Error> {
        let Self { connection, path, partial, _lock } = *self;
        let Some(partial) = partial else { return Ok(()) };
        connection.execute_batch("COMMIT")?;
        connection.close().map_err(|(_, error)| error)?;
        let failed = |source| Error::Write { path: path.clone(), source };
        File::open(&partial.path).and_then(|file| file.sync_all()).map_err(failed)?;
        refuse_present(&path)?;
        // A second name, because a rename would replace a file that was made meanwhile. The first one is removed then.
        fs::hard_link(&partial.path, &path).map_err(failed)?;
        drop(partial);
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(parent).and_then(|directory| directory.sync_all());
        synced.map_err(|source| Error::Unsynced { path, source })
    }
}
