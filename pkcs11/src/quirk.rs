//! What particular tokens do that the specification does not say, each fact measured and named once.

use cryptoki::context::Function;
use cryptoki::error::RvError;
use cryptoki::slot::Slot;
use cryptoki_sys::{
    CK_MECHANISM_TYPE, CKF_UNWRAP, CKF_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD, CKR_AEAD_DECRYPT_FAILED,
};

use crate::error::{Answer, Error, Loss};
use crate::raw::Functions;

/// Who made the token, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// SoftHSM 2, measured at 2.6.1.
    SoftHsm,
    /// Kryoptic, measured at 1.5.4.
    Kryoptic,
    /// Anything else: the specification is taken at its word.
    Other,
}

impl Maker {
    pub(crate) fn from_manufacturer(id: &str) -> Self {
        match id {
            "SoftHSM project" => Self::SoftHsm,
            "Kryoptic Project" => Self::Kryoptic,
            _ => Self::Other,
        }
    }

    /// SoftHSM takes the file of a token object that one thread makes for another program's, if a second thread lists, makes or destroys
    /// some at that time, and reads it before it is written. Then C_CreateObject fails, a handle becomes invalid, or an object stays:
    /// once in some hundred calls of eight threads.
    pub(crate) fn confuses_token_objects(self) -> bool {
        self == Self::SoftHsm
    }

    /// SoftHSM writes object files without ever calling fsync.
    pub(crate) fn needs_sync(self) -> bool {
        self == Self::SoftHsm
    }
}

/// The numbers under which the token has AES key wrap with padding (RFC 5649).
///
/// CKM_AES_KEY_WRAP_KWP, of PKCS#11 3.0, is that and nothing else; Kryoptic has only this. What CKM_AES_KEY_WRAP_PAD does is left
/// open by PKCS#11 2.40; SoftHSM has only this, and does RFC 5649 (the tests compare with OpenSSL). A blob does not say under which
/// number it was made and needs not: the integrity check of RFC 5649 tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaddedWrap([Option<CK_MECHANISM_TYPE>; 2]);

impl PaddedWrap {
    /// The number that was given, which is that of the vendor, or the one that the token says it has.
    pub(crate) fn of(functions: &Functions, slot: Slot, given: Option<CK_MECHANISM_TYPE>) -> Self {
        if given.is_some() {
            return Self([given, None]);
        }
        let both = CKF_WRAP | CKF_UNWRAP;
        let has = |mechanism: &CK_MECHANISM_TYPE| {
            functions.mechanism_info(slot, *mechanism).is_ok_and(|info| info.flags & both == both)
        };
        let [kwp, pad] = [CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD].map(|mechanism| Some(mechanism).filter(has));
        Self(if kwp.is_some() { [kwp, pad] } else { [pad, None] })
    }

    /// The one to wrap with.
    pub(crate) fn first(self) -> Result<CK_MECHANISM_TYPE, Error> {
        let [first, _] = self.0;
        let none = Answer { function: Function::GetMechanismInfo, value: RvError::MechanismInvalid };
        first.ok_or(Error::MechanismUnsupported(none))
    }

    /// One that may have wrapped earlier, if there is another one.
    pub(crate) fn second(self) -> Option<CK_MECHANISM_TYPE> {
        let [_, second] = self.0;
        second
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

/// Whether the answer says for certain that the data is damaged, in the words of one device or another.
pub(crate) fn tells_damage(answer: Answer) -> bool {
    use RvError as R;
    is_of_data(answer.function)
        && match answer.value {
            R::EncryptedDataInvalid
            | R::WrappedKeyInvalid
            | R::WrappedKeyLenRange
            | R::SignatureInvalid
            | R::SignatureLenRange
            | R::DataInvalid => true,
            // C_Decrypt says these of data that is too long for it, too.
            R::DataLenRange | R::EncryptedDataLenRange => matches!(answer.function, Function::UnwrapKey),
            // Of PKCS#11 3.0; the binding has no name for it.
            R::UnknownErrorCode(code) => code == CKR_AEAD_DECRYPT_FAILED,
            _ => false,
        }
}

/// Whether the answer may mean damaged data, or a device that fails. SoftHSM tells damaged data by CKR_GENERAL_ERROR, and Kryoptic a
/// damaged blob by CKR_DEVICE_ERROR; others have CKR_FUNCTION_FAILED, CKR_ARGUMENTS_BAD, or a value of their own.
pub(crate) fn is_doubtful(answer: Answer) -> bool {
    use RvError as R;
    is_of_data(answer.function)
        && !tells_damage(answer)
        && (loss(answer).is_none() || matches!(answer.value, R::DeviceError | R::FunctionFailed))
}

/// Whether the function reads what may be damaged.
fn is_of_data(function: Function) -> bool {
    matches!(function, Function::Decrypt | Function::UnwrapKey)
}
