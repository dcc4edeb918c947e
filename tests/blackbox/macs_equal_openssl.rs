//! MAC and MACVerify: HMAC of every hash, and AES-CMAC, equal OpenSSL's.

use openssl::hash::MessageDigest;
use serde_json::Value;

use crate::harness::kmip::{
    create, enumeration, import, integer, mac, mac_verify, named, octets, parameters, register, string, with, wrapped,
};
use crate::harness::{Connection, Hsm, Options, Server, reference};

fn hashes() -> Vec<(&'static str, &'static str, MessageDigest)> {
    let mut hashes = vec![
        ("HMACSHA1", "SHA1", MessageDigest::sha1()),
        ("HMACSHA224", "SHA224", MessageDigest::sha224()),
        ("HMACSHA256", "SHA256", MessageDigest::sha256()),
        ("HMACSHA384", "SHA384", MessageDigest::sha384()),
        ("HMACSHA512", "SHA512", MessageDigest::sha512()),
    ];
    if Hsm::chosen() == Hsm::Kryoptic {
        hashes.extend([
            ("HMACSHA3224", "SHA3224", MessageDigest::sha3_224()),
            ("HMACSHA3256", "SHA3256", MessageDigest::sha3_256()),
            ("HMACSHA3384", "SHA3384", MessageDigest::sha3_384()),
            ("HMACSHA3512", "SHA3512", MessageDigest::sha3_512()),
        ]);
    }
    hashes
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
    Server::shared(&[
        hmac_of_every_hash,
        hmac_of_hashes_that_have_no_algorithm,
        cmac_of_every_key_length,
        an_aes_key_makes_hmacs_too,
        what_is_no_mac_of_the_key_is_refused,
    ]);
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

fn hmac_of_hashes_that_have_no_algorithm(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let secret = reference::random(64);
    let id = alice.new_key(&register("HMACSHA256", &secret, &[]));
    for (hash, digest) in [("SHA512224", "SHA512-224"), ("SHA512256", "SHA512-256")] {
        let request = with(mac(&id, b"data"), &[parameters(&[enumeration("HashingAlgorithm", hash)])]);
        if Hsm::chosen() == Hsm::SoftHsm {
            let problem = alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("\"claviger\" has no HMAC-SHA512/"), "{detail}");
            continue;
        }
        let expected = reference::hmac(MessageDigest::from_name(digest).unwrap(), &secret, b"data");
        assert_eq!(octets(&alice.ok(&request), "MACData"), expected);
    }
}

/// An AES key from outside makes HMACs of every hash, whatever its length: the HSM also has it padded. It stays what it is
/// for everything else, also after a restart and a replacement.
#[test]
fn short_aes_keys_from_outside_make_hmacs() {
    let mut server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let own = [16, 24, 32].map(|length| {
        let secret = reference::random(length);
        (
            alice.new_key(&register("AES", &secret, &[integer("CryptographicUsageMask", 4 | 8 | 0x10 | 128 | 256)])),
            secret,
        )
    });
    let replaced = "replaced-and-short";
    alice.ok(&import(replaced, None, "AES", &reference::random(32), &[]));
    let secret = reference::random(16);
    alice.ok(&crate::harness::kmip::replace(replaced, "AES", &secret, &[]));
    let own: Vec<(String, Vec<u8>)> = own.into_iter().chain([(replaced.to_owned(), secret)]).collect();
    let sealed: Vec<_> = own.iter().map(|(id, _)| alice.seal(id, b"text")).collect();
    for restarted in [false, true] {
        if restarted {
            drop(alice);
            server = server.restart();
            alice = server.alice().connect().unwrap();
        }
        for ((id, secret), sealed) in own.iter().zip(&sealed) {
            assert_eq!(alice.open(sealed), b"text");
            assert_eq!(alice.export(id), *secret);
            assert_eq!(alice.mac(id, b"data"), reference::cmac(secret, b"data"));
            for (_, hash, digest) in hashes() {
                let own = [parameters(&[enumeration("HashingAlgorithm", hash)])];
                let made = octets(&alice.ok(&with(mac(id, b"data"), &own)), "MACData");
                assert_eq!(made, reference::hmac(digest, secret, b"data"), "{hash} by {} bytes", secret.len());
            }
        }
    }
    // It is wrapped as what it is, and wraps.
    let (wrapping, other) = (&own[2], &own[0]);
    let out = octets(&alice.ok(&wrapped("Export", &other.0, &wrapping.0)), "KeyMaterial");
    assert_eq!(out.len(), other.1.len() + 8);
    for (id, _) in &own {
        alice.ok(&crate::harness::kmip::revoke(id, "Superseded"));
        alice.ok(&named("Destroy", id));
    }
}

/// A key whose mask has MAC and Encrypt: it encrypts, makes CMACs, and HMACs if the parameters name a hash.
fn an_aes_key_makes_hmacs_too(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let secret = reference::random(32);
    let ids = [alice.new_key(&register("AES", &secret, &[])), alice.new_key(&create("AES", 256, &[]))];
    for id in &ids {
        let key = alice.export(id);
        let sealed = alice.seal(id, b"text");
        assert_eq!(alice.open(&sealed), b"text");
        check(&mut alice, id, b"data", &reference::cmac(&key, b"data"));
        for (algorithm, hash, digest) in hashes() {
            // SoftHSM wants a key as long as the hash. A key from outside is padded for it.
            if Hsm::chosen() == Hsm::SoftHsm && digest.size() > 32 && *id == ids[1] {
                let request = with(mac(id, b"data"), &[parameters(&[enumeration("HashingAlgorithm", hash)])]);
                alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
                continue;
            }
            let expected = reference::hmac(digest, &key, b"data");
            for named in [enumeration("HashingAlgorithm", hash), enumeration("CryptographicAlgorithm", algorithm)] {
                let fields = [parameters(&[named])];
                assert_eq!(octets(&alice.ok(&with(mac(id, b"data"), &fields)), "MACData"), expected);
                let request = with(mac_verify(id, b"data", &expected), &fields);
                assert_eq!(validity(&mut alice, &request), "Valid");
            }
        }
        check(&mut alice, id, b"data", &reference::cmac(&key, b"data"));
        assert_eq!(alice.open(&sealed), b"text");
    }
    // Without MACs in its mask it makes none.
    let other = alice.new_key(&create("AES", 256, &[integer("CryptographicUsageMask", 12)]));
    let request = with(mac(&other, b"data"), &[parameters(&[enumeration("HashingAlgorithm", "SHA256")])]);
    alice.refused(&request, 403, "Incompatible_Cryptographic_Usage_Mask");
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
        (&aes, enumeration("HashingAlgorithm", "MD5")),
        (&aes, enumeration("BlockCipherMode", "GCM")),
        (&hmac, enumeration("HashingAlgorithm", "MD5")),
        (&hmac, enumeration("HashingAlgorithm", "RIPEMD160")),
        (&hmac, enumeration("CryptographicAlgorithm", "AES")),
    ] {
        let request = with(mac(id, b"data"), &[parameters(&[field])]);
        alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
    }
    if Hsm::chosen() == Hsm::SoftHsm {
        let problem = alice.refused(&create("HMACSHA3256", 512, &[]), 422, "Unsupported_Cryptographic_Parameters");
        assert!(problem["detail"].as_str().unwrap().contains("\"claviger\" has no HMAC-SHA3-256"), "{problem}");
        let kept = alice.new_key(&register("HMACSHA3256", &[7; 64], &[]));
        alice.refused(&mac(&kept, b"data"), 422, "Invalid_Object_Type");
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
    for algorithm in ["DES3", "RSA", "HMACMD5"] {
        alice.refused(&create(algorithm, 192, &[]), 422, "Unsupported_Cryptographic_Parameters");
    }
}

#[test]
fn hmac_md5_is_made_if_the_operator_allows_it() {
    let server = Server::start_with(&Options::default().with(&["--allow-legacy-algorithms"]));
    let mut alice = server.alice().connect().unwrap();
    let secret = reference::random(64);
    let id = alice.new_key(&register("HMACSHA256", &secret, &[]));
    let request = with(mac(&id, b"data"), &[parameters(&[enumeration("HashingAlgorithm", "MD5")])]);
    let own = register("HMACMD5", &secret, &[]);
    if Hsm::chosen() == Hsm::Kryoptic {
        alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
        let kept = alice.new_key(&own);
        alice.refused(&mac(&kept, b"data"), 422, "Invalid_Object_Type");
        return;
    }
    let expected = reference::hmac(MessageDigest::md5(), &secret, b"data");
    assert_eq!(octets(&alice.ok(&request), "MACData"), expected);
    let own = alice.new_key(&own);
    assert_eq!(alice.mac(&own, b"data"), expected);
    alice.new_key(&create("HMACMD5", 256, &[]));
}
