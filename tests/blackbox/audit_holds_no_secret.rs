//! The audit log has no secrets, and names that unauthenticated callers send stay on one line of bounded length.

use std::fs;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use serde_json::json;

use crate::harness::jwt::{claims, key_set};
use crate::harness::kmip::{encrypt, find, import, integer, mac, name, named, register, tags};
use crate::harness::server::{P12_PASSWORD, Place};
use crate::harness::token::PIN;
use crate::harness::{Jwks, Leaf, Options, Server, SigningKey};

const PLAINTEXT: &[u8] = b"the plaintext that must not leak";
const ISSUER: &str = "https://issuer.example/";

/// The longest line with names of any kind, in bytes.
const LONGEST: usize = 16 << 10;

/// The longest identifier that the server searches for, in bytes.
const LONGEST_NAME: usize = 1024;

/// A name that would end its line, its string and its object, and reverse the following text.
const HOSTILE: &str = "a\"}\r\n{\"seq\":1}\u{2028}\\\u{0}\u{202e}\u{e0041}\u{7f}";

#[test]
fn keys_plaintexts_credentials_and_pin_are_not_there() {
    let place = Arc::new(Place::new());
    let (token, id) = place.api_token();
    let key = SigningKey::p256("one");
    let jwks = Jwks::start(&place.authority, &key_set(&[key.jwk()]));
    let arguments = vec![
        "--client-cert=optional".to_owned(),
        format!("--api-token-id={id}"),
        format!("--jwt-issuer-uri={ISSUER}"),
        format!("--jwks-uri={}", jwks.uri()),
        "--jwt-audience=claviger".to_owned(),
        format!("--jwks-ca-file={}", place.path("ca.pem").display()),
    ];
    let server = Server::start_at(Arc::clone(&place), &Options { arguments, ..Options::default() });
    let jwt = key.token("ES256", &claims(ISSUER, "claviger", "carol"));
    let mut alice = server.alice().connect().unwrap();
    let given = *b"a key that the caller brings  32";
    let registered = alice.new_key(&register("AES", &given, &[]));
    let made = alice.aes();
    let exported = alice.export(&made);
    let mut sealed = alice.seal(&registered, PLAINTEXT);
    assert_eq!(alice.open(&sealed), PLAINTEXT);
    sealed.tag[0] ^= 1;
    assert_eq!(alice.kmip(&sealed.decrypt()).status, 422);
    let secret = alice.new_key(&register("HMACSHA256", &given, &[]));
    let code = alice.ok(&mac(&secret, PLAINTEXT));
    assert!(find(&code, "MACData").is_some());
    // If a caller sends a secret in place of an identifier, the answer says so, and the log has at most the beginning
    // of it.
    let other = integer("CryptographicLength", 128);
    assert_ne!(alice.kmip(&import("taken", None, "AES", &given, &[other])).status, 200);
    let mut nobody = server.nobody().connect().unwrap();
    for credential in [&jwt, &token] {
        let good = format!("Bearer {credential}");
        assert_eq!(nobody.kmip_as(Some(&good), &encrypt(&registered, PLAINTEXT)).status, 404);
        let bad = format!("Bearer {credential}x");
        assert_eq!(nobody.kmip_as(Some(&bad), &encrypt(&registered, PLAINTEXT)).status, 401);
    }
    server.stop();

    let log = fs::read(place.audit_file()).unwrap();
    let holds = |bytes: &[u8]| log.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(b"\"carol\"") && holds(b"\"authentication\"") && holds(registered.as_bytes()));
    let token_key = BASE64.decode(token.as_bytes()).unwrap();
    let signature = jwt.rsplit('.').next().unwrap();
    for (what, secret) in [
        ("registered key", &given[..]),
        ("made key", &exported),
        ("plaintext", PLAINTEXT),
        ("ciphertext", &sealed.data),
        ("API token", token.as_bytes()),
        ("key of the API token", &token_key),
        ("JWT", jwt.as_bytes()),
        ("signature of the JWT", signature.as_bytes()),
        ("PIN", PIN.as_bytes()),
        ("password", P12_PASSWORD.as_bytes()),
    ] {
        // In base64, only whole groups are the same for every position of the secret.
        let groups = &secret[..secret.len() / 3 * 3];
        let spellings =
            [HEXLOWER.encode(secret), HEXUPPER.encode(secret), BASE64.encode(groups), BASE64URL_NOPAD.encode(groups)];
        assert!(!holds(secret), "{what}");
        for spelling in spellings {
            assert!(!holds(spelling.as_bytes()), "{what}: {spelling}");
        }
    }
}

#[test]
fn hostile_names_stay_on_their_line() {
    let arguments = vec!["--administrators=alice".to_owned()];
    let server = Server::start_with(&Options { arguments, ..Options::default() });
    let mut alice = server.alice().connect().unwrap();
    let quoted = r#"o"brien\","outcome":"success"#;
    let mut brien = server.client(&server.place.authority.issue(&Leaf::client(quoted))).connect().unwrap();
    let key = alice.aes();
    assert_eq!(brien.kmip(&named("Destroy", &key)).status, 404);
    let long = HOSTILE.repeat(LONGEST_NAME / HOSTILE.len());
    for id in [HOSTILE, &long, &"\u{1}".repeat(LONGEST_NAME), &"ü".repeat(LONGEST_NAME / 2)] {
        let answer = brien.kmip(&named("Get", id));
        assert_eq!(answer.status, 404, "{} bytes: {}", id.len(), String::from_utf8_lossy(&answer.body));
        assert!(brien.kmip(&import(id, None, "AES", &[7; 32], &[])).status >= 400);
        assert_eq!(
            brien
                .post("/access/grant", &json!({"unique_identifier": id, "user_id": id, "operation_types": ["get"]}))
                .status
                / 100,
            4
        );
        brien.kmip(&crate::harness::kmip::create("AES", 256, &[name(id), tags(&[id])]));
    }
    let headers = [("Content-Type", "application/json"), ("X-Request-Id", "a\"b\\\u{202e}")];
    let escaped: String = HOSTILE.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let path = format!("/access/definitions/roles/{escaped}");
    let role = json!({"capabilities": ["use"], "policies": [HOSTILE]}).to_string();
    let answer = alice.try_request("PUT", &path, &headers, role.as_bytes()).unwrap();
    assert!(answer.header("x-request-id").is_some_and(|id| !id.contains('"')));
    let place = server.stop().0;

    let text = fs::read_to_string(place.audit_file()).unwrap();
    let is_plain = |c: char| c == '\n' || !(c.is_control() || "\u{2028}\u{202e}\u{e0041}".contains(c));
    assert!(text.chars().all(is_plain));
    let lines = place.audit_lines();
    assert_eq!(text.lines().count(), lines.len());
    assert!(text.lines().all(|line| line.len() < LONGEST), "{:?}", text.lines().map(str::len).max());
    assert_eq!(lines.iter().filter(|line| line["seq"] == 1).count(), 1);
    let get = |object: &str| lines.iter().filter(|line| line["operation"] == "Get" && line["object"] == object).count();
    assert_eq!(get(HOSTILE), 1, "it can be read back");
    let refused = lines.iter().find(|line| line["operation"] == "Destroy").unwrap();
    assert_eq!((&refused["user"], &refused["outcome"]), (&json!(quoted), &json!("refused")));
}
