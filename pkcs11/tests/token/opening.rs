//! Finding the token and logging in, and the errors if that fails.

use std::path::PathBuf;

use claviger_pkcs11::{Config, Error, OpenError, Pin, Token};

use crate::harness::{Home, LABEL, PIN, config, pin};

fn refusal(config: Config) -> Error {
    match Token::open(config, |_| Ok::<_, Error>(())) {
        Err(OpenError::Token(error)) => error,
        Err(OpenError::Verify(error)) => panic!("verified: {error}"),
        Ok(_) => panic!("opened"),
    }
}

#[test]
fn tells_who_the_token_is() {
    Home::test(module_path!(), "tells_who_the_token_is", |home| {
        let info = home.open().info().unwrap();
        assert_eq!(info.label, LABEL);
        assert!(!info.manufacturer.is_empty() && !info.model.is_empty());
        assert!(!info.serial.is_empty());
    });
}

#[test]
fn a_label_that_is_not_there_names_those_that_are() {
    Home::test(module_path!(), "a_label_that_is_not_there_names_those_that_are", |home| {
        home.add_token("another");
        let error = refusal(Config { label: "nobody".to_owned(), ..config() });
        let Error::TokenNotFound { label, mut present } = error else { panic!("{error:?}") };
        present.sort();
        assert_eq!(label, "nobody");
        assert_eq!(present, ["another", LABEL]);
    });
}

#[test]
fn two_tokens_of_one_label_are_refused() {
    Home::test(module_path!(), "two_tokens_of_one_label_are_refused", |home| {
        home.add_token(LABEL);
        let error = refusal(config());
        assert!(matches!(error, Error::TokenAmbiguous { count: 2, .. }));
    });
}

#[test]
fn a_wrong_pin_is_refused_and_never_shown() {
    Home::test(module_path!(), "a_wrong_pin_is_refused_and_never_shown", |home| {
        let wrong = "wrong-pin-7777";
        let wrong_config = || Config { pin: pin(wrong), ..config() };
        let error = refusal(wrong_config());
        assert!(matches!(error, Error::PinIncorrect(_)), "{error:?}");
        let shown = format!("{error} {error:?} {:?} {:?}", Pin::new(wrong.into()), wrong_config());
        assert!(!shown.contains("7777"), "{shown}");
        let bytes = format!("{:?}", wrong.as_bytes());
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
        // The failure left the module finalized, so the right PIN works.
        assert!(!format!("{:?}", Pin::new(PIN.into())).contains("8421"));
        home.open();
    });
}

#[test]
fn a_module_that_is_none_is_refused() {
    Home::test(module_path!(), "a_module_that_is_none_is_refused", |home| {
        let text = home.tokens().join("text.so");
        std::fs::write(&text, "no library").unwrap();
        for module in [PathBuf::from("/nonexistent/module.so"), text, PathBuf::from("libc.so.6")] {
            let error = refusal(Config { module: module.clone(), ..config() });
            let Error::ModuleNotLoaded { path, .. } = &error else { panic!("{error:?}") };
            assert_eq!(*path, module);
            assert!(error.to_string().contains(&*module.to_string_lossy()));
        }
    });
}

#[test]
fn the_module_is_not_shared() {
    Home::test(module_path!(), "the_module_is_not_shared", |home| {
        let first = home.open();
        assert!(matches!(refusal(config()), Error::ModuleInUse));
        first.device().unwrap().random(16).unwrap();
        drop(first);
        home.open();
    });
}

#[test]
fn what_verify_refuses_is_not_opened() {
    Home::test(module_path!(), "what_verify_refuses_is_not_opened", |home| {
        let refused = Token::open(config(), |device| {
            device.random(16).unwrap();
            Err::<(), _>("not ours")
        });
        assert!(matches!(refused, Err(OpenError::Verify("not ours"))));
        home.open();
    });
}
