//! A trusted issuer of JWTs: its keys, and how they are kept fresh.

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

/// The shortest time between two fetches that the operator asks for.
const SOON: Duration = Duration::from_secs(5);

/// How long the request that asked for a fetch waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bounds of what Cache-Control may ask for, and what holds when it says nothing.
const FRESH: (Duration, Duration, Duration) =
    (Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(3_600));

/// After a failure: from the first to the longest time until the next try. The first is longer while there are keys.
const RETRY: (Duration, Duration, Duration) =
    (Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(300));

/// The largest key set, in bytes.
pub const MAX_KEY_SET: usize = 1 << 20;

/// An issuer with its keys.
pub struct Issuer {
    /// As configured.
    pub config: TrustedIssuer,
    keys: ArcSwapOption<Keys>,
    /// Somebody met a key id that is not known.
    asked: AtomicBool,
    wake: Notify,
    /// The operator wants fresh keys.
    soon: Notify,
    fetches: Arc<Fetches>,
    /// Whether the first fetch waits until a JWT could ask for it.
    resumes: bool,
    /// Counts fetches that have begun.
    begun: AtomicU64,
    /// Counts fetches that have ended.
    fetched: watch::Sender<u64>,
}

/// One good answer of the issuer.
pub struct Keys {
    /// The keys.
    pub set: Arc<KeySet>,
    /// Sets this answer apart from the others of the process.
    pub generation: u64,
}

/// What became of a wish for fresh keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// A fetch ended, or it was waited for as long as anybody waits.
    Fetched,
    /// None may begin yet, or somebody else asked before; the keys are fetched as soon as they may be.
    Deferred,
}

/// Why a fetch brought nothing.
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
    /// An issuer whose keys are not fetched yet, unless they are configured.
    #[must_use]
    pub fn new(config: TrustedIssuer) -> Arc<Self> {
        Self::after(config, &[])
    }

    /// An issuer that goes on where one of before ended, with its next fetch too.
    pub(super) fn resumed(config: TrustedIssuer, before: &Arc<Self>) -> Arc<Self> {
        let keys = before.keys().map(|keys| Arc::clone(&keys.set));
        Self::with(config, keys, Arc::clone(&before.fetches), true)
    }

    /// An issuer that goes on with the keys that one of `former` has from the same place, until it has fetched its own. What was
    /// remembered of theirs is not remembered of it.
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

    /// The last good keys.
    #[must_use]
    pub fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.load_full()
    }

    /// Asks for fresh keys. Only the request that asks first waits, and only if they may be fetched now, and not for long: until
    /// a fetch brings what it looks for, or one has ended that began after it asked. A flood of others goes on at once, with the
    /// keys that there are.
    pub(super) async fn refresh(&self, is_found: impl Fn(&Keys) -> bool) -> Refreshed {
        if matches!(self.config.keys, KeySource::Inline(_)) {
            return Refreshed::Fetched;
        }
        // A fetch that is under way is waited for: what follows it may be long in coming.
        let is_running = *self.fetched.borrow() < self.begun.load(Ordering::Acquire);
        if self.asked.swap(true, Ordering::AcqRel) {
            return Refreshed::Deferred;
        }
        // What is under way may have been answered before the issuer had the key.
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

    /// Resolves when the first fetch has ended, well or not.
    pub async fn first_fetch(&self) {
        let _ = self.fetched.subscribe().wait_for(|count| *count > 0).await;
    }

    /// Fetches fresh keys, within 5 s and without waiting for them: the operator's wish.
    pub fn fetch_soon(&self) {
        self.soon.notify_one();
    }

    /// Keeps the keys fresh until the task ends; `http` may be exchanged meanwhile. There is nothing to do for keys that are
    /// configured.
    pub async fn keep_fresh(self: Arc<Self>, http: Arc<ArcSwap<Http>>) {
        let (KeySource::Uri(uri) | KeySource::Discovery(uri)) = &self.config.keys else { return };
        let is_discovery = matches!(self.config.keys, KeySource::Discovery(_));
        if let Some(next) = self.fetches.next().filter(|_| self.resumes) {
            sleep_until(next).await;
        }
        let mut retry = RETRY.0;
        loop {
            let began = self.fetches.begin();
            // Whoever asks from here on asks for the next fetch.
            self.asked.store(false, Ordering::Release);
            self.begun.fetch_add(1, Ordering::AcqRel);
            let http = http.load_full();
            let fetched = if is_discovery { discover(uri, &http).await } else { fetch(uri, &http).await };
            let is_elsewhere = !is_discovery && matches!(fetched, Err(FetchError::Status(_) | FetchError::Keys(_)));
            let wait = match fetched {
                Ok((set, fresh)) => {
                    tracing::info!(issuer = self.config.issuer, keys = set.len(), "fetched the issuer's keys");
                    if !self.keys().is_some_and(|before| set.reads_like(&before.set)) {
                        set.tell(&self.config.issuer);
                    }
                    self.keys.store(Some(Arc::new(Keys::new(Arc::new(set)))));
                    retry = RETRY.0;
                    fresh
                }
                Err(error) => {
                    let kept = self.keys.load().as_ref().map_or(0, |keys| keys.set.len());
                    tracing::warn!(issuer = self.config.issuer, %uri, %error, kept,
                        "the issuer's keys could not be fetched; the last good ones stay");
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

    /// Says in the log where the issuer itself says that its keys are, if it is a provider that does: they are not where they were
    /// said to be, or where most issuers have them. They are not fetched from there.
    async fn look_for_keys(&self, uri: &Url, http: &Http) {
        let issuer = self.config.issuer.as_str();
        let Ok(provider) = Url::of_keys(issuer, !uri.is_tls()) else { return };
        match configuration(&provider, http).await {
            Ok(found) if found != *uri => tracing::warn!(issuer, %uri, jwks_uri = %found,
                "the issuer says that its keys are elsewhere: configure that URL as the place of its keys"),
            Ok(_) => {}
            Err(error) => tracing::debug!(issuer, %error, "the issuer does not say where its keys are"),
        }
    }

    /// Until it is time for the next fetch: when it is planned, or before that for somebody who asks.
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

/// The keys of the provider whose configuration is there.
async fn discover(provider: &Url, http: &Http) -> Result<(KeySet, Duration), FetchError> {
    fetch(&configuration(provider, http).await?, http).await
}

/// Where the configuration of a provider says that its keys are (OpenID Connect Discovery 1.0 sections 4.1 to 4.3).
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
        serde_json::from_slice(&answer.body).map_err(|_| FetchError::Configuration("has no issuer and jwks_uri"))?;
    if configuration.issuer.trim_end_matches('/') != own {
        return Err(FetchError::Configuration("is of another issuer"));
    }
    // A provider that was asked by TLS cannot send anybody elsewhere without.
    Ok(Url::of_keys(&configuration.jwks_uri, !provider.is_tls())?)
}
