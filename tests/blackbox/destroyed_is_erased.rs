//! A destroyed or replaced key is gone for every caller at the answer. Its bytes are erased when no program reads the
//! former state of the database: no caller waits for such a program, and the audit log says when they are erased.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection as Database;
use serde_json::Value;

use crate::harness::figures::Figures;
use crate::harness::kmip::{create, import, named, revoke};
use crate::harness::pairs::pair;
use crate::harness::server::Place;
use crate::harness::{Client, Connection, End, Options, Server, eventually, reference};

const SECRET: &str = "/secrets/default/variable/database";

fn options() -> Options {
    Options { arguments: vec!["--probe-address=127.0.0.1:0".to_owned()], ..Options::default() }
}

/// Another program that reads the present state of the database until it is dropped.
fn reader(place: &Place) -> Database {
    let database = Database::open(place.database()).unwrap();
    database.execute_batch("BEGIN").unwrap();
    let _: i64 = database.query_row("SELECT count(*) FROM object", [], |row| row.get(0)).unwrap();
    database
}

/// The bytes of a column.
fn column(place: &Place, sql: &str, id: &str) -> Vec<u8> {
    Database::open(place.database()).unwrap().query_row(sql, [id], |row| row.get(0)).unwrap()
}

fn key(place: &Place, id: &str) -> Vec<u8> {
    column(place, "SELECT material FROM object WHERE id = ?1", id)
}

/// Returns how many of these texts are in the database's files.
fn found(place: &Place, texts: &[Vec<u8>]) -> usize {
    let files = ["claviger.db", "claviger.db-wal"].map(|name| fs::read(place.path(name)).unwrap_or_default());
    let is_in = |text: &&Vec<u8>| files.iter().any(|file| file.windows(text.len()).any(|window| window == **text));
    texts.iter().filter(is_in).count()
}

fn not_erased(probe: &Client) -> usize {
    Figures::read(probe).find("claviger_keys_not_erased", &[]).unwrap() as usize
}

/// Returns object and version of each line `erased`.
fn erased(place: &Place) -> Vec<(String, i64)> {
    let lines = place.audit_lines().into_iter().filter(|line| line["event"] == "erased");
    lines.map(|line| (line["object"].as_str().unwrap().to_owned(), line["version"].as_i64().unwrap())).collect()
}

/// Object and version of the last change of each of these.
fn changes(place: &Place, ids: &[String]) -> Vec<(String, i64)> {
    let lines = place.audit_lines();
    let last = |id: &String| {
        let of =
            |line: &&Value| line["object"] == id.as_str() && line["version"].is_i64() && line["event"] == "decision";
        lines.iter().rfind(of).unwrap()["version"].as_i64().unwrap()
    };
    ids.iter().map(|id| (id.clone(), last(id))).collect()
}

fn destroy(alice: &mut Connection, id: &str) {
    alice.ok(&revoke(id, "Superseded"));
    alice.ok(&named("Destroy", id));
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

/// Several keys and a value with these bytes, the requests that remove them, and their objects.
struct Doomed {
    bytes: Vec<Vec<u8>>,
    ids: Vec<String>,
    pair: String,
}

impl Doomed {
    fn new(place: &Place, alice: &mut Connection) -> Self {
        let mut ids: Vec<String> = (0..3).map(|_| alice.aes()).collect();
        let (pair, _) = pair(alice, "EC", 256);
        let mut bytes: Vec<Vec<u8>> = ids.iter().chain([&pair]).map(|id| key(place, id)).collect();
        for number in 1..=20 {
            write(alice, number);
        }
        let sql = "SELECT object FROM secret_version WHERE number = 1 AND ?1 = ?1";
        let secret: String = Database::open(place.database()).unwrap().query_row(sql, [""], |row| row.get(0)).unwrap();
        bytes.push(column(place, "SELECT data FROM secret_version WHERE number = 1 AND object = ?1", &secret));
        ids.extend([pair.clone(), secret]);
        assert_eq!(found(place, &bytes), 5, "or this test sees nothing");
        Self { bytes, ids, pair }
    }

    /// Returns the time of each request.
    fn remove(&self, alice: &mut Connection) -> Vec<Duration> {
        let ids = &self.ids;
        for id in [&ids[0], &ids[1], &self.pair] {
            alice.ok(&revoke(id, "Superseded"));
        }
        let mut each = Vec::new();
        let mut time = |run: &mut dyn FnMut()| {
            let began = Instant::now();
            run();
            each.push(began.elapsed());
        };
        for id in [&ids[0], &ids[1], &self.pair] {
            time(&mut || drop(alice.ok(&named("Destroy", id))));
        }
        time(&mut || drop(alice.ok(&import(&ids[2], Some(true), "AES", &reference::random(32), &[]))));
        time(&mut || write(alice, 21));
        each
    }

    /// Waits until the log says that each is erased, and checks the files.
    fn is_erased(&self, server: &Server) {
        let place = &server.place;
        let wanted = sorted(changes(place, &self.ids));
        eventually("the log says that it is erased", || (sorted(erased(place)) == wanted).then_some(()));
        let probe = server.probe();
        eventually("nothing is left", || (not_erased(&probe) == 0).then_some(()));
        assert_eq!(found(place, &self.bytes), 0);
    }
}

fn write(alice: &mut Connection, number: usize) {
    let answer = alice.try_request("POST", SECRET, &[], format!("value {number}").as_bytes()).unwrap();
    assert_eq!(answer.status, 201);
}

#[test]
fn beside_a_reader_nobody_waits_and_it_is_erased_after_it() {
    let server = Server::start_with(&options());
    let (place, probe) = (Arc::clone(&server.place), server.probe());
    let mut alice = server.alice().connect().unwrap();
    let doomed = Doomed::new(&place, &mut alice);
    // One reader reads the state before; the other one reads the state after, and so the end of the write-ahead log.
    let before = reader(&place);
    let done = AtomicBool::new(false);
    let (removals, mut creates, mut others) = thread::scope(|scope| {
        let creates = scope.spawn(|| {
            let (mut bob, mut took) = (server.bob().connect().unwrap(), Vec::new());
            while !done.load(Ordering::Relaxed) {
                let began = Instant::now();
                bob.new_key(&create("AES", 256, &[]));
                took.push(began.elapsed());
            }
            took
        });
        let end = End(&done);
        let removals = doomed.remove(&mut alice);
        // The server tries without success, at increasing intervals.
        let until = Instant::now() + Duration::from_secs(3);
        let mut others = Vec::new();
        while Instant::now() < until {
            let id = alice.aes();
            alice.ok(&revoke(&id, "Superseded"));
            let began = Instant::now();
            alice.ok(&named("Destroy", &id));
            others.push(began.elapsed());
        }
        drop(end);
        (removals, creates.join().unwrap(), others)
    });
    let after = reader(&place);
    creates.sort();
    others.sort();
    let typical = creates[creates.len() / 2];
    let last = |all: &[Duration]| all[all.len() - 1 - all.len() / 100];
    eprintln!(
        "create {typical:?}, p99 {:?}; removals {removals:?}; destroys {:?}",
        last(&creates),
        others[others.len() / 2]
    );
    // Destroy is a commit like any other, whatever program reads the database.
    assert!(others[others.len() / 2] < typical * 5 + Duration::from_millis(20), "{others:?}, a create {typical:?}");
    for (what, took) in [("removal", &sorted(removals)), ("create", &creates), ("destroy", &others)] {
        // The readers read for longer than that.
        assert!(last(took) < typical * 20 + Duration::from_secs(2), "{what}: {took:?}, typically {typical:?}");
    }
    assert_eq!(not_erased(&probe), 5 + others.len());
    assert!(found(&place, &doomed.bytes) > 0, "the reader sees them");
    assert_eq!(erased(&place), []);
    drop(before);
    // The second one does not delay the writers either.
    let id = alice.aes();
    destroy(&mut alice, &id);
    assert!(not_erased(&probe) > 0);
    assert_eq!(erased(&place), []);
    drop(after);
    let all = 5 + others.len() + 1;
    eventually("the log has a line of each", || (erased(&place).len() == all).then_some(()));
    eventually("nothing is left", || (not_erased(&probe) == 0).then_some(()));
    assert_eq!(found(&place, &doomed.bytes), 0);
    let lines = erased(&place);
    for change in changes(&place, &doomed.ids) {
        assert_eq!(lines.iter().filter(|line| **line == change).count(), 1, "{change:?}");
    }
    server.stop_sound();
}

#[test]
fn and_by_the_next_start_where_the_process_was_killed() {
    let server = Server::start_with(&options());
    let mut alice = server.alice().connect().unwrap();
    let doomed = Doomed::new(&server.place, &mut alice);
    let held = reader(&server.place);
    doomed.remove(&mut alice);
    let place = server.kill();
    assert!(found(&place, &doomed.bytes) > 0, "the reader sees them");
    // The reader still runs at this start and the next one.
    let server = Server::start_at(Arc::clone(&place), &options());
    assert_eq!(not_erased(&server.probe()), 5);
    assert_eq!(erased(&place), []);
    let place = server.kill();
    let server = Server::start_at(place, &options());
    drop(held);
    doomed.is_erased(&server);
    server.stop_sound();
}

#[test]
fn and_a_row_that_somebody_put_in_erases_nothing() {
    let arguments = ["--probe-address=127.0.0.1:0", "--placement=token"].map(str::to_owned).to_vec();
    let options = Options { arguments, ..Options::default() };
    let server = Server::start_with(&options);
    let mut alice = server.alice().connect().unwrap();
    let (id, other) = (alice.aes(), alice.aes());
    let sealed = alice.seal(&id, b"data");
    let (objects, cka_id) = (server.place.token.objects(), key(&server.place, &id));
    // A token object is also erased.
    destroy(&mut alice, &other);
    assert_eq!(server.place.token.objects(), objects - 1);
    let lines = changes(&server.place, &[other]);
    eventually("the log says so", || (erased(&server.place) == lines).then_some(()));
    let (place, _) = server.stop();
    let sql = "INSERT INTO erasure (object, version, cka_id, binding) VALUES (?1, 2, ?2, ?3)";
    let database = Database::open(place.database()).unwrap();
    database.execute(sql, rusqlite::params![id, cka_id, vec![7_u8; 32]]).unwrap();
    drop(database);
    let (is_clean, said) = place.check_store(&Options::default());
    assert!(!is_clean && said.contains("erasure"), "{said}");
    let server = Server::start_at(place, &options);
    let probe = server.probe();
    eventually("the row is gone", || (not_erased(&probe) == 0).then_some(()));
    assert_eq!(erased(&server.place), lines);
    assert!(server.log().contains("ROW REFUSED"));
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(alice.open(&sealed), b"data");
    assert_eq!(server.place.token.objects(), objects - 1);
}
