//! Asks store, token and audit log whether they work.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::health::{Health, TokenHealth};
use super::service::Kms;
use crate::custody;

/// How long an answer about health stands: whoever may ask must not be able to keep the token busy with it.
const HEALTH_STANDS: Duration = Duration::from_millis(200);

impl Kms {
    /// Asks store and token.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut last = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((since, health)) if since.elapsed() < HEALTH_STANDS => health,
            before => {
                let health = self.ask_health(before.is_none_or(|(_, health)| health.store));
                *last = Some((Instant::now(), health));
                health
            }
        }
    }

    /// `was_well`: the database, when it was last asked. Anyone may ask, and only a change is logged.
    fn ask_health(&self, was_well: bool) -> Health {
        let store = self.store.check();
        let token = match self.custody.check_in_time() {
            Ok(()) => TokenHealth::Good,
            Err(custody::Error::Hangs) => TokenHealth::Hangs,
            Err(_) => TokenHealth::Unavailable,
        };
        match &store {
            Err(error) if was_well => tracing::error!(%error, "the database is not healthy"),
            Err(error) => tracing::debug!(%error, "the database is still not healthy"),
            Ok(()) if was_well => {}
            Ok(()) => tracing::info!("the database is healthy again"),
        }
        Health { store: store.is_ok(), token, audit: self.audit.as_ref().is_none_or(|audit| audit.check().is_ok()) }
    }
}
