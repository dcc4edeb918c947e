//! Derive Key (KMIP 2.1 section 6.1.14): only inside the HSM token. A derived key is no weaker than the key from which it
//! is derived.

use super::super::object::Object;
use super::super::object_kind::ObjectKind;
use super::super::proposal::{Origin, propose};
use super::super::{Call, Error, Kms, first_input, mechanism};
use crate::custody::{Derivation, Mac};
use crate::kmip::attributes::Link;
use crate::kmip::enumerations::{
    BlockCipherMode, CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, LinkType, ObjectType,
};
use crate::kmip::payloads::derive_key::{DerivationParameters, Request, Response};
use crate::kmip::{Attributes, Tag, UniqueIdentifier, UsageMask};

/// The shortest derived key, in bytes.
const SHORTEST: usize = 16;

/// The longest derived key, in bytes.
const LONGEST: usize = 64;

/// The most derivation data, in bytes. A salt has at most as many.
const MOST_DATA: usize = 1_024;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    if request.object_type != ObjectType::SymmetricKey {
        return Err(Error::ObjectType("Derive Key makes symmetric keys, which stay in the HSM"));
    }
    let [id @ UniqueIdentifier::Text(_)] = request.unique_identifiers.as_slice() else {
        return Err(Error::Invalid { tag: Tag::UniqueIdentifier, fault: "name exactly one key to derive from" });
    };
    let base = kms.authorize(call, Some(id))?.usable()?;
    let object = base.object();
    check_base(object)?;
    let parameters = &request.derivation_parameters;
    let data = data(parameters)?;
    let mut attributes = *request.attributes;
    // What is not said is as for the key from which it is derived.
    attributes.sensitive.get_or_insert(object.attributes.sensitive == Some(true));
    attributes.extractable.get_or_insert(object.attributes.extractable != Some(false));
    let grant = kms.authorize_new(call, &mut attributes)?;
    let mut proposal = propose(&grant, call, attributes, Origin::Created)?;
    check_class(object, &proposal.attributes)?;
    let bytes = proposal.kind.bytes();
    if !(SHORTEST..=LONGEST).contains(&bytes) || !bytes.is_multiple_of(8) {
        let fault = "a derived key has 128 to 512 bits, a multiple of 64";
        return Err(Error::Invalid { tag: Tag::CryptographicLength, fault });
    }
    let derivation = derivation(object, request.derivation_method, parameters, &data, bytes)?;
    inherit(&mut proposal.attributes, id);
    let material = grant.derive(&base, (&derivation, data.len()), proposal.class, proposal.kind)?;
    grant.insert(&proposal.id, proposal.attributes, proposal.class, material)?;
    Ok(Response { unique_identifier: proposal.id })
}

/// Checks that the key is made for derivation only: what it derives would give the effect of its other uses, which the caller
/// may not have. Encryption of chosen blocks decrypts GCM, and SP 800-108 is a MAC.
fn check_base(object: &Object) -> Result<(), Error> {
    if object.kind != ObjectKind::SymmetricKey {
        return Err(Error::ObjectType("keys are derived from symmetric keys that the HSM uses"));
    }
    if object.attributes.cryptographic_usage_mask != Some(UsageMask::DERIVE_KEY) {
        return Err(Error::UsageMask(
            "Derive Key: the mask of a key to derive from must have Derive Key and no other use",
        ));
    }
    Ok(())
}

/// The derivation data, and bounds of all data.
fn data(parameters: &DerivationParameters) -> Result<Vec<u8>, Error> {
    let data = parameters.derivation_data.iter().flat_map(|part| part.iter().copied());
    let data: Vec<u8> = data.take(MOST_DATA + 1).collect();
    for (tag, length) in
        [(Tag::DerivationData, data.len()), (Tag::Salt, parameters.salt.as_ref().map_or(0, |salt| salt.len()))]
    {
        if length > MOST_DATA {
            return Err(Error::Invalid { tag, fault: "at most 1,024 bytes" });
        }
    }
    if parameters.iteration_count.is_some() {
        return Err(Error::BadParameters("IterationCount belongs to PBKDF2, which is not served"));
    }
    Ok(data)
}

/// Refuses a key that may leave the HSM more easily than the one from which it is derived.
fn check_class(base: &Object, new: &Attributes) -> Result<(), Error> {
    let fault = "a derived key is no weaker than the key from which it is derived";
    base.weaker_in(new).map_or(Ok(()), |tag| Err(Error::Invalid { tag, fault }))
}

/// The same derivation gives the same key again, under another identifier and with other uses, so a derived key never counts
/// as one that was always sensitive.
fn inherit(own: &mut Attributes, id: &UniqueIdentifier) {
    (own.always_sensitive, own.never_extractable) = (Some(false), Some(false));
    own.random_number_generator = None;
    own.links.push(Link { link_type: Some(LinkType::DerivationBaseObjectLink), linked_object_identifier: id.clone() });
}

/// The derivation of a key of this length, in bytes.
fn derivation<'a>(
    base: &Object,
    method: DerivationMethod,
    parameters: &'a DerivationParameters,
    data: &'a [u8],
    bytes: usize,
) -> Result<Derivation<'a>, Error> {
    let chosen = parameters.cryptographic_parameters.as_ref();
    let hash = chosen.and_then(|chosen| chosen.hashing_algorithm);
    let hmac = |hash: Option<HashingAlgorithm>| {
        mechanism::hmac_of(hash.unwrap_or(HashingAlgorithm::SHA_256))
            .ok_or(Error::UnsupportedParameters("keys are derived with SHA-1 and SHA-2"))
    };
    let is_aes = base.algorithm() == Some(CryptographicAlgorithm::AES);
    match method {
        DerivationMethod::ENCRYPT => {
            if !is_aes {
                return Err(Error::UnsupportedParameters("derivation by ENCRYPT needs an AES key"));
            }
            if !data.len().is_multiple_of(first_input::BLOCK) || data.len() < bytes {
                return Err(Error::BadParameters(
                    "DerivationData must be whole blocks of 16 bytes, and at least as long as the key",
                ));
            }
            // The blocks after these do not change the key, and some tokens refuse them.
            let data = data.get(..bytes.next_multiple_of(first_input::BLOCK)).unwrap_or(data);
            match (chosen.and_then(|chosen| chosen.block_cipher_mode), &parameters.initialization_vector) {
                (Some(BlockCipherMode::ECB), None) => Ok(Derivation::AesEcb { data }),
                (Some(BlockCipherMode::CBC), Some(iv)) => match <&[u8; first_input::BLOCK]>::try_from(iv.as_slice()) {
                    Ok(iv) => Ok(Derivation::AesCbc { iv, data }),
                    Err(_) => Err(Error::BadParameters("the InitializationVector of CBC has 16 bytes")),
                },
                (Some(BlockCipherMode::CBC), None) => Err(Error::Missing(Tag::InitializationVector)),
                (Some(BlockCipherMode::ECB), Some(_)) => Err(Error::BadParameters("ECB takes no InitializationVector")),
                _ => {
                    Err(Error::UnsupportedParameters("derivation by ENCRYPT is served in BlockCipherMode ECB and CBC"))
                }
            }
        }
        DerivationMethod::HKDF => {
            let salt = parameters.salt.as_ref().map_or(&[][..], |salt| salt.as_slice());
            Ok(Derivation::Hkdf { hmac: hmac(hash)?, salt, info: data })
        }
        DerivationMethod::NIST800_108_C => {
            if data.is_empty() {
                return Err(Error::Missing(Tag::DerivationData));
            }
            let prf = if is_aes && hash.is_none() { Mac::AesCmac } else { hmac(hash)? };
            Ok(Derivation::Counter { prf, input: data })
        }
        _ => Err(Error::UnsupportedParameters(
            "keys are derived inside the HSM by ENCRYPT, HKDF and NIST800-108-C: other methods would give the value to the server",
        )),
    }
}
