//! JWTs that buy an access token: verified like all others, by keys that are fetched when somebody first needs them.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use lru::LruCache;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::claims::Claims;
use super::issuer::{Issuer, MAX_KEY_SET};
use super::jwks::KeySet;
use super::jws::{Jws, JwsError};
use super::trusted_issuer::{Bound, KeySource, TrustedIssuer};
use super::{Authenticator, Unauthenticated, signing_keys};
use crate::client;
use crate::client::http::{Http, Limits, Trust};
use crate::principal::Narrowing;

/// Places that keys are kept of; the one that was needed least recently goes.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// How long a request waits for the first keys of an issuer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Places whose keys are not kept fresh any longer, of which the last ones are known, and when they were fetched.
const FORMER: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Bounds of fetching keys.
const LIMITS: Limits = Limits { connect: Duration::from_secs(5), answer: Duration::from_secs(10), bytes: MAX_KEY_SET };

/// Keys of issuers whose JWTs are exchanged.
pub struct Exchange {
    /// The authorities of servers for which none are given; the system's if absent.
    ca_file: Option<PathBuf>,
    allow_http: bool,
    places: Mutex<Places>,
}

/// Keys that are kept fresh, and those that had to make room: by JWTs for many places nobody makes the keys of one be fetched more
/// often.
struct Places {
    kept: LruCache<Place, Arc<Keeper>>,
    former: LruCache<Place, Arc<Issuer>>,
}

/// Where keys come from, and by whose word.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    uri: String,
    is_discovery: bool,
    ca: Option<Arc<str>>,
}

/// Keeps the keys of one place fresh, until it is dropped.
struct Keeper {
    issuer: Arc<Issuer>,
    fetching: JoinHandle<()>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.fetching.abort();
    }
}

/// A JWT that says what it has to.
pub struct Verified {
    claims: Claims,
    /// What it takes away from its bearer.
    pub narrowing: Option<Arc<Narrowing>>,
}

impl Verified {
    /// Checks claims that somebody asks for who is known by now.
    ///
    /// # Errors
    /// The first that is missing or has another value.
    pub fn check(&self, bound: &[(String, Bound)]) -> Result<(), Unauthenticated> {
        Ok(self.claims.check_bound(bound)?)
    }

    /// The claim at a path: by its whole name, else by dots or slashes into nested claims.
    #[must_use]
    pub fn claim(&self, path: &str) -> Option<&Value> {
        self.claims.at(path)
    }
}

impl Exchange {
    /// Keys are fetched by the word of the authorities in `ca_file`, or of the system's, where an issuer has none of its own;
    /// `allow_http`: by plain HTTP too.
    #[must_use]
    pub fn new(ca_file: Option<PathBuf>, allow_http: bool) -> Self {
        let places = Places { kept: LruCache::new(CAPACITY), former: LruCache::new(FORMER) };
        Self { ca_file, allow_http, places: Mutex::new(places) }
    }

    /// Whether keys may be fetched by plain HTTP.
    #[must_use]
    pub fn allows_http(&self) -> bool {
        self.allow_http
    }

    /// Fetches all keys again, by the authorities that the configuration's file holds now; the last good keys stay until then.
    /// Must run on a tokio runtime.
    pub fn fetch_anew(&self) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, keeper) in places.kept.iter_mut().filter(|(place, _)| place.ca.is_none()) {
            match self.http(place) {
                Ok(http) => {
                    *keeper =
                        Keeper::start(Issuer::after(keeper.issuer.config.clone(), &[Arc::clone(&keeper.issuer)]), http)
                }
                Err(error) => tracing::warn!(%error, uri = place.uri, "keys are fetched as before"),
            }
        }
    }

    fn http(&self, place: &Place) -> Result<Http, client::Error> {
        let trust = match (&place.ca, &self.ca_file) {
            (Some(pem), _) => client::authorities_of_pem(pem.as_bytes())?,
            (None, Some(path)) => client::authorities(path)?,
            (None, None) => Trust::System,
        };
        Http::new(trust, None, LIMITS).map_err(client::Error::from)
    }

    /// The last good keys of an issuer, if they are fetched and known.
    pub(super) fn known_keys(&self, issuer: &TrustedIssuer) -> Option<Arc<KeySet>> {
        Some(Arc::clone(&self.keeper(issuer)?.issuer.keys()?.set))
    }

    /// What keeps the keys of this issuer; it begins to fetch them if it is new.
    fn keeper(&self, config: &TrustedIssuer) -> Option<Arc<Keeper>> {
        let (uri, is_discovery) = match &config.keys {
            KeySource::Uri(uri) => (uri.to_string(), false),
            KeySource::Discovery(uri) => (uri.to_string(), true),
            KeySource::Inline(_) => return None,
        };
        let place = Place { uri, is_discovery, ca: config.keys_ca.clone() };
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = places.kept.get(&place) {
            return Some(Arc::clone(known));
        }
        let http = self.http(&place);
        let http =
            http.inspect_err(|error| tracing::warn!(issuer = config.issuer, %error, "no keys of this issuer")).ok()?;
        let issuer = match places.former.pop(&place) {
            Some(former) => Issuer::resumed(config.clone(), &former),
            None => Issuer::new(config.clone()),
        };
        let keeper = Keeper::start(issuer, http);
        if let Some((place, evicted)) = places.kept.push(place, Arc::clone(&keeper)) {
            places.former.put(place, Arc::clone(&evicted.issuer));
        }
        Some(keeper)
    }
}

impl Keeper {
    fn start(issuer: Arc<Issuer>, http: Http) -> Arc<Self> {
        let fetching = tokio::spawn(Arc::clone(&issuer).keep_fresh(Arc::new(ArcSwap::from_pointee(http))));
        Arc::new(Self { issuer, fetching })
    }
}

impl Authenticator {
    /// Where the keys of issuers come from whose JWTs are exchanged.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Verifies a JWT of an issuer that is trusted to vouch for somebody, at `now`: its signature by the issuer's keys and no
    /// others, then its claims. What it buys is for the caller of this to say.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub async fn verify_for_exchange(
        &self,
        issuer: &TrustedIssuer,
        jwt: &str,
        now: i64,
    ) -> Result<Verified, Unauthenticated> {
        let jws = Jws::parse(jwt)?;
        if issuer.algorithms.is_some_and(|own| !own.contains(&jws.algorithm())) {
            return Err(JwsError::Algorithm.into());
        }
        let claims = Claims::parse(jws.unverified_payload())?;
        match &issuer.keys {
            KeySource::Inline(keys) => jws.verify(keys)?,
            KeySource::Uri(_) | KeySource::Discovery(_) => self.verify_fetched(issuer, &jws).await?,
        }
        claims.check_bounds(issuer, self.settings.jwt_leeway, now)?;
        let narrowing = claims.narrowing()?;
        Ok(Verified { claims, narrowing })
    }

    /// Whether there are keys of an issuer whose JWTs are exchanged; they are waited for a while.
    pub async fn has_exchange_keys(&self, issuer: &TrustedIssuer) -> bool {
        if matches!(issuer.keys, KeySource::Inline(_)) {
            return true;
        }
        let Some(keeper) = self.exchange.keeper(issuer) else { return false };
        if keeper.issuer.keys().is_none() {
            let _ = timeout(PATIENCE, keeper.issuer.first_fetch()).await;
        }
        keeper.issuer.keys().is_some()
    }

    async fn verify_fetched(&self, issuer: &TrustedIssuer, jws: &Jws<'_>) -> Result<(), Unauthenticated> {
        let keeper = tokio::task::block_in_place(|| self.exchange.keeper(issuer)).ok_or(Unauthenticated::NoKeys)?;
        if keeper.issuer.keys().is_none() {
            let _ = timeout(PATIENCE, keeper.issuer.first_fetch()).await;
        }
        let keys = keeper.issuer.keys().ok_or(Unauthenticated::NoKeys)?;
        match jws.verify(&keys.set) {
            Ok(()) => return Ok(()),
            // A wrong signature by a key of this id, too: the issuer may have another one under it by now.
            Err(JwsError::UnknownKey | JwsError::WrongKey | JwsError::Signature) => {}
            Err(error) => return Err(error.into()),
        }
        signing_keys(jws, &keeper.issuer, issuer.tells_deferral).await.map(drop)
    }
}
