//! Ownership: for every caller except its owner a key does not exist, and the answer is the same as for a missing key.

use serde_json::{Value, json};

use crate::harness::kmip::{
    USAGE, create, date, encrypt, enumeration, import, integer, mac, mac_verify, name, named, parameters, revoke, tags,
    text, with, wrapped,
};
use crate::harness::{Connection, Server};

const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

/// Every operation on an object, by its identifier.
fn operations(alice: &mut Connection, id: &str, own: &str) -> Vec<Value> {
    let sealed = alice.seal(id, b"data");
    vec![
        named("Get", id),
        named("Export", id),
        named("GetAttributes", id),
        named("Activate", id),
        named("Destroy", id),
        revoke(id, "KeyCompromise"),
        encrypt(id, b"x"),
        sealed.decrypt(),
        mac(id, b"x"),
        mac_verify(id, b"x", &alice.mac(id, b"x")),
        wrapped("Get", id, own),
        wrapped("Export", id, own),
        wrapped("Get", own, id),
        wrapped("Export", own, id),
        with(encrypt(id, b"x"), &[parameters(&[enumeration("BlockCipherMode", "CBC")])]),
    ]
}

fn answer(bob: &mut Connection, request: &Value) -> (u16, Value, Vec<String>) {
    let answer = bob.kmip(request);
    let headers = answer.headers.iter().map(|(name, _)| name.clone()).collect();
    let mut body = answer.json();
    assert!(body["request_id"].is_string());
    body["request_id"] = Value::Null;
    (answer.status, body, headers)
}

#[test]
fn in_every_operation() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    let wrapping = [integer("CryptographicUsageMask", USAGE | 0x10)];
    let hers = alice.new_key(&create("AES", 256, &wrapping));
    let own = bob.new_key(&create("AES", 256, &wrapping));
    let before = alice.attributes(&hers);
    for request in operations(&mut alice, &hers, &own) {
        let theirs = answer(&mut bob, &request);
        let nobodys = answer(&mut bob, &json_replaced(&request, &hers, ABSENT));
        assert_eq!(theirs.0, 404, "{request}");
        assert_eq!(theirs.1["result_reason"], "Object_Not_Found");
        let theirs = (theirs.0, json_replaced(&theirs.1, &hers, ABSENT), theirs.2);
        assert_eq!(theirs, nobodys, "{request}");
    }
    assert_eq!(alice.attributes(&hers), before, "and nothing was done");
    assert_eq!(alice.seal(&hers, b"x").data.len(), 1);
}

fn json_replaced(value: &Value, from: &str, to: &str) -> Value {
    serde_json::from_str(&value.to_string().replace(from, to)).unwrap()
}

#[test]
fn in_a_batch() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    let hers = alice.aes();
    let batch = |id: &str| -> Value {
        let payload = encrypt(id, b"x")["value"].clone();
        json!({"tag": "RequestMessage", "value": [
            {"tag": "RequestHeader", "value": [
                {"tag": "ProtocolVersion", "value": [
                    integer("ProtocolVersionMajor", 2), integer("ProtocolVersionMinor", 1)]},
                integer("BatchCount", 1)]},
            {"tag": "BatchItem", "value": [
                enumeration("Operation", "Encrypt"), {"tag": "RequestPayload", "value": payload}]}]})
    };
    let mut item = |id: &str| {
        let answer = bob.kmip(&batch(id));
        assert_eq!(answer.status, 200);
        json_replaced(&answer.json()["value"][1], id, ABSENT)
    };
    let (theirs, nobodys) = (item(&hers), item(ABSENT));
    assert_eq!(theirs, nobodys);
    assert!(theirs.to_string().contains("Object_Not_Found"));
}

#[test]
fn its_identifier_is_taken_all_the_same() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    alice.ok(&create("AES", 256, &[text("UniqueIdentifier", "shared")]));
    let sealed = alice.seal("shared", b"hers");
    let mine = [text("UniqueIdentifier", "shared")];
    bob.refused(&create("AES", 256, &mine), 409, "Object_Already_Exists");
    bob.refused(&crate::harness::kmip::register("AES", &[7; 32], &mine), 409, "Object_Already_Exists");
    bob.refused(&import("shared", Some(true), "AES", &[7; 32], &[]), 409, "Object_Already_Exists");
    alice.refused(&create("AES", 256, &mine), 409, "Object_Already_Exists");
    assert_eq!(alice.open(&sealed), b"hers");
    // The identifier of a destroyed key stays taken, so that a ciphertext never meets another key with this identifier.
    alice.ok(&revoke("shared", "Superseded"));
    alice.ok(&named("Destroy", "shared"));
    bob.refused(&create("AES", 256, &mine), 409, "Object_Already_Exists");
    alice.refused(&create("AES", 256, &mine), 409, "Object_Already_Exists");
}

#[test]
fn names_and_tags_are_everybodys_own() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    let attributes = [name("database"), tags(&["prod"]), date("ActivationDate", "2024-01-01T00:00:00Z")];
    let hers = alice.new_key(&create("AES", 256, &attributes));
    let his = bob.new_key(&create("AES", 256, &attributes));
    assert_ne!(hers, his);
    let page = crate::harness::kmip::locate(&attributes[..2], &[integer("OffsetItems", 0)]);
    assert_eq!(alice.located(&page), (vec![hers], 1));
    assert_eq!(bob.located(&page), (vec![his], 1));
}

#[test]
fn with_a_cold_and_with_a_warm_cache() {
    let server = Server::start();
    let hers = server.alice().connect().unwrap().aes();
    let server = server.restart();
    let mut bob = server.bob().connect().unwrap();
    bob.refused(&encrypt(&hers, b"x"), 404, "Object_Not_Found");
    server.alice().connect().unwrap().seal(&hers, b"x");
    bob.refused(&encrypt(&hers, b"x"), 404, "Object_Not_Found");
}
