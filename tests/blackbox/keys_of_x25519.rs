//! Keys of X25519 (RFC 7748): they derive where the HSM has them, do nothing else, and leave in the formats of RFC 8410.

use openssl::pkey::{Id, PKey};
use serde_json::Value;

use crate::harness::asymmetric::{Kind, point};
use crate::harness::kmip::{
    boolean, bytes, date, encrypt, enumeration, find, integer, named, octets, string, structure, text, with,
};
use crate::harness::pairs::{halves, sign, verify};
use crate::harness::{Connection, Hsm, Server, reference};
use crate::keys_are_derived::{derive, ecdh, shared};

const DERIVE: i64 = 0x200;
const X25519: Kind = Kind::X25519;

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        a_pair_is_made_where_the_hsm_has_it,
        keys_from_outside_come_back_in_each_format,
        random_parties_agree_as_by_openssl,
        only_a_sound_key_of_x25519_is_another_party,
        they_do_nothing_else,
    ]);
}

/// Create Key Pair of this algorithm on CURVE25519, whose halves have these masks.
fn pair(algorithm: &str, [private, public]: [i64; 2], more: &[Value]) -> Value {
    let common = [
        enumeration("CryptographicAlgorithm", algorithm),
        X25519.domain().unwrap(),
        date("ActivationDate", "2024-01-01T00:00:00Z"),
    ];
    let half = |tag, mask, more: &[Value]| structure(tag, &[&[integer("CryptographicUsageMask", mask)], more].concat());
    let own = [
        structure("CommonAttributes", &common),
        half("PrivateKeyAttributes", private, more),
        half("PublicKeyAttributes", public, &[]),
    ];
    structure("CreateKeyPair", &own)
}

fn in_format(alice: &mut Connection, id: &str, format: &str) -> Vec<u8> {
    octets(&alice.ok(&with(named("Get", id), &[enumeration("KeyFormatType", format)])), "KeyMaterial")
}

fn open() -> [Value; 2] {
    [boolean("Sensitive", false), boolean("Extractable", true)]
}

fn registered(alice: &mut Connection, object: &str, key: &PKey<openssl::pkey::Private>, mask: i64) -> String {
    let (forms, more) = match object {
        "PrivateKey" => (X25519.private(key), open().to_vec()),
        _ => (X25519.public(key), Vec::new()),
    };
    alice.new_key(&X25519.register(object, &forms[0], mask, &more))
}

fn a_pair_is_made_where_the_hsm_has_it(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let unsupported = "Unsupported_Cryptographic_Parameters";
    let problem = alice.refused(&pair("ECDSA", [DERIVE; 2], &[]), 422, unsupported);
    assert!(problem["detail"].as_str().unwrap().contains("CURVE25519"), "{problem}");
    for masks in [[1, 2], [1 | DERIVE, DERIVE], [DERIVE, 2 | DERIVE], [0x20, 0x10]] {
        alice.refused(&pair("EC", masks, &[]), 400, "Invalid_Attribute_Value");
    }
    let request = pair("ECDH", [DERIVE; 2], &open());
    if Hsm::chosen() == Hsm::SoftHsm {
        let problem = alice.refused(&request, 422, unsupported);
        assert!(problem["detail"].as_str().unwrap().contains("X25519"), "{problem}");
        return;
    }
    let (private, public) = halves(&alice.ok(&request));
    for id in [&private, &public] {
        let own = alice.attributes(id);
        let shown = (string(&own, "CryptographicAlgorithm"), find(&own, "CryptographicLength").cloned());
        assert_eq!(shown, ("EC".to_owned(), Some(256.into())));
        assert_eq!(string(&own, "RecommendedCurve"), "CURVE25519");
    }
    let key = PKey::private_key_from_pkcs8(&in_format(&mut alice, &private, "PKCS8")).unwrap();
    assert_eq!(key.id(), Id::X25519);
    assert_eq!(in_format(&mut alice, &private, "Raw"), key.raw_private_key().unwrap());
    assert_eq!(in_format(&mut alice, &public, "X509"), key.public_key_to_der().unwrap());
    assert_eq!(in_format(&mut alice, &public, "Raw"), key.raw_public_key().unwrap());
    let request = structure("ReKeyKeyPair", &[text("PrivateKeyUniqueIdentifier", &private)]);
    let (_, renewed) = halves(&alice.ok(&request));
    let raw = in_format(&mut alice, &renewed, "Raw");
    assert!(raw.len() == 32 && raw != key.raw_public_key().unwrap());
    // A key without these attributes stays.
    let (private, _) = halves(&alice.ok(&pair("EC", [DERIVE; 2], &[])));
    assert_ne!(alice.kmip(&named("Get", &private)).status, 200);
    // Unrestricted means the uses that there are.
    let (private, public) = halves(&alice.ok(&pair("EC", [0x20_0000; 2], &[])));
    for id in [private, public] {
        assert_eq!(find(&alice.attributes(&id), "CryptographicUsageMask").unwrap(), DERIVE | 0x800);
    }
}

fn keys_from_outside_come_back_in_each_format(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let key = X25519.generate();
    for (object, forms, more) in
        [("PrivateKey", X25519.private(&key), &open()[..]), ("PublicKey", X25519.public(&key), &[])]
    {
        for (format, material) in &forms {
            let request = X25519.register(object, &(*format, material.clone()), DERIVE, more);
            let id = alice.new_key(&request);
            let object_as = |operation: &str| named(operation, &id);
            for operation in ["Get", "Export"] {
                let answer = alice.ok(&object_as(operation));
                assert_eq!(find(&answer, "KeyMaterial"), material.get("value"), "{object} {format}");
            }
            let own = alice.attributes(&id);
            assert_eq!(string(&own, "CryptographicAlgorithm"), "EC");
            // What the HSM does not use is kept, and given back only.
            if object == "PrivateKey" && Hsm::chosen() == Hsm::SoftHsm {
                let peer = [bytes("DerivationData", &X25519.point(&key))];
                alice.refused(&ecdh(&id, &peer, 256, &[]), 422, "Invalid_Object_Type");
                continue;
            }
            assert_eq!(string(&own, "RecommendedCurve"), "CURVE25519");
            for (other, expected) in &forms {
                assert_eq!(in_format(&mut alice, &id, other), octets_of(expected), "{object} {format} {other}");
            }
            let none = if object == "PrivateKey" { "ECPrivateKey" } else { "TransparentECPublicKey" };
            alice.refused(
                &with(named("Get", &id), &[enumeration("KeyFormatType", none)]),
                422,
                "Key_Format_Type_Not_Supported",
            );
        }
    }
    // ECDSA is not its algorithm, nor is another curve its curve.
    let mut public = X25519.register("PublicKey", &X25519.public(&key)[0], DERIVE, &[]).to_string();
    public = public.replace(r#""value":"EC""#, r#""value":"ECDSA""#);
    alice.refused(&serde_json::from_str(&public).unwrap(), 400, "Invalid_Attribute_Value");
    let domain = structure("CryptographicDomainParameters", &[enumeration("RecommendedCurve", "P256")]);
    let wrong = X25519.register("PublicKey", &X25519.public(&key)[0], DERIVE, &[domain]);
    alice.refused(&wrong, 400, "Invalid_Attribute_Value");
}

/// The bytes of key material in a request.
fn octets_of(material: &Value) -> Vec<u8> {
    data_encoding::HEXUPPER_PERMISSIVE.decode(material["value"].as_str().unwrap().as_bytes()).unwrap()
}

fn random_parties_agree_as_by_openssl(server: &Server) {
    if Hsm::chosen() == Hsm::SoftHsm {
        return;
    }
    let mut alice = server.alice().connect().unwrap();
    for _ in 0..8 {
        let (own, other) = (X25519.generate(), X25519.generate());
        let (mine, theirs) =
            (registered(&mut alice, "PrivateKey", &own, DERIVE), registered(&mut alice, "PublicKey", &other, DERIVE));
        let by_name = with(ecdh(&mine, &[], 256, &[]), &[text("UniqueIdentifier", &theirs)]);
        let by_info = ecdh(&mine, &[bytes("DerivationData", &other.public_key_to_der().unwrap())], 256, &[]);
        let by_point = ecdh(&mine, &[bytes("DerivationData", &X25519.point(&other))], 256, &[]);
        for request in [by_name, by_info, by_point] {
            let id = alice.new_key(&request);
            assert_eq!(alice.export(&id), shared(&own, &other));
        }
    }
    // A point may begin as a SubjectPublicKeyInfo does, and its highest bit is not looked at (RFC 7748 section 5).
    let own = X25519.generate();
    let id = registered(&mut alice, "PrivateKey", &own, DERIVE);
    let (mut peer, mut high) = ([0x30; 32], [0x30; 32]);
    (peer[1], high[1], high[31]) = (30, 30, 0xb0);
    let [one, same] = [peer, high].map(|peer| {
        let id = alice.new_key(&ecdh(&id, &[bytes("DerivationData", &peer)], 256, &[]));
        alice.export(&id)
    });
    assert_eq!(one, same);
}

/// The points of small order, and other ways to write them (RFC 7748 section 6.1; https://cr.yp.to/ecdh.html).
fn small() -> Vec<Vec<u8>> {
    let end = |first: u8, last: u8| [&[first][..], &[0xff; 30], &[last]].concat();
    let hex = |digits: &str| data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap();
    let mut points = vec![
        vec![0; 32],
        [&[1][..], &[0; 31]].concat(),
        hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        end(0xec, 0x7f),
        end(0xed, 0x7f),
        end(0xee, 0x7f),
    ];
    for at in 0..points.len() {
        let mut high = points[at].clone();
        high[31] |= 0x80;
        points.push(high);
    }
    points
}

fn only_a_sound_key_of_x25519_is_another_party(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let info = |point: &[u8]| PKey::public_key_from_raw_bytes(point, Id::X25519).unwrap().public_key_to_der().unwrap();
    let id = registered(&mut alice, "PrivateKey", &X25519.generate(), DERIVE);
    for point in small() {
        for (format, material) in [("Raw", point.clone()), ("X509", info(&point))] {
            let request = X25519.register("PublicKey", &(format, bytes("KeyMaterial", &material)), DERIVE, &[]);
            let problem = alice.refused(&request, 400, "Invalid_Attribute_Value");
            assert!(problem["detail"].as_str().unwrap().contains("small order"), "{problem}");
            if Hsm::chosen() == Hsm::Kryoptic {
                let request = ecdh(&id, &[bytes("DerivationData", &material)], 256, &[]);
                let problem = alice.refused(&request, 400, "Invalid_Attribute_Value");
                assert!(problem["detail"].as_str().unwrap().contains("small order"), "{problem}");
            }
        }
    }
    if Hsm::chosen() == Hsm::SoftHsm {
        return;
    }
    let p256 = Kind::Curve("P256", 256);
    let good = X25519.point(&X25519.generate());
    let whole = info(&good);
    for wrong in [
        vec![],
        good[..31].to_vec(),
        [&good[..], &[0]].concat(),
        whole[..43].to_vec(),
        point(&p256.generate()),
        p256.generate().public_key_to_der().unwrap(),
        Kind::Ed25519.generate().public_key_to_der().unwrap(),
        PKey::generate_x448().unwrap().public_key_to_der().unwrap(),
        PKey::generate_x448().unwrap().raw_public_key().unwrap(),
        vec![0x30; 1_024],
    ] {
        let answer = alice.kmip(&ecdh(&id, &[bytes("DerivationData", &wrong)], 256, &[]));
        assert_eq!(answer.status, 400, "{wrong:?}");
    }
    let other = p256.generate();
    let other = alice.new_key(&p256.register("PublicKey", &p256.public(&other)[0], DERIVE, &[]));
    let by_name = with(ecdh(&id, &[], 256, &[]), &[text("UniqueIdentifier", &other)]);
    assert_eq!(alice.kmip(&by_name).status, 400, "of another curve");
    let right = [bytes("DerivationData", &good)];
    assert_eq!(alice.kmip(&ecdh(&id, &right, 320, &[])).status, 400, "longer than the secret");
    alice.ok(&ecdh(&id, &right, 256, &[]));
}

fn they_do_nothing_else(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let key = X25519.generate();
    let (any, data) = (0x1f | 0x20, reference::random(32));
    let public = registered(&mut alice, "PublicKey", &key, any);
    for request in [verify(&public, &data, &[1; 64], &[]), encrypt(&public, &data)] {
        let answer = alice.kmip(&request);
        assert_eq!(answer.status, 422, "{}", answer.json());
    }
    let verifying = registered(&mut alice, "PublicKey", &key, DERIVE);
    alice.refused(&verify(&verifying, &data, &[1; 64], &[]), 403, "Incompatible_Cryptographic_Usage_Mask");
    let private = registered(&mut alice, "PrivateKey", &key, any);
    for request in [
        sign(&private, &data, &[]),
        with(named("Decrypt", &private), &[bytes("Data", &data)]),
        derive(&private, "HKDF", &[bytes("DerivationData", &data)], 256, &[]),
    ] {
        let answer = alice.kmip(&request);
        assert!([403, 422].contains(&answer.status), "{}", answer.json());
    }
    let private = registered(&mut alice, "PrivateKey", &key, DERIVE);
    let hkdf = derive(&private, "HKDF", &[bytes("DerivationData", &data)], 256, &[]);
    assert!([400, 422].contains(&alice.kmip(&hkdf).status));
}
