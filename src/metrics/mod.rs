//! Metrics of the running server, in Prometheus' text format.
//!
//! Label values never come from outside. Each is a word of the program (`&'static str`), so that clients can neither
//! create time series nor make names or identifiers appear in the metrics.

mod request;
mod watched;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use prometheus::{
    Encoder as _, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

pub use request::{Outcome, Request};
pub use watched::{Kind, Reading};

use crate::kmip::Dialect;
use crate::kmip::enumerations::Operation;
use watched::Watched;

/// The media type of the text that [`Metrics::render`] returns (Prometheus, "Text-based format", 0.0.4).
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4";

/// The upper bounds of latencies, in seconds: from the time that the HSM needs for a small block to that of a stuck
/// disk.
const LATENCY: [f64; 15] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0,
];

/// The upper bounds of the number of writes in one commit.
const GROUP: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// A metric that cannot be created, because two metrics have one name or a name is not valid.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct Error(#[from] prometheus::Error);

/// The kind of work in the HSM. It may consist of several PKCS#11 calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HsmCall {
    /// Generating or importing a key, and wrapping it.
    Make,
    /// Generating a key pair.
    Pair,
    /// Removing a token object.
    Discard,
    /// Unwrapping a key, for a handle.
    Unwrap,
    /// The MAC that binds a row.
    Bind,
    /// A signature by one of the server's own keys.
    Sign,
    /// `C_Encrypt`, including the unwrapping if there was no handle.
    Encrypt,
    /// `C_Decrypt`, including the unwrapping if there was no handle.
    Decrypt,
    /// `C_Sign` of a MAC, including the unwrapping if there was no handle.
    Mac,
    /// Exporting a key, in clear or wrapped.
    Export,
    /// `C_GenerateRandom`.
    Random,
    /// Calls that concern no key: health, mechanisms, searches.
    Look,
}

impl HsmCall {
    const fn word(self) -> &'static str {
        match self {
            Self::Make => "make",
            Self::Pair => "pair",
            Self::Discard => "discard",
            Self::Unwrap => "unwrap",
            Self::Bind => "bind",
            Self::Sign => "sign",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Mac => "mac",
            Self::Export => "export",
            Self::Random => "random",
            Self::Look => "look",
        }
    }
}

/// All metrics of a server. They are not global, because a second server in the same process, as in a test, would count
/// into those of the first.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    batch_items: IntCounterVec,
    hsm_call_seconds: HistogramVec,
    store_commit_seconds: Histogram,
    store_commits: IntCounter,
    store_commit_failures: IntCounter,
    store_writes: IntCounter,
    store_commit_writes: Histogram,
    store_read_seconds: Histogram,
    handshakes_refused: IntCounterVec,
    desk_refusals: IntCounterVec,
    connections_evicted: IntCounter,
    authentication_failures: IntCounterVec,
    reloads: IntCounterVec,
    certificate_not_after: IntGaugeVec,
}

impl Metrics {
    /// Creates the metrics, all at zero.
    ///
    /// # Errors
    /// Two metrics have the same name, which is a defect.
    pub fn new() -> Result<Arc<Self>, Error> {
        let made = Makes(Registry::new());
        let metrics = Self {
            requests: made.counters(
                "claviger_requests_total",
                "Requests answered, by API (way), operation, authentication method and outcome.",
                &["way", "operation", "method", "outcome"],
            )?,
            request_seconds: made.histograms(
                "claviger_request_seconds",
                "Seconds from the end of a request's headers to its answer, including the arrival of its body.",
                &["way", "operation"],
            )?,
            batch_items: made.counters(
                "claviger_batch_items_total",
                "Operations in request messages.",
                &["operation", "outcome"],
            )?,
            hsm_call_seconds: made.histograms(
                "claviger_hsm_call_seconds",
                "Seconds of work in the HSM, including the wait for a session.",
                &["call"],
            )?,
            store_commit_seconds: made.histogram(
                "claviger_store_commit_seconds",
                "Seconds from the beginning of a commit until it is on disk.",
                &LATENCY,
            )?,
            store_commits: made.counter("claviger_store_commits_total", "Successful commits.")?,
            store_commit_failures: made.counter("claviger_store_commit_failures_total", "Failed commits.")?,
            store_writes: made.counter("claviger_store_writes_total", "Writes in successful commits.")?,
            store_commit_writes: made.histogram("claviger_store_commit_writes", "Writes in one commit.", &GROUP)?,
            store_read_seconds: made.histogram("claviger_store_read_seconds", "Reads of the database.", &LATENCY)?,
            handshakes_refused: made.counters(
                "claviger_handshakes_refused_total",
                "Connections that ended before their first request.",
                &["reason"],
            )?,
            desk_refusals: made.counters(
                "claviger_desk_refusals_total",
                "Requests that the front desk refused, by reason.",
                &["reason"],
            )?,
            connections_evicted: made.counter(
                "claviger_connections_evicted_total",
                "Connections closed after their handshake to make room for newer ones.",
            )?,
            authentication_failures: made.counters(
                "claviger_authentication_failures_total",
                "Requests whose credential was missing or not valid, by its kind.",
                &["method"],
            )?,
            reloads: made.counters(
                "claviger_reloads_total",
                "Reloads of the PKCS#12 file, authorities and revocation lists.",
                &["outcome"],
            )?,
            certificate_not_after: made.gauges(
                "claviger_certificate_not_after_seconds",
                "When the server's certificate expires, in seconds since 1970-01-01 UTC.",
                &[],
            )?,
            registry: made.0,
        };
        let build = Makes(metrics.registry.clone()).gauges("claviger_build_info", "Always 1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        // A reload that never happened is reported as 0, not left out.
        for outcome in [Outcome::Success, Outcome::Failed] {
            metrics.reloads.with_label_values(&[outcome.word()]);
        }
        Ok(Arc::new(metrics))
    }

    /// Begins the measurement of a request. The request is counted when the returned value is dropped.
    #[must_use]
    pub fn request(self: &Arc<Self>) -> Request {
        Request::new(self)
    }

    /// Counts one item of a request message.
    pub fn batch_item(&self, operation: Option<Operation>, outcome: Outcome) {
        let operation = operation.map_or("none", |operation| operation.name(Dialect::Bare));
        self.batch_items.with_label_values(&[operation, outcome.word()]).inc();
    }

    /// Begins the measurement of work in the HSM, which ends when the returned value is dropped.
    #[must_use]
    pub fn hsm(&self, call: HsmCall) -> Timer {
        Timer::new(self.hsm_call_seconds.with_label_values(&[call.word()]))
    }

    /// Begins the measurement of a read of the database, which ends when the returned value is dropped.
    #[must_use]
    pub fn store_read(&self) -> Timer {
        Timer::new(self.store_read_seconds.clone())
    }

    /// Records the duration of a commit and the number of its writes; `None` if it failed.
    pub fn store_commit(&self, took: Duration, writes: Option<usize>) {
        self.store_commit_seconds.observe(took.as_secs_f64());
        let Some(writes) = writes else { return self.store_commit_failures.inc() };
        self.store_commits.inc();
        self.store_writes.inc_by(u64::try_from(writes).unwrap_or(u64::MAX));
        self.store_commit_writes.observe(writes.reading().unwrap_or_default());
    }

    /// Counts a connection that ended before its first request.
    pub fn handshake_refused(&self, reason: &'static str) {
        self.handshakes_refused.with_label_values(&[reason]).inc();
    }

    /// Counts a connection that was closed to make room for a newer one.
    pub fn connection_evicted(&self) {
        self.connections_evicted.inc();
    }

    /// Counts requests that the front desk refused for this reason.
    pub fn refused_at_the_desk(&self, reason: &'static str, requests: u64) {
        self.desk_refusals.with_label_values(&[reason]).inc_by(requests);
    }

    /// Counts a request whose credential of this kind was missing or not valid.
    pub fn authentication_failed(&self, method: &'static str) {
        self.authentication_failures.with_label_values(&[method]).inc();
    }

    /// Counts a reload.
    pub fn reloaded(&self, success: bool) {
        let outcome = if success { Outcome::Success } else { Outcome::Failed };
        self.reloads.with_label_values(&[outcome.word()]).inc();
    }

    /// Sets the notAfter of the server certificate, in seconds since 1970-01-01 UTC.
    pub fn certificate_expires(&self, not_after: i64) {
        self.certificate_not_after.with_label_values::<&str>(&[]).set(not_after);
    }

    /// Registers a metric whose value is read from `source` whenever the metrics are rendered. It is left out while
    /// `read` returns `None`, and when `source` no longer exists. `name` must be new, must begin with `claviger_`, and
    /// must end with `_total` if the value only grows.
    pub fn watch<T, R>(
        &self,
        kind: Kind,
        name: &'static str,
        help: &str,
        source: &Arc<T>,
        read: impl Fn(&T) -> R + Send + Sync + 'static,
    ) where
        T: Send + Sync + 'static,
        R: Reading,
    {
        // The source usually owns the metrics. If the metrics owned the source too, neither would ever be dropped.
        let source: Weak<T> = Arc::downgrade(source);
        let read = move || read(&*source.upgrade()?).reading();
        let registered = Watched::new(kind, name, help, Box::new(read))
            .and_then(|watched| self.registry.register(Box::new(watched)));
        if let Err(error) = registered {
            tracing::error!(name, %error, "this metric cannot be shown");
        }
    }

    /// Returns the present values of all metrics, in Prometheus' text format.
    ///
    /// # Errors
    /// A value cannot be written.
    pub fn render(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// A measurement of time. Dropping it records the time since its creation.
pub struct Timer {
    histogram: Histogram,
    began: Instant,
}

impl Timer {
    fn new(histogram: Histogram) -> Self {
        Self { histogram, began: Instant::now() }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.histogram.observe(self.began.elapsed().as_secs_f64());
    }
}

/// Creates metrics and registers them.
struct Makes(Registry);

impl Makes {
    fn register<C: prometheus::core::Collector + Clone + 'static>(&self, metric: C) -> Result<C, prometheus::Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        self.register(IntCounter::new(name, help)?)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        self.register(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Result<Histogram, prometheus::Error> {
        self.register(Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec()))?)
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec, prometheus::Error> {
        self.register(HistogramVec::new(HistogramOpts::new(name, help).buckets(LATENCY.to_vec()), labels)?)
    }
}
