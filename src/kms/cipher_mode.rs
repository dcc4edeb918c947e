//! Mapping of KMIP's cryptographic parameters to the ciphers of the HSM token.

use super::cipher_fault::CipherFault;
use super::error::Error;
use super::object::Object;
use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{BlockCipherMode, CryptographicAlgorithm, PaddingMethod};

/// Length of a tag in bytes if the request does not state it (NIST SP 800-38D section 5.2.1.2: the longest).
const TAG_BYTES: usize = 16;

/// A cipher and its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// GCM (NIST SP 800-38D).
    Gcm {
        /// Length of the tag in bytes: 12 to 16.
        tag_bytes: usize,
    },
    /// CCM (NIST SP 800-38C).
    Ccm {
        /// Length of the tag in bytes: 4, 6, 8, 10, 12, 14 or 16.
        tag_bytes: usize,
    },
    /// CBC, of whole blocks or with PKCS#5 padding.
    Cbc {
        /// Whether it is padded.
        padded: bool,
    },
    /// ECB, of whole blocks or with PKCS#5 padding.
    Ecb {
        /// Whether it is padded.
        padded: bool,
    },
    /// CTR.
    Ctr,
    /// CFB with 128 bits.
    Cfb,
    /// OFB.
    Ofb,
    /// ChaCha20 (RFC 8439).
    ChaCha20,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305 {
        /// Length of the tag in bytes: 12 to 16.
        tag_bytes: usize,
    },
    /// CBC of 3DES.
    Des3Cbc {
        /// Whether it is padded.
        padded: bool,
    },
    /// ECB of 3DES.
    Des3Ecb {
        /// Whether it is padded.
        padded: bool,
    },
}

/// The first input of an encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// An IV that the server chooses at random.
    Fresh,
    /// An IV, nonce, counter or tweak that the caller chose.
    Chosen,
    /// The output of an earlier part of the same stream, which the caller has seen.
    Continued,
}

/// Whether encryption of this kind also allows the caller to decrypt. Modes that XOR the text with a keystream decrypt
/// what they encrypt if the IV is repeated. A caller who chooses the value that a CBC block is XORed with can use the
/// cipher as an oracle, block by block; in CFB, the caller sees the block that the next one follows. A mode that encrypts
/// each block separately (ECB) allows it with every first input. A keystream that does not depend on the text continues
/// as the server chose it.
pub(super) fn can_decrypt(mode: Mode, beginning: Beginning) -> bool {
    let (fresh, continued) = match mode {
        Mode::Ecb { .. } | Mode::Des3Ecb { .. } => (true, true),
        Mode::Cbc { .. } | Mode::Cfb | Mode::Des3Cbc { .. } => (false, true),
        Mode::Gcm { .. }
        | Mode::Ccm { .. }
        | Mode::Ctr
        | Mode::Ofb
        | Mode::ChaCha20
        | Mode::ChaCha20Poly1305 { .. } => (false, false),
    };
    match beginning {
        Beginning::Fresh => fresh,
        Beginning::Chosen => true,
        Beginning::Continued => continued,
    }
}

impl Mode {
    /// The mode of the request; else that of the object's own parameters; else GCM for AES, and CBC for 3DES.
    pub(super) fn of(object: &Object, parameters: &CryptographicParameters) -> Result<Self, Error> {
        let algorithm = object.algorithm().ok_or(Error::UnsupportedParameters("the key has no algorithm"))?;
        if parameters.cryptographic_algorithm.is_some_and(|named| named != algorithm) {
            return Err(Error::BadParameters("the CryptographicAlgorithm of the request is not that of the key"));
        }
        match algorithm {
            CryptographicAlgorithm::AES => Self::of_aes(parameters),
            CryptographicAlgorithm::DES3 => match parameters.block_cipher_mode.unwrap_or(BlockCipherMode::CBC) {
                BlockCipherMode::CBC => Ok(Self::Des3Cbc { padded: is_padded(parameters, true)? }),
                BlockCipherMode::ECB => Ok(Self::Des3Ecb { padded: is_padded(parameters, false)? }),
                _ => Err(Error::UnsupportedParameters("3DES is served in modes CBC and ECB")),
            },
            CryptographicAlgorithm::ChaCha20 => match parameters.block_cipher_mode {
                None => unpadded(parameters, Self::ChaCha20),
                Some(_) => Err(Error::BadParameters("ChaCha20 has no BlockCipherMode: leave it out")),
            },
            CryptographicAlgorithm::ChaCha20Poly1305 => match parameters.block_cipher_mode {
                None | Some(BlockCipherMode::AEAD) => {
                    let tag_bytes = tag_bytes(parameters.tag_length, 12)?;
                    unpadded(parameters, Self::ChaCha20Poly1305 { tag_bytes })
                }
                Some(_) => Err(Error::BadParameters("ChaCha20-Poly1305 has no BlockCipherMode but AEAD")),
            },
            _ => Err(Error::UnsupportedParameters("only keys for AES, ChaCha20 and 3DES encrypt and decrypt")),
        }
    }

    fn of_aes(parameters: &CryptographicParameters) -> Result<Self, Error> {
        match parameters.block_cipher_mode.unwrap_or(BlockCipherMode::GCM) {
            BlockCipherMode::GCM | BlockCipherMode::AEAD => {
                unpadded(parameters, Self::Gcm { tag_bytes: tag_bytes(parameters.tag_length, 12)? })
            }
            BlockCipherMode::CCM => unpadded(parameters, Self::Ccm { tag_bytes: tag_bytes(parameters.tag_length, 4)? }),
            // A caller who does not name the padding rarely wants a mode that accepts only whole blocks.
            BlockCipherMode::CBC => Ok(Self::Cbc { padded: is_padded(parameters, true)? }),
            // The standard's test cases name no padding for whole blocks.
            BlockCipherMode::ECB => Ok(Self::Ecb { padded: is_padded(parameters, false)? }),
            BlockCipherMode::CTR => unpadded(parameters, Self::Ctr),
            BlockCipherMode::CFB => unpadded(parameters, Self::Cfb),
            BlockCipherMode::OFB => unpadded(parameters, Self::Ofb),
            _ => Err(Error::UnsupportedParameters("AES is served in modes GCM, CCM, CBC, ECB, CTR, CFB and OFB")),
        }
    }

    /// The length of its tag in bytes; `None` if it has no tag.
    pub(super) const fn tag_bytes(self) -> Option<usize> {
        match self {
            Self::Gcm { tag_bytes } | Self::Ccm { tag_bytes } | Self::ChaCha20Poly1305 { tag_bytes } => Some(tag_bytes),
            Self::Cbc { .. }
            | Self::Ecb { .. }
            | Self::Ctr
            | Self::Cfb
            | Self::Ofb
            | Self::ChaCha20
            | Self::Des3Cbc { .. }
            | Self::Des3Ecb { .. } => None,
        }
    }

    /// The same mode for a ciphertext with this tag.
    ///
    /// # Errors
    /// The tag does not have a length of the mode. A tag that is shorter than 16 bytes must be stated, except for GCM.
    pub(super) fn with_tag(self, length: usize, stated: Option<i32>) -> Result<Self, Error> {
        if stated.is_some_and(|stated| usize::try_from(stated) != Ok(length)) {
            return Err(Error::BadParameters("TagLength is not the length of the tag"));
        }
        match self {
            Self::Gcm { .. } => Ok(Self::Gcm { tag_bytes: length }),
            Self::Ccm { tag_bytes } | Self::ChaCha20Poly1305 { tag_bytes } if tag_bytes == length => Ok(self),
            _ => Err(Error::BadParameters("the tag has not 16 bytes: state its length as TagLength")),
        }
    }
}

fn unpadded(parameters: &CryptographicParameters, mode: Mode) -> Result<Mode, Error> {
    match parameters.padding_method {
        None | Some(PaddingMethod::None) => Ok(mode),
        Some(_) => {
            Err(Error::BadParameters("this mode takes data of any length and no padding: leave PaddingMethod out"))
        }
    }
}

fn is_padded(parameters: &CryptographicParameters, default: bool) -> Result<bool, Error> {
    match parameters.padding_method {
        None => Ok(default),
        Some(PaddingMethod::PKCS5) => Ok(true),
        Some(PaddingMethod::None) => Ok(false),
        Some(_) => Err(Error::UnsupportedParameters("CBC and ECB are served with padding PKCS5 or None")),
    }
}

/// The length of a tag in bytes. The limits are checked here because SoftHSM accepts any length, even 0.
fn tag_bytes(requested: Option<i32>, least: usize) -> Result<usize, Error> {
    let bytes = requested.map_or(Ok(TAG_BYTES), usize::try_from).unwrap_or_default();
    // All lengths of CCM are even (NIST SP 800-38C, A.1).
    if (least..=TAG_BYTES).contains(&bytes) && (least == 12 || bytes.is_multiple_of(2)) {
        return Ok(bytes);
    }
    Err(Error::from(CipherFault::TagLength(if least == 12 {
        "the tag of GCM and ChaCha20-Poly1305 has 12 to 16 bytes"
    } else {
        "the tag of CCM has 4, 6, 8, 10, 12, 14 or 16 bytes"
    })))
}
