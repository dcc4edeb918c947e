//! Mapping of KMIP's cryptographic parameters to mechanisms of the HSM token.

use super::error::Error;
use super::object::Object;
use crate::custody::Mac;
use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, PaddingMethod};
use crate::kmip::payloads::MultiPart;

/// Length of a GCM tag in bytes if the request does not state it (NIST SP 800-38D section 5.2.1.2: the longest).
const TAG_BYTES: usize = 16;

/// Length in bytes of the IV that the server chooses for GCM (NIST SP 800-38D section 8.2.2).
pub(super) const GCM_IV: usize = 12;

/// Length in bytes of an AES block, and of the IV of CBC.
pub(super) const BLOCK: usize = 16;

/// The mode of AES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AesMode {
    /// GCM (NIST SP 800-38D).
    Gcm {
        /// Length of the tag in bytes: 12 to 16.
        tag_bytes: usize,
    },
    /// CBC with PKCS#5 padding, as PKCS#11's CKM_AES_CBC_PAD.
    CbcPadded,
    /// CBC without padding: whole blocks only.
    Cbc,
}

/// The first input of an AES encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// An IV that the server chooses at random.
    Fresh,
    /// An IV, nonce, counter or tweak that the caller chose.
    Chosen,
    /// The output of an earlier part of the same stream, which the caller has seen.
    Continued,
}

/// Whether encryption of this kind also allows the caller to decrypt. GCM and CTR decrypt what they encrypt if the IV
/// is repeated. A caller who chooses the value that a CBC block is XORed with can use AES as an oracle, block by block.
/// A mode that encrypts each block separately (ECB) would allow it with every first input.
pub(super) fn can_decrypt(mode: AesMode, beginning: Beginning) -> bool {
    match (mode, beginning) {
        (AesMode::Gcm { .. } | AesMode::CbcPadded | AesMode::Cbc, Beginning::Fresh) => false,
        (AesMode::Gcm { .. } | AesMode::CbcPadded | AesMode::Cbc, Beginning::Chosen) => true,
        (AesMode::CbcPadded | AesMode::Cbc, Beginning::Continued) => true,
        (AesMode::Gcm { .. }, Beginning::Continued) => false,
    }
}

/// Refuses an operation in several parts.
pub(super) fn check_whole(part: &MultiPart) -> Result<(), Error> {
    if part.is_partial() { Err(Error::Streaming) } else { Ok(()) }
}

/// The mode of the request; else that of the object's own parameters; else GCM.
pub(super) fn aes_mode(object: &Object, requested: Option<&CryptographicParameters>) -> Result<AesMode, Error> {
    if object.algorithm() != Some(CryptographicAlgorithm::AES) {
        return Err(Error::UnsupportedParameters("only AES keys encrypt and decrypt"));
    }
    let default = CryptographicParameters::default();
    let parameters = requested.or(object.attributes.cryptographic_parameters.first()).unwrap_or(&default);
    if parameters.cryptographic_algorithm.is_some_and(|named| named != CryptographicAlgorithm::AES) {
        return Err(Error::BadParameters("the CryptographicAlgorithm of the request is not that of the key"));
    }
    match parameters.block_cipher_mode.unwrap_or(BlockCipherMode::GCM) {
        BlockCipherMode::GCM | BlockCipherMode::AEAD => match parameters.padding_method {
            None | Some(PaddingMethod::None) => Ok(AesMode::Gcm { tag_bytes: tag_bytes(parameters.tag_length)? }),
            Some(_) => Err(Error::BadParameters("GCM takes no padding")),
        },
        BlockCipherMode::CBC => match parameters.padding_method {
            // A caller who does not name the padding rarely wants a mode that accepts only whole blocks.
            None | Some(PaddingMethod::PKCS5) => Ok(AesMode::CbcPadded),
            Some(PaddingMethod::None) => Ok(AesMode::Cbc),
            Some(_) => Err(Error::UnsupportedParameters("CBC is served with padding PKCS5 or None")),
        },
        _ => Err(Error::UnsupportedParameters("AES is served in modes GCM and CBC")),
    }
}

/// The length of a tag in bytes. The limits are checked here because SoftHSM accepts any length, even 0.
fn tag_bytes(requested: Option<i32>) -> Result<usize, Error> {
    match requested {
        None => Ok(TAG_BYTES),
        Some(bytes @ 12..=16) => usize::try_from(bytes).map_err(|_| Error::BadParameters("TagLength")),
        Some(_) => Err(Error::BadParameters("TagLength has 12 to 16 bytes")),
    }
}

/// The MAC of the request; else the one of the key's algorithm.
pub(super) fn mac(object: &Object, requested: Option<&CryptographicParameters>) -> Result<Mac, Error> {
    let algorithm = object.algorithm().ok_or(Error::UnsupportedParameters("the key has no algorithm"))?;
    let parameters = requested.or(object.attributes.cryptographic_parameters.first());
    if algorithm == CryptographicAlgorithm::AES {
        let mode = parameters.and_then(|parameters| parameters.block_cipher_mode);
        let hash = parameters.and_then(|parameters| parameters.hashing_algorithm);
        return match (mode, hash) {
            (None | Some(BlockCipherMode::CMAC), None) => Ok(Mac::AesCmac),
            _ => Err(Error::UnsupportedParameters("an AES key makes a CMAC, not an HMAC")),
        };
    }
    let named = parameters.and_then(|parameters| parameters.cryptographic_algorithm);
    let hash = parameters.and_then(|parameters| parameters.hashing_algorithm);
    match (hash, named) {
        (Some(hash), _) => hmac_of(hash),
        (None, Some(named)) => hmac(named),
        (None, None) => hmac(algorithm),
    }
    .ok_or(Error::UnsupportedParameters("HMAC is served with SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512"))
}

/// The HMAC mechanism of an algorithm.
pub(super) fn hmac(algorithm: CryptographicAlgorithm) -> Option<Mac> {
    match algorithm {
        CryptographicAlgorithm::HMAC_SHA1 => Some(Mac::HmacSha1),
        CryptographicAlgorithm::HMAC_SHA224 => Some(Mac::HmacSha224),
        CryptographicAlgorithm::HMAC_SHA256 => Some(Mac::HmacSha256),
        CryptographicAlgorithm::HMAC_SHA384 => Some(Mac::HmacSha384),
        CryptographicAlgorithm::HMAC_SHA512 => Some(Mac::HmacSha512),
        _ => None,
    }
}

/// The HMAC mechanism of a hash.
pub(super) fn hmac_of(hash: HashingAlgorithm) -> Option<Mac> {
    match hash {
        HashingAlgorithm::SHA_1 => Some(Mac::HmacSha1),
        HashingAlgorithm::SHA_224 => Some(Mac::HmacSha224),
        HashingAlgorithm::SHA_256 => Some(Mac::HmacSha256),
        HashingAlgorithm::SHA_384 => Some(Mac::HmacSha384),
        HashingAlgorithm::SHA_512 => Some(Mac::HmacSha512),
        _ => None,
    }
}
