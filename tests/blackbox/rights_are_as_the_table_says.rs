//! docs/rights.md, row by row: a request succeeds with the rights that the row names, and fails without any one of
//! them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::harness::attributes;
use crate::harness::caller::change;
use crate::harness::jwt::but;
use crate::harness::kmip::{
    USAGE, bytes, encrypt, enumeration, integer, locate, mac, mac_verify, name, named, octets, parameters, replace,
    revoke, string, structure, text, with, wrapped,
};
use crate::harness::pairs::{halves, pair, pair_of};
use crate::harness::routes::unnamed;
use crate::harness::{Answer, Caller, Server, World};

/// The table, without the names of path parameters.
static TABLE: LazyLock<String> = LazyLock::new(|| unnamed(include_str!("../../docs/rights.md")));

/// Every operation that can be granted on an object.
const ALL: [&str; 19] = [
    "get_attributes",
    "encrypt",
    "decrypt",
    "mac",
    "mac_verify",
    "sign",
    "signature_verify",
    "derive_key",
    "get_usage_allocation",
    "get",
    "export",
    "activate",
    "revoke",
    "destroy",
    "modify_attribute",
    "re_key",
    "import",
    "read_secret",
    "write_secret",
];

/// One row: an object that a request touches, and the rights on it.
struct Row {
    request: &'static str,
    object: &'static str,
    rights: &'static str,
}

impl Row {
    /// The rights that are words of grants; empty where a sentence describes the right.
    fn words(&self) -> Vec<&'static str> {
        let plain = self.rights.split(' ').map(|word| word.strip_prefix('`').and_then(|word| word.strip_suffix('`')));
        plain.collect::<Option<Vec<_>>>().unwrap_or_default()
    }
}

fn rows() -> Vec<Row> {
    let cells = TABLE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = cells.map(|line| line.split(" | ").collect::<Vec<_>>());
    let rows = rows.filter(|cells| cells[0] != "request").map(|cells| {
        let [request, object, rights] = cells[..] else { panic!("{cells:?}") };
        Row { request, object, rights }
    });
    rows.collect()
}

/// A request: its objects by their names in the table, and a function that sends it.
struct Recipe {
    objects: Vec<(&'static str, String)>,
    ask: Box<dyn Fn(&mut Caller) -> Answer>,
}

fn kmip(request: Value) -> Box<dyn Fn(&mut Caller) -> Answer> {
    Box::new(move |caller| caller.kmip(&request))
}

fn http(method: &'static str, path: String, body: Option<Value>) -> Box<dyn Fn(&mut Caller) -> Answer> {
    Box::new(move |caller| caller.send(method, &path, body.as_ref()))
}

struct Kitchen {
    world: World,
    alice: Caller,
    number: usize,
}

impl Kitchen {
    fn key(&mut self, mask: i64) -> String {
        self.number += 1;
        self.alice.key(&format!("k{}", self.number), &[integer("CryptographicUsageMask", mask)])
    }

    fn one(&mut self, object: &'static str, ask: impl Fn(&str) -> Value) -> Recipe {
        let id = self.key(USAGE);
        Recipe { ask: kmip(ask(&id)), objects: vec![(object, id)] }
    }

    fn pair(&mut self) -> (String, String) {
        pair(&mut self.alice.connection, "EC", 256)
    }

    fn signature(&mut self, private: &str) -> Vec<u8> {
        let sign = structure("Sign", &[text("UniqueIdentifier", private), hash(), bytes("Data", b"x")]);
        octets(&self.alice.ok(&sign), "SignatureData")
    }

    fn secret(&mut self) -> (String, String) {
        self.number += 1;
        let path = format!("/secrets/default/variable/s{}", self.number);
        assert_eq!(write(&mut self.alice, &path).status, 201);
        let (ids, _) = self.alice.located(&[name(&format!("default:variable:s{}", self.number))]);
        (path, ids[0].clone())
    }

    /// A request about a secret of a project, or about a batch of one.
    fn project_secret(&mut self, request: &str) -> Recipe {
        self.number += 1;
        let secret = format!("P{}", self.number);
        let place = json!({"workspaceId": "default", "environment": "dev", "secretPath": "/"});
        let made = but(place.clone(), &json!({"secretValue": "x"}));
        let made = self.alice.done(&format!("/api/v3/secrets/raw/{secret}"), &made);
        let id = made["secret"]["id"].as_str().unwrap().to_owned();
        let (request, special) = request.split_once(", ").unwrap_or((request, ""));
        let (method, path) = request.split_once(' ').unwrap();
        let mut entry = json!({"secretKey": secret, "secretValue": "y"});
        if special == "with another name" {
            entry["newSecretName"] = json!(format!("Q{}", self.number));
        }
        let body = if path.contains("batch") { json!({ "secrets": [entry] }) } else { entry };
        let named = if path.contains("/id/") { &id } else { &secret };
        let (method, path) = (method.to_owned(), path.replace("{}", named));
        let ask: Box<dyn Fn(&mut Caller) -> Answer> = if method == "GET" {
            let place = if path.contains("/id/") { "" } else { "?workspaceId=default&environment=dev" };
            http("GET", format!("{path}{place}"), None)
        } else {
            let body = but(place, &body);
            Box::new(move |caller| caller.send(&method, &path, Some(&body)))
        };
        Recipe { objects: vec![("the secret", id)], ask }
    }

    /// Makes a request of the table; `None` if its rights are not words of grants.
    fn recipe(&mut self, request: &str) -> Option<Recipe> {
        let (object, key) = ("the object", "the key");
        let at = |id: &str, action: &str| format!("/api/v1/kms/keys/{id}{action}");
        Some(match request {
            "Get" | "Export" | "GetAttributes" | "GetAttributeList" | "Check" | "ObtainLease" => {
                let operation = request.to_owned();
                self.one(object, move |id| named(&operation, id))
            }
            "Get, wrapped" | "Export, wrapped" => {
                let (own, wrapping) = (self.key(USAGE), self.key(USAGE | 0x10));
                let request = wrapped(request.split(',').next().unwrap(), &own, &wrapping);
                Recipe { objects: vec![(object, own), ("the wrapping key", wrapping)], ask: kmip(request) }
            }
            "Import, NotWrapped" => {
                let (own, wrapping) = (self.key(USAGE), self.key(0x30));
                let blob = octets(&self.alice.ok(&wrapped("Get", &own, &wrapping)), "KeyMaterial");
                let ask = crate::wrapped_keys_are_unwrapped::unwrapping(&wrapping, "AES", &blob, &[]);
                Recipe { objects: vec![("the wrapping key", wrapping)], ask: kmip(ask) }
            }
            "Import, replacing" => {
                let id = self.key(USAGE);
                let ask = kmip(replace(&id, "AES", &[7; 32], &[]));
                // It is one object, before and after.
                Recipe { objects: vec![("the object that is there", id.clone()), ("the object that comes", id)], ask }
            }
            "Activate" => {
                let later = crate::harness::kmip::date("ActivationDate", "2999-01-01T00:00:00Z");
                self.number += 1;
                let id = self.alice.key(&format!("k{}", self.number), &[later]);
                Recipe { ask: kmip(named("Activate", &id)), objects: vec![(object, id)] }
            }
            request if request.contains("Attribute") => {
                let (operation, case) = request.split_once(", ").unwrap_or((request, ""));
                self.number += 1;
                let id = format!("k{}", self.number);
                self.alice.ok(&attributes::key_for(&id, operation, case));
                Recipe { ask: kmip(attributes::request(&id, operation, case)), objects: vec![(object, id)] }
            }
            "ReKey" => self.one(key, |id| named("ReKey", id)),
            "DeriveKey" => {
                let base = self.key(0x200);
                let ask = crate::keys_are_derived::ecb(&base, 256, &[]);
                Recipe { ask: kmip(ask), objects: vec![("the key to derive from", base)] }
            }
            "DeriveKey, naming a public key" => {
                let mask = [integer("CryptographicUsageMask", 0x200)];
                let mut pair = || halves(&self.alice.ok(&pair_of("EC", 256, &mask, &mask)));
                let ((base, _), (_, public)) = (pair(), pair());
                let named = text("UniqueIdentifier", &public);
                let ask = with(crate::keys_are_derived::ecdh(&base, &[], 256, &[]), &[named]);
                Recipe { ask: kmip(ask), objects: vec![("the key to derive from", base), ("the public key", public)] }
            }
            "DeriveKey, naming secret data" => {
                let base = self.key(0x200);
                let value: [u8; 32] = core::array::from_fn(|at| at as u8);
                let data = self.alice.connection.new_key(&crate::secret_data_is_derived::to_derive_from(&value));
                let ask = crate::secret_data_is_derived::with_data_of(&base, &data);
                Recipe { ask: kmip(ask), objects: vec![("the key to derive from", base), ("the secret data", data)] }
            }
            "ReKeyKeyPair" => {
                let (private, public) = self.pair();
                let ask = structure("ReKeyKeyPair", &[text("PrivateKeyUniqueIdentifier", &private)]);
                Recipe { ask: kmip(ask), objects: vec![("the private key", private), ("the public key", public)] }
            }
            "GetUsageAllocation" => {
                self.number += 1;
                let id = self.alice.key(&format!("k{}", self.number), &[attributes::limits(9, "Byte")]);
                Recipe { ask: kmip(attributes::units("GetUsageAllocation", &id, 1)), objects: vec![(object, id)] }
            }
            "Revoke" => self.one(object, |id| revoke(id, "Superseded")),
            "Destroy" => {
                let recipe = self.one(object, |id| named("Destroy", id));
                self.alice.ok(&revoke(&recipe.objects[0].1, "Superseded"));
                recipe
            }
            "Encrypt" => self.one(key, |id| encrypt(id, b"x")),
            "Encrypt, with an IV of the caller's" => {
                self.one(key, |id| with(encrypt(id, b"x"), &[bytes("IVCounterNonce", &[7; 12])]))
            }
            "Decrypt" => {
                let id = self.key(USAGE);
                let sealed = self.alice.connection.seal(&id, b"x");
                Recipe { ask: kmip(sealed.decrypt()), objects: vec![(key, id)] }
            }
            "MAC" => self.one(key, |id| mac(id, b"x")),
            "MACVerify" => {
                let id = self.key(USAGE);
                let made = self.alice.connection.mac(&id, b"x");
                Recipe { ask: kmip(mac_verify(&id, b"x", &made)), objects: vec![(key, id)] }
            }
            "Sign" => {
                let (private, _) = self.pair();
                let sign = structure("Sign", &[text("UniqueIdentifier", &private), hash(), bytes("Data", b"x")]);
                Recipe { ask: kmip(sign), objects: vec![("the private key", private)] }
            }
            "SignatureVerify" => {
                let (private, public) = self.pair();
                let made = self.signature(&private);
                let own =
                    [text("UniqueIdentifier", &public), hash(), bytes("Data", b"x"), bytes("SignatureData", &made)];
                Recipe { ask: kmip(structure("SignatureVerify", &own)), objects: vec![("the public key", public)] }
            }
            "GET /secrets" => {
                let (path, id) = self.secret();
                let variable = path.rsplit('/').next().unwrap().to_owned();
                let path = format!("/secrets?variable_ids=default:variable:{variable}");
                Recipe { ask: http("GET", path, None), objects: vec![("each secret", id)] }
            }
            "GET /secrets/{}/variable/{*}" | "DELETE /secrets/{}/variable/{*}" => {
                let method = if request.starts_with("GET") { "GET" } else { "DELETE" };
                let (path, id) = self.secret();
                Recipe { ask: http(method, path, None), objects: vec![("the secret", id)] }
            }
            "POST /secrets/{}/variable/{*}" => {
                let (path, id) = self.secret();
                Recipe { ask: Box::new(move |caller| write(caller, &path)), objects: vec![("the secret", id)] }
            }
            "POST /secrets/{}/variable/{*}, expirations" => {
                let (path, id) = self.secret();
                Recipe { ask: http("POST", format!("{path}?expirations"), None), objects: vec![("the secret", id)] }
            }
            request if request.contains("/secrets/") && request.contains("/api/v") => self.project_secret(request),
            "GET /api/v1/kms/keys/key-name/{}" => {
                let id = self.key(USAGE);
                self.alice.done_with("PATCH", &at(&id, ""), &json!({ "name": format!("name of {id}") }));
                let path = format!("/api/v1/kms/keys/key-name/name%20of%20{id}");
                Recipe { ask: http("GET", path, None), objects: vec![(key, id)] }
            }
            "GET /api/v1/kms/keys/{}" => {
                let id = self.key(USAGE);
                Recipe { ask: http("GET", at(&id, ""), None), objects: vec![(key, id)] }
            }
            "PATCH /api/v1/kms/keys/{}" => {
                let id = self.key(USAGE);
                let body = Some(json!({"name": "another"}));
                Recipe { ask: http("PATCH", at(&id, ""), body), objects: vec![(key, id)] }
            }
            "PATCH /api/v1/kms/keys/{}, isDisabled of a pair" => {
                let (private, public) = self.pair();
                let objects = vec![(key, private.clone()), ("the other half of a pair", public)];
                Recipe { ask: http("PATCH", at(&private, ""), Some(json!({"isDisabled": true}))), objects }
            }
            "PATCH /api/v1/kms/keys/{}, isDisabled false of a pair" => {
                let (private, public) = self.pair();
                self.alice.done_with("PATCH", &at(&private, ""), &json!({"isDisabled": true}));
                let objects = vec![(key, private.clone()), ("the other half of a pair", public)];
                Recipe { ask: http("PATCH", at(&private, ""), Some(json!({"isDisabled": false}))), objects }
            }
            "DELETE /api/v1/kms/keys/{}" => {
                let (private, public) = self.pair();
                let objects = vec![(key, private.clone()), ("the other half of a pair", public)];
                Recipe { ask: http("DELETE", at(&private, ""), None), objects }
            }
            "POST /api/v1/kms/keys/{}/encrypt" => {
                let id = self.key(USAGE);
                let body = Some(json!({"plaintext": "AAAA"}));
                Recipe { ask: http("POST", at(&id, "/encrypt"), body), objects: vec![(key, id)] }
            }
            "POST /api/v1/kms/keys/{}/decrypt" => {
                let id = self.key(USAGE);
                let made = self.alice.done(&at(&id, "/encrypt"), &json!({"plaintext": "AAAA"}));
                let body = Some(json!({"ciphertext": made["ciphertext"]}));
                Recipe { ask: http("POST", at(&id, "/decrypt"), body), objects: vec![(key, id)] }
            }
            "POST /api/v1/kms/keys/{}/sign" => {
                let (private, _) = self.pair();
                let body = Some(json!({"data": "AAAA", "signingAlgorithm": "ECDSA_SHA_256"}));
                Recipe { ask: http("POST", at(&private, "/sign"), body), objects: vec![("the private key", private)] }
            }
            "POST /api/v1/kms/keys/{}/verify" => {
                let (private, public) = self.pair();
                let signature = BASE64.encode(&self.signature(&private));
                let body =
                    json!({"data": BASE64.encode(b"x"), "signature": signature, "signingAlgorithm": "ECDSA_SHA_256"});
                Recipe {
                    ask: http("POST", at(&public, "/verify"), Some(body)),
                    objects: vec![("the public key", public)],
                }
            }
            "GET /api/v1/kms/keys/{}/public-key" => {
                let (_, public) = self.pair();
                Recipe { ask: http("GET", at(&public, "/public-key"), None), objects: vec![("the public key", public)] }
            }
            "GET /api/v1/kms/keys/{}/signing-algorithms" => {
                let (private, _) = self.pair();
                let path = at(&private, "/signing-algorithms");
                Recipe { ask: http("GET", path, None), objects: vec![("the private key", private)] }
            }
            _ => return None,
        })
    }

    /// Gives bob these rights on each object, and lets him make the request.
    fn ask(&mut self, bob: &mut Caller, recipe: &Recipe, rights: &BTreeMap<&str, Vec<&'static str>>) -> Answer {
        // Two names of the table may be one object.
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (object, id) in &recipe.objects {
            let words = &rights[object];
            all.entry(id).or_default().extend(if words.is_empty() { &["get_attributes"][..] } else { words });
        }
        for (id, words) in &all {
            words.iter().for_each(|word| give(&mut self.alice, id, word));
        }
        (recipe.ask)(bob)
    }
}

/// Grants bob an operation, unless it could never have an effect on this object.
fn give(alice: &mut Caller, id: &str, word: &str) {
    let answer = alice.post("/access/grant", &change(id, "bob", &[word]));
    let is_idle = answer.status == 422 && answer.detail().contains("no effect");
    let is_there = answer.status == 422 && answer.detail().contains("already");
    assert!(answer.status == 200 || is_idle || is_there, "{id} {word}: {answer:?}");
}

fn hash() -> Value {
    parameters(&[enumeration("HashingAlgorithm", "SHA256")])
}

fn write(caller: &mut Caller, path: &str) -> Answer {
    caller.connection.try_request("POST", path, &[], b"value").unwrap()
}

#[test]
fn each_right_is_needed_and_no_more_than_these() {
    let world = World::new("");
    let [alice, mut bob, mut sam] = ["alice", "bob", "sam"].map(|name| world.certificate(name));
    let mut kitchen = Kitchen { world, alice, number: 0 };
    let mut requests: BTreeMap<&str, BTreeMap<&str, Vec<&'static str>>> = BTreeMap::new();
    for row in rows() {
        requests.entry(row.request).or_default().insert(row.object, row.words());
    }
    requests.retain(|_, rights| rights.values().any(|words| !words.is_empty()));
    // Lists and accounts are tested in another way.
    let lists = ["GET /api/v1/kms/keys", "GET /api/v3/secrets/raw", "GET /api/v4/secrets"];
    requests.retain(|request, _| !lists.contains(request) && !request.ends_with("of a new name"));
    // A right on a project is not a word of grants.
    requests.values_mut().for_each(|rights| rights.retain(|object, _| *object != "the project"));
    assert!(requests.len() >= 25, "{}", requests.len());
    for (request, rights) in &requests {
        let recipe = kitchen.recipe(request).unwrap_or_else(|| panic!("no test makes the request {request:?}"));
        let named: Vec<&str> = recipe.objects.iter().map(|(object, _)| *object).collect();
        assert!(
            rights.keys().all(|object| named.contains(object)) && named.len() == rights.len(),
            "{request}: {named:?}"
        );
        let answer = (recipe.ask)(&mut sam);
        assert!((400..500).contains(&answer.status), "{request} by a stranger: {answer:?}");
        let answer = kitchen.ask(&mut bob, &recipe, rights);
        assert!(answer.status < 300, "{request} with {rights:?}: {}", String::from_utf8_lossy(&answer.body));
        for (object, words) in rights {
            for missing in words {
                let recipe = kitchen.recipe(request).unwrap();
                // All rights except this one, also on other names of the same object.
                let id = &recipe.objects.iter().find(|(own, _)| own == object).unwrap().1;
                let same: Vec<&str> = recipe.objects.iter().filter(|(_, own)| own == id).map(|(own, _)| *own).collect();
                let mut rest = rights.clone();
                for own in same {
                    let others = ALL.iter().copied().filter(|word| word != missing).collect();
                    rest.insert(own, others);
                }
                let answer = kitchen.ask(&mut bob, &recipe, &rest);
                // A name finds only keys that the caller may read.
                let status = if request.contains("key-name") { 404 } else { 403 };
                let said = String::from_utf8_lossy(&answer.body);
                assert_eq!(answer.status, status, "{request} without {missing} on {object}: {said}");
                let answer = (recipe.ask)(&mut kitchen.alice);
                assert!(
                    answer.status < 300,
                    "{request}: it was done before: {}",
                    String::from_utf8_lossy(&answer.body)
                );
            }
        }
    }
    drop(kitchen.world);
}

#[test]
fn what_no_grant_gives_is_the_owners() {
    let world = World::new("");
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| world.certificate(name));
    alice.key("k", &[]);
    ALL.iter().for_each(|word| give(&mut alice, "k", word));
    let object = json!({"unique_identifier": "k"});
    let requests = [
        ("POST", "/access/grant", Some(change("k", "dave", &["encrypt"]))),
        ("POST", "/access/revoke", Some(change("k", "dave", &["encrypt"]))),
        ("GET", "/access/list/k", None),
        ("POST", "/access/project", Some(json!({"unique_identifier": "k", "project": null}))),
        ("POST", "/access/transfer", Some(json!({"unique_identifier": "k", "user_id": "dave"}))),
        ("POST", "/access/decline", Some(object.clone())),
    ];
    for (method, path, body) in &requests {
        let answer = bob.send(method, path, body.as_ref());
        assert_eq!(answer.status, 403, "{path}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(carol.send(method, path, body.as_ref()).status, 404, "{path}");
        let answer = alice.send(method, path, body.as_ref());
        // It is in no project.
        assert!(answer.status == 200 || *path == "/access/project" && answer.status == 422, "{path}: {answer:?}");
    }
    bob.not_done("/access/accept", &object, 403);
    let page = |caller: &mut Caller, id: &str| {
        let after = crate::harness::kmip::vendor_attribute("claviger", "after", id);
        caller.kmip(&locate(&[after], &[])).status
    };
    assert_eq!((page(&mut bob, "k"), page(&mut carol, "k")), (200, 404));
    let listed = |caller: &mut Caller| string(&caller.ok(&locate(&[], &[])), "UniqueIdentifier") == "k";
    assert!(listed(&mut bob));
    assert_eq!(carol.located(&[]).0, [""; 0]);
}

#[test]
fn what_needs_no_right_is_for_administrators_or_for_all() {
    let server = crate::harness::hanzo::server();
    let mut alice = Caller::certificate(&server, "alice");
    let nobody = Server::nobody(&server);
    let mut seen = 0;
    for row in rows().iter().filter(|row| row.request.contains(" /")) {
        let (method, path) = row.request.split(',').next().unwrap().split_once(' ').unwrap();
        let path = path.replace("{*}", "x").replace("{}", "x");
        let body = matches!(method, "POST" | "PUT" | "PATCH").then(|| json!({}));
        let headers = if path.starts_with("/authn-jwt/") && method == "POST" {
            [("Content-Type", "application/x-www-form-urlencoded")]
        } else {
            [("Content-Type", "application/json")]
        };
        let text = body.as_ref().map(Value::to_string).unwrap_or_default();
        let anonymous = nobody.try_request(method, &path, &headers, text.as_bytes()).unwrap();
        match row.rights {
            "anyone" => assert_eq!(anonymous.status, 200, "{}", row.request),
            // Without a credential the answer is 401, or names what is missing.
            "anyone with a credential" => assert!([400, 401, 404, 422].contains(&anonymous.status), "{}", row.request),
            _ => assert_eq!(anonymous.status, 401, "{} by a caller who is not authenticated", row.request),
        }
        if row.rights.starts_with("administrator") || row.rights.starts_with("recoverer") {
            let answer = alice.send(method, &path, body.as_ref());
            let is_refused = [403, 404].contains(&answer.status);
            // An empty body may be refused before authentication.
            assert!(is_refused || [400, 422].contains(&answer.status), "{}: {answer:?}", row.request);
            seen += usize::from(is_refused);
        }
        if row.rights == "none" {
            assert_eq!(alice.send(method, &path, body.as_ref()).status, 200, "{}", row.request);
        }
    }
    assert!(seen >= 10, "{seen}");
}
