//! Secret data has another form at the interface than in the other module. So if a copy of the caller's form is found
//! in the memory of the process, the other module did not make it.

use std::ffi::c_void;
use std::slice;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BYTE, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR, CKA_VALUE,
    CKR_OK,
};

use crate::damage::answer_to_damage;
use crate::fault::Deed;
use crate::own_iv;

type Login = unsafe extern "C" fn(CK_SESSION_HANDLE, CK_USER_TYPE, *mut CK_UTF8CHAR, CK_ULONG) -> CK_RV;
type Create = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_ATTRIBUTE, CK_ULONG, *mut CK_OBJECT_HANDLE) -> CK_RV;

/// The value that each byte is XORed with. Hexadecimal digits stay printable.
const MASK: u8 = 0x15;

/// Returns the other form of these bytes. Applied twice, it returns the original bytes.
pub fn scrambled(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ MASK).collect()
}

/// Scrambles bytes in place.
///
/// # Safety
/// `bytes` points to `length` bytes that may be written to, or is null.
pub(crate) unsafe fn in_place(bytes: *mut u8, length: CK_ULONG) {
    if let (false, Ok(length)) = (bytes.is_null(), usize::try_from(length)) {
        // SAFETY: as the caller promises.
        unsafe { slice::from_raw_parts_mut(bytes, length) }.iter_mut().for_each(|byte| *byte ^= MASK);
    }
}

/// Returns the other form of bytes, which are not changed.
///
/// # Safety
/// `bytes` points to `length` bytes, or is null.
unsafe fn copy(bytes: *const u8, length: CK_ULONG) -> Vec<u8> {
    match (bytes.is_null(), usize::try_from(length)) {
        // SAFETY: as the caller promises.
        (false, Ok(length)) => scrambled(unsafe { slice::from_raw_parts(bytes, length) }),
        _ => Vec::new(),
    }
}

/// # Safety
/// The arguments are those of C_Login, and `function` is it.
pub(crate) unsafe fn login(
    function: Login,
    deeds: &[Deed],
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: *mut CK_UTF8CHAR,
    length: CK_ULONG,
) -> CK_RV {
    if pin.is_null() || !deeds.contains(&Deed::Scramble) {
        // SAFETY: the caller's arguments.
        return unsafe { function(session, user, pin, length) };
    }
    // SAFETY: PKCS#11 requires the caller to pass this many bytes.
    let mut pin = unsafe { copy(pin, length) };
    // SAFETY: the caller's arguments, except the PIN, which has the same length.
    unsafe { function(session, user, pin.as_mut_ptr(), length) }
}

/// # Safety
/// The arguments are those of C_CreateObject, and `function` is it.
pub(crate) unsafe fn create_object(
    function: Create,
    deeds: &[Deed],
    session: CK_SESSION_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    object: *mut CK_OBJECT_HANDLE,
) -> CK_RV {
    if template.is_null() || !deeds.contains(&Deed::Scramble) {
        // SAFETY: the caller's arguments.
        return unsafe { function(session, template, count, object) };
    }
    // SAFETY: PKCS#11 requires the caller to pass this many attributes.
    let mut own = unsafe { slice::from_raw_parts(template, usize::try_from(count).unwrap_or_default()) }.to_vec();
    let mut values = Vec::new();
    for attribute in own.iter_mut().filter(|attribute| attribute.type_ == CKA_VALUE) {
        // SAFETY: an attribute has as many bytes as it says.
        let mut value = unsafe { copy(attribute.pValue.cast(), attribute.ulValueLen) };
        attribute.pValue = value.as_mut_ptr().cast::<c_void>();
        // Keeps the value alive until the call has returned.
        values.push(value);
    }
    // SAFETY: the caller's arguments, except the values, which have the same lengths.
    unsafe { function(session, own.as_mut_ptr(), count, object) }
}

/// # Safety
/// The arguments are those of C_Encrypt, and `function` is it.
pub(crate) unsafe fn encrypt(
    function: own_iv::Cipher,
    deeds: &[Deed],
    session: CK_SESSION_HANDLE,
    data: *mut CK_BYTE,
    length: CK_ULONG,
    output: *mut CK_BYTE,
    written: *mut CK_ULONG,
) -> CK_RV {
    if !deeds.contains(&Deed::Scramble) {
        // SAFETY: the caller's arguments.
        return unsafe { own_iv::encrypt(function, session, data, length, output, written) };
    }
    // SAFETY: PKCS#11 requires the caller to pass this many bytes.
    let mut data = unsafe { copy(data, length) };
    // SAFETY: the caller's arguments, except the data, which has the same length.
    unsafe { own_iv::encrypt(function, session, data.as_mut_ptr(), length, output, written) }
}

/// # Safety
/// The arguments are those of C_Decrypt, and `function` is it.
pub(crate) unsafe fn decrypt(
    function: own_iv::Cipher,
    deeds: &[Deed],
    session: CK_SESSION_HANDLE,
    data: *mut CK_BYTE,
    length: CK_ULONG,
    output: *mut CK_BYTE,
    written: *mut CK_ULONG,
) -> CK_RV {
    // SAFETY: the caller's arguments.
    let answer = unsafe { function(session, data, length, output, written) };
    if answer == CKR_OK && deeds.contains(&Deed::Scramble) {
        // SAFETY: after CKR_OK `written` is the number of bytes of the output, if there is one.
        unsafe { in_place(output, *written) };
    }
    answer_to_damage(deeds, answer)
}
