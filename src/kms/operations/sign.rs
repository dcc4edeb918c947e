//! Sign (KMIP 2.1 section 6.1.55).

use super::super::{Call, Error, Kms, mechanism, signature};
use crate::kmip::payloads::sign::{Request, Response};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    mechanism::check_whole(&request.multi_part)?;
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?;
    let key = grant.usable()?;
    let object = key.object();
    let mechanism = signature::mechanism(object, request.cryptographic_parameters.as_ref())?;
    let digest = signature::digest(mechanism, request.data.as_ref(), request.digested_data.as_ref())?;
    key.use_up(request.data.as_ref().map_or(digest.len(), |data| data.len()))?;
    let signature_data = Bytes::from(key.sign(mechanism, &digest)?);
    Ok(Response { unique_identifier: object.id.clone(), signature_data })
}
