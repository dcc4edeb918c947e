//! Mapping of KMIP's cryptographic parameters to the MACs of the HSM token.

use super::error::Error;
use super::object::Object;
use crate::custody::{Mac, Optional};
use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm};

/// The MAC of the request; else the one of the key's algorithm. An AES key makes a CMAC, or an HMAC if the parameters name a
/// hash.
pub(super) fn mac(object: &Object, requested: Option<&CryptographicParameters>) -> Result<Mac, Error> {
    let algorithm = object.algorithm().ok_or(Error::UnsupportedParameters("the key has no algorithm"))?;
    let parameters = requested.or(object.attributes.cryptographic_parameters.first());
    let named = parameters.and_then(|parameters| parameters.cryptographic_algorithm);
    let hash = parameters.and_then(|parameters| parameters.hashing_algorithm);
    if algorithm == CryptographicAlgorithm::AES {
        let mode = parameters.and_then(|parameters| parameters.block_cipher_mode);
        return match (mode, hash, named.filter(|named| *named != CryptographicAlgorithm::AES)) {
            (None | Some(BlockCipherMode::CMAC), None, None) => Some(Mac::AesCmac),
            (None, Some(hash), None) => hmac_of(hash),
            (None, None, Some(named)) => hmac(named),
            _ => return Err(Error::UnsupportedParameters("an AES key makes a CMAC, or an HMAC with HashingAlgorithm")),
        }
        .ok_or(Error::UnsupportedParameters(HASHES));
    }
    if is_unused(algorithm) {
        return Err(Error::UnsupportedParameters("keys of this algorithm are kept and given back only"));
    }
    match (hash, named) {
        (Some(hash), _) => hmac_of(hash),
        (None, Some(named)) => hmac(named),
        (None, None) => hmac(algorithm),
    }
    .ok_or(Error::UnsupportedParameters(HASHES))
}

const HASHES: &str = "HMAC is served with SHA-1, SHA-224 to SHA-512, SHA-512/224, SHA-512/256 and SHA-3";

/// Whether keys of the algorithm are symmetric keys that no HSM uses here: they are made in it, kept and given back.
pub(super) fn is_unused(algorithm: CryptographicAlgorithm) -> bool {
    use CryptographicAlgorithm as A;
    matches!(
        algorithm,
        A::Blowfish
            | A::Camellia
            | A::CAST5
            | A::IDEA
            | A::MARS
            | A::RC2
            | A::RC4
            | A::RC5
            | A::SKIPJACK
            | A::Twofish
            | A::ARIA
            | A::SEED
            | A::SM4
            | A::GOSTR34_13_2015
            | A::GOST28147_89
    )
}

/// The HMAC mechanism of an algorithm.
pub(super) fn hmac(algorithm: CryptographicAlgorithm) -> Option<Mac> {
    match algorithm {
        CryptographicAlgorithm::HMAC_SHA1 => Some(Mac::HmacSha1),
        CryptographicAlgorithm::HMAC_SHA224 => Some(Mac::HmacSha224),
        CryptographicAlgorithm::HMAC_SHA256 => Some(Mac::HmacSha256),
        CryptographicAlgorithm::HMAC_SHA384 => Some(Mac::HmacSha384),
        CryptographicAlgorithm::HMAC_SHA512 => Some(Mac::HmacSha512),
        CryptographicAlgorithm::HMAC_SHA3_224 => Some(Mac::HmacSha3_224),
        CryptographicAlgorithm::HMAC_SHA3_256 => Some(Mac::HmacSha3_256),
        CryptographicAlgorithm::HMAC_SHA3_384 => Some(Mac::HmacSha3_384),
        CryptographicAlgorithm::HMAC_SHA3_512 => Some(Mac::HmacSha3_512),
        CryptographicAlgorithm::HMAC_MD5 => Some(Mac::HmacMd5),
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
        HashingAlgorithm::SHA_512_224 => Some(Mac::HmacSha512_224),
        HashingAlgorithm::SHA_512_256 => Some(Mac::HmacSha512_256),
        HashingAlgorithm::SHA3_224 => Some(Mac::HmacSha3_224),
        HashingAlgorithm::SHA3_256 => Some(Mac::HmacSha3_256),
        HashingAlgorithm::SHA3_384 => Some(Mac::HmacSha3_384),
        HashingAlgorithm::SHA3_512 => Some(Mac::HmacSha3_512),
        HashingAlgorithm::MD5 => Some(Mac::HmacMd5),
        _ => None,
    }
}

/// The name of an algorithm that is used only if the operator allows it; `None` for the others.
pub(super) fn legacy(algorithm: CryptographicAlgorithm) -> Option<&'static str> {
    match algorithm {
        CryptographicAlgorithm::DES3 => Some("3DES"),
        CryptographicAlgorithm::HMAC_MD5 => Some("HMAC-MD5"),
        _ => None,
    }
}

/// The algorithm of keys that not every HSM token has; `None` for the others.
pub(super) fn optional(algorithm: CryptographicAlgorithm) -> Option<Optional> {
    match algorithm {
        CryptographicAlgorithm::ChaCha20 => Some(Optional::ChaCha20),
        CryptographicAlgorithm::ChaCha20Poly1305 => Some(Optional::ChaCha20Poly1305),
        CryptographicAlgorithm::DES3 => Some(Optional::Des3),
        _ => None,
    }
}
