//! The trusted issuers: `/issuers` and `/issuers/test`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The use of an issuer's JWTs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// The JWTs are sent with each call.
    Direct,
    /// The JWTs are exchanged for an access token.
    Exchange,
}

impl Use {
    /// The word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Exchange => "exchange",
        }
    }
}

/// An entry of `GET /issuers`: an issuer and its configuration.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Issuer {
    /// Its name on the command line and in logins.
    pub name: String,
    /// The use of its JWTs.
    #[serde(rename = "use")]
    pub purpose: Use,
    /// The `iss` of its JWTs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The audiences: a JWT must have one of them. If the list is empty, any audience is accepted.
    pub audiences: Vec<String>,
    /// The subject that a JWT must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The claims that a JWT must have.
    pub bound_claims: Vec<String>,
    /// The source of its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// The number of keys that are configured or were fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_count: Option<usize>,
    /// The reason why its JWTs are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// `POST /issuers/test`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToTest<'a> {
    /// The JWT.
    #[serde(borrow)]
    pub jwt: Cow<'a, str>,
    /// The issuer to test with; if absent, all issuers with the `iss` of the JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// The answer to [`ToTest`].
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Verdicts {
    /// Whether one of the issuers accepts the JWT.
    pub accepted: bool,
    /// The reason why no issuer was tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// The results of the tested issuers.
    pub issuers: Vec<Tested>,
    /// Number of issuers that were not tested, because the JWT has another `iss` or there are too many.
    pub others: usize,
}

/// The result of a test with one issuer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tested {
    /// The name of the issuer, as [`Issuer::name`].
    pub name: String,
    /// The use of its JWTs.
    #[serde(rename = "use")]
    pub purpose: Use,
    /// Whether it accepts the JWT.
    pub accepted: bool,
    /// The reason for a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The checks, in the order in which the server makes them.
    pub steps: Vec<Step>,
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The check succeeded.
    Passed,
    /// The check failed.
    Failed,
    /// The check was not made, because an earlier step failed.
    NotLookedAt,
}

/// One check of a JWT.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The name of the step: a word or two, or the name of a claim.
    pub step: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// The expected and the found value; never the token or a part of its signature.
    pub says: String,
}
