//! The identity of a database.

use openssl::sha::sha256;

use super::super::error::Error;
use super::service::Kms;
use crate::hexadecimal;
use crate::store::{Store, root_key};

/// Identifies the database that is served. None of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// 32 hexadecimal digits, derived from the name of the binding key in the HSM token. That name is random and made
    /// once for each database, and without that key no row can be read. A restored copy of the database keeps it.
    pub id: String,
    /// The version of the database's schema.
    pub schema: i64,
}

/// Distinguishes this use of the name from every other use.
const CONTEXT: &[u8] = b"claviger vault id\0";

impl Kms {
    /// The identity of the database.
    ///
    /// # Errors
    /// The store is unavailable.
    pub fn vault(&self) -> Result<Vault, Error> {
        read(&self.store)
    }
}

pub(super) fn read(store: &Store) -> Result<Vault, Error> {
    let (keys, schema) = (root_key::all(store)?, store.schema_version()?);
    let binding = keys.iter().find(|key| key.name == "binding").map_or(&[][..], |key| &key.cka_id);
    let digest = sha256(&[CONTEXT, binding].concat());
    let (half, _) = digest.split_at(digest.len() / 2);
    Ok(Vault { id: hexadecimal::lower(half), schema })
}
