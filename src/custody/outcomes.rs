//! The outcomes of the calls of the last seconds, which show whether the device fails or only one key does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::Error;
use crate::metrics::HsmCall;

/// The time for which an outcome counts.
const COUNTS: Duration = Duration::from_secs(3);

/// The maximum number of remembered outcomes.
const MOST: usize = 4096;

/// The device counts as failing only if at least one key in this many fails.
const SHARE: usize = 4;

/// The subject of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// A root key or no key: something that all calls need.
    Root,
    /// A managed key, by its fingerprint.
    Key(u64),
}

impl Subject {
    /// Returns a new subject, for a call that makes a key. Such a call is not repeated, so one failure proves as little
    /// as one of any other call.
    pub(super) fn once() -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Self::Key(NUMBERS.fetch_add(1, Ordering::Relaxed))
    }
}

/// The last outcome of each kind of call for each key. Successes are noted only while there are failures, so that a
/// working device causes no cost.
#[derive(Default)]
pub(super) struct Outcomes {
    has_failures: AtomicBool,
    last: Mutex<HashMap<(HsmCall, Subject), Outcome>>,
}

struct Outcome {
    at: Instant,
    /// The error, if the call failed.
    failure: Option<String>,
}

impl Outcomes {
    /// Notes the outcome of a call. Refusals that are not caused by the device count as successes.
    pub(super) fn note<T>(&self, call: HsmCall, subject: impl FnOnce() -> Subject, answer: &Result<T, Error>) {
        let failure = match answer {
            // The call was not tried, because the token is known to be unavailable.
            Err(error) if error.is_away() => return,
            // Other calls hold all the sessions, which proves nothing about the device.
            Err(error) if error.is_busy() => return,
            Err(error) if error.is_of_device() => Some(error.to_string()),
            _ if !self.has_failures.load(Ordering::Acquire) => return,
            _ => None,
        };
        let is_failure = failure.is_some();
        let mut last = self.lock();
        let subject = subject();
        if last.len() < MOST || last.contains_key(&(call, subject)) {
            last.insert((call, subject), Outcome { at: Instant::now(), failure });
        }
        if is_failure {
            self.has_failures.store(true, Ordering::Release);
        }
    }

    /// Whether a call failed in the last seconds.
    pub(super) fn has_failures(&self) -> bool {
        self.has_failures.load(Ordering::Acquire) && {
            let mut last = self.lock();
            last.retain(|_, outcome| outcome.at.elapsed() < COUNTS);
            let has_failures = last.values().any(|outcome| outcome.failure.is_some());
            self.has_failures.store(has_failures, Ordering::Release);
            has_failures
        }
    }

    /// Returns the last failure if the device counts as failing. That is so if, for some kind of call, a root key
    /// failed, or several keys failed and they are not only few of those that were used. Failures before `since` do not
    /// count.
    pub(super) fn failing(&self, since: Option<Instant>) -> Option<String> {
        if !self.has_failures() {
            return None;
        }
        let last = self.lock();
        let counts = |outcome: &Outcome| since.is_none_or(|since| outcome.at > since);
        let mut kinds: HashMap<HsmCall, (usize, usize, Option<&Outcome>)> = HashMap::new();
        for ((call, subject), outcome) in last.iter().filter(|(_, outcome)| counts(outcome)) {
            let (failed, good, newest) = kinds.entry(*call).or_default();
            if outcome.failure.is_none() {
                *good += 1;
                continue;
            }
            *failed += if *subject == Subject::Root { 2 } else { 1 };
            if newest.is_none_or(|newest| newest.at < outcome.at) {
                *newest = Some(outcome);
            }
        }
        kinds.into_values().find_map(|(failed, good, newest)| {
            let last = newest?.failure.clone()?;
            (failed > 1 && failed * SHARE >= good).then_some(last)
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(HsmCall, Subject), Outcome>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::TokenError;

    fn fails(outcomes: &Outcomes, key: u64) {
        outcomes.note(HsmCall::Encrypt, || Subject::Key(key), &Err::<(), _>(Error::Token(TokenError::Stale)));
    }

    fn succeeds(outcomes: &Outcomes, call: HsmCall, key: u64) {
        outcomes.note(call, || Subject::Key(key), &Ok(()));
    }

    #[test]
    fn one_key_is_not_the_device_and_two_are() {
        let outcomes = Outcomes::default();
        fails(&outcomes, 1);
        fails(&outcomes, 1);
        assert!(outcomes.has_failures());
        assert_eq!(outcomes.failing(None), None);
        fails(&outcomes, 2);
        assert!(outcomes.failing(None).is_some());
        // Successes of another kind of call do not count for this kind.
        succeeds(&outcomes, HsmCall::Decrypt, 1);
        succeeds(&outcomes, HsmCall::Decrypt, 2);
        assert!(outcomes.failing(None).is_some());
        assert_eq!(outcomes.failing(Some(Instant::now())), None);
        succeeds(&outcomes, HsmCall::Encrypt, 1);
        assert_eq!(outcomes.failing(None), None);
    }

    #[test]
    fn two_among_many_are_not() {
        let outcomes = Outcomes::default();
        fails(&outcomes, 1);
        fails(&outcomes, 2);
        (3..20).for_each(|key| succeeds(&outcomes, HsmCall::Encrypt, key));
        assert_eq!(outcomes.failing(None), None);
        assert!(outcomes.has_failures());
    }

    #[test]
    fn what_all_calls_need_is_the_device() {
        let outcomes = Outcomes::default();
        outcomes.note(HsmCall::Bind, || Subject::Root, &Err::<(), _>(Error::Token(TokenError::Stale)));
        assert!(outcomes.failing(None).is_some());
        outcomes.note(HsmCall::Bind, || Subject::Root, &Ok(()));
        assert_eq!(outcomes.failing(None), None);
    }
}
