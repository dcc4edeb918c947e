//! A device that makes the IVs for AES-GCM itself: the behaviour of C_EncryptInit and C_Encrypt.

use std::slice;

use cryptoki_sys::{
    CK_BYTE, CK_GCM_PARAMS, CK_MECHANISM, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG, CKM_AES_GCM,
    CKR_BUFFER_TOO_SMALL, CKR_FUNCTION_NOT_SUPPORTED, CKR_MECHANISM_PARAM_INVALID, CKR_OK,
};

use crate::fault::{Deed, OwnIv};
use crate::forward::other;
use crate::state::state;

type EncryptInit = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) -> CK_RV;
pub(crate) type Cipher =
    unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) -> CK_RV;

/// # Safety
/// The arguments are those of C_EncryptInit, and `function` is it.
pub(crate) unsafe fn encrypt_init(
    function: EncryptInit,
    deeds: &[Deed],
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    state().own_ivs.remove(&session);
    let wanted = deeds.iter().find_map(|deed| if let Deed::OwnIv(kind) = deed { Some(*kind) } else { None });
    // SAFETY: PKCS#11 has the caller pass one mechanism, or null.
    let Some(given) = (unsafe { mechanism.as_mut() }) else { return CKR_MECHANISM_PARAM_INVALID };
    let (Some(kind), CKM_AES_GCM) = (wanted, given.mechanism) else {
        // SAFETY: the caller's arguments.
        return unsafe { function(session, mechanism, key) };
    };
    // SAFETY: the parameters of this mechanism are one CK_GCM_PARAMS, or null.
    let Some(parameters) = (unsafe { given.pParameter.cast::<CK_GCM_PARAMS>().as_mut() }) else {
        return CKR_MECHANISM_PARAM_INVALID;
    };
    let mut made = [0; 16];
    let Some(random) = other().C_GenerateRandom else { return CKR_FUNCTION_NOT_SUPPORTED };
    // SAFETY: `made` has 16 bytes.
    let answer = unsafe { random(session, made.as_mut_ptr(), 16) };
    if answer != CKR_OK || parameters.pIv.is_null() || parameters.ulIvLen != 12 {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    // SAFETY: the IV has this many bytes, which the caller lets the module write (PKCS#11 3.0, CK_GCM_MESSAGE_PARAMS,
    // and vendors before).
    let iv = unsafe { slice::from_raw_parts_mut(parameters.pIv, 12) };
    match kind {
        OwnIv::Zeros if iv.iter().any(|byte| *byte != 0) => CKR_MECHANISM_PARAM_INVALID,
        OwnIv::Written | OwnIv::Zeros => {
            iv.copy_from_slice(made.split_at(12).0);
            // SAFETY: the caller's arguments.
            unsafe { function(session, mechanism, key) }
        }
        OwnIv::Appended(length) => {
            let bytes = CK_ULONG::try_from(length).unwrap_or(12);
            let mut own = CK_GCM_PARAMS { pIv: made.as_mut_ptr(), ulIvLen: bytes, ulIvBits: bytes * 8, ..*parameters };
            let mut mechanism = CK_MECHANISM { pParameter: (&raw mut own).cast(), ..*given };
            // SAFETY: the caller's arguments, except the IV, which outlives the call.
            let answer = unsafe { function(session, &raw mut mechanism, key) };
            if answer == CKR_OK {
                state().own_ivs.insert(session, (made, length));
            }
            answer
        }
    }
}

/// # Safety
/// The arguments are those of C_Encrypt, and `function` is it.
pub(crate) unsafe fn encrypt(
    function: Cipher,
    session: CK_SESSION_HANDLE,
    data: *mut CK_BYTE,
    length: CK_ULONG,
    output: *mut CK_BYTE,
    written: *mut CK_ULONG,
) -> CK_RV {
    let made = state().own_ivs.get(&session).copied();
    let Some((iv, length_of_iv)) = made else {
        // SAFETY: the caller's arguments.
        return unsafe { function(session, data, length, output, written) };
    };
    // SAFETY: PKCS#11 has the caller pass a place for one length.
    let room = unsafe { *written };
    let mut without = 0;
    // SAFETY: without a buffer only the length is written, and the operation continues.
    let answer = unsafe { function(session, data, length, std::ptr::null_mut(), &raw mut without) };
    let iv = iv.split_at(length_of_iv).0;
    let added = CK_ULONG::try_from(iv.len()).unwrap_or_default();
    let whole = without + added;
    if answer != CKR_OK || output.is_null() || room < whole {
        // SAFETY: as above.
        unsafe { *written = whole };
        return if answer == CKR_OK && !output.is_null() { CKR_BUFFER_TOO_SMALL } else { answer };
    }
    state().own_ivs.remove(&session);
    // SAFETY: the caller's arguments.
    let answer = unsafe { function(session, data, length, output, written) };
    if answer == CKR_OK {
        // SAFETY: there is room for the IV behind what was written.
        unsafe {
            let end = usize::try_from(*written).unwrap_or_default();
            slice::from_raw_parts_mut(output.add(end), iv.len()).copy_from_slice(iv);
            *written += added;
        }
    }
    answer
}
