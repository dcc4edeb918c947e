//! Forged JWTs are not exchanged for access tokens, and the answer to a login says no more than necessary.

use serde_json::{Value, json};

use crate::harness::forged::forged;
use crate::harness::hanzo::{AUDIENCE, ISSUER, LOGIN, jwt, known, server, try_login, whoami};
use crate::harness::jwt::{claims, key_set};
use crate::harness::{Jwks, SigningKey};

#[test]
fn no_fault_of_tokens_that_is_known_is_one_of_the_login() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let jwks = Jwks::start(&server.place.authority, &key_set(&[key.jwk()]));
    let by_url = json!({"configurationType": "jwks", "publicKeys": null, "jwksUrl": jwks.uri()});
    let own = claims(ISSUER, AUDIENCE, "app");
    for (way, configuration) in [("static", json!({})), ("jwks", by_url)] {
        let id = known(&server, &key, &configuration);
        let good = key.token("RS256", &own);
        assert_eq!(try_login(&server, &id, &good).status, 200, "{way}: the control, a good one");
        for (fault, token) in forged(&key, &own, "https://127.0.0.1:9/keys") {
            let answer = try_login(&server, &id, &token);
            assert!([401, 403].contains(&answer.status), "{way}: {fault}: {} {}", answer.status, answer.json());
        }
        let signature = good.rsplit_once('.').unwrap().1;
        assert!(!server.log().contains(signature));
    }
}

#[test]
fn what_is_wrong_has_a_word_in_the_audit_log() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({"boundClaims": {"team": "a"}}));
    let other = SigningKey::rsa("one");
    let changed = |changes: Value| jwt(&key, &changes);
    for (token, word) in [
        ("x".to_owned(), "invalid_jwt"),
        (jwt(&other, &json!({"team": "a"})), "jwt_verification_failed"),
        (changed(json!({"team": "a", "sub": null})), "missing_subject"),
        (changed(json!({"team": "a", "aud": null})), "missing_audience"),
        (changed(json!({"team": "a", "aud": "x"})), "audience_not_allowed"),
        (changed(json!({})), "missing_claim"),
        (changed(json!({"team": "b"})), "claim_mismatch"),
    ] {
        assert!(try_login(&server, &id, &token).status > 400);
        // It is summed up by the second.
        crate::harness::eventually("the audit log has it", || {
            let trail = std::fs::read_to_string(server.place.audit_file()).unwrap();
            trail.contains(word).then_some(())
        });
    }
    assert_eq!(try_login(&server, &id, &changed(json!({"team": "a"}))).status, 200);
}

/// An access token of this server is not a JWT of an issuer, and an API token or a certificate in a header is not a
/// credential here.
#[test]
fn an_access_token_buys_no_other_and_no_header_is_believed() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    let token = crate::harness::hanzo::login(&server, &id, &jwt(&key, &json!({})));
    assert!(whoami(&server, &token).is_ok());
    assert!(try_login(&server, &id, &token).status >= 401);
    let body = json!({"identityId": id, "jwt": jwt(&SigningKey::rsa("one"), &json!({}))}).to_string();
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Forwarded-Client-Cert", "Subject=\"CN=root\""),
        ("Authorization", &bearer),
    ];
    assert_eq!(server.nobody().try_request("POST", LOGIN, &headers, body.as_bytes()).unwrap().status, 401);
}
