//! Get Attribute List (KMIP 2.1 section 6.1.21).

use super::super::{Call, Error, Kms};
use crate::kmip::payloads::get_attribute_list::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?;
    let attribute_references = grant.attributes()?.references();
    Ok(Response { unique_identifier: grant.object().id.clone(), attribute_references })
}
