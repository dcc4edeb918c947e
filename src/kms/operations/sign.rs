//! Sign (KMIP 2.1 section 6.1.55).

use super::super::signature::{self, Making, ToSign};
use super::super::{Call, Error, Kms};
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::sign::{Request, Response};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize_part(call, request.unique_identifier.as_ref(), &request.multi_part)?;
    let key = grant.usable()?;
    let object = key.object();
    let unique_identifier = object.id.clone();
    let stream = key.stream(Operation::Sign, &request.multi_part, request.cryptographic_parameters)?;
    let mechanism = signature::mechanism(object, Some(&stream.parameters), Making::Sign)?;
    let (data, digested) = (request.data.as_ref(), request.digested_data.as_ref());
    // The bytes of each part are counted when it comes, and the object when it is signed.
    let counted = data.or(digested).map_or(0, |own| own.len());
    let is_complete = stream.is_whole() || stream.is_last();
    if !is_complete {
        key.go_on_using_up(counted)?;
    }
    let digest = match signature::to_sign(stream, mechanism, data, digested)? {
        ToSign::All(digest) => digest,
        ToSign::Open(value) => {
            return Ok(Response { unique_identifier, signature_data: None, correlation_value: Some(value) });
        }
    };
    key.use_up(counted)?;
    let signature_data = Some(Bytes::from(key.sign(mechanism, &digest)?));
    Ok(Response { unique_identifier, signature_data, correlation_value: None })
}
