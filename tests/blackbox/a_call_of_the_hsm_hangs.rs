//! If a call of the HSM's module never returns, its caller gets an answer in time, other callers are served, and the
//! process can be ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_pkcs11_shim::{Deed, Fault};

use crate::harness::kmip::{create, encrypt, named, register, revoke};
use crate::harness::server::Place;
use crate::harness::{Options, ROOT_OBJECTS, Server, Shim, eventually, preload};

/// The timeout of a call, in seconds.
const TIMEOUT: u64 = 2;

/// The time from the signal to the end of the process, with an allowance for a busy machine.
const END: Duration = Duration::from_secs(20 + 10);

fn start() -> Shim {
    let arguments = vec!["--hsm-call-timeout".to_owned(), TIMEOUT.to_string()];
    Shim::start(&Options { arguments, ..Options::default() })
}

/// Only the next call of the function hangs.
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
        // With another key and with the same key.
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
    // The connection of the waiting caller still works, and so do changes.
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

/// The call may be made by any thread: that of the request, the writer of the database, or that of the audit log.
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

/// Starts a server on a disk that `preload/disk.c` makes slow or fail. Returns the path of the file that controls this.
fn on_a_disk() -> (Server, PathBuf) {
    let place = Arc::new(Place::new());
    let arguments = vec!["--hsm-call-timeout=2".to_owned()];
    let options = preload::with(&place, "disk", "CLAVIGER_TEST_DISK", Options { arguments, ..Options::default() });
    let disk = place.path("disk");
    (Server::start_at(place, &options), disk)
}

/// It cannot be wrapped, so it is an object of the token.
fn placed() -> serde_json::Value {
    register("HMACSHA256", &[7; 33], &[])
}

/// The file exists while this value exists.
struct There<'a>(&'a Path);

impl Drop for There<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}

/// If the server syncs the HSM token's files, the token is as slow as their disk, and only requests that write to it
/// wait.
#[test]
fn a_slow_disk_is_no_call_that_hangs() {
    let (server, disk) = on_a_disk();
    let (mut alice, mut bob) = (server.alice().connect().unwrap(), server.alice().connect().unwrap());
    let id = alice.aes();
    std::thread::scope(|scope| {
        fs::write(&disk, "").unwrap();
        let slow = There(&disk);
        let made = scope.spawn(|| bob.new_key(&placed()));
        eventually("the disk is waited for", || disk.with_extension("waits").exists().then_some(()));
        let began = Instant::now();
        // Longer than any call may take, including its waits.
        while began.elapsed() < Duration::from_secs(8) {
            alice.ok(&encrypt(&id, b"data"));
            alice.aes();
            let health = alice.get("/health");
            assert_eq!(health.status, 200, "{}", String::from_utf8_lossy(&health.body));
            std::thread::park_timeout(Duration::from_millis(20));
        }
        drop(slow);
        made.join().unwrap();
    });
    let log = server.log();
    assert!(!log.contains("does not return") && log.contains("the disk of the token is slow"), "{log}");
}

/// An object that may not be on the disk is not acknowledged: the request fails, and leaves no object.
#[test]
fn a_disk_that_fails_is_told() {
    let (server, disk) = on_a_disk();
    let mut alice = server.alice().connect().unwrap();
    let kept = alice.new_key(&placed());
    let fails = disk.with_extension("fails");
    fs::write(&fails, "").unwrap();
    let failing = There(&fails);
    alice.refused(&placed(), 503, "General_Failure");
    assert!(server.log().contains("is not on the disk"), "{}", server.log());
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS + 1);
    assert_eq!(alice.count(), 1);
    // No caller can use it, and the audit log does not say that it is erased.
    alice.ok(&revoke(&kept, "Superseded"));
    alice.ok(&named("Destroy", &kept));
    let erased = || server.place.audit_lines().iter().filter(|line| line["event"] == "erased").count();
    eventually("it is tried in vain", || server.log().contains("cannot be erased yet").then_some(()));
    assert_eq!(erased(), 0);
    drop(failing);
    eventually("it is erased", || (erased() == 1).then_some(()));
    alice.new_key(&placed());
}
