//! Each kind of failure has its exit status, and with `--json` each error is JSON of one shape.

use std::net::TcpListener;

use serde_json::Value;

use crate::harness::cli::{NOT_AUTHENTICATED, NOT_FOUND, NOT_PERMITTED, TAMPERED, UNAVAILABLE};
use crate::harness::{Authority, Cli, Leaf, Options, Server};

/// Runs a command that must fail with `--json`, and returns its error and its exit status.
fn failure(cli: &Cli, arguments: &[&str]) -> (i32, Value) {
    let output = cli.output(&[arguments, &["--json"]].concat(), b"");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.find('\n'), Some(said.len() - 1), "one line: {said}");
    let json: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert!(json["error"].as_str().is_some_and(|error| !error.is_empty() && !error.contains('\n')), "{said}");
    let status = output.status.code().unwrap();
    assert_eq!(json["exit_status"], status);
    (status, json)
}

#[test]
fn every_failure_says_its_kind() {
    let server = Server::start_with(&Options::default().with(&["--client-cert", "optional"]));
    let (alice, bob) = (Cli::alice(&server), Cli::bob(&server));
    alice.write("plain", b"plain");
    bob.write("plain", b"plain");
    let key = alice.create(&[]);
    alice.quiet(&["encrypt", "plain", "-k", &key, "-o", "sealed"]);
    let mut cut = alice.read("sealed");
    cut.pop();
    alice.write("cut", &cut);
    alice.quiet(&["access-rights", "grant", "--user", "bob", "-k", &key, "decrypt"]);
    let nobody = Cli::bare(&server, "nobody").knowing(&server);
    let foreign = Authority::new("Another authority").issue(&Leaf::client("alice"));
    let foreign = Cli::new(&server, "foreign", &foreign);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Cli::bare(&server, "gone").with("CLAVIGER_URL", format!("https://{closed}"));
    for (cli, arguments, status) in [
        (&nobody, &["whoami"][..], NOT_AUTHENTICATED),
        (&nobody, &["keys", "list"], NOT_AUTHENTICATED),
        (&foreign, &["whoami"], NOT_AUTHENTICATED),
        (&bob, &["encrypt", "plain", "-k", &key, "-o", "no"], NOT_PERMITTED),
        (&bob, &["objects", "list"], NOT_PERMITTED),
        (&bob, &["keys", "show", "none"], NOT_FOUND),
        (&alice, &["keys", "show", "name:none"], NOT_FOUND),
        (&gone, &["whoami"], UNAVAILABLE),
        (&gone, &["keys", "create"], UNAVAILABLE),
        (&alice, &["decrypt", "cut", "-o", "no"], TAMPERED),
        (&alice, &["keys", "destroy", &key, "--yes"], 1),
        (&alice, &["keys", "destroy", &key], 2),
        (&alice, &["keys", "create", "--type", "aes", "--curve", "p256"], 2),
        (&alice, &["keys", "frob"], 2),
        (&alice, &["keys", "create", "--size", "many"], 2),
        (&alice, &["decrypt", "missing", "-o", "no"], 1),
    ] {
        let (found, json) = failure(cli, arguments);
        assert_eq!(found, status, "{arguments:?}: {json}");
        let output = cli.output(arguments, b"");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    }
    // A refusal names the request, and KMIP's reason.
    let (_, json) = failure(&bob, &["keys", "show", "none"]);
    assert_eq!((&json["http_status"], &json["result_reason"]), (&404.into(), &"Object_Not_Found".into()));
    assert!(json["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{json}");
    let (_, json) = failure(&alice, &["keys", "frob"]);
    assert_eq!(json["error"], "unrecognized subcommand 'frob'");
    // Help is not a failure, with --json neither.
    assert!(alice.output(&["keys", "--help", "--json"], b"").status.success());
}
