//! Register (KMIP 2.1 section 6.1.43).

use super::super::brought::Brought;
use super::super::proposal::{Origin, check_masks};
use super::super::{Call, Error, Kms, unwrapped};
use crate::kmip::payloads::register::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    check_masks(kms, &[request.protection_storage_masks])?;
    let mut attributes = *request.attributes;
    let brought = Brought::read(request.object_type, request.object, &mut attributes)?;
    if let Some(unique_identifier) = unwrapped::register(kms, call, &brought, &attributes)? {
        return Ok(Response { unique_identifier });
    }
    let grant = kms.authorize_new(call, &mut attributes)?;
    let unique_identifier = brought.add(&grant, call, attributes, Origin::Registered)?;
    Ok(Response { unique_identifier })
}
