//! Changes of one object that come together are made one after the other: a conflict is answered only for a real one.

use std::thread;

use crate::harness::Server;
use crate::harness::caller::{Caller, change};
use crate::harness::kmip::{date, named};

const WRITERS: usize = 16;

/// What each of the writers is answered, by their number, in each of so many turns.
fn together<T: Send>(server: &Server, turns: usize, ask: impl Fn(&mut Caller, usize, usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let ask = &ask;
                scope.spawn(move || {
                    let mut alice = Caller::certificate(server, "alice");
                    (0..turns).map(|turn| ask(&mut alice, writer, turn)).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    })
}

#[test]
fn of_objects() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    // Values of one secret: each is written, and each has a number of its own.
    let path = "/secrets/acme/variable/shared";
    let write = |alice: &mut Caller, writer: usize, turn: usize| {
        let value = format!("{writer}/{turn}");
        alice.connection.try_request("POST", path, &[], value.as_bytes()).unwrap().status
    };
    assert_eq!(together(&server, 15, write), [201; WRITERS * 15]);
    for number in [240, 221] {
        assert_eq!(alice.send("GET", &format!("{path}?version={number}"), None).status, 200, "{number}");
    }
    assert_eq!(alice.send("GET", &format!("{path}?version=241"), None).status, 404);

    // Grants of one key: all are there.
    alice.key("granted", &[]);
    let grant = |alice: &mut Caller, writer: usize, turn: usize| {
        alice.post("/access/grant", &change("granted", &format!("user{writer}-{turn}"), &["encrypt"])).status
    };
    assert_eq!(together(&server, 2, grant), [200; WRITERS * 2]);
    assert_eq!(alice.get("/access/list/granted").as_array().unwrap().len(), WRITERS * 2);

    // What only one can do is a real conflict for the others.
    alice.key("later", &[date("ActivationDate", "2999-01-01T00:00:00Z")]);
    let mut answers = together(&server, 1, |alice, _, _| alice.kmip(&named("Activate", "later")).status);
    answers.sort_unstable();
    assert_eq!(answers[0], 200);
    assert_eq!(answers[1..], [409; WRITERS - 1]);
}
