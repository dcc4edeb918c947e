//! The KMIP socket.

use std::fmt;
use std::str::FromStr;

use super::declared::Printed;
use super::written::Written;

/// The port that is registered for KMIP over TLS (IANA `kmip`).
const DEFAULT_KMIP_PORT: u16 = 5696;

/// The value of `--kmip-port`. In the configuration file, it is a number or a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Written")]
pub enum KmipPort {
    /// No socket.
    Off,
    /// This port; 0 for any.
    Port(u16),
}

/// A text is neither a port nor `off`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a port: give a number from 0 to 65535, or off")]
pub struct NotAPort(String);

impl FromStr for KmipPort {
    type Err = NotAPort;

    fn from_str(text: &str) -> Result<Self, NotAPort> {
        match text {
            "off" => Ok(Self::Off),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map(Self::Port).map_err(|_| NotAPort(text.to_owned()))
            }
            _ => Err(NotAPort(text.to_owned())),
        }
    }
}

impl fmt::Display for KmipPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Port(port) => write!(f, "{port}"),
        }
    }
}

impl Printed for KmipPort {
    fn printed(&self) -> Option<toml::Value> {
        Some(match self {
            Self::Off => self.to_string().into(),
            Self::Port(port) => i64::from(*port).into(),
        })
    }
}

impl TryFrom<Written> for KmipPort {
    type Error = NotAPort;

    fn try_from(written: Written) -> Result<Self, NotAPort> {
        written.parse()
    }
}

/// The KMIP socket: where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmipSocket {
    /// Address or name to listen on.
    pub hostname: String,
    /// Port to listen on; 0 for any.
    pub port: u16,
    /// Whether the port was configured. If not, the server starts also when another program has the default port.
    pub is_chosen: bool,
    /// Whether the cipher suites of TLS 1.2 that lack forward secrecy or authenticated encryption are offered too.
    pub legacy_tls: bool,
}

/// The reason for the absence of the KMIP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSocket {
    /// The configuration says so.
    Off,
    /// There is no TLS identity or no authority of client certificates. The flag says whether a port was configured.
    WithoutCertificates {
        /// Whether a port was configured.
        is_chosen: bool,
    },
}

impl fmt::Display for NoSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::WithoutCertificates { .. } => {
                "off: it needs --https-p12-file (or --https-cert-file) and --authority-cert-file"
            }
        })
    }
}

impl KmipSocket {
    /// Checks the options. The socket needs TLS and client certificates: `has_certificates` says whether there are both.
    pub(super) fn of(
        port: Option<KmipPort>,
        legacy_tls: Option<bool>,
        hostname: &str,
        has_certificates: bool,
    ) -> Result<Self, NoSocket> {
        let (port, is_chosen) = match port {
            Some(KmipPort::Off) => return Err(NoSocket::Off),
            Some(KmipPort::Port(port)) => (port, true),
            None => (DEFAULT_KMIP_PORT, false),
        };
        if !has_certificates {
            return Err(NoSocket::WithoutCertificates { is_chosen });
        }
        Ok(Self { hostname: hostname.to_owned(), port, is_chosen, legacy_tls: legacy_tls.unwrap_or(false) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_or_off() {
        for (text, port) in [("5696", KmipPort::Port(5696)), ("0", KmipPort::Port(0)), ("off", KmipPort::Off)] {
            assert_eq!(text.parse(), Ok(port));
            assert_eq!(port.to_string(), text);
        }
        for bad in ["", "65536", "-1", "+1", "Off", "no", " 1", "1 "] {
            assert_eq!(bad.parse::<KmipPort>(), Err(NotAPort(bad.to_owned())), "{bad:?}");
        }
    }

    #[test]
    fn a_socket_needs_certificates() {
        let of = |port: Option<&str>, has_certificates| {
            KmipSocket::of(port.map(|port| port.parse().unwrap()), None, "h", has_certificates)
        };
        let socket = of(None, true).unwrap();
        assert_eq!((socket.port, socket.is_chosen, socket.hostname.as_str()), (5696, false, "h"));
        let socket = of(Some("7"), true).unwrap();
        assert_eq!((socket.port, socket.is_chosen), (7, true));
        assert_eq!(of(Some("off"), true), Err(NoSocket::Off));
        for (port, is_chosen) in [(None, false), (Some("7"), true)] {
            let refused = of(port, false);
            assert_eq!(refused, Err(NoSocket::WithoutCertificates { is_chosen }));
        }
    }
}
