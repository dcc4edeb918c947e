//! What the access tokens are like that a way of logging in gives.

use std::sync::Arc;

use super::fault::Fault;
use super::terms::{MAX_TOKEN_TTL, Terms};
use super::trusted_network::TrustedNetwork;

/// The most networks of one trust.
const MAX_NETWORKS: usize = 64;

/// What the access tokens are like that an identity gets by one way of logging in.
#[derive(Debug, Clone, Copy)]
pub struct TokenSettings<'a> {
    /// Seconds for which a token is good; 0 for as long as the longest life.
    pub ttl: i64,
    /// Its longest life with all renewals, in seconds; 0 for [`MAX_TOKEN_TTL`].
    pub max_ttl: i64,
    /// How often it may be used; 0 for any number.
    pub uses_limit: i64,
    /// The networks from which it may be used.
    pub trusted_ips: &'a [String],
}

/// What is wrong with one member of a way of logging in: its name in the policy file, and the problem.
pub type MemberFault = (&'static str, String);

impl TokenSettings<'_> {
    pub(super) fn terms(&self) -> Arc<Terms> {
        Arc::new(Terms::new(self.ttl, self.max_ttl, self.trusted_ips))
    }
}

/// Refuses settings that are out of bounds; `path` leads to their document.
pub(super) fn check_token_settings(path: [&str; 3], settings: &TokenSettings<'_>) -> Result<(), Fault> {
    let [table, id, auth] = path;
    check_tokens(settings).map_err(|(member, problem)| Fault::at(&[table, id, auth, member], problem))
}

/// Refuses lists of networks from which nothing could come, and what is not a network.
pub(super) fn check_networks(path: [&str; 3], key: &str, what: &str, networks: &[String]) -> Result<(), Fault> {
    let [table, id, auth] = path;
    networks_of(what, networks).map_err(|problem| Fault::at(&[table, id, auth, key], problem))
}

fn networks_of(what: &str, networks: &[String]) -> Result<(), String> {
    if networks.is_empty() {
        return Err(format!("it is empty: {what} could be used from nowhere"));
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
