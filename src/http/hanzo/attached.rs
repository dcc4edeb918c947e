//! Common parts of the authentication methods of an identity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::problem::Problem;
use super::shapes::invalid;
use crate::kms;
use crate::network::TrustedNetwork;
use crate::policy::{MemberFault, TokenSettings};

/// The default of `accessTokenTTL` and `accessTokenMaxTTL`, in seconds: 30 days.
pub(super) const DEFAULT_TTL: i64 = 2_592_000;

/// The message after a change of the JWTs that authenticate an identity.
pub(super) const KEPT: &str = "access tokens that were issued before this change stay valid until they end; to end them now, send \
                               PATCH /api/v1/identities/ID {\"endTokens\": true}";

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    pub(super) ip_address: String,
}

impl Address {
    /// Returns the canonical form for storing. A text that is not a network is kept: the check of the document refuses
    /// it.
    pub(super) fn canonical(&self) -> String {
        match self.ip_address.parse::<TrustedNetwork>() {
            Ok(network) => network.to_string(),
            Err(_) => self.ip_address.clone(),
        }
    }
}

/// Returns the networks that contain every address.
pub(super) fn everywhere() -> Vec<String> {
    ["0.0.0.0/0", "::/0"].map(str::to_owned).into()
}

/// Converts networks to the form that answers have.
pub(super) fn addresses(texts: Vec<String>) -> Vec<Address> {
    texts.into_iter().map(|ip_address| Address { ip_address }).collect()
}

/// Replaces the networks if new ones are given.
pub(super) fn put_addresses(own: &mut Vec<String>, given: Option<&Vec<Address>>) {
    if let Some(given) = given {
        *own = given.iter().map(Address::canonical).collect();
    }
}

/// Returns the error for an identity that does not have this authentication method.
pub(super) fn not_attached(way: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("the identity has no {way}"))
}

/// Refuses to attach a method that is already attached, and to change one that is not attached.
pub(super) fn expect(is_attached: bool, is_new: bool, way: &str) -> Result<(), Problem> {
    match (is_attached, is_new) {
        (true, true) => {
            let detail = format!("the identity has {way} already: change or remove it");
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
        (false, false) => Err(not_attached(way)),
        (true, false) | (false, true) => Ok(()),
    }
}

/// Returns the document to write. It fails if the method was attached or removed since [`expect`].
pub(super) fn written<D>(
    before: Option<D>,
    is_new: bool,
    applied: impl FnOnce(Option<D>) -> D,
) -> Result<Option<D>, kms::Error> {
    if before.is_some() == is_new { Err(kms::Error::Contention) } else { Ok(Some(applied(before))) }
}

/// Replaces the value if a new one is given.
pub(super) fn put<T: Clone>(own: &mut T, given: Option<&T>) {
    if let Some(given) = given {
        *own = given.clone();
    }
}

pub(super) fn check_lives(tokens: &TokenSettings<'_>) -> Result<(), Problem> {
    if tokens.max_ttl > 0 && tokens.ttl > tokens.max_ttl {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "accessTokenTTL cannot be greater than accessTokenMaxTTL"));
    }
    Ok(())
}

/// Converts an error of a member, with the member's name in the request.
pub(super) fn faulty((member, problem): MemberFault) -> Problem {
    let name = match member {
        "access_token_ttl" => "accessTokenTTL".to_owned(),
        "access_token_max_ttl" => "accessTokenMaxTTL".to_owned(),
        member => camel(member),
    };
    invalid(format!("{name}: {problem}"))
}

/// Converts a name from snake case to camel case.
fn camel(member: &str) -> String {
    let mut words = member.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut characters = word.chars();
        name.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(characters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_as_callers_name_them() {
        for (member, name) in [
            ("access_token_ttl", "accessTokenTTL"),
            ("access_token_num_uses_limit", "accessTokenNumUsesLimit"),
            ("oidc_discovery_url", "oidcDiscoveryUrl"),
            ("id", "id"),
        ] {
            assert_eq!(faulty((member, "x".to_owned())).detail, format!("{name}: x"));
        }
    }
}
