//! The server's TLS: versions 1.2 and 1.3 by OpenSSL, with client certificates.

mod error;
mod identity;

use openssl::ssl::{
    AlpnError, SslAcceptor, SslAcceptorBuilder, SslMethod, SslMode, SslOptions, SslSessionCacheMode, SslVerifyMode,
    SslVersion, select_next_proto,
};
use openssl::x509::X509Ref;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;

pub use error::Error;
pub use identity::Identity;

use crate::auth::authority::AuthorityError;
use crate::auth::{Trust, certificate};
use crate::config::{Config, IdentityFiles, KmipSocket};
use crate::x509;

/// The protocols offered by ALPN (RFC 7301) in order of preference, each after its length.
const ALPN: &[u8] = b"\x02h2\x08http/1.1";

/// The groups for the key exchange in order of preference (RFC 8446 section 4.2.7), as in the "intermediate"
/// configuration of Mozilla's Server Side TLS 5. The list is explicit so that a newer OpenSSL does not add groups
/// unnoticed. P-521 is added, because in TLS 1.2 a client certificate's curve must be in the list too (RFC 8422 section
/// 5.1.1).
const GROUPS: &str = "X25519:P-256:P-384:P-521";

/// The cipher suites of TLS 1.2 on the KMIP socket if old appliances must connect: those of the "intermediate"
/// configuration, and those that such appliances offer. RSA key exchange has no forward secrecy, and CBC with HMAC is
/// authenticated only after padding.
const SUITES: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                      ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
const LEGACY_SUITES: &str = "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256:\
                             ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:\
                             ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:AES256-GCM-SHA384:AES128-GCM-SHA256:\
                             AES256-SHA256:AES128-SHA256:AES256-SHA:AES128-SHA";

/// Makes OpenSSL overwrite requests in its buffers after they were read (SSL_CTX_set_options(3),
/// SSL_OP_CLEANSE_PLAINTEXT). The Rust binding has no name for this option.
const CLEANSE_PLAINTEXT: SslOptions = SslOptions::from_bits_retain(1 << 1);

/// The result of setting up TLS from the files that the configuration names.
pub struct Setup {
    /// The acceptor of HTTPS, which makes TLS connections from sockets.
    pub acceptor: SslAcceptor,
    /// The acceptor of the KMIP socket, if there is one.
    pub kmip: Option<SslAcceptor>,
    /// The subject of the server certificate, for the start-up line.
    pub subject: String,
    /// The notAfter of the server certificate, in seconds since 1970-01-01 UTC.
    pub not_after: i64,
    /// The reasons why clients may refuse the server certificate, each as a sentence with what to do.
    pub unfit: Vec<String>,
    /// The authorities of client certificates; `None` if client certificates are not used.
    pub trust: Option<Trust>,
}

/// Sets up TLS as configured; `None` for plain HTTP. `now` is in seconds since 1970-01-01 UTC.
///
/// # Errors
/// A file is missing or not valid. A setup that is in use is not changed.
pub fn setup(config: &Config, now: i64) -> Result<Option<Setup>, SetupError> {
    let Some(files) = &config.identity else { return Ok(None) };
    let required = config.client_certificates.as_ref().is_some_and(|clients| clients.required);
    Ok(Some(build(files, trust(config, now)?, required, config.kmip.as_ref().ok())?))
}

/// Reads the authorities of client certificates and their revocation lists, without the server's own certificate.
///
/// # Errors
/// A file is missing or not valid.
pub fn trust(config: &Config, now: i64) -> Result<Option<Trust>, SetupError> {
    Ok(config.client_certificates.as_ref().map(|clients| Trust::load(clients, now)).transpose()?)
}

/// The reason why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The password file cannot be read.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// The authorities or their revocation lists are not valid.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The server's certificate or key is not valid, or OpenSSL failed.
    #[error(transparent)]
    Tls(#[from] Error),
}

fn build(
    files: &IdentityFiles,
    trust: Option<Trust>,
    required: bool,
    socket: Option<&KmipSocket>,
) -> Result<Setup, SetupError> {
    let identity = Identity::load(files)?;
    let mut builder = hardened().map_err(Error::from)?;
    // A client that offers only other protocols gets an alert (RFC 7301 section 3.2).
    builder.set_alpn_select_callback(|_, client| select_next_proto(ALPN, client).ok_or(AlpnError::ALERT_FATAL));
    let mismatch = |source| Error::Mismatch { path: files.paths().into_iter().next().unwrap_or_default(), source };
    present(&mut builder, &identity).map_err(mismatch)?;
    if let Some(trust) = &trust {
        verify_clients(&mut builder, trust, required).map_err(Error::from)?;
    }
    let kmip = match (socket, &trust) {
        (Some(socket), Some(trust)) => {
            let mut builder = hardened().map_err(Error::from)?;
            present(&mut builder, &identity).map_err(mismatch)?;
            if socket.legacy_tls {
                builder.set_cipher_list(&format!("{SUITES}:{LEGACY_SUITES}")).map_err(Error::from)?;
            }
            // On this socket, nothing but the certificate names the caller.
            verify_clients(&mut builder, trust, true).map_err(Error::from)?;
            Some(builder.build())
        }
        _ => None,
    };
    Ok(Setup {
        acceptor: builder.build(),
        kmip,
        subject: certificate::subject(&identity.certificate),
        not_after: certificate::unix_time(identity.certificate.not_after()).map_err(Error::from)?,
        unfit: unfit(&identity.certificate),
        trust,
    })
}

/// Returns why clients may refuse the certificate of a server: they check its purpose (RFC 5280 section 4.2.1.12) and
/// compare only its subjectAltName with the name that they call (RFC 9525 section 6).
fn unfit(certificate: &X509Ref) -> Vec<String> {
    let (subject, purposes) = (certificate::subject(certificate), x509::purposes(certificate));
    let has_purpose = ["any", "serverAuth", "anyExtendedKeyUsage"].iter().any(|own| purposes.contains(own));
    let purpose = (!has_purpose).then(|| {
        format!("the server's certificate {subject} is for {purposes}, so clients refuse it: give one for serverAuth")
    });
    let name = certificate.subject_alt_names().is_none().then(|| {
        format!(
            "the server's certificate {subject} has no subjectAltName, so clients refuse it: give one with the names by which \
             they call the server"
        )
    });
    purpose.into_iter().chain(name).collect()
}

/// Returns a builder for TLS 1.2 and 1.3 with current ciphers, without renegotiation and without session resumption.
fn hardened() -> Result<SslAcceptorBuilder, openssl::error::ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_options(SslOptions::NO_RENEGOTIATION);
    builder.set_options(CLEANSE_PLAINTEXT);
    // A resumed session skips the checks of chain, expiry and revocation, so a caller whose certificate was revoked
    // could continue. Therefore no ticket is issued, and each connection authenticates again.
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_num_tickets(0)?;
    // With client certificates, OpenSSL answers a client that tries to resume a session with an alert unless a session
    // id context is set.
    builder.set_session_id_context(b"clavigerd")?;
    // An idle connection needs no buffers.
    builder.set_mode(SslMode::RELEASE_BUFFERS);
    // A record is then read with one system call, not with one for its header and one for the rest.
    builder.set_read_ahead(true);
    builder.set_groups_list(GROUPS)?;
    Ok(builder)
}

fn present(builder: &mut SslAcceptorBuilder, identity: &Identity) -> Result<(), openssl::error::ErrorStack> {
    builder.set_certificate(&identity.certificate)?;
    builder.set_private_key(&identity.key)?;
    for certificate in &identity.chain {
        builder.add_extra_chain_cert(certificate.clone())?;
    }
    builder.check_private_key()
}

/// Requests a client certificate, and refuses in the handshake every certificate that no authority issued.
fn verify_clients(
    builder: &mut SslAcceptorBuilder,
    trust: &Trust,
    required: bool,
) -> Result<(), openssl::error::ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    for certificate in trust.certificates() {
        builder.add_client_ca(certificate)?;
        store.add_cert(certificate.clone())?;
    }
    // An intermediate certificate in the file is a trust anchor even without its root.
    store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    builder.set_verify_cert_store(store.build())?;
    let mandatory = if required { SslVerifyMode::FAIL_IF_NO_PEER_CERT } else { SslVerifyMode::empty() };
    builder.set_verify(SslVerifyMode::PEER | mandatory);
    Ok(())
}
