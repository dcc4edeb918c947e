//! Re-key (KMIP 2.1 section 6.1.46).

use super::super::attribute_change::check_rights;
use super::super::attribute_fault::AttributeFault;
use super::super::gate::Grant;
use super::super::object::Object;
use super::super::proposal::{Origin, Proposal, check_masks, check_settable, propose};
use super::super::{Call, Error, Kms, rotation};
use crate::kmip::enumerations::{Operation, State};
use crate::kmip::payloads::re_key::{Request, Response};
use crate::kmip::{Attributes, Tag, UniqueIdentifier};
use crate::turns::Turn;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    check_masks(kms, &[request.protection_storage_masks])?;
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    // The names move to the replacement.
    kms.authorize_beside(call, Operation::ModifyAttribute, request.unique_identifier.as_ref())?;
    let said = request.attributes.map(|own| *own).unwrap_or_default();
    check_settable(&said, Origin::Created)?;
    let names = turns_of_names(kms, call, &grant, &said)?;
    let unique_identifier = grant.re_key(names, |present| {
        let attributes = differing(kms, call, present, rotation::copied(present, call.now, request.offset), &said)?;
        let new = grant.successor(present, &attributes, false)?;
        let proposal: Proposal = propose(&new, call, attributes, Origin::Created)?;
        check_class(present, &proposal.attributes)?;
        Ok(proposal)
    })?;
    Ok(Response { unique_identifier })
}

/// Takes the locks on names that the request gives to the replacement and the key does not have.
pub(super) fn turns_of_names(
    kms: &Kms,
    call: &Call<'_>,
    grant: &Grant<'_>,
    said: &Attributes,
) -> Result<Vec<Turn>, Error> {
    let object = grant.object();
    let is_new = |name: &&String| object.attributes.names.iter().all(|own| own.value != **name);
    let project = object.access.project.as_deref();
    let mut names: Vec<&String> = said.names.iter().map(|name| &name.value).filter(is_new).collect();
    names.sort();
    names.dedup();
    let turns = names.into_iter().filter(|_| object.kind.has_own_name());
    let turns = turns.map(|name| kms.turn_of_key_name(call, project, name, Some(&object.id)));
    Ok(turns.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The attributes of the replacement, in which those of the request replace the copied ones.
///
/// # Errors
/// The replacement would be in another project, or the caller may not change the key like this.
pub(super) fn differing(
    kms: &Kms,
    call: &Call<'_>,
    present: &Object,
    copied: Attributes,
    said: &Attributes,
) -> Result<Attributes, Error> {
    let mut said = said.clone();
    let project = said.take_project().map_err(|_| Error::Project)?;
    if project.is_some() && project != present.access.project {
        return Err(Error::Feature("a replacement is in the project of the key: leave the attribute out"));
    }
    let attributes = copied.replaced(&said)?;
    let own = &present.attributes;
    let [mask, former] = [&attributes, own].map(|own| own.cryptographic_usage_mask.unwrap_or_default());
    if !former.contains(mask) {
        return Err(AttributeFault::MaskGrows.into());
    }
    let limits = |own: &Attributes| own.usage_limits.as_ref().map(|limits| (limits.total, limits.unit));
    if limits(&attributes) != limits(own) {
        let fault = "a replacement has the limits of the key: leave the attribute out";
        return Err(Error::Invalid { tag: Tag::UsageLimits, fault });
    }
    // Who uses the key by its name uses the replacement: what differs is a change of the key.
    check_rights(kms, call, present, &attributes)?;
    let id = UniqueIdentifier::Text(present.id.clone());
    let is_active = attributes.activation_date.is_some_and(|date| date <= call.now);
    let also = match present.state(call.now) {
        // The name would have no usable key until then.
        State::Active if !is_active => Operation::Revoke,
        // The name, the grants and the project would have a usable key again.
        State::Deactivated => Operation::Activate,
        _ => return Ok(attributes),
    };
    kms.authorize_beside(call, also, Some(&id))?;
    Ok(attributes)
}

/// Refuses a replacement that may leave the HSM more easily than the key.
pub(super) fn check_class(present: &Object, new: &Attributes) -> Result<(), Error> {
    let fault = "a replacement is no weaker than the key that it replaces";
    present.weaker_in(new).map_or(Ok(()), |tag| Err(Error::Invalid { tag, fault }))
}
