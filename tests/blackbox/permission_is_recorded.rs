//! Each refusal and each change of permission is in the audit log when its answer arrives.

use std::fs;

use data_encoding::HEXLOWER;
use openssl::sha::sha256;
use serde_json::{Value, json};

use crate::harness::caller::change;
use crate::harness::kmip::{encrypt, named, register, text, wrapped};
use crate::harness::{World, eventually, reference};

const POLICY: &str = r#"
administrators = ["root"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[roles.full]
capabilities = ["*"]
policies = ["all"]
[projects.p.members]
alice = "full"
"#;

/// The last line of a decision, at this moment.
fn last(world: &World) -> Value {
    let text = fs::read_to_string(world.server.place.audit_file()).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.rfind(|line| line["event"] == "decision").unwrap()
}

#[track_caller]
fn is(line: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(line.get(name).unwrap_or(&Value::Null), value, "{name} of {line}");
    }
}

#[test]
fn changes_with_their_versions() {
    let world = World::new(POLICY);
    let (mut alice, mut root) = (world.certificate("alice"), world.certificate("root"));
    alice.key("k", &[]);
    let changes = [
        ("/access/grant", change("k", "bob", &["encrypt"]), "GrantAccess", "the user \"bob\": encrypt"),
        ("/access/revoke", change("k", "bob", &["encrypt"]), "RevokeAccess", "the user \"bob\": encrypt"),
        ("/access/grant", change("k", "*", &["mac"]), "GrantAccess", "everyone: mac"),
        ("/access/project", json!({"unique_identifier": "k", "project": "p"}), "SetProject", "to the project \"p\""),
        ("/access/project", json!({"unique_identifier": "k", "project": null}), "SetProject", "to no project"),
        (
            "/access/transfer",
            json!({"unique_identifier": "k", "user_id": "bob"}),
            "TransferOwnership",
            "to the user \"bob\"",
        ),
    ];
    let text = || fs::read_to_string(world.server.place.audit_file()).unwrap();
    for (number, (path, body, operation, detail)) in changes.iter().enumerate() {
        alice.done(path, body);
        let lines: Vec<Value> = text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let line = lines.iter().rfind(|line| line["version"] == number as i64 + 2).unwrap();
        is(
            line,
            &json!({
                "event": "decision", "user": "alice", "method": "certificate", "operation": operation, "object": "k",
                "outcome": "success", "rule": "the caller owns the object", "detail": detail, "peer": "127.0.0.1"
            }),
        );
    }
    for (version, definition) in [(1, json!({"role": "full"})), (2, json!({"role": "full"}))] {
        assert_eq!(root.define("users", "carol", &definition).status, 200);
        is(
            &last(&world),
            &json!({
                "user": "root", "operation": "Define", "object": "user/carol", "version": version,
                "outcome": "success", "rule": "the configuration names root",
                "detail": format!("sha256:{} {{\"role\":\"full\"}}", HEXLOWER.encode(&sha256(b"{\"role\":\"full\"}")))
            }),
        );
    }
    assert_eq!(root.undefine("users", "carol").status, 200);
    is(&last(&world), &json!({"operation": "Undefine", "object": "user/carol", "version": 3, "outcome": "success"}));
}

#[test]
fn refusals_with_their_reasons() {
    let world = World::new(POLICY);
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    let key = reference::random(32);
    alice.ok(&register("AES", &key, &[text("UniqueIdentifier", "k")]));
    bob.key("his", &[]);
    let nothing = "the caller does not own it, and neither grant nor project gives it";
    let refusal = |operation: &str, object: Value, reason: &str| {
        json!({
            "event": "decision", "user": "bob", "operation": operation, "object": object, "outcome": "refused",
            "reason": reason, "version": null, "rule": null, "peer": "127.0.0.1"
        })
    };
    for (request, operation) in
        [(encrypt("k", b"plaintext"), "Encrypt"), (named("Export", "k"), "Export"), (named("Destroy", "k"), "Destroy")]
    {
        bob.refused(&request, 404);
        is(&last(&world), &refusal(operation, json!("k"), nothing));
    }
    alice.grant("k", "bob", &["mac"]);
    bob.refused(&named("Export", "k"), 403);
    is(&last(&world), &refusal("Export", json!("k"), nothing));
    for (path, body, operation) in [
        ("/access/grant", change("k", "bob", &["export"]), "GrantAccess"),
        ("/access/revoke", change("k", "bob", &["mac"]), "RevokeAccess"),
        ("/access/transfer", json!({"unique_identifier": "k", "user_id": "bob"}), "TransferOwnership"),
        ("/access/project", json!({"unique_identifier": "k", "project": "p"}), "SetProject"),
    ] {
        bob.not_done(path, &body, 403);
        is(&last(&world), &refusal(operation, json!("k"), nothing));
    }
    let not_named = "the configuration does not name the caller for it";
    assert_eq!(bob.define("roles", "mine", &json!({"capabilities": ["*"], "policies": []})).status, 403);
    is(&last(&world), &refusal("Define", Value::Null, not_named));
    assert_eq!(bob.send("GET", "/access/definitions/roles", None).status, 403);
    is(&last(&world), &refusal("ListDefinitions", Value::Null, not_named));
    bob.refused(&crate::harness::kmip::create("AES", 256, &[crate::harness::caller::project("p")]), 403);
    let no_project = "there is no such project, or no role there lets the caller add objects";
    is(&last(&world), &refusal("Create", Value::Null, no_project));
    let text = fs::read_to_string(world.server.place.audit_file()).unwrap();
    let secrets = [data_encoding::HEXUPPER.encode(&key), data_encoding::HEXUPPER.encode(b"plaintext")];
    for secret in secrets.iter().flat_map(|secret| [secret.clone(), secret.to_lowercase()]) {
        assert!(!text.contains(&secret));
    }
    assert!(!text.contains("plaintext"));
    // A refusal by the narrowing of a token, and of the second key of an operation.
    let token = world.issuer.token("bob", &json!({"operations": ["Encrypt"]}));
    let mut narrowed = crate::harness::Caller::bearer(&world.server, &token);
    narrowed.refused(&named("Export", "his"), 403);
    is(
        &last(&world),
        &json!({
            "user": "bob", "method": "jwt", "proof": crate::harness::caller::ISSUER, "operation": "Export",
            "object": "his", "outcome": "refused", "reason": "the credential is limited to other operations"
        }),
    );
    bob.refused(&wrapped("Get", "his", "k"), 403);
    let text = fs::read_to_string(world.server.place.audit_file()).unwrap();
    let refused = text.lines().rfind(|line| line.contains("\"outcome\":\"refused\"")).unwrap();
    is(
        &serde_json::from_str(refused).unwrap(),
        &json!({"operation": "Get", "object": "k", "detail": "needs encrypt", "reason": nothing}),
    );
    assert!(!text.contains(&token) && !world.server.log().contains(&token));
}

#[test]
fn questions_and_who_was_not_told() {
    let world = World::new(POLICY);
    let (mut alice, mut sam) = (world.certificate("alice"), world.certificate("sam"));
    alice.key("k", &[]);
    let ask = |user: &str, id: &str| json!({"user": user, "operation": "encrypt", "unique_identifier": id});
    for id in ["k", "none"] {
        sam.not_done("/access/explain", &ask("alice", id), 404);
        is(&last(&world), &json!({"operation": "ExplainAccess", "user": "sam", "object": id, "outcome": "refused"}));
    }
    alice.done("/access/explain", &ask("sam", "k"));
    let asked = json!({
        "operation": "ExplainAccess", "user": "alice", "object": "k", "outcome": "success",
        "rule": "the caller owns the object"
    });
    eventually("the use is there", || {
        let line = last(&world);
        (line["operation"] == "ExplainAccess" && line["user"] == "alice").then(|| is(&line, &asked))
    });
}

#[test]
fn the_configuration_of_each_start_and_reload() {
    let world = World::new(POLICY);
    let notes = || {
        let text = fs::read_to_string(world.server.place.audit_file()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let details =
            lines.filter(|line| line["event"] == "note").map(|line| line["detail"].as_str().unwrap().to_owned());
        details.filter(|detail| detail.starts_with("permission as configured: sha256:")).collect::<Vec<_>>()
    };
    assert_eq!(notes().len(), 1);
    assert!(notes()[0].ends_with("administrators: root"), "{:?}", notes());
    fs::write(world.policy_file(), POLICY.replace("[\"root\"]", "[\"root\", \"mallory\"]")).unwrap();
    world.server.signal("HUP");
    let told = eventually("the change is recorded", || notes().get(1).cloned());
    assert!(told.ends_with("administrators: root, mallory"), "{told}");
    assert_ne!(told.split(',').next(), notes()[0].split(',').next());
}
