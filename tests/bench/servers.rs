//! Measures one server on SQLite, one on PostgreSQL, and three on PostgreSQL, in turn, each with 16 connections: requests a
//! second, and the servers' CPU time for a request. PostgreSQL is on the same machine, and so are the clients.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::harness::postgres::Cluster;
use crate::harness::server::Place;
use crate::harness::{Options, Server, kmip};
use crate::{Figures, load_over, median};

const ROUNDS: usize = 5;

const CONNECTIONS: usize = 16;

/// One of the three ways to run.
struct Site {
    name: &'static str,
    servers: Vec<Server>,
    key: String,
}

impl Site {
    fn start(name: &'static str, database: Option<&str>, count: usize) -> Self {
        let place = Arc::new(Place::new());
        let start = |number: usize| {
            let mut options = Options::default();
            options.environment.push(("KMS_LOG".to_owned(), "info".to_owned()));
            if let Some(url) = database {
                let name = format!("server{number}");
                let audit = format!("--audit-file={}", place.path(&format!("{name}.audit.jsonl")).display());
                options = options.with(&["--database-url", url, "--server-name", &name, &audit]);
            }
            Server::start_at(Arc::clone(&place), &options)
        };
        let servers: Vec<Server> = (0..count).map(start).collect();
        let key = servers[0].alice().connect().unwrap().aes();
        Self { name, servers, key }
    }

    fn cpu(&self) -> Duration {
        self.servers.iter().map(Server::cpu).sum()
    }

    /// Sends this many requests over connections to all its servers.
    fn measure(&self, body: &Value, requests: usize) -> Figures {
        let connect = |server: &Server| server.alice().connect().unwrap();
        let open = self.servers.iter().cycle().take(CONNECTIONS).map(connect).collect();
        load_over(open, None, &|| self.cpu(), body, requests)
    }
}

/// Compares the three. Ratios are those to SQLite in the same round.
pub fn measure() {
    let cluster = Cluster::start();
    let [one, three] = [(); 2].map(|()| cluster.url(&cluster.database()));
    let sites = [
        Site::start("SQLite", None, 1),
        Site::start("PostgreSQL, one server", Some(&one), 1),
        Site::start("PostgreSQL, three servers", Some(&three), 3),
    ];
    println!("{:<14} {:<28} {:>10} {:>10} {:>10} {:>10}", "", "", "req/s", "ratio", "CPU us", "ratio");
    for (name, requests) in [("Encrypt 32 B", 10_000), ("Create", 2_000)] {
        let mut found: [[Vec<f64>; 4]; 3] = Default::default();
        for round in 0..=ROUNDS {
            let all = sites.each_ref().map(|site| {
                let body = match name {
                    "Create" => kmip::create("AES", 256, &[]),
                    _ => kmip::encrypt(&site.key, &[7; 32]),
                };
                site.measure(&body, requests)
            });
            // The first round fills caches.
            for (found, own) in found.iter_mut().zip(&all).filter(|_| round > 0) {
                let values = [own.rate, own.rate / all[0].rate, own.cpu, own.cpu / all[0].cpu];
                for (found, value) in found.iter_mut().zip(values) {
                    found.push(value);
                }
            }
        }
        for (site, found) in sites.iter().zip(found) {
            let [rate, faster, cpu, more] = found.map(median);
            println!("{name:<14} {:<28} {rate:>10.0} {faster:>10.2} {cpu:>10.1} {more:>10.2}", site.name);
        }
    }
}
