//! Checks database, HSM token and audit log.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::super::error::Error;
use super::health::{DatabaseHealth, Health, TokenHealth};
use super::service::Kms;
use crate::custody;
use crate::store::Pulse;

/// How long a result is used again: unauthenticated callers must not be able to keep the HSM token busy with checks.
const HEALTH_STANDS: Duration = Duration::from_millis(200);

impl Kms {
    /// Checks database, HSM token and audit log, at most once in 200 ms.
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

    /// What is known of the database, without asking it. Called for metrics, which have no caller.
    #[must_use]
    pub fn database_health(&self) -> DatabaseHealth {
        DatabaseHealth { server: self.store.server().to_owned(), state: self.store.database_state() }
    }

    /// Whether the database is known well enough that what was read from it before may be used. Each request asks this
    /// before anything else is looked at.
    ///
    /// # Errors
    /// PostgreSQL has not answered for a second, or another server has taken the database over.
    pub fn check_contact(&self) -> Result<(), Error> {
        Ok(self.store.check_contact()?)
    }

    /// Returns the pulse of the database's writer.
    #[must_use]
    pub fn pulse(&self) -> Arc<Pulse> {
        self.store.pulse()
    }

    /// `was_well`: whether the database was healthy at the last check. Only a change is logged as an error, because
    /// anyone can ask.
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
