//! Keys that leave the token wrapped, and are unwrapped again.

use claviger_pkcs11::{Cipher, Error, InvalidInput, MacMechanism, RootKind, SecretKeySpec, UnwrapTemplate, Weaknesses};
use openssl::aes::{AesKey, wrap_key};

use crate::harness::{Home, aes, classed, new_id, secret};

#[test]
fn wrapping_is_openssls() {
    Home::test(module_path!(), "wrapping_is_openssls", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let mut spec = aes(32);
        (spec.uses.wrap, spec.uses.unwrap) = (true, true);
        let wrapping = device.create(&spec, &[0x11; 32]).unwrap();
        let key = device.create(&aes(24), &[0x22; 24]).unwrap();
        let mut expected = vec![0; 32];
        wrap_key(&AesKey::new_encrypt(&[0x11; 32]).unwrap(), None, &mut expected, &[0x22; 24]).unwrap();
        let blob = device.wrap(&wrapping, &key).unwrap();
        assert_eq!(blob, expected);
        let back = device.unwrap(&wrapping, &blob, &aes(24)).unwrap();
        assert_eq!(*device.value(&back).unwrap(), [0x22; 24]);
    });
}

#[test]
fn a_secret_is_the_same_when_it_comes_back() {
    Home::test(module_path!(), "a_secret_is_the_same_when_it_comes_back", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let kek = RootKind::Kek(UnwrapTemplate::Sealing);
        let kek = device.generate_root(&new_id(&device), "kek", kek, Weaknesses::NONE).unwrap();
        for bytes in [1, 8, 15, 17, 20, 33, 65, 100] {
            let key = device.generate(&secret(bytes)).unwrap();
            assert!(matches!(device.wrap(&kek, &key), Err(Error::InvalidInput(InvalidInput::WrapLength))), "{bytes}");
        }
        for bytes in [16, 32, 40, 64, 136, 512] {
            // A sealed key could not be wrapped. The blob does not show how the key was protected.
            let key = device.generate(&secret(bytes)).unwrap();
            let blob = device.wrap(&kek, &key).unwrap();
            let sealed = classed(secret(bytes), UnwrapTemplate::Sealing);
            let back = device.unwrap(&kek, &blob, &sealed).unwrap();
            let mechanism = MacMechanism::HmacSha1;
            if bytes >= 20 {
                assert_eq!(
                    device.mac(&back, mechanism, b"data").unwrap(),
                    device.mac(&key, mechanism, b"data").unwrap()
                );
            }
            assert!(matches!(device.value(&back), Err(Error::NotExtractable(_))));
            assert!(matches!(device.wrap(&kek, &back), Err(Error::NotExtractable(_))));
        }
    });
}

#[test]
fn each_kek_unwraps_its_own_class_only() {
    Home::test(module_path!(), "each_kek_unwraps_its_own_class_only", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let classes = [UnwrapTemplate::Sealing, UnwrapTemplate::Guarding, UnwrapTemplate::Exporting];
        for class in classes {
            let kek = device.generate_root(&new_id(&device), "kek", RootKind::Kek(class), Weaknesses::NONE).unwrap();
            let key = device.generate(&aes(32)).unwrap();
            let blob = device.wrap(&kek, &key).unwrap();
            for (sensitive, extractable) in [(true, false), (true, true), (false, true), (false, false)] {
                let spec = SecretKeySpec { sensitive, extractable, ..aes(32) };
                let allowed = (sensitive, extractable) == (class.sensitive(), class.extractable());
                match device.unwrap(&kek, &blob, &spec) {
                    Ok(back) => {
                        assert!(allowed);
                        device.encrypt(&back, &Cipher::AesEcb, &[0; 16]).unwrap();
                        assert_eq!(device.value(&back).is_ok(), !sensitive);
                        assert_eq!(device.wrap(&kek, &back).is_ok(), extractable);
                    }
                    Err(Error::TemplateRefused(_)) => assert!(!allowed),
                    Err(other) => panic!("{other}"),
                }
            }
        }
    });
}

#[test]
fn a_changed_blob_is_refused() {
    Home::test(module_path!(), "a_changed_blob_is_refused", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let kek = || {
            let kind = RootKind::Kek(UnwrapTemplate::Exporting);
            device.generate_root(&new_id(&device), "kek", kind, Weaknesses::NONE).unwrap()
        };
        let (kek, other) = (kek(), kek());
        let blob = device.wrap(&kek, &device.generate(&aes(32)).unwrap()).unwrap();
        let invalid = |result: Result<_, Error>| {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::BlobInvalid(_)), "{error:?}");
        };
        invalid(device.unwrap(&other, &blob, &aes(32)));
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 0x80;
            invalid(device.unwrap(&kek, &changed, &aes(32)));
        }
        assert!(matches!(device.unwrap(&kek, &blob, &aes(16)), Err(Error::InvalidInput(InvalidInput::BlobLength))));
        device.unwrap(&kek, &blob, &aes(32)).unwrap();
        device.check(&[&kek, &other]).unwrap();
    });
}
