//! The clock activates, deactivates and replaces objects at their times: once, also across a restart and a kill, with a
//! line in the audit log, and at once in every answer.

use std::fs;
use std::sync::Arc;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::attributes::put;
use crate::harness::clock;
use crate::harness::jwt::now;
use crate::harness::kmip::{
    boolean, create, date_at, encrypt, enumeration, find, integer, link, locate, name, named, register, revoke, string,
    structure, tags, text,
};
use crate::harness::pairs::{pair_of, sign, verify};
use crate::harness::server::{Place, run};
use crate::harness::{Connection, Options, Server, eventually};

fn interval(tag: &str, seconds: u32) -> Value {
    json!({"tag": tag, "type": "Interval", "value": seconds})
}

/// The attributes of a key that the server replaces every two minutes.
fn rotating() -> Vec<Value> {
    vec![interval("RotateInterval", 120), boolean("RotateAutomatic", true)]
}

fn moving() -> (Arc<Place>, Options) {
    let place = Arc::new(Place::new());
    let options = clock::moved(&place, Options::default());
    (place, options)
}

/// The lines of the audit log about what the clock has done with an object: operation and version.
fn clocked(place: &Place, id: &str) -> Vec<(String, i64)> {
    let text = fs::read_to_string(place.path("claviger.audit.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let own = lines.filter(|line| line["event"] == "clock" && line["object"] == id && line["outcome"] == "success");
    own.map(|line| (line["operation"].as_str().unwrap().to_owned(), line["version"].as_i64().unwrap())).collect()
}

fn await_lines(place: &Place, id: &str, count: usize) -> Vec<(String, i64)> {
    eventually("the clock has a line", || Some(clocked(place, id)).filter(|lines| lines.len() >= count))
}

fn in_state(alice: &mut Connection, state: &str, tag: &str) -> Vec<String> {
    let mut found = alice.located(&locate(&[enumeration("State", state), tags(&[tag])], &[])).0;
    found.sort();
    found
}

#[test]
fn dates_are_followed_once_and_at_once() {
    let (place, options) = moving();
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let begin = now();
    let life = [date_at("ActivationDate", begin + 300), date_at("DeactivationDate", begin + 600), tags(&["clock"])];
    // More than are changed in one commit.
    let mut ids: Vec<String> = (0..70).map(|_| alice.new_key(&create("AES", 256, &life))).collect();
    ids.sort();
    let other = alice.new_key(&create("AES", 256, &[tags(&["clock"]), date_at("DeactivationDate", begin + 600)]));
    assert_eq!(in_state(&mut alice, "PreActive", "clock"), ids);
    alice.refused(&encrypt(&ids[0], b"x"), 409, "Wrong_Key_Lifecycle_State");
    clock::advance(&place, 301);
    // In the answers at once, whatever the sweep has done.
    alice.seal(&ids[0], b"x");
    assert_eq!(in_state(&mut alice, "PreActive", "clock"), [""; 0]);
    for id in &ids {
        assert_eq!(await_lines(&place, id, 1), [("Activate".to_owned(), 2)]);
    }
    // A line is written before its commit: a kill in between would retract it.
    let waiting = || {
        let database = Database::open(place.database()).unwrap();
        database.query_row("SELECT count(*) FROM object WHERE state = 1", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    eventually("the rows follow", || (waiting() == 0).then_some(()));
    // Killed between the date and the next look at it.
    clock::advance(&place, 300);
    server.kill();
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(in_state(&mut alice, "Active", "clock"), [""; 0]);
    for id in &ids {
        let expected = [("Activate".to_owned(), 2), ("Deactivate".to_owned(), 3)];
        assert_eq!(await_lines(&place, id, 2), expected);
    }
    assert_eq!(await_lines(&place, &other, 1), [("Deactivate".to_owned(), 2)]);
    alice.refused(&encrypt(&other, b"x"), 409, "Wrong_Key_Lifecycle_State");
    let attributes = alice.attributes(&other);
    assert_eq!(string(&attributes, "State"), "Deactivated");
    assert_ne!(find(&attributes, "LastChangeDate"), find(&attributes, "InitialDate"));
    // What has ended is not changed again, and what the caller has ended is not ended by the clock.
    let gone = alice.new_key(&create("AES", 256, &[date_at("DeactivationDate", now() + 100_000)]));
    alice.ok(&revoke(&gone, "KeyCompromise"));
    // Nor what had ended before it came.
    let ended = [date_at("ActivationDate", begin - 600), date_at("DeactivationDate", begin - 300)];
    let past = alice.new_key(&register("AES", &[7; 32], &ended));
    let server = server.restart();
    clock::advance(&place, 60);
    let mut alice = server.alice().connect().unwrap();
    let last = alice.new_key(&create("AES", 256, &[date_at("DeactivationDate", now() + 1_200)]));
    clock::advance(&place, 1_200);
    await_lines(&place, &last, 1);
    assert_eq!([&ids[0], &gone, &past].map(|id| clocked(&place, id).len()), [2, 0, 0]);
    server.stop();
    let (status, out, error) = run(place.command(&options).arg("--check-store"));
    assert!(status.success(), "{out}{error}");
}

#[test]
fn a_row_that_is_refused_does_not_stop_the_clock() {
    let (place, options) = moving();
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let soon = [date_at("DeactivationDate", now() + 300)];
    let [forged, sound] = [(); 2].map(|()| alice.new_key(&create("AES", 256, &soon)));
    server.stop();
    let database = Database::open(place.database()).unwrap();
    database.execute("UPDATE object SET deactivation_date = 1 WHERE id = ?1", [&forged]).unwrap();
    drop(database);
    let server = Server::start_at(Arc::clone(&place), &options);
    clock::advance(&place, 301);
    await_lines(&place, &sound, 1);
    // The log names the row, and not in each second.
    let last =
        server.alice().connect().unwrap().new_key(&create("AES", 256, &[date_at("DeactivationDate", now() + 400)]));
    clock::advance(&place, 400);
    await_lines(&place, &last, 1);
    let refused = server.log().lines().filter(|line| line.contains("ROW REFUSED") && line.contains(&forged)).count();
    assert_eq!((refused, clocked(&place, &forged).len()), (1, 0));
}

/// The replacement of a key.
fn replacement(alice: &mut Connection, id: &str) -> Option<String> {
    let attributes = alice.attributes(id);
    let links = crate::harness::kmip::all(&attributes, "Link");
    let link = links.into_iter().find(|link| link[0]["value"] == "ReplacementObjectLink")?;
    Some(link[1]["value"].as_str().unwrap().to_owned())
}

#[test]
fn keys_are_rotated_once_across_restarts() {
    let (place, options) = moving();
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let rotated = [rotating(), vec![name("payments"), interval("RotateOffset", 0)]].concat();
    let first = alice.new_key(&create("AES", 256, &rotated));
    let sealed = alice.seal(&first, b"before");
    let plain = alice.new_key(&create("AES", 256, &rotating()[..1]));
    // Many intervals later it is replaced once: the interval of the new key begins now.
    server.stop();
    clock::advance(&place, 1_000);
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let second = eventually("the key is replaced", || replacement(&mut alice, &first));
    assert_eq!(clocked(&place, &first).len(), 1);
    assert_eq!(clocked(&place, &second), [("ReKey".to_owned(), 1)]);
    let (found, _) = alice.located(&locate(&[name("payments")], &[]));
    assert_eq!(found, [second.as_str()]);
    let (old, new) = (alice.attributes(&first), alice.attributes(&second));
    let field = |attributes: &Value, tag| find(attributes, tag).cloned();
    assert_eq!((field(&old, "RotateLatest"), field(&new, "RotateLatest")), (Some(json!(false)), Some(json!(true))));
    assert_eq!((field(&old, "RotateGeneration"), field(&new, "RotateGeneration")), (None, Some(json!(1))));
    assert!(field(&old, "RotateDate").is_some() && field(&new, "RotateDate").is_none());
    assert_eq!(field(&new, "RotateInterval"), Some(json!(120)));
    assert_eq!(alice.open(&sealed), b"before");
    alice.seal(&second, b"after");
    // Killed after the time, before the server has seen it.
    clock::advance(&place, 130);
    server.kill();
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let third = eventually("the key is replaced again", || replacement(&mut alice, &second));
    assert_eq!(find(&alice.attributes(&third), "RotateGeneration"), Some(&json!(2)));
    assert_eq!(clocked(&place, &first).len(), 1);
    // It ends when the client ends it, and with the key.
    alice.ok(&put("ModifyAttribute", &third, &boolean("RotateAutomatic", false)));
    let revoked = alice.new_key(&create("AES", 256, &rotating()));
    alice.ok(&revoke(&revoked, "Superseded"));
    let last = alice.new_key(&create("AES", 256, &rotating()));
    clock::advance(&place, 130);
    eventually("the last key is replaced", || replacement(&mut alice, &last));
    for id in [&third, &revoked, &plain] {
        assert_eq!(replacement(&mut alice, id), None);
    }
    server.stop();
    let (status, out, error) = run(place.command(&options).arg("--check-store"));
    assert!(status.success(), "{out}{error}");
}

#[test]
fn pairs_are_rotated_together() {
    let (place, options) = moving();
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let made = alice.ok(&pair_of("EC", 256, &[rotating(), vec![name("signer")]].concat(), &[]));
    let (private, public) = crate::harness::pairs::halves(&made);
    clock::advance(&place, 130);
    let new = eventually("the pair is replaced", || replacement(&mut alice, &private));
    let other = replacement(&mut alice, &public).unwrap();
    let signed = alice.ok(&sign(&new, b"x", &[]));
    let signature = crate::harness::kmip::octets(&signed, "SignatureData");
    assert_eq!(string(&alice.ok(&verify(&other, b"x", &signature, &[])), "ValidityIndicator"), "Valid");
    assert_eq!(string(&alice.ok(&verify(&public, b"x", &signature, &[])), "ValidityIndicator"), "Invalid");
    for (id, expected) in [(&new, &other), (&other, &new)] {
        assert!(alice.attributes(id).to_string().contains(expected.as_str()));
    }
    assert_eq!((await_lines(&place, &private, 1).len(), clocked(&place, &public).len()), (1, 1));
}

#[test]
fn one_owner_does_not_get_all_rotations() {
    let (place, options) = moving();
    let server = Server::start_at(Arc::clone(&place), &options);
    let [mut alice, mut bob] = [server.alice(), server.bob()].map(|client| client.connect().unwrap());
    let many: Vec<String> = (0..130).map(|_| alice.new_key(&create("AES", 256, &rotating()))).collect();
    let one = bob.new_key(&create("AES", 256, &rotating()));
    let done = || many.iter().map(|id| clocked(&place, id).len()).sum::<usize>();
    clock::advance(&place, 130);
    await_lines(&place, &one, 1);
    // Bob's key is last in the order. A minute may have ended in between.
    assert!((1..=120).contains(&done()), "{}", done());
    for minute in 1..=3 {
        eventually("a share is used", || (done() >= 130.min(60 * minute)).then_some(()));
        clock::advance(&place, 60);
    }
    // Those that were replaced first are due again, and only those.
    let twice = many.iter().filter(|id| clocked(&place, id).len() != 1).count();
    assert_eq!(twice, 0);
}

#[test]
fn an_owner_has_a_bounded_number_of_rotations() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let own = alice.new_key(&create("AES", 256, &rotating()));
    let place = Arc::clone(&server.place);
    server.stop();
    // The rows for searches are not bound.
    let database = Database::open(place.database()).unwrap();
    let sql = "WITH RECURSIVE each (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM each WHERE n < 9999) \
               INSERT INTO object_rotation SELECT 'filled ' || n, 9000000000, 'alice' FROM each";
    assert_eq!(database.execute(sql, []).unwrap(), 9_999);
    drop(database);
    let server = Server::start_at(place, &Options::default());
    let [mut alice, mut bob] = [server.alice(), server.bob()].map(|client| client.connect().unwrap());
    // Also one that waits for its activation.
    let waiting = [rotating(), vec![date_at("ActivationDate", now() + 1_000)]].concat();
    for attributes in [&rotating(), &waiting] {
        let refused = alice.refused(&create("AES", 256, attributes), 409, "Server_Limit_Exceeded");
        assert!(refused.to_string().contains("10000"), "{refused}");
        bob.new_key(&create("AES", 256, attributes));
    }
    let other = alice.new_key(&create("AES", 256, &rotating()[..1]));
    alice.refused(&put("AddAttribute", &other, &boolean("RotateAutomatic", true)), 409, "Server_Limit_Exceeded");
    // What is noted stays so, and its place is free when it ends.
    alice.ok(&put("ModifyAttribute", &own, &interval("RotateInterval", 600)));
    alice.ok(&revoke(&own, "Superseded"));
    alice.ok(&put("AddAttribute", &other, &boolean("RotateAutomatic", true)));
}

#[test]
fn a_rotation_has_rules() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    for attributes in [
        vec![interval("RotateInterval", 59)],
        vec![interval("RotateInterval", 0), boolean("RotateAutomatic", true)],
        vec![boolean("RotateAutomatic", true)],
    ] {
        alice.refused(&create("AES", 256, &attributes), 400, "Invalid_Attribute_Value");
    }
    let id = alice.aes();
    alice.refused(&put("AddAttribute", &id, &boolean("RotateAutomatic", true)), 400, "Invalid_Attribute_Value");
    alice.refused(&put("AddAttribute", &id, &interval("RotateInterval", 59)), 400, "Invalid_Attribute_Value");
    alice.ok(&put("AddAttribute", &id, &interval("RotateInterval", 3_600)));
    alice.ok(&put("AddAttribute", &id, &boolean("RotateAutomatic", true)));
    let named_set = structure("RotateName", &[text("RotateNameValue", "set"), enumeration("RotateNameType", "URI")]);
    alice.ok(&put("SetAttribute", &id, &named_set));
    // Only the server says what was rotated.
    for own in [boolean("RotateLatest", false), integer("RotateGeneration", 7), date_at("RotateDate", 7)] {
        alice.refused(&put("SetAttribute", &id, &own), 400, "Attribute_Read_Only");
        alice.refused(&create("AES", 256, std::slice::from_ref(&own)), 400, "Attribute_Read_Only");
    }
    // A link that a client sets is data.
    let other = alice.aes();
    alice.ok(&put("AddAttribute", &other, &link("ReplacementObjectLink", &id)));
    alice.ok(&named("ReKey", &other));
}
