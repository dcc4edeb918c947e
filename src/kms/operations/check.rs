//! Check (KMIP 2.1 section 6.1.7).

use super::super::{Call, Error, Kms};
use crate::kmip::Tag;
use crate::kmip::payloads::check::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    let own = grant.object();
    if request.cryptographic_usage_mask.is_some_and(|wanted| !own.permits(wanted)) {
        return Err(Error::UsageMask("every use that the request names"));
    }
    // No object has usage limits or a lease.
    for (tag, is_given) in
        [(Tag::UsageLimitsCount, request.usage_limits_count.is_some()), (Tag::LeaseTime, request.lease_time.is_some())]
    {
        if is_given {
            return Err(Error::UnsupportedAttribute(tag));
        }
    }
    Ok(Response { unique_identifier: own.id.clone() })
}
