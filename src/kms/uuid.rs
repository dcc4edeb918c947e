//! Universally unique identifiers (RFC 9562).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use openssl::rand::rand_bytes;
use uuid::{Builder, Variant, Version};

use super::error::Error;
use crate::custody;

/// Number of bits of the counter after the time in an ordered identifier: the field `rand_a`.
const COUNTER: u32 = 12;

/// Time and counter of the last ordered identifier.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A UUID of version 4, from OpenSSL's generator (RFC 9562 section 5.4).
///
/// # Errors
/// OpenSSL's generator failed.
pub fn random() -> Result<String, Error> {
    Ok(Builder::from_random_bytes(random_bytes()?).into_uuid().to_string())
}

/// A UUID of version 8 (RFC 9562 section 5.8), derived from a name: the same name always gives the same UUID.
#[must_use]
pub fn named(name: &str) -> String {
    let digest = openssl::sha::sha256(name.as_bytes());
    let bytes = digest.first_chunk::<16>().copied().unwrap_or_default();
    Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Whether a text could be a UUID of [`named`].
#[must_use]
pub fn is_named(text: &str) -> bool {
    text.len() == 36 && text.as_bytes().get(14) == Some(&b'8')
}

/// A UUID of version 7 (RFC 9562 section 5.7), greater than each one that this process made before, so that new entries
/// are at the end of an index and not on a page in the middle. It reveals the millisecond in which it was made.
///
/// # Errors
/// OpenSSL's generator failed.
pub fn ordered() -> Result<String, Error> {
    let random = u128::from_be_bytes(random_bytes()?);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since.as_millis()).unwrap_or_default() << COUNTER;
    let place = after(&LAST, now);
    let number = u128::from(place >> COUNTER) << 80 | u128::from(place & 0xfff) << 64 | random & u128::from(u64::MAX);
    let ordered = Builder::from_u128(number).with_variant(Variant::RFC4122).with_version(Version::SortRand);
    Ok(ordered.into_uuid().to_string())
}

/// `now`, or the first value after the last one (RFC 9562 section 6.2, method 1: the counter overflows into the time).
fn after(last: &AtomicU64, now: u64) -> u64 {
    let next = |last: u64| now.max(last.saturating_add(1));
    let last = last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
    next(last.unwrap_or_else(|last| last))
}

/// Uses OpenSSL's generator: the `uuid` crate is built without one.
fn random_bytes() -> Result<[u8; 16], Error> {
    let mut bytes = [0_u8; 16];
    rand_bytes(&mut bytes).map_err(custody::Error::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of(id: &str, version: u8) {
        assert_eq!((id.len(), id.as_bytes()[14]), (36, version), "{id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert!(id.bytes().enumerate().all(|(at, byte)| {
            if [8, 13, 18, 23].contains(&at) { byte == b'-' } else { b"0123456789abcdef".contains(&byte) }
        }));
    }

    #[test]
    fn a_random_one_is_of_version_4() {
        for _ in 0..100 {
            is_of(&random().unwrap(), b'4');
        }
        assert_ne!(random().unwrap(), random().unwrap());
    }

    #[test]
    fn one_that_is_made_of_a_name_is_of_version_8() {
        for name in ["", "a", "environment\0p\0dev"] {
            is_of(&named(name), b'8');
            assert!(is_named(&named(name)));
        }
        // Environments without a row are called so: it must never change.
        assert_eq!(named("a"), "ca978112-ca1b-8dca-bac2-31b39a23dc4d");
        for other in [random().unwrap(), ordered().unwrap(), named("a") + "0", "8".repeat(14), String::new()] {
            assert!(!is_named(&other), "{other}");
        }
    }

    #[test]
    fn an_ordered_one_is_of_version_7_and_above_those_before() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..10_000).map(|_| ordered().unwrap()).collect::<Vec<_>>()))
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            let own = thread.join().unwrap();
            assert!(own.is_sorted_by(|one, next| one < next));
            is_of(&own[0], b'7');
            all.extend(own);
        }
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 40_000);
        let digits: String = ordered().unwrap().replace('-', "").chars().take(12).collect();
        let milliseconds = u64::from_str_radix(&digits, 16).unwrap();
        let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        assert!(milliseconds.abs_diff(now) < 60_000);
    }

    #[test]
    fn a_clock_that_goes_back_and_a_full_counter_keep_the_order() {
        let last = AtomicU64::new(0);
        let at = |milliseconds: u64| milliseconds << COUNTER;
        assert_eq!(after(&last, at(1000)), at(1000));
        assert_eq!(after(&last, at(999)), at(1000) + 1);
        last.store(at(1001) - 1, Ordering::Relaxed);
        assert_eq!(after(&last, at(1000)), at(1001));
        assert_eq!(after(&last, at(2000)), at(2000));
    }
}
