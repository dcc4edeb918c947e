//! Import with ReplaceExisting needs the right to destroy the existing object and to import the new one. It changes
//! only what the request names, and never class, state, owner or grants.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::caller::project;
use crate::harness::kmip::{
    all, boolean, create, date, encrypt, enumeration, find, import, integer, mac, name, named, replace, revoke, string,
    structure, tags, text, with,
};
use crate::harness::server::Place;
use crate::harness::{Caller, Options, Server, World, reference};

const POLICY: &str = r#"
[policies.everything]
policy_type = "allow"
operations = ["*"]
resources = ["*"]

[policies.production_stays]
policy_type = "deny"
operations = ["get", "export", "destroy"]
resources = ["tags/production"]

[policies.nothing_comes_frozen]
policy_type = "deny"
operations = ["import"]
resources = ["tags/frozen"]

[roles.operator]
capabilities = ["create", "read", "use"]
policies = ["everything"]

[roles.manager]
capabilities = ["manage", "read", "use"]
policies = ["everything"]

[roles.lead]
capabilities = ["*"]
policies = ["everything", "production_stays", "nothing_comes_frozen"]

[projects.apollo]
[projects.apollo.members]
alice = "lead"
bob = "operator"
carol = "lead"
mallory = "manager"
"#;

const SEALED: [(&str, bool); 2] = [("Sensitive", true), ("Extractable", false)];

fn flags(flags: &[(&str, bool)]) -> Vec<Value> {
    flags.iter().map(|(tag, value)| boolean(tag, *value)).collect()
}

/// All attributes, without those that every replacement changes.
fn lasting(attributes: &Value) -> Vec<Value> {
    let changed = ["AlwaysSensitive", "NeverExtractable", "LastChangeDate", "CryptographicLength", "Digest"];
    let mut all = attributes["value"].as_array().unwrap().clone();
    all.retain(|own| !changed.contains(&own["tag"].as_str().unwrap()));
    all.sort_by_key(Value::to_string);
    all
}

#[test]
fn it_takes_both_rights_and_deny_rules_see_both_objects() {
    let world = World::new(POLICY);
    let [mut alice, mut bob, mut carol, mut mallory, mut dora] =
        ["alice", "bob", "carol", "mallory", "dora"].map(|name| world.certificate(name));
    let own = [flags(&SEALED), vec![tags(&["blue"]), project("apollo"), name("pay")]].concat();
    alice.key("pay", &own);
    let before = alice.connection.attributes("pay");
    let sealed = alice.connection.seal("pay", b"alice's");
    // An operator may create and use, but not destroy; the right to destroy does not include that to import.
    for request in [import("pay", Some(true), "AES", &[7; 32], &[]), replace("pay", "AES", &[7; 32], &own)] {
        assert!(bob.refused(&request, 403).contains("may not destroy"));
        assert!(mallory.refused(&request, 403).contains("may not import"));
    }
    // A caller without rights learns that the identifier is taken, as from any import.
    assert_eq!(dora.kmip(&import("pay", Some(true), "AES", &[7; 32], &[])).status, 409);
    assert_eq!(alice.connection.attributes("pay"), before);
    assert_eq!(alice.connection.open(&sealed), b"alice's");
    carol.ok(&replace("pay", "AES", &[7; 32], &[]));
    assert_eq!(lasting(&alice.connection.attributes("pay")), lasting(&before));
    alice.refused(&sealed.decrypt(), 422);

    // The project's deny rules also apply to the owner: on the object before and after.
    for (id, old, new, denied) in [
        ("stays", &["production"][..], None, Some("may not destroy")),
        ("freed", &["production"], Some(&[][..]), Some("may not destroy")),
        ("thawed", &["frozen"], Some(&[][..]), Some("may not import")),
        ("freezes", &[], Some(&["frozen"][..]), Some("may not import")),
        ("older", &[], None, None),
        ("promoted", &["blue"], Some(&["production"][..]), None),
    ] {
        alice.key(id, &[tags(old), project("apollo")]);
        let sealed = alice.connection.seal(id, b"data");
        let said: Vec<Value> = new.iter().map(|new| tags(new)).collect();
        let request = replace(id, "AES", &[8; 32], &said);
        match denied {
            Some(why) => {
                assert!(alice.refused(&request, 403).contains(why), "{id}");
                assert_eq!(alice.connection.open(&sealed), b"data");
            }
            None => drop(alice.ok(&request)),
        }
    }
    // The other spelling of tags is the same attribute.
    alice.key("spelled", &[tags(&["blue"]), project("apollo")]);
    let other = crate::harness::kmip::vendor_attribute("cosmian", "tag", r#"["green"]"#);
    alice.ok(&replace("spelled", "AES", &[8; 32], &[other]));
    assert_eq!(alice.located(&[tags(&["blue"])]).0, ["pay"]);
    assert_eq!(alice.located(&[tags(&["green"])]).0, ["spelled"]);
    // It does not move an object, or change its owner.
    alice.ok(&replace("older", "AES", &[8; 32], &[project("apollo")]));
    assert_eq!(alice.kmip(&replace("older", "AES", &[8; 32], &[project("other")])).status, 422);
    assert_eq!(alice.get("/access/owned").as_array().unwrap().len(), 8);
}

#[test]
fn a_grantee_needs_both_and_a_narrowed_credential_has_what_it_names() {
    let world = World::new(POLICY);
    let [mut alice, mut dora, mut erin] = ["alice", "dora", "erin"].map(|name| world.certificate(name));
    alice.key("k", &[]);
    alice.grant("k", "erin", &["encrypt"]);
    let request = replace("k", "AES", &[7; 32], &[]);
    alice.grant("k", "dora", &["import"]);
    assert!(dora.refused(&request, 403).contains("may not destroy"));
    alice.take_back("k", "dora", &["import"]);
    alice.grant("k", "dora", &["destroy"]);
    assert!(dora.refused(&request, 403).contains("may not import"));
    for operations in [&["import", "encrypt"][..], &["destroy", "encrypt"]] {
        let mut narrowed = world.token("alice", &json!({ "operations": operations }));
        narrowed.refused(&request, 403);
    }
    let mut elsewhere = world.token("alice", &json!({"properties": {"tag": ["blue"]}}));
    elsewhere.refused(&request, 403);
    alice.grant("k", "dora", &["import"]);
    dora.ok(&request);
    erin.ok(&encrypt("k", b"still granted"));
    assert_eq!(alice.get("/access/owned").as_array().unwrap().len(), 1);
    assert_eq!(dora.get("/access/owned"), json!([]));
    assert_eq!(alice.connection.export("k"), [7; 32]);
    let mut narrowed = world.token("alice", &json!({"operations": ["import", "destroy"]}));
    narrowed.ok(&replace("k", "AES", &[9; 32], &[]));
    // The new object must also be within the narrowing of the credential.
    alice.key("blue", &[tags(&["blue"])]);
    elsewhere.ok(&replace("blue", "AES", &[9; 32], &[]));
    elsewhere.refused(&replace("blue", "AES", &[9; 32], &[tags(&["red"])]), 403);
    assert_eq!(alice.located(&[tags(&["red"])]).0.len(), 0);
}

#[test]
fn what_is_not_said_stays_and_the_class_always() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let classes =
        [&SEALED[..], &[("Sensitive", true), ("Extractable", true)], &[("Sensitive", false), ("Extractable", true)]];
    let own = [
        tags(&["blue"]),
        name("one"),
        name("two"),
        integer("CryptographicUsageMask", 4 | 8),
        date("DeactivationDate", "2999-01-01T00:00:00Z"),
        date("ProtectStopDate", "2998-01-01T00:00:00Z"),
        structure("CryptographicParameters", &[enumeration("BlockCipherMode", "GCM")]),
        text("Comment", "kept"),
    ];
    for (number, class) in classes.into_iter().enumerate() {
        let id = format!("k{number}");
        let made = [flags(class), own.to_vec(), vec![text("UniqueIdentifier", &id)]].concat();
        alice.ok(&create("AES", 256, &made));
        let before = alice.attributes(&id);
        for other in classes.into_iter().filter(|other| *other != class) {
            // Also each flag by itself: the other one stays, and both together are another class.
            alice.refused(&replace(&id, "AES", &[7; 16], &flags(other)), 422, "Constraint_Violation");
            for (one, was) in other.iter().zip(class).filter(|(one, was)| one.1 != was.1) {
                let answer = alice.kmip(&replace(&id, "AES", &[7; 16], &flags(&[*one])));
                // Sensitive has no effect on a key that never leaves.
                let same_class = number == 0 && was.0 == "Sensitive";
                assert_eq!(answer.status, if same_class { 200 } else { 422 }, "{class:?} {one:?}");
                if same_class {
                    alice.ok(&replace(&id, "AES", &[7; 16], &flags(class)));
                }
            }
        }
        alice.ok(&replace(&id, "AES", &[7; 16], &[]));
        let after = alice.attributes(&id);
        assert_eq!(lasting(&after), lasting(&before));
        assert_eq!(find(&after, "CryptographicLength").unwrap(), 128);
        for never in ["AlwaysSensitive", "NeverExtractable"] {
            assert_eq!(find(&after, never).unwrap(), false, "a key from outside was seen outside");
        }
        let sealed = alice.seal(&id, b"data");
        assert_eq!(reference::gcm_decrypt(&[7; 16], &sealed.iv, b"", &sealed.data, &sealed.tag).unwrap(), b"data");
        if number == 2 {
            assert_eq!(alice.export(&id), [7; 16]);
        } else {
            assert_eq!(alice.kmip(&named("Export", &id)).status, 403);
        }
        // An attribute in the request replaces the former one as a whole.
        let said = [name("three"), integer("CryptographicUsageMask", 4 | 8 | 128), text("Comment", "changed")];
        alice.ok(&replace(&id, "AES", &[9; 32], &said));
        let after = alice.attributes(&id);
        assert_eq!((all(&after, "Name").len(), string(&after, "NameValue").as_str()), (1, "three"));
        assert_eq!((string(&after, "Comment").as_str(), all(&after, "Attribute").len()), ("changed", 1));
        let cmac = structure("CryptographicParameters", &[enumeration("BlockCipherMode", "CMAC")]);
        alice.ok(&with(mac(&id, b"data"), &[cmac]));
    }
    // Not by Register, and not without ReplaceExisting.
    for request in [import("k0", None, "AES", &[7; 32], &[]), import("k0", Some(false), "AES", &[7; 32], &[])] {
        alice.refused(&request, 409, "Object_Already_Exists");
    }
    let register = crate::harness::kmip::register("AES", &[7; 32], &[text("UniqueIdentifier", "k0")]);
    alice.refused(&register, 409, "Object_Already_Exists");
}

#[test]
fn no_state_changes_and_what_has_ended_stays() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let made = |id: &str, more: &[Value]| create("AES", 256, &[&[text("UniqueIdentifier", id)], more].concat());
    let later = date("ActivationDate", "2999-01-01T00:00:00Z");
    // It does not activate a Pre-Active object, whatever the request says.
    alice.ok(&made("new", std::slice::from_ref(&later)));
    let active = [date("ActivationDate", "2024-01-01T00:00:00Z"), enumeration("State", "Active")];
    for said in [&[][..], &active, &active[..1], &active[1..], &[date("ActivationDate", "2998-01-01T00:00:00Z")]] {
        alice.ok(&replace("new", "AES", &[7; 32], said));
        assert_eq!(alice.state("new"), "PreActive", "{said:?}");
        alice.refused(&encrypt("new", b"x"), 409, "Wrong_Key_Lifecycle_State");
    }
    assert_eq!(string(&alice.attributes("new"), "ActivationDate"), "2998-01-01T00:00:00Z");
    alice.ok(&named("Activate", "new"));
    assert_eq!(alice.state("new"), "Active");
    // It does not end an Active object: this needs Revoke.
    let ended = date("DeactivationDate", "2024-02-01T00:00:00Z");
    for said in
        [enumeration("State", "Deactivated"), enumeration("State", "Compromised"), enumeration("State", "PreActive")]
    {
        alice.refused(&replace("new", "AES", &[7; 32], &[said]), 400, "Invalid_Attribute_Value");
    }
    alice.refused(&replace("new", "AES", &[7; 32], std::slice::from_ref(&ended)), 400, "Invalid_Attribute_Value");
    for fact in ["CompromiseDate", "CompromiseOccurrenceDate", "DestroyDate"] {
        let said = [date(fact, "2024-02-01T00:00:00Z")];
        alice.refused(&replace("new", "AES", &[7; 32], &said), 400, "Attribute_Read_Only");
    }
    let since = string(&alice.attributes("new"), "ActivationDate");
    alice.ok(&replace("new", "AES", &[7; 32], &[enumeration("State", "Active"), later]));
    assert_eq!(alice.state("new"), "Active");
    assert_eq!(
        string(&alice.attributes("new"), "ActivationDate"),
        since,
        "a date that contradicts the state stays out"
    );
    alice.ok(&encrypt("new", b"x"));

    // Objects that have ended, by an operation, by a date, or already when they were imported.
    for reason in ["Superseded", "KeyCompromise"] {
        alice.ok(&made(reason, &[]));
        alice.ok(&revoke(reason, reason));
    }
    alice.ok(&import("by-date", None, "AES", &[7; 32], &[ended]));
    for state in ["Deactivated", "Compromised"] {
        alice.ok(&import(state, None, "AES", &[7; 32], &[enumeration("State", state)]));
    }
    alice.ok(&made("gone", &[date("ActivationDate", "2999-01-01T00:00:00Z")]));
    alice.ok(&named("Destroy", "gone"));
    let ended = ["Superseded", "KeyCompromise", "by-date", "Deactivated", "Compromised", "gone"];
    let before = ended.map(|id| alice.attributes(id));
    for id in ended {
        let reason = if id == "gone" { "Object_Destroyed" } else { "Wrong_Key_Lifecycle_State" };
        for request in [
            import(id, Some(true), "AES", &[8; 32], &[]),
            replace(id, "AES", &[8; 32], &[]),
            replace(id, "AES", &[8; 32], &[enumeration("State", "Active")]),
        ] {
            alice.refused(&request, 409, reason);
        }
    }
    assert_eq!(ended.map(|id| alice.attributes(id)), before);
    // No other operation makes it Active again either.
    for id in ended {
        for request in [named("Activate", id), encrypt(id, b"x"), import(id, None, "AES", &[8; 32], &[])] {
            assert_eq!(alice.kmip(&request).status, 409, "{id}");
        }
    }
    assert_eq!(ended.map(|id| alice.attributes(id)), before);
}

#[test]
fn a_revoked_api_token_does_not_come_back() {
    let place = Arc::new(Place::new());
    let (token, id) = place.api_token();
    let arguments = ["--client-cert=optional".to_owned(), format!("--api-token-id={id}")].to_vec();
    let server = Server::start_at(place, &Options { arguments, ..Options::default() });
    let mut admin = Caller::certificate(&server, "admin");
    let mut bearer = Caller::bearer(&server, &token);
    assert_eq!(bearer.send("GET", "/whoami", None).status, 200);
    admin.ok(&revoke(&id, "KeyCompromise"));
    assert_eq!(bearer.send("GET", "/whoami", None).status, 401);
    let key = data_encoding::BASE64.decode(token.as_bytes()).unwrap();
    admin.refused(&import(&id, Some(true), "AES", &key, &[]), 409);
    admin.refused(&replace(&id, "AES", &key, &[enumeration("State", "Active")]), 409);
    let mut bearer = Caller::bearer(&server, &token);
    assert_eq!(bearer.send("GET", "/whoami", None).status, 401);
    assert_eq!(admin.connection.state(&id), "Compromised");
}

#[test]
fn the_key_of_the_api_token_is_replaced_by_administrators_only() {
    let place = Arc::new(Place::new());
    let (token, id) = place.api_token();
    let arguments = ["--client-cert=optional", "--administrators=root", &format!("--api-token-id={id}")]
        .map(str::to_owned)
        .to_vec();
    let server = Server::start_at(place, &Options { arguments, ..Options::default() });
    let [mut admin, mut bob, mut root] = ["admin", "bob", "root"].map(|name| Caller::certificate(&server, name));
    for to in ["bob", "root"] {
        admin.grant(&id, to, &["get_attributes", "import", "destroy"]);
    }
    // A caller who replaces it gets the rights of the default user.
    let known = data_encoding::BASE64.encode(&[0x33; 32]);
    for caller in [&mut admin, &mut bob] {
        assert!(caller.refused(&replace(&id, "AES", &[0x33; 32], &[]), 403).contains("administer"));
    }
    assert_eq!(Caller::bearer(&server, &token).send("GET", "/whoami", None).status, 200);
    assert_eq!(Caller::bearer(&server, &known).send("GET", "/whoami", None).status, 401);
    root.ok(&replace(&id, "AES", &[0x33; 32], &[]));
    assert_eq!(Caller::bearer(&server, &known).send("GET", "/whoami", None).status, 200);
    assert_eq!(Caller::bearer(&server, &token).send("GET", "/whoami", None).status, 401);
}
