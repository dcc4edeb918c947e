//! AES compared with OpenSSL, and refusals.

use std::time::Duration;

use claviger_pkcs11::{Cipher, Error, InvalidInput, SecretKeyKind, SecretKeySpec};
use openssl::cipher;
use openssl::cipher_ctx::CipherCtx;
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
            (Cipher::AesEcbPad, symm::Cipher::aes_256_ecb(), None, true, false),
            (Cipher::AesCtr { counter: &IV }, symm::Cipher::aes_256_ctr(), Some(&IV), false, false),
            (Cipher::AesCfb { iv: &IV }, symm::Cipher::aes_256_cfb128(), Some(&IV), false, false),
            (Cipher::AesOfb { iv: &IV }, symm::Cipher::aes_256_ofb(), Some(&IV), false, false),
        ] {
            for len in [0, 1, 15, 16, 17, 48, 4096] {
                let plaintext: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
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

/// Encrypts by OpenSSL.
fn theirs(cipher: symm::Cipher, key: &[u8], iv: Option<&[u8]>, padded: bool, data: &[u8]) -> Vec<u8> {
    let mut crypter = symm::Crypter::new(cipher, symm::Mode::Encrypt, key, iv).unwrap();
    crypter.pad(padded);
    let mut encrypted = vec![0; data.len() + 32];
    let mut written = crypter.update(data, &mut encrypted).unwrap();
    written += crypter.finalize(&mut encrypted[written..]).unwrap();
    encrypted.truncate(written);
    encrypted
}

/// Ciphertext and tag of AES-CCM. OpenSSL must know all lengths before the key.
fn ccm(key: &[u8], nonce: &[u8], aad: &[u8], data: &[u8], tag_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let mut context = CipherCtx::new().unwrap();
    context.encrypt_init(Some(cipher::Cipher::aes_256_ccm()), None, None).unwrap();
    context.set_iv_length(nonce.len()).unwrap();
    context.set_tag_length(tag_bytes).unwrap();
    context.encrypt_init(None, Some(key), Some(nonce)).unwrap();
    context.set_data_len(data.len()).unwrap();
    context.cipher_update(aad, None).unwrap();
    let (mut encrypted, mut tag) = (Vec::new(), vec![0; tag_bytes]);
    context.cipher_update_vec(data, &mut encrypted).unwrap();
    context.cipher_final_vec(&mut encrypted).unwrap();
    context.tag(&mut tag).unwrap();
    (encrypted, tag)
}

fn keyed(kind: SecretKeyKind) -> SecretKeySpec {
    SecretKeySpec { kind, ..aes(32) }
}

#[test]
fn keystreams_are_made_where_the_token_has_none() {
    Home::test(module_path!(), "keystreams_are_made_where_the_token_has_none", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        for bytes in [16, 24, 32] {
            let key = device.create(&aes(bytes), &KEY[..bytes]).unwrap();
            let (cfb, ofb) = match bytes {
                16 => (symm::Cipher::aes_128_cfb128(), symm::Cipher::aes_128_ofb()),
                24 => (symm::Cipher::aes_192_cfb128(), symm::Cipher::aes_192_ofb()),
                _ => (symm::Cipher::aes_256_cfb128(), symm::Cipher::aes_256_ofb()),
            };
            for len in 0..100 {
                let mut data = vec![0; len];
                openssl::rand::rand_bytes(&mut data).unwrap();
                for (cipher, openssls) in [(Cipher::AesCfb { iv: &IV }, cfb), (Cipher::AesOfb { iv: &IV }, ofb)] {
                    let expected = theirs(openssls, &KEY[..bytes], Some(&IV), false, &data);
                    let encrypted = device.encrypt(&key, &cipher, &data).unwrap();
                    assert_eq!(encrypted, expected, "{cipher:?} of {len}");
                    assert_eq!(*device.decrypt(&key, &cipher, &encrypted).unwrap(), *data);
                }
            }
        }
    });
}

#[test]
fn triple_des_is_openssls() {
    Home::test_of(Hsm::SoftHsm, module_path!(), "triple_des_is_openssls", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let iv = &[0x7c; 8];
        // Each byte has odd parity.
        let value: Vec<u8> = (1..=24).map(|at: u8| if at.count_ones() % 2 == 1 { at } else { at ^ 0x80 }).collect();
        for bytes in [16, 24] {
            let key = device.create(&keyed(SecretKeyKind::Des3 { bytes }), &value[..bytes]).unwrap();
            device.generate(&keyed(SecretKeyKind::Des3 { bytes })).unwrap();
            // Of two keys, the first one is also the third.
            let whole = [&value[..bytes], &value[..24 - bytes]].concat();
            for (cipher, openssls, padded) in [
                (Cipher::Des3CbcPad { iv }, symm::Cipher::des_ede3_cbc(), true),
                (Cipher::Des3Cbc { iv }, symm::Cipher::des_ede3_cbc(), false),
                (Cipher::Des3Ecb, symm::Cipher::des_ede3_ecb(), false),
                (Cipher::Des3EcbPad, symm::Cipher::des_ede3_ecb(), true),
            ] {
                for len in [0, 7, 8, 9, 64, 1000] {
                    if !padded && len % 8 != 0 {
                        let refused = device.encrypt(&key, &cipher, &vec![1; len]);
                        assert!(matches!(refused, Err(Error::InvalidInput(InvalidInput::BlockLength))));
                        continue;
                    }
                    let data = vec![0x61; len];
                    let iv = openssls.iv_len().map(|_| &iv[..]);
                    let encrypted = device.encrypt(&key, &cipher, &data).unwrap();
                    assert_eq!(encrypted, theirs(openssls, &whole, iv, padded, &data), "{cipher:?} of {len}");
                    assert_eq!(*device.decrypt(&key, &cipher, &encrypted).unwrap(), *data);
                }
            }
        }
        let short = device.create(&keyed(SecretKeyKind::Des3 { bytes: 8 }), &value[..8]).unwrap_err();
        assert!(matches!(short, Error::InvalidInput(InvalidInput::Des3KeyLength)));
    });
}

#[test]
fn other_authenticating_ciphers_are_openssls() {
    Home::test_of(Hsm::Kryoptic, module_path!(), "other_authenticating_ciphers_are_openssls", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let (aes, chacha) =
            (device.create(&aes(32), &KEY).unwrap(), device.create(&keyed(SecretKeyKind::ChaCha20), &KEY).unwrap());
        device.generate(&keyed(SecretKeyKind::ChaCha20)).unwrap();
        for (nonce, tag_bytes, aad, len) in
            [(7, 4, 2, 1), (12, 16, 20, 16), (13, 6, 1, 100), (8, 8, 3, 65_535), (12, 12, 1, 70_000)]
        {
            let (nonce, aad, data) = (vec![3; nonce], vec![4; aad], vec![5; len]);
            let cipher = Cipher::AesCcm { nonce: &nonce, aad: &aad, tag_bytes };
            let (mut expected, tag) = ccm(&KEY, &nonce, &aad, &data, tag_bytes);
            expected.extend(tag);
            let encrypted = device.encrypt(&aes, &cipher, &data).unwrap();
            assert_eq!(encrypted, expected, "{cipher:?}");
            assert_eq!(*device.decrypt(&aes, &cipher, &encrypted).unwrap(), *data);
        }
        let nonce = &[3; 12];
        for len in [0, 1, 63, 64, 65, 5000] {
            let data = vec![5; len];
            let cipher = Cipher::ChaCha20Poly1305 { nonce, aad: b"aad", tag_bytes: 16 };
            let mut tag = vec![0; 16];
            let openssls = symm::Cipher::chacha20_poly1305();
            let mut expected = symm::encrypt_aead(openssls, &KEY, Some(nonce), b"aad", &data, &mut tag).unwrap();
            expected.extend(tag);
            let mut encrypted = device.encrypt(&chacha, &cipher, &data).unwrap();
            assert_eq!(encrypted, expected, "{len}");
            assert_eq!(*device.decrypt(&chacha, &cipher, &encrypted).unwrap(), *data);
            encrypted[0] ^= 1;
            assert!(matches!(device.decrypt(&chacha, &cipher, &encrypted), Err(Error::DecryptionFailed)));
            let cipher = Cipher::ChaCha20Poly1305 { nonce, aad: b"aad", tag_bytes: 12 };
            let mut encrypted = device.encrypt(&chacha, &cipher, &data).unwrap();
            assert_eq!(encrypted, expected[..len + 12]);
            assert_eq!(*device.decrypt(&chacha, &cipher, &encrypted).unwrap(), *data);
            for at in [0, len, len + 11] {
                encrypted[at] ^= 1;
                assert!(matches!(device.decrypt(&chacha, &cipher, &encrypted), Err(Error::DecryptionFailed)));
                encrypted[at] ^= 1;
            }
            let cipher = Cipher::ChaCha20 { nonce, counter: 7 };
            let iv = [&7_u32.to_le_bytes()[..], nonce].concat();
            let encrypted = device.encrypt(&chacha, &cipher, &data).unwrap();
            assert_eq!(encrypted, theirs(symm::Cipher::chacha20(), &KEY, Some(&iv), false, &data), "{len}");
            assert_eq!(*device.decrypt(&chacha, &cipher, &encrypted).unwrap(), *data);
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
        for (nonce, tag_bytes, len, expected) in [
            (6, 16, 0, InvalidInput::CcmNonce),
            (14, 16, 0, InvalidInput::CcmNonce),
            (12, 0, 0, InvalidInput::CcmTag),
            (12, 5, 0, InvalidInput::CcmTag),
            (12, 18, 0, InvalidInput::CcmTag),
            (13, 16, 65_536, InvalidInput::CcmLength),
        ] {
            let cipher = Cipher::AesCcm { nonce: &vec![1; nonce], aad: b"", tag_bytes };
            let error = device.encrypt(&key, &cipher, &vec![0; len]).unwrap_err();
            assert!(matches!(error, Error::InvalidInput(found) if found == expected), "{error:?}");
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
