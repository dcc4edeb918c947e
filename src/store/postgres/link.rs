//! A connection to PostgreSQL.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use super::contact::Contact;
use super::dialect::translated;
use super::failure::Failure;
use super::value::Parameter;
use super::waiting::wait;
use crate::store::error::Error;
use crate::store::moving::ends::Rows;
use crate::store::pulse;
use crate::store::row::{Row, Value};
use crate::store::sql::{self, Connection, Each};

/// Time limit of a query, which PostgreSQL knows too.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// How long an answer is waited for: longer, so that PostgreSQL's own error arrives.
pub(super) const LIMIT: Duration = Duration::from_secs(32);

/// Maximum number of statements that are kept prepared.
const PREPARED: usize = 256;

pub(super) struct Link {
    client: Client,
    /// Moves the bytes of the connection.
    moving: AbortHandle,
    statements: RefCell<HashMap<String, Statement>>,
    /// By whom the silence of the database is noticed; `None` while nobody listens.
    contact: Option<Arc<Contact>>,
    limit: Duration,
    /// Whether the connection cannot be used any more.
    is_lost: Cell<bool>,
    /// Whether a statement failed, so that PostgreSQL does nothing more in this transaction.
    has_failed: Cell<bool>,
}

impl Drop for Link {
    fn drop(&mut self) {
        // Without this, a connection would stay open as long as the other end does not answer.
        if self.is_lost.get() {
            self.moving.abort();
        }
    }
}

impl Link {
    pub(super) fn new(client: Client, moving: AbortHandle) -> Self {
        let statements = RefCell::default();
        let (is_lost, has_failed) = (Cell::new(false), Cell::new(false));
        Self { client, moving, statements, contact: None, limit: LIMIT, is_lost, has_failed }
    }

    /// Gives up as soon as the database counts as silent.
    pub(super) fn heard_by(mut self, contact: &Arc<Contact>) -> Self {
        self.contact = Some(Arc::clone(contact));
        self
    }

    /// Gives up after `limit`.
    pub(super) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.get() || self.client.is_closed()
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// A statement of it failed: PostgreSQL would undo it, and call that a success. Or the commit failed.
    pub(super) fn commit(&self) -> Result<(), Error> {
        self.check_unfailed()?;
        self.batch("COMMIT").map(drop)
    }

    /// Refuses to go on with a transaction of which a statement failed since the last [`Self::forgive`].
    pub(super) fn check_unfailed(&self) -> Result<(), Error> {
        if self.has_failed.get() { Err(Error::Commit("a statement failed".to_owned())) } else { Ok(()) }
    }

    /// What failed was undone.
    pub(super) fn forgive(&self) {
        self.has_failed.set(false);
    }

    /// Runs statements without parameters, and returns how many rows each of them changed.
    pub(super) fn batch(&self, text: &str) -> Result<Vec<u64>, Error> {
        let messages = self.ask(self.client.simple_query(text))?;
        let counts = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::CommandComplete(count) => Some(count),
            _ => None,
        });
        Ok(counts.collect())
    }

    /// The first text that a query returns.
    pub(super) fn text(&self, query: &str) -> Result<Option<String>, Error> {
        sql::one(self, query, &[], sql::column)
    }

    /// Adds the rows that `rows` gives, by a COPY statement with columns of these types.
    pub(super) fn copy_in(&self, sql: &str, types: &[Type], rows: &mut Rows<'_>) -> Result<(), Error> {
        let sink = self.ask(self.client.copy_in(sql))?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, types));
        rows(&mut |values| {
            let values: Vec<Parameter<'_>> = values.iter().copied().map(Parameter).collect();
            self.ask(writer.as_mut().write_raw(&values))
        })?;
        self.ask(writer.finish()).map(drop)
    }

    fn ask<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Error> {
        let began = Instant::now();
        let is_hopeless = || self.contact.as_ref().is_some_and(|contact| contact.is_hopeless());
        match pulse::outside(|| wait(answer, || began.elapsed() > self.limit || is_hopeless())) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(self.failed(error.into())),
            None => {
                self.is_lost.set(true);
                Err(Error::Unanswered)
            }
        }
    }

    fn failed(&self, failure: Failure) -> Error {
        self.has_failed.set(true);
        if failure.is_lost() || self.client.is_closed() {
            self.is_lost.set(true);
            return Error::Lost(failure);
        }
        if failure.is_timeout() { Error::TooLong(LONGEST.as_secs()) } else { Error::Postgres(failure) }
    }

    fn prepared(&self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.ask(self.client.prepare(&translated(sql)))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= PREPARED {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Connection for Link {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        let statement = self.prepared(sql)?;
        let values: Vec<Parameter<'_>> = values.iter().copied().map(Parameter).collect();
        let count = self.ask(self.client.execute_raw(&statement, &values))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn query(&self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), Error> {
        let statement = self.prepared(sql)?;
        let values: Vec<Parameter<'_>> = values.iter().copied().map(Parameter).collect();
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| -> &(dyn ToSql + Sync) { value }).collect();
        for row in self.ask(self.client.query(&statement, &values))? {
            if !each(&Row(&row))? {
                break;
            }
        }
        Ok(())
    }

    fn schema_version(&self) -> Result<i64, Error> {
        let found = sql::one(self, "SELECT version FROM schema_version WHERE one = 1", &[], sql::column)?;
        Ok(found.unwrap_or(0))
    }

    fn server(&self) -> &str {
        self.contact.as_ref().map_or("", |contact| &contact.server)
    }

    fn touch(&self) -> Result<(), Error> {
        // Each transaction of the writer changes the row of its lease.
        Ok(())
    }
}
