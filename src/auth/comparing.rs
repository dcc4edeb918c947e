//! Leave to compare in the HSM what strangers present: whoever sends wrong credentials must not take the HSM's sessions from
//! authenticated callers.

use tokio::sync::SemaphorePermit;

use super::authenticator::Authenticator;

/// A place among those whose credential is compared. It is given back when this is dropped.
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
