//! The end of the process, and what it leaves behind.

use std::io;
use std::time::Duration;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::custody::end;

/// How long after a signal that ends it the process is there at most: a call of the HSM's module may never return.
const LAST: Duration = Duration::from_secs(19);

/// What ends the server.
pub(super) struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub(super) async fn come(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ends the process once the time is over that it has after a signal, whatever it is doing then: starting, answering, closing. What
/// was answered is in the database; only the module is left as it is.
pub(super) async fn end_in_time(mut ends: Ends) {
    ends.come().await;
    let ending = std::thread::Builder::new().name("last".to_owned()).spawn(|| {
        std::thread::sleep(LAST);
        let seconds = LAST.as_secs();
        tracing::error!(
            seconds,
            "something does not end, probably a call of the HSM's module: the process ends without it"
        );
        end(0)
    });
    if let Err(error) = ending {
        tracing::warn!(%error, "no thread could be started that ends the process in time");
    }
}

/// Keys and plaintext pass through the process: no core dump of it (RLIMIT_CORE), and nobody but root looks into it by ptrace(2) or
/// /proc (PR_SET_DUMPABLE).
///
/// # Errors
/// The system refuses.
pub fn leave_no_core_dump() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
