//! Import of a key that is wrapped under a key of the caller: it is unwrapped inside the HSM, by those who may decrypt by the
//! wrapping key, and no key that unwraps wraps a Sensitive key.

use serde_json::{Value, json};

use crate::harness::attributes::put;
use crate::harness::kmip::{
    boolean, create, enumeration, find, integer, named, octets, parameters, raw_key, register, string, structure, text,
    with, wrapped,
};
use crate::harness::{Connection, Hsm, Server, World, eventually, reference};

const DECRYPT: i64 = 8;
const WRAP: i64 = 0x10;
const UNWRAP: i64 = 0x20;

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        what_openssl_wrapped_is_unwrapped,
        what_is_damaged_is_refused,
        only_what_is_wrapped_so_is_unwrapped,
        a_key_that_unwraps_keeps_nothing,
    ]);
}

fn mask(bits: i64) -> Value {
    integer("CryptographicUsageMask", bits)
}

/// Import of a key for this algorithm, which is wrapped under another.
pub fn unwrapping(wrapping: &str, algorithm: &str, blob: &[u8], more: &[Value]) -> Value {
    let information = structure("EncryptionKeyInformation", &[text("UniqueIdentifier", wrapping)]);
    of_data(
        &[enumeration("WrappingMethod", "Encrypt"), information, enumeration("EncodingOption", "NoEncoding")],
        algorithm,
        blob,
        more,
    )
}

fn of_data(data: &[Value], algorithm: &str, blob: &[u8], more: &[Value]) -> Value {
    let mut object = raw_key(algorithm, blob);
    let block = object["value"][0]["value"].as_array_mut().unwrap();
    block.retain(|field| field["tag"] == "KeyFormatType" || field["tag"] == "KeyValue");
    block.push(structure("KeyWrappingData", data));
    let mut own = crate::harness::kmip::attributes(algorithm, 0, more);
    own["value"].as_array_mut().unwrap().retain(|field| field["value"] != 0);
    let fields = [enumeration("ObjectType", "SymmetricKey"), enumeration("KeyWrapType", "NotWrapped"), own, object];
    structure("Import", &fields)
}

fn what_openssl_wrapped_is_unwrapped(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for length in [16, 24, 32] {
        let key = reference::random(length);
        let wrapping = alice.new_key(&register("AES", &key, &[mask(UNWRAP)]));
        for (algorithm, bytes) in [("AES", 16), ("AES", 24), ("AES", 32), ("HMACSHA256", 32), ("HMACSHA256", 40)] {
            let secret = reference::random(bytes);
            let blob = reference::key_wrap(&key, &secret);
            let id = alice.new_key(&unwrapping(&wrapping, algorithm, &blob, &[]));
            assert_eq!(alice.export(&id), secret);
            let attributes = alice.attributes(&id);
            assert_eq!(find(&attributes, "CryptographicLength").unwrap(), 8 * bytes);
            // It was known outside.
            assert_eq!(find(&attributes, "NeverExtractable"), Some(&false.into()));
            assert_eq!(find(&attributes, "AlwaysSensitive"), Some(&false.into()));
        }
        let secret = reference::random(32);
        let sealed = [boolean("Sensitive", true), boolean("Extractable", false)];
        let id = alice.new_key(&unwrapping(&wrapping, "AES", &reference::key_wrap(&key, &secret), &sealed));
        alice.refused(&named("Get", &id), 403, "Not_Extractable");
        let sealed = alice.seal(&id, b"text");
        let same = alice.new_key(&register("AES", &secret, &[]));
        assert_eq!(alice.open(&crate::harness::kmip::Sealed { id: same, ..sealed }), b"text");
    }
}

fn what_is_damaged_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let key = reference::random(32);
    let wrapping = alice.new_key(&register("AES", &key, &[mask(UNWRAP)]));
    let other = alice.new_key(&register("AES", &reference::random(32), &[mask(UNWRAP)]));
    let blob = reference::key_wrap(&key, &[7; 32]);
    for place in 0..blob.len() {
        let mut damaged = blob.clone();
        damaged[place] ^= 1 << (place % 8);
        alice.refused(&unwrapping(&wrapping, "AES", &damaged, &[]), 422, "Cryptographic_Failure");
    }
    alice.refused(&unwrapping(&other, "AES", &blob, &[]), 422, "Cryptographic_Failure");
    for length in [0, 1, 7, 8, 9, 16, 20, 25, 48, 60_000] {
        let answer = alice.kmip(&unwrapping(&wrapping, "AES", &vec![3; length], &[]));
        assert!([400, 422].contains(&answer.status), "{length}: {}", answer.status);
    }
    // A key of the length of a blob is not a whole one, and a key of another length is another one.
    alice.refused(
        &unwrapping(&wrapping, "AES", &blob, &[integer("CryptographicLength", 128)]),
        400,
        "Invalid_Attribute_Value",
    );
    // The HSM counts as working: what is right is unwrapped at once.
    alice.new_key(&unwrapping(&wrapping, "AES", &blob, &[]));
    assert_eq!(server.log().matches("suspected").count(), 0);
}

fn only_what_is_wrapped_so_is_unwrapped(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let key = reference::random(32);
    let wrapping = alice.new_key(&register("AES", &key, &[mask(UNWRAP)]));
    let blob = reference::key_wrap(&key, &[7; 32]);
    for bits in [0, DECRYPT, WRAP, 4 | DECRYPT | WRAP] {
        let id = alice.new_key(&register("AES", &key, &[mask(bits)]));
        alice.refused(&unwrapping(&id, "AES", &blob, &[]), 403, "Incompatible_Cryptographic_Usage_Mask");
    }
    let hmac = alice.new_key(&register("HMACSHA256", &key, &[mask(UNWRAP)]));
    assert_eq!(alice.kmip(&unwrapping(&hmac, "AES", &blob, &[])).status, 422);
    let method = |name| enumeration("WrappingMethod", name);
    let by = |more: &[Value]| {
        structure("EncryptionKeyInformation", &[&[text("UniqueIdentifier", &wrapping)], more].concat())
    };
    let no_encoding = enumeration("EncodingOption", "NoEncoding");
    let mode = |name| parameters(&[enumeration("BlockCipherMode", name)]);
    for data in [
        vec![method("Encrypt"), by(&[])],
        vec![method("Encrypt"), by(&[]), enumeration("EncodingOption", "TTLVEncoding")],
        vec![method("Encrypt"), by(&[mode("CBC")]), no_encoding.clone()],
        vec![method("EncryptThenMACSign"), by(&[]), no_encoding.clone()],
        vec![method("Encrypt"), no_encoding.clone()],
    ] {
        let answer = alice.kmip(&of_data(&data, "AES", &blob, &[]));
        assert!([400, 422].contains(&answer.status), "{data:?}: {}", answer.status);
    }
    let named_mode = [method("Encrypt"), by(&[mode("NISTKeyWrap")]), no_encoding];
    let id = alice.new_key(&of_data(&named_mode, "AES", &blob, &[]));
    // It replaces nothing, and without NotWrapped it is kept as it is.
    let replacing = with(unwrapping(&wrapping, "AES", &blob, &[]), &[]);
    let mut replacing = replacing;
    let fields = replacing["value"].as_array_mut().unwrap();
    fields.insert(0, text("UniqueIdentifier", &id));
    fields.insert(2, boolean("ReplaceExisting", true));
    alice.refused(&replacing, 422, "Key_Wrap_Type_Not_Supported");
    let mut kept = unwrapping(&wrapping, "AES", &blob, &[]);
    kept["value"].as_array_mut().unwrap().retain(|field| field["tag"] != "KeyWrapType");
    let id = alice.new_key(&kept);
    assert_eq!(octets(&alice.ok(&named("Get", &id)), "KeyMaterial"), blob);
}

fn a_key_that_unwraps_keeps_nothing(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let own = |bits| [mask(bits), boolean("Sensitive", true), boolean("Extractable", false)];
    let keeping = alice.new_key(&create("AES", 256, &own(WRAP)));
    let both = alice.new_key(&create("AES", 256, &own(WRAP | UNWRAP)));
    let sensitive = alice.new_key(&create("AES", 256, &[boolean("Sensitive", true), boolean("Extractable", true)]));
    alice.refused(&wrapped("Get", &sensitive, &both), 403, "Sensitive");
    let blob = octets(&alice.ok(&wrapped("Get", &sensitive, &keeping)), "KeyMaterial");
    alice.refused(&unwrapping(&keeping, "AES", &blob, &[]), 403, "Incompatible_Cryptographic_Usage_Mask");
    // An earlier version may have wrapped Sensitive keys under such a key.
    alice.refused(&unwrapping(&both, "AES", &blob, &[]), 403, "Incompatible_Cryptographic_Usage_Mask");
    // Nor when it has lost Wrap Key.
    assert_eq!(alice.kmip(&put("ModifyAttribute", &both, &mask(UNWRAP))).status, 200);
    alice.refused(&unwrapping(&both, "AES", &blob, &[]), 403, "Incompatible_Cryptographic_Usage_Mask");
    let both = alice.new_key(&create("AES", 256, &own(WRAP | UNWRAP)));
    // A key that had other uses does not become one that only unwraps: it would unwrap what it has encrypted.
    let encrypting = alice.new_key(&register("AES", &reference::random(32), &[mask(4 | UNWRAP)]));
    assert_eq!(alice.kmip(&put("ModifyAttribute", &encrypting, &mask(UNWRAP))).status, 422);
    // It does not become one that keeps, and the other one does not become one that unwraps.
    for (id, bits) in [(&both, WRAP), (&keeping, WRAP | UNWRAP)] {
        assert_ne!(alice.kmip(&put("ModifyAttribute", id, &mask(bits))).status, 200);
    }
    // What may leave in clear goes out and in.
    let open = alice.aes();
    let both = alice.new_key(&create("AES", 256, &own(WRAP | UNWRAP | DECRYPT)));
    let blob = octets(&alice.ok(&wrapped("Get", &open, &both)), "KeyMaterial");
    let again = alice.new_key(&unwrapping(&both, "AES", &blob, &[]));
    assert_eq!(alice.export(&again), alice.export(&open));
}

#[test]
fn unwrapping_is_decrypting() {
    let world = World::new("administrators = [\"root\"]\n");
    let [mut alice, mut bob, mut root] = ["alice", "bob", "root"].map(|name| world.certificate(name));
    let key = reference::random(32);
    alice.ok(&with(register("AES", &key, &[mask(UNWRAP), text("UniqueIdentifier", "wrapping")]), &[]));
    let request = unwrapping("wrapping", "AES", &reference::key_wrap(&key, &[9; 32]), &[]);
    bob.refused(&request, 404);
    alice.grant("wrapping", "bob", &["get", "import"]);
    bob.refused(&request, 403);
    alice.grant("wrapping", "bob", &["decrypt"]);
    let id = string(&bob.ok(&request), "UniqueIdentifier");
    alice.refused(&named("Get", &id), 404);
    // The audit log has the use of the wrapping key beside the new object.
    for (object, expected) in [("wrapping", "needs decrypt"), (&id, "")] {
        let search = json!({"object": object, "caller": "bob", "outcome": "success"});
        eventually("the use is in the audit log", || {
            let found = root.done("/audit/search", &search);
            let lines = found["lines"].as_array().unwrap();
            let lines: Vec<Value> =
                lines.iter().map(|line| serde_json::from_str(line.as_str().unwrap()).unwrap()).collect();
            let is_it = |line: &&Value| {
                line["operation"] == "Import" && line["detail"].as_str().unwrap_or_default() == expected
            };
            lines.iter().find(is_it).map(|_| ())
        });
    }
}

#[test]
fn a_token_that_keeps_every_key_does_not_unwrap() {
    if Hsm::chosen() != Hsm::SoftHsm {
        return;
    }
    let options =
        crate::harness::Options { arguments: vec!["--placement".into(), "token".into()], ..Default::default() };
    let server = Server::start_with(&options);
    let mut alice: Connection = server.alice().connect().unwrap();
    let key = reference::random(32);
    let wrapping = alice.new_key(&register("AES", &key, &[mask(UNWRAP)]));
    let request = unwrapping(&wrapping, "AES", &reference::key_wrap(&key, &[9; 32]), &[]);
    assert_eq!(alice.kmip(&request).status, 422);
    assert_eq!(server.place.token.objects(), crate::harness::ROOT_OBJECTS + 1);
}
