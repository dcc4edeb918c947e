//! The reasons why the lifecycle of an object does not permit a request.

use crate::kmip::enumerations::ResultReason;
use crate::store::object::MAX_ROTATING;

/// The reason why the lifecycle of an object does not permit a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LifecycleFault {
    /// Check asks for a longer lease than the object has: this one, in seconds.
    #[error("LeaseTime: the lease of the object is {0} seconds: check for that or less")]
    Lease(u32),
    /// Fewer units are left of the Usage Limits of the key.
    #[error(
        "the Usage Limits of the key {id:?} do not permit {units} more of its units: replace the key by Re-key, or create a new \
         one; this one still decrypts and verifies"
    )]
    UsageLimit {
        /// The key.
        id: String,
        /// The units that the request needs.
        units: i64,
    },
    /// The key was replaced before.
    #[error("the key {0:?} was replaced before: replace its replacement, which Link ReplacementObjectLink names")]
    Replaced(String),
    /// The key is Compromised.
    #[error("the key {0:?} is Compromised, and a replacement would take its name: create a new key")]
    Compromised(String),
    /// A half of the pair has ended.
    #[error("the key {0:?} of the pair has ended: replace the pair by Re-key Key Pair")]
    Ended(String),
    /// Policies tell more identifiers apart than a replacement may have; the largest number.
    #[error(
        "policies deny something by each of more than {0} identifiers of the keys that it would replace: create a new key"
    )]
    Formers(usize),
    /// The replacement of the key would be Deactivated at once.
    #[error(
        "the replacement of the key {0:?} would be Deactivated at once: give an Offset, by which its dates are moved, or a later \
         DeactivationDate"
    )]
    EndsAtOnce(String),
    /// The request wants a new object to be stored elsewhere.
    #[error(
        "ProtectionStorageMasks: this server stores objects in {0} only: leave them out, or name it as an alternative"
    )]
    Storage(&'static str),
    /// The owner has as many keys as the server replaces by itself for one owner.
    #[error(
        "RotateAutomatic: the server replaces at most {MAX_ROTATING} keys of one owner by itself: end the rotation of another key of \
         this owner, or replace this key by Re-key"
    )]
    Rotations,
    /// A key of the same length that the HSM makes would be too short for its use.
    #[error("the secret is shorter than a new one may be: replace it by Import, or create a new key")]
    TooShort,
}

impl LifecycleFault {
    pub(super) fn result_reason(&self) -> ResultReason {
        match self {
            Self::Lease(_) => ResultReason::PermissionDenied,
            Self::UsageLimit { .. } => ResultReason::UsageLimitExceeded,
            Self::Compromised(_) | Self::Ended(_) => ResultReason::WrongKeyLifecycleState,
            Self::Rotations | Self::Formers(_) => ResultReason::ServerLimitExceeded,
            Self::Replaced(_) => ResultReason::ConstraintViolation,
            Self::Storage(_) => ResultReason::ProtectionStorageUnavailable,
            Self::EndsAtOnce(_) => ResultReason::InvalidField,
            Self::TooShort => ResultReason::UnsupportedCryptographicParameters,
        }
    }
}
