//! The settings of every connection to a database.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::error::Error;

/// How long a connection waits for the lock of another one.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// Sets what every connection needs.
pub(super) fn configure(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}
/// Adds the name of the file to an error of SQLite.
pub(super) fn named(error: Error, path: &Path) -> Error {
    match error {
        Error::Sqlite(source) => Error::Unusable { path: path.to_owned(), source },
        other => other,
    }
}

/// The path of a file next to the database.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The URI of a database that no process writes (SQLite, "URI Filenames"); each byte of its path is escaped.
pub(super) fn immutable(path: &Path) -> String {
    let path: String = path.as_os_str().as_bytes().iter().map(|byte| format!("%{byte:02X}")).collect();
    format!("file:{path}?immutable=1")
}
