//! Discover Versions (KMIP 2.1 section 6.1.16).

use super::super::{Call, Error, Kms};
use crate::kmip::message::ProtocolVersion;
use crate::kmip::payloads::discover_versions::{Request, Response};

/// The supported versions, the preferred one first.
pub(in crate::kms) const VERSIONS: [ProtocolVersion; 1] = [ProtocolVersion::V2_1];

pub(in crate::kms) fn run(_: &Kms, _: &Call<'_>, request: Request) -> Result<Response, Error> {
    let wanted = request.protocol_versions;
    let common = VERSIONS.into_iter().filter(|version| wanted.is_empty() || wanted.contains(version));
    Ok(Response { protocol_versions: common.collect() })
}
