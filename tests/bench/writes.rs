//! How much is written to the disk for each key that is made, beside what stays of it:
//! `scripts/bench writes DIRECTORY [COUNT]`, a directory on the disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::harness::kmip::{create, name, tags};
use crate::harness::message::message;
use crate::harness::server::Place;
use crate::harness::{Options, Server, Token};

/// Connections that make keys, and creates in one message.
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

/// Bytes that the server has caused to be sent to the disk (proc(5), /proc/pid/io).
fn written(server: &Server) -> u64 {
    let io = fs::read_to_string(format!("/proc/{}/io", server.pid())).unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    line.parse().unwrap()
}

/// The length of the files in which keys are: database and audit log.
fn kept(server: &Server) -> u64 {
    let place = &server.place;
    [place.database()].into_iter().chain(place.audit_files()).map(|file| fs::metadata(file).unwrap().len()).sum()
}
