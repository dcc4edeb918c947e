//! SQL statements, with one list of columns for each table. They are written in one dialect for all databases: the
//! common part of what SQLite and PostgreSQL read, with `?1` for the first parameter. `INDEXED BY` is SQLite's, and is
//! removed for others.

use super::change::Change;
use super::error::Error;
use super::row::{BadColumn, FromValue, Row, Value};

/// A connection to a database, inside of a transaction or not.
pub(super) trait Connection {
    /// Changes rows; returns their number.
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error>;

    /// Gives the rows of the answer to `each`, until it returns false.
    fn query(&self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), Error>;

    /// The number of the schema.
    fn schema_version(&self) -> Result<i64, Error>;

    /// Changes nothing, but such that the commit of the transaction has to write.
    fn touch(&self) -> Result<(), Error>;

    /// Notes what the transaction changes, for the other servers over the same database, if it may have any.
    fn note(&self, _change: Change) {}

    /// Refuses a transaction that was decided by something of this kind, if another server has changed one since this one
    /// read them.
    ///
    /// # Errors
    /// [`Error::Conflict`].
    fn check_heard(&self, _kind: &Change) -> Result<(), Error> {
        Ok(())
    }

    /// Refuses a transaction that claims what another server has claimed after the commit `since`.
    ///
    /// # Errors
    /// [`Error::Conflict`].
    fn check_unclaimed(&self, _claim: &Change, _since: i64) -> Result<(), Error> {
        Ok(())
    }

    /// The name of this server among those that use the database; empty where there is only one.
    fn server(&self) -> &str {
        ""
    }
}

/// Reads a row; returns whether to go on.
pub(super) type Each<'a> = dyn FnMut(&Row<'_>) -> Result<bool, Error> + 'a;

/// A table, and its columns in the order in which rows are read and written.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static str,
    /// The columns that identify a row.
    pub(super) key: &'static str,
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

    /// An `INSERT INTO` statement for a table whose rows have numbers in the order of their creation; `rest` follows the
    /// values.
    pub(super) fn insert_numbered(&self, rest: &str) -> String {
        let Self { name, columns, .. } = self;
        let number = format!("(SELECT coalesce(max(number), 0) + 1 FROM {name})");
        format!("INSERT INTO {name} ({columns}, number) VALUES ({}, {number}) {rest}", self.values())
    }

    /// A statement that adds a row, or replaces the one with the same key.
    pub(super) fn replace(&self) -> String {
        let sets: Vec<String> = self
            .columns
            .split(',')
            .map(|column| column.trim())
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        self.insert(&format!("ON CONFLICT ({}) DO UPDATE SET {}", self.key, sets.join(", ")))
    }

    /// An `UPDATE` statement; `rest` follows the values. The first column is `?1`.
    pub(super) fn update(&self, rest: &str) -> String {
        format!("UPDATE {} SET ({}) = ({}) {rest}", self.name, self.columns, self.values())
    }

    fn values(&self) -> String {
        let places: Vec<String> = self.columns.split(',').zip(1..).map(|(_, place)| format!("?{place}")).collect();
        places.join(", ")
    }
}

/// Returns the first row.
pub(super) fn one<T>(
    connection: &dyn Connection,
    sql: &str,
    values: &[Value<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, BadColumn>,
) -> Result<Option<T>, Error> {
    let (mut read, mut found) = (Some(read), None);
    connection.query(sql, values, &mut |row| {
        found = read.take().map(|read| read(row)).transpose()?;
        Ok(false)
    })?;
    Ok(found)
}

/// Returns the first row. `name` names it if its columns are not those of such a row ([`Error::Malformed`]).
pub(super) fn named<T>(
    connection: &dyn Connection,
    sql: &str,
    values: &[Value<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, BadColumn>,
    name: impl FnOnce() -> String,
) -> Result<Option<T>, Error> {
    one(connection, sql, values, read).map_err(|error| match error {
        Error::Column(_) => Error::Malformed(name()),
        error => error,
    })
}

/// Returns all rows.
pub(super) fn all<T>(
    connection: &dyn Connection,
    sql: &str,
    values: &[Value<'_>],
    read: impl Fn(&Row<'_>) -> Result<T, BadColumn>,
) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    connection.query(sql, values, &mut |row| {
        found.push(read(row)?);
        Ok(true)
    })?;
    Ok(found)
}

/// Returns whether the query has a row.
pub(super) fn any(connection: &dyn Connection, sql: &str, values: &[Value<'_>]) -> Result<bool, Error> {
    Ok(one(connection, sql, values, |_| Ok(()))?.is_some())
}

/// Changes rows; returns their number.
pub(super) fn execute(connection: &dyn Connection, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
    connection.execute(sql, values)
}

/// The only column of a row.
pub(super) fn column<T: FromValue>(row: &Row<'_>) -> Result<T, BadColumn> {
    row.get(0)
}

/// The two columns of a row.
pub(super) fn pair<T: FromValue, U: FromValue>(row: &Row<'_>) -> Result<(T, U), BadColumn> {
    Ok((row.get(0)?, row.get(1)?))
}

/// A number of rows as an integer of a database.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
