//! Who is calling: the one function that decides it.

pub mod certificate;

use std::net::SocketAddr;

pub use certificate::{ClientCertificate, NameError};

use crate::principal::{Caller, Method, Username};

/// What the connection says about its other end.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it comes from.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// The client certificate that the handshake verified.
    pub certificate: Option<ClientCertificate>,
}

/// Why a caller is nobody. The caller is told none of it; the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// Nothing was presented.
    #[error("no client certificate")]
    NoCredential,
    /// The certificate names no user.
    #[error("{0}")]
    Name(#[from] NameError),
    /// The certificate has expired since the handshake.
    #[error("the client certificate has expired")]
    Expired,
}

/// What the configuration says about callers.
#[derive(Debug, Clone)]
pub struct Authenticator {
    /// Whether an authority verifies client certificates.
    pub certificates: bool,
    /// The default user.
    pub default_username: Username,
    /// Whether every caller, once authenticated, becomes the default user.
    pub force_default_username: bool,
}

impl Authenticator {
    /// Decides who is calling, at `now` (seconds since 1970-01-01 UTC). A credential that is present but bad
    /// is an error, never a reason to try the next one.
    ///
    /// # Errors
    /// Why it is nobody.
    pub fn caller(&self, peer: &Peer, now: i64) -> Result<Caller, Unauthenticated> {
        let (username, method) = match &peer.certificate {
            Some(certificate) if self.certificates => {
                // Connections live on after the handshake; certificates end.
                if now > certificate.not_after {
                    return Err(Unauthenticated::Expired);
                }
                let username = certificate.username.clone()?;
                (username, Method::Certificate { thumbprint: certificate.thumbprint })
            }
            _ if self.certificates => return Err(Unauthenticated::NoCredential),
            _ => (self.default_username.clone(), Method::Default),
        };
        let username = if self.force_default_username { self.default_username.clone() } else { username };
        Ok(Caller { username, method })
    }

    /// Whether anything at all has to be proved.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        self.certificates
    }
}
