//! Decryption by RSA keys.

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::rsa::{PkcsOaepParams, PkcsOaepSource};
use cryptoki::session::Session;

use crate::device::Device;
use crate::error::Error;
use crate::key::Key;
use crate::oaep;
use crate::quirk;
use crate::raw::Direction;
use crate::secret::Secret;
use crate::signature::Hash;

/// The parameters of RSAES-OAEP (RFC 8017, 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oaep<'a> {
    /// The hash of the label.
    pub hash: Hash,
    /// The hash of MGF1.
    pub mask: Hash,
    /// The label, which is usually empty.
    pub label: &'a [u8],
}

/// The padding of a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RsaPadding<'a> {
    /// RSAES-OAEP (CKM_RSA_PKCS_OAEP).
    Oaep(Oaep<'a>),
    /// RSAES-PKCS1-v1_5 (CKM_RSA_PKCS; RFC 8017, 7.2). A caller who can tell good padding from bad decrypts other
    /// ciphertexts with many calls (Bleichenbacher).
    Pkcs1v15,
}

impl Device {
    /// Decrypts a ciphertext, which must be as long as the modulus, `bytes`. [`Error::DecryptionFailed`] is the only error
    /// for every damaged ciphertext. [`Error::MechanismUnsupported`] if the token does not have the padding with these
    /// parameters.
    pub fn decrypt_rsa(&self, key: &Key, padding: RsaPadding<'_>, data: &[u8], bytes: usize) -> Result<Secret, Error> {
        let mechanism = match padding {
            RsaPadding::Oaep(oaep) => self.oaep_mechanism(oaep)?,
            RsaPadding::Pkcs1v15 => Mechanism::RsaPkcs,
        };
        self.rsa(key, &mechanism, data, bytes)
    }

    /// Returns the mechanism of OAEP with its parameters. [`Error::MechanismUnsupported`] if the token ignores labels.
    pub(crate) fn oaep_mechanism<'a>(&self, Oaep { hash, mask, label }: Oaep<'a>) -> Result<Mechanism<'a>, Error> {
        if !label.is_empty() && self.maker.ignores_oaep_labels() {
            return Err(Error::MechanismUnsupported(quirk::NO_PARAMETERS));
        }
        let source = match label {
            [] => PkcsOaepSource::empty(),
            label => PkcsOaepSource::data_specified(label),
        };
        Ok(Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash.mechanism(), mask.mask_generator(), source)))
    }

    /// Decrypts by RSAES-OAEP with a token that has only raw RSA (CKM_RSA_X_509): the token computes the power, and the
    /// padding is removed here, in constant time. The key stays in the token.
    pub fn decrypt_rsa_raw(&self, key: &Key, oaep: Oaep<'_>, data: &[u8], bytes: usize) -> Result<Secret, Error> {
        let encoded = self.rsa(key, &Mechanism::RsaX509, data, bytes)?;
        if encoded.len() != bytes {
            return Err(Error::Binding(cryptoki::error::Error::InvalidValue));
        }
        oaep::remove(&encoded, oaep).ok_or(Error::DecryptionFailed)
    }

    fn rsa(&self, key: &Key, mechanism: &Mechanism<'_>, data: &[u8], bytes: usize) -> Result<Secret, Error> {
        if data.len() != bytes {
            return Err(Error::DecryptionFailed);
        }
        let handle = key.handle(self.generation)?;
        let functions = &self.module.functions;
        let decrypt = |session: &Session| functions.cipher(session, Direction::Decrypt, mechanism, handle, data, bytes);
        match self.read(|| self.try_work(decrypt), || self.decrypts(), |_| Error::DecryptionFailed) {
            Ok(plaintext) => Ok(Secret::new(plaintext)),
            // The length is right, so that a number above the modulus is the cause.
            Err(Error::DataInvalid(_)) => Err(Error::DecryptionFailed),
            Err(error) => Err(error),
        }
    }
}
