//! Rows of the values of secrets: ciphertexts, and nothing else.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::error::Error;
use super::object::{put, put_number};

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
}

impl SecretVersion {
    /// What the binding covers: table name and every column, each with its length before it.
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

    fn from_row(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            object: row.get(0)?,
            number: row.get(1)?,
            created: row.get(2)?,
            iv: row.get(3)?,
            data: row.get(4)?,
            binding: row.get(5)?,
        })
    }

    /// Adds the row, and removes those of its object up to the number `oldest`.
    ///
    /// # Errors
    /// SQLite's, a constraint failure among them if the number is taken.
    pub fn insert(&self, transaction: &Transaction<'_>, oldest: i64) -> Result<(), Error> {
        let insert =
            "INSERT INTO secret_version (object, number, created, iv, data, binding) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let Self { object, number, created, iv, data, binding } = self;
        transaction.prepare_cached(insert)?.execute(params![object, number, created, iv, data, binding])?;
        let delete = "DELETE FROM secret_version WHERE object = ?1 AND number <= ?2";
        transaction.prepare_cached(delete)?.execute(params![object, oldest])?;
        Ok(())
    }
}

/// A value of an object.
///
/// # Errors
/// SQLite's; [`Error::Malformed`] if its columns are not those of a value.
pub fn find(connection: &Connection, object: &str, number: i64) -> Result<Option<SecretVersion>, Error> {
    let select =
        "SELECT object, number, created, iv, data, binding FROM secret_version WHERE object = ?1 AND number = ?2";
    let found = connection
        .prepare_cached(select)?
        .query_row(params![object, number], |row| Ok(SecretVersion::from_row(row)))
        .optional()?;
    found.transpose().map_err(|_| Error::Malformed(object.to_owned()))
}

/// The objects and numbers of all rows, for a check.
///
/// # Errors
/// SQLite's.
pub fn all(connection: &Connection) -> Result<Vec<(String, i64)>, Error> {
    let mut select = connection.prepare("SELECT object, number FROM secret_version ORDER BY object, number")?;
    Ok(select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Removes all values of an object.
///
/// # Errors
/// SQLite's.
pub fn remove(transaction: &Transaction<'_>, object: &str) -> Result<(), Error> {
    transaction.prepare_cached("DELETE FROM secret_version WHERE object = ?1")?.execute([object])?;
    Ok(())
}
