//! The end of the process, and the prevention of core dumps.

use std::io;
use std::time::Duration;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::custody::end;

/// The longest time from the stop, which a terminating signal or the end of its delay begins, to the end of the process: a call of the HSM's module may never return.
const LAST: Duration = Duration::from_secs(19);

/// The signals that end the server.
pub(super) struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of the signals.
    pub(super) async fn come(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits until the server must stop: `delay` after the first signal, or at once at the second one. `begin` is called
    /// at the first. Returns whether there was a second one.
    pub(super) async fn over(&mut self, delay: Duration, begin: impl FnOnce()) -> bool {
        self.come().await;
        begin();
        tokio::select! {
            () = tokio::time::sleep(delay) => false,
            () = self.come() => true,
        }
    }
}

/// Ends the process [`LAST`] after it begins to stop, whatever it is doing then. Every answered change is in the database
/// by then; only the HSM's module is not closed.
pub(super) async fn end_in_time(mut ends: Ends, delay: Duration) {
    ends.over(delay, || {}).await;
    let ending = std::thread::Builder::new().name("last".to_owned()).spawn(|| {
        std::thread::sleep(LAST);
        let seconds = LAST.as_secs();
        tracing::error!(
            seconds,
            "a task did not end, probably a call of the HSM's module: the process ends without it"
        );
        end(0)
    });
    if let Err(error) = ending {
        tracing::warn!(%error, "cannot start the thread that ends the process if a task does not end");
    }
}

/// Turns core dumps off (RLIMIT_CORE), and prevents all users except root from reading the process's memory by
/// ptrace(2) or /proc (PR_SET_DUMPABLE), because keys and plaintext pass through the process.
///
/// # Errors
/// The operating system refuses.
pub fn leave_no_core_dump() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
