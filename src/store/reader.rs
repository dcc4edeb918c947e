//! The readers of the database.

use std::sync::Arc;

use super::engine::Pool;
use super::error::Error;
use super::row::{BadColumn, Row, Value};
use super::sql::{self, Connection};
use crate::metrics::Metrics;

/// The readers of the database. All functions that read take them.
pub struct Readers {
    pool: Box<dyn Pool>,
    metrics: Arc<Metrics>,
}

impl Readers {
    pub(super) fn new(pool: Box<dyn Pool>, metrics: &Arc<Metrics>) -> Self {
        Self { pool, metrics: Arc::clone(metrics) }
    }

    /// The name of the server that reads, among those over the same database; empty if there is only one.
    ///
    /// # Errors
    /// Those of the database.
    pub fn server_name(&self) -> Result<String, Error> {
        self.run(|connection| Ok(connection.server().to_owned()))
    }

    /// Runs `query` on a connection. The number of simultaneous queries is limited by the requests that the server
    /// admits. The query is repeated if the connection was lost.
    pub(super) fn run<T>(&self, query: impl Fn(&dyn Connection) -> Result<T, Error>) -> Result<T, Error> {
        let _timer = self.metrics.store_read();
        let mut answer = None;
        self.pool.run(&mut |connection| {
            answer = Some(query(connection)?);
            Ok(())
        })?;
        answer.ok_or(Error::Stopped)
    }

    /// The first row.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, BadColumn>,
    ) -> Result<Option<T>, Error> {
        self.run(|connection| sql::one(connection, sql, values, &read))
    }

    /// The first row. `name` names it if its columns are not those of such a row ([`Error::Malformed`]).
    pub(super) fn named<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, BadColumn>,
        name: impl Fn() -> String,
    ) -> Result<Option<T>, Error> {
        self.run(|connection| sql::named(connection, sql, values, &read, &name))
    }

    /// All rows.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, BadColumn>,
    ) -> Result<Vec<T>, Error> {
        self.run(|connection| sql::all(connection, sql, values, &read))
    }

    /// Whether the query has a row.
    pub(super) fn any(&self, sql: &str, values: &[Value<'_>]) -> Result<bool, Error> {
        self.run(|connection| sql::any(connection, sql, values))
    }
}
