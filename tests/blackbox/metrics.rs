//! The probe listener serves metrics in Prometheus' text format. They count the events, and name no user or key.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::thread;

use rusqlite::Connection as Database;

use crate::batches::{message, option};
use crate::harness::figures::Figures;
use crate::harness::jwt::now;
use crate::harness::kmip::{create, encrypt, name, named, tags, text};
use crate::harness::server::Place;
use crate::harness::{Authority, Client, Crl, Leaf, Options, Server, eventually};

/// A server with a probe listener, and a client for that.
fn start_at(place: Arc<Place>, arguments: &[&str]) -> (Server, Client) {
    let mut arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    arguments.push("--probe-address=127.0.0.1:0".to_owned());
    let server = Server::start_at(place, &Options { arguments, ..Options::default() });
    let probe = server.probe();
    (server, probe)
}

fn start(arguments: &[&str]) -> (Server, Client) {
    start_at(Arc::new(Place::new()), arguments)
}

const REQUESTS: &str = "claviger_requests_total";

/// Returns the number of requests of an operation with this outcome.
fn requests(figures: &Figures, operation: &str, outcome: &str) -> f64 {
    figures.get(REQUESTS, &[("operation", operation), ("outcome", outcome)])
}

#[test]
fn requests_count_by_way_operation_method_and_outcome() {
    let (server, probe) = start(&[]);
    let [mut alice, mut bob] = [server.alice(), server.bob()].map(|client| client.connect().unwrap());
    let id = alice.aes();
    let before = Figures::read(&probe);
    assert_eq!(requests(&before, "Create", "success"), 1.0);
    assert_eq!(requests(&before, "Encrypt", "success"), 0.0);
    for _ in 0..7 {
        alice.ok(&encrypt(&id, b"x"));
    }
    for _ in 0..3 {
        bob.refused(&encrypt(&id, b"x"), 404, "Object_Not_Found");
    }
    alice.refused(&named("Activate", &id), 409, "Wrong_Key_Lifecycle_State");
    assert_eq!(alice.post("/kmip/2_1", &serde_json::json!({"tag": "NoSuch"})).status, 400);
    assert_eq!(alice.get("/whoami").status, 200);
    assert_eq!(alice.get(&format!("/access/list/{id}")).status, 200);
    assert_eq!(alice.get("/version").status, 200);
    assert_eq!(alice.get("/no/such/path").status, 404);
    let after = Figures::read(&probe);
    assert_eq!(requests(&after, "Create", "success"), 1.0);
    assert_eq!(requests(&after, "Encrypt", "success"), 7.0);
    assert_eq!(requests(&after, "Encrypt", "refused"), 3.0);
    assert_eq!(requests(&after, "Activate", "client-error"), 1.0);
    let of = |labels: &[(&str, &str)]| after.get(REQUESTS, labels);
    assert_eq!(of(&[("way", "kmip"), ("operation", "none"), ("outcome", "client-error")]), 1.0);
    assert_eq!(of(&[("way", "kmip"), ("method", "certificate")]), 13.0);
    assert_eq!(of(&[("way", "whoami"), ("operation", "none"), ("method", "certificate")]), 1.0);
    assert_eq!(of(&[("way", "access"), ("operation", "list"), ("outcome", "success")]), 1.0);
    assert_eq!(of(&[("way", "version"), ("method", "none")]), 1.0);
    assert_eq!(of(&[("way", "none"), ("operation", "none"), ("method", "none"), ("outcome", "refused")]), 1.0);
    assert_eq!(of(&[]), 17.0);
}

#[test]
fn histograms_count_what_the_counters_do() {
    let (server, probe) = start(&[]);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    for _ in 0..5 {
        alice.ok(&encrypt(&id, b"x"));
    }
    let secret = alice.new_key(&create("HMACSHA256", 256, &[]));
    alice.mac(&secret, b"x");
    let figures = Figures::read(&probe);
    for way in figures.values("way") {
        for operation in figures.values("operation") {
            let labels = [("way", way), ("operation", operation)];
            assert_eq!(
                figures.find(REQUESTS, &labels),
                figures.find("claviger_request_seconds_count", &labels),
                "{labels:?}"
            );
        }
    }
    let calls = |call: &str| figures.get("claviger_hsm_call_seconds_count", &[("call", call)]);
    assert_eq!((calls("encrypt"), calls("mac"), calls("make")), (5.0, 1.0, 2.0));
    // The handle of each key was made once.
    assert_eq!(calls("unwrap"), 2.0);
    assert!(figures.get("claviger_request_seconds_sum", &[("operation", "Encrypt")]) > 0.0);
    let commits = figures.get("claviger_store_commits_total", &[]);
    assert!(commits >= 2.0);
    assert_eq!(figures.get("claviger_store_commit_seconds_count", &[]), commits);
    assert_eq!(figures.get("claviger_store_commit_writes_count", &[]), commits);
    assert_eq!(figures.get("claviger_store_commit_writes_sum", &[]), figures.get("claviger_store_writes_total", &[]));
    assert!(figures.get("claviger_store_read_seconds_count", &[]) >= 2.0);
}

#[test]
fn items_of_messages_count_beside_the_message() {
    let (server, probe) = start(&[]);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let operations = [encrypt(&id, b"x"), encrypt("no-such", b"x"), encrypt(&id, b"y"), named("Activate", &id)];
    assert_eq!(alice.kmip(&message(&[option("Continue")], &operations)).status, 200);
    let figures = Figures::read(&probe);
    assert_eq!(requests(&figures, "batch", "success"), 1.0);
    assert_eq!(requests(&figures, "Encrypt", "success"), 0.0);
    let items = |labels: &[(&str, &str)]| figures.get("claviger_batch_items_total", labels);
    assert_eq!(items(&[("operation", "Encrypt"), ("outcome", "success")]), 2.0);
    assert_eq!(items(&[("operation", "Encrypt"), ("outcome", "refused")]), 1.0);
    assert_eq!(items(&[("operation", "Activate"), ("outcome", "client-error")]), 1.0);
    assert_eq!(items(&[]), 4.0);
}

#[test]
fn what_fails_is_told_from_what_is_away() {
    let (server, probe) = start(&[]);
    let mut alice = server.alice().connect().unwrap();
    let [good, bad] = [alice.aes(), alice.aes()];
    let (place, _) = server.stop();
    drop(probe);
    let database = Database::open(place.database()).unwrap();
    let edit = format!("UPDATE object SET usage_mask = usage_mask + 1 WHERE id = '{bad}'");
    assert_eq!(database.execute(&edit, []).unwrap(), 1);
    drop(database);
    let (server, probe) = start_at(place, &[]);
    let mut alice = server.alice().connect().unwrap();
    alice.refused(&encrypt(&bad, b"x"), 500, "Internal_Server_Error");
    alice.ok(&encrypt(&good, b"x"));
    let figures = Figures::read(&probe);
    assert_eq!(requests(&figures, "Encrypt", "failed"), 1.0);
    assert_eq!(requests(&figures, "Encrypt", "success"), 1.0);
    assert_eq!(requests(&figures, "Encrypt", "unavailable"), 0.0);
    assert!(figures.get("claviger_hsm_sessions_open", &[]) >= 1.0);
    assert_eq!(figures.get("claviger_hsm_sessions_limit", &[]), 16.0);
    assert_eq!(figures.find("claviger_hsm_sessions_busy", &[]), Some(0.0));

    let aside = server.place.path("aside");
    fs::rename(&server.place.token.tokens, &aside).unwrap();
    eventually("the token is away", || (alice.kmip(&create("AES", 256, &[])).status == 503).then_some(()));
    assert!(requests(&Figures::read(&probe), "Create", "unavailable") >= 1.0);
    eventually("no sessions are shown", || {
        Figures::read(&probe).find("claviger_hsm_sessions_open", &[]).is_none().then_some(())
    });
    fs::rename(&aside, &server.place.token.tokens).unwrap();
    eventually("they are back", || Figures::read(&probe).find("claviger_hsm_sessions_open", &[]));
}

#[test]
fn failed_authentication_counts_by_the_kind_of_credential() {
    let (server, probe) = start(&["--client-cert=optional"]);
    let ask = |headers: &[(&str, &str)]| server.nobody().try_request("GET", "/whoami", headers, b"").unwrap().status;
    for _ in 0..3 {
        assert_eq!(ask(&[]), 401);
    }
    assert_eq!(ask(&[("Authorization", "Bearer a.b.c")]), 401);
    assert_eq!(ask(&[("Authorization", "Bearer abcd")]), 401);
    assert_eq!(server.alice().get("/whoami").status, 200);
    let figures = Figures::read(&probe);
    let failures = |method| figures.get("claviger_authentication_failures_total", &[("method", method)]);
    assert_eq!((failures("none"), failures("jwt"), failures("api-token")), (3.0, 1.0, 1.0));
    assert_eq!(figures.find("claviger_authentication_failures_total", &[("method", "certificate")]), None);
    let whoami =
        |outcome, method| figures.get(REQUESTS, &[("way", "whoami"), ("outcome", outcome), ("method", method)]);
    assert_eq!(whoami("unauthenticated", "none"), 5.0);
    assert_eq!(whoami("success", "certificate"), 1.0);
}

#[test]
fn refused_handshakes_count_by_reason() {
    let (server, probe) = start(&[]);
    let refused = |reason: &str, count: f64| {
        eventually(&format!("{count} refused: {reason}"), || {
            let figures = Figures::read(&probe);
            (figures.get("claviger_handshakes_refused_total", &[("reason", reason)]) == count).then_some(())
        });
    };
    for count in 1..=3 {
        assert!(server.nobody().try_request("GET", "/version", &[], b"").is_err());
        refused("no-certificate", f64::from(count));
    }
    let foreign = Authority::new("Test authority").issue(&Leaf::client("alice"));
    assert!(server.client(&foreign).try_request("GET", "/version", &[], b"").is_err());
    refused("certificate", 1.0);
    let mut plain = Client::plain(server.address).tcp().unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    refused("protocol", 1.0);
    drop(Client::plain(server.address).tcp().unwrap());
    refused("closed", 1.0);
    let figures = Figures::read(&probe);
    assert_eq!(figures.get("claviger_handshakes_refused_total", &[]), 6.0);
    assert_eq!(figures.get(REQUESTS, &[]), 0.0);
}

#[test]
fn connections_and_the_cache_go_up_and_down() {
    let (server, probe) = start(&[]);
    let open = |count: f64| {
        eventually(&format!("{count} connections"), || {
            (Figures::read(&probe).find("claviger_connections_open", &[]) == Some(count)).then_some(())
        });
    };
    open(0.0);
    let mut connections: Vec<_> = (0..5).map(|_| server.alice().connect().unwrap()).collect();
    open(5.0);
    let id = connections[0].aes();
    for connection in &mut connections {
        connection.ok(&encrypt(&id, b"x"));
    }
    let cache = |name: &str| Figures::read(&probe).find(&format!("claviger_cache_{name}"), &[]).unwrap();
    assert_eq!((cache("objects"), cache("hits_total"), cache("misses_total")), (1.0, 4.0, 1.0));
    connections[0].refused(&encrypt("no-such", b"x"), 404, "Object_Not_Found");
    assert_eq!((cache("objects"), cache("misses_total")), (1.0, 2.0));
    drop(connections);
    open(0.0);
}

#[test]
fn many_writes_share_a_commit() {
    let (server, probe) = start(&[]);
    let before = Figures::read(&probe);
    thread::scope(|scope| {
        for _ in 0..16 {
            let mut alice = server.alice().connect().unwrap();
            scope.spawn(move || (0..20).for_each(|_| drop(alice.aes())));
        }
    });
    let after = Figures::read(&probe);
    let grown = |name: &str| after.get(name, &[]) - before.get(name, &[]);
    let (writes, commits) = (grown("claviger_store_writes_total"), grown("claviger_store_commits_total"));
    assert!(writes >= 320.0, "{writes} writes");
    assert!(commits < writes && commits >= 20.0, "{commits} commits");
    assert_eq!(grown("claviger_store_commit_failures_total"), 0.0);
}

#[test]
fn certificate_revocation_lists_and_reloads_are_shown() {
    let (server, probe) = start(&[]);
    let figures = Figures::read(&probe);
    assert_eq!(figures.find("claviger_crl_next_update_seconds", &[]), None, "there is no CRL");
    // The server's certificate is valid for 30 days.
    let days = |figures: &Figures| {
        (figures.find("claviger_certificate_not_after_seconds", &[]).unwrap() - now() as f64) / 86_400.0
    };
    assert!((29.9..30.1).contains(&days(&figures)), "{}", days(&figures));
    assert_eq!(figures.find("claviger_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), Some(1.0));
    let reloads = |figures: &Figures, outcome| figures.find("claviger_reloads_total", &[("outcome", outcome)]);
    assert_eq!((reloads(&figures, "success"), reloads(&figures, "failed")), (Some(0.0), Some(0.0)));
    let (place, _) = server.stop();

    let in_hours = |hours: i64| Crl { next_update: Some(hours * 3600), ..Crl::default() };
    fs::write(place.path("list.crl"), in_hours(50).by(&place.authority)).unwrap();
    let (server, probe) = start_at(place, &["--crl-file=list.crl"]);
    let hours =
        |figures: &Figures| (figures.find("claviger_crl_next_update_seconds", &[]).unwrap() - now() as f64) / 3600.0;
    let figures = Figures::read(&probe);
    assert!((49.9..50.1).contains(&hours(&figures)), "{}", hours(&figures));

    let longer = Leaf { not_after: 60, ..Leaf::server() };
    let identity = server.place.authority.issue(&longer);
    fs::write(server.place.path("server.p12"), identity.pkcs12(crate::harness::server::P12_PASSWORD)).unwrap();
    let lists = [in_hours(40).by(&server.place.authority), in_hours(30).by(&server.place.authority)].concat();
    fs::write(server.place.path("list.crl"), lists).unwrap();
    let figures = eventually("it is read in", || {
        let figures = Figures::read(&probe);
        (hours(&figures) < 31.0 && days(&figures) > 59.0).then_some(figures)
    });
    assert!((29.9..30.1).contains(&hours(&figures)), "the first of two: {}", hours(&figures));
    assert!(reloads(&figures, "success") >= Some(1.0));
    fs::write(server.place.path("list.crl"), "no CRL").unwrap();
    eventually("it cannot be read in", || reloads(&Figures::read(&probe), "failed").filter(|count| *count >= 1.0));
    assert!(hours(&Figures::read(&probe)) > 29.0, "what was there stays");
}

#[test]
fn nobody_is_named() {
    let (server, probe) = start(&["--client-cert=optional"]);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let named_key = [text("UniqueIdentifier", "secret-project-key"), name("secret-name"), tags(&["secret-tag"])];
    alice.ok(&create("AES", 256, &named_key));
    for request in [encrypt(&id, b"x"), encrypt("secret-project-key", b"x"), encrypt("secret-missing", b"x")] {
        alice.kmip(&request);
    }
    alice.kmip(&message(&[], &[encrypt("secret-project-key", b"x"), encrypt("secret-missing", b"x")]));
    for path in ["/secret/path", "/kmip/secret", "/access/list/secret-project-key", "/access/secret", "/version?secret"]
    {
        alice.get(path);
    }
    alice.post("/kmip/2_1", &serde_json::json!({"tag": "secret-operation"}));
    for (method, path) in [("SECRET", "/version"), ("PUT", "/access/definitions/users/secret")] {
        alice.try_request(method, path, &[("Content-Type", "application/json")], b"{}").unwrap();
    }
    let bearer = [("Authorization", "Bearer secret.secret.secret"), ("X-Request-Id", "secret-request")];
    assert_eq!(server.nobody().try_request("GET", "/whoami", &bearer, b"").unwrap().status, 401);
    let figures = Figures::read(&probe);
    for word in ["alice", "secret", "Test authority", "127.0.0.1", &id] {
        assert!(!figures.text.contains(word), "{word}");
    }
    assert!(figures.get(REQUESTS, &[]) >= 15.0);
    for (label, value) in figures.labels() {
        let known: &[&str] = match label {
            "way" => &["none", "kmip", "access", "version", "health", "whoami"],
            "method" => &["none", "certificate", "jwt", "api-token", "default"],
            "outcome" => {
                &["success", "unauthenticated", "refused", "client-error", "unavailable", "failed", "abandoned"]
            }
            "operation" => &["none", "batch", "Create", "Encrypt", "list", "definitions"],
            "call" => &["make", "unwrap", "bind", "sign", "encrypt", "look"],
            "reason" => &["place", "turn", "memory", "deadline"],
            "version" => &[env!("CARGO_PKG_VERSION")],
            "le" => continue,
            other => panic!("{other}"),
        };
        assert!(known.contains(&value), "{label} {value}");
    }
}

#[test]
fn the_service_itself_does_not_show_them() {
    let (server, probe) = start(&["--client-cert=optional"]);
    for client in [server.alice(), server.nobody()] {
        assert_eq!(client.get("/metrics").status, 404);
    }
    for method in ["POST", "PUT", "DELETE"] {
        let answer = probe.try_request(method, "/metrics", &[], b"").unwrap();
        assert!([404, 405].contains(&answer.status), "{method}: {}", answer.status);
    }
    assert_eq!(probe.get("/metrics/x").status, 404);
    let head = probe.connect().unwrap().try_request("HEAD", "/livez", &[], b"").unwrap();
    assert_eq!(head.status, 200);
}
