//! Derivation of keys.

use super::super::error::Error;
use super::service::{NewGrant, Usable};
use crate::custody::{self, Derivation, DerivationKind, SecretKeyKind, TokenError};
use crate::store::object::{Class, Material};

/// The text of the error for a way of derivation that the HSM does not have.
macro_rules! lacks {
    ($way:literal) => {
        concat!("this HSM does not derive keys by ", $way, ", or keeps every key in the HSM token")
    };
}

impl NewGrant<'_> {
    /// Derives a key inside the HSM token, from so many bytes of data; the use of the base key is counted.
    ///
    /// # Errors
    /// The HSM token does not derive keys in this way.
    pub(in crate::kms) fn derive(
        &self,
        base: &Usable<'_>,
        (derivation, data): (&Derivation<'_>, usize),
        class: Class,
        kind: SecretKeyKind,
    ) -> Result<Material, Error> {
        let custody = &self.kms.custody;
        if !custody.derives(derivation.kind()) {
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
        base.use_up(data)?;
        custody.derive(&base.0.object.key, derivation, class, kind).map_err(|error| match error {
            custody::Error::Token(TokenError::TemplateRefused(_)) => Error::UnsupportedParameters(
                "this HSM does not derive a key of this length and type in this way (C_DeriveKey): ask for another length",
            ),
            error => error.into(),
        })
    }
}
