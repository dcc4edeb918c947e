//! Forged JWTs with an idps table: the same JWTs and refusals as for other issuers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::forged::forged;
use crate::harness::iam::{IDPS, ROLES, TOKEN, server, table};
use crate::harness::jwt::{but, claims, encode};
use crate::harness::{Server, SigningKey};

const A: &str = "https://a.example/";

fn refusal(server: &Server, token: &str) -> (u16, Value) {
    let answer = Caller::bearer(server, token).send("GET", "/whoami", None);
    let mut body = answer.json();
    body["request_id"] = json!(null);
    body["context"]["request_id"] = json!(null);
    (answer.status, body)
}

#[test]
fn no_fault_of_tokens_that_is_known_is_one_of_the_idps_tables() {
    let key = SigningKey::rsa("abc");
    let server = server(&format!("{}{ROLES}", table("a", A, "kms", &key)));
    let own = but(claims(A, "kms", "carol"), &json!({"roles": ["VaultAdminRole"]}));
    let good = key.token("RS256", &own);
    assert_eq!(refusal(&server, &good).0, 200, "the control: a good one");
    let mut bodies = BTreeSet::new();
    for (fault, token) in forged(&key, &own, "https://127.0.0.1:9/keys") {
        let (status, body) = refusal(&server, &token);
        assert_eq!(status, 401, "{fault}: {body}");
        bodies.insert(body.to_string());
    }
    // The answers only show whether `iss` and `aud` name a table.
    assert_eq!(bodies.len(), 2, "{bodies:#?}");
    let log = server.log();
    let signature = good.split('.').next_back().unwrap();
    assert!(!log.contains(signature));
}

#[test]
fn the_documents_token_is_good_in_no_other_spelling() {
    let server = server(&format!("{IDPS}{ROLES}"));
    assert_eq!(refusal(&server, TOKEN).0, 200);
    let parts: Vec<&str> = TOKEN.split('.').collect();
    let payload =
        r#"{"iss":"https://jwt.io/","aud":"vault1","sub":"root","exp":1893412799,"roles":["VaultAdminRole"]}"#;
    let flipped = format!("D{}", &parts[2][1..]);
    assert_ne!(flipped, parts[2]);
    for token in [
        format!("{}.{}.{}", parts[0], encode(payload.as_bytes()), parts[2]),
        format!("{}.{}.{}", encode(br#"{"alg":"none","kid":"abc"}"#), parts[1], ""),
        format!("{}.{}.{}", encode(br#"{"alg":"RS512","typ":"JWT","kid":"abc"}"#), parts[1], parts[2]),
        format!("{}.{}.{flipped}", parts[0], parts[1]),
        format!("{TOKEN}="),
        TOKEN.to_uppercase(),
    ] {
        assert_eq!(refusal(&server, &token).0, 401, "{token}");
    }
}
