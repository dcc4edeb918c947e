//! The server sets the attributes that identify an X.509 certificate, and each version of KMIP has them in its form. A
//! list of attributes names what the version returns.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Name, X509NameBuilder};
use serde_json::{Value, json};

use crate::harness::kmip::{
    all, bytes, create, enumeration, find, integer, locate, named, octets, register, string, structure, text, with,
    wrapped,
};
use crate::harness::message::{item, message_of, version};
use crate::harness::socket::{Socket, items_of, outcomes, with_socket};
use crate::harness::{Server, reference};

const ATTRIBUTES: [&str; 3] = ["X_509CertificateIdentifier", "X_509CertificateIssuer", "X_509CertificateSubject"];

fn rsa() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn ec(curve: Nid) -> PKey<Private> {
    PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap()).unwrap()
}

fn name_of(entries: &[(&str, &str)]) -> X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    for (kind, value) in entries {
        name.append_entry_by_text(kind, value).unwrap();
    }
    name.build()
}

/// A certificate that is signed with its own key.
fn signed(key: &PKey<Private>, hash: MessageDigest, serial: &[u8], subject: &X509Name, has_names: bool) -> X509 {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_slice(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(&name_of(&[("C", "DE"), ("O", "Issuer, Inc."), ("CN", "root")])).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    if has_names {
        let names = SubjectAlternativeName::new()
            .dns("www.example.com")
            .ip("192.0.2.1")
            .email("ops@example.com")
            .build(&builder.x509v3_context(None, None))
            .unwrap();
        builder.append_extension(names).unwrap();
    }
    builder.sign(key, hash).unwrap();
    builder.build()
}

fn object(der: &[u8]) -> Value {
    structure("Certificate", &[enumeration("CertificateType", "X509"), bytes("CertificateValue", der)])
}

fn kept(object: &Value, attributes: &[Value]) -> Value {
    let kind = enumeration("ObjectType", "Certificate");
    structure("Register", &[kind, structure("Attributes", attributes), object.clone()])
}

/// The attribute of an object, as a structure of its own.
fn part(attributes: &Value, tag: &str) -> Value {
    structure(tag, find(attributes, tag).unwrap().as_array().unwrap())
}

#[test]
fn by_what_openssl_reads_in_them() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let (sha1, sha256, sha384) = (MessageDigest::sha1(), MessageDigest::sha256(), MessageDigest::sha384());
    let (own, none) = (name_of(&[("O", "a+b"), ("CN", "web")]), name_of(&[]));
    let high = [&[0x80][..], &[7; 18]].concat();
    for (certificate, serial, algorithm) in [
        (signed(&rsa(), sha256, &[1], &own, false), vec![2, 1, 1], "SHA256WithRSAEncryption"),
        (signed(&rsa(), sha1, &[0x7F], &own, true), vec![2, 1, 0x7F], "SHA1WithRSAEncryption"),
        (
            signed(&ec(Nid::X9_62_PRIME256V1), sha256, &high, &none, true),
            [&[2, 20, 0][..], &high].concat(),
            "ECDSAWithSHA256",
        ),
        (signed(&ec(Nid::SECP384R1), sha384, &[0xFF], &own, false), vec![2, 2, 0, 0xFF], "ECDSAWithSHA384"),
    ] {
        let der = certificate.to_der().unwrap();
        let id = alice.new_key(&kept(&object(&der), &[]));
        let told = alice.attributes(&id);
        let (issuer, subject) =
            (certificate.issuer_name().to_der().unwrap(), certificate.subject_name().to_der().unwrap());
        let [identifier, by, of] = ATTRIBUTES.map(|tag| part(&told, tag));
        assert_eq!(octets(&identifier, "IssuerDistinguishedName"), issuer);
        assert_eq!(octets(&identifier, "CertificateSerialNumber"), serial);
        assert_eq!(octets(&by, "IssuerDistinguishedName"), issuer);
        assert_eq!(octets(&of, "SubjectDistinguishedName"), subject);
        assert_eq!(string(&told, "DigitalSignatureAlgorithm"), algorithm);
        let alternatives: Vec<&str> =
            all(&of, "SubjectAlternativeName").into_iter().map(|name| name.as_str().unwrap()).collect();
        let dns = format!("820F{}", data_encoding::HEXUPPER.encode(b"www.example.com"));
        let mail = format!("810F{}", data_encoding::HEXUPPER.encode(b"ops@example.com"));
        let expected: &[&str] =
            if certificate.subject_alt_names().is_some() { &[&dns, "8704C0000201", &mail] } else { &[] };
        assert_eq!(alternatives, expected);
        // Found by it, also by a part of it.
        let number = structure(ATTRIBUTES[0], &[bytes("CertificateSerialNumber", &serial)]);
        for wanted in [&identifier, &number] {
            assert_eq!(
                alice.located(&locate(std::slice::from_ref(wanted), &[])).0,
                std::slice::from_ref(&id),
                "{wanted}"
            );
        }
        assert!(alice.located(&locate(std::slice::from_ref(&of), &[])).0.contains(&id));
        // A client may say the same again, as an import of an exported certificate does, and nothing else.
        let same = [identifier.clone(), by, of, enumeration("DigitalSignatureAlgorithm", algorithm)];
        alice.new_key(&kept(&object(&der), &same));
        let other = structure(ATTRIBUTES[1], &[bytes("IssuerDistinguishedName", &subject)]);
        for other in [other, enumeration("DigitalSignatureAlgorithm", "SHA512WithRSAEncryption")] {
            alice.refused(&kept(&object(&der), &[other]), 400, "Invalid_Attribute_Value");
        }
        alice.refused(&create("AES", 256, &[identifier]), 400, "Attribute_Read_Only");
    }
}

#[test]
fn and_not_by_what_is_no_certificate_or_above_the_bounds() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    for value in [&b"0"[..], &[0x30, 0x82, 0xFF, 0xFF], b""] {
        let id = alice.new_key(&kept(&object(value), &[]));
        let told = alice.attributes(&id);
        assert!(ATTRIBUTES.iter().all(|tag| find(&told, tag).is_none()), "{told}");
        assert_eq!(find(&told, "DigitalSignatureAlgorithm"), None);
    }
    let unit = "u".repeat(60);
    let long: Vec<(&str, &str)> = (0..16).map(|_| ("OU", unit.as_str())).collect();
    let certificate = signed(&rsa(), MessageDigest::sha256(), &[1], &name_of(&long), false);
    assert!(certificate.subject_name().to_der().unwrap().len() > 1024);
    let id = alice.new_key(&kept(&object(&certificate.to_der().unwrap()), &[]));
    let told = alice.attributes(&id);
    assert_eq!(find(&told, ATTRIBUTES[2]), None);
    assert!(find(&told, ATTRIBUTES[0]).is_some() && find(&told, ATTRIBUTES[1]).is_some());
    // The identity is that of the present certificate.
    let next = signed(&rsa(), MessageDigest::sha256(), &[9], &name_of(&[("CN", "next")]), false);
    let replacing = [
        text("UniqueIdentifier", &id),
        enumeration("ObjectType", "Certificate"),
        json!({"tag": "ReplaceExisting", "type": "Boolean", "value": true}),
        structure("Attributes", &[]),
        object(&next.to_der().unwrap()),
    ];
    alice.ok(&structure("Import", &replacing));
    let told = alice.attributes(&id);
    assert_eq!(octets(&told, "CertificateSerialNumber"), [2, 1, 9]);
    assert_eq!(octets(&told, "SubjectDistinguishedName"), next.subject_name().to_der().unwrap());
}

fn of_1_x(socket: &mut Socket, minor: i64, operation: &Value) -> Value {
    let answer = socket.ask(&message_of(version(1, minor), &[], &[item(operation, None)]));
    assert_eq!(outcomes(&items_of(&answer)), ["Success"], "{operation} in 1.{minor}: {answer}");
    items_of(&answer).remove(0)
}

/// The names of the attributes in the payload of an answer, in order of their text.
fn names(answer: &Value) -> Vec<String> {
    let payload = structure("p", find(answer, "ResponsePayload").unwrap().as_array().unwrap());
    let named = all(&payload, "AttributeName").into_iter().map(|name| name.as_str().unwrap().to_owned());
    let with_values = all(&payload, "Attribute").into_iter();
    let with_values = with_values.map(|own| string(&structure("a", own.as_array().unwrap()), "AttributeName"));
    let mut names: Vec<String> = named.chain(with_values).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn in_the_form_of_each_version() {
    let server = Server::start_with(&with_socket());
    let mut socket = server.socket(&server.place.alice);
    let certificate = signed(
        &ec(Nid::X9_62_PRIME256V1),
        MessageDigest::sha256(),
        &[0xDA, 0xDA],
        &name_of(&[("O", "T"), ("CN", "w")]),
        true,
    );
    let der = certificate.to_der().unwrap();
    let certificate = string(&socket.ok(&kept(&object(&der), &[])), "UniqueIdentifier");
    let mask = |bits| structure("a", &[integer("CryptographicUsageMask", bits)]);
    let pair = structure(
        "CreateKeyPair",
        &[
            structure(
                "CommonAttributes",
                &[enumeration("CryptographicAlgorithm", "EC"), integer("CryptographicLength", 256)],
            ),
            structure("PrivateKeyAttributes", mask(1)["value"].as_array().unwrap()),
            structure("PublicKeyAttributes", mask(2)["value"].as_array().unwrap()),
        ],
    );
    let pair = socket.ok(&pair);
    let key = string(&socket.ok(&create("AES", 256, &[text("Comment", "c")])), "UniqueIdentifier");
    let ids = [
        certificate.clone(),
        string(&pair, "PrivateKeyUniqueIdentifier"),
        string(&pair, "PublicKeyUniqueIdentifier"),
        key,
    ];
    for minor in 0..=4 {
        for id in &ids {
            let listed = names(&of_1_x(&mut socket, minor, &named("GetAttributeList", id)));
            assert_eq!(names(&of_1_x(&mut socket, minor, &named("GetAttributes", id))), listed, "1.{minor}");
            assert!(listed.len() > 8, "{listed:?}");
            for name in &listed {
                let asked = with(named("GetAttributes", id), &[text("AttributeName", name)]);
                assert_eq!(names(&of_1_x(&mut socket, minor, &asked)), std::slice::from_ref(name), "1.{minor}");
            }
        }
        let told = of_1_x(&mut socket, minor, &named("GetAttributes", &certificate));
        let texts = [
            ("Issuer", "CN=root,O=Issuer\\, Inc.,C=DE"),
            ("SerialNumber", "DADA"),
            ("CertificateIssuerDistinguishedName", "CN=root,O=Issuer\\, Inc.,C=DE"),
            ("CertificateSubjectDistinguishedName", "CN=w,O=T"),
            ("CertificateSubjectAlternativeName", "www.example.com"),
        ];
        for (tag, expected) in texts {
            assert_eq!(string(&told, tag), expected, "1.{minor}");
        }
        assert_eq!(find(&told, "IssuerDistinguishedName").is_some(), minor > 0, "1.{minor}");
    }
    let told = socket.ok(&named("GetAttributes", &certificate));
    assert_eq!(find(&told, "CertificateIssuerDistinguishedName"), None);
    assert!(find(&told, "IssuerDistinguishedName").is_some());
    // What 1.4 exports can be imported.
    let exported = of_1_x(&mut socket, 4, &named("Export", &certificate));
    let payload = find(&exported, "ResponsePayload").unwrap().as_array().unwrap();
    let id =
        |part: &Value| if part["tag"] == "UniqueIdentifier" { text("UniqueIdentifier", "again") } else { part.clone() };
    let set = ["Unique Identifier", "Short Unique Identifier"];
    let kept = payload
        .iter()
        .filter(|part| part["tag"] != "Attribute" || !set.contains(&string(part, "AttributeName").as_str()));
    let import: Vec<Value> = kept.map(id).collect();
    assert_eq!(string(&of_1_x(&mut socket, 4, &structure("Import", &import)), "UniqueIdentifier"), "again");
}

#[test]
fn and_wrapped_key_material_is_the_key_value_in_2_1() {
    let server = Server::start_with(&with_socket());
    let mut socket = server.socket(&server.place.alice);
    let mut alice = server.alice().connect().unwrap();
    let (kek, secret) = (reference::random(32), reference::random(32));
    let raw = |bytes: &[u8], mask| register("AES", bytes, &[integer("CryptographicUsageMask", mask)]);
    let (wrapping, id) = (alice.new_key(&raw(&kek, 0x10)), alice.new_key(&raw(&secret, 12)));
    let expected = reference::key_wrap(&kek, &secret);
    for operation in ["Get", "Export"] {
        let asked = wrapped(operation, &id, &wrapping);
        assert_eq!(octets(&socket.ok(&asked), "KeyValue"), expected);
        if operation == "Get" {
            // PyKMIP, which does not speak 2.1, reads a structure. The Encoding Option is of 1.1.
            for minor in 1..=4 {
                assert_eq!(octets(&of_1_x(&mut socket, minor, &asked), "KeyMaterial"), expected, "1.{minor}");
            }
        }
        // Clients of the bare dialect read a structure.
        assert_eq!(octets(&alice.ok(&asked), "KeyMaterial"), expected);
    }
}
