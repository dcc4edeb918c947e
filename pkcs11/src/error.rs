//! What can go wrong, by what the caller can do about it.

use std::fmt;
use std::path::PathBuf;

use cryptoki::context::Function;
use cryptoki::error::RvError;

use crate::quirk;

/// The token's own words: which function answered, and its CKR_ value.
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

/// Every failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The PKCS#11 module could not be loaded, or is not one.
    #[error("cannot load the PKCS#11 module {}: {reason}", path.display())]
    ModuleNotLoaded {
        /// As configured.
        path: PathBuf,
        /// What the loader said.
        #[source]
        reason: cryptoki::error::Error,
    },
    /// CKR_CRYPTOKI_ALREADY_INITIALIZED: something else in this process uses the module. Sharing is refused, because
    /// recovery needs C_Finalize, which would take the module from under the other user.
    #[error("the PKCS#11 module is already in use in this process")]
    ModuleInUse,
    /// No initialised token has the label.
    #[error("no token is labelled {label:?}; there are: {present:?}")]
    TokenNotFound {
        /// The label looked for.
        label: String,
        /// The labels of the tokens that are there.
        present: Vec<String>,
    },
    /// Several tokens have the label, and choosing one could choose the wrong keys.
    #[error("{count} tokens are labelled {label:?}")]
    TokenAmbiguous {
        /// The label looked for.
        label: String,
        /// How many have it.
        count: usize,
    },
    /// Wrong PIN. Do not try again unasked: tokens lock after a few attempts.
    #[error("the token refused the PIN: {0}")]
    PinIncorrect(#[source] Answer),
    /// The PIN is locked.
    #[error("the PIN is locked: {0}")]
    PinLocked(#[source] Answer),
    /// The PIN cannot be right: bad length or characters, or expired.
    #[error("the PIN is unusable: {0}")]
    PinInvalid(#[source] Answer),
    /// The token has no user PIN: it is new, and somebody may be about to set one. No PIN was tried.
    #[error("the token has no user PIN yet: {0}")]
    PinNotSet(#[source] Answer),
    /// The token says that its user PIN is locked, or that the next wrong one locks it. No PIN was tried.
    #[error("{0}; no PIN was tried")]
    PinWithheld(PinState),
    /// No PIN is known, and the token has no way of its own of asking for one.
    #[error("no PIN is known")]
    PinMissing,
    /// The PIN cannot be had from where it is.
    #[error("{0}")]
    PinUnreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No session became free before the deadline.
    #[error("no PKCS#11 session became free in time")]
    Busy,
    /// A call under way does not return, and nothing can be done about it in this process.
    #[error("a call of the PKCS#11 module does not return")]
    Hangs,
    /// The token is gone, and nothing can be done until [`crate::Token::reset`] succeeds.
    #[error("the token is unavailable")]
    Away,
    /// The key belongs to an earlier device, or was destroyed.
    #[error("the key handle belongs to an earlier connection to the token")]
    Stale,
    /// CKA_SENSITIVE or not CKA_EXTRACTABLE: the token keeps the value to itself.
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
    /// The token makes the IV for AES-GCM itself, or does not make one although it wants to.
    #[error("the token did not use the IV that it was given")]
    OwnIv,
    /// The ciphertext was tampered with, cut, made under another key, IV or AAD, or badly padded. Deliberately one answer for all.
    #[error("decryption failed")]
    DecryptionFailed,
    /// More than the token takes in one call, as far as was found out. It was not asked.
    #[error("{length} bytes are more than the token takes in one call, {most} bytes")]
    TooLong {
        /// What it would be given, in bytes.
        length: usize,
        /// What it takes, in bytes.
        most: usize,
    },
    /// The token did not accept the data, by length or content.
    #[error("the token refused the data: {0}")]
    DataInvalid(#[source] Answer),
    /// Refused before asking the token.
    #[error("invalid input: {0}")]
    InvalidInput(#[source] InvalidInput),
    /// The wrapped blob is damaged, or was wrapped by another key.
    #[error("the wrapped key is damaged or of another wrapping key: {0}")]
    BlobInvalid(#[source] Answer),
    /// What comes out of C_WrapKey is not of RFC 3394, all lengths in bytes.
    #[error("the token wraps a key of {bytes} bytes to {found} bytes, not to {expected} as RFC 3394 says")]
    WrapFormat {
        /// Of the key.
        bytes: usize,
        /// Of what came out.
        found: usize,
        /// 8 more than the key.
        expected: usize,
    },
    /// CKR_TEMPLATE_INCONSISTENT and its kin: the attributes asked for are not allowed, for example by CKA_UNWRAP_TEMPLATE.
    #[error("the token refused the key's attributes: {0}")]
    TemplateRefused(#[source] Answer),
    /// CKA_MODIFIABLE, CKA_COPYABLE or CKA_DESTROYABLE is false.
    #[error("the token refused to change the object: {0}")]
    ActionProhibited(#[source] Answer),
    /// A root key is not what it must be.
    #[error("root key {0}")]
    RootMismatch(#[source] RootMismatch),
    /// Any other answer.
    #[error("{0}")]
    Device(#[source] Answer),
    /// The binding could not make the call, or could not read the answer.
    #[error("PKCS#11 binding: {0}")]
    Binding(#[source] cryptoki::error::Error),
}

/// What a token says of its user PIN (CK_TOKEN_INFO, flags).
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

/// Input that no token would have to see to refuse it, or that some tokens wrongly accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// GCM wants an IV of 1 to 128 bytes (SoftHSM accepts an empty one).
    #[error("the IV must have 1 to 128 bytes")]
    Iv,
    /// GCM tags have 96, 104, 112, 120 or 128 bits (NIST SP 800-38D; SoftHSM accepts 0).
    #[error("the tag must have 96, 104, 112, 120 or 128 bits")]
    Tag,
    /// ECB and unpadded CBC want whole blocks of 16 bytes.
    #[error("the data must be whole blocks of 16 bytes")]
    BlockLength,
    /// AES keys have 16, 24 or 32 bytes.
    #[error("an AES key has 16, 24 or 32 bytes")]
    AesKeyLength,
    /// The value's length is not that of the key's specification, or zero.
    #[error("the key value has the wrong length")]
    ValueLength,
    /// RFC 3394 wraps keys of at least 16 bytes, in steps of 8. Some tokens pad others silently and so change their HMAC.
    #[error("only keys of 16, 24, 32 and so on bytes can be wrapped")]
    WrapLength,
    /// The wrapped blob is not 8 bytes longer than the key it is said to hold (RFC 3394).
    #[error("the wrapped key has the wrong length")]
    BlobLength,
    /// RSA keys have 2048, 3072 or 4096 bits.
    #[error("an RSA key has 2048, 3072 or 4096 bits")]
    RsaKeyLength,
    /// A digest is as long as its hash says.
    #[error("the digest is {found} bytes long; expected {expected}")]
    DigestLength {
        /// What was given, in bytes.
        found: usize,
        /// The length of the hash, in bytes.
        expected: usize,
    },
    /// Only token objects are destroyed by name; session objects go with their last [`crate::Key`].
    #[error("the key is not a token object")]
    NotTokenObject,
}

/// What the token lost, or does not have for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// A handle of an object.
    Handle,
    /// A session.
    Session,
    /// The login.
    Login,
    /// The device, as far as one can tell from outside.
    Device,
    /// Memory for another object, or a place for another session.
    Room,
}

/// The first attribute of a root key that differs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{attribute}: expected {expected}, found {found}")]
pub struct RootMismatch {
    /// As in the specification: `CKA_SENSITIVE`.
    pub attribute: String,
    /// What it must be.
    pub expected: String,
    /// What the token says.
    pub found: String,
}

/// Why a token could not be opened or brought back: its own failure, or the caller's check.
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
    /// The token's own words, if it was the token that refused.
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

    /// What was lost, if that is why the call failed: it may be made once again when the loss was replaced. `None` also for
    /// CKR_GENERAL_ERROR of C_Decrypt and C_UnwrapKey, which damaged data causes.
    pub fn loss(&self) -> Option<Loss> {
        match self {
            Self::Stale => Some(Loss::Handle),
            Self::Away => Some(Loss::Device),
            // Kryoptic's words for a damaged blob are those of a device that fails.
            Self::BlobInvalid(_) => None,
            error => quirk::loss(error.answer()?),
        }
    }

    /// Whether the device is the cause, rather than the caller or the data: something was lost, or the device failed where damaged
    /// data fails, too, and then also with data of the server's own.
    pub fn is_of_device(&self) -> bool {
        let is_general =
            |error: &Self| matches!(error, Self::Device(answer) if matches!(answer.value, RvError::GeneralError));
        self.loss().is_some() || is_general(self) || self.doubtful().is_some()
    }

    /// Whether a token that gives no key values out says so by this, of a key whose value it should give out.
    pub fn hides_value(&self) -> bool {
        use cryptoki::error::Error as Binding;
        matches!(
            self,
            Self::NotExtractable(_)
                | Self::TemplateRefused(_)
                | Self::MechanismUnsupported(_)
                | Self::ActionProhibited(_)
                | Self::KeyFunctionNotPermitted(_)
                // CKR_OK, and no length.
                | Self::Binding(Binding::InvalidValue)
        )
    }

    /// The answer, if it may mean damaged data or a device that fails.
    pub(crate) fn doubtful(&self) -> Option<Answer> {
        match self {
            Self::Device(answer) if quirk::is_doubtful(*answer) => Some(*answer),
            _ => None,
        }
    }

    /// Sorts an answer by what the caller can do. What only one operation can know is left to that operation.
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
