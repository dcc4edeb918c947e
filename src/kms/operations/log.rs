//! Log (KMIP 2.1 section 6.1.29).

use super::super::{Call, Error, Kms};
use crate::kmip::Tag;
use crate::kmip::attributes::TEXT_BYTES;
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::log::{Request, Response};

/// Writes the text into the audit log, as the detail of the line of this operation.
pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    if request.log_message.len() > TEXT_BYTES {
        return Err(Error::Invalid { tag: Tag::LogMessage, fault: "at most 1,024 bytes" });
    }
    call.describe(request.log_message);
    kms.authorize_server(call, Operation::Log)?;
    Ok(Response {})
}
