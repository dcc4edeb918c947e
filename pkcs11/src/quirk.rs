//! What particular tokens do that the specification does not say, each fact measured and named once.

use std::ops::RangeInclusive;

use cryptoki::context::Function;
use cryptoki::error::RvError;

use crate::error::Answer;
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

    /// SoftHSM tells damaged data by CKR_GENERAL_ERROR where the specification has a value of its own.
    pub(crate) fn means_damaged_data(self, answer: Answer) -> bool {
        // CKR_AEAD_DECRYPT_FAILED of PKCS#11 3.0, which the binding has no name for.
        const AEAD_DECRYPT_FAILED: u64 = 0x35;
        match answer.value {
            RvError::UnknownErrorCode(AEAD_DECRYPT_FAILED) => true,
            RvError::GeneralError => {
                self == Self::SoftHsm && matches!(answer.function, Function::Decrypt | Function::UnwrapKey)
            }
            _ => false,
        }
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

/// Answers that a device which is gone, or came back as another one, may give. With its directory gone SoftHSM says
/// CKR_GENERAL_ERROR, CKR_OBJECT_HANDLE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID and CKR_UNWRAPPING_KEY_HANDLE_INVALID.
pub(crate) fn is_suspicious(answer: Answer) -> bool {
    use RvError as R;
    matches!(
        answer.value,
        R::DeviceError
            | R::DeviceMemory
            | R::DeviceRemoved
            | R::TokenNotPresent
            | R::TokenNotRecognized
            | R::SlotIdInvalid
            | R::GeneralError
            | R::FunctionFailed
            | R::KeyHandleInvalid
            | R::ObjectHandleInvalid
            | R::WrappingKeyHandleInvalid
            | R::UnwrappingKeyHandleInvalid
            | R::SessionClosed
            | R::SessionHandleInvalid
            | R::UserNotLoggedIn
            | R::CryptokiNotInitialized
    )
}
