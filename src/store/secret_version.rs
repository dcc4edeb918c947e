//! Rows of the values of secrets. The values are encrypted.

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
use super::sql::{self, Table};

/// One value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVersion {
    /// The object whose key encrypts it.
    pub object: String,
    /// Its number, from 1.
    pub number: i64,
    /// When it was written, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// The IV.
    pub iv: Vec<u8>,
    /// Ciphertext and tag of AES-GCM, made in the HSM.
    pub data: Vec<u8>,
    /// MAC by the binding key over [`SecretVersion::bound`].
    pub binding: Vec<u8>,
    /// The user who wrote it; empty if it is from before this was kept. Not bound.
    pub writer: String,
}

const TABLE: Table = Table {
    name: "secret_version",
    columns: "object, number, created, iv, data, binding, writer",
    key: "object, number",
};

impl SecretVersion {
    /// The bytes that the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + self.data.len());
        put(&mut bytes, Some(b"secret_version"));
        put(&mut bytes, Some(self.object.as_bytes()));
        put_number(&mut bytes, Some(self.number));
        put_number(&mut bytes, Some(self.created));
        put(&mut bytes, Some(&self.iv));
        put(&mut bytes, Some(&self.data));
        bytes
    }

    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
        Ok(Self {
            object: row.get(0)?,
            number: row.get(1)?,
            created: row.get(2)?,
            iv: row.get(3)?,
            data: row.get(4)?,
            binding: row.get(5)?,
            writer: row.get(6)?,
        })
    }

    /// Adds the row, and removes the rows of its object with numbers up to `oldest`.
    ///
    /// # Errors
    /// Those of the database, including a constraint failure if the number exists already.
    pub fn insert(self, oldest: i64) -> Command {
        Command::new(move |transaction| {
            let Self { object, number, created, iv, data, binding, writer } = &self;
            let values = values![object, number, created, iv, data, binding, writer];
            sql::execute(transaction, &TABLE.insert(""), values)?;
            let delete = "DELETE FROM secret_version WHERE object = ?1 AND number <= ?2";
            sql::execute(transaction, delete, values![object, oldest]).map(drop)
        })
    }
}

/// A value of an object.
///
/// # Errors
/// Those of the database; [`Error::Malformed`] if its columns are not those of a value.
pub fn find(store: &Readers, object: &str, number: i64) -> Result<Option<SecretVersion>, Error> {
    let select = TABLE.select("WHERE object = ?1 AND number = ?2");
    let values = values![object, number];
    store.named(&select, values, SecretVersion::from_row, || object.to_owned())
}

/// The objects and numbers of all rows, for a check.
///
/// # Errors
/// Those of the database.
pub fn all(store: &Readers) -> Result<Vec<(String, i64)>, Error> {
    store.all("SELECT object, number FROM secret_version ORDER BY object, number", &[], sql::pair)
}

/// The number of values of a secret that this caller wrote after a time.
///
/// # Errors
/// Those of the database.
pub fn count(store: &Readers, object: &str, writer: &str, after: i64) -> Result<i64, Error> {
    let sql = "SELECT count(*) FROM secret_version WHERE object = ?1 AND writer = ?2 AND created > ?3";
    Ok(store.one(sql, values![object, writer, after], sql::column)?.unwrap_or_default())
}

/// Removes all values of an object.
pub fn remove(object: String) -> Command {
    Command::new(move |transaction| {
        sql::execute(transaction, "DELETE FROM secret_version WHERE object = ?1", values![object]).map(drop)
    })
}
