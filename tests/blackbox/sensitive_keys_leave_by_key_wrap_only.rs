//! A Sensitive key leaves by AES key wrap only, under a key that keeps what it wraps. Register unwraps what a key of this
//! server wrapped, and keeps the rest as it is.

use openssl::hash::MessageDigest;

use crate::harness::asymmetric::Kind;
use crate::harness::key_wraps::{Coming, cbc, key_of, kwp, mask, oaep, wrapped};
use crate::harness::kmip::{boolean, create, enumeration, find, integer, named, octets, register, structure};
use crate::harness::pairs::{halves, pair_of};
use crate::harness::{Hsm, Server, reference};

const WRAP: i64 = 0x10;
const UNWRAP: i64 = 0x20;

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        sensitive_keys_leave_by_key_wrap_only,
        register_unwraps_what_it_can,
        keys_that_are_too_short_are_refused,
    ]);
}

fn sensitive_keys_leave_by_key_wrap_only(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let own = |bits| [mask(bits), boolean("Sensitive", true), boolean("Extractable", false)];
    let keeping = alice.new_key(&create("AES", 256, &own(WRAP)));
    let sensitive = alice.new_key(&create("AES", 256, &[boolean("Sensitive", true), boolean("Extractable", true)]));
    alice.ok(&wrapped(&sensitive, &keeping, &kwp(), "NoEncoding"));
    alice.refused(&wrapped(&sensitive, &keeping, &cbc(), "NoEncoding"), 422, "Key_Wrap_Type_Not_Supported");
    // A key that is known outside, or that unwraps here, wraps it in no way.
    let known = alice.new_key(&register("AES", &[7; 32], &own(WRAP)));
    let both = alice.new_key(&create("AES", 256, &own(WRAP | UNWRAP)));
    for wrapping in [&known, &both] {
        for way in [kwp(), cbc()] {
            alice.refused(&wrapped(&sensitive, wrapping, &way, "NoEncoding"), 403, "Sensitive");
        }
    }
    let kind = Kind::Rsa(2048);
    let pair = kind.generate();
    let outside = alice.new_key(&kind.register("PublicKey", &kind.public(&pair)[0], WRAP, &[]));
    let sealed = [boolean("Sensitive", true), boolean("Extractable", false), mask(UNWRAP)];
    let (_, inside) = halves(&alice.ok(&pair_of("RSA", 2048, &sealed, &[mask(WRAP)])));
    for public in [&outside, &inside] {
        for encoding in ["NoEncoding", "TTLVEncoding"] {
            assert_ne!(alice.kmip(&wrapped(&sensitive, public, &oaep("SHA256"), encoding)).status, 200);
        }
        alice.refused(&wrapped(&sensitive, public, &oaep("SHA256"), "NoEncoding"), 403, "Sensitive");
    }
    // What wrapped Sensitive keys by padding does not unwrap either.
    let blob = octets(&alice.ok(&wrapped(&sensitive, &keeping, &kwp(), "NoEncoding")), "KeyMaterial");
    for way in [kwp(), cbc()] {
        let iv = [1; 16];
        let fields = key_of("AES", 256);
        let request = Coming { iv: Some(&iv), ..Coming::new(&both, &way, &blob, &fields) }.import();
        alice.refused(&request, 403, "Incompatible_Cryptographic_Usage_Mask");
    }
}

fn register_unwraps_what_it_can(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let kek = reference::random(32);
    let secret = reference::random(32);
    let wrapping = alice.new_key(&register("AES", &kek, &[mask(UNWRAP)]));
    let blob = reference::key_wrap(&kek, &secret);
    let nist = [enumeration("BlockCipherMode", "NISTKeyWrap")];
    let own = key_of("AES", 256);
    let id = alice.new_key(&Coming::new(&wrapping, &nist, &blob, &own).register());
    assert_eq!(alice.export(&id), secret);
    let sealed = alice.seal(&id, b"text");
    assert_eq!(alice.open(&sealed), b"text");
    // Under a key that does not unwrap, or that is not here, it is kept as it is.
    let other = alice.new_key(&register("AES", &kek, &[mask(WRAP)]));
    for wrapping in [other.as_str(), "elsewhere"] {
        let id = alice.new_key(&Coming::new(wrapping, &nist, &blob, &own).register());
        assert_eq!(octets(&alice.ok(&named("Get", &id)), "KeyMaterial"), blob);
    }
    let mut damaged = blob.clone();
    damaged[3] ^= 1;
    alice.refused(&Coming::new(&wrapping, &nist, &damaged, &own).register(), 422, "Cryptographic_Failure");
    // The right to decrypt by the wrapping key is needed.
    let mut bob = server.bob().connect().unwrap();
    let id = bob.new_key(&Coming::new(&wrapping, &nist, &blob, &own).register());
    assert_eq!(octets(&bob.ok(&named("Get", &id)), "KeyMaterial"), blob, "bob does not see the wrapping key");
    let answer = alice.ok(&structure("Query", &[enumeration("QueryFunction", "QueryCapabilities")]));
    assert_eq!(find(&answer, "UnwrapMode").unwrap(), "Processed");
}

fn keys_that_are_too_short_are_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let kek = reference::random(32);
    let wrapping = alice.new_key(&register("AES", &kek, &[mask(UNWRAP)]));
    let secret = reference::random(16);
    let blob = reference::key_wrap(&kek, &secret);
    let own =
        [enumeration("CryptographicAlgorithm", "HMACSHA256"), integer("CryptographicLength", 128), mask(0x80 | 0x100)];
    let nist = [enumeration("BlockCipherMode", "NISTKeyWrap")];
    let request = Coming::new(&wrapping, &nist, &blob, &own).import();
    if Hsm::chosen() == Hsm::SoftHsm {
        let problem = alice.refused(&request, 422, "Key_Wrap_Type_Not_Supported");
        assert!(problem.to_string().contains("register it in clear"), "{problem}");
    } else {
        let id = alice.new_key(&request);
        assert_eq!(alice.mac(&id, b"text"), reference::hmac(MessageDigest::sha256(), &secret, b"text"));
    }
}
