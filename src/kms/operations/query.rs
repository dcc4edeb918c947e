//! Query (KMIP 2.1 section 6.1.40).

use super::super::call::Call;
use super::super::error::Error;
use super::super::gate::Kms;
use super::{Facts, Needs, SERVED};
use crate::kmip::enumerations::{DestroyAction, ObjectType, Operation, QueryFunction};
use crate::kmip::payloads::query::{CapabilityInformation, Request, Response, ServerInformation};

/// Vendor Identification (section 7.41).
const VENDOR: &str = "Claviger";

/// The operations and kinds of objects are those that this token has.
pub(in crate::kms) fn run(kms: &Kms, _: &Call<'_>, request: Request) -> Result<Response, Error> {
    let (imports, has_pairs) = (kms.imports(), kms.has_pairs());
    let is_served = |operation: &Operation| match Facts::of(*operation).map(|facts| facts.needs) {
        Some(Needs::Nothing) => true,
        Some(Needs::Imports) => imports,
        Some(Needs::Pairs) => has_pairs,
        None => false,
    };
    let mut response = Response::default();
    for function in request.query_functions {
        match function {
            QueryFunction::QueryOperations => {
                response.operations = SERVED.iter().copied().filter(is_served).collect();
            }
            QueryFunction::QueryObjects => {
                response.object_types = vec![ObjectType::SymmetricKey];
                if has_pairs {
                    response.object_types.extend([ObjectType::PublicKey, ObjectType::PrivateKey]);
                }
            }
            QueryFunction::QueryServerInformation => {
                response.vendor_identification = Some(VENDOR.to_owned());
                response.server_information = Some(ServerInformation {
                    server_name: Some("clavigerd".to_owned()),
                    server_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                    product_name: Some(VENDOR.to_owned()),
                    ..ServerInformation::default()
                });
            }
            QueryFunction::QueryCapabilities => {
                response.capability_information = vec![CapabilityInformation {
                    streaming: Some(false),
                    asynchronous: Some(false),
                    attestation: Some(false),
                    batch_undo: Some(false),
                    batch_continue: Some(true),
                    destroy_action: Some(DestroyAction::KeyMaterialDeleted),
                    ..CapabilityInformation::default()
                }];
            }
            // Nothing to tell is an answer too (section 6.1.40).
            _ => {}
        }
    }
    Ok(response)
}
