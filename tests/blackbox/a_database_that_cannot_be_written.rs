//! If another program locks the database, or its disk is full, health says so even without writes, and writers do not
//! wait for it one after the other.

use std::thread;
use std::time::Instant;

use rusqlite::Connection as Database;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::harness::{Server, eventually, kmip};

const WRITERS: usize = 8;

fn store(server: &Server) -> (u16, String) {
    let answer = server.alice().get("/health");
    (answer.status, answer.json()["store"].as_str().unwrap().to_owned())
}

#[track_caller]
fn becomes(server: &Server, status: u16, word: &str) {
    eventually(word, || (store(server) == (status, word.to_owned())).then_some(()));
}

#[test]
fn while_another_program_holds_it() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    // The first use of a key is recorded.
    alice.ok(&kmip::encrypt(&id, b"x"));
    assert_eq!(store(&server), (200, "ok".to_owned()));
    for lock in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        let other = Database::open(server.place.database()).unwrap();
        other.execute_batch(lock).unwrap();
        // There are no writes.
        becomes(&server, 503, "unavailable");
        // The times that one writer and many writers wait.
        let create = kmip::create("AES", 256, &[]);
        let began = Instant::now();
        assert_eq!(alice.kmip(&create).status, 503);
        let alone = began.elapsed();
        let began = Instant::now();
        thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| assert_eq!(server.alice().connect().unwrap().kmip(&create).status, 503));
            }
        });
        let together = began.elapsed();
        assert!(together.as_secs_f64() < 3.0 * alone.as_secs_f64().max(5.0), "{together:?}, alone {alone:?}");
        // Reads still work.
        alice.ok(&kmip::encrypt(&id, b"x"));
        other.execute_batch("ROLLBACK").unwrap();
        becomes(&server, 200, "ok");
        alice.aes();
    }
    // It was logged at its beginning and at its end, not at each request.
    let log = server.log();
    let told = log.lines().filter(|line| line.contains("the database is not healthy")).count();
    assert_eq!((told, log.matches("the database is healthy again").count()), (2, 2));
}

#[test]
fn the_first_writes_wait_together() {
    let server = Server::start();
    let create = kmip::create("AES", 256, &[]);
    let mut connections: Vec<_> = (0..WRITERS).map(|_| server.alice().connect().unwrap()).collect();
    let other = Database::open(server.place.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let mut times: Vec<f64> = thread::scope(|scope| {
        let ask = |connection: &mut crate::harness::Connection| {
            assert_eq!(connection.kmip(&create).status, 503);
            began.elapsed().as_secs_f64()
        };
        let threads: Vec<_> = connections.iter_mut().map(|own| scope.spawn(move || ask(own))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    times.sort_by(f64::total_cmp);
    assert!(times[WRITERS - 1] < 3.0 * times[0], "{times:?}");
}

#[test]
fn while_its_disk_is_full() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap());
    let room = |bytes| prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    room(Some(1));
    // There are no writes.
    becomes(&server, 503, "unavailable");
    // This does not change.
    for _ in 0..3 {
        eventually("asked again", || (store(&server) == (503, "unavailable".to_owned())).then_some(()));
        assert_eq!(alice.kmip(&kmip::create("AES", 256, &[])).status, 503);
    }
    room(None);
    becomes(&server, 200, "ok");
    eventually("it goes on", || (alice.kmip(&kmip::create("AES", 256, &[])).status == 200).then_some(()));
    alice.ok(&kmip::encrypt(&id, b"x"));
}
