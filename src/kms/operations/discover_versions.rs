//! Discover Versions (KMIP 2.1 section 6.1.16).

use super::super::{Call, Error, Kms};
use crate::kmip::payloads::discover_versions::{Request, Response};
use crate::kmip::versions::Version;

pub(in crate::kms) fn run(_: &Kms, _: &Call<'_>, request: Request) -> Result<Response, Error> {
    let wanted = request.protocol_versions;
    let served = Version::ALL.map(Version::protocol).into_iter();
    Ok(Response { protocol_versions: served.filter(|own| wanted.is_empty() || wanted.contains(own)).collect() })
}
