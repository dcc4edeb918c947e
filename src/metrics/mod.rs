//! Figures about the running server, in Prometheus' text format.
//!
//! No label takes a value from outside: each is a word of the program's own (`&'static str`), so that a stranger can neither
//! make new time series nor have a name or an identifier shown to whoever reads them.

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

/// The media type of what [`Metrics::render`] writes (Prometheus, "Text-based format", 0.0.4).
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4";

/// Upper bounds of latencies, in seconds: from what the token takes for a small block to what a stuck disk takes.
const LATENCY: [f64; 15] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0,
];

/// Upper bounds of the writes in one commit.
const GROUP: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// A metric that cannot be made: two have one name, or a name is not valid.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct Error(#[from] prometheus::Error);

/// What the HSM is asked for. Several PKCS#11 calls may belong to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HsmCall {
    /// A key made or brought in, and wrapped.
    Make,
    /// A key pair made.
    Pair,
    /// A token object removed.
    Discard,
    /// A wrapped key unwrapped, for a handle.
    Unwrap,
    /// The MAC that binds a row.
    Bind,
    /// A signature of the server's own.
    Sign,
    /// C_Encrypt, with the unwrapping if there was no handle.
    Encrypt,
    /// C_Decrypt, likewise.
    Decrypt,
    /// C_Sign of a MAC, likewise.
    Mac,
    /// A key given out, in clear or wrapped.
    Export,
    /// C_GenerateRandom.
    Random,
    /// What concerns no key: health, mechanisms, searches.
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

/// All that is counted. One for the process, shared by those who count: a second server in one process, as in a test, would
/// otherwise count into the first one's.
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
    /// All at zero.
    ///
    /// # Errors
    /// Two metrics have one name, which is a defect.
    pub fn new() -> Result<Arc<Self>, Error> {
        let made = Makes(Registry::new());
        let metrics = Self {
            requests: made.counters(
                "claviger_requests_total",
                "Requests answered, by way in, operation, how the caller was proved, and outcome.",
                &["way", "operation", "method", "outcome"],
            )?,
            request_seconds: made.histograms(
                "claviger_request_seconds",
                "From the end of a request's headers to its answer, its body's arrival included.",
                &["way", "operation"],
            )?,
            batch_items: made.counters(
                "claviger_batch_items_total",
                "Operations inside of request messages.",
                &["operation", "outcome"],
            )?,
            hsm_call_seconds: made.histograms(
                "claviger_hsm_call_seconds",
                "Work in the HSM, the wait for a session included.",
                &["call"],
            )?,
            store_commit_seconds: made.histogram(
                "claviger_store_commit_seconds",
                "One group of writes, from its beginning to its being on disk.",
                &LATENCY,
            )?,
            store_commits: made.counter("claviger_store_commits_total", "Commits that succeeded.")?,
            store_commit_failures: made.counter("claviger_store_commit_failures_total", "Commits that failed.")?,
            store_writes: made.counter("claviger_store_writes_total", "Writes in the commits that succeeded.")?,
            store_commit_writes: made.histogram("claviger_store_commit_writes", "Writes in one commit.", &GROUP)?,
            store_read_seconds: made.histogram("claviger_store_read_seconds", "Reads of the database.", &LATENCY)?,
            handshakes_refused: made.counters(
                "claviger_handshakes_refused_total",
                "Connections that came to nothing before their first request.",
                &["reason"],
            )?,
            desk_refusals: made.counters(
                "claviger_desk_refusals_total",
                "Requests that the front desk refused, by what there was not enough of.",
                &["reason"],
            )?,
            connections_evicted: made.counter(
                "claviger_connections_evicted_total",
                "Connections closed after their handshake because they had to make room for newer ones.",
            )?,
            authentication_failures: made.counters(
                "claviger_authentication_failures_total",
                "Requests whose credential was missing or bad, by its kind.",
                &["method"],
            )?,
            reloads: made.counters(
                "claviger_reloads_total",
                "Readings of the PKCS#12 file, authorities and revocation lists while the server ran.",
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
        // What never happened is 0, and not unknown.
        for outcome in [Outcome::Success, Outcome::Failed] {
            metrics.reloads.with_label_values(&[outcome.word()]);
        }
        Ok(Arc::new(metrics))
    }

    /// A request that begins now. It is counted when it is dropped.
    #[must_use]
    pub fn request(self: &Arc<Self>) -> Request {
        Request::new(self)
    }

    /// One item of a request message.
    pub fn batch_item(&self, operation: Option<Operation>, outcome: Outcome) {
        let operation = operation.map_or("none", |operation| operation.name(Dialect::Bare));
        self.batch_items.with_label_values(&[operation, outcome.word()]).inc();
    }

    /// Work in the HSM that begins now and ends when the answer is dropped.
    #[must_use]
    pub fn hsm(&self, call: HsmCall) -> Timer {
        Timer::new(self.hsm_call_seconds.with_label_values(&[call.word()]))
    }

    /// A read of the database that begins now and ends when the answer is dropped.
    #[must_use]
    pub fn store_read(&self) -> Timer {
        Timer::new(self.store_read_seconds.clone())
    }

    /// A commit that took so long, with so many writes in it; `None` if it failed.
    pub fn store_commit(&self, took: Duration, writes: Option<usize>) {
        self.store_commit_seconds.observe(took.as_secs_f64());
        let Some(writes) = writes else { return self.store_commit_failures.inc() };
        self.store_commits.inc();
        self.store_writes.inc_by(u64::try_from(writes).unwrap_or(u64::MAX));
        self.store_commit_writes.observe(writes.reading().unwrap_or_default());
    }

    /// A connection that came to nothing before its first request.
    pub fn handshake_refused(&self, reason: &'static str) {
        self.handshakes_refused.with_label_values(&[reason]).inc();
    }

    /// A connection made room for a newer one.
    pub fn connection_evicted(&self) {
        self.connections_evicted.inc();
    }

    /// Requests that the front desk refused, for want of this.
    pub fn refused_at_the_desk(&self, reason: &'static str, requests: u64) {
        self.desk_refusals.with_label_values(&[reason]).inc_by(requests);
    }

    /// A credential of this kind that was missing or bad.
    pub fn authentication_failed(&self, method: &'static str) {
        self.authentication_failures.with_label_values(&[method]).inc();
    }

    /// A reload that succeeded, or not.
    pub fn reloaded(&self, success: bool) {
        let outcome = if success { Outcome::Success } else { Outcome::Failed };
        self.reloads.with_label_values(&[outcome.word()]).inc();
    }

    /// The server certificate's notAfter, in seconds since 1970-01-01 UTC.
    pub fn certificate_expires(&self, not_after: i64) {
        self.certificate_not_after.with_label_values::<&str>(&[]).set(not_after);
    }

    /// A figure that `source` knows itself, and that is read when somebody asks for it. `None`, or a source that is gone: it
    /// is left out. `name` is new, begins with `claviger_`, and ends in `_total` if it only ever grows.
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
        // Whoever counts holds the metrics: they must not hold it in turn, or neither would ever be dropped.
        let source: Weak<T> = Arc::downgrade(source);
        let read = move || read(&*source.upgrade()?).reading();
        let registered = Watched::new(kind, name, help, Box::new(read))
            .and_then(|watched| self.registry.register(Box::new(watched)));
        if let Err(error) = registered {
            tracing::error!(name, %error, "this metric cannot be shown");
        }
    }

    /// All figures as of now, in Prometheus' text format.
    ///
    /// # Errors
    /// A figure cannot be written.
    pub fn render(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Observes how long it lived.
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

/// Makes metrics that the registry shows.
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
