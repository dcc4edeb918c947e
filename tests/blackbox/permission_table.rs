//! The rights of callers on keys: 403 for callers with another right on the key, 404 for all others.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::caller::{change, project};
use crate::harness::kmip::{USAGE, create, encrypt, import, integer, mac, named, revoke, string, tags, text, wrapped};
use crate::harness::{Answer, Caller, Options, Server, World};

const POLICY: &str = r#"
administrators = ["root"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[policies.nothing_leaves]
policy_type = "deny"
operations = ["decrypt", "get", "export"]
resources = ["projects/apollo/*"]
[roles]
reader = { capabilities = ["read"], policies = ["all"] }
operator = { capabilities = ["read", "use"], policies = ["all"] }
barred = { capabilities = ["*"], policies = ["all", "nothing_leaves"] }
[users]
oscar.role = "operator"
vera.role = "reader"
"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    GetAttributes,
    Encrypt,
    Decrypt,
    Mac,
    Get,
    Export,
    Activate,
    Revoke,
    Destroy,
    /// An Import that replaces it.
    Import,
    /// A Get that wraps a key of the caller under it.
    Wrap,
    Grant,
    Transfer,
}
use Operation::{
    Activate, Decrypt, Destroy, Encrypt, Export, Get, GetAttributes, Grant, Import, Mac, Revoke, Transfer, Wrap,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Allowed,
    Forbidden,
    NotFound,
}
use Expected::{Allowed, Forbidden, NotFound};

const EVERYTHING: &[Operation] =
    &[GetAttributes, Encrypt, Decrypt, Mac, Get, Export, Activate, Revoke, Destroy, Import, Wrap, Grant, Transfer];
/// All operations that no row before names for this caller and this key.
const THE_REST: &[Operation] = &[];

type Row = (&'static str, &'static [Operation], &'static str, Expected);

const TABLE: &[Row] = &[
    ("the owner", EVERYTHING, "the plain key", Allowed),
    ("the owner", EVERYTHING, "the granted key", Allowed),
    ("the owner", EVERYTHING, "everyone's key", Allowed),
    ("the owner", EVERYTHING, "the project's key", Allowed),
    ("a granted user", EVERYTHING, "their own key", Allowed),
    ("a granted user", EVERYTHING, "the plain key", NotFound),
    ("a granted user", &[GetAttributes, Encrypt, Wrap], "the granted key", Allowed),
    ("a granted user", THE_REST, "the granted key", Forbidden),
    ("a granted user", &[Mac], "everyone's key", Allowed),
    ("a granted user", THE_REST, "everyone's key", Forbidden),
    ("a granted user", EVERYTHING, "the project's key", NotFound),
    ("a holder of a granted role", EVERYTHING, "the plain key", NotFound),
    ("a holder of a granted role", &[Decrypt], "the granted key", Allowed),
    ("a holder of a granted role", THE_REST, "the granted key", Forbidden),
    ("a holder of a granted role", &[Mac], "everyone's key", Allowed),
    ("a holder of a granted role", THE_REST, "everyone's key", Forbidden),
    ("a holder of a granted role", &[GetAttributes, Encrypt, Decrypt, Mac], "the project's key", Allowed),
    ("a holder of a granted role", THE_REST, "the project's key", Forbidden),
    ("a reading member", EVERYTHING, "their own key", Allowed),
    ("a reading member", EVERYTHING, "the plain key", NotFound),
    ("a reading member", EVERYTHING, "the granted key", NotFound),
    ("a reading member", &[GetAttributes], "the project's key", Allowed),
    ("a reading member", THE_REST, "the project's key", Forbidden),
    ("an operating member", EVERYTHING, "the granted key", NotFound),
    ("an operating member", &[GetAttributes, Encrypt, Decrypt, Mac, Wrap], "the project's key", Allowed),
    ("an operating member", THE_REST, "the project's key", Forbidden),
    ("a barred member", EVERYTHING, "their own key", Allowed),
    ("a barred member", EVERYTHING, "the plain key", NotFound),
    ("a barred member", &[Decrypt, Get, Export, Transfer], "the project's key", Forbidden),
    ("a barred member", THE_REST, "the project's key", Allowed),
    // A transferred key leaves its project, which needs every right on it.
    ("a barred member", &[Decrypt, Get, Export, Transfer], "their own key in the project", Forbidden),
    ("a barred member", THE_REST, "their own key in the project", Allowed),
    ("a roving reader", &[GetAttributes], "their own key", Allowed),
    ("a roving reader", THE_REST, "their own key", Forbidden),
    ("a roving reader", EVERYTHING, "the plain key", NotFound),
    ("a roving reader", &[GetAttributes], "the project's key", Allowed),
    ("a roving reader", THE_REST, "the project's key", Forbidden),
    ("a roving reader", EVERYTHING, "everyone's key", NotFound),
    ("the owner's token for Encrypt", &[Encrypt], "the plain key", Allowed),
    ("the owner's token for Encrypt", THE_REST, "the plain key", Forbidden),
    ("the owner's token for Encrypt", &[Encrypt], "the project's key", Allowed),
    ("the owner's token for Encrypt", THE_REST, "the project's key", Forbidden),
    ("the owner's token for the project", EVERYTHING, "the plain key", NotFound),
    ("the owner's token for the project", EVERYTHING, "the granted key", NotFound),
    // An import adds to the project, of which she is not a member.
    ("the owner's token for the project", &[Import], "the project's key", Forbidden),
    ("the owner's token for the project", THE_REST, "the project's key", Allowed),
    ("the owner's token for blue keys", EVERYTHING, "the plain key", NotFound),
    ("the owner's token for blue keys", EVERYTHING, "the granted key", Allowed),
    ("the owner's token for blue keys", EVERYTHING, "the project's key", NotFound),
    ("the owner's token with a reading role", &[GetAttributes], "the plain key", Allowed),
    ("the owner's token with a reading role", THE_REST, "the plain key", Forbidden),
    ("the owner's token with a reading role", &[GetAttributes], "the project's key", Allowed),
    ("the owner's token with a reading role", THE_REST, "the project's key", Forbidden),
    ("the owner's token with no role that there is", EVERYTHING, "the plain key", NotFound),
    ("an administrator", EVERYTHING, "the plain key", NotFound),
    ("an administrator", EVERYTHING, "the granted key", NotFound),
    ("an administrator", EVERYTHING, "the project's key", NotFound),
    ("an administrator", &[Mac], "everyone's key", Allowed),
    ("an administrator", THE_REST, "everyone's key", Forbidden),
    ("a stranger", EVERYTHING, "the plain key", NotFound),
    ("a stranger", EVERYTHING, "the granted key", NotFound),
    ("a stranger", EVERYTHING, "the project's key", NotFound),
    ("a stranger", &[Mac], "everyone's key", Allowed),
    ("a stranger", THE_REST, "everyone's key", Forbidden),
];

/// The user, and the claim of their JWT if they have one.
fn who(caller: &str) -> (&'static str, Option<Value>) {
    match caller {
        "the owner" => ("alice", None),
        "a granted user" => ("bob", None),
        "a holder of a granted role" => ("oscar", None),
        "a reading member" => ("rita", None),
        "an operating member" => ("omar", None),
        "a barred member" => ("barry", None),
        "a roving reader" => ("vera", None),
        "the owner's token for Encrypt" => ("alice", Some(json!({"operations": ["Encrypt", "Locate"]}))),
        "the owner's token for the project" => ("alice", Some(json!({"projects": ["apollo"]}))),
        "the owner's token for blue keys" => ("alice", Some(json!({"properties": {"tag": "blue"}}))),
        "the owner's token with a reading role" => ("alice", Some(json!({"role": "reader"}))),
        "the owner's token with no role that there is" => ("alice", Some(json!({"role": "all"}))),
        "an administrator" => ("root", None),
        "a stranger" => ("sam", None),
        other => panic!("who is {other}?"),
    }
}

/// Whether the caller's limits permit own objects for the request: new keys, and a key to wrap.
fn is_unlimited(caller: &str) -> bool {
    !caller.contains("token") && !["vera", "oscar"].contains(&who(caller).0)
}

struct Key {
    id: String,
    decrypt: Value,
}

struct Table {
    world: World,
    alice: Caller,
    callers: BTreeMap<&'static str, Caller>,
    keys: BTreeMap<(&'static str, &'static str), Key>,
    number: usize,
}

impl Table {
    fn new() -> Self {
        let world = World::new(POLICY);
        let alice = world.certificate("alice");
        let table = Self { world, alice, callers: BTreeMap::new(), keys: BTreeMap::new(), number: 0 };
        table.set_members(&[]);
        table
    }

    /// The members of the project, except the three callers of the rows.
    fn set_members(&self, more: &[&str]) {
        let mut members = json!({"rita": "reader", "omar": "operator", "barry": "barred"});
        more.iter().for_each(|member| members[*member] = json!("barred"));
        let answer = self.world.certificate("root").define("projects", "apollo", &json!({ "members": members }));
        assert_eq!(answer.status, 200);
    }

    fn caller(&mut self, name: &'static str) -> &mut Caller {
        let world = &self.world;
        self.callers.entry(name).or_insert_with(|| {
            let (user, narrowing) = who(name);
            let mut caller = match narrowing {
                Some(narrowing) => world.token(user, &narrowing),
                None => world.certificate(user),
            };
            if is_unlimited(name) {
                caller.key(&format!("luggage of {user}").replace(' ', "-"), &[]);
            }
            caller
        })
    }

    /// Makes a key with this identifier by its owner, whose role must permit it.
    fn make(&mut self, caller: &'static str, key: &'static str) -> Key {
        self.number += 1;
        let id = format!("key-{}", self.number);
        let mut attributes = vec![integer("CryptographicUsageMask", USAGE | 0x10)];
        if key == "the granted key" {
            attributes.push(tags(&["blue"]));
        }
        let alice = &mut self.alice;
        alice.key(&id, &attributes);
        let sealed = alice.connection.seal(&id, b"data");
        match key {
            "the granted key" => {
                alice.grant(&id, "bob", &["encrypt", "get_attributes"]);
                alice.grant(&id, "role:operator", &["decrypt"]);
            }
            "everyone's key" => alice.grant(&id, "*", &["mac"]),
            _ => {}
        }
        if key.starts_with("their own key") {
            alice.done("/access/transfer", &json!({"unique_identifier": id, "user_id": who(caller).0}));
            self.caller(caller).done("/access/accept", &json!({ "unique_identifier": id }));
        }
        if key.contains("project") {
            self.put_into_project(caller, key, &id);
        }
        Key { id, decrypt: sealed.decrypt() }
    }

    fn put_into_project(&mut self, caller: &'static str, key: &'static str, id: &str) {
        let body = json!({"unique_identifier": id, "project": "apollo"});
        if key.starts_with("their own") {
            self.caller(caller).done("/access/project", &body);
            return;
        }
        // Alice is a member only during this step.
        self.set_members(&["alice"]);
        self.alice.done("/access/project", &body);
        self.set_members(&[]);
    }

    fn ask(&mut self, caller: &'static str, operation: Operation, key: &'static str) -> Answer {
        let owner = if key.starts_with("their own") { caller } else { "" };
        if !self.keys.contains_key(&(owner, key)) {
            let made = self.make(caller, key);
            self.keys.insert((owner, key), made);
        }
        let number = self.number;
        let Key { id, decrypt } = &self.keys[&(owner, key)];
        let (id, decrypt) = (id.clone(), decrypt.clone());
        let brought: &[Value] = match (caller, key) {
            ("the owner's token for the project", _) => &[project("apollo")],
            ("the owner's token for blue keys", _) => &[tags(&["blue"])],
            _ => &[],
        };
        let luggage = format!("luggage-of-{}", who(caller).0);
        let someone = format!("greta-{number}");
        let own = self.caller(caller);
        let answer = match operation {
            GetAttributes => own.kmip(&named("GetAttributes", &id)),
            Encrypt => own.kmip(&encrypt(&id, b"x")),
            Decrypt => own.kmip(&decrypt),
            Mac => own.kmip(&mac(&id, b"x")),
            Get => own.kmip(&named("Get", &id)),
            Export => own.kmip(&named("Export", &id)),
            Activate => own.kmip(&named("Activate", &id)),
            Revoke => own.kmip(&revoke(&id, "Superseded")),
            Destroy => own.kmip(&named("Destroy", &id)),
            Import => own.kmip(&import(&id, Some(true), "AES", &[7; 32], brought)),
            Wrap => own.kmip(&wrapped("Get", &luggage, &id)),
            Grant => own.post("/access/grant", &change(&id, &someone, &["mac_verify"])),
            Transfer => own.post("/access/transfer", &json!({"unique_identifier": id, "user_id": "tess"})),
        };
        // If the operation was performed, the next row gets a new key like it.
        if answer.status == 200 && [Revoke, Destroy, Import, Grant, Transfer].contains(&operation) {
            self.keys.remove(&(owner, key));
        }
        answer
    }

    fn finds(&mut self, caller: &'static str, key: &'static str) -> bool {
        let owner = if key.starts_with("their own") { caller } else { "" };
        if !self.keys.contains_key(&(owner, key)) {
            let made = self.make(caller, key);
            self.keys.insert((owner, key), made);
        }
        let id = self.keys[&(owner, key)].id.clone();
        let own = self.caller(caller);
        let (found, total) = own.located(&[]);
        assert_eq!(found.len() as i64, total, "{caller}");
        let alone = own.located(&[text("UniqueIdentifier", &id)]);
        assert_eq!(alone.1, i64::from(found.contains(&id)), "{caller} {key}");
        found.contains(&id)
    }
}

fn meaning(operation: Operation, answer: &Answer) -> Expected {
    match (answer.status, operation) {
        (200, _) => Allowed,
        // It was already active, and an active key cannot be destroyed: only a caller with the right gets this error.
        (409, Activate | Destroy) => Allowed,
        (403, _) => Forbidden,
        // Every caller learns that an identifier is taken.
        (404, _) | (409, Import) => NotFound,
        _ => panic!("{operation:?}: {answer:?}"),
    }
}

#[test]
fn every_row_holds() {
    let mut table = Table::new();
    let mut faults = Vec::new();
    for (number, (caller, operations, key, expected)) in TABLE.iter().enumerate() {
        let before = TABLE[..number].iter().filter(|row| row.0 == *caller && row.2 == *key);
        let named: Vec<Operation> = before.flat_map(|row| row.1.iter().copied()).collect();
        let rest: Vec<Operation> = EVERYTHING.iter().copied().filter(|one| !named.contains(one)).collect();
        for operation in if operations.is_empty() { &rest } else { *operations } {
            // A caller without own objects for the request is refused before the key is read.
            if *operation == Import && operations.len() != 1 && !is_unlimited(caller) && *expected != Allowed {
                continue;
            }
            if *operation == Wrap && !is_unlimited(caller) {
                continue;
            }
            let answer = table.ask(caller, *operation, key);
            let found = meaning(*operation, &answer);
            if found != *expected {
                let detail = String::from_utf8_lossy(&answer.body).into_owned();
                faults.push(format!("{caller}, {operation:?}, {key}: {found:?}, not {expected:?}: {detail}"));
            }
        }
        if table.finds(caller, key) != (*expected != NotFound) {
            faults.push(format!("{caller} finds {key}: not as expected"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn in_default_mode_the_default_user_does_everything() {
    let server = Server::start_with(&Options { plain: true, ..Options::default() });
    let mut connection = server.nobody().connect().unwrap();
    let id = connection.aes();
    for request in [named("GetAttributes", &id), encrypt(&id, b"x"), named("Export", &id), revoke(&id, "Superseded")] {
        connection.ok(&request);
    }
    connection.refused(&encrypt("no-such", b"x"), 404, "Object_Not_Found");
    assert_eq!(connection.get("/access/create").json(), json!({"has_create_permission": true}));
    assert_eq!(connection.get("/access/privileged").json(), json!({"has_privileged_access": true}));
    // There is no other user to accept it.
    assert_eq!(connection.post("/access/transfer", &json!({"unique_identifier": id, "user_id": "bob"})).status, 200);
    assert_eq!(connection.post("/access/accept", &json!({ "unique_identifier": id })).status, 403);
    connection.ok(&named("GetAttributes", &id));
}

#[test]
fn who_is_named_administers_in_default_mode_too() {
    let arguments = vec!["--administrators=alice".to_owned(), "--create=alice".to_owned()];
    let server = Server::start_with(&Options { plain: true, arguments, ..Options::default() });
    let mut connection = server.nobody().connect().unwrap();
    assert_eq!(connection.get("/access/privileged").json(), json!({"has_privileged_access": false}));
    assert_eq!(connection.get("/access/create").json(), json!({"has_create_permission": false}));
    connection.refused(&create("AES", 256, &[]), 403, "Permission_Denied");
    let arguments = vec!["--administrators=unauthenticated".to_owned()];
    let server = Server::start_with(&Options { plain: true, arguments, ..Options::default() });
    assert_eq!(server.nobody().get("/access/privileged").json(), json!({"has_privileged_access": true}));
}

#[test]
fn who_may_create_administer_and_what_they_are_is_told() {
    let world =
        World::with(POLICY, &["--create=alice", "--create=role:reader", "--create=jwt:https://issuer.example/#bob"]);
    let told = |caller: &mut Caller| {
        let create = caller.get("/access/create")["has_create_permission"].as_bool().unwrap();
        let may = caller.kmip(&create_request()).status;
        assert_eq!(may, if create { 200 } else { 403 });
        let privileged = caller.get("/access/privileged")["has_privileged_access"].as_bool().unwrap();
        let lists = caller.send("GET", "/access/definitions/roles", None).status;
        assert_eq!(lists, if privileged { 200 } else { 403 });
        (create, privileged, caller.get("/whoami").get("role").cloned())
    };
    assert_eq!(told(&mut world.certificate("alice")), (true, false, None));
    assert_eq!(told(&mut world.certificate("bob")), (false, false, None));
    assert_eq!(told(&mut world.certificate("root")), (false, true, None));
    assert_eq!(told(&mut world.certificate("sam")), (false, false, None));
    // Named by --create, but the role itself lacks the capability.
    assert_eq!(told(&mut world.certificate("vera")), (false, false, Some(json!("reader"))));
    assert_eq!(told(&mut world.token("bob", &Value::Null)), (true, false, None));
    assert_eq!(told(&mut world.token("alice", &Value::Null)), (false, false, None));
    assert_eq!(told(&mut world.token("bob", &json!({"projects": ["apollo"]}))), (false, false, None));
    assert_eq!(told(&mut world.token("bob", &json!({"operations": ["Encrypt"]}))), (false, false, None));
}

fn create_request() -> Value {
    create("AES", 128, &[])
}

#[test]
fn grants_are_listed_to_those_who_give_them() {
    let world = World::new(POLICY);
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    let id = alice.key("k", &[]);
    alice.grant(&id, "bob", &["Decrypt", "encrypt"]);
    alice.grant(&id, "*", &["mac"]);
    alice.grant(&id, "role:operator", &["GetAttributes"]);
    let expected = json!([
        {"user_id": "bob", "operations": ["encrypt", "decrypt"]},
        {"user_id": "*", "operations": ["mac"]},
        {"role": "operator", "operations": ["get_attributes"]},
    ]);
    let sorted = |mut list: Value| {
        for entry in list.as_array_mut().unwrap() {
            let mut words: Vec<String> = serde_json::from_value(entry["operations"].take()).unwrap();
            words.sort();
            entry["operations"] = json!(words);
        }
        list
    };
    assert_eq!(sorted(alice.get("/access/list/k")), sorted(expected));
    assert_eq!(bob.send("GET", "/access/list/k", None).status, 403);
    assert_eq!(world.certificate("root").send("GET", "/access/list/k", None).status, 403);
    assert_eq!(alice.send("GET", "/access/list/none", None).status, 404);
    alice.take_back(&id, "bob", &["encrypt"]);
    alice.take_back(&id, "*", &["mac"]);
    assert_eq!(alice.get("/access/list/k")[0], json!({"user_id": "bob", "operations": ["decrypt"]}));
}

#[test]
fn what_one_owns_and_what_one_was_given_are_two_lists() {
    let world = World::new(POLICY);
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    for number in 0..4 {
        alice.key(&format!("hers-{number}"), &[]);
    }
    bob.key("his", &[]);
    bob.grant("his", "*", &["mac"]);
    alice.grant("hers-1", "bob", &["decrypt"]);
    alice.grant("hers-3", "*", &["encrypt"]);
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|entry| entry["object_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&alice.get("/access/owned")), ["hers-0", "hers-1", "hers-2", "hers-3"]);
    assert_eq!(ids(&alice.get("/access/owned?offset=3")), ["hers-3"]);
    assert_eq!(ids(&alice.get("/access/owned?offset=4")), [""; 0]);
    let owned = alice.get("/access/owned?offset=3");
    assert_eq!((&owned[0]["state"], &owned[0]["is_wrapped"]), (&json!("Active"), &json!(false)));
    assert_eq!(string(&owned[0]["attributes"], "State"), "Active");
    // An owner who granted an operation to everyone still has it.
    assert_eq!(ids(&bob.get("/access/owned")), ["his"]);
    let obtained = bob.get("/access/obtained");
    assert_eq!(ids(&obtained), ["hers-1", "hers-3"]);
    assert_eq!(obtained[0]["owner_id"], "alice");
    assert_eq!(obtained[0]["operations"], json!(["decrypt"]));
    assert_eq!(obtained[1]["operations"], json!(["encrypt"]));
    assert_eq!(ids(&bob.get("/access/obtained?offset=1")), ["hers-3"]);
    assert_eq!(ids(&alice.get("/access/obtained")), ["his"]);
    assert_eq!(ids(&world.certificate("sam").get("/access/owned")), [""; 0]);
    for offset in ["-1", "x", "99999999999999999999"] {
        assert_eq!(alice.send("GET", &format!("/access/owned?offset={offset}"), None).status, 400, "{offset}");
    }
    // A narrowed token finds the objects that it may use.
    let mut narrowed = world.token("bob", &json!({"operations": ["Encrypt", "Locate"]}));
    assert_eq!(narrowed.get("/access/obtained")[0]["operations"], json!(["encrypt"]));
    assert_eq!(ids(&narrowed.get("/access/obtained")), ["hers-3"]);
}
