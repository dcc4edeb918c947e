//! MAC and MACVerify: HMAC of every hash, and AES-CMAC, equal OpenSSL's.

use openssl::hash::MessageDigest;
use serde_json::Value;

use crate::harness::kmip::{create, enumeration, mac, mac_verify, octets, parameters, register, string, with};
use crate::harness::{Connection, Hsm, Server, reference};

fn hashes() -> [(&'static str, &'static str, MessageDigest); 5] {
    [
        ("HMACSHA1", "SHA1", MessageDigest::sha1()),
        ("HMACSHA224", "SHA224", MessageDigest::sha224()),
        ("HMACSHA256", "SHA256", MessageDigest::sha256()),
        ("HMACSHA384", "SHA384", MessageDigest::sha384()),
        ("HMACSHA512", "SHA512", MessageDigest::sha512()),
    ]
}

fn validity(alice: &mut Connection, request: &Value) -> String {
    string(&alice.ok(request), "ValidityIndicator")
}

fn check(alice: &mut Connection, id: &str, data: &[u8], expected: &[u8]) {
    assert_eq!(alice.mac(id, data), expected);
    assert_eq!(validity(alice, &mac_verify(id, data, expected)), "Valid");
    let mut changed = expected.to_vec();
    changed[0] ^= 0x80;
    assert_eq!(validity(alice, &mac_verify(id, data, &changed)), "Invalid");
    // A prefix of a MAC would be easier to guess; a longer one was not made here.
    for end in [0, 1, expected.len() - 1] {
        assert_eq!(validity(alice, &mac_verify(id, data, &expected[..end])), "Invalid");
    }
    assert_eq!(validity(alice, &mac_verify(id, data, &[expected, &[0]].concat())), "Invalid");
    assert_eq!(validity(alice, &mac_verify(id, &[data, b"!"].concat(), expected)), "Invalid");
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[hmac_of_every_hash, cmac_of_every_key_length, what_is_no_mac_of_the_key_is_refused]);
}

fn hmac_of_every_hash(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for (algorithm, hash, digest) in hashes() {
        let made = alice.new_key(&create(algorithm, 512, &[]));
        let secret = reference::random(64);
        let brought = alice.new_key(&register(algorithm, &secret, &[]));
        for data in [&b""[..], b"data", &reference::random(5000)] {
            let expected = reference::hmac(digest, &alice.export(&made), data);
            check(&mut alice, &made, data, &expected);
            check(&mut alice, &brought, data, &reference::hmac(digest, &secret, data));
        }
        let expected = reference::hmac(digest, &secret, b"data");
        for named in [enumeration("HashingAlgorithm", hash), enumeration("CryptographicAlgorithm", algorithm)] {
            let request = with(mac(&brought, b"data"), &[parameters(&[named])]);
            assert_eq!(crate::harness::kmip::octets(&alice.ok(&request), "MACData"), expected);
        }
    }
}

fn cmac_of_every_key_length(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for bits in [128, 192, 256] {
        let id = alice.new_key(&create("AES", bits, &[]));
        let key = alice.export(&id);
        for data in [&b""[..], b"data", &[1; 16], &reference::random(5000)] {
            check(&mut alice, &id, data, &reference::cmac(&key, data));
        }
    }
}

fn what_is_no_mac_of_the_key_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let aes = alice.aes();
    let hmac = alice.new_key(&create("HMACSHA256", 256, &[]));
    for (id, field) in [
        (&aes, enumeration("HashingAlgorithm", "SHA256")),
        (&aes, enumeration("BlockCipherMode", "GCM")),
        (&hmac, enumeration("HashingAlgorithm", "MD5")),
        (&hmac, enumeration("HashingAlgorithm", "SHA3256")),
        (&hmac, enumeration("CryptographicAlgorithm", "AES")),
    ] {
        let request = with(mac(id, b"data"), &[parameters(&[field])]);
        alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
    }
    // SoftHSM refuses 32 bytes for this.
    let request = with(mac(&hmac, b"data"), &[parameters(&[enumeration("HashingAlgorithm", "SHA512")])]);
    match Hsm::chosen() {
        Hsm::SoftHsm => drop(alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters")),
        Hsm::Kryoptic => {
            let expected = reference::hmac(MessageDigest::sha512(), &alice.export(&hmac), b"data");
            assert_eq!(octets(&alice.ok(&request), "MACData"), expected);
        }
    }
    let request = crate::harness::kmip::encrypt(&hmac, b"data");
    alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
    alice.refused(&create("AES", 100, &[]), 400, "Invalid_Attribute_Value");
    alice.refused(&create("AES", 512, &[]), 400, "Invalid_Attribute_Value");
    alice.refused(&create("HMACSHA256", 257, &[]), 400, "Invalid_Attribute_Value");
    for algorithm in ["DES3", "RSA", "HMACMD5", "ChaCha20"] {
        alice.refused(&create(algorithm, 192, &[]), 422, "Unsupported_Cryptographic_Parameters");
    }
}
