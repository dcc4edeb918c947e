//! Every decision has its line in the audit log of the server: changes and refusals before the answer, uses within a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use openssl::hash::MessageDigest;
use serde_json::{Value, json};

use crate::batches::{message, option};
use crate::harness::jwt::{claims, key_set};
use crate::harness::kmip::{create, encrypt, import, locate, named, revoke, string, structure};
use crate::harness::server::Place;
use crate::harness::{Answer, Identity, Jwks, Options, Server, SigningKey, eventually};

/// A second, with an allowance for a busy machine.
const SOON: Duration = Duration::from_millis(1500);

fn with(arguments: &[String]) -> Options {
    Options { arguments: arguments.to_vec(), ..Options::default() }
}

fn thumbprint(identity: &Identity) -> String {
    HEXLOWER.encode(&identity.certificate.digest(MessageDigest::sha256()).unwrap())
}

/// Returns the only line with all these members; a member that is null here must be absent.
#[track_caller]
fn says(lines: &[Value], expected: &Value) {
    let [line] = lines else { panic!("not one line: {lines:?}") };
    holds(line, expected);
}

#[track_caller]
fn holds(line: &Value, expected: &Value) {
    assert_eq!(line["event"], "decision", "{line}");
    assert_eq!(line["peer"], "127.0.0.1", "{line}");
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name} of {line}");
    }
}

/// Returns the lines of an answer that are already written.
fn at_once(server: &Server, answer: &Answer) -> Vec<Value> {
    server.audited(answer)
}

/// Returns the lines of an answer, waiting up to a second.
fn soon(server: &Server, answer: &Answer) -> Vec<Value> {
    let began = Instant::now();
    eventually("the use is recorded", || {
        let lines = server.audited(answer);
        assert!(!lines.is_empty() || began.elapsed() < SOON, "not within {SOON:?}");
        (!lines.is_empty()).then_some(lines)
    })
}

#[test]
fn of_a_keys_life() {
    let server = Server::start();
    let [mut alice, mut bob] = [server.alice(), server.bob()].map(|client| client.connect().unwrap());
    let alices = |more: Value| {
        let mut all = json!({"user": "alice", "method": "certificate", "proof": thumbprint(&server.place.alice)});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let answer = alice.kmip(&create("AES", 256, &[]));
    let id = string(&answer.json(), "UniqueIdentifier");
    let lines = at_once(&server, &answer);
    says(
        &lines,
        &alices(json!({"operation": "Create", "object": id, "outcome": "success", "version": 1, "reason": null})),
    );
    assert!(lines[0]["rule"].as_str().is_some_and(|rule| !rule.is_empty()), "{lines:?}");

    let answer = alice.kmip(&encrypt(&id, b"x"));
    let used = alices(json!({"operation": "Encrypt", "object": id, "outcome": "success", "version": null}));
    says(&soon(&server, &answer), &used);
    let rule = "the caller owns the object";
    says(&server.audited(&answer), &json!({ "rule": rule }));
    for request in [named("GetAttributes", &id), named("Get", &id), named("Export", &id)] {
        let answer = alice.kmip(&request);
        assert_eq!(answer.status, 200);
        let outcome = json!({"operation": request["tag"], "object": id, "outcome": "success"});
        says(&soon(&server, &answer), &alices(outcome));
    }
    let mut sealed = alice.seal(&id, b"x");
    sealed.tag[0] ^= 1;
    let answer = alice.kmip(&sealed.decrypt());
    let reason = "decryption failed: wrong key, IV, additional data or tag, or damaged ciphertext";
    let failed = json!({"operation": "Decrypt", "object": id, "outcome": "failed", "rule": rule, "reason": reason});
    says(&soon(&server, &answer), &alices(failed));

    // For bob both answers are the same, and take the same time.
    let [foreign, absent] = [id.as_str(), "nowhere"].map(|id| bob.kmip(&named("Get", id)));
    assert_eq!((foreign.status, absent.status), (404, 404));
    let bobs = thumbprint(&server.place.bob);
    let refused =
        json!({"user": "bob", "proof": bobs, "operation": "Get", "object": id, "outcome": "refused", "rule": null});
    says(&at_once(&server, &foreign), &refused);
    let reason = "no object \"nowhere\"";
    let failed = json!({"user": "bob", "operation": "Get", "object": "nowhere", "outcome": "failed", "reason": reason});
    says(&at_once(&server, &absent), &failed);

    for (request, version) in [(revoke(&id, "Superseded"), 3), (named("Destroy", &id), 4)] {
        let answer = alice.kmip(&request);
        assert_eq!(answer.status, 200);
        let changed = json!({"operation": request["tag"], "object": id, "outcome": "success", "version": version});
        says(&at_once(&server, &answer), &alices(changed));
    }
    let answer = alice.kmip(&encrypt(&id, b"x"));
    assert_eq!(answer.status, 409);
    says(&soon(&server, &answer), &alices(json!({"operation": "Encrypt", "object": id, "outcome": "failed"})));
}

#[test]
fn of_changes_that_fail_and_of_searches() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let answer = alice.kmip(&import("taken", None, "AES", &[7; 32], &[]));
    let imported = json!({"operation": "Import", "object": "taken", "outcome": "success", "version": 1});
    says(&at_once(&server, &answer), &imported);
    // The database refuses it inside the transaction.
    let answer = alice.kmip(&import("taken", None, "AES", &[7; 32], &[]));
    assert_eq!(answer.status, 409);
    let reason = "an object \"taken\" exists already";
    says(
        &soon(&server, &answer),
        &json!({"operation": "Import", "outcome": "failed", "version": null, "reason": reason}),
    );
    // A replacement has only its own line.
    let answer = alice.kmip(&import("taken", Some(true), "AES", &[8; 32], &[]));
    assert_eq!(answer.status, 200);
    let replaced = server.audited(&answer);
    let versions: Vec<&Value> =
        replaced.iter().map(|line| &line["version"]).filter(|version| !version.is_null()).collect();
    assert_eq!(versions, [2], "{replaced:?}");
    // An import that finds nothing to replace is not a failure.
    let answer = alice.kmip(&import("new", Some(true), "AES", &[8; 32], &[]));
    says(
        &at_once(&server, &answer),
        &json!({"operation": "Import", "object": "new", "outcome": "success", "version": 1}),
    );

    for request in [locate(&[], &[]), structure("RNGRetrieve", &[crate::harness::kmip::integer("DataLength", 8)])] {
        let answer = alice.kmip(&request);
        assert_eq!(answer.status, 200);
        let asked = json!({"user": "alice", "operation": request["tag"], "object": null, "outcome": "success"});
        says(&soon(&server, &answer), &asked);
    }
}

#[test]
fn of_each_item_of_a_batch() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let items = [create("AES", 128, &[]), encrypt(&id, b"x"), encrypt("nowhere", b"x"), named("Activate", &id)];
    let answer = alice.kmip(&message(&[option("Continue")], &items));
    assert_eq!(answer.status, 200);
    let lines = eventually("all items are recorded", || {
        let lines = server.audited(&answer);
        (lines.len() == items.len()).then_some(lines)
    });
    let of = |operation: &str, object: &Value| {
        let is_it = |line: &&Value| line["operation"] == operation && &line["object"] == object;
        lines.iter().find(is_it).unwrap_or_else(|| panic!("{operation} {object}: {lines:?}"))
    };
    let made = string(&answer.json(), "UniqueIdentifier");
    holds(of("Create", &json!(made)), &json!({"outcome": "success", "version": 1}));
    holds(of("Encrypt", &json!(id)), &json!({"outcome": "success"}));
    holds(of("Encrypt", &json!("nowhere")), &json!({"outcome": "failed"}));
    holds(of("Activate", &json!(id)), &json!({"outcome": "failed", "version": null}));
}

#[test]
fn of_those_who_administer_and_those_who_may_not() {
    let server = Server::start_with(&with(&["--administrators=alice".to_owned()]));
    let [mut alice, mut bob] = [server.alice(), server.bob()].map(|client| client.connect().unwrap());
    let headers = [("Content-Type", "application/json")];
    let role = json!({"capabilities": ["use"], "policies": []}).to_string();
    let path = "/access/definitions/roles/operator";
    for version in [1, 2] {
        let answer = alice.try_request("PUT", path, &headers, role.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let defined =
            json!({"operation": "Define", "object": "role/operator", "outcome": "success", "version": version});
        says(&at_once(&server, &answer), &defined);
    }
    let answer = bob.try_request("PUT", path, &headers, role.as_bytes()).unwrap();
    assert_eq!(answer.status, 403);
    says(
        &at_once(&server, &answer),
        &json!({"user": "bob", "operation": "Define", "outcome": "refused", "version": null}),
    );
    let answer = alice.try_request("DELETE", path, &headers, b"").unwrap();
    assert_eq!(answer.status, 200);
    says(&at_once(&server, &answer), &json!({"operation": "Undefine", "object": "role/operator", "version": 3}));
    let answer = alice.try_request("DELETE", path, &headers, b"").unwrap();
    assert_eq!(answer.status, 404);
    says(&soon(&server, &answer), &json!({"operation": "Undefine", "outcome": "failed", "version": null}));

    let id = alice.aes();
    let grant = json!({"unique_identifier": id, "user_id": "bob", "operation_types": ["encrypt"]});
    let answer = alice.post("/access/grant", &grant);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    says(
        &at_once(&server, &answer),
        &json!({"operation": "GrantAccess", "object": id, "outcome": "success", "version": 2}),
    );
    let answer = bob.kmip(&encrypt(&id, b"x"));
    says(
        &soon(&server, &answer),
        &json!({"user": "bob", "outcome": "success", "rule": "the owner granted it to the user \"bob\""}),
    );
    // A grantee gets the reason of a refusal, and the refusal is recorded like others.
    let answer = bob.kmip(&named("Destroy", &id));
    assert_eq!(answer.status, 403);
    says(&at_once(&server, &answer), &json!({"user": "bob", "operation": "Destroy", "outcome": "refused"}));
}

#[test]
fn of_callers_by_token_and_by_default() {
    let issuer = "https://issuer.example/";
    let place = Arc::new(Place::new());
    let (token, id) = place.api_token();
    let key = SigningKey::p256("one");
    let jwks = Jwks::start(&place.authority, &key_set(&[key.jwk()]));
    let arguments = [
        "--client-cert=optional".to_owned(),
        format!("--api-token-id={id}"),
        format!("--jwt-issuer-uri={issuer}"),
        format!("--jwks-uri={}", jwks.uri()),
        "--jwt-audience=claviger".to_owned(),
        format!("--jwks-ca-file={}", place.path("ca.pem").display()),
    ];
    let server = Server::start_at(Arc::clone(&place), &with(&arguments));
    let mut nobody = server.nobody().connect().unwrap();
    let jwt = key.token("ES256", &claims(issuer, "claviger", "carol"));
    for (credential, user, method, proof) in
        [(&jwt, "carol", "jwt", json!(issuer)), (&token, "admin", "api-token", Value::Null)]
    {
        let authorization = format!("Bearer {credential}");
        let answer = nobody.kmip_as(Some(&authorization), &create("AES", 256, &[]));
        let made = string(&answer.json(), "UniqueIdentifier");
        let who = json!({"user": user, "method": method, "proof": proof, "object": made});
        says(&at_once(&server, &answer), &who);
        let answer = nobody.kmip_as(Some(&authorization), &encrypt(&made, b"x"));
        says(&soon(&server, &answer), &who);
    }
    server.stop();

    let server = Server::start_with(&Options { plain: true, ..Options::default() });
    let answer = server.nobody().connect().unwrap().kmip(&create("AES", 256, &[]));
    says(&at_once(&server, &answer), &json!({"user": "admin", "method": "default", "proof": null, "version": 1}));
}
