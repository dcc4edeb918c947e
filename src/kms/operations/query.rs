//! Query (KMIP 2.1 section 6.1.40).

use super::super::{Call, Error, Kms};
use super::{Facts, SERVED};
use crate::kmip::attributes::RandomNumberGenerator;
use crate::kmip::enumerations::{DestroyAction, ObjectType, Operation, QueryFunction};
use crate::kmip::payloads::query::{CapabilityInformation, Request, Response, ServerInformation};

/// Vendor Identification (section 7.41).
const VENDOR: &str = "Claviger";

/// Lists only the operations that this HSM token supports.
pub(in crate::kms) fn run(kms: &Kms, _: &Call<'_>, request: Request) -> Result<Response, Error> {
    let is_served = |operation: &Operation| Facts::of(*operation).is_some_and(|facts| kms.has(facts.needs));
    let mut response = Response::default();
    for function in request.query_functions {
        match function {
            QueryFunction::QueryOperations => {
                response.operations = SERVED.iter().copied().filter(is_served).collect();
            }
            QueryFunction::QueryObjects => {
                // What the HSM does not use is kept.
                let kept = ObjectType::ALL.iter().copied().filter(|kind| *kind != ObjectType::Reserved);
                response.object_types = kept.collect();
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
                    streaming: Some(true),
                    asynchronous: Some(false),
                    attestation: Some(false),
                    batch_undo: Some(true),
                    batch_continue: Some(true),
                    unwrap_mode: Some(kms.unwrap_mode()),
                    destroy_action: Some(DestroyAction::KeyMaterialDeleted),
                    ..CapabilityInformation::default()
                }];
            }
            QueryFunction::QueryRNGs => response.rng_parameters = vec![RandomNumberGenerator::unspecified()],
            // An answer without items is permitted (section 6.1.40).
            _ => {}
        }
    }
    Ok(response)
}
