//! SQL statements, with one list of columns for each table.

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension as _, Params, Row};

use super::error::Error;
use super::reader::Readers;

/// A table, and its columns in the order in which rows are read and written.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static str,
}

impl Table {
    /// A `SELECT` statement; `rest` follows the name of the table.
    pub(super) fn select(&self, rest: &str) -> String {
        format!("SELECT {} FROM {} {rest}", self.columns, self.name)
    }

    /// An `INSERT INTO` statement; `rest` follows the values.
    pub(super) fn insert(&self, rest: &str) -> String {
        format!("INSERT INTO {} ({}) VALUES ({}) {rest}", self.name, self.columns, self.values())
    }

    /// An `INSERT OR REPLACE INTO` statement.
    pub(super) fn replace(&self) -> String {
        format!("INSERT OR REPLACE INTO {} ({}) VALUES ({})", self.name, self.columns, self.values())
    }

    /// An `UPDATE` statement; `rest` follows the values. The first column is `?1`.
    pub(super) fn update(&self, rest: &str) -> String {
        format!("UPDATE {} SET ({}) = ({}) {rest}", self.name, self.columns, self.values())
    }

    fn values(&self) -> String {
        vec!["?"; self.columns.split(',').count()].join(", ")
    }
}

/// Returns the first row.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Option<T>, Error> {
    Ok(connection.prepare_cached(sql)?.query_row(values, read).optional()?)
}

/// Returns the first row. `name` names it if its columns are not those of such a row ([`Error::Malformed`]).
pub(super) fn named<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, rusqlite::Error>,
    name: impl FnOnce() -> String,
) -> Result<Option<T>, Error> {
    let found = one(connection, sql, values, |row| Ok(read(row)))?;
    found.transpose().map_err(|_| Error::Malformed(name()))
}

/// Returns all rows.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Vec<T>, Error> {
    Ok(connection.prepare_cached(sql)?.query_map(values, read)?.collect::<Result<_, _>>()?)
}

/// Returns whether the query has a row.
pub(super) fn any(connection: &Connection, sql: &str, values: impl Params) -> Result<bool, Error> {
    Ok(connection.prepare_cached(sql)?.exists(values)?)
}

/// Changes rows; returns their number.
pub(super) fn execute(connection: &Connection, sql: &str, values: impl Params) -> Result<usize, Error> {
    Ok(connection.prepare_cached(sql)?.execute(values)?)
}

/// The only column of a row.
pub(super) fn column<T: FromSql>(row: &Row<'_>) -> Result<T, rusqlite::Error> {
    row.get(0)
}

/// The two columns of a row.
pub(super) fn pair<T: FromSql, U: FromSql>(row: &Row<'_>) -> Result<(T, U), rusqlite::Error> {
    Ok((row.get(0)?, row.get(1)?))
}

/// A number of rows as an integer of SQLite.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl Readers {
    /// Like [`one`], on a read-only connection.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Option<T>, Error> {
        self.run(|connection| one(connection, sql, values, read))
    }

    /// Like [`all`], on a read-only connection.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Vec<T>, Error> {
        self.run(|connection| all(connection, sql, values, read))
    }

    /// Like [`any`], on a read-only connection.
    pub(super) fn any(&self, sql: &str, values: impl Params) -> Result<bool, Error> {
        self.run(|connection| any(connection, sql, values))
    }
}
