//! AES-GCM: OpenSSL decrypts the server's ciphertexts with the exported key, and the other way round. Other ciphertexts
//! are refused.

use serde_json::Value;

use crate::harness::kmip::{
    PATH, boolean, bytes, create, encrypt, enumeration, find, integer, octets, parameters, structure, text, with,
};
use crate::harness::{Server, reference};

const LENGTHS: [usize; 8] = [0, 1, 15, 16, 17, 64, 1000, 70_000];

fn aad(value: &[u8]) -> Value {
    bytes("AuthenticatedEncryptionAdditionalData", value)
}

fn gcm(more: &[Value]) -> Value {
    let mut fields = vec![enumeration("BlockCipherMode", "GCM")];
    fields.extend_from_slice(more);
    parameters(&fields)
}

fn decrypt(id: &str, data: &[u8], iv: &[u8], tag: &[u8], additional: &[u8]) -> Value {
    let request = structure(
        "Decrypt",
        &[
            text("UniqueIdentifier", id),
            bytes("Data", data),
            bytes("IVCounterNonce", iv),
            bytes("AuthenticatedEncryptionTag", tag),
        ],
    );
    if additional.is_empty() { request } else { with(request, &[aad(additional)]) }
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        of_every_key_length_in_both_directions,
        with_an_iv_and_a_tag_length_of_the_callers_choice,
        every_iv_of_the_server_is_new,
        nothing_else_is_decrypted,
        what_weakens_it_is_refused,
    ]);
}

fn of_every_key_length_in_both_directions(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for bits in [128, 192, 256] {
        let id = alice.new_key(&create("AES", bits, &[]));
        let key = alice.export(&id);
        assert_eq!(key.len() as i64 * 8, bits);
        for (length, additional) in LENGTHS.into_iter().zip([&b""[..], b"context"].into_iter().cycle()) {
            let data = reference::random(length);
            let mut request = encrypt(&id, &data);
            if !additional.is_empty() {
                request = with(request, &[aad(additional)]);
            }
            let answer = alice.ok(&request);
            let (encrypted, iv) = (octets(&answer, "Data"), octets(&answer, "IVCounterNonce"));
            let tag = octets(&answer, "AuthenticatedEncryptionTag");
            assert_eq!((iv.len(), tag.len(), encrypted.len()), (12, 16, length));
            assert_eq!(reference::gcm_decrypt(&key, &iv, additional, &encrypted, &tag).unwrap(), data);

            let iv = reference::random(12);
            let (encrypted, tag) = reference::gcm_encrypt(&key, &iv, additional, &data, 16);
            let answer = alice.ok(&decrypt(&id, &encrypted, &iv, &tag, additional));
            assert_eq!(octets(&answer, "Data"), data);
        }
    }
}

fn with_an_iv_and_a_tag_length_of_the_callers_choice(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let key = alice.export(&id);
    for tag_bytes in 12..=16 {
        for iv_bytes in [1, 8, 12, 16, 60] {
            let iv = reference::random(iv_bytes);
            let length = integer("TagLength", tag_bytes);
            let answer = alice.ok(&with(
                encrypt(&id, b"message"),
                &[gcm(std::slice::from_ref(&length)), bytes("IVCounterNonce", &iv), aad(b"context")],
            ));
            assert!(find(&answer, "IVCounterNonce").is_none(), "the caller knows it");
            let own = (octets(&answer, "Data"), octets(&answer, "AuthenticatedEncryptionTag"));
            assert_eq!(own, reference::gcm_encrypt(&key, &iv, b"context", b"message", tag_bytes as usize));
            let request = decrypt(&id, &own.0, &iv, &own.1, b"context");
            assert_eq!(octets(&alice.ok(&request), "Data"), b"message");
            assert_eq!(octets(&alice.ok(&with(request, &[gcm(&[length])])), "Data"), b"message");
        }
    }
}

fn every_iv_of_the_server_is_new(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let random = with(encrypt(&id, b"x"), &[gcm(&[boolean("RandomIV", true)])]);
    assert_eq!(octets(&alice.ok(&random), "IVCounterNonce").len(), 12);
    let ivs: std::collections::HashSet<_> = (0..100).map(|_| alice.seal(&id, b"same").iv).collect();
    assert_eq!(ivs.len(), 100);
}

fn nothing_else_is_decrypted(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (id, other) = (alice.aes(), alice.aes());
    let answer = alice.ok(&with(encrypt(&id, b"sixteen byte msg"), &[aad(b"context")]));
    let data = octets(&answer, "Data");
    let (iv, tag) = (octets(&answer, "IVCounterNonce"), octets(&answer, "AuthenticatedEncryptionTag"));
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let mut fails = |request: Value| {
        let problem = alice.refused(&request, 422, "Cryptographic_Failure");
        // One answer for every cause.
        assert!(problem["detail"].as_str().unwrap().starts_with("decryption failed"), "{problem}");
    };
    for at in 0..16 {
        fails(decrypt(&id, &changed(&data, at), &iv, &tag, b"context"));
        fails(decrypt(&id, &data, &iv, &changed(&tag, at), b"context"));
    }
    for at in 0..12 {
        fails(decrypt(&id, &data, &changed(&iv, at), &tag, b"context"));
    }
    fails(decrypt(&id, &data, &iv, &tag, b"Context"));
    fails(decrypt(&id, &data, &iv, &tag, b""));
    fails(decrypt(&other, &data, &iv, &tag, b"context"));
    fails(decrypt(&id, &data[..15], &iv, &tag, b"context"));
    fails(decrypt(&id, b"", &iv, &tag, b"context"));
    // A shorter tag of the same ciphertext would be easier to forge.
    fails(decrypt(&id, &[&data[..], &tag[..4]].concat(), &iv, &[&tag[4..], &[0; 4]].concat(), b"context"));
    assert_eq!(octets(&alice.ok(&decrypt(&id, &data, &iv, &tag, b"context")), "Data"), b"sixteen byte msg");
    assert_eq!(server.alice().get("/health").status, 200, "damaged ciphertexts are no damaged token");
}

fn what_weakens_it_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let sealed = alice.seal(&id, b"message");
    let mut bad = |request: &Value| {
        alice.refused(request, 400, "Bad_Cryptographic_Parameters");
    };
    for length in [0, 1, 4, 8, 11] {
        bad(&decrypt(&id, &sealed.data, &sealed.iv, &sealed.tag[..length], b""));
    }
    bad(&decrypt(&id, &sealed.data, &sealed.iv, &[&sealed.tag[..], &[0]].concat(), b""));
    bad(&with(encrypt(&id, b"x"), &[bytes("IVCounterNonce", b"")]));
    bad(&with(encrypt(&id, b"x"), &[bytes("IVCounterNonce", &[7; 257])]));
    bad(&decrypt(&id, &sealed.data, b"", &sealed.tag, b""));
    bad(&with(encrypt(&id, b"x"), &[gcm(&[enumeration("PaddingMethod", "PKCS5")])]));
    bad(&with(encrypt(&id, b"x"), &[gcm(&[boolean("RandomIV", true)]), bytes("IVCounterNonce", &[7; 12])]));
    bad(&with(encrypt(&id, b"x"), &[gcm(&[enumeration("CryptographicAlgorithm", "DES3")])]));
    bad(&with(sealed.decrypt(), &[gcm(&[integer("TagLength", 12)])]));
    for length in [-1, 0, 4, 8, 11, 17, 1000] {
        let request = with(encrypt(&id, b"x"), &[gcm(&[integer("TagLength", length)])]);
        alice.refused(&request, 400, "General_Failure");
    }
    alice.refused(&structure("Encrypt", &[text("UniqueIdentifier", &id)]), 400, "Missing_Data");
    let mut without = sealed.decrypt();
    let missing = [
        ("AuthenticatedEncryptionTag", "Missing_Data"),
        ("IVCounterNonce", "Invalid_Message"),
        ("Data", "Missing_Data"),
    ];
    for (tag, reason) in missing {
        without["value"].as_array_mut().unwrap().retain(|field| field["tag"] != tag);
        alice.refused(&without, 400, reason);
    }
    assert_eq!(alice.post(PATH, &sealed.decrypt()).status, 200);
}
