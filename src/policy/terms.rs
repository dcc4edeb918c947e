//! What holds now of access tokens that were given before.

use std::net::IpAddr;

use super::trusted_network::TrustedNetwork;

/// The longest life of an access token and of all its renewals, in seconds: ten years.
pub const MAX_TOKEN_TTL: i64 = 315_360_000;

/// What is configured of the access tokens that rest on one basis. Each use and each renewal of a token is held to the stricter of
/// this and of what was set when it was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Seconds for which a token is good, from its issue and from each renewal.
    ttl: i64,
    /// Seconds after its issue beyond which no renewal takes it.
    max_ttl: i64,
    /// The networks from which it may be used.
    trusted: Vec<TrustedNetwork>,
}

impl Terms {
    /// Terms of these seconds, where 0 of `ttl` stands for `max_ttl`, and 0 of `max_ttl` for [`MAX_TOKEN_TTL`]. A text that is not
    /// a network lets nobody in.
    pub(super) fn new<'a>(ttl: i64, max_ttl: i64, networks: impl IntoIterator<Item = &'a String>) -> Self {
        let max_ttl = if max_ttl == 0 { MAX_TOKEN_TTL } else { max_ttl.min(MAX_TOKEN_TTL) };
        let ttl = if ttl == 0 { max_ttl } else { ttl.min(max_ttl) };
        Self { ttl, max_ttl, trusted: networks.into_iter().filter_map(|text| text.parse().ok()).collect() }
    }

    /// Seconds for which a token is good, from its issue and from each renewal.
    #[must_use]
    pub fn ttl(&self) -> i64 {
        self.ttl
    }

    /// Seconds after its issue beyond which no renewal takes it.
    #[must_use]
    pub fn max_ttl(&self) -> i64 {
        self.max_ttl
    }

    /// The networks from which a token may be used.
    #[must_use]
    pub fn trusted(&self) -> &[TrustedNetwork] {
        &self.trusted
    }

    /// Whether a token may be used from this address.
    #[must_use]
    pub fn admit(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// When a token ends that was first issued at `created`, and issued or renewed last at `issued`: both and the answer in seconds
    /// since 1970-01-01 UTC.
    #[must_use]
    pub fn end(&self, created: i64, issued: i64) -> i64 {
        issued.saturating_add(self.ttl).min(created.saturating_add(self.max_ttl))
    }
}
