//! The table of this database's root keys.

use openssl::sha::sha256;

use super::change::Change;
use super::command::Command;
use super::error::Error;
use super::object::{put as append, put_number};
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
use super::sql::{self, Connection};

/// The row of one root key in the HSM token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootKey {
    /// `sealing`, `guarding`, `exporting`, `binding`, `audit`, or `token-` and a number.
    pub name: String,
    /// The object's `CKA_ID`.
    pub cka_id: Vec<u8>,
    /// A value that only this key can make; for a signing key its SubjectPublicKeyInfo, DER.
    pub check_value: Vec<u8>,
}

fn from_row(row: &Row<'_>) -> Result<RootKey, BadColumn> {
    Ok(RootKey { name: row.get(0)?, cka_id: row.get(1)?, check_value: row.get(2)? })
}

/// All recorded root keys, by name.
///
/// # Errors
/// Those of the database.
pub fn all(store: &Readers) -> Result<Vec<RootKey>, Error> {
    store.run(recorded)
}

pub(super) fn recorded(connection: &dyn Connection) -> Result<Vec<RootKey>, Error> {
    sql::all(connection, "SELECT name, cka_id, check_value FROM root_key ORDER BY name", &[], from_row)
}

/// SHA-256 of the whole table, by which a missing, added or changed row is detected. `keys` are in the order of
/// [`all`]. `counts`: whether uses of AES-GCM are counted (a row of `gcm_credit`); once begun, counting never ends.
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
    // Without counting nothing is added, as in the versions that did not cover it.
    if counts {
        append(&mut bytes, Some(b"gcm_credit"));
    }
    sha256(&bytes)
}

/// Stores root keys that were made at `now` (seconds since 1970-01-01 UTC). If a key is stored already, its check value
/// is replaced.
///
/// # Errors
/// Those of the database, including a constraint failure if another key with the same name is stored.
pub fn record(keys: Vec<RootKey>, now: i64) -> Command {
    Command::new(move |transaction| {
        transaction.note(Change::RootKey);
        for RootKey { name, cka_id, check_value } in &keys {
            let update = "UPDATE root_key SET check_value = ?3 WHERE name = ?1 AND cka_id = ?2";
            if sql::execute(transaction, update, values![name, cka_id, check_value])? == 0 {
                let insert = "INSERT INTO root_key (name, cka_id, check_value, created) VALUES (?1, ?2, ?3, ?4)";
                sql::execute(transaction, insert, values![name, cka_id, check_value, now])?;
            }
        }
        Ok(())
    })
}

/// Removes root keys that are not needed any more. The HSM token keeps them.
pub fn forget(names: Vec<String>) -> Command {
    let delete = "DELETE FROM root_key WHERE name = ?1";
    Command::new(move |transaction| {
        transaction.note(Change::RootKey);
        names.iter().try_for_each(|name| sql::execute(transaction, delete, values![name]).map(drop))
    })
}

/// Names of the root keys that a first start is about to make, or has made and not stored yet, with the seeds of their
/// `CKA_ID`s.
///
/// # Errors
/// Those of the database.
pub fn pending(store: &Readers) -> Result<Vec<(String, Vec<u8>)>, Error> {
    store.all("SELECT name, seed FROM root_key_pending ORDER BY name", &[], sql::pair)
}

/// Notes that root keys with these names are about to be made under the `CKA_ID`s of their seeds, and under no others.
pub fn announce(keys: Vec<(String, [u8; 32])>) -> Command {
    let insert = "INSERT INTO root_key_pending (name, seed) VALUES (?1, ?2) \
                  ON CONFLICT (name) DO UPDATE SET seed = excluded.seed";
    Command::new(move |transaction| {
        keys.iter().try_for_each(|(name, seed)| sql::execute(transaction, insert, values![name, seed]).map(drop))
    })
}

/// Removes the pending keys after they were stored.
pub fn conclude() -> Command {
    Command::new(|transaction| sql::execute(transaction, "DELETE FROM root_key_pending", &[]).map(drop))
}
