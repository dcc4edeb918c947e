//! Revoke (KMIP 2.1 section 6.1.44).

use super::super::{Call, Error, Kms};
use crate::kmip::Tag;
use crate::kmip::payloads::revoke::{Request, Response};
use crate::kmip::state;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?;
    let reason = &request.revocation_reason;
    let compromised = state::is_compromise(reason.code);
    if request.compromise_occurrence_date.is_some() && !compromised {
        return Err(Error::Invalid {
            tag: Tag::CompromiseOccurrenceDate,
            fault: "it goes with the reasons KeyCompromise and CACompromise",
        });
    }
    if reason.message.as_ref().is_some_and(|message| message.len() > crate::kmip::attributes::TEXT_BYTES) {
        return Err(Error::Invalid { tag: Tag::RevocationMessage, fault: "at most 1,024 bytes" });
    }
    grant.change(|object, attributes| {
        attributes.state = Some(state::revoke(object.state(call.now), reason.code)?);
        attributes.revocation_reason = Some(reason.clone());
        if compromised {
            attributes.compromise_date = Some(call.now);
            attributes.compromise_occurrence_date = request.compromise_occurrence_date.or(Some(call.now));
        } else {
            attributes.deactivation_date = Some(call.now);
        }
        Ok(())
    })?;
    Ok(Response { unique_identifier: grant.object().id.clone() })
}
