//! Reference results from OpenSSL.

use openssl::aes::{AesKey, wrap_key};
use openssl::cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use openssl::encrypt::{Decrypter, Encrypter};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::Signer;
use openssl::symm::{Cipher, Crypter, Mode, decrypt_aead, encrypt_aead};

fn gcm(key: &[u8]) -> Cipher {
    match key.len() {
        16 => Cipher::aes_128_gcm(),
        24 => Cipher::aes_192_gcm(),
        _ => Cipher::aes_256_gcm(),
    }
}

fn cbc(key: &[u8]) -> Cipher {
    match key.len() {
        16 => Cipher::aes_128_cbc(),
        24 => Cipher::aes_192_cbc(),
        _ => Cipher::aes_256_cbc(),
    }
}

/// Ciphertext and tag.
pub fn gcm_encrypt(key: &[u8], iv: &[u8], aad: &[u8], data: &[u8], tag_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let mut tag = vec![0; tag_bytes];
    let encrypted = encrypt_aead(gcm(key), key, Some(iv), aad, data, &mut tag).unwrap();
    (encrypted, tag)
}

pub fn gcm_decrypt(key: &[u8], iv: &[u8], aad: &[u8], data: &[u8], tag: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    decrypt_aead(gcm(key), key, Some(iv), aad, data, tag)
}

/// Runs a cipher without a tag.
fn run(cipher: Cipher, mode: Mode, key: &[u8], iv: Option<&[u8]>, data: &[u8], padded: bool) -> Vec<u8> {
    let mut crypter = Crypter::new(cipher, mode, key, iv).unwrap();
    crypter.pad(padded);
    let mut out = vec![0; data.len() + 32];
    let mut length = crypter.update(data, &mut out).unwrap();
    length += crypter.finalize(&mut out[length..]).unwrap();
    out.truncate(length);
    out
}

pub fn cbc_encrypt(key: &[u8], iv: &[u8], data: &[u8], padded: bool) -> Vec<u8> {
    run(cbc(key), Mode::Encrypt, key, Some(iv), data, padded)
}

pub fn cbc_decrypt(key: &[u8], iv: &[u8], data: &[u8], padded: bool) -> Vec<u8> {
    run(cbc(key), Mode::Decrypt, key, Some(iv), data, padded)
}

/// Encrypts by a cipher without a tag.
pub fn crypt(cipher: Cipher, key: &[u8], iv: Option<&[u8]>, padded: bool, data: &[u8]) -> Vec<u8> {
    run(cipher, Mode::Encrypt, key, iv, data, padded)
}

/// Ciphertext and tag of a cipher.
pub fn aead(cipher: Cipher, key: &[u8], iv: &[u8], aad: &[u8], data: &[u8], tag_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let mut tag = vec![0; tag_bytes];
    let encrypted = encrypt_aead(cipher, key, Some(iv), aad, data, &mut tag).unwrap();
    (encrypted, tag)
}

/// Ciphertext and tag of AES-CCM. OpenSSL must know all lengths before the key.
pub fn ccm(key: &[u8], nonce: &[u8], aad: &[u8], data: &[u8], tag_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let cipher = if key.len() == 16 { cipher::Cipher::aes_128_ccm() } else { cipher::Cipher::aes_256_ccm() };
    let mut context = CipherCtx::new().unwrap();
    context.encrypt_init(Some(cipher), None, None).unwrap();
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

pub fn hmac(hash: MessageDigest, key: &[u8], data: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(key).unwrap();
    Signer::new(hash, &key).unwrap().sign_oneshot_to_vec(data).unwrap()
}

pub fn cmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let key = PKey::cmac(&cbc(key), key).unwrap();
    let mut signer = Signer::new_without_digest(&key).unwrap();
    signer.update(data).unwrap();
    signer.sign_to_vec().unwrap()
}

/// Wraps a key by AES key wrap (RFC 3394).
pub fn key_wrap(kek: &[u8], key: &[u8]) -> Vec<u8> {
    let kek = AesKey::new_encrypt(kek).unwrap();
    let mut wrapped = vec![0; key.len() + 8];
    assert_eq!(wrap_key(&kek, None, &mut wrapped, key).unwrap(), wrapped.len());
    wrapped
}

/// Wraps a key by AES key wrap with padding (RFC 5649).
pub fn key_wrap_padded(kek: &[u8], key: &[u8]) -> Vec<u8> {
    let (mut context, mut wrapped) = padded_wrap(kek, true);
    context.cipher_update_vec(key, &mut wrapped).unwrap();
    wrapped
}

/// Unwraps a key by AES key wrap with padding (RFC 5649).
pub fn key_unwrap_padded(kek: &[u8], blob: &[u8]) -> Vec<u8> {
    let (mut context, mut key) = padded_wrap(kek, false);
    context.cipher_update_vec(blob, &mut key).unwrap();
    key
}

fn padded_wrap(kek: &[u8], wraps: bool) -> (CipherCtx, Vec<u8>) {
    let name = format!("AES-{}-WRAP-PAD", 8 * kek.len());
    let wrap = cipher::Cipher::fetch(None, &name, None).unwrap();
    let mut context = CipherCtx::new().unwrap();
    context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
    let begun = if wraps {
        context.encrypt_init(Some(&wrap), Some(kek), None)
    } else {
        context.decrypt_init(Some(&wrap), Some(kek), None)
    };
    begun.unwrap();
    (context, Vec::new())
}

pub fn random(bytes: usize) -> Vec<u8> {
    let mut random = vec![0; bytes];
    openssl::rand::rand_bytes(&mut random).unwrap();
    random
}

/// A padding of RSA encryption.
pub enum RsaPadding {
    /// RSAES-OAEP, with its hash and that of the mask.
    Oaep { hashes: [MessageDigest; 2], label: Vec<u8> },
    /// RSAES-PKCS1-v1_5.
    Pkcs1,
}

impl RsaPadding {
    pub fn encrypt(&self, key: &PKey<Private>, data: &[u8]) -> Vec<u8> {
        let mut encrypter = Encrypter::new(key).unwrap();
        match self {
            Self::Pkcs1 => encrypter.set_rsa_padding(Padding::PKCS1).unwrap(),
            Self::Oaep { hashes: [hash, mask], label } => {
                encrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
                encrypter.set_rsa_oaep_md(*hash).unwrap();
                encrypter.set_rsa_mgf1_md(*mask).unwrap();
                if !label.is_empty() {
                    encrypter.set_rsa_oaep_label(label).unwrap();
                }
            }
        }
        let mut output = vec![0; encrypter.encrypt_len(data).unwrap()];
        let length = encrypter.encrypt(data, &mut output).unwrap();
        output.truncate(length);
        output
    }

    pub fn decrypt(&self, key: &PKey<Private>, data: &[u8]) -> Vec<u8> {
        let mut decrypter = Decrypter::new(key).unwrap();
        match self {
            Self::Pkcs1 => decrypter.set_rsa_padding(Padding::PKCS1).unwrap(),
            Self::Oaep { hashes: [hash, mask], label } => {
                decrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
                decrypter.set_rsa_oaep_md(*hash).unwrap();
                decrypter.set_rsa_mgf1_md(*mask).unwrap();
                if !label.is_empty() {
                    decrypter.set_rsa_oaep_label(label).unwrap();
                }
            }
        }
        let mut output = vec![0; decrypter.decrypt_len(data).unwrap()];
        let length = decrypter.decrypt(data, &mut output).unwrap();
        output.truncate(length);
        output
    }
}
