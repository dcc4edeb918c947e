//! Get Usage Allocation (KMIP 2.1 section 6.1.23).

use super::super::{Call, Error, Kms};
use crate::kmip::Tag;
use crate::kmip::payloads::get_usage_allocation::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    if request.usage_limits_count < 1 {
        return Err(Error::Invalid { tag: Tag::UsageLimitsCount, fault: "it must be at least 1" });
    }
    grant.allocate(request.usage_limits_count)?;
    Ok(Response { unique_identifier: grant.object().id.clone() })
}
