//! Rows of what was destroyed or replaced, and whose bytes may still exist.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
use super::sql::{self, Connection, Table};

/// A key or a value whose bytes must be erased.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// The object's identifier.
    pub object: String,
    /// The version of its row from which on the bytes are not needed.
    pub version: i64,
    /// `CKA_ID` of the token object that held them; `None` if the database held them.
    pub cka_id: Option<Vec<u8>>,
    /// MAC by the binding key over [`Erasure::bound`].
    pub binding: Vec<u8>,
}

const TABLE: Table = Table { name: "erasure", columns: "object, version, cka_id, binding", key: "number" };

impl Erasure {
    /// The bytes that the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        put(&mut bytes, Some(b"erasure"));
        put(&mut bytes, Some(self.object.as_bytes()));
        put_number(&mut bytes, Some(self.version));
        put(&mut bytes, self.cka_id.as_deref());
        bytes
    }

    pub(super) fn insert(&self, connection: &dyn Connection) -> Result<(), Error> {
        let Self { object, version, cka_id, binding } = &self;
        sql::execute(connection, &TABLE.insert_numbered(""), values![object, version, cka_id, binding]).map(drop)
    }

    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
        Ok(Self { object: row.get(0)?, version: row.get(1)?, cka_id: row.get(2)?, binding: row.get(3)? })
    }
}

impl Command {
    /// Adds `erasure` to a command that overwrites or deletes a key or a value. It is committed with the command, and
    /// stays until [`super::Store::erased`]. The overwritten bytes may be in the WAL after the commit.
    pub fn erasing(self, erasure: Option<Erasure>) -> Self {
        let Some(erasure) = erasure else { return self };
        let mut both = self.then(Self::new(move |transaction| erasure.insert(transaction)));
        both.erases += 1;
        both
    }
}

/// The pending erasures.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// The last row's number.
    pub last: i64,
    /// Whether some of the bytes are in the database.
    pub in_database: bool,
}

/// The pending erasures; `None` if there are none.
///
/// # Errors
/// Those of the database.
pub fn extent(store: &Readers) -> Result<Option<Extent>, Error> {
    let sql =
        "SELECT number, EXISTS (SELECT 1 FROM erasure WHERE cka_id IS NULL) FROM erasure ORDER BY number DESC LIMIT 1";
    store.one(sql, &[], |row| Ok(Extent { last: row.get(0)?, in_database: row.get(1)? }))
}

/// At most `limit` rows after the number `after`, up to `last`, with their numbers; `None` for a row that cannot be
/// read.
///
/// # Errors
/// Those of the database.
pub fn page(store: &Readers, after: i64, last: i64, limit: i64) -> Result<Vec<(i64, Option<Erasure>)>, Error> {
    let sql = format!(
        "SELECT {}, number FROM {} WHERE number > ?1 AND number <= ?2 ORDER BY number LIMIT ?3",
        TABLE.columns, TABLE.name
    );
    store.all(&sql, values![after, last, limit], |row| Ok((row.get(4)?, Erasure::from_row(row).ok())))
}

/// Removes rows.
pub(super) fn remove(numbers: Vec<i64>) -> Command {
    Command::new(move |transaction| {
        let delete = "DELETE FROM erasure WHERE number = ?1";
        numbers.iter().try_for_each(|number| sql::execute(transaction, delete, values![number]).map(drop))
    })
}

pub(super) fn count(connection: &dyn Connection) -> Result<usize, Error> {
    let count = sql::one(connection, "SELECT count(*) FROM erasure", &[], sql::column::<i64>)?;
    Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default())
}

/// The number of pending erasures, and a signal for the thread that erases.
pub struct Unerased {
    count: AtomicUsize,
    bell: Mutex<Bell>,
    rung: Condvar,
}

#[derive(Default)]
struct Bell {
    wanted: bool,
    ended: bool,
}

impl Unerased {
    pub(super) fn new(count: usize) -> Self {
        let bell = Mutex::new(Bell { wanted: count > 0, ended: false });
        Self { count: AtomicUsize::new(count), bell, rung: Condvar::new() }
    }

    /// Number of rows of [`Erasure`].
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, count: usize) {
        if count > 0 {
            self.count.fetch_add(count, Ordering::Relaxed);
            self.lock().wanted = true;
            self.rung.notify_all();
        }
    }

    pub(super) fn remove(&self, count: usize) {
        // Another server may have added what is removed here.
        let less = |present: usize| Some(present.saturating_sub(count));
        let _ = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Waits until there is a new erasure; returns false after [`Self::end`].
    #[must_use]
    pub fn wait(&self) -> bool {
        let bell = self.rung.wait_while(self.lock(), |bell| !bell.wanted && !bell.ended);
        let mut bell = bell.unwrap_or_else(PoisonError::into_inner);
        bell.wanted = false;
        !bell.ended
    }

    /// Waits for `pause`, even if erasures are added; returns false after [`Self::end`].
    #[must_use]
    pub fn pause(&self, pause: Duration) -> bool {
        let waited = self.rung.wait_timeout_while(self.lock(), pause, |bell| !bell.ended);
        !waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// Ends all waiting, now and later.
    pub fn end(&self) {
        self.lock().ended = true;
        self.rung.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Bell> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
