//! Derive Key of and from secret data (KMIP 2.1 sections 6.1.14 and 7.12): inside the HSM token, and no weaker than what it is
//! derived from.

use openssl::hash::MessageDigest;
use openssl::symm::Cipher;
use serde_json::Value;

use crate::harness::kmip::{
    boolean, bytes, create, enumeration, find, integer, named, octets, parameters, register, string, structure, text,
};
use crate::harness::{Connection, Hsm, Server, World, reference};

const DERIVE: i64 = 0x200;

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        secret_data_is_what_openssl_derives,
        keys_are_derived_from_secret_data,
        what_is_derived_is_no_weaker,
        what_is_not_meant_is_refused,
    ]);
}

fn mask(bits: i64) -> Value {
    integer("CryptographicUsageMask", bits)
}

fn secret_data(value: &[u8], more: &[Value]) -> Value {
    let key_value = structure("KeyValue", &[bytes("KeyMaterial", value)]);
    let block = structure("KeyBlock", &[enumeration("KeyFormatType", "Raw"), key_value]);
    let object = structure("SecretData", &[enumeration("SecretDataType", "Seed"), block]);
    let begun = crate::harness::kmip::date("ActivationDate", "2024-01-01T00:00:00Z");
    let own = structure("Attributes", &[&[begun], more].concat());
    structure("Register", &[enumeration("ObjectType", "SecretData"), own, object])
}

/// A request for an object of this type and length in bits.
fn derive(kind: &str, ids: &[&str], method: &str, fields: &[Value], bits: i64, more: &[Value]) -> Value {
    let own = if kind == "SecretData" {
        structure("Attributes", &[&[integer("CryptographicLength", bits)], more].concat())
    } else {
        crate::harness::kmip::attributes("AES", bits, more)
    };
    let ids = ids.iter().map(|id| text("UniqueIdentifier", id));
    let mut request = vec![enumeration("ObjectType", kind)];
    request.extend(ids);
    request.extend([enumeration("DerivationMethod", method), structure("DerivationParameters", fields), own]);
    structure("DeriveKey", &request)
}

fn ecb() -> Value {
    parameters(&[enumeration("BlockCipherMode", "ECB")])
}

/// Register of secret data from which, and by which, keys are derived.
pub fn to_derive_from(value: &[u8]) -> Value {
    secret_data(value, &[mask(DERIVE)])
}

/// A request for a key that the base derives from the value of secret data.
pub fn with_data_of(base: &str, data: &str) -> Value {
    derive("SymmetricKey", &[base, data], "ENCRYPT", &[ecb()], 256, &[])
}

fn value(alice: &mut Connection, request: &Value) -> Vec<u8> {
    let id = string(&alice.ok(request), "UniqueIdentifier");
    octets(&alice.ok(&named("Get", &id)), "KeyMaterial")
}

fn secret_data_is_what_openssl_derives(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (key, data) = (reference::random(32), reference::random(64));
    let base = alice.new_key(&register("AES", &key, &[mask(DERIVE)]));
    let all = reference::crypt(Cipher::aes_256_ecb(), &key, None, false, &data);
    for length in [16, 17, 42, 64] {
        let fields = [ecb(), bytes("DerivationData", &data)];
        let request = derive("SecretData", &[&base], "ENCRYPT", &fields, 8 * length, &[]);
        let length = usize::try_from(length).unwrap();
        assert_eq!(value(&mut alice, &request), all[..length]);
    }
    // The data is that of secret data, which is named instead.
    let other = alice.new_key(&to_derive_from(&data));
    assert_eq!(value(&mut alice, &with_data_of(&base, &other)), all[..32]);
    let id = string(
        &alice.ok(&derive("SecretData", &[&base], "ENCRYPT", &[ecb(), bytes("DerivationData", &data)], 128, &[])),
        "UniqueIdentifier",
    );
    let attributes = alice.attributes(&id);
    assert_eq!(find(&attributes, "ObjectType").unwrap(), "SecretData");
    assert_eq!(find(&attributes, "LinkType").unwrap(), "DerivationBaseObjectLink");
}

fn keys_are_derived_from_secret_data(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (secret, info) = (reference::random(22), reference::random(20));
    let base = alice.new_key(&secret_data(&secret, &[mask(DERIVE)]));
    let sha = parameters(&[enumeration("HashingAlgorithm", "SHA256")]);
    let counter = reference::hmac(MessageDigest::sha256(), &secret, &[&[0, 0, 0, 1][..], &info].concat());
    let prk = reference::hmac(MessageDigest::sha256(), &[0; 32], &secret);
    let hkdf = reference::hmac(MessageDigest::sha256(), &prk, &[&info[..], &[1]].concat());
    let hash = openssl::hash::hash(MessageDigest::sha256(), &secret).unwrap();
    for (method, mechanism, fields, expected) in [
        ("HKDF", "CKM_HKDF_DERIVE", vec![bytes("DerivationData", &info)], hkdf),
        ("NIST800_108_C", "CKM_SP800_108_COUNTER_KDF", vec![bytes("DerivationData", &info)], counter),
        ("HASH", "CKM_SHA256_KEY_DERIVATION", vec![sha], hash.to_vec()),
    ] {
        for kind in ["SymmetricKey", "SecretData"] {
            let request = derive(kind, &[&base], method, &fields, 256, &[]);
            if Hsm::chosen() == Hsm::SoftHsm {
                let problem = alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
                assert!(problem.to_string().contains(mechanism), "{problem}");
            } else {
                assert_eq!(value(&mut alice, &request), expected, "{method} {kind}");
            }
        }
    }
    // AES encrypts by AES keys only.
    let request = derive("SymmetricKey", &[&base], "ENCRYPT", &[ecb(), bytes("DerivationData", &[7; 32])], 256, &[]);
    alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
}

fn what_is_derived_is_no_weaker(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let fields = [ecb(), bytes("DerivationData", &core::array::from_fn::<u8, 32, _>(|at| at as u8))];
    let sealed = [mask(DERIVE), boolean("Sensitive", true), boolean("Extractable", false)];
    let base = alice.new_key(&create("AES", 256, &sealed));
    // The HSM would give the value to the server.
    assert_eq!(alice.kmip(&derive("SecretData", &[&base], "ENCRYPT", &fields, 256, &[])).status, 400);
    let open = [boolean("Sensitive", false), boolean("Extractable", true)];
    assert_eq!(alice.kmip(&derive("SecretData", &[&base], "ENCRYPT", &fields, 256, &open)).status, 400);
    let known = alice.new_key(&register("AES", &[7; 32], &[mask(DERIVE)]));
    assert_eq!(alice.kmip(&derive("SecretData", &[&known], "ENCRYPT", &fields, 256, &sealed[1..])).status, 400);
    // Who knows the key that encrypts secret data could decrypt it.
    let secret = reference::random(32);
    for marks in [&sealed[1..], &[boolean("Sensitive", true)], &[boolean("Extractable", false)]] {
        let other = alice.new_key(&secret_data(&secret, &[&sealed[..1], marks].concat()));
        for kind in ["SymmetricKey", "SecretData"] {
            assert_eq!(alice.kmip(&derive(kind, &[&known, &other], "ENCRYPT", &[ecb()], 256, &[])).status, 400);
        }
    }
    // The derivation data needs the right to get it, and its uses are counted.
    let limit = crate::harness::attributes::limits(2, "Object");
    let other = alice.new_key(&secret_data(&secret, &[mask(DERIVE), limit]));
    let request = derive("SymmetricKey", &[&known, &other], "ENCRYPT", &[ecb()], 256, &[]);
    alice.ok(&request);
    alice.ok(&request);
    assert_eq!(alice.kmip(&request).status, 409);
    let mut owner = crate::harness::Caller::certificate(server, "alice");
    owner.grant(&other, "bob", &["derive_key"]);
    let mut bob = server.bob().connect().unwrap();
    let own = bob.new_key(&register("AES", &[9; 32], &[mask(DERIVE)]));
    let request = derive("SymmetricKey", &[&own, &other], "ENCRYPT", &[ecb()], 256, &[]);
    assert_eq!(bob.kmip(&request).status, 403);
    // A short value could be found by trying all.
    let short = alice.new_key(&secret_data(b"0220", &sealed));
    let data = bytes("DerivationData", b"x");
    for method in ["HASH", "HKDF", "NIST800_108_C"] {
        let fields = if method == "HASH" { vec![] } else { vec![data.clone()] };
        assert_eq!(alice.kmip(&derive("SymmetricKey", &[&short], method, &fields, 256, &[])).status, 400, "{method}");
    }
}

fn what_is_not_meant_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let known = alice.new_key(&register("AES", &[7; 32], &[mask(DERIVE)]));
    let fields = [ecb(), bytes("DerivationData", &core::array::from_fn::<u8, 32, _>(|at| at as u8))];
    for bits in [0, 120, 127, 129, 520, -8] {
        assert_eq!(alice.kmip(&derive("SecretData", &[&known], "ENCRYPT", &fields, bits, &[])).status, 400, "{bits}");
    }
    let data = reference::random(32);
    let secret = alice.new_key(&secret_data(&data, &[mask(DERIVE)]));
    // Data is given once, and the object that has it may only be for derivation.
    assert_eq!(alice.kmip(&derive("SymmetricKey", &[&known, &secret], "ENCRYPT", &fields, 256, &[])).status, 400);
    let other = alice.new_key(&secret_data(&data, &[mask(DERIVE | 4)]));
    let request = derive("SymmetricKey", &[&known, &other], "ENCRYPT", &[ecb()], 256, &[]);
    alice.refused(&request, 403, "Incompatible_Cryptographic_Usage_Mask");
    let other = alice.new_key(&secret_data(&data, &[]));
    let request = derive("SymmetricKey", &[&other], "HKDF", &[bytes("DerivationData", &data)], 256, &[]);
    alice.refused(&request, 403, "Incompatible_Cryptographic_Usage_Mask");
    for ids in [&[&*known, &*known][..], &[&known, &secret, &secret]] {
        assert_ne!(alice.kmip(&derive("SymmetricKey", ids, "ENCRYPT", &[ecb()], 256, &[])).status, 200);
    }
    // Secret data has no other use.
    alice.refused(&crate::harness::kmip::encrypt(&secret, b"text"), 422, "Invalid_Object_Type");
}

#[test]
fn the_data_needs_the_right_to_derive() {
    let world = World::new("administrators = [\"root\"]\n");
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| world.certificate(name));
    let data = reference::random(32);
    alice.ok(&register("AES", &[7; 32], &[mask(DERIVE), text("UniqueIdentifier", "base")]));
    let secret = string(&alice.ok(&secret_data(&data, &[mask(DERIVE)])), "UniqueIdentifier");
    let request = derive("SymmetricKey", &["base", &secret], "ENCRYPT", &[ecb()], 256, &[]);
    alice.grant("base", "bob", &["derive_key"]);
    bob.refused(&request, 404);
    alice.grant(&secret, "bob", &["get"]);
    bob.refused(&request, 403);
    alice.grant(&secret, "bob", &["derive_key"]);
    bob.ok(&request);
}
