//! The parameters of a derivation, as those of the HSM token.

use std::collections::HashSet;

use super::error::Error;
use super::key_formats::point_of;
use super::key_pair::pair_kind;
use super::object::Object;
use super::{first_input, mechanism};
use crate::custody::{Derivation, Mac};
use crate::kmip::Tag;
use crate::kmip::enumerations::{BlockCipherMode, CryptographicAlgorithm, DerivationMethod, HashingAlgorithm};
use crate::kmip::payloads::derive_key::DerivationParameters;

/// The derivation of a key of this length, in bytes. Of ECDH, the data is the point that [`shared_with`] returns.
///
/// # Errors
/// The parameters are not those of the method, or the method is not served.
pub(super) fn of<'a>(
    base: &Object,
    method: DerivationMethod,
    parameters: &'a DerivationParameters,
    data: &'a [u8],
    bytes: usize,
) -> Result<Derivation<'a>, Error> {
    if base.kind.is_private() && method != DerivationMethod::AsymmetricKey {
        return Err(Error::BadParameters("the DerivationMethod of a private key is AsymmetricKey"));
    }
    let hash = parameters.cryptographic_parameters.as_ref().and_then(|chosen| chosen.hashing_algorithm);
    let is_aes = base.algorithm() == Some(CryptographicAlgorithm::AES);
    let prf = || match data {
        [] => Err(Error::Missing(Tag::DerivationData)),
        _ if is_aes && hash.is_none() => Ok(Mac::AesCmac),
        _ => hmac(hash),
    };
    match method {
        DerivationMethod::ENCRYPT if is_aes => encryption(parameters, data, bytes),
        DerivationMethod::ENCRYPT => Err(Error::UnsupportedParameters("derivation by ENCRYPT needs an AES key")),
        DerivationMethod::HKDF => {
            check_whole(base)?;
            let salt = parameters.salt.as_ref().map_or(&[][..], |salt| salt.as_slice());
            Ok(Derivation::Hkdf { hmac: hmac(hash)?, salt, info: data })
        }
        DerivationMethod::NIST800_108_C => Ok(Derivation::Counter { prf: prf()?, input: data }),
        DerivationMethod::NIST800_108_F => {
            let iv = parameters.initialization_vector.as_ref().map_or(&[][..], |iv| iv.as_slice());
            Ok(Derivation::Feedback { prf: prf()?, iv, input: data })
        }
        DerivationMethod::HASH => hashed(base, hash, data, bytes),
        DerivationMethod::AsymmetricKey => match pair_kind(&base.attributes)?.secret_bytes() {
            Some(most) if bytes <= most => Ok(Derivation::Ecdh { point: data }),
            _ => {
                let fault = "the key that ECDH derives is at most as long as a coordinate of the curve";
                Err(Error::Invalid { tag: Tag::CryptographicLength, fault })
            }
        },
        _ => Err(Error::UnsupportedParameters(
            "keys are derived inside the HSM by ENCRYPT, HKDF, NIST800-108-C, NIST800-108-F, HASH and AsymmetricKey: for other \
             methods no HSM has a mechanism, or it would give the value to the server",
        )),
    }
}

/// The point of the other party's public key, with which this private key derives by ECDH: a SubjectPublicKeyInfo, or the point
/// itself.
///
/// # Errors
/// The key is not a private key of a curve, or the other one is not a sound key of the same curve.
pub(super) fn shared_with(base: &Object, public: &[u8]) -> Result<Vec<u8>, Error> {
    let kind = match base.kind.is_private().then(|| pair_kind(&base.attributes)).transpose()? {
        Some(kind) if kind.secret_bytes().is_some() => kind,
        _ => return Err(Error::BadParameters("AsymmetricKey derives from a private key of a curve, by ECDH")),
    };
    if public.is_empty() {
        return Err(Error::Missing(Tag::DerivationData));
    }
    point_of(kind, public)?.ok_or(Error::BadParameters(
        "the DerivationData of AsymmetricKey is a public key of the curve of the private key, as SubjectPublicKeyInfo or as a point",
    ))
}

/// A derivation by encryption with AES.
fn encryption<'a>(parameters: &'a DerivationParameters, data: &'a [u8], bytes: usize) -> Result<Derivation<'a>, Error> {
    if !data.len().is_multiple_of(first_input::BLOCK) || data.len() < bytes {
        let fault = "DerivationData must be whole blocks of 16 bytes, and at least as long as the key";
        return Err(Error::BadParameters(fault));
    }
    // The blocks after these do not change the key, and some tokens refuse them.
    let data = data.get(..bytes.next_multiple_of(first_input::BLOCK)).unwrap_or(data);
    let mode = parameters.cryptographic_parameters.as_ref().and_then(|chosen| chosen.block_cipher_mode);
    let blocks: HashSet<_> = data.chunks(first_input::BLOCK).collect();
    if mode == Some(BlockCipherMode::ECB) && blocks.len() * first_input::BLOCK < data.len() {
        return Err(Error::BadParameters("ECB makes equal parts of the key from equal blocks of DerivationData"));
    }
    match (mode, &parameters.initialization_vector) {
        (Some(BlockCipherMode::ECB), None) => Ok(Derivation::AesEcb { data }),
        (Some(BlockCipherMode::CBC), Some(iv)) => match <&[u8; first_input::BLOCK]>::try_from(iv.as_slice()) {
            Ok(iv) => Ok(Derivation::AesCbc { iv, data }),
            Err(_) => Err(Error::BadParameters("the InitializationVector of CBC has 16 bytes")),
        },
        (Some(BlockCipherMode::CBC), None) => Err(Error::Missing(Tag::InitializationVector)),
        (Some(BlockCipherMode::ECB), Some(_)) => Err(Error::BadParameters("ECB takes no InitializationVector")),
        _ => Err(Error::UnsupportedParameters("derivation by ENCRYPT is served in BlockCipherMode ECB and CBC")),
    }
}

/// A derivation by the hash of the key itself.
fn hashed<'a>(
    base: &Object,
    hash: Option<HashingAlgorithm>,
    data: &[u8],
    bytes: usize,
) -> Result<Derivation<'a>, Error> {
    let hash = hash.ok_or(Error::Missing(Tag::HashingAlgorithm))?;
    if !data.is_empty() {
        return Err(Error::BadParameters("HASH hashes the key: leave DerivationData out"));
    }
    check_whole(base)?;
    let (digest, block) = match hash {
        HashingAlgorithm::SHA_1 => (20, 64),
        HashingAlgorithm::SHA_224 => (28, 64),
        HashingAlgorithm::SHA_256 => (32, 64),
        HashingAlgorithm::SHA_384 => (48, 128),
        HashingAlgorithm::SHA_512 => (64, 128),
        _ => return Err(NO_HASH),
    };
    if bytes > digest {
        return Err(Error::Invalid { tag: Tag::CryptographicLength, fault: "it is longer than the hash" });
    }
    // HMAC replaces a longer key by its hash (RFC 2104): a MAC by the derived key would tell what SP 800-108 derives.
    if base.bytes() > block {
        return Err(Error::BadParameters("HASH derives from keys that are at most as long as a block of the hash"));
    }
    Ok(Derivation::Hash { hmac: hmac(Some(hash))? })
}

const NO_HASH: Error = Error::UnsupportedParameters("keys are derived with SHA-1 and SHA-2");

fn hmac(hash: Option<HashingAlgorithm>) -> Result<Mac, Error> {
    mechanism::hmac_of(hash.unwrap_or(HashingAlgorithm::SHA_256)).ok_or(NO_HASH)
}

/// Refuses a key that the HSM holds padded with zeros: only an HMAC by it is the same as by the key.
fn check_whole(base: &Object) -> Result<(), Error> {
    match base.padded_from() {
        Some(_) => Err(Error::BadParameters("the HSM holds this short key padded: derive from it by NIST800-108-C")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::kmip::Dialect;
    use crate::kmip::enumerations::DerivationMethod;
    use crate::kms::documented::rows;

    #[test]
    fn the_methods_in_the_docs_are_those_of_the_code() {
        use DerivationMethod as M;
        let page = include_str!("../../docs/derive-keys.md");
        let names = rows(page, "## Which methods are there?").filter_map(|row| row.split('`').nth(1));
        let mut documented: Vec<String> = names.map(|name| name.replace('-', "_")).collect();
        let served = [M::ENCRYPT, M::HKDF, M::HASH, M::AsymmetricKey, M::NIST800_108_F, M::NIST800_108_C];
        let mut served = served.map(|own| own.name(Dialect::Oasis).to_string().replace('-', "_")).to_vec();
        documented.sort();
        served.sort();
        assert_eq!(documented, served);
    }
}
