//! Networks from which a credential may be used, and those of proxies. Only the address of the connection counts, never an
//! HTTP header.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use cidr::IpCidr;

/// An address or a network in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedNetwork(IpCidr);

/// The error for a text that is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither an IP address nor a network such as 192.0.2.0/24 or 2001:db8::/32 whose other bits are zero")]
pub struct TrustedNetworkError;

impl TrustedNetwork {
    /// Whether the network contains the address. An IPv4-mapped IPv6 address counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether the network contains every address of its family.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.0.network_length() == 0
    }
}

impl FromStr for TrustedNetwork {
    type Err = TrustedNetworkError;

    /// Bits behind the prefix are refused: what somebody means by 10.1.2.3/8 cannot be known.
    fn from_str(text: &str) -> Result<Self, TrustedNetworkError> {
        // The parser of numbers takes a plus sign.
        let network = Some(text).filter(|text| !text.contains('+')).and_then(|text| text.parse().ok());
        network.map(Self).ok_or(TrustedNetworkError)
    }
}

impl fmt::Display for TrustedNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
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
        for (text, shown) in
            [("127.0.0.2", "127.0.0.2/32"), ("::1", "::1/128"), ("::/0", "::/0"), ("10.0.0.0/08", "10.0.0.0/8")]
        {
            assert_eq!(text.parse::<TrustedNetwork>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "/",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "host",
            "10.0.0/8",
            "::1/0",
            "any",
            "10.0.0.0/8/8",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/-8",
            "10.0.0.0/ 8",
            " 10.0.0.0/8",
            "010.0.0.0/8",
            "10.0.0.0/264",
            "10",
            "0x0a.0.0.0/8",
            "[::1]",
            "fe80::1%eth0",
            "::ffff:10.0.0.1/104",
        ] {
            assert!(text.parse::<TrustedNetwork>().is_err(), "{text:?}");
        }
    }
}
