//! The common code of all tests.

pub mod again;
pub mod asymmetric;
pub mod attributes;
pub mod audit;
pub mod backup;
pub mod between;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod conjur;
pub mod costs;
pub mod credentials;
pub mod crl;
pub mod curl;
pub mod decisions;
pub mod figures;
pub mod forged;
pub mod forging;
pub mod hanzo;
pub mod http;
pub mod http2;
pub mod iam;
pub mod jwks;
pub mod jwt;
pub mod key_wraps;
pub mod kmip;
pub mod limits;
pub mod message;
pub mod moving;
pub mod packages;
pub mod pairs;
pub mod pki;
pub mod postgres;
pub mod preload;
pub mod proxied;
pub mod reference;
pub mod requests;
pub mod routes;
pub mod server;
pub mod service_manager;
pub mod session;
pub mod shim;
pub mod shop;
pub mod socket;
pub mod spy;
pub mod subject;
pub mod terminal;
pub mod token;
pub mod usage;
mod watch;

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

pub use audit::Trail;
pub use caller::{Caller, World};
pub use cli::Cli;
pub use crl::Crl;
pub use curl::{Curl, Files};
pub use http::{Answer, Client, Connection};
pub use http2::Http2;
pub use jwks::Jwks;
pub use jwt::SigningKey;
pub use pki::{Authority, Identity, Leaf, Root};
pub use proxied::Haproxy;
pub use server::{Options, Server};
pub use session::KeepingSessions;
pub use shim::Shim;
pub use token::{Hsm, ROOT_OBJECTS, Token};

/// The longest wait for anything in a test, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a directory, on tmpfs if possible, because SoftHSM rewrites an object's file for each attribute, and Kryoptic
/// syncs its database.
pub fn directory() -> tempfile::TempDir {
    watch::begin();
    static PARENT: LazyLock<&Path> = LazyLock::new(|| {
        let shared = Path::new("/dev/shm");
        if tempfile::tempdir_in(shared).is_ok() { shared } else { Path::new("/tmp") }
    });
    tempfile::Builder::new().prefix("claviger-test-").tempdir_in(*PARENT).unwrap()
}

/// Calls `ask` until it returns a value, without sleeping longer than a scheduler tick.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Sets the flag by which the threads of a scope end, also when the test fails, because a scope waits for all its
/// threads.
pub struct End<'a>(pub &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs `wait`, and kills the program and its children if it takes longer than [`PATIENCE`]. The program is the leader
/// of their process group.
pub fn within_patience<T>(pid: u32, wait: impl FnOnce() -> T) -> T {
    let (done, waiting) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if waiting.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").args(["-9", "--", &format!("-{pid}")]).status();
            }
        });
        let result = wait();
        drop(done);
        result
    })
}
