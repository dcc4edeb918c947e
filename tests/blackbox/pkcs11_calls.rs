//! What the server asks of the token, seen by OpenSC's pkcs11-spy between the two.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::harness::kmip::{boolean, create, named};
use crate::harness::{Options, Server, again};

const ENCRYPTS: usize = 200;

fn spy() -> PathBuf {
    let places = [
        "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",
        "/usr/lib/x86_64-linux-gnu/pkcs11/pkcs11-spy.so",
        "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so",
        "/usr/lib64/pkcs11-spy.so",
        "/usr/lib/pkcs11/pkcs11-spy.so",
    ];
    places.into_iter().map(PathBuf::from).find(|place| place.exists()).expect("opensc: scripts/test installs it")
}

/// A server behind the spy. Its report may hold secrets, and goes with the test's directory.
struct Watched {
    server: Server,
    report: PathBuf,
}

impl Watched {
    fn start() -> Self {
        let place = std::sync::Arc::new(crate::harness::server::Place::new());
        let report = place.path("spy");
        let environment = vec![
            ("PKCS11SPY".to_owned(), again::module().display().to_string()),
            ("PKCS11SPY_OUTPUT".to_owned(), report.display().to_string()),
        ];
        let arguments = vec!["--hsm-module".to_owned(), spy().display().to_string()];
        let options = Options { arguments, environment, ..Options::default() };
        Self { server: Server::start_at(place, &options), report }
    }

    /// The calls since `from`, a length of the report; and its length now.
    fn calls(&self, from: usize) -> (Vec<String>, usize) {
        let content = fs::read(&self.report).unwrap();
        let text = String::from_utf8_lossy(&content[from..]).into_owned();
        // A call begins with its number and name on a line: "17: C_Encrypt".
        let calls = text.split("\n\n").map(|call| call.trim().to_owned()).filter(|call| name(call).is_some());
        (calls.collect(), content.len())
    }
}

fn name(call: &str) -> Option<&str> {
    let (number, name) = call.lines().next()?.split_once(": ")?;
    number.parse::<u64>().ok()?;
    Some(name)
}

/// How often each function was called, without what the watch over the token does each second.
fn counts(calls: &[String]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for call in calls.iter().filter_map(|call| name(call)) {
        *counts.entry(call).or_default() += 1;
    }
    for watch in ["C_GetTokenInfo", "C_OpenSession", "C_CloseSession", "C_GetSessionInfo"] {
        counts.remove(watch);
    }
    counts
}

#[test]
fn a_warm_encryption_takes_three() {
    let watched = Watched::start();
    let mut alice = watched.server.alice().connect().unwrap();
    let id = alice.aes();
    alice.seal(&id, b"warm");
    let (_, from) = watched.calls(0);
    let began = Instant::now();
    for _ in 0..ENCRYPTS {
        alice.seal(&id, b"thirty-two bytes of some message");
    }
    let (calls, _) = watched.calls(from);
    let mut counts = counts(&calls);
    // The watch reads CKA_ID of each root key.
    let attributes = counts.remove("C_GetAttributeValue").unwrap_or_default();
    assert!(attributes <= ENCRYPTS / 2, "{attributes}");
    // The audit log is signed now and then, whatever goes on.
    let signatures = ["C_SignInit", "C_Sign"].map(|name| counts.remove(name).unwrap_or_default());
    assert!(signatures[0] as f64 <= began.elapsed().as_secs_f64() / 0.8 + 1.0, "{signatures:?}");
    eprintln!("{ENCRYPTS} encryptions: {counts:?}");
    assert!(counts["C_Encrypt"] >= ENCRYPTS);
    assert_eq!(counts["C_EncryptInit"], ENCRYPTS);
    assert!(counts.values().sum::<usize>() <= 3 * ENCRYPTS, "{counts:?}");
    assert!(counts.keys().all(|name| ["C_EncryptInit", "C_Encrypt"].contains(name)), "{counts:?}");
}

#[test]
fn a_new_key_is_made_by_the_token() {
    let watched = Watched::start();
    let mut alice = watched.server.alice().connect().unwrap();
    let (_, from) = watched.calls(0);
    for _ in 0..10 {
        alice.aes();
    }
    let (calls, _) = watched.calls(from);
    let counts = counts(&calls);
    eprintln!("10 creates: {counts:?}");
    assert_eq!(counts["C_GenerateKey"], 10);
    for never in ["C_CreateObject", "C_FindObjectsInit", "C_FindObjects", "C_GenerateRandom"] {
        assert!(!counts.contains_key(never), "{counts:?}");
    }
    let reads_value = |call: &&String| call.contains("CKA_VALUE ");
    assert_eq!(calls.iter().filter(reads_value).count(), 0);
}

#[test]
fn the_value_of_a_key_that_is_not_extractable_is_never_read() {
    let watched = Watched::start();
    // The start reads the value of a key of its own, to see whether the token gives values out.
    let (_, from) = watched.calls(0);
    let mut alice = watched.server.alice().connect().unwrap();
    let id = alice.new_key(&create("AES", 256, &[boolean("Extractable", false)]));
    let sensitive = alice.new_key(&create("AES", 256, &[boolean("Sensitive", true)]));
    for id in [&id, &sensitive] {
        let sealed = alice.seal(id, b"data");
        assert_eq!(alice.open(&sealed), b"data");
        alice.mac(id, b"data");
        for operation in ["Get", "Export", "GetAttributes"] {
            alice.kmip(&named(operation, id));
        }
    }
    let reads = |calls: &[String]| {
        let is_read = |call: &&String| name(call) == Some("C_GetAttributeValue") && call.contains("CKA_VALUE ");
        calls.iter().filter(is_read).count()
    };
    let (calls, from) = watched.calls(from);
    assert!(counts(&calls).contains_key("C_UnwrapKey"));
    assert_eq!(reads(&calls), 0);
    // The spy does show a value that is read.
    let open = alice.aes();
    alice.export(&open);
    assert!(reads(&watched.calls(from).0) >= 1);
}
