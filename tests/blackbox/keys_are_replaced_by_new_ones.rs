//! Re-key and Re-key Key Pair (KMIP 2.1 sections 6.1.46 and 6.1.47): a new key takes the place of another one.

use std::thread;

use serde_json::{Value, json};

use crate::harness::attributes::{delete, limits, put};
use crate::harness::caller::project;
use crate::harness::jwt::now;
use crate::harness::kmip::{
    all, boolean, create, date, date_at, encrypt, enumeration, find, integer, locate, name, named, register, revoke,
    string, structure, tags, text, with,
};
use crate::harness::message::{message, option};
use crate::harness::pairs::{halves, pair_of};
use crate::harness::{Connection, Server, World, reference};

const POLICY: &str = r#"
[policies.everything]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[policies.locked]
policy_type = "deny"
operations = ["re_key"]
resources = ["tags/locked"]
[roles.lead]
capabilities = ["*"]
policies = ["everything", "locked"]
[projects.apollo]
[projects.apollo.members]
alice = "lead"
"#;

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        a_replacement_is_a_new_key_with_the_attributes_of_the_former,
        dates_move_by_the_offset,
        what_the_request_says_replaces_what_is_copied,
        a_replacement_is_no_weaker,
        a_pair_is_replaced_by_a_pair,
        a_key_is_replaced_once,
        a_message_replaces_or_does_not,
    ]);
}

fn re_key(id: &str, more: &[Value]) -> Value {
    with(named("ReKey", id), more)
}

fn with_attributes(id: &str, attributes: &[Value]) -> Value {
    re_key(id, &[structure("Attributes", attributes)])
}

fn offset(seconds: u32) -> Value {
    json!({"tag": "Offset", "type": "Interval", "value": seconds})
}

fn links(attributes: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value["value"].as_str().unwrap().to_owned();
    all(attributes, "Link").into_iter().map(|link| (text(&link[0]), text(&link[1]))).collect()
}

fn a_replacement_is_a_new_key_with_the_attributes_of_the_former(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let own =
        [name("n1"), name("n2"), tags(&["t"]), text("Comment", "c"), limits(5, "Object"), text("ObjectGroup", "g")];
    let old = alice.new_key(&create("AES", 256, &own));
    let sealed = alice.seal(&old, b"before");
    let new = alice.new_key(&re_key(&old, &[]));
    assert_ne!(old, new);
    assert_ne!(alice.export(&old), alice.export(&new));
    assert_eq!(alice.open(&sealed), b"before");
    let (former, attributes) = (alice.attributes(&old), alice.attributes(&new));
    assert!(all(&former, "Name").is_empty());
    assert_eq!(all(&attributes, "Name").len(), 2);
    for tag in
        ["Comment", "ObjectGroup", "CryptographicUsageMask", "CryptographicLength", "ActivationDate", "Attribute"]
    {
        assert_eq!(find(&former, tag), find(&attributes, tag), "{tag}");
    }
    // The limit is that of each key; no use of the former one comes back.
    let count = |attributes: &Value| find(attributes, "UsageLimitsCount").and_then(Value::as_i64);
    assert_eq!((count(&former), count(&attributes)), (Some(4), Some(5)));
    assert_eq!(links(&former), [("ReplacementObjectLink".to_owned(), new.clone())]);
    assert_eq!(links(&attributes), [("ReplacedObjectLink".to_owned(), old.clone())]);
    assert_eq!(find(&attributes, "RotateGeneration"), Some(&json!(1)));
    assert_eq!(alice.located(&locate(&[name("n1")], &[])).0, [new.as_str()]);
    // A replacement can be replaced, and a key from outside by one from the HSM.
    let third = alice.new_key(&re_key(&new, &[]));
    assert_eq!(find(&alice.attributes(&third), "RotateGeneration"), Some(&json!(2)));
    let brought = register("AES", &reference::random(32), &[boolean("Sensitive", true)]);
    let brought = alice.new_key(&brought);
    let new = alice.new_key(&re_key(&brought, &[]));
    let always = |attributes: &Value| find(attributes, "AlwaysSensitive").cloned();
    assert_eq!(always(&alice.attributes(&brought)), Some(json!(false)));
    assert_eq!(always(&alice.attributes(&new)), Some(json!(true)));
}

fn seconds(attributes: &Value, tag: &str) -> Option<i64> {
    let shown = find(attributes, tag)?.as_str()?.to_owned();
    Some(chrono(&shown))
}

/// The seconds since 1970 of an RFC 3339 time in UTC.
fn chrono(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    days * 86_400 + number(11..13) * 3_600 + number(14..16) * 60 + number(17..19)
}

fn dates_move_by_the_offset(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let begin = now();
    let life = [
        date_at("ActivationDate", begin - 100),
        date_at("ProcessStartDate", begin - 50),
        date_at("ProtectStopDate", begin + 50),
        date_at("DeactivationDate", begin + 100),
    ];
    let old = alice.new_key(&create("AES", 256, &life));
    let new = alice.new_key(&re_key(&old, &[offset(1_000)]));
    let attributes = alice.attributes(&new);
    let initial = seconds(&attributes, "InitialDate").unwrap();
    assert_eq!(seconds(&attributes, "ActivationDate"), Some(initial + 1_000));
    assert_eq!(seconds(&attributes, "ProcessStartDate"), Some(initial + 1_050));
    assert_eq!(seconds(&attributes, "ProtectStopDate"), Some(initial + 1_150));
    assert_eq!(seconds(&attributes, "DeactivationDate"), Some(initial + 1_200));
    assert_eq!(string(&attributes, "State"), "PreActive");
    // Without an offset the dates are copied; a replacement that has ended is refused.
    let old = alice.new_key(&create("AES", 256, &life));
    let copied = alice.new_key(&re_key(&old, &[]));
    let copied = alice.attributes(&copied);
    assert_eq!(seconds(&copied, "DeactivationDate"), Some(begin + 100));
    assert_eq!(string(&copied, "State"), "Active");
    let revoked = alice.new_key(&create("AES", 256, &[name("revoked")]));
    alice.ok(&revoke(&revoked, "Superseded"));
    let problem = alice.refused(&re_key(&revoked, &[]), 422, "Invalid_Field");
    assert!(problem["detail"].as_str().unwrap().contains("Offset"), "{problem}");
    assert_eq!(alice.located(&locate(&[name("revoked")], &[])).0, [revoked.as_str()]);
    let new = alice.new_key(&re_key(&revoked, &[offset(0)]));
    assert_eq!(alice.state(&new), "Active");
    assert_eq!(find(&alice.attributes(&new), "RevocationReason"), None);
    // Nothing replaces what is compromised or destroyed.
    let leaked = alice.aes();
    alice.ok(&revoke(&leaked, "KeyCompromise"));
    alice.refused(&re_key(&leaked, &[]), 409, "Wrong_Key_Lifecycle_State");
    alice.ok(&named("Destroy", &leaked));
    alice.refused(&re_key(&leaked, &[]), 409, "Object_Destroyed");
}

fn what_the_request_says_replaces_what_is_copied(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let old = alice.new_key(&create("AES", 128, &[name("said"), text("Comment", "old")]));
    let said = [
        text("UniqueIdentifier", "said-id"),
        text("Comment", "new"),
        integer("CryptographicLength", 256),
        name("said-2"),
    ];
    assert_eq!(alice.new_key(&with_attributes(&old, &said)), "said-id");
    let attributes = alice.attributes("said-id");
    assert_eq!(string(&attributes, "Comment"), "new");
    assert_eq!(find(&attributes, "CryptographicLength"), Some(&json!(256)));
    assert_eq!(alice.located(&locate(&[name("said")], &[])).0, [""; 0]);
    assert_eq!(alice.located(&locate(&[name("said-2")], &[])).0, ["said-id"]);
    let old = alice.aes();
    for own in [
        enumeration("State", "Active"),
        date("InitialDate", "2024-01-01T00:00:00Z"),
        integer("RotateGeneration", 0),
        integer("CryptographicLength", 77),
        project("elsewhere"),
    ] {
        assert_ne!(alice.kmip(&with_attributes(&old, std::slice::from_ref(&own))).status, 200, "{own}");
    }
    assert!(links(&alice.attributes(&old)).is_empty());
    alice.refused(&with_attributes(&old, &[text("UniqueIdentifier", "said-id")]), 409, "Object_Already_Exists");
}

fn a_replacement_is_no_weaker(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let strong = [boolean("Sensitive", true), boolean("Extractable", false)];
    for weaker in [boolean("Sensitive", false), boolean("Extractable", true)] {
        let old = alice.new_key(&create("AES", 256, &strong));
        assert_ne!(alice.kmip(&with_attributes(&old, &[weaker])).status, 200);
        let new = alice.new_key(&re_key(&old, &[]));
        assert_ne!(alice.kmip(&named("Export", &new)).status, 200);
    }
    let old = alice.aes();
    let new = alice.new_key(&with_attributes(&old, &strong));
    assert_ne!(alice.kmip(&named("Export", &new)).status, 200);
    // What the HSM does not use has no new key.
    let kept = structure(
        "Register",
        &[
            enumeration("ObjectType", "SecretData"),
            structure("Attributes", &[integer("CryptographicUsageMask", 8)]),
            structure(
                "SecretData",
                &[
                    enumeration("SecretDataType", "Password"),
                    structure(
                        "KeyBlock",
                        &[
                            enumeration("KeyFormatType", "Opaque"),
                            structure("KeyValue", &[crate::harness::kmip::bytes("KeyMaterial", b"secret")]),
                        ],
                    ),
                ],
            ),
        ],
    );
    let kept = alice.new_key(&kept);
    alice.refused(&re_key(&kept, &[]), 422, "Invalid_Object_Type");
    let (private, _) = crate::harness::pairs::pair(&mut alice, "EC", 256);
    alice.refused(&re_key(&private, &[]), 422, "Invalid_Object_Type");
}

fn re_key_pair(private: &str, more: &[Value]) -> Value {
    structure("ReKeyKeyPair", &[&[text("PrivateKeyUniqueIdentifier", private)], more].concat())
}

fn a_pair_is_replaced_by_a_pair(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let made = alice.ok(&pair_of("EC", 256, &[name("own")], &[name("public"), text("Comment", "p")]));
    let (private, public) = halves(&made);
    let (new, other) = halves(&alice.ok(&re_key_pair(&private, &[offset(0)])));
    let of = |alice: &mut Connection, id: &str| {
        let mut links = links(&alice.attributes(id));
        links.sort();
        links
    };
    let pair = |kind: &str, id: &str| (kind.to_owned(), id.to_owned());
    assert_eq!(of(&mut alice, &private), [pair("PublicKeyLink", &public), pair("ReplacementObjectLink", &new)]);
    assert_eq!(of(&mut alice, &public), [pair("PrivateKeyLink", &private), pair("ReplacementObjectLink", &other)]);
    assert_eq!(of(&mut alice, &new), [pair("PublicKeyLink", &other), pair("ReplacedObjectLink", &private)]);
    assert_eq!(of(&mut alice, &other), [pair("PrivateKeyLink", &new), pair("ReplacedObjectLink", &public)]);
    assert_eq!(alice.located(&locate(&[name("own")], &[])).0, [new.as_str()]);
    assert_eq!(alice.located(&locate(&[name("public")], &[])).0, [other.as_str()]);
    assert_eq!(string(&alice.attributes(&other), "Comment"), "p");
    for (id, wrong) in [(&public, "the public half"), (&private, "a replaced pair")] {
        assert_ne!(alice.kmip(&re_key_pair(id, &[])).status, 200, "{wrong}");
    }
    let key = alice.aes();
    alice.refused(&re_key_pair(&key, &[]), 422, "Invalid_Object_Type");
    let longer = structure("CommonAttributes", &[integer("CryptographicLength", 384)]);
    alice.refused(&re_key_pair(&new, &[longer]), 400, "Invalid_Attribute_Value");
}

fn a_key_is_replaced_once(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let old = alice.new_key(&create("AES", 256, &[name("once")]));
    let won: Vec<Option<String>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let old = &old;
                scope.spawn(move || {
                    let answer = server.alice().connect().unwrap().kmip(&re_key(old, &[]));
                    assert!([200, 409].contains(&answer.status), "{}", String::from_utf8_lossy(&answer.body));
                    (answer.status == 200).then(|| string(&answer.json(), "UniqueIdentifier"))
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let won: Vec<String> = won.into_iter().flatten().collect();
    assert_eq!(alice.located(&locate(&[name("once")], &[])).0, won);
    let problem = alice.refused(&re_key(&old, &[]), 409, "Constraint_Violation");
    assert!(problem["detail"].as_str().unwrap().contains("ReplacementObjectLink"));
    // A client cannot make the server forget it.
    alice.ok(&delete(&old, "Link"));
    alice.refused(&re_key(&old, &[]), 409, "Constraint_Violation");
    assert_ne!(alice.kmip(&put("SetAttribute", &old, &boolean("RotateLatest", true))).status, 200);
}

fn a_message_replaces_or_does_not(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let statuses = |answer: &Value| -> Vec<String> {
        answer["value"].as_array().unwrap().iter().skip(1).map(|item| string(item, "ResultStatus")).collect()
    };
    let old = alice.new_key(&create("AES", 256, &[name("undo")]));
    let before = alice.attributes(&old);
    let answer = alice.ok(&message(&[option("Undo")], &[re_key(&old, &[]), named("Destroy", "not there")]));
    assert_eq!(statuses(&answer), ["OperationUndone", "OperationFailed"]);
    assert_eq!(alice.attributes(&old), before);
    // The ID placeholder is the replacement.
    let own = structure("GetAttributes", &[]);
    let answer = alice.ok(&message(&[], &[re_key(&old, &[]), own]));
    assert_eq!(statuses(&answer), ["Success", "Success"]);
    let items = answer["value"].as_array().unwrap();
    assert_eq!(string(&items[1], "UniqueIdentifier"), string(&items[2], "UniqueIdentifier"));
    let new = string(&items[1], "UniqueIdentifier");
    let items = [re_key(&new, &[]), put("SetAttribute", &new, &text("Comment", "old"))];
    let answer = alice.ok(&message(&[option("Undo")], &items));
    assert_eq!(statuses(&answer), ["Success", "Success"]);
    assert_eq!(string(&alice.attributes(&new), "Comment"), "old");
    assert_eq!(alice.located(&locate(&[name("undo")], &[])).1, 1);
}

#[test]
fn a_replacement_belongs_to_those_who_have_the_key() {
    let world = World::new("");
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| world.certificate(name));
    alice.key("k", &[name("shared")]);
    alice.grant("k", "bob", &["re_key", "modify_attribute"]);
    alice.grant("k", "carol", &["encrypt", "get_attributes"]);
    let new = string(&bob.ok(&re_key("k", &[])), "UniqueIdentifier");
    // bob has no more rights on the replacement than on the key, and carol finds it by its name.
    bob.refused(&encrypt(&new, b"x"), 403);
    bob.refused(&named("Get", &new), 403);
    carol.ok(&encrypt(&new, b"x"));
    assert_eq!(carol.located(&[name("shared")]).0, [new.as_str()]);
    assert_eq!(alice.located(&[name("shared")]).0, [new.as_str()]);
    alice.ok(&named("Get", &new));
    // Tags decide about rights, so giving others needs more than these rights.
    bob.refused(&with_attributes(&new, &[tags(&["other"])]), 403);
    // The rotation of a key is a Re-key that the server makes.
    let rotation = put("AddAttribute", "k2", &json!({"tag": "RotateInterval", "type": "Interval", "value": 600}));
    alice.key("k2", &[]);
    alice.grant("k2", "bob", &["modify_attribute"]);
    bob.refused(&rotation, 403);
    alice.grant("k2", "bob", &["re_key"]);
    bob.ok(&rotation);
}

#[test]
fn denied_is_denied_for_the_key_and_for_what_comes() {
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    alice.key("k", &[project("apollo"), tags(&["locked"])]);
    alice.key("free", &[project("apollo")]);
    alice.refused(&re_key("k", &[]), 403);
    alice.refused(&with_attributes("free", &[tags(&["locked"])]), 403);
    let rotated = [
        json!({"tag": "RotateInterval", "type": "Interval", "value": 600}),
        boolean("RotateAutomatic", true),
        tags(&["locked"]),
        project("apollo"),
    ];
    alice.refused(&create("AES", 256, &rotated), 403);
    alice.ok(&re_key("free", &[]));
}
