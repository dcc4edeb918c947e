//! After many connections and large bodies the server uses about as much memory as before.

use std::sync::Barrier;
use std::thread;

use crate::harness::kmip::{encrypt, octets};
use crate::harness::{Connection, Leaf, Options, Server, eventually};

/// The most additional memory, in MiB.
const BOUND: usize = 64;

/// The connections of each of this many callers.
const CONNECTIONS: usize = 250;
const CALLERS: usize = 8;

fn resident(server: &Server) -> usize {
    server.resident() >> 20
}

fn is_given_back(server: &Server, what: &str, idle: usize) {
    let most = server.peak() >> 20;
    assert!(most > idle + BOUND, "{what}: {most} MiB at most");
    let mut least = most;
    eventually("memory is given back", || {
        least = least.min(resident(server));
        (least < idle + BOUND).then_some(())
    });
    eprintln!("{what}: {most} MiB, then {least} MiB; idle {idle} MiB");
}

#[test]
fn after_connections_and_large_bodies() {
    let environment = vec![("KMS_LOG".to_owned(), "warn".to_owned())];
    let server = Server::start_with(&Options { environment, ..Options::default() });
    let id = server.alice().connect().unwrap().aes();
    let idle = resident(&server);
    let all = Barrier::new(CALLERS);
    thread::scope(|scope| {
        for number in 0..CALLERS {
            let all = &all;
            let client = server.client(&server.place.authority.issue(&Leaf::client(&format!("caller-{number}"))));
            scope.spawn(move || {
                let mut open: Vec<Connection> = (0..CONNECTIONS).map(|_| client.connect().unwrap()).collect();
                let answered = open.iter_mut().all(|connection| connection.get("/whoami").status == 200);
                // They are open at the same time.
                all.wait();
                assert!(answered);
            });
        }
    });
    is_given_back(&server, "connections", idle);
    server.reset_peak();
    let data = vec![7; 3 << 20];
    // Until this many were open at one time.
    eventually("bodies at the same time", || {
        thread::scope(|scope| {
            for _ in 0..4 {
                let (server, id, data) = (&server, &id, &data);
                scope.spawn(move || {
                    let mut alice = server.alice().connect().unwrap();
                    for _ in 0..3 {
                        assert_eq!(octets(&alice.ok(&encrypt(id, data)), "Data").len(), data.len());
                    }
                });
            }
        });
        (server.peak() >> 20 > idle + BOUND).then_some(())
    });
    is_given_back(&server, "bodies", idle);
}
