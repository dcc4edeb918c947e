//! Encryption and decryption in the token, in one piece.

use cryptoki::session::Session;
use zeroize::Zeroizing;

use crate::cipher::{Cipher, IvRule};
use crate::device::Device;
use crate::error::Error;
use crate::key::Key;
use crate::mode::{LONGEST_OWN_IV, Output, run, unpad};
use crate::raw::Direction;
use crate::secret::Secret;
use crate::secret_key::{SecretKeyKind, SecretKeySpec, Uses};

/// A ciphertext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// The ciphertext. For GCM, it ends with the tag.
    pub data: Vec<u8>,
    /// The IV for GCM that the token used instead of the given one. It is needed for decryption.
    pub own_iv: Option<Vec<u8>>,
}

impl Device {
    /// Encrypts `data` in one piece, by two calls: C_EncryptInit and C_Encrypt. [`Error::OwnIv`] if the token used
    /// another IV for GCM than that of `cipher`. [`Error::TooLong`], without a call, if the data is longer than the
    /// token takes in one call.
    pub fn encrypt(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.within_bounds(cipher, Direction::Encrypt, data)?;
        let Encrypted { data, own_iv } = self.seal_by(key, cipher, data)?;
        if own_iv.is_some() { Err(Error::OwnIv) } else { Ok(data) }
    }

    /// Like [`Self::encrypt`], if the caller did not choose the IV for GCM. The token may make an IV of its own: it
    /// writes it into the parameter (AWS CloudHSM), or behind the tag (Luna and ProtectServer in FIPS mode).
    /// [`Error::OwnIv`] if the given IV was zeros and the token made none, because zeros are not a valid IV.
    pub fn encrypt_afresh(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        self.within_bounds(cipher, Direction::Encrypt, data)?;
        let encrypted = self.seal_by(key, cipher, data)?;
        match cipher {
            Cipher::AesGcm { iv, .. } if encrypted.own_iv.is_none() && iv.iter().all(|byte| *byte == 0) => {
                Err(Error::OwnIv)
            }
            _ => Ok(encrypted),
        }
    }

    /// Encrypts without checking the bound.
    pub(crate) fn seal_by(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        cipher.validate()?;
        cipher.validate_plaintext(data)?;
        let key = key.handle(self.generation)?;
        let encrypt = |session: &Session| run(cipher, &self.module.functions, session, Direction::Encrypt, key, data);
        let Output { mut bytes, mut own_iv } = self.work(encrypt)?;
        if let Cipher::AesGcm { tag_bits, .. } = cipher {
            let length = data.len() + tag_bits / 8;
            match bytes.len().checked_sub(length) {
                Some(0) => {}
                Some(12..=LONGEST_OWN_IV) if own_iv.is_none() => own_iv = Some(bytes.split_off(length)),
                _ => return Err(Error::Binding(cryptoki::error::Error::InvalidValue)),
            }
        }
        Ok(Encrypted { data: std::mem::take(&mut *bytes), own_iv })
    }

    /// Finds the token's rule for GCM IVs: see [`crate::Token::iv_rule`]. Returns the ciphertext of `text` and the IV
    /// that the token was given.
    pub(crate) fn find_iv_rule(&self, key: &Key, aad: &[u8], text: &[u8]) -> Result<(Encrypted, [u8; 12]), Error> {
        let seal = |iv: [u8; 12], rule| {
            let sealed = self.encrypt_afresh(key, &Cipher::AesGcm { iv: &iv, aad, tag_bits: 128 }, text)?;
            self.module.set_iv_rule(rule);
            Ok((sealed, iv))
        };
        // Some tokens take only zeros, and make an IV in place of them.
        seal([5; 12], IvRule::Any).or_else(|refused| seal([0; 12], IvRule::Zeros).map_err(|_: Error| refused))
    }

    /// Finds the IV rule again, because the token may be another one or in another mode.
    pub fn learn_iv_rule(&self) -> Result<(), Error> {
        let kind = SecretKeyKind::Aes { bytes: 32 };
        let key = self.generate(&SecretKeySpec { kind, sensitive: true, extractable: false, uses: Uses::CIPHER })?;
        self.find_iv_rule(&key, b"", b"").map(drop)
    }

    /// Returns an IV for GCM for a key of the server's own that encrypts only once.
    pub(crate) fn only_iv(&self) -> &'static [u8] {
        match self.module.iv_rule() {
            IvRule::Any => &[1; 12],
            IvRule::Zeros => &[0; 12],
        }
    }

    /// Decrypts a ciphertext that cannot be damaged, of a cipher whose padding the token removes, without checking the bound.
    pub(crate) fn decipher(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let key = key.handle(self.generation)?;
        let decrypt = |session: &Session| run(cipher, &self.module.functions, session, Direction::Decrypt, key, data);
        Ok(self.work(decrypt)?.bytes)
    }

    /// Decrypts `data` in one piece. [`Error::DecryptionFailed`] is the only error for damaged data, whatever is wrong
    /// with it. If the token gives an answer that may also mean a failing device, as SoftHSM does, the device must
    /// first decrypt something else. [`Error::TooLong`], without a call, if the data is longer than the token takes in
    /// one call.
    pub fn decrypt(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Secret, Error> {
        cipher.validate()?;
        cipher.validate_ciphertext(data)?;
        self.within_bounds(cipher, Direction::Decrypt, data)?;
        let key = key.handle(self.generation)?;
        let decrypt = |session: &Session| run(cipher, &self.module.functions, session, Direction::Decrypt, key, data);
        match self.read(|| self.try_work(decrypt), || self.decrypts(), |_| Error::DecryptionFailed) {
            Ok(plaintext) => match cipher.padded_outside() {
                Some(block) => unpad(plaintext.bytes, block).map(Secret::new),
                None => Ok(Secret::new(plaintext.bytes)),
            },
            // The length is wrong, because it is within the bound.
            Err(Error::DataInvalid(_)) => Err(Error::DecryptionFailed),
            Err(error) => Err(error),
        }
    }

    /// Refuses data that is above the bound.
    fn within_bounds(&self, cipher: &Cipher<'_>, direction: Direction, data: &[u8]) -> Result<(), Error> {
        self.module.bounds.refuse(cipher.bounded(), cipher.measured(direction, data.len()))
    }
}
