//! MAC (KMIP 2.1 section 6.1.32).

use super::super::streams::Gathered;
use super::super::{Call, Error, Kms, mechanism};
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::mac::{Request, Response};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize_part(call, request.unique_identifier.as_ref(), &request.multi_part)?;
    let key = grant.usable()?;
    let object = key.object();
    let unique_identifier = object.id.clone();
    let stream = key.stream(Operation::MAC, &request.multi_part, request.cryptographic_parameters)?;
    let mac = mechanism::mac(object, Some(&stream.parameters))?;
    let data = match stream.gather(request.data)? {
        Gathered::All(data) => data,
        Gathered::Open(value) => {
            return Ok(Response { unique_identifier, mac_data: None, correlation_value: Some(value) });
        }
    };
    key.use_up(data.len())?;
    let mac_data = Some(Bytes::from(key.mac(mac, &data)?));
    Ok(Response { unique_identifier, mac_data, correlation_value: None })
}
