//! The keys of issuers whose JWTs are exchanged. They are fetched when they are first needed.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use lru::LruCache;
use tokio::task::JoinHandle;

use super::issuer::{Issuer, MAX_KEY_SET};
use super::jwks::KeySet;
use super::trusted_issuer::{KeySource, TrustedIssuer};
use crate::client;
use crate::client::http::{Http, Limits, Trust};

/// The maximum number of sources whose keys are kept. The least recently needed one is evicted.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// The maximum number of evicted sources of which the last keys and the time of their fetch are kept.
const FORMER: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// The limits of a fetch.
const LIMITS: Limits = Limits { connect: Duration::from_secs(5), answer: Duration::from_secs(10), bytes: MAX_KEY_SET };

/// Keys of issuers whose JWTs are exchanged.
pub struct Exchange {
    /// The authorities of servers without authorities of their own. `None`: the system's.
    ca_file: Option<PathBuf>,
    allow_http: bool,
    places: Mutex<Places>,
}

/// The keys that are kept fresh, and the last keys of evicted sources. Because of the latter, JWTs for many sources
/// cannot cause more fetches from one of them.
struct Places {
    kept: LruCache<Place, Arc<Keeper>>,
    former: LruCache<Place, Arc<Issuer>>,
}

/// A source of keys, and the authorities of its server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    uri: String,
    is_discovery: bool,
    ca: Option<Arc<str>>,
}

/// Keeps the keys of one source fresh until it is dropped.
pub(super) struct Keeper {
    pub(super) issuer: Arc<Issuer>,
    fetching: JoinHandle<()>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.fetching.abort();
    }
}

impl Exchange {
    /// Makes a store of keys. The servers of issuers without authorities of their own are verified by the authorities
    /// in `ca_file`, or by those of the system. `allow_http`: keys may also be fetched by plain HTTP.
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

    /// Fetches all keys again, with the authorities that the file contains now. The last fetched keys stay until then.
    /// Must run on a tokio runtime.
    pub fn fetch_anew(&self) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, keeper) in places.kept.iter_mut().filter(|(place, _)| place.ca.is_none()) {
            match self.http(place) {
                Ok(http) => {
                    *keeper =
                        Keeper::start(Issuer::after(keeper.issuer.config.clone(), &[Arc::clone(&keeper.issuer)]), http)
                }
                Err(error) => tracing::warn!(%error, uri = place.uri, "the former CA file is used"),
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

    /// Returns the last fetched keys of an issuer, if they are fetched and known.
    pub(super) fn known_keys(&self, issuer: &TrustedIssuer) -> Option<Arc<KeySet>> {
        Some(Arc::clone(&self.keeper(issuer)?.issuer.keys()?.set))
    }

    /// Returns the keeper of this issuer's keys. A new one begins to fetch them. `None` if the keys are configured, or
    /// cannot be fetched.
    pub(super) fn keeper(&self, config: &TrustedIssuer) -> Option<Arc<Keeper>> {
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
            http.inspect_err(|error| tracing::warn!(issuer = config.issuer, %error, "cannot fetch its keys")).ok()?;
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
