//! A trusted issuer of JWTs, its keys, and the task that keeps them fresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::fetches::Fetches;
use super::jwks::{KeySet, KeySetError};
use super::trusted_issuer::{KeySource, TrustedIssuer};
use crate::client::Url;
use crate::client::http::Http;

/// The shortest time between two fetches that the operator requests.
const SOON: Duration = Duration::from_secs(5);

/// The time for which a request waits for a fetch that it caused.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time for which keys are fresh: the lower bound of Cache-Control, the default, and the upper bound.
const FRESH: (Duration, Duration, Duration) =
    (Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(3_600));

/// The pause after a failed fetch: the first one, the first one while there are keys, and the longest one.
const RETRY: (Duration, Duration, Duration) =
    (Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(300));

/// The maximum size of a key set, in bytes.
pub const MAX_KEY_SET: usize = 1 << 20;

/// An issuer with its keys.
pub struct Issuer {
    /// As configured.
    pub config: TrustedIssuer,
    keys: ArcSwapOption<Keys>,
    /// Set when a request met an unknown key id.
    asked: AtomicBool,
    wake: Notify,
    /// Notified when the operator wants fresh keys.
    soon: Notify,
    fetches: Arc<Fetches>,
    /// Whether the first fetch waits until a JWT could cause it.
    resumes: bool,
    /// The number of fetches that have begun.
    begun: AtomicU64,
    /// The number of fetches that have ended.
    fetched: watch::Sender<u64>,
}

/// The keys of one successful fetch.
pub struct Keys {
    /// The keys.
    pub set: Arc<KeySet>,
    /// Distinguishes this fetch from all others of the process.
    pub generation: u64,
}

/// The result of a request for fresh keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// A fetch ended, or the request waited for the maximum time.
    Fetched,
    /// No fetch may begin yet, or another request asked before. The keys are fetched as soon as that is allowed.
    Deferred,
}

/// The error of a failed fetch.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Http(#[from] crate::client::http::Error),
    #[error("status {0}")]
    Status(u16),
    #[error("the provider's configuration {0}")]
    Configuration(&'static str),
    #[error("{0}")]
    Url(#[from] crate::client::UrlError),
    #[error("{0}")]
    Keys(#[from] KeySetError),
}

impl Issuer {
    /// Makes an issuer. Its keys are not fetched yet, unless they are configured.
    #[must_use]
    pub fn new(config: TrustedIssuer) -> Arc<Self> {
        Self::after(config, &[])
    }

    /// Makes an issuer that continues where a former one ended: with its keys, and at the time of its next fetch.
    pub(super) fn resumed(config: TrustedIssuer, before: &Arc<Self>) -> Arc<Self> {
        let keys = before.keys().map(|keys| Arc::clone(&keys.set));
        Self::with(config, keys, Arc::clone(&before.fetches), true)
    }

    /// Makes an issuer that uses the keys that one of `former` has from the same source, until it has fetched its own.
    /// Credentials that were remembered for those keys are not remembered for the new issuer.
    #[must_use]
    pub fn after(config: TrustedIssuer, former: &[Arc<Self>]) -> Arc<Self> {
        let own = match &config.keys {
            KeySource::Inline(_) => None,
            KeySource::Uri(uri) | KeySource::Discovery(uri) => {
                let same = |own: &&Arc<Self>| match (&own.config.keys, &config.keys) {
                    (KeySource::Uri(other), KeySource::Uri(_))
                    | (KeySource::Discovery(other), KeySource::Discovery(_)) => other == uri,
                    _ => false,
                };
                former.iter().filter(same).max_by_key(|own| own.keys().is_some())
            }
        };
        let keys = own.and_then(|own| Some(Arc::clone(&own.keys()?.set)));
        Self::with(config, keys, own.map(|own| Arc::clone(&own.fetches)).unwrap_or_default(), false)
    }

    fn with(config: TrustedIssuer, known: Option<Arc<KeySet>>, fetches: Arc<Fetches>, resumes: bool) -> Arc<Self> {
        let known = match &config.keys {
            KeySource::Inline(set) => Some(Arc::clone(set)),
            KeySource::Uri(_) | KeySource::Discovery(_) => known,
        };
        let fetched = u64::from(known.is_some());
        let (begun, fetched) = (AtomicU64::new(fetched), watch::Sender::new(fetched));
        let keys = known.map(|set| Arc::new(Keys::new(set)));
        let (asked, wake, soon) = (AtomicBool::new(false), Notify::new(), Notify::new());
        Arc::new(Self { config, keys: ArcSwapOption::from(keys), asked, wake, soon, fetches, resumes, begun, fetched })
    }

    /// Returns the keys of the last successful fetch.
    #[must_use]
    pub fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.load_full()
    }

    /// Requests fresh keys. Only the first request waits, only if a fetch may begin now, and at most 2 s: until a fetch
    /// brings what it looks for, or a fetch that began after it has ended. All other requests continue immediately with
    /// the present keys.
    pub(super) async fn refresh(&self, is_found: impl Fn(&Keys) -> bool) -> Refreshed {
        if matches!(self.config.keys, KeySource::Inline(_)) {
            return Refreshed::Fetched;
        }
        // A running fetch is waited for, because the one after it may begin much later.
        let is_running = *self.fetched.borrow() < self.begun.load(Ordering::Acquire);
        if self.asked.swap(true, Ordering::AcqRel) {
            return Refreshed::Deferred;
        }
        // The running fetch may have been answered before the issuer had the key.
        let next = self.begun.load(Ordering::Acquire) + 1;
        let mut fetched = self.fetched.subscribe();
        self.wake.notify_one();
        if !is_running && !self.fetches.is_due() {
            return Refreshed::Deferred;
        }
        let is_done = |ended: &u64| *ended >= next || self.keys().is_some_and(|keys| is_found(&keys));
        let _ = timeout(PATIENCE, fetched.wait_for(is_done)).await;
        if *self.fetched.borrow() >= next { Refreshed::Fetched } else { Refreshed::Deferred }
    }

    /// Waits until the first fetch has ended, successfully or not.
    pub async fn first_fetch(&self) {
        let _ = self.fetched.subscribe().wait_for(|count| *count > 0).await;
    }

    /// Fetches fresh keys within 5 s, on the operator's request. Does not wait for them.
    pub fn fetch_soon(&self) {
        self.soon.notify_one();
    }

    /// Keeps the keys fresh until the task ends. `http` may be replaced in the meantime. Returns immediately if the
    /// keys are configured.
    pub async fn keep_fresh(self: Arc<Self>, http: Arc<ArcSwap<Http>>) {
        let (KeySource::Uri(uri) | KeySource::Discovery(uri)) = &self.config.keys else { return };
        let is_discovery = matches!(self.config.keys, KeySource::Discovery(_));
        if let Some(next) = self.fetches.next().filter(|_| self.resumes) {
            sleep_until(next).await;
        }
        let mut retry = RETRY.0;
        loop {
            let began = self.fetches.begin();
            // Requests from here on ask for the next fetch.
            self.asked.store(false, Ordering::Release);
            self.begun.fetch_add(1, Ordering::AcqRel);
            let http = http.load_full();
            let fetched = if is_discovery { discover(uri, &http).await } else { fetch(uri, &http).await };
            let is_elsewhere = !is_discovery && matches!(fetched, Err(FetchError::Status(_) | FetchError::Keys(_)));
            let wait = match fetched {
                Ok((set, fresh)) => {
                    tracing::info!(issuer = self.config.issuer, keys = set.len(), "fetched the issuer's keys");
                    if !self.keys().is_some_and(|before| set.reads_like(&before.set)) {
                        set.log_findings(&self.config.issuer);
                    }
                    self.keys.store(Some(Arc::new(Keys::new(Arc::new(set)))));
                    retry = RETRY.0;
                    fresh
                }
                Err(error) => {
                    let kept = self.keys.load().as_ref().map_or(0, |keys| keys.set.len());
                    tracing::warn!(issuer = self.config.issuer, %uri, %error, kept,
                        "the issuer's keys could not be fetched; the last fetched keys stay");
                    let wait = if kept == 0 { retry } else { retry.max(RETRY.1) };
                    retry = (wait * 2).min(RETRY.2);
                    wait
                }
            };
            self.fetched.send_modify(|count| *count += 1);
            if is_elsewhere {
                self.look_for_keys(uri, &http).await;
            }
            self.turn(began, began + wait).await;
        }
    }

    /// Called when the URL of the keys returns none. Logs the URL that the issuer's own discovery document names, if
    /// there is such a document. The keys are not fetched from that URL.
    async fn look_for_keys(&self, uri: &Url, http: &Http) {
        let issuer = self.config.issuer.as_str();
        let Ok(provider) = Url::of_keys(issuer, !uri.is_tls()) else { return };
        match configuration(&provider, http).await {
            Ok(found) if found != *uri => tracing::warn!(issuer, %uri, jwks_uri = %found,
                "the issuer says that its keys are elsewhere: configure jwks_uri as the URL of its keys"),
            Ok(_) => {}
            Err(error) => tracing::debug!(issuer, %error, "the issuer does not say where its keys are"),
        }
    }

    /// Waits for the time of the next fetch: the planned time, or an earlier one if a request or the operator asks.
    async fn turn(&self, began: Instant, planned: Instant) {
        let asked = async {
            self.wake.notified().await;
            sleep_until(self.fetches.next().unwrap_or(began)).await;
        };
        let wanted = async {
            self.soon.notified().await;
            sleep_until(began + SOON).await;
        };
        tokio::select! {
            () = sleep_until(planned) => {}
            () = asked => {}
            () = wanted => {}
        }
    }
}

impl Keys {
    fn new(set: Arc<KeySet>) -> Self {
        static GENERATIONS: AtomicU64 = AtomicU64::new(1);
        Self { set, generation: GENERATIONS.fetch_add(1, Ordering::Relaxed) }
    }
}

async fn fetch(uri: &Url, http: &Http) -> Result<(KeySet, Duration), FetchError> {
    let answer = http.get(uri, "application/json, application/jwk-set+json").await?;
    if !answer.status.is_success() {
        return Err(FetchError::Status(answer.status.as_u16()));
    }
    let fresh = answer.max_age().map_or(FRESH.1, |age| age.clamp(FRESH.0, FRESH.2));
    Ok((KeySet::parse(&answer.body)?, fresh))
}

/// Fetches the keys of the provider whose configuration is at this URL.
async fn discover(provider: &Url, http: &Http) -> Result<(KeySet, Duration), FetchError> {
    fetch(&configuration(provider, http).await?, http).await
}

/// Returns the URL of the keys in the configuration of a provider (OpenID Connect Discovery 1.0 sections 4.1 to 4.3).
async fn configuration(provider: &Url, http: &Http) -> Result<Url, FetchError> {
    #[derive(serde::Deserialize)]
    struct Configuration {
        issuer: String,
        jwks_uri: String,
    }
    let own = provider.to_string();
    let own = own.trim_end_matches('/');
    let place: Url = format!("{own}/.well-known/openid-configuration").parse()?;
    let answer = http.get(&place, "application/json").await?;
    if !answer.status.is_success() {
        return Err(FetchError::Status(answer.status.as_u16()));
    }
    let configuration: Configuration =
        serde_json::from_slice(&answer.body).map_err(|_| FetchError::Configuration("has no issuer or no jwks_uri"))?;
    if configuration.issuer.trim_end_matches('/') != own {
        return Err(FetchError::Configuration("is that of another issuer"));
    }
    // A provider that was fetched by HTTPS must not redirect to plain HTTP.
    Ok(Url::of_keys(&configuration.jwks_uri, !provider.is_tls())?)
}
