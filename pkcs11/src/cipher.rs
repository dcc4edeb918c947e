//! AES as a cipher: GCM, CBC, CTR and ECB.

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use zeroize::Zeroizing;

use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::Key;
use crate::raw::{Direction, Functions};
use crate::secret::Secret;

/// Bytes of an AES block.
const BLOCK: usize = 16;

/// Longest IV for GCM, in bytes. PKCS#11 2.40 allows 256, OpenSSL 3 half of that: tokens that are built on it say CKR_DEVICE_ERROR
/// to a longer one, as Kryoptic does, or use 12 bytes of it without a word, so that two are one nonce.
const LONGEST_GCM_IV: usize = 128;

/// A mode of AES with its parameters.
#[derive(Debug, Clone, Copy)]
pub enum Cipher<'a> {
    /// CKM_AES_GCM; the tag stands at the end of the ciphertext.
    AesGcm {
        /// 1 to 128 bytes, 12 if in doubt; never twice with one key.
        iv: &'a [u8],
        /// Authenticated, not encrypted.
        aad: &'a [u8],
        /// 96, 104, 112, 120 or 128.
        tag_bits: usize,
    },
    /// CKM_AES_CBC_PAD, with the padding of PKCS#7.
    AesCbcPad {
        /// Unpredictable for each encryption.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_CBC of whole blocks.
    AesCbc {
        /// Unpredictable for each encryption.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_CTR, all 128 bits counting. SoftHSM refuses data over which the counter would begin again
    /// ([`Error::DataInvalid`]).
    AesCtr {
        /// The first counter block; the key must never see any of the blocks that follow from it twice.
        counter: &'a [u8; 16],
    },
    /// CKM_AES_ECB of whole blocks. It shows which blocks are equal: for the protocol that asks for it, not for data.
    AesEcb,
}

impl Cipher<'_> {
    fn validate(&self) -> Result<(), Error> {
        match self {
            Self::AesGcm { iv, .. } if iv.is_empty() || iv.len() > LONGEST_GCM_IV => {
                Err(Error::InvalidInput(InvalidInput::Iv))
            }
            Self::AesGcm { tag_bits, .. } if !matches!(tag_bits, 96 | 104 | 112 | 120 | 128) => {
                Err(Error::InvalidInput(InvalidInput::Tag))
            }
            _ => Ok(()),
        }
    }

    fn validate_plaintext(&self, data: &[u8]) -> Result<(), Error> {
        match self {
            Self::AesCbc { .. } | Self::AesEcb if !data.len().is_multiple_of(BLOCK) => {
                Err(Error::InvalidInput(InvalidInput::BlockLength))
            }
            _ => Ok(()),
        }
    }

    /// Ciphertexts that are wrong by their length alone are refused here, without asking the device.
    fn validate_ciphertext(&self, data: &[u8]) -> Result<(), Error> {
        match self {
            Self::AesGcm { tag_bits, .. } if data.len() < tag_bits / 8 => Err(Error::DecryptionFailed),
            Self::AesCbcPad { .. } if data.is_empty() || !data.len().is_multiple_of(BLOCK) => {
                Err(Error::DecryptionFailed)
            }
            other => other.validate_plaintext(data),
        }
    }

    /// Runs the cipher in `session`.
    fn run(
        &self,
        functions: &Functions,
        session: &Session,
        direction: Direction,
        key: ObjectHandle,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, cryptoki::error::Error> {
        // What a cipher adds is a block at most.
        let room = data.len() + BLOCK;
        let run = |mechanism: &Mechanism<'_>| functions.cipher(session, direction, mechanism, key, data, room);
        match self {
            Self::AesGcm { iv, aad, tag_bits } => {
                let mut iv = iv.to_vec();
                let tag_bits = Ulong::try_from(*tag_bits)?;
                run(&Mechanism::AesGcm(GcmParams::new(&mut iv, aad, tag_bits)?))
            }
            Self::AesCbcPad { iv } => run(&Mechanism::AesCbcPad(**iv)),
            Self::AesCbc { iv } => run(&Mechanism::AesCbc(**iv)),
            Self::AesEcb => run(&Mechanism::AesEcb),
            Self::AesCtr { counter } => functions.counter_mode(session, direction, key, counter, data),
        }
    }
}

impl Device {
    /// Encrypts `data` in one piece: two calls, C_EncryptInit and C_Encrypt.
    pub fn encrypt(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        cipher.validate()?;
        cipher.validate_plaintext(data)?;
        let mut ciphertext = self.cipher(key, cipher, Direction::Encrypt, data)?;
        Ok(std::mem::take(&mut *ciphertext))
    }

    /// Decrypts `data` in one piece. [`Error::DecryptionFailed`] is one answer for all that can be wrong with the data. Where the token
    /// says that by a value that may mean the device, too, as SoftHSM does, the device has to decrypt something else first.
    pub fn decrypt(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Secret, Error> {
        cipher.validate()?;
        cipher.validate_ciphertext(data)?;
        match self.cipher(key, cipher, Direction::Decrypt, data) {
            Ok(plaintext) => Ok(Secret::new(plaintext)),
            Err(Error::Device(answer)) if self.maker.means_damaged_data(answer) => {
                let is_the_device = self.maker.may_be_the_device(answer) && !self.decrypts()?;
                Err(if is_the_device { self.fault(answer) } else { Error::DecryptionFailed })
            }
            Err(other) => Err(other),
        }
    }

    pub(crate) fn cipher(
        &self,
        key: &Key,
        cipher: &Cipher<'_>,
        direction: Direction,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let key = key.handle(self.generation)?;
        self.work(|session| cipher.run(&self.module.functions, session, direction, key, data))
    }
}
