//! A client that keeps its TLS session and offers it when it connects again, as browsers and libraries do.

use std::io;
use std::sync::{Arc, Mutex};

use openssl::ssl::{Ssl, SslContext, SslSession, SslSessionCacheMode, SslVersion};

use super::http::Stream;
use super::{Client, Connection, Identity, Server};

/// One client with its last session.
pub struct KeepingSessions {
    client: Client,
    context: SslContext,
    kept: Arc<Mutex<Option<SslSession>>>,
}

impl KeepingSessions {
    pub fn new(server: &Server, identity: &Identity, version: SslVersion) -> Self {
        let kept: Arc<Mutex<Option<SslSession>>> = Arc::default();
        let keep = Arc::clone(&kept);
        let authority = &server.place.authority.certificate;
        let client = Client::tls_with(server.address, authority, Some(identity), |builder| {
            builder.set_min_proto_version(Some(version)).unwrap();
            builder.set_max_proto_version(Some(version)).unwrap();
            builder.set_session_cache_mode(SslSessionCacheMode::CLIENT);
            builder.set_new_session_callback(move |_, session| *keep.lock().unwrap() = Some(session));
        });
        let context = client.context.clone().unwrap();
        Self { client, context, kept }
    }

    /// Connects, with the session of the connection before.
    pub fn connect(&self) -> io::Result<Connection> {
        let mut ssl = Ssl::new(&self.context)?;
        ssl.set_hostname("localhost")?;
        if let Some(session) = self.kept.lock().unwrap().as_ref() {
            // SAFETY: the session belongs to this context.
            unsafe { ssl.set_session(session)? };
        }
        let stream = ssl.connect(self.client.tcp()?).map_err(io::Error::other)?;
        // If the server issued no session, the client keeps that of the connection.
        let mut kept = self.kept.lock().unwrap();
        if kept.is_none() {
            *kept = stream.ssl().session().map(ToOwned::to_owned);
        }
        Ok(Connection { stream: Stream::Tls(stream) })
    }
}
