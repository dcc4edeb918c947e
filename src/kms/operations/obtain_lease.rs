//! Obtain Lease (KMIP 2.1 section 6.1.35).

use super::super::{Call, Error, Kms};
use crate::kmip::payloads::obtain_lease::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    let (lease_time, object) = (grant.lease(), grant.object());
    // Every object has the date; the alternative is only for the type.
    let last_change_date = object.attributes.last_change_date.unwrap_or(call.now);
    Ok(Response { unique_identifier: object.id.clone(), lease_time, last_change_date })
}
