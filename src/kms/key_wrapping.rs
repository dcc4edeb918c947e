//! The ways in which keys are wrapped under others (KMIP 2.1 sections 3.3 and 7.18), and which key wraps in which way.

use super::error::Error;
use super::gate::Usable;
use super::object::Object;
use super::object_kind::{ObjectKind, only_wraps};
use super::rsa_encryption;
use super::signature::name_of;
use crate::custody::{AesWrap, KeyWrap, Oaep, RsaPadding};
use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{BlockCipherMode, CryptographicAlgorithm, MaskGenerator, PaddingMethod};
use crate::secret::Bytes;

/// Length in bytes of the IV of AES-CBC.
pub(super) const IV: usize = 16;

/// The way that the request names, by this key. `iv` is called for AES-CBC only.
///
/// # Errors
/// The key does not wrap in this way, or nothing does.
pub(super) fn way<'a>(
    by: &'a Object,
    parameters: Option<&'a CryptographicParameters>,
    iv: impl FnOnce() -> Result<[u8; IV], Error>,
) -> Result<KeyWrap<'a>, Error> {
    let is_pair = by.kind.is_public() || by.kind.is_private();
    match by.algorithm() {
        Some(CryptographicAlgorithm::AES) if by.kind == ObjectKind::SymmetricKey => {
            by_aes(by, parameters, iv).map(KeyWrap::Aes)
        }
        Some(CryptographicAlgorithm::RSA) if is_pair => by_rsa(by, parameters).map(KeyWrap::Oaep),
        _ => Err(Error::KeyWrap("keys are wrapped under AES keys, and under the public halves of RSA pairs")),
    }
}

fn by_aes(
    by: &Object,
    parameters: Option<&CryptographicParameters>,
    iv: impl FnOnce() -> Result<[u8; IV], Error>,
) -> Result<AesWrap, Error> {
    let mode = parameters.and_then(|own| own.block_cipher_mode).unwrap_or(BlockCipherMode::NISTKeyWrap);
    let padding = parameters.and_then(|own| own.padding_method);
    match (mode, padding) {
        (BlockCipherMode::NISTKeyWrap, None | Some(PaddingMethod::None)) => Ok(AesWrap::Plain),
        (BlockCipherMode::NISTKeyWrap, Some(PaddingMethod::PKCS5)) | (BlockCipherMode::AESKeyWrapPadding, None) => {
            Ok(AesWrap::Padded)
        }
        (BlockCipherMode::CBC, None | Some(PaddingMethod::PKCS5)) => {
            check_only_wraps(by)?;
            Ok(AesWrap::Cbc { iv: iv()? })
        }
        _ => Err(Error::KeyWrap(
            "under an AES key, keys are wrapped with BlockCipherMode NISTKeyWrap, AESKeyWrapPadding or CBC, the last with \
             PaddingMethod PKCS5",
        )),
    }
}

/// Refuses AES-CBC by a key that has other uses: a blob of AES-CBC is a ciphertext as any other, so that unwrapping would
/// decrypt what Encrypt made, and decrypting would tell wrapped keys.
fn check_only_wraps(by: &Object) -> Result<(), Error> {
    match by.attributes.cryptographic_usage_mask {
        Some(mask) if only_wraps(mask) => Ok(()),
        _ => Err(Error::UsageMask(
            "AES-CBC key wrap: the mask of a key that wraps or unwraps so must have Wrap Key or Unwrap Key, and no other use",
        )),
    }
}

fn by_rsa<'a>(by: &'a Object, parameters: Option<&'a CryptographicParameters>) -> Result<Oaep<'a>, Error> {
    if parameters.is_some_and(|own| own.block_cipher_mode.is_some()) {
        return Err(Error::KeyWrap("an RSA key wraps by OAEP, which has no BlockCipherMode"));
    }
    match rsa_encryption::padding(by, parameters)? {
        RsaPadding::Oaep(oaep) => Ok(oaep),
        RsaPadding::Pkcs1v15 => Err(Error::KeyWrap(
            "an RSA key wraps by OAEP only: with PKCS1v1.5, the answers to damaged keys would tell other keys",
        )),
    }
}

/// The parameters of this way, for an answer.
pub(super) fn parameters(how: KeyWrap<'_>) -> CryptographicParameters {
    let none = CryptographicParameters::default();
    match how {
        KeyWrap::Aes(AesWrap::Plain) => {
            CryptographicParameters { block_cipher_mode: Some(BlockCipherMode::NISTKeyWrap), ..none }
        }
        KeyWrap::Aes(AesWrap::Padded) => {
            CryptographicParameters { block_cipher_mode: Some(BlockCipherMode::AESKeyWrapPadding), ..none }
        }
        KeyWrap::Aes(AesWrap::Cbc { .. }) => CryptographicParameters {
            block_cipher_mode: Some(BlockCipherMode::CBC),
            padding_method: Some(PaddingMethod::PKCS5),
            ..none
        },
        KeyWrap::Oaep(Oaep { hash, mask, label }) => CryptographicParameters {
            padding_method: Some(PaddingMethod::OAEP),
            hashing_algorithm: Some(name_of(hash)),
            mask_generator: Some(MaskGenerator::MGF1),
            mask_generator_hashing_algorithm: Some(name_of(mask)),
            p_source: (!label.is_empty()).then(|| Bytes::from(label.to_vec())),
            ..none
        },
    }
}

/// Wraps bytes that may leave in clear. Under a public key OpenSSL does it, as it encrypts.
pub(super) fn wrap_bytes(by: &Usable<'_>, how: KeyWrap<'_>, value: &Bytes) -> Result<Bytes, Error> {
    match how {
        KeyWrap::Aes(how) => Ok(Bytes::from(by.wrap_value(value, how)?)),
        KeyWrap::Oaep(oaep) => {
            by.note_wrapping_use();
            rsa_encryption::encrypt_padded(by, RsaPadding::Oaep(oaep), value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::Hash;
    use crate::kms::documented::rows;

    #[test]
    fn the_methods_in_the_docs_are_those_of_the_code() {
        let page = include_str!("../../docs/wrap-a-key.md");
        let rows: Vec<&str> = rows(page, "## By which methods?").collect();
        let oaep = Oaep { hash: Hash::Sha256, mask: Hash::Sha256, label: b"" };
        let ways = [
            ("kw", KeyWrap::Aes(AesWrap::Plain)),
            ("kwp", KeyWrap::Aes(AesWrap::Padded)),
            ("cbc", KeyWrap::Aes(AesWrap::Cbc { iv: [0; IV] })),
            ("oaep", KeyWrap::Oaep(oaep)),
        ];
        assert_eq!(rows.len(), ways.len());
        for (row, (word, way)) in rows.into_iter().zip(ways) {
            let own = parameters(way);
            let name = own.block_cipher_mode.map_or_else(
                || own.padding_method.unwrap().name(crate::kmip::Dialect::Oasis),
                |mode| mode.name(crate::kmip::Dialect::Oasis),
            );
            assert!(row.contains(&format!("`{word}`")) && row.contains(&*name.to_string()), "{row}: {word}, {name}");
        }
    }
}
