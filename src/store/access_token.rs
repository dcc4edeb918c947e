//! Rows of access tokens. The token itself is in none of them: what is kept is what it may do, and how often.

use rusqlite::{Connection, Row, Transaction, params};

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::sql::{self, Table};

/// One access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Its `jti`: random, and no secret.
    pub id: String,
    /// Counts its changes, from 1; a use is not a change.
    pub version: i64,
    /// The exchanged identity that it stands for.
    pub subject: String,
    /// What it was issued by, and must still be there for it to be good.
    pub basis: String,
    /// What vouched for its bearer, for the log.
    pub vouched: String,
    /// The root key that signed it.
    pub signing_key: String,
    /// When it was issued, in seconds since 1970-01-01 UTC, as all times here.
    pub created: i64,
    /// Seconds for which it is good, from its issue and from each renewal.
    pub ttl: i64,
    /// When it ends.
    pub expires: i64,
    /// Beyond which no renewal takes it.
    pub max_expires: i64,
    /// How often it may be used; 0 for any number.
    pub uses_limit: i64,
    /// How often it was used, or is set aside to be used before the next write.
    pub uses: i64,
    /// Networks from which it may be used, separated by commas.
    pub trusted: String,
    /// SHA-256 of the client certificate that it is bound to (RFC 8705 section 3.1).
    pub thumbprint: Option<Vec<u8>>,
    /// What it takes away from its bearer, as JSON.
    pub narrowing: Option<String>,
    /// The role that it gives, where what vouched for it gives roles.
    pub role: Option<String>,
    /// Whether it was ended before its time.
    pub revoked: bool,
    /// MAC by the binding key over [`AccessToken::bound`].
    pub binding: Vec<u8>,
}

const TABLE: Table = Table {
    name: "access_token",
    columns: "id, version, subject, basis, vouched, signing_key, created, ttl, expires, max_expires, uses_limit, uses, trusted, \
              thumbprint, narrowing, role, revoked, binding",
};

impl AccessToken {
    /// What the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        put(&mut bytes, Some(b"access_token"));
        put(&mut bytes, Some(self.id.as_bytes()));
        put_number(&mut bytes, Some(self.version));
        for text in [&self.subject, &self.basis, &self.vouched, &self.signing_key] {
            put(&mut bytes, Some(text.as_bytes()));
        }
        for number in [self.created, self.ttl, self.expires, self.max_expires, self.uses_limit, self.uses] {
            put_number(&mut bytes, Some(number));
        }
        put(&mut bytes, Some(self.trusted.as_bytes()));
        put(&mut bytes, self.thumbprint.as_deref());
        put(&mut bytes, self.narrowing.as_deref().map(str::as_bytes));
        put(&mut bytes, self.role.as_deref().map(str::as_bytes));
        put_number(&mut bytes, Some(i64::from(self.revoked)));
        bytes
    }

    fn from_row(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            id: row.get(0)?,
            version: row.get(1)?,
            subject: row.get(2)?,
            basis: row.get(3)?,
            vouched: row.get(4)?,
            signing_key: row.get(5)?,
            created: row.get(6)?,
            ttl: row.get(7)?,
            expires: row.get(8)?,
            max_expires: row.get(9)?,
            uses_limit: row.get(10)?,
            uses: row.get(11)?,
            trusted: row.get(12)?,
            thumbprint: row.get(13)?,
            narrowing: row.get(14)?,
            role: row.get(15)?,
            revoked: row.get(16)?,
            binding: row.get(17)?,
        })
    }

    /// Adds the row; returns how many tokens its subject then has.
    ///
    /// # Errors
    /// [`Error::Full`] if the subject has `most` tokens that were not ended before their time.
    pub fn insert(self, most: i64) -> Command<i64> {
        Command::new(move |transaction| {
            let count = sql::one(transaction, COUNT, [&self.subject], sql::column)?.unwrap_or(0);
            if count >= most {
                return Err(Error::Full);
            }
            self.write(transaction, &TABLE.insert(""))?;
            Ok(count + 1)
        })
    }

    /// Replaces the row if it is `before` still.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the row is another by now.
    pub fn update(self, before: Self) -> Command {
        Command::new(move |transaction| {
            if find_in(transaction, &self.id)? != Some(before) {
                return Err(Error::Conflict);
            }
            self.write(transaction, &TABLE.update("WHERE id = ?1"))
        })
    }

    fn write(&self, transaction: &Transaction<'_>, sql: &str) -> Result<(), Error> {
        let values = params![
            self.id,
            self.version,
            self.subject,
            self.basis,
            self.vouched,
            self.signing_key,
            self.created,
            self.ttl,
            self.expires,
            self.max_expires,
            self.uses_limit,
            self.uses,
            self.trusted,
            self.thumbprint,
            self.narrowing,
            self.role,
            self.revoked,
            self.binding
        ];
        sql::execute(transaction, sql, values).map(drop)
    }
}

/// How many tokens of a subject were not ended before their time.
const COUNT: &str = "SELECT live FROM access_token_count WHERE subject = ?1";

/// The row of an access token.
///
/// # Errors
/// SQLite's; [`Error::Malformed`] if its columns are not those of a token.
pub fn find(store: &Readers, id: &str) -> Result<Option<AccessToken>, Error> {
    store.run(|connection| find_in(connection, id))
}

fn find_in(connection: &Connection, id: &str) -> Result<Option<AccessToken>, Error> {
    let found = sql::one(connection, &TABLE.select("WHERE id = ?1"), [id], |row| Ok(AccessToken::from_row(row)))?;
    found.transpose().map_err(|_| Error::Malformed(format!("token/{id}")))
}

/// Tokens of a subject, or all, that have not ended at `now`: at most `limit` by their identifiers, after `after`. A row that makes
/// no sense has its identifier and nothing else.
///
/// # Errors
/// SQLite's.
pub fn live(
    store: &Readers,
    subject: Option<&str>,
    now: i64,
    after: &str,
    limit: usize,
) -> Result<Vec<(String, Option<AccessToken>)>, Error> {
    let select = TABLE.select("WHERE id > ?1 AND expires > ?2 AND (?3 IS NULL OR subject = ?3) ORDER BY id LIMIT ?4");
    let values = params![after, now, subject, sql::limit(limit)];
    store.all(&select, values, |row| Ok((row.get("id")?, AccessToken::from_row(row).ok())))
}

/// How many tokens of a subject were not ended before their time. Those that are past their end are among them until they are
/// swept.
///
/// # Errors
/// SQLite's.
pub fn count(store: &Readers, subject: &str) -> Result<i64, Error> {
    Ok(store.one(COUNT, [subject], sql::column)?.unwrap_or(0))
}

/// Identifiers of tokens of a subject that were not ended before their time, at most `limit` of each kind: those that are past
/// their end at `now`, and then those that were issued first.
///
/// # Errors
/// SQLite's.
pub fn first_to_end(store: &Readers, subject: &str, now: i64, limit: i64) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for sql in [
        "SELECT id FROM access_token INDEXED BY access_token_subject \
         WHERE subject = ?1 AND expires <= ?2 AND revoked = 0 ORDER BY expires LIMIT ?3",
        "SELECT id FROM access_token_order WHERE subject = ?1 AND ?2 IS NOT NULL ORDER BY place LIMIT ?3",
    ] {
        found.extend(store.all(sql, params![subject, now, limit], sql::column::<String>)?);
    }
    Ok(found)
}

/// Whether a token had ended at `before`.
///
/// # Errors
/// SQLite's.
pub fn any_ended(store: &Readers, before: i64) -> Result<bool, Error> {
    store.any("SELECT 1 FROM access_token WHERE expires <= ?1", [before])
}

/// Every row's identifier, for a check.
///
/// # Errors
/// SQLite's.
pub fn identifiers(store: &Readers) -> Result<Vec<String>, Error> {
    store.all("SELECT id FROM access_token ORDER BY id", [], sql::column)
}

/// The root keys that signed what has not ended at `now`.
///
/// # Errors
/// SQLite's.
pub fn signing_keys(store: &Readers, now: i64) -> Result<Vec<String>, Error> {
    store.all("SELECT DISTINCT signing_key FROM access_token WHERE expires > ?1", [now], sql::column)
}

/// Removes at most `limit` tokens that had ended at `before`; returns how many.
pub fn sweep(before: i64, limit: i64) -> Command<usize> {
    let delete = "DELETE FROM access_token WHERE id IN (SELECT id FROM access_token WHERE expires <= ?1 LIMIT ?2)";
    Command::new(move |transaction| sql::execute(transaction, delete, [before, limit]))
}
