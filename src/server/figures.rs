//! Figures that other parts of the server keep. They are read when the metrics are rendered.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::audit::Audit;
use crate::auth::Authenticator;
use crate::custody::Custody;
use crate::kms::Kms;
use crate::metrics::{Kind, Metrics};

/// Registers the sessions of the HSM token.
pub(super) fn token(metrics: &Metrics, custody: &Arc<Custody>) {
    let about = "Working sessions of the HSM token; left out while it is unavailable:";
    metrics.watch(Kind::Gauge, "claviger_hsm_sessions_open", &format!("{about} open."), custody, |custody| {
        custody.sessions().map(|sessions| sessions.open)
    });
    metrics.watch(Kind::Gauge, "claviger_hsm_sessions_busy", &format!("{about} at work."), custody, |custody| {
        custody.sessions().map(|sessions| sessions.busy)
    });
    metrics.watch(Kind::Gauge, "claviger_hsm_sessions_limit", &format!("{about} at most."), custody, |custody| {
        custody.sessions().map(|sessions| sessions.limit)
    });
}

/// Registers the number of destroyed or replaced keys and values that are not erased.
pub(super) fn erasing(metrics: &Metrics, kms: &Arc<Kms>) {
    let about = "Destroyed or replaced keys and values whose bytes are not known to be erased.";
    metrics.watch(Kind::Gauge, "claviger_keys_not_erased", about, kms, |kms| kms.unerased().count());
}

/// Registers what is known of a PostgreSQL database. With SQLite these figures are left out.
pub(super) fn database(metrics: &Metrics, kms: &Arc<Kms>) {
    let about = "1 while the PostgreSQL host that is used answers and the database is this server's, otherwise 0.";
    metrics.watch(Kind::Gauge, "claviger_database_primary", about, kms, |kms| {
        kms.database_health().state.map(|state| u64::from(state.primary))
    });
    let about = "Age of the last known state of the PostgreSQL database, in seconds; above 1 every request is 503.";
    metrics.watch(Kind::Gauge, "claviger_database_heard_seconds", about, kms, |kms| {
        kms.database_health().state.map(|state| state.heard.as_secs_f64())
    });
    let about = "Commits of all servers that this one knows of and has not followed yet.";
    metrics.watch(Kind::Gauge, "claviger_database_commits_behind", about, kms, |kms| {
        kms.database_health().state.map(|state| state.behind)
    });
}

/// Registers the cache of objects and of the handles of their keys.
pub(super) fn objects(metrics: &Metrics, kms: &Arc<Kms>) {
    metrics.watch(Kind::Gauge, "claviger_cache_objects", "Objects in the cache, with their handles.", kms, |kms| {
        kms.cache_figures().objects
    });
    let about = "Approximate memory of the objects in the cache and of their handles, in bytes.";
    metrics.watch(Kind::Gauge, "claviger_cache_bytes", about, kms, |kms| kms.cache_figures().bytes);
    metrics.watch(Kind::Counter, "claviger_cache_hits_total", "Objects found in the cache.", kms, |kms| {
        kms.cache_figures().hits
    });
    metrics.watch(Kind::Counter, "claviger_cache_misses_total", "Objects that were not in the cache.", kms, |kms| {
        kms.cache_figures().misses
    });
}

/// Registers the end of the revocation lists.
pub(super) fn trust(metrics: &Metrics, authenticator: &Arc<Authenticator>) {
    let name = "claviger_crl_next_update_seconds";
    let about = "The earliest nextUpdate among the CRLs, in seconds since 1970-01-01 UTC; left out without CRLs.";
    metrics.watch(Kind::Gauge, name, about, authenticator, |authenticator| {
        authenticator.trust.load().as_ref().and_then(|trust| trust.next_update())
    });
}

/// Registers the connections to the service.
pub(super) fn connections(metrics: &Metrics, places: &Arc<Semaphore>, limit: usize) {
    metrics.watch(
        Kind::Gauge,
        "claviger_connections_open",
        "Connections, handshakes included.",
        places,
        move |places| limit.saturating_sub(places.available_permits()),
    );
}

/// Registers the figures of the audit log.
pub(super) fn audit(metrics: &Metrics, audit: &Arc<Audit>) {
    metrics.watch(Kind::Counter, "claviger_audit_lines_total", "Lines written to the audit log.", audit, |audit| {
        audit.statistics().lines
    });
    metrics.watch(Kind::Counter, "claviger_audit_syncs_total", "Syncs of the audit log.", audit, |audit| {
        audit.statistics().syncs
    });
    metrics.watch(Kind::Gauge, "claviger_audit_queued_bytes", "Bytes that wait to be written to it.", audit, |audit| {
        audit.statistics().queued
    });
    let about = "Age of the oldest record that is not on disk yet, in seconds.";
    metrics
        .watch(Kind::Gauge, "claviger_audit_lag_seconds", about, audit, |audit| audit.statistics().lag.as_secs_f64());
    metrics.watch(Kind::Gauge, "claviger_audit_failing", "1 while the audit log cannot be written.", audit, |audit| {
        u64::from(audit.statistics().failing)
    });
}
