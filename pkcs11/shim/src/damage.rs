//! A device that answers damaged data with other values.

use cryptoki_sys::{
    CK_RV, CKR_AEAD_DECRYPT_FAILED, CKR_DEVICE_ERROR, CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE,
    CKR_FUNCTION_FAILED, CKR_GENERAL_ERROR, CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE,
};

use crate::fault::Deed;
use crate::state::state;

/// The answers of SoftHSM, Kryoptic and others to damaged data.
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

/// Returns the answer of the device, given the other module's `answer`.
pub(crate) fn answer_to_damage(deeds: &[Deed], answer: CK_RV) -> CK_RV {
    let value = deeds.iter().find_map(|deed| if let Deed::TellDamage(value) = deed { Some(*value) } else { None });
    match value {
        Some(value) if DAMAGED.contains(&answer) => {
            state().done(&Deed::TellDamage(value));
            value
        }
        _ => answer,
    }
}
