//! Mapping of KMIP's cryptographic parameters to signature mechanisms, for Sign and Signature Verify.

use openssl::hash::{MessageDigest, hash as digested_by};

use super::error::Error;
use super::key_pair::pair_kind;
use super::object::Object;
use super::streams::{Gathered, Hashed, Stream};
use crate::custody::{Curve, Error as CustodyError, Hash, PairKind, Signature};
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

/// The use of a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Making {
    /// It is made. SHA-1 is refused: signatures with it can be transferred to other data (RFC 9155).
    Sign,
    /// It is verified.
    Verify,
}

/// The mechanism of the request; else that of the object's own parameters. The defaults are RSASSA-PSS, and the shortest
/// hash that is as strong as the curve, or SHA-256.
pub(super) fn mechanism(
    object: &Object,
    requested: Option<&CryptographicParameters>,
    making: Making,
) -> Result<Signature, Error> {
    let default = CryptographicParameters::default();
    let parameters = requested.or(object.attributes.cryptographic_parameters.first()).unwrap_or(&default);
    let family = family(object)?;
    // Public RSA keys may be longer than private ones.
    let kind = pair_kind(&object.attributes).ok().filter(|_| family != Family::Rsa);
    if parameters.cryptographic_algorithm.is_some_and(|named| family_of(named) != Some(family)) {
        return Err(Error::BadParameters("the CryptographicAlgorithm of the request is not that of the key"));
    }
    let (scheme, named) = parameters.digital_signature_algorithm.map_or(Ok((None, None)), |algorithm| {
        let (scheme, hash) = of_name(algorithm)?;
        Ok::<_, Error>((Some(scheme), hash))
    })?;
    if let Some(scheme) = scheme {
        check_scheme(family, scheme)?;
    }
    let hash = match (named, parameters.hashing_algorithm.map(of_hash).transpose()?) {
        (Some(one), Some(other)) if one != other => {
            return Err(Error::BadParameters("HashingAlgorithm and DigitalSignatureAlgorithm contradict each other"));
        }
        (named, given) => named.or(given),
    };
    if making == Making::Sign && hash == Some(Hash::Sha1) {
        return Err(Error::UnsupportedParameters("no signature is made with SHA-1: use SHA-256 or a longer hash"));
    }
    match kind {
        Some(PairKind::Ed25519) if hash.is_some() => {
            Err(Error::BadParameters("Ed25519 signs the data itself: leave HashingAlgorithm out"))
        }
        Some(PairKind::Ec(_) | PairKind::Ed25519)
            if parameters.padding_method.is_some_and(|padding| padding != PaddingMethod::None) =>
        {
            Err(Error::BadParameters("signatures by keys of curves take no padding"))
        }
        Some(PairKind::Ed25519) => Ok(Signature::Ed25519),
        Some(PairKind::Ec(curve)) => Ok(Signature::Ecdsa { hash: hash.unwrap_or_else(|| hash_of_curve(curve)), curve }),
        _ if family == Family::Rsa => rsa(object, parameters, scheme, hash.unwrap_or(Hash::Sha256)),
        _ => Err(Error::UnsupportedParameters("keys of this curve do not sign")),
    }
}

/// The algorithms that have the same signature schemes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    Ecdsa,
    Ed25519,
}

fn family_of(algorithm: CryptographicAlgorithm) -> Option<Family> {
    use CryptographicAlgorithm as A;
    match algorithm {
        A::RSA => Some(Family::Rsa),
        A::EC | A::ECDSA | A::ECDH => Some(Family::Ecdsa),
        A::Ed25519 => Some(Family::Ed25519),
        _ => None,
    }
}

fn family(object: &Object) -> Result<Family, Error> {
    let found = object.algorithm().and_then(family_of);
    found.ok_or(Error::UnsupportedParameters("only RSA keys and those of elliptic curves sign"))
}

fn check_scheme(family: Family, scheme: Scheme) -> Result<(), Error> {
    let fault = match (family, scheme) {
        (Family::Rsa, Scheme::Pkcs1v15 | Scheme::Pss) | (Family::Ecdsa, Scheme::Ecdsa) => return Ok(()),
        (Family::Rsa, _) => {
            "the DigitalSignatureAlgorithm does not fit the RSA key: use one with RSA encryption, such as RSASSAPSS"
        }
        (Family::Ecdsa, _) => {
            "the DigitalSignatureAlgorithm does not fit the elliptic curve key: use ECDSAWithSHA256, 384 or 512"
        }
        (Family::Ed25519, _) => "the DigitalSignatureAlgorithm does not fit the Ed25519 key: leave it out",
    };
    Err(Error::BadParameters(fault))
}

/// The hash that is used with a curve if the request names none (FIPS 186-5 section 6.1.1: at least as strong).
fn hash_of_curve(curve: Curve) -> Hash {
    match curve {
        Curve::P256 | Curve::Secp256k1 => Hash::Sha256,
        Curve::P384 => Hash::Sha384,
        Curve::P521 => Hash::Sha512,
    }
}

fn rsa(
    object: &Object,
    parameters: &CryptographicParameters,
    scheme: Option<Scheme>,
    hash: Hash,
) -> Result<Signature, Error> {
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
        _ => pss(object, parameters, hash),
    }
}

/// RSASSA-PSS (RFC 8017 section 9.1). Without other parameters MGF1 has the same hash. The salt then has the length of
/// the hash when a signature is made, and any when one is verified.
fn pss(object: &Object, parameters: &CryptographicParameters, hash: Hash) -> Result<Signature, Error> {
    let mask = parameters.mask_generator_hashing_algorithm.map(of_hash).transpose()?.unwrap_or(hash);
    if parameters.mask_generator.is_some_and(|generator| generator != MaskGenerator::MGF1)
        || parameters.trailer_field.is_some_and(|field| field != 1)
    {
        return Err(Error::UnsupportedParameters("PSS is served with MGF1 and trailer 1"));
    }
    let salt = parameters.salt_length.map(usize::try_from).transpose();
    let salt = salt.map_err(|_| Error::BadParameters("SaltLength is negative"))?;
    // The encoded message holds the hash, the salt, and at least two more bytes.
    let bits = object.attributes.cryptographic_length.and_then(|bits| usize::try_from(bits).ok()).unwrap_or_default();
    let most = (bits / 8).saturating_sub(hash.bytes() + 2);
    if salt.is_some_and(|salt| salt > most) {
        return Err(Error::BadParameters("SaltLength is too long for the key and the hash"));
    }
    Ok(Signature::Pss { hash, mask, salt })
}

/// The hash of this name.
pub(super) fn of_hash(hash: HashingAlgorithm) -> Result<Hash, Error> {
    match hash {
        HashingAlgorithm::SHA_1 => Ok(Hash::Sha1),
        HashingAlgorithm::SHA_224 => Ok(Hash::Sha224),
        HashingAlgorithm::SHA_256 => Ok(Hash::Sha256),
        HashingAlgorithm::SHA_384 => Ok(Hash::Sha384),
        HashingAlgorithm::SHA_512 => Ok(Hash::Sha512),
        _ => Err(Error::UnsupportedParameters(
            "RSA and ECDSA are served with SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512",
        )),
    }
}

/// The name of a hash.
pub(super) fn name_of(hash: Hash) -> HashingAlgorithm {
    match hash {
        Hash::Sha1 => HashingAlgorithm::SHA_1,
        Hash::Sha224 => HashingAlgorithm::SHA_224,
        Hash::Sha256 => HashingAlgorithm::SHA_256,
        Hash::Sha384 => HashingAlgorithm::SHA_384,
        Hash::Sha512 => HashingAlgorithm::SHA_512,
    }
}

fn of_name(algorithm: DigitalSignatureAlgorithm) -> Result<(Scheme, Option<Hash>), Error> {
    use DigitalSignatureAlgorithm as D;
    Ok(match algorithm {
        D::SHA_1WithRSAEncryption => (Scheme::Pkcs1v15, Some(Hash::Sha1)),
        D::SHA_224WithRSAEncryption => (Scheme::Pkcs1v15, Some(Hash::Sha224)),
        D::SHA_256WithRSAEncryption => (Scheme::Pkcs1v15, Some(Hash::Sha256)),
        D::SHA_384WithRSAEncryption => (Scheme::Pkcs1v15, Some(Hash::Sha384)),
        D::SHA_512WithRSAEncryption => (Scheme::Pkcs1v15, Some(Hash::Sha512)),
        D::RSASSA_PSS => (Scheme::Pss, None),
        D::ECDSAWithSHA_1 => (Scheme::Ecdsa, Some(Hash::Sha1)),
        D::ECDSAWithSHA224 => (Scheme::Ecdsa, Some(Hash::Sha224)),
        D::ECDSAWithSHA256 => (Scheme::Ecdsa, Some(Hash::Sha256)),
        D::ECDSAWithSHA384 => (Scheme::Ecdsa, Some(Hash::Sha384)),
        D::ECDSAWithSHA512 => (Scheme::Ecdsa, Some(Hash::Sha512)),
        _ => {
            return Err(Error::UnsupportedParameters(
                "signatures are RSASSA-PSS, RSASSA-PKCS1-v1_5 and ECDSA with SHA-1 or SHA-2, and Ed25519",
            ));
        }
    })
}

/// The hash of a mechanism; `None` if it signs the data itself.
fn hash_of(mechanism: Signature) -> Option<MessageDigest> {
    Some(match mechanism.hash()? {
        Hash::Sha1 => MessageDigest::sha1(),
        Hash::Sha224 => MessageDigest::sha224(),
        Hash::Sha256 => MessageDigest::sha256(),
        Hash::Sha384 => MessageDigest::sha384(),
        Hash::Sha512 => MessageDigest::sha512(),
    })
}

/// What is signed in one part of an operation.
pub(super) enum ToSign {
    /// The digest, or the data of Ed25519.
    All(Vec<u8>),
    /// Further parts follow, with this correlation value.
    Open(Bytes),
}

/// What is signed, after the last part: the digest of the data, or the one in the request. The data that Ed25519 signs
/// is collected.
pub(super) fn to_sign(
    stream: Stream<'_>,
    mechanism: Signature,
    data: Option<&Bytes>,
    digested: Option<&Bytes>,
) -> Result<ToSign, Error> {
    match hash_of(mechanism) {
        Some(hash) => match stream.hash(hash, data, digested)? {
            Hashed::Whole => digest(mechanism, data, digested).map(ToSign::All),
            Hashed::Done(digest) => Ok(ToSign::All(digest)),
            Hashed::Open(value) => Ok(ToSign::Open(value)),
        },
        None if stream.is_whole() => digest(mechanism, data, digested).map(ToSign::All),
        None => match stream.gather(data.cloned())? {
            Gathered::All(data) => Ok(ToSign::All(data.to_vec())),
            Gathered::Open(value) => Ok(ToSign::Open(value)),
        },
    }
}

/// The digest to sign: the digest of the data, or the one in the request. Ed25519 signs the data itself.
fn digest(mechanism: Signature, data: Option<&Bytes>, digested: Option<&Bytes>) -> Result<Vec<u8>, Error> {
    match (mechanism.hash(), data, digested) {
        (_, Some(_), Some(_)) => Err(Error::BadParameters("Data and DigestedData exclude each other")),
        (_, None, None) => Err(Error::Missing(Tag::Data)),
        (None, None, Some(_)) => {
            Err(Error::BadParameters("Ed25519 signs the data itself: give Data, not DigestedData"))
        }
        (None, Some(data), None) => Ok(data.to_vec()),
        (Some(hash), None, Some(digest)) if digest.len() != hash.bytes() => {
            Err(Error::DigestLength { found: digest.len(), expected: hash.bytes() })
        }
        (Some(_), None, Some(digest)) => Ok(digest.to_vec()),
        (Some(_), Some(data), None) => match hash_of(mechanism) {
            Some(digest) => Ok(digested_by(digest, data).map_err(CustodyError::Random)?.to_vec()),
            None => Ok(data.to_vec()),
        },
    }
}
