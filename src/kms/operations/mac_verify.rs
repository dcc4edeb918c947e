//! MAC Verify (KMIP 2.1 section 6.1.33).

use super::super::{Call, Error, Kms, mechanism};
use crate::kmip::Tag;
use crate::kmip::enumerations::ValidityIndicator;
use crate::kmip::payloads::mac_verify::{Request, Response};
use crate::secret::is_equal;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    mechanism::check_whole(&request.multi_part)?;
    let data = request.data.ok_or(Error::Missing(Tag::Data))?;
    let presented = request.mac_data.ok_or(Error::Missing(Tag::MACData))?;
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?;
    let key = grant.usable()?;
    let object = key.object();
    let mac = mechanism::mac(object, request.cryptographic_parameters.as_ref())?;
    let own = key.mac(mac, &data)?;
    // The whole MAC is compared: a prefix of it is shorter and easier to guess.
    let valid = is_equal(&own, &presented);
    let validity_indicator = if valid { ValidityIndicator::Valid } else { ValidityIndicator::Invalid };
    Ok(Response { unique_identifier: object.id.clone(), validity_indicator })
}
