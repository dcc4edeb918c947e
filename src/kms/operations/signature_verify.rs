//! Signature Verify (KMIP 2.1 section 6.1.56).

use super::super::gate::Grant;
use super::super::signature::{self, Making, ToSign};
use super::super::{Call, Error, Kms};
use crate::kmip::Tag;
use crate::kmip::enumerations::{Operation, ValidityIndicator};
use crate::kmip::payloads::signature_verify::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize_part(call, request.unique_identifier.as_ref(), &request.multi_part)?;
    by(grant, &request)
}

/// Verifies by the key of the permission.
pub(in crate::kms) fn by(grant: Grant<'_>, request: &Request) -> Result<Response, Error> {
    let key = grant.usable()?;
    let object = key.object();
    let unique_identifier = object.id.clone();
    let parameters = request.cryptographic_parameters.clone();
    let stream = key.stream(Operation::SignatureVerify, &request.multi_part, parameters)?;
    let mechanism = signature::mechanism(object, Some(&stream.parameters), Making::Verify)?;
    let (data, digested) = (request.data.as_ref(), request.digested_data.as_ref());
    let presented = request.signature_data.as_ref().ok_or(Error::Missing(Tag::SignatureData));
    let digest = match signature::to_sign(stream, mechanism, data, digested)? {
        ToSign::All(digest) => digest,
        ToSign::Open(value) => {
            return Ok(Response { unique_identifier, validity_indicator: None, correlation_value: Some(value) });
        }
    };
    let valid = key.is_signature(mechanism, &digest, presented?)?;
    let validity_indicator = Some(if valid { ValidityIndicator::Valid } else { ValidityIndicator::Invalid });
    Ok(Response { unique_identifier, validity_indicator, correlation_value: None })
}
