//! The lifecycle and the usage masks through the KMIP socket: every cell of the tables of `lifecycle`, in KMIP 1.4 and 2.1.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::harness::kmip::{create, integer, structure, text};
use crate::harness::message::{item, message_of, version};
use crate::harness::socket::{Socket, items_of, outcome, with_socket};
use crate::lifecycle::{STATES, TABLE, USES, request_in, use_of};

/// The spelling of an operation in KMIP 1.4, where attributes have names.
fn in_1_4(operation: &Value) -> Value {
    let mut parts = Vec::new();
    for part in operation["value"].as_array().unwrap() {
        if part["tag"] != "Attributes" {
            parts.push(part.clone());
            continue;
        }
        for attribute in part["value"].as_array().unwrap() {
            let mut value = attribute.clone();
            value["tag"] = json!("AttributeValue");
            let name = match attribute["tag"].as_str().unwrap() {
                "CryptographicAlgorithm" => "Cryptographic Algorithm",
                "CryptographicLength" => "Cryptographic Length",
                "CryptographicUsageMask" => "Cryptographic Usage Mask",
                "ActivationDate" => "Activation Date",
                other => panic!("{other}"),
            };
            if name == "Cryptographic Algorithm" {
                value["value"] = json!("0x00000003");
            }
            parts.push(structure("Attribute", &[text("AttributeName", name), value]));
        }
    }
    structure(operation["tag"].as_str().unwrap(), &parts)
}

fn asked(socket: &mut Socket, number: (i64, i64), operation: &Value) -> String {
    let operation = if number == (1, 4) { in_1_4(operation) } else { operation.clone() };
    let message = message_of(version(number.0, number.1), &[], &[item(&operation, None)]);
    outcome(&items_of(&socket.ask(&message))[0])
}

/// The result reason in a version for the status and reason of a bare operation.
fn told(number: (i64, i64), (status, reason): (u16, &str)) -> String {
    match (number, reason) {
        (_, "") => {
            assert_eq!(status, 200);
            "Success".to_owned()
        }
        ((1, 4), "Wrong_Key_Lifecycle_State" | "Incompatible_Cryptographic_Usage_Mask") => {
            "PermissionDenied".to_owned()
        }
        ((1, 4), "Object_Destroyed") => "ItemNotFound".to_owned(),
        (_, other) => other.replace('_', ""),
    }
}

#[test]
fn every_cell_in_1_4_and_2_1() {
    let server = Server::start_with(&with_socket());
    let mut alice = server.alice().connect().unwrap();
    let mut socket = server.socket(&server.place.alice);
    let other = alice.aes();
    for number in [(1, 4), (2, 1)] {
        for (operation, expected) in TABLE {
            for (state, expected) in STATES.into_iter().zip(expected) {
                let request = request_in(&mut alice, operation, state, &other);
                let found = asked(&mut socket, number, &request);
                assert_eq!(found, told(number, expected), "{number:?}: {operation} in state {state}");
            }
        }
        for (allowed, mask) in USES {
            let id = alice.new_key(&create("AES", 256, &[integer("CryptographicUsageMask", mask)]));
            for (operation, _) in USES {
                let found = asked(&mut socket, number, &use_of(operation, &id, &other));
                let refused = told(number, (403, "Incompatible_Cryptographic_Usage_Mask"));
                if operation == allowed {
                    // Decrypt of other data fails, but not because of the usage mask.
                    assert!(found == "Success" || found == "CryptographicFailure", "{number:?}: {operation}: {found}");
                } else {
                    assert_eq!(found, refused, "{number:?}: {operation}");
                }
            }
        }
    }
}
