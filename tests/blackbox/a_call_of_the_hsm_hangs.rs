//! A call of the HSM's module never returns: its caller gets an answer in time, other callers go on, and the process can be ended.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_pkcs11_shim::{Deed, Fault};

use crate::harness::kmip::{create, encrypt, register};
use crate::harness::server::Place;
use crate::harness::{Options, Server, Shim, eventually, preload};

/// Of a call, in seconds.
const TIMEOUT: u64 = 2;

/// From the signal to the end of the process, and what a busy machine may add.
const END: Duration = Duration::from_secs(20 + 10);

fn start() -> Shim {
    let arguments = vec!["--hsm-call-timeout".to_owned(), TIMEOUT.to_string()];
    Shim::start(&Options { arguments, ..Options::default() })
}

/// The very next call of the function hangs, and no other one.
fn next(function: &str) -> Fault {
    Fault::new(Deed::Hang, &[function]).times(1)
}

#[test]
fn the_request_is_told_in_time_and_others_go_on() {
    let mut shim = start();
    let mut alice = shim.server.alice().connect().unwrap();
    let (one, other) = (alice.aes(), alice.aes());
    let mut bob = shim.server.alice().connect().unwrap();
    for id in [&one, &other] {
        bob.ok(&encrypt(id, b"data"));
    }
    shim.set("hang", &next("C_Encrypt"));
    let began = Instant::now();
    std::thread::scope(|scope| {
        let hanging = scope.spawn(|| alice.kmip(&encrypt(&one, b"data")));
        eventually("a call hangs", || (shim.hits("hang") == 1).then_some(()));
        // By another key and by the same one.
        for _ in 0..20 {
            bob.ok(&encrypt(&other, b"data"));
            bob.ok(&encrypt(&one, b"data"));
        }
        let answer = hanging.join().unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 503, "{text}");
        assert!(text.contains("the HSM does not answer") && text.contains("--hsm-call-timeout"), "{text}");
        assert!(answer.header("retry-after").is_some());
    });
    assert!(began.elapsed() >= Duration::from_secs(TIMEOUT));
    // The connection of the one who waited goes on, and so do changes.
    alice.ok(&encrypt(&one, b"data"));
    let made = alice.aes();
    alice.ok(&encrypt(&made, b"data"));
    let health = alice.get("/health");
    let text = String::from_utf8_lossy(&health.body).into_owned();
    assert!(health.status == 503 && text.contains("hangs") && text.contains("restart"), "{text}");
    eventually("the log says so", || shim.server.log().contains("does not return").then_some(()));
    shim.server.signal("TERM");
    let began = Instant::now();
    let status = shim.server.wait();
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed() < END, "{:?}", began.elapsed());
    let log = shim.server.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Whatever thread makes the call: that of the request, the writer of the database, or that of the audit log.
#[test]
fn no_thread_that_others_need_waits_for_it() {
    let shim = start();
    let mut alice = shim.server.alice().connect().unwrap();
    alice.aes();
    for (function, calls) in [("C_Sign", 4), ("C_SignInit", 2), ("C_GenerateKey", 1), ("C_WrapKey", 1)] {
        for before in 0..calls {
            let name = format!("{function}-{before}");
            shim.set(&name, &next(function).after(before));
            let answer = alice.kmip(&create("AES", 256, &[]));
            assert!([200, 503].contains(&answer.status), "{name}: {}", answer.status);
            let hung = shim.hits(&name);
            shim.clear(&name);
            assert!(hung == 1 || answer.status == 200, "{name}");
            let made = eventually("changes go on", || {
                let answer = alice.kmip(&create("AES", 256, &[]));
                (answer.status == 200).then(|| crate::harness::kmip::string(&answer.json(), "UniqueIdentifier"))
            });
            alice.ok(&encrypt(&made, b"data"));
        }
    }
}

/// A token whose files this process makes durable is as slow as their disk, and no request but those that write to it waits for that.
#[test]
fn a_slow_disk_is_no_call_that_hangs() {
    let place = Arc::new(Place::new());
    let arguments = vec!["--hsm-call-timeout=1".to_owned()];
    let options = preload::with(&place, "disk", "CLAVIGER_TEST_DISK", Options { arguments, ..Options::default() });
    let server = Server::start_at(place, &options);
    let (mut alice, mut bob) = (server.alice().connect().unwrap(), server.alice().connect().unwrap());
    let id = alice.aes();
    let disk = server.place.path("disk");
    std::thread::scope(|scope| {
        fs::write(&disk, "").unwrap();
        // It cannot be wrapped, so it is an object of the token.
        let slow = scope.spawn(|| bob.new_key(&register("HMACSHA256", &[7; 33], &[])));
        eventually("the disk is waited for", || server.place.path("disk.waits").exists().then_some(()));
        let began = Instant::now();
        // Longer than any call may take, with the wait for a session.
        while began.elapsed() < Duration::from_secs(5) {
            alice.ok(&encrypt(&id, b"data"));
            alice.aes();
            let health = alice.get("/health");
            assert_eq!(health.status, 200, "{}", String::from_utf8_lossy(&health.body));
        }
        fs::remove_file(&disk).unwrap();
        slow.join().unwrap();
    });
    assert!(!server.log().contains("does not return"));
}
