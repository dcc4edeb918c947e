//! `/api/v1/kms/keys`: KMIP's keys for clients of Hanzo and Infisical.

use data_encoding::BASE64;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use serde_json::{Value, json};

use crate::harness::caller::{Caller, project};
use crate::harness::hanzo::{identity, jwt, login, path, server, trusting};
use crate::harness::kmip::{self, create, enumeration, integer, named, string};
use crate::harness::{Server, SigningKey, reference};

const KEYS: &str = "/api/v1/kms/keys";

fn at(id: &str, action: &str) -> String {
    format!("{KEYS}/{id}/{action}")
}

/// A new key.
#[track_caller]
fn key(caller: &mut Caller, body: &Value) -> Value {
    caller.done(KEYS, body)["key"].clone()
}

fn id(key: &Value) -> String {
    key["id"].as_str().unwrap().to_owned()
}

/// Returns the body of a refusal in the format of these clients.
#[track_caller]
fn refused(caller: &mut Caller, method: &str, path: &str, body: Option<&Value>, status: u16, error: &str) -> String {
    let answer = caller.send(method, path, body);
    let told = answer.json();
    assert_eq!((answer.status, &told["error"]), (status, &json!(error)), "{method} {path} {body:?} {told}");
    assert_eq!((&told["statusCode"], told["reqId"].is_string()), (&json!(status), true));
    told["message"].as_str().unwrap().to_owned()
}

#[track_caller]
fn decrypted(caller: &mut Caller, id: &str, ciphertext: &Value) -> Vec<u8> {
    let plain = caller.done(&at(id, "decrypt"), &json!({"ciphertext": ciphertext}));
    BASE64.decode(plain["plaintext"].as_str().unwrap().as_bytes()).unwrap()
}

#[track_caller]
fn encrypted(caller: &mut Caller, id: &str, data: &[u8]) -> Value {
    caller.done(&at(id, "encrypt"), &json!({"plaintext": BASE64.encode(data)}))["ciphertext"].clone()
}

#[test]
fn keys_are_made_told_changed_and_removed() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    let made = key(&mut alice, &json!({"name": "data", "description": "of the shop"}));
    for (member, value) in [
        ("name", json!("data")),
        ("description", json!("of the shop")),
        ("keyUsage", json!("encrypt-decrypt")),
        ("encryptionAlgorithm", json!("aes-256-gcm")),
        ("isDisabled", json!(false)),
        ("projectId", json!("")),
        ("version", json!(1)),
    ] {
        assert_eq!(made[member], value, "{made}");
    }
    assert!(made["createdAt"].as_str().unwrap().ends_with('Z'));
    let small = key(&mut alice, &json!({"name": "small", "encryptionAlgorithm": "aes-128-gcm"}));
    let signer =
        key(&mut alice, &json!({"name": "signer", "keyUsage": "sign-verify", "encryptionAlgorithm": "ECC_NIST_P256"}));
    assert_eq!((&signer["keyUsage"], &signer["encryptionAlgorithm"]), (&json!("sign-verify"), &json!("ECC_NIST_P256")));
    // Keys that these clients cannot describe are not listed.
    alice.ok(&create("HMACSHA256", 256, &[]));
    assert_eq!(alice.send("POST", "/secrets/default/variable/db", Some(&json!("x"))).status, 201);
    let list = alice.get(KEYS);
    assert_eq!((&list["totalCount"], &list["keys"]), (&json!(3), &json!([made, signer, small])));
    let page = alice.get(&format!("{KEYS}?offset=1&limit=1"));
    assert_eq!((&page["totalCount"], &page["keys"]), (&json!(3), &json!([signer])));
    assert_eq!(alice.get(&format!("{KEYS}/{}", id(&made)))["key"], made);
    assert_eq!(alice.get(&format!("{KEYS}/key-name/signer"))["key"], signer);
    refused(&mut alice, "GET", &format!("{KEYS}/key-name/none"), None, 404, "NotFound");
    refused(&mut alice, "GET", &format!("{KEYS}/none"), None, 404, "NotFound");

    let own = format!("{KEYS}/{}", id(&made));
    let changed =
        alice.send("PATCH", &own, Some(&json!({"name": "other", "description": "", "isDisabled": false}))).json();
    assert_eq!((&changed["key"]["name"], &changed["key"]["description"]), (&json!("other"), &json!("")));
    assert_eq!(alice.get(&format!("{KEYS}/key-name/other"))["key"]["id"], made["id"]);
    for name in ["", " ", "a\u{7}", &"x".repeat(256)] {
        refused(&mut alice, "PATCH", &own, Some(&json!({"name": name})), 422, "ValidationFailure");
        refused(&mut alice, "POST", KEYS, Some(&json!({"name": name})), 422, "ValidationFailure");
    }
    refused(&mut alice, "PATCH", &own, Some(&json!({"description": "x".repeat(1025)})), 422, "ValidationFailure");
    // Two keys of one name are distinguished by their identifiers.
    let twin = key(&mut alice, &json!({"name": "other"}));
    let told = refused(&mut alice, "GET", &format!("{KEYS}/key-name/other"), None, 409, "Conflict");
    for key in [&made, &twin] {
        assert!(told.contains(&id(key)), "{told}");
    }
    // Another caller's key of this name is not shown.
    let mut bob = Caller::certificate(&server, "bob");
    let bobs = key(&mut bob, &json!({"name": "other"}));
    assert!(!refused(&mut alice, "GET", &format!("{KEYS}/key-name/other"), None, 409, "Conflict").contains(&id(&bobs)));
    for _ in 0..11 {
        key(&mut bob, &json!({"name": "many"}));
    }
    let told = refused(&mut bob, "GET", &format!("{KEYS}/key-name/many"), None, 409, "Conflict");
    assert!(told.starts_with("11 keys are named \"many\": ") && told.contains("and 5 others"), "{told}");

    for removed in [&made, &signer] {
        let own = format!("{KEYS}/{}", id(removed));
        assert_eq!(alice.send("DELETE", &own, None).json()["key"]["id"], removed["id"]);
        refused(&mut alice, "GET", &own, None, 404, "NotFound");
        refused(&mut alice, "DELETE", &own, None, 404, "NotFound");
        refused(&mut alice, "PATCH", &own, Some(&json!({"name": "x"})), 404, "NotFound");
    }
    refused(&mut alice, "POST", &at(&id(&made), "encrypt"), Some(&json!({"plaintext": ""})), 409, "Conflict");
    assert_eq!(alice.get(KEYS)["totalCount"], json!(2));
}

#[test]
fn what_a_request_says_is_checked() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    for body in [
        json!({}),
        json!({"name": 1}),
        json!({"name": "x", "expiresAt": "2030"}),
        json!({"name": "x", "keyUsage": "all"}),
        json!({"name": "x", "encryptionAlgorithm": "aes-256-cbc"}),
        json!({"name": "x", "keyUsage": "sign-verify"}),
        json!({"name": "x", "keyUsage": "sign-verify", "encryptionAlgorithm": "aes-256-gcm"}),
        json!({"name": "x", "keyUsage": "encrypt-decrypt", "encryptionAlgorithm": "RSA_4096"}),
    ] {
        refused(&mut alice, "POST", KEYS, Some(&body), 422, "ValidationFailure");
    }
    refused(&mut alice, "POST", KEYS, Some(&json!({"name": "x", "projectId": "none"})), 403, "PermissionDenied");
    for query in ["limit=1001", "limit=-1", "offset=x"] {
        refused(&mut alice, "GET", &format!("{KEYS}?{query}"), None, 422, "ValidationFailure");
    }
    let made = id(&key(&mut alice, &json!({"name": "data"})));
    for (action, body) in [
        ("encrypt", json!({"plaintext": "a"})),
        ("encrypt", json!({"plaintext": 1})),
        ("encrypt", json!({})),
        ("decrypt", json!({"ciphertext": "AQ=="})),
        ("decrypt", json!({"ciphertext": "!"})),
        ("sign", json!({"data": "", "signingAlgorithm": "RSASSA_PSS_SHA_1"})),
        ("sign", json!({"data": ""})),
        ("verify", json!({"data": "", "signingAlgorithm": "ECDSA_SHA_256"})),
    ] {
        refused(&mut alice, "POST", &at(&made, action), Some(&body), 422, "ValidationFailure");
    }
    // A key can be used only as its usage says.
    let sign = json!({"data": "", "signingAlgorithm": "ECDSA_SHA_256"});
    refused(&mut alice, "POST", &at(&made, "sign"), Some(&sign), 403, "PermissionDenied");
    refused(&mut alice, "GET", &at(&made, "signing-algorithms"), None, 422, "ValidationFailure");
    refused(&mut alice, "GET", &at(&made, "public-key"), None, 422, "ValidationFailure");
    let signer = id(&key(&mut alice, &json!({"name": "s", "encryptionAlgorithm": "ECC_NIST_P256"})));
    refused(&mut alice, "POST", &at(&signer, "encrypt"), Some(&json!({"plaintext": ""})), 403, "PermissionDenied");
    let rsa = json!({"data": "", "signingAlgorithm": "RSASSA_PSS_SHA_256"});
    refused(&mut alice, "POST", &at(&signer, "sign"), Some(&rsa), 400, "BadRequest");
    let digest = json!({"data": "AAAA", "signingAlgorithm": "ECDSA_SHA_256", "isDigest": true});
    refused(&mut alice, "POST", &at(&signer, "sign"), Some(&digest), 400, "BadRequest");
}

#[test]
fn what_is_encrypted_is_decrypted_and_nothing_else() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    let [one, other] = ["aes-256-gcm", "aes-128-gcm"]
        .map(|algorithm| id(&key(&mut alice, &json!({"name": "k", "encryptionAlgorithm": algorithm}))));
    for data in [vec![], b"x".to_vec(), reference::random(100_000)] {
        for id in [&one, &other] {
            let sealed = encrypted(&mut alice, id, &data);
            assert_ne!(sealed, encrypted(&mut alice, id, &data));
            assert_eq!(decrypted(&mut alice, id, &sealed), data);
        }
    }
    let sealed = BASE64.decode(encrypted(&mut alice, &one, b"data").as_str().unwrap().as_bytes()).unwrap();
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        let body = json!({"ciphertext": BASE64.encode(&changed)});
        refused(&mut alice, "POST", &at(&one, "decrypt"), Some(&body), 422, "ValidationFailure");
    }
    let body = json!({"ciphertext": BASE64.encode(&sealed)});
    refused(&mut alice, "POST", &at(&other, "decrypt"), Some(&body), 422, "ValidationFailure");
    // It is a KMIP key, and KMIP decrypts the ciphertexts of these routes: a version, IV, ciphertext and tag.
    let (iv, rest) = sealed[1..].split_at(12);
    let (data, tag) = rest.split_at(rest.len() - 16);
    let message = kmip::Sealed { id: one.clone(), data: data.to_vec(), iv: iv.to_vec(), tag: tag.to_vec() };
    assert_eq!(kmip::octets(&alice.ok(&message.decrypt()), "Data"), b"data");
    assert!(alice.refused(&named("Export", &one), 403).contains("not Extractable"));
}

/// Whether OpenSSL verifies a signature of `data`.
fn verifies(public: &PKey<Public>, algorithm: &str, data: &[u8], signature: &[u8]) -> bool {
    let digest = match &algorithm[algorithm.len() - 3..] {
        "256" => MessageDigest::sha256(),
        "384" => MessageDigest::sha384(),
        _ => MessageDigest::sha512(),
    };
    if algorithm.starts_with("ECDSA") {
        let digest = openssl::hash::hash(digest, data).unwrap();
        // SEC 1, 4.1.3: the leftmost bits of a digest that is longer than the order.
        return EcdsaSig::from_der(signature).unwrap().verify(&digest[..32], &public.ec_key().unwrap()).unwrap();
    }
    let mut verifier = Verifier::new(digest, public).unwrap();
    if algorithm.starts_with("RSASSA_PSS") {
        verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
        verifier.set_rsa_mgf1_md(digest).unwrap();
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
    }
    verifier.verify_oneshot(signature, data).unwrap()
}

#[test]
fn signatures_of_every_algorithm_are_openssls() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    for (algorithm, kind, count) in [("RSA_4096", Id::RSA, 6), ("ECC_NIST_P256", Id::EC, 3)] {
        let made = key(&mut alice, &json!({"name": "s", "keyUsage": "sign-verify", "encryptionAlgorithm": algorithm}));
        let id = id(&made);
        let public = alice.get(&at(&id, "public-key"))["publicKey"].as_str().unwrap().to_owned();
        let public = PKey::public_key_from_der(&BASE64.decode(public.as_bytes()).unwrap()).unwrap();
        assert_eq!(public.id(), kind);
        let algorithms = alice.get(&at(&id, "signing-algorithms"))["signingAlgorithms"].clone();
        assert_eq!(algorithms.as_array().unwrap().len(), count, "{algorithms}");
        for named in algorithms.as_array().unwrap().iter().map(|named| named.as_str().unwrap()) {
            let digest = match &named[named.len() - 3..] {
                "256" => openssl::sha::sha256(b"data").to_vec(),
                "384" => openssl::sha::sha384(b"data").to_vec(),
                _ => openssl::sha::sha512(b"data").to_vec(),
            };
            for (data, is_digest) in [(b"data".to_vec(), false), (digest, true)] {
                let body = json!({"data": BASE64.encode(&data), "signingAlgorithm": named, "isDigest": is_digest});
                let signed = alice.done(&at(&id, "sign"), &body);
                assert_eq!((&signed["keyId"], &signed["signingAlgorithm"]), (&json!(id), &json!(named)));
                let signature = BASE64.decode(signed["signature"].as_str().unwrap().as_bytes()).unwrap();
                assert!(verifies(&public, named, b"data", &signature), "{named} {is_digest}");
                let mut body = body;
                body["signature"] = signed["signature"].clone();
                let verified = alice.done(&at(&id, "verify"), &body);
                assert_eq!((&verified["signatureValid"], &verified["keyId"]), (&json!(true), &json!(id)));
                body["data"] = json!(BASE64.encode(&data.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()));
                assert_eq!(alice.done(&at(&id, "verify"), &body)["signatureValid"], json!(false));
            }
        }
        // Both halves are destroyed.
        let halves = alice.located(&[]).0.len();
        assert_eq!(halves, 2);
        assert_eq!(alice.send("DELETE", &format!("{KEYS}/{id}"), None).status, 200);
        assert_eq!(alice.located(&[]).0.len(), 0);
        refused(&mut alice, "GET", &at(&id, "public-key"), None, 409, "Conflict");
    }
}

#[test]
fn an_identity_uses_the_keys_of_its_project() {
    let server = server();
    let signing = SigningKey::rsa("one");
    let mut root = Caller::certificate(&server, "root");
    let identity = identity(&mut root, "no-access");
    root.done(&path(&identity), &trusting(&signing, &json!({})));
    root.done("/api/v2/workspace", &json!({"projectName": "shop"}));
    let mut app = Caller::bearer(&server, &login(&server, &identity, &jwt(&signing, &json!({}))));
    let body = json!({"name": "data", "projectId": "shop"});
    refused(&mut app, "POST", KEYS, Some(&body), 403, "PermissionDenied");
    root.done(&format!("/api/v2/workspace/shop/identity-memberships/{identity}"), &json!({"role": "developer"}));
    let made = key(&mut app, &body);
    assert_eq!(made["projectId"], json!("shop"));
    let signer = key(&mut app, &json!({"name": "s", "projectId": "shop", "encryptionAlgorithm": "ECC_NIST_P256"}));
    assert_eq!(app.get(&format!("{KEYS}?projectId=shop"))["keys"], json!([made, signer]));
    assert_eq!(app.get(&format!("{KEYS}?projectId=other"))["totalCount"], json!(0));
    let sealed = encrypted(&mut app, &id(&made), b"data");
    assert_eq!(decrypted(&mut app, &id(&made), &sealed), b"data");

    // It is the same object for KMIP, in the same project; for a caller without rights it does not exist.
    let attributes = root_attributes(&mut app, &id(&made));
    assert_eq!(string(&attributes, "NameValue"), "data");
    assert!(attributes.to_string().contains(&project("shop").to_string()), "{attributes}");
    let mut bob = Caller::certificate(&server, "bob");
    let sign = json!({"data": "", "signingAlgorithm": "ECDSA_SHA_256"});
    let verify = json!({"data": "", "signingAlgorithm": "ECDSA_SHA_256", "signature": "AAAA"});
    for (method, path, body) in [
        ("GET", format!("{KEYS}/{}", id(&made)), None),
        ("GET", format!("{KEYS}/key-name/data?projectId=shop"), None),
        ("PATCH", format!("{KEYS}/{}", id(&made)), Some(json!({"name": "x"}))),
        ("DELETE", format!("{KEYS}/{}", id(&made)), None),
        ("POST", at(&id(&made), "encrypt"), Some(json!({"plaintext": ""}))),
        ("POST", at(&id(&made), "decrypt"), Some(json!({"ciphertext": sealed}))),
        ("POST", at(&id(&signer), "sign"), Some(sign.clone())),
        ("POST", at(&id(&signer), "verify"), Some(verify)),
        ("GET", at(&id(&signer), "public-key"), None),
        ("GET", at(&id(&signer), "signing-algorithms"), None),
    ] {
        refused(&mut bob, method, &path, body.as_ref(), 404, "NotFound");
    }
    assert_eq!(bob.get(&format!("{KEYS}?projectId=shop"))["totalCount"], json!(0));

    // Objects that an identity of role `no-access` made belong to the project: without a role there it has no rights on
    // them.
    let member = format!("/api/v2/workspace/shop/identity-memberships/{identity}");
    assert_eq!(root.send("DELETE", &member, None).status, 200);
    let body = json!({"plaintext": ""});
    refused(&mut app, "POST", &at(&id(&made), "encrypt"), Some(&body), 404, "NotFound");
    assert_eq!(app.get(KEYS)["totalCount"], json!(0));
    assert_eq!(app.get("/access/owned"), json!([]));
    // Objects of a `member` stay its own.
    let change = json!({"role": "member"});
    assert_eq!(root.send("PATCH", &format!("/api/v1/identities/{identity}"), Some(&change)).status, 200);
    app.done(&at(&id(&made), "encrypt"), &body);
}

/// What KMIP says of the object.
fn root_attributes(caller: &mut Caller, id: &str) -> Value {
    caller.ok(&named("GetAttributes", id))
}

#[test]
fn keys_of_kmip_are_keys_here() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    let aes = alice.key("made-by-kmip", &[kmip::name("data"), integer("CryptographicUsageMask", 12)]);
    let shown = alice.get(&format!("{KEYS}/{aes}"))["key"].clone();
    assert_eq!((&shown["id"], &shown["name"]), (&json!("made-by-kmip"), &json!("data")));
    let sealed = encrypted(&mut alice, &aes, b"data");
    alice.ok(&kmip::revoke(&aes, "Superseded"));
    assert_eq!(alice.get(&format!("{KEYS}/{aes}"))["key"]["isDisabled"], json!(true));
    assert_eq!(decrypted(&mut alice, &aes, &sealed), b"data");
    refused(&mut alice, "POST", &at(&aes, "encrypt"), Some(&json!({"plaintext": ""})), 409, "Conflict");
    let mut alice = alice;
    let hmac = kmip::string(&alice.ok(&create("HMACSHA256", 256, &[])), "UniqueIdentifier");
    refused(&mut alice, "GET", &format!("{KEYS}/{hmac}"), None, 404, "NotFound");
    let found = alice.located(&[enumeration("CryptographicAlgorithm", "AES")]).0;
    assert_eq!(found, ["made-by-kmip"]);
}
