//! The current terms of access tokens that were issued earlier.

use std::net::IpAddr;

use crate::network::TrustedNetwork;

/// The longest lifetime of an access token including all renewals, in seconds: ten years.
pub const MAX_TOKEN_TTL: i64 = 315_360_000;

/// The configured terms of the access tokens of one basis. At each use and each renewal of a token the server applies
/// the stricter of these terms and of those at the time of issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The lifetime of a token from its issue and from each renewal, in seconds.
    ttl: i64,
    /// The longest lifetime of a token from its issue, including renewals, in seconds.
    max_ttl: i64,
    /// The networks from which a token may be used.
    trusted: Vec<TrustedNetwork>,
}

impl Terms {
    /// Creates terms from seconds and networks. A `ttl` of 0 means `max_ttl`, and a `max_ttl` of 0 means
    /// [`MAX_TOKEN_TTL`]. A text that is not a network matches no address.
    pub(super) fn new<'a>(ttl: i64, max_ttl: i64, networks: impl IntoIterator<Item = &'a String>) -> Self {
        let max_ttl = if max_ttl == 0 { MAX_TOKEN_TTL } else { max_ttl.min(MAX_TOKEN_TTL) };
        let ttl = if ttl == 0 { max_ttl } else { ttl.min(max_ttl) };
        Self { ttl, max_ttl, trusted: networks.into_iter().filter_map(|text| text.parse().ok()).collect() }
    }

    /// The lifetime of a token from its issue and from each renewal, in seconds.
    #[must_use]
    pub fn ttl(&self) -> i64 {
        self.ttl
    }

    /// The longest lifetime of a token from its issue, including renewals, in seconds.
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

    /// Returns the time when a token expires that was first issued at `created`, and last issued or renewed at
    /// `issued`. All times are in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn end(&self, created: i64, issued: i64) -> i64 {
        issued.saturating_add(self.ttl).min(created.saturating_add(self.max_ttl))
    }
}
