//! The authority file may hold several authorities, and an intermediate one alone.

use std::fs;
use std::sync::Arc;

use crate::harness::server::Place;
use crate::harness::{Authority, Identity, Leaf, Options, Server};

/// A server whose clients these authorities vouch for.
fn server(authorities: &[&Authority]) -> Server {
    let place = Place::new();
    let pem: Vec<u8> = authorities.iter().flat_map(|authority| authority.pem()).collect();
    fs::write(place.path("ca.pem"), pem).unwrap();
    Server::start_at(Arc::new(place), &Options::default())
}

fn is_accepted(server: &Server, identity: &Identity) -> bool {
    match server.client(identity).try_request("GET", "/whoami", &[], b"") {
        Ok(answer) => {
            assert_eq!((answer.status, answer.json()["username"].as_str()), (200, Some("alice")));
            true
        }
        Err(_) => false,
    }
}

fn with_chain(mut identity: Identity, chain: &[&Authority]) -> Identity {
    identity.chain = chain.iter().map(|authority| authority.certificate.clone()).collect();
    identity
}

#[test]
fn several_authorities_each_vouch_for_their_clients() {
    let (one, two, three) = (Authority::new("One"), Authority::new("Two"), Authority::new("Three"));
    let server = server(&[&one, &two]);
    assert!(is_accepted(&server, &one.issue(&Leaf::client("alice"))));
    assert!(is_accepted(&server, &two.issue(&Leaf::client("alice"))));
    assert!(!is_accepted(&server, &three.issue(&Leaf::client("alice"))));
}

#[test]
fn two_authorities_of_one_name_each_vouch_for_their_clients() {
    let [one, two, three] = [(); 3].map(|()| Authority::with_key_identifier("Same"));
    let server = server(&[&one, &two]);
    assert!(is_accepted(&server, &one.issue(&Leaf::client("alice"))));
    assert!(is_accepted(&server, &two.issue(&Leaf::client("alice"))));
    assert!(!is_accepted(&server, &three.issue(&Leaf::client("alice"))));
}

#[test]
fn an_intermediate_alone_vouches_for_its_own_clients_only() {
    let root = Authority::new("Root");
    let (own, sibling) = (root.subordinate("Own"), root.subordinate("Sibling"));
    let server = server(&[&own]);
    let alice = own.issue(&Leaf::client("alice"));
    assert!(is_accepted(&server, &alice));
    assert!(is_accepted(&server, &with_chain(alice.clone(), &[&own])));
    assert!(is_accepted(&server, &with_chain(alice, &[&own, &root])));
    let other = sibling.issue(&Leaf::client("alice"));
    assert!(!is_accepted(&server, &other));
    assert!(!is_accepted(&server, &with_chain(other.clone(), &[&sibling])));
    assert!(!is_accepted(&server, &with_chain(other, &[&sibling, &root])));
    assert!(!is_accepted(&server, &root.issue(&Leaf::client("alice"))));
}

#[test]
fn a_root_vouches_for_clients_that_send_the_chain_to_it() {
    let root = Authority::new("Root");
    let middle = root.subordinate("Middle");
    let last = middle.subordinate("Last");
    let server = server(&[&root]);
    let alice = last.issue(&Leaf::client("alice"));
    assert!(is_accepted(&server, &with_chain(alice.clone(), &[&last, &middle])));
    assert!(is_accepted(&server, &with_chain(alice.clone(), &[&middle, &last])));
    assert!(!is_accepted(&server, &with_chain(alice.clone(), &[&last])));
    assert!(!is_accepted(&server, &alice));
    assert!(is_accepted(&server, &root.issue(&Leaf::client("alice"))));
}
