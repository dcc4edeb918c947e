//! A client of HTTP/1.1 that can also send requests which other clients cannot.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslRef, SslStream, SslVerifyMode};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use serde_json::Value;

use super::{Identity, PATIENCE};

pub enum Stream {
    Plain(TcpStream),
    Tls(SslStream<TcpStream>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A client: the address of the server, and the credentials of the connection.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub(super) context: Option<SslContext>,
    /// The first bytes of each connection, before the handshake.
    pub header: Vec<u8>,
}

/// One kept-alive connection.
pub struct Connection {
    pub stream: Stream,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, context: None, header: Vec::new() }
    }

    pub fn tls(address: SocketAddr, authority: &X509, identity: Option<&Identity>) -> Self {
        Self::tls_with(address, authority, identity, |_| {})
    }

    /// Connects with additional settings of TLS, such as a protocol version.
    pub fn tls_with(
        address: SocketAddr,
        authority: &X509,
        identity: Option<&Identity>,
        settings: impl FnOnce(&mut SslContextBuilder),
    ) -> Self {
        // An `SslConnector` would read all authorities of the system first, which takes 0.1 s for each client.
        let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(authority.clone()).unwrap();
        builder.set_cert_store(store.build());
        builder.set_verify(SslVerifyMode::PEER);
        if let Some(identity) = identity {
            builder.set_certificate(&identity.certificate).unwrap();
            builder.set_private_key(&identity.key).unwrap();
            for certificate in &identity.chain {
                builder.add_extra_chain_cert(certificate.clone()).unwrap();
            }
        }
        settings(&mut builder);
        Self { address, context: Some(builder.build()), header: Vec::new() }
    }

    /// Returns the client as a load balancer forwards it that sends this header first.
    pub fn behind(self, header: &[u8]) -> Self {
        Self { header: header.to_vec(), ..self }
    }

    /// A TCP connection that has sent nothing, except the header.
    pub fn tcp(&self) -> io::Result<TcpStream> {
        let mut tcp = TcpStream::connect(self.address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        tcp.write_all(&self.header)?;
        Ok(tcp)
    }

    pub fn connect(&self) -> io::Result<Connection> {
        let tcp = self.tcp()?;
        let stream = match &self.context {
            None => Stream::Plain(tcp),
            Some(context) => {
                let mut ssl = Ssl::new(context)?;
                ssl.set_hostname("localhost")?;
                ssl.param_mut().set_host("localhost")?;
                Stream::Tls(ssl.connect(tcp).map_err(io::Error::other)?)
            }
        };
        Ok(Connection { stream })
    }

    /// Makes one request on a new connection. A refusal in the handshake is an error, which with TLS 1.3 is detected at
    /// the first read.
    pub fn try_request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        self.connect()?.try_request(method, path, headers, body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.try_request("GET", path, &[], b"").unwrap()
    }

    pub fn post(&self, path: &str, json: &Value) -> Answer {
        self.try_post(path, json).unwrap()
    }

    pub fn try_post(&self, path: &str, json: &Value) -> io::Result<Answer> {
        self.connect()?.try_post(path, json)
    }
}

impl Connection {
    /// Returns the TLS connection.
    pub fn ssl(&self) -> &SslRef {
        match &self.stream {
            Stream::Tls(stream) => stream.ssl(),
            Stream::Plain(_) => panic!("no TLS"),
        }
    }

    pub fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Tls(stream) => stream.get_ref(),
            Stream::Plain(stream) => stream,
        }
    }

    pub fn try_request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str("Host: localhost\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(body);
        // A server that refuses a body by its length answers and closes the connection before it has read all of it.
        let sent = self.stream.write_all(&message);
        self.read_answer().map_err(|error| sent.err().unwrap_or(error))
    }

    /// Sends a KMIP request without the second half of its body, and returns that half.
    pub fn begin(&mut self, headers: &[(&str, &str)], body: &Value) -> Vec<u8> {
        let body = body.to_string().into_bytes();
        let mut head = "POST /kmip/2_1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".to_owned();
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        self.stream.write_all(head.as_bytes()).unwrap();
        let (now, later) = body.split_at(body.len() / 2);
        self.stream.write_all(now).unwrap();
        later.to_vec()
    }

    /// Sends the rest of a request and reads the answer.
    pub fn end(&mut self, rest: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(rest)?;
        self.read_answer()
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.try_request("GET", path, &[], b"").unwrap()
    }

    pub fn post(&mut self, path: &str, json: &Value) -> Answer {
        self.try_post(path, json).unwrap()
    }

    pub fn try_post(&mut self, path: &str, json: &Value) -> io::Result<Answer> {
        let headers = [("Content-Type", "application/json")];
        self.try_request("POST", path, &headers, json.to_string().as_bytes())
    }

    /// Reads one answer with a Content-Length.
    pub fn read_answer(&mut self) -> io::Result<Answer> {
        let mut answer = self.read_head()?;
        let length = answer.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    /// Reads the status and the headers of an answer; the answer to HEAD has nothing else.
    pub fn read_head(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if self.stream.read(&mut byte)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            head.push(byte[0]);
        }
        let text = String::from_utf8(head).map_err(io::Error::other)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(Answer { status: status.ok_or_else(|| io::Error::other("no status"))?, headers, body: Vec::new() })
    }
}
