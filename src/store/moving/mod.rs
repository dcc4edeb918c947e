//! Copies a database into a new one of another kind, with every row as it is. The program has no list of what is copied:
//! both databases describe their tables, which must be the same.
//!
//! Different are only the rows of `audit_head`, because a database of several servers has one more
//! ([`super::audit_head::moved`]); and texts in the tables for searches that have U+0000, for which PostgreSQL has U+FFFF.

pub(super) mod ends;
pub(super) mod sum;
pub(super) mod table;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::audit_head::{self, AuditHead};
use super::engine::{Pool, Query};
use super::error::Error;
use super::object::{self, Index, Object};
use super::reader::Readers;
use super::row::Value;
use super::sql::Connection;
use super::{postgres, sqlite};
use crate::config::Database as Location;
use crate::metrics::Metrics;
use ends::{Destination, Origin};
use sum::Sum;
use table::Table;

/// One of the two databases, until it is given up.
type Place<T> = Arc<Mutex<Option<Box<T>>>>;

fn lock<T: ?Sized>(place: &Place<T>) -> MutexGuard<'_, Option<Box<T>>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The only connection to one of the two databases, for all readers.
struct Only<T: ?Sized> {
    place: Place<T>,
    connection: fn(&T) -> &dyn Connection,
}

fn of_source<'a>(origin: &'a (dyn Origin + 'static)) -> &'a dyn Connection {
    origin
}

fn of_target<'a>(target: &'a (dyn Destination + 'static)) -> &'a dyn Connection {
    target
}

impl<T: ?Sized> Pool for Only<T>
where
    Place<T>: Send + Sync,
{
    fn run(&self, query: &mut Query<'_>) -> Result<(), Error> {
        query((self.connection)(lock(&self.place).as_deref().ok_or(Error::Stopped)?))
    }
}

/// A database that is moved. It is read in one state and is not changed. No server can open it as long as this lives.
pub struct Source {
    readers: Readers,
    place: Place<dyn Origin>,
    metrics: Arc<Metrics>,
}

/// All functions that read accept it.
impl Deref for Source {
    type Target = Readers;

    fn deref(&self) -> &Readers {
        &self.readers
    }
}

impl Source {
    /// Opens the database, which must exist if it is a file.
    ///
    /// # Errors
    /// A server uses it, its schema is not the newest one, or it cannot be read.
    pub fn open(location: &Location, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        let origin: Box<dyn Origin> = match location {
            Location::Sqlite(path) => Box::new(sqlite::Moving::source(path)?),
            Location::Postgres(settings) => Box::new(postgres::Moving::source(settings)?),
        };
        let place = Arc::new(Mutex::new(Some(origin)));
        let pool = Only { place: Arc::clone(&place), connection: of_source };
        Ok(Self { readers: Readers::new(Box::new(pool), metrics), place, metrics: Arc::clone(metrics) })
    }

    /// Checks that no server can have opened the database since [`Self::open`].
    ///
    /// # Errors
    /// The connection with the locks was lost.
    pub fn check_locked(&self) -> Result<(), Error> {
        lock(&self.place).as_deref().ok_or(Error::Stopped)?.check_locked()
    }

    /// Copies all rows into a new database, and compares what it then contains. `heads` are the rows of `audit_head` there;
    /// `index_of` returns by which texts searches find an object.
    ///
    /// # Errors
    /// The new database is not empty, its tables are not the same, it cannot hold a value, or it differs: it then has no
    /// change.
    pub fn copy(
        &self,
        to: &Location,
        heads: Vec<AuditHead>,
        index_of: &dyn Fn(Object) -> Option<Index>,
    ) -> Result<Target, Error> {
        let origin = lock(&self.place);
        let source: &dyn Origin = origin.as_deref().ok_or(Error::Stopped)?;
        let target: Box<dyn Destination> = match to {
            Location::Sqlite(path) => Box::new(sqlite::Moving::target(path)?),
            Location::Postgres(settings) => Box::new(postgres::Moving::target(settings)?),
        };
        let tables = source.tables()?;
        table::compare(&tables, &target.tables()?)?;
        let references = [source.references()?, target.references()?].concat();
        let (mut counts, mut respelled) = (Vec::new(), BTreeSet::new());
        for table in table::in_order(tables, &references) {
            let rows = if table.name == audit_head::moved::NAME {
                heads.iter().try_for_each(|head| head.insert_in(&*target))?;
                heads.len().try_into().unwrap_or(u64::MAX)
            } else {
                copy_table(source, &*target, &table, &mut respelled)?
            };
            tracing::info!(table = table.name, rows, "copied");
            counts.push((table.name, rows));
        }
        for number in respelled {
            object::respell(source, &*target, number, index_of)?;
        }
        drop(origin);
        counts.sort();
        let place = Arc::new(Mutex::new(Some(target)));
        let pool = Only { place: Arc::clone(&place), connection: of_target };
        Ok(Target { readers: Readers::new(Box::new(pool), &self.metrics), place, counts })
    }
}

/// Copies a table, and compares it. Returns the number of rows. The rows for searches whose text the other database spells
/// differently are left out; the numbers of their objects are added to `respelled`.
fn copy_table(
    source: &dyn Origin,
    target: &dyn Destination,
    table: &Table,
    respelled: &mut BTreeSet<i64>,
) -> Result<u64, Error> {
    let mut copied = Sum::default();
    let is_index = object::is_index(&table.name);
    target.fill(table, &mut |put| {
        sum::rows(source, table, &mut |values| {
            if is_index
                && values.iter().any(is_respelled)
                && let Some(number) = number(table, values)
            {
                respelled.insert(number);
                return Ok(());
            }
            table.check(values)?;
            copied.add(values);
            put(values)
        })
    })?;
    let mut written = Sum::default();
    sum::rows(target, table, &mut |values| {
        written.add(values);
        Ok(())
    })?;
    if copied == written {
        return Ok(copied.rows);
    }
    Err(Error::Differs { table: table.name.clone(), source_rows: copied.rows, rows: written.rows })
}

fn is_respelled(value: &Value<'_>) -> bool {
    matches!(value, Value::Text(text) if object::is_respelled(text))
}

/// The number of the object that a row for searches is of.
fn number(table: &Table, values: &[Value<'_>]) -> Option<i64> {
    let named = table.columns.iter().zip(values).find(|(column, _)| column.name == "number");
    if let Some((_, Value::Integer(number))) = named { Some(*number) } else { None }
}

/// A copy that is not there for others yet. Dropping it leaves nothing.
pub struct Target {
    readers: Readers,
    place: Place<dyn Destination>,
    /// The name of each table, and the number of its rows.
    pub counts: Vec<(String, u64)>,
}

/// All functions that read accept it.
impl Deref for Target {
    type Target = Readers;

    fn deref(&self) -> &Readers {
        &self.readers
    }
}

impl Target {
    /// Makes the copy a database that a server can open. It is on disk afterwards.
    ///
    /// # Errors
    /// It could not be written, or [`Error::InDoubt`].
    pub fn complete(&self) -> Result<(), Error> {
        lock(&self.place).take().ok_or(Error::Stopped)?.complete()
    }
}
