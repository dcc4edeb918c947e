//! The modes of AES beside GCM and CBC, ChaCha20 and 3DES: the same as OpenSSL's, in both directions, or refused by the
//! name of the mode and the token.

use openssl::symm::Cipher;
use serde_json::Value;

use crate::harness::kmip::{
    bytes, create, encrypt, enumeration, integer, octets, parameters, register, structure, text, with,
};
use crate::harness::{Connection, Hsm, Options, Server, reference};

fn decrypt(id: &str, data: &[u8], more: &[Value]) -> Value {
    with(structure("Decrypt", &[text("UniqueIdentifier", id), bytes("Data", data)]), more)
}

fn iv(value: &[u8]) -> Value {
    bytes("IVCounterNonce", value)
}

fn mode(name: &str, more: &[Value]) -> Value {
    parameters(&[&[enumeration("BlockCipherMode", name)], more].concat())
}

fn none(name: &str) -> Value {
    mode(name, &[enumeration("PaddingMethod", "None")])
}

fn pkcs5(name: &str) -> Value {
    mode(name, &[enumeration("PaddingMethod", "PKCS5")])
}

/// A mode in the request, and OpenSSL's for keys of 128, 192 and 256 bits.
struct Mode {
    parameters: Value,
    theirs: [Cipher; 3],
    padded: bool,
    whole_blocks: bool,
}

fn modes() -> Vec<Mode> {
    let mode = |parameters, theirs, padded, whole_blocks| Mode { parameters, theirs, padded, whole_blocks };
    let ecb = [Cipher::aes_128_ecb(), Cipher::aes_192_ecb(), Cipher::aes_256_ecb()];
    let ctr = [Cipher::aes_128_ctr(), Cipher::aes_192_ctr(), Cipher::aes_256_ctr()];
    let cfb = [Cipher::aes_128_cfb128(), Cipher::aes_192_cfb128(), Cipher::aes_256_cfb128()];
    let ofb = [Cipher::aes_128_ofb(), Cipher::aes_192_ofb(), Cipher::aes_256_ofb()];
    vec![
        mode(self::mode("ECB", &[]), ecb, false, true),
        mode(none("ECB"), ecb, false, true),
        mode(pkcs5("ECB"), ecb, true, false),
        mode(self::mode("CTR", &[]), ctr, false, false),
        mode(self::mode("CFB", &[]), cfb, false, false),
        mode(none("OFB"), ofb, false, false),
    ]
}

const LENGTHS: [usize; 14] = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 100, 1000, 4096, 70_001];

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        the_modes_of_aes,
        counters_begin_where_the_request_says,
        a_key_that_only_decrypts,
        ccm_where_the_token_has_it,
        chacha20_where_the_token_has_it,
        what_does_not_fit_is_refused,
        triple_des_is_only_kept,
    ]);
}

/// Encrypts by the server and by OpenSSL, and decrypts by the server.
fn check(alice: &mut Connection, id: &str, key: &[u8], mode: (&Value, Cipher, bool), length: usize) {
    let (parameters, theirs, padded) = mode;
    let data = reference::random(length);
    let fresh = alice.ok(&with(encrypt(id, &data), std::slice::from_ref(parameters)));
    let encrypted = octets(&fresh, "Data");
    let own = theirs.iv_len().map(|_| octets(&fresh, "IVCounterNonce"));
    let expected = reference::crypt(theirs, key, own.as_deref(), padded, &data);
    assert_eq!(encrypted, expected, "{parameters} of {length} bytes");
    let more: Vec<Value> = [parameters.clone()].into_iter().chain(own.as_deref().map(iv)).collect();
    assert_eq!(octets(&alice.ok(&decrypt(id, &encrypted, &more)), "Data"), data);
    if let Some(length) = theirs.iv_len() {
        let chosen = reference::random(length);
        let request = with(encrypt(id, &data), &[parameters.clone(), iv(&chosen)]);
        let answer = alice.ok(&request);
        assert_eq!(octets(&answer, "Data"), reference::crypt(theirs, key, Some(&chosen), padded, &data), "{request}");
        assert!(crate::harness::kmip::find(&answer, "IVCounterNonce").is_none());
    }
}

fn the_modes_of_aes(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for (at, bits) in [128, 192, 256].into_iter().enumerate() {
        let id = alice.new_key(&create("AES", bits, &[]));
        let key = alice.export(&id);
        for Mode { parameters, theirs, padded, whole_blocks } in modes() {
            for length in LENGTHS.into_iter().filter(|length| !whole_blocks || length % 16 == 0) {
                check(&mut alice, &id, &key, (&parameters, theirs[at], padded), length);
            }
        }
    }
}

fn counters_begin_where_the_request_says(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.new_key(&create("AES", 256, &[]));
    let (key, data) = (alice.export(&id), reference::random(100));
    let counter = |bits, value| mode("CTR", &[integer("CounterLength", bits), integer("InitialCounterValue", value)]);
    // As RFC 3686 has it: a nonce of 96 bits, and a counter that begins at 1.
    let nonce = reference::random(12);
    let block = [&nonce[..], &[0, 0, 0, 1]].concat();
    let expected = reference::crypt(Cipher::aes_256_ctr(), &key, Some(&block), false, &data);
    for fields in [
        vec![counter(32, 1), iv(&nonce)],
        vec![counter(32, 1), iv(&block)],
        vec![mode("CTR", &[integer("InitialCounterValue", 1)]), iv(&nonce)],
        vec![mode("CTR", &[]), iv(&block)],
    ] {
        assert_eq!(octets(&alice.ok(&with(encrypt(&id, &data), &fields)), "Data"), expected, "{fields:?}");
        assert_eq!(octets(&alice.ok(&decrypt(&id, &expected, &fields)), "Data"), data, "{fields:?}");
    }
    let fresh = alice.ok(&with(encrypt(&id, &data), &[counter(32, 7)]));
    let block = octets(&fresh, "IVCounterNonce");
    assert_eq!((block.len(), &block[12..]), (16, &[0, 0, 0, 7][..]));
    let expected = reference::crypt(Cipher::aes_256_ctr(), &key, Some(&block), false, &data);
    assert_eq!(octets(&fresh, "Data"), expected);
    assert_eq!(octets(&alice.ok(&decrypt(&id, &expected, &[counter(32, 7), iv(&block)])), "Data"), data);
    let mut bad = |fields: &[Value], reason: &str| {
        alice.refused(&with(encrypt(&id, &data), fields), 400, reason);
    };
    let why = "Bad_Cryptographic_Parameters";
    // A counter of 8 bits has 256 blocks.
    bad(&[counter(8, 250), iv(&[1; 15])], why);
    bad(&[counter(8, 256), iv(&[1; 15])], why);
    bad(&[mode("CTR", &[]), iv(&[0xff; 16])], why);
    bad(&[counter(32, 2), iv(&[1; 16])], why);
    bad(&[counter(32, 2), iv(&[1; 11])], why);
    bad(&[mode("CTR", &[]), iv(&nonce)], why);
    bad(&[mode("CTR", &[integer("InitialCounterValue", 1)])], why);
    bad(&[mode("CTR", &[integer("CounterLength", 32)])], why);
    bad(&[counter(33, 2), iv(&nonce)], "Invalid_Attribute_Value");
    bad(&[counter(32, -1), iv(&nonce)], "Invalid_Attribute_Value");
    alice.ok(&with(encrypt(&id, &data[..96]), &[counter(8, 250), iv(&[1; 15])]));
}

/// SoftHSM makes the keystream of CFB and OFB by encrypting.
fn a_key_that_only_decrypts(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let key = reference::random(32);
    let id = alice.new_key(&register("AES", &key, &[integer("CryptographicUsageMask", 8)]));
    let first = [7; 16];
    for (name, theirs) in
        [("CFB", Cipher::aes_256_cfb128()), ("OFB", Cipher::aes_256_ofb()), ("CTR", Cipher::aes_256_ctr())]
    {
        let encrypted = reference::crypt(theirs, &key, Some(&first), false, b"some text");
        let request = decrypt(&id, &encrypted, &[mode(name, &[]), iv(&first)]);
        if Hsm::chosen() == Hsm::SoftHsm && name != "CTR" {
            let problem = alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
            assert!(problem["detail"].as_str().unwrap().contains("does not permit Encrypt"), "{problem}");
        } else {
            assert_eq!(octets(&alice.ok(&request), "Data"), b"some text");
        }
    }
}

/// SoftHSM has neither CCM nor ChaCha20.
fn lacks(alice: &mut Connection, request: &Value, what: &str) -> bool {
    if Hsm::chosen() == Hsm::Kryoptic {
        return false;
    }
    let problem = alice.refused(request, 422, "Unsupported_Cryptographic_Parameters");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(what) && detail.contains("\"claviger\""), "{detail}");
    true
}

fn ccm_where_the_token_has_it(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for bits in [128, 256] {
        let id = alice.new_key(&create("AES", bits, &[]));
        let key = alice.export(&id);
        let request = with(encrypt(&id, b"data"), &[mode("CCM", &[])]);
        if lacks(&mut alice, &request, "AES-CCM") {
            return;
        }
        assert_eq!(octets(&alice.ok(&request), "IVCounterNonce").len(), 12);
        for (nonce, tag_bytes, length) in
            [(7, 4, 1), (8, 6, 16), (9, 8, 17), (10, 10, 100), (11, 12, 1000), (12, 14, 4096), (13, 16, 65_535)]
        {
            let (nonce, aad, data) = (reference::random(nonce), reference::random(20), reference::random(length));
            let fields = [
                mode("CCM", &[integer("TagLength", tag_bytes), integer("IVLength", nonce.len() as i64 * 8)]),
                iv(&nonce),
                bytes("AuthenticatedEncryptionAdditionalData", &aad),
            ];
            let answer = alice.ok(&with(encrypt(&id, &data), &fields));
            let (encrypted, tag) = reference::ccm(&key, &nonce, &aad, &data, tag_bytes as usize);
            assert_eq!(octets(&answer, "Data"), encrypted, "{length}");
            assert_eq!(octets(&answer, "AuthenticatedEncryptionTag"), tag);
            let tagged = |tag: &[u8]| [&fields[..], &[bytes("AuthenticatedEncryptionTag", tag)]].concat();
            assert_eq!(octets(&alice.ok(&decrypt(&id, &encrypted, &tagged(&tag))), "Data"), data);
            let mut changed = tag.clone();
            changed[0] ^= 1;
            alice.refused(&decrypt(&id, &encrypted, &tagged(&changed)), 422, "Cryptographic_Failure");
        }
        // A short tag must be stated.
        let fields = [mode("CCM", &[]), iv(&[1; 12]), bytes("AuthenticatedEncryptionTag", &[0; 4])];
        alice.refused(&decrypt(&id, b"", &fields), 400, "Bad_Cryptographic_Parameters");
        for (nonce, length) in [(6, 1), (14, 1), (13, 65_536)] {
            let request = with(encrypt(&id, &vec![0; length]), &[mode("CCM", &[]), iv(&vec![1; nonce])]);
            alice.refused(&request, 400, "Bad_Cryptographic_Parameters");
        }
        for tag_bytes in [0, 2, 5, 15, 18, -1] {
            let request = with(encrypt(&id, b"x"), &[mode("CCM", &[integer("TagLength", tag_bytes)])]);
            alice.refused(&request, 400, "General_Failure");
        }
    }
}

fn chacha20_where_the_token_has_it(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    if lacks(&mut alice, &create("ChaCha20", 256, &[]), "ChaCha20") {
        lacks(&mut alice, &create("ChaCha20Poly1305", 256, &[]), "ChaCha20Poly1305");
        let kept = alice.new_key(&register("ChaCha20", &[7; 32], &[]));
        alice.refused(&encrypt(&kept, b"x"), 422, "Invalid_Object_Type");
        assert_eq!(alice.export(&kept), [7; 32]);
        return;
    }
    let secret = reference::random(32);
    for id in [alice.new_key(&create("ChaCha20", 256, &[])), alice.new_key(&register("ChaCha20", &secret, &[]))] {
        let key = alice.export(&id);
        for length in LENGTHS {
            let data = reference::random(length);
            for (nonce, counter) in [(reference::random(12), 1), (reference::random(8), 0)] {
                let begins = parameters(&[integer("InitialCounterValue", counter)]);
                let answer = alice.ok(&with(encrypt(&id, &data), &[begins.clone(), iv(&nonce)]));
                let zeros = vec![0; 12 - nonce.len()];
                let theirs = [&(counter as u32).to_le_bytes()[..], &zeros, &nonce].concat();
                let expected = reference::crypt(Cipher::chacha20(), &key, Some(&theirs), false, &data);
                assert_eq!(octets(&answer, "Data"), expected);
                let back = decrypt(&id, &expected, &[begins, iv(&nonce)]);
                assert_eq!(octets(&alice.ok(&back), "Data"), data);
            }
        }
        assert_eq!(octets(&alice.ok(&encrypt(&id, b"x")), "IVCounterNonce").len(), 12);
        alice.refused(&with(encrypt(&id, b"x"), &[mode("CBC", &[])]), 400, "Bad_Cryptographic_Parameters");
        alice.refused(&with(encrypt(&id, b"x"), &[iv(&[1; 13])]), 400, "Bad_Cryptographic_Parameters");
        let last = parameters(&[integer("InitialCounterValue", i64::from(i32::MAX))]);
        alice.ok(&with(encrypt(&id, b"x"), &[last]));
    }
    for id in [
        alice.new_key(&create("ChaCha20Poly1305", 256, &[])),
        alice.new_key(&register("ChaCha20Poly1305", &secret, &[])),
    ] {
        let key = alice.export(&id);
        for length in LENGTHS {
            let (nonce, aad, data) = (reference::random(12), reference::random(20), reference::random(length));
            for tag_bytes in [16, 12] {
                let fields = [
                    mode("AEAD", &[integer("TagLength", tag_bytes)]),
                    iv(&nonce),
                    bytes("AuthenticatedEncryptionAdditionalData", &aad),
                ];
                let (encrypted, tag) = reference::aead(Cipher::chacha20_poly1305(), &key, &nonce, &aad, &data, 16);
                let answer = alice.ok(&with(encrypt(&id, &data), &fields));
                assert_eq!(octets(&answer, "Data"), encrypted);
                let own = octets(&answer, "AuthenticatedEncryptionTag");
                assert_eq!(own, tag[..tag_bytes as usize]);
                let tagged = |tag: &[u8]| [&fields[..], &[bytes("AuthenticatedEncryptionTag", tag)]].concat();
                assert_eq!(octets(&alice.ok(&decrypt(&id, &encrypted, &tagged(&own))), "Data"), data);
                let changed: Vec<u8> = own.iter().map(|byte| byte ^ 0x80).collect();
                alice.refused(&decrypt(&id, &encrypted, &tagged(&changed)), 422, "Cryptographic_Failure");
            }
        }
    }
}

fn what_does_not_fit_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let mut bad = |request: &Value| alice.refused(request, 400, "Bad_Cryptographic_Parameters");
    bad(&with(encrypt(&id, b"no whole block"), &[mode("ECB", &[])]));
    bad(&with(encrypt(&id, &[0; 16]), &[mode("ECB", &[]), iv(&[1; 16])]));
    for (name, length) in [("CFB", 15), ("OFB", 17), ("CTR", 17)] {
        bad(&with(encrypt(&id, b"x"), &[mode(name, &[]), iv(&vec![1; length])]));
        bad(&with(encrypt(&id, b"x"), &[pkcs5(name)]));
        bad(&with(encrypt(&id, b"x"), &[mode(name, &[]), bytes("AuthenticatedEncryptionAdditionalData", b"a")]));
        bad(&decrypt(&id, b"x", &[mode(name, &[]), iv(&[1; 16]), bytes("AuthenticatedEncryptionTag", b"tag")]));
        bad(&with(encrypt(&id, b"x"), &[mode(name, &[integer("IVLength", 96)]), iv(&[1; 16])]));
    }
    for name in ["ECB", "CBC"] {
        for padding in ["ANSIX923", "Zeros", "ISO10126", "SSL3"] {
            let request = with(encrypt(&id, &[0; 16]), &[mode(name, &[enumeration("PaddingMethod", padding)])]);
            let problem = alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
            assert!(problem["detail"].as_str().unwrap().contains("PKCS5 or None"), "{problem}");
        }
    }
    for name in ["PCBC", "XTS", "CBCMAC", "NISTKeyWrap"] {
        let request = with(encrypt(&id, &[0; 16]), &[mode(name, &[])]);
        alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
    }
    // Padding that is wrong, or a length that a padded text cannot have.
    for data in [&[0; 16][..], &[], &[0; 15]] {
        alice.refused(&decrypt(&id, data, &[pkcs5("ECB")]), 422, "Cryptographic_Failure");
    }
    // The server makes random IVs of one length.
    let fixed = [integer("FixedFieldLength", 32), integer("InvocationFieldLength", 64)];
    for fields in [&fixed[..], &[integer("IVLength", 64)]] {
        let request = with(encrypt(&id, b"x"), &[mode("GCM", fields)]);
        alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
    }
    alice.ok(&with(
        encrypt(&id, b"x"),
        &[mode("GCM", &[&fixed[..], &[integer("IVLength", 96)]].concat()), iv(&[1; 12])],
    ));
    let contradicting = with(encrypt(&id, b"x"), &[mode("GCM", &fixed), iv(&[1; 13])]);
    alice.refused(&contradicting, 400, "Bad_Cryptographic_Parameters");
}

fn triple_des_is_only_kept(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let problem = alice.refused(&create("DES3", 168, &[]), 422, "Unsupported_Cryptographic_Parameters");
    assert!(problem["detail"].as_str().unwrap().contains("--allow-legacy-algorithms"), "{problem}");
    let kept = alice.new_key(&register("DES3", &[7; 24], &[]));
    alice.refused(&encrypt(&kept, &[0; 8]), 422, "Invalid_Object_Type");
    assert_eq!(alice.export(&kept), [7; 24]);
}

#[test]
fn triple_des_is_used_if_the_operator_allows_it() {
    let server = Server::start_with(&Options::default().with(&["--allow-legacy-algorithms"]));
    assert!(server.log().contains("--allow-legacy-algorithms is on"), "{}", server.log());
    let mut alice = server.alice().connect().unwrap();
    if Hsm::chosen() == Hsm::Kryoptic {
        let problem = alice.refused(&create("DES3", 168, &[]), 422, "Unsupported_Cryptographic_Parameters");
        assert!(problem["detail"].as_str().unwrap().contains("DES3"), "{problem}");
        let kept = alice.new_key(&register("DES3", &[7; 24], &[]));
        alice.refused(&encrypt(&kept, &[0; 8]), 422, "Invalid_Object_Type");
        return;
    }
    let mut ids = vec![alice.new_key(&create("DES3", 168, &[])), alice.new_key(&create("DES3", 112, &[]))];
    let brought: Vec<Vec<u8>> = [24, 16].into_iter().map(reference::random).collect();
    for key in &brought {
        let id = alice.new_key(&register("DES3", key, &[]));
        assert_eq!(alice.export(&id), *key, "its bytes come back as they were");
        ids.push(id);
    }
    for id in &ids {
        let key = alice.export(id);
        let whole = [&key[..], &key[..24 - key.len()]].concat();
        for (parameters, theirs, padded) in [
            (pkcs5("CBC"), Cipher::des_ede3_cbc(), true),
            (mode("CBC", &[]), Cipher::des_ede3_cbc(), true),
            (none("CBC"), Cipher::des_ede3_cbc(), false),
            (mode("ECB", &[]), Cipher::des_ede3_ecb(), false),
            (pkcs5("ECB"), Cipher::des_ede3_ecb(), true),
        ] {
            for length in LENGTHS.into_iter().filter(|length| padded || length % 8 == 0) {
                check(&mut alice, id, &whole, (&parameters, theirs, padded), length);
            }
        }
        alice.refused(&with(encrypt(id, b"x"), &[mode("GCM", &[])]), 422, "Unsupported_Cryptographic_Parameters");
    }
    alice.refused(&create("DES3", 56, &[]), 400, "Invalid_Attribute_Value");
    // Without the option the keys that it made are not used, and can still be exported.
    let (place, status) = server.stop();
    assert!(status.success());
    let server = Server::start_at(place, &Options::default());
    let mut alice = server.alice().connect().unwrap();
    let problem = alice.refused(&encrypt(&ids[0], &[0; 8]), 422, "Unsupported_Cryptographic_Parameters");
    assert!(problem["detail"].as_str().unwrap().contains("--allow-legacy-algorithms"), "{problem}");
    assert_eq!(alice.export(&ids[2]), brought[0]);
}
