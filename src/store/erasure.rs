//! What was destroyed or replaced, and whose bytes are not known to be gone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::Error;
use super::object::{put, put_number};

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
        let sql = "INSERT INTO erasure (object, version, cka_id, binding) VALUES (?1, ?2, ?3, ?4)";
        let Self { object, version, cka_id, binding } = self;
        connection.prepare_cached(sql)?.execute(params![object, version, cka_id, binding])?;
        Ok(())
    }

    fn from_row(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self { object: row.get(1)?, version: row.get(2)?, cka_id: row.get(3)?, binding: row.get(4)? })
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
pub fn extent(connection: &Connection) -> Result<Option<Extent>, Error> {
    let sql =
        "SELECT number, EXISTS (SELECT 1 FROM erasure WHERE cka_id IS NULL) FROM erasure ORDER BY number DESC LIMIT 1";
    let found =
        connection.prepare_cached(sql)?.query_row([], |row| Ok(Extent { last: row.get(0)?, in_database: row.get(1)? }));
    Ok(found.optional()?)
}

/// Up to `limit` rows behind the number `after`, to `last`, with their numbers; `None` for one that cannot be read.
///
/// # Errors
/// SQLite's.
pub fn page(connection: &Connection, after: i64, last: i64, limit: i64) -> Result<Vec<(i64, Option<Erasure>)>, Error> {
    let mut select = connection.prepare_cached(
        "SELECT number, object, version, cka_id, binding FROM erasure WHERE number > ?1 AND number <= ?2 \
         ORDER BY number LIMIT ?3",
    )?;
    let rows = select.query_map([after, last, limit], |row| Ok((row.get(0)?, Erasure::from_row(row).ok())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn remove(connection: &Connection, numbers: &[i64]) -> Result<(), Error> {
    let mut delete = connection.prepare_cached("DELETE FROM erasure WHERE number = ?1")?;
    for number in numbers {
        delete.execute([number])?;
    }
    Ok(())
}

pub(super) fn count(connection: &Connection) -> Result<usize, Error> {
    let count: i64 = connection.query_row("SELECT count(*) FROM erasure", [], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
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
