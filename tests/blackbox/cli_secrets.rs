//! `claviger secrets`: shown, listed, granted and typed at a terminal.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::harness::cli::NOT_FOUND;
use crate::harness::{Cli, Server};

const NAME: &str = "db/password";

#[test]
fn secrets_at_the_command_line() {
    let server = Server::start();
    for check in [they_are_listed_and_granted_by_name, typed_ones_are_not_shown, terminals_get_no_binary] {
        check(&server);
    }
}

fn they_are_listed_and_granted_by_name(server: &Server) {
    let (alice, bob) = (Cli::alice(server), Cli::bob(server));
    let binary = [0xff, 0, 1];
    let empty = json!([]);
    assert_eq!((alice.ok(&["secrets", "list"]), alice.json(&["secrets", "list"])), (String::new(), empty));
    for value in [&binary[..], b"next"] {
        alice.pipe(&["secrets", "put", NAME], value);
    }
    let value = |version: &str| alice.json(&["secrets", "get", NAME, "--version", version]);
    assert_eq!(value("2"), json!({"name": NAME, "account": "default", "value": "next"}));
    let own = json!({"name": NAME, "account": "default", "value_base64": BASE64.encode(&binary)});
    assert_eq!(value("1"), own);
    let mine = json!([{"name": NAME, "version": 2, "owner": "alice", "permitted": ["read_secret", "write_secret"]}]);
    assert_eq!(alice.json(&["secrets", "list"]), mine);
    let table = alice.ok(&["secrets", "list"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "VALUES", "OWNER", "YOU", "MAY"]);
    assert_eq!(lines[1], [NAME, "2", "alice", "read_secret,", "write_secret"]);
    let with = |word: &str, more: &[&str]| {
        let words: Vec<String> =
            ["access-rights", word, "--secret", NAME].iter().chain(more).map(|w| (*w).into()).collect();
        alice.json(&words)
    };
    bob.fails_as(NOT_FOUND, &["secrets", "get", NAME], &["there is no variable"]);
    let read = ["--user", "bob", "read_secret"];
    let granted = with("grant", &read);
    assert!(granted["unique_identifier"].is_string() && granted["unchanged"].is_null(), "{granted}");
    assert_eq!(with("grant", &read)["unchanged"], true);
    assert_eq!(bob.ok(&["secrets", "get", NAME]), "next");
    let of_bob = bob.json(&["secrets", "list"]);
    assert_eq!((&of_bob[0]["owner"], &of_bob[0]["permitted"]), (&json!("alice"), &json!(["read_secret"])));
    assert_eq!(with("list", &[])["grants"], json!([{"user_id": "bob", "operations": ["read_secret"]}]));
    assert_eq!(with("revoke", &read)["unchanged"], Value::Null);
    assert_eq!(with("revoke", &read)["unchanged"], true);
    bob.fails_as(NOT_FOUND, &["secrets", "get", NAME], &["there is no variable"]);
    alice.fails_as(NOT_FOUND, &["access-rights", "list", "--secret", "nothing"], &["default:variable:nothing"]);
    alice.fails_as(2, &["secrets", "delete", NAME], &["secrets delete cannot be undone", "--yes"]);
    alice.quiet(&["secrets", "delete", NAME, "--yes"]);
    assert_eq!(alice.json(&["secrets", "list"]), json!([]));
}

fn typed_ones_are_not_shown(server: &Server) {
    let alice = Cli::alice(server);
    let (status, shown) = alice.at_a_terminal("secrets put typed", &[("Value of typed: ", "hunter2\n")]);
    assert!(status == 0 && !shown.contains("hunter2"), "{status}: {shown}");
    assert_eq!(alice.ok(&["secrets", "get", "typed"]), "hunter2");
    let (status, shown) = alice.at_a_terminal("secrets delete typed", &[("Go on? [y/N] ", "n\n")]);
    assert!(status == 1 && shown.contains("nothing was changed"), "{status}: {shown}");
    assert_eq!(alice.ok(&["secrets", "get", "typed"]), "hunter2");
}

fn terminals_get_no_binary(server: &Server) {
    let alice = Cli::alice(server);
    for (name, value) in [("bytes", &[0xff, 0][..]), ("controls", b"\x1b[2J")] {
        alice.pipe(&["secrets", "put", name], value);
        let (status, shown) = alice.at_a_terminal(&format!("secrets get {name}"), &[]);
        assert!(status == 1 && shown.contains("is a terminal") && !shown.contains("[2J"), "{status}: {shown}");
        assert_eq!(alice.pipe(&["secrets", "get", name], b""), value);
    }
    alice.pipe(&["secrets", "put", "lines"], b"one\ntwo");
    let (status, shown) = alice.at_a_terminal("secrets get lines", &[]);
    assert_eq!((status, &*shown), (0, "one\r\ntwo\r\n"));
}
