//! Durability: after the server is killed at any moment, every acknowledged key exists and decrypts its ciphertexts.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::kmip::{PATH, Sealed, create, encrypt, named, octets, revoke, string};
use crate::harness::{Client, Options, ROOT_OBJECTS, Server, eventually};

const ROUNDS: usize = 20;
const CREATES: usize = 1_000;
const CLIENTS: usize = 4;
const MESSAGE: &[u8] = b"written before the power went";

/// The answers that clients got.
#[derive(Default)]
struct ResourceEntry {
    keys: Vec<(String, Option<Sealed>)>,
    destroyed: Vec<String>,
}

/// Makes keys, uses them, and destroys some, until the server has ended.
fn work(client: &Client, told: &Mutex<ResourceEntry>) {
    let Ok(mut connection) = client.connect() else { return };
    let headers = [("Content-Type", "application/json")];
    let mut ask = |request: &serde_json::Value| {
        let answer = connection.try_request("POST", PATH, &headers, request.to_string().as_bytes()).ok()?;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        Some(answer.json())
    };
    for number in 0.. {
        let Some(made) = ask(&create("AES", 256, &[])) else { return };
        let id = string(&made, "UniqueIdentifier");
        let place = {
            let mut told = told.lock().unwrap();
            told.keys.push((id.clone(), None));
            told.keys.len() - 1
        };
        let Some(answer) = ask(&encrypt(&id, MESSAGE)) else { return };
        let sealed = Sealed::of(&id, &answer);
        told.lock().unwrap().keys[place].1 = Some(sealed);
        if number % 10 == 9 {
            let Some(made) = ask(&create("AES", 128, &[])) else { return };
            let gone = string(&made, "UniqueIdentifier");
            if ask(&revoke(&gone, "Superseded")).is_none() || ask(&named("Destroy", &gone)).is_none() {
                return;
            }
            told.lock().unwrap().destroyed.push(gone);
        }
    }
}

/// Kills the server a few random milliseconds after this many keys exist.
fn round(server: Server, told: &Mutex<ResourceEntry>, until: usize) -> std::sync::Arc<crate::harness::server::Place> {
    let client = server.alice();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| work(&client, told));
        }
        eventually("there are so many keys", || (told.lock().unwrap().keys.len() >= until).then_some(()));
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

fn check(server: &Server, told: &ResourceEntry) {
    let mut alice = server.alice().connect().unwrap();
    // On a busy machine, PostgreSQL may be silent for more than a second.
    let mut served =
        |request: Value| eventually("it serves", || Some(alice.kmip(&request)).filter(|answer| answer.status != 503));
    for (id, sealed) in &told.keys {
        let request = sealed.as_ref().map_or_else(|| encrypt(id, b"x"), Sealed::decrypt);
        let answer = served(request);
        assert_eq!(answer.status, 200, "{id}: {}", answer.detail());
        let data = octets(&answer.json(), "Data");
        assert!(if sealed.is_some() { data == MESSAGE } else { data.len() == 1 }, "{id}");
    }
    for id in &told.destroyed {
        let answer = served(encrypt(id, b"x"));
        assert_eq!((answer.status, &answer.json()["result_reason"]), (409, &json!("Object_Destroyed")), "{id}");
    }
}

#[test]
fn in_twenty_rounds_of_creates_and_kills() {
    kill_in_rounds(&Options::default(), ROUNDS, CREATES);
}

/// Kills a server with these options in each round, until there are so many keys.
pub fn kill_in_rounds(options: &Options, rounds: usize, creates: usize) {
    let mut server = Server::start_with(options);
    let told = Mutex::new(ResourceEntry::default());
    for number in 1..=rounds {
        let place = round(server, &told, creates / rounds * number);
        server = Server::start_at(place, options);
        check(&server, &told.lock().unwrap());
    }
    let told = told.into_inner().unwrap();
    assert!(told.keys.len() >= creates);
    eprintln!("{} keys and {} destroyed ones in {rounds} rounds", told.keys.len(), told.destroyed.len());
    // There is no key that was not acknowledged, except those of requests that the kills interrupted.
    let mut alice = server.alice().connect().unwrap();
    let excess = alice.count().checked_sub(told.keys.len());
    assert!(excess.is_some_and(|excess| excess <= CLIENTS * rounds), "{excess:?}");
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS);
    assert!(!server.log().contains("panicked") && !server.log().contains("ROW REFUSED"));
}
