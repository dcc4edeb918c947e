//! A load balancer says by the PROXY protocol whose connection it forwards. Only the networks of
//! `--proxy-protocol-from` are believed, and a client counts by its own address.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::conjur::{self, authorization, configured, define, host, whoami};
use crate::harness::figures::Figures;
use crate::harness::hanzo;
use crate::harness::jwt::but;
use crate::harness::proxied::{client, header, local};
use crate::harness::server::{Place, run};
use crate::harness::socket::with_socket;
use crate::harness::{Client, Options, Server, SigningKey, eventually};

/// A server that believes 127.0.0.1, from which the tests connect, in a header.
fn server(more: &[&str]) -> Server {
    Server::start_with(&with_socket().with(&["--proxy-protocol-from=127.0.0.1"]).with(more))
}

/// Returns the lines of the audit log with this operation.
fn decisions(server: &Server, operation: &str) -> Vec<Value> {
    let text = fs::read_to_string(server.place.path("claviger.audit.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["operation"] == operation).collect()
}

/// Whether the server ends the connection without an answer.
fn is_refused(mut tcp: TcpStream) -> bool {
    match tcp.read(&mut [0; 64]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_client_has_its_own_address_in_every_way_in() {
    let server = server(&[]);
    for (address, shown) in [
        ("192.0.2.7:4000", "192.0.2.7"),
        ("[2001:db8::7]:4000", "2001:db8::7"),
        ("[::ffff:192.0.2.8]:4000", "192.0.2.8"),
    ] {
        let mut alice = server.alice().behind(&client(address)).connect().unwrap();
        alice.aes();
        assert_eq!(decisions(&server, "Create").last().unwrap()["peer"], shown);
        let socket = server.socket_client(Some(&server.place.alice)).behind(&client(address)).connect().unwrap();
        let mut socket = crate::harness::socket::Socket { stream: socket.stream };
        socket.ok(&crate::harness::kmip::create("AES", 256, &[]));
        let line = decisions(&server, "Create").pop().unwrap();
        assert_eq!((&line["peer"], &line["way"]), (&json!(shown), &json!("kmip")));
    }
    // The balancer itself.
    let mut alice = server.alice().behind(&local()).connect().unwrap();
    alice.aes();
    assert_eq!(decisions(&server, "Create").last().unwrap()["peer"], "127.0.0.1");
    // The header may come in parts, with TLVs, and with the first bytes of the client.
    let with_tlvs = header(0x21, 0x11, &[&client("192.0.2.9:1")[16..], &[0x03, 0, 4, 0, 0, 0, 0], &[7; 500]].concat());
    assert!(server.alice().behind(&with_tlvs).get("/whoami").status == 200);
    let mut tcp = Client::plain(server.address).tcp().unwrap();
    for byte in client("192.0.2.9:1") {
        tcp.write_all(&[byte]).unwrap();
    }
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    eventually("the client's own fault", || {
        let is_meant = |line: &str| line.contains("connection refused") && line.contains("peer=192.0.2.9:1");
        server.log().lines().any(is_meant).then_some(())
    });
    // Plain HTTP, too.
    let plain = Options { plain: true, ..Options::default() }.with(&["--proxy-protocol-from=127.0.0.1"]);
    let server = Server::start_with(&plain);
    server.nobody().behind(&client("192.0.2.7:4000")).connect().unwrap().aes();
    assert_eq!(decisions(&server, "Create").last().unwrap()["peer"], "192.0.2.7");
}

#[test]
fn a_connection_of_a_balancer_begins_with_a_header_and_no_other_does() {
    let server = server(&["--probe-address=127.0.0.1:0"]);
    let probe = server.probe();
    let long = header(0x21, 0x11, &[0; 600]);
    let unix = header(0x21, 0x31, &[0; 216]);
    let (datagram, unnamed) = (header(0x21, 0x12, &client("192.0.2.7:1")[16..]), header(0x21, 0, &[]));
    let next = header(0x31, 0x11, &client("192.0.2.7:1")[16..]);
    for (first, fault) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00"[..], "it begins with no PROXY header"),
        (b"GET /whoami HTTP/1.1\r\n\r\n", "it begins with no PROXY header"),
        (b"PROXY TCP4 192.0.2.7 10.0.0.1 4000 9998\r\n", "it begins with a PROXY header of version 1"),
        (&next, "its PROXY header has version 3; expected 2"),
        (&long, "its PROXY header has 616 bytes, more than 536"),
        (&unix, "its PROXY header names no address of TCP (family and protocol 0x31)"),
        (&datagram, "its PROXY header names no address of TCP (family and protocol 0x12)"),
        (&unnamed, "its PROXY header names no address of TCP (family and protocol 0x00)"),
    ] {
        for address in [server.address, server.kmip.unwrap()] {
            assert!(is_refused(Client::plain(address).behind(first).tcp().unwrap()), "{fault}");
        }
        let log = server.log();
        let lines = log.lines().filter(|line| line.contains("proxy-protocol-from") && line.contains(fault));
        assert!(lines.clone().count() == 1 && lines.clone().all(|line| line.contains("WARN")), "{fault}: {log}");
    }
    // A half header has the time of a handshake, and then the connection ends.
    let half = Client::plain(server.address).behind(&client("192.0.2.7:4000")[..20]).tcp().unwrap();
    // What comes after a header is the client's: a header of its own is not believed.
    let two = [client("192.0.2.7:4000"), client("10.9.9.9:4000")].concat();
    assert!(server.alice().behind(&two).connect().is_err());
    assert!(!server.log().contains("10.9.9.9"));
    assert!(is_refused(half));
    assert!(server.log().contains("no PROXY header within 5 s"));
    let refused = |reason| Figures::read(&probe).get("claviger_handshakes_refused_total", &[("reason", reason)]);
    assert_eq!((refused("proxy-header"), refused("deadline"), refused("protocol")), (16.0, 1.0, 1.0));
    // From other networks, a header is no header.
    let other = Server::start_with(
        &Options::default().with(&["--proxy-protocol-from=127.0.0.2", "--proxy-protocol-from=192.0.2.0/24"]),
    );
    assert_eq!(other.alice().get("/whoami").status, 200);
    assert!(other.alice().behind(&client("192.0.2.7:4000")).connect().is_err());
    assert!(!other.log().contains("192.0.2.7"));
}

#[test]
fn a_check_that_only_connects_is_not_logged() {
    let server = server(&["--probe-address=127.0.0.1:0"]);
    let before = server.log().lines().filter(|line| !line.contains("DEBUG")).count();
    for first in [&local()[..], b""] {
        drop(Client::plain(server.address).behind(first).tcp().unwrap());
    }
    eventually("both are seen", || {
        let log = server.log();
        let both = ["a proxy looked whether the server is there", "closed before its PROXY header"];
        both.iter().all(|told| log.contains(told)).then_some(())
    });
    let after = server.log().lines().filter(|line| !line.contains("DEBUG")).count();
    assert_eq!(before, after, "{}", server.log());
}

#[test]
fn tokens_are_held_to_the_networks_of_their_clients() {
    let key = SigningKey::rsa("one");
    let mut server = Server::start_at(hanzo::place(), &hanzo::options(&["--proxy-protocol-from=127.0.0.1"]));
    server.header = client("192.0.2.7:4000");
    configured(&server, &key, &json!({}));
    let token = authorization(&conjur::authenticate(&server, &conjur::jwt(&key, &json!({}))));
    let restricted = but(host(&json!({"authn-jwt/gitlab/project": "web"})), &json!({"restricted_to": ["192.0.2.7"]}));
    define(&mut Caller::certificate(&server, "root"), "hosts", "apps/web", &restricted);
    let at = |address: &str| whoami(&server.nobody().behind(&client(address)), &token);
    assert_eq!(at("192.0.2.7:1").unwrap()["client_ip"], "192.0.2.7");
    assert_eq!(at("[::ffff:192.0.2.7]:1").unwrap()["client_ip"], "192.0.2.7");
    assert_eq!((at("192.0.2.8:1"), at("127.0.0.1:1")), (Err(401), Err(401)));
    assert_eq!(whoami(&server.nobody().behind(&local()), &token), Err(401));
}

#[test]
fn bounds_of_an_address_are_those_of_the_client() {
    let server = server(&["--client-cert=optional", "--auth-failure-limit=2", "--max-connections=64"]);
    let ask = |from: &str| server.nobody().behind(&client(from)).get("/whoami").status;
    assert_eq!([(); 4].map(|()| ask("192.0.2.7:1")), [401, 401, 429, 429]);
    assert_eq!(ask("192.0.2.8:1"), 401, "another client of the same balancer");
    assert_eq!(ask("[2001:db8::7]:1"), 401);
    // Of 16 connections that have sent nothing one address has 4. All are the balancer's.
    let silent = |from: &str, count| -> Vec<TcpStream> {
        (0..count).map(|_| Client::plain(server.address).behind(&client(from)).tcp().unwrap()).collect()
    };
    let mut few = silent("192.0.2.20:1", 2);
    let mut many = silent("192.0.2.21:1", 8);
    let open = |all: &mut [TcpStream]| all.iter_mut().map(is_open).filter(|is_open| *is_open).count();
    eventually("the oldest make room", || (open(&mut many) == 4).then_some(()));
    assert_eq!(open(&mut few), 2);
    // Those without a header make room for newer ones, and for nobody else.
    let mut unnamed: Vec<TcpStream> = (0..6).map(|_| Client::plain(server.address).tcp().unwrap()).collect();
    for tcp in &mut unnamed {
        tcp.write_all(b"\r\n\r\n").unwrap();
    }
    eventually("the oldest make room", || (open(&mut unnamed) == 2).then_some(()));
    assert_eq!((open(&mut few), open(&mut many)), (2, 4));
    assert_eq!(server.alice().behind(&client("192.0.2.22:1")).get("/whoami").status, 200);
}

fn is_open(tcp: &mut TcpStream) -> bool {
    tcp.set_nonblocking(true).unwrap();
    let read = tcp.read(&mut [0; 1]);
    tcp.set_nonblocking(false).unwrap();
    read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

#[test]
fn the_networks_are_checked_and_shown() {
    let place = Place::new();
    let with = |arguments: &[&str], environment: &[(&str, &str)], what: &str| {
        let plain = Options { plain: true, ..Options::default() }.with(arguments);
        let mut command = place.command(&plain);
        let (status, out, error) = run(command.envs(environment.iter().copied()).arg(what));
        if status.success() { Ok(out) } else { Err(error) }
    };
    let flags = ["--proxy-protocol-from=10.0.0.0/28", "--proxy-protocol-from=2001:db8::/64"];
    let list = [("KMS_PROXY_PROTOCOL_FROM", "[10.0.0.0/28,2001:db8::/64]")];
    fs::write(place.path("own.toml"), "proxy-protocol-from = [\"10.0.0.0/28\", \"2001:db8::/64\"]\n").unwrap();
    for (arguments, environment) in [(&flags[..], &[][..]), (&[], &list), (&["--config=own.toml"], &[])] {
        let out = with(arguments, environment, "--check-config").unwrap();
        assert!(out.contains("\nPROXY header from: 10.0.0.0/28, 2001:db8::/64\n"), "{out}");
        let out = with(arguments, environment, "--print-config").unwrap();
        assert!(out.contains("proxy-protocol-from = [\"10.0.0.0/28\", \"2001:db8::/64\"]"), "{out}");
    }
    for (arguments, environment, fault) in [
        (&["--proxy-protocol-from=10.0.0.1/28"][..], &[][..], "--proxy-protocol-from \"10.0.0.1/28\": it is neither"),
        (&[], &[("KMS_PROXY_PROTOCOL_FROM", "balancer")], "KMS_PROXY_PROTOCOL_FROM \"balancer\": it is neither"),
        (&[], &[("KMS_PROXY_PROTOCOL_FROM", "10.0.0.1,10.0.0.2")], "a list is written in brackets"),
    ] {
        let error = with(arguments, environment, "--check-config").expect_err(fault);
        assert!(error.contains(fault), "{fault}: {error}");
    }
    let plain = Options { plain: true, ..Options::default() }.with(&["--proxy-protocol-from=0.0.0.0/0"]);
    let log = Server::start_with(&plain).log();
    let told = |words: &str| log.lines().any(|line| line.contains("WARN") && line.contains(words));
    assert!(told("every client can connect with an address of its choice"), "{log}");
}
