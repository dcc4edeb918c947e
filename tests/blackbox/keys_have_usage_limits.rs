//! Usage Limits (KMIP 2.1 section 4.59): a key protects exactly as much as its limit permits, whoever uses it, in whatever
//! way, and across restarts and kills.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::attributes::{LATE, delete, limits, put, units};
use crate::harness::jwt::now;
use crate::harness::kmip::{
    PATH, boolean, bytes, create, date, date_at, encrypt, enumeration, find, import, integer, locate, mac, mac_verify,
    named, octets, parameters, revoke, string, structure, text, with, wrapped,
};
use crate::harness::message::{message, option};
use crate::harness::pairs::{pair, sign};
use crate::harness::server::{Place, run};
use crate::harness::{Caller, Connection, Options, Server, reference};

const SPENT: &str = "Usage_Limit_Exceeded";

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        each_protection_counts_in_its_unit,
        clients_ask_for_units,
        limits_are_fixed_once_used,
        what_a_client_says_of_the_count_is_not_believed,
        a_message_counts_as_its_items_do,
        an_operation_in_parts_is_one_object,
        a_replaced_key_keeps_its_count,
    ]);
}

/// A key of alice's with a limit.
fn limited(alice: &mut Connection, total: i64, unit: &str, more: &[Value]) -> String {
    alice.new_key(&create("AES", 256, &[&[limits(total, unit)], more].concat()))
}

fn left(alice: &mut Connection, id: &str) -> Option<i64> {
    find(&alice.attributes(id), "UsageLimitsCount").and_then(Value::as_i64)
}

fn each_protection_counts_in_its_unit(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = limited(&mut alice, 20, "Byte", &[]);
    assert_eq!(left(&mut alice, &id), Some(20));
    let sealed = alice.seal(&id, &[1; 7]);
    assert_eq!(left(&mut alice, &id), Some(13));
    let made = alice.mac(&id, &[2; 10]);
    assert_eq!(left(&mut alice, &id), Some(3));
    let problem = alice.refused(&encrypt(&id, &[1; 4]), 409, SPENT);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&id) && detail.contains(" 4 ") && detail.contains("Re-key"), "{detail}");
    assert_eq!(left(&mut alice, &id), Some(3), "a refused request counts nothing");
    // Even nothing is protected: its tag covers the additional data.
    alice.seal(&id, b"");
    alice.seal(&id, &[1; 2]);
    assert_eq!(left(&mut alice, &id), Some(0));
    for request in [encrypt(&id, b""), mac(&id, b"x")] {
        alice.refused(&request, 409, SPENT);
    }
    // What is protected already is processed without a limit.
    for _ in 0..3 {
        assert_eq!(alice.open(&sealed), [1; 7]);
        alice.ok(&mac_verify(&id, &[2; 10], &made));
    }
    // A request that is refused for another reason counts nothing.
    let id = limited(&mut alice, 2, "Object", &[]);
    for mode in ["XTS", "NISTKeyWrap"] {
        let mode = parameters(&[enumeration("BlockCipherMode", mode)]);
        assert_ne!(alice.kmip(&with(encrypt(&id, b"x"), &[mode])).status, 200);
    }
    let revoked = limited(&mut alice, 2, "Object", &[]);
    alice.ok(&revoke(&revoked, "Superseded"));
    assert_ne!(alice.kmip(&encrypt(&revoked, b"x")).status, 200);
    assert_eq!((left(&mut alice, &id), left(&mut alice, &revoked)), (Some(2), Some(2)));
    // A wrapped key, a signature, and the API of other clients.
    let wrapping = limited(&mut alice, 64, "Byte", &[integer("CryptographicUsageMask", 0x14)]);
    let own = alice.aes();
    for operation in ["Get", "Export"] {
        alice.ok(&wrapped(operation, &own, &wrapping));
    }
    assert_eq!(left(&mut alice, &wrapping), Some(0));
    alice.refused(&wrapped("Get", &own, &wrapping), 409, SPENT);
    let (private, _) = pair(&mut alice, "EC", 256);
    alice.ok(&put("AddAttribute", &private, &limits(1, "Object")));
    alice.ok(&sign(&private, b"x", &[]));
    alice.refused(&sign(&private, b"x", &[]), 409, SPENT);
    let mut caller = Caller::certificate(server, "alice");
    let path = format!("/api/v1/kms/keys/{id}/encrypt");
    let answers = [(); 3].map(|()| caller.post(&path, &json!({"plaintext": "AAAA"})).status);
    assert_eq!(answers, [200, 200, 409]);
}

fn clients_ask_for_units(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = limited(&mut alice, 10, "Byte", &[]);
    let ask = |id: &str, count| units("GetUsageAllocation", id, count);
    alice.ok(&ask(&id, 6));
    assert_eq!(left(&mut alice, &id), Some(4));
    for (count, is_left) in [(4, true), (5, false)] {
        let answer = alice.kmip(&units("Check", &id, count));
        assert_eq!(answer.status == 200, is_left, "{}", String::from_utf8_lossy(&answer.body));
    }
    alice.refused(&units("Check", &id, 5), 409, SPENT);
    alice.refused(&ask(&id, 5), 409, SPENT);
    for count in [0, -1, i64::MIN] {
        alice.refused(&ask(&id, count), 400, "Invalid_Attribute_Value");
    }
    alice.refused(&ask(&id, i64::MAX), 409, SPENT);
    alice.ok(&ask(&id, 4));
    alice.refused(&encrypt(&id, b"x"), 409, SPENT);
    // Without limits there is nothing to allocate, and Check permits any number.
    let free = alice.aes();
    alice.refused(&ask(&free, 1), 404, "Attribute_Not_Found");
    alice.ok(&units("Check", &free, i64::MAX));
    // Only a key that may protect now.
    let early = limited(&mut alice, 10, "Byte", &[date("ActivationDate", LATE)]);
    alice.refused(&ask(&early, 1), 409, "Wrong_Key_Lifecycle_State");
    let reads = limited(&mut alice, 10, "Byte", &[integer("CryptographicUsageMask", 8)]);
    alice.refused(&ask(&reads, 1), 403, "Incompatible_Cryptographic_Usage_Mask");
    assert_eq!((left(&mut alice, &early), left(&mut alice, &reads)), (Some(10), Some(10)));
}

fn limits_are_fixed_once_used(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    alice.seal(&id, b"before");
    alice.ok(&put("AddAttribute", &id, &limits(5, "Object")));
    alice.ok(&put("SetAttribute", &id, &limits(7, "Byte")));
    assert_eq!(left(&mut alice, &id), Some(7));
    alice.ok(&delete(&id, "UsageLimits"));
    assert_eq!(left(&mut alice, &id), None);
    alice.seal(&id, &[1; 100]);
    alice.ok(&put("SetAttribute", &id, &limits(3, "Object")));
    alice.seal(&id, b"x");
    for request in [put("ModifyAttribute", &id, &limits(9, "Object")), delete(&id, "UsageLimits")] {
        alice.refused(&request, 409, "Attribute_Read_Only");
    }
    assert_eq!(left(&mut alice, &id), Some(2));
    // Other attributes of a used key change.
    alice.ok(&put("SetAttribute", &id, &text("Comment", "used")));
    assert_eq!(left(&mut alice, &id), Some(2));
    for total in [0, -5] {
        alice.refused(&put("AddAttribute", &id, &limits(total, "Byte")), 422, "Attribute_Single_Valued");
        alice.refused(&create("AES", 256, &[limits(total, "Byte")]), 400, "Invalid_Attribute_Value");
    }
    alice.ok(&revoke(&id, "Superseded"));
    alice.ok(&named("Destroy", &id));
    let database = Database::open(server.place.database()).unwrap();
    let rows: i64 =
        database.query_row("SELECT count(*) FROM usage_limit WHERE object = ?1", [&id], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

fn what_a_client_says_of_the_count_is_not_believed(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let said = |total: i64, count: i64| {
        let own = json!({"tag": "UsageLimitsCount", "type": "LongInteger", "value": count});
        with(limits(total, "Object"), &[own])
    };
    // In a request for a new object it is ignored (section 4.59).
    let id = alice.new_key(&create("AES", 256, &[said(3, 1000)]));
    assert_eq!(left(&mut alice, &id), Some(3));
    let registered = crate::harness::kmip::register("AES", &reference::random(32), &[said(3, 1)]);
    let registered = alice.new_key(&registered);
    assert_eq!(left(&mut alice, &registered), Some(3));
    for count in [1, 1000, -1] {
        alice.refused(&put("SetAttribute", &id, &said(3, count)), 400, "Attribute_Read_Only");
    }
    assert_eq!(left(&mut alice, &id), Some(3));
}

fn a_message_counts_as_its_items_do(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = limited(&mut alice, 3, "Object", &[]);
    let items = [encrypt(&id, b"x"), put("AddAttribute", &id, &text("Comment", "c")), encrypt(&id, b"x")];
    for continuation in ["Stop", "Undo"] {
        let answer = alice.ok(&message(&[option(continuation)], &items));
        let statuses: Vec<&Value> = answer["value"].as_array().unwrap().iter().skip(1).collect();
        let failed = statuses.iter().filter(|item| string(item, "ResultStatus") != "Success").count();
        // The second message finds one unit, and the comment.
        assert_eq!(failed > 0, continuation == "Undo", "{answer}");
    }
    // A limit and uses in one message: it ends, and the limit holds afterwards.
    let other = alice.aes();
    let items = [put("AddAttribute", &other, &limits(1, "Object")), encrypt(&other, b"x")];
    alice.ok(&message(&[option("Undo")], &items));
    while alice.kmip(&encrypt(&other, b"x")).status == 200 {}
    assert_eq!(left(&mut alice, &other), Some(0));
}

/// The bytes of every part count, and an object is counted once.
fn an_operation_in_parts_is_one_object(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for (unit, total, rest) in [("Object", 1, 0), ("Byte", 100, 52)] {
        let id = limited(&mut alice, total, unit, &[]);
        let cbc = parameters(&[enumeration("BlockCipherMode", "CBC")]);
        let part = |more: &[Value]| with(encrypt(&id, &[7; 16]), more);
        let begun = alice.ok(&part(&[cbc, boolean("InitIndicator", true)]));
        let value = bytes("CorrelationValue", &octets(&begun, "CorrelationValue"));
        alice.ok(&part(std::slice::from_ref(&value)));
        alice.ok(&part(&[value, boolean("FinalIndicator", true)]));
        assert_eq!(left(&mut alice, &id), Some(rest), "{unit}");
    }
    // In a message the reason is that of OASIS's test cases.
    let id = limited(&mut alice, 1, "Object", &[]);
    let asked = units("GetUsageAllocation", &id, 2);
    let answer = alice.ok(&message(&[option("Continue")], &[encrypt(&id, b"x"), encrypt(&id, b"x"), asked]));
    assert_eq!(reasons(&answer), ["PermissionDenied", "UsageLimitExceeded"], "{answer}");
}

fn reasons(answer: &Value) -> Vec<String> {
    let items = answer["value"].as_array().unwrap().iter().filter(|item| item["tag"] == "BatchItem");
    let reasons = items.filter_map(|item| find(item, "ResultReason")).filter_map(Value::as_str);
    reasons.map(|reason| reason.replace('_', "")).collect()
}

fn a_replaced_key_keeps_its_count(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = "limited-and-replaced";
    let limit = limits(2, "Object");
    alice.ok(&import(id, None, "AES", &reference::random(32), std::slice::from_ref(&limit)));
    alice.seal(id, b"x");
    for more in [vec![], vec![limit]] {
        alice.ok(&crate::harness::kmip::replace(id, "AES", &reference::random(32), &more));
        assert_eq!(left(&mut alice, id), Some(1));
    }
    let other = crate::harness::kmip::replace(id, "AES", &reference::random(32), &[limits(9, "Object")]);
    alice.refused(&other, 400, "Invalid_Attribute_Value");
    // A search that would not be limited by what it names is refused.
    assert_ne!(alice.kmip(&locate(&[limits(2, "Object")], &[])).status, 200);
}

/// Encrypts until `most` requests are answered or the server is gone. Returns how many succeeded.
fn used(alice: &mut Connection, id: &str, most: usize) -> usize {
    let request = encrypt(id, b"x").to_string();
    let headers = [("Content-Type", "application/json")];
    let answers = std::iter::from_fn(|| alice.try_request("POST", PATH, &headers, request.as_bytes()).ok());
    answers.take(most).filter(|answer| answer.status == 200).count()
}

#[test]
fn of_1000_requests_at_once_exactly_100_are_permitted() {
    const CLIENTS: usize = 20;
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = limited(&mut alice, 100, "Object", &[]);
    let bytes = limited(&mut alice, 100 * 16, "Byte", &[]);
    let (objects, blocks) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, id, bytes, objects, blocks) = (&server, &id, &bytes, &objects, &blocks);
            scope.spawn(move || {
                let mut alice = server.alice().connect().unwrap();
                objects.fetch_add(used(&mut alice, id, 1000 / CLIENTS), Ordering::Relaxed);
                for turn in 0..10 {
                    let length = 1 + (client * 7 + turn) % 31;
                    if alice.kmip(&encrypt(bytes, &vec![0; length])).status == 200 {
                        blocks.fetch_add(length, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(objects.into_inner(), 100);
    let spent = blocks.into_inner() as i64;
    assert_eq!(left(&mut alice, &bytes), Some(100 * 16 - spent));
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    assert_eq!((used(&mut alice, &id, 3), left(&mut alice, &id)), (0, Some(0)));
    assert_eq!(left(&mut alice, &bytes), Some(100 * 16 - spent));
}

#[test]
fn a_kill_in_between_never_gives_more() {
    let place = Arc::new(Place::new());
    let mut server = Server::start_at(Arc::clone(&place), &Options::default());
    let id = limited(&mut server.alice().connect().unwrap(), 100, "Object", &[]);
    let mut total = 0;
    for round in 0..4 {
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let (client, id) = (server.alice(), id.clone());
                thread::spawn(move || client.connect().map_or(0, |mut alice| used(&mut alice, &id, 200)))
            })
            .collect();
        // Each round is killed after some more uses: the count says when.
        used(&mut server.alice().connect().unwrap(), &id, 3 + round);
        server.kill();
        total += clients.into_iter().map(|client| client.join().unwrap()).sum::<usize>();
        server = Server::start_at(Arc::clone(&place), &Options::default());
    }
    let mut alice = server.alice().connect().unwrap();
    total += used(&mut alice, &id, 110);
    assert!(total <= 100, "{total}");
    assert_eq!(left(&mut alice, &id), Some(0));
}

#[test]
fn a_count_that_was_changed_in_the_database_is_refused() {
    let place = Arc::new(Place::new());
    for statement in [
        "UPDATE usage_limit SET left = 1000",
        "DELETE FROM usage_limit",
        "UPDATE usage_limit SET binding = (SELECT binding FROM usage_limit LIMIT 1), left = 5",
    ] {
        let server = Server::start_at(Arc::clone(&place), &Options::default());
        let mut alice = server.alice().connect().unwrap();
        let id = limited(&mut alice, 10, "Object", &[]);
        let free = alice.aes();
        alice.seal(&id, b"x");
        server.stop();
        let database = Database::open(place.database()).unwrap();
        assert!(database.execute(statement, []).unwrap() > 0);
        drop(database);
        if statement.starts_with("UPDATE") {
            let (status, out, err) = run(place.command(&Options::default()).arg("--check-store"));
            assert!(!status.success() && (out + &err).contains(&id));
        }
        let server = Server::start_at(Arc::clone(&place), &Options::default());
        let mut alice = server.alice().connect().unwrap();
        assert_eq!(alice.kmip(&encrypt(&id, b"x")).status, 500, "{statement}");
        assert_eq!(alice.kmip(&units("GetUsageAllocation", &id, 1)).status, 500, "{statement}");
        alice.seal(&free, b"x");
        assert!(server.log().contains("ROW REFUSED"), "{statement}");
        server.stop();
    }
}

#[test]
fn a_lease_ends_with_the_next_date() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let answer = alice.ok(&named("ObtainLease", &id));
    assert_eq!(find(&answer, "LeaseTime"), Some(&json!(3600)));
    assert_eq!(find(&answer, "LastChangeDate"), find(&alice.attributes(&id), "LastChangeDate"));
    let check = |id: &str, seconds: i64| {
        let time = json!({"tag": "LeaseTime", "type": "Interval", "value": seconds});
        structure("Check", &[text("UniqueIdentifier", id), time])
    };
    alice.ok(&check(&id, 3600));
    alice.refused(&check(&id, 3601), 409, "Permission_Denied");
    for tag in ["ProtectStopDate", "DeactivationDate"] {
        let id = alice.new_key(&create("AES", 256, &[date_at(tag, now() + 600)]));
        let answer = alice.ok(&named("ObtainLease", &id));
        let lease = find(&answer, "LeaseTime").and_then(Value::as_i64).unwrap();
        assert!((1..=600).contains(&lease), "{lease}");
        alice.refused(&check(&id, 601), 409, "Permission_Denied");
    }
    alice.ok(&revoke(&id, "Superseded"));
    alice.ok(&named("Destroy", &id));
    alice.refused(&named("ObtainLease", &id), 409, "Object_Destroyed");
}
