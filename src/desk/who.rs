//! Who a request is charged to.

use std::fmt;
use std::net::IpAddr;

use crate::principal::Username;

/// Who bears the cost of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// A caller who proved this name. They are not told apart by their addresses: a load balancer is one address.
    Caller(Username),
    /// Where nothing has to be proved: everybody of this network.
    Network(IpAddr),
    /// A caller of this network who presents a credential that is not verified yet, or asks for what needs none. All of them
    /// together have a share.
    Claimant(IpAddr),
    /// A caller of this network who logs in by the body of the request. All strangers together have a share.
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
