//! A device that has other words for damaged data.

use cryptoki_sys::{
    CK_RV, CKR_AEAD_DECRYPT_FAILED, CKR_DEVICE_ERROR, CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE,
    CKR_FUNCTION_FAILED, CKR_GENERAL_ERROR, CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE,
};

use crate::fault::Deed;
use crate::state::state;

/// What SoftHSM, Kryoptic and others answer to it.
const DAMAGED: [CK_RV; 8] = [
    CKR_GENERAL_ERROR,
    CKR_FUNCTION_FAILED,
    CKR_DEVICE_ERROR,
    CKR_ENCRYPTED_DATA_INVALID,
    CKR_ENCRYPTED_DATA_LEN_RANGE,
    CKR_AEAD_DECRYPT_FAILED,
    CKR_WRAPPED_KEY_INVALID,
    CKR_WRAPPED_KEY_LEN_RANGE,
];

/// What the device answers where the other module answers `answer`.
pub(crate) fn told(deeds: &[Deed], answer: CK_RV) -> CK_RV {
    let value = deeds.iter().find_map(|deed| if let Deed::TellDamage(value) = deed { Some(*value) } else { None });
    match value {
        Some(value) if DAMAGED.contains(&answer) => {
            state().done(&Deed::TellDamage(value));
            value
        }
        _ => answer,
    }
}
