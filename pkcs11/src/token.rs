//! The token over all its generations: opening, losing, and bringing it back.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::bounds::Bounded;
use crate::cipher::IvRule;
use crate::device::Device;
use crate::error::{Error, OpenError};
use crate::module::Module;
use crate::secret::PinSource;
use crate::suspicion::Suspicion;
use crate::token_info::TokenInfo;
use crate::wrap::WrapMechanisms;

/// How often [`Token::reset`] looks whether the calls under way have ended.
const CLOSING_STEP: Duration = Duration::from_millis(2);

/// Which token, and how to use it.
#[derive(Debug)]
pub struct Config {
    /// The module, a shared library.
    pub module: PathBuf,
    /// CKA label of the token, which exactly one token must have.
    pub label: String,
    /// The user PIN. Not asked for if the token has its own way of asking for one (CKF_PROTECTED_AUTHENTICATION_PATH).
    pub pin: PinSource,
    /// The token's own numbers for AES key wrap.
    pub wrap: WrapMechanisms,
    /// Most sessions that work at the same time, at least 1. The token's own limit counts too.
    pub max_sessions: usize,
    /// How long an operation waits for a session before [`Error::Busy`].
    pub session_deadline: Duration,
    /// How long [`Token::reset`] waits for the calls under way before [`Error::Hangs`].
    pub call_timeout: Duration,
}

/// A token and its recovery. Dropping it closes all sessions and finalizes the module.
///
/// Of the generations of [`Device`] there is at most one at a time, and nobody can hold one but through a [`DeviceGuard`], which
/// keeps [`Token::reset`] waiting. So no call of an old generation can come after C_Finalize.
pub struct Token {
    /// Read by callers, written only by [`Token::reset`].
    device: RwLock<Option<Arc<Device>>>,
    /// A reset waits for the calls under way, and nobody new is admitted.
    closing: AtomicBool,
    module: Arc<Module>,
    config: Config,
    suspicion: Arc<Suspicion>,
}

impl Token {
    /// Loads the module, initialises it, finds the token by its label, logs in, and lets `verify` look at it before anybody
    /// else can use it.
    pub fn open<T, E>(config: Config, verify: impl FnOnce(&Device) -> Result<T, E>) -> Result<(Self, T), OpenError<E>> {
        let token = Self {
            device: RwLock::new(None),
            closing: AtomicBool::new(false),
            module: Arc::new(Module::load(&config.module)?),
            config,
            suspicion: Arc::default(),
        };
        let verified = token.reset(verify)?;
        Ok((token, verified))
    }

    /// The device, for as long as the guard lives; [`Error::Away`] when there is none, or when it is being replaced. Never waits.
    ///
    /// [`Token::reset`] waits for the guard, so it is meant for one operation of the service, not for a long time. The thread
    /// that holds one must not call `reset`.
    pub fn device(&self) -> Result<DeviceGuard<'_>, Error> {
        // A reset that waits or works makes this fail at once: nobody queues up behind a device that may be stuck.
        if self.closing.load(Ordering::Acquire) {
            return Err(Error::Away);
        }
        let admission = match self.device.try_read() {
            Ok(admission) => admission,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Error::Away),
        };
        let device = admission.clone().ok_or(Error::Away)?;
        Ok(DeviceGuard { device, _admission: admission })
    }

    /// Replaces the device: turns newcomers away, waits for the calls under way, closes every session, finalizes and
    /// initialises the module, finds the token by its label, logs in, lets `verify` look, and only then admits callers again.
    ///
    /// Closing the sessions and logging in again would not be enough: SoftHSM heals only by C_Finalize (measured). If this
    /// fails the token stays away, with the module finalized, and it may be called again. If a call under way takes longer than
    /// [`Config::call_timeout`] nothing is done and the device stays ([`Error::Hangs`]): a module that never returns cannot be
    /// finalized either.
    pub fn reset<T, E>(&self, verify: impl FnOnce(&Device) -> Result<T, E>) -> Result<T, OpenError<E>> {
        let mut place = self.close()?;
        // No guard is alive, so this was the last reference, and the old device is finalized here.
        *place = None;
        let device = Device::start(&self.module, &self.config, &self.suspicion)?;
        let verified = verify(&device).map_err(OpenError::Verify)?;
        *place = Some(Arc::new(device));
        Ok(verified)
    }

    /// Waits for the calls under way, and admits nobody meanwhile.
    fn close(&self) -> Result<RwLockWriteGuard<'_, Option<Arc<Device>>>, Error> {
        let deadline = Instant::now() + self.config.call_timeout;
        let _closing = Closing::begin(&self.closing);
        loop {
            match self.device.try_write() {
                Ok(place) => return Ok(place),
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Err(Error::Hangs),
                Err(TryLockError::WouldBlock) => std::thread::sleep(CLOSING_STEP),
            }
        }
    }

    /// What the token wants for an IV for GCM that nobody has chosen, as far as was found out. The token is not waited for.
    pub fn iv_rule(&self) -> IvRule {
        self.module.iv_rule()
    }

    /// How many bytes the token takes in one call, as far as was found out; `usize::MAX` if no bound was. The token is not waited for.
    pub fn most(&self, bounded: Bounded) -> usize {
        self.module.bounds.most(bounded)
    }

    /// Rung by every operation that met an answer that a missing device gives.
    pub fn suspect(&self) -> &Suspicion {
        &self.suspicion
    }

    /// Asks the token who it is (C_GetTokenInfo).
    pub fn info(&self) -> Result<TokenInfo, Error> {
        self.device()?.info()
    }
}

/// While it lives nobody new is admitted.
struct Closing<'a>(&'a AtomicBool);

impl<'a> Closing<'a> {
    fn begin(closing: &'a AtomicBool) -> Self {
        closing.store(true, Ordering::Release);
        Self(closing)
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Leave to use the [`Device`]; [`Token::reset`] waits until it is dropped.
pub struct DeviceGuard<'a> {
    /// Dropped before the admission, so that whoever has the write lock knows that there is no other reference.
    device: Arc<Device>,
    _admission: RwLockReadGuard<'a, Option<Arc<Device>>>,
}

impl Deref for DeviceGuard<'_> {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}
