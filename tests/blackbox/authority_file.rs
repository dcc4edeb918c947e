//! The authority file may hold several authorities, or only an intermediate one.

use std::fs;
use std::sync::Arc;

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;

use crate::harness::server::Place;
use crate::harness::{Authority, Crl, Identity, Leaf, Options, Root, Server};

/// Starts a server with these authorities.
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

/// An intermediate in the file is a trust anchor: the root above it may have expired, but may still revoke it.
#[test]
fn an_expired_root_keeps_no_client_of_an_intermediate_beside_it_out() {
    let root = Authority::of(&Root { not_before: -20, not_after: -1, ..Root::new("Root") });
    let middle = root.subordinate("Middle");
    let last = middle.subordinate("Last");
    let alice = middle.issue(&Leaf::client("alice"));
    let by_last = last.issue(&Leaf::client("alice"));
    for authorities in [&[&root, &middle][..], &[&middle, &root]] {
        let server = server(authorities);
        assert!(is_accepted(&server, &alice));
        assert!(is_accepted(&server, &with_chain(alice.clone(), &[&middle])));
        assert!(is_accepted(&server, &with_chain(alice.clone(), &[&middle, &root])));
        assert!(is_accepted(&server, &with_chain(by_last.clone(), &[&last, &middle, &root])));
        assert!(!is_accepted(&server, &root.issue(&Leaf::client("alice"))), "its own clients end with it");
        let ended = middle.issue(&Leaf { not_before: -3, not_after: -1, ..Leaf::client("alice") });
        assert!(!is_accepted(&server, &ended));
    }
    // Certificates that it revoked stay revoked.
    let place = Place::new();
    fs::write(place.path("ca.pem"), [root.pem(), middle.pem()].concat()).unwrap();
    fs::write(place.path("list.crl"), Crl::of(&[&middle.certificate]).by(&root)).unwrap();
    let options = Options { arguments: vec!["--crl-file=list.crl".to_owned()], ..Options::default() };
    let server = Server::start_at(Arc::new(place), &options);
    let answer = server.client(&alice).try_request("GET", "/whoami", &[], b"");
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 401));
    assert!(server.log().contains("CN=Middle is revoked"));
}

/// Keys, CRLs and parameters in a file with certificates are skipped and logged. Other blocks are refused.
#[test]
fn beside_certificates_nothing_vanishes() {
    let place = Arc::new(Place::new());
    let (one, two) = (place.authority.pem(), Authority::new("Two").pem());
    let crl = Crl::of(&[]).by(&place.authority);
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = EcKey::generate(&group).unwrap();
    let parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n".to_vec();
    let (private, public) = (key.private_key_to_pem().unwrap(), key.public_key_to_pem().unwrap());
    let text = b"subject: CN=Test authority\n".to_vec();
    let all = [&text, &one, &parameters, &private, &public, &crl, &two].map(Vec::as_slice).concat();
    fs::write(place.path("ca.pem"), &all).unwrap();
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    assert!(is_accepted(&server, &place.alice));
    let log = server.log();
    for label in ["EC PARAMETERS", "EC PRIVATE KEY", "PUBLIC KEY", "X509 CRL"] {
        let told = |line: &str| line.contains("ca.pem") && line.contains(&format!("block={label:?}"));
        assert!(log.lines().any(told), "{label}");
    }
    server.stop();
    let as_text = |pem: &[u8]| String::from_utf8(pem.to_vec()).unwrap();
    let relabelled = |label: &str| as_text(&two).replace("CERTIFICATE", label);
    let cases = [
        (relabelled("TRUSTED CERTIFICATE"), "line 15 begins a block \"TRUSTED CERTIFICATE\""),
        (relabelled("PKCS7"), "begins a block \"PKCS7\""),
        (relabelled("CERTIFICATES"), "begins a block \"CERTIFICATES\", which is unknown"),
        (as_text(&two).replacen("-----BEGIN", "----BEGIN", 1), "looks like the beginning of a PEM block"),
    ];
    let one = as_text(&one);
    let before = one.lines().count();
    for (block, told) in &cases {
        let told = told.replace("line 15", &format!("line {}", before + 1));
        fs::write(place.path("ca.pem"), format!("{one}{block}")).unwrap();
        let refused = Server::try_start_at(Arc::clone(&place), &Options::default()).err().unwrap();
        let last = refused.lines().last().unwrap();
        assert!(last.contains("ca.pem") && last.contains(&told), "{told}: {last}");
        // The authorities of key sets' servers, and the command line's, are read by the same rule.
        fs::write(place.path("jwks-ca.pem"), format!("{one}{block}")).unwrap();
        fs::write(place.path("ca.pem"), &one).unwrap();
        let jwks = ["--jwt-issuer-uri=https://a/", "--jwt-audience=a", "--jwks-ca-file=jwks-ca.pem"];
        let options = Options { arguments: jwks.map(str::to_owned).to_vec(), ..Options::default() };
        let refused = Server::try_start_at(Arc::clone(&place), &options).err().unwrap();
        let last = refused.lines().last().unwrap();
        assert!(last.contains("--jwks-ca-file: ") && last.contains(&told), "{told}: {last}");
    }
}
