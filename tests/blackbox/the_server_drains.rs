//! After SIGTERM the server is not ready, but it serves until the delay has passed. Then it finishes the requests under way.
//! A second signal ends it at once.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Client, Connection, Http2, Options, Server, eventually, kmip};

/// Less than the 17 s that requests under way have.
const PROMPT: Duration = Duration::from_secs(12);

/// A server with this delay in seconds, and a client for its probe listener.
fn start(delay: &str) -> (Server, Client) {
    let options = Options::default().with(&["--probe-address=127.0.0.1:0", "--drain-delay", delay, "--kmip-port", "0"]);
    let server = Server::start_with(&options);
    let probe = server.probe();
    (server, probe)
}

fn is_closed(server: &Server) -> bool {
    TcpStream::connect(server.address).is_err()
}

#[test]
fn until_the_delay_has_passed_it_serves_but_is_not_ready() {
    let (mut server, probe) = start("600");
    let mut kept = server.alice().connect().unwrap();
    assert_eq!(kept.get("/health").json()["process"], "ok");
    assert_eq!(probe.get("/readyz").status, 200);
    assert_eq!(server.alice().get("/whoami").header("connection"), None);
    server.signal("TERM");
    eventually("not ready", || (probe.get("/readyz").status == 503).then_some(()));
    assert_eq!(probe.get("/livez").status, 200);
    let health = kept.get("/health");
    let body = json!({"process": "stopping", "store": "ok", "token": "ok", "audit": "ok"});
    assert_eq!((health.status, health.json()), (503, body));
    // The client of a connection is to connect again: over HTTP/1.1 each answer says so, and is the last.
    assert_eq!(health.header("connection"), Some("close"));
    assert!(kept.try_request("GET", "/whoami", &[], b"").is_err());
    // New connections are served, in each protocol.
    let mut alice = server.alice().connect().unwrap();
    let id = kmip::string(&alice.kmip(&kmip::create("AES", 256, &[])).json(), "UniqueIdentifier");
    assert_eq!(server.alice().connect().unwrap().export(&id).len(), 32);
    server.socket(&server.place.alice).ok(&kmip::create("AES", 256, &[]));
    let mut h2 = Http2::connect(&h2(&server));
    for _ in 0..2 {
        let stream = h2.request("GET", "/whoami", &[], true);
        assert_eq!(h2.answer(stream).status, Some(200));
    }
    assert!(!h2.is_closed);
    // The second signal ends the delay, and the requests under way.
    let mut under_way = server.alice().connect().unwrap();
    let rest = under_way.begin(&[], &kmip::create("AES", 256, &[]));
    let began = Instant::now();
    server.signal("TERM");
    let status = server.wait();
    assert!(status.code() == Some(0) && began.elapsed() < PROMPT, "{status} {:?}", began.elapsed());
    assert!(under_way.end(&rest).is_err());
    let (place, options) = (std::sync::Arc::clone(&server.place), server.options.clone());
    drop(server);
    let server = Server::start_at(place, &options);
    assert_eq!(server.alice().connect().unwrap().export(&id).len(), 32);
}

fn h2(server: &Server) -> Client {
    Client::tls_with(server.address, &server.place.authority.certificate, Some(&server.place.alice), |builder| {
        builder.set_alpn_protos(b"\x02h2").unwrap();
    })
}

#[test]
fn after_the_delay_idle_connections_end_and_requests_under_way_are_answered() {
    let (mut server, probe) = start("2");
    let mut idle: Vec<Connection> = (0..5).map(|_| server.alice().connect().unwrap()).collect();
    for connection in &mut idle {
        assert_eq!(connection.get("/whoami").status, 200);
    }
    let mut socket = server.socket(&server.place.alice);
    socket.ok(&kmip::create("AES", 256, &[]));
    let mut quiet = Http2::connect(&h2(&server));
    let stream = quiet.request("GET", "/whoami", &[], true);
    assert_eq!(quiet.answer(stream).status, Some(200));
    let mut busy = Http2::connect(&h2(&server));
    let body = kmip::create("AES", 256, &[]).to_string();
    let stream = busy.request("POST", "/kmip/2_1", &[("content-type", "application/json")], false);
    let mut under_way = server.alice().connect().unwrap();
    assert_eq!(under_way.get("/whoami").status, 200);
    let rest = under_way.begin(&[], &kmip::create("AES", 256, &[]));
    let began = Instant::now();
    server.signal("TERM");
    eventually("not ready", || (probe.get("/readyz").status == 503).then_some(()));
    assert!(!is_closed(&server));
    eventually("nobody new gets in", || is_closed(&server).then_some(()));
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    // Idle ones are closed while others finish.
    for mut connection in idle {
        let answer = connection.try_request("GET", "/whoami", &[], b"");
        assert!(answer.is_err(), "{answer:?}");
    }
    assert!(socket.is_closed());
    eventually("HTTP/2 ends", || {
        quiet.listen(Duration::from_millis(20));
        quiet.is_closed.then_some(())
    });
    assert_eq!(under_way.end(&rest).unwrap().status, 200);
    busy.body(stream, body.as_bytes(), true);
    let answer = eventually("the answer over HTTP/2", || {
        busy.listen(Duration::from_millis(20));
        Some(&busy.answers[&stream]).filter(|answer| answer.ended).cloned()
    });
    assert_eq!(answer.status, Some(200));
    drop((busy, under_way));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_waits_for_no_request() {
    let mut server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(alice.get("/whoami").status, 200);
    let rest = alice.begin(&[], &kmip::create("AES", 256, &[]));
    server.signal("TERM");
    eventually("nobody new gets in", || is_closed(&server).then_some(()));
    let began = Instant::now();
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    assert!(alice.end(&rest).is_err());
    assert!(server.log().contains("connections were closed before their requests ended"));
}
