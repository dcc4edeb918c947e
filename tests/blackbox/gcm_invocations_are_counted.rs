//! Uses of AES-GCM are counted for each key across restarts and kills, never too few. At the limit the key no longer
//! encrypts with GCM, and the error says what to do.

use std::sync::Arc;
use std::thread;

use data_encoding::BASE64;
use rusqlite::Connection as Database;
use serde_json::json;

use crate::harness::figures::Figures;
use crate::harness::kmip::{bytes, create, encrypt, enumeration, named, parameters, replace, text, with};
use crate::harness::server::{Place, run};
use crate::harness::{Caller, Connection, Options, Server, again, reference};
use crate::root_keys_are_not_made_again::{TURNED_BACK, take_back};
use crate::root_keys_are_recognised;

fn options(limit: u64) -> Options {
    Options { arguments: vec![format!("--gcm-limit={limit}")], ..Options::default() }
}

fn make(alice: &mut Connection, id: &str) {
    alice.ok(&create("AES", 256, &[text("UniqueIdentifier", id)]));
}

/// Returns how many of `most` uses are permitted before the first refusal.
fn used(alice: &mut Connection, id: &str, most: usize) -> usize {
    for done in 0..most {
        let answer = alice.kmip(&encrypt(id, b"x"));
        if answer.status != 200 {
            assert_eq!(answer.status, 409, "{}", String::from_utf8_lossy(&answer.body));
            return done;
        }
    }
    most
}

#[test]
fn exactly_to_the_limit_whoever_uses_it_and_however() {
    const LIMIT: usize = 60;
    let server = Server::start_with(&options(60));
    let mut alice = server.alice().connect().unwrap();
    for id in ["k", "other"] {
        make(&mut alice, id);
    }
    let sealed = alice.seal("k", b"first");
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let client = server.alice();
            thread::spawn(move || used(&mut client.connect().unwrap(), "k", LIMIT))
        })
        .collect();
    let total: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(total + 1, LIMIT);
    // On every route and with any IV. Waiting does not help.
    let chosen = with(encrypt("k", b"x"), &[bytes("IVCounterNonce", &[7; 12])]);
    for request in [encrypt("k", b"x"), chosen] {
        let problem = alice.refused(&request, 409, "Usage_Limit_Exceeded");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("\"k\"") && detail.contains("60") && detail.contains("new key"), "{detail}");
    }
    let mut caller = Caller::certificate(&server, "alice");
    assert_eq!(caller.post("/api/v1/kms/keys/k/encrypt", &json!({"plaintext": "AAAA"})).status, 409);
    // The key still decrypts, and other modes, MACs and keys are not affected.
    assert_eq!(alice.open(&sealed), b"first");
    let cbc = parameters(&[enumeration("BlockCipherMode", "CBC")]);
    alice.ok(&with(encrypt("k", b"x"), std::slice::from_ref(&cbc)));
    alice.mac("k", b"x");
    for _ in 0..LIMIT {
        alice.ok(&with(encrypt("other", b"x"), std::slice::from_ref(&cbc)));
        alice.open(&sealed);
    }
    for _ in 0..LIMIT {
        let answer = caller.done("/api/v1/kms/keys/other/encrypt", &json!({"plaintext": BASE64.encode(b"x")}));
        assert!(answer["ciphertext"].is_string());
    }
    assert_eq!(used(&mut alice, "other", 1), 0);
    // The count continues for a key that replaces it, because the server cannot know that the key is different.
    alice.ok(&replace("k", "AES", &reference::random(32), &[]));
    assert_eq!(used(&mut alice, "k", 1), 0);
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    for id in ["k", "other"] {
        assert_eq!(used(&mut alice, id, 1), 0);
    }
    // The values of a secret are encrypted by the secret's own key.
    let secret = "/secrets/default/variable/db";
    let written = |caller: &mut Caller, most: usize| {
        let count = (0..most).take_while(|_| {
            let answer = caller.connection.try_request("POST", secret, &[], b"value").unwrap();
            assert!([201, 409].contains(&answer.status), "{}", answer.status);
            answer.status == 201
        });
        count.count()
    };
    let mut caller = Caller::certificate(&server, "alice");
    assert_eq!(written(&mut caller, LIMIT + 1), LIMIT);
    let refused = caller.connection.try_request("POST", secret, &[], b"value").unwrap();
    let detail = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(
        detail.contains("delete the secret") && detail.contains("60") && !detail.contains("new key and"),
        "{detail}"
    );
    assert_eq!(caller.send("GET", secret, None).body, b"value");
}

#[test]
fn across_restarts_and_kills() {
    const LIMIT: usize = 200;
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &options(LIMIT as u64));
    let mut alice = server.alice().connect().unwrap();
    for id in ["k", "new", "replaced"] {
        make(&mut alice, id);
    }
    let mut total = used(&mut alice, "k", 30);
    let server = server.restart();
    total += used(&mut server.alice().connect().unwrap(), "k", 30);
    server.stop();
    for _ in 0..3 {
        // After a kill, every answered use was counted.
        let server = Server::start_at(Arc::clone(&place), &options(LIMIT as u64));
        let client = server.alice();
        let working = thread::spawn(move || {
            let mut alice = client.connect().unwrap();
            let request = encrypt("k", b"x").to_string();
            let headers = [("Content-Type", "application/json")];
            let answers = std::iter::from_fn(|| {
                alice.try_request("POST", crate::harness::kmip::PATH, &headers, request.as_bytes()).ok()
            });
            answers.take(20).filter(|answer| answer.status == 200).count()
        });
        used(&mut server.alice().connect().unwrap(), "replaced", 5);
        server.kill();
        total += working.join().unwrap();
    }
    let server = Server::start_at(Arc::clone(&place), &options(LIMIT as u64));
    let mut alice = server.alice().connect().unwrap();
    total += used(&mut alice, "k", LIMIT);
    assert!(total <= LIMIT, "{total} uses of {LIMIT}");
    assert!(total > LIMIT / 2, "a restart costs a block of it, not the key: {total}");
    // A lower limit also applies to earlier uses, and with a higher limit the remaining uses are available again.
    server.stop();
    for (limit, least, most) in [(20, 0, 0), (300, 50, 100)] {
        let server = Server::start_at(Arc::clone(&place), &options(limit));
        let left = used(&mut server.alice().connect().unwrap(), "k", 500);
        assert!((least..=most).contains(&left), "{left} at {limit}");
        server.stop();
    }
}

#[test]
fn a_lower_limit_finds_no_more_credited_than_a_block_for_each_run() {
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    let mut alice = server.alice().connect().unwrap();
    make(&mut alice, "k");
    assert_eq!(used(&mut alice, "k", 10), 10);
    let log = server.log();
    server.stop();
    assert!(!log.contains("gcm-limit"), "{log}");
    let server = Server::start_at(Arc::clone(&place), &options(10_000));
    assert_eq!(used(&mut server.alice().connect().unwrap(), "k", 20), 20);
    assert!(!server.log().contains("gcm-limit"));
    server.stop();
    // The server warns if the runs have almost used the limit.
    let server = Server::start_at(Arc::clone(&place), &options(5_000));
    assert!(server.log().lines().any(|line| line.contains("WARN") && line.contains("--gcm-limit")));
}

#[test]
fn the_hot_path_does_not_write() {
    let place = Arc::new(Place::new());
    let arguments = vec!["--probe-address=127.0.0.1:0".to_owned()];
    let server = Server::start_at(place, &Options { arguments, ..Options::default() });
    let probe = server.probe();
    let mut alice = server.alice().connect().unwrap();
    let keys: Vec<String> = (0..20).map(|_| alice.aes()).collect();
    let before = Figures::read(&probe).get("claviger_store_writes_total", &[]);
    for key in keys.iter().cycle().take(400) {
        alice.seal(key, b"x");
    }
    let written = Figures::read(&probe).get("claviger_store_writes_total", &[]) - before;
    assert!(written < 20.0, "400 uses of 20 keys made {written} writes");
}

fn intrude(place: &Place, statement: &str) {
    let database = Database::open(place.database()).unwrap();
    assert!(database.execute(statement, []).unwrap() > 0, "{statement}");
}

fn findings(place: &Place) -> String {
    let (status, out, err) = run(place.command(&Options::default()).arg("--check-store"));
    assert!(!status.success(), "{out}{err}");
    out + &err
}

#[test]
fn a_count_that_somebody_lowered_is_refused() {
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &options(1000));
    let mut alice = server.alice().connect().unwrap();
    for id in ["lowered", "later", "removed", "exchanged", "other"] {
        make(&mut alice, id);
        assert_eq!(used(&mut alice, id, 30), 30);
    }
    server.stop();
    for statement in [
        "UPDATE gcm_use SET counted = 0 WHERE object = 'lowered'",
        "UPDATE gcm_use SET since = since + 1 WHERE object = 'later'",
        "DELETE FROM gcm_use WHERE object = 'removed'",
        "UPDATE gcm_use SET (counted, since, binding) = (SELECT counted, since, binding FROM gcm_use \
         WHERE object = 'other') WHERE object = 'exchanged'",
    ] {
        intrude(&place, statement);
    }
    let found = findings(&place);
    for id in ["lowered", "later", "removed", "exchanged"] {
        assert!(found.lines().any(|line| line.contains(id) && line.contains("AES-GCM")), "{id}: {found}");
    }
    assert!(!found.lines().any(|line| line.starts_with("other:")), "{found}");
    let server = Server::start_at(Arc::clone(&place), &options(1000));
    let mut alice = server.alice().connect().unwrap();
    for id in ["lowered", "later", "removed", "exchanged"] {
        alice.refused(&encrypt(id, b"x"), 500, "Internal_Server_Error");
        assert!(server.log().lines().any(|line| line.contains("ROW REFUSED") && line.contains(id)), "{id}");
        alice.ok(&named("GetAttributes", id));
    }
    assert_eq!(used(&mut alice, "other", 5), 5);
    let (place, _) = server.stop();
    // The credit of all starts is one row, and without it no use is permitted.
    for statement in ["UPDATE gcm_credit SET credit = 0", "DELETE FROM gcm_credit"] {
        intrude(&place, statement);
        let told = Server::try_start_at(Arc::clone(&place), &options(1000)).err().unwrap();
        assert!(told.contains("gcm_credit") && told.contains("backup"), "{told}");
        assert!(findings(&place).contains("gcm_credit"));
    }
}

#[test]
fn counting_does_not_begin_again() {
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &options(50));
    make(&mut server.alice().connect().unwrap(), "key");
    server.stop();
    // All rows of counts are removed, and the schema may be that of a version without counts.
    let gone = "DELETE FROM gcm_use; DELETE FROM gcm_credit;";
    for (statements, expected) in [(gone.to_owned(), "gcm_credit"), (TURNED_BACK.to_owned(), "--audit-accept-loss")] {
        let kept = std::fs::read(place.database()).unwrap();
        Database::open(place.database()).unwrap().execute_batch(&statements).unwrap();
        let told = Server::try_start_at(Arc::clone(&place), &options(50)).err().unwrap();
        assert!(told.contains(expected), "{told}");
        let (status, out, err) = run(place.command(&options(50)).arg("--check-store"));
        assert!(!status.success(), "{out}{err}");
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(place.database().with_extension(format!("db{suffix}")));
        }
        std::fs::write(place.database(), kept).unwrap();
    }
    let server = Server::start_at(Arc::clone(&place), &options(50));
    assert!(used(&mut server.alice().connect().unwrap(), "key", 100) <= 50);
}

#[test]
fn keys_from_before_it_was_counted_are_counted_from_now_on() {
    if let Some(directory) = again::child() {
        return root_keys_are_recognised::take_back(&directory);
    }
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &options(50));
    let mut alice = server.alice().connect().unwrap();
    make(&mut alice, "old");
    server.stop();
    take_back(&place);
    let test = "keys_from_before_it_was_counted_are_counted_from_now_on";
    again::again(module_path!(), test, &place.token, place.directory.path());
    let server = Server::start_at(Arc::clone(&place), &options(50));
    assert!(server.log().contains("counted from now on"));
    let mut alice = server.alice().connect().unwrap();
    make(&mut alice, "new");
    for id in ["old", "new"] {
        assert_eq!(used(&mut alice, id, 100), 50);
    }
}

#[test]
fn limits_that_are_none() {
    let place = Place::new();
    let check = |more: &[&str]| {
        let (status, out, err) = run(place.command(&Options::default()).arg("--check-config").args(more));
        (status.success(), out + &err)
    };
    for limit in ["1", "4294967296"] {
        let (good, told) = check(&["--gcm-limit", limit]);
        assert!(good, "{told}");
    }
    let file = place.path("limit.toml");
    let in_file = |limit: &str| {
        std::fs::write(&file, format!("gcm-limit = {limit}\n")).unwrap();
        check(&["--config", file.to_str().unwrap()])
    };
    for limit in ["0", "4294967297", "-1", "many"] {
        for (good, told) in [check(&[&format!("--gcm-limit={limit}")]), in_file(limit)] {
            assert!(!good && (told.contains("gcm-limit") || told.contains("limit.toml")), "{told}");
        }
    }
    let (good, told) = in_file("3");
    assert!(good, "{told}");
}
