//! Concurrent changes of one object are made one after the other. Only a real conflict is answered with 409.

use std::thread;

use serde_json::json;

use crate::harness::caller::{Caller, change};
use crate::harness::hanzo;
use crate::harness::kmip::{date, named};
use crate::harness::{Options, Server, SigningKey};

const WRITERS: usize = 16;

/// Returns the answer to each writer, by its number, in each of `turns` turns.
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
    // Values of one secret: each is written, and each has its own number.
    let path = "/secrets/default/variable/shared";
    let write = |alice: &mut Caller, writer: usize, turn: usize| {
        let value = format!("{writer}/{turn}");
        alice.connection.try_request("POST", path, &[], value.as_bytes()).unwrap().status
    };
    assert_eq!(together(&server, 15, write), [201; WRITERS * 15]);
    for number in [240, 221] {
        assert_eq!(alice.send("GET", &format!("{path}?version={number}"), None).status, 200, "{number}");
    }
    assert_eq!(alice.send("GET", &format!("{path}?version=241"), None).status, 404);

    // Grants of one key: all exist.
    alice.key("granted", &[]);
    let grant = |alice: &mut Caller, writer: usize, turn: usize| {
        alice.post("/access/grant", &change("granted", &format!("user{writer}-{turn}"), &["encrypt"])).status
    };
    assert_eq!(together(&server, 2, grant), [200; WRITERS * 2]);
    assert_eq!(alice.get("/access/list/granted").as_array().unwrap().len(), WRITERS * 2);

    // A change that only one caller can make is a real conflict for the others.
    alice.key("later", &[date("ActivationDate", "2999-01-01T00:00:00Z")]);
    let mut answers = together(&server, 1, |alice, _, _| alice.kmip(&named("Activate", "later")).status);
    answers.sort_unstable();
    assert_eq!(answers[0], 200);
    assert_eq!(answers[1..], [409; WRITERS - 1]);
}

#[test]
fn of_definitions() {
    let server =
        Server::start_with(&Options { arguments: vec!["--administrators=alice".to_owned()], ..Options::default() });
    let mut alice = Caller::certificate(&server, "alice");
    alice.define("policies", "all", &json!({"policy_type": "allow", "operations": ["*"], "resources": ["*"]}));
    alice.define("roles", "full", &json!({"capabilities": ["*"], "policies": ["all"]}));
    assert_eq!(alice.define("projects", "p", &json!({})).status, 200);
    for writer in 0..WRITERS {
        assert_eq!(alice.define("identities", &format!("i{writer}"), &json!({"name": "app"})).status, 200);
    }
    let join = |alice: &mut Caller, writer: usize, _: usize| {
        let path = format!("/api/v2/workspace/p/identity-memberships/i{writer}");
        alice.post(&path, &json!({"role": "full"})).status
    };
    assert_eq!(together(&server, 3, join), [200; WRITERS * 3]);
    let projects = alice.get("/access/definitions/projects");
    assert_eq!(projects[0]["definition"]["members"].as_object().unwrap().len(), WRITERS);
    assert_eq!(projects[0]["version"], 1 + WRITERS * 3);
}

#[test]
fn of_access_tokens() {
    let (server, key) = (hanzo::server(), SigningKey::rsa("one"));
    let id = hanzo::known(&server, &key, &json!({}));
    let token = hanzo::login(&server, &id, &hanzo::jwt(&key, &json!({})));
    let renew =
        |alice: &mut Caller, _: usize, _: usize| alice.post(hanzo::RENEW, &json!({"accessToken": token})).status;
    assert_eq!(together(&server, 5, renew), [200; WRITERS * 5]);
    let revoke =
        |alice: &mut Caller, _: usize, _: usize| alice.post(hanzo::REVOKE, &json!({"accessToken": token})).status;
    let mut answers = together(&server, 1, revoke);
    answers.sort_unstable();
    assert_eq!((answers[0], &answers[1..]), (200, &[401; WRITERS - 1][..]));
}
