//! The KMIP result reason of each error (KMIP 2.1 section 11.53).

use super::cipher_fault::CipherFault;
use super::error::Error;
use super::kept_fault::KeptFault;
use super::place_fault::PlaceFault;
use crate::desk::Full;
use crate::kmip::Tag;
use crate::kmip::enumerations::ResultReason;

impl Error {
    /// The KMIP result reason.
    #[must_use]
    pub fn result_reason(&self) -> ResultReason {
        match self {
            Self::Message(error) => error.result_reason(),
            Self::NotFound(_) | Self::NotTagged(_) => ResultReason::ObjectNotFound,
            Self::Lifecycle(fault) => fault.result_reason(),
            Self::NotPermitted { .. } => ResultReason::PermissionDenied,
            Self::Project | Self::Definition(_) | Self::NoRole { .. } => ResultReason::InvalidAttributeValue,
            Self::Undefined { .. } | Self::NoAudit | Self::NoAccessToken | Self::NoSecretVersion(_) => {
                ResultReason::ItemNotFound
            }
            Self::Place(fault) => fault.result_reason(),
            Self::Attribute(fault) => fault.result_reason(),
            Self::NameTaken { .. } => ResultReason::NonUniqueNameAttribute,
            Self::Kept(fault) => fault.result_reason(),
            Self::Key(fault) => fault.result_reason(),
            Self::NoPlace(_)
            | Self::Reason
            | Self::ClientSecret { .. }
            | Self::SecretPath
            | Self::SecretTooLong
            | Self::NotASecret(_) => ResultReason::InvalidField,
            Self::ObjectType(_) => ResultReason::InvalidObjectType,
            Self::AccessToken(_) => ResultReason::AuthenticationNotSuccessful,
            Self::InPolicyFile { .. }
            | Self::ProjectInUse(_)
            | Self::RoleInUse(_)
            | Self::NoEffect(_)
            | Self::Handover(_) => ResultReason::ConstraintViolation,
            // The standard's test cases want this reason for a missing IV.
            Self::Missing(Tag::IVCounterNonce) => ResultReason::InvalidMessage,
            Self::NoIdentifier | Self::Missing(_) => ResultReason::MissingData,
            Self::Exists(_) => ResultReason::ObjectAlreadyExists,
            Self::InvalidIdentifier | Self::Invalid { .. } => ResultReason::InvalidAttributeValue,
            Self::Destroyed(_) => ResultReason::ObjectDestroyed,
            Self::State(_) | Self::SecretEnded(_) | Self::Disabled(_) => ResultReason::WrongKeyLifecycleState,
            Self::UsageMask(_) => ResultReason::IncompatibleCryptographicUsageMask,
            Self::Sensitive | Self::NoneInClear | Self::WrappingKey(_) => ResultReason::Sensitive,
            Self::OtherClass { .. } => ResultReason::ConstraintViolation,
            Self::Chosen { .. } => ResultReason::PermissionDenied,
            Self::GcmLimit { .. } | Self::GcmLimitOfSecret { .. } => ResultReason::UsageLimitExceeded,
            Self::NotExtractable | Self::NoneLeaves => ResultReason::NotExtractable,
            Self::ReadOnly(_) => ResultReason::AttributeReadOnly,
            Self::UnsupportedAttribute(_) => ResultReason::UnsupportedAttribute,
            Self::UnsupportedAlgorithm(_)
            | Self::UnsupportedParameters(_)
            | Self::UnknownApiToken
            | Self::KeySize { .. } => ResultReason::UnsupportedCryptographicParameters,
            Self::BadParameters(_) | Self::DigestLength { .. } => ResultReason::BadCryptographicParameters,
            Self::Feature(_) => ResultReason::FeatureNotSupported,
            Self::Cipher(fault) => fault.result_reason(),
            Self::KeyWrap(_) | Self::NotWrappable(_) => ResultReason::KeyWrapTypeNotSupported,
            Self::EncodingOption => ResultReason::EncodingOptionError,
            Self::Decryption => ResultReason::CryptographicFailure,
            Self::ResponseTooLarge | Self::AnswerTooLarge => ResultReason::ResponseTooLarge,
            Self::Abandoned | Self::Undone => ResultReason::OperationCanceledByRequester,
            Self::Integrity(_) | Self::Internal(_) | Self::Uncounted(_) => ResultReason::InternalServerError,
            Self::Contention
            | Self::TooManyTokens(_)
            | Self::TooManyClientSecrets(_)
            | Self::NoRoom
            | Self::Sweeps(Full::Share)
            | Self::Pairs(Full::Share)
            | Self::TooLong { .. } => ResultReason::ServerLimitExceeded,
            Self::NotQuantumSafe
            | Self::Hsm(_)
            | Self::Unbound(_)
            | Self::Store(_)
            | Self::Audit(_)
            | Self::Searching
            | Self::Sweeps(Full::All)
            | Self::Pairs(Full::All)
            | Self::Crowded
            | Self::SigningKey(_)
            | Self::Unsearchable(_) => ResultReason::GeneralFailure,
        }
    }

    /// The detail for the log that the caller must not see.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Hsm(source) | Self::Internal(source) => Some(source.to_string()),
            Self::Unbound(source) | Self::Store(source) => Some(source.to_string()),
            Self::Audit(source) => Some(source.to_string()),
            Self::Unsearchable(source) => Some(source.to_string()),
            _ => None,
        }
    }
}

impl CipherFault {
    fn result_reason(&self) -> ResultReason {
        match self {
            Self::Lacks { .. } | Self::Legacy(_) => ResultReason::UnsupportedCryptographicParameters,
            // The standard's test cases want this reason.
            Self::TagLength(_) => ResultReason::GeneralFailure,
            Self::Part(_) => ResultReason::InvalidField,
            Self::NoStream => ResultReason::InvalidCorrelationValue,
            Self::TooManyStreams { .. } | Self::TooMuchStreamed { .. } => ResultReason::ServerLimitExceeded,
        }
    }
}

impl KeptFault {
    fn result_reason(&self) -> ResultReason {
        match self {
            Self::Unused { .. } => ResultReason::InvalidObjectType,
            Self::Sensitive(_) => ResultReason::Sensitive,
            Self::Format { .. } => ResultReason::KeyFormatTypeNotSupported,
            Self::OtherCustody { .. } => ResultReason::ConstraintViolation,
            Self::TooLong { .. } => ResultReason::ServerLimitExceeded,
        }
    }
}

impl PlaceFault {
    fn result_reason(&self) -> ResultReason {
        match self {
            Self::NoEnvironment { .. } | Self::NoFolder { .. } | Self::Unknown { .. } | Self::NoTag(_) => {
                ResultReason::ItemNotFound
            }
            Self::SecretExists(_) | Self::Exists { .. } => ResultReason::ObjectAlreadyExists,
            Self::NotEmpty { .. } | Self::LastEnvironment(_) | Self::Former(_) | Self::Repeated(_) | Self::Kept(_) => {
                ResultReason::ConstraintViolation
            }
            Self::Held(..) | Self::NotYours { .. } => ResultReason::PermissionDenied,
            Self::TooMany(_)
            | Self::Full(..)
            | Self::Share(..)
            | Self::Expansion(_)
            | Self::Details(_)
            | Self::TooDeep(_) => ResultReason::ServerLimitExceeded,
            Self::Environment(_)
            | Self::Path(_)
            | Self::SecretName(_)
            | Self::Segment { .. }
            | Self::Text(_)
            | Self::KeptSlug { .. } => ResultReason::InvalidField,
        }
    }
}
