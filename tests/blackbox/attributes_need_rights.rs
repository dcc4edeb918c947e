//! Changing attributes never has the effect of a right that the caller does not have, and every change is recorded.

use serde_json::{Value, json};

use crate::harness::attributes::{LATE, SOON, delete, modify, pre_active, put, retagging};
use crate::harness::caller::project;
use crate::harness::kmip::{
    boolean, date, enumeration, find, integer, name, named, string, tags, text, vendor_attribute,
};
use crate::harness::message::{message, option};
use crate::harness::{Caller, Server, World};

const POLICY: &str = r#"
[policies.everything]
policy_type = "allow"
operations = ["*"]
resources = ["*"]

[policies.frozen]
policy_type = "deny"
operations = ["modify_attribute"]
resources = ["tags/frozen"]

[policies.open]
policy_type = "allow"
operations = ["*"]
resources = ["tags/open"]

[policies.changes]
policy_type = "allow"
operations = ["modify_attribute", "get_attributes", "locate"]
resources = ["*"]

[roles.lead]
capabilities = ["*"]
policies = ["everything", "frozen"]

[roles.clerk]
capabilities = ["*"]
policies = ["changes", "open"]

[projects.apollo]
[projects.apollo.members]
alice = "lead"
carl = "clerk"
"#;

fn comment(id: &str) -> Value {
    put("SetAttribute", id, &text("Comment", "c"))
}

#[test]
fn the_right_to_modify_attributes_gives_no_other() {
    let server = Server::start();
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| Caller::certificate(&server, name));
    let own = [date("DeactivationDate", SOON), date("ActivationDate", LATE.replace("2999", "2990").as_str())];
    alice.ok(&pre_active("dated", &[]));
    alice.key("k", &[tags(&["red"]), date("DeactivationDate", SOON), own[1].clone()]);
    for id in ["k", "dated"] {
        alice.grant(id, "bob", &["get_attributes", "modify_attribute", "encrypt"]);
    }
    let before = alice.connection.attributes("k");
    let set = |id: &str, tag: &str, at: &str| put("SetAttribute", id, &date(tag, at));
    let past = "2024-01-01T00:00:00Z";
    let mut requests: Vec<Value> = [past, LATE].iter().map(|at| set("dated", "ActivationDate", at)).collect();
    requests.extend([
        put("AddAttribute", "dated", &date("ActivationDate", past)),
        put("ModifyAttribute", "k", &date("ActivationDate", past)),
        set("k", "ActivationDate", "2980-01-01T00:00:00Z"),
        set("k", "ActivationDate", "2991-01-01T00:00:00Z"),
        set("dated", "DeactivationDate", past),
        set("dated", "DeactivationDate", LATE),
        set("k", "DeactivationDate", "2997-01-01T00:00:00Z"),
        set("k", "ProtectStopDate", past),
        set("k", "ProtectStopDate", LATE),
        set("k", "ProcessStartDate", past),
        set("k", "ProcessStartDate", LATE),
        put("SetAttribute", "k", &integer("CryptographicUsageMask", 4)),
        put("ModifyAttribute", "k", &integer("CryptographicUsageMask", 0)),
    ]);
    requests.extend(retagging("k"));
    for request in &requests {
        bob.refused(request, 403);
    }
    for request in [
        put("SetAttribute", "k", &integer("CryptographicUsageMask", 396 | 0x10)),
        put("SetAttribute", "k", &boolean("Sensitive", true)),
    ] {
        bob.refused(&request, 422);
    }
    for request in [
        put("SetAttribute", "k", &enumeration("State", "Active")),
        put("AddAttribute", "k", &project("apollo")),
        put("AddAttribute", "k", &vendor_attribute("claviger", "disabled", "x")),
    ] {
        bob.refused(&request, 400);
    }
    assert_eq!(alice.connection.attributes("k"), before);
    assert_eq!(alice.connection.state("dated"), "PreActive");
    for request in &requests {
        carol.refused(request, 404);
    }
    // Later dates, and data.
    for request in [
        set("k", "DeactivationDate", LATE),
        put("AddAttribute", "k", &name("n")),
        put("AddAttribute", "k", &vendor_attribute("x", "table", "t")),
        comment("k"),
        delete("k", "Comment"),
    ] {
        bob.ok(&request);
    }
    assert_eq!(bob.connection.state("k"), "PreActive");
    bob.refused(&named("Activate", "k"), 403);
    // The rights that were missing are enough.
    alice.grant("dated", "bob", &["activate", "revoke"]);
    bob.ok(&set("dated", "ActivationDate", past));
    bob.ok(&set("dated", "DeactivationDate", past));
    assert_eq!(alice.connection.state("dated"), "Deactivated");
    for request in retagging("k") {
        alice.ok(&put("SetAttribute", "k", &tags(&["red"])));
        alice.ok(&request);
        alice.kmip(&delete("k", "claviger/tag"));
    }
    // Without modify_attribute, no other right helps.
    let all = ["get_attributes", "revoke", "destroy", "get", "export", "import"];
    alice.grant("dated", "carol", &all);
    for request in [comment("dated"), delete("dated", "ActivationDate")] {
        carol.refused(&request, 403);
    }
    carol.ok(&named("GetAttributeList", "dated"));
}

#[test]
fn rules_hold_for_what_was_there_and_for_what_comes() {
    let world = World::new(POLICY);
    let [mut alice, mut carl] = ["alice", "carl"].map(|name| world.certificate(name));
    alice.key("plain", &[project("apollo")]);
    alice.key("frozen", &[project("apollo"), tags(&["frozen"])]);
    // A deny rule that names the tag.
    for request in [comment("frozen"), delete("frozen", "claviger/tag"), put("SetAttribute", "frozen", &tags(&["x"]))] {
        alice.refused(&request, 403);
    }
    alice.refused(&put("AddAttribute", "plain", &tags(&["frozen"])), 403);
    alice.ok(&comment("plain"));
    // An allow rule that names the tag.
    carl.ok(&comment("plain"));
    for request in [put("AddAttribute", "plain", &tags(&["open"])), put("SetAttribute", "plain", &tags(&["open"]))] {
        carl.refused(&request, 403);
    }
    let encrypted = crate::harness::kmip::encrypt("plain", b"x");
    carl.refused(&encrypted, 403);
    assert_eq!(alice.located(&[tags(&["open"])]).1, 0);
    // A caller with every right may give the tag, and then the rule decides.
    alice.ok(&put("AddAttribute", "plain", &tags(&["open"])));
    carl.ok(&encrypted);
    alice.ok(&delete("plain", "claviger/tag"));
    carl.refused(&encrypted, 403);
    // Outside of projects the owner may.
    alice.key("own", &[tags(&["red"])]);
    alice.ok(&modify("own", &tags(&["red"]), &tags(&["open"])));
    assert_eq!(alice.located(&[tags(&["open"])]).0, ["own"]);
}

#[test]
fn a_limited_credential_does_not_change_what_limits_it() {
    let world = World::new("");
    let mut alice = world.certificate("alice");
    let dev = vendor_attribute("x", "env", "dev");
    alice.key("dev", &[dev.clone(), name("blue")]);
    alice.key("prod", &[vendor_attribute("x", "env", "prod")]);
    let limits = json!({"properties": {"env": ["dev"]}, "operations": ["ModifyAttribute", "GetAttributes"]});
    let mut limited = world.token("alice", &limits);
    limited.ok(&comment("dev"));
    limited.ok(&put("AddAttribute", "dev", &name("green")));
    for request in [comment("prod"), put("AddAttribute", "prod", &dev), delete("prod", "x/env")] {
        let status = limited.kmip(&request).status;
        assert!([403, 404].contains(&status), "{status}");
    }
    for request in [
        put("AddAttribute", "dev", &vendor_attribute("x", "env", "prod")),
        put("AddAttribute", "dev", &vendor_attribute("other", "env", "dev")),
        put("SetAttribute", "dev", &vendor_attribute("x", "env", "prod")),
        delete("dev", "x/env"),
    ] {
        limited.refused(&request, 403);
    }
    let mut tagged = world.token("alice", &json!({"properties": {"tag": ["blue"]}}));
    alice.key("tagged", &[tags(&["blue"])]);
    tagged.ok(&comment("tagged"));
    tagged.refused(&put("SetAttribute", "tagged", &tags(&["red"])), 403);
    tagged.ok(&put("SetAttribute", "tagged", &tags(&["blue", "red"])));
}

#[test]
fn names_of_keys_stay_unique_in_their_project() {
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    for id in ["a", "b"] {
        alice.key(id, &[project("apollo")]);
    }
    alice.ok(&put("AddAttribute", "a", &name("first")));
    alice.ok(&put("AddAttribute", "b", &name("second")));
    for request in [
        put("AddAttribute", "b", &name("first")),
        put("SetAttribute", "b", &name("first")),
        modify("b", &name("second"), &name("first")),
    ] {
        alice.connection.refused(&request, 422, "Non_Unique_Name_Attribute");
    }
    alice.key("outside", &[]);
    alice.ok(&put("AddAttribute", "outside", &name("first")));
    // Of two items of one message, only the first gets the name, also by another instance.
    let wanted = ["a", "b"].map(|id| put("AddAttribute", id, &name("third")));
    let answer = alice.ok(&message(&[option("Continue")], &wanted));
    let items = crate::harness::kmip::all(&answer, "BatchItem");
    let status = |at: usize| find(&json!({"value": items[at]}), "ResultStatus").unwrap().clone();
    assert_eq!((status(0), status(1)), (json!("Success"), json!("OperationFailed")), "{answer}");
    alice.ok(&delete("a", "Name"));
    alice.ok(&put("AddAttribute", "b", &name("first")));
}

#[test]
fn secrets_of_accounts_refuse_every_change() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    let written = alice.connection.try_request("POST", "/secrets/default/variable/s", &[], b"value").unwrap();
    assert_eq!(written.status, 201);
    let id = alice.located(&[name("default:variable:s")]).0.remove(0);
    let before = alice.connection.attributes(&id);
    for request in [
        comment(&id),
        put("AddAttribute", &id, &name("other")),
        put("AddAttribute", &id, &tags(&["t"])),
        put("SetAttribute", &id, &date("DeactivationDate", LATE)),
        delete(&id, "Name"),
        delete(&id, "claviger/secret_version"),
    ] {
        alice.connection.refused(&request, 422, "Invalid_Object_Type");
    }
    alice.ok(&named("GetAttributeList", &id));
    assert_eq!(alice.connection.attributes(&id), before);
}

#[test]
fn each_change_is_in_the_audit_log_without_its_value() {
    let server = Server::start();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Caller::certificate(&server, name));
    alice.ok(&pre_active("k", &[]));
    alice.grant("k", "bob", &["get_attributes"]);
    alice.ok(&put("AddAttribute", "k", &vendor_attribute("x", "table", "not-for-the-log")));
    alice.ok(&put("SetAttribute", "k", &date("ActivationDate", "2024-01-01T00:00:00Z")));
    bob.refused(&put("SetAttribute", "k", &text("Comment", "not-for-the-log")), 403);
    alice.ok(&delete("k", "x/table"));
    let lines: Vec<Value> = server.place.audit_lines().into_iter().filter(|line| line["object"] == "k").collect();
    let of = |operation: &str| -> Vec<&Value> { lines.iter().filter(|line| line["operation"] == operation).collect() };
    let [added] = of("AddAttribute")[..] else { panic!("{lines:?}") };
    assert_eq!((&added["outcome"], &added["detail"]), (&json!("success"), &json!("attribute x/table")));
    assert!(added["version"].is_i64());
    let set = of("SetAttribute");
    assert!(set.iter().any(|line| line["detail"] == "attribute ActivationDate" && line["version"].is_i64()), "{set:?}");
    assert!(set.iter().any(|line| line["user"] == "bob" && line["outcome"] == "refused"), "{set:?}");
    assert_eq!(of("DeleteAttribute").len(), 1);
    assert!(!format!("{lines:?}").contains("not-for-the-log"));
    assert_eq!(string(&alice.ok(&named("GetAttributes", "k")), "State"), "Active");
}
