//! What many commits change gets into the database at one time, and not with each thousand pages.

use std::fs;

use crate::harness::{Server, reference};

/// A page, and the length to which the write-ahead log may grow: 16,000 of them.
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
    // The end folds it in, and what was read from it is read from there.
    let server = server.restart();
    assert!(fs::metadata(server.place.database()).unwrap().len() > (160 * 64) << 10);
    let answer = server.alice().get("/secrets/default/variable/159");
    assert_eq!((answer.status, answer.body == value), (200, true));
}
