//! Measures the cost of the audit log: the CPU time of an Encrypt by a cached key with and without the log, and the
//! number of creates that share one commit and one sync of the log. `scripts/bench decisions DIRECTORY`; the directory
//! is on the disk to measure.

use std::path::Path;
use std::sync::Arc;

use crate::harness::figures::Figures as Metrics;
use crate::harness::server::Place;
use crate::harness::{Client, Options, Server, Token, kmip};
use crate::{REQUESTS, load, load_n, report};

/// The number of rounds. The least value of each measurement counts, because other processes can only add time.
const ROUNDS: usize = 5;

/// The most that the audit log may cost a use of a key, as a multiple of the cost without it.
const LIMIT: f64 = 1.25;

/// The least number of creates that share one commit and one sync of the log with this many clients.
const SHARED: f64 = 5.0;
const CLIENTS: usize = 16;
const CREATES: usize = 2_000;

fn start(place: Arc<Place>, more: &[&str]) -> Server {
    let arguments = more.iter().map(|argument| (*argument).to_owned()).collect();
    let environment = vec![("KMS_LOG".to_owned(), "info".to_owned())];
    Server::start_at(place, &Options { arguments, environment, ..Options::default() })
}

pub fn uses() {
    let [with, without] = [&[][..], &["--audit-file=none"]].map(|more| {
        let server = start(Arc::new(Place::new()), more);
        let id = server.alice().connect().unwrap().aes();
        (server, kmip::encrypt(&id, &[7; 32]))
    });
    for connections in [1, CLIENTS] {
        let mut least = [f64::INFINITY; 2];
        for _ in 0..ROUNDS {
            for ((name, (server, body)), least) in [("with", &with), ("without", &without)].iter().zip(&mut least) {
                let figures = load(&server.alice(), server.pid(), connections, body);
                report(&format!("Encrypt 32 B, {name} audit log, {connections} conn."), &figures);
                *least = least.min(figures.cpu);
            }
        }
        let ratio = least[0] / least[1];
        println!("  with to without: {ratio:.2} of {REQUESTS} requests");
        assert!(ratio <= LIMIT, "with the audit log, a use costs {ratio:.2} times as much");
    }
}

pub fn commits(directory: &Path) {
    let directory = tempfile::tempdir_in(directory).unwrap();
    let token = Token::new(directory.path());
    let server = start(Arc::new(Place::with_token(directory, token)), &["--probe-address=127.0.0.1:0"]);
    let probe = server.probe();
    let read = || {
        let metrics = Metrics::read(&probe);
        ["claviger_store_writes_total", "claviger_store_commits_total", "claviger_audit_syncs_total"]
            .map(|name| metrics.get(name, &[]))
    };
    let before = read();
    let create = load_n(&server.alice(), server.pid(), CLIENTS, &kmip::create("AES", 256, &[]), CREATES);
    report(&format!("Create AES-256, on a disk, {CLIENTS} conn."), &create);
    let [writes, commits, syncs] = [0, 1, 2].map(|number| read()[number] - before[number]);
    let (per_commit, per_sync) = (writes / commits, CREATES as f64 / syncs);
    println!("  creates to a commit: {per_commit:.1}, to a sync of the audit log: {per_sync:.1}");
    assert!(per_commit >= SHARED && per_sync >= SHARED, "fewer than {SHARED}");
}
