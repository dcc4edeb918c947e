//! What was destroyed or replaced, and whose bytes are not known to be gone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Row, params};

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::sql::{self, Table};

/// A key or a value that is to be erased.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// The object's identifier.
    pub object: String,
    /// The version of its row that does not have the bytes any more.
    pub version: i64,
    /// `CKA_ID` of the token object that held them; `None`: the database held them.
    pub cka_id: Option<Vec<u8>>,
    /// MAC by the binding key over [`Erasure::bound`].
    pub binding: Vec<u8>,
}

const TABLE: Table = Table { name: "erasure", columns: "object, version, cka_id, binding" };

impl Erasure {
    /// What the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        put(&mut bytes, Some(b"erasure"));
        put(&mut bytes, Some(self.object.as_bytes()));
        put_number(&mut bytes, Some(self.version));
        put(&mut bytes, self.cka_id.as_deref());
        bytes
    }

    pub(super) fn insert(&self, connection: &Connection) -> Result<(), Error> {
        let Self { object, version, cka_id, binding } = self;
        sql::execute(connection, &TABLE.insert(""), params![object, version, cka_id, binding]).map(drop)
    }

    fn from_row(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self { object: row.get(0)?, version: row.get(1)?, cka_id: row.get(2)?, binding: row.get(3)? })
    }
}

impl Command {
    /// A command that overwrites or deletes a key or a value: `erasure` is committed with it, and stays until
    /// [`super::Store::erased`]. What was overwritten may be in the WAL once the change is committed.
    pub fn erasing(self, erasure: Option<Erasure>) -> Self {
        let Some(erasure) = erasure else { return self };
        let mut both = self.then(Self::new(move |transaction| erasure.insert(transaction)));
        both.erases += 1;
        both
    }
}

/// What there is to erase.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// The last row's number.
    pub last: i64,
    /// Whether the database held something of it.
    pub in_database: bool,
}

/// What there is to erase; `None` if there is nothing.
///
/// # Errors
/// SQLite's.
pub fn extent(store: &Readers) -> Result<Option<Extent>, Error> {
    let sql =
        "SELECT number, EXISTS (SELECT 1 FROM erasure WHERE cka_id IS NULL) FROM erasure ORDER BY number DESC LIMIT 1";
    store.one(sql, [], |row| Ok(Extent { last: row.get(0)?, in_database: row.get(1)? }))
}

/// Up to `limit` rows behind the number `after`, to `last`, with their numbers; `None` for one that cannot be read.
///
/// # Errors
/// SQLite's.
pub fn page(store: &Readers, after: i64, last: i64, limit: i64) -> Result<Vec<(i64, Option<Erasure>)>, Error> {
    let sql = format!(
        "SELECT {}, number FROM {} WHERE number > ?1 AND number <= ?2 ORDER BY number LIMIT ?3",
        TABLE.columns, TABLE.name
    );
    store.all(&sql, [after, last, limit], |row| Ok((row.get("number")?, Erasure::from_row(row).ok())))
}

/// Removes rows.
pub(super) fn remove(numbers: Vec<i64>) -> Command {
    Command::new(move |transaction| {
        let delete = "DELETE FROM erasure WHERE number = ?1";
        numbers.iter().try_for_each(|number| sql::execute(transaction, delete, [number]).map(drop))
    })
}

pub(super) fn count(connection: &Connection) -> Result<usize, Error> {
    let count = sql::one(connection, "SELECT count(*) FROM erasure", [], sql::column::<i64>)?;
    Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default())
}

/// How much is not known to be gone, and a bell for the one who erases.
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

    /// Rows of [`Erasure`] that there are.
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
        self.count.fetch_sub(count, Ordering::Relaxed);
    }

    /// Waits until there is something new to erase; false at the end.
    #[must_use]
    pub fn wait(&self) -> bool {
        let bell = self.rung.wait_while(self.lock(), |bell| !bell.wanted && !bell.ended);
        let mut bell = bell.unwrap_or_else(PoisonError::into_inner);
        bell.wanted = false;
        !bell.ended
    }

    /// Waits for so long, whatever is added meanwhile; false at the end.
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
