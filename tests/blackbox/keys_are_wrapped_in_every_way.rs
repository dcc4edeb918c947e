//! Keys are wrapped and unwrapped by AES key wrap with and without padding, by AES-CBC and by RSA-OAEP, as OpenSSL does it. A way
//! that the HSM lacks is refused by name.

use openssl::hash::MessageDigest;
use serde_json::Value;

use crate::harness::asymmetric::Kind;
use crate::harness::key_wraps::{Coming, cbc, key_of, kwp, mask, oaep, wrapped};
use crate::harness::kmip::{boolean, create, enumeration, find, integer, octets, register};
use crate::harness::reference::{self, RsaPadding};
use crate::harness::{Connection, Hsm, Server};

const SIGN: i64 = 1;
const ENCRYPT: i64 = 4;
const DECRYPT: i64 = 8;
const WRAP: i64 = 0x10;
const UNWRAP: i64 = 0x20;

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        aes_keys_wrap_as_openssl_does,
        public_keys_wrap_as_openssl_does,
        what_openssl_wrapped_is_unwrapped,
        private_keys_are_not_unwrapped,
        what_is_damaged_has_one_answer,
    ]);
}

/// RSAES-OAEP with one hash and no label.
fn openssl(hash: &str) -> RsaPadding {
    let hash = if hash == "SHA1" { MessageDigest::sha1() } else { MessageDigest::sha256() };
    RsaPadding::Oaep { hashes: [hash; 2], label: Vec::new() }
}

/// The error says which mechanism the HSM lacks.
fn lacks(caller: &mut Connection, request: &Value, mechanism: &str) {
    let problem = caller.refused(request, 422, "Unsupported_Cryptographic_Parameters");
    assert!(problem.to_string().contains(mechanism), "{problem}");
}

fn aes_keys_wrap_as_openssl_does(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for length in [16, 24, 32] {
        let kek = reference::random(length);
        let wrapping = alice.new_key(&register("AES", &kek, &[mask(WRAP | UNWRAP)]));
        for (algorithm, bytes) in [("AES", 16), ("AES", 24), ("AES", 32), ("HMACSHA256", 40), ("HMACSHA256", 64)] {
            let secret = reference::random(bytes);
            let id = alice.new_key(&register(algorithm, &secret, &[]));
            for way in
                [kwp(), vec![enumeration("BlockCipherMode", "NISTKeyWrap"), enumeration("PaddingMethod", "PKCS5")]]
            {
                let answer = alice.ok(&wrapped(&id, &wrapping, &way, "NoEncoding"));
                let blob = octets(&answer, "KeyMaterial");
                assert_eq!(blob, reference::key_wrap_padded(&kek, &secret));
                assert_eq!(find(&answer, "BlockCipherMode").unwrap(), "AESKeyWrapPadding");
            }
            let encoded = octets(&alice.ok(&wrapped(&id, &wrapping, &kwp(), "TTLVEncoding")), "KeyValue");
            let value = reference::key_unwrap_padded(&kek, &encoded);
            assert!(value.windows(bytes).any(|part| part == secret));
            let request = wrapped(&id, &wrapping, &cbc(), "NoEncoding");
            if Hsm::chosen() == Hsm::SoftHsm {
                lacks(&mut alice, &request, "CKM_AES_CBC_PAD");
                continue;
            }
            let answer = alice.ok(&request);
            let (blob, iv) = (octets(&answer, "KeyMaterial"), octets(&answer, "IVCounterNonce"));
            assert_eq!(reference::cbc_decrypt(&kek, &iv, &blob, true), secret);
            let again = octets(&alice.ok(&request), "IVCounterNonce");
            assert_ne!(iv, again, "each wrapping has its own IV");
        }
    }
    // A blob of CBC is a ciphertext as any other: a key that has other uses does not wrap so.
    let key = alice.aes();
    for bits in [WRAP | ENCRYPT, WRAP | DECRYPT, WRAP | UNWRAP | 0x80] {
        let wrapping = alice.new_key(&create("AES", 256, &[mask(bits)]));
        let request = wrapped(&key, &wrapping, &cbc(), "NoEncoding");
        alice.refused(&request, 403, "Incompatible_Cryptographic_Usage_Mask");
    }
    let wrapping = alice.new_key(&create("AES", 256, &[mask(WRAP)]));
    for way in [
        vec![enumeration("BlockCipherMode", "CBC"), enumeration("PaddingMethod", "None")],
        vec![enumeration("BlockCipherMode", "ECB")],
        vec![enumeration("BlockCipherMode", "GCM")],
        oaep("SHA256"),
    ] {
        alice.refused(&wrapped(&key, &wrapping, &way, "NoEncoding"), 422, "Key_Wrap_Type_Not_Supported");
    }
}

fn public_keys_wrap_as_openssl_does(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let kind = Kind::Rsa(2048);
    let key = kind.generate();
    let public = alice.new_key(&kind.register("PublicKey", &kind.public(&key)[0], WRAP, &[]));
    for (algorithm, bytes) in [("AES", 16), ("AES", 32), ("HMACSHA256", 33), ("HMACSHA256", 100)] {
        let secret = reference::random(bytes);
        let id = alice.new_key(&register(algorithm, &secret, &[]));
        for hash in ["SHA1", "SHA256"] {
            let answer = alice.ok(&wrapped(&id, &public, &oaep(hash), "NoEncoding"));
            assert_eq!(openssl(hash).decrypt(&key, &octets(&answer, "KeyMaterial")), secret);
            assert_eq!(find(&answer, "PaddingMethod").unwrap(), "OAEP");
        }
    }
    let long = alice.new_key(&register("HMACSHA256", &reference::random(200), &[]));
    assert_eq!(alice.kmip(&wrapped(&long, &public, &oaep("SHA256"), "NoEncoding")).status, 400);
    let id = alice.aes();
    let pkcs1 = [enumeration("PaddingMethod", "PKCS1v15")];
    alice.refused(&wrapped(&id, &public, &pkcs1, "NoEncoding"), 422, "Key_Wrap_Type_Not_Supported");
    alice.refused(&wrapped(&id, &public, &kwp(), "NoEncoding"), 422, "Key_Wrap_Type_Not_Supported");
    // The use of the public key needs Wrap Key.
    let other = alice.new_key(&kind.register("PublicKey", &kind.public(&key)[0], ENCRYPT, &[]));
    alice.refused(&wrapped(&id, &other, &oaep("SHA256"), "NoEncoding"), 403, "Incompatible_Cryptographic_Usage_Mask");
    let sealed = alice.new_key(&create("AES", 256, &[boolean("Sensitive", true), boolean("Extractable", false)]));
    alice.refused(&wrapped(&sealed, &public, &oaep("SHA256"), "NoEncoding"), 403, "Not_Extractable");
}

fn what_openssl_wrapped_is_unwrapped(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let kek = reference::random(32);
    let wrapping = alice.new_key(&register("AES", &kek, &[mask(UNWRAP)]));
    let kind = Kind::Rsa(2048);
    let pair = kind.generate();
    let sealed = [boolean("Sensitive", true), boolean("Extractable", false)];
    let private = alice.new_key(&kind.register("PrivateKey", &kind.private(&pair)[0], UNWRAP, &sealed));
    for (algorithm, length) in [("AES", 16), ("AES", 24), ("AES", 32), ("HMACSHA256", 32), ("HMACSHA256", 72)] {
        let secret = reference::random(length);
        let own = key_of(algorithm, 8 * length);
        let blob = reference::key_wrap_padded(&kek, &secret);
        let id = alice.new_key(&Coming::new(&wrapping, &kwp(), &blob, &own).import());
        assert_eq!(alice.export(&id), secret);
        let iv = reference::random(16);
        let blob = reference::cbc_encrypt(&kek, &iv, &secret, true);
        let request = Coming { iv: Some(&iv), ..Coming::new(&wrapping, &cbc(), &blob, &own) }.import();
        if Hsm::chosen() == Hsm::SoftHsm {
            lacks(&mut alice, &request, "CKM_AES_CBC_PAD");
        } else {
            let id = alice.new_key(&request);
            assert_eq!(alice.export(&id), secret);
        }
        for hash in ["SHA1", "SHA256"] {
            let blob = openssl(hash).encrypt(&pair, &secret);
            let request = Coming::new(&private, &oaep(hash), &blob, &own).import();
            if Hsm::chosen() == Hsm::SoftHsm && hash == "SHA256" {
                lacks(&mut alice, &request, "CKM_RSA_PKCS_OAEP");
                continue;
            }
            let id = alice.new_key(&request);
            assert_eq!(alice.export(&id), secret);
            assert_eq!(find(&alice.attributes(&id), "NeverExtractable"), Some(&false.into()));
        }
    }
    // The length of what OAEP wraps is not known from the blob, and one that is not right is refused.
    let blob = openssl("SHA1").encrypt(&pair, &[7; 32]);
    let unknown = [enumeration("CryptographicAlgorithm", "AES"), mask(ENCRYPT)];
    assert_eq!(alice.kmip(&Coming::new(&private, &oaep("SHA1"), &blob, &unknown).import()).status, 400);
    for bits in [128, 192] {
        let request = Coming::new(&private, &oaep("SHA1"), &blob, &key_of("AES", bits)).import();
        alice.refused(&request, 422, "Cryptographic_Failure");
    }
    // A private key that may only decrypt or sign does not unwrap.
    let other = alice.new_key(&kind.register("PrivateKey", &kind.private(&pair)[0], DECRYPT | SIGN, &sealed));
    let request = Coming::new(&other, &oaep("SHA1"), &blob, &key_of("AES", 256)).import();
    alice.refused(&request, 403, "Incompatible_Cryptographic_Usage_Mask");
}

/// A private key wrapped in PKCS#8.
fn private<'a>(wrapping: &'a str, way: &'a [Value], blob: &'a [u8], own: &'a [Value]) -> Coming<'a> {
    Coming { object: "PrivateKey", format: "PKCS8", ..Coming::new(wrapping, way, blob, own) }
}

/// Numbers that nobody has checked ended the process of SoftHSM and of Kryoptic: zeros, for example.
fn private_keys_are_not_unwrapped(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let kek = reference::random(32);
    let wrapping = alice.new_key(&register("AES", &kek, &[mask(UNWRAP)]));
    for kind in [Kind::Rsa(2048), Kind::Curve("P256", 256)] {
        let facts = [
            enumeration("CryptographicAlgorithm", kind.algorithm()),
            integer("CryptographicLength", kind.bits()),
            mask(SIGN),
        ];
        let der = kind.generate().private_key_to_pkcs8().unwrap();
        let blob = reference::key_wrap_padded(&kek, &der);
        let way = kwp();
        let coming = private(&wrapping, &way, &blob, &facts);
        alice.refused(&coming.import(), 422, "Key_Wrap_Type_Not_Supported");
        // It is kept as it is.
        alice.new_key(&coming.register());
    }
    alice.aes();
}

fn what_is_damaged_has_one_answer(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let kind = Kind::Rsa(2048);
    let pair = kind.generate();
    let private = alice.new_key(&kind.register("PrivateKey", &kind.private(&pair)[0], UNWRAP, &[]));
    let kek = reference::random(32);
    let wrapping = alice.new_key(&register("AES", &kek, &[mask(UNWRAP)]));
    let own = key_of("AES", 256);
    let blob = openssl("SHA1").encrypt(&pair, &[7; 32]);
    let mut bodies = Vec::new();
    for place in [0, 1, 40, 128, 255] {
        let mut damaged = blob.clone();
        damaged[place] ^= 1;
        bodies.push(alice.refused(
            &Coming::new(&private, &oaep("SHA1"), &damaged, &own).import(),
            422,
            "Cryptographic_Failure",
        ));
    }
    bodies.push(alice.refused(
        &Coming::new(&private, &oaep("SHA1"), &blob[1..], &own).import(),
        422,
        "Cryptographic_Failure",
    ));
    let details: Vec<_> = bodies.iter().map(|body| body["detail"].clone()).collect();
    assert!(details.windows(2).all(|two| two[0] == two[1]), "{details:?}");
    let blob = reference::key_wrap_padded(&kek, &[7; 32]);
    for place in 0..blob.len() {
        let mut damaged = blob.clone();
        damaged[place] ^= 1 << (place % 8);
        alice.refused(&Coming::new(&wrapping, &kwp(), &damaged, &own).import(), 422, "Cryptographic_Failure");
    }
    // Neither way reads blobs of the other.
    let plain = reference::key_wrap(&kek, &[7; 32]);
    alice.refused(&Coming::new(&wrapping, &kwp(), &plain, &own).import(), 422, "Cryptographic_Failure");
    let nist = [enumeration("BlockCipherMode", "NISTKeyWrap")];
    alice.refused(&Coming::new(&wrapping, &nist, &blob, &own).import(), 422, "Cryptographic_Failure");
    if Hsm::chosen() == Hsm::Kryoptic {
        let iv = [1; 16];
        let mut blob = reference::cbc_encrypt(&kek, &iv, &[7; 32], true);
        *blob.last_mut().unwrap() ^= 1;
        let request = Coming { iv: Some(&iv), ..Coming::new(&wrapping, &cbc(), &blob, &own) }.import();
        alice.refused(&request, 422, "Cryptographic_Failure");
        // A padded length that is not that of the key.
        let blob = reference::cbc_encrypt(&kek, &iv, &[7; 33], true);
        let request = Coming { iv: Some(&iv), ..Coming::new(&wrapping, &cbc(), &blob, &own) }.import();
        alice.refused(&request, 422, "Cryptographic_Failure");
    }
    // Of a key whose length is not that of its blob.
    let odd = reference::key_wrap_padded(&kek, &[7; 30]);
    let request = Coming::new(&wrapping, &kwp(), &odd, &own).import();
    assert_ne!(alice.kmip(&request).status, 200);
    assert_eq!(server.log().matches("suspected").count(), 0);
}
