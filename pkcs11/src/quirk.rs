//! Behaviour of particular tokens that the specification does not describe. Each fact was measured and is named once.

use cryptoki::context::Function;
use cryptoki::error::RvError;
use cryptoki::slot::Slot;
use cryptoki_sys::{
    CK_MECHANISM_TYPE, CKF_UNWRAP, CKF_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD, CKR_AEAD_DECRYPT_FAILED,
};

use crate::error::{Answer, Error, Loss};
use crate::raw::Functions;

/// The maker of the token, as far as its behaviour differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// SoftHSM 2, measured at 2.6.1.
    SoftHsm,
    /// Kryoptic, measured at 1.5.4.
    Kryoptic,
    /// Any other. The token is assumed to follow the specification.
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

    /// SoftHSM takes the file of a token object that one thread is making for the file of another program if a second
    /// thread lists, makes or destroys token objects at that time, and reads the file before it is written. Then
    /// C_CreateObject fails, a handle becomes invalid, or an object stays. This happens once in some hundred calls of
    /// eight threads.
    pub(crate) fn confuses_token_objects(self) -> bool {
        self == Self::SoftHsm
    }

    /// SoftHSM ignores the label of RSA-OAEP in C_DecryptInit, and then decrypts nothing.
    pub(crate) fn ignores_oaep_labels(self) -> bool {
        self == Self::SoftHsm
    }

    /// SoftHSM writes object files without ever calling fsync.
    pub(crate) fn needs_sync(self) -> bool {
        self == Self::SoftHsm
    }
}

/// The mechanism numbers under which the token has AES key wrap with padding (RFC 5649).
///
/// CKM_AES_KEY_WRAP_KWP, of PKCS#11 3.0, always means RFC 5649; Kryoptic has only this one. PKCS#11 2.40 does not
/// define what CKM_AES_KEY_WRAP_PAD does; SoftHSM has only this one, and does RFC 5649 (the tests compare it with
/// OpenSSL). A blob does not record its mechanism number, and does not need to: the integrity check of RFC 5649 detects
/// the wrong one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaddedWrap([Option<CK_MECHANISM_TYPE>; 2]);

impl PaddedWrap {
    /// Returns the number that the operator gave, which is that of the vendor, or the numbers that the token reports.
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

    /// Returns the number to wrap with.
    pub(crate) fn first(self) -> Result<CK_MECHANISM_TYPE, Error> {
        let [first, _] = self.0;
        let none = Answer { function: Function::GetMechanismInfo, value: RvError::MechanismInvalid };
        first.ok_or(Error::MechanismUnsupported(none))
    }

    /// Returns another number that may have wrapped earlier blobs, if there is one.
    pub(crate) fn second(self) -> Option<CK_MECHANISM_TYPE> {
        let [_, second] = self.0;
        second
    }
}

/// Returns what was lost according to an answer, if the call may succeed when it is made again. If its directory is
/// gone, SoftHSM answers CKR_GENERAL_ERROR, CKR_OBJECT_HANDLE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID and
/// CKR_UNWRAPPING_KEY_HANDLE_INVALID.
pub(crate) fn loss(answer: Answer) -> Option<Loss> {
    use RvError as R;
    match answer.value {
        R::KeyHandleInvalid | R::ObjectHandleInvalid | R::WrappingKeyHandleInvalid | R::UnwrappingKeyHandleInvalid => {
            Some(Loss::Handle)
        }
        // An operation that was begun in a session also ends with the login.
        R::SessionClosed | R::SessionHandleInvalid | R::OperationNotInitialized | R::OperationActive => {
            Some(Loss::Session)
        }
        R::UserNotLoggedIn => Some(Loss::Login),
        R::DeviceMemory | R::HostMemory | R::SessionCount => Some(Loss::Room),
        // Damaged data of callers also causes this answer.
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

/// Whether the answer proves that the data is damaged, for any of the known devices.
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
            // C_Decrypt also gives these answers for data that is too long for it.
            R::DataLenRange | R::EncryptedDataLenRange => matches!(answer.function, Function::UnwrapKey),
            // A value of PKCS#11 3.0, which the binding does not know.
            R::UnknownErrorCode(code) => code == CKR_AEAD_DECRYPT_FAILED,
            _ => false,
        }
}

/// Whether the answer may mean damaged data as well as a failing device. For damaged data SoftHSM answers
/// CKR_GENERAL_ERROR, and Kryoptic answers CKR_DEVICE_ERROR to a damaged blob; others answer CKR_FUNCTION_FAILED,
/// CKR_ARGUMENTS_BAD, or a value of their own.
pub(crate) fn is_doubtful(answer: Answer) -> bool {
    use RvError as R;
    is_of_data(answer.function)
        && !tells_damage(answer)
        && (loss(answer).is_none() || matches!(answer.value, R::DeviceError | R::FunctionFailed))
}

/// The answer that a token should give to parameters that it ignores.
pub(crate) const NO_PARAMETERS: Answer =
    Answer { function: Function::DecryptInit, value: RvError::MechanismParamInvalid };

/// Whether CKR_ARGUMENTS_BAD of this function means the parameters of the mechanism: it has no other argument that can be
/// wrong. SoftHSM gives this answer to a hash for RSA-PSS or RSA-OAEP that it does not have.
pub(crate) fn is_of_parameters(function: Function) -> bool {
    matches!(function, Function::EncryptInit | Function::DecryptInit | Function::SignInit)
}

/// Whether the function reads data that may be damaged.
fn is_of_data(function: Function) -> bool {
    matches!(function, Function::Decrypt | Function::UnwrapKey)
}
