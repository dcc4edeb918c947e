//! The output for scripts: JSON from every command, exit statuses, and no secrets.

use serde_json::{Value, json};

use crate::harness::{Cli, Server};

#[test]
fn every_command_speaks_json() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let same = |id: &str| json!({ "unique_identifier": id });
    let id = alice.json(&["sym", "keys", "create", "--pre-active"]);
    assert_eq!(id.as_object().unwrap().len(), 1);
    let id = id["unique_identifier"].as_str().unwrap();
    assert_eq!(alice.json(&["sym", "keys", "activate", "-k", id]), same(id));
    let file = |name: &str| json!({ "unique_identifier": id, "file": name });
    assert_eq!(alice.json(&["sym", "keys", "export", "-k", id, "key"]), file("key"));
    assert_eq!(alice.json(&["sym", "keys", "import", "key", "--id", "copy"]), same("copy"));
    alice.write("plain", b"plain");
    assert_eq!(alice.json(&["sym", "encrypt", "plain", "-k", id, "-o", "sealed"]), file("sealed"));
    assert_eq!(alice.json(&["sym", "decrypt", "sealed", "-o", "opened"]), file("opened"));
    assert_eq!(alice.json(&["sym", "keys", "revoke", "-k", id]), same(id));
    assert_eq!(alice.json(&["attributes", "get", "-k", id])["attributes"]["State"], "Deactivated");
    assert_eq!(alice.json(&["sym", "keys", "destroy", "-k", id]), same(id));
    assert_eq!(alice.json(&["sym", "keys", "locate"])["unique_identifiers"], json!(["copy"]));
    assert_eq!(alice.json(&["whoami"]), json!({"username": "alice", "method": "certificate"}));
    assert_eq!(alice.json(&["version"])["server"]["url"], format!("https://localhost:{}", server.address.port()));
    // A failure writes nothing to standard output, where JSON is expected.
    alice.fails_with(&["sym", "keys", "export", "-k", "none", "none", "--json"], &["not found: "]);
}

#[test]
fn a_command_line_that_is_not_understood_is_another_failure() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    for line in [
        "",
        "keys",
        "sym keys",
        "sym keys create --bits 0",
        "sym keys create --bits many",
        "sym keys create --usage cook",
        "sym keys create --algorithm rot13",
        "sym keys create extra",
        "sym keys export out",
        "sym keys export -k id",
        "sym keys export -k id -f pem out",
        "sym keys import",
        "sym keys import file --replace",
        "sym keys activate",
        "sym keys revoke -k id --reason boredom",
        "sym keys destroy -k",
        "sym keys locate --state lost",
        "sym keys locate --max -1",
        "sym encrypt file -o out",
        "sym encrypt file -k id",
        "sym decrypt file -o out --aad-hex xyz",
        "attributes get",
        "attributes get -k id Colour",
        "whoami --timeout 0",
        "whoami --client-p12-password secret",
        "version --verbose",
    ] {
        let words: Vec<_> = line.split_whitespace().collect();
        let output = alice.output(&words, b"");
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{line}");
    }
    assert_eq!(alice.output(&["sym", "keys", "export", "-k", "", "out"], b"").status.code(), Some(2));
    for help in [&["--help"][..], &["-h"], &["sym", "--help"], &["sym", "keys", "export", "--help"], &["--version"]] {
        assert!(!alice.ok(help).is_empty());
    }
}

#[test]
fn names_do_not_command_the_terminal() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    alice.fails_with(&["sym", "keys", "import", "\x1b[2Jfile"], &["\\u{1b}[2Jfile"]);
    alice.fails_with(&["sym", "keys", "export", "-k", "two\nlines", "out"], &[]);
    let said: Value = alice.json(&["sym", "keys", "locate", "--name", "two\nlines"]);
    assert_eq!(said["located_items"], 0);
}
