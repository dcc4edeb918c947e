//! Misbehaviour before a call reaches the other module, and the state that it changes.

use std::env;
use std::ffi::c_void;
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CKA_TOKEN, CKR_ATTRIBUTE_TYPE_INVALID,
    CKR_ATTRIBUTE_VALUE_INVALID, CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_OK, CKR_SESSION_HANDLE_INVALID,
};

use crate::control::ONE_BY_ONE;
use crate::end;
use crate::fault::Deed;
use crate::forward::other;
use crate::state::{Call, state};

/// Performs the deeds before a call. Returns all due deeds, for the function that makes the call.
///
/// # Errors
/// The answer to the call, if the other module must not be called.
pub(crate) fn before(call: &Call<'_>) -> Result<Vec<Deed>, CK_RV> {
    let due = state().due(call);
    let answer = due.iter().find_map(|deed| perform(deed, call)).or_else(|| state().refusal(call));
    answer.map_or(Ok(due), Err)
}

/// Held for reading during every call of the other module. An object, session or login is lost only between calls, as
/// on a device: SoftHSM reads freed memory if a login ends during a call, and Kryoptic waits forever.
static CALLS: RwLock<()> = RwLock::new(());

/// The lock that is held during a call of the other module.
pub(crate) enum Passing {
    Beside(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

/// Returns the lock, when other calls allow it.
pub(crate) fn passing() -> Passing {
    static ARE_ONE_BY_ONE: LazyLock<bool> = LazyLock::new(|| env::var_os(ONE_BY_ONE).is_some());
    if *ARE_ONE_BY_ONE {
        return Passing::Alone(CALLS.write().unwrap_or_else(PoisonError::into_inner));
    }
    Passing::Beside(CALLS.read().unwrap_or_else(PoisonError::into_inner))
}

/// Performs a deed. The state must not be locked, because other calls need it in the meantime.
fn perform(deed: &Deed, call: &Call<'_>) -> Option<CK_RV> {
    let alone = || CALLS.write().unwrap_or_else(PoisonError::into_inner);
    match deed {
        Deed::Answer(value) | Deed::MostObjects(_, value) | Deed::MostSessions(_, value) => Some(*value),
        Deed::LoseObject => {
            let _alone = alone();
            let key = state().key(call)?;
            lose(call.session.unwrap_or_default(), key);
            None
        }
        Deed::LoseSession => {
            let session = call.session?;
            let _alone = alone();
            // SAFETY: a handle and nothing else. PKCS#11 lets any thread close a session.
            let _ = unsafe { other().C_CloseSession?(session) };
            state().closed(session);
            Some(CKR_SESSION_HANDLE_INVALID)
        }
        Deed::LoseLogin => {
            let _alone = alone();
            // SAFETY: a handle and nothing else.
            let _ = unsafe { other().C_Logout?(call.session?) };
            state().logged_out();
            None
        }
        Deed::CrashAtEnd => {
            end::arm();
            None
        }
        // These need the arguments of the call, or its answer.
        Deed::OwnIv(_)
        | Deed::VendorWrap
        | Deed::TellDamage(_)
        | Deed::HmacSizes(..)
        | Deed::HmacBits
        | Deed::BarePoints
        | Deed::HideValue(_)
        | Deed::Scramble => None,
        Deed::MostBytes(_) if call.function == "C_Decrypt" => Some(CKR_ENCRYPTED_DATA_LEN_RANGE),
        Deed::MostBytes(_) => Some(CKR_DATA_LEN_RANGE),
        Deed::RefuseAttribute(_) => Some(CKR_ATTRIBUTE_TYPE_INVALID),
        Deed::RefuseValue(..) => Some(CKR_ATTRIBUTE_VALUE_INVALID),
        Deed::Wait(time) => {
            thread::sleep(*time);
            None
        }
        Deed::Hang => loop {
            thread::sleep(Duration::from_secs(3600));
        },
    }
}

fn lose(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) {
    if is_lasting(session, object) {
        state().lose(object);
    } else if let Some(destroy) = other().C_DestroyObject {
        // SAFETY: two handles and nothing else.
        let _ = unsafe { destroy(session, object) };
        state().destroyed(object);
    }
}

/// Whether the object is a token object (CKA_TOKEN).
pub(crate) fn is_lasting(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) -> bool {
    let mut value: CK_BBOOL = 0;
    let mut attribute = CK_ATTRIBUTE { type_: CKA_TOKEN, pValue: (&raw mut value).cast::<c_void>(), ulValueLen: 1 };
    let Some(get) = other().C_GetAttributeValue else { return false };
    // SAFETY: one attribute with room for its single byte, both of which outlive the call.
    let answer = unsafe { get(session, object, &raw mut attribute, 1) };
    answer == CKR_OK && value != 0
}
