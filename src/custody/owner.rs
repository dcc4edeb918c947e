//! The one owner of the token's recovery.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Custody, OpenError, TokenError, root};
use crate::store::Store;
use crate::store::root_key;

/// How long nobody looks at the token while nobody complains.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause after a false alarm.
const CALM: Duration = Duration::from_millis(50);

/// The first and the longest pause between two attempts to get the token back.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

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
    loop {
        custody.token.suspect().wait(INTERVAL);
        if is_stopped(stopped, Duration::ZERO) {
            return;
        }
        // Handles of keys that left the cache go on quiet seconds too, not only with the next unwrap.
        if let Ok(device) = custody.token.device() {
            let _ = device.reap();
        }
        let Err(error) = custody.check() else {
            custody.rescan_if_wanted();
            // Callers can ring with damaged ciphertexts, which some tokens cannot tell from a fault of their own.
            if is_stopped(stopped, CALM) {
                return;
            }
            continue;
        };
        if matches!(&error, super::Error::Token(claviger_pkcs11::Error::Busy)) {
            continue;
        }
        tracing::error!(%error, "the token is unavailable");
        if !recover(custody, store, stopped) {
            return;
        }
    }
}

/// Tries until the token is back; false if the server stops meanwhile, or nothing is left to try.
fn recover(custody: &Custody, store: &Store, stopped: &Receiver<()>) -> bool {
    let began = Instant::now();
    let (mut pause, longest) = BACK_OFF;
    let mut said = String::new();
    loop {
        let verified = custody.token.reset(|device| {
            let recorded = store.read(|connection| Ok(root_key::all(connection)?))?;
            let roots = root::find(device, &recorded)?;
            let placed = Custody::scan(device)?;
            // Published while nobody is admitted yet: the first caller meets the new handles.
            *custody.roots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roots);
            *custody.placed.write().unwrap_or_else(PoisonError::into_inner) = placed;
            Ok::<(), super::RootError>(())
        });
        match verified {
            Ok(()) => {
                let seconds = began.elapsed().as_secs_f32();
                tracing::info!(seconds, "the token is back, with its root keys");
                return true;
            }
            // Tokens lock after a few wrong PINs: whoever changed it has to restart the server with the right one.
            Err(OpenError::Token(
                error @ (TokenError::PinIncorrect(_) | TokenError::PinLocked(_) | TokenError::PinInvalid(_)),
            )) => {
                tracing::error!(%error, "the token is back, but not with this PIN: restart with the right one");
                return false;
            }
            Err(error) => {
                let text = error.to_string();
                if text != said {
                    tracing::warn!(error = %text, "the token is not back yet");
                    said = text;
                }
            }
        }
        if is_stopped(stopped, pause) {
            return false;
        }
        pause = (pause * 2).min(longest);
    }
}

/// Waits for the owner's end, at most for `pause`.
fn is_stopped(stopped: &Receiver<()>, pause: Duration) -> bool {
    !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
}
