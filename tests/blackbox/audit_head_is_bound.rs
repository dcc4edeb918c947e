//! If a person with the database file and the log begins the log again, cuts it or changes it, the server refuses to
//! continue.

use std::fs;
use std::sync::Arc;

use rusqlite::Connection as Database;

use crate::harness::server::Place;
use crate::harness::{Options, Server, eventually};

/// A place whose server is stopped, with the bytes of its log.
fn used() -> (Arc<Place>, Vec<u8>) {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    alice.aes();
    alice.aes();
    let (place, status) = server.stop();
    assert!(status.success());
    let log = fs::read(place.audit_file()).unwrap();
    (place, log)
}

fn change(place: &Place, statement: &str) {
    assert_eq!(Database::open(place.database()).unwrap().execute(statement, []).unwrap(), 1, "{statement}");
}

fn refused(place: &Arc<Place>, why: &str) {
    let log = Server::try_start_at(Arc::clone(place), &Options::default()).err().expect(why);
    assert!(log.contains(why) && log.contains("--audit-accept-loss"), "{log}");
}

fn accepted(place: &Arc<Place>) -> Server {
    let arguments = vec!["--audit-accept-loss".to_owned()];
    Server::start_at(Arc::clone(place), &Options { arguments, ..Options::default() })
}

#[test]
fn a_log_begun_anew_is_seen() {
    let (place, _) = used();
    change(&place, "DELETE FROM audit_head");
    fs::remove_file(place.audit_file()).unwrap();
    refused(&place, "was changed or removed");
    let server = accepted(&place);
    assert!(server.log().contains("ROW REFUSED"), "{}", server.log());
    server.alice().connect().unwrap().aes();
    let (place, _) = server.stop();
    // From here on the head is known again.
    Server::start_at(place, &Options::default());
}

#[test]
fn a_log_cut_after_a_line_of_choice_is_seen() {
    let (place, log) = used();
    let text = String::from_utf8(log.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let cut = lines.iter().position(|line| line.contains("\"operation\":\"Create\"")).unwrap();
    let hash = data_encoding::HEXLOWER.encode(&openssl::sha::sha256(lines[cut].as_bytes()));
    let seq: u64 = serde_json::from_str::<serde_json::Value>(lines[cut]).unwrap()["seq"].as_u64().unwrap();
    fs::write(place.audit_file(), format!("{}\n", lines[..=cut].join("\n"))).unwrap();
    refused(&place, "the database knows line");
    let database = Database::open(place.database()).unwrap();
    for signed in ["signed_line", "NULL"] {
        let update = format!("UPDATE audit_head SET seq = {seq}, hash = x'{hash}', signed_line = {signed}");
        database.execute(&update, []).unwrap();
        refused(&place, "was changed or removed");
    }
}

#[test]
fn each_column_is_bound() {
    let (place, _) = used();
    let database = Database::open(place.database()).unwrap();
    database.execute("CREATE TEMP TABLE kept AS SELECT * FROM audit_head", []).unwrap();
    for value in [
        "seq = 0",
        "hash = zeroblob(32)",
        "signed_line = NULL",
        "unrecorded_since = 1",
        "binding = NULL",
        "binding = x'00'",
    ] {
        change(&place, &format!("UPDATE audit_head SET {value}"));
        refused(&place, "was changed or removed");
        database.execute("DELETE FROM audit_head", []).unwrap();
        database.execute("INSERT INTO audit_head SELECT * FROM kept", []).unwrap();
    }
    Server::start_at(place, &Options::default()).alice().connect().unwrap().aes();
}

#[test]
fn a_time_without_a_log_is_told() {
    let (place, _) = used();
    let none = Options { arguments: vec!["--audit-file=none".to_owned()], ..Options::default() };
    for _ in 0..2 {
        let server = Server::start_at(Arc::clone(&place), &none);
        server.alice().connect().unwrap().aes();
        server.stop();
    }
    let told = |place: &Place| {
        let log = fs::read_to_string(place.audit_file()).unwrap();
        log.matches("the server ran without an audit log").count()
    };
    Server::start_at(Arc::clone(&place), &Options::default()).stop();
    assert_eq!(told(&place), 1);
    Server::start_at(Arc::clone(&place), &Options::default()).stop();
    assert_eq!(told(&place), 1, "once");
}

#[test]
fn a_row_that_is_written_again_without_a_log_covers_the_root_keys() {
    let (place, _) = used();
    change(&place, "DELETE FROM audit_head");
    let none = Options { arguments: vec!["--audit-file=none".to_owned()], ..Options::default() };
    Server::start_at(Arc::clone(&place), &none).stop();
    let database = Database::open(place.database()).unwrap();
    let digest: Option<Vec<u8>> = database.query_row("SELECT root_keys FROM audit_head", [], |row| row.get(0)).unwrap();
    assert_eq!(digest.map(|digest| digest.len()), Some(32));
}

#[test]
fn a_log_changed_beneath_the_server_stops_it() {
    for shorter in [true, false] {
        let server = Server::start();
        let mut alice = server.alice().connect().unwrap();
        alice.aes();
        let path = server.place.audit_file();
        let mut log = fs::read(&path).unwrap();
        if shorter {
            log.truncate(100)
        } else {
            log[20] ^= 1
        }
        if !shorter {
            log.extend_from_slice(b"junk");
        }
        fs::write(&path, log).unwrap();
        eventually("operations are refused", || {
            let answer = alice.kmip(&crate::harness::kmip::create("AES", 256, &[]));
            (answer.status == 503).then_some(())
        });
        if shorter {
            assert_eq!(alice.kmip(&crate::harness::kmip::create("AES", 256, &[])).status, 503);
            assert_eq!(server.alice().get("/health").json()["audit"], "unavailable");
            let place = server.kill();
            refused(&place, "the database knows line");
        }
    }
}
