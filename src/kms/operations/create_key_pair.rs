//! Create Key Pair (KMIP 2.1 section 6.1.9).

use std::time::Duration;

use super::super::gate::NewGrant;
use super::super::halves::propose_half;
use super::super::identifier::MAX_IDENTIFIER;
use super::super::key_pair::{Half as New, new_pair_kind, settle_curve};
use super::super::object_kind::Half;
use super::super::proposal::check_masks;
use super::super::{Call, Error, Kms};
use crate::kmip::attributes::Link;
use crate::kmip::enumerations::{LinkType, ObjectType};
use crate::kmip::payloads::create_key_pair::{Request, Response};
use crate::kmip::{Attributes, Tag, UniqueIdentifier, UsageMask};

/// Time limit for making a key pair, from the beginning of the request.
const PATIENCE: Duration = Duration::from_secs(60);

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let masks = [
        request.common_protection_storage_masks,
        request.private_protection_storage_masks,
        request.public_protection_storage_masks,
    ];
    check_masks(kms, &masks)?;
    let common = request.common_attributes.map_or_else(Attributes::default, |own| *own);
    if common.unique_identifier.is_some() {
        return Err(Error::Invalid { tag: Tag::CommonAttributes, fault: "two objects cannot have one identifier" });
    }
    let mut private = common.overridden(request.private_key_attributes.as_deref())?;
    let mut public = common.overridden(request.public_key_attributes.as_deref())?;
    let own = [request.private_key_attributes, request.public_key_attributes];
    for ((half, own), terms) in [&mut private, &mut public].into_iter().zip(own).zip([Half::PRIVATE, Half::PUBLIC]) {
        settle_curve(half)?;
        // A mask for both halves gives each of them the uses that it may have.
        if own.is_none_or(|own| own.cryptographic_usage_mask.is_none()) {
            half.cryptographic_usage_mask = shared_mask(half, &terms);
        }
        // Clients give one object type for both halves.
        half.object_type =
            half.object_type.filter(|kind| !matches!(kind, ObjectType::PrivateKey | ObjectType::PublicKey));
    }
    check_alike(&private, &public)?;
    if call.is_bare && public.unique_identifier.is_none() {
        public.unique_identifier = beside_private(private.unique_identifier.as_ref());
    }
    let private_grant = kms.authorize_new(call, &mut private)?;
    let public_grant = kms.authorize_new(call, &mut public)?;
    let [(private, _), (public, _)] = make(call, [(&private_grant, private), (&public_grant, public)])?;
    Ok(Response { private_key_unique_identifier: private, public_key_unique_identifier: public })
}

/// The uses of a mask for both halves that this half may have. If it may have none of them, the mask stays, and is refused.
fn shared_mask(half: &Attributes, terms: &Half) -> Option<UsageMask> {
    let mask = half.cryptographic_usage_mask?;
    let Ok(kind) = new_pair_kind(half) else { return Some(mask) };
    let (permitted, _) = terms.uses(kind);
    let own = mask.without(mask.without(permitted | UsageMask::UNRESTRICTED));
    Some(if own.is_empty() { mask } else { own })
}

/// Makes a private and a public key; returns their identifiers, and their attributes without the project.
pub(in crate::kms) fn make(
    call: &Call<'_>,
    [(private_grant, private), (public_grant, public)]: [(&NewGrant<'_>, Attributes); 2],
) -> Result<[(String, Attributes); 2], Error> {
    // The HSM searches for prime numbers, and may work on other requests first.
    call.context.ticket.allow(PATIENCE);
    let mut private = propose_half(private_grant, call, private, &Half::PRIVATE)?;
    let mut public = propose_half(public_grant, call, public, &Half::PUBLIC)?;
    link_halves(&mut private, &mut public)?;
    let made = [&private, &public].map(|half| (half.id.clone(), half.attributes.clone()));
    private_grant.insert_pair(private, public_grant, public)?;
    Ok(made)
}

/// Makes two halves name each other.
pub(in crate::kms) fn link_halves(private: &mut New, public: &mut New) -> Result<(), Error> {
    if private.id == public.id {
        return Err(Error::Invalid { tag: Tag::UniqueIdentifier, fault: "two objects cannot have one identifier" });
    }
    link(&mut private.attributes, Half::PRIVATE.link, &public.id);
    link(&mut public.attributes, Half::PUBLIC.link, &private.id);
    Ok(())
}

/// The identifier of a public key without a chosen one in the bare dialect, if its private key has a chosen one; `None` if
/// it would be too long.
fn beside_private(private: Option<&UniqueIdentifier>) -> Option<UniqueIdentifier> {
    let id = private.and_then(UniqueIdentifier::as_text).map(|id| format!("{id}_pk"))?;
    (id.len() <= MAX_IDENTIFIER).then_some(UniqueIdentifier::Text(id))
}

/// Checks the attributes that must be the same for both halves (table 191).
pub(super) fn check_alike(private: &Attributes, public: &Attributes) -> Result<(), Error> {
    let fault = "it must be the same for both keys";
    let different = [
        (Tag::CryptographicAlgorithm, private.cryptographic_algorithm != public.cryptographic_algorithm),
        (Tag::CryptographicLength, private.cryptographic_length != public.cryptographic_length),
        (
            Tag::CryptographicDomainParameters,
            private.cryptographic_domain_parameters != public.cryptographic_domain_parameters,
        ),
        (Tag::CryptographicParameters, private.cryptographic_parameters != public.cryptographic_parameters),
    ];
    match different.into_iter().find(|(_, different)| *different) {
        Some((tag, _)) => Err(Error::Invalid { tag, fault }),
        None => Ok(()),
    }
}

fn link(attributes: &mut Attributes, link_type: LinkType, id: &str) {
    let linked_object_identifier = UniqueIdentifier::Text(id.to_owned());
    attributes.links.retain(|link| link.link_type != Some(link_type));
    attributes.links.push(Link { link_type: Some(link_type), linked_object_identifier });
}

/// The identifier of the object that a link of this type names.
pub(in crate::kms) fn linked(attributes: &Attributes, link_type: LinkType) -> Option<&str> {
    let link = attributes.links.iter().find(|link| link.link_type == Some(link_type))?;
    link.linked_object_identifier.as_text()
}
