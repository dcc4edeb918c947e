//! Create (KMIP 2.1 section 6.1.8).

use super::super::proposal::{self, check_masks};
use super::super::{Call, Error, Kms};
use crate::kmip::enumerations::ObjectType;
use crate::kmip::payloads::create::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    if request.object_type != ObjectType::SymmetricKey {
        return Err(Error::ObjectType("Create makes symmetric keys: bring other objects with Register"));
    }
    check_masks(kms, &[request.protection_storage_masks])?;
    let mut attributes = *request.attributes;
    let grant = kms.authorize_new(call, &mut attributes)?;
    let (unique_identifier, _) = proposal::create(&grant, call, attributes)?;
    Ok(Response { object_type: ObjectType::SymmetricKey, unique_identifier })
}
