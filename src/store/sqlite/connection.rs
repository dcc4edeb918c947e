//! A connection to a file, and the settings of every connection.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection as Sqlite, Row as SqliteRow, ToSql, params_from_iter};

use super::schema;
use crate::store::error::Error;
use crate::store::row::{Columns, Row, Value};
use crate::store::sql::{Connection, Each};

/// How long a connection waits for the lock of another one.
pub(super) const BUSY: Duration = Duration::from_secs(5);

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.into())
    }
}

/// A parameter as SQLite takes it, without a copy.
struct Parameter<'a>(&'a Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn parameters<'a>(values: &'a [Value<'a>]) -> impl rusqlite::Params + 'a {
    params_from_iter(values.iter().map(Parameter))
}

struct Read<'a>(&'a SqliteRow<'a>);

impl Columns for Read<'_> {
    fn value(&self, column: usize) -> Option<Value<'_>> {
        match self.0.get_ref(column).ok()? {
            ValueRef::Null => Some(Value::Null),
            ValueRef::Integer(number) => Some(Value::Integer(number)),
            ValueRef::Text(text) => Some(std::str::from_utf8(text).map_or(Value::Blob(text), Value::Text)),
            ValueRef::Blob(bytes) => Some(Value::Blob(bytes)),
            // No column of ours has such a value.
            ValueRef::Real(_) => None,
        }
    }
}

impl Connection for Sqlite {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        Ok(self.prepare_cached(sql)?.execute(parameters(values))?)
    }

    fn query(&self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), Error> {
        let mut statement = self.prepare_cached(sql)?;
        let mut rows = statement.query(parameters(values))?;
        while let Some(row) = rows.next()? {
            if !each(&Row(&Read(row)))? {
                break;
            }
        }
        Ok(())
    }

    fn schema_version(&self) -> Result<i64, Error> {
        Ok(schema::version(self)?)
    }

    fn touch(&self) -> Result<(), Error> {
        // A row without a change would not be written, so that a full disk would not be noticed. The header of the file
        // is always written.
        Ok(self.pragma_update(None, "user_version", schema::version(self)?)?)
    }
}

/// Sets what every connection needs.
pub(super) fn configure(connection: &Sqlite) -> Result<(), Error> {
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
