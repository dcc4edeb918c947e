//! Rows of access tokens. The token itself is in none of them: what is kept is what it may do, and how often.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::error::Error;
use super::object::{put, put_number};

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

const COLUMNS: &str = "id, version, subject, basis, vouched, signing_key, created, ttl, expires, max_expires, uses_limit, \
     uses, trusted, thumbprint, narrowing, role, revoked, binding";

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

    /// Adds the row, or replaces it if it has the version and the uses of `before`.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the row is another by now.
    pub fn write(&self, transaction: &Transaction<'_>, before: Option<&Self>) -> Result<(), Error> {
        if find(transaction, &self.id)?.as_ref() != before {
            return Err(Error::Conflict);
        }
        let sql = match before {
            None => format!(
                "INSERT INTO access_token ({COLUMNS}) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
            ),
            Some(_) => format!(
                "UPDATE access_token SET ({COLUMNS}) = \
                 (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18) WHERE id = ?1"
            ),
        };
        transaction.prepare_cached(&sql)?.execute(params![
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
        ])?;
        Ok(())
    }
}

/// The row of an access token.
///
/// # Errors
/// SQLite's; [`Error::Malformed`] if its columns are not those of a token.
pub fn find(connection: &Connection, id: &str) -> Result<Option<AccessToken>, Error> {
    let select = format!("SELECT {COLUMNS} FROM access_token WHERE id = ?1");
    let found = connection.prepare_cached(&select)?.query_row([id], |row| Ok(AccessToken::from_row(row))).optional()?;
    found.transpose().map_err(|_| Error::Malformed(format!("token/{id}")))
}

/// Tokens of a subject, or all, that have not ended at `now`: at most `limit` by their identifiers, after `after`. A row that makes
/// no sense has its identifier and nothing else.
///
/// # Errors
/// SQLite's.
pub fn live(
    connection: &Connection,
    subject: Option<&str>,
    now: i64,
    after: &str,
    limit: usize,
) -> Result<Vec<(String, Option<AccessToken>)>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let select = format!(
        "SELECT {COLUMNS} FROM access_token \
         WHERE id > ?1 AND expires > ?2 AND (?3 IS NULL OR subject = ?3) ORDER BY id LIMIT ?4"
    );
    let mut select = connection.prepare_cached(&select)?;
    let rows = select
        .query_map(params![after, now, subject, limit], |row| Ok((row.get("id")?, AccessToken::from_row(row).ok())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many tokens of a subject were not ended before their time. Those that are past their end are among them until they are
/// swept.
///
/// # Errors
/// SQLite's.
pub fn count(connection: &Connection, subject: &str) -> Result<i64, Error> {
    let mut select = connection.prepare_cached("SELECT live FROM access_token_count WHERE subject = ?1")?;
    Ok(select.query_row([subject], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Identifiers of tokens of a subject that were not ended before their time, at most `limit` of each kind: those that are past
/// their end at `now`, and then those that were issued first.
///
/// # Errors
/// SQLite's.
pub fn first_to_end(connection: &Connection, subject: &str, now: i64, limit: i64) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for sql in [
        "SELECT id FROM access_token INDEXED BY access_token_subject \
         WHERE subject = ?1 AND expires <= ?2 AND revoked = 0 ORDER BY expires LIMIT ?3",
        "SELECT id FROM access_token_order WHERE subject = ?1 AND ?2 IS NOT NULL ORDER BY place LIMIT ?3",
    ] {
        let mut select = connection.prepare_cached(sql)?;
        for id in select.query_map(params![subject, now, limit], |row| row.get(0))? {
            found.push(id?);
        }
    }
    Ok(found)
}

/// Whether a token had ended at `before`.
///
/// # Errors
/// SQLite's.
pub fn any_ended(connection: &Connection, before: i64) -> Result<bool, Error> {
    let mut select = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM access_token WHERE expires <= ?1)")?;
    Ok(select.query_row([before], |row| row.get(0))?)
}

/// Every row's identifier, for a check.
///
/// # Errors
/// SQLite's.
pub fn identifiers(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut select = connection.prepare_cached("SELECT id FROM access_token ORDER BY id")?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The root keys that signed what has not ended at `now`.
///
/// # Errors
/// SQLite's.
pub fn signing_keys(connection: &Connection, now: i64) -> Result<Vec<String>, Error> {
    let mut select = connection.prepare_cached("SELECT DISTINCT signing_key FROM access_token WHERE expires > ?1")?;
    Ok(select.query_map([now], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Removes at most `limit` tokens that had ended at `before`; returns how many.
///
/// # Errors
/// SQLite's.
pub fn sweep(transaction: &Transaction<'_>, before: i64, limit: i64) -> Result<usize, Error> {
    let delete = "DELETE FROM access_token WHERE id IN (SELECT id FROM access_token WHERE expires <= ?1 LIMIT ?2)";
    Ok(transaction.prepare_cached(delete)?.execute([before, limit])?)
}
