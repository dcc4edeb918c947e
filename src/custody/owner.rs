//! The thread that watches the token and recovers it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use claviger_pkcs11::{Device, Error as TokenError, OpenError};

use super::error::{Error, RootError};
use super::root;
use super::state::Custody;
use super::trying::{FIRST_TRY, Most};
use crate::metrics::HsmCall;
use crate::store::Store;
use crate::store::root_key;

/// The pause between two looks at the token while no call reports a failure. Each such look is one call.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause after a look that found nothing to recover.
const CALM: Duration = Duration::from_millis(50);

/// The first and the longest pause between two attempts to recover the token.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// The number of attempts without a pause. Calls wait for them, and the token may be lost again during an attempt.
const AT_ONCE: usize = 3;

/// A recovery counts as successful if the token works for this long after it.
const LASTS: Duration = Duration::from_millis(500);

/// A thread that watches the token and recovers it. Dropping this ends the thread.
pub struct Owner {
    custody: Arc<Custody>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Owner {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(custody: &Arc<Custody>, store: &Arc<Store>) -> Result<Self, std::io::Error> {
        let (stop, stopped) = channel();
        let watched = Arc::clone(custody);
        let store = Arc::clone(store);
        let thread =
            thread::Builder::new().name("token-owner".to_owned()).spawn(move || watch(&watched, &store, &stopped))?;
        Ok(Self { custody: Arc::clone(custody), stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop = None;
        self.custody.token.suspect().raise();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(custody: &Custody, store: &Store, stopped: &Receiver<()>) {
    let mut recoveries = Recoveries::default();
    let (mut hangs, mut turn) = (false, 0);
    loop {
        let is_rung = custody.token.suspect().wait(INTERVAL);
        turn = if is_rung { 0 } else { turn + 1 };
        if is_stopped(stopped, Duration::ZERO) {
            return;
        }
        let (error, pause) = match look(custody, turn, &mut recoveries, &mut hangs) {
            Found::Known { is_well } => {
                custody.token.suspect().looked(is_well);
                // Callers can raise the suspicion as often as they like.
                if is_stopped(stopped, CALM) {
                    return;
                }
                continue;
            }
            Found::Lost(error, pause) => (error, pause),
        };
        if is_stopped(stopped, pause) {
            return;
        }
        tracing::error!(%error, "the token is unavailable");
        custody.token.suspect().hope();
        if !recover(custody, store, stopped) {
            return;
        }
        recoveries.last = Some(Instant::now());
    }
}

/// The result of a look at the token.
enum Found {
    /// The token needs no recovery, or cannot be recovered now.
    Known { is_well: bool },
    /// The token has to be recovered after this pause.
    Lost(Error, Duration),
}

/// Looks at the token. `turn`: the number of looks in a row without a reported failure. `hangs`: whether the last look
/// found a call that hangs.
fn look(custody: &Custody, turn: usize, recoveries: &mut Recoveries, hangs: &mut bool) -> Found {
    if custody.hangs() {
        // The module must not be finalized during a call. Calls that need no recovery continue.
        if !std::mem::replace(hangs, true) {
            tracing::error!("a call of the HSM's module does not return: if this lasts, restart the server");
        }
        return Found::Known { is_well: false };
    }
    if std::mem::take(hangs) {
        tracing::info!("all calls of the HSM's module return again");
    }
    // Handles that left the cache are destroyed here too, and not only at the next unwrap.
    if let Ok(device) = custody.device(HsmCall::Look) {
        let _ = device.reap();
    }
    let is_quiet = turn > 0 && !custody.outcomes.has_failures();
    let looked = if is_quiet { custody.glance(turn) } else { custody.check_since(recoveries.last) };
    let checked = looked.and_then(|()| custody.rescan_if_wanted());
    let error = match checked {
        Err(error) if !error.is_busy() => error,
        _ => return Found::Known { is_well: true },
    };
    let keys_fail = matches!(error, Error::Failing(_));
    let pause = recoveries.pause(keys_fail);
    if keys_fail && !pause.is_zero() {
        // The last recovery did not help: until the next one, calls fail immediately.
        return Found::Known { is_well: false };
    }
    Found::Lost(error, pause)
}

/// Limits the rate of recoveries while keys continue to fail in a token that answers.
struct Recoveries {
    last: Option<Instant>,
    pause: Duration,
}

impl Default for Recoveries {
    fn default() -> Self {
        Self { last: None, pause: BACK_OFF.0 }
    }
}

impl Recoveries {
    /// Returns the time until the next recovery may begin. If keys fail again soon after a recovery, the pause doubles,
    /// up to the longest of [`BACK_OFF`].
    fn pause(&mut self, keys_fail: bool) -> Duration {
        let (shortest, longest) = BACK_OFF;
        let Some(since) = self.last.map(|last| last.elapsed()) else { return Duration::ZERO };
        if !keys_fail || since >= LASTS.max(2 * self.pause) {
            self.pause = shortest;
        } else if since >= self.pause {
            self.pause = (2 * self.pause).min(longest);
            return Duration::ZERO;
        }
        self.pause.saturating_sub(since)
    }
}

/// Reads the root keys, the placed keys and the limits of a token that is available again.
fn learn(custody: &Custody, store: &Store, device: &Device) -> Result<(), RootError> {
    let recorded = root_key::all(store)?;
    let roots = root::find(device, &recorded)?;
    let began = Instant::now();
    let placed = Custody::scan(device)?;
    // On failure the former rule stays, and the first encryption reports the cause.
    let _ = device.learn_iv_rule();
    let before = Most::of(device);
    if let Err(error) = device.learn_bounds(FIRST_TRY) {
        tracing::warn!(%error, "could not find out how much the HSM takes in one call: the former limits are used");
    }
    let now = Most::of(device);
    if now != before {
        now.log();
    }
    // No caller is admitted yet, so the first caller gets the new handles.
    *custody.roots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roots);
    *custody.placed.write().unwrap_or_else(PoisonError::into_inner) = placed;
    *custody.listed.lock().unwrap_or_else(PoisonError::into_inner) = began;
    Ok(())
}

/// Tries to recover the token. Returns false if the server stops in the meantime, or if the PIN is wrong.
fn recover(custody: &Custody, store: &Store, stopped: &Receiver<()>) -> bool {
    let began = Instant::now();
    let (mut pause, longest) = BACK_OFF;
    let mut said = String::new();
    for attempt in 1.. {
        // The reset may first wait for running calls, as long as one may take.
        let mark = custody.under_way.begin(custody.call_timeout * 3);
        let verified = custody.token.reset(|device| learn(custody, store, device));
        drop(mark);
        match verified {
            Ok(()) => {
                custody.token.suspect().looked(true);
                let seconds = began.elapsed().as_secs_f32();
                tracing::info!(seconds, "the token is back, with its root keys");
                return true;
            }
            // Tokens lock after a few wrong PINs, so there is no further attempt. After a change of the PIN the
            // operator must restart the server.
            Err(OpenError::Token(
                error @ (TokenError::PinIncorrect(_) | TokenError::PinLocked(_) | TokenError::PinInvalid(_)),
            )) => {
                custody.token.suspect().looked(false);
                tracing::error!(%error, "the token is back, but refuses the PIN: restart with the right PIN");
                return false;
            }
            // The device was not reset, and its calls continue.
            Err(OpenError::Token(TokenError::Hangs)) => {
                custody.token.suspect().looked(false);
                return true;
            }
            Err(_) if attempt < AT_ONCE && !is_stopped(stopped, Duration::ZERO) => continue,
            Err(error) => {
                custody.token.suspect().looked(false);
                let text = error.to_string();
                if text != said {
                    tracing::warn!(error = %text, "the token is not back yet");
                    said = text;
                }
            }
        }
        if is_stopped(stopped, pause) {
            break;
        }
        pause = (pause * 2).min(longest);
    }
    false
}

/// Waits up to `pause` for the owner to be dropped. Returns whether it was.
fn is_stopped(stopped: &Receiver<()>, pause: Duration) -> bool {
    !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "allowed in tests")]

    use super::*;

    #[test]
    fn recoveries_that_do_not_help_come_slower_and_those_of_losses_do_not() {
        let mut recoveries = Recoveries::default();
        assert!(recoveries.pause(true).is_zero(), "the first begins at once");
        let ago = |time| Instant::now().checked_sub(time).unwrap();
        recoveries.last = Some(ago(Duration::from_millis(150)));
        assert!(recoveries.pause(true).is_zero());
        assert!(!recoveries.pause(true).is_zero(), "the pause is longer now");
        assert!(recoveries.pause(false).is_zero());
        for _ in 0..10 {
            recoveries.last = Some(ago(recoveries.pause));
            assert!(recoveries.pause(true).is_zero());
        }
        assert_eq!(recoveries.pause, BACK_OFF.1);
        recoveries.last = Some(ago(2 * BACK_OFF.1));
        assert!(recoveries.pause(true).is_zero());
        assert_eq!(recoveries.pause, BACK_OFF.0, "it was well for long enough");
    }
}
