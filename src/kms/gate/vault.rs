//! What sets one database apart from others.

use openssl::sha::sha256;

use super::super::error::Error;
use super::service::Kms;
use crate::hexadecimal;
use crate::store::{Store, root_key};

/// Which database is served. None of it is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// 32 hexadecimal digits, made of the name of the binding key in the token: random, made once for each database, and what no
    /// row can be read without. A copy of the database that is restored keeps it.
    pub id: String,
    /// The version of the database's schema.
    pub schema: i64,
}

/// Sets this use of the name apart.
const CONTEXT: &[u8] = b"claviger vault id\0";

impl Kms {
    /// Which database this is.
    ///
    /// # Errors
    /// The store is away.
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
