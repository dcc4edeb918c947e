//! Derive Key (KMIP 2.1 section 6.1.14): only inside the HSM token. A derived key is no weaker than the key from which it
//! is derived.

use super::super::object::Object;
use super::super::object_kind::{ObjectKind, only_derives};
use super::super::proposal::{Origin, QUANTUM_SAFE, check_quantum_safe, propose};
use super::super::{Call, Error, Kms, derivation};
use crate::kmip::attributes::Link;
use crate::kmip::enumerations::{DerivationMethod, LinkType, ObjectType, Operation};
use crate::kmip::payloads::derive_key::{DerivationParameters, Request, Response};
use crate::kmip::{Attributes, Tag, UniqueIdentifier};
use crate::secret::Bytes;

/// The shortest derived key, in bytes.
const SHORTEST: usize = 16;

/// The longest derived key, in bytes.
const LONGEST: usize = 64;

/// The most derivation data, in bytes. A salt and an IV have at most as many.
const MOST_DATA: usize = 1_024;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    if request.object_type != ObjectType::SymmetricKey {
        return Err(Error::ObjectType("Derive Key makes symmetric keys, which stay in the HSM"));
    }
    let (id, peer) = named(request.derivation_method, &request.unique_identifiers)?;
    let base = kms.authorize(call, Some(id))?.usable()?;
    let object = base.object();
    check_base(object)?;
    let parameters = &request.derivation_parameters;
    let mut data = data(parameters)?;
    if let Some(peer) = peer {
        if !data.is_empty() {
            return Err(Error::BadParameters("name the public key, or give it as DerivationData, but not both"));
        }
        let peer = kms.authorize_beside(call, Operation::DeriveKey, Some(peer))?.usable()?;
        data = peer.public_key()?.to_vec();
    }
    if request.derivation_method == DerivationMethod::AsymmetricKey {
        data = derivation::shared_with(object, &data)?;
    }
    let mut attributes = *request.attributes;
    // What is not said is as for the key from which it is derived.
    attributes.sensitive.get_or_insert(object.attributes.sensitive == Some(true));
    attributes.extractable.get_or_insert(object.attributes.extractable != Some(false));
    let grant = kms.authorize_new(call, &mut attributes)?;
    let mut proposal = propose(&grant, call, attributes, Origin::Created)?;
    check_class(object, &proposal.attributes)?;
    let is_safe = object.kind == ObjectKind::SymmetricKey && object.bytes() >= QUANTUM_SAFE;
    check_quantum_safe(&proposal.attributes, is_safe)?;
    let bytes = proposal.kind.bytes();
    if !(SHORTEST..=LONGEST).contains(&bytes) || !bytes.is_multiple_of(8) {
        let fault = "a derived key has 128 to 512 bits, a multiple of 64";
        return Err(Error::Invalid { tag: Tag::CryptographicLength, fault });
    }
    let derivation = derivation::of(object, request.derivation_method, parameters, &data, bytes)?;
    inherit(&mut proposal.attributes, id);
    let material = grant.derive(&base, (&derivation, data.len()), proposal.class, proposal.kind)?;
    grant.insert(&proposal.id, proposal.attributes, proposal.class, material)?;
    Ok(Response { unique_identifier: proposal.id })
}

/// The key to derive from, and the public key of the other party if the request names it as the second one.
fn named(
    method: DerivationMethod,
    ids: &[UniqueIdentifier],
) -> Result<(&UniqueIdentifier, Option<&UniqueIdentifier>), Error> {
    match (ids, method) {
        ([id @ UniqueIdentifier::Text(_)], _) => Ok((id, None)),
        ([id @ UniqueIdentifier::Text(_), peer @ UniqueIdentifier::Text(_)], DerivationMethod::AsymmetricKey) => {
            Ok((id, Some(peer)))
        }
        _ => {
            let fault =
                "name exactly one key to derive from; for AsymmetricKey the public key of the other party may follow";
            Err(Error::Invalid { tag: Tag::UniqueIdentifier, fault })
        }
    }
}

/// Checks that the key is made for derivation only: what it derives would give the effect of its other uses, which the caller
/// may not have. Encryption of chosen blocks decrypts GCM, and SP 800-108 is a MAC.
fn check_base(object: &Object) -> Result<(), Error> {
    if object.kind != ObjectKind::SymmetricKey && !object.kind.is_private() {
        return Err(Error::ObjectType("keys are derived from symmetric keys and from private keys that the HSM uses"));
    }
    if !object.attributes.cryptographic_usage_mask.is_some_and(only_derives) {
        return Err(Error::UsageMask(
            "Derive Key: the mask of a key to derive from must have Derive Key and no other use, except Key Agreement",
        ));
    }
    Ok(())
}

/// The derivation data, and bounds of all data.
fn data(parameters: &DerivationParameters) -> Result<Vec<u8>, Error> {
    let data = parameters.derivation_data.iter().flat_map(|part| part.iter().copied());
    let data: Vec<u8> = data.take(MOST_DATA + 1).collect();
    let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| bytes.len());
    for (tag, length) in [
        (Tag::DerivationData, data.len()),
        (Tag::Salt, length(&parameters.salt)),
        (Tag::InitializationVector, length(&parameters.initialization_vector)),
    ] {
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
