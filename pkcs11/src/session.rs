//! Sessions: the bounded pool that works, and the anchor that holds the login and owns session objects.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cryptoki::context::Pkcs11;
use cryptoki::session::Session;
use cryptoki::slot::Slot;

use crate::error::Error;

/// Sessions that do the work, opened when needed, never more than `max`, the last used first: it is the warm one.
pub(crate) struct Pool {
    context: Pkcs11,
    slot: Slot,
    max: usize,
    deadline: Duration,
    state: Mutex<State>,
    returned: Condvar,
}

/// The sessions that do the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sessions {
    /// Those that are open.
    pub open: usize,
    /// Those of them that work.
    pub busy: usize,
    /// The most that there may be.
    pub limit: usize,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    leased: usize,
}

impl Pool {
    pub(crate) fn new(context: Pkcs11, slot: Slot, max: usize, deadline: Duration) -> Self {
        Self { context, slot, max: max.max(1), deadline, state: Mutex::default(), returned: Condvar::new() }
    }

    /// Runs `call` in a session of its own. A session whose call failed is closed: an operation may still be active in it,
    /// and every later one would get CKR_OPERATION_ACTIVE.
    pub(crate) fn run<T>(&self, call: impl FnOnce(&Session) -> Result<T, cryptoki::error::Error>) -> Result<T, Error> {
        let (permit, session) = self.lease()?;
        let value = call(&session).map_err(Error::from_binding)?;
        permit.give_back(session);
        Ok(value)
    }

    /// The permit comes first, so that the session is dropped (closed) before the permit lets another one be opened.
    fn lease(&self) -> Result<(Permit<'_>, Session), Error> {
        let (permit, idle) = self.permit()?;
        let session = match idle {
            Some(session) => session,
            None => self.open()?,
        };
        Ok((permit, session))
    }

    fn permit(&self) -> Result<(Permit<'_>, Option<Session>), Error> {
        let (mut state, waited) = self
            .returned
            .wait_timeout_while(self.lock(), self.deadline, |state| state.leased >= self.max)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(Error::Busy);
        }
        state.leased += 1;
        let idle = state.idle.pop();
        Ok((Permit { pool: self }, idle))
    }

    /// How many there are just now.
    pub(crate) fn sessions(&self) -> Sessions {
        let state = self.lock();
        Sessions { open: state.idle.len() + state.leased, busy: state.leased, limit: self.max }
    }

    /// A session outside the pool's count, for looking at the device while the pool may be exhausted by it.
    pub(crate) fn open(&self) -> Result<Session, Error> {
        self.context.open_rw_session(self.slot).map_err(Error::from_binding)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to hold one session; given up when dropped.
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
        self.pool.lock().leased -= 1;
        self.pool.returned.notify_one();
    }
}

/// The one long-lived session. It holds the login, which ends with the last session, and owns the session
/// objects, which end with the session that made them (PKCS#11, C_CloseSession). Only single calls run in it, never an Init, so no failure can
/// leave an operation active.
pub(crate) struct Anchor {
    deadline: Duration,
    taken: Mutex<bool>,
    freed: Condvar,
    session: Mutex<Session>,
}

impl Anchor {
    pub(crate) fn new(session: Session, deadline: Duration) -> Self {
        Self { deadline, taken: Mutex::new(false), freed: Condvar::new(), session: Mutex::new(session) }
    }

    /// Runs `call` in the anchor session. A mutex cannot be waited for with a deadline, so there is a turn to take first; who
    /// has the turn finds the mutex free.
    pub(crate) fn run<T>(&self, call: impl FnOnce(&Session) -> T) -> Result<T, Error> {
        let _turn = self.turn()?;
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(call(&session))
    }

    fn turn(&self) -> Result<Turn<'_>, Error> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, waited) =
            self.freed.wait_timeout_while(taken, self.deadline, |taken| *taken).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(Error::Busy);
        }
        *taken = true;
        Ok(Turn { anchor: self })
    }
}

struct Turn<'a> {
    anchor: &'a Anchor,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.anchor.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.anchor.freed.notify_one();
    }
}
