//! Measures Encrypt on SoftHSM and on Kryoptic, in turn: the server's CPU time for a request, and the time that clients
//! wait.

use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::harness::usage::cpu;
use crate::harness::{Connection, Hsm, Server, kmip};

const ROUNDS: usize = 3;

const CONNECTIONS: usize = 16;

const REQUESTS: usize = 10_000;

/// Measures both in child processes, whose environment names the HSM token.
pub fn measure() {
    println!("{:<12} {:>12} {:>12} {:>12} {:>12}", "", "CPU us/req", "req/s", "p50 ms", "p99 ms");
    for _ in 0..ROUNDS {
        for token in ["softhsm", "kryoptic"] {
            let mut child = Command::new(std::env::current_exe().unwrap());
            assert!(child.arg("token").env("TEST_TOKEN", token).status().unwrap().success());
        }
    }
}

/// Measures the HSM token that the environment names.
pub fn encrypt() {
    let server = Server::start();
    let alice = server.alice();
    let id = alice.connect().unwrap().aes();
    let body = kmip::encrypt(&id, &[7; 32]);
    let mut open: Vec<Connection> = (0..CONNECTIONS).map(|_| alice.connect().unwrap()).collect();
    for connection in &mut open {
        assert_eq!(connection.kmip(&body).status, 200);
    }
    let waited = Mutex::new(Vec::with_capacity(REQUESTS));
    let (before, began) = (cpu(server.pid()), Instant::now());
    std::thread::scope(|scope| {
        for mut connection in open {
            let (waited, body) = (&waited, &body);
            scope.spawn(move || {
                let one = |_| {
                    let began = Instant::now();
                    assert_eq!(connection.kmip(body).status, 200);
                    began.elapsed()
                };
                let own: Vec<Duration> = (0..REQUESTS / CONNECTIONS).map(one).collect();
                waited.lock().unwrap().extend(own);
            });
        }
    });
    let (took, used) = (began.elapsed(), cpu(server.pid()) - before);
    let mut waited = waited.into_inner().unwrap();
    waited.sort();
    let count = waited.len();
    let milliseconds = |part: usize| waited[(count - 1) * part / 100].as_secs_f64() * 1e3;
    println!(
        "{:<12} {:>12.1} {:>12.0} {:>12.2} {:>12.2}",
        format!("{:?}", Hsm::chosen()),
        used.as_secs_f64() * 1e6 / count as f64,
        count as f64 / took.as_secs_f64(),
        milliseconds(50),
        milliseconds(99)
    );
}
