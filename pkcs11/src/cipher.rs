//! The ciphers, their parameters, and what the token must not see.

use crate::bounds::Bounded;
use crate::error::{Error, InvalidInput};
use crate::parts::BLOCK;
use crate::raw::Direction;
use crate::secret_key::SecretKeyKind;

/// The longest IV for GCM, in bytes. PKCS#11 2.40 allows 256, OpenSSL 3 only 128. Tokens that are built on OpenSSL
/// answer CKR_DEVICE_ERROR to a longer IV, as Kryoptic does, or use 12 bytes of it without an error, so that two IVs
/// become the same nonce.
const LONGEST_GCM_IV: usize = 128;

/// Length in bytes of a DES block.
const DES_BLOCK: usize = 8;

/// The rule of a token for the IV of a GCM encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IvRule {
    /// The token takes any IV. It uses it, or makes one of its own.
    #[default]
    Any,
    /// The token takes only zeros, and makes an IV in place of them.
    Zeros,
}

/// A cipher with its parameters.
#[derive(Debug, Clone, Copy)]
pub enum Cipher<'a> {
    /// CKM_AES_GCM. The tag follows the ciphertext.
    AesGcm {
        /// 1 to 128 bytes; 12 are usual. An IV must not be used twice with one key.
        iv: &'a [u8],
        /// The additional data, which is authenticated and not encrypted.
        aad: &'a [u8],
        /// The length of the tag in bits: 96, 104, 112, 120 or 128.
        tag_bits: usize,
    },
    /// CKM_AES_CCM (NIST SP 800-38C). The tag follows the ciphertext.
    AesCcm {
        /// 7 to 13 bytes. With n bytes the text has less than 256^(15 - n) bytes. A nonce must not be used twice with one
        /// key.
        nonce: &'a [u8],
        /// The additional data, which is authenticated and not encrypted.
        aad: &'a [u8],
        /// The length of the tag in bytes: 4, 6, 8, 10, 12, 14 or 16.
        tag_bytes: usize,
    },
    /// CKM_AES_CBC_PAD, with PKCS#7 padding.
    AesCbcPad {
        /// The IV, which must be unpredictable for each encryption.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_CBC of whole blocks.
    AesCbc {
        /// The IV, which must be unpredictable for each encryption.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_CTR, with all 128 bits as the counter. SoftHSM refuses data during which the counter would overflow
    /// ([`Error::DataInvalid`]).
    AesCtr {
        /// The first counter block. The key must not be used twice with this block or the blocks that follow from it.
        counter: &'a [u8; 16],
    },
    /// CKM_AES_CFB128, or the same made of CBC and ECB inside the token.
    AesCfb {
        /// The IV, which must be unpredictable for each encryption.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_OFB, or the same made of CBC inside the token.
    AesOfb {
        /// The IV, which must not be used twice with one key.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_ECB of whole blocks. It reveals which blocks are equal, so it is only for protocols that require it.
    AesEcb,
    /// The same with PKCS#7 padding, for which PKCS#11 has no mechanism. The padding is added and removed outside of the
    /// token.
    AesEcbPad,
    /// CKM_CHACHA20 (RFC 8439 section 2.4).
    ChaCha20 {
        /// The nonce. The key must not be used twice with the same nonce and counter.
        nonce: &'a [u8; 12],
        /// The counter of the first block of 64 bytes.
        counter: u32,
    },
    /// CKM_CHACHA20_POLY1305 (RFC 8439 section 2.8). The tag follows the ciphertext. PKCS#11 has only tags of 16 bytes: a
    /// shorter one is the beginning of that tag, and to decrypt with it the key must permit encryption too.
    ChaCha20Poly1305 {
        /// The nonce, which must not be used twice with one key.
        nonce: &'a [u8; 12],
        /// The additional data, which is authenticated and not encrypted.
        aad: &'a [u8],
        /// The length of the tag in bytes: 12 to 16.
        tag_bytes: usize,
    },
    /// CKM_DES3_CBC_PAD, with PKCS#7 padding.
    Des3CbcPad {
        /// The IV, which must be unpredictable for each encryption.
        iv: &'a [u8; 8],
    },
    /// CKM_DES3_CBC of whole blocks.
    Des3Cbc {
        /// The IV, which must be unpredictable for each encryption.
        iv: &'a [u8; 8],
    },
    /// CKM_DES3_ECB of whole blocks.
    Des3Ecb,
    /// The same with PKCS#7 padding, as [`Self::AesEcbPad`].
    Des3EcbPad,
}

impl Cipher<'_> {
    /// Returns the name of the algorithm and mode.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AesGcm { .. } => "AES-GCM",
            Self::AesCcm { .. } => "AES-CCM",
            Self::AesCbcPad { .. } | Self::AesCbc { .. } => "AES-CBC",
            Self::AesCtr { .. } => "AES-CTR",
            Self::AesCfb { .. } => "AES-CFB",
            Self::AesOfb { .. } => "AES-OFB",
            Self::AesEcb | Self::AesEcbPad => "AES-ECB",
            Self::ChaCha20 { .. } => "ChaCha20",
            Self::ChaCha20Poly1305 { .. } => "ChaCha20-Poly1305",
            Self::Des3CbcPad { .. } | Self::Des3Cbc { .. } => "3DES-CBC",
            Self::Des3Ecb | Self::Des3EcbPad => "3DES-ECB",
        }
    }

    /// Whether a key of this kind fits. The token does not check this reliably: Kryoptic wraps keys with a generic
    /// secret as if it were AES.
    pub fn takes(&self, kind: SecretKeyKind) -> bool {
        matches!(
            (self, kind),
            (Self::ChaCha20 { .. } | Self::ChaCha20Poly1305 { .. }, SecretKeyKind::ChaCha20)
                | (
                    Self::Des3CbcPad { .. } | Self::Des3Cbc { .. } | Self::Des3Ecb | Self::Des3EcbPad,
                    SecretKeyKind::Des3 { .. }
                )
                | (
                    Self::AesGcm { .. }
                        | Self::AesCcm { .. }
                        | Self::AesCbcPad { .. }
                        | Self::AesCbc { .. }
                        | Self::AesCtr { .. }
                        | Self::AesCfb { .. }
                        | Self::AesOfb { .. }
                        | Self::AesEcb
                        | Self::AesEcbPad,
                    SecretKeyKind::Aes { .. }
                )
        )
    }

    /// Returns the length in bytes of the tag of an authenticating cipher.
    pub fn tag_bytes(&self) -> Option<usize> {
        match self {
            Self::AesGcm { tag_bits, .. } => Some(tag_bits / 8),
            Self::AesCcm { tag_bytes, .. } | Self::ChaCha20Poly1305 { tag_bytes, .. } => Some(*tag_bytes),
            _ => None,
        }
    }

    /// Returns the length in bytes of the blocks that padding fills, or of which unpadded data consists; `None` for a
    /// cipher that takes any length.
    fn block(&self) -> Option<usize> {
        match self {
            Self::AesCbcPad { .. } | Self::AesCbc { .. } | Self::AesEcb | Self::AesEcbPad => Some(BLOCK),
            Self::Des3CbcPad { .. } | Self::Des3Cbc { .. } | Self::Des3Ecb | Self::Des3EcbPad => Some(DES_BLOCK),
            _ => None,
        }
    }

    fn is_padded(&self) -> bool {
        matches!(self, Self::AesCbcPad { .. } | Self::Des3CbcPad { .. }) || self.padded_outside().is_some()
    }

    /// Returns the block length of a cipher whose padding is added and removed outside of the token.
    pub(crate) fn padded_outside(&self) -> Option<usize> {
        match self {
            Self::AesEcbPad => Some(BLOCK),
            Self::Des3EcbPad => Some(DES_BLOCK),
            _ => None,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        match self {
            Self::AesGcm { iv, .. } if iv.is_empty() || iv.len() > LONGEST_GCM_IV => {
                Err(Error::InvalidInput(InvalidInput::Iv))
            }
            Self::AesGcm { tag_bits, .. } if !matches!(tag_bits, 96 | 104 | 112 | 120 | 128) => {
                Err(Error::InvalidInput(InvalidInput::Tag))
            }
            Self::AesCcm { nonce, .. } if !(7..=13).contains(&nonce.len()) => {
                Err(Error::InvalidInput(InvalidInput::CcmNonce))
            }
            Self::AesCcm { tag_bytes, .. } if !matches!(tag_bytes, 4 | 6 | 8 | 10 | 12 | 14 | 16) => {
                Err(Error::InvalidInput(InvalidInput::CcmTag))
            }
            Self::ChaCha20Poly1305 { tag_bytes, .. } if !(12..=16).contains(tag_bytes) => {
                Err(Error::InvalidInput(InvalidInput::Poly1305Tag))
            }
            _ => Ok(()),
        }
    }

    /// Refuses texts whose length is wrong, without calling the device.
    pub(crate) fn validate_plaintext(&self, data: &[u8]) -> Result<(), Error> {
        match (self, self.block()) {
            // The length of the text is encoded in 15 - n bytes (NIST SP 800-38C, A.1).
            (Self::AesCcm { nonce, .. }, _) if nonce.len() == 13 && data.len() > usize::from(u16::MAX) => {
                Err(Error::InvalidInput(InvalidInput::CcmLength))
            }
            (_, Some(block)) if !self.is_padded() && !data.len().is_multiple_of(block) => {
                Err(Error::InvalidInput(InvalidInput::BlockLength))
            }
            _ => Ok(()),
        }
    }

    /// Refuses ciphertexts whose length is wrong, without calling the device.
    pub(crate) fn validate_ciphertext(&self, data: &[u8]) -> Result<(), Error> {
        match (self.tag_bytes(), self.block()) {
            (Some(tag_bytes), _) if data.len() < tag_bytes => Err(Error::DecryptionFailed),
            (_, Some(block)) if self.is_padded() && (data.is_empty() || !data.len().is_multiple_of(block)) => {
                Err(Error::DecryptionFailed)
            }
            (Some(_), _) => Ok(()),
            _ => self.validate_plaintext(data),
        }
    }

    /// Returns the bound that applies to this cipher.
    pub fn bounded(&self) -> Bounded {
        if self.tag_bytes().is_some() { Bounded::Gcm } else { Bounded::Blocks }
    }

    /// Whether `length` bytes of data fit into one call if the token takes `most` bytes.
    pub fn fits(&self, direction: Direction, length: usize, most: usize) -> bool {
        self.measured(direction, length) <= most
    }

    /// Returns the length that counts against the bound: of the text without the tag, and of the padded text with
    /// padding. A keystream has whole blocks.
    pub(crate) fn measured(&self, direction: Direction, length: usize) -> usize {
        match (direction, self.block()) {
            (Direction::Decrypt, _) if self.tag_bytes().is_some() => {
                length.saturating_sub(self.tag_bytes().unwrap_or_default())
            }
            (Direction::Encrypt, Some(block)) if self.is_padded() => length - length % block + block,
            _ if matches!(self, Self::AesCfb { .. } | Self::AesOfb { .. }) => length.next_multiple_of(BLOCK),
            _ => length,
        }
    }
}
