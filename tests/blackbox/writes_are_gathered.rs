//! The changes of many commits are moved into the database at one time, not after each thousand pages.

use std::fs;

use rusqlite::Connection as Database;

use crate::harness::{Connection, Server, eventually, reference};

/// The size of a page, and the length to which the write-ahead log may grow: 16,000 pages.
const PAGE: u64 = 4096 + 24;
const LONGEST: u64 = 16_000 * PAGE;

#[test]
fn the_write_ahead_log_grows_to_16000_pages() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let value = reference::random(64 << 10);
    let (mut longest, mut database) = (0, 0);
    for number in 0..160 {
        let path = format!("/secrets/default/variable/{number}");
        assert_eq!(alice.try_request("POST", &path, &[], &value).unwrap().status, 201);
        let length = |name: &str| fs::metadata(server.place.path(name)).unwrap().len();
        longest = longest.max(length("claviger.db-wal"));
        database = length("claviger.db");
    }
    assert!(longest > 2500 * PAGE && longest <= LONGEST, "{longest}");
    assert!(database < (160 * 64) << 10, "{database} bytes are in the database already");
    // At the end the server moves it into the database, and reads then come from there.
    let server = server.restart();
    assert!(fs::metadata(server.place.database()).unwrap().len() > (160 * 64) << 10);
    let answer = server.alice().get("/secrets/default/variable/159");
    assert_eq!((answer.status, answer.body == value), (200, true));
}

/// Writes a value of a new secret.
fn write(alice: &mut Connection, number: usize, value: &[u8]) {
    let path = format!("/secrets/default/variable/{number}");
    assert_eq!(alice.try_request("POST", &path, &[], value).unwrap().status, 201);
}

#[test]
fn a_write_ahead_log_that_a_reader_has_held_is_cut() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let value = reference::random(64 << 10);
    write(&mut alice, 0, &value);
    let length = || fs::metadata(server.place.path("claviger.db-wal")).unwrap().len();
    // While a program reads the former state, no part of the log can be overwritten.
    let reader = Database::open(server.place.database()).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM object", [], |row| row.get(0)).unwrap();
    let mut number = 1;
    while length() <= LONGEST + (LONGEST >> 2) {
        write(&mut alice, number, &value);
        number += 1;
        assert!(number < 4_000, "{} bytes after {number} values", length());
    }
    reader.execute_batch("ROLLBACK").unwrap();
    eventually("the log is cut", || {
        number += 1;
        write(&mut alice, number, &value);
        (length() <= LONGEST).then_some(())
    });
    let server = server.restart();
    assert_eq!(server.alice().get(&format!("/secrets/default/variable/{number}")).body, value);
}
