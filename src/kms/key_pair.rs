//! The parts of a new key pair.

use super::error::Error;
use crate::custody::PairKind;
use crate::kmip::{Attributes, Tag};

/// A half of a pair that is about to be made.
pub(super) struct Half {
    pub(super) id: String,
    pub(super) attributes: Attributes,
}

/// The kind of key pair for the algorithm and length.
pub(super) fn pair_kind(attributes: &Attributes) -> Result<PairKind, Error> {
    use crate::kmip::enumerations::CryptographicAlgorithm as Algorithm;
    let algorithm = attributes.cryptographic_algorithm.ok_or(Error::Missing(Tag::CryptographicAlgorithm))?;
    let length = attributes.cryptographic_length.ok_or(Error::Missing(Tag::CryptographicLength))?;
    let invalid = |fault| Error::Invalid { tag: Tag::CryptographicLength, fault };
    match (algorithm, length) {
        (Algorithm::RSA, 2048 | 3072 | 4096) => {
            let bits = usize::try_from(length).map_err(|_| invalid("it is negative"))?;
            Ok(PairKind::Rsa { bits })
        }
        (Algorithm::RSA, _) => Err(invalid("an RSA key has 2048, 3072 or 4096 bits")),
        (Algorithm::EC | Algorithm::ECDSA, 256) => Ok(PairKind::P256),
        (Algorithm::EC | Algorithm::ECDSA, _) => Err(invalid("an elliptic curve key must be of P-256, with 256 bits")),
        (other, _) => Err(Error::UnsupportedAlgorithm(other)),
    }
}
