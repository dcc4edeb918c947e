//! A database, an HSM token and an audit log of an earlier version are used by this one. `tests/upgrade/schema-6.tar.gz`
//! was made by the programs of commit b5b372f, with keys, a grant, a secret, and definitions. The older program refused
//! it after this one had used it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::kmip::{find, mac, named};
use crate::harness::server::{Place, run};
use crate::harness::token::Token;
use crate::harness::{Caller, Cli, Options, Server, directory};

const TEXT: &[u8] = b"kept since the first version";

/// A place with the files of the earlier version.
fn place() -> Place {
    let directory = directory();
    let token = Token::empty(directory.path());
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade/schema-6.tar.gz");
    let unpacked = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(directory.path()).status().unwrap();
    assert!(unpacked.success());
    Place::with_token(directory, token)
}

fn schema(place: &Place) -> i64 {
    let database = Database::open(place.database()).unwrap();
    database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn keys_secrets_and_rights_are_as_they_were() {
    let place = Arc::new(place());
    assert_eq!(schema(&place), 6);
    let policy = format!("--policy-file={}", place.path("policy.toml").display());
    let options = Options { arguments: vec![policy], ..Options::default() };
    let server = Server::start_at(Arc::clone(&place), &options);
    let [alice, bob] = [Cli::alice(&server), Cli::bob(&server)];
    for (file, key) in [("kept.enc", "kept"), ("sealed.enc", "sealed"), ("revoked.enc", "revoked")] {
        for cli in [&alice, &bob] {
            cli.write(file, &fs::read(place.path(file)).unwrap());
        }
        alice.quiet(&["decrypt", file, "-o", key]);
        assert_eq!(alice.read(key), TEXT, "{key}");
    }
    // The grant is on one key only.
    bob.quiet(&["decrypt", "kept.enc", "-o", "kept"]);
    assert_eq!(bob.read("kept"), TEXT);
    bob.fails_as(5, &["decrypt", "sealed.enc", "-o", "sealed"], &["sealed"]);
    bob.fails_as(4, &["keys", "revoke", "kept", "--yes"], &["may not revoke"]);
    // What the class and the state of a key forbid is still forbidden.
    alice.fails_as(4, &["keys", "export", "sealed", "sealed.key"], &["not Extractable"]);
    alice.fails_as(1, &["encrypt", "kept", "-k", "revoked", "-o", "again.enc"], &["Deactivated"]);
    alice.quiet(&["keys", "export", "kept", "kept.key", "-f", "raw"]);
    assert_eq!(alice.read("kept.key").len(), 32);
    assert_eq!(alice.pipe(&["secrets", "get", "db-password"], b""), b"second value");
    assert_eq!(alice.pipe(&["secrets", "get", "db-password", "--version", "1"], b""), b"short secret");
    let mut caller = Caller::certificate(&server, "alice");
    let former: Value = serde_json::from_slice(&fs::read(place.path("mac.json")).unwrap()).unwrap();
    assert_eq!(find(&caller.ok(&mac("mac", b"kept")), "MACData"), find(&former, "MACData"));
    let gone = caller.ok(&named("GetAttributes", "gone"));
    assert_eq!(find(&gone, "State"), Some(&json!("Destroyed")), "{gone}");
    let roles = caller.get("/access/definitions/roles");
    assert_eq!(roles[0]["name"], "user", "{roles}");
    let project = caller.get("/access/definitions/projects");
    assert_eq!(project[0]["definition"]["members"]["bob"], "user", "{project}");
    // It goes on: a new key, and a new value of the secret.
    let new = caller.key("new", &[]);
    alice.quiet(&["encrypt", "kept", "-k", &new, "-o", "new.enc"]);
    alice.output(&["secrets", "put", "db-password"], b"third value");
    let (place, status) = server.stop();
    assert!(status.success());
    assert!(schema(&place) > 6);
    // No row, and no line of the audit log, is missing or changed. The log has the name that follows the database.
    assert!(!place.path("audit.jsonl").exists());
    let (status, out, error) = run(place.command(&options).arg("--check-store"));
    assert!(status.success(), "{out}{error}");
    let server = Server::start_at(place, &options);
    assert_eq!(Cli::alice(&server).pipe(&["secrets", "get", "db-password"], b""), b"third value");
}
