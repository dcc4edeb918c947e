//! A device that returns other attributes than the module: the behaviour of C_GetAttributeValue.

use std::ffi::c_void;
use std::slice;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG, CK_UNAVAILABLE_INFORMATION, CKA_EC_POINT,
    CKA_VALUE, CKR_BUFFER_TOO_SMALL, CKR_OK,
};

use crate::fault::Deed;
use crate::scramble;

pub(crate) type Get = unsafe extern "C" fn(CK_SESSION_HANDLE, CK_OBJECT_HANDLE, *mut CK_ATTRIBUTE, CK_ULONG) -> CK_RV;

/// DER of an OCTET STRING around a point of P-256, which has 65 bytes.
const HEADER: [u8; 2] = [0x04, 0x41];

/// Room in bytes for any encoded point.
const ROOM: usize = 256;

/// # Safety
/// The arguments are those of C_GetAttributeValue, and `function` is it.
pub(crate) unsafe fn get(
    function: Get,
    deeds: &[Deed],
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    if template.is_null() || deeds.is_empty() {
        // SAFETY: the caller's arguments.
        return unsafe { function(session, object, template, count) };
    }
    // SAFETY: PKCS#11 requires the caller to pass this many attributes.
    let asked = unsafe { slice::from_raw_parts_mut(template, usize::try_from(count).unwrap_or_default()) };
    // Get them one at a time, in the way of the device. The last refusal is the answer (PKCS#11 2.40, 5.7).
    let mut answer = CKR_OK;
    for attribute in asked {
        // SAFETY: one of the caller's attributes.
        let own = unsafe { get_one(function, deeds, session, object, attribute) };
        answer = if own == CKR_OK { answer } else { own };
    }
    answer
}

/// # Safety
/// `function` is C_GetAttributeValue, and `attribute` one that it may be given.
unsafe fn get_one(
    function: Get,
    deeds: &[Deed],
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    attribute: &mut CK_ATTRIBUTE,
) -> CK_RV {
    for deed in deeds {
        match (deed, attribute.type_) {
            (Deed::HideValue(value), CKA_VALUE) => {
                attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
                return *value;
            }
            (Deed::BarePoints, CKA_EC_POINT) => {
                // SAFETY: as the caller promises.
                return unsafe { bare_point(function, session, object, attribute) };
            }
            _ => {}
        }
    }
    // SAFETY: as the caller promises.
    let answer = unsafe { function(session, object, attribute, 1) };
    if answer == CKR_OK && attribute.type_ == CKA_VALUE && deeds.contains(&Deed::Scramble) {
        // SAFETY: after CKR_OK the attribute's own buffer holds as many bytes as it says, or is null.
        unsafe { scramble::in_place(attribute.pValue.cast(), attribute.ulValueLen) };
    }
    answer
}

/// # Safety
/// As for [`get_one`].
unsafe fn bare_point(
    function: Get,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    attribute: &mut CK_ATTRIBUTE,
) -> CK_RV {
    let mut buffer = [0_u8; ROOM];
    let room = CK_ULONG::try_from(ROOM).unwrap_or_default();
    let mut own = CK_ATTRIBUTE { type_: CKA_EC_POINT, pValue: buffer.as_mut_ptr().cast::<c_void>(), ulValueLen: room };
    // SAFETY: one attribute, whose buffer outlives the call.
    let answer = unsafe { function(session, object, &raw mut own, 1) };
    let found = usize::try_from(own.ulValueLen).ok().and_then(|length| buffer.get(..length));
    let (CKR_OK, Some(found)) = (answer, found) else {
        attribute.ulValueLen = own.ulValueLen;
        return answer;
    };
    let point = found.strip_prefix(&HEADER).filter(|point| point.len() == 65).unwrap_or(found);
    let length = CK_ULONG::try_from(point.len()).unwrap_or_default();
    if !attribute.pValue.is_null() {
        if attribute.ulValueLen < length {
            attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
            return CKR_BUFFER_TOO_SMALL;
        }
        // SAFETY: the caller's buffer has room for this many bytes.
        unsafe { slice::from_raw_parts_mut(attribute.pValue.cast::<u8>(), point.len()) }.copy_from_slice(point);
    }
    attribute.ulValueLen = length;
    CKR_OK
}
