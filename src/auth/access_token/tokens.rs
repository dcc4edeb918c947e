//! All access tokens: their rows, and their verification.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use data_encoding::BASE64URL_NOPAD;
use lru::LruCache;
use serde_json::{Value, json};

use super::error::{AccessTokenError, AccessTokenFault};
use super::live::{Bearer, Live};
use super::own_keys::{OwnKey, OwnKeys};
use crate::auth::jws::{Jws, MAX_TOKEN};
use crate::auth::strict_json;
use crate::custody::Custody;
use crate::principal::OWN_ISSUER;
use crate::store::access_token::{self as rows, AccessToken};
use crate::store::{self, Store};
use crate::turns::{Gathered, Turns, retry};

/// The maximum age of a row that is put into memory.
pub const LONGEST_READ: Duration = Duration::from_secs(30);

/// The maximum number of tokens whose rows are kept in memory.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// The maximum number of identities for which the time of the last warning is remembered.
const WARNED: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// The times of one form of a token, in seconds since 1970-01-01 UTC. A token gets another form with each renewal.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct Span {
    pub(in crate::auth) issued: i64,
    pub(in crate::auth) expires: i64,
}

/// All access tokens.
pub struct AccessTokens {
    pub(super) store: Arc<Store>,
    pub(super) custody: Arc<Custody>,
    issuer: String,
    pub(super) keys: ArcSwap<OwnKeys>,
    pub(super) live: Mutex<LruCache<String, Arc<Live>>>,
    /// How often other servers changed tokens. What was read before a change is not put into memory after it.
    pub(super) changes: AtomicU64,
    /// Held while the signing key is changed.
    pub(super) rotating: Mutex<()>,
    /// The queues of changes of a token, by its identifier, and of logins of an identity that has the maximum number of
    /// tokens, by its name.
    pub(super) turns: Turns,
    /// Uses of tokens that may be used so often.
    pub(super) uses: Gathered<Option<bool>>,
    /// The identities that were warned about many tokens, and the time of the warning.
    pub(super) warned: Mutex<LruCache<String, Instant>>,
}

impl AccessTokens {
    /// Makes the access tokens of the database with this identifier.
    ///
    /// # Errors
    /// The public keys in the HSM cannot be read.
    pub fn new(store: Arc<Store>, custody: Arc<Custody>, vault: &str) -> Result<Self, AccessTokenError> {
        let keys = ArcSwap::from_pointee(OwnKeys::new(&custody.token_keys())?);
        let live = Mutex::new(LruCache::new(CAPACITY));
        let issuer = format!("{OWN_ISSUER}{vault}");
        let (turns, warned) = (Turns::default(), Mutex::new(LruCache::new(WARNED)));
        let (rotating, uses, changes) = (Mutex::new(()), Gathered::default(), AtomicU64::new(0));
        Ok(Self { store, custody, issuer, keys, live, changes, rotating, turns, uses, warned })
    }

    /// Returns the public keys in the form of a JWK Set (RFC 7517 section 5).
    #[must_use]
    pub fn public_keys(&self) -> Vec<OwnKey> {
        self.keys.load().published.clone()
    }

    /// Whether a compact JWS claims to be an access token of this server. Nothing is verified.
    #[must_use]
    pub fn is_own(&self, token: &str) -> bool {
        let mut parts = token.split('.');
        let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        if token.len() > MAX_TOKEN {
            return false;
        }
        let Ok(payload) = BASE64URL_NOPAD.decode(payload.as_bytes()) else { return false };
        // If a member occurs twice, either value may be meant. A token that may be one of this server is judged as one.
        strict_json::every(&payload, "iss").iter().any(|iss| iss.as_str() == Some(&self.issuer))
    }

    /// Returns the token's row and times if its signature verifies. [`Self::admit`] checks whether it is still valid.
    pub(in crate::auth) fn verify(&self, token: &str) -> Result<(Arc<Live>, Span), AccessTokenError> {
        let jws = Jws::parse(token).map_err(AccessTokenFault::from)?;
        jws.verify(&self.keys.load().verify).map_err(AccessTokenFault::from)?;
        let claims = strict_json::object(jws.unverified_payload()).ok_or(AccessTokenFault::Claims)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).ok_or(AccessTokenFault::Claims);
        let time = |name: &str| claims.get(name).and_then(Value::as_i64).ok_or(AccessTokenFault::Claims);
        let mut span = Span { issued: time("iat")?, expires: time("exp")? };
        let live = self.find(text("jti")?)?.ok_or(AccessTokenFault::Unknown)?;
        // In a token that an earlier version renewed, `iat` is the time of the login. The time of renewal is computed
        // from its end; the result is that time or a later one.
        if span.issued == live.row.created && span.expires > live.row.created.saturating_add(live.row.ttl) {
            span.issued = span.expires.saturating_sub(live.row.ttl);
        }
        if text("iss")? != self.issuer || text("sub")? != live.row.subject {
            return Err(AccessTokenFault::Claims.into());
        }
        Ok((live, span))
    }

    /// Refuses a token that is no longer valid at `now`. `counted`: this counts as a use. Returns the present token,
    /// which may have been renewed in the meantime.
    pub(in crate::auth) fn admit(
        &self,
        mut live: Arc<Live>,
        bearer: &Bearer,
        now: i64,
        counted: bool,
    ) -> Result<Arc<Live>, AccessTokenError> {
        retry(AccessTokenFault::Unknown.into(), || {
            live.check(bearer, now)?;
            if live.row.uses_limit == 0 || !counted || live.take() {
                return Ok(Some(Arc::clone(&live)));
            }
            if live.is_spent() {
                return Err(AccessTokenFault::Spent.into());
            }
            match tokio::task::block_in_place(|| self.take_use(&live))? {
                Some(true) => Ok(Some(Arc::clone(&live))),
                Some(false) => {
                    live.spend();
                    Err(AccessTokenFault::Spent.into())
                }
                None => {
                    self.forget(&live);
                    live = self.find(&live.row.id)?.ok_or(AccessTokenFault::Unknown)?;
                    Ok(None)
                }
            }
        })
    }

    /// Returns the token with this identifier, if it has a row with a valid binding.
    pub(super) fn find(&self, id: &str) -> Result<Option<Arc<Live>>, AccessTokenError> {
        if let Some(known) = self.live.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(Some(Arc::clone(known)));
        }
        // The database and the HSM may be slow.
        tokio::task::block_in_place(|| self.read(id))
    }

    /// Reads the token from its row and checks the binding.
    fn read(&self, id: &str) -> Result<Option<Arc<Live>>, AccessTokenError> {
        let (began, changes) = (Instant::now(), self.changes.load(Ordering::SeqCst));
        let row = match rows::find(&self.store, id) {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(None),
            Err(store::Error::Malformed(_)) => {
                tracing::error!(
                    token = id,
                    "ROW REFUSED: its columns make no sense, so it was changed in the database"
                );
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        if !self.custody.is_bound(&row.bound(), &row.binding)? {
            tracing::error!(
                token = id,
                "ROW REFUSED: its binding is wrong, so it was changed or inserted in the database"
            );
            return Ok(None);
        }
        let Some(live) = Live::new(row).map(Arc::new) else { return Ok(None) };
        if began.elapsed() > LONGEST_READ {
            // The token may have been ended in the meantime, and that may have been forgotten already.
            return self.read(id);
        }
        let mut known = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        // If another thread was first, its value has reserved uses.
        if let Some(known) = known.get(id) {
            return Ok(Some(Arc::clone(known)));
        }
        if self.changes.load(Ordering::SeqCst) == changes {
            keep(&mut known, &live);
        } else {
            // It may be this token that another server has changed: it is used once, as it was read.
            live.end();
        }
        Ok(Some(live))
    }

    /// Returns when a recently presented token was issued, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn issued_at(&self, id: &str) -> Option<i64> {
        self.find(id).ok().flatten().map(|live| live.row.created)
    }

    /// Returns the signing input of a token that was issued or renewed at `issued`, with its claims (RFC 9068 section
    /// 2.2, RFC 8705 section 3.1).
    pub(super) fn signing_input(&self, row: &AccessToken, key_id: &str, issued: i64) -> String {
        let header = json!({ "alg": "ES256", "kid": key_id, "typ": "at+jwt" });
        let mut claims = json!({
            "iss": self.issuer,
            "sub": row.subject,
            "jti": row.id,
            "iat": issued,
            "exp": row.expires,
        });
        if let (Some(thumbprint), Some(claims)) = (&row.thumbprint, claims.as_object_mut()) {
            claims.insert("cnf".to_owned(), json!({ "x5t#S256": BASE64URL_NOPAD.encode(thumbprint) }));
        }
        let part = |value: &Value| BASE64URL_NOPAD.encode(in_both_alphabets(&value.to_string()).as_bytes());
        format!("{}.{}", part(&header), part(&claims))
    }
}

/// Puts a token into memory. A token that leaves it for this one counts as changed: whoever still has it would not notice a
/// change.
pub(super) fn keep(known: &mut LruCache<String, Arc<Live>>, live: &Arc<Live>) {
    if let Some((_, former)) = known.push(live.row.id.clone(), Arc::clone(live)) {
        former.end();
    }
}

/// Returns the same JSON with escapes, so that its base64 contains none of the characters in which the two alphabets of
/// RFC 4648 differ. Conjur's clients decode the parts of a token in either alphabet. Three bytes of ASCII give such a
/// character only if the third is `>`, `?`, `~` or DEL. In JSON these occur only in strings.
fn in_both_alphabets(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && !matches!(character, '>' | '?' | '~' | '\x7f') {
            text.push(character);
        } else {
            let mut units = [0; 2];
            text.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64_NOPAD;

    use super::*;

    #[test]
    fn claims_are_the_same_in_both_alphabets() {
        let all: String = ('\u{1}'..'\u{200}').chain(['\u{ffff}', '\u{1f600}', '\u{10ffff}']).collect();
        for start in 0..3 {
            for step in 1..4 {
                let value: String = "x".repeat(start) + &all.chars().skip(start).step_by(step).collect::<String>();
                let claims = json!({ "sub": value, "~?>": [">>>???~~~", 1] });
                let text = in_both_alphabets(&claims.to_string());
                assert_eq!(BASE64_NOPAD.encode(text.as_bytes()), BASE64URL_NOPAD.encode(text.as_bytes()), "{text}");
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), claims);
            }
        }
    }
}
