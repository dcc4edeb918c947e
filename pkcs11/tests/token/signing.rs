//! Signing keys: their attributes, that OpenSSL verifies their signatures, and that a process with the PIN cannot
//! change them.

use claviger_pkcs11::{Device, Error, KeyId, MacMechanism, RootKind, SigningKey, UnwrapTemplate, Weaknesses};
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::sha::sha256;

use crate::harness::{Home, aes, assert_fixed, new_id, raw};
use crate::hsm::Hsm;

const PRIME256V1: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn make(device: &Device) -> (KeyId, SigningKey) {
    let id = new_id(device);
    let key = device.generate_signing_root(&id, "root", Weaknesses::NONE).unwrap();
    (id, key)
}

fn find(device: &Device, id: &KeyId) -> SigningKey {
    device.signing_objects(id).unwrap().pair().unwrap()
}

fn object(session: &Session, id: &KeyId, class: ObjectClass) -> ObjectHandle {
    let found = session.find_objects(&[Attribute::Class(class), Attribute::Id(id.as_bytes().to_vec())]).unwrap();
    assert_eq!(found.len(), 1);
    found[0]
}

fn is_signature(device: &Device, public: &SigningKey, signature: &[u8; 64], digest: &[u8; 32]) -> bool {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let mut context = BigNumContext::new().unwrap();
    let point = EcPoint::from_bytes(&group, &device.public_point(public).unwrap(), &mut context).unwrap();
    let key = EcKey::from_public_key(&group, &point).unwrap();
    key.check_key().unwrap();
    let [r, s] = [&signature[..32], &signature[32..]].map(|number| BigNum::from_slice(number).unwrap());
    EcdsaSig::from_private_components(r, s).unwrap().verify(digest, &key).unwrap()
}

#[test]
fn openssl_agrees_now_and_after_a_restart() {
    Home::test(module_path!(), "openssl_agrees_now_and_after_a_restart", |home| {
        let token = home.open();
        let (id, old) = make(&token.device().unwrap());
        token.reset(|_| Ok::<_, Error>(())).unwrap();
        let device = token.device().unwrap();
        let key = find(&device, &id);
        device.check_signing_root(&key, &id, Weaknesses::NONE).unwrap();
        let other = make(&device).1;
        for number in 0..50_u8 {
            let digest = sha256(&[number]);
            let signature = device.sign_digest(&key, &digest).unwrap();
            assert!(is_signature(&device, &key, &signature, &digest));
            assert!(!is_signature(&device, &key, &signature, &sha256(b"other")));
            assert!(!is_signature(&device, &other, &signature, &digest));
        }
        assert!(matches!(device.sign_digest(&old, &sha256(b"x")), Err(Error::Stale)));
        assert!(matches!(device.check_signing_root(&old, &id, Weaknesses::NONE), Err(Error::Stale)));
        let error = device.check_signing_root(&key, &new_id(&device), Weaknesses::NONE).unwrap_err();
        assert!(error.to_string().starts_with("root key CKA_ID: "), "{error}");
        device.check(&[&key.private, &key.public]).unwrap();
    });
}

#[test]
fn a_pair_is_one_of_each_and_nothing_else() {
    Home::test(module_path!(), "a_pair_is_one_of_each_and_nothing_else", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let (id, _) = make(&device);
        let nothing = device.signing_objects(&new_id(&device)).unwrap();
        assert!(nothing.pair().is_none() && nothing.count() == 0);
        assert!(device.token_keys().unwrap().is_empty(), "these are not secret keys");
        let secret = device.generate_token(&id, "intruder", &aes(32)).unwrap();
        let found = device.signing_objects(&id).unwrap();
        assert!(found.pair().is_none());
        assert_eq!((found.count(), found.others), (3, 1));
        device.destroy_token(secret).unwrap();
        find(&device, &id);
        for more in 1..10 {
            device.generate_signing_root(&id, "root", Weaknesses::NONE).unwrap();
            let found = device.signing_objects(&id).unwrap();
            assert!(found.pair().is_none());
            assert_eq!(found.count(), (2 + 2 * more).min(8));
        }
    });
}

#[test]
fn an_ordinary_pair_is_no_root_key() {
    Home::test(module_path!(), "an_ordinary_pair_is_no_root_key", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let (good, right) = make(&device);
        for (curve, extra, expected) in [
            (PRIME256V1.to_vec(), vec![Attribute::Derive(true)], "CKA_DERIVE"),
            (PRIME256V1.to_vec(), vec![Attribute::Derive(false)], "CKA_MODIFIABLE"),
            // The object identifier of P-384, 1.3.132.0.34.
            (vec![0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22], fixed(), "CKA_EC_PARAMS"),
        ] {
            let id = new_id(&device);
            let named = Attribute::Id(id.as_bytes().to_vec());
            let mut public = vec![
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::EcParams(curve),
                Attribute::Verify(true),
                named.clone(),
            ];
            let mut private = vec![
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
                Attribute::SignRecover(false),
                Attribute::Decrypt(false),
                Attribute::Unwrap(false),
                named,
            ];
            public.extend(extra.clone());
            private.extend(extra);
            raw().generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
            let key = find(&device, &id);
            let Err(Error::RootMismatch(first)) = device.check_signing_root(&key, &id, Weaknesses::NONE) else {
                panic!("taken for a root key")
            };
            assert_eq!(first.attribute, expected, "{first}");
            // It is refused with a valid private half, too.
            let mixed = SigningKey { private: right.private.clone(), public: key.public };
            assert!(matches!(device.check_signing_root(&mixed, &good, Weaknesses::NONE), Err(Error::RootMismatch(_))));
        }
    });
}

fn fixed() -> Vec<Attribute> {
    vec![
        Attribute::Derive(false),
        Attribute::Modifiable(false),
        Attribute::Copyable(false),
        Attribute::Destroyable(false),
    ]
}

#[test]
fn cannot_be_changed_copied_or_destroyed() {
    Home::test(module_path!(), "cannot_be_changed_copied_or_destroyed", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let (id, key) = make(&device);
        let session = raw();
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            let handle = object(&session, &id, class);
            let more = [
                Attribute::Wrap(true),
                Attribute::Unwrap(true),
                Attribute::SignRecover(true),
                Attribute::Verify(false),
                Attribute::Label(b"other".to_vec()),
            ];
            assert_fixed(&session, handle, &more);
        }
        for half in [&key.private, &key.public] {
            let error = device.destroy_token(half.clone()).unwrap_err();
            assert!(matches!(error, Error::ActionProhibited(_)), "{error:?}");
        }
        device.check_signing_root(&key, &id, Weaknesses::NONE).unwrap();
    });
}

/// Checks that no mechanism wraps the key. Kryoptic gives another answer for a private key than for a secret one, and
/// does not know CKM_AES_KEY_WRAP_PAD.
pub(crate) fn assert_unextractable(session: &Session, wrapping: ObjectHandle, key: ObjectHandle) {
    for mechanism in [Mechanism::AesKeyWrap, Mechanism::AesKeyWrapPad] {
        let refused = session.wrap_key(&mechanism, wrapping, key).unwrap_err();
        let cryptoki::error::Error::Pkcs11(answer, _) = refused else { panic!("{mechanism:?}: {refused}") };
        let expected = match (Hsm::chosen(), &mechanism) {
            (Hsm::SoftHsm, _) => RvError::KeyUnextractable,
            (Hsm::Kryoptic, Mechanism::AesKeyWrapPad) => RvError::MechanismInvalid,
            (Hsm::Kryoptic, _) => RvError::KeyFunctionNotPermitted,
        };
        assert_eq!(answer, expected, "{mechanism:?}");
    }
}

#[test]
fn either_configured_encoding_of_points_will_do() {
    Home::test_of(Hsm::Kryoptic, module_path!(), "either_configured_encoding_of_points_will_do", |home| {
        let token = home.open();
        let (id, key) = make(&token.device().unwrap());
        let point = token.device().unwrap().public_point(&key).unwrap();
        let configuration = home.tokens().with_file_name("kryoptic.conf");
        let text = std::fs::read_to_string(&configuration).unwrap();
        std::fs::write(&configuration, text.replace("Der", "Bytes")).unwrap();
        token.reset(|_| Ok::<_, Error>(())).unwrap();
        let device = token.device().unwrap();
        let key = find(&device, &id);
        device.check_signing_root(&key, &id, Weaknesses::NONE).unwrap();
        assert_eq!(device.public_point(&key).unwrap(), point);
        let (id, key) = make(&device);
        device.check_signing_root(&key, &id, Weaknesses::NONE).unwrap();
        let digest = sha256(b"text");
        assert!(is_signature(&device, &key, &device.sign_digest(&key, &digest).unwrap(), &digest));
    });
}

#[test]
fn can_only_sign_and_never_leaves() {
    Home::test(module_path!(), "can_only_sign_and_never_leaves", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let (id, key) = make(&device);
        let session = raw();
        let private = object(&session, &id, ObjectClass::PRIVATE_KEY);
        assert!(session.get_attributes(private, &[AttributeType::Value]).unwrap().is_empty());
        assert!(device.value(&key.private).is_err());
        for unwrap in [UnwrapTemplate::Sealing, UnwrapTemplate::Guarding, UnwrapTemplate::Exporting] {
            let named = new_id(&device);
            let kek = device.generate_root(&named, "kek", RootKind::Kek(unwrap), Weaknesses::NONE).unwrap();
            device.wrap(&kek, &key.private).unwrap_err();
            // This crate refuses it because of its length, and the token because of its type.
            let kek = object(&session, &named, ObjectClass::SECRET_KEY);
            assert_unextractable(&session, kek, private);
        }
        session.decrypt(&Mechanism::RsaPkcs, private, &[0; 32]).unwrap_err();
        device.mac(&key.private, MacMechanism::HmacSha256, b"x").unwrap_err();
        // With the key's own public key as the other side, this would be a key agreement.
        let point = device.public_point(&key).unwrap();
        let agreement = cryptoki::mechanism::elliptic_curve::Ecdh1DeriveParams::new(
            cryptoki::mechanism::elliptic_curve::EcKdf::null(),
            &point,
        );
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::ValueLen(32_u64.into()),
            Attribute::Token(false),
        ];
        session.derive_key(&Mechanism::Ecdh1Derive(agreement), private, &template).unwrap_err();
        device.sign_digest(&key, &[7; 32]).unwrap();
    });
}

#[test]
fn signing_fails_at_once_while_the_token_is_away() {
    Home::test_of(Hsm::SoftHsm, module_path!(), "signing_fails_at_once_while_the_token_is_away", |home| {
        let token = home.open();
        let (id, key) = make(&token.device().unwrap());
        let away = home.tokens().with_file_name("away");
        std::fs::rename(home.tokens(), &away).unwrap();
        {
            let device = token.device().unwrap();
            let began = std::time::Instant::now();
            assert!(matches!(device.sign_digest(&key, &[7; 32]), Err(Error::Device(_))));
            assert!(began.elapsed() < std::time::Duration::from_millis(500));
            assert!(token.suspect().wait(std::time::Duration::ZERO));
            device.check(&[&key.private]).unwrap_err();
            assert_eq!(device.signing_objects(&id).unwrap().count(), 0);
        }
        token.reset(|_| Ok::<_, Error>(())).unwrap_err();
        assert!(matches!(token.device().map(drop), Err(Error::Away)));
        std::fs::rename(&away, home.tokens()).unwrap();
        token.reset(|_| Ok::<_, Error>(())).unwrap();
        let device = token.device().unwrap();
        assert!(matches!(device.sign_digest(&key, &[7; 32]), Err(Error::Stale)));
        let digest = [7; 32];
        let found = find(&device, &id);
        assert!(is_signature(&device, &found, &device.sign_digest(&found, &digest).unwrap(), &digest));
    });
}
