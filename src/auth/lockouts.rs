//! Clients that are locked out because wrong secrets were presented for them.
//!
//! Failures are counted for each client *and* network. So an attacker who guesses a client's secrets locks out only the
//! attacker's own network. Only existing clients are counted. The counts are lost when the process ends.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::network;

/// The maximum number of pairs of client and network that are counted at one time. The least recent failures are
/// evicted.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// The rule for lockouts.
#[derive(Debug, Clone, Copy)]
pub struct LockoutRule {
    /// The number of failures that locks a client out.
    pub threshold: u32,
    /// The duration of a lockout.
    pub duration: Duration,
    /// The time after the last failure after which earlier failures are forgotten.
    pub reset: Duration,
}

/// The counter of failures.
pub struct Lockouts(Mutex<LruCache<(String, IpAddr), Count>>);

struct Count {
    failures: u32,
    is_locked: bool,
    until: Instant,
}

impl Default for Lockouts {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(CAPACITY)))
    }
}

impl Lockouts {
    /// Whether the client is locked out for the network of `address`.
    pub fn is_locked(&self, client: &str, address: IpAddr) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.peek(&(client.to_owned(), network(address)));
        count.is_some_and(|count| count.is_locked && Instant::now() < count.until)
    }

    /// Counts a failure. Returns whether it is the one that locks the client out. During a lockout nothing is counted,
    /// so a lockout is not extended.
    pub fn count(&self, client: &str, address: IpAddr, rule: &LockoutRule) -> bool {
        self.count_at(client, address, rule, Instant::now())
    }

    fn count_at(&self, client: &str, address: IpAddr, rule: &LockoutRule, now: Instant) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Count { failures: 0, is_locked: false, until: now };
        let count = counts.get_or_insert_mut((client.to_owned(), network(address)), fresh);
        if now >= count.until {
            *count = fresh();
        }
        if count.is_locked {
            return false;
        }
        count.failures = count.failures.saturating_add(1);
        count.is_locked = count.failures >= rule.threshold;
        count.until = now + if count.is_locked { rule.duration } else { rule.reset };
        count.is_locked
    }

    /// Forgets the failures of a client in the network of `address`, because the client succeeded there.
    pub fn clear(&self, client: &str, address: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop(&(client.to_owned(), network(address)));
    }

    /// Forgets all failures of a client. Returns how many networks were locked out.
    pub fn clear_all(&self, client: &str) -> usize {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own: Vec<_> = counts.iter().map(|(key, _)| key).filter(|(own, _)| own == client).cloned().collect();
        let now = Instant::now();
        let cleared = own.iter().filter_map(|key| counts.pop(key));
        cleared.filter(|count| count.is_locked && now < count.until).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: LockoutRule =
        LockoutRule { threshold: 3, duration: Duration::from_secs(300), reset: Duration::from_secs(30) };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_is_locked_out_where_it_failed_and_nowhere_else() {
        let (lockouts, here, there) = (Lockouts::default(), address("10.0.0.1"), address("10.0.0.2"));
        assert_eq!([(); 4].map(|()| lockouts.count("a", here, &RULE)), [false, false, true, false]);
        assert!(lockouts.is_locked("a", here));
        assert!(!lockouts.is_locked("a", there) && !lockouts.is_locked("b", here));
        assert_eq!((lockouts.clear_all("b"), lockouts.clear_all("a"), lockouts.clear_all("a")), (0, 1, 0));
        assert!(!lockouts.is_locked("a", here));
    }

    #[test]
    fn failures_are_forgotten_in_time_and_a_lockout_ends_however_often_one_tries() {
        let (lockouts, here, began) = (Lockouts::default(), address("2001:db8::1"), Instant::now());
        let at = |seconds| lockouts.count_at("a", here, &RULE, began + Duration::from_secs(seconds));
        assert!(!at(0) && !at(29) && !at(60) && !at(89), "two within 30 seconds of each other, twice");
        assert!(at(90), "the third");
        assert!((91..390).all(|second| !at(second)));
        assert!(!at(390) && !at(391) && at(392), "the count begins again");
    }

    #[test]
    fn a_success_forgets_what_was_counted() {
        let (lockouts, here) = (Lockouts::default(), address("10.0.0.1"));
        for _ in 0..3 {
            assert!(!lockouts.count("a", here, &RULE) && !lockouts.count("a", here, &RULE));
            lockouts.clear("a", here);
        }
    }
}
