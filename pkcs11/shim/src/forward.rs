//! The functions of the module. Each row of the table is a function that faults may apply to. The other functions are
//! those of the other module.
#![allow(non_snake_case, reason = "PKCS#11 names its functions so")]

use std::env;
use std::ffi::c_void;
use std::ptr;
use std::sync::LazyLock;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_FLAGS, CK_FUNCTION_LIST, CK_INFO, CK_MECHANISM, CK_MECHANISM_INFO,
    CK_MECHANISM_TYPE, CK_NOTIFY, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SLOT_ID,
    CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR, CKR_ARGUMENTS_BAD, CKR_FUNCTION_NOT_SUPPORTED,
    CKR_OK,
};

use crate::control::{MODULE, give_up};
use crate::deeds::{before, is_lasting, passing};
use crate::state::{Asked, Call, state};
use crate::{attributes, end, mechanisms, own_iv, scramble};

type Bytes = *mut CK_BYTE;
type Length = *mut CK_ULONG;
type Mechanism = *mut CK_MECHANISM;
type Session = CK_SESSION_HANDLE;
type Object = CK_OBJECT_HANDLE;
type Made = *mut CK_OBJECT_HANDLE;
type Template = *mut CK_ATTRIBUTE;

/// A list of functions, shared by all threads.
struct List(CK_FUNCTION_LIST);

// SAFETY: it holds pointers to functions, which every thread may call, and is never written.
unsafe impl Send for List {}
// SAFETY: as above.
unsafe impl Sync for List {}

/// Returns the functions of the other module, which is loaded at the first use and never unloaded.
pub(crate) fn other() -> &'static CK_FUNCTION_LIST {
    static OTHER: LazyLock<List> = LazyLock::new(|| List(load()));
    &OTHER.0
}

fn load() -> CK_FUNCTION_LIST {
    let Some(path) = env::var_os(MODULE) else { give_up(&format!("{MODULE} does not name a module")) };
    // SAFETY: loading runs the module's initialisers, which the test vouches for by naming it.
    let library = match unsafe { cryptoki_sys::Pkcs11::new(&path) } {
        Ok(library) => library,
        Err(error) => give_up(&format!("{}: {error}", path.display())),
    };
    let mut list: *mut CK_FUNCTION_LIST = ptr::null_mut();
    if let Ok(get) = &library.C_GetFunctionList {
        // SAFETY: the symbol has the type that PKCS#11 gives it, and `list` is a place for one pointer.
        let _ = unsafe { get(&raw mut list) };
    }
    if list.is_null() {
        give_up(&format!("{} has no function list", path.display()));
    }
    std::mem::forget(library);
    // SAFETY: not null, and it points to the module's static list, which stays mapped and is copied here.
    unsafe { ptr::read_unaligned(list) }
}

/// Returns the module's functions (PKCS#11 2.40, 5.4).
///
/// # Safety
/// `list` is null or points to a place for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    static OWN: LazyLock<List> = LazyLock::new(|| List(own()));
    if list.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    // SAFETY: it points to a place for one pointer. Callers only read the list behind it.
    unsafe { *list = (&raw const OWN.0).cast_mut() };
    CKR_OK
}

/// The notes after a successful call.
trait Remember {
    fn opened(&self, session: CK_SESSION_HANDLE);
    fn made(&self, object: CK_OBJECT_HANDLE);
}

impl Remember for Call<'_> {
    fn opened(&self, session: CK_SESSION_HANDLE) {
        state().opened(session);
    }

    fn made(&self, object: CK_OBJECT_HANDLE) {
        let is_lasting = is_lasting(self.session.unwrap_or_default(), object);
        state().made(self, object, is_lasting);
    }
}

/// Returns the FNV-1a hash of a wrapped key.
///
/// # Safety
/// `bytes` points to `length` bytes, or is null.
unsafe fn fingerprint(bytes: Bytes, length: CK_ULONG) -> CK_OBJECT_HANDLE {
    let mut hash: CK_OBJECT_HANDLE = 0x811c_9dc5;
    let length = usize::try_from(length).unwrap_or_default();
    if !bytes.is_null() {
        // SAFETY: as the caller promises.
        for byte in unsafe { std::slice::from_raw_parts(bytes, length) } {
            hash = (hash ^ CK_OBJECT_HANDLE::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }
    hash
}

/// Returns the types of the attributes of a template, and the values of those that are a CK_BBOOL.
///
/// # Safety
/// `template` points to `count` attributes, or is null.
unsafe fn types(template: Template, count: CK_ULONG) -> Vec<Asked> {
    let count = usize::try_from(count).unwrap_or_default();
    if template.is_null() {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    let attributes = unsafe { std::slice::from_raw_parts(template, count) };
    let asked = |attribute: &CK_ATTRIBUTE| {
        // SAFETY: PKCS#11 requires the caller to pass as many bytes as `ulValueLen` says, here one.
        let value = || unsafe { *attribute.pValue.cast::<CK_BBOOL>() } != 0;
        (attribute.type_, (attribute.ulValueLen == 1 && !attribute.pValue.is_null()).then(value))
    };
    attributes.iter().map(asked).collect()
}

/// A row is a function with its arguments. `in` names the argument for the session, `using` those for objects,
/// `holding` those for a wrapped key, `by` those for templates, `making`, `opening` and `finding` the places for
/// results, `beginning` the key of the operation that begins, and `sized` the length of the data. `via` names a
/// function that is called instead of the other module's function. It gets that function, the deeds and the arguments.
macro_rules! forward {
    ($(
        $name:ident($($argument:ident: $type:ty),* $(,)?)
        $(in $session:ident)?
        $(using $($object:ident),+)?
        $(holding $wrapped:ident, $length:ident)?
        $(by $($template:ident of $attributes:ident),+)?
        $(making $($made:ident),+)?
        $(opening $opened:ident)?
        $(finding $found:ident, $count:ident)?
        $(beginning $key:ident)?
        $(sized $bytes:ident)?
        $(via $hook:path)?
        ;
    )*) => {
        $(
            unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
                let made: &[&str] = &[$($(stringify!($made)),+)?];
                #[allow(unused_mut, reason = "not every function has templates")]
                let mut attributes = Vec::new();
                // SAFETY: PKCS#11 requires the caller to pass this many attributes.
                $($(attributes.extend(unsafe { types($template, $attributes) });)+)?
                let call = Call {
                    function: stringify!($name),
                    session: None$(.or(Some($session)))?,
                    objects: &[$($($object),+)?],
                    // SAFETY: PKCS#11 requires the caller to pass this many bytes.
                    wrapped: None$(.or(Some(unsafe { fingerprint($wrapped, $length) })))?,
                    makes: !made.is_empty(),
                    bytes: 0$( + usize::try_from($bytes).unwrap_or_default())?,
                    attributes: &attributes,
                };
                #[allow(unused_variables, reason = "not every function does deeds itself")]
                let deeds = match before(&call) {
                    Ok(deeds) => deeds,
                    Err(answer) => return answer,
                };
                end::registers_thread();
                let Some(function) = other().$name else { return CKR_FUNCTION_NOT_SUPPORTED };
                let _passing = passing();
                // SAFETY: the arguments are those of the caller, who calls a function of the same type.
                let answer = unsafe { forward!(@call function, deeds, [$($argument),*] $(, $hook)?) };
                if answer == CKR_OK {
                    $(
                        // SAFETY: after CKR_OK there is a handle in each place.
                        $(call.made(unsafe { *$made });)+
                    )?
                    $(
                        // SAFETY: after CKR_OK there is a handle in its place.
                        call.opened(unsafe { *$opened });
                    )?
                    $(
                        // SAFETY: after CKR_OK `count` is the number of handles.
                        let found = unsafe { std::slice::from_raw_parts($found, usize::try_from(*$count).unwrap_or_default()) };
                        state().found(found);
                    )?
                    $(state().begins(&call, $key);)?
                    state().ended(&call);
                }
                answer
            }
        )*

        fn own() -> CK_FUNCTION_LIST {
            let mut list = *other();
            list.C_GetFunctionList = Some(C_GetFunctionList);
            $(
                if list.$name.is_some() {
                    list.$name = Some($name);
                }
            )*
            list
        }
    };
    (@call $function:ident, $deeds:ident, [$($argument:ident),*]) => { $function($($argument),*) };
    (@call $function:ident, $deeds:ident, [$($argument:ident),*], $hook:path) => { $hook($function, &$deeds, $($argument),*) };
}

forward! {
    C_Initialize(arguments: *mut c_void);
    C_Finalize(reserved: *mut c_void);
    C_GetInfo(info: *mut CK_INFO);
    C_GetSlotList(present: CK_BBOOL, slots: *mut CK_SLOT_ID, count: Length);
    C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO);
    C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO);
    C_GetMechanismList(slot: CK_SLOT_ID, mechanisms: *mut CK_MECHANISM_TYPE, count: Length);
    C_GetMechanismInfo(slot: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE, info: *mut CK_MECHANISM_INFO) via mechanisms::info;
    C_OpenSession(slot: CK_SLOT_ID, flags: CK_FLAGS, application: *mut c_void, notify: CK_NOTIFY, session: *mut Session)
        opening session;
    C_CloseSession(session: Session) in session;
    C_CloseAllSessions(slot: CK_SLOT_ID);
    C_GetSessionInfo(session: Session, info: *mut CK_SESSION_INFO) in session;
    C_Login(session: Session, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, length: CK_ULONG) in session via scramble::login;
    C_Logout(session: Session) in session;
    C_CreateObject(session: Session, template: Template, count: CK_ULONG, object: Made)
        in session by template of count making object via scramble::create_object;
    C_CopyObject(session: Session, object: Object, template: Template, count: CK_ULONG, copy: Made)
        in session using object by template of count making copy;
    C_DestroyObject(session: Session, object: Object) in session using object;
    C_GetObjectSize(session: Session, object: Object, size: Length) in session using object;
    C_GetAttributeValue(session: Session, object: Object, template: Template, count: CK_ULONG) in session using object via attributes::get;
    C_SetAttributeValue(session: Session, object: Object, template: Template, count: CK_ULONG) in session using object;
    C_FindObjectsInit(session: Session, template: Template, count: CK_ULONG) in session;
    C_FindObjects(session: Session, objects: Made, most: CK_ULONG, count: Length) in session finding objects, count;
    C_FindObjectsFinal(session: Session) in session;
    C_EncryptInit(session: Session, mechanism: Mechanism, key: Object)
        in session using key beginning key via own_iv::encrypt_init;
    C_Encrypt(session: Session, data: Bytes, length: CK_ULONG, output: Bytes, written: Length)
        in session sized length via scramble::encrypt;
    C_DecryptInit(session: Session, mechanism: Mechanism, key: Object) in session using key beginning key;
    C_Decrypt(session: Session, data: Bytes, length: CK_ULONG, output: Bytes, written: Length) in session sized length via scramble::decrypt;
    C_DigestInit(session: Session, mechanism: Mechanism) in session;
    C_DigestKey(session: Session, key: Object) in session using key;
    C_DigestFinal(session: Session, digest: Bytes, written: Length) in session;
    C_SignInit(session: Session, mechanism: Mechanism, key: Object) in session using key beginning key;
    C_Sign(session: Session, data: Bytes, length: CK_ULONG, signature: Bytes, written: Length) in session sized length;
    C_SignUpdate(session: Session, part: Bytes, length: CK_ULONG) in session sized length;
    C_SignFinal(session: Session, signature: Bytes, written: Length) in session;
    C_VerifyInit(session: Session, mechanism: Mechanism, key: Object) in session using key beginning key;
    C_Verify(session: Session, data: Bytes, length: CK_ULONG, signature: Bytes, written: CK_ULONG) in session;
    C_GenerateKey(session: Session, mechanism: Mechanism, template: Template, count: CK_ULONG, key: Made)
        in session by template of count making key;
    C_GenerateKeyPair(
        session: Session, mechanism: Mechanism, template: Template, count: CK_ULONG, private_template: Template,
        private_count: CK_ULONG, public: Made, private: Made,
    ) in session by template of count, private_template of private_count making public, private;
    C_WrapKey(session: Session, mechanism: Mechanism, wrapping: Object, key: Object, output: Bytes, written: Length)
        in session using wrapping, key via mechanisms::wrap;
    C_UnwrapKey(
        session: Session, mechanism: Mechanism, unwrapping: Object, wrapped: Bytes, length: CK_ULONG,
        template: Template, count: CK_ULONG, key: Made,
    ) in session using unwrapping holding wrapped, length by template of count making key via mechanisms::unwrap;
    C_DeriveKey(session: Session, mechanism: Mechanism, base: Object, template: Template, count: CK_ULONG, key: Made)
        in session using base by template of count making key;
    C_GenerateRandom(session: Session, bytes: Bytes, length: CK_ULONG) in session;
}
