//! How much of the work of the clock one owner gets: the keys that the server replaces by itself are new keys, and take time
//! of the HSM token.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::kmip::ttlv::DateTime;

/// Number of rotations of one owner in one minute of the clock.
const A_MINUTE: u32 = 60;

/// How long the rotations of one owner may take in one sweep, without the last one.
const A_SWEEP: Duration = Duration::from_secs(1);

/// The rotations of each owner in the present minute.
#[derive(Default)]
pub(super) struct Shares(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    number: i64,
    made: HashMap<String, u32>,
}

impl Shares {
    /// Whether the owner gets another rotation in the minute of `now`; if so, it is counted. The log says once in a minute that
    /// an owner gets no more.
    fn take(&self, owner: &str, now: DateTime) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.0.div_euclid(60);
        if minute.number != number {
            *minute = Minute { number, made: HashMap::new() };
        }
        let made = minute.made.entry(owner.to_owned()).or_default();
        if *made == A_MINUTE {
            tracing::warn!(
                owner,
                "the owner has more keys to rotate than the server rotates in a minute: the rest follows"
            );
        }
        *made = made.saturating_add(1);
        *made <= A_MINUTE
    }
}

/// The time that each owner has used in one sweep.
#[derive(Default)]
pub(super) struct Sweep(HashMap<String, Duration>);

impl Sweep {
    /// Makes a rotation of a key of this owner, unless the owner has had its share.
    pub(super) fn make<T>(
        &mut self,
        shares: &Shares,
        (owner, now): (&str, DateTime),
        rotate: impl FnOnce() -> T,
    ) -> Option<T> {
        let spent = self.0.get(owner).copied().unwrap_or_default();
        if spent >= A_SWEEP || !shares.take(owner, now) {
            return None;
        }
        let began = Instant::now();
        let made = rotate();
        self.0.insert(owner.to_owned(), spent + began.elapsed());
        Some(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_gets_sixty_in_a_minute() {
        let shares = Shares::default();
        let taken = |owner, at| (0..100).filter(|_| shares.take(owner, DateTime(at))).count();
        assert_eq!([taken("alice", 60), taken("bob", 61), taken("alice", 119)], [60, 60, 0]);
        assert_eq!([taken("alice", 120), taken("bob", -1), taken("bob", -60)], [60, 60, 0]);
    }

    #[test]
    fn an_owner_gets_a_second_of_a_sweep() {
        let (shares, mut sweep) = (Shares::default(), Sweep::default());
        sweep.0.insert("alice".to_owned(), A_SWEEP);
        let now = DateTime(60);
        assert_eq!(sweep.make(&shares, ("alice", now), || ()), None);
        assert_eq!(sweep.make(&shares, ("bob", now), || ()), Some(()));
        assert_eq!(Sweep::default().make(&shares, ("alice", now), || ()), Some(()));
    }
}
