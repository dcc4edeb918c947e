//! The methods by which keys are wrapped, as `--method` names them.

use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{BlockCipherMode, HashingAlgorithm, ObjectType, PaddingMethod};

/// A method of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Method {
    /// AES key wrap (RFC 3394).
    #[default]
    Kw,
    /// AES key wrap with padding (RFC 5649).
    Kwp,
    /// AES-CBC with padding.
    Cbc,
    /// RSA-OAEP.
    Oaep,
}

impl Method {
    /// Returns the parameters of the request; `hash` is that of OAEP.
    pub(super) fn parameters(self, hash: Option<HashingAlgorithm>) -> CryptographicParameters {
        let by_aes =
            |mode| CryptographicParameters { block_cipher_mode: Some(mode), ..CryptographicParameters::default() };
        match self {
            Self::Kw => by_aes(BlockCipherMode::NISTKeyWrap),
            Self::Kwp => by_aes(BlockCipherMode::AESKeyWrapPadding),
            Self::Cbc => {
                CryptographicParameters { padding_method: Some(PaddingMethod::PKCS5), ..by_aes(BlockCipherMode::CBC) }
            }
            Self::Oaep => CryptographicParameters {
                padding_method: Some(PaddingMethod::OAEP),
                hashing_algorithm: hash.or(Some(HashingAlgorithm::SHA_256)),
                ..CryptographicParameters::default()
            },
        }
    }

    /// The method with these parameters.
    pub(super) fn of(parameters: Option<&CryptographicParameters>) -> Self {
        match parameters.map(|own| (own.block_cipher_mode, own.padding_method)) {
            Some((Some(BlockCipherMode::AESKeyWrapPadding), _)) => Self::Kwp,
            Some((Some(BlockCipherMode::CBC), _)) => Self::Cbc,
            Some((None, Some(PaddingMethod::OAEP))) => Self::Oaep,
            _ => Self::Kw,
        }
    }

    /// The type of the wrapping key, or with `unwraps` of the one that unwraps.
    pub(super) fn wrapping_type(self, unwraps: bool) -> ObjectType {
        match (self, unwraps) {
            (Self::Kw | Self::Kwp | Self::Cbc, _) => ObjectType::SymmetricKey,
            (Self::Oaep, true) => ObjectType::PrivateKey,
            (Self::Oaep, false) => ObjectType::PublicKey,
        }
    }
}
