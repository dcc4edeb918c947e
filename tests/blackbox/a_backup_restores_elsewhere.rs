//! A backup by `scripts/backup`, taken while the server works and restored in another place, decrypts all ciphertexts
//! that were acknowledged before it began.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::harness::backup::copy;
use crate::harness::kmip::{boolean, create, named, register, revoke};
use crate::harness::server::{Place, run};
use crate::harness::{End, Options, Server, Token, directory};

#[test]
fn taken_while_keys_are_made_and_destroyed() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let secret = crate::harness::reference::random(33);
    let hmac = alice.new_key(&register("HMACSHA256", &secret, &[boolean("Extractable", false)]));
    let mac = alice.mac(&hmac, b"data");
    let told = Mutex::new(Vec::new());
    let (done, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let dest = server.place.path("backup");
    let before = thread::scope(|scope| {
        let _end = End(&done);
        for client in 0..4 {
            let (server, told, done, made) = (&server, &told, &done, &made);
            scope.spawn(move || {
                let mut alice = server.alice().connect().unwrap();
                while !done.load(Ordering::Relaxed) {
                    let id = if client == 0 {
                        // Token objects are also made and destroyed.
                        let id = alice.new_key(&register("HMACSHA256", &[7; 35], &[]));
                        alice.ok(&revoke(&id, "Superseded"));
                        alice.ok(&named("Destroy", &id));
                        alice.aes()
                    } else {
                        alice.new_key(&create("AES", 256, &[boolean("Sensitive", client == 1)]))
                    };
                    let sealed = alice.seal(&id, b"data");
                    told.lock().unwrap().push(sealed);
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let reach = |count| {
            crate::harness::eventually("keys are made", || (made.load(Ordering::Relaxed) >= count).then_some(()));
        };
        reach(100);
        let before = told.lock().unwrap().clone();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/backup");
        let mut backup = Command::new(script);
        backup.arg(&server.place.token.tokens).arg(server.place.database()).arg(&dest);
        backup.env("CLAVIGERD", env!("CARGO_BIN_EXE_clavigerd")).env("KMS_HSM_PIN_FILE", &server.place.token.pin_file);
        let (status, out, err) = run(&mut backup);
        assert!(status.success(), "{out}{err}");
        assert!(out.contains("To restore"), "{out}");
        let (again, _, _) = run(&mut backup);
        assert!(!again.success(), "a backup is never written over");
        reach(made.load(Ordering::Relaxed) + 20);
        before
    });
    for file in ["claviger.db", "token", "claviger.audit.jsonl"] {
        assert!(dest.join(file).exists());
    }

    let elsewhere = directory();
    let token = Token::empty(elsewhere.path());
    copy(&dest.join("token"), &token.tokens);
    let place = Place::with_token(elsewhere, token);
    fs::copy(dest.join("claviger.db"), place.database()).unwrap();
    fs::copy(dest.join("claviger.audit.jsonl"), place.audit_file()).unwrap();
    // The original is lost.
    let lost = server.kill();
    fs::remove_dir_all(&lost.token.tokens).unwrap();
    fs::remove_file(lost.database()).unwrap();

    let restored = Server::start_at(Arc::new(place), &Options::default());
    let mut alice = restored.alice().connect().unwrap();
    assert!(before.len() >= 100);
    for sealed in &before {
        assert_eq!(alice.open(sealed), b"data", "{}", sealed.id);
    }
    assert_eq!(alice.mac(&hmac, b"data"), mac);
    alice.refused(&named("Export", &hmac), 403, "Not_Extractable");
    let id = alice.aes();
    alice.seal(&id, b"and it goes on");
}

#[test]
fn of_a_stopped_server_the_database_is_one_file() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let sealed = alice.seal(&id, b"data");
    let (place, status) = server.stop();
    assert!(status.success());
    for suffix in ["-wal", "-shm"] {
        assert!(!place.path(&format!("claviger.db{suffix}")).exists());
    }
    let elsewhere = directory();
    let token = Token::empty(elsewhere.path());
    copy(&place.token.tokens, &token.tokens);
    let other = Place::with_token(elsewhere, token);
    fs::copy(place.database(), other.database()).unwrap();
    // The database records the end of the audit log.
    let other = Arc::new(other);
    let log = Server::try_start_at(Arc::clone(&other), &Options::default()).err().unwrap();
    assert!(log.contains("--audit-accept-loss"), "{log}");
    fs::copy(place.audit_file(), other.audit_file()).unwrap();
    let restored = Server::start_at(other, &Options::default());
    assert_eq!(restored.alice().connect().unwrap().open(&sealed), b"data");
}
