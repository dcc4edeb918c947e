//! The one owner of the token's recovery.

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

/// How long nobody looks at the token while nobody complains. Then a glance is one call.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause after a false alarm.
const CALM: Duration = Duration::from_millis(50);

/// The first and the longest pause between two attempts to get the token back.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// Attempts that are made at once: what was lost once may be lost again meanwhile, and calls wait for them.
const AT_ONCE: usize = 3;

/// A recovery after which the token is well for so long has helped.
const LASTS: Duration = Duration::from_millis(500);

/// A thread that watches the token and brings it back. Dropping it ends the thread.
pub struct Owner {
    custody: Arc<Custody>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Owner {
    /// Starts watching.
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
                // Callers can ring as often as they like.
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

/// What a look at the token found.
enum Found {
    /// There is nothing to recover, or it cannot be now.
    Known { is_well: bool },
    /// The token has to be brought back, after this pause.
    Lost(Error, Duration),
}

/// Looks at the token. `turn`: how often nobody complained before a look, in a row. `hangs`: whether a call hung at the last one.
fn look(custody: &Custody, turn: usize, recoveries: &mut Recoveries, hangs: &mut bool) -> Found {
    if custody.hangs() {
        // The module must not be finalized under a call. What needs no recovery goes on.
        if !std::mem::replace(hangs, true) {
            tracing::error!("a call of the HSM's module does not return: if it goes on, restart the server");
        }
        return Found::Known { is_well: false };
    }
    if std::mem::take(hangs) {
        tracing::info!("no call of the HSM's module hangs any more");
    }
    // Handles of keys that left the cache go on quiet seconds too, not only with the next unwrap.
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
        // The recovery before did not help: calls fail at once until the next.
        return Found::Known { is_well: false };
    }
    Found::Lost(error, pause)
}

/// Recoveries that come soon one after the other, because keys go on failing in a token that seems to be well.
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
    /// How long it is until another one may begin. One that helped for a moment only, because keys go on failing, makes the next
    /// one wait longer.
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

/// Finds in a token that is back what was in it, and what it can do now.
fn learn(custody: &Custody, store: &Store, device: &Device) -> Result<(), RootError> {
    let recorded = root_key::all(store)?;
    let roots = root::find(device, &recorded)?;
    let placed = Custody::scan(device)?;
    // One that cannot be learned stays what it was, and the first encryption tells why.
    let _ = device.learn_iv_rule();
    let before = Most::of(device);
    if let Err(error) = device.learn_bounds(FIRST_TRY) {
        tracing::warn!(%error, "how much the HSM takes in one call was not found out: it is taken to be as much as before");
    }
    let now = Most::of(device);
    if now != before {
        now.tell();
    }
    // Published while nobody is admitted yet: the first caller meets the new handles.
    *custody.roots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roots);
    *custody.placed.write().unwrap_or_else(PoisonError::into_inner) = placed;
    *custody.listed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    Ok(())
}

/// Tries until the token is back; false if the server stops meanwhile, or nothing is left to try.
fn recover(custody: &Custody, store: &Store, stopped: &Receiver<()>) -> bool {
    let began = Instant::now();
    let (mut pause, longest) = BACK_OFF;
    let mut said = String::new();
    for attempt in 1.. {
        // It may wait for calls first, as long as one may take.
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
            // Tokens lock after a few wrong PINs: whoever changed it has to restart the server with the right one.
            Err(OpenError::Token(
                error @ (TokenError::PinIncorrect(_) | TokenError::PinLocked(_) | TokenError::PinInvalid(_)),
            )) => {
                custody.token.suspect().looked(false);
                tracing::error!(%error, "the token is back, but not with this PIN: restart with the right one");
                return false;
            }
            // The device is as it was, and its calls go on.
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

/// Waits for the owner's end, at most for `pause`.
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
