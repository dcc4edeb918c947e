//! Settings of the access tokens that a way of logging in gives.

use std::sync::Arc;

use super::terms::{MAX_TOKEN_TTL, Terms};
use crate::network::TrustedNetwork;

/// The largest number of networks of one list.
const MAX_NETWORKS: usize = 64;

/// The settings of the access tokens that an identity gets by one way of logging in.
#[derive(Debug, Clone, Copy)]
pub struct TokenSettings<'a> {
    /// The lifetime of a token, in seconds; 0 for the longest lifetime.
    pub ttl: i64,
    /// The longest lifetime of a token including renewals, in seconds; 0 for [`MAX_TOKEN_TTL`].
    pub max_ttl: i64,
    /// The number of times that a token may be used; 0 for no limit.
    pub uses_limit: i64,
    /// The networks from which a token may be used.
    pub trusted_ips: &'a [String],
}

/// A fault in one member of a way of logging in: the name of the member in the policy file, and the reason.
pub type MemberFault = (&'static str, String);

impl TokenSettings<'_> {
    pub(super) fn terms(&self) -> Arc<Terms> {
        Arc::new(Terms::new(self.ttl, self.max_ttl, self.trusted_ips))
    }
}

/// Refuses an empty list, a list that is too long, and texts that are not networks. `what` is the credential, for
/// messages.
pub(super) fn networks_of(what: &str, networks: &[String]) -> Result<(), String> {
    if networks.is_empty() {
        return Err(format!("it is empty, so {what} could not be used from any address: add a network"));
    }
    if networks.len() > MAX_NETWORKS {
        return Err(format!("more than {MAX_NETWORKS} entries"));
    }
    networks
        .iter()
        .try_for_each(|text| text.parse::<TrustedNetwork>().map(drop).map_err(|error| format!("{text:?}: {error}")))
}

/// Refuses settings that are out of bounds.
pub(super) fn check_tokens(tokens: &TokenSettings<'_>) -> Result<(), MemberFault> {
    for (key, seconds) in [("access_token_ttl", tokens.ttl), ("access_token_max_ttl", tokens.max_ttl)] {
        if !(0..=MAX_TOKEN_TTL).contains(&seconds) {
            return Err((key, format!("{seconds} is not from 0 to {MAX_TOKEN_TTL} seconds")));
        }
    }
    if tokens.max_ttl > 0 && tokens.ttl > tokens.max_ttl {
        return Err(("access_token_ttl", format!("it is greater than the longest life of {} seconds", tokens.max_ttl)));
    }
    if !(0..=i64::from(i32::MAX)).contains(&tokens.uses_limit) {
        return Err(("access_token_num_uses_limit", format!("{} is not from 0 to {}", tokens.uses_limit, i32::MAX)));
    }
    networks_of("a token", tokens.trusted_ips).map_err(|problem| ("access_token_trusted_ips", problem))
}
