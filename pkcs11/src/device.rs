//! One generation of the token: the initialised module, the login, and its sessions.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cryptoki::context::Function;
use cryptoki::error::{self as binding, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki_sys::{CK_MECHANISM_TYPE, CKA_ID};

use crate::canary::Canary;
use crate::error::{Answer, Error, Loss};
use crate::key::{DeadObjects, Generation, Key};
use crate::mac::MacMechanism;
use crate::module::{Initialized, Module};
use crate::quirk::{Maker, PaddedWrap};
use crate::session::{Anchor, Pool, Sessions, Turns};
use crate::suspicion::Suspicion;
use crate::token::Config;
use crate::token_info::TokenInfo;

/// The sessions in addition to the pool: the anchor session.
const SESSIONS_BESIDE_POOL: usize = 1;

/// The maximum number of dead session objects that one operation in the anchor session destroys.
const REAPED_PER_CALL: usize = 32;

static GENERATIONS: AtomicU64 = AtomicU64::new(1);

/// An initialised module with a token that is logged in. It owns all sessions of the generation, so that dropping the
/// device closes them all and then finalizes the module: the fields are dropped in the order of their declaration.
pub struct Device {
    pub(crate) pool: Pool,
    anchor: Anchor,
    anchor_is_lost: AtomicBool,
    /// For calls that make, destroy or list token objects: their turns, how long a call waits for its turn, and how
    /// long a call may take.
    lasting: (Turns, Duration, Duration),
    pub(crate) graveyard: Arc<DeadObjects>,
    pub(crate) canary: Canary,
    /// The lengths of keys that sign, as far as they were tried.
    pub(crate) mac_key_sizes: Mutex<HashMap<MacMechanism, RangeInclusive<usize>>>,
    pub(crate) generation: Generation,
    pub(crate) maker: Maker,
    /// The mechanism number of AES key wrap (RFC 3394).
    pub(crate) plain_wrap: CK_MECHANISM_TYPE,
    pub(crate) padded: PaddedWrap,
    pub(crate) slot: Slot,
    suspicion: Arc<Suspicion>,
    pub(crate) module: Arc<Module>,
    _initialized: Initialized,
}

/// Length in bytes of the longest CKA_ID that is read. Root keys have 20 bytes.
const LONGEST_ID: usize = 64;

/// Logs the user in. Tries the PIN once, and not at all if the token reports that a wrong PIN would lock it.
fn login(session: &Session, info: &TokenInfo, config: &Config) -> Result<(), Error> {
    if let Some(state) = info.withheld() {
        return Err(Error::PinWithheld(state));
    }
    // The user enters the PIN at the device: PKCS#11 requires C_Login without a PIN then.
    if info.asks_for_pin() {
        return session.login(UserType::User, None).map_err(Error::from_binding);
    }
    let pin = config.pin.ask()?.ok_or(Error::PinMissing)?;
    session.login_with_raw(UserType::User, &pin.to_login()).map_err(Error::from_binding)
}

impl Device {
    /// Starts a generation, from C_Initialize to the first session that is logged in. On failure the module is
    /// finalized again.
    pub(crate) fn start(module: &Arc<Module>, config: &Config, suspicion: &Arc<Suspicion>) -> Result<Self, Error> {
        let initialized = module.initialize()?;
        let (slot, info) = module.find(&config.label)?;
        let room = info.most_sessions().map_or(usize::MAX, |most| most.saturating_sub(SESSIONS_BESIDE_POOL));
        let pool = Pool::new(module.context.clone(), slot, config.max_sessions.min(room), config.session_deadline);
        let anchor = pool.open()?;
        login(&anchor, &info, config)?;
        Ok(Self {
            anchor: Anchor::new(anchor, config.session_deadline, config.call_timeout),
            anchor_is_lost: AtomicBool::new(false),
            lasting: (Turns::default(), config.session_deadline, config.session_deadline + config.call_timeout),
            pool,
            graveyard: Arc::default(),
            canary: Canary::default(),
            mac_key_sizes: Mutex::default(),
            generation: Generation(GENERATIONS.fetch_add(1, Ordering::Relaxed)),
            maker: Maker::from_manufacturer(&info.manufacturer),
            plain_wrap: config.wrap.plain(),
            padded: PaddedWrap::of(&module.functions, slot, config.wrap.padded()),
            slot,
            suspicion: Arc::clone(suspicion),
            module: Arc::clone(module),
            _initialized: initialized,
        })
    }

    /// Returns the token's description of itself (C_GetTokenInfo).
    pub fn info(&self) -> Result<TokenInfo, Error> {
        self.judge(self.module.token_info(self.slot))
    }

    /// Whether the slot calls itself a hardware slot (CKF_HW_SLOT).
    pub fn is_hardware(&self) -> bool {
        self.module.context.get_slot_info(self.slot).is_ok_and(|info| info.hardware_slot())
    }

    /// Checks that the device and these keys are present. Calls C_GetTokenInfo; then, in the anchor session, which
    /// holds the login, checks that it is logged in and reads CKA_ID through each handle. On SoftHSM the first call
    /// detects that the token's directory is gone, and the last ones that the file of a key is gone; C_OpenSession,
    /// C_GetSessionInfo and C_FindObjects still answer CKR_OK (measured).
    pub fn check(&self, keys: &[&Key]) -> Result<(), Error> {
        self.info()?;
        self.look(true, keys)
    }

    /// Makes one call of [`Self::check`], another one at each turn.
    pub fn glance(&self, turn: usize, keys: &[&Key]) -> Result<(), Error> {
        match turn % (keys.len() + 2) {
            0 => self.info().map(drop),
            1 => self.look(true, &[]),
            key => self.look(false, keys.get(key - 2..=key - 2).unwrap_or_default()),
        }
    }

    /// Checks in the anchor session that it is logged in, and reads CKA_ID through each handle.
    fn look(&self, at_login: bool, keys: &[&Key]) -> Result<(), Error> {
        let handles = keys.iter().map(|key| key.handle(self.generation)).collect::<Result<Vec<_>, _>>()?;
        let looked = self.anchored(|session| {
            if at_login && !matches!(session.get_session_info()?.session_state(), SessionState::RwUser) {
                // The answer that any use of a key would get.
                return Err(binding::Error::Pkcs11(RvError::UserNotLoggedIn, Function::GetSessionInfo));
            }
            for handle in handles {
                self.module.functions.attribute(session, handle, CKA_ID, &mut [0; LONGEST_ID])?;
            }
            Ok(())
        })?;
        self.judge(looked.map_err(Error::from_binding))?;
        if at_login {
            self.anchor_is_lost.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Makes a call that reads data. If its answer may mean damaged data as well as a failing device, `is_well` makes
    /// the device do the same with the server's own data. If that succeeds, the call is repeated once, except after
    /// CKR_GENERAL_ERROR. If it gets such an answer again, the error is `damaged`.
    pub(crate) fn read<T>(
        &self,
        call: impl Fn() -> Result<T, Error>,
        is_well: impl FnOnce() -> Result<bool, Error>,
        damaged: impl FnOnce(Answer) -> Error,
    ) -> Result<T, Error> {
        let first = call();
        let Some(answer) = first.as_ref().err().and_then(Error::doubtful) else { return self.judge(first) };
        if !is_well()? {
            self.suspicion.raise();
            return Err(self.fault(answer));
        }
        if !matches!(answer.value, RvError::GeneralError) {
            let second = call();
            if second.as_ref().err().and_then(Error::doubtful).is_none() {
                return self.judge(second);
            }
        }
        Err(damaged(answer))
    }

    /// Returns the error of a device that failed with an answer that damaged data gets too. If something is found to be
    /// lost, that is the error: Kryoptic answers CKR_GENERAL_ERROR to C_UnwrapKey after the login is lost.
    fn fault(&self, answer: Answer) -> Error {
        self.check(&[]).err().unwrap_or(Error::Device(answer))
    }

    /// Whether the handle belongs to this device, and its object was not found to be lost.
    pub fn knows(&self, key: &Key) -> bool {
        key.handle(self.generation).is_ok()
    }

    /// Whether the session that owns the session objects was lost. Only [`crate::Token::reset`] replaces it.
    pub fn anchor_is_lost(&self) -> bool {
        self.anchor_is_lost.load(Ordering::Acquire)
    }

    /// Whether the token is one of SoftHSM, which keeps objects in files.
    pub fn is_softhsm(&self) -> bool {
        self.maker == Maker::SoftHsm
    }

    /// Returns the numbers of sessions. The token is not called.
    pub fn sessions(&self) -> Sessions {
        self.pool.sessions()
    }

    /// Destroys the session objects whose keys were dropped, and returns their number. Every operation in the anchor
    /// session also destroys some of them.
    pub fn reap(&self) -> Result<usize, Error> {
        let mut buried = 0;
        loop {
            // Other callers can take their turns between the rounds.
            let some = self.anchored(|session| self.bury(session, REAPED_PER_CALL))?;
            buried += some;
            if some < REAPED_PER_CALL {
                return Ok(buried);
            }
        }
    }

    /// Whether data that was written to the token is durable only after [`crate::sync`].
    pub fn needs_sync(&self) -> bool {
        self.maker.needs_sync()
    }

    /// Runs `call` in a session of the pool.
    pub(crate) fn work<T>(&self, call: impl FnOnce(&Session) -> Result<T, cryptoki::error::Error>) -> Result<T, Error> {
        self.judge(self.try_work(call))
    }

    /// The same for [`Self::read`], which judges the answer.
    pub(crate) fn try_work<T>(
        &self,
        call: impl FnOnce(&Session) -> Result<T, cryptoki::error::Error>,
    ) -> Result<T, Error> {
        self.pool.run(call)
    }

    /// Runs `call` in the anchor session, for session objects that must outlive the call.
    pub(crate) fn own<T>(&self, call: impl FnOnce(&Session) -> Result<T, cryptoki::error::Error>) -> Result<T, Error> {
        self.judge(self.try_own(call))
    }

    /// The same for [`Self::read`], which judges the answer.
    pub(crate) fn try_own<T>(
        &self,
        call: impl FnOnce(&Session) -> Result<T, cryptoki::error::Error>,
    ) -> Result<T, Error> {
        let result = self.anchored(|session| {
            self.bury(session, REAPED_PER_CALL);
            call(session).map_err(Error::from_binding)
        })?;
        if result.as_ref().is_err_and(|error| error.loss() == Some(Loss::Session)) {
            self.anchor_is_lost.store(true, Ordering::Release);
        }
        result
    }

    /// Runs `call`, which makes, destroys or lists token objects, in a session of the pool. If the token needs it, only
    /// one such call runs at a time, except that a call that hangs is not waited for.
    pub(crate) fn lasting<T>(
        &self,
        call: impl FnOnce(&Session) -> Result<T, cryptoki::error::Error>,
    ) -> Result<T, Error> {
        if !self.maker.confuses_token_objects() {
            return self.work(call);
        }
        let (turns, deadline, patience) = &self.lasting;
        match turns.take(Instant::now() + *deadline, *patience) {
            Ok(turn) => self.work(|session| {
                turn.begins();
                call(session)
            }),
            Err(Error::Hangs) => self.work(call),
            Err(error) => Err(error),
        }
    }

    /// Runs `call` in the anchor session, or in a new one if a call hangs in the old one.
    fn anchored<T>(&self, call: impl FnOnce(&Session) -> T) -> Result<T, Error> {
        self.anchor.run(|| self.pool.open(), call)
    }

    pub(crate) fn session_key(&self, handle: ObjectHandle, bytes: usize) -> Key {
        Key::session(handle, self.generation, Some(bytes), &self.graveyard)
    }

    pub(crate) fn private_key(&self, handle: ObjectHandle) -> Key {
        Key::session(handle, self.generation, None, &self.graveyard)
    }

    pub(crate) fn token_key(&self, handle: ObjectHandle, bytes: Option<usize>) -> Key {
        Key::token(handle, self.generation, bytes)
    }

    /// Destroys up to `limit` dead session objects. A handle that cannot be destroyed is given up; it ends with the
    /// anchor session.
    fn bury(&self, session: &Session, limit: usize) -> usize {
        let dead = self.graveyard.exhume(limit);
        for handle in &dead {
            let _ = session.destroy_object(*handle);
        }
        dead.len()
    }

    /// Raises the suspicion if the answer is one that a missing device gives.
    fn judge<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && error.loss().is_some_and(|loss| loss != Loss::Room)
        {
            self.suspicion.raise();
        }
        result
    }
}
