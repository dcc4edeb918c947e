//! The key that signs the audit log is a pair of token objects, with its public key in the database. All three must
//! match. A database without the record of the key gets a new key only by an option.

use std::fs;
use std::sync::Arc;

use openssl::ec::EcKey;
use openssl::nid::Nid;
use rusqlite::Connection as Database;

use crate::harness::kmip::Sealed;
use crate::harness::server::{Place, run};
use crate::harness::token::Kept;
use crate::harness::{Options, ROOT_OBJECTS, Server};

/// CKA_ID and public key, as the database records them.
fn recorded(place: &Place) -> (Vec<u8>, Vec<u8>) {
    let database = Database::open(place.database()).unwrap();
    let select = "SELECT cka_id, check_value FROM root_key WHERE name = 'audit'";
    database.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn refused(place: &Arc<Place>) -> String {
    let (status, out, err) = run(&mut place.command(&Options::default()));
    assert_eq!(status.code(), Some(1), "{out}{err}");
    err.lines().last().unwrap().to_owned()
}

/// Returns a place that was used, with its server stopped, and a ciphertext.
fn used() -> (Arc<Place>, Sealed) {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let sealed = alice.seal(&id, b"data");
    let (place, _) = server.stop();
    (place, sealed)
}

/// Starts the server, checks that it works, and returns its log.
fn works(place: &Arc<Place>, sealed: &Sealed) -> String {
    let server = Server::start_at(Arc::clone(place), &Options::default());
    assert_eq!(server.alice().connect().unwrap().open(sealed), b"data");
    server.log()
}

/// Starts the server with `--remake-root-key`, and checks that it works.
fn works_remade(place: &Arc<Place>, sealed: &Sealed, key: &str) -> String {
    let arguments = vec![format!("--remake-root-key={key}"), "--audit-accept-loss".to_owned()];
    let server = Server::start_at(Arc::clone(place), &Options { arguments, ..Options::default() });
    assert_eq!(server.alice().connect().unwrap().open(sealed), b"data");
    server.log()
}

/// The two halves, without which the audit key is missing.
fn halves(place: &Arc<Place>) -> Vec<(Kept, String)> {
    let mut halves = Vec::new();
    for object in place.token.kept() {
        place.token.take_out(&object);
        let said = refused(place);
        place.token.put_back(&object);
        if said.contains("missing audit ") {
            halves.push((object, said));
        }
    }
    halves
}

/// The state of a version without an audit key.
fn earlier() -> (Arc<Place>, Sealed) {
    let (place, sealed) = used();
    for (half, _) in halves(&place) {
        place.token.take_out(&half);
    }
    forget(&place);
    assert_eq!(place.token.objects(), ROOT_OBJECTS - 2);
    (place, sealed)
}

fn forget(place: &Place) {
    unsigned(place);
    let database = Database::open(place.database()).unwrap();
    assert_eq!(database.execute("DELETE FROM root_key WHERE name = 'audit'", []).unwrap(), 1);
}

/// The state before anything was signed.
fn unsigned(place: &Place) {
    Database::open(place.database()).unwrap().execute("DELETE FROM audit_head", []).unwrap();
    fs::remove_file(place.audit_file()).unwrap();
}

#[test]
fn of_p256_and_stays_the_same() {
    let (place, sealed) = used();
    let (cka_id, public_key) = recorded(&place);
    assert_eq!(cka_id.len(), 20);
    let key = EcKey::public_key_from_der(&public_key).unwrap();
    key.check_key().unwrap();
    assert_eq!(key.group().curve_name(), Some(Nid::X9_62_PRIME256V1));
    assert_eq!(key.public_key_to_der().unwrap(), public_key, "a SubjectPublicKeyInfo, nothing behind it");
    works(&place, &sealed);
    assert_eq!(recorded(&place), (cka_id, public_key));
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
}

#[test]
fn of_which_no_half_may_be_missing_or_double() {
    let (place, sealed) = used();
    let halves = halves(&place);
    let mut said: Vec<&str> =
        halves.iter().map(|(_, said)| if said.contains("private key (") { "private" } else { "public" }).collect();
    said.sort_unstable();
    assert_eq!(said, ["private", "public"]);
    for (half, _) in &halves {
        let double = half.double();
        place.token.put_back(&double);
        let said = refused(&place);
        assert!(said.contains("holds 3 objects with the CKA_ID of the audit root key"), "{said}");
        place.token.take_out(&double);
    }
    works(&place, &sealed);
}

#[test]
fn of_which_the_halves_belong_together() {
    let (place, sealed) = used();
    let first = recorded(&place);
    forget(&place);
    // The record of the one, and the public key of the other.
    works_remade(&place, &sealed, "audit");
    let second = recorded(&place);
    assert_ne!(first, second);
    assert_eq!(place.token.objects(), ROOT_OBJECTS + 2, "nothing is taken from the token");
    let database = Database::open(place.database()).unwrap();
    for (cka_id, public_key) in [(&first.0, &second.1), (&second.0, &first.1)] {
        let update = "UPDATE root_key SET cka_id = ?1, check_value = ?2 WHERE name = 'audit'";
        database.execute(update, (cka_id, public_key)).unwrap();
        let said = refused(&place);
        assert!(said.contains("the audit root key (") && said.contains("is another key than"), "{said}");
        database.execute(update, (&second.0, &second.1)).unwrap();
        works(&place, &sealed);
    }
}

#[test]
fn that_cannot_be_exchanged_once_it_has_signed() {
    let (place, sealed) = used();
    let database = Database::open(place.database()).unwrap();
    database.execute("ATTACH DATABASE ?1 AS kept", [place.path("kept.db").to_str().unwrap()]).unwrap();
    database.execute("CREATE TABLE kept.audit_head AS SELECT * FROM main.audit_head", []).unwrap();
    let log = fs::read(place.audit_file()).unwrap();
    let first = recorded(&place);
    forget(&place);
    works_remade(&place, &sealed, "audit");
    // The log of the first key and its head, with the record of the second.
    database.execute("DELETE FROM audit_head", []).unwrap();
    database.execute("INSERT INTO audit_head SELECT * FROM kept.audit_head", []).unwrap();
    fs::write(place.audit_file(), log).unwrap();
    assert!(refused(&place).contains("record of root keys was changed"));
    // And without a record.
    database.execute("DELETE FROM root_key WHERE name = 'audit'", []).unwrap();
    assert!(refused(&place).contains("does not record the audit root key"));
    assert_eq!(place.token.objects(), ROOT_OBJECTS + 2, "no third one was made");
    let insert = "INSERT INTO root_key (name, cka_id, check_value, created) VALUES ('audit', ?1, ?2, 0)";
    database.execute(insert, (&first.0, &first.1)).unwrap();
    works(&place, &sealed);
}

#[test]
fn that_is_made_again_only_if_the_operator_says_so() {
    let (place, sealed) = earlier();
    for arguments in [&["--check-config"][..], &[], &["--audit-accept-loss"], &["--remake-root-key=token"]] {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let (status, out, err) = run(&mut place.command(&Options { arguments, ..Options::default() }));
        assert!(!status.success() && err.contains("--remake-root-key audit"), "{out}{err}");
        assert_eq!(place.token.objects(), ROOT_OBJECTS - 2);
    }
    works_remade(&place, &sealed, "audit");
    let made = recorded(&place);
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
    for _ in 0..2 {
        works(&place, &sealed);
        assert_eq!(recorded(&place), made);
        assert_eq!(place.token.objects(), ROOT_OBJECTS);
    }
}

#[test]
fn but_not_in_a_token_that_is_not_the_databases() {
    let (place, sealed) = earlier();
    let kept = place.path("kept");
    fs::rename(&place.token.tokens, &kept).unwrap();
    fs::create_dir(&place.token.tokens).unwrap();
    place.token.add("claviger");
    let arguments = vec!["--remake-root-key=audit".to_owned(), "--audit-accept-loss".to_owned()];
    let (status, _, said) = run(&mut place.command(&Options { arguments, ..Options::default() }));
    assert!(!status.success() && said.contains("missing binding ("), "{said}");
    assert_eq!(place.token.objects(), 0);
    fs::remove_dir_all(&place.token.tokens).unwrap();
    fs::rename(&kept, &place.token.tokens).unwrap();
    works_remade(&place, &sealed, "audit");
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
}

#[test]
fn beside_which_one_for_access_tokens_is_made_again() {
    let (place, sealed) = used();
    let audit = recorded(&place);
    let database = Database::open(place.database()).unwrap();
    assert_eq!(database.execute("DELETE FROM root_key WHERE name = 'token-1'", []).unwrap(), 1);
    assert!(refused(&place).contains("--remake-root-key token"));
    works_remade(&place, &sealed, "token");
    let names: String = database
        .query_row("SELECT group_concat(name) FROM root_key WHERE name LIKE 'token%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(names, "token-1");
    assert_eq!(place.token.objects(), ROOT_OBJECTS + 2);
    works(&place, &sealed);
    assert_eq!(place.token.objects(), ROOT_OBJECTS + 2);
    assert_eq!(recorded(&place), audit);
}
