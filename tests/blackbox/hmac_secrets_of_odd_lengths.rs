//! HMAC with secrets of any length equals OpenSSL's, before and after a restart. AES key wrap would pad secrets that are
//! not whole blocks, and so change their length: these are token objects. SoftHSM does not sign with less than the
//! length of the hash, so shorter secrets are padded with zeros for it; Kryoptic has no limits.

use openssl::hash::MessageDigest;
use serde_json::json;

use crate::harness::kmip::{
    boolean, create, enumeration, find, integer, mac, mac_verify, named, octets, parameters, register, revoke, string,
    with, wrapped,
};
use crate::harness::{Hsm, ROOT_OBJECTS, Server, reference};

fn hashes() -> [(&'static str, usize, MessageDigest); 5] {
    [
        ("HMACSHA1", 20, MessageDigest::sha1()),
        ("HMACSHA224", 28, MessageDigest::sha224()),
        ("HMACSHA256", 32, MessageDigest::sha256()),
        ("HMACSHA384", 48, MessageDigest::sha384()),
        ("HMACSHA512", 64, MessageDigest::sha512()),
    ]
}

/// Whether AES key wrap accepts the length (RFC 3394): two or more blocks of 8 bytes.
fn is_wrapped(bytes: usize) -> bool {
    bytes >= 16 && bytes.is_multiple_of(8)
}

#[test]
fn brought_by_the_caller() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut kept = Vec::new();
    let mut placed = 0;
    for length in [1, 8, 15, 16, 20, 24, 32, 33, 64, 65, 100, 128, 131, 512] {
        for (algorithm, shortest, hash) in hashes() {
            let secret = reference::random(length);
            let request = register(algorithm, &secret, &[]);
            let id = alice.new_key(&request);
            // The token holds it padded with zeros, which HMAC does not notice.
            let is_padded = length < shortest && Hsm::chosen() == Hsm::SoftHsm;
            let is_placed = !is_wrapped(length) && !is_padded;
            placed += usize::from(is_placed);
            assert_eq!(server.place.token.objects(), ROOT_OBJECTS + placed, "{algorithm}, {length} bytes");
            let expected = reference::hmac(hash, &secret, b"data");
            assert_eq!(alice.mac(&id, b"data"), expected, "{algorithm}, {length} bytes");
            assert_eq!(alice.export(&id), secret);
            let told = alice.attributes(&id);
            assert_eq!(find(&told, "CryptographicLength").unwrap(), length * 8);
            kept.push((id, secret, expected, is_placed));
        }
    }
    let long = alice.new_key(&register("HMACSHA1", &[7; 513], &[]));
    alice.refused(&mac(&long, b"data"), 422, "Invalid_Object_Type");
    assert_eq!(alice.export(&long), [7; 513]);
    alice.refused(&register("HMACSHA1", &[], &[]), 400, "Invalid_Attribute_Value");
    assert_eq!(kept.len(), 70);

    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS + placed);
    for (id, secret, expected, _) in &kept {
        assert_eq!(&alice.mac(id, b"data"), expected);
        assert_eq!(string(&alice.ok(&mac_verify(id, b"data", expected)), "ValidityIndicator"), "Valid");
        assert_eq!(&alice.export(id), secret);
    }
    // The key in the HSM token is destroyed with the object.
    for (id, .., is_placed) in &kept {
        alice.ok(&revoke(id, "Superseded"));
        alice.ok(&named("Destroy", id));
        placed -= usize::from(*is_placed);
        assert_eq!(server.place.token.objects(), ROOT_OBJECTS + placed);
    }
    assert_eq!(placed, 0);
}

#[test]
fn made_in_the_token() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let made: Vec<_> = [(160, "HMACSHA1"), (264, "HMACSHA256"), (520, "HMACSHA512"), (1048, "HMACSHA512")]
        .into_iter()
        .map(|(bits, algorithm)| {
            let id = alice.new_key(&create(algorithm, bits, &[]));
            let secret = alice.export(&id);
            assert_eq!(secret.len() as i64 * 8, bits);
            let (_, _, hash) = hashes().into_iter().find(|(name, ..)| *name == algorithm).unwrap();
            (id, reference::hmac(hash, &secret, b"data"))
        })
        .collect();
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    for (id, expected) in &made {
        assert_eq!(&alice.mac(id, b"data"), expected);
    }
    let mut placed = made.len();
    for bits in [8, 64, 152] {
        let request = create("HMACSHA1", bits, &[]);
        match Hsm::chosen() {
            Hsm::SoftHsm => drop(alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters")),
            Hsm::Kryoptic => {
                let id = alice.new_key(&request);
                let secret = alice.export(&id);
                assert_eq!(alice.mac(&id, b"data"), reference::hmac(MessageDigest::sha1(), &secret, b"data"));
                placed += 1;
            }
        }
    }
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS + placed, "a refusal leaves nothing in the token");
}

#[test]
fn what_is_refused_leaves_nothing_in_the_token() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let taken = json!({"tag": "UniqueIdentifier", "type": "TextString", "value": "taken"});
    alice.ok(&register("HMACSHA256", &[7; 33], std::slice::from_ref(&taken)));
    for _ in 0..3 {
        let again = register("HMACSHA256", &[8; 33], std::slice::from_ref(&taken));
        alice.refused(&again, 409, "Object_Already_Exists");
    }
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS + 1);
    assert_eq!(alice.export("taken"), [7; 33]);
    // So is the key of a replaced object.
    alice.ok(&crate::harness::kmip::import("taken", Some(true), "HMACSHA256", &[9; 35], &[]));
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS + 1);
    assert_eq!(alice.mac("taken", b"x"), reference::hmac(MessageDigest::sha256(), &[9; 35], b"x"));
    alice.ok(&crate::harness::kmip::import("taken", Some(true), "HMACSHA256", &[9; 32], &[]));
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS);
}

/// What leaves of a padded secret is the secret, and not the zeros.
#[test]
fn a_padded_secret_leaves_as_it_came() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let secret = reference::random(16);
    let id = alice.new_key(&register("HMACSHA512", &secret, &[]));
    let wrapping_key = reference::random(32);
    let wrapping = alice.new_key(&register("AES", &wrapping_key, &[integer("CryptographicUsageMask", 16 | 4)]));
    let told = alice.ok(&wrapped("Get", &id, &wrapping));
    assert_eq!(octets(&told, "KeyMaterial"), reference::key_wrap(&wrapping_key, &secret));
    // Another hash of the same secret.
    let request = with(mac(&id, b"data"), &[parameters(&[enumeration("HashingAlgorithm", "SHA256")])]);
    let expected = reference::hmac(MessageDigest::sha256(), &secret, b"data");
    assert_eq!(octets(&alice.ok(&request), "MACData"), expected);
    // An import puts a longer one in its place, and a shorter one again.
    for length in [64, 20, 100, 3] {
        let secret = reference::random(length);
        alice.ok(&crate::harness::kmip::import(&id, Some(true), "HMACSHA512", &secret, &[]));
        assert_eq!(alice.mac(&id, b"x"), reference::hmac(MessageDigest::sha512(), &secret, b"x"));
        assert_eq!(alice.export(&id), secret);
    }
    // A long secret beside it does not count as quantum safe because of zeros.
    let safe = register("HMACSHA512", &[7; 16], &[boolean("QuantumSafe", true)]);
    assert_eq!(alice.kmip(&safe).status, 422);
}
