//! AES-CBC, with PKCS#5 padding and without: the same as OpenSSL's, in both directions.

use serde_json::Value;

use crate::harness::kmip::{bytes, create, encrypt, enumeration, find, octets, parameters, structure, text, with};
use crate::harness::{Server, reference};

fn cbc(padding: Option<&str>) -> Value {
    let mut fields = vec![enumeration("BlockCipherMode", "CBC")];
    fields.extend(padding.map(|padding| enumeration("PaddingMethod", padding)));
    parameters(&fields)
}

fn decrypt(id: &str, parameters: Value, iv: &[u8], data: &[u8]) -> Value {
    let fields = [text("UniqueIdentifier", id), parameters, bytes("Data", data), bytes("IVCounterNonce", iv)];
    structure("Decrypt", &fields)
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        in_both_directions,
        the_parameters_of_the_key_hold_where_the_request_has_none,
        what_does_not_fit_is_refused,
    ]);
}

fn in_both_directions(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for bits in [128, 192, 256] {
        let id = alice.new_key(&create("AES", bits, &[]));
        let key = alice.export(&id);
        for (padding, length) in [
            (Some("PKCS5"), 0),
            (Some("PKCS5"), 1),
            (Some("PKCS5"), 16),
            (None, 33),
            (Some("None"), 16),
            (Some("None"), 4096),
        ] {
            let padded = padding != Some("None");
            let data = reference::random(length);
            let answer = alice.ok(&with(encrypt(&id, &data), &[cbc(padding)]));
            let (iv, encrypted) = (octets(&answer, "IVCounterNonce"), octets(&answer, "Data"));
            assert_eq!(iv.len(), 16);
            assert!(find(&answer, "AuthenticatedEncryptionTag").is_none());
            assert_eq!(reference::cbc_decrypt(&key, &iv, &encrypted, padded), data);

            let iv = reference::random(16);
            let theirs = reference::cbc_encrypt(&key, &iv, &data, padded);
            let answer = alice.ok(&with(encrypt(&id, &data), &[cbc(padding), bytes("IVCounterNonce", &iv)]));
            assert_eq!(octets(&answer, "Data"), theirs);
            let answer = alice.ok(&decrypt(&id, cbc(padding), &iv, &theirs));
            assert_eq!(octets(&answer, "Data"), data);
        }
    }
}

fn the_parameters_of_the_key_hold_where_the_request_has_none(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.new_key(&create("AES", 256, &[cbc(Some("PKCS5"))]));
    let answer = alice.ok(&encrypt(&id, b"hello"));
    let (iv, encrypted) = (octets(&answer, "IVCounterNonce"), octets(&answer, "Data"));
    assert_eq!(reference::cbc_decrypt(&alice.export(&id), &iv, &encrypted, true), b"hello");
}

fn what_does_not_fit_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let iv = [3; 16];
    let given = bytes("IVCounterNonce", &iv);
    let mut bad = |request: &Value| alice.refused(request, 400, "Bad_Cryptographic_Parameters");
    bad(&with(encrypt(&id, b"no whole block"), &[cbc(Some("None")), given.clone()]));
    bad(&decrypt(&id, cbc(Some("None")), &iv, &[0; 15]));
    for length in [0, 12, 15, 17] {
        bad(&with(encrypt(&id, b"x"), &[cbc(None), bytes("IVCounterNonce", &vec![3; length])]));
        bad(&decrypt(&id, cbc(None), &vec![3; length], &[0; 16]));
    }
    let aad = bytes("AuthenticatedEncryptionAdditionalData", b"context");
    bad(&with(encrypt(&id, b"x"), &[cbc(None), aad.clone()]));
    bad(&with(decrypt(&id, cbc(None), &iv, &[0; 16]), &[aad]));
    bad(&with(decrypt(&id, cbc(None), &iv, &[0; 16]), &[bytes("AuthenticatedEncryptionTag", &[0; 16])]));
    let unsupported = with(encrypt(&id, b"x"), &[cbc(Some("ISO10126"))]);
    alice.refused(&unsupported, 422, "Unsupported_Cryptographic_Parameters");
    // Invalid padding, or a length that a padded text cannot have.
    let encrypted = reference::cbc_encrypt(&alice.export(&id), &iv, &[0; 16], false);
    for data in [&encrypted[..], &[], &encrypted[..15]] {
        alice.refused(&decrypt(&id, cbc(Some("PKCS5")), &iv, data), 422, "Cryptographic_Failure");
    }
}
