//! Keys as objects: their lifetimes, their values, and their permitted uses.

use claviger_pkcs11::{Cipher, Device, Error, InvalidInput, Key, KeyId, SecretKeyKind, SecretKeySpec, Uses};
use cryptoki::object::Attribute;

use crate::harness::{Home, aes, new_id, raw, secret};
use crate::hsm::Hsm;

/// Counts objects as the token sees them, through another session of the same module.
fn session_objects() -> usize {
    raw().find_objects(&[Attribute::Token(false)]).unwrap().len()
}

fn find(device: &Device, id: &KeyId) -> Option<Key> {
    let found = device.token_keys().unwrap().into_iter();
    let mut found = found.filter(|found| found.id == id.as_bytes());
    let key = found.next().map(|found| found.key);
    assert!(found.next().is_none());
    key
}

#[test]
fn values_go_in_and_come_out() {
    Home::test(module_path!(), "values_go_in_and_come_out", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        for spec in [aes(16), aes(24), aes(32), secret(1), secret(33), secret(64)] {
            let value = vec![0xc4; spec.kind.bytes()];
            let key = device.create(&spec, &value).unwrap();
            assert_eq!(*device.value(&key).unwrap(), *value);
            assert_eq!(key.bytes(), Some(value.len()));
            let (one, two) = (device.generate(&spec).unwrap(), device.generate(&spec).unwrap());
            let (one, two) = (device.value(&one).unwrap(), device.value(&two).unwrap());
            assert_eq!(one.len(), value.len());
            assert!(*one != *two || value.len() == 1);
            assert!(!format!("{one:?}").contains(&format!("{}", one[0]).repeat(2)));
            assert_eq!(one.clone().expose(), *one);
        }
    });
}

#[test]
fn lengths_are_checked() {
    Home::test(module_path!(), "lengths_are_checked", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let refused = |result: Result<Key, Error>, expected| {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::InvalidInput(found) if found == expected), "{error:?}");
        };
        refused(device.generate(&aes(20)), InvalidInput::AesKeyLength);
        refused(device.create(&aes(15), &[0; 15]), InvalidInput::AesKeyLength);
        refused(device.create(&aes(16), &[0; 32]), InvalidInput::ValueLength);
        refused(device.generate(&secret(0)), InvalidInput::ValueLength);
    });
}

#[test]
fn what_is_sensitive_or_not_extractable_stays() {
    Home::test(module_path!(), "what_is_sensitive_or_not_extractable_stays", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        for (sensitive, extractable) in [(true, true), (true, false), (false, false)] {
            let spec = SecretKeySpec { sensitive, extractable, ..aes(32) };
            for key in [device.generate(&spec).unwrap(), device.create(&spec, &[7; 32]).unwrap()] {
                let error = device.value(&key).unwrap_err();
                assert!(matches!(error, Error::NotExtractable(_)), "{error:?}");
            }
        }
    });
}

#[test]
fn uses_not_asked_for_are_refused() {
    Home::test(module_path!(), "uses_not_asked_for_are_refused", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let bare = SecretKeySpec {
            kind: SecretKeyKind::Aes { bytes: 32 },
            sensitive: false,
            extractable: true,
            uses: Uses::default(),
        };
        let key = device.generate(&bare).unwrap();
        for error in [
            device.encrypt(&key, &Cipher::AesEcb, &[0; 16]).unwrap_err(),
            device.decrypt(&key, &Cipher::AesEcb, &[0; 16]).unwrap_err(),
        ] {
            assert!(matches!(error, Error::KeyFunctionNotPermitted(_)), "{error:?}");
        }
        // Kryoptic gives another answer for wrapping.
        let error = device.wrap(&key, &key).unwrap_err();
        let is_permitted = match Hsm::chosen() {
            Hsm::SoftHsm => !matches!(error, Error::KeyFunctionNotPermitted(_)),
            Hsm::Kryoptic => !error.to_string().contains("C_WrapKey: CKR_WRAPPING_KEY_HANDLE_INVALID"),
        };
        assert!(!is_permitted, "{error:?}");
    });
}

#[test]
fn session_keys_end_with_their_last_clone() {
    Home::test(module_path!(), "session_keys_end_with_their_last_clone", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let kept = device.generate(&aes(32)).unwrap();
        let clone = kept.clone();
        drop(kept);
        let others: Vec<Key> = (0..100).map(|_| device.generate(&aes(32)).unwrap()).collect();
        assert_eq!(session_objects(), 101);
        drop(others);
        assert_eq!(session_objects(), 101, "dropping does not call the token");
        let next = device.generate(&aes(32)).unwrap();
        assert!(session_objects() < 101, "an operation destroys some of them");
        device.reap().unwrap();
        assert_eq!(session_objects(), 2);
        assert_eq!(device.reap().unwrap(), 0);
        device.value(&clone).unwrap();
        device.value(&next).unwrap();
    });
}

#[test]
fn token_keys_stay_until_destroyed() {
    Home::test(module_path!(), "token_keys_stay_until_destroyed", |home| {
        let token = home.open();
        let (made, brought) = {
            let device = token.device().unwrap();
            let (made, brought) = (new_id(&device), new_id(&device));
            let key = device.generate_token(&made, "made", &aes(32)).unwrap();
            assert!(key.is_token_object());
            device.create_token(&brought, "brought", &secret(33), &[5; 33]).unwrap();
            claviger_pkcs11::sync(None).unwrap();
            (made, brought)
        };
        token.reset(|_| Ok::<_, Error>(())).unwrap();
        let device = token.device().unwrap();
        let key = find(&device, &made).unwrap();
        assert_eq!(key.bytes(), Some(32));
        device.encrypt(&key, &Cipher::AesEcb, &[0; 16]).unwrap();
        let other = find(&device, &brought).unwrap();
        assert_eq!(*device.value(&other).unwrap(), [5; 33]);

        let clone = key.clone();
        device.destroy_token(key).unwrap();
        assert!(matches!(device.value(&clone), Err(Error::Stale)));
        assert!(find(&device, &made).is_none());
        assert!(find(&device, &brought).is_some());
        let session = device.generate(&aes(32)).unwrap();
        assert!(matches!(device.destroy_token(session), Err(Error::InvalidInput(InvalidInput::NotTokenObject))));
    });
}
