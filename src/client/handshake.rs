//! A TLS handshake of its own, for a diagnosis: it keeps what the server presented, also if that does not verify.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, Ssl, SslConnector, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509VerifyResult};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

/// The result of a handshake.
pub struct Handshake {
    /// The certificates of the server, its own first: the path to the authority if it verifies, or as far as OpenSSL
    /// found one. Empty if there was no certificate.
    pub path: Vec<X509>,
    /// The reason why the path does not verify; `None` if it does, or there is no path.
    pub fault: Option<X509VerifyResult>,
    /// The version of TLS.
    pub version: &'static str,
    /// The reason why the handshake failed.
    pub error: Option<Failure>,
}

/// The reason why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The other side does not speak TLS.
    #[error("it does not speak TLS")]
    NotTls,
    /// The connection ended.
    #[error("the connection was closed during the handshake")]
    Closed,
    /// It took too long.
    #[error("no end of the handshake within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server sent an alert (RFC 8446 section 6), in OpenSSL's words.
    #[error("the server refused it: {0}")]
    Alert(String),
    /// Another failure.
    #[error("{0}")]
    Other(String),
}

/// What a verification found.
#[derive(Default)]
struct Found {
    path: Vec<X509>,
    fault: Option<X509VerifyResult>,
}

/// Makes a handshake with a server that is called by the name `host`. `authorities` are those that are trusted; `None`
/// for the system's. `own` is the client's certificate with its key. Must run on a tokio runtime.
///
/// # Errors
/// OpenSSL refuses a setting, or the client's certificate.
pub async fn handshake(
    tcp: TcpStream,
    host: &str,
    authorities: Option<&[X509]>,
    own: Option<&crate::pem::Identity>,
    limit: Duration,
) -> Result<Handshake, ErrorStack> {
    let found = Arc::new(Mutex::new(Found::default()));
    let ssl = prepared(host, authorities, own, Arc::clone(&found))?;
    let mut stream = SslStream::new(ssl, tcp)?;
    let connected = timeout(limit, std::pin::Pin::new(&mut stream).connect()).await;
    let error = match connected {
        Err(_) => Some(Failure::Timeout(limit)),
        Ok(connected) => connected.err().map(|error| failure(&error)),
    };
    let Found { path, fault } = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Handshake { path, fault, version: stream.ssl().version_str(), error })
}

/// Connects to the first address that accepts a connection. Returns the failure of each of the others.
pub async fn dial(
    addresses: &[SocketAddr],
    limit: Duration,
) -> (Option<(SocketAddr, TcpStream)>, Vec<(SocketAddr, String)>) {
    let mut failures = Vec::new();
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return (Some((*address, tcp)), failures),
            Ok(Err(error)) => failures.push((*address, error.to_string())),
            Err(_) => failures.push((*address, format!("no answer within {} s", limit.as_secs()))),
        }
    }
    (None, failures)
}

fn prepared(
    host: &str,
    authorities: Option<&[X509]>,
    own: Option<&crate::pem::Identity>,
    found: Arc<Mutex<Found>>,
) -> Result<Ssl, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_alpn_protos(b"\x08http/1.1")?;
    if let Some(authorities) = authorities {
        let mut store = X509StoreBuilder::new()?;
        for authority in authorities {
            store.add_cert(authority.clone())?;
        }
        builder.set_cert_store(store.build());
    }
    if let Some(own) = own {
        builder.set_certificate(&own.certificate)?;
        builder.set_private_key(&own.key)?;
        for other in &own.others {
            builder.add_extra_chain_cert(other.clone())?;
        }
    }
    builder.set_verify_callback(SslVerifyMode::PEER, move |is_good, context| {
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.path = context.chain().map(|chain| chain.iter().map(ToOwned::to_owned).collect()).unwrap_or_default();
        if !is_good {
            found.fault = Some(context.error());
        }
        is_good
    });
    builder.build().configure()?.into_ssl(host)
}

fn failure(error: &openssl::ssl::Error) -> Failure {
    let reasons = error.ssl_error().map(ErrorStack::errors).unwrap_or_default();
    let reasons: Vec<&str> = reasons.iter().filter_map(|error| error.reason()).collect();
    let has = |text: &&str| reasons.iter().any(|reason| reason.contains(text));
    if ["wrong version number", "packet length too long", "http request"].iter().any(has) {
        return Failure::NotTls;
    }
    if let Some((_, alert)) = reasons.iter().find_map(|reason| reason.split_once(" alert ")) {
        return Failure::Alert(alert.to_owned());
    }
    if reasons.contains(&"unexpected eof while reading") || error.code() == ErrorCode::SYSCALL {
        return Failure::Closed;
    }
    Failure::Other(reasons.first().map_or_else(|| error.to_string(), |reason| (*reason).to_owned()))
}
