//! The probe listener says, without any certificate, whether the server is alive and ready, and nothing else.

use std::fs;
use std::io::Write as _;

use serde_json::json;

use crate::harness::figures::Figures;
use crate::harness::{Client, Options, Server, eventually, postgres};

/// A server with a probe listener, and a client for that.
fn start() -> (Server, Client) {
    let arguments = vec!["--probe-address=127.0.0.1:0".to_owned()];
    let server = Server::start_with(&Options { arguments, ..Options::default() });
    let probe = server.probe();
    (server, probe)
}

#[test]
fn life_and_readiness_alone_are_told_without_a_certificate() {
    let (server, probe) = start();
    let mut connection = probe.connect().unwrap();
    for path in ["/livez", "/readyz"] {
        let answer = connection.get(path);
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]), "{path}");
        // Kubernetes names the pod, a balancer the address.
        let answer = connection.try_request("GET", path, &[("Host", "10.1.2.3:9997")], b"").unwrap();
        assert_eq!(answer.status, 200, "{path}");
    }
    for path in ["/", "/whoami", "/version", "/health", "/kmip/2_1", "/kmip_2_1", "/livez/x", "/metrics/x"] {
        assert_eq!(probe.get(path).status, 404, "{path}");
    }
    for (method, path) in [("POST", "/livez"), ("DELETE", "/readyz"), ("POST", "/kmip/2_1"), ("POST", "/kmip_2_1")] {
        let answer = probe.try_request(method, path, &[("Content-Type", "application/json")], b"{}").unwrap();
        assert!([404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
    }
    for host in [&[][..], &[("Host", "a b")], &[("Host", "a"), ("Host", "b")]] {
        let hosts: String = host.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut connection = probe.connect().unwrap();
        connection.stream.write_all(format!("GET /livez HTTP/1.1\r\n{hosts}\r\n").as_bytes()).unwrap();
        let answer = connection.read_answer().unwrap();
        assert!(answer.status == 400 && String::from_utf8_lossy(&answer.body).contains("Host"), "{host:?}: {answer:?}");
    }
    assert_eq!(server.alice().get("/livez").status, 404, "the service's listener is another");
}

#[test]
fn an_sqlite_database_has_no_state_of_its_own() {
    let server =
        Server::start_with(&Options::default().with(&["--probe-address=127.0.0.1:0", "--administrators=alice"]));
    let answer = server.alice().get("/health/database");
    assert_eq!(answer.status, 200);
    let has_figures = Figures::read(&server.probe()).text.contains("claviger_database_");
    assert_eq!(has_figures, postgres::is_chosen());
    if !has_figures {
        assert_eq!(answer.json(), json!({"kind": "sqlite"}));
    }
    assert_eq!(server.bob().get("/health/database").status, 403);
}

#[test]
fn readiness_goes_with_the_token_and_life_does_not() {
    let (server, probe) = start();
    let away = server.place.path("away");
    let mut alice = server.alice().connect().unwrap();
    let good = json!({"process": "ok", "store": "ok", "token": "ok", "audit": "ok"});
    assert_eq!((alice.get("/health").status, alice.get("/health").json()), (200, good.clone()));
    for _ in 0..2 {
        fs::rename(&server.place.token.tokens, &away).unwrap();
        eventually("not ready", || (probe.get("/readyz").status == 503).then_some(()));
        assert_eq!(probe.get("/livez").status, 200);
        let health = alice.get("/health");
        assert_eq!(health.status, 503);
        assert_eq!(health.json(), json!({"process": "ok", "store": "ok", "token": "unavailable", "audit": "ok"}));
        fs::rename(&away, &server.place.token.tokens).unwrap();
        eventually("ready again", || (probe.get("/readyz").status == 200).then_some(()));
        assert_eq!((alice.get("/health").status, alice.get("/health").json()), (200, good.clone()));
    }
    let id = alice.aes();
    assert_eq!(alice.export(&id).len(), 32);
}

#[test]
fn a_silent_prober_keeps_nobody_from_asking_for_long() {
    let (_server, probe) = start();
    // More connections than there are places.
    let silent: Vec<_> = (0..80).map(|_| probe.tcp().unwrap()).collect();
    eventually("an answer", || probe.try_request("GET", "/livez", &[], b"").ok().filter(|answer| answer.status == 200));
    drop(silent);
}
