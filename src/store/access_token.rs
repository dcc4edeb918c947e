//! Rows of access tokens. The token itself is not stored: a row has its rights and the number of its uses.

use super::change::Change;
use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
use super::sql::{self, Connection, Table};

/// One access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The claim `jti`: random, and not secret.
    pub id: String,
    /// Number of changes of the row, from 1; a use is not a change.
    pub version: i64,
    /// The exchanged identity that it authenticates.
    pub subject: String,
    /// The login method that issued it. The token is valid only as long as this method exists.
    pub basis: String,
    /// The issuer that vouched for its bearer, for the log.
    pub vouched: String,
    /// The root key that signed it.
    pub signing_key: String,
    /// When it was issued, in seconds since 1970-01-01 UTC, as all times in the row.
    pub created: i64,
    /// Lifetime in seconds, from its issue and from each renewal.
    pub ttl: i64,
    /// When it expires.
    pub expires: i64,
    /// The latest time to which it can be renewed.
    pub max_expires: i64,
    /// Maximum number of uses; 0 for no limit.
    pub uses_limit: i64,
    /// Number of uses, including those that are reserved until the next write.
    pub uses: i64,
    /// Networks from which it may be used, separated by commas.
    pub trusted: String,
    /// SHA-256 of the client certificate that it is bound to (RFC 8705 section 3.1).
    pub thumbprint: Option<Vec<u8>>,
    /// The limits of the bearer's rights, as JSON.
    pub narrowing: Option<String>,
    /// The role that it gives, if its issuer gives roles.
    pub role: Option<String>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// MAC by the binding key over [`AccessToken::bound`].
    pub binding: Vec<u8>,
}

const TABLE: Table = Table {
    name: "access_token",
    columns: "id, version, subject, basis, vouched, signing_key, created, ttl, expires, max_expires, uses_limit, uses, trusted, \
              thumbprint, narrowing, role, revoked, binding",
    key: "id",
};

impl AccessToken {
    /// The bytes that the binding covers: table name and every column, each with its length before it.
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

    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
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

    /// Adds the row; returns the number of tokens that its subject has then.
    ///
    /// # Errors
    /// [`Error::Full`] if the subject has `most` tokens that are not revoked.
    pub fn insert(self, most: i64) -> Command<i64> {
        Command::new(move |transaction| {
            let count = sql::one(transaction, COUNT, values![self.subject], sql::column)?.unwrap_or(0);
            if count >= most {
                return Err(Error::Full);
            }
            self.write(transaction, &TABLE.insert(""))?;
            if !self.revoked {
                begin(transaction, &self)?;
            }
            Ok(count + 1)
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
            self.write(transaction, &TABLE.update("WHERE id = ?1"))?;
            if !self.counts_only(&before) {
                transaction.note(Change::AccessToken(self.id.clone()));
            }
            if self.revoked && !before.revoked { end(transaction, &self) } else { Ok(()) }
        })
    }

    /// Whether nothing but the number of uses differs from `before`.
    fn counts_only(&self, before: &Self) -> bool {
        let Self { version, uses, ref binding, .. } = *before;
        *before == Self { version, uses, binding: binding.clone(), ..self.clone() }
    }

    fn write(&self, transaction: &dyn Connection, sql: &str) -> Result<(), Error> {
        let values = values![
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

/// The number of tokens of a subject that are not revoked.
const COUNT: &str = "SELECT live FROM access_token_count WHERE subject = ?1";

/// Counts a token that is not revoked, and gives it its place in the order.
fn begin(transaction: &dyn Connection, token: &AccessToken) -> Result<(), Error> {
    let sql = "INSERT INTO access_token_count (subject, live) VALUES (?1, 1) \
               ON CONFLICT (subject) DO UPDATE SET live = access_token_count.live + 1";
    sql::execute(transaction, sql, values![token.subject])?;
    let sql = "INSERT INTO access_token_order (subject, place, id) VALUES \
               (?1, (SELECT coalesce(max(place), 0) + 1 FROM access_token_order WHERE subject = ?1), ?2)";
    sql::execute(transaction, sql, values![token.subject, token.id]).map(drop)
}

/// A token that was counted is revoked.
fn end(transaction: &dyn Connection, token: &AccessToken) -> Result<(), Error> {
    let sql = "UPDATE access_token_count SET live = live - 1 WHERE subject = ?1";
    sql::execute(transaction, sql, values![token.subject])?;
    sql::execute(transaction, "DELETE FROM access_token_order WHERE id = ?1", values![token.id]).map(drop)
}

/// The row of an access token.
///
/// # Errors
/// Those of the database; [`Error::Malformed`] if its columns are not those of an access token.
pub fn find(store: &Readers, id: &str) -> Result<Option<AccessToken>, Error> {
    store.run(|connection| find_in(connection, id))
}

fn find_in(connection: &dyn Connection, id: &str) -> Result<Option<AccessToken>, Error> {
    sql::named(connection, &TABLE.select("WHERE id = ?1"), values![id], AccessToken::from_row, || format!("token/{id}"))
}

/// Tokens of a subject, or of all, that have not expired at `now`: at most `limit`, sorted by identifier, after
/// `after`. For a row with invalid columns, only its identifier is returned.
///
/// # Errors
/// Those of the database.
pub fn live(
    store: &Readers,
    subject: Option<&str>,
    now: i64,
    after: &str,
    limit: usize,
) -> Result<Vec<(String, Option<AccessToken>)>, Error> {
    let select = TABLE
        .select("WHERE id > ?1 AND expires > ?2 AND (CAST(?3 AS TEXT) IS NULL OR subject = ?3) ORDER BY id LIMIT ?4");
    let limit = sql::limit(limit);
    store.all(&select, values![after, now, subject, limit], |row| Ok((row.get(0)?, AccessToken::from_row(row).ok())))
}

/// The number of tokens of a subject that are not revoked. Expired ones count until they are swept.
///
/// # Errors
/// Those of the database.
pub fn count(store: &Readers, subject: &str) -> Result<i64, Error> {
    Ok(store.one(COUNT, values![subject], sql::column)?.unwrap_or(0))
}

/// Identifiers of tokens of a subject that are not revoked, at most `limit` of each kind: first those that have expired
/// at `now`, then those that were issued first.
///
/// # Errors
/// Those of the database.
pub fn first_to_end(store: &Readers, subject: &str, now: i64, limit: i64) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for sql in [
        "SELECT id FROM access_token INDEXED BY access_token_subject \
         WHERE subject = ?1 AND expires <= ?2 AND revoked = 0 ORDER BY expires LIMIT ?3",
        "SELECT id FROM access_token_order WHERE subject = ?1 AND CAST(?2 AS BIGINT) IS NOT NULL ORDER BY place LIMIT ?3",
    ] {
        found.extend(store.all(sql, values![subject, now, limit], sql::column::<String>)?);
    }
    Ok(found)
}

/// Whether there is a token that had expired at `before`.
///
/// # Errors
/// Those of the database.
pub fn any_ended(store: &Readers, before: i64) -> Result<bool, Error> {
    store.any("SELECT 1 FROM access_token WHERE expires <= ?1", values![before])
}

/// The identifiers of all rows, for a check.
///
/// # Errors
/// Those of the database.
pub fn identifiers(store: &Readers) -> Result<Vec<String>, Error> {
    store.all("SELECT id FROM access_token ORDER BY id", &[], sql::column)
}

/// The root keys that signed tokens which have not expired at `now`.
///
/// # Errors
/// Those of the database.
pub fn signing_keys(store: &Readers, now: i64) -> Result<Vec<String>, Error> {
    store.all("SELECT DISTINCT signing_key FROM access_token WHERE expires > ?1", values![now], sql::column)
}

/// Removes at most `limit` tokens that had expired at `before`; returns their number.
pub fn sweep(before: i64, limit: i64) -> Command<usize> {
    const SWEPT: &str = "SELECT id FROM access_token WHERE expires <= ?1 ORDER BY expires, id LIMIT ?2";
    Command::new(move |transaction| {
        let values = values![before, limit];
        let counted = format!(
            "SELECT subject, count(*) FROM access_token WHERE revoked = 0 AND id IN ({SWEPT}) GROUP BY subject"
        );
        for (subject, count) in sql::all(transaction, &counted, values, sql::pair::<String, i64>)? {
            let sql = "UPDATE access_token_count SET live = live - ?2 WHERE subject = ?1";
            sql::execute(transaction, sql, values![subject, count])?;
        }
        sql::execute(transaction, &format!("DELETE FROM access_token_order WHERE id IN ({SWEPT})"), values)?;
        sql::execute(transaction, &format!("DELETE FROM access_token WHERE id IN ({SWEPT})"), values)
    })
}
