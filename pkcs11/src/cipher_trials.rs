//! Trials of ciphers and MACs.

use cryptoki_sys::{
    CKM_AES_CBC_PAD, CKM_AES_CCM, CKM_AES_CFB128, CKM_AES_CMAC, CKM_AES_CTR, CKM_AES_ECB, CKM_AES_GCM, CKM_AES_OFB,
    CKM_CHACHA20, CKM_CHACHA20_POLY1305, CKM_DES3_CBC_PAD, CKM_MD5_HMAC, CKM_SHA_1_HMAC, CKM_SHA3_224_HMAC,
    CKM_SHA3_256_HMAC, CKM_SHA3_384_HMAC, CKM_SHA3_512_HMAC, CKM_SHA224_HMAC, CKM_SHA256_HMAC, CKM_SHA384_HMAC,
    CKM_SHA512_224_HMAC, CKM_SHA512_256_HMAC, CKM_SHA512_HMAC,
};

use crate::capability::{Failure, Need, Trial, aes, differs, generic, trial, works};
use crate::cipher::Cipher;
use crate::device::Device;
use crate::key::Key;
use crate::mac::MacMechanism;
use crate::secret_key::{SecretKeyKind, SecretKeySpec, Uses};

const MODE: Need = Need::For("this mode");
const MAC: Need = Need::For("this MAC");
const ALGORITHM: Need = Need::For("this algorithm");

/// Of ciphers.
pub(crate) const CIPHERS: &[Trial] = &[
    trial("AES-GCM", Some(CKM_AES_GCM), Need::Start, gcm),
    trial("AES-CBC, AES-CBC-PAD", Some(CKM_AES_CBC_PAD), Need::For("these modes"), cbc),
    trial("AES-CTR", Some(CKM_AES_CTR), MODE, |device| mode(device, &Cipher::AesCtr { counter: &[7; 16] })),
    trial("AES-ECB", Some(CKM_AES_ECB), MODE, |device| mode(device, &Cipher::AesEcb)),
    trial("AES-CFB128", Some(CKM_AES_CFB128), MODE, |device| mode(device, &Cipher::AesCfb { iv: &[7; 16] })),
    trial("AES-OFB", Some(CKM_AES_OFB), MODE, |device| mode(device, &Cipher::AesOfb { iv: &[7; 16] })),
    trial("AES-CCM", Some(CKM_AES_CCM), MODE, |device| {
        authentic(device, &Cipher::AesCcm { nonce: &[7; 12], aad: b"additional", tag_bytes: 16 })
    }),
    trial("ChaCha20", Some(CKM_CHACHA20), ALGORITHM, |device| {
        mode(device, &Cipher::ChaCha20 { nonce: &[7; 12], counter: 0 })
    }),
    trial("ChaCha20-Poly1305", Some(CKM_CHACHA20_POLY1305), ALGORITHM, |device| {
        authentic(device, &Cipher::ChaCha20Poly1305 { nonce: &[7; 12], aad: b"additional", tag_bytes: 16 })
    }),
    trial("3DES-CBC, 3DES-CBC-PAD, 3DES-ECB", Some(CKM_DES3_CBC_PAD), ALGORITHM, |device| {
        mode(device, &Cipher::Des3CbcPad { iv: &[1; 8] })?;
        mode(device, &Cipher::Des3Cbc { iv: &[1; 8] })?;
        mode(device, &Cipher::Des3Ecb)
    }),
];

/// Of MACs.
pub(crate) const MACS: &[Trial] = &[
    trial("AES-CMAC", Some(CKM_AES_CMAC), Need::For("this MAC, and the API token"), cmac),
    trial("HMAC-SHA1", Some(CKM_SHA_1_HMAC), MAC, |device| hmac(device, MacMechanism::HmacSha1)),
    trial("HMAC-SHA224", Some(CKM_SHA224_HMAC), MAC, |device| hmac(device, MacMechanism::HmacSha224)),
    trial("HMAC-SHA256", Some(CKM_SHA256_HMAC), Need::Start, |device| hmac(device, MacMechanism::HmacSha256)),
    trial("HMAC-SHA384", Some(CKM_SHA384_HMAC), MAC, |device| hmac(device, MacMechanism::HmacSha384)),
    trial("HMAC-SHA512", Some(CKM_SHA512_HMAC), MAC, |device| hmac(device, MacMechanism::HmacSha512)),
    trial("HMAC-SHA512/224", Some(CKM_SHA512_224_HMAC), MAC, |device| short(device, MacMechanism::HmacSha512_224)),
    trial("HMAC-SHA512/256", Some(CKM_SHA512_256_HMAC), MAC, |device| short(device, MacMechanism::HmacSha512_256)),
    trial("HMAC-SHA3-224", Some(CKM_SHA3_224_HMAC), MAC, |device| short(device, MacMechanism::HmacSha3_224)),
    trial("HMAC-SHA3-256", Some(CKM_SHA3_256_HMAC), MAC, |device| short(device, MacMechanism::HmacSha3_256)),
    trial("HMAC-SHA3-384", Some(CKM_SHA3_384_HMAC), MAC, |device| short(device, MacMechanism::HmacSha3_384)),
    trial("HMAC-SHA3-512", Some(CKM_SHA3_512_HMAC), MAC, |device| short(device, MacMechanism::HmacSha3_512)),
    trial("HMAC-MD5", Some(CKM_MD5_HMAC), MAC, |device| short(device, MacMechanism::HmacMd5)),
];

/// Finds whose IV is used, and checks that the tag is at the end and covers the additional data and every bit of the
/// text.
fn gcm(device: &Device) -> Result<String, Failure> {
    let (key, text) = (device.generate(&aes(32, Uses::CIPHER))?, b"sixteen bytes of");
    let (sealed, given) = device.find_iv_rule(&key, b"additional", text)?;
    let iv = sealed.own_iv.as_deref().unwrap_or(&given);
    let open = |aad: &[u8], data: &[u8]| device.decrypt(&key, &Cipher::AesGcm { iv, aad, tag_bits: 128 }, data);
    if open(b"additional", &sealed.data)?.as_ref() != text {
        return differs("it does not decrypt what it encrypted");
    }
    let mut damaged = sealed.data.clone();
    if let Some(last) = damaged.last_mut() {
        *last ^= 1;
    }
    if open(b"other", &sealed.data).is_ok() || open(b"additional", &damaged).is_ok() {
        return differs("it decrypts a ciphertext that is not authentic");
    }
    let whose = match (&sealed.own_iv, given) {
        (None, _) => "the caller's IV",
        (Some(_), [0, ..]) => "an IV that the token makes in place of zeros",
        (Some(_), _) => "an IV that the token makes",
    };
    Ok(format!("with {whose}, the tag at the end"))
}

/// Makes a key of the kind that a cipher takes.
fn key_of(device: &Device, cipher: &Cipher<'_>) -> Result<Key, Failure> {
    let kinds = [SecretKeyKind::Aes { bytes: 32 }, SecretKeyKind::ChaCha20, SecretKeyKind::Des3 { bytes: 24 }];
    let kind = kinds.into_iter().find(|kind| cipher.takes(*kind));
    let spec = kind.map(|kind| SecretKeySpec { kind, ..aes(32, Uses::CIPHER) });
    Ok(device.generate(&spec.unwrap_or(aes(32, Uses::CIPHER)))?)
}

fn mode(device: &Device, cipher: &Cipher<'_>) -> Result<String, Failure> {
    let key = key_of(device, cipher)?;
    let text = [3; 32];
    let sealed = device.encrypt(&key, cipher, &text)?;
    if sealed == text || device.decrypt(&key, cipher, &sealed)?.as_ref() != text {
        return differs("it does not decrypt what it encrypted");
    }
    works()
}

/// Checks that the tag covers the additional data and the text.
fn authentic(device: &Device, cipher: &Cipher<'_>) -> Result<String, Failure> {
    let (key, text) = (key_of(device, cipher)?, b"sixteen bytes of");
    let sealed = device.encrypt(&key, cipher, text)?;
    if device.decrypt(&key, cipher, &sealed)?.as_ref() != text {
        return differs("it does not decrypt what it encrypted");
    }
    let other = match *cipher {
        Cipher::AesCcm { nonce, tag_bytes, .. } => Cipher::AesCcm { nonce, aad: b"other", tag_bytes },
        Cipher::ChaCha20Poly1305 { nonce, tag_bytes, .. } => {
            Cipher::ChaCha20Poly1305 { nonce, aad: b"other", tag_bytes }
        }
        other => other,
    };
    let is_opened = |at: usize| {
        let mut damaged = sealed.clone();
        damaged.get_mut(at).into_iter().for_each(|byte| *byte ^= 1);
        device.decrypt(&key, cipher, &damaged).is_ok()
    };
    if device.decrypt(&key, &other, &sealed).is_ok() || is_opened(0) || is_opened(sealed.len() - 1) {
        return differs("it decrypts a ciphertext that is not authentic");
    }
    works()
}

fn cbc(device: &Device) -> Result<String, Failure> {
    mode(device, &Cipher::AesCbc { iv: &[1; 16] })?;
    mode(device, &Cipher::AesCbcPad { iv: &[1; 16] })
}

fn cmac(device: &Device) -> Result<String, Failure> {
    let key = device.generate(&aes(32, Uses::MAC))?;
    repeats(device, &key, MacMechanism::AesCmac)
}

/// Finds the shortest and the longest key that sign.
fn hmac(device: &Device, mechanism: MacMechanism) -> Result<String, Failure> {
    let sizes = device.mac_key_size(mechanism)?;
    repeats(device, &device.generate(&generic(64.min(*sizes.end()).max(1)))?, mechanism)?;
    Ok(format!("keys of {} to {} bytes", sizes.start(), sizes.end()))
}

/// Tries one key, without finding which lengths sign.
fn short(device: &Device, mechanism: MacMechanism) -> Result<String, Failure> {
    repeats(device, &device.generate(&generic(64))?, mechanism)
}

fn repeats(device: &Device, key: &Key, mechanism: MacMechanism) -> Result<String, Failure> {
    let [one, same, other] = [b"one", b"one", b"two"].map(|text| device.mac(key, mechanism, text));
    let (one, same, other) = (one?, same?, other?);
    if one != same || one == other {
        differs("the MACs of equal texts differ, or the MACs of different texts do not")
    } else {
        works()
    }
}
