//! Sixteen clients at once use shared keys and their own: every answer is right, and the server has no error.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use openssl::hash::MessageDigest;
use serde_json::Value;

use crate::harness::kmip::{Sealed, bytes, create, date, encrypt, integer, locate, named, octets, revoke, tags, with};
use crate::harness::{Connection, Server, reference};

const CLIENTS: usize = 16;
const TURNS: usize = 40;

fn shared_work(alice: &mut Connection, (aes, key): (&str, &[u8]), (hmac, secret): (&str, &[u8]), client: usize) {
    for turn in 0..TURNS {
        let data = format!("client {client}, turn {turn}").repeat(1 + turn % 7 * 100).into_bytes();
        let aad = bytes("AuthenticatedEncryptionAdditionalData", &data[..8]);
        let answer = alice.ok(&with(encrypt(aes, &data), std::slice::from_ref(&aad)));
        let [encrypted, iv, tag] =
            ["Data", "IVCounterNonce", "AuthenticatedEncryptionTag"].map(|field| octets(&answer, field));
        assert_eq!(reference::gcm_decrypt(key, &iv, &data[..8], &encrypted, &tag).unwrap(), data);
        let sealed = Sealed { id: aes.to_owned(), data: encrypted, iv, tag };
        assert_eq!(octets(&alice.ok(&with(sealed.decrypt(), &[aad])), "Data"), data);
        assert_eq!(alice.mac(hmac, &data), reference::hmac(MessageDigest::sha256(), secret, &data));
        if turn % 5 == client % 5 {
            own_work(alice, client);
        }
    }
}

fn own_work(alice: &mut Connection, client: usize) {
    let tag = format!("of client {client}");
    let id = alice.new_key(&create("AES", 256, &[tags(&[&tag])]));
    let sealed = alice.seal(&id, b"own");
    assert_eq!(alice.located(&locate(&[tags(&[&tag])], &[])).0, std::slice::from_ref(&id));
    assert_eq!(alice.open(&sealed), b"own");
    alice.refused(&Sealed { tag: vec![0; 16], ..sealed.clone() }.decrypt(), 422, "Cryptographic_Failure");
    let key = alice.export(&id);
    assert_eq!(reference::gcm_decrypt(&key, &sealed.iv, b"", &sealed.data, &sealed.tag).unwrap(), b"own");
    alice.ok(&revoke(&id, "Superseded"));
    alice.ok(&named("Destroy", &id));
    alice.refused(&encrypt(&id, b"x"), 409, "Object_Destroyed");
}

fn faultless(server: &Server) {
    let log = server.log();
    assert!(
        !log.contains("panicked") && !log.contains("ROW REFUSED") && !log.contains("the token is unavailable"),
        "{log}"
    );
    assert!(!log.contains("status=5"));
}

#[test]
fn on_shared_and_own_keys() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let aes = alice.aes();
    let key = alice.export(&aes);
    let hmac = alice.new_key(&create("HMACSHA256", 256, &[]));
    let secret = alice.export(&hmac);
    // From the database, and then all at once for the first time.
    let server = server.restart();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, aes, key, hmac, secret) = (&server, &aes, &key, &hmac, &secret);
            scope.spawn(move || {
                let mut alice = server.alice().connect().unwrap();
                shared_work(&mut alice, (aes, key), (hmac, secret), client);
            });
        }
    });
    faultless(&server);
}

#[test]
fn in_races_for_the_state_of_one_key() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let later = date("ActivationDate", "2999-01-01T00:00:00Z");
    for _ in 0..8 {
        let id = alice.new_key(&create("AES", 256, std::slice::from_ref(&later)));
        let won = [const { AtomicUsize::new(0) }; 3];
        thread::scope(|scope| {
            for client in 0..8 {
                let (server, id, won) = (&server, &id, &won);
                scope.spawn(move || {
                    let mut alice = server.alice().connect().unwrap();
                    let requests = [named("Activate", id), revoke(id, "Superseded"), named("Destroy", id)];
                    for turn in 0..9 {
                        let which = (turn + client) % 3;
                        race(&mut alice, &requests[which], &won[which]);
                        let answer = alice.kmip(&encrypt(id, b"x"));
                        assert!([200, 409].contains(&answer.status), "{}", answer.status);
                    }
                });
            }
        });
        // Each transition of the lifecycle is made at most once, by a caller who may make it.
        let [activated, revoked, destroyed] = won.map(AtomicUsize::into_inner);
        assert!(activated <= 1 && revoked <= activated && destroyed <= 1, "{activated} {revoked} {destroyed}");
        let attributes = alice.attributes(&id);
        let state = crate::harness::kmip::string(&attributes, "State");
        let expected = match (activated, revoked, destroyed) {
            (_, _, 1) => "Destroyed",
            (_, 1, 0) => "Deactivated",
            (1, 0, 0) => "Active",
            _ => "PreActive",
        };
        assert_eq!(state, expected);
    }
    faultless(&server);
}

fn race(alice: &mut Connection, request: &Value, won: &AtomicUsize) {
    let answer = alice.kmip(request);
    match answer.status {
        200 => drop(won.fetch_add(1, Ordering::Relaxed)),
        409 => {}
        other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
    }
}

#[test]
fn in_a_race_for_one_identifier() {
    let server = Server::start();
    for round in 0..5 {
        let id = format!("wanted-{round}");
        let statuses: Vec<u16> = thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|client| {
                    let (server, id) = (&server, &id);
                    scope.spawn(move || {
                        let client = if client % 2 == 0 { server.alice() } else { server.bob() };
                        let mut connection = client.connect().unwrap();
                        let wish = crate::harness::kmip::text("UniqueIdentifier", id);
                        let mask = integer("CryptographicUsageMask", 12);
                        connection.kmip(&create("AES", 256, &[wish, mask])).status
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
    }
    faultless(&server);
}
