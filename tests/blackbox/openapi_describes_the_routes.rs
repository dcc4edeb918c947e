//! `/openapi.json` is an OpenAPI 3.1 document of every route, and real requests and answers are what it says.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::caller::change;
use crate::harness::iam::IDPS;
use crate::harness::kmip::{create, encrypt, enumeration, structure};
use crate::harness::message::message;
use crate::harness::routes::{rows, unnamed};
use crate::harness::server::Place;
use crate::harness::socket::ttlv;
use crate::harness::{Answer, Caller, World, packages, requests};

const POLICY: &str = r#"
administrators = ["root"]
recoverers = ["rita", "rolf", "rosa"]
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

/// Requests that were made, with their answers.
#[derive(Default)]
struct Exchanges(Vec<Value>);

impl Exchanges {
    /// Makes a request. `template` is the path in the document, whose parameters have these values.
    fn ask(&mut self, caller: &mut Caller, request: (&str, &str), values: &[&str], body: Option<Value>) -> Value {
        let (method, template) = request;
        let mut path = template.to_owned();
        for value in values {
            let (begin, rest) = path.split_once('{').unwrap();
            let (_, rest) = rest.split_once('}').unwrap();
            path = format!("{begin}{value}{rest}");
        }
        let answer = caller.send(method, &path, body.as_ref());
        let (described, _) = template.split_once('?').unwrap_or((template, ""));
        let text = self.keep((method, described), body.map(|body| (body, "application/json")), &answer);
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Keeps an exchange: the method and the path of the document, the body of the request with its media type, and the
    /// answer. Returns its body as a text.
    fn keep(&mut self, (method, path): (&str, &str), request: Option<(Value, &str)>, answer: &Answer) -> String {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let (request, request_type) = request.unzip();
        self.0.push(json!({
            "method": method, "path": path, "status": answer.status, "request": request,
            "request_type": request_type, "media_type": answer.header("content-type").unwrap_or_default(),
            "answer": text,
        }));
        text
    }

    fn get(&mut self, caller: &mut Caller, template: &str) -> Value {
        self.ask(caller, ("GET", template), &[], None)
    }

    fn post(&mut self, caller: &mut Caller, template: &str, body: Value) -> Value {
        self.ask(caller, ("POST", template), &[], Some(body))
    }
}

/// The requests about objects and their owners.
fn objects(all: &mut Exchanges, world: &World) {
    let [mut alice, mut bob, mut root, mut rita, mut rolf] =
        ["alice", "bob", "root", "rita", "rolf"].map(|name| world.certificate(name));
    let key = alice.key("k", &[]);
    for path in ["/kmip/2_1", "/kmip_2_1"] {
        all.post(&mut alice, path, encrypt(&key, b"text"));
    }
    all.post(&mut alice, "/kmip/2_1", create("AES", 7, &[]));
    all.post(&mut alice, "/access/grant", change(&key, "bob", &["encrypt"]));
    all.ask(&mut alice, ("GET", "/access/list/{id}"), &[&key], None);
    all.ask(&mut alice, ("GET", "/access/list/{id}?all=true"), &[&key], None);
    all.get(&mut bob, "/access/obtained");
    all.post(&mut alice, "/access/revoke", change(&key, "bob", &["encrypt"]));
    all.post(&mut alice, "/access/revoke", json!({"unique_identifier": key}));
    all.post(&mut root, "/access/explain", json!({"user": "bob", "operation": "encrypt", "unique_identifier": key}));
    all.get(&mut alice, "/access/owned");
    all.get(&mut alice, "/access/create");
    all.get(&mut alice, "/access/privileged");
    all.post(&mut alice, "/access/project", json!({"unique_identifier": key, "project": "p"}));
    all.post(&mut alice, "/access/project", json!({"unique_identifier": key, "project": null}));
    let offer = json!({"unique_identifier": key, "user_id": "bob"});
    all.post(&mut alice, "/access/transfer", offer.clone());
    all.get(&mut alice, "/access/offers/made");
    all.get(&mut bob, "/access/offers");
    all.post(&mut bob, "/access/decline", json!({"unique_identifier": key}));
    all.post(&mut alice, "/access/transfer", offer);
    all.post(&mut bob, "/access/accept", json!({"unique_identifier": key}));
    let proposal = json!({"unique_identifier": key, "user_id": "alice", "reason": "bob left", "keep_access": true});
    let recovery = |made: &Value| json!({"unique_identifier": key, "recovery": made["recovery"]});
    let made = all.post(&mut rita, "/access/recoveries", proposal.clone());
    all.get(&mut rolf, "/access/recoveries?limit=1");
    all.post(&mut rita, "/access/recoveries/withdraw", recovery(&made));
    let made = all.post(&mut rita, "/access/recoveries", proposal);
    all.post(&mut rolf, "/access/recoveries/approve", recovery(&made));
    all.get(&mut root, "/objects");
    all.get(&mut bob, "/objects");
}

/// A KMIP message in each encoding.
fn messages(all: &mut Exchanges, world: &World) {
    let mut alice = world.certificate("alice");
    let query = structure("Query", &[enumeration("QueryFunction", "QueryOperations")]);
    let json = message(&[], &[query]);
    let xml = "<RequestMessage><RequestHeader><ProtocolVersion><ProtocolVersionMajor type=\"Integer\" value=\"2\"/>\
               <ProtocolVersionMinor type=\"Integer\" value=\"1\"/></ProtocolVersion>\
               <BatchCount type=\"Integer\" value=\"1\"/></RequestHeader><BatchItem>\
               <Operation type=\"Enumeration\" value=\"Query\"/><RequestPayload>\
               <QueryFunction type=\"Enumeration\" value=\"QueryOperations\"/></RequestPayload></BatchItem></RequestMessage>";
    for (media_type, bytes, body) in [
        ("application/json", json.to_string().into_bytes(), json.clone()),
        ("text/xml", xml.as_bytes().to_vec(), xml.into()),
        ("application/octet-stream", ttlv(&json), "".into()),
    ] {
        let answer = alice.connection.try_request("POST", "/kmip", &[("Content-Type", media_type)], &bytes).unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)));
        all.keep(("POST", "/kmip"), Some((body, media_type)), &answer);
    }
    all.post(&mut alice, "/kmip/2_1", json);
}

/// The requests of clients of other systems.
fn dialects(all: &mut Exchanges, document: &Value) {
    let mut world = requests::World::new();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for (row, make) in [requests::requests(), requests::removals()].concat() {
        let request = make(&mut world);
        let (method, path) = row.split_once(' ').unwrap();
        let path = paths.iter().find(|own| unnamed(own) == path.replace("{*}", "{}")).unwrap();
        let answer = world.send(row, &request);
        assert_eq!(answer.status, request.status, "{row}: {answer:?}");
        all.keep((method, path), request.said(), &answer);
    }
}

/// The requests about the server and those who may use it.
fn administration(all: &mut Exchanges, world: &World) {
    let (mut root, mut alice) = (world.certificate("root"), world.certificate("alice"));
    for path in ["/version", "/server-info", "/health", "/whoami", "/audit/public-key", "/"] {
        all.get(&mut alice, path);
    }
    all.post(&mut root, "/audit/search", json!({"caller": "alice", "limit": 3}));
    all.post(&mut root, "/audit/search", json!({"colour": "red"}));
    all.post(&mut root, "/access/token-key", json!({}));
    all.get(&mut root, "/issuers");
    all.post(&mut root, "/issuers/test", json!({"jwt": world.issuer.token("alice", &Value::Null)}));
    let definition = ("PUT", "/access/definitions/{kind}/{name}");
    all.ask(&mut root, definition, &["roles", "reader"], Some(json!({"capabilities": ["read"], "policies": []})));
    all.ask(&mut root, ("GET", "/access/definitions/{kind}"), &["roles"], None);
    all.ask(&mut root, ("DELETE", "/access/definitions/{kind}/{name}"), &["roles", "reader"], None);
    all.ask(&mut root, ("DELETE", "/access/definitions/{kind}/{name}"), &["roles", "reader"], None);
    // An access token, by a login as Infisical's clients make it.
    let identity = all.post(&mut root, "/api/v1/identities", json!({"name": "job"}));
    let id = identity["identity"]["id"].as_str().unwrap_or_else(|| panic!("{identity}"));
    all.ask(&mut root, ("POST", "/api/v1/auth/universal-auth/identities/{identity}"), &[id], Some(json!({})));
    let secret = ("POST", "/api/v1/auth/universal-auth/identities/{identity}/client-secrets");
    let secret = all.ask(&mut root, secret, &[id], Some(json!({})));
    let universal = all.ask(&mut root, ("GET", "/api/v1/auth/universal-auth/identities/{identity}"), &[id], None);
    let login = json!({
        "clientId": universal["identityUniversalAuth"]["clientId"], "clientSecret": secret["clientSecret"],
    });
    all.post(&mut root, "/api/v1/auth/universal-auth/login", login);
    let tokens = all.get(&mut root, "/access/tokens");
    let token = tokens[0]["id"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    all.ask(&mut root, ("DELETE", "/access/tokens/{id}"), &[token], None);
}

#[test]
fn requests_and_answers_are_as_it_says() {
    let other = Place::new();
    fs::write(other.path("iam.toml"), IDPS).unwrap();
    let world = World::with(POLICY, &[&format!("--iam-file={}", other.path("iam.toml").display())]);
    let nobody = world.server.nobody();
    let answer = nobody.get("/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = answer.json();
    let described: BTreeSet<String> = document["paths"].as_object().unwrap().iter().flat_map(names).collect();
    let served: BTreeSet<String> = rows().iter().map(|row| row.name().replace("{*}", "{}")).collect();
    assert_eq!(described, served);
    // The credentials that it names are those that the server asks for.
    for (path, security) in [("/version", json!([])), ("/whoami", json!([{"certificate": []}, {"bearer": []}]))] {
        assert_eq!(document["paths"][path]["get"]["security"], security, "{path}");
        assert_eq!(nobody.get(path).status == 401, security != json!([]), "{path}");
    }
    let mut all = Exchanges::default();
    objects(&mut all, &world);
    administration(&mut all, &world);
    messages(&mut all, &world);
    all.get(&mut world.certificate("root"), "/api/pvlt/1.0/ctl/iam/conf");
    dialects(&mut all, &document);
    let [written, exchanges] = ["openapi.json", "exchanges.json"].map(|name| world.server.place.path(name));
    fs::write(&written, answer.body).unwrap();
    fs::write(&exchanges, Value::from(all.0).to_string()).unwrap();
    let mut python = Command::new(packages::python("openapi"));
    python.arg(packages::directory("openapi").join("driver.py")).args([written, exchanges]);
    let output = python.output().unwrap();
    let (found, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && found.is_empty(), "{found}{error}");
}

/// The operations of a path.
fn names((path, operations): (&String, &Value)) -> Vec<String> {
    let methods = operations.as_object().unwrap().keys();
    methods.map(|method| format!("{} {}", method.to_ascii_uppercase(), unnamed(path))).collect()
}
