//! A device with other numbers for mechanisms, or that reports their key sizes in another way: the behaviour of
//! C_GetMechanismInfo, C_WrapKey and C_UnwrapKey.

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BYTE, CK_MECHANISM, CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_OBJECT_HANDLE, CK_RV,
    CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD,
    CKM_SHA_1_HMAC, CKM_SHA224_HMAC, CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC, CKM_VENDOR_DEFINED,
    CKR_MECHANISM_INVALID, CKR_OK,
};

use crate::damage::answer_to_damage;
use crate::fault::Deed;

type Info = unsafe extern "C" fn(CK_SLOT_ID, CK_MECHANISM_TYPE, *mut CK_MECHANISM_INFO) -> CK_RV;
type Wrap = unsafe extern "C" fn(
    CK_SESSION_HANDLE,
    *mut CK_MECHANISM,
    CK_OBJECT_HANDLE,
    CK_OBJECT_HANDLE,
    *mut CK_BYTE,
    *mut CK_ULONG,
) -> CK_RV;
type Unwrap = unsafe extern "C" fn(
    CK_SESSION_HANDLE,
    *mut CK_MECHANISM,
    CK_OBJECT_HANDLE,
    *mut CK_BYTE,
    CK_ULONG,
    *mut CK_ATTRIBUTE,
    CK_ULONG,
    *mut CK_OBJECT_HANDLE,
) -> CK_RV;

const WRAPS: [CK_MECHANISM_TYPE; 3] = [CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP];

const HMACS: [CK_MECHANISM_TYPE; 5] =
    [CKM_SHA_1_HMAC, CKM_SHA224_HMAC, CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC];

/// Returns the other module's number of the mechanism. `None` if the device does not know this one.
fn translated(deeds: &[Deed], number: CK_MECHANISM_TYPE) -> Option<CK_MECHANISM_TYPE> {
    if !deeds.contains(&Deed::VendorWrap) {
        return Some(number);
    }
    let standard = number & !CKM_VENDOR_DEFINED;
    match (WRAPS.contains(&standard), standard == number) {
        (true, true) => None,
        (true, false) => Some(standard),
        (false, _) => Some(number),
    }
}

/// # Safety
/// The arguments are those of C_GetMechanismInfo, and `function` is it.
pub(crate) unsafe fn info(
    function: Info,
    deeds: &[Deed],
    slot: CK_SLOT_ID,
    mechanism: CK_MECHANISM_TYPE,
    info: *mut CK_MECHANISM_INFO,
) -> CK_RV {
    let Some(mechanism) = translated(deeds, mechanism) else { return CKR_MECHANISM_INVALID };
    // SAFETY: the caller's arguments, except the number.
    let answer = unsafe { function(slot, mechanism, info) };
    if answer != CKR_OK || !HMACS.contains(&mechanism) {
        return answer;
    }
    // SAFETY: after CKR_OK there is one.
    let info = unsafe { &mut *info };
    for deed in deeds {
        match deed {
            Deed::HmacSizes(least, most) => (info.ulMinKeySize, info.ulMaxKeySize) = (*least, *most),
            Deed::HmacBits => (info.ulMinKeySize, info.ulMaxKeySize) = (info.ulMinKeySize * 8, info.ulMaxKeySize * 8),
            _ => {}
        }
    }
    answer
}

/// Returns the mechanism under the other module's number.
///
/// # Safety
/// `mechanism` points to one, or is null.
unsafe fn own(deeds: &[Deed], mechanism: *mut CK_MECHANISM) -> Option<CK_MECHANISM> {
    // SAFETY: as the caller promises.
    let given = unsafe { mechanism.as_ref() }?;
    Some(CK_MECHANISM { mechanism: translated(deeds, given.mechanism)?, ..*given })
}

/// # Safety
/// The arguments are those of C_WrapKey, and `function` is it.
#[allow(clippy::too_many_arguments, reason = "C_WrapKey has so many")]
pub(crate) unsafe fn wrap(
    function: Wrap,
    deeds: &[Deed],
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    wrapping: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    output: *mut CK_BYTE,
    written: *mut CK_ULONG,
) -> CK_RV {
    // SAFETY: PKCS#11 has the caller pass one mechanism.
    let Some(mut mechanism) = (unsafe { own(deeds, mechanism) }) else { return CKR_MECHANISM_INVALID };
    // SAFETY: the caller's arguments, except the number.
    unsafe { function(session, &raw mut mechanism, wrapping, key, output, written) }
}

/// # Safety
/// The arguments are those of C_UnwrapKey, and `function` is it.
#[allow(clippy::too_many_arguments, reason = "C_UnwrapKey has so many")]
pub(crate) unsafe fn unwrap(
    function: Unwrap,
    deeds: &[Deed],
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    unwrapping: CK_OBJECT_HANDLE,
    wrapped: *mut CK_BYTE,
    length: CK_ULONG,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    key: *mut CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: PKCS#11 has the caller pass one mechanism.
    let Some(mut mechanism) = (unsafe { own(deeds, mechanism) }) else { return CKR_MECHANISM_INVALID };
    // SAFETY: the caller's arguments, except the number.
    let answer = unsafe { function(session, &raw mut mechanism, unwrapping, wrapped, length, template, count, key) };
    answer_to_damage(deeds, answer)
}
