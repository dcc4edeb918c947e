//! Root keys are made once for each database, found again at each start, and never silently replaced, because every key
//! would be lost.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;

use rusqlite::Connection as Database;

use crate::harness::server::Place;
use crate::harness::{Hsm, Options, ROOT_OBJECTS, Server, directory};

fn refused(place: &Arc<Place>) -> String {
    let (status, out, err) = crate::harness::server::run(&mut place.command(&Options::default()));
    assert_eq!(status.code(), Some(1), "{out}{err}");
    let last = err.lines().last().unwrap().to_owned();
    assert!(last.starts_with("clavigerd: "), "{err}");
    last
}

/// A place with a full database, its server stopped, and a ciphertext.
fn used() -> (Arc<Place>, crate::harness::kmip::Sealed) {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let sealed = alice.seal(&id, b"data");
    let (place, _) = server.stop();
    (place, sealed)
}

fn works(place: &Arc<Place>, sealed: &crate::harness::kmip::Sealed) {
    let server = Server::start_at(Arc::clone(place), &Options::default());
    assert_eq!(server.alice().connect().unwrap().open(sealed), b"data");
}

#[test]
fn and_found_again() {
    let (place, sealed) = used();
    for _ in 0..3 {
        assert_eq!(place.token.objects(), ROOT_OBJECTS);
        works(&place, &sealed);
    }
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
}

#[test]
fn by_one_of_two_servers_that_start_at_once() {
    for _ in 0..5 {
        let place = Arc::new(Place::new());
        let options = Options::default();
        let mut children: Vec<_> = (0..2)
            .map(|number| {
                let log = fs::File::create(place.path(&format!("{number}.log"))).unwrap();
                let mut command = place.command(&options);
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap()
            })
            .collect();
        let lines: Vec<String> = children
            .iter_mut()
            .map(|child| {
                let mut line = String::new();
                std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
                    .unwrap();
                line
            })
            .collect();
        let serving = lines.iter().filter(|line| line.contains("https://")).count();
        for child in &mut children {
            let _ = child.kill();
            child.wait().unwrap();
        }
        let logs = ["0.log", "1.log"].map(|log| fs::read_to_string(place.path(log)).unwrap());
        assert_eq!(serving, 1, "{lines:?} {logs:?}");
        assert!(logs.iter().any(|log| log.contains("is in use by another clavigerd")), "{logs:?}");
        assert_eq!(place.token.objects(), ROOT_OBJECTS);
        drop(Server::start_at(place, &options));
    }
}

#[test]
fn and_missed_on_an_empty_token() {
    let (place, sealed) = used();
    let kept = place.path("kept");
    fs::rename(&place.token.tokens, &kept).unwrap();
    fs::create_dir(&place.token.tokens).unwrap();
    // No HSM token, and then another one with the same label.
    let said = refused(&place);
    let tool = if Hsm::chosen() == Hsm::SoftHsm { "softhsm2-util" } else { "pkcs11-tool" };
    assert!(said.contains("no token labelled \"claviger\"") && said.contains(tool), "{said}");
    place.token.add("claviger");
    let said = refused(&place);
    for name in [
        "audit (",
        "binding (",
        "exporting (",
        "guarding (",
        "sealing (",
        "token-1 (",
        "serial",
        "none of them a root key",
    ] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert_eq!(place.token.objects(), 0, "nothing was made there");
    // Another token that has root keys, but of another database.
    let files = [(place.database(), place.path("aside.db")), (place.audit_file(), place.path("aside.jsonl"))];
    for (file, aside) in &files {
        fs::rename(file, aside).unwrap();
    }
    Server::start_at(Arc::clone(&place), &Options::default()).stop();
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
    for (file, aside) in &files {
        fs::rename(aside, file).unwrap();
    }
    let said = refused(&place);
    assert!(
        said.contains("missing binding (") && said.contains("audit (") && said.contains("it holds claviger root"),
        "{said}"
    );
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
    fs::remove_dir_all(&place.token.tokens).unwrap();
    fs::rename(&kept, &place.token.tokens).unwrap();
    works(&place, &sealed);
}

#[test]
fn and_missed_one_by_one() {
    let (place, sealed) = used();
    for object in place.token.kept() {
        place.token.take_out(&object);
        let said = refused(&place);
        assert_eq!(said.matches("missing").count(), 1, "{said}");
        assert_eq!(place.token.objects(), ROOT_OBJECTS - 1);
        place.token.put_back(&object);
    }
    works(&place, &sealed);
}

#[test]
fn and_not_looked_for_in_one_of_two_tokens() {
    let (place, sealed) = used();
    let before = place.token.entries();
    place.token.add("claviger");
    let said = refused(&place);
    assert!(said.contains("2 tokens are labelled \"claviger\""), "{said}");
    let added = place.token.entries().into_iter().find(|entry| !before.contains(entry)).unwrap();
    if added.is_dir() { fs::remove_dir_all(added) } else { fs::remove_file(added) }.unwrap();
    works(&place, &sealed);
}

#[test]
fn and_compared_with_their_record() {
    let (place, sealed) = used();
    let kept = fs::read(place.database()).unwrap();
    for (statements, expected) in [
        ("DELETE FROM root_key", "records no root keys, but its table \"object\" has rows"),
        (
            "INSERT INTO root_key SELECT 'later', x'00', check_value, created FROM root_key WHERE name = 'sealing'",
            "missing later (00)",
        ),
        (
            "UPDATE root_key SET check_value = (SELECT check_value FROM root_key WHERE name = 'binding') WHERE name = 'audit'",
            "the audit root key",
        ),
        ("UPDATE root_key SET check_value = x'' WHERE name = 'audit'", "is another key than the one"),
        ("UPDATE root_key SET cka_id = zeroblob(20) WHERE name = 'audit'", "missing audit (0000"),
        (
            "UPDATE root_key SET cka_id = x'00' WHERE name = 'audit'",
            "CKA_ID for the audit root key that is not 20 bytes",
        ),
        // The CKA_ID of another key: secret keys and pairs are searched separately.
        (
            "DELETE FROM root_key WHERE name = 'audit'; \
             UPDATE root_key SET name = 'audit' WHERE name = 'sealing'",
            "missing audit (",
        ),
        ("UPDATE root_key SET name = 'access-token' WHERE name = 'audit'", "does not record the audit root key"),
        ("DELETE FROM root_key WHERE name = 'sealing'", "does not record the sealing root key"),
        ("UPDATE root_key SET name = 'other' WHERE name = 'binding'", "does not record the binding root key"),
        ("UPDATE root_key SET check_value = zeroblob(32) WHERE name = 'binding'", "is another key than the one"),
        ("UPDATE root_key SET check_value = zeroblob(40) WHERE name = 'sealing'", "is another key than the one"),
        ("UPDATE root_key SET check_value = x'' WHERE name = 'guarding'", "is another key than the one"),
        ("UPDATE root_key SET cka_id = zeroblob(20) WHERE name = 'sealing'", "missing sealing (0000"),
        ("UPDATE root_key SET cka_id = x'00' WHERE name = 'sealing'", "missing sealing (00)"),
        // The records are valid except for their names: the sealing key must not become the exporting one.
        (
            "UPDATE root_key SET name = 'aside' WHERE name = 'sealing'; \
             UPDATE root_key SET name = 'sealing' WHERE name = 'exporting'; \
             UPDATE root_key SET name = 'exporting' WHERE name = 'aside'",
            "root key is not what it must be",
        ),
    ] {
        let database = Database::open(place.database()).unwrap();
        database.execute_batch(statements).unwrap();
        drop(database);
        let said = refused(&place);
        assert!(said.contains(expected), "{statements}: {said}");
        assert_eq!(place.token.objects(), ROOT_OBJECTS);
        fs::write(place.database(), &kept).unwrap();
    }
    works(&place, &sealed);
}

#[test]
fn and_several_databases_may_share_a_token() {
    let (first, sealed) = used();
    let second = Arc::new(Place::with_token(directory(), first.token.clone()));
    let server = Server::start_at(Arc::clone(&second), &Options::default());
    assert!(server.log().contains("root keys of another database"), "{}", server.log());
    assert_eq!(second.token.objects(), 2 * ROOT_OBJECTS);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let other = alice.seal(&id, b"data");
    alice.refused(&sealed.decrypt(), 404, "Object_Not_Found");
    server.stop();
    for _ in 0..2 {
        works(&first, &sealed);
        works(&second, &other);
    }
    // And at the same time.
    let servers = [(&first, &sealed), (&second, &other)]
        .map(|(place, sealed)| (Server::start_at(Arc::clone(place), &Options::default()), sealed));
    for (server, sealed) in &servers {
        assert_eq!(server.alice().connect().unwrap().open(sealed), b"data");
    }
    assert_eq!(second.token.objects(), 2 * ROOT_OBJECTS);
}
