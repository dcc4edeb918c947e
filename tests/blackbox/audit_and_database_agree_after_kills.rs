//! After the server is killed at any moment, every acknowledged create has its line, every line of a create has its row
//! or is void, and the chain continues.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::cli::UNSIGNED;
use crate::harness::decisions::seq;
use crate::harness::kmip::{PATH, all, create, encrypt, named, register, revoke, string};
use crate::harness::message::message;
use crate::harness::server::Place;
use crate::harness::{Client, Options, Server, eventually};

const ROUNDS: usize = 20;
const CREATES: usize = 800;
const CLIENTS: usize = 4;

/// Makes keys and uses them until the server has ended. With `several`, it makes some in one message, and revokes and
/// destroys them in two others.
fn work(client: &Client, several: bool, told: &Mutex<Vec<String>>) {
    let Ok(mut connection) = client.connect() else { return };
    let mut ask = |request: &serde_json::Value| {
        let headers = [("Content-Type", "application/json")];
        let answer = connection.try_request("POST", PATH, &headers, request.to_string().as_bytes()).ok()?;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        Some(answer.json())
    };
    loop {
        let one = || create("AES", 256, &[]);
        // A secret of this length is an object of the token: it is committed with those before it.
        let placed = || register("HMACSHA256", &[7; 33], &[]);
        let request = if several { message(&[], &[one(), one(), placed(), one(), one(), one()]) } else { one() };
        let Some(made) = ask(&request) else { return };
        let items = if several { all(&made, "BatchItem") } else { vec![&made["value"]] };
        let ids: Vec<String> =
            items.into_iter().map(|fields| string(&json!({"value": fields}), "UniqueIdentifier")).collect();
        assert_eq!(ids.len(), if several { 6 } else { 1 });
        told.lock().unwrap().extend(ids.iter().cloned());
        if (0..3).any(|_| ask(&encrypt(&ids[0], b"x")).is_none()) {
            return;
        }
        if several {
            let revocations: Vec<_> = ids.iter().map(|id| revoke(id, "Superseded")).collect();
            let destructions: Vec<_> = ids.iter().map(|id| named("Destroy", id)).collect();
            if ask(&message(&[], &revocations)).is_none() || ask(&message(&[], &destructions)).is_none() {
                return;
            }
        }
    }
}

/// Kills the server a few random milliseconds after this many keys exist.
fn round(server: Server, told: &Mutex<Vec<String>>, until: usize) -> Arc<Place> {
    let client = server.alice();
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = &client;
            scope.spawn(move || work(client, number % 2 == 0, told));
        }
        eventually("there are so many keys", || (told.lock().unwrap().len() >= until).then_some(()));
        let mut random = [0];
        openssl::rand::rand_bytes(&mut random).unwrap();
        let moment = Duration::from_micros(u64::from(random[0]) * 40);
        let began = Instant::now();
        while began.elapsed() < moment {
            thread::yield_now();
        }
        server.kill()
    })
}

/// The checks after each round.
fn check(place: &Place, told: &[String], rounds: usize) {
    let (status, said) = place.verify(None, &place.audit_files());
    assert!([0, UNSIGNED].contains(&status), "{said}");
    let lines = place.audit_lines();
    for (line, expected) in lines.iter().zip(1..) {
        assert_eq!(seq(line), expected, "{line}");
    }
    let of_creates = lines.iter().filter(|line| line["version"] == 1 && line["outcome"] == "success");
    let created: HashSet<&str> = of_creates.map(|line| line["object"].as_str().unwrap()).collect();
    let missing: Vec<_> = told.iter().filter(|id| !created.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "acknowledged, and not in the log: {missing:?}");
    let resumed: Vec<_> = lines.iter().filter(|line| line["event"] == "resumed").collect();
    assert_eq!(resumed.len(), rounds);
    assert!(resumed.iter().all(|line| line["detail"].as_str().unwrap().contains("may be missing")), "{resumed:?}");
}

#[test]
fn in_twenty_rounds_of_creates_and_kills() {
    let mut server = Server::start();
    server.keep_audit_key();
    let told = Mutex::new(Vec::new());
    for number in 1..=ROUNDS {
        let place = round(server, &told, CREATES / ROUNDS * number);
        server = Server::start_at(place, &Options::default());
        check(&server.place, &told.lock().unwrap(), number);
    }
    let place = server.stop().0;
    let (status, said) = place.verify(None, &place.audit_files());
    assert_eq!(status, 0, "{said}");
    // Conversely, there is no line of a change that did not happen, and no row without its line.
    let (is_clean, said) = place.check_store(&Options::default());
    assert!(is_clean, "{said}");
    eprintln!("{} keys in {ROUNDS} rounds: {said}", told.into_inner().unwrap().len());
}
