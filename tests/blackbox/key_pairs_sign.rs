//! RSA and P-256 pairs are made in the HSM and sign there. Every algorithm agrees with OpenSSL's command in both
//! directions. The private half never leaves, and changed rows are refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use rusqlite::Connection as Database;
use serde_json::Value;

use crate::harness::caller::Caller;
use crate::harness::kmip::{
    all, boolean, bytes, create, date, encrypt, enumeration, find, import, integer, mac, name, named, octets,
    parameters, revoke, string, structure, text, with, wrapped,
};
use crate::harness::pairs::{SIGN, VERIFY, halves, pair, pair_of, sign, verify};
use crate::harness::server::run;
use crate::harness::token::Hsm;
use crate::harness::{Connection, Options, ROOT_OBJECTS, Server, directory, eventually, reference};

fn validity(caller: &mut Connection, request: &Value) -> String {
    string(&caller.ok(request), "ValidityIndicator")
}

/// Parameters of KMIP, and the equivalent options of `openssl dgst`.
fn schemes(algorithm: &str) -> Vec<(Vec<Value>, Vec<String>)> {
    let mut schemes = Vec::new();
    for bits in ["256", "384", "512"] {
        let hash = enumeration("HashingAlgorithm", &format!("SHA{bits}"));
        let digest = format!("-sha{bits}");
        let option = |text: &str| ["-sigopt".to_owned(), text.to_owned()];
        if algorithm == "EC" {
            let named = enumeration("DigitalSignatureAlgorithm", &format!("ECDSAWithSHA{bits}"));
            schemes.push((vec![hash], vec![digest.clone()]));
            schemes.push((vec![named], vec![digest]));
            continue;
        }
        let pss = [option("rsa_padding_mode:pss"), option("rsa_pss_saltlen:digest")].concat();
        let pss = [vec![digest.clone()], pss].concat();
        let named = enumeration("DigitalSignatureAlgorithm", &format!("SHA{bits}WithRSAEncryption"));
        schemes.push((vec![hash.clone(), enumeration("PaddingMethod", "PSS")], pss.clone()));
        schemes.push((vec![hash.clone(), enumeration("DigitalSignatureAlgorithm", "RSASSAPSS")], pss));
        schemes.push((vec![hash, enumeration("PaddingMethod", "PKCS1v15")], vec![digest.clone()]));
        schemes.push((vec![named], vec![digest]));
    }
    schemes
}

/// Whether `openssl dgst` verifies the signature of `data`.
fn openssl_verifies(at: &Path, options: &[String], data: &[u8], signature: &[u8]) -> bool {
    fs::write(at.join("data"), data).unwrap();
    fs::write(at.join("signature"), signature).unwrap();
    let mut command = Command::new("openssl");
    command.arg("dgst").args(options).args(["-verify", "public.pem", "-signature", "signature", "data"]);
    let (status, out, err) = run(command.current_dir(at));
    assert_eq!(status.success(), out.contains("Verified OK"), "{out}{err}");
    status.success()
}

#[test]
fn requests_to_one_server() {
    // The first one counts what there is.
    Server::shared(&[
        what_contradicts_itself_or_is_not_served_is_refused,
        openssl_verifies_what_is_signed_here,
        a_signature_is_as_long_as_its_key,
        digests_are_signed_as_their_data_is_and_defaults_are_told,
        a_half_does_what_it_is_for_and_nothing_else,
        who_may_sign_is_decided_as_for_every_other_use,
        a_batch_signs_with_the_pair_that_it_makes,
        each_curve_that_the_hsm_has_is_named_or_told_to_be_missing,
        a_pair_leaves_if_its_maker_says_so,
    ]);
}

fn openssl_verifies_what_is_signed_here(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let at = directory();
    for (algorithm, bits) in [("RSA", 2048), ("RSA", 3072), ("EC", 256), ("ECDSA", 256), ("EC", 384), ("EC", 521)] {
        let (private, public) = pair(&mut alice, algorithm, bits);
        let answer = alice.ok(&named("Get", &public));
        assert_eq!(
            (string(&answer, "ObjectType").as_str(), string(&answer, "KeyFormatType").as_str()),
            ("PublicKey", "X509")
        );
        let key = PKey::public_key_from_der(&octets(&answer, "KeyMaterial")).unwrap();
        let (id, length) = if algorithm == "RSA" { (Id::RSA, bits) } else { (Id::EC, bits) };
        assert_eq!((key.id(), i64::from(key.bits())), (id, length));
        fs::write(at.path().join("public.pem"), key.public_key_to_pem().unwrap()).unwrap();
        let schemes = schemes(if algorithm == "ECDSA" { "EC" } else { algorithm });
        for (fields, options) in &schemes {
            for data in [&b""[..], b"data", &reference::random(70_000)] {
                let signature = octets(&alice.ok(&sign(&private, data, fields)), "SignatureData");
                assert!(openssl_verifies(at.path(), options, data, &signature), "{fields:?}");
                assert_eq!(validity(&mut alice, &verify(&public, data, &signature, fields)), "Valid");
                let other = [data, b"!"].concat();
                assert!(!openssl_verifies(at.path(), options, &other, &signature));
                assert_eq!(validity(&mut alice, &verify(&public, &other, &signature, fields)), "Invalid");
                for wrong in [&signature[1..], &[signature.as_slice(), &[0]].concat(), &[], &[0; 64]] {
                    assert_eq!(validity(&mut alice, &verify(&public, data, wrong, fields)), "Invalid");
                }
            }
        }
        // A signature by one scheme does not verify by another.
        let (first, last) = (&schemes[0].0, &schemes[schemes.len() - 1].0);
        let signature = octets(&alice.ok(&sign(&private, b"data", first)), "SignatureData");
        assert_eq!(validity(&mut alice, &verify(&public, b"data", &signature, last)), "Invalid");
    }
}

fn each_curve_that_the_hsm_has_is_named_or_told_to_be_missing(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let on = |algorithm: &str, curve: &str| {
        let domain = structure("CryptographicDomainParameters", &[enumeration("RecommendedCurve", curve)]);
        let common =
            [enumeration("CryptographicAlgorithm", algorithm), domain, date("ActivationDate", "2024-01-01T00:00:00Z")];
        let half = |tag, mask| structure(tag, &[integer("CryptographicUsageMask", mask)]);
        let halves = [half("PrivateKeyAttributes", SIGN), half("PublicKeyAttributes", VERIFY)];
        structure("CreateKeyPair", &[&[structure("CommonAttributes", &common)], halves.as_slice()].concat())
    };
    let named_curves = [
        ("EC", "P256", 256),
        ("ECDH", "P384", 384),
        ("ECDSA", "P521", 521),
        ("EC", "SECP256K1", 256),
        ("Ed25519", "CURVE25519", 256),
    ];
    for (algorithm, curve, bits) in named_curves {
        let request = on(algorithm, curve);
        if Hsm::chosen() == Hsm::Kryoptic && curve == "SECP256K1" {
            let problem = alice.refused(&request, 422, "Unsupported_Cryptographic_Parameters");
            assert!(problem["detail"].as_str().unwrap().contains("secp256k1"), "{problem}");
            continue;
        }
        let (private, public) = halves(&alice.ok(&request));
        assert_eq!(find(&alice.attributes(&private), "CryptographicLength").unwrap(), bits);
        let key = PKey::public_key_from_der(&octets(&alice.ok(&named("Get", &public)), "KeyMaterial")).unwrap();
        let data = reference::random(1000);
        let signature = octets(&alice.ok(&sign(&private, &data, &[])), "SignatureData");
        let digest = match curve {
            "P384" => Some(MessageDigest::sha384()),
            "P521" => Some(MessageDigest::sha512()),
            "CURVE25519" => None,
            _ => Some(MessageDigest::sha256()),
        };
        let mut verifier = match digest {
            Some(digest) => Verifier::new(digest, &key).unwrap(),
            None => Verifier::new_without_digest(&key).unwrap(),
        };
        assert!(verifier.verify_oneshot(&signature, &data).unwrap(), "{curve}");
        assert_eq!(validity(&mut alice, &verify(&public, &data, &signature, &[])), "Valid");
        let mut damaged = signature;
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(validity(&mut alice, &verify(&public, &data, &damaged, &[])), "Invalid");
    }
    alice.refused(&on("EC", "B233"), 422, "Unsupported_Cryptographic_Parameters");
    alice.refused(&on("Ed25519", "P256"), 400, "Invalid_Attribute_Value");
    alice.refused(&on("RSA", "P256"), 400, "Invalid_Attribute_Value");
    let (ed25519, _) = pair(&mut alice, "Ed25519", 256);
    let hashed = [enumeration("HashingAlgorithm", "SHA512")];
    alice.refused(&sign(&ed25519, b"x", &hashed), 400, "Bad_Cryptographic_Parameters");
    let digested = structure("Sign", &[text("UniqueIdentifier", &ed25519), bytes("DigestedData", &[1; 64])]);
    alice.refused(&digested, 400, "Bad_Cryptographic_Parameters");
}

fn a_pair_leaves_if_its_maker_says_so(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for (algorithm, bits) in [("RSA", 2048), ("EC", 384), ("Ed25519", 256)] {
        let open = [boolean("Sensitive", false), boolean("Extractable", true)];
        let (private, public) = halves(&alice.ok(&pair_of(algorithm, bits, &open, &[])));
        alice.ok(&sign(&private, b"x", &[]));
        let as_pkcs8 = with(named("Get", &private), &[enumeration("KeyFormatType", "PKCS8")]);
        let key = PKey::private_key_from_pkcs8(&octets(&alice.ok(&as_pkcs8), "KeyMaterial")).unwrap();
        let info = octets(&alice.ok(&named("Get", &public)), "KeyMaterial");
        assert!(key.public_eq(&PKey::public_key_from_der(&info).unwrap()), "{algorithm}");
        let attributes = alice.attributes(&private);
        assert_eq!(find(&attributes, "NeverExtractable"), Some(&false.into()));
        let sensitive = [boolean("Extractable", true)];
        let (private, _) = halves(&alice.ok(&pair_of(algorithm, bits, &sensitive, &[])));
        alice.refused(&named("Get", &private), 403, "Sensitive");
    }
}

/// One in 256 begins with a zero, and OpenSSL by itself verifies it without.
fn a_signature_is_as_long_as_its_key(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (private, public) = pair(&mut alice, "RSA", 2048);
    for padding in ["PSS", "PKCS1v15"] {
        let fields = [enumeration("PaddingMethod", padding)];
        let found = (0..10_000_u32).find_map(|number| {
            let data = number.to_be_bytes();
            let signature = octets(&alice.ok(&sign(&private, &data, &fields)), "SignatureData");
            (signature[0] == 0).then_some((data, signature))
        });
        let (data, signature) = found.unwrap();
        assert_eq!(validity(&mut alice, &verify(&public, &data, &signature, &fields)), "Valid");
        assert_eq!(validity(&mut alice, &verify(&public, &data, &signature[1..], &fields)), "Invalid");
        let longer = [&[0], signature.as_slice()].concat();
        assert_eq!(validity(&mut alice, &verify(&public, &data, &longer, &fields)), "Invalid");
    }
}

fn digests_are_signed_as_their_data_is_and_defaults_are_told(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let digested = |operation, id: &str, digest: &[u8], more: &[Value]| {
        with(structure(operation, &[text("UniqueIdentifier", id), bytes("DigestedData", digest)]), more)
    };
    let sha256 = openssl::sha::sha256(b"data");
    for (algorithm, bits, default) in [("RSA", 2048, "PSS"), ("EC", 256, "None")] {
        let (private, public) = pair(&mut alice, algorithm, bits);
        let signature = octets(&alice.ok(&digested("Sign", &private, &sha256, &[])), "SignatureData");
        let fields = [enumeration("HashingAlgorithm", "SHA256"), enumeration("PaddingMethod", default)];
        assert_eq!(validity(&mut alice, &verify(&public, b"data", &signature, &fields)), "Valid");
        let by_digest = digested("SignatureVerify", &public, &sha256, &[bytes("SignatureData", &signature)]);
        assert_eq!(validity(&mut alice, &by_digest), "Valid");
        let short = digested("Sign", &private, &sha256[1..], &[]);
        alice.refused(&short, 400, "Bad_Cryptographic_Parameters");
        assert!(alice.kmip(&short).json().to_string().contains("DigestedData is 31 bytes long; expected 32"));
        let both = with(sign(&private, b"data", &[]), &[bytes("DigestedData", &sha256)]);
        alice.refused(&both, 400, "Bad_Cryptographic_Parameters");
        alice.refused(&named("Sign", &private), 400, "Missing_Data");
        alice.refused(&with(named("SignatureVerify", &public), &[bytes("Data", b"x")]), 400, "Missing_Data");
    }
    // The parameters of the object are the default.
    let own = parameters(&[enumeration("PaddingMethod", "PKCS1v15"), enumeration("HashingAlgorithm", "SHA512")]);
    let (private, public) =
        halves(&alice.ok(&pair_of("RSA", 2048, std::slice::from_ref(&own), std::slice::from_ref(&own))));
    let request = structure("Sign", &[text("UniqueIdentifier", &private), bytes("Data", b"data")]);
    let signature = octets(&alice.ok(&request), "SignatureData");
    let fields = [enumeration("DigitalSignatureAlgorithm", "SHA512WithRSAEncryption")];
    assert_eq!(validity(&mut alice, &verify(&public, b"data", &signature, &fields)), "Valid");
}

fn what_contradicts_itself_or_is_not_served_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (rsa, _) = pair(&mut alice, "RSA", 2048);
    let (ec, _) = pair(&mut alice, "EC", 256);
    let named_algorithm = |name| enumeration("DigitalSignatureAlgorithm", name);
    let hash = |name| enumeration("HashingAlgorithm", name);
    let padding = |name| enumeration("PaddingMethod", name);
    let (bad, not) = ((400, "Bad_Cryptographic_Parameters"), (422, "Unsupported_Cryptographic_Parameters"));
    for (id, fields, (status, reason)) in [
        (&rsa, vec![named_algorithm("ECDSAWithSHA256")], bad),
        (&ec, vec![named_algorithm("SHA256WithRSAEncryption")], bad),
        (&ec, vec![padding("PSS")], bad),
        (&rsa, vec![named_algorithm("SHA256WithRSAEncryption"), hash("SHA384")], bad),
        (&rsa, vec![named_algorithm("SHA256WithRSAEncryption"), padding("PSS")], bad),
        (&rsa, vec![named_algorithm("RSASSAPSS"), padding("PKCS1v15")], bad),
        (&rsa, vec![enumeration("CryptographicAlgorithm", "EC")], bad),
        (&ec, vec![enumeration("CryptographicAlgorithm", "RSA")], bad),
        (&rsa, vec![hash("SHA1")], not),
        (&ec, vec![hash("MD5")], not),
        (&rsa, vec![padding("OAEP")], not),
        (&rsa, vec![padding("None")], not),
        (&rsa, vec![named_algorithm("SHA1WithRSAEncryption")], not),
        (&rsa, vec![padding("PSS"), integer("SaltLength", 223)], bad),
        (&rsa, vec![padding("PSS"), integer("SaltLength", -1)], bad),
        (&rsa, vec![padding("PSS"), integer("TrailerField", 2)], not),
    ] {
        alice.refused(&sign(id, b"x", &fields), status, reason);
    }
    for salt in [0, 20, 32, 222] {
        alice.ok(&sign(&rsa, b"x", &[padding("PSS"), integer("SaltLength", salt), integer("TrailerField", 1)]));
    }
    // A digest is signed in one request.
    let digested = [bytes("DigestedData", &[7; 32]), boolean("InitIndicator", true)];
    alice.refused(&with(named("Sign", &rsa), &digested), 400, "Invalid_Field");
    for (algorithm, bits, status, reason) in [
        ("RSA", 1024, 400, "Invalid_Attribute_Value"),
        ("RSA", 8192, 400, "Invalid_Attribute_Value"),
        ("RSA", 0, 400, "Invalid_Attribute_Value"),
        ("RSA", 2056, 400, "Invalid_Attribute_Value"),
        ("EC", 255, 400, "Invalid_Attribute_Value"),
        ("AES", 256, 422, "Unsupported_Cryptographic_Parameters"),
        ("Ed25519", 255, 400, "Invalid_Attribute_Value"),
        ("Ed448", 448, 422, "Unsupported_Cryptographic_Parameters"),
    ] {
        alice.refused(&pair_of(algorithm, bits, &[], &[]), status, reason);
    }
    let invalid = "Invalid_Attribute_Value";
    let halves = [
        (vec![], vec![boolean("Extractable", false)]),
        (vec![], vec![boolean("Sensitive", true)]),
        (vec![integer("CryptographicUsageMask", SIGN | VERIFY)], vec![]),
        (vec![], vec![integer("CryptographicUsageMask", VERIFY | 8)]),
        (vec![integer("CryptographicLength", 3072)], vec![]),
        (vec![enumeration("ObjectType", "SymmetricKey")], vec![]),
        (vec![text("UniqueIdentifier", "one")], vec![text("UniqueIdentifier", "one")]),
    ];
    for (private, public) in halves {
        alice.refused(&pair_of("RSA", 2048, &private, &public), 400, invalid);
    }
    alice.refused(&create("RSA", 2048, &[]), 422, "Unsupported_Cryptographic_Parameters");
    // No failed request left an object.
    let (found, total) = alice.located(&crate::harness::kmip::locate(&[], &[]));
    assert_eq!((found.len(), total), (4, 4));
}

fn a_half_does_what_it_is_for_and_nothing_else(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let request = pair_of(
        "EC",
        256,
        &[text("UniqueIdentifier", "mine"), name("signer")],
        &[text("UniqueIdentifier", "mine.public"), name("signer")],
    );
    let (private, public) = halves(&alice.ok(&request));
    assert_eq!((private.as_str(), public.as_str()), ("mine", "mine.public"));
    for (id, link, to, kind) in
        [("mine", "PublicKeyLink", "mine.public", "PrivateKey"), ("mine.public", "PrivateKeyLink", "mine", "PublicKey")]
    {
        let attributes = alice.attributes(id);
        assert_eq!(string(&attributes, "ObjectType"), kind);
        assert_eq!(
            (string(&attributes, "LinkType"), string(&attributes, "LinkedObjectIdentifier")),
            (link.into(), to.into())
        );
        assert_eq!(string(&attributes, "NameValue"), "signer");
    }
    assert_eq!(find(&alice.attributes("mine"), "NeverExtractable"), Some(&true.into()));
    // One of the two identifiers is taken: neither half exists.
    let taken = pair_of("EC", 256, &[text("UniqueIdentifier", "other")], &[text("UniqueIdentifier", "mine")]);
    let problem = alice.refused(&taken, 409, "Object_Already_Exists");
    assert!(problem["detail"].as_str().unwrap().contains("\"mine\""), "{problem}");
    alice.refused(&named("GetAttributes", "other"), 404, "Object_Not_Found");

    let mask = "Incompatible_Cryptographic_Usage_Mask";
    let signature = octets(&alice.ok(&sign("mine", b"x", &[])), "SignatureData");
    alice.refused(&sign("mine.public", b"x", &[]), 403, mask);
    alice.refused(&verify("mine", b"x", &signature, &[]), 403, mask);
    for id in ["mine", "mine.public"] {
        alice.refused(&encrypt(id, b"x"), 403, mask);
        alice.refused(&mac(id, b"x"), 403, mask);
        alice.refused(&import(id, Some(true), "AES", &[7; 32], &[]), 400, "Invalid_Attribute_Value");
    }
    let wrapping = alice.new_key(&create("AES", 256, &[integer("CryptographicUsageMask", 0x10)]));
    for operation in ["Get", "Export"] {
        alice.refused(&named(operation, "mine"), 403, "Not_Extractable");
        alice.refused(&wrapped(operation, "mine", &wrapping), 403, "Not_Extractable");
        alice.refused(&wrapped(operation, "mine.public", &wrapping), 422, "Key_Wrap_Type_Not_Supported");
        alice.ok(&named(operation, "mine.public"));
    }
    let as_pkcs1 = with(named("Get", "mine.public"), &[enumeration("KeyFormatType", "PKCS1")]);
    alice.refused(&as_pkcs1, 422, "Key_Format_Type_Not_Supported");
    alice.refused(
        &pair_of("EC", 256, &[integer("CryptographicUsageMask", SIGN | 8)], &[]),
        400,
        "Invalid_Attribute_Value",
    );
    let (_, rsa) = pair(&mut alice, "RSA", 2048);
    let as_pkcs1 = with(named("Get", &rsa), &[enumeration("KeyFormatType", "PKCS1")]);
    Rsa::public_key_from_der_pkcs1(&octets(&alice.ok(&as_pkcs1), "KeyMaterial")).unwrap();
    // Neither half can be an API token, and the start says so.
    let objects =
        string(&alice.ok(&structure("Query", &[enumeration("QueryFunction", "QueryOperations")])), "Operation");
    assert!(!objects.is_empty());

    // Each half has its own lifecycle.
    alice.ok(&revoke("mine", "Superseded"));
    alice.refused(&sign("mine", b"x", &[]), 409, "Wrong_Key_Lifecycle_State");
    assert_eq!(validity(&mut alice, &verify("mine.public", b"x", &signature, &[])), "Valid");
    alice.ok(&named("Destroy", "mine"));
    alice.refused(&sign("mine", b"x", &[]), 409, "Object_Destroyed");
    assert_eq!(validity(&mut alice, &verify("mine.public", b"x", &signature, &[])), "Valid");
    alice.ok(&revoke("mine.public", "KeyCompromise"));
    alice.ok(&named("Destroy", "mine.public"));
    alice.refused(&named("Get", "mine.public"), 409, "Object_Destroyed");
}

fn who_may_sign_is_decided_as_for_every_other_use(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let mut bob = Caller::certificate(server, "bob");
    let request = pair_of("EC", 256, &[text("UniqueIdentifier", "k")], &[text("UniqueIdentifier", "k.public")]);
    alice.ok(&request);
    let signature = octets(&alice.ok(&sign("k", b"x", &[])), "SignatureData");
    bob.refused(&sign("k", b"x", &[]), 404);
    bob.refused(&verify("k.public", b"x", &signature, &[]), 404);
    bob.refused(&named("Get", "k.public"), 404);
    alice.grant("k", "bob", &["sign"]);
    alice.grant("k.public", "bob", &["signature_verify"]);
    bob.ok(&sign("k", b"x", &[]));
    assert_eq!(string(&bob.ok(&verify("k.public", b"x", &signature, &[])), "ValidityIndicator"), "Valid");
    bob.refused(&named("Destroy", "k"), 403);
    bob.refused(&named("Get", "k.public"), 403);
    alice.take_back("k", "bob", &["sign"]);
    bob.refused(&sign("k", b"x", &[]), 404);
    // A right that a half cannot have is not granted.
    for (id, operation) in [("k", "signature_verify"), ("k", "encrypt"), ("k", "get"), ("k.public", "sign")] {
        let told = alice.not_done("/access/grant", &crate::harness::caller::change(id, "bob", &[operation]), 422);
        assert!(told.contains("would have no effect"), "{told}");
    }
}

fn a_batch_signs_with_the_pair_that_it_makes(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let item = |operation: &str, payload: &Value| {
        let payload = structure("RequestPayload", payload["value"].as_array().unwrap());
        structure("BatchItem", &[enumeration("Operation", operation), payload])
    };
    let version = [integer("ProtocolVersionMajor", 2), integer("ProtocolVersionMinor", 1)];
    let header = [structure("ProtocolVersion", &version), integer("BatchCount", 2)];
    let message = structure(
        "RequestMessage",
        &[
            structure("RequestHeader", &header),
            item("CreateKeyPair", &pair_of("EC", 256, &[], &[])),
            item("Sign", &structure("Sign", &[bytes("Data", b"data")])),
        ],
    );
    let answer = alice.ok(&message);
    let items = all(&answer, "BatchItem");
    assert_eq!(items.len(), 2, "{answer}");
    let (private, public) = halves(&answer);
    let signature = octets(&answer, "SignatureData");
    assert_eq!(string(&answer, "UniqueIdentifier"), private);
    assert_eq!(validity(&mut alice, &verify(&public, b"data", &signature, &[])), "Valid");
}

fn signs(alice: &mut Connection, id: &str) -> Vec<u8> {
    octets(&alice.ok(&sign(id, b"data", &[])), "SignatureData")
}

#[test]
fn pairs_outlive_restarts_wherever_they_are() {
    for placement in ["wrapped", "token"] {
        let options = Options { arguments: vec!["--placement".into(), placement.into()], ..Options::default() };
        let server = Server::start_with(&options);
        let mut alice = server.alice().connect().unwrap();
        let pairs = [pair(&mut alice, "RSA", 2048), pair(&mut alice, "EC", 256)];
        let placed = if placement == "token" { pairs.len() } else { 0 };
        assert_eq!(server.place.token.objects(), ROOT_OBJECTS + placed);
        let signatures: Vec<_> = pairs.iter().map(|(private, _)| signs(&mut alice, private)).collect();
        let server = server.restart();
        let mut alice = server.alice().connect().unwrap();
        for ((private, public), signature) in pairs.iter().zip(&signatures) {
            assert_eq!(validity(&mut alice, &verify(public, b"data", signature, &[])), "Valid");
            let new = signs(&mut alice, private);
            assert_eq!(validity(&mut alice, &verify(public, b"data", &new, &[])), "Valid");
        }
        for (private, _) in &pairs {
            alice.ok(&revoke(private, "Superseded"));
            alice.ok(&named("Destroy", private));
        }
        assert_eq!(server.place.token.objects(), ROOT_OBJECTS);
        let (place, _) = server.stop();
        let (status, out, err) = run(place.command(&options).arg("--check-store"));
        assert!(status.success(), "{out}{err}");
    }
}

#[test]
fn while_the_token_is_away_only_what_is_public_goes_on() {
    for placement in ["wrapped", "token"] {
        let options = Options { arguments: vec!["--placement".into(), placement.into()], ..Options::default() };
        let server = Server::start_with(&options);
        let mut alice = server.alice().connect().unwrap();
        let pairs = [pair(&mut alice, "RSA", 2048), pair(&mut alice, "EC", 256)];
        let signatures: Vec<_> = pairs.iter().map(|(private, _)| signs(&mut alice, private)).collect();
        for (_, public) in &pairs {
            alice.ok(&named("GetAttributes", public));
        }
        let (tokens, aside) = (server.place.token.tokens.clone(), server.place.path("aside"));
        fs::rename(&tokens, &aside).unwrap();
        eventually("the token is away", || (server.alice().get("/health").status == 503).then_some(()));
        for ((private, public), signature) in pairs.iter().zip(&signatures) {
            // This also applies to cached handles, until the server has noticed.
            let away = || (alice.kmip(&sign(private, b"data", &[])).status == 503).then_some(());
            eventually("nothing is signed", away);
            assert_eq!(validity(&mut alice, &verify(public, b"data", signature, &[])), "Valid");
        }
        assert_eq!(alice.kmip(&pair_of("EC", 256, &[], &[])).status, 503);
        fs::rename(&aside, &tokens).unwrap();
        eventually("the token is back", || (server.alice().get("/health").status == 200).then_some(()));
        for (private, public) in &pairs {
            let new = signs(&mut alice, private);
            assert_eq!(validity(&mut alice, &verify(public, b"data", &new, &[])), "Valid");
        }
    }
}

#[test]
fn an_intruder_exchanges_no_half() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut ids = Vec::new();
    for number in 0..2 {
        let (private, public) = (format!("k{number}"), format!("k{number}.public"));
        let own = |id: &str| [text("UniqueIdentifier", id)];
        alice.ok(&pair_of("EC", 256, &own(&private), &own(&public)));
        ids.push(private);
        ids.push(public);
    }
    let other = "(SELECT material FROM object WHERE id = 'k1')";
    let other_public = "(SELECT material FROM object WHERE id = 'k1.public')";
    let changes = [
        ("k0", format!("material = {other}")),
        ("k0", "class = 3".to_owned()),
        ("k0", "object_type = 2".to_owned()),
        ("k0", "extractable = 1".to_owned()),
        ("k0", format!("material = {other_public}, placement = 3, kek = NULL")),
        ("k0.public", format!("material = {other_public}")),
        ("k0.public", "material = substr(material, 2)".to_owned()),
        ("k0.public", "attributes = replace(attributes, 'k0', 'k1')".to_owned()),
    ];
    let (mut place, _) = server.stop();
    for (id, change) in changes {
        let database = Database::open(place.database()).unwrap();
        let kept: Vec<rusqlite::types::Value> = database
            .query_row("SELECT material, class, object_type, extractable, placement, kek, attributes FROM object WHERE id = ?1", [id], |row| {
                (0..7).map(|column| row.get(column)).collect()
            })
            .unwrap();
        assert_eq!(database.execute(&format!("UPDATE object SET {change} WHERE id = '{id}'"), []).unwrap(), 1);
        drop(database);
        let server = Server::start_at(place, &Options::default());
        let mut alice = server.alice().connect().unwrap();
        for request in [sign(id, b"x", &[]), verify(id, b"x", b"y", &[]), named("Get", id)] {
            alice.refused(&request, 500, "Internal_Server_Error");
        }
        alice.ok(&sign("k1", b"x", &[]));
        alice.ok(&named("Get", "k1.public"));
        place = server.stop().0;
        let database = Database::open(place.database()).unwrap();
        let restore = "UPDATE object SET material = ?1, class = ?2, object_type = ?3, extractable = ?4, placement = ?5, kek = ?6, \
                       attributes = ?7 WHERE id = ?8";
        let values: Vec<&dyn rusqlite::ToSql> =
            kept.iter().map(|own| own as &dyn rusqlite::ToSql).chain([&id as &dyn rusqlite::ToSql]).collect();
        assert_eq!(database.execute(restore, values.as_slice()).unwrap(), 1);
    }
    let server = Server::start_at(place, &Options::default());
    let mut alice = server.alice().connect().unwrap();
    for id in ids.iter().filter(|id| !id.ends_with(".public")) {
        alice.ok(&sign(id, b"x", &[]));
    }
}
