//! Roles, policies, users and projects that administrators define in addition to those of the file; they are
//! persistent.

use serde_json::{Value, json};

use crate::harness::caller::project;
use crate::harness::kmip::{encrypt, named, revoke};
use crate::harness::{Caller, World};

const POLICY: &str = r#"
administrators = ["root"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[roles.full]
capabilities = ["*"]
policies = ["all"]
[projects.file]
description = "of the file"
members = { mary = "full" }
"#;

#[track_caller]
fn put(root: &mut Caller, kind: &str, name: &str, definition: &Value, version: i64) {
    let answer = root.define(kind, name, definition);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.json()["version"], version);
}

#[track_caller]
fn refused(root: &mut Caller, kind: &str, name: &str, definition: Option<&Value>, status: u16, word: &str) {
    let answer = match definition {
        Some(definition) => root.define(kind, name, definition),
        None => root.undefine(kind, name),
    };
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    assert!(answer.detail().contains(word), "{}", answer.detail());
}

#[test]
fn they_are_made_listed_changed_and_removed() {
    let world = World::new(POLICY);
    let mut root = world.certificate("root");
    let (mut omar, mut mary) = (world.certificate("omar"), world.certificate("mary"));
    let reading = json!({"policy_type": "allow", "operations": ["get_attributes"], "resources": ["*"]});
    put(&mut root, "policies", "reading", &reading, 1);
    put(&mut root, "roles", "reader", &json!({"capabilities": ["read"], "policies": ["reading"]}), 1);
    put(&mut root, "projects", "p", &json!({"members": {"mary": "full", "omar": "reader"}}), 1);
    mary.key("k", &[project("p")]);
    omar.ok(&named("GetAttributes", "k"));
    omar.refused(&encrypt("k", b"x"), 403);
    // A change applies to the next request.
    put(&mut root, "roles", "reader", &json!({"capabilities": ["read", "use"], "policies": ["reading", "all"]}), 2);
    omar.ok(&encrypt("k", b"x"));
    put(&mut root, "users", "omar", &json!({"role": "reader"}), 1);
    put(&mut root, "users", "jwt:https:%2F%2Fa.example%2F%23omar", &json!({"role": "full"}), 1);
    put(&mut root, "users", "certificate:omar", &json!({"role": "full"}), 2);
    assert_eq!(omar.get("/whoami")["role"], "full");
    assert_eq!(
        root.get("/access/definitions/users"),
        json!([
            {"name": "jwt:https://a.example/#omar", "version": 1, "definition": {"role": "full"}},
            {"name": "omar", "version": 2, "definition": {"role": "full"}},
        ])
    );
    assert_eq!(
        root.get("/access/definitions/projects"),
        json!([
            {"name": "file", "definition": {"description": "of the file", "members": {"mary": "full"}}},
            {"name": "p", "version": 1, "definition": {"members": {"mary": "full", "omar": "reader"}}},
        ])
    );
    // A definition of the file cannot be changed.
    for (kind, name) in [("roles", "full"), ("policies", "all"), ("projects", "file")] {
        let definition = root.get(&format!("/access/definitions/{kind}"))[0]["definition"].clone();
        refused(&mut root, kind, name, Some(&definition), 409, "is defined in the policy file");
        refused(&mut root, kind, name, None, 409, "is defined in the policy file");
    }
    // A definition that is still needed is not removed.
    refused(&mut root, "policies", "reading", None, 422, "there is no policy \"reading\"");
    refused(&mut root, "roles", "reader", None, 422, "there is no role \"reader\"");
    refused(&mut root, "projects", "p", None, 409, "still holds objects");
    omar.ok(&encrypt("k", b"x"));
    let world = world.restart();
    let (mut root, mut omar, mut mary) =
        (world.certificate("root"), world.certificate("omar"), world.certificate("mary"));
    assert_eq!(omar.get("/whoami")["role"], "full");
    omar.ok(&encrypt("k", b"x"));
    // It can be removed when it is no longer needed; its version continues.
    assert_eq!(root.undefine("users", "omar").status, 200);
    assert_eq!(omar.get("/whoami").get("role"), None);
    put(&mut root, "projects", "p", &json!({"members": {"mary": "full"}}), 2);
    omar.refused(&encrypt("k", b"x"), 404);
    assert_eq!(root.undefine("roles", "reader").json(), json!({"name": "reader", "version": 3}));
    assert_eq!(root.undefine("policies", "reading").status, 200);
    mary.ok(&revoke("k", "Superseded"));
    mary.ok(&named("Destroy", "k"));
    refused(&mut root, "projects", "p", None, 409, "still holds objects");
    mary.done("/access/project", &json!({"unique_identifier": "k", "project": null}));
    assert_eq!(root.undefine("projects", "p").status, 200);
    for (kind, name) in [("users", "omar"), ("roles", "reader"), ("policies", "reading"), ("projects", "p")] {
        refused(&mut root, kind, name, None, 404, "there is no");
    }
    put(&mut root, "roles", "reader", &json!({"capabilities": [], "policies": []}), 4);
    let world = world.restart();
    let mut root = world.certificate("root");
    assert_eq!(root.get("/access/definitions/roles").as_array().unwrap().len(), 2);
    put(&mut root, "roles", "reader", &json!({"capabilities": ["use"], "policies": []}), 5);
}

#[test]
fn a_role_to_which_something_is_granted_stays() {
    let world = World::new(POLICY);
    let (mut root, mut alice) = (world.certificate("root"), world.certificate("alice"));
    let role = json!({"capabilities": ["use"], "policies": ["all"]});
    put(&mut root, "roles", "tmp", &role, 1);
    alice.key("k", &[]);
    let change = |operations: &[&str]| json!({"unique_identifier": "k", "role": "tmp", "operation_types": operations});
    alice.done("/access/grant", &change(&["encrypt"]));
    refused(&mut root, "roles", "tmp", None, 409, "still granted to the role");
    alice.done("/access/revoke", &change(&["encrypt"]));
    assert_eq!(root.undefine("roles", "tmp").status, 200);
}

#[test]
fn what_is_faulty_is_told_and_not_kept() {
    let world = World::new(POLICY);
    let mut root = world.certificate("root");
    for (kind, name, definition, word) in [
        ("roles", "r", json!({"capabilities": ["fly"], "policies": []}), "\"fly\" is not a capability"),
        ("roles", "r", json!({"capabilities": [], "policies": ["none"]}), "there is no policy \"none\""),
        ("roles", "r", json!({"capabilities": []}), "missing field `policies`"),
        ("roles", "r", json!({"capabilities": [], "policies": [], "more": 1}), "unknown field `more`"),
        ("roles", "r", json!([]), "r"),
        ("roles", "%3F", json!({"capabilities": [], "policies": []}), "a name has 1 to 128"),
        ("roles", "a%20b", json!({"capabilities": [], "policies": []}), "a name has 1 to 128"),
        ("roles", &"x".repeat(129), json!({"capabilities": [], "policies": []}), "a name has 1 to 128"),
        ("policies", "p", json!({"policy_type": "allow", "operations": ["fly"], "resources": ["*"]}), "no operation"),
        ("policies", "p", json!({"policy_type": "allow", "operations": ["*"], "resources": ["x"]}), "matches nothing"),
        (
            "policies",
            "p",
            json!({"policy_type": "deny", "operations": ["*"], "resources": ["projects/p"]}),
            "matches nothing",
        ),
        (
            "policies",
            "p",
            json!({"policy_type": "deny", "operations": ["*"], "resources": ["*", "projects/p/"]}),
            "nothing",
        ),
        ("policies", "p", json!({"policy_type": "deny", "operations": ["*"], "resources": ["projects//k"]}), "nothing"),
        (
            "policies",
            "p",
            json!({"policy_type": "deny", "operations": ["*"], "resources": ["tags/"]}),
            "matches nothing",
        ),
        (
            "policies",
            "p",
            json!({"policy_type": "deny", "operations": ["*"], "resources": ["objects/"]}),
            "matches nothing",
        ),
        (
            "policies",
            "p",
            json!({"policy_type": "deny", "operations": ["*"], "resources": ["project?"]}),
            "matches nothing",
        ),
        ("users", "alice", json!({"role": "none"}), "there is no role \"none\""),
        ("users", "*", json!({"role": "full"}), "cannot have a role of its own"),
        ("users", "role:full", json!({"role": "full"}), "a role has no role"),
        ("users", "jwt:x", json!({"role": "full"}), "jwt:ISSUER#NAME"),
        ("projects", "p", json!({"members": {"alice": "none"}}), "there is no role \"none\""),
        ("projects", "p", json!({"members": {"alice": "full", "certificate:alice": "full"}}), "another spelling"),
        ("projects", "p", json!({"description": "x".repeat(1025)}), "longer than 1024"),
    ] {
        refused(&mut root, kind, name, Some(&definition), 422, word);
    }
    for kind in ["roles", "policies", "users", "projects"] {
        let list = root.get(&format!("/access/definitions/{kind}"));
        let made = list.as_array().unwrap().iter().filter(|entry| entry.get("version").is_some()).count();
        assert_eq!(made, 0, "{list}");
    }
    assert_eq!(root.send("GET", "/access/definitions/grants", None).status, 404);
    assert_eq!(root.define("grants", "x", &json!({})).status, 404);
    // Other callers are refused, and do not learn which definitions exist.
    let mut mary = world.certificate("mary");
    for kind in ["roles", "policies", "users", "projects"] {
        assert_eq!(mary.send("GET", &format!("/access/definitions/{kind}"), None).status, 403);
        refused(&mut mary, kind, "x", Some(&json!({})), 403, "you may not administer");
        refused(&mut mary, kind, "all", None, 403, "you may not administer");
    }
}
