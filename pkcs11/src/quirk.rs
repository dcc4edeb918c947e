//! What particular tokens do that the specification does not say, each fact measured and named once.

use std::ops::RangeInclusive;

use cryptoki::context::Function;
use cryptoki::error::RvError;

use crate::error::{Answer, Loss};
use crate::mac::MacMechanism;

/// Who made the token, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// SoftHSM 2, measured at 2.6.1.
    SoftHsm,
    /// Anything else: the specification is taken at its word.
    Other,
}

impl Maker {
    pub(crate) fn from_manufacturer(id: &str) -> Self {
        if id == "SoftHSM project" { Self::SoftHsm } else { Self::Other }
    }

    /// Whether this is how the token tells damaged data, if [`Self::may_be_the_device`] is not the case.
    pub(crate) fn means_damaged_data(self, answer: Answer) -> bool {
        // CKR_AEAD_DECRYPT_FAILED of PKCS#11 3.0, which the binding has no name for.
        const AEAD_DECRYPT_FAILED: u64 = 0x35;
        matches!(answer.value, RvError::UnknownErrorCode(AEAD_DECRYPT_FAILED)) || self.may_be_the_device(answer)
    }

    /// SoftHSM, and not only SoftHSM, tells damaged data by CKR_GENERAL_ERROR where the specification has a value of its own. A
    /// device that fails answers that, too.
    pub(crate) fn may_be_the_device(self, answer: Answer) -> bool {
        matches!(answer.value, RvError::GeneralError) && is_of_data(answer.function)
    }

    /// Key sizes in bytes that really sign. SoftHSM reports the right minimum for HMAC, the length of the digest, but a
    /// maximum of 512, and takes any; 64 KiB was tried.
    pub(crate) fn mac_key_size(
        self,
        mechanism: MacMechanism,
        reported: RangeInclusive<usize>,
    ) -> RangeInclusive<usize> {
        match (self, mechanism) {
            (Self::Other, _) | (_, MacMechanism::AesCmac) => reported,
            (Self::SoftHsm, _) => *reported.start()..=65_536,
        }
    }

    /// SoftHSM writes object files without ever calling fsync.
    pub(crate) fn needs_sync(self) -> bool {
        self == Self::SoftHsm
    }
}

/// What an answer says is lost, so that the call may succeed if it is made again. With its directory gone SoftHSM says
/// CKR_GENERAL_ERROR, CKR_OBJECT_HANDLE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID and CKR_UNWRAPPING_KEY_HANDLE_INVALID.
pub(crate) fn loss(answer: Answer) -> Option<Loss> {
    use RvError as R;
    match answer.value {
        R::KeyHandleInvalid | R::ObjectHandleInvalid | R::WrappingKeyHandleInvalid | R::UnwrappingKeyHandleInvalid => {
            Some(Loss::Handle)
        }
        // An operation that was begun in a session ends with the login, too.
        R::SessionClosed | R::SessionHandleInvalid | R::OperationNotInitialized | R::OperationActive => {
            Some(Loss::Session)
        }
        R::UserNotLoggedIn => Some(Loss::Login),
        R::DeviceMemory | R::HostMemory | R::SessionCount => Some(Loss::Room),
        // Callers cause it with damaged data.
        R::GeneralError if is_of_data(answer.function) => None,
        R::DeviceError
        | R::DeviceRemoved
        | R::TokenNotPresent
        | R::TokenNotRecognized
        | R::SlotIdInvalid
        | R::GeneralError
        | R::FunctionFailed
        | R::CryptokiNotInitialized => Some(Loss::Device),
        _ => None,
    }
}

/// Whether the function reads what may be damaged.
fn is_of_data(function: Function) -> bool {
    matches!(function, Function::Decrypt | Function::UnwrapKey)
}
