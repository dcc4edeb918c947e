//! Explanations of permissions, and grants that would not change anything.

use serde_json::{Value, json};

use crate::harness::caller::{ISSUER, change};
use crate::harness::kmip::{boolean, integer, named, revoke};
use crate::harness::{Caller, World};

const POLICY: &str = r#"
administrators = ["root"]
[policies.one_project]
policy_type = "allow"
operations = ["*"]
resources = ["projects/p1/*"]
[roles.first]
capabilities = ["*"]
policies = ["one_project"]
[users.fred]
role = "first"
"#;

#[test]
fn a_question_is_answered_to_those_whom_it_concerns() {
    let world = World::new(POLICY);
    let (mut alice, mut bob, mut root) =
        (world.certificate("alice"), world.certificate("bob"), world.certificate("root"));
    alice.key("k", &[]);
    alice.grant("k", "bob", &["encrypt"]);
    let ask = |user: &str, operation: &str, id: Option<&str>| {
        let mut question = json!({"user": user, "operation": operation});
        if let Some(id) = id {
            question["unique_identifier"] = json!(id);
        }
        question
    };
    let told = |caller: &mut Caller, question: &Value| caller.done("/access/explain", question);
    for caller in [&mut alice, &mut root, &mut bob] {
        let yes = told(caller, &ask("bob", "Encrypt", Some("k")));
        assert_eq!(yes, json!({"allowed": true, "rule": "the owner granted it to the user \"bob\"", "user": "bob"}));
        assert_eq!(told(caller, &ask("bob", "export", Some("k")))["allowed"], false);
    }
    assert_eq!(told(&mut root, &ask("fred", "create", None))["role"], "first");
    assert_eq!(told(&mut root, &ask("fred", "create", None))["allowed"], false);
    assert_eq!(told(&mut bob, &ask("bob", "create", None))["allowed"], true);
    // Only administrators get the role of another user.
    assert_eq!(told(&mut alice, &ask("fred", "encrypt", Some("k"))).get("role"), None);
    // A question about the caller takes the narrowing of the caller's credential into account.
    let mut dora = world.token("dora", &json!({"operations": ["get_attributes", "encrypt"]}));
    alice.grant("k", "dora", &["encrypt", "export"]);
    let herself = format!("jwt:{ISSUER}#dora");
    assert_eq!(told(&mut dora, &ask(&herself, "encrypt", Some("k")))["allowed"], true);
    assert_eq!(told(&mut dora, &ask(&herself, "export", Some("k")))["allowed"], false);
    assert_eq!(told(&mut alice, &ask(&herself, "export", Some("k")))["allowed"], true);
    alice.take_back("k", "dora", &["encrypt", "export"]);
    // Other callers get no answer, and do not learn that the object exists.
    let mut sam = world.certificate("sam");
    for (user, id) in [("sam", "k"), ("bob", "k"), ("sam", "none")] {
        sam.not_done("/access/explain", &ask(user, "encrypt", Some(id)), 404);
    }
    sam.not_done("/access/explain", &ask("bob", "create", None), 403);
    bob.not_done("/access/explain", &ask("alice", "encrypt", Some("k")), 404);
    // An operation on an object cannot be explained without an object.
    for operation in ["encrypt", "get", "transfer", "manage_access"] {
        bob.not_done("/access/explain", &ask("bob", operation, None), 400);
    }
    for question in [ask("*", "encrypt", Some("k")), ask("role:first", "mac", Some("k")), ask("bob", "fly", Some("k"))]
    {
        root.not_done("/access/explain", &question, 400);
    }
    // Nothing was changed.
    assert_eq!(alice.get("/access/list/k"), json!([{"user_id": "bob", "operations": ["encrypt"]}]));
}

#[test]
fn a_grant_that_would_change_nothing_says_why() {
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    alice.key("k", &[]);
    alice.key("sealed", &[boolean("Extractable", false)]);
    alice.key("macs", &[integer("CryptographicUsageMask", 128)]);
    alice.grant("k", "bob", &["encrypt"]);
    alice.grant("k", "*", &["mac"]);
    for (id, user, operations, reason) in [
        ("k", "alice", &["encrypt"][..], "\"alice\" owns the object"),
        ("k", "bob", &["encrypt"], "encrypt is already granted to the user \"bob\""),
        ("k", "carol", &["mac"], "mac is already granted to everyone"),
        ("k", "carol", &[], "no operation is named"),
        ("k", "carol", &["create"], "create cannot be granted on an object"),
        ("k", "carol", &["locate"], "locate cannot be granted on an object"),
        ("k", "carol", &["manage_access"], "manage_access cannot be granted on an object"),
        ("k", "carol", &["transfer"], "transfer cannot be granted on an object"),
        ("sealed", "carol", &["get"], "`get` would have no effect: the key is not Extractable"),
        ("sealed", "carol", &["export"], "`export` would have no effect: the key is not Extractable"),
        ("macs", "carol", &["encrypt"], "`encrypt` would have no effect: the key's Cryptographic Usage Mask"),
        ("macs", "carol", &["decrypt"], "`decrypt` would have no effect: the key's Cryptographic Usage Mask"),
        ("macs", "carol", &["mac_verify"], "`mac_verify` would have no effect: the key's Cryptographic Usage Mask"),
    ] {
        let told = alice.not_done("/access/grant", &change(id, user, operations), 422);
        assert!(told.contains(reason), "{told}");
    }
    for (user, operations, reason) in [
        ("carol", &["encrypt"][..], "encrypt is not granted to the user \"carol\""),
        ("bob", &["mac"], "mac is not granted to the user \"bob\""),
        ("role:first", &["mac"], "mac is not granted to the role \"first\""),
        ("bob", &[], "no operation is named"),
    ] {
        let told = alice.not_done("/access/revoke", &change("k", user, operations), 422);
        assert!(told.contains(reason), "{told}");
    }
    let same = json!({"unique_identifier": "k", "user_id": "alice"});
    assert!(alice.not_done("/access/transfer", &same, 422).contains("owns the object"));
    let told = alice.not_done("/access/project", &json!({"unique_identifier": "k", "project": null}), 422);
    assert!(told.contains("already as requested"), "{told}");
    assert!(alice.not_done("/access/grant", &change("k", "role:none", &["mac"]), 404).contains("no role \"none\""));
    for number in 0..254 {
        alice.grant("k", &format!("user-{number}"), &["encrypt"]);
    }
    let told = alice.not_done("/access/grant", &change("k", "one too many", &["encrypt"]), 422);
    assert!(told.contains("at most 256 grantees"), "{told}");
    alice.grant("k", "user-0", &["decrypt"]);
    // Ambiguous requests.
    for body in [
        json!({"unique_identifier": "k", "operation_types": ["mac"]}),
        json!({"unique_identifier": "k", "user_id": "a", "role": "first", "operation_types": ["mac"]}),
        json!({"unique_identifier": "k", "user_id": "a", "operation_types": ["fly"]}),
        json!({"unique_identifier": "k", "user_id": "a", "operation_types": vec!["mac"; 65]}),
        json!({"unique_identifier": "k", "user_id": "a", "operation_types": ["mac"], "expires": "2030-01-01"}),
        json!({"unique_identifier": "k", "role": "first", "userId": "a", "operation_types": ["mac"]}),
        json!({"user_id": "a", "operation_types": ["mac"]}),
        json!([]),
    ] {
        alice.not_done("/access/grant", &body, 400);
    }
    alice.ok(&revoke("k", "Superseded"));
    alice.ok(&named("Destroy", "k"));
    alice.not_done("/access/grant", &change("k", "dora", &["get_attributes"]), 409);
}
