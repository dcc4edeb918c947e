//! Interop (KMIP 2.1 section 6.1.26): a test suite announces its test cases.

use super::super::{Call, Error, Kms};
use super::Needs;
use crate::kmip;
use crate::kmip::error::Fault;
use crate::kmip::payloads::interop::{Request, Response};

/// Changes nothing: each test case removes its objects.
pub(in crate::kms) fn run(kms: &Kms, _: &Call<'_>, _: Request) -> Result<Response, Error> {
    if kms.has(Needs::Interop) {
        Ok(Response {})
    } else {
        Err(kmip::Error::from(Fault::UnsupportedOperation("Interop")).into())
    }
}
