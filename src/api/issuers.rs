//! The issuers that are trusted: `/issuers` and `/issuers/test`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What an issuer's JWTs are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// They come with each call.
    Direct,
    /// They buy an access token.
    Exchange,
}

impl Use {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Exchange => "exchange",
        }
    }
}

/// An entry of `GET /issuers`: an issuer, as it is configured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Issuer {
    /// As the command line and logins call it.
    pub name: String,
    /// What its JWTs are for.
    #[serde(rename = "use")]
    pub purpose: Use,
    /// The `iss` of its JWTs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The audiences, of which a JWT must be for one; any if there is none.
    pub audiences: Vec<String>,
    /// The subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The claims that a JWT must have.
    pub bound_claims: Vec<String>,
    /// Where its keys come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// The keys that are configured or have been fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_count: Option<usize>,
    /// Why it vouches for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// `POST /issuers/test`
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToTest<'a> {
    /// The JWT.
    #[serde(borrow)]
    pub jwt: Cow<'a, str>,
    /// The one to ask; without it, all whose `iss` the JWT has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// The answer to [`ToTest`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Verdicts {
    /// Whether one of them accepts it.
    pub accepted: bool,
    /// Why no issuer was asked at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Those that were asked.
    pub issuers: Vec<Tested>,
    /// Issuers that were not asked: the token says that it is of another, or there are too many.
    pub others: usize,
}

/// What one issuer makes of a JWT.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tested {
    /// As [`Issuer::name`].
    pub name: String,
    /// What its JWTs are for.
    #[serde(rename = "use")]
    pub purpose: Use,
    /// Whether it accepts the JWT.
    pub accepted: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The checks, in the order in which the gate makes them.
    pub steps: Vec<Step>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// A step before it left nothing to look at.
    NotLookedAt,
}

/// One check of a token.
#[derive(Debug, Serialize, Deserialize)]
pub struct Step {
    /// Its name: a word or two, or the name of a claim.
    pub step: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was expected and found; never the token or a part of its signature.
    pub says: String,
}
