//! Private and public keys that are registered are used in the HSM and by OpenSSL: in every format, against OpenSSL on
//! random data. Only private keys that may leave are given out, and keys that are not sound are refused.

use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::{Signer, Verifier};
use serde_json::Value;

use crate::harness::asymmetric::{Kind, kinds, number, point};
use crate::harness::caller::Caller;
use crate::harness::kmip::{
    boolean, bytes, create, encrypt, enumeration, find, integer, link, named, octets, parameters, revoke, string,
    structure, text, vendor_attribute, with, wrapped,
};
use crate::harness::pairs::{SIGN, VERIFY, sign, verify};
use crate::harness::{Connection, Options, ROOT_OBJECTS, Server, reference};

const DECRYPT: i64 = 8;
const ENCRYPT: i64 = 4;

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        what_is_registered_in_each_format_signs_and_is_given_back_in_each,
        what_is_signed_elsewhere_verifies_here,
        a_sealed_private_key_never_leaves,
        a_sensitive_private_key_leaves_only_wrapped,
        keys_that_are_not_sound_are_refused,
        the_primes_of_rsa_follow_from_its_exponents,
        what_is_not_used_is_kept,
        what_contradicts_the_key_is_refused,
        rights_are_those_of_the_operations,
        an_import_replaces_what_came_from_outside,
        links_of_clients_are_data,
    ]);
}

fn material(answer: &Value) -> Value {
    find(answer, "KeyMaterial").unwrap().clone()
}

fn in_format(id: &str, format: &str) -> Value {
    with(named("Get", id), &[enumeration("KeyFormatType", format)])
}

/// The attributes of a private key that may leave in clear.
fn may_leave() -> [Value; 2] {
    [boolean("Sensitive", false), boolean("Extractable", true)]
}

fn what_is_registered_in_each_format_signs_and_is_given_back_in_each(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for kind in kinds() {
        let key = kind.generate();
        let (private, public) = (kind.private(&key), kind.public(&key));
        let data = reference::random(100);
        for (number, form) in private.iter().enumerate() {
            let id = alice.new_key(&kind.register("PrivateKey", form, SIGN, &may_leave()));
            let own = &public[number % public.len()];
            let other = alice.new_key(&kind.register("PublicKey", own, VERIFY, &[]));
            let signature = octets(&alice.ok(&sign(&id, &data, &[])), "SignatureData");
            let valid = |alice: &mut Connection, data: &[u8]| {
                string(&alice.ok(&verify(&other, data, &signature, &[])), "ValidityIndicator")
            };
            assert_eq!(valid(&mut alice, &data), "Valid", "{kind:?} {}", form.0);
            assert_eq!(valid(&mut alice, b"other"), "Invalid", "{kind:?} {}", form.0);
            // As it came, unless another format is requested.
            let answer = alice.ok(&named("Get", &id));
            assert_eq!(
                (string(&answer, "KeyFormatType").as_str(), material(&answer)),
                (form.0, form.1["value"].clone())
            );
            for (id, forms) in [(&id, &private), (&other, &public)] {
                for (format, expected) in forms {
                    let answer = alice.ok(&in_format(id, format));
                    assert_eq!(plain(&material(&answer)), plain(&expected["value"]), "{kind:?} {format}");
                }
                alice.refused(&in_format(id, "TransparentSymmetricKey"), 422, "Key_Format_Type_Not_Supported");
                let attributes = alice.attributes(id);
                assert_eq!(string(&attributes, "CryptographicAlgorithm"), kind.algorithm());
                assert_eq!(find(&attributes, "CryptographicLength").unwrap(), kind.bits());
                assert!(!attributes.to_string().contains("brought"), "{attributes}");
                assert_eq!(find(&attributes, "NeverExtractable"), Some(&false.into()));
                assert_eq!(octets(&attributes, "DigestValue").len(), 32);
            }
        }
    }
}

/// Removes the types of structures, which requests leave out.
fn plain(value: &Value) -> Value {
    let Some(items) = value.as_array() else { return value.clone() };
    items
        .iter()
        .map(|item| (item["tag"].clone(), item["value"].clone()))
        .map(|(tag, value)| serde_json::json!([tag, value]))
        .collect()
}

fn what_is_signed_elsewhere_verifies_here(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for kind in kinds() {
        let key = kind.generate();
        let id = alice.new_key(&kind.register("PublicKey", &kind.public(&key)[0], VERIFY, &[]));
        let private = alice.new_key(&kind.register("PrivateKey", &kind.private(&key)[0], SIGN, &[]));
        for length in [0, 1, 63, 64, 5000] {
            let data = reference::random(length);
            for (name, digest) in hashes(kind) {
                let fields = fields(kind, name);
                let signature = signed(&key, digest, &data);
                let validity = |alice: &mut Connection, signature: &[u8]| {
                    string(&alice.ok(&verify(&id, &data, signature, &fields)), "ValidityIndicator")
                };
                assert_eq!(validity(&mut alice, &signature), "Valid", "{kind:?} {name}");
                let mut damaged = signature.clone();
                damaged[signature.len() / 2] ^= 1;
                assert_eq!(validity(&mut alice, &damaged), "Invalid", "{kind:?} {name}");
                if name == "SHA1" {
                    alice.refused(&sign(&private, &data, &fields), 422, "Unsupported_Cryptographic_Parameters");
                    continue;
                }
                let own = octets(&alice.ok(&sign(&private, &data, &fields)), "SignatureData");
                assert!(verifies(&key, digest, &data, &own), "{kind:?} {name}");
            }
        }
    }
}

fn hashes(kind: Kind) -> Vec<(&'static str, Option<MessageDigest>)> {
    if kind == Kind::Ed25519 {
        return vec![("", None)];
    }
    let [sha1, sha224, sha256, sha384, sha512] = [
        MessageDigest::sha1(),
        MessageDigest::sha224(),
        MessageDigest::sha256(),
        MessageDigest::sha384(),
        MessageDigest::sha512(),
    ]
    .map(Some);
    vec![("SHA1", sha1), ("SHA224", sha224), ("SHA256", sha256), ("SHA384", sha384), ("SHA512", sha512)]
}

fn fields(kind: Kind, hash: &str) -> Vec<Value> {
    match kind {
        Kind::Ed25519 => Vec::new(),
        Kind::Rsa(_) => vec![enumeration("HashingAlgorithm", hash), enumeration("PaddingMethod", "PKCS1v15")],
        Kind::Curve(..) => vec![enumeration("HashingAlgorithm", hash)],
        Kind::X25519 => unreachable!("it does not sign"),
    }
}

fn signed(key: &PKey<Private>, digest: Option<MessageDigest>, data: &[u8]) -> Vec<u8> {
    let mut signer = match digest {
        Some(digest) => Signer::new(digest, key).unwrap(),
        None => Signer::new_without_digest(key).unwrap(),
    };
    signer.sign_oneshot_to_vec(data).unwrap()
}

fn verifies(key: &PKey<Private>, digest: Option<MessageDigest>, data: &[u8], signature: &[u8]) -> bool {
    let mut verifier = match digest {
        Some(digest) => Verifier::new(digest, key).unwrap(),
        None => Verifier::new_without_digest(key).unwrap(),
    };
    verifier.verify_oneshot(signature, data).unwrap_or(false)
}

fn a_sealed_private_key_never_leaves(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let wrapping = alice.new_key(&create("AES", 256, &[integer("CryptographicUsageMask", 0x10)]));
    for kind in kinds() {
        let key = kind.generate();
        for (number, form) in kind.private(&key).iter().enumerate() {
            // It is also what a request means that does not say it.
            let sealed = [boolean("Sensitive", true), boolean("Extractable", false)];
            let id = alice.new_key(&kind.register("PrivateKey", form, SIGN, &sealed[number % 2 * 2..]));
            for operation in ["Get", "Export"] {
                alice.refused(&named(operation, &id), 403, "Not_Extractable");
                alice.refused(
                    &with(named(operation, &id), &[enumeration("KeyFormatType", form.0)]),
                    403,
                    "Not_Extractable",
                );
                alice.refused(&wrapped(operation, &id, &wrapping), 403, "Not_Extractable");
                alice.refused(&padded(operation, &id, &wrapping), 403, "Not_Extractable");
            }
            alice.ok(&sign(&id, b"x", &[]));
        }
    }
}

/// Get or Export of a key wrapped by AES key wrap with padding.
fn padded(operation: &str, id: &str, wrapping: &str) -> Value {
    let mode = parameters(&[enumeration("BlockCipherMode", "AESKeyWrapPadding")]);
    let information = structure("EncryptionKeyInformation", &[text("UniqueIdentifier", wrapping), mode]);
    let fields = [enumeration("WrappingMethod", "Encrypt"), information, enumeration("EncodingOption", "NoEncoding")];
    with(named(operation, id), &[structure("KeyWrappingSpecification", &fields)])
}

fn a_sensitive_private_key_leaves_only_wrapped(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let own =
        |mask| [integer("CryptographicUsageMask", mask), boolean("Sensitive", true), boolean("Extractable", false)];
    let keeping = alice.new_key(&create("AES", 256, &own(0x10)));
    let opening = alice.new_key(&create("AES", 256, &own(0x10 | DECRYPT)));
    for kind in [Kind::Rsa(2048), Kind::Curve("P384", 384)] {
        let form = &kind.private(&kind.generate())[0];
        let id = alice.new_key(&kind.register("PrivateKey", form, SIGN, &[boolean("Extractable", true)]));
        alice.ok(&sign(&id, b"x", &[]));
        alice.refused(&named("Get", &id), 403, "Sensitive");
        alice.refused(&padded("Get", &id, &opening), 403, "Sensitive");
        alice.refused(&wrapped("Get", &id, &keeping), 422, "Key_Wrap_Type_Not_Supported");
        let answer = alice.ok(&padded("Get", &id, &keeping));
        assert_eq!(string(&answer, "BlockCipherMode"), "AESKeyWrapPadding");
        // At least the number of the key, and not in clear.
        let (wrapped, plain) = (octets(&answer, "KeyMaterial"), octets(&form.1, "KeyMaterial"));
        assert!(wrapped.len() > usize::try_from(kind.bits() / 8).unwrap() && wrapped.len().is_multiple_of(8));
        assert!(!wrapped.windows(32).any(|part| plain.windows(32).any(|own| own == part)));
    }
}

fn keys_that_are_not_sound_are_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut refused = |kind: Kind, object: &str, form: (&'static str, Value)| {
        let what = format!("{kind:?} {object} {}", form.0);
        let problem = alice.refused(&kind.register(object, &form, SIGN, &[]), 400, "Invalid_Attribute_Value");
        assert!(problem["detail"].as_str().unwrap().contains("the key is refused"), "{what}: {problem}");
    };
    let kind = Kind::Rsa(2048);
    let rsa = Rsa::generate(2048).unwrap();
    let numbers =
        |n: &BigNum, e: &BigNum| structure("KeyMaterial", &[number("Modulus", n), number("PublicExponent", e)]);
    let (n, e) = (rsa.n().to_owned().unwrap(), rsa.e().to_owned().unwrap());
    let mut even = n.to_owned().unwrap();
    even.sub_word(1).unwrap();
    for (n, e) in [(&n, &BigNum::from_u32(1).unwrap()), (&n, &BigNum::from_u32(65_536).unwrap()), (&even, &e)] {
        refused(kind, "PublicKey", ("TransparentRSAPublicKey", numbers(n, e)));
        let der = Rsa::from_public_components(
            BigNum::from_slice(&n.to_vec()).unwrap(),
            BigNum::from_slice(&e.to_vec()).unwrap(),
        )
        .unwrap();
        refused(kind, "PublicKey", ("X509", bytes("KeyMaterial", &der.public_key_to_der().unwrap())));
        refused(kind, "PublicKey", ("PKCS1", bytes("KeyMaterial", &der.public_key_to_der_pkcs1().unwrap())));
    }
    // A private key with the prime, or the exponent, of another one.
    let other = Rsa::generate(2048).unwrap();
    let own = |d: &Rsa<Private>, p: &Rsa<Private>| {
        let copy = |number: &openssl::bn::BigNumRef| number.to_owned().unwrap();
        let parts = [p.dmp1(), p.dmq1(), p.iqmp()].map(|part| copy(part.unwrap()));
        let [first, second, inverse] = parts;
        let (p, q) = (copy(p.p().unwrap()), copy(p.q().unwrap()));
        Rsa::from_private_components(copy(rsa.n()), copy(rsa.e()), copy(d.d()), p, q, first, second, inverse).unwrap()
    };
    for mixed in [own(&rsa, &other), own(&other, &rsa)] {
        let key = PKey::from_rsa(mixed).unwrap();
        for form in kind.private(&key) {
            refused(kind, "PrivateKey", form);
        }
    }
    // Whether a number of a million bits is a prime would take hours.
    let mut long = BigNum::from_u32(1).unwrap();
    long = &long << 1_000_000;
    long.add_word(1).unwrap();
    let copy = |number: Option<&openssl::bn::BigNumRef>| number.unwrap().to_owned().unwrap();
    let (d, q) = (copy(Some(rsa.d())), copy(rsa.q()));
    let (first, second, inverse) = (copy(rsa.dmp1()), copy(rsa.dmq1()), copy(rsa.iqmp()));
    let long = Rsa::from_private_components(n, e, d, long, q, first, second, inverse).unwrap();
    refused(kind, "PrivateKey", ("PKCS1", bytes("KeyMaterial", &long.private_key_to_der().unwrap())));
    for kind in kinds() {
        let Kind::Curve(name, bits) = kind else { continue };
        let mut off = point(&kind.generate());
        *off.last_mut().unwrap() ^= 1;
        refused(kind, "PublicKey", ("Raw", bytes("KeyMaterial", &off)));
        let items = [enumeration("RecommendedCurve", name), bytes("QString", &off)];
        refused(kind, "PublicKey", ("TransparentECPublicKey", structure("KeyMaterial", &items)));
        let mut info = kind.generate().public_key_to_der().unwrap();
        *info.last_mut().unwrap() ^= 1;
        refused(kind, "PublicKey", ("X509", bytes("KeyMaterial", &info)));
        // The number is zero, or the order of the group or above.
        let length = usize::try_from((bits + 7) / 8).unwrap();
        for byte in [0, 0xff] {
            refused(kind, "PrivateKey", ("Raw", bytes("KeyMaterial", &vec![byte; length])));
        }
    }
    refused(Kind::Ed25519, "PublicKey", ("Raw", bytes("KeyMaterial", &[0; 32])));
}

fn the_primes_of_rsa_follow_from_its_exponents(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (kind, other) = (Kind::Rsa(2048), Kind::Rsa(2048).generate().rsa().unwrap());
    for _ in 0..3 {
        let key = kind.generate();
        let rsa = key.rsa().unwrap();
        let form = |d, e, n| {
            let numbers = [number("Modulus", n), number("PrivateExponent", d), number("PublicExponent", e)];
            ("TransparentRSAPrivateKey", structure("KeyMaterial", &numbers))
        };
        let own = form(rsa.d(), rsa.e(), rsa.n());
        let id = alice.new_key(&kind.register("PrivateKey", &own, SIGN, &may_leave()));
        let answer = alice.ok(&in_format(&id, "PKCS1"));
        let written = PKey::from_rsa(Rsa::private_key_from_der(&octets(&answer, "KeyMaterial")).unwrap()).unwrap();
        assert!(written.public_eq(&key));
        assert!(written.rsa().unwrap().check_key().unwrap());
        let signature = octets(&alice.ok(&sign(&id, b"data", &fields(kind, "SHA256"))), "SignatureData");
        assert!(verifies(&key, Some(MessageDigest::sha256()), b"data", &signature));
        let even = BigNum::from_u32(65_536).unwrap();
        for wrong in [
            form(other.d(), rsa.e(), rsa.n()),
            form(rsa.d(), other.d(), rsa.n()),
            form(rsa.d(), &even, rsa.n()),
            form(rsa.e(), rsa.e(), rsa.n()),
            form(rsa.d(), rsa.e(), other.n()),
        ] {
            alice.refused(&kind.register("PrivateKey", &wrong, SIGN, &[]), 400, "Invalid_Attribute_Value");
        }
    }
}

fn what_is_not_used_is_kept(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let short = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let encrypted = short.private_key_to_pkcs8_passphrase(openssl::symm::Cipher::aes_128_cbc(), b"x").unwrap();
    for (kind, object, form) in [
        (
            Kind::Rsa(1024),
            "PrivateKey",
            ("PKCS1", bytes("KeyMaterial", &short.rsa().unwrap().private_key_to_der().unwrap())),
        ),
        (Kind::Rsa(1024), "PublicKey", ("X509", bytes("KeyMaterial", &short.public_key_to_der().unwrap()))),
        // A client of PyKMIP names PKCS#8 and sends PKCS#1.
        (
            Kind::Rsa(1024),
            "PrivateKey",
            ("PKCS8", bytes("KeyMaterial", &short.rsa().unwrap().private_key_to_der().unwrap())),
        ),
        (Kind::Rsa(2048), "PrivateKey", ("PKCS8", bytes("KeyMaterial", &encrypted))),
        (Kind::Rsa(2048), "PrivateKey", ("PKCS1", bytes("KeyMaterial", b"no key"))),
        (Kind::Rsa(2048), "PublicKey", ("X509", bytes("KeyMaterial", b"no key"))),
    ] {
        let id = alice.new_key(&kind.register(object, &form, SIGN, &[]));
        assert_eq!(material(&alice.ok(&named("Get", &id))), form.1["value"], "{kind:?} {object}");
        alice.refused(&sign(&id, b"x", &[]), 422, "Invalid_Object_Type");
    }
}

fn what_contradicts_the_key_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let kind = Kind::Curve("P256", 256);
    let key = kind.generate();
    for object in ["PrivateKey", "PublicKey"] {
        let form = if object == "PrivateKey" { &kind.private(&key)[0] } else { &kind.public(&key)[0] };
        let other_curve = structure("CryptographicDomainParameters", &[enumeration("RecommendedCurve", "P384")]);
        for wrong in [other_curve, vendor_attribute("claviger", "brought_key", "x")] {
            let answer = alice.kmip(&kind.register(object, form, SIGN, std::slice::from_ref(&wrong)));
            assert_eq!(answer.status, 400, "{object} {wrong}");
        }
        let request = Kind::Rsa(2048).register(object, form, SIGN, &[]);
        alice.refused(&request, 400, "Invalid_Attribute_Value");
        let request = Kind::Curve("P256", 384).register(object, form, SIGN, &[]);
        alice.refused(&request, 400, "Invalid_Attribute_Value");
        let format = enumeration("KeyFormatType", "PKCS1");
        alice.refused(&kind.register(object, form, SIGN, &[format]), 422, "Key_Format_Type_Not_Supported");
    }
    for wrong in [boolean("Sensitive", true), boolean("Extractable", false)] {
        let request = kind.register("PublicKey", &kind.public(&key)[0], VERIFY, &[wrong]);
        alice.refused(&request, 400, "Invalid_Attribute_Value");
    }
}

fn rights_are_those_of_the_operations(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let mut bob = Caller::certificate(server, "bob");
    let kind = Kind::Rsa(2048);
    let key = kind.generate();
    let own = |id: &str| [text("UniqueIdentifier", id)];
    alice.ok(&kind.register("PrivateKey", &kind.private(&key)[0], SIGN | DECRYPT, &own("rights.private")));
    alice.ok(&kind.register("PublicKey", &kind.public(&key)[0], VERIFY | ENCRYPT, &own("rights.public")));
    let decrypt = |id: &str, data: &[u8]| structure("Decrypt", &[text("UniqueIdentifier", id), bytes("Data", data)]);
    bob.refused(&encrypt("rights.public", b"x"), 404);
    alice.grant("rights.public", "bob", &["encrypt"]);
    let ciphertext = octets(&bob.ok(&encrypt("rights.public", b"data")), "Data");
    bob.refused(&decrypt("rights.private", &ciphertext), 404);
    bob.refused(&decrypt("rights.public", &ciphertext), 403);
    alice.grant("rights.private", "bob", &["sign"]);
    bob.refused(&decrypt("rights.private", &ciphertext), 403);
    bob.refused(&named("Get", "rights.private"), 403);
    // Sign does not decrypt: a ciphertext is too long for a digest, and as data it is hashed and padded.
    let by_digest = [text("UniqueIdentifier", "rights.private"), bytes("DigestedData", &ciphertext)];
    bob.refused(&structure("Sign", &by_digest), 400);
    bob.refused(&sign("rights.private", &ciphertext, &[enumeration("PaddingMethod", "None")]), 422);
    alice.grant("rights.private", "bob", &["decrypt"]);
    assert_eq!(octets(&bob.ok(&decrypt("rights.private", &ciphertext)), "Data"), b"data");
    // A key whose mask lacks the use does not have it, whatever the right.
    alice.ok(&kind.register("PrivateKey", &kind.private(&key)[0], SIGN, &own("rights.signing")));
    alice.refused(&decrypt("rights.signing", &ciphertext), 403);
    alice.ok(&kind.register("PublicKey", &kind.public(&key)[0], VERIFY, &own("rights.verifying")));
    alice.refused(&encrypt("rights.verifying", b"x"), 403);
}

fn an_import_replaces_what_came_from_outside(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let imported = |kind: Kind, key: &PKey<Private>, id: &str, replace: bool, more: &[Value]| {
        let request = kind.register("PrivateKey", &kind.private(key)[0], SIGN, more);
        let mut fields = request["value"].as_array().unwrap().clone();
        fields.extend([text("UniqueIdentifier", id), boolean("ReplaceExisting", replace)]);
        structure("Import", &fields)
    };
    let kind = Kind::Curve("P256", 256);
    let (one, other) = (kind.generate(), kind.generate());
    let sealed = [boolean("Sensitive", true), boolean("Extractable", false)];
    alice.ok(&imported(kind, &one, "imported", false, &sealed));
    let own = |alice: &mut Connection| octets(&alice.ok(&sign("imported", b"x", &[])), "SignatureData");
    let sha256 = Some(MessageDigest::sha256());
    assert!(verifies(&one, sha256, b"x", &own(&mut alice)));
    alice.refused(&imported(kind, &other, "imported", false, &sealed), 409, "Object_Already_Exists");
    // No import makes it leave.
    let open = [boolean("Sensitive", false), boolean("Extractable", true)];
    alice.refused(&imported(kind, &other, "imported", true, &open), 422, "Constraint_Violation");
    alice.ok(&imported(kind, &other, "imported", true, &[]));
    assert!(verifies(&other, sha256, b"x", &own(&mut alice)));
    alice.refused(&named("Get", "imported"), 403, "Not_Extractable");
    let longer = Kind::Curve("P384", 384);
    let key = longer.generate();
    alice.ok(&imported(longer, &key, "imported", true, &[]));
    assert!(verifies(&key, Some(MessageDigest::sha384()), b"x", &own(&mut alice)));
}

fn links_of_clients_are_data(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let kind = Kind::Curve("P256", 256);
    let key = kind.generate();
    let own = |id: &str, kind: &str, to: &str| [text("UniqueIdentifier", id), link(kind, to)];
    alice.ok(&kind.register(
        "PrivateKey",
        &kind.private(&key)[0],
        SIGN,
        &own("l.private", "PublicKeyLink", "l.public"),
    ));
    alice.ok(&kind.register(
        "PublicKey",
        &kind.public(&key)[0],
        VERIFY,
        &own("l.public", "PrivateKeyLink", "l.private"),
    ));
    // Destroying one half of a pair by a cascade destroys the other; these are no pair.
    alice.ok(&with(revoke("l.private", "Superseded"), &[boolean("Cascade", true)]));
    assert_eq!((alice.state("l.private").as_str(), alice.state("l.public").as_str()), ("Deactivated", "Active"));
}

#[test]
fn they_outlive_restarts_wherever_they_are() {
    for placement in ["wrapped", "token"] {
        let options = Options { arguments: vec!["--placement".into(), placement.into()], ..Options::default() };
        let server = Server::start_with(&options);
        let mut alice = server.alice().connect().unwrap();
        let mut held = Vec::new();
        for kind in kinds() {
            let key = kind.generate();
            let sealed = [boolean("Sensitive", true), boolean("Extractable", false)];
            held.push((
                kind,
                key.clone(),
                alice.new_key(&kind.register("PrivateKey", &kind.private(&key)[0], SIGN, &sealed)),
            ));
        }
        let server = server.restart();
        let mut alice = server.alice().connect().unwrap();
        for (kind, key, id) in &held {
            let own = if *kind == Kind::Ed25519 { Vec::new() } else { fields(*kind, "SHA256") };
            let digest = (*kind != Kind::Ed25519).then(MessageDigest::sha256);
            let signature = octets(&alice.ok(&sign(id, b"data", &own)), "SignatureData");
            assert!(verifies(key, digest, b"data", &signature), "{kind:?}");
            alice.ok(&revoke(id, "Superseded"));
            alice.ok(&named("Destroy", id));
        }
        assert_eq!(server.place.token.objects(), ROOT_OBJECTS, "destroyed keys leave no objects");
    }
}
