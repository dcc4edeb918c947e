//! The effect of a reload on later callers. An error in one file does not prevent the reload of another one.

use std::fs;
use std::sync::Arc;

use serde_json::Value;

use crate::harness::server::Place;
use crate::harness::{Authority, Client, Connection, Crl, Leaf, Options, Server, eventually};

fn server() -> Server {
    let place = Place::new();
    fs::write(place.path("list.crl"), Crl::of(&[]).by(&place.authority)).unwrap();
    let arguments = vec!["--crl-file=list.crl".to_owned()];
    Server::start_at(Arc::new(place), &Options { arguments, ..Options::default() })
}

fn hang_up(server: &Server, told: &str) {
    let before = server.log().len();
    server.signal("HUP");
    let is_meant = |line: &str| line.contains(told) && line.contains("SIGHUP");
    eventually(told, || server.log()[before..].lines().any(is_meant).then_some(()));
}

fn revoke_alice(server: &Server) {
    let list = Crl::of(&[&server.place.alice.certificate]).by(&server.place.authority);
    fs::write(server.place.path("list.crl"), list).unwrap();
}

fn failures(server: &Server) -> usize {
    let log = fs::read_to_string(server.place.audit_file()).unwrap_or_default();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == "authentication" && line["method"] == "certificate").count()
}

#[test]
fn who_is_revoked_gets_an_answer_and_is_counted() {
    let server = server();
    revoke_alice(&server);
    hang_up(&server, "reloaded");
    let before = server.log().len();
    assert_eq!(server.alice().get("/whoami").status, 401);
    assert_eq!(server.bob().get("/whoami").status, 200);
    let log = server.log();
    assert!(log[before..].contains("authentication failed"), "{log}");
    eventually("the audit log counts it", || (failures(&server) == 1).then_some(()));
}

#[test]
fn a_bad_identity_keeps_no_revocation_back() {
    let server = server();
    let own = fs::read(server.place.path("server.p12")).unwrap();
    let mut kept = server.alice().connect().unwrap();
    assert_eq!(kept.try_request("GET", "/whoami", &[], b"").unwrap().status, 200);
    revoke_alice(&server);
    let other = Authority::new("Elsewhere").issue(&Leaf::server()).pkcs12("another password");
    fs::write(server.place.path("server.p12"), other).unwrap();
    hang_up(&server, "reload failed");
    let refused = kept.try_request("GET", "/whoami", &[], b"").map_or(401, |answer| answer.status);
    assert_eq!(refused, 401);
    assert_eq!(server.alice().get("/whoami").status, 401);
    assert_eq!(server.bob().get("/whoami").status, 200);
    fs::write(server.place.path("server.p12"), own).unwrap();
    hang_up(&server, "reloaded");
    assert_eq!(server.bob().get("/whoami").status, 200);
}

#[test]
fn a_certificate_that_proves_nothing_is_a_strangers() {
    let server = server();
    revoke_alice(&server);
    hang_up(&server, "reloaded");
    // One more than the permitted unauthenticated connections of one address.
    let alice: Client = server.alice();
    let mut open: Vec<_> = (0..1_025).map(|_| alice.connect().unwrap()).collect();
    // The connection that has waited longest since its last request, when the server has accepted all of them.
    let is_gone = |one: &mut Connection| one.try_request("GET", "/whoami", &[], b"").is_err();
    eventually("one makes room", || open.iter_mut().rev().any(is_gone).then_some(()));
    assert_eq!(server.bob().get("/whoami").status, 200);
}

#[test]
fn a_failure_has_its_address_at_every_level() {
    let environment = vec![("KMS_LOG".to_owned(), "warn".to_owned())];
    let arguments = vec!["--client-cert=optional".to_owned()];
    let server = Server::start_with(&Options { arguments, environment, ..Options::default() });
    assert_eq!(server.nobody().get("/whoami").status, 401);
    let log = server.log();
    let line = log.lines().find(|line| line.contains("authentication failed")).unwrap();
    assert!(line.contains("peer=127.0.0.1:") && line.contains("id="), "{line}");
}
