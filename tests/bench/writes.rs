//! Measures the bytes that are written to the disk for each new key, and the bytes that remain:
//! `scripts/bench writes DIRECTORY [COUNT]`. The directory is on the disk to measure.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::harness::kmip::{create, name, tags};
use crate::harness::message::message;
use crate::harness::server::Place;
use crate::harness::{Options, Server, Token};

/// The number of connections that make keys, and of creates in one message.
const CONNECTIONS: usize = 8;
const BATCH: usize = 64;

pub fn measure(directory: &Path, count: usize) {
    let directory = tempfile::tempdir_in(directory).unwrap();
    let token = Token::new(directory.path());
    let environment = vec![("KMS_LOG".to_owned(), "warn".to_owned())];
    let options = Options { environment, ..Options::default() };
    let server = Server::start_at(Arc::new(Place::with_token(directory, token)), &options);
    for batch in [1, BATCH] {
        let (written, kept, began) = (written(&server), kept(&server), Instant::now());
        make(&server, count, batch);
        let each = |bytes: u64| bytes as f64 / count as f64 / 1024.0;
        println!(
            "{count} keys, {batch} in a message, {CONNECTIONS} conn.: {:.0} a second, {:.1} KiB written for each, {:.1} KiB longer",
            count as f64 / began.elapsed().as_secs_f64(),
            each(self::written(&server) - written),
            each(self::kept(&server).saturating_sub(kept)),
        );
    }
}

fn make(server: &Server, count: usize, batch: usize) {
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut alice = server.alice().connect().unwrap();
                for number in (connection..count / batch).step_by(CONNECTIONS) {
                    let create = create("AES", 256, &[name(&format!("key {number}")), tags(&["bench"])]);
                    let answer = alice.kmip(&if batch == 1 { create } else { message(&[], &vec![create; batch]) });
                    assert_eq!(answer.status, 200);
                    assert!(!String::from_utf8_lossy(&answer.body).contains("OperationFailed"));
                }
            });
        }
    });
}

/// Returns the bytes that the server caused to be written to the disk (proc(5), /proc/pid/io).
fn written(server: &Server) -> u64 {
    let io = fs::read_to_string(format!("/proc/{}/io", server.pid())).unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    line.parse().unwrap()
}

/// Returns the total size of the database and the audit log.
fn kept(server: &Server) -> u64 {
    let place = &server.place;
    [place.database()].into_iter().chain(place.audit_files()).map(|file| fs::metadata(file).unwrap().len()).sum()
}
