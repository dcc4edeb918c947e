//! Step-by-step diagnosis of a token, for an operator who wants to know why it is refused.
//!
//! The verdict comes from the same functions as in the gate. The steps show the result of each single check.

use serde_json::Value;

use super::authenticator::Authenticator;
use super::claims::Claims;
use super::claims_error::ClaimsError;
use super::issuer::Issuer;
use super::jwks::KeySet;
use super::jws::{Jws, JwsError};
use super::narrowing;
use super::refusal::Unauthenticated;
use super::trusted_issuer::{Bound, Expected, KeySource, TrustedIssuer};
use super::vouching::Verified;
use crate::api::issuers::{Outcome, Step};
use crate::principal::Caller;

/// The maximum length of a claim's value in the output, in characters.
const MAX_TOLD: usize = 200;

/// All checks of a token against one trusted issuer.
#[derive(Debug, Default)]
pub struct Diagnosis {
    /// The steps, in the order of the gate.
    pub steps: Vec<Step>,
    /// The reason for which the gate refuses the token. `None` if it accepts the token.
    pub refused: Option<String>,
}

/// The contents of a token that was not verified.
pub struct Unverified<'a> {
    jws: Jws<'a>,
    claims: Claims,
}

impl<'a> Unverified<'a> {
    /// Reads the token.
    ///
    /// # Errors
    /// The token is not a JWT that could be verified.
    pub fn parse(jwt: &'a str) -> Result<Self, Unauthenticated> {
        let jws = Jws::parse(jwt)?;
        let claims = Claims::parse(jws.unverified_payload())?;
        Ok(Self { jws, claims })
    }

    /// Whether `iss` is the issuer's, or only the keys identify the issuer.
    #[must_use]
    pub fn is_of(&self, issuer: &TrustedIssuer) -> bool {
        self.claims.check_issuer(issuer).is_ok()
    }

    /// Returns `iss` for output.
    #[must_use]
    pub fn issuer(&self) -> String {
        claim_text(self.claims.at("iss"))
    }
}

impl Diagnosis {
    fn add(&mut self, step: impl Into<String>, outcome: Outcome, says: impl Into<String>) {
        self.steps.push(Step { step: step.into(), outcome, says: says.into() });
    }

    /// Adds a step. On success it says `good`, on failure the error and what was found.
    fn judge<E: std::fmt::Display>(&mut self, step: &str, result: Result<impl Sized, E>, good: String, found: &str) {
        match result {
            Ok(_) => self.add(step, Outcome::Passed, good),
            Err(error) => self.add(step, Outcome::Failed, format!("{error}: {found}")),
        }
    }

    /// Adds the step of a caller that requires more of the token than the trust in its issuer does.
    pub fn conclude(&mut self, step: &str, result: Result<String, String>) {
        match result {
            Ok(says) => self.add(step, Outcome::Passed, says),
            Err(says) => {
                self.refused.get_or_insert_with(|| says.clone());
                self.add(step, Outcome::Failed, says);
            }
        }
    }
}

impl Authenticator {
    /// Checks, at `now`, a JWT that comes with a call.
    pub async fn diagnose_direct(&self, issuer: &Issuer, token: &Unverified<'_>, now: i64) -> Diagnosis {
        let verdict = self.verify(&token.jws, &token.claims, issuer, now).await.map(|(caller, ..)| caller);
        let keys = issuer.keys();
        let mut diagnosis = self.look(&issuer.config, token, keys.as_ref().map(|keys| &*keys.set), now);
        let user = |caller: Caller| format!("the user {:?}", caller.username.as_str());
        let accepted =
            token.claims.check(&issuer.config, &self.settings.default_username, self.settings.jwt_leeway, now);
        let (claim, found) =
            (&issuer.config.username_claim, claim_text(token.claims.at(&issuer.config.username_claim)));
        match &accepted {
            Ok(accepted) => {
                diagnosis.add("user", Outcome::Passed, format!("{claim} is {found}: {}", &accepted.username))
            }
            Err(error) if diagnosis.has_failed_by(error) => {
                diagnosis.add("user", Outcome::NotLookedAt, "an earlier claim was refused");
            }
            Err(error) => {
                diagnosis.add("user", Outcome::Failed, format!("{error}: {claim} is {found}{}", role(issuer, token)))
            }
        }
        diagnosis.close(verdict.map(user));
        diagnosis
    }

    /// Checks, at `now`, a JWT that is exchanged for an access token. Returns the verified token too, so that the
    /// caller can check its own requirements.
    pub async fn diagnose_exchange(
        &self,
        issuer: &TrustedIssuer,
        jwt: &str,
        token: &Unverified<'_>,
        now: i64,
    ) -> (Diagnosis, Option<Verified>) {
        let verdict = self.verify_for_exchange(issuer, jwt, now).await;
        let fetched = tokio::task::block_in_place(|| self.exchange.known_keys(issuer));
        let keys = match &issuer.keys {
            KeySource::Inline(keys) => Some(keys),
            KeySource::Uri(_) | KeySource::Discovery(_) => fetched.as_ref(),
        };
        let mut diagnosis = self.look(issuer, token, keys.map(|keys| &**keys), now);
        let own = claim_text(token.claims.at(narrowing::CLAIM));
        diagnosis.judge("claim claviger", token.claims.narrowing(), own.clone(), &own);
        let (told, verified) = match verdict {
            Ok(verified) => (Ok("the issuer vouches for its bearer".to_owned()), Some(verified)),
            Err(reason) => (Err(reason), None),
        };
        diagnosis.close(told);
        (diagnosis, verified)
    }

    /// Runs the checks that all issuers have in common, one by one.
    fn look(&self, issuer: &TrustedIssuer, token: &Unverified<'_>, keys: Option<&KeySet>, now: i64) -> Diagnosis {
        let Unverified { jws, claims } = token;
        let mut steps = Diagnosis::default();
        let (algorithm, leeway) = (jws.algorithm(), self.settings.jwt_leeway);
        match issuer.algorithms {
            Some(own) if !own.contains(&algorithm) => {
                steps.add("algorithm", Outcome::Failed, format!("it says {algorithm:?}; expected one of {own:?}"));
            }
            _ => steps.add("algorithm", Outcome::Passed, format!("it says {algorithm:?}")),
        }
        let found = |claim: &str| claim_text(claims.at(claim));
        let expected = match (issuer.issuer.as_str(), &issuer.implied_issuer) {
            ("", None) => "any".to_owned(),
            ("", Some(implied)) => format!("none or {implied:?}"),
            (own, _) => format!("{own:?}"),
        };
        steps.judge(
            "iss",
            claims.check_issuer(issuer),
            found("iss"),
            &format!("{}, expected {expected}", found("iss")),
        );
        look_at_signature(&mut steps, issuer, jws, keys);
        steps.judge("exp", claims.check_end(leeway, now), clock("exp", claims, now), &clock("exp", claims, now));
        let start = [clock("nbf", claims, now), clock("iat", claims, now)].join("; ");
        steps.judge("nbf, iat", claims.check_start(leeway, now), start.clone(), &start);
        let wanted = list(&issuer.audiences);
        let audience = format!("{}, expected {wanted}", found("aud"));
        steps.judge("aud", claims.check_audience(&issuer.audiences), audience.clone(), &audience);
        let subject = issuer.subject.as_ref().map_or("any".to_owned(), |own| format!("{:?}", own.as_str()));
        let subject = format!("{}, expected {subject}", found("sub"));
        steps.judge("sub", claims.check_subject(issuer), subject.clone(), &subject);
        for one in &issuer.bound_claims {
            let bound = format!("{}, expected {}", found(&one.0), bound(&one.1));
            steps.judge(
                &format!("claim {}", one.0),
                claims.check_bound(std::slice::from_ref(one)),
                bound.clone(),
                &bound,
            );
        }
        steps
    }
}

impl Diagnosis {
    /// Whether a step reports this error already.
    fn has_failed_by(&self, error: &ClaimsError) -> bool {
        let text = error.to_string();
        self.steps.iter().any(|step| step.outcome == Outcome::Failed && step.says.starts_with(&text))
    }

    /// Adds the verdict of the gate.
    fn close(&mut self, verdict: Result<String, Unauthenticated>) {
        self.conclude("verdict", verdict.map_err(|reason| reason.to_string()));
    }
}

fn look_at_signature(steps: &mut Diagnosis, issuer: &TrustedIssuer, jws: &Jws<'_>, keys: Option<&KeySet>) {
    let place = match &issuer.keys {
        KeySource::Inline(_) => "configured".to_owned(),
        KeySource::Uri(uri) => format!("from {uri}"),
        KeySource::Discovery(uri) => format!("as the configuration of {uri} says"),
    };
    let Some(keys) = keys else {
        steps.add("keys", Outcome::Failed, format!("{place}: none could be fetched; the server's log says why"));
        steps.add("signature", Outcome::NotLookedAt, "there are no keys");
        return;
    };
    let ids: Vec<String> = keys.ids().take(8).map(|id| shortened(&format!("{id:?}"))).collect();
    let ids = if ids.is_empty() { "without ids".to_owned() } else { ids.join(", ") };
    let left_out = match keys.left_out() {
        none if none.0.is_empty() => String::new(),
        some => format!("; left out: {some}"),
    };
    steps.add("keys", Outcome::Passed, format!("{} {place}: {ids}{left_out}", keys.len()));
    let id = jws.key_id().map_or("no key id".to_owned(), |id| format!("key id {}", shortened(&format!("{id:?}"))));
    let says = match jws.verify(keys) {
        Err(JwsError::WrongKey) => format!("{id}, algorithm {:?}", jws.algorithm()),
        _ => id,
    };
    steps.judge("signature", jws.verify(keys), says.clone(), &says);
}

/// Describes the role claim, if the issuer has a rule for roles.
fn role(issuer: &Issuer, token: &Unverified<'_>) -> String {
    let Some(rule) = &issuer.config.role else { return String::new() };
    let allowed: Vec<&str> = rule.allowed.iter().take(16).map(String::as_str).collect();
    format!(
        "; {} is {}, allowed are {}",
        rule.claim,
        claim_text(token.claims.at(&rule.claim)),
        shortened(&allowed.join(", "))
    )
}

/// Describes a time, and its distance from now.
fn clock(claim: &str, claims: &Claims, now: i64) -> String {
    let Some(value) = claims.at(claim) else { return format!("{claim} is not there") };
    match value.as_i64() {
        Some(time) if time <= now => format!("{claim} is {time}, {} s ago", now.saturating_sub(time)),
        Some(time) => format!("{claim} is {time}, in {} s", time.saturating_sub(now)),
        None => format!("{claim} is {}", claim_text(Some(value))),
    }
}

fn list(expected: &[Expected]) -> String {
    if expected.is_empty() {
        return "any".to_owned();
    }
    let all: Vec<String> = expected.iter().take(16).map(|own| format!("{:?}", own.as_str())).collect();
    shortened(&all.join(" or "))
}

fn bound(bound: &Bound) -> String {
    match bound {
        Bound::Value(value) => claim_text(Some(value)),
        Bound::AnyOf(any_of) => list(any_of),
    }
}

/// Formats the value of a claim as JSON without control characters, up to [`MAX_TOLD`] characters.
fn claim_text(value: Option<&Value>) -> String {
    match value {
        None => "not there".to_owned(),
        Some(Value::String(text)) => shortened(&format!("{text:?}")),
        Some(value) => shortened(&value.to_string().escape_debug().to_string().replace("\\\"", "\"")),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TOLD) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
