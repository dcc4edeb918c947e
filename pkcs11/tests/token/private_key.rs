//! Private keys from outside: they sign and decrypt in the token as OpenSSL does, and only those that may leave do.

use claviger_pkcs11::{
    Curve, Error, Hash, Oaep, PairKind, Part, PrivateKeySpec, PrivateParts, RsaPadding, UnwrapTemplate, Uses,
};
use openssl::bn::BigNum;
use openssl::ec::EcKey;
use openssl::encrypt::Encrypter;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::{Padding, Rsa};
use zeroize::Zeroizing;

use crate::harness::{Home, new_id};
use crate::hsm::Hsm;
use crate::pair::{check_by, group, kek, message_digest, usual, wrapped_kinds};

/// The private key of [`Uses`] that signs and decrypts.
const BOTH: Uses =
    Uses { sign: true, decrypt: true, encrypt: false, verify: false, wrap: false, unwrap: false, derive: false };

fn rsa_parts(rsa: &Rsa<Private>) -> PrivateParts {
    let numbers = [
        rsa.n().to_vec(),
        rsa.e().to_vec(),
        rsa.d().to_vec(),
        rsa.p().unwrap().to_vec(),
        rsa.q().unwrap().to_vec(),
        rsa.dmp1().unwrap().to_vec(),
        rsa.dmq1().unwrap().to_vec(),
        rsa.iqmp().unwrap().to_vec(),
    ];
    PrivateParts::new(Part::RSA.into_iter().zip(numbers.map(Zeroizing::new)))
}

fn generated(kind: PairKind) -> (PrivateParts, PKey<Public>) {
    let value = |bytes| PrivateParts::new([(Part::Value, Zeroizing::new(bytes))]);
    let (parts, key) = match kind {
        PairKind::Rsa { bits } => {
            let rsa = Rsa::generate(u32::try_from(bits).unwrap()).unwrap();
            (rsa_parts(&rsa), PKey::from_rsa(rsa).unwrap())
        }
        PairKind::Ec(curve) => {
            let key = EcKey::generate(&group(curve)).unwrap();
            let number = key.private_key().to_vec_padded(i32::try_from(curve.bytes()).unwrap()).unwrap();
            (value(number), PKey::from_ec_key(key).unwrap())
        }
        PairKind::Ed25519 => {
            let key = PKey::generate_ed25519().unwrap();
            (value(key.raw_private_key().unwrap()), key)
        }
        PairKind::X25519 => {
            let key = PKey::generate_x25519().unwrap();
            (value(key.raw_private_key().unwrap()), key)
        }
    };
    (parts, PKey::public_key_from_der(&key.public_key_to_der().unwrap()).unwrap())
}

/// A token may return a number without its leading zeros.
fn number(bytes: &[u8]) -> BigNum {
    BigNum::from_slice(bytes).unwrap()
}

#[test]
fn an_imported_key_is_used_and_leaves_only_as_its_class_permits() {
    Home::test(module_path!(), "an_imported_key_is_used_and_leaves_only_as_its_class_permits", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let classes = [
            (UnwrapTemplate::Sealing, true, false),
            (UnwrapTemplate::Guarding, true, true),
            (UnwrapTemplate::Exporting, false, true),
        ];
        for kind in wrapped_kinds() {
            let (parts, public) = generated(kind);
            for (class, sensitive, extractable) in classes {
                let wrapping = kek(&device, class);
                let blob = device
                    .import_wrapped_private(&wrapping, kind, &parts)
                    .unwrap_or_else(|error| panic!("{kind:?} {class:?}: {error:?}"));
                let spec = PrivateKeySpec { sensitive, extractable, ..usual(kind) };
                let key = device.unwrap_private(&wrapping, &blob, &spec).unwrap();
                check_by(&device, &key, kind, &public);
                let read = device.private_parts(&key, kind);
                if sensitive {
                    assert!(matches!(read, Err(Error::NotExtractable(_) | Error::Binding(_))), "{kind:?} {class:?}");
                } else {
                    let read = read.unwrap();
                    for part in Part::RSA.into_iter().chain([Part::Value]) {
                        assert_eq!(read.get(part).map(number), parts.get(part).map(number), "{kind:?} {part:?}");
                    }
                }
                assert_eq!(device.wrap_private(&wrapping, &key, kind).is_ok(), extractable, "{kind:?} {class:?}");
                let stronger = PrivateKeySpec { sensitive: !sensitive, ..spec };
                let refused = device.unwrap_private(&wrapping, &blob, &stronger);
                assert!(matches!(refused, Err(Error::TemplateRefused(_))), "{kind:?} {class:?}: {refused:?}");
            }
        }
    });
}

#[test]
fn an_imported_key_may_be_a_token_object() {
    Home::test(module_path!(), "an_imported_key_may_be_a_token_object", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let kinds = [PairKind::Ec(Curve::P384), PairKind::Ed25519, PairKind::X25519];
        for kind in kinds.into_iter().filter(|kind| *kind != PairKind::X25519 || wrapped_kinds().contains(kind)) {
            let (parts, public) = generated(kind);
            let spec = usual(kind);
            let key = device.import_token_private(&new_id(&device), "placed", &spec, &parts).unwrap();
            check_by(&device, &key, kind, &public);
            assert!(device.private_parts(&key, kind).is_err());
            device.destroy_token(key).unwrap();
        }
        let short = generated(PairKind::Rsa { bits: 1024 }).0;
        let refused =
            device.import_wrapped_private(&kek(&device, UnwrapTemplate::Sealing), PairKind::Rsa { bits: 1024 }, &short);
        assert!(matches!(refused, Err(Error::InvalidInput(_))));
    });
}

fn encrypted(public: &PKey<Public>, padding: RsaPadding<'_>, data: &[u8]) -> Vec<u8> {
    let mut encrypter = Encrypter::new(public).unwrap();
    match padding {
        RsaPadding::Pkcs1v15 => encrypter.set_rsa_padding(Padding::PKCS1).unwrap(),
        RsaPadding::Oaep(Oaep { hash, mask, label }) => {
            encrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
            encrypter.set_rsa_oaep_md(message_digest(hash)).unwrap();
            encrypter.set_rsa_mgf1_md(message_digest(mask)).unwrap();
            if !label.is_empty() {
                encrypter.set_rsa_oaep_label(label).unwrap();
            }
        }
    }
    let mut output = vec![0; encrypter.encrypt_len(data).unwrap()];
    let length = encrypter.encrypt(data, &mut output).unwrap();
    output.truncate(length);
    output
}

#[test]
fn what_openssl_encrypts_is_decrypted_in_the_token() {
    Home::test(module_path!(), "what_openssl_encrypts_is_decrypted_in_the_token", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let (kind, bytes) = (PairKind::Rsa { bits: 2048 }, 256);
        let (parts, public) = generated(kind);
        let wrapping = kek(&device, UnwrapTemplate::Sealing);
        let blob = device.import_wrapped_private(&wrapping, kind, &parts).unwrap();
        let spec = PrivateKeySpec { uses: BOTH, ..PrivateKeySpec::signing(kind) };
        let key = device.unwrap_private(&wrapping, &blob, &spec).unwrap();
        let mut in_the_token = 0;
        for hash in Hash::ALL {
            for (mask, label) in [(hash, &b""[..]), (hash, b"a label"), (Hash::Sha1, b""), (Hash::Sha256, b"x")] {
                let oaep = Oaep { hash, mask, label };
                let most = bytes - 2 * hash.bytes() - 2;
                for length in [0, 1, most / 2, most] {
                    let data = device.random(length.max(1)).unwrap()[..length].to_vec();
                    let ciphertext = encrypted(&public, RsaPadding::Oaep(oaep), &data);
                    let raw = device.decrypt_rsa_raw(&key, oaep, &ciphertext, bytes).unwrap();
                    assert_eq!(*raw, *data, "{oaep:?}");
                    match device.decrypt_rsa(&key, RsaPadding::Oaep(oaep), &ciphertext, bytes) {
                        Ok(own) => {
                            assert_eq!(*own, *data, "{oaep:?}");
                            in_the_token += 1;
                        }
                        Err(error) => assert!(matches!(error, Error::MechanismUnsupported(_)), "{oaep:?}: {error:?}"),
                    }
                }
            }
        }
        // SHA-1 without a label, in two of the combinations.
        let expected = if Hsm::chosen() == Hsm::SoftHsm { 8 } else { Hash::ALL.len() * 16 };
        assert_eq!(in_the_token, expected);
        for length in [0, 1, bytes - 11] {
            let data = vec![9; length];
            let ciphertext = encrypted(&public, RsaPadding::Pkcs1v15, &data);
            let decrypted = device.decrypt_rsa(&key, RsaPadding::Pkcs1v15, &ciphertext, bytes).unwrap();
            assert_eq!(*decrypted, *data);
        }
        assert!(openssl::error::ErrorStack::get().errors().is_empty());
    });
}

#[test]
fn a_damaged_ciphertext_has_one_error() {
    Home::test(module_path!(), "a_damaged_ciphertext_has_one_error", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let (kind, bytes) = (PairKind::Rsa { bits: 2048 }, 256);
        let (parts, public) = generated(kind);
        let wrapping = kek(&device, UnwrapTemplate::Sealing);
        let blob = device.import_wrapped_private(&wrapping, kind, &parts).unwrap();
        let spec = PrivateKeySpec { uses: BOTH, ..PrivateKeySpec::signing(kind) };
        let key = device.unwrap_private(&wrapping, &blob, &spec).unwrap();
        let oaep = Oaep { hash: Hash::Sha256, mask: Hash::Sha256, label: b"" };
        let good = encrypted(&public, RsaPadding::Oaep(oaep), b"data");
        let raw = Oaep { label: b"other", ..oaep };
        let mut damaged =
            vec![vec![], good[1..].to_vec(), [&good[..], &[0]].concat(), vec![0; bytes], vec![0xff; bytes]];
        damaged.extend([0, 100, 255].map(|at| {
            let mut changed = good.clone();
            changed[at] ^= 1;
            changed
        }));
        for ciphertext in &damaged {
            let refused = device.decrypt_rsa_raw(&key, oaep, ciphertext, bytes);
            assert!(matches!(refused, Err(Error::DecryptionFailed)), "{refused:?}");
        }
        let refused = device.decrypt_rsa_raw(&key, raw, &good, bytes);
        assert!(matches!(refused, Err(Error::DecryptionFailed)), "{refused:?}");
        // A token that rejects implicitly answers a damaged ciphertext with random bytes, which has no error.
        let other = device.decrypt_rsa(&key, RsaPadding::Pkcs1v15, &good, bytes);
        assert!(matches!(&other, Err(Error::DecryptionFailed)) || other.is_ok_and(|own| *own != *b"data"));
        // The device is still taken for a good one, and a key that only signs does not decrypt.
        device.check(&[&wrapping]).unwrap();
        assert_eq!(*device.decrypt_rsa_raw(&key, oaep, &good, bytes).unwrap(), *b"data");
        let signing = device.unwrap_private(&wrapping, &blob, &PrivateKeySpec::signing(kind)).unwrap();
        let refused = device.decrypt_rsa_raw(&signing, oaep, &good, bytes);
        assert!(matches!(refused, Err(Error::KeyFunctionNotPermitted(_))), "{refused:?}");
    });
}
