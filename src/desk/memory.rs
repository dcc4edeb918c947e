//! Memory for bodies and answers, bounded in total and for each caller.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::full::Full;
use super::who::Who;

/// One caller may hold one part in this many of the total.
pub const PART: usize = 8;

/// The memory that all callers hold.
pub(super) struct Memory {
    total: usize,
    inner: Mutex<Inner>,
    freed: Notify,
}

#[derive(Default)]
struct Inner {
    held: usize,
    strangers: usize,
    callers: HashMap<Who, usize>,
}

/// A reservation of memory for one caller. Dropping it gives the memory back.
pub struct Room {
    memory: Arc<Memory>,
    who: Who,
    held: usize,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Room({} bytes)", self.held)
    }
}

impl Memory {
    /// Creates the memory of `total` bytes.
    pub(super) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, inner: Mutex::default(), freed: Notify::new() })
    }

    /// The bytes that all callers hold.
    pub(super) fn held(&self) -> usize {
        self.lock().held
    }

    /// The most bytes that one caller may hold, or all strangers together.
    fn each(&self) -> usize {
        self.total / PART
    }

    /// Takes `more` bytes if they are free for this caller.
    fn take(&self, who: &Who, more: usize) -> Result<(), Full> {
        let mut inner = self.lock();
        let own = inner.callers.get(who).copied().unwrap_or(0).saturating_add(more);
        let (most, strangers) = match who {
            // One address gets the same part of the strangers' share.
            Who::Stranger(_) => (self.each() / PART, inner.strangers.saturating_add(more)),
            // A claimant only needs memory for the answer.
            Who::Claimant(_) => (self.each() / PART, inner.strangers),
            _ => (self.each(), inner.strangers),
        };
        if own > most || matches!(who, Who::Stranger(_)) && strangers > self.each() {
            return Err(Full::Share);
        }
        let all = inner.held.saturating_add(more);
        // The last part of the memory is reserved for callers who hold little.
        let bound = if own > most / PART { self.total - self.each() } else { self.total };
        if all > bound {
            return Err(Full::All);
        }
        (inner.held, inner.strangers) = (all, strangers);
        if own > 0 {
            inner.callers.insert(who.clone(), own);
        }
        Ok(())
    }

    fn give_back(&self, who: &Who, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut inner = self.lock();
        inner.held = inner.held.saturating_sub(bytes);
        if matches!(who, Who::Stranger(_)) {
            inner.strangers = inner.strangers.saturating_sub(bytes);
        }
        if let Some(own) = inner.callers.get_mut(who) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                inner.callers.remove(who);
            }
        }
        drop(inner);
        self.freed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    pub(super) fn new(memory: &Arc<Memory>, who: &Who) -> Self {
        Self { memory: Arc::clone(memory), who: who.clone(), held: 0 }
    }

    /// Returns a new reservation of 0 bytes for the same caller.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::new(&self.memory, &self.who)
    }

    /// Changes the reservation to `bytes`.
    ///
    /// # Errors
    /// The additional bytes are not free; the reservation stays the same.
    pub fn hold(&mut self, bytes: usize) -> Result<(), Full> {
        if bytes > self.held {
            self.memory.take(&self.who, bytes - self.held)?;
        } else {
            self.memory.give_back(&self.who, self.held - bytes);
        }
        self.held = bytes;
        Ok(())
    }

    /// Changes the reservation to `bytes`, and waits until `until` for memory to become free.
    ///
    /// # Errors
    /// The memory did not become free in time.
    pub async fn wait_to_hold(&mut self, bytes: usize, until: Instant) -> Result<(), Full> {
        let memory = Arc::clone(&self.memory);
        loop {
            let mut freed = std::pin::pin!(memory.freed.notified());
            freed.as_mut().enable();
            match self.hold(bytes) {
                Err(full) if timeout_at(until, freed).await.is_err() => return Err(full),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
        }
    }

    /// The bytes that are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.memory.give_back(&self.who, self.held);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn who(name: &str) -> Who {
        Who::Caller(crate::principal::Username::new(name).unwrap())
    }

    #[test]
    fn a_caller_holds_an_eighth_and_the_last_eighth_is_for_those_who_hold_little() {
        let memory = Memory::new(6400);
        let mut rooms: Vec<Room> = (0..8).map(|number| Room::new(&memory, &who(&format!("c{number}")))).collect();
        for room in &mut rooms[..7] {
            assert_eq!(room.hold(801), Err(Full::Share));
            assert_eq!(room.hold(800), Ok(()));
        }
        assert_eq!(rooms[0].another().hold(1), Err(Full::Share));
        assert_eq!(rooms[7].hold(101), Err(Full::All));
        assert_eq!(rooms[7].hold(100), Ok(()));
        assert_eq!(memory.held(), 5700);
        rooms.clear();
        assert!(memory.held() == 0 && memory.lock().callers.is_empty());
    }

    #[test]
    fn strangers_share_an_eighth_of_which_one_address_has_an_eighth() {
        let memory = Memory::new(6400);
        let stranger = |number: u8| Who::Stranger(std::net::IpAddr::from([10, 0, 0, number]));
        let mut rooms: Vec<Room> = (0..9).map(|number| Room::new(&memory, &stranger(number))).collect();
        assert_eq!(rooms[0].hold(101), Err(Full::Share));
        for room in &mut rooms[..8] {
            assert_eq!(room.hold(100), Ok(()));
        }
        assert_eq!(rooms[8].hold(1), Err(Full::Share));
        assert_eq!(Room::new(&memory, &who("known")).hold(800), Ok(()));
        rooms.clear();
        assert_eq!(memory.lock().strangers, 0);
    }

    #[tokio::test]
    async fn who_waits_gets_what_others_give_back() {
        let memory = Memory::new(800);
        let mut one = Room::new(&memory, &who("one"));
        one.hold(100).unwrap();
        let mut other = one.another();
        assert_eq!(other.wait_to_hold(60, Instant::now()).await, Err(Full::Share));
        let waiting = other.wait_to_hold(60, Instant::now() + Duration::from_secs(60));
        let (waited, ()) = tokio::join!(waiting, async { one.hold(40).unwrap() });
        assert_eq!((waited, other.held(), memory.held()), (Ok(()), 60, 100));
    }
}
