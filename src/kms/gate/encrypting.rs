//! Encryption, whose uses are counted, decryption, and MACs.

use std::time::Instant;

use super::super::call::Call;
use super::super::cipher_fault::CipherFault;
use super::super::error::Error;
use super::super::first_input::NONCE;
use super::super::object::Object;
use super::super::streams::{Holder, Stream, Streams};
use super::service::{Grant, Kms, Usable};
use crate::custody::{self, Cipher, Direction, Encrypted, Mac, Secret, TokenError};
use crate::kmip::enumerations::{CryptographicAlgorithm, Operation};
use crate::kmip::payloads::MultiPart;
use crate::kmip::{CryptographicParameters, UniqueIdentifier};

impl Kms {
    /// Encrypts under a new IV that the caller did not choose, and counts the use.
    pub(super) fn encrypt_afresh(&self, object: &Object, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        self.count_use(object, cipher, data.len())?;
        Ok(self.custody.encrypt_afresh(&object.key, cipher, data)?)
    }

    /// Input that the HSM will refuse because of its length is not counted.
    fn count_use(&self, object: &Object, cipher: &Cipher<'_>, length: usize) -> Result<(), Error> {
        self.custody.expect_fits(cipher, Direction::Encrypt, length)?;
        let counted = self.invocations.count(&self.store, &self.custody, &object.id);
        counted.map_err(|error| match error {
            Error::GcmLimit { limit, .. } if object.kind.values().is_some() => Error::GcmLimitOfSecret { limit },
            error => error,
        })
    }

    /// Decides whether the caller may perform the call's operation on the object. A refusal ends the operation in several
    /// parts that the request continues.
    pub(in crate::kms) fn authorize_part<'a>(
        &'a self,
        call: &'a Call<'a>,
        id: Option<&UniqueIdentifier>,
        part: &MultiPart,
    ) -> Result<Grant<'a>, Error> {
        let grant = self.authorize(call, id);
        if let (Err(Error::NotPermitted { .. } | Error::NotFound(_)), Some(value)) = (&grant, &part.correlation_value) {
            self.streams.end(call.caller().username.as_str(), value);
        }
        grant
    }

    /// The operations in several parts.
    pub(in crate::kms) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Ends the operations in several parts that took too long.
    pub fn end_streams(&self) {
        self.streams.sweep(Instant::now());
    }

    /// Names the mechanism that the HSM token does not have.
    pub(super) fn lacking(&self, what: &'static str, error: custody::Error) -> Error {
        match error {
            custody::Error::Token(TokenError::MechanismUnsupported(_)) => {
                CipherFault::Lacks { what, token: self.custody.token_label().to_owned() }.into()
            }
            error => error.into(),
        }
    }
}

/// Encryption by a key that callers can use is only in these functions. All but the last of them count the use, if the
/// first input of the cipher must not repeat.
impl Usable<'_> {
    pub(in crate::kms) fn encrypt(&self, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.begin_encryption(cipher, data.len())?;
        self.go_on_encrypting(cipher, data)
    }

    pub(in crate::kms) fn encrypt_afresh(&self, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        self.begin_encryption(cipher, data.len())?;
        let kms = self.0.kms;
        let encrypted = kms.custody.encrypt_afresh(&self.0.object.key, cipher, data);
        encrypted.map_err(|error| kms.lacking(cipher.name(), error))
    }

    /// Counts a use whose data comes in several parts; the first part has this length in bytes.
    pub(in crate::kms) fn begin_encryption(&self, cipher: &Cipher<'_>, length: usize) -> Result<(), Error> {
        match cipher {
            Cipher::AesGcm { .. }
            | Cipher::AesCcm { .. }
            | Cipher::AesCtr { .. }
            | Cipher::ChaCha20 { .. }
            | Cipher::ChaCha20Poly1305 { .. } => self.0.kms.count_use(&self.0.object, cipher, length),
            // A random IV of 128 bits, or one that need not be unique.
            Cipher::AesCbcPad { .. }
            | Cipher::AesCbc { .. }
            | Cipher::AesCfb { .. }
            | Cipher::AesOfb { .. }
            | Cipher::AesEcb
            | Cipher::AesEcbPad
            | Cipher::Des3CbcPad { .. }
            | Cipher::Des3Cbc { .. }
            | Cipher::Des3Ecb
            | Cipher::Des3EcbPad => Ok(()),
        }
    }

    /// Encrypts data of a use that was counted.
    pub(in crate::kms) fn go_on_encrypting(&self, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        let kms = self.0.kms;
        let encrypted = kms.custody.encrypt(&self.0.object.key, cipher, data);
        encrypted.map_err(|error| kms.lacking(cipher.name(), error))
    }

    pub(in crate::kms) fn fresh_gcm_iv(&self) -> Result<[u8; NONCE], Error> {
        Ok(self.0.kms.custody.fresh_gcm_iv()?)
    }

    pub(in crate::kms) fn decrypt(&self, cipher: &Cipher<'_>, data: &[u8]) -> Result<Secret, Error> {
        let kms = self.0.kms;
        let decrypted = kms.custody.decrypt(&self.0.object.key, cipher, data);
        decrypted.map_err(|error| match (cipher, error) {
            // CFB and OFB are made of other modes if the token has neither, and the beginning of a tag is compared.
            (
                Cipher::AesCfb { .. } | Cipher::AesOfb { .. } | Cipher::ChaCha20Poly1305 { .. },
                custody::Error::Token(TokenError::KeyFunctionNotPermitted(_)),
            ) => Error::UnsupportedParameters(
                "this HSM decrypts so only by encrypting, and the key's usage mask does not permit Encrypt: use another mode",
            ),
            (_, error) => kms.lacking(cipher.name(), error),
        })
    }

    pub(in crate::kms) fn mac(&self, mechanism: Mac, data: &[u8]) -> Result<Vec<u8>, Error> {
        let (kms, object) = (self.0.kms, &self.0.object);
        if mechanism == Mac::HmacMd5 && !kms.legacy {
            return Err(CipherFault::Legacy(mechanism.name()).into());
        }
        let is_hmac_of_aes = mechanism != Mac::AesCmac && object.algorithm() == Some(CryptographicAlgorithm::AES);
        let key = match &object.hmac_key {
            Some(key) if is_hmac_of_aes => key,
            _ => &object.key,
        };
        let made = kms.custody.mac(key, mechanism, data);
        made.map_err(|error| kms.lacking(mechanism.name(), error))
    }

    /// The place of a request in an operation of several parts with this key.
    pub(in crate::kms) fn stream(
        &self,
        operation: Operation,
        part: &MultiPart,
        requested: Option<CryptographicParameters>,
    ) -> Result<Stream<'_>, Error> {
        let object = &self.0.object;
        let holder = || {
            let user = self.0.call.caller().username.as_str().to_owned();
            Holder { user, operation, key: Some((object.id.clone(), object.material.clone())) }
        };
        let default = object.attributes.cryptographic_parameters.first();
        self.0.kms.streams.at(holder, part, requested, default, Instant::now())
    }
}
