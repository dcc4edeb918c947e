//! Administrators can give themselves roles, also in projects. The audit log marks each such change, on every route.

use serde_json::{Value, json};

use crate::harness::kmip::encrypt;
use crate::harness::{Answer, Caller, Server, SigningKey, World, caller, hanzo};

const POLICY: &str = r#"
administrators = ["root"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[roles.full]
capabilities = ["*"]
policies = ["all"]
"#;

/// Whether the change that got this answer is marked in the audit log.
fn is_marked(server: &Server, answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let lines = server.audited(answer);
    let changes: Vec<&Value> = lines.iter().filter(|line| line["version"].is_i64()).collect();
    assert_eq!(changes.len(), 1, "{lines:?}");
    let mark = &changes[0]["self"];
    assert!(mark.is_null() || *mark == json!(true), "{mark}");
    *mark == json!(true)
}

#[test]
fn by_definitions() {
    let world = World::new(POLICY);
    let (mut root, mut alice) = (world.certificate("root"), world.certificate("alice"));
    let members = |members: Value| json!({ "members": members });
    let steps: Vec<(&str, &str, Option<Value>, bool)> = vec![
        ("projects", "p", Some(members(json!({"alice": "full"}))), false),
        ("projects", "p", Some(members(json!({"alice": "full", "root": "full"}))), true),
        // root already had this role.
        ("projects", "p", Some(members(json!({"bob": "full", "root": "full"}))), false),
        ("projects", "p", Some(members(json!({"alice": "full"}))), true),
        ("projects", "p", Some(members(json!({"alice": "full", "certificate:root": "full"}))), true),
        // With any kind of credential, and also if others get the role too.
        ("projects", "q", Some(members(json!({"jwt:https://issuer.example/#root": "full"}))), true),
        ("projects", "r", Some(members(json!({"*": "full"}))), true),
        ("projects", "r", None, true),
        ("projects", "s", Some(members(json!({"rooty": "full"}))), false),
        ("projects", "s", None, false),
        // The own role gives rights in every project.
        ("users", "alice", Some(json!({"role": "full"})), false),
        ("users", "root", Some(json!({"role": "full"})), true),
        ("users", "root", None, true),
        ("users", "jwt:https:%2F%2Fissuer.example%2F%23root", Some(json!({"role": "full"})), true),
        // The definition of their role counts too.
        ("policies", "mine", Some(json!({"policy_type": "allow", "operations": ["*"], "resources": ["*"]})), false),
        ("roles", "mine", Some(json!({"capabilities": ["read"], "policies": ["mine"]})), false),
        ("projects", "t", Some(members(json!({"root": "mine"}))), true),
        ("roles", "mine", Some(json!({"capabilities": ["*"], "policies": ["mine"]})), true),
        (
            "policies",
            "mine",
            Some(json!({"policy_type": "allow", "operations": ["encrypt"], "resources": ["*"]})),
            true,
        ),
        ("roles", "other", Some(json!({"capabilities": ["*"], "policies": ["all"]})), false),
        ("identities", "root", Some(json!({"name": "root", "role": "admin"})), false),
    ];
    for (kind, name, definition, marked) in steps {
        let answer = match &definition {
            Some(definition) => root.define(kind, name, definition),
            None => root.undefine(kind, name),
        };
        assert_eq!(is_marked(&world.server, &answer), marked, "{kind} {name}: {definition:?}");
    }
    // The role gives her access to the project's keys.
    alice.key("k", &[caller::project("p")]);
    root.ok(&encrypt("k", b"x"));
    // The mark is in the signed line, and a search finds it.
    let lines = root.done("/audit/search", &json!({"object": "project/p"}));
    let lines: Vec<&str> = lines["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line.ends_with(",\"self\":true}")).count(), 3, "{lines:#?}");
    world.server.keep_audit_key();
    world.server.place.signed();
}

#[test]
fn by_memberships_and_by_what_identities_are() {
    let (server, key) = (hanzo::server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let [own, other] = [(); 2].map(|()| hanzo::identity(&mut root, "admin"));
    root.done(&hanzo::path(&own), &hanzo::trusting(&key, &json!({})));
    root.done("/api/v2/workspace", &json!({"projectName": "p"}));
    let token = hanzo::login(&server, &own, &hanzo::jwt(&key, &json!({})));
    let mut admin = Caller::bearer(&server, &token);
    let developer = json!({"role": "developer"});
    let membership = |id: &str| format!("/api/v2/workspace/p/identity-memberships/{id}");
    for (caller, method, path, body, marked) in [
        ("root", "POST", membership(&own), Some(&developer), false),
        ("root", "DELETE", membership(&own), None, false),
        ("admin", "POST", membership(&other), Some(&developer), false),
        ("admin", "POST", membership(&own), Some(&developer), true),
        ("admin", "DELETE", membership(&other), None, false),
        ("admin", "DELETE", membership(&own), None, true),
        ("admin", "PATCH", format!("/api/v1/identities/{other}"), Some(&json!({"name": "x"})), false),
        ("admin", "PATCH", format!("/api/v1/identities/{own}"), Some(&json!({"name": "x"})), true),
        ("admin", "PATCH", hanzo::path(&own), Some(&json!({"accessTokenTTL": 100})), true),
        ("root", "DELETE", format!("/api/v1/identities/{own}"), None, false),
    ] {
        let caller = if caller == "root" { &mut root } else { &mut admin };
        let answer = caller.send(method, &path, body);
        assert_eq!(is_marked(&server, &answer), marked, "{method} {path}");
    }
}
