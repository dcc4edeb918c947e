//! Recovery: the token's directory disappears and comes back.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use claviger_pkcs11::{Cipher, Device, Error, Key, KeyId, OpenError, RootKind, Token, UnwrapTemplate, Weaknesses};

use crate::harness::{Home, aes, classed, new_id};
use crate::hsm::Hsm;

const KEK: RootKind = RootKind::Kek(UnwrapTemplate::Guarding);

fn find(device: &Device, id: &KeyId) -> Result<Key, Error> {
    let keys = device.token_keys()?.into_iter();
    let mut keys = keys.filter(|key| key.id == id.as_bytes());
    keys.next().map(|key| key.key).ok_or(Error::Stale)
}

/// Moves `from` away, checks what the device does then, moves it back, and checks the recovery.
fn goes_and_returns(home: &Home, from: &Path) {
    let token = home.open();
    let spec = classed(aes(32), UnwrapTemplate::Guarding);
    let (id, kek, blob, cached) = {
        let device = token.device().unwrap();
        let id = new_id(&device);
        let kek = device.generate_root(&id, "kek", KEK, Weaknesses::NONE).unwrap();
        let blob = device.wrap(&kek, &device.generate(&aes(32)).unwrap()).unwrap();
        let cached = device.unwrap(&kek, &blob, &spec).unwrap();
        device.check(&[&kek]).unwrap();
        (id, kek, blob, cached)
    };
    assert!(!token.suspect().wait(Duration::ZERO));
    let away = home.tokens().with_file_name("away");
    fs::rename(from, &away).unwrap();
    let ciphertext = {
        let device = token.device().unwrap();
        device.unwrap(&kek, &blob, &spec).unwrap_err();
        assert!(token.suspect().wait(Duration::ZERO));
        device.wrap(&kek, &cached).unwrap_err();
        assert!(token.suspect().wait(Duration::ZERO));
        device.check(&[]).unwrap_err();
        device.check(&[&kek]).unwrap_err();
        assert!(token.info().is_err());
        assert!(device.token_keys().unwrap().is_empty());
        device.encrypt(&cached, &Cipher::AesEcb, &[7; 16]).unwrap()
    };
    fails_to_reset(&token);
    fails_to_reset(&token);

    fs::rename(&away, from).unwrap();
    let found = token
        .reset(|device| {
            let key = find(device, &id)?;
            device.check_root(&key, &id, KEK, Weaknesses::NONE)?;
            Ok::<_, Error>(key)
        })
        .unwrap();
    let device = token.device().unwrap();
    device.check(&[&found]).unwrap();
    for old in [&kek, &cached] {
        assert!(matches!(device.check(&[old]), Err(Error::Stale)));
    }
    assert!(matches!(device.encrypt(&cached, &Cipher::AesEcb, &[7; 16]), Err(Error::Stale)));
    assert!(matches!(device.unwrap(&kek, &blob, &spec), Err(Error::Stale)));
    let back = device.unwrap(&found, &blob, &spec).unwrap();
    assert_eq!(device.encrypt(&back, &Cipher::AesEcb, &[7; 16]).unwrap(), ciphertext);
}

fn fails_to_reset(token: &Token) {
    let error = token.reset(|device| device.random(1).map(drop)).unwrap_err();
    // Without its directory SoftHSM does not have this token. Without the directory of all tokens it does not even
    // initialise.
    assert!(matches!(error, OpenError::Token(Error::TokenNotFound { .. } | Error::Device(_))), "{error:?}");
    assert!(matches!(token.device(), Err(Error::Away)));
    assert!(matches!(token.info(), Err(Error::Away)));
}

#[test]
fn all_tokens_go_and_return() {
    Home::test_of(Hsm::SoftHsm, module_path!(), "all_tokens_go_and_return", |home| {
        goes_and_returns(home, &home.tokens());
    });
}

#[test]
fn one_token_goes_and_returns() {
    Home::test_of(Hsm::SoftHsm, module_path!(), "one_token_goes_and_returns", |home| {
        goes_and_returns(home, &entries(&home.tokens())[0]);
    });
}

#[test]
fn a_key_that_is_gone_is_noticed() {
    Home::test_of(Hsm::SoftHsm, module_path!(), "a_key_that_is_gone_is_noticed", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let kek = device.generate_root(&new_id(&device), "kek", KEK, Weaknesses::NONE).unwrap();
        device.check(&[&kek]).unwrap();
        for file in entries(&entries(&home.tokens())[0]) {
            if file.extension().is_some_and(|kind| kind == "object")
                && file.file_stem().is_some_and(|name| name != "token")
            {
                fs::remove_file(file).unwrap();
            }
        }
        device.check(&[]).unwrap();
        device.check(&[&kek]).unwrap_err();
        assert!(token.suspect().wait(Duration::ZERO));
    });
}

#[test]
fn a_verify_that_refuses_leaves_the_token_away() {
    Home::test(module_path!(), "a_verify_that_refuses_leaves_the_token_away", |home| {
        let token = home.open();
        let refused = token.reset(|_| Err::<(), _>("other keys"));
        assert!(matches!(refused, Err(OpenError::Verify("other keys"))));
        assert!(matches!(token.device(), Err(Error::Away)));
        token.reset(|_| Ok::<_, Error>(())).unwrap();
        token.device().unwrap();
    });
}

#[test]
fn reset_waits_for_callers_and_turns_newcomers_away() {
    Home::test(module_path!(), "reset_waits_for_callers_and_turns_newcomers_away", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let key = device.generate(&aes(32)).unwrap();
        thread::scope(|scope| {
            let reset = scope.spawn(|| token.reset(|_| Ok::<_, Error>(())));
            while token.device().is_ok() {}
            assert!(!reset.is_finished());
            device.encrypt(&key, &Cipher::AesEcb, &[0; 16]).unwrap();
            drop(device);
            reset.join().unwrap().unwrap();
        });
        let device = token.device().unwrap();
        assert!(matches!(device.value(&key), Err(Error::Stale)));
    });
}

#[test]
fn callers_survive_resets() {
    Home::test(module_path!(), "callers_survive_resets", |home| {
        let token = home.open();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut key: Option<Key> = None;
                    while !done.load(Ordering::Relaxed) {
                        let Ok(device) = token.device() else {
                            continue;
                        };
                        let used = match &key {
                            Some(key) => device.encrypt(key, &Cipher::AesEcb, &[0; 16]).map(|_| key.clone()),
                            None => device.generate(&aes(32)),
                        };
                        key = match used {
                            Ok(key) => Some(key),
                            Err(Error::Stale) => None,
                            Err(other) => panic!("{other}"),
                        };
                    }
                });
            }
            for _ in 0..50 {
                token.reset(|_| Ok::<_, Error>(())).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
    });
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}
