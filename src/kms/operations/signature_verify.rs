//! Signature Verify (KMIP 2.1 section 6.1.56).

use super::super::gate::Grant;
use super::super::signature::{self, Making};
use super::super::{Call, Error, Kms, mechanism};
use crate::kmip::Tag;
use crate::kmip::enumerations::ValidityIndicator;
use crate::kmip::payloads::signature_verify::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?;
    by(grant, &request)
}

/// Verifies by the key of the permission.
pub(in crate::kms) fn by(grant: Grant<'_>, request: &Request) -> Result<Response, Error> {
    mechanism::check_whole(&request.multi_part)?;
    let presented = request.signature_data.as_ref().ok_or(Error::Missing(Tag::SignatureData))?;
    let key = grant.usable()?;
    let object = key.object();
    let mechanism = signature::mechanism(object, request.cryptographic_parameters.as_ref(), Making::Verify)?;
    let digest = signature::digest(mechanism, request.data.as_ref(), request.digested_data.as_ref())?;
    let valid = key.is_signature(mechanism, &digest, presented)?;
    let validity_indicator = if valid { ValidityIndicator::Valid } else { ValidityIndicator::Invalid };
    Ok(Response { unique_identifier: object.id.clone(), validity_indicator })
}
