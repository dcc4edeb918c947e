//! Re-key Key Pair (KMIP 2.1 section 6.1.47).

use std::time::Duration;

use super::super::halves::propose_half;
use super::super::object::Object;
use super::super::object_kind::Half;
use super::super::pairs::public_half;
use super::super::proposal::{Origin, check_masks, check_settable};
use super::super::{Call, Error, Kms, rotation};
use super::create_key_pair::check_alike;
use super::re_key::{check_class, differing, turns_of_names};
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::re_key_key_pair::{Request, Response};
use crate::kmip::{Attributes, Tag, UniqueIdentifier};

/// Time limit for making a key pair, from the beginning of the request.
const PATIENCE: Duration = Duration::from_secs(60);

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    check_masks(
        kms,
        &[
            request.common_protection_storage_masks,
            request.private_protection_storage_masks,
            request.public_protection_storage_masks,
        ],
    )?;
    let common = request.common_attributes.map(|own| *own).unwrap_or_default();
    if common.unique_identifier.is_some() {
        return Err(Error::Invalid { tag: Tag::CommonAttributes, fault: "two objects cannot have one identifier" });
    }
    let of_private = common.overridden(request.private_key_attributes.as_deref())?;
    let of_public = common.overridden(request.public_key_attributes.as_deref())?;
    let id = request.private_key_unique_identifier.as_ref();
    let private = kms.authorize(call, id)?.undestroyed()?;
    let public = public_half(private.object())
        .ok_or(Error::ObjectType("Re-key Key Pair replaces a pair that was made in the HSM: name its private key"))?;
    let public_id = UniqueIdentifier::Text(public.to_owned());
    let public = kms.authorize(call, Some(&public_id))?.undestroyed()?;
    for (said, half) in [(&of_private, id), (&of_public, Some(&public_id))] {
        kms.authorize_beside(call, Operation::ModifyAttribute, half)?;
        check_settable(said, Origin::Created)?;
        check_key(said)?;
    }
    // The HSM searches for prime numbers, and may work on other requests first.
    call.context.ticket.allow(PATIENCE);
    let names = turns_of_names(kms, call, &private, &of_private)?;
    let [private_key_unique_identifier, public_key_unique_identifier] =
        private.re_key_pair(&public, names, |own, other| {
            let copied = |object: &Object| rotation::copied(object, call.now, request.offset);
            let first = differing(kms, call, own, copied(own), &of_private)?;
            let second = differing(kms, call, other, copied(other), &of_public)?;
            let (one, two) = (private.successor(own, &first, false)?, public.successor(other, &second, false)?);
            let halves =
                [propose_half(&one, call, first, &Half::PRIVATE)?, propose_half(&two, call, second, &Half::PUBLIC)?];
            let [new, public] = &halves;
            check_class(own, &new.attributes)?;
            check_alike(&new.attributes, &public.attributes)?;
            Ok(halves)
        })?;
    Ok(Response { private_key_unique_identifier, public_key_unique_identifier })
}

/// Refuses another algorithm or length: clients that use the pair expect the former ones.
fn check_key(said: &Attributes) -> Result<(), Error> {
    let differs = [
        (Tag::CryptographicAlgorithm, said.cryptographic_algorithm.is_some()),
        (Tag::CryptographicLength, said.cryptographic_length.is_some()),
        (Tag::CryptographicDomainParameters, said.cryptographic_domain_parameters.is_some()),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((tag, _)) => {
            Err(Error::Invalid { tag, fault: "it is that of the present pair: leave it out, or create a new pair" })
        }
        None => Ok(()),
    }
}
