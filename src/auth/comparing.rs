//! The limit for comparisons in the HSM for unauthenticated callers. Senders of wrong credentials must not take the
//! HSM's sessions from authenticated callers.

use tokio::sync::SemaphorePermit;

use super::authenticator::Authenticator;

/// A place for one comparison. Dropping it returns the place.
pub struct Comparing<'a> {
    _place: Option<SemaphorePermit<'a>>,
}

impl Authenticator {
    /// Waits for a place.
    pub async fn comparing(&self) -> Comparing<'_> {
        // The semaphore is never closed.
        Comparing { _place: self.comparing.acquire().await.ok() }
    }
}
