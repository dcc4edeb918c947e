//! The one function that decides who is calling, and what it asks.

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

/// Credentials that are compared in the HSM at one time; those that are remembered need no place.
const COMPARED: usize = 2;

/// A caller, and the name that was proved.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who the request runs as.
    pub caller: Caller,
    /// The name before every caller becomes the default user, where that is configured.
    pub name: Username,
}

/// What credentials rest on, asked of whoever holds it.
pub trait Foundations: Sync {
    /// Why it could not be checked.
    type Error: From<AccessTokenError>;

    /// What holds now of an access token of this identity that was issued by `basis`; `None` if one of them is gone.
    fn terms(&self, subject: &Username, basis: &str) -> Option<Arc<Terms>>;

    /// The version of the API token's key, if it may be used now.
    ///
    /// # Errors
    /// Store or token are unavailable.
    fn version(&self, id: &str) -> Result<Option<i64>, Self::Error>;

    /// The same, if `presented` is the key's value.
    ///
    /// # Errors
    /// Store or token are unavailable.
    fn compare(&self, id: &str, presented: &[u8]) -> Result<Option<i64>, Self::Error>;
}

/// Everything about callers.
pub struct Authenticator {
    /// The authorities of client certificates, replaced as a whole at each reload.
    pub trust: SharedTrust,
    pub(super) settings: Settings,
    /// Replaced as a whole when the configuration of one changes.
    issuers: ArcSwap<Vec<Arc<Issuer>>>,
    pub(super) tokens: Arc<AccessTokens>,
    pub(super) exchange: Exchange,
    pub(super) remembered: Remembered,
    failures: Failures,
    pub(super) comparing: Semaphore,
}

/// What the configuration says about callers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether anything has to be proved, though nobody may be trusted at the moment.
    pub authenticates: bool,
    /// The default user.
    pub default_username: Username,
    /// Whether every caller, once authenticated, becomes the default user.
    pub force_default_username: bool,
    /// Seconds by which the clocks of issuers may differ from ours.
    pub jwt_leeway: i64,
    /// The object whose value is the API token.
    pub api_token_id: Option<String>,
    /// Failures in a minute from one address, above which they are 429; 0 for no limit.
    pub failure_limit: u32,
}

impl Authenticator {
    /// With the present authorities, and issuers whose keys are fetched elsewhere.
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

    /// Whether anything at all has to be proved.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        self.settings.authenticates
    }

    /// The caller that somebody would be who proves to be `subject`; `None` for several people. Proves nothing.
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

    /// Decides who is calling, at `now` (seconds since 1970-01-01 UTC): certificate, else JWT, else API token, else, where
    /// nothing is configured, the default user. A credential that is present but bad is an error, never a reason to
    /// try the next one. An access token of ours goes before all of them, and has to be good beside a certificate too.
    /// `counted`: it is a use of a credential that may be used so many times; false for a request that is judged again.
    ///
    /// # Errors
    /// Why it is nobody, or that it could not be found out. Whoever asks reports it.
    pub async fn caller<K: Foundations>(
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

    /// The name that a request's caller will prove, as far as that is known without asking HSM, database or issuer: by the
    /// connection's certificate, or by a credential that verified a moment ago. It decides whose share of the server a request
    /// takes, and nothing else.
    #[must_use]
    pub fn expected(&self, presented: &Presented<'_>, now: i64) -> Option<Username> {
        let trust = self.trust.load();
        if let (Some(trust), Some(certificate)) = (trust.as_ref(), &presented.peer.certificate) {
            return trust.judge(certificate, now).ok().map(|proved| proved.username);
        }
        let token = presented.authorization.bearer().ok()??;
        self.remembered.find(&token, now).map(|memory| memory.caller.username)
    }

    /// Counts an attempt that failed, here or in a handshake; whether there are more of them from this address than the
    /// limit. No authenticated caller is refused for it.
    #[must_use]
    pub fn count_failure(&self, address: IpAddr) -> bool {
        self.failures.count(address)
    }

    /// The issuers whose JWTs come with each call.
    #[must_use]
    pub fn direct_issuers(&self) -> Arc<Vec<Arc<Issuer>>> {
        self.issuers.load_full()
    }

    /// Trusts these issuers from now on, and no others.
    pub fn trust_issuers(&self, issuers: Vec<Arc<Issuer>>) {
        self.issuers.store(Arc::new(issuers));
    }

    /// The idps table that a request's JWT names by `iss` and `aud`, which nobody has verified: to choose the words of a
    /// refusal, and for nothing else.
    #[must_use]
    pub fn named_table(&self, authorization: Authorization<'_>) -> Option<Arc<str>> {
        let token = authorization.bearer().ok()??;
        let jws = Jws::parse(&token).ok()?;
        let claims = Claims::parse(jws.unverified_payload()).ok()?;
        let issuers = self.issuers.load();
        let mut tables = issuers.iter().filter(|issuer| issuer.config.table.is_some());
        tables.find(|issuer| claims.name(&issuer.config))?.config.table.clone()
    }

    /// Asks for the issuers' keys now, because their servers may be believed by now.
    pub fn fetch_keys(&self) {
        for issuer in self.issuers.load().iter() {
            issuer.fetch_soon();
        }
    }

    async fn prove<K: Foundations>(
        &self,
        presented: &Presented<'_>,
        key: &K,
        now: i64,
        counted: bool,
    ) -> Result<Caller, Refusal<K::Error>> {
        // Beside a certificate too: one of them may be an access token of ours.
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
            // A certificate wins: the Authorization header of the same request is not looked at.
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

    /// Whether what a memory rests on is unchanged.
    fn still_holds<K: Foundations>(&self, memory: &Memory, key: &K) -> Result<bool, Refusal<K::Error>> {
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
        // The same issuer may be there several times, for several audiences.
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

    /// Signature first, by the keys of this issuer alone; claims after.
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

    async fn api_token<K: Foundations>(&self, token: &str, key: &K) -> Result<Caller, Refusal<K::Error>> {
        let id = self.settings.api_token_id.as_deref().ok_or(Unauthenticated::NoApiToken)?;
        // Canonical base64 alone: one key has one token, and its case matters.
        let presented = data_encoding::BASE64.decode(token.as_bytes()).map_err(|_| Unauthenticated::ApiToken)?;
        let presented = crate::secret::Bytes::from(presented);
        let _place = self.comparing().await;
        // Callers who are nobody yet must not occupy the threads of those who are somebody.
        let version = tokio::task::block_in_place(|| key.compare(id, &presented)).map_err(Refusal::Unavailable)?;
        let version = version.ok_or(Unauthenticated::ApiToken)?;
        let username = self.settings.default_username.clone();
        let caller = Caller { username, method: Method::ApiToken, narrowing: None, role: None };
        self.remembered.put(token, caller.clone(), Basis::ApiToken(version), i64::MAX);
        Ok(caller)
    }
}

/// The keys by which a JWS verifies: those at hand, or those that the issuer has by now. `tells_deferral` is that of the issuer whose
/// JWS it is: others may have the same keys.
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
    // An unknown key id, or another key under it: the issuer may have rotated its keys.
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
