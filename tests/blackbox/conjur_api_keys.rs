//! API keys of Conjur's hosts: issued by an administrator, exchanged for access tokens, changed by the host itself.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rusqlite::Connection as Database;
use serde_json::json;

use crate::harness::caller::Caller;
use crate::harness::conjur::{authorization, define, encoded, host, server, whoami};
use crate::harness::credentials::{Over, almost, api_key, authenticate, basic, holding};
use crate::harness::server::Place;
use crate::harness::{Answer, Server, eventually};

const WEB: &str = "host/apps/web";
const KEY: &str = "/authn/acme/api_key";

fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    String::from_utf8(answer.body.clone()).unwrap()
}

/// Starts a server with the host `apps/web` of the account `acme`, and an administrator.
fn with_host() -> (Server, Caller) {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    define(&mut root, "hosts", "apps/web", &host(&json!({})));
    (server, root)
}

#[test]
fn a_host_starts_with_the_key_that_an_administrator_gives_it() {
    let (server, mut root) = with_host();
    let nobody = server.nobody();
    assert_eq!(authenticate(&nobody, "acme", WEB, &"0".repeat(64)).status, 401, "it has none");
    let key = api_key(&mut root, "apps/web");
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // As conjur-api logs in: first by Basic credentials, and then by the API key in the answer.
    assert_eq!(text(&basic(&nobody, "GET", "/authn/acme/login", WEB, &key)), key);
    for headers in [&[][..], &[("Content-Type", "text/plain; charset=utf-8")], &[("Content-Type", "application/json")]]
    {
        let path = format!("/authn/acme/{}/authenticate", encoded(WEB));
        let answer = nobody.try_request("POST", &path, headers, key.as_bytes()).unwrap();
        let who = whoami(&nobody, &authorization(&answer)).unwrap();
        assert_eq!((&who["username"], &who["method"]), (&json!(WEB), &json!("access-token")), "{headers:?}");
    }
    // The host changes its own key, and the former key is no longer valid.
    let next = text(&basic(&nobody, "PUT", KEY, WEB, &key));
    assert_ne!(next, key);
    assert_eq!(authenticate(&nobody, "acme", WEB, &key).status, 401);
    assert_eq!(basic(&nobody, "PUT", KEY, WEB, &key).status, 401);
    assert_eq!(authenticate(&nobody, "acme", WEB, &next).status, 200);
    // It can change only its own key.
    assert_eq!(basic(&nobody, "PUT", &format!("{KEY}?role=host:apps/api"), WEB, &next).status, 400);
    assert_eq!(authenticate(&nobody, "acme", WEB, &next).status, 200);
    // An administrator can also name the host by its full identifier.
    let answer = root.send("PUT", &format!("{KEY}?role={}", encoded("acme:host:apps/web")), None);
    let last = text(&answer);
    assert_eq!([&next, &last].map(|key| authenticate(&nobody, "acme", WEB, key).status), [401, 200]);
    let server = server.restart();
    let nobody = server.nobody();
    let given = authorization(&authenticate(&nobody, "acme", WEB, &last));
    let mut root = Caller::certificate(&server, "root");
    assert_eq!(root.send("DELETE", &format!("{KEY}?role=host:apps/web"), None).status, 204);
    assert_eq!(authenticate(&nobody, "acme", WEB, &last).status, 401);
    assert!(whoami(&nobody, &given).is_ok(), "tokens end within eight minutes");
    assert_eq!(root.send("DELETE", &format!("{KEY}?role=host:apps/web"), None).status, 404);
}

#[test]
fn nothing_but_the_key_is_the_key() {
    let (server, mut root) = with_host();
    define(&mut root, "hosts", "apps/api", &host(&json!({})));
    define(&mut root, "hosts", "far", &json!({"account": "acme", "restricted_to": ["10.0.0.0/8"]}));
    let nobody = server.nobody();
    let [key, other, far] = ["apps/web", "apps/api", "far"].map(|host| api_key(&mut root, host));
    for (fault, wrong) in almost(&key) {
        assert_eq!(authenticate(&nobody, "acme", WEB, &wrong).status, 401, "{fault}");
    }
    for (fault, account, login, key) in [
        ("another host's", "acme", WEB, &other),
        ("another host", "acme", "host/apps/api", &key),
        ("another account", "other", WEB, &key),
        ("an account in capitals", "ACME", WEB, &key),
        ("no host", "acme", "host/apps/none", &key),
        ("a user", "acme", "apps/web", &key),
        ("nobody", "acme", "host/", &key),
        ("another network", "acme", "host/far", &far),
    ] {
        let answer = authenticate(&nobody, account, login, key);
        assert_eq!((answer.status, answer.body.len()), (401, 0), "{fault}");
        let path = format!("/authn/{account}/login");
        let answer = basic(&nobody, "GET", &path, login, key);
        assert_eq!((answer.status, answer.body.len()), (401, 0), "{fault}");
    }
    assert_eq!(authenticate(&nobody, "acme", WEB, &key).status, 200, "the control");
    // Basic credentials are accepted on these routes only.
    assert_eq!(basic(&nobody, "GET", "/whoami", WEB, &key).status, 401);
    assert_eq!(basic(&nobody, "GET", "/secrets?variable_ids=acme:variable:x", WEB, &key).status, 401);
    assert_eq!(nobody.get("/authn/acme/login").status, 401);
    let bearer = [("Authorization", &*format!("Bearer {key}"))];
    assert_eq!(nobody.try_request("GET", "/authn/acme/login", &bearer, b"").unwrap().status, 401);
    // Other callers than administrators can neither issue nor revoke keys.
    let given = authorization(&authenticate(&nobody, "acme", WEB, &key));
    let mut alice = Caller::certificate(&server, "alice");
    for method in ["PUT", "DELETE"] {
        let path = format!("{KEY}?role=host:apps/web");
        assert_eq!(alice.send(method, &path, None).status, 403);
        assert_eq!(nobody.try_request(method, &path, &[("Authorization", &given)], b"").unwrap().status, 403);
        assert_eq!(nobody.try_request(method, &path, &[], b"").unwrap().status, 401);
        for (role, status) in [("", 400), ("user:x", 400), ("other:host:apps/web", 400), ("host:none", 404)] {
            assert_eq!(root.send(method, &format!("{KEY}?role={role}"), None).status, status, "{method} {role}");
        }
        assert_eq!(root.send(method, "/authn/other/api_key?role=host:apps/web", None).status, 404);
    }
    assert_eq!(authenticate(&nobody, "acme", WEB, &key).status, 200);
}

#[test]
fn a_key_ends_with_its_host() {
    let (server, mut root) = with_host();
    let nobody = server.nobody();
    let key = api_key(&mut root, "apps/web");
    let given = authorization(&authenticate(&nobody, "acme", WEB, &key));
    assert!(whoami(&nobody, &given).is_ok());
    assert_eq!(root.undefine("hosts", "apps%2Fweb").status, 200);
    assert_eq!(whoami(&nobody, &given), Err(401));
    // A host that is defined again is another host.
    define(&mut root, "hosts", "apps/web", &host(&json!({})));
    assert_eq!(authenticate(&nobody, "acme", WEB, &key).status, 401);
    assert_eq!(whoami(&nobody, &given), Err(401));
    // A host whose definition is changed is the same host.
    let key = api_key(&mut root, "apps/web");
    let given = authorization(&authenticate(&nobody, "acme", WEB, &key));
    define(&mut root, "hosts", "apps/web", &json!({"account": "acme", "restricted_to": ["127.0.0.0/8"]}));
    assert!(whoami(&nobody, &given).is_ok());
    assert_eq!(authenticate(&nobody, "acme", WEB, &key).status, 200);
    // In another account the host has no key.
    define(&mut root, "hosts", "apps/web", &json!({"account": "other"}));
    for account in ["acme", "other"] {
        assert_eq!(authenticate(&nobody, account, WEB, &key).status, 401, "{account}");
    }
    let place = server.place.clone();
    let options = server.options.clone();
    server.stop();
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");
}

/// What a host of the policy file says.
const OF_FILE: &str = "[hosts.\"apps/web\"]\naccount = \"acme\"\n";

#[test]
fn a_key_ends_with_its_host_of_the_policy_file() {
    let place = crate::harness::conjur::place();
    let without = fs::read_to_string(place.path("policy.toml")).unwrap();
    let write = |place: &Place, more: &str| fs::write(place.path("policy.toml"), format!("{without}{more}")).unwrap();
    write(&place, OF_FILE);
    let options = crate::harness::hanzo::options(&[]);
    let server = Server::start_at(place, &options);
    let (nobody, mut root, mut read) = (server.nobody(), Caller::certificate(&server, "root"), 0);
    let mut reload = |more: &str| {
        write(&server.place, more);
        server.signal("HUP");
        read += 1;
        eventually("it is read", || {
            (server.log().matches("the policy file was reloaded").count() == read).then_some(())
        });
    };
    let key = api_key(&mut root, "apps/web");
    let given = authorization(&authenticate(&nobody, "acme", WEB, &key));
    reload(&format!("{OF_FILE}[hosts.other]\naccount = \"acme\"\n"));
    assert!(whoami(&nobody, &given).is_ok(), "it is there as before");
    assert_eq!(authenticate(&nobody, "acme", WEB, &key).status, 200);
    reload("");
    assert_eq!((whoami(&nobody, &given), authenticate(&nobody, "acme", WEB, &key).status), (Err(401), 401));
    reload(OF_FILE);
    assert_eq!((whoami(&nobody, &given), authenticate(&nobody, "acme", WEB, &key).status), (Err(401), 401));
    let key = api_key(&mut root, "apps/web");
    assert!(whoami(&nobody, &authorization(&authenticate(&nobody, "acme", WEB, &key))).is_ok());
    // The host keeps its key while it is in the file.
    let server = server.restart();
    let nobody = server.nobody();
    let given = authorization(&authenticate(&nobody, "acme", WEB, &key));
    let (place, _) = server.stop();
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");
    // If the host is removed from the file while no server runs, the next host of the file needs another id. A host
    // that an administrator defines gets its own id.
    write(&place, &format!("{OF_FILE}id = \"second\"\n"));
    let server = Server::start_at(place, &options);
    assert_eq!(authenticate(&server.nobody(), "acme", WEB, &key).status, 401);
    assert_eq!(whoami(&server.nobody(), &given), Err(401));
    let (place, _) = server.stop();
    write(&place, "");
    let server = Server::start_at(place, &options);
    define(&mut Caller::certificate(&server, "root"), "hosts", "apps/web", &host(&json!({})));
    assert_eq!(authenticate(&server.nobody(), "acme", WEB, &key).status, 401);
    assert_eq!(whoami(&server.nobody(), &given), Err(401));
}

/// Changes the key of the host repeatedly in several threads while `meanwhile` runs. Returns the last key.
fn stolen(server: &Server, key: String, meanwhile: impl FnOnce()) -> String {
    let (own, count, is_over) = (Mutex::new(key), AtomicUsize::new(0), AtomicBool::new(false));
    let steal = || {
        let client = server.nobody();
        while !is_over.load(Ordering::SeqCst) {
            let key = own.lock().unwrap().clone();
            let answer = basic(&client, "PUT", KEY, WEB, &key);
            match answer.status {
                200 => {
                    *own.lock().unwrap() = text(&answer);
                    count.fetch_add(1, Ordering::SeqCst);
                }
                // Another thread, or the administrator, was first.
                401 | 409 | 429 | 503 => {}
                other => panic!("{other}"),
            }
        }
    };
    thread::scope(|scope| {
        (0..8).for_each(|_| drop(scope.spawn(steal)));
        // The threads end when this is dropped, so it is made before anything can fail.
        let _over = Over(&is_over);
        eventually("the key is changed", || (count.load(Ordering::SeqCst) >= 5).then_some(()));
        meanwhile();
    });
    own.into_inner().unwrap()
}

#[test]
fn a_key_that_is_changed_all_the_time_does_not_keep_its_administrator_away() {
    let (server, mut root) = with_host();
    let nobody = server.nobody();
    let path = format!("{KEY}?role=host:apps/web");
    for _ in 0..3 {
        let (key, mut given) = (api_key(&mut root, "apps/web"), String::new());
        let last = stolen(&server, key, || given = text(&root.send("PUT", &path, None)));
        assert_eq!([&last, &given].map(|key| authenticate(&nobody, "acme", WEB, key).status), [401, 200]);
        let last = stolen(&server, given, || assert_eq!(root.send("DELETE", &path, None).status, 204));
        assert_eq!(authenticate(&nobody, "acme", WEB, &last).status, 401);
        let key = api_key(&mut root, "apps/web");
        let last = stolen(&server, key, || assert_eq!(root.undefine("hosts", "apps%2Fweb").status, 200));
        assert_eq!(authenticate(&nobody, "acme", WEB, &last).status, 401);
        define(&mut root, "hosts", "apps/web", &host(&json!({})));
        assert_eq!(authenticate(&nobody, "acme", WEB, &last).status, 401);
    }
}

#[test]
fn whoever_verifies_a_key_leaves_a_record() {
    let (server, mut root) = with_host();
    let key = api_key(&mut root, "apps/web");
    let count = || {
        let log = fs::read_to_string(server.place.audit_file()).unwrap();
        let is_it = |line: &&str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let said = ["user", "method", "proof", "object", "outcome"].map(|member| line[member].clone());
            line["operation"] == "VerifyApiKey"
                && said == [WEB, "api-key", "acme", "api-key/host/apps/web", "success"].map(|own| json!(own))
        };
        log.lines().filter(is_it).count()
    };
    for (method, number) in [("GET", 1), ("GET", 2)] {
        assert_eq!(basic(&server.nobody(), method, "/authn/acme/login", WEB, &key).status, 200);
        eventually("it is recorded", || (count() == number).then_some(()));
    }
    assert_eq!(basic(&server.nobody(), "GET", "/authn/acme/login", WEB, &"0".repeat(64)).status, 401);
    assert_eq!(count(), 2, "a failure is summed up");
}

#[test]
fn rows_are_bound_and_hold_no_key() {
    let (server, mut root) = with_host();
    define(&mut root, "hosts", "apps/api", &host(&json!({})));
    define(&mut root, "hosts", "apps/old", &host(&json!({})));
    let [key, own, old] = ["apps/web", "apps/api", "apps/old"].map(|host| api_key(&mut root, host));
    assert_eq!(root.send("DELETE", &format!("{KEY}?role=host:apps/old"), None).status, 204);
    // Used, sent in a wrong place, and changed.
    let nobody = server.nobody();
    let next = text(&basic(&nobody, "PUT", KEY, WEB, &key));
    assert_eq!(authenticate(&nobody, "acme", WEB, &key).status, 401);
    assert_eq!(basic(&nobody, "GET", "/authn/acme/login", WEB, &key).status, 401);
    assert_eq!(authenticate(&nobody, "acme", "host/apps/api", &next).status, 401);
    let key_of_web = text(&basic(&nobody, "PUT", KEY, WEB, &next));
    for secret in [&key, &next, &key_of_web, &old] {
        let bytes = data_encoding::HEXLOWER.decode(secret.as_bytes()).unwrap();
        let parts = secret.as_bytes().chunks(16).chain(bytes.chunks(8)).map(<[u8]>::to_vec);
        let sent = data_encoding::BASE64.encode(format!("{WEB}:{secret}").as_bytes()).as_bytes()[24..56].to_vec();
        let needles: Vec<Vec<u8>> = parts.chain([sent]).collect();
        assert_eq!(holding(&server.place, &needles), Vec::<String>::new());
    }
    assert!(!holding(&server.place, &[b"apps/old".to_vec()]).is_empty(), "what is looked through has the rows");
    let key = key_of_web;
    // The key of one host in the row of another host, and a revoked key.
    let options = server.options.clone();
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    let mac = "UPDATE api_key SET mac = (SELECT mac FROM api_key WHERE host = 'apps/api') WHERE host = ?1";
    for host in ["apps/web", "apps/old"] {
        assert_eq!(database.execute(mac, [host]).unwrap(), 1);
    }
    drop(database);
    let server = Server::start_at(place, &options);
    let nobody = server.nobody();
    for (login, key) in [(WEB, &key), (WEB, &own), ("host/apps/old", &old), ("host/apps/old", &own)] {
        assert_eq!(authenticate(&nobody, "acme", login, key).status, 401, "{login}");
    }
    assert_eq!(authenticate(&nobody, "acme", "host/apps/api", &own).status, 200);
    for host in ["apps/web", "apps/old"] {
        eventually("the refusal is in the log", || {
            let is_told = |line: &str| line.contains("ROW REFUSED") && line.contains(&format!("api-key/host/{host}"));
            server.log().lines().any(is_told).then_some(())
        });
    }
    // An administrator repairs it.
    let mut root = Caller::certificate(&server, "root");
    let key = api_key(&mut root, "apps/web");
    assert_eq!(authenticate(&nobody, "acme", WEB, &key).status, 200);
}

#[test]
fn an_administrator_gives_and_takes_keys_by_the_command_line() {
    let (server, _root) = with_host();
    let identity = server.place.authority.issue(&crate::harness::Leaf::client("root"));
    let root = crate::harness::Cli::new(&server, "root", &identity);
    let key = root.ok(&["api-keys", "issue", "apps/web", "--account", "acme"]).trim_end().to_owned();
    assert_eq!(authenticate(&server.nobody(), "acme", WEB, &key).status, 200);
    let told = root.json(&["api-keys", "issue", "apps/web", "--account", "acme"]);
    let next = told["apiKey"].as_str().unwrap();
    assert_eq!([&*key, next].map(|key| authenticate(&server.nobody(), "acme", WEB, key).status), [401, 200]);
    root.ok(&["api-keys", "revoke", "apps/web", "--account", "acme", "--yes"]);
    assert_eq!(authenticate(&server.nobody(), "acme", WEB, next).status, 401);
}
