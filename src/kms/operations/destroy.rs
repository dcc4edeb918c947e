//! Destroy (KMIP 2.1 section 6.1.15).

use super::super::{Call, Error, Kms};
use crate::kmip::payloads::destroy::{Request, Response};
use crate::kmip::state;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    grant.destroy(|object, attributes| {
        attributes.state = Some(state::destroy(object.state(call.now))?);
        attributes.destroy_date = Some(call.now);
        Ok(())
    })?;
    Ok(Response { unique_identifier: grant.object().id.clone() })
}
