//! The thread that erases destroyed and replaced keys and values. It runs in the background, and repeats each erasure
//! until it succeeds.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::kms::Kms;
use crate::store::erasure::Unerased;

/// The pause after an erasure, so that the next one covers everything that is destroyed meanwhile.
const GATHER: Duration = Duration::from_millis(100);

/// The first and the longest pause between two failing attempts.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The handle of the thread. Dropping it ends the thread after a last attempt.
pub(super) struct Eraser {
    unerased: Arc<Unerased>,
    thread: Option<JoinHandle<()>>,
}

impl Eraser {
    /// Starts the thread, which begins with the erasures that a former process left.
    pub(super) fn start(kms: &Arc<Kms>) -> io::Result<Self> {
        let unerased = kms.unerased();
        let (kms, bell) = (Arc::clone(kms), Arc::clone(&unerased));
        let thread = thread::Builder::new().name("eraser".to_owned()).spawn(move || run(&kms, &bell))?;
        Ok(Self { unerased, thread: Some(thread) })
    }
}

impl Drop for Eraser {
    fn drop(&mut self) {
        self.unerased.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(kms: &Kms, unerased: &Unerased) {
    while unerased.wait() {
        if !erase(kms, unerased) {
            break;
        }
    }
    if unerased.count() > 0 {
        attempt(kms);
    }
}

/// Tries until everything is erased. Returns false if the server stops meanwhile.
fn erase(kms: &Kms, unerased: &Unerased) -> bool {
    let (mut pause, longest) = BACK_OFF;
    let mut told = false;
    while !attempt(kms) {
        if !unerased.pause(pause) {
            return false;
        }
        pause = (pause * 2).min(longest);
        if pause == longest && !told {
            told = true;
            tracing::warn!(
                keys = unerased.count(),
                "destroyed keys or values cannot be erased yet: does another program keep reading the database, or \
                 does the HSM token or its disk fail?"
            );
        }
    }
    unerased.pause(GATHER)
}

/// Tries once, and returns whether everything is erased.
fn attempt(kms: &Kms) -> bool {
    kms.erase().unwrap_or_else(|error| {
        tracing::debug!(%error, detail = error.detail(), "destroyed keys or values cannot be erased yet");
        false
    })
}
