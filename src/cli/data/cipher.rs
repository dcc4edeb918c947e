//! Encryption in one request, without the format of encrypted files.
//!
//! The ciphertext is IV, encrypted data and authentication tag, one after the other, each as far as the mode has it: the
//! IV that the server chose has 12 bytes for GCM, CCM and AEAD, 16 bytes for CBC, CTR, CFB and OFB; the tag has 16 bytes.

use crate::cli::sym::HexBytes;
use crate::cli::words;
use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{BlockCipherMode, HashingAlgorithm, PaddingMethod};

/// The longest data, in bytes. In hexadecimal in JSON it is twice as long, which is below the server's limit.
pub(super) const MOST: usize = 3 << 20;

const TAG: usize = 16;

/// How data is encrypted in one request.
#[derive(clap::Args)]
pub(super) struct Cipher {
    /// Mode of the cipher, for one request; aead is for chacha20 keys
    #[arg(long, value_name = "MODE", value_parser = words::mode())]
    mode: Option<BlockCipherMode>,
    /// Padding, for one request: pkcs5 or none for cbc and ecb; oaep or pkcs1v15 for RSA
    #[arg(long, value_name = "PADDING", value_parser = words::padding(), hide_possible_values = true)]
    padding: Option<PaddingMethod>,
    /// Hash of oaep [default: the server's]
    #[arg(long, value_name = "HASH", value_parser = words::hash(), hide_possible_values = true, requires = "padding")]
    hash: Option<HashingAlgorithm>,
    /// IV in hexadecimal, which is then not part of the ciphertext [default: chosen by the server]
    #[arg(long, value_name = "HEX", value_parser = words::hexadecimal, requires = "mode")]
    iv_hex: Option<HexBytes>,
}

/// The parts of a ciphertext.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) iv: Option<&'a [u8]>,
    pub(super) data: &'a [u8],
    pub(super) tag: Option<&'a [u8]>,
}

impl Cipher {
    /// Whether the options ask for one request.
    pub(super) fn is_given(&self) -> bool {
        self.mode.is_some() || self.padding.is_some()
    }

    /// Whether the mode authenticates the data.
    pub(super) fn is_authenticated(&self) -> bool {
        matches!(self.mode, Some(BlockCipherMode::GCM | BlockCipherMode::CCM | BlockCipherMode::AEAD))
    }

    pub(super) fn iv(&self) -> Option<&[u8]> {
        self.iv_hex.as_deref()
    }

    pub(super) fn parameters(&self) -> CryptographicParameters {
        CryptographicParameters {
            block_cipher_mode: self.mode,
            padding_method: self.padding,
            hashing_algorithm: self.hash,
            tag_length: self.is_authenticated().then(|| i32::try_from(TAG).ok()).flatten(),
            ..CryptographicParameters::default()
        }
    }

    /// The length of the IV in a ciphertext.
    pub(super) fn iv_length(&self) -> usize {
        match self.mode {
            _ if self.iv_hex.is_some() => 0,
            Some(BlockCipherMode::GCM | BlockCipherMode::CCM | BlockCipherMode::AEAD) => 12,
            None | Some(BlockCipherMode::ECB) => 0,
            Some(_) => 16,
        }
    }

    /// Takes a ciphertext apart; `None` if it is too short.
    pub(super) fn parts<'a>(&'a self, ciphertext: &'a [u8]) -> Option<Parts<'a>> {
        let (iv, rest) = ciphertext.split_at_checked(self.iv_length())?;
        let end = rest.len().checked_sub(if self.is_authenticated() { TAG } else { 0 })?;
        let (data, tag) = rest.split_at_checked(end)?;
        let filled = |part: &'a [u8]| (!part.is_empty()).then_some(part);
        Some(Parts { iv: self.iv().or_else(|| filled(iv)), data, tag: filled(tag) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ciphertext_is_taken_apart() {
        let cipher = |mode, iv_hex| Cipher { mode, padding: None, hash: None, iv_hex };
        let bytes: Vec<u8> = (0..40).collect();
        for (cipher, iv, data, tag) in [
            (cipher(Some(BlockCipherMode::GCM), None), Some(&bytes[..12]), &bytes[12..24], Some(&bytes[24..])),
            (cipher(Some(BlockCipherMode::CBC), None), Some(&bytes[..16]), &bytes[16..], None),
            (cipher(Some(BlockCipherMode::CTR), Some(vec![7; 16])), Some(&[7; 16][..]), &bytes[..], None),
            (cipher(Some(BlockCipherMode::ECB), None), None, &bytes[..], None),
            (cipher(None, None), None, &bytes[..], None),
        ] {
            assert_eq!(cipher.parts(&bytes), Some(Parts { iv, data, tag }));
        }
        let gcm = cipher(Some(BlockCipherMode::GCM), None);
        assert_eq!(gcm.parts(&bytes[..27]), None);
        assert_eq!(gcm.parts(&bytes[..28]).map(|parts| parts.data.len()), Some(0));
    }
}
