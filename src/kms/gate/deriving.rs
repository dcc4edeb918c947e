//! Derivation of keys.

use super::super::error::Error;
use super::super::kept;
use super::super::proposal::MAX_SECRET;
use super::service::{NewGrant, Usable};
use crate::custody::{self, Base, Derivation, DerivationKind, SecretKeyKind, TokenError};
use crate::secret::Bytes;
use crate::store::object::{Class, Material};

/// The text of the error for a way of derivation that the HSM does not have.
macro_rules! lacks {
    ($way:literal) => {
        concat!("this HSM does not derive keys by ", $way, ", or keeps every key in the HSM token")
    };
}

impl Usable<'_> {
    /// The bytes of secret data, from which, or of which, keys are derived.
    ///
    /// # Errors
    /// They are not bytes in clear.
    pub(in crate::kms) fn secret_bytes(&self) -> Result<Bytes, Error> {
        let object = self.0.opened()?;
        let bytes = object.key_block().and_then(kept::clear).filter(|bytes| (1..=MAX_SECRET).contains(&bytes.len()));
        bytes.cloned().ok_or(Error::BadParameters(
            "keys are derived from secret data of 1 to 512 bytes that is registered in clear",
        ))
    }
}

/// The key, or the value of the secret data, from which a key is derived.
pub(in crate::kms) struct Source<'a> {
    /// The object.
    pub(in crate::kms) base: &'a Usable<'a>,
    /// The value, if the object is secret data.
    pub(in crate::kms) value: Option<Bytes>,
    /// The object that has the derivation data, or the other party's public key.
    pub(in crate::kms) data: Option<&'a Usable<'a>>,
}

impl Source<'_> {
    fn base(&self) -> Base<'_> {
        let own = &self.base.0.object.key;
        match &self.value {
            Some(value) => Base::Value { of: own, value },
            None => Base::Key(own),
        }
    }
}

impl NewGrant<'_> {
    /// Derives a key inside the HSM token, from so many bytes of data; the use of the base key is counted.
    ///
    /// # Errors
    /// The HSM token does not derive keys in this way.
    pub(in crate::kms) fn derive(
        &self,
        source: &Source<'_>,
        (derivation, data): (&Derivation<'_>, usize),
        class: Class,
        kind: SecretKeyKind,
    ) -> Result<Material, Error> {
        self.begin_derivation(source, derivation, data)?;
        self.kms.custody.derive(source.base(), derivation, class, kind).map_err(refused)
    }

    /// Derives a value of this length in bytes inside the HSM token, which returns it.
    ///
    /// # Errors
    /// As of [`Self::derive`]; the HSM token returns no values.
    pub(in crate::kms) fn derive_value(
        &self,
        source: &Source<'_>,
        (derivation, data): (&Derivation<'_>, usize),
        bytes: usize,
    ) -> Result<Bytes, Error> {
        if self.kms.custody.kept_as(Class::Exporting) != Class::Exporting {
            return Err(Error::NoneInClear);
        }
        self.begin_derivation(source, derivation, data)?;
        let value = self.kms.custody.derive_value(source.base(), derivation, bytes).map_err(refused)?;
        Ok(Bytes::from(value.expose()))
    }

    fn begin_derivation(&self, source: &Source<'_>, derivation: &Derivation<'_>, data: usize) -> Result<(), Error> {
        if !self.kms.custody.derives(derivation.kind()) {
            return Err(Error::UnsupportedParameters(match derivation.kind() {
                DerivationKind::AesEcb => lacks!("AES-ECB (CKM_AES_ECB_ENCRYPT_DATA)"),
                DerivationKind::AesCbc => lacks!("AES-CBC (CKM_AES_CBC_ENCRYPT_DATA)"),
                DerivationKind::Hkdf => lacks!("HKDF (CKM_HKDF_DERIVE)"),
                DerivationKind::Counter => lacks!("SP 800-108 (CKM_SP800_108_COUNTER_KDF)"),
                DerivationKind::Feedback => lacks!("SP 800-108 with feedback (CKM_SP800_108_FEEDBACK_KDF)"),
                DerivationKind::Hash => lacks!("a hash (CKM_SHA256_KEY_DERIVATION)"),
                DerivationKind::Ecdh => lacks!("ECDH (CKM_ECDH1_DERIVE)"),
            }));
        }
        if source.value.is_some() && !self.imports() {
            return Err(custody::Error::NoImport.into());
        }
        source.base.use_up(data)?;
        source.data.map_or(Ok(()), |other| other.use_up(data))
    }
}

fn refused(error: custody::Error) -> Error {
    match error {
        custody::Error::Token(TokenError::TemplateRefused(_)) => Error::UnsupportedParameters(
            "this HSM does not derive a key of this length and type in this way (C_DeriveKey): ask for another length",
        ),
        error => error.into(),
    }
}
