//! Messages to the service manager, in the protocol of sd_notify(3): systemd, or a container runtime that speaks it.
//! Without `NOTIFY_SOCKET`, nothing is sent.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Interval;

use super::interval::turns;
use crate::store::Pulse;

/// The longest time that a message may wait for a busy service manager.
const PATIENCE: Duration = Duration::from_millis(100);

/// The service manager, if one started this process and wants to be notified.
pub(super) struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// The time after which the service manager ends a server that has not fed its watchdog.
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`. Values that cannot be used are logged and ignored.
    pub(super) fn of_environment() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self { socket: None, watchdog: None };
        };
        match open(&name) {
            Ok(socket) => Self { socket: Some(socket), watchdog: watchdog() },
            Err(error) => {
                tracing::warn!(?name, %error, "the service manager cannot be notified: NOTIFY_SOCKET does not name a socket");
                Self { socket: None, watchdog: None }
            }
        }
    }

    /// The server listens, or has reloaded its files. `status` is one line.
    pub(super) fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={status}\n"));
    }

    /// Shows a line as the server's state.
    pub(super) fn status(&self, status: &str) {
        self.send(&format!("STATUS={status}\n"));
    }

    /// The server begins to reload its files.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let now = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=reloading\n"));
    }

    /// The server accepts no more connections and finishes the requests under way.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=finishing the requests under way\n");
    }

    fn send(&self, message: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            let begins = message.lines().next().unwrap_or_default();
            tracing::warn!(message = begins, %error, "the service manager was not notified");
        }
    }
}

/// Returns a socket, and the address that a value of `NOTIFY_SOCKET` names: a path, or `@` and a name in the abstract
/// name space of Linux (unix(7)).
fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        Some((b'/', _)) => SocketAddr::from_pathname(name)?,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it begins neither with / nor with @")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, address))
}

/// Returns the time of the watchdog, if it is this process that must feed it.
fn watchdog() -> Option<Duration> {
    let value = env::var_os("WATCHDOG_USEC").filter(|value| !value.is_empty())?;
    let own = std::process::id().to_string();
    if env::var_os("WATCHDOG_PID").is_some_and(|pid| pid != own.as_str()) {
        return None;
    }
    match value.to_str().and_then(|value| value.parse().ok()) {
        Some(micros @ 1..) => Some(Duration::from_micros(micros)),
        _ => {
            tracing::warn!(?value, "the watchdog is not fed: WATCHDOG_USEC is not a number of microseconds");
            None
        }
    }
}

/// Feeds the service manager's watchdog while the caller's task and the database's writer move.
pub(super) struct Watchdog {
    manager: Arc<ServiceManager>,
    pulse: Arc<Pulse>,
    /// The times to feed, and the longest step of the writer; `None` without a watchdog.
    times: Option<(Interval, Duration)>,
    is_stuck: bool,
}

impl Watchdog {
    /// Must be called in a runtime.
    pub(super) fn new(manager: &Arc<ServiceManager>, pulse: Arc<Pulse>) -> Self {
        // A step that is too long is seen early enough: the next time without food comes before the end.
        let times = manager.watchdog.map(|all| (turns((all / 4).max(Duration::from_millis(1))), all / 2));
        Self { manager: Arc::clone(manager), pulse, times, is_stuck: false }
    }

    /// Waits for the next time to feed. Without a watchdog, this never returns.
    pub(super) async fn turn(&mut self) {
        match &mut self.times {
            Some((turns, _)) => drop(turns.tick().await),
            None => std::future::pending().await,
        }
    }

    /// Feeds, unless the writer is stuck.
    pub(super) fn feed(&mut self) {
        let Some((_, limit)) = self.times else { return };
        let is_stuck = self.pulse.is_stuck(limit);
        match (self.is_stuck, is_stuck) {
            (false, true) => {
                let seconds = limit.as_secs_f32();
                tracing::error!(
                    seconds,
                    "the database's writer does not move: the watchdog is not fed, and the service manager will end the server"
                );
            }
            (true, false) => tracing::info!("the database's writer moves again: the watchdog is fed"),
            _ => {}
        }
        self.is_stuck = is_stuck;
        if !is_stuck {
            self.manager.send("WATCHDOG=1\n");
        }
    }

    /// Feeds while the server stops, which has its own time limit.
    pub(super) async fn feed_to_the_end(mut self) {
        loop {
            self.turn().await;
            self.manager.send("WATCHDOG=1\n");
        }
    }
}
