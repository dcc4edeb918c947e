//! Export (KMIP 2.1 section 6.1.18).

use super::super::{Call, Error, Kms};
use super::get::Wanted;
use crate::kmip::payloads::export::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    let wanted = Wanted {
        format: request.key_format_type,
        compression: request.key_compression_type,
        wrap_type: request.key_wrap_type,
        wrapping: request.key_wrapping_specification.as_deref(),
    };
    let object = wanted.object(kms, call, &grant)?;
    grant.note_giving()?;
    Ok(Response {
        object_type: object.object_type(),
        unique_identifier: grant.object().id.clone(),
        attributes: Box::new(grant.attributes()?),
        object: Some(object),
    })
}
