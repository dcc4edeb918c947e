//! Failed attempts of one address are bounded. A valid credential is never refused because of them.

use std::io::Write as _;

use serde_json::json;

use crate::harness::jwt::{claims, key_set};
use crate::harness::server::Place;
use crate::harness::{Authority, Connection, Jwks, Leaf, Options, Server, SigningKey, eventually};

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
    // The sixth failure, of any kind and on any connection.
    assert_eq!(bad.map(|credential| status(&mut nobody, credential)), [429; 5]);
    assert_eq!(status(&mut server.nobody().connect().unwrap(), None), 429);
    // Valid credentials, on the same connection and on others.
    assert_eq!(status(&mut nobody, Some(&good)), 200);
    assert_eq!(status(&mut server.nobody().connect().unwrap(), Some(&good)), 200);
    let other = format!("Bearer {}", key.token("ES256", &claims(ISSUER, "claviger", "dora")));
    assert_eq!(status(&mut nobody, Some(&other)), 200);
    assert_eq!(server.alice().get("/whoami").json(), json!({"username": "alice", "method": "certificate"}));
    assert_eq!(status(&mut nobody, Some("Bearer x")), 429, "and the count goes on");
    // Requests that need no caller are neither counted nor refused.
    assert_eq!(nobody.get("/version").status, 200);
    // A flood does not fill the log at its usual level: each kind is logged once in a minute.
    let log = server.log();
    let warned = log.lines().filter(|line| line.contains("WARN") && line.contains("authentication failed method"));
    let kinds: std::collections::HashSet<_> =
        warned.clone().map(|line| line.split_once("reason=").unwrap().1).collect();
    assert_eq!(kinds.len(), 4);
    assert!(warned.count() <= 8);
}

#[test]
fn no_limit_is_none() {
    let (server, _key, _jwks) = server("0");
    let mut nobody = server.nobody().connect().unwrap();
    assert!((0..1100).all(|_| status(&mut nobody, Some("Bearer x")) == 401));
}

#[test]
fn a_handshake_that_proves_nothing_counts_and_a_flood_of_them_is_told_in_part() {
    let arguments = vec!["--auth-failure-limit=5".to_owned()];
    let server = Server::start_with(&Options { arguments, ..Options::default() });
    let authority = &server.place.authority;
    let expired = authority.issue(&Leaf { not_before: -10, not_after: -1, ..Leaf::client("alice") });
    let foreign = Authority::new("Test authority").issue(&Leaf::client("alice"));
    let strangers = [server.nobody(), server.client(&expired), server.client(&foreign)];
    let lines = |words: &[&str]| {
        let log = server.log();
        log.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    };
    for (number, client) in strangers.iter().cycle().take(12).enumerate() {
        assert!(client.try_request("GET", "/whoami", &[], b"").is_err());
        eventually("it is told", || (lines(&["authentication failed", "connection refused"]) > number).then_some(()));
        // Authenticated callers are served during any number of failures.
        assert_eq!(server.alice().get("/whoami").status, 200);
    }
    let told = ["method=\"certificate\"", "peer=127.0.0.1:", "authentication failed", "connection refused"];
    // Each kind once in a minute.
    let warned = lines(&[&["WARN"], &told[..]].concat());
    assert!((3..=6).contains(&warned), "{warned}");
    assert_eq!(lines(&[&["DEBUG"], &told[..]].concat()), 12 - warned);
    for reason in ["peer did not return a certificate", "certificate has expired", "certificate: "] {
        assert!(lines(&["WARN", "authentication failed", reason]) > 0, "{reason}");
    }
    // There is one count: failed requests are added.
    assert_eq!(status(&mut server.client(&authority.issue(&Leaf::client("*"))).connect().unwrap(), None), 429);

    // Bytes that are not a handshake do not count as a failure, and are also logged once.
    let before = lines(&["connection refused"]);
    for number in 0..120 {
        server.nobody().tcp().unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        eventually("it is told", || (lines(&["connection refused"]) > before + number).then_some(()));
    }
    assert!((1..=2).contains(&lines(&["INFO", "connection refused"])));
    assert_eq!(lines(&["authentication failed", "connection refused"]), 12, "and is no failed authentication");
}
