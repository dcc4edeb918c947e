//! AES compared with OpenSSL, and refusals.

use std::time::Duration;

use claviger_pkcs11::{Cipher, Error, InvalidInput};
use openssl::symm;

use crate::harness::{Home, aes};
use crate::hsm::Hsm;

const KEY: [u8; 32] = [0x2b; 32];
const IV: [u8; 16] = [0x7c; 16];

#[test]
fn gcm_is_openssls() {
    Home::test(module_path!(), "gcm_is_openssls", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        for bytes in [16, 24, 32] {
            let key = device.create(&aes(bytes), &KEY[..bytes]).unwrap();
            let theirs = match bytes {
                16 => symm::Cipher::aes_128_gcm(),
                24 => symm::Cipher::aes_192_gcm(),
                _ => symm::Cipher::aes_256_gcm(),
            };
            for (iv, aad, tag_bits, len) in [
                (12, 0, 128, 0),
                (12, 0, 128, 1),
                (12, 20, 128, 16),
                (12, 20, 96, 33),
                (16, 1, 104, 4096),
                (1, 0, 120, 100),
                (128, 3, 128, 20),
            ] {
                let (iv, aad) = (vec![3; iv], vec![4; aad]);
                let plaintext = vec![5; len];
                let cipher = Cipher::AesGcm { iv: &iv, aad: &aad, tag_bits };
                let mut tag = vec![0; tag_bits / 8];
                let mut expected =
                    symm::encrypt_aead(theirs, &KEY[..bytes], Some(&iv), &aad, &plaintext, &mut tag).unwrap();
                expected.extend(tag);
                let ciphertext = device.encrypt(&key, &cipher, &plaintext).unwrap();
                assert_eq!(ciphertext, expected, "{cipher:?}");
                assert_eq!(*device.decrypt(&key, &cipher, &ciphertext).unwrap(), *plaintext);
            }
        }
    });
}

#[test]
fn block_and_counter_modes_are_openssls() {
    Home::test(module_path!(), "block_and_counter_modes_are_openssls", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let key = device.create(&aes(32), &KEY).unwrap();
        let cbc = symm::Cipher::aes_256_cbc();
        for (cipher, theirs, iv, padded, whole_blocks) in [
            (Cipher::AesCbcPad { iv: &IV }, cbc, Some(&IV), true, false),
            (Cipher::AesCbc { iv: &IV }, cbc, Some(&IV), false, true),
            (Cipher::AesEcb, symm::Cipher::aes_256_ecb(), None, false, true),
            (Cipher::AesCtr { counter: &IV }, symm::Cipher::aes_256_ctr(), Some(&IV), false, false),
        ] {
            for len in [0, 1, 15, 16, 17, 48, 4096] {
                let plaintext = vec![0x61; len];
                if whole_blocks && len % 16 != 0 {
                    assert!(matches!(
                        device.encrypt(&key, &cipher, &plaintext),
                        Err(Error::InvalidInput(InvalidInput::BlockLength))
                    ));
                    continue;
                }
                let mut crypter = symm::Crypter::new(theirs, symm::Mode::Encrypt, &KEY, iv.map(|iv| &iv[..])).unwrap();
                crypter.pad(padded);
                let mut expected = vec![0; len + 32];
                let mut written = crypter.update(&plaintext, &mut expected).unwrap();
                written += crypter.finalize(&mut expected[written..]).unwrap();
                expected.truncate(written);
                let ciphertext = device.encrypt(&key, &cipher, &plaintext).unwrap();
                assert_eq!(ciphertext, expected, "{cipher:?} of {len}");
                assert_eq!(*device.decrypt(&key, &cipher, &ciphertext).unwrap(), *plaintext);
            }
        }
    });
}

#[test]
fn what_was_changed_does_not_decrypt() {
    Home::test(module_path!(), "what_was_changed_does_not_decrypt", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let key = device.create(&aes(32), &KEY).unwrap();
        let gcm = |aad| Cipher::AesGcm { iv: &IV[..12], aad, tag_bits: 128 };
        let ciphertext = device.encrypt(&key, &gcm(b"aad"), b"plaintext").unwrap();
        let failed = |cipher: &Cipher<'_>, data: &[u8]| {
            let error = device.decrypt(&key, cipher, data).unwrap_err();
            assert!(matches!(error, Error::DecryptionFailed), "{error:?}");
        };
        failed(&gcm(b"aad"), &ciphertext[..15]);
        failed(&gcm(b"aad"), b"");
        assert!(!token.suspect().wait(Duration::ZERO), "a length cannot be the device's fault");
        for at in 0..ciphertext.len() {
            let mut changed = ciphertext.clone();
            changed[at] ^= 1;
            failed(&gcm(b"aad"), &changed);
        }
        assert!(!token.suspect().wait(Duration::ZERO), "the device decrypts its own ciphertext");
        failed(&gcm(b"AAD"), &ciphertext);
        failed(&gcm(b"aad"), &ciphertext[..20]);

        let cbc = Cipher::AesCbcPad { iv: &IV };
        let mut ciphertext = device.encrypt(&key, &cbc, b"plaintext").unwrap();
        failed(&cbc, &ciphertext[..15]);
        failed(&cbc, b"");
        ciphertext[15] ^= 1;
        failed(&cbc, &ciphertext);
    });
}

#[test]
fn parameters_that_some_tokens_take_are_refused() {
    Home::test(module_path!(), "parameters_that_some_tokens_take_are_refused", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let key = device.create(&aes(32), &KEY).unwrap();
        for (iv, tag_bits, expected) in [
            (0, 128, InvalidInput::Iv),
            (129, 128, InvalidInput::Iv),
            (12, 0, InvalidInput::Tag),
            (12, 64, InvalidInput::Tag),
            (12, 100, InvalidInput::Tag),
            (12, 136, InvalidInput::Tag),
        ] {
            let cipher = Cipher::AesGcm { iv: &vec![1; iv], aad: b"", tag_bits };
            for error in
                [device.encrypt(&key, &cipher, b"x").unwrap_err(), device.decrypt(&key, &cipher, &[0; 64]).unwrap_err()]
            {
                assert!(matches!(error, Error::InvalidInput(found) if found == expected));
            }
        }
        // The counter overflows: SoftHSM refuses it, and Kryoptic agrees with OpenSSL.
        let again = device.encrypt(&key, &Cipher::AesCtr { counter: &[0xff; 16] }, &[0; 33]);
        match Hsm::chosen() {
            Hsm::SoftHsm => assert!(matches!(again, Err(Error::DataInvalid(_)))),
            Hsm::Kryoptic => {
                let expected = symm::encrypt(symm::Cipher::aes_256_ctr(), &KEY, Some(&[0xff; 16]), &[0; 33]);
                assert_eq!(again.unwrap(), expected.unwrap());
            }
        }
    });
}
