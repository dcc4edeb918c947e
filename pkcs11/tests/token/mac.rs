//! MACs compared with OpenSSL, and the key sizes that a token really takes.

use claviger_pkcs11::{Error, MacMechanism};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::Cipher;

use crate::harness::{Home, aes, secret};
use crate::hsm::Hsm;

fn hmacs() -> Vec<(MacMechanism, MessageDigest)> {
    let mut hmacs = vec![
        (MacMechanism::HmacSha1, MessageDigest::sha1()),
        (MacMechanism::HmacSha224, MessageDigest::sha224()),
        (MacMechanism::HmacSha256, MessageDigest::sha256()),
        (MacMechanism::HmacSha384, MessageDigest::sha384()),
        (MacMechanism::HmacSha512, MessageDigest::sha512()),
    ];
    hmacs.extend(match Hsm::chosen() {
        Hsm::SoftHsm => vec![(MacMechanism::HmacMd5, MessageDigest::md5())],
        Hsm::Kryoptic => vec![
            (MacMechanism::HmacSha512_224, MessageDigest::from_name("SHA512-224").unwrap()),
            (MacMechanism::HmacSha512_256, MessageDigest::from_name("SHA512-256").unwrap()),
            (MacMechanism::HmacSha3_224, MessageDigest::sha3_224()),
            (MacMechanism::HmacSha3_256, MessageDigest::sha3_256()),
            (MacMechanism::HmacSha3_384, MessageDigest::sha3_384()),
            (MacMechanism::HmacSha3_512, MessageDigest::sha3_512()),
        ],
    });
    hmacs
}

#[test]
fn hmac_is_openssls() {
    Home::test(module_path!(), "hmac_is_openssls", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let value: Vec<u8> = (0..200).collect();
        for (mechanism, digest) in hmacs() {
            for bytes in [64, 65, 128, 200] {
                let key = device.create(&secret(bytes), &value[..bytes]).unwrap();
                let theirs = PKey::hmac(&value[..bytes]).unwrap();
                for len in [0, 1, 63, 64, 4096] {
                    let data = vec![9; len];
                    let expected = Signer::new(digest, &theirs).unwrap().sign_oneshot_to_vec(&data).unwrap();
                    assert_eq!(device.mac(&key, mechanism, &data).unwrap(), expected);
                }
            }
        }
    });
}

#[test]
fn cmac_is_openssls() {
    Home::test(module_path!(), "cmac_is_openssls", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        for (bytes, cipher) in [(16, Cipher::aes_128_cbc()), (24, Cipher::aes_192_cbc()), (32, Cipher::aes_256_cbc())] {
            let value = vec![0x3d; bytes];
            let key = device.create(&aes(bytes), &value).unwrap();
            let theirs = PKey::cmac(&cipher, &value).unwrap();
            for len in [0, 1, 16, 17, 100] {
                let data = vec![8; len];
                let mut signer = Signer::new_without_digest(&theirs).unwrap();
                signer.update(&data).unwrap();
                assert_eq!(device.mac(&key, MacMechanism::AesCmac, &data).unwrap(), signer.sign_to_vec().unwrap());
            }
        }
    });
}

#[test]
fn key_size_says_what_signs() {
    Home::test(module_path!(), "key_size_says_what_signs", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        for (mechanism, _) in hmacs() {
            let range = device.mac_key_size(mechanism).unwrap();
            for bytes in (1..=80).chain([511, 512, 513, 65_536]) {
                let key = device.generate(&secret(bytes)).unwrap();
                match device.mac(&key, mechanism, b"data") {
                    Ok(_) => assert!(range.contains(&bytes), "{mechanism:?} {bytes}"),
                    Err(Error::KeySizeRange(_)) => assert!(!range.contains(&bytes)),
                    Err(other) => panic!("{mechanism:?} {bytes}: {other}"),
                }
            }
        }
        assert_eq!(device.mac_key_size(MacMechanism::AesCmac).unwrap(), 16..=32);
    });
}

#[test]
fn a_key_of_another_type_is_refused() {
    Home::test(module_path!(), "a_key_of_another_type_is_refused", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let error = device.mac(&device.generate(&aes(32)).unwrap(), MacMechanism::HmacSha256, b"data").unwrap_err();
        assert!(matches!(error, Error::KeyTypeInconsistent(_)));
        assert_eq!(error.to_string(), "the key type does not fit the mechanism: C_SignInit: CKR_KEY_TYPE_INCONSISTENT");
    });
}
