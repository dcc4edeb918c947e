//! Sessions: the bounded pool for operations, and the anchor session, which holds the login and owns session objects.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cryptoki::context::Pkcs11;
use cryptoki::session::Session;
use cryptoki::slot::Slot;

use crate::error::{Error, Loss};

/// Sessions for operations. They are opened when needed, at most `max`. The last used session is used first.
pub(crate) struct Pool {
    context: Pkcs11,
    slot: Slot,
    max: usize,
    deadline: Duration,
    state: Mutex<State>,
    returned: Condvar,
}

/// The numbers of sessions of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sessions {
    /// The number of open sessions.
    pub open: usize,
    /// The number of open sessions that are in use.
    pub busy: usize,
    /// The maximum number of sessions.
    pub limit: usize,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    leased: usize,
    /// The number of threads that wait for a session.
    waiting: usize,
    /// The number of sessions that the token had room for, and when that was found.
    room: Option<(usize, Instant)>,
}

/// The time for which the pool does not try to open another session after the token had no room for it.
const ROOM_STANDS: Duration = Duration::from_secs(1);

impl Pool {
    pub(crate) fn new(context: Pkcs11, slot: Slot, max: usize, deadline: Duration) -> Self {
        Self { context, slot, max: max.max(1), deadline, state: Mutex::default(), returned: Condvar::new() }
    }

    /// Runs `call` in a session. A session whose call failed is closed, because an operation may still be active in it,
    /// and every later call would get CKR_OPERATION_ACTIVE. If the session was lost, the idle ones may be lost too, so
    /// they are also closed.
    pub(crate) fn run<T>(&self, call: impl FnOnce(&Session) -> Result<T, cryptoki::error::Error>) -> Result<T, Error> {
        let (permit, session) = self.lease()?;
        match call(&session).map_err(Error::from_binding) {
            Ok(value) => {
                permit.give_back(session);
                Ok(value)
            }
            Err(error) => {
                // Damaged data of a caller proves nothing about the other sessions.
                if error.doubtful().is_none()
                    && matches!(error.loss(), Some(Loss::Session | Loss::Login | Loss::Device))
                {
                    let idle = std::mem::take(&mut self.lock().idle);
                    drop(idle);
                }
                Err(error)
            }
        }
    }

    /// Takes a session. The permit is the first value, so that the session is dropped (closed) before the permit lets
    /// another one be opened.
    fn lease(&self) -> Result<(Permit<'_>, Session), Error> {
        let deadline = Instant::now() + self.deadline;
        loop {
            let (permit, idle) = self.permit(deadline)?;
            if let Some(session) = idle {
                return Ok((permit, session));
            }
            match self.open() {
                Ok(session) => return Ok((permit, session)),
                // There are other sessions, and one of them will be returned.
                Err(error) if error.loss() == Some(Loss::Room) && self.note_room() => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn permit(&self, deadline: Instant) -> Result<(Permit<'_>, Option<Session>), Error> {
        let mut state = self.lock();
        while state.leased >= state.most(self.max) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Busy);
            }
            // No notification comes when `ROOM_STANDS` has passed.
            state.waiting += 1;
            let (woken, _) =
                self.returned.wait_timeout(state, left.min(ROOM_STANDS)).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.waiting -= 1;
        }
        state.leased += 1;
        let idle = state.idle.pop();
        Ok((Permit { pool: self }, idle))
    }

    /// Notes that the token has no room for the session that the caller may open. Returns false if there is no other
    /// session.
    fn note_room(&self) -> bool {
        let mut state = self.lock();
        let others = (state.idle.len() + state.leased).saturating_sub(1);
        state.room = (others > 0).then(|| (others, Instant::now()));
        others > 0
    }

    /// Returns the current numbers of sessions.
    pub(crate) fn sessions(&self) -> Sessions {
        let state = self.lock();
        Sessions { open: state.idle.len() + state.leased, busy: state.leased, limit: self.max }
    }

    /// Opens a session that does not count for the pool, to check the device even if the pool is exhausted.
    pub(crate) fn open(&self) -> Result<Session, Error> {
        self.context.open_rw_session(self.slot).map_err(Error::from_binding)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns how many sessions may be in use at one time.
    fn most(&self, max: usize) -> usize {
        match self.room {
            Some((room, since)) if since.elapsed() < ROOM_STANDS => max.min(room),
            _ => max,
        }
    }
}

/// The right to hold one session. Dropping it gives the right up.
struct Permit<'a> {
    pool: &'a Pool,
}

impl Permit<'_> {
    fn give_back(self, session: Session) {
        self.pool.lock().idle.push(session);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.leased -= 1;
        // A notification is a system call, also if no thread waits.
        if state.waiting > 0 {
            drop(state);
            self.pool.returned.notify_one();
        }
    }
}

/// The one long-lived session. It holds the login, which ends with the last session, and owns the session objects,
/// which end with the session that made them (PKCS#11, C_CloseSession). Only single calls run in it, never an Init, so
/// a failure cannot leave an operation active.
///
/// If a call in it hangs, its session is abandoned and keeps its objects, and another session takes its place.
pub(crate) struct Anchor {
    deadline: Duration,
    /// The time that a call may take.
    patience: Duration,
    present: Mutex<Arc<Held>>,
    /// Abandoned sessions, in which a call hangs or hung.
    left: Mutex<Vec<Arc<Held>>>,
}

/// The maximum number of abandoned sessions. Each costs a thread.
const MOST_LEFT: usize = 4;

/// A queue for calls that run one at a time. A mutex cannot be waited for with a deadline.
#[derive(Default)]
pub(crate) struct Turns {
    /// The time at which the running call began.
    taken: Mutex<Option<Instant>>,
    freed: Condvar,
}

impl Turns {
    /// Waits for the turn. [`Error::Hangs`] if the running call takes longer than `patience`.
    pub(crate) fn take(&self, deadline: Instant, patience: Duration) -> Result<Turn<'_>, Error> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(since) = *taken {
            let now = Instant::now();
            if now >= since + patience {
                return Err(Error::Hangs);
            }
            if now >= deadline {
                return Err(Error::Busy);
            }
            let left = deadline.min(since + patience).saturating_duration_since(now);
            (taken, _) = self.freed.wait_timeout(taken, left).unwrap_or_else(PoisonError::into_inner);
        }
        *taken = Some(Instant::now());
        Ok(Turn(self))
    }
}

/// A session for one call at a time.
struct Held {
    turns: Turns,
    session: Mutex<Session>,
}

impl Held {
    fn new(session: Session) -> Arc<Self> {
        Arc::new(Self { turns: Turns::default(), session: Mutex::new(session) })
    }
}

impl Anchor {
    pub(crate) fn new(session: Session, deadline: Duration, patience: Duration) -> Self {
        Self { deadline, patience, present: Mutex::new(Held::new(session)), left: Mutex::default() }
    }

    /// Runs `call` in the anchor session. The holder of the turn finds its mutex free. `open` makes the session that
    /// replaces one in which a call hangs.
    pub(crate) fn run<T>(
        &self,
        open: impl Fn() -> Result<Session, Error>,
        call: impl FnOnce(&Session) -> T,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + self.deadline;
        loop {
            let present = Arc::clone(&self.present());
            match present.turns.take(deadline, self.patience) {
                Ok(_turn) => {
                    let session = present.session.lock().unwrap_or_else(PoisonError::into_inner);
                    return Ok(call(&session));
                }
                Err(Error::Hangs) if self.is_replaceable(&present) => self.replace(&present, open()?),
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether another session may replace this one, or has already replaced it.
    fn is_replaceable(&self, hung: &Arc<Held>) -> bool {
        !Arc::ptr_eq(&self.present(), hung)
            || self.left.lock().unwrap_or_else(PoisonError::into_inner).len() < MOST_LEFT
    }

    fn replace(&self, hung: &Arc<Held>, session: Session) {
        let mut present = self.present();
        if Arc::ptr_eq(&present, hung) {
            let former = std::mem::replace(&mut *present, Held::new(session));
            self.left.lock().unwrap_or_else(PoisonError::into_inner).push(former);
        }
    }

    fn present(&self) -> MutexGuard<'_, Arc<Held>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to make a call. Dropping it gives the right up.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turn<'_> {
    /// Notes that the call begins now, so that the time of waiting does not count.
    pub(crate) fn begins(&self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.freed.notify_one();
    }
}
