//! Every kind of managed object is kept and given back as it was registered, to those who may have it, and nothing uses
//! it. Its value is encrypted under a key of the HSM, and erased when it is destroyed.

use std::fs;

use openssl::rsa::Rsa;
use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::attributes::put;
use crate::harness::kmip::{
    all, boolean, bytes, create, date, encrypt, enumeration, find, integer, link, locate, mac, mac_verify, name, named,
    octets, raw_key, register, revoke, string, structure, text, vendor_attribute, with, wrapped,
};
use crate::harness::message::message;
use crate::harness::{Connection, Options, Server, World, eventually, reference};

/// One kind of object.
struct Kind {
    what: &'static str,
    object: Value,
    attributes: Vec<Value>,
}

fn number(tag: &str, digits: &str) -> Value {
    json!({"tag": tag, "type": "BigInteger", "value": format!("0x{digits}")})
}

fn block(format: &str, material: Value, more: &[Value]) -> Value {
    let mut fields = vec![enumeration("KeyFormatType", format), structure("KeyValue", &[material])];
    fields.extend_from_slice(more);
    structure("KeyBlock", &fields)
}

fn algorithm(name: &str, bits: i64) -> [Value; 2] {
    [enumeration("CryptographicAlgorithm", name), integer("CryptographicLength", bits)]
}

fn secret(value: &[u8]) -> Value {
    let key_block = block("Opaque", bytes("KeyMaterial", value), &[]);
    structure("SecretData", &[enumeration("SecretDataType", "Password"), key_block])
}

fn opaque(value: &[u8]) -> Value {
    structure("OpaqueObject", &[enumeration("OpaqueDataType", "0x80000001"), bytes("OpaqueDataValue", value)])
}

fn symmetric(format: &str, material: Value, more: &[Value]) -> Value {
    structure("SymmetricKey", &[block(format, material, more)])
}

fn certificate(server: &Server) -> Value {
    let der = server.place.alice.certificate.to_der().unwrap();
    structure("Certificate", &[enumeration("CertificateType", "X509"), bytes("CertificateValue", &der)])
}

fn wrapped_key() -> Value {
    let key = |tag| structure(tag, &[text("UniqueIdentifier", "elsewhere")]);
    let data = structure(
        "KeyWrappingData",
        &[enumeration("WrappingMethod", "Encrypt"), key("EncryptionKeyInformation"), bytes("IVCounterNonce", &[9; 8])],
    );
    let fields = [enumeration("KeyFormatType", "Raw"), bytes("KeyValue", &[3; 40]), data];
    structure("SymmetricKey", &[structure("KeyBlock", &fields)])
}

/// One of each kind, each with bytes of its own.
fn kinds(server: &Server) -> Vec<Kind> {
    let random = |length| bytes("KeyMaterial", &reference::random(length));
    let rsa = Rsa::generate(1024).unwrap();
    let pkcs1 = bytes("KeyMaterial", &rsa.private_key_to_der().unwrap());
    let public = bytes("KeyMaterial", &rsa.public_key_to_der().unwrap());
    let dsa = ["P", "Q", "G", "X"].map(|tag| number(tag, "00000000DEADBEEF"));
    let point = [enumeration("RecommendedCurve", "B233"), bytes("QString", &[4; 65])];
    let split = |method: &str, more: &[Value]| {
        let numbers = [("SplitKeyParts", 3), ("KeyPartIdentifier", 2), ("SplitKeyThreshold", 2)];
        let mut fields: Vec<Value> = numbers.iter().map(|(tag, value)| integer(tag, *value)).collect();
        fields.push(enumeration("SplitKeyMethod", method));
        fields.extend_from_slice(more);
        fields.push(block("Raw", random(16), &[]));
        structure("SplitKey", &fields)
    };
    let inner = structure("Attributes", &[text("Comment", "inside")]);
    let beside = structure("KeyValue", &[random(20), inner]);
    let with_attributes = structure("KeyBlock", &[enumeration("KeyFormatType", "Raw"), beside]);
    let seed = structure("SecretData", &[enumeration("SecretDataType", "0x80000002"), with_attributes]);
    let pgp = structure("PGPKey", &[integer("PGPKeyVersion", 4), block("Raw", random(30), &[])]);
    let request = structure(
        "CertificateRequest",
        &[enumeration("CertificateRequestType", "PEM"), bytes("CertificateRequestValue", b"-----BEGIN")],
    );
    let transparent = |item| structure("KeyMaterial", item);
    let kind = |what, object| Kind { what, object, attributes: Vec::new() };
    vec![
        kind("a password", secret(&reference::random(12))),
        kind("a seed of a vendor's type, with attributes in the key value", seed),
        kind("an opaque object", opaque(&reference::random(40))),
        kind("an empty opaque object", opaque(b"")),
        kind("a certificate", certificate(server)),
        kind("a certificate request", request),
        kind("a PGP key", pgp),
        kind("a part of a key", split("XOR", &[])),
        kind(
            "a part of a key, by a prime",
            split("PolynomialSharingPrimeField", &[number("PrimeFieldSize", "0000000000000101")]),
        ),
        kind(
            "an RSA private key below 2048 bits",
            structure("PrivateKey", &[block("PKCS1", pkcs1, &algorithm("RSA", 1024))]),
        ),
        kind("an RSA public key", structure("PublicKey", &[block("X509", public, &algorithm("RSA", 1024))])),
        kind(
            "a DSA private key",
            structure("PrivateKey", &[block("TransparentDSAPrivateKey", transparent(&dsa), &algorithm("DSA", 1024))]),
        ),
        kind(
            "a point of a curve that is not used",
            structure("PublicKey", &[block("TransparentECPublicKey", transparent(&point), &algorithm("EC", 233))]),
        ),
        kind("3DES, its length without parity", symmetric("Raw", random(24), &algorithm("THREE_DES", 168))),
        kind("a key without algorithm, length and mask", symmetric("Raw", random(96), &[])),
        kind("AES of a length that AES does not have", symmetric("Raw", random(31), &algorithm("AES", 248))),
        kind(
            "Camellia, as a structure",
            symmetric(
                "TransparentSymmetricKey",
                transparent(&[bytes("Key", &reference::random(32))]),
                &algorithm("Camellia", 256),
            ),
        ),
        kind("an algorithm of a vendor", symmetric("0x80000003", random(16), &algorithm("0x80000004", 128))),
        kind("a wrapped key", wrapped_key()),
        Kind {
            what: "a key with a mask of 0",
            object: symmetric("Raw", random(33), &[]),
            attributes: vec![integer("CryptographicUsageMask", 0)],
        },
    ]
}

fn object_type(object: &Value) -> &str {
    object["tag"].as_str().unwrap()
}

fn kept(object: &Value, attributes: &[Value]) -> Value {
    let kind = enumeration("ObjectType", object_type(object));
    structure("Register", &[kind, structure("Attributes", attributes), object.clone()])
}

/// Returns the object in an answer, and nothing else.
fn given<'a>(answer: &'a Value, tag: &str) -> &'a Value {
    answer["value"].as_array().unwrap().iter().find(|item| item["tag"] == tag).unwrap()
}

/// Removes the types of structures, which requests leave out.
fn plain(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(items) = value["value"].as_array() {
        let items: Vec<Value> = items.iter().map(plain).collect();
        value = structure(value["tag"].as_str().unwrap(), &items);
    }
    value
}

fn is_given_back(alice: &mut Connection, id: &str, object: &Value, what: &str) {
    for operation in ["Get", "Export"] {
        let answer = alice.ok(&named(operation, id));
        assert_eq!(plain(given(&answer, object_type(object))), *object, "{operation} of {what}");
        assert_eq!(string(&answer, "ObjectType"), object_type(object));
    }
    let answer = alice.ok(&message(&[], &[named("Get", id)]));
    assert_eq!(
        find(&answer, object_type(object)).unwrap(),
        find(&alice.ok(&named("Get", id)), object_type(object)).unwrap()
    );
}

#[test]
fn as_they_were_registered_until_they_are_destroyed() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    for Kind { what, object, attributes } in kinds(&server) {
        let more = [&attributes[..], &[name(what)]].concat();
        let id = alice.new_key(&kept(&object, &more));
        is_given_back(&mut alice, &id, &object, what);
        let own = alice.attributes(&id);
        assert_eq!(string(&own, "ObjectType"), object_type(&object));
        assert_eq!(string(&own, "State"), "Active", "as bare requests have it");
        assert!(!own.to_string().contains("kept_object"), "{own}");
        for tag in ["InitialDate", "LastChangeDate", "KeyFormatType", "Sensitive", "Extractable"] {
            assert!(find(&own, tag).is_some(), "{what}: {tag}");
        }
        let criteria = [name(what), enumeration("ObjectType", object_type(&object))];
        assert_eq!(alice.located(&locate(&criteria, &[])), (vec![id.clone()], 1), "{what}");
        let imported = with(
            structure("Import", &kept(&object, &more)["value"].as_array().unwrap()[..]),
            &[text("UniqueIdentifier", &format!("imported-{id}"))],
        );
        let other = alice.new_key(&imported);
        is_given_back(&mut alice, &other, &object, what);
        for id in [id, other] {
            alice.refused(&named("Destroy", &id), 409, "Wrong_Key_Lifecycle_State");
            alice.ok(&revoke(&id, "Superseded"));
            assert_eq!(alice.state(&id), "Deactivated");
            is_given_back(&mut alice, &id, &object, what);
            alice.ok(&named("Destroy", &id));
            alice.refused(&named("Get", &id), 409, "Object_Destroyed");
            assert_eq!(alice.state(&id), "Destroyed");
        }
    }
    let later = alice.new_key(&kept(&secret(b"later"), &[date("ActivationDate", "2999-01-01T00:00:00Z")]));
    assert_eq!(alice.state(&later), "PreActive");
    alice.ok(&named("Activate", &later));
    assert_eq!(alice.state(&later), "Active");
}

#[test]
fn with_what_the_server_knows_of_them() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut told = |object: &Value, more: &[Value]| {
        let id = alice.new_key(&kept(object, more));
        alice.attributes(&id)
    };
    let own = told(&certificate(&server), &[]);
    let der = octets(&certificate(&server), "CertificateValue");
    assert_eq!(find(&own, "CertificateLength").unwrap(), der.len());
    assert_eq!(string(&own, "CertificateType"), "X509");
    assert_eq!(string(&own, "CertificateSubjectCN"), "alice");
    assert!(find(&own, "CertificateIssuerCN").is_some());
    assert_eq!(octets(&own, "DigestValue"), openssl::sha::sha256(&der));
    assert!(find(&own, "CryptographicAlgorithm").is_some() && find(&own, "CryptographicLength").is_some());
    let key = reference::random(24);
    let own = told(&symmetric("Raw", bytes("KeyMaterial", &key), &algorithm("THREE_DES", 168)), &[]);
    assert_eq!(octets(&own, "DigestValue"), openssl::sha::sha256(&key));
    let own = told(&symmetric("Raw", bytes("KeyMaterial", &key), &[]), &[]);
    assert_eq!(find(&own, "CryptographicLength").unwrap(), 192);
    assert_eq!(find(&own, "CryptographicUsageMask").unwrap(), 0);
    assert!(find(&own, "Digest").is_none());
    assert!(find(&own, "CryptographicAlgorithm").is_none());
    // A digest would tell a password to those who try words, here and in the database.
    assert!(find(&told(&secret(b"correct horse battery staple"), &[]), "Digest").is_none());
    let own = told(&opaque(b"correct horse battery staple"), &[]);
    assert!(find(&own, "Digest").is_none() && find(&own, "CryptographicUsageMask").is_none());
    assert_eq!(string(&own, "OpaqueDataType"), "0x80000001");
    let own = told(&wrapped_key(), &[]);
    assert_eq!(
        (string(&own, "LinkType"), string(&own, "LinkedObjectIdentifier")),
        ("WrappingKeyLink".to_owned(), "elsewhere".to_owned())
    );
    assert!(find(&own, "Digest").is_none());
    // What a client says is kept, and what contradicts the object is refused.
    let both = [link("0x80000005", "theirs"), vendor_attribute("x", "site", "Berlin"), text("ObjectGroup", "g")];
    let own = told(&opaque(b"1"), &both);
    assert_eq!(string(&own, "LinkType"), "0x80000005");
    assert_eq!((string(&own, "AttributeValue"), string(&own, "ObjectGroup")), ("Berlin".to_owned(), "g".to_owned()));
    for (object, more) in [
        (certificate(&server), integer("CertificateLength", 1)),
        (opaque(b"1"), enumeration("CertificateType", "PGP")),
        (opaque(b"1"), enumeration("OpaqueDataType", "0x80000002")),
        (symmetric("Raw", bytes("KeyMaterial", &key), &[]), integer("CryptographicLength", 128)),
        (symmetric("Raw", bytes("KeyMaterial", b""), &[]), name("empty")),
    ] {
        alice.refused(&kept(&object, &[more]), 400, "Invalid_Attribute_Value");
    }
    let own = vendor_attribute("claviger", "kept_object", "true");
    alice.refused(&kept(&opaque(b"1"), std::slice::from_ref(&own)), 400, "Attribute_Read_Only");
    alice.refused(&create("AES", 256, &[own]), 400, "Attribute_Read_Only");
    let other =
        structure("Register", &[enumeration("ObjectType", "PublicKey"), structure("Attributes", &[]), secret(b"1")]);
    alice.refused(&other, 400, "Invalid_Attribute_Value");
    let mut without = secret(b"1");
    without["value"][1]["value"].as_array_mut().unwrap().pop();
    alice.refused(&kept(&without, &[]), 400, "Missing_Data");
}

/// Keys that Create makes for algorithms that no HSM uses here.
fn of_other_algorithms(alice: &mut Connection) {
    for (algorithm, bits) in [("IDEA", 128), ("Camellia", 256), ("Blowfish", 448)] {
        let id = alice.new_key(&create(algorithm, bits, &[]));
        assert_eq!(alice.export(&id).len() as i64, bits / 8);
        assert_eq!(string(&alice.attributes(&id), "CryptographicAlgorithm"), algorithm);
        let hash = crate::harness::kmip::parameters(&[enumeration("HashingAlgorithm", "SHA256")]);
        for request in [encrypt(&id, b"x"), mac(&id, b"x"), with(mac(&id, b"x"), &[hash])] {
            alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
        }
        let sealed = [boolean("Sensitive", true), boolean("Extractable", false)];
        let sealed = alice.new_key(&create(algorithm, bits, &sealed));
        alice.refused(&named("Get", &sealed), 403, "Not_Extractable");
    }
    for (algorithm, bits) in [("IDEA", 64), ("IDEA", 120), ("IDEA", 136), ("Camellia", 1_024), ("Camellia", 0)] {
        alice.refused(&create(algorithm, bits, &[]), 400, "Invalid_Attribute_Value");
    }
    for algorithm in ["DSA", "OneTimePad", "McEliece"] {
        assert_eq!(alice.kmip(&create(algorithm, 256, &[])).status, 422, "{algorithm}");
    }
}

#[test]
fn and_never_used() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    of_other_algorithms(&mut alice);
    let every = integer("CryptographicUsageMask", 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x80 | 0x100);
    let aes = alice.aes();
    let sealed = alice.seal(&aes, b"x");
    for Kind { what, object, .. } in kinds(&server) {
        let more = if object_type(&object) == "OpaqueObject" { vec![] } else { vec![every.clone()] };
        let id = alice.new_key(&kept(&object, &more));
        let mut decrypt = sealed.clone();
        decrypt.id.clone_from(&id);
        let sign = structure("Sign", &[text("UniqueIdentifier", &id), bytes("Data", b"x")]);
        let signature = [text("UniqueIdentifier", &id), bytes("Data", b"x"), bytes("SignatureData", b"y")];
        let verify = structure("SignatureVerify", &signature);
        for request in [
            encrypt(&id, b"x"),
            decrypt.decrypt(),
            mac(&id, b"x"),
            mac_verify(&id, b"x", &[0; 32]),
            sign,
            verify,
            wrapped("Get", &aes, &id),
        ] {
            let problem = alice.refused(&request, 422, "Invalid_Object_Type");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&id) && detail.contains("kept and given back only"), "{what}: {detail}");
        }
    }
    // AES of a length that AES has is a key of the HSM, with and without a mask.
    let used = alice.new_key(&register("AES", &[5; 32], &[]));
    alice.seal(&used, b"x");
    let key = symmetric("Raw", bytes("KeyMaterial", &[6; 32]), &algorithm("AES", 256));
    let unused = alice.new_key(&kept(&key, &[]));
    alice.refused(&encrypt(&unused, b"x"), 403, "Incompatible_Cryptographic_Usage_Mask");
    assert_eq!(alice.export(&unused), [6; 32]);
}

#[test]
fn only_for_those_who_may_have_them() {
    let world = World::new("");
    let [mut alice, mut bob] = ["alice", "bob"].map(|user| world.certificate(user));
    for Kind { what, object, .. } in kinds(&world.server) {
        let id = string(&alice.ok(&kept(&object, &[name("hers"), text("Comment", "word")])), "UniqueIdentifier");
        for operation in ["Get", "Export", "GetAttributes", "Destroy", "Activate"] {
            bob.refused(&named(operation, &id), 404);
        }
        assert_eq!(bob.located(&[name("hers")]).1, 0);
        alice.grant(&id, "bob", &["revoke"]);
        // Locate does not tell attributes that a caller may not read.
        assert_eq!(bob.located(&[name("hers")]).0, std::slice::from_ref(&id));
        assert_eq!(bob.located(&[name("hers"), text("Comment", "word")]).1, 0);
        alice.grant(&id, "bob", &["get_attributes"]);
        assert_eq!(bob.located(&[name("hers"), text("Comment", "word")]).0, std::slice::from_ref(&id));
        bob.refused(&named("Get", &id), 403);
        alice.grant(&id, "bob", &["get"]);
        assert_eq!(plain(given(&bob.ok(&named("Get", &id)), object_type(&object))), object, "{what}");
        bob.refused(&named("Export", &id), 403);
        let answer = alice.post("/access/grant", &crate::harness::caller::change(&id, "bob", &["encrypt"]));
        assert_eq!(answer.status, 422, "{}", answer.detail());
        alice.ok(&revoke(&id, "Superseded"));
        alice.ok(&named("Destroy", &id));
    }
    // Sensitive and Extractable, on a certificate and a public key too.
    for Kind { what, object, .. } in kinds(&world.server) {
        for (attribute, value, reason) in [("Sensitive", true, "Sensitive"), ("Extractable", false, "Not_Extractable")]
        {
            let id = string(&alice.ok(&kept(&object, &[boolean(attribute, value)])), "UniqueIdentifier");
            for operation in ["Get", "Export"] {
                let answer = alice.kmip(&named(operation, &id));
                assert_eq!((answer.status, &answer.json()["result_reason"]), (403, &json!(reason)), "{what}");
            }
            alice.ok(&named("GetAttributes", &id));
        }
    }
}

#[test]
fn in_the_format_in_which_they_came() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let asked = |id: &str, format: &str| with(named("Get", id), &[enumeration("KeyFormatType", format)]);
    let key = reference::random(24);
    let id = alice.new_key(&kept(&symmetric("Raw", bytes("KeyMaterial", &key), &algorithm("THREE_DES", 168)), &[]));
    let answer = alice.ok(&asked(&id, "TransparentSymmetricKey"));
    assert_eq!(
        (octets(&answer, "Key"), string(&answer, "KeyFormatType")),
        (key.clone(), "TransparentSymmetricKey".to_owned())
    );
    assert_eq!(octets(&alice.ok(&asked(&id, "Raw")), "KeyMaterial"), key);
    let problem = alice.refused(&asked(&id, "PKCS1"), 422, "Key_Format_Type_Not_Supported");
    assert!(problem["detail"].as_str().unwrap().contains("Raw"), "{problem}");
    let certificate = alice.new_key(&kept(&certificate(&server), &[]));
    alice.ok(&asked(&certificate, "X509"));
    alice.refused(&asked(&certificate, "Raw"), 422, "Key_Format_Type_Not_Supported");
    let wrapped = alice.new_key(&kept(&wrapped_key(), &[]));
    let how = |way| with(named("Get", &wrapped), &[enumeration("KeyWrapType", way)]);
    assert_eq!(octets(&alice.ok(&how("AsRegistered")), "KeyValue"), [3; 40]);
    alice.refused(&how("NotWrapped"), 422, "Key_Wrap_Type_Not_Supported");
}

#[test]
fn wrapped_under_a_key_of_the_hsm() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mask = |bits| integer("CryptographicUsageMask", bits);
    let kek = reference::random(32);
    let known = alice.new_key(&register("AES", &kek, &[mask(0x10)]));
    let keeping = [mask(0x10), boolean("Sensitive", true), boolean("Extractable", false)];
    let keeping = alice.new_key(&create("AES", 256, &keeping));
    let key = reference::random(24);
    let tdes = symmetric("Raw", bytes("KeyMaterial", &key), &algorithm("THREE_DES", 168));
    let id = alice.new_key(&kept(&tdes, &[]));
    let answer = alice.ok(&wrapped("Get", &id, &known));
    assert_eq!(octets(&answer, "KeyMaterial"), reference::key_wrap(&kek, &key));
    let password = alice.new_key(&kept(&secret(&key), &[]));
    assert_eq!(
        octets(&alice.ok(&wrapped("Export", &password, &known)), "KeyMaterial"),
        reference::key_wrap(&kek, &key)
    );
    // A sensitive one only under a key by which nobody unwraps.
    let guarded = alice.new_key(&kept(&tdes, &[boolean("Sensitive", true)]));
    alice.refused(&wrapped("Get", &guarded, &known), 403, "Sensitive");
    alice.ok(&wrapped("Get", &guarded, &keeping));
    let sealed = alice.new_key(&kept(&tdes, &[boolean("Extractable", false)]));
    alice.refused(&wrapped("Get", &sealed, &keeping), 403, "Not_Extractable");
    let short = alice.new_key(&kept(&secret(b"12 bytes long"), &[]));
    alice.refused(&wrapped("Get", &short, &known), 422, "Key_Wrap_Type_Not_Supported");
    let other = alice.new_key(&kept(&opaque(&key), &[]));
    alice.refused(&wrapped("Get", &other, &known), 422, "Key_Wrap_Type_Not_Supported");
    let twice = alice.new_key(&kept(&wrapped_key(), &[]));
    alice.refused(&wrapped("Get", &twice, &known), 422, "Key_Wrap_Type_Not_Supported");
}

fn replacing(id: &str, object: &Value, more: &[Value]) -> Value {
    let fields = [
        text("UniqueIdentifier", id),
        enumeration("ObjectType", object_type(object)),
        boolean("ReplaceExisting", true),
        structure("Attributes", more),
        object.clone(),
    ];
    structure("Import", &fields)
}

#[test]
fn replaced_by_their_own_kind_only() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.new_key(&kept(&secret(b"the first"), &[name("it"), boolean("Extractable", true)]));
    for next in [b"the second", b"the  third"] {
        alice.ok(&replacing(&id, &secret(next), &[]));
        is_given_back(&mut alice, &id, &secret(next), "its successor");
    }
    assert_eq!(string(&alice.attributes(&id), "NameValue"), "it");
    let (mut bob, next) = (server.bob().connect().unwrap(), secret(b"bob's"));
    assert!([404, 409].contains(&bob.kmip(&replacing(&id, &next, &[])).status));
    alice.refused(&replacing(&id, &opaque(b"other"), &[]), 400, "Invalid_Attribute_Value");
    alice.refused(&replacing(&id, &next, &[boolean("Sensitive", true)]), 422, "Constraint_Violation");
    let tdes = symmetric("Raw", bytes("KeyMaterial", &[7; 24]), &algorithm("THREE_DES", 168));
    let aes = raw_key("AES", &[7; 32]);
    let held = alice.new_key(&kept(&tdes, &[]));
    alice.refused(&replacing(&held, &aes, &[]), 409, "Constraint_Violation");
    is_given_back(&mut alice, &held, &tdes, "the kept key");
    let used = alice.new_key(&register("AES", &[8; 32], &[]));
    alice.refused(&replacing(&used, &tdes, &[]), 409, "Constraint_Violation");
    alice.seal(&used, b"x");
    alice.ok(&revoke(&id, "KeyCompromise"));
    alice.refused(&replacing(&id, &next, &[]), 409, "Wrong_Key_Lifecycle_State");
    server.stop_sound();
}

/// Whether the bytes are in the files of the database.
fn is_in_files(place: &crate::harness::server::Place, text: &[u8]) -> bool {
    let files = ["claviger.db", "claviger.db-wal"].map(|name| fs::read(place.path(name)).unwrap_or_default());
    files.iter().any(|file| file.windows(text.len()).any(|window| window == text))
}

#[test]
fn encrypted_and_erased_when_destroyed_and_there_after_a_restart() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let (clear, hexadecimal) = (b"a text that is in no file".to_vec(), "61207465787420746861742069732069");
    let (object, other) = (secret(&clear), opaque(&reference::random(5_000)));
    let id = alice.new_key(&kept(&object, &[]));
    let stays = alice.new_key(&kept(&other, &[]));
    let row = "SELECT data FROM secret_version WHERE object = ?1";
    let data: Vec<u8> =
        Database::open(server.place.database()).unwrap().query_row(row, [&id], |row| row.get(0)).unwrap();
    assert!(is_in_files(&server.place, &data) && !is_in_files(&server.place, &clear));
    assert!(!is_in_files(&server.place, hexadecimal.as_bytes()));
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    is_given_back(&mut alice, &id, &object, "a password");
    alice.ok(&revoke(&id, "Superseded"));
    alice.ok(&named("Destroy", &id));
    eventually("it is erased", || {
        let lines = server.place.audit_lines();
        lines.iter().any(|line| line["event"] == "erased" && line["object"] == id.as_str()).then_some(())
    });
    assert!(!is_in_files(&server.place, &data), "the value is left in the database's files");
    is_given_back(&mut alice, &stays, &other, "an opaque object");
    drop(alice);
    server.stop_sound();
}

#[test]
fn refused_when_their_rows_were_changed() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let ids: Vec<String> = (0..4_u8).map(|at| alice.new_key(&kept(&secret(&[at; 20]), &[]))).collect();
    let database = Database::open(server.place.database()).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let [one, two, three, _] = &ids[..] else { panic!("four were made") };
    for statement in [
        // The value of another object, with all of its columns.
        format!(
            "UPDATE secret_version SET (iv, data, created, binding) = (SELECT iv, data, created, binding FROM secret_version \
                 WHERE object = '{two}') WHERE object = '{one}'"
        ),
        format!("UPDATE secret_version SET data = CAST(data || x'00' AS BLOB) WHERE object = '{two}'"),
        format!("DELETE FROM secret_version WHERE object = '{three}'"),
    ] {
        assert_eq!(database.execute(&statement, []).unwrap(), 1, "{statement}");
    }
    for id in [one, two, three] {
        for operation in ["Get", "Export"] {
            alice.refused(&named(operation, id), 500, "Internal_Server_Error");
        }
    }
    is_given_back(&mut alice, &ids[3], &secret(&[3; 20]), "the one that was left");
    // The mark of a kept object, of which the server knows that no one else sets it.
    let sql = format!(
        "UPDATE object SET attributes = replace(attributes, 'kept_object', 'kept_abject') WHERE id = '{}'",
        ids[3]
    );
    assert_eq!(database.execute(&sql, []).unwrap(), 1);
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    alice.refused(&named("Get", &ids[3]), 500, "Internal_Server_Error");
    server.keep_audit_key();
    let (place, _) = server.stop();
    let (is_clean, said) = place.check_store(&Options::default());
    assert!(!is_clean && ids.iter().all(|id| said.contains(id)), "{said}");
}

#[test]
fn up_to_a_bound() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let large = opaque(&reference::random((1 << 20) - 64));
    let id = alice.new_key(&kept(&large, &[]));
    assert_eq!(plain(given(&alice.ok(&named("Get", &id)), "OpaqueObject")), large);
    let before = alice.count();
    alice.refused(&kept(&opaque(&reference::random(1 << 20)), &[]), 413, "Server_Limit_Exceeded");
    assert_eq!(alice.count(), before, "nothing is left of what was refused");
}

#[test]
fn found_by_each_of_their_attributes() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let information = |namespace, data| {
        structure(
            "ApplicationSpecificInformation",
            &[text("ApplicationNamespace", namespace), text("ApplicationData", data)],
        )
    };
    let at = |tag, second| date(tag, &format!("2020-01-01T00:00:0{second}Z"));
    let own = [
        text("ObjectGroup", "disks"),
        text("ContactInformation", "ops"),
        vendor_attribute("x", "serial", "7"),
        information("ssl", "www"),
        link("ParentLink", "p"),
        at("ActivationDate", 5),
    ];
    let id = alice.new_key(&kept(&secret(b"word"), &own));
    let cert = alice.new_key(&kept(&certificate(&server), &[text("ObjectGroup", "disks"), at("ActivationDate", 7)]));
    for number in 0..30 {
        alice.new_key(&kept(&opaque(b"-"), &[text("ObjectGroup", &format!("other {number}"))]));
    }
    let mut check = |criteria: &[Value], expected: &[&String]| {
        let found = alice.located(&locate(criteria, &[]));
        assert_eq!(found.0.iter().rev().collect::<Vec<_>>(), expected, "{criteria:?}");
        assert_eq!(found.1, expected.len() as i64);
    };
    check(&[text("ObjectGroup", "disks")], &[&id, &cert]);
    check(&[text("ObjectGroup", "disk")], &[]);
    check(&[text("ObjectGroup", "disks"), text("ContactInformation", "ops")], &[&id]);
    check(&[vendor_attribute("x", "serial", "7")], &[&id]);
    check(&[vendor_attribute("x", "serial", "8")], &[]);
    check(&[information("ssl", "www")], &[&id]);
    check(&[structure("ApplicationSpecificInformation", &[text("ApplicationNamespace", "ssl")])], &[&id]);
    check(&[structure("Link", &[text("LinkedObjectIdentifier", "p")])], &[&id]);
    check(&[link("ChildLink", "p")], &[]);
    check(&[enumeration("CertificateType", "X509")], &[&cert]);
    check(&[text("CertificateSubjectCN", "alice")], &[&cert]);
    check(&[text("CertificateSubjectCN", "bob")], &[]);
    check(&[at("ActivationDate", 5)], &[&id]);
    check(&[at("ActivationDate", 6)], &[]);
    check(&[at("ActivationDate", 5), at("ActivationDate", 7)], &[&id, &cert]);
    check(&[at("ActivationDate", 7), at("ActivationDate", 6)], &[&cert]);
    check(&[at("ActivationDate", 5), at("ActivationDate", 7), enumeration("ObjectType", "SecretData")], &[&id]);
    check(&[text("UniqueIdentifier", &id), text("ObjectGroup", "disks")], &[&id]);
    check(&[text("UniqueIdentifier", &cert), text("ContactInformation", "ops")], &[]);
    // In pages, which skip only what matches.
    let second = locate(&[text("ObjectGroup", "disks")], &[integer("OffsetItems", 1), integer("MaximumItems", 1)]);
    assert_eq!(alice.located(&second), (vec![id.clone()], 2));
    // The fresh members of a group, and its default member: the newest one that is Active.
    let member =
        |criteria: &[Value], member: &str| with(locate(criteria, &[]), &[enumeration("ObjectGroupMember", member)]);
    let disks = [text("ObjectGroup", "disks")];
    alice.ok(&put("SetAttribute", &id, &text("Comment", "not given out yet")));
    let fresh = alice.located(&member(&disks, "GroupMemberFresh")).0;
    alice.ok(&named("Get", &cert));
    let rest = alice.located(&member(&disks, "GroupMemberFresh")).0;
    assert!(!rest.contains(&cert) && rest.iter().all(|own| fresh.contains(own)), "{fresh:?} {rest:?}");
    let active = alice.new_key(&create("AES", 256, &disks));
    let newest = alice.new_key(&create("AES", 256, &disks));
    let default = |alice: &mut Connection| string(&alice.ok(&member(&disks, "GroupMemberDefault")), "UniqueIdentifier");
    assert_eq!(default(&mut alice), newest);
    alice.ok(&revoke(&newest, "Superseded"));
    assert_eq!(default(&mut alice), active);
    alice.refused(&member(&[], "GroupMemberFresh"), 400, "Invalid_Attribute_Value");
    // The server does not choose the data of an application.
    let information = structure("ApplicationSpecificInformation", &[text("ApplicationNamespace", "x")]);
    alice.refused(&put("AddAttribute", &id, &information), 422, "Application_Namespace_Not_Supported");
    alice.refused(&create("AES", 256, &[information]), 422, "Application_Namespace_Not_Supported");
    alice.refused(&locate(&[vendor_attribute("claviger", "kept_object", "true")], &[]), 422, "Unsupported_Attribute");
    let three = [at("InitialDate", 1), at("InitialDate", 2), at("InitialDate", 3)];
    assert_eq!(alice.kmip(&locate(&three, &[])).status, 400);
}

#[test]
fn on_every_token_and_named_by_query() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let query = structure("Query", &[enumeration("QueryFunction", "QueryObjects")]);
    let answer = alice.ok(&query);
    let told: Vec<&str> = all(&answer, "ObjectType").into_iter().map(|kind| kind.as_str().unwrap()).collect();
    for Kind { what, object, .. } in kinds(&server) {
        assert!(told.contains(&object_type(&object)), "{what} is not among {told:?}");
    }
    assert_eq!(told.len(), 9);
    // Keys of pairs are keys of the HSM, and stay so.
    let (private, public) = crate::harness::pairs::pair(&mut alice, "EC", 256);
    alice.refused(&named("Get", &private), 403, "Not_Extractable");
    alice.ok(&named("Get", &public));
    let placed = Server::start_with(&Options::default().with(&["--placement=token"]));
    let mut alice = placed.alice().connect().unwrap();
    for Kind { what, object, .. } in kinds(&placed) {
        let id = alice.new_key(&kept(&object, &[]));
        is_given_back(&mut alice, &id, &object, what);
    }
}
