//! Check (KMIP 2.1 section 6.1.7).

use super::super::gate::LEASE;
use super::super::{Call, Error, Kms};
use crate::kmip::payloads::check::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    let own = grant.object();
    if request.cryptographic_usage_mask.is_some_and(|wanted| !own.permits(wanted)) {
        return Err(Error::UsageMask("every use that the request names"));
    }
    if request.lease_time.is_some_and(|wanted| wanted.0 > LEASE.0) {
        return Err(Error::Lease(LEASE.0));
    }
    // No object has Usage Limits: each may be used without a limit.
    Ok(Response { unique_identifier: own.id.clone() })
}
