//! What all ways of logging in have in common that are attached to an identity.

use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::problem::Problem;
use super::shapes::invalid;
use crate::kms;
use crate::policy::{MemberFault, TokenSettings, TrustedNetwork};

/// Seconds for which a token is good, and can be renewed, if nothing else is said: 30 days.
pub(super) const DEFAULT_TTL: i64 = 2_592_000;

/// Told to whoever changes which JWTs an identity is known by.
pub(super) const KEPT: &str = "access tokens that were issued before this change stay valid until they end; to end them now, send \
                               PATCH /api/v1/identities/ID {\"endTokens\": true}";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    pub(super) ip_address: String,
}

impl Address {
    /// As it is kept. What is not a network is refused with the rest of the document.
    pub(super) fn canonical(&self) -> String {
        match self.ip_address.parse::<TrustedNetwork>() {
            Ok(network) => network.to_string(),
            Err(_) => self.ip_address.clone(),
        }
    }
}

/// From everywhere.
pub(super) fn everywhere() -> Vec<String> {
    ["0.0.0.0/0", "::/0"].map(str::to_owned).into()
}

/// Networks as answers have them.
pub(super) fn addresses(texts: Vec<String>) -> Vec<Address> {
    texts.into_iter().map(|ip_address| Address { ip_address }).collect()
}

/// Puts the networks that are given in the place of those that are there.
pub(super) fn put_addresses(own: &mut Vec<String>, given: Option<&Vec<Address>>) {
    if let Some(given) = given {
        *own = given.iter().map(Address::canonical).collect();
    }
}

/// The answer where an identity does not log in by this way.
pub(super) fn not_attached(way: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("the identity has no {way}"))
}

/// Refuses to attach what is attached already, and to change what is not attached.
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

/// What is written in the place of what is there, unless it was attached or removed since [`expect`].
pub(super) fn written<D>(
    before: Option<D>,
    is_new: bool,
    applied: impl FnOnce(Option<D>) -> D,
) -> Result<Option<D>, kms::Error> {
    if before.is_some() == is_new { Err(kms::Error::Contention) } else { Ok(Some(applied(before))) }
}

/// Puts what is given in the place of what is there.
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

/// A fault by the name that the caller gave to the member.
pub(super) fn faulty((member, problem): MemberFault) -> Problem {
    let name = match member {
        "access_token_ttl" => "accessTokenTTL".to_owned(),
        "access_token_max_ttl" => "accessTokenMaxTTL".to_owned(),
        member => camel(member),
    };
    invalid(format!("{name}: {problem}"))
}

/// A name in the spelling of these clients.
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
