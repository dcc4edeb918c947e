//! Ping (KMIP 2.1 section 6.1.37).

use super::super::{Call, Error, Kms};
use crate::kmip::payloads::ping::{Request, Response};

pub(in crate::kms) fn run(_: &Kms, _: &Call<'_>, _: Request) -> Result<Response, Error> {
    Ok(Response {})
}
