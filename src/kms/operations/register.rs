//! Register (KMIP 2.1 section 6.1.43).

use super::super::call::Call;
use super::super::error::Error;
use super::super::gate::Kms;
use super::super::proposal::{Origin, brought, propose};
use crate::kmip::Tag;
use crate::kmip::payloads::register::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    if request.object_type != request.object.object_type() {
        return Err(Error::Invalid { tag: Tag::ObjectType, fault: "it is not that of the object" });
    }
    if request.protection_storage_masks.is_some() {
        return Err(Error::Feature("Protection Storage Masks are not supported: keys are always in the HSM's custody"));
    }
    let mut attributes = *request.attributes;
    let bytes = brought(request.object, &mut attributes)?;
    let grant = kms.authorize_new(call, &mut attributes)?;
    let proposal = propose(&grant, call, attributes, Origin::Registered)?;
    let material = grant.make(proposal.class, proposal.kind, proposal.mask(), Some(&bytes))?;
    grant.insert(&proposal.id, proposal.attributes, proposal.class, material)?;
    Ok(Response { unique_identifier: proposal.id })
}
