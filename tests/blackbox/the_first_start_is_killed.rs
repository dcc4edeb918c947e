//! If the first start is killed at any moment, the next one continues with the root keys that were begun, and there is
//! never a second set.

use std::collections::HashMap;
use std::fs;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use claviger_pkcs11_shim::{Deed, Fault};
use openssl::sha::sha256;
use rusqlite::Connection as Database;

use crate::harness::server::Place;
use crate::harness::token::ROOT_OBJECTS;
use crate::harness::{Options, Server, eventually, shim};

/// Names and `CKA_ID`s in one of the two tables.
type Keys = HashMap<String, Vec<u8>>;

fn keys(place: &Place, table: &str, column: &str) -> Keys {
    let Ok(database) = Database::open(place.database()) else { return Keys::new() };
    let Ok(mut select) = database.prepare(&format!("SELECT name, {column} FROM {table}")) else { return Keys::new() };
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

fn recorded(place: &Place) -> Keys {
    keys(place, "root_key", "cka_id")
}

/// The keys that a start was about to make.
fn announced(place: &Place) -> Keys {
    let seeds = keys(place, "root_key_pending", "seed");
    seeds.into_iter().map(|(name, seed)| (name, sha256(&seed)[..20].to_vec())).collect()
}

/// A place with a token that has been used, and no database.
fn without_database(place: &Place) {
    for entry in fs::read_dir(place.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("claviger.db") || path == place.audit_file() || name == "faults" {
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
        }
    }
    let _ = fs::remove_file(place.path("faults").with_extension("done"));
}

fn first_start(place: &Place, options: &Options) -> Child {
    let log = fs::File::options().create(true).append(true).open(place.path("server.log")).unwrap();
    place.command(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Checks that the next start works with the announced keys, except `replaced` of them.
fn goes_on(place: &Arc<Place>, replaced: usize) {
    let before = [announced(place), recorded(place)];
    let server = Server::start_at(Arc::clone(place), &Options::default());
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let sealed = alice.seal(&id, b"data");
    assert_eq!(alice.open(&sealed), b"data");
    let found = recorded(place);
    assert_eq!(found.len(), 6);
    assert_eq!(announced(place), Keys::new());
    for known in before {
        let others = known.iter().filter(|(name, id)| found[*name] != **id).count();
        assert!(others <= replaced, "{known:?} {found:?}");
    }
    assert!(server.stop().1.success());
}

/// Returns the number of calls of the module that a first start makes, and its time.
fn whole(place: &Arc<Place>) -> (u64, Duration) {
    let every_call = Fault::new(Deed::Wait(Duration::ZERO), &[]);
    let (options, control) = shim::options(place, &[("call", every_call)]);
    let began = Instant::now();
    let server = Server::start_at(Arc::clone(place), &options);
    let took = began.elapsed();
    let calls = control.hits("call") as u64;
    assert!(server.stop().1.success());
    (calls, took)
}

#[test]
fn between_two_calls() {
    const ROUNDS: u64 = 10;
    let place = Arc::new(Place::new());
    let (calls, _) = whole(&place);
    let mut resumed = 0;
    for round in 0..ROUNDS {
        without_database(&place);
        let before = place.token.objects();
        let hang = Fault::new(Deed::Hang, &[]).after(calls * (2 * round + 1) / (2 * ROUNDS));
        let (options, control) = shim::options(&place, &[("hang", hang)]);
        let child = first_start(&place, &options);
        eventually("a call hangs", || (control.hits("hang") > 0).then_some(()));
        kill(child);
        let begun = place.token.objects() - before;
        resumed += usize::from((1..ROOT_OBJECTS).contains(&begun));
        goes_on(&place, 0);
        assert_eq!(place.token.objects(), before + ROOT_OBJECTS, "after {begun} objects");
    }
    assert!(resumed > 0, "no round ended among the keys");
}

#[test]
fn at_any_moment() {
    const ROUNDS: u32 = 10;
    let place = Arc::new(Place::new());
    let (_, took) = whole(&place);
    for round in 0..ROUNDS {
        without_database(&place);
        let before = place.token.objects();
        let child = first_start(&place, &Options::default());
        // The keys are made in the second half.
        thread::park_timeout(took / 2 + took * round / (2 * ROUNDS));
        kill(child);
        goes_on(&place, 1);
        // An object that a call had begun to make may remain: both halves of a pair.
        let objects = place.token.objects() - before;
        assert!((ROOT_OBJECTS..=ROOT_OBJECTS + 2).contains(&objects), "{objects}");
    }
}

#[test]
fn what_was_not_finished_is_replaced() {
    let (calls, _) = whole(&Arc::new(Place::new()));
    let place = Arc::new(Place::new());
    // The last calls only compare.
    let (options, control) = shim::options(&place, &[("hang", Fault::new(Deed::Hang, &[]).after(calls * 9 / 10))]);
    let child = first_start(&place, &options);
    eventually("a call hangs", || (control.hits("hang") > 0).then_some(()));
    kill(child);
    assert_eq!((place.token.objects(), announced(&place).len()), (ROOT_OBJECTS, 6));
    // Two objects have one CKA_ID, so the server cannot know which of them is the key.
    place.token.put_back(&place.token.kept()[0].double());
    goes_on(&place, 1);
}

/// A person who can write a database, but does not know the PIN, cannot make a new database use the keys of another
/// one.
#[test]
fn keys_of_another_database_are_not_pending() {
    let place = Arc::new(Place::new());
    assert!(Server::start_at(Arc::clone(&place), &Options::default()).stop().1.success());
    let others = recorded(&place);
    let kept = fs::read(place.database()).unwrap();
    for plant in [
        "INSERT INTO root_key_pending SELECT name, cka_id FROM other",
        "INSERT INTO root_key_pending SELECT name, CAST(cka_id || zeroblob(12) AS BLOB) FROM other",
    ] {
        without_database(&place);
        fs::write(place.database(), &kept).unwrap();
        let database = Database::open(place.database()).unwrap();
        let emptied = "CREATE TABLE other AS SELECT * FROM root_key; DELETE FROM root_key; DELETE FROM audit_head;
                       DELETE FROM gcm_credit; DELETE FROM gcm_use;";
        database.execute_batch(&format!("{emptied}{plant}; DROP TABLE other;")).unwrap();
        drop(database);
        match Server::try_start_at(Arc::clone(&place), &Options::default()) {
            Ok(server) => {
                let own = recorded(&place);
                assert!(own.iter().all(|(name, id)| others[name] != *id), "{plant}");
                assert!(server.stop().1.success());
            }
            Err(why) => assert!(why.contains("seed"), "{plant}: {why}"),
        }
    }
}
