//! Add, Modify, Delete, Set and Adjust Attribute do what docs/attributes.md says, and Get Attribute List names what
//! there is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::attributes::{
    LATE, adjust, current, delete, instances, modify, new, number, pre_active, put, reference, value,
};
use crate::harness::kmip::{
    all, boolean, bytes, date, encrypt, enumeration, find, integer, link, name, named, revoke, string, structure, text,
    vendor_attribute, with,
};
use crate::harness::message::message;
use crate::harness::pairs::pair;
use crate::harness::{Answer, Caller, Server};

const PAGE: &str = include_str!("../../docs/attributes.md");
const STATES: [&str; 5] = ["PreActive", "Active", "Deactivated", "Compromised", "Destroyed"];

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        each_attribute_in_each_state,
        what_is_read_only_is_never_changed,
        one_of_several_instances_is_named,
        values_are_adjusted,
        dates_have_an_order_and_move_the_state,
        a_mask_only_loses_uses,
        a_pair_keeps_its_links,
        bounds_hold_for_the_result,
        the_list_names_each_attribute_once,
        a_message_changes_one_object_several_times,
    ]);
}

/// The cells of the rows of the table.
fn rows() -> Vec<Vec<&'static str>> {
    let (_, table) = PAGE.split_once("| attribute |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches(['|', ' ']).split(" | ").collect()).collect()
}

/// Whether the words of the table permit a change. The dates of the test are not reached.
fn permits(words: &str, state: &str) -> bool {
    match words {
        "always" | "yes" | "until a unit is used" => state != "Destroyed",
        "while Pre-Active" => state == "PreActive",
        "while Pre-Active or Active" | "while Pre-Active or Active, until it is reached" => {
            ["PreActive", "Active"].contains(&state)
        }
        "never" | "no" => false,
        other => panic!("{other}"),
    }
}

/// Brings a new key into a state.
fn key_in(alice: &mut Caller, state: &str, own: &[Value]) -> String {
    let id = string(&alice.ok(&pre_active_anywhere(own)), "UniqueIdentifier");
    if state != "PreActive" && state != "Destroyed" {
        alice.ok(&named("Activate", &id));
    }
    match state {
        "Deactivated" => drop(alice.ok(&revoke(&id, "Superseded"))),
        "Compromised" => drop(alice.ok(&revoke(&id, "KeyCompromise"))),
        "Destroyed" => drop(alice.ok(&named("Destroy", &id))),
        _ => {}
    }
    assert_eq!(alice.connection.state(&id), state);
    id
}

/// Create of a Pre-Active key whose identifier the server chooses.
fn pre_active_anywhere(own: &[Value]) -> Value {
    let mut request = pre_active("any", own);
    let attributes = request["value"][1]["value"].as_array_mut().unwrap();
    attributes.retain(|attribute| attribute["tag"] != "UniqueIdentifier");
    request
}

fn each_attribute_in_each_state(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let rows = rows();
    assert!(rows.len() >= 20, "{}", rows.len());
    for row in &rows {
        let [tag, set, change, deletable, several] = row[..] else { panic!("{row:?}") };
        for state in STATES {
            // Activation has set the date.
            let is_there = tag == "ActivationDate" && state != "PreActive" && state != "Destroyed";
            let beginnings = if is_there { vec![vec![]] } else { vec![vec![], vec![value(tag, 0)]] };
            for own in beginnings {
                let own: Vec<Value> =
                    if tag == "ActivationDate" && !own.is_empty() { vec![date(tag, LATE)] } else { own };
                let id = key_in(&mut alice, state, &own);
                for (n, operation) in [
                    "AddAttribute",
                    "SetAttribute",
                    "ModifyAttribute",
                    "AddAttribute",
                    "DeleteAttribute",
                    "SetAttribute",
                ]
                .into_iter()
                .enumerate()
                {
                    let before = instances(&mut alice, &id, tag);
                    let request = match operation {
                        "DeleteAttribute" if tag == "Attribute" => delete(&id, "x/table"),
                        "DeleteAttribute" => delete(&id, tag),
                        _ => put(operation, &id, &value(tag, n as i64 + 1)),
                    };
                    let is_permitted = match (operation, before.len()) {
                        ("DeleteAttribute", 0) | ("ModifyAttribute", 0) => false,
                        ("DeleteAttribute", _) => permits(deletable, state),
                        ("AddAttribute", count) => permits(set, state) && (count == 0 || several == "yes"),
                        ("SetAttribute", 0) => permits(set, state),
                        ("SetAttribute" | "ModifyAttribute", 1) => permits(change, state),
                        _ => false,
                    };
                    let answer = alice.kmip(&request);
                    let said = String::from_utf8_lossy(&answer.body).into_owned();
                    assert_eq!(answer.status == 200, is_permitted, "{operation} {tag} {state} {before:?}: {said}");
                    let after = instances(&mut alice, &id, tag);
                    if !is_permitted {
                        assert!((400..500).contains(&answer.status), "{said}");
                        assert_eq!(after, before, "{operation} {tag} {state}");
                        if state == "Destroyed" {
                            assert_eq!(answer.json()["result_reason"], "Object_Destroyed");
                        }
                        continue;
                    }
                    assert_eq!(string(&answer.json(), "UniqueIdentifier"), id);
                    assert_eq!(answer.json()["value"].as_array().unwrap().len(), 1, "{said}");
                    match operation {
                        "DeleteAttribute" => assert_eq!(after, [json!(null); 0]),
                        "AddAttribute" => assert_eq!(after.len(), before.len() + 1),
                        _ => assert_eq!(after.len(), 1),
                    }
                }
            }
        }
    }
}

fn what_is_read_only_is_never_changed(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let id = alice.key("read-only", &[]);
    let (_, list) = PAGE.split_once("Read-only attributes: ").unwrap();
    let listed: Vec<&str> = list.split_once(".\n").unwrap().0.split(',').map(str::trim).collect();
    assert!(listed.len() >= 20);
    let before = alice.connection.attributes(&id);
    for tag in listed {
        let attribute = match tag {
            "CryptographicAlgorithm" => enumeration(tag, "AES"),
            "CryptographicLength" | "CertificateLength" | "ProtectionStorageMask" => integer(tag, 128),
            "CertificateType" => enumeration(tag, "X_509"),
            "DigitalSignatureAlgorithm" => enumeration(tag, "ECDSAWithSHA256"),
            "OpaqueDataType" => enumeration(tag, "0x80000001"),
            _ if tag.starts_with("Certificate") => text(tag, "x"),
            "CryptographicDomainParameters" => structure(tag, &[integer("Qlength", 1)]),
            "Digest" => structure(tag, &[enumeration("HashingAlgorithm", "SHA256")]),
            "KeyFormatType" => enumeration(tag, "Raw"),
            "LeaseTime" => json!({"tag": tag, "type": "Interval", "value": 1}),
            "ObjectType" => enumeration(tag, "SymmetricKey"),
            "RandomNumberGenerator" => structure(tag, &[enumeration("RNGAlgorithm", "FIPS186_2")]),
            "RevocationReason" => structure(tag, &[enumeration("RevocationReasonCode", "Superseded")]),
            "ShortUniqueIdentifier" => bytes(tag, b"x"),
            "State" => enumeration(tag, "Compromised"),
            "UniqueIdentifier" => text(tag, "other"),
            "RotateGeneration" => integer(tag, 1),
            _ if tag.ends_with("Date") => date(tag, "2024-01-01T00:00:00Z"),
            _ => boolean(tag, true),
        };
        let requests = [
            put("AddAttribute", &id, &attribute),
            put("SetAttribute", &id, &attribute),
            put("ModifyAttribute", &id, &attribute),
            delete(&id, tag),
            adjust(&id, tag, "Increment", None),
        ];
        for request in &requests {
            let answer = alice.kmip(request);
            let reason = answer.json()["result_reason"].clone();
            let is_refused = reason == "Attribute_Read_Only" || reason == "Unsupported_Attribute";
            assert!(is_refused, "{request}\n{}", String::from_utf8_lossy(&answer.body));
        }
    }
    // What a server marks for itself, and what no server stores.
    for (vendor, name) in
        [("claviger", "project"), ("claviger", "disabled"), ("claviger", "secret_version"), ("y", "any")]
    {
        let attribute = vendor_attribute(vendor, name, "x");
        for operation in ["AddAttribute", "SetAttribute", "ModifyAttribute"] {
            alice.connection.refused(&put(operation, &id, &attribute), 400, "Attribute_Read_Only");
        }
        alice.connection.refused(&delete(&id, &format!("{vendor}/{name}")), 400, "Attribute_Read_Only");
    }
    alice.connection.refused(&delete(&id, "Attribute"), 422, "Unsupported_Attribute");
    alice.connection.refused(&delete(&id, "CertificateLength"), 400, "Attribute_Read_Only");
    alice.connection.refused(&delete(&id, "ValidityDate"), 422, "Unsupported_Attribute");
    assert_eq!(alice.connection.attributes(&id), before);
}

fn one_of_several_instances_is_named(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let groups = ["a", "b", "c"].map(|group| text("ObjectGroup", group));
    let id = alice.key("several", &groups);
    let told = |alice: &mut Caller| -> Vec<String> {
        let found = alice.connection.attributes("several");
        all(&found, "ObjectGroup").iter().map(|group| group.as_str().unwrap().to_owned()).collect()
    };
    let at = |request: Value, index: i64| with(request, &[integer("AttributeIndex", index)]);
    let group = |name: &str| text("ObjectGroup", name);
    alice.ok(&modify(&id, &group("b"), &group("B")));
    assert_eq!(told(&mut alice), ["a", "B", "c"]);
    alice.ok(&at(put("ModifyAttribute", &id, &group("C")), 2));
    assert_eq!(told(&mut alice), ["a", "B", "C"]);
    alice.ok(&structure("DeleteAttribute", &[text("UniqueIdentifier", &id), current(&group("B"))]));
    alice.ok(&at(delete(&id, "ObjectGroup"), 0));
    assert_eq!(told(&mut alice), ["C"]);
    alice.ok(&put("AddAttribute", &id, &group("D")));
    let both = structure(
        "ModifyAttribute",
        &[text("UniqueIdentifier", &id), current(&group("C")), new(&group("E")), integer("AttributeIndex", 0)],
    );
    for (request, status, reason) in [
        (put("ModifyAttribute", &id, &group("E")), 422, "Attribute_Instance_Not_Found"),
        (put("SetAttribute", &id, &group("E")), 422, "Multi_Valued_Attribute"),
        (put("AddAttribute", &id, &group("C")), 422, "Invalid_Attribute_Value"),
        (modify(&id, &group("C"), &group("D")), 422, "Invalid_Attribute_Value"),
        (modify(&id, &group("x"), &group("E")), 404, "Attribute_Instance_Not_Found"),
        (modify(&id, &text("Comment", "C"), &group("E")), 400, "Invalid_Field"),
        (at(put("ModifyAttribute", &id, &group("E")), 2), 404, "Attribute_Instance_Not_Found"),
        (at(put("ModifyAttribute", &id, &group("E")), -1), 404, "Attribute_Instance_Not_Found"),
        (at(delete(&id, "ObjectGroup"), 7), 404, "Attribute_Instance_Not_Found"),
        (both, 400, "Invalid_Field"),
        (put("ModifyAttribute", &id, &text("Comment", "x")), 404, "Attribute_Not_Found"),
        (delete(&id, "Comment"), 404, "Attribute_Not_Found"),
        (delete(&id, "ActivationDate"), 400, "Attribute_Read_Only"),
        (named("DeleteAttribute", &id), 400, "Missing_Data"),
        (put("AddAttribute", &id, &date("ActivationDate", LATE)), 422, "Attribute_Single_Valued"),
        (put("SetAttribute", &id, &date("ActivationDate", LATE)), 409, "Wrong_Key_Lifecycle_State"),
    ] {
        alice.connection.refused(&request, status, reason);
    }
    assert_eq!(told(&mut alice), ["C", "D"]);
    alice.ok(&delete(&id, "ObjectGroup"));
    assert_eq!(told(&mut alice), [""; 0]);
    // The names of one object differ.
    alice.ok(&put("AddAttribute", &id, &name("n")));
    alice.connection.refused(&put("AddAttribute", &id, &name("n")), 422, "Non_Unique_Name_Attribute");
    alice.connection.refused(&put("SetAttribute", &id, &name("")), 400, "Invalid_Field");
    assert_eq!(alice.located(&[name("n")]).0, [id.as_str()]);
    alice.ok(&put("SetAttribute", &id, &name("m")));
    assert_eq!((alice.located(&[name("n")]).1, alice.located(&[name("m")]).1), (0, 1));
}

fn values_are_adjusted(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let id = string(&alice.ok(&pre_active("adjusted", &[number("x", "n", 2_147_483_646)])), "UniqueIdentifier");
    let one = |alice: &mut Caller, tag: &str| -> Value {
        let found = instances(alice, "adjusted", tag);
        let [item] = &found[..] else { panic!("{found:?}") };
        if tag == "Attribute" { find(item, "AttributeValue").unwrap().clone() } else { item["value"].clone() }
    };
    alice.ok(&adjust(&id, "x/n", "Increment", None));
    assert_eq!(one(&mut alice, "Attribute"), 2_147_483_647);
    alice.connection.refused(&adjust(&id, "x/n", "Increment", None), 400, "Numeric_Range");
    alice.ok(&adjust(&id, "x/n", "Negate", None));
    alice.ok(&adjust(&id, "x/n", "Decrement", Some(-7)));
    assert_eq!(one(&mut alice, "Attribute"), -2_147_483_640);
    alice.ok(&adjust(&id, "QuantumSafe", "Negate", None));
    assert_eq!(one(&mut alice, "QuantumSafe"), true);
    alice.ok(&adjust(&id, "ProtectionPeriod", "Increment", Some(60)));
    assert_eq!(one(&mut alice, "ProtectionPeriod"), 60);
    alice.connection.refused(&adjust(&id, "ProtectionPeriod", "Decrement", Some(61)), 400, "Numeric_Range");
    alice.connection.refused(&adjust(&id, "ActivationDate", "Increment", None), 404, "Attribute_Not_Found");
    alice.ok(&put("SetAttribute", &id, &date("ActivationDate", LATE)));
    alice.ok(&adjust(&id, "ActivationDate", "Increment", Some(86_400)));
    assert_eq!(one(&mut alice, "ActivationDate"), "2999-01-02T00:00:00Z");
    alice.ok(&put("AddAttribute", &id, &text("Comment", "1")));
    for tag in ["Comment", "CryptographicUsageMask"] {
        alice.connection.refused(&adjust(&id, tag, "Increment", None), 400, "Invalid_Data_Type");
    }
    alice.connection.refused(&adjust(&id, "Sensitive", "Negate", None), 422, "Attribute_Read_Only");
    for n in ["a", "b"] {
        alice.ok(&put("AddAttribute", &id, &text("ObjectGroup", n)));
    }
    alice.connection.refused(&adjust(&id, "ObjectGroup", "Increment", None), 422, "Multi_Valued_Attribute");
}

fn dates_have_an_order_and_move_the_state(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let id = string(&alice.ok(&pre_active("dated", &[])), "UniqueIdentifier");
    let set = |tag: &str, at: &str| put("SetAttribute", "dated", &date(tag, at));
    alice.ok(&set("DeactivationDate", LATE));
    alice.connection.refused(&set("ActivationDate", "2999-01-02T00:00:00Z"), 400, "Invalid_Attribute_Value");
    alice.ok(&set("ActivationDate", "2024-01-01T00:00:00Z"));
    assert_eq!(alice.connection.state(&id), "Active");
    alice.ok(&encrypt(&id, b"x"));
    alice.ok(&set("ProcessStartDate", "2025-01-01T00:00:00Z"));
    alice.connection.refused(&set("ProcessStartDate", LATE), 409, "Wrong_Key_Lifecycle_State");
    alice.connection.refused(&set("ProtectStopDate", "2024-06-01T00:00:00Z"), 400, "Invalid_Attribute_Value");
    alice.ok(&set("ProtectStopDate", "2025-06-01T00:00:00Z"));
    assert_eq!(alice.kmip(&encrypt(&id, b"x")).status, 409);
    alice.connection.refused(&set("ProtectStopDate", LATE), 409, "Wrong_Key_Lifecycle_State");
    alice.ok(&set("DeactivationDate", "2025-12-01T00:00:00Z"));
    assert_eq!(alice.connection.state(&id), "Deactivated");
    for tag in ["DeactivationDate", "ActivationDate", "ProcessStartDate", "ProtectStopDate"] {
        alice.connection.refused(&set(tag, LATE), 409, "Wrong_Key_Lifecycle_State");
    }
    // What is data can still be changed.
    alice.ok(&put("AddAttribute", &id, &text("Comment", "ended")));
}

fn a_mask_only_loses_uses(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let id = alice.key("masked", &[]);
    let sealed = alice.connection.seal(&id, b"data");
    let set = |mask: i64| put("SetAttribute", "masked", &integer("CryptographicUsageMask", mask));
    for more in [396 | 0x10, 0x20, 0x20_0000] {
        alice.connection.refused(&set(more), 422, "Invalid_Attribute_Value");
    }
    alice.ok(&set(8));
    assert_eq!(alice.kmip(&encrypt(&id, b"x")).status, 403);
    assert_eq!(alice.connection.open(&sealed), b"data");
    alice.ok(&set(0));
    assert_eq!(alice.kmip(&sealed.decrypt()).status, 403);
    alice.connection.refused(&set(8), 422, "Invalid_Attribute_Value");
    // A key that keeps what it wraps never decrypts.
    let own = [integer("CryptographicUsageMask", 0x10 | 4), boolean("Sensitive", true), boolean("Extractable", false)];
    let wrapping = alice.key("wrapping", &own);
    let widened = put("ModifyAttribute", &wrapping, &integer("CryptographicUsageMask", 0x10 | 4 | 8));
    alice.connection.refused(&widened, 422, "Invalid_Attribute_Value");
    for (tag, present) in [("Sensitive", true), ("Extractable", false)] {
        alice.ok(&put("SetAttribute", &wrapping, &boolean(tag, present)));
        alice.connection.refused(&put("SetAttribute", &wrapping, &boolean(tag, !present)), 422, "Attribute_Read_Only");
    }
}

fn a_pair_keeps_its_links(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let decoy = alice.key("decoy", &[]);
    let (private, public) = pair(&mut alice.connection, "EC", 256);
    let key = |alice: &mut Caller| alice.get(&format!("/api/v1/kms/keys/{private}/public-key"))["publicKey"].clone();
    let before = key(&mut alice);
    for (half, kind, other) in [(&private, "PublicKeyLink", &public), (&public, "PrivateKeyLink", &private)] {
        for request in [
            put("AddAttribute", half, &link(kind, &decoy)),
            put("SetAttribute", half, &link(kind, &decoy)),
            put("SetAttribute", half, &link("NextLink", &decoy)),
            modify(half, &link(kind, other), &link(kind, &decoy)),
            modify(half, &link(kind, other), &link("NextLink", other)),
            delete(half, "Link"),
            structure("DeleteAttribute", &[text("UniqueIdentifier", half), current(&link(kind, other))]),
            with(delete(half, "Link"), &[integer("AttributeIndex", 0)]),
        ] {
            alice.connection.refused(&request, 400, "Attribute_Read_Only");
        }
        alice.ok(&put("AddAttribute", half, &link("NextLink", &decoy)));
        alice.ok(&modify(half, &link("NextLink", &decoy), &link("ChildLink", &decoy)));
        alice.ok(&structure("DeleteAttribute", &[text("UniqueIdentifier", half), current(&link("ChildLink", &decoy))]));
    }
    assert_eq!(key(&mut alice), before);
}

fn bounds_hold_for_the_result(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let id = alice.key("bounded", &[]);
    for n in 0..32 {
        alice.ok(&put("AddAttribute", &id, &text("ObjectGroup", &n.to_string())));
    }
    alice.connection.refused(&put("AddAttribute", &id, &text("ObjectGroup", "more")), 400, "Invalid_Attribute_Value");
    alice.ok(&modify(&id, &text("ObjectGroup", "31"), &text("ObjectGroup", "more")));
    for long in [text("Comment", &"x".repeat(1025)), vendor_attribute("x", "long", &"x".repeat(16 << 10))] {
        alice.connection.refused(&put("AddAttribute", &id, &long), 400, "Invalid_Attribute_Value");
    }
    let of = |items: &[Value]| {
        structure("SetAttribute", &[text("UniqueIdentifier", "bounded"), structure("NewAttribute", items)])
    };
    for items in [vec![], vec![text("Comment", "a"), text("Description", "b")]] {
        let problem = alice.connection.refused(&of(&items), 400, "Invalid_Field");
        assert!(problem["detail"].as_str().unwrap().contains("exactly one attribute"), "{problem}");
    }
}

fn the_list_names_each_attribute_once(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let own = [name("one"), name("two"), vendor_attribute("x", "a", "1"), vendor_attribute("x", "b", "2")];
    let id = alice.key("listed", &own);
    let answer = alice.ok(&named("GetAttributeList", &id));
    let listed: Vec<Value> = all(&answer, "AttributeReference").into_iter().cloned().collect();
    let found = alice.connection.attributes(&id);
    let tags: BTreeSet<&str> =
        found["value"].as_array().unwrap().iter().map(|item| item["tag"].as_str().unwrap()).collect();
    for tag in tags.iter().filter(|tag| **tag != "Attribute") {
        assert_eq!(listed.iter().filter(|own| *own == tag).count(), 1, "{tag}");
    }
    for vendor in ["x/a", "x/b"] {
        assert!(listed.contains(&reference(vendor)["value"]), "{listed:?}");
    }
    assert_eq!(listed.len(), tags.len() + 1);
}

fn a_message_changes_one_object_several_times(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let id = alice.key("in-a-message", &[]);
    let groups: Vec<Value> = (0..5).map(|n| put("AddAttribute", &id, &text("ObjectGroup", &n.to_string()))).collect();
    let requests = [groups, vec![delete(&id, "ObjectGroup"), named("GetAttributeList", &id)]].concat();
    let answer: Answer = alice.kmip(&message(&[], &requests));
    let answer = answer.json();
    let items = all(&answer, "BatchItem");
    assert_eq!(items.len(), 7, "{answer}");
    for item in items {
        assert_eq!(find(&json!({"value": item}), "ResultStatus").unwrap(), "Success", "{item}");
    }
    assert_eq!(instances(&mut alice, &id, "ObjectGroup"), [json!(null); 0]);
}
