//! A person who can write the database file cannot give access by it: rows on which access depends are refused if they
//! were changed.

use rusqlite::Connection as Database;
use serde_json::json;

use crate::harness::caller::project;
use crate::harness::kmip::{encrypt, named};
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
[projects.home]
members = { alice = "full" }
"#;

fn intrude(world: World, statements: &[String]) -> World {
    let options = world.server.options.clone();
    let (place, _) = world.server.stop();
    let database = Database::open(place.database()).unwrap();
    for statement in statements {
        assert_eq!(database.execute(statement, []).unwrap(), 1, "{statement}");
    }
    drop(database);
    World { server: crate::harness::Server::start_at(place, &options), issuer: world.issuer }
}

#[track_caller]
fn is_told(world: &World, words: &[&str]) {
    let log = world.server.log();
    let told = |line: &str| line.contains("ROW REFUSED") && words.iter().all(|word| line.contains(word));
    assert!(log.lines().any(told), "{words:?}");
}

#[test]
fn whose_a_key_is_and_who_may_use_it() {
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    let edits = [
        "grants = '[{\"to\":{\"user\":\"bob\"},\"operations\":[\"export\",\"encrypt\"]}]'",
        "grants = '[{\"to\":\"everyone\",\"operations\":[\"encrypt\"]}]'",
        "grants = 'no JSON'",
        "grants = NULL",
        "project = 'home'",
        "project = NULL",
        "owner = 'bob'",
    ];
    for number in 0..edits.len() {
        let id = format!("k{number}");
        let more = if number == 5 { vec![project("home")] } else { Vec::new() };
        alice.key(&id, &more);
        if number == 3 {
            alice.grant(&id, "carol", &["mac"]);
        }
    }
    alice.key("planted", &[]);
    alice.key("untouched", &[]);
    alice.grant("untouched", "bob", &["encrypt"]);
    let mut statements: Vec<String> = edits
        .iter()
        .enumerate()
        .map(|(number, edit)| format!("UPDATE object SET {edit} WHERE id = 'k{number}'"))
        .collect();
    for grantee in ["user:bob", "*", "role:full"] {
        statements.push(format!(
            "INSERT INTO object_grantee (grantee, number) SELECT '{grantee}', number FROM object WHERE id = 'planted'"
        ));
    }
    let world = intrude(world, &statements);
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    for number in 0..edits.len() {
        let id = format!("k{number}");
        for caller in [&mut alice, &mut bob] {
            for request in [encrypt(&id, b"x"), named("Export", &id), named("GetAttributes", &id)] {
                assert!(caller.refused(&request, 500).contains("integrity check"));
            }
            caller.not_done("/access/grant", &crate::harness::caller::change(&id, "dora", &["encrypt"]), 500);
        }
        is_told(&world, &[&id]);
    }
    // A row of the index gives no access.
    for request in [encrypt("planted", b"x"), named("Export", "planted")] {
        bob.refused(&request, 404);
    }
    assert_eq!(bob.located(&[]).0, ["untouched"]);
    assert_eq!(bob.get("/access/obtained").as_array().unwrap().len(), 1);
    bob.ok(&encrypt("untouched", b"x"));
    assert_eq!(alice.located(&[]).0, ["untouched", "planted"]);
    assert_eq!(alice.get("/access/owned").as_array().unwrap().len(), 2);
}

/// Definitions by administrators, and for each row a caller whom it limits.
fn define(world: &World) {
    let mut root = world.certificate("root");
    let mut put = |kind: &str, name: &str, definition| assert_eq!(root.define(kind, name, &definition).status, 200);
    for name in ["deny", "quiet"] {
        put("policies", name, json!({"policy_type": "deny", "operations": ["export"], "resources": ["*"]}));
    }
    put("roles", "reader", json!({"capabilities": ["read"], "policies": ["all"]}));
    put("roles", "narrow", json!({"capabilities": ["read"], "policies": ["all"]}));
    put("roles", "barred", json!({"capabilities": ["*"], "policies": ["all", "deny"]}));
    put("roles", "silenced", json!({"capabilities": ["*"], "policies": ["all", "quiet"]}));
    for user in ["vera", "vic", "vince"] {
        put("users", user, json!({"role": "reader"}));
    }
    for project in ["p1", "p2", "p3", "p4", "p5"] {
        let role = match project {
            "p1" => "narrow",
            "p2" => "barred",
            "p5" => "silenced",
            _ => "reader",
        };
        put("projects", project, json!({"members": {"alice": "full", "mina": role, "owen": "barred"}}));
    }
}

#[test]
fn roles_policies_users_and_projects() {
    let world = World::new(POLICY);
    define(&world);
    let mut alice = world.certificate("alice");
    for name in ["p1", "p2", "p3", "p5"] {
        alice.key(name, &[project(name)]);
        alice.grant(name, "mina", &["export"]);
    }
    for user in ["vera", "vic", "vince"] {
        alice.key(user, &[]);
        alice.done("/access/transfer", &json!({"unique_identifier": user, "user_id": user}));
        world.certificate(user).done("/access/accept", &json!({ "unique_identifier": user }));
    }
    // Owen owns a key in a project that denies him to export it.
    let mut owen = world.certificate("owen");
    owen.key("p4", &[project("p4")]);
    owen.refused(&named("Export", "p4"), 403);
    let edit = |kind: &str, name: &str, edit: &str| {
        format!("UPDATE policy_entry SET {edit} WHERE kind = '{kind}' AND name = '{name}'")
    };
    let insert = |kind: &str, name: &str, document: &str| {
        format!("INSERT INTO policy_entry VALUES ('{kind}', '{name}', 1, '{document}', zeroblob(32))")
    };
    let world = intrude(
        world,
        &[
            edit("role", "narrow", "document = replace(document, 'read', '*')"),
            edit("policy", "deny", "document = replace(document, 'deny', 'allow')"),
            edit("policy", "quiet", "document = cast(x'ff' AS TEXT)"),
            edit("user", "vera", "document = replace(document, 'reader', 'full')"),
            edit("user", "vic", "document = NULL"),
            edit("user", "vince", "document = cast(x'ff' AS TEXT)"),
            edit("project", "p3", "document = replace(document, 'mina', 'bob')"),
            edit("project", "p4", "version = version + 1"),
            insert("role", "forged", r#"{"capabilities":["*"],"policies":["all"]}"#),
            insert("policy", "forged", r#"{"policy_type":"allow","operations":["*"],"resources":["*"]}"#),
            insert("user", "bob", r#"{"role":"full"}"#),
            insert("project", "forged", r#"{"members":{"bob":"full"}}"#),
            insert("sort", "forged", "{}"),
        ],
    );
    for (kind, name) in [
        ("role", "narrow"),
        ("policy", "deny"),
        ("policy", "quiet"),
        ("user", "vera"),
        ("user", "vic"),
        ("user", "vince"),
        ("project", "p3"),
        ("project", "p4"),
        ("role", "forged"),
        ("policy", "forged"),
        ("user", "bob"),
        ("project", "forged"),
        ("sort", "forged"),
    ] {
        is_told(&world, &[&format!("kind=\"{kind}\""), &format!("name=\"{name}\"")]);
    }
    let may = |caller: &mut Caller, id: &str| {
        [named("GetAttributes", id), encrypt(id, b"x"), named("Export", id)].map(|one| caller.kmip(&one).status)
    };
    // A member whose role or policy is refused has no rights there, also not by grants.
    let mut mina = world.certificate("mina");
    for id in ["p1", "p2", "p3", "p5"] {
        assert_eq!(may(&mut mina, id), [404; 3], "{id}");
    }
    // A user whose role is refused may not use their own objects either.
    for user in ["vera", "vic", "vince"] {
        assert_eq!(may(&mut world.certificate(user), user), [404; 3], "{user}");
    }
    // In a project whose row is refused, no caller has rights.
    assert_eq!(may(&mut world.certificate("owen"), "p4"), [404; 3]);
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    assert_eq!(may(&mut alice, "p3"), [404; 3]);
    for id in ["p1", "p2", "p3", "p4", "p5", "vera"] {
        assert_eq!(may(&mut bob, id), [404; 3], "{id}");
    }
    assert_eq!(bob.kmip(&crate::harness::kmip::create("AES", 256, &[project("forged")])).status, 403);
    assert_eq!(bob.located(&[]), (vec![], 0));
    // Other callers are not affected.
    for id in ["p1", "p2", "p5"] {
        assert_eq!(may(&mut alice, id), [200; 3], "{id}");
    }
    // An administrator can repair it.
    let mut root = world.certificate("root");
    for (kind, name, definition) in [
        ("roles", "narrow", json!({"capabilities": ["read"], "policies": ["all"]})),
        ("projects", "p3", json!({"members": {"alice": "full"}})),
        ("users", "vera", json!({"role": "reader"})),
        ("users", "vince", json!({"role": "reader"})),
    ] {
        let answer = root.define(kind, name, &definition);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(may(&mut mina, "p1"), [200, 403, 200]);
    assert_eq!(may(&mut alice, "p3"), [200; 3]);
    for user in ["vera", "vince"] {
        assert_eq!(may(&mut world.certificate(user), user), [200, 403, 403]);
    }
}
