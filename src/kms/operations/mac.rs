//! MAC (KMIP 2.1 section 6.1.32).

use super::super::{Call, Error, Kms, mechanism};
use crate::kmip::Tag;
use crate::kmip::payloads::mac::{Request, Response};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    mechanism::check_whole(&request.multi_part)?;
    let data = request.data.ok_or(Error::Missing(Tag::Data))?;
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?;
    let key = grant.usable()?;
    let object = key.object();
    let mac = mechanism::mac(object, request.cryptographic_parameters.as_ref())?;
    key.use_up(data.len())?;
    let mac_data = Bytes::from(key.mac(mac, &data)?);
    Ok(Response { unique_identifier: object.id.clone(), mac_data })
}
