//! Keys are never in clear, and destroyed keys are not, in the database, its WAL, the HSM token's files or the log. All
//! files are readable only by their owner.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use rusqlite::Connection as Database;

use crate::harness::kmip::{boolean, create, import, named, register, revoke};
use crate::harness::server::Place;
use crate::harness::{Hsm, Options, Server, eventually, reference};

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn holds(content: &[u8], wanted: &[u8]) -> bool {
    let wanted = [wanted.to_vec()];
    Needles::new(&wanted).is_in(content)
}

/// Searches for many texts in one pass, by their first eight bytes.
struct Needles<'a>(HashMap<&'a [u8], Vec<&'a [u8]>>);

impl<'a> Needles<'a> {
    fn new(needles: &'a [Vec<u8>]) -> Self {
        let mut by_head: HashMap<_, Vec<_>> = HashMap::new();
        for needle in needles {
            by_head.entry(&needle[..8]).or_default().push(needle.as_slice());
        }
        Self(by_head)
    }

    fn is_in(&self, content: &[u8]) -> bool {
        content.windows(8).enumerate().any(|(at, head)| {
            self.0.get(head).is_some_and(|needles| needles.iter().any(|needle| content[at..].starts_with(needle)))
        })
    }
}

/// A base64 text holds a key at one of three alignments. The middle part of each does not depend on other bytes.
fn spellings(key: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![key.to_vec(), HEXLOWER.encode(key).into_bytes(), HEXUPPER.encode(key).into_bytes()];
    for shift in 0..3 {
        let shifted = [&vec![0; shift][..], key].concat();
        for text in [BASE64.encode(&shifted), BASE64URL_NOPAD.encode(&shifted)] {
            all.push(text.as_bytes()[4..key.len() / 3 * 4 - 4].to_vec());
        }
    }
    all
}

#[test]
fn of_a_hundred_keys_no_byte_is_to_be_found() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut keys = Vec::new();
    for number in 0..50 {
        let id = alice.new_key(&create("AES", 256, &[]));
        alice.seal(&id, b"data");
        keys.push(alice.export(&id));
        let secret = reference::random(if number % 2 == 0 { 64 } else { 33 });
        let id = alice.new_key(&register("HMACSHA256", &secret, &[boolean("Sensitive", number % 3 == 0)]));
        alice.mac(&id, b"data");
        keys.push(secret);
    }
    let spellings: Vec<Vec<u8>> = keys.iter().flat_map(|key| spellings(key)).collect();
    let needles = Needles::new(&spellings);
    let search = |place: &Place, except: &[&str]| {
        let mut seen = Vec::new();
        for file in files(place.directory.path()) {
            let content = fs::read(&file).unwrap();
            assert!(!needles.is_in(&content), "{} holds a key", file.display());
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            if !content.is_empty() {
                seen.push(name);
            }
        }
        for wanted in ["claviger.db", "claviger.db-wal", "claviger.db-shm", "server.log"] {
            assert!(except.contains(&wanted) || seen.iter().any(|name| name == wanted), "{wanted} was not looked at");
        }
        // SoftHSM's objects are files, Kryoptic's are in one.
        let (end, least) = if Hsm::chosen() == Hsm::SoftHsm { (".object", 26) } else { (".sql", 1) };
        assert!(seen.iter().filter(|name| name.ends_with(end)).count() >= least, "nor the token");
    };
    search(&server.place, &[]);
    let (place, _) = server.stop();
    // A clean end moves the WAL into the database.
    search(&place, &["claviger.db-wal", "claviger.db-shm"]);
}

#[test]
fn the_pin_and_the_password_are_in_no_log_and_no_database() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    alice.seal(&id, b"data that nobody is to log");
    for file in ["server.log", "claviger.db", "claviger.db-wal"] {
        let content = fs::read(server.place.path(file)).unwrap();
        for secret in [crate::harness::token::PIN, crate::harness::server::P12_PASSWORD, "data that nobody is to log"] {
            for spelling in [secret.as_bytes(), HEXUPPER.encode(secret.as_bytes()).as_bytes()] {
                assert!(!holds(&content, spelling), "{file}: {secret}");
            }
        }
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn every_file_is_its_owners_alone() {
    let server = Server::start();
    server.alice().connect().unwrap().aes();
    let names = ["claviger.db", "claviger.db-wal", "claviger.db-shm", "claviger.db.lock"];
    for name in names {
        assert_eq!(mode(&server.place.path(name)), 0o600, "{name}");
    }
    // Also if their mode was wider before.
    let place = server.kill();
    for name in names {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    server.alice().connect().unwrap().aes();
    for name in &names[..3] {
        assert_eq!(mode(&place.path(name)), 0o600, "{name}");
    }
    let place = Arc::new(Place::new());
    fs::write(place.database(), b"").unwrap();
    fs::set_permissions(place.database(), fs::Permissions::from_mode(0o666)).unwrap();
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    server.alice().connect().unwrap().aes();
    for name in names {
        assert_eq!(mode(&place.path(name)), 0o600, "{name}");
    }
}

/// The wrapped key of an object.
fn blob(place: &Place, id: &str) -> Vec<u8> {
    let database = Database::open(place.database()).unwrap();
    database.query_row("SELECT material FROM object WHERE id = ?1", [id], |row| row.get(0)).unwrap()
}

#[test]
fn what_was_destroyed_or_replaced_is_gone_soon() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    for round in 0..5 {
        let id = alice.aes();
        let other = alice.aes();
        let gone = blob(&server.place, &id);
        assert_eq!(gone.len(), 40);
        let lies_about = || {
            let files = ["claviger.db", "claviger.db-wal"].map(|name| fs::read(server.place.path(name)).unwrap());
            files.iter().any(|content| holds(content, &gone))
        };
        assert!(lies_about(), "or this test sees nothing");
        if round % 2 == 0 {
            alice.ok(&revoke(&id, "Superseded"));
            alice.ok(&named("Destroy", &id));
        } else {
            alice.ok(&import(&id, Some(true), "AES", &reference::random(32), &[]));
        }
        eventually("it is erased", || (!lies_about()).then_some(()));
        alice.seal(&other, b"the others stay");
    }
}
