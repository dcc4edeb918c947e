//! What an operation costs does not grow with the number of objects: the same requests at a server that holds few and at one
//! that holds many, in turn, so that a busy machine slows both down.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::batches::message;
use crate::harness::caller::{Caller, change};
use crate::harness::kmip::{create, enumeration, find, integer, locate, name, named, revoke, tags};
use crate::harness::{Options, Server};

/// Objects of alice at the two servers.
const FEW: usize = 1_000;
const MANY: usize = 8_000;

/// Creates in one message, and connections that send such messages.
const BATCH: usize = 64;
const CONNECTIONS: usize = 8;

/// Measurements of one kind.
const SAMPLES: usize = 31;

fn server() -> Server {
    Server::start_with(&Options { environment: vec![("KMS_LOG".to_owned(), "warn".to_owned())], ..Options::default() })
}

/// Adds so many objects with names and tags: each stands in a search table under 40 texts.
fn fill(server: &Server, count: usize) {
    let texts: Vec<String> = (0..32).map(|number| format!("t{number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut attributes: Vec<Value> = (0..8).map(|number| name(&format!("n{number}"))).collect();
    attributes.push(tags(&texts));
    let request = create("AES", 256, &attributes);
    let batches = count.div_ceil(BATCH);
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let request = &request;
            scope.spawn(move || {
                let mut alice = server.alice().connect().unwrap();
                for batch in (connection..batches).step_by(CONNECTIONS) {
                    let size = BATCH.min(count - batch * BATCH);
                    let answer = alice.kmip(&message(&[], &vec![request.clone(); size])).json();
                    assert!(!answer.to_string().contains("OperationFailed"), "{answer}");
                }
            });
        }
    });
}

/// What the quickest of three takes: of what changes nothing.
fn best(mut run: impl FnMut()) -> Duration {
    (0..3).map(|_| took(&mut run)).min().unwrap()
}

fn took(run: impl FnOnce()) -> Duration {
    let began = Instant::now();
    run();
    began.elapsed()
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples[samples.len() / 2]
}

/// The medians of what a request takes at both servers, asked in turn.
fn compared(servers: [&Server; 2], name: &str, mut run: impl FnMut(&mut Caller, usize) -> Duration) -> [Duration; 2] {
    let mut callers = servers.map(|server| Caller::certificate(server, name));
    let mut samples = [Vec::new(), Vec::new()];
    for turn in 0..SAMPLES {
        for (caller, samples) in callers.iter_mut().zip(&mut samples) {
            samples.push(run(caller, turn));
        }
    }
    samples.map(median)
}

fn check(what: &str, [few, many]: [Duration; 2], bound: f64) {
    eprintln!("{what}: {few:?} with few, {many:?} with many, {:.2} times", many.as_secs_f64() / few.as_secs_f64());
    // A request of two milliseconds may well take one more on a busy machine.
    let bound = few.mul_f64(bound) + Duration::from_millis(1);
    assert!(many <= bound, "{what}: {many:?} with many, {few:?} with few");
}

#[test]
fn with_the_number_of_objects() {
    let (few, many) = (server(), server());
    fill(&few, FEW);
    fill(&many, MANY);
    let servers = [&few, &many];
    let everything = locate(&[], &[]);
    // Of what one has nothing.
    let nothing = compared(servers, "bob", |bob, _| {
        best(|| assert_eq!(find(&bob.ok(&everything), "LocatedItems"), Some(&json!(0))))
    });
    check("another caller's Locate", nothing, 2.0);
    assert!(nothing[1] < Duration::from_millis(5), "another caller's Locate takes {:?}", nothing[1]);
    // Pages of one's own, as they come and of what only few objects are.
    for server in servers {
        Caller::certificate(server, "alice").key("rare", &[name("rare"), tags(&["rare"])]);
    }
    for (what, criteria) in [
        ("the first page", vec![]),
        ("a page of a tag", vec![tags(&["t1"])]),
        ("a name", vec![name("rare")]),
        ("a name and tags", vec![tags(&["t1"]), name("rare")]),
        ("nothing of a state", vec![name("rare"), enumeration("State", "PreActive")]),
    ] {
        let request = locate(&criteria, &[integer("MaximumItems", 20)]);
        check(what, compared(servers, "alice", |alice, _| best(|| drop(alice.ok(&request)))), 1.5);
    }
    changes(servers);
}

/// What changes one object.
fn changes(servers: [&Server; 2]) {
    let id = |turn: usize| format!("k{turn}");
    let granted = compared(servers, "alice", |alice, turn| {
        alice.key(&id(turn), &[]);
        took(|| drop(alice.done("/access/grant", &change(&id(turn), "bob", &["encrypt"]))))
    });
    check("a grant", granted, 1.5);
    let revoked = compared(servers, "alice", |alice, turn| took(|| drop(alice.ok(&revoke(&id(turn), "Superseded")))));
    check("Revoke", revoked, 1.5);
    let destroyed = compared(servers, "alice", |alice, turn| took(|| drop(alice.ok(&named("Destroy", &id(turn))))));
    check("Destroy", destroyed, 1.5);
    let written = compared(servers, "alice", |alice, turn| {
        let path = format!("/secrets/acme/variable/{turn}");
        let mut write = || assert_eq!(alice.connection.try_request("POST", &path, &[], b"value").unwrap().status, 201);
        write();
        took(write)
    });
    check("the second value of a secret", written, 1.5);
}
