//! Failed attempts of one address are bounded; what is valid is never refused for them.

use serde_json::json;

use crate::harness::jwt::{claims, key_set};
use crate::harness::server::Place;
use crate::harness::{Connection, Jwks, Options, Server, SigningKey};

const ISSUER: &str = "https://a.example";

fn server(limit: &str) -> (Server, SigningKey, Jwks) {
    let place = Place::new();
    let key = SigningKey::p256("one");
    let jwks = Jwks::start(&place.authority, &key_set(&[key.jwk()]));
    let arguments = vec![
        "--client-cert=optional".to_owned(),
        format!("--jwt-issuer-uri={ISSUER}"),
        format!("--jwks-uri={}", jwks.uri()),
        "--jwt-audience=claviger".to_owned(),
        format!("--jwks-ca-file={}", place.path("ca.pem").display()),
        format!("--auth-failure-limit={limit}"),
    ];
    let options = Options { arguments, ..Options::default() };
    (Server::start_at(place.into(), &options), key, jwks)
}

fn status(connection: &mut Connection, authorization: Option<&str>) -> u16 {
    let headers: Vec<_> = authorization.into_iter().map(|value| ("Authorization", value)).collect();
    let answer = connection.try_request("GET", "/whoami", &headers, b"").unwrap();
    if answer.status == 429 {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.header("www-authenticate").is_none());
    }
    answer.status
}

#[test]
fn above_the_limit_what_fails_is_told_so_and_what_is_valid_gets_in() {
    let (server, key, _jwks) = server("5");
    let good = format!("Bearer {}", key.token("ES256", &claims(ISSUER, "claviger", "carol")));
    let mut nobody = server.nobody().connect().unwrap();
    let bad = [None, Some("Bearer x"), Some("Basic Ym9iOmJvYg=="), Some("Bearer a.b.c"), Some("Bearer eA==")];
    assert_eq!(bad.map(|credential| status(&mut nobody, credential)), [401; 5]);
    // The sixth, of whatever kind and on whatever connection.
    assert_eq!(bad.map(|credential| status(&mut nobody, credential)), [429; 5]);
    assert_eq!(status(&mut server.nobody().connect().unwrap(), None), 429);
    // What is valid, on the same connection and on others.
    assert_eq!(status(&mut nobody, Some(&good)), 200);
    assert_eq!(status(&mut server.nobody().connect().unwrap(), Some(&good)), 200);
    let other = format!("Bearer {}", key.token("ES256", &claims(ISSUER, "claviger", "dora")));
    assert_eq!(status(&mut nobody, Some(&other)), 200);
    assert_eq!(server.alice().get("/whoami").json(), json!({"username": "alice", "method": "certificate"}));
    assert_eq!(status(&mut nobody, Some("Bearer x")), 429, "and the count goes on");
    // What needs no caller is not counted, and not refused.
    assert_eq!(nobody.get("/version").status, 200);
    // A flood does not fill the log at its usual level.
    let log = server.log();
    let warned = log.lines().filter(|line| line.contains("WARN") && line.contains("authentication failed")).count();
    assert_eq!(warned, 5);
}

#[test]
fn no_limit_is_none() {
    let (server, _key, _jwks) = server("0");
    let mut nobody = server.nobody().connect().unwrap();
    assert!((0..1100).all(|_| status(&mut nobody, Some("Bearer x")) == 401));
}
