//! Root keys: their attributes, and that a process with the PIN cannot change them.

use claviger_pkcs11::{Cipher, Device, Error, Key, KeyId, MacMechanism, RootKind, UnwrapTemplate, Weaknesses};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::harness::{Home, aes, assert_fixed, new_id, raw, secret};
use crate::hsm::Hsm;

const KINDS: [RootKind; 4] = [
    RootKind::Kek(UnwrapTemplate::Sealing),
    RootKind::Kek(UnwrapTemplate::Guarding),
    RootKind::Kek(UnwrapTemplate::Exporting),
    RootKind::Mac,
];

fn make(device: &Device, kind: RootKind) -> (KeyId, Key) {
    let id = new_id(device);
    let key = device.generate_root(&id, "root", kind, Weaknesses::NONE).unwrap();
    (id, key)
}

fn object(session: &Session, id: &KeyId) -> ObjectHandle {
    let found = session.find_objects(&[Attribute::Id(id.as_bytes().to_vec())]).unwrap();
    assert_eq!(found.len(), 1);
    found[0]
}

#[test]
fn every_kind_is_what_it_says() {
    Home::test(module_path!(), "every_kind_is_what_it_says", |home| {
        let token = home.open();
        let made: Vec<_> = {
            let device = token.device().unwrap();
            KINDS.map(|kind| (kind, make(&device, kind))).into()
        };
        token.reset(|_| Ok::<_, Error>(())).unwrap();
        let device = token.device().unwrap();
        let found = device.token_keys().unwrap();
        for (kind, (id, old)) in &made {
            let key = &found.iter().find(|key| key.id == id.as_bytes()).unwrap().key;
            assert!(matches!(device.check_root(old, id, *kind, Weaknesses::NONE), Err(Error::Stale)));
            for (other, _) in &made {
                let checked = device.check_root(key, id, *other, Weaknesses::NONE);
                if other == kind {
                    checked.unwrap();
                } else {
                    assert!(matches!(checked, Err(Error::RootMismatch(_))));
                }
            }
            let error = device.check_root(key, &new_id(&device), *kind, Weaknesses::NONE).unwrap_err();
            assert!(error.to_string().starts_with("root key CKA_ID: "), "{error}");
        }
    });
}

#[test]
fn an_ordinary_key_is_no_root_key() {
    Home::test(module_path!(), "an_ordinary_key_is_no_root_key", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let id = new_id(&device);
        let mut spec = aes(32);
        (spec.uses.wrap, spec.uses.unwrap) = (true, true);
        (spec.uses.sign, spec.uses.verify) = (false, false);
        (spec.sensitive, spec.extractable) = (true, false);
        let kek = device.generate_token(&id, "root", &spec).unwrap();
        for kind in KINDS {
            assert!(matches!(device.check_root(&kek, &id, kind, Weaknesses::NONE), Err(Error::RootMismatch(_))));
        }
        (spec.uses.encrypt, spec.uses.decrypt) = (false, false);
        let id = new_id(&device);
        let kek = device.generate_token(&id, "root", &spec).unwrap();
        let Err(Error::RootMismatch(first)) = device.check_root(&kek, &id, KINDS[0], Weaknesses::NONE) else {
            panic!("taken for a root key")
        };
        assert_eq!(first.attribute, "CKA_MODIFIABLE");
    });
}

#[test]
fn cannot_be_changed_copied_or_destroyed() {
    Home::test(module_path!(), "cannot_be_changed_copied_or_destroyed", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        for kind in KINDS {
            let (id, key) = make(&device, kind);
            let session = raw();
            let handle = object(&session, &id);
            assert_fixed(&session, handle, &[Attribute::Sign(true)]);
            let error = device.destroy_token(key.clone()).unwrap_err();
            assert!(matches!(error, Error::ActionProhibited(_)), "{error:?}");
            device.check_root(&key, &id, kind, Weaknesses::NONE).unwrap();
        }
    });
}

#[test]
fn do_only_what_they_are_for() {
    Home::test(module_path!(), "do_only_what_they_are_for", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        for kind in KINDS {
            let (id, key) = make(&device, kind);
            assert!(matches!(device.value(&key), Err(Error::NotExtractable(_))));
            device.encrypt(&key, &Cipher::AesEcb, &[0; 16]).unwrap_err();
            device.decrypt(&key, &Cipher::AesEcb, &[0; 16]).unwrap_err();
            device.mac(&key, MacMechanism::AesCmac, b"x").unwrap_err();
            let other = make(&device, KINDS[2]).1;
            assert!(matches!(device.wrap(&other, &key), Err(Error::NotExtractable(_))));
            let ordinary = device.generate(&secret(32)).unwrap();
            match kind {
                RootKind::Kek(_) => {
                    device.wrap(&key, &ordinary).unwrap();
                }
                RootKind::Mac => {
                    device.mac(&key, MacMechanism::HmacSha256, b"x").unwrap();
                    device.wrap(&key, &ordinary).unwrap_err();
                }
            }
            let session = raw();
            let handle = object(&session, &id);
            session.derive_key(&Mechanism::AesEcb, handle, &[]).unwrap_err();
        }
    });
}

#[test]
fn a_template_that_says_nothing_weakens_nothing() {
    Home::test(module_path!(), "a_template_that_says_nothing_weakens_nothing", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let (id, kek) = make(&device, KINDS[0]);
        let blob = device.wrap(&kek, &device.generate(&aes(32)).unwrap()).unwrap();
        let session = raw();
        let unwrapped = session.unwrap_key(
            &Mechanism::AesKeyWrap,
            object(&session, &id),
            &blob,
            &[Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES), Attribute::Token(false)],
        );
        match Hsm::chosen() {
            Hsm::SoftHsm => assert!(unwrapped.is_err()),
            // PKCS#11 3.0 (4.10): attributes that the caller leaves out are taken from the template.
            Hsm::Kryoptic => {
                let wanted = [AttributeType::Sensitive, AttributeType::Extractable];
                let found = session.get_attributes(unwrapped.unwrap(), &wanted).unwrap();
                assert_eq!(found, [Attribute::Sensitive(true), Attribute::Extractable(false)]);
            }
        }
    });
}
