//! Rows of client secrets. The secret itself is not stored: a row has a MAC of it that the HSM made.

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
use super::sql::{self, Connection, Table};

/// One client secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// Its identifier: random, and not secret.
    pub id: String,
    /// Number of changes of the row, from 1; a use is not a change.
    pub version: i64,
    /// The identifier of the identity.
    pub identity: String,
    /// The identifier of the identity's Universal Auth. The secret is valid only as long as it exists.
    pub auth: String,
    /// A description for people.
    pub description: String,
    /// The beginning of the secret: random digits by which people can distinguish secrets.
    pub prefix: String,
    /// MAC of the secret.
    pub mac: Vec<u8>,
    /// When it was made, in seconds since 1970-01-01 UTC, as all times in the row.
    pub created: i64,
    /// When it was last changed or used.
    pub updated: i64,
    /// Lifetime in seconds after `created`; 0 for no limit.
    pub ttl: i64,
    /// Maximum number of uses; 0 for no limit.
    pub uses_limit: i64,
    /// Number of uses.
    pub uses: i64,
    /// Whether it was revoked.
    pub revoked: bool,
    /// MAC by the binding key over [`ClientSecret::bound`].
    pub binding: Vec<u8>,
}

const TABLE: Table = Table {
    name: "client_secret",
    columns: "id, version, identity, auth, description, prefix, mac, created, updated, ttl, uses_limit, uses, revoked, binding",
    key: "id",
};

impl ClientSecret {
    /// The bytes that the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        put(&mut bytes, Some(b"client_secret"));
        put(&mut bytes, Some(self.id.as_bytes()));
        put_number(&mut bytes, Some(self.version));
        for text in [&self.identity, &self.auth, &self.description, &self.prefix] {
            put(&mut bytes, Some(text.as_bytes()));
        }
        put(&mut bytes, Some(&self.mac));
        let numbers = [self.created, self.updated, self.ttl, self.uses_limit, self.uses, i64::from(self.revoked)];
        for number in numbers {
            put_number(&mut bytes, Some(number));
        }
        bytes
    }

    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
        Ok(Self {
            id: row.get(0)?,
            version: row.get(1)?,
            identity: row.get(2)?,
            auth: row.get(3)?,
            description: row.get(4)?,
            prefix: row.get(5)?,
            mac: row.get(6)?,
            created: row.get(7)?,
            updated: row.get(8)?,
            ttl: row.get(9)?,
            uses_limit: row.get(10)?,
            uses: row.get(11)?,
            revoked: row.get(12)?,
            binding: row.get(13)?,
        })
    }

    /// Adds the row.
    ///
    /// # Errors
    /// [`Error::Full`] if the Universal Auth has `most` client secrets that are not revoked.
    pub fn insert(self, most: i64) -> Command {
        Command::new(move |transaction| {
            let sql = "SELECT count(*) FROM client_secret WHERE auth = ?1 AND revoked = 0";
            if sql::one(transaction, sql, values![self.auth], sql::column::<i64>)?.is_some_and(|count| count >= most) {
                return Err(Error::Full);
            }
            self.write(transaction, &TABLE.insert(""))
        })
    }

    /// Replaces the row if it is still equal to `before`.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the row has changed.
    pub fn update(self, before: Self) -> Command {
        Command::new(move |transaction| {
            if find_in(transaction, &self.id)?.as_ref() != Some(&before) {
                return Err(Error::Conflict);
            }
            self.write(transaction, &TABLE.update("WHERE id = ?1"))
        })
    }

    fn write(&self, transaction: &dyn Connection, sql: &str) -> Result<(), Error> {
        let values = values![
            self.id,
            self.version,
            self.identity,
            self.auth,
            self.description,
            self.prefix,
            self.mac,
            self.created,
            self.updated,
            self.ttl,
            self.uses_limit,
            self.uses,
            self.revoked,
            self.binding
        ];
        sql::execute(transaction, sql, values).map(drop)
    }
}

/// The row of a client secret.
///
/// # Errors
/// Those of the database; [`Error::Malformed`] if its columns are not those of a client secret.
pub fn find(store: &Readers, id: &str) -> Result<Option<ClientSecret>, Error> {
    store.run(|connection| find_in(connection, id))
}

fn find_in(connection: &dyn Connection, id: &str) -> Result<Option<ClientSecret>, Error> {
    sql::named(connection, &TABLE.select("WHERE id = ?1"), values![id], ClientSecret::from_row, || name(id))
}

/// The identifiers of the rows with this MAC: at most two. More than one means that the database was changed by other
/// means.
///
/// # Errors
/// Those of the database.
pub fn with_mac(store: &Readers, mac: &[u8]) -> Result<Vec<String>, Error> {
    store.all("SELECT id FROM client_secret WHERE mac = ?1 ORDER BY id LIMIT 2", values![mac], sql::column)
}

/// Identifiers of the client secrets of a Universal Auth that are not revoked: at most `limit`, after `after`.
///
/// # Errors
/// Those of the database.
pub fn of_auth(store: &Readers, auth: &str, after: &str, limit: usize) -> Result<Vec<String>, Error> {
    let sql = "SELECT id FROM client_secret WHERE auth = ?1 AND id > ?2 AND revoked = 0 ORDER BY id LIMIT ?3";
    let limit = sql::limit(limit);
    store.all(sql, values![auth, after, limit], sql::column)
}

/// The identifiers of all rows, for a check.
///
/// # Errors
/// Those of the database.
pub fn identifiers(store: &Readers) -> Result<Vec<String>, Error> {
    store.all("SELECT id FROM client_secret ORDER BY id", &[], sql::column)
}

/// The name of a client secret in the audit log and in errors.
#[must_use]
pub fn name(id: &str) -> String {
    format!("client-secret/{id}")
}
