//! Measurements of the server, as ratios within one run. `scripts/bench` runs and lists them. Without an argument it
//! measures CPU time per request, against a bare warp server behind the same TLS, and against the HSM token itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports,
    reason = "a program for developers, on the harness of the tests"
)]

#[path = "../blackbox/harness/mod.rs"]
mod harness;

mod audit;
mod backups;
mod bare;
mod compare;
mod decisions;
mod desk;
mod gate;
mod mixed;
mod moving;
mod objects;
mod raw;
mod secrets;
mod servers;
mod slow;
mod socket;
mod tokens;
mod writes;

use std::time::{Duration, Instant};

use harness::usage::cpu;
use harness::{Client, Connection, Options, Server};
use serde_json::Value;

/// The number of requests of one measurement.
const REQUESTS: usize = 20_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("bare") => bare::serve(&arguments.next().unwrap()),
        Some("raw") => raw::measure(&arguments.next().unwrap()),
        Some("compare") => {
            let base = arguments.next().expect("the program to compare with");
            let rounds = arguments.next().map_or(11, |rounds| rounds.parse().unwrap());
            compare::measure(base.as_ref(), rounds, &arguments.next().unwrap_or_default());
        }
        Some("load") => {
            let program = arguments.next().expect("the program to load");
            let (work, connections) = (arguments.next().unwrap(), arguments.next().unwrap().parse().unwrap());
            let seconds = arguments.next().unwrap().parse().unwrap();
            match &*work {
                "socket" => socket::drive(program.as_ref(), connections, seconds),
                _ => compare::load(program.as_ref(), &work, connections, seconds),
            }
        }
        Some("tokens") => tokens::measure(),
        Some("token") => tokens::encrypt(),
        Some("servers") => servers::measure(),
        Some("slow") => slow::measure(),
        Some("desk") => desk::measure(),
        Some("kmip") => socket::measure(arguments.next().map_or(180, |seconds| seconds.parse().unwrap())),
        Some("gate") => gate::measure(),
        Some("mixed") => mixed::measure(arguments.next().map_or(10, |minutes| minutes.parse().unwrap())),
        Some("objects") => objects::measure(arguments.next().map_or(50_000, |count| count.parse().unwrap())),
        Some("move") => moving::measure(arguments.next().map_or(100_000, |count| count.parse().unwrap())),
        Some("secrets") => secrets::measure(arguments.next().map_or(10_000, |count| count.parse().unwrap())),
        Some("writes") => {
            let directory = arguments.next().unwrap();
            writes::measure(directory.as_ref(), arguments.next().map_or(20_000, |count| count.parse().unwrap()));
        }
        Some("decisions") => {
            decisions::uses();
            decisions::commits(arguments.next().unwrap().as_ref());
        }
        Some("audit") => {
            let lines = arguments.next().unwrap().parse().unwrap();
            audit::measure(lines, arguments.next().unwrap().as_ref());
        }
        _ => measure(),
    }
}

fn measure() {
    let server = Server::start_with(&Options {
        environment: vec![("KMS_LOG".to_owned(), "info".to_owned())],
        ..Options::default()
    });
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let body = harness::kmip::encrypt(&id, &[7; 32]);
    println!("{:<42} {:>12} {:>12}", "", "CPU us/req", "req/s");
    let bare = bare::Bare::start(&server.place);
    let client = Client::tls(bare.address, &server.place.authority.certificate, Some(&server.place.alice));
    for connections in [1, 16] {
        let floor = load(&client, bare.pid(), connections, &body);
        report(&format!("bare warp, mTLS, {connections} conn."), &floor);
        let encrypt = load(&server.alice(), server.pid(), connections, &body);
        report(&format!("Encrypt 32 B, mTLS, {connections} conn."), &encrypt);
        println!("  ratio to bare warp: {:.2}", encrypt.cpu / floor.cpu);
        let token = raw::run(&server.place);
        println!("  beyond bare warp: {:.1} us, of which the HSM token {token:.1} us", encrypt.cpu - floor.cpu);
    }
    let creates = harness::kmip::create("AES", 256, &[]);
    let create = load_n(&server.alice(), server.pid(), 16, &creates, 2_000);
    report("Create AES-256, durable, 16 conn.", &create);
    drop(server);
    gate::measure();
}

/// The median of values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Figures {
    cpu: f64,
    rate: f64,
}

fn report(name: &str, figures: &Figures) {
    println!("{name:<42} {:>12.1} {:>12.0}", figures.cpu, figures.rate);
}

fn load(client: &Client, pid: u32, connections: usize, body: &Value) -> Figures {
    load_n(client, pid, connections, body, REQUESTS)
}

fn load_n(client: &Client, pid: u32, connections: usize, body: &Value, total: usize) -> Figures {
    load_by(client, None, pid, connections, body, total)
}

/// Sends `total` requests over kept-alive connections, with an Authorization header if one is given. Reads the server's
/// CPU time from /proc.
fn load_by(
    client: &Client,
    authorization: Option<&str>,
    pid: u32,
    connections: usize,
    body: &Value,
    total: usize,
) -> Figures {
    let open = (0..connections).map(|_| client.connect().unwrap()).collect();
    load_over(open, authorization, &|| cpu(pid), body, total)
}

/// Sends `total` requests over these connections. `cpu` reads the CPU time of the servers.
fn load_over(
    mut open: Vec<Connection>,
    authorization: Option<&str>,
    cpu: &dyn Fn() -> Duration,
    body: &Value,
    total: usize,
) -> Figures {
    let (each, connections) = (total / open.len(), open.len());
    for connection in &mut open {
        assert_eq!(connection.kmip_as(authorization, body).status, 200);
    }
    let (before, began) = (cpu(), Instant::now());
    std::thread::scope(|scope| {
        for mut connection in open {
            scope.spawn(move || {
                for _ in 0..each {
                    assert_eq!(connection.kmip_as(authorization, body).status, 200);
                }
            });
        }
    });
    let requests = (each * connections) as f64;
    Figures { cpu: (cpu() - before).as_secs_f64() * 1e6 / requests, rate: requests / began.elapsed().as_secs_f64() }
}
