//! The statements of the documents about a JWT without options: how it is sent, the claims that it has, and the default
//! URL of the keys.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::jwt::{but, claims, key_set, now};
use crate::harness::server::Place;
use crate::harness::{Answer, Jwks, Options, Server, SigningKey, conjur, kmip};

/// Starts a server for one issuer, whose keys are at the default URL and which has no audience.
fn beside() -> (Server, SigningKey, Jwks, String) {
    let (place, key) = (Arc::new(Place::new()), SigningKey::rsa("one"));
    let jwks = Jwks::start(&place.authority, &key_set(&[key.jwk()]));
    let issuer = format!("{}/", jwks.uri().split('/').take(3).collect::<Vec<_>>().join("/"));
    let arguments = vec![
        "--client-cert=optional".to_owned(),
        "--jwks-ca-file=ca.pem".to_owned(),
        format!("--jwt-issuer-uri={issuer}"),
    ];
    let server = Server::start_at(place, &Options { arguments, ..Options::default() });
    (server, key, jwks, issuer)
}

fn created(server: &Server, path: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
    let body = kmip::create("AES", 256, &[]).to_string();
    server.nobody().try_request("POST", path, &headers, body.as_bytes()).unwrap()
}

#[test]
fn a_jwt_is_passed_to_the_kmip_endpoint_and_needs_the_claims_that_they_name() {
    let (server, key, jwks, issuer) = beside();
    assert!(jwks.requests() >= 1, "the keys are fetched at the start");
    let own =
        json!({"iss": issuer, "sub": "carol@example.com", "aud": "cosmian_kms", "exp": now() + 600, "iat": now()});
    let token = |changes: Value| key.token("RS256", &but(own.clone(), &changes));
    for path in ["/kmip_2_1", "/kmip/2_1"] {
        let made = created(&server, path, &token(json!({})));
        assert_eq!(made.status, 200, "{path}: {}", made.json());
        assert_eq!(server.nobody().post(path, &kmip::create("AES", 256, &[])).status, 401, "{path}");
    }
    let whoami = |token: &str| {
        let authorization = format!("Bearer {token}");
        server.nobody().try_request("GET", "/whoami", &[("Authorization", authorization.as_str())], b"").unwrap()
    };
    assert_eq!(whoami(&token(json!({}))).json(), json!({"username": "carol@example.com", "method": "jwt"}));
    // No audience is configured, so any or none is accepted. A JWT without `iat` is accepted too.
    for changes in [json!({"aud": null}), json!({"aud": "another"}), json!({"aud": ["a", "b"]}), json!({"iat": null})] {
        assert_eq!(whoami(&token(changes.clone())).status, 200, "{changes}");
    }
    let warned = |line: &str| line.contains("WARN") && line.contains("no --jwt-audience");
    assert!(server.log().lines().any(warned), "{}", server.log());
    for changes in [
        json!({"iss": null}),
        json!({"iss": issuer.trim_end_matches('/')}),
        json!({"iss": "https://other.example/"}),
        json!({"sub": null}),
        json!({"exp": null}),
        json!({"exp": now() - 600}),
        json!({"iat": now() + 600}),
    ] {
        assert_eq!(whoami(&token(changes.clone())).status, 401, "{changes}");
    }
}

#[test]
fn one_app_id_stands_for_many_workloads_or_for_one() {
    let (server, key) = (conjur::server(), SigningKey::rsa("one"));
    conjur::configured(&server, &key, &json!({}));
    let mut root = crate::harness::caller::Caller::certificate(&server, "root");
    let single = json!({"authn-jwt/gitlab/project": "web", "authn-jwt/gitlab/sub": "job-1"});
    conjur::define(&mut root, "hosts", "apps/job-1", &conjur::host(&single));
    let status = |host: &str, subject: &str| {
        let own = but(claims(conjur::ISSUER, conjur::AUDIENCE, subject), &json!({"project": "web"}));
        let at = format!("/authn-jwt/gitlab/acme/host%2Fapps%2F{host}/authenticate");
        conjur::authenticate_at(&server.nobody(), &at, &[], &key.token("RS256", &own)).status
    };
    // One identity is for all workloads of the project, the other for only one of them.
    for (host, subject, expected) in
        [("web", "job-1", 200), ("web", "job-2", 200), ("job-1", "job-1", 200), ("job-1", "job-2", 401)]
    {
        assert_eq!(status(host, subject), expected, "{host} {subject}");
    }
}
