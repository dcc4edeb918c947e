//! RequestMessages: several operations under one header, each with its own result, under HTTP status 200.

use serde_json::{Value, json};

use crate::harness::Connection;
use crate::harness::Server;
use crate::harness::kmip::{
    all, attributes, boolean, bytes, create, encrypt, enumeration, find, integer, locate, name, named, octets, string,
    structure, text, vendor_attribute,
};

use crate::harness::message::{item, message_of, version};
pub use crate::harness::message::{message, option};

/// The batch items of the answer.
pub fn items(alice: &mut Connection, request: &Value) -> Vec<Value> {
    let answer = alice.kmip(request);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let answer = answer.json();
    assert_eq!(answer["tag"], "ResponseMessage");
    let items: Vec<Value> = all(&answer, "BatchItem").into_iter().map(|fields| json!({"value": fields})).collect();
    let header = find(&answer, "ResponseHeader").unwrap();
    assert_eq!(find(&json!({"value": header}), "BatchCount").unwrap(), items.len());
    items
}

pub fn outcomes(items: &[Value]) -> Vec<&str> {
    let reason = |item| find(item, "ResultReason").and_then(Value::as_str);
    let status = |item| find(item, "ResultStatus").and_then(Value::as_str).unwrap();
    items.iter().map(|item| reason(item).unwrap_or_else(|| status(item))).collect()
}

#[test]
fn requests_to_one_server() {
    // The first one counts what there is.
    Server::shared(&[
        what_is_not_served_is_said,
        the_id_placeholder_joins_the_items,
        what_was_left_before_is_not_taken_for_what_an_item_did,
        a_bad_item_spoils_only_itself,
        at_most_64_items,
        the_header_is_answered,
    ]);
}

fn the_id_placeholder_joins_the_items(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let encrypt_it = structure("Encrypt", &[bytes("Data", b"data")]);
    let done = items(
        &mut alice,
        &message(
            &[],
            &[
                create("AES", 256, &[name("joined")]),
                encrypt_it.clone(),
                structure("GetAttributes", &[enumeration("UniqueIdentifier", "IDPlaceholder")]),
                structure("Export", &[]),
            ],
        ),
    );
    assert_eq!(outcomes(&done), ["Success"; 4]);
    for (at, item) in done.iter().enumerate() {
        assert_eq!(octets(item, "UniqueBatchItemID"), [at as u8]);
    }
    let id = string(&done[0], "UniqueIdentifier");
    assert!(done.iter().all(|item| string(item, "UniqueIdentifier") == id));
    let key = octets(&done[3], "KeyMaterial");
    let [data, iv, tag] = ["Data", "IVCounterNonce", "AuthenticatedEncryptionTag"].map(|tag| octets(&done[1], tag));
    assert_eq!(crate::harness::reference::gcm_decrypt(&key, &iv, b"", &data, &tag).unwrap(), b"data");

    // Locate leaves the object in the ID placeholder if it is the only one found.
    let located = items(&mut alice, &message(&[], &[locate(&[name("joined")], &[]), encrypt_it.clone()]));
    assert_eq!(outcomes(&located), ["Success"; 2]);
    alice.new_key(&create("AES", 256, &[name("joined")]));
    let ambiguous = items(&mut alice, &message(&[], &[locate(&[name("joined")], &[]), encrypt_it.clone()]));
    assert_eq!(outcomes(&ambiguous), ["Success", "Missing_Data"]);
    let first = locate(&[name("joined")], &[integer("MaximumItems", 1)]);
    assert_eq!(outcomes(&items(&mut alice, &message(&[], &[first, encrypt_it.clone()]))), ["Success"; 2]);
    // The ID placeholder is empty at the beginning of a batch; nothing remains from the batch before.
    assert_eq!(outcomes(&items(&mut alice, &message(&[], std::slice::from_ref(&encrypt_it)))), ["Missing_Data"]);
    alice.refused(&encrypt_it, 400, "Missing_Data");
}

fn what_was_left_before_is_not_taken_for_what_an_item_did(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for _ in 0..2 {
        alice.new_key(&create("AES", 256, &[name("twice")]));
    }
    let mut made = |more: &[Value], expected: &[&str]| {
        let operations = [&[create("AES", 256, &[])], more].concat();
        let done = items(&mut alice, &message(&[option("Continue")], &operations));
        assert_eq!(outcomes(&done), [&["Success"], expected].concat(), "{more:?}");
    };
    let encrypt_it = || structure("Encrypt", &[bytes("Data", b"data")]);
    let export_it = || structure("Export", &[]);
    // Locate that found nothing, or several.
    made(&[locate(&[name("no")], &[]), encrypt_it()], &["Success", "Missing_Data"]);
    made(&[locate(&[name("twice")], &[]), encrypt_it()], &["Success", "Missing_Data"]);
    made(&[locate(&[name("twice")], &[integer("MaximumItems", 0)]), encrypt_it()], &["Success", "Missing_Data"]);
    // Destroy.
    let revoke_it = crate::harness::kmip::revoke("", "Superseded");
    let revoke_it = structure("Revoke", &revoke_it["value"].as_array().unwrap()[1..]);
    let destroy_it = structure("Destroy", &[]);
    made(&[revoke_it, destroy_it, export_it()], &["Success", "Success", "Missing_Data"]);
    // An item that failed, or could not be read.
    let bad = structure("Create", &[enumeration("ObjectType", "SymmetricKey"), attributes("AES", 100, &[])]);
    made(&[bad, export_it()], &["Invalid_Attribute_Value", "Missing_Data"]);
    made(&[structure("Create", &[text("NoSuchTag", "x")]), export_it()], &["Unknown_Tag", "Missing_Data"]);
    made(
        &[locate(&[vendor_attribute("claviger", "since", "x")], &[]), export_it()],
        &["Unsupported_Attribute", "Missing_Data"],
    );
    // All other operations do not change it.
    let attributes_of_it = structure("GetAttributes", &[]);
    made(&[attributes_of_it, encrypt("absent", b"x"), export_it()], &["Success", "Object_Not_Found", "Success"]);
}

fn a_bad_item_spoils_only_itself(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let good = encrypt(&id, b"data");
    let operations = [
        good.clone(),
        encrypt("absent", b"data"),
        structure("Encrypt", &[text("NoSuchTag", "x")]),
        structure("Encrypt", &[text("UniqueIdentifier", &id), integer("Data", 5)]),
        structure("NoSuchOperation", &[]),
        structure("Certify", &[]),
        structure("Create", &[enumeration("ObjectType", "SymmetricKey"), attributes("AES", 100, &[])]),
        good.clone(),
    ];
    let done = items(&mut alice, &message(&[option("Continue")], &operations));
    assert_eq!(
        outcomes(&done),
        [
            "Success",
            "Object_Not_Found",
            "Unknown_Tag",
            "Invalid_Data_Type",
            "Operation_Not_Supported",
            "Operation_Not_Supported",
            "Invalid_Attribute_Value",
            "Success"
        ]
    );
    for (at, item) in done.iter().enumerate() {
        assert_eq!(octets(item, "UniqueBatchItemID"), [at as u8], "told apart even where unreadable");
        let failed = find(item, "ResultStatus").unwrap() == "OperationFailed";
        assert_eq!(failed, find(item, "ResultMessage").is_some());
        assert_eq!(failed, find(item, "ResponsePayload").is_none());
    }
    // Stop is the default.
    for options in [&[][..], &[option("Stop")]] {
        let done = items(&mut alice, &message(options, &operations));
        assert_eq!(outcomes(&done), ["Success", "Object_Not_Found"]);
    }
    // An item without its payload, or with an unknown field.
    let broken = structure("BatchItem", &[enumeration("Operation", "Encrypt"), bytes("UniqueBatchItemID", b"b")]);
    let request = message_of(version(2, 1), &[option("Continue")], &[broken, item(&good, Some(b"g"))]);
    assert_eq!(outcomes(&items(&mut alice, &request)), ["Missing_Data", "Success"]);
}

fn what_is_not_served_is_said(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let make = create("AES", 256, &[]);
    let mut refused = |request: &Value, reason: &str| {
        let done = items(&mut alice, request);
        assert_eq!(outcomes(&done), [reason]);
        string(&done[0], "ResultMessage")
    };
    let asynchronous = enumeration("AsynchronousIndicator", "Mandatory");
    refused(&message(&[asynchronous], std::slice::from_ref(&make)), "Feature_Not_Supported");
    for (major, minor) in [(0, 9), (1, 5), (2, 2), (3, 0)] {
        let request = message_of(version(major, minor), &[], &[item(&make, None)]);
        // The reason exists since 2.0.
        let reason = if major < 2 { "Invalid_Message" } else { "Unsupported_Protocol_Version" };
        let said = refused(&request, reason);
        assert!(said.contains(&format!("{major}.{minor}")) && said.contains("Discover Versions"), "{said}");
    }
    refused(&message(&[integer("MaximumResponseSize", 100)], std::slice::from_ref(&make)), "Response_Too_Large");
    refused(&message(&[integer("MaximumResponseSize", -1)], std::slice::from_ref(&make)), "Response_Too_Large");
    // No item of the refused batches was performed, except in those whose answer was too large.
    assert_eq!(alice.located(&structure("Locate", &[])).1, 2);
    let fits = message(&[integer("MaximumResponseSize", 10_000)], std::slice::from_ref(&make));
    assert_eq!(outcomes(&items(&mut alice, &fits)), ["Success"]);
}

fn at_most_64_items(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let many = vec![encrypt(&id, b"x"); 64];
    assert_eq!(outcomes(&items(&mut alice, &message(&[], &many))), ["Success"; 64]);
    let too_many = vec![encrypt(&id, b"x"); 65];
    assert_eq!(outcomes(&items(&mut alice, &message(&[], &too_many))), ["Invalid_Attribute_Value"]);
    let mut wrong = message(&[], &many);
    wrong["value"].as_array_mut().unwrap().pop();
    assert_eq!(outcomes(&items(&mut alice, &wrong)), ["Invalid_Field"]);
    assert_eq!(outcomes(&items(&mut alice, &message(&[], &[]))), [""; 0]);
    let headless = structure("RequestMessage", &[item(&encrypt(&id, b"x"), None)]);
    assert_eq!(outcomes(&items(&mut alice, &headless)), ["Missing_Data"]);
}

fn the_header_is_answered(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let options = [
        text("ClientCorrelationValue", "from the client"),
        boolean("BatchOrderOption", true),
        structure(
            "Authentication",
            &[structure(
                "Credential",
                &[
                    enumeration("CredentialType", "UsernameAndPassword"),
                    structure("CredentialValue", &[text("Username", "alice")]),
                ],
            )],
        ),
    ];
    let answer = alice.ok(&message(&options, &[create("AES", 256, &[])]));
    assert_eq!(string(&answer, "ClientCorrelationValue"), "from the client");
    assert_eq!(find(&answer, "ProtocolVersionMajor").unwrap(), 2);
    assert_eq!(find(&answer, "ProtocolVersionMinor").unwrap(), 1);
    assert!(string(&answer, "TimeStamp").starts_with("20"));
    let id = string(&answer, "UniqueIdentifier");
    assert_eq!(alice.ok(&named("Export", &id))["tag"], "ExportResponse");
    // A single item needs no batch item id, and then the answer has none.
    let request = message_of(version(2, 1), &[], &[item(&encrypt(&id, b"x"), None)]);
    let done = items(&mut alice, &request);
    assert!(find(&done[0], "UniqueBatchItemID").is_none());
}
