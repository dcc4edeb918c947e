//! Reasons why a request about the format or value of a key cannot be completed.

use crate::kmip::enumerations::{KeyFormatType, ResultReason};
use crate::public_key::Unsound;

/// Reason why a request about the format or value of a key cannot be completed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// A format that the key does not have.
    #[error("key format {format} is not supported for this key: use {formats}")]
    Format {
        /// The requested format.
        format: KeyFormatType,
        /// The formats of the key.
        formats: &'static str,
    },
    /// A key from outside is not sound.
    #[error("KeyMaterial: the key is refused: {0}")]
    Unsound(#[from] Unsound),
    /// The padding of an RSA ciphertext is wrong, whatever the cause.
    #[error("decryption failed: wrong key, padding, hash or label, or damaged ciphertext")]
    Decryption,
    /// More data than an RSA key encrypts.
    #[error(
        "Data is {length} bytes long; with this padding the key encrypts at most {most} bytes: encrypt an AES key by it, and the \
         data by the AES key"
    )]
    TooLong {
        /// The length in the request, in bytes.
        length: usize,
        /// The maximum length, in bytes.
        most: usize,
    },
}

impl KeyFault {
    /// A format that a symmetric key does not have.
    #[must_use]
    pub fn symmetric(format: KeyFormatType) -> Self {
        Self::Format { format, formats: "Raw or TransparentSymmetricKey" }
    }

    /// The KMIP result reason.
    #[must_use]
    pub fn result_reason(&self) -> ResultReason {
        match self {
            Self::Format { .. } => ResultReason::KeyFormatTypeNotSupported,
            Self::Unsound(_) => ResultReason::InvalidAttributeValue,
            Self::Decryption => ResultReason::CryptographicFailure,
            Self::TooLong { .. } => ResultReason::BadCryptographicParameters,
        }
    }
}
