//! Conversions of errors of the layers below to errors for callers.

use super::super::attribute_fault::AttributeFault;
use super::super::key_fault::KeyFault;
use super::super::lifecycle_fault::LifecycleFault;
use super::Error;
use crate::auth::AccessTokenError;
use crate::custody::{self, Curve, InvalidInput, PairKind, TokenError};
use crate::public_key::Unsound;
use crate::store;
use crate::turns::Crowded;

impl From<AttributeFault> for Error {
    fn from(fault: AttributeFault) -> Self {
        Self::Attribute(Box::new(fault))
    }
}

impl From<Unsound> for Error {
    fn from(unsound: Unsound) -> Self {
        KeyFault::from(unsound).into()
    }
}

impl From<AccessTokenError> for Error {
    fn from(error: AccessTokenError) -> Self {
        use AccessTokenError as E;
        match error {
            E::Store(error) => error.into(),
            E::Custody(error) => error.into(),
            E::OpenSsl(error) => custody::Error::Random(error).into(),
            E::Root(custody::RootError::Token(error)) => custody::Error::Token(error).into(),
            E::Root(custody::RootError::Store(error)) => error.into(),
            E::Root(error) => Self::SigningKey(error),
            E::Fault(fault) => Self::AccessToken(fault),
            E::NotFound(name) => Self::Undefined { kind: "access token", name },
            E::TooMany(count) => Self::TooManyTokens(count),
            E::Crowded(crowded) => crowded.into(),
        }
    }
}

impl From<custody::Error> for Error {
    fn from(error: custody::Error) -> Self {
        use custody::Error as E;
        match error {
            error if error.is_unavailable() => Self::Hsm(error),
            E::NotWrappable(bytes) => Self::NotWrappable(bytes),
            E::Token(TokenError::DecryptionFailed) => Self::Decryption,
            E::Token(TokenError::TooLong { length, most }) => Self::TooLong { length, most },
            E::Token(TokenError::DataInvalid(_)) => Self::BadParameters("the HSM refuses the data: check its length"),
            E::Token(TokenError::NotExtractable(_)) => Self::NotExtractable,
            E::Token(TokenError::MechanismUnsupported(_)) => {
                Self::UnsupportedParameters("the HSM does not support this mechanism")
            }
            E::NoImport => Self::UnsupportedParameters(
                "this HSM cannot import such keys (C_CreateObject): generate them in the HSM by Create",
            ),
            E::NoPairs(kind) => Self::UnsupportedParameters(no_pairs(kind)),
            E::NoValues(_) => Self::NoneInClear,
            E::Token(TokenError::OwnIv) => Self::UnsupportedParameters(
                "the HSM generates the IV for AES-GCM itself: leave IVCounterNonce out, and use the one of the answer",
            ),
            E::KeyType | E::Token(TokenError::KeySizeRange(_) | TokenError::KeyTypeInconsistent(_)) => {
                Self::UnsupportedParameters("the HSM does not support a key of this length or type for this mechanism")
            }
            E::Token(TokenError::InvalidInput(fault)) => Self::from(fault),
            error => Self::Internal(error),
        }
    }
}

fn no_pairs(kind: PairKind) -> &'static str {
    match kind {
        PairKind::Rsa { .. } => "this HSM does not have RSA keys",
        PairKind::Ec(Curve::P256) => "this HSM does not have keys of P-256",
        PairKind::Ec(Curve::P384) => "this HSM does not have keys of P-384",
        PairKind::Ec(Curve::P521) => "this HSM does not have keys of P-521",
        PairKind::Ec(Curve::Secp256k1) => "this HSM does not have keys of secp256k1",
        PairKind::Ed25519 => "this HSM does not have keys of Ed25519",
        PairKind::X25519 => "this HSM does not have keys of X25519",
    }
}

impl From<InvalidInput> for Error {
    fn from(fault: InvalidInput) -> Self {
        match fault {
            InvalidInput::Iv => Self::BadParameters("the IV of GCM has 1 to 128 bytes"),
            InvalidInput::Tag => Self::BadParameters("the tag of GCM has 96, 104, 112, 120 or 128 bits"),
            InvalidInput::CcmNonce => Self::BadParameters("the nonce of CCM has 7 to 13 bytes"),
            InvalidInput::CcmTag => Self::BadParameters("the tag of CCM has 4, 6, 8, 10, 12, 14 or 16 bytes"),
            InvalidInput::CcmLength => Self::BadParameters("with a nonce of 13 bytes, CCM takes at most 65,535 bytes"),
            InvalidInput::BlockLength => {
                Self::BadParameters("without padding the data must be whole blocks (AES 16 bytes, 3DES 8)")
            }
            _ => Self::BadParameters("a length does not fit the algorithm"),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Audit(unavailable) => Self::Audit(unavailable),
            store::Error::Abandoned => Self::Abandoned,
            store::Error::Exists(name) => Self::Exists(name),
            // Changes by this server are serialized, so another program writes into the database.
            store::Error::Conflict => Self::Contention,
            store::Error::Rotations => LifecycleFault::Rotations.into(),
            error @ store::Error::Binding(_) => Self::Unbound(error),
            error => Self::Store(error),
        }
    }
}

impl From<Crowded> for Error {
    fn from(Crowded: Crowded) -> Self {
        Self::Crowded
    }
}
