//! Measures `--migrate-to` with very many named and tagged keys, from SQLite to PostgreSQL and back: `scripts/bench move COUNT`.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::harness::costs::fill;
use crate::harness::moving::{on_file, on_postgres};
use crate::harness::postgres::Cluster;
use crate::harness::server::Place;
use crate::harness::{Options, Server};

/// The longest time that moving 100,000 objects may take, with its check.
const LONGEST: Duration = Duration::from_secs(60);

pub fn measure(count: usize) {
    let (place, cluster) = (Arc::new(Place::new()), Cluster::start());
    let quiet = Options { environment: vec![("KMS_LOG".to_owned(), "warn".to_owned())], ..Options::default() };
    let url = cluster.url(&cluster.database());
    let (here, there) = (on_file(&place, "claviger.db", &quiet), on_postgres(&place, &url, &quiet));
    let (file, back) = (place.path("back.db"), on_file(&place, "back.db", &quiet));
    let server = Server::start_at(Arc::clone(&place), &here);
    let began = Instant::now();
    fill(&server, count);
    println!("{count} keys were made in {:.1?}", began.elapsed());
    let sealed = {
        let mut alice = server.alice().connect().unwrap();
        let id = alice.aes();
        alice.seal(&id, b"data")
    };
    assert!(server.stop().1.success());
    println!("{} MiB in SQLite", place.database().metadata().unwrap().len() >> 20);
    checked(&place, &here, "on SQLite");
    let to = timed("SQLite to PostgreSQL", &mut place.migration(&here, &url));
    checked(&place, &there, "on PostgreSQL");
    let from = timed("PostgreSQL to SQLite", &mut place.migration(&there, &file.display().to_string()));
    checked(&place, &back, "on SQLite again");
    let server = Server::start_at(place, &back);
    assert_eq!(server.alice().connect().unwrap().open(&sealed), b"data");
    let bound = LONGEST.mul_f64((count as f64 / 100_000.0).max(1.0));
    assert!(to <= bound && from <= bound, "{to:?}, {from:?}");
}

fn checked(place: &Place, options: &Options, name: &str) {
    timed(&format!("--check-store {name}"), place.command(options).arg("--check-store"));
}

/// Runs a command that must find no fault, and prints how long it took.
fn timed(name: &str, command: &mut Command) -> Duration {
    let began = Instant::now();
    let output = command.output().unwrap();
    let took = began.elapsed();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains(": 0 findings"), "{said}{error}");
    println!("{name}: {took:.1?}");
    took
}
