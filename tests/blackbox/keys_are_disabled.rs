//! `isDisabled`, a state in addition to KMIP's: a disabled key is not used, exported or wrapped for any caller on any
//! route. Its lifecycle continues, and it can be enabled again.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::caller::{Caller, change};
use crate::harness::kmip::{
    self, Sealed, encrypt, integer, mac, mac_verify, named, octets, replace, revoke, string, vendor_attribute, wrapped,
};
use crate::harness::pairs::{halves, pair_of, sign, verify};
use crate::harness::server::Place;
use crate::harness::{Leaf, Options, Server, hanzo};

const KEYS: &str = "/api/v1/kms/keys";

fn disable(caller: &mut Caller, id: &str, is_disabled: bool) -> Value {
    let key = caller.done_with("PATCH", &format!("{KEYS}/{id}"), &json!({"isDisabled": is_disabled}))["key"].clone();
    assert_eq!(key["isDisabled"], json!(is_disabled), "{key}");
    key
}

/// The uses of a key: requests of KMIP, and requests of this dialect with their bodies.
struct Uses {
    kmip: Vec<Value>,
    here: Vec<(String, Option<Value>)>,
}

/// All uses of an AES key.
fn uses_of_key(alice: &mut Caller, id: &str, other: &str) -> Uses {
    let sealed = Sealed::of(id, &alice.ok(&encrypt(id, b"data")));
    let made = octets(&alice.ok(&mac(id, b"data")), "MACData");
    let here = format!("{KEYS}/{id}");
    let ciphertext = alice.done(&format!("{here}/encrypt"), &json!({"plaintext": "AAAA"}))["ciphertext"].clone();
    Uses {
        kmip: vec![
            encrypt(id, b"data"),
            sealed.decrypt(),
            mac(id, b"data"),
            mac_verify(id, b"data", &made),
            named("Get", id),
            named("Export", id),
            wrapped("Get", id, other),
            wrapped("Export", id, other),
            // As the wrapping key.
            wrapped("Get", other, id),
            wrapped("Export", other, id),
        ],
        here: vec![
            (format!("{here}/encrypt"), Some(json!({"plaintext": "AAAA"}))),
            (format!("{here}/decrypt"), Some(json!({"ciphertext": ciphertext}))),
        ],
    }
}

/// All uses of a key pair.
fn uses_of_pair(alice: &mut Caller, private: &str, public: &str) -> Uses {
    let signature = octets(&alice.ok(&sign(private, b"data", &[])), "SignatureData");
    let here = format!("{KEYS}/{private}");
    let mut body = json!({"data": "AAAA", "signingAlgorithm": "ECDSA_SHA_256"});
    let signed = alice.done(&format!("{here}/sign"), &body);
    let to_sign = body.clone();
    body["signature"] = signed["signature"].clone();
    Uses {
        kmip: vec![
            sign(private, b"data", &[]),
            verify(public, b"data", &signature, &[]),
            named("Get", public),
            named("Export", public),
        ],
        here: vec![
            (format!("{here}/sign"), Some(to_sign)),
            (format!("{here}/verify"), Some(body)),
            (format!("{KEYS}/{public}/public-key"), None),
            (format!("{here}/public-key"), None),
            (format!("{here}/signing-algorithms"), None),
        ],
    }
}

/// Tries every use: all are refused, or none is.
fn tried(caller: &mut Caller, uses: &Uses, is_disabled: bool) {
    for request in &uses.kmip {
        let answer = caller.kmip(request);
        if is_disabled {
            let told = answer.json();
            assert_eq!(answer.status, 409, "{request} {told}");
            assert!(told["detail"].as_str().unwrap().contains("is disabled"), "{told}");
            assert_eq!(told["result_reason"], "Wrong_Key_Lifecycle_State", "{told}");
        } else {
            assert_eq!(answer.status, 200, "{request} {}", answer.json());
        }
    }
    for (path, body) in &uses.here {
        let method = if body.is_some() { "POST" } else { "GET" };
        let answer = caller.send(method, path, body.as_ref());
        let told = answer.json();
        if is_disabled {
            assert_eq!((answer.status, &told["error"]), (409, &json!("Conflict")), "{path} {told}");
            assert!(told["message"].as_str().unwrap().contains("is disabled"), "{told}");
        } else {
            assert_eq!(answer.status, 200, "{path} {told}");
        }
    }
}

#[test]
fn a_disabled_key_is_used_by_nobody_until_it_is_enabled() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    // Encrypt, Decrypt, MAC, and Wrap Key.
    let mask = integer("CryptographicUsageMask", 4 | 8 | 16 | 128 | 256);
    let [key, other] = ["key", "other"].map(|id| alice.key(id, std::slice::from_ref(&mask)));
    let (private, public) = halves(&alice.ok(&pair_of("EC", 256, &[], &[])));
    let all = [uses_of_key(&mut alice, &key, &other), uses_of_pair(&mut alice, &private, &public)];
    let mut bob = Caller::certificate(&server, "bob");
    alice.grant(&key, "bob", &["encrypt"]);
    all.iter().for_each(|uses| tried(&mut alice, uses, false));
    for id in [&key, &private] {
        disable(&mut alice, id, true);
    }
    all.iter().for_each(|uses| tried(&mut alice, uses, true));
    tried(&mut bob, &Uses { kmip: vec![encrypt(&key, b"data")], here: Vec::new() }, true);
    // To disable it again has no effect.
    disable(&mut alice, &key, true);

    let server = server.restart();
    let mut alice = Caller::certificate(&server, "alice");
    all.iter().for_each(|uses| tried(&mut alice, uses, true));
    // The halves of a pair are disabled and enabled together.
    alice.done("/access/transfer", &json!({"unique_identifier": key, "user_id": "bob"}));
    Caller::certificate(&server, "bob").done("/access/accept", &json!({"unique_identifier": key}));
    let mut bob = Caller::certificate(&server, "bob");
    tried(&mut bob, &Uses { kmip: vec![encrypt(&key, b"data")], here: Vec::new() }, true);
    disable(&mut bob, &key, false);
    bob.done("/access/transfer", &json!({"unique_identifier": key, "user_id": "alice"}));
    alice.done("/access/accept", &json!({"unique_identifier": key}));
    disable(&mut alice, &private, false);
    all.iter().for_each(|uses| tried(&mut alice, uses, false));
}

#[test]
fn the_state_is_the_servers_and_the_lifecycle_goes_on() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    let key = alice.key("key", &[]);
    disable(&mut alice, &key, true);
    // KMIP shows the state, and no request of KMIP changes it.
    let attributes = alice.ok(&named("GetAttributes", &key));
    assert_eq!(string(&attributes, "State"), "Active");
    assert!(attributes.to_string().contains("\"disabled\""), "{attributes}");
    let own = vendor_attribute("claviger", "disabled", "x");
    for request in [
        kmip::create("AES", 256, std::slice::from_ref(&own)),
        kmip::register("AES", &[7; 32], std::slice::from_ref(&own)),
        kmip::import("new", None, "AES", &[7; 32], std::slice::from_ref(&own)),
        replace(&key, "AES", &[7; 32], &[own]),
    ] {
        assert!(alice.refused(&request, 400).contains("set by the server"), "{request}");
    }
    // A key that replaces it is also disabled, and so is it after a change of its name.
    alice.ok(&replace(&key, "AES", &[7; 32], &[]));
    alice.done_with("PATCH", &format!("{KEYS}/{key}"), &json!({"name": "named", "description": "text"}));
    tried(&mut alice, &Uses { kmip: vec![encrypt(&key, b"data"), named("Export", &key)], here: Vec::new() }, true);
    // Its lifecycle continues.
    alice.ok(&revoke(&key, "Superseded"));
    let told = alice.send("PATCH", &format!("{KEYS}/{key}"), Some(&json!({"isDisabled": false})));
    assert_eq!(told.status, 422);
    assert!(told.json()["message"].as_str().unwrap().starts_with("isDisabled: the key is Deactivated"), "{told:?}");
    alice.ok(&named("Destroy", &key));
    // A key that is not active yet shows as disabled, and is not disabled.
    let body = kmip::create("AES", 256, &[kmip::date("ActivationDate", "2999-01-01T00:00:00Z")]);
    let early = string(&alice.ok(&body), "UniqueIdentifier");
    assert_eq!(alice.get(&format!("{KEYS}/{early}"))["key"]["isDisabled"], json!(true));
    alice.ok(&named("Activate", &early));
    alice.ok(&encrypt(&early, b"data"));
    // A pair can be removed while it is disabled.
    let made = json!({"name": "s", "encryptionAlgorithm": "ECC_NIST_P256"});
    let signer = alice.done(KEYS, &made)["key"]["id"].as_str().unwrap().to_owned();
    disable(&mut alice, &signer, true);
    assert_eq!(alice.send("DELETE", &format!("{KEYS}/{signer}"), None).status, 200);
    // The key of a secret is not a key for callers.
    assert_eq!(alice.connection.try_request("POST", "/secrets/default/variable/db", &[], b"x").unwrap().status, 201);
    let owned = alice.get("/access/owned");
    let ids = owned.as_array().unwrap().iter().map(|own| own["object_id"].as_str().unwrap());
    let secret = ids.into_iter().find(|id| id.starts_with("secret:")).unwrap();
    let answer = alice.send("PATCH", &format!("{KEYS}/{secret}"), Some(&json!({"isDisabled": true})));
    assert_eq!(answer.status, 404, "{answer:?}");
}

#[test]
fn who_may_change_a_key_may_disable_it_and_nobody_else() {
    let server = Server::start_at(hanzo::place(), &hanzo::options(&[]));
    let mut alice = Caller::certificate(&server, "alice");
    let mut bob = Caller::certificate(&server, "bob");
    let (private, public) = halves(&alice.ok(&pair_of("EC", 256, &[], &[])));
    let at = format!("{KEYS}/{private}");
    let body = json!({"isDisabled": true});
    assert_eq!(bob.send("PATCH", &at, Some(&body)).status, 404);
    alice.grant(&private, "bob", &["get_attributes", "sign"]);
    assert_eq!(bob.send("PATCH", &at, Some(&body)).status, 403);
    alice.grant(&private, "bob", &["modify_attribute", "revoke"]);
    // Of a pair both are changed.
    assert_eq!(bob.send("PATCH", &at, Some(&body)).status, 404);
    alice.grant(&public, "bob", &["signature_verify", "modify_attribute"]);
    // A disabled key is out of service, as a revoked one.
    assert_eq!(bob.send("PATCH", &at, Some(&body)).status, 403);
    alice.ok(&sign(&private, b"data", &[]));
    alice.grant(&public, "bob", &["revoke"]);
    disable(&mut bob, &private, true);
    assert_eq!(alice.kmip(&sign(&private, b"data", &[])).status, 409);
    let enabled = json!({"isDisabled": false});
    for half in [&private, &public] {
        assert_eq!(bob.send("PATCH", &at, Some(&enabled)).status, 403);
        alice.grant(half, "bob", &["activate"]);
    }
    disable(&mut bob, &private, false);
    alice.ok(&sign(&private, b"data", &[]));
    disable(&mut bob, &private, true);
    // The audit log has its own operations for it.
    let mut root = Caller::certificate(&server, "root");
    let found = root.done("/audit/search", &json!({"object": private}));
    assert!(found.to_string().contains("isDisabled: true"), "{found}");
}

#[test]
fn an_api_token_is_refused_while_its_key_is_disabled() {
    let place = Arc::new(Place::new());
    let admin = place.authority.issue(&Leaf::client("admin"));
    let (token, id) = place.api_token();
    let arguments =
        ["--client-cert=optional", "--auth-failure-limit=0", "--administrators=admin", "--api-token-id", &id];
    let options = Options { arguments: arguments.map(str::to_owned).into(), ..Options::default() };
    let server = Server::start_at(place, &options);
    let with = |server: &Server| Caller::bearer(server, &token).send("GET", "/whoami", None).status;
    let mut owner = server.client(&admin).connect().unwrap();
    let mut patch = |is_disabled: bool| {
        let body = json!({"isDisabled": is_disabled}).to_string();
        let headers = [("Content-Type", "application/json")];
        owner.try_request("PATCH", &format!("{KEYS}/{id}"), &headers, body.as_bytes()).unwrap()
    };
    assert_eq!(with(&server), 200);
    assert_eq!(patch(true).status, 200);
    assert_eq!(with(&server), 401);
    assert_eq!(patch(false).status, 200);
    assert_eq!(with(&server), 200);
    assert_eq!(patch(true).status, 200);
    // Only an administrator can enable it. For other callers the whole request fails.
    let mut bob = Caller::certificate(&server, "bob");
    let granted = change(&id, "bob", &["get_attributes", "modify_attribute"]).to_string();
    let headers = [("Content-Type", "application/json")];
    assert_eq!(owner.try_request("POST", "/access/grant", &headers, granted.as_bytes()).unwrap().status, 200);
    let answer = bob.send("PATCH", &format!("{KEYS}/{id}"), Some(&json!({"name": "taken", "isDisabled": false})));
    assert_eq!(answer.status, 403, "{answer:?}");
    let key = owner.try_request("GET", &format!("{KEYS}/{id}"), &[], b"").unwrap().json()["key"].clone();
    assert_ne!(key["name"], json!("taken"), "{key}");
    assert_eq!(key["isDisabled"], json!(true), "{key}");
    // The server starts, and says why the token is refused.
    let server = server.restart();
    assert_eq!(with(&server), 401);
    assert!(server.log().contains("its key is disabled"), "{}", server.log());
}
