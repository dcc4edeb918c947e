//! The errors of this crate, sorted by what the caller can do about them.

use std::fmt;
use std::path::PathBuf;

use cryptoki::context::Function;
use cryptoki::error::RvError;

use crate::quirk;

/// The answer of the token: the function that was called, and its CKR_ value.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    pub(crate) function: Function,
    pub(crate) value: RvError,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C_{:?}: CKR", self.function)?;
        match self.value {
            RvError::VendorDefined(code) | RvError::UnknownErrorCode(code) => {
                write!(f, " {code:#x}")
            }
            // The binding names its variants after the specification: GeneralError is CKR_GENERAL_ERROR.
            named => format!("{named:?}").chars().try_for_each(|c| {
                if c.is_uppercase() {
                    f.write_str("_")?;
                }
                write!(f, "{}", c.to_ascii_uppercase())
            }),
        }
    }
}

impl std::error::Error for Answer {}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The PKCS#11 module could not be loaded, or the file is not such a module.
    #[error("cannot load the PKCS#11 module {}: {reason}", path.display())]
    ModuleNotLoaded {
        /// The configured path.
        path: PathBuf,
        /// The error of the loader.
        #[source]
        reason: cryptoki::error::Error,
    },
    /// CKR_CRYPTOKI_ALREADY_INITIALIZED: another part of this process uses the module. Sharing is refused, because
    /// recovery needs C_Finalize, which would end the module for the other user too.
    #[error("the PKCS#11 module is already in use in this process")]
    ModuleInUse,
    /// No initialised token has the label.
    #[error("no token is labelled {label:?}; the labels of the present tokens are {present:?}")]
    TokenNotFound {
        /// The label that was searched for.
        label: String,
        /// The labels of the present tokens.
        present: Vec<String>,
    },
    /// Several tokens have the label. Choosing one of them could choose the wrong keys.
    #[error("{count} tokens are labelled {label:?}: give them different labels")]
    TokenAmbiguous {
        /// The label that was searched for.
        label: String,
        /// The number of tokens that have it.
        count: usize,
    },
    /// The PIN is wrong. Do not try again automatically: tokens lock after a few attempts.
    #[error("the token refused the PIN: {0}")]
    PinIncorrect(#[source] Answer),
    /// The PIN is locked.
    #[error("the PIN is locked: {0}")]
    PinLocked(#[source] Answer),
    /// The PIN cannot be right: its length or a character is wrong, or it has expired.
    #[error("the PIN is unusable: {0}")]
    PinInvalid(#[source] Answer),
    /// The token has no user PIN. It is new, and its user PIN may be set soon. No PIN was tried.
    #[error("the token has no user PIN yet: {0}")]
    PinNotSet(#[source] Answer),
    /// The token reports that its user PIN is locked, or that the next wrong PIN locks it. No PIN was tried.
    #[error("{0}; no PIN was tried")]
    PinWithheld(PinState),
    /// No PIN was configured, and the token cannot ask for one itself.
    #[error("no PIN is configured")]
    PinMissing,
    /// The source of the PIN cannot be read.
    #[error("{0}")]
    PinUnreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No session became free before the deadline.
    #[error("no PKCS#11 session became free in time")]
    Busy,
    /// A running call does not return. Only a restart of the process helps.
    #[error("a call of the PKCS#11 module does not return")]
    Hangs,
    /// The token is unavailable until [`crate::Token::reset`] succeeds.
    #[error("the token is unavailable")]
    Away,
    /// The key belongs to an earlier device, or was destroyed.
    #[error("the key handle belongs to an earlier connection to the token")]
    Stale,
    /// CKA_SENSITIVE is true or CKA_EXTRACTABLE is false: the token does not return the value.
    #[error("the key may not leave the token: {0}")]
    NotExtractable(#[source] Answer),
    /// The key's length does not fit the mechanism on this token.
    #[error("the key size does not fit the mechanism: {0}")]
    KeySizeRange(#[source] Answer),
    /// The key's type does not fit the mechanism.
    #[error("the key type does not fit the mechanism: {0}")]
    KeyTypeInconsistent(#[source] Answer),
    /// The key's usage attributes forbid this.
    #[error("the key may not be used for this: {0}")]
    KeyFunctionNotPermitted(#[source] Answer),
    /// The token does not have the mechanism, or not with these parameters.
    #[error("the token does not support the mechanism: {0}")]
    MechanismUnsupported(#[source] Answer),
    /// The token makes the IV for AES-GCM itself, or does not make one although it requires zeros.
    #[error("the token did not use the IV that it was given")]
    OwnIv,
    /// The ciphertext was changed or truncated, or made with another key, IV or AAD, or is badly padded. All of these
    /// deliberately give the same error.
    #[error("decryption failed")]
    DecryptionFailed,
    /// The data is longer than the token is known to take in one call. The token was not called.
    #[error("{length} bytes are more than the {most} bytes that the token takes in one call")]
    TooLong {
        /// The length of the data, in bytes.
        length: usize,
        /// The most that the token takes, in bytes.
        most: usize,
    },
    /// The token refused the data because of its length or content.
    #[error("the token refused the data: {0}")]
    DataInvalid(#[source] Answer),
    /// The input was refused without calling the token.
    #[error("invalid input: {0}")]
    InvalidInput(#[source] InvalidInput),
    /// The wrapped blob is damaged, or was wrapped by another key.
    #[error("the wrapped key is damaged, or was wrapped by another key: {0}")]
    BlobInvalid(#[source] Answer),
    /// The output of C_WrapKey does not have the format of RFC 3394. All lengths are in bytes.
    #[error("the token wraps a key of {bytes} bytes to {found} bytes, expected {expected} (RFC 3394)")]
    WrapFormat {
        /// The length of the key.
        bytes: usize,
        /// The length of the output.
        found: usize,
        /// The expected length: 8 more than the key.
        expected: usize,
    },
    /// CKR_TEMPLATE_INCONSISTENT or a similar answer: the requested attributes are not allowed, for example by
    /// CKA_UNWRAP_TEMPLATE.
    #[error("the token refused the key's attributes: {0}")]
    TemplateRefused(#[source] Answer),
    /// CKA_MODIFIABLE, CKA_COPYABLE or CKA_DESTROYABLE is false.
    #[error("the token refused to change the object: {0}")]
    ActionProhibited(#[source] Answer),
    /// A root key has an attribute with a wrong value.
    #[error("root key {0}")]
    RootMismatch(#[source] RootMismatch),
    /// Any other answer.
    #[error("{0}")]
    Device(#[source] Answer),
    /// The binding could not make the call, or could not parse the answer.
    #[error("PKCS#11 binding: {0}")]
    Binding(#[source] cryptoki::error::Error),
}

/// The state of the user PIN that a token reports (CK_TOKEN_INFO, flags).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinState {
    /// CKF_USER_PIN_FINAL_TRY.
    #[error("the next wrong PIN locks the token (CKF_USER_PIN_FINAL_TRY)")]
    FinalTry,
    /// CKF_USER_PIN_LOCKED.
    #[error("the user PIN of the token is locked (CKF_USER_PIN_LOCKED)")]
    Locked,
}

/// Invalid input that is refused without calling the token, because the token does not need to see it or might wrongly
/// accept it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// GCM needs an IV of 1 to 128 bytes (SoftHSM accepts an empty one).
    #[error("the IV must have 1 to 128 bytes")]
    Iv,
    /// GCM tags have 96, 104, 112, 120 or 128 bits (NIST SP 800-38D; SoftHSM accepts 0).
    #[error("the tag must have 96, 104, 112, 120 or 128 bits")]
    Tag,
    /// CCM needs a nonce of 7 to 13 bytes (NIST SP 800-38C).
    #[error("the nonce of CCM must have 7 to 13 bytes")]
    CcmNonce,
    /// CCM tags have 4, 6, 8, 10, 12, 14 or 16 bytes (NIST SP 800-38C).
    #[error("the tag of CCM must have 4, 6, 8, 10, 12, 14 or 16 bytes")]
    CcmTag,
    /// Tags of ChaCha20-Poly1305 have 12 to 16 bytes here (RFC 8439 has only those of 16).
    #[error("the tag of ChaCha20-Poly1305 must have 12 to 16 bytes")]
    Poly1305Tag,
    /// With a nonce of 13 bytes the text has at most 65,535 bytes (NIST SP 800-38C).
    #[error("with a nonce of 13 bytes, CCM takes at most 65,535 bytes")]
    CcmLength,
    /// ECB and unpadded CBC need whole blocks: of 16 bytes for AES, of 8 for DES.
    #[error("the length of the data must be a multiple of the block length (AES 16 bytes, DES 8)")]
    BlockLength,
    /// AES keys have 16, 24 or 32 bytes.
    #[error("an AES key has 16, 24 or 32 bytes")]
    AesKeyLength,
    /// 3DES keys have 16 or 24 bytes.
    #[error("a 3DES key has 16 or 24 bytes")]
    Des3KeyLength,
    /// The length of the value is zero, or differs from the key's specification.
    #[error("the key value has the wrong length")]
    ValueLength,
    /// RFC 3394 wraps keys of 16 bytes or more whose length is a multiple of 8. Some tokens pad others without an
    /// error, which changes their HMAC.
    #[error("a key can be wrapped only if it is 16 bytes or longer and its length is a multiple of 8")]
    WrapLength,
    /// The wrapped blob is not 8 bytes longer than the key that it should contain (RFC 3394).
    #[error("the wrapped key has the wrong length")]
    BlobLength,
    /// RSA keys have 2048, 3072 or 4096 bits.
    #[error("an RSA key has 2048, 3072 or 4096 bits")]
    RsaKeyLength,
    /// The digest does not have the length of its hash.
    #[error("the digest is {found} bytes long; expected {expected}")]
    DigestLength {
        /// The length of the given digest, in bytes.
        found: usize,
        /// The length of the hash, in bytes.
        expected: usize,
    },
    /// Only token objects can be destroyed explicitly. A session object is destroyed after its last [`crate::Key`] is
    /// dropped.
    #[error("the key is not a token object")]
    NotTokenObject,
}

/// The thing that the token lost, or does not have at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// A handle of an object.
    Handle,
    /// A session.
    Session,
    /// The login.
    Login,
    /// The device, as far as can be seen from outside.
    Device,
    /// Memory for another object, or room for another session.
    Room,
}

/// The first attribute of a root key that differs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{attribute}: expected {expected}, found {found}")]
pub struct RootMismatch {
    /// The name of the attribute in the specification, such as `CKA_SENSITIVE`.
    pub attribute: String,
    /// The required value.
    pub expected: String,
    /// The value that the token has.
    pub found: String,
}

/// The reason for which a token could not be opened or recovered: an error of the token, or of the caller's check.
#[derive(Debug, thiserror::Error)]
pub enum OpenError<E> {
    /// The token failed.
    #[error(transparent)]
    Token(#[from] Error),
    /// The check that the caller passed refused the device.
    #[error(transparent)]
    Verify(E),
}

impl Error {
    /// Returns the answer of the token, if the token refused.
    pub fn answer(&self) -> Option<Answer> {
        match self {
            Self::PinIncorrect(answer)
            | Self::PinLocked(answer)
            | Self::PinInvalid(answer)
            | Self::PinNotSet(answer)
            | Self::NotExtractable(answer)
            | Self::KeySizeRange(answer)
            | Self::KeyTypeInconsistent(answer)
            | Self::KeyFunctionNotPermitted(answer)
            | Self::MechanismUnsupported(answer)
            | Self::DataInvalid(answer)
            | Self::BlobInvalid(answer)
            | Self::TemplateRefused(answer)
            | Self::ActionProhibited(answer)
            | Self::Device(answer) => Some(*answer),
            _ => None,
        }
    }

    /// Returns what was lost, if a loss made the call fail. The call may be repeated when the loss was replaced. `None`
    /// also for CKR_GENERAL_ERROR of C_Decrypt and C_UnwrapKey, because damaged data causes it too.
    pub fn loss(&self) -> Option<Loss> {
        match self {
            Self::Stale => Some(Loss::Handle),
            Self::Away => Some(Loss::Device),
            // Kryoptic answers a damaged blob as if the device failed.
            Self::BlobInvalid(_) => None,
            error => quirk::loss(error.answer()?),
        }
    }

    /// Whether the device is the cause, and not the caller or the data. It is if something was lost, or if the device
    /// gave an answer that damaged data gets too and then also failed with the server's own data.
    pub fn is_of_device(&self) -> bool {
        let is_general =
            |error: &Self| matches!(error, Self::Device(answer) if matches!(answer.value, RvError::GeneralError));
        self.loss().is_some() || is_general(self) || self.doubtful().is_some()
    }

    /// Whether a token that does not return key values answers with this error for a key whose value it should return.
    pub fn hides_value(&self) -> bool {
        use cryptoki::error::Error as Binding;
        matches!(
            self,
            Self::NotExtractable(_)
                | Self::TemplateRefused(_)
                | Self::MechanismUnsupported(_)
                | Self::ActionProhibited(_)
                | Self::KeyFunctionNotPermitted(_)
                // CKR_OK without a length.
                | Self::Binding(Binding::InvalidValue)
        )
    }

    /// Returns the answer, if it may mean damaged data as well as a failing device.
    pub(crate) fn doubtful(&self) -> Option<Answer> {
        match self {
            Self::Device(answer) if quirk::is_doubtful(*answer) => Some(*answer),
            _ => None,
        }
    }

    /// Sorts an error of the binding by what the caller can do. Decisions that need to know the operation are left to
    /// that operation.
    pub(crate) fn from_binding(error: cryptoki::error::Error) -> Self {
        use cryptoki::error::Error as Binding;
        match error {
            Binding::Pkcs11(value, function) => Self::from_answer(Answer { function, value }),
            other => Self::Binding(other),
        }
    }

    fn from_answer(answer: Answer) -> Self {
        use RvError as R;
        if quirk::tells_damage(answer) {
            return match answer.function {
                Function::UnwrapKey => Self::BlobInvalid(answer),
                _ => Self::DecryptionFailed,
            };
        }
        match answer.value {
            R::PinIncorrect => Self::PinIncorrect(answer),
            R::PinLocked => Self::PinLocked(answer),
            R::PinInvalid | R::PinLenRange | R::PinExpired => Self::PinInvalid(answer),
            R::UserPinNotInitialized => Self::PinNotSet(answer),
            R::AttributeSensitive | R::KeyUnextractable => Self::NotExtractable(answer),
            R::KeySizeRange | R::WrappingKeySizeRange | R::UnwrappingKeySizeRange => Self::KeySizeRange(answer),
            R::KeyTypeInconsistent | R::WrappingKeyTypeInconsistent | R::UnwrappingKeyTypeInconsistent => {
                Self::KeyTypeInconsistent(answer)
            }
            R::KeyFunctionNotPermitted => Self::KeyFunctionNotPermitted(answer),
            R::MechanismInvalid | R::MechanismParamInvalid | R::FunctionNotSupported => {
                Self::MechanismUnsupported(answer)
            }
            R::ArgumentsBad if quirk::is_of_parameters(answer.function) => Self::MechanismUnsupported(answer),
            R::DataInvalid | R::DataLenRange | R::EncryptedDataLenRange => Self::DataInvalid(answer),
            R::EncryptedDataInvalid => Self::DecryptionFailed,
            R::WrappedKeyInvalid | R::WrappedKeyLenRange => Self::BlobInvalid(answer),
            R::TemplateInconsistent
            | R::TemplateIncomplete
            | R::AttributeReadOnly
            | R::AttributeTypeInvalid
            | R::AttributeValueInvalid => Self::TemplateRefused(answer),
            R::ActionProhibited => Self::ActionProhibited(answer),
            R::CryptokiAlreadyInitialized => Self::ModuleInUse,
            _ => Self::Device(answer),
        }
    }
}
