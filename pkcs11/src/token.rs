//! The token across all its generations: opening, loss and recovery.

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

/// The interval at which [`Token::reset`] checks whether the running calls have ended.
const CLOSING_STEP: Duration = Duration::from_millis(2);

/// The token to use, and how to use it.
#[derive(Debug)]
pub struct Config {
    /// The module, a shared library.
    pub module: PathBuf,
    /// CKA label of the token. Exactly one token must have it.
    pub label: String,
    /// The user PIN. Not read if the token asks for it itself (CKF_PROTECTED_AUTHENTICATION_PATH).
    pub pin: PinSource,
    /// The token's own mechanism numbers for AES key wrap.
    pub wrap: WrapMechanisms,
    /// The maximum number of sessions that work at the same time, at least 1. The token may have a lower limit.
    pub max_sessions: usize,
    /// The time for which an operation waits for a session before [`Error::Busy`].
    pub session_deadline: Duration,
    /// The time for which [`Token::reset`] waits for the running calls before [`Error::Hangs`].
    pub call_timeout: Duration,
}

/// A token and its recovery. Dropping it closes all sessions and finalizes the module.
///
/// There is at most one generation of [`Device`] at a time. It can be used only through a [`DeviceGuard`], for which
/// [`Token::reset`] waits. So no call of an old generation can come after C_Finalize.
pub struct Token {
    /// Read by callers; written only by [`Token::reset`].
    device: RwLock<Option<Arc<Device>>>,
    /// Set while a reset waits for the running calls. No new caller is admitted then.
    closing: AtomicBool,
    module: Arc<Module>,
    config: Config,
    suspicion: Arc<Suspicion>,
}

impl Token {
    /// Loads the module, initialises it, finds the token by its label, logs in, and runs `verify` before any other
    /// caller can use the device.
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

    /// Returns the label of the token.
    pub fn label(&self) -> &str {
        &self.config.label
    }

    /// Returns the device, for as long as the guard lives. [`Error::Away`] if there is none, or if it is being
    /// replaced. Never waits.
    ///
    /// [`Token::reset`] waits for the guard, so a caller should hold it only for one operation of the service. A thread
    /// that holds a guard must not call `reset`.
    pub fn device(&self) -> Result<DeviceGuard<'_>, Error> {
        // During a reset this fails immediately, so that callers do not wait for a device that may hang.
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

    /// Replaces the device. Refuses new callers, waits for the running calls, closes every session, finalizes and
    /// initialises the module, finds the token by its label, logs in, runs `verify`, and only then admits callers
    /// again.
    ///
    /// Closing the sessions and logging in again would not be enough: SoftHSM recovers only after C_Finalize
    /// (measured). On failure the token stays unavailable, with the module finalized, and `reset` may be called again.
    /// If a running call takes longer than [`Config::call_timeout`], nothing is done and the device stays
    /// ([`Error::Hangs`]), because a module with a call that never returns cannot be finalized.
    pub fn reset<T, E>(&self, verify: impl FnOnce(&Device) -> Result<T, E>) -> Result<T, OpenError<E>> {
        let mut place = self.close()?;
        // No guard is alive, so this was the last reference, and the old device is finalized here.
        *place = None;
        let device = Device::start(&self.module, &self.config, &self.suspicion)?;
        let verified = verify(&device).map_err(OpenError::Verify)?;
        *place = Some(Arc::new(device));
        Ok(verified)
    }

    /// Waits for the running calls. No caller is admitted in the meantime.
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

    /// Returns the token's rule for GCM IVs that the caller did not choose, as far as it is known. Does not call the
    /// token.
    pub fn iv_rule(&self) -> IvRule {
        self.module.iv_rule()
    }

    /// Returns how many bytes the token takes in one call, as far as it is known; `usize::MAX` if no bound was found.
    /// Does not call the token.
    pub fn most(&self, bounded: Bounded) -> usize {
        self.module.bounds.most(bounded)
    }

    /// Returns the suspicion, which every operation raises that got an answer that a missing device gives.
    pub fn suspect(&self) -> &Suspicion {
        &self.suspicion
    }

    /// Returns the token's description of itself (C_GetTokenInfo).
    pub fn info(&self) -> Result<TokenInfo, Error> {
        self.device()?.info()
    }
}

/// Prevents the admission of new callers until it is dropped.
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

/// Admission to the [`Device`]. [`Token::reset`] waits until it is dropped.
pub struct DeviceGuard<'a> {
    /// Dropped before the admission, so that the holder of the write lock knows that there is no other reference.
    device: Arc<Device>,
    _admission: RwLockReadGuard<'a, Option<Arc<Device>>>,
}

impl Deref for DeviceGuard<'_> {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}
