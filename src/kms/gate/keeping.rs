//! Storing and reading kept objects with a grant.

use super::super::disabled;
use super::super::error::Error;
use super::super::kept;
use super::super::kept_fault::KeptFault;
use super::super::object_kind::{ObjectKind, SEALING_KEY};
use super::service::{Grant, NewGrant, Usable};
use super::wrapping::{check_guards, name_of};
use crate::custody::{AesWrap, KeyWrap};
use crate::kmip::{Attributes, ManagedObject};
use crate::secret::Bytes;
use crate::store::Command;
use crate::store::object::{Class, Material};

impl NewGrant<'_> {
    /// Whether the HSM token can import keys.
    pub(in crate::kms) fn imports(&self) -> bool {
        self.kms.custody.imports()
    }

    /// Refuses a value that is too long for one call of the HSM, before a key is made for it.
    pub(in crate::kms) fn expect_fits(&self, value: &Bytes) -> Result<(), Error> {
        self.kms.expect_fits(value)
    }

    /// Adds a kept object, owned by the caller. Its value is encrypted by a key that is made for it.
    pub(in crate::kms) fn insert_kept(&self, id: &str, attributes: Attributes, value: &Bytes) -> Result<(), Error> {
        self.insert_sealed(id, attributes, value, Command::all([]))
    }

    /// Makes the key that encrypts the value of a kept object.
    pub(in crate::kms) fn sealing_key(&self, attributes: &Attributes) -> Result<Material, Error> {
        let kind = ObjectKind::of(attributes).unwrap_or(ObjectKind::SymmetricKey);
        self.generate(Class::Sealing, SEALING_KEY, kind.key_mask(attributes)).map(|(material, _)| material)
    }
}

impl Grant<'_> {
    /// A kept object in clear, as it was registered. Sensitive and Extractable are checked first: the HSM token cannot
    /// enforce them, because it decrypts the value.
    pub(in crate::kms) fn kept(&self) -> Result<ManagedObject, Error> {
        disabled::check(&self.object)?;
        let own = &self.object.attributes;
        if own.extractable == Some(false) {
            return Err(Error::NotExtractable);
        }
        if own.sensitive == Some(true) {
            return Err(KeptFault::Sensitive(self.object.id.clone()).into());
        }
        self.opened()
    }

    /// A kept object that is about to be wrapped under another key. A sensitive one is wrapped only under a key by which
    /// no caller can unwrap it.
    pub(in crate::kms) fn kept_for(&self, wrapping: &Usable<'_>, how: KeyWrap<'_>) -> Result<ManagedObject, Error> {
        disabled::check(&self.object)?;
        let (own, under) = (&self.object.attributes, wrapping.object());
        if own.extractable == Some(false) {
            return Err(Error::NotExtractable);
        }
        if own.sensitive == Some(true) && !under.keeps_what_it_wraps() {
            return Err(Error::WrappingKey(under.id.clone()));
        }
        if own.sensitive == Some(true) {
            check_guards(how)?;
        }
        self.opened()
    }

    pub(super) fn opened(&self) -> Result<ManagedObject, Error> {
        let value = self.read_secret(None)?;
        kept::decode(&value).ok_or_else(|| {
            tracing::error!(id = self.object.id, "the value of a kept object cannot be read");
            Error::Integrity(self.object.id.clone())
        })
    }
}

impl Usable<'_> {
    /// The bytes wrapped under this key, inside the HSM token.
    pub(in crate::kms) fn wrap_value(&self, value: &Bytes, how: AesWrap) -> Result<Vec<u8>, Error> {
        self.0.note_use();
        self.use_up(value.len())?;
        let kms = self.0.kms;
        kms.custody.wrap_value(&self.0.object.key, value, how).map_err(|error| kms.lacking(name_of(how.into()), error))
    }

    /// Notes that this public key wraps a value.
    pub(in crate::kms) fn note_wrapping_use(&self) {
        self.0.note_use();
    }
}
