//! Check (KMIP 2.1 section 6.1.7).

use super::super::{Call, Error, Kms, LifecycleFault};
use crate::kmip::payloads::check::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    let own = grant.object();
    if request.cryptographic_usage_mask.is_some_and(|wanted| !own.permits(wanted)) {
        return Err(Error::UsageMask("every use that the request names"));
    }
    let lease = grant.lease();
    if request.lease_time.is_some_and(|wanted| wanted.0 > lease.0) {
        return Err(LifecycleFault::Lease(lease.0).into());
    }
    if let Some(units) = request.usage_limits_count
        && grant.units_left()?.is_some_and(|left| units > left)
    {
        return Err(LifecycleFault::UsageLimit { id: own.id.clone(), units }.into());
    }
    Ok(Response { unique_identifier: own.id.clone() })
}
