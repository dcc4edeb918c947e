//! The names and addresses of a server.

use std::fmt;
use std::net::IpAddr;

use openssl::x509::X509Ref;

use super::error::Error;

/// A DNS name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Host {
    /// A DNS name in lower case; its first label may be `*`.
    Name(String),
    Address(IpAddr),
}

impl Host {
    /// Reads a DNS name (RFC 1123 section 2.1) or an IP address.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = address.parse() {
            return Ok(Self::Address(address));
        }
        let is_label = |label: &str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=63).contains(&label.len())
                && label.bytes().all(is_part)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let rest = text.strip_prefix("*.").unwrap_or(text);
        // The last label of a name is not a number: such a text is a mistyped address.
        let is_number = rest.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
        if text.len() > 253 || is_number || !rest.split('.').all(is_label) {
            return Err(Error::Host(text.to_owned()));
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }

    /// Returns the names and addresses of a certificate.
    pub(super) fn of(certificate: &X509Ref) -> Vec<Self> {
        let names = certificate.subject_alt_names().into_iter().flatten();
        let host = |name: &openssl::x509::GeneralNameRef| {
            let address = |bytes: &[u8]| match bytes.len() {
                4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
                _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
            };
            let dns = name.dnsname().map(|name| Self::Name(name.to_ascii_lowercase()));
            dns.or_else(|| name.ipaddress().and_then(address).map(Self::Address))
        };
        names.filter_map(|name| host(&name)).collect()
    }

    /// Returns those of a server that only this machine uses.
    pub(super) fn of_this_machine() -> Vec<Self> {
        let addresses = [IpAddr::from([127, 0, 0, 1]), IpAddr::from(std::net::Ipv6Addr::LOCALHOST)];
        [Self::Name("localhost".to_owned())].into_iter().chain(addresses.map(Self::Address)).collect()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        for (text, shown) in [
            ("KMS.example.com", "kms.example.com"),
            ("*.example.com", "*.example.com"),
            ("localhost", "localhost"),
            ("10.0.0.7", "10.0.0.7"),
            ("[::1]", "::1"),
            ("2001:DB8::1", "2001:db8::1"),
        ] {
            assert_eq!(Host::parse(text).unwrap().to_string(), shown);
        }
        for text in
            ["", ".", "a..b", "10.0.0.256", "10.0.0", "https://kms", "kms:9998", "-a", "a b", "kms,DNS:other", "[::1"]
        {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }
}
