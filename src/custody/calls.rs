//! Calls of the token. If a call loses a handle or a session, the lost object is replaced and the call is repeated
//! once.

use std::cell::Cell;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use claviger_pkcs11::{self as pkcs11, Device, Key, Loss};

use super::error::Error;
use super::handles::ROOMS;
use super::key::{self, KeyKind, ManagedKey};
use super::outcomes::Subject;
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::store::object::Material;

/// The time for which a call waits until what it lost is replaced.
const SETTLE: Duration = Duration::from_secs(2);

/// The step at which a call failed. Each step is repeated once; a call for which the token had no room, up to [`ROOMS`]
/// times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The token was unavailable.
    Admission,
    /// The call needed a handle for the key.
    Handle,
    /// The key was used, with the handle of an earlier call or with a new one.
    Use { was_kept: bool },
}

/// The steps that were repeated.
#[derive(Default)]
struct Repeated {
    admission: bool,
    handle: bool,
    used: bool,
    /// The number of times that room was made. Other calls may take the room that this call freed.
    rooms: usize,
}

impl Repeated {
    /// Whether the step has not been repeated before. Marks it as repeated.
    fn is_first(&mut self, step: Step) -> bool {
        let repeated = match step {
            Step::Admission => &mut self.admission,
            Step::Handle => &mut self.handle,
            Step::Use { .. } => &mut self.used,
        };
        !std::mem::replace(repeated, true)
    }
}

impl Custody {
    /// Runs an operation that may be done twice. `operation` must take the root keys that it needs itself, because
    /// their handles may be others the second time.
    pub(super) fn run<T>(&self, call: HsmCall, operation: impl Fn(&Device) -> Result<T, Error>) -> Result<T, Error> {
        let answer = self.repeat(call, |device, _| operation(device));
        self.outcomes.note(call, || Subject::Root, &answer);
        answer
    }

    /// The same for an operation with one managed key.
    pub(super) fn run_for<T>(
        &self,
        call: HsmCall,
        material: &Material,
        operation: impl Fn(&Device) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let answer = self.repeat(call, |device, _| operation(device));
        self.outcomes.note(call, || Subject::Key(fingerprint(material)), &answer);
        answer
    }

    /// The same, without counting the outcome.
    pub(super) fn look<T>(&self, operation: impl Fn(&Device) -> Result<T, Error>) -> Result<T, Error> {
        self.repeat(HsmCall::Look, |device, _| operation(device))
    }

    /// Runs an operation that may not be done twice, such as making a token object. Waits for a token that is being
    /// recovered.
    pub(super) fn run_once<T>(
        &self,
        call: HsmCall,
        operation: impl FnOnce(&Device) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let device = match self.device(call) {
            Err(pkcs11::Error::Away) if self.token.suspect().settle(SETTLE) => self.device(call),
            device => device,
        };
        let answer = device.map_err(Error::from).and_then(|device| operation(&device));
        self.outcomes.note(call, Subject::once, &answer);
        answer
    }

    /// Uses a key with its kept handle, or with a new one.
    pub(super) fn with<T>(
        &self,
        call: HsmCall,
        key: &ManagedKey,
        operation: impl Fn(&Device, &Key) -> Result<T, pkcs11::Error>,
    ) -> Result<T, Error> {
        let answer = self.repeat(call, |device, step| {
            let kept = self.handles.of(key).filter(|handle| device.knows(handle));
            let was_kept = kept.is_some();
            step.set(Step::Handle);
            let handle = kept.map_or_else(|| self.handle(device, key), Ok)?;
            step.set(Step::Use { was_kept });
            operation(device, &handle).map_err(|error| {
                if error.loss() == Some(Loss::Handle) {
                    self.give_up(key, &handle);
                }
                Error::Token(error)
            })
        });
        self.outcomes.note(call, || Subject::Key(fingerprint(&key.material)), &answer);
        answer
    }

    /// Runs `operation` and repeats it if what it lost can be replaced. `operation` notes its current step.
    fn repeat<T>(
        &self,
        call: HsmCall,
        operation: impl Fn(&Device, &Cell<Step>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (mut repeated, began) = (Repeated::default(), Instant::now());
        loop {
            // Before it is looked for, because a listing may end at any time.
            let (step, may_be_new) = (Cell::new(Step::Admission), self.may_be_new(began));
            let answer = self.device(call).map_err(Error::from).and_then(|device| {
                step.set(Step::Use { was_kept: false });
                operation(&device, &step)
            });
            let error = match answer {
                // The owner searches.
                Err(Error::NoTokenObject) if may_be_new => Error::Token(pkcs11::Error::Stale),
                Err(error) => error,
                done => return done,
            };
            let Error::Token(failure) = &error else { return Err(error) };
            let Some(loss) = failure.loss() else { return Err(error) };
            let is_replaced = match loss {
                Loss::Room if repeated.rooms < ROOMS => {
                    repeated.rooms += 1;
                    self.device(HsmCall::Look).is_ok_and(|device| self.free_room(&device, repeated.rooms - 1))
                }
                Loss::Room => false,
                loss => repeated.is_first(step.get()) && self.replace(loss, step.get()),
            };
            if !is_replaced {
                return Err(error);
            }
        }
    }

    /// Replaces what was lost. Returns false if that is not possible.
    fn replace(&self, loss: Loss, step: Step) -> bool {
        match (loss, step) {
            // The key is unwrapped again. The pool opens new sessions as they are needed.
            (Loss::Handle, Step::Use { was_kept: true }) if !self.rescan.load(Ordering::Acquire) => true,
            (Loss::Session, Step::Use { .. }) if self.device(HsmCall::Look).is_ok_and(|own| !own.anchor_is_lost()) => {
                true
            }
            // The login, a root key, a token object that has to be found, the anchor session, the device: these are for the owner.
            _ => self.token.suspect().settle(SETTLE),
        }
    }

    /// Destroys the session objects of keys that were used least recently; false if no object went. `time`: how often room was made for
    /// the same call before.
    pub(super) fn free_room(&self, device: &Device, time: usize) -> bool {
        let evicted = self.handles.evict_some(time);
        device.reap().is_ok_and(|count| count > 0) || evicted
    }

    /// Marks the handle of this key as one that must not be used again.
    fn give_up(&self, key: &ManagedKey, handle: &Key) {
        self.handles.forget(key);
        self.lose(&key.material, handle);
    }

    /// Notes that the token does not know this handle. A token object may still exist, so it is searched for again.
    pub(super) fn lose(&self, material: &Material, handle: &Key) {
        handle.mark_lost();
        if matches!(material, Material::Token { .. }) {
            self.rescan.store(true, Ordering::Release);
        }
    }

    /// Returns the token object with this `CKA_ID`. [`pkcs11::Error::Stale`] while it is searched for,
    /// [`Error::NoTokenObject`] if it has not been seen.
    pub(super) fn placed_in(&self, device: &Device, cka_id: &[u8]) -> Result<Key, Error> {
        match self.placed(cka_id) {
            Some(handle) if device.knows(&handle) => Ok(handle),
            // The handle was lost, the object came back after the root keys did, or another server has made it since: the
            // owner searches again.
            known => {
                self.rescan.store(true, Ordering::Release);
                self.token.suspect().raise();
                Err(if known.is_some() { Error::Token(pkcs11::Error::Stale) } else { Error::NoTokenObject })
            }
        }
    }

    /// Makes a new handle for the key. The key keeps it.
    pub(super) fn handle(&self, device: &Device, key: &ManagedKey) -> Result<Key, Error> {
        let handle = match &key.material {
            Material::Destroyed => return Err(Error::Destroyed),
            Material::Public { .. } => return Err(Error::NotInToken),
            Material::Token { cka_id } => self.placed_in(device, cka_id)?,
            Material::Wrapped { kek: name, blob } => {
                let roots = self.roots();
                let kek = roots.kek(key.class).filter(|kek| kek.cka_id == *name).ok_or(Error::UnknownKek)?;
                self.handles.make_room();
                let _timer = self.metrics.hsm(HsmCall::Unwrap);
                match key.kind {
                    KeyKind::Secret(kind) => device.unwrap(&kek.key, blob, &key::spec(key.class, kind, key.uses))?,
                    KeyKind::Private(kind) => {
                        device.unwrap_private(&kek.key, blob, &key::private_spec(key.class, kind, key.uses))?
                    }
                    KeyKind::Public => return Err(Error::NotInToken),
                }
            }
        };
        self.handles.keep(key, handle.clone());
        Ok(handle)
    }
}

/// Identifies a key among others during the life of the process.
fn fingerprint(material: &Material) -> u64 {
    let mut hasher = DefaultHasher::new();
    match material {
        Material::Token { cka_id } => cka_id.hash(&mut hasher),
        other => other.bytes().hash(&mut hasher),
    }
    hasher.finish()
}
