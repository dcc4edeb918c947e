//! The caller whose share a request uses.

use std::fmt;
use std::net::IpAddr;

use crate::principal::Username;

/// The caller or network whose share of places and memory a request uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// An authenticated caller. The address does not matter, because a load balancer is one address for many callers.
    Caller(Username),
    /// All callers of this network, if the server runs without authentication.
    Network(IpAddr),
    /// A caller of this network who presents a credential that is not verified yet, or requests something that needs no
    /// credential. All claimants together have one share.
    Claimant(IpAddr),
    /// A caller of this network who logs in by the body of the request. All strangers together have one share.
    Stranger(IpAddr),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller(name) => fmt::Display::fmt(name, f),
            Self::Network(network) | Self::Claimant(network) | Self::Stranger(network) => fmt::Display::fmt(network, f),
        }
    }
}
