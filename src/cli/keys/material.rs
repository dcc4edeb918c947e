//! Keys of every kind in files.

use std::path::Path;

use data_encoding::BASE64;
use openssl::ec::EcKey;
use openssl::pkey::{Id, PKey};
use openssl::rsa::Rsa;

use crate::base64;
use crate::cli::error::{Error, KeyFileFault};
use crate::cli::kinds::Kind;
use crate::kmip::enumerations::{CryptographicAlgorithm, KeyFormatType, SecretDataType};
use crate::kmip::key_block::{KeyBlock, KeyMaterial, KeyValue};
use crate::kmip::objects::{PrivateKey, PublicKey, SecretData, SymmetricKey};
use crate::kmip::ttlv::json;
use crate::kmip::{Dialect, ManagedObject};
use crate::secret::Bytes;

/// The format of a key file: a private or public key in PKCS#8, PKCS#1, SEC 1 or X.509, as PEM or DER; the KMIP object in
/// JSON; or the bytes of a key, as they are or in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Format {
    Pem,
    Der,
    JsonTtlv,
    Raw,
    Base64,
}

/// The labels of PEM blocks (RFC 7468 and OpenSSL), with the format that they stand for.
const LABELS: [(&str, KeyFormatType, bool); 5] = [
    ("PRIVATE KEY", KeyFormatType::PKCS_8, true),
    ("RSA PRIVATE KEY", KeyFormatType::PKCS_1, true),
    ("EC PRIVATE KEY", KeyFormatType::ECPrivateKey, true),
    ("PUBLIC KEY", KeyFormatType::X_509, false),
    ("RSA PUBLIC KEY", KeyFormatType::PKCS_1, false),
];

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The words by which a document of KMIP's JSON is recognised.
const TAG: &[u8] = b"\"tag\"";

impl Format {
    /// Returns the format that the content of a file has, if none is given.
    fn of(content: &[u8], is_pair: bool) -> Self {
        let begins = |with: &[u8]| content.trim_ascii_start().starts_with(with);
        if begins(BEGIN.as_bytes()) {
            Self::Pem
        } else if begins(b"{") && memchr::memmem::find(content, TAG).is_some() {
            Self::JsonTtlv
        } else if is_pair {
            Self::Der
        } else {
            Self::Raw
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pem => "a key in PEM",
            Self::Der => "a key in DER",
            Self::JsonTtlv => "a key in KMIP's JSON",
            Self::Raw => "the bytes of a key",
            Self::Base64 => "base64",
        }
    }

    /// Whether files in this format are not text.
    pub(in crate::cli) fn is_binary(self) -> bool {
        matches!(self, Self::Raw | Self::Der)
    }
}

/// Reads the key in a file. `is_pair` says whether it should be a half of a pair.
///
/// # Errors
/// The content does not have the format. The error shows nothing of it.
pub(in crate::cli) fn read(
    format: Option<Format>,
    path: &Path,
    content: Bytes,
    is_pair: bool,
) -> Result<ManagedObject, Error> {
    let format = format.unwrap_or_else(|| Format::of(&content, is_pair));
    let fault = |fault| Error::KeyFile { path: path.to_owned(), format: format.name(), fault };
    match format {
        Format::Raw => Ok(symmetric(content)),
        Format::Base64 => from_base64(&content).map(symmetric).map_err(fault),
        Format::JsonTtlv => from_json(&content).map_err(fault),
        Format::Pem => from_pem(&content).map_err(fault),
        Format::Der => from_der(content).map_err(fault),
    }
}

fn symmetric(bytes: Bytes) -> ManagedObject {
    ManagedObject::SymmetricKey(SymmetricKey { key_block: KeyBlock::raw(bytes) })
}

/// Returns the bytes of a file as secret data, which is a password unless the file says otherwise.
pub(super) fn secret_data(object: ManagedObject) -> ManagedObject {
    match object {
        ManagedObject::SymmetricKey(SymmetricKey { mut key_block }) => {
            key_block.key_format_type = KeyFormatType::Opaque;
            ManagedObject::SecretData(SecretData { secret_data_type: SecretDataType::Password, key_block })
        }
        other => other,
    }
}

/// Decodes base64 with line ends, which editors and `base64` add.
fn from_base64(content: &[u8]) -> Result<Bytes, KeyFileFault> {
    let digits = content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>();
    let digits = Bytes::from(digits);
    match base64::decode(&digits) {
        Some(bytes) => Ok(Bytes::from(bytes)),
        // This decoder's error has the position of the fault.
        None => BASE64.decode(&digits).map(Bytes::from).map_err(KeyFileFault::Base64),
    }
}

fn from_json(content: &[u8]) -> Result<ManagedObject, KeyFileFault> {
    let document = json::read(content)?;
    if !matches!(&*document.name, "SymmetricKey" | "PrivateKey" | "PublicKey" | "SecretData") {
        return Err(KeyFileFault::NotKey(document.name.into_owned()));
    }
    Ok(ManagedObject::from_document(document)?)
}

/// Reads the first PEM block that is a key. Parameters of a curve, which OpenSSL writes before the key, are skipped.
fn from_pem(content: &[u8]) -> Result<ManagedObject, KeyFileFault> {
    let text = std::str::from_utf8(content).map_err(|_| KeyFileFault::NoPem)?;
    let mut other = None;
    for (_, block) in text.match_indices(BEGIN).filter_map(|(at, begin)| Some((at, text.get(at + begin.len()..)?))) {
        let (label, rest) = block.split_once(DASHES).ok_or(KeyFileFault::NoPem)?;
        let (body, _) = rest.split_once(END).ok_or(KeyFileFault::NoPem)?;
        if label.contains("ENCRYPTED") || body.contains("ENCRYPTED") {
            return Err(KeyFileFault::Encrypted);
        }
        match LABELS.iter().find(|(known, ..)| *known == label) {
            Some((_, format, is_private)) => return half(*format, *is_private, from_base64(body.as_bytes())?),
            None if label == "EC PARAMETERS" => {}
            None => other = other.or_else(|| Some(label.to_owned())),
        }
    }
    Err(other.map_or(KeyFileFault::NoPem, KeyFileFault::OtherPem))
}

fn from_der(content: Bytes) -> Result<ManagedObject, KeyFileFault> {
    let found = LABELS.iter().find(|(_, format, is_private)| parsed(*format, *is_private, &content).is_some());
    let (_, format, is_private) = found.ok_or(KeyFileFault::NotDer)?;
    half(*format, *is_private, content)
}

/// Returns the private or public key in this format, with its algorithm and length.
fn half(format: KeyFormatType, is_private: bool, der: Bytes) -> Result<ManagedObject, KeyFileFault> {
    let (algorithm, bits) = parsed(format, is_private, &der).ok_or(KeyFileFault::NotDer)?;
    let key_block = KeyBlock {
        key_format_type: format,
        cryptographic_algorithm: Some(algorithm),
        cryptographic_length: Some(bits),
        ..KeyBlock::raw(der)
    };
    Ok(if is_private {
        ManagedObject::PrivateKey(PrivateKey { key_block })
    } else {
        ManagedObject::PublicKey(PublicKey { key_block })
    })
}

/// Returns the kind of key that a file states. Keys of X25519 have the algorithm of other curves.
pub(super) fn kind(object: &ManagedObject) -> Option<Kind> {
    let block = object.key_block()?;
    let is_private = matches!(object, ManagedObject::PrivateKey(_));
    let is_x25519 = || {
        key_bytes(block)
            .is_ok_and(|der| opened(block.key_format_type, is_private, &der).is_some_and(|(id, _)| id == Id::X25519))
    };
    match Kind::of(block.cryptographic_algorithm?)? {
        Kind::Ec if is_x25519() => Some(Kind::X25519),
        other => Some(other),
    }
}

/// Returns the algorithm and length of a key.
fn parsed(format: KeyFormatType, is_private: bool, der: &[u8]) -> Option<(CryptographicAlgorithm, i32)> {
    let (id, bits) = opened(format, is_private, der)?;
    let algorithm = match id {
        Id::RSA => CryptographicAlgorithm::RSA,
        Id::EC | Id::X25519 => CryptographicAlgorithm::EC,
        Id::ED25519 => CryptographicAlgorithm::Ed25519,
        _ => return None,
    };
    // OpenSSL counts the bits of the prime field, which for these are fewer.
    let bits = if matches!(id, Id::ED25519 | Id::X25519) { 256 } else { i32::try_from(bits).ok()? };
    Some((algorithm, bits))
}

/// Returns OpenSSL's kind of a key, and its length in bits.
fn opened(format: KeyFormatType, is_private: bool, der: &[u8]) -> Option<(Id, u32)> {
    Some(match (format, is_private) {
        (KeyFormatType::PKCS_8, _) => PKey::private_key_from_pkcs8(der).ok().map(|key| (key.id(), key.bits()))?,
        (KeyFormatType::PKCS_1, true) => {
            Rsa::private_key_from_der(der).and_then(PKey::from_rsa).ok().map(|key| (key.id(), key.bits()))?
        }
        (KeyFormatType::ECPrivateKey, _) => {
            EcKey::private_key_from_der(der).and_then(PKey::from_ec_key).ok().map(|key| (key.id(), key.bits()))?
        }
        (KeyFormatType::X_509, _) => PKey::public_key_from_der(der).ok().map(|key| (key.id(), key.bits()))?,
        (KeyFormatType::PKCS_1, false) => {
            Rsa::public_key_from_der_pkcs1(der).and_then(PKey::from_rsa).ok().map(|key| (key.id(), key.bits()))?
        }
        _ => return None,
    })
}

/// Returns the content of a file with this key.
///
/// # Errors
/// The answer holds no key, or one that the format is not for.
pub(in crate::cli) fn write(format: Option<Format>, object: ManagedObject) -> Result<Bytes, Error> {
    let is_half = matches!(object, ManagedObject::PrivateKey(_) | ManagedObject::PublicKey(_));
    let format = format.unwrap_or(if is_half { Format::Pem } else { Format::JsonTtlv });
    if format == Format::JsonTtlv {
        let mut text = Vec::new();
        json::write(&object.into_document(), Dialect::Bare, &mut text);
        text.push(b'\n');
        return Ok(Bytes::from(text));
    }
    let block = object.key_block().ok_or(Error::Incomplete("key"))?;
    let bytes = key_bytes(block)?;
    match format {
        Format::Pem => pem(block, &object, &bytes),
        Format::Der if !is_half => Err(Error::Format("DER")),
        Format::Base64 => Ok(Bytes::from(BASE64.encode(&bytes).into_bytes())),
        Format::Der | Format::Raw | Format::JsonTtlv => Ok(bytes),
    }
}

/// Returns the bytes of a plain or wrapped key.
pub(in crate::cli) fn key_bytes(block: &KeyBlock) -> Result<Bytes, Error> {
    match block.key_value.as_ref().ok_or(Error::Incomplete("key material"))? {
        KeyValue::Plain { material: KeyMaterial::Structure(_), .. } => Err(Error::Format("bytes")),
        KeyValue::Plain { material, .. } => material.bytes().cloned().ok_or(Error::Incomplete("key material")),
        KeyValue::Wrapped(wrapped) => Ok(wrapped.clone()),
    }
}

fn pem(block: &KeyBlock, object: &ManagedObject, bytes: &[u8]) -> Result<Bytes, Error> {
    let own = (block.key_format_type, matches!(object, ManagedObject::PrivateKey(_)));
    let is_symmetric = matches!(object, ManagedObject::SymmetricKey(_));
    let label = LABELS.iter().find(|(_, format, is_private)| (*format, *is_private) == own && !is_symmetric);
    let is_clear = block.key_wrapping_data.is_none();
    let (label, ..) = label.filter(|_| is_clear).ok_or(Error::Format("PEM"))?;
    Ok(armoured(label, bytes))
}

/// Returns a PEM block (RFC 7468 section 2).
pub(in crate::cli) fn armoured(label: &str, der: &[u8]) -> Bytes {
    const WIDTH: usize = 64;
    let digits = Bytes::from(BASE64.encode(der).into_bytes());
    // Allocated with more than its full length: a growing vector would leave copies of a key in freed memory.
    let mut text = Vec::with_capacity(digits.len() + digits.len() / WIDTH + 2 * (label.len() + 32));
    text.extend_from_slice(format!("{BEGIN}{label}{DASHES}\n").as_bytes());
    for line in digits.chunks(WIDTH) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(format!("{END}{label}{DASHES}\n").as_bytes());
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use openssl::ec::EcGroup;
    use openssl::nid::Nid;

    use super::*;

    fn facts(object: &ManagedObject) -> (bool, KeyFormatType, i32) {
        let block = object.key_block().unwrap();
        (matches!(object, ManagedObject::PrivateKey(_)), block.key_format_type, block.cryptographic_length.unwrap())
    }

    fn reads(content: &[u8], is_pair: bool) -> Result<ManagedObject, Error> {
        read(None, Path::new("file"), Bytes::from(content), is_pair)
    }

    #[test]
    fn every_form_of_a_half_is_read_and_written_again() {
        let rsa = Rsa::generate(2048).unwrap();
        let ec = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
        let (rsa_key, ec_key) = (PKey::from_rsa(rsa.clone()).unwrap(), PKey::from_ec_key(ec.clone()).unwrap());
        let (ed, x) = (PKey::generate_ed25519().unwrap(), PKey::generate_x25519().unwrap());
        for (pem, is_private, format, bits) in [
            (rsa_key.private_key_to_pem_pkcs8().unwrap(), true, KeyFormatType::PKCS_8, 2048),
            (rsa.private_key_to_pem().unwrap(), true, KeyFormatType::PKCS_1, 2048),
            (rsa_key.public_key_to_pem().unwrap(), false, KeyFormatType::X_509, 2048),
            (rsa.public_key_to_pem_pkcs1().unwrap(), false, KeyFormatType::PKCS_1, 2048),
            (ec_key.private_key_to_pem_pkcs8().unwrap(), true, KeyFormatType::PKCS_8, 256),
            (ec.private_key_to_pem().unwrap(), true, KeyFormatType::ECPrivateKey, 256),
            (ec_key.public_key_to_pem().unwrap(), false, KeyFormatType::X_509, 256),
            (ed.private_key_to_pem_pkcs8().unwrap(), true, KeyFormatType::PKCS_8, 256),
            (ed.public_key_to_pem().unwrap(), false, KeyFormatType::X_509, 256),
            (x.private_key_to_pem_pkcs8().unwrap(), true, KeyFormatType::PKCS_8, 256),
            (x.public_key_to_pem().unwrap(), false, KeyFormatType::X_509, 256),
        ] {
            let object = reads(&pem, false).unwrap();
            let is_x25519 = [x.private_key_to_pem_pkcs8(), x.public_key_to_pem()].map(Result::unwrap).contains(&pem);
            assert_eq!(kind(&object) == Some(Kind::X25519), is_x25519);
            assert_eq!(facts(&object), (is_private, format, bits));
            let written = write(None, object.clone()).unwrap();
            assert_eq!(written.as_slice(), pem.as_slice());
            for other in [Format::Der, Format::JsonTtlv] {
                let written = write(Some(other), object.clone()).unwrap();
                assert_eq!(reads(&written, true).unwrap(), object, "{other:?}");
            }
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused_without_showing_it() {
        let secret = PKey::generate_ed25519().unwrap();
        let encrypted = secret.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_128_cbc(), b"p").unwrap();
        let faults: [(&[u8], bool, &str); 6] = [
            (&encrypted, false, "it is encrypted"),
            (b"-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n", false, "`CERTIFICATE`"),
            (b"-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n", false, "not a private or"),
            (b"-----BEGIN PRIVATE KEY-----\naHVudGVyMg", false, "no PEM block"),
            (b"hunter2", true, "not a private or public key"),
            (br#"{"tag":"Get","value":[]}"#, false, "`Get`"),
        ];
        for (content, is_pair, words) in faults {
            let error = reads(content, is_pair).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("hunter2") && !error.contains("aHVu"), "{error}");
        }
    }

    #[test]
    fn symmetric_keys_have_no_pem() {
        for format in [Format::Pem, Format::Der] {
            assert!(write(Some(format), symmetric(Bytes::from(vec![7; 16]))).is_err());
        }
        let base64 = write(Some(Format::Base64), symmetric(Bytes::from(vec![0, 1, 0xFE, 0xFF]))).unwrap();
        assert_eq!(base64.as_slice(), b"AAH+/w==");
        assert_eq!(reads(b"{0123456789abcde", false).unwrap(), symmetric(Bytes::from(&b"{0123456789abcde"[..])));
    }
}
