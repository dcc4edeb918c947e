//! The first steps of a user of `claviger`: a key, its bytes as an API token, a file, and `whoami`.

use std::os::unix::fs::PermissionsExt as _;

use data_encoding::BASE64;
use serde_json::json;

use crate::harness::{Cli, Options, Server};

#[test]
fn create_prints_the_identifier_and_export_writes_base64_of_the_raw_key() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    // `create` checks the output: only the identifier, on a line.
    let id = alice.create(&[]);
    alice.quiet(&["sym", "keys", "export", "-k", &id, "-f", "base64", "api_token.base64"]);

    let key = server.alice().connect().unwrap().export(&id);
    assert_eq!(key.len(), 32);
    assert_eq!(alice.read("api_token.base64"), BASE64.encode(&key).as_bytes());
    let mode = alice.path("api_token.base64").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let other = alice.create(&[]);
    let again = ["sym", "keys", "export", "-k", &other, "-f", "base64", "api_token.base64"];
    alice.fails_with(&again, &["api_token.base64 exists already", "--force"]);
    assert_eq!(alice.read("api_token.base64"), BASE64.encode(&key).as_bytes());
    alice.quiet(&[&again[..], &["--force"]].concat());
    let other = server.alice().connect().unwrap().export(&other);
    assert_eq!(alice.read("api_token.base64"), BASE64.encode(&other).as_bytes());
    assert_eq!(alice.files(), ["api_token.base64", "own.p12", "own.password"]);
}

#[test]
fn a_file_comes_back_and_the_key_is_the_callers_own() {
    let server = Server::start();
    let (alice, bob) = (Cli::alice(&server), Cli::bob(&server));
    assert_eq!(alice.ok(&["whoami"]), "username: alice\nmethod: certificate\n");
    assert_eq!(bob.json(&["whoami"]), json!({"username": "bob", "method": "certificate"}));
    assert_eq!(alice.locate(&[]), [""; 0]);

    let id = alice.create(&[]);
    alice.write("plain", b"attack at dawn");
    alice.quiet(&["sym", "encrypt", "plain", "-k", &id, "-o", "sealed"]);
    alice.quiet(&["sym", "decrypt", "sealed", "-o", "opened"]);
    assert_eq!(alice.read("opened"), b"attack at dawn");
    assert_eq!(alice.locate(&[]), [id.as_str()]);

    // For bob the key does not exist, whatever the operation.
    bob.write("plain", b"attack at dawn");
    bob.write("sealed", &alice.read("sealed"));
    let files = bob.files();
    for command in [
        &["sym", "keys", "export", "-k", &id, "-f", "raw", "stolen"][..],
        &["sym", "keys", "activate", "-k", &id],
        &["sym", "keys", "revoke", "-k", &id],
        &["sym", "keys", "destroy", "-k", &id],
        &["sym", "encrypt", "plain", "-k", &id, "-o", "stolen"],
        &["sym", "decrypt", "sealed", "-o", "stolen"],
        &["sym", "decrypt", "sealed", "-k", &id, "-o", "stolen"],
        &["attributes", "get", "-k", &id],
    ] {
        bob.fails_with(command, &["not found: "]);
    }
    assert_eq!(bob.locate(&[]), [""; 0]);
    assert_eq!(bob.files(), files);
    bob.quiet(&["sym", "encrypt", "plain", "-k", &bob.create(&[]), "-o", "sealed", "--force"]);
    alice.fails_with(&["sym", "decrypt", &bob.path("sealed").to_string_lossy(), "-o", "stolen"], &["not found: "]);
}

#[test]
fn the_exported_base64_is_an_api_token() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let id = alice.create(&[]);
    alice.quiet(&["sym", "keys", "export", "-k", &id, "-f", "base64", "api_token.base64"]);
    let token = String::from_utf8(alice.read("api_token.base64")).unwrap();
    let (place, _) = server.stop();
    let arguments = ["--client-cert", "optional", "--api-token-id", &id].map(str::to_owned).to_vec();
    let server = Server::start_at(place, &Options { arguments, ..Options::default() });
    let bearer = Cli::bare(&server, "bearer").knowing(&server);
    bearer.fails_with(&["whoami"], &["not authenticated: ", "give --client-p12 or --access-token"]);
    bearer.fails_with(
        &["whoami", "--access-token", "AAAA"],
        &["not authenticated: ", "is the access token, API token or JWT still valid?"],
    );
    assert_eq!(bearer.json(&["whoami", "--access-token", &token])["username"], "admin");
    let bearer = bearer.with("CLAVIGER_ACCESS_TOKEN", &token);
    assert_eq!(bearer.json(&["whoami"])["username"], "admin");
    let own = bearer.create(&[]);
    assert_eq!(bearer.locate(&[]), [own.as_str()]);
    bearer.fails_with(&["attributes", "get", "-k", &id], &["not found: "]);
    // When the key is revoked, the API token is refused.
    let alice = alice.knowing(&server);
    alice.quiet(&["sym", "keys", "revoke", "-k", &id]);
    bearer.fails_with(&["whoami"], &["not authenticated: "]);
}
