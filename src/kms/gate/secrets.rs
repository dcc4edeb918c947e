//! What leave to read or write a secret lets one do.

use std::sync::Arc;

use openssl::rand::rand_bytes;

use super::super::object::Object;
use super::super::secrets::{MAX_VERSIONS, last_number, set_number};
use super::super::{Error, mechanism};
use super::{ATTEMPTS, Grant, Kms, NewGrant, new_object};
use crate::custody::{self, Cipher, SecretKeyKind};
use crate::kmip::Attributes;
use crate::secret::Bytes;
use crate::store::object::Class;
use crate::store::secret_version::{self, SecretVersion};
use crate::store::{self, Transaction};

/// Sets this use of a key apart from every other.
const CONTEXT: &[u8] = b"claviger secret\0";

/// The tag of AES-GCM, in bits.
const TAG_BITS: usize = 128;

/// What is authenticated beside a value: whose it is, and which.
fn additional_data(object: &str, number: i64) -> Vec<u8> {
    [CONTEXT, &number.to_be_bytes(), object.as_bytes()].concat()
}

impl Kms {
    /// Whether there is an object of this identifier, whoever may know of it.
    pub(in crate::kms) fn is_there(&self, id: &str) -> Result<bool, Error> {
        Ok(self.load(id)?.is_some())
    }

    /// A value as a row, encrypted by the object's key. The first use of a key is counted by the row that is added with it.
    fn seal(&self, object: &Object, number: i64, created: i64, value: &Bytes) -> Result<SecretVersion, Error> {
        let mut iv = vec![0; mechanism::GCM_IV];
        rand_bytes(&mut iv).map_err(custody::Error::Random)?;
        let aad = additional_data(&object.id, number);
        let cipher = Cipher::AesGcm { iv: &iv, aad: &aad, tag_bits: TAG_BITS };
        let data = match number {
            1 => self.custody.encrypt(&object.key, &cipher, value)?,
            _ => self.encrypt(object, &cipher, value)?,
        };
        let object = object.id.clone();
        let row = SecretVersion { object, number, created, iv, data, binding: Vec::new() };
        Ok(SecretVersion { binding: self.custody.bind(&row.bound())?, ..row })
    }
}

impl NewGrant<'_> {
    /// Adds a secret with its first value, owned by the caller.
    pub(in crate::kms) fn insert_secret(&self, id: &str, attributes: Attributes, value: &Bytes) -> Result<(), Error> {
        let kms = self.kms;
        let uses = super::super::object::uses(attributes.cryptographic_usage_mask.unwrap_or_default());
        let material = kms.custody.generate(Class::Sealing, SecretKeyKind::Aes { bytes: 32 }, uses)?;
        let made = material.clone();
        let insert = || -> Result<(), Error> {
            let object = new_object(1, self.access(), id, attributes, Class::Sealing, material)?;
            let version = kms.seal(&object, 1, self.call.now.0, value)?;
            let (row, index) = (kms.bind(&object)?, object.index());
            let uses = kms.invocations.begin(&kms.custody, id, 1)?;
            let record = self.call.change(self.action, id, 1);
            let job = move |transaction: &Transaction<'_>| {
                row.insert(transaction, &index)?;
                uses.write(transaction)?;
                version.insert(transaction, 0)
            };
            kms.store.write_recorded(vec![record], job).map_err(|error| match error {
                store::Error::Exists(id) => Error::Exists(id),
                error => error.into(),
            })
        };
        let inserted = insert();
        match &inserted {
            Ok(()) => self.call.changed(),
            Err(_) => kms.discard(&made),
        }
        inserted
    }
}

impl Grant<'_> {
    /// Adds a value; returns its number. What is older than the twenty last is gone, from database and WAL.
    pub(in crate::kms) fn write_secret(&self, value: &Bytes) -> Result<i64, Error> {
        let (kms, id) = (self.kms, &self.object.id);
        let (_turn, present) = self.turn()?;
        let number = last_number(&present.attributes).ok_or_else(|| Error::NotASecret(id.clone()))? + 1;
        let sealed = kms.seal(&present, number, self.call.now.0, value)?;
        let mut attributes = present.attributes.clone();
        set_number(&mut attributes, number);
        attributes.last_change_date = Some(self.call.now);
        let version = present.version + 1;
        let (access, material) = (present.access.clone(), present.material.clone());
        let object = new_object(version, access, id, attributes, present.class, material)?;
        let (row, index) = (kms.bind(&object)?, object.index());
        let oldest = number - MAX_VERSIONS;
        let job = move |transaction: &Transaction<'_>| {
            row.update(transaction, &index)?;
            sealed.insert(transaction, oldest)
        };
        let records = vec![self.call.change(self.action, id, version)];
        let written =
            if oldest > 0 { kms.store.erase_recorded(records, job) } else { kms.store.write_recorded(records, job) };
        kms.cache.forget(id);
        match written {
            // Changes made here take turns: somebody else writes into the database.
            Err(store::Error::Conflict) => return Err(Error::Contention),
            Err(store::Error::Traces(error)) => {
                tracing::warn!(error, "a former value's ciphertext is still in the write-ahead log");
            }
            written => written?,
        }
        self.call.changed();
        Ok(number)
    }

    /// A value: the last, or that of a number.
    pub(in crate::kms) fn read_secret(&self, number: Option<i64>) -> Result<Bytes, Error> {
        let (kms, id) = (self.kms, &self.object.id);
        let mut present = Arc::clone(&self.object);
        for _ in 0..ATTEMPTS {
            let last = last_number(&present.attributes).ok_or_else(|| Error::NotASecret(id.clone()))?;
            let wanted = number.unwrap_or(last);
            if wanted < 1 || wanted > last || wanted <= last - MAX_VERSIONS {
                return Err(Error::NoSecretVersion(wanted));
            }
            let found = match kms.store.read(|connection| secret_version::find(connection, id, wanted)) {
                Err(store::Error::Malformed(_)) => return Err(kms.refuse_version(id, wanted)),
                found => found?,
            };
            let Some(row) = found else {
                // It may have been written over meanwhile; if not, somebody removed it.
                kms.cache.forget(id);
                let newer = kms.load(id)?.ok_or_else(|| Error::NotFound(id.clone()))?;
                if newer.version == present.version {
                    return Err(kms.refuse_version(id, wanted));
                }
                kms.decide(self.call, self.action, &newer)?;
                present = newer;
                continue;
            };
            if !kms.custody.is_bound(&row.bound(), &row.binding)? {
                return Err(kms.refuse_version(id, wanted));
            }
            let aad = additional_data(id, wanted);
            let cipher = Cipher::AesGcm { iv: &row.iv, aad: &aad, tag_bits: TAG_BITS };
            let value = kms.custody.decrypt(&present.key, &cipher, &row.data)?;
            return Ok(Bytes::from(&value[..]));
        }
        Err(Error::Contention)
    }
}

impl Kms {
    /// Says that a row of a value is not what was written.
    fn refuse_version(&self, id: &str, number: i64) -> Error {
        tracing::error!(
            id,
            number,
            "ROW REFUSED: a value of a secret was changed, exchanged or removed in the database"
        );
        Error::Integrity(id.to_owned())
    }
}
