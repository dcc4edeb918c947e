//! Rows that count how often keys have encrypted with AES-GCM (NIST SP 800-38D section 8.3), in blocks.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::error::Error;
use super::object::{put, put_number};

/// What a key had used up when the row was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcmUse {
    /// The object.
    pub object: String,
    /// Uses up to then, at most.
    pub counted: i64,
    /// The sum of all credits that was known then; later credits count as uses.
    pub since: i64,
    /// MAC by the binding key over [`GcmUse::bound`].
    pub binding: Vec<u8>,
}

/// What all starts together have credited to every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcmCredit {
    /// The sum.
    pub credit: i64,
    /// MAC by the binding key over [`GcmCredit::bound`].
    pub binding: Vec<u8>,
}

impl GcmUse {
    /// What the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        put(&mut bytes, Some(b"gcm_use"));
        put(&mut bytes, Some(self.object.as_bytes()));
        put_number(&mut bytes, Some(self.counted));
        put_number(&mut bytes, Some(self.since));
        bytes
    }

    /// Writes the row, in the place of one that is there.
    ///
    /// # Errors
    /// SQLite's.
    pub fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let sql = "INSERT OR REPLACE INTO gcm_use (object, counted, since, binding) VALUES (?1, ?2, ?3, ?4)";
        let Self { object, counted, since, binding } = self;
        transaction.prepare_cached(sql)?.execute(params![object, counted, since, binding])?;
        Ok(())
    }

    fn from_row(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self { object: row.get(0)?, counted: row.get(1)?, since: row.get(2)?, binding: row.get(3)? })
    }
}

impl GcmCredit {
    /// What the binding covers.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(40);
        put(&mut bytes, Some(b"gcm_credit"));
        put_number(&mut bytes, Some(self.credit));
        bytes
    }

    /// Writes the row, in the place of the one that is there.
    ///
    /// # Errors
    /// SQLite's.
    pub fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let sql = "INSERT OR REPLACE INTO gcm_credit (one, credit, binding) VALUES (1, ?1, ?2)";
        transaction.prepare_cached(sql)?.execute(params![self.credit, self.binding])?;
        Ok(())
    }
}

/// The row of an object.
///
/// # Errors
/// SQLite's.
pub fn find(connection: &Connection, object: &str) -> Result<Option<GcmUse>, Error> {
    let sql = "SELECT object, counted, since, binding FROM gcm_use WHERE object = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([object], GcmUse::from_row).optional()?)
}

/// All rows, for a check.
///
/// # Errors
/// SQLite's.
pub fn all(connection: &Connection) -> Result<Vec<GcmUse>, Error> {
    let mut select = connection.prepare("SELECT object, counted, since, binding FROM gcm_use ORDER BY object")?;
    Ok(select.query_map([], GcmUse::from_row)?.collect::<Result<_, _>>()?)
}

/// The sum of all credits; `None` before the first start that counts.
///
/// # Errors
/// SQLite's.
pub fn credit(connection: &Connection) -> Result<Option<GcmCredit>, Error> {
    let sql = "SELECT credit, binding FROM gcm_credit";
    let read = |row: &Row<'_>| Ok(GcmCredit { credit: row.get(0)?, binding: row.get(1)? });
    Ok(connection.query_row(sql, [], read).optional()?)
}

/// Whether any key is counted.
///
/// # Errors
/// SQLite's.
pub fn any(connection: &Connection) -> Result<bool, Error> {
    Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM gcm_use)", [], |row| row.get(0))?)
}

/// The objects with a secret key that no row counts.
///
/// # Errors
/// SQLite's.
pub fn uncounted(connection: &Connection) -> Result<Vec<String>, Error> {
    // Symmetric keys and secret data (KMIP 2.1 section 11.39).
    let sql =
        "SELECT id FROM object WHERE object_type IN (2, 7) AND id NOT IN (SELECT object FROM gcm_use) ORDER BY number";
    Ok(connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}
