//! What every test stands on.

pub mod again;
pub mod audit;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod conjur;
pub mod costs;
pub mod crl;
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
pub mod kmip;
pub mod message;
pub mod pki;
pub mod reference;
pub mod server;
pub mod session;
pub mod subject;
pub mod token;

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

pub use audit::Trail;
pub use caller::{Caller, World};
pub use cli::Cli;
pub use crl::Crl;
pub use http::{Answer, Client, Connection};
pub use http2::Http2;
pub use jwks::Jwks;
pub use jwt::SigningKey;
pub use pki::{Authority, Identity, Leaf, Root};
pub use server::{Options, Server};
pub use session::KeepingSessions;
pub use token::{ROOT_OBJECTS, Token};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// On tmpfs where there is one: SoftHSM rewrites an object's file for each attribute.
pub fn directory() -> tempfile::TempDir {
    static PARENT: LazyLock<&Path> = LazyLock::new(|| {
        let shared = Path::new("/dev/shm");
        if tempfile::tempdir_in(shared).is_ok() { shared } else { Path::new("/tmp") }
    });
    tempfile::Builder::new().prefix("claviger-test-").tempdir_in(*PARENT).unwrap()
}

/// Asks again and again until there is an answer, without sleeping longer than a scheduler tick.
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
