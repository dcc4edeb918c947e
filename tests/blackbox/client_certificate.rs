//! With an authority file, the only accepted credential is a valid client certificate of that authority.

use openssl::ssl::SslVersion;
use serde_json::json;

use crate::harness::{Authority, Client, Identity, Leaf, Options, Server, eventually, kmip};

const VERSIONS: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

/// A client with only this version of TLS.
fn client(server: &Server, identity: Option<&Identity>, version: SslVersion) -> Client {
    Client::tls_with(server.address, &server.place.authority.certificate, identity, |builder| {
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
    })
}

/// Refused in the handshake with both versions of TLS, and for this reason.
fn refused(server: &Server, identity: Option<&Identity>, reason: &str) {
    for version in VERSIONS {
        let lines = || server.log().lines().filter(|line| line.contains("refused") && line.contains(reason)).count();
        let before = lines();
        let answer = client(server, identity, version).try_request("GET", "/version", &[], b"");
        assert!(answer.is_err(), "{reason}: {answer:?}");
        eventually(reason, || (lines() > before).then_some(()));
    }
    assert!(!server.log().contains("answered"), "a request got through");
}

#[test]
fn what_the_authority_did_not_issue_to_a_client_is_refused_in_the_handshake() {
    let server = Server::start();
    let authority = &server.place.authority;
    refused(&server, None, "peer did not return a certificate");
    // It is valid except for the key that signed it.
    let other = Authority::new("Test authority");
    refused(&server, Some(&other.issue(&Leaf::client("alice"))), "certificate: ");
    let mut with_chain = other.issue(&Leaf::client("alice"));
    with_chain.chain.push(other.certificate.clone());
    refused(&server, Some(&with_chain), "certificate: ");
    // Both authorities are in the chain: the wrong one must not be accepted because of the right one.
    with_chain.chain.push(authority.certificate.clone());
    refused(&server, Some(&with_chain), "certificate: ");
    let expired = authority.issue(&Leaf { not_before: -10, not_after: -1, ..Leaf::client("alice") });
    refused(&server, Some(&expired), "certificate has expired");
    let early = authority.issue(&Leaf { not_before: 1, ..Leaf::client("alice") });
    refused(&server, Some(&early), "certificate is not yet valid");
    let for_servers = authority.issue(&Leaf { client: false, server: true, ..Leaf::client("alice") });
    refused(&server, Some(&for_servers), "unsuitable certificate purpose");
    refused(&server, Some(&self_signed(&other)), "self-signed certificate");
}

/// The authority's own certificate, as a client's.
fn self_signed(authority: &Authority) -> Identity {
    Identity { key: authority.key.clone(), certificate: authority.certificate.clone(), chain: Vec::new() }
}

#[test]
fn a_client_certificate_does_not_vouch_for_others() {
    let server = Server::start();
    let alice = Authority { key: server.place.alice.key.clone(), certificate: server.place.alice.certificate.clone() };
    let mut mallory = alice.issue(&Leaf::client("bob"));
    mallory.chain.push(alice.certificate);
    refused(&server, Some(&mallory), "certificate: ");
}

#[test]
fn clients_of_the_authority_are_known_by_name_and_see_their_own_keys() {
    let server = Server::start();
    for version in VERSIONS {
        for (identity, name) in [(&server.place.alice, "alice"), (&server.place.bob, "bob")] {
            let mut connection = client(&server, Some(identity), version).connect().unwrap();
            assert_eq!(connection.ssl().version2(), Some(version));
            assert_eq!(connection.get("/whoami").json(), json!({"username": name, "method": "certificate"}));
        }
    }
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    let id = alice.aes();
    assert_eq!(alice.kmip(&kmip::named("Get", &id)).status, 200);
    assert_eq!(bob.kmip(&kmip::named("Get", &id)).status, 404);
    assert_eq!(bob.kmip(&kmip::encrypt(&id, b"x")).status, 404);
}

#[test]
fn a_certificate_may_name_the_default_user() {
    let server = Server::start();
    let admin = server.place.authority.issue(&Leaf::client("admin"));
    let answer = server.client(&admin).get("/whoami").json();
    assert_eq!(answer, json!({"username": "admin", "method": "certificate"}));
}

#[test]
fn a_credential_in_a_header_changes_nothing() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    for header in [
        ("Authorization", "Bearer bm9ib2R5"),
        ("Authorization", "Basic Ym9iOmJvYg=="),
        ("X-Forwarded-Client-Cert", "Subject=\"CN=bob\""),
        ("X-SSL-Client-S-DN", "CN=bob"),
        ("X-Forwarded-User", "bob"),
    ] {
        let answer = alice.try_request("GET", "/whoami", &[header], b"").unwrap();
        assert_eq!(answer.json()["username"], "alice", "{header:?}");
    }
}

#[test]
fn nobody_gets_in_without_a_certificate_even_as_the_default_user() {
    let options = Options { arguments: vec!["--force-default-username".to_owned()], ..Options::default() };
    let server = Server::start_with(&options);
    refused(&server, None, "peer did not return a certificate");
    let other = Authority::new("Test authority");
    refused(&server, Some(&other.issue(&Leaf::client("admin"))), "certificate: ");
}
