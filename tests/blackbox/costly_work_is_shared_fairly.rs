//! What costs much, RSA pairs and long searches, has places for few requests: one caller gets at most half of them, and the
//! others wait for their turn instead of being refused.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::batches::message;
use crate::harness::kmip::{create, integer, locate, text};
use crate::harness::pairs::pair_of;
use crate::harness::{Answer, Client, Leaf, Options, Server, eventually, kmip};

fn client(server: &Server, name: &str) -> Client {
    server.client(&server.place.authority.issue(&Leaf::client(name)))
}

/// Sends the request on `connections` connections until `own` returns. Returns the answers.
fn beside(client: &Client, connections: usize, request: &Value, own: impl FnOnce(&Mutex<Vec<Answer>>)) -> Vec<Answer> {
    let (answers, is_over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut connection = client.connect().unwrap();
                while !is_over.load(Ordering::SeqCst) {
                    let answer = connection.kmip(request);
                    answers.lock().unwrap().push(answer);
                }
            });
        }
        own(&answers);
        is_over.store(true, Ordering::SeqCst);
    });
    answers.into_inner().unwrap()
}

/// Checks that the attacker was refused for the attacker's share only, and that the log says it in few lines.
fn refused_for_the_share(server: &Server, answers: &[Answer], what: &str) {
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(!refused.is_empty());
    for answer in refused {
        assert_eq!(answer.status, 429, "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.detail().contains("of this caller"), "{answer:?}");
    }
    let log = server.log();
    assert!(!log.contains("the HSM is not available"), "{log}");
    let lines = log.lines().filter(|line| line.contains("too many of them at one time") && line.contains(what)).count();
    assert!((1..answers.len()).contains(&lines), "{lines}");
}

#[test]
fn rsa_pairs_are_made_for_all_in_turn() {
    let server = Server::start_with(&Options::default());
    let [mallory, alice] = ["mallory", "alice"].map(|name| client(&server, name));
    let answers = beside(&mallory, 8, &pair_of("RSA", 2048, &[], &[]), |answers| {
        eventually("a refusal", || answers.lock().unwrap().iter().any(|answer| answer.status == 429).then_some(()));
        let mut alice = alice.connect().unwrap();
        for _ in 0..3 {
            let answer = alice.kmip(&pair_of("RSA", 2048, &[], &[]));
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    });
    refused_for_the_share(&server, &answers, "RSA key pairs");
}

#[test]
fn long_searches_run_for_all_in_turn() {
    let server = Server::start_with(&Options::default());
    let [mallory, alice] = ["mallory", "alice"].map(|name| client(&server, name));
    for client in [&mallory, &alice] {
        let mut connection = client.connect().unwrap();
        for _ in 0..3 {
            assert_eq!(connection.kmip(&message(&[], &vec![create("AES", 256, &[]); 64])).status, 200);
        }
    }
    let search = locate(&[text("Description", "none")], &[integer("MaximumItems", 50)]);
    let answers = beside(&mallory, 10, &search, |answers| {
        eventually("a refusal", || answers.lock().unwrap().iter().any(|answer| answer.status == 429).then_some(()));
        let mut alice = alice.connect().unwrap();
        for _ in 0..5 {
            let answer = alice.kmip(&search);
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(kmip::all(&answer.json(), "UniqueIdentifier").is_empty());
        }
    });
    refused_for_the_share(&server, &answers, "long searches");
}
