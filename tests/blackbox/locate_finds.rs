//! Locate finds by name, tag, state, algorithm, length and mask, the newest first, in pages, and only objects on which
//! the caller has a right.

use serde_json::{Value, json};

use crate::harness::kmip::{
    all, boolean, bytes, create, date, enumeration, find, integer, locate, name, named, revoke, string, structure,
    tags, text, vendor_attribute,
};
use crate::harness::{Caller, Connection, Server};

const LATER: &str = "2999-01-01T00:00:00Z";

#[test]
fn by_every_attribute_it_knows() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let red = alice.new_key(&create("AES", 256, &[name("red"), name("shared"), tags(&["prod", "db"])]));
    let blue = alice.new_key(&create("AES", 128, &[name("blue"), name("shared"), tags(&["prod"])]));
    let mac = alice.new_key(&create("HMACSHA256", 256, &[integer("CryptographicUsageMask", 128)]));
    let later = alice.new_key(&create("AES", 256, &[date("ActivationDate", LATER), tags(&["later"])]));
    let revoked = alice.aes();
    alice.ok(&revoke(&revoked, "Superseded"));
    let compromised = alice.aes();
    alice.ok(&revoke(&compromised, "KeyCompromise"));
    let mut check = |criteria: &[Value], expected: &[&String]| {
        let (ids, total) = alice.located(&locate(criteria, &[]));
        // The newest object comes first.
        assert_eq!(ids.iter().rev().collect::<Vec<_>>(), expected, "{criteria:?}");
        assert_eq!(total, expected.len() as i64);
    };
    check(&[], &[&red, &blue, &mac, &later, &revoked, &compromised]);
    check(&[name("red")], &[&red]);
    check(&[name("shared")], &[&red, &blue]);
    check(&[name("shared"), name("blue")], &[&blue]);
    check(&[name("red"), name("blue")], &[]);
    check(&[name("re")], &[]);
    check(&[name("RED")], &[]);
    check(&[name("%")], &[]);
    check(&[name("*")], &[]);
    check(&[structure("Name", &[text("NameValue", "red")])], &[&red]);
    check(&[tags(&["prod"])], &[&red, &blue]);
    check(&[tags(&["prod", "db"])], &[&red]);
    check(&[tags(&["absent"])], &[]);
    check(&[name("shared"), tags(&["db"])], &[&red]);
    check(&[enumeration("State", "Active")], &[&red, &blue, &mac]);
    check(&[enumeration("State", "PreActive")], &[&later]);
    check(&[enumeration("State", "Deactivated")], &[&revoked]);
    check(&[enumeration("State", "Compromised")], &[&compromised]);
    check(&[enumeration("CryptographicAlgorithm", "HMAC_SHA256")], &[&mac]);
    check(&[integer("CryptographicLength", 128)], &[&blue]);
    check(&[enumeration("CryptographicAlgorithm", "AES"), integer("CryptographicLength", 128)], &[&blue]);
    check(&[integer("CryptographicUsageMask", 4)], &[&red, &blue, &later, &revoked, &compromised]);
    check(&[integer("CryptographicUsageMask", 128), enumeration("State", "Active")], &[&red, &blue, &mac]);
    check(&[enumeration("ObjectType", "PrivateKey")], &[]);
    check(&[enumeration("ObjectType", "SymmetricKey"), name("red")], &[&red]);
    check(&[text("UniqueIdentifier", &blue)], &[&blue]);
    check(&[text("UniqueIdentifier", &blue), name("red")], &[]);
    check(&[text("UniqueIdentifier", "absent")], &[]);
    check(&[text("Comment", "x")], &[]);
    check(&[boolean("Sensitive", true)], &[]);
    check(&[date("InitialDate", "2020-01-01T00:00:00Z"), date("InitialDate", LATER), name("red")], &[&red]);

    // Without criteria, and with one that would match in another way than the standard says.
    assert_eq!(alice.located(&structure("Locate", &[])).1, 6);
    let limits = structure(
        "UsageLimits",
        &[
            json!({"tag": "UsageLimitsTotal", "type": "LongInteger", "value": 1}),
            enumeration("UsageLimitsUnit", "Byte"),
        ],
    );
    let problem = alice.refused(&locate(&[limits], &[]), 422, "Unsupported_Attribute");
    assert!(problem["detail"].as_str().unwrap().contains("UsageLimits"));
}

/// Returns a page, and the number of all matches if the answer has it.
fn page(alice: &mut Connection, criteria: &[Value], more: &[Value]) -> (Vec<String>, Option<i64>) {
    let answer = alice.ok(&locate(criteria, more));
    let ids = all(&answer, "UniqueIdentifier").into_iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    (ids, find(&answer, "LocatedItems").and_then(Value::as_i64))
}

fn after(id: &str) -> Value {
    vendor_attribute("claviger", "after", id)
}

#[test]
fn in_pages() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut keys: Vec<String> = (0..25).map(|_| alice.new_key(&create("AES", 256, &[tags(&["page"])]))).collect();
    keys.reverse();
    alice.aes();
    let wanted = tags(&["page"]);
    let limit = |items| integer("MaximumItems", items);
    let mut seen = Vec::new();
    for offset in (0..30).step_by(7) {
        let (ids, total) = page(&mut alice, std::slice::from_ref(&wanted), &[limit(7), integer("OffsetItems", offset)]);
        assert!(ids.len() <= 7);
        // To count the matches after the page would cost more than the page.
        assert_eq!(total, (offset + 7 >= 25).then_some(25), "{offset}");
        seen.extend(ids);
    }
    assert_eq!(seen, keys);
    // The same with the last identifier of the page before. New objects do not shift the pages.
    let (mut seen, mut criteria) = (Vec::new(), vec![wanted.clone()]);
    for turn in 0..4 {
        let (ids, total) = page(&mut alice, &criteria, &[limit(7)]);
        // All that match: those after the object.
        assert_eq!(total, (turn == 3).then_some(4));
        criteria = vec![wanted.clone(), after(ids.last().unwrap())];
        seen.extend(ids);
        alice.new_key(&create("AES", 256, &[tags(&["page"])]));
    }
    assert_eq!(seen, keys);
    assert_eq!(page(&mut alice, &criteria, &[]), (vec![], Some(0)));
    assert_eq!(page(&mut alice, &[after(&keys[20])], &[integer("OffsetItems", 2)]), (keys[23..].to_vec(), Some(4)));
    let wanted = std::slice::from_ref(&wanted);
    assert_eq!(page(&mut alice, wanted, &[limit(0)]), (vec![], None));
    assert_eq!(page(&mut alice, &[tags(&["no"])], &[limit(0)]), (vec![], Some(0)));
    assert_eq!(page(&mut alice, wanted, &[integer("OffsetItems", 1000)]), (vec![], Some(29)));
    assert_eq!(page(&mut alice, wanted, &[limit(29)]).1, Some(29));
    for field in ["MaximumItems", "OffsetItems"] {
        alice.refused(&locate(&[], &[integer(field, -1)]), 400, "Invalid_Attribute_Value");
    }
    // After an object that does not exist, and after an object of another user, with the same answer.
    let his = server.bob().connect().unwrap().aes();
    for id in [&his, "no"] {
        alice.refused(&locate(&[after(id)], &[]), 404, "Object_Not_Found");
    }
    alice.refused(&locate(&[after(&keys[0]), after(&keys[1])], &[]), 400, "Invalid_Attribute_Value");
    // An unknown criterion does not match everything.
    alice.refused(&locate(&[vendor_attribute("claviger", "since", "x")], &[]), 422, "Unsupported_Attribute");
}

#[test]
fn what_was_destroyed_only_when_asked_for() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let criteria = [tags(&["t"])];
    let kept = alice.new_key(&create("AES", 256, &criteria));
    let gone = alice.new_key(&create("AES", 256, &criteria));
    alice.ok(&revoke(&gone, "Superseded"));
    alice.ok(&named("Destroy", &gone));
    assert_eq!(alice.located(&locate(&criteria, &[])).0, std::slice::from_ref(&kept));
    let mask = |bits| integer("StorageStatusMask", bits);
    assert_eq!(alice.located(&locate(&criteria, &[mask(1)])).0, std::slice::from_ref(&kept));
    assert_eq!(alice.located(&locate(&criteria, &[mask(4)])).0, [gone.clone(), kept.clone()]);
    assert_eq!(alice.located(&locate(&criteria, &[mask(5)])).0, [gone.clone(), kept]);
    assert_eq!(alice.located(&locate(&[], &[])).1, 1);
    let destroyed = locate(&[enumeration("State", "Destroyed")], &[]);
    assert_eq!(alice.located(&destroyed).0, std::slice::from_ref(&gone));
    let by_id = [text("UniqueIdentifier", &gone)];
    assert_eq!(alice.located(&locate(&by_id, &[])).1, 0);
    assert_eq!(alice.located(&locate(&by_id, &[mask(4)])).0, [gone]);
}

#[test]
fn never_what_is_somebody_elses() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    let attributes = [name("shared name"), tags(&["shared tag"])];
    let hers = alice.new_key(&create("AES", 256, &attributes));
    for criteria in [
        vec![],
        vec![name("shared name")],
        vec![tags(&["shared tag"])],
        vec![text("UniqueIdentifier", &hers)],
        vec![enumeration("State", "Active")],
    ] {
        let request = locate(&criteria, &[integer("StorageStatusMask", 7)]);
        assert_eq!(bob.located(&request), (vec![], 0), "{criteria:?}");
    }
    let his = bob.new_key(&create("AES", 256, &attributes));
    assert_eq!(bob.located(&locate(&attributes, &[])), (vec![his], 1));
    assert_eq!(alice.located(&locate(&attributes, &[])), (vec![hers], 1));
}

#[test]
fn a_name_is_ones_own_before_it_is_anybody_elses() {
    let server = crate::harness::hanzo::server();
    let [mut bob, mut mallory, mut carol] = ["bob", "mallory", "carol"].map(|name| Caller::certificate(&server, name));
    bob.key("bobs", &[name("payments")]);
    for (id, to) in [("planted", "*"), ("given", "bob")] {
        mallory.key(id, &[name("payments")]);
        mallory.grant(id, to, &["get_attributes", "encrypt"]);
    }
    // The newest first, but with a name and one item, the caller's own object.
    assert_eq!(bob.located(&[name("payments")]).0, ["given", "planted", "bobs"]);
    let one = locate(&[name("payments")], &[integer("MaximumItems", 1)]);
    assert_eq!(string(&bob.ok(&one), "UniqueIdentifier"), "bobs");
    assert_eq!(string(&carol.ok(&one), "UniqueIdentifier"), "planted");
    let sealed = structure("Encrypt", &[bytes("Data", b"x")]);
    let answer = bob.kmip(&crate::batches::message(&[], &[one, sealed])).json();
    let named = ["bobs", "planted", "given"].map(|id| answer.to_string().matches(&format!("{id:?}")).count());
    assert_eq!(named, [2, 0, 0], "{answer}");
    // On every route that takes a name.
    assert_eq!(bob.get("/api/v1/kms/keys/key-name/payments")["key"]["id"], "bobs");
    assert_eq!(carol.get("/api/v1/kms/keys/key-name/payments")["key"]["id"], "planted");
    bob.key("second", &[name("payments")]);
    assert_eq!(bob.send("GET", "/api/v1/kms/keys/key-name/payments", None).status, 409);
}
