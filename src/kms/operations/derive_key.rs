//! Derive Key (KMIP 2.1 section 6.1.14): only inside the HSM token. A derived key is no weaker than the key from which it
//! is derived.

use super::super::gate::{NewGrant, Source, Usable};
use super::super::object::Object;
use super::super::object_kind::{ObjectKind, only_derives};
use super::super::proposal::{Origin, QUANTUM_SAFE, check_quantum_safe, propose, propose_kept};
use super::super::{Call, Error, Kms, derivation, kept};
use crate::custody::Derivation;
use crate::kmip::attributes::Link;
use crate::kmip::enumerations::{DerivationMethod, LinkType, ObjectType, Operation, SecretDataType};
use crate::kmip::key_block::KeyBlock;
use crate::kmip::objects::SecretData;
use crate::kmip::payloads::derive_key::{DerivationParameters, Request, Response};
use crate::kmip::{Attributes, ManagedObject, Tag, UniqueIdentifier};
use crate::secret::Bytes;

/// The shortest derived key, in bytes.
const SHORTEST: usize = 16;

/// The longest derived key, in bytes.
const LONGEST: usize = 64;

/// The shortest block of a hash, in bytes: HMAC replaces longer secrets by their hash.
const SHORTEST_BLOCK: usize = 64;

/// The most derivation data, in bytes. A salt and an IV have at most as many.
const MOST_DATA: usize = 1_024;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    if !matches!(request.object_type, ObjectType::SymmetricKey | ObjectType::SecretData) {
        return Err(Error::ObjectType("Derive Key makes symmetric keys, which stay in the HSM, and secret data"));
    }
    let method = request.derivation_method;
    let (id, other) = named(&request.unique_identifiers)?;
    let base = kms.authorize(call, Some(id))?.usable()?;
    let object = base.object();
    check_base(object)?;
    let parameters = &request.derivation_parameters;
    let mut data = data(parameters)?;
    let other = match other {
        Some(_) if !data.is_empty() => {
            return Err(Error::BadParameters("name the object with the data, or give DerivationData, but not both"));
        }
        Some(other) => Some((other, kms.authorize_beside(call, Operation::DeriveKey, Some(other))?.usable()?)),
        None => None,
    };
    if let Some((id, other)) = &other {
        data = data_of(method, other)?;
        // Who knows the base, which may be a key of their own, can find the data by what is derived.
        if is_secret_data(other.object()) {
            kms.authorize_beside(call, Operation::Get, Some(id))?;
        }
    }
    let other = other.map(|(_, other)| other);
    if method == DerivationMethod::AsymmetricKey {
        data = derivation::shared_with(object, &data)?;
    }
    let mut attributes = *request.attributes;
    // What is not said is as for the objects from which it is derived.
    let sources = [Some(object), other.as_ref().map(Usable::object)];
    let is_any = |has: fn(&Attributes) -> bool| sources.into_iter().flatten().any(|source| has(&source.attributes));
    attributes.sensitive.get_or_insert(is_any(|own| own.sensitive == Some(true)));
    attributes.extractable.get_or_insert(!is_any(|own| own.extractable == Some(false)));
    for source in sources.into_iter().flatten() {
        check_class(source, &attributes)?;
    }
    let grant = kms.authorize_new(call, &mut attributes)?;
    let value = if is_secret_data(object) { Some(base.secret_bytes()?) } else { None };
    if object.attributes.sensitive == Some(true) && value.as_ref().is_some_and(|value| value.len() < SHORTEST) {
        return Err(Error::BadParameters(
            "keys are derived from Sensitive secret data of at least 16 bytes: a shorter value could be found by trying all",
        ));
    }
    let source = Source { base: &base, value, data: other.as_ref() };
    let wanted = Wanted { method, parameters, data: &data, source: &source, id };
    let unique_identifier = if request.object_type == ObjectType::SecretData {
        wanted.secret_data(&grant, call, attributes)?
    } else {
        wanted.key(&grant, call, attributes)?
    };
    Ok(Response { unique_identifier })
}

/// What is derived.
struct Wanted<'a> {
    method: DerivationMethod,
    parameters: &'a DerivationParameters,
    data: &'a [u8],
    source: &'a Source<'a>,
    id: &'a UniqueIdentifier,
}

impl Wanted<'_> {
    fn derivation(&self, bytes: usize) -> Result<Derivation<'_>, Error> {
        let length = self.source.value.as_ref().map_or(0, |value| value.len());
        if self.method == DerivationMethod::HASH && length > SHORTEST_BLOCK {
            return Err(Error::BadParameters("HASH derives from secret data of at most 64 bytes"));
        }
        derivation::of(self.source.base.object(), self.method, self.parameters, self.data, bytes)
    }

    /// A symmetric key, whose value does not leave the HSM.
    fn key(&self, grant: &NewGrant<'_>, call: &Call<'_>, attributes: Attributes) -> Result<String, Error> {
        let object = self.source.base.object();
        let mut proposal = propose(grant, call, attributes, Origin::Created)?;
        check_class(object, &proposal.attributes)?;
        let is_safe = object.kind == ObjectKind::SymmetricKey && object.bytes() >= QUANTUM_SAFE;
        check_quantum_safe(&proposal.attributes, is_safe)?;
        let bytes = proposal.kind.bytes();
        if !(SHORTEST..=LONGEST).contains(&bytes) || !bytes.is_multiple_of(8) {
            let fault = "a derived key has 128 to 512 bits, a multiple of 64";
            return Err(Error::Invalid { tag: Tag::CryptographicLength, fault });
        }
        let derivation = self.derivation(bytes)?;
        inherit(&mut proposal.attributes, self.id);
        let material = grant.derive(self.source, (&derivation, self.data.len()), proposal.class, proposal.kind)?;
        grant.insert(&proposal.id, proposal.attributes, proposal.class, material)?;
        Ok(proposal.id)
    }

    /// Secret data, which is kept as if it had been registered. The HSM gives its value to the server, so that nothing it is
    /// derived from may be Sensitive.
    fn secret_data(&self, grant: &NewGrant<'_>, call: &Call<'_>, attributes: Attributes) -> Result<String, Error> {
        if attributes.sensitive == Some(true) || attributes.extractable == Some(false) {
            return Err(Error::BadParameters(
                "the HSM gives the value of derived secret data to the server: what it is derived from, and itself, must be \
                 Extractable and not Sensitive; derive a symmetric key",
            ));
        }
        let bits = attributes.cryptographic_length.ok_or(Error::Missing(Tag::CryptographicLength))?;
        let bytes = usize::try_from(bits / 8).unwrap_or_default();
        if !(SHORTEST..=LONGEST).contains(&bytes) || bits % 8 != 0 {
            let fault = "derived secret data has 128 to 512 bits, in whole bytes";
            return Err(Error::Invalid { tag: Tag::CryptographicLength, fault });
        }
        let derivation = self.derivation(bytes)?;
        let object = |value: Bytes| {
            let key_block = KeyBlock { cryptographic_length: Some(bits), ..KeyBlock::raw(value) };
            ManagedObject::SecretData(SecretData { secret_data_type: SecretDataType::Seed, key_block })
        };
        // Everything is checked before the HSM is called.
        let mut proposal = propose_kept(call, attributes, Origin::Created, &object(Bytes::from(vec![0; bytes])))?;
        check_quantum_safe(&proposal.attributes, false)?;
        inherit(&mut proposal.attributes, self.id);
        let value = grant.derive_value(self.source, (&derivation, self.data.len()), bytes)?;
        grant.insert_kept(&proposal.id, proposal.attributes, &kept::encode(object(value))?)?;
        Ok(proposal.id)
    }
}

/// Whether the object is secret data that is kept.
fn is_secret_data(object: &Object) -> bool {
    object.kind == ObjectKind::Kept(ObjectType::SecretData)
}

/// The data of a derivation that another object has: secret data, or for AsymmetricKey a public key.
fn data_of(method: DerivationMethod, other: &Usable<'_>) -> Result<Vec<u8>, Error> {
    if method == DerivationMethod::AsymmetricKey {
        return Ok(other.public_key()?.to_vec());
    }
    if !is_secret_data(other.object()) {
        return Err(Error::ObjectType("the second object is secret data, whose bytes are the derivation data"));
    }
    check_only_derives(other.object())?;
    let own = &other.object().attributes;
    if own.sensitive == Some(true) || own.extractable == Some(false) {
        return Err(Error::BadParameters(
            "secret data that is Sensitive, or not Extractable, is no derivation data: who knows the base could find it by what \
             is derived",
        ));
    }
    Ok(other.secret_bytes()?.to_vec())
}

/// The object to derive from, and the one with the derivation data if the request names it as the second one.
fn named(ids: &[UniqueIdentifier]) -> Result<(&UniqueIdentifier, Option<&UniqueIdentifier>), Error> {
    match ids {
        [id @ UniqueIdentifier::Text(_)] => Ok((id, None)),
        [id @ UniqueIdentifier::Text(_), other @ UniqueIdentifier::Text(_)] => Ok((id, Some(other))),
        _ => {
            let fault = "name exactly one object to derive from; secret data with the derivation data, or for AsymmetricKey the \
                         public key of the other party, may follow";
            Err(Error::Invalid { tag: Tag::UniqueIdentifier, fault })
        }
    }
}

/// Checks that the key is made for derivation only: what it derives would give the effect of its other uses, which the caller
/// may not have. Encryption of chosen blocks decrypts GCM, and SP 800-108 is a MAC.
fn check_base(object: &Object) -> Result<(), Error> {
    if object.kind != ObjectKind::SymmetricKey && !object.kind.is_private() && !is_secret_data(object) {
        return Err(Error::ObjectType(
            "keys are derived from symmetric keys and private keys that the HSM uses, and from secret data",
        ));
    }
    check_only_derives(object)
}

fn check_only_derives(object: &Object) -> Result<(), Error> {
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
