//! If the audit log cannot be written, everything is refused, health says why, nothing is lost, and the server recovers
//! without a restart.
//!
//! The test simulates a full disk by the process's limit on the size of a file (setrlimit(2), RLIMIT_FSIZE), set from
//! outside while it runs. It fails writes half-way, and also applies to root.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::batches::{message, option};
use crate::harness::kmip::{create, encrypt, locate, name, string};
use crate::harness::{Connection, Options, Server, eventually};

/// The remaining room in the log, in bytes. It does not end with a line.
const ROOM: u64 = 10_001;

/// The number of uses in the log before. The log must be larger than everything that the server meanwhile writes into
/// other files.
const USES: usize = 8_000;
/// The most items of one message.
const MESSAGE: usize = 64;

fn options() -> Options {
    let environment = vec![("KMS_LOG".to_owned(), "info".to_owned())];
    Options { arguments: vec!["--probe-address=127.0.0.1:0".to_owned()], environment, ..Options::default() }
}

fn limit(server: &Server, bytes: Option<u64>) {
    let pid = Pid::from_raw(server.pid().try_into().unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// A server whose log is large, and whose write-ahead log is empty.
fn with_a_large_log() -> Server {
    let server = Server::start_with(&options());
    server.keep_audit_key();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let uses = vec![encrypt(&id, b"x"); MESSAGE];
    for _ in 0..USES / MESSAGE {
        let answer = alice.kmip(&message(&[option("Continue")], &uses));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    server.restart()
}

/// Creates keys until one is refused. Returns the identifiers of the others, and the reason.
fn create_until_refused(alice: &mut Connection, told: &mut Vec<String>) -> String {
    loop {
        let answer = alice.kmip(&create("AES", 256, &[]));
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{}", String::from_utf8_lossy(&answer.body));
            return answer.detail();
        }
        told.push(string(&answer.json(), "UniqueIdentifier"));
        assert!(told.len() < 1_000, "the disk does not fill");
    }
}

/// The health of the server while its log cannot be written, and everything else works.
fn is_told(server: &Server) {
    eventually("health tells of it", || {
        let answer = server.alice().get("/health");
        let health = answer.json();
        let is_away = answer.status == 503 && health["audit"] == "unavailable";
        is_away.then(|| assert_eq!((&health["store"], &health["token"]), (&"ok".into(), &"ok".into())))
    });
    eventually("it is not ready", || (server.probe().get("/readyz").status == 503).then_some(()));
    assert_eq!(server.probe().get("/livez").status, 200);
}

#[test]
fn a_full_disk_refuses_loses_nothing_and_recovers() {
    let server = with_a_large_log();
    let mut alice = server.alice().connect().unwrap();
    let mut told = Vec::new();
    for _ in 0..3 {
        let first = alice.aes();
        told.push(first.clone());
        let size = fs::metadata(server.place.audit_file()).unwrap().len();
        limit(&server, Some(size + ROOM));
        let reason = create_until_refused(&mut alice, &mut told);
        assert_eq!(reason, "the audit log cannot be written: try again later");
        is_told(&server);
        for number in 0..5 {
            let refused = create("AES", 256, &[name(&format!("refused-{number}"))]);
            assert_eq!(alice.kmip(&refused).status, 503);
            assert_eq!(alice.kmip(&encrypt(&first, b"x")).status, 503);
            assert_eq!(alice.kmip(&locate(&[], &[])).status, 503);
        }
        limit(&server, None);
        eventually("it recovers", || (alice.kmip(&encrypt(&first, b"x")).status == 200).then_some(()));
        eventually("it is ready", || (server.probe().get("/readyz").status == 200).then_some(()));
        assert_eq!(server.alice().get("/health").json()["audit"], "ok");
    }
    for number in 0..5 {
        assert_eq!(alice.located(&locate(&[name(&format!("refused-{number}"))], &[])).1, 0);
    }
    // Also for the ones that were not acknowledged.
    assert_eq!(alice.located(&locate(&[], &[])).1 as usize, told.len() + 1);
    let place = Arc::clone(&server.place);
    assert!(server.stop().1.success());
    let (status, said) = place.verify(None, &place.audit_files());
    assert_eq!(status, 0, "{said}");
    let lines = place.audit_lines();
    let of_creates = lines.iter().filter(|line| line["operation"] == "Create" && line["outcome"] == "success");
    let created: HashSet<&str> = of_creates.map(|line| line["object"].as_str().unwrap()).collect();
    assert!(told.iter().all(|id| created.contains(id.as_str())), "an acknowledged create has no line");
    assert_eq!(created.len(), told.len() + 1);
    let notes: Vec<_> = lines.iter().filter(|line| line["event"] == "note" && line.get("refused").is_some()).collect();
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(notes.iter().all(|line| line["refused"].as_u64().unwrap() >= 10), "{notes:?}");
    let (is_clean, said) = place.check_store(&options());
    assert!(is_clean, "{said}");
}

#[test]
fn a_removed_file_refuses_until_the_server_is_told() {
    let server = Server::start_with(&options());
    server.keep_audit_key();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    server.place.signed();
    let (log, copy) = (server.place.audit_file(), server.place.path("audit.jsonl.copy"));
    fs::copy(&log, &copy).unwrap();
    fs::remove_file(&log).unwrap();
    assert_eq!(alice.kmip(&create("AES", 256, &[])).status, 503);
    assert_eq!(alice.kmip(&encrypt(&id, b"x")).status, 503);
    is_told(&server);
    server.signal("HUP");
    eventually("it recovers", || (alice.kmip(&encrypt(&id, b"x")).status == 200).then_some(()));
    let made = alice.aes();
    assert_eq!(alice.located(&locate(&[], &[])).1, 2);
    let place = Arc::clone(&server.place);
    assert!(server.stop().1.success());
    let (status, said) = place.verify(None, &[copy, log]);
    assert_eq!(status, 0, "{said}");
    let lines = place.audit_lines();
    assert!(lines.iter().any(|line| line["event"] == "reopened"));
    assert!(lines.iter().any(|line| line["operation"] == "Create" && line["object"] == made.as_str()));
    Server::start_at(place, &options());
}
