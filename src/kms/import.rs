//! Import (KMIP 2.1 section 6.1.26).

use super::proposal::{Origin, brought, propose};
use super::{Call, Error, Kms};
use crate::kmip::enumerations::{KeyWrapType, ObjectType, Operation};
use crate::kmip::payloads::import::{Request, Response};
use crate::kmip::{Tag, UniqueIdentifier};

pub(super) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    if request.object_type != request.object.object_type() {
        return Err(Error::Invalid { tag: Tag::ObjectType, fault: "it is not that of the object" });
    }
    if request.key_wrap_type == Some(KeyWrapType::AsRegistered) {
        return Err(Error::KeyWrap("keys are registered and imported in clear, over TLS; wrapped ones are not kept"));
    }
    let mut attributes = *request.attributes;
    let bytes = brought(request.object, &mut attributes)?;
    attributes.unique_identifier = Some(request.unique_identifier);
    let grant = kms.authorize_new(call, Operation::Import, &mut attributes)?;
    let proposal = propose(&grant, call, attributes, Origin::Imported)?;
    let existing = if request.replace_existing == Some(true) {
        let id = UniqueIdentifier::Text(proposal.id.clone());
        match kms.authorize(call, Operation::Import, Some(&id)) {
            Ok(existing) => {
                if existing.object().attributes.object_type != Some(ObjectType::SymmetricKey) {
                    let fault = "only a symmetric key is replaced by an import";
                    return Err(Error::Invalid { tag: Tag::ObjectType, fault });
                }
                grant.check_place(&existing)?;
                Some(existing.undestroyed()?)
            }
            // Nothing to replace; somebody else's object is told apart when the row is added.
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        }
    } else {
        None
    };
    let material = grant.make(proposal.class, proposal.kind, proposal.mask(), Some(&bytes))?;
    match existing {
        Some(existing) => {
            if let Err(error) = existing.exchange(&proposal.attributes, proposal.class, &material) {
                grant.discard(&material);
                return Err(error);
            }
        }
        None => grant.insert(&proposal.id, proposal.attributes, proposal.class, material)?,
    }
    Ok(Response { unique_identifier: proposal.id })
}
