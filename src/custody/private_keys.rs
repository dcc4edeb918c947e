//! Private keys from outside, decryption by private keys, and their values.

use std::sync::atomic::Ordering;

use claviger_pkcs11::{self as pkcs11, PairKind, PrivateParts, RsaPadding, Secret, Uses};

use super::error::Error;
use super::key::{KeyKind, ManagedKey, private_spec};
use super::placed::PLACED_LABEL;
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::store::object::{Class, Material};

impl Custody {
    /// Imports a private key of the caller into the token. The caller has checked that it is sound.
    ///
    /// # Errors
    /// The token is unavailable, or cannot hold such a key.
    pub fn import_private(
        &self,
        class: Class,
        kind: PairKind,
        uses: Uses,
        parts: &PrivateParts,
    ) -> Result<Material, Error> {
        if !self.imports_private(kind) {
            return Err(Error::NoPairs(kind));
        }
        if self.is_placing() || !self.abilities.wraps(kind) {
            let spec = private_spec(class, kind, uses);
            let make = |device: &pkcs11::Device, id: &pkcs11::KeyId| {
                Ok((device.import_token_private(id, PLACED_LABEL, &spec, parts)?, ()))
            };
            return self.place(HsmCall::Make, make).map(|(material, ())| material);
        }
        self.run(HsmCall::Make, |device| {
            let roots = self.roots();
            let kek = roots.kek(class).ok_or(Error::UnknownKek)?;
            let blob = device.import_wrapped_private(&kek.key, kind, parts)?;
            Ok(Material::Wrapped { kek: kek.cka_id.clone(), blob })
        })
    }

    /// Whether private keys of this kind can be imported and used.
    #[must_use]
    pub fn imports_private(&self, kind: PairKind) -> bool {
        self.abilities.imports_private && self.has_pairs() && self.makes(kind)
    }

    /// Returns the numbers of a private key. The token refuses this for keys of all classes except the exporting class.
    ///
    /// # Errors
    /// `NotExtractable`, from the token; [`Error::NoValues`] if it refuses keys of the exporting class, too.
    pub fn private_parts(&self, key: &ManagedKey) -> Result<PrivateParts, Error> {
        let KeyKind::Private(kind) = key.kind else { return Err(Error::KeyType) };
        let read = self.with(HsmCall::Export, key, |device, handle| device.private_parts(handle, kind));
        read.map_err(|error| match error {
            Error::Token(refused) if key.class == Class::Exporting && refused.hides_value() => Error::NoValues(refused),
            error => error,
        })
    }

    /// Wraps a private key under `wrapping` by AES key wrap with padding (RFC 5649) over its PKCS#8, inside the token.
    ///
    /// # Errors
    /// The token refuses.
    pub fn wrap_private(&self, wrapping: &ManagedKey, key: &ManagedKey) -> Result<Vec<u8>, Error> {
        wrapping.expect_aes()?;
        let KeyKind::Private(kind) = key.kind else { return Err(Error::KeyType) };
        self.run_for(HsmCall::Export, &key.material, |device| {
            let wrapping = self.handle(device, wrapping)?;
            let key = self.handle(device, key)?;
            Ok(device.wrap_private(&wrapping, &key, kind)?)
        })
    }

    /// Decrypts by an RSA key. If the token does not remove the padding of OAEP with these hashes or with a label, it
    /// only computes the power, and the padding is removed outside, in constant time.
    ///
    /// # Errors
    /// The token is unavailable, or `DecryptionFailed`, whatever is wrong with the ciphertext.
    pub fn decrypt_rsa(&self, key: &ManagedKey, padding: RsaPadding<'_>, data: &[u8]) -> Result<Secret, Error> {
        let KeyKind::Private(PairKind::Rsa { bits }) = key.kind else { return Err(Error::KeyType) };
        let bytes = bits.div_ceil(8);
        let RsaPadding::Oaep(oaep) = padding else {
            return self.with(HsmCall::Decrypt, key, |device, handle| device.decrypt_rsa(handle, padding, data, bytes));
        };
        self.with(HsmCall::Decrypt, key, |device, handle| {
            let is_refused = self.oaep_refused.of(oaep);
            if !is_refused.is_some_and(|refused| refused.load(Ordering::Relaxed)) {
                match device.decrypt_rsa(handle, padding, data, bytes) {
                    Err(pkcs11::Error::MechanismUnsupported(_)) => {}
                    answer => return answer,
                }
                if let Some(refused) = is_refused {
                    refused.store(true, Ordering::Relaxed);
                }
            }
            device.decrypt_rsa_raw(handle, oaep, data, bytes)
        })
    }
}
