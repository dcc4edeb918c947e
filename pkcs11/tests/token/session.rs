//! The session pool: it is bounded, has a deadline for waiting, is shared by threads, and recovers after failures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use claviger_pkcs11::{Cipher, Config, Device, Error, Key, RootKind, Token, UnwrapTemplate, Weaknesses};

use crate::harness::{Home, aes, classed, config, new_id};

fn open(max_sessions: usize, session_deadline: Duration) -> Token {
    let config = Config { max_sessions, session_deadline, ..config() };
    Token::open(config, |_| Ok::<_, Error>(())).unwrap().0
}

#[test]
fn waiting_has_a_deadline() {
    Home::test(module_path!(), "waiting_has_a_deadline", |_| {
        let token = open(1, Duration::from_millis(1));
        let device = token.device().unwrap();
        let key = device.generate(&aes(32)).unwrap();
        let seen = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let data = vec![0; 16 << 20];
                while !seen.load(Ordering::Relaxed) {
                    match device.encrypt(&key, &Cipher::AesEcb, &data) {
                        Ok(_) | Err(Error::Busy) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            });
            while !seen.load(Ordering::Relaxed) {
                let now = device.sessions();
                assert!(now.busy <= now.open && now.open <= now.limit && now.limit == 1, "{now:?}");
                match device.random(1) {
                    Ok(_) => {}
                    Err(Error::Busy) => seen.store(true, Ordering::Relaxed),
                    Err(other) => panic!("{other}"),
                }
            }
        });
        assert!(!token.suspect().wait(Duration::ZERO), "busy is not broken");
        let rest = device.sessions();
        assert_eq!((rest.open, rest.busy, rest.limit), (1, 0, 1));
    });
}

#[test]
fn one_session_serves_many_threads() {
    Home::test(module_path!(), "one_session_serves_many_threads", |_| {
        let token = open(1, Duration::from_secs(60));
        let device = token.device().unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        device.random(16).unwrap();
                    }
                });
            }
        });
    });
}

#[test]
fn eight_threads_get_their_own_answers() {
    Home::test(module_path!(), "eight_threads_get_their_own_answers", |_| {
        // The threads wait for each other, which may take long on a busy machine.
        let token = open(config().max_sessions, Duration::from_secs(60));
        let device = token.device().unwrap();
        let kek = RootKind::Kek(UnwrapTemplate::Exporting);
        let kek = device.generate_root(&new_id(&device), "kek", kek, Weaknesses::NONE).unwrap();
        let spec = classed(aes(32), UnwrapTemplate::Exporting);
        thread::scope(|scope| {
            for thread in 0..8_u8 {
                let (device, kek) = (&device, &kek);
                scope.spawn(move || {
                    for round in 0..50_u8 {
                        let value = [thread.wrapping_mul(31) ^ round; 32];
                        let key = device.create(&spec, &value).unwrap();
                        let blob = device.wrap(kek, &key).unwrap();
                        let back = device.unwrap(kek, &blob, &spec).unwrap();
                        assert_eq!(*device.value(&back).unwrap(), value);
                        let cipher = Cipher::AesGcm { iv: &[thread; 12], aad: &[round], tag_bits: 128 };
                        let ciphertext = device.encrypt(&back, &cipher, &value).unwrap();
                        assert_eq!(*device.decrypt(&key, &cipher, &ciphertext).unwrap(), value);
                    }
                });
            }
        });
        device.reap().unwrap();
    });
}

#[test]
fn a_failure_costs_no_session() {
    Home::test(module_path!(), "a_failure_costs_no_session", |_| {
        let token = open(1, Duration::ZERO);
        let device = token.device().unwrap();
        let key = device.generate(&aes(32)).unwrap();
        let cipher = Cipher::AesGcm { iv: &[0; 12], aad: b"", tag_bits: 128 };
        let ciphertext = device.encrypt(&key, &cipher, b"data").unwrap();
        for _ in 0..100 {
            device.decrypt(&key, &cipher, &[0; 40]).unwrap_err();
            device.decrypt(&key, &cipher, &ciphertext).unwrap();
        }
    });
}

#[test]
fn what_threads_share_may_be_shared() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Token>();
    shared::<Device>();
    shared::<Key>();
    shared::<Error>();
}
