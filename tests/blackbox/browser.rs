//! Browsers are not served: requests that a web page of another origin could make a browser send are refused, with any
//! certificate.

use serde_json::json;

use crate::harness::{Answer, Connection, Leaf, Server, hanzo, kmip, routes};

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn post(connection: &mut Connection, headers: &[(&str, &str)]) -> Answer {
    let body = kmip::structure("RNGRetrieve", &[kmip::integer("DataLength", 8)]).to_string();
    connection.try_request("POST", kmip::PATH, headers, body.as_bytes()).unwrap()
}

/// Requests that only clients of this server make.
#[test]
fn a_strict_body_must_say_that_it_is_json_and_have_no_unknown_member() {
    let server = hanzo::server();
    let root = server.place.authority.issue(&Leaf::client("root"));
    let mut root = server.client(&root).connect().unwrap();
    let strict: Vec<_> = routes::rows().into_iter().filter(routes::Row::is_strict).collect();
    assert!(strict.len() >= 12);
    for row in strict {
        let path = row.path.replacen("{}", "roles", 1).replace("{}", "x");
        let mut ask =
            |headers: &[(&str, &str)]| root.try_request(&row.method, &path, headers, br#"{"color":"red"}"#).unwrap();
        assert_eq!(ask(&[]).status, 415, "{}", row.name());
        for value in [
            "text/plain",
            "text/plain; application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonx",
            "application/json-patch+json",
            "json",
            "*/*",
            "",
            ";",
        ] {
            let answer = ask(&[("Content-Type", value)]);
            assert_eq!(answer.status, 415, "{} {value}", row.name());
            assert!(answer.detail().contains("application/json"), "{answer:?}");
        }
        for value in ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;v=1"]
        {
            let answer = ask(&[("Content-Type", value)]);
            // If the body is a credential, the error does not quote it.
            let is_told = row.path == "/issuers/test" || answer.detail().contains("color");
            assert!([400, 422].contains(&answer.status) && is_told, "{} {value}: {answer:?}", row.name());
        }
    }
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        a_page_of_another_origin_is_refused,
        no_page_is_given_leave_to_ask,
        answers_are_neither_kept_nor_guessed_at,
        what_is_not_in_the_table_is_not_there,
        another_method_is_told_which_one_it_is,
    ]);
}

fn a_page_of_another_origin_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let own = format!("localhost:{}", server.address.port());
    let host = ("Host", own.as_str());
    let own_origin = format!("https://{own}");
    let plain_origin = format!("http://{own}");
    for origin in [
        "https://evil.example",
        "null",
        "https://localhost",
        "https://localhost:1",
        plain_origin.as_str(),
        "https://localhost.evil.example",
        "",
        "*",
    ] {
        for path in ["/whoami", "/version"] {
            let answer = alice.try_request("GET", path, &[host, ("Origin", origin)], b"").unwrap();
            assert_eq!(answer.status, 403, "GET {path} {origin}");
        }
        let answer = post(&mut alice, &[host, ("Origin", origin), JSON]);
        assert_eq!(answer.status, 403, "POST {origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let answer = post(&mut alice, &[host, ("Origin", &own_origin), ("Origin", "https://evil.example"), JSON]);
    assert_eq!(answer.status, 403, "two origins");
    for site in ["cross-site", "same-site"] {
        let answer = alice.try_request("GET", "/whoami", &[("Sec-Fetch-Site", site)], b"").unwrap();
        assert_eq!(answer.status, 403, "{site}");
        assert_eq!(post(&mut alice, &[("Sec-Fetch-Site", site), JSON]).status, 403, "{site}");
    }
    assert_eq!(post(&mut alice, &[host, ("Origin", &own_origin), JSON]).status, 200);
    assert_eq!(alice.try_request("GET", "/whoami", &[host, ("Origin", &own_origin)], b"").unwrap().status, 200);
    for site in ["same-origin", "none"] {
        assert_eq!(post(&mut alice, &[("Sec-Fetch-Site", site), JSON]).status, 200, "{site}");
    }
}

fn no_page_is_given_leave_to_ask(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let own = format!("localhost:{}", server.address.port());
    let own_origin = format!("https://{own}");
    for (origin, status) in [("https://evil.example", 403), (own_origin.as_str(), 405)] {
        let asked = [("Host", own.as_str()), ("Origin", origin), ("Access-Control-Request-Method", "POST")];
        let answer = alice.try_request("OPTIONS", kmip::PATH, &asked, b"").unwrap();
        assert_eq!(answer.status, status, "{origin}");
        assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control")), "{answer:?}");
    }
}

fn answers_are_neither_kept_nor_guessed_at(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for path in ["/whoami", "/version", "/health", "/nowhere"] {
        let answer = alice.get(path);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("content-type").unwrap().starts_with("application/"), "{path}");
        assert!(answer.header("server").is_none() && answer.header("set-cookie").is_none(), "{path}");
    }
}

fn what_is_not_in_the_table_is_not_there(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for path in [
        "/kmip/",
        "/kmip/2_1/",
        "//kmip/2_1",
        "/kmip%2F2_1",
        "/kmip/2%5F1",
        "/./whoami",
        "/x/../whoami",
        "/WHOAMI",
        "/livez",
        "/readyz",
        "/metrics",
        "/.env",
    ] {
        let answer = alice.try_request("GET", path, &[], b"").unwrap();
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["status"], 404);
        assert_eq!(alice.try_request("POST", path, &[JSON], b"{}").unwrap().status, 404, "{path}");
    }
    assert_eq!(alice.get("/whoami?username=bob").json()["username"], "alice");
}

fn another_method_is_told_which_one_it_is(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for (path, allowed, others) in [
        ("/whoami", "GET, HEAD", &["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"][..]),
        ("/version", "GET, HEAD", &["POST", "DELETE"]),
        ("/health", "GET, HEAD", &["POST", "DELETE"]),
        ("/kmip/2_1", "POST", &["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "post"]),
        ("/kmip_2_1", "POST", &["GET", "PUT"]),
    ] {
        for method in others {
            let answer = alice.try_request(method, path, &[JSON], b"").unwrap();
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
            assert_eq!(answer.json()["status"], json!(405));
        }
    }
}
