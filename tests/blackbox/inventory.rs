//! Only administrators and auditors see the inventory of objects and owners.

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::caller::project;
use crate::harness::kmip::{USAGE, boolean, encrypt, integer, mac, name, named, revoke};
use crate::harness::{Caller, Cli, Leaf, Server, World};

const POLICY: &str = r#"
administrators = ["root"]
auditors = ["audrey", "jwt:https://issuer.example/#audrey", "role:auditor"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[roles]
full = { capabilities = ["*"], policies = ["all"] }
auditor = { capabilities = [], policies = [] }
[users.ruth]
role = "auditor"
[projects.p.members]
alice = "full"
"#;

/// Returns all entries, read in pages of `limit`.
fn all(caller: &mut Caller, limit: usize, filter: &str) -> Vec<Value> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/objects?limit={limit}{filter}{after}"));
        let entries = page["objects"].as_array().unwrap();
        assert!(entries.len() <= limit);
        found.extend(entries.iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return found,
        }
    }
}

fn ids(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["unique_identifier"].as_str().unwrap()).collect()
}

fn today() -> String {
    time::OffsetDateTime::now_utc().date().to_string()
}

#[test]
fn every_object_is_told_with_its_owner_in_the_order_of_creation() {
    let world = World::new(POLICY);
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    let (mut root, mut audrey) = (world.certificate("root"), world.certificate("audrey"));
    assert_eq!(audrey.get("/objects"), json!({"objects": [], "next": null}));
    for number in 0..3 {
        alice.key(&format!("z{number}"), &[project("p"), name("backup"), name("second")]);
        bob.key(&format!("a{number}"), &[integer("CryptographicUsageMask", 4)]);
    }
    alice.ok(&revoke("z1", "KeyCompromise"));
    alice.ok(&named("Destroy", "z1"));
    let before = today();
    bob.ok(&encrypt("a1", b"x"));
    bob.refused(&mac("a2", b"x"), 403);
    let order = ["z0", "a0", "z1", "a1", "z2", "a2"];
    for caller in [&mut root, &mut audrey, &mut world.certificate("ruth"), &mut world.token("audrey", &Value::Null)] {
        for limit in [1, 2, 3, 6, 1000] {
            assert_eq!(ids(&all(caller, limit, "")), order, "{limit}");
        }
        assert_eq!(ids(&all(caller, 2, "&owner=bob")), ["a0", "a1", "a2"]);
        assert_eq!(ids(&all(caller, 2, "&project=p")), ["z0", "z1", "z2"]);
        assert_eq!(ids(&all(caller, 2, "&owner=nobody")), [""; 0]);
    }
    let entries = all(&mut audrey, 1000, "");
    let alive = &entries[0];
    for (name, value) in [
        ("intact", json!(true)),
        ("names", json!(["backup", "second"])),
        ("object_type", json!("SymmetricKey")),
        ("cryptographic_algorithm", json!("AES")),
        ("cryptographic_length", json!(256)),
        ("state", json!("Active")),
        ("owner", json!("alice")),
        ("project", json!("p")),
        ("destroy_date", Value::Null),
        ("last_used", Value::Null),
    ] {
        assert_eq!(alive[name], value, "{name} of {alive}");
    }
    assert!(alive["initial_date"].as_str().unwrap().starts_with("20"), "{alive}");
    let gone = &entries[2];
    assert_eq!((&gone["state"], &gone["owner"]), (&json!("DestroyedCompromised"), &json!("alice")));
    assert!(gone["destroy_date"].is_string() && gone["compromise_date"].is_string(), "{gone}");
    let used = [json!(before), json!(today())];
    assert!(used.contains(&entries[3]["last_used"]), "{}", entries[3]);
    assert_eq!(entries[5]["last_used"], Value::Null, "what was refused is no use");
    assert!(entries[3]["project"].is_null());
    for (query, words) in [
        ("limit=0", "1 to 1000"),
        ("limit=1001", "1 to 1000"),
        ("limit=x", "1 to 1000"),
        ("after=none", "no object"),
        ("owner=a&project=p", "give one"),
    ] {
        let answer = audrey.send("GET", &format!("/objects?{query}"), None);
        assert!(answer.status == 400 && answer.detail().contains(words), "{query}: {}", answer.detail());
    }
    // The day is stored, and later uses change it.
    let world = world.restart();
    let mut audrey = world.certificate("audrey");
    assert!(used.contains(&all(&mut audrey, 3, "")[3]["last_used"]));
    let database = Database::open(world.server.place.database()).unwrap();
    let days: Vec<i64> = {
        let mut select = database.prepare("SELECT day FROM object_use").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(days.len(), 1, "one write for a key and a day");
}

#[test]
fn a_day_of_use_is_noted_for_each_way_of_use() {
    let world = World::new(POLICY);
    let (mut alice, mut audrey) = (world.certificate("alice"), world.certificate("audrey"));
    let all_uses = integer("CryptographicUsageMask", USAGE | 0x10);
    for id in ["decrypted", "macs", "exported", "wrapping", "wrapped", "idle", "described", "judged"] {
        alice.key(id, std::slice::from_ref(&all_uses));
    }
    // A wrapping key that is refused is not used, and neither is the key that it would have wrapped.
    alice.key("guarded", &[all_uses.clone(), boolean("Sensitive", true)]);
    alice.refused(&crate::harness::kmip::wrapped("Get", "guarded", "judged"), 403);
    let sealed = alice.connection.seal("decrypted", b"x");
    alice.ok(&sealed.decrypt());
    alice.ok(&mac("macs", b"x"));
    alice.ok(&named("Export", "exported"));
    alice.ok(&crate::harness::kmip::wrapped("Get", "wrapped", "wrapping"));
    alice.ok(&named("GetAttributes", "described"));
    alice.grant("idle", "bob", &["encrypt"]);
    let put = |caller: &mut Caller, body: &[u8]| {
        let headers = [("Content-Type", "application/octet-stream")];
        caller.connection.try_request("POST", "/secrets/default/variable/s", &headers, body).unwrap().status
    };
    assert_eq!(put(&mut alice, b"value"), 201);
    let secret =
        |entries: &[Value]| entries.iter().find(|entry| entry["object_type"] == "SecretData").cloned().unwrap();
    assert_eq!(secret(&all(&mut audrey, 100, ""))["last_used"], Value::Null);
    assert_eq!(alice.send("GET", "/secrets/default/variable/s", None).status, 200);
    let entries = all(&mut audrey, 100, "");
    assert!(secret(&entries)["last_used"].is_string());
    for entry in &entries {
        let id = entry["unique_identifier"].as_str().unwrap();
        let used = !["idle", "described", "judged", "guarded"].contains(&id);
        assert_eq!(entry["last_used"].is_string(), used, "{entry}");
    }
}

#[test]
fn a_row_that_was_changed_is_told_as_such() {
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    for id in ["k0", "k1", "k2"] {
        alice.key(id, &[]);
    }
    let World { server, issuer } = world;
    let options = server.options.clone();
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    assert_eq!(database.execute("UPDATE object SET owner = 'bob' WHERE id = 'k1'", []).unwrap(), 1);
    // The day is not bound by a MAC, and no decision depends on it.
    database
        .execute("INSERT INTO object_use SELECT number, 9223372036854775807 FROM object WHERE id = 'k2'", [])
        .unwrap();
    drop(database);
    let world = World { server: Server::start_at(place, &options), issuer };
    let mut audrey = world.certificate("audrey");
    let entries = all(&mut audrey, 2, "");
    assert_eq!(ids(&entries), ["k0", "k1", "k2"]);
    assert_eq!(entries[1], json!({"unique_identifier": "k1", "intact": false, "last_used": null}));
    assert_eq!(entries[2]["last_used"], Value::Null);
    assert_eq!(ids(&all(&mut audrey, 2, "&owner=alice")), ["k0", "k2"]);
}

#[test]
fn auditors_read_and_nothing_else() {
    let world = World::new(POLICY);
    let (mut alice, mut audrey) = (world.certificate("alice"), world.certificate("audrey"));
    alice.key("k", &[project("p")]);
    let is_refused = |answer: &crate::harness::Answer| assert!([403, 404].contains(&answer.status), "{answer:?}");
    audrey.get("/objects");
    crate::harness::eventually("the log is signed", || {
        (audrey.send("GET", "/audit/head", None).status == 200).then_some(())
    });
    let lines = audrey.done("/audit/search", &json!({"object": "k"}));
    assert_eq!(lines["lines"].as_array().unwrap().len(), 1, "{lines}");
    // An auditor has no rights of administrators, and none on keys of others.
    for (method, path, body) in [
        ("GET", "/access/definitions/roles", None),
        ("PUT", "/access/definitions/users/audrey", Some(json!({"role": "full"}))),
        ("DELETE", "/access/definitions/projects/p", None),
        ("GET", "/access/tokens", None),
        ("DELETE", "/access/tokens/x", None),
        ("POST", "/access/token-key", Some(json!({}))),
        ("GET", "/issuers", None),
        ("POST", "/issuers/test", Some(json!({"jwt": "a.b.c"}))),
        ("GET", "/api/v1/identities", None),
        ("POST", "/api/v2/workspace", Some(json!({"projectName": "mine"}))),
        ("GET", "/api/v2/workspace/p/identity-memberships", None),
        ("GET", "/authn-jwt/gitlab/acme/status", None),
        ("GET", "/access/list/k", None),
        (
            "POST",
            "/access/grant",
            Some(json!({"unique_identifier": "k", "user_id": "audrey", "operation_types": ["get"]})),
        ),
        ("POST", "/access/transfer", Some(json!({"unique_identifier": "k", "user_id": "audrey"}))),
        ("POST", "/access/accept", Some(json!({"unique_identifier": "k"}))),
        ("POST", "/access/project", Some(json!({"unique_identifier": "k", "project": null}))),
        ("POST", "/access/explain", Some(json!({"user": "alice", "operation": "get", "unique_identifier": "k"}))),
    ] {
        is_refused(&audrey.send(method, path, body.as_ref()));
    }
    for request in [named("GetAttributes", "k"), encrypt("k", b"x"), named("Export", "k"), named("Destroy", "k")] {
        audrey.refused(&request, 404);
    }
    assert_eq!(audrey.located(&[]), (vec![], 0));
    assert_eq!(audrey.get("/access/privileged")["has_privileged_access"], false);
    // No other caller may read, and no auditor with a narrowed credential.
    let others = [
        world.certificate("alice"),
        world.certificate("bob"),
        world.token("root", &Value::Null),
        world.token("ruth", &Value::Null),
        world.token("audrey", &json!({"operations": ["locate"]})),
        world.token("audrey", &json!({})),
        world.token("audrey", &json!({"projects": ["p"]})),
    ];
    for mut other in others {
        for (method, path, body) in [
            ("GET", "/objects", None),
            ("GET", "/health/database", None),
            ("GET", "/audit/head", None),
            ("POST", "/audit/search", Some(json!({}))),
        ] {
            let answer = other.send(method, path, body.as_ref());
            assert!(answer.status == 403 && answer.detail().starts_with("you may not audit: "), "{path}: {answer:?}");
        }
    }
    let lines = world.server.place.audit_lines();
    let told = |user: &str, operation: &str, outcome: &str| {
        lines.iter().any(|line| line["user"] == user && line["operation"] == operation && line["outcome"] == outcome)
    };
    assert!(told("bob", "ListObjects", "refused") && told("bob", "ReadAudit", "refused"));
    crate::harness::eventually("reading is recorded", || {
        let lines = world.server.place.audit_lines();
        let is = |line: &&Value| line["user"] == "audrey" && line["operation"] == "ListObjects";
        lines.iter().find(is).map(|line| assert_eq!(line["rule"], "the configuration names audrey"))
    });
}

#[test]
fn from_the_command_line() {
    let world = World::new(POLICY);
    let cli = |name: &str| Cli::new(&world.server, name, &world.server.place.authority.issue(&Leaf::client(name)));
    let (alice, audrey) = (cli("alice"), cli("audrey"));
    alice.create(&["--id", "k", "--project", "p", "--name", "a b"]);
    alice.create(&["--id", "l"]);
    assert_eq!(
        audrey.rows(&["objects", "list"]),
        [
            "k | a b | SymmetricKey | Active | AES-256 | alice | p | -",
            "l | - | SymmetricKey | Active | AES-256 | alice | - | -"
        ]
    );
    assert_eq!(audrey.json(&["objects", "list", "--project", "p"]).as_array().unwrap().len(), 1);
    assert_eq!(audrey.json(&["objects", "list", "--owner", "bob"]), json!([]));
    assert_eq!(audrey.json(&["objects", "list", "--limit", "1"])[0]["unique_identifier"], "k");
    alice.fails_with(&["objects", "list"], &["not permitted: "]);
    assert!(audrey.ok(&["audit", "search", "--object", "k"]).contains("Create"));
}

#[test]
fn a_page_costs_the_same_wherever_it_begins() {
    const ROWS: usize = 200_000;
    let world = World::new(POLICY);
    world.certificate("alice").key("first", &[]);
    let World { server, issuer } = world;
    let options = server.options.clone();
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    let columns = "version, owner, object_type, algorithm, length, usage_mask, state, activation_date, deactivation_date, \
                   sensitive, extractable, class, placement, kek, material, attributes, binding, project, grants, pending";
    // Copies of a row are not what the server wrote, and to detect this costs the same.
    let copied = database
        .execute(
            &format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) \
                 INSERT INTO object (id, {columns}) SELECT printf('k%06d', i), {columns} FROM n, object WHERE id = 'first'"
            ),
            [],
        )
        .unwrap();
    assert_eq!(copied, ROWS);
    drop(database);
    let world = World { server: Server::start_at(place, &options), issuer };
    let mut audrey = world.certificate("audrey");
    let mut cost = |query: &str| {
        let times = (0..15).map(|_| {
            let began = std::time::Instant::now();
            let page = audrey.get(&format!("/objects?limit=5{query}"));
            assert_eq!(page["objects"].as_array().unwrap().len(), 5, "{query}");
            began.elapsed()
        });
        times.min().unwrap()
    };
    for query in ["&after=k199990", "&owner=alice", "&owner=alice&after=k199990"] {
        // One after the other, and repeatedly: a request that is slow only because of a busy machine is not slow five
        // times.
        let measured = (0..5).map(|_| (cost(""), cost(query)));
        let slow: Vec<_> = measured.take_while(|(first, there)| *there >= *first * 3).collect();
        assert!(slow.len() < 5, "{query}: the first page and this one take {slow:?}");
    }
}
