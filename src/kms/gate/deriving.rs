//! Derivation of keys.

use super::super::error::Error;
use super::service::{NewGrant, Usable};
use crate::custody::{self, Derivation, DerivationKind, SecretKeyKind, TokenError};
use crate::store::object::{Class, Material};

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
                DerivationKind::AesEcb => {
                    "this HSM does not derive keys by AES-ECB (CKM_AES_ECB_ENCRYPT_DATA), or keeps every key in the HSM token"
                }
                DerivationKind::AesCbc => {
                    "this HSM does not derive keys by AES-CBC (CKM_AES_CBC_ENCRYPT_DATA), or keeps every key in the HSM token"
                }
                DerivationKind::Hkdf => {
                    "this HSM does not derive keys by HKDF (CKM_HKDF_DERIVE), or keeps every key in the HSM token"
                }
                DerivationKind::Counter => {
                    "this HSM does not derive keys by SP 800-108 (CKM_SP800_108_COUNTER_KDF), or keeps every key in the HSM token"
                }
                DerivationKind::Feedback => {
                    "this HSM does not derive keys by SP 800-108 with feedback (CKM_SP800_108_FEEDBACK_KDF), or keeps every key in \
                     the token"
                }
                DerivationKind::Hash => {
                    "this HSM does not derive keys by a hash (CKM_SHA256_KEY_DERIVATION), or keeps every key in the HSM token"
                }
                DerivationKind::Ecdh => {
                    "this HSM does not derive keys by ECDH (CKM_ECDH1_DERIVE), or keeps every key in the HSM token"
                }
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
