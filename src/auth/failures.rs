//! Failed attempts, counted by address. A valid credential is never refused because of failures of its neighbours.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

/// The span in which failures are counted.
const SPAN: Duration = Duration::from_secs(60);

/// The maximum number of addresses that are counted at one time. The least recently seen one is evicted.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// The counter of failures.
pub struct Failures {
    limit: u32,
    counts: Mutex<LruCache<IpAddr, (Instant, u32)>>,
}

impl Failures {
    /// Makes a counter that allows `limit` failures in a minute from one address. 0: no limit.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self { limit, counts: Mutex::new(LruCache::new(CAPACITY)) }
    }

    /// Counts a failure. Returns whether it is above the limit.
    pub fn count(&self, address: IpAddr) -> bool {
        if self.limit == 0 {
            return false;
        }
        let now = Instant::now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = counts.get_or_insert_mut(network(address), || (now, 0));
        if now.duration_since(*since) > SPAN {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count > self.limit
    }
}

/// Returns the address that limits apply to. For IPv6 it is the /64 network, because a host can choose any address in
/// it.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_above_the_limit_of_one_address_is_told() {
        let failures = Failures::new(2);
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!([a, a, a, b, a].map(|address| failures.count(address)), [false, false, true, false, true]);
        let unlimited = Failures::new(0);
        assert!((0..10).all(|_| !unlimited.count(a)));
    }

    #[test]
    fn ipv6_counts_by_64_and_mapped_ipv4_by_host() {
        let [a, b, c] =
            ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"].map(|text| network(text.parse().unwrap()));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), "10.0.0.1".parse::<IpAddr>().unwrap());
    }
}
