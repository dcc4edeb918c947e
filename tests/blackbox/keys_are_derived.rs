//! Derive Key (KMIP 2.1 section 6.1.14): inside the HSM token, equal to what OpenSSL derives, and without a way around a
//! right or a class.

use openssl::derive::Deriver;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::symm::{Cipher, Crypter, Mode};
use serde_json::Value;

use crate::harness::asymmetric::{Kind, agreeing_kinds, point};
use crate::harness::attributes::{limits, put};
use crate::harness::kmip::{
    boolean, bytes, create, encrypt, enumeration, find, integer, named, parameters, register, revoke, string,
    structure, tags, text, with,
};
use crate::harness::message::{message, option};
use crate::harness::pairs::{halves, pair, pair_of};
use crate::harness::{Connection, Hsm, Server, World, reference};

const DERIVE: i64 = 0x200;

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        what_is_derived_is_what_openssl_derives,
        two_parties_derive_one_key,
        only_a_sound_key_of_the_same_curve_is_another_party,
        a_derived_key_is_no_weaker,
        only_keys_that_do_nothing_else_are_derived_from,
        parameters_have_bounds,
        a_message_derives_or_does_not,
    ]);
}

fn base(alice: &mut Connection, algorithm: &str, key: &[u8], more: &[Value]) -> String {
    let mask = integer("CryptographicUsageMask", DERIVE);
    alice.new_key(&register(algorithm, key, &[&[mask], more].concat()))
}

/// A request for an AES key of this length in bits, with these attributes.
pub fn derive(id: &str, method: &str, parameters: &[Value], bits: i64, attributes: &[Value]) -> Value {
    let own = crate::harness::kmip::attributes("AES", bits, attributes);
    structure(
        "DeriveKey",
        &[
            enumeration("ObjectType", "SymmetricKey"),
            text("UniqueIdentifier", id),
            enumeration("DerivationMethod", method),
            structure("DerivationParameters", parameters),
            own,
        ],
    )
}

fn mode(name: &str) -> Value {
    parameters(&[enumeration("BlockCipherMode", name)])
}

pub fn ecb(id: &str, bits: i64, more: &[Value]) -> Value {
    derive(
        id,
        "ENCRYPT",
        &[mode("ECB"), bytes("DerivationData", &core::array::from_fn::<u8, 32, _>(|at| at as u8))],
        bits,
        more,
    )
}

fn by_openssl(cipher: Cipher, key: &[u8], iv: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
    let mut crypter = Crypter::new(cipher, Mode::Encrypt, key, iv).unwrap();
    crypter.pad(false);
    let mut out = vec![0; data.len() + 32];
    let count = crypter.update(data, &mut out).unwrap();
    out.truncate(count);
    out
}

fn hkdf(ikm: &[u8], salt: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let sha = MessageDigest::sha256();
    let zeros = [0; 32];
    let prk = reference::hmac(sha, if salt.is_empty() { &zeros } else { salt }, ikm);
    let (mut out, mut last) = (Vec::new(), Vec::new());
    for number in 1..=u8::MAX {
        last = reference::hmac(sha, &prk, &[&last, info, &[number]].concat());
        out.extend_from_slice(&last);
        if out.len() >= length {
            break;
        }
    }
    out.truncate(length);
    out
}

fn counter(key: &[u8], input: &[u8], length: usize) -> Vec<u8> {
    let blocks = (1_u32..)
        .map(|number| reference::hmac(MessageDigest::sha256(), key, &[&number.to_be_bytes()[..], input].concat()));
    let mut out: Vec<u8> = blocks.take(length.div_ceil(32)).flatten().collect();
    out.truncate(length);
    out
}

fn feedback(key: &[u8], iv: &[u8], input: &[u8], length: usize) -> Vec<u8> {
    let (mut out, mut last) = (Vec::new(), iv.to_vec());
    for number in 1_u32..=3 {
        last = reference::hmac(MessageDigest::sha256(), key, &[&last, &number.to_be_bytes()[..], input].concat());
        out.extend_from_slice(&last);
    }
    out.truncate(length);
    out
}

/// Derives, and returns the value of the key; `None` if the HSM lacks the mechanism, which the error names.
fn derived(alice: &mut Connection, request: &Value, mechanism: &str) -> Option<Vec<u8>> {
    let answer = alice.kmip(request);
    if answer.status == 200 {
        return Some(alice.export(&string(&answer.json(), "UniqueIdentifier")));
    }
    let problem = alice.refused(request, 422, "Unsupported_Cryptographic_Parameters");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(mechanism) || detail.contains("C_DeriveKey"), "{problem}");
    None
}

fn what_is_derived_is_what_openssl_derives(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut served = 0;
    for turn in 0..6 {
        let (key, data) = (reference::random(32), reference::random(16 * (2 + turn)));
        let (iv, salt) = (reference::random(16), reference::random(turn * 7));
        let bits = [128, 192, 256][turn % 3];
        let length = bits as usize / 8;
        let aes = base(&mut alice, "AES", &key, &[]);
        let hmac = base(&mut alice, "HMACSHA256", &key, &[]);
        let input = bytes("DerivationData", &data);
        let by_ecb = derive(&aes, "ENCRYPT", &[mode("ECB"), input.clone()], bits, &[]);
        let with_iv = [mode("CBC"), bytes("InitializationVector", &iv), input.clone()];
        let by_cbc = derive(&aes, "ENCRYPT", &with_iv, bits, &[]);
        let by_hkdf = derive(&hmac, "HKDF", &[input.clone(), bytes("Salt", &salt)], bits, &[]);
        let by_counter = derive(&hmac, "NIST800_108_C", std::slice::from_ref(&input), bits, &[]);
        let by_feedback = derive(&hmac, "NIST800_108_F", &[bytes("InitializationVector", &iv), input], bits, &[]);
        let sha = parameters(&[enumeration("HashingAlgorithm", "SHA384")]);
        let by_hash = derive(&hmac, "HASH", &[sha], bits, &[]);
        let hash = openssl::hash::hash(MessageDigest::sha384(), &key).unwrap();
        let cbc = by_openssl(Cipher::aes_256_cbc(), &key, Some(&iv), &data);
        for (request, mechanism, expected) in [
            (
                by_ecb,
                "CKM_AES_ECB_ENCRYPT_DATA",
                by_openssl(Cipher::aes_256_ecb(), &key, None, &data)[..length].to_vec(),
            ),
            (by_cbc, "CKM_AES_CBC_ENCRYPT_DATA", cbc[..length].to_vec()),
            (by_hkdf, "CKM_HKDF_DERIVE", hkdf(&key, &salt, &data, length)),
            (by_counter, "CKM_SP800_108_COUNTER_KDF", counter(&key, &data, length)),
            (by_feedback, "CKM_SP800_108_FEEDBACK_KDF", feedback(&key, &iv, &data, length)),
            (by_hash, "CKM_SHA256_KEY_DERIVATION", hash[..length].to_vec()),
        ] {
            if let Some(value) = derived(&mut alice, &request, mechanism) {
                assert_eq!(value, expected, "{mechanism} {turn}");
                served += 1;
            }
        }
    }
    // SoftHSM has the two mechanisms of ENCRYPT.
    let least = if Hsm::chosen() == Hsm::SoftHsm { 12 } else { 6 };
    assert!(served >= least, "{served}");
    let query = structure("Query", &[enumeration("QueryFunction", "QueryOperations")]);
    assert!(alice.ok(&query).to_string().contains("DeriveKey"));
}

/// ECDH with the other party's key, for a key that makes MACs.
pub fn ecdh(id: &str, peer: &[Value], bits: i64, more: &[Value]) -> Value {
    // SoftHSM takes no shorter key for HMAC.
    let algorithm = if bits < 256 { "AES" } else { "HMACSHA256" };
    let own = [enumeration("CryptographicAlgorithm", algorithm), integer("CryptographicUsageMask", 0x180)];
    derive(id, "AsymmetricKey", peer, bits, &[&own, more].concat())
}

pub fn shared(own: &PKey<Private>, other: &PKey<Private>) -> Vec<u8> {
    let other = PKey::public_key_from_der(&other.public_key_to_der().unwrap()).unwrap();
    let mut deriver = Deriver::new(own).unwrap();
    deriver.set_peer(&other).unwrap();
    deriver.derive_to_vec().unwrap()
}

fn two_parties_derive_one_key(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let open = [boolean("Sensitive", false), boolean("Extractable", true)];
    for kind in agreeing_kinds() {
        let (own, other) = (kind.generate(), kind.generate());
        let id = alice.new_key(&kind.register("PrivateKey", &kind.private(&own)[0], DERIVE, &open));
        let secret = shared(&own, &other);
        for peer in [other.public_key_to_der().unwrap(), kind.point(&other)] {
            for length in [16, 32, 48, 64].into_iter().filter(|length| *length <= secret.len()) {
                let request = ecdh(&id, &[bytes("DerivationData", &peer)], 8 * length as i64, &[]);
                let value = derived(&mut alice, &request, "CKM_ECDH1_DERIVE").unwrap();
                // PKCS#11 removes the first bytes.
                assert_eq!(value, secret[secret.len() - length..], "{kind:?} {length}");
            }
        }
        // The other party as an object, and a pair of the HSM, whose keys stay there.
        let public = alice.new_key(&kind.register("PublicKey", &kind.public(&other)[0], DERIVE, &[]));
        let request = with(ecdh(&id, &[], 256, &[]), &[text("UniqueIdentifier", &public)]);
        let known = alice.new_key(&request);
        assert_eq!(alice.export(&known), secret[secret.len() - 32..]);
        if kind == Kind::Curve("SECP256K1", 256) {
            continue;
        }
        let [private, public] = [DERIVE | 0x800, DERIVE].map(|mask| {
            let mut half = vec![integer("CryptographicUsageMask", mask)];
            half.extend(kind.domain());
            half
        });
        let (private, public) = halves(&alice.ok(&pair_of("EC", kind.bits(), &private, &public)));
        let sealed = alice.new_key(&ecdh(&private, &[bytes("DerivationData", &kind.point(&own))], 256, &[]));
        assert_ne!(alice.kmip(&named("Export", &sealed)).status, 200);
        let request = with(ecdh(&id, &[], 256, &[]), &[text("UniqueIdentifier", &public)]);
        let same = alice.new_key(&request);
        assert_eq!(alice.mac(&sealed, b"x"), alice.mac(&same, b"x"), "{kind:?}");
        for weaker in &open[..1] {
            let request =
                ecdh(&private, &[bytes("DerivationData", &kind.point(&own))], 256, std::slice::from_ref(weaker));
            alice.refused(&request, 400, "Invalid_Attribute_Value");
        }
        let attributes = alice.attributes(&sealed);
        assert_eq!(find(&attributes, "AlwaysSensitive"), Some(&false.into()));
    }
}

fn only_a_sound_key_of_the_same_curve_is_another_party(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (kind, other) = (Kind::Curve("P256", 256), Kind::Curve("P384", 384));
    let own = kind.generate();
    let private =
        |alice: &mut Connection, mask| alice.new_key(&kind.register("PrivateKey", &kind.private(&own)[0], mask, &[]));
    let id = private(&mut alice, DERIVE);
    let good = point(&kind.generate());
    let mut off = good.clone();
    off[64] ^= 1;
    let mut info = kind.generate().public_key_to_der().unwrap();
    *info.last_mut().unwrap() ^= 1;
    let of_another = other.generate();
    for wrong in [
        vec![],
        vec![0],
        vec![4; 65],
        off,
        info,
        good[..64].to_vec(),
        point(&of_another),
        of_another.public_key_to_der().unwrap(),
        Kind::Ed25519.generate().public_key_to_der().unwrap(),
        Kind::X25519.generate().public_key_to_der().unwrap(),
        Kind::X25519.point(&Kind::X25519.generate()),
        vec![0x30; 1_024],
    ] {
        let answer = alice.kmip(&ecdh(&id, &[bytes("DerivationData", &wrong)], 256, &[]));
        assert!([400, 422].contains(&answer.status), "{wrong:?}: {}", answer.status);
    }
    let right = [bytes("DerivationData", &good)];
    assert_eq!(alice.kmip(&ecdh(&id, &right, 512, &[])).status, 400, "longer than a coordinate");
    assert_ne!(
        alice.kmip(&derive(&id, "ENCRYPT", &[mode("ECB"), bytes("DerivationData", &[1; 32])], 256, &[])).status,
        200
    );
    let reason = "Incompatible_Cryptographic_Usage_Mask";
    for mask in [1, 1 | DERIVE, 0x800] {
        let id = private(&mut alice, mask);
        alice.refused(&ecdh(&id, &right, 256, &[]), 403, reason);
    }
    // A key that has signed does not become one that derives.
    let id = private(&mut alice, 1 | DERIVE);
    let fewer = put("ModifyAttribute", &id, &integer("CryptographicUsageMask", DERIVE));
    assert_ne!(alice.kmip(&fewer).status, 200);
    // The named public key is used, too.
    let id = private(&mut alice, DERIVE);
    let form = &kind.public(&kind.generate())[0];
    let verifying = alice.new_key(&kind.register("PublicKey", form, 2, &[]));
    let named = |public: &str, data: &[Value]| with(ecdh(&id, data, 256, &[]), &[text("UniqueIdentifier", public)]);
    alice.refused(&named(&verifying, &[]), 403, reason);
    let public = alice.new_key(&kind.register("PublicKey", form, DERIVE, &[]));
    assert_ne!(alice.kmip(&named(&public, &right)).status, 200, "twice");
    alice.ok(&named(&public, &[]));
    server.bob().connect().unwrap().refused(&named(&public, &[]), 404, "Object_Not_Found");
}

fn a_derived_key_is_no_weaker(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let flag = crate::harness::kmip::boolean;
    let strong = [flag("Sensitive", true), flag("Extractable", false), integer("CryptographicUsageMask", DERIVE)];
    let sealed = alice.new_key(&create("AES", 256, &strong));
    for weaker in [flag("Sensitive", false), flag("Extractable", true)] {
        alice.refused(&ecb(&sealed, 256, &[weaker]), 400, "Invalid_Attribute_Value");
    }
    // A key has at most the strength of the one from which it is derived.
    let short = alice.new_key(&create("AES", 128, &strong));
    alice.refused(&ecb(&short, 256, &[flag("QuantumSafe", true)]), 422, "General_Failure");
    alice.new_key(&ecb(&sealed, 256, &[flag("QuantumSafe", true)]));
    let equal = derive(&sealed, "ENCRYPT", &[mode("ECB"), bytes("DerivationData", &[7; 32])], 256, &[]);
    alice.refused(&equal, 400, "Bad_Cryptographic_Parameters");
    let id = alice.new_key(&ecb(&sealed, 256, &[]));
    assert_ne!(alice.kmip(&named("Export", &id)).status, 200);
    let attributes = alice.attributes(&id);
    let is = |attributes: &Value, tag: &str| find(attributes, tag).and_then(Value::as_bool);
    // The same derivation gives the key to others, as what they want.
    assert_eq!((is(&attributes, "AlwaysSensitive"), is(&attributes, "NeverExtractable")), (Some(false), Some(false)));
    assert!(attributes.to_string().contains("DerivationBaseObjectLink") && attributes.to_string().contains(&sealed));
    // It works, and it is the same key each time.
    let sealed_text = alice.seal(&id, b"text");
    let again = alice.new_key(&ecb(&sealed, 256, &[]));
    let other = crate::harness::kmip::Sealed { id: again.clone(), ..sealed_text };
    assert_eq!(alice.open(&other), b"text");
    // A key that was known outside derives keys that are known there.
    let known = base(&mut alice, "AES", &[3; 32], &strong[..2]);
    let id = alice.new_key(&ecb(&known, 256, &[]));
    let attributes = alice.attributes(&id);
    assert_eq!((is(&attributes, "AlwaysSensitive"), is(&attributes, "NeverExtractable")), (Some(false), Some(false)));
}

fn only_keys_that_do_nothing_else_are_derived_from(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let reason = "Incompatible_Cryptographic_Usage_Mask";
    for mask in [0, 4, 4 | 8, DERIVE | 4, DERIVE | 8, DERIVE | 128, DERIVE | 16] {
        let id = alice.new_key(&create("AES", 256, &[integer("CryptographicUsageMask", mask)]));
        alice.refused(&ecb(&id, 256, &[]), 403, reason);
    }
    let id = base(&mut alice, "AES", &[1; 32], &[]);
    assert_ne!(alice.kmip(&encrypt(&id, b"x")).status, 200);
    let (private, _) = pair(&mut alice, "EC", 256);
    assert_ne!(alice.kmip(&ecb(&private, 256, &[])).status, 200);
    // As for every use, the key is Active and the limit holds.
    let early = crate::harness::kmip::date("ActivationDate", "2999-01-01T00:00:00Z");
    let early = base(&mut alice, "AES", &[1; 32], &[early]);
    alice.refused(&ecb(&early, 256, &[]), 409, "Wrong_Key_Lifecycle_State");
    let limited = base(&mut alice, "AES", &[1; 32], &[limits(1, "Object")]);
    alice.ok(&ecb(&limited, 256, &[]));
    alice.refused(&ecb(&limited, 256, &[]), 409, "Usage_Limit_Exceeded");
    alice.ok(&revoke(&id, "Superseded"));
    alice.refused(&ecb(&id, 256, &[]), 409, "Wrong_Key_Lifecycle_State");
}

fn parameters_have_bounds(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = base(&mut alice, "AES", &[1; 32], &[]);
    let data = |length: usize| bytes("DerivationData", &vec![1; length]);
    let iv = |length: usize| bytes("InitializationVector", &vec![1; length]);
    for wrong in [
        vec![mode("ECB")],
        vec![mode("ECB"), data(31)],
        vec![mode("ECB"), data(16)],
        vec![mode("ECB"), data(1_040)],
        vec![mode("ECB"), iv(16), data(32)],
        vec![mode("CBC"), data(32)],
        vec![mode("CBC"), iv(12), data(32)],
        vec![mode("GCM"), data(32)],
        vec![data(32)],
        vec![mode("ECB"), data(32), integer("IterationCount", 1)],
    ] {
        let answer = alice.kmip(&derive(&id, "ENCRYPT", &wrong, 256, &[]));
        assert!([400, 422].contains(&answer.status), "{wrong:?}: {}", String::from_utf8_lossy(&answer.body));
    }
    for method in ["PBKDF2", "HMAC", "NIST800_108_DPI"] {
        let request = derive(&id, method, &[data(32)], 256, &[]);
        alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
    }
    let sha = |name| parameters(&[enumeration("HashingAlgorithm", name)]);
    for (method, wrong) in [
        ("HASH", vec![]),
        ("HASH", vec![sha("SHA256"), data(32)]),
        ("HASH", vec![sha("SHA1")]),
        ("HASH", vec![sha("MD5")]),
        ("NIST800_108_F", vec![]),
        ("NIST800_108_F", vec![iv(1_025), data(1)]),
        ("AsymmetricKey", vec![data(65)]),
    ] {
        let answer = alice.kmip(&derive(&id, method, &wrong, 256, &[]));
        assert!([400, 422].contains(&answer.status), "{method} {wrong:?}: {}", answer.status);
    }
    // An HMAC by the hash of a long key is one by the key.
    let long = base(&mut alice, "HMACSHA256", &[1; 65], &[]);
    let refused = alice.kmip(&derive(&long, "HASH", &[sha("SHA256")], 256, &[]));
    assert!(refused.json().to_string().contains("block"), "{}", refused.json());
    // A short key could be found by trying all of them.
    for bits in [8, 64, 120, 136, 1_024] {
        let short = [enumeration("CryptographicAlgorithm", "HMACSHA256"), integer("CryptographicLength", bits)];
        let request = derive(&id, "ENCRYPT", &[mode("ECB"), data(256)], bits, &short);
        assert_ne!(alice.kmip(&request).status, 200, "{bits}");
    }
    let two = with(ecb(&id, 256, &[]), &[text("UniqueIdentifier", &id)]);
    assert_ne!(alice.kmip(&two).status, 200);
}

fn a_message_derives_or_does_not(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = base(&mut alice, "AES", &[1; 32], &[]);
    let before = alice.count();
    let failing = [ecb(&id, 256, &[tags(&["undone"])]), named("Destroy", "not there")];
    let answer = alice.ok(&message(&[option("Undo")], &failing));
    assert!(answer.to_string().contains("OperationUndone"), "{answer}");
    assert_eq!(alice.count(), before);
    // The ID placeholder is the derived key.
    let items = [ecb(&id, 256, &[]), structure("GetAttributes", &[])];
    let answer = alice.ok(&message(&[], &items));
    let items = answer["value"].as_array().unwrap();
    assert_eq!(string(&items[1], "UniqueIdentifier"), string(&items[2], "UniqueIdentifier"));
    alice.ok(&put("SetAttribute", &string(&items[1], "UniqueIdentifier"), &text("Comment", "derived")));
}

#[test]
fn the_right_to_derive_is_one_of_its_own() {
    let world = World::new("");
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| world.certificate(name));
    alice.key("base", &[integer("CryptographicUsageMask", DERIVE)]);
    bob.refused(&ecb("base", 256, &[]), 404);
    alice.grant("base", "bob", &["get_attributes"]);
    bob.refused(&ecb("base", 256, &[]), 403);
    alice.grant("base", "bob", &["derive_key"]);
    // What bob derives is bob's.
    let id = string(&bob.ok(&ecb("base", 256, &[])), "UniqueIdentifier");
    bob.ok(&encrypt(&id, b"x"));
    alice.refused(&encrypt(&id, b"x"), 404);
}
