//! Mapping of KMIP's cryptographic parameters to signature mechanisms, for Sign and Signature Verify.

use openssl::hash::{MessageDigest, hash};

use super::error::Error;
use super::object::Object;
use crate::custody::{Error as CustodyError, Hash, Signature};
use crate::kmip::enumerations::{
    CryptographicAlgorithm, DigitalSignatureAlgorithm, HashingAlgorithm, MaskGenerator, PaddingMethod,
};
use crate::kmip::{CryptographicParameters, Tag};
use crate::secret::Bytes;

/// The signature scheme that parameters name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Pkcs1v15,
    Pss,
    Ecdsa,
}

/// The mechanism of the request; else that of the object's own parameters. The defaults are RSASSA-PSS and SHA-256.
pub(super) fn mechanism(object: &Object, requested: Option<&CryptographicParameters>) -> Result<Signature, Error> {
    use CryptographicAlgorithm as A;
    let default = CryptographicParameters::default();
    let parameters = requested.or(object.attributes.cryptographic_parameters.first()).unwrap_or(&default);
    let is_rsa = match object.algorithm() {
        Some(A::RSA) => true,
        Some(A::EC | A::ECDSA) => false,
        _ => return Err(Error::UnsupportedParameters("only RSA keys and those of elliptic curves sign")),
    };
    let fits = |named| matches!((is_rsa, named), (true, A::RSA) | (false, A::EC | A::ECDSA));
    if parameters.cryptographic_algorithm.is_some_and(|named| !fits(named)) {
        return Err(Error::BadParameters("the CryptographicAlgorithm of the request is not that of the key"));
    }
    let (scheme, named) = parameters.digital_signature_algorithm.map_or(Ok((None, None)), |algorithm| {
        let (scheme, hash) = of_name(algorithm)?;
        Ok::<_, Error>((Some(scheme), hash))
    })?;
    if scheme.is_some_and(|scheme| is_rsa == (scheme == Scheme::Ecdsa)) {
        return Err(Error::BadParameters(if is_rsa {
            "the DigitalSignatureAlgorithm does not fit the RSA key: use one with RSA encryption, such as RSASSAPSS"
        } else {
            "the DigitalSignatureAlgorithm does not fit the elliptic curve key: use ECDSAWithSHA256, 384 or 512"
        }));
    }
    let hash = match (named, parameters.hashing_algorithm.map(of_hash).transpose()?) {
        (Some(one), Some(other)) if one != other => {
            return Err(Error::BadParameters("HashingAlgorithm and DigitalSignatureAlgorithm contradict each other"));
        }
        (named, given) => named.or(given).unwrap_or(Hash::Sha256),
    };
    if !is_rsa {
        if parameters.padding_method.is_some_and(|padding| padding != PaddingMethod::None) {
            return Err(Error::BadParameters("ECDSA takes no padding"));
        }
        return Ok(Signature::Ecdsa(hash));
    }
    let padded = match parameters.padding_method {
        None => None,
        Some(PaddingMethod::PKCS1V1_5) => Some(Scheme::Pkcs1v15),
        Some(PaddingMethod::PSS) => Some(Scheme::Pss),
        Some(_) => return Err(Error::UnsupportedParameters("RSA signs with padding PSS or PKCS1v1.5")),
    };
    match (scheme, padded) {
        (Some(one), Some(other)) if one != other => {
            Err(Error::BadParameters("PaddingMethod and DigitalSignatureAlgorithm contradict each other"))
        }
        (Some(Scheme::Pkcs1v15), _) | (None, Some(Scheme::Pkcs1v15)) => Ok(Signature::Pkcs1v15(hash)),
        _ => pss(parameters, hash),
    }
}

/// Accepts only the usual parameters of PSS (RFC 8017 section 9.1: MGF1 with the same hash, a salt of its length).
fn pss(parameters: &CryptographicParameters, hash: Hash) -> Result<Signature, Error> {
    let mask_hash = parameters.mask_generator_hashing_algorithm.map(of_hash).transpose()?;
    let salt = parameters.salt_length.map(usize::try_from);
    let usual = parameters.mask_generator.is_none_or(|generator| generator == MaskGenerator::MGF1)
        && mask_hash.is_none_or(|mask_hash| mask_hash == hash)
        && salt.is_none_or(|salt| salt == Ok(hash.bytes()))
        && parameters.trailer_field.is_none_or(|field| field == 1);
    if usual {
        return Ok(Signature::Pss(hash));
    }
    Err(Error::UnsupportedParameters("PSS is served with MGF1 and a salt of the same hash and its length, trailer 1"))
}

fn of_hash(hash: HashingAlgorithm) -> Result<Hash, Error> {
    match hash {
        HashingAlgorithm::SHA_256 => Ok(Hash::Sha256),
        HashingAlgorithm::SHA_384 => Ok(Hash::Sha384),
        HashingAlgorithm::SHA_512 => Ok(Hash::Sha512),
        _ => Err(Error::UnsupportedParameters("signatures are made with SHA-256, SHA-384 and SHA-512")),
    }
}

fn of_name(algorithm: DigitalSignatureAlgorithm) -> Result<(Scheme, Option<Hash>), Error> {
    use DigitalSignatureAlgorithm as D;
    Ok(match algorithm {
        D::SHA_256WithRSAEncryption => (Scheme::Pkcs1v15, Some(Hash::Sha256)),
        D::SHA_384WithRSAEncryption => (Scheme::Pkcs1v15, Some(Hash::Sha384)),
        D::SHA_512WithRSAEncryption => (Scheme::Pkcs1v15, Some(Hash::Sha512)),
        D::RSASSA_PSS => (Scheme::Pss, None),
        D::ECDSAWithSHA256 => (Scheme::Ecdsa, Some(Hash::Sha256)),
        D::ECDSAWithSHA384 => (Scheme::Ecdsa, Some(Hash::Sha384)),
        D::ECDSAWithSHA512 => (Scheme::Ecdsa, Some(Hash::Sha512)),
        _ => {
            return Err(Error::UnsupportedParameters(
                "signatures are RSASSA-PSS, RSASSA-PKCS1-v1_5 and ECDSA with SHA-256, SHA-384 and SHA-512",
            ));
        }
    })
}

/// The hash of a mechanism.
pub(super) fn hash_of(mechanism: Signature) -> MessageDigest {
    match mechanism.hash() {
        Hash::Sha256 => MessageDigest::sha256(),
        Hash::Sha384 => MessageDigest::sha384(),
        Hash::Sha512 => MessageDigest::sha512(),
    }
}

/// The digest to sign: the digest of the data, or the one in the request.
pub(super) fn digest(mechanism: Signature, data: Option<&Bytes>, digested: Option<&Bytes>) -> Result<Vec<u8>, Error> {
    let algorithm = mechanism.hash();
    match (data, digested) {
        (Some(_), Some(_)) => Err(Error::BadParameters("Data and DigestedData exclude each other")),
        (None, None) => Err(Error::Missing(Tag::Data)),
        (None, Some(digest)) if digest.len() != algorithm.bytes() => {
            Err(Error::DigestLength { found: digest.len(), expected: algorithm.bytes() })
        }
        (None, Some(digest)) => Ok(digest.to_vec()),
        (Some(data), None) => Ok(hash(hash_of(mechanism), data).map_err(CustodyError::Random)?.to_vec()),
    }
}
