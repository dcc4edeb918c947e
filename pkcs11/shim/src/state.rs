//! The state of the module: the active faults, the open sessions and the objects in them, and the lost objects.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID,
    CKR_UNWRAPPING_KEY_HANDLE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID,
};

use crate::control::Faults;
use crate::fault::{Deed, Only};

/// An attribute of a template, and its value if it is a CK_BBOOL.
pub(crate) type Asked = (CK_ATTRIBUTE_TYPE, Option<bool>);

/// The properties of a call that faults depend on.
pub(crate) struct Call<'a> {
    /// The name of the function, such as `C_Encrypt`.
    pub(crate) function: &'static str,
    pub(crate) session: Option<CK_SESSION_HANDLE>,
    /// The objects in its arguments.
    pub(crate) objects: &'a [CK_OBJECT_HANDLE],
    /// The fingerprint of a wrapped key in its arguments. It identifies the key under any handle.
    pub(crate) wrapped: Option<CK_OBJECT_HANDLE>,
    /// Whether it makes an object.
    pub(crate) makes: bool,
    /// The number of bytes of data in its arguments.
    pub(crate) bytes: usize,
    /// The attributes in the templates of its arguments.
    pub(crate) attributes: &'a [Asked],
}

/// Returns the state, of which there is one in the process.
pub(crate) fn state() -> MutexGuard<'static, State> {
    static STATE: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
pub(crate) struct State {
    faults: Faults,
    /// The open sessions, with the key of the active operation.
    sessions: HashMap<CK_SESSION_HANDLE, Option<CK_OBJECT_HANDLE>>,
    /// Session objects, by the session that made them.
    objects: HashMap<CK_OBJECT_HANDLE, CK_SESSION_HANDLE>,
    /// Lost token objects that have not been found again.
    lost: HashSet<CK_OBJECT_HANDLE>,
    /// The wrapped key that each unwrapped object comes from.
    unwrapped: HashMap<CK_OBJECT_HANDLE, CK_OBJECT_HANDLE>,
    /// The sessions in which the device has made the IV of an encryption, with the IV and the number of its bytes that
    /// follow the tag.
    pub(crate) own_ivs: HashMap<CK_SESSION_HANDLE, ([u8; 16], usize)>,
}

impl State {
    /// Returns the deeds that are due at this call, and counts them as done.
    pub(crate) fn due(&mut self, call: &Call<'_>) -> Vec<Deed> {
        self.faults.refresh();
        let key = call.wrapped.or_else(|| self.key(call).map(|key| self.unwrapped.get(&key).copied().unwrap_or(key)));
        let mut due = Vec::new();
        for place in 0..self.faults.active.len() {
            let Some(active) = self.faults.active.get(place) else { continue };
            let is_key = match active.fault.only {
                Only::All => true,
                Only::FirstKey => key.is_some() && active.key.is_none_or(|first| Some(first) == key),
            };
            let applies = match &active.fault.deed {
                Deed::LoseObject => self.key(call).is_some(),
                Deed::LoseSession | Deed::LoseLogin => call.session.is_some_and(|own| self.sessions.contains_key(&own)),
                Deed::MostObjects(most, _) => call.makes && self.objects.len() >= *most,
                Deed::MostSessions(most, _) => call.function == "C_OpenSession" && self.sessions.len() >= *most,
                Deed::OwnIv(_) => call.function == "C_EncryptInit",
                Deed::MostBytes(most) => call.bytes > *most,
                Deed::RefuseAttribute(attribute) => call.attributes.iter().any(|(own, _)| own == attribute),
                Deed::RefuseValue(attribute, value) => call.attributes.contains(&(*attribute, Some(*value))),
                Deed::VendorWrap => matches!(call.function, "C_WrapKey" | "C_UnwrapKey" | "C_GetMechanismInfo"),
                Deed::TellDamage(_) => matches!(call.function, "C_Decrypt" | "C_UnwrapKey"),
                Deed::HmacSizes(..) | Deed::HmacBits => call.function == "C_GetMechanismInfo",
                Deed::BarePoints | Deed::HideValue(_) => call.function == "C_GetAttributeValue",
                Deed::Scramble => {
                    matches!(
                        call.function,
                        "C_CreateObject" | "C_GetAttributeValue" | "C_Encrypt" | "C_Decrypt" | "C_Login"
                    )
                }
                Deed::CrashAtEnd => call.function == "C_Initialize",
                Deed::Answer(_) | Deed::Wait(_) | Deed::Hang => true,
            };
            if is_key && applies && active.fault.is_at(call.function) && active.is_due() {
                due.push(active.fault.deed.clone());
                // Whether the data is damaged is known only after the call.
                if !matches!(active.fault.deed, Deed::TellDamage(_)) {
                    self.faults.note(place, key);
                }
            }
        }
        due
    }

    /// Counts a due deed as done, if that is known only after the call.
    pub(crate) fn done(&mut self, deed: &Deed) {
        if let Some(place) = self.faults.active.iter().position(|active| active.fault.deed == *deed) {
            self.faults.note(place, None);
        }
    }

    /// Returns the key of the call: the last object of its arguments, or the key of the active operation.
    pub(crate) fn key(&self, call: &Call<'_>) -> Option<CK_OBJECT_HANDLE> {
        let active = || self.sessions.get(&call.session?).copied().flatten();
        call.objects.last().copied().or_else(active)
    }

    /// Returns the answer to a call that names a lost object.
    pub(crate) fn refusal(&self, call: &Call<'_>) -> Option<CK_RV> {
        let place = call.objects.iter().position(|object| self.lost.contains(object))?;
        Some(match (call.function, place) {
            ("C_WrapKey", 0) => CKR_WRAPPING_KEY_HANDLE_INVALID,
            ("C_UnwrapKey", _) => CKR_UNWRAPPING_KEY_HANDLE_INVALID,
            ("C_WrapKey", _) => CKR_KEY_HANDLE_INVALID,
            (name, _) if name.ends_with("Init") => CKR_KEY_HANDLE_INVALID,
            _ => CKR_OBJECT_HANDLE_INVALID,
        })
    }

    pub(crate) fn lose(&mut self, token_object: CK_OBJECT_HANDLE) {
        self.lost.insert(token_object);
    }

    pub(crate) fn found(&mut self, objects: &[CK_OBJECT_HANDLE]) {
        for object in objects {
            self.lost.remove(object);
        }
    }

    pub(crate) fn opened(&mut self, session: CK_SESSION_HANDLE) {
        self.sessions.insert(session, None);
    }

    pub(crate) fn closed(&mut self, session: CK_SESSION_HANDLE) {
        self.sessions.remove(&session);
        self.objects.retain(|_, own| *own != session);
    }

    /// Notes that the login has ended. All session objects are private, so they end with it.
    pub(crate) fn logged_out(&mut self) {
        self.objects.clear();
    }

    /// Notes what a successful call has ended.
    pub(crate) fn ended(&mut self, call: &Call<'_>) {
        match (call.function, call.session, call.objects) {
            ("C_CloseSession", Some(session), _) => self.closed(session),
            ("C_DestroyObject", _, [object]) => self.destroyed(*object),
            ("C_Logout", ..) => self.logged_out(),
            ("C_Finalize" | "C_CloseAllSessions", ..) => {
                *self = Self { faults: std::mem::take(&mut self.faults), ..Self::default() };
            }
            _ => {}
        }
    }

    pub(crate) fn begins(&mut self, call: &Call<'_>, key: CK_OBJECT_HANDLE) {
        self.sessions.extend(call.session.map(|session| (session, Some(key))));
    }

    pub(crate) fn made(&mut self, call: &Call<'_>, object: CK_OBJECT_HANDLE, is_lasting: bool) {
        self.lost.remove(&object);
        self.unwrapped.remove(&object);
        self.unwrapped.extend(call.wrapped.map(|wrapped| (object, wrapped)));
        if let (false, Some(session)) = (is_lasting, call.session) {
            self.objects.insert(object, session);
        }
    }

    pub(crate) fn destroyed(&mut self, object: CK_OBJECT_HANDLE) {
        self.objects.remove(&object);
        self.unwrapped.remove(&object);
    }
}
