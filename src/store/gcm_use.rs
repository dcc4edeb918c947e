//! Rows that count how often keys have encrypted with AES-GCM (NIST SP 800-38D section 8.3), in blocks.

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
use super::sql::{self, Connection, Table};

/// The count of a key when the row was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcmUse {
    /// The object.
    pub object: String,
    /// Maximum number of uses up to then.
    pub counted: i64,
    /// The sum of all credits at that time; later credits count as uses.
    pub since: i64,
    /// MAC by the binding key over [`GcmUse::bound`].
    pub binding: Vec<u8>,
}

/// The sum of the uses that all starts together have credited to every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcmCredit {
    /// The sum.
    pub credit: i64,
    /// MAC by the binding key over [`GcmCredit::bound`].
    pub binding: Vec<u8>,
}

const USES: Table = Table { name: "gcm_use", columns: "object, counted, since, binding", key: "object" };

/// The table has one row.
const CREDIT: Table = Table { name: "gcm_credit", columns: "one, credit, binding", key: "one" };

impl GcmUse {
    /// The bytes that the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        put(&mut bytes, Some(b"gcm_use"));
        put(&mut bytes, Some(self.object.as_bytes()));
        put_number(&mut bytes, Some(self.counted));
        put_number(&mut bytes, Some(self.since));
        bytes
    }

    /// Writes the row; replaces a present one.
    pub fn write(self) -> Command {
        Command::new(move |transaction| {
            let Self { object, counted, since, binding } = &self;
            sql::execute(transaction, &USES.replace(), values![object, counted, since, binding]).map(drop)
        })
    }

    /// Replaces the row `before`.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the row has changed.
    pub fn update(self, before: Self) -> Command {
        Command::new(move |transaction| {
            let Self { object, counted, since, binding } = &self;
            let sql = USES.update("WHERE object = ?1 AND counted = ?5 AND since = ?6");
            let values = values![object, counted, since, binding, before.counted, before.since];
            if sql::execute(transaction, &sql, values)? == 0 { Err(Error::Conflict) } else { Ok(()) }
        })
    }

    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
        Ok(Self { object: row.get(0)?, counted: row.get(1)?, since: row.get(2)?, binding: row.get(3)? })
    }
}

impl GcmCredit {
    /// The bytes that the binding covers.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(40);
        put(&mut bytes, Some(b"gcm_credit"));
        put_number(&mut bytes, Some(self.credit));
        bytes
    }

    /// Writes the row; replaces the present one.
    pub fn write(self) -> Command {
        Command::new(move |transaction| {
            sql::execute(transaction, &CREDIT.replace(), values![1_i64, self.credit, self.binding]).map(drop)
        })
    }
}

/// The row of an object.
///
/// # Errors
/// Those of the database.
pub fn find(store: &Readers, object: &str) -> Result<Option<GcmUse>, Error> {
    store.one(&USES.select("WHERE object = ?1"), values![object], GcmUse::from_row)
}

/// All rows, for a check.
///
/// # Errors
/// Those of the database.
pub fn all(store: &Readers) -> Result<Vec<GcmUse>, Error> {
    store.all(&USES.select("ORDER BY object"), &[], GcmUse::from_row)
}

/// The sum of all credits; `None` before the first start that counts uses.
///
/// # Errors
/// Those of the database.
pub fn credit(store: &Readers) -> Result<Option<GcmCredit>, Error> {
    store.one(&CREDIT.select(""), &[], |row| Ok(GcmCredit { credit: row.get(1)?, binding: row.get(2)? }))
}

/// Whether uses are counted.
pub(super) fn is_counted(connection: &dyn Connection) -> Result<bool, Error> {
    sql::any(connection, &CREDIT.select(""), &[])
}

/// Whether there is a row for any key.
///
/// # Errors
/// Those of the database.
pub fn any(store: &Readers) -> Result<bool, Error> {
    store.any("SELECT 1 FROM gcm_use", &[])
}

/// The objects with a secret key that have no row.
///
/// # Errors
/// Those of the database.
pub fn uncounted(store: &Readers) -> Result<Vec<String>, Error> {
    // Symmetric keys and secret data (KMIP 2.1 section 11.39).
    let sql =
        "SELECT id FROM object WHERE object_type IN (2, 7) AND id NOT IN (SELECT object FROM gcm_use) ORDER BY number";
    store.all(sql, &[], sql::column)
}
