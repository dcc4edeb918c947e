//! TLS: trusted authorities, the client certificate, and the reasons of failures.

use native_tls::{Certificate, Identity, Protocol, TlsConnector};
use openssl::error::ErrorStack;

use super::error::Error;
use crate::client::url::Url;

/// The authorities that may have issued a server's certificate.
#[derive(Default)]
pub enum Trust {
    /// The authorities that the system trusts.
    #[default]
    System,
    /// Only these authorities.
    Authorities(Vec<Certificate>),
}

/// Returns a connector for TLS 1.2 and 1.3 that always verifies certificate and host name.
pub(super) fn connector(trust: Trust, identity: Option<Identity>) -> Result<tokio_native_tls::TlsConnector, Error> {
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv12)).request_alpns(&["http/1.1"]);
    if let Trust::Authorities(authorities) = trust {
        builder.disable_built_in_roots(true);
        for authority in authorities {
            builder.add_root_certificate(authority);
        }
    }
    if let Some(identity) = identity {
        builder.identity(identity);
    }
    Ok(builder.build()?.into())
}

/// Returns the reason of a failed handshake.
pub(super) fn handshake_error(url: &Url, has_identity: bool, error: native_tls::Error) -> Error {
    let reasons = reasons(&error);
    let has = |text: &str| reasons.iter().any(|reason| reason.contains(text));
    if has("certificate verify failed") {
        // `native_tls` has the result of the verification only in its text, after OpenSSL's text.
        let text = error.to_string();
        let reason = text.rsplit_once('(').map_or(text.as_str(), |(_, result)| result.trim_end_matches(')')).to_owned();
        let url = url.to_string();
        return if reason.contains("mismatch") { Error::WrongName { url } } else { Error::Untrusted { url, reason } };
    }
    if ["wrong version number", "packet length too long", "http request"].into_iter().any(has) {
        return Error::NotTls { url: url.to_string() };
    }
    refusal(url, has_identity, &error).unwrap_or_else(|| Error::Handshake { url: url.to_string(), source: error })
}

/// Returns the server's refusal of a client certificate, or of its absence, if this is the cause of an error.
///
/// With TLS 1.2, the refusal comes during the handshake, with TLS 1.3 after it.
pub(super) fn refusal(url: &Url, has_identity: bool, error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let reasons = reasons(error);
    let alert = reasons.iter().find_map(|reason| reason.split_once(" alert ")).map(|(_, alert)| alert.to_owned())?;
    let about_certificates = ["certificate", "unknown ca", "access denied"].iter().any(|word| alert.contains(word));
    let url = url.to_string();
    // TLS 1.2 has no special alert for a missing certificate.
    if alert == "certificate required" || (!has_identity && (about_certificates || alert == "handshake failure")) {
        return Some(Error::CertificateWanted { url });
    }
    // A server sends this alert if a signature does not verify, for instance if its authority has the same name but
    // another key.
    let unverified = has_identity && alert == "decrypt error";
    (about_certificates || unverified).then_some(Error::CertificateRefused { url, alert })
}

/// Returns OpenSSL's reasons, which may be anywhere in the chain of causes.
fn reasons(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(stack) = error.downcast_ref::<ErrorStack>() {
            return stack.errors().iter().filter_map(|error| error.reason()).map(str::to_owned).collect();
        }
        cause = error.source();
    }
    Vec::new()
}
