//! MAC Verify (KMIP 2.1 section 6.1.33).

use super::super::streams::Gathered;
use super::super::{Call, Error, Kms, mechanism};
use crate::kmip::Tag;
use crate::kmip::enumerations::{Operation, ValidityIndicator};
use crate::kmip::payloads::mac_verify::{Request, Response};
use crate::secret::is_equal;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize_part(call, request.unique_identifier.as_ref(), &request.multi_part)?;
    let key = grant.usable()?;
    let object = key.object();
    let unique_identifier = object.id.clone();
    let stream = key.stream(Operation::MACVerify, &request.multi_part, request.cryptographic_parameters)?;
    let mac = mechanism::mac(object, Some(&stream.parameters))?;
    let data = match stream.gather(request.data)? {
        Gathered::All(data) => data,
        Gathered::Open(value) => {
            return Ok(Response { unique_identifier, validity_indicator: None, correlation_value: Some(value) });
        }
    };
    let presented = request.mac_data.ok_or(Error::Missing(Tag::MACData))?;
    let own = key.mac(mac, &data)?;
    // The whole MAC is compared: a prefix of it is shorter and easier to guess.
    let valid = is_equal(&own, &presented);
    let validity_indicator = Some(if valid { ValidityIndicator::Valid } else { ValidityIndicator::Invalid });
    Ok(Response { unique_identifier, validity_indicator, correlation_value: None })
}
