//! The server behind haproxy, by the configuration of the page docs/load-balancer.md.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;

use crate::harness::proxied::BALANCER;
use crate::harness::server::Place;
use crate::harness::socket::Socket;
use crate::harness::{Client, End, Haproxy, Options, Server, eventually, kmip};
use crate::markdown;

/// Returns the configuration in the page.
pub fn page() -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/load-balancer.md")).unwrap();
    let blocks = markdown::blocks(&page);
    blocks.into_iter().find(|block| block.text.starts_with("global\n")).unwrap().text
}

fn options() -> Options {
    let from = format!("--proxy-protocol-from={BALANCER}");
    Options::default().with(&[&from, "--drain-delay=5", "--probe-address=127.0.0.1:0", "--kmip-port", "0"])
}

/// Returns the lines of a server in the two backends.
pub fn lines(name: &str, server: &Server) -> [String; 2] {
    [server.address, server.kmip.unwrap()].map(|address| Haproxy::line(name, address, server.probe_address()))
}

/// Returns a client that connects through haproxy.
fn through(haproxy: &Haproxy, server: &Server) -> Client {
    Client::tls(haproxy.https, &server.place.authority.certificate, Some(&server.place.alice))
}

#[test]
fn audit_and_log_have_the_addresses_of_the_clients() {
    let server = Server::start_with(&options());
    let [https, kmip] = lines("kms1", &server);
    let haproxy = Haproxy::start(&server.place, &page(), [&[https], &[kmip]]);
    let mut alice = eventually("a connection", || {
        let mut alice = through(&haproxy, &server).connect().ok()?;
        alice.try_request("GET", "/whoami", &[], b"").is_ok().then_some(alice)
    });
    let id = alice.aes();
    alice.seal(&id, b"attack at dawn");
    let mut client = server.socket_client(Some(&server.place.alice));
    client.address = haproxy.kmip;
    let mut socket = Socket { stream: client.connect().unwrap().stream };
    socket.ok(&kmip::create("AES", 256, &[]));
    let (place, status) = server.stop();
    assert!(status.success());
    let text = fs::read_to_string(place.path("claviger.audit.jsonl")).unwrap();
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let decisions: Vec<&Value> = all.iter().filter(|line| line["event"] == "decision").collect();
    let ways: Vec<_> = decisions.iter().map(|line| line["way"].as_str().unwrap_or("https")).collect();
    assert_eq!(ways, ["https", "https", "kmip"]);
    assert!(decisions.iter().all(|line| line["peer"] == "127.0.0.1"), "{decisions:?}");
    assert!(!text.contains(BALANCER), "the address of haproxy is in the audit log: {text}");
    let log = fs::read_to_string(place.path("server.log")).unwrap();
    assert!(log.contains("peer=127.0.0.1:") && !log.contains(&format!("peer={BALANCER}:")), "{log}");
}

#[test]
fn checks_of_haproxy_do_not_fill_the_log() {
    let server = Server::start_with(&options());
    // Checks of the port itself, which send the header of a connection of haproxy's own.
    let own = [server.address, server.kmip.unwrap()].map(|address| format!("kms1 {address} check inter 20ms"));
    let checks = |line: &str| !line.contains("httpchk") && !line.contains("http-check");
    let page: String = page().lines().filter(|line| checks(line)).map(|line| format!("{line}\n")).collect();
    let before = server.log().lines().filter(|line| !line.contains("DEBUG")).count();
    let haproxy = Haproxy::start(&server.place, &page, [&own[..1], &own[1..]]);
    eventually("many checks", || {
        let log = server.log();
        let checks = log.lines().filter(|line| line.contains("a proxy looked whether the server is there"));
        (checks.count() >= 100).then_some(())
    });
    let log = server.log();
    let louder: Vec<&str> = log.lines().filter(|line| !line.contains("DEBUG")).skip(before).collect();
    // The test itself looks whether haproxy listens, and these connections reach the server.
    let louder: Vec<&&str> = louder.iter().filter(|line| !line.contains("peer=127.0.0.1:")).collect();
    assert!(louder.is_empty(), "{louder:?}");
    // They find a server that serves. On a busy machine a check that takes longer than 20 ms may fail.
    eventually("the server is used", || {
        let answer = through(&haproxy, &server).try_request("GET", "/whoami", &[], b"");
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    });
}

/// Sends requests, each on the same connection until an answer closes it. Returns what was lost.
fn work(client: &Client, is_over: &AtomicBool, answered: &AtomicUsize) -> Vec<String> {
    let mut lost = Vec::new();
    let mut open = None;
    while !is_over.load(Ordering::SeqCst) {
        let answer = open.take().map_or_else(|| client.connect(), Ok).and_then(|mut connection| {
            let answer = connection.try_request("GET", "/whoami", &[], b"")?;
            Ok::<_, io::Error>((answer, connection))
        });
        match answer {
            Ok((answer, connection)) if answer.status == 200 => {
                open = (answer.header("connection") != Some("close")).then_some(connection);
                answered.fetch_add(1, Ordering::SeqCst);
            }
            Ok((answer, _)) => lost.push(format!("{answer:?}")),
            Err(error) => lost.push(error.to_string()),
        }
    }
    lost
}

#[test]
fn a_server_that_drains_loses_no_request() {
    let first = Server::start_with(&options());
    // Two servers cannot share a database. Those of these requests need none.
    let place = Place::new();
    for file in ["server.p12", "ca.pem"] {
        fs::copy(first.place.path(file), place.path(file)).unwrap();
    }
    let second = Server::start_at(Arc::new(place), &options());
    let ([https, kmip], [other_https, other_kmip]) = (lines("kms1", &first), lines("kms2", &second));
    let haproxy = Haproxy::start(&first.place, &page(), [&[https, other_https], &[kmip, other_kmip]]);
    let client = through(&haproxy, &first);
    let uses = |server: &Server| server.log().matches("/whoami").count();
    eventually("both are used", || {
        let _ = client.try_request("GET", "/whoami", &[], b"");
        (uses(&first) > 0 && uses(&second) > 0).then_some(())
    });
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let lost: Vec<String> = std::thread::scope(|scope| {
        let _end = End(&is_over);
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| work(&client, &is_over, &answered))).collect();
        let more = |count: usize| {
            let before = answered.load(Ordering::SeqCst);
            eventually("answers", || (answered.load(Ordering::SeqCst) >= before + count).then_some(()));
        };
        more(200);
        let (_, status) = first.stop();
        assert!(status.success(), "{status}");
        more(200);
        is_over.store(true, Ordering::SeqCst);
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
}
