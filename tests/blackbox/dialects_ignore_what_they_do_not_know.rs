//! One reader, one rule, on every route of the dialects: what is not known is ignored, unless ignoring it would give more than was
//! asked for; null is absent; base64, queries and truth values are read as clients write them; and no header is judged that decides
//! nothing.

use serde_json::{Map, Value, json};

use crate::harness::caller::Caller;
use crate::harness::hanzo::{identity, server, trusting};
use crate::harness::{Answer, Server, SigningKey};

/// Something that must not change what a request means, or must be refused by its name.
struct World {
    server: Server,
    root: Caller,
    signing: SigningKey,
    identity: String,
    aes: String,
    signer: String,
}

impl World {
    fn new() -> Self {
        let (server, signing) = (server(), SigningKey::rsa("one"));
        let mut root = Caller::certificate(&server, "root");
        let identity = identity(&mut root, "no-access");
        root.done("/api/v2/workspace", &json!({"projectName": "shop"}));
        let mut key = |body: Value| root.done("/api/v1/kms/keys", &body)["key"]["id"].as_str().unwrap().to_owned();
        let aes = key(json!({"name": "aes"}));
        let signer = key(json!({"name": "signer", "encryptionAlgorithm": "ECC_NIST_P256"}));
        Self { server, root, signing, identity, aes, signer }
    }

    /// Requests with JSON bodies that succeed, whatever came before them: method, path and body.
    fn requests(&mut self) -> Vec<(&'static str, String, Value)> {
        let (aes, signer, identity) = (&self.aes, &self.signer, &self.identity);
        let keys = |id: &str, action: &str| format!("/api/v1/kms/keys/{id}{action}");
        let sealed = self.root.done(&keys(aes, "/encrypt"), &json!({"plaintext": "aGVsbG8="}))["ciphertext"].clone();
        let to_sign = json!({"data": "aGVsbG8=", "signingAlgorithm": "ECDSA_SHA_256"});
        let signature = self.root.done(&keys(signer, "/sign"), &to_sign)["signature"].clone();
        let to_verify = json!({"data": "aGVsbG8=", "signingAlgorithm": "ECDSA_SHA_256", "signature": signature});
        vec![
            ("POST", "/api/v1/kms/keys".to_owned(), json!({"name": "new"})),
            ("PATCH", keys(aes, ""), json!({"description": "text"})),
            ("POST", keys(aes, "/encrypt"), json!({"plaintext": "aGVsbG8="})),
            ("POST", keys(aes, "/decrypt"), json!({"ciphertext": sealed})),
            ("POST", keys(signer, "/sign"), to_sign),
            ("POST", keys(signer, "/verify"), to_verify),
            ("POST", "/api/v1/identities".to_owned(), json!({"name": "new"})),
            ("PATCH", format!("/api/v1/identities/{identity}"), json!({"name": "app"})),
            ("PATCH", "/api/v2/workspace/shop".to_owned(), json!({"name": "Shop"})),
            ("PATCH", "/api/v1/workspace/shop".to_owned(), json!({"description": "text"})),
            (
                "POST",
                format!("/api/v2/workspace/shop/identity-memberships/{identity}"),
                json!({"roles": [{"role": "developer"}]}),
            ),
            ("PATCH", format!("/api/v2/workspace/shop/identity-memberships/{identity}"), json!({"role": "developer"})),
        ]
    }
}

fn with(body: &Value, name: &str, value: &Value) -> Value {
    let mut members: Map<String, Value> = body.as_object().unwrap().clone();
    members.insert(name.to_owned(), value.clone());
    Value::Object(members)
}

#[track_caller]
fn is_done(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {}", String::from_utf8_lossy(&answer.body));
}

#[test]
fn members_that_are_not_known_are_ignored_unless_they_limit() {
    let mut world = World::new();
    for (method, path, body) in world.requests() {
        let what = format!("{method} {path}");
        is_done(&world.root.send(method, &path, Some(&body)), &what);
        for (name, value) in [
            ("color", json!("red")),
            ("nested", json!({"deep": [{"deeper": 1}]})),
            ("permissions", json!(null)),
            ("accessTokenPeriod", json!(0)),
            ("expiresAt", json!("")),
            ("allowedIps", json!([])),
            ("trustedIps", json!([{"ipAddress": "0.0.0.0/0"}, {"ipAddress": "::/0"}])),
            ("hasDeleteProtection", json!(false)),
            ("isEnabled", json!(true)),
            ("exportable", json!(true)),
        ] {
            is_done(&world.root.send(method, &path, Some(&with(&body, name, &value))), &format!("{what} {name}"));
        }
        for (name, value) in [
            ("expiresAt", json!("2030-01-01T00:00:00Z")),
            ("accessTokenPeriod", json!(60)),
            ("numUsesLimit", json!(3)),
            ("trustedIps", json!([{"ipAddress": "10.0.0.0/8"}])),
            ("restricted_to", json!("10.0.0.0/8")),
            ("permissions", json!(["read"])),
            ("hasDeleteProtection", json!(true)),
            ("isTemporary", json!(true)),
            ("exportable", json!(false)),
        ] {
            for given in [json!({ name: value }), json!({"nested": [{ name: value }]})] {
                let (member, value) = given.as_object().unwrap().iter().next().unwrap();
                let answer = world.root.send(method, &path, Some(&with(&body, member, value)));
                let told = String::from_utf8_lossy(&answer.body).into_owned();
                assert_eq!(answer.status, 422, "{what} {given}: {told}");
                assert!(told.contains(&format!("{name} is not supported here")), "{what} {given}: {told}");
            }
        }
    }
    // A limit that the route knows is no unknown one.
    let (signing, identity) = (&world.signing, &world.identity);
    let path = crate::harness::hanzo::path(identity);
    let trust = trusting(signing, &json!({"accessTokenTTL": 60, "accessTokenNumUsesLimit": 3, "color": "red"}));
    world.root.done(&path, &trust);
    let answer = world.root.send("PATCH", &path, Some(&json!({"accessTokenPeriod": 60})));
    assert_eq!(answer.status, 422, "{answer:?}");
}

#[test]
fn null_is_absent_and_what_is_wrong_has_a_name() {
    let mut world = World::new();
    for (method, path, body) in world.requests() {
        let known = body.as_object().unwrap().keys().next().unwrap().clone();
        // As it is, with a member that is null and known to the route.
        for name in
            ["description", "name", "isDisabled", "slug", "metadata", "isDigest", "roles", "role", "organizationId"]
        {
            if body.get(name).is_none() {
                let answer = world.root.send(method, &path, Some(&with(&body, name, &json!(null))));
                is_done(&answer, &format!("{method} {path} {name}"));
            }
        }
        let answer = world.root.send(method, &path, Some(&with(&body, &known, &json!({"of": "another kind"}))));
        assert_eq!(answer.status, 422, "{method} {path} {known}");
        let told = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(told.starts_with(&format!("{known}: ")), "{method} {path}: {told}");
    }
}

#[test]
fn base64_is_read_as_any_client_writes_it() {
    let mut world = World::new();
    // Bytes in which the alphabets differ, and whose length needs padding.
    for spelling in ["+/+/+w==", "-_-_-w==", "+/+/+w", "-_-_-w"] {
        let at = |id: &str, action: &str| format!("/api/v1/kms/keys/{id}/{action}");
        let sealed = world.root.done(&at(&world.aes, "encrypt"), &json!({"plaintext": spelling}));
        let standard = sealed["ciphertext"].as_str().unwrap().to_owned();
        let url = standard.replace('+', "-").replace('/', "_");
        for ciphertext in [&*standard, &url, standard.trim_end_matches('='), url.trim_end_matches('=')] {
            let opened = world.root.done(&at(&world.aes, "decrypt"), &json!({"ciphertext": ciphertext}));
            assert_eq!(opened["plaintext"], "+/+/+w==", "{spelling} {ciphertext}");
        }
        let mut body = json!({"data": spelling, "signingAlgorithm": "ECDSA_SHA_256"});
        let signature = world.root.done(&at(&world.signer, "sign"), &body)["signature"].as_str().unwrap().to_owned();
        body["signature"] = json!(signature.replace('+', "-").replace('/', "_").trim_end_matches('='));
        assert_eq!(world.root.done(&at(&world.signer, "verify"), &body)["signatureValid"], json!(true), "{spelling}");
    }
}

#[test]
fn queries_are_forms() {
    let mut world = World::new();
    let name = "a b+c,d%";
    world.root.done("/api/v1/kms/keys", &json!({"name": name}));
    for query in ["search=a+b%2Bc%2Cd%25", "search=a%20b%2Bc,d%25", "search=A+B&color=red&empty=&flag"] {
        let found = world.root.get(&format!("/api/v1/kms/keys?{query}"));
        assert_eq!((&found["totalCount"], &found["keys"][0]["name"]), (&json!(1), &json!(name)), "{query}");
    }
    for query in ["limit=", "limit=null&offset=None", "limit=5", "offset=0&includeImports=True", "expiresAt=&role="] {
        is_done(&world.root.send("GET", &format!("/api/v1/kms/keys?{query}"), None), query);
    }
    for query in ["search=a&search=b", "expiresAt=2030", "role=viewer", "allowedIps=10.0.0.0%2F8", "search=%ff"] {
        let answer = world.root.send("GET", &format!("/api/v1/kms/keys?{query}"), None);
        assert!([400, 422].contains(&answer.status), "{query} {answer:?}");
    }
}

#[test]
fn headers_that_decide_nothing_are_not_judged() {
    let mut world = World::new();
    for (method, path, body) in world.requests() {
        let body = body.to_string();
        for headers in [
            &[][..],
            &[("Content-Type", "text/plain; charset=utf-8")],
            &[("Content-Type", "application/x-www-form-urlencoded")],
            &[("Content-Type", "image/png")],
            &[("Accept", "text/html")],
        ] {
            let answer = world.root.connection.try_request(method, &path, headers, body.as_bytes()).unwrap();
            is_done(&answer, &format!("{method} {path} {headers:?}"));
        }
        // A page of another site is no client.
        for headers in [
            [("Origin", "https://evil.example"), ("Content-Type", "application/json")],
            [("Sec-Fetch-Site", "cross-site"), ("Content-Type", "text/plain")],
        ] {
            let connection = &mut Caller::certificate(&world.server, "root").connection;
            let answer = connection.try_request(method, &path, &headers, body.as_bytes()).unwrap();
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}");
        }
    }
}

#[test]
fn head_is_served_wherever_get_is() {
    let world = World::new();
    let (aes, signer, identity) = (&world.aes, &world.signer, &world.identity);
    for path in [
        "/api/v1/kms/keys".to_owned(),
        format!("/api/v1/kms/keys/{aes}"),
        "/api/v1/kms/keys/key-name/aes".to_owned(),
        format!("/api/v1/kms/keys/{signer}/public-key"),
        format!("/api/v1/kms/keys/{signer}/signing-algorithms"),
        "/api/v1/identities".to_owned(),
        format!("/api/v1/identities/{identity}"),
        "/api/v1/workspace".to_owned(),
        "/api/v1/workspace/shop".to_owned(),
        "/api/v2/workspace/shop".to_owned(),
        "/api/v2/workspace/shop/identity-memberships".to_owned(),
        "/api/v1/kms/keys/none".to_owned(),
    ] {
        let certificate = || Caller::certificate(&world.server, "root");
        let get = certificate().send("GET", &path, None).status;
        let mut second = crate::harness::Http2::connect(
            &world.server.client(&world.server.place.authority.issue(&crate::harness::Leaf::client("root"))),
        );
        let stream = second.request("HEAD", &path, &[], true);
        let answer = second.answer(stream);
        assert_eq!((answer.status, answer.data), (Some(get), (0, 0)), "{path}");
    }
}
