//! The service manager's end of sd_notify(3).

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use super::{Options, PATIENCE};

/// A socket that receives a server's messages, and its name for `NOTIFY_SOCKET`.
pub struct ServiceManager {
    socket: UnixDatagram,
    name: String,
}

impl ServiceManager {
    /// A socket with a path.
    pub fn at(path: &Path) -> Self {
        Self { socket: UnixDatagram::bind(path).unwrap(), name: path.display().to_string() }
    }

    /// A socket in the abstract name space.
    pub fn abstractly(name: &str) -> Self {
        let address = SocketAddr::from_abstract_name(name).unwrap();
        Self { socket: UnixDatagram::bind_addr(&address).unwrap(), name: format!("@{name}") }
    }

    /// Returns the options of a server that notifies it. `watchdog`: the time within which the server must feed it.
    pub fn options(&self, watchdog: Option<Duration>, options: &Options) -> Options {
        let mut options = options.clone();
        options.environment.push(("NOTIFY_SOCKET".to_owned(), self.name.clone()));
        let micros = watchdog.map(|all| ("WATCHDOG_USEC".to_owned(), all.as_micros().to_string()));
        options.environment.extend(micros);
        options
    }

    /// Waits for a message.
    pub fn next(&self) -> String {
        self.next_within(PATIENCE).expect("no message came")
    }

    /// Returns the next message, or `None` if none comes in time.
    pub fn next_within(&self, time: Duration) -> Option<String> {
        let mut message = [0; 4096];
        self.socket.set_read_timeout(Some(time)).unwrap();
        match self.socket.recv(&mut message) {
            Ok(length) => Some(String::from_utf8(message[..length].to_vec()).unwrap()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Takes the messages that are there.
    pub fn drain(&self) -> Vec<String> {
        std::iter::from_fn(|| self.next_within(Duration::from_micros(1))).collect()
    }
}
