//! `claviger access-rights`: access to objects, by the command line.

use std::fs;

use serde_json::json;

use crate::harness::caller::World;
use crate::harness::{Cli, Leaf};

/// Returns the example of docs/permissions.md, unchanged.
fn example() -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/permissions.md")).unwrap();
    page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

fn cli(world: &World, name: &str) -> Cli {
    Cli::new(&world.server, name, &world.server.place.authority.issue(&Leaf::client(name)))
}

#[test]
fn grants_are_given_listed_and_taken_back() {
    let world = World::new(&example());
    let (alice, bob, vera) = (cli(&world, "alice"), cli(&world, "bob"), cli(&world, "vera"));
    let id = alice.create(&["--id", "k"]);
    let key = ["-k", &id];
    let with = |words: &[&'static str]| -> Vec<String> {
        [&["access-rights"], words, &key].concat().iter().map(|&word| word.to_owned()).collect()
    };
    bob.fails_with(&["attributes", "get", "-k", &id], &["not found: "]);
    alice.quiet(&with(&["grant", "--user", "bob", "encrypt", "Decrypt", "get_attributes"]));
    alice.quiet(&with(&["grant", "--user", "*", "mac"]));
    let made = alice.json(&with(&["grant", "--role", "auditor", "get_attributes"]));
    assert_eq!(made, json!({"unique_identifier": "k"}));
    let mut lines = alice.rows(&with(&["list"]));
    lines.sort_unstable();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[..3], ["everyone | - | mac", "owner | alice | everything", "role | auditor | get_attributes"]);
    assert!(lines[3].starts_with("user | bob | ") && lines[3].contains("decrypt"), "{lines:?}");
    let all = alice.json(&with(&["list"]));
    assert_eq!((&all["owner"], &all["project"], &all["members"]), (&json!("alice"), &json!(null), &json!([])));
    assert_eq!(all["grants"].as_array().unwrap().len(), 3);
    bob.ok(&["attributes", "get", "-k", &id]);
    vera.ok(&["attributes", "get", "-k", &id]);
    assert_eq!(bob.locate(&[]), ["k"]);
    let obtained = bob.rows(&["access-rights", "list", "--obtained"]);
    assert!(obtained[0].starts_with("k | Active | alice | ") && obtained[0].contains("encrypt"), "{obtained:?}");
    assert_eq!(bob.rows(&["access-rights", "obtained"]), obtained, "the former spelling");
    assert_eq!(bob.json(&["access-rights", "list", "--obtained"])[0]["owner_id"], "alice");
    assert_eq!(bob.ok(&["access-rights", "owned"]), "");
    assert_eq!(alice.rows(&["access-rights", "list", "--owned"]), ["k | Active"]);
    assert_eq!(alice.json(&["access-rights", "owned"])[0]["object_id"], "k");
    for (words, said) in [
        (&["--owned", "-k", "k"][..], "cannot be used with"),
        (&["--owned", "--offers"], "cannot be used with"),
        (&[], "--key-id"),
    ] {
        alice.fails_as(2, &[&["access-rights", "list", "--json"], words].concat(), &[said]);
    }
    alice.quiet(&with(&["revoke", "--user", "bob", "encrypt", "decrypt", "get_attributes"]));
    bob.fails_with(&["attributes", "get", "-k", &id], &["not permitted: "]);
    alice.quiet(&with(&["revoke", "--user", "*", "mac"]));
    bob.fails_with(&["attributes", "get", "-k", &id], &["not found: "]);
    // What is as it should be is no error, and the command says so.
    let same = |words: &[&'static str], said: &str| {
        assert!(alice.ok(&with(words)).starts_with(&format!("nothing to change: {said}")), "{words:?}");
        assert_eq!(alice.json(&with(words)), json!({"unique_identifier": "k", "unchanged": true}));
    };
    same(&["revoke", "--user", "bob", "encrypt"], "encrypt is not granted to");
    alice.quiet(&with(&["grant", "--user", "bob", "encrypt"]));
    same(&["grant", "--user", "bob", "Encrypt"], "encrypt is already granted to");
    same(&["grant", "--role", "auditor", "get_attributes"], "get_attributes is already granted to");
    // Part of them is a change.
    alice.quiet(&with(&["grant", "--user", "bob", "encrypt", "decrypt"]));
    alice.quiet(&with(&["revoke", "--user", "bob", "encrypt", "decrypt", "mac"]));
    alice.fails_with(&with(&["grant", "--user", "alice", "encrypt"]), &["owns the object"]);
    alice.fails_with(&with(&["grant", "--user", "bob", "fly"]), &["\"fly\" is not an operation"]);
    bob.fails_with(&with(&["list"]), &["not found: "]);
    alice.quiet(&with(&["transfer", "--to", "bob"]));
    bob.quiet(&with(&["decline"]));
    bob.fails_with(&with(&["accept", "--yes"]), &["not found: "]);
    alice.quiet(&with(&["transfer", "--to", "bob"]));
    let offers = bob.rows(&["access-rights", "list", "--offers"]);
    assert!(offers[0].starts_with("k | Active | alice | bob | 2"), "{offers:?}");
    assert_eq!(bob.rows(&["access-rights", "offers"]), offers, "the former spelling");
    assert_eq!(alice.rows(&["access-rights", "list", "--offers-made"]), offers);
    assert_eq!(alice.rows(&["access-rights", "offers", "--made"]), offers, "the former spelling");
    assert_eq!(alice.ok(&["access-rights", "list", "--offers"]), "");
    assert_eq!(bob.ok(&["access-rights", "owned"]), "");
    bob.fails_as(2, &with(&["accept"]), &["cannot be undone", "--yes"]);
    bob.quiet(&with(&["accept", "--yes"]));
    assert_eq!(bob.rows(&["access-rights", "owned"]), ["k | Active"]);
    alice.fails_with(&with(&["list"]), &["not found: "]);
    assert_eq!(vera.ok(&["whoami"]), "username: vera\nmethod: certificate\nrole: auditor\n");
    assert_eq!(vera.json(&["whoami"])["role"], "auditor");
}

#[test]
fn projects_hold_keys_and_questions_are_answered() {
    let world = World::new(&example());
    let (alice, vera, root) = (cli(&world, "alice"), cli(&world, "vera"), cli(&world, "root"));
    let inside = alice.create(&["--id", "inside", "--project", "apollo", "--tag", "production"]);
    let outside = alice.create(&["--id", "outside"]);
    alice.write("key", &[7; 32]);
    alice.ok(&["sym", "keys", "import", "key", "-f", "raw", "--id", "brought", "--project", "apollo"]);
    assert_eq!(alice.locate(&["--project", "apollo"]), ["brought", inside.as_str()]);
    assert_eq!(vera.locate(&[]), ["brought", inside.as_str()]);
    alice.fails_with(&["sym", "keys", "create", "--project", "none"], &["not permitted: ", "no such project"]);
    // The example denies it also to the owner with the role `lead`.
    alice.fails_with(&["sym", "keys", "export", "-k", &inside, "file"], &["not permitted: ", "production_stays"]);
    alice.ok(&["sym", "keys", "export", "-k", &outside, "file"]);
    alice.quiet(&["access-rights", "project", "-k", &outside, "--to", "apollo"]);
    assert_eq!(vera.locate(&["--project", "apollo"]).len(), 3);
    assert_eq!(
        alice.rows(&["access-rights", "list", "-k", &outside]),
        [
            "owner | alice | everything",
            "project | apollo | -",
            "member | alice | role lead",
            "member | jwt:https://issuer.example/#ci | role operator"
        ]
    );
    alice.quiet(&["access-rights", "project", "-k", &outside, "--none"]);
    alice.fails_with(&["access-rights", "project", "-k", &outside, "--none"], &["already as requested"]);
    let ask = |cli: &Cli, user: &str, operation: &str| {
        cli.ok(&["access-rights", "explain", "--user", user, "--operation", operation, "--object", &inside])
    };
    let told = ask(&alice, "alice", "export");
    assert!(told.starts_with("allowed: false\nrule: policy \"production_stays\""), "{told}");
    let told = ask(&root, "jwt:https://issuer.example/#ci", "encrypt");
    assert!(told.starts_with("allowed: true\n") && told.contains("operator"), "{told}");
    let told = ask(&root, "vera", "get_attributes");
    assert!(told.ends_with("user: vera\nrole: auditor\n"), "{told}");
    let arguments = ["access-rights", "explain", "--user", "vera", "--operation", "create"];
    assert_eq!(vera.json(&arguments)["allowed"], false);
    let others = ["access-rights", "explain", "--user", "alice", "--operation", "create"];
    vera.fails_with(&others, &["not permitted: "]);
    assert_eq!(alice.json(&["access-rights", "owned"]).as_array().unwrap().len(), 3);
}

#[test]
fn administrators_define() {
    let world = World::new(&example());
    let (root, alice) = (cli(&world, "root"), cli(&world, "alice"));
    let definitions =
        |words: &[&'static str]| -> Vec<&'static str> { [&["access-rights", "definitions"], words].concat() };
    root.write("role.json", br#"{"capabilities": ["use"], "policies": ["everything"]}"#);
    root.quiet(&definitions(&["put", "roles", "user", "--file", "role.json"]));
    assert_eq!(root.pipe(&definitions(&["put", "users", "jwt:https://a/#b c"]), br#"{"role": "user"}"#), b"");
    let listed = root.rows(&definitions(&["list", "users"]));
    assert_eq!(listed, ["jwt:https://a/#b c | 1 | {\"role\":\"user\"}", "vera | policy file | {\"role\":\"auditor\"}"]);
    assert_eq!(root.json(&definitions(&["list", "roles"])).as_array().unwrap().len(), 4);
    root.fails_with(&definitions(&["remove", "roles", "user", "--yes"]), &["there is no role \"user\""]);
    root.fails_with(&definitions(&["remove", "roles", "lead", "--yes"]), &["conflict: ", "policy file"]);
    root.fails_as(2, &definitions(&["delete", "users", "jwt:https://a/#b c"]), &["cannot be undone", "--yes"]);
    root.quiet(&definitions(&["remove", "users", "jwt:https://a/#b c", "--yes"]));
    assert_eq!(root.json(&definitions(&["remove", "roles", "user", "--yes"])), json!({"name": "user", "version": 2}));
    root.fails_with(&definitions(&["put", "roles", "..", "--file", "role.json"]), &["1 to 128"]);
    root.fails_with(&definitions(&["put", "roles", "r", "--file", "none"]), &["cannot read none"]);
    alice.fails_with(&definitions(&["list", "roles"]), &["not permitted: "]);
}
