//! Get Attributes (KMIP 2.1 section 6.1.20).

use super::super::{Call, Error, Kms};
use crate::kmip::payloads::get_attributes::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?;
    let all = grant.attributes()?;
    let wanted = &request.attribute_references;
    let attributes = if wanted.is_empty() { all } else { all.select(wanted) };
    Ok(Response { unique_identifier: grant.object().id.clone(), attributes: Box::new(attributes) })
}
