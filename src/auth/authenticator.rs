//! The one function that decides who the caller is, and the state that it needs.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use super::access_token::{AccessTokenError, AccessTokens};
use super::authorization::Authorization;
use super::claims::{Accepted, Claims};
use super::exchange::Exchange;
use super::failures::Failures;
use super::issuer::{Issuer, Keys, Refreshed};
use super::jws::{self, Jws, JwsError};
use super::presented::Presented;
use super::refusal::{Refusal, Unauthenticated};
use super::remembered::{Basis, Memory, Remembered};
use super::trust::{self, SharedTrust, Trust};
use crate::policy::{Subject, Terms};
use crate::principal::{Caller, Method, Username};

/// The number of credentials that are compared in the HSM at one time. Remembered credentials need no comparison.
const COMPARED: usize = 2;

/// A caller, and the name that the credential proved.
#[derive(Debug, Clone)]
pub struct Known {
    /// The user as which the request runs.
    pub caller: Caller,
    /// The proved name, before `force_default_username` replaces it.
    pub name: Username,
}

/// Lookups of the state that credentials depend on.
pub trait CredentialState: Sync {
    /// The error of a lookup that failed.
    type Error: From<AccessTokenError>;

    /// Returns the present terms for an access token of this identity that was issued by `basis`. `None` if one of them
    /// no longer exists.
    fn terms(&self, subject: &Username, basis: &str) -> Option<Arc<Terms>>;

    /// Returns the version of the API token's key, if the key may be used now.
    ///
    /// # Errors
    /// Store or token are unavailable.
    fn version(&self, id: &str) -> Result<Option<i64>, Self::Error>;

    /// The same if `presented` is the key's value. `None` otherwise.
    ///
    /// # Errors
    /// Store or token are unavailable.
    fn compare(&self, id: &str, presented: &[u8]) -> Result<Option<i64>, Self::Error>;
}

/// Authenticates callers.
pub struct Authenticator {
    /// The authorities of client certificates, replaced as a whole at each reload.
    pub trust: SharedTrust,
    pub(super) settings: Settings,
    /// The issuers, replaced as a whole when the configuration of one changes.
    issuers: ArcSwap<Vec<Arc<Issuer>>>,
    pub(super) tokens: Arc<AccessTokens>,
    pub(super) exchange: Exchange,
    pub(super) remembered: Remembered,
    failures: Failures,
    pub(super) comparing: Semaphore,
}

/// The configuration of authentication.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether callers must be authenticated, even if no authority or issuer is trusted at the moment.
    pub authenticates: bool,
    /// The default user.
    pub default_username: Username,
    /// Whether every authenticated caller becomes the default user.
    pub force_default_username: bool,
    /// The tolerance for the clocks of issuers, in seconds.
    pub jwt_leeway: i64,
    /// The identifier of the object whose value is the API token.
    pub api_token_id: Option<String>,
    /// The number of failures in a minute from one address, above which they are answered 429. 0: no limit.
    pub failure_limit: u32,
}

impl Authenticator {
    /// Makes an authenticator with these authorities and issuers. The keys of the issuers are fetched elsewhere.
    #[must_use]
    pub fn new(
        trust: Option<Trust>,
        issuers: Vec<Arc<Issuer>>,
        tokens: Arc<AccessTokens>,
        exchange: Exchange,
        settings: Settings,
    ) -> Self {
        let failures = Failures::new(settings.failure_limit);
        Self {
            trust: trust::shared(trust),
            settings,
            issuers: ArcSwap::from_pointee(issuers),
            tokens,
            exchange,
            remembered: Remembered::new(),
            failures,
            comparing: Semaphore::new(COMPARED),
        }
    }

    /// Whether callers must be authenticated.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        self.settings.authenticates
    }

    /// Returns the caller that `subject` would be after authentication. `None` if `subject` stands for several callers.
    /// Proves nothing.
    #[must_use]
    pub fn caller_of(&self, subject: &Subject) -> Option<Caller> {
        let default = || self.settings.default_username.clone();
        let method = subject.method()?;
        let username = match subject {
            Subject::Certificate(name) | Subject::Jwt { name, .. } => Username::new(name).ok()?,
            Subject::Exchanged(name) => Username::exchanged(name).ok()?,
            Subject::ApiToken | Subject::Unauthenticated => default(),
            Subject::Role(_) | Subject::Everyone => return None,
        };
        let username = if self.settings.force_default_username { default() } else { username };
        Some(Caller { username, method, narrowing: None, role: None })
    }

    /// Authenticates the caller at `now` (seconds since 1970-01-01 UTC): by certificate, otherwise by JWT, otherwise by
    /// API token. If nothing is configured, the caller is the default user. A credential that is present but invalid is
    /// an error, and the next kind is not tried. An access token of this server takes precedence over all of them, and
    /// must be valid even if there is a certificate. `counted`: the request counts as a use of a credential with a
    /// limited number of uses; false for a request that is judged again.
    ///
    /// # Errors
    /// The reason for which the caller is not authenticated, or the failure of the check. The caller of this function
    /// reports it.
    pub async fn caller<K: CredentialState>(
        &self,
        presented: &Presented<'_>,
        key: &K,
        now: i64,
        counted: bool,
    ) -> Result<Known, Refusal<K::Error>> {
        let caller = self.prove(presented, key, now, counted).await?;
        let name = caller.username.clone();
        if self.settings.force_default_username {
            let caller = Caller { username: self.settings.default_username.clone(), ..caller };
            return Ok(Known { caller, name });
        }
        Ok(Known { caller, name })
    }

    /// Returns the name that the caller will probably prove, as far as it is known without calls of HSM, database or
    /// issuer: by the connection's certificate, or by a credential that verified recently. It only decides whose share
    /// of the server the request uses.
    #[must_use]
    pub fn expected(&self, presented: &Presented<'_>, now: i64) -> Option<Username> {
        let trust = self.trust.load();
        if let (Some(trust), Some(certificate)) = (trust.as_ref(), &presented.peer.certificate) {
            return trust.judge(certificate, now).ok().map(|proved| proved.username);
        }
        let token = presented.authorization.bearer().ok()??;
        self.remembered.find(&token, now).map(|memory| memory.caller.username)
    }

    /// Counts a failed attempt, here or in a handshake. Returns whether there are more from this address than the
    /// limit. An authenticated caller is never refused because of it.
    #[must_use]
    pub fn count_failure(&self, address: IpAddr) -> bool {
        self.failures.count(address)
    }

    /// Returns the issuers whose JWTs come with each call.
    #[must_use]
    pub fn direct_issuers(&self) -> Arc<Vec<Arc<Issuer>>> {
        self.issuers.load_full()
    }

    /// Replaces the trusted issuers.
    pub fn trust_issuers(&self, issuers: Vec<Arc<Issuer>>) {
        self.issuers.store(Arc::new(issuers));
    }

    /// Returns the idps table of the issuer and audience in a request's JWT, which is not verified. It is used only to
    /// choose the words of a refusal.
    #[must_use]
    pub fn named_table(&self, authorization: Authorization<'_>) -> Option<Arc<str>> {
        let token = authorization.bearer().ok()??;
        let jws = Jws::parse(&token).ok()?;
        let claims = Claims::parse(jws.unverified_payload()).ok()?;
        let issuers = self.issuers.load();
        let mut tables = issuers.iter().filter(|issuer| issuer.config.table.is_some());
        tables.find(|issuer| claims.name(&issuer.config))?.config.table.clone()
    }

    /// Fetches the issuers' keys now, because their servers may be trusted now.
    pub fn fetch_keys(&self) {
        for issuer in self.issuers.load().iter() {
            issuer.fetch_soon();
        }
    }

    async fn prove<K: CredentialState>(
        &self,
        presented: &Presented<'_>,
        key: &K,
        now: i64,
        counted: bool,
    ) -> Result<Caller, Refusal<K::Error>> {
        // Also if there is a certificate: one of the credentials may be an access token of this server.
        let Presented { peer, authorization } = *presented;
        if authorization.has_several() {
            return Err(Unauthenticated::Authorization.into());
        }
        let bearer = authorization.bearer();
        let token = bearer.as_ref().ok().and_then(Option::as_deref);
        let memory = token.and_then(|token| self.remembered.find(token, now));
        if let Some(token) = token
            && self.is_own(token, memory.as_ref())
        {
            return self.access_token(peer, token, memory, key, now, counted);
        }
        let trust = self.trust.load();
        if let (Some(trust), Some(certificate)) = (trust.as_ref(), &peer.certificate) {
            // A certificate takes precedence: the Authorization header of the same request is not read.
            let proved = trust.judge(certificate, now).map_err(Unauthenticated::from)?;
            let method = Method::Certificate { thumbprint: proved.thumbprint };
            return Ok(Caller { username: proved.username, method, narrowing: None, role: None });
        }
        drop(trust);
        if !self.authenticates() {
            let username = self.settings.default_username.clone();
            return Ok(Caller { username, method: Method::Default, narrowing: None, role: None });
        }
        let token = bearer?.ok_or(Unauthenticated::NoCredential)?;
        let token = &*token;
        if let Some(memory) = memory {
            if self.still_holds(&memory, key)? {
                return Ok(memory.caller);
            }
            self.remembered.forget(token);
        }
        if jws::is_compact(token) { Ok(self.jwt(token, now).await?) } else { self.api_token(token, key).await }
    }

    /// Whether the basis of a remembered credential is unchanged.
    fn still_holds<K: CredentialState>(&self, memory: &Memory, key: &K) -> Result<bool, Refusal<K::Error>> {
        match (&memory.basis, &self.settings.api_token_id) {
            (Basis::Issuer(generation), _) => {
                let is_present = |issuer: &Arc<Issuer>| issuer.keys().is_some_and(|own| own.generation == *generation);
                Ok(self.issuers.load().iter().any(is_present))
            }
            (Basis::ApiToken(version), Some(id)) => {
                let present = tokio::task::block_in_place(|| key.version(id)).map_err(Refusal::Unavailable)?;
                Ok(present == Some(*version))
            }
            (Basis::ApiToken(_), None) | (Basis::AccessToken { .. }, _) => Ok(false),
        }
    }

    async fn jwt(&self, token: &str, now: i64) -> Result<Caller, Unauthenticated> {
        let issuers = self.issuers.load_full();
        if issuers.is_empty() {
            return Err(Unauthenticated::NoIssuer);
        }
        let jws = Jws::parse(token)?;
        let claims = Claims::parse(jws.unverified_payload())?;
        let named = claims.issuer()?;
        // The same issuer may be configured several times, for several audiences.
        let mut last = Unauthenticated::ForeignIssuer;
        for issuer in issuers.iter().filter(|issuer| issuer.config.issuer == named) {
            match self.verify(&jws, &claims, issuer, now).await {
                Ok((caller, generation, expires)) => {
                    self.remembered.put(token, caller.clone(), Basis::Issuer(generation), expires);
                    return Ok(caller);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Verifies the signature first, only by the keys of this issuer, and then the claims.
    pub(super) async fn verify(
        &self,
        jws: &Jws<'_>,
        claims: &Claims,
        issuer: &Issuer,
        now: i64,
    ) -> Result<(Caller, u64, i64), Unauthenticated> {
        let keys = signing_keys(jws, issuer, issuer.config.tells_deferral).await?;
        let leeway = self.settings.jwt_leeway;
        let accepted = claims.check(&issuer.config, &self.settings.default_username, leeway, now)?;
        let method =
            Method::Jwt { issuer: Arc::from(issuer.config.issuer.as_str()), table: issuer.config.table.clone() };
        let Accepted { username, narrowing, role, .. } = accepted;
        let caller = Caller { username, method, narrowing, role };
        Ok((caller, keys.generation, accepted.expires.saturating_add(leeway)))
    }

    async fn api_token<K: CredentialState>(&self, token: &str, key: &K) -> Result<Caller, Refusal<K::Error>> {
        let id = self.settings.api_token_id.as_deref().ok_or(Unauthenticated::NoApiToken)?;
        // Only canonical base64: one key has one token, and its case matters.
        let presented = data_encoding::BASE64.decode(token.as_bytes()).map_err(|_| Unauthenticated::ApiToken)?;
        let presented = crate::secret::Bytes::from(presented);
        let _place = self.comparing().await;
        // Unauthenticated callers must not occupy the threads of authenticated ones.
        let version = tokio::task::block_in_place(|| key.compare(id, &presented)).map_err(Refusal::Unavailable)?;
        let version = version.ok_or(Unauthenticated::ApiToken)?;
        let username = self.settings.default_username.clone();
        let caller = Caller { username, method: Method::ApiToken, narrowing: None, role: None };
        self.remembered.put(token, caller.clone(), Basis::ApiToken(version), i64::MAX);
        Ok(caller)
    }
}

/// Returns the keys that verify a JWS: those at hand, or newly fetched ones. `tells_deferral` is that of the issuer of
/// the JWS, because other issuers may have the same keys.
pub(super) async fn signing_keys(
    jws: &Jws<'_>,
    issuer: &Issuer,
    tells_deferral: bool,
) -> Result<Arc<Keys>, Unauthenticated> {
    let known = issuer.keys();
    let refused = match &known {
        None => Unauthenticated::NoKeys,
        Some(keys) => match jws.verify(&keys.set) {
            Ok(()) => return Ok(Arc::clone(keys)),
            Err(error) => error.into(),
        },
    };
    // The key id is unknown, or has another key: the issuer may have rotated its keys.
    let is_new = |keys: &Keys| known.as_ref().is_none_or(|known| known.generation != keys.generation);
    let fetched = issuer.refresh(|keys| is_new(keys) && jws.verify(&keys.set).is_ok()).await;
    let Some(keys) = issuer.keys().filter(|keys| is_new(keys)) else {
        let is_unknown = matches!(refused, Unauthenticated::Jws(JwsError::UnknownKey));
        let is_open = tells_deferral && is_unknown && fetched == Refreshed::Deferred;
        return Err(if is_open { Unauthenticated::TooManyFetches } else { refused });
    };
    jws.verify(&keys.set)?;
    Ok(keys)
}
