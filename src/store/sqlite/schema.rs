//! The schema, as numbered steps. A released step is never edited.

use std::path::Path;

use rusqlite::Connection;

use crate::store::error::Error;

/// Marks the file as a database of this server: "CLVG" (SQLite's `application_id`).
const APPLICATION_ID: i64 = 0x434C_5647;

/// Step N takes a database from `user_version` N to N + 1.
const MIGRATIONS: [&str; 23] = [
    include_str!("schema/001.sql"),
    include_str!("schema/002.sql"),
    include_str!("schema/003.sql"),
    include_str!("schema/004.sql"),
    include_str!("schema/005.sql"),
    include_str!("schema/006.sql"),
    include_str!("schema/007.sql"),
    include_str!("schema/008.sql"),
    include_str!("schema/009.sql"),
    include_str!("schema/010.sql"),
    include_str!("schema/011.sql"),
    include_str!("schema/012.sql"),
    include_str!("schema/013.sql"),
    include_str!("schema/014.sql"),
    include_str!("schema/015.sql"),
    include_str!("schema/016.sql"),
    include_str!("schema/017.sql"),
    include_str!("schema/020.sql"),
    include_str!("schema/021.sql"),
    include_str!("schema/022.sql"),
    include_str!("schema/024.sql"),
    include_str!("schema/025.sql"),
    include_str!("schema/026.sql"),
];

/// Length of the header of a file, in bytes (SQLite, "Database File Format").
pub(super) const HEADER: u64 = 100;

/// Whether a file with this header is a database of this server.
pub(super) fn is_own(header: &[u8]) -> bool {
    let application = header.get(68..72).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    header.starts_with(b"SQLite format 3\0")
        && application.is_some_and(|bytes| i64::from(u32::from_be_bytes(bytes)) == APPLICATION_ID)
}

/// The newest schema that this program knows.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The schema of the file; 0 for an empty file.
///
/// # Errors
/// The schema is newer, or another program made the database.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<i64, Error> {
    let found = version(connection)?;
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (application != 0 || found != 0 || tables != 0) {
        return Err(Error::Foreign(path.to_owned()));
    }
    if found > known() || found < 0 {
        return Err(Error::NewerSchema { name: path.display().to_string(), found, known: known() });
    }
    Ok(found)
}

/// The schema of an open database.
pub(super) fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Upgrades the file to the newest schema; each step is one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let found = check(connection, path)?;
    for (number, step) in (1_i64..).zip(MIGRATIONS) {
        if number <= found {
            continue;
        }
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}
