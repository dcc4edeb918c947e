//! RNG Seed (KMIP 2.1 section 6.1.50).

use super::super::{Call, Error, Kms};
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::rng_seed::{Request, Response};

/// Uses nothing of the seed, and says so, as the standard permits: the generators of HSM and OpenSSL seed themselves.
pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, _: Request) -> Result<Response, Error> {
    kms.authorize_server(call, Operation::RNGRetrieve)?;
    Ok(Response { data_length: 0 })
}
