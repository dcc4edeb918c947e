//! The right to encrypt is not the right to decrypt. A caller who chooses the first input of AES, as an IV or by
//! continuing a chain of blocks, could decrypt by it, and so needs the right `decrypt` and the Decrypt bit of the mask.

use serde_json::{Value, json};

use crate::batches::{message, option};
use crate::harness::caller::project;
use crate::harness::kmip::{
    all, boolean, bytes, create, date, encrypt, enumeration, find, integer, octets, parameters, string, text, with,
};
use crate::harness::{Server, World};

fn iv(bytes_: usize) -> Value {
    bytes("IVCounterNonce", &vec![7; bytes_])
}

fn mode(fields: &[(&str, &str)]) -> Value {
    parameters(&fields.iter().map(|(tag, value)| enumeration(tag, value)).collect::<Vec<_>>())
}

/// Fields of an Encrypt request with the server's IV. These need only `encrypt`.
fn fresh() -> Vec<Vec<Value>> {
    let tag_length = |bytes| parameters(&[enumeration("BlockCipherMode", "GCM"), integer("TagLength", bytes)]);
    vec![
        vec![],
        vec![mode(&[("BlockCipherMode", "GCM")])],
        vec![mode(&[("BlockCipherMode", "GCM"), ("PaddingMethod", "None"), ("CryptographicAlgorithm", "AES")])],
        vec![tag_length(12)],
        vec![tag_length(16), bytes("AuthenticatedEncryptionAdditionalData", b"context")],
        vec![parameters(&[enumeration("BlockCipherMode", "GCM"), boolean("RandomIV", true)])],
        vec![mode(&[("BlockCipherMode", "CBC")])],
        vec![mode(&[("BlockCipherMode", "CBC"), ("PaddingMethod", "PKCS5")])],
        vec![mode(&[("BlockCipherMode", "CBC"), ("PaddingMethod", "None")])],
        vec![mode(&[("BlockCipherMode", "CTR")])],
        vec![mode(&[("BlockCipherMode", "CFB")])],
        vec![mode(&[("BlockCipherMode", "OFB")])],
        // A counter beside a random nonce of 96 bits.
        vec![counter(32, 7)],
    ]
}

fn counter(bits: i64, value: i64) -> Value {
    let counter = [integer("CounterLength", bits), integer("InitialCounterValue", value)];
    parameters(&[&[enumeration("BlockCipherMode", "CTR")], &counter[..]].concat())
}

/// Fields by which the caller could decrypt, without an IV, and what the refusal names.
fn decrypting() -> Vec<(Value, &'static str)> {
    vec![
        (mode(&[("BlockCipherMode", "ECB")]), "ECB"),
        (mode(&[("BlockCipherMode", "ECB"), ("PaddingMethod", "PKCS5")]), "ECB"),
        // A counter that the caller chooses beside a nonce of 8 bits repeats soon.
        (counter(120, 7), "InitialCounterValue"),
    ]
}

/// Fields with the caller's IV.
fn chosen() -> Vec<Vec<Value>> {
    let with_iv = |parts: Vec<Value>, length| [parts, vec![iv(length)]].concat();
    vec![
        with_iv(vec![], 12),
        with_iv(vec![], 16),
        with_iv(vec![], 1),
        with_iv(vec![mode(&[("BlockCipherMode", "GCM")])], 12),
        with_iv(vec![parameters(&[boolean("RandomIV", false)])], 12),
        with_iv(vec![mode(&[("BlockCipherMode", "CBC")])], 16),
        with_iv(vec![mode(&[("BlockCipherMode", "CBC"), ("PaddingMethod", "PKCS5")])], 16),
        with_iv(vec![mode(&[("BlockCipherMode", "CBC"), ("PaddingMethod", "None")])], 16),
        with_iv(vec![mode(&[("BlockCipherMode", "CTR")])], 16),
        with_iv(vec![counter(32, 1)], 12),
        with_iv(vec![mode(&[("BlockCipherMode", "CFB")])], 16),
        with_iv(vec![mode(&[("BlockCipherMode", "OFB")])], 16),
    ]
}

#[test]
fn a_grantee_of_encrypt_chooses_no_iv() {
    let world = World::new("");
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| world.certificate(name));
    // If the request has no parameters, those of the key are used.
    let own = mode(&[("BlockCipherMode", "CBC"), ("PaddingMethod", "None")]);
    for (id, more) in [("plain", &[][..]), ("cbc", &[own])] {
        alice.key(id, more);
        alice.grant(id, "bob", &["encrypt"]);
        alice.grant(id, "carol", &["encrypt", "decrypt"]);
        let data = [8; 16];
        for parts in fresh() {
            if id == "cbc" && parts.is_empty() {
                bob.ok(&encrypt(id, &data));
                continue;
            }
            bob.ok(&with(encrypt(id, &data), &parts));
        }
        for parts in chosen() {
            let request = with(encrypt(id, &data), &parts);
            let refusal = bob.kmip(&request);
            // Without a mode in the request, the mode of the key is used, whose IV has 16 bytes.
            let fits = id == "plain" || parts.iter().any(|part| find(part, "BlockCipherMode").is_some());
            if fits || find(&parts[0], "IVCounterNonce").is_some_and(|iv| iv.as_str().unwrap().len() == 32) {
                assert_eq!(refusal.status, 403, "{request}");
                let detail = refusal.detail();
                assert!(detail.contains("decrypt") && detail.contains("IVCounterNonce"), "{detail}");
                carol.ok(&request);
                alice.ok(&request);
            } else {
                assert!([400, 403].contains(&refusal.status), "{request}");
            }
        }
        // The attack itself: under the same IV the same keystream.
        if id == "plain" {
            let sealed = alice.connection.seal(id, b"alice's secret..");
            let again = with(encrypt(id, &sealed.data), &[bytes("IVCounterNonce", &sealed.iv)]);
            bob.refused(&again, 403);
            assert_eq!(octets(&carol.ok(&again), "Data"), b"alice's secret..");
        }
        // Also in a message of several operations.
        let items = message(&[option("Continue")], &[encrypt(id, &data), with(encrypt(id, &data), &[iv(16)])]);
        let answer = bob.ok(&items);
        let statuses: Vec<String> = all(&answer, "BatchItem")
            .into_iter()
            .map(|item| string(&json!({ "value": item }), "ResultStatus"))
            .collect();
        assert_eq!(statuses, ["Success", "OperationFailed"]);
    }
    // A mode that encrypts each block by itself, and a counter that the caller chooses.
    for (parameters, what) in decrypting() {
        let request = with(encrypt("plain", &[8; 16]), &[parameters]);
        let refusal = bob.refused(&request, 403);
        assert!(refusal.contains("decrypt") && refusal.contains(what), "{refusal}");
        alice.ok(&request);
        carol.ok(&request);
    }
    // Hanzo's clients do not send an IV. If a request has one, the server's IV is used.
    let path = "/api/v1/kms/keys/plain/encrypt";
    let sealed = bob.done(path, &json!({"plaintext": "AAAA"}));
    assert!(sealed["ciphertext"].is_string());
    let mut seen = vec![sealed["ciphertext"].clone()];
    for member in ["iv", "nonce", "mode"] {
        let again = bob.done(path, &json!({"plaintext": "AAAA", member: "AAAA"}));
        assert!(!seen.contains(&again["ciphertext"]), "{member}");
        seen.push(again["ciphertext"].clone());
    }
    assert_eq!(bob.post("/api/v1/kms/keys/plain/decrypt", &sealed).status, 403);
}

#[test]
fn roles_and_credentials_without_decrypt_choose_none_either() {
    let world = World::new(
        r#"
[policies.everything]
policy_type = "allow"
operations = ["*"]
resources = ["*"]

[policies.no_decrypt]
policy_type = "deny"
operations = ["decrypt"]
resources = ["tags/write-only"]

[roles.writer]
capabilities = ["*"]
policies = ["everything", "no_decrypt"]

[projects.apollo]
[projects.apollo.members]
"*" = "writer"
"#,
    );
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| world.certificate(name));
    let tag = crate::harness::kmip::tags(&["write-only"]);
    alice.key("k", &[project("apollo"), tag]);
    alice.key("own", &[]);
    let mut narrowed = world.token("alice", &json!({"operations": ["encrypt"]}));
    for (caller, id) in [(&mut alice, "k"), (&mut bob, "k"), (&mut narrowed, "own")] {
        caller.ok(&encrypt(id, b"x"));
        let refusal = caller.refused(&with(encrypt(id, b"x"), &[iv(12)]), 403);
        assert!(refusal.contains("decrypt"), "{refusal}");
    }
}

#[test]
fn the_mask_and_the_dates_of_the_key_count_too() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let made = |id: &str, more: &[Value]| create("AES", 256, &[&[text("UniqueIdentifier", id)], more].concat());
    alice.ok(&made("encrypts", &[integer("CryptographicUsageMask", 4)]));
    alice.ok(&made("early", &[date("ProcessStartDate", "2999-01-01T00:00:00Z")]));
    for parts in fresh() {
        alice.ok(&with(encrypt("encrypts", &[8; 16]), &parts));
        alice.ok(&with(encrypt("early", &[8; 16]), &parts));
    }
    let others = decrypting().into_iter().map(|(parameters, _)| vec![parameters]);
    for parts in chosen().into_iter().chain(others) {
        let request = with(encrypt("encrypts", &[8; 16]), &parts);
        let problem = alice.refused(&request, 403, "Incompatible_Cryptographic_Usage_Mask");
        assert!(problem["detail"].as_str().unwrap().contains("Decrypt"), "{problem}");
        alice.refused(&with(encrypt("early", &[8; 16]), &parts), 409, "Wrong_Key_Lifecycle_State");
    }
}
