//! Every path of a dialect answers in the error format of its clients, whether it is served or not and whatever fails.
//! Metrics distinguish its routes.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::figures::Figures;
use crate::harness::{Answer, Server, hanzo};

fn server() -> Server {
    Server::start_at(hanzo::place(), &hanzo::options(&["--probe-address=127.0.0.1:0"]))
}

/// `{reqId, statusCode, message, error}`
#[track_caller]
fn is_hanzo(what: &str, answer: &Answer) {
    let body = answer.json();
    let mut names: Vec<&String> = body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["error", "message", "reqId", "statusCode"], "{what}: {body}");
    assert_eq!(body["statusCode"], answer.status, "{what}");
    assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {body}");
    assert_eq!(body["error"] == "InternalServerError", answer.status == 500, "{what}: {body}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
}

/// `{error: {code, message}}`, without a body for unauthenticated callers
#[track_caller]
fn is_conjur(what: &str, answer: &Answer) {
    if answer.status == 401 {
        return assert_eq!(answer.body, b"", "{what}");
    }
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 1, "{what}: {body}");
    assert!(body["error"]["code"].is_string() && body["error"]["message"].is_string(), "{what}: {body}");
}

/// A problem document with `error_code`, `message` and `context`
#[track_caller]
fn is_piiano(what: &str, answer: &Answer) {
    let body = answer.json();
    assert!(body["error_code"].as_str().is_some_and(|code| code.starts_with("PV")), "{what}: {body}");
    assert_eq!(body["message"], body["detail"], "{what}");
    assert_eq!(body["context"]["request_id"], body["request_id"], "{what}");
}

#[track_caller]
fn is_problem(what: &str, answer: &Answer) {
    let body = answer.json();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    assert!(body.get("error").is_none() && body.get("error_code").is_none(), "{what}: {body}");
}

type Judge = fn(&str, &Answer);

/// Everything that can fail before the handler.
fn failures(server: &Server, path: &str, judge: Judge) -> Vec<u16> {
    let mut seen = Vec::new();
    for root in [true, false] {
        let mut connection =
            if root { Caller::certificate(server, "root").connection } else { server.nobody().connect().unwrap() };
        let json = ("Content-Type", "application/json");
        for (method, headers, body) in [
            ("GET", &[][..], ""),
            ("DELETE", &[], ""),
            ("PUT", &[json], "{}"),
            ("PATCH", &[json], "["),
            ("POST", &[json], "["),
            ("POST", &[("Content-Type", "image/png")], "x"),
            ("TRACE", &[], ""),
            ("GET", &[("Origin", "https://evil.example")], ""),
            ("GET", &[("Sec-Fetch-Site", "cross-site")], ""),
            ("GET", &[("Authorization", "Bearer a.b.c")], ""),
        ] {
            let Ok(answer) = connection.try_request(method, path, headers, body.as_bytes()) else {
                connection = server.nobody().connect().unwrap();
                continue;
            };
            if answer.status >= 400 {
                judge(&format!("{method} {path} {headers:?}"), &answer);
                seen.push(answer.status);
            }
            if answer.header("connection") == Some("close") {
                connection = server.nobody().connect().unwrap();
            }
        }
    }
    seen
}

#[test]
fn each_dialect_has_its_words_wherever_it_is_asked() {
    let server = server();
    let judges: [(Judge, u16, &[&str]); 4] = [
        (
            is_hanzo,
            501,
            &[
                "/api/v1/kms/keys",
                "/api/v1/kms/keys/none",
                "/api/v1/kms/keys/none/encrypt",
                "/api/v1/auth/jwt-auth/login",
                "/api/v1/nothing",
                "/api/v2/workspace/none/nothing",
                "/api/v3/secrets/raw",
                "/api/v4/secrets",
                "/api/v1",
            ],
        ),
        (
            is_conjur,
            501,
            &[
                "/secrets/acme/variable/none",
                "/secrets/acme/nothing",
                "/secrets",
                "/authn-jwt/gitlab/acme/authenticate",
                "/authn-jwt%2Fgitlab/acme",
                "/authn/acme/login",
                "/resources/acme/variable/none",
                "/roles/acme/host/none",
                "/policies/acme/policy/root",
            ],
        ),
        (is_piiano, 501, &["/api/pvlt/1.0/system/info/version", "/api/pvlt/1.0/ctl/info/health", "/api/pvlt/nothing"]),
        (is_problem, 404, &["/", "/nothing", "/api", "/access/owned", "/kmip/2_1", "/secretsfoo", "/api/vault"]),
    ];
    for (judge, unknown, paths) in judges {
        let seen: Vec<u16> = paths.iter().flat_map(|path| failures(&server, path, judge)).collect();
        let another_method = if unknown == 404 { 405 } else { unknown };
        for status in [401, 403, another_method, unknown] {
            assert!(seen.contains(&status), "{status} in {seen:?}");
        }
    }
}

#[test]
fn another_method_is_no_internal_error() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let answer = root.send("PUT", "/api/v1/identities", Some(&json!({})));
    assert_eq!((answer.status, answer.json()["error"].clone()), (501, json!("NotImplemented")));
    let paths: [(&str, Judge, &str); 5] = [
        ("/api/v1/kms/keys/none/encrypt", is_hanzo, "POST"),
        ("/api/v1/identities/none", is_hanzo, "GET, HEAD, PATCH, DELETE"),
        ("/secrets/acme/variable/none", is_conjur, "GET, HEAD, POST, DELETE"),
        ("/authn-jwt/gitlab/acme/status", is_conjur, "GET, HEAD"),
        ("/api/pvlt/1.0/system/info/version", is_piiano, "GET, HEAD"),
    ];
    for (path, judge, allowed) in paths {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            if allowed.split(", ").all(|own| own != method) {
                let answer = root.connection.try_request(method, path, &[], b"").unwrap();
                assert_eq!((answer.status, answer.header("allow")), (501, None), "{method} {path}");
                judge(path, &answer);
            }
        }
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut connection = Caller::certificate(&server, "root").connection;
        connection.stream.write_all(head.as_bytes()).unwrap();
        let mut whole = String::new();
        connection.stream.read_to_string(&mut whole).unwrap();
        assert_eq!(whole.starts_with("HTTP/1.1 501 "), !allowed.contains("HEAD"), "{path}: {whole}");
        assert!(whole.ends_with("\r\n\r\n"), "{path}: {whole}");
    }
    let large = " ".repeat(300 << 10);
    let headers = [("Content-Type", "application/json")];
    let answer = server.nobody().try_request("POST", hanzo::LOGIN, &headers, large.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.json()["error"].clone()), (413, json!("PayloadTooLarge")));
    let answer = server.nobody().try_request("POST", hanzo::LOGIN, &[], b"{}").unwrap();
    assert_eq!((answer.status, answer.json()["error"].clone()), (422, json!("ValidationFailure")));
    let answer = server.nobody().try_request("POST", "/api/v1/auth/kubernetes-auth/login", &[], b"{}").unwrap();
    assert_eq!((answer.status, answer.json()["error"].clone()), (501, json!("NotImplemented")));
}

#[test]
fn metrics_tell_the_routes_of_a_dialect_apart() {
    let server = server();
    let probe = server.probe();
    let mut root = Caller::certificate(&server, "root");
    let made = root.done("/api/v1/identities", &json!({"name": "app", "role": "member"}));
    let id = made["identity"]["id"].as_str().unwrap().to_owned();
    root.get("/api/v1/identities");
    root.get(&format!("/api/v1/identities/{id}"));
    root.get(&format!("/api/v1/identities/{id}"));
    root.send("DELETE", &format!("/api/v1/identities/{id}"), None);
    for path in ["/secrets/acme/variable/none", "/secrets/acme/variable/a/b/c"] {
        assert_eq!(root.send("GET", path, None).status, 404);
    }
    assert_eq!(root.send("POST", "/api/v1/nothing", Some(&Value::Null)).status, 501);
    let figures = Figures::read(&probe);
    let of =
        |way: &str, operation: &str| figures.get("claviger_requests_total", &[("way", way), ("operation", operation)]);
    assert_eq!(of("hanzo", "post-identities"), 1.0);
    assert_eq!(of("hanzo", "get-identities"), 1.0);
    assert_eq!(of("hanzo", "get-identities-id"), 2.0);
    assert_eq!(of("hanzo", "delete-identities-id"), 1.0);
    assert_eq!(of("conjur", "get-secrets-id-variable-id"), 2.0);
    assert_eq!(of("none", "none"), 1.0);
    assert!(!figures.values("operation").contains(&"v1") && !figures.values("way").contains(&"api"));
    assert!(figures.values("operation").iter().all(|operation| !operation.contains(&id)));
}
