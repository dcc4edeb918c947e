//! A failure of one caller does not affect the connection of another one. OpenSSL keeps the reasons of a failure in a
//! queue of the thread, where the next connection of the thread must not find them.

use std::fs;

use crate::harness::{Authority, Client, Connection, Leaf, Server, eventually, kmip};

fn cbc() -> serde_json::Value {
    kmip::parameters(&[kmip::enumeration("BlockCipherMode", "CBC"), kmip::enumeration("PaddingMethod", "PKCS5")])
}

#[test]
fn what_the_token_refuses_disconnects_nobody() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let mut sealed = alice.seal(&id, b"something");
    sealed.tag[0] ^= 1;
    let unpadded = [
        kmip::text("UniqueIdentifier", &id),
        cbc(),
        kmip::bytes("Data", &[7; 32]),
        kmip::bytes("IVCounterNonce", &[0; 16]),
    ];
    let mut connections: Vec<Connection> = (0..12).map(|_| server.bob().connect().unwrap()).collect();
    for _ in 0..20 {
        alice.refused(&sealed.decrypt(), 422, "Cryptographic_Failure");
        alice.refused(&kmip::structure("Decrypt", &unpadded), 422, "Cryptographic_Failure");
        for connection in &mut connections {
            assert_eq!(connection.get("/whoami").json()["username"], "bob");
        }
    }
}

#[test]
fn who_is_refused_takes_nobody_along() {
    let server = Server::start();
    let two = Authority::new("Two");
    let other = two.issue(&Leaf::client("carol"));
    let file = server.place.path("ca.pem");
    let own = server.place.authority.pem();
    let both = [own.clone(), two.pem()].concat();
    let carol = || server.client(&other);
    let mut connections: Vec<Connection> = (0..12).map(|_| server.bob().connect().unwrap()).collect();
    let authorities = |pem: &[u8]| {
        // The line of the signal: the server may also detect a change without it, and log the change before.
        let lines = || server.log().matches("reloaded cause=\"SIGHUP\"").count();
        let before = lines();
        fs::write(&file, pem).unwrap();
        server.signal("HUP");
        eventually("reloaded", || (lines() > before).then_some(()));
    };
    for _ in 0..5 {
        authorities(&both);
        let callers: Vec<Connection> = (0..8).map(|_| welcome(&carol())).collect();
        // The same name and another key: its signature fails.
        authorities(&[own.clone(), Authority::new("Two").pem()].concat());
        assert!(carol().try_request("GET", "/whoami", &[], b"").is_err());
        for connection in &mut connections {
            assert_eq!(connection.get("/whoami").json()["username"], "bob");
        }
        drop(callers);
    }
}

fn welcome(client: &Client) -> Connection {
    let mut connection = client.connect().unwrap();
    assert_eq!(connection.get("/whoami").json()["username"], "carol");
    connection
}
