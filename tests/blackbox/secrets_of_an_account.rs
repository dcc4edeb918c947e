//! Each account of secrets is a project. Its roles decide who adds names, reads and writes there, and no other caller
//! can take a name in it.

use std::fs;
use std::sync::Arc;
use std::thread;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::caller::{Caller, change, project};
use crate::harness::cli::Cli;
use crate::harness::kmip::{create, import, name, named, register, revoke, string, tags, text, vendor_attribute};
use crate::harness::server::Place;
use crate::harness::{Answer, Options, Server, SigningKey, Token, conjur, directory, eventually, hanzo};

/// The policies and roles of an account.
fn roles(root: &mut Caller) {
    let policy = |operations: &[&str]| json!({"policy_type": "allow", "operations": operations, "resources": ["*"]});
    conjur::define(root, "policies", "write", &policy(&["write_secret"]));
    conjur::define(root, "policies", "read", &policy(&["read_secret"]));
    for (role, policies) in [("lead", "all"), ("writer", "write"), ("reader", "read")] {
        conjur::define(root, "roles", role, &json!({"capabilities": ["*"], "policies": [policies]}));
    }
}

/// Starts a server with the administrator `root` and roles, but without a project.
fn server() -> (Server, Caller) {
    let server = hanzo::server();
    let mut root = Caller::certificate(&server, "root");
    roles(&mut root);
    (server, root)
}

fn members(root: &mut Caller, account: &str, members: &Value) {
    conjur::define(root, "projects", account, &json!({ "members": members }));
}

fn path(account: &str, name: &str) -> String {
    format!("/secrets/{}/variable/{}", conjur::encoded(account), conjur::encoded(name))
}

fn put(caller: &mut Caller, account: &str, name: &str, value: &str) -> Answer {
    caller.connection.try_request("POST", &path(account, name), &[], value.as_bytes()).unwrap()
}

fn get(caller: &mut Caller, account: &str, name: &str) -> (u16, String) {
    let answer = caller.send("GET", &path(account, name), None);
    let body = if answer.status == 200 { String::from_utf8(answer.body).unwrap() } else { String::new() };
    (answer.status, body)
}

fn delete(caller: &mut Caller, account: &str, name: &str) -> Answer {
    caller.send("DELETE", &path(account, name), None)
}

/// Returns the identifier of the object that holds the secret, by Locate.
#[track_caller]
fn object(caller: &mut Caller, secret: &str) -> String {
    let (ids, _) = caller.located(&[name(secret)]);
    assert_eq!(ids.len(), 1, "{secret}: {ids:?}");
    ids[0].clone()
}

/// Returns the answer without the requested name and the request's identifier, and the number of its lines in the audit
/// log.
fn seen(server: &Server, answer: &Answer, secret: &str) -> (u16, String, usize) {
    let id = answer.header("x-request-id").unwrap();
    let body = String::from_utf8(answer.body.clone()).unwrap().replace(id, "ID").replace(secret, "NAME");
    (answer.status, body, server.audited(answer).len())
}

#[test]
fn its_roles_decide_who_adds_names_and_reads_and_writes() {
    let (server, mut root) = server();
    let names = ["alice", "mallory", "wendy", "rita", "dora"];
    let [mut alice, mut mallory, mut wendy, mut rita, mut dora] = names.map(|name| Caller::certificate(&server, name));
    // Without a project no caller can add a name.
    for caller in [&mut alice, &mut mallory, &mut root] {
        assert_eq!(put(caller, "acme", "prod/api-key", "x").status, 404);
        assert_eq!(put(caller, "an account", "x", "x").status, 404, "no project can have this name");
    }
    members(&mut root, "acme", &json!({"alice": "lead", "wendy": "writer", "rita": "reader", "dora": "developer"}));
    assert_eq!(put(&mut mallory, "acme", "prod/api-key", "planted").status, 404);
    assert_eq!(
        put(&mut root, "acme", "prod/api-key", "x").status,
        404,
        "who administers gives themselves a role first"
    );
    assert_eq!(put(&mut alice, "acme", "prod/api-key", "one").status, 201);
    assert_eq!(get(&mut rita, "acme", "prod/api-key"), (200, "one".to_owned()));
    assert_eq!(put(&mut wendy, "acme", "prod/api-key", "two").status, 201);
    assert_eq!(get(&mut alice, "acme", "prod/api-key"), (200, "two".to_owned()));
    // A caller who adds a name can read it only by a role.
    assert_eq!(put(&mut wendy, "acme", "new", "three").status, 201);
    assert_eq!(get(&mut wendy, "acme", "new").0, 403);
    assert_eq!(get(&mut alice, "acme", "new"), (200, "three".to_owned()));
    let told = put(&mut dora, "acme", "prod/api-key", "x");
    assert_eq!(told.status, 403, "{}", told.detail());
    assert_eq!(get(&mut dora, "acme", "prod/api-key").0, 403);
    assert_eq!(get(&mut mallory, "acme", "prod/api-key").0, 404);
    assert_eq!(delete(&mut mallory, "acme", "prod/api-key").status, 404);
    assert_eq!(delete(&mut rita, "acme", "prod/api-key").status, 403);
    // Ownership gives no rights without a role.
    let id = object(&mut alice, "acme:variable:prod/api-key");
    alice.grant(&id, "bob", &["read_secret"]);
    members(&mut root, "acme", &json!({"wendy": "lead"}));
    assert_eq!(get(&mut alice, "acme", "prod/api-key").0, 404);
    assert_eq!(put(&mut alice, "acme", "prod/api-key", "x").status, 404);
    assert_eq!(delete(&mut alice, "acme", "prod/api-key").status, 404);
    assert_eq!(alice.post("/access/grant", &change(&id, "mallory", &["read_secret"])).status, 404);
    assert_eq!(alice.send("GET", "/access/owned", None).json(), json!([]));
    // A grant is valid until it is revoked.
    let mut bob = Caller::certificate(&server, "bob");
    assert_eq!(get(&mut bob, "acme", "prod/api-key"), (200, "two".to_owned()));
    wendy.take_back(&id, "bob", &["read_secret"]);
    assert_eq!(get(&mut bob, "acme", "prod/api-key").0, 404);
    // The caller's own role gives rights in every project, and in no account without a project.
    conjur::define(&mut root, "users", "mallory", &json!({"role": "writer"}));
    assert_eq!(put(&mut mallory, "acme", "prod/api-key", "four").status, 201);
    assert_eq!(put(&mut mallory, "other", "x", "x").status, 404);
}

#[test]
fn those_who_may_do_neither_are_not_told_what_is_there() {
    let (server, mut root) = server();
    let [mut alice, mut rita, mut dora, mut mallory] =
        ["alice", "rita", "dora", "mallory"].map(|name| Caller::certificate(&server, name));
    members(&mut root, "acme", &json!({"alice": "lead", "rita": "reader", "dora": "developer"}));
    assert_eq!(put(&mut alice, "acme", "there", "one").status, 201);
    let mut requests = 0;
    for (who, caller) in [("mallory", &mut mallory), ("rita", &mut rita), ("dora", &mut dora)] {
        for method in ["POST", "GET", "DELETE"] {
            // Readers may know which names exist.
            if who != "mallory" && method != "POST" {
                continue;
            }
            let mut ask = |name: &str| {
                let body: &[u8] = if method == "POST" { b"x" } else { b"" };
                let answer = caller.connection.try_request(method, &path("acme", name), &[], body).unwrap();
                seen(&server, &answer, &format!("acme:variable:{name}"))
            };
            let (there, missing) = (ask("there"), ask("missing"));
            assert_eq!(there, missing, "{method} by {who}");
            assert_eq!(
                (there.0, there.2),
                (if who == "mallory" { 404 } else { 403 }, 1),
                "{method} by {who}: {there:?}"
            );
            requests += 1;
        }
    }
    assert_eq!(requests, 5);
    assert_eq!(get(&mut alice, "acme", "there"), (200, "one".to_owned()));
    let batch = |caller: &mut Caller, name: &str| {
        let secret = format!("acme:variable:{name}");
        let answer = caller.send("GET", &format!("/secrets?variable_ids={secret}"), None);
        seen(&server, &answer, &secret)
    };
    assert_eq!(batch(&mut mallory, "there"), batch(&mut mallory, "missing"));
}

#[test]
fn the_default_account_is_everybodys_until_there_is_its_project() {
    let place = hanzo::place();
    let file = place.path("policy.toml");
    let without = fs::read_to_string(&file).unwrap()
        + "[roles.lead]\ncapabilities = [\"*\"]\npolicies = [\"all\"]\n[projects.acme.members]\nalice = \"lead\"\n";
    fs::write(&file, &without).unwrap();
    let server = Server::start_at(place, &hanzo::options(&[]));
    let [mut alice, mut bob, mut mallory] = ["alice", "bob", "mallory"].map(|name| Caller::certificate(&server, name));
    assert_eq!(put(&mut alice, "default", "own", "alice's").status, 201);
    assert_eq!(put(&mut mallory, "default", "other", "mallory's").status, 201);
    assert_eq!((put(&mut bob, "default", "own", "x").status, get(&mut bob, "default", "own").0), (404, 404));
    let reload = |policy: &str| {
        fs::write(&file, policy).unwrap();
        server.signal("HUP");
    };
    let with = format!("{without}[projects.default.members]\nbob = \"lead\"\n");
    reload(&with);
    let mut names = (0..).map(|number| format!("name {number}"));
    eventually("the project counts", || {
        let name = names.next().unwrap();
        (put(&mut mallory, "default", &name, "x").status == 404).then_some(())
    });
    // Existing secrets are not affected.
    assert_eq!(get(&mut mallory, "default", "other"), (200, "mallory's".to_owned()));
    assert_eq!(put(&mut alice, "default", "own", "still").status, 201);
    assert_eq!(get(&mut bob, "default", "own").0, 404);
    assert_eq!(put(&mut bob, "default", "bobs", "one").status, 201);
    assert_eq!(put(&mut alice, "acme", "key", "one").status, 201);
    let id = object(&mut alice, "acme:variable:key");
    alice.grant(&id, "mallory", &["read_secret"]);
    assert_eq!(get(&mut mallory, "acme", "key"), (200, "one".to_owned()));

    // After a project is removed from the file, no caller can use its secrets or names.
    let bare = fs::read_to_string(&file).unwrap().split("[projects.").next().unwrap().to_owned();
    reload(&bare);
    eventually("the projects are gone", || (get(&mut alice, "acme", "key").0 == 404).then_some(()));
    assert_eq!((get(&mut mallory, "acme", "key").0, get(&mut bob, "default", "bobs").0), (404, 404));
    for caller in [&mut alice, &mut bob, &mut mallory] {
        assert_eq!((put(caller, "acme", "key", "x").status, put(caller, "acme", "new", "x").status), (404, 404));
        assert_eq!((put(caller, "default", "bobs", "x").status, put(caller, "default", "new", "x").status), (404, 404));
    }
    assert_eq!(get(&mut mallory, "default", "other"), (200, "mallory's".to_owned()));
    reload(&with);
    eventually("the projects are back", || (get(&mut alice, "acme", "key").0 == 200).then_some(()));
    assert_eq!(get(&mut bob, "default", "bobs"), (200, "one".to_owned()));
    assert_eq!(get(&mut mallory, "acme", "key").0, 200);
}

#[test]
fn a_project_that_holds_secrets_is_not_removed() {
    let (server, mut root) = server();
    let mut alice = Caller::certificate(&server, "alice");
    members(&mut root, "acme", &json!({"alice": "lead"}));
    assert_eq!(put(&mut alice, "acme", "key", "one").status, 201);
    let id = object(&mut alice, "acme:variable:key");
    assert_eq!(root.undefine("projects", "acme").status, 409);
    // A secret cannot be taken out of the project of its name either.
    members(&mut root, "other", &json!({"alice": "lead"}));
    let to = |to: Value| json!({"unique_identifier": id, "project": to});
    for project in [json!("other"), json!(null)] {
        let told = alice.not_done("/access/project", &to(project), 422);
        assert!(told.contains("must stay in the project \"acme\""), "{told}");
    }
    assert_eq!(delete(&mut alice, "acme", "key").status, 204);
    alice.done("/access/project", &to(json!(null)));
    assert_eq!(root.undefine("projects", "acme").status, 200);
    assert_eq!(put(&mut alice, "acme", "key", "two").status, 404);
    // A secret that is in no project can be put only into that of its account.
    assert_eq!(put(&mut alice, "default", "key", "one").status, 201);
    let id = object(&mut alice, "default:variable:key");
    let to = |to: &str| json!({"unique_identifier": id, "project": to});
    alice.not_done("/access/project", &to("other"), 422);
    members(&mut root, "default", &json!({"alice": "lead", "bob": "reader"}));
    let mut bob = Caller::certificate(&server, "bob");
    assert_eq!(get(&mut bob, "default", "key").0, 404);
    // As in docs/secrets.md.
    let cli = Cli::alice(&server);
    let secret = ["--name", "default:variable:key"];
    assert_eq!(cli.locate(&secret), [""; 0], "keys only, unless --type says otherwise");
    assert_eq!(cli.locate(&[&["--type", "secret-data"][..], &secret].concat()), [id.as_str()]);
    cli.ok(&["access-rights", "project", "-k", &id, "--to", "default"]);
    assert_eq!(get(&mut bob, "default", "key"), (200, "one".to_owned()));
}

#[test]
fn a_deleted_name_is_used_again_and_is_another_object() {
    let (server, mut root) = server();
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| Caller::certificate(&server, name));
    members(&mut root, "acme", &json!({"alice": "lead", "carol": "lead"}));
    for secret in ["key", "other"] {
        assert_eq!(put(&mut alice, "acme", secret, "one").status, 201);
    }
    let first = object(&mut alice, "acme:variable:key");
    alice.grant(&first, "bob", &["read_secret", "write_secret", "destroy"]);
    assert_eq!(get(&mut bob, "acme", "key"), (200, "one".to_owned()));
    assert_eq!(delete(&mut bob, "acme", "key").status, 204);
    assert_eq!((get(&mut alice, "acme", "key").0, delete(&mut alice, "acme", "key").status), (404, 404));
    assert_eq!(put(&mut bob, "acme", "key", "planted").status, 404, "whoever may delete does not thereby add");
    let answer = put(&mut carol, "acme", "key", "two");
    assert_eq!(answer.status, 201);
    let second = object(&mut carol, "acme:variable:key");
    assert_ne!(first, second);
    assert_eq!(get(&mut bob, "acme", "key").0, 404, "none of the old grants");
    assert_eq!(get(&mut alice, "acme", "key"), (200, "two".to_owned()));
    assert_eq!(carol.send("GET", &format!("{}?version=2", path("acme", "key")), None).status, 404);
    assert_eq!(carol.get(&format!("/access/list/{second}")), json!([]));
    let line = &server.audited(&answer)[0];
    assert_eq!((&line["object"], &line["detail"]), (&json!(second), &json!("acme:variable:key")));
    // By KMIP it is the same.
    alice.ok(&crate::harness::kmip::revoke(&second, "CessationOfOperation"));
    alice.ok(&named("Destroy", &second));
    assert_eq!(get(&mut carol, "acme", "key").0, 404);
    // If many callers add a name at once, one is the first, and the others write values of the same secret.
    let clients = 8;
    thread::scope(|scope| {
        for number in 0..clients {
            let server = &server;
            scope.spawn(move || {
                let mut caller = Caller::certificate(server, if number % 2 == 0 { "alice" } else { "carol" });
                // 409: others changed it repeatedly meanwhile.
                let mut write = |name: &str, value: &str| {
                    eventually("it is written", || match put(&mut caller, "acme", name, value).status {
                        409 => None,
                        status => Some(status),
                    })
                };
                for round in 0..3 {
                    assert_eq!(write("many", &format!("{number}/{round}")), 201);
                    assert_eq!(write("key", &format!("{number}/{round}")), 201);
                    let status = delete(&mut Caller::certificate(server, "alice"), "acme", "key").status;
                    assert!([204, 404, 409].contains(&status), "{status}");
                }
            });
        }
    });
    object(&mut alice, "acme:variable:many");
    assert_eq!(alice.send("GET", &format!("{}?version={}", path("acme", "many"), clients * 3), None).status, 200);
    let (place, _) = server.stop();
    let (good, said) = place.check_store(&hanzo::options(&[]));
    assert!(good, "{said}");
}

#[test]
fn a_host_reaches_its_own_account_only() {
    let ((server, mut root), key) = (server(), SigningKey::rsa("one"));
    conjur::configured(&server, &key, &json!({}));
    conjur::define(&mut root, "authenticators", "evil/gitlab", &conjur::variables(&key, &json!({})));
    let evil = json!({"account": "evil", "annotations": {"authn-jwt/gitlab/project": "web"}});
    conjur::define(&mut root, "hosts", "apps/evil", &evil);
    let everywhere = json!({"alice": "lead", "host/apps/web": "lead", "host/apps/evil": "lead"});
    for account in ["acme", "evil"] {
        members(&mut root, account, &everywhere);
    }
    let login = |path: &str| {
        let answer = conjur::authenticate_at(&server.nobody(), path, &[], &conjur::jwt(&key, &json!({})));
        conjur::authorization(&answer)
    };
    let web = login(conjur::WEB);
    let evil = login("/authn-jwt/gitlab/evil/host%2Fapps%2Fevil/authenticate");
    let ask = |token: &str, method: &str, path: &str| {
        server.nobody().try_request(method, path, &[("Authorization", token)], b"x").unwrap().status
    };
    let mut alice = Caller::certificate(&server, "alice");
    assert_eq!(put(&mut alice, "acme", "key", "one").status, 201);
    assert_eq!(put(&mut alice, "default", "key", "one").status, 201);
    assert_eq!((ask(&web, "POST", &path("acme", "own")), ask(&web, "GET", &path("acme", "key"))), (201, 200));
    assert_eq!((ask(&evil, "POST", &path("evil", "own")), ask(&evil, "GET", &path("evil", "own"))), (201, 200));
    let ids = ["acme:variable:key", "default:variable:key"].map(|secret| object(&mut alice, secret));
    for id in &ids {
        alice.grant(id, "host/apps/evil", &["read_secret", "write_secret", "destroy", "get_attributes"]);
        alice.grant(id, "*", &["read_secret"]);
    }
    for (account, names) in [("acme", ["key", "own", "new"]), ("default", ["key", "new", "new"])] {
        for name in names {
            for method in ["POST", "GET", "DELETE"] {
                assert_eq!(ask(&evil, method, &path(account, name)), 404, "{method} {account} {name}");
            }
        }
    }
    // Also not by the identifier.
    let bearer = {
        let token = evil.strip_prefix("Token token=\"").unwrap().strip_suffix('"').unwrap();
        let token: Value = serde_json::from_slice(&data_encoding::BASE64.decode(token.as_bytes()).unwrap()).unwrap();
        conjur::compact(&token)
    };
    let mut evil = Caller::bearer(&server, &bearer);
    for id in &ids {
        evil.refused(&named("GetAttributes", id), 404);
        evil.refused(&named("Destroy", id), 404);
        assert_eq!(evil.located(&[text("UniqueIdentifier", id)]).0, Vec::<String>::new());
    }
    assert_eq!(get(&mut alice, "acme", "key"), (200, "one".to_owned()));
}

#[test]
fn nothing_else_passes_for_a_secret() {
    let (server, mut root) = server();
    let [mut alice, mut mallory] = ["alice", "mallory"].map(|name| Caller::certificate(&server, name));
    members(&mut root, "acme", &json!({"alice": "lead"}));
    assert_eq!(put(&mut alice, "acme", "key", "one").status, 201);
    let id = object(&mut alice, "acme:variable:key");
    // The name that the first version would give to it, and the names that this version gives.
    let former = format!("secret:{}", data_encoding::HEXLOWER.encode(&openssl::sha::sha256(b"acme:variable:new")));
    for wished in [former.as_str(), "secret:0e37a1a2-6a3a-4c1f-8d54-0f2a7f6b9c11", id.as_str(), "secret:x"] {
        let more = [text("UniqueIdentifier", wished)];
        mallory.refused(&create("AES", 256, &more), 400);
        mallory.refused(&register("AES", &[7; 32], &more), 400);
        for replace in [None, Some(true), Some(false)] {
            mallory.refused(&import(wished, replace, "AES", &[7; 32], &[]), 400);
            alice.refused(&import(wished, replace, "AES", &[7; 32], &[]), 400);
        }
        let half = |tag: &str| json!({"tag": tag, "value": more});
        for tag in ["PrivateKeyAttributes", "PublicKeyAttributes", "CommonAttributes"] {
            let pair = json!({"tag": "CreateKeyPair", "value": [
                {"tag": "CommonAttributes", "value": [
                    {"tag": "CryptographicAlgorithm", "type": "Enumeration", "value": "EC"},
                    {"tag": "CryptographicLength", "type": "Integer", "value": 256}]},
                half(tag)]});
            let answer = mallory.kmip(&pair);
            assert_eq!(answer.status, 400, "{tag} {wished}: {}", answer.detail());
        }
    }
    for own in ["secret_version", "secret_path"] {
        let more = [vendor_attribute("claviger", own, "acme:variable:new")];
        for request in
            [create("AES", 256, &more), register("AES", &[7; 32], &more), import("k", None, "AES", &[7; 32], &more)]
        {
            let told = mallory.refused(&request, 400);
            assert!(told.contains("set by the server"), "{told}");
        }
    }
    // A name, a tag or an attribute of another vendor is only data.
    let looks = [
        name("acme:variable:new"),
        tags(&["acme:variable:new"]),
        vendor_attribute("x", "secret_path", "acme:variable:new"),
    ];
    let key = mallory.key("acme:variable:new", &looks);
    mallory.grant(&key, "*", &["get_attributes", "encrypt"]);
    assert_eq!((get(&mut mallory, "acme", "new").0, get(&mut alice, "acme", "new").0), (404, 404));
    assert_eq!(put(&mut alice, "acme", "new", "two").status, 201);
    assert_eq!(get(&mut alice, "acme", "new"), (200, "two".to_owned()));
    // Mallory cannot put a key into the account by its project either.
    mallory.refused(&create("AES", 256, &[project("acme")]), 403);
    mallory.not_done("/access/project", &json!({"unique_identifier": key, "project": "acme"}), 403);
    // The name of a secret cannot be changed.
    let renamed = alice.send("PATCH", &format!("/api/v1/kms/keys/{id}"), Some(&json!({"name": "acme:variable:else"})));
    assert!([404, 422].contains(&renamed.status), "{}", renamed.detail());
}

/// A database, an HSM token and an audit log of the version before accounts were projects. Alice has
/// `acme:variable:db/password` with the values `one` and `two`, of which bob may read the last one, and
/// `default:variable:plain`. Mallory has made `acme:variable:prod/api-key`, and made and deleted `acme:variable:burnt`.
fn former_place() -> Arc<Place> {
    let directory = directory();
    let token = Token::empty(directory.path());
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/blackbox/fixtures/former_secrets.tar.gz");
    let unpacked = std::process::Command::new("tar").args(["-xzf", fixture, "-C"]).arg(directory.path()).status();
    assert!(unpacked.unwrap().success());
    let place = Place::with_token(directory, token);
    fs::copy(hanzo::place().path("policy.toml"), place.path("policy.toml")).unwrap();
    Arc::new(place)
}

#[test]
fn secrets_of_the_version_before_go_on() {
    let (place, options) = (former_place(), hanzo::options(&[]));
    let (good, said) = place.check_store(&options);
    assert!(good, "{said}");
    let server = Server::start_at(place, &options);
    let [mut root, mut alice, mut bob, mut mallory, mut carol] =
        ["root", "alice", "bob", "mallory", "carol"].map(|name| Caller::certificate(&server, name));
    roles(&mut root);
    assert_eq!(get(&mut alice, "acme", "db/password"), (200, "two".to_owned()));
    assert_eq!(alice.send("GET", &format!("{}?version=1", path("acme", "db/password")), None).body, b"one");
    assert_eq!(get(&mut bob, "acme", "db/password"), (200, "two".to_owned()));
    assert_eq!(put(&mut alice, "acme", "db/password", "three").status, 201);
    assert_eq!(put(&mut bob, "acme", "db/password", "x").status, 403);
    assert_eq!(get(&mut mallory, "acme", "prod/api-key"), (200, "planted".to_owned()));
    assert_eq!(get(&mut alice, "default", "plain"), (200, "plain".to_owned()));
    for name in ["burnt", "new"] {
        for caller in [&mut alice, &mut mallory] {
            assert_eq!(put(caller, "acme", name, "x").status, 404, "{name}");
        }
    }
    members(&mut root, "acme", &json!({"carol": "lead"}));
    // The project decides only about new names.
    for name in ["db/password", "prod/api-key"] {
        assert_eq!((get(&mut carol, "acme", name).0, put(&mut carol, "acme", name, "x").status), (404, 404), "{name}");
    }
    assert_eq!(put(&mut carol, "acme", "burnt", "fresh").status, 201);
    assert_eq!(get(&mut carol, "acme", "burnt"), (200, "fresh".to_owned()));
    assert_eq!(get(&mut mallory, "acme", "burnt").0, 404);
    assert_eq!(get(&mut bob, "acme", "db/password"), (200, "three".to_owned()));
    // Owners can put secrets into the project, if a role lets them add names.
    let id = object(&mut alice, "acme:variable:db/password");
    let to_acme = json!({"unique_identifier": id, "project": "acme"});
    alice.not_done("/access/project", &to_acme, 403);
    members(&mut root, "acme", &json!({"carol": "lead", "alice": "writer"}));
    alice.done("/access/project", &to_acme);
    assert_eq!(get(&mut carol, "acme", "db/password"), (200, "three".to_owned()));
    assert_eq!(get(&mut alice, "acme", "db/password"), (200, "three".to_owned()));
    // After a secret is deleted, the project decides about its name.
    assert_eq!(delete(&mut mallory, "acme", "prod/api-key").status, 204);
    assert_eq!(put(&mut mallory, "acme", "prod/api-key", "planted").status, 404);
    assert_eq!(put(&mut carol, "acme", "prod/api-key", "real").status, 201);
    let server = server.restart();
    let mut carol = Caller::certificate(&server, "carol");
    assert_eq!(get(&mut carol, "acme", "prod/api-key"), (200, "real".to_owned()));
    let (place, _) = server.stop();
    let (good, said) = place.check_store(&options);
    assert!(good, "{said}");
}

#[test]
fn an_index_that_was_changed_does_not_open_another_secret() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    let mut mallory = Caller::certificate(&server, "mallory");
    assert_eq!(put(&mut mallory, "default", "planted", "planted").status, 201);
    for name in ["a", "b", "c", "d"] {
        assert_eq!(put(&mut alice, "default", name, name).status, 201);
    }
    let planted = object(&mut mallory, "default:variable:planted");
    mallory.grant(&planted, "*", &["read_secret"]);
    let key = alice.key("key", &[]);
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    let execute = |statement: &str| assert_eq!(database.execute(statement, []).unwrap(), 1, "{statement}");
    execute("DELETE FROM secret_path WHERE path = 'default:variable:planted'");
    // The object of the path is replaced by another secret, by a key, and by none.
    execute(&format!("UPDATE secret_path SET object = '{planted}' WHERE path = 'default:variable:a'"));
    execute(&format!("UPDATE secret_path SET object = '{key}' WHERE path = 'default:variable:b'"));
    execute("UPDATE secret_path SET object = 'secret:none' WHERE path = 'default:variable:c'");
    drop(database);
    let (good, said) = place.check_store(&Options::default());
    assert!(!good, "{said}");
    for finding in [
        format!("{planted}: the index of secrets has it as \"default:variable:a\", which it does not hold"),
        format!("{key}: the index of secrets has it as \"default:variable:b\", which it does not hold"),
        "secret:none: the index of secrets has it as \"default:variable:c\", which it does not hold".to_owned(),
        format!("{planted}: the index of secrets does not have it as \"default:variable:planted\""),
    ] {
        assert!(said.contains(&finding), "{finding}\n{said}");
    }
    assert_eq!(said.matches("does not have it as").count(), 4, "{said}");
    let server = Server::start_at(place, &Options::default());
    let mut alice = Caller::certificate(&server, "alice");
    for name in ["a", "b", "c"] {
        assert_eq!(
            (get(&mut alice, "default", name).0, put(&mut alice, "default", name, "x").status),
            (500, 500),
            "{name}"
        );
    }
    assert_eq!(get(&mut alice, "default", "d"), (200, "d".to_owned()));
    assert!(server.log().matches("ROW REFUSED: the object does not hold the secret").count() >= 6);
}

#[test]
fn another_owner_takes_no_secret_out_of_it() {
    let (server, mut root) = server();
    let names = ["alice", "rita", "bob", "mallory"];
    let [mut alice, mut rita, mut bob, mut mallory] = names.map(|name| Caller::certificate(&server, name));
    members(&mut root, "acme", &json!({"alice": "lead", "rita": "reader"}));
    assert_eq!(put(&mut alice, "acme", "k", "one").status, 201);
    let id = object(&mut alice, "acme:variable:k");
    alice.grant(&id, "bob", &["read_secret"]);
    let (offer, which) =
        (|to: &str| json!({"unique_identifier": id, "user_id": to}), json!({ "unique_identifier": id }));
    // Otherwise a user without a role in the account would have a name in it.
    alice.done("/access/transfer", &offer("mallory"));
    mallory.not_done("/access/accept", &which, 403);
    assert_eq!(get(&mut mallory, "acme", "k").0, 404);
    alice.done("/access/transfer", &offer("rita"));
    rita.done("/access/accept", &which);
    // The roles of the account still give rights; the grants and the rights of the former owner end.
    for caller in [&mut alice, &mut rita] {
        assert_eq!(get(caller, "acme", "k"), (200, "one".to_owned()));
    }
    assert_eq!(get(&mut bob, "acme", "k").0, 404);
    alice.not_done("/access/transfer", &offer("alice"), 403);
    assert_eq!(put(&mut alice, "acme", "k", "two").status, 201);
    assert_eq!(rita.get("/access/owned")[0]["object_id"], json!(id));
    // An owner who has lost the role cannot transfer a secret.
    rita.done("/access/transfer", &offer("alice"));
    members(&mut root, "acme", &json!({"alice": "lead"}));
    alice.not_done("/access/accept", &which, 409);
    members(&mut root, "acme", &json!({"alice": "lead", "rita": "reader"}));
    alice.done("/access/accept", &which);
    assert_eq!(alice.get("/access/owned")[0]["object_id"], json!(id));
}

#[test]
fn one_that_was_revoked_takes_no_new_value() {
    let (server, _) = server();
    let mut alice = Caller::certificate(&server, "alice");
    for (name, reason, state, ended) in [
        ("ended", "CessationOfOperation", "Deactivated", "Destroyed"),
        ("known", "KeyCompromise", "Compromised", "Destroyed_Compromised"),
    ] {
        assert_eq!(put(&mut alice, "default", name, "one").status, 201);
        let id = object(&mut alice, &format!("default:variable:{name}"));
        alice.ok(&revoke(&id, reason));
        let answer = put(&mut alice, "default", name, "two");
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 409 && said.contains(state) && said.contains("delete"), "{said}");
        // Its values are kept, and it stays marked as compromised.
        assert_eq!(get(&mut alice, "default", name), (200, "one".to_owned()));
        assert_eq!(delete(&mut alice, "default", name).status, 204);
        let found = string(&alice.ok(&named("GetAttributes", &id)), "State");
        assert_eq!(found.replace('_', ""), ended.replace('_', ""));
        assert_eq!(put(&mut alice, "default", name, "three").status, 201);
        assert_ne!(object(&mut alice, &format!("default:variable:{name}")), id);
    }
}
