//! The record of this database's root keys.

use openssl::sha::sha256;
use rusqlite::{Connection, Row};

use super::object::{put as append, put_number};

/// What the database knows about one root key in the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootKey {
    /// `sealing`, `guarding`, `exporting`, `binding`, `audit`, or `token-` and a number.
    pub name: String,
    /// The object's `CKA_ID`.
    pub cka_id: Vec<u8>,
    /// A value that only this key can make; of a signing key its SubjectPublicKeyInfo, DER.
    pub check_value: Vec<u8>,
}

fn from_row(row: &Row<'_>) -> Result<RootKey, rusqlite::Error> {
    Ok(RootKey { name: row.get(0)?, cka_id: row.get(1)?, check_value: row.get(2)? })
}

/// All recorded root keys, by name.
///
/// # Errors
/// SQLite's.
pub fn all(connection: &Connection) -> Result<Vec<RootKey>, rusqlite::Error> {
    let mut select = connection.prepare_cached("SELECT name, cka_id, check_value FROM root_key ORDER BY name")?;
    select.query_map([], from_row)?.collect()
}

/// SHA-256 of the whole record, by which a row that is gone, added or changed is noticed. `keys` are in the order of [`all`].
/// `counts`: uses of AES-GCM are counted (a row of `gcm_credit`), which never ends once it has begun.
#[must_use]
pub fn digest(keys: &[RootKey], counts: bool) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(1024);
    append(&mut bytes, Some(b"root_key"));
    put_number(&mut bytes, i64::try_from(keys.len()).ok());
    for RootKey { name, cka_id, check_value } in keys {
        append(&mut bytes, Some(name.as_bytes()));
        append(&mut bytes, Some(cka_id));
        append(&mut bytes, Some(check_value));
    }
    // Nothing otherwise: so wrote the versions that did not cover it.
    if counts {
        append(&mut bytes, Some(b"gcm_credit"));
    }
    sha256(&bytes)
}

/// Records a new root key, made at `now` (seconds since 1970-01-01 UTC).
///
/// # Errors
/// SQLite's, a constraint failure among them if the name is taken.
pub fn insert(connection: &Connection, key: &RootKey, now: i64) -> Result<(), rusqlite::Error> {
    connection.execute(
        "INSERT INTO root_key (name, cka_id, check_value, created) VALUES (?1, ?2, ?3, ?4)",
        (&key.name, &key.cka_id, &key.check_value, now),
    )?;
    Ok(())
}

/// Records another check value of a root key; false if that key is not recorded.
///
/// # Errors
/// SQLite's.
pub fn renew(connection: &Connection, key: &RootKey) -> Result<bool, rusqlite::Error> {
    let update = "UPDATE root_key SET check_value = ?3 WHERE name = ?1 AND cka_id = ?2";
    Ok(connection.execute(update, (&key.name, &key.cka_id, &key.check_value))? > 0)
}

/// Forgets a root key that nothing rests on any more; the token keeps it.
///
/// # Errors
/// SQLite's.
pub fn forget(connection: &Connection, name: &str) -> Result<(), rusqlite::Error> {
    connection.execute("DELETE FROM root_key WHERE name = ?1", [name])?;
    Ok(())
}

/// Names of the root keys that a first start is about to make, or has made and not recorded yet, and the seeds of their `CKA_ID`s.
///
/// # Errors
/// SQLite's.
pub fn pending(connection: &Connection) -> Result<Vec<(String, Vec<u8>)>, rusqlite::Error> {
    let mut select = connection.prepare_cached("SELECT name, seed FROM root_key_pending ORDER BY name")?;
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Notes that a root key of this name is about to be made under the `CKA_ID` of this seed, and under no other.
///
/// # Errors
/// SQLite's.
pub fn announce(connection: &Connection, name: &str, seed: &[u8]) -> Result<(), rusqlite::Error> {
    connection.execute("INSERT OR REPLACE INTO root_key_pending (name, seed) VALUES (?1, ?2)", (name, seed))?;
    Ok(())
}

/// Forgets what was pending: it is recorded now.
///
/// # Errors
/// SQLite's.
pub fn conclude(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute("DELETE FROM root_key_pending", [])?;
    Ok(())
}
