//! An issuer's server, which serves one document, with TLS of the test's authority or without TLS.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use openssl::ssl::{SslAcceptor, SslMethod};
use serde_json::Value;
use tokio::net::TcpSocket;

use super::{Authority, Leaf, PATIENCE};

/// The answer to every request.
#[derive(Clone)]
pub struct Document {
    pub status: &'static str,
    pub headers: String,
    pub body: Vec<u8>,
}

impl From<&Value> for Document {
    fn from(json: &Value) -> Self {
        Self::from(json.to_string().into_bytes())
    }
}

impl From<Vec<u8>> for Document {
    fn from(body: Vec<u8>) -> Self {
        Self { status: "200 OK", headers: String::new(), body }
    }
}

struct Shared {
    acceptor: Option<SslAcceptor>,
    document: Mutex<Document>,
    requests: AtomicUsize,
    stopped: AtomicBool,
}

/// The server. While it is stopped, connections are refused.
pub struct Jwks {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    /// Reserves the port while the server does not listen.
    _reserved: TcpSocket,
    thread: Option<JoinHandle<()>>,
}

impl Jwks {
    pub fn start(authority: &Authority, document: impl Into<Document>) -> Self {
        let mut server = Self::stopped(authority, document);
        server.resume();
        server
    }

    /// A server that has its port but does not listen yet.
    pub fn stopped(authority: &Authority, document: impl Into<Document>) -> Self {
        let identity = authority.issue(&Leaf::server());
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        builder.set_certificate(&identity.certificate).unwrap();
        builder.set_private_key(&identity.key).unwrap();
        Self::with(Some(builder.build()), document.into())
    }

    /// A server without TLS.
    pub fn plain(document: impl Into<Document>) -> Self {
        let mut server = Self::with(None, document.into());
        server.resume();
        server
    }

    fn with(acceptor: Option<SslAcceptor>, document: Document) -> Self {
        let reserved = TcpSocket::new_v4().unwrap();
        reserved.set_reuseaddr(true).unwrap();
        reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = reserved.local_addr().unwrap();
        let shared = Shared {
            acceptor,
            document: Mutex::new(document),
            requests: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        };
        Self { address, shared: Arc::new(shared), _reserved: reserved, thread: None }
    }

    pub fn uri(&self) -> String {
        let scheme = if self.shared.acceptor.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/keys", self.address)
    }

    /// Sets the answer.
    pub fn answer(&self, document: impl Into<Document>) {
        *self.shared.document.lock().unwrap() = document.into();
    }

    /// While the guard is held, requests are read but not answered.
    pub fn hold(&self) -> MutexGuard<'_, Document> {
        self.shared.document.lock().unwrap()
    }

    /// Returns the number of requests that were read.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    pub fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        thread.join().unwrap();
    }

    pub fn resume(&mut self) {
        self.shared.stopped.store(false, Ordering::SeqCst);
        let listener = TcpListener::bind(self.address).unwrap();
        let shared = Arc::clone(&self.shared);
        self.thread = Some(std::thread::spawn(move || {
            for tcp in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                // A client that closes its connection is not an error of the test.
                let _ = tcp.and_then(|tcp| serve(&shared, tcp));
            }
        }));
    }
}

impl Drop for Jwks {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(shared: &Shared, tcp: TcpStream) -> std::io::Result<()> {
    tcp.set_read_timeout(Some(PATIENCE))?;
    match &shared.acceptor {
        Some(acceptor) => answer(shared, acceptor.accept(tcp).map_err(std::io::Error::other)?),
        None => answer(shared, tcp),
    }
}

fn answer(shared: &Shared, mut stream: impl std::io::Read + std::io::Write) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let document = shared.document.lock().unwrap().clone();
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n",
        document.status,
        document.body.len(),
        document.headers
    );
    stream.write_all(&[head.as_bytes(), &document.body].concat())?;
    stream.flush()
}
