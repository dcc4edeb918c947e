//! Networks from which a credential may be used. Only the address of the connection counts, never a header.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address or a network in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedNetwork {
    address: IpAddr,
    prefix: u8,
}

/// The error for a text that is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither an IP address nor a network such as 192.0.2.0/24 or 2001:db8::/32 whose other bits are zero")]
pub struct TrustedNetworkError;

impl TrustedNetwork {
    /// Whether the network contains the address. An IPv4-mapped IPv6 address counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(given)) => {
                is_same(own.to_bits().into(), given.to_bits().into(), self.prefix, 32)
            }
            (IpAddr::V6(own), IpAddr::V6(given)) => is_same(own.to_bits(), given.to_bits(), self.prefix, 128),
            _ => false,
        }
    }

    /// Whether the network contains every address of its family.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.prefix == 0
    }

    fn width(&self) -> u8 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }
}

/// Whether the first `prefix` of `width` bits are equal.
fn is_same(one: u128, other: u128, prefix: u8, width: u8) -> bool {
    let rest = u32::from(width.saturating_sub(prefix));
    one.checked_shr(rest).unwrap_or(0) == other.checked_shr(rest).unwrap_or(0)
}

impl FromStr for TrustedNetwork {
    type Err = TrustedNetworkError;

    fn from_str(text: &str) -> Result<Self, TrustedNetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| TrustedNetworkError)?;
        let mut network = Self { address, prefix: 0 };
        network.prefix = match prefix {
            None => network.width(),
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= network.width()).ok_or(TrustedNetworkError)?
            }
            Some(_) => return Err(TrustedNetworkError),
        };
        let rest = u32::from(network.width() - network.prefix);
        let bits = match address {
            IpAddr::V4(own) => u128::from(own.to_bits()),
            IpAddr::V6(own) => own.to_bits(),
        };
        // A text such as 10.1.2.3/8 is ambiguous: it may mean the address or the network.
        if bits.checked_shr(rest).unwrap_or(0).checked_shl(rest).unwrap_or(0) == bits {
            Ok(network)
        } else {
            Err(TrustedNetworkError)
        }
    }
}

impl fmt::Display for TrustedNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_their_networks_alone() {
        for (network, address, is_in) in [
            ("127.0.0.2/32", "127.0.0.2", true),
            ("127.0.0.2", "127.0.0.2", true),
            ("127.0.0.2/32", "127.0.0.1", false),
            ("127.0.0.2/32", "::ffff:127.0.0.2", true),
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.9", false),
            ("2001:db8::/32", "2001:db8:ffff::", true),
            ("2001:db8::/32", "2001:db9::", false),
        ] {
            let parsed: TrustedNetwork = network.parse().unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), is_in, "{network} {address}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed));
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "/", "10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0.0/", "host", "10.0.0/8", "::1/0"]
        {
            assert!(text.parse::<TrustedNetwork>().is_err(), "{text:?}");
        }
    }
}
