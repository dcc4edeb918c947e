//! Rows of the API keys of hosts. The key itself is not stored: a row has a MAC of it that the HSM made.

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
use super::sql::{self, Table};

/// The API key of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The identifier of the host.
    pub host: String,
    /// Number of changes of the row, from 1.
    pub version: i64,
    /// The account of the host when the key was issued.
    pub account: String,
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub changed: i64,
    /// MAC of the key; `None` after it was revoked.
    pub mac: Option<Vec<u8>>,
    /// MAC by the binding key over [`ApiKey::bound`].
    pub binding: Vec<u8>,
}

const TABLE: Table = Table { name: "api_key", columns: "host, version, account, changed, mac, binding", key: "host" };

/// The version of the row of a host.
const VERSION: &str = "SELECT version FROM api_key WHERE host = ?1";

impl ApiKey {
    /// The bytes that the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        put(&mut bytes, Some(b"api_key"));
        put(&mut bytes, Some(self.host.as_bytes()));
        put_number(&mut bytes, Some(self.version));
        put(&mut bytes, Some(self.account.as_bytes()));
        put_number(&mut bytes, Some(self.changed));
        put(&mut bytes, self.mac.as_deref());
        bytes
    }

    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
        Ok(Self {
            host: row.get(0)?,
            version: row.get(1)?,
            account: row.get(2)?,
            changed: row.get(3)?,
            mac: row.get(4)?,
            binding: row.get(5)?,
        })
    }

    /// Adds the row of version 1, or replaces that of version `self.version - 1`.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the row has another version.
    pub fn write(self) -> Command {
        Command::new(move |transaction| {
            let present = sql::one(transaction, VERSION, values![self.host], sql::column)?.unwrap_or(0);
            if present != self.version - 1 {
                return Err(Error::Conflict);
            }
            let Self { host, version, account, changed, mac, binding } = &self;
            sql::execute(transaction, &TABLE.replace(), values![host, version, account, changed, mac, binding])
                .map(drop)
        })
    }
}

/// The version of the row of a host, whatever its content; 0 if there is no row.
///
/// # Errors
/// Those of the database.
pub fn version(store: &Readers, host: &str) -> Result<i64, Error> {
    Ok(store.one(VERSION, values![host], sql::column)?.unwrap_or(0))
}

/// The row of the API key of a host.
///
/// # Errors
/// Those of the database; [`Error::Malformed`] if its columns are not those of an API key.
pub fn find(store: &Readers, host: &str) -> Result<Option<ApiKey>, Error> {
    let sql = TABLE.select("WHERE host = ?1");
    store.named(&sql, values![host], ApiKey::from_row, || name(host))
}

/// The hosts of all rows, for a check.
///
/// # Errors
/// Those of the database.
pub fn hosts(store: &Readers) -> Result<Vec<String>, Error> {
    store.all("SELECT host FROM api_key ORDER BY host", &[], sql::column)
}

/// The name of a host's API key in the audit log and in errors.
#[must_use]
pub fn name(host: &str) -> String {
    format!("api-key/host/{host}")
}
