//! The calls of Piiano's client except the version: health, the IAM configuration, and everything that is not served.

use std::fs;

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::iam::{IDPS, ROLES, TOKEN, options, place};
use crate::harness::{Answer, Connection, Server, eventually};

const CONF: &str = "/api/pvlt/1.0/ctl/iam/conf";

const HEALTH: [&str; 2] = ["/api/pvlt/1.0/data/info/health", "/api/pvlt/1.0/ctl/info/health"];

/// Starts a server with the IAM file of Piiano's document and a comment, and the administrator `root`.
fn server() -> (Server, String) {
    let iam = format!("# for app1\n{IDPS}{ROLES}");
    (Server::start_at(place(&iam), &options(&["--administrators=root"])), iam)
}

/// The requests of Piiano's client.
fn ask(connection: &mut Connection, method: &str, path: &str) -> Answer {
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("Authorization", authorization.as_str()), ("Accept", "application/json")];
    connection.try_request(method, path, &headers, b"").unwrap()
}

#[test]
fn health_is_one_word() {
    let (server, _) = server();
    let mut client = server.nobody().connect().unwrap();
    for path in HEALTH {
        for answer in [ask(&mut client, "GET", path), server.nobody().get(path)] {
            assert_eq!((answer.status, answer.json()), (200, json!({"status": "pass"})), "{path}");
        }
        // The client sends its usual fields, which are ignored.
        assert_eq!(ask(&mut client, "GET", &format!("{path}?custom_audit=x")).status, 200);
    }
}

#[test]
fn those_who_administer_read_the_iam_file_that_is_in_force() {
    let (server, iam) = server();
    let mut root = Caller::certificate(&server, "root");
    let mut read = || root.send("GET", CONF, None);
    let answer = read();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/toml")));
    assert_eq!(String::from_utf8(answer.body).unwrap(), iam);
    // A caller of the table has all rights of its role, but is not an administrator.
    let mut client = server.nobody().connect().unwrap();
    let refused = ask(&mut client, "GET", CONF);
    assert_eq!((refused.status, &refused.json()["error_code"]), (403, &json!("PV1006")));
    assert_eq!(server.nobody().get(CONF).status, 401);
    // The answer has the reloaded file; after an invalid file, the one that is in force.
    fs::write(server.place.path("iam.toml"), format!("{iam}# more\n")).unwrap();
    server.signal("HUP");
    eventually("the new file is told", || read().body.ends_with(b"# more\n").then_some(()));
    fs::write(server.place.path("iam.toml"), "[nonsense").unwrap();
    server.signal("HUP");
    eventually("the file is refused", || server.log().contains("the policy was not changed").then_some(()));
    assert!(read().body.ends_with(b"# more\n"));
}

#[test]
fn without_an_iam_file_there_is_none_to_read() {
    let server = Server::start();
    let answer = server.alice().get(CONF);
    assert!([403, 404].contains(&answer.status), "{answer:?}");
    assert!(answer.json()["error_code"].is_string());
}

#[test]
fn what_is_another_product_says_so() {
    let (server, _) = server();
    let mut client = server.nobody().connect().unwrap();
    for (method, path) in [
        ("GET", "ctl/actions"),
        ("DELETE", "ctl/bundles/code"),
        ("PATCH", "ctl/collections/people/properties/email"),
        ("POST", "ctl/iam/conf"),
        ("POST", "ctl/iam/admin/set-api-key"),
        ("POST", "ctl/iam/user/regen"),
        ("POST", "ctl/iam/user/update-expiration"),
        ("GET", "ctl/iam/user/alice"),
        ("GET", "ctl/info/cluster"),
        ("POST", "ctl/info/health"),
        ("GET", "ctl/types"),
        ("POST", "data/actions/http_call"),
        ("PATCH", "data/collections/people/bulk/objects?reason=AppFunctionality"),
        ("GET", "data/collections/people/count/tokens?expiration=x&role=y"),
        ("POST", "data/collections/people/encrypt/objects?reason=AppFunctionality"),
        ("GET", "data/collections/people/objects/1?reason=AppFunctionality"),
        ("DELETE", "data/collections/people/tokens"),
        ("DELETE", "data/info/health"),
        ("GET", "system/admin/export_key"),
        ("POST", "system/admin/keys/rotate"),
        ("POST", "system/admin/lifecycle/gc"),
        ("DELETE", "system/confvar"),
        ("POST", "system/debug/error/trigger"),
        ("GET", "system/info/configuration"),
        ("GET", "system/info/kms"),
        ("POST", "system/info/license"),
        ("PUT", "system/info/version"),
    ] {
        let answer = ask(&mut client, method, &format!("/api/pvlt/1.0/{path}"));
        let body: Value = answer.json();
        assert_eq!((answer.status, &body["error_code"]), (501, &json!("PV2001")), "{method} {path}: {body}");
        assert!(body["message"].as_str().unwrap().contains("not serve"), "{body}");
    }
}
