//! RSA encryption: what OpenSSL encrypts is decrypted in the HSM, and what is encrypted here OpenSSL decrypts, with every
//! padding, hash and label. Every damaged ciphertext has one answer.

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};
use serde_json::Value;

use crate::harness::Server;
use crate::harness::asymmetric::Kind;
use crate::harness::kmip::{boolean, bytes, enumeration, integer, octets, parameters, structure, text, with};
use crate::harness::pairs::{halves, pair_of, sign};
use crate::harness::reference::{self, RsaPadding};

const DECRYPT: i64 = 8;
const ENCRYPT: i64 = 4;
const HASHES: [(&str, usize); 5] = [("SHA1", 20), ("SHA224", 28), ("SHA256", 32), ("SHA384", 48), ("SHA512", 64)];

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        oaep_in_both_directions,
        pkcs1_in_both_directions,
        a_pair_that_is_made_here_encrypts,
        the_parameters_of_the_key_hold_where_the_request_has_none,
        damaged_ciphertexts_have_one_answer,
        what_does_not_fit_is_refused,
    ]);
}

fn digest(name: &str) -> MessageDigest {
    match name {
        "SHA1" => MessageDigest::sha1(),
        "SHA224" => MessageDigest::sha224(),
        "SHA256" => MessageDigest::sha256(),
        "SHA384" => MessageDigest::sha384(),
        _ => MessageDigest::sha512(),
    }
}

fn request(operation: &str, id: &str, fields: &[Value], data: &[u8]) -> Value {
    structure(operation, &[text("UniqueIdentifier", id), parameters(fields), bytes("Data", data)])
}

/// An RSA key, and the identifiers of its halves on the server.
fn registered(server: &Server, bits: u32, more: &[Value]) -> (PKey<Private>, String, String) {
    let mut alice = server.alice().connect().unwrap();
    let kind = Kind::Rsa(bits);
    let key = kind.generate();
    let sealed = [boolean("Sensitive", true), boolean("Extractable", false)];
    let private = [more, &sealed].concat();
    let private = alice.new_key(&kind.register("PrivateKey", &kind.private(&key)[0], DECRYPT, &private));
    let public = alice.new_key(&kind.register("PublicKey", &kind.public(&key)[0], ENCRYPT, more));
    (key, private, public)
}

/// The parameters of KMIP, and those of OpenSSL.
struct Way {
    fields: Vec<Value>,
    padding: RsaPadding,
}

fn oaep(hash: &str, mask: Option<&str>, label: &[u8]) -> Way {
    let mut fields = vec![enumeration("PaddingMethod", "OAEP"), enumeration("HashingAlgorithm", hash)];
    fields.extend(mask.map(|mask| enumeration("MaskGeneratorHashingAlgorithm", mask)));
    if !label.is_empty() {
        fields.push(bytes("PSource", label));
    }
    let hashes = [digest(hash), digest(mask.unwrap_or(hash))];
    Way { fields, padding: RsaPadding::Oaep { hashes, label: label.to_vec() } }
}

fn pkcs1() -> Way {
    let fields = vec![enumeration("PaddingMethod", "PKCS1v15")];
    Way { fields, padding: RsaPadding::Pkcs1 }
}

fn in_both_directions(
    server: &Server,
    (key, private, public): &(PKey<Private>, String, String),
    way: &Way,
    most: usize,
) {
    let mut alice = server.alice().connect().unwrap();
    for length in [0, 1, most / 3, most - 1, most] {
        let data = reference::random(length);
        let there = way.padding.encrypt(key, &data);
        let answer = alice.ok(&request("Decrypt", private, &way.fields, &there));
        assert_eq!(octets(&answer, "Data"), data, "{:?} {length}", way.fields);
        let here = octets(&alice.ok(&request("Encrypt", public, &way.fields, &data)), "Data");
        assert_eq!(way.padding.decrypt(key, &here), data, "{:?} {length}", way.fields);
    }
    let long = request("Encrypt", public, &way.fields, &reference::random(most + 1));
    let problem = alice.refused(&long, 400, "Bad_Cryptographic_Parameters");
    assert!(problem["detail"].as_str().unwrap().contains(&format!("at most {most} bytes")), "{problem}");
}

fn oaep_in_both_directions(server: &Server) {
    for bits in [2048, 3072] {
        let own = registered(server, bits, &[]);
        let bytes = usize::try_from(bits / 8).unwrap();
        for (hash, length) in HASHES {
            for (mask, label) in [(None, &b""[..]), (None, b"a label"), (Some("SHA1"), b""), (Some("SHA256"), b"x")] {
                in_both_directions(server, &own, &oaep(hash, mask, label), bytes - 2 * length - 2);
            }
        }
    }
}

fn pkcs1_in_both_directions(server: &Server) {
    in_both_directions(server, &registered(server, 2048, &[]), &pkcs1(), 256 - 11);
}

fn a_pair_that_is_made_here_encrypts(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mask = |mask| [integer("CryptographicUsageMask", mask)];
    let (private, public) = halves(&alice.ok(&pair_of("RSA", 2048, &mask(DECRYPT | 1), &mask(ENCRYPT | 2))));
    for way in [oaep("SHA256", None, b""), oaep("SHA512", Some("SHA256"), b"label"), pkcs1()] {
        let data = reference::random(40);
        let sealed = octets(&alice.ok(&request("Encrypt", &public, &way.fields, &data)), "Data");
        assert_eq!(octets(&alice.ok(&request("Decrypt", &private, &way.fields, &sealed)), "Data"), data);
    }
    alice.ok(&sign(&private, b"x", &[]));
    alice.refused(&crate::harness::kmip::named("Get", &private), 403, "Not_Extractable");
}

fn the_parameters_of_the_key_hold_where_the_request_has_none(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let way = oaep("SHA384", Some("SHA256"), b"here");
    let (key, private, public) = registered(server, 2048, &[parameters(&way.fields)]);
    let bare =
        |operation, id: &str, data: &[u8]| structure(operation, &[text("UniqueIdentifier", id), bytes("Data", data)]);
    let sealed = octets(&alice.ok(&bare("Encrypt", &public, b"data")), "Data");
    assert_eq!(way.padding.decrypt(&key, &sealed), b"data");
    assert_eq!(octets(&alice.ok(&bare("Decrypt", &private, &sealed)), "Data"), b"data");
    // Without any parameters it is OAEP with SHA-256.
    let (key, private, public) = registered(server, 2048, &[]);
    let sealed = octets(&alice.ok(&bare("Encrypt", &public, b"data")), "Data");
    assert_eq!(oaep("SHA256", None, b"").padding.decrypt(&key, &sealed), b"data");
    assert_eq!(octets(&alice.ok(&bare("Decrypt", &private, &sealed)), "Data"), b"data");
}

fn damaged_ciphertexts_have_one_answer(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (key, private, _) = registered(server, 2048, &[]);
    for way in [oaep("SHA1", None, b""), oaep("SHA256", None, b""), oaep("SHA512", Some("SHA1"), b"label")] {
        let good = way.padding.encrypt(&key, b"data");
        let raw = |encoded: &[u8]| {
            let mut output = vec![0; 256];
            key.rsa().unwrap().public_encrypt(encoded, &mut output, Padding::NONE).unwrap();
            output
        };
        // The encoded message begins with 1, or is all zeros: other checks fail than for a changed bit.
        let first = raw(&[&[1][..], &[7; 255]].concat());
        let mut damaged =
            vec![vec![], good[1..].to_vec(), [&good[..], &[0]].concat(), vec![0; 256], vec![0xff; 256], first];
        damaged.extend([0, 128, 255].map(|at| {
            let mut changed = good.clone();
            changed[at] ^= 1;
            changed
        }));
        damaged.push(oaep("SHA384", None, b"other").padding.encrypt(&key, b"data"));
        damaged.push(pkcs1().padding.encrypt(&key, b"data"));
        let answers: Vec<String> = damaged
            .iter()
            .map(|data| {
                let problem =
                    alice.refused(&request("Decrypt", &private, &way.fields, data), 422, "Cryptographic_Failure");
                problem["detail"].as_str().unwrap().to_owned()
            })
            .collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(octets(&alice.ok(&request("Decrypt", &private, &way.fields, &good)), "Data"), b"data");
    }
    // The HSM is not taken for a failing one.
    assert_eq!(server.alice().get("/health").status, 200);
}

fn what_does_not_fit_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (_, private, public) = registered(server, 2048, &[]);
    let (bad, not) = ((400, "Bad_Cryptographic_Parameters"), (422, "Unsupported_Cryptographic_Parameters"));
    for (fields, (status, reason)) in [
        (vec![enumeration("PaddingMethod", "None")], not),
        (vec![enumeration("PaddingMethod", "PSS")], not),
        (vec![enumeration("HashingAlgorithm", "MD5")], not),
        (vec![enumeration("CryptographicAlgorithm", "AES")], bad),
        (vec![bytes("PSource", &[7; 5000])], bad),
    ] {
        alice.refused(&request("Encrypt", &public, &fields, b"x"), status, reason);
        alice.refused(&request("Decrypt", &private, &fields, &[1; 256]), status, reason);
    }
    alice.refused(
        &with(request("Encrypt", &public, &[], b"x"), &[boolean("InitIndicator", true)]),
        400,
        "Invalid_Field",
    );
    let kind = Kind::Curve("P256", 256);
    let key = kind.generate();
    let other = alice.new_key(&kind.register("PublicKey", &kind.public(&key)[0], ENCRYPT, &[]));
    alice.refused(&request("Encrypt", &other, &[], b"x"), 422, "Unsupported_Cryptographic_Parameters");
    // A public key may be longer than the private keys in the HSM.
    let long = PKey::from_rsa(Rsa::generate(5120).unwrap()).unwrap();
    let kind = Kind::Rsa(5120);
    let other = alice.new_key(&kind.register("PublicKey", &kind.public(&long)[0], ENCRYPT, &[]));
    let way = oaep("SHA256", None, b"");
    let sealed = octets(&alice.ok(&request("Encrypt", &other, &way.fields, b"data")), "Data");
    assert_eq!(way.padding.decrypt(&long, &sealed), b"data");
}
