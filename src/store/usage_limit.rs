//! Rows that count the units that are left of keys with Usage Limits (KMIP 2.1 section 4.59).

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
use super::sql::{self, Table};

/// The count of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLimit {
    /// The object.
    pub object: String,
    /// The number of units that are left.
    pub left: i64,
    /// MAC by the binding key over [`UsageLimit::bound`].
    pub binding: Vec<u8>,
}

const TABLE: Table = Table { name: "usage_limit", columns: "object, \"left\", binding", key: "object" };

impl UsageLimit {
    /// The bytes that the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        put(&mut bytes, Some(b"usage_limit"));
        put(&mut bytes, Some(self.object.as_bytes()));
        put_number(&mut bytes, Some(self.left));
        bytes
    }

    /// Adds the row.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the object has one.
    pub fn insert(self) -> Command {
        Command::new(move |transaction| {
            let Self { object, left, binding } = &self;
            let sql = TABLE.insert("ON CONFLICT (object) DO NOTHING");
            expect_one(sql::execute(transaction, &sql, values![object, left, binding])?)
        })
    }

    /// Replaces the row if `from` units are left.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another number is left, or there is no row.
    pub fn update(self, from: i64) -> Command {
        Command::new(move |transaction| {
            let Self { object, left, binding } = &self;
            let sql = TABLE.update("WHERE object = ?1 AND \"left\" = ?4");
            expect_one(sql::execute(transaction, &sql, values![object, left, binding, from])?)
        })
    }

    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
        Ok(Self { object: row.get(0)?, left: row.get(1)?, binding: row.get(2)? })
    }
}

fn expect_one(changed: usize) -> Result<(), Error> {
    if changed == 1 { Ok(()) } else { Err(Error::Conflict) }
}

/// Removes the row of an object, if there is one.
pub fn remove(object: String) -> Command {
    Command::new(move |transaction| {
        sql::execute(transaction, "DELETE FROM usage_limit WHERE object = ?1", values![object]).map(drop)
    })
}

/// Removes the row of an object if `left` units are left.
///
/// # Errors
/// [`Error::Conflict`] if another number is left, or there is no row.
pub fn remove_unused(object: String, left: i64) -> Command {
    Command::new(move |transaction| {
        let sql = "DELETE FROM usage_limit WHERE object = ?1 AND \"left\" = ?2";
        expect_one(sql::execute(transaction, sql, values![object, left])?)
    })
}

/// The row of an object.
///
/// # Errors
/// Those of the database.
pub fn find(store: &Readers, object: &str) -> Result<Option<UsageLimit>, Error> {
    store.one(&TABLE.select("WHERE object = ?1"), values![object], UsageLimit::from_row)
}

/// All rows, for a check.
///
/// # Errors
/// Those of the database.
pub fn all(store: &Readers) -> Result<Vec<UsageLimit>, Error> {
    store.all(&TABLE.select("ORDER BY object"), &[], UsageLimit::from_row)
}
