//! A root key whose record is missing is not made again automatically: otherwise a person with the files could sign a
//! forged log.

use std::fs;
use std::sync::Arc;

use rusqlite::Connection as Database;

use serde_json::json;

use crate::harness::caller::Caller;
use crate::harness::server::Place;
use crate::harness::token::{LABEL, PIN};
use crate::harness::{Hsm, Options, Server, again};
use crate::root_keys_are_recognised;

/// Returns a place with some recorded changes, whose server is stopped.
fn used() -> Arc<Place> {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    alice.aes();
    alice.aes();
    let (place, status) = server.stop();
    assert!(status.success());
    place
}

/// Changes the schema back to the version without the digest of the root keys.
pub const TURNED_BACK: &str = "ALTER TABLE audit_head DROP COLUMN root_keys; \
                           ALTER TABLE object DROP COLUMN pending; DROP TABLE object_pending; DROP TABLE object_use; \
                           DROP TABLE access_token_count; DROP TABLE access_token_order; \
                           DROP TABLE secret_path; DROP TABLE gcm_use; DROP TABLE gcm_credit; DROP TABLE erasure; \
                           DROP TABLE root_key_pending; DROP TABLE client_secret; DROP TABLE api_key; DROP TABLE secret_place; \
                           DROP TABLE usage_limit; DROP TABLE object_rotation; \
                           ALTER TABLE secret_version DROP COLUMN writer; \
                           DROP INDEX object_activation; DROP INDEX object_deactivation; \
                           PRAGMA user_version = 7;";

/// Runs statements on a copy of the database, and returns the error of a start with it.
fn refused(place: &Arc<Place>, statements: &str, arguments: &[&str]) -> String {
    let kept = fs::read(place.database()).unwrap();
    let log = fs::read(place.audit_file()).unwrap();
    Database::open(place.database()).unwrap().execute_batch(statements).unwrap();
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let options = Options { arguments, ..Options::default() };
    let why = Server::try_start_at(Arc::clone(place), &options).err();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(place.database().with_extension(format!("db{suffix}")));
    }
    fs::write(place.database(), kept).unwrap();
    assert_eq!(fs::read(place.audit_file()).unwrap(), log, "{statements}: the log is as it was");
    why.unwrap_or_else(|| panic!("started after {statements} {arguments:?}", arguments = options.arguments))
}

#[test]
fn a_missing_record_refuses_the_start_and_names_the_way_out() {
    let place = used();
    let key = "DELETE FROM root_key WHERE name = 'audit';";
    let token = "DELETE FROM root_key WHERE name = 'token-1';";
    let head = "DELETE FROM audit_head;";
    // Each with the present schema, and with the former one.
    for back in ["", TURNED_BACK] {
        for (gone, option) in [(key, "--remake-root-key audit"), (token, "--remake-root-key token")] {
            for rest in ["", head] {
                let why = refused(&place, &format!("{back}{gone}{rest}"), &[]);
                assert!(why.contains(option), "{back}{gone}{rest}: {why}");
            }
        }
        let why = refused(&place, &format!("{back}{head}"), &[]);
        assert!(why.contains("--audit-accept-loss"), "{why}");
        // A head without the digest of the keys, and one without its binding.
        for (column, value) in [("binding", "NULL"), ("binding", "zeroblob(32)"), ("seq", "0")] {
            let why = refused(&place, &format!("{back}UPDATE audit_head SET {column} = {value};"), &[]);
            assert!(why.contains("--audit-accept-loss"), "{back}{column}: {why}");
        }
        // For key-encryption keys and the binding key only a backup helps, whatever option is given.
        for name in ["sealing", "guarding", "exporting", "binding"] {
            let gone = format!("{back}DELETE FROM root_key WHERE name = '{name}';");
            for arguments in [&[][..], &["--remake-root-key=audit,token", "--audit-accept-loss"]] {
                let why = refused(&place, &gone, arguments);
                assert!(why.contains(name), "{gone} {arguments:?}: {why}");
            }
        }
    }
    let why = refused(&place, "UPDATE audit_head SET root_keys = NULL;", &[]);
    assert!(why.contains("--audit-accept-loss"), "{why}");
    // A database without any record of keys is not a new one if any table has rows.
    let why = refused(&place, "DELETE FROM root_key;", &[]);
    assert!(why.contains("records no root keys") && why.contains("object"), "{why}");
    let why = refused(
        &place,
        "DELETE FROM root_key; DELETE FROM object_name; DELETE FROM object_tag; DELETE FROM object_grantee; DELETE FROM object;",
        &[],
    );
    assert!(why.contains("audit_head"), "{why}");
    // Unchanged, it starts.
    Server::start_at(place, &Options::default()).alice().connect().unwrap().aes();
}

#[test]
fn a_row_more_or_less_in_the_record_is_noticed() {
    let options = Options { arguments: vec!["--administrators=root".to_owned()], ..Options::default() };
    let server = Server::start_with(&options);
    let mut root = Caller::certificate(&server, "root");
    root.done("/access/token-key", &json!({}));
    let (place, _) = server.stop();
    // The present signing key is not recorded; the former one would sign again.
    let why = refused(&place, "DELETE FROM root_key WHERE name = 'token-2';", &[]);
    assert!(why.contains("record of root keys was changed"), "{why}");
    let why = refused(&place, &format!("{TURNED_BACK}DELETE FROM root_key WHERE name = 'token-2';"), &[]);
    assert!(why.contains("--audit-accept-loss"), "{why}");
    Server::start_at(place, &Options::default());
}

#[test]
fn a_key_that_is_made_again_is_in_the_log() {
    let place = used();
    let before = fs::read_to_string(place.audit_file()).unwrap();
    let remove = |statements: &str| Database::open(place.database()).unwrap().execute_batch(statements).unwrap();
    remove("DELETE FROM root_key WHERE name IN ('audit', 'token-1')");
    let start = |arguments: &[&str]| {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Server::start_at(Arc::clone(&place), &Options { arguments, ..Options::default() })
    };
    let server = start(&["--remake-root-key", "audit", "--remake-root-key", "token"]);
    server.alice().connect().unwrap().aes();
    server.stop();
    let log = fs::read_to_string(place.audit_file()).unwrap();
    for key in ["audit", "token"] {
        assert!(log.contains(&format!("generated again; --remake-root-key {key} accepted this")), "{log}");
    }
    // The lines that the former key signed stay unchanged, in their own file.
    let beside: Vec<_> = fs::read_dir(place.audit_file().parent().unwrap()).unwrap().collect();
    let kept = beside
        .into_iter()
        .map(|entry| entry.unwrap().path())
        .any(|path| path != place.audit_file() && fs::read_to_string(&path).is_ok_and(|text| text == before));
    assert!(kept, "the log of before");
    // From here on nothing is missing.
    start(&[]).alice().connect().unwrap().aes();
}

/// Appends a value after its length, as in bindings; the length of `None` has all bits set.
fn put(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    bytes.extend(value.map_or(u64::MAX, |value| value.len() as u64).to_be_bytes());
    bytes.extend(value.unwrap_or_default());
}

/// The MAC of the token's binding key, made outside the server.
pub fn binding(place: &Place, bytes: &[u8]) -> Vec<u8> {
    let database = Database::open(place.database()).unwrap();
    let select = "SELECT cka_id FROM root_key WHERE name = 'binding'";
    let id: Vec<u8> = database.query_row(select, [], |row| row.get(0)).unwrap();
    let (data, mac) = (place.path("data"), place.path("mac"));
    fs::write(&data, bytes).unwrap();
    let status = std::process::Command::new("pkcs11-tool")
        .arg("--module")
        .arg(again::module())
        .args(["--token-label", LABEL, "--login", "--pin", PIN])
        .args(["--sign", "--mechanism", "SHA256-HMAC", "--id", &data_encoding::HEXLOWER.encode(&id)])
        .arg("--input-file")
        .arg(&data)
        .arg("--output-file")
        .arg(&mac)
        .env(Hsm::chosen().variable(), &place.token.configuration)
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    fs::read(mac).unwrap()
}

/// Changes the database to that of the version before the digest of the root keys: the schema, and the row `audit_head`
/// as that version wrote and bound it. The records of the root keys are to be taken back too.
pub fn take_back(place: &Place) {
    Database::open(place.database()).unwrap().execute_batch(TURNED_BACK).unwrap();
    bind_as_before(place);
}

/// Binds the row `audit_head` as that version did, without a digest of the root keys.
pub fn bind_as_before(place: &Place) {
    let database = Database::open(place.database()).unwrap();
    let (seq, hash, line): (i64, Vec<u8>, Option<String>) = database
        .query_row("SELECT seq, hash, signed_line FROM audit_head", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    let mut bytes = Vec::new();
    put(&mut bytes, Some(b"audit_head"));
    put(&mut bytes, Some(&seq.to_be_bytes()));
    put(&mut bytes, Some(&hash));
    put(&mut bytes, line.as_deref().map(str::as_bytes));
    put(&mut bytes, None);
    database.execute("UPDATE audit_head SET binding = ?1", [binding(place, &bytes)]).unwrap();
}

#[test]
fn a_database_of_before_is_taken_over_when_its_record_is_whole() {
    if let Some(directory) = again::child() {
        return root_keys_are_recognised::take_back(&directory);
    }
    let place = used();
    take_back(&place);
    // The root keys are recorded as by a later version, so that the head is of another place.
    let why = refused(&place, "", &[]);
    assert!(why.contains("record of root keys was changed"), "{why}");
    let test = "a_database_of_before_is_taken_over_when_its_record_is_whole";
    again::again(module_path!(), test, &place.token, place.directory.path());
    for (gone, option) in [("audit", "--remake-root-key audit"), ("token-1", "--remake-root-key token")] {
        let why = refused(&place, &format!("DELETE FROM root_key WHERE name = '{gone}'"), &[]);
        assert!(why.contains(option), "{why}");
    }
    Server::start_at(Arc::clone(&place), &Options::default()).alice().connect().unwrap().aes();
    let database = Database::open(place.database()).unwrap();
    let digest: Vec<u8> = database.query_row("SELECT root_keys FROM audit_head", [], |row| row.get(0)).unwrap();
    assert_eq!(digest.len(), 32);
    Server::start_at(place, &Options::default()).alice().connect().unwrap().aes();
}

#[test]
fn the_head_is_not_bound_again_after_a_change_beneath_the_server() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    alice.aes();
    let database = Database::open(server.place.database()).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    database.execute("UPDATE audit_head SET root_keys = zeroblob(32)", []).unwrap();
    let answer = alice.kmip(&crate::harness::kmip::create("AES", 256, &[]));
    assert_eq!(answer.status, 503, "{answer:?}");
    let place = server.kill();
    let why = Server::try_start_at(place, &Options::default()).err().unwrap();
    assert!(why.contains("--audit-accept-loss"), "{why}");
}
