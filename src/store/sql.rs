//! Statements, and the columns of tables: each list stands once.

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
    /// `SELECT`, and what follows the name of the table.
    pub(super) fn select(&self, rest: &str) -> String {
        format!("SELECT {} FROM {} {rest}", self.columns, self.name)
    }

    /// `INSERT INTO`, and what follows the values.
    pub(super) fn insert(&self, rest: &str) -> String {
        format!("INSERT INTO {} ({}) VALUES ({}) {rest}", self.name, self.columns, self.values())
    }

    /// `INSERT OR REPLACE INTO`.
    pub(super) fn replace(&self) -> String {
        format!("INSERT OR REPLACE INTO {} ({}) VALUES ({})", self.name, self.columns, self.values())
    }

    /// `UPDATE`, and what follows the values. The first column is `?1`.
    pub(super) fn update(&self, rest: &str) -> String {
        format!("UPDATE {} SET ({}) = ({}) {rest}", self.name, self.columns, self.values())
    }

    fn values(&self) -> String {
        vec!["?"; self.columns.split(',').count()].join(", ")
    }
}

/// The first row.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Option<T>, Error> {
    Ok(connection.prepare_cached(sql)?.query_row(values, read).optional()?)
}

/// All rows.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Vec<T>, Error> {
    Ok(connection.prepare_cached(sql)?.query_map(values, read)?.collect::<Result<_, _>>()?)
}

/// Whether the query has a row.
pub(super) fn any(connection: &Connection, sql: &str, values: impl Params) -> Result<bool, Error> {
    Ok(connection.prepare_cached(sql)?.exists(values)?)
}

/// Changes rows; how many.
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

/// A number of rows as SQLite has it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl Readers {
    /// [`one`] on a connection that only reads.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Option<T>, Error> {
        self.run(|connection| one(connection, sql, values, read))
    }

    /// [`all`] on a connection that only reads.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Vec<T>, Error> {
        self.run(|connection| all(connection, sql, values, read))
    }

    /// [`any`] on a connection that only reads.
    pub(super) fn any(&self, sql: &str, values: impl Params) -> Result<bool, Error> {
        self.run(|connection| any(connection, sql, values))
    }
}
