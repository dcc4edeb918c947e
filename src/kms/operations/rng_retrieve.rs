//! RNG Retrieve (KMIP 2.1 section 6.1.48).

use super::super::{Call, Error, Kms};
use crate::kmip::Tag;
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::rng_retrieve::{Request, Response};
use crate::secret::Bytes;

/// Maximum number of random bytes in one answer.
const MAX_BYTES: usize = 65_536;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let length = usize::try_from(request.data_length).ok().filter(|length| (1..=MAX_BYTES).contains(length));
    let length = length.ok_or(Error::Invalid { tag: Tag::DataLength, fault: "1 to 65,536 bytes" })?;
    let data = kms.authorize_server(call, Operation::RNGRetrieve)?.random(length)?;
    Ok(Response { data: Bytes::from(data.expose()) })
}
