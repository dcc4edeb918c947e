//! Create (KMIP 2.1 section 6.1.8).

use super::super::call::Call;
use super::super::error::Error;
use super::super::gate::{Kms, NewGrant};
use super::super::proposal::{Origin, propose};
use crate::kmip::enumerations::ObjectType;
use crate::kmip::payloads::create::{Request, Response};
use crate::kmip::{Attributes, Tag};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    if request.object_type != ObjectType::SymmetricKey {
        return Err(Error::Invalid { tag: Tag::ObjectType, fault: "Create makes symmetric keys" });
    }
    if request.protection_storage_masks.is_some() {
        return Err(Error::Feature("Protection Storage Masks are not supported: keys are always in the HSM's custody"));
    }
    let mut attributes = *request.attributes;
    let grant = kms.authorize_new(call, &mut attributes)?;
    let (unique_identifier, _) = make(&grant, call, attributes)?;
    Ok(Response { object_type: ObjectType::SymmetricKey, unique_identifier })
}

/// Makes the key; its identifier, and its attributes without the project.
pub(in crate::kms) fn make(
    grant: &NewGrant<'_>,
    call: &Call<'_>,
    attributes: Attributes,
) -> Result<(String, Attributes), Error> {
    let proposal = propose(grant, call, attributes, Origin::Created)?;
    let made = (proposal.id.clone(), proposal.attributes.clone());
    let material = grant.make(proposal.class, proposal.kind, proposal.mask(), None)?;
    grant.insert(&proposal.id, proposal.attributes, proposal.class, material)?;
    Ok(made)
}
