//! The state of a server that is about to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the server is about to stop. It still serves, but it is not ready: load balancers and orchestrators are to
/// send clients elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Leaving(Arc<AtomicBool>);

impl Leaving {
    /// From now on, the server is about to stop.
    pub fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Returns whether the server is about to stop.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
