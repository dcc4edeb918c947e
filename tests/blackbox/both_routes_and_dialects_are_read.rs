//! `/kmip/2_1` and `/kmip_2_1` are the same service. Names may be in either dialect and any case, and structures with
//! or without `type`. The answer is in the dialect of the route.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::harness::kmip::{create, encrypt, enumeration, find, octets, parameters, string, with};

const ROUTES: [&str; 2] = ["/kmip/2_1", "/kmip_2_1"];

/// Returns the same request with the type of every structure.
fn typed(mut value: Value) -> Value {
    if let Some(items) = value["value"].as_array() {
        value["value"] = items.iter().cloned().map(typed).collect();
        value["type"] = json!("Structure");
    }
    value
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[on_both_routes, names_in_either_dialect_and_any_case, the_example_of_the_dialect_word_for_word]);
}

fn on_both_routes(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for (made, used) in [(ROUTES[0], ROUTES[1]), (ROUTES[1], ROUTES[0])] {
        let answer = alice.post(made, &create("AES", 256, &[]));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let answer = answer.json();
        assert_eq!(answer["tag"], "CreateResponse");
        let id = string(&answer, "UniqueIdentifier");
        let answer = alice.post(used, &typed(encrypt(&id, b"data")));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["tag"], "EncryptResponse");
    }
    assert_eq!(alice.post("/kmip/2_1/", &create("AES", 256, &[])).status, 404);
    assert_eq!(alice.get("/kmip/2_1").status, 405);
}

fn names_in_either_dialect_and_any_case(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for spelling in ["HMAC_SHA256", "HMACSHA256", "hmac-sha256", "Hmac_Sha_256"] {
        let id = alice.new_key(&create(spelling, 512, &[]));
        let told = string(&alice.attributes(&id), "CryptographicAlgorithm");
        assert_eq!(told, "HMACSHA256", "the dialect of the route");
        let mut macs = Vec::new();
        for hash in ["SHA_512", "SHA512", "sha512", "sha-512"] {
            let request =
                with(crate::harness::kmip::mac(&id, b"data"), &[parameters(&[enumeration("HashingAlgorithm", hash)])]);
            macs.push(octets(&alice.ok(&request), "MACData"));
        }
        assert!(macs.iter().all(|mac| *mac == macs[0] && mac.len() == 64));
    }
    for spelling in ["Symmetric_Key", "SymmetricKey", "symmetrickey", "SYMMETRIC_KEY", "0x00000002"] {
        let mut request = create("AES", 256, &[]);
        request["value"][0]["value"] = json!(spelling);
        let answer = alice.ok(&request);
        assert_eq!(string(&answer, "ObjectType"), "SymmetricKey");
    }
    alice.refused(&create("AES_", 100, &[]), 400, "Invalid_Attribute_Value");
    alice.refused(&create("NoSuchAlgorithm", 256, &[]), 400, "Unknown_Enumeration");
}

fn the_example_of_the_dialect_word_for_word(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let post = |alice: &mut crate::harness::Connection, text: &str| {
        let headers = [("Content-Type", "application/json")];
        let answer = alice.try_request("POST", ROUTES[0], &headers, text.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    };
    let made = post(
        &mut alice,
        r#"{"tag":"Create","value":[{"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"},{"tag":"Attributes","value":[
        {"tag":"CryptographicAlgorithm","type":"Enumeration","value":"AES"},{"tag":"CryptographicLength","type":"Integer","value":256},
        {"tag":"CryptographicUsageMask","type":"Integer","value":12},{"tag":"ActivationDate","type":"DateTime","value":"2024-01-01T00:00:00Z"}]}]}"#,
    );
    let id = made["value"][1]["value"].as_str().unwrap();
    assert_eq!(
        made,
        json!({"tag": "CreateResponse", "value": [
            {"tag": "ObjectType", "type": "Enumeration", "value": "SymmetricKey"},
            {"tag": "UniqueIdentifier", "type": "TextString", "value": id}]})
    );
    let sealed = post(
        &mut alice,
        &r#"{"tag":"Encrypt","value":[{"tag":"UniqueIdentifier","type":"TextString","value":"ID"},{"tag":"CryptographicParameters","value":[
        {"tag":"BlockCipherMode","type":"Enumeration","value":"GCM"},{"tag":"CryptographicAlgorithm","type":"Enumeration","value":"AES"}]},
        {"tag":"Data","type":"ByteString","value":"68656C6C6F"}]}"#
            .replace("ID", id),
    );
    assert_eq!(sealed["tag"], "EncryptResponse");
    let order: Vec<_> = sealed["value"].as_array().unwrap().iter().map(|field| field["tag"].clone()).collect();
    assert_eq!(order, ["UniqueIdentifier", "Data", "IVCounterNonce", "AuthenticatedEncryptionTag"]);
    let field = |tag: &str| find(&sealed, tag).unwrap().as_str().unwrap().to_lowercase();
    let opened = post(
        &mut alice,
        &json!({"tag": "Decrypt", "type": "Structure", "value": [
            {"type": "TextString", "tag": "UniqueIdentifier", "value": id},
            {"value": field("Data"), "type": "ByteString", "tag": "Data"},
            {"tag": "IVCounterNonce", "type": "ByteString", "value": field("IVCounterNonce")},
            {"tag": "AuthenticatedEncryptionTag", "type": "ByteString", "value": field("AuthenticatedEncryptionTag")}]})
        .to_string(),
    );
    assert_eq!(octets(&opened, "Data"), b"hello");
}
