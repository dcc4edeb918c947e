//! URLs of servers.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper::http::uri::{PathAndQuery, Scheme, Uri};

/// An `http://` or `https://` URL without user name, password or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    tls: bool,
    host: String,
    port: u16,
    /// Path and query. It begins with `/`.
    path: String,
}

/// The reason why a text is not the URL of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The text is not a URL.
    #[error("it is not a URL as in https://kms.example.com:9998")]
    Syntax,
    /// The scheme is missing, or is another one.
    #[error("it must begin with https:// or http://")]
    Scheme,
    /// The URL has a user name or a password, which would appear in logs.
    #[error("a URL with a user name or password is not accepted")]
    Credentials,
    /// An issuer's keys would be fetched by plain HTTP, where an attacker in the network can replace them.
    #[error("keys are fetched over https:// only, unless --jwks-allow-http is given")]
    PlainKeys,
}

impl Url {
    /// Reads the URL that the keys of an issuer are fetched from. It must be of TLS, unless `allow_http` is set.
    ///
    /// # Errors
    /// The text is not a URL, or is of plain HTTP without `allow_http`.
    pub fn of_keys(text: &str, allow_http: bool) -> Result<Self, UrlError> {
        let url: Self = text.parse()?;
        if url.tls || allow_http { Ok(url) } else { Err(UrlError::PlainKeys) }
    }

    /// Returns whether the connection is by TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Returns the host; an IPv6 address is without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether the host is `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// Returns the URL of `path`, which must begin with `/`, below this one.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let base = self.path.split_once('?').map_or(self.path.as_str(), |(path, _)| path);
        Self { path: format!("{}{path}", base.trim_end_matches('/')), ..self.clone() }
    }

    /// Returns the value of a Host header (RFC 9110 section 7.2).
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port(self.tls) { host } else { format!("{host}:{}", self.port) }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        // The parser of the crate `http` silently drops a fragment.
        if text.contains('#') {
            return Err(UrlError::Syntax);
        }
        let uri: Uri = text.parse().map_err(|_| UrlError::Syntax)?;
        let scheme = uri.scheme().ok_or(UrlError::Scheme)?;
        let tls = match scheme {
            scheme if *scheme == Scheme::HTTPS => true,
            scheme if *scheme == Scheme::HTTP => false,
            _ => return Err(UrlError::Scheme),
        };
        let authority = uri.authority().ok_or(UrlError::Syntax)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::Credentials);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        // `port_u16` also returns `None` for a port that is not a number.
        let stated = authority.as_str().rsplit_once(':').filter(|(_, port)| !port.contains(']'));
        let port = match (authority.port_u16(), stated) {
            (Some(port @ 1..), _) => port,
            (None, None) => default_port(tls),
            _ => return Err(UrlError::Syntax),
        };
        if host.is_empty() {
            return Err(UrlError::Syntax);
        }
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        Ok(Self { tls, host: host.to_owned(), port, path: path.to_owned() })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let path = if self.path == "/" { "" } else { &self.path };
        write!(formatter, "{scheme}://{}{path}", self.authority())
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (text, tls, host, port, path, shown) in [
            ("https://localhost:9998", true, "localhost", 9998, "/", "https://localhost:9998"),
            ("https://kms.example.com", true, "kms.example.com", 443, "/", "https://kms.example.com"),
            ("http://127.0.0.1/kms/", false, "127.0.0.1", 80, "/kms/", "http://127.0.0.1/kms/"),
            ("https://[::1]:9998/", true, "::1", 9998, "/", "https://[::1]:9998"),
            ("https://[::1]", true, "::1", 443, "/", "https://[::1]"),
            ("HTTPS://a:443/x?y=z", true, "a", 443, "/x?y=z", "https://a/x?y=z"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.is_tls(), url.host(), url.port(), url.path()), (tls, host, port, path), "{text}");
            assert_eq!(url.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused() {
        for text in ["", "localhost", "localhost:9998", "/kmip", "ftp://a", "https://", "https://:9998"] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
        for text in ["https://a:0", "https://a:99999", "https://a:", "https://a/#b", "https://a b", "https://ä"] {
            assert_eq!(text.parse::<Url>(), Err(UrlError::Syntax), "{text}");
        }
        assert_eq!("https://alice:secret@a".parse::<Url>(), Err(UrlError::Credentials));
    }

    #[test]
    fn paths_are_put_below() {
        let below = |base: &str| base.parse::<Url>().unwrap().below("/kmip/2_1").to_string();
        assert_eq!(below("https://a"), "https://a/kmip/2_1");
        assert_eq!(below("https://a/b/?c"), "https://a/b/kmip/2_1");
    }

    #[test]
    fn loopback_is_told() {
        for (text, loopback) in [
            ("http://LOCALHOST", true),
            ("http://127.8.8.8", true),
            ("http://[::1]", true),
            ("http://a.localhost", false),
        ] {
            assert_eq!(text.parse::<Url>().unwrap().is_loopback(), loopback, "{text}");
        }
    }
}
